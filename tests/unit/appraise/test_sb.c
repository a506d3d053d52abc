/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on Secure Boot, the firmware and Windows: each has a boot that passes
 * and one change that does not. */
#include "unit/appraise/sb_boot.h"

/* --- cases ---------------------------------------------------------------- */

static const struct sb_case {
	const char *members;
	void (*before)(struct evlog *log); /* what passes */
	void (*after)(struct evlog *log);  /* and what does not */
	enum err_code code;
	int pcr;
} cases[] = {
    {ON, same, pk_empty, ERR_SB_SETUPMODE, 7},
    {ON, same, kek_missing, ERR_SB_UNKNOWN, 7},
    {ON, same, kek_malformed, ERR_SB_DATABASE, 7},
    {ON, setup_mode_off, setup_mode, ERR_SB_SETUPMODE, 7},
    {ON, same, audit_mode, ERR_SB_AUDITMODE, 7},
    {ON, same, late_db, ERR_SB_DUPLICATE, 7},
    {ON, same, late_state, ERR_SB_DUPLICATE, 7},
    {SB("\"deployed_mode\":true"), deployed, undeployed, ERR_SB_DEPLOYEDMODE,
	7},
    {SB("\"deployed_mode\":true"), deployed, same, ERR_SB_DEPLOYEDMODE, 7},
    {ON, same, debug, ERR_SB_DEBUG, 7},
    {ON, same, debug_nul, ERR_SB_DEBUG, 7},
    {"\"description\":\"\"", same, debug, ERR_SB_DEBUG, 7},
    {ON, same, no_dma, ERR_DMA_UNPROTECTED, 7},
    {ON, same, unknown_action, ERR_BOOT_EVENT_UNKNOWN, 7},
    {ON, same, unbound_action, ERR_LOG_DIGEST_DATA, 7},
    {ON, same, hidden_state, ERR_BOOT_EVENT_UNKNOWN, 7},
    {ON, any_pk, test_pk, ERR_SB_TESTKEY, 7},
    {ON, same, test_kek, ERR_SB_TESTKEY, 7},
    {ON, same, no_authority, ERR_SB_NO_AUTHORITY, 7},
    {ON, same, early_authority, ERR_SB_AUTHORITY_EARLY, 7},
    {ON, same, other_db, ERR_SB_AUTHORITY, 7},
    {ON, same, foreign_authority, ERR_SB_AUTHORITY, 7},
    {ON, secure_again, insecure, ERR_MOK_INSECURE, 7},
    {SB("\"pk\":[{\"sha256\":\"" PK_KEK "\"}]"), same, any_pk,
	ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"kek\":[{\"sha256\":\"" PK_KEK "\"},{\"sha256\":\"" MS_KEK "\"}]"),
	same, test_kek, ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"db\":[{\"sha256\":\"" UEFI_CA "\"},{\"sha256\":\"" WINDOWS_PCA
	"\"}]"),
	same, other_db, ERR_SB_DB_UNEXPECTED, 7},
    {"\"secure_boot\":{\"required\":false,\"db\":[{\"sha256\":\"" UEFI_CA
     "\"},{\"sha256\":\"" WINDOWS_PCA "\"}]}",
	same, other_db, ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"authorities\":[{\"sha256\":\"" UEFI_CA "\"},{\"sha256\":\"" DEBIAN_CA
	"\"}]"),
	same, other_db, ERR_SB_AUTHORITY, 7},
    {SB("\"dbx\":[{\"images\":[\"" EMPTY "\"]}]"), same, dbx_empty,
	ERR_DBX_STALE, 7},
    {SB("\"dbx\":[{\"golden\":true,\"images\":[\"" EMPTY "\"]}]"), same,
	dbx_empty, ERR_DBX_ROLLBACK, 7},
    {SB("\"dbx\":[{\"images\":[\"" BOOTKIT "\"],\"missing\":\"pass\"}]"), same,
	bootkit, ERR_BOOT_REVOKED, 4},
    {SB("\"dbx\":[{\"images\":[\"" BOOTKIT "\"],\"missing\":\"pass\"}]"), same,
	rom, ERR_BOOT_REVOKED, 2},
    {SB("\"dbx\":[{\"images\":[\"" BOOTKIT "\"],\"missing\":\"pass\"}]"), same,
	hidden_bootkit, ERR_BOOT_REVOKED, 4},
    {SB("\"svn\":{\"bootmgr\":\"7.0\"}"), svn_7_1, svn_6_9, ERR_BOOT_SVN, 7},
    {SB("\"svn\":{\"bootmgr\":\"7.1\"}"), svn_7_1, svn_7_0, ERR_BOOT_SVN, 7},
    {SB("\"svn\":{\"bootmgr\":\"7.0\"}"), svn_7_0, same, ERR_BOOT_SVN, 7},
#define LEVEL                                                                  \
	"\"sbat\":{\"minimum\":\"sbat,1,2025021800\\nshim,4\\ngrub,5\\n\"}"
    {SB(LEVEL), sbat_newer, sbat_old, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, sbat_old_shim, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, no_sbat, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, second_sbat, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, hidden_sbat, ERR_BOOT_EVENT_UNKNOWN, 7},
    {ON, sbat_old, sbat_negative, ERR_SBAT_FORMAT, 7},
    {ON, same, sbat_unended, ERR_SBAT_FORMAT, 7},
    {ON, same, sbat_huge, ERR_SBAT_FORMAT, 7},
    {ON, same, no_sbat, ERR_SBAT_MISSING, 7},
#define VALUE(hex) "[{\"sha256\":\"" hex "\"}]"
#define MOK                                                                    \
	"\"mok\":{\"MokList\":" VALUE(                                         \
	    "342c88bb9fde2c45eeaa17321262b089181e7e841ef5a4a5e8ed240920026"    \
	    "f97") ",\"MokListX\":" VALUE("45e89b4a5f8283cd8ae7c66bda83466971" \
					  "20c84880537aadb49a665c7d7"          \
					  "eec0f") ",\"MokListTrusted\""       \
						   ":" VALUE("4bf5122f344554c" \
							     "53bde2ebb8cd2b7" \
							     "e3d1600ad631c38" \
							     "5a5d7cce23c778"  \
							     "5459a") "}"
    {SB(MOK), same, mok_other, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_dropped, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_swapped, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_more, ERR_MOK_CHANGED, 14},
#define FW(members) "\"firmware\":{" members "}"
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_039, ERR_FW_ROLLBACK,
	0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_r1, ERR_FW_VERSION, 0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_none, ERR_FW_VERSION,
	0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_unbound,
	ERR_FW_VERSION, 0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_forged, ERR_FW_VERSION,
	0},
    {FW("\"versions\":[\"x\",\"N40ET41W\"]"), version_41, version_039,
	ERR_FW_VERSION, 0},
    {"\"description\":\"\"", same, no_crtm, ERR_FW_NO_CRTM, 0},
#define WIN "\"windows\":{}"
    {WIN, win, win_boot_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_kernel_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_hypervisor_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_test_signing, ERR_WIN_TEST_SIGNING, 12},
    {WIN, win, win_no_integrity, ERR_WIN_CODE_INTEGRITY, 12},
    {WIN, win, win_safe, ERR_WIN_SAFE_MODE, 12},
    {WIN, win, win_pe, ERR_WIN_PE, 12},
    {WIN, win, win_no_elam, ERR_WIN_ELAM, -1},
    {WIN, win, win_hidden, ERR_WIN_UNKNOWN, 12},
    {WIN, win, win_late, ERR_WIN_UNKNOWN, -1},
    {WIN, win, win_cut, ERR_WIN_UNKNOWN, 13},
    {WIN, win, same, ERR_WIN_UNKNOWN, -1},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* The control passes, the change is named, and at its PCR. */
START_TEST(rule_by_rule)
{
	const struct sb_case *c = &cases[_i];
	struct policy *p = policy_with(c->members);
	struct evlog log = copy();

	c->before(&log);
	judge(p, &log);
	ck_assert_msg(v.result == RESULT_PASS, "%d %s: the control: %s", _i,
	    c->members, first_reason());
	log = copy();
	c->after(&log);
	judge(p, &log);
	const struct reason *r = reason_of(c->code);
	ck_assert_msg(r != NULL, "%d %s: %s, not %s", _i, c->members,
	    first_reason(), err_name(c->code));
	ck_assert_int_eq(r->pcr, c->pcr);
	ck_assert_int_ne(v.result, RESULT_PASS);
	ck_assert_int_eq(v.result == RESULT_WARN, c->code == ERR_SBAT_MISSING);
	policy_unref(p);
}
END_TEST

/* What "required" implies is allowed by name, and only that. */
START_TEST(allowed_by_name)
{
	static const struct {
		const char *name;
		void (*change)(struct evlog *log);
	} rows[] = {
	    {"setup_mode", setup_mode},
	    {"audit_mode", audit_mode},
	    {"debug_mode", debug},
	    {"test_keys", test_pk},
	    {"no_authority", no_authority},
	    {"early_authority", early_authority},
	    {"mok_insecure", insecure},
	    {"no_dma_protection", no_dma},
	    {"no_sbat", no_sbat},
	};
	char members[80];

	for (size_t i = 0; i < 9; i++) {
		snprintf(members, sizeof(members), SB("\"allow\":[\"%s\"]"),
		    rows[i].name);
		struct policy *p = policy_with(members);
		for (size_t k = 0; k < 9; k++) {
			struct evlog log = copy();
			rows[k].change(&log);
			judge(p, &log);
			ck_assert_msg((v.result == RESULT_PASS) == (i == k),
			    "%s allowed, %s: %s", rows[i].name, rows[k].name,
			    first_reason());
		}
		policy_unref(p);
	}
}
END_TEST

START_TEST(windows_allowed_by_name)
{
	static const struct {
		const char *name;
		void (*change)(struct evlog *log);
	} rows[] = {
	    {"debug", win_kernel_debug},
	    {"test_signing", win_test_signing},
	    {"safe_mode", win_safe},
	    {"winpe", win_pe},
	    {"no_elam", win_no_elam},
	    {"no_code_integrity", win_no_integrity},
	};
	char members[80];

	for (size_t i = 0; i < 6; i++) {
		snprintf(members, sizeof(members),
		    "\"windows\":{\"allow\":[\"%s\"]}", rows[i].name);
		struct policy *p = policy_with(members);
		for (size_t k = 0; k < 6; k++) {
			struct evlog log = copy();
			rows[k].change(&log);
			judge(p, &log);
			ck_assert_int_eq(v.result == RESULT_PASS, i == k);
		}
		policy_unref(p);
	}
}
END_TEST

/* Extended by a program after the log ended: Windows' words prove nothing. */
START_TEST(windows_unlogged)
{
	struct policy *p = policy_with(WIN);
	struct evlog log = copy();
	struct boot_replay replay;
	struct boot_facts f = {.log = &log,
	    .replay = &replay,
	    .quoted = &quoted,
	    .hasher = hasher};

	win(&log);
	ck_rc_ok(boot_replay(&log, NULL, hasher, &arena, &replay, NULL));
	struct banks values = replay.banks;
	banks_find(&values, ALG_SHA256)->pcr[13][0] ^= 1;
	f.values = &values;
	verdict_init(&v, &arena);
	ck_rc_ok(policy_eval_boot(p, &f, &v, NULL));
	ck_assert_ptr_nonnull(reason_of(ERR_WIN_UNKNOWN));
	policy_unref(p);
}
END_TEST

START_TEST(missing_from_dbx)
{
	static const struct {
		const char *word;
		enum result result;
	} rows[] = {{"fail", RESULT_FAIL}, {"warn", RESULT_WARN},
	    {"pass", RESULT_PASS}};
	char members[200];

	snprintf(members, sizeof(members),
	    SB("\"dbx\":[{\"missing\":\"%s\",\"images\":[\"" HEX_A "\"]}]"),
	    rows[_i].word);
	struct policy *p = policy_with(members);
	struct evlog log = copy();
	judge(p, &log);
	ck_assert_int_eq(v.result, rows[_i].result);
	policy_unref(p);
}
END_TEST

/* A certificate in dbx is one by its hash, and no image can stand in for it. */
START_TEST(revoked_certificate)
{
	uint8_t sha256[32];
	char hex[65];
	char members[200];
	struct evlog log = copy();

	ck_rc_ok(hash_of(
	    hasher, ALG_SHA256, certificate("Revoked CA", false), sha256));
	for (size_t k = 0; k < 32; k++)
		snprintf(hex + 2 * k, 3, "%02x", sha256[k]);
	snprintf(members, sizeof(members),
	    SB("\"dbx\":[{\"certificates\":[\"%s\"]}]"), hex);
	struct policy *p = policy_with(members);
	dbx_certificate(&log);
	judge(p, &log);
	ck_assert_int_eq(v.result, RESULT_PASS);
	put_dbx(&log, sha256_guid, span_of(sha256, 32));
	judge(p, &log);
	ck_assert_ptr_nonnull(reason_of(ERR_DBX_STALE));
	policy_unref(p);
	p = policy_with(
	    SB("\"dbx\":[{\"missing\":\"pass\",\"certificates\":[\"" UEFI_CA
	       "\"]}]"));
	judge(p, &golden);
	ck_assert_ptr_nonnull(reason_of(ERR_BOOT_REVOKED));
	policy_unref(p);
}
END_TEST

START_TEST(unlisted_authority)
{
	struct policy *p =
	    policy_with(SB("\"authorities\":[{\"sha256\":\"" UEFI_CA "\"}]"));

	judge(p, &golden);
	ck_assert_uint_eq(v.reasons_n, 1);
	ck_assert_int_eq(v.reasons[0].code, ERR_SB_AUTHORITY_UNEXPECTED);
	ck_assert_ptr_nonnull(
	    strstr(v.reasons[0].found, "Debian Secure Boot CA"));
	policy_unref(p);
}
END_TEST

/* --- published logs --------------------------------------------------------
 */

/* Every published boot with Secure Boot on passes what "required" implies, but
 * for what is known of it. */
START_TEST(published_boots)
{
	static const struct {
		const char *file;
		enum err_code code; /* ERR_OK: passes */
	} logs[] = {
	    {"go-tpm-tools/eventlogs/cos-85-amd-sev.bin", ERR_OK},
	    {"go-tpm-tools/eventlogs/cos-93-amd-sev.bin", ERR_OK},
	    {"go-tpm-tools/eventlogs/debian-10.bin", ERR_SBAT_MISSING},
	    {"go-tpm-tools/eventlogs/eventlogwithsp800155.bin", ERR_OK},
	    {"tpm2-tools/event-moklisttrusted.bin", ERR_OK},
	    {"go-attestation/sb_cert_eventlog", ERR_SBAT_MISSING},
	    {"go-tpm-tools/eventlogs/arch-linux-workstation.bin",
		ERR_SB_UNKNOWN},
	    {"tpm2-tss/binary_measurements_nuc.bin", ERR_SB_UNKNOWN},
	    {"go-tpm-tools/eventlogs/ubuntu-1804-amd-sev.bin", ERR_SB_DISABLED},
	    {"keylime/binary_bios_measurements", ERR_SB_DISABLED},
	    {"rust-keylime/uefi_log.bin", ERR_SB_DISABLED},
	};
	struct policy *p = policy_with(ON);

	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		const char *path =
		    arena_printf(&arena, "third-party/%s", logs[i].file);
		struct span bytes = tap_shared(&arena, path);
		struct evlog log;
		if (!bytes.p) {
			printf("# %s is not here\n", logs[i].file);
			continue;
		}
		ck_rc_ok(evlog_decode(bytes, &arena, &log, NULL));
		judge(p, &log);
		/* Only what the rule on Secure Boot says. */
		const struct reason *found = NULL;
		for (size_t k = 0; k < v.reasons_n && !found; k++)
			if (v.reasons[k].rule &&
			    strncmp(v.reasons[k].rule, "secure_boot", 11) == 0)
				found = &v.reasons[k];
		ck_assert_msg((found ? found->code : ERR_OK) == logs[i].code,
		    "%s: %s %s", logs[i].file,
		    found ? err_name(found->code) : "passes",
		    found && found->found ? found->found : "");
	}
	policy_unref(p);
}
END_TEST

/* Files of dbx updates, by their own entries: the one of 2014 lacks what the
 * one of 2020 has. */
START_TEST(published_dbx)
{
	static const char *const files[] = {
	    "third-party/go-eventlog/dbxupdate-2014-08-11.bin",
	    "third-party/go-eventlog/dbxupdate_x64-2020-10-12.bin"};
	static const size_t entries[] = {13, 0};
	struct buf members = {0};
	struct span lists[2];

	for (size_t i = 0; i < 2; i++) {
		struct span file = tap_shared(&arena, files[i]);
		if (!file.p) {
			printf("# %s is not here\n", files[i]);
			return;
		}
		ck_assert(efi_sigs_file(file, &lists[i]));
		for (size_t n = 0; n < 200; n++)
			ck_assert(!efi_sigs_file(
			    span_of(file.p, file.n - 1 - n), &lists[0]));
		ck_assert(efi_sigs_file(file, &lists[i]));
	}
	buf_puts(&members, "\"secure_boot\":{\"required\":true,\"dbx\":"
			   "[{\"images\":[");
	struct efi_sigs all = efi_sigs_over(lists[1]);
	struct efi_sig sig;
	size_t n = 0;
	while (efi_sigs_next(&all, &sig)) {
		char hex[65];
		if (sig.kind != SIG_SHA256)
			continue;
		for (size_t k = 0; k < 32; k++)
			snprintf(hex + 2 * k, 3, "%02x", sig.data.p[k]);
		buf_printf(&members, "%s\"%s\"", n++ ? "," : "", hex);
	}
	buf_puts(&members, "]}]}");
	ck_assert_uint_gt(n, 100);
	struct policy *p = policy_with(members.p);
	struct evlog log = copy();
	put_config(&log, AT_DBX, uefi_guid_security, "dbx", lists[1]);
	judge(p, &log);
	ck_assert_int_eq(v.result, RESULT_PASS);
	put_config(&log, AT_DBX, uefi_guid_security, "dbx", lists[0]);
	judge(p, &log);
	const struct reason *r = reason_of(ERR_DBX_STALE);
	ck_assert_ptr_nonnull(r);
	printf("# %zu entries of 2020; of 2014 %s\n", n, r->found);
	all = efi_sigs_over(lists[0]);
	for (n = 0; efi_sigs_next(&all, &sig); n++)
		continue;
	ck_assert_uint_eq(n, entries[0]);
	policy_unref(p);
	buf_free(&members);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sb");
	TCase *t = tcase_create("sb");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, sb_setup, sb_teardown);
	tcase_add_loop_test(t, rule_by_rule, 0, CASES);
	tcase_add_test(t, allowed_by_name);
	tcase_add_test(t, windows_allowed_by_name);
	tcase_add_test(t, windows_unlogged);
	tcase_add_loop_test(t, missing_from_dbx, 0, 3);
	tcase_add_test(t, revoked_certificate);
	tcase_add_test(t, unlisted_authority);
	tcase_add_test(t, published_boots);
	tcase_add_test(t, published_dbx);
	suite_add_tcase(s, t);
	return tap_run(s);
}
