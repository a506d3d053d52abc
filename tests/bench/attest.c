/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest_memory: the whole appraisal of a recorded boot (quote, log of 57
 * events in three banks, IMA list of 200 entries, a policy learned from it
 * with a rule for each) from bytes to verdict, with the key cached; beside the
 * signature check and the hashing that it cannot do without.
 */
#include "bench/bench.h"

#include "appraise/learn.h"
#include "attest/attest.h"
#include "base/clock.h"
#include "bench/bare.h"
#include "lib/tap.h"

#include <openssl/pem.h>

#define BOOT "/tests/vectors/vm/boots/grub-sb-golden/"

struct subject {
	struct arena kept, arena;
	struct hasher *hasher;
	struct evidence evidence;
	struct span nonce, ak_pub;
	struct pcr_selections asked;
	struct key *key;
	struct policy *policy;
	struct verdict verdict;
	struct attest_facts facts;
	struct attest_context context;
	/* For the bare side. */
	struct bare *bare;
	struct bare_signature *signature;
	EVP_PKEY *pkey;
	struct span *ima;
	size_t ima_n;
};

static rc
crypto(struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "%s", "bench.attest");
}

static rc
load(struct subject *s, struct err *e)
{
	struct arena *a = &s->kept;
	struct tpm_public pub;

	s->evidence.attest = tap_file(a, BOOT "quote-sha256-0_15-rsassa.msg");
	s->evidence.signature =
	    tap_file(a, BOOT "quote-sha256-0_15-rsassa.sig");
	s->evidence.eventlog = tap_file(a, BOOT "eventlog.bin");
	s->evidence.ima = tap_file(a, BOOT "ima.bin");
	s->nonce = tap_file(a, BOOT "quote-sha256-0_15-rsassa.nonce");
	s->ak_pub = tap_file(a, BOOT "ak-rsassa.pub");
	TRY(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"), &s->asked,
	    e));
	TRY(tpm_decode_public(s->ak_pub, a, &pub, e));
	TRY(key_from_public(&pub, &s->key, e));
	s->context = (struct attest_context){.nonce = s->nonce,
	    .nonce_given = true,
	    .asked = &s->asked,
	    .ak = s->key,
	    .now = TIME_S};
	return RC_OK;
}

static rc
judge(struct subject *s, struct arena *a, struct err *e)
{
	verdict_init(&s->verdict, a);
	return attest_evidence(
	    &s->evidence, &s->context, s->hasher, a, &s->verdict, &s->facts, e);
}

/* From the facts of a walk without a policy. */
static rc
learn(struct subject *s, struct err *e)
{
	struct learn_options options = {.name = "bench"};
	struct learn_note *notes = NULL;
	struct buf json = {0};

	TRY(judge(s, &s->kept, e));
	struct golden golden = {.boot = attest_boot_facts(&s->facts, s->hasher),
	    .ima = span_of(s->evidence.ima.p, s->facts.ima.bytes),
	    .source = "bench"};
	rc r = policy_learn(&golden, 1, &options, &s->kept, &json, &notes, e);
	if (rc_ok(r))
		r = policy_decode(buf_span(&json), &s->policy, e);
	buf_free(&json);
	s->context.policy = s->policy;
	return r;
}

static rc
prepare_ima(struct subject *s, struct err *e)
{
	struct ima_reader r = ima_over(s->evidence.ima, 0);
	struct ima_entry entry;
	bool more = true;

	s->ima = arena_array(
	    &s->kept, (size_t)s->facts.ima.entries, sizeof(*s->ima));
	if (!s->ima)
		return err_at(e, ERR_MEMORY, NULL, "%s", "bench.attest");
	while (s->ima_n < s->facts.ima.entries) {
		TRY(ima_next(&r, &entry, &more, e));
		s->ima[s->ima_n++] = entry.template_data;
	}
	return RC_OK;
}

static rc
prepare_bare(struct subject *s, struct err *e)
{
	struct span pem = tap_file(&s->kept, BOOT "ak-rsassa.pem");
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

	TRY(prepare_ima(s, e));
	s->pkey = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	BIO_free(in);
	if (!s->pkey)
		return crypto(e);
	s->signature = bare_signature_new(
	    s->pkey, s->facts.quote.signed_bytes, s->facts.signature.rsa);
	return s->signature ? RC_OK : crypto(e);
}

/* Nothing is measured unless the evidence passes. */
static rc
passes(struct subject *s, struct err *e)
{
	if (s->verdict.result == RESULT_PASS)
		return RC_OK;
	for (size_t i = 0; i < s->verdict.reasons_n; i++)
		tap_note("%s %s", err_name(s->verdict.reasons[i].code),
		    s->verdict.reasons[i].path);
	return err_text(e, ERR_INTERNAL, "bench.attest",
	    "The golden evidence does not pass the policy learned from it: "
	    "%s.",
	    result_name(s->verdict.result));
}

static rc
prepare(struct subject *s, struct err *e)
{
	if (!s->hasher || !s->bare)
		return crypto(e);
	TRY(load(s, e));
	TRY(learn(s, e));
	TRY(judge(s, &s->kept, e));
	TRY(passes(s, e));
	return prepare_bare(s, e);
}

/* s->facts stay those of prepare(), which bare_boot() reads. */
static rc
ours(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	static _Thread_local struct attest_facts facts;

	arena_reset(&s->arena);
	verdict_init(&s->verdict, &s->arena);
	return attest_evidence(&s->evidence, &s->context, s->hasher, &s->arena,
	    &s->verdict, &facts, e);
}

static rc
bare(void *ctx, struct err *e)
{
	struct subject *s = ctx;

	return bare_verify(s->signature) &&
		       bare_boot(s->bare, &s->facts.log, &s->facts.boot) &&
		       bare_ima(s->bare, s->ima, s->ima_n)
		   ? RC_OK
		   : crypto(e);
}

static rc
run(struct measured *out, struct err *e)
{
	static struct subject s;
	struct bench_work mine = {ours, &s}, floor = {bare, &s};

	s = (struct subject){.hasher = hasher_new(), .bare = bare_new()};
	arena_init(&s.kept, (size_t)64 << 20);
	arena_init(&s.arena, (size_t)16 << 20);
	rc r = prepare(&s, e);
	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	policy_unref(s.policy);
	key_free(s.key);
	bare_signature_free(s.signature);
	EVP_PKEY_free(s.pkey);
	bare_free(s.bare);
	hasher_free(s.hasher);
	arena_free(&s.kept);
	arena_free(&s.arena);
	return r;
}

const struct bench_row row_attest_memory = {"attest_memory", "us",
    "a whole appraisal in memory: quote, boot log, 200 IMA entries, policy",
    VALUE_AT_MOST, 100, run};
