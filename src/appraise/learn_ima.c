/* SPDX-License-Identifier: Apache-2.0 */
/* The "ima" member from golden measurement lists and lists of digests. */
#include "appraise/learn_parts.h"

#include "base/text.h"

#include <stdlib.h>

enum { TEMPLATES_MAX = 16, ALGS = 4 };

/* One pair that may be allowed; group: allow list, then golden boot. */
struct pair {
	const struct hash_alg *alg;
	const uint8_t *digest;
	struct span path;
	uint32_t group;
	bool wanted;
};

struct harvest {
	struct draft *d;
	struct pair *pairs;
	size_t n, cap;
	struct span templates[TEMPLATES_MAX];
	size_t templates_n;
	uint64_t violations, weak;
	uint32_t own_files; /* bit i: own_file[i] was measured */
};

/* Each machine or boot makes these itself: of another they say nothing, and
 * they or their paths identify the machine. They are data, narrowly named. */
static const char *const own_file[] = {"/etc/machine-id",
    "/root/etc/machine-id", "/var/lib/dbus/machine-id",
    "/var/lib/systemd/random-seed", "/var/log/journal/*/*.journal"};
enum { OWN_FILES = sizeof(own_file) / sizeof(own_file[0]) };

static bool
take_own_file(struct harvest *h, struct span path)
{
	for (size_t i = 0; i < OWN_FILES; i++)
		if (glob_match(own_file[i], path)) {
			h->own_files |= 1u << i;
			return true;
		}
	return false;
}

static bool
add_pair(struct harvest *h, struct pair p)
{
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 1024;
		struct pair *more = realloc(h->pairs, cap * sizeof(*more));
		if (!more)
			return false;
		h->pairs = more;
		h->cap = cap;
	}
	h->pairs[h->n++] = p;
	return true;
}

static bool
excluded(const struct draft *d, struct span path)
{
	for (size_t i = 0; i < d->o->ima_exclude_n; i++)
		if (glob_match(d->o->ima_exclude[i], path))
			return true;
	return false;
}

/* --- lists of digests ------------------------------------------------- */

static const char *
name_of_list(const struct draft *d, size_t i)
{
	return d->o->ima_allow_names ? d->o->ima_allow_names[i] : "allow list";
}

static rc
take_line(struct harvest *h, struct span line, uint32_t group, size_t number,
    struct err *e)
{
	struct draft *d = h->d;
	struct sum_line *got = arena_alloc(d->a, sizeof(*got));

	if (!got)
		return err_at(e, ERR_MEMORY, NULL, "ima.allow");
	rc r = sum_line_parse(line, d->a, got);
	if (r.code == ERR_ENCODING)
		return err_text(e, ERR_ENCODING, name_of_list(d, group),
		    "Line %zu is not one of sha256sum: digest, two blanks, "
		    "path.",
		    number);
	TRY(r);
	if (excluded(d, got->path))
		return RC_OK;
	if (got->alg->id == ALG_SHA1) {
		h->weak++;
		return RC_OK;
	}
	struct pair p = {got->alg, got->digest, got->path, group, false};
	return add_pair(h, p) ? RC_OK
			      : err_at(e, ERR_MEMORY, NULL, "ima.allow");
}

static rc
take_list(struct harvest *h, struct span text, uint32_t group, struct err *e)
{
	size_t number = 0;

	for (size_t i = 0; i < text.n;) {
		const uint8_t *nl = memchr(text.p + i, '\n', text.n - i);
		size_t end = nl ? (size_t)(nl - text.p) : text.n;
		struct span line = span_of(text.p + i, end - i);
		number++;
		if (line.n)
			TRY(take_line(h, line, group, number, e));
		i = end + 1;
	}
	return RC_OK;
}

/* --- golden lists ----------------------------------------------------- */

static void
take_template(struct harvest *h, struct span name)
{
	for (size_t i = 0; i < h->templates_n; i++)
		if (span_eq(h->templates[i], name))
			return;
	if (h->templates_n < TEMPLATES_MAX)
		h->templates[h->templates_n++] = name;
}

static rc
take_entry(struct harvest *h, const struct ima_entry *entry, uint32_t group,
    struct err *e)
{
	const struct hash_alg *alg = hash_by_name(entry->digest_alg);

	take_template(h, entry->template_name);
	if (entry->index == 0 || excluded(h->d, entry->path) ||
	    take_own_file(h, entry->path))
		return RC_OK;
	if (entry->violation) {
		h->violations++;
		return RC_OK;
	}
	if (!alg || alg->id == ALG_SHA1 || entry->digest.n != alg->size) {
		h->weak++;
		return RC_OK;
	}
	struct pair p = {alg, entry->digest.p, entry->path, group, false};
	return add_pair(h, p) ? RC_OK
			      : err_at(e, ERR_MEMORY, NULL, "ima.allow");
}

static struct ima_reader
list_of(const struct golden *g)
{
	return ima_over_as(g->ima, 0, g->ima_big_endian);
}

static rc
take_golden(
    struct harvest *h, const struct golden *g, uint32_t group, struct err *e)
{
	struct ima_reader in = list_of(g);
	struct ima_entry entry;
	bool more = true;

	for (;;) {
		TRY(ima_next(&in, &entry, &more, e));
		if (!more)
			return RC_OK;
		TRY(take_entry(h, &entry, group, e));
	}
}

rc
learn_ima_pcrs(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct ima_reader in = list_of(&d->golden[i]);
		struct ima_entry entry;
		bool more = true;
		while (true) {
			TRY(ima_next(&in, &entry, &more, e));
			if (!more)
				break;
			if (entry.pcr < LIMIT_PCRS)
				d->ima_pcrs |= 1u << entry.pcr;
		}
	}
	return RC_OK;
}

/* --- what is kept ----------------------------------------------------- */

/* A set that the policy will name has it. */
static bool
in_sets(const struct draft *d, const struct pair *p)
{
	size_t at;

	for (size_t i = 0; i < d->o->refsets_n; i++)
		if (refset_alg(d->o->refsets[i]) == p->alg &&
		    refset_get(d->o->refsets[i], p->digest, p->path, &at) ==
			REFSET_PAIR)
			return true;
	return false;
}

/* Mark each pair once, in the group that names it first. */
static rc
mark(struct harvest *h, const struct hash_alg *alg, struct err *e)
{
	struct refset *set = refset_new(alg);
	rc r = set ? RC_OK : (rc){ERR_MEMORY};

	for (size_t i = 0; rc_ok(r) && i < h->n; i++)
		if (h->pairs[i].alg == alg)
			r = refset_add(set, h->pairs[i].digest,
			    h->pairs[i].path, (uint32_t)i);
	if (rc_ok(r))
		r = refset_seal(set);
	for (size_t i = 0; rc_ok(r) && i < refset_count(set); i++) {
		struct pair *p = &h->pairs[refset_text(set, i)];
		p->wanted = !in_sets(h->d, p);
	}
	refset_unref(set);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "ima.allow");
}

static rc
mark_all(struct harvest *h, struct err *e)
{
	static const uint16_t algs[ALGS] = {
	    ALG_SHA256, ALG_SHA384, ALG_SHA512, ALG_SM3_256};

	for (size_t i = 0; i < ALGS; i++)
		TRY(mark(h, hash_by_id(algs[i]), e));
	return RC_OK;
}

static void
emit_group(
    const struct harvest *h, uint32_t group, const char *source, struct jw *w)
{
	bool open = false;

	for (size_t i = 0; i < h->n; i++) {
		const struct pair *p = &h->pairs[i];
		struct buf line = {0};
		if (p->group != group || !p->wanted)
			continue;
		if (!open) {
			jw_object(w);
			jw_kstr(w, "source", source ? source : "?");
			jw_key(w, "files");
			jw_array(w);
			open = true;
		}
		ima_rules_file(&line, p->alg, p->digest, p->path);
		jw_span(w, buf_span(&line));
		w->out->failed = w->out->failed || line.failed;
		buf_free(&line);
	}
	if (!open)
		return;
	jw_array_end(w);
	jw_object_end(w);
}

static void
emit_exclude(const struct harvest *h, struct jw *w)
{
	const struct draft *d = h->d;

	if (!d->o->ima_exclude_n && !h->own_files)
		return;
	jw_key(w, "exclude");
	jw_array(w);
	for (size_t i = 0; i < d->o->ima_exclude_n; i++) {
		jw_object(w);
		jw_kstr(w, "glob", d->o->ima_exclude[i]);
		jw_kstr(w, "source", "said when it was learned");
		jw_object_end(w);
	}
	for (size_t i = 0; i < OWN_FILES; i++) {
		if (!(h->own_files & 1u << i))
			continue;
		jw_object(w);
		jw_kstr(w, "glob", own_file[i]);
		jw_kstr(w, "source", "each machine makes its own");
		jw_object_end(w);
	}
	jw_array_end(w);
}

static rc
emit_certificate(const struct draft *d, size_t i, struct jw *w, struct err *e)
{
	struct file_key *key = NULL;
	struct span cert = d->o->ima_keyring[i];

	TRY(file_key_from_cert(cert, &key, e));
	const char *text = base64url_string(d->a, file_key_der(key));
	file_key_free(key);
	if (!text)
		return err_at(e, ERR_MEMORY, NULL, "ima.keyring");
	jw_object(w);
	jw_kstr(w, "certificate", text);
	if (d->o->ima_keyring_names)
		jw_kstr(w, "source", d->o->ima_keyring_names[i]);
	jw_object_end(w);
	return RC_OK;
}

static rc
emit_keyring(const struct draft *d, struct jw *w, struct err *e)
{
	if (!d->o->ima_keyring_n)
		return RC_OK;
	jw_key(w, "keyring");
	jw_array(w);
	for (size_t i = 0; i < d->o->ima_keyring_n; i++)
		TRY(emit_certificate(d, i, w, e));
	jw_array_end(w);
	return RC_OK;
}

static void
emit_sets(const struct draft *d, struct jw *w)
{
	for (size_t i = 0; i < d->o->refsets_n; i++) {
		jw_object(w);
		jw_kstr(w, "source", d->o->refset_names[i]);
		jw_kstr(w, "refset",
		    arena_printf(d->a, "sha256:%s",
			hex_string(
			    d->a, span_of(refset_hash(d->o->refsets[i]), 32))));
		jw_kstr(w, "name", d->o->refset_names[i]);
		jw_object_end(w);
	}
}

static rc
emit_ima(const struct harvest *h, struct jw *w, struct err *e)
{
	const struct draft *d = h->d;
	uint32_t lists = (uint32_t)d->o->ima_allow_n;

	jw_key(w, "ima");
	jw_object(w);
	if (d->ima_pcrs != 1u << 10) {
		jw_key(w, "pcrs");
		jw_array(w);
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if (d->ima_pcrs & 1u << pcr)
				jw_u64(w, pcr);
		jw_array_end(w);
	}
	jw_key(w, "templates");
	jw_array(w);
	for (size_t i = 0; i < h->templates_n; i++)
		jw_span(w, h->templates[i]);
	jw_array_end(w);
	emit_exclude(h, w);
	TRY(emit_keyring(d, w, e));
	jw_key(w, "allow");
	jw_array(w);
	emit_sets(d, w);
	for (uint32_t i = 0; i < lists; i++)
		emit_group(h, i, name_of_list(d, i), w);
	for (uint32_t i = 0; i < d->n; i++)
		emit_group(h, lists + i, d->golden[i].source, w);
	jw_array_end(w);
	jw_object_end(w);
	return RC_OK;
}

static void
note_lists(const struct harvest *h)
{
	struct draft *d = h->d;

	if (h->violations)
		draft_note(d,
		    "WARNING: the golden lists hold %llu measurement "
		    "violations; the policy fails such evidence unless "
		    "\"violations\" says otherwise.",
		    (unsigned long long)h->violations);
	for (size_t i = 0; i < OWN_FILES; i++)
		if (h->own_files & 1u << i)
			draft_note(d,
			    "%s is not judged: each machine makes its own.",
			    own_file[i]);
	if (h->weak)
		draft_note(d,
		    "WARNING: %llu file digests are SHA-1 or weaker and were "
		    "not learned.",
		    (unsigned long long)h->weak);
}

rc
learn_ima_emit(struct draft *d, struct jw *w, struct err *e)
{
	struct harvest h = {.d = d};
	uint32_t lists = (uint32_t)d->o->ima_allow_n;
	rc r = RC_OK;

	for (uint32_t i = 0; rc_ok(r) && i < lists; i++)
		r = take_list(&h, d->o->ima_allow[i], i, e);
	for (uint32_t i = 0; rc_ok(r) && i < d->n; i++)
		r = take_golden(&h, &d->golden[i], lists + i, e);
	if (rc_ok(r))
		r = mark_all(&h, e);
	if (rc_ok(r))
		r = emit_ima(&h, w, e);
	if (rc_ok(r))
		note_lists(&h);
	free(h.pairs);
	return r;
}
