/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's commands share. */
#ifndef AKASHI_AGENT_AGENT_H
#define AKASHI_AGENT_AGENT_H

#include "agent/collect.h"
#include "agent/submit.h"

/* Exit codes, those of akashi(1) where they fit. */
enum {
	EXIT_TRUSTED = 0,
	EXIT_NOT_TRUSTED = 1,
	EXIT_USAGE = 2,
	EXIT_INDETERMINATE = 3,
	EXIT_NOT_AUTHORISED = 4,
	EXIT_TROUBLE = 5, /* server, network, TPM, this machine */
};

struct agent_options {
	struct https_options http; /* base_url NULL: the enrolled server's */
	const char *state_dir;
	const char *tcti;
	const char *name;
	const char *token_file;
	const char *save_dir; /* also write an evidence directory there */
	const char *pcrs;     /* what agent_evidence() quotes */
	const char *lang;
	enum tpm_key key; /* of a new AK */
	enum tpm_key ek;  /* TPM_KEYS: the one that has a certificate */
	struct log_sources logs;
	int64_t patience; /* microseconds that a command keeps trying */
	int64_t interval; /* microseconds between attestations; 0: server's */
	bool again;	  /* enrol although enrolled */
	bool json;
};

struct agent {
	const struct agent_options *o;
	struct hasher *hasher;
	struct link link; /* link.http NULL until agent_connect() */
};

/* Connect to the server of `id`, trusting its CA file; the options go first. */
MUST_USE rc agent_connect(
    struct agent *ag, const struct identity *id, struct err *e);

/* The exit code of a failure. */
int agent_exit(enum err_code code);

/* Enrol: keys, credential activation, identity. Prints what came of it. */
MUST_USE rc agent_enrol(struct agent *ag, struct arena *a, struct err *e);

/* One attestation: the server's answer, whose doc the caller frees. */
MUST_USE rc agent_attest(
    struct agent *ag, struct arena *a, struct answer *out, struct err *e);

/* An evidence directory of this machine with a new AK and a nonce of our own:
 * no server, no enrolment. Freshness is not shown by it. */
MUST_USE rc agent_evidence(
    struct agent *ag, const char *dir, struct arena *a, struct err *e);

/* Print a verdict as the options say; its exit code. */
int report_verdict(const struct agent *ag, const struct answer *v);

/* The same as one line of JSON on stderr, for a service. */
void report_line(const struct answer *v);

#endif
