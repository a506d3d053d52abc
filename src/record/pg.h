/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL for store_pg_*.c and migrate.c: values, rows, connections.
 *
 * 1. Every statement is text without anything formatted into it; values travel
 *    as typed binary parameters, results come back in binary.
 * 2. Statements that belong together travel as one pipeline: one round trip.
 *    No named statements, no SET that outlives a transaction, no advisory
 *    locks: a pooler in transaction mode may stand between.
 * 3. A connection that met anything but success is rolled back or closed
 *    before it is used again.
 */
#ifndef AKASHI_RECORD_PG_H
#define AKASHI_RECORD_PG_H

#include "record/store.h"

/* --- values -----------------------------------------------------------------
 */

/* One value on its way: p == NULL means `small`, len < 0 means NULL. */
struct pg_value {
	unsigned type;
	int len;
	const void *p;
	uint8_t small[8];
};

struct pg_value pg_uuid(const struct uuid *u);
struct pg_value pg_uuid_or_null(const struct uuid *u); /* none: NULL */
struct pg_value pg_bytes(struct span s);
struct pg_value pg_bytes_or_null(struct span s); /* empty: NULL */
struct pg_value pg_sha(const struct sha256 *h);
struct pg_value pg_sha_or_null(const struct sha256 *h); /* none: NULL */
struct pg_value pg_text(struct span s);
struct pg_value pg_text_or_null(struct span s); /* empty: NULL */
struct pg_value pg_str(const char *s);		/* NULL: NULL */
struct pg_value pg_i64(int64_t v);
struct pg_value pg_u64(uint64_t v); /* two's complement */
struct pg_value pg_i32(int32_t v);
struct pg_value pg_i32_or_null(int32_t v); /* 0: NULL */
struct pg_value pg_bool(bool v);
struct pg_value pg_time(int64_t t); /* 0: NULL */

/* Values of one type, for unnest(). */
struct pg_array {
	unsigned type;
	int32_t n;
	bool nulls;
	struct buf buf;
};

void pg_array_add(struct pg_array *a, struct pg_value v);
void pg_array_free(struct pg_array *a);

enum { PG_ARGS = 40 };

struct pg_args {
	size_t n;
	bool failed;
	struct pg_value v[PG_ARGS];
};

void pg_arg(struct pg_args *a, struct pg_value v);
/* Borrows the array until the statement has run. */
void pg_arg_array(struct pg_args *a, struct pg_array *v);

/* --- rows ----------------------------------------------------------------- */

struct pg_rows; /* a result; NULL is empty */

int pg_rows_n(const struct pg_rows *r);
void pg_rows_free(struct pg_rows *r);
void pg_rows_freep(struct pg_rows **r);
#define PG_ROWS_AUTO __attribute__((cleanup(pg_rows_freep))) struct pg_rows *

/* Reads a row from left to right. Spans are copied into the arena; `failed`
 * is sticky and set when it is full. NULL reads as zero or empty. */
struct pg_row {
	const struct pg_rows *rows;
	int row, col;
	struct arena *a;
	bool failed;
};

struct pg_row pg_row(const struct pg_rows *r, int row, struct arena *a);
bool row_null(const struct pg_row *r); /* the next column is NULL */
struct uuid row_uuid(struct pg_row *r);
struct sha256 row_sha(struct pg_row *r);
struct span row_bytes(struct pg_row *r); /* bytea or text */
void row_name(struct pg_row *r, char out[STORE_NAME]);
void row_fixed(struct pg_row *r, uint8_t *out, size_t n);
int64_t row_i64(struct pg_row *r);
int32_t row_i32(struct pg_row *r);
bool row_bool(struct pg_row *r);
int64_t row_time(struct pg_row *r);
/* The index of a text in a list of names; 0 for anything else. */
int row_word(struct pg_row *r, const char *const *names, int n);

/* --- statements ----------------------------------------------------------- */

struct pg_stmt {
	const char *sql;
	const struct pg_args *args; /* NULL: none */
	struct pg_rows *rows;	    /* out */
};

struct pg; /* one connection; connects when it is used */

/* A connection that is not made yet. NULL when memory is gone. */
struct pg *pg_new(const char *conninfo, int64_t timeout);
void pg_free(struct pg *pg);

/* Refuse a conninfo that libpq cannot read. CONFIG. */
MUST_USE rc pg_check_conninfo(const char *conninfo, struct err *e);

/* Connect if there is no live connection. `fresh` (or NULL) tells whether a
 * new one was made. DATABASE. */
MUST_USE rc pg_connect(struct pg *pg, bool *fresh, struct err *e);

/* Run statements as one round trip; each gets its rows. On failure no rows are
 * left behind and the connection has no open transaction.
 * DATABASE; what a broken unique rule means (EK_DUPLICATE …); INTERNAL for
 * values that the schema refuses. */
MUST_USE rc pg_run(
    struct pg *pg, struct pg_stmt *stmts, size_t n, struct err *e);

/* A text of several statements, for migrations. */
MUST_USE rc pg_script(struct pg *pg, const char *sql, struct err *e);

/* Forget the connection; the next pg_connect() makes a new one. */
void pg_close(struct pg *pg);

/* Roll back if a transaction is open. */
void pg_rollback(struct pg *pg);

#endif
