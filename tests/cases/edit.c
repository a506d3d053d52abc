/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/edit.h"

#include "base/text.h"
#include "cases/edit_logs.h"
#include "cases/edit_userspace.h"
#include "lib/soft_key.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 6 };

struct span
edit_file(struct edit *e, const char *path)
{
	if (strncmp(path, "third-party/", 12) != 0)
		return tap_file(e->a, path);
	struct span s = tap_shared(e->a, path);
	if (!s.p)
		e->absent = true;
	return s;
}

/* --- parts and places --- */

static struct span *
part_of(struct edit *e, const char *name)
{
	const struct {
		const char *name;
		struct span *part;
	} parts[] = {
	    {"attest", &e->r.ev.attest},
	    {"sig", &e->r.ev.signature},
	    {"ak", &e->r.ev.ak_pub},
	    {"log", &e->r.ev.eventlog},
	    {"ima", &e->r.ev.ima},
	    {"nonce", &e->r.nonce},
	    {"values", &e->r.ev.pcrs},
	    {"userspace", &e->r.ev.userspace},
	    {"ek", &e->r.ev.ek_pub},
	    {"cert", &e->r.ev.ek_cert},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			return parts[i].part;
	return NULL;
}

static size_t
be16(struct span s, size_t at)
{
	return at + 2 <= s.n ? (size_t)s.p[at] << 8 | s.p[at + 1] : 0;
}

/* Offsets of a TPMS_ATTEST of a quote (Part 2, 10.12.12). */
static bool
attest_place(struct span attest, const char *name, size_t n, size_t *out)
{
	size_t extra = 8 + be16(attest, 6);
	size_t clock = extra + 2 + be16(attest, extra);
	const struct {
		const char *name;
		size_t at;
	} places[] = {
	    {"magic", 0},
	    {"type", 4},
	    {"signer", 6},
	    {"extra", extra},
	    {"clock", clock},
	    {"reset", clock + 8},
	    {"restart", clock + 12},
	    {"safe", clock + 16},
	    {"firmware", clock + 17},
	    {"select", clock + 25},
	    {"digest", clock + 25 + 4 + 6},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (strlen(places[i].name) == n &&
		    memcmp(places[i].name, name, n) == 0) {
			*out = places[i].at;
			return true;
		}
	return false;
}

/* "12", "-1", "clock+2" */
static bool
place(struct span part, const char *text, size_t *out)
{
	size_t n = strcspn(text, "+-0123456789");
	size_t base = 0;
	long v = strtol(text + n, NULL, 10);

	if (n && !attest_place(part, text, n, &base))
		return false;
	if (v < 0)
		base = part.n;
	*out = (size_t)((long)base + v);
	return *out <= part.n;
}

static bool
data_of(struct edit *e, const char *text, struct span *out)
{
	if (strncmp(text, "text:", 5) != 0)
		return rc_ok(hex_decode_any(span_str(text), e->a, out));
	char *s = arena_printf(e->a, "%s", text + 5);
	for (char *c = s; *c; c++)
		if (*c == '+')
			*c = ' ';
	*out = span_str(s);
	return true;
}

struct span
edit_splice(struct edit *e, struct span s, struct cut cut, struct span with)
{
	uint8_t *p = arena_alloc(e->a, s.n - cut.n + with.n + 1);

	if (!p)
		exit(99);
	/* An absent part is an empty one. */
	const uint8_t *from = s.p ? s.p : p;
	memcpy(p, from, cut.at);
	memcpy(p + cut.at, with.n ? with.p : p, with.n);
	memcpy(
	    p + cut.at + with.n, from + cut.at + cut.n, s.n - cut.at - cut.n);
	return span_of(p, s.n - cut.n + with.n);
}

/* --- verbs on bytes --- */

static bool
do_flip(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);
	size_t at;

	if (!part || !place(*part, w[2], &at) || at >= part->n)
		return false;
	uint8_t b = part->p[at] ^ 1;
	*part = edit_splice(e, *part, (struct cut){at, 1}, span_of(&b, 1));
	return true;
}

static bool
do_set(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]), data;
	size_t at;

	if (!part || !place(*part, w[2], &at) || !data_of(e, w[3], &data) ||
	    data.n > part->n - at)
		return false;
	*part = edit_splice(e, *part, (struct cut){at, data.n}, data);
	return true;
}

static bool
do_cut(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	return part && place(*part, w[2], &part->n);
}

static bool
do_append(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]), data;

	if (!part || !data_of(e, w[2], &data))
		return false;
	*part = edit_splice(e, *part, (struct cut){part->n, 0}, data);
	return true;
}

static bool
do_insert(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]), data;
	size_t at;

	if (!part || !place(*part, w[2], &at) || !data_of(e, w[3], &data))
		return false;
	*part = edit_splice(e, *part, (struct cut){at, 0}, data);
	return true;
}

static bool
do_delete(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);
	size_t at, n;

	if (!part || !place(*part, w[2], &at))
		return false;
	n = strtoul(w[3], NULL, 10);
	if (n > part->n - at)
		return false;
	*part = edit_splice(e, *part, (struct cut){at, n}, span_of("", 0));
	return true;
}

static bool
do_absent(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	if (part)
		*part = span_of(NULL, 0);
	return part != NULL;
}

static bool
do_empty(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	if (part)
		*part = span_of("", 0);
	return part != NULL;
}

static bool
do_file(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	if (part)
		*part = edit_file(e, w[2]);
	return part != NULL;
}

static bool
do_before(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	if (part)
		*part = edit_splice(
		    e, *part, (struct cut){0, 0}, edit_file(e, w[2]));
	return part != NULL;
}

static bool
do_after(struct edit *e, char **w)
{
	struct span *part = part_of(e, w[1]);

	if (part)
		*part = edit_splice(
		    e, *part, (struct cut){part->n, 0}, edit_file(e, w[2]));
	return part != NULL;
}

static bool
do_us(struct edit *e, char **w)
{
	return edit_userspace(e, w + 1);
}

/* --- quote and context --- */

static bool
do_cap(struct edit *e, char **w)
{
	const struct hash_alg *alg = hash_by_name(span_str(w[1]));

	e->capped = alg ? alg->id : 0;
	return alg != NULL;
}

static bool
do_pcr(struct edit *e, char **w)
{
	const struct hash_alg *alg = hash_by_name(span_str(w[1]));
	struct span value;

	if (!alg || e->forced_n == FORCED_MAX || !data_of(e, w[3], &value) ||
	    value.n != alg->size)
		return false;
	e->forced[e->forced_n].alg = alg->id;
	e->forced[e->forced_n].pcr = (unsigned)strtoul(w[2], NULL, 10);
	e->forced[e->forced_n++].value = value;
	return true;
}

static bool
do_quote(struct edit *e, char **w)
{
	return rc_ok(pcr_selections_parse(span_str(w[1]), &e->quote, NULL));
}

static bool
do_asked(struct edit *e, char **w)
{
	return rc_ok(pcr_selections_parse(span_str(w[1]), &e->r.asked, NULL));
}

/* The state that a verdict on the evidence as it was would have left. */
static bool
remember(struct edit *e)
{
	struct tpm_quote q;

	if (e->clock_known)
		return true;
	if (!rc_ok(tpm_decode_quote(e->r.ev.attest, e->a, &q, NULL)) ||
	    !rc_ok(hash_of(e->h, ALG_SHA256, e->r.ev.eventlog, e->boot_log)))
		return false;
	e->clock = (struct tpm_clock){.known = true,
	    .clock = q.clock,
	    .reset_count = q.reset_count,
	    .restart_count = q.restart_count,
	    .firmware = q.firmware};
	e->clock_known = true;
	return true;
}

static bool
do_known(struct edit *e, char **w)
{
	long by = strtol(w[2], NULL, 10);

	if (!remember(e))
		return false;
	if (strcmp(w[1], "clock") == 0)
		e->clock.clock += (uint64_t)by;
	else if (strcmp(w[1], "reset") == 0)
		e->clock.reset_count += (uint32_t)by;
	else if (strcmp(w[1], "restart") == 0)
		e->clock.restart_count += (uint32_t)by;
	else if (strcmp(w[1], "firmware") == 0)
		e->clock.firmware += (uint64_t)by;
	else if (strcmp(w[1], "log") == 0)
		e->boot_log[0] += (uint8_t)by;
	else if (strcmp(w[1], "copies") == 0)
		e->clock.diverged = by > 1;
	else if (strcmp(w[1], "seconds") == 0)
		e->issued = e->clock.from = e->clock.to =
		    RECORDED_AT - by * TIME_S;
	else
		return false;
	return true;
}

static void
put_selection(struct buf *b, const struct pcr_selections *sel)
{
	soft_put_u32(b, (uint32_t)sel->n);
	for (size_t i = 0; i < sel->n; i++) {
		uint8_t mask[4] = {3, (uint8_t)sel->bank[i].mask,
		    (uint8_t)(sel->bank[i].mask >> 8),
		    (uint8_t)(sel->bank[i].mask >> 16)};
		soft_put_u16(b, sel->bank[i].alg);
		buf_put(b, mask, sizeof(mask));
	}
}

static struct span
taken(struct edit *e, struct buf *b)
{
	struct span s = arena_copy(e->a, buf_span(b));

	if (b->failed)
		exit(99);
	buf_free(b);
	return s;
}

static bool
do_seal(struct edit *e, char **w)
{
	struct soft_area area = soft_ak_area(e->key, span_of("", 0));
	struct buf b = {0};

	(void)w;
	soft_put_signature(&b, e->key, e->r.ev.attest);
	e->r.ev.signature = taken(e, &b);
	b = (struct buf){0};
	soft_put_public(&b, e->key, &area);
	e->r.ev.ak_pub = taken(e, &b);
	return true;
}

static bool
do_sign(struct edit *e, char **w)
{
	struct span attest = e->r.ev.attest;
	uint8_t digest[HASH_MAX];
	struct buf b = {0};
	size_t select;

	e->quoted = e->quote.n ? e->quote : e->r.asked;
	edit_replay(e);
	for (size_t i = 0; i < e->forced_n; i++) {
		struct bank *bank = banks_find(&e->banks, e->forced[i].alg);
		if (!bank)
			return false;
		memcpy(bank->pcr[e->forced[i].pcr], e->forced[i].value.p,
		    e->forced[i].value.n);
	}
	if (!place(attest, "select", &select) ||
	    !banks_composite(&e->banks, &e->quoted, ALG_SHA256, e->h, digest))
		return false;
	buf_put(&b, attest.p, select);
	put_selection(&b, &e->quoted);
	soft_put_sized(&b, span_of(digest, 32));
	e->r.ev.attest = taken(e, &b);
	return do_seal(e, w);
}

static bool
do_values(struct edit *e, char **w)
{
	struct buf b = {0};

	(void)w;
	for (size_t i = 0; i < e->quoted.n; i++) {
		const struct bank *k =
		    banks_get(&e->banks, e->quoted.bank[i].alg);
		for (unsigned p = 0; k && p < LIMIT_PCRS; p++)
			if (e->quoted.bank[i].mask & 1u << p)
				buf_put(
				    &b, k->pcr[p], hash_by_id(k->alg)->size);
	}
	e->r.ev.pcrs = taken(e, &b);
	return e->quoted.n != 0;
}

static bool
do_policy(struct edit *e, char **w)
{
	policy_unref(e->policy);
	e->policy = NULL;
	return rc_ok(policy_decode(edit_file(e, w[1]), &e->policy, NULL));
}

/* RFC 7396: members of the patch take the place of those of the document, null
 * removes one. */
static void
merge(json_t *doc, const json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)patch, key, v)
	{
		json_t *old = json_object_get(doc, key);
		if (json_is_null(v))
			json_object_del(doc, key);
		else if (json_is_object(v) && json_is_object(old))
			merge(old, v);
		else
			json_object_set(doc, key, v);
	}
}

static bool
do_with(struct edit *e, char **w)
{
	JSON_AUTO doc = NULL;
	JSON_AUTO patch = NULL;

	if (!e->golden ||
	    !rc_ok(json_decode(
		policy_canonical(e->golden), SIZE_MAX, &doc, NULL)) ||
	    !rc_ok(json_decode(span_str(w[1]), SIZE_MAX, &patch, NULL)))
		return false;
	merge(doc, patch);
	json_object_set_new(doc, "name", json_string("golden"));
	char *text = json_dumps(doc, JSON_COMPACT);
	struct err err = {0};
	rc r = policy_decode(span_str(text), &e->policy, &err);
	if (!rc_ok(r))
		tap_note("%s: %s", err.path, err.text);
	free(text);
	return rc_ok(r);
}

static bool
do_ev(struct edit *e, char **w)
{
	struct span data = {NULL, 0};
	size_t last = 0;

	while (last + 1 < WORDS_MAX && w[last + 1])
		last++;
	/* the last word of these is data */
	if (strcmp(w[1], "put") == 0 || strcmp(w[1], "data") == 0)
		if (!data_of(e, w[last], &data))
			return false;
	return edit_event(e, w + 1, data);
}

static bool
do_ima(struct edit *e, char **w)
{
	struct span data = {NULL, 0};

	if (strcmp(w[1], "add") == 0 && !data_of(e, w[2], &data))
		return false;
	if (strcmp(w[1], "set") == 0 && !data_of(e, w[4], &data))
		return false;
	return edit_entry(e, w + 1, data);
}

/* --- the line --- */

static const struct verb {
	const char *name;
	bool (*run)(struct edit *e, char **words);
	int words; /* at least, the verb included */
} verbs[] = {
    {"flip", do_flip, 3},
    {"set", do_set, 4},
    {"cut", do_cut, 3},
    {"append", do_append, 3},
    {"insert", do_insert, 4},
    {"delete", do_delete, 4},
    {"absent", do_absent, 2},
    {"empty", do_empty, 2},
    {"file", do_file, 3},
    {"ev", do_ev, 3},
    {"ima", do_ima, 2},
    {"us", do_us, 2},
    {"before", do_before, 3},
    {"after", do_after, 3},
    {"cap", do_cap, 2},
    {"pcr", do_pcr, 4},
    {"quote", do_quote, 2},
    {"asked", do_asked, 2},
    {"known", do_known, 3},
    {"sign", do_sign, 1},
    {"seal", do_seal, 1},
    {"values", do_values, 1},
    {"policy", do_policy, 2},
    {"with", do_with, 2},
};

static bool
apply_one(struct edit *e, const char *change, bool control)
{
	char *words[WORDS_MAX + 1] = {NULL};
	char *at = arena_printf(e->a, "%s", change);
	int n = 0;

	while (at && n < WORDS_MAX)
		words[n++] = strsep(&at, " ");
	if (control && strcmp(words[0], "seal") == 0)
		words[0] = arena_printf(e->a, "sign");
	if (control && strcmp(words[0], "sign") != 0 &&
	    strcmp(words[0], "values") != 0 &&
	    strcmp(words[0], "policy") != 0 && strcmp(words[0], "with") != 0)
		return true;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verbs[i].name, words[0]) == 0)
			return n >= verbs[i].words && verbs[i].run(e, words);
	return false;
}

static bool
apply(struct edit *e, const char *changes, bool control)
{
	char *at = arena_printf(e->a, "%s", changes);

	while (at) {
		char *end = strstr(at, "; ");
		if (end)
			*end = '\0';
		if (*at && strcmp(at, "-") != 0 && !apply_one(e, at, control)) {
			if (!e->absent)
				tap_note("cannot do \"%s\"", at);
			return false;
		}
		at = end ? end + 2 : NULL;
	}
	return !e->absent;
}

bool
edit_apply(struct edit *e, const char *changes)
{
	return apply(e, changes, false);
}

bool
edit_apply_control(struct edit *e, const char *changes)
{
	return apply(e, changes, true);
}
