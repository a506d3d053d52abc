/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of tar, as dpkg-deb --fsys-tarfile writes them: POSIX ustar and
 * GNU's long names (tar(5)). */
#include "appraise/import.h"

#include "base/rd.h"

enum { BLOCK = 512 };

/* Where things are in a header. */
enum {
	AT_SIZE = 124,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	AT_PREFIX = 345,
	NAME_SIZE = 100,
	SIZE_SIZE = 12,
	SUM_SIZE = 8,
	PREFIX_SIZE = 155,
};

struct tar {
	struct import *i;
	const char *source;
	struct import_files files;
	const char *name; /* of the next member, from a GNU header; or NULL */
	size_t merged, special;
};

struct member {
	const uint8_t *header;
	struct span data;
};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "tar");
}

static rc
wrong(struct err *e, const char *what)
{
	return err_text(e, ERR_IMPORT_FORMAT, "tar",
	    "Not an archive of tar that can be read: %s.", what);
}

/* Octal digits, blanks before and a blank or NUL behind them. */
static bool
octal(const uint8_t *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t k = 0;

	while (k < n && p[k] == ' ')
		k++;
	size_t first = k;
	while (k < n && p[k] >= '0' && p[k] <= '7')
		v = v << 3 | (uint64_t)(p[k++] - '0');
	*out = v;
	return k > first && (k == n || p[k] == ' ' || p[k] == '\0');
}

static bool
sum_right(const uint8_t *h)
{
	uint64_t sum = 0;
	uint64_t want;

	for (size_t k = 0; k < BLOCK; k++)
		sum += k >= AT_SUM && k < AT_SUM + SUM_SIZE ? ' ' : h[k];
	return octal(h + AT_SUM, SUM_SIZE, &want) && sum == want;
}

static size_t
until_nul(const uint8_t *p, size_t n)
{
	const uint8_t *end = n ? memchr(p, '\0', n) : NULL;

	return end ? (size_t)(end - p) : n;
}

/* The path on the node: absolute, without "./" in front. */
static const char *
path_of(struct tar *t, const uint8_t *h)
{
	bool posix = memcmp(h + AT_MAGIC, "ustar", 6) == 0;
	size_t prefix = posix ? until_nul(h + AT_PREFIX, PREFIX_SIZE) : 0;
	const char *name = t->name;

	t->name = NULL;
	if (!name)
		name = arena_printf(t->i->a, "%.*s%s%.*s", (int)prefix,
		    h + AT_PREFIX, prefix ? "/" : "",
		    (int)until_nul(h, NAME_SIZE), h);
	if (!name)
		return NULL;
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name += *name == '/' ? 1 : 2;
	return arena_printf(t->i->a, "/%s", name);
}

/* Debian's packages still have files where only links are since /usr is one
 * with the root: the kernel then sees them in /usr. */
static bool
is_merged(const char *path)
{
	static const char *const dirs[] = {
	    "/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"};

	for (size_t k = 0; k < sizeof(dirs) / sizeof(dirs[0]); k++)
		if (strncmp(path, dirs[k], strlen(dirs[k])) == 0)
			return true;
	return false;
}

static rc
take_file(struct tar *t, const char *path, struct span data, struct err *e)
{
	const struct hash_alg *alg = hash_by_id(ALG_SHA256);
	uint8_t digest[HASH_MAX];

	rc r = hash_of(t->i->hasher, ALG_SHA256, data, digest);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "tar");
	TRY(import_files_add(&t->files, alg, digest, span_str(path), e));
	if (!is_merged(path))
		return RC_OK;
	const char *merged = arena_printf(t->i->a, "/usr%s", path);
	if (!merged)
		return memory(e);
	t->merged++;
	return import_files_add(&t->files, alg, digest, span_str(merged), e);
}

static rc
take_long_name(struct tar *t, struct span data, struct err *e)
{
	size_t n = until_nul(data.p, data.n);

	if (n == 0 || n > LIMIT_IMA_PATH)
		return wrong(e, "a name is empty or too long");
	t->name = arena_printf(t->i->a, "%.*s", (int)n, data.p);
	return t->name ? RC_OK : memory(e);
}

static rc
take_member(struct tar *t, const struct member *m, struct err *e)
{
	uint8_t type = m->header[AT_TYPE];

	if (type == 'L')
		return take_long_name(t, m->data, e);
	if (type == 'K')
		return RC_OK;
	const char *path = path_of(t, m->header);
	if (!path)
		return memory(e);
	bool folder = type == '5' || path[strlen(path) - 1] == '/';
	if ((type == '0' || type == '\0') && !folder)
		return take_file(t, path, m->data, e);
	if (type == '1')
		import_note(t->i,
		    "%s: %.200s is not translated: a hard link to another "
		    "file.",
		    t->source, path);
	else if (type == '3' || type == '4' || type == '6')
		t->special++;
	else if (type != '2' && !folder)
		return wrong(e, "it has members of another kind than dpkg-deb "
				"writes; make it with --format=gnu");
	return RC_OK;
}

/* The next member, or `more` false at the two blocks of zeros that end it. */
static rc
next(struct rd *in, struct member *m, bool *more, struct err *e)
{
	struct span h = rd_bytes(in, BLOCK);
	uint64_t size = 0;

	if (!rd_ok(in))
		return wrong(e, "it is cut");
	*more = !span_all(h, 0);
	if (!*more) {
		bool end = rd_left(in) >= BLOCK && span_all(rd_rest(in), 0);
		return end ? RC_OK : wrong(e, "it does not end in zeros");
	}
	if (!sum_right(h.p) || !octal(h.p + AT_SIZE, SIZE_SIZE, &size))
		return wrong(e, "a header is damaged");
	if (size > rd_left(in))
		return wrong(e, "it is cut");
	m->header = h.p;
	m->data = rd_bytes(in, (size_t)size);
	rd_bytes(in, (size_t)(-size & (BLOCK - 1)));
	return rd_ok(in) ? RC_OK : wrong(e, "it is cut");
}

static rc
take_members(struct tar *t, struct span file, struct err *e)
{
	struct rd in = rd_over(file);
	struct member m = {NULL, {NULL, 0}};
	bool more = true;

	for (;;) {
		TRY(next(&in, &m, &more, e));
		if (!more)
			return RC_OK;
		TRY(take_member(t, &m, e));
	}
}

rc
import_tar(
    struct import *i, struct span file, const char *source, struct err *e)
{
	struct tar t = {.i = i, .source = source};

	rc r = take_members(&t, file, e);
	if (rc_ok(r))
		r = import_files_put(i, &t.files, source, e);
	if (rc_ok(r) && t.merged)
		import_note(i,
		    "%s: %zu files of /bin, /sbin and /lib are allowed in /usr "
		    "as well.",
		    source, t.merged);
	if (rc_ok(r) && t.special)
		import_note(i, "%s: %zu devices and pipes are not translated.",
		    source, t.special);
	json_free(t.files.list);
	return r;
}
