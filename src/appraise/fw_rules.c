/* SPDX-License-Identifier: Apache-2.0 */
/* The "firmware" and "windows" members of a policy. */
#include "appraise/rules.h"

enum { VERSIONS_MAX = 256 };

const struct allow_row windows_allow_rows[] = {
    {"debug", ERR_WIN_DEBUG},
    {"test_signing", ERR_WIN_TEST_SIGNING},
    {"safe_mode", ERR_WIN_SAFE_MODE},
    {"winpe", ERR_WIN_PE},
    {"no_elam", ERR_WIN_ELAM},
    {"no_code_integrity", ERR_WIN_CODE_INTEGRITY},
    {NULL, ERR_OK},
};

static rc
decode_versions(struct policy *p, const json_t *fw, struct err *e)
{
	struct firmware_rules *r = &p->firmware;
	const json_t *list = NULL;

	if (!json_has(fw, "versions"))
		return RC_OK;
	TRY(json_get_array(fw, "firmware", "versions", &list, e));
	size_t n = json_array_size(list);
	if (n == 0 || n > VERSIONS_MAX)
		return err_at(e, n ? ERR_JSON_LIMIT : ERR_POLICY_FORMAT,
		    n ? NULL : "An empty list can never be met.",
		    "firmware.versions");
	r->versions = arena_array(&p->arena, n, sizeof(*r->versions));
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));
		const char *own =
		    s && r->versions ? arena_printf(&p->arena, "%s", s) : NULL;
		if (!own)
			return err_at(e, s ? ERR_MEMORY : ERR_JSON_TYPE, NULL,
			    "firmware.versions[%zu]", i);
		r->versions[r->versions_n++] = own;
	}
	return RC_OK;
}

rc
firmware_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {
	    "minimum", "versions", "source", NULL};
	const json_t *fw = NULL;
	const char *source = NULL;

	if (!json_has(doc, "firmware"))
		return RC_OK;
	TRY(json_get_object(doc, "", "firmware", &fw, e));
	TRY(json_only(fw, "firmware", known, e));
	TRY(policy_string(p, fw, "firmware", "source", &source, e));
	TRY(policy_string(
	    p, fw, "firmware", "minimum", &p->firmware.minimum, e));
	TRY(decode_versions(p, fw, e));
	if (!p->firmware.minimum && !p->firmware.versions_n)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Firmware is judged by a \"minimum\" or by \"versions\".",
		    "firmware");
	return RC_OK;
}

rc
windows_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"allow", NULL};
	const json_t *windows = NULL;

	if (!json_has(doc, "windows"))
		return RC_OK;
	TRY(json_get_object(doc, "", "windows", &windows, e));
	TRY(json_only(windows, "windows", known, e));
	p->windows.given = true;
	return allow_decode(
	    windows, "windows", windows_allow_rows, &p->windows.allow, e);
}
