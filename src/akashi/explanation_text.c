/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/explanation_text.h"

#include <stdio.h>

enum { LABEL_COLUMNS = 14 };

struct page {
	const char *lang;
	struct buf *out;
};

/* --- lines ------------------------------------------------------------------
 */

/* Columns of a terminal: most signs of Japanese take two. */
static size_t
columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c & 0xc0) != 0x80)
			n += c >= 0xe3 ? 2 : 1;
	}
	return n;
}

static const char *
word(const struct page *p, enum explain_word w)
{
	return explain_word(w, p->lang);
}

/* "  label         value", nothing where there is no value. */
static void
line(const struct page *p, const char *indent, enum explain_word label,
    const char *value)
{
	const char *name = word(p, label);
	size_t n = columns(name);

	if (!value)
		return;
	buf_printf(p->out, "%s%s%*s %s\n", indent, name,
	    (int)(n < LABEL_COLUMNS ? LABEL_COLUMNS - n : 0), "", value);
}

static void
heading(const struct page *p, enum explain_word w)
{
	buf_printf(p->out, "\n%s\n", word(p, w));
}

/* A word with its $1, ended by a new line. */
static void
counted(
    const struct page *p, const char *indent, enum explain_word w, json_int_t n)
{
	const char *text = word(p, w);
	const char *at = strstr(text, "$1");

	if (!at)
		buf_printf(p->out, "%s%s\n", indent, text);
	else
		buf_printf(p->out, "%s%.*s%lld%s\n", indent, (int)(at - text),
		    text, (long long)n, at + 2);
}

static const char *
str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

/* --- operator ---------------------------------------------------------------
 */

static enum explain_word
place(const json_t *reason)
{
	const char *name = str(reason, "layer");
	enum layer l = name ? layer_by_name(name) : LAYER_NONE;

	return (enum explain_word)(EXPLAIN_PLACE_EVIDENCE + (int)l);
}

static void
put_where(const struct page *p, const char *indent, const json_t *r)
{
	struct buf b = {0};
	json_t *pcr = json_object_get(r, "pcr");
	json_t *event = json_object_get(r, "event");

	buf_puts(&b, word(p, place(r)));
	if (json_is_integer(pcr))
		buf_printf(&b, "%s%lld", word(p, EXPLAIN_AT_PCR),
		    (long long)json_integer_value(pcr));
	if (json_is_integer(event))
		buf_printf(&b, "%s%lld", word(p, EXPLAIN_AT_EVENT),
		    (long long)json_integer_value(event));
	if (str(r, "event_type"))
		buf_printf(&b, ", %s", str(r, "event_type"));
	line(p, indent, EXPLAIN_WHERE, b.p);
	p->out->failed |= b.failed;
	buf_free(&b);
}

static void
put_reason(const struct page *p, const char *indent, const json_t *r, bool all)
{
	const char *code = str(r, "code"), *message = str(r, "message");
	enum err_code known = code ? err_by_name(code) : ERR_OK;

	line(p, indent, EXPLAIN_WHAT, str(r, "text"));
	if (all && message && known != ERR_OK &&
	    strcmp(message, err_sentence(known, "en")) != 0)
		line(p, indent, EXPLAIN_DETAIL, message);
	put_where(p, indent, r);
	line(p, indent, EXPLAIN_EVENT, str(r, "event_in_words"));
	line(p, indent, EXPLAIN_EXPECTED, str(r, "expected"));
	line(p, indent, EXPLAIN_FOUND, str(r, "found"));
	if (!all)
		return;
	if (json_object_get(r, "then"))
		line(p, indent, EXPLAIN_THEN,
		    str(r, "then") ? str(r, "then")
				   : word(p, EXPLAIN_FILE_ABSENT));
	line(p, indent, EXPLAIN_RULE, str(r, "rule"));
	line(p, indent, EXPLAIN_SOURCE, str(r, "source"));
	buf_printf(p->out, "%s%s (%s)%s%s\n", indent, code ? code : "",
	    str(r, "class") ? str(r, "class") : "",
	    str(r, "path") ? " at " : "", str(r, "path") ? str(r, "path") : "");
}

static void
put_verdict(const struct page *p, enum explain_word label, const json_t *v,
    const char *at)
{
	struct buf b = {0};

	if (at)
		buf_printf(&b, "%s ", at);
	if (str(v, "verdict"))
		buf_printf(&b, "(%s)", str(v, "verdict"));
	if (b.n)
		line(p, "", label, b.p);
	p->out->failed |= b.failed;
	buf_free(&b);
}

static void
put_others(const struct page *p, const json_t *others)
{
	json_int_t n = json_integer_value(json_object_get(others, "count"));
	bool least = json_is_true(json_object_get(others, "at_least"));
	struct buf b = {0};
	const struct page inner = {p->lang, &b};

	counted(&inner, "",
	    least    ? EXPLAIN_SHOW_LEAST
	    : n == 0 ? EXPLAIN_SHOW_NONE
	    : n == 1 ? EXPLAIN_SHOW_ONE
		     : EXPLAIN_SHOW_SAME,
	    n);
	if (b.n)
		b.p[b.n - 1] = '\0';
	line(p, "", EXPLAIN_OTHERS, b.p);
	p->out->failed |= b.failed;
	buf_free(&b);
}

static void
put_past(const struct page *p, const json_t *doc)
{
	const json_t *first = json_object_get(doc, "first_seen");
	const json_t *others = json_object_get(doc, "other_nodes");
	const json_t *good = json_object_get(doc, "last_good");

	if (json_is_object(first))
		put_verdict(p, EXPLAIN_SINCE, first, str(first, "at"));
	if (json_is_object(others))
		put_others(p, others);
	if (json_is_object(good))
		put_verdict(p, EXPLAIN_GOOD, good, str(good, "at"));
	else if (json_is_true(json_object_get(doc, "past_known")))
		line(p, "", EXPLAIN_GOOD, word(p, EXPLAIN_GOOD_NEVER));
}

static void
put_cause(const struct page *p, const json_t *doc, bool all)
{
	const json_t *cause = json_object_get(doc, "cause");
	size_t i;
	json_t *also;
	struct buf b = {0};

	if (!json_is_object(cause))
		return;
	buf_puts(&b, str(cause, "title") ? str(cause, "title") : "");
	if (str(cause, "detail"))
		buf_printf(&b, " (%s)", str(cause, "detail"));
	line(p, "", EXPLAIN_CAUSE, b.p);
	p->out->failed |= b.failed;
	buf_free(&b);
	json_array_foreach(json_object_get(cause, "also"), i, also)
	    line(p, "", EXPLAIN_ALSO, str(also, "title"));
	if (all)
		line(p, "", EXPLAIN_CAUSE_RULE, str(cause, "rule"));
}

static void
put_next(const struct page *p, const json_t *doc)
{
	const json_t *next = json_object_get(doc, "next");
	size_t i;
	json_t *step;

	if (json_array_size(next) == 0)
		return;
	heading(p, EXPLAIN_NEXT);
	json_array_foreach(next, i, step) buf_printf(p->out, "  %s:\n    %s\n",
	    str(step, "text") ? str(step, "text") : "",
	    str(step, "command") ? str(step, "command") : "");
}

/* --- analyst ----------------------------------------------------------------
 */

static void
put_reasons(const struct page *p, const json_t *doc)
{
	size_t i;
	json_t *r;

	if (json_array_size(json_object_get(doc, "reasons")) == 0)
		return;
	heading(p, EXPLAIN_REASONS);
	json_array_foreach(json_object_get(doc, "reasons"), i, r)
	{
		buf_puts(p->out, i ? "\n" : "");
		put_reason(p, "  ", r, true);
	}
	json_int_t more =
	    json_integer_value(json_object_get(doc, "reasons_dropped"));
	if (more > 0)
		counted(p, "  ", EXPLAIN_MORE_REASONS, more);
}

static void
put_side(const struct page *p, enum explain_word label, const json_t *change,
    const char *key, bool digests)
{
	const char *text = str(change, key);
	char digest_key[16];

	snprintf(digest_key, sizeof(digest_key), "%s_digest", key);
	const char *digest = str(change, digest_key);
	line(p, "    ", label, !digest ? word(p, EXPLAIN_NOTHING_THERE) : text);
	if (digest && digests)
		buf_printf(p->out, "    %*s %s\n", LABEL_COLUMNS, "", digest);
}

static void
put_change(const struct page *p, const json_t *change)
{
	const char *then = str(change, "then"), *now = str(change, "now");
	/* Words that are the same tell nothing. */
	bool digests = !then || !now || strcmp(then, now) == 0;

	buf_printf(p->out, "  PCR %lld",
	    (long long)json_integer_value(json_object_get(change, "pcr")));
	if (json_is_integer(json_object_get(change, "event")))
		buf_printf(p->out, "%s%lld", word(p, EXPLAIN_AT_EVENT),
		    (long long)json_integer_value(
			json_object_get(change, "event")));
	buf_printf(
	    p->out, ", %s\n", str(change, "type") ? str(change, "type") : "");
	put_side(p, EXPLAIN_THEN, change, "then", digests);
	put_side(p, EXPLAIN_NOW, change, "now", digests);
}

static void
put_side_by_side(const struct page *p, const json_t *doc)
{
	const json_t *good = json_object_get(doc, "last_good");
	const char *log = str(good, "log");
	size_t i;
	json_t *change;

	if (!log)
		return;
	heading(p, EXPLAIN_SIDE);
	if (strcmp(log, "compared") != 0) {
		buf_printf(p->out, "  %s\n", word(p, EXPLAIN_NOT_KEPT));
		return;
	}
	const json_t *changes = json_object_get(good, "changes");
	if (json_array_size(changes) == 0)
		buf_printf(p->out, "  %s\n", word(p, EXPLAIN_NO_CHANGES));
	json_array_foreach(changes, i, change) put_change(p, change);
	json_int_t more =
	    json_integer_value(json_object_get(good, "more_changes"));
	if (more > 0)
		counted(p, "  ", EXPLAIN_MORE_CHANGES, more);
}

static void
put_page(const json_t *doc, enum explain_level level, const char *lang,
    struct buf *out)
{
	const struct page p = {lang, out};
	const json_t *sentence = json_object_get(doc, "sentence");
	const json_t *cause = json_object_get(doc, "cause");
	const json_t *first = json_array_get(json_object_get(doc, "reasons"),
	    (size_t)json_integer_value(json_object_get(cause, "reason")));
	const char *text = str(sentence, "management");

	if (text)
		buf_printf(out, "%s\n", text);
	if (level == EXPLAIN_MANAGEMENT)
		return;
	if (first)
		buf_puts(out, "\n");
	if (first && level == EXPLAIN_OPERATOR)
		put_reason(&p, "", first, false);
	put_past(&p, doc);
	put_cause(&p, doc, level != EXPLAIN_OPERATOR);
	if (level != EXPLAIN_OPERATOR) {
		line(&p, "", EXPLAIN_POLICY, str(doc, "policy"));
		put_reasons(&p, doc);
		put_side_by_side(&p, doc);
	}
	put_next(&p, doc);
}

void
explanation_text(const json_t *doc, enum explain_level level, const char *lang,
    struct buf *out)
{
	put_page(doc, level, lang, out);
	while (out->n && out->p[out->n - 1] == '\n')
		out->p[--out->n] = '\0';
}
