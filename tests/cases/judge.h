/* SPDX-License-Identifier: Apache-2.0 */
/* One row of the table of cases: run it, say what came of it. */
#ifndef AKASHI_TESTS_CASES_JUDGE_H
#define AKASHI_TESTS_CASES_JUDGE_H

#include "base/hash.h"
#include "base/arena.h"

#include <openssl/evp.h>

enum state { STATE_PASS, STATE_ABSENT, STATE_LATER, STATE_FAIL };

struct row {
	const char *id, *how, *vector, *control, *result, *code, *why;
	enum state state;
	const char *said; /* what happened, where it is no pass */
};

struct judge {
	struct hasher *h;
	EVP_PKEY *key;
	struct arena *a; /* for texts that outlive a row */
};

/* Sets row->state and row->said. A row that could not be run is no pass. */
void judge_row(struct judge *j, struct row *row);

void judge_end(void);

#endif
