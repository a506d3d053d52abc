/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files as "ima.allow". */
#include "appraise/import.h"

#include "appraise/rules.h"

#include <stdlib.h>

enum {
	PATH_ROOM = 4096, /* what one line of a policy can carry */
	LINE_ROOM = LIMIT_IMA_PATH + 200,
};

json_t *
import_member(json_t *obj, const char *key, json_t *(*make)(void))
{
	json_t *fresh = make();
	json_t *have = json_object_get(obj, key);
	bool same = have && fresh && json_typeof(have) == json_typeof(fresh);

	if (!have && json_object_set(obj, key, fresh) == 0) {
		have = fresh;
		same = true;
	}
	json_free(fresh);
	return same ? have : NULL;
}

void
import_forget(json_t *list, const char *source)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const char *have = json_string_value(
		    json_object_get(json_array_get(list, i), "source"));
		if (have && strcmp(have, source) == 0)
			json_array_remove(list, i);
	}
}

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "ima.allow");
}

rc
import_files_add(struct import_files *f, const struct hash_alg *alg,
    const uint8_t *digest, struct span path, struct err *e)
{
	struct buf line = {0};
	int put = 0;

	if (!f->list && !(f->list = json_array()))
		return memory(e);
	if (alg->id == ALG_SHA1) {
		f->weak++;
		return RC_OK;
	}
	if (path.n > 0 && path.n <= PATH_ROOM)
		ima_rules_file(&line, alg, digest, path);
	if (line.n == 0 || line.n > LINE_ROOM)
		f->unnamed++;
	else
		put = json_array_append_new(
		    f->list, json_stringn(line.p, line.n));
	if (line.n && line.n <= LINE_ROOM && path.p[0] != '/')
		f->relative++;
	bool failed = put != 0 || line.failed;
	buf_free(&line);
	return failed ? memory(e) : RC_OK;
}

static void
note_files(struct import *i, const struct import_files *f, const char *source)
{
	import_note(
	    i, "%s: %zu files are allowed.", source, json_array_size(f->list));
	if (f->weak)
		import_note(i,
		    "%s: %zu SHA-1 digests are not translated: they prove "
		    "nothing about a file.",
		    source, f->weak);
	if (f->unnamed)
		import_note(i,
		    "%s: %zu files whose path is empty or too long are not "
		    "translated.",
		    source, f->unnamed);
	if (f->relative)
		import_note(i,
		    "WARNING: %s: %zu paths do not begin with a slash; a "
		    "measured file has its whole path.",
		    source, f->relative);
}

rc
import_files_put(struct import *i, const struct import_files *f,
    const char *source, struct err *e)
{
	json_t *ima = import_member(i->doc, "ima", json_object);
	json_t *allow = ima ? import_member(ima, "allow", json_array) : NULL;

	if (!allow)
		return memory(e);
	import_forget(allow, source);
	note_files(i, f, source);
	if (!json_array_size(f->list))
		return RC_OK;
	json_t *group =
	    json_pack("{s:s, s:O}", "source", source, "files", f->list);
	return json_array_append_new(allow, group) == 0 ? RC_OK : memory(e);
}

/* --- sha256sum ------------------------------------------------------------ */

static rc
add_sum(struct import *i, struct import_files *f, struct span line,
    size_t number, struct err *e)
{
	struct sum_line sum;

	rc r = sum_line_parse(line, i->a, &sum);
	if (r.code == ERR_MEMORY)
		return memory(e);
	if (!rc_ok(r))
		return err_text(e, ERR_IMPORT_FORMAT, "sums",
		    "Line %zu is not one of sha256sum: digest, two blanks, "
		    "path.",
		    number);
	return import_files_add(f, sum.alg, sum.digest, sum.path, e);
}

static rc
add_sums(
    struct import *i, struct import_files *f, struct span file, struct err *e)
{
	for (size_t number = 1; file.n; number++) {
		const uint8_t *end = memchr(file.p, '\n', file.n);
		size_t n = end ? (size_t)(end - file.p) : file.n;
		if (n)
			TRY(add_sum(i, f, span_of(file.p, n), number, e));
		n += end != NULL;
		file = span_of(file.p + n, file.n - n);
	}
	return RC_OK;
}

rc
import_sums(
    struct import *i, struct span file, const char *source, struct err *e)
{
	struct import_files f = {.list = NULL};

	if (file.n == 0)
		return err_at(e, ERR_IMPORT_FORMAT,
		    "The list has no line; sha256sum writes one per file.",
		    "sums");
	if (file.p[file.n - 1] != '\n')
		import_note(i,
		    "WARNING: %s: the last line does not end; the list may be "
		    "cut.",
		    source);
	rc r = add_sums(i, &f, file, e);
	if (rc_ok(r))
		r = import_files_put(i, &f, source, e);
	json_free(f.list);
	return r;
}
