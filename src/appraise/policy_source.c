/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/policy_source.h"

#include "appraise/rules.h"
#include "base/text.h"

static const char *
first_source(const struct golden_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i].source)
			return values[i].source;
	return NULL;
}

/* The number between prefix and `end` at the start of a rule; *rest is what
 * follows. */
static bool
number_in(const char *rule, const char *prefix, char end, uint64_t max,
    uint64_t *out, const char **rest)
{
	size_t n = strlen(prefix), digits;

	if (strncmp(rule, prefix, n) != 0)
		return false;
	digits = strspn(rule + n, "0123456789");
	*rest = rule + n + digits;
	return (!**rest || **rest == end) &&
	       number_parse(span_of(rule + n, digits), max, out);
}

/* boot.PCR, boot.PCR.events[i], boot.PCR.events[i].any[j][k], boot.PCR.values
 */
static const char *
of_boot(const struct policy *p, const char *rule)
{
	uint64_t pcr;
	const char *rest;

	if (!number_in(rule, "boot.", '.', LIMIT_PCRS - 1, &pcr, &rest))
		return NULL;
	const struct pcr_rule *r = &p->pcr[pcr];
	for (size_t i = 0; r->kind == PCR_EVENTS && *rest && i < r->n; i++)
		if (strcmp(rest + 1, r->events[i].where) == 0)
			return first_source(
			    r->events[i].accept, r->events[i].n);
	if (r->source)
		return r->source;
	return r->kind == PCR_VALUES ? first_source(r->values, r->n) : NULL;
}

/* The one set that allows files. */
static const char *
of_ima(const struct policy *p)
{
	return p->ima.allow.n == 1 ? p->ima.allow.set[0].name : NULL;
}

static const char *
of_token(const struct policy *p, const char *rule)
{
	const char *name = strchr(rule, '.');

	for (size_t i = 0; name && i < p->cmdline.tokens_n; i++)
		if (strcmp(p->cmdline.tokens[i].name, name + 1) == 0)
			return p->cmdline.tokens[i].source;
	return NULL;
}

const char *
policy_source(const struct policy *p, const char *rule)
{
	const char *source = NULL;

	if (!p || !rule)
		return NULL;
	if (strncmp(rule, "boot.", 5) == 0)
		source = of_boot(p, rule);
	else if (strncmp(rule, "ima.", 4) == 0)
		source = of_ima(p);
	else if (strncmp(rule, "cmdline", 7) == 0)
		source = of_token(p, rule);
	return source ? source : p->source;
}
