/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file through libconfig; the only door to it.
 *
 * libconfig 1.5 ends the process on some includes and wraps large integers
 * silently, so a scan over the text refuses both before it sees a byte.
 */
#include "conf/schema.h"

#include <errno.h>
#include <stdio.h>

#include <libconfig.h>

enum { FILE_MAX = 512 * 1024, DIGITS_MAX = 9 };

/* The file's text in the arena; NULL after a failure. */
static char *
load_text(const char *path, struct arena *a, struct err *e)
{
	FILE *f = fopen(path, "rbe");

	if (!f) {
		err_text(e, ERR_FILE, path, "Cannot be opened: %s.",
		    strerror(errno));
		return NULL;
	}
	char *text = arena_alloc(a, FILE_MAX + 1);
	size_t n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	bool bad = ferror(f) || n > FILE_MAX || (n && memchr(text, 0, n));
	fclose(f);
	if (!text)
		err_at(e, ERR_MEMORY, NULL, "%s", path);
	else if (bad)
		err_text(e, ERR_FILE, path,
		    "Cannot be read as a configuration file: it is a folder, "
		    "too large, or holds a NUL.");
	return bad ? NULL : text;
}

/* The character after a comment or string that starts at p, else p. */
static const char *
skip(const char *p)
{
	if (p[0] == '#' || (p[0] == '/' && p[1] == '/'))
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		const char *end = strstr(p + 2, "*/");
		return end ? end + 2 : p + strlen(p);
	}
	if (p[0] != '"')
		return p;
	for (p++; *p && *p != '"'; p++)
		if (p[0] == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static int
line_of(const char *text, const char *p)
{
	int line = 1;

	for (; text < p; text++)
		line += *text == '\n';
	return line;
}

/* libconfig looks for @include at the start of any line, even inside a
 * string. */
static const char *
include_line(const char *text)
{
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *word = p + strspn(p, " \t\r");
		if (strncmp(word, "@include", 8) == 0)
			return word;
	}
	return NULL;
}

static rc
scan(const char *path, const char *text, struct err *e)
{
	const char *bad = include_line(text);

	if (bad)
		return err_at(e, ERR_CONFIG,
		    "@include is not taken; put files into the .d folder.",
		    "%s:%d", path, line_of(text, bad));
	for (const char *p = text; *p;) {
		const char *next = skip(p);
		if (next != p) {
			p = next;
			continue;
		}
		if (strspn(p, "0123456789") > DIGITS_MAX)
			return err_at(e, ERR_CONFIG,
			    "A number has too many digits.", "%s:%d", path,
			    line_of(text, p));
		p++;
	}
	return RC_OK;
}

/* --- settings to raw values ----------------------------------------------- */

struct reading {
	struct conf *c;
	const char *path;
	struct err *e;
};

static rc
refuse(const struct reading *in, const config_setting_t *s, enum err_code code,
    const char *text)
{
	return err_at(in->e, code, text, "%s:%u", in->path,
	    (unsigned)config_setting_source_line(s));
}

static const char *
type_text(const config_setting_t *s, enum conf_kind kind, struct arena *a)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return kind == CONF_BOOL || kind == CONF_NUMBER
			   ? NULL
			   : arena_printf(
				 a, "%s", config_setting_get_string(s));
	case CONFIG_TYPE_BOOL:
		return kind != CONF_BOOL	    ? NULL
		       : config_setting_get_bool(s) ? "true"
						    : "false";
	case CONFIG_TYPE_INT:
		return kind != CONF_NUMBER
			   ? NULL
			   : arena_printf(a, "%d", config_setting_get_int(s));
	default:
		return NULL;
	}
}

static rc
take_list(
    const struct reading *in, const config_setting_t *s, struct conf_list *out)
{
	struct arena *a = &in->c->extra->arena;
	size_t n = (size_t)config_setting_length(s);
	const char **v = arena_array(a, n + 1, sizeof(*v));

	if (!v)
		return refuse(in, s, ERR_MEMORY, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *t = config_setting_get_string_elem(s, (int)i);
		v[i] = t ? arena_printf(a, "%s", t) : NULL;
		if (!v[i])
			return refuse(in, s, ERR_CONFIG,
			    "The list may hold strings only.");
	}
	*out = (struct conf_list){n, v};
	return RC_OK;
}

static rc
take_one(const struct reading *in, const config_setting_t *s,
    enum conf_kind kind, struct conf_list *out)
{
	struct arena *a = &in->c->extra->arena;
	const char *t = type_text(s, kind, a);
	const char **v = arena_alloc(a, sizeof(*v));

	if (!t || !v)
		return refuse(in, s, ERR_CONFIG,
		    kind == CONF_NUMBER ? "A number is expected, unquoted."
		    : kind == CONF_BOOL ? "true or false is expected, unquoted."
					: "A string in quotes is expected.");
	*v = t;
	*out = (struct conf_list){1, v};
	return RC_OK;
}

static rc
take(const struct reading *in, const config_setting_t *s, const char *section)
{
	struct arena *a = &in->c->extra->arena;
	const char *name = config_setting_name(s);
	const char *key = arena_printf(
	    a, "%s%s%s", section, *section ? "." : "", name ? name : "");
	const char *source = arena_printf(
	    a, "%s:%u", in->path, (unsigned)config_setting_source_line(s));

	if (!key || !source)
		return refuse(in, s, ERR_MEMORY, NULL);
	size_t row = conf_find(key);
	if (row == CONF_KEYS)
		return err_text(in->e, ERR_CONFIG_UNKNOWN_KEY, source,
		    "There is no key %.100s.", key);
	struct conf_list text = {0, NULL};
	bool list = config_setting_is_array(s) || config_setting_is_list(s);
	if (list && conf_rows[row].kind == CONF_LIST)
		TRY(take_list(in, s, &text));
	else
		TRY(take_one(in, s, conf_rows[row].kind, &text));
	if (conf_rows[row].kind == CONF_LIST && !list && !*text.v[0])
		text.n = 0;
	in->c->extra->raw[row] = (struct conf_raw){text, source};
	return RC_OK;
}

static rc
take_group(const struct reading *in, const config_setting_t *group)
{
	const char *section = config_setting_name(group);

	for (int i = 0; i < config_setting_length(group); i++)
		TRY(take(in, config_setting_get_elem(group, (unsigned)i),
		    section ? section : ""));
	return RC_OK;
}

static rc
take_root(const struct reading *in, const config_t *config)
{
	const config_setting_t *root = config_root_setting(config);

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *s =
		    config_setting_get_elem(root, (unsigned)i);
		TRY(config_setting_is_group(s) ? take_group(in, s)
					       : take(in, s, ""));
	}
	return RC_OK;
}

static rc
read_text(const struct reading *in, const char *text)
{
	config_t config;

	TRY(scan(in->path, text, in->e));
	config_init(&config);
	rc r = config_read_string(&config, text) == CONFIG_TRUE
		   ? take_root(in, &config)
		   : err_at(in->e, ERR_CONFIG, config_error_text(&config),
			 "%s:%d", in->path, config_error_line(&config));
	config_destroy(&config);
	return r;
}

rc
conf_read(struct conf *c, const char *path, struct err *e)
{
	struct reading in = {c, path, e};
	struct err failed = {.code = ERR_FILE};
	struct arena a;

	arena_init(&a, FILE_MAX + 4096);
	char *text = load_text(path, &a, &failed);
	if (!text) {
		arena_free(&a);
		if (e)
			*e = failed;
		return (rc){failed.code};
	}
	rc r = read_text(&in, text);
	/* It may hold a password. */
	explicit_bzero(text, strlen(text));
	arena_free(&a);
	return r;
}
