/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers into a policy. One row per format. */
#include "akashi/cli.h"
#include "akashi/import_pcrlock.h"
#include "akashi/import_root.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>

enum { FILES_MAX = 64 };

/* An archive has whole packages. */
#define TAR_MAX ((size_t)4 << 30)

/* The first option; the others are rows of `importers`. */
enum { OPT_INTO };

static const struct cli_option import_options[] = {
    {0, "into", "POLICY", "the policy to add to; printed with the additions"},
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
    {0, NULL, NULL},
    {LIMIT_POLICY, import_dbx, NULL},
    {LIMIT_POLICY, import_sbat, NULL},
    {LIMIT_POLICY, import_sums, NULL},
    {0, NULL, installed_root},
    {LIMIT_POLICY, import_keylime, NULL},
    {LIMIT_POLICY, import_refstate, NULL},
    {TAR_MAX, import_tar, NULL},
    {0, NULL, import_pcrlock},
};

struct importing {
	const char *into;
	size_t n;
	struct {
		int how; /* row of importers */
		const char *path;
	} file[FILES_MAX];
};

static int
import_parse(struct cli *c, struct importing *m, int argc, char **argv)
{
	const char *arg;
	int o;

	while ((o = cli_next_option(c, &cmd_policy_import, argc, argv, &arg)) >=
	       0) {
		if (o == OPT_INTO) {
			m->into = arg;
			continue;
		}
		if (m->n == FILES_MAX)
			return cli_usage(c, "too many files");
		m->file[m->n].how = o;
		m->file[m->n++].path = arg;
	}
	if (o == -2)
		return EXIT_USAGE;
	if (optind != argc || !m->into || !m->n)
		return cli_usage(
		    c, "--into POLICY and a file to import are expected");
	return EXIT_TRUSTED;
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
		TRY(importers[m->file[k].how].file(i, file, basename(copy), e));
	}
	return RC_OK;
}

static int
run_import(struct cli *c, int argc, char **argv)
{
	struct importing m = {.n = 0};
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
	if (rc_ok(r))
		r = import_files(c, &m, &i, &e);
	if (rc_ok(r))
		r = import_end(&i, &out, &e);
	for (const struct learn_note *n = i.notes; n; n = n->next)
		fprintf(stderr, "akashi %s: %s\n", c->command, n->text);
	code = rc_ok(r) ? cli_write(c, &out, EXIT_TRUSTED) : cli_fail(c, &e);
	json_free(i.doc);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_policy_import = {"policy", "import",
    "--into POLICY", "add what files of other makers say to a policy",
    import_options, run_import};
