/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures that no recorded TPM made. The letters in the comments
 * are those of the table of attacks. */
#include "lib/tap.h"
#include "unit/verify/issue.h"
#include "verify/material.h"
#include "verify/quote.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>

#define GOLDEN "/tests/vectors/vm/boots/grub-sb-golden/"

static struct arena a;
static struct hasher *h;
static EVP_PKEY *rsa; /* made once: it takes a while */

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

/* --- public areas of software keys ---------------------------------------- */

static struct span
number(EVP_PKEY *pkey, const char *name, size_t n)
{
	uint8_t *p = arena_alloc(&a, n);
	BIGNUM *v = NULL;

	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, name, &v), 1);
	ck_assert_int_eq(BN_bn2binpad(v, p, (int)n), (int)n);
	BN_free(v);
	return span_of(p, n);
}

static struct tpm_public
base_public(uint16_t type, uint16_t scheme, uint16_t hash)
{
	return (struct tpm_public){.type = type,
	    .name_alg = ALG_SHA256,
	    .attributes = 0x00050072,
	    .sym_alg = ALG_NULL,
	    .scheme = scheme,
	    .scheme_hash = hash,
	    .exponent = 65537};
}

static struct tpm_public
rsa_public(EVP_PKEY *pkey, uint16_t scheme, uint16_t hash)
{
	struct tpm_public pub = base_public(ALG_RSA, scheme, hash);

	pub.rsa_bits = (uint16_t)EVP_PKEY_get_bits(pkey);
	pub.modulus = number(pkey, OSSL_PKEY_PARAM_RSA_N, pub.rsa_bits / 8);
	return pub;
}

static struct tpm_public
ecc_public(EVP_PKEY *pkey, uint16_t curve, size_t size, uint16_t hash)
{
	struct tpm_public pub = base_public(ALG_ECC, ALG_ECDSA, hash);

	pub.curve = curve;
	pub.x = number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, size);
	pub.y = number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size);
	return pub;
}

/* --- rules (K18) ---------------------------------------------------------- */

static struct tpm_public
golden_ak(void)
{
	struct tpm_public pub;

	ck_rc_ok(tpm_decode_public(
	    tap_file(&a, GOLDEN "ak-rsassa.pub"), &a, &pub, NULL));
	return pub;
}

START_TEST(each_attribute_counts)
{
	/* noDA, userWithAuth, adminWithPolicy and the two limits may differ. */
	const uint32_t may = 1 << 10 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9;

	for (uint32_t bit = 0; bit < 32; bit++) {
		struct tpm_public pub = golden_ak();
		ck_rc_ok(key_check_ak(&pub, NULL));
		pub.attributes ^= 1u << bit;
		ck_rc_is(key_check_ak(&pub, NULL),
		    may >> bit & 1 ? ERR_OK : ERR_AK_ATTRIBUTES);
	}
}
END_TEST

START_TEST(scheme_and_strength)
{
	struct tpm_public pub = golden_ak();

	pub.scheme = ALG_NULL;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_SCHEME);
	pub.scheme = ALG_ECDSA;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_SCHEME);
	pub = golden_ak();
	pub.scheme_hash = ALG_SHA1; /* Q18 */
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_SCHEME);
	pub = golden_ak();
	pub.sym_alg = ALG_AES;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_SCHEME);
	pub = golden_ak();
	pub.name_alg = ALG_SHA1;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_NAME_ALG);
	pub.name_alg = ALG_NULL;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_NAME_ALG);
	/* Q19 */
	pub = golden_ak();
	pub.rsa_bits = 1024;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_WEAK);
	pub = golden_ak();
	pub.exponent = 3;
	ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_WEAK);
	pub = base_public(ALG_ECC, ALG_ECDSA, ALG_SHA256);
	for (uint16_t curve = 0; curve < 0x21; curve++) {
		pub.curve = curve;
		ck_rc_is(key_check_ak(&pub, NULL),
		    curve >= 3 && curve <= 5 ? ERR_OK : ERR_AK_WEAK);
	}
}
END_TEST

/* K19: neither an EK nor a storage key signs quotes. */
START_TEST(other_keys_are_no_aks)
{
	static const char *const paths[] = {
	    "ek-rsa.pub", "ek-ecc256.pub", "ak-unrestricted.pub"};
	struct tpm_public pub;

	for (size_t i = 0; i < 3; i++) {
		struct span raw =
		    tap_file(&a, arena_printf(&a, GOLDEN "%s", paths[i]));
		ck_rc_ok(tpm_decode_public(raw, &a, &pub, NULL));
		ck_rc_is(key_check_ak(&pub, NULL), ERR_AK_ATTRIBUTES);
	}
}
END_TEST

/* K15 */
START_TEST(a_key_that_can_be_factored)
{
	EVP_PKEY *roca = issue_roca_key();
	struct tpm_public good = rsa_public(rsa, ALG_RSASSA, ALG_SHA256);
	struct tpm_public bad = rsa_public(roca, ALG_RSASSA, ALG_SHA256);
	struct key *key = NULL;
	struct err e;
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(roca, &der);

	ck_rc_is(key_from_public(&bad, &key, &e), ERR_AK_WEAK);
	ck_assert_ptr_nonnull(strstr(e.text, "CVE-2017-15361"));
	ck_rc_is(key_from_spki(span_of(der, (size_t)n), &key, &e), ERR_AK_WEAK);
	ck_rc_ok(key_from_public(&good, &key, NULL));
	key_free(key);
	OPENSSL_free(der);
	EVP_PKEY_free(roca);
}
END_TEST

/* K17, Q19 */
START_TEST(numbers_that_are_no_key)
{
	struct tpm_public pub = rsa_public(rsa, ALG_RSASSA, ALG_SHA256);
	const struct span good = pub.modulus;
	uint8_t *n = arena_alloc(&a, good.n);
	struct key *k = NULL;

	memcpy(n, good.p, good.n);
	pub.modulus = span_of(n, good.n);
	n[good.n - 1] ^= 1; /* even */
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	n[good.n - 1] ^= 1;
	n[0] &= 0x7f; /* a bit short */
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	pub.modulus = span_of(good.p + 1, good.n - 1);
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	pub.modulus = span_of(NULL, 0);
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	pub.modulus = good;
	pub.exponent = 17;
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_WEAK);
	pub.exponent = 65537;
	pub.scheme = ALG_NULL;
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_SCHEME);
	ck_assert_ptr_null(k);
}
END_TEST

static const struct {
	const char *name, *group;
	uint16_t curve;
	size_t size;
	uint16_t hash;
} curves[] = {
    {"ecc-p256", "P-256", CURVE_P256, 32, ALG_SHA256},
    {"ecc-p384", "P-384", CURVE_P384, 48, ALG_SHA384},
    {"ecc-p521", "P-521", CURVE_P521, 66, ALG_SHA512},
};

START_TEST(points_that_are_no_key)
{
	EVP_PKEY *pkey = EVP_EC_gen(curves[_i].group);
	struct tpm_public good = ecc_public(
	    pkey, curves[_i].curve, curves[_i].size, curves[_i].hash);
	struct tpm_public pub = good;
	struct span longer = span_of(arena_alloc(&a, 67), 67);
	struct key *k = NULL;

	pub.x = good.y;
	pub.y = good.x;
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	pub.x = span_of(NULL, 0); /* (0, 0), which stands for infinity */
	pub.y = span_of(NULL, 0);
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	pub = good;
	pub.x = longer;
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	uint8_t *max = arena_alloc(&a, good.x.n); /* x >= p */
	memset(max, 0xff, good.x.n);
	pub.x = span_of(max, good.x.n);
	ck_rc_is(key_from_public(&pub, &k, NULL), ERR_AK_POINT);
	ck_assert_ptr_null(k);
	ck_rc_ok(key_from_public(&good, &k, NULL));
	ck_assert_str_eq(key_alg_name(k), curves[_i].name);
	key_free(k);
	EVP_PKEY_free(pkey);
}
END_TEST

/* --- signatures ----------------------------------------------------------- */

static const char message[] = "what a TPM would sign";
#define MESSAGE span_of(message, sizeof(message))

static struct span
sign(EVP_PKEY *pkey, const char *md, int padding, int salt, struct span data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	size_t n = 1024;
	uint8_t *sig = arena_alloc(&a, n);

	ck_assert_int_eq(
	    EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, pkey, NULL), 1);
	if (padding)
		ck_assert_int_eq(
		    EVP_PKEY_CTX_set_rsa_padding(pctx, padding), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		ck_assert_int_eq(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, sig, &n, data.p, data.n), 1);
	EVP_MD_CTX_free(ctx);
	return span_of(sig, n);
}

static struct span
bignum(const BIGNUM *v)
{
	size_t n = (size_t)BN_num_bytes(v);
	uint8_t *p = arena_alloc(&a, n);

	BN_bn2bin(v, p);
	return span_of(p, n);
}

static struct tpm_signature
ecdsa(EVP_PKEY *pkey, const char *md, uint16_t hash)
{
	struct span der = sign(pkey, md, 0, 0, MESSAGE);
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	struct tpm_signature out = {.alg = ALG_ECDSA, .hash = hash};

	out.r = bignum(ECDSA_SIG_get0_r(sig));
	out.s = bignum(ECDSA_SIG_get0_s(sig));
	ECDSA_SIG_free(sig);
	return out;
}

START_TEST(ecdsa_on_each_curve)
{
	static const char *const md[] = {"SHA256", "SHA384", "SHA512"};
	EVP_PKEY *pkey = EVP_EC_gen(curves[_i].group);
	struct tpm_public pub = ecc_public(
	    pkey, curves[_i].curve, curves[_i].size, curves[_i].hash);
	struct tpm_signature sig = ecdsa(pkey, md[_i], curves[_i].hash);
	struct key *k;
	uint8_t padded[MATERIAL_COORD] = {0};

	ck_rc_ok(key_from_public(&pub, &k, NULL));
	ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
	ck_rc_is(key_verify(k, &sig, span_of(message, 3), h, NULL),
	    ERR_QUOTE_SIGNATURE);
	/* TPMs write r and s with leading zeros or without them. */
	struct tpm_signature other = sig;
	memcpy(padded + MATERIAL_COORD - sig.r.n, sig.r.p, sig.r.n);
	other.r = span_of(padded, MATERIAL_COORD);
	ck_rc_ok(key_verify(k, &other, MESSAGE, h, NULL));
	key_free(k);
	EVP_PKEY_free(pkey);
}
END_TEST

/* A20, K17: a coordinate that begins with a zero, given with and without it. */
START_TEST(p521_coordinates_begin_with_zeros)
{
	EVP_PKEY *pkey = NULL;
	struct tpm_public pub;
	struct key *k;

	do {
		EVP_PKEY_free(pkey);
		pkey = EVP_EC_gen("P-521");
		pub = ecc_public(pkey, CURVE_P521, 66, ALG_SHA512);
	} while (pub.x.p[0] != 0);
	struct tpm_signature sig = ecdsa(pkey, "SHA512", ALG_SHA512);
	ck_rc_ok(key_from_public(&pub, &k, NULL));
	ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
	key_free(k);
	pub.x = span_of(pub.x.p + 1, 65);
	ck_rc_ok(key_from_public(&pub, &k, NULL));
	ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
	key_free(k);
	EVP_PKEY_free(pkey);
}
END_TEST

/* Q17 */
START_TEST(ecdsa_ranges)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct tpm_public pub = ecc_public(pkey, CURVE_P256, 32, ALG_SHA256);
	const struct tpm_signature good = ecdsa(pkey, "SHA256", ALG_SHA256);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	const BIGNUM *order = EC_GROUP_get0_order(group);
	BIGNUM *s = BN_bin2bn(good.s.p, (int)good.s.n, NULL);
	uint8_t zeros[128] = {0};
	struct key *k;

	ck_rc_ok(key_from_public(&pub, &k, NULL));
	const struct span bad[] = {span_of(NULL, 0), span_of(zeros, 1),
	    span_of(zeros, 32), span_of(zeros, 128), bignum(order)};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tpm_signature sig = good;
		sig.r = bad[i];
		ck_rc_is(
		    key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIGNATURE);
		sig = good;
		sig.s = bad[i];
		ck_rc_is(
		    key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIGNATURE);
	}
	struct tpm_signature swapped = good;
	swapped.r = good.s;
	swapped.s = good.r;
	ck_rc_is(
	    key_verify(k, &swapped, MESSAGE, h, NULL), ERR_QUOTE_SIGNATURE);
	/* n - s is the same signature: high s is legal. */
	struct tpm_signature mirrored = good;
	ck_assert(BN_sub(s, order, s));
	mirrored.s = bignum(s);
	ck_rc_ok(key_verify(k, &mirrored, MESSAGE, h, NULL));
	BN_free(s);
	EC_GROUP_free(group);
	key_free(k);
	EVP_PKEY_free(pkey);
}
END_TEST

/* A18: RSA signatures whose first byte is zero may come without it. */
START_TEST(rsa_signature_begins_with_zero)
{
	struct tpm_public pub = rsa_public(rsa, ALG_RSASSA, ALG_SHA256);
	struct key *k;
	uint32_t data = 0;
	struct span sig;

	ck_rc_ok(key_from_public(&pub, &k, NULL));
	do {
		arena_reset(&a);
		data++;
		sig = sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0,
		    span_of(&data, sizeof(data)));
	} while (sig.p[0] != 0);
	struct tpm_signature t = {
	    .alg = ALG_RSASSA, .hash = ALG_SHA256, .rsa = sig};
	ck_rc_ok(key_verify(k, &t, span_of(&data, sizeof(data)), h, NULL));
	t.rsa = span_of(sig.p + 1, sig.n - 1);
	ck_rc_ok(key_verify(k, &t, span_of(&data, sizeof(data)), h, NULL));
	t.rsa = span_of(sig.p + 2, sig.n - 2);
	ck_rc_is(key_verify(k, &t, span_of(&data, sizeof(data)), h, NULL),
	    ERR_QUOTE_SIGNATURE);
	uint8_t longer[257] = {0};
	memcpy(longer + 1, sig.p, 256);
	t.rsa = span_of(longer, 257);
	ck_rc_is(key_verify(k, &t, span_of(&data, sizeof(data)), h, NULL),
	    ERR_QUOTE_SIGNATURE);
	t.rsa = span_of(NULL, 0);
	ck_rc_is(key_verify(k, &t, span_of(&data, sizeof(data)), h, NULL),
	    ERR_QUOTE_SIGNATURE);
	key_free(k);
}
END_TEST

/* Both schemes and each hash; a signature of one key is none of another. */
START_TEST(rsa_of_each_size)
{
	static const struct {
		unsigned bits;
		const char *name, *md;
		uint16_t hash;
	} sizes[] = {{2048, "rsa-2048", "SHA256", ALG_SHA256},
	    {3072, "rsa-3072", "SHA384", ALG_SHA384},
	    {4096, "rsa-4096", "SHA512", ALG_SHA512}};
	static const uint16_t schemes[] = {ALG_RSASSA, ALG_RSAPSS};
	EVP_PKEY *pkey = EVP_RSA_gen(sizes[_i].bits);

	for (size_t i = 0; i < 2; i++) {
		int padding = i ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
		struct tpm_public pub =
		    rsa_public(pkey, schemes[i], sizes[_i].hash);
		struct tpm_public other =
		    rsa_public(rsa, schemes[i], sizes[_i].hash);
		struct tpm_signature sig = {.alg = schemes[i],
		    .hash = sizes[_i].hash,
		    .rsa = sign(pkey, sizes[_i].md, padding,
			RSA_PSS_SALTLEN_DIGEST, MESSAGE)};
		struct key *k, *o;
		ck_rc_ok(key_check_ak(&pub, NULL));
		ck_rc_ok(key_from_public(&pub, &k, NULL));
		ck_rc_ok(key_from_public(&other, &o, NULL));
		ck_assert_str_eq(key_alg_name(k), sizes[_i].name);
		ck_assert(key_alg_known(span_str(sizes[_i].name)));
		ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
		ck_rc_is(key_verify(k, &sig, span_of(message, 2), h, NULL),
		    ERR_QUOTE_SIGNATURE);
		ck_rc_is(
		    key_verify(o, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIGNATURE);
		key_free(k);
		key_free(o);
	}
	ck_assert(!key_alg_known(span_str("rsa-1024")));
	EVP_PKEY_free(pkey);
}
END_TEST

/* A17 */
START_TEST(pss_with_any_salt)
{
	static const int salts[] = {
	    0, 20, RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX};
	struct tpm_public pub = rsa_public(rsa, ALG_RSAPSS, ALG_SHA256);
	struct key *k;

	ck_rc_ok(key_from_public(&pub, &k, NULL));
	for (size_t i = 0; i < 4; i++) {
		struct tpm_signature sig = {.alg = ALG_RSAPSS,
		    .hash = ALG_SHA256,
		    .rsa = sign(rsa, "SHA256", RSA_PKCS1_PSS_PADDING, salts[i],
			MESSAGE)};
		ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
		ck_rc_is(key_verify(k, &sig, span_of(message, 1), h, NULL),
		    ERR_QUOTE_SIGNATURE);
	}
	key_free(k);
}
END_TEST

/* Q15, Q16, Q18: only what is fixed in the key. */
START_TEST(scheme_is_the_keys)
{
	struct tpm_public pub = rsa_public(rsa, ALG_RSASSA, ALG_SHA256);
	struct tpm_signature sig = {.alg = ALG_RSAPSS,
	    .hash = ALG_SHA256,
	    .rsa = sign(rsa, "SHA256", RSA_PKCS1_PSS_PADDING,
		RSA_PSS_SALTLEN_DIGEST, MESSAGE)};
	struct key *k;

	ck_rc_ok(key_from_public(&pub, &k, NULL));
	ck_assert_uint_eq(key_scheme(k), ALG_RSASSA);
	ck_assert_uint_eq(key_scheme_hash(k), ALG_SHA256);
	ck_rc_is(key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_ALG);
	sig.alg = ALG_RSASSA;
	sig.hash = ALG_SHA384;
	sig.rsa = sign(rsa, "SHA384", RSA_PKCS1_PADDING, 0, MESSAGE);
	ck_rc_is(key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_ALG);
	sig.hash = ALG_SHA1;
	sig.rsa = sign(rsa, "SHA1", RSA_PKCS1_PADDING, 0, MESSAGE);
	ck_rc_is(key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_WEAK);
	sig.hash = 0x1234;
	ck_rc_is(key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_ALG);
	sig.hash = ALG_SM3_256;
	ck_rc_is(key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_ALG);
	key_free(k);
}
END_TEST

/* --- keys as SPKI --------------------------------------------------------- */

static struct span
spki(EVP_PKEY *pkey, bool pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	ck_assert_int_eq(
	    pem ? PEM_write_bio_PUBKEY(bio, pkey) : i2d_PUBKEY_bio(bio, pkey),
	    1);
	long n = BIO_get_mem_data(bio, &p);
	struct span out = arena_copy(&a, span_of(p, (size_t)n));
	BIO_free(bio);
	return out;
}

START_TEST(spki_keys)
{
	struct key *k;
	struct tpm_signature sig = {.alg = ALG_RSASSA,
	    .hash = ALG_SHA384,
	    .rsa = sign(rsa, "SHA384", RSA_PKCS1_PADDING, 0, MESSAGE)};

	for (int pem = 0; pem < 2; pem++) {
		ck_rc_ok(key_from_spki(spki(rsa, pem), &k, NULL));
		ck_assert_uint_eq(key_scheme(k), 0);
		ck_assert_str_eq(key_alg_name(k), "rsa-2048");
		ck_rc_ok(key_verify(k, &sig, MESSAGE, h, NULL));
		ck_rc_is(key_verify(k, &sig, span_of(message, 1), h, NULL),
		    ERR_QUOTE_SIGNATURE);
		sig.alg = ALG_ECDSA;
		ck_rc_is(
		    key_verify(k, &sig, MESSAGE, h, NULL), ERR_QUOTE_SIG_ALG);
		sig.alg = ALG_RSASSA;
		key_free(k);
	}
}
END_TEST

START_TEST(spki_refusals)
{
	static const char encrypted[] =
	    "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
	    "AAAA\n-----END PUBLIC KEY-----\n";
	EVP_PKEY *short_rsa = EVP_RSA_gen(1024);
	EVP_PKEY *odd_curve = EVP_EC_gen("secp256k1");
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct span der = spki(rsa, false);
	uint8_t *longer = arena_alloc(&a, der.n + 1);
	struct key *k = NULL;

	ck_rc_is(key_from_spki(spki(short_rsa, true), &k, NULL), ERR_AK_WEAK);
	ck_rc_is(key_from_spki(spki(odd_curve, true), &k, NULL), ERR_AK_WEAK);
	ck_rc_is(key_from_spki(spki(ed, true), &k, NULL), ERR_AK_WEAK);
	/* Nobody is asked for a password. */
	ck_rc_is(key_from_spki(span_str(encrypted), &k, NULL), ERR_AK_FORMAT);
	ck_rc_is(key_from_spki(span_str(""), &k, NULL), ERR_AK_FORMAT);
	memcpy(longer, der.p, der.n);
	for (size_t n = 0; n < der.n; n++)
		ck_rc_is(
		    key_from_spki(span_of(der.p, n), &k, NULL), ERR_AK_FORMAT);
	ck_rc_is(
	    key_from_spki(span_of(longer, der.n + 1), &k, NULL), ERR_AK_FORMAT);
	ck_assert_ptr_null(k);
	EVP_PKEY_free(short_rsa);
	EVP_PKEY_free(odd_curve);
	EVP_PKEY_free(ed);
}
END_TEST

/* --- threads -------------------------------------------------------------- */

struct job {
	const struct key *key;
	const struct tpm_signature *good, *bad;
	int wrong;
};

static void *
verify_often(void *arg)
{
	struct job *job = arg;
	struct hasher *own = hasher_new();

	for (int i = 0; i < 500; i++) {
		job->wrong +=
		    !rc_ok(key_verify(job->key, job->good, MESSAGE, own, NULL));
		job->wrong +=
		    rc_ok(key_verify(job->key, job->bad, MESSAGE, own, NULL));
	}
	hasher_free(own);
	return NULL;
}

START_TEST(threads_share_a_key)
{
	enum { THREADS = 4 };
	struct tpm_public pub = rsa_public(rsa, ALG_RSASSA, ALG_SHA256);
	struct tpm_signature good = {.alg = ALG_RSASSA,
	    .hash = ALG_SHA256,
	    .rsa = sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0, MESSAGE)};
	struct tpm_signature bad = good;
	struct job jobs[THREADS];
	pthread_t threads[THREADS];
	struct key *k;

	bad.rsa =
	    sign(rsa, "SHA256", RSA_PKCS1_PADDING, 0, span_of(message, 2));
	ck_rc_ok(key_from_public(&pub, &k, NULL));
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){k, &good, &bad, 0};
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, verify_often, &jobs[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(jobs[i].wrong, 0);
	}
	key_free(k);
	key_free(NULL);
}
END_TEST

/* --- what a decoded quote is asked ---------------------------------------- */

/* Q28, Q29 */
START_TEST(clock_never_goes_back)
{
	static const struct {
		uint32_t reset, restart;
		uint64_t clock;
		enum err_code code;
		bool rebooted;
	} rows[] = {
	    {5, 5, 500, ERR_OK, false},
	    {5, 5, 501, ERR_OK, false},
	    {5, 5, 499, ERR_QUOTE_CLOCK_BACK, false},
	    {5, 6, 1, ERR_OK, true},
	    {5, 4, 900, ERR_QUOTE_CLOCK_BACK, false},
	    {6, 0, 1, ERR_OK, true},
	    {4, 9, 900, ERR_QUOTE_CLOCK_BACK, false},
	};
	struct tpm_clock before = {.known = true,
	    .clock = 500,
	    .reset_count = 5,
	    .restart_count = 5,
	    .firmware = 1};
	const struct tpm_clock never = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tpm_quote q = {.clock = rows[i].clock,
		    .reset_count = rows[i].reset,
		    .restart_count = rows[i].restart};
		bool rebooted = false;
		ck_rc_is(quote_check_clock(&q, &before, &rebooted, NULL),
		    rows[i].code);
		ck_assert_int_eq(rebooted, rows[i].rebooted);
		ck_rc_ok(quote_check_clock(&q, &never, &rebooted, NULL));
		ck_assert(!rebooted);
	}
}
END_TEST

/* N01, N02, N10 */
START_TEST(nonce_is_exact)
{
	static const uint8_t zeros[64] = "0123456789abcdef";
	struct tpm_quote q = {.extra = span_of(zeros, 32)};

	ck_rc_ok(quote_check_nonce(&q, span_of(zeros, 32), NULL));
	for (size_t n = 0; n < 64; n++)
		if (n != 32)
			ck_rc_is(quote_check_nonce(&q, span_of(zeros, n), NULL),
			    ERR_QUOTE_NONCE);
	q.extra = span_of(NULL, 0);
	ck_rc_is(
	    quote_check_nonce(&q, span_of(NULL, 0), NULL), ERR_QUOTE_NONCE);
}
END_TEST

/* Q25, Q26 */
START_TEST(digest_has_the_signing_hashs_size)
{
	static const uint8_t bytes[64];
	struct tpm_quote q = {.pcr_digest = span_of(bytes, 48)};

	ck_rc_ok(quote_check_digest_size(&q, ALG_SHA384, NULL));
	ck_rc_is(quote_check_digest_size(&q, ALG_SHA256, NULL),
	    ERR_QUOTE_PCR_DIGEST);
	ck_rc_is(
	    quote_check_digest_size(&q, 0x1234, NULL), ERR_QUOTE_PCR_DIGEST);
}
END_TEST

START_TEST(names_need_a_hash)
{
	struct tpm_public pub = golden_ak();
	struct tpm_name name = {0}, none = {0};
	struct span recorded = tap_file(&a, GOLDEN "ak-rsassa.name");

	ck_rc_ok(key_name(&pub, h, &name, NULL));
	ck_assert(span_eq(span_of(name.b, name.n), recorded));
	ck_rc_is(key_qualified_name(&none, &name, h, &none, NULL), ERR_TPM_ALG);
	pub.name_alg = ALG_NULL;
	ck_rc_is(key_name(&pub, h, &name, NULL), ERR_TPM_ALG);
}
END_TEST

static TCase *
key_cases(void)
{
	TCase *t = tcase_create("key");

	tcase_add_test(t, each_attribute_counts);
	tcase_add_test(t, scheme_and_strength);
	tcase_add_test(t, other_keys_are_no_aks);
	tcase_add_test(t, a_key_that_can_be_factored);
	tcase_add_test(t, numbers_that_are_no_key);
	tcase_add_loop_test(t, points_that_are_no_key, 0, 3);
	tcase_add_loop_test(t, ecdsa_on_each_curve, 0, 3);
	tcase_add_test(t, p521_coordinates_begin_with_zeros);
	tcase_add_test(t, ecdsa_ranges);
	tcase_add_test(t, rsa_signature_begins_with_zero);
	tcase_add_loop_test(t, rsa_of_each_size, 0, 3);
	tcase_add_test(t, pss_with_any_salt);
	tcase_add_test(t, scheme_is_the_keys);
	tcase_add_test(t, spki_keys);
	tcase_add_test(t, spki_refusals);
	tcase_add_test(t, threads_share_a_key);
	return t;
}

static TCase *
quote_cases(void)
{
	TCase *t = tcase_create("quote");

	tcase_add_test(t, clock_never_goes_back);
	tcase_add_test(t, nonce_is_exact);
	tcase_add_test(t, digest_has_the_signing_hashs_size);
	tcase_add_test(t, names_need_a_hash);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("verify");
	TCase *cases[] = {key_cases(), quote_cases()};

	rsa = EVP_RSA_gen(2048);
	for (size_t i = 0; i < 2; i++) {
		tcase_set_timeout(cases[i], 60);
		tcase_add_checked_fixture(cases[i], setup, teardown);
		suite_add_tcase(s, cases[i]);
	}
	int r = tap_run(s);
	EVP_PKEY_free(rsa);
	return r;
}
