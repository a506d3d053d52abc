/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a boot measured about Secure Boot, read once, and the judgement of it.
 * Only eval_sb.c, eval_sbdb.c, eval_shim.c and learn_sb.c include this.
 *
 * 1. Only events of PCR 7 whose data is what was hashed say anything.
 * 2. A variable is its vendor GUID and its whole name.
 * 3. Configuration counts in front of PCR 7's separator alone.
 */
#ifndef AKASHI_APPRAISE_EVAL_SB_H
#define AKASHI_APPRAISE_EVAL_SB_H

#include "appraise/scene.h"
#include "decode/uefi_data.h"

enum sb_var {
	SB_STATE, /* SecureBoot */
	SB_PK,
	SB_KEK,
	SB_DB,
	SB_DBX,
	SB_SETUP,
	SB_AUDIT,
	SB_DEPLOYED,
	SB_VARS
};

/* "SecureBoot", "PK", … */
const char *sb_var_name(enum sb_var v);

struct sb_authority {
	const struct evlog_event *ev;
	struct uefi_variable var;
	struct uefi_authority by;
	bool early; /* in front of the separator */
};

struct sb_facts {
	const struct evlog_event *var[SB_VARS]; /* NULL: not measured */
	struct span value[SB_VARS];
	const struct evlog_event *twice;   /* the first that came again */
	const struct evlog_event *unbound; /* the first whose data is a label */
	const struct evlog_event *debug;   /* UEFI Debug Mode */
	const struct evlog_event *no_dma;  /* DMA Protection Disabled */
	size_t authorities_n; /* variables measured when images were loaded */
	struct sb_authority *authorities;
	bool shim; /* a variable of shim is among them */
};

/* Read the events of PCR 7. MEMORY. */
MUST_USE rc sb_read(const struct lanes *lanes, const struct boot_replay *replay,
    struct arena *a, struct sb_facts *out, struct err *e);

/* SecureBoot is exactly 1. */
bool sb_on(const struct sb_facts *f);

/* How the digests of an entry are told in a policy: that of a SHA-256 entry is
 * its own, everything else is hashed. CRYPTO. */
MUST_USE rc sb_entry_sha256(struct hasher *h, enum efi_sig_kind kind,
    struct span data, uint8_t out[32]);

/* "Debian Secure Boot CA sha256:…" in the arena. */
const char *sb_entry_text(struct arena *a, enum efi_sig_kind kind,
    struct span data, const uint8_t sha256[32]);

/* --- judging ----------------------------------------------------------------
 */

struct sb_case {
	struct scene *s;
	const struct sb_rules *r;
	struct sb_facts f;
};

struct sb_finding {
	enum err_code code;
	const struct evlog_event *ev; /* NULL: about what is not there */
	const char *rule;	      /* "required": of secure_boot */
	const char *expected;
	const char *found;
	enum err_effect effect; /* EFF_NONE: what the code says */
};

/* Add a reason, unless "allow" takes the code back. Without `found` the event
 * is described. */
void sb_report(const struct sb_case *c, const struct sb_finding *what);
void sb_say(const struct sb_case *c, enum err_code code,
    const struct evlog_event *ev, const char *rule, const char *expected,
    const char *found);

/* The content of PK, KEK, db and dbx, and what was loaded. CRYPTO, MEMORY. */
MUST_USE rc sb_eval_databases(const struct sb_case *c, struct err *e);

/* SBAT and MOK. CRYPTO. */
MUST_USE rc sb_eval_shim(const struct sb_case *c, struct err *e);

#endif
