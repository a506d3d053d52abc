/* SPDX-License-Identifier: Apache-2.0 */
/* Strict text forms of bytes: one accepted spelling each. */
#ifndef AKASHI_BASE_TEXT_H
#define AKASHI_BASE_TEXT_H

#include "base/arena.h"
#include "base/rc.h"

/* Lower-case hex of s into out[2 * s.n + 1]. */
void hex_emit(struct span s, char *out);

/* The same in the arena; NULL when it is full. */
char *hex_string(struct arena *a, struct span s);

/* Decode hex of either case, exactly 2 * n digits, into out[n].
 * ENCODING otherwise. */
MUST_USE rc hex_decode(struct span text, uint8_t *out, size_t n);

/* Decode hex of any even length into the arena. ENCODING, MEMORY. */
MUST_USE rc hex_decode_any(struct span text, struct arena *a, struct span *out);

/* base64url without padding (RFC 4648 section 5). out holds
 * base64url_size(n) bytes, the NUL included. */
size_t base64url_size(size_t n);
void base64url_emit(struct span s, char *out);
char *base64url_string(struct arena *a, struct span s);

/* Refuses padding, white space, the other alphabet and non-zero spare bits.
 * ENCODING, MEMORY. */
MUST_USE rc base64url_decode(
    struct span text, struct arena *a, struct span *out);

/* Bytes of the valid UTF-8 sequence at the start of s, 0 if there is none:
 * overlong forms, surrogates and values over U+10FFFF are not valid. */
size_t utf8_length(struct span s);
bool utf8_valid(struct span s);

/* Names of nodes, policies, tokens: [a-z0-9][a-z0-9._-]{0,127}. */
bool name_valid(struct span s);

/* One of the environment classes, which form a closed list. */
bool env_class_valid(struct span name);

/* A decimal number without sign, leading zeros or anything after it. */
bool number_parse(struct span s, uint64_t max, uint64_t *out);

/* Glob: '*' any run without '/', '**' any run, '?' one byte that is not '/'. No
 * character classes, no escapes. The work is at most |pattern| * |text|;
 * a pattern of more than GLOB_MAX bytes matches nothing. */
enum { GLOB_MAX = 1023 };
bool glob_match(const char *pattern, struct span text);

#endif
