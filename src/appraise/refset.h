/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of (file digest, path) pairs, made for millions of them.
 *
 * 1. Entries are sorted by digest, then by path; `first` maps the leading bits
 *    of a digest to its run, which is searched by halving. So no list of
 *    digests, however it was chosen, makes a look-up slow.
 * 2. Paths are kept as 64-bit SipHash values: a pair is found by digest and
 *    path, a path by itself through `by_path`. The text stays where it came
 *    from; `text` is its offset there, for explanations.
 * 3. Immutable after it is sealed: threads and policies share it by count.
 * 4. A set that is an object of its own (a reference set) has one spelling as
 *    a file, and the SHA-256 of that file is its name for ever. See below.
 */
#ifndef AKASHI_APPRAISE_REFSET_H
#define AKASHI_APPRAISE_REFSET_H

#include "base/hash.h"
#include "base/rc.h"

struct refset;

/* An empty set of digests of one algorithm, held once; NULL without memory. */
struct refset *refset_new(const struct hash_alg *alg);
struct refset *refset_ref(struct refset *s);
void refset_unref(struct refset *s); /* NULL accepted */

/* Add a pair. `path` is as the kernel measures it (a blank counts as '_'), or
 * empty for a digest without a path; `text` is the caller's own. MEMORY;
 * JSON_LIMIT over LIMIT_REFSET entries. */
MUST_USE rc refset_add(
    struct refset *s, const uint8_t *digest, struct span path, uint32_t text);

/* Sort, drop pairs that occur twice, build the indexes and give back spare
 * memory. MEMORY. */
MUST_USE rc refset_seal(struct refset *s);

enum refset_found {
	REFSET_NONE,   /* neither the digest nor the path is known */
	REFSET_PAIR,   /* this digest at this path */
	REFSET_DIGEST, /* the digest, at other paths only */
	REFSET_PATH,   /* the path, with other digests only */
};

/* Look a pair up. For REFSET_DIGEST and REFSET_PATH *entry is the first entry
 * (in the set's order) that shares the digest or the path. */
enum refset_found refset_get(const struct refset *s, const uint8_t *digest,
    struct span path, size_t *entry);

/* A pair on its way through one set or several: the path is hashed once.
 * `digest` NULL: nothing to look up. */
struct refset_probe {
	const uint8_t *digest;
	uint64_t path; /* refset_path_hash() */
};

/* Ask memory for what the look-ups of n probes will read, all at once: they
 * wait for it together and not one after the other. */
void refset_warm(
    const struct refset *s, const struct refset_probe *probes, size_t n);

/* refset_get() for a probe. */
enum refset_found refset_find(
    const struct refset *s, const struct refset_probe *probe, size_t *entry);

/* Some pair has this digest. */
bool refset_has(const struct refset *s, const uint8_t *digest);

const struct hash_alg *refset_alg(const struct refset *s);
size_t refset_count(const struct refset *s);
const uint8_t *refset_digest(const struct refset *s, size_t entry);
uint32_t refset_text(const struct refset *s, size_t entry);

/* Bytes of memory held. */
size_t refset_memory(const struct refset *s);

/* SipHash-1-3 of a path with blanks as '_' under a fixed key. Not secret: it
 * spreads, it does not authenticate. */
uint64_t refset_path_hash(struct span path);

/* --- reference sets (refset_file.c) ----------------------------------------
 *
 * The file form, which is also what is hashed: one line per entry,
 *
 *   <digest in lower-case hex> [ <two blanks> <path> ] <newline>
 *
 * all digests of one length (SHA-1, SHA-256, SHA-384 or SHA-512 by it), lines
 * strictly ascending by bytes (as `LC_ALL=C sort -u` leaves them), and in a
 * path the bytes 01 to 1f, 7f and the backslash as \xNN. A sha256sum list of
 * ordinary names is one as soon as it is sorted; sha256sum of the file is the
 * set's name. The empty file is the empty set, of SHA-256.
 */

/* Reads a file in pieces of any size; memory grows with the set alone. */
struct refset_loader;

struct refset_loader *refset_loader_new(void); /* NULL without memory */
void refset_loader_free(struct refset_loader *l);

/* REFSET_FORMAT, with the path "lines[N]" counted from 1; JSON_LIMIT, MEMORY,
 * CRYPTO. After a failure the loader can only be freed. */
MUST_USE rc refset_loader_feed(
    struct refset_loader *l, struct span piece, struct err *e);

/* The sealed set; the caller holds it. REFSET_FORMAT for a last line without
 * newline. */
MUST_USE rc refset_loader_end(
    struct refset_loader *l, struct refset **out, struct err *e);

/* A whole file in memory. */
MUST_USE rc refset_load(struct span file, struct refset **out, struct err *e);

/* The SHA-256 of its file; zeros for a set that was not loaded from one. */
const uint8_t *refset_hash(const struct refset *s);

/* Append one line of the file form, newline included. */
struct buf;
void refset_line(struct buf *out, const struct hash_alg *alg,
    const uint8_t *digest, struct span path);

/* --- sharing (refset_cache.c) ----------------------------------------------
 *
 * Sets by their hash, for threads: a policy takes what it names, and a set that
 * no policy holds any more can be dropped.
 */
struct refset_cache;

struct refset_cache *refset_cache_new(void); /* NULL without memory */
void refset_cache_free(struct refset_cache *c);

/* The set of a hash, held for the caller; NULL where there is none. */
struct refset *refset_cache_get(struct refset_cache *c, const uint8_t *hash);

/* Keep a loaded set, held by the cache as well from here on. The one that is
 * there already stays. MEMORY. */
MUST_USE rc refset_cache_put(struct refset_cache *c, struct refset *s);

/* Drop every set that only the cache holds; how many stayed. */
size_t refset_cache_trim(struct refset_cache *c);

/* --- sha256sum(1) ----------------------------------------------------------
 *
 * A line without its newline: digest, two blanks (or blank and '*'), path; a
 * leading backslash means that \\, \n and \r are escaped. The algorithm
 * follows from the digest's length. *path is in `a` where it was escaped, else
 * it borrows the line. ENCODING, MEMORY. */
struct sum_line {
	const struct hash_alg *alg;
	uint8_t digest[HASH_MAX];
	struct span path;
};
struct arena;
MUST_USE rc sum_line_parse(
    struct span line, struct arena *a, struct sum_line *out);

/* The hash whose digests have so many bytes: SHA-1 or SHA-2; NULL. */
const struct hash_alg *sum_alg(size_t size);

#endif
