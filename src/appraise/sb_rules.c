/* SPDX-License-Identifier: Apache-2.0 */
/* The "secure_boot" member of a policy. */
#include "appraise/rules.h"

#include "base/text.h"
#include "decode/sbat.h"

#include <stdlib.h>

enum {
	KNOWN_MAX = 1024, /* certificates of one list; real ones have ten */
	GROUPS_MAX = 64,
	REVOKED_MAX = 16 * 1024, /* entries; the dbx of today has 500 */
	SHA256 = 32,
};

const struct allow_row sb_allow_rows[] = {
    {"setup_mode", ERR_SB_SETUPMODE},
    {"audit_mode", ERR_SB_AUDITMODE},
    {"debug_mode", ERR_SB_DEBUG},
    {"test_keys", ERR_SB_TESTKEY},
    {"no_authority", ERR_SB_NO_AUTHORITY},
    {"early_authority", ERR_SB_AUTHORITY_EARLY},
    {"mok_insecure", ERR_MOK_INSECURE},
    {"no_dma_protection", ERR_DMA_UNPROTECTED},
    {"no_sbat", ERR_SBAT_MISSING},
    {NULL, ERR_OK},
};

/* The order in which shim measures them. */
static const char *const mok_names[MOK_VARIABLES] = {"MokList", "MokListX",
    "MokSBState", "MokDBState", "MokListTrusted", "MokPolicy"};

const char *
mok_name(size_t i)
{
	return i < MOK_VARIABLES ? mok_names[i] : NULL;
}

bool
allow_has(const struct allow_row *rows, uint32_t allow, enum err_code code)
{
	for (size_t i = 0; rows[i].name; i++)
		if (rows[i].code == code)
			return allow & 1u << i;
	return false;
}

/* --- sorted digests ------------------------------------------------------- */

static int
by_digest(const void *a, const void *b)
{
	const struct known *x = a;
	const struct known *y = b;

	return memcmp(x->sha256, y->sha256, SHA256);
}

const struct known *
known_find(const struct known_list *list, const uint8_t sha256[32])
{
	const struct known key = {.sha256 = sha256};

	return list->n ? bsearch(&key, list->p, list->n, sizeof(key), by_digest)
		       : NULL;
}

static int
by_kind(const void *a, const void *b)
{
	const struct revoked *x = a;
	const struct revoked *y = b;
	int d = (int)x->certificate - (int)y->certificate;

	return d ? d : memcmp(x->sha256, y->sha256, SHA256);
}

size_t
revoked_find(const struct revoked *list, size_t n, bool certificate,
    const uint8_t sha256[32], size_t *from)
{
	const struct revoked key = {sha256, 0, certificate};
	const struct revoked *at =
	    n ? bsearch(&key, list, n, sizeof(key), by_kind) : NULL;

	if (!at)
		return *from = 0;
	size_t first = (size_t)(at - list);
	size_t end = first + 1;
	while (first > 0 && by_kind(&list[first - 1], &key) == 0)
		first--;
	while (end < n && by_kind(&list[end], &key) == 0)
		end++;
	*from = first;
	return end;
}

/* --- members -------------------------------------------------------------- */

rc
allow_decode(const json_t *obj, const char *path, const struct allow_row *rows,
    uint32_t *out, struct err *e)
{
	const json_t *list = NULL;
	uint32_t allow = 0;

	if (!json_has(obj, "allow"))
		return RC_OK;
	TRY(json_get_array(obj, path, "allow", &list, e));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		size_t row = 0;
		while (rows[row].name &&
		       (!name || strcmp(rows[row].name, name) != 0))
			row++;
		if (!rows[row].name)
			return err_at(e, ERR_POLICY_FORMAT,
			    "There is nothing of this name that could be "
			    "allowed; akashi-policy(5) lists the names.",
			    "%s.allow[%zu]", path, i);
		allow |= 1u << row;
	}
	*out = allow;
	return RC_OK;
}

static rc
sha256_of(struct policy *p, struct span hex, const char *path,
    const uint8_t **out, struct err *e)
{
	uint8_t *digest = arena_alloc(&p->arena, SHA256);

	if (!digest)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	for (size_t i = 0; i < hex.n; i++)
		if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
			hex.n = 0;
	if (!rc_ok(hex_decode(hex, digest, SHA256)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A SHA-256 digest is 64 lower-case hex digits.", "%s",
		    path);
	*out = digest;
	return RC_OK;
}

static rc
decode_known(struct policy *p, const json_t *v, const char *path,
    struct known *out, struct err *e)
{
	static const char *const members[] = {"sha256", "text", "source", NULL};
	char at[POLICY_PATH];
	struct span hex;

	TRY(json_only(v, path, members, e));
	TRY(json_get_str(v, path, "sha256", &hex, e));
	policy_path(at, "%s.sha256", path);
	TRY(sha256_of(p, hex, at, &out->sha256, e));
	TRY(policy_string(p, v, path, "text", &out->text, e));
	return policy_string(p, v, path, "source", &out->source, e);
}

/* An empty list is a rule too: nothing may be found. */
static rc
decode_list(struct policy *p, const json_t *sb, const char *key,
    struct known_list *out, struct err *e)
{
	const json_t *list = NULL;

	if (!json_has(sb, key))
		return RC_OK;
	TRY(json_get_array(sb, "secure_boot", key, &list, e));
	out->n = json_array_size(list);
	if (out->n > KNOWN_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "secure_boot.%s", key);
	out->p = arena_array(&p->arena, out->n, sizeof(*out->p));
	if (!out->p)
		return err_at(e, ERR_MEMORY, NULL, "secure_boot.%s", key);
	for (size_t i = 0; i < out->n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "secure_boot.%s[%zu]", key, i);
		TRY(decode_known(
		    p, json_array_get(list, i), at, &out->p[i], e));
	}
	if (out->n)
		qsort(out->p, out->n, sizeof(*out->p), by_digest);
	out->given = true;
	return RC_OK;
}

/* --- dbx ------------------------------------------------------------------ */

static size_t
entries_in(const json_t *group)
{
	return json_array_size(json_object_get(group, "images")) +
	       json_array_size(json_object_get(group, "certificates"));
}

static rc
decode_revoked(struct policy *p, const json_t *group, const char *path,
    bool certificate, struct err *e)
{
	const char *key = certificate ? "certificates" : "images";
	uint16_t nth = (uint16_t)p->sb.groups_n;
	const json_t *list = NULL;

	if (!json_has(group, key))
		return RC_OK;
	TRY(json_get_array(group, path, key, &list, e));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		struct revoked *to = &p->sb.revoked[p->sb.revoked_n];
		char at[POLICY_PATH];
		policy_path(at, "%s.%s[%zu]", path, key, i);
		TRY(sha256_of(
		    p, span_str(json_string_value(v)), at, &to->sha256, e));
		to->group = nth;
		to->certificate = certificate;
		p->sb.revoked_n++;
	}
	return RC_OK;
}

static rc
decode_group(struct policy *p, const json_t *v, const char *path, struct err *e)
{
	static const char *const members[] = {
	    "source", "golden", "missing", "images", "certificates", NULL};
	struct revoked_group *out = &p->sb.groups[p->sb.groups_n];

	out->missing = EFF_FAIL;
	TRY(json_only(v, path, members, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	TRY(policy_bool(v, path, "golden", &out->golden, e));
	TRY(policy_effect(v, path, "missing", &out->missing, e));
	if (entries_in(v) == 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A group of revocations has \"images\" or "
		    "\"certificates\".",
		    "%s", path);
	TRY(decode_revoked(p, v, path, false, e));
	TRY(decode_revoked(p, v, path, true, e));
	p->sb.groups_n++;
	return RC_OK;
}

static rc
decode_dbx(struct policy *p, const json_t *sb, struct err *e)
{
	const json_t *list = NULL;
	size_t entries = 0;

	if (!json_has(sb, "dbx"))
		return RC_OK;
	TRY(json_get_array(sb, "secure_boot", "dbx", &list, e));
	size_t n = json_array_size(list);
	for (size_t i = 0; i < n; i++)
		entries += entries_in(json_array_get(list, i));
	if (n > GROUPS_MAX || entries > REVOKED_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "secure_boot.dbx");
	p->sb.groups = arena_array(&p->arena, n, sizeof(*p->sb.groups));
	p->sb.revoked = arena_array(&p->arena, entries, sizeof(*p->sb.revoked));
	if (!p->sb.groups || !p->sb.revoked)
		return err_at(e, ERR_MEMORY, NULL, "secure_boot.dbx");
	for (size_t i = 0; i < n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "secure_boot.dbx[%zu]", i);
		TRY(decode_group(p, json_array_get(list, i), at, e));
	}
	if (p->sb.revoked_n)
		qsort(p->sb.revoked, p->sb.revoked_n, sizeof(*p->sb.revoked),
		    by_kind);
	return RC_OK;
}

/* --- shim and Windows ----------------------------------------------------- */

static rc
decode_sbat(struct policy *p, const json_t *sb, struct err *e)
{
	static const char *const members[] = {"minimum", "source", NULL};
	const json_t *sbat = NULL;
	const char *text = NULL;

	if (!json_has(sb, "sbat"))
		return RC_OK;
	TRY(json_get_object(sb, "secure_boot", "sbat", &sbat, e));
	TRY(json_only(sbat, "secure_boot.sbat", members, e));
	TRY(policy_string(p, sbat, "secure_boot.sbat", "minimum", &text, e));
	if (!text || !sbat_valid(span_str(text)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A level is lines \"component,generation\", the first of "
		    "them \"sbat,1,YYYYMMDDHH\".",
		    "secure_boot.sbat.minimum");
	p->sb.sbat = span_str(text);
	return RC_OK;
}

static rc
decode_mok(struct policy *p, const json_t *sb, struct err *e)
{
	static const char *const members[] = {"MokList", "MokListX",
	    "MokSBState", "MokDBState", "MokListTrusted", "MokPolicy", NULL};
	const json_t *mok = NULL;

	if (!json_has(sb, "mok"))
		return RC_OK;
	TRY(json_get_object(sb, "secure_boot", "mok", &mok, e));
	TRY(json_only(mok, "secure_boot.mok", members, e));
	for (size_t i = 0; mok_name(i); i++) {
		const json_t *list = NULL;
		char at[POLICY_PATH];
		if (!json_has(mok, mok_name(i)))
			continue;
		policy_path(at, "secure_boot.mok.%s", mok_name(i));
		TRY(json_get_array(
		    mok, "secure_boot.mok", mok_name(i), &list, e));
		p->sb.mok[i].n = json_array_size(list);
		p->sb.mok[i].accept = arena_array(
		    &p->arena, p->sb.mok[i].n, sizeof(*p->sb.mok[i].accept));
		if (!p->sb.mok[i].accept)
			return err_at(e, ERR_MEMORY, NULL, "%s", at);
		TRY(golden_values_decode(p, list, at, p->sb.mok[i].accept, e));
		TRY(golden_values_check(
		    p, 14, p->sb.mok[i].accept, p->sb.mok[i].n, at, e));
	}
	p->sb.mok_given = true;
	return RC_OK;
}

/* "7.0": major and minor. */
static bool
svn_parse(struct span s, struct svn_rule *out)
{
	const uint8_t *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
	uint64_t major, minor;

	if (!dot)
		return false;
	size_t n = (size_t)(dot - s.p);
	if (!number_parse(span_of(s.p, n), UINT16_MAX, &major) ||
	    !number_parse(span_of(dot + 1, s.n - n - 1), UINT16_MAX, &minor))
		return false;
	*out = (struct svn_rule){true, (uint16_t)major, (uint16_t)minor};
	return true;
}

static rc
decode_svn(struct policy *p, const json_t *sb, struct err *e)
{
	const json_t *svn = NULL;
	const char *key;
	json_t *v;

	if (!json_has(sb, "svn"))
		return RC_OK;
	TRY(json_get_object(sb, "secure_boot", "svn", &svn, e));
	json_object_foreach((json_t *)(uintptr_t)svn, key, v)
	{
		unsigned app = 0;
		while (efi_svn_app(app) && strcmp(efi_svn_app(app), key) != 0)
			app++;
		if (!efi_svn_app(app))
			return err_at(e, ERR_JSON_UNKNOWN, NULL,
			    "secure_boot.svn.%.40s", key);
		if (!svn_parse(span_str(json_string_value(v)), &p->sb.svn[app]))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A security version is written as \"7.0\".",
			    "secure_boot.svn.%s", key);
	}
	return RC_OK;
}

/* --- all of it ------------------------------------------------------------ */

rc
sb_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"required", "allow",
	    "deployed_mode", "pk", "kek", "db", "authorities", "dbx", "sbat",
	    "mok", "svn", NULL};
	struct sb_rules *r = &p->sb;
	const json_t *sb = NULL;

	if (!json_has(doc, "secure_boot"))
		return RC_OK;
	TRY(json_get_object(doc, "", "secure_boot", &sb, e));
	TRY(json_only(sb, "secure_boot", known, e));
	TRY(json_get_bool(sb, "secure_boot", "required", &r->required, e));
	TRY(policy_bool(sb, "secure_boot", "deployed_mode", &r->deployed, e));
	TRY(allow_decode(sb, "secure_boot", sb_allow_rows, &r->allow, e));
	TRY(decode_list(p, sb, "pk", &r->pk, e));
	TRY(decode_list(p, sb, "kek", &r->kek, e));
	TRY(decode_list(p, sb, "db", &r->db, e));
	TRY(decode_list(p, sb, "authorities", &r->authorities, e));
	TRY(decode_dbx(p, sb, e));
	TRY(decode_sbat(p, sb, e));
	TRY(decode_mok(p, sb, e));
	return decode_svn(p, sb, e);
}

static bool
judges_pcr_7(const struct sb_rules *r)
{
	bool any = r->required || r->deployed || r->pk.given || r->kek.given ||
		   r->db.given || r->authorities.given || r->groups_n ||
		   r->sbat.n;

	for (size_t i = 0; i < SVN_APPS; i++)
		any = any || r->svn[i].given;
	return any;
}

bool
sb_rules_secure_boot(const struct policy *p)
{
	return judges_pcr_7(&p->sb) || p->sb.mok_given;
}

static bool
judges_firmware(const struct policy *p)
{
	return p->firmware.minimum || p->firmware.versions_n;
}

bool
sb_rules_given(const struct policy *p)
{
	return sb_rules_secure_boot(p) || judges_firmware(p) ||
	       p->windows.given;
}

rc
sb_rules_check(const struct policy *p, struct err *e)
{
	const struct {
		bool given;
		uint32_t pcrs;
		const char *path;
		const char *text;
	} members[] = {
	    {judges_pcr_7(&p->sb), 1u << 7, "secure_boot",
		"Secure Boot is measured in PCR 7, which must be required."},
	    {p->sb.mok_given, 1u << 14 | 1u << 7, "secure_boot.mok",
		"shim measures in PCR 14 and 7, which must be required."},
	    {judges_firmware(p), 1u << 0, "firmware",
		"The firmware is measured in PCR 0, which must be required."},
	    {p->windows.given, 1u << 12 | 1u << 13, "windows",
		"Windows measures in PCR 12 and 13, which must be required."},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].given && members[i].pcrs & ~policy_pcrs(p))
			return err_at(e, ERR_POLICY_FORMAT, members[i].text,
			    "%s", members[i].path);
	return RC_OK;
}

/* --- in words ------------------------------------------------------------- */

static void
describe_list(const char *what, const struct known_list *list, struct buf *out)
{
	char hex[17];

	if (!list->given)
		return;
	buf_printf(out, "    %s holds %s\n", what,
	    list->n ? "nothing but" : "nothing");
	for (size_t i = 0; i < list->n; i++) {
		hex_emit(span_of(list->p[i].sha256, 8), hex);
		buf_printf(out, "      %s%ssha256:%s…%s%s\n",
		    list->p[i].text ? list->p[i].text : "",
		    list->p[i].text ? " " : "", hex,
		    list->p[i].source ? ", from " : "",
		    list->p[i].source ? list->p[i].source : "");
	}
}

static void
describe_dbx(const struct sb_rules *r, struct buf *out)
{
	for (size_t i = 0; i < r->groups_n; i++) {
		const struct revoked_group *g = &r->groups[i];
		size_t n = 0;
		for (size_t k = 0; k < r->revoked_n; k++)
			n += r->revoked[k].group == i;
		buf_printf(out,
		    "    %zu revoked images and certificates%s%s; one that "
		    "dbx lacks: %s\n",
		    n, g->source ? " of " : "", g->source ? g->source : "",
		    g->missing == EFF_FAIL   ? "fail"
		    : g->missing == EFF_WARN ? "warn"
					     : "pass");
	}
}

void
sb_rules_describe(const struct policy *p, struct buf *out)
{
	const struct sb_rules *r = &p->sb;

	if (r->required)
		buf_puts(out, "  Secure Boot must be on\n");
	for (size_t i = 0; sb_allow_rows[i].name; i++)
		if (r->allow & 1u << i)
			buf_printf(
			    out, "    allowed: %s\n", sb_allow_rows[i].name);
	if (r->deployed)
		buf_puts(out, "    DeployedMode must be on\n");
	describe_list("PK", &r->pk, out);
	describe_list("KEK", &r->kek, out);
	describe_list("db", &r->db, out);
	describe_list("what verified the images", &r->authorities, out);
	describe_dbx(r, out);
	if (r->sbat.n)
		buf_printf(out, "    SBAT level at least %llu\n",
		    (unsigned long long)sbat_datestamp(r->sbat));
	for (unsigned i = 0; i < SVN_APPS; i++)
		if (r->svn[i].given)
			buf_printf(out,
			    "    security version of %s at least %u.%u\n",
			    efi_svn_app(i), r->svn[i].major, r->svn[i].minor);
	if (r->mok_given)
		buf_puts(out, "    shim's MOK variables as listed\n");
	if (p->firmware.minimum)
		buf_printf(out, "  firmware version at least %s\n",
		    p->firmware.minimum);
	for (size_t i = 0; i < p->firmware.versions_n; i++)
		buf_printf(out, "  %s %s\n", i ? "  or" : "firmware version",
		    p->firmware.versions[i]);
	if (p->windows.given)
		buf_puts(out, "  Windows must have started as it should\n");
	for (size_t i = 0; windows_allow_rows[i].name; i++)
		if (p->windows.allow & 1u << i)
			buf_printf(out, "    allowed: %s\n",
			    windows_allow_rows[i].name);
}
