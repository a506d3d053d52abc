/* SPDX-License-Identifier: Apache-2.0 */
/* The "pcrs" and "boot" members of a policy. */
#include "appraise/rules.h"

#include "base/text.h"

enum {
	EVENTS_MAX = 4096,   /* rules of one PCR; real logs have up to 200 */
	SEQUENCES_MAX = 256, /* of one group */
	ACCEPT_MAX = 1024,   /* alternatives of one rule */
	VALUES_MAX = 4096,   /* values of one PCR */
};

static rc
bounded_array(const json_t *obj, const char *path, const char *key, size_t max,
    const json_t **out, struct err *e)
{
	const json_t *got = NULL;

	TRY(json_get_array(obj, path, key, &got, e));
	if (json_array_size(got) > max)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.%s", path, key);
	*out = got;
	return RC_OK;
}

/* The index of a bank's name; -1 if it is none. */
static int
bank_named(const struct policy *p, const char *name)
{
	const struct hash_alg *alg = hash_by_name(span_str(name));

	return alg ? policy_bank(p, alg->id) : -1;
}

/* All banks that there are, in one order: the order of members says nothing in
 * JSON, so it must not show anywhere. */
static void
number_banks(struct policy *p)
{
	static const uint16_t algs[] = {ALG_SHA1, ALG_SHA256, ALG_SHA384,
	    ALG_SHA512, ALG_SM3_256, ALG_SHA3_256, ALG_SHA3_384, ALG_SHA3_512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		const struct hash_alg *alg = hash_by_id(algs[i]);
		if (alg && alg->bank)
			p->banks[p->banks_n++] = alg;
	}
}

/* --- golden values -------------------------------------------------------- */

static rc
decode_digest(struct policy *p, const json_t *obj, const char *path,
    const struct hash_alg *alg, const uint8_t **out, struct err *e)
{
	struct span text;
	uint8_t *digest = arena_alloc(&p->arena, alg->size);

	if (!digest)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	TRY(json_get_str(obj, path, alg->name, &text, e));
	bool lower = true;
	for (size_t i = 0; i < text.n; i++)
		lower = lower && !(text.p[i] >= 'A' && text.p[i] <= 'F');
	if (!lower || !rc_ok(hex_decode(text, digest, alg->size)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A digest is exactly as many lower-case hex digits as its "
		    "hash has.",
		    "%s.%s", path, alg->name);
	*out = digest;
	return RC_OK;
}

/* Members of a golden value: digests by bank name, text, source; "bound" and
 * "type" where it belongs to an event. */
static rc
decode_value(struct policy *p, const json_t *v, const char *path, bool event,
    struct golden_value *out, struct err *e)
{
	const char *key;
	json_t *member;
	size_t digests = 0;

	if (!json_is_object(v))
		return err_at(
		    e, ERR_JSON_TYPE, "An object is expected.", "%s", path);
	json_object_foreach((json_t *)(uintptr_t)v, key, member)
	{
		int bank = bank_named(p, key);
		if (bank >= 0) {
			TRY(decode_digest(
			    p, v, path, p->banks[bank], &out->digest[bank], e));
			digests++;
		} else if (strcmp(key, "text") != 0 &&
			   strcmp(key, "source") != 0 &&
			   (!event || (strcmp(key, "bound") != 0 &&
					  strcmp(key, "type") != 0))) {
			return err_at(
			    e, ERR_JSON_UNKNOWN, NULL, "%s.%.40s", path, key);
		}
	}
	if (!digests)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A golden value needs a digest of at least one bank.", "%s",
		    path);
	TRY(policy_string(p, v, path, "text", &out->text, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	if (!event)
		return RC_OK;
	out->typed = json_has(v, "type");
	if (out->typed)
		TRY(event_type_decode(v, path, &out->type, e));
	return policy_bool(v, path, "bound", &out->bound, e);
}

static rc
fill_values(struct policy *p, const json_t *list, const char *path, bool event,
    struct golden_value *out, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		char at[POLICY_PATH];
		policy_path(at, "%s[%zu]", path, i);
		TRY(decode_value(
		    p, json_array_get(list, i), at, event, &out[i], e));
	}
	return RC_OK;
}

rc
golden_values_decode(struct policy *p, const json_t *list, const char *path,
    struct golden_value *out, struct err *e)
{
	return fill_values(p, list, path, false, out, e);
}

rc
golden_value_hash(struct policy *p, struct hasher *h, struct span text,
    size_t nul, struct golden_value *out, struct err *e)
{
	static const uint8_t zeros[2] = {0, 0};

	for (size_t i = 0; i < p->selection.n; i++) {
		uint16_t alg = p->selection.bank[i].alg;
		int bank = policy_bank(p, alg);
		uint8_t *digest = arena_alloc(&p->arena, HASH_MAX);
		if (bank < 0)
			continue;
		if (!digest)
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
		rc r = hash_of2(h, alg, text, span_of(zeros, nul), digest);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "%s", "");
		out->digest[bank] = digest;
	}
	return RC_OK;
}

static rc
decode_values(struct policy *p, const json_t *list, const char *path,
    bool event, struct golden_value **out, struct err *e)
{
	size_t n = json_array_size(list);
	struct golden_value *values =
	    arena_array(&p->arena, n, sizeof(*values));

	if (!values)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	if (n == 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "An empty list of alternatives can never be met.", "%s",
		    path);
	TRY(fill_values(p, list, path, event, values, e));
	*out = values;
	return RC_OK;
}

/* --- event rules ---------------------------------------------------------- */

rc
event_type_decode(
    const json_t *rule, const char *path, uint32_t *out, struct err *e)
{
	const json_t *v = json_object_get(rule, "type");
	uint32_t type = UINT32_MAX;

	if (json_is_integer(v)) {
		uint64_t n = 0;
		TRY(json_get_u64(rule, path, "type", UINT32_MAX, &n, e));
		type = (uint32_t)n;
	} else {
		struct span name;
		TRY(json_get_str(rule, path, "type", &name, e));
		type = evlog_type_by_name(name);
		if (type == UINT32_MAX)
			return err_at(e, ERR_POLICY_FORMAT,
			    "There is no event type of this name.", "%s.type",
			    path);
	}
	if (type == EV_NO_ACTION || type == EV_UNUSED)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Events of this type are never measured (PC Client PFP "
		    "10.4.1).",
		    "%s.type", path);
	*out = type;
	return RC_OK;
}

/* "*" alone names no type: then nothing may depend on what the type means. */
static rc
decode_type(
    const json_t *v, const char *path, struct event_rule *out, struct err *e)
{
	const char *name = json_string_value(json_object_get(v, "type"));

	out->any_type = name && strcmp(name, "*") == 0;
	out->type = EV_UNUSED;
	return out->any_type ? RC_OK
			     : event_type_decode(v, path, &out->type, e);
}

static rc
check_any_type(const struct event_rule *r, const char *path, struct err *e)
{
	bool meant = r->repeat;

	for (size_t i = 0; i < r->n; i++)
		meant = meant || r->accept[i].bound || r->accept[i].typed;
	return r->any_type && meant
		   ? err_at(e, ERR_POLICY_FORMAT,
			 "Of any type (\"*\") is one event of a known digest: "
			 "name the type for \"repeat\", \"bound\" and "
			 "values of other types.",
			 "%s.type", path)
		   : RC_OK;
}

static rc
decode_rule(struct policy *p, const json_t *v, const char *path,
    struct event_rule *out, struct err *e)
{
	static const char *const known[] = {
	    "type", "layer", "severity", "optional", "repeat", "accept", NULL};
	const json_t *accept = NULL;
	const char *layer = NULL;
	char at[POLICY_PATH];

	TRY(json_only(v, path, known, e));
	TRY(decode_type(v, path, out, e));
	TRY(policy_string(p, v, path, "layer", &layer, e));
	out->layer = layer_by_name(layer);
	if (layer && out->layer == LAYER_NONE)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A layer is firmware, bootloader, os or middleware.",
		    "%s.layer", path);
	if (json_has(v, "severity"))
		TRY(severity_decode(v, path, "severity", &out->severity, e));
	TRY(policy_bool(v, path, "optional", &out->optional, e));
	TRY(policy_bool(v, path, "repeat", &out->repeat, e));
	TRY(bounded_array(v, path, "accept", ACCEPT_MAX, &accept, e));
	policy_path(at, "%s.accept", path);
	TRY(decode_values(p, accept, at, true, &out->accept, e));
	out->n = json_array_size(accept);
	return check_any_type(out, path, e);
}

/* --- sequences ------------------------------------------------------------ */

/* Rules and groups of a PCR on their way into it. */
struct filling {
	struct policy *p;
	struct pcr_rule *out;
	const char *path; /* of the PCR */
	size_t rules_max, groups_max;
};

static rc
add_rule(struct filling *f, const json_t *v, const char *where, struct err *e)
{
	char at[POLICY_PATH];

	policy_path(at, "%s.%s", f->path, where);
	if (f->out->n == f->rules_max)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s", at);
	struct event_rule *r = &f->out->events[f->out->n++];
	TRY(decode_rule(f->p, v, at, r, e));
	r->where = arena_printf(&f->p->arena, "%s", where);
	return r->where ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", at);
}

static rc
add_sequence(
    struct filling *f, const json_t *list, const char *where, struct err *e)
{
	if (!json_is_array(list))
		return err_at(e, ERR_JSON_TYPE, "A list of rules is expected.",
		    "%s.%s", f->path, where);
	if (json_array_size(list) == 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "An empty sequence would let everything be absent: say "
		    "\"optional\" for that.",
		    "%s.%s", f->path, where);
	for (size_t i = 0; i < json_array_size(list); i++) {
		char at[POLICY_PATH];
		policy_path(at, "%s[%zu]", where, i);
		TRY(add_rule(f, json_array_get(list, i), at, e));
	}
	return RC_OK;
}

static rc
add_group(struct filling *f, const json_t *v, const char *where, struct err *e)
{
	static const char *const known[] = {"any", "optional", NULL};
	struct align_group *g = &f->out->groups[f->out->groups_n++];
	const json_t *list = NULL;
	char at[POLICY_PATH];

	policy_path(at, "%s.%s", f->path, where);
	TRY(json_only(v, at, known, e));
	TRY(policy_bool(v, at, "optional", &g->optional, e));
	TRY(bounded_array(v, at, "any", SEQUENCES_MAX, &list, e));
	g->n = json_array_size(list);
	size_t *ends = arena_array(&f->p->arena, g->n, sizeof(*ends));
	if (!ends)
		return err_at(e, ERR_MEMORY, NULL, "%s", at);
	if (g->n == 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "An empty list of alternatives can never be met.", "%s.any",
		    at);
	g->first = f->out->n;
	g->ends = ends;
	for (size_t i = 0; i < g->n; i++) {
		policy_path(at, "%s.any[%zu]", where, i);
		TRY(add_sequence(f, json_array_get(list, i), at, e));
		ends[i] = f->out->n;
	}
	return RC_OK;
}

/* Rules and groups of a list; what is of another type counts as a rule. */
static void
count_rules(const json_t *list, struct filling *f)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const json_t *any = json_object_get(v, "any");
		f->groups_max += json_has(v, "any");
		f->rules_max += !json_has(v, "any");
		for (size_t k = 0; k < json_array_size(any); k++)
			f->rules_max += json_array_size(json_array_get(any, k));
	}
}

static rc
decode_events(struct policy *p, const json_t *v, const char *path,
    struct pcr_rule *out, struct err *e)
{
	struct filling f = {.p = p, .out = out, .path = path};
	const json_t *list = NULL;

	TRY(bounded_array(v, path, "events", EVENTS_MAX, &list, e));
	count_rules(list, &f);
	if (f.rules_max > EVENTS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.events", path);
	out->kind = PCR_EVENTS;
	out->events = arena_array(&p->arena, f.rules_max, sizeof(*out->events));
	out->groups =
	    arena_array(&p->arena, f.groups_max, sizeof(*out->groups));
	if (!out->events || !out->groups)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		char where[POLICY_PATH];
		policy_path(where, "events[%zu]", i);
		if (json_has(item, "any"))
			TRY(add_group(&f, item, where, e));
		else
			TRY(add_rule(&f, item, where, e));
	}
	return RC_OK;
}

/* --- PCRs ----------------------------------------------------------------- */

static rc
decode_pcr_rule(struct policy *p, const json_t *v, const char *path,
    struct pcr_rule *out, struct err *e)
{
	static const char *const known[] = {
	    "values", "events", "opaque", "source", NULL};
	const json_t *list = NULL;
	char at[POLICY_PATH];

	TRY(json_only(v, path, known, e));
	int kinds = json_has(v, "values") + json_has(v, "events") +
		    json_has(v, "opaque");
	if (kinds != 1)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A PCR has either \"values\" or \"events\" or \"opaque\".",
		    "%s", path);
	TRY(policy_string(p, v, path, "source", &out->source, e));
	if (json_has(v, "events"))
		return decode_events(p, v, path, out, e);
	if (json_has(v, "opaque")) {
		out->kind = PCR_OPAQUE;
		TRY(policy_string(p, v, path, "opaque", &out->why, e));
		return *out->why ? RC_OK
				 : err_at(e, ERR_POLICY_FORMAT,
				       "Say why the PCR is not judged.",
				       "%s.opaque", path);
	}
	TRY(bounded_array(v, path, "values", VALUES_MAX, &list, e));
	policy_path(at, "%s.values", path);
	TRY(decode_values(p, list, at, false, &out->values, e));
	out->kind = PCR_VALUES;
	out->n = json_array_size(list);
	return RC_OK;
}

rc
boot_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	const json_t *boot = NULL;
	const char *key;
	json_t *v;

	if (!json_has(doc, "boot"))
		return RC_OK;
	TRY(json_get_object(doc, "", "boot", &boot, e));
	json_object_foreach((json_t *)(uintptr_t)boot, key, v)
	{
		char at[POLICY_PATH];
		uint64_t pcr = 0;
		policy_path(at, "boot.%.16s", key);
		if (!number_parse(span_str(key), LIMIT_PCRS - 1, &pcr))
			return err_at(e, ERR_POLICY_FORMAT,
			    "Members of \"boot\" are PCR numbers, 0 to 23.",
			    "%s", at);
		if (!(policy_pcrs(p) & 1u << pcr))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A rule for a PCR that \"pcrs\" does not require "
			    "would judge what no quote covers.",
			    "%s", at);
		TRY(decode_pcr_rule(p, v, at, &p->pcr[pcr], e));
	}
	return RC_OK;
}

static rc
decode_mask(const json_t *list, const char *path, uint32_t *out, struct err *e)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		json_int_t pcr = json_integer_value(v);
		if (!json_is_integer(v) || pcr < 0 || pcr >= LIMIT_PCRS)
			return err_at(e, ERR_POLICY_FORMAT,
			    "A PCR is a number from 0 to 23.", "%s[%zu]", path,
			    i);
		uint32_t bit = 1u << pcr;
		if (bit & PCRS_RESETTABLE)
			return err_at(e, ERR_POLICY_FORMAT,
			    "Any program can reset PCR 16, 21, 22 and 23, so "
			    "they are never golden (PTP 1.05, 6.1).",
			    "%s[%zu]", path, i);
		if (mask & bit)
			return err_at(e, ERR_POLICY_FORMAT,
			    "The PCR is listed twice.", "%s[%zu]", path, i);
		mask |= bit;
	}
	*out = mask;
	return RC_OK;
}

rc
pcrs_decode(struct policy *p, const json_t *doc, struct err *e)
{
	const json_t *pcrs = NULL;
	const char *key;
	json_t *v;

	number_banks(p);
	TRY(json_get_object(doc, "", "pcrs", &pcrs, e));
	json_object_foreach((json_t *)(uintptr_t)pcrs, key, v)
	{
		char at[POLICY_PATH];
		const json_t *list = NULL;
		uint32_t mask = 0;
		policy_path(at, "pcrs.%.40s", key);
		if (bank_named(p, key) < 0)
			return err_at(e, ERR_POLICY_FORMAT,
			    "This is not the name of a PCR bank.", "%s", at);
		TRY(json_get_array(pcrs, "pcrs", key, &list, e));
		TRY(decode_mask(list, at, &mask, e));
		if (!mask)
			return err_at(e, ERR_POLICY_EMPTY,
			    "A bank without PCRs requires nothing.", "%s", at);
	}
	for (size_t i = 0; i < p->banks_n; i++) {
		const json_t *list = json_object_get(pcrs, p->banks[i]->name);
		uint32_t mask = 0;
		if (!list)
			continue;
		TRY(decode_mask(list, "pcrs", &mask, e));
		p->selection.bank[p->selection.n++] =
		    (struct pcr_selection){p->banks[i]->id, mask};
	}
	if (!p->selection.n)
		return err_at(
		    e, ERR_POLICY_EMPTY, "No PCR is required.", "pcrs");
	return RC_OK;
}

/* --- what can never work -------------------------------------------------- */

/* Every golden value has a digest of every bank that must be quoted for its
 * PCR: else it could never be met. */
rc
golden_values_check(const struct policy *p, unsigned pcr,
    const struct golden_value *values, size_t n, const char *path,
    struct err *e)
{
	for (size_t b = 0; b < p->selection.n; b++) {
		int bank = policy_bank(p, p->selection.bank[b].alg);
		if (!(p->selection.bank[b].mask & 1u << pcr) || bank < 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (!values[i].digest[bank])
				return err_at(e, ERR_POLICY_FORMAT,
				    "The value has no digest of a bank that "
				    "\"pcrs\" requires for this PCR, so it "
				    "could never be met.",
				    "%s[%zu].%s", path, i,
				    p->banks[bank]->name);
	}
	return RC_OK;
}

rc
boot_rules_check(const struct policy *p, unsigned pcr, struct err *e)
{
	const struct pcr_rule *rule = &p->pcr[pcr];
	char at[POLICY_PATH];

	if (rule->kind == PCR_UNRULED)
		return err_at(e, ERR_BOOT_PCR_UNRULED,
		    "Give the PCR a rule in \"boot\", or require it no more.",
		    "boot.%u", pcr);
	if (rule->kind == PCR_VALUES) {
		policy_path(at, "boot.%u.values", pcr);
		return golden_values_check(
		    p, pcr, rule->values, rule->n, at, e);
	}
	for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n; i++) {
		const struct event_rule *er = &rule->events[i];
		if (er->any_type && pcr == 7)
			return err_at(e, ERR_POLICY_FORMAT,
			    "PCR 7 says whether Secure Boot is on: what its "
			    "events are, has to be named.",
			    "boot.7.%s.type", er->where);
		policy_path(at, "boot.%u.%s.accept", pcr, er->where);
		TRY(golden_values_check(p, pcr, er->accept, er->n, at, e));
	}
	return RC_OK;
}
