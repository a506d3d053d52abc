/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says about Secure Boot, the firmware and Windows: the members
 * "secure_boot", "firmware" and "windows", compiled. Part of rules.h. */
#ifndef AKASHI_APPRAISE_SB_RULES_H
#define AKASHI_APPRAISE_SB_RULES_H

#include "base/json.h"
#include "decode/efi_sig.h"

struct buf;
struct golden_value;
struct policy;

/* Something that a rule implies and that "allow" takes back by name. */
struct allow_row {
	const char *name;
	enum err_code code;
};

/* Both end with name == NULL. */
extern const struct allow_row sb_allow_rows[];
extern const struct allow_row windows_allow_rows[];

/* Does `allow` take this code back? */
bool allow_has(
    const struct allow_row *rows, uint32_t allow, enum err_code code);

/* SHA-256 digests that may be found, sorted. */
struct known {
	const uint8_t *sha256;
	const char *text;   /* NULL */
	const char *source; /* NULL */
};

struct known_list {
	bool given; /* false: anything may be found */
	size_t n;
	struct known *p;
};

/* NULL if the digest is not in the list. */
const struct known *known_find(
    const struct known_list *list, const uint8_t sha256[32]);

/* One entry of an update of dbx: the Authenticode SHA-256 of an image, or the
 * SHA-256 of a certificate. Sorted by kind and digest. */
struct revoked {
	const uint8_t *sha256;
	uint16_t group;
	bool certificate;
};

struct revoked_group {
	const char *source;
	bool golden;		 /* they stood in the dbx of a golden boot */
	enum err_effect missing; /* of an entry that the node's dbx lacks */
};

/* Entries with this digest: [*from, end); end is returned. */
size_t revoked_find(const struct revoked *list, size_t n, bool certificate,
    const uint8_t sha256[32], size_t *from);

/* Variables that shim measures into PCR 14, in its order. */
enum { MOK_VARIABLES = 6, SVN_APPS = 3 };
const char *mok_name(size_t i); /* NULL behind the last */

struct mok_rule {
	size_t n; /* 0: the variable may not be measured */
	struct golden_value *accept;
};

struct svn_rule {
	bool given;
	uint16_t major, minor;
};

struct sb_rules {
	bool required;
	bool deployed; /* DeployedMode must be 1 */
	uint32_t allow;
	struct known_list pk, kek, db, authorities;
	size_t groups_n;
	struct revoked_group *groups;
	size_t revoked_n;
	struct revoked *revoked;
	struct span sbat; /* the least level; n == 0: none */
	bool mok_given;
	struct mok_rule mok[MOK_VARIABLES];
	struct svn_rule svn[SVN_APPS];
};

struct firmware_rules {
	const char *minimum;   /* NULL: none */
	size_t versions_n;     /* 0: any */
	const char **versions; /* as the log is shown */
};

struct windows_rules {
	bool given;
	uint32_t allow;
};

/* --- sb_rules.c, fw_rules.c ------------------------------------------------
 */

/* Decode the members of a document into p. POLICY_FORMAT, JSON_…, MEMORY. */
MUST_USE rc sb_rules_decode(struct policy *p, const json_t *doc, struct err *e);
MUST_USE rc firmware_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);
MUST_USE rc windows_rules_decode(
    struct policy *p, const json_t *doc, struct err *e);

/* The member "allow" of an object: a list of names from `rows`. */
MUST_USE rc allow_decode(const json_t *obj, const char *path,
    const struct allow_row *rows, uint32_t *out, struct err *e);

/* The PCRs that they judge are required. POLICY_FORMAT. */
MUST_USE rc sb_rules_check(const struct policy *p, struct err *e);

/* They judge something beyond what every boot is judged by. */
bool sb_rules_given(const struct policy *p);

/* One of the rules about Secure Boot is there. */
bool sb_rules_secure_boot(const struct policy *p);

/* In words. */
void sb_rules_describe(const struct policy *p, struct buf *out);

#endif
