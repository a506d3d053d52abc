/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers: what becomes of them, and that nothing is dropped in
 * silence. */
#include "appraise/import.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>

#define A "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"

#define B "abababababababababababababababababababababababababababababababab"
#define C "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define D "efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef"
#define APPLICATION(type)                                                      \
	"{\"type\":" type ",\"accept\":[{\"sha256\":\"" A "\"}]}"

#define FIRST APPLICATION("\"EV_EFI_BOOT_SERVICES_APPLICATION\"")
#define BY_NUMBER APPLICATION("2147483651")
#define OTHER APPLICATION("\"EV_SEPARATOR\"")
#define EVENTS FIRST "," BY_NUMBER "," OTHER "," FIRST
#define IMA "\"allow\":[{\"source\":\"own\",\"files\":[\"sha256:" A " /own\"]}]"

static const char plain[] =
    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,7,8,10]},"
    "\"ima\":{" IMA "},\"boot\":{\"7\":{\"opaque\":\"x\"},"
    "\"8\":{\"opaque\":\"x\"},\"4\":{\"events\":[" EVENTS "]}}}";

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

/* --- tar -------------------------------------------------------------- */

START_TEST(tar)
{
	char long_name[160];

	memset(long_name, 0, sizeof(long_name));
	memcpy(long_name, " /usr/bin/", 10);
	memset(long_name + 10, 'n', 120);
	long_name[130] = '"';
	ck_rc_ok(import_tar(&im, seed("tar"), "t", NULL));
	ck_rc_ok(import_tar(&im, seed("tar"), "t", NULL));
	ck_assert(noted("t: 4 files are allowed"));
	ck_assert(noted("1 files of /bin, /sbin and /lib are allowed in /usr"));
	ck_assert(noted("/usr/bin/hard is not translated: a hard link"));
	ck_assert_uint_eq(occurrences(printed(), A " /bin/a\""), 1);
	ck_assert_uint_eq(occurrences(out.p, A " /usr/bin/a\""), 1);
	ck_assert_uint_eq(occurrences(out.p, " /usr/bin/b\""), 1);
	ck_assert_uint_eq(occurrences(out.p, long_name), 1);
	ck_assert_uint_eq(occurrences(out.p, "sym"), 0);
}
END_TEST

/* Set a byte of the first header and its sum anew. */
static struct span
with_byte(size_t at, char c)
{
	struct span file = arena_copy(&arena, seed("tar"));
	uint8_t *p = (uint8_t *)(uintptr_t)file.p;
	unsigned sum = 0;

	p[at] = (uint8_t)c;
	memset(p + 148, ' ', 8);
	for (size_t k = 0; k < 512; k++)
		sum += p[k];
	snprintf((char *)p + 148, 8, "%06o", sum);
	return file;
}

START_TEST(tar_hostile)
{
	struct span file = arena_copy(&arena, seed("tar"));
	uint8_t *p = (uint8_t *)(uintptr_t)file.p;

	/* Kinds that change what other members mean, or are not known. */
	for (const char *kind = "xgSDMV7"; *kind; kind++)
		ck_rc_is(import_tar(&im, with_byte(156, *kind), "t", NULL),
		    ERR_IMPORT_FORMAT);
	ck_rc_ok(import_tar(&im, with_byte(156, '3'), "t", NULL));
	ck_assert(noted("1 devices and pipes are not translated"));
	/* A size that is no octal number, or beyond the end. */
	ck_rc_is(
	    import_tar(&im, with_byte(124, '9'), "t", NULL), ERR_IMPORT_FORMAT);
	ck_rc_is(
	    import_tar(&im, with_byte(124, '7'), "t", NULL), ERR_IMPORT_FORMAT);
	ck_rc_is(import_tar(&im, with_byte(124, '\x80'), "t", NULL),
	    ERR_IMPORT_FORMAT);
	ck_rc_ok(import_tar(&im, with_byte(124, '0'), "t", NULL));
	/* Any byte of the header, but the one behind the sum. */
	for (size_t k = 0; k < 512; k++) {
		if (k == 155)
			continue;
		p[k] ^= 1;
		ck_rc_is(import_tar(&im, file, "t", NULL), ERR_IMPORT_FORMAT);
		p[k] ^= 1;
	}
	/* Something behind the end. */
	ck_rc_ok(import_tar(&im, file, "t", NULL));
	p[file.n - 1] = 1;
	ck_rc_is(import_tar(&im, file, "t", NULL), ERR_IMPORT_FORMAT);
}
END_TEST

START_TEST(tar_cut)
{
	prefixes(import_tar, seed("tar"), NULL, NULL);
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

/* What a terminal would obey is shown and not sent there. */
START_TEST(notes_are_text)
{
	static const char text[] =
	    "{\"digests\":{},\"excludes\":[\"\\u001b[31m\"]}";

	ck_rc_ok(import_keylime(&im, span_str(text), "k", NULL));
	ck_assert(noted("the exclude \"\\x1b[31m\" is not translated"));
	ck_assert(!noted("\x1b"));
}
END_TEST

/* A note that is lost takes the document with it. */
START_TEST(notes_are_not_lost)
{
	struct arena small;

	arena_init(&small, 64);
	ck_rc_ok(import_end(&im, &out, NULL));
	im.a = &small;
	import_note(&im, "%s", A A A);
	im.a = &arena;
	ck_assert(!noted(A));
	ck_rc_is(import_end(&im, &out, NULL), ERR_MEMORY);
	arena_free(&small);
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

/* --- reference states -------------------------------------------------- */

static const json_t *
of(const char *member, const char *name)
{
	return json_object_get(json_object_get(im.doc, member), name);
}

/* "sha256" of the n-th accepted value of the k-th event rule of PCR 4. */
static const char *
accepted(size_t k, size_t n)
{
	const json_t *rule =
	    json_array_get(json_object_get(of("boot", "4"), "events"), k);

	return json_string_value(json_object_get(
	    json_array_get(json_object_get(rule, "accept"), n), "sha256"));
}

START_TEST(refstate)
{
	ck_rc_ok(import_refstate(&im, seed("refstate"), "r", NULL));
	ck_rc_ok(import_refstate(&im, seed("refstate"), "r", NULL));
	printed();
	ck_assert(json_is_true(of("secure_boot", "required")));
	ck_assert_uint_eq(json_array_size(of("secure_boot", "pk")), 1);
	ck_assert_uint_eq(json_array_size(of("secure_boot", "kek")), 0);
	ck_assert(json_is_array(of("secure_boot", "kek")));
	ck_assert_uint_eq(json_array_size(of("secure_boot", "db")), 1);
	const json_t *dbx = json_array_get(of("secure_boot", "dbx"), 0);
	ck_assert_uint_eq(json_array_size(of("secure_boot", "dbx")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(dbx, "images")), 1);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(dbx, "certificates")), 1);
	ck_assert_uint_eq(json_array_size(of("cmdline", "lines")), 1);
	ck_assert_str_eq(
	    json_string_value(json_object_get(
		json_array_get(of("cmdline", "lines"), 0), "text")),
	    "/vmlinuz-6.1 root=/dev/vda1 ro");
	ck_assert_pstr_eq(accepted(0, 0), A);
	ck_assert_pstr_eq(accepted(0, 1), NULL);
	ck_assert_pstr_eq(accepted(1, 1), B);
	ck_assert_pstr_eq(accepted(1, 2), NULL);
	ck_assert_pstr_eq(accepted(2, 1), NULL);
	ck_assert_pstr_eq(accepted(3, 1), C);
	ck_assert_pstr_eq(accepted(3, 2), D);
	ck_assert_pstr_eq(accepted(3, 3), NULL);
}
END_TEST

START_TEST(refstate_notes)
{
	static const char *const notes[] = {"any of its shims",
	    "1 entries of dbx are neither", "scrtm_and_bios is not translated",
	    "mokdig is not translated", "initrd_plain_sha256 is not translated",
	    "SignatureOwner is not translated",
	    "\"/vmlinuz.* quiet\" is not translated"};

	ck_rc_ok(import_refstate(&im, seed("refstate"), "r", NULL));
	for (size_t k = 0; k < sizeof(notes) / sizeof(notes[0]); k++)
		ck_assert_msg(noted(notes[k]), "%s", notes[k]);
	ck_assert(!noted("mokxdig"));
	ck_assert(!noted("vendor_db"));
	ck_assert(!noted("has_secureboot"));
}
END_TEST

/* What a policy has no place for is listed. */
START_TEST(refstate_other_boot)
{
	json_object_del(json_object_get(im.doc, "boot"), "4");
	ck_rc_ok(import_refstate(&im, seed("refstate"), "r", NULL));
	ck_assert(noted("the order of shim, GRUB and kernel is not"));
	ck_assert(!noted("any of its shims"));
	ck_assert_pstr_eq(accepted(0, 0), NULL);
}
END_TEST

START_TEST(refstate_without_secure_boot)
{
	static const char text[] =
	    "{\"has_secureboot\":false,\"scrtm_and_bios\":[],\"pk\":[],"
	    "\"kek\":[],\"db\":[],\"dbx\":[],\"kernels\":[{"
	    "\"shim_authcode_sha256\":\"0x" B "\","
	    "\"grub_authcode_sha256\":\"0x" C "\","
	    "\"vmlinuz_plain_sha256\":\"0x" D "\"}]}";

	ck_rc_ok(import_refstate(&im, span_str(text), "r", NULL));
	ck_assert(noted("has_secureboot is not translated"));
	ck_assert(noted("vmlinuz_plain_sha256 is not translated"));
	ck_assert(noted("the order of shim, GRUB and kernel is not"));
	ck_assert_ptr_null(of("secure_boot", "pk"));
	ck_assert_ptr_null(of("secure_boot", "dbx"));
	ck_assert(json_is_false(of("secure_boot", "required")));
	ck_assert_pstr_eq(accepted(0, 1), NULL);
	printed();
	/* What the policy says about Secure Boot is not changed. */
	ck_rc_ok(import_refstate(&im, seed("refstate"), "r", NULL));
	ck_assert(noted("says so still"));
	ck_assert(json_is_false(of("secure_boot", "required")));
}
END_TEST

#define STATE(pk, kernels)                                                     \
	"{\"scrtm_and_bios\":[],\"pk\":" pk ",\"kek\":[],\"db\":[],"           \
	"\"dbx\":[],\"kernels\":" kernels "}"

START_TEST(refstate_hostile)
{
	static const char *const rows[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"scrtm_and_bios\":[]}",
	    STATE("{}", "[]"),
	    STATE("[1]", "[]"),
	    STATE("[{}]", "[]"),
	    STATE("[{\"SignatureData\":1}]", "[]"),
	    STATE("[{\"SignatureData\":\"0x\"}]", "[]"),
	    STATE("[{\"SignatureData\":\"abcd\"}]", "[]"),
	    STATE("[{\"SignatureData\":\"0xabc\"}]", "[]"),
	    STATE("[{\"SignatureData\":\"0xzz\"}]", "[]"),
	    STATE("[]", "{}"),
	    STATE("[]", "[1]"),
	    STATE("[]", "[{\"kernel_cmdline\":1}]"),
	    STATE("[]", "[{\"shim_authcode_sha256\":\"0xab\"}]"),
	    STATE("[]", "[{\"kernel_authcode_sha256\":null}]"),
	    STATE("[],\"has_secureboot\":1", "[]"),
	    STATE("[]", "[]") "x",
	};
	static const char good[] = STATE("[]", "[]");

	ck_rc_ok(import_refstate(&im, span_str(good), "r", NULL));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		rc r = import_refstate(&im, span_str(rows[k]), "r", NULL);
		ck_assert_msg(
		    r.code == ERR_IMPORT_FORMAT, "row %zu: %s", k, rows[k]);
	}
}
END_TEST

/* A line is taken only where the expression spells just one. */
START_TEST(refstate_lines)
{
	static const struct {
		const char *re;
		const char *line; /* NULL: not translated */
	} rows[] = {
	    {"root=/dev/vda1", "root=/dev/vda1"},
	    {"a\\.b\\ c$", "a.b c"},
	    {"a b", "a b"},
	    {"a\\$", "a$"},
	    {"", NULL},
	    {"$", NULL},
	    {"a.b", NULL},
	    {"a+", NULL},
	    {"a|b", NULL},
	    {"\\d", NULL},
	    {"a\\", NULL},
	    {"a\tb", NULL},
	    {"\xc3\xa4", NULL},
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		json_t *doc = json_pack("{s:[],s:[],s:[],s:[],s:[],s:[{s:s}]}",
		    "scrtm_and_bios", "pk", "kek", "db", "dbx", "kernels",
		    "kernel_cmdline", rows[k].re);
		char *text = json_dumps(doc, JSON_COMPACT);
		forget_notes();
		ck_rc_ok(import_refstate(&im, span_str(text), "r", NULL));
		ck_assert_pstr_eq(
		    json_string_value(json_object_get(
			json_array_get(of("cmdline", "lines"), 0), "text")),
		    rows[k].line);
		ck_assert_msg(
		    noted("the command line") == !rows[k].line, "row %zu", k);
		free(text);
		json_free(doc);
	}
}
END_TEST

START_TEST(refstate_cut)
{
	struct span file = seed("refstate");

	prefixes(import_refstate, span_of(file.p, file.n - 1), NULL, NULL);
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
	tcase_add_test(t, tar);
	tcase_add_test(t, tar_hostile);
	tcase_add_test(t, tar_cut);
	tcase_add_test(t, keylime);
	tcase_add_test(t, keylime_lines);
	tcase_add_test(t, keylime_excludes);
	tcase_add_test(t, keylime_hostile);
	tcase_add_test(t, keylime_certificate);
	tcase_add_test(t, keylime_cut);
	tcase_add_test(t, notes_are_text);
	tcase_add_test(t, notes_are_not_lost);
	tcase_add_test(t, refstate);
	tcase_add_test(t, refstate_notes);
	tcase_add_test(t, refstate_other_boot);
	tcase_add_test(t, refstate_without_secure_boot);
	tcase_add_test(t, refstate_hostile);
	tcase_add_test(t, refstate_lines);
	tcase_add_test(t, refstate_cut);
	suite_add_tcase(s, t);
	return tap_run(s);
}
