/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/x509_name.h"

#include "base/rd.h"

enum {
	INTEGER = 0x02,
	OID = 0x06,
	SEQUENCE = 0x30,
	SET = 0x31,
	EXPLICIT_0 = 0xa0
};

/* UTF8String, PrintableString, TeletexString, IA5String. */
enum { UTF8 = 0x0c, PRINTABLE = 0x13, TELETEX = 0x14, IA5 = 0x16 };

static const struct {
	const char *name;
	size_t n;
	uint8_t oid[10];
} types[] = {
    {"CN", 3, {0x55, 0x04, 0x03}},
    {"O", 3, {0x55, 0x04, 0x0a}},
    {"OU", 3, {0x55, 0x04, 0x0b}},
    {"C", 3, {0x55, 0x04, 0x06}},
    {"L", 3, {0x55, 0x04, 0x07}},
    {"ST", 3, {0x55, 0x04, 0x08}},
    {"serialNumber", 3, {0x55, 0x04, 0x05}},
    {"emailAddress", 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01}},
    {"DC", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19}},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

static size_t
der_length(struct rd *in)
{
	size_t n = rd_u8(in);

	if (n < 0x80)
		return n;
	size_t more = n & 0x7f;
	if (more == 0 || more > 4)
		rd_fail(in);
	for (n = 0; more > 0; more--)
		n = n << 8 | rd_u8(in);
	return n;
}

/* The contents of the next element, which must have this tag. */
static struct span
der_take(struct rd *in, uint8_t tag)
{
	if (rd_u8(in) != tag)
		rd_fail(in);
	size_t n = der_length(in);
	return rd_bytes(in, n);
}

bool
x509_names_decode(struct span der, struct x509_names *out)
{
	struct rd whole = rd_over(der);
	struct rd cert = rd_over(der_take(&whole, SEQUENCE));
	struct rd tbs = rd_over(der_take(&cert, SEQUENCE));
	struct x509_names names;

	if (!rd_done(&whole) || !rd_ok(&cert))
		return false;
	if (rd_left(&tbs) && *tbs.p == EXPLICIT_0)
		der_take(&tbs, EXPLICIT_0); /* version */
	names.serial = der_take(&tbs, INTEGER);
	der_take(&tbs, SEQUENCE); /* signature algorithm */
	names.issuer = der_take(&tbs, SEQUENCE);
	der_take(&tbs, SEQUENCE); /* validity */
	names.subject = der_take(&tbs, SEQUENCE);
	if (!rd_ok(&tbs))
		return false;
	*out = names;
	return true;
}

/* One AttributeTypeAndValue. */
struct attribute {
	struct span oid;
	size_t type; /* row of types, TYPES if there is none */
	uint8_t tag; /* of the value */
	struct span value;
};

/* The next attribute of the Name; *set is what is left of the present RDN. */
static bool
next_attribute(struct rd *name, struct rd *set, struct attribute *out)
{
	if (!rd_ok(name) || (rd_done(set) && rd_done(name)))
		return false;
	if (rd_done(set))
		*set = rd_over(der_take(name, SET));
	struct rd in = rd_over(der_take(set, SEQUENCE));
	out->oid = der_take(&in, OID);
	out->tag = rd_u8(&in);
	size_t n = der_length(&in);
	out->value = rd_bytes(&in, n);
	if (!rd_ok(name) || !rd_ok(set) || !rd_ok(&in))
		return false;
	out->type = 0;
	while (out->type < TYPES &&
	       !span_eq(
		   out->oid, span_of(types[out->type].oid, types[out->type].n)))
		out->type++;
	return true;
}

static void
put_value(struct line *l, const struct attribute *a)
{
	if (a->tag == UTF8 || a->tag == PRINTABLE || a->tag == TELETEX ||
	    a->tag == IA5)
		line_utf8(l, a->value);
	else
		line_hex(l, a->value, 64);
}

void
x509_name_short(struct span name, struct line *l)
{
	struct rd in = rd_over(name);
	struct rd set = rd_over(span_of(name.p, 0));
	struct attribute a, best = {.type = TYPES};

	/* The first three rows of types in that order of preference. */
	while (next_attribute(&in, &set, &a))
		if (a.type < 3 && a.type <= best.type)
			best = a;
	if (best.type < TYPES)
		put_value(l, &best);
	else
		line_puts(l, "(no name)");
}

void
x509_name_full(struct span name, struct line *l)
{
	struct rd in = rd_over(name);
	struct rd set = rd_over(span_of(name.p, 0));
	struct attribute a;
	const char *between = "";

	while (next_attribute(&in, &set, &a) && !l->cut) {
		line_puts(l, between);
		if (a.type < TYPES)
			line_puts(l, types[a.type].name);
		else
			line_hex(l, a.oid, 32);
		line_puts(l, "=");
		put_value(l, &a);
		between = ", ";
	}
}
