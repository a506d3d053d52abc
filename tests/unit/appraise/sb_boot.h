/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded boot with Secure Boot on that is changed in memory and replayed
 * again, and policies in which PCRs are opaque, so that no rule but the one in
 * question can find the change.
 */
#ifndef AKASHI_TESTS_SB_BOOT_H
#define AKASHI_TESTS_SB_BOOT_H

#include "appraise/learn.h"
#include "decode/efi_sig.h"
#include "decode/sipa.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* db, KEK and PK of the golden boot */
#define WINDOWS_PCA                                                            \
	"e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961"
#define UEFI_CA                                                                \
	"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507"
#define PK_KEK                                                                 \
	"5fb05ed84c5170d542ed6a7b7487dd57b8faedb02f7e107b0409e1d22cac4169"
#define MS_KEK                                                                 \
	"a1117f516a32cefcba3f2d1ace10a87972fd6bbe8fe0d0b996e09e65d802a503"
#define DEBIAN_CA                                                              \
	"079646974bce09b1f04da67bd722d1fb0947ae4c4010bccdbba52d5b23cbf1a2"
/* its one entry of dbx: SHA-256 of nothing */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* what was loaded as "bootkit" */
#define BOOTKIT                                                                \
	"870be514fde6d3fd08d246b75b7bf2b00fe78c989417011102e29ca56e9b25c0"

#define ON "\"secure_boot\":{\"required\":true}"
#define SB(members) "\"secure_boot\":{\"required\":true," members "}"

extern struct arena arena;
extern struct hasher *hasher;
extern struct evlog golden;
extern struct pcr_selections quoted;
extern struct verdict v;

void sb_setup(void);
void sb_teardown(void);

/* The golden log with room for more events. */
struct evlog copy(void);

/* Where they stand in the golden log. */
enum {
	AT_VERSION = 1,
	AT_PK = 5,
	AT_KEK = 6,
	AT_DB = 7,
	AT_DBX = 8,
	AT_SEPARATOR = 9,
	AT_AUTHORITY = 22,
	AT_SHIM = 24,
	AT_MOKLIST = 25,
	AT_SBAT = 27,
};

void put_config(struct evlog *log, size_t at, const uint8_t guid[16],
    const char *name, struct span data);
void put_dbx(struct evlog *log, const uint8_t type[16], struct span entry);
extern const uint8_t sha256_guid[16];

/* No certificate, but it has the names of one; BMPString where wide. */
struct span certificate(const char *name, bool wide);

/* Changes, each as its name says. */
typedef void sb_change(struct evlog *log);
sb_change hidden_state, hidden_sbat, hidden_bootkit, version_forged, win_hidden;
sb_change pk_empty, kek_missing, kek_malformed, setup_mode, setup_mode_off,
    audit_mode, deployed, undeployed, late_db, late_state, debug, debug_nul,
    no_dma, unknown_action, unbound_action, test_pk, test_kek, any_pk,
    no_authority, early_authority, other_db, foreign_authority, insecure,
    secure_again, dbx_empty, dbx_certificate, svn_7_1, svn_6_9, svn_7_0,
    bootkit, rom, sbat_old, sbat_old_shim, sbat_negative, sbat_unended,
    sbat_newer, sbat_huge, no_sbat, second_sbat, mok_other, mok_dropped,
    mok_swapped, mok_more, version_41, version_039, version_r1, version_none,
    version_unbound, no_crtm, win, win_boot_debug, win_kernel_debug,
    win_hypervisor_debug, win_test_signing, win_no_integrity, win_safe, win_pe,
    win_no_elam, win_late, win_cut, same;

/* A policy with these members; the caller drops it. */
struct policy *policy_with(const char *members);

/* Judge the log, as replayed, into v. */
void judge(const struct policy *p, const struct evlog *log);
const struct reason *reason_of(enum err_code code);
const char *first_reason(void);

#endif
