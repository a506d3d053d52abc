/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/refset_parts.h"

#include "base/limits.h"

#include <stdlib.h>
#include <sys/mman.h>

/* What is kept per entry beside its digest. */
struct tail {
	uint64_t path;
	uint32_t text;
};

enum {
	TAIL = sizeof(uint64_t) + sizeof(uint32_t),
	/* The most leading bits that choose a run: more runs than entries of
	 * the largest sets would only cost memory. */
	BITS_MAX = 24,
	LINE = 64, /* what memory gives at once */
};

/* --- SipHash-1-3 (Aumasson, Bernstein 2012) ------------------------------- */

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
}

/* Up to 8 bytes, little-endian, every blank as '_'. */
static uint64_t
word_of(const uint8_t *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101;
	const uint64_t low = 0x7f * ones;
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)p[i] << (8 * i);
	/* 0x80 where a byte is a blank, exactly */
	uint64_t x = m ^ ' ' * ones;
	uint64_t blank = ~(((x & low) + low) | x | low);
	return m ^ (blank >> 7) * (' ' ^ '_');
}

uint64_t
refset_path_hash(struct span path)
{
	uint64_t v[4] = {0x736f6d6570736575, 0x646f72616e646f6d,
	    0x6c7967656e657261, 0x7465646279746573};
	size_t i = 0;

	for (; path.n - i >= 8; i += 8)
		sip_word(v, word_of(path.p + i, 8));
	sip_word(v, word_of(path.p + i, path.n - i) | (uint64_t)path.n << 56);
	v[2] ^= 0xff;
	for (int k = 0; k < 3; k++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- memory --------------------------------------------------------------- */

enum { HUGE_PAGE = 2 * 1024 * 1024 };

/* Look-ups go anywhere: in large pages each needs one translation less. */
static void *
room(size_t count, size_t size)
{
	size_t n = count * size;
	void *p = NULL;

	if (n < HUGE_PAGE)
		return malloc(n ? n : 1);
	if (posix_memalign(&p, HUGE_PAGE, n) != 0)
		return NULL;
	(void)madvise(p, n, MADV_HUGEPAGE);
	return p;
}

/* --- building ------------------------------------------------------------- */

struct refset *
refset_new(const struct hash_alg *alg)
{
	struct refset *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->alg = alg;
	s->size = alg->size + TAIL;
	return s;
}

struct refset *
refset_ref(struct refset *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
refset_unref(struct refset *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	free(s->records);
	free(s->first);
	free(s->by_path);
	free(s->first_path);
	free(s);
}

static uint8_t *
record(const struct refset *s, size_t i)
{
	return s->records + i * s->size;
}

/* Records are packed, so their tails are copied in and out. */
static struct tail
tail_at(const struct refset *s, const uint8_t *rec)
{
	struct tail t;

	memcpy(&t.path, rec + s->alg->size, sizeof(t.path));
	memcpy(&t.text, rec + s->alg->size + sizeof(t.path), sizeof(t.text));
	return t;
}

static struct tail
tail_of(const struct refset *s, size_t i)
{
	return tail_at(s, record(s, i));
}

static bool
grow(struct refset *s, size_t cap)
{
	uint8_t *p = realloc(s->records, cap * s->size);

	if (!p)
		return false;
	s->records = p;
	s->cap = cap;
	return true;
}

rc
refset_add(
    struct refset *s, const uint8_t *digest, struct span path, uint32_t text)
{
	if (s->n >= LIMIT_REFSET)
		return (rc){ERR_JSON_LIMIT};
	if (s->n == s->cap && !grow(s, s->cap ? 2 * s->cap : 64))
		return (rc){ERR_MEMORY};
	struct tail t = {refset_path_hash(path), text};
	uint8_t *p = record(s, s->n++);
	memcpy(p, digest, s->alg->size);
	memcpy(p + s->alg->size, &t.path, sizeof(t.path));
	memcpy(p + s->alg->size + sizeof(t.path), &t.text, sizeof(t.text));
	return RC_OK;
}

/* Order of the set: digest, path hash, text; the last only so that equal
 * pairs are kept the same way whatever order they were added in. */
static int
by_digest(const void *a, const void *b, void *set)
{
	const struct refset *s = set;
	int d = memcmp(a, b, s->alg->size);
	struct tail x = tail_at(s, a);
	struct tail y = tail_at(s, b);

	if (d)
		return d;
	if (x.path != y.path)
		return x.path < y.path ? -1 : 1;
	return x.text < y.text ? -1 : x.text > y.text;
}

static void
drop_twins(struct refset *s)
{
	size_t to = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (to > 0 && memcmp(record(s, to - 1), record(s, i),
				  s->alg->size + sizeof(uint64_t)) == 0)
			continue;
		if (to != i)
			memcpy(record(s, to), record(s, i), s->size);
		to++;
	}
	s->n = to;
}

static size_t
run_of(const struct refset *s, const uint8_t *digest)
{
	uint32_t head = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
			(uint32_t)digest[2] << 8 | digest[3];

	return s->bits ? head >> (32 - s->bits) : 0;
}

static size_t
run_of_path(const struct refset *s, uint64_t path)
{
	return s->bits ? (size_t)(path >> (64 - s->bits)) : 0;
}

/* first[r] is the first entry of run r or of a later one. */
static bool
index_records(struct refset *s)
{
	size_t runs = (size_t)1 << s->bits;
	size_t i = 0;

	s->first = room(runs + 1, sizeof(*s->first));
	if (!s->first)
		return false;
	for (size_t r = 0; r <= runs; r++) {
		s->first[r] = (uint32_t)i;
		while (i < s->n && run_of(s, record(s, i)) == r)
			i++;
	}
	return true;
}

/* Order of by_path within a run. */
static int
by_path(const void *a, const void *b, void *set)
{
	const uint32_t *x = a;
	const uint32_t *y = b;
	uint64_t p = tail_of(set, *x).path;
	uint64_t q = tail_of(set, *y).path;

	if (p != q)
		return p < q ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* Count the entries of each run, give each run its room, put every entry into
 * its run, then sort within the runs, which are short. */
static bool
index_paths(struct refset *s)
{
	size_t runs = (size_t)1 << s->bits;
	uint32_t sum = 0;

	s->by_path = room(s->n, sizeof(*s->by_path));
	s->first_path = room(runs + 1, sizeof(*s->first_path));
	if (!s->by_path || !s->first_path)
		return false;
	/* Shifted by one, so that filling leaves each start in its place. */
	memset(s->first_path, 0, (runs + 1) * sizeof(*s->first_path));
	for (size_t i = 0; i < s->n; i++)
		s->first_path[run_of_path(s, tail_of(s, i).path) + 1]++;
	for (size_t r = 0; r < runs; r++) {
		uint32_t n = s->first_path[r + 1];
		s->first_path[r + 1] = sum;
		sum += n;
	}
	for (size_t i = 0; i < s->n; i++) {
		size_t r = run_of_path(s, tail_of(s, i).path);
		s->by_path[s->first_path[r + 1]++] = (uint32_t)i;
	}
	for (size_t r = 0; r < runs; r++) {
		uint32_t from = s->first_path[r];
		uint32_t to = s->first_path[r + 1];
		if (to - from > 1)
			qsort_r(s->by_path + from, to - from,
			    sizeof(*s->by_path), by_path, s);
	}
	return true;
}

/* Digests ascend already: only entries that share one are out of order. */
static bool
sort_runs(struct refset *s)
{
	size_t from = 0;

	for (size_t i = 1; i < s->n; i++)
		if (memcmp(record(s, i - 1), record(s, i), s->alg->size) > 0)
			return false;
	for (size_t i = 1; i <= s->n; i++) {
		if (i < s->n &&
		    memcmp(record(s, from), record(s, i), s->alg->size) == 0)
			continue;
		if (i - from > 1)
			qsort_r(
			    record(s, from), i - from, s->size, by_digest, s);
		from = i;
	}
	return true;
}

/* The records in memory of their final size. */
static bool
settle(struct refset *s)
{
	uint8_t *p = room(s->n, s->size);

	if (!p)
		return false;
	if (s->n)
		memcpy(p, s->records, s->n * s->size);
	free(s->records);
	s->records = p;
	s->cap = s->n;
	return true;
}

rc
refset_seal(struct refset *s)
{
	if (s->n && !sort_runs(s))
		qsort_r(s->records, s->n, s->size, by_digest, s);
	drop_twins(s);
	while (s->bits < BITS_MAX && (size_t)2 << s->bits <= s->n)
		s->bits++;
	if (!settle(s) || !index_records(s) || !index_paths(s))
		return (rc){ERR_MEMORY};
	return RC_OK;
}

/* --- look-up -------------------------------------------------------------- */

static int
compare(const struct refset *s, size_t i, const uint8_t *digest, uint64_t path)
{
	int d = memcmp(record(s, i), digest, s->alg->size);
	uint64_t have = tail_of(s, i).path;

	if (d)
		return d;
	return have < path ? -1 : have > path;
}

/* The first entry in [from, to) that is not before (digest, path). */
static size_t
lower(const struct refset *s, size_t from, size_t to, const uint8_t *digest,
    uint64_t path)
{
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (compare(s, mid, digest, path) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool
is_digest(const struct refset *s, size_t i, const uint8_t *digest)
{
	return memcmp(record(s, i), digest, s->alg->size) == 0;
}

static bool
find_path(const struct refset *s, uint64_t path, size_t *entry)
{
	size_t run = run_of_path(s, path);
	size_t from = s->first_path[run];
	size_t to = s->first_path[run + 1];

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (tail_of(s, s->by_path[mid]).path < path)
			from = mid + 1;
		else
			to = mid;
	}
	if (from == s->n || tail_of(s, s->by_path[from]).path != path)
		return false;
	*entry = s->by_path[from];
	return true;
}

void
refset_warm(const struct refset *s, const struct refset_probe *probes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (probes[i].digest)
			__builtin_prefetch(
			    &s->first[run_of(s, probes[i].digest)]);
	for (size_t i = 0; i < n; i++) {
		if (!probes[i].digest)
			continue;
		size_t run = run_of(s, probes[i].digest);
		const uint8_t *p = record(s, s->first[run]);
		const uint8_t *end = record(s, s->first[run + 1]);
		/* A long run is searched by halving: its middle comes first. */
		if (end - p > 4 * LINE)
			p = record(s, (s->first[run] + s->first[run + 1]) / 2);
		for (unsigned k = 0; k < 4 && p < end; k++, p += LINE)
			__builtin_prefetch(p);
	}
}

enum refset_found
refset_find(
    const struct refset *s, const struct refset_probe *probe, size_t *entry)
{
	size_t run = run_of(s, probe->digest);
	size_t from = s->first[run];
	size_t to = s->first[run + 1];
	size_t at = lower(s, from, to, probe->digest, probe->path);

	if (at < to && compare(s, at, probe->digest, probe->path) == 0) {
		*entry = at;
		return REFSET_PAIR;
	}
	at = lower(s, from, to, probe->digest, 0);
	if (at < to && is_digest(s, at, probe->digest)) {
		*entry = at;
		return REFSET_DIGEST;
	}
	return find_path(s, probe->path, entry) ? REFSET_PATH : REFSET_NONE;
}

enum refset_found
refset_get(const struct refset *s, const uint8_t *digest, struct span path,
    size_t *entry)
{
	struct refset_probe probe = {digest, refset_path_hash(path)};

	return refset_find(s, &probe, entry);
}

bool
refset_has(const struct refset *s, const uint8_t *digest)
{
	size_t run = run_of(s, digest);
	size_t to = s->first[run + 1];
	size_t at = lower(s, s->first[run], to, digest, 0);

	return at < to && is_digest(s, at, digest);
}

const struct hash_alg *
refset_alg(const struct refset *s)
{
	return s->alg;
}

size_t
refset_count(const struct refset *s)
{
	return s->n;
}

const uint8_t *
refset_digest(const struct refset *s, size_t entry)
{
	return record(s, entry);
}

uint32_t
refset_text(const struct refset *s, size_t entry)
{
	return tail_of(s, entry).text;
}

size_t
refset_memory(const struct refset *s)
{
	return sizeof(*s) + s->cap * s->size +
	       2 * (((size_t)1 << s->bits) + 1) * sizeof(*s->first) +
	       s->n * sizeof(*s->by_path);
}

const uint8_t *
refset_hash(const struct refset *s)
{
	return s->hash;
}
