/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of nodes and selectors of policies, in one canonical text.
 *
 * A canonical text is a compact JSON object with sorted keys and text values
 * in an alphabet that never needs escaping, so equal sets are equal bytes and
 * matching is one walk over both.
 */
#ifndef AKASHI_RECORD_LABELS_H
#define AKASHI_RECORD_LABELS_H

#include "base/arena.h"
#include "base/json.h"

enum {
	LABELS_MAX = 32, /* labels of one node */
	LABEL_TEXT = 63, /* bytes of a key or value */
};

/* {} */
struct span labels_none(void);

/* Keys [a-z0-9][a-z0-9._/-]*, values [A-Za-z0-9._/:@+-]*, both of at most
 * LABEL_TEXT bytes. `path` names the object in failures.
 * JSON_TYPE, JSON_LIMIT, MEMORY. */
MUST_USE rc labels_canonical(const json_t *obj, const char *path,
    struct arena *a, struct span *out, struct err *e);

/* Every label of `selector` is in `labels`; both canonical. The empty
 * selector matches. */
bool labels_match(struct span selector, struct span labels);

#endif
