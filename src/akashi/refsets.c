/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/refsets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static rc
load_file(struct cli *c, const char *path, struct refsets *out, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct span file;

	if (out->n == REFSETS_MAX)
		return err_at(
		    e, ERR_USAGE, "At most 64 reference sets.", "%s", path);
	TRY(cli_read(c, path, SIZE_MAX, &file, e));
	rc r = refset_load(file, &out->set[out->n], e);
	if (!rc_ok(r)) {
		const char *at = arena_printf(&c->arena, "%.100s: ", path);
		return err_prefix(e, r, at ? at : "");
	}
	out->name[out->n++] = slash ? slash + 1 : path;
	return RC_OK;
}

static int
no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static rc
load_folder(struct cli *c, const char *path, struct refsets *out, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, no_dots, alphasort);
	rc r = n < 0 ? err_text(e, ERR_FILE, path, "%.200s: %s.", path,
			   strerror(errno))
		     : RC_OK;

	for (int i = 0; i < n; i++) {
		const char *file =
		    arena_printf(&c->arena, "%s/%s", path, names[i]->d_name);
		if (rc_ok(r))
			r = file ? load_file(c, file, out, e)
				 : err_at(e, ERR_MEMORY, NULL, "%s", path);
		free(names[i]);
	}
	free(names);
	return r;
}

bool
refsets_add(struct refsets *r, const char *path)
{
	if (r->paths_n == REFSETS_MAX)
		return false;
	r->path[r->paths_n++] = path;
	return true;
}

rc
refsets_load(struct cli *c, struct refsets *r, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < r->paths_n; i++) {
		const char *path = r->path[i];
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			TRY(load_folder(c, path, r, e));
		else
			TRY(load_file(c, path, r, e));
	}
	return RC_OK;
}

void
refsets_free(struct refsets *r)
{
	for (size_t i = 0; i < r->n; i++)
		refset_unref(r->set[i]);
	r->n = 0;
}

rc
refsets_policy(const struct refsets *r, struct span json, struct policy **out,
    struct err *e)
{
	struct refset_cache *cache = refset_cache_new();
	struct policy *p = NULL;

	if (!cache)
		return err_at(e, ERR_MEMORY, NULL, "refset");
	rc result = policy_decode(json, &p, e);
	for (size_t i = 0; rc_ok(result) && i < r->n; i++) {
		result = refset_cache_put(cache, r->set[i]);
		if (!rc_ok(result))
			(void)err_at(e, result.code, NULL, "refset");
	}
	if (rc_ok(result)) {
		policy_bind(p, cache);
		*out = p;
	} else {
		policy_unref(p);
	}
	refset_cache_free(cache);
	return result;
}
