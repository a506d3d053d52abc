/* SPDX-License-Identifier: Apache-2.0 */
/* Updates of dbx and SBAT levels. */
#include "appraise/import.h"

#include "base/text.h"
#include "decode/efi_sig.h"
#include "decode/sbat.h"

#include <stdlib.h>

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "secure_boot");
}

/* A member of an object, made where there is none; borrowed. */
static json_t *
member(json_t *obj, const char *key, json_t *(*make)(void))
{
	json_t *have = json_object_get(obj, key);

	if (have || json_object_set_new(obj, key, make()) != 0)
		return have;
	return json_object_get(obj, key);
}

static rc
secure_boot(struct import *i, json_t **out, struct err *e)
{
	bool there = json_has(i->doc, "secure_boot");
	json_t *sb = member(i->doc, "secure_boot", json_object);

	if (!sb ||
	    (!there && json_object_set_new(sb, "required", json_false()) != 0))
		return memory(e);
	if (!there)
		import_note(i, "The policy says nothing about Secure Boot; it "
			       "is judged by what was imported and not "
			       "required.");
	*out = sb;
	return RC_OK;
}

/* --- dbx ------------------------------------------------------------------ */

struct entries {
	json_t *images;
	json_t *certificates;
	size_t other[SIG_KINDS];
	struct efi_svn svn[8]; /* the highest of each application */
	bool svn_seen[8];
};

static rc
add_digest(json_t *list, const uint8_t sha256[32], struct err *e)
{
	char hex[65];

	hex_emit(span_of(sha256, 32), hex);
	return json_array_append_new(list, json_string(hex)) == 0 ? RC_OK
								  : memory(e);
}

static void
see_svn(struct entries *n, const struct efi_svn *svn)
{
	struct efi_svn *to = &n->svn[svn->app];

	if (!n->svn_seen[svn->app] || svn->major > to->major ||
	    (svn->major == to->major && svn->minor > to->minor))
		*to = *svn;
	n->svn_seen[svn->app] = true;
}

static rc
add_entry(struct import *i, struct entries *n, const struct efi_sig *sig,
    struct err *e)
{
	uint8_t sha256[32];
	struct efi_svn svn;

	if (efi_sig_svn(sig, &svn)) {
		see_svn(n, &svn);
		return RC_OK;
	}
	if (sig->kind == SIG_SHA256 && sig->data.n == 32)
		return add_digest(n->images, sig->data.p, e);
	if (sig->kind != SIG_X509) {
		n->other[sig->kind]++;
		return RC_OK;
	}
	rc r = hash_of(i->hasher, ALG_SHA256, sig->data, sha256);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "dbx");
	return add_digest(n->certificates, sha256, e);
}

/* A group of the same source is replaced. */
static rc
put_group(
    json_t *groups, const struct entries *n, const char *source, struct err *e)
{
	json_t *group = json_object();

	for (size_t i = json_array_size(groups); i-- > 0;) {
		const char *have = json_string_value(
		    json_object_get(json_array_get(groups, i), "source"));
		if (have && strcmp(have, source) == 0)
			json_array_remove(groups, i);
	}
	if (json_object_set_new(group, "source", json_string(source)) != 0 ||
	    (json_array_size(n->images) &&
		json_object_set(group, "images", n->images) != 0) ||
	    (json_array_size(n->certificates) &&
		json_object_set(group, "certificates", n->certificates) != 0)) {
		json_free(group);
		return memory(e);
	}
	return json_array_append_new(groups, group) == 0 ? RC_OK : memory(e);
}

static rc
put_svns(struct import *i, json_t *sb, const struct entries *n, struct err *e)
{
	for (unsigned app = 0; efi_svn_app(app); app++) {
		if (!n->svn_seen[app])
			continue;
		json_t *svn = member(sb, "svn", json_object);
		const char *text = arena_printf(
		    i->a, "%u.%u", n->svn[app].major, n->svn[app].minor);
		if (!svn || !text ||
		    json_object_set_new(
			svn, efi_svn_app(app), json_string(text)) != 0)
			return memory(e);
	}
	return RC_OK;
}

static rc
put_entries(struct import *i, const struct entries *n, const char *source,
    struct err *e)
{
	json_t *sb = NULL;

	TRY(secure_boot(i, &sb, e));
	if (json_array_size(n->images) || json_array_size(n->certificates)) {
		json_t *groups = member(sb, "dbx", json_array);
		if (!groups)
			return memory(e);
		TRY(put_group(groups, n, source, e));
	}
	TRY(put_svns(i, sb, n, e));
	for (size_t k = 0; k < SIG_KINDS; k++)
		if (n->other[k])
			import_note(i,
			    "%s: %zu entries of type %s are not translated.",
			    source, n->other[k],
			    efi_sig_kind_name((enum efi_sig_kind)k));
	return RC_OK;
}

rc
import_dbx(
    struct import *i, struct span file, const char *source, struct err *e)
{
	JSON_AUTO images = json_array();
	JSON_AUTO certificates = json_array();
	struct entries n = {.images = images, .certificates = certificates};
	struct span lists;
	struct efi_sig sig;

	if (!efi_sigs_file(file, &lists))
		return err_at(e, ERR_IMPORT_FORMAT,
		    "The file is neither an update of dbx nor a list of "
		    "signatures (UEFI 2.10, 8.2.2 and 32.4.1).",
		    "dbx");
	struct efi_sigs all = efi_sigs_over(lists);
	while (efi_sigs_next(&all, &sig))
		TRY(add_entry(i, &n, &sig, e));
	import_note(i,
	    "%s: the signature of the update was not checked; take it from "
	    "where you trust it.",
	    source);
	return put_entries(i, &n, source, e);
}

/* --- SBAT ----------------------------------------------------------------- */

rc
import_sbat(
    struct import *i, struct span file, const char *source, struct err *e)
{
	json_t *sb = NULL;

	/* efivarfs puts 4 bytes of attributes first. */
	if (file.n > 4 && !sbat_valid(file))
		file = span_of(file.p + 4, file.n - 4);
	if (!sbat_valid(file))
		return err_at(e, ERR_IMPORT_FORMAT,
		    "An SBAT level is lines \"component,generation\", the "
		    "first of them \"sbat,1,YYYYMMDDHH\".",
		    "sbat");
	TRY(secure_boot(i, &sb, e));
	const char *before = json_string_value(
	    json_object_get(json_object_get(sb, "sbat"), "minimum"));
	if (before && sbat_datestamp(span_str(before)) > sbat_datestamp(file))
		import_note(i,
		    "WARNING: %s is an older level than the policy had.",
		    source);
	json_t *sbat = json_pack(
	    "{s:s%, s:s}", "minimum", file.p, file.n, "source", source);
	return json_object_set_new(sb, "sbat", sbat) == 0 ? RC_OK : memory(e);
}
