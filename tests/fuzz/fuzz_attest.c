/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole walk. A first byte says how far crypto is helped: the quote may be
 * signed again with a key of this process, its pcrDigest may be made what
 * PCR values or logs lead to, and its nonce may be the one expected. Then
 * parts, each behind a 16-bit length: quote, boot log, IMA list, PCR values, EK
 * certificate, EK public area, signature, userspace log.
 */
#include "appraise/explanation.h"
#include "attest/attest.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	HELP_SIGN = 1,
	HELP_DIGEST = 2,
	HELP_NONCE = 4,
	NO_LOG = 8,
	VALUES = 16,
	INCOMPLETE = 32,
	RUNNING = 64 /* judge by the policy with boot phases */
};

#define SEPARATOR                                                              \
	"\"2\":{\"events\":[{\"type\":\"EV_SEPARATOR\",\"accept\":[{"          \
	"\"sha256\":"                                                          \
	"\"df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c0"           \
	"14b81119\",\"bound\":true}]}]}"

/* Separator in PCR 2, two files in PCR 10. */
static const char policy_json[] =
    "{\"akashi_policy\":1,\"name\":\"fuzz\",\"pcrs\":{\"sha256\":[2,10]},"
    "\"boot\":{" SEPARATOR "},\"ima\":{\"allow\":[{\"files\":["
    "\"sha256:5409e235e5d7eaee9224c0568e49a98a548d0384d261604c685945921943a268 "
    "/init\"]}]}}";

/* Separator in PCR 2, phases in PCR 11. */
static const char running_json[] =
    "{\"akashi_policy\":1,\"name\":\"run\",\"pcrs\":{\"sha256\":[2,11]},"
    "\"boot\":{" SEPARATOR ",\"11\":{\"events\":[]}},\"userspace\":{"
    "\"os_separator\":\"required\",\"phases\":[{\"phase\":\"enter-initrd\"},"
    "{\"phase\":\"ready\"}]}}";

static struct hasher *hasher;
static struct policy *policy, *running;
static EVP_PKEY *signer;
static uint8_t ak_pub[88];

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
init(void)
{
	/* TPMT_PUBLIC of a restricted P-256 key, up to its x. */
	static const uint8_t head[] = {0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00,
	    0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00, 0x0b, 0x00, 0x03,
	    0x00, 0x10, 0x00, 0x20};
	uint8_t point[65];
	size_t n = 0;

	hasher = hasher_new();
	signer = EVP_EC_gen("P-256");
	check(hasher && signer);
	check(rc_ok(policy_decode(span_str(policy_json), &policy, NULL)));
	check(rc_ok(policy_decode(span_str(running_json), &running, NULL)));
	check(EVP_PKEY_get_octet_string_param(
	    signer, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n));
	check(n == sizeof(point));
	memcpy(ak_pub, head, sizeof(head));
	memcpy(ak_pub + 22, point + 1, 32);
	ak_pub[55] = 0x20;
	memcpy(ak_pub + 56, point + 33, 32);
}

/* TPMT_SIGNATURE: ECDSA, SHA-256, r, s of 32 bytes each. */
static struct span
sign(struct arena *a, struct span data)
{
	uint8_t *out = arena_alloc(a, 72);
	uint8_t der[80];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	check(out && ctx);
	check(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer) == 1);
	check(EVP_DigestSign(ctx, der, &n, data.p, data.n) == 1);
	EVP_MD_CTX_free(ctx);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	check(sig != NULL);
	memcpy(out, "\x00\x18\x00\x0b\x00\x20", 6);
	check(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out + 6, 32) == 32);
	memcpy(out + 38, "\x00\x20", 2);
	check(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 40, 32) == 32);
	ECDSA_SIG_free(sig);
	return span_of(out, 72);
}

/* What the last of the logs leads to. */
static bool
replay_logs(struct span log, struct arena *a, struct banks *out)
{
	struct boot_replay boot;
	struct evlog one;

	while (log.n)
		if (!rc_ok(evlog_decode_next(&log, a, &one, NULL)) ||
		    !rc_ok(boot_replay(&one, NULL, hasher, a, &boot, NULL)))
			return false;
		else
			*out = boot.banks;
	return true;
}

static bool
replay_userspace(struct span s, struct arena *a, struct banks *io)
{
	enum cel_format format;
	struct cel_log log;

	return !s.n || (cel_recognise(s, &format) &&
			   rc_ok(cel_decode(s, format, a, &log, NULL)) &&
			   rc_ok(userspace_extend(&log, 0, log.records_n,
			       UINT32_MAX, hasher, io)));
}

/* The digest over the values that are sent, or what the logs lead to if they
 * can be read at all. */
static bool
composite(const struct evidence *ev, const struct pcr_selections *sel,
    struct arena *a, uint8_t out[HASH_MAX])
{
	struct banks boot = {.n = 0};
	struct ima_reader in = ima_over(ev->ima, 0);
	struct ima_entry entry;
	struct ima_state s;
	struct banks banks = {.n = 0};
	bool more = true;

	if (ev->pcrs.p)
		return rc_ok(hash_of(hasher, ALG_SHA256, ev->pcrs, out));
	if (!replay_logs(ev->eventlog, a, &boot) ||
	    !replay_userspace(ev->userspace, a, &boot))
		return false;
	ima_state_init(&s, &boot, sel);
	while (rc_ok(ima_next(&in, &entry, &more, NULL)) && more)
		if (!rc_ok(ima_state_extend(&s, &entry, hasher, NULL)))
			return false;
	for (size_t i = 0; i < s.n; i++)
		banks.bank[banks.n++] = s.bank[i].type[0];
	return banks_composite(&banks, sel, ALG_SHA256, hasher, out);
}

static void
help(uint8_t mode, struct evidence *ev, struct attest_context *ctx,
    struct arena *a)
{
	uint8_t digest[HASH_MAX];
	struct tpm_quote q;

	if (!rc_ok(tpm_decode_quote(ev->attest, a, &q, NULL)))
		return;
	uint8_t *own = arena_alloc(a, q.signed_bytes.n);
	check(own != NULL);
	memcpy(own, q.signed_bytes.p, q.signed_bytes.n);
	/* pcrDigest ends a quote */
	if (mode & HELP_DIGEST && q.pcr_digest.n == 32 &&
	    composite(ev, &q.selection, a, digest))
		memcpy(own + q.signed_bytes.n - 32, digest, 32);
	ev->attest = span_of(own, q.signed_bytes.n);
	if (mode & HELP_NONCE)
		ctx->nonce = q.extra;
	if (mode & HELP_SIGN)
		ev->signature = sign(a, ev->attest);
}

static struct span
part(struct rd *in)
{
	uint16_t n = rd_u16le(in);
	struct span s = rd_bytes(in, n);

	return rd_ok(in) && n ? s : span_of(NULL, 0);
}

/* Whatever the verdict is, it can be explained. */
static void
explain(const struct verdict *v, const struct attest_facts *f,
    const struct evidence *ev, struct arena *a)
{
	const char **then = arena_array(a, v->reasons_n, sizeof(*then));
	struct buf out = {0};
	struct jw w = jw_over(&out);
	struct explained x = {.result = v->result,
	    .reasons_n = v->reasons_n,
	    .reasons = v->reasons,
	    .dropped = v->reasons_dropped,
	    .ima_then = then,
	    .ima_known = f->ima_ok};

	check(then != NULL);
	if (f->log_ok)
		x.now = x.then = (struct explained_boot){&f->log, &f->boot};
	if (f->ima_ok)
		explained_files(
		    v->reasons, v->reasons_n, ev->ima, false, a, then);
	jw_object(&w);
	check(rc_ok(explanation_emit(&x, EXPLAIN_ALL, "ja", a, &w, NULL)));
	jw_object_end(&w);
	check(!out.failed);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_over(span_of(data, size));
	struct attest_context ctx = {
	    .nonce = {data, size < 8 ? size : 8}, .nonce_given = true};
	uint8_t mode = rd_u8(&in);
	struct evidence ev = {0};
	struct span *const parts[] = {&ev.attest, &ev.eventlog, &ev.ima,
	    &ev.pcrs, &ev.ek_cert, &ev.ek_pub, &ev.signature, &ev.userspace};
	static struct attest_facts facts;
	static struct verdict v;
	struct arena a;

	if (!signer)
		init();
	arena_init(&a, (size_t)1 << 28);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		*parts[i] = part(&in);
	ctx.policy = mode & RUNNING ? running : policy;
	ev.userspace_incomplete = mode & INCOMPLETE;
	ev.ak_pub = span_of(ak_pub, sizeof(ak_pub));
	if (mode & NO_LOG)
		ev.eventlog = span_of(NULL, 0);
	if (!(mode & VALUES))
		ev.pcrs = span_of(NULL, 0);
	help(mode, &ev, &ctx, &a);
	check(rc_ok(attest_evidence(&ev, &ctx, hasher, &a, &v, &facts, NULL)));
	bool good = v.result == RESULT_PASS || v.result == RESULT_WARN;
	check(!good || (mode & HELP_SIGN && facts.quote_ok));
	check(!good || v.checks[CHECK_QUOTE_NONCE] == CHECK_PASSED);
	check(!good || v.checks[CHECK_POLICY_BOOT] == CHECK_PASSED);
	check(!good || !(mode & RUNNING) || facts.userspace_ok);
	check(!facts.userspace_ok || v.result == RESULT_REJECT ||
	      v.checks[CHECK_USERSPACE_REPLAY] == CHECK_PASSED);
	explain(&v, &facts, &ev, &a);
	arena_free(&a);
	return 0;
}
