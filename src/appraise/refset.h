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
 * 3. Immutable after refset_seal(): threads may share it.
 */
#ifndef AKASHI_APPRAISE_REFSET_H
#define AKASHI_APPRAISE_REFSET_H

#include "base/hash.h"
#include "base/rc.h"

struct refset;

/* An empty set of digests of one algorithm; NULL without memory. */
struct refset *refset_new(const struct hash_alg *alg);
void refset_free(struct refset *s);

/* Add a pair. `path` is as the kernel measures it (a blank counts as '_');
 * `text` is the caller's own. MEMORY; JSON_LIMIT over 2^31 entries. */
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

const struct hash_alg *refset_alg(const struct refset *s);
size_t refset_count(const struct refset *s);
const uint8_t *refset_digest(const struct refset *s, size_t entry);
uint32_t refset_text(const struct refset *s, size_t entry);

/* Bytes of memory held. */
size_t refset_memory(const struct refset *s);

/* SipHash-2-4 of a path with blanks as '_' under a fixed key. Not secret: it
 * spreads, it does not authenticate. */
uint64_t refset_path_hash(struct span path);

/* A line of sha256sum(1), without its newline: digest, two blanks (or blank
 * and '*'), path; a leading backslash means that \\, \n and \r are escaped.
 * The algorithm follows from the digest's length. *path is in `a` where it
 * was escaped, else it borrows the line. ENCODING, MEMORY. */
struct sum_line {
	const struct hash_alg *alg;
	uint8_t digest[HASH_MAX];
	struct span path;
};
struct arena;
MUST_USE rc sum_line_parse(
    struct span line, struct arena *a, struct sum_line *out);

#endif
