/* SPDX-License-Identifier: Apache-2.0 */
/* The policy member "tpm": which TPM may speak, and what its memory may say.
 * Included by rules.h. */
#ifndef AKASHI_APPRAISE_TPM_RULES_H
#define AKASHI_APPRAISE_TPM_RULES_H

#include "appraise/firmware.h"
#include "appraise/verdict.h"

/* X(ID, "member", default effect) */
#define TPM_EFFECTS                                                            \
	X(ADVISORIES, "advisories", WARN)                                      \
	X(PHYSICAL_ADVISORIES, "physical_advisories", NONE)                    \
	X(RESET, "reset", NONE)                                                \
	X(RESTART, "restart", NONE)                                            \
	X(CLOCK_UNSAFE, "clock_unsafe", WARN)                                  \
	X(CLOCK_PACE, "clock_pace", WARN)                                      \
	X(DELAYED, "delayed", WARN)                                            \
	X(FIRMWARE_DOWNGRADE, "firmware_downgrade", FAIL)                      \
	X(LOG_CHANGE, "log_change", FAIL)                                      \
	X(DYNAMIC_LAUNCH, "dynamic_launch", WARN)

enum tpm_effect {
#define X(id, name, effect) TPM_##id,
	TPM_EFFECTS
#undef X
	    TPM_EFFECT_COUNT
};

struct firmware_rule {
	uint32_t maker;
	uint64_t min;
	const char *source;
};

struct tpm_rules {
	bool present;
	unsigned classes; /* bits of enum rot_class; 0: any */
	const uint32_t *makers;
	size_t makers_n; /* 0: any */
	const struct firmware_rule *firmware;
	size_t firmware_n;
	const char *const *keys; /* "ecc-p256"; of the AK */
	size_t keys_n;
	const char *const *hashes; /* "sha384"; of its signatures */
	size_t hashes_n;
	const char *const *accepted; /* advisories that are known */
	size_t accepted_n;
	int64_t max_delay; /* microseconds */
	enum err_effect effect[TPM_EFFECT_COUNT];
};

#endif
