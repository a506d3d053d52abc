/* SPDX-License-Identifier: Apache-2.0 */
/* Records as columns: one array per column, one statement per table. */
#ifndef AKASHI_RECORD_STORE_PG_COLUMNS_H
#define AKASHI_RECORD_STORE_PG_COLUMNS_H

#include "record/store_pg.h"

struct columns {
	size_t at, n;
	struct pg_array col[PG_ARGS];
	struct pg_args args;
};

/* The next column of the row that was begun with c->at = 0. */
void columns_put(struct columns *c, struct pg_value v);
/* Valid until the next change of `c`. */
const struct pg_args *columns_args(struct columns *c);
void columns_free(struct columns *c);

/* Add a tenant to the text of scope.write_many, unless it is the last one;
 * scope_close() ends the text. */
void scope_add(struct buf *b, const struct uuid *tenant);
void scope_close(struct buf *b);

/* A record's row for one table, and the statements that take them. */
extern const char state_sql[], verdict_sql[];
void add_state(struct columns *c, const struct record *r, size_t ord);
void add_verdict(struct columns *c, const struct verdict_row *v);
void add_evidence(struct columns *c, const struct record *r);
void add_ima(struct columns *c, const struct record *r);
void add_leaf(struct columns *c, const struct verdict_row *v);

#endif
