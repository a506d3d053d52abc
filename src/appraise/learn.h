/* SPDX-License-Identifier: Apache-2.0 */
/* A policy document from golden evidence that was appraised before. */
#ifndef AKASHI_APPRAISE_LEARN_H
#define AKASHI_APPRAISE_LEARN_H

#include "appraise/policy.h"

/* One golden boot. The caller has proved the quote and replayed the logs. */
struct golden {
	struct boot_facts boot;
	struct span ima;     /* attested prefix of the list; may be empty */
	bool ima_big_endian; /* its byte order, as declared */
	const char *source;  /* where it is from, for "source" members */
};

struct learn_options {
	const char *name;
	const struct pcr_selections *pcrs; /* NULL: all quoted */
	/* sha256sum files (digest, two blanks, path), already read */
	const struct span *ima_allow;
	const char *const *ima_allow_names; /* their "source"; or NULL */
	size_t ima_allow_n;
	/* certificates whose signatures are accepted, DER or PEM */
	const struct span *ima_keyring;
	const char *const *ima_keyring_names; /* their "source"; or NULL */
	size_t ima_keyring_n;
	/* sets whose files are allowed by their name and not one by one */
	const struct refset *const *refsets;
	const char *const *refset_names;
	size_t refsets_n;
	const char *const *ima_exclude; /* globs of paths that are not judged */
	size_t ima_exclude_n;
};

struct learn_note {
	struct learn_note *next;
	const char *text; /* what was generalised or warned about, and why */
};

/* Write a policy document (pretty JSON) that passes on the golden evidence and
 * on another node of the same image. Never pins PCR 10, AK, EK, nonce or
 * machine id (decisions.md 9). What several boots do not share becomes an
 * alternative or optional, and a note says so. POLICY_FORMAT, POLICY_EMPTY,
 * POLICY_UNQUOTED (options ask for a PCR that no quote covers), ENCODING (a
 * line of an allow list), IMA_…, MEMORY. */
MUST_USE rc policy_learn(const struct golden *golden, size_t n,
    const struct learn_options *o, struct arena *a, struct buf *out,
    struct learn_note **notes, struct err *e);

#endif
