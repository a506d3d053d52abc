/* SPDX-License-Identifier: Apache-2.0 */
/* Values in PostgreSQL's binary formats (src/backend/utils/adt of 15). */
#include "record/pg.h"

#include <libpq-fe.h>

/* pg_type.dat: element and array types; fixed since long ago. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_TIME = 1184,
	OID_UUID = 2950,
};

/* PostgreSQL counts microseconds from 2000-01-01. */
#define PG_EPOCH ((int64_t)946684800 * TIME_S)

static void
put_be(uint8_t *out, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t
get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static struct pg_value
number(unsigned type, uint64_t v, int len)
{
	struct pg_value out = {.type = type, .len = len};

	put_be(out.small, v, (size_t)len);
	return out;
}

static struct pg_value
borrowed(unsigned type, const void *p, size_t n, bool null)
{
	/* libpq wants a pointer even for no bytes. */
	return (struct pg_value){
	    .type = type,
	    .len = null ? -1 : (int)n,
	    .p = p ? p : "",
	};
}

struct pg_value
pg_uuid(const struct uuid *u)
{
	return borrowed(OID_UUID, u->b, sizeof(u->b), false);
}

struct pg_value
pg_uuid_or_null(const struct uuid *u)
{
	return borrowed(OID_UUID, u->b, sizeof(u->b), uuid_none(u));
}

struct pg_value
pg_bytes(struct span s)
{
	return borrowed(OID_BYTEA, s.p, s.n, false);
}

struct pg_value
pg_bytes_or_null(struct span s)
{
	return borrowed(OID_BYTEA, s.p, s.n, s.n == 0);
}

struct pg_value
pg_sha(const struct sha256 *h)
{
	return borrowed(OID_BYTEA, h->b, sizeof(h->b), false);
}

struct pg_value
pg_sha_or_null(const struct sha256 *h)
{
	return borrowed(OID_BYTEA, h->b, sizeof(h->b), sha256_none(h));
}

struct pg_value
pg_text(struct span s)
{
	return borrowed(OID_TEXT, s.p, s.n, false);
}

struct pg_value
pg_text_or_null(struct span s)
{
	return borrowed(OID_TEXT, s.p, s.n, s.n == 0);
}

struct pg_value
pg_str(const char *s)
{
	return borrowed(OID_TEXT, s, s ? strlen(s) : 0, !s);
}

struct pg_value
pg_i64(int64_t v)
{
	return number(OID_INT8, (uint64_t)v, 8);
}

struct pg_value
pg_u64(uint64_t v)
{
	return number(OID_INT8, v, 8);
}

struct pg_value
pg_i32(int32_t v)
{
	return number(OID_INT4, (uint32_t)v, 4);
}

struct pg_value
pg_i32_or_null(int32_t v)
{
	struct pg_value out = pg_i32(v);

	out.len = v ? out.len : -1;
	return out;
}

struct pg_value
pg_bool(bool v)
{
	return number(OID_BOOL, v, 1);
}

struct pg_value
pg_time(int64_t t)
{
	struct pg_value v = number(OID_TIME, (uint64_t)(t - PG_EPOCH), 8);

	if (t == 0)
		v.len = -1;
	return v;
}

/* --- arrays (array_recv: dimensions, has-null flag, element type, length and
 * lower bound, then each element with its length) -------------------------- */

enum { ARRAY_HEADER = 20 };

static unsigned
array_type(unsigned element)
{
	switch (element) {
	case OID_BOOL:
		return 1000;
	case OID_BYTEA:
		return 1001;
	case OID_INT4:
		return 1007;
	case OID_TEXT:
		return 1009;
	case OID_INT8:
		return 1016;
	case OID_TIME:
		return 1185;
	default:
		return 2951; /* uuid[] */
	}
}

static const void *
value_bytes(const struct pg_value *v)
{
	return v->p ? v->p : v->small;
}

void
pg_array_add(struct pg_array *a, struct pg_value v)
{
	uint8_t len[4];

	if (a->n++ == 0) {
		static const uint8_t header[ARRAY_HEADER];
		a->type = v.type;
		buf_put(&a->buf, header, sizeof(header));
	}
	a->nulls |= v.len < 0;
	put_be(len, (uint32_t)v.len, sizeof(len));
	buf_put(&a->buf, len, sizeof(len));
	if (v.len > 0)
		buf_put(&a->buf, value_bytes(&v), (size_t)v.len);
}

void
pg_array_free(struct pg_array *a)
{
	buf_free(&a->buf);
}

void
pg_arg(struct pg_args *a, struct pg_value v)
{
	if (a->n == PG_ARGS) {
		a->failed = true;
		return;
	}
	a->v[a->n++] = v;
}

void
pg_arg_array(struct pg_args *a, struct pg_array *v)
{
	uint8_t *h = (uint8_t *)v->buf.p;

	if (v->buf.failed || v->buf.n > INT32_MAX || v->n == 0) {
		a->failed = true;
		return;
	}
	put_be(h, 1, 4);
	put_be(h + 4, v->nulls, 4);
	put_be(h + 8, v->type, 4);
	put_be(h + 12, (uint32_t)v->n, 4);
	put_be(h + 16, 1, 4);
	pg_arg(a, borrowed(array_type(v->type), v->buf.p, v->buf.n, false));
}

/* --- rows -------------------------------------------------------------------
 */

static PGresult *
result(const struct pg_rows *r)
{
	/* struct pg_rows is never defined: it is libpq's own. */
	return (PGresult *)(uintptr_t)r;
}

int
pg_rows_n(const struct pg_rows *r)
{
	return r ? PQntuples(result(r)) : 0;
}

void
pg_rows_free(struct pg_rows *r)
{
	PQclear(result(r));
}

void
pg_rows_freep(struct pg_rows **r)
{
	PQclear(result(*r));
}

struct pg_row
pg_row(const struct pg_rows *r, int row, struct arena *a)
{
	return (struct pg_row){r, row, 0, a, false};
}

bool
row_null(const struct pg_row *r)
{
	return PQgetisnull(result(r->rows), r->row, r->col);
}

/* The next column, which must have n bytes unless it is NULL. */
static const uint8_t *
next(struct pg_row *r, size_t n)
{
	PGresult *res = result(r->rows);
	int col = r->col++;

	if (PQgetisnull(res, r->row, col))
		return NULL;
	if ((size_t)PQgetlength(res, r->row, col) != n) {
		r->failed = true;
		return NULL;
	}
	return (const uint8_t *)PQgetvalue(res, r->row, col);
}

void
row_fixed(struct pg_row *r, uint8_t *out, size_t n)
{
	const uint8_t *p = next(r, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

struct uuid
row_uuid(struct pg_row *r)
{
	struct uuid u;

	row_fixed(r, u.b, sizeof(u.b));
	return u;
}

struct sha256
row_sha(struct pg_row *r)
{
	struct sha256 h;

	row_fixed(r, h.b, sizeof(h.b));
	return h;
}

struct span
row_bytes(struct pg_row *r)
{
	PGresult *res = result(r->rows);
	int col = r->col++;
	struct span in = span_of(PQgetvalue(res, r->row, col),
	    (size_t)PQgetlength(res, r->row, col));
	struct span out = {NULL, 0};

	if (in.n == 0)
		return out;
	out = arena_copy(r->a, in);
	r->failed |= !out.p;
	return out;
}

void
row_name(struct pg_row *r, char out[STORE_NAME])
{
	PGresult *res = result(r->rows);
	int col = r->col++;
	size_t n = (size_t)PQgetlength(res, r->row, col);

	if (n >= STORE_NAME) {
		r->failed = true;
		n = 0;
	}
	memcpy(out, PQgetvalue(res, r->row, col), n);
	out[n] = '\0';
}

int64_t
row_i64(struct pg_row *r)
{
	const uint8_t *p = next(r, 8);

	return p ? (int64_t)get_be(p, 8) : 0;
}

int32_t
row_i32(struct pg_row *r)
{
	const uint8_t *p = next(r, 4);

	return p ? (int32_t)get_be(p, 4) : 0;
}

bool
row_bool(struct pg_row *r)
{
	const uint8_t *p = next(r, 1);

	return p && *p;
}

int64_t
row_time(struct pg_row *r)
{
	const uint8_t *p = next(r, 8);

	return p ? (int64_t)get_be(p, 8) + PG_EPOCH : 0;
}

int
row_word(struct pg_row *r, const char *const *names, int n)
{
	PGresult *res = result(r->rows);
	int col = r->col++;

	if (PQgetisnull(res, r->row, col))
		return 0;
	for (int i = 0; i < n; i++)
		if (strcmp(PQgetvalue(res, r->row, col), names[i]) == 0)
			return i;
	return 0;
}
