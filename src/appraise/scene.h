/* SPDX-License-Identifier: Apache-2.0 */
/* One appraisal of a boot while it is judged, and the words for what is found.
 * Only the files eval_….c include this. */
#ifndef AKASHI_APPRAISE_SCENE_H
#define AKASHI_APPRAISE_SCENE_H

#include "appraise/lane.h"

/* One appraisal: who asks, about what, where the answer goes. */
struct scene {
	const struct policy *p;
	const struct boot_facts *f;
	struct verdict *v;
	struct arena *a;
	struct lanes lanes;
	uint32_t bad_separator; /* PCRs whose separators were found wanting */
	bool violated;		/* a boot rule was broken */
};

/* Add a reason and remember that a boot rule was broken, if it counts so. */
void scene_violate(struct scene *s, const struct reason *r);

/* The same with what the policy says it counts for; EFF_NONE: what its code
 * says. A warning breaks no rule. */
void scene_violate_as(
    struct scene *s, const struct reason *r, enum err_effect effect);

/* What the logs lead to in a PCR: the boot log, and the userspace log where
 * userspace_explains(). */
const struct banks *scene_banks(const struct scene *s, unsigned pcr);

/* The PCR's quoted value follows from them alone, in every bank that is judged:
 * only then are the events of the boot log all that was measured before the
 * system ran. */
bool scene_logged(const struct scene *s, unsigned pcr);

/* The rule says what its violation counts, where it does. */
void scene_severity(struct reason *r, const struct event_rule *rule);

/* The event of the log is a separator, and was measured as one: its type alone
 * is bound by nothing. */
bool scene_separator(const struct scene *s, uint32_t at);

/* The list is full: count one more of this code, which needs no texts. */
bool scene_full(struct scene *s, enum err_code code);

/* A reason about an event: path, PCR, index, type; the layer is the rule's
 * where it names one (rule may be NULL), else the event's. */
struct reason scene_reason(const struct scene *s, enum err_code code,
    const struct evlog_event *ev, const struct event_rule *rule);

/* Texts in the arena; NULL or "" when it is full. */
const char *text_of_type(struct arena *a, uint32_t type);
/* Of a rule: "*" for any. */
const char *text_of_rule_type(struct arena *a, const struct event_rule *rule);
const char *text_of_digest(
    struct arena *a, const struct hash_alg *alg, const uint8_t *digest);

/* "a b", either of which may be NULL or empty. */
const char *text_joined(struct arena *a, const char *left, const char *right);

/* The first alternatives of a list, as one line, with their digests of one
 * bank of the policy; bank < 0: without. */
const char *text_of_values(const struct scene *s,
    const struct golden_value *values, size_t n, int bank);

/* --- eval_uki.c ------------------------------------------------------- */

/* Judge the sections of a unified kernel image and its add-ons by "uki". */
void eval_uki(struct scene *s);

/* --- eval_cmdline.c --------------------------------------------------- */

/* Judge the kernel command line by "cmdline", once the lanes are sorted.
 * MEMORY. */
MUST_USE rc eval_cmdline(struct scene *s, struct err *e);
/* --- eval_sb.c, eval_fw.c, eval_windows.c ----------------------------- */

/* Judge what was measured about Secure Boot, the firmware and Windows; the
 * lanes are sorted. MEMORY, CRYPTO. */
MUST_USE rc eval_secure_boot(struct scene *s, struct err *e);
void eval_firmware(struct scene *s);
void eval_windows(struct scene *s);

/* --- eval_events.c ---------------------------------------------------- */

/* Judge the events of one PCR by its rules. MEMORY. */
MUST_USE rc eval_events(struct scene *s, const struct lane *l, struct err *e);

/* --- eval_phases.c ---------------------------------------------------- */

/* What was extended into the PCR after the boot log is told by records of the
 * userspace log that the policy judges, or by the one os-separator that every
 * system may measure. */
bool userspace_explains(const struct scene *s, unsigned pcr);

/* --- eval_log.c ----------------------------------------------------------- */

/* Rules over the whole log, of the PCRs in the mask; after the separators were
 * judged. */
void eval_log_rules(struct scene *s, uint32_t judged);

#endif
