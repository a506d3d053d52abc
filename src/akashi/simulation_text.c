/* SPDX-License-Identifier: Apache-2.0 */
/* A simulation in words and as JSON. */
#include "akashi/simulation.h"

#include <stdlib.h>

enum {
	FAMILIES_MAX = 40, /* described in words of each kind */
	VALUES_MAX = 3,	   /* found values named of one family */
	FOUND_MAX = 100,
};

enum word {
	W_OBSERVES,
	W_STAYS,
	W_FAILS,
	W_PASSES,
	W_STILL,
	W_NOT_JUDGED,
	W_WORSE,
	W_BETTER,
	W_SAME,
	W_BEFORE,
	W_ONE_VALUE,
	W_NOTHING,
};

static const char *const words[][2] = {
    [W_OBSERVES] = {"The policy only observes: it would lower no status.\n",
	"観察のみのポリシーです。状態を下げることはありません。\n"},
    [W_STAYS] = {"accepted as before", "引き続き合格"},
    [W_FAILS] = {"would now fail", "新たに不合格"},
    [W_PASSES] = {"would now pass", "新たに合格"},
    [W_STILL] = {"still not accepted", "引き続き合格せず"},
    [W_NOT_JUDGED] = {"not judged", "判定せず"},
    [W_WORSE] = {"\nWorse than recorded:\n", "\n記録より悪くなるもの:\n"},
    [W_BETTER] = {"\nBetter than recorded:\n", "\n記録より良くなるもの:\n"},
    [W_SAME] = {"\nAs recorded, but not pass:\n",
	"\n記録と同じで合格でないもの:\n"},
    [W_BEFORE] = {"recorded: ", "記録された理由: "},
    [W_ONE_VALUE] = {"    one value: ", "    値は一つ: "},
    [W_NOTHING] = {"\nNothing was judged.\n", "\n判定したものはありません。\n"},
};

struct text {
	const struct simulation *s;
	bool ja;
	size_t nodes; /* names at most */
	struct buf *out;
};

static const char *
say(const struct text *t, enum word w)
{
	return words[w][t->ja];
}

static const char *
language(const struct text *t)
{
	return t->ja ? "ja" : "en";
}

/* --- the table --------------------------------------------------------------
 */

/* Columns of characters, a Japanese one taking two. */
static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		if ((uint8_t)*s < 0x80)
			n++;
		else if ((uint8_t)*s >= 0xc0)
			n += 2;
	return n;
}

static void
put_line(struct text *t, const char *what, const struct simulation_tally *n)
{
	enum { WIDTH = 20 };
	size_t w = width(what);

	buf_printf(t->out, "%s%*s  %10llu  %12llu", what,
	    (int)(w < WIDTH ? WIDTH - w : 0), "", (unsigned long long)n->latest,
	    (unsigned long long)n->attestations);
}

static void
put_not_judged(struct text *t)
{
	const struct simulation_tally *n = t->s->not_judged;
	struct simulation_tally sum = {0};

	for (size_t i = 0; i < NOT_JUDGED_COUNT; i++) {
		sum.attestations += n[i].attestations;
		sum.latest += n[i].latest;
	}
	put_line(t, say(t, W_NOT_JUDGED), &sum);
	if (sum.attestations == 0)
		buf_puts(t->out, "\n");
	else
		buf_printf(t->out,
		    t->ja ? "  （鍵が交換済み %llu、証拠が残っていない %llu、"
			    "クラスが異なる %llu）\n"
			  : "  (another key now: %llu, evidence not kept: "
			    "%llu, of another class: %llu)\n",
		    (unsigned long long)n[NOT_JUDGED_KEY].attestations,
		    (unsigned long long)n[NOT_JUDGED_GONE].attestations,
		    (unsigned long long)n[NOT_JUDGED_CLASS].attestations);
}

static void
put_table(struct text *t)
{
	static const enum word lines[TURN_COUNT] = {[TURN_STAYS] = W_STAYS,
	    [TURN_FAILS] = W_FAILS,
	    [TURN_PASSES] = W_PASSES,
	    [TURN_STILL] = W_STILL};

	buf_printf(t->out, "%20s  %10s  %12s\n", "", "NODES", "ATTESTATIONS");
	for (int i = 0; i < TURN_COUNT; i++) {
		struct simulation_tally n =
		    simulation_sum(t->s, (enum simulation_turn)i);
		put_line(t, say(t, lines[i]), &n);
		buf_puts(t->out, "\n");
	}
	put_not_judged(t);
}

/* --- families: what differs in the found value alone ------------------------
 */

struct family {
	struct simulation_group **group; /* those of most nodes first */
	size_t n, nodes;
};

static int
by_family(const void *a, const void *b)
{
	const struct simulation_group *x = *(struct simulation_group *const *)a;
	const struct simulation_group *y = *(struct simulation_group *const *)b;
	int d = strcmp(x->family, y->family);

	if (d)
		return d;
	if (x->items != y->items)
		return x->items < y->items ? 1 : -1;
	return strcmp(x->key, y->key);
}

static int
largest_first(const void *a, const void *b)
{
	const struct family *x = a, *y = b;

	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return strcmp(x->group[0]->family, y->group[0]->family);
}

static void
put_place(struct text *t, const struct simulation_group *g)
{
	if (g->pcr >= 0)
		buf_printf(t->out, ", PCR %d", g->pcr);
	if (g->event_type)
		buf_printf(t->out, ", %s", g->event_type);
	if (g->layer)
		buf_printf(t->out, ", %s", g->layer);
}

/* Why, in words of the catalogues. */
static void
put_reason(struct text *t, const struct simulation_group *g)
{
	const struct cause c = {
	    .id = g->cause, .detail = g->detail ? g->detail : ""};
	enum err_code code = g->code != ERR_OK ? g->code : g->recorded_code;

	if (g->code != ERR_OK)
		buf_printf(
		    t->out, "%s\n", cause_line(&c, language(t), t->s->arena));
	else
		buf_puts(t->out, code == ERR_OK ? "-\n" : "\n");
	if (code == ERR_OK)
		return;
	buf_printf(t->out, "    %s%s [%s",
	    g->code == ERR_OK ? say(t, W_BEFORE) : "",
	    err_sentence(code, language(t)), err_name(code));
	put_place(t, g);
	buf_puts(t->out, "]\n");
}

/* Items stand by node: one name of each. */
static void
put_names(struct text *t, const struct simulation_group *g)
{
	size_t nodes = simulation_nodes(
	    (struct simulation_group *const[]){
		(struct simulation_group *)(uintptr_t)g},
	    1, t->s->arena);
	size_t shown = 0;

	for (size_t i = 0; i < g->items && shown < t->nodes; i++) {
		if (i && strcmp(g->item[i - 1].node, g->item[i].node) == 0)
			continue;
		buf_printf(
		    t->out, "%s%s", shown++ ? ", " : "", g->item[i].node);
	}
	if (nodes > shown)
		buf_printf(t->out, t->ja ? " ほか %zu" : " and %zu more",
		    nodes - shown);
	if (g->items)
		buf_printf(
		    t->out, "; akashi verdict show %s", g->item[0].verdict);
	buf_puts(t->out, "\n");
}

/* Cut between characters. */
static void
put_found(struct text *t, const struct simulation_group *g)
{
	size_t n = g->found ? strlen(g->found) : 0;
	bool whole = n <= FOUND_MAX;

	if (!g->found)
		return;
	for (n = whole ? n : FOUND_MAX;
	     !whole && n && ((uint8_t)g->found[n] & 0xc0) == 0x80; n--)
		;
	buf_printf(t->out, "%.*s%s\n", (int)n, g->found, whole ? "" : "…");
}

static void
put_family(struct text *t, const struct family *f)
{
	const struct simulation_group *g = f->group[0];

	buf_printf(t->out,
	    t->ja	    ? "  %zu ノード"
	    : f->nodes == 1 ? "  %zu node"
			    : "  %zu nodes",
	    f->nodes);
	buf_printf(t->out,
	    t->ja ? "、%s → %s: " : ", %s -> %s: ", result_name(g->recorded),
	    result_name(g->candidate));
	put_reason(t, g);
	if (f->n > 1)
		buf_printf(t->out,
		    t->ja ? "    異なる値 %zu 種類\n"
			  : "    %zu different values\n",
		    f->n);
	for (size_t i = 0; i < f->n && i < VALUES_MAX; i++) {
		g = f->group[i];
		if (g->found)
			buf_puts(
			    t->out, f->n > 1 ? "    " : say(t, W_ONE_VALUE));
		put_found(t, g);
		buf_puts(t->out, f->n > 1 ? "      " : "    ");
		put_names(t, g);
	}
}

/* The families of the groups g[0 … n - 1], which are sorted for it. */
static void
put_families(struct text *t, struct simulation_group **g, size_t n)
{
	struct family *f = arena_array(t->s->arena, n, sizeof(*f));
	size_t found = 0;

	if (!f) {
		t->out->failed = true;
		return;
	}
	qsort(g, n, sizeof(struct simulation_group *), by_family);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(g[i - 1]->family, g[i]->family) != 0)
			f[found++].group = &g[i];
		f[found - 1].n++;
	}
	for (size_t i = 0; i < found; i++)
		f[i].nodes = simulation_nodes(f[i].group, f[i].n, t->s->arena);
	qsort(f, found, sizeof(*f), largest_first);
	for (size_t i = 0; i < found && i < FAMILIES_MAX; i++)
		put_family(t, &f[i]);
	if (found > FAMILIES_MAX)
		buf_printf(t->out,
		    t->ja ? "  ほか %zu 種類\n" : "  and %zu more kinds\n",
		    found - FAMILIES_MAX);
}

static bool
in_section(const struct simulation_group *g, int sign)
{
	int d = simulation_change(g);

	if (g->items == 0)
		return false;
	return sign > 0 ? d > 0 : sign < 0 ? d < 0 : d == 0;
}

static void
put_section(struct text *t, enum word head, int sign)
{
	const struct simulation *s = t->s;
	struct simulation_group **g =
	    arena_array(s->arena, s->groups, sizeof(*g));
	size_t n = 0;

	if (!g) {
		t->out->failed = true;
		return;
	}
	for (size_t i = 0; i < s->groups; i++)
		if (in_section(s->group[i], sign))
			g[n++] = s->group[i];
	if (n == 0)
		return;
	buf_puts(t->out, say(t, head));
	put_families(t, g, n);
}

void
simulation_text(const struct simulation *s, const char *since, const char *lang,
    size_t nodes, struct buf *out)
{
	struct text t = {s, strcmp(lang, "ja") == 0, nodes, out};

	buf_printf(out, "%s sha256:%s\n", s->name ? s->name : "-",
	    s->hash ? s->hash : "-");
	if (s->mode && strcmp(s->mode, "observe") == 0)
		buf_puts(out, say(&t, W_OBSERVES));
	buf_printf(out,
	    t.ja ? "%s 以降の各起動の最後の検証について。\n\n"
		 : "The last attestation of every boot since %s.\n\n",
	    since);
	put_table(&t);
	put_section(&t, W_WORSE, 1);
	put_section(&t, W_BETTER, -1);
	put_section(&t, W_SAME, 0);
	if (simulation_sum(s, TURN_COUNT).attestations == 0)
		buf_puts(out, say(&t, W_NOTHING));
	if (out->n)
		out->n--; /* cli_write() ends the line */
}

/* --- JSON -------------------------------------------------------------------
 */

static void
emit_tally(struct jw *w, const char *key, const struct simulation_tally *t)
{
	jw_key(w, key);
	jw_object(w);
	jw_ku64(w, "nodes", t->latest);
	jw_ku64(w, "attestations", t->attestations);
	jw_object_end(w);
}

static void
emit_counts(struct jw *w, const struct simulation *s)
{
	static const char *const turns[TURN_COUNT] = {
	    [TURN_STAYS] = "stays_accepted",
	    [TURN_FAILS] = "would_fail",
	    [TURN_PASSES] = "would_pass",
	    [TURN_STILL] = "still_fails"};
	static const char *const not_judged[] = {
	    [NOT_JUDGED_KEY] = "key_replaced",
	    [NOT_JUDGED_GONE] = "not_kept",
	    [NOT_JUDGED_CLASS] = "other_class"};

	for (int i = 0; i < TURN_COUNT; i++) {
		struct simulation_tally n =
		    simulation_sum(s, (enum simulation_turn)i);
		emit_tally(w, turns[i], &n);
	}
	jw_key(w, "not_judged");
	jw_object(w);
	for (size_t i = 0; i < NOT_JUDGED_COUNT; i++)
		emit_tally(w, not_judged[i], &s->not_judged[i]);
	jw_object_end(w);
}

static void
emit_names(struct jw *w, const struct simulation_group *g, size_t nodes)
{
	size_t shown = 0;

	jw_key(w, "nodes");
	jw_array(w);
	for (size_t i = 0; i < g->items && shown < nodes; i++) {
		if (i && strcmp(g->item[i - 1].node, g->item[i].node) == 0)
			continue;
		jw_str(w, g->item[i].node);
		shown++;
	}
	jw_array_end(w);
}

static void
emit_code(struct jw *w, const char *key, enum err_code code)
{
	jw_kstr(w, key, code == ERR_OK ? NULL : err_name(code));
}

static void
emit_group(
    struct jw *w, struct simulation_group *g, size_t nodes, struct arena *a)
{
	jw_object(w);
	jw_kstr(w, "recorded", result_name(g->recorded));
	jw_kstr(w, "candidate", result_name(g->candidate));
	emit_code(w, "code", g->code);
	emit_code(w, "recorded_code", g->recorded_code);
	jw_kstr(w, "layer", g->layer);
	jw_key(w, "pcr");
	if (g->pcr < 0)
		jw_null(w);
	else
		jw_i64(w, g->pcr);
	jw_kstr(w, "event_type", g->event_type);
	jw_kstr(w, "found", g->found);
	jw_kstr(w, "cause", g->code == ERR_OK ? NULL : cause_name(g->cause));
	jw_kstr(w, "cause_detail", g->detail);
	jw_ku64(w, "attestations", g->attestations);
	jw_ku64(w, "latest", g->latest);
	jw_ku64(
	    w, "nodes_n", g->items ? simulation_nodes(&g, 1, a) : g->latest);
	emit_names(w, g, nodes);
	jw_kstr(w, "example", g->items ? g->item[0].verdict : NULL);
	jw_object_end(w);
}

void
simulation_json(const struct simulation *s, const char *since, size_t nodes,
    struct buf *out)
{
	struct jw w = jw_over(out);

	w.pretty = true;
	jw_object(&w);
	jw_key(&w, "candidate");
	jw_object(&w);
	jw_kstr(&w, "name", s->name);
	jw_kstr(&w, "hash", s->hash);
	jw_kstr(&w, "mode", s->mode);
	jw_kstr(&w, "class", s->class);
	jw_object_end(&w);
	jw_kstr(&w, "since", since);
	emit_counts(&w, s);
	jw_key(&w, "groups");
	jw_array(&w);
	for (size_t i = 0; i < s->groups; i++)
		emit_group(&w, s->group[i], nodes, s->arena);
	jw_array_end(&w);
	jw_object_end(&w);
}
