/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The member "log" of a policy, and what the specification lets stand where.
 *
 * 1. Real firmware departs from the table, so a policy takes exceptions, which
 *    learn writes from golden boots.
 * 2. A policy without the member "exceptions" takes every type that its own
 *    event rules name in that PCR.
 * 3. PCR 7 says whether Secure Boot is on: an unknown type is never let in.
 */
#include "appraise/lint.h"

enum { EXCEPTIONS_MAX = 256, OS = 0xff00 }; /* PCR 8 to 15 */

/* PC Client PFP 1.06, table 27 and sections 3.3.4, 10.4; for PCR 8 to 15 what
 * boot loaders measure there. `after`: also behind the PCR's own separator. */
static const struct {
	uint32_t type;
	uint32_t pcrs;
	uint32_t after;
} places[] = {
    {EV_POST_CODE, 1u << 0, 0},
    {EV_SEPARATOR, 0x78ff, 0},
    {EV_ACTION, 0x7e, 1u << 4 | 1u << 5},
    {EV_EVENT_TAG, OS | 1u << 1 | 1u << 5, 1u << 1 | 1u << 5},
    {EV_S_CRTM_CONTENTS, 1u << 0, 0},
    {EV_S_CRTM_VERSION, 1u << 0, 0},
    {EV_CPU_MICROCODE, 1u << 1, 0},
    {EV_PLATFORM_CONFIG_FLAGS, 1u << 1, 0},
    {EV_TABLE_OF_DEVICES, 1u << 1, 0},
    {EV_COMPACT_HASH, OS | 0x70, 0x30},
    {EV_IPL, 0x7b00 | 0x30, 0x30},
    {EV_IPL_PARTITION_DATA, 1u << 5, 1u << 5},
    {EV_NONHOST_CODE, 1u << 0 | 1u << 2, 0},
    {EV_NONHOST_CONFIG, 1u << 1 | 1u << 3, 0},
    {EV_NONHOST_INFO, 1u << 0, 0},
    {EV_OMIT_BOOT_DEVICE_EVENTS, 1u << 4, 1u << 4},
    {EV_POST_CODE2, 1u << 0, 0},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, 0xaa, 0},
    {EV_EFI_VARIABLE_BOOT, 1u << 1, 1u << 1},
    {EV_EFI_BOOT_SERVICES_APPLICATION, 0x14, 0x14},
    {EV_EFI_BOOT_SERVICES_DRIVER, 0x05, 0x04},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, 0x14, 0x14},
    {EV_EFI_GPT_EVENT, 1u << 5, 1u << 5},
    {EV_EFI_ACTION, 0xfe, 1u << 4 | 1u << 5},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, 0x15, 0},
    {EV_EFI_HANDOFF_TABLES, 1u << 1, 1u << 1},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, 0x15, 0},
    {EV_EFI_HANDOFF_TABLES2, 1u << 1, 1u << 1},
    {EV_EFI_VARIABLE_BOOT2, 1u << 1, 1u << 1},
    {EV_EFI_GPT_EVENT2, 1u << 5, 1u << 5},
    {EV_EFI_HCRTM_EVENT, 1u << 0, 0},
    {EV_EFI_VARIABLE_AUTHORITY, 1u << 7, 1u << 7},
    {EV_EFI_SPDM_FIRMWARE_BLOB, 1u << 2, 1u << 2},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, 1u << 3, 1u << 3},
    {EV_EFI_SPDM_DEVICE_POLICY, 1u << 7, 0},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, 1u << 7, 1u << 7},
};

bool
log_place(unsigned pcr, uint32_t type, bool after)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].type == type)
			return (after && pcr < 8 ? places[i].after
						 : places[i].pcrs) >>
				   pcr &
			       1;
	return false;
}

static bool
ruled(const struct pcr_rule *rule, uint32_t type)
{
	for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n; i++)
		if (!rule->events[i].any_type && rule->events[i].type == type)
			return true;
	return false;
}

bool
log_rules_allow(const struct policy *p, unsigned pcr, uint32_t type, bool after)
{
	const struct log_rules *r = &p->log;

	if (log_place(pcr, type, after))
		return true;
	if (pcr == 7 && (after || !evlog_type_name(type)))
		return false;
	if (!r->given)
		return ruled(&p->pcr[pcr], type);
	for (size_t i = 0; i < r->n; i++)
		if (r->exceptions[i].pcr == pcr &&
		    r->exceptions[i].type == type &&
		    (!after || r->exceptions[i].after))
			return true;
	return false;
}

/* --- the member ------------------------------------------------------- */

static rc
decode_exception(struct policy *p, const json_t *v, const char *path,
    struct log_exception *out, struct err *e)
{
	static const char *const known[] = {
	    "pcr", "type", "after_separator", "source", NULL};
	uint64_t pcr = 0;

	TRY(json_only(v, path, known, e));
	TRY(json_get_u64(v, path, "pcr", LIMIT_PCRS - 1, &pcr, e));
	TRY(event_type_decode(v, path, &out->type, e));
	TRY(policy_bool(v, path, "after_separator", &out->after, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	out->pcr = (unsigned)pcr;
	if (pcr == 7 && !evlog_type_name(out->type))
		return err_at(e, ERR_POLICY_FORMAT,
		    "PCR 7 says whether Secure Boot is on: no unknown type is "
		    "let in.",
		    "%s.type", path);
	if (pcr == 7 && out->after)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Behind the separator of PCR 7 stand authorities alone.",
		    "%s.after_separator", path);
	return RC_OK;
}

static rc
decode_exceptions(struct policy *p, const json_t *log, struct err *e)
{
	struct log_rules *r = &p->log;
	const json_t *list = NULL;

	if (!json_has(log, "exceptions"))
		return RC_OK;
	TRY(json_get_array(log, "log", "exceptions", &list, e));
	if (json_array_size(list) > EXCEPTIONS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "log.exceptions");
	r->given = true;
	r->exceptions = arena_array(
	    &p->arena, json_array_size(list), sizeof(*r->exceptions));
	if (!r->exceptions)
		return err_at(e, ERR_MEMORY, NULL, "log.exceptions");
	for (size_t i = 0; i < json_array_size(list); i++) {
		char at[POLICY_PATH];
		policy_path(at, "log.exceptions[%zu]", i);
		TRY(decode_exception(
		    p, json_array_get(list, i), at, &r->exceptions[r->n++], e));
	}
	return RC_OK;
}

rc
log_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {
	    "exceptions", "require_ebs", "boot_attempts", NULL};
	struct log_rules *r = &p->log;
	const json_t *log = NULL;

	if (!json_has(doc, "log"))
		return RC_OK;
	TRY(json_get_object(doc, "", "log", &log, e));
	TRY(json_only(log, "log", known, e));
	TRY(decode_exceptions(p, log, e));
	TRY(policy_bool(log, "log", "require_ebs", &r->require_ebs, e));
	TRY(policy_effect(log, "log", "boot_attempts", &r->attempts, e));
	if (r->require_ebs && !(policy_pcrs(p) & 1u << 5))
		return err_at(e, ERR_POLICY_FORMAT,
		    "ExitBootServices is measured in PCR 5, which must be "
		    "required.",
		    "log.require_ebs");
	if (r->attempts != EFF_NONE && !(policy_pcrs(p) & 1u << 4))
		return err_at(e, ERR_POLICY_FORMAT,
		    "Boot attempts are measured in PCR 4, which must be "
		    "required.",
		    "log.boot_attempts");
	return RC_OK;
}

bool
log_rules_given(const struct policy *p)
{
	return p->log.require_ebs || p->log.attempts != EFF_NONE;
}

/* --- in words --------------------------------------------------------- */

void
log_rules_describe(const struct policy *p, struct buf *out)
{
	const struct log_rules *r = &p->log;

	for (size_t i = 0; i < r->n; i++) {
		const struct log_exception *x = &r->exceptions[i];
		const char *name = evlog_type_name(x->type);
		buf_puts(out, "  boot log: ");
		if (name)
			buf_puts(out, name);
		else
			buf_printf(out, "type 0x%08x", x->type);
		buf_printf(out, " may stand in PCR %u%s\n", x->pcr,
		    x->after ? ", also behind its separator" : "");
	}
	if (r->require_ebs)
		buf_puts(out, "  boot log: the firmware was left\n");
	if (r->attempts != EFF_NONE)
		buf_printf(out, "  boot log: other than one boot attempt: %s\n",
		    r->attempts == EFF_FAIL ? "fail" : "warn");
}

void
lint_log(struct lint *l)
{
	for (unsigned pcr = 0; pcr < 16; pcr++) {
		const struct pcr_rule *rule = &l->p->pcr[pcr];
		for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n;
		     i++) {
			const struct event_rule *er = &rule->events[i];
			if (!er->any_type &&
			    !log_rules_allow(l->p, pcr, er->type, false))
				lint_ask(l, LINT_LOG_TYPE, "boot.%u.%s", pcr,
				    er->where);
		}
	}
}
