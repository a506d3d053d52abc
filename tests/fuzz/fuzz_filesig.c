/* SPDX-License-Identifier: Apache-2.0 */
/* A signature over a file from anywhere, of security.ima or appended to a
 * module: only those that were made with the key hold, and only over the one
 * file that it signed. */
#include "base/text.h"
#include "verify/filesig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VERITY = 1, MODSIG = 2, DIGEST = 32 };

/* tests/vectors/ima/signer-ec.der, and SHA-256 of what it signed. */
static const char certificate[] =
    "MIIBrzCCAVSgAwIBAgIUW9OG-TcSt1GWgtpZzyGDTo98ERQwCgYIKoZIzj0EAwIw"
    "JTEjMCEGA1UEAwwaYWthc2hpIHRlc3QgZmlsZSBzaWduZXIgZWMwIBcNMjYxMTIw"
    "MTQxNzA2WhgPMjEyNjEwMjcxNDE3MDZaMCUxIzAhBgNVBAMMGmFrYXNoaSB0ZXN0"
    "IGZpbGUgc2lnbmVyIGVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsL_u9LaV"
    "KkrSAKdG9ysgeSOJ2ORKkVnqhSg--IKQrCOeax8X5_lSK_16Eud_pHSlcg_J_Afp"
    "SBlJaAsnKsMycKNgMF4wHwYDVR0jBBgwFoAUZeo9eq1VMtyTTbkDh6PkLMtTL9Uw"
    "DwYDVR0TAQH_BAUwAwEB_zAdBgNVHQ4EFgQUZeo9eq1VMtyTTbkDh6PkLMtTL9Uw"
    "CwYDVR0PBAQDAgeAMAoGCCqGSM49BAMCA0kAMEYCIQDCIUuxGhMxwmqTiM1yVpBe"
    "896e4twg3Cw5QePL6s51ogIhAMIJdNGremgooSLL1UEkkyjhE-R2I1-Tl3529Kk_"
    "2zvm";
static const uint8_t signed_file[DIGEST] = {
    0x2f,
    0x78,
    0x6a,
    0xe6,
    0xb6,
    0x15,
    0x4b,
    0xed,
    0x8c,
    0x66,
    0xaf,
    0x88,
    0x37,
    0xcb,
    0x8b,
    0x08,
    0x7d,
    0xa1,
    0x2f,
    0x76,
    0x54,
    0xf4,
    0xdf,
    0x42,
    0x02,
    0x87,
    0x90,
    0xaa,
    0xcb,
    0x93,
    0xf1,
    0xf6,
};

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static struct file_key *
key(void)
{
	static struct file_key *k;
	struct arena a;
	struct span der;

	if (k)
		return k;
	arena_init(&a, 1 << 16);
	check(rc_ok(base64url_decode(span_str(certificate), &a, &der)));
	check(rc_ok(file_key_from_cert(der, &k, NULL)));
	arena_free(&a);
	return k;
}

/* What is to be checked, the digest, the signature. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct file_key *keys[] = {key()};
	const struct hash_alg *alg = hash_by_id(ALG_SHA256);

	if (size < 1 + DIGEST)
		return 0;
	const uint8_t *digest = data + 1;
	struct span sig = span_of(data + 1 + DIGEST, size - 1 - DIGEST);
	const struct filesig_subject file = {alg, digest, data[0] & VERITY};
	enum filesig got = data[0] & MODSIG
			       ? filesig_check_modsig(
				     keys, 1, sig, alg, span_of(digest, DIGEST))
			       : filesig_check(keys, 1, sig, &file);
	check(got != FILESIG_GOOD || memcmp(digest, signed_file, DIGEST) == 0);
	check((got == FILESIG_ABSENT) == (sig.n == 0));
	return 0;
}
