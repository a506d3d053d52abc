/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists, good and with one thing wrong (K04). */
#include "lib/tap.h"
#include "unit/verify/issue_crl.h"
#include "verify/ek.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena a;
static const int64_t now = 1795165200 * TIME_S; /* 2026-11-20 */

/* --- a maker with two endorsement certificates ---------------------------- */

static struct issued root, middle, bad, good, plain;
static struct anchors *anchors;

static void
setup(void)
{
	arena_init(&a, 16 * 1024 * 1024);
	root = issue(&(struct issue){.name = "root",
	    .ca = true,
	    .usage = "critical,keyCertSign,cRLSign"});
	middle = issue(&(struct issue){.name = "middle",
	    .ca = true,
	    .by = &root,
	    .usage = "critical,keyCertSign,cRLSign",
	    .serial_bytes = 2});
	bad = issue(&(struct issue){.name = "bad",
	    .by = &middle,
	    .serial_bytes = 21,
	    .serial_negative = true});
	good = issue(
	    &(struct issue){.name = "good", .by = &middle, .serial_bytes = 20});
	/* Signs certificates alone. */
	plain = issue(&(struct issue){.name = "plain", .ca = true});
	const struct issued *all[] = {&root, &middle, &plain};
	ck_rc_ok(
	    anchors_add(&anchors, issue_pem(&a, all, 3), ROT_DISCRETE, NULL));
}

static void
teardown(void)
{
	anchors_free(anchors);
	anchors = NULL;
	issue_free(&root);
	issue_free(&middle);
	issue_free(&bad);
	issue_free(&good);
	issue_free(&plain);
	arena_free(&a);
}

static enum err_code
judged(const struct issued *ek, struct ek_identity *id)
{
	struct ek_identity ignored;
	struct cert cert;

	ck_rc_ok(cert_decode(issue_der(&a, ek), &cert, NULL));
	rc r = ek_check_chain(
	    anchors, &cert, NULL, 0, now, id ? id : &ignored, NULL);
	cert_free(&cert);
	return r.code;
}

static void
add(const struct issue_crl *spec)
{
	ck_rc_ok(crls_add(anchors, issue_crl_der(&a, spec), NULL));
}

/* --- what lists do -------------------------------------------------------- */

START_TEST(a_revoked_certificate)
{
	struct ek_identity of_bad, of_good;

	ck_assert_int_eq(judged(&bad, &of_bad), ERR_OK);
	ck_assert_int_eq(judged(&good, &of_good), ERR_OK);
	ck_rc_ok(ek_check_revoked(anchors, &of_bad, NULL));
	add(&(struct issue_crl){.by = &middle, .names = {&bad}});
	ck_assert_int_eq(judged(&bad, NULL), ERR_EK_REVOKED);
	ck_assert_int_eq(judged(&good, NULL), ERR_OK);
	/* Enrolled before it was revoked. */
	ck_rc_is(ek_check_revoked(anchors, &of_bad, NULL), ERR_EK_REVOKED);
	ck_rc_ok(ek_check_revoked(anchors, &of_good, NULL));
	/* Another maker's certificate of the same number; no certificate. */
	snprintf(of_bad.issuer, sizeof(of_bad.issuer), "CN=other");
	ck_rc_ok(ek_check_revoked(anchors, &of_bad, NULL));
	ck_rc_ok(ek_check_revoked(anchors, &(struct ek_identity){0}, NULL));
	ck_rc_ok(ek_check_revoked(NULL, &of_good, NULL));
}
END_TEST

START_TEST(a_revoked_issuer)
{
	add(&(struct issue_crl){.by = &root, .names = {&middle}});
	ck_assert_int_eq(judged(&good, NULL), ERR_EK_REVOKED);
}
END_TEST

/* The root's list says nothing about what another issued. */
START_TEST(issuers_without_a_list)
{
	add(&(struct issue_crl){.by = &root, .names = {&bad, &good}});
	ck_assert_int_eq(judged(&bad, NULL), ERR_OK);
}
END_TEST

START_TEST(an_entry_taken_back)
{
	struct ek_identity id;

	add(&(struct issue_crl){
	    .by = &middle, .names = {&bad}, .removed = true});
	ck_assert_int_eq(judged(&bad, &id), ERR_OK);
	ck_rc_ok(ek_check_revoked(anchors, &id, NULL));
}
END_TEST

START_TEST(a_stale_list)
{
	add(&(struct issue_crl){
	    .by = &middle, .names = {&bad}, .to = "20261101000000Z"});
	ck_assert_int_eq(judged(&good, NULL), ERR_EK_CRL);
	crls_accept_stale(anchors);
	ck_assert_int_eq(judged(&good, NULL), ERR_OK);
	ck_assert_int_eq(judged(&bad, NULL), ERR_EK_REVOKED);
}
END_TEST

START_TEST(a_list_of_the_future)
{
	add(&(struct issue_crl){.by = &middle, .from = "20270101000000Z"});
	ck_assert_int_eq(judged(&good, NULL), ERR_EK_CRL);
	crls_accept_stale(anchors);
	ck_assert_int_eq(judged(&good, NULL), ERR_EK_CRL);
}
END_TEST

START_TEST(what_no_program_understands)
{
	add(&(struct issue_crl){.by = &middle, .unknown_critical = true});
	ck_assert_int_eq(judged(&good, NULL), ERR_EK_CRL);
}
END_TEST

/* --- what is refused ------------------------------------------------------ */

START_TEST(lists_of_strangers)
{
	struct issued other = issue(&(struct issue){.name = "middle",
	    .ca = true,
	    .usage = "critical,keyCertSign,cRLSign"});
	struct err e;

	ck_rc_is(crls_add(anchors,
		     issue_crl_der(&a, &(struct issue_crl){.by = &other}), &e),
	    ERR_EK_CRL);
	ck_assert_ptr_nonnull(strstr(e.text, "none of the trust anchors"));
	/* An authority that may not sign lists. */
	ck_rc_is(crls_add(anchors,
		     issue_crl_der(&a, &(struct issue_crl){.by = &plain}), &e),
	    ERR_EK_CRL);
	ck_assert_int_eq(judged(&good, NULL), ERR_OK);
	issue_free(&other);
}
END_TEST

START_TEST(lists_that_are_not_complete)
{
	static const char *const points[] = {"critical,indirectCRL:TRUE",
	    "critical,onlysomereasons:keyCompromise", "critical,onlyAA:TRUE"};
	struct err e;

	ck_rc_is(crls_add(anchors,
		     issue_crl_der(
			 &a, &(struct issue_crl){.by = &middle, .delta = true}),
		     &e),
	    ERR_EK_CRL);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		ck_rc_is(
		    crls_add(anchors,
			issue_crl_der(&a, &(struct issue_crl){.by = &middle,
					      .point = points[i]}),
			&e),
		    ERR_EK_CRL);
	ck_assert_ptr_nonnull(strstr(e.text, "must be complete"));
	add(&(struct issue_crl){
	    .by = &middle, .point = "critical,onlyuser:TRUE", .names = {&bad}});
	ck_assert_int_eq(judged(&bad, NULL), ERR_EK_REVOKED);
}
END_TEST

START_TEST(bytes_that_are_no_list)
{
	struct span der = issue_crl_der(
	    &a, &(struct issue_crl){.by = &middle, .names = {&bad}});
	uint8_t *more = arena_alloc(&a, der.n + 1);

	for (size_t n = 0; n < der.n; n++)
		ck_rc_is(
		    crls_add(anchors, span_of(der.p, n), NULL), ERR_EK_CRL);
	memcpy(more, der.p, der.n);
	more[der.n] = 0;
	ck_rc_is(crls_add(anchors, span_of(more, der.n + 1), NULL), ERR_EK_CRL);
	/* One bit anywhere: the signature, or the form, is broken. */
	for (size_t i = 0; i < der.n; i++) {
		more[i] ^= 1;
		ck_rc_is(
		    crls_add(anchors, span_of(more, der.n), NULL), ERR_EK_CRL);
		more[i] ^= 1;
	}
	ck_rc_is(crls_add(anchors, span_str("no PEM"), NULL), ERR_EK_CRL);
	ck_assert_int_eq(judged(&bad, NULL), ERR_OK);
}
END_TEST

/* A good list before a broken one does not hide it. */
START_TEST(files_of_several)
{
	const struct issue_crl two[] = {
	    {.by = &middle, .names = {&bad}}, {.by = &root}};
	struct span pem = issue_crl_pem(&a, two, 2);
	uint8_t first[32], second[32], third[32];

	ck_rc_is(
	    crls_add(anchors, span_of(pem.p, pem.n - 100), NULL), ERR_EK_CRL);
	ck_assert(!crls_digest(anchors, 0, first));
	ck_rc_ok(crls_add(anchors, pem, NULL));
	ck_assert(crls_digest(anchors, 0, first));
	ck_assert(crls_digest(anchors, 1, second));
	ck_assert(!crls_digest(anchors, 2, third));
	ck_assert(!crls_digest(NULL, 0, third));
	ck_assert_mem_ne(first, second, 32);
	ck_assert_int_eq(judged(&bad, NULL), ERR_EK_REVOKED);
	/* Anchors that come later leave the lists as they are. */
	struct issued late = issue(&(struct issue){.name = "late", .ca = true});
	const struct issued *one[] = {&late};
	ck_rc_ok(
	    anchors_add(&anchors, issue_pem(&a, one, 1), ROT_DISCRETE, NULL));
	ck_assert_int_eq(judged(&bad, NULL), ERR_EK_REVOKED);
	ck_assert(crls_digest(anchors, 1, third));
	ck_assert_mem_eq(second, third, 32);
	issue_free(&late);
}
END_TEST

START_TEST(too_many_lists)
{
	struct span der = issue_crl_der(&a, &(struct issue_crl){.by = &middle});

	for (int i = 0; i < 256; i++)
		ck_rc_ok(crls_add(anchors, der, NULL));
	ck_rc_is(crls_add(anchors, der, NULL), ERR_EK_CRL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crl");
	TCase *t = tcase_create("crl");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_revoked_certificate);
	tcase_add_test(t, a_revoked_issuer);
	tcase_add_test(t, issuers_without_a_list);
	tcase_add_test(t, an_entry_taken_back);
	tcase_add_test(t, a_stale_list);
	tcase_add_test(t, a_list_of_the_future);
	tcase_add_test(t, what_no_program_understands);
	tcase_add_test(t, lists_of_strangers);
	tcase_add_test(t, lists_that_are_not_complete);
	tcase_add_test(t, bytes_that_are_no_list);
	tcase_add_test(t, files_of_several);
	tcase_add_test(t, too_many_lists);
	suite_add_tcase(s, t);
	return tap_run(s);
}
