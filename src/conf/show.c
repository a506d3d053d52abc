/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/schema.h"

#include <stdio.h>

static const char *
value_quotes(const struct conf_row *row)
{
	return row->kind == CONF_NUMBER || row->kind == CONF_BOOL ? "" : "\"";
}

/* A value as it would be written in the file. */
static void
put_value(
    const struct conf_row *row, const struct conf_list *text, struct buf *out)
{
	const char *quote = value_quotes(row);

	if (row->kind != CONF_LIST) {
		buf_printf(out, "%s%s%s", quote, text->v[0], quote);
		return;
	}
	buf_puts(out, "[");
	for (size_t i = 0; i < text->n; i++)
		buf_printf(out, "%s\"%s\"", i ? ", " : "", text->v[i]);
	buf_puts(out, "]");
}

static void
put_default(const struct conf_row *row, struct buf *out)
{
	const char *one[] = {row->def};
	struct conf_list text = {row->kind != CONF_LIST, one};

	put_value(row, &text, out);
}

static void
show_text(const struct conf *c, size_t i, struct buf *out)
{
	const struct conf_row *row = &conf_rows[i];
	const struct conf_raw *raw = &c->extra->raw[i];

	buf_printf(out, "%s = ", row->key);
	if (row->flags & SECRET)
		buf_puts(out, "***");
	else
		put_value(row, &raw->text, out);
	buf_printf(out, "  # %s", raw->source);
	if (strcmp(raw->source, "default") != 0) {
		buf_puts(out, "; default ");
		put_default(row, out);
	}
	buf_puts(out, row->flags & RELOAD ? "\n" : "; needs a restart\n");
}

static void
show_json_value(
    const struct conf_row *row, const struct conf_list *text, struct jw *w)
{
	if (row->kind != CONF_LIST) {
		jw_str(w, text->v[0]);
		return;
	}
	jw_array(w);
	for (size_t i = 0; i < text->n; i++)
		jw_str(w, text->v[i]);
	jw_array_end(w);
}

static void
show_json(const struct conf *c, size_t i, struct jw *w)
{
	const struct conf_row *row = &conf_rows[i];
	const struct conf_raw *raw = &c->extra->raw[i];

	jw_key(w, row->key);
	jw_object(w);
	jw_key(w, "value");
	if (row->flags & SECRET)
		jw_str(w, "***");
	else
		show_json_value(row, &raw->text, w);
	jw_kstr(w, "source", raw->source);
	jw_kstr(w, "default", row->def);
	jw_kbool(w, "reloadable", row->flags & RELOAD);
	jw_object_end(w);
}

void
conf_show(const struct conf *c, bool json, struct buf *out)
{
	struct jw w = jw_over(out);

	w.pretty = json;
	if (json)
		jw_object(&w);
	for (size_t i = 0; i < CONF_KEYS; i++)
		if (json)
			show_json(c, i, &w);
		else
			show_text(c, i, out);
	if (json) {
		jw_object_end(&w);
		buf_puts(out, "\n");
	}
}

static bool
same_text(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

const char *
conf_restart_needed(
    const struct conf *running, const struct conf *loaded, size_t i)
{
	for (size_t k = 0; k < CONF_KEYS; k++)
		if (!(conf_rows[k].flags & RELOAD) &&
		    !same_text(&running->extra->raw[k].text,
			&loaded->extra->raw[k].text) &&
		    i-- == 0)
			return conf_rows[k].key;
	return NULL;
}

/* --- documents from the table --------------------------------------------- */

static size_t
section_length(const char *key)
{
	const char *dot = strchr(key, '.');

	return dot ? (size_t)(dot - key) : 0;
}

/* Words of `text` in lines of at most 76 columns. */
static void
wrap(const char *text, const char *prefix, struct buf *out)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");
		if (column && column + 1 + n > 76) {
			buf_puts(out, "\n");
			column = 0;
		}
		buf_puts(out, column ? " " : prefix);
		buf_put(out, text, n);
		column += n + (column ? 1 : strlen(prefix));
		text += n + (text[n] == ' ');
	}
	buf_puts(out, "\n");
}

static void
sample_row(const struct conf_row *row, size_t section, struct buf *out)
{
	const char *indent = section ? "  " : "";
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "%s# ", indent);
	wrap(row->help, prefix, out);
	buf_printf(out, "%s#%s = ", indent,
	    section ? row->key + section + 1 : row->key);
	put_default(row, out);
	buf_puts(out, ";\n");
}

void
conf_sample(struct buf *out)
{
	size_t last = 0;

	buf_puts(out,
	    "# Configuration of akashid, see akashid.conf(5). Every key is "
	    "shown with its\n# default. Check a change with: akashid "
	    "--check-config\n");
	for (size_t i = 0; i < CONF_KEYS; i++) {
		const char *key = conf_rows[i].key;
		size_t n = section_length(key);
		bool next = i == 0 || n != last ||
			    strncmp(key, conf_rows[i - 1].key, n) != 0;
		if (next && last)
			buf_puts(out, "};\n");
		buf_puts(out, "\n");
		if (next && n)
			buf_printf(out, "%.*s: {\n", (int)n, key);
		sample_row(&conf_rows[i], n, out);
		last = n;
	}
	buf_puts(out, last ? "};\n" : "");
}

/* roff reads a dot or quote at the start of a line, and backslashes. */
static void
man_text(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '-')
			buf_puts(out, "\\");
		buf_put(out, text, 1);
	}
}

static void
man_row(const struct conf_row *row, struct buf *out)
{
	static const char *const kinds[] = {
	    [CONF_STRING] = "text",
	    [CONF_FILE] = "file",
	    [CONF_LIST] = "list of files",
	    [CONF_BOOL] = "true or false",
	    [CONF_CHOICE] = "word",
	    [CONF_NUMBER] = "number",
	    [CONF_SIZE] = "size",
	    [CONF_DURATION] = "time",
	};
	buf_puts(out, ".TP\n.B ");
	man_text(row->key, out);
	buf_printf(out, "\n(%s, default ", kinds[row->kind]);
	struct buf def = {0};
	put_default(row, &def);
	man_text(def.p ? def.p : "", out);
	out->failed |= def.failed;
	buf_free(&def);
	buf_printf(
	    out, "%s)\n", row->flags & RELOAD ? "" : ", read at start only");
	man_text(row->help, out);
	buf_puts(out, "\n");
}

void
conf_man(struct buf *out)
{
	buf_puts(out,
	    ".\\\" SPDX-License-Identifier: Apache-2.0\n"
	    ".\\\" Made from src/conf/conf.def; change that file.\n"
	    ".TH akashid.conf 5 \"\" akashi\n"
	    ".SH NAME\nakashid.conf \\- configuration of the attestation "
	    "verifier akashid\n"
	    ".SH DESCRIPTION\n"
	    "The file is in the syntax of libconfig: sections in braces, "
	    "\n.IR key \" = \" value ;\nlines, comments from # to the end of "
	    "the line. Below, a key\n.I section.key\nis the key inside that "
	    "section. Values come from, later ones winning: the default; this "
	    "file; the files\n.I akashid.conf.d/*.conf\nin the order of their "
	    "names; the environment variable\n.IR AKASHID_SECTION_KEY .\n"
	    "A key that does not exist, a value out of range and @include are "
	    "errors, named with file and line by\n.BR \"akashid "
	    "\\-\\-check\\-config\" .\n"
	    "Sizes are whole numbers with B, KiB, MiB or GiB, times with ms, "
	    "s, m, h or d, both in quotes. A list in the environment is "
	    "separated by colons.\n.SH KEYS\n");
	for (size_t i = 0; i < CONF_KEYS; i++)
		man_row(&conf_rows[i], out);
	buf_puts(out, ".SH SEE ALSO\n.BR akashid (8)\n");
}
