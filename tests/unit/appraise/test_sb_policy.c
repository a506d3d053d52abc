/* SPDX-License-Identifier: Apache-2.0 */
/* What is learned about Secure Boot, what is asked about it, what is refused.
 */
#include "appraise/import.h"
#include "decode/sbat.h"
#include "unit/appraise/sb_boot.h"

/* --- learning ---------------------------------------------------------------
 */

static struct learn_note *
learn_from(const struct evlog *log, struct policy **out)
{
	struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct golden g = {.boot = {.log = log,
			       .replay = replay,
			       .quoted = &quoted,
			       .hasher = hasher},
	    .source = "boot"};
	struct buf json = {0};

	ck_rc_ok(boot_replay(log, NULL, hasher, &arena, replay, NULL));
	g.boot.values = &replay->banks;
	ck_rc_ok(policy_learn(&g, 1, &o, &arena, &json, &notes, NULL));
	ck_rc_ok(policy_decode(buf_span(&json), out, NULL));
	buf_free(&json);
	return notes;
}

static bool
warned(const struct learn_note *note, const char *word)
{
	for (; note; note = note->next)
		if (strncmp(note->text, "WARNING", 7) == 0 &&
		    strstr(note->text, word))
			return true;
	return false;
}

static void
off(struct evlog *log)
{
	static const uint8_t nothing = 0;

	put_config(
	    log, 4, uefi_guid_global, "SecureBoot", span_of(&nothing, 1));
}

static void
off_debug(struct evlog *log)
{
	off(log);
	debug(log);
}

/* A golden boot that is not golden is named, and what makes Secure Boot
 * worthless does not become golden by being learned. */
START_TEST(learn_warns)
{
	static const struct {
		void (*change)(struct evlog *log);
		const char *warning; /* NULL: none */
		bool passes;
	} rows[] = {
	    {same, NULL, true},
	    {off, "Secure Boot is not on", true},
	    {debug, "sb.debug", false},
	    {off_debug, "sb.debug", false},
	    {audit_mode, "sb.auditmode", false},
	    {setup_mode, "sb.setupmode", false},
	    {pk_empty, "sb.setupmode", false},
	    {test_pk, "sb.testkey", false},
	    {no_authority, "sb.no_authority", false},
	    {insecure, "mok.insecure", false},
	    {no_crtm, "fw.no_crtm", false},
	    {no_dma, "DMA", true},
	    {no_sbat, "SBAT", true},
	};
	struct policy *p = NULL;
	struct evlog log = copy();

	rows[_i].change(&log);
	struct learn_note *notes = learn_from(&log, &p);
	judge(p, &log);
	ck_assert_msg((v.result == RESULT_PASS) == rows[_i].passes, "%d: %s",
	    _i, first_reason());
	if (rows[_i].warning)
		ck_assert_msg(
		    warned(notes, rows[_i].warning), "%s", rows[_i].warning);
	else
		ck_assert(!warned(notes, ""));
	policy_unref(p);
}
END_TEST

/* What the lists of the golden boot are for: each change has its name. */
START_TEST(learned_lists)
{
	static const struct {
		void (*change)(struct evlog *log);
		enum err_code code;
	} rows[] = {
	    {any_pk, ERR_SB_DB_UNEXPECTED},
	    {other_db, ERR_SB_DB_UNEXPECTED},
	    {dbx_empty, ERR_DBX_ROLLBACK},
	    {sbat_old, ERR_SBAT_STALE},
	    {mok_other, ERR_MOK_CHANGED},
	};
	struct policy *p = NULL;
	struct evlog log = copy();

	learn_from(&golden, &p);
	rows[_i].change(&log);
	judge(p, &log);
	ck_assert_ptr_nonnull(reason_of(rows[_i].code));
	policy_unref(p);
}
END_TEST

/* --- questions ---------------------------------------------------------------
 */

static bool
asked(const char *json, const char *question)
{
	struct policy *p = NULL;
	struct buf out = {0};

	ck_rc_ok(policy_decode(span_str(json), &p, NULL));
	policy_lint(p, 0, "en", &out);
	bool found = out.p && strstr(out.p, question);
	buf_free(&out);
	policy_unref(p);
	return found;
}

#define HEAD "{\"akashi_policy\":1,\"name\":\"x\","
#define IMAGE(hex)                                                             \
	"\"4\":{\"events\":[{\"type\":\"EV_EFI_BOOT_SERVICES_APPLICATION\","   \
	"\"accept\":[{\"sha256\":\"" hex "\"}]}]}"

/* Golden lists with the hash of a file where an Authenticode digest belongs
 * (S20): seen where the policy knows the file. */
START_TEST(lint_asks)
{
	static const char pcr_9[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,9]},\"boot\":{" IMAGE(
		HEX_A) ",\"9\":{\"events\":[{\"type\":\"EV_IPL\","
		       "\"accept\":[{\"sha256\":\"" HEX_A "\"}]}]}}}";
	static const char ima[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,10]},\"boot\":{" IMAGE(
		HEX_A) "},\"ima\":{\"allow\":[{\"files\":"
		       "[\"sha256:" HEX_A " /boot/vmlinuz\"]}]}}";
	static const char right[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,10]},\"boot\":{" IMAGE(
		EMPTY) "},\"ima\":{\"allow\":[{\"files\":"
		       "[\"sha256:" HEX_A " /boot/vmlinuz\"]}]}}";
	static const char revoked[] = HEAD
	    "\"pcrs\":{\"sha256\":[4,7]},\"secure_boot\":{\"required\":true,"
	    "\"dbx\":[{\"images\":[\"" EMPTY
	    "\"]}]},\"boot\":{" IMAGE(EMPTY) ",\"7\":{\"opaque\":\"x\"}}}";
	static const char open[] = HEAD
	    "\"pcrs\":{\"sha256\":[7,14]},\"secure_boot\":{\"required\":true,"
	    "\"allow\":[\"debug_mode\"]},\"boot\":{\"7\":{\"opaque\":\"x\"},"
	    "\"14\":{\"opaque\":\"x\"}}}";

	ck_assert(asked(pcr_9, "Authenticode"));
	ck_assert(asked(ima, "Authenticode"));
	ck_assert(!asked(right, "Authenticode"));
	ck_assert(asked(revoked, "revokes the accepted image"));
	ck_assert(!asked(right, "revokes"));
	ck_assert(asked(open, "an old dbx passes"));
	ck_assert(!asked(revoked, "an old dbx passes"));
	ck_assert(asked(open, "secure_boot.allow debug_mode"));
	ck_assert(asked(open, "any certificate may stand in db"));
	ck_assert(asked(open, "no SBAT level"));
	ck_assert(asked(right, "Secure Boot is not required"));
	ck_assert(!asked(open, "Secure Boot is not required"));
}
END_TEST

/* Documents that are refused, by path. */
START_TEST(refused)
{
	static const struct {
		const char *members;
		enum err_code code;
		const char *path;
	} rows[] = {
	    {"\"secure_boot\":{}", ERR_JSON_MISSING, "secure_boot.required"},
	    {SB("\"allow\":[\"everything\"]"), ERR_POLICY_FORMAT,
		"secure_boot.allow[0]"},
	    {SB("\"allow\":[1]"), ERR_POLICY_FORMAT, "secure_boot.allow[0]"},
	    {SB("\"db\":[{}]"), ERR_JSON_MISSING, "secure_boot.db[0].sha256"},
	    {SB("\"db\":[{\"sha256\":\"AA\"}]"), ERR_POLICY_FORMAT,
		"secure_boot.db[0].sha256"},
	    {SB("\"dbx\":[{}]"), ERR_POLICY_FORMAT, "secure_boot.dbx[0]"},
	    {SB("\"dbx\":[{\"images\":[1]}]"), ERR_POLICY_FORMAT,
		"secure_boot.dbx[0].images[0]"},
	    {SB("\"dbx\":[{\"images\":[\"" HEX_A "\"],\"missing\":\"no\"}]"),
		ERR_POLICY_FORMAT, "secure_boot.dbx[0].missing"},
	    {SB("\"sbat\":{\"minimum\":\"shim,4\\n\"}"), ERR_POLICY_FORMAT,
		"secure_boot.sbat.minimum"},
	    {SB("\"sbat\":{}"), ERR_POLICY_FORMAT, "secure_boot.sbat.minimum"},
	    {SB("\"svn\":{\"bootmgr\":\"7\"}"), ERR_POLICY_FORMAT,
		"secure_boot.svn.bootmgr"},
	    {SB("\"svn\":{\"other\":\"7.0\"}"), ERR_JSON_UNKNOWN,
		"secure_boot.svn.other"},
	    {SB("\"mok\":{\"Other\":[]}"), ERR_JSON_UNKNOWN,
		"secure_boot.mok.Other"},
	    {SB("\"mok\":{\"MokList\":[{\"sha1\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}"),
		ERR_POLICY_FORMAT, "secure_boot.mok.MokList[0].sha256"},
	    {"\"firmware\":{}", ERR_POLICY_FORMAT, "firmware"},
	    {"\"firmware\":{\"versions\":[]}", ERR_POLICY_FORMAT,
		"firmware.versions"},
	    {"\"firmware\":{\"versions\":[1]}", ERR_JSON_TYPE,
		"firmware.versions[0]"},
	    {"\"windows\":{\"allow\":[\"all\"]}", ERR_POLICY_FORMAT,
		"windows.allow[0]"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *json = arena_printf(&arena,
		    HEAD "\"pcrs\":{\"sha256\":[0,7,12,13,14]},%s,\"boot\":{"
			 "\"0\":{\"opaque\":\"x\"},\"7\":{\"opaque\":\"x\"},"
			 "\"12\":{\"opaque\":\"x\"},\"13\":{\"opaque\":\"x\"},"
			 "\"14\":{\"opaque\":\"x\"}}}",
		    rows[i].members);
		struct policy *p = NULL;
		struct err e = {0};
		rc r = policy_decode(span_str(json), &p, &e);
		ck_assert_msg(
		    r.code == rows[i].code && strcmp(e.path, rows[i].path) == 0,
		    "%s: %s at %s", rows[i].members, err_name(r.code), e.path);
	}
}
END_TEST

/* PCRs that would be judged and are not required. */
START_TEST(refused_without_pcrs)
{
	static const char *const members[] = {
	    "\"firmware\":{\"minimum\":\"1\"}", "\"windows\":{}",
	    SB("\"mok\":{}"), ON};
	static const char *const paths[] = {
	    "firmware", "windows", "secure_boot.mok", "secure_boot"};
	static const char *const pcrs[] = {"7", "12", "7", "0"};
	struct err e = {0};
	struct policy *p = NULL;

	const char *json = arena_printf(&arena,
	    HEAD "\"pcrs\":{\"sha256\":[%s]},%s,\"boot\":{\"%s\":"
		 "{\"values\":[{\"sha256\":\"" HEX_A "\"}]}}}",
	    pcrs[_i], members[_i], pcrs[_i]);
	ck_rc_is(policy_decode(span_str(json), &p, &e), ERR_POLICY_FORMAT);
	ck_assert_str_eq(e.path, paths[_i]);
}
END_TEST

/* --- imports
 * ------------------------------------------------------------------ */

START_TEST(sbat_lines)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
	    {"sbat,1,2024010900\n", true},
	    {"sbat,1,2024010900\nshim,4\ngrub.debian,4\n", true},
	    {"sbat,1,2024010900", false},
	    {"", false},
	    {"\n", false},
	    {"shim,4\n", false},
	    {"sbat,1\n", false},
	    {"sbat,1,20240109\n", false},
	    {"sbat,1,2024010900,x\n", false},
	    {"sbat,-1,2024010900\n", false},
	    {"sbat,1,2024010900\n\n", false},
	    {"sbat,1,2024010900\nshim,04\n", false},
	    {"sbat,1,2024010900\nshim,4,x\n", false},
	    {"sbat,1,2024010900\nshim\n", false},
	    {"sbat,1,2024010900\n,4\n", false},
	    {"sbat,1,2024010900\r\n", false},
	    {"sbat,1,2024010900\nsh im,4\n", false},
	    {"sbat,1,2024010900\nshim,4294967296\n", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
		    sbat_valid(span_str(rows[i].text)) == rows[i].valid, "%s",
		    rows[i].text);
	struct span level = span_str(rows[1].text);
	ck_assert_uint_eq(sbat_datestamp(level), 2024010900);
	ck_assert_uint_eq(sbat_generation(level, span_str("shim")), 4);
	ck_assert_uint_eq(sbat_generation(level, span_str("grub")), 0);
}
END_TEST

static bool
noted(const struct import *i, const char *words)
{
	for (const struct learn_note *n = i->notes; n; n = n->next)
		if (strstr(n->text, words))
			return true;
	return false;
}

static const char plain[] = HEAD "\"pcrs\":{\"sha256\":[4,7]},\"boot\":{" IMAGE(
    EMPTY) ",\"7\":{\"opaque\":\"x\"}}}";

/* The seeds of the fuzzer: bare, as an update, as efivarfs has it. */
START_TEST(imports_dbx)
{
	static const char *const files[] = {"lists", "update", "efivarfs"};
	struct span file = tap_file(&arena,
	    arena_printf(&arena, "tests/fuzz/corpus/import/%s", files[_i]));
	struct import i;
	struct buf out = {0};

	ck_rc_ok(import_begin(&i, span_str(plain), &arena, hasher, NULL));
	ck_rc_ok(import_dbx(&i, file, "a.bin", NULL));
	ck_rc_ok(import_dbx(&i, file, "b.bin", NULL));
	ck_rc_ok(import_dbx(&i, file, "a.bin", NULL));
	ck_rc_ok(import_end(&i, &out, NULL));
	ck_assert(noted(&i, "says nothing about Secure Boot"));
	ck_assert(noted(&i, "signature of the update was not checked"));
	ck_assert(noted(&i, "1 entries of type RSA-2048 are not translated"));
	const json_t *sb = json_object_get(i.doc, "secure_boot");
	const json_t *groups = json_object_get(sb, "dbx");
	ck_assert_uint_eq(json_array_size(groups), 2);
	const json_t *last = json_array_get(groups, 1);
	ck_assert_str_eq(
	    json_string_value(json_object_get(last, "source")), "a.bin");
	ck_assert_str_eq(json_string_value(json_array_get(
			     json_object_get(last, "images"), 0)),
	    HEX_A);
	ck_assert_uint_eq(json_array_size(json_object_get(last, "images")), 1);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(last, "certificates")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(
			     json_object_get(sb, "svn"), "bootmgr")),
	    "7.0");
	json_free(i.doc);
	buf_free(&out);
}
END_TEST

START_TEST(imports_sbat)
{
	struct import i;
	struct buf out = {0};

	ck_rc_ok(import_begin(&i, span_str(plain), &arena, hasher, NULL));
	ck_rc_ok(import_sbat(
	    &i, span_str("\6\1\1\1sbat,1,2025021800\n"), "new", NULL));
	ck_assert(!noted(&i, "older"));
	ck_rc_ok(import_sbat(
	    &i, span_str("sbat,1,2024010900\nshim,4\n"), "level", NULL));
	ck_assert(noted(&i, "older"));
	ck_rc_is(import_sbat(&i, span_str("shim,4\n"), "level", NULL),
	    ERR_IMPORT_FORMAT);
	ck_rc_is(import_dbx(&i, span_str("shim,4\n"), "level", NULL),
	    ERR_IMPORT_FORMAT);
	ck_rc_ok(import_end(&i, &out, NULL));
	ck_assert_ptr_nonnull(strstr(out.p, "\"source\": \"level\""));
	json_free(i.doc);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sb_policy");
	TCase *t = tcase_create("sb_policy");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, sb_setup, sb_teardown);
	tcase_add_loop_test(t, learn_warns, 0, 13);
	tcase_add_loop_test(t, learned_lists, 0, 5);
	tcase_add_test(t, lint_asks);
	tcase_add_test(t, refused);
	tcase_add_loop_test(t, refused_without_pcrs, 0, 4);
	tcase_add_test(t, sbat_lines);
	tcase_add_loop_test(t, imports_dbx, 0, 3);
	tcase_add_test(t, imports_sbat);
	suite_add_tcase(s, t);
	return tap_run(s);
}
