/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/explain.h"

#include "decode/devpath.h"
#include "decode/uefi_data.h"
#include "decode/uefi_text.h"

/* How far around an event its neighbours are looked at: a long GRUB
 * configuration lies between GRUB's own image and the kernel's. */
enum { NEIGHBOURS = 512 };

enum phrase {
#define X(id, en, ja) id,
#include "decode/explain.def"
#undef X
};

static const struct {
	const char *en, *ja;
} phrases[] = {
#define X(id, en, ja) {en, ja},
#include "decode/explain.def"
#undef X
};

/* One event that is being explained. */
struct tale {
	const struct evlog *log;
	const struct evlog_event *ev;
	unsigned bound;
	bool ja;
	struct arena *a;
};

static const char *
words(const struct tale *t, enum phrase p)
{
	return t->ja ? phrases[p].ja : phrases[p].en;
}

static const char *
say(const struct tale *t, enum phrase p, const char *one, const char *two,
    const char *three)
{
	const char *const args[] = {one, two, three};
	struct line l;

	line_init(&l);
	for (const char *s = words(t, p); *s; s++) {
		char c[2] = {*s, '\0'};
		if (*s == '$' && s[1] >= '1' && s[1] <= '3') {
			const char *arg = args[*++s - '1'];
			line_puts(&l, arg ? arg : "");
		} else {
			line_puts(&l, c);
		}
	}
	return line_done(&l, t->a);
}

static const char *
say_number(const struct tale *t, enum phrase p, uint64_t n)
{
	return say(t, p, arena_printf(t->a, "%llu", (unsigned long long)n),
	    NULL, NULL);
}

static const char *
say_utf8(const struct tale *t, enum phrase p, struct span s)
{
	struct line l;

	line_init(&l);
	line_utf8(&l, uefi_chomp(s));
	return say(t, p, line_done(&l, t->a), NULL, NULL);
}

/* --- images --------------------------------------------------------------- */

static bool
by_shim(const struct evlog_event *ev)
{
	struct uefi_variable var;

	if (ev->type == EV_IPL)
		return uefi_ipl_of(ev).kind == IPL_SHIM_VARIABLE;
	return ev->type == EV_EFI_VARIABLE_AUTHORITY &&
	       uefi_variable_decode(ev, &var) &&
	       memcmp(var.guid, uefi_guid_shim, 16) == 0;
}

static bool
by_tag(const struct evlog_event *ev, const char *prefix)
{
	struct uefi_tagged tag;

	if (ev->type != EV_EVENT_TAG || !uefi_tagged_decode(ev, &tag))
		return false;
	const char *name = uefi_tag_name(tag.id);
	return name && strncmp(name, prefix, strlen(prefix)) == 0;
}

/* By the first trace that it left before the next image. */
enum uefi_role
uefi_role(const struct evlog *log, size_t image)
{
	bool os = strcmp(uefi_layer(log, &log->events[image]), "os") == 0;

	for (size_t i = image + 1; i < log->events_n && i <= image + NEIGHBOURS;
	     i++) {
		const struct evlog_event *ev = &log->events[i];
		if (uefi_is_image(ev) && ev->pcr == 4)
			break;
		if (by_shim(ev))
			return IMAGE_SHIM;
		if (uefi_by_grub(ev) && !os)
			return IMAGE_GRUB;
		if (by_tag(ev, "systemd-boot"))
			return IMAGE_SYSTEMD_BOOT;
		if (ev->type == EV_IPL &&
		    uefi_ipl_of(ev).kind == IPL_STUB_SECTION)
			return IMAGE_UKI;
	}
	return os ? IMAGE_KERNEL : IMAGE_OTHER;
}

static const enum phrase role_phrase[] = {
    [IMAGE_OTHER] = AN_APPLICATION,
    [IMAGE_SHIM] = A_SHIM,
    [IMAGE_GRUB] = A_GRUB,
    [IMAGE_SYSTEMD_BOOT] = A_SYSTEMD_BOOT,
    [IMAGE_UKI] = A_UKI,
    [IMAGE_KERNEL] = A_KERNEL,
};

/* Who loaded an image: the last image before it that is not a kernel, as far
 * back as the firmware started a boot option. */
static enum phrase
loader(const struct evlog *log, size_t image)
{
	static const char calling[] =
	    "Calling EFI Application from Boot Option";

	for (size_t n = 0; n < NEIGHBOURS && image > n; n++) {
		size_t i = image - n - 1;
		const struct evlog_event *ev = &log->events[i];
		if (ev->pcr == 4 && ev->type == EV_EFI_ACTION &&
		    span_eq(uefi_chomp(ev->data), span_str(calling)))
			return BY_FIRMWARE;
		if (ev->pcr != 4 || !uefi_is_image(ev))
			continue;
		enum uefi_role what = uefi_role(log, i);
		if (what != IMAGE_KERNEL && what != IMAGE_OTHER)
			return role_phrase[what];
	}
	return BY_FIRMWARE;
}

static const char *
explain_image(const struct tale *t)
{
	struct uefi_image image;
	struct line path;
	bool driver = t->ev->type != EV_EFI_BOOT_SERVICES_APPLICATION;
	enum phrase what =
	    driver ? A_DRIVER : role_phrase[uefi_role(t->log, t->ev->index)];
	enum phrase by =
	    t->ev->pcr == 4 ? loader(t->log, t->ev->index) : BY_FIRMWARE;

	line_init(&path);
	if (!uefi_image_decode(t->ev, &image) ||
	    !devpath_text(image.path, &path))
		return "";
	return say(t, path.n ? LOADED : LOADED_SOMEWHERE, words(t, by),
	    words(t, what), line_done(&path, t->a));
}

/* --- variables ------------------------------------------------------------ */

static const char *
explain_secure_boot(const struct tale *t, struct span value)
{
	if (value.n != 1 || value.p[0] > 1)
		return words(t, SB_UNCLEAR);
	return words(t, value.p[0] ? SB_ON : SB_OFF);
}

/* The part of uefi_describe()'s line behind "name = ". */
static const char *
value_text(const struct tale *t)
{
	const char *text = uefi_describe(t->ev, t->a);
	const char *value = strstr(text, " = ");

	return value ? value + 3 : text;
}

/* One of the modes that Secure Boot has beside being on or off (UEFI 2.10,
 * 32.3). */
static bool
is_mode(const struct uefi_variable *var)
{
	static const char *const modes[] = {
	    "SetupMode", "AuditMode", "DeployedMode"};

	for (size_t i = 0; i < 3; i++)
		if (uefi_variable_is(var, uefi_guid_global, modes[i]))
			return var->data.n == 1 && var->data.p[0] <= 1;
	return false;
}

static const char *
explain_variable(const struct tale *t)
{
	struct uefi_variable var;
	struct line name;

	if (!uefi_variable_decode(t->ev, &var))
		return "";
	line_init(&name);
	line_utf16(&name, var.name);
	const char *called = line_done(&name, t->a);
	if (uefi_variable_is(&var, uefi_guid_shim, "SbatLevel"))
		return say_utf8(t, SBAT, var.data);
	if (uefi_variable_is(&var, uefi_guid_shim, "MokListTrusted"))
		return say(t, SHIM_TRUSTS, value_text(t), NULL, NULL);
	if (uefi_is_authority(t->ev))
		return say(t, AUTHORITY, called, value_text(t), NULL);
	if (uefi_variable_is(&var, uefi_guid_global, "SecureBoot"))
		return explain_secure_boot(t, var.data);
	if (uefi_is_database(&var))
		return say(t, var.data.n ? DATABASE : DATABASE_EMPTY, called,
		    value_text(t), NULL);
	if (uefi_variable_is(&var, uefi_guid_global, "BootOrder"))
		return say(t, BOOT_ORDER, value_text(t), NULL, NULL);
	if (uefi_is_boot_option(&var))
		return say(t, BOOT_OPTION, called, value_text(t), NULL);
	if (is_mode(&var))
		return say(
		    t, var.data.p[0] ? MODE_ON : MODE_OFF, called, NULL, NULL);
	return say(t, SETTING, called, value_text(t), NULL);
}

/* --- everything else ------------------------------------------------------ */

static const char *
explain_ipl(const struct tale *t)
{
	static const enum phrase by_kind[] = {
	    [IPL_GRUB_COMMAND] = GRUB_COMMAND,
	    [IPL_KERNEL_CMDLINE] = CMDLINE,
	    [IPL_MODULE_CMDLINE] = MODULE,
	    [IPL_FILE] = FILE_READ,
	    [IPL_SHIM_VARIABLE] = SHIM_VARIABLE,
	    [IPL_STUB_SECTION] = SECTION,
	};
	struct uefi_ipl ipl = uefi_ipl_of(t->ev);
	struct line l;

	if (ipl.kind != IPL_OTHER && !ipl.wide)
		return say_utf8(t, by_kind[ipl.kind], ipl.text);
	if (!ipl.wide || (t->ev->pcr != 8 && t->ev->pcr != 12))
		return "";
	line_init(&l);
	line_utf16(&l, ipl.text);
	return say(t, CMDLINE, line_done(&l, t->a), NULL, NULL);
}

static const char *
explain_tagged(const struct tale *t)
{
	if (by_tag(t->ev, "Linux EFI stub, initrd"))
		return words(t, INITRD);
	if (by_tag(t->ev, "Linux EFI stub, load options"))
		return words(t, OPTIONS);
	return "";
}

static const char *
explain_action(const struct tale *t)
{
	static const struct {
		const char *text;
		enum phrase phrase;
	} actions[] = {
	    {"Calling EFI Application from Boot Option", CALLING},
	    {"Returning from EFI Application from Boot Option", RETURNING},
	    {"Exit Boot Services Invocation", EXIT},
	    {"Exit Boot Services Returned with Success", EXIT_DONE},
	    {"Exit Boot Services Returned with Failure", EXIT_FAILED},
	    {"UEFI Debug Mode", DEBUG_MODE},
	    {"DMA Protection Disabled", NO_DMA},
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (span_eq(uefi_chomp(t->ev->data), span_str(actions[i].text)))
			return words(t, actions[i].phrase);
	return "";
}

static const char *
register_name(const struct tale *t)
{
	const char *name = t->log->profile == EVLOG_CC
			       ? evlog_register_name(t->ev->pcr)
			       : NULL;

	return name ? name : arena_printf(t->a, "PCR %u", t->ev->pcr);
}

static const char *
explain_separator(const struct tale *t)
{
	enum uefi_separator what = uefi_separator(t->ev, t->bound);

	if (what == SEPARATOR_OTHER && t->ev->pcr > 7)
		return say(t, LOADER_END, register_name(t), NULL, NULL);
	if (what == SEPARATOR_OTHER)
		return "";
	return say(t, what == SEPARATOR_ERROR ? SAYS_ERROR : SAYS_READY,
	    register_name(t), NULL, NULL);
}

static const char *
explain_no_action(const struct tale *t)
{
	static const char signature[] = "StartupLocality";

	struct uefi_specid id;

	if (uefi_specid_decode(t->ev, &id))
		return say(t, LOG_FORM, uefi_describe(t->ev, t->a), NULL, NULL);
	if (t->ev->data.n != 17 || memcmp(t->ev->data.p, signature, 16) != 0)
		return "";
	return say_number(t, LOCALITY, t->ev->data.p[16]);
}

static const char *
explain_version(const struct tale *t)
{
	const char *text = uefi_describe(t->ev, t->a);

	return say(t, *text ? FW_VERSION : NO_VERSION, text, NULL, NULL);
}

static const char *
explain_blob(const struct tale *t)
{
	struct uefi_blob blob;

	return uefi_blob_decode(t->ev, &blob)
		   ? say_number(t, FIRMWARE, blob.length)
		   : "";
}

static const char *
explain_gpt(const struct tale *t)
{
	struct uefi_gpt gpt;
	struct line l;

	if (!uefi_gpt_decode(t->ev, &gpt))
		return "";
	line_init(&l);
	line_guid(&l, gpt.disk);
	return say(t, DISK, line_done(&l, t->a), NULL, NULL);
}

static const char *
explain_tag_or_windows(const struct tale *t)
{
	const char *text = uefi_describe(t->ev, t->a);
	const char *known = explain_tagged(t);
	struct uefi_tagged tag;

	if (*known)
		return known;
	bool named = uefi_tagged_decode(t->ev, &tag) && uefi_tag_name(tag.id);
	return say(t,
	    !named && t->ev->pcr >= 11 && t->ev->pcr <= 14 ? WINDOWS : TAGGED,
	    text, NULL, NULL);
}

static const struct {
	uint32_t type;
	const char *(*explain)(const struct tale *t);
} tellers[] = {
    {EV_NO_ACTION, explain_no_action},
    {EV_SEPARATOR, explain_separator},
    {EV_EVENT_TAG, explain_tag_or_windows},
    {EV_IPL, explain_ipl},
    {EV_S_CRTM_VERSION, explain_version},
    {EV_EFI_ACTION, explain_action},
    {EV_ACTION, explain_action},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, explain_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, explain_blob},
    {EV_EFI_BOOT_SERVICES_APPLICATION, explain_image},
    {EV_EFI_BOOT_SERVICES_DRIVER, explain_image},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, explain_image},
    {EV_EFI_GPT_EVENT, explain_gpt},
    {EV_EFI_GPT_EVENT2, explain_gpt},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, explain_variable},
    {EV_EFI_VARIABLE_BOOT, explain_variable},
    {EV_EFI_VARIABLE_BOOT2, explain_variable},
    {EV_EFI_VARIABLE_AUTHORITY, explain_variable},
    {EV_EFI_SPDM_DEVICE_POLICY, explain_variable},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, explain_variable},
};

/* Where nothing else is to be said: what the text of an event of this type
 * is. */
static const struct {
	uint32_t type;
	enum phrase phrase;
} plain[] = {
    {EV_NO_ACTION, REMARK},
    {EV_ACTION, ACTION_OTHER},
    {EV_EFI_ACTION, ACTION_OTHER},
    {EV_POST_CODE, CODE},
    {EV_POST_CODE2, CODE},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, CODE},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, CODE},
    {EV_S_CRTM_CONTENTS, CRTM},
    {EV_CPU_MICROCODE, MICROCODE},
    {EV_PLATFORM_CONFIG_FLAGS, CONFIG},
    {EV_TABLE_OF_DEVICES, DEVICES},
    {EV_COMPACT_HASH, VENDOR},
    {EV_IPL, LOADER_TEXT},
    {EV_IPL_PARTITION_DATA, PARTITIONS},
    {EV_NONHOST_CODE, OTHER_CODE},
    {EV_NONHOST_CONFIG, OTHER_CONFIG},
    {EV_NONHOST_INFO, OTHER_INFO},
    {EV_OMIT_BOOT_DEVICE_EVENTS, NO_ATTEMPTS},
    {EV_EFI_HCRTM_EVENT, HCRTM},
    {EV_EFI_HANDOFF_TABLES, TABLES},
    {EV_EFI_HANDOFF_TABLES2, TABLES},
    {EV_EFI_SPDM_FIRMWARE_BLOB, DEVICE},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, DEVICE},
};

static const char *
explain_plain(const struct tale *t)
{
	const char *text = uefi_describe(t->ev, t->a);

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (plain[i].type == t->ev->type)
			return say(t, plain[i].phrase, text, NULL, NULL);
	if (!evlog_type_name(t->ev->type))
		return say(t, UNKNOWN_TYPE, text, NULL, NULL);
	return "";
}

const char *
uefi_explain(const struct evlog *log, size_t i, unsigned bound,
    const char *lang, struct arena *a)
{
	struct tale t = {
	    log, &log->events[i], bound, lang && strcmp(lang, "ja") == 0, a};

	const char *told = "";

	for (size_t k = 0; k < sizeof(tellers) / sizeof(tellers[0]); k++)
		if (tellers[k].type == t.ev->type)
			told = tellers[k].explain(&t);
	return *told ? told : explain_plain(&t);
}
