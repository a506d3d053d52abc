/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers into a policy. One row per format. */
#include "akashi/cli.h"
#include "akashi/import_pcrlock.h"
#include "akashi/import_root.h"
#include "base/clock.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>

enum { FILES_MAX = 64, KEYS_MAX = 16, PROFILES_MAX = 16 };

/* An archive has whole packages. */
#define TAR_MAX ((size_t)4 << 30)

/* Options of their own; the others are rows of `importers`. */
enum { OPT_INTO, OPT_KEY, OPT_PROFILE, OPT_UNSIGNED, OPT_AT };

static const struct cli_option import_options[] = {
    {0, "into", "POLICY", "the policy to add to; printed with the additions"},
    {0, "corim-key", "KEY[=VENDOR]",
	"who signs CoRIMs, of this vendor alone; repeatable"},
    {0, "corim-profile", "OID|URI",
	"take CoRIMs of this profile as they stand; repeatable"},
    {0, "corim-unsigned", NULL, "take CoRIMs that nobody signed"},
    {0, "at", "TIME", "when CoRIMs must be valid, instead of now"},
    {0, "dbx", "FILE", "an update of dbx: revocations; repeatable"},
    {0, "sbat", "FILE", "the least SBAT level"},
    {0, "sums", "FILE", "a list of sha256sum: files that may run; repeatable"},
    {0, "root", "DIR", "every file of an installed root; repeatable"},
    {0, "keylime", "FILE",
	"a runtime policy or allow list of Keylime; repeatable"},
    {0, "refstate", "FILE",
	"a reference state of Keylime for measured boot; repeatable"},
    {0, "tar", "FILE",
	"every file of a package or root, as a tar archive; repeatable"},
    {0, "pcrlock", "FILE|DIR", "components of systemd-pcrlock; repeatable"},
    {0, "corim", "FILE", "reference values of a maker; repeatable"},
    {0, NULL, NULL, NULL},
};

static rc
installed_root(struct cli *c, struct import *i, const char *path, struct err *e)
{
	(void)c;
	return import_root(i, path, e);
}

/* What reads the file, of at most so many bytes, or the folder. */
static const struct {
	size_t max;
	importer *file;
	rc (*dir)(
	    struct cli *c, struct import *i, const char *path, struct err *e);
} importers[] = {
    [OPT_AT + 1] = {LIMIT_POLICY, import_dbx, NULL},
    {LIMIT_POLICY, import_sbat, NULL},
    {LIMIT_POLICY, import_sums, NULL},
    {0, NULL, installed_root},
    {LIMIT_POLICY, import_keylime, NULL},
    {LIMIT_POLICY, import_refstate, NULL},
    {TAR_MAX, import_tar, NULL},
    {0, NULL, import_pcrlock},
    {LIMIT_CORIM, import_corim, NULL},
};

struct importing {
	const char *into;
	size_t n;
	struct {
		int how; /* row of importers */
		const char *path;
	} file[FILES_MAX];
	size_t keys_n;
	struct {
		const char *path; /* KEY[=VENDOR] */
		struct sign_key *key;
	} key[KEYS_MAX];
	const char *profiles[PROFILES_MAX];
	struct corim_terms terms;
	struct corim_key keys[KEYS_MAX];
};

/* An option that names no file to import. True if it was one; *code is set
 * where it is wrong. */
static bool
import_setting(
    struct cli *c, struct importing *m, int option, const char *arg, int *code)
{
	struct corim_terms *t = &m->terms;

	if (option == OPT_INTO)
		m->into = arg;
	else if (option == OPT_KEY && m->keys_n < KEYS_MAX)
		m->key[m->keys_n++].path = arg;
	else if (option == OPT_PROFILE && t->profiles_n < PROFILES_MAX)
		m->profiles[t->profiles_n++] = arg;
	else if (option == OPT_UNSIGNED)
		t->take_unsigned = true;
	else if (option == OPT_KEY || option == OPT_PROFILE)
		*code = cli_usage(c, "too many keys or profiles");
	else if (option != OPT_AT)
		return false;
	else if (!rc_ok(time_parse(span_str(arg), &t->now)))
		*code = cli_usage(c, "--at needs a time: 2026-11-20T09:00:00Z");
	return true;
}

static int
import_parse(struct cli *c, struct importing *m, int argc, char **argv)
{
	const char *arg;
	int code = EXIT_TRUSTED;
	int o;

	while (code == EXIT_TRUSTED &&
	       (o = cli_next_option(c, &cmd_policy_import, argc, argv, &arg)) >=
		   0) {
		if (import_setting(c, m, o, arg, &code))
			continue;
		if (m->n == FILES_MAX)
			return cli_usage(c, "too many files");
		m->file[m->n].how = o;
		m->file[m->n++].path = arg;
	}
	if (code != EXIT_TRUSTED || o == -2)
		return EXIT_USAGE;
	if (optind != argc || !m->into || !m->n)
		return cli_usage(
		    c, "--into POLICY and a file to import are expected");
	return EXIT_TRUSTED;
}

/* KEY=VENDOR: the name of a file has no "=" then. */
static rc
load_key(struct cli *c, struct importing *m, size_t at, struct err *e)
{
	char *path = arena_printf(&c->arena, "%s", m->key[at].path);
	char *vendor = path ? strchr(path, '=') : NULL;
	struct span pem;

	if (!path)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (vendor)
		*vendor++ = '\0';
	TRY(cli_read(c, path, 64 * 1024, &pem, e));
	rc r = sign_key_load(pem, &m->key[at].key, e);
	const char *which = arena_printf(&c->arena, "%s: ", path);
	if (!rc_ok(r))
		return err_prefix(e, r, which ? which : "");
	m->keys[at] = (struct corim_key){m->key[at].key, vendor};
	return RC_OK;
}

static rc
load_keys(struct cli *c, struct importing *m, struct err *e)
{
	for (size_t k = 0; k < m->keys_n; k++)
		TRY(load_key(c, m, k, e));
	m->terms.keys = m->keys;
	m->terms.keys_n = m->keys_n;
	m->terms.profiles = m->profiles;
	return RC_OK;
}

/* Each file in the order given. */
static rc
import_files(
    struct cli *c, const struct importing *m, struct import *i, struct err *e)
{
	for (size_t k = 0; k < m->n; k++) {
		const char *path = m->file[k].path;
		struct span file;
		char *copy = arena_printf(&c->arena, "%s", path);
		if (!copy)
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
		if (importers[m->file[k].how].dir) {
			TRY(importers[m->file[k].how].dir(c, i, path, e));
			continue;
		}
		TRY(cli_read(c, path, importers[m->file[k].how].max, &file, e));
		TRY(import_file(i, importers[m->file[k].how].file, file,
		    basename(copy), e));
	}
	return RC_OK;
}

static int
run_import(struct cli *c, int argc, char **argv)
{
	struct clock clock = clock_system();
	struct importing m = {.terms = {.now = clock_now(&clock)}};
	struct import i = {.doc = NULL};
	struct buf out = {0};
	struct err e = {0};
	struct span policy;
	int code = import_parse(c, &m, argc, argv);

	if (code != EXIT_TRUSTED)
		return code;
	rc r = cli_read(c, m.into, LIMIT_POLICY, &policy, &e);
	if (rc_ok(r))
		r = import_begin(&i, policy, &c->arena, c->hasher, &e);
	i.corim = &m.terms;
	if (rc_ok(r))
		r = load_keys(c, &m, &e);
	if (rc_ok(r))
		r = import_files(c, &m, &i, &e);
	if (rc_ok(r))
		r = import_end(&i, &out, &e);
	for (const struct learn_note *n = i.notes; n; n = n->next)
		fprintf(stderr, "akashi %s: %s\n", c->command, n->text);
	code = rc_ok(r) ? cli_write(c, &out, EXIT_TRUSTED) : cli_fail(c, &e);
	for (size_t k = 0; k < m.keys_n; k++)
		sign_key_free(m.key[k].key);
	json_free(i.doc);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_policy_import = {"policy", "import",
    "--into POLICY", "add what files of other makers say to a policy",
    import_options, run_import};
