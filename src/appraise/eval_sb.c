/* SPDX-License-Identifier: Apache-2.0 */
/* The state of Secure Boot, from PCR 7. */
#include "appraise/eval_sb.h"

#include "base/text.h"
#include "decode/uefi_text.h"

/* Authorities that are compared with db; real boots have five. */
enum { AUTHORITIES_MAX = 64 };

static const struct {
	const uint8_t *guid;
	const char *name;
	bool needed; /* every firmware measures it (PFP 1.06, 3.3.4.8) */
} vars[SB_VARS] = {
    [SB_STATE] = {uefi_guid_global, "SecureBoot", true},
    [SB_PK] = {uefi_guid_global, "PK", true},
    [SB_KEK] = {uefi_guid_global, "KEK", true},
    [SB_DB] = {uefi_guid_security, "db", true},
    [SB_DBX] = {uefi_guid_security, "dbx", true},
    [SB_SETUP] = {uefi_guid_global, "SetupMode", false},
    [SB_AUDIT] = {uefi_guid_global, "AuditMode", false},
    [SB_DEPLOYED] = {uefi_guid_global, "DeployedMode", false},
};

const char *
sb_var_name(enum sb_var v)
{
	return vars[v].name;
}

/* --- reading -------------------------------------------------------------- */

static void
first(const struct evlog_event **to, const struct evlog_event *ev)
{
	if (!*to)
		*to = ev;
}

static void
read_variable(const struct evlog_event *ev, bool late, struct sb_facts *f)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var))
		return;
	for (size_t i = 0; i < SB_VARS; i++) {
		if (!uefi_variable_is(&var, vars[i].guid, vars[i].name))
			continue;
		if (late || f->var[i])
			first(&f->twice, ev);
		if (late || f->var[i])
			return;
		f->var[i] = ev;
		f->value[i] = var.data;
	}
}

static void
read_authority(const struct evlog_event *ev, bool late, struct sb_facts *f)
{
	struct sb_authority *to = &f->authorities[f->authorities_n];

	if (!uefi_variable_decode(ev, &to->var))
		return;
	to->ev = ev;
	to->by = uefi_authority_of(to->var.data);
	to->early = !late;
	if (memcmp(to->var.guid, uefi_guid_shim, 16) == 0)
		f->shim = true;
	f->authorities_n++;
}

static void
read_action(const struct evlog_event *ev, struct sb_facts *f)
{
	if (uefi_action_is(ev, "UEFI Debug Mode"))
		first(&f->debug, ev);
	if (uefi_action_is(ev, "DMA Protection Disabled"))
		first(&f->no_dma, ev);
}

static void
read_event(
    const struct evlog_event *ev, bool bound, bool late, struct sb_facts *f)
{
	if (ev->type != EV_EFI_VARIABLE_DRIVER_CONFIG &&
	    ev->type != EV_EFI_VARIABLE_AUTHORITY && ev->type != EV_EFI_ACTION)
		return;
	if (!bound)
		first(&f->unbound, ev);
	else if (ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG)
		read_variable(ev, late, f);
	else if (ev->type == EV_EFI_VARIABLE_AUTHORITY)
		read_authority(ev, late, f);
	else
		read_action(ev, f);
}

rc
sb_read(const struct lanes *lanes, const struct boot_replay *replay,
    struct arena *a, struct sb_facts *out, struct err *e)
{
	struct sb_facts f = {.twice = NULL};
	size_t n = lanes->events_n[7];
	bool late = false;

	f.authorities = arena_array(a, n, sizeof(*f.authorities));
	if (!f.authorities)
		return err_at(e, ERR_MEMORY, NULL, "eventlog");
	for (size_t i = 0; i < n; i++) {
		uint32_t at = lanes->events[7][i];
		const struct evlog_event *ev = &lanes->log->events[at];
		late = late || ev->type == EV_SEPARATOR;
		read_event(ev, replay->events[at].bound != 0, late, &f);
	}
	*out = f;
	return RC_OK;
}

static bool
is_byte(const struct sb_facts *f, enum sb_var v, uint8_t value)
{
	return f->var[v] && f->value[v].n == 1 && f->value[v].p[0] == value;
}

bool
sb_on(const struct sb_facts *f)
{
	return is_byte(f, SB_STATE, 1);
}

rc
sb_entry_sha256(
    struct hasher *h, enum efi_sig_kind kind, struct span data, uint8_t out[32])
{
	if (kind != SIG_SHA256 || data.n != 32)
		return h ? hash_of(h, ALG_SHA256, data, out) : (rc){ERR_CRYPTO};
	for (size_t i = 0; i < 32; i++)
		out[i] = data.p[i];
	return RC_OK;
}

const char *
sb_entry_text(struct arena *a, enum efi_sig_kind kind, struct span data,
    const uint8_t sha256[32])
{
	struct line l;

	line_init(&l);
	if (kind == SIG_X509)
		text_certificate(data, &l);
	else
		line_puts(&l, efi_sig_kind_name(kind));
	line_puts(&l, " sha256:");
	line_hex(&l, span_of(sha256, 32), 32);
	return line_done(&l, a);
}

/* --- reporting ------------------------------------------------------------ */

void
sb_report(const struct sb_case *c, const struct sb_finding *what)
{
	struct scene *s = c->s;
	unsigned pcr = what->code == ERR_MOK_CHANGED ? 14 : 7;
	struct reason r = REASON(what->code, layer_of_pcr(pcr));

	if (allow_has(sb_allow_rows, c->r->allow, what->code) ||
	    scene_full(s, what->code))
		return;
	r.path = "eventlog.events";
	r.pcr = (int)pcr;
	if (what->ev)
		r = scene_reason(s, what->code, what->ev, NULL);
	r.rule = arena_printf(s->a, "secure_boot.%s", what->rule);
	r.expected = what->expected;
	r.found = what->found;
	if (!r.found && what->ev)
		r.found = uefi_describe(what->ev, s->a);
	scene_violate_as(s, &r, what->effect);
}

void
sb_say(const struct sb_case *c, enum err_code code,
    const struct evlog_event *ev, const char *rule, const char *expected,
    const char *found)
{
	const struct sb_finding what = {
	    code, ev, rule, expected, found, EFF_NONE};

	sb_report(c, &what);
}

/* --- the state ------------------------------------------------------------ */

/* "SecureBoot, PK, db": the needed variables, or those of them that are
 * there. */
static const char *
needed(const struct sb_case *c, bool there)
{
	const char *out = "";

	for (size_t i = 0; out && i < SB_VARS; i++)
		if (vars[i].needed && (!there || c->f.var[i]))
			out = arena_printf(c->s->a, "%s%s%s", out,
			    *out ? ", " : "", vars[i].name);
	return out;
}

static void
eval_state(const struct sb_case *c)
{
	const struct sb_facts *f = &c->f;

	if (f->var[SB_STATE] && !sb_on(f)) {
		sb_say(c,
		    is_byte(f, SB_STATE, 0) ? ERR_SB_DISABLED : ERR_SB_UNKNOWN,
		    f->var[SB_STATE], "required", "SecureBoot = 01", NULL);
		return;
	}
	for (size_t i = 0; i < SB_VARS; i++) {
		if (!vars[i].needed || f->var[i])
			continue;
		sb_say(c, ERR_SB_UNKNOWN, NULL, "required", needed(c, false),
		    needed(c, true));
		return;
	}
}

/* Firmware measures keys again that were changed while it ran: genuine, and
 * not the state that was judged. SecureBoot itself never changes. */
static void
eval_twice(const struct sb_case *c)
{
	const struct evlog_event *ev = c->f.twice;
	struct sb_finding what = {
	    ERR_SB_DUPLICATE, ev, "required", NULL, NULL, EFF_FAIL};
	struct uefi_variable var;

	if (!ev)
		return;
	if (uefi_variable_decode(ev, &var) &&
	    uefi_variable_is(&var, vars[SB_STATE].guid, vars[SB_STATE].name))
		what.effect = EFF_NONE;
	sb_report(c, &what);
}

static void
eval_modes(const struct sb_case *c)
{
	const struct sb_facts *f = &c->f;
	static const struct {
		enum sb_var var;
		enum err_code code;
		const char *expected;
	} modes[] = {
	    {SB_SETUP, ERR_SB_SETUPMODE, "SetupMode = 00"},
	    {SB_AUDIT, ERR_SB_AUDITMODE, "AuditMode = 00"},
	};
	static const enum sb_var keys[] = {SB_PK, SB_KEK, SB_DB};

	for (size_t i = 0; i < 2; i++)
		if (f->var[modes[i].var] && !is_byte(f, modes[i].var, 0))
			sb_say(c, modes[i].code, f->var[modes[i].var],
			    "required", modes[i].expected, NULL);
	for (size_t i = 0; i < 3; i++)
		if (f->var[keys[i]] && f->value[keys[i]].n == 0)
			sb_say(c, ERR_SB_SETUPMODE, f->var[keys[i]], "required",
			    NULL, NULL);
}

/* --- what verified the images ----------------------------------------------
 */

static bool
is_db(const struct sb_authority *by)
{
	return uefi_variable_is(&by->var, uefi_guid_security, "db");
}

static bool
in_db(const struct sb_case *c, const struct sb_authority *by)
{
	struct efi_sigs lists = efi_sigs_over(c->f.value[SB_DB]);
	struct efi_sig sig;

	while (efi_sigs_next(&lists, &sig))
		if (sig.kind == by->by.kind && span_eq(sig.data, by->by.data))
			return true;
	return false;
}

/* The firmware takes from db, shim from what it measured itself. */
static bool
authority_known(const struct sb_case *c, const struct sb_authority *by)
{
	if (memcmp(by->var.guid, uefi_guid_shim, 16) == 0)
		return true;
	return by->by.kind != SIG_OTHER && is_db(by) && in_db(c, by);
}

static rc
eval_listed(
    const struct sb_case *c, const struct sb_authority *by, struct err *e)
{
	const struct sb_rules *r = c->r;
	uint8_t sha256[32];
	size_t from;

	if (by->by.kind == SIG_OTHER ||
	    (!r->authorities.given && !r->revoked_n))
		return RC_OK;
	if (!rc_ok(sb_entry_sha256(
		c->s->f->hasher, by->by.kind, by->by.data, sha256)))
		return err_at(e, ERR_CRYPTO, NULL, "eventlog");
	bool unlisted =
	    r->authorities.given && !known_find(&r->authorities, sha256);
	bool revoked = revoked_find(
	    r->revoked, r->revoked_n, by->by.kind == SIG_X509, sha256, &from);
	if (!unlisted && !revoked)
		return RC_OK;
	const char *found =
	    sb_entry_text(c->s->a, by->by.kind, by->by.data, sha256);
	if (unlisted)
		sb_say(c, ERR_SB_AUTHORITY_UNEXPECTED, by->ev, "authorities",
		    NULL, found);
	if (revoked)
		sb_say(c, ERR_BOOT_REVOKED, by->ev, "dbx", NULL, found);
	return RC_OK;
}

static rc
eval_authorities(const struct sb_case *c, struct err *e)
{
	const struct sb_facts *f = &c->f;
	size_t by_firmware = 0;

	for (size_t i = 0; i < f->authorities_n; i++) {
		const struct sb_authority *by = &f->authorities[i];
		bool many = i >= AUTHORITIES_MAX;
		by_firmware += is_db(by);
		if (c->r->required && (many || !authority_known(c, by)))
			sb_say(c, ERR_SB_AUTHORITY, by->ev, "required", NULL,
			    NULL);
		if (many)
			break;
		if (c->r->required && by->early)
			sb_say(c, ERR_SB_AUTHORITY_EARLY, by->ev, "required",
			    NULL, NULL);
		TRY(eval_listed(c, by, e));
	}
	if (c->r->required && !by_firmware)
		sb_say(
		    c, ERR_SB_NO_AUTHORITY, NULL, "required", "db = …", NULL);
	return RC_OK;
}

/* --- all of it ------------------------------------------------------------ */

/* A variable that devices are authenticated by, and nobody else's: types are
 * bound by nothing, so that one of Secure Boot's could hide as such. */
static bool
is_device_variable(const struct evlog_event *ev, const struct uefi_variable *v)
{
	return (ev->type == EV_EFI_SPDM_DEVICE_POLICY ||
		   ev->type == EV_EFI_SPDM_DEVICE_AUTHORITY) &&
	       memcmp(v->guid, uefi_guid_global, 16) != 0 &&
	       memcmp(v->guid, uefi_guid_security, 16) != 0 &&
	       memcmp(v->guid, uefi_guid_shim, 16) != 0;
}

/* May this stand in PCR 7: configuration in front of the separator,
 * authorities, and what was understood? */
static bool
belongs(const struct sb_case *c, uint32_t at, bool late)
{
	const struct evlog_event *ev = &c->s->f->log->events[at];
	bool bound = c->s->f->replay->events[at].bound != 0;
	struct uefi_variable var;

	if (ev->type == EV_SEPARATOR || ev == c->f.debug || ev == c->f.no_dma)
		return true;
	if (!bound || !uefi_variable_decode(ev, &var))
		return false;
	return ev->type == EV_EFI_VARIABLE_AUTHORITY ||
	       (ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG && !late) ||
	       is_device_variable(ev, &var);
}

/* Where no rule lists the events of PCR 7, what has no place here is not
 * passed over: somebody who owns the system extends what he likes, and gives
 * what he dislikes another type. */
static void
eval_foreign(const struct sb_case *c)
{
	const struct lanes *l = &c->s->lanes;
	bool late = false;

	if (c->s->p->pcr[7].kind != PCR_OPAQUE)
		return;
	for (size_t i = 0; i < l->events_n[7]; i++) {
		const struct evlog_event *ev = &l->log->events[l->events[7][i]];
		late = late || ev->type == EV_SEPARATOR;
		if (!belongs(c, l->events[7][i], late))
			sb_say(c, ERR_BOOT_EVENT_UNKNOWN, ev, "required", NULL,
			    NULL);
	}
}

static void
eval_required(const struct sb_case *c)
{
	const struct sb_facts *f = &c->f;

	eval_state(c);
	if (f->no_dma)
		sb_say(
		    c, ERR_DMA_UNPROTECTED, f->no_dma, "required", NULL, NULL);
	if (!sb_on(f))
		return;
	eval_modes(c);
}

rc
eval_secure_boot(struct scene *s, struct err *e)
{
	struct sb_case c = {.s = s, .r = &s->p->sb};

	TRY(sb_read(&s->lanes, s->f->replay, s->a, &c.f, e));
	if (c.f.debug)
		sb_say(&c, ERR_SB_DEBUG, c.f.debug, "allow", NULL, NULL);
	if (!sb_rules_secure_boot(s->p))
		return RC_OK;
	/* What is only a label must not be read as if it were the state. */
	if (c.f.unbound) {
		sb_say(&c, ERR_LOG_DIGEST_DATA, c.f.unbound, "required", NULL,
		    NULL);
		return RC_OK;
	}
	eval_twice(&c);
	eval_foreign(&c);
	if (c.r->required)
		eval_required(&c);
	if (c.r->deployed && !is_byte(&c.f, SB_DEPLOYED, 1))
		sb_say(&c, ERR_SB_DEPLOYEDMODE, c.f.var[SB_DEPLOYED],
		    "deployed_mode", "DeployedMode = 01", NULL);
	if (!c.r->required || sb_on(&c.f))
		TRY(eval_authorities(&c, e));
	TRY(sb_eval_databases(&c, e));
	return sb_eval_shim(&c, e);
}
