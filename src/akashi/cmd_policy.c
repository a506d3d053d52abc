/* SPDX-License-Identifier: Apache-2.0 */
/* Policies as files: learn, check, fmt. No server, no database. */
#include "akashi/derived.h"
#include "akashi/evidence_dir.h"
#include "akashi/refsets.h"

#include "appraise/learn.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTS_MAX = 64 };

/* --- learn ------------------------------------------------------------ */

enum {
	OPT_NAME,
	OPT_PCRS,
	OPT_ALLOW,
	OPT_EXCLUDE,
	OPT_KEYRING,
	OPT_REPORT,
	OPT_REFSET,
	OPT_BIG_ENDIAN,
};

static const struct cli_option learn_options[] = {
    {0, "name", "NAME", "name of the policy; else of the first directory"},
    {0, "pcrs", "SEL", "learn these PCRs alone: sha256:0,1,2"},
    {0, "ima-allow", "SHA256SUMS", "allow these files too; repeatable"},
    {0, "ima-exclude", "GLOB", "do not judge these paths; repeatable"},
    {0, "ima-keyring", "CERT", "allow files signed by this; repeatable"},
    {0, "report", "FILE", "write there what was generalised, and why"},
    {0, "refset", "FILE|DIR",
	"allow the files of this reference set by its name; repeatable"},
    {0, "ima-big-endian", NULL, "the IMA lists are of big-endian machines"},
    {0, NULL, NULL, NULL},
};

struct learning {
	const char *name;
	struct pcr_selections pcrs;
	bool pcrs_given;
	const char *allow[LISTS_MAX];
	struct span allow_text[LISTS_MAX];
	size_t allow_n;
	const char *keyring[LISTS_MAX];
	struct span keyring_text[LISTS_MAX];
	size_t keyring_n;
	const char *exclude[LISTS_MAX];
	size_t exclude_n;
	const char *report; /* NULL: to standard error */
	struct refsets refsets;
	bool big_endian;
	struct golden *golden;
	size_t n;
};

/* One golden boot on its way to being believed. */
struct source {
	struct evidence_files files;
	struct verdict verdict;
	struct attest_facts facts;
};

static const char *
last_part(struct cli *c, const char *path)
{
	char *copy = arena_printf(&c->arena, "%s", path);
	const char *base = copy ? basename(copy) : "";

	return strcmp(base, ".") == 0 || strcmp(base, "/") == 0 ? "golden"
								: base;
}

/* A name that a policy may have, made of a directory's. */
static const char *
policy_name_of(struct cli *c, const char *path)
{
	char *name = arena_printf(&c->arena, "%.100s", last_part(c, path));

	for (char *p = name; p && *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9'))
			*p = p == name ? 'x' : '-';
	}
	return name && *name ? name : "golden";
}

static int
add_to(struct cli *c, const char **list, size_t *n, const char *arg)
{
	if (*n == LISTS_MAX)
		return cli_usage(c, "an option is given too often");
	list[(*n)++] = arg;
	return EXIT_TRUSTED;
}

static int
learn_option(struct cli *c, struct learning *l, int o, const char *arg)
{
	struct err e;

	if (o == OPT_NAME)
		l->name = arg;
	if (o == OPT_REPORT)
		l->report = arg;
	if (o == OPT_BIG_ENDIAN)
		l->big_endian = true;
	if (o == OPT_REFSET && !refsets_add(&l->refsets, arg))
		return cli_usage(c, "an option is given too often");
	if (o == OPT_ALLOW)
		return add_to(c, l->allow, &l->allow_n, arg);
	if (o == OPT_KEYRING)
		return add_to(c, l->keyring, &l->keyring_n, arg);
	if (o == OPT_EXCLUDE)
		return add_to(c, l->exclude, &l->exclude_n, arg);
	if (o != OPT_PCRS)
		return EXIT_TRUSTED;
	l->pcrs_given = true;
	if (rc_ok(pcr_selections_parse(span_str(arg), &l->pcrs, &e)))
		return EXIT_TRUSTED;
	return cli_usage(c, "--pcrs is written as sha256:0,1,2");
}

static int
learn_parse(struct cli *c, struct learning *l, int argc, char **argv)
{
	const char *arg;
	int code = EXIT_TRUSTED;
	int o;

	while (
	    code == EXIT_TRUSTED &&
	    (o = cli_next_option(c, &cmd_policy_learn, argc, argv, &arg)) != -1)
		code = o < 0 ? EXIT_USAGE : learn_option(c, l, o, arg);
	if (code == EXIT_TRUSTED && optind == argc)
		return cli_usage(c, "an evidence directory is expected");
	return code;
}

/* Is this a reason not to learn? A SHA-1 bank alone is no reason: what is
 * learned from it passes nothing, and a note says so. */
static bool
forbids_learning(const struct reason *r)
{
	return r->code != ERR_LOG_BANK_SHA1 &&
	       (r->effect == EFF_FAIL || r->effect == EFF_REJECT);
}

/* Quote and logs are proved as for an appraisal, but by no policy: what fails
 * here cannot be learned from. */
static int
verify_source(struct cli *c, const char *dir, bool big_endian, struct source *s)
{
	struct attest_context ctx = {0};
	const struct verdict *v = &s->verdict;
	struct err e = {0};

	if (!rc_ok(evidence_dir_load(c, dir, &s->files, &e)))
		return cli_fail(c, &e);
	s->files.ev.ima_big_endian = big_endian;
	ctx.nonce = s->files.nonce;
	ctx.nonce_given = s->files.nonce.p != NULL;
	ctx.asked = s->files.asked_given ? &s->files.asked : NULL;
	if (!rc_ok(attest_evidence(&s->files.ev, &ctx, c->hasher, &c->arena,
		&s->verdict, &s->facts, &e)))
		return cli_fail(c, &e);
	for (size_t i = 0; i < v->reasons_n; i++) {
		const struct reason *r = &v->reasons[i];
		if (r->code == ERR_POLICY_NONE)
			continue;
		fprintf(stderr, "akashi %s: %s: %s [%s%s%s]\n", c->command, dir,
		    r->message, err_name(r->code), r->path ? " " : "",
		    r->path ? r->path : "");
		if (forbids_learning(r))
			return EXIT_NOT_TRUSTED;
	}
	if (s->facts.quote_ok && s->facts.values.n)
		return EXIT_TRUSTED;
	fprintf(stderr,
	    "akashi %s: %s: the quote is not proved, or its PCR values are "
	    "not known.\n",
	    c->command, dir);
	return EXIT_NOT_TRUSTED;
}

static int
load_golden(struct cli *c, const char *dir, bool big_endian, struct golden *out)
{
	struct source *s = arena_alloc(&c->arena, sizeof(*s));
	struct err e;

	if (!s) {
		(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
		return cli_fail(c, &e);
	}
	int code = verify_source(c, dir, big_endian, s);
	if (code != EXIT_TRUSTED)
		return code;
	out->boot = attest_boot_facts(&s->facts, c->hasher);
	if (s->facts.ima_ok)
		out->ima =
		    span_of(s->files.ev.ima.p, (size_t)s->facts.ima.bytes);
	out->ima_big_endian = big_endian;
	out->source = last_part(c, dir);
	return EXIT_TRUSTED;
}

/* Read each named file and keep the last part of its name as its source. */
static int
load_lists(struct cli *c, const char **names, struct span *out, size_t n)
{
	struct err e = {0};

	for (size_t i = 0; i < n; i++) {
		if (!rc_ok(cli_read(c, names[i], SIZE_MAX, &out[i], &e)))
			return cli_fail(c, &e);
		names[i] = last_part(c, names[i]);
	}
	return EXIT_TRUSTED;
}

static int
load_all(struct cli *c, struct learning *l, char **dirs, int n)
{
	int code = EXIT_TRUSTED;
	struct err e = {0};

	l->golden = arena_array(&c->arena, (size_t)n, sizeof(*l->golden));
	if (!l->golden) {
		(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
		return cli_fail(c, &e);
	}
	for (int i = 0; i < n && code == EXIT_TRUSTED; i++)
		code =
		    load_golden(c, dirs[i], l->big_endian, &l->golden[l->n++]);
	if (code == EXIT_TRUSTED)
		code = load_lists(c, l->allow, l->allow_text, l->allow_n);
	if (code == EXIT_TRUSTED)
		code = load_lists(c, l->keyring, l->keyring_text, l->keyring_n);
	if (code == EXIT_TRUSTED && !rc_ok(refsets_load(c, &l->refsets, &e)))
		code = cli_fail(c, &e);
	return code;
}

/* Warnings are always seen; the rest where it was asked for. */
static int
tell(struct cli *c, const struct learning *l, const struct learn_note *notes)
{
	static const char warning[] = "WARNING";
	FILE *to = l->report ? fopen(l->report, "we") : NULL;
	struct err e;

	if (l->report && !to) {
		(void)err_text(&e, ERR_FILE, l->report, "%s: %s.", l->report,
		    strerror(errno));
		return cli_fail(c, &e);
	}
	for (; notes; notes = notes->next) {
		if (to)
			fprintf(to, "%s\n", notes->text);
		if (!to || strncmp(notes->text, warning, strlen(warning)) == 0)
			fprintf(
			    stderr, "akashi %s: %s\n", c->command, notes->text);
	}
	if (!to || fclose(to) == 0)
		return EXIT_TRUSTED;
	(void)err_text(
	    &e, ERR_FILE, l->report, "%s: %s.", l->report, strerror(errno));
	return cli_fail(c, &e);
}

static int
learn(struct cli *c, const struct learning *l)
{
	const struct learn_options o = {
	    .name = l->name,
	    .pcrs = l->pcrs_given ? &l->pcrs : NULL,
	    .ima_allow = l->allow_text,
	    .ima_allow_names = l->allow,
	    .ima_allow_n = l->allow_n,
	    .ima_keyring = l->keyring_text,
	    .ima_keyring_names = l->keyring,
	    .ima_keyring_n = l->keyring_n,
	    .ima_exclude = l->exclude,
	    .ima_exclude_n = l->exclude_n,
	    .refsets = (const struct refset *const *)l->refsets.set,
	    .refset_names = l->refsets.name,
	    .refsets_n = l->refsets.n,
	};
	struct learn_note *notes = NULL;
	struct buf out = {0};
	struct err e = {0};

	if (!rc_ok(policy_learn(
		l->golden, l->n, &o, &c->arena, &out, &notes, &e))) {
		buf_free(&out);
		return cli_fail(c, &e);
	}
	int code = tell(c, l, notes);
	if (code == EXIT_TRUSTED)
		code = cli_write(c, &out, code);
	buf_free(&out);
	return code;
}

static int
run_learn(struct cli *c, int argc, char **argv)
{
	struct learning *l = arena_alloc(&c->arena, sizeof(*l));
	struct err e;

	if (!l) {
		(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
		return cli_fail(c, &e);
	}
	int code = learn_parse(c, l, argc, argv);
	if (code != EXIT_TRUSTED)
		return code;
	if (!l->name)
		l->name = policy_name_of(c, argv[optind]);
	code = load_all(c, l, argv + optind, argc - optind);
	if (code == EXIT_TRUSTED)
		code = learn(c, l);
	refsets_free(&l->refsets);
	return code;
}

const struct cli_command cmd_policy_learn = {"policy", "learn", "DIR...",
    "write a policy from golden evidence", learn_options, run_learn};

/* --- check, fmt ------------------------------------------------------ */

static const struct cli_option no_options[] = {{0, NULL, NULL, NULL}};

enum { CHECK_STRICT, CHECK_REFSET, CHECK_BASE, CHECK_OUTPUT };

static const struct cli_option check_options[] = {
    {0, "strict", NULL, "questions count as errors (exit 1)"},
    REFSET_OPTION,
    BASE_OPTION,
    {'o', "output", "text|json", "form of the output"},
    {0, NULL, NULL, NULL},
};

/* What check has beside its operand. */
struct checking {
	bool strict;
	enum cli_output output;
	struct refsets refsets;
	struct bases bases;
};

static int
parse_check(struct cli *c, struct checking *how, int argc, char **argv)
{
	const char *arg;
	int o;

	while ((o = cli_next_option(c, &cmd_policy_check, argc, argv, &arg)) >=
	       0) {
		bool ok = true;
		how->strict = how->strict || o == CHECK_STRICT;
		if (o == CHECK_REFSET)
			ok = refsets_add(&how->refsets, arg);
		if (o == CHECK_BASE)
			ok = bases_add(&how->bases, arg);
		if (!ok)
			return cli_usage(c, "an option is given too often");
		if (o == CHECK_OUTPUT && !cli_output_parse(arg, &how->output))
			return cli_usage(c, "-o is text or json");
	}
	if (o == -2)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one policy file is expected");
	return EXIT_TRUSTED;
}

static rc
load_checked(struct cli *c, struct checking *how, const char *path,
    struct policy **out, struct err *e)
{
	struct span json;

	TRY(refsets_load(c, &how->refsets, e));
	TRY(derived_read(c, path, &how->bases, &json, e));
	return refsets_policy(&how->refsets, json, out, e);
}

/* The document is none: one finding, an error. */
static void
put_refusal(struct jw *w, const struct err *e)
{
	jw_object(w);
	jw_kstr(w, "code", err_name(e->code));
	jw_kstr(w, "severity", "error");
	jw_kstr(w, "path", e->path);
	jw_kstr(w, "message", *e->text ? e->text : err_sentence(e->code, "en"));
	jw_kstr(w, "message_ja", err_sentence(e->code, "ja"));
	jw_object_end(w);
}

static int
check_json(struct cli *c, const struct policy *p, const struct err *e,
    int64_t now, size_t *n)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);
	uint8_t hash[32];

	w.pretty = true;
	jw_object(&w);
	jw_kbool(&w, "valid", p != NULL);
	if (p) {
		policy_hash(p, hash);
		jw_kstr(&w, "name", policy_name(p));
		jw_khex(&w, "hash", span_of(hash, sizeof(hash)));
	}
	jw_key(&w, "findings");
	jw_array(&w);
	if (p)
		*n = policy_lint_json(p, now, &w);
	else
		put_refusal(&w, e);
	jw_array_end(&w);
	jw_object_end(&w);
	int code = cli_write(c, &out, EXIT_TRUSTED);
	buf_free(&out);
	return code;
}

static int
check_text(struct cli *c, const struct policy *p, int64_t now, size_t *n)
{
	struct buf questions = {0};
	uint8_t hash[32];
	char hex[65];

	*n = policy_lint(p, now, c->lang, &questions);
	if (*n)
		fwrite(questions.p, 1, questions.n, stderr);
	buf_free(&questions);
	policy_hash(p, hash);
	hex_emit(span_of(hash, sizeof(hash)), hex);
	printf("ok %s sha256:%s\n", policy_name(p), hex);
	return EXIT_TRUSTED;
}

static int
run_check(struct cli *c, int argc, char **argv)
{
	const struct clock clock = clock_system();
	struct policy *p = NULL;
	struct err e = {0};
	struct checking how = {0};
	size_t n = 0;
	int code = parse_check(c, &how, argc, argv);

	if (code != EXIT_TRUSTED)
		return code;
	rc r = load_checked(c, &how, argv[optind], &p, &e);
	refsets_free(&how.refsets);
	bool refused =
	    !rc_ok(r) && r.code != ERR_FILE && err_class(r.code) != CLS_OURS;
	if (!rc_ok(r)) {
		code = cli_fail(c, &e);
		if (refused)
			code = EXIT_NOT_TRUSTED;
	}
	int told = EXIT_TRUSTED;
	if (how.output == OUT_JSON && (p || refused))
		told = check_json(c, p, &e, clock_now(&clock), &n);
	else if (p)
		told = check_text(c, p, clock_now(&clock), &n);
	policy_unref(p);
	if (told != EXIT_TRUSTED)
		return told;
	return code == EXIT_TRUSTED && how.strict && n ? EXIT_NOT_TRUSTED
						       : code;
}

const struct cli_command cmd_policy_check = {"policy", "check", "FILE",
    "is the policy valid, and what would a careful reader ask", check_options,
    run_check};

/* Comments from // to the end of the line become blanks, so that lines keep
 * their numbers. */
static size_t
blank_comments(char *p, size_t n)
{
	bool in_string = false;
	size_t comments = 0;

	for (size_t i = 0; i < n; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string && p[i] == '/' && i + 1 < n &&
			 p[i + 1] == '/') {
			comments++;
			while (i < n && p[i] != '\n')
				p[i++] = ' ';
		}
	}
	return comments;
}

static int
run_fmt(struct cli *c, int argc, char **argv)
{
	struct buf in = {0};
	struct buf out = {0};
	struct err e = {0};
	struct span json;
	const char *arg;

	if (cli_next_option(c, &cmd_policy_fmt, argc, argv, &arg) != -1)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one policy file is expected");
	if (!rc_ok(cli_read(c, argv[optind], LIMIT_POLICY, &json, &e)))
		return cli_fail(c, &e);
	int code;
	buf_put(&in, json.p, json.n);
	size_t comments = in.failed ? 0 : blank_comments(in.p, in.n);
	if (comments)
		fprintf(stderr,
		    "akashi %s: %zu comments are not kept; \"description\", "
		    "\"source\" and \"text\" are.\n",
		    c->command, comments);
	if (!rc_ok(policy_pretty(buf_span(&in), &out, &e))) {
		code = cli_fail(c, &e);
		code = code == EXIT_SERVER ? code : EXIT_NOT_TRUSTED;
	} else {
		code = cli_write(c, &out, EXIT_TRUSTED);
	}
	buf_free(&in);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_policy_fmt = {"policy", "fmt", "FILE",
    "print a policy in its one form; // comments are allowed in FILE",
    no_options, run_fmt};
