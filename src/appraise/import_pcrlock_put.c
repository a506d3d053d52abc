/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components of systemd-pcrlock (systemd.pcrlock(5)) as "boot" and
 * "userspace".
 *
 * 1. A component measures what one of its variants says, in each PCR by itself:
 *    so systemd-pcrlock predicts, and so a policy judges.
 * 2. A digest is all that a record has. Types are those that the digest gives
 *    away or, in PCR 7, the place before or behind the separator; else any.
 * 3. From component 750 on the running system measures: there its words are
 *    known by their digests, and anything else is not translated.
 */
#include "appraise/import_pcrlock.h"

#include "base/text.h"

static const char own_source[] = "systemd-pcrlock";

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "pcrlock");
}

/* --- words ---------------------------------------------------------------- */

#define BYTES(s)                                                               \
	{                                                                      \
		(const uint8_t *)(s), sizeof(s) - 1                            \
	}

/* What a digest gives away. */
static const struct word {
	struct span bytes;
	uint32_t pcrs;
	uint32_t type; /* EV_UNUSED: measured by the running system */
	bool late;     /* when it shuts down */
} words[] = {
    {BYTES("\0\0\0\0"), 0xff, EV_SEPARATOR, false},
    {BYTES("\xff\xff\xff\xff"), 0xff, EV_SEPARATOR, false},
    {BYTES("Calling EFI Application from Boot Option"), 1u << 4, EV_EFI_ACTION,
	false},
    {BYTES("Returning from EFI Application from Boot Option"), 1u << 4,
	EV_EFI_ACTION, false},
    {BYTES("Exit Boot Services Invocation"), 1u << 5, EV_EFI_ACTION, false},
    {BYTES("Exit Boot Services Returned with Success"), 1u << 5, EV_EFI_ACTION,
	false},
    {BYTES("UEFI Debug Mode"), 1u << 7, EV_EFI_ACTION, false},
    {BYTES("DMA Protection Disabled"), 1u << 7, EV_EFI_ACTION, false},
    {BYTES("os-separator"), 0xffffff, EV_UNUSED, false},
    {BYTES("enter-initrd"), 1u << PCR_PHASES, EV_UNUSED, false},
    {BYTES("leave-initrd"), 1u << PCR_PHASES, EV_UNUSED, false},
    {BYTES("sysinit"), 1u << PCR_PHASES, EV_UNUSED, false},
    {BYTES("ready"), 1u << PCR_PHASES, EV_UNUSED, false},
    {BYTES("shutdown"), 1u << PCR_PHASES, EV_UNUSED, true},
    {BYTES("final"), 1u << PCR_PHASES, EV_UNUSED, true},
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

struct lock_words {
	uint8_t digest[WORDS][LOCK_BANKS][HASH_MAX];
};

static rc
know(struct import *i, struct lock_words *k, struct err *e)
{
	for (size_t w = 0; w < WORDS; w++)
		for (size_t b = 0; b < LOCK_BANKS; b++) {
			rc r = hash_of(i->hasher, lock_algs[b], words[w].bytes,
			    k->digest[w][b]);
			/* A library may lack what nobody asks for. */
			if (!rc_ok(r) && lock_algs[b] == ALG_SHA256)
				return err_at(e, r.code, NULL, "pcrlock");
		}
	return RC_OK;
}

static bool
is_word(const struct lock_words *k, size_t w, const struct lock_record *r)
{
	size_t same = 0;

	for (size_t b = 0; b < LOCK_BANKS; b++) {
		if (!r->digest[b])
			continue;
		if (memcmp(r->digest[b], k->digest[w][b],
			hash_by_id(lock_algs[b])->size) != 0)
			return false;
		same++;
	}
	return same > 0;
}

/* The word whose digest a record has in each bank; NULL if none. */
static const struct word *
word_of(const struct lock_words *k, const struct lock_record *r)
{
	for (size_t w = 0; w < WORDS; w++)
		if (words[w].pcrs >> r->pcr & 1 && is_word(k, w, r))
			return &words[w];
	return NULL;
}

/* --- the rules of one PCR ------------------------------------------------- */

struct putting {
	struct import *i;
	const struct lock_words *known;
	unsigned pcr;
	uint32_t banks; /* rows of `lock_algs` that the policy requires */
	json_t *events;
	bool behind;	     /* the separator was measured */
	const char *missing; /* a variant without a digest of these banks */
};

static bool
put_string(json_t *to, const char *key, const char *value)
{
	return json_object_set_new(to, key, json_string(value)) == 0;
}

static uint32_t
type_of(const struct putting *p, const struct word *w, bool behind)
{
	if (w)
		return w->type;
	if (p->pcr == 7)
		return behind ? EV_EFI_VARIABLE_AUTHORITY
			      : EV_EFI_VARIABLE_DRIVER_CONFIG;
	return EV_UNUSED;
}

static json_t *
value_of(const struct putting *p, const struct lock_record *r,
    const struct word *w, const char *source)
{
	json_t *value = json_object();
	char hex[2 * HASH_MAX + 1];
	bool ok = value != NULL;

	for (size_t b = 0; ok && b < LOCK_BANKS; b++) {
		const struct hash_alg *alg = hash_by_id(lock_algs[b]);
		if (!(p->banks >> b & 1) || !r->digest[b])
			continue;
		hex_emit(span_of(r->digest[b], alg->size), hex);
		ok = put_string(value, alg->name, hex);
	}
	if (ok && w && w->type == EV_EFI_ACTION)
		ok = put_string(value, "text", (const char *)w->bytes.p);
	if (ok && put_string(value, "source", source))
		return value;
	json_free(value);
	return NULL;
}

/* One record as an event rule, appended; *behind is the state behind it. */
static rc
put_rule(struct putting *p, const struct lock_record *r, const char *source,
    bool *behind, json_t *to, struct err *e)
{
	const struct word *w = word_of(p->known, r);
	uint32_t type = type_of(p, w, *behind);
	const char *name = type == EV_UNUSED ? "*" : evlog_type_name(type);
	json_t *value = value_of(p, r, w, source);

	*behind = *behind || type == EV_SEPARATOR;
	json_t *rule =
	    value ? json_pack("{s:s, s:[o]}", "type", name, "accept", value)
		  : NULL;
	return json_array_append_new(to, rule) == 0 ? RC_OK : memory(e);
}

/* The boot log has it, and not the running system's. */
static bool
of_boot(const struct putting *p, const struct lock_component *c,
    const struct lock_record *r)
{
	const struct word *w = word_of(p->known, r);

	return r->pcr == p->pcr && strcmp(c->name, "750") < 0 &&
	       !(w && w->type == EV_UNUSED);
}

static rc
put_sequence(struct putting *p, const struct lock_component *c,
    const struct lock_variant *v, json_t **out, bool *behind, struct err *e)
{
	json_t *list = json_array();
	const char *source = arena_printf(p->i->a, "%s/%s", c->name, v->name);
	rc r = list && source ? RC_OK : memory(e);

	for (const struct lock_record *x = v->records; rc_ok(r) && x;
	     x = x->next) {
		if (!of_boot(p, c, x))
			continue;
		for (size_t b = 0; b < LOCK_BANKS; b++)
			if (p->banks >> b & 1 && !x->digest[b])
				p->missing = source;
		r = put_rule(p, x, source, behind, list, e);
	}
	if (rc_ok(r))
		*out = list;
	else
		json_free(list);
	return r;
}

/* Equal but for where they are from. */
static bool
same_rules(const json_t *a, const json_t *b)
{
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t k = 0; k < json_array_size(a); k++) {
		const json_t *x = json_array_get(a, k);
		const json_t *y = json_array_get(b, k);
		JSON_AUTO v = json_deep_copy(
		    json_array_get(json_object_get(x, "accept"), 0));
		JSON_AUTO w = json_deep_copy(
		    json_array_get(json_object_get(y, "accept"), 0));
		if (!v || !w)
			return false;
		json_object_del(v, "source");
		json_object_del(w, "source");
		if (!json_equal(json_object_get(x, "type"),
			json_object_get(y, "type")) ||
		    !json_equal(v, w))
			return false;
	}
	return true;
}

/* One event each, all of one type: alternatives of a single rule. */
static bool
single(const json_t *sequences)
{
	const json_t *first = json_array_get(json_array_get(sequences, 0), 0);

	for (size_t k = 0; k < json_array_size(sequences); k++) {
		const json_t *s = json_array_get(sequences, k);
		if (json_array_size(s) != 1 ||
		    !json_equal(json_object_get(first, "type"),
			json_object_get(json_array_get(s, 0), "type")))
			return false;
	}
	return true;
}

static rc
put_single(struct putting *p, json_t *sequences, bool optional, struct err *e)
{
	json_t *rule = json_array_get(json_array_get(sequences, 0), 0);
	json_t *accept = json_object_get(rule, "accept");
	bool ok = true;

	for (size_t k = 1; ok && k < json_array_size(sequences); k++)
		ok = json_array_extend(accept,
			 json_object_get(
			     json_array_get(json_array_get(sequences, k), 0),
			     "accept")) == 0;
	if (ok && optional)
		ok = json_object_set_new(rule, "optional", json_true()) == 0;
	return ok && json_array_append(p->events, rule) == 0 ? RC_OK
							     : memory(e);
}

static rc
put_choice(struct putting *p, json_t *sequences, bool optional, struct err *e)
{
	if (json_array_size(sequences) == 0)
		return RC_OK;
	if (single(sequences))
		return put_single(p, sequences, optional, e);
	if (json_array_size(sequences) == 1 && !optional)
		return json_array_extend(
			   p->events, json_array_get(sequences, 0)) == 0
			   ? RC_OK
			   : memory(e);
	json_t *group = json_pack("{s:O}", "any", sequences);
	if (group && optional &&
	    json_object_set_new(group, "optional", json_true()) != 0) {
		json_free(group);
		return memory(e);
	}
	return json_array_append_new(p->events, group) == 0 ? RC_OK : memory(e);
}

static bool
among(const json_t *sequences, const json_t *s)
{
	for (size_t k = 0; k < json_array_size(sequences); k++)
		if (same_rules(json_array_get(sequences, k), s))
			return true;
	return false;
}

static rc
put_component(struct putting *p, const struct lock_component *c, struct err *e)
{
	JSON_AUTO sequences = json_array();
	bool optional = false;
	bool after = p->behind;

	for (const struct lock_variant *v = c->variants; v; v = v->next) {
		JSON_AUTO s = NULL;
		bool behind = p->behind;
		TRY(put_sequence(p, c, v, &s, &behind, e));
		optional = optional || json_array_size(s) == 0;
		after = after || behind;
		if (json_array_size(s) && !among(sequences, s) &&
		    json_array_append(sequences, s) != 0)
			return memory(e);
	}
	p->behind = after;
	return put_choice(p, sequences, optional, e);
}

/* --- into the policy ------------------------------------------------------ */

/* Rows of `lock_algs` whose bank the policy requires for the PCR. */
static uint32_t
banks_of(const json_t *doc, unsigned pcr)
{
	const json_t *pcrs = json_object_get(doc, "pcrs");
	uint32_t banks = 0;

	for (size_t b = 0; b < LOCK_BANKS; b++) {
		const json_t *list =
		    json_object_get(pcrs, hash_by_id(lock_algs[b])->name);
		for (size_t k = 0; k < json_array_size(list); k++)
			if (json_integer_value(json_array_get(list, k)) == pcr)
				banks |= 1u << b;
	}
	return banks;
}

static void
note_pcr(struct import *i, unsigned pcr, const char *why)
{
	import_note(
	    i, "%s: PCR %u is not translated: %s.", own_source, pcr, why);
}

static bool
own_rule(const json_t *rule)
{
	const char *source = json_string_value(json_object_get(rule, "source"));

	return source && strcmp(source, own_source) == 0;
}

/* It is nobody else's. */
static bool
free_rule(const json_t *rule)
{
	return !rule || json_has(rule, "opaque") || own_rule(rule);
}

static rc
put_pcr(struct import *i, const struct lock_words *known, unsigned pcr,
    struct err *e)
{
	struct putting p = {
	    .i = i, .known = known, .pcr = pcr, .banks = banks_of(i->doc, pcr)};
	JSON_AUTO events = json_array();
	char key[12];

	p.events = events;
	for (const struct lock_component *c = i->pcrlock->components; c;
	     c = c->next)
		TRY(put_component(&p, c, e));
	policy_number(key, pcr);
	json_t *boot = import_member(i->doc, "boot", json_object);
	if (!boot)
		return memory(e);
	if (json_array_size(events) == 0) {
		if (own_rule(json_object_get(boot, key)))
			note_pcr(i, pcr,
			    "no component measures into it; the rules of an "
			    "earlier import stay");
		return RC_OK;
	}
	if (!p.banks)
		note_pcr(i, pcr, "the policy does not require it");
	else if (p.missing)
		note_pcr(i, pcr,
		    arena_printf(i->a,
			"%s lacks a digest of a bank that the policy requires",
			p.missing));
	else if (!free_rule(json_object_get(boot, key)))
		note_pcr(i, pcr,
		    "the policy has other rules for it, which stay; make it "
		    "opaque to have these instead");
	else if (json_object_set_new(boot, key,
		     json_pack("{s:O, s:s}", "events", events, "source",
			 own_source)) != 0)
		return memory(e);
	return RC_OK;
}

/* --- the running system --------------------------------------------------- */

/* The word that all variants of a component have in a PCR; NULL where they
 * differ. `some` where any has a record there. */
static const struct word *
word_of_component(const struct lock_component *c,
    const struct lock_words *known, unsigned pcr, bool *some, bool *optional)
{
	const struct word *found = NULL;
	bool differ = false;

	*some = *optional = false;
	for (const struct lock_variant *v = c->variants; v; v = v->next) {
		size_t n = 0;
		for (const struct lock_record *r = v->records; r; r = r->next) {
			const struct word *w =
			    r->pcr == pcr ? word_of(known, r) : NULL;
			bool own = w && w->type == EV_UNUSED;
			if (r->pcr != pcr ||
			    (!own && strcmp(c->name, "750") < 0))
				continue;
			n++;
			differ =
			    differ || !own || n > 1 || (found && found != w);
			found = w;
		}
		*some = *some || n;
		*optional = *optional || !n;
	}
	return differ ? NULL : found;
}

static rc
put_phase(json_t *phases, const struct word *w, bool optional, struct err *e)
{
	json_t *phase = json_pack("{s:s, s:s}", "phase",
	    (const char *)w->bytes.p, "source", own_source);

	if (phase && optional &&
	    json_object_set_new(phase, "optional", json_true()) != 0) {
		json_free(phase);
		return memory(e);
	}
	return json_array_append_new(phases, phase) == 0 ? RC_OK : memory(e);
}

/* Phases of PCR 11 into the list; PCRs with an os-separator into the mask. */
static rc
put_words(struct import *i, const struct lock_component *c,
    const struct lock_words *known, json_t *phases, uint32_t *separated,
    struct err *e)
{
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		bool some, optional;
		const struct word *w =
		    word_of_component(c, known, pcr, &some, &optional);
		if (!some)
			continue;
		if (!w)
			import_note(i,
			    "%s: PCR %u is not translated: what the running "
			    "system measured there is not known by its digest.",
			    c->name, pcr);
		else if (w->late)
			import_note(i,
			    "%s: not translated: it is measured when the "
			    "system shuts down.",
			    c->name);
		else if (pcr == PCR_PHASES)
			TRY(put_phase(phases, w, optional, e));
		else if (!optional)
			*separated |= 1u << pcr;
	}
	return RC_OK;
}

static bool
has_others(const json_t *userspace)
{
	const json_t *phases = json_object_get(userspace, "phases");

	for (size_t k = 0; k < json_array_size(phases); k++) {
		const char *s = json_string_value(
		    json_object_get(json_array_get(phases, k), "source"));
		if (!s || strcmp(s, own_source) != 0)
			return true;
	}
	return false;
}

static rc
put_userspace(struct import *i, const struct lock_words *known, struct err *e)
{
	JSON_AUTO phases = json_array();
	uint32_t separated = 0;

	if (!phases)
		return memory(e);
	for (const struct lock_component *c = i->pcrlock->components; c;
	     c = c->next)
		TRY(put_words(i, c, known, phases, &separated, e));
	if (json_array_size(phases) && !banks_of(i->doc, PCR_PHASES)) {
		note_pcr(i, PCR_PHASES, "the policy does not require it");
		json_array_clear(phases);
	}
	if (!json_array_size(phases) && !separated)
		return RC_OK;
	if (has_others(json_object_get(i->doc, "userspace"))) {
		import_note(i,
		    "%s: phases are not translated: the policy has others, "
		    "which stay.",
		    own_source);
		return RC_OK;
	}
	json_t *to = import_member(i->doc, "userspace", json_object);
	if (!to || (json_array_size(phases) &&
		       json_object_set(to, "phases", phases) != 0))
		return memory(e);
	return !separated ||
		       put_string(to, "os_separator",
			   (separated & 0xff) == 0xff ? "required" : "allowed")
		   ? RC_OK
		   : memory(e);
}

rc
import_pcrlock_put(struct import *i, struct err *e)
{
	struct lock_words *known = arena_alloc(i->a, sizeof(*known));

	if (!known)
		return memory(e);
	TRY(know(i, known, e));
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
		TRY(put_pcr(i, known, pcr, e));
	if (i->pcrlock->other_hash)
		import_note(i,
		    "%s: digests of hashes that no bank has are not "
		    "translated.",
		    own_source);
	return put_userspace(i, known, e);
}
