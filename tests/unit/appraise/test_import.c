/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers: what becomes of them, and that nothing is dropped in
 * silence. */
#include "appraise/import.h"
#include "lib/tap.h"

#include <stdlib.h>

#define A "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static const char plain[] =
    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[10]},"
    "\"ima\":{\"allow\":[{\"source\":\"own\",\"files\":[\"sha256:" A
    " /own\"]}]}}";

static struct arena arena;
static struct hasher *hasher;
static struct import im;
static struct buf out;

static void
setup(void)
{
	arena_init(&arena, (size_t)64 << 20);
	hasher = hasher_new();
	out = (struct buf){0};
	ck_rc_ok(import_begin(&im, span_str(plain), &arena, hasher, NULL));
}

static void
teardown(void)
{
	json_free(im.doc);
	buf_free(&out);
	hasher_free(hasher);
	arena_free(&arena);
}

static bool
noted(const char *words)
{
	for (const struct learn_note *n = im.notes; n; n = n->next)
		if (strstr(n->text, words))
			return true;
	return false;
}

static void
forget_notes(void)
{
	im.notes = NULL;
	im.tail = &im.notes;
}

/* The document as it would be printed. */
static const char *
printed(void)
{
	buf_free(&out);
	out = (struct buf){0};
	ck_rc_ok(import_end(&im, &out, NULL));
	return out.p;
}

static struct span
seed(const char *name)
{
	return tap_file(
	    &arena, arena_printf(&arena, "tests/fuzz/corpus/import/%s", name));
}

static size_t
occurrences(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* Every strict prefix is refused, or what it lacks can be seen. */
static void
prefixes(importer *how, struct span file, const char *whole, const char *cut)
{
	for (size_t n = 0; n < file.n; n++) {
		forget_notes();
		rc r = how(&im, span_of(file.p, n), "cut", NULL);
		bool line = n > 0 && file.p[n - 1] == '\n';
		bool shows = cut && (line ? !noted(whole) : noted(cut));
		ck_assert_msg(
		    r.code == ERR_IMPORT_FORMAT || (rc_ok(r) && shows),
		    "prefix of %zu bytes: %s", n, err_name(r.code));
	}
}

/* --- sha256sum ------------------------------------------------------------ */

START_TEST(sums)
{
	ck_rc_ok(import_sums(&im, seed("sums"), "list", NULL));
	ck_rc_ok(import_sums(&im, seed("sums"), "list", NULL));
	ck_assert(noted("list: 2 files are allowed"));
	ck_assert(noted("1 SHA-1 digests are not translated"));
	ck_assert(!noted("may be cut"));
	ck_assert(!noted("do not begin with a slash"));
	ck_assert_ptr_nonnull(strstr(printed(), "sha256:" A " /usr/bin/a b\""));
	ck_assert_ptr_nonnull(strstr(out.p, " /usr/bin/c\\\\x5cd\\\\x0ae\""));
	ck_assert_uint_eq(occurrences(out.p, "/usr/bin/a b"), 1);
	ck_assert_ptr_nonnull(strstr(out.p, "\"source\": \"own\""));
}
END_TEST

START_TEST(sums_hostile)
{
	static const struct {
		const char *text;
		const char *note; /* NULL: refused */
	} rows[] = {
	    {"", NULL},
	    {"\n", "0 files are allowed"},
	    {"x\n", NULL},
	    {A "\n", NULL},
	    {A " /one-blank\n", NULL},
	    {A "  /cut", "may be cut"},
	    {A "  relative\n", "1 paths do not begin with a slash"},
	    {A "  -\n", "1 paths do not begin with a slash"},
	    {"\\" A "  /bad\\escape\n", NULL},
	    {"\\" A "  /bad\\", NULL},
	    {"z" A "  /x\n", NULL},
	    {"SHA256 (/x) = " A "\n", NULL},
	    {SHA1 "  /x\n", "1 SHA-1 digests"},
	    {A "  /x\nrubbish\n", NULL},
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		forget_notes();
		rc r = import_sums(&im, span_str(rows[k].text), "s", NULL);
		ck_assert_msg(rc_ok(r) == (rows[k].note != NULL), "row %zu", k);
		if (rows[k].note)
			ck_assert_msg(noted(rows[k].note), "row %zu", k);
		else
			ck_rc_is(r, ERR_IMPORT_FORMAT);
	}
	ck_assert_ptr_nonnull(strstr(printed(), "/own"));
}
END_TEST

/* A path that a policy could not carry is counted, not cut. */
START_TEST(sums_long)
{
	char line[6000];

	memset(line, 1, sizeof(line));
	memcpy(line, A "  /", strlen(A) + 3);
	line[strlen(A) + 2 + 1500] = '\n';
	ck_rc_ok(
	    import_sums(&im, span_of(line, strlen(A) + 2 + 1501), "s", NULL));
	ck_assert(noted("1 files whose path is empty or too long"));
	line[strlen(A) + 2 + 1500] = 'x';
	line[sizeof(line) - 1] = '\n';
	forget_notes();
	ck_rc_ok(import_sums(&im, span_of(line, sizeof(line)), "s", NULL));
	ck_assert(noted("1 files whose path is empty or too long"));
	printed();
}
END_TEST

START_TEST(sums_cut)
{
	prefixes(import_sums, seed("sums"), "1 SHA-1", "may be cut");
}
END_TEST

/* --- Keylime -------------------------------------------------------------- */

START_TEST(keylime)
{
	ck_rc_ok(import_keylime(&im, seed("keylime"), "k", NULL));
	ck_rc_ok(import_keylime(&im, seed("keylime"), "k", NULL));
	ck_assert(noted("3 files are allowed"));
	ck_assert(noted("1 SHA-1 digests"));
	ck_assert(noted("boot_aggregate is not translated"));
	ck_assert(noted("\"/home/[a-z]+\" is not translated: no glob"));
	ck_assert(noted("\".*\" is not translated: it would take every"));
	ck_assert(noted("\"boot.file\" is not translated"));
	ck_assert(noted("ima.ignored_keyrings is not translated"));
	ck_assert(noted("ima.log_hash_alg is not translated"));
	ck_assert(noted("verification-keys is not translated"));
	ck_assert(noted("release is not translated"));
	ck_assert(noted("ima.other_path"));
	ck_assert(!noted("dm_policy"));
	ck_assert_uint_eq(occurrences(printed(), A " /usr/bin/ls\""), 1);
	ck_assert_uint_eq(occurrences(out.p, A " .ima\""), 1);
	ck_assert_uint_eq(occurrences(out.p, A " kexec-cmdline\""), 1);
	ck_assert_uint_eq(occurrences(out.p, "\"/tmp/**\""), 1);
	ck_assert_uint_eq(occurrences(out.p, "\"/var/lib/x.y\""), 1);
	ck_assert_uint_eq(occurrences(out.p, "\"glob\""), 2);
	ck_assert_uint_eq(occurrences(out.p, "\"other_path\": \"fail\""), 1);
	ck_assert_uint_eq(occurrences(out.p, "boot_aggregate"), 0);
}
END_TEST

START_TEST(keylime_lines)
{
	ck_rc_ok(import_keylime(&im, seed("keylime-lines"), "k", NULL));
	ck_assert(noted("2 files are allowed"));
	ck_assert(noted("1 SHA-1 digests"));
	ck_assert_ptr_nonnull(strstr(printed(), A " /init\""));
	ck_assert_ptr_null(strstr(out.p, "keyring"));
}
END_TEST

/* An expression of Python and the glob that says the same. */
START_TEST(keylime_excludes)
{
	static const struct {
		const char *re;
		const char *glob; /* NULL: not translated */
	} rows[] = {
	    {"/tmp", "/tmp**"},
	    {"/tmp/.*", "/tmp/**"},
	    {"^/tmp/.*", "/tmp/**"},
	    {"^/tmp/x$", "/tmp/x"},
	    {"/a\\.b\\-c\\/d$", "/a.b-c/d"},
	    {"/a\\\\b$", "/a\\b"},
	    {"/tmp/.*$", NULL},
	    {"/tmp/.+", NULL},
	    {"/tmp/.*?", NULL},
	    {"/tmp/.*/x", NULL},
	    {"/a.b$", NULL},
	    {"/a b$", NULL},
	    {"/a*", NULL},
	    {"/a\\*", NULL},
	    {"/a\\?", NULL},
	    {"/a\\d", NULL},
	    {"/a\\", NULL},
	    {"/a\\\\", "/a\\**"},
	    {"/a|/b", NULL},
	    {"(?i)/a", NULL},
	    {"/a^b", NULL},
	    {"/a$b", NULL},
	    {"", NULL},
	    {"/", NULL},
	    {"^", NULL},
	    {"$", NULL},
	    {".*", NULL},
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		json_t *doc = json_pack(
		    "{s:{}, s:[s]}", "digests", "excludes", rows[k].re);
		char *text = json_dumps(doc, JSON_COMPACT);
		forget_notes();
		ck_rc_ok(import_keylime(&im, span_str(text), "k", NULL));
		const json_t *ima = json_object_get(im.doc, "ima");
		const char *glob = json_string_value(json_object_get(
		    json_array_get(json_object_get(ima, "exclude"), 0),
		    "glob"));
		ck_assert_pstr_eq(glob, rows[k].glob);
		ck_assert_msg(
		    noted("the exclude") == !rows[k].glob, "%s", rows[k].re);
		printed();
		free(text);
		json_free(doc);
	}
}
END_TEST

START_TEST(keylime_hostile)
{
	static const char *const rows[] = {
	    "",
	    "{}",
	    "{\"digests\":[]}",
	    "{\"digests\":{\"/x\":\"" A "\"}}",
	    "{\"digests\":{\"/x\":[1]}}",
	    "{\"digests\":{\"/x\":[\"" A "00\"]}}",
	    "{\"digests\":{\"/x\":[\"z" A "\"]}}",
	    "{\"digests\":{\"/x\":[\"\"]}}",
	    "{\"digests\":{},\"digests\":{}}",
	    "{\"digests\":{},\"meta\":{\"version\":2}}",
	    "{\"digests\":{},\"meta\":{\"version\":\"1\"}}",
	    "{\"digests\":{},\"excludes\":{}}",
	    "{\"digests\":{},\"excludes\":[1]}",
	    "{\"digests\":{},\"ima\":[]}",
	    "{\"digests\":{},\"keyrings\":[]}",
	    "{\"digests\":{},\"verification-keys\":"
	    "\"-----BEGIN CERTIFICATE-----\"}",
	    "{\"digests\":{}} x",
	    A "\n",
	    A " \n",
	    "rubbish\n",
	    " " A "  /x\n",
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		rc r = import_keylime(&im, span_str(rows[k]), "k", NULL);
		ck_assert_msg(
		    r.code == ERR_IMPORT_FORMAT, "row %zu: %s", k, rows[k]);
	}
}
END_TEST

/* A certificate is a key of the list; one of a kind not known is listed. */
START_TEST(keylime_certificate)
{
	struct span pem =
	    tap_file(&arena, "tests/vectors/vm/common/ca1/rootca.pem");
	json_t *doc = json_pack(
	    "{s:{}, s:s%}", "digests", "verification-keys", pem.p, pem.n);
	char *text = json_dumps(doc, JSON_COMPACT);
	static const char bad[] =
	    "{\"digests\":{},\"verification-keys\":\"-----BEGIN "
	    "CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\"}";

	ck_rc_ok(import_keylime(&im, span_str(text), "k", NULL));
	ck_assert(!noted("verification-keys"));
	ck_assert_uint_eq(occurrences(printed(), "\"certificate\""), 1);
	ck_rc_ok(import_keylime(&im, span_str(bad), "k", NULL));
	ck_assert(noted("a certificate is not translated"));
	ck_assert_uint_eq(occurrences(printed(), "\"certificate\""), 0);
	free(text);
	json_free(doc);
}
END_TEST

START_TEST(keylime_cut)
{
	struct span file = seed("keylime");

	prefixes(import_keylime, span_of(file.p, file.n - 1), NULL, NULL);
	prefixes(
	    import_keylime, seed("keylime-lines"), "1 SHA-1", "may be cut");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("import");
	TCase *t = tcase_create("import");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sums);
	tcase_add_test(t, sums_hostile);
	tcase_add_test(t, sums_long);
	tcase_add_test(t, sums_cut);
	tcase_add_test(t, keylime);
	tcase_add_test(t, keylime_lines);
	tcase_add_test(t, keylime_excludes);
	tcase_add_test(t, keylime_hostile);
	tcase_add_test(t, keylime_certificate);
	tcase_add_test(t, keylime_cut);
	suite_add_tcase(s, t);
	return tap_run(s);
}
