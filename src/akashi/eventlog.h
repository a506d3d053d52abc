/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats of `akashi eventlog` share. */
#ifndef AKASHI_EVENTLOG_H
#define AKASHI_EVENTLOG_H

#include "akashi/cli.h"
#include "decode/cel.h"
#include "replay/bank.h"

/* A log as it is printed: also one that must be refused, as far as it could
 * be read. */
struct eventlog_shown {
	struct buf text;  /* the caller frees it */
	rc result;	  /* what is wrong with the log */
	struct err fault; /* set unless result is ok */
};

/* One bank as a member of "pcrs". */
void eventlog_emit_bank(struct jw *w, const struct bank *b);

/* The member "error". */
void eventlog_emit_fault(struct cli *c, struct jw *w, const struct err *e);

/* One bank of the table. */
void eventlog_print_bank(
    struct cli *c, struct buf *out, const struct bank *b, bool incomplete);

/* Decode, replay and print a canonical event log or systemd's. Fails only by
 * an error of ours. */
MUST_USE rc eventlog_cel_show(struct cli *c, struct span bytes,
    enum cel_format format, enum cli_output output, struct eventlog_shown *out,
    struct err *e);

#endif
