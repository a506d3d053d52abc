/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "lib/tap.h"
#include "replay/bank.h"

static struct hasher *hasher;

static void
setup(void)
{
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
}

static void
teardown(void)
{
	hasher_free(hasher);
}

START_TEST(reset_values)
{
	struct bank b;

	bank_init(&b, ALG_SHA384, 3);
	for (size_t pcr = 0; pcr < LIMIT_PCRS; pcr++)
		for (size_t i = 0; i < 48; i++) {
			uint8_t want = pcr >= 17 && pcr <= 22 ? 0xff : 0;
			if (pcr == 0 && i == 47)
				want = 3;
			ck_assert_uint_eq(b.pcr[pcr][i], want);
		}
	ck_assert_uint_eq(b.touched, 0);
	ck_assert_uint_eq(b.alg, ALG_SHA384);
}
END_TEST

static struct banks
two_banks(void)
{
	struct banks b = {.n = 2};

	bank_init(&b.bank[0], ALG_SHA1, 0);
	bank_init(&b.bank[1], ALG_SHA256, 0);
	for (size_t i = 0; i < LIMIT_PCRS; i++) {
		b.bank[0].pcr[i][0] = (uint8_t)(i + 1);
		b.bank[1].pcr[i][0] = (uint8_t)(i + 101);
	}
	return b;
}

/* H over values in the order given, by hand. */
static void
expect(
    const struct banks *b, const unsigned (*values)[2], size_t n, uint8_t *out)
{
	uint8_t all[512];
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bank *bank = &b->bank[values[i][0]];
		size_t size = hash_by_id(bank->alg)->size;
		memcpy(all + at, bank->pcr[values[i][1]], size);
		at += size;
	}
	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_of(all, at), out));
}

START_TEST(composite_follows_the_selection)
{
	static const unsigned order[][2] = {{1, 2}, {1, 10}, {0, 0}, {0, 23}};
	struct banks b = two_banks();
	struct pcr_selections sel = {.n = 2,
	    .bank = {{ALG_SHA256, 1u << 2 | 1u << 10},
		{ALG_SHA1, 1u << 0 | 1u << 23}}};
	uint8_t got[HASH_MAX], want[HASH_MAX];

	ck_assert(banks_composite(&b, &sel, ALG_SHA256, hasher, got));
	expect(&b, order, 4, want);
	ck_assert_mem_eq(got, want, 32);
	sel.bank[0].mask |= 1u << 24;
	ck_assert(!banks_composite(&b, &sel, ALG_SHA256, hasher, got));
	sel.bank[0] = (struct pcr_selection){ALG_SHA384, 1};
	ck_assert(!banks_composite(&b, &sel, ALG_SHA256, hasher, got));
}
END_TEST

START_TEST(empty_selection_is_the_hash_of_nothing)
{
	struct banks b = two_banks();
	struct pcr_selections sel = {.n = 0};
	uint8_t got[HASH_MAX];
	char hex[65];

	ck_assert(banks_composite(&b, &sel, ALG_SHA256, hasher, got));
	hex_emit(span_of(got, 32), hex);
	ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb924"
			      "27ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(values_are_what_was_quoted)
{
	uint8_t values[52], digest[HASH_MAX];
	struct tpm_quote quote = {
	    .selection = {
		.n = 2, .bank = {{ALG_SHA256, 1u << 7}, {ALG_SHA1, 1u << 3}}}};
	struct banks got;
	struct err e;

	for (size_t i = 0; i < sizeof(values); i++)
		values[i] = (uint8_t)i;
	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_of(values, 52), digest));
	quote.pcr_digest = span_of(digest, 32);
	ck_rc_ok(banks_from_values(
	    span_of(values, 52), &quote, ALG_SHA256, hasher, &got, &e));
	ck_assert_uint_eq(got.n, 2);
	ck_assert_mem_eq(banks_get(&got, ALG_SHA256)->pcr[7], values, 32);
	ck_assert_mem_eq(banks_find(&got, ALG_SHA1)->pcr[3], values + 32, 20);
	ck_assert_uint_eq(got.bank[1].touched, 1u << 3);
	ck_assert_ptr_null(banks_get(&got, ALG_SHA384));
	ck_assert_ptr_null(banks_find(&got, ALG_SHA384));

	/* another selection of the same authenticated bytes */
	quote.selection.bank[1].mask |= 1u << 4;
	ck_rc_is(banks_from_values(
		     span_of(values, 52), &quote, ALG_SHA256, hasher, &got, &e),
	    ERR_QUOTE_PCR_DIGEST);
	quote.selection.bank[1].mask = 0;
	ck_rc_is(banks_from_values(
		     span_of(values, 52), &quote, ALG_SHA256, hasher, &got, &e),
	    ERR_QUOTE_PCR_DIGEST);
	quote.selection.bank[1].mask = 1u << 30;
	ck_rc_is(banks_from_values(
		     span_of(values, 52), &quote, ALG_SHA256, hasher, &got, &e),
	    ERR_QUOTE_PCR_DIGEST);
	quote.selection.bank[1] = (struct pcr_selection){0x7777, 1u << 3};
	ck_rc_is(banks_from_values(
		     span_of(values, 52), &quote, ALG_SHA256, hasher, &got, &e),
	    ERR_QUOTE_PCR_DIGEST);
}
END_TEST

START_TEST(changed_values_are_refused)
{
	uint8_t values[32] = {0}, digest[HASH_MAX];
	struct tpm_quote quote = {
	    .selection = {.n = 1, .bank = {{ALG_SHA256, 1u << 7}}}};
	struct banks got;

	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_of(values, 32), digest));
	quote.pcr_digest = span_of(digest, 32);
	for (size_t bit = 0; bit < 256; bit++) {
		values[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_rc_is(banks_from_values(span_of(values, 32), &quote,
			     ALG_SHA256, hasher, &got, NULL),
		    ERR_QUOTE_PCR_DIGEST);
		values[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_rc_ok(banks_from_values(
	    span_of(values, 32), &quote, ALG_SHA256, hasher, &got, NULL));
	quote.pcr_digest.n = 31;
	ck_rc_is(banks_from_values(span_of(values, 32), &quote, ALG_SHA256,
		     hasher, &got, NULL),
	    ERR_QUOTE_PCR_DIGEST);
	quote.pcr_digest.n = 32;
	ck_rc_is(banks_from_values(span_of(values, 32), &quote, ALG_SHA384,
		     hasher, &got, NULL),
	    ERR_QUOTE_PCR_DIGEST);
}
END_TEST

static enum bank_state
compare(const struct bank *replayed, const struct bank *values, uint32_t mask)
{
	struct bank capped;

	ck_rc_ok(bank_cap(replayed, hasher, &capped));
	return bank_compare(replayed, &capped, values, mask);
}

/* H(0…0 ‖ 0…0): what a PCR holds that only a cap was extended into. */
START_TEST(a_capped_bank_is_named)
{
	static const struct {
		uint16_t alg;
		const char *capped;
	} cases[] = {
	    {ALG_SHA1, "b80de5d138758541c5f05265ad144ab9fa86d1db"},
	    {ALG_SHA256, "f5a5fd42d16a20302798ef6ed309979b"
			 "43003d2320d9f0e8ea9831a92759fb4b"},
	    {ALG_SHA384, "f57bb7ed82c6ae4a29e6c9879338c592"
			 "c7d42a39135583e8ccbe3940f2344b0e"
			 "b6eb8503db0ffd6a39ddd00cd07d8317"},
	};

	for (size_t i = 0; i < 3; i++) {
		struct bank replayed, values;
		size_t n = hash_by_id(cases[i].alg)->size;
		bank_init(&replayed, cases[i].alg, 0);
		values = replayed;
		ck_assert_int_eq(
		    compare(&replayed, &values, 0xffffff), BANK_REPLAYS);
		for (size_t pcr = 0; pcr <= 13; pcr++)
			ck_rc_ok(hex_decode(
			    span_str(cases[i].capped), values.pcr[pcr], n));
		ck_assert_int_eq(
		    compare(&replayed, &values, 0xffffff), BANK_CAPPED);
		values.pcr[13][0] ^= 1;
		ck_assert_int_eq(
		    compare(&replayed, &values, 0xffffff), BANK_DIFFERS);
		ck_assert_int_eq(
		    compare(&replayed, &values, 0xff), BANK_CAPPED);
	}
}
END_TEST

START_TEST(an_unextended_bank_is_named)
{
	struct bank replayed, values;

	bank_init(&replayed, ALG_SHA256, 0);
	values = replayed;
	for (size_t pcr = 0; pcr < 8; pcr++)
		replayed.pcr[pcr][0] = 1;
	ck_assert_int_eq(compare(&replayed, &values, 0xff), BANK_UNEXTENDED);
	values.pcr[0][0] = 1;
	ck_assert_int_eq(compare(&replayed, &values, 0xff), BANK_UNEXTENDED);
	values.pcr[7][0] = 1;
	ck_assert_int_eq(compare(&replayed, &values, 0xff), BANK_DIFFERS);
	values.alg = ALG_SHA384;
	ck_assert_int_eq(compare(&replayed, &values, 0xff), BANK_DIFFERS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("bank");
	TCase *t = tcase_create("bank");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, reset_values);
	tcase_add_test(t, composite_follows_the_selection);
	tcase_add_test(t, empty_selection_is_the_hash_of_nothing);
	tcase_add_test(t, values_are_what_was_quoted);
	tcase_add_test(t, changed_values_are_refused);
	tcase_add_test(t, a_capped_bank_is_named);
	tcase_add_test(t, an_unextended_bank_is_named);
	suite_add_tcase(s, t);
	return tap_run(s);
}
