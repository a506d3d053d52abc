/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of one piece of evidence: decode, verify, replay, appraise, in this
 * order, each check listed in the verdict. Pure: bytes and context in, verdict
 * out; no I/O, no clock. Server and offline commands call the same function.
 */
#ifndef AKASHI_ATTEST_ATTEST_H
#define AKASHI_ATTEST_ATTEST_H

#include "appraise/policy.h"
#include "replay/ima.h"
#include "replay/userspace.h"
#include "verify/ek.h"
#include "verify/pace.h"
#include "verify/quote.h"

/* What arrived. An empty span with p == NULL: the part is absent; an empty
 * part that was sent has p != NULL. */
struct evidence {
	struct span attest;
	struct span signature;
	struct span
	    pcrs; /* PCR values concatenated in selection order: optional */
	struct span eventlog;
	struct span ima;       /* from where ima_resume ended */
	bool ima_big_endian;   /* its byte order, as declared */
	struct span userspace; /* of the running system: systemd's, or a CEL */
	bool userspace_incomplete; /* systemd marked it so */
	/* Offline only; the server has the enrolled key. */
	struct span ak_pub;
	struct span ek_pub;
	struct span ek_cert;
};

/* What the verifier knows. */
struct attest_context {
	struct span nonce; /* expected qualifyingData */
	bool nonce_given;
	const struct pcr_selections *asked; /* NULL: nothing was asked for */
	/* The enrolled key and its qualified name, else taken from evidence. */
	const struct key *ak;
	const struct tpm_name *ak_qualified;
	const struct anchors *anchors; /* non-NULL: EK identity is required */
	/* What enrolment proved of the enrolled key's TPM; NULL: nothing. */
	const struct ek_identity *ek;
	const struct anchors *revocation; /* of `ek`; NULL: nobody asks */
	bool refuse_virtual;		  /* where `ek` is of a virtual TPM */
	const struct tpm_clock *clock;	  /* NULL: nothing is remembered */
	/* SHA-256 of the boot log that came with that clock, and of the one
	 * that is sent, where it is known already; NULL: not known. */
	const uint8_t *boot_log;
	const uint8_t *log_sha256;
	int64_t issued; /* of the challenge; 0: nobody knows */
	/* Of ima_state_encode() where ev.ima continues a list; p == NULL: from
	 * the start. */
	struct span ima_resume;
	const struct policy *policy; /* NULL: verify only; result is unknown */
	const struct err *no_policy; /* why there is none, or NULL */
	/* Of the node and of this verifier; NULL: not known. */
	const char *env_class;
	const char *region;
	int64_t now;
};

/* Facts that outlive the walk in the arena, for records and learning. */
struct attest_facts {
	bool quote_ok; /* the quote was decoded and its signature verified */
	struct tpm_quote quote;
	/* The quoted PCRs without those of banks that the firmware closed. */
	struct pcr_selections judged;
	struct tpm_signature signature;
	bool rebooted;
	struct pace pace;	/* when it was made */
	bool log_hashed;	/* where a clock is remembered, with log_ok */
	uint8_t log_sha256[32]; /* of the whole log */
	bool log_ok, ima_ok;	/* decoded, and replays to the quote */
	size_t boot_logs;   /* logs that were sent one after the other … */
	size_t boot_log_at; /* … and which of them the quote covers: log */
	struct evlog log;
	struct boot_replay boot;
	bool userspace_ok; /* decoded, and leads to the quote */
	struct cel_log userspace;
	struct userspace_match userspace_match;
	size_t userspace_unattested; /* records that the quote does not cover */
	/* What boot log and userspace log lead to. */
	struct banks explained;
	struct banks values; /* authenticated PCR values */
	struct ima_state ima_end;
	struct ima_match ima;
	struct ek_identity ek; /* where anchors were given */
	struct tpm_name ak_name;
	const char *ak_alg;
};

/* Judge. A result is always folded into v unless an error of ours comes back:
 * MEMORY, CRYPTO, INTERNAL. */
MUST_USE rc attest_evidence(const struct evidence *ev,
    const struct attest_context *ctx, struct hasher *h, struct arena *a,
    struct verdict *v, struct attest_facts *facts, struct err *e);

/* What a policy may see of them, borrowed. h may be NULL (policy.h). */
struct boot_facts attest_boot_facts(
    const struct attest_facts *f, struct hasher *h);

#endif
