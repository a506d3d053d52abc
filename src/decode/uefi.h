/* SPDX-License-Identifier: Apache-2.0 */
/* What the data of one boot event says, and which of its bytes its digest
 * covers. Nothing here is believed until replay/ has bound it. */
#ifndef AKASHI_DECODE_UEFI_H
#define AKASHI_DECODE_UEFI_H

#include "decode/evlog.h"

/* Bytes that may have been hashed into the event's digest, in the order in
 * which they are tried: a UEFI variable as whole structure or its data alone,
 * a GRUB string without prefix and NUL, … A span may also be a constant that
 * the event stands for: the error separator's 01000000, the section name in
 * ASCII that systemd-stub logs in UTF-16.
 * n == 0: the digest covers something that is not in the log (an image, a
 * file), so the data is only a label. */
struct uefi_hashed {
	size_t n;
	struct span try[3];
	/* Bit i: after try[i] one NUL was hashed that was not logged. */
	unsigned nul;
};

struct uefi_hashed uefi_hashed(const struct evlog_event *ev);

/* Vendor GUIDs as they lie in a log. */
extern const uint8_t uefi_guid_global[16];   /* SecureBoot, PK, KEK, Boot… */
extern const uint8_t uefi_guid_security[16]; /* db, dbx, dbt, dbr */
extern const uint8_t uefi_guid_shim[16];     /* SbatLevel, MokList…, Shim */

/* UEFI_VARIABLE_DATA (PFP 10.4.2). */
struct uefi_variable {
	const uint8_t *guid; /* 16 bytes */
	struct span name;    /* UTF-16LE */
	struct span data;
};

/* False if the event's data is not such a structure of exactly its size. Old
 * shims log authorities that are 6 bytes longer; those 6 are left out. */
bool uefi_variable_decode(
    const struct evlog_event *ev, struct uefi_variable *out);

/* The event types whose data is a variable. */
bool uefi_is_variable(const struct evlog_event *ev);

/* Vendor GUID and whole name are these; name is ASCII. */
bool uefi_variable_is(
    const struct uefi_variable *var, const uint8_t guid[16], const char *name);

/* EFI_IMAGE_LOAD_EVENT (PFP 10.4.4): the loaded application or driver. */
struct uefi_image {
	uint64_t location;
	uint64_t length;
	uint64_t link_address;
	struct span path; /* device path, see devpath.h; may be empty */
};

/* False if the path's length goes beyond the event. */
bool uefi_image_decode(const struct evlog_event *ev, struct uefi_image *out);
bool uefi_is_image(const struct evlog_event *ev);

/* TCG_PCClientTaggedEvent (PFP 10.4.2.1) of exactly the event's size. */
struct uefi_tagged {
	uint32_t id;
	struct span data;
};

bool uefi_tagged_decode(const struct evlog_event *ev, struct uefi_tagged *out);

/* What an EV_SEPARATOR says. An error separator extends the hash of the value
 * 1 and may log a text instead (PFP 10.4.4), so the digest decides. */
enum uefi_separator {
	SEPARATOR_NORMAL, /* 00000000 or ffffffff, or one such byte */
	SEPARATOR_ERROR,
	SEPARATOR_OTHER,
};

/* bound: as boot_replay() found it; 0: by the data alone. */
enum uefi_separator uefi_separator(
    const struct evlog_event *ev, unsigned bound);

/* How much of uefi_describe()'s line the digest covers, bound as above. */
enum uefi_cover {
	COVER_NONE,  /* the line is a label */
	COVER_VALUE, /* the value, not what it is called or whose it is */
	COVER_ALL,
};
const char *uefi_cover_name(enum uefi_cover cover); /* "none", … */
enum uefi_cover uefi_cover(const struct evlog_event *ev, unsigned bound);

/* Whose registers: that of a confidential guest has its Spec ID record in
 * register 1, as EDK II writes it, or the Secure Boot variables there and
 * nothing above register 4. */
enum evlog_profile uefi_profile(const struct evlog *log);

/* Configuration variables of PCR 7 that are called SecureBoot by GUID and
 * name. */
bool uefi_is_secure_boot(const struct evlog_event *ev);

/* The words of EV_ACTION and EV_EFI_ACTION, without NUL, are these. */
bool uefi_action_is(const struct evlog_event *ev, const char *words);

#define ACTION_CALLING "Calling EFI Application from Boot Option"
#define ACTION_RETURNING "Returning from EFI Application from Boot Option"
#define ACTION_EXIT "Exit Boot Services Invocation"
#define ACTION_EXITED "Exit Boot Services Returned with Success"

/* One line for people in the arena: "kernel_cmdline: …", "SecureBoot = 01",
 * "(hd0,gpt2)/vmlinuz". Printable UTF-8, at most LINE_MAX_BYTES. Never NULL:
 * "" when there is nothing to say or the arena is full. Not a claim: only
 * bytes of the event. */
const char *uefi_describe(const struct evlog_event *ev, struct arena *a);

/* Layer of an event: "firmware", "bootloader" or "os". */
const char *uefi_layer(const struct evlog *log, const struct evlog_event *ev);

#endif
