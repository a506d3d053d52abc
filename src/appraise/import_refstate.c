/* SPDX-License-Identifier: Apache-2.0 */
/* Keylime's reference state for measured boot. */
#include "appraise/import.h"

#include "base/text.h"
#include "decode/evlog.h"

#include <ctype.h>
#include <stdio.h>

#define STAGES 3

struct refstate {
	struct import *i;
	const char *source;
	const json_t *doc;
	bool secure;	       /* has_secureboot */
	json_t *lines;	       /* of "cmdline"; borrowed from the policy */
	json_t *stage[STAGES]; /* "accept" of shim, GRUB and kernel, or NULL */
	size_t other;	       /* entries of dbx of a kind not known */
};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "refstate");
}

static rc
wrong(struct err *e, const char *what)
{
	return err_text(e, ERR_IMPORT_FORMAT, "refstate",
	    "Not as a reference state of Keylime has it: %.200s.", what);
}

static void
note_member(struct refstate *r, const char *name, const char *why)
{
	import_note(
	    r->i, "%s: %.80s is not translated%s", r->source, name, why);
}

/* "0x" and hex. */
static rc
decode_hex(struct refstate *r, const json_t *v, struct span *out, struct err *e)
{
	const char *text = json_string_value(v);

	if (!text || strncmp(text, "0x", 2) != 0 || !text[2])
		return wrong(e, "a value is \"0x\" and hex digits");
	rc got = hex_decode_any(span_str(text + 2), r->i->a, out);
	if (got.code == ERR_ENCODING)
		return wrong(e, "a value is \"0x\" and hex digits");
	return rc_ok(got) ? got : memory(e);
}

/* --- keys ----------------------------------------------------------------- */

static rc
signature(struct refstate *r, const json_t *list, size_t k, struct span *data,
    struct err *e)
{
	const json_t *v = json_array_get(list, k);

	if (!json_is_object(v))
		return wrong(e, "a key is an object");
	return decode_hex(r, json_object_get(v, "SignatureData"), data, e);
}

/* How a policy knows an entry: a digest by itself, else by its SHA-256. */
static rc
known(struct refstate *r, struct span data, char hex[65], struct err *e)
{
	uint8_t digest[32];

	if (data.n == sizeof(digest)) {
		hex_emit(data, hex);
		return RC_OK;
	}
	rc got = hash_of(r->i->hasher, ALG_SHA256, data, digest);
	if (!rc_ok(got))
		return err_at(e, got.code, NULL, "refstate");
	hex_emit(span_of(digest, sizeof(digest)), hex);
	return RC_OK;
}

/* pk, kek and db: nothing else may stand there, as Keylime has it. */
static rc
take_keys(struct refstate *r, json_t *sb, const char *name, struct err *e)
{
	const json_t *list = json_object_get(r->doc, name);
	json_t *to = import_member(sb, name, json_array);
	struct span data = {NULL, 0};
	char hex[65];

	if (!json_is_array(list))
		return wrong(e, "pk, kek, db and dbx are lists");
	if (!to)
		return memory(e);
	import_forget(to, r->source);
	for (size_t k = 0; k < json_array_size(list); k++) {
		TRY(signature(r, list, k, &data, e));
		TRY(known(r, data, hex, e));
		json_t *entry =
		    json_pack("{s:s, s:s}", "sha256", hex, "source", r->source);
		if (json_array_append_new(to, entry) != 0)
			return memory(e);
	}
	return RC_OK;
}

/* A digest is of an image; the DER of a certificate begins as such. */
static rc
add_revoked(struct refstate *r, json_t *group, struct span data, struct err *e)
{
	bool certificate = data.n > 4 && data.p[0] == 0x30 && data.p[1] == 0x82;
	char hex[65];

	if (data.n != 32 && !certificate) {
		r->other++;
		return RC_OK;
	}
	json_t *list = import_member(
	    group, data.n == 32 ? "images" : "certificates", json_array);
	TRY(known(r, data, hex, e));
	return list && json_array_append_new(list, json_string(hex)) == 0
		   ? RC_OK
		   : memory(e);
}

static rc
fill_dbx(struct refstate *r, json_t *group, struct err *e)
{
	const json_t *list = json_object_get(r->doc, "dbx");
	struct span data = {NULL, 0};

	if (!json_is_array(list))
		return wrong(e, "pk, kek, db and dbx are lists");
	for (size_t k = 0; k < json_array_size(list); k++) {
		TRY(signature(r, list, k, &data, e));
		TRY(add_revoked(r, group, data, e));
	}
	return RC_OK;
}

static rc
take_dbx(struct refstate *r, json_t *sb, struct err *e)
{
	JSON_AUTO group = json_pack("{s:s}", "source", r->source);
	json_t *groups = import_member(sb, "dbx", json_array);

	if (!group || !groups)
		return memory(e);
	import_forget(groups, r->source);
	TRY(fill_dbx(r, group, e));
	if (r->other)
		import_note(r->i,
		    "%s: %zu entries of dbx are neither digest nor "
		    "certificate and not translated.",
		    r->source, r->other);
	if (json_object_size(group) > 1 && json_array_append(groups, group))
		return memory(e);
	return json_array_size(groups) || json_object_del(sb, "dbx") == 0
		   ? RC_OK
		   : memory(e);
}

static rc
take_secure_boot(struct refstate *r, struct err *e)
{
	static const char *const keys[] = {"pk", "kek", "db"};
	bool there = json_has(r->i->doc, "secure_boot");
	json_t *sb = import_member(r->i->doc, "secure_boot", json_object);

	if (!sb || (!there && json_object_set_new(
				  sb, "required", json_boolean(r->secure))))
		return memory(e);
	if (r->secure && !json_is_true(json_object_get(sb, "required")))
		note_member(r, "has_secureboot",
		    ": the policy says that Secure Boot is not required, and "
		    "says so still.");
	if (!r->secure)
		note_member(r, "has_secureboot",
		    ": a policy cannot ask that Secure Boot is off.");
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		/* Without Secure Boot, no key there means any. */
		if (r->secure ||
		    json_array_size(json_object_get(r->doc, keys[k])))
			TRY(take_keys(r, sb, keys[k], e));
	}
	note_member(r, "SignatureOwner", ": an entry is known by its content.");
	return take_dbx(r, sb, e);
}

/* --- kernels -------------------------------------------------------------- */

/* The line that the expression spells; NULL where it takes more than one. */
static const char *
line_of(struct refstate *r, const char *re)
{
	size_t n = strlen(re);
	char *out = arena_alloc(r->i->a, n + 1);
	size_t to = 0;

	for (size_t k = 0; out && k < n; k++) {
		if (re[k] == '$' && k + 1 == n)
			break;
		bool escaped = re[k] == '\\';
		k += escaped;
		if (re[k] < 0x20 || re[k] > 0x7e ||
		    (escaped && isalnum((unsigned char)re[k])) ||
		    (!escaped && strchr(".^$*+?{}[]|()", re[k])))
			return NULL;
		out[to++] = re[k];
	}
	return to ? out : NULL;
}

static rc
take_line(struct refstate *r, const char *re, struct err *e)
{
	const char *text = line_of(r, re);

	if (!text) {
		import_note(r->i,
		    "%s: the command line \"%.200s\" is not translated: it is "
		    "not one line of printable characters.",
		    r->source, re);
		return RC_OK;
	}
	if (!r->lines) {
		json_t *cmdline =
		    import_member(r->i->doc, "cmdline", json_object);
		r->lines = cmdline ? import_member(cmdline, "lines", json_array)
				   : NULL;
	}
	json_t *line =
	    json_pack("{s:s, s:s}", "text", text, "source", r->source);
	for (size_t k = 0; k < json_array_size(r->lines); k++)
		if (line && json_equal(line, json_array_get(r->lines, k))) {
			json_free(line);
			return RC_OK;
		}
	return json_array_append_new(r->lines, line) == 0 ? RC_OK : memory(e);
}

static bool
is_application(const json_t *rule)
{
	static const char name[] = "EV_EFI_BOOT_SERVICES_APPLICATION";
	const json_t *type = json_object_get(rule, "type");
	const char *text = json_string_value(type);

	return text ? strcmp(text, name) == 0
		    : json_integer_value(type) ==
			  EV_EFI_BOOT_SERVICES_APPLICATION;
}

/* Where the policy has as many applications in PCR 4 as Keylime expects, the
 * accepted values of each, without what the same file added before. */
static void
find_stages(struct refstate *r)
{
	const json_t *pcr4 =
	    json_object_get(json_object_get(r->i->doc, "boot"), "4");
	const json_t *events = json_object_get(pcr4, "events");
	size_t want = r->secure ? STAGES : STAGES - 1;
	size_t n = 0;

	for (size_t k = 0; k < json_array_size(events); k++) {
		const json_t *rule = json_array_get(events, k);
		if (!is_application(rule))
			continue;
		if (n < want)
			r->stage[n] = json_object_get(rule, "accept");
		n++;
	}
	for (size_t k = 0; k < STAGES; k++)
		r->stage[k] = n == want ? r->stage[k] : NULL;
	if (n == want)
		import_note(r->i,
		    "%s: any of its shims may start any of its GRUBs, and "
		    "these any of its kernels.",
		    r->source);
	else
		note_member(r, "the order of shim, GRUB and kernel",
		    ": boot.4 has no event rules for just them; import into a "
		    "policy that was learned.");
}

/* One golden value, once. */
static rc
take_stage(struct refstate *r, const json_t *kernel, const char *name,
    json_t *accept, struct err *e)
{
	struct span digest = {NULL, 0};
	char hex[65];

	TRY(decode_hex(r, json_object_get(kernel, name), &digest, e));
	if (digest.n != 32)
		return wrong(e, "a digest of an image is SHA-256");
	if (!accept)
		return RC_OK;
	hex_emit(digest, hex);
	for (size_t k = 0; k < json_array_size(accept); k++) {
		const char *have = json_string_value(
		    json_object_get(json_array_get(accept, k), "sha256"));
		if (have && strcmp(have, hex) == 0)
			return RC_OK;
	}
	json_t *value =
	    json_pack("{s:s, s:s}", "sha256", hex, "source", r->source);
	return json_array_append_new(accept, value) == 0 ? RC_OK : memory(e);
}

static int
stage_of(const struct refstate *r, const char *name)
{
	static const char *const names[STAGES] = {"shim_authcode_sha256",
	    "grub_authcode_sha256", "kernel_authcode_sha256"};

	for (int k = 0; k < (r->secure ? STAGES : STAGES - 1); k++)
		if (strcmp(names[k], name) == 0)
			return k;
	return -1;
}

static rc
take_kernel(struct refstate *r, const json_t *kernel, struct err *e)
{
	const char *name;
	json_t *v;

	if (!json_is_object(kernel))
		return wrong(e, "kernels is a list of objects");
	json_object_foreach((json_t *)(uintptr_t)kernel, name, v)
	{
		int stage = stage_of(r, name);
		if (stage >= 0)
			TRY(take_stage(r, kernel, name, r->stage[stage], e));
		else if (strcmp(name, "kernel_cmdline") != 0)
			note_member(r, name,
			    ": what GRUB measures is learned from a golden "
			    "boot.");
		else if (json_is_string(v))
			TRY(take_line(r, json_string_value(v), e));
		else
			return wrong(e, "kernel_cmdline is a string");
	}
	return RC_OK;
}

static rc
take_kernels(struct refstate *r, struct err *e)
{
	const json_t *list = json_object_get(r->doc, "kernels");

	if (!json_is_array(list))
		return wrong(e, "kernels is a list of objects");
	import_forget(
	    json_object_get(json_object_get(r->i->doc, "cmdline"), "lines"),
	    r->source);
	find_stages(r);
	for (size_t k = 0; k < STAGES; k++)
		import_forget(r->stage[k], r->source);
	for (size_t k = 0; k < json_array_size(list); k++)
		TRY(take_kernel(r, json_array_get(list, k), e));
	return RC_OK;
}

/* --- the whole ------------------------------------------------------------ */

static void
note_rest(struct refstate *r)
{
	static const char *const taken[] = {
	    "has_secureboot", "pk", "kek", "db", "dbx", "kernels", NULL};
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)r->doc, name, v)
	{
		size_t k = 0;
		while (taken[k] && strcmp(taken[k], name) != 0)
			k++;
		if (!taken[k] && !(json_is_array(v) && !json_array_size(v)))
			note_member(r, name,
			    ": its PCR is learned from a golden boot.");
	}
}

rc
import_refstate(
    struct import *i, struct span file, const char *source, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct refstate r = {.i = i, .source = source};
	struct err at = {0};

	rc got = json_decode(file, LIMIT_POLICY, &doc, &at);
	if (got.code == ERR_MEMORY)
		return memory(e);
	if (!rc_ok(got))
		return wrong(e, at.text);
	const json_t *secure = json_object_get(doc, "has_secureboot");
	if (!json_is_object(doc) || !json_has(doc, "scrtm_and_bios"))
		return wrong(e, "there are scrtm_and_bios and kernels");
	if (secure && !json_is_boolean(secure))
		return wrong(e, "has_secureboot is true or false");
	r.doc = doc;
	r.secure = !json_is_false(secure);
	TRY(take_secure_boot(&r, e));
	TRY(take_kernels(&r, e));
	note_rest(&r);
	return RC_OK;
}
