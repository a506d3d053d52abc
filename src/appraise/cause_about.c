/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/cause_about.h"

#include "decode/explain.h"
#include "decode/uefi_data.h"

/* What a code stands for wherever it is found. Codes that are not here stand
 * for what their class says, or for the event that they name. */
static const struct {
	enum err_code code;
	uint32_t about;
} by_code[] = {
    {ERR_QUOTE_NONCE, ABOUT_LATE},
    {ERR_QUOTE_NONCE_UNKNOWN, ABOUT_MISSING},
    {ERR_QUOTE_PACE, ABOUT_LATE},
    {ERR_QUOTE_VALUES_MISSING, ABOUT_MISSING},
    {ERR_QUOTE_CLOCK_BACK, ABOUT_TPM_STATE},
    {ERR_QUOTE_CLOCK_UNSAFE, ABOUT_TPM_STATE},
    {ERR_QUOTE_SIG_WEAK, ABOUT_TPM_KIND},
    {ERR_TPM_CLONE, ABOUT_TPM_STATE},
    {ERR_TPM_CLASS, ABOUT_TPM_KIND},
    {ERR_TPM_MANUFACTURER, ABOUT_TPM_KIND},
    {ERR_TPM_KEY, ABOUT_TPM_KIND},
    {ERR_TPM_FIRMWARE, ABOUT_TPM_KIND},
    {ERR_TPM_ADVISORY, ABOUT_TPM_KIND},
    {ERR_TPM_UNIDENTIFIED, ABOUT_MISSING},
    {ERR_TPM_RESET, 0},
    {ERR_AK_ATTRIBUTES_UNKNOWN, ABOUT_MISSING},
    {ERR_AK_WEAK, ABOUT_TPM_KIND},
    {ERR_AK_NAME_ALG, ABOUT_TPM_KIND},
    {ERR_AK_QN, ABOUT_TPM_STATE},
    {ERR_AK_MISMATCH, ABOUT_TPM_STATE},
    {ERR_EK_MISMATCH, ABOUT_TPM_STATE},
    {ERR_EK_MISSING, ABOUT_MISSING},
    {ERR_EK_CRL, ABOUT_MISSING},
    {ERR_EK_UNTRUSTED, ABOUT_TPM_KIND},
    {ERR_EK_EXPIRED, ABOUT_TPM_KIND},
    {ERR_EK_USAGE, ABOUT_TPM_KIND},
    {ERR_EK_SAN, ABOUT_TPM_KIND},
    {ERR_EK_TEMPLATE, ABOUT_TPM_KIND},
    {ERR_EK_REVOKED, ABOUT_TPM_KIND},
    {ERR_EK_VIRTUAL, ABOUT_TPM_KIND},
    {ERR_EK_ROCA, ABOUT_TPM_KIND},
    {ERR_LOG_ABSENT, ABOUT_MISSING},
    {ERR_LOG_NO_EVENTS, ABOUT_MISSING},
    {ERR_LOG_BANK_MISSING, ABOUT_SETTING},
    {ERR_LOG_BANK_SHA1, ABOUT_SETTING},
    {ERR_LOG_UNMEASURED, ABOUT_SETTING},
    {ERR_LOG_SEPARATOR_MISSING, ABOUT_COMPONENT},
    {ERR_LOG_TYPE_IN_PCR, ABOUT_COMPONENT},
    {ERR_LOG_AFTER_SEPARATOR, ABOUT_COMPONENT},
    {ERR_BOOT_DYNAMIC, ABOUT_COMPONENT},
    {ERR_BOOT_EBS_MISSING, 0},
    {ERR_BOOT_ATTEMPTS, ABOUT_SETTING},
    {ERR_BOOT_ERROR, ABOUT_SETTING},
    {ERR_BOOT_REVOKED, ABOUT_COMPONENT},
    {ERR_BOOT_SVN, ABOUT_DBX},
    {ERR_BOOT_PCR_UNRULED, ABOUT_POLICY},
    {ERR_SB_DISABLED, ABOUT_SB_OFF},
    {ERR_SB_UNKNOWN, ABOUT_MISSING},
    {ERR_SB_DATABASE, ABOUT_SB_KEYS},
    {ERR_SB_SETUPMODE, ABOUT_SB_KEYS},
    {ERR_SB_AUDITMODE, ABOUT_SB_OFF},
    {ERR_SB_DEPLOYEDMODE, ABOUT_SB_KEYS},
    {ERR_SB_DEBUG, ABOUT_SETTING},
    {ERR_SB_TESTKEY, ABOUT_SB_KEYS},
    {ERR_SB_NO_AUTHORITY, ABOUT_COMPONENT},
    {ERR_SB_AUTHORITY, ABOUT_COMPONENT},
    {ERR_SB_AUTHORITY_EARLY, ABOUT_OPTION_ROM},
    {ERR_SB_AUTHORITY_UNEXPECTED, ABOUT_AUTHORITY},
    {ERR_SB_DB_UNEXPECTED, ABOUT_SB_KEYS},
    {ERR_DBX_STALE, ABOUT_DBX},
    {ERR_DBX_ROLLBACK, ABOUT_DBX},
    {ERR_SBAT_MISSING, ABOUT_DBX},
    {ERR_SBAT_STALE, ABOUT_DBX},
    {ERR_SBAT_FORMAT, ABOUT_DBX},
    {ERR_MOK_CHANGED, ABOUT_SB_KEYS},
    {ERR_MOK_INSECURE, ABOUT_SB_OFF},
    {ERR_DMA_UNPROTECTED, ABOUT_SETTING},
    {ERR_FW_ROLLBACK, ABOUT_FIRMWARE},
    {ERR_FW_VERSION, ABOUT_FIRMWARE},
    {ERR_FW_NO_CRTM, ABOUT_FIRMWARE},
    {ERR_WIN_UNKNOWN, ABOUT_WINDOWS},
    {ERR_WIN_DEBUG, ABOUT_WINDOWS},
    {ERR_WIN_TEST_SIGNING, ABOUT_WINDOWS},
    {ERR_WIN_SAFE_MODE, ABOUT_WINDOWS},
    {ERR_WIN_PE, ABOUT_WINDOWS},
    {ERR_WIN_ELAM, ABOUT_WINDOWS},
    {ERR_WIN_CODE_INTEGRITY, ABOUT_WINDOWS},
    {ERR_CMDLINE_FORBIDDEN, ABOUT_CMDLINE},
    {ERR_CMDLINE_UNLISTED, ABOUT_CMDLINE},
    {ERR_CMDLINE_VALUE, ABOUT_CMDLINE},
    {ERR_CMDLINE_MISSING, ABOUT_CMDLINE},
    {ERR_CMDLINE_REPEATED, ABOUT_CMDLINE},
    {ERR_CMDLINE_AMBIGUOUS, ABOUT_CMDLINE},
    {ERR_CMDLINE_UNKNOWN, ABOUT_CMDLINE},
    {ERR_UKI_LAYOUT, ABOUT_UKI},
    {ERR_UKI_ADDON, ABOUT_UKI},
    {ERR_PHASE_MISSING, ABOUT_PHASE},
    {ERR_PHASE_ORDER, ABOUT_PHASE},
    {ERR_PHASE_UNKNOWN, ABOUT_PHASE},
    {ERR_PHASE_AFTER, ABOUT_PHASE},
    {ERR_PHASE_RECORD, ABOUT_PHASE},
    {ERR_PHASE_SEPARATOR, ABOUT_PHASE},
    {ERR_USERSPACE_ABSENT, ABOUT_MISSING},
    {ERR_USERSPACE_INCOMPLETE, ABOUT_MISSING},
    {ERR_USERSPACE_BOOTS, ABOUT_PHASE},
    {ERR_USERSPACE_TIME, ABOUT_PHASE},
    {ERR_IMA_ABSENT, ABOUT_MISSING},
    {ERR_IMA_AGGREGATE_UNVERIFIED, ABOUT_MISSING},
    {ERR_IMA_KEXEC, ABOUT_KEXEC},
    {ERR_IMA_UNKNOWN_FILE, ABOUT_FILE_NEW},
    {ERR_IMA_PATH, ABOUT_FILE},
    {ERR_IMA_CHANGED_FILE, ABOUT_FILE},
    {ERR_IMA_VIOLATION, ABOUT_FILE},
    {ERR_IMA_WEAK_DIGEST, ABOUT_FILE},
    {ERR_IMA_SIGNATURE, ABOUT_FILE},
    {ERR_IMA_DENIED, ABOUT_FILE_DENIED},
    {ERR_IMA_POLICY_UNKNOWN, ABOUT_IMA_POLICY},
    {ERR_IMA_WEAK_TEMPLATE, ABOUT_IMA_POLICY},
    {ERR_IMA_TEMPLATE_CHANGED, ABOUT_IMA_POLICY},
    {ERR_POLICY_UNQUOTED, ABOUT_POLICY},
    {ERR_POLICY_EMPTY, ABOUT_NO_POLICY},
    {ERR_POLICY_REGION, ABOUT_NO_POLICY},
};

/* Where no event says more. */
static const uint32_t by_pcr[LIMIT_PCRS] = {
    [0] = ABOUT_FIRMWARE,
    [1] = ABOUT_SETTING,
    [2] = ABOUT_OPTION_ROM,
    [3] = ABOUT_OPTION_ROM,
    [4] = ABOUT_LOADER,
    [5] = ABOUT_GPT,
    [6] = ABOUT_SETTING,
    [7] = ABOUT_SB_KEYS,
    [8] = ABOUT_CONFIG,
    [9] = ABOUT_INITRD,
    [10] = ABOUT_FILE,
    [11] = ABOUT_UKI,
    [12] = ABOUT_CMDLINE,
    [13] = ABOUT_UKI,
    [14] = ABOUT_SB_KEYS,
};

/* What can have been so before. */
enum {
	OF_THE_NODE =
	    ~(ABOUT_TPM_STATE | ABOUT_TPM_KIND | ABOUT_LATE | ABOUT_EVIDENCE |
		ABOUT_MISSING | ABOUT_NO_POLICY | ABOUT_POLICY)
};

/* --- files ---------------------------------------------------------------- */

static bool
begins(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool
ends(struct span s, struct span tail)
{
	return tail.n && s.n >= tail.n &&
	       memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0;
}

static struct span
base_name(struct span path)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			return span_of(path.p + i, path.n - i);
	return path;
}

static struct span
word(struct span *rest)
{
	size_t n = 0;

	while (rest->n && rest->p[0] == ' ')
		*rest = span_of(rest->p + 1, rest->n - 1);
	while (n < rest->n && rest->p[n] != ' ')
		n++;
	struct span w = span_of(rest->p, n);
	*rest = span_of(rest->p + n, rest->n - n);
	return w;
}

/* The command of GRUB that names the file: "linux /vmlinuz root=…". Commands
 * are bound, names of files are not. */
static uint32_t
by_command(const struct evlog *log, struct span file)
{
	for (size_t i = log->os_loader_from; i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		struct uefi_ipl ipl = uefi_ipl_of(ev);
		struct span rest = uefi_chomp(ipl.text);
		if (ev->type != EV_IPL || ipl.kind != IPL_GRUB_COMMAND)
			continue;
		struct span verb = word(&rest);
		bool kernel = begins(verb, "linux");
		if (kernel && ends(file, word(&rest)))
			return ABOUT_KERNEL;
		while (!kernel && begins(verb, "initrd") && rest.n)
			if (ends(file, word(&rest)))
				return ABOUT_INITRD;
	}
	return 0;
}

static uint32_t
about_boot_file(const struct evlog *log, struct span file)
{
	struct span name = base_name(file);
	uint32_t about = log ? by_command(log, file) : 0;

	if (about)
		return about;
	if (begins(name, "vmlinu") || begins(name, "linux") ||
	    begins(name, "bzImage"))
		return ABOUT_KERNEL;
	return begins(name, "init") ? ABOUT_INITRD : ABOUT_CONFIG;
}

/* Files that come with a kernel. */
static bool
of_kernel(const struct reason *r)
{
	const char *path = r->found ? strchr(r->found, ' ') : NULL;

	if (r->layer == LAYER_OS)
		return true;
	return path && (strstr(path, "/lib/modules/") ||
			   begins(base_name(span_str(path)), "modules."));
}

/* --- events --------------------------------------------------------------- */

static uint32_t
about_section(struct span name)
{
	static const struct {
		const char *name;
		uint32_t about;
	} sections[] = {
	    {".linux", ABOUT_KERNEL},
	    {".uname", ABOUT_KERNEL},
	    {".initrd", ABOUT_INITRD},
	    {".cmdline", ABOUT_CMDLINE},
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (begins(name, sections[i].name))
			return sections[i].about;
	return ABOUT_UKI;
}

static uint32_t
about_ipl(const struct evlog *log, const struct evlog_event *ev)
{
	struct uefi_ipl ipl = uefi_ipl_of(ev);

	switch (ipl.kind) {
	case IPL_GRUB_COMMAND:
	case IPL_MODULE_CMDLINE:
		return ABOUT_CONFIG;
	case IPL_KERNEL_CMDLINE:
		return ABOUT_CMDLINE;
	case IPL_FILE:
		return about_boot_file(log, uefi_chomp(ipl.text));
	case IPL_SHIM_VARIABLE:
		return ABOUT_SB_KEYS;
	case IPL_STUB_SECTION:
		return about_section(ipl.text);
	case IPL_OTHER:
		break;
	}
	if (ipl.wide && (ev->pcr == 8 || ev->pcr == 12))
		return ABOUT_CMDLINE;
	return ev->pcr < LIMIT_PCRS ? by_pcr[ev->pcr] : 0;
}

static uint32_t
about_image(const struct evlog *log, const struct evlog_event *ev)
{
	if (ev->pcr != 4 || ev->type != EV_EFI_BOOT_SERVICES_APPLICATION)
		return ABOUT_OPTION_ROM;
	enum uefi_role role = uefi_role(log, ev->index);
	return role == IMAGE_KERNEL ? ABOUT_KERNEL
	       : role == IMAGE_UKI  ? ABOUT_UKI
				    : ABOUT_LOADER;
}

static uint32_t
about_variable(const struct evlog_event *ev)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var))
		return ABOUT_SB_KEYS;
	if (uefi_variable_is(&var, uefi_guid_shim, "SbatLevel") ||
	    uefi_variable_is(&var, uefi_guid_security, "dbx"))
		return ABOUT_DBX;
	if (uefi_is_authority(ev))
		return ABOUT_AUTHORITY;
	if (!uefi_is_secure_boot(ev))
		return ev->pcr == 7 ? ABOUT_SB_KEYS : ABOUT_SETTING;
	return var.data.n == 1 && var.data.p[0] == 1 ? ABOUT_SB_ON
						     : ABOUT_SB_OFF;
}

static uint32_t
about_tagged(const struct evlog_event *ev)
{
	struct uefi_tagged tag;
	const char *name =
	    uefi_tagged_decode(ev, &tag) ? uefi_tag_name(tag.id) : NULL;

	if (name && strstr(name, "initrd"))
		return ABOUT_INITRD;
	if (name && strstr(name, "load options"))
		return ABOUT_CMDLINE;
	return ev->pcr == 5 ? ABOUT_CONFIG : by_pcr[ev->pcr];
}

uint32_t
about_event(const struct evlog *log, const struct evlog_event *ev)
{
	if (ev->pcr >= LIMIT_PCRS || ev->type == EV_SEPARATOR)
		return 0;
	if (uefi_is_image(ev))
		return about_image(log, ev);
	switch (ev->type) {
	case EV_IPL:
		return about_ipl(log, ev);
	case EV_EVENT_TAG:
		return about_tagged(ev);
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_AUTHORITY:
		return about_variable(ev);
	case EV_EFI_ACTION:
		return ev->pcr == 4 ? ABOUT_SETTING : 0;
	case EV_CPU_MICROCODE:
		return ABOUT_FIRMWARE;
	default:
		return by_pcr[ev->pcr];
	}
}

/* --- what is not in the log ------------------------------------------------
 */

/* An event that is missing, by what the policy says of it. */
static uint32_t
about_missing(const struct reason *r)
{
	static const struct {
		const char *type, *text; /* as it begins; NULL: any */
		uint32_t about;
	} rows[] = {
	    {"EV_IPL", "kernel_cmdline", ABOUT_CMDLINE},
	    {"EV_IPL", "grub_", ABOUT_CONFIG},
	    {"EV_IPL", ".", ABOUT_UKI},
	    {"EV_EFI_VARIABLE_DRIVER_CONFIG", "dbx ", ABOUT_DBX},
	    {"EV_EFI_VARIABLE_AUTHORITY", "SbatLevel", ABOUT_DBX},
	    {"EV_EFI_VARIABLE_AUTHORITY", NULL, ABOUT_AUTHORITY},
	    {"EV_EVENT_TAG", "Linux EFI stub, initrd", ABOUT_INITRD},
	    {"EV_EVENT_TAG", "Linux EFI stub, load", ABOUT_CMDLINE},
	    {"EV_SEPARATOR", NULL, 0},
	    {"EV_EFI_ACTION", NULL, 0},
	};
	const char *type = r->event_type ? r->event_type : "";
	const char *text = r->expected ? r->expected : "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(type, rows[i].type) == 0 &&
		    (!rows[i].text || begins(span_str(text), rows[i].text)))
			return rows[i].about;
	if (r->pcr == 4 && r->layer == LAYER_OS)
		return ABOUT_KERNEL;
	if (r->pcr == 9 && strcmp(type, "EV_IPL") == 0) {
		const char *end = strchr(text, ' ');
		return about_boot_file(NULL,
		    span_of(text, end ? (size_t)(end - text) : strlen(text)));
	}
	return r->pcr >= 0 && r->pcr < LIMIT_PCRS ? by_pcr[r->pcr] : 0;
}

/* Everything that differs from the last good boot in a PCR. */
static uint32_t
about_pcr(const struct cause_facts *f, unsigned pcr)
{
	uint32_t about = 0;

	for (size_t i = 0; f->diff && i < f->diff->n; i++) {
		const struct boot_change *c = &f->diff->change[i];
		if (c->pcr != pcr)
			continue;
		about |= c->now ? about_event(f->diff->now, c->now)
				: about_event(f->diff->then, c->then);
	}
	return about ? about : by_pcr[pcr];
}

/* --- reasons ---------------------------------------------------------------
 */

const struct evlog_event *
about_log_event(const struct cause_facts *f, const struct reason *r)
{
	bool named = r->path && begins(span_str(r->path), "eventlog.events[");

	if (!f->log || !named || r->event < 0 ||
	    (uint64_t)r->event >= f->log->events_n)
		return NULL;
	return &f->log->events[r->event];
}

static uint32_t
about_place(const struct cause_facts *f, const struct reason *r)
{
	const struct evlog_event *ev = about_log_event(f, r);
	bool extra = r->code == ERR_BOOT_EVENT_UNKNOWN;

	if (!ev && r->code == ERR_BOOT_EVENT_MISSING)
		return about_missing(r);
	if (!ev && extra)
		return ABOUT_COMPONENT;
	if (!ev)
		return r->pcr >= 0 && r->pcr < LIMIT_PCRS
			   ? about_pcr(f, (unsigned)r->pcr)
			   : 0;
	uint32_t about = about_event(f->log, ev);
	return extra && about == ABOUT_LOADER ? ABOUT_COMPONENT : about;
}

static struct span
cmdline_of(const struct evlog_event *ev)
{
	if (!ev || ev->type != EV_IPL)
		return span_of(NULL, 0);
	struct uefi_ipl ipl = uefi_ipl_of(ev);
	return ipl.kind == IPL_KERNEL_CMDLINE ? uefi_chomp(ipl.text)
					      : span_of(NULL, 0);
}

/* What a reason quotes of a line; cut: without its beginning. Lists of
 * alternatives and lines without their end are no command line. */
static struct span
quoted_cmdline(const char *text, bool cut)
{
	const char *prefix = cut ? "kernel_cmdline: … " : "kernel_cmdline: ";
	size_t n = strlen(prefix);

	if (!text || strncmp(text, prefix, n) != 0 || strstr(text + n, "…") ||
	    strstr(text, " or ") || strstr(text, " sha"))
		return span_of(NULL, 0);
	return span_str(text + n);
}

struct cmdlines
about_cmdlines(const struct cause_facts *f, const struct reason *r)
{
	const struct evlog_event *ev = about_log_event(f, r);
	struct cmdlines lines = {.now = cmdline_of(ev)};

	for (size_t i = 0; ev && f->diff && i < f->diff->n; i++)
		if (f->diff->change[i].now == ev)
			lines.then = cmdline_of(f->diff->change[i].then);
	if (!lines.then.p)
		lines.then = quoted_cmdline(r->expected, false);
	if (!lines.then.p) {
		lines.cut = true;
		lines.then = quoted_cmdline(r->expected, true);
		lines.now = quoted_cmdline(r->found, true);
	}
	return lines;
}

/* Another command line of which only the kernel's path is another. */
static bool
same_options(const struct cause_facts *f, const struct reason *r)
{
	struct cmdlines lines = about_cmdlines(f, r);

	if (!lines.then.p || !lines.now.p || lines.cut)
		return false;
	struct span then = lines.then, now = lines.now;
	(void)word(&then);
	(void)word(&now);
	return span_eq(then, now);
}

static uint32_t
about_code(const struct cause_facts *f, const struct reason *r)
{
	for (size_t i = 0; i < sizeof(by_code) / sizeof(by_code[0]); i++)
		if (by_code[i].code == r->code)
			return by_code[i].about;
	switch (err_class(r->code)) {
	case CLS_TAMPER:
	case CLS_PROTOCOL:
		return ABOUT_EVIDENCE;
	case CLS_STALE:
		return ABOUT_LATE;
	case CLS_NOPOLICY:
		return ABOUT_NO_POLICY;
	case CLS_CHANGE:
	case CLS_MISCONFIG:
	case CLS_UNKNOWN:
		return about_place(f, r);
	case CLS_OPERATOR:
	case CLS_OURS:
		break;
	}
	return 0;
}

uint32_t
about_reason(const struct cause_facts *f, const struct reason *r)
{
	uint32_t about = about_code(f, r);

	if (f->as_before && f->as_before[r - f->reasons] &&
	    about & (uint32_t)OF_THE_NODE)
		return ABOUT_POLICY;
	if (about & (ABOUT_FILE | ABOUT_FILE_NEW) && of_kernel(r))
		return ABOUT_MODULE;
	if (about == ABOUT_CMDLINE && same_options(f, r))
		return ABOUT_KERNEL;
	return about;
}
