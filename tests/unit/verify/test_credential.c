/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/text.h"
#include "lib/tap.h"
#include "verify/credential.h"
#include "verify/credential_steps.h"
#include "verify/ek.h"
#include "verify/kdf.h"
#include "verify/material.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define GOLDEN "/tests/vectors/vm/boots/grub-sb-golden/"
#define QUOTES "/tests/vectors/quotes/"

static struct arena a;
static struct hasher *h;

static void
setup(void)
{
	arena_init(&a, 1024 * 1024);
	h = hasher_new();
	ck_assert_ptr_nonnull(h);
}

static void
teardown(void)
{
	hasher_free(h);
	arena_free(&a);
}

/* n bytes first, first + 1, … */
static struct span
counting(uint8_t first, size_t n)
{
	uint8_t *p = arena_alloc(&a, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
	return span_of(p, n);
}

static void
is_hex(struct span got, const char *want)
{
	ck_assert_str_eq(hex_string(&a, got), want);
}

/* TPM 2.0 Part 1, 11.4.10, as a TPM computed it. */
START_TEST(kdf_known_answers)
{
	uint8_t name[34] = {0x00, 0x0b}, out[HASH_MAX];
	const struct kdf_parties parties = {
	    counting(0x80, 32), counting(0xa0, 32), counting(0xc0, 32)};

	for (size_t i = 0; i < 32; i++)
		name[2 + i] = (uint8_t)i;
	ck_rc_ok(kdf_a(ALG_SHA256, counting(0x40, 32), "STORAGE",
	    span_of(name, 34), out, 16));
	is_hex(span_of(out, 16), "ddfdf2bd440eafc20e055ca5cf54e559");
	ck_rc_ok(kdf_a(ALG_SHA256, counting(0x40, 32), "INTEGRITY",
	    span_of(NULL, 0), out, 32));
	is_hex(span_of(out, 32), "01927eb72a10a617a5f9166fc789e6a5acbac94d27180"
				 "042441cada7147483e2");
	ck_rc_ok(kdf_a(ALG_SHA384, counting(0x40, 48), "STORAGE",
	    span_of(name, 34), out, 32));
	is_hex(span_of(out, 32), "69b6f5c16fad984985279ee46a6ac7b77d2401d4f08d9"
				 "3b6bae4015978070a87");
	ck_rc_ok(kdf_e(h, ALG_SHA256, &parties, "IDENTITY", out, 32));
	is_hex(span_of(out, 32), "e7bc9cd09647b8a1226055b727030335ee6b2b52131b3"
				 "c8f619da9825b899b9d");
	ck_rc_is(kdf_a(ALG_SHA256, counting(0, 32), "STORAGE", span_of(NULL, 0),
		     out, 33),
	    ERR_CRYPTO);
	ck_rc_is(
	    kdf_e(h, ALG_SHA256, &parties, "IDENTITY", out, 33), ERR_CRYPTO);
}
END_TEST

static struct tpm_public
load_public(const char *path)
{
	struct tpm_public pub;

	ck_rc_ok(tpm_decode_public(tap_file(&a, path), &a, &pub, NULL));
	return pub;
}

static struct credential_seed
seed_of(struct span s)
{
	struct credential_seed seed = {s.n, {0}};

	memcpy(seed.b, s.p, s.n);
	return seed;
}

START_TEST(seal_known_answer)
{
	struct tpm_public ek = load_public(GOLDEN "ek-rsa.pub");
	struct tpm_name name = {34, {0x00, 0x0b}};
	struct credential_seed seed = seed_of(counting(0x40, 32));
	struct span blob;

	for (size_t i = 0; i < 32; i++)
		name.b[2 + i] = (uint8_t)i;
	ck_rc_ok(credential_seal(&ek, &name, &seed,
	    span_str("0123456789abcdef0123456789abcdef"), &a, &blob));
	is_hex(blob,
	    "00440020092b68b49ab830bf966fdfd4f8dee157dd58df0c2844fbc6432620606e"
	    "14575b9a934d644bd4c387a788ad511267e63665fc5bfdc95dfb224581443b8530"
	    "53e0cd16");
}
END_TEST

/* --- recorded exchanges that a TPM accepted ------------------------------- */

struct recorded {
	struct tpm_public ek;
	struct tpm_name ak;
	struct span secret, seed, ephemeral, id_object, encrypted;
	struct span blob; /* file of tpm2-tools */
};

static struct span
hex_member(const json_t *doc, const char *key)
{
	struct span text, out = {NULL, 0};

	if (!json_has(doc, key))
		return out;
	ck_rc_ok(json_get_str(doc, "", key, &text, NULL));
	ck_rc_ok(hex_decode_any(text, &a, &out));
	return out;
}

static struct recorded
load_recorded(const char *name)
{
	const char *base = arena_printf(&a, GOLDEN "cred/%s", name);
	struct recorded r;
	struct span text;
	JSON_AUTO doc = NULL;

	text = tap_file(&a, arena_printf(&a, "%s.json", base));
	ck_rc_ok(json_decode(text, LIMIT_JSON, &doc, NULL));
	ck_rc_ok(json_get_str(doc, "", "ek", &text, NULL));
	r.ek = load_public(
	    arena_printf(&a, GOLDEN "%.*s", (int)text.n, (const char *)text.p));
	text = hex_member(doc, "ak_name_hex");
	r.ak.n = text.n;
	memcpy(r.ak.b, text.p, text.n);
	r.secret = hex_member(doc, "secret_hex");
	r.seed = hex_member(doc, "seed_hex");
	r.ephemeral = hex_member(doc, "ephemeral_private_hex");
	r.id_object = hex_member(doc, "id_object_hex");
	r.encrypted = hex_member(doc, "encrypted_secret_hex");
	r.blob = tap_file(&a, arena_printf(&a, "%s.blob", base));
	return r;
}

/* badcc0de 00000001 ‖ TPM2B_ID_OBJECT ‖ TPM2B_ENCRYPTED_SECRET */
static void
matches_file(const struct recorded *r, struct span blob, struct span secret)
{
	size_t n = 8 + blob.n + secret.n;

	ck_assert_uint_eq(r->blob.n, n);
	ck_assert(span_eq(span_of(r->blob.p + 8, blob.n), blob));
	ck_assert(span_eq(span_of(r->blob.p + 8 + blob.n, secret.n), secret));
}

static const char *const recorded_names[] = {
    "cred-rsa-rsassa-py", "cred-ecc256-ecdsa-py", "cred-ecc384-ecdsa384-py"};

START_TEST(seal_recorded)
{
	struct recorded r = load_recorded(recorded_names[_i]);
	struct credential_seed seed = seed_of(r.seed);
	struct span blob;

	ck_rc_ok(credential_seal(&r.ek, &r.ak, &seed, r.secret, &a, &blob));
	ck_assert(span_eq(span_of(blob.p + 2, blob.n - 2), r.id_object));
	/* K09: another name, another object. */
	r.ak.b[5] ^= 1;
	ck_rc_ok(credential_seal(&r.ek, &r.ak, &seed, r.secret, &a, &blob));
	ck_assert(!span_eq(span_of(blob.p + 2, blob.n - 2), r.id_object));
}
END_TEST

/* The ephemeral key: its public half stands in the recorded secret. */
static EVP_PKEY *
ephemeral_key(const struct recorded *r, const char *group)
{
	size_t n = r->ephemeral.n;
	uint8_t point[1 + 2 * MATERIAL_COORD] = {4};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *d = BN_bin2bn(r->ephemeral.p, (int)n, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	memcpy(point + 1, r->encrypted.p + 2, n);
	memcpy(point + 1 + n, r->encrypted.p + 2 + n + 2, n);
	OSSL_PARAM_BLD_push_utf8_string(
	    bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
	OSSL_PARAM_BLD_push_octet_string(
	    bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(d);
	return pkey;
}

START_TEST(share_ecc_recorded)
{
	static const char *const groups[] = {"P-256", "P-384"};
	struct recorded r = load_recorded(recorded_names[1 + _i]);
	EVP_PKEY *ephemeral = ephemeral_key(&r, groups[_i]);
	struct credential_seed seed;
	struct span secret, blob;

	ck_rc_ok(credential_share_ecc(&r.ek, ephemeral, h, &a, &seed, &secret));
	ck_assert(span_eq(span_of(seed.b, seed.n), r.seed));
	ck_rc_ok(credential_seal(&r.ek, &r.ak, &seed, r.secret, &a, &blob));
	matches_file(&r, blob, secret);
	EVP_PKEY_free(ephemeral);
}
END_TEST

/* --- RSA: what only the private key can open -------------------------------
 */

static struct tpm_public
rsa_ek(EVP_PKEY *pkey, uint16_t bits, uint16_t name_alg)
{
	struct tpm_public pub = {.type = ALG_RSA,
	    .name_alg = name_alg,
	    .sym_alg = ALG_AES,
	    .sym_bits = bits == 2048 ? 128 : 256,
	    .sym_mode = ALG_CFB,
	    .scheme = ALG_NULL,
	    .rsa_bits = bits,
	    .exponent = 65537};
	BIGNUM *n = NULL;
	uint8_t *p = arena_alloc(&a, bits / 8);

	ck_assert_int_eq(
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	ck_assert_int_eq(BN_bn2binpad(n, p, bits / 8), bits / 8);
	BN_free(n);
	pub.modulus = span_of(p, bits / 8);
	return pub;
}

static struct span
oaep_open(EVP_PKEY *pkey, const char *hash, struct span cipher)
{
	char label[] = "IDENTITY";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(
		OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label, sizeof(label)),
	    OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	size_t n = MATERIAL_RSA;
	uint8_t *out = arena_alloc(&a, n);

	ck_assert_int_eq(EVP_PKEY_decrypt_init(ctx), 1);
	ck_assert_int_eq(
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash, NULL), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, hash, NULL), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_params(ctx, params), 1);
	ck_assert_int_eq(EVP_PKEY_decrypt(ctx, out, &n, cipher.p, cipher.n), 1);
	EVP_PKEY_CTX_free(ctx);
	return span_of(out, n);
}

START_TEST(make_for_rsa)
{
	static const struct {
		uint16_t bits, alg;
		const char *hash;
	} rows[] = {{2048, ALG_SHA256, "SHA256"}, {3072, ALG_SHA384, "SHA384"}};
	EVP_PKEY *pkey = EVP_RSA_gen(rows[_i].bits);
	struct tpm_public ek = rsa_ek(pkey, rows[_i].bits, rows[_i].alg);
	struct tpm_name ak = {34, {0x00, 0x0b, 1, 2, 3}};
	struct credential c, again;
	struct span blob;

	ck_rc_ok(credential_make(&ek, &ak, counting(7, 32), h, &a, &c, NULL));
	ck_assert_uint_eq(c.secret.n, 2u + rows[_i].bits / 8);
	struct span opened = oaep_open(
	    pkey, rows[_i].hash, span_of(c.secret.p + 2, c.secret.n - 2));
	struct credential_seed seed = seed_of(opened);
	ck_assert_uint_eq(seed.n, hash_by_id(rows[_i].alg)->size);
	ck_rc_ok(credential_seal(&ek, &ak, &seed, counting(7, 32), &a, &blob));
	ck_assert(span_eq(blob, c.blob));
	ck_rc_ok(
	    credential_make(&ek, &ak, counting(7, 32), h, &a, &again, NULL));
	ck_assert(!span_eq(again.blob, c.blob));
	EVP_PKEY_free(pkey);
}
END_TEST

/* --- every kind of EK, and what is refused -------------------------------- */

START_TEST(make_for_every_kind)
{
	static const struct {
		const char *path;
		size_t blob, secret;
	} rows[] = {
	    {QUOTES "ek_rsa.pub", 2 + 34 + 34, 2 + 256},
	    {QUOTES "ek_rsa3072.pub", 2 + 50 + 34, 2 + 384},
	    {QUOTES "ek_ecc.pub", 2 + 34 + 34, 2 + 2 * 34},
	    {QUOTES "ek_ecc384.pub", 2 + 50 + 34, 2 + 2 * 50},
	    {QUOTES "ek_ecc521.pub", 2 + 66 + 34, 2 + 2 * 68},
	};
	struct tpm_public ek = load_public(rows[_i].path);
	struct tpm_name ak = {34, {0x00, 0x0b, 1, 2, 3}};
	struct credential c;

	ck_rc_ok(ek_check_template(&ek, NULL));
	ck_rc_ok(credential_make(&ek, &ak, counting(7, 32), h, &a, &c, NULL));
	ck_assert_uint_eq(c.blob.n, rows[_i].blob);
	ck_assert_uint_eq(c.secret.n, rows[_i].secret);
}
END_TEST

START_TEST(make_refuses)
{
	const struct tpm_public good = load_public(QUOTES "ek_ecc.pub");
	struct tpm_name ak = {34, {0x00, 0x0b}};
	struct tpm_public ek = good;
	struct credential c = {{NULL, 0}, {NULL, 0}};
	struct span secret = counting(1, 32);

	ck_rc_is(credential_make(&ek, &ak, counting(1, 33), h, &a, &c, NULL),
	    ERR_INTERNAL);
	ck_rc_is(credential_make(&ek, &ak, span_of("", 0), h, &a, &c, NULL),
	    ERR_INTERNAL);
	ek.name_alg = ALG_SHA1;
	ck_rc_is(
	    credential_make(&ek, &ak, secret, h, &a, &c, NULL), ERR_TPM_ALG);
	ek = good;
	ek.sym_alg = ALG_NULL;
	ck_rc_is(
	    credential_make(&ek, &ak, secret, h, &a, &c, NULL), ERR_TPM_ALG);
	ek = good;
	ek.curve = 0x20; /* SM2 */
	ck_rc_is(
	    credential_make(&ek, &ak, secret, h, &a, &c, NULL), ERR_TPM_ALG);
	ek = good; /* K17: a point that is not on its curve */
	ek.x = counting(1, 32);
	ck_rc_is(
	    credential_make(&ek, &ak, secret, h, &a, &c, NULL), ERR_EK_FORMAT);
	ck_assert_ptr_null(c.blob.p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("credential");
	TCase *t = tcase_create("credential");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, kdf_known_answers);
	tcase_add_test(t, seal_known_answer);
	tcase_add_loop_test(t, seal_recorded, 0, 3);
	tcase_add_loop_test(t, share_ecc_recorded, 0, 2);
	tcase_add_loop_test(t, make_for_rsa, 0, 2);
	tcase_add_loop_test(t, make_for_every_kind, 0, 5);
	tcase_add_test(t, make_refuses);
	suite_add_tcase(s, t);
	return tap_run(s);
}
