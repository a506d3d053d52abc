/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled policy, as policy.c makes it and eval_boot.c, eval_ima.c, lint.c
 * and explain.c read it. Nobody else includes this. */
#ifndef AKASHI_APPRAISE_RULES_H
#define AKASHI_APPRAISE_RULES_H

#include "appraise/align.h"
#include "appraise/policy.h"
#include "appraise/refset.h"
#include "appraise/sb_rules.h"
#include "appraise/tpm_rules.h"
#include "verify/filesig.h"

#include <stdatomic.h>

/* One accepted golden value: a digest per bank. */
struct golden_value {
	const uint8_t *digest[LIMIT_BANKS]; /* by policy bank; NULL: none */
	bool typed; /* of an event of another type than the rule's */
	uint32_t type;
	bool bound;	    /* the event's data must hash to its digest */
	const char *text;   /* what it is, for people; NULL */
	const char *source; /* where it is from; NULL */
};

/* What a finding counts instead of what its code says. */
struct severity {
	bool given;
	enum err_effect effect; /* EFF_NONE: information only */
};

struct event_rule {
	const char *where; /* in its PCR: "events[3].any[0][1]"; or NULL */
	uint32_t type;
	bool any_type; /* "*": of no type by itself (type EV_UNUSED) */
	bool optional;
	bool repeat;
	enum layer layer; /* LAYER_NONE: by the event */
	struct severity severity;
	size_t n;
	struct golden_value *accept;
};

enum pcr_kind {
	PCR_UNRULED,
	PCR_VALUES, /* the final value is one of these */
	PCR_EVENTS, /* exactly these events, in order */
	PCR_OPAQUE, /* quoted, kept, not judged; says why */
};

struct pcr_rule {
	enum pcr_kind kind;
	size_t n;
	struct golden_value *values;
	struct event_rule *events; /* those of groups in their order, too */
	size_t groups_n;
	struct align_group *groups;
	const char *why;    /* of an opaque PCR */
	const char *source; /* for values that name none */
};

struct glob_rule {
	const char *glob;
	const char *source;
	struct digest digest; /* alg 0: any */
};

/* Whose signature lets a file pass that no list names. */
struct signer {
	struct file_key *key;
	const char *glob; /* only at these paths; NULL: anywhere */
	const char *source;
};

enum { KEYRING_MAX = 64, SETS_MAX = 64 };

/* Pairs or digests, of the document itself or a reference set that it names. */
struct ima_set {
	struct refset *set; /* NULL: named, and not there */
	const char *glob;   /* counts only at these paths; NULL: anywhere */
	bool named;
	uint8_t hash[32]; /* of a named one */
	const char *name;
};

struct ima_sets {
	size_t n;
	struct ima_set set[SETS_MAX];
};

/* The kernel's IMA policy has to be measured at such a path. */
struct ima_policy_rule {
	const char *glob;
	struct digest *accept;
	size_t n; /* 0: there is no such rule */
};

struct ima_rules {
	bool present;
	uint32_t pcrs; /* entries may name these PCRs */
	const char **templates;
	size_t templates_n; /* 0: any that can be decoded */
	enum err_effect violations, other_path, weak; /* EFF_NONE: pass */
	enum err_effect kexec;
	enum err_effect aggregate; /* one that cannot be checked */
	bool aggregate_given;
	struct ima_sets allow, deny;
	const char **deny_globs; /* nothing may be measured there */
	size_t deny_globs_n;
	struct glob_rule *globs; /* digests allowed at many paths */
	size_t globs_n;
	struct glob_rule *by_digest; /* paths that say nothing about a file */
	size_t by_digest_n;
	struct signer *keyring;
	size_t keyring_n;
	struct glob_rule *exclude; /* paths that are not judged */
	size_t exclude_n;
	struct ima_policy_rule policy;
};

struct text_list {
	const char **text;
	size_t n;
};

/* One token of the kernel command line. */
struct token_rule {
	const char *name;
	bool required;
	bool forbidden;
	bool flag;			/* stands without a value */
	struct text_list values, globs; /* both empty: any value */
	const char *source;
};

struct cmdline_rules {
	bool present;
	enum err_effect others; /* of tokens without a rule; EFF_NONE: pass */
	size_t tokens_n;
	struct token_rule *tokens;
	struct text_list lines; /* accepted as a whole */
	size_t known_n;		/* digests of whole command lines */
	struct golden_value *known;
	struct golden_value section; /* of a UKI section's name, .cmdline */
};

/* Sections of a unified kernel image in the order in which they are measured.
 */
enum { UKI_LINUX = 0, UKI_CMDLINE = 2, UKI_PCRSIG = 9, UKI_SECTIONS = 15 };
extern const char *const uki_sections[UKI_SECTIONS];

struct uki_section {
	bool given; /* false: the image must not have it */
	bool optional;
	size_t n; /* 0: any content */
	struct golden_value *accept;
	const char *source;
	struct golden_value name; /* its digests */
};

struct uki_rules {
	bool present;
	struct uki_section section[UKI_SECTIONS];
	size_t addons_n;
	struct golden_value *addons;
};

/* A failure that counts as a warning until a day. */
struct waiver {
	enum err_code code;
	const char *path;     /* glob of the file; NULL: any */
	int pcr;	      /* -1: any */
	struct digest digest; /* alg 0: any */
	struct waiver_note note;
};

struct weights {
	size_t codes_n;
	struct code_severity {
		enum err_code code;
		struct severity as;
	} * codes;
	size_t waivers_n;
	struct waiver *waivers;
};

enum policy_mode { MODE_ENFORCE, MODE_WARN, MODE_OBSERVE };

/* Where loaders measure the command line: GRUB 8, EFI stub 9, the section of a
 * UKI 11, systemd-boot and systemd-stub 12. */
#define PCRS_CMDLINE (1u << 8 | 1u << 9 | 1u << 11 | 1u << 12)

/* One boot phase, measured into PCR 11. */
struct phase_rule {
	const char *glob;
	const char *source;
	bool optional;
	bool repeat;
};

/* Other records that the running system may have measured. */
struct record_rule {
	const char *type; /* systemd's eventType, else the content type */
	const char *source;
	unsigned pcr;
	bool required;
	size_t n; /* 0: whatever it says */
	const char **accept;
};

enum separator_rule {
	SEPARATOR_ALLOWED,
	SEPARATOR_REQUIRED,
	SEPARATOR_FORBIDDEN
};

enum { PCR_PHASES = 11 };

struct userspace_rules {
	bool present;
	bool required; /* evidence without the log fails */
	enum separator_rule separator;
	size_t phases_n;
	struct phase_rule *phases;
	size_t after_n; /* what may follow the last of them */
	struct phase_rule *after;
	size_t records_n;
	struct record_rule *records;
};

/* A type of event that may stand where the specification has none. */
struct log_exception {
	unsigned pcr;
	uint32_t type;
	bool after; /* also behind the PCR's separator */
	const char *source;
};

/* The member "log": how strictly the boot log is read. */
struct log_rules {
	bool given; /* exceptions are; else the event rules are */
	size_t n;
	struct log_exception *exceptions;
	bool require_ebs;
	enum err_effect attempts; /* of other than one; EFF_NONE: pass */
};

struct policy {
	atomic_uint refs;
	struct arena arena;
	const char *name;
	uint64_t version; /* 0: none given */
	const char *description;
	const char *source;
	struct buf canonical;
	uint8_t hash[32];
	int64_t valid_for;
	struct sb_rules sb;
	struct log_rules log;
	struct firmware_rules firmware;
	struct windows_rules windows;
	int64_t interval;
	enum policy_mode mode;
	const char *env_class;	  /* NULL: any */
	struct text_list regions; /* of the verifier; none: any */
	struct weights weights;
	size_t banks_n;
	const struct hash_alg *banks[LIMIT_BANKS];
	struct pcr_selections selection;
	struct pcr_rule pcr[LIMIT_PCRS];
	struct userspace_rules userspace;
	struct ima_rules ima;
	struct cmdline_rules cmdline;
	struct uki_rules uki;
	struct tpm_rules tpm;
};

/* PCRs that a program may reset at any time (PTP 1.05, 6.1: 16, 23; and 21, 22
 * by locality): never a golden boot measurement. */
#define PCRS_RESETTABLE (1u << 16 | 1u << 21 | 1u << 22 | 1u << 23)

/* Index in p->banks, or -1. */
int policy_bank(const struct policy *p, uint16_t alg);

/* PCRs that the policy requires in any bank. */
uint32_t policy_pcrs(const struct policy *p);

/* --- boot_rules.c --------------------------------------------------------- */

/* Decode the members "pcrs" (first) and "boot" into p. */
MUST_USE rc pcrs_decode(struct policy *p, const json_t *doc, struct err *e);
MUST_USE rc boot_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* Golden values of events, one per element of the list, into out. */
MUST_USE rc golden_values_decode(struct policy *p, const json_t *list,
    const char *path, struct golden_value *out, struct err *e);

/* Each of them has a digest of every bank that is required for the PCR. */
MUST_USE rc golden_values_check(const struct policy *p, unsigned pcr,
    const struct golden_value *values, size_t n, const char *path,
    struct err *e);

/* The digests of a text and so many NULs in the required banks. MEMORY,
 * CRYPTO. */
MUST_USE rc golden_value_hash(struct policy *p, struct hasher *h,
    struct span text, size_t nul, struct golden_value *out, struct err *e);

/* The rule of a required PCR can be met. POLICY_FORMAT, BOOT_PCR_UNRULED. */
MUST_USE rc boot_rules_check(
    const struct policy *p, unsigned pcr, struct err *e);

/* --- phase_rules.c -------------------------------------------------------- */

/* Decode the member "userspace". POLICY_FORMAT: also where a rule is about a
 * PCR that "pcrs" does not require. */
MUST_USE rc phase_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

const char *separator_rule_name(enum separator_rule r);

/* In words. */
void phase_rules_describe(const struct policy *p, struct buf *out);

/* An event type by name or number, as the member "type". POLICY_FORMAT. */
MUST_USE rc event_type_decode(
    const json_t *rule, const char *path, uint32_t *out, struct err *e);

/* --- log_rules.c ---------------------------------------------------------- */

/* Decode the member "log", after "boot". */
MUST_USE rc log_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* Rules that need a log by themselves. */
bool log_rules_given(const struct policy *p);

/* The specification lets such an event stand in this PCR (below 16), before or
 * behind its separator; the policy does. */
bool log_place(unsigned pcr, uint32_t type, bool after);
bool log_rules_allow(
    const struct policy *p, unsigned pcr, uint32_t type, bool after);

/* What PCR 4 and 5, where they are in the mask, say of the end of the
 * firmware, by actions that hash to their digests. */
struct boot_attempts {
	size_t called, returned; /* boot options */
	bool exiting, exited;	 /* ExitBootServices: asked for, succeeded */
};

struct boot_attempts boot_attempts_of(
    const struct boot_facts *f, uint32_t pcrs);

void log_rules_describe(const struct policy *p, struct buf *out);

/* --- canonical.c ---------------------------------------------------------- */

/* Write a document with sorted keys and no white space, without the root's
 * "name" and "version". False for a number that is not an integer. */
bool canonical_emit(const json_t *doc, struct buf *out);

/* The same for a value inside of a document. */
bool canonical_value(const json_t *v, struct buf *out);

/* The same document for people: indented, in the order of the manual, name
 * and version included. */
bool canonical_pretty(const json_t *doc, struct buf *out);

/* --- weight_rules.c ------------------------------------------------------- */

/* Decode the members "severity" and "waivers". */
MUST_USE rc weight_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* The severity that a member names. */
MUST_USE rc severity_decode(const json_t *obj, const char *path,
    const char *key, struct severity *out, struct err *e);

/* A policy may say what this code counts. */
bool weighable(enum err_code code);

/* What the reason counts under the policy; names the waiver in it. */
enum err_effect policy_weigh(const struct policy *p, int64_t now,
    struct reason *r, enum err_effect effect);

/* --- ima_rules.c ---------------------------------------------------------- */

/* Decode the "ima" member into p->ima. */
MUST_USE rc ima_rules_decode(
    struct policy *p, const json_t *ima, struct err *e);
void ima_rules_free(struct ima_rules *r);

/* A glob as the kernel spells paths, in the policy's arena; NULL when it is
 * full. */
const char *ima_rules_glob(struct policy *p, struct span glob);

/* It takes whatever path there is. */
bool ima_rules_takes_all(const char *glob);

/* --- ima_sets.c ----------------------------------------------------------- */

/* Decode "allow" and "deny"; what weak digests count for is known already. */
MUST_USE rc ima_sets_decode(struct policy *p, const json_t *ima, struct err *e);
void ima_sets_free(struct ima_sets *sets);

/* "sha256:<lower-case hex>" and nothing else. */
bool ima_rules_digest(struct span text, struct digest *out);

/* The path text of an allow list's entry, borrowed from the canonical bytes (a
 * JSON string's inside); empty where there is none. */
struct span ima_rules_text(
    const struct policy *p, const struct refset *set, size_t entry);

/* "sha256:<lower-case hex>"; SHA-1 is refused. */
bool digest_parse(struct span s, struct digest *out);

/* An entry of "files" as learn writes it: alg ":" hex " " path, with bytes
 * that cannot stand in a line as \xNN. */
void ima_rules_file(struct buf *out, const struct hash_alg *alg,
    const uint8_t *digest, struct span path);

/* --- uki_rules.c ---------------------------------------------------------- */

/* Decode the member "uki", after "pcrs". */
MUST_USE rc uki_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* --- cmdline_rules.c ------------------------------------------------------ */

/* Decode the member "cmdline", after "pcrs". */
MUST_USE rc cmdline_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* What is wrong with a token that has a rule; ERR_OK: nothing. */
struct cmdline_token;
enum err_code cmdline_judge(
    const struct token_rule *r, const struct cmdline_token *t);

/* The rule for tokens of this name; NULL if there is none. */
const struct token_rule *cmdline_rule(
    const struct cmdline_rules *r, struct span name);

/* --- tpm_rules.c, tpm_text.c ---------------------------------------------- */

/* Decode the member "tpm" into p->tpm; defaults where there is none. */
MUST_USE rc tpm_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

const char *tpm_effect_name(enum tpm_effect id); /* the member's name */
void tpm_rules_describe(const struct policy *p, struct buf *out);

/* --- policy.c ------------------------------------------------------------- */

enum { POLICY_PATH = 120 }; /* room for a path into the document */

/* A path into the document; too long a one is cut. */
void policy_path(char out[POLICY_PATH], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A PCR's number in decimal, as a member's name. */
void policy_number(char out[12], unsigned pcr);

/* An optional string member, copied into the policy's arena; *out is left as
 * it is where there is none. JSON_TYPE, MEMORY. */
MUST_USE rc policy_string(struct policy *p, const json_t *obj, const char *path,
    const char *key, const char **out, struct err *e);

/* An optional boolean, and an optional effect: "fail", "warn" or "pass"
 * (EFF_NONE). Left as they are where there is none. */
MUST_USE rc policy_bool(const json_t *obj, const char *path, const char *key,
    bool *out, struct err *e);
MUST_USE rc policy_effect(const json_t *obj, const char *path, const char *key,
    enum err_effect *out, struct err *e);

#endif
