/* SPDX-License-Identifier: Apache-2.0 */
/* What an event means, as a sentence in English or Japanese. */
#ifndef AKASHI_DECODE_EXPLAIN_H
#define AKASHI_DECODE_EXPLAIN_H

#include "decode/cel.h"
#include "decode/uefi.h"

/* The meaning of log->events[i] in the arena: "shim loaded GRUB from
 * \EFI\BOOT\grubx64.efi", "Secure Boot is on". lang is "en" or "ja", anything
 * else is English. Never NULL: "" where the data is not what the type promises.
 *
 * bound: as uefi_separator() takes it.
 * Who loaded what is concluded from the events around it, and the texts of
 * unbound events are labels: a reader's help, never an input to a verdict. */
const char *uefi_explain(const struct evlog *log, size_t i, unsigned bound,
    const char *lang, struct arena *a);

/* What an image of PCR 4 is, told by the traces that it left in the log after
 * it: a help for readers as well. */
enum uefi_role {
	IMAGE_OTHER, /* an application, or a driver */
	IMAGE_SHIM,
	IMAGE_GRUB,
	IMAGE_SYSTEMD_BOOT,
	IMAGE_UKI,
	IMAGE_KERNEL,
};
enum uefi_role uefi_role(const struct evlog *log, size_t image);

/* The same of a record of a canonical event log or of systemd's: "the initrd
 * begins". */
const char *cel_explain(
    const struct cel_record *rec, const char *lang, struct arena *a);

#endif
