/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel command line, split as the kernel splits it. */
#ifndef AKASHI_DECODE_CMDLINE_H
#define AKASHI_DECODE_CMDLINE_H

#include "base/arena.h"

struct cmdline_token {
	struct span raw;
	struct span name;  /* up to '=', without an opening quote */
	struct span value; /* without quotes; p == NULL: there is no '=' */
	/* Printable ASCII alone. Other bytes are read differently: the kernel
	 * takes 0xa0 for a blank, also inside a character of UTF-8. */
	bool printable;
	/* And neither quote, backslash nor blank: kernel, systemd and the
	 * scripts of an initrd all see this same token. */
	bool plain;
};

/* The next token: split at blanks outside double quotes, quotes around a value
 * or a whole token taken off (lib/cmdline.c of Linux). False at the end. */
bool cmdline_next(struct span *rest, struct cmdline_token *out);

/* The kernel takes - and _ in a name for the same. */
bool cmdline_same_name(struct span a, struct span b);

/* UTF-16LE with a byte for each unit, in the arena; a unit that is no ASCII
 * becomes 0xff, which is in no token that passes. {NULL, 0} when it is full. */
struct span cmdline_narrow(struct span wide, struct arena *a);

/* The other way: ASCII as UTF-16LE. */
struct span cmdline_widen(struct span ascii, struct arena *a);

#endif
