/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that put events into words share. */
#ifndef AKASHI_DECODE_UEFI_TEXT_H
#define AKASHI_DECODE_UEFI_TEXT_H

#include "decode/line.h"
#include "decode/uefi.h"

/* Bytes of a value that nobody has a name for. */
enum { HEX_SHOWN = 32 };

/* "malformed: 0102…". */
void text_malformed(struct span data, struct line *l);

/* UTF-16, ASCII or, where it is neither, hex. */
void text_guess(struct span s, struct line *l);

/* "db = 2 X.509 (…)", the data of a variable's event. */
void text_variable(const struct evlog_event *ev, struct line *l);

/* EV_S_CRTM_VERSION: a string or a GUID, "" where it names none. */
void text_version(const struct evlog_event *ev, struct line *l);

/* The subject of a certificate in a log: "Debian Secure Boot CA". */
void text_certificate(struct span der, struct line *l);

#endif
