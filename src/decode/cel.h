/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical event logs (TCG CEL 1.1) in TLV, JSON and CBOR, and the log of
 * systemd's userspace, which has the same records without numbers.
 *
 * One set of facts for all encodings. Decoding refuses what breaks a record;
 * whether a record's content is bound by its digests is found in replay/.
 */
#ifndef AKASHI_DECODE_CEL_H
#define AKASHI_DECODE_CEL_H

#include "decode/evlog.h"

enum cel_format { CEL_TLV, CEL_JSON, CEL_CBOR, CEL_SYSTEMD };

/* Content types (CEL 1.1, 4.3; 80: Google). Two numbers are in use for
 * systemd's, 9 and 11, so that in TLV and CBOR neither is believed; records
 * of a systemd log have CEL_TYPE_SYSTEMD here. */
enum {
	CEL_TYPE_CEL = 4,
	CEL_TYPE_PCCLIENT = 5,
	CEL_TYPE_IMA_TEMPLATE = 7,
	CEL_TYPE_IMA_TLV = 8,
	CEL_TYPE_SYSTEMD = 9,
	CEL_TYPE_COS = 80,
};

/* Events of CEL_TYPE_CEL; the first two extend nothing. */
enum {
	CEL_EVENT_VERSION = 1,
	CEL_EVENT_FIRMWARE_END = 2,
	CEL_EVENT_TIMESTAMP = 80,
	CEL_EVENT_STATE_TRANS = 81,
};

/* The event of CEL_TYPE_COS after which no container may start. */
enum { CEL_COS_LAUNCH_SEPARATOR = 8 };

enum cel_kind { CEL_NUMBER, CEL_BYTES, CEL_TEXT };

/* One named part of a record's content. */
struct cel_field {
	const char *name;
	enum cel_kind kind;
	uint64_t number;   /* CEL_NUMBER */
	struct span bytes; /* CEL_BYTES, CEL_TEXT */
};

struct cel_digest {
	const struct hash_alg *alg; /* never NULL */
	const uint8_t *bytes;
};

struct cel_record {
	uint32_t index;	 /* from 0 */
	size_t offset;	 /* of the record in the log */
	uint64_t recnum; /* not of systemd */
	bool nv;
	uint32_t where; /* the PCR, or the NV index where nv */
	uint8_t type;	/* CEL_TYPE_… */
	uint32_t event; /* of PCCLIENT (EV_…), CEL and COS */
	size_t digests_n;
	const struct cel_digest *digests;
	size_t fields_n;
	const struct cel_field *fields;
	struct span content; /* as encoded, type and length included; TLV */
};

/* What is accepted and named. */
enum {
	/* Record numbers run over the whole log, not per index. */
	CEL_QUIRK_GLOBAL_RECNUM = 1u << 0,
	/* A systemd log of plain lines, without 0x1e. */
	CEL_QUIRK_PLAIN_LINES = 1u << 1,
	/* A systemd log of more than one boot. */
	CEL_QUIRK_BOOT_ID = 1u << 2,
	/* Time stamps of a systemd log go backwards. */
	CEL_QUIRK_TIME_BACKWARDS = 1u << 3,
};

struct cel_log {
	enum cel_format format;
	struct span raw;
	size_t records_n;
	struct cel_record *records;
	/* Algorithms of all records, in order of first use. */
	size_t algs_n;
	const struct hash_alg *algs[LIMIT_BANKS];
	/* Bit i: a measured record lacks a digest of algs[i]. */
	uint32_t incomplete;
	unsigned quirks;
};

/* Whether bytes look like one of the formats, from their first ones. A TCG
 * log (decode/evlog.h) does not. */
bool cel_recognise(struct span bytes, enum cel_format *out);

/* Decode a whole log; spans borrow `bytes` or the arena. On an error `out`
 * holds the records before the fault, for display only. A log without records
 * is well formed.
 * CEL_…, USERSPACE_FRAMING, _TRUNCATED, _RECORD, JSON_…, ENCODING; MEMORY.
 * Paths are events[i]…. */
MUST_USE rc cel_decode(struct span bytes, enum cel_format format,
    struct arena *a, struct cel_log *out, struct err *e);

/* True of what extends its index: all but cel_version, firmware_end and
 * EV_NO_ACTION. */
bool cel_extended(const struct cel_record *rec);

/* A field by name; NULL if the record has none. */
const struct cel_field *cel_field(
    const struct cel_record *rec, const char *name);

/* A record of CEL_TYPE_PCCLIENT as an event of a boot log, without digests. */
struct evlog_event cel_as_event(const struct cel_record *rec);

/* "cel-tlv", "cel-json", "cel-cbor", "systemd". */
const char *cel_format_name(enum cel_format format);

/* "pcclient_std"; NULL for an unknown type. */
const char *cel_type_name(uint8_t type);

/* "EV_SEPARATOR", "cel_version", "ImageRef"; NULL for one without a name. */
const char *cel_event_name(const struct cel_record *rec);

/* Name of one quirk bit; NULL for anything but one known bit. */
const char *cel_quirk_name(unsigned bit);

/* One line for people in the arena, as uefi_describe(). */
const char *cel_describe(const struct cel_record *rec, struct arena *a);

#endif
