/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1. Objects are compared member by member, lists as sets: what only one of
 *    them has is added or removed.
 * 2. An element of a list that both have under one label (the name of a token,
 *    type and text of an event) is compared within.
 * 3. Equal sets in another order are said to be so: rules of a PCR are ordered.
 */
#include "appraise/policy_diff.h"

#include "appraise/rules.h"

#include <stdlib.h>

struct diff {
	struct arena *a;
	struct policy_change **tail;
	bool failed;
};

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

const char *
policy_op_name(enum policy_op op)
{
	static const char *const names[] = {
	    [CHANGE_ADDED] = "added",
	    [CHANGE_REMOVED] = "removed",
	    [CHANGE_CHANGED] = "changed",
	    [CHANGE_ORDER] = "reordered",
	};

	return names[op];
}

/* --- words ---------------------------------------------------------------- */

static const char *
text_of(struct diff *d, const json_t *v)
{
	struct buf b = {0};

	if (!v)
		return NULL;
	if (json_is_string(v))
		return json_string_value(v);
	bool ok = canonical_value(v, &b);
	const char *own = ok ? arena_printf(d->a, "%s", b.p) : NULL;
	buf_free(&b);
	d->failed = d->failed || !own;
	return own;
}

static const char *
member(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

/* The digest of a golden value, of the first bank that it has. */
static const char *
digest_of(struct diff *d, const json_t *v)
{
	static const char *const banks[] = {"sha256", "sha384", "sha512",
	    "sm3_256", "sha3_256", "sha3_384", "sha3_512", "sha1"};

	for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
		if (member(v, banks[i]))
			return arena_printf(
			    d->a, "%s:%s", banks[i], member(v, banks[i]));
	return NULL;
}

static const char *
event_label(struct diff *d, const json_t *v)
{
	const json_t *first = json_array_get(json_object_get(v, "accept"), 0);
	const char *text = member(first, "text");
	const char *type = text_of(d, json_object_get(v, "type"));

	return arena_printf(
	    d->a, "%s%s%s", or_empty(type), text ? " " : "", or_empty(text));
}

static const char *label_of(struct diff *d, const json_t *v);

/* A sequence by the event that begins it, a group by its first sequence. */
static const char *
sequence_label(struct diff *d, const char *words, const json_t *first)
{
	const char *label = first ? label_of(d, first) : NULL;

	return label ? arena_printf(d->a, "%s%s", words, label) : NULL;
}

/* What names an element among its like; NULL: nothing but its content. */
static const char *
label_of(struct diff *d, const json_t *v)
{
	static const char *const keys[] = {
	    "name", "glob", "code", "certificate", "source"};

	if (json_object_get(v, "accept") && json_object_get(v, "type"))
		return event_label(d, v);
	if (json_is_array(v))
		return sequence_label(d, "from ", json_array_get(v, 0));
	if (json_object_get(v, "any"))
		return sequence_label(
		    d, "one ", json_array_get(json_object_get(v, "any"), 0));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (member(v, keys[i]) && !digest_of(d, v))
			return member(v, keys[i]);
	return NULL;
}

/* An element in words. */
static const char *
words_of(struct diff *d, const json_t *v)
{
	const char *label = label_of(d, v);
	const char *text = member(v, "text");
	const char *digest = digest_of(d, v);

	if (json_object_get(v, "accept"))
		digest = digest_of(
		    d, json_array_get(json_object_get(v, "accept"), 0));
	if (!label && !text && !digest)
		return text_of(d, v);
	return arena_printf(d->a, "%s%s%s", or_empty(label ? label : text),
	    (label || text) && digest ? ", " : "", or_empty(digest));
}

static void
say(struct diff *d, enum policy_op op, const char *path, const char *what,
    const json_t *before, const json_t *after)
{
	struct policy_change *c = arena_alloc(d->a, sizeof(*c));

	if (!c || !path) {
		d->failed = true;
		return;
	}
	*c = (struct policy_change){
	    NULL, op, path, what, text_of(d, before), text_of(d, after)};
	*d->tail = c;
	d->tail = &c->next;
}

/* --- lists ---------------------------------------------------------------- */

struct item {
	const char *text;
	const json_t *v;
	size_t at;
	bool matched;
};

static int
by_text(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;
	int c = strcmp(x->text, y->text);

	return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

static int
by_place(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static struct item *
items_of(struct diff *d, const json_t *list)
{
	size_t n = json_array_size(list);
	struct item *items = arena_array(d->a, n + 1, sizeof(*items));

	for (size_t i = 0; items && i < n; i++) {
		const json_t *v = json_array_get(list, i);
		items[i] = (struct item){or_empty(text_of(d, v)), v, i, false};
	}
	d->failed = d->failed || !items;
	return items;
}

/* Mark what both have; true where it stands in the same order. */
static bool
match_equal(struct item *a, size_t n, struct item *b, size_t m)
{
	size_t i = 0, j = 0;
	bool same = true;

	qsort(a, n, sizeof(*a), by_text);
	qsort(b, m, sizeof(*b), by_text);
	while (i < n && j < m) {
		int c = strcmp(a[i].text, b[j].text);
		if (c == 0) {
			same = same && a[i].at == b[j].at;
			a[i].matched = b[j].matched = true;
		}
		i += c <= 0;
		j += c >= 0;
	}
	qsort(a, n, sizeof(*a), by_place);
	qsort(b, m, sizeof(*b), by_place);
	return same;
}

static void diff_value(
    struct diff *d, const char *path, const json_t *a, const json_t *b);

static struct item *
of_label(struct diff *d, const char *label, struct item *b, size_t m)
{
	for (size_t j = 0; label && j < m; j++) {
		const char *other = b[j].matched ? NULL : label_of(d, b[j].v);
		if (other && strcmp(label, other) == 0)
			return &b[j];
	}
	return NULL;
}

static void
diff_list(struct diff *d, const char *path, const json_t *a, const json_t *b)
{
	size_t n = json_array_size(a);
	size_t m = json_array_size(b);
	struct item *left = items_of(d, a);
	struct item *right = items_of(d, b);
	bool whole = true;

	if (d->failed)
		return;
	bool same = match_equal(left, n, right, m);
	for (size_t i = 0; i < n; i++) {
		struct item *it = &left[i];
		const char *label = it->matched ? NULL : label_of(d, it->v);
		struct item *to = of_label(d, label, right, m);
		if (it->matched)
			continue;
		whole = false;
		if (to) {
			to->matched = true;
			diff_value(d,
			    arena_printf(d->a, "%s[%s]", or_empty(path), label),
			    it->v, to->v);
		} else {
			say(d, CHANGE_REMOVED, path, words_of(d, it->v), it->v,
			    NULL);
		}
	}
	for (size_t j = 0; j < m; j++) {
		if (right[j].matched)
			continue;
		whole = false;
		say(d, CHANGE_ADDED, path, words_of(d, right[j].v), NULL,
		    right[j].v);
	}
	if (whole && !same)
		say(d, CHANGE_ORDER, path, NULL, NULL, NULL);
}

/* --- members -------------------------------------------------------------- */

static const char *
below(struct diff *d, const char *path, const char *key)
{
	return arena_printf(
	    d->a, "%s%s%s", or_empty(path), path && *path ? "." : "", key);
}

static void
diff_object(struct diff *d, const char *path, const json_t *a, const json_t *b)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)a, key, v)
	{
		const json_t *other = json_object_get(b, key);
		if (other)
			diff_value(d, below(d, path, key), v, other);
		else
			say(d, CHANGE_REMOVED, below(d, path, key), NULL, v,
			    NULL);
	}
	json_object_foreach((json_t *)(uintptr_t)b, key, v)
	{
		if (!json_object_get(a, key))
			say(d, CHANGE_ADDED, below(d, path, key), NULL, NULL,
			    v);
	}
}

/* Depth is bounded by that of a decoded document. */
static void
diff_value(struct diff *d, const char *path, const json_t *a, const json_t *b)
{
	if (!path || d->failed)
		d->failed = true;
	else if (json_is_object(a) && json_is_object(b))
		diff_object(d, path, a, b);
	else if (json_is_array(a) && json_is_array(b))
		diff_list(d, path, a, b);
	else if (!json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b))
		say(d, CHANGE_CHANGED, path, NULL, a, b);
}

/* --- two documents -------------------------------------------------------- */

static rc
decode(struct span json, const char *which, json_t **out, struct err *e)
{
	struct policy *p = NULL;
	rc r = policy_decode(json, &p, e);

	policy_unref(p);
	if (rc_ok(r))
		r = json_decode(json, LIMIT_POLICY, out, e);
	return rc_ok(r) ? r : err_prefix(e, r, which);
}

rc
policy_diff(struct span a, struct span b, struct arena *arena,
    struct policy_change **out, struct err *e)
{
	JSON_AUTO left = NULL;
	JSON_AUTO right = NULL;
	struct policy_change *list = NULL;
	struct diff d = {.a = arena, .tail = &list};

	TRY(decode(a, "a.", &left, e));
	TRY(decode(b, "b.", &right, e));
	diff_object(&d, "", left, right);
	/* Texts that were borrowed from the documents outlive them. */
	for (struct policy_change *c = list; c && !d.failed; c = c->next) {
		const char **texts[] = {&c->what, &c->before, &c->after};
		for (size_t i = 0; i < 3; i++) {
			if (!*texts[i])
				continue;
			*texts[i] = arena_printf(arena, "%s", *texts[i]);
			d.failed = d.failed || !*texts[i];
		}
	}
	if (d.failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	*out = list;
	return RC_OK;
}
