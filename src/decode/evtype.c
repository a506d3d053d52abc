/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/evlog.h"

#define ROW(type)                                                              \
	{                                                                      \
		type, #type                                                    \
	}

static const struct {
	uint32_t type;
	const char *name;
} types[] = {
    ROW(EV_PREBOOT_CERT),
    ROW(EV_POST_CODE),
    ROW(EV_UNUSED),
    ROW(EV_NO_ACTION),
    ROW(EV_SEPARATOR),
    ROW(EV_ACTION),
    ROW(EV_EVENT_TAG),
    ROW(EV_S_CRTM_CONTENTS),
    ROW(EV_S_CRTM_VERSION),
    ROW(EV_CPU_MICROCODE),
    ROW(EV_PLATFORM_CONFIG_FLAGS),
    ROW(EV_TABLE_OF_DEVICES),
    ROW(EV_COMPACT_HASH),
    ROW(EV_IPL),
    ROW(EV_IPL_PARTITION_DATA),
    ROW(EV_NONHOST_CODE),
    ROW(EV_NONHOST_CONFIG),
    ROW(EV_NONHOST_INFO),
    ROW(EV_OMIT_BOOT_DEVICE_EVENTS),
    ROW(EV_POST_CODE2),
    ROW(EV_EFI_VARIABLE_DRIVER_CONFIG),
    ROW(EV_EFI_VARIABLE_BOOT),
    ROW(EV_EFI_BOOT_SERVICES_APPLICATION),
    ROW(EV_EFI_BOOT_SERVICES_DRIVER),
    ROW(EV_EFI_RUNTIME_SERVICES_DRIVER),
    ROW(EV_EFI_GPT_EVENT),
    ROW(EV_EFI_ACTION),
    ROW(EV_EFI_PLATFORM_FIRMWARE_BLOB),
    ROW(EV_EFI_HANDOFF_TABLES),
    ROW(EV_EFI_PLATFORM_FIRMWARE_BLOB2),
    ROW(EV_EFI_HANDOFF_TABLES2),
    ROW(EV_EFI_VARIABLE_BOOT2),
    ROW(EV_EFI_GPT_EVENT2),
    ROW(EV_EFI_HCRTM_EVENT),
    ROW(EV_EFI_VARIABLE_AUTHORITY),
    ROW(EV_EFI_SPDM_FIRMWARE_BLOB),
    ROW(EV_EFI_SPDM_FIRMWARE_CONFIG),
    ROW(EV_EFI_SPDM_DEVICE_POLICY),
    ROW(EV_EFI_SPDM_DEVICE_AUTHORITY),
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

const char *
evlog_type_name(uint32_t type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

uint32_t
evlog_type_by_name(struct span name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (span_eq(name, span_str(types[i].name)))
			return types[i].type;
	return UINT32_MAX;
}

bool
evlog_extended(const struct evlog_event *ev)
{
	return ev->type != EV_NO_ACTION;
}

const char *
evlog_profile_name(enum evlog_profile profile)
{
	return profile == EVLOG_CC ? "cc" : "pc";
}

const char *
evlog_register_name(uint32_t index)
{
	static const char *const names[] = {
	    "MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

/* By the number of their bit. */
static const char *const quirks[] = {"fewer_digests", "digest_order", "padding",
    "specid_digest", "hcrtm_locality", "no_action_digest", "startup_locality",
    "vendor_info", "foreign_bank", "platform_id", "boot_variable_whole",
    "shim_extra_bytes", "shim_label", "authority_repeated", "unknown_type",
    "separator_ones", "separator_short", "ebs_missing", "boot_attempts",
    "image_before_separator", "action_nul", "separator_label"};

const char *
evlog_quirk_name(unsigned bit)
{
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		if (bit == 1u << i)
			return quirks[i];
	return NULL;
}
