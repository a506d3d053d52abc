/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fields.h"

#include "base/hash.h"
#include "base/text.h"

#include <stdlib.h>

void
field_put_bytes(struct jw *w, const char *key, struct span s)
{
	size_t n = base64url_size(s.n);
	char *text = malloc(n);

	if (!text) {
		w->out->failed = true;
		return;
	}
	base64url_emit(s, text);
	if (key)
		jw_key(w, key);
	jw_str(w, text);
	secret_cleanse(text, n);
	free(text);
}

void
field_put_uuid(struct jw *w, const char *key, const struct uuid *u)
{
	char text[UUID_TEXT];

	uuid_emit(u, text);
	jw_kstr(w, key, text);
}

rc
field_text(const json_t *obj, const char *key, struct arena *a,
    const char **out, struct err *e)
{
	struct span s;

	TRY(json_get_str(obj, "", key, &s, e));
	const char *copy = arena_printf(a, "%.*s", (int)s.n, (const char *)s.p);
	if (!copy)
		return err_at(e, ERR_MEMORY, NULL, "%s", key);
	*out = copy;
	return RC_OK;
}

static rc
at_key(rc r, const char *key, struct err *e)
{
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", key);
}

rc
field_bytes(const json_t *obj, const char *key, struct arena *a,
    struct span *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(obj, "", key, &s, e));
	return at_key(base64url_decode(s, a, out), key, e);
}

rc
field_uuid(const json_t *obj, const char *key, struct uuid *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(obj, "", key, &s, e));
	return at_key(uuid_parse(s, out), key, e);
}

rc
field_time(const json_t *obj, const char *key, int64_t *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(obj, "", key, &s, e));
	return at_key(time_parse(s, out), key, e);
}
