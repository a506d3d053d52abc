/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCG PC Client event logs: crypto-agile (TCG_PCR_EVENT2) and legacy SHA-1
 * (TCG_PCR_EVENT). PC Client Platform Firmware Profile 1.06, section 10.
 *
 * Decoding refuses only what breaks the structure; what an event means and
 * whether it may stand where it stands is judged in appraise/.
 */
#ifndef AKASHI_DECODE_EVLOG_H
#define AKASHI_DECODE_EVLOG_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"

enum evlog_format { EVLOG_AGILE, EVLOG_LEGACY };

/* Whose registers the log is about. A confidential guest has no PCRs: index 0
 * of its log (CCEL) is MRTD, 1 to 4 are RTMR 0 to 3, and register 1 takes what
 * PCR 1 and PCR 7 hold elsewhere. */
enum evlog_profile { EVLOG_PC, EVLOG_CC };

/* Event types (PFP 1.06, table 27; SPDM rows: table 28). */
enum {
	EV_PREBOOT_CERT = 0x00,
	EV_POST_CODE = 0x01,
	EV_UNUSED = 0x02,
	EV_NO_ACTION = 0x03,
	EV_SEPARATOR = 0x04,
	EV_ACTION = 0x05,
	EV_EVENT_TAG = 0x06,
	EV_S_CRTM_CONTENTS = 0x07,
	EV_S_CRTM_VERSION = 0x08,
	EV_CPU_MICROCODE = 0x09,
	EV_PLATFORM_CONFIG_FLAGS = 0x0a,
	EV_TABLE_OF_DEVICES = 0x0b,
	EV_COMPACT_HASH = 0x0c,
	EV_IPL = 0x0d,
	EV_IPL_PARTITION_DATA = 0x0e,
	EV_NONHOST_CODE = 0x0f,
	EV_NONHOST_CONFIG = 0x10,
	EV_NONHOST_INFO = 0x11,
	EV_OMIT_BOOT_DEVICE_EVENTS = 0x12,
	EV_POST_CODE2 = 0x13,
};

/* A macro each: ISO C gives an enumerator the range of int. */
#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001u
#define EV_EFI_VARIABLE_BOOT 0x80000002u
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003u
#define EV_EFI_BOOT_SERVICES_DRIVER 0x80000004u
#define EV_EFI_RUNTIME_SERVICES_DRIVER 0x80000005u
#define EV_EFI_GPT_EVENT 0x80000006u
#define EV_EFI_ACTION 0x80000007u
#define EV_EFI_PLATFORM_FIRMWARE_BLOB 0x80000008u
#define EV_EFI_HANDOFF_TABLES 0x80000009u
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2 0x8000000au
#define EV_EFI_HANDOFF_TABLES2 0x8000000bu
#define EV_EFI_VARIABLE_BOOT2 0x8000000cu
#define EV_EFI_GPT_EVENT2 0x8000000du
#define EV_EFI_HCRTM_EVENT 0x80000010u
#define EV_EFI_VARIABLE_AUTHORITY 0x800000e0u
#define EV_EFI_SPDM_FIRMWARE_BLOB 0x800000e1u
#define EV_EFI_SPDM_FIRMWARE_CONFIG 0x800000e2u
#define EV_EFI_SPDM_DEVICE_POLICY 0x800000e3u
#define EV_EFI_SPDM_DEVICE_AUTHORITY 0x800000e4u

struct evlog_alg {
	uint16_t id;
	uint16_t size;
	/* NULL for an algorithm that nobody here can replay (its digests are
	 * skipped). One that is no bank (hash.h) is shown, never judged. */
	const struct hash_alg *known;
};

struct evlog_event {
	uint32_t index; /* from 0, the Spec ID record being 0 */
	uint32_t pcr;
	uint32_t type;
	size_t offset; /* of the record in the log */
	/* One per algorithm of the log, in the header's order; NULL where the
	 * event lacks it (quirk fewer_digests) and in the Spec ID record. */
	const uint8_t **digests;
	struct span data;
};

/* Quirks that are accepted and named in the verdict; decoding finds those
 * that stand in the bytes, boot_quirks() (replay/quirks.h) the others. */
enum {
	QUIRK_FEWER_DIGESTS = 1u << 0,
	QUIRK_DIGEST_ORDER = 1u << 1,
	QUIRK_PADDING = 1u << 2,
	QUIRK_SPECID_DIGEST = 1u << 3,
	QUIRK_HCRTM_LOCALITY = 1u << 4,
	QUIRK_NO_ACTION_DIGEST = 1u << 5,
	QUIRK_STARTUP_LOCALITY = 1u << 6, /* not 0 */
	QUIRK_VENDOR_INFO = 1u << 7,	  /* in the Spec ID record */
	QUIRK_FOREIGN_BANK = 1u << 8,	  /* SM3 or unknown beside others */
	QUIRK_PLATFORM_ID = 1u << 9,	  /* SP 800-155 */
	/* A Boot… variable was hashed as a whole, not its data alone. */
	QUIRK_BOOT_VARIABLE_WHOLE = 1u << 10,
	QUIRK_SHIM_EXTRA_BYTES = 1u << 11,
	QUIRK_SHIM_LABEL = 1u << 12,
	QUIRK_AUTHORITY_REPEATED = 1u << 13,
	QUIRK_UNKNOWN_TYPE = 1u << 14, /* in another PCR than 7 */
	QUIRK_SEPARATOR_ONES = 1u << 15,
	QUIRK_SEPARATOR_SHORT = 1u << 16, /* one byte */
	QUIRK_EBS_MISSING = 1u << 17,
	QUIRK_BOOT_ATTEMPTS = 1u << 18, /* more than one, or one returned */
	QUIRK_IMAGE_BEFORE_SEPARATOR = 1u << 19,
	QUIRK_ACTION_NUL = 1u << 20,	  /* hashed with its NUL */
	QUIRK_SEPARATOR_LABEL = 1u << 21, /* a text beside a normal digest */
};

struct evlog {
	enum evlog_format format;
	enum evlog_profile profile;
	struct span raw;
	size_t algs_n;
	struct evlog_alg algs[LIMIT_BANKS];
	size_t events_n;
	struct evlog_event *events; /* the Spec ID record included */
	/* Events that extend a PCR. A well-formed log may hold none; that is
	 * LOG_NO_EVENTS for whoever appraises it. */
	size_t measured_n;
	/* Index of the first event that extends one of PCR 8–13, that is, of
	 * the first measurement by an OS loader; events_n if there is none. */
	size_t os_loader_from;
	/* PCR 0 starts as 0…0 ‖ locality: 0, 3 or 4 (PFP 10.4.5.3). */
	uint8_t startup_locality;
	unsigned quirks;
	/* Bit i: algs[i] lacks digests of some event and cannot be judged. */
	uint32_t incomplete;
};

/* Decode a whole log; spans borrow `bytes`. On a LOG_ error `out` holds the
 * events before the fault (for display only: nothing in it is evidence), the
 * one exception to the rule that outs are written on success alone.
 * LOG_FORMAT, LOG_TRUNCATED, LOG_TRAILING, LOG_TOO_LARGE, LOG_SPECID, LOG_PCR,
 * LOG_DIGEST_COUNT, LOG_DIGEST_ALG, LOG_DIGEST_DUPLICATE, LOG_LOCALITY,
 * LOG_NO_EVENTS (no bytes at all); MEMORY. Paths are events[i]…. */
MUST_USE rc evlog_decode(
    struct span bytes, struct arena *a, struct evlog *out, struct err *e);

/* The same for the first of several crypto-agile logs that follow each other,
 * as a machine that hibernated keeps them: *bytes is moved behind it, to an
 * empty span after the last one. Which of them a quote covers is told by
 * replay; the others are not evidence. */
MUST_USE rc evlog_decode_next(
    struct span *bytes, struct arena *a, struct evlog *out, struct err *e);

/* "pc" or "cc"; of a register of a confidential guest "RTMR0", NULL for an
 * index that none has. */
const char *evlog_profile_name(enum evlog_profile profile);
const char *evlog_register_name(uint32_t index);

/* True unless EV_NO_ACTION: what is extended into a PCR. */
bool evlog_extended(const struct evlog_event *ev);

/* "EV_SEPARATOR"; NULL for an unknown type. And back: 0xffffffff if unknown. */
const char *evlog_type_name(uint32_t type);
uint32_t evlog_type_by_name(struct span name);

/* Index in log->algs, or -1. */
int evlog_alg_index(const struct evlog *log, uint16_t alg);

/* Name of one quirk bit, as the verdict lists it: "fewer_digests"; NULL for
 * anything but one known bit. */
const char *evlog_quirk_name(unsigned bit);

#endif
