/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/import_pcrlock.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char variant_end[] = ".pcrlock";
static const char component_end[] = ".pcrlock.d";

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The name before the ending; NULL if it ends otherwise. */
static const char *
stem(struct import *i, const char *name, const char *end)
{
	size_t n = strlen(name);
	size_t m = strlen(end);

	if (n <= m || strcmp(name + n - m, end) != 0)
		return NULL;
	return arena_printf(i->a, "%.*s", (int)(n - m), name);
}

static rc
add_file(struct cli *c, struct import *i, const char *path,
    const char *component, struct err *e)
{
	const char *name = base_name(path);
	const char *own = stem(i, name, variant_end);
	struct span file;

	if (!own) {
		import_note(i, "%s: not translated: no .pcrlock file.", path);
		return RC_OK;
	}
	TRY(cli_read(c, path, LIMIT_POLICY, &file, e));
	rc r =
	    import_pcrlock_add(i, component ? component : own, name, file, e);
	return rc_ok(r) || r.code == ERR_MEMORY ? r : err_prefix(e, r, path);
}

static rc add_path(struct cli *c, struct import *i, const char *path,
    unsigned depth, struct err *e);

static rc
add_entry(struct cli *c, struct import *i, const char *dir, const char *name,
    const char *component, struct err *e)
{
	const char *path = arena_printf(i->a, "%s/%s", dir, name);

	if (!path)
		return err_at(e, ERR_MEMORY, NULL, "%s", dir);
	return component ? add_file(c, i, path, component, e)
			 : add_path(c, i, path, 1, e);
}

static rc
add_dir(struct cli *c, struct import *i, const char *dir, const char *component,
    struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, NULL, alphasort);
	rc r = RC_OK;

	if (n < 0)
		return err_at(
		    e, ERR_FILE, "The folder cannot be read.", "%s", dir);
	for (int k = 0; k < n; k++) {
		if (rc_ok(r) && list[k]->d_name[0] != '.')
			r = add_entry(c, i, dir, list[k]->d_name, component, e);
		free(list[k]);
	}
	free(list);
	return r;
}

static rc
add_path(struct cli *c, struct import *i, const char *path, unsigned depth,
    struct err *e)
{
	const char *component = stem(i, base_name(path), component_end);
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return add_file(c, i, path, NULL, e);
	if (component || depth == 0)
		return add_dir(c, i, path, component, e);
	import_note(i, "%s: not translated: no component's folder.", path);
	return RC_OK;
}

rc
import_pcrlock(struct cli *c, struct import *i, const char *path, struct err *e)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	const char *own = arena_printf(i->a, "%.*s", (int)n, path);
	if (!own)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	return add_path(c, i, own, 0, e);
}
