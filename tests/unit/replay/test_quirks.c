/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is accepted is named: logs made by hand with digests that fit, and the
 * published logs that have each of the quirks.
 */
#include "decode/explain.h"
#include "lib/tap.h"
#include "replay/quirks.h"
#include "unit/decode/log_builder.h"

#define STR(s) span_of((const uint8_t *)(s), sizeof(s) - 1)
#define CALLING STR(ACTION_CALLING)
#define VARIABLE                                                               \
	"GUID0123456789ab\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0N\0"                  \
	"abc"

static struct arena arena;
static struct hasher *hasher;
static struct buf bytes;
static struct evlog evlog;
static struct boot_replay replay;

static void
setup(void)
{
	static const uint16_t pairs[] = {0x000b, 32, 0x0012, 32};

	arena_init(&arena, (size_t)64 << 20);
	hasher = hasher_new();
	put_specid(&bytes, pairs, 2);
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
	buf_free(&bytes);
}

/* An event whose digests, SHA-256 and SM3, are over `hashed`. */
static void
put(uint32_t pcr, uint32_t type, struct span data, struct span hashed)
{
	static const uint16_t algs[] = {ALG_SHA256, ALG_SM3_256};
	uint8_t digest[32];

	put_le(&bytes, pcr, 4);
	put_le(&bytes, type, 4);
	put_le(&bytes, 2, 4);
	for (size_t i = 0; i < 2; i++) {
		put_le(&bytes, algs[i], 2);
		ck_rc_ok(hash_of(hasher, algs[i], hashed, digest));
		buf_put(&bytes, digest, sizeof(digest));
	}
	put_le(&bytes, data.n, 4);
	buf_put(&bytes, data.p, data.n);
}

static unsigned
quirks(void)
{
	ck_rc_ok(evlog_decode(buf_span(&bytes), &arena, &evlog, NULL));
	ck_rc_ok(boot_replay(&evlog, NULL, hasher, &arena, &replay, NULL));
	return boot_quirks(&evlog, &replay) & ~(unsigned)QUIRK_FOREIGN_BANK;
}

struct event_case {
	uint32_t pcr, type;
	struct span data, hashed;
	unsigned quirk;
	enum uefi_cover cover;
};

START_TEST(each_has_its_name)
{
	const struct event_case cases[] = {
	    {0, EV_SEPARATOR, STR("\0\0\0\0"), STR("\0\0\0\0"), 0, COVER_ALL},
	    {0, EV_SEPARATOR, STR("\377\377\377\377"), STR("\377\377\377\377"),
		QUIRK_SEPARATOR_ONES, COVER_ALL},
	    {0, EV_SEPARATOR, STR("\0"), STR("\0"), QUIRK_SEPARATOR_SHORT,
		COVER_ALL},
	    {0, EV_SEPARATOR, STR("Skiboot"), STR("\377\377\377\377"),
		QUIRK_SEPARATOR_LABEL, COVER_NONE},
	    {0, EV_SEPARATOR, STR("\0\0\0\0"), STR("\1\0\0\0"), 0, COVER_NONE},
	    {13, EV_SEPARATOR, STR("\377\377\377\377"), STR("\377\377\377\377"),
		0, COVER_ALL},
	    {1, EV_EFI_VARIABLE_BOOT, STR(VARIABLE), STR("abc"), 0,
		COVER_VALUE},
	    {1, EV_EFI_VARIABLE_BOOT, STR(VARIABLE), STR(VARIABLE),
		QUIRK_BOOT_VARIABLE_WHOLE, COVER_ALL},
	    {1, EV_EFI_VARIABLE_BOOT, STR(VARIABLE), STR("x"), 0, COVER_NONE},
	    {7, EV_EFI_VARIABLE_AUTHORITY, STR(VARIABLE "123456"),
		STR(VARIABLE "12345"), QUIRK_SHIM_EXTRA_BYTES, COVER_ALL},
	    {7, EV_EFI_VARIABLE_AUTHORITY, STR(VARIABLE), STR(VARIABLE), 0,
		COVER_ALL},
	    {14, EV_IPL, STR("MokList\0"), STR("content"), QUIRK_SHIM_LABEL,
		COVER_NONE},
	    {8, EV_IPL, STR("grub_cmd: a\0"), STR("a"), 0, COVER_ALL},
	    {12, EV_IPL, STR("a\0b\0c\0"), STR("a\0b\0c\0"), 0, COVER_ALL},
	    {2, 0x8401, STR("x"), STR("x"), QUIRK_UNKNOWN_TYPE, COVER_ALL},
	    {7, 0x8401, STR("x"), STR("x"), 0, COVER_ALL},
	    {9, EV_EVENT_TAG, STR("\1\0\0\0\1\0\0\0x"), STR("x"), 0, COVER_ALL},
	    {4, EV_EFI_BOOT_SERVICES_APPLICATION, STR("x"), STR("image"),
		QUIRK_IMAGE_BEFORE_SEPARATOR, COVER_NONE},
	    {7, EV_EFI_ACTION, STR("UEFI Debug Mode\0"),
		STR("UEFI Debug Mode\0"), QUIRK_ACTION_NUL, COVER_ALL},
	    {7, EV_EFI_ACTION, STR("UEFI Debug Mode\0"), STR("UEFI Debug Mode"),
		0, COVER_ALL},
	    {4, EV_EFI_ACTION, CALLING, CALLING, 0, COVER_ALL},
	    {5, EV_EFI_ACTION, STR(""), STR(""), 0, COVER_ALL},
	    {5, EV_ACTION, STR("\0"), STR(""), 0, COVER_ALL},
	    {7, EV_EFI_VARIABLE_AUTHORITY, STR(""), STR(""), 0, COVER_ALL},
	    {8, EV_IPL, STR(""), STR(""), 0, COVER_ALL},
	    {9, EV_EVENT_TAG, STR(""), STR(""), 0, COVER_ALL},
	    {0, EV_SEPARATOR, STR(""), STR(""), 0, COVER_ALL},
	    {4, EV_SEPARATOR, STR("\0\0\0\0"), STR("\0\0\0\0"),
		QUIRK_EBS_MISSING, COVER_ALL},
	    {5, EV_EFI_ACTION, STR(ACTION_RETURNING), STR(ACTION_RETURNING),
		QUIRK_BOOT_ATTEMPTS, COVER_ALL},
	};
	size_t head = bytes.n;

	ck_assert_uint_eq(quirks(), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct event_case *c = &cases[i];
		bytes.n = head;
		put(c->pcr, c->type, c->data, c->hashed);
		ck_assert_msg(
		    quirks() == c->quirk, "case %zu: %x", i, quirks());
		ck_assert_msg(uefi_cover(&evlog.events[1],
				  replay.events[1].bound) == c->cover,
		    "case %zu", i);
	}
}
END_TEST

START_TEST(several_events_together)
{
	put(4, EV_EFI_ACTION, CALLING, CALLING);
	put(4, EV_SEPARATOR, STR("\0\0\0\0"), STR("\0\0\0\0"));
	put(4, EV_EFI_BOOT_SERVICES_APPLICATION, STR("x"), STR("image"));
	put(5, EV_EFI_ACTION, STR(ACTION_EXIT), STR(ACTION_EXIT));
	ck_assert_uint_eq(quirks(), 0);
	put(4, EV_EFI_ACTION, CALLING, CALLING);
	ck_assert_uint_eq(quirks(), QUIRK_BOOT_ATTEMPTS);
	put(7, EV_EFI_VARIABLE_AUTHORITY, STR(VARIABLE), STR(VARIABLE));
	ck_assert_uint_eq(quirks(), QUIRK_BOOT_ATTEMPTS);
	put(7, EV_EFI_VARIABLE_AUTHORITY, STR(VARIABLE "x"), STR("other"));
	put(7, EV_EFI_VARIABLE_AUTHORITY, STR(VARIABLE), STR(VARIABLE));
	ck_assert_uint_eq(
	    quirks() & QUIRK_AUTHORITY_REPEATED, QUIRK_AUTHORITY_REPEATED);
}
END_TEST

/* Only the digest tells an error from a separator whose data looks normal. */
START_TEST(an_error_is_told_by_its_digest)
{
	put(6, EV_SEPARATOR, STR("\0\0\0\0"), STR("\1\0\0\0"));
	ck_assert_uint_eq(quirks(), 0);
	unsigned bound = replay.events[1].bound;
	ck_assert_int_eq(uefi_separator(&evlog.events[1], 0), SEPARATOR_NORMAL);
	ck_assert_int_eq(
	    uefi_separator(&evlog.events[1], bound), SEPARATOR_ERROR);
	ck_assert_str_eq(uefi_explain(&evlog, 1, bound, "en", &arena),
	    "the firmware reports an error in PCR 6");
}
END_TEST

/* SM3 is shown where OpenSSL has it, and never selected. */
START_TEST(sm3_is_replayed_for_display)
{
	struct pcr_selections only = {1, {{ALG_SHA256, 1u << 6}}};
	uint8_t pcr[32] = {0};
	uint8_t digest[32];

	put(6, EV_SEPARATOR, STR("\0\0\0\0"), STR("\0\0\0\0"));
	quirks();
	ck_assert_uint_eq(replay.banks.n, 2);
	ck_rc_ok(hash_of(hasher, ALG_SM3_256, STR("\0\0\0\0"), digest));
	ck_rc_ok(hash_extend(hasher, ALG_SM3_256, pcr, digest));
	ck_assert_mem_eq(
	    banks_get(&replay.banks, ALG_SM3_256)->pcr[6], pcr, sizeof(pcr));
	ck_rc_ok(boot_replay(&evlog, &only, hasher, &arena, &replay, NULL));
	ck_assert_uint_eq(replay.banks.n, 1);
}
END_TEST

struct published {
	const char *file;
	unsigned quirk;
	enum evlog_profile profile;
};

START_TEST(published_logs_have_them)
{
	static const struct published cases[] = {
	    {"acs/tpm2bios.log", QUIRK_DIGEST_ORDER, EVLOG_PC},
	    {"acs/tpm2bios.log", QUIRK_SEPARATOR_LABEL, EVLOG_PC},
	    {"acs/tpm2bios.log", QUIRK_SPECID_DIGEST, EVLOG_PC},
	    {"go-eventlog/cos-113-intel-tdx.bin", QUIRK_PADDING, EVLOG_CC},
	    {"tpm2-tools/event-uefivar.bin", QUIRK_FEWER_DIGESTS, EVLOG_PC},
	    {"go-tpm-tools/eventlogs/debian-10.bin", QUIRK_SHIM_EXTRA_BYTES,
		EVLOG_PC},
	    {"go-tpm-tools/eventlogs/cos-85-amd-sev.bin",
		QUIRK_SHIM_EXTRA_BYTES, EVLOG_PC},
	    {"go-attestation/sb_cert_eventlog", QUIRK_SHIM_EXTRA_BYTES,
		EVLOG_PC},
	    {"go-tpm-tools/eventlogs/glinux-alex.bin", QUIRK_STARTUP_LOCALITY,
		EVLOG_PC},
	    {"keylime/binary_bios_measurements", QUIRK_STARTUP_LOCALITY,
		EVLOG_PC},
	    {"keylime/binary_bios_measurements", QUIRK_IMAGE_BEFORE_SEPARATOR,
		EVLOG_PC},
	    {"rust-keylime/uefi_log.bin", QUIRK_UNKNOWN_TYPE, EVLOG_PC},
	    {"go-tpm-tools/eventlogs/eventlogwithsp800155.bin",
		QUIRK_PLATFORM_ID, EVLOG_PC},
	    {"tpm2-tools/event-moklisttrusted.bin", QUIRK_SHIM_LABEL, EVLOG_PC},
	    {"go-tpm-tools/eventlogs/arch-linux-workstation.bin",
		QUIRK_BOOT_VARIABLE_WHOLE, EVLOG_PC},
	};
	const struct published *c = &cases[_i];
	struct span file =
	    tap_shared(&arena, arena_printf(&arena, "third-party/%s", c->file));

	if (!file.p)
		return;
	ck_rc_ok(evlog_decode(file, &arena, &evlog, NULL));
	ck_rc_ok(boot_replay(&evlog, NULL, hasher, &arena, &replay, NULL));
	ck_assert_msg(boot_quirks(&evlog, &replay) & c->quirk, "%s %s: %x",
	    c->file, evlog_quirk_name(c->quirk), boot_quirks(&evlog, &replay));
	ck_assert_int_eq(evlog.profile, c->profile);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("quirks");
	TCase *t = tcase_create("quirks");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_has_its_name);
	tcase_add_test(t, several_events_together);
	tcase_add_test(t, an_error_is_told_by_its_digest);
	tcase_add_test(t, sm3_is_replayed_for_display);
	tcase_add_loop_test(t, published_logs_have_them, 0, 15);
	suite_add_tcase(s, t);
	return tap_run(s);
}
