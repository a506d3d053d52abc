/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's userspace measurement log, /run/log/systemd/tpm2-measure.log.
 *
 * 1. A record is one line of JSON that ends in 0x0a. Each has 0x1e before it
 *    (RFC 7464), or none has (then CEL_QUIRK_PLAIN_LINES).
 * 2. A record has pcr or nv_index, digests, content_type "systemd", and
 *    content {string, eventType, bootId, timestamp}; nothing else.
 * 3. `string` is what was hashed, and is left out where that is no text. Of a
 *    volume key it is only a label: its digest is an HMAC under the key.
 */
#ifndef AKASHI_DECODE_USERSPACE_H
#define AKASHI_DECODE_USERSPACE_H

#include "decode/cel.h"

struct cel_walk;

/* USERSPACE_FRAMING, _TRUNCATED, _RECORD and what cel_decode() says. */
MUST_USE rc userspace_decode(struct cel_walk *w, struct err *e);

/* The record is one of systemd's of this event type ("phase"). Types are only
 * labels: what is bound is the string. */
bool userspace_is(const struct cel_record *rec, const char *type);

/* The record's string must hash to its digests. */
bool userspace_string_measured(const struct cel_record *rec);

#endif
