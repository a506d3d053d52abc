/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event says, as JSON for programs: one object whose members depend
 * on its "kind". Nothing in it is believed before replay/ has bound it.
 */
#ifndef AKASHI_DECODE_UEFI_EMIT_H
#define AKASHI_DECODE_UEFI_EMIT_H

#include "base/json.h"
#include "decode/uefi.h"

/* Write the value; null where the event's data has no structure or is not
 * what its type promises. Lists end after UEFI_EMIT_LIST entries and say so
 * with "more". */
enum { UEFI_EMIT_LIST = 4096 };

/* bound: as uefi_separator() takes it. */
void uefi_emit(const struct evlog_event *ev, unsigned bound, struct jw *w);

#endif
