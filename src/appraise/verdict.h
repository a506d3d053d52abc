/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict: a table of checks and a list of reasons, folded to a result.
 *
 * 1. Every check starts as not run. A required check that did not run means
 *    that there is no result ("unknown"), never pass.
 * 2. The result is the worst effect of any reason: reject, fail, warn, pass.
 * 3. Same inputs, same verdict, byte for byte, on any machine.
 */
#ifndef AKASHI_APPRAISE_VERDICT_H
#define AKASHI_APPRAISE_VERDICT_H

#include "base/json.h"
#include "base/limits.h"
#include "replay/bank.h"
#include "verify/rot.h"

enum layer {
	LAYER_NONE, /* quote or identity itself: printed as null */
	LAYER_FIRMWARE,
	LAYER_BOOTLOADER,
	LAYER_OS,
	LAYER_MIDDLEWARE,
};
const char *layer_name(enum layer l); /* NULL for LAYER_NONE */
enum layer layer_by_name(const char *name);

enum result {
	RESULT_NONE, /* indeterminate: a required check did not run */
	RESULT_PASS,
	RESULT_WARN,
	RESULT_FAIL,
	RESULT_REJECT,
};
const char *result_name(enum result r); /* "unknown" for RESULT_NONE */

/* X(ID, "name"): in the order in which they run. */
#define CHECK_TABLE                                                            \
	X(AK_FORMAT, "ak.format")                                              \
	X(AK_ATTRIBUTES, "ak.attributes")                                      \
	X(EK_CHAIN, "ek.chain")                                                \
	X(EK_PUBLIC, "ek.public")                                              \
	X(QUOTE_FORMAT, "quote.format")                                        \
	X(QUOTE_SIGNATURE, "quote.signature")                                  \
	X(QUOTE_SIGNER, "quote.signer")                                        \
	X(QUOTE_NONCE, "quote.nonce")                                          \
	X(QUOTE_SELECTION, "quote.selection")                                  \
	X(QUOTE_CLOCK, "quote.clock")                                          \
	X(EK_STATUS, "ek.status")                                              \
	X(QUOTE_FRESHNESS, "quote.freshness")                                  \
	X(QUOTE_PCR_VALUES, "quote.pcr_values")                                \
	X(LOG_FORMAT, "log.format")                                            \
	X(USERSPACE_FORMAT, "userspace.format")                                \
	X(LOG_BINDING, "log.binding")                                          \
	X(LOG_REPLAY, "log.replay")                                            \
	X(LOG_BOOT, "log.boot")                                                \
	X(USERSPACE_REPLAY, "userspace.replay")                                \
	X(IMA_FORMAT, "ima.format")                                            \
	X(IMA_REPLAY, "ima.replay")                                            \
	X(IMA_BOOT_AGGREGATE, "ima.boot_aggregate")                            \
	X(POLICY_SELECTION, "policy.selection")                                \
	X(POLICY_BOOT, "policy.boot")                                          \
	X(POLICY_USERSPACE, "policy.userspace")                                \
	X(POLICY_IMA, "policy.ima")                                            \
	X(POLICY_TPM, "policy.tpm")

enum check_id {
#define X(id, name) CHECK_##id,
	CHECK_TABLE
#undef X
	    CHECK_COUNT
};
const char *check_name(enum check_id id);

enum check_state {
	CHECK_NOT_RUN,	      /* "not_run" */
	CHECK_PASSED,	      /* "passed" */
	CHECK_FAILED,	      /* "failed" */
	CHECK_NOT_APPLICABLE, /* "not_applicable": by context, not by evidence
			       */
	CHECK_NOT_REQUIRED,   /* "not_required": it could run, nobody asked */
};
const char *check_state_name(enum check_state s);

/* Who answers for a failure that counts as a warning until then. */
struct waiver_note {
	const char *owner;
	const char *approver;
	const char *reason;
	int64_t expires;
};

struct reason {
	enum err_code code;
	enum layer layer;
	const char *path;     /* eventlog.events[23].digests[1] */
	const char *message;  /* one sentence in English; never NULL */
	const char *expected; /* printable text, or NULL */
	const char *found;    /* printable text, or NULL */
	/* Where it is known, else -1 / NULL: the PCR, the event or entry, its
	 * type and the rule that it broke (policy path). */
	int pcr;
	int64_t event;
	const char *event_type;
	const char *rule;
	enum err_effect effect; /* as it counted; set by verdict_add() */
	/* What a waiver may name; borrowed until verdict_add() returns. */
	struct span file;      /* path of a measured file */
	const uint8_t *digest; /* of digest_alg; NULL: none */
	uint16_t digest_alg;
	bool by_rule; /* the broken rule says itself what it counts */
	const struct waiver_note *waiver; /* NULL: none; by verdict_add() */
};

/* A reason about nothing in particular: no PCR, no event. */
#define REASON(c, l)                                                           \
	((struct reason){.code = (c), .layer = (l), .pcr = -1, .event = -1})

struct policy;

struct verdict {
	struct arena *arena; /* owns every string below */
	/* Weighs what is added (policy_weigh()); NULL: codes count as they
	 * are. Not looked at once the verdict is folded. */
	const struct policy *weighing;
	int64_t now;	      /* for waivers */
	int64_t waived_until; /* the first waiver that was used ends; 0: none */
	enum result result;
	enum check_state checks[CHECK_COUNT];
	size_t reasons_n;
	struct reason reasons[LIMIT_REASONS];
	uint64_t reasons_dropped; /* over the limit: counted, effect kept */
	enum err_effect worst;
	bool layer_judged[LAYER_MIDDLEWARE + 1]; /* a rule covers it */
	enum result layer_result[LAYER_MIDDLEWARE + 1];
	size_t quirks_n;
	const char *quirks[32];
	struct banks pcrs;  /* as replayed, or as quoted where no log says */
	enum rot_class rot; /* says what the verdict cannot show */
	const char *policy_name; /* NULL: no policy was applied */
	uint8_t policy_hash[32];
	const char *policy_mode; /* "enforce" …; NULL: no policy */
	bool observe; /* policy mode: failures are shown, status is not lowered
		       */
};

/* Everything not run, no reasons. */
void verdict_init(struct verdict *v, struct arena *a);

/* Add a reason. `effect` is what the policy says it counts for (EFF_NONE: what
 * its code says, or with by_rule nothing). Strings are copied into the arena; a
 * full arena drops the text, never the effect. The same code at the same place
 * counts once; over LIMIT_REASONS a graver reason takes the place of the last
 * lighter one. Returns what it counted: EFF_NONE is information only. */
enum err_effect verdict_add(
    struct verdict *v, const struct reason *r, enum err_effect effect);

/* It counts at least as a failure. */
static inline bool
effect_fails(enum err_effect e)
{
	return e == EFF_FAIL || e == EFF_REJECT || e == EFF_UNKNOWN;
}

/* The list is full of reasons that are as grave as one of this code, as it
 * would be counted: another one needs no texts. */
bool verdict_full(
    const struct verdict *v, enum err_code code, enum err_effect effect);

/* The reason for a failed call: code, path and text from e. Marks `check`
 * failed. */
void verdict_fail(struct verdict *v, enum check_id check, enum layer layer,
    const struct err *e);

/* Set the state of a check. A failed check stays failed. */
void verdict_check(struct verdict *v, enum check_id check, enum check_state s);

/* Bytes from evidence as one line for people, in the arena: control bytes,
 * invalid UTF-8 and characters that turn or hide text become \xNN. "" when
 * the arena is full. */
const char *verdict_printable(struct arena *a, struct span s);

/* Layer of a PCR where no event says more: firmware 0-3, 6, 7; boot loader 4,
 * 5, 8, 14; os all others. */
enum layer layer_of_pcr(unsigned pcr);
void verdict_quirk(struct verdict *v, const char *name);

/* Fold reasons and checks to v->result; the gravest reasons come first. */
void verdict_fold(struct verdict *v);

/* "warn": what a reason counted; "info" for EFF_NONE. */
const char *effect_name(enum err_effect e);

/* The member "waiver" of a reason, where there is one. */
void verdict_emit_waiver(const struct reason *r, struct jw *w);

/* The one JSON document that `appraise -o json` and the API show: result,
 * reasons[], pcrs, checks[], quirks[], root_of_trust, limits[], policy. Adds
 * its members to an object that the caller opened, so that callers can add
 * their own. */
void verdict_emit(const struct verdict *v, struct jw *w);

#endif
