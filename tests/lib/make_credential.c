/* SPDX-License-Identifier: Apache-2.0 */
/* make_credential EK.pub AK.name SECRET OUT: our credential in the file format
 * of tpm2-tools, for a TPM to open. */
#include "verify/credential.h"

#include <stdio.h>
#include <stdlib.h>

static struct span
slurp(struct arena *a, const char *path)
{
	uint8_t *p = arena_alloc(a, LIMIT_PUBLIC);
	FILE *f = fopen(path, "rb");
	size_t n = f && p ? fread(p, 1, LIMIT_PUBLIC, f) : 0;

	if (!n) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(2);
	}
	fclose(f);
	return span_of(p, n);
}

static rc
make(char **argv, struct hasher *h, struct arena *a, struct credential *out,
    struct err *e)
{
	struct span name = slurp(a, argv[2]);
	struct tpm_public ek;
	struct tpm_name ak = {.n = name.n};

	if (name.n > sizeof(ak.b))
		return err_at(e, ERR_TPM_FORMAT, NULL, "name");
	memcpy(ak.b, name.p, name.n);
	TRY(tpm_decode_public(slurp(a, argv[1]), a, &ek, e));
	return credential_make(&ek, &ak, slurp(a, argv[3]), h, a, out, e);
}

int
main(int argc, char **argv)
{
	static const uint8_t magic[] = {
	    0xba, 0xdc, 0xc0, 0xde, 0x00, 0x00, 0x00, 0x01};
	struct hasher *h = hasher_new();
	struct arena a;
	struct err e = {0};
	struct credential c;

	if (argc != 5 || !h)
		return 2;
	arena_init(&a, 1024 * 1024);
	if (!rc_ok(make(argv, h, &a, &c, &e))) {
		fprintf(stderr, "%s at %s\n", err_name(e.code), e.path);
		return 1;
	}
	FILE *f = fopen(argv[4], "wb");
	if (!f)
		return 2;
	bool ok = fwrite(magic, sizeof(magic), 1, f) == 1 &&
		  fwrite(c.blob.p, c.blob.n, 1, f) == 1 &&
		  fwrite(c.secret.p, c.secret.n, 1, f) == 1;
	ok &= fclose(f) == 0;
	arena_free(&a);
	hasher_free(h);
	return ok ? 0 : 2;
}
