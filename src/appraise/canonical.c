/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling of a policy document for hashing, one for reading. */
#include "appraise/rules.h"

#include "base/text.h"

#include <stdlib.h>

enum { KEYS_MAX = 64 };

/* The order of the manual; keys that are not here follow, sorted. */
static const char *const reading_order[] = {
    "akashi_policy",
    "name",
    "version",
    "description",
    "source",
    "base",
    "hash",
    "replaces",
    "class",
    "mode",
    "severity",
    "waivers",
    "valid_for",
    "interval",
    "regions",
    "pcrs",
    "secure_boot",
    "firmware",
    "windows",
    "boot",
    "log",
    "cmdline",
    "uki",
    "tpm",
    "userspace",
    "ima",
    /* userspace */
    "required",
    "os_separator",
    "phases",
    "after_ready",
    "records",
    "phase",
    /* rules */
    "type",
    "pcr",
    "layer",
    "optional",
    "repeat",
    "values",
    "events",
    "any",
    "opaque",
    "accept",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "bound",
    "text",
    /* log */
    "exceptions",
    "after_separator",
    "require_ebs",
    "boot_attempts",
    "sections",
    "addons",
    /* waivers */
    "code",
    "path",
    "pcr",
    "owner",
    "approver",
    "reason",
    "expires",
    /* cmdline */
    "others",
    "tokens",
    "required",
    "forbidden",
    "flag",
    "lines",
    "digests",
    /* tpm */
    "classes",
    "manufacturers",
    "firmware",
    "manufacturer",
    "min",
    "keys",
    "hashes",
    "accepted_advisories",
    "advisories",
    "physical_advisories",
    "max_delay",
    "delayed",
    /* secure_boot */
    "deployed_mode",
    "pk",
    "kek",
    "db",
    "authorities",
    "dbx",
    "sbat",
    "mok",
    "svn",
    "golden",
    "missing",
    "images",
    "certificates",
    "minimum",
    /* ima */
    "templates",
    "violations",
    "other_path",
    "weak_digests",
    "kexec",
    "boot_aggregate",
    "policy",
    "exclude",
    "by_digest",
    "deny",
    "keyring",
    "certificate",
    "globs",
    "allow",
    "digest",
    "glob",
    "refset",
    "digests",
    "files",
};

struct emitter {
	struct jw w;
	bool reading;
	bool failed;
};

static int
by_bytes(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

static int
rank(const char *key)
{
	enum { N = sizeof(reading_order) / sizeof(reading_order[0]) };

	for (int i = 0; i < N; i++)
		if (strcmp(reading_order[i], key) == 0)
			return i;
	return N;
}

/* PCR numbers as numbers, other keys by the table. */
static int
for_reading(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;
	uint64_t i, j;
	int d = rank(*x) - rank(*y);

	if (d)
		return d;
	if (number_parse(span_str(*x), LIMIT_PCRS, &i) &&
	    number_parse(span_str(*y), LIMIT_PCRS, &j))
		return i < j ? -1 : i > j;
	return strcmp(*x, *y);
}

static void emit(struct emitter *m, const json_t *v);

static void
emit_object(struct emitter *m, const json_t *v, bool root)
{
	const char *keys[KEYS_MAX];
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)v, key, value)
	{
		bool label =
		    strcmp(key, "name") == 0 || strcmp(key, "version") == 0;
		if (n == KEYS_MAX)
			m->failed = true;
		else if (!root || m->reading || !label)
			keys[n++] = key;
	}
	qsort(keys, n, sizeof(keys[0]), m->reading ? for_reading : by_bytes);
	jw_object(&m->w);
	for (size_t i = 0; i < n; i++) {
		jw_key(&m->w, keys[i]);
		emit(m, json_object_get(v, keys[i]));
	}
	jw_object_end(&m->w);
}

static void
emit_array(struct emitter *m, const json_t *v)
{
	size_t n = json_array_size(v);
	bool pretty = m->w.pretty;

	/* Lists of PCRs stay on one line. */
	if (n && json_is_integer(json_array_get(v, 0)))
		m->w.pretty = false;
	jw_array(&m->w);
	for (size_t i = 0; i < n; i++)
		emit(m, json_array_get(v, i));
	jw_array_end(&m->w);
	m->w.pretty = pretty;
}

static void
emit(struct emitter *m, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		emit_object(m, v, false);
		break;
	case JSON_ARRAY:
		emit_array(m, v);
		break;
	case JSON_STRING:
		jw_span(&m->w,
		    span_of(json_string_value(v), json_string_length(v)));
		break;
	case JSON_INTEGER:
		jw_i64(&m->w, json_integer_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		jw_bool(&m->w, json_is_true(v));
		break;
	case JSON_REAL:
		m->failed = true;
		break;
	case JSON_NULL:
	default:
		jw_null(&m->w);
	}
}

static bool
emit_root(const json_t *doc, struct buf *out, bool reading)
{
	struct emitter m = {.w = jw_over(out), .reading = reading};

	m.w.pretty = reading;
	emit_object(&m, doc, true);
	return !m.failed && !out->failed;
}

bool
canonical_emit(const json_t *doc, struct buf *out)
{
	return emit_root(doc, out, false);
}

bool
canonical_pretty(const json_t *doc, struct buf *out)
{
	return emit_root(doc, out, true);
}

bool
canonical_value(const json_t *v, struct buf *out)
{
	struct emitter m = {.w = jw_over(out)};

	emit(&m, v);
	return !m.failed && !out->failed;
}
