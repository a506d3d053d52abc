/* SPDX-License-Identifier: Apache-2.0 */
/* TPM structures, one thing wrong at a time. The letters in the comments are
 * those of the table of attacks. */
#include "decode/tpm.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <unistd.h>

#define GOLDEN "/tests/vectors/vm/boots/grub-sb-golden/"

static struct arena a;

static void
setup(void)
{
	arena_init(&a, 1024 * 1024);
}

static void
teardown(void)
{
	arena_free(&a);
}

/* --- quotes --------------------------------------------------------------- */

/* An attestation to be written field by field; {0} fields are those of a good
 * quote of sha256:0,1,7. */
struct draft {
	uint8_t b[4096];
	size_t n;
};

static void
put(struct draft *d, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		d->b[d->n++] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void
put_many(struct draft *d, uint8_t v, size_t n)
{
	put(d, n, 2);
	while (n--)
		put(d, v, 1);
}

static struct draft
head(uint32_t magic, uint16_t type, uint8_t safe)
{
	struct draft d = {.n = 0};

	put(&d, magic, 4);
	put(&d, type, 2);
	put_many(&d, 0x11, 34); /* qualifiedSigner */
	put_many(&d, 0x22, 32); /* extraData */
	put(&d, 0x0102030405060708, 8);
	put(&d, 9, 4);
	put(&d, 10, 4);
	put(&d, safe, 1);
	put(&d, 0x20191023, 8);
	return d;
}

static enum err_code
quote_code(const struct draft *d)
{
	struct tpm_quote q;

	return tpm_decode_quote(span_of(d->b, d->n), &a, &q, NULL).code;
}

struct bank {
	uint16_t alg;
	uint8_t size;
	uint32_t bits; /* little-endian, as the bitmap lies */
};

static enum err_code
selection_code(uint32_t count, const struct bank *banks, size_t n)
{
	struct draft d = head(0xff544347, 0x8018, 1);

	put(&d, count, 4);
	for (size_t i = 0; i < n; i++) {
		put(&d, banks[i].alg, 2);
		put(&d, banks[i].size, 1);
		for (unsigned k = 0; k < banks[i].size && k < 4; k++)
			put(&d, banks[i].bits >> (8 * k) & 0xff, 1);
		for (unsigned k = 4; k < banks[i].size; k++)
			put(&d, 0, 1);
	}
	put_many(&d, 0x33, 32);
	return quote_code(&d);
}

START_TEST(a_quote_says)
{
	struct draft d = head(0xff544347, 0x8018, 1);
	struct draft sized = {.n = 0};
	struct tpm_quote q;

	put(&d, 2, 4);
	put(&d, 0x000b03830000, 6);
	put(&d, 0x000c03000080, 6);
	put_many(&d, 0x33, 32);
	put(&sized, d.n, 2);
	for (size_t i = 0; i < d.n; i++)
		put(&sized, d.b[i], 1);
	for (int i = 0; i < 2; i++) {
		const struct draft *in = i ? &sized : &d;
		ck_rc_ok(tpm_decode_quote(span_of(in->b, in->n), &a, &q, NULL));
		ck_assert(span_eq(q.signed_bytes, span_of(d.b, d.n)));
		ck_assert_uint_eq(q.signer.n, 34);
		ck_assert(span_all(q.signer, 0x11));
		ck_assert_uint_eq(q.extra.n, 32);
		ck_assert(span_all(q.extra, 0x22));
		ck_assert_uint_eq(q.clock, 0x0102030405060708);
		ck_assert_uint_eq(q.reset_count, 9);
		ck_assert_uint_eq(q.restart_count, 10);
		ck_assert(q.safe);
		ck_assert_uint_eq(q.firmware, 0x20191023);
		ck_assert_uint_eq(q.selection.n, 2);
		ck_assert_uint_eq(
		    pcr_selections_mask(&q.selection, ALG_SHA256), 0x83);
		ck_assert_uint_eq(
		    pcr_selections_mask(&q.selection, ALG_SHA384), 0x800000);
		ck_assert_uint_eq(
		    pcr_selections_mask(&q.selection, ALG_SHA1), 0);
		ck_assert_uint_eq(q.pcr_digest.n, 32);
		ck_assert(span_all(q.pcr_digest, 0x33));
	}
}
END_TEST

START_TEST(magic_and_type_come_first)
{
	/* Q01, Q02 to Q05 */
	static const struct {
		uint32_t magic;
		uint16_t type;
		enum err_code code;
	} rows[] = {
	    {0xfe544347, 0x8018, ERR_QUOTE_MAGIC},
	    {0x00544347, 0x8018, ERR_QUOTE_MAGIC},
	    {0x474354ff, 0x8018, ERR_QUOTE_MAGIC},
	    {0xff544347, 0x8014, ERR_QUOTE_TYPE},
	    {0xff544347, 0x8015, ERR_QUOTE_TYPE},
	    {0xff544347, 0x8016, ERR_QUOTE_TYPE},
	    {0xff544347, 0x8017, ERR_QUOTE_TYPE},
	    {0xff544347, 0x8019, ERR_QUOTE_TYPE},
	    {0xff544347, 0x801a, ERR_QUOTE_TYPE},
	    {0xff544347, 0x801c, ERR_QUOTE_TYPE},
	    {0xff544347, 0x0000, ERR_QUOTE_TYPE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct draft d = head(rows[i].magic, rows[i].type, 1);
		ck_assert_int_eq(quote_code(&d), rows[i].code);
	}
	/* Q32: TPM_QUOTE_INFO of a TPM 1.2 */
	struct draft old = {.n = 0};
	put(&old, 0x01010000, 4);
	put(&old, 0x51554f54, 4);
	ck_assert_int_eq(quote_code(&old), ERR_QUOTE_MAGIC);
}
END_TEST

START_TEST(safe_is_a_boolean)
{
	/* Q27 */
	for (unsigned safe = 0; safe < 256; safe++) {
		struct draft d = head(0xff544347, 0x8018, (uint8_t)safe);
		put(&d, 1, 4);
		put(&d, 0x000b03830000, 6);
		put_many(&d, 0x33, 32);
		ck_assert_int_eq(
		    quote_code(&d), safe > 1 ? ERR_QUOTE_FORMAT : ERR_OK);
	}
}
END_TEST

START_TEST(selections_of_a_quote)
{
	static const struct {
		uint32_t count;
		size_t n;
		struct bank banks[3];
		enum err_code code;
	} rows[] = {
	    {1, 1, {{ALG_SHA256, 3, 0x83}}, ERR_OK},
	    /* Q22: one to four bytes, no PCR beyond 23 */
	    {1, 1, {{ALG_SHA256, 1, 0x83}}, ERR_OK},
	    {1, 1, {{ALG_SHA256, 2, 0x83}}, ERR_OK},
	    {1, 1, {{ALG_SHA256, 4, 0x83}}, ERR_OK},
	    {1, 1, {{ALG_SHA256, 4, 0x01000083}}, ERR_QUOTE_FORMAT},
	    {1, 1, {{ALG_SHA256, 4, 0x80000000}}, ERR_QUOTE_FORMAT},
	    {1, 1, {{ALG_SHA256, 0, 0}}, ERR_QUOTE_FORMAT},
	    {1, 1, {{ALG_SHA256, 5, 1}}, ERR_QUOTE_FORMAT},
	    {1, 1, {{ALG_SHA256, 32, 1}}, ERR_QUOTE_FORMAT},
	    {1, 1, {{ALG_SHA256, 255, 1}}, ERR_QUOTE_FORMAT},
	    /* Q23 */
	    {0xffffffff, 1, {{ALG_SHA256, 3, 1}}, ERR_QUOTE_FORMAT},
	    {17, 1, {{ALG_SHA256, 3, 1}}, ERR_QUOTE_FORMAT},
	    {2, 1, {{ALG_SHA256, 3, 1}}, ERR_QUOTE_FORMAT},
	    {0, 1, {{ALG_SHA256, 3, 1}}, ERR_QUOTE_FORMAT},
	    /* Q09: no PCR at all, in three spellings */
	    {0, 0, {{0, 0, 0}}, ERR_QUOTE_SELECTION_EMPTY},
	    {1, 1, {{ALG_SHA256, 3, 0}}, ERR_QUOTE_SELECTION_EMPTY},
	    {2, 2, {{ALG_SHA256, 3, 0}, {ALG_SHA1, 3, 0}},
		ERR_QUOTE_SELECTION_EMPTY},
	    /* a bank that is not allocated, beside another */
	    {2, 2, {{ALG_SHA512, 3, 0}, {ALG_SHA1, 3, 1}}, ERR_OK},
	    /* Q10 */
	    {2, 2, {{ALG_SHA256, 3, 1}, {ALG_SHA256, 3, 1}},
		ERR_QUOTE_SELECTION_DUPLICATE},
	    {2, 2, {{ALG_SHA256, 3, 1}, {ALG_SHA256, 3, 2}},
		ERR_QUOTE_SELECTION_DUPLICATE},
	    {3, 3, {{ALG_SHA256, 3, 1}, {ALG_SHA1, 3, 1}, {ALG_SHA256, 3, 0}},
		ERR_QUOTE_SELECTION_DUPLICATE},
	    /* Q24 */
	    {1, 1, {{0x0000, 3, 1}}, ERR_QUOTE_BANK},
	    {1, 1, {{0x0010, 3, 1}}, ERR_QUOTE_BANK},
	    {1, 1, {{ALG_SM3_256, 3, 1}}, ERR_QUOTE_BANK},
	    {2, 2, {{ALG_SHA256, 3, 1}, {0x1234, 3, 0}}, ERR_QUOTE_BANK},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err_code got =
		    selection_code(rows[i].count, rows[i].banks, rows[i].n);
		ck_assert_msg(
		    got == rows[i].code, "row %zu: %s", i, err_name(got));
	}
}
END_TEST

START_TEST(many_banks)
{
	struct bank banks[17];

	for (size_t i = 0; i < 17; i++)
		banks[i] = (struct bank){(uint16_t)(0x100 + i), 3, 1};
	ck_assert_int_eq(selection_code(16, banks, 16), ERR_QUOTE_BANK);
	ck_assert_int_eq(selection_code(17, banks, 17), ERR_QUOTE_FORMAT);
}
END_TEST

START_TEST(sizes_have_limits)
{
	static const uint8_t big[LIMIT_SIGNATURE + 1];
	uint8_t quote[LIMIT_ATTEST + 1] = {0xff, 0x54, 0x43, 0x47, 0x80, 0x18};
	uint8_t sig[LIMIT_SIGNATURE + 1] = {0x00, 0x14};
	uint8_t pub[LIMIT_PUBLIC + 1] = {0x00, 0x01};
	struct tpm_quote q;
	struct tpm_signature s;
	struct tpm_public p;
	struct arena small;

	ck_rc_is(tpm_decode_quote(span_of(quote, sizeof(quote)), &a, &q, NULL),
	    ERR_QUOTE_FORMAT);
	ck_rc_is(tpm_decode_signature(span_of(sig, sizeof(sig)), &a, &s, NULL),
	    ERR_QUOTE_SIG_FORMAT);
	ck_rc_is(tpm_decode_public(span_of(pub, sizeof(pub)), &a, &p, NULL),
	    ERR_TPM_FORMAT);
	ck_rc_is(
	    tpm_decode_public(span_of(big, 0), &a, &p, NULL), ERR_TPM_FORMAT);
	/* No memory is our trouble, not theirs. */
	arena_init(&small, 16);
	ck_rc_is(tpm_decode_quote(tap_file(&a, GOLDEN "quote-mixed-ecdsa.msg"),
		     &small, &q, NULL),
	    ERR_MEMORY);
	ck_rc_is(
	    tpm_decode_signature(
		tap_file(&a, GOLDEN "quote-mixed-ecdsa.sig"), &small, &s, NULL),
	    ERR_MEMORY);
	ck_rc_is(tpm_decode_public(
		     tap_file(&a, GOLDEN "ak-ecdsa.pub"), &small, &p, NULL),
	    ERR_MEMORY);
	arena_free(&small);
}
END_TEST

/* --- signatures ----------------------------------------------------------- */

START_TEST(signature_algorithms)
{
	/* Q16, and what no library here can unmarshal */
	for (uint32_t alg = 0; alg < 0x10000; alg++) {
		uint8_t in[6] = {
		    (uint8_t)(alg >> 8), (uint8_t)alg, 0, 0x0b, 0, 0};
		struct tpm_signature sig;
		enum err_code want =
		    alg == ALG_RSASSA || alg == ALG_RSAPSS ? ERR_OK
		    : alg == ALG_ECDSA		     ? ERR_QUOTE_SIG_FORMAT
		    : alg == 0x00a1 || alg == 0x00a2 ? ERR_QUOTE_ML_DSA
						     : ERR_QUOTE_SIG_ALG;
		enum err_code got =
		    tpm_decode_signature(span_of(in, 6), &a, &sig, NULL).code;
		ck_assert_msg(got == want, "%04x: %s", alg, err_name(got));
		arena_reset(&a);
	}
}
END_TEST

START_TEST(signature_fields)
{
	struct tpm_signature sig;
	struct span rsa = tap_file(&a, GOLDEN "quote-mixed-rsassa.sig");
	struct span ecc = tap_file(&a, GOLDEN "quote-mixed-ecdsa.sig");

	ck_rc_ok(tpm_decode_signature(rsa, &a, &sig, NULL));
	ck_assert_uint_eq(sig.alg, ALG_RSASSA);
	ck_assert_uint_eq(sig.hash, ALG_SHA256);
	ck_assert(span_eq(sig.rsa, span_of(rsa.p + 6, 256)));
	ck_rc_ok(tpm_decode_signature(ecc, &a, &sig, NULL));
	ck_assert_uint_eq(sig.alg, ALG_ECDSA);
	ck_assert(span_eq(sig.r, span_of(ecc.p + 6, 32)));
	ck_assert(span_eq(sig.s, span_of(ecc.p + 40, 32)));
}
END_TEST

/* --- public areas --------------------------------------------------------- */

START_TEST(public_fields)
{
	struct tpm_public pub;
	struct span raw = tap_file(&a, GOLDEN "ek-rsa.pub");
	struct span bare = span_of(raw.p + 2, raw.n - 2);

	ck_rc_ok(tpm_decode_public(raw, &a, &pub, NULL));
	ck_assert(span_eq(pub.raw, bare));
	ck_rc_ok(tpm_decode_public(bare, &a, &pub, NULL));
	ck_assert(span_eq(pub.raw, bare));
	ck_assert_uint_eq(pub.type, ALG_RSA);
	ck_assert_uint_eq(pub.name_alg, ALG_SHA256);
	ck_assert_uint_eq(pub.attributes, 0x000300b2);
	ck_assert_uint_eq(pub.policy.n, 32);
	ck_assert_uint_eq(pub.sym_alg, ALG_AES);
	ck_assert_uint_eq(pub.sym_bits, 128);
	ck_assert_uint_eq(pub.sym_mode, ALG_CFB);
	ck_assert_uint_eq(pub.scheme, ALG_NULL);
	ck_assert_uint_eq(pub.rsa_bits, 2048);
	ck_assert_uint_eq(pub.exponent, 65537);
	ck_assert(span_eq(pub.modulus, span_of(raw.p + raw.n - 256, 256)));
	raw = tap_file(&a, GOLDEN "ak-ecdsa384.pub");
	ck_rc_ok(tpm_decode_public(raw, &a, &pub, NULL));
	ck_assert_uint_eq(pub.type, ALG_ECC);
	ck_assert_uint_eq(pub.name_alg, ALG_SHA384);
	ck_assert_uint_eq(pub.attributes, 0x00050072);
	ck_assert_uint_eq(pub.sym_alg, ALG_NULL);
	ck_assert_uint_eq(pub.scheme, ALG_ECDSA);
	ck_assert_uint_eq(pub.scheme_hash, ALG_SHA384);
	ck_assert_uint_eq(pub.curve, CURVE_P384);
	ck_assert(span_eq(pub.y, span_of(raw.p + raw.n - 48, 48)));
	ck_assert(span_eq(pub.x, span_of(raw.p + raw.n - 98, 48)));
}
END_TEST

START_TEST(public_types)
{
	static const struct {
		uint16_t type;
		enum err_code code;
	} rows[] = {{0x0008, ERR_TPM_ALG}, {0x0025, ERR_TPM_ALG},
	    {0x00a0, ERR_TPM_ALG}, {0x00a1, ERR_QUOTE_ML_DSA},
	    {0x00a2, ERR_QUOTE_ML_DSA}, {0x0000, ERR_TPM_FORMAT},
	    {0x0001, ERR_TPM_FORMAT}, {0x7fff, ERR_TPM_FORMAT}};
	struct tpm_public pub;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t in[12] = {(uint8_t)(rows[i].type >> 8),
		    (uint8_t)rows[i].type, 0, 0x0b};
		ck_rc_is(
		    tpm_decode_public(span_of(in, sizeof(in)), &a, &pub, NULL),
		    rows[i].code);
	}
}
END_TEST

/* K20: with size or bare, no byte less, no byte more. */
START_TEST(public_lengths)
{
	static const char *const names[] = {
	    "ek-rsa", "ek-ecc384", "ak-rsapss", "ak-ecdsa"};
	struct tpm_public pub;

	for (size_t i = 0; i < 4; i++) {
		struct span raw =
		    tap_file(&a, arena_printf(&a, GOLDEN "%s.pub", names[i]));
		uint8_t longer[1024] = {0};
		memcpy(longer, raw.p, raw.n);
		for (size_t n = 0; n <= raw.n + 1; n++)
			ck_assert_int_eq(
			    rc_ok(tpm_decode_public(
				span_of(longer, n), &a, &pub, NULL)),
			    n == raw.n);
		for (size_t n = 0; n <= raw.n - 1; n++)
			ck_assert_int_eq(
			    rc_ok(tpm_decode_public(
				span_of(longer + 2, n), &a, &pub, NULL)),
			    n == raw.n - 2);
	}
}
END_TEST

/* Nobody fills our standard error with malformed evidence. */
START_TEST(malformed_input_is_silent)
{
	char path[] = "/tmp/akashi-test-XXXXXX";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);
	struct span good = tap_file(&a, GOLDEN "quote-mixed-rsassa.msg");
	struct tpm_quote q;

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	for (size_t n = 0; n < good.n; n++)
		ck_assert(
		    !rc_ok(tpm_decode_quote(span_of(good.p, n), &a, &q, NULL)));
	selection_code(17, NULL, 0);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
	close(saved);
	close(fd);
}
END_TEST

/* --- selections as text --------------------------------------------------- */

START_TEST(selection_text)
{
	static const struct {
		const char *in;
		enum err_code code;
		const char *out; /* NULL: as in */
	} rows[] = {
	    {"sha256:0,1,2+sha1:10", ERR_OK, NULL},
	    {"sha256:23", ERR_OK, NULL},
	    {"sha256:7,0", ERR_OK, "sha256:0,7"},
	    {"sha3_384:4+sha512:none", ERR_OK, NULL},
	    {"sha256:0\r\n", ERR_OK, "sha256:0"},
	    {"sha1:all", ERR_OK,
		"sha1:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
		"21,22,23"},
	    {"", ERR_ENCODING, NULL},
	    {"\n", ERR_ENCODING, NULL},
	    {"sha256", ERR_ENCODING, NULL},
	    {"sha256:", ERR_ENCODING, NULL},
	    {"sha256:24", ERR_ENCODING, NULL},
	    {"sha256:-1", ERR_ENCODING, NULL},
	    {"sha256:00", ERR_ENCODING, NULL},
	    {"sha256:1,", ERR_ENCODING, NULL},
	    {"sha256:,1", ERR_ENCODING, NULL},
	    {"sha256:1,1", ERR_ENCODING, NULL},
	    {"sha256:0,1 ,2", ERR_ENCODING, NULL},
	    {"sha256:all,1", ERR_ENCODING, NULL},
	    {"sha256:1+", ERR_ENCODING, NULL},
	    {"+sha256:1", ERR_ENCODING, NULL},
	    {"sha256:1++sha1:1", ERR_ENCODING, NULL},
	    {"SHA256:1", ERR_QUOTE_BANK, NULL},
	    {"sm3_256:1", ERR_QUOTE_BANK, NULL},
	    {"md5:1", ERR_QUOTE_BANK, NULL},
	    {"sha256:1+sha256:2", ERR_QUOTE_SELECTION_DUPLICATE, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pcr_selections sel;
		enum err_code got =
		    pcr_selections_parse(span_str(rows[i].in), &sel, NULL).code;
		ck_assert_msg(
		    got == rows[i].code, "row %zu: %s", i, err_name(got));
		if (got == ERR_OK)
			ck_assert_str_eq(pcr_selections_text(&a, &sel),
			    rows[i].out ? rows[i].out : rows[i].in);
	}
}
END_TEST

START_TEST(selections_compare_as_sets)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"sha256:0,1+sha1:2", "sha1:2+sha256:0,1", true},
	    {"sha256:0", "sha256:0+sha1:none", true},
	    {"sha256:0", "sha256:0,1", false},
	    {"sha256:0", "sha256:0+sha1:1", false},
	    {"sha256:0", "sha1:0", false},
	    {"sha512:0,1+sha1:0", "sha512:none+sha1:0", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pcr_selections x, y;
		ck_rc_ok(pcr_selections_parse(span_str(rows[i].a), &x, NULL));
		ck_rc_ok(pcr_selections_parse(span_str(rows[i].b), &y, NULL));
		ck_assert_int_eq(pcr_selections_eq(&x, &y), rows[i].same);
		ck_assert_int_eq(pcr_selections_eq(&y, &x), rows[i].same);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tpm");
	TCase *t = tcase_create("tpm");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_quote_says);
	tcase_add_test(t, magic_and_type_come_first);
	tcase_add_test(t, safe_is_a_boolean);
	tcase_add_test(t, selections_of_a_quote);
	tcase_add_test(t, many_banks);
	tcase_add_test(t, sizes_have_limits);
	tcase_add_test(t, signature_algorithms);
	tcase_add_test(t, signature_fields);
	tcase_add_test(t, public_fields);
	tcase_add_test(t, public_types);
	tcase_add_test(t, public_lengths);
	tcase_add_test(t, malformed_input_is_silent);
	tcase_add_test(t, selection_text);
	tcase_add_test(t, selections_compare_as_sets);
	suite_add_tcase(s, t);
	return tap_run(s);
}
