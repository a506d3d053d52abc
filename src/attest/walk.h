/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of one walk share. A step judges one row of CHECK_TABLE:
 *
 * 1. It returns RC_OK and the state of its check, or CHECK_NOT_RUN where it
 *    could not run or has set the state itself.
 * 2. A failure becomes the reason of the check; a rejecting one ends the walk,
 *    an error of ours ends it without a verdict.
 * 3. Facts are written only when what they say is established.
 */
#ifndef AKASHI_ATTEST_WALK_H
#define AKASHI_ATTEST_WALK_H

#include "attest/attest.h"
#include "decode/userspace.h"

struct walk {
	const struct evidence *ev;
	const struct attest_context *ctx;
	struct hasher *h;
	struct arena *a;
	struct verdict *v;
	struct attest_facts *f;

	/* identity.c */
	const struct key *ak; /* in use: the enrolled one or own_ak */
	struct key *own_ak;
	bool ak_public_known;
	struct tpm_public ak_public;
	struct cert ek_cert; /* x509 NULL: none */
	bool ek_known;
	struct tpm_name ek_name;

	/* logs.c */
	bool values_known;  /* f->values are authenticated */
	bool log_sent;	    /* a log that is not empty */
	bool log_decoded;   /* and chosen and replayed, not yet compared */
	struct evlog *logs; /* in the arena */
	size_t logs_n;	    /* 0: none could be read */
	struct banks start; /* where the boot log leads; a capped bank capped */
	uint32_t unextended; /* bit i: bank i of the quote */
	enum check_state log_state, userspace_state; /* of their replay */
	bool userspace_read;			     /* f->userspace is set */
	struct banks *more_banks; /* where boot_aggregate needed them */
	/* The list is replayed once, before log.replay: it says which PCRs it
	 * explains. Each step reports what is its to report. */
	struct {
		bool sent; /* there are entries, or a state to go on from */
		bool walked;
		rc result; /* where walked */
		struct err error;
		uint32_t named; /* PCRs, where they are known */
		struct ima_entry first;
		bool unverified; /* its boot_aggregate could not be checked */
	} ima;
	struct ima_state ima_start;
};

typedef rc walk_step(struct walk *w, enum check_state *state, struct err *e);

/* identity.c */
walk_step step_ak_format, step_ak_attributes, step_ek_chain, step_ek_public;
walk_step step_quote_format, step_quote_signature, step_quote_signer;
walk_step step_quote_nonce, step_quote_selection, step_quote_clock;
walk_step step_ek_status, step_quote_values;

/* logs.c */
walk_step step_log_format, step_log_binding, step_log_replay;

/* userspace.c */
walk_step step_userspace_format, step_userspace_replay;

/* ima_list.c */
walk_step step_ima_format, step_ima_replay, step_boot_aggregate;

/* Replay the list once; called by log.replay. */
void walk_ima(struct walk *w);

/* PCRs that are IMA's: 10, and those that the policy gives to it. An entry that
 * names another one excuses no log. */
uint32_t walk_ima_pcrs(const struct walk *w);

/* PCRs 0 to 7 belong to the firmware: logs must explain them. */
enum { FIRMWARE_PCRS = 0xff };

/* PCRs quoted in any bank. */
uint32_t walk_quoted(const struct walk *w);

/* PCRs that a userspace log may name and not explain. */
uint32_t walk_lenient(const struct walk *w);

/* The userspace log, and not the firmware's, is to blame for this PCR. */
bool walk_of_userspace(const struct walk *w, unsigned pcr);

/* A reason about a PCR that has another value than logs lead to. */
struct reason walk_wrong_pcr(struct walk *w, enum err_code code, unsigned pcr,
    const struct bank *want, const struct bank *got);

/* Put "eventlog." or another prefix before the path of a decoder. */
rc walk_below(struct err *e, rc r, const char *prefix);

#endif
