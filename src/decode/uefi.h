/* SPDX-License-Identifier: Apache-2.0 */
/* What the data of one boot event says, and which of its bytes its digest
 * covers. Nothing here is believed until replay/ has bound it. */
#ifndef AKASHI_DECODE_UEFI_H
#define AKASHI_DECODE_UEFI_H

#include "decode/evlog.h"

/* Bytes that may have been hashed into the event's digest, in the order in
 * which they are tried (formats.md 1.2 and 1.6): a UEFI variable as whole
 * structure or its data alone, a GRUB string without prefix and NUL, …
 * n == 0: the digest covers something that is not in the log (an image, a
 * file), so the data is only a label. */
struct uefi_hashed {
	size_t n;
	struct span try[3];
};

struct uefi_hashed uefi_hashed(const struct evlog_event *ev);

/* UEFI_VARIABLE_DATA (PFP 10.4.2). */
struct uefi_variable {
	uint8_t guid[16];
	struct span name; /* UTF-16LE */
	struct span data;
};

/* False if the event's data is not such a structure of exactly its size. */
bool uefi_variable_decode(
    const struct evlog_event *ev, struct uefi_variable *out);

/* SecureBoot of EFI_GLOBAL_VARIABLE in PCR 7, GUID and name compared, from
 * events before PCR 7's separator. -1: not there, not one byte, or twice. */
int uefi_secure_boot(const struct evlog *log);

/* One line for people in the arena: "kernel_cmdline: …", "SecureBoot = 01",
 * "(hd0,gpt2)/vmlinuz". Never NULL: "" when there is nothing to say or the
 * arena is full. Not a claim: only bytes of the event. */
const char *uefi_describe(const struct evlog_event *ev, struct arena *a);

/* Layer of an event by decisions.md 8: "firmware", "bootloader", "os". */
const char *uefi_layer(const struct evlog *log, const struct evlog_event *ev);

#endif
