/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/rules.h"

#include "appraise/limits.h"
#include "base/text.h"

/* --- names ---------------------------------------------------------------- */

static const char *const layer_names[] = {
    [LAYER_FIRMWARE] = "firmware",
    [LAYER_BOOTLOADER] = "bootloader",
    [LAYER_OS] = "os",
    [LAYER_MIDDLEWARE] = "middleware",
};

const char *
layer_name(enum layer l)
{
	return layer_names[l];
}

enum layer
layer_by_name(const char *name)
{
	for (int l = LAYER_FIRMWARE; name && l <= LAYER_MIDDLEWARE; l++)
		if (strcmp(layer_names[l], name) == 0)
			return (enum layer)l;
	return LAYER_NONE;
}

enum layer
layer_of_pcr(unsigned pcr)
{
	if (pcr <= 3 || pcr == 6 || pcr == 7)
		return LAYER_FIRMWARE;
	if (pcr == 4 || pcr == 5 || pcr == 8 || pcr == 14)
		return LAYER_BOOTLOADER;
	return LAYER_OS;
}

const char *
result_name(enum result r)
{
	static const char *const names[] = {
	    [RESULT_NONE] = "unknown",
	    [RESULT_PASS] = "pass",
	    [RESULT_WARN] = "warn",
	    [RESULT_FAIL] = "fail",
	    [RESULT_REJECT] = "reject",
	};

	return names[r];
}

const char *
check_name(enum check_id id)
{
	static const char *const names[] = {
#define X(id, name) [CHECK_##id] = name,
	    CHECK_TABLE
#undef X
	};

	return names[id];
}

const char *
check_state_name(enum check_state s)
{
	static const char *const names[] = {
	    [CHECK_NOT_RUN] = "not_run",
	    [CHECK_PASSED] = "passed",
	    [CHECK_FAILED] = "failed",
	    [CHECK_NOT_APPLICABLE] = "not_applicable",
	    [CHECK_NOT_REQUIRED] = "not_required",
	};

	return names[s];
}

/* --- reasons -------------------------------------------------------------- */

/* Indeterminate is graver than a warning and lighter than a violation that
 * was seen. */
static int
gravity(enum err_effect effect)
{
	static const int rank[] = {
	    [EFF_NONE] = 0,
	    [EFF_WARN] = 1,
	    [EFF_UNKNOWN] = 2,
	    [EFF_FAIL] = 3,
	    [EFF_REJECT] = 4,
	};

	return rank[effect];
}

void
verdict_init(struct verdict *v, struct arena *a)
{
	memset(v, 0, sizeof(*v));
	v->arena = a;
}

static const char *
keep(struct arena *a, const char *s)
{
	return s ? arena_printf(a, "%s", s) : NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
listed(const struct verdict *v, const struct reason *r)
{
	for (size_t i = 0; i < v->reasons_n; i++) {
		const struct reason *have = &v->reasons[i];
		if (have->code == r->code && have->pcr == r->pcr &&
		    have->event == r->event && same_text(have->path, r->path))
			return true;
	}
	return false;
}

/* Make room for a reason of this effect: drop the last lighter one. */
static bool
room_for(struct verdict *v, enum err_effect effect)
{
	if (v->reasons_n < LIMIT_REASONS)
		return true;
	v->reasons_dropped++;
	size_t i = v->reasons_n;
	while (i > 0 && gravity(v->reasons[i - 1].effect) >= gravity(effect))
		i--;
	if (i == 0)
		return false;
	for (; i < v->reasons_n; i++)
		v->reasons[i - 1] = v->reasons[i];
	v->reasons_n--;
	return true;
}

/* What a reason counts here. */
static enum err_effect
weigh(const struct verdict *v, struct reason *r, enum err_effect effect)
{
	if (effect == EFF_NONE && !r->by_rule)
		effect = err_effect(r->code);
	return v->weighing ? policy_weigh(v->weighing, v->now, r, effect)
			   : effect;
}

bool
verdict_full(
    const struct verdict *v, enum err_code code, enum err_effect effect)
{
	struct reason r = REASON(code, LAYER_NONE);

	if (v->reasons_n < LIMIT_REASONS)
		return false;
	effect = weigh(v, &r, effect);
	for (size_t i = 0; i < v->reasons_n; i++)
		if (gravity(v->reasons[i].effect) < gravity(effect))
			return false;
	return true;
}

/* A waiver that cannot be named in the verdict is none. */
static enum err_effect
keep_waiver(struct verdict *v, struct reason *r, enum err_effect effect)
{
	const struct waiver_note *from = r->waiver;
	struct waiver_note *own;

	if (!from)
		return effect;
	own = arena_alloc(v->arena, sizeof(*own));
	if (own)
		*own = (struct waiver_note){keep(v->arena, from->owner),
		    keep(v->arena, from->approver),
		    keep(v->arena, from->reason), from->expires};
	r->waiver = own;
	if (!own || !own->owner || !own->approver || !own->reason) {
		r->waiver = NULL;
		return EFF_FAIL;
	}
	if (!v->waived_until || own->expires < v->waived_until)
		v->waived_until = own->expires;
	return effect;
}

enum err_effect
verdict_add(struct verdict *v, const struct reason *r, enum err_effect effect)
{
	struct reason own = *r;

	effect = keep_waiver(v, &own, weigh(v, &own, effect));
	if (gravity(effect) > gravity(v->worst))
		v->worst = effect;
	if (listed(v, r) || !room_for(v, effect))
		return effect;
	struct reason *to = &v->reasons[v->reasons_n++];
	*to = own;
	to->effect = effect;
	to->file = span_of(NULL, 0);
	to->digest = NULL;
	to->path = keep(v->arena, r->path);
	to->message = keep(v->arena, r->message);
	if (!to->message || !*to->message)
		to->message = err_sentence(r->code, "en");
	to->expected = keep(v->arena, r->expected);
	to->found = keep(v->arena, r->found);
	to->event_type = keep(v->arena, r->event_type);
	to->rule = keep(v->arena, r->rule);
	return effect;
}

void
verdict_fail(struct verdict *v, enum check_id check, enum layer layer,
    const struct err *e)
{
	struct reason r = REASON(e->code, layer);

	r.path = e->path;
	r.message = e->text;
	verdict_check(v, check,
	    verdict_add(v, &r, EFF_NONE) == EFF_NONE &&
		    err_effect(e->code) != EFF_NONE
		? CHECK_PASSED
		: CHECK_FAILED);
}

void
verdict_check(struct verdict *v, enum check_id check, enum check_state s)
{
	if (v->checks[check] != CHECK_FAILED)
		v->checks[check] = s;
}

void
verdict_quirk(struct verdict *v, const char *name)
{
	for (size_t i = 0; i < v->quirks_n; i++)
		if (strcmp(v->quirks[i], name) == 0)
			return;
	const char *own = keep(v->arena, name);
	if (own && v->quirks_n < sizeof(v->quirks) / sizeof(v->quirks[0]))
		v->quirks[v->quirks_n++] = own;
}

/* --- folding -------------------------------------------------------------- */

static bool
any_check(const struct verdict *v, enum check_state s)
{
	for (int i = 0; i < CHECK_COUNT; i++)
		if (v->checks[i] == s)
			return true;
	return false;
}

static enum result
fold(const struct verdict *v)
{
	if (v->worst == EFF_REJECT)
		return RESULT_REJECT;
	if (v->worst == EFF_FAIL)
		return RESULT_FAIL;
	if (v->worst == EFF_UNKNOWN || any_check(v, CHECK_NOT_RUN))
		return RESULT_NONE;
	if (v->worst == EFF_WARN)
		return RESULT_WARN;
	/* A failure that nobody explained is not a pass. */
	return any_check(v, CHECK_FAILED) ? RESULT_NONE : RESULT_PASS;
}

/* A layer has a result where a rule covers it and came to an end. */
static enum result
fold_layer(const struct verdict *v, enum layer l)
{
	enum check_state by =
	    v->checks[l == LAYER_MIDDLEWARE ? CHECK_POLICY_IMA
					    : CHECK_POLICY_BOOT];
	bool ended = by == CHECK_PASSED || by == CHECK_FAILED;
	enum result out =
	    ended && v->layer_judged[l] ? RESULT_PASS : RESULT_NONE;

	for (size_t i = 0; i < v->reasons_n; i++) {
		if (v->reasons[i].layer != l)
			continue;
		if (v->reasons[i].effect == EFF_FAIL)
			return RESULT_FAIL;
		if (v->reasons[i].effect == EFF_WARN && out == RESULT_PASS)
			out = RESULT_WARN;
	}
	return out;
}

/* The gravest reasons first, else in the order in which they were found. */
static void
sort_reasons(struct verdict *v)
{
	for (size_t i = 1; i < v->reasons_n; i++) {
		struct reason r = v->reasons[i];
		size_t j = i;
		for (; j > 0 &&
		       gravity(v->reasons[j - 1].effect) < gravity(r.effect);
		     j--)
			v->reasons[j] = v->reasons[j - 1];
		v->reasons[j] = r;
	}
}

void
verdict_fold(struct verdict *v)
{
	bool judged;

	sort_reasons(v);
	v->result = fold(v);
	judged = v->result != RESULT_REJECT && v->result != RESULT_NONE;
	for (int l = LAYER_FIRMWARE; l <= LAYER_MIDDLEWARE; l++)
		v->layer_result[l] =
		    judged ? fold_layer(v, (enum layer)l) : RESULT_NONE;
}

/* --- out ------------------------------------------------------------------ */

static void
emit_where(const struct reason *r, struct jw *w)
{
	jw_key(w, "pcr");
	if (r->pcr >= 0)
		jw_u64(w, (uint64_t)r->pcr);
	else
		jw_null(w);
	jw_key(w, "event");
	if (r->event >= 0)
		jw_u64(w, (uint64_t)r->event);
	else
		jw_null(w);
	jw_kstr(w, "event_type", r->event_type);
	jw_kstr(w, "rule", r->rule);
}

const char *
effect_name(enum err_effect e)
{
	static const char *const names[] = {
	    [EFF_NONE] = "info",
	    [EFF_WARN] = "warn",
	    [EFF_FAIL] = "fail",
	    [EFF_REJECT] = "reject",
	    [EFF_UNKNOWN] = "unknown",
	};

	return names[e];
}

void
verdict_emit_waiver(const struct reason *r, struct jw *w)
{
	if (!r->waiver)
		return;
	jw_key(w, "waiver");
	jw_object(w);
	jw_kstr(w, "approver", r->waiver->approver);
	jw_ktime(w, "expires", r->waiver->expires);
	jw_kstr(w, "owner", r->waiver->owner);
	jw_kstr(w, "reason", r->waiver->reason);
	jw_object_end(w);
}

static void
emit_reason(const struct reason *r, struct jw *w)
{
	jw_object(w);
	jw_kstr(w, "code", err_name(r->code));
	jw_kstr(w, "class", err_class_name(r->code));
	jw_kstr(w, "layer", layer_name(r->layer));
	jw_kstr(w, "path", r->path);
	jw_kstr(w, "message", r->message);
	jw_kstr(w, "expected", r->expected);
	jw_kstr(w, "found", r->found);
	emit_where(r, w);
	jw_kstr(w, "effect", effect_name(r->effect));
	verdict_emit_waiver(r, w);
	jw_object_end(w);
}

static void
emit_bank(const struct bank *b, const struct hash_alg *alg, struct jw *w)
{
	jw_key(w, alg->name);
	jw_object(w);
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		char name[4];
		if (!(b->touched & 1u << i))
			continue;
		name[0] = (char)('0' + i / 10);
		name[1] = (char)('0' + i % 10);
		name[2] = '\0';
		jw_khex(
		    w, i < 10 ? name + 1 : name, span_of(b->pcr[i], alg->size));
	}
	jw_object_end(w);
}

static void
emit_pcrs(const struct banks *b, struct jw *w)
{
	jw_key(w, "pcrs");
	jw_object(w);
	for (size_t i = 0; i < b->n; i++) {
		const struct hash_alg *alg = hash_by_id(b->bank[i].alg);
		if (alg)
			emit_bank(&b->bank[i], alg, w);
	}
	jw_object_end(w);
}

static void
emit_policy(const struct verdict *v, struct jw *w)
{
	jw_key(w, "policy");
	if (!v->policy_name) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kstr(w, "name", v->policy_name);
	jw_khex(w, "hash", span_of(v->policy_hash, sizeof(v->policy_hash)));
	jw_kstr(w, "mode", v->policy_mode);
	jw_object_end(w);
}

void
verdict_emit(const struct verdict *v, struct jw *w)
{
	jw_kstr(w, "result", result_name(v->result));
	jw_key(w, "reasons");
	jw_array(w);
	for (size_t i = 0; i < v->reasons_n; i++)
		emit_reason(&v->reasons[i], w);
	jw_array_end(w);
	if (v->reasons_dropped)
		jw_ku64(w, "reasons_dropped", v->reasons_dropped);
	emit_pcrs(&v->pcrs, w);
	jw_key(w, "checks");
	jw_array(w);
	for (int i = 0; i < CHECK_COUNT; i++) {
		jw_object(w);
		jw_kstr(w, "id", check_name((enum check_id)i));
		jw_kstr(w, "state", check_state_name(v->checks[i]));
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_key(w, "quirks");
	jw_array(w);
	for (size_t i = 0; i < v->quirks_n; i++)
		jw_str(w, v->quirks[i]);
	jw_array_end(w);
	jw_kstr(w, "root_of_trust", rot_class_name(v->rot));
	limits_emit(v->rot, w);
	emit_policy(v, w);
}

/* --- text from evidence --------------------------------------------------- */

/* Bytes of a UTF-8 character that may stand in a line for people; 0 for
 * control bytes, broken sequences, and characters that reorder or hide text
 * (U+0080–9F, U+200B–200F, U+2028–202E, U+2060–206F, U+FEFF). */
static size_t
shown(const uint8_t *p, size_t left)
{
	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f && *p != '\\';
	size_t n = *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (n == 0 || n > left || *p > 0xf4)
		return 0;
	uint32_t c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	bool turns = (c >= 0x200b && c <= 0x200f) ||
		     (c >= 0x2028 && c <= 0x202e) ||
		     (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
	bool broken =
	    c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff);
	return turns || broken ? 0 : n;
}

const char *
verdict_printable(struct arena *a, struct span s)
{
	static const char digits[] = "0123456789abcdef";
	size_t room = s.n < 4096 ? s.n : 4096;
	char *out = arena_array(a, room + 1, 4);
	size_t n = 0;

	if (!out)
		return "";
	for (size_t i = 0; i < room;) {
		size_t take = shown(s.p + i, s.n - i);
		for (size_t k = 0; k < take; k++)
			out[n++] = (char)s.p[i + k];
		i += take;
		if (take)
			continue;
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = digits[s.p[i] >> 4];
		out[n++] = digits[s.p[i] & 15];
		i++;
	}
	out[n] = '\0';
	return out;
}
