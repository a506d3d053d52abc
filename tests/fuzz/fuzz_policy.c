/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents, and what is measured under them: a line of files in the
 * list's own form after a NUL becomes one IMA entry. */
#include "appraise/policy.h"
#include "base/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* What is accepted has one form for reading, which says the same. */
static void
check_forms(struct span json, const struct policy *p)
{
	struct policy *again = NULL;
	struct buf pretty = {0};
	uint8_t a[32];
	uint8_t b[32];

	must(rc_ok(policy_pretty(json, &pretty, NULL)));
	must(rc_ok(policy_decode(buf_span(&pretty), &again, NULL)));
	policy_hash(p, a);
	policy_hash(again, b);
	must(memcmp(a, b, sizeof(a)) == 0);
	policy_unref(again);
	pretty.n = 0;
	policy_describe(p, &pretty);
	policy_lint(p, 0, "ja", &pretty);
	buf_free(&pretty);
}

static void
judge(const struct policy *p, struct span rest)
{
	static const struct boot_facts nothing = {0};
	uint8_t digest[32] = {0};
	struct ima_entry entry = {.index = 1,
	    .pcr = 10,
	    .template_name = span_str("ima-ng"),
	    .digest_alg = span_str("sha256"),
	    .digest = span_of(digest, sizeof(digest))};
	struct verdict v;
	struct arena a;

	for (size_t i = 0; i < sizeof(digest) && i < rest.n; i++)
		digest[i] = rest.p[i];
	entry.path =
	    rest.n > 32 ? span_of(rest.p + 32, rest.n - 32) : span_str("/init");
	arena_init(&a, 1 << 22);
	verdict_init(&v, &a);
	must(rc_ok(policy_eval_boot(p, &nothing, &v, NULL)));
	struct ima_judge *j = ima_judge_new(p, &v);
	must(j && rc_ok(ima_judge_entry(j, &entry, NULL)));
	ima_judge_unattested(j, &entry);
	ima_judge_end(j, true);
	verdict_fold(&v);
	/* Nothing was quoted, and most checks never ran. */
	must(v.result != RESULT_PASS && v.result != RESULT_WARN);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct span json = span_of(data, nul ? (size_t)(nul - data) : size);
	struct span rest =
	    nul ? span_of(nul + 1, size - json.n - 1) : span_of("", 0);
	struct policy *p = NULL;
	struct buf words = {0};

	if (!rc_ok(policy_decode(json, &p, NULL)))
		return 0;
	check_forms(json, p);
	policy_describe(p, &words);
	(void)policy_lint(p, 0, "en", &words);
	must(!words.failed);
	judge(p, rest);
	buf_free(&words);
	policy_unref(p);
	return 0;
}
