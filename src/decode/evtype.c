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
evlog_quirk_name(unsigned bit)
{
	switch (bit) {
	case QUIRK_FEWER_DIGESTS:
		return "fewer_digests";
	case QUIRK_DIGEST_ORDER:
		return "digest_order";
	case QUIRK_PADDING:
		return "padding";
	case QUIRK_SPECID_DIGEST:
		return "specid_digest";
	case QUIRK_HCRTM_LOCALITY:
		return "hcrtm_locality";
	case QUIRK_NO_ACTION_DIGEST:
		return "no_action_digest";
	default:
		return NULL;
	}
}
