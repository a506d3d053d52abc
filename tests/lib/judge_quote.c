/* SPDX-License-Identifier: Apache-2.0 */
/* judge_quote MSG SIG AK NONCE SELECTION: prints the code of the first refusal,
 * or "ok". Paths are in the source tree; nonce in hex, selection as text. */
#include "base/text.h"
#include "lib/tap.h"
#include "unit/verify/walk.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	struct hasher *h = hasher_new();
	struct arena a;
	struct walk w;

	if (argc != 6 || !h)
		return 2;
	arena_init(&a, 1024 * 1024);
	w.msg = tap_file(&a, argv[1]);
	w.sig = tap_file(&a, argv[2]);
	w.ak_pub = tap_file(&a, argv[3]);
	w.asked = span_str(argv[5]);
	if (!rc_ok(hex_decode_any(span_str(argv[4]), &a, &w.nonce)))
		return 2;
	puts(err_name(walk_judge(&w, h)));
	arena_free(&a);
	hasher_free(h);
	return 0;
}
