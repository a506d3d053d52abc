/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/edit_logs.h"

#include "cases/edit_userspace.h"
#include "decode/uefi.h"
#include "replay/ima.h"
#include "unit/decode/log_builder.h"

#include <stdlib.h>

/* --- one record among others --- */

static bool
drop(struct edit *e, struct span *s, struct cut it)
{
	*s = edit_splice(e, *s, it, span_of("", 0));
	return true;
}

static bool
dup_record(struct edit *e, struct span *s, struct cut it)
{
	*s = edit_splice(
	    e, *s, (struct cut){it.at, 0}, span_of(s->p + it.at, it.n));
	return true;
}

/* Before a record that stood earlier or later. */
static bool
move(struct edit *e, struct span *s, struct cut it, size_t before)
{
	struct span record = arena_copy(e->a, span_of(s->p + it.at, it.n));

	if (before > it.at)
		before -= it.n;
	drop(e, s, it);
	*s = edit_splice(e, *s, (struct cut){before, 0}, record);
	return true;
}

static bool
overwrite(struct edit *e, struct span *s, size_t at, struct span with)
{
	*s = edit_splice(e, *s, (struct cut){at, with.n}, with);
	return true;
}

static bool
overwrite_le32(struct edit *e, struct span *s, size_t at, unsigned long v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 24)};

	return overwrite(e, s, at, span_of(b, 4));
}

static struct span
kept(struct edit *e, struct buf *b)
{
	struct span s = arena_copy(e->a, buf_span(b));

	if (b->failed)
		exit(99);
	buf_free(b);
	return s;
}

/* --- boot log --- */

static void
put_event(struct edit *e, const struct evlog *log, char **w, struct buf *b)
{
	struct span data = buf_span(b);
	struct buf out = {0};
	uint8_t digest[HASH_MAX];

	put_le(&out, strtoul(w[2], NULL, 0), 4);
	put_le(&out, strtoul(w[3], NULL, 0), 4);
	put_le(&out, log->algs_n, 4);
	for (size_t i = 0; i < log->algs_n; i++) {
		put_le(&out, log->algs[i].id, 2);
		if (!rc_ok(hash_of(e->h, log->algs[i].id, data, digest)))
			exit(99);
		buf_put(&out, digest, log->algs[i].size);
	}
	put_le(&out, data.n, 4);
	buf_put(&out, data.p, data.n);
	buf_free(b);
	*b = out;
}

static bool
rehash(struct edit *e, const struct evlog *log, const struct evlog_event *ev,
    struct span of)
{
	struct span *s = &e->r.ev.eventlog;
	const uint8_t *base = log->raw.p;
	uint8_t digest[HASH_MAX];

	for (size_t i = 0; i < log->algs_n; i++) {
		if (!rc_ok(hash_of(e->h, log->algs[i].id, of, digest)))
			return false;
		overwrite(e, s, (size_t)(ev->digests[i] - base),
		    span_of(digest, log->algs[i].size));
	}
	return true;
}

static bool
event_data(struct edit *e, const struct evlog *log,
    const struct evlog_event *ev, struct span data)
{
	struct span *s = &e->r.ev.eventlog;
	size_t at = (size_t)(ev->data.p - log->raw.p);

	overwrite_le32(e, s, at - 4, data.n);
	*s = edit_splice(e, *s, (struct cut){at, ev->data.n}, data);
	return true;
}

static struct cut
event_bytes(const struct evlog *log, size_t i)
{
	const struct evlog_event *ev = &log->events[i];

	return (struct cut){ev->offset,
	    (size_t)(ev->data.p + ev->data.n - log->raw.p) - ev->offset};
}

static size_t
event_index(const struct evlog *log, const char *word)
{
	return strcmp(word, "end") == 0 ? log->events_n
					: strtoul(word, NULL, 10);
}

static size_t
event_start(const struct evlog *log, size_t i)
{
	if (i < log->events_n)
		return log->events[i].offset;
	struct cut last = event_bytes(log, log->events_n - 1);
	return last.at + last.n;
}

bool
edit_event(struct edit *e, char **w, struct span data)
{
	struct span *s = &e->r.ev.eventlog;
	struct evlog *log = arena_alloc(e->a, sizeof(*log));
	struct buf b = {0};

	if (!log || !rc_ok(evlog_decode(*s, e->a, log, NULL)) || !w[1])
		return false;
	size_t n = event_index(log, w[1]);
	if (strcmp(w[0], "put") == 0 && n <= log->events_n && w[3]) {
		buf_put(&b, data.p, data.n);
		put_event(e, log, w, &b);
		*s = edit_splice(
		    e, *s, (struct cut){event_start(log, n), 0}, kept(e, &b));
		return true;
	}
	if (n >= log->events_n)
		return false;
	const struct evlog_event *ev = &log->events[n];
	if (strcmp(w[0], "drop") == 0)
		return drop(e, s, event_bytes(log, n));
	if (strcmp(w[0], "dup") == 0)
		return dup_record(e, s, event_bytes(log, n));
	if (strcmp(w[0], "rehash") == 0)
		return rehash(e, log, ev, ev->data);
	if (strcmp(w[0], "bind") == 0)
		return rehash(e, log, ev, uefi_hashed(ev).try[0]);
	if (strcmp(w[0], "data") == 0)
		return event_data(e, log, ev, data);
	if (!w[2])
		return false;
	if (strcmp(w[0], "pcr") == 0)
		return overwrite_le32(e, s, ev->offset, strtoul(w[2], NULL, 0));
	if (strcmp(w[0], "type") == 0)
		return overwrite_le32(
		    e, s, ev->offset + 4, strtoul(w[2], NULL, 0));
	if (strcmp(w[0], "move") == 0)
		return move(e, s, event_bytes(log, n),
		    event_start(log, event_index(log, w[2])));
	return false;
}

/* --- IMA list --- */

static bool
entry_at(struct span list, size_t index, struct ima_entry *out, struct cut *it)
{
	struct ima_reader r = ima_over(list, 0); /* before "ima big" */
	struct ima_entry next;
	bool more = true;

	while (rc_ok(ima_next(&r, out, &more, NULL)) && more) {
		if (out->index < index)
			continue;
		it->at = out->offset;
		it->n = list.n - it->at;
		if (rc_ok(ima_next(&r, &next, &more, NULL)) && more)
			it->n = next.offset - it->at;
		return true;
	}
	return false;
}

/* An ima-sig entry without signature. */
static struct span
new_entry(struct edit *e, struct span digest, const char *path)
{
	struct buf data = {0}, b = {0};
	uint8_t sha1[HASH_MAX];

	put_le(&data, 8 + digest.n, 4);
	buf_put(&data, "sha256:", 8);
	buf_put(&data, digest.p, digest.n);
	put_le(&data, strlen(path) + 1, 4);
	buf_put(&data, path, strlen(path) + 1);
	put_le(&data, 0, 4);
	if (!rc_ok(hash_of(e->h, ALG_SHA1, buf_span(&data), sha1)))
		exit(99);
	put_le(&b, 10, 4);
	buf_put(&b, sha1, 20);
	put_le(&b, 7, 4);
	buf_put(&b, "ima-sig", 7);
	put_le(&b, data.n, 4);
	buf_put(&b, data.p, data.n);
	buf_free(&data);
	return kept(e, &b);
}

static bool
entry_rehash(struct edit *e, struct span *s, const struct ima_entry *entry)
{
	uint8_t sha1[HASH_MAX];

	return rc_ok(hash_of(e->h, ALG_SHA1, entry->template_data, sha1)) &&
	       overwrite(e, s, entry->offset + 4, span_of(sha1, 20));
}

/* --- the other byte order --- */

static void
put_be(struct buf *b, size_t v)
{
	uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v};

	buf_put(b, bytes, sizeof(bytes));
}

static void
put_swapped(struct edit *e, const struct ima_entry *entry, struct buf *out)
{
	struct rd in = rd_over(entry->template_data);
	struct buf data = {0};
	uint8_t sha1[HASH_MAX];

	while (rd_left(&in)) {
		struct span field = rd_bytes(&in, rd_u32le(&in));
		put_be(&data, field.n);
		buf_put(&data, field.p, field.n);
	}
	if (!rd_ok(&in) || data.failed ||
	    !rc_ok(hash_of(e->h, ALG_SHA1, buf_span(&data), sha1)))
		exit(99);
	put_be(out, entry->pcr);
	buf_put(out, sha1, 20);
	put_be(out, entry->template_name.n);
	buf_put(out, entry->template_name.p, entry->template_name.n);
	put_be(out, data.n);
	buf_put(out, data.p, data.n);
	buf_free(&data);
}

/* The list as a big-endian machine would have written it: its field lengths
 * are hashed as they stand. */
static bool
swap_list(struct edit *e)
{
	struct ima_reader r = ima_over(e->r.ev.ima, 0);
	struct ima_entry entry;
	struct buf out = {0};
	bool more = true;

	while (rc_ok(ima_next(&r, &entry, &more, NULL)) && more)
		put_swapped(e, &entry, &out);
	e->r.ev.ima = kept(e, &out);
	e->r.ev.ima_big_endian = true;
	return !more;
}

bool
edit_entry(struct edit *e, char **w, struct span data)
{
	static const uint8_t zero[20];
	struct span *s = &e->r.ev.ima;
	struct ima_entry entry, other;
	struct cut it, to;

	if (strcmp(w[0], "add") == 0) {
		*s = edit_splice(
		    e, *s, (struct cut){s->n, 0}, new_entry(e, data, w[2]));
		return true;
	}
	if (strcmp(w[0], "big") == 0)
		return swap_list(e);
	if (strcmp(w[0], "undeclared") == 0) {
		e->r.ev.ima_big_endian = false;
		return true;
	}
	if (!w[1] || !entry_at(*s, strtoul(w[1], NULL, 10), &entry, &it))
		return false;
	if (strcmp(w[0], "drop") == 0)
		return drop(e, s, it);
	if (strcmp(w[0], "dup") == 0)
		return dup_record(e, s, it);
	if (strcmp(w[0], "zero") == 0)
		return overwrite(e, s, it.at + 4, span_of(zero, 20));
	if (strcmp(w[0], "rehash") == 0)
		return entry_rehash(e, s, &entry);
	if (strcmp(w[0], "pcr") == 0 && w[2]) {
		uint8_t pcr = (uint8_t)strtoul(w[2], NULL, 10);
		return overwrite(e, s, it.at, span_of(&pcr, 1));
	}
	if (strcmp(w[0], "set") == 0 && w[2])
		return overwrite(e, s,
		    (size_t)(entry.template_data.p - s->p) +
			strtoul(w[2], NULL, 10),
		    data);
	if (strcmp(w[0], "move") == 0 && w[2] &&
	    entry_at(*s, strtoul(w[2], NULL, 10), &other, &to))
		return move(e, s, it, to.at);
	return false;
}

/* --- replay --- */

static void
replay_log(struct edit *e)
{
	struct evlog *log = arena_alloc(e->a, sizeof(*log));
	struct boot_replay *boot = arena_alloc(e->a, sizeof(*boot));

	if (!log || !boot)
		exit(99);
	if (e->r.ev.eventlog.n &&
	    rc_ok(evlog_decode(e->r.ev.eventlog, e->a, log, NULL)) &&
	    rc_ok(boot_replay(log, NULL, e->h, e->a, boot, NULL)))
		e->banks = boot->banks;
}

void
edit_replay(struct edit *e)
{
	struct ima_reader r =
	    ima_over_as(e->r.ev.ima, 0, e->r.ev.ima_big_endian);
	struct ima_state *s = arena_alloc(e->a, sizeof(*s));
	struct ima_entry entry;
	bool more = true;

	if (!s)
		exit(99);
	e->banks.n = 0;
	replay_log(e);
	struct bank *capped = banks_find(&e->banks, e->capped);
	if (capped && !rc_ok(bank_cap(capped, e->h, capped)))
		exit(99);
	for (size_t i = 0; i < e->quoted.n; i++)
		if (!banks_get(&e->banks, e->quoted.bank[i].alg))
			bank_init(&e->banks.bank[e->banks.n++],
			    e->quoted.bank[i].alg, 0);
	edit_replay_userspace(e);
	ima_state_init(s, &e->banks, &e->quoted);
	while (rc_ok(ima_next(&r, &entry, &more, NULL)) && more &&
	       rc_ok(ima_state_extend(s, &entry, e->h, NULL)))
		;
	for (size_t i = 0; i < s->n; i++) {
		const struct bank *from = ima_state_bank(s, i, IMA_TYPED);
		struct bank *to = banks_find(&e->banks, from->alg);
		for (unsigned p = 0; p < LIMIT_PCRS; p++)
			if (s->pcrs & 1u << p)
				memcpy(to->pcr[p], from->pcr[p], HASH_MAX);
	}
}
