/* SPDX-License-Identifier: Apache-2.0 */
/* Golden policies: decoded once, immutable, shared by threads. */
#ifndef AKASHI_APPRAISE_POLICY_H
#define AKASHI_APPRAISE_POLICY_H

#include "appraise/refset.h"
#include "appraise/verdict.h"
#include "decode/ima.h"
#include "replay/boot.h"
#include "verify/pace.h"
#include "verify/rot.h"
#include "replay/userspace.h"

struct policy;

/* Decode, check and compile a document ("akashi_policy": 1). Unknown members,
 * rules that could never match and dangerous emptiness are refused.
 * POLICY_FORMAT, POLICY_EMPTY, BOOT_PCR_UNRULED, NAME_FORMAT, JSON_…, MEMORY,
 * CRYPTO; paths into the document. */
MUST_USE rc policy_decode(struct span json, struct policy **out, struct err *e);

/* The same document as people read it: indented, members in the order of the
 * manual. Refuses what policy_decode() refuses; of a derived document, which
 * only its bases make whole, what compose_read() refuses. */
MUST_USE rc policy_pretty(struct span json, struct buf *out, struct err *e);

/* What the policy says, in words, a line each. */
void policy_describe(const struct policy *p, struct buf *out);

/* What a careful reader would ask about it at this time, a line each: broad
 * rules, what is not judged, what can never pass, waivers that lapse, golden
 * values of a bad machine. Each line ends in its code, "[lint.dead.event]".
 * Nothing when there is nothing to ask. */
size_t policy_lint(
    const struct policy *p, int64_t now, const char *lang, struct buf *out);

/* The same as elements of a JSON list: code, severity (error, warning or
 * notice), path, message and message_ja. */
size_t policy_lint_json(const struct policy *p, int64_t now, struct jw *w);

/* Reference counted; policies are shared between threads. NULL accepted. */
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);

const char *policy_name(const struct policy *p);

/* SHA-256 over canonical bytes: sorted keys, no white space, without the
 * members "name" and "version" (decisions.md 20). */
void policy_hash(const struct policy *p, uint8_t out[32]);

/* Canonical bytes, borrowed from the policy. */
struct span policy_canonical(const struct policy *p);

/* Banks and PCRs that must be quoted. */
const struct pcr_selections *policy_selection(const struct policy *p);

/* How long a verdict holds, in microseconds; 0: the server's default. */
int64_t policy_valid_for(const struct policy *p);

/* How often its nodes agreed to attest, in microseconds; 0: as the server
 * says. */
int64_t policy_interval(const struct policy *p);

/* mode "observe"; and "enforce", "warn" or "observe". */
bool policy_observe(const struct policy *p);
const char *policy_mode(const struct policy *p);

/* The environment class whose nodes it is for; NULL: any. */
const char *policy_class(const struct policy *p);

/* The i-th region where its verifiers may stand; NULL beyond the last, and
 * where any may. */
const char *policy_region(const struct policy *p, size_t i);

/* It may judge a node of this class (NULL: not known here) by a verifier in
 * this region (NULL: unknown, which is in no list). POLICY_NONE,
 * POLICY_REGION. */
MUST_USE rc policy_applies(const struct policy *p, const char *env_class,
    const char *region, struct err *e);

/* It judges events (a boot log is needed), or an IMA list. */
bool policy_needs_log(const struct policy *p);
bool policy_needs_ima(const struct policy *p);

/* It requires the log of the running system. */
bool policy_needs_userspace(const struct policy *p);

/* PCRs whose value an IMA list has to explain; 0: no list is judged. */
uint32_t policy_ima_pcrs(const struct policy *p);

/* What becomes of a boot_aggregate that cannot be checked: EFF_NONE, EFF_WARN
 * or EFF_FAIL. Where the policy does not say, it fails if the policy judges
 * events or requires PCR 0 to 9 of a bank, for then the evidence can show it.
 */
enum err_effect policy_ima_aggregate(const struct policy *p);

/* A reference set that a policy names. */
struct refset_use {
	const uint8_t *hash; /* 32 bytes */
	const char *name;    /* for people; NULL */
	bool bound;	     /* it is there */
};

/* The i-th one; false beyond the last. */
bool policy_refset(const struct policy *p, size_t i, struct refset_use *out);

/* Take the named sets that the cache has, before the policy is shared. While
 * one is missing, files are not judged and nothing passes
 * (policy.refset_missing). */
void policy_bind(struct policy *p, struct refset_cache *c);

/* Bytes of memory that the compiled policy holds, without the reference sets,
 * which it shares. */
size_t policy_memory(const struct policy *p);

/* What is judged. All pointers may be NULL when the evidence lacks the part. */
struct boot_facts {
	const struct evlog *log;
	const struct boot_replay *replay;
	const struct pcr_selections *quoted;
	/* Authenticated PCR values: replayed and equal to the quote, or sent
	 * along and found to hash to pcrDigest. */
	const struct banks *values;
	/* For what is compared by its hash; NULL: such a match is not found,
	 * and rules on certificates cannot be judged (CRYPTO). */
	struct hasher *hasher;
	/* The log of the running system, which leads on to the values. */
	struct {
		const struct cel_log *log; /* NULL: none */
		const struct userspace_match *match;
	} userspace;
};

/* Contents that refuse a log, whatever the policy: separators of other values,
 * a second SecureBoot. Events of PCRs that are not quoted count for nothing.
 * True, with reasons, if the log is refused. No pointer of f but `values` may
 * be NULL. */
MUST_USE bool policy_refuse_log(const struct boot_facts *f, struct verdict *v);

/* Apply the boot rules: adds reasons, sets CHECK_POLICY_SELECTION and
 * CHECK_POLICY_BOOT. MEMORY, CRYPTO only; everything else is a reason. */
MUST_USE rc policy_eval_boot(const struct policy *p, const struct boot_facts *f,
    struct verdict *v, struct err *e);

/* Who the TPM is and what is remembered of it. Pointers may be NULL where
 * nothing is known. */
struct tpm_facts {
	const struct tpm_quote *quote; /* never NULL */
	const struct pace *pace;       /* never NULL */
	enum rot_class rot;
	const char *manufacturer; /* "id:49465800", proved */
	const char *ak_alg;
	uint16_t hash;			/* of the signature */
	bool signer_proved;		/* the AK belongs to that EK */
	const struct tpm_clock *before; /* remembered */
	const uint8_t *log_before;	/* SHA-256 of that boot's log */
	const uint8_t *log;		/* of this log, which replayed */
	const struct banks *values;	/* authenticated */
};

/* Apply the rules about the TPM: adds reasons, sets CHECK_POLICY_TPM,
 * CHECK_QUOTE_FRESHNESS and CHECK_LOG_BOOT. */
void policy_eval_tpm(
    const struct policy *p, const struct tpm_facts *f, struct verdict *v);
/* Apply the rules for the userspace log: adds reasons, sets
 * CHECK_POLICY_USERSPACE. MEMORY. */
MUST_USE rc policy_eval_userspace(const struct policy *p,
    const struct boot_facts *f, struct verdict *v, struct err *e);

/* The IMA rules at work on one list. Entries are judged some at a time, in
 * their order. */
struct ima_judge;

/* In the verdict's arena; NULL when it is full. */
struct ima_judge *ima_judge_new(const struct policy *p, struct verdict *v);

/* The next entry that the quote covers. An ima_sink of replay/ima.h. */
MUST_USE rc ima_judge_entry(
    void *judge, const struct ima_entry *entry, struct err *e);

/* One that it does not cover: a denied file is reported even there, as a
 * warning. Only worth while where ima_judge_tail() says so. */
void ima_judge_unattested(struct ima_judge *j, const struct ima_entry *entry);
bool ima_judge_tail(const struct policy *p);

/* The list is over; `whole`: its start was among the entries. Adds what only
 * the end shows and sets CHECK_POLICY_IMA. */
void ima_judge_end(struct ima_judge *j, bool whole);

#endif
