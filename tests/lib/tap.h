/* SPDX-License-Identifier: Apache-2.0 */
/* What every C test shares: TAP output, files of the tree, skips that show. */
#ifndef AKASHI_TESTS_TAP_H
#define AKASHI_TESTS_TAP_H

#include "base/arena.h"
#include "base/rc.h"

#include <check.h>

/* Run a suite, print TAP on stdout; the exit status for main(). */
int tap_run(Suite *s);

/* Read a whole file of the source tree ("tests/vectors/…"); ends the program
 * with a message if it is not there. The arena owns the bytes. */
struct span tap_file(struct arena *a, const char *path);

/* The same for ../shared/vectors; p == NULL where the folder is absent. */
struct span tap_shared(struct arena *a, const char *path);

/* TAP lines by hand, for table-driven programs that do not use Check. */
void tap_ok(bool ok, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tap_skip(const char *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print the plan; the exit status for main(). */
int tap_done(void);

/* Assert that a call succeeded / failed with a code. */
#define ck_rc_ok(call)                                                         \
	do {                                                                   \
		rc ck_r_ = (call);                                             \
		ck_assert_msg(                                                 \
		    rc_ok(ck_r_), #call ": %s", err_name(ck_r_.code));         \
	} while (0)
#define ck_rc_is(call, want)                                                   \
	do {                                                                   \
		rc ck_r_ = (call);                                             \
		ck_assert_msg(ck_r_.code == (want), #call ": %s, not %s",      \
		    err_name(ck_r_.code), err_name(want));                     \
	} while (0)

#endif
