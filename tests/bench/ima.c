/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ima_replay: decode a list, recompute every template hash, replay it to the
 * quoted PCR 10, and judge every entry by a policy that allows a reference set
 * of a million digests; beside the hashing alone. ima_million: a list of a
 * million entries, whose memory must not grow with it. ima_set: memory of one
 * allowed digest. ima_set_load: the set from its file, beside hashing the
 * file. ima_set_rate: look-ups all over it.
 *
 * Lists are made from a recorded ima-sig list: entries are repeated with
 * another file digest and the template hash that follows from it.
 */
#include "bench/bench.h"

#include "appraise/policy.h"
#include "base/text.h"
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
	WINDOW = 32,
	PICKS = 32 * 1024,
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
	struct buf file;   /* the set as a file */
	struct refset *set;
	struct pick {
		uint8_t digest[32];
		uint64_t path;
	} * picks; /* entries of the set, in no order */
	size_t picks_n;
	struct policy *policy;
	struct verdict verdict;
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

/* Entry i: a seed with i inside its file digest. */
static rc
put_entry(struct subject *s, const struct seed *seed, uint64_t i, struct err *e)
{
	enum { TEMPLATE_HASH_AT = 4 };
	uint8_t *at = s->list + s->list_n;

	memcpy(at, seed->bytes.p, seed->bytes.n);
	/* Spread as digests are: each i has its own. */
	for (size_t b = 0; b < 8; b++)
		at[seed->digest + b] =
		    (uint8_t)(i * UINT64_C(0x9e3779b97f4a7c15) >> (56 - 8 * b));
	s->data[i] = span_of(at + seed->data, seed->data_n);
	s->list_n += seed->bytes.n;
	if (!bare_hash(s->bare, ALG_SHA1, s->data[i], (struct span){NULL, 0},
		at + TEMPLATE_HASH_AT))
		return crypto(e);
	return RC_OK;
}

/* The first is boot_aggregate, which a list has once. */
static const struct seed *
seed_of(const struct seed *seeds, size_t n, size_t i)
{
	return &seeds[i ? 1 + (i - 1) % (n - 1) : 0];
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
		bytes += seed_of(seeds, seeds_n, i)->bytes.n;
	s->list = malloc(bytes);
	s->data = calloc(s->n, sizeof(*s->data));
	if (!s->list || !s->data)
		return memory(e);
	for (size_t i = 0; i < s->n; i++)
		TRY(put_entry(s, seed_of(seeds, seeds_n, i), i, e));
	return RC_OK;
}

/* A line of the file on its way into order. */
static int
by_line(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

/* The lines of `raw`, in order and once. */
static bool
sort_lines(struct buf *raw, struct buf *out)
{
	char **lines = calloc(2 * MILLION, sizeof(*lines));
	size_t n = 0;
	char *save = NULL;

	for (char *l = strtok_r(raw->p, "\n", &save); l && lines;
	     l = strtok_r(NULL, "\n", &save))
		lines[n++] = l;
	if (lines)
		qsort(lines, n, sizeof(*lines), by_line);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(lines[i - 1], lines[i]) != 0) {
			buf_puts(out, lines[i]);
			buf_puts(out, "\n");
		}
	free(lines);
	return lines && !out->failed;
}

/* Every entry of the list, then others, to a million. */
static rc
make_lines(struct subject *s, struct buf *out, struct err *e)
{
	const struct hash_alg *alg = hash_by_id(ALG_SHA256);
	struct ima_reader r = ima_over(span_of(s->list, s->list_n), 0);
	struct ima_entry entry;
	uint8_t other[32] = {0};
	char path[40];
	bool more = true;

	for (uint32_t i = 0; i < MILLION; i++) {
		if (more)
			TRY(ima_next(&r, &entry, &more, e));
		if (more) {
			refset_line(out, alg, entry.digest.p, entry.path);
			continue;
		}
		if (!bare_hash(s->bare, ALG_SHA256, span_of(&i, sizeof(i)),
			(struct span){NULL, 0}, other))
			return crypto(e);
		snprintf(path, sizeof(path), "/usr/lib/other/%u", i);
		refset_line(out, alg, other, span_str(path));
		if (s->picks_n < PICKS && i % 29 == 0) {
			struct pick *p = &s->picks[s->picks_n++];
			memcpy(p->digest, other, sizeof(p->digest));
			p->path = refset_path_hash(span_str(path));
		}
	}
	return out->failed ? memory(e) : RC_OK;
}

static rc
make_set(struct subject *s, struct err *e)
{
	struct buf raw = {0};

	s->picks = arena_array(&s->arena, PICKS, sizeof(*s->picks));
	if (!s->picks)
		return memory(e);
	rc r = make_lines(s, &raw, e);

	if (rc_ok(r) && !sort_lines(&raw, &s->file))
		r = memory(e);
	buf_free(&raw);
	TRY(r);
	return refset_load(buf_span(&s->file), &s->set, e);
}

static rc
make_policy(struct subject *s, struct err *e)
{
	struct refset_cache *cache = refset_cache_new();
	const char *json = arena_printf(&s->arena,
	    "{\"akashi_policy\":1,\"name\":\"bench\",\"pcrs\":{\"sha256\":[10]}"
	    ","
	    "\"ima\":{\"violations\":\"pass\",\"allow\":[{\"refset\":\"sha256:%"
	    "s\""
	    "}]}}",
	    hex_string(&s->arena, span_of(refset_hash(s->set), 32)));

	if (!cache || !json || !rc_ok(refset_cache_put(cache, s->set)))
		return memory(e);
	rc r = policy_decode(span_str(json), &s->policy, e);
	if (rc_ok(r))
		policy_bind(s->policy, cache);
	refset_cache_free(cache);
	return r;
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
ours(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct ima_target target = {.quote = &s->quote,
	    .hash = ALG_SHA256,
	    .values = &s->values,
	    .judged = 1u << PCR};
	struct ima_state end;
	struct ima_match match;
	struct arena a;

	arena_init(&a, (size_t)1 << 20);
	verdict_init(&s->verdict, &a);
	struct ima_judge *j = ima_judge_new(s->policy, &s->verdict);
	rc r = j ? ima_replay(span_of(s->list, s->list_n), &s->start, &target,
		       s->hasher, ima_judge_entry, j, &end, &match, e)
		 : memory(e);
	if (rc_ok(r)) {
		ima_judge_end(j, true);
		if (match.entries != s->n || s->verdict.reasons_n)
			r = err_text(e, ERR_INTERNAL, "bench.ima", "%s",
			    s->verdict.reasons_n ? s->verdict.reasons[0].found
						 : "not all of the list");
	}
	arena_free(&a);
	return r;
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
	policy_unref(s->policy);
	refset_unref(s->set);
	buf_free(&s->file);
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
	TRY(make_policy(s, e));
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

static rc
load_set(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct refset *set = NULL;

	TRY(refset_load(buf_span(&s->file), &set, e));
	refset_unref(set);
	return RC_OK;
}

static rc
hash_file(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	uint8_t out[32];

	return bare_hash(s->bare, ALG_SHA256, buf_span(&s->file),
		   (struct span){NULL, 0}, out)
		   ? RC_OK
		   : crypto(e);
}

static rc
run_load(struct measured *out, struct err *e)
{
	struct subject s;
	struct bench_work mine = {load_set, &s}, floor = {hash_file, &s};
	rc r = subject_init(&s, SMALL, e);

	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	out->value /= 1e6;
	out->bare /= 1e6;
	subject_free(&s);
	return r;
}

static rc
look_up(void *ctx, struct err *e)
{
	const struct subject *s = ctx;
	struct refset_probe probe[WINDOW];
	size_t at;

	for (size_t i = 0; i < PICKS; i += WINDOW) {
		for (size_t k = 0; k < WINDOW; k++)
			probe[k] = (struct refset_probe){
			    s->picks[i + k].digest, s->picks[i + k].path};
		refset_warm(s->set, probe, WINDOW);
		for (size_t k = 0; k < WINDOW; k++)
			if (refset_find(s->set, &probe[k], &at) != REFSET_PAIR)
				return err_at(
				    e, ERR_INTERNAL, NULL, "bench.ima");
	}
	return RC_OK;
}

/* What any look-up needs: one line of memory from anywhere in as much of it. */
static rc
read_lines(void *ctx, struct err *e)
{
	enum { LINE = 64 };
	const struct subject *s = ctx;
	size_t lines = s->file.n / LINE;
	uint64_t sum = 0;

	for (size_t i = 0; i < PICKS; i++)
		sum += (uint8_t)s->file.p[s->picks[i].path % lines * LINE];
	return sum ? RC_OK : err_at(e, ERR_INTERNAL, NULL, "bench.ima");
}

static rc
run_rate(struct measured *out, struct err *e)
{
	struct subject s;
	struct bench_work mine = {look_up, &s}, floor = {read_lines, &s};
	rc r = subject_init(&s, SMALL, e);

	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	out->value = PICKS / out->value;
	out->bare = PICKS / out->bare;
	out->ratio = 1 / out->ratio;
	subject_free(&s);
	return r;
}

const struct bench_row row_ima_replay = {"ima_replay", "us",
    "20,000 ima-sig entries: decode, hash, replay, look up in 1M digests",
    RATIO_AT_MOST, 1.3, run_small};

const struct bench_row row_ima_million = {"ima_million", "s",
    "1,000,000 ima-sig entries, within 64 MiB", VALUE_AT_MOST, 2, run_million};

const struct bench_row row_ima_set_load = {"ima_set_load", "s",
    "a reference set of a million, from its file to look-ups", VALUE_AT_MOST, 1,
    run_load};

const struct bench_row row_ima_set_rate = {"ima_set_rate", "M/s",
    "look-ups all over a million, in batches of 32", VALUE_AT_LEAST, 5,
    run_rate};

const struct bench_row row_ima_set = {"ima_set", "B",
    "memory of one allowed digest, in a set of a million", VALUE_AT_MOST, 64,
    run_set};
