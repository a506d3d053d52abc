/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/refset.h"

#include "base/text.h"

#include <stdlib.h>

/* What is kept per entry beside its digest. */
struct tail {
	uint64_t path;
	uint32_t text;
};

struct refset {
	const struct hash_alg *alg;
	size_t size; /* of one record: digest, path hash, text offset */
	size_t n, cap;
	uint8_t *records;
	unsigned bits;	   /* leading bits of a digest or path hash: its run */
	uint32_t *first;   /* 2^bits + 1 starts of runs of records */
	uint32_t *by_path; /* entries sorted by path hash */
	uint32_t *first_path; /* starts of runs in by_path */
};

enum { TAIL = sizeof(uint64_t) + sizeof(uint32_t) };

/* --- SipHash-2-4 (Aumasson, Bernstein 2012) ------------------------------- */

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
	sip_round(v);
	v[0] ^= m;
}

uint64_t
refset_path_hash(struct span path)
{
	uint64_t v[4] = {0x736f6d6570736575, 0x646f72616e646f6d,
	    0x6c7967656e657261, 0x7465646279746573};
	uint64_t m = 0;

	for (size_t i = 0; i < path.n; i++) {
		uint8_t c = path.p[i] == ' ' ? '_' : path.p[i];
		m |= (uint64_t)c << (8 * (i & 7));
		if ((i & 7) == 7) {
			sip_word(v, m);
			m = 0;
		}
	}
	sip_word(v, m | (uint64_t)path.n << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- building ------------------------------------------------------------- */

struct refset *
refset_new(const struct hash_alg *alg)
{
	struct refset *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->alg = alg;
	s->size = alg->size + TAIL;
	return s;
}

void
refset_free(struct refset *s)
{
	if (!s)
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
	if (s->n >= (size_t)1 << 31)
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

/* An entry on its way into by_path. */
struct place {
	uint64_t path;
	uint32_t entry;
};

static int
by_place(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;

	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
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

	s->first = calloc(runs + 1, sizeof(*s->first));
	if (!s->first)
		return false;
	for (size_t r = 0; r <= runs; r++) {
		s->first[r] = (uint32_t)i;
		while (i < s->n && run_of(s, record(s, i)) == r)
			i++;
	}
	return true;
}

static bool
index_paths(struct refset *s)
{
	size_t runs = (size_t)1 << s->bits;
	struct place *places = calloc(s->n + 1, sizeof(*places));
	size_t i = 0;

	s->by_path = calloc(s->n + 1, sizeof(*s->by_path));
	s->first_path = calloc(runs + 1, sizeof(*s->first_path));
	if (!places || !s->by_path || !s->first_path) {
		free(places);
		return false;
	}
	for (i = 0; i < s->n; i++)
		places[i] = (struct place){tail_of(s, i).path, (uint32_t)i};
	qsort(places, s->n, sizeof(*places), by_place);
	i = 0;
	for (size_t r = 0; r <= runs; r++) {
		s->first_path[r] = (uint32_t)i;
		while (i < s->n && run_of_path(s, places[i].path) == r) {
			s->by_path[i] = places[i].entry;
			i++;
		}
	}
	free(places);
	return true;
}

rc
refset_seal(struct refset *s)
{
	if (s->n)
		qsort_r(s->records, s->n, s->size, by_digest, s);
	drop_twins(s);
	if (s->n && !grow(s, s->n))
		return (rc){ERR_MEMORY};
	while (s->bits < 24 && (size_t)2 << s->bits <= s->n)
		s->bits++;
	if (!index_records(s) || !index_paths(s))
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

enum refset_found
refset_get(const struct refset *s, const uint8_t *digest, struct span path,
    size_t *entry)
{
	uint64_t hash = refset_path_hash(path);
	size_t run = run_of(s, digest);
	size_t from = s->first[run];
	size_t to = s->first[run + 1];
	size_t at = lower(s, from, to, digest, hash);

	if (at < to && compare(s, at, digest, hash) == 0) {
		*entry = at;
		return REFSET_PAIR;
	}
	at = lower(s, from, to, digest, 0);
	if (at < to && memcmp(record(s, at), digest, s->alg->size) == 0) {
		*entry = at;
		return REFSET_DIGEST;
	}
	return find_path(s, hash, entry) ? REFSET_PATH : REFSET_NONE;
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
	       (s->n + 1) * sizeof(*s->by_path);
}

/* --- sha256sum lines ------------------------------------------------------ */

static const struct hash_alg *
alg_of_length(size_t digits)
{
	static const uint16_t algs[] = {
	    ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		const struct hash_alg *alg = hash_by_id(algs[i]);
		if (alg && 2 * alg->size == digits)
			return alg;
	}
	return NULL;
}

static rc
unescape(struct span in, struct arena *a, struct span *out)
{
	uint8_t *p = arena_alloc(a, in.n);
	size_t n = 0;

	if (!p)
		return (rc){ERR_MEMORY};
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (c == '\\' && ++i < in.n)
			c = in.p[i] == 'n'    ? '\n'
			    : in.p[i] == 'r'  ? '\r'
			    : in.p[i] == '\\' ? '\\'
					      : 0;
		else if (c == '\\')
			c = 0;
		if (c == 0)
			return (rc){ERR_ENCODING};
		p[n++] = c;
	}
	*out = span_of(p, n);
	return RC_OK;
}

rc
sum_line_parse(struct span line, struct arena *a, struct sum_line *out)
{
	bool escaped = line.n > 0 && line.p[0] == '\\';
	struct span in = escaped ? span_of(line.p + 1, line.n - 1) : line;
	struct sum_line got = {0};
	size_t digits = 0;

	while (digits < in.n && in.p[digits] != ' ')
		digits++;
	got.alg = alg_of_length(digits);
	if (!got.alg || in.n < digits + 3 ||
	    (in.p[digits + 1] != ' ' && in.p[digits + 1] != '*'))
		return (rc){ERR_ENCODING};
	TRY(hex_decode(span_of(in.p, digits), got.digest, got.alg->size));
	got.path = span_of(in.p + digits + 2, in.n - digits - 2);
	if (escaped)
		TRY(unescape(got.path, a, &got.path));
	*out = got;
	return RC_OK;
}
