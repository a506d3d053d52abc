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

/* The same of a record of a canonical event log or of systemd's: "the initrd
 * begins". */
const char *cel_explain(
    const struct cel_record *rec, const char *lang, struct arena *a);

#endif
