/* SPDX-License-Identifier: Apache-2.0 */
/* Keylime's runtime policies and the allow lists before them. */
#include "appraise/import.h"

#include "appraise/rules.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

struct runtime {
	struct import *i;
	const char *source;
	struct import_files files;
	json_t *exclude; /* borrowed from the document */
	json_t *keyring;
};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "keylime");
}

static rc
wrong(struct err *e, const char *what)
{
	return err_text(e, ERR_IMPORT_FORMAT, "keylime",
	    "Not as a runtime policy of Keylime has it: %.200s.", what);
}

static void
note_member(struct runtime *r, const char *name, const char *why)
{
	import_note(r->i, "%s: %s is not translated%s", r->source, name, why);
}

/* An object of this list with one text and the source. */
static rc
append(json_t *list, const char *key, const char *text, const char *source,
    struct err *e)
{
	json_t *obj = json_pack("{s:s, s:s}", key, text, "source", source);

	return json_array_append_new(list, obj) == 0 ? RC_OK : memory(e);
}

/* --- digests -------------------------------------------------------------- */

static rc
add_hex(struct runtime *r, struct span hex, struct span path, struct err *e)
{
	const struct hash_alg *alg = hex.n % 2 ? NULL : sum_alg(hex.n / 2);
	uint8_t digest[HASH_MAX];

	if (!alg || !rc_ok(hex_decode(hex, digest, alg->size)))
		return wrong(e, "a digest is hex of a known length");
	return import_files_add(&r->files, alg, digest, path, e);
}

static rc
add_path(struct runtime *r, const char *path, const json_t *list, struct err *e)
{
	if (strcmp(path, "boot_aggregate") == 0) {
		note_member(r, path, ": the boot PCRs say what it has to be.");
		return RC_OK;
	}
	if (!json_is_array(list))
		return wrong(e, "a path has a list of digests");
	for (size_t k = 0; k < json_array_size(list); k++) {
		const json_t *v = json_array_get(list, k);
		if (!json_is_string(v))
			return wrong(e, "a digest is a string");
		TRY(add_hex(
		    r, span_str(json_string_value(v)), span_str(path), e));
	}
	return RC_OK;
}

static rc
take_paths(struct runtime *r, const json_t *map, struct err *e)
{
	const char *path;
	json_t *list;

	if (!json_is_object(map))
		return wrong(e, "digests are an object");
	json_object_foreach((json_t *)(uintptr_t)map, path, list)
	    TRY(add_path(r, path, list, e));
	return RC_OK;
}

/* Names of keyrings and buffers stand where files have their path. */
static rc
take_names(struct runtime *r, const json_t *map, struct err *e)
{
	size_t relative = r->files.relative;

	TRY(take_paths(r, map, e));
	r->files.relative = relative;
	return RC_OK;
}

/* --- excludes ------------------------------------------------------------- */

/* The glob that takes just the paths that begin as Python's re.match() of this
 * expression asks; false if there is none. A blank is none of them: a glob's
 * blank takes an underscore. `out` has room for n + 3 bytes. */
static bool
glob_of(const char *re, size_t n, char *out)
{
	size_t to = 0;
	bool whole = false;

	for (size_t k = re[0] == '^'; k < n; k++) {
		char c = re[k];
		if (c == '.' && strcmp(re + k, ".*") == 0)
			break;
		whole = c == '$' && k + 1 == n;
		if (whole)
			break;
		if (c == '\\' &&
		    (!ispunct((unsigned char)re[++k]) || strchr("*?", re[k])))
			return false;
		if (c != '\\' && strchr(".^$*+?{}[]|() ", c))
			return false;
		out[to++] = re[k];
	}
	snprintf(out + to, 3, "%s", whole ? "" : "**");
	return true;
}

static rc
take_exclude(struct runtime *r, const char *re, struct err *e)
{
	size_t n = strlen(re);
	char *glob = arena_alloc(r->i->a, n + 3);

	if (!glob)
		return memory(e);
	bool exact = glob_of(re, n, glob);
	if (exact && strlen(glob) <= GLOB_MAX && *glob &&
	    !ima_rules_takes_all(glob))
		return append(r->exclude, "glob", glob, r->source, e);
	import_note(r->i, "%s: the exclude \"%.200s\" is not translated: %s.",
	    r->source, re,
	    exact ? "it would take every path, or none"
		  : "no glob takes just the same paths");
	return RC_OK;
}

static rc
take_excludes(struct runtime *r, const json_t *list, struct err *e)
{
	if (!json_is_array(list))
		return wrong(e, "excludes are a list");
	for (size_t k = 0; k < json_array_size(list); k++) {
		const json_t *v = json_array_get(list, k);
		if (!json_is_string(v))
			return wrong(e, "an exclude is a string");
		TRY(take_exclude(r, json_string_value(v), e));
	}
	return RC_OK;
}

/* --- keys ----------------------------------------------------------------- */

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static rc
take_certificate(struct runtime *r, struct span pem, struct err *e)
{
	struct file_key *key = NULL;
	rc got = file_key_from_cert(pem, &key, NULL);

	if (got.code == ERR_ENCODING) {
		note_member(r, "a certificate",
		    ": its key is not RSA 2048, P-256 or stronger.");
		return RC_OK;
	}
	if (!rc_ok(got))
		return memory(e);
	const char *der = base64url_string(r->i->a, file_key_der(key));
	file_key_free(key);
	return der ? append(r->keyring, "certificate", der, r->source, e)
		   : memory(e);
}

static rc
take_keys(struct runtime *r, const json_t *v, struct err *e)
{
	const char *text = json_string_value(v);
	const char *at = text ? strstr(text, PEM_BEGIN) : NULL;

	if (text && !*text)
		return RC_OK;
	if (!at)
		note_member(r, "verification-keys",
		    ": bare public keys; name their certificates with policy "
		    "learn --ima-keyring.");
	while (at) {
		const char *end = strstr(at, PEM_END);
		if (!end)
			return wrong(e, "a certificate does not end");
		end += strlen(PEM_END);
		TRY(take_certificate(r, span_of(at, (size_t)(end - at)), e));
		at = strstr(end, PEM_BEGIN);
	}
	return RC_OK;
}

/* --- the document --------------------------------------------------------- */

static bool
says_nothing(const json_t *v)
{
	return json_is_null(v) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0);
}

static rc
take_ima(struct runtime *r, const json_t *ima, struct err *e)
{
	const char *key;
	json_t *v;

	if (!json_is_object(ima))
		return wrong(e, "ima is an object");
	json_object_foreach((json_t *)(uintptr_t)ima, key, v)
	{
		char name[100];
		snprintf(name, sizeof(name), "ima.%.80s", key);
		if (!says_nothing(v))
			note_member(r, name,
			    strcmp(key, "log_hash_alg") == 0
				? ": the list is replayed in the banks quoted."
				: ".");
	}
	return RC_OK;
}

static rc
take_meta(struct runtime *r, const json_t *meta, struct err *e)
{
	const json_t *version = json_object_get(meta, "version");

	(void)r;
	if (!version || json_integer_value(version) == 1)
		return RC_OK;
	return wrong(e, "meta.version is 1");
}

static const struct {
	const char *name;
	rc (*take)(struct runtime *r, const json_t *v, struct err *e);
} members[] = {
    {"meta", take_meta},
    {"digests", take_paths},
    {"hashes", take_paths},
    {"excludes", take_excludes},
    {"exclude", take_excludes},
    {"keyrings", take_names},
    {"ima-buf", take_names},
    {"ima", take_ima},
    {"verification-keys", take_keys},
};

static rc
take_member(struct runtime *r, const char *name, const json_t *v, struct err *e)
{
	for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++)
		if (strcmp(members[k].name, name) == 0)
			return members[k].take(r, v, e);
	if (!says_nothing(v)) {
		char shown[100];
		snprintf(shown, sizeof(shown), "%.80s", name);
		note_member(r, shown, ".");
	}
	return RC_OK;
}

static rc
take_json(struct runtime *r, struct span file, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct err at = {0};
	const char *name;
	json_t *v;

	rc got = json_decode(file, LIMIT_POLICY, &doc, &at);
	if (got.code == ERR_MEMORY)
		return memory(e);
	if (!rc_ok(got))
		return wrong(e, at.text);
	if (!json_has(doc, "digests") && !json_has(doc, "hashes"))
		return wrong(e, "there are \"digests\", or \"hashes\"");
	json_object_foreach(doc, name, v) TRY(take_member(r, name, v, e));
	return RC_OK;
}

/* --- lines ---------------------------------------------------------------- */

/* A digest, blanks, a path; or a line of sha256sum with an escaped name. */
static rc
take_line(struct runtime *r, struct span line, struct err *e)
{
	struct sum_line sum;
	size_t n = 0;
	size_t gap;

	if (line.p[0] == '\\') {
		rc got = sum_line_parse(line, r->i->a, &sum);
		if (got.code == ERR_MEMORY)
			return memory(e);
		if (!rc_ok(got))
			return wrong(e, "a line is a digest and a path");
		return import_files_add(
		    &r->files, sum.alg, sum.digest, sum.path, e);
	}
	while (n < line.n && isxdigit(line.p[n]))
		n++;
	for (gap = n; gap < line.n && isblank(line.p[gap]); gap++)
		;
	if (gap == n || gap == line.n)
		return wrong(e, "a line is a digest and a path");
	return add_hex(
	    r, span_of(line.p, n), span_of(line.p + gap, line.n - gap), e);
}

static rc
take_lines(struct runtime *r, struct span file, struct err *e)
{
	if (file.n == 0)
		return wrong(e, "a list has lines");
	if (file.p[file.n - 1] != '\n')
		import_note(r->i,
		    "WARNING: %s: the last line does not end; the list may be "
		    "cut.",
		    r->source);
	while (file.n) {
		const uint8_t *end = memchr(file.p, '\n', file.n);
		size_t n = end ? (size_t)(end - file.p) : file.n;
		if (n)
			TRY(take_line(r, span_of(file.p, n), e));
		n += end != NULL;
		file = span_of(file.p + n, file.n - n);
	}
	return RC_OK;
}

/* --- the whole ------------------------------------------------------------ */

/* Members that it adds to, without what it added before. */
static rc
begin(struct runtime *r, struct err *e)
{
	json_t *ima = import_member(r->i->doc, "ima", json_object);

	if (!ima)
		return memory(e);
	r->exclude = import_member(ima, "exclude", json_array);
	r->keyring = import_member(ima, "keyring", json_array);
	if (!r->exclude || !r->keyring)
		return memory(e);
	import_forget(r->exclude, r->source);
	import_forget(r->keyring, r->source);
	if (json_has(ima, "other_path"))
		return RC_OK;
	import_note(r->i,
	    "%s: an allowed digest at another path fails from here on, as for "
	    "Keylime (ima.other_path).",
	    r->source);
	return json_object_set_new(ima, "other_path", json_string("fail")) == 0
		   ? RC_OK
		   : memory(e);
}

static void
end(struct runtime *r)
{
	json_t *ima = json_object_get(r->i->doc, "ima");

	import_note(r->i, "%s: %zu globs and %zu keys in all.", r->source,
	    json_array_size(r->exclude), json_array_size(r->keyring));
	if (!json_array_size(r->exclude))
		json_object_del(ima, "exclude");
	if (!json_array_size(r->keyring))
		json_object_del(ima, "keyring");
}

rc
import_keylime(
    struct import *i, struct span file, const char *source, struct err *e)
{
	struct runtime r = {.i = i, .source = source};
	size_t blank = 0;

	while (blank < file.n && isspace(file.p[blank]))
		blank++;
	bool json = blank < file.n && file.p[blank] == '{';
	TRY(begin(&r, e));
	rc got = json ? take_json(&r, file, e) : take_lines(&r, file, e);
	if (rc_ok(got))
		got = import_files_put(i, &r.files, source, e);
	json_free(r.files.list);
	if (rc_ok(got))
		end(&r);
	return got;
}
