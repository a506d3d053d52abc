/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structures inside the data of boot events. Each decoder returns false for
 * bytes that are not exactly such a structure; spans borrow the event.
 */
#ifndef AKASHI_DECODE_UEFI_DATA_H
#define AKASHI_DECODE_UEFI_DATA_H

#include "decode/efi_sig.h"
#include "decode/uefi.h"

/* UEFI_PLATFORM_FIRMWARE_BLOB and …BLOB2 (PFP 10.4.4). */
struct uefi_blob {
	struct span name; /* of the second form */
	uint64_t base;
	uint64_t length;
};

bool uefi_blob_decode(const struct evlog_event *ev, struct uefi_blob *out);

/* UEFI_HANDOFF_TABLE_POINTERS and …POINTERS2: n × {GUID, address}. */
struct uefi_tables {
	struct span name; /* of the second form */
	size_t n;
	struct span entries;
};

bool uefi_tables_decode(const struct evlog_event *ev, struct uefi_tables *out);

/* UEFI_GPT_DATA: the header of the disk and its partitions in use. */
struct uefi_gpt {
	const uint8_t *disk; /* GUID */
	size_t n;
	uint32_t entry_size;
	struct span entries;
};

struct uefi_partition {
	const uint8_t *type;
	const uint8_t *id;
	uint64_t first, last; /* blocks */
	struct span name;     /* UTF-16LE without padding */
};

bool uefi_gpt_decode(const struct evlog_event *ev, struct uefi_gpt *out);
struct uefi_partition uefi_gpt_entry(const struct uefi_gpt *gpt, size_t i);

/* EFI_LOAD_OPTION, the value of Boot0001 (UEFI 2.10, 3.1.3). */
struct uefi_load_option {
	uint32_t attributes;
	struct span name; /* UTF-16LE */
	struct span path; /* device path */
	struct span data; /* for the loaded image */
};

bool uefi_load_option_decode(struct span value, struct uefi_load_option *out);

/* PK, KEK, db, dbx, dbt, dbr, devdb: the value is signature lists (efi_sig.h).
 */
bool uefi_is_database(const struct uefi_variable *var);

/* Boot0001, Driver000A: the value is a load option. */
bool uefi_is_boot_option(const struct uefi_variable *var);

/* The value of an authority: what let an image be loaded. Usually an
 * EFI_SIGNATURE_DATA of db; shim's own certificate comes without owner. */
struct uefi_authority {
	const uint8_t *owner;	/* GUID or NULL */
	enum efi_sig_kind kind; /* SIG_X509, SIG_SHA256 or SIG_OTHER */
	struct span data;
};

struct uefi_authority uefi_authority_of(struct span value);

/* TCG_EfiSpecIDEvent, once evlog.c accepted it; of a legacy log without
 * algorithms. */
struct uefi_specid {
	unsigned form; /* 0, 2 or 3: the signature's number */
	uint8_t major, minor, errata;
	size_t algs;
	struct span alg_list; /* algs × {u16 id, u16 size} */
	struct span vendor;
};

bool uefi_specid_decode(const struct evlog_event *ev, struct uefi_specid *out);

/* TCG_Sp800_155_PlatformId_Event and its later forms: who made the platform
 * and where its reference values are said to be. Bound by nothing; a locator
 * is never followed. */
struct uefi_platform_id {
	unsigned form; /* 1, 2 or 3 */
	uint32_t vendor;
	const uint8_t *manifest; /* GUID */
	struct span manufacturer, model, version;
	struct span firmware_manufacturer, firmware_version;
	uint32_t firmware_vendor;
	uint32_t rim_type, cert_type; /* 0 raw, 1 URI, 2 device path, 3 var */
	struct span rim, cert;
};

bool uefi_platform_id_decode(
    const struct evlog_event *ev, struct uefi_platform_id *out);

/* What the H-CRTM measured before there was a log ("H-CRTM CompMeas"). Bound
 * by nothing. */
struct uefi_component {
	struct span name;
	uint8_t format; /* 0: a TPMT_HA, 0x80: raw */
	struct span measurement;
};

bool uefi_component_decode(
    const struct evlog_event *ev, struct uefi_component *out);

/* TCG_DEVICE_SECURITY_EVENT_DATA of either version (PFP 1.06, 10.2.7): a
 * measurement that a device made of itself. */
struct uefi_spdm {
	unsigned form;	     /* 1 or 2 */
	uint8_t auth_state;  /* 0 authenticated; form 1 does not say: 0xff */
	uint32_t device;     /* 1 PCI, 2 USB */
	struct span path;    /* device path */
	bool certificates;   /* block holds a chain, not a measurement */
	struct span block;   /* the SPDM measurement block: what is hashed */
	uint8_t index;	     /* of the measurement */
	uint8_t value_type;  /* DSP0274, DMTFSpecMeasurementValueType */
	struct span value;   /* empty unless in DMTF's form */
	struct span context; /* what the bus says of the device */
};

bool uefi_spdm_decode(const struct evlog_event *ev, struct uefi_spdm *out);

/* What a boot loader logged under EV_IPL. */
enum uefi_ipl_kind {
	IPL_OTHER,	    /* text, as systemd-boot's command line */
	IPL_GRUB_COMMAND,   /* text behind "grub_cmd: " */
	IPL_KERNEL_CMDLINE, /* text behind "kernel_cmdline: " */
	IPL_MODULE_CMDLINE, /* text behind "module_cmdline: " */
	IPL_FILE,	    /* path of a file that was hashed */
	IPL_SHIM_VARIABLE,  /* name of a variable that was hashed */
	IPL_STUB_SECTION,   /* name of a UKI's section, here in ASCII */
};

struct uefi_ipl {
	enum uefi_ipl_kind kind;
	struct span text; /* with the NUL, if it was logged */
	bool wide;	  /* UTF-16LE */
};

struct uefi_ipl uefi_ipl_of(const struct evlog_event *ev);

/* GRUB logged this. */
bool uefi_by_grub(const struct evlog_event *ev);

/* UTF-16LE text equals ASCII text of n characters. */
bool uefi_utf16_is(struct span s, const char *ascii, size_t n);

/* An authority: the value is what let an image or a device in. */
bool uefi_is_authority(const struct evlog_event *ev);

/* Name of a tagged event's ID: "Linux EFI stub, initrd"; NULL if unknown. */
const char *uefi_tag_name(uint32_t id);

/* s without trailing NULs of one byte. */
struct span uefi_chomp(struct span s);

#endif
