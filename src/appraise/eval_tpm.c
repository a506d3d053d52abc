/* SPDX-License-Identifier: Apache-2.0 */
/* Which TPM spoke, and what its clock, counters and firmware say, judged by
 * the policy's "tpm" or its defaults. */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "verify/rot.h"

#include <stdio.h>

struct scene {
	const struct policy *p;
	const struct tpm_rules *t;
	const struct tpm_facts *f;
	struct verdict *v;
	struct arena *a;
	bool maker_known;
	uint32_t maker;
	bool undecided; /* a rule could not be judged */
};

/* --- reasons -------------------------------------------------------------- */

/* EFF_NONE: the policy lets it pass. */
static void
violate(struct scene *s, enum check_id check, const struct reason *r,
    enum err_effect effect)
{
	if (effect == EFF_NONE)
		return;
	verdict_add(s->v, r, effect);
	verdict_check(s->v, check, CHECK_FAILED);
}

static struct reason
reason_of(enum err_code code, const char *path, const char *rule)
{
	struct reason r = REASON(code, LAYER_NONE);

	r.path = path;
	r.rule = rule;
	return r;
}

/* A rule whose effect a member of "tpm" sets. */
static void
violate_by(
    struct scene *s, enum check_id check, struct reason *r, enum tpm_effect by)
{
	r->rule = arena_printf(s->a, "tpm.%s", tpm_effect_name(by));
	violate(s, check, r, s->t->effect[by]);
}

static const char *
text_of_firmware(struct arena *a, uint64_t version)
{
	char text[FIRMWARE_TEXT];

	firmware_emit(version, text);
	return arena_printf(a, "%s", text);
}

static const char *
text_of_words(struct arena *a, const char *const *words, size_t n)
{
	const char *all = n ? words[0] : "";

	for (size_t i = 1; i < n && all; i++)
		all = arena_printf(a, "%s, %s", all, words[i]);
	return all;
}

/* --- who it is ------------------------------------------------------------ */

/* A rule that needs to know what nothing proves: no result. */
static void
unidentified(struct scene *s, const char *path, const char *rule)
{
	struct reason r = reason_of(ERR_TPM_UNIDENTIFIED, path, rule);

	verdict_add(s->v, &r, EFF_NONE);
	s->undecided = true;
}

static void
eval_class(struct scene *s)
{
	const char *names[ROT_CLASSES];
	size_t n = 0;

	if (s->t->classes == 0 || s->t->classes & 1u << s->f->rot)
		return;
	for (int c = 0; c < ROT_CLASSES; c++)
		if (s->t->classes & 1u << c)
			names[n++] = rot_class_name((enum rot_class)c);
	struct reason r = reason_of(ERR_TPM_CLASS, "ek", "tpm.classes");
	r.expected = text_of_words(s->a, names, n);
	r.found = rot_class_name(s->f->rot);
	violate(s, CHECK_POLICY_TPM, &r, EFF_FAIL);
}

static void
eval_maker(struct scene *s)
{
	const struct tpm_rules *t = s->t;

	if (t->makers_n == 0)
		return;
	if (!s->maker_known) {
		unidentified(s, "ek", "tpm.manufacturers");
		return;
	}
	for (size_t i = 0; i < t->makers_n; i++)
		if (t->makers[i] == s->maker)
			return;
	const char *name = maker_name(s->maker);
	struct reason r = reason_of(
	    ERR_TPM_MANUFACTURER, "ekcert.subjectAltName", "tpm.manufacturers");
	r.found =
	    name ? arena_printf(s->a, "%s (id:%08X)", name, (unsigned)s->maker)
		 : arena_printf(s->a, "id:%08X", (unsigned)s->maker);
	violate(s, CHECK_POLICY_TPM, &r, EFF_FAIL);
}

static bool
among(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (word && strcmp(words[i], word) == 0)
			return true;
	return n == 0;
}

static void
eval_keys(struct scene *s)
{
	const struct tpm_rules *t = s->t;
	const struct hash_alg *hash = hash_by_id(s->f->hash);
	struct reason r = reason_of(ERR_TPM_KEY, "ak", "tpm.keys");

	if (!among(t->keys, t->keys_n, s->f->ak_alg)) {
		r.expected = text_of_words(s->a, t->keys, t->keys_n);
		r.found = s->f->ak_alg;
		violate(s, CHECK_POLICY_TPM, &r, EFF_FAIL);
	}
	if (!among(t->hashes, t->hashes_n, hash ? hash->name : NULL)) {
		r.path = "signature.hash";
		r.rule = "tpm.hashes";
		r.expected = text_of_words(s->a, t->hashes, t->hashes_n);
		r.found = hash ? hash->name : NULL;
		violate(s, CHECK_POLICY_TPM, &r, EFF_FAIL);
	}
}

/* --- firmware ------------------------------------------------------------- */

static void
eval_minimum(struct scene *s, const struct firmware_rule *rule, size_t i)
{
	struct reason r = reason_of(ERR_TPM_FIRMWARE, "quote.firmwareVersion",
	    arena_printf(s->a, "tpm.firmware[%zu]", i));

	if (rule->maker != s->maker || s->f->quote->firmware >= rule->min)
		return;
	r.expected = arena_printf(
	    s->a, "%s or later", text_of_firmware(s->a, rule->min));
	r.found = text_of_firmware(s->a, s->f->quote->firmware);
	violate(s, CHECK_POLICY_TPM, &r, EFF_FAIL);
}

static void
eval_advisories(struct scene *s)
{
	const struct advisory *a;

	for (size_t i = 0; (a = advisory_at(i)); i++) {
		enum tpm_effect by =
		    a->physical ? TPM_PHYSICAL_ADVISORIES : TPM_ADVISORIES;
		if (!advisory_hits(a, s->maker, s->f->quote->firmware) ||
		    (s->t->accepted_n &&
			among(s->t->accepted, s->t->accepted_n, a->id)))
			continue;
		struct reason r =
		    reason_of(ERR_TPM_ADVISORY, "quote.firmwareVersion", NULL);
		r.message = arena_printf(
		    s->a, "%s: %s; see %s.", a->id, a->what, a->source);
		r.expected = arena_printf(
		    s->a, "%s or later", text_of_firmware(s->a, a->fixed));
		r.found = text_of_firmware(s->a, s->f->quote->firmware);
		/* A code counts once per place: each flaw is one. */
		r.path =
		    arena_printf(s->a, "quote.firmwareVersion (%s)", a->id);
		violate_by(s, CHECK_POLICY_TPM, &r, by);
	}
}

/* Keys outside the endorsement hierarchy show a veiled version (TPM 2.0 Part
 * 3, 18.1), so that only a quote whose signer is proved is believed. */
static void
eval_firmware(struct scene *s)
{
	const struct tpm_clock *before = s->f->before;
	bool known = s->maker_known && s->f->signer_proved;

	if (s->t->firmware_n && !known)
		unidentified(s, "quote.firmwareVersion", "tpm.firmware");
	for (size_t i = 0; known && i < s->t->firmware_n; i++)
		eval_minimum(s, &s->t->firmware[i], i);
	if (known)
		eval_advisories(s);
	if (!before || !before->known ||
	    s->f->quote->firmware >= before->firmware)
		return;
	struct reason r =
	    reason_of(ERR_TPM_FIRMWARE, "quote.firmwareVersion", NULL);
	r.message = "The TPM's firmware is older than what was seen before.";
	r.expected = arena_printf(
	    s->a, "%s or later", text_of_firmware(s->a, before->firmware));
	r.found = text_of_firmware(s->a, s->f->quote->firmware);
	violate_by(s, CHECK_POLICY_TPM, &r, TPM_FIRMWARE_DOWNGRADE);
}

/* --- what is remembered --------------------------------------------------- */

static void
eval_resets(struct scene *s)
{
	const struct tpm_clock *b = s->f->before;
	const struct tpm_quote *q = s->f->quote;
	bool reset, restart;

	if (!b || !b->known)
		return;
	reset = q->reset_count != b->reset_count;
	restart = q->restart_count != b->restart_count;
	if (!reset && !restart)
		return;
	struct reason r = reason_of(ERR_TPM_RESET, "quote.clockInfo", NULL);
	r.expected = arena_printf(s->a, "resetCount %u, restartCount %u",
	    b->reset_count, b->restart_count);
	r.found = arena_printf(s->a, "resetCount %u, restartCount %u",
	    q->reset_count, q->restart_count);
	violate_by(s, CHECK_POLICY_TPM, &r, reset ? TPM_RESET : TPM_RESTART);
}

static void
eval_unsafe(struct scene *s)
{
	struct reason r =
	    reason_of(ERR_QUOTE_CLOCK_UNSAFE, "quote.clockInfo.safe", NULL);

	if (!s->f->quote->safe)
		violate_by(s, CHECK_POLICY_TPM, &r, TPM_CLOCK_UNSAFE);
}

static void
eval_pace(struct scene *s)
{
	const struct pace *pace = s->f->pace;
	struct reason r = reason_of(ERR_QUOTE_PACE, "quote.clockInfo", NULL);
	long long seconds = (long long)(pace->off / TIME_S);

	if (pace->state == PACE_AHEAD)
		r.message = arena_printf(s->a,
		    "The TPM's clock counted at least %lld s more than have "
		    "passed: it was set forward, or this is another copy of "
		    "its state.",
		    seconds);
	if (pace->state == PACE_BEHIND)
		r.message = arena_printf(s->a,
		    "The TPM's clock counted at least %lld s less than have "
		    "passed: the machine was paused, or this is another copy "
		    "of its state.",
		    seconds);
	if (pace->state == PACE_AHEAD || pace->state == PACE_BEHIND)
		violate_by(s, CHECK_QUOTE_FRESHNESS, &r, TPM_CLOCK_PACE);
	if (pace->state != PACE_GOOD || pace->late <= s->t->max_delay)
		return;
	r = reason_of(ERR_QUOTE_DELAYED, "quote.clockInfo.clock", NULL);
	r.expected = arena_printf(s->a, "at most %lld s before it arrived",
	    (long long)(s->t->max_delay / TIME_S));
	r.found = arena_printf(
	    s->a, "at least %lld s", (long long)(pace->late / TIME_S));
	violate_by(s, CHECK_QUOTE_FRESHNESS, &r, TPM_DELAYED);
}

static void
eval_freshness(struct scene *s)
{
	eval_pace(s);
	verdict_check(s->v, CHECK_QUOTE_FRESHNESS,
	    s->f->pace->state == PACE_UNKNOWN ? CHECK_NOT_REQUIRED
					      : CHECK_PASSED);
}

/* A boot has one log: firmware and loader are long done when it is sent. */
static void
eval_log(struct scene *s)
{
	const struct tpm_clock *b = s->f->before;
	bool same = s->f->log_before && s->f->log && b && b->known &&
		    s->f->quote->reset_count == b->reset_count &&
		    s->f->quote->restart_count == b->restart_count;

	if (same && memcmp(s->f->log_before, s->f->log, 32) != 0) {
		struct reason r =
		    reason_of(ERR_LOG_INCONSISTENT_BOOT, "eventlog", NULL);
		r.layer = LAYER_FIRMWARE;
		r.expected = hex_string(s->a, span_of(s->f->log_before, 32));
		r.found = hex_string(s->a, span_of(s->f->log, 32));
		violate_by(s, CHECK_LOG_BOOT, &r, TPM_LOG_CHANGE);
	}
	verdict_check(
	    s->v, CHECK_LOG_BOOT, same ? CHECK_PASSED : CHECK_NOT_REQUIRED);
}

/* --- dynamic launch ------------------------------------------------------- */

/* PCR 17 to 22 are all ones until a dynamic launch sets them to zero and
 * measures (PC Client PTP): any other value wants an explanation. */
static void
eval_dynamic(struct scene *s)
{
	const struct banks *values = s->f->values;

	for (size_t i = 0; values && i < values->n; i++) {
		const struct bank *b = &values->bank[i];
		const struct hash_alg *alg = hash_by_id(b->alg);
		uint32_t quoted =
		    pcr_selections_mask(&s->f->quote->selection, b->alg);
		for (unsigned pcr = 17; alg && pcr <= 22; pcr++) {
			struct span v = span_of(b->pcr[pcr], alg->size);
			if (!(quoted & 1u << pcr) || span_all(v, 0x00) ||
			    span_all(v, 0xff) ||
			    s->p->pcr[pcr].kind != PCR_UNRULED)
				continue;
			struct reason r = reason_of(ERR_BOOT_DYNAMIC,
			    arena_printf(s->a, "pcrs.%s[%u]", alg->name, pcr),
			    NULL);
			r.pcr = (int)pcr;
			r.layer = LAYER_OS;
			r.found = hex_string(s->a, v);
			violate_by(s, CHECK_POLICY_TPM, &r, TPM_DYNAMIC_LAUNCH);
		}
	}
}

void
policy_eval_tpm(
    const struct policy *p, const struct tpm_facts *f, struct verdict *v)
{
	struct scene s = {.p = p, .t = &p->tpm, .f = f, .v = v, .a = v->arena};

	s.maker_known =
	    f->manufacturer && maker_parse(span_str(f->manufacturer), &s.maker);
	eval_class(&s);
	eval_maker(&s);
	eval_keys(&s);
	eval_firmware(&s);
	eval_resets(&s);
	eval_unsafe(&s);
	eval_dynamic(&s);
	eval_freshness(&s);
	eval_log(&s);
	if (!s.undecided)
		verdict_check(v, CHECK_POLICY_TPM, CHECK_PASSED);
}
