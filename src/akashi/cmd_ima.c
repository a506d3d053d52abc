/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/cli.h"
#include "replay/ima.h"

#include <getopt.h>
#include <stdio.h>

enum { TEMPLATES_MAX = 16 };

/* What a list holds, up to where it can be read. */
struct list {
	struct ima_state state;
	size_t templates_n;
	struct {
		struct span name;
		uint64_t entries;
	} templates[TEMPLATES_MAX];
	bool refused;
	struct err error;
};

static const struct {
	const char *name;
	const char *title;
} types[] = {
    {"pcrs", "hash of the template data"},
    {"pcrs_padded", "SHA-1 padded with zeros"},
    {"pcrs_padded_old", "SHA-1 padded with zeros, violations too"},
};

/* SHA-1 has one type, and without violations the padded ones are one. */
static bool
has_type(const struct ima_state *s, size_t i, size_t type)
{
	return s->bank[i].types & 1u << type && (type < 2 || s->violations);
}

static void
count_template(struct list *l, struct span name)
{
	size_t i = 0;

	while (i < l->templates_n && !span_eq(l->templates[i].name, name))
		i++;
	if (i == TEMPLATES_MAX)
		return;
	if (i == l->templates_n)
		l->templates[l->templates_n++].name = name;
	l->templates[i].entries++;
}

static rc
load(struct cli *c, struct span bytes, bool big_endian, struct list *l,
    struct err *e)
{
	static const struct pcr_selections all = {4,
	    {{ALG_SHA1, 1}, {ALG_SHA256, 1}, {ALG_SHA384, 1}, {ALG_SHA512, 1}}};
	struct ima_reader in = ima_over_as(bytes, 0, big_endian);
	struct ima_entry entry;
	bool more = true;

	*l = (struct list){0};
	ima_state_init(&l->state, NULL, &all);
	for (;;) {
		TRY(ima_next(&in, &entry, &more, e));
		if (!more)
			return RC_OK;
		TRY(ima_state_extend(&l->state, &entry, c->hasher, e));
		count_template(l, entry.template_name);
	}
}

/* --- JSON ------------------------------------------------------------- */

static void
emit_bank(struct jw *w, const struct bank *b, uint32_t pcrs)
{
	const struct hash_alg *alg = hash_by_id(b->alg);

	jw_key(w, alg->name);
	jw_object(w);
	for (unsigned p = 0; p < LIMIT_PCRS; p++) {
		char name[8];
		snprintf(name, sizeof(name), "%u", p);
		if (pcrs & 1u << p)
			jw_khex(w, name, span_of(b->pcr[p], alg->size));
	}
	jw_object_end(w);
}

static void
emit_pcrs(struct jw *w, const struct ima_state *s)
{
	for (size_t t = 0; t < IMA_TYPES && (t < 2 || s->violations); t++) {
		jw_key(w, types[t].name);
		jw_object(w);
		for (size_t i = 0; i < s->n; i++)
			if (has_type(s, i, t))
				emit_bank(
				    w, ima_state_bank(s, i, 1u << t), s->pcrs);
		jw_object_end(w);
	}
}

static void
emit_refused(struct jw *w, const struct list *l)
{
	jw_key(w, "refused");
	if (!l->refused) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kstr(w, "code", err_name(l->error.code));
	jw_kstr(w, "path", l->error.path);
	jw_kstr(w, "message",
	    *l->error.text ? l->error.text : err_sentence(l->error.code, "en"));
	jw_object_end(w);
}

static void
emit_json(struct buf *out, const struct list *l)
{
	struct jw w = jw_over(out);

	w.pretty = true;
	jw_object(&w);
	jw_key(&w, "template");
	if (l->templates_n)
		jw_span(&w, l->templates[0].name);
	else
		jw_null(&w);
	jw_key(&w, "templates");
	jw_object(&w);
	for (size_t i = 0; i < l->templates_n; i++) {
		char name[IMA_TEMPLATE_NAME_MAX + 1];
		snprintf(name, sizeof(name), "%.*s",
		    (int)l->templates[i].name.n,
		    (const char *)l->templates[i].name.p);
		jw_ku64(&w, name, l->templates[i].entries);
	}
	jw_object_end(&w);
	jw_ku64(&w, "entries", l->state.entries);
	jw_ku64(&w, "violations", l->state.violations);
	emit_pcrs(&w, &l->state);
	emit_refused(&w, l);
	jw_object_end(&w);
}

/* --- table ------------------------------------------------------------ */

static void
emit_row(struct buf *out, const struct bank *b, unsigned pcr, const char *title)
{
	const struct hash_alg *alg = hash_by_id(b->alg);

	buf_printf(out, "\n%-4u %-7s ", pcr, alg->name);
	for (size_t i = 0; i < alg->size; i++)
		buf_printf(out, "%02x", b->pcr[pcr][i]);
	buf_printf(out, "  %s", title);
}

static void
emit_rows(struct buf *out, const struct ima_state *s, unsigned pcr)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t t = 0; t < IMA_TYPES; t++)
			if (has_type(s, i, t))
				emit_row(out, ima_state_bank(s, i, 1u << t),
				    pcr, types[t].title);
}

static void
emit_table(struct buf *out, const struct list *l)
{
	const struct ima_state *s = &l->state;

	for (size_t i = 0; i < l->templates_n; i++)
		buf_printf(out, "template    %.*s: %llu entries\n",
		    (int)l->templates[i].name.n,
		    (const char *)l->templates[i].name.p,
		    (unsigned long long)l->templates[i].entries);
	buf_printf(out, "entries     %llu\nviolations  %llu",
	    (unsigned long long)s->entries, (unsigned long long)s->violations);
	if (s->pcrs)
		buf_puts(out, "\n\nPCR  bank    value");
	for (unsigned p = 0; p < LIMIT_PCRS; p++)
		if (s->pcrs & 1u << p)
			emit_rows(out, s, p);
}

/* --- command ---------------------------------------------------------- */

static const struct cli_option options[] = {
    {'o', "output", "table|json", "form of the output"},
    {0, "ima-big-endian", NULL, "the list is of a big-endian machine"},
    {0, NULL, NULL, NULL},
};

static int
show(struct cli *c, const char *path, enum cli_output form, bool big_endian)
{
	struct list list;
	struct span bytes;
	struct buf out = {0};
	struct err e = {0};

	if (!rc_ok(cli_read(c, path, SIZE_MAX, &bytes, &e)))
		return cli_fail(c, &e);
	rc r = load(c, bytes, big_endian, &list, &e);
	if (!rc_ok(r) && err_class(r.code) == CLS_OURS)
		return cli_fail(c, &e);
	list.refused = !rc_ok(r);
	list.error = e;
	if (form == OUT_JSON)
		emit_json(&out, &list);
	else
		emit_table(&out, &list);
	int code = cli_write(c, &out, EXIT_TRUSTED);
	buf_free(&out);
	return code == EXIT_TRUSTED && list.refused ? cli_fail(c, &e) : code;
}

static int
run(struct cli *c, int argc, char **argv)
{
	enum cli_output form = OUT_TABLE;
	bool big_endian = false;
	const char *arg;
	int o;

	while ((o = cli_next_option(c, &cmd_ima, argc, argv, &arg)) >= 0)
		if (o == 1)
			big_endian = true;
		else if (!cli_output_parse(arg, &form) || form == OUT_TEXT)
			return cli_usage(c, "-o takes table or json");
	if (o == -2)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one FILE is needed");
	return show(c, argv[optind], form, big_endian);
}

const struct cli_command cmd_ima = {"ima", NULL, "FILE",
    "parse and replay an IMA measurement list", options, run};
