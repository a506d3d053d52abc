/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the CoRIM decoder share. */
#ifndef AKASHI_DECODE_CORIM_PARTS_H
#define AKASHI_DECODE_CORIM_PARTS_H

#include "decode/corim.h"

struct corim_reader {
	size_t *budget;
	struct arena *a;
	size_t links; /* of all CoMIDs */
	const struct corim_left *left;
	const struct corim_left **tail;
};

rc corim_wrong(struct err *e, const char *path, const char *why);
rc corim_memory(struct err *e);

/* A path in the arena. MEMORY. */
MUST_USE rc corim_path(struct corim_reader *r, const char **out, struct err *e,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add to `left` one member, or those of a map whose numbers are not in the mask
 * `taken`. `names` says what members are called, up to a NULL. MEMORY. */
MUST_USE rc corim_leave(struct corim_reader *r, const char *path,
    const char *member, struct err *e);
MUST_USE rc corim_leave_rest(struct corim_reader *r, const char *path,
    const struct cbor_value *map, uint32_t taken, const char *const *names,
    struct err *e);

/* Text of 1 to LIMIT_CORIM_TEXT bytes. CORIM_FORMAT. */
MUST_USE rc corim_text(const char *path, const struct cbor_value *v,
    struct span *out, struct err *e);

/* What a CoMID is: "tag-identity", or an identifier by itself. */
MUST_USE rc corim_id(struct corim_reader *r, const char *path,
    const struct cbor_value *v, struct corim_id *out, struct err *e);

/* A CoMID. CORIM_FORMAT, CORIM_LIMIT, MEMORY. */
MUST_USE rc comid_decode(struct corim_reader *r, const char *path,
    const struct cbor_value *v, struct comid *out, struct err *e);

#endif
