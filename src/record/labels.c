/* SPDX-License-Identifier: Apache-2.0 */
#include "record/labels.h"

#include <stdlib.h>

struct span
labels_none(void)
{
	return span_str("{}");
}

static bool
in_alphabet(const char *s, const char *alphabet, bool may_be_empty)
{
	size_t n = strlen(s);

	return n <= LABEL_TEXT && (n > 0 || may_be_empty) &&
	       strspn(s, alphabet) == n;
}

static bool
key_valid(const char *s)
{
	return in_alphabet(
		   s, "abcdefghijklmnopqrstuvwxyz0123456789._/-", false) &&
	       strchr("._/-", s[0]) == NULL;
}

static bool
value_valid(const json_t *v)
{
	return json_is_string(v) &&
	       strlen(json_string_value(v)) == json_string_length(v) &&
	       in_alphabet(json_string_value(v),
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789._/:@+-",
		   true);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static rc
keys_of(const json_t *obj, const char *path, const char **keys, size_t *n,
    struct err *e)
{
	void *it = json_object_iter((json_t *)(uintptr_t)obj);

	for (*n = 0; it;
	     it = json_object_iter_next((json_t *)(uintptr_t)obj, it)) {
		const char *key = json_object_iter_key(it);
		if (*n == LABELS_MAX)
			return err_text(e, ERR_JSON_LIMIT, path,
			    "At most %d labels are taken.", LABELS_MAX);
		if (!key_valid(key) || !value_valid(json_object_iter_value(it)))
			return err_at(e, ERR_JSON_TYPE,
			    "A label is a short key of [a-z0-9._/-] with a "
			    "short text of [A-Za-z0-9._/:@+-].",
			    "%s.%.64s", path, key);
		keys[(*n)++] = key;
	}
	qsort(keys, *n, sizeof(*keys), by_text);
	return RC_OK;
}

rc
labels_canonical(const json_t *obj, const char *path, struct arena *a,
    struct span *out, struct err *e)
{
	const char *keys[LABELS_MAX];
	struct buf b = {0};
	size_t n = 0;

	if (!json_is_object(obj))
		return err_at(
		    e, ERR_JSON_TYPE, "An object is expected.", "%s", path);
	TRY(keys_of(obj, path, keys, &n, e));
	struct jw w = jw_over(&b);
	jw_object(&w);
	for (size_t i = 0; i < n; i++)
		jw_kstr(&w, keys[i],
		    json_string_value(json_object_get(obj, keys[i])));
	jw_object_end(&w);
	struct span copy = {NULL, 0};
	if (!b.failed)
		copy = arena_copy(a, buf_span(&b));
	buf_free(&b);
	if (!copy.p)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	*out = copy;
	return RC_OK;
}

/* Take `"key":"value"` and the comma after it from the front of the inside of
 * a canonical object; false at its end. */
static bool
next_pair(struct span *in, struct span *out)
{
	size_t n = 0, quotes = 0;

	for (; n < in->n && quotes < 4; n++)
		quotes += in->p[n] == '"';
	if (quotes < 4)
		return false;
	*out = span_of(in->p, n);
	n += n < in->n && in->p[n] == ',';
	*in = span_of(in->p + n, in->n - n);
	return true;
}

static struct span
inside(struct span object)
{
	return object.n < 2 ? (struct span){NULL, 0}
			    : span_of(object.p + 1, object.n - 2);
}

bool
labels_match(struct span selector, struct span labels)
{
	struct span want, have, wanted = inside(selector);
	struct span left = inside(labels);

	/* Both are sorted, so one walk over the labels is enough. */
	while (next_pair(&wanted, &want)) {
		bool found = false;
		while (!found && next_pair(&left, &have))
			found = span_eq(want, have);
		if (!found)
			return false;
	}
	return true;
}
