/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derived policies. A derived document names what it is made from and what of
 * that it replaces:
 *
 *	"base": [{"name": "debian-12", "version": 3, "hash": "…64 hex digits"}],
 *	"replaces": ["boot.9", "ima.allow"]
 *
 * The composed document is an ordinary one, and it alone is hashed, signed,
 * approved, judged by and named in verdicts.
 *
 * 1. A part is one member of an object member ("boot.4", "pcrs.sha256",
 *    "ima.allow"), or a whole member that is no object ("mode"). Parts are
 *    taken over or replaced whole, never mixed.
 * 2. The labels (name, version, description, source) are the derived
 *    document's own.
 * 3. What a base has, the derived document may say again with the same value;
 *    with another value only if "replaces" names the part. What no base has
 *    it may add, but not what can only make a policy looser (mode, log,
 *    severity, waivers): that "replaces" has to name as well.
 * 4. Two bases that say different things about a part are refused, unless the
 *    derived document replaces it.
 * 5. Every entry of "replaces" is used.
 */
#ifndef AKASHI_APPRAISE_COMPOSE_H
#define AKASHI_APPRAISE_COMPOSE_H

#include "base/arena.h"
#include "base/json.h"

enum { COMPOSE_BASES = 8, COMPOSE_REPLACES = 64 };

struct compose_base {
	struct span name;
	uint32_t version;
	uint8_t hash[32];
	const json_t *doc; /* found by the caller, composed itself */
};

/* A document that has bases. */
bool compose_is_derived(const json_t *doc);

/* What the document is made from; spans are its own.
 * JSON_…, POLICY_FORMAT, NAME_FORMAT. */
MUST_USE rc compose_read(const json_t *doc,
    struct compose_base out[COMPOSE_BASES], size_t *n, struct err *e);

/* Compose. *out is the document; *origins has for each part
 * {"from": "base"|"own", "name", "version", "hash",
 * "replaced"}. The caller owns both.
 * POLICY_FORMAT, POLICY_REPLACES, JSON_…, MEMORY. */
MUST_USE rc compose(const json_t *doc, const struct compose_base *bases,
    size_t n, json_t **out, json_t **origins, struct err *e);

#endif
