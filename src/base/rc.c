/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct row {
	const char *name;
	enum err_class cls;
	enum err_effect effect;
	int http;
	const char *en;
	const char *ja;
};

static const struct row rows[ERR_COUNT] = {
    [ERR_OK] = {"ok", CLS_OURS, EFF_NONE, 200, "No error.", "正常です。"},
#define X(id, name, cls, effect, http, en, ja)                                 \
	[ERR_##id] = {name, CLS_##cls, EFF_##effect, http, en, ja},
#include "base/err.def"
#undef X
};

static const char *const class_names[] = {
    [CLS_TAMPER] = "tamper-suspected",
    [CLS_CHANGE] = "unapproved-change",
    [CLS_MISCONFIG] = "misconfiguration",
    [CLS_UNKNOWN] = "unknown-measurement",
    [CLS_PROTOCOL] = "protocol-error",
    [CLS_STALE] = "stale",
    [CLS_NOPOLICY] = "no-policy",
    [CLS_OPERATOR] = "operator-error",
    [CLS_OURS] = "verifier-error",
};

rc
err_at(struct err *e, enum err_code code, const char *text,
    const char *path_fmt, ...)
{
	va_list ap;

	if (!e)
		return (rc){code};
	e->code = code;
	snprintf(e->text, sizeof(e->text), "%s", text ? text : "");
	va_start(ap, path_fmt);
	vsnprintf(e->path, sizeof(e->path), path_fmt, ap);
	va_end(ap);
	return (rc){code};
}

rc
err_text(
    struct err *e, enum err_code code, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return (rc){code};
	e->code = code;
	snprintf(e->path, sizeof(e->path), "%s", path);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return (rc){code};
}

rc
err_prefix(struct err *e, rc r, const char *prefix)
{
	char old[sizeof(e->path)];

	if (rc_ok(r) || !e)
		return r;
	memcpy(old, e->path, sizeof(old));
	snprintf(e->path, sizeof(e->path), "%s%.*s", prefix,
	    (int)(sizeof(old) - 1), old);
	return r;
}

const char *
err_name(enum err_code code)
{
	return rows[code].name;
}

enum err_code
err_by_name(const char *name)
{
	for (int i = 1; i < ERR_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum err_code)i;
	return ERR_OK;
}

enum err_class
err_class(enum err_code code)
{
	return rows[code].cls;
}

const char *
err_class_name(enum err_code code)
{
	return class_names[rows[code].cls];
}

enum err_effect
err_effect(enum err_code code)
{
	return rows[code].effect;
}

int
err_http(enum err_code code)
{
	return rows[code].http;
}

const char *
err_sentence(enum err_code code, const char *lang)
{
	return lang && strcmp(lang, "ja") == 0 ? rows[code].ja : rows[code].en;
}
