/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the rules on Secure Boot, and about the boot loaders that a
 * policy accepts. */
#include "appraise/lint.h"

#include "base/text.h"

static void
lint_rules(struct lint *l)
{
	const struct policy *p = l->p;
	const struct sb_rules *r = &p->sb;
	int sha256 = policy_bank(p, ALG_SHA256);
	uint32_t pcrs = pcr_selections_mask(&p->selection, ALG_SHA256);

	if (!r->required)
		lint_ask(l, LINT_SB_OPTIONAL, "secure_boot");
	for (size_t i = 0; sb_allow_rows[i].name; i++)
		if (r->allow & 1u << i)
			lint_ask(l, LINT_SB_ALLOW, "secure_boot.allow %s",
			    sb_allow_rows[i].name);
	if (r->required && !r->groups_n)
		lint_ask(l, LINT_SB_NO_DBX, "secure_boot.dbx");
	if (r->revoked_n && (sha256 < 0 || !(pcrs & 1u << 4)))
		lint_ask(l, LINT_SB_DBX_IMAGES, "secure_boot.dbx");
	if (r->required && p->pcr[7].kind == PCR_OPAQUE && !r->db.given)
		lint_ask(l, LINT_SB_DB, "secure_boot.db");
	if (r->required && policy_pcrs(p) & 1u << 14 && !r->sbat.n)
		lint_ask(l, LINT_SB_SBAT, "secure_boot.sbat");
}

/* --- golden images ---------------------------------------------------------
 */

/* Files whose flat hash the policy knows: what GRUB read, and IMA's. */
static bool
is_file_hash(const struct policy *p, const uint8_t *sha256)
{
	const struct pcr_rule *files = &p->pcr[9];
	int bank = policy_bank(p, ALG_SHA256);

	for (size_t i = 0; files->kind == PCR_EVENTS && i < files->n; i++)
		for (size_t k = 0; k < files->events[i].n; k++) {
			const uint8_t *d =
			    files->events[i].accept[k].digest[bank];
			if (d && memcmp(d, sha256, 32) == 0)
				return true;
		}
	for (size_t i = 0; i < p->ima.allow.n; i++) {
		const struct refset *set = p->ima.allow.set[i].set;
		if (set && refset_alg(set)->id == ALG_SHA256 &&
		    refset_has(set, sha256))
			return true;
	}
	return false;
}

static void
lint_image(struct lint *l, const char *path, const uint8_t *sha256)
{
	size_t from;

	if (is_file_hash(l->p, sha256))
		lint_ask(l, LINT_SB_FILE_HASH, "%s", path);
	if (revoked_find(
		l->p->sb.revoked, l->p->sb.revoked_n, false, sha256, &from))
		lint_ask(l, LINT_SB_REVOKED, "%s", path);
}

static void
lint_images(struct lint *l, unsigned pcr)
{
	const struct pcr_rule *rule = &l->p->pcr[pcr];
	int bank = policy_bank(l->p, ALG_SHA256);
	char path[POLICY_PATH];

	for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n; i++) {
		const struct event_rule *er = &rule->events[i];
		const struct evlog_event ev = {.type = er->type};
		for (size_t k = 0; uefi_is_image(&ev) && k < er->n; k++) {
			policy_path(
			    path, "boot.%u.%s.accept[%zu]", pcr, er->where, k);
			if (er->accept[k].digest[bank])
				lint_image(l, path, er->accept[k].digest[bank]);
		}
	}
}

void
lint_sb(struct lint *l)
{
	lint_rules(l);
	lint_images(l, 2);
	lint_images(l, 4);
}
