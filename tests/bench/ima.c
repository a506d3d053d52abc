/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ima_replay: decode a list, recompute every template hash, replay it to the
 * quoted PCR 10, and look every entry up in a set of a million digests;
 * beside the hashing alone. ima_million: a list of a million entries, whose
 * memory must not grow with it. ima_set: memory of one allowed digest.
 *
 * Lists are made from a recorded ima-sig list: entries are repeated with
 * another file digest and the template hash that follows from it.
 */
#include "bench/bench.h"

#include "appraise/refset.h"
#include "bench/bare.h"
#include "lib/tap.h"
#include "replay/ima.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SMALL = 20 * 1000,
	MILLION = 1000 * 1000,
	SEEDS = 4096,
	PCR = 10,
};

/* Memory that a walk may need beside the list and the set. */
#define GROWTH_KIB (64L * 1024)

struct seed {
	struct span bytes; /* the entry */
	size_t data;	   /* offset of its template data */
	size_t data_n;
	size_t digest; /* offset of the file digest */
};

struct subject {
	struct arena arena;
	struct hasher *hasher;
	struct bare *bare;
	size_t n;
	uint8_t *list;
	size_t list_n;
	struct span *data; /* template data of each entry */
	struct refset *set;
	struct tpm_quote quote;
	struct banks boot, values;
	struct ima_state start;
	uint8_t digest[32];
};

static rc
crypto(struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "%s", "bench.ima");
}

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "bench.ima");
}

static rc
read_seeds(struct span list, struct seed *seeds, size_t *n, struct err *e)
{
	struct ima_reader r = ima_over(list, 0);
	struct ima_entry entry;
	bool more = true;

	for (*n = 0; *n < SEEDS; ++*n) {
		TRY(ima_next(&r, &entry, &more, e));
		if (!more)
			break;
		const uint8_t *from = list.p + entry.offset;
		seeds[*n] = (struct seed){
		    span_of(from, rd_at(&r.in, r.whole) - entry.offset),
		    (size_t)(entry.template_data.p - from),
		    entry.template_data.n, (size_t)(entry.digest.p - from)};
	}
	return RC_OK;
}

/* Entry i: seed i modulo their number, with i inside its file digest. */
static rc
put_entry(struct subject *s, const struct seed *seed, uint64_t i, struct err *e)
{
	enum { TEMPLATE_HASH_AT = 4 };
	uint8_t *at = s->list + s->list_n;

	memcpy(at, seed->bytes.p, seed->bytes.n);
	for (size_t b = 0; b < 8; b++)
		at[seed->digest + b] = (uint8_t)(i >> (8 * b));
	s->data[i] = span_of(at + seed->data, seed->data_n);
	s->list_n += seed->bytes.n;
	if (!bare_hash(s->bare, ALG_SHA1, s->data[i], (struct span){NULL, 0},
		at + TEMPLATE_HASH_AT))
		return crypto(e);
	return RC_OK;
}

static rc
make_list(struct subject *s, struct err *e)
{
	struct span real = tap_file(
	    &s->arena, "/tests/vectors/vm/boots/grub-sb-golden/ima.bin");
	struct seed *seeds = arena_array(&s->arena, SEEDS, sizeof(*seeds));
	size_t seeds_n, bytes = 0;

	if (!seeds)
		return memory(e);
	TRY(read_seeds(real, seeds, &seeds_n, e));
	for (size_t i = 0; i < s->n; i++)
		bytes += seeds[i % seeds_n].bytes.n;
	s->list = malloc(bytes);
	s->data = calloc(s->n, sizeof(*s->data));
	if (!s->list || !s->data)
		return memory(e);
	for (size_t i = 0; i < s->n; i++)
		TRY(put_entry(s, &seeds[i % seeds_n], i, e));
	return RC_OK;
}

/* Every entry of the list, then others, to a million. */
static rc
make_set(struct subject *s, struct err *e)
{
	struct ima_reader r = ima_over(span_of(s->list, s->list_n), 0);
	struct ima_entry entry;
	uint8_t other[32] = {0};
	char path[40];
	bool more = true;

	s->set = refset_new(hash_by_id(ALG_SHA256));
	if (!s->set)
		return memory(e);
	for (uint32_t i = 0; i < MILLION; i++) {
		if (more)
			TRY(ima_next(&r, &entry, &more, e));
		if (more) {
			TRY(refset_add(s->set, entry.digest.p, entry.path, i));
			continue;
		}
		if (!bare_hash(s->bare, ALG_SHA256, span_of(&i, sizeof(i)),
			(struct span){NULL, 0}, other))
			return crypto(e);
		snprintf(path, sizeof(path), "/usr/lib/other/%u", i);
		TRY(refset_add(s->set, other, span_str(path), i));
	}
	return refset_seal(s->set);
}

/* The quote that this list leads to, in one SHA-256 bank. */
static rc
make_target(struct subject *s, struct err *e)
{
	struct bank *bank = &s->values.bank[0];

	s->quote.selection.n = 1;
	s->quote.selection.bank[0] =
	    (struct pcr_selection){ALG_SHA256, 1U << PCR};
	s->boot.n = s->values.n = 1;
	bank_init(&s->boot.bank[0], ALG_SHA256, 0);
	bank_init(bank, ALG_SHA256, 0);
	for (size_t i = 0; i < s->n; i++) {
		uint8_t digest[32];

		TRY(hash_of(s->hasher, ALG_SHA256, s->data[i], digest));
		TRY(hash_extend(s->hasher, ALG_SHA256, bank->pcr[PCR], digest));
	}
	if (!banks_composite(&s->values, &s->quote.selection, ALG_SHA256,
		s->hasher, s->digest))
		return crypto(e);
	s->quote.pcr_digest = span_of(s->digest, sizeof(s->digest));
	ima_state_init(&s->start, &s->boot, &s->quote.selection);
	return RC_OK;
}

static rc
look_up(void *ctx, const struct ima_entry *entry, struct err *e)
{
	const struct subject *s = ctx;
	size_t at;

	if (refset_get(s->set, entry->digest.p, entry->path, &at) !=
	    REFSET_PAIR)
		return err_at(e, ERR_IMA_UNKNOWN_FILE, NULL, "entries[%u]",
		    (unsigned)entry->index);
	return RC_OK;
}

static rc
ours(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct ima_target target = {.quote = &s->quote,
	    .hash = ALG_SHA256,
	    .values = &s->values,
	    .judged = 1u << 10};
	struct ima_state end;
	struct ima_match match;

	TRY(ima_replay(span_of(s->list, s->list_n), &s->start, &target,
	    s->hasher, look_up, s, &end, &match, e));
	return match.entries == s->n
		   ? RC_OK
		   : err_at(e, ERR_IMA_REPLAY, NULL, "%s", "bench.ima");
}

static rc
bare(void *ctx, struct err *e)
{
	struct subject *s = ctx;

	return bare_ima(s->bare, s->data, s->n) ? RC_OK : crypto(e);
}

static void
subject_free(struct subject *s)
{
	hasher_free(s->hasher);
	bare_free(s->bare);
	refset_unref(s->set);
	free(s->list);
	free(s->data);
	arena_free(&s->arena);
}

static rc
subject_init(struct subject *s, size_t n, struct err *e)
{
	*s = (struct subject){
	    .n = n, .hasher = hasher_new(), .bare = bare_new()};
	arena_init(&s->arena, (size_t)64 << 20);
	if (!s->hasher || !s->bare)
		return crypto(e);
	TRY(make_list(s, e));
	TRY(make_set(s, e));
	return make_target(s, e);
}

static rc
run_small(struct measured *out, struct err *e)
{
	struct subject s;
	struct bench_work mine = {ours, &s}, floor = {bare, &s};
	rc r = subject_init(&s, SMALL, e);

	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	subject_free(&s);
	return r;
}

/* VmHWM in KiB, 0 if it cannot be read; "5" resets it to what is used now. */
static long
peak_kib(bool reset)
{
	FILE *f = reset ? fopen("/proc/self/clear_refs", "w") : NULL;
	char line[128];
	long kib = 0;

	if (f) {
		fputs("5", f);
		fclose(f);
	}
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static rc
bounded(struct subject *s, struct err *e)
{
	long before = peak_kib(true);

	TRY(ours(s, e));
	long grown = peak_kib(false) - before;
	if (before > 0 && grown <= GROWTH_KIB)
		return RC_OK;
	return err_text(e, ERR_INTERNAL, "bench.ima",
	    "Judging a million entries took %ld KiB more.", grown);
}

static rc
run_million(struct measured *out, struct err *e)
{
	struct subject s;
	struct bench_work mine = {ours, &s}, floor = {bare, &s};
	rc r = subject_init(&s, MILLION, e);

	if (rc_ok(r))
		r = bounded(&s, e);
	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	out->value /= 1e6;
	out->bare /= 1e6;
	subject_free(&s);
	return r;
}

static rc
run_set(struct measured *out, struct err *e)
{
	struct subject s;
	rc r = subject_init(&s, SMALL, e);

	if (rc_ok(r)) {
		out->value =
		    (double)refset_memory(s.set) / (double)refset_count(s.set);
		out->bare = 32;
		out->ratio = out->value / out->bare;
	}
	subject_free(&s);
	return r;
}

const struct bench_row row_ima_replay = {"ima_replay", "us",
    "20,000 ima-sig entries: decode, hash, replay, look up in 1M digests",
    RATIO_AT_MOST, 1.3, run_small};

const struct bench_row row_ima_million = {"ima_million", "s",
    "1,000,000 ima-sig entries, within 64 MiB", VALUE_AT_MOST, 2, run_million};

const struct bench_row row_ima_set = {"ima_set", "B",
    "memory of one allowed digest, in a set of a million", VALUE_AT_MOST, 64,
    run_set};
