/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/simulation.h"

#include "akashi/cli.h"

#include <stdlib.h>

/* --- reading a page ---------------------------------------------------------
 */

static rc
senseless(const char *where, struct err *e)
{
	return err_text(
	    e, ERR_CLIENT_RESPONSE, where, "The answer has no such page.");
}

/* A text as one printable line that outlives the page; NULL for null. */
static rc
take_text(struct simulation *s, const json_t *obj, const char *key,
    const char **out, struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	*out = NULL;
	if (!v || json_is_null(v))
		return RC_OK;
	if (!json_is_string(v))
		return senseless(key, e);
	const char *line =
	    verdict_printable(s->arena, span_str(json_string_value(v)));
	*out = arena_printf(s->arena, "%s", line);
	return *out ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static rc
take_result(const json_t *obj, const char *key, enum result *out, struct err *e)
{
	const char *name = json_string_value(json_object_get(obj, key));

	for (int r = RESULT_NONE; name && r <= RESULT_REJECT; r++)
		if (strcmp(name, result_name((enum result)r)) == 0) {
			*out = (enum result)r;
			return RC_OK;
		}
	return senseless(key, e);
}

/* A code that this program does not know counts as internal. */
static enum err_code
take_code(const json_t *obj, const char *key)
{
	const char *name = json_string_value(json_object_get(obj, key));
	enum err_code code = name ? err_by_name(name) : ERR_OK;

	return name && code == ERR_OK ? ERR_INTERNAL : code;
}

static enum cause_id
take_cause(const json_t *obj)
{
	const char *name = json_string_value(json_object_get(obj, "cause"));

	for (int i = 0; name && i < CAUSE_COUNT; i++)
		if (strcmp(name, cause_name((enum cause_id)i)) == 0)
			return (enum cause_id)i;
	return CAUSE_UNKNOWN;
}

static rc
take_tally(const json_t *obj, struct simulation_tally *t, struct err *e)
{
	uint64_t attestations, latest;

	TRY(json_get_u64(obj, "", "attestations", INT64_MAX, &attestations, e));
	TRY(json_get_u64(obj, "", "latest", INT64_MAX, &latest, e));
	t->attestations += attestations;
	t->latest += latest;
	return RC_OK;
}

/* --- groups -----------------------------------------------------------------
 */

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

static rc
read_group(struct simulation *s, const json_t *in, struct simulation_group *g,
    struct err *e)
{
	const json_t *pcr = json_object_get(in, "pcr");

	TRY(take_result(in, "recorded", &g->recorded, e));
	TRY(take_result(in, "candidate", &g->candidate, e));
	g->code = take_code(in, "code");
	g->recorded_code = take_code(in, "recorded_code");
	g->cause = take_cause(in);
	g->pcr = json_is_integer(pcr) ? (int)json_integer_value(pcr) : -1;
	TRY(take_text(s, in, "layer", &g->layer, e));
	TRY(take_text(s, in, "event_type", &g->event_type, e));
	TRY(take_text(s, in, "found", &g->found, e));
	TRY(take_text(s, in, "cause_detail", &g->detail, e));
	g->family = arena_printf(s->arena, "%d %d %d %d %d %d|%s|%s|%s",
	    (int)g->recorded, (int)g->candidate, (int)g->code,
	    (int)g->recorded_code, (int)g->cause, g->pcr, or_empty(g->layer),
	    or_empty(g->event_type), or_empty(g->detail));
	g->key = arena_printf(
	    s->arena, "%s|%s", or_empty(g->family), or_empty(g->found));
	return g->family && g->key ? RC_OK
				   : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static struct simulation_group **
slot_of(struct simulation *s, const char *key)
{
	uint32_t h = 2166136261u;

	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 16777619u;
	return &s->slot[h % SIMULATION_SLOTS];
}

static rc
find_group(struct simulation *s, const json_t *in,
    struct simulation_group **out, struct err *e)
{
	struct simulation_group read = {0}, *g;

	TRY(read_group(s, in, &read, e));
	struct simulation_group **slot = slot_of(s, read.key);
	for (g = *slot; g && strcmp(g->key, read.key) != 0; g = g->next)
		;
	if (!g) {
		g = arena_alloc(s->arena, sizeof(*g));
		if (!g)
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
		*g = read;
		g->next = *slot;
		*slot = g;
		s->groups++;
	}
	*out = g;
	return RC_OK;
}

/* Room for one more; what was there before stays in the arena. */
static rc
grow(struct simulation *s, struct simulation_group *g, struct err *e)
{
	size_t cap = g->cap ? 2 * g->cap : 8;

	if (g->items < g->cap)
		return RC_OK;
	struct simulation_item *more =
	    arena_array(s->arena, cap, sizeof(*more));
	if (!more)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < g->items; i++)
		more[i] = g->item[i];
	g->item = more;
	g->cap = cap;
	return RC_OK;
}

static rc
add_group(struct simulation *s, const json_t *in, struct err *e)
{
	struct simulation_tally t = {0};
	struct simulation_group *g = NULL;
	const json_t *items, *one;
	size_t i;

	TRY(find_group(s, in, &g, e));
	TRY(take_tally(in, &t, e));
	g->attestations += t.attestations;
	g->latest += t.latest;
	TRY(json_get_array(in, "", "items", &items, e));
	json_array_foreach(items, i, one)
	{
		struct simulation_item item = {
		    .latest = json_is_true(json_object_get(one, "latest"))};
		TRY(take_text(s, one, "node", &item.node, e));
		TRY(take_text(s, one, "verdict", &item.verdict, e));
		if (!item.node || !item.verdict)
			return senseless("items", e);
		TRY(grow(s, g, e));
		g->item[g->items++] = item;
	}
	return RC_OK;
}

/* --- pages ------------------------------------------------------------------
 */

static rc
add_not_judged(struct simulation *s, const json_t *page, struct err *e)
{
	static const char *const names[] = {[NOT_JUDGED_KEY] = "key_replaced",
	    [NOT_JUDGED_GONE] = "not_kept",
	    [NOT_JUDGED_CLASS] = "other_class"};
	const json_t *all, *one;

	TRY(json_get_object(page, "", "not_judged", &all, e));
	for (size_t i = 0; i < NOT_JUDGED_COUNT; i++) {
		TRY(json_get_object(all, "not_judged", names[i], &one, e));
		TRY(take_tally(one, &s->not_judged[i], e));
	}
	return RC_OK;
}

static rc
add_page(struct simulation *s, const json_t *page, struct err *e)
{
	const json_t *candidate, *groups, *g;
	size_t i;

	if (!s->name) {
		TRY(json_get_object(page, "", "candidate", &candidate, e));
		TRY(take_text(s, candidate, "hash", &s->hash, e));
		TRY(take_text(s, candidate, "mode", &s->mode, e));
		TRY(take_text(s, candidate, "class", &s->class, e));
		TRY(take_text(s, candidate, "name", &s->name, e));
		if (!s->name || !s->hash)
			return senseless("candidate", e);
	}
	TRY(json_get_array(page, "", "groups", &groups, e));
	json_array_foreach(groups, i, g) TRY(add_group(s, g, e));
	return add_not_judged(s, page, e);
}

rc
simulation_add(struct simulation *s, const json_t *page, struct err *e)
{
	rc r = add_page(s, page, e);

	if (rc_ok(r) || r.code == ERR_MEMORY)
		return r;
	return err_text(e, ERR_CLIENT_RESPONSE, e->path, "%.300s", e->text);
}

/* --- the end ----------------------------------------------------------------
 */

static int
by_nodes(const void *a, const void *b)
{
	const struct simulation_group *x = *(struct simulation_group *const *)a;
	const struct simulation_group *y = *(struct simulation_group *const *)b;

	if (x->latest != y->latest)
		return x->latest < y->latest ? 1 : -1;
	if (x->attestations != y->attestations)
		return x->attestations < y->attestations ? 1 : -1;
	return strcmp(x->key, y->key);
}

/* The latest boot of a node before its others. */
static int
by_name(const void *a, const void *b)
{
	const struct simulation_item *x = a, *y = b;
	int d = strcmp(x->node, y->node);

	if (d)
		return d;
	return x->latest != y->latest ? (int)y->latest - (int)x->latest
				      : strcmp(y->verdict, x->verdict);
}

rc
simulation_end(struct simulation *s, struct err *e)
{
	size_t n = 0;

	s->group = arena_array(s->arena, s->groups, sizeof(*s->group));
	if (!s->group)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < SIMULATION_SLOTS; i++)
		for (struct simulation_group *g = s->slot[i]; g; g = g->next) {
			s->group[n++] = g;
			if (g->items)
				qsort(g->item, g->items, sizeof(*g->item),
				    by_name);
		}
	if (n)
		qsort(s->group, n, sizeof(*s->group), by_nodes);
	return RC_OK;
}

/* --- what it says -----------------------------------------------------------
 */

static bool
accepted(enum result r)
{
	return r == RESULT_PASS || r == RESULT_WARN;
}

enum simulation_turn
simulation_turn(const struct simulation_group *g)
{
	if (accepted(g->candidate))
		return accepted(g->recorded) ? TURN_STAYS : TURN_PASSES;
	return accepted(g->recorded) ? TURN_FAILS : TURN_STILL;
}

int
simulation_change(const struct simulation_group *g)
{
	static const int rank[] = {
	    [RESULT_PASS] = 0,
	    [RESULT_WARN] = 1,
	    [RESULT_NONE] = 2,
	    [RESULT_FAIL] = 3,
	    [RESULT_REJECT] = 4,
	};

	return rank[g->candidate] - rank[g->recorded];
}

static int
by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

size_t
simulation_nodes(struct simulation_group *const *g, size_t n, struct arena *a)
{
	size_t items = 0, k = 0, nodes = 0;

	for (size_t i = 0; i < n; i++)
		items += g[i]->items;
	const char **name = arena_array(a, items, sizeof(*name));
	if (!name || items == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < g[i]->items; j++)
			name[k++] = g[i]->item[j].node;
	qsort(name, k, sizeof(*name), by_text);
	for (size_t i = 0; i < k; i++)
		nodes += i == 0 || strcmp(name[i - 1], name[i]) != 0;
	return nodes;
}

struct simulation_tally
simulation_sum(const struct simulation *s, enum simulation_turn turn)
{
	struct simulation_tally t = {0};

	for (size_t i = 0; i < s->groups; i++) {
		const struct simulation_group *g = s->group[i];
		if (turn != TURN_COUNT && simulation_turn(g) != turn)
			continue;
		t.attestations += g->attestations;
		t.latest += g->latest;
	}
	return t;
}

int
simulation_exit(const struct simulation *s)
{
	if (simulation_sum(s, TURN_COUNT).attestations == 0)
		return EXIT_INDETERMINATE;
	for (size_t i = 0; i < s->groups; i++)
		if (s->group[i]->latest && simulation_change(s->group[i]) > 0)
			return EXIT_NOT_TRUSTED;
	return EXIT_TRUSTED;
}
