/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware: that it was measured, and its version. */
#include "appraise/scene.h"

static void
report(struct scene *s, enum err_code code, const struct evlog_event *ev,
    const char *expected)
{
	struct reason r = REASON(code, LAYER_FIRMWARE);

	r.path = "eventlog.events";
	r.pcr = 0;
	if (ev) {
		r = scene_reason(s, code, ev, NULL);
		r.found = uefi_describe(ev, s->a);
	}
	r.rule = code == ERR_FW_NO_CRTM ? "pcrs" : "firmware";
	r.expected = expected;
	scene_violate(s, &r);
}

/* --- versions ------------------------------------------------------------- */

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Numbers of any length. */
static int
compare_numbers(const char *a, size_t a_n, const char *b, size_t b_n)
{
	for (; a_n && *a == '0'; a_n--)
		a++;
	for (; b_n && *b == '0'; b_n--)
		b++;
	if (a_n != b_n)
		return a_n < b_n ? -1 : 1;
	return memcmp(a, b, a_n);
}

/* Versions compare by their numbers, and only where all else is the same:
 * N40ET39W is below N40ET41W, and R1 says nothing about N40ET41W. */
static bool
compare_versions(const char *a, const char *b, int *order)
{
	int d = 0;

	while (*a || *b) {
		size_t a_n = digits(a);
		size_t b_n = digits(b);
		if (!a_n != !b_n || (!a_n && *a != *b))
			return false;
		if (a_n && d == 0)
			d = compare_numbers(a, a_n, b, b_n);
		a += a_n ? a_n : 1;
		b += b_n ? b_n : 1;
	}
	*order = d;
	return true;
}

static bool
listed(const struct firmware_rules *r, const char *version)
{
	for (size_t i = 0; i < r->versions_n; i++)
		if (strcmp(r->versions[i], version) == 0)
			return true;
	return r->versions_n == 0;
}

/* The version as it is shown, without the blanks that fill its field. */
static const char *
version_text(struct scene *s, const struct evlog_event *ev)
{
	const char *text = uefi_describe(ev, s->a);
	size_t n = strlen(text);

	while (n && text[n - 1] == ' ')
		n--;
	return arena_printf(s->a, "%.*s", (int)n, text);
}

static void
eval_version(struct scene *s, uint32_t at)
{
	const struct firmware_rules *r = &s->p->firmware;
	const struct evlog_event *ev = &s->f->log->events[at];
	const char *version = version_text(s, ev);
	int order = 0;

	if (!version || !s->f->replay->events[at].bound ||
	    !listed(r, version)) {
		report(s, ERR_FW_VERSION, ev,
		    r->versions_n ? r->versions[0] : r->minimum);
		return;
	}
	if (!r->minimum)
		return;
	if (!compare_versions(version, r->minimum, &order))
		report(s, ERR_FW_VERSION, ev, r->minimum);
	else if (order < 0)
		report(s, ERR_FW_ROLLBACK, ev, r->minimum);
}

/* The separator by its digest too: types are bound by nothing, and behind it
 * anybody may have measured. */
static bool
is_separator(const struct scene *s, const struct evlog_event *ev)
{
	static const uint8_t values[2][4] = {
	    {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}};
	struct lane l = lane_of(s->p, &s->lanes, s->f->quoted, 0);
	uint8_t digest[HASH_MAX];

	if (ev->type == EV_SEPARATOR || !s->f->hasher || !l.banks_n)
		return true;
	const struct hash_alg *alg = s->p->banks[l.bank[0]];
	const uint8_t *have = ev->digests[l.alg[0]];
	for (size_t i = 0; have && i < 2; i++)
		if (!rc_ok(hash_of(s->f->hasher, alg->id, span_of(values[i], 4),
			digest)) ||
		    memcmp(have, digest, alg->size) == 0)
			return true;
	return false;
}

void
eval_firmware(struct scene *s)
{
	const struct firmware_rules *r = &s->p->firmware;
	const struct lanes *l = &s->lanes;
	bool asked = r->minimum || r->versions_n;
	bool late = false;
	size_t measured = 0;
	size_t versions = 0;

	for (size_t i = 0; i < l->events_n[0]; i++) {
		const struct evlog_event *ev =
		    &s->f->log->events[l->events[0][i]];
		measured += ev->type != EV_SEPARATOR;
		late = late || (asked && is_separator(s, ev));
		if (!asked || ev->type != EV_S_CRTM_VERSION)
			continue;
		if (late)
			report(s, ERR_FW_VERSION, ev, NULL);
		else
			eval_version(s, l->events[0][i]);
		versions++;
	}
	if (!measured)
		report(s, ERR_FW_NO_CRTM, NULL, "EV_S_CRTM_VERSION");
	if (asked && !versions)
		report(s, ERR_FW_VERSION, NULL,
		    r->versions_n ? r->versions[0] : r->minimum);
}
