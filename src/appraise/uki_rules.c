/* SPDX-License-Identifier: Apache-2.0 */
/* The "uki" member of a policy. */
#include "appraise/rules.h"

#include "base/text.h"

enum { ACCEPT_MAX = 1024 };

/* systemd-stub measures in this order (uki.h of systemd), each section once;
 * .pcrsig never, because it signs the result. */
const char *const uki_sections[UKI_SECTIONS] = {".linux", ".osrel", ".cmdline",
    ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrsig",
    ".pcrpkey", ".profile", ".dtbauto", ".hwids", ".efifw"};

static int
section_named(const char *name)
{
	for (int i = 0; i < UKI_SECTIONS; i++)
		if (strcmp(uki_sections[i], name) == 0)
			return i;
	return -1;
}

static rc
decode_section(struct policy *p, const json_t *v, const char *path,
    struct uki_section *out, struct err *e)
{
	static const char *const known[] = {
	    "optional", "accept", "source", NULL};
	const json_t *accept = NULL;
	char at[POLICY_PATH];

	TRY(json_only(v, path, known, e));
	out->given = true;
	TRY(policy_bool(v, path, "optional", &out->optional, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	if (!json_has(v, "accept"))
		return RC_OK;
	TRY(json_get_array(v, path, "accept", &accept, e));
	size_t n = json_array_size(accept);
	policy_path(at, "%s.accept", path);
	if (n == 0 || n > ACCEPT_MAX)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A list of contents holds 1 to 1024 of them; without it "
		    "any content is accepted.",
		    "%s", at);
	out->accept = arena_array(&p->arena, n, sizeof(*out->accept));
	if (!out->accept)
		return err_at(e, ERR_MEMORY, NULL, "%s", at);
	out->n = n;
	TRY(golden_values_decode(p, accept, at, out->accept, e));
	return golden_values_check(p, 11, out->accept, n, at, e);
}

static rc
decode_sections(struct policy *p, const json_t *uki, struct err *e)
{
	struct uki_rules *r = &p->uki;
	const json_t *sections = NULL;
	const char *key;
	json_t *v;

	TRY(json_get_object(uki, "uki", "sections", &sections, e));
	json_object_foreach((json_t *)(uintptr_t)sections, key, v)
	{
		char at[POLICY_PATH];
		int i = section_named(key);
		policy_path(at, "uki.sections.%.16s", key);
		if (i < 0 || i == UKI_PCRSIG)
			return err_at(e, ERR_POLICY_FORMAT,
			    "systemd-stub measures no section of this name.",
			    "%s", at);
		TRY(decode_section(p, v, at, &r->section[i], e));
	}
	if (!r->section[UKI_LINUX].given || r->section[UKI_LINUX].optional)
		return err_at(e, ERR_POLICY_FORMAT,
		    "An image without a kernel is none.",
		    "uki.sections..linux");
	if (!r->section[UKI_CMDLINE].given)
		return err_at(e, ERR_POLICY_FORMAT,
		    "An image without a command line takes that of whoever "
		    "starts it: say so with \"optional\".",
		    "uki.sections..cmdline");
	return RC_OK;
}

static rc
decode_addons(struct policy *p, const json_t *uki, struct err *e)
{
	struct uki_rules *r = &p->uki;
	const json_t *list = NULL;

	if (!json_has(uki, "addons"))
		return RC_OK;
	TRY(json_get_array(uki, "uki", "addons", &list, e));
	size_t n = json_array_size(list);
	if (n > ACCEPT_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "uki.addons");
	if (n && !(policy_pcrs(p) & 1u << 12))
		return err_at(e, ERR_POLICY_FORMAT,
		    "Add-ons are measured in PCR 12, which must be required.",
		    "uki.addons");
	r->addons = arena_array(&p->arena, n, sizeof(*r->addons));
	if (!r->addons)
		return err_at(e, ERR_MEMORY, NULL, "uki.addons");
	r->addons_n = n;
	TRY(golden_values_decode(p, list, "uki.addons", r->addons, e));
	return golden_values_check(p, 12, r->addons, n, "uki.addons", e);
}

static rc
hash_names(struct policy *p, struct err *e)
{
	struct hasher *h = hasher_new();
	rc r = RC_OK;

	if (!h)
		return err_at(e, ERR_MEMORY, NULL, "uki");
	for (size_t i = 0; rc_ok(r) && i < UKI_SECTIONS; i++)
		r = golden_value_hash(p, h, span_str(uki_sections[i]), 1,
		    &p->uki.section[i].name, e);
	hasher_free(h);
	return rc_ok(r) ? r : err_prefix(e, r, "uki");
}

rc
uki_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"sections", "addons", NULL};
	const json_t *uki = NULL;

	if (!json_has(doc, "uki"))
		return RC_OK;
	TRY(json_get_object(doc, "", "uki", &uki, e));
	TRY(json_only(uki, "uki", known, e));
	if (!(policy_pcrs(p) & 1u << 11))
		return err_at(e, ERR_POLICY_FORMAT,
		    "Sections are measured in PCR 11, which must be required.",
		    "uki");
	TRY(decode_sections(p, uki, e));
	TRY(decode_addons(p, uki, e));
	TRY(hash_names(p, e));
	p->uki.present = true;
	return RC_OK;
}
