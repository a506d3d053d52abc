/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/schema.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>

/* Bounds are written in seconds and bytes. */
#define UNIT_STRING 1
#define UNIT_FILE 1
#define UNIT_LIST 1
#define UNIT_BOOL 1
#define UNIT_CHOICE 1
#define UNIT_NUMBER 1
#define UNIT_SIZE 1
#define UNIT_DURATION TIME_S

const struct conf_row conf_rows[CONF_KEYS] = {
#define K(field, key, kind, def, lo, hi, flags, help)                          \
	[CONF_KEY_##field] = {key, CONF_##kind, def, (lo)*UNIT_##kind,         \
	    (hi)*UNIT_##kind, flags, help, offsetof(struct conf, field)},
#include "conf/conf.def"
#undef K
};

size_t
conf_find(const char *key)
{
	size_t i = 0;

	while (i < CONF_KEYS && strcmp(conf_rows[i].key, key) != 0)
		i++;
	return i;
}

const char *
conf_key(size_t i)
{
	return i < CONF_KEYS ? conf_rows[i].key : NULL;
}

struct span
conf_words(const struct conf_row *row)
{
	const char *open = strchr(row->help, '{');

	return open ? span_of(open + 1, strcspn(open + 1, "}"))
		    : span_of(NULL, 0);
}

/* --- from text to value --------------------------------------------------- */

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit size_units[] = {{"B", 1}, {"KiB", 1024},
    {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0}};
static const struct unit time_units[] = {{"ms", TIME_MS}, {"s", TIME_S},
    {"m", 60 * TIME_S}, {"h", 3600 * TIME_S}, {"d", 86400 * TIME_S}, {NULL, 0}};

/* Digits and a unit, nothing else. */
static bool
quantity(const char *text, const struct unit *units, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t v;

	if (!number_parse(span_of(text, digits), 1000000000, &v))
		return false;
	for (; units->name; units++)
		if (strcmp(text + digits, units->name) == 0) {
			*out = (int64_t)v * units->size;
			return true;
		}
	return false;
}

static bool
choice(const char *text, struct span words, unsigned *out)
{
	size_t n = strlen(text);

	*out = 0;
	for (size_t at = 0, end; at <= words.n; at = end + 1, (*out)++) {
		for (end = at; end < words.n && words.p[end] != '|';)
			end++;
		if (span_eq(span_of(words.p + at, end - at), span_of(text, n)))
			return true;
	}
	return false;
}

static bool
in_range(const struct conf_row *row, int64_t v)
{
	return v >= row->low && v <= row->high;
}

static bool
set_number(const struct conf_row *row, const char *text, uint64_t *field)
{
	return number_parse(span_str(text), (uint64_t)row->high, field) &&
	       in_range(row, (int64_t)*field);
}

static bool
set_size(const struct conf_row *row, const char *text, uint64_t *field)
{
	int64_t v;

	if (!quantity(text, size_units, &v) || !in_range(row, v))
		return false;
	*field = (uint64_t)v;
	return true;
}

static bool
set_duration(const struct conf_row *row, const char *text, int64_t *field)
{
	return quantity(text, time_units, field) && in_range(row, *field);
}

static bool
set_bool(const char *text, bool *field)
{
	*field = strcmp(text, "true") == 0;
	return *field || strcmp(text, "false") == 0;
}

static bool
set_field(const struct conf_row *row, const struct conf_list *raw, void *field)
{
	const char *text = raw->n ? raw->v[0] : "";

	switch (row->kind) {
	case CONF_STRING:
	case CONF_FILE:
		*(const char **)field = text;
		return true;
	case CONF_LIST:
		*(struct conf_list *)field = *raw;
		return true;
	case CONF_BOOL:
		return set_bool(text, field);
	case CONF_CHOICE:
		return choice(text, conf_words(row), field);
	case CONF_NUMBER:
		return set_number(row, text, field);
	case CONF_SIZE:
		return set_size(row, text, field);
	case CONF_DURATION:
		return set_duration(row, text, field);
	}
	return false;
}

/* What would have been accepted, for the message. */
static void
expected(const struct conf_row *row, char *out, size_t n)
{
	struct span words = conf_words(row);
	long long low = (long long)row->low, high = (long long)row->high;

	switch (row->kind) {
	case CONF_STRING:
	case CONF_FILE:
	case CONF_LIST:
		snprintf(out, n, "text");
		break;
	case CONF_BOOL:
		snprintf(out, n, "true or false");
		break;
	case CONF_CHOICE:
		snprintf(
		    out, n, "one of %.*s", (int)words.n, (const char *)words.p);
		break;
	case CONF_NUMBER:
		snprintf(out, n, "a whole number from %lld to %lld", low, high);
		break;
	case CONF_SIZE:
		snprintf(out, n,
		    "a size such as \"64KiB\" (B, KiB, MiB, GiB) from %lldB to "
		    "%lldB",
		    low, high);
		break;
	case CONF_DURATION:
		snprintf(out, n,
		    "a time such as \"5s\" (ms, s, m, h, d) from %llds to "
		    "%llds",
		    low / (long long)TIME_S, high / (long long)TIME_S);
		break;
	}
}

rc
conf_set(struct conf *c, size_t i, struct err *e)
{
	const struct conf_row *row = &conf_rows[i];
	const struct conf_raw *raw = &c->extra->raw[i];
	char want[128];

	if (set_field(row, &raw->text, (char *)c + row->offset))
		return RC_OK;
	expected(row, want, sizeof(want));
	return err_text(e, ERR_CONFIG, raw->source,
	    "%s takes %s, not \"%.80s\".", row->key, want,
	    row->flags & SECRET ? "***" : raw->text.v[0]);
}
