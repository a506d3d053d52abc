/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/cause_about.h"

#include <stdlib.h>

enum step {
#define N(ID, en, ja, command) STEP_##ID,
#define C(...)
#include "appraise/cause.def"
#undef C
#undef N
	STEP_COUNT
};

static const struct {
	const char *en, *ja, *command;
} steps[] = {
#define N(ID, en, ja, command) {en, ja, command},
#define C(...)
#include "appraise/cause.def"
#undef C
#undef N
};

struct said {
	const char *title, *rule, *sentence;
};

struct row {
	const char *name;
	uint32_t subjects, explains;
	uint8_t step[CAUSE_STEPS]; /* 1 + enum step */
	struct said en, ja;
};

/* Names of steps and subjects in the table, up to six and three of them. */
#define A(subject) ABOUT_##subject
#define S1(a) 1 + STEP_##a
#define S2(a, b) S1(a), S1(b)
#define S3(a, b, c) S2(a, b), S1(c)
#define S4(a, b, c, d) S3(a, b, c), S1(d)
#define PICK(a, b, c, d, name, ...) name
#define S(...)                                                                 \
	{                                                                      \
		PICK(__VA_ARGS__, S4, S3, S2, S1, )(__VA_ARGS__)               \
	}
#define N(ID, en, ja, command)
#define C(ID, name, subjects, explains, steps, title, title_ja, rule, rule_ja, \
    en, ja)                                                                    \
	{name, (subjects), (explains), steps, {title, rule, en},               \
	    {title_ja, rule_ja, ja}},
static const struct row rows[CAUSE_COUNT] = {
#include "appraise/cause.def"
};
#undef C
#undef N
#undef S
#undef A

_Static_assert(CAUSE_COUNT <= 32, "cause.also has a bit for each");

/* --- choice --------------------------------------------------------------- */

static int
gravity(enum err_effect e)
{
	static const int worth[] = {[EFF_WARN] = 1,
	    [EFF_UNKNOWN] = 2,
	    [EFF_FAIL] = 3,
	    [EFF_REJECT] = 4};

	return worth[e];
}

bool
cause_counts(const struct cause_facts *f, const struct reason *r)
{
	int worst = 0;

	for (size_t i = 0; i < f->reasons_n; i++)
		if (gravity(f->reasons[i].effect) > worst)
			worst = gravity(f->reasons[i].effect);
	return worst > 0 && gravity(r->effect) == worst;
}

static enum cause_id
first_of(uint32_t subjects)
{
	unsigned i = 0;

	while (i < CAUSE_UNKNOWN && !(rows[i].subjects & subjects))
		i++;
	return (enum cause_id)i;
}

static size_t
first_reason(const struct cause_facts *f, uint32_t subjects)
{
	for (size_t i = 0; i < f->reasons_n; i++)
		if (cause_counts(f, &f->reasons[i]) &&
		    about_reason(f, &f->reasons[i]) & subjects)
			return i;
	return 0;
}

struct cause
cause_of(const struct cause_facts *f, struct arena *a)
{
	struct cause c = {.id = CAUSE_UNKNOWN, .detail = ""};
	uint32_t subjects = 0;

	for (size_t i = 0; i < f->reasons_n; i++)
		if (cause_counts(f, &f->reasons[i]))
			subjects |= about_reason(f, &f->reasons[i]);
	c.id = first_of(subjects);
	if (c.id == CAUSE_UNKNOWN)
		return c;
	c.reason = first_reason(f, rows[c.id].subjects);
	c.detail = cause_detail(f, rows[c.id].subjects, c.id, a);
	for (enum cause_id id = c.id;;) {
		subjects &= ~(rows[id].subjects | rows[id].explains);
		id = first_of(subjects);
		if (id == CAUSE_UNKNOWN)
			return c;
		c.also |= UINT32_C(1) << id;
	}
}

struct cause
cause_of_verdict(
    const struct verdict *v, const struct boot_facts *f, struct arena *a)
{
	const struct cause_facts facts = {.reasons_n = v->reasons_n,
	    .reasons = v->reasons,
	    .log = f ? f->log : NULL};

	return cause_of(&facts, a);
}

/* --- words ---------------------------------------------------------------- */

static const struct said *
said(enum cause_id id, const char *lang)
{
	return strcmp(lang, "ja") == 0 ? &rows[id].ja : &rows[id].en;
}

const char *
cause_name(enum cause_id id)
{
	return rows[id].name;
}

const char *
cause_title(enum cause_id id, const char *lang)
{
	return said(id, lang)->title;
}

const char *
cause_sentence(enum cause_id id, const char *lang)
{
	return said(id, lang)->sentence;
}

const char *
cause_rule(enum cause_id id, const char *lang)
{
	return said(id, lang)->rule;
}

const char *
cause_line(const struct cause *c, const char *lang, struct arena *a)
{
	const char *title = cause_title(c->id, lang);
	const char *line =
	    *c->detail ? arena_printf(a, "%s (%s)", title, c->detail) : title;

	return line ? line : title;
}

/* --- steps ---------------------------------------------------------------- */

/* NULL: a name is not known, or the arena is full. */
static const char *
filled(const char *command, const struct cause_names *names, struct arena *a)
{
	const struct {
		const char *word, *name;
	} known[] = {
	    {"$NODE", names->node},
	    {"$VERDICT", names->verdict},
	    {"$POLICY", names->policy},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *at;
		while (command && (at = strstr(command, known[i].word))) {
			const char *rest = at + strlen(known[i].word);
			if (!known[i].name)
				return NULL;
			command = arena_printf(a, "%.*s%s%s",
			    (int)(at - command), command, known[i].name, rest);
		}
	}
	return command;
}

static bool
step_of(unsigned step, const struct cause_names *names, const char *lang,
    struct arena *a, struct cause_step *out)
{
	const char *command = filled(steps[step].command, names, a);

	if (command)
		*out = (struct cause_step){
		    strcmp(lang, "ja") == 0 ? steps[step].ja : steps[step].en,
		    command};
	return command != NULL;
}

size_t
cause_steps(enum cause_id id, const struct cause_names *names, const char *lang,
    struct arena *a, struct cause_step out[CAUSE_STEPS])
{
	size_t n = 0;

	for (size_t i = 0; i < CAUSE_STEPS && rows[id].step[i]; i++)
		if (step_of(rows[id].step[i] - 1u, names, lang, a, &out[n]))
			n++;
	return n;
}

bool
cause_step_clear(const struct cause_names *names, const char *lang,
    struct arena *a, struct cause_step *out)
{
	return step_of(STEP_CLEAR, names, lang, a, out);
}
