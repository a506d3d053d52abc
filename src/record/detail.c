/* SPDX-License-Identifier: Apache-2.0 */
#include "record/detail.h"

#include "base/clock.h"

static const char *
text(const json_t *r, const char *key, struct arena *a)
{
	const char *s = json_string_value(json_object_get(r, key));

	return s ? arena_printf(a, "%s", s) : NULL;
}

static int64_t
number(const json_t *r, const char *key)
{
	const json_t *v = json_object_get(r, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static enum err_effect
effect_of(const json_t *r, enum err_code code)
{
	const char *name = json_string_value(json_object_get(r, "effect"));

	for (int i = EFF_NONE; name && i <= EFF_UNKNOWN; i++)
		if (strcmp(name, effect_name((enum err_effect)i)) == 0)
			return (enum err_effect)i;
	return err_effect(code);
}

static const struct waiver_note *
waiver_of(const json_t *r, struct arena *a)
{
	const json_t *w = json_object_get(r, "waiver");
	struct waiver_note *note = w ? arena_alloc(a, sizeof(*note)) : NULL;

	if (!note)
		return NULL;
	*note = (struct waiver_note){text(w, "owner", a),
	    text(w, "approver", a), text(w, "reason", a), 0};
	const char *expires = json_string_value(json_object_get(w, "expires"));
	if (!expires || !rc_ok(time_parse(span_str(expires), &note->expires)))
		note->expires = 0;
	return note;
}

static struct reason
reason_of(const json_t *r, enum err_code code, struct arena *a)
{
	const char *layer = json_string_value(json_object_get(r, "layer"));
	struct reason out =
	    REASON(code, layer ? layer_by_name(layer) : LAYER_NONE);

	out.effect = effect_of(r, code);
	out.path = text(r, "path", a);
	out.message = text(r, "message", a);
	out.expected = text(r, "expected", a);
	out.found = text(r, "found", a);
	out.event_type = text(r, "event_type", a);
	out.rule = text(r, "rule", a);
	out.event = number(r, "event");
	out.pcr = (int)number(r, "pcr");
	out.waiver = waiver_of(r, a);
	if (!out.message)
		out.message = err_sentence(code, "en");
	return out;
}

rc
detail_read(struct span detail, struct arena *a, struct reason **out, size_t *n,
    struct err *e)
{
	JSON_AUTO doc = NULL;
	size_t i, got = 0;
	json_t *r;

	if (detail.p)
		TRY(json_decode(detail, LIMIT_POLICY, &doc, e));
	const json_t *list = json_object_get(doc, "reasons");
	struct reason *all =
	    arena_array(a, json_array_size(list), sizeof(*all));
	if (!all)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	json_array_foreach(list, i, r)
	{
		const char *name =
		    json_string_value(json_object_get(r, "code"));
		enum err_code code = name ? err_by_name(name) : ERR_OK;
		if (code != ERR_OK)
			all[got++] = reason_of(r, code, a);
	}
	*out = all;
	*n = got;
	return RC_OK;
}
