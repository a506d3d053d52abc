/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/soft_tpm.h"

#include "lib/recorded.h"
#include "lib/tap.h"
#include "verify/kdf.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>

enum { PCRS = 16, POINT = 65 };

static struct span
keep(struct soft_tpm *t, struct buf *b)
{
	ck_assert(!b->failed);
	struct span s = arena_copy(t->a, buf_span(b));
	buf_free(b);
	return s;
}

/* --- keys ----------------------------------------------------------------- */

static void
name_of(struct soft_tpm *t, struct span public, struct tpm_name *out)
{
	struct tpm_public pub;

	ck_rc_ok(tpm_decode_public(public, t->a, &pub, NULL));
	ck_rc_ok(key_name(&pub, t->h, out, NULL));
}

void
soft_tpm_new_ak(struct soft_tpm *t)
{
	struct buf b = {0};

	EVP_PKEY_free(t->ak);
	t->ak = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(t->ak);
	const struct soft_area area = soft_ak_area(t->ak, span_of("", 0));
	soft_put_public(&b, t->ak, &area);
	t->ak_public = keep(t, &b);
	name_of(t, t->ak_public, &t->ak_name);
	ck_rc_ok(key_qualified_name(
	    &t->ek_name, &t->ak_name, t->h, &t->qualified, NULL));
}

/* EK Credential Profile, template L-2. */
static void
make_ek(struct soft_tpm *t)
{
	static const uint8_t policy[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84,
	    0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
	    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b,
	    0x33, 0x14, 0x69, 0xaa};
	static const struct soft_area area = {.name_alg = ALG_SHA256,
	    .attributes = 0x000300b2,
	    .policy = {policy, sizeof(policy)},
	    .storage = true,
	    .scheme = ALG_NULL};
	struct buf b = {0};

	soft_put_public(&b, t->ek, &area);
	t->ek_public = keep(t, &b);
	name_of(t, t->ek_public, &t->ek_name);
}

void
soft_tpm_new(
    struct soft_tpm *t, EVP_PKEY *ek, struct arena *a, struct hasher *h)
{
	*t = (struct soft_tpm){.a = a,
	    .h = h,
	    .ek = ek ? ek : EVP_EC_gen("P-256"),
	    .ek_borrowed = ek != NULL,
	    .clock = 100000,
	    .resets = 3,
	    .restarts = 1,
	    .firmware = 0x2019102300163636};
	ck_assert_ptr_nonnull(t->ek);
	make_ek(t);
	soft_tpm_new_ak(t);
}

void
soft_tpm_free(struct soft_tpm *t)
{
	if (!t->ek_borrowed)
		EVP_PKEY_free(t->ek);
	EVP_PKEY_free(t->ak);
	buf_free(&t->ima);
}

/* --- PCRs ----------------------------------------------------------------- */

void
soft_tpm_boot(struct soft_tpm *t, const char *boot)
{
	const char *below = arena_printf(t->a, "boots/%s", boot);
	struct banks banks = recorded_pcrs(t->a, below);
	const struct bank *b = banks_get(&banks, ALG_SHA256);
	struct span ima =
	    tap_file(t->a, arena_printf(t->a, VM "%s/ima.bin", below));

	ck_assert_ptr_nonnull(b);
	for (size_t i = 0; i < LIMIT_PCRS; i++)
		memcpy(t->pcr[i], b->pcr[i], sizeof(t->pcr[i]));
	t->eventlog =
	    tap_file(t->a, arena_printf(t->a, VM "%s/eventlog.bin", below));
	buf_free(&t->ima);
	buf_put(&t->ima, ima.p, ima.n);
	t->resets++;
	t->clock += 1000;
}

static void
put_le(struct buf *b, uint32_t v)
{
	uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 24)};

	buf_put(b, le, sizeof(le));
}

static void
put_field(struct buf *b, const void *p, size_t n)
{
	put_le(b, (uint32_t)n);
	buf_put(b, p, n);
}

/* d-ng, n-ng, sig */
static void
put_template(
    struct soft_tpm *t, struct buf *b, const char *path, const char *content)
{
	uint8_t digest[8 + 32] = "sha256:";

	ck_rc_ok(hash_of(t->h, ALG_SHA256, span_str(content), digest + 8));
	put_field(b, digest, sizeof(digest));
	put_field(b, path, strlen(path) + 1);
	put_field(b, "", 0);
}

void
soft_tpm_measure(struct soft_tpm *t, const char *path, const char *content)
{
	static const char name[] = "ima-sig";
	uint8_t sha1[20], step[64];
	struct buf data = {0};

	put_template(t, &data, path, content);
	ck_rc_ok(hash_of(t->h, ALG_SHA1, buf_span(&data), sha1));
	memcpy(step, t->pcr[10], 32);
	ck_rc_ok(hash_of(t->h, ALG_SHA256, buf_span(&data), step + 32));
	ck_rc_ok(
	    hash_of(t->h, ALG_SHA256, span_of(step, sizeof(step)), t->pcr[10]));
	put_le(&t->ima, 10);
	buf_put(&t->ima, sha1, sizeof(sha1));
	put_field(&t->ima, name, sizeof(name) - 1);
	put_field(&t->ima, data.p, data.n);
	buf_free(&data);
}

/* --- quotes --------------------------------------------------------------- */

struct span
soft_selection(struct arena *a, const uint32_t *masks, size_t n)
{
	struct buf b = {0};

	soft_put_u32(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const uint8_t bits[] = {3, (uint8_t)masks[i],
		    (uint8_t)(masks[i] >> 8), (uint8_t)(masks[i] >> 16)};
		soft_put_u16(&b, ALG_SHA256);
		buf_put(&b, bits, sizeof(bits));
	}
	struct span s = arena_copy(a, buf_span(&b));
	buf_free(&b);
	return s;
}

static void
put_digest(struct soft_tpm *t, struct buf *b)
{
	uint8_t digest[32];

	ck_rc_ok(hash_of(t->h, ALG_SHA256,
	    span_of(t->pcr, sizeof(t->pcr[0]) * PCRS), digest));
	soft_put_sized(b, span_of(digest, sizeof(digest)));
}

static void
put_attest(struct soft_tpm *t, struct span nonce, const struct soft_quote *how,
    struct buf *b)
{
	static const uint32_t all[] = {0xffff};
	uint8_t safe = !t->unsafe;

	soft_put_u32(b, how->magic ? how->magic : 0xff544347);
	soft_put_u16(b, how->type ? how->type : 0x8018);
	soft_put_sized(b, how->signer.p
			      ? how->signer
			      : span_of(t->qualified.b, t->qualified.n));
	soft_put_sized(b, nonce);
	soft_put_u64(b, t->clock);
	soft_put_u32(b, t->resets);
	soft_put_u32(b, t->restarts);
	buf_put(b, &safe, 1);
	soft_put_u64(b, t->firmware);
	struct span selection =
	    how->selection.p ? how->selection : soft_selection(t->a, all, 1);
	buf_put(b, selection.p, selection.n);
	if (how->digest.p)
		soft_put_sized(b, how->digest);
	else
		put_digest(t, b);
	buf_put(b, how->tail.p ? (const void *)how->tail.p : "", how->tail.n);
}

static void
flip(struct buf *b, size_t bit)
{
	if (bit)
		b->p[(bit - 1) / 8 % b->n] ^= (char)(1 << (bit - 1) % 8);
}

struct soft_signed
soft_tpm_quote(
    struct soft_tpm *t, struct span nonce, const struct soft_quote *how)
{
	struct buf attest = {0}, signature = {0};

	put_attest(t, nonce, how, &attest);
	soft_put_signature(
	    &signature, how->key ? how->key : t->ak, buf_span(&attest));
	flip(&attest, how->flip);
	flip(&signature, how->flip_signature);
	t->clock += 10;
	struct span a = keep(t, &attest);
	return (struct soft_signed){a, keep(t, &signature)};
}

/* --- credentials ---------------------------------------------------------- */

static EVP_PKEY *
peer_key(struct span x, struct span y)
{
	uint8_t point[POINT] = {4};
	char group[] = "P-256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
				   OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
	    OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, x.p, 32);
	memcpy(point + 33, y.p, 32);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Part 1, C.6.4: the seed from the ephemeral point. */
static void
share(const struct soft_tpm *t, struct span secret, uint8_t seed[32])
{
	struct span x = span_of(secret.p + 4, 32);
	struct span y = span_of(secret.p + 38, 32);
	struct tpm_public ek;
	uint8_t z[32];
	size_t n = sizeof(z);

	ck_assert_uint_eq(secret.n, 2 + 2 * 34);
	EVP_PKEY *peer = peer_key(x, y);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(t->ek, NULL);
	ck_assert_int_eq(EVP_PKEY_derive_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	ck_assert_int_eq(EVP_PKEY_derive(ctx, z, &n), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ck_rc_ok(tpm_decode_public(t->ek_public, t->a, &ek, NULL));
	const struct kdf_parties parties = {span_of(z, n), x, ek.x};
	ck_rc_ok(kdf_e(t->h, ALG_SHA256, &parties, "IDENTITY", seed, 32));
}

static void
decrypt(const uint8_t key[16], struct span in, uint8_t *out)
{
	static const uint8_t iv[16] = {0};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	ck_assert_int_eq(
	    EVP_DecryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv), 1);
	ck_assert_int_eq(EVP_DecryptUpdate(ctx, out, &n, in.p, (int)in.n), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* blob: size, HMAC as a TPM2B, encrypted TPM2B of the credential. */
bool
soft_tpm_open(const struct soft_tpm *t, struct span blob, struct span secret,
    struct span *out)
{
	uint8_t seed[32], key[32], mac[32], text[256];
	struct span name = span_of(t->ak_name.b, t->ak_name.n);
	uint8_t signed_bytes[512];
	unsigned n = sizeof(mac);

	ck_assert(blob.n > 36 && blob.n - 36 <= sizeof(text));
	struct span cipher = span_of(blob.p + 36, blob.n - 36);
	share(t, secret, seed);
	ck_rc_ok(kdf_a(ALG_SHA256, span_of(seed, 32), "INTEGRITY",
	    span_of(NULL, 0), key, 32));
	memcpy(signed_bytes, cipher.p, cipher.n);
	memcpy(signed_bytes + cipher.n, name.p, name.n);
	HMAC(EVP_sha256(), key, 32, signed_bytes, cipher.n + name.n, mac, &n);
	if (memcmp(mac, blob.p + 4, 32) != 0)
		return false;
	ck_rc_ok(
	    kdf_a(ALG_SHA256, span_of(seed, 32), "STORAGE", name, key, 16));
	decrypt(key, cipher, text);
	*out = arena_copy(t->a, span_of(text + 2, cipher.n - 2));
	return true;
}
