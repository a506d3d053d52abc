/* SPDX-License-Identifier: Apache-2.0 */
/* What reasons are about. Only cause….c include this. */
#ifndef AKASHI_APPRAISE_CAUSE_ABOUT_H
#define AKASHI_APPRAISE_CAUSE_ABOUT_H

#include "appraise/cause.h"

enum about {
	ABOUT_TPM_STATE = 1 << 0, /* not the TPM, or not its state, of before */
	ABOUT_TPM_KIND = 1 << 1,
	ABOUT_LATE = 1 << 2,
	ABOUT_EVIDENCE = 1 << 3, /* it is wrong */
	ABOUT_MISSING = 1 << 4,	 /* it is not there */
	ABOUT_NO_POLICY = 1 << 5,
	ABOUT_POLICY = 1 << 6, /* not the node */
	ABOUT_SB_OFF = 1 << 7,
	ABOUT_SB_ON = 1 << 8,
	ABOUT_SB_KEYS = 1 << 9,
	ABOUT_DBX = 1 << 10,
	ABOUT_AUTHORITY = 1 << 11, /* who signed an image */
	ABOUT_COMPONENT = 1 << 12,
	ABOUT_FIRMWARE = 1 << 13,
	ABOUT_OPTION_ROM = 1 << 14,
	ABOUT_SETTING = 1 << 15,
	ABOUT_LOADER = 1 << 16,
	ABOUT_CONFIG = 1 << 17, /* of the boot loader */
	ABOUT_UKI = 1 << 18,	/* as a whole */
	ABOUT_KERNEL = 1 << 19,
	ABOUT_INITRD = 1 << 20,
	ABOUT_CMDLINE = 1 << 21,
	ABOUT_GPT = 1 << 22,
	ABOUT_MODULE = 1 << 23, /* a file of the kernel's */
	ABOUT_FILE = 1 << 24,
	ABOUT_FILE_NEW = 1 << 25,
	ABOUT_FILE_DENIED = 1 << 26,
	ABOUT_IMA_POLICY = 1 << 27,
	ABOUT_KEXEC = 1 << 28,
	ABOUT_PHASE = 1 << 29,
	ABOUT_WINDOWS = 1 << 30,
};

/* The bits of enum about that one reason stands for; 0: nobody knows. */
uint32_t about_reason(const struct cause_facts *f, const struct reason *r);

/* Of an event of a log. */
uint32_t about_event(const struct evlog *log, const struct evlog_event *ev);

/* The event of the boot log that a reason names; NULL: none. */
const struct evlog_event *about_log_event(
    const struct cause_facts *f, const struct reason *r);

/* The kernel command line of a reason's event, and the one in its place in the
 * last good boot or, as the reason quotes it, in the policy. p == NULL: not
 * known. cut: both without the tokens at their beginning that are the same. */
struct cmdlines {
	struct span then, now;
	bool cut;
};
struct cmdlines about_cmdlines(
    const struct cause_facts *f, const struct reason *r);

/* What is particular to this cause: "6.1.0-56-cloud-amd64". One printable line
 * in the arena, "" where there is nothing. */
const char *cause_detail(const struct cause_facts *f, uint32_t subjects,
    enum cause_id id, struct arena *a);

/* Reasons that count as much as the gravest one. */
bool cause_counts(const struct cause_facts *f, const struct reason *r);

#endif
