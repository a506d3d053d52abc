/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the encodings of canonical event logs share: a record is drafted, then
 * taken into the log once all of it was read. For decode/cel*.c and
 * decode/userspace.c only.
 */
#ifndef AKASHI_DECODE_CEL_WALK_H
#define AKASHI_DECODE_CEL_WALK_H

#include "base/json.h"
#include "decode/cel.h"

enum { CEL_FIELDS_MAX = 8 };

/* How often an index was named. */
struct cel_seen {
	bool nv;
	uint32_t where;
	uint64_t records;
};

struct cel_walk {
	struct cel_log *log;
	struct arena *arena;
	size_t room; /* records that fit into log->records */
	size_t seen_n;
	struct cel_seen seen[LIMIT_PCRS + LIMIT_CEL_INDEXES];
	bool not_global; /* numbers do not run over the whole log */
	bool not_local;	 /* numbers do not run per index */
};

struct cel_draft {
	struct cel_record rec;
	struct cel_digest digests[LIMIT_BANKS];
	struct cel_field fields[CEL_FIELDS_MAX];
	char path[32]; /* "events[3]" */
};

/* A part of a content, as every encoding knows it. */
struct cel_part {
	uint8_t type; /* CEL_TYPE_… */
	uint8_t id;   /* in TLV and CBOR */
	const char *name;
	enum cel_kind kind;
	bool required;
};

/* Row i of the table of parts; NULL behind its end. Rows of a type stand
 * together, ids ascending. */
const struct cel_part *cel_part(size_t i);
const struct cel_part *cel_part_by_id(uint8_t type, uint64_t id);

/* All required parts of the draft's type are there. CEL_CONTENT. */
MUST_USE rc cel_parts_complete(const struct cel_draft *d, struct err *e);

/* A type that may stand in a log: CEL_CONTENT_TYPE. */
MUST_USE rc cel_type_check(
    const struct cel_draft *d, uint64_t type, struct err *e);
uint8_t cel_type_by_name(struct span name);	   /* 0: none */
uint32_t cel_management_by_name(struct span name); /* 0: none */

/* Begin a record at an offset. */
void cel_draft_init(
    struct cel_draft *d, const struct cel_walk *w, size_t offset);

/* A fault of the record: path is events[i], then `below`. */
rc cel_fault(const struct cel_draft *d, enum err_code code, const char *text,
    const char *below, struct err *e);

/* The index, checked for its range. CEL_INDEX. */
MUST_USE rc cel_set_index(
    struct cel_draft *d, bool nv, uint64_t where, struct err *e);

/* Add a digest; bytes must live as long as the log. alg NULL: not known.
 * CEL_DIGEST_COUNT, _ALG, _DUPLICATE. */
MUST_USE rc cel_add_digest(struct cel_draft *d, const struct hash_alg *alg,
    struct span bytes, struct err *e);

/* Add a field. CEL_CONTENT when there are too many. */
MUST_USE rc cel_add_field(
    struct cel_draft *d, struct cel_field field, struct err *e);

/* The event type of a PCCLIENT record, from its field. CEL_CONTENT. */
MUST_USE rc cel_set_event(struct cel_draft *d, struct err *e);

/* Take a whole record: counts its number, remembers its banks. CEL_RECNUM,
 * CEL_DIGEST_COUNT, CEL_TOO_LARGE, MEMORY. */
MUST_USE rc cel_take(
    struct cel_walk *w, const struct cel_draft *d, struct err *e);

/* Members of a JSON record: pcr or nv_index, and digests. */
MUST_USE rc cel_json_index(
    const json_t *obj, struct cel_draft *d, struct err *e);
MUST_USE rc cel_json_digests(
    struct cel_walk *w, const json_t *obj, struct cel_draft *d, struct err *e);

/* A copy of s in the arena. MEMORY. */
MUST_USE rc cel_keep(
    struct cel_walk *w, struct span s, struct span *out, struct err *e);

/* The encodings; each reads w->log->raw to its end. */
MUST_USE rc cel_tlv_decode(struct cel_walk *w, struct err *e);
MUST_USE rc cel_json_decode(struct cel_walk *w, struct err *e);
MUST_USE rc cel_cbor_decode(struct cel_walk *w, struct err *e);

#endif
