/* SPDX-License-Identifier: Apache-2.0 */
/* Likely causes: each rule of cause.def by a reason that it is for, and of
 * boots that were recorded. */
#include "appraise/cause.h"
#include "lib/recorded.h"
#include "lib/tap.h"

#include <stdlib.h>

static struct arena arena;
static struct hasher *hasher;

static void
setup(void)
{
	arena_init(&arena, (size_t)512 << 20);
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

/* --- rules ---------------------------------------------------------------- */

/* Reasons without a log: code, PCR, event type, expected, found. */
static const struct {
	enum cause_id cause;
	enum err_code code;
	int pcr;
	const char *type, *expected, *found;
	const char *detail;
} rules[] = {
    {CAUSE_TPM_CHANGED, ERR_QUOTE_CLOCK_BACK, -1, NULL, NULL, NULL, ""},
    {CAUSE_TPM_CHANGED, ERR_AK_MISMATCH, -1, NULL, NULL, NULL, ""},
    {CAUSE_TPM_CHANGED, ERR_TPM_CLONE, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_LATE, ERR_QUOTE_NONCE, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_LATE, ERR_QUOTE_DELAYED, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_ALTERED, ERR_LOG_REPLAY, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_ALTERED, ERR_QUOTE_SIGNATURE, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_ALTERED, ERR_IMA_FORMAT, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_MISSING, ERR_LOG_ABSENT, -1, NULL, NULL, NULL, ""},
    {CAUSE_EVIDENCE_MISSING, ERR_IMA_ABSENT, -1, NULL, NULL, NULL, ""},
    {CAUSE_POLICY_NONE, ERR_POLICY_NONE, -1, NULL, NULL, NULL, ""},
    {CAUSE_POLICY_NONE, ERR_POLICY_AMBIGUOUS, -1, NULL, NULL, NULL, ""},
    {CAUSE_TPM_UNACCEPTED, ERR_TPM_ADVISORY, -1, NULL, NULL, NULL, ""},
    {CAUSE_TPM_UNACCEPTED, ERR_EK_UNTRUSTED, -1, NULL, NULL, NULL, ""},
    {CAUSE_SB_OFF, ERR_SB_DISABLED, 7, NULL, NULL, NULL, ""},
    {CAUSE_SB_KEYS, ERR_SB_DB_UNEXPECTED, 7, NULL, NULL, NULL, ""},
    {CAUSE_SB_KEYS, ERR_MOK_CHANGED, 14, NULL, NULL, NULL, ""},
    {CAUSE_COMPONENT_UNKNOWN, ERR_BOOT_REVOKED, 4, NULL, NULL, NULL, ""},
    {CAUSE_COMPONENT_UNKNOWN, ERR_LOG_TYPE_IN_PCR, 2, NULL, NULL, NULL, ""},
    /* extended by something that no log names */
    {CAUSE_COMPONENT_UNKNOWN, ERR_BOOT_EVENT_UNKNOWN, 4, NULL, NULL, NULL, ""},
    {CAUSE_FILE_DENIED, ERR_IMA_DENIED, 10, "ima-ng", NULL,
	"sha256:00 /usr/bin/nc", "/usr/bin/nc"},
    {CAUSE_FIRMWARE_UPDATE, ERR_FW_VERSION, 0, NULL, NULL, NULL, ""},
    {CAUSE_FIRMWARE_UPDATE, ERR_BOOT_PCR, 0, NULL, NULL, NULL, ""},
    {CAUSE_OPTION_ROM, ERR_BOOT_PCR, 2, NULL, NULL, NULL, ""},
    {CAUSE_FIRMWARE_SETTINGS, ERR_BOOT_PCR, 1, NULL, NULL, NULL, ""},
    {CAUSE_FIRMWARE_SETTINGS, ERR_LOG_UNMEASURED, 0, NULL, NULL, NULL, ""},
    {CAUSE_KERNEL_UPDATE, ERR_BOOT_EVENT_MISSING, 9, "EV_IPL",
	"/boot/vmlinuz-6.1.0 sha256:00", NULL, ""},
    {CAUSE_CMDLINE_EDIT, ERR_CMDLINE_FORBIDDEN, 8, "EV_IPL", NULL,
	"init=/bin/sh", ""},
    {CAUSE_CMDLINE_EDIT, ERR_BOOT_EVENT_MISSING, 9, "EV_EVENT_TAG",
	"Linux EFI stub, load options: LOADED_IMAGE::LoadOptions", NULL, ""},
    {CAUSE_INITRD_REBUILD, ERR_BOOT_EVENT_MISSING, 9, "EV_IPL",
	"/boot/initrd.img-6.1.0 sha256:00", NULL, ""},
    {CAUSE_INITRD_REBUILD, ERR_BOOT_EVENT_MISSING, 9, "EV_EVENT_TAG",
	"Linux EFI stub, initrd: Linux initrd", NULL, ""},
    {CAUSE_LOADER_UPDATE, ERR_BOOT_EVENT_MISSING, 4,
	"EV_EFI_BOOT_SERVICES_APPLICATION", "shimx64.efi sha256:00", NULL, ""},
    {CAUSE_LOADER_UPDATE, ERR_SB_AUTHORITY_UNEXPECTED, 7, NULL, NULL, NULL, ""},
    {CAUSE_LOADER_UPDATE, ERR_UKI_LAYOUT, 11, NULL, NULL, NULL, ""},
    {CAUSE_LOADER_SETTINGS, ERR_BOOT_EVENT_MISSING, 8, "EV_IPL",
	"grub_cmd: set superusers=root", NULL, ""},
    {CAUSE_LOADER_SETTINGS, ERR_BOOT_EVENT_MISSING, 9, "EV_IPL",
	"(hd0,gpt1)/boot/grub/grub.cfg sha256:00", NULL, ""},
    {CAUSE_DBX_UPDATE, ERR_DBX_ROLLBACK, 7, NULL, NULL, NULL, ""},
    {CAUSE_DBX_UPDATE, ERR_SBAT_STALE, 7, NULL, NULL, NULL, ""},
    {CAUSE_DBX_UPDATE, ERR_BOOT_EVENT_MISSING, 7,
	"EV_EFI_VARIABLE_DRIVER_CONFIG", "dbx = 1 SHA-256", NULL, ""},
    {CAUSE_PARTITIONS, ERR_BOOT_PCR, 5, NULL, NULL, NULL, ""},
    {CAUSE_KEXEC, ERR_IMA_KEXEC, 10, NULL, NULL, NULL, ""},
    {CAUSE_IMA_POLICY, ERR_IMA_POLICY_UNKNOWN, 10, NULL, NULL, NULL, ""},
    {CAUSE_FILE_NEW, ERR_IMA_UNKNOWN_FILE, 10, "ima-ng", NULL,
	"sha256:00 /usr/bin/new", "/usr/bin/new"},
    {CAUSE_FILE_CHANGED, ERR_IMA_CHANGED_FILE, 10, "ima-ng", "sha256:00",
	"sha256:11 /usr/bin/ls", "/usr/bin/ls"},
    {CAUSE_FILE_CHANGED, ERR_IMA_UNKNOWN_FILE, 10, "ima-ng", NULL,
	"sha256:00 /lib/modules/x.ko", "/lib/modules/x.ko"},
    {CAUSE_PHASES, ERR_PHASE_MISSING, 11, NULL, NULL, NULL, ""},
    {CAUSE_WINDOWS_MODE, ERR_WIN_TEST_SIGNING, 12, NULL, NULL, NULL, ""},
    {CAUSE_POLICY_CHANGED, ERR_POLICY_UNQUOTED, -1, NULL, NULL, NULL, ""},
    {CAUSE_UNKNOWN, ERR_BOOT_PCR, 16, NULL, NULL, NULL, ""},
    {CAUSE_UNKNOWN, ERR_BOOT_EBS_MISSING, 5, NULL, NULL, NULL, ""},
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static struct reason
reason_of(size_t i)
{
	struct reason r = REASON(rules[i].code, LAYER_NONE);

	r.pcr = rules[i].pcr;
	r.event_type = rules[i].type;
	r.expected = rules[i].expected;
	r.found = rules[i].found;
	r.message = "";
	r.effect = EFF_FAIL;
	return r;
}

START_TEST(each_rule)
{
	const struct reason r = reason_of((size_t)_i);
	const struct cause_facts f = {.reasons_n = 1, .reasons = &r};
	struct cause c = cause_of(&f, &arena);

	ck_assert_str_eq(cause_name(c.id), cause_name(rules[_i].cause));
	ck_assert_str_eq(c.detail, rules[_i].detail);
	ck_assert_uint_eq(c.also, 0);
}
END_TEST

/* A row without an example above would be a rule that nobody tried; Secure Boot
 * that is on needs a log (secure_boot_on). */
START_TEST(every_rule_has_an_example)
{
	for (int id = 0; id < CAUSE_COUNT; id++) {
		bool any = id == CAUSE_SB_ON;
		for (size_t i = 0; i < RULES; i++)
			any = any || rules[i].cause == (enum cause_id)id;
		ck_assert_msg(any, "%s", cause_name((enum cause_id)id));
	}
}
END_TEST

/* Of two the one that stands first, whatever the order of the reasons; the
 * other is named beside it unless the first accounts for it. */
START_TEST(order_of_the_table)
{
	for (size_t i = 0; i < RULES; i++)
		for (size_t k = 0; k < RULES; k++) {
			const struct reason two[] = {
			    reason_of(i), reason_of(k)};
			const struct cause_facts f = {
			    .reasons_n = 2, .reasons = two};
			struct cause c = cause_of(&f, &arena);
			enum cause_id a = rules[i].cause, b = rules[k].cause;
			enum cause_id first = a < b ? a : b;
			enum cause_id other = a < b ? b : a;
			ck_assert_int_eq(c.id, first);
			ck_assert_uint_eq(c.also & ~(UINT32_C(1) << other), 0);
		}
}
END_TEST

START_TEST(only_the_gravest_count)
{
	struct reason two[] = {reason_of(0), reason_of(0)};

	two[0].code = ERR_TPM_ADVISORY;
	two[0].effect = EFF_WARN;
	two[1].code = ERR_CMDLINE_FORBIDDEN;
	const struct cause_facts f = {.reasons_n = 2, .reasons = two};
	struct cause c = cause_of(&f, &arena);
	ck_assert_int_eq(c.id, CAUSE_CMDLINE_EDIT);
	ck_assert_uint_eq(c.also, 0);
	two[1].effect = EFF_NONE;
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_TPM_UNACCEPTED);
	two[0].effect = EFF_NONE;
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_UNKNOWN);
	const struct cause_facts none = {.reasons_n = 0};
	ck_assert_int_eq(cause_of(&none, &arena).id, CAUSE_UNKNOWN);
}
END_TEST

/* What was the same in the last good boot did not change: the policy did. What
 * is said of the evidence itself stays. */
START_TEST(as_before)
{
	struct reason r = reason_of(0);
	const bool before[] = {true};
	const struct cause_facts f = {
	    .reasons_n = 1, .reasons = &r, .as_before = before};

	r.code = ERR_IMA_CHANGED_FILE;
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_POLICY_CHANGED);
	r.code = ERR_LOG_REPLAY;
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_EVIDENCE_ALTERED);
}
END_TEST

START_TEST(words)
{
	for (int i = 0; i < CAUSE_COUNT; i++) {
		enum cause_id id = (enum cause_id)i;
		ck_assert_str_ne(cause_title(id, "en"), cause_title(id, "ja"));
		ck_assert_str_ne(
		    cause_sentence(id, "en"), cause_sentence(id, "ja"));
		ck_assert_str_ne(cause_rule(id, "en"), cause_rule(id, "ja"));
		ck_assert_str_eq(
		    cause_sentence(id, "en"), cause_sentence(id, "fr"));
		ck_assert_uint_gt(strlen(cause_sentence(id, "en")), 40);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(
			    cause_name(id), cause_name((enum cause_id)k));
	}
}
END_TEST

/* Commands have every name filled in, or are left out. */
START_TEST(steps_to_copy)
{
	const struct cause_names all = {.node = "web-1",
	    .verdict = "01890a5d-ac96-774b-bcce-b302099a8057",
	    .policy = "web"};
	const struct cause_names none = {.node = NULL};
	struct cause_step step[CAUSE_STEPS];

	for (int i = 0; i < CAUSE_COUNT; i++) {
		enum cause_id id = (enum cause_id)i;
		size_t n = cause_steps(id, &all, "en", &arena, step);
		ck_assert_uint_gt(n, 1);
		for (size_t k = 0; k < n; k++) {
			ck_assert_ptr_null(strchr(step[k].command, '$'));
			ck_assert_ptr_eq(
			    strstr(step[k].command, "akashi"), step[k].command);
		}
		n = cause_steps(id, &none, "ja", &arena, step);
		for (size_t k = 0; k < n; k++)
			ck_assert_ptr_null(strchr(step[k].command, '$'));
	}
	size_t n = cause_steps(CAUSE_KERNEL_UPDATE, &all, "en", &arena, step);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(step[2].command,
	    "akashi policy learn golden updated --name web > web-next.json");
}
END_TEST

/* --- recorded boots ------------------------------------------------------- */

#define QUOTE "quote-sha256-0_15-rsassa"

#define ALSO(id) (UINT32_C(1) << CAUSE_##id)

static const struct {
	const char *golden, *boot;
	enum cause_id cause;
	uint32_t also;
	const char *detail;
} boots[] = {
    {"grub-sb-golden", "grub-sb-second", CAUSE_UNKNOWN, 0, ""},
    {"grub-sb-golden", "grub-sb-initrd", CAUSE_INITRD_REBUILD, 0,
	"/boot/initrd.img-6.1.0"},
    {"grub-sb-golden", "grub-sb-cmdline", CAUSE_CMDLINE_EDIT, 0,
	"+init=/bin/bash-x +debug"},
    {"grub-sb-golden", "grub-sb-noima", CAUSE_CMDLINE_EDIT, 0,
	"-ima_policy=tcb"},
    {"grub-sb-golden", "grub-sb-kernel-old", CAUSE_KERNEL_UPDATE, 0, "6.1.0"},
    {"grub-sb-golden", "grub-sb-ram-size", CAUSE_FIRMWARE_UPDATE, 0, ""},
    {"grub-sb-golden", "grub-nosb-chainload", CAUSE_SB_OFF,
	ALSO(FIRMWARE_UPDATE) | ALSO(KERNEL_UPDATE) | ALSO(CMDLINE_EDIT),
	"SecureBoot = 00"},
    {"grub-sb-golden", "grub-nosb-no-eventlog", CAUSE_EVIDENCE_MISSING, 0, ""},
    {"grub-sb-golden", "grub-sb-modified-tool", CAUSE_FILE_CHANGED, 0,
	"/usr/bin/ls"},
    {"grub-sb-golden", "grub-sb-unexpected-exec", CAUSE_FILE_NEW, 0,
	"/usr/local/bin/cryptominer +1"},
    {"grub-sb-golden", "grub-sb-log-behind", CAUSE_EVIDENCE_ALTERED, 0, ""},
    {"grub-sb-golden", "grub-sb-ima-violations", CAUSE_FILE_NEW,
	ALSO(FILE_CHANGED), "/var/tmp/tomtou +2"},
    {"grub-sb-golden", "grub-sb-ima-legacy", CAUSE_CMDLINE_EDIT,
	ALSO(IMA_POLICY) | ALSO(FILE_CHANGED),
	"+ima_template=ima +ima_hash=sha1"},
    {"uki-golden", "uki-cmdline", CAUSE_CMDLINE_EDIT, 0, ""},
    {"uki-golden", "uki-initrd", CAUSE_INITRD_REBUILD, 0, ""},
    {"uki-golden", "uki-unexpected-exec", CAUSE_FILE_NEW, 0,
	"/usr/local/bin/cryptominer +1"},
    {"direct-golden", "direct-cmdline", CAUSE_CMDLINE_EDIT, 0, ""},
    {"direct-golden", "direct-kernel-cloud", CAUSE_KERNEL_UPDATE, 0,
	"VenMedia(1428f772-b64a-441e-b8c3-9ebdd7f893c7)/kernel"},
    {"direct-golden", "direct-optionrom", CAUSE_OPTION_ROM, 0,
	"PciRoot(0x0)/Pci(0x4,0x0)/Offset(0x12800,0x3CDFF)"},
};

enum { BOOTS = sizeof(boots) / sizeof(boots[0]) };

static struct attest_facts *
walked(const char *boot, const struct policy *p, struct verdict *v)
{
	struct attest_facts *facts = arena_alloc(&arena, sizeof(*facts));
	struct recorded r = recorded_boot(&arena, boot, QUOTE);
	struct attest_context ctx = recorded_context(&r, p);

	ck_assert_ptr_nonnull(facts);
	ck_rc_ok(attest_evidence(&r.ev, &ctx, hasher, &arena, v, facts, NULL));
	return facts;
}

static void
is_expected(struct cause c, size_t i)
{
	ck_assert_msg(c.id == boots[i].cause && c.also == boots[i].also,
	    "%s: %s, also %x", boots[i].boot, cause_name(c.id), c.also);
	ck_assert_str_eq(c.detail, boots[i].detail);
}

/* The same with and without the golden boot beside it, whose policy passes. */
START_TEST(recorded)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	struct verdict *good = arena_alloc(&arena, sizeof(*good));
	struct boot_diff *diff = arena_alloc(&arena, sizeof(*diff));
	ck_assert(v && good && diff);
	struct policy *p = recorded_policy(hasher, boots[_i].golden, QUOTE);
	struct attest_facts *then = walked(boots[_i].golden, p, good);
	struct attest_facts *now = walked(boots[_i].boot, p, v);
	const struct boot_facts facts = attest_boot_facts(now, hasher);

	ck_assert_int_eq(good->result, RESULT_PASS);
	is_expected(cause_of_verdict(v, &facts, &arena), (size_t)_i);
	if (now->log_ok) {
		ck_rc_ok(boot_diff(&then->log, &now->log, &arena, diff, NULL));
		const struct cause_facts with = {
		    v->reasons_n, v->reasons, &now->log, diff, NULL};
		is_expected(cause_of(&with, &arena), (size_t)_i);
	}
	policy_unref(p);
}
END_TEST

/* A policy of PCR values alone: the last good boot tells what changed. */
START_TEST(values_with_a_good_boot)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	struct boot_diff *diff = arena_alloc(&arena, sizeof(*diff));
	ck_assert(v && diff);
	struct attest_facts *then = walked("grub-sb-golden", NULL, v);
	struct attest_facts *now = walked("grub-sb-kernel-old", NULL, v);
	struct reason r = REASON(ERR_BOOT_PCR, LAYER_BOOTLOADER);
	r.pcr = 4;
	r.effect = EFF_FAIL;

	ck_rc_ok(boot_diff(&then->log, &now->log, &arena, diff, NULL));
	struct cause_facts f = {1, &r, &now->log, NULL, NULL};
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_LOADER_UPDATE);
	f.diff = diff;
	ck_assert_int_eq(cause_of(&f, &arena).id, CAUSE_KERNEL_UPDATE);
}
END_TEST

/* Another path to the same kernel file is an update, another option is not. */
START_TEST(path_or_option)
{
	static const struct {
		const char *expected;
		enum cause_id cause;
		const char *detail;
	} lines[] = {
	    {"kernel_cmdline: /boot/vmlinuz-6.0.9 root=LABEL=root ro "
	     "console=ttyS0 ima_policy=tcb panic=-1",
		CAUSE_KERNEL_UPDATE, "6.1.0"},
	    {"kernel_cmdline: /boot/vmlinuz-6.0.9 root=LABEL=root ro "
	     "console=ttyS0 ima_policy=tcb panic=-1 quiet",
		CAUSE_CMDLINE_EDIT,
		"-/boot/vmlinuz-6.0.9 -quiet +/boot/vmlinuz-6.1.0"},
	};
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	ck_assert_ptr_nonnull(v);
	struct attest_facts *now = walked("grub-sb-golden", NULL, v);
	struct reason r = REASON(ERR_BOOT_EVENT_CHANGED, LAYER_OS);
	r.pcr = 8;
	r.event = 51;
	r.path = "eventlog.events[51]";
	r.effect = EFF_FAIL;
	const struct cause_facts f = {1, &r, &now->log, NULL, NULL};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		r.expected = lines[i].expected;
		struct cause c = cause_of(&f, &arena);
		ck_assert_int_eq(c.id, lines[i].cause);
		ck_assert_str_eq(c.detail, lines[i].detail);
	}
}
END_TEST

/* SecureBoot = 01 where the policy was made without. */
START_TEST(secure_boot_on)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	ck_assert_ptr_nonnull(v);
	struct attest_facts *now = walked("grub-sb-golden", NULL, v);
	struct reason r = REASON(ERR_BOOT_EVENT_CHANGED, LAYER_FIRMWARE);
	r.pcr = 7;
	r.event = 4;
	r.path = "eventlog.events[4]";
	r.effect = EFF_FAIL;
	const struct cause_facts f = {1, &r, &now->log, NULL, NULL};
	struct cause c = cause_of(&f, &arena);

	ck_assert_int_eq(c.id, CAUSE_SB_ON);
	ck_assert_str_eq(cause_line(&c, "en", &arena),
	    "Secure Boot switched on (SecureBoot = 01)");
}
END_TEST

/* --- two boots -------------------------------------------------------------
 */

START_TEST(diff_of_two_boots)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	struct boot_diff *d = arena_alloc(&arena, sizeof(*d));
	ck_assert(v && d);
	struct attest_facts *sb = walked("grub-sb-golden", NULL, v);
	struct attest_facts *same = walked("grub-sb-second", NULL, v);
	struct attest_facts *off = walked("grub-nosb-chainload", NULL, v);

	ck_rc_ok(boot_diff(&sb->log, &same->log, &arena, d, NULL));
	ck_assert_uint_eq(d->n + d->more + d->pcrs, 0);
	ck_rc_ok(boot_diff(&sb->log, &off->log, &arena, d, NULL));
	ck_assert_uint_eq(d->n, 17);
	ck_assert_uint_eq(d->more, 0);
	ck_assert_uint_eq(d->pcrs, 1 << 0 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9);
	size_t gone = 0, fresh = 0;
	for (size_t i = 0; i < d->n; i++) {
		gone += d->change[i].now == NULL;
		fresh += d->change[i].then == NULL;
	}
	ck_assert_uint_eq(gone, 5);
	ck_assert_uint_eq(fresh, 0);
	const struct boot_diff there = *d;
	ck_rc_ok(boot_diff(&off->log, &sb->log, &arena, d, NULL));
	ck_assert_uint_eq(d->n, there.n);
	ck_assert_uint_eq(d->pcrs, there.pcrs);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cause");
	TCase *t = tcase_create("cause");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_rule, 0, RULES);
	tcase_add_test(t, every_rule_has_an_example);
	tcase_add_test(t, order_of_the_table);
	tcase_add_test(t, only_the_gravest_count);
	tcase_add_test(t, as_before);
	tcase_add_test(t, words);
	tcase_add_test(t, steps_to_copy);
	tcase_add_loop_test(t, recorded, 0, BOOTS);
	tcase_add_test(t, values_with_a_good_boot);
	tcase_add_test(t, path_or_option);
	tcase_add_test(t, secure_boot_on);
	tcase_add_test(t, diff_of_two_boots);
	suite_add_tcase(s, t);
	return tap_run(s);
}
