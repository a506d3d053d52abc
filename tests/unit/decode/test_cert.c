/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "decode/cert.h"
#include "lib/tap.h"

#define RSA_CERT "/tests/vectors/vm/boots/grub-sb-golden/ekcert-rsa.der"

static struct arena a;
static struct span der;

static void
setup(void)
{
	arena_init(&a, 1024 * 1024);
	der = tap_file(&a, RSA_CERT);
}

static void
teardown(void)
{
	arena_free(&a);
}

static enum err_code
code(struct span bytes)
{
	struct cert cert;
	rc r = cert_decode(bytes, &cert, NULL);

	if (rc_ok(r))
		cert_free(&cert);
	return r.code;
}

/* before ‖ der ‖ n times fill ‖ last (if not fill) */
static struct span
around(struct span before, size_t n, uint8_t fill, uint8_t last)
{
	size_t whole = before.n + der.n + n;
	uint8_t *p = arena_alloc(&a, whole);

	ck_assert_ptr_nonnull(p);
	if (before.n)
		memcpy(p, before.p, before.n);
	memcpy(p + before.n, der.p, der.n);
	memset(p + before.n + der.n, fill, n);
	if (n)
		p[whole - 1] = last;
	return span_of(p, whole);
}

START_TEST(padding_of_an_nv_area)
{
	static const struct {
		size_t n;
		uint8_t fill, last;
		enum err_code code;
	} rows[] = {
	    {0, 0, 0, ERR_OK},
	    {1, 0, 0, ERR_OK},
	    {1, 0xff, 0xff, ERR_OK},
	    {700, 0, 0, ERR_OK},
	    {700, 0xff, 0xff, ERR_OK},
	    {1, 0x30, 0x30, ERR_EK_FORMAT},
	    {700, 0, 1, ERR_EK_FORMAT},
	    {700, 0, 0xff, ERR_EK_FORMAT},
	    {700, 0xff, 0, ERR_EK_FORMAT},
	    {LIMIT_CERT, 0, 0, ERR_EK_FORMAT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = around(
		    span_of(NULL, 0), rows[i].n, rows[i].fill, rows[i].last);
		struct cert cert = {.x509 = NULL};
		rc r = cert_decode(in, &cert, NULL);
		ck_assert_msg(
		    r.code == rows[i].code, "row %zu: %s", i, err_name(r.code));
		if (rc_ok(r)) {
			ck_assert(span_eq(cert.der, der));
			ck_assert_uint_eq(cert.padding, rows[i].n);
		}
		cert_free(&cert);
		cert_free(&cert);
	}
	cert_free(NULL);
}
END_TEST

START_TEST(header_of_tpm_12)
{
	const uint8_t n1 = (uint8_t)((der.n + 2) >> 8),
		      n0 = (uint8_t)(der.n + 2);
	const uint8_t full[] = {0x10, 0x01, 0x00, n1, n0, 0x10, 0x02};
	struct cert cert;

	ck_rc_ok(cert_decode(
	    around(span_of(full, sizeof(full)), 5, 0xff, 0xff), &cert, NULL));
	ck_assert(span_eq(cert.der, der));
	ck_assert_uint_eq(cert.padding, 5);
	cert_free(&cert);
	ck_assert_int_eq(code(around(span_of(full, 5), 0, 0, 0)), ERR_OK);
	ck_assert_int_eq(
	    code(around(span_of(full, 3), 0, 0, 0)), ERR_EK_FORMAT);
	ck_assert_int_eq(
	    code(around(span_of(full, 5), 4, 0, 7)), ERR_EK_FORMAT);
	ck_assert_int_eq(code(span_of(full, sizeof(full))), ERR_EK_FORMAT);
}
END_TEST

START_TEST(every_prefix_is_refused)
{
	for (size_t n = 0; n < der.n; n++)
		ck_assert_int_eq(code(span_of(der.p, n)), ERR_EK_FORMAT);
	ck_assert_int_eq(code(der), ERR_OK);
}
END_TEST

START_TEST(other_der_is_refused)
{
	static const struct {
		uint8_t n, b[8];
	} rows[] = {
	    {2, {0x30, 0x00}}, {4, {0x30, 0x02, 0x05, 0x00}},
	    {2, {0x30, 0x80}},				     /* indefinite */
	    {5, {0x30, 0x81, 0x02, 0x05, 0x00}},	     /* too short */
	    {6, {0x30, 0x84, 0x00, 0x00, 0x00, 0x00}},	     /* long form */
	    {4, {0x31, 0x02, 0x05, 0x00}},		     /* a SET */
	    {8, {0x30, 0x06, 0x30, 0x00, 0x30, 0x00, 3, 0}}, /* empty TBS */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(
		    code(span_of(rows[i].b, rows[i].n)), ERR_EK_FORMAT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cert");
	TCase *t = tcase_create("cert");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, padding_of_an_nv_area);
	tcase_add_test(t, header_of_tpm_12);
	tcase_add_test(t, every_prefix_is_refused);
	tcase_add_test(t, other_der_is_refused);
	suite_add_tcase(s, t);
	return tap_run(s);
}
