/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/refset_parts.h"

#include "base/limits.h"
#include "base/rd.h"

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

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline struct sip
sip_round(struct sip v)
{
	v.a += v.b;
	v.c += v.d;
	v.b = rotate(v.b, 13) ^ v.a;
	v.d = rotate(v.d, 16) ^ v.c;
	v.a = rotate(v.a, 32);
	v.c += v.b;
	v.a += v.d;
	v.b = rotate(v.b, 17) ^ v.c;
	v.d = rotate(v.d, 21) ^ v.a;
	v.c = rotate(v.c, 32);
	return v;
}

static inline struct sip
sip_word(struct sip v, uint64_t m)
{
	v.d ^= m;
	v = sip_round(v);
	v.a ^= m;
	return v;
}

/* Every blank as '_'. */
static inline uint64_t
underscored(uint64_t m)
{
	const uint64_t ones = 0x0101010101010101;
	const uint64_t low = 0x7f * ones;
	/* 0x80 where a byte is a blank, exactly */
	uint64_t x = m ^ ' ' * ones;
	uint64_t blank = ~(((x & low) + low) | x | low);

	return m ^ (blank >> 7) * (' ' ^ '_');
}

uint64_t
refset_path_hash(struct span path)
{
	struct sip v = {0x736f6d6570736575, 0x646f72616e646f6d,
	    0x6c7967656e657261, 0x7465646279746573};
	uint64_t last = (uint64_t)path.n << 56;
	struct rd in = rd_over(path);

	while (rd_left(&in) >= 8)
		v = sip_word(v, underscored(rd_u64le(&in)));
	for (unsigned i = 0; rd_left(&in); i++) {
		uint64_t c = rd_u8(&in);
		last |= (c == ' ' ? '_' : c) << (8 * i);
	}
	v = sip_word(v, last);
	v.c ^= 0xff;
	v = sip_round(sip_round(sip_round(v)));
	return v.a ^ v.b ^ v.c ^ v.d;
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
	return s->path_bits ? (size_t)(path >> (64 - s->path_bits)) : 0;
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
	size_t runs = (size_t)1 << s->path_bits;
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
	/* Runs of one digest or none; those of paths, which only the reason
	 * for a failure needs, may be longer. */
	while (s->bits < BITS_MAX && (size_t)1 << s->bits < s->n)
		s->bits++;
	s->path_bits = s->bits > 3 ? s->bits - 3 : 0;
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

static bool
is_pair(const struct refset *s, size_t i, const struct refset_probe *probe)
{
	return is_digest(s, i, probe->digest) &&
	       tail_of(s, i).path == probe->path;
}

/* The pair in a run, or its end. Most runs are too short to be halved. */
static size_t
find_pair(const struct refset *s, size_t from, size_t to,
    const struct refset_probe *probe)
{
	if (to - from > 4) {
		from = lower(s, from, to, probe->digest, probe->path);
		return from < to && is_pair(s, from, probe) ? from : to;
	}
	while (from < to && !is_pair(s, from, probe))
		from++;
	return from;
}

enum refset_found
refset_find(
    const struct refset *s, const struct refset_probe *probe, size_t *entry)
{
	size_t run = run_of(s, probe->digest);
	size_t from = s->first[run];
	size_t to = s->first[run + 1];
	size_t at = find_pair(s, from, to, probe);

	if (at < to) {
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
	       (((size_t)1 << s->bits) + 1) * sizeof(*s->first) +
	       (((size_t)1 << s->path_bits) + 1) * sizeof(*s->first_path) +
	       s->n * sizeof(*s->by_path);
}

const uint8_t *
refset_hash(const struct refset *s)
{
	return s->hash;
}
