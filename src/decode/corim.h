/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoRIM (draft-ietf-rats-corim-11): a maker's reference values, in CBOR.
 *
 * Decoded are the CoMIDs' reference values that are digests: of registers and
 * of named things. Every other member of the document is in `left`, by its
 * path, so that who reads it can list what was not understood.
 */
#ifndef AKASHI_DECODE_CORIM_H
#define AKASHI_DECODE_CORIM_H

#include "base/hash.h"
#include "decode/cbor_tree.h"

enum { CORIM_TAG = 501 };

struct corim_digest {
	const struct hash_alg *alg; /* NULL: cut short, or not known here */
	struct span bytes;
};

/* One register, whose digests are alternatives (5.1.4.5.8: any of them). */
struct corim_register {
	const char *path;
	bool named;	  /* by text, not by number */
	uint64_t number;  /* where not named */
	struct span name; /* where named */
	size_t digests_n; /* 1 at least */
	const struct corim_digest *digests;
};

struct corim_measurement {
	const char *path;
	struct span key;  /* mkey where it is text; p == NULL */
	struct span name; /* p == NULL: none */
	bool conditional; /* only where a certain key authorised the evidence */
	/* Of one thing, each by another algorithm. */
	size_t digests_n;
	const struct corim_digest *digests;
	size_t registers_n;
	const struct corim_register *registers;
};

/* What holds in one environment. */
struct corim_reference {
	const char *path;
	struct span vendor, model; /* of its class; p == NULL: none */
	bool narrow; /* one instance or group of machines, not a class */
	size_t n;
	const struct corim_measurement *measurements;
};

struct corim_id {
	struct span text; /* at most LIMIT_CORIM_TEXT bytes; a UUID in words */
};

struct comid {
	const char *path;
	struct corim_id id;
	uint64_t version;
	size_t replaces_n; /* CoMIDs whose content must be disregarded */
	const struct corim_id *replaces;
	size_t n;
	const struct corim_reference *references;
};

/* In microseconds since 1970, both included. */
struct corim_validity {
	bool begins, ends;
	int64_t from, to;
};

/* A member that is not decoded. */
struct corim_left {
	const char *path;
	const struct corim_left *next;
};

struct corim {
	struct span profile; /* a URI or a dotted OID; p == NULL: none */
	struct corim_validity validity;
	size_t n;
	const struct comid *comids; /* no two with one identifier */
	const struct corim_left *left;
};

/* CBOR as cbor_tree() reads it: the file, or a document within it at this path.
 * CORIM_CBOR, CORIM_LIMIT, MEMORY. */
MUST_USE rc corim_tree(const char *path, struct span s, size_t *budget,
    struct arena *a, const struct cbor_value **out, struct err *e);

/* What tag 501 is of. Everything borrows from the document and the arena.
 * CORIM_FORMAT, CORIM_CBOR, CORIM_LIMIT; MEMORY. */
MUST_USE rc corim_decode(const struct cbor_value *v, size_t *budget,
    struct arena *a, struct corim *out, struct err *e);

/* Who says to have signed, and from when to when that holds. */
struct corim_signer {
	struct span name;
	struct corim_validity validity;
	const struct corim_left *left; /* not decoded */
};

/* The headers corim-meta (8) and CWT claims (15) of a signed CoRIM; one of them
 * is there, NULL where it is not. Errors as above. */
MUST_USE rc corim_decode_signer(const struct cbor_value *meta,
    const struct cbor_value *claims, size_t *budget, struct arena *a,
    struct corim_signer *out, struct err *e);

#endif
