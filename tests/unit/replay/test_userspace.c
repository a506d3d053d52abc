/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of the running system on top of a boot, against a quote. */
#include "lib/tap.h"
#include "replay/userspace.h"

#include <stdlib.h>

enum { MANY = 64 };

static struct hasher *hasher;
static struct cel_record records[MANY];
static struct cel_digest digests[MANY][2];
static uint8_t bytes[MANY][2][HASH_MAX];
static struct cel_log log_;
static struct banks boot, values;
static const struct pcr_selections quoted = {
    2, {{ALG_SHA256, 1u << 4 | 1u << 7 | 1u << 11 | 1u << 15},
	   {ALG_SHA1, 1u << 4}}};

/* A record with digests of both banks that no other record has. */
static void
put(bool nv, uint32_t where)
{
	static const uint16_t algs[] = {ALG_SHA256, ALG_SHA1};
	size_t i = log_.records_n++;

	for (size_t b = 0; b < 2; b++) {
		bytes[i][b][0] = (uint8_t)(i + 1);
		digests[i][b] =
		    (struct cel_digest){hash_by_id(algs[b]), bytes[i][b]};
	}
	records[i] = (struct cel_record){.index = (uint32_t)i,
	    .nv = nv,
	    .where = where,
	    .type = CEL_TYPE_SYSTEMD,
	    .digests_n = 2,
	    .digests = digests[i]};
	log_.records = records;
}

/* Separators in PCR 4 and 7, phases in 11, something in 15 and elsewhere. */
static void
setup(void)
{
	static const uint32_t where[] = {4, 7, 11, 15, 12, 11, 15, 11};

	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
	log_ = (struct cel_log){.format = CEL_SYSTEMD};
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
		put(false, where[i]);
	put(true, 0x1d10200);
	boot.n = 2;
	bank_init(&boot.bank[0], ALG_SHA1, 0);
	bank_init(&boot.bank[1], ALG_SHA256, 3);
	for (size_t p = 0; p < 8; p++)
		boot.bank[0].pcr[p][0] = boot.bank[1].pcr[p][0] = 7;
	values = boot;
}

static void
teardown(void)
{
	hasher_free(hasher);
}

static struct userspace_match
find(uint32_t lenient)
{
	struct userspace_match m;

	ck_rc_ok(userspace_find(
	    &log_, &quoted, &boot, &values, lenient, hasher, &m));
	return m;
}

static struct userspace_match
find_digest(bool more, bool *met)
{
	uint8_t digest[HASH_MAX];
	struct userspace_match m;
	struct tpm_quote q = {.selection = quoted};

	ck_assert(
	    banks_composite(&values, &quoted, ALG_SHA256, hasher, digest));
	q.pcr_digest = span_of(digest, 32);
	ck_rc_ok(userspace_find_digest(
	    &log_, &q, ALG_SHA256, &boot, more, hasher, met, &m));
	return m;
}

static bool
same_values(const struct banks *a, const struct banks *b)
{
	for (size_t i = 0; i < quoted.n; i++)
		for (unsigned p = 0; p < LIMIT_PCRS; p++) {
			uint16_t alg = quoted.bank[i].alg;
			if ((quoted.bank[i].mask & 1u << p) &&
			    memcmp(banks_get(a, alg)->pcr[p],
				banks_get(b, alg)->pcr[p],
				hash_by_id(alg)->size) != 0)
				return false;
		}
	return true;
}

/* Any number of records may have been measured when the quote was taken. */
START_TEST(a_quote_covers_a_number_of_records)
{
	for (size_t n = 0; n <= log_.records_n; n++) {
		struct userspace_match m = find(0);
		size_t attested = 0, nv;
		bool met;
		ck_assert_uint_eq(m.wrong, 0);
		ck_assert(!m.disorder);
		ck_assert(same_values(&m.pcrs, &values));
		ck_assert_uint_eq(
		    m.named, 1u << 4 | 1u << 7 | 1u << 11 | 1u << 15);
		for (size_t i = 0; i < log_.records_n; i++) {
			bool is = userspace_attested(&m, &records[i]);
			ck_assert(is == (i < n && !records[i].nv &&
					    records[i].where != 12));
			attested += is;
		}
		ck_assert_uint_eq(userspace_unattested(&log_, &m, &nv),
		    log_.records_n - attested);
		ck_assert_uint_eq(nv, 1);
		m = find_digest(true, &met);
		ck_assert(met && same_values(&m.pcrs, &values));
		m = find_digest(false, &met);
		ck_assert(met == (n >= 8));
		if (n < log_.records_n)
			ck_rc_ok(userspace_extend(
			    &log_, n, n + 1, UINT32_MAX, hasher, &values));
	}
}
END_TEST

START_TEST(an_empty_log_names_nothing)
{
	log_.records_n = 0;
	values.bank[1].pcr[11][0] = 1;
	struct userspace_match m = find(0);
	ck_assert_uint_eq(m.named | m.wrong, 0);
	ck_assert(same_values(&m.pcrs, &boot));
}
END_TEST

/* Banks that the boot log lacks start at reset. */
START_TEST(without_a_boot_log)
{
	boot.n = 0;
	bank_init(&values.bank[1], ALG_SHA256, 0);
	bank_init(&values.bank[0], ALG_SHA1, 0);
	ck_rc_ok(userspace_extend(
	    &log_, 0, log_.records_n, UINT32_MAX, hasher, &values));
	struct userspace_match m = find(0);
	ck_assert_uint_eq(m.wrong, 0);
	ck_assert_uint_eq(m.covered, log_.records_n);
}
END_TEST

/* One PCR that is not met is named, and only it. */
START_TEST(a_wrong_pcr_is_named)
{
	ck_rc_ok(userspace_extend(
	    &log_, 0, log_.records_n, UINT32_MAX, hasher, &values));
	values.bank[1].pcr[15][31] ^= 1;
	struct userspace_match m = find(0);
	ck_assert_uint_eq(m.wrong, 1u << 15);
	ck_assert(!m.disorder);
	for (size_t i = 0; i < log_.records_n; i++)
		ck_assert(userspace_attested(&m, &records[i]) ==
			  (!records[i].nv && records[i].where != 12 &&
			      records[i].where != 15));
	/* in one of two banks is not enough */
	values.bank[1].pcr[15][31] ^= 1;
	values.bank[0].pcr[4][0] ^= 1;
	ck_assert_uint_eq(find(0).wrong, 1u << 4);
}
END_TEST

/* PCR 15 of an earlier moment beside PCR 11 of a later one. */
START_TEST(pcrs_of_two_moments_are_no_quote)
{
	struct banks early = boot;
	struct userspace_match m;

	ck_rc_ok(userspace_extend(
	    &log_, 0, log_.records_n, UINT32_MAX, hasher, &values));
	ck_rc_ok(userspace_extend(&log_, 0, 4, UINT32_MAX, hasher, &early));
	memcpy(values.bank[1].pcr[15], early.bank[1].pcr[15], HASH_MAX);
	m = find(0);
	ck_assert(m.disorder && m.wrong == 0);
	/* a PCR that is wrong anyway and may be says nothing of that */
	values.bank[1].pcr[4][0] ^= 1;
	ck_assert(!find(0).disorder);
	ck_assert(find(UINT32_MAX).disorder);
}
END_TEST

START_TEST(a_quoted_bank_has_its_digests)
{
	struct err e;

	ck_rc_ok(userspace_check(&log_, &quoted, &e));
	records[1].digests_n = 1; /* PCR 7 is quoted in SHA-256 alone */
	records[4].digests_n = 0; /* PCR 12 is not quoted */
	records[8].digests_n = 0; /* an NV index */
	ck_rc_ok(userspace_check(&log_, &quoted, &e));
	records[0].digests_n = 1;
	ck_rc_is(userspace_check(&log_, &quoted, &e), ERR_LOG_BANK_MISSING);
	ck_assert_str_eq(e.path, "events[0].digests");
}
END_TEST

START_TEST(records_are_limited)
{
	struct cel_record *many = calloc(LIMIT_EVENTS + 1, sizeof(*many));
	struct err e;

	ck_assert_ptr_nonnull(many);
	for (size_t i = 0; i <= LIMIT_EVENTS; i++)
		many[i] = records[0];
	log_.records = many;
	log_.records_n = LIMIT_EVENTS;
	ck_rc_ok(userspace_check(&log_, &quoted, &e));
	log_.records_n++;
	ck_rc_is(userspace_check(&log_, &quoted, &e), ERR_CEL_TOO_LARGE);
	free(many);
}
END_TEST

/* Whatever order the same records have, only that of the quote is met, unless
 * what was exchanged is of different PCRs. */
START_TEST(order_counts_within_a_pcr)
{
	ck_rc_ok(userspace_extend(
	    &log_, 0, log_.records_n, UINT32_MAX, hasher, &values));
	for (size_t i = 0; i < log_.records_n; i++)
		for (size_t k = i + 1; k < log_.records_n; k++) {
			const struct cel_digest *d = records[i].digests;
			if (records[i].where != records[k].where ||
			    records[i].nv || records[i].where == 12)
				continue;
			records[i].digests = records[k].digests;
			records[k].digests = d;
			ck_assert_uint_eq(
			    find(0).wrong, 1u << records[i].where);
			records[k].digests = records[i].digests;
			records[i].digests = d;
		}
	ck_assert_uint_eq(find(0).wrong, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("userspace");
	TCase *t = tcase_create("userspace");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_quote_covers_a_number_of_records);
	tcase_add_test(t, an_empty_log_names_nothing);
	tcase_add_test(t, without_a_boot_log);
	tcase_add_test(t, a_wrong_pcr_is_named);
	tcase_add_test(t, pcrs_of_two_moments_are_no_quote);
	tcase_add_test(t, a_quoted_bank_has_its_digests);
	tcase_add_test(t, records_are_limited);
	tcase_add_test(t, order_counts_within_a_pcr);
	suite_add_tcase(s, t);
	return tap_run(s);
}
