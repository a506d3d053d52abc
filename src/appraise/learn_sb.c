/* SPDX-License-Identifier: Apache-2.0 */
/* What golden boots measured about Secure Boot and the firmware, as rules. */
#include "appraise/eval_sb.h"
#include "appraise/learn_parts.h"

#include "base/text.h"
#include "decode/sbat.h"

#include <stdlib.h>

enum {
	SEEN_MAX = 1024, /* entries of one list that are learned */
	SHA256 = 32,
};

/* One digest of a list, and in how many boots it was found. */
struct seen {
	uint8_t sha256[SHA256];
	const char *text;
	bool certificate;
	size_t boots;
};

struct seen_list {
	size_t n;
	bool cut; /* there are more: nothing is learned from the list */
	struct seen *p;
};

struct sb_learned {
	struct draft *d;
	struct sb_facts *facts; /* one per golden boot */
	struct seen_list pk, kek, db, dbx, authorities;
	struct span sbat; /* the lowest level; n == 0: not in every boot */
};

/* --- lists ---------------------------------------------------------------- */

static bool
list_init(struct draft *d, struct seen_list *l)
{
	l->p = arena_array(d->a, SEEN_MAX, sizeof(*l->p));
	return l->p != NULL;
}

static rc
list_add(struct sb_learned *s, size_t boot, struct seen_list *l,
    enum efi_sig_kind kind, struct span data)
{
	struct hasher *h = s->d->golden[boot].boot.hasher;
	uint8_t sha256[SHA256];
	bool certificate = kind == SIG_X509;
	size_t i = 0;

	TRY(sb_entry_sha256(h, kind, data, sha256));
	while (i < l->n && (l->p[i].certificate != certificate ||
			       memcmp(l->p[i].sha256, sha256, SHA256) != 0))
		i++;
	if (i == SEEN_MAX) {
		l->cut = true;
		return RC_OK;
	}
	if (i == l->n) {
		struct seen *new = &l->p[l->n++];
		for (size_t k = 0; k < SHA256; k++)
			new->sha256[k] = sha256[k];
		new->certificate = certificate;
		new->text = sb_entry_text(s->d->a, kind, data, sha256);
	}
	/* Twice in one boot counts once. */
	if (l->p[i].boots == boot)
		l->p[i].boots++;
	return RC_OK;
}

static rc
add_database(struct sb_learned *s, size_t boot, enum sb_var v,
    struct seen_list *l, bool hashes_alone)
{
	struct efi_sigs lists = efi_sigs_over(s->facts[boot].value[v]);
	struct efi_sig sig;

	while (efi_sigs_next(&lists, &sig)) {
		if (hashes_alone && sig.kind != SIG_SHA256 &&
		    sig.kind != SIG_X509)
			continue;
		TRY(list_add(s, boot, l, sig.kind, sig.data));
	}
	l->cut = l->cut || lists.malformed || !s->facts[boot].var[v];
	return RC_OK;
}

static rc
add_authorities(struct sb_learned *s, size_t boot)
{
	const struct sb_facts *f = &s->facts[boot];

	for (size_t i = 0; i < f->authorities_n; i++)
		if (f->authorities[i].by.kind != SIG_OTHER)
			TRY(list_add(s, boot, &s->authorities,
			    f->authorities[i].by.kind,
			    f->authorities[i].by.data));
	return RC_OK;
}

/* The lowest SBAT level of a boot; n == 0: none. */
static struct span
sbat_of(const struct sb_facts *f)
{
	struct span low = {NULL, 0};

	for (size_t i = 0; i < f->authorities_n; i++) {
		const struct uefi_variable *var = &f->authorities[i].var;
		if (uefi_variable_is(var, uefi_guid_shim, "SbatLevel") &&
		    sbat_valid(var->data) &&
		    (!low.n || sbat_datestamp(var->data) < sbat_datestamp(low)))
			low = var->data;
	}
	return low;
}

static struct span
lowest_sbat(const struct sb_learned *s)
{
	struct span low = sbat_of(&s->facts[0]);

	for (size_t i = 1; low.n && i < s->d->n; i++) {
		struct span level = sbat_of(&s->facts[i]);
		if (!level.n || sbat_datestamp(level) < sbat_datestamp(low))
			low = level;
	}
	return low;
}

static rc
gather(struct sb_learned *s, struct err *e)
{
	struct draft *d = s->d;

	s->sbat = lowest_sbat(s);
	for (size_t i = 0; i < d->n; i++) {
		rc r = add_database(s, i, SB_PK, &s->pk, false);
		if (rc_ok(r))
			r = add_database(s, i, SB_KEK, &s->kek, false);
		if (rc_ok(r))
			r = add_database(s, i, SB_DB, &s->db, false);
		if (rc_ok(r))
			r = add_database(s, i, SB_DBX, &s->dbx, true);
		if (rc_ok(r))
			r = add_authorities(s, i);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "golden");
	}
	return RC_OK;
}

/* --- the member ------------------------------------------------------------
 */

static void
emit_known(const struct seen_list *l, const char *key, struct jw *w)
{
	if (l->cut)
		return;
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < l->n; i++) {
		const char *text = l->p[i].text;
		const char *hex = text ? strstr(text, " sha256:") : NULL;
		jw_object(w);
		jw_khex(w, "sha256", span_of(l->p[i].sha256, SHA256));
		if (hex)
			jw_kspan(
			    w, "text", span_of(text, (size_t)(hex - text)));
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* Entries of dbx that every golden boot had. */
static void
emit_hashes(const struct sb_learned *s, bool certificates, struct jw *w)
{
	bool open = false;

	for (size_t i = 0; i < s->dbx.n; i++) {
		const struct seen *one = &s->dbx.p[i];
		if (one->certificate != certificates || one->boots != s->d->n)
			continue;
		if (!open) {
			jw_key(w, certificates ? "certificates" : "images");
			jw_array(w);
		}
		open = true;
		jw_hex(w, span_of(one->sha256, SHA256));
	}
	if (open)
		jw_array_end(w);
}

static void
emit_dbx(const struct sb_learned *s, struct jw *w)
{
	size_t all = 0;

	for (size_t i = 0; i < s->dbx.n; i++)
		all += s->dbx.p[i].boots == s->d->n;
	if (!all || s->dbx.cut)
		return;
	jw_key(w, "dbx");
	jw_array(w);
	jw_object(w);
	jw_kstr(w, "source", "golden boots");
	jw_kbool(w, "golden", true);
	emit_hashes(s, false, w);
	emit_hashes(s, true, w);
	jw_object_end(w);
	jw_array_end(w);
}

/* For information: Microsoft signs with keys of 2023 since those of 2011 end in
 * 2026, and a machine without them takes no new boot loader. */
static void
note_microsoft(const struct sb_learned *s)
{
	bool old = false;
	bool new = false;

	for (size_t i = 0; i < s->db.n; i++) {
		const char *text = s->db.p[i].text;
		if (!text)
			continue;
		old = old || strstr(text, "Microsoft Corporation UEFI CA 2011");
		new = new || strstr(text, "UEFI CA 2023");
	}
	if (old && !new)
		draft_note(s->d, "db holds Microsoft's keys of 2011, which "
				 "end in 2026, and none of 2023.");
}

/* What the hardware or the distribution makes normal is allowed by name, and
 * said aloud. What makes Secure Boot worthless never is. */
static void
emit_allow(const struct sb_learned *s, struct jw *w)
{
	struct draft *d = s->d;
	bool no_dma = false;
	bool no_sbat = false;
	bool early = false;

	for (size_t i = 0; i < d->n; i++) {
		const struct sb_facts *f = &s->facts[i];
		no_dma = no_dma || f->no_dma;
		no_sbat = no_sbat || (f->shim && !sbat_of(f).n);
		for (size_t k = 0; k < f->authorities_n; k++)
			early = early || f->authorities[k].early;
	}
	if (!no_dma && !no_sbat && !early)
		return;
	jw_key(w, "allow");
	jw_array(w);
	if (early) {
		jw_str(w, "early_authority");
		draft_note(d, "A golden boot verified an image before the "
			      "separator of PCR 7 (an option ROM or driver); "
			      "\"early_authority\" allows it.");
	}
	if (no_dma) {
		jw_str(w, "no_dma_protection");
		draft_note(d, "WARNING: a golden boot was started without "
			      "protection against DMA; \"no_dma_protection\" "
			      "allows it.");
	}
	if (no_sbat) {
		jw_str(w, "no_sbat");
		draft_note(d, "WARNING: the shim of a golden boot measured no "
			      "SBAT level; \"no_sbat\" allows it.");
	}
	jw_array_end(w);
}

/* --- MOK ------------------------------------------------------------------ */

/* Which variable of shim each rule of PCR 14 is about; false unless they are
 * all of them required, and in shim's order. */
static bool
mok_rows(const struct pcr_rule *rule, size_t row[MOK_VARIABLES])
{
	size_t next = 0;

	if (rule->kind != PCR_EVENTS || !rule->n || rule->n > MOK_VARIABLES)
		return false;
	for (size_t i = 0; i < rule->n; i++) {
		const char *text = rule->events[i].accept[0].text;
		if (rule->events[i].optional ||
		    rule->events[i].type != EV_IPL || !text)
			return false;
		while (mok_name(next) && strcmp(mok_name(next), text) != 0)
			next++;
		if (!mok_name(next))
			return false;
		row[i] = next++;
	}
	return true;
}

static void
emit_mok(const struct draft *d, struct jw *w)
{
	const struct pcr_rule *rule = &d->p.pcr[14];
	size_t row[MOK_VARIABLES];

	if (!(policy_pcrs(&d->p) & 1u << 14) || !mok_rows(rule, row))
		return;
	jw_key(w, "mok");
	jw_object(w);
	for (size_t i = 0; i < rule->n; i++)
		learn_values_emit(d, mok_name(row[i]), rule->events[i].accept,
		    rule->events[i].n, w);
	jw_object_end(w);
}

/* --- all of it ------------------------------------------------------------ */

static void
emit_rules(const struct sb_learned *s, struct jw *w)
{
	jw_key(w, "secure_boot");
	jw_object(w);
	jw_kbool(w, "required", true);
	emit_allow(s, w);
	emit_known(&s->pk, "pk", w);
	emit_known(&s->kek, "kek", w);
	emit_known(&s->db, "db", w);
	emit_known(&s->authorities, "authorities", w);
	emit_dbx(s, w);
	if (s->sbat.n) {
		jw_key(w, "sbat");
		jw_object(w);
		jw_kspan(w, "minimum", s->sbat);
		jw_object_end(w);
	}
	emit_mok(s->d, w);
	jw_object_end(w);
}

/* *on: Secure Boot is on in every golden boot. */
static rc
read_golden(struct sb_learned *s, bool *on, struct err *e)
{
	struct draft *d = s->d;

	*on = policy_pcrs(&d->p) & 1u << 7;
	for (size_t i = 0; *on && i < d->n; i++) {
		const struct boot_facts *f = &d->golden[i].boot;
		struct lanes lanes;
		*on = f->log != NULL;
		if (!*on)
			break;
		TRY(lanes_sort(f->log, d->a, &lanes, e));
		TRY(sb_read(&lanes, f->replay, d->a, &s->facts[i], e));
		*on = sb_on(&s->facts[i]);
	}
	return RC_OK;
}

rc
learn_sb_emit(struct draft *d, struct jw *w, struct err *e)
{
	struct sb_learned s = {.d = d};
	bool on = false;

	s.facts = arena_array(d->a, d->n, sizeof(*s.facts));
	if (!s.facts || !list_init(d, &s.pk) || !list_init(d, &s.kek) ||
	    !list_init(d, &s.db) || !list_init(d, &s.dbx) ||
	    !list_init(d, &s.authorities))
		return err_at(e, ERR_MEMORY, NULL, "secure_boot");
	TRY(read_golden(&s, &on, e));
	if (!on) {
		draft_note(d, "WARNING: Secure Boot is not on in every golden "
			      "boot (or not visible), so the policy does not "
			      "require it.");
		return RC_OK;
	}
	TRY(gather(&s, e));
	emit_rules(&s, w);
	note_microsoft(&s);
	return RC_OK;
}

/* --- does the golden boot pass?
 * ----------------------------------------------- */

static rc
check_boot(struct draft *d, const struct golden *g, const struct policy *p,
    struct err *e)
{
	struct verdict *v = arena_alloc(d->a, sizeof(*v));

	if (!v)
		return err_at(e, ERR_MEMORY, NULL, "golden");
	verdict_init(v, d->a);
	TRY(policy_eval_boot(p, &g->boot, v, e));
	for (size_t i = 0; i < v->reasons_n; i++) {
		const struct reason *r = &v->reasons[i];
		if (r->code == ERR_LOG_BANK_SHA1)
			continue;
		draft_note(d,
		    "WARNING: %s itself does not pass the policy: %s [%s%s%s]",
		    g->source ? g->source : "a golden boot", r->message,
		    err_name(r->code), r->path ? " " : "",
		    r->path ? r->path : "");
	}
	return RC_OK;
}

rc
learn_sb_check(struct draft *d, struct span json, struct err *e)
{
	struct policy *p = NULL;
	rc r = RC_OK;

	TRY(policy_decode(json, &p, e));
	for (size_t i = 0; i < d->n && rc_ok(r); i++)
		r = check_boot(d, &d->golden[i], p, e);
	policy_unref(p);
	return r;
}
