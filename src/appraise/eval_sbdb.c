/* SPDX-License-Identifier: Apache-2.0 */
/* The content of PK, KEK, db and dbx, and what was loaded in spite of it. */
#include "appraise/eval_sb.h"

#include "decode/x509_name.h"

enum { SHOWN = 3 }; /* entries that one reason names */

/* --- test keys ------------------------------------------------------------ */

static uint8_t
upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

/* Letters of either case; zeros between them (BMPString) do not count. */
static bool
begins(struct span s, const char *words)
{
	for (size_t i = 0; i < s.n && *words; i++)
		if (s.p[i] && upper(s.p[i]) != (uint8_t)*words++)
			return false;
	return !*words;
}

static bool
says(struct span s, const char *words)
{
	for (size_t i = 0; i < s.n; i++)
		if (upper(s.p[i]) == (uint8_t)*words &&
		    begins(span_of(s.p + i, s.n - i), words))
			return true;
	return false;
}

/* Makers of firmware name them so, and some were shipped all the same
 * (CVE-2024-8105, "PKfail"). */
static bool
is_test_key(const struct efi_sig *sig)
{
	static const char *const words[] = {"DO NOT TRUST", "DO NOT SHIP"};
	struct x509_names names;

	if (sig->kind != SIG_X509 || !x509_names_decode(sig->data, &names))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (says(names.subject, words[i]) ||
		    says(names.issuer, words[i]))
			return true;
	return false;
}

/* --- PK, KEK, db ---------------------------------------------------------- */

/* What one reason says of several entries. */
struct listing {
	size_t n;
	const char *text;
};

static void
list_entry(struct arena *a, struct listing *l, const struct efi_sig *sig,
    const uint8_t sha256[32])
{
	if (l->n++ >= SHOWN)
		return;
	const char *one = sb_entry_text(a, sig->kind, sig->data, sha256);
	l->text = l->text ? arena_printf(a, "%s | %s", l->text, one) : one;
}

static const char *
listing_text(struct arena *a, const struct listing *l)
{
	if (l->n <= SHOWN)
		return l->text;
	return arena_printf(
	    a, "%s | … (%zu more)", l->text ? l->text : "", l->n - SHOWN);
}

static rc
hash_entry(const struct sb_case *c, const struct efi_sig *sig,
    uint8_t sha256[32], struct err *e)
{
	rc r = sb_entry_sha256(c->s->f->hasher, sig->kind, sig->data, sha256);

	return rc_ok(r) ? r : err_at(e, r.code, NULL, "eventlog");
}

static rc
eval_keys(const struct sb_case *c, enum sb_var v, const struct known_list *list,
    const char *rule, struct err *e)
{
	const struct evlog_event *ev = c->f.var[v];
	struct efi_sigs lists = efi_sigs_over(c->f.value[v]);
	struct listing unknown = {0};
	struct listing test = {0};
	struct efi_sig sig;
	uint8_t sha256[32];

	while (efi_sigs_next(&lists, &sig)) {
		bool bad = c->r->required && is_test_key(&sig);
		if (!bad && !list->given)
			continue;
		TRY(hash_entry(c, &sig, sha256, e));
		if (list->given && !known_find(list, sha256))
			list_entry(c->s->a, &unknown, &sig, sha256);
		if (bad)
			list_entry(c->s->a, &test, &sig, sha256);
	}
	if (unknown.n)
		sb_say(c, ERR_SB_DB_UNEXPECTED, ev, rule, NULL,
		    listing_text(c->s->a, &unknown));
	if (test.n)
		sb_say(c, ERR_SB_TESTKEY, ev, "required", NULL,
		    listing_text(c->s->a, &test));
	return RC_OK;
}

/* Malformed or not measured, a database answers no question. */
static bool
readable(const struct sb_case *c, enum sb_var v, const char *rule)
{
	struct efi_sigs lists = efi_sigs_over(c->f.value[v]);
	struct efi_sig sig;

	if (!c->f.var[v]) {
		sb_say(c, ERR_SB_UNKNOWN, NULL, rule, sb_var_name(v), NULL);
		return false;
	}
	while (efi_sigs_next(&lists, &sig))
		continue;
	if (lists.malformed)
		sb_say(c, ERR_SB_DATABASE, c->f.var[v], rule, NULL, NULL);
	return !lists.malformed;
}

static rc
eval_key_lists(const struct sb_case *c, struct err *e)
{
	const struct {
		enum sb_var var;
		const struct known_list *list;
		const char *rule;
	} all[] = {
	    {SB_PK, &c->r->pk, "pk"},
	    {SB_KEK, &c->r->kek, "kek"},
	    {SB_DB, &c->r->db, "db"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((all[i].list->given || c->r->required) &&
		    readable(c, all[i].var, all[i].rule))
			TRY(eval_keys(
			    c, all[i].var, all[i].list, all[i].rule, e));
	return RC_OK;
}

/* --- dbx ------------------------------------------------------------------ */

static void
see_svn(const struct efi_sig *sig, struct svn_rule seen[SVN_APPS])
{
	struct efi_svn svn;

	if (!efi_sig_svn(sig, &svn))
		return;
	struct svn_rule *to = &seen[svn.app];
	if (!to->given || svn.major > to->major ||
	    (svn.major == to->major && svn.minor > to->minor))
		*to = (struct svn_rule){true, svn.major, svn.minor};
}

static void
report_svn(const struct sb_case *c, const struct svn_rule seen[SVN_APPS])
{
	struct arena *a = c->s->a;

	for (unsigned i = 0; i < SVN_APPS; i++) {
		const struct svn_rule *want = &c->r->svn[i];
		const struct svn_rule *have = &seen[i];
		if (!want->given ||
		    (have->given && (have->major > want->major ||
					(have->major == want->major &&
					    have->minor >= want->minor))))
			continue;
		sb_say(c, ERR_BOOT_SVN, c->f.var[SB_DBX], "svn",
		    arena_printf(a, "%s %u.%u", efi_svn_app(i), want->major,
			want->minor),
		    have->given ? arena_printf(a, "%s %u.%u", efi_svn_app(i),
				      have->major, have->minor)
				: "none in dbx");
	}
}

/* Mark the policy's entries that the node's dbx has. */
static rc
match_dbx(const struct sb_case *c, uint8_t *there,
    struct svn_rule seen[SVN_APPS], struct err *e)
{
	const struct sb_rules *r = c->r;
	struct efi_sigs lists = efi_sigs_over(c->f.value[SB_DBX]);
	struct efi_sig sig;
	uint8_t sha256[32];
	size_t i = 0;

	while (efi_sigs_next(&lists, &sig)) {
		see_svn(&sig, seen);
		if (!r->revoked_n ||
		    (sig.kind != SIG_X509 && sig.kind != SIG_SHA256))
			continue;
		TRY(hash_entry(c, &sig, sha256, e));
		size_t end = revoked_find(
		    r->revoked, r->revoked_n, sig.kind == SIG_X509, sha256, &i);
		for (; i < end; i++)
			there[i] = 1;
	}
	return RC_OK;
}

static void
report_missing(const struct sb_case *c, size_t group, const uint8_t *there)
{
	const struct revoked_group *g = &c->r->groups[group];
	struct listing missing = {0};

	for (size_t i = 0; i < c->r->revoked_n; i++) {
		const struct revoked *entry = &c->r->revoked[i];
		const struct efi_sig sig = {
		    .kind = entry->certificate ? SIG_X509 : SIG_SHA256};
		if (entry->group == group && !there[i])
			list_entry(c->s->a, &missing, &sig, entry->sha256);
	}
	if (!missing.n || g->missing == EFF_NONE)
		return;
	const char *rule = arena_printf(c->s->a, "dbx[%zu]", group);
	const struct sb_finding what = {
	    g->golden ? ERR_DBX_ROLLBACK : ERR_DBX_STALE, c->f.var[SB_DBX],
	    rule ? rule : "dbx", listing_text(c->s->a, &missing),
	    arena_printf(c->s->a, "%zu missing", missing.n), g->missing};
	sb_report(c, &what);
}

static rc
eval_dbx(const struct sb_case *c, struct err *e)
{
	struct svn_rule seen[SVN_APPS] = {{0}};
	bool svn = false;

	for (size_t i = 0; i < SVN_APPS; i++)
		svn = svn || c->r->svn[i].given;
	if (!c->r->groups_n && !svn && !c->r->required)
		return RC_OK;
	if (!readable(c, SB_DBX, "dbx"))
		return RC_OK;
	uint8_t *there = arena_alloc(c->s->a, c->r->revoked_n);
	if (!there)
		return err_at(e, ERR_MEMORY, NULL, "eventlog");
	TRY(match_dbx(c, there, seen, e));
	for (size_t i = 0; i < c->r->groups_n; i++)
		report_missing(c, i, there);
	report_svn(c, seen);
	return RC_OK;
}

/* --- what was loaded ------------------------------------------------------ */

/* Authenticode digests stand in PCR 2 and 4; dbx has those of SHA-256. The type
 * of an event is bound by nothing, so it does not matter. */
static void
eval_images(const struct sb_case *c)
{
	static const unsigned pcrs[] = {2, 4};
	struct scene *s = c->s;
	int alg = evlog_alg_index(s->f->log, ALG_SHA256);
	uint32_t quoted = pcr_selections_mask(s->f->quoted, ALG_SHA256);
	size_t from;

	for (size_t k = 0; alg >= 0 && c->r->revoked_n && k < 2; k++) {
		const struct lanes *l = &s->lanes;
		if (!(quoted & 1u << pcrs[k]))
			continue;
		for (size_t i = 0; i < l->events_n[pcrs[k]]; i++) {
			const struct evlog_event *ev =
			    &s->f->log->events[l->events[pcrs[k]][i]];
			if (ev->digests[alg] &&
			    revoked_find(c->r->revoked, c->r->revoked_n, false,
				ev->digests[alg], &from))
				sb_say(
				    c, ERR_BOOT_REVOKED, ev, "dbx", NULL, NULL);
		}
	}
}

rc
sb_eval_databases(const struct sb_case *c, struct err *e)
{
	TRY(eval_key_lists(c, e));
	TRY(eval_dbx(c, e));
	eval_images(c);
	return RC_OK;
}
