/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the agent's JSON documents: text, bytes as base64url, ids. The
 * getters copy into the arena. JSON_MISSING, JSON_TYPE, ENCODING; MEMORY. */
#ifndef AKASHI_AGENT_FIELDS_H
#define AKASHI_AGENT_FIELDS_H

#include "base/arena.h"
#include "base/json.h"
#include "base/uuid.h"

/* key NULL: an element of an array. */
void field_put_bytes(struct jw *w, const char *key, struct span s);
void field_put_uuid(struct jw *w, const char *key, const struct uuid *u);

MUST_USE rc field_text(const json_t *obj, const char *key, struct arena *a,
    const char **out, struct err *e);
MUST_USE rc field_bytes(const json_t *obj, const char *key, struct arena *a,
    struct span *out, struct err *e);
MUST_USE rc field_uuid(
    const json_t *obj, const char *key, struct uuid *out, struct err *e);
MUST_USE rc field_time(
    const json_t *obj, const char *key, int64_t *out, struct err *e);

#endif
