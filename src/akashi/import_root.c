/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/import_root.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

struct walk {
	struct import *i;
	struct import_files files;
	const char *dir;
	size_t prefix; /* bytes of fts_path before the path on the node */
	dev_t dev;
	size_t special; /* neither file, folder nor link */
};

static rc
no_memory(const char *path, struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", path);
}

/* The digest of what is open; false where it cannot be read. */
static rc
hash_fd(struct import *i, int fd, uint8_t *out, bool *read_all, struct err *e)
{
	uint8_t chunk[CHUNK];
	ssize_t n = 0;
	rc r = hash_begin(i->hasher, ALG_SHA256);

	while (rc_ok(r) && (n = read(fd, chunk, sizeof(chunk))) > 0)
		r = hash_add(i->hasher, ALG_SHA256, span_of(chunk, (size_t)n));
	if (rc_ok(r))
		r = hash_end(i->hasher, ALG_SHA256, out);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "%s", "root");
	*read_all = n == 0;
	return RC_OK;
}

/* Between finding and opening the name may have become something else. */
static int
open_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static rc
take_file(struct walk *w, const FTSENT *f, struct err *e)
{
	uint8_t digest[HASH_MAX];
	bool whole = false;
	int fd = open_file(f->fts_accpath);

	if (fd >= 0) {
		rc r = hash_fd(w->i, fd, digest, &whole, e);
		close(fd);
		TRY(r);
	}
	if (!whole) {
		import_note(
		    w->i, "%s: not translated: cannot be read.", f->fts_path);
		return RC_OK;
	}
	return import_files_add(&w->files, hash_by_id(ALG_SHA256), digest,
	    span_str(f->fts_path + w->prefix), e);
}

static rc
take(struct walk *w, FTS *tree, FTSENT *f, struct err *e)
{
	switch (f->fts_info) {
	case FTS_F:
		return take_file(w, f, e);
	case FTS_D:
		if (f->fts_level == FTS_ROOTLEVEL)
			w->dev = f->fts_dev;
		if (f->fts_dev == w->dev)
			return RC_OK;
		import_note(w->i,
		    "%s: not translated: another file system; import it as "
		    "the part of a root that it is.",
		    f->fts_path);
		fts_set(tree, f, FTS_SKIP);
		return RC_OK;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		import_note(
		    w->i, "%s: not translated: cannot be read.", f->fts_path);
		return RC_OK;
	case FTS_DEFAULT:
		w->special++;
		return RC_OK;
	default:
		return RC_OK;
	}
}

static rc
walk_tree(struct walk *w, FTS *tree, struct err *e)
{
	FTSENT *f;

	for (errno = 0; (f = fts_read(tree)) != NULL; errno = 0)
		TRY(take(w, tree, f, e));
	return errno == 0 ? RC_OK
			  : err_at(e, ERR_FILE, "The walk of the root failed.",
				"%s", w->dir);
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

rc
import_root(struct import *i, const char *dir, struct err *e)
{
	struct walk w = {.i = i, .dir = dir};
	struct stat st;
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	char *path = arena_printf(i->a, "%.*s", (int)n, n ? dir : "/");
	char *const roots[] = {n ? path : (char[]){"/"}, NULL};
	if (!path)
		return no_memory(dir, e);
	if (stat(roots[0], &st) != 0 || !S_ISDIR(st.st_mode))
		return err_at(e, ERR_FILE, "A folder is expected.", "%s", dir);
	w.prefix = n;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW, by_name);
	if (!tree)
		return no_memory(dir, e);
	rc r = walk_tree(&w, tree, e);
	fts_close(tree);
	if (rc_ok(r))
		r = import_files_put(i, &w.files, dir, e);
	if (rc_ok(r) && w.special)
		import_note(i,
		    "%s: %zu devices, sockets and pipes are not "
		    "translated.",
		    dir, w.special);
	json_free(w.files.list);
	return r;
}
