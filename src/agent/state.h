/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent keeps between runs, in a folder of mode 0700:
 *
 * 1. identity.json: who this node is and its keys. Replaced as a whole, after
 *    the server confirmed the new identity.
 * 2. progress.json: what the server has seen and the next challenge. Losing it
 *    costs one longer submission and nothing else.
 * 3. lock: one agent at a time.
 *
 * Files are 0600, written beside, synced, then renamed.
 */
#ifndef AKASHI_AGENT_STATE_H
#define AKASHI_AGENT_STATE_H

#include "agent/tpm.h"
#include "base/uuid.h"

struct identity {
	const char *server; /* base URL */
	const char *ca;	    /* CA file, absolute; "": the system's store */
	const char *name;
	struct uuid tenant, node;
	const char *token; /* secret */
	enum tpm_key ek;
	struct span ek_public;	    /* TPM2B_PUBLIC */
	struct span ek_certificate; /* DER as in NV; n == 0: none */
	struct tpm_ak ak;
};

struct offer {
	const char *text; /* the challenge; NULL: none */
	const char *pcrs; /* "sha256:0,1,…" */
	int64_t expires;
};

struct progress {
	struct offer challenge;
	uint64_t interval; /* seconds, as the server said; 0: not yet */
	/* Of the boot that the server last saw. */
	bool seen;
	uint32_t reset_count, restart_count;
	uint64_t ima_offset;
	bool log_sent;
	uint8_t log_sha256[32];
	struct span ak_context; /* tpm_save_ak(); n == 0: none */
};

/* The folder, held by one agent until state_close(). Waits for another one to
 * finish. With `create` it is made if need be; else its absence is
 * AGENT_NOT_ENROLLED. AGENT_STATE with what to do. */
struct state {
	const char *dir;
	int fd;	  /* the folder */
	int lock; /* its lock file */
};
MUST_USE rc state_open(
    const char *dir, bool create, struct state *out, struct err *e);
void state_close(struct state *s);

/* AGENT_NOT_ENROLLED where there is none; AGENT_STATE. The arena owns all
 * text and bytes. */
MUST_USE rc identity_load(const struct state *s, struct arena *a,
    struct identity *out, struct err *e);
/* Also drops the progress, which was another identity's. */
MUST_USE rc identity_save(
    const struct state *s, const struct identity *id, struct err *e);

/* An absent or unreadable file is an empty progress. MEMORY. */
MUST_USE rc progress_load(const struct state *s, struct arena *a,
    struct progress *out, struct err *e);
MUST_USE rc progress_save(
    const struct state *s, const struct progress *p, struct err *e);

/* Write a file of mode 0600 below the folder `dir_fd`, whole or not at all:
 * beside it, synced, renamed. */
MUST_USE rc file_replace(
    int dir_fd, const char *name, struct span bytes, struct err *e);

#endif
