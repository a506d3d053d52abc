/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/explanation.h"

#include "appraise/policy_source.h"
#include "base/clock.h"
#include "base/text.h"
#include "decode/explain.h"
#include "decode/ima.h"

static const struct {
	const char *en, *ja;
} words[] = {
#define X(ID, en, ja) {en, ja},
#include "appraise/explanation.def"
#undef X
};

/* One document on its way out. */
struct teller {
	const struct explained *x;
	const char *lang;
	struct arena *a;
	struct jw *w;
	struct boot_diff *diff; /* NULL: nothing to compare */
	struct cause cause;
};

unsigned
explain_level(struct span name)
{
	static const char *const names[] = {
	    "management", "operator", "analyst"};
	static const unsigned bits[] = {
	    EXPLAIN_MANAGEMENT, EXPLAIN_OPERATOR, EXPLAIN_ANALYST};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (span_eq(name, span_str(names[i])))
			return bits[i];
	return 0;
}

const char *
explain_word(enum explain_word word, const char *lang)
{
	return strcmp(lang, "ja") == 0 ? words[word].ja : words[word].en;
}

/* --- sentences -------------------------------------------------------------
 */

/* Append the word with its parts filled in. */
static void
say(const struct teller *t, struct buf *out, enum explain_word word,
    const char *const part[3])
{
	for (const char *s = explain_word(word, t->lang); *s; s++) {
		if (*s == '$' && s[1] >= '1' && s[1] <= '3')
			buf_puts(out, part[*++s - '1']);
		else
			buf_put(out, s, 1);
	}
}

#define PARTS(...) ((const char *const[3]){__VA_ARGS__})

static void
say_number(
    const struct teller *t, struct buf *out, enum explain_word word, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	say(t, out, word, PARTS(text, "", ""));
}

static enum explain_word
result_word(enum result r)
{
	static const enum explain_word by_result[] = {
	    [RESULT_NONE] = EXPLAIN_NONE,
	    [RESULT_PASS] = EXPLAIN_PASS,
	    [RESULT_WARN] = EXPLAIN_WARN,
	    [RESULT_FAIL] = EXPLAIN_FAIL,
	    [RESULT_REJECT] = EXPLAIN_REJECT,
	};

	return by_result[r];
}

static const char *
place(const struct teller *t, enum layer layer)
{
	return explain_word(
	    (enum explain_word)(EXPLAIN_PLACE_EVIDENCE + (int)layer), t->lang);
}

static bool
japanese(const struct teller *t)
{
	return strcmp(t->lang, "ja") == 0;
}

/* A name in Latin letters stands apart from what follows. */
static const char *
machine(const struct teller *t)
{
	const char *name = t->x->node;

	if (name && japanese(t))
		name = arena_printf(t->a, "%s ", name);
	return name ? name : explain_word(EXPLAIN_THIS_MACHINE, t->lang);
}

static void
say_since(const struct teller *t, struct buf *out)
{
	char text[TIME_TEXT];

	time_emit(t->x->first.at / TIME_S * TIME_S, text);
	const char *day = arena_printf(t->a, "%.10s %.5s UTC", text, text + 11);
	say(t, out, EXPLAIN_SINCE_THEN, PARTS(day ? day : text, "", ""));
}

static void
say_management(const struct teller *t, struct buf *out)
{
	const struct explained *x = t->x;

	say(t, out, result_word(x->result), PARTS(machine(t), "", ""));
	if (x->node_code != ERR_OK)
		buf_printf(out, "%s%s", japanese(t) ? "" : " ",
		    err_sentence(x->node_code, t->lang));
	if (x->reasons_n == 0)
		return;
	buf_puts(out, japanese(t) ? "" : " ");
	buf_puts(out, cause_sentence(t->cause.id, t->lang));
	if (x->first.id)
		say_since(t, out);
	if (x->others_known && (x->others || !x->others_bounded))
		say_number(t, out,
		    x->others_bounded ? EXPLAIN_OTHERS_LEAST
		    : x->others == 0  ? EXPLAIN_OTHERS_NONE
		    : x->others == 1  ? EXPLAIN_OTHERS_ONE
				      : EXPLAIN_OTHERS_MANY,
		    x->others);
}

static void
say_where(const struct teller *t, const struct reason *r, struct buf *out)
{
	buf_puts(out, place(t, r->layer));
	if (r->pcr >= 0)
		buf_printf(
		    out, "%s%d", explain_word(EXPLAIN_AT_PCR, t->lang), r->pcr);
	if (r->event >= 0)
		buf_printf(out, "%s%lld",
		    explain_word(EXPLAIN_AT_EVENT, t->lang),
		    (long long)r->event);
}

static void
say_operator(const struct teller *t, struct buf *out)
{
	struct buf where = {0};

	if (t->x->reasons_n == 0) {
		say(t, out, EXPLAIN_NO_REASON, PARTS("", "", ""));
		return;
	}
	const struct reason *r = &t->x->reasons[t->cause.reason];
	say_where(t, r, &where);
	say(t, out, EXPLAIN_LINE_OPERATOR,
	    PARTS(where.p ? where.p : "", err_sentence(r->code, t->lang),
		cause_line(&t->cause, t->lang, t->a)));
	out->failed |= where.failed;
	buf_free(&where);
}

static void
say_analyst(const struct teller *t, struct buf *out)
{
	char n[24];

	if (t->x->reasons_n == 0) {
		say(t, out, EXPLAIN_NO_REASON, PARTS("", "", ""));
		return;
	}
	const struct reason *r = &t->x->reasons[t->cause.reason];
	uint64_t all = t->x->reasons_n + t->x->dropped;
	snprintf(n, sizeof(n), "%llu", (unsigned long long)all);
	say(t, out, all == 1 ? EXPLAIN_LINE_ANALYST_ONE : EXPLAIN_LINE_ANALYST,
	    PARTS(n, err_name(r->code), r->path && *r->path ? r->path : "-"));
	const char *source = policy_source(t->x->policy, r->rule);
	if (r->rule)
		say(t, out, source ? EXPLAIN_BY_RULE : EXPLAIN_BY_RULE_ALONE,
		    PARTS(r->rule, source ? source : "", ""));
	if (t->diff)
		say_number(t, out,
		    t->diff->n ? EXPLAIN_DIFFERS : EXPLAIN_DIFFERS_NOT,
		    t->diff->n + t->diff->more);
}

static void
put_sentence(const struct teller *t, const char *key,
    void (*tell)(const struct teller *, struct buf *))
{
	struct buf b = {0};

	tell(t, &b);
	jw_kspan(t->w, key, buf_span(&b));
	t->w->out->failed |= b.failed;
	buf_free(&b);
}

static void
put_sentences(const struct teller *t, unsigned levels)
{
	jw_key(t->w, "sentence");
	jw_object(t->w);
	if (levels & EXPLAIN_MANAGEMENT)
		put_sentence(t, "management", say_management);
	if (levels & EXPLAIN_OPERATOR)
		put_sentence(t, "operator", say_operator);
	if (levels & EXPLAIN_ANALYST)
		put_sentence(t, "analyst", say_analyst);
	jw_object_end(t->w);
}

/* --- reasons ---------------------------------------------------------------
 */

static const char *
in_words(const struct teller *t, const struct explained_boot *b,
    const struct evlog_event *ev)
{
	size_t i = ev->index;
	unsigned bound = b->replay ? b->replay->events[i].bound : 0;
	const char *text = uefi_explain(b->log, i, bound, t->lang, t->a);

	return *text ? text : uefi_describe(ev, t->a);
}

static bool
begins(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The event of the boot log that the reason names, or NULL. */
static const struct evlog_event *
event_of(const struct explained *x, const struct reason *r)
{
	if (!x->now.log || r->event < 0 ||
	    !begins(r->path, "eventlog.events[") ||
	    (uint64_t)r->event >= x->now.log->events_n)
		return NULL;
	return &x->now.log->events[r->event];
}

static void
put_number(struct jw *w, const char *key, int64_t n)
{
	jw_key(w, key);
	if (n < 0)
		jw_null(w);
	else
		jw_i64(w, n);
}

static void
put_reason(const struct teller *t, size_t i)
{
	const struct reason *r = &t->x->reasons[i];
	const struct evlog_event *ev = event_of(t->x, r);
	struct jw *w = t->w;

	jw_object(w);
	jw_kstr(w, "code", err_name(r->code));
	jw_kstr(w, "class", err_class_name(r->code));
	jw_kstr(w, "effect", effect_name(r->effect));
	jw_kstr(w, "text", err_sentence(r->code, t->lang));
	jw_kstr(w, "message", r->message);
	jw_kstr(w, "layer", layer_name(r->layer));
	put_number(w, "pcr", r->pcr);
	put_number(w, "event", r->event);
	jw_kstr(w, "event_type", r->event_type);
	jw_kstr(w, "event_in_words", ev ? in_words(t, &t->x->now, ev) : NULL);
	jw_kstr(w, "path", r->path);
	jw_kstr(w, "expected", r->expected);
	jw_kstr(w, "found", r->found);
	jw_kstr(w, "rule", r->rule);
	jw_kstr(w, "source", policy_source(t->x->policy, r->rule));
	if (t->x->ima_known && begins(r->path, "ima.entries["))
		jw_kstr(w, "then", t->x->ima_then[i]);
	verdict_emit_waiver(r, w);
	jw_object_end(w);
}

static void
put_reasons(const struct teller *t)
{
	jw_key(t->w, "reasons");
	jw_array(t->w);
	for (size_t i = 0; i < t->x->reasons_n; i++)
		put_reason(t, i);
	jw_array_end(t->w);
	jw_ku64(t->w, "reasons_dropped", t->x->dropped);
}

/* --- cause, steps -----------------------------------------------------------
 */

static void
put_cause(const struct teller *t)
{
	const struct cause *c = &t->cause;
	struct jw *w = t->w;

	jw_key(w, "cause");
	if (t->x->reasons_n == 0) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kstr(w, "id", cause_name(c->id));
	jw_kstr(w, "title", cause_title(c->id, t->lang));
	jw_kstr(w, "detail", *c->detail ? c->detail : NULL);
	jw_kstr(w, "text", cause_sentence(c->id, t->lang));
	jw_kstr(w, "rule", cause_rule(c->id, t->lang));
	jw_ku64(w, "reason", c->reason);
	jw_key(w, "also");
	jw_array(w);
	for (int id = 0; id < CAUSE_COUNT; id++) {
		if (!(c->also & UINT32_C(1) << id))
			continue;
		jw_object(w);
		jw_kstr(w, "id", cause_name((enum cause_id)id));
		jw_kstr(w, "title", cause_title((enum cause_id)id, t->lang));
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

static void
put_next(const struct teller *t)
{
	const struct cause_names names = {
	    .node = t->x->node,
	    .verdict = t->x->verdict,
	    .policy = t->x->policy_name,
	};
	struct cause_step step[CAUSE_STEPS];
	size_t n = 0;

	if (t->x->reasons_n)
		n = cause_steps(t->cause.id, &names, t->lang, t->a, step);
	else if (t->x->node_code == ERR_NODE_HELD &&
		 cause_step_clear(&names, t->lang, t->a, step))
		n = 1;
	jw_key(t->w, "next");
	jw_array(t->w);
	for (size_t i = 0; i < n; i++) {
		jw_object(t->w);
		jw_kstr(t->w, "text", step[i].text);
		jw_kstr(t->w, "command", step[i].command);
		jw_object_end(t->w);
	}
	jw_array_end(t->w);
}

/* --- past, others ------------------------------------------------------------
 */

static void
put_first(const struct teller *t)
{
	const struct explained *x = t->x;

	jw_key(t->w, "first_seen");
	if (!x->first.id) {
		jw_null(t->w);
		return;
	}
	jw_object(t->w);
	jw_kstr(t->w, "verdict", x->first.id);
	jw_ktime(t->w, "at", x->first.at);
	jw_kbool(t->w, "or_earlier", x->first_bounded);
	jw_object_end(t->w);
}

static void
put_others(const struct teller *t)
{
	jw_key(t->w, "other_nodes");
	if (!t->x->others_known) {
		jw_null(t->w);
		return;
	}
	jw_object(t->w);
	jw_ku64(t->w, "count", t->x->others);
	jw_kbool(t->w, "at_least", t->x->others_bounded);
	jw_object_end(t->w);
}

static void
put_side(const struct teller *t, const char *key,
    const struct explained_boot *b, const struct evlog_event *ev)
{
	jw_kstr(t->w, key, ev ? in_words(t, b, ev) : NULL);
}

/* Digests in the first bank of a log beside the words: events that say the same
 * may still have measured something else. */
static void
put_digest(const struct teller *t, const char *key,
    const struct explained_boot *b, const struct evlog_event *ev)
{
	size_t i = 0;

	while (ev && i + 1 < b->log->algs_n && b->log->algs[i].id == ALG_SHA1)
		i++;
	const uint8_t *digest = ev ? ev->digests[i] : NULL;
	const struct hash_alg *alg = ev ? b->log->algs[i].known : NULL;
	char *hex =
	    digest && alg ? hex_string(t->a, span_of(digest, alg->size)) : NULL;
	jw_kstr(t->w, key,
	    hex ? arena_printf(t->a, "%s:%s", alg->name, hex) : NULL);
}

static void
put_change(const struct teller *t, const struct boot_change *c)
{
	const struct evlog_event *any = c->now ? c->now : c->then;
	const char *type = evlog_type_name(any->type);
	const struct explained_boot *then = &t->x->then, *now = &t->x->now;

	jw_object(t->w);
	jw_ku64(t->w, "pcr", c->pcr);
	put_number(t->w, "event", c->now ? (int64_t)c->now->index : -1);
	jw_kstr(t->w, "type",
	    type ? type : arena_printf(t->a, "0x%08x", any->type));
	put_side(t, "then", then, c->then);
	put_side(t, "now", now, c->now);
	put_digest(t, "then_digest", then, c->then);
	put_digest(t, "now_digest", now, c->now);
	jw_object_end(t->w);
}

static void
put_changes(const struct teller *t)
{
	jw_kstr(t->w, "log", t->diff ? "compared" : "not kept");
	jw_key(t->w, "changes");
	jw_array(t->w);
	for (size_t i = 0; t->diff && i < t->diff->n; i++)
		put_change(t, &t->diff->change[i]);
	jw_array_end(t->w);
	jw_ku64(t->w, "more_changes", t->diff ? t->diff->more : 0);
}

static void
put_good(const struct teller *t, bool all)
{
	jw_key(t->w, "last_good");
	if (!t->x->good_given) {
		jw_null(t->w);
		return;
	}
	jw_object(t->w);
	jw_kstr(t->w, "verdict", t->x->good.id);
	if (t->x->good.at)
		jw_ktime(t->w, "at", t->x->good.at);
	if (all)
		put_changes(t);
	jw_object_end(t->w);
}

/* --- comparison
 * ---------------------------------------------------------------
 */

/* Path of the file that a reason is about: behind the digest in "found". */
static const char *
file_of(const struct reason *r)
{
	const char *space = begins(r->path, "ima.entries[") && r->found
				? strchr(r->found, ' ')
				: NULL;

	return space ? space + 1 : NULL;
}

void
explained_files(const struct reason *reasons, size_t n, struct span list,
    bool big_endian, struct arena *a, const char **then)
{
	struct ima_reader in = ima_over_as(list, 0, big_endian);
	struct ima_entry entry;
	struct err e;
	bool more = true;

	while (rc_ok(ima_next(&in, &entry, &more, &e)) && more)
		for (size_t i = 0; i < n; i++) {
			const char *file = file_of(&reasons[i]);
			if (!file || !span_eq(entry.path, span_str(file)))
				continue;
			const char *hex = hex_string(a, entry.digest);
			then[i] = arena_printf(a, "%.*s:%s",
			    (int)entry.digest_alg.n,
			    (const char *)entry.digest_alg.p, hex ? hex : "");
		}
}

/* The value that a reason found follows from the boot log alone. */
static bool
follows(const struct explained_boot *b, const struct reason *r)
{
	if (!r->found || !b->replay)
		return false;
	for (size_t i = 0; i < b->replay->banks.n; i++) {
		const struct bank *bank = &b->replay->banks.bank[i];
		const struct hash_alg *alg = hash_by_id(bank->alg);
		char hex[2 * HASH_MAX + 1];
		size_t n = strlen(alg->name);
		hex_emit(span_of(bank->pcr[r->pcr], alg->size), hex);
		if (strncmp(r->found, alg->name, n) == 0 &&
		    r->found[n] == ':' && strcmp(r->found + n + 1, hex) == 0)
			return true;
	}
	return false;
}

/* What the reason finds was so in the last good boot: the file had this digest,
 * or nothing that the log tells of the PCR differs. */
static bool
was_so(const struct teller *t, size_t i)
{
	const struct reason *r = &t->x->reasons[i];

	if (file_of(r)) {
		const char *then = t->x->ima_known ? t->x->ima_then[i] : NULL;
		return then && begins(r->found, then) &&
		       r->found[strlen(then)] == ' ';
	}
	if (!t->diff || r->pcr < 0 || r->pcr >= LIMIT_PCRS)
		return false;
	return !(t->diff->pcrs & UINT32_C(1) << r->pcr) &&
	       (begins(r->path, "eventlog.") || follows(&t->x->now, r));
}

static rc
compare(struct teller *t, struct err *e)
{
	const struct explained *x = t->x;
	bool *before = arena_array(t->a, x->reasons_n, sizeof(*before));
	struct boot_diff *diff = NULL;

	if (x->now.log && x->then.log) {
		diff = arena_alloc(t->a, sizeof(*diff));
		if (!diff)
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
		TRY(boot_diff(x->then.log, x->now.log, t->a, diff, e));
	}
	if (!before)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	t->diff = diff;
	for (size_t i = 0; i < x->reasons_n; i++)
		before[i] = was_so(t, i);
	const struct cause_facts facts = {
	    .reasons_n = x->reasons_n,
	    .reasons = x->reasons,
	    .log = x->now.log,
	    .diff = diff,
	    .as_before = before,
	};
	t->cause = cause_of(&facts, t->a);
	return RC_OK;
}

rc
explained_reason(
    const struct explained *x, struct arena *a, size_t *out, struct err *e)
{
	struct teller t = {.x = x, .a = a};

	TRY(compare(&t, e));
	*out = t.cause.reason;
	return RC_OK;
}

rc
explanation_emit(const struct explained *x, unsigned levels, const char *lang,
    struct arena *a, struct jw *w, struct err *e)
{
	struct teller t = {.x = x, .lang = lang, .a = a, .w = w};

	TRY(compare(&t, e));
	jw_kstr(w, "verdict", x->verdict);
	jw_kstr(w, "node", x->node);
	jw_kstr(w, "result", result_name(x->result));
	if (x->at)
		jw_ktime(w, "verified_at", x->at);
	jw_kstr(w, "node_code", x->node_code ? err_name(x->node_code) : NULL);
	jw_kstr(w, "lang", strcmp(lang, "ja") == 0 ? "ja" : "en");
	put_sentences(&t, levels);
	if (levels == EXPLAIN_MANAGEMENT)
		return RC_OK;
	jw_kstr(w, "policy", x->policy_name);
	if (x->policy_version)
		jw_ku64(w, "policy_version", x->policy_version);
	put_cause(&t);
	put_next(&t);
	jw_kbool(w, "past_known", x->past_known);
	put_first(&t);
	put_others(&t);
	put_reasons(&t);
	put_good(&t, (levels & EXPLAIN_ANALYST) != 0);
	return RC_OK;
}
