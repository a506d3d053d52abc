/* SPDX-License-Identifier: Apache-2.0 */
/* The node's side of protocol v1: requests, answers, and patience. No TPM. */
#ifndef AKASHI_AGENT_SUBMIT_H
#define AKASHI_AGENT_SUBMIT_H

#include "agent/state.h"
#include "client/https.h"

/* A connection with patience: network errors, 429 and 503 are retried with the
 * very same bytes, after 1, 2, 4 … 60 s with jitter, or Retry-After. */
struct link {
	struct https *http;
	int64_t first_wait;	  /* microseconds; 0: 1 s */
	bool (*wait)(int64_t us); /* false: stop now */
	void (*tell)(const struct err *e, int64_t wait); /* may be NULL */
};

/* Send until an answer comes that another try would not change; try at least
 * once, and not after `until` (clock_monotonic). A final answer of any status
 * is a success; the caller frees it.
 * The last failure: CLIENT_…, OVERLOAD and its kin, HTTP_RATE; CLIENT_STOPPED.
 */
MUST_USE rc link_send(struct link *l, const struct https_request *q,
    int64_t until, struct https_reply *out, struct err *e);

/* A failure that time may heal. */
bool link_transient(enum err_code code);

struct enrolment {
	const char *token; /* enrolment token */
	const char *name;
	struct span ek_public, ek_certificate, ak_public;
};

struct enrolment_offer {
	const char *enrolment; /* id */
	struct span credential_blob, encrypted_secret;
};

/* POST /v1/enrol, /v1/activate, /v1/challenge. Text lives in the arena. What
 * the server's problem document says; CLIENT_RESPONSE. */
MUST_USE rc submit_enrol(struct link *l, const struct enrolment *q,
    int64_t until, struct arena *a, struct enrolment_offer *out, struct err *e);

/* Fills tenant, node and token of `id`, the first challenge, and whether the
 * node is admitted already. */
MUST_USE rc submit_activate(struct link *l, const char *enrolment,
    struct span secret, int64_t until, struct arena *a, struct identity *id,
    struct offer *next, bool *admitted, struct err *e);

MUST_USE rc submit_challenge(struct link *l, const struct identity *id,
    int64_t until, struct arena *a, struct offer *out, struct err *e);

enum verdict_status {
	VERDICT_UNKNOWN, /* unknown is what is not known to be another */
	VERDICT_UNTRUSTED,
	VERDICT_WARNING,
	VERDICT_TRUSTED,
};

/* The answer to evidence; text is borrowed from doc, which the caller frees. */
struct answer {
	json_t *doc;
	const char *verdict, *result, *status_name, *admission, *valid_until;
	enum verdict_status status;
	const json_t *reasons;
	uint32_t reset_count, restart_count; /* ima_next */
	uint64_t ima_offset;
	bool log_known; /* the server keeps the boot log of this hash */
	uint8_t log_sha256[32];
	struct offer next; /* in the arena */
	uint64_t interval; /* seconds */
	/* Instead of all that: parts to send in full with the same quote. */
	bool need_log, need_ima;
};

/* POST /v1/evidence with a frame. A request for parts is a success with
 * need_… set and doc NULL. */
MUST_USE rc submit_evidence(struct link *l, const struct identity *id,
    struct span frame, int64_t until, struct arena *a, struct answer *out,
    struct err *e);

#endif
