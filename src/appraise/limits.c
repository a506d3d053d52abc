/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/limits.h"

enum {
	U = 1 << ROT_UNKNOWN,
	D = 1 << ROT_DISCRETE | U,
	F = 1 << ROT_FIRMWARE | U,
	V = 1 << ROT_VIRTUAL | U,
};

static const struct limit limits[] = {
#define L(name, classes, en, ja) {name, (classes), en, ja},
#include "appraise/limits.def"
#undef L
};

enum { LIMITS = sizeof(limits) / sizeof(limits[0]) };

const struct limit *
limit_of(enum rot_class rot, size_t i)
{
	for (size_t k = 0; k < LIMITS; k++)
		if (limits[k].classes & 1u << rot && i-- == 0)
			return &limits[k];
	return NULL;
}

const struct limit *
limit_by_name(const char *name)
{
	for (size_t i = 0; i < LIMITS; i++)
		if (strcmp(limits[i].name, name) == 0)
			return &limits[i];
	return NULL;
}

const char *
limit_sentence(const struct limit *l, const char *lang)
{
	return strcmp(lang, "ja") == 0 ? l->ja : l->en;
}

const char *
limits_heading(const char *lang)
{
	return strcmp(lang, "ja") == 0 ? "この判定では分からないこと"
				       : "What this verdict cannot show";
}

void
limits_emit(enum rot_class rot, struct jw *w)
{
	const struct limit *l;

	jw_key(w, "limits");
	jw_array(w);
	for (size_t i = 0; (l = limit_of(rot, i)); i++)
		jw_str(w, l->name);
	jw_array_end(w);
}
