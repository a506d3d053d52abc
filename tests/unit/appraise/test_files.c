/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of files, and what the IMA rules say about one measured file. */
#include "appraise/policy.h"
#include "appraise/refset.h"
#include "base/text.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "3333333333333333333333333333333333333333333333333333333333333333"
#define D9 "9999999999999999999999999999999999999999999999999999999999999999"
#define S1 "1111111111111111111111111111111111111111"

/* --- refset ------------------------------------------------------------ */

static void
digest_of(uint32_t x, uint8_t out[32])
{
	/* Spread, so that runs are of every length. */
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(x * 2654435761u >> (i % 4 * 8));
	out[31] = (uint8_t)x;
	out[30] = (uint8_t)(x >> 8);
}

static struct span
path_of(uint32_t x, char out[32])
{
	snprintf(out, 32, "/usr/lib/file-%u", x);
	return span_str(out);
}

START_TEST(test_refset)
{
	enum { N = 5000 };
	struct refset *s = refset_new(hash_by_id(ALG_SHA256));
	uint8_t digest[32];
	char path[32];
	size_t at = 0;

	for (uint32_t i = 0; i < N; i++) {
		digest_of(i, digest);
		ck_rc_ok(refset_add(s, digest, path_of(i, path), i));
		ck_rc_ok(refset_add(s, digest, path_of(i, path), i + N));
	}
	ck_rc_ok(refset_seal(s));
	ck_assert_uint_eq(refset_count(s), N);
	for (uint32_t i = 0; i < N; i++) {
		digest_of(i, digest);
		ck_assert_int_eq(
		    refset_get(s, digest, path_of(i, path), &at), REFSET_PAIR);
		ck_assert_uint_eq(refset_text(s, at), i);
		ck_assert_int_eq(
		    refset_get(s, digest, path_of(i + 1, path), &at),
		    REFSET_DIGEST);
		ck_assert_mem_eq(refset_digest(s, at), digest, 32);
		digest_of(i + N, digest);
		ck_assert_int_eq(
		    refset_get(s, digest, path_of(i, path), &at), REFSET_PATH);
		ck_assert_int_eq(
		    refset_get(s, digest, path_of(i + N, path), &at),
		    REFSET_NONE);
	}
	ck_assert_uint_le(refset_memory(s), 64 * refset_count(s));
	refset_unref(s);
}
END_TEST

/* Thousands of paths with one digest, as empty files have. */
START_TEST(test_one_digest)
{
	enum { N = 20000 };
	struct refset *s = refset_new(hash_by_id(ALG_SHA256));
	uint8_t digest[32] = {7};
	char path[32];
	size_t at = 0;

	for (uint32_t i = 0; i < N; i++)
		ck_rc_ok(refset_add(s, digest, path_of(i, path), i));
	ck_rc_ok(refset_seal(s));
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(
		    refset_get(s, digest, path_of(i, path), &at), REFSET_PAIR);
	ck_assert_int_eq(
	    refset_get(s, digest, span_str("/x"), &at), REFSET_DIGEST);
	digest[31] = 1;
	ck_assert_int_eq(
	    refset_get(s, digest, span_str("/x"), &at), REFSET_NONE);
	refset_unref(s);
}
END_TEST

START_TEST(test_empty_set)
{
	struct refset *s = refset_new(hash_by_id(ALG_SHA384));
	uint8_t digest[48] = {0};
	size_t at = 0;

	ck_rc_ok(refset_seal(s));
	ck_assert_int_eq(
	    refset_get(s, digest, span_str("/x"), &at), REFSET_NONE);
	refset_unref(s);
	refset_unref(NULL);
}
END_TEST

/* The last is SipHash-1-3's known value for no bytes under a key of zeros. */
START_TEST(test_path_hash)
{
	ck_assert(refset_path_hash(span_str("/a b")) ==
		  refset_path_hash(span_str("/a_b")));
	ck_assert(refset_path_hash(span_str("/ab")) !=
		  refset_path_hash(span_str("/ba")));
	ck_assert(refset_path_hash(span_of("/a\0", 3)) !=
		  refset_path_hash(span_of("/a", 2)));
	ck_assert(refset_path_hash(span_str("")) == 0xd1fba762150c532c);
}
END_TEST

/* --- sha256sum lines --------------------------------------------------- */

static const struct {
	const char *line;
	const char *path; /* NULL: refused */
	const char *alg;
} sums[] = {
    {D1 "  /a", "/a", "sha256"},
    {D1 " */a", "/a", "sha256"},
    {"\\" D1 "  /a\\nb\\\\c", "/a\nb\\c", "sha256"},
    {S1 "  /a", "/a", "sha1"},
    {D1 D1 "  /a", "/a", "sha512"},
    {D1 S1 "  /a", NULL, NULL},
    {D1 " /a", NULL, NULL},
    {D1 "  ", NULL, NULL},
    {D1, NULL, NULL},
    {"", NULL, NULL},
    {"\\" D1 "  /a\\", NULL, NULL},
    {"\\" D1 "  /a\\t", NULL, NULL},
    {"zz" S1 "  /a", NULL, NULL},
};

START_TEST(test_sum_lines)
{
	struct sum_line got;
	struct arena a;

	arena_init(&a, 4096);
	rc r = sum_line_parse(span_str(sums[_i].line), &a, &got);
	if (!sums[_i].path) {
		ck_assert_int_eq(r.code, ERR_ENCODING);
	} else {
		ck_rc_ok(r);
		ck_assert(span_eq(got.path, span_str(sums[_i].path)));
		ck_assert_str_eq(got.alg->name, sums[_i].alg);
	}
	arena_free(&a);
}
END_TEST

/* --- one entry --------------------------------------------------------- */

#define HEAD                                                                   \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[10]},"      \
	"\"ima\":{\"allow\":[{\"files\":[\"sha256:" D1 " /usr/bin/a\","        \
	"\"sha256:" D2 " /usr/bin/two words\",\"sha256:" D1 " /opt/a\","       \
	"\"sha256:" D2 " /init\",\"sha256:" D2 " /lib/m.ko.xz\"]}],"           \
	"\"globs\":[{\"digest\":\"sha256:" D3 "\",\"glob\":\"/srv/*/x\"}],"    \
	"\"exclude\":[{\"glob\":\"/var/log/**\"}],"                            \
	"\"templates\":[\"ima-ng\",\"ima-sig\"]"
#define STRICT HEAD "}}"
#define LAX                                                                    \
	HEAD ",\"violations\":\"warn\",\"other_path\":\"pass\","               \
	     "\"weak_digests\":\"warn\"}}"

#define SETS                                                                   \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[10]},"      \
	"\"ima\":{\"allow\":[{\"files\":[\"sha256:" D1 " /usr/bin/a\"]},"      \
	"{\"glob\":\"/usr/**\",\"files\":[\"sha256:" D2 " /usr/bin/b\","       \
	"\"sha256:" D2 " /opt/b\",\"sha384:" D1                                \
	"11111111111111111111111111111111 /usr/bin/a\"]}],"                    \
	"\"deny\":[{\"glob\":\"/tmp/**\"},{\"digests\":[\"sha256:" D9          \
	"\",\"sha1:" S1 "\"]},{\"glob\":\"/var/**\",\"digests\":[\"sha256:" D1 \
	"\"]}],\"by_digest\":[{\"glob\":\"/srv/**\"}],"                        \
	"\"policy\":{\"digests\":[\"sha256:" D3 "\"]}}}"

enum { VIOLATION = 1 };

static const struct entry_case {
	const char *policy;
	const char *alg;
	const char *digest;
	const char *path;
	enum err_code code; /* ERR_OK: nothing to say */
	enum result result; /* of the entry alone */
	enum layer layer;
	const char *template;
	uint32_t pcr;
	int flags;
} entries[] = {
    {STRICT, "sha256", D1, "/usr/bin/a", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {STRICT, "sha256", D1, "/opt/a", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {STRICT, "sha256", D2, "/usr/bin/two_words", ERR_OK, RESULT_PASS, 0, 0, 0,
	0},
    {STRICT, "sha256", D3, "/srv/y/x", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {STRICT, "sha256", D9, "/var/log/x/y", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {STRICT, "sha256", D3, "/srv/y/z/x", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha256", D9, "/usr/bin/b", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha256", D9, "/usr/bin/a", ERR_IMA_CHANGED_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha256", D9, "/init", ERR_IMA_CHANGED_FILE, RESULT_FAIL, LAYER_OS,
	0, 0, 0},
    {STRICT, "sha256", D9, "/lib/m.ko.xz", ERR_IMA_CHANGED_FILE, RESULT_FAIL,
	LAYER_OS, 0, 0, 0},
    {STRICT, "sha256", D1, "/tmp/a", ERR_IMA_PATH, RESULT_WARN,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {LAX, "sha256", D1, "/tmp/a", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    /* a path of another kind of name is not the same path */
    {STRICT, "sha256", D1, "/usr/bin/a\n", ERR_IMA_PATH, RESULT_WARN,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha256", D9, "/usr/bin/../bin/a", ERR_IMA_UNKNOWN_FILE,
	RESULT_FAIL, LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha1", S1, "/usr/bin/a", ERR_IMA_WEAK_DIGEST, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    /* a warning about the digest; then it is looked up and not found */
    {LAX, "sha1", S1, "/usr/bin/a", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha384", D1 "11111111111111111111111111111111", "/usr/bin/a",
	ERR_IMA_UNKNOWN_FILE, RESULT_FAIL, LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sm3-256", D1, "/usr/bin/a", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {STRICT, "sha256", D1, "/usr/bin/a", ERR_IMA_VIOLATION, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, VIOLATION},
    {LAX, "sha256", D1, "/usr/bin/a", ERR_IMA_VIOLATION, RESULT_WARN,
	LAYER_MIDDLEWARE, 0, 0, VIOLATION},
    {STRICT, "sha256", D1, "/var/log/a", ERR_OK, RESULT_PASS, 0, 0, 0,
	VIOLATION},
    {STRICT, "sha256", D1, "/usr/bin/a", ERR_IMA_TEMPLATE_CHANGED, RESULT_FAIL,
	LAYER_MIDDLEWARE, "ima-buf", 0, 0},
    {STRICT, "sha256", D1, "/usr/bin/a", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 11, 0},
    {STRICT, "sha256", D9, "boot_aggregate", ERR_IMA_KEXEC, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D1, "/usr/bin/a", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {SETS, "sha256", D2, "/usr/bin/b", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {SETS, "sha384", D1 "11111111111111111111111111111111", "/usr/bin/a",
	ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    /* a group counts only below its glob */
    {SETS, "sha256", D1, "/opt/a", ERR_IMA_PATH, RESULT_WARN, LAYER_MIDDLEWARE,
	0, 0, 0},
    {SETS, "sha256", D2, "/opt/b", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D3, "/usr/bin/b", ERR_IMA_CHANGED_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D1, "/tmp/a", ERR_IMA_DENIED, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D1, "/tmp/a", ERR_IMA_DENIED, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, VIOLATION},
    {SETS, "sha256", D9, "/usr/bin/z", ERR_IMA_DENIED, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha1", S1, "/usr/bin/z", ERR_IMA_DENIED, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D3, "/srv/x/y", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "sha256", D1, "/srv/x/y", ERR_OK, RESULT_PASS, 0, 0, 0, 0},
    {SETS, "sha256", D3, "/etc/ima/ima-policy", ERR_OK, RESULT_PASS, 0, 0, 0,
	0},
    {SETS, "sha256", D2, "/etc/ima/ima-policy", ERR_IMA_POLICY_UNKNOWN,
	RESULT_FAIL, LAYER_MIDDLEWARE, 0, 0, 0},
    {SETS, "verity:sha256", D1, "/usr/bin/a", ERR_IMA_UNKNOWN_FILE, RESULT_FAIL,
	LAYER_MIDDLEWARE, 0, 0, 0},
};

static struct ima_entry
entry_of(const struct entry_case *c, uint8_t digest[HASH_MAX])
{
	struct ima_entry e = {.index = 5, .pcr = c->pcr ? c->pcr : 10};
	size_t n = strlen(c->digest) / 2;

	for (size_t i = 0; i < n; i++)
		digest[i] = (uint8_t)((c->digest[2 * i] - '0') * 0x11);
	e.template_name = span_str(c->template ? c->template : "ima-sig");
	e.digest_alg = span_str(c->alg);
	e.digest = span_of(digest, n);
	e.path = span_str(c->path);
	e.violation = c->flags == VIOLATION;
	return e;
}

static void
judge(const struct entry_case *c, uint32_t index, struct verdict *v,
    struct arena *a)
{
	struct policy *p = NULL;
	uint8_t digest[HASH_MAX];
	struct ima_entry entry = entry_of(c, digest);

	entry.index = index;
	verdict_init(v, a);
	ck_rc_ok(policy_decode(span_str(c->policy), &p, NULL));
	struct ima_judge *j = ima_judge_new(p, v);
	ck_assert_ptr_nonnull(j);
	ck_rc_ok(ima_judge_entry(j, &entry, NULL));
	ima_judge_end(j, false);
	for (int i = 0; i < CHECK_COUNT; i++)
		verdict_check(v, (enum check_id)i, CHECK_PASSED);
	verdict_fold(v);
	policy_unref(p);
}

START_TEST(test_entries)
{
	const struct entry_case *c = &entries[_i];
	struct verdict v;
	struct arena a;

	arena_init(&a, 1 << 20);
	judge(c, 5, &v, &a);
	if (c->code == ERR_OK) {
		ck_assert_uint_eq(v.reasons_n, 0);
	} else {
		ck_assert_uint_ge(v.reasons_n, 1);
		ck_assert_str_eq(
		    err_name(v.reasons[0].code), err_name(c->code));
		ck_assert_int_eq(v.reasons[0].layer, c->layer);
		ck_assert_str_eq(v.reasons[0].path, "ima.entries[5]");
		ck_assert_int_eq(v.checks[CHECK_POLICY_IMA],
		    c->result == RESULT_WARN ? CHECK_PASSED : CHECK_FAILED);
	}
	ck_assert_str_eq(result_name(v.result), result_name(c->result));
	arena_free(&a);
}
END_TEST

START_TEST(test_boot_aggregate_is_not_a_file)
{
	struct verdict v;
	struct arena a;
	struct entry_case c = entries[0];

	arena_init(&a, 1 << 20);
	c.path = "boot_aggregate";
	c.digest = D9;
	judge(&c, 0, &v, &a);
	ck_assert_uint_eq(v.reasons_n, 0);
	c.pcr = 11; /* of a PCR that nobody judges it is no better */
	judge(&c, 0, &v, &a);
	ck_assert_uint_eq(v.reasons_n, 1);
	ck_assert_int_eq(v.reasons[0].code, ERR_IMA_UNKNOWN_FILE);
	arena_free(&a);
}
END_TEST

START_TEST(test_texts)
{
	struct verdict v;
	struct arena a;
	struct entry_case c = entries[0];

	arena_init(&a, 1 << 20);
	c.path = "/tmp/a";
	judge(&c, 1, &v, &a);
	ck_assert_str_eq(v.reasons[0].found, "sha256:" D1 " /tmp/a");
	ck_assert(strcmp(v.reasons[0].expected, "at /usr/bin/a") == 0 ||
		  strcmp(v.reasons[0].expected, "at /opt/a") == 0);
	c.path = "/usr/bin/two_words";
	judge(&c, 1, &v, &a);
	ck_assert_int_eq(strncmp(v.reasons[0].expected, "at /", 4), 0);
	c.digest = D9;
	judge(&c, 1, &v, &a);
	ck_assert_str_eq(v.reasons[0].expected, "sha256:" D2);
	arena_free(&a);
}
END_TEST

/* --- signatures -------------------------------------------------------- */

/* The golden policy's keyring, and one more member. */
static struct policy *
keyring_policy(struct arena *a, const char *cert, const char *member)
{
	struct policy *p = NULL;
	struct err e = {0};
	rc r = policy_decode(
	    span_str(arena_printf(a,
		"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[10]}"
		","
		"\"ima\":{\"keyring\":[{\"certificate\":\"%s\"}]%s}}",
		base64url_string(a, tap_file(a, cert)), member)),
	    &p, &e);

	ck_assert_msg(rc_ok(r), "%s %s", e.path, e.text);
	return p;
}

/* ERR_OK where there is nothing to say. */
static enum err_code
say(const struct policy *p, const struct ima_entry *entry, struct arena *a)
{
	struct verdict v;

	verdict_init(&v, a);
	struct ima_judge *j = ima_judge_new(p, &v);
	ck_rc_ok(ima_judge_entry(j, entry, NULL));
	ima_judge_end(j, false);
	return v.reasons_n ? v.reasons[0].code : ERR_OK;
}

START_TEST(test_deny_beats_signature)
{
	static const char cert[] =
	    "/tests/vectors/vm/common/ima-signing-rsa-cert.der";
	struct arena a;
	struct ima_entry entry = {0};
	bool more = true;

	arena_init(&a, 1 << 22);
	struct ima_reader in = ima_over(
	    tap_file(&a, "/tests/vectors/vm/boots/grub-sb-golden/ima.bin"), 0);
	while (entry.sig.n != 265)
		ck_rc_ok(ima_next(&in, &entry, &more, NULL));
	struct policy *p = keyring_policy(&a, cert, "");
	ck_assert_int_eq(say(p, &entry, &a), ERR_OK);
	policy_unref(p);
	p = keyring_policy(&a, cert,
	    arena_printf(&a, ",\"deny\":[{\"digests\":[\"sha256:%s\"]}]",
		hex_string(&a, entry.digest)));
	ck_assert_int_eq(say(p, &entry, &a), ERR_IMA_DENIED);
	policy_unref(p);
	arena_free(&a);
}
END_TEST

/* A module that no list knows: its appended signature lets it pass; a digest
 * that it does not fit fails, and the digest without signature may be denied.
 */
START_TEST(test_modsig_entry)
{
	static const char cert[] = "/tests/vectors/ima/signer-rsa.der";
	struct hasher *h = hasher_new();
	uint8_t digest[32] = {1};
	uint8_t file[32];
	struct arena a;

	arena_init(&a, 1 << 22);
	ck_rc_ok(hash_of(
	    h, ALG_SHA256, tap_file(&a, "/tests/vectors/ima/file"), file));
	struct ima_entry entry = {.index = 5,
	    .pcr = 10,
	    .template_name = span_str("ima-modsig"),
	    .digest_alg = span_str("sha256"),
	    .digest = span_of(digest, 32),
	    .path = span_str("/lib/modules/m.ko"),
	    .modsig = tap_file(&a, "/tests/vectors/ima/modsig-rsa.der"),
	    .modsig_alg = span_str("sha256"),
	    .modsig_digest = span_of(file, 32)};
	struct policy *p = keyring_policy(&a, cert, "");
	ck_assert_int_eq(say(p, &entry, &a), ERR_OK);
	struct ima_entry bare = entry;
	bare.modsig.n = 0;
	ck_assert_int_eq(say(p, &bare, &a), ERR_IMA_UNKNOWN_FILE);
	bare = entry;
	bare.modsig_alg = span_str("sm3-256"); /* cannot be judged here */
	ck_assert_int_eq(say(p, &bare, &a), ERR_IMA_UNKNOWN_FILE);
	file[0] ^= 1;
	ck_assert_int_eq(say(p, &entry, &a), ERR_IMA_SIGNATURE);
	policy_unref(p);
	p = keyring_policy(&a, cert,
	    arena_printf(&a, ",\"deny\":[{\"digests\":[\"sha256:%s\"]}]",
		hex_string(&a, entry.modsig_digest)));
	ck_assert_int_eq(say(p, &entry, &a), ERR_IMA_DENIED);
	policy_unref(p);
	hasher_free(h);
	arena_free(&a);
}
END_TEST

/* An fs-verity digest passes by a signature of its kind alone. */
START_TEST(test_verity_entry)
{
	static const char cert[] = "/tests/vectors/ima/signer-ec.der";
	struct hasher *h = hasher_new();
	uint8_t file[32];
	struct arena a;

	arena_init(&a, 1 << 22);
	ck_rc_ok(hash_of(
	    h, ALG_SHA256, tap_file(&a, "/tests/vectors/ima/file"), file));
	struct ima_entry entry = {.index = 5,
	    .pcr = 10,
	    .template_name = span_str("ima-sigv2"),
	    .digest_alg = span_str("verity:sha256"),
	    .digest = span_of(file, 32),
	    .path = span_str("/usr/bin/f"),
	    .sig = tap_file(&a, "/tests/vectors/ima/verity-ec.sig")};
	struct policy *p = keyring_policy(&a, cert, "");
	ck_assert_int_eq(say(p, &entry, &a), ERR_OK);
	entry.sig = tap_file(&a, "/tests/vectors/ima/v2-ec.sig");
	ck_assert_int_eq(say(p, &entry, &a), ERR_IMA_SIGNATURE);
	entry.digest_alg = span_str("sha256");
	ck_assert_int_eq(say(p, &entry, &a), ERR_OK);
	policy_unref(p);
	hasher_free(h);
	arena_free(&a);
}
END_TEST

/* The kernel's own policy has to be in a list that is judged from its start,
 * and every one that was loaded has to be a known one. */
START_TEST(test_measured_policy)
{
	static const struct {
		const char *digests[2];
		bool whole;
		enum err_code code;
	} cases[] = {
	    {{D3, NULL}, true, ERR_OK},
	    {{D3, D3}, true, ERR_OK},
	    {{D2, NULL}, true, ERR_IMA_POLICY_UNKNOWN},
	    {{D3, D2}, true, ERR_IMA_POLICY_UNKNOWN},
	    {{NULL, NULL}, true, ERR_IMA_POLICY_UNKNOWN},
	    {{NULL, NULL}, false, ERR_OK},
	    {{D2, NULL}, false, ERR_IMA_POLICY_UNKNOWN},
	};
	const struct entry_case *c = &entries[0];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct policy *p = NULL;
		uint8_t digests[2][HASH_MAX];
		struct verdict v;
		struct arena a;
		arena_init(&a, 1 << 20);
		verdict_init(&v, &a);
		ck_rc_ok(policy_decode(span_str(SETS), &p, NULL));
		struct ima_judge *j = ima_judge_new(p, &v);
		for (size_t k = 0; k < 2 && cases[i].digests[k]; k++) {
			struct entry_case one = *c;
			one.digest = cases[i].digests[k];
			one.path = "/etc/ima/ima-policy";
			struct ima_entry entry = entry_of(&one, digests[k]);
			ck_rc_ok(ima_judge_entry(j, &entry, NULL));
		}
		ima_judge_end(j, cases[i].whole);
		ck_assert_uint_eq(v.reasons_n, cases[i].code != ERR_OK);
		ck_assert_int_eq(
		    v.reasons_n ? v.reasons[0].code : ERR_OK, cases[i].code);
		ck_assert_int_eq(v.checks[CHECK_POLICY_IMA],
		    v.reasons_n ? CHECK_FAILED : CHECK_PASSED);
		policy_unref(p);
		arena_free(&a);
	}
}
END_TEST

/* Said once, whatever else is wrong, and never a pass. */
START_TEST(test_legacy_template)
{
	struct policy *p = NULL;
	struct verdict v;
	struct arena a;
	uint8_t digest[HASH_MAX];
	struct ima_entry entry = entry_of(&entries[0], digest);

	arena_init(&a, 1 << 20);
	verdict_init(&v, &a);
	ck_rc_ok(policy_decode(span_str(SETS), &p, NULL));
	struct ima_judge *j = ima_judge_new(p, &v);
	entry.template_name = span_str("ima");
	entry.is_ima = true;
	for (entry.index = 1; entry.index < 4; entry.index++)
		ck_rc_ok(ima_judge_entry(j, &entry, NULL));
	ima_judge_end(j, false);
	ck_assert_uint_eq(v.reasons_n, 1);
	ck_assert_int_eq(v.reasons[0].code, ERR_IMA_WEAK_TEMPLATE);
	ck_assert_int_eq(v.worst, EFF_WARN);
	policy_unref(p);
	arena_free(&a);
}
END_TEST

/* More entries than are judged at once: every one is, in order. */
START_TEST(test_windows)
{
	struct policy *p = NULL;
	struct verdict v;
	struct arena a;
	uint8_t digest[HASH_MAX];
	struct ima_entry entry = entry_of(&entries[0], digest);

	arena_init(&a, 1 << 22);
	verdict_init(&v, &a);
	ck_rc_ok(policy_decode(span_str(STRICT), &p, NULL));
	struct ima_judge *j = ima_judge_new(p, &v);
	for (uint32_t i = 1; i <= 200; i++) {
		entry.index = i;
		entry.path = span_str(i % 7 ? "/usr/bin/a" : "/not/known");
		entry.digest.p = i % 7 ? digest : (const uint8_t *)D9;
		ck_rc_ok(ima_judge_entry(j, &entry, NULL));
	}
	ima_judge_end(j, true);
	ck_assert_uint_eq(v.reasons_n, 200 / 7);
	for (size_t i = 0; i < v.reasons_n; i++)
		ck_assert_int_eq(v.reasons[i].event, 7 * (int64_t)(i + 1));
	policy_unref(p);
	arena_free(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("files");
	TCase *t = tcase_create("files");

	tcase_add_test(t, test_refset);
	tcase_add_test(t, test_one_digest);
	tcase_add_test(t, test_empty_set);
	tcase_add_test(t, test_path_hash);
	tcase_add_loop_test(
	    t, test_sum_lines, 0, sizeof(sums) / sizeof(sums[0]));
	tcase_add_loop_test(
	    t, test_entries, 0, sizeof(entries) / sizeof(entries[0]));
	tcase_add_test(t, test_boot_aggregate_is_not_a_file);
	tcase_add_test(t, test_texts);
	tcase_add_test(t, test_deny_beats_signature);
	tcase_add_test(t, test_modsig_entry);
	tcase_add_test(t, test_verity_entry);
	tcase_add_test(t, test_legacy_template);
	tcase_add_test(t, test_measured_policy);
	tcase_add_test(t, test_windows);
	suite_add_tcase(s, t);
	return tap_run(s);
}
