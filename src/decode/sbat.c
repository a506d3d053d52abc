/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sbat.h"

#include "base/text.h"

enum { COMPONENT_MAX = 64, FIELDS = 3 };

struct sbat
sbat_over(struct span csv)
{
	return (struct sbat){csv, 0, csv.n > SBAT_MAX};
}

/* The bytes before the next `end`, which is taken too; false if none comes. */
static bool
take_until(struct span *in, char end, struct span *out)
{
	const uint8_t *at = in->n ? memchr(in->p, end, in->n) : NULL;

	if (!at)
		return false;
	*out = span_of(in->p, (size_t)(at - in->p));
	*in = span_of(at + 1, in->n - out->n - 1);
	return true;
}

static bool
component_valid(struct span s)
{
	if (s.n == 0 || s.n > COMPONENT_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static size_t
split(struct span line, struct span field[FIELDS])
{
	size_t n = 0;

	while (n < FIELDS - 1 && take_until(&line, ',', &field[n]))
		n++;
	field[n++] = line;
	return n;
}

static bool
entry_of(struct span line, bool first, struct sbat_entry *out)
{
	struct span field[FIELDS] = {{NULL, 0}};
	size_t n = split(line, field);

	*out = (struct sbat_entry){field[0], 0, 0};
	if (n != (first ? 3 : 2) || !component_valid(field[0]) ||
	    !number_parse(field[1], UINT32_MAX, &out->generation))
		return false;
	return !first ||
	       (span_eq(field[0], span_str("sbat")) && field[2].n == 10 &&
		   number_parse(field[2], INT64_MAX, &out->datestamp));
}

bool
sbat_next(struct sbat *s, struct sbat_entry *out)
{
	struct sbat_entry entry;
	struct span line;

	if (s->malformed || (s->left.n == 0 && s->n))
		return false;
	if (s->n == SBAT_ENTRIES || !take_until(&s->left, '\n', &line) ||
	    !entry_of(line, s->n == 0, &entry)) {
		s->malformed = true;
		return false;
	}
	s->n++;
	*out = entry;
	return true;
}

bool
sbat_valid(struct span csv)
{
	struct sbat s = sbat_over(csv);
	struct sbat_entry entry;

	while (sbat_next(&s, &entry))
		continue;
	return !s.malformed;
}

uint64_t
sbat_generation(struct span csv, struct span component)
{
	struct sbat s = sbat_over(csv);
	struct sbat_entry entry;
	uint64_t best = 0;

	while (sbat_next(&s, &entry))
		if (span_eq(entry.component, component) &&
		    entry.generation > best)
			best = entry.generation;
	return best;
}

uint64_t
sbat_datestamp(struct span csv)
{
	struct sbat s = sbat_over(csv);
	struct sbat_entry entry;

	return sbat_next(&s, &entry) ? entry.datestamp : 0;
}
