/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A buffer above this is not kept: idle connections would hold it. */
enum { KEEP_MAX = 128 * 1024, FIRST = 4096 };

void
body_init(struct body *b)
{
	*b = (struct body){.fd = -1};
}

void
body_reset(struct body *b)
{
	if (b->mapped)
		munmap(b->p, b->n);
	if (b->fd != -1)
		close(b->fd);
	if (b->mapped || b->cap > KEEP_MAX) {
		if (!b->mapped)
			free(b->p);
		body_init(b);
	}
	b->fd = -1;
	b->n = 0;
}

void
body_free(struct body *b)
{
	body_reset(b);
	free(b->p);
	body_init(b);
}

static bool
grow(struct body *b, size_t need)
{
	if (need <= b->cap)
		return true;
	uint8_t *p = realloc(b->p, need);
	if (!p)
		return false;
	b->p = p;
	b->cap = need;
	return true;
}

void
body_expect(struct body *b, const struct body_limits *l, size_t n)
{
	if (n <= l->memory && n <= l->max)
		(void)grow(b, n);
}

static rc
file_error(struct err *e)
{
	return err_text(e, ERR_INTERNAL, "body",
	    "A large body could not be kept in limits.spool_folder: %s.",
	    strerror(errno));
}

static rc
write_all(int fd, struct span s, struct err *e)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return file_error(e);
		s = span_of(s.p + n, s.n - (size_t)n);
	}
	return RC_OK;
}

/* A file without a name. Not every file system has O_TMPFILE. */
static int
open_unnamed(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	int n = snprintf(path, sizeof(path), "%s/akashid.XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		unlink(path);
	return fd;
}

/* Move what came so far into a file. */
static rc
spool(struct body *b, const char *folder, struct err *e)
{
	int fd = open_unnamed(folder);

	if (fd == -1)
		return file_error(e);
	b->fd = fd;
	TRY(write_all(fd, span_of(b->p, b->n), e));
	free(b->p);
	b->p = NULL;
	b->cap = 0;
	return RC_OK;
}

rc
body_add(struct body *b, const struct body_limits *l, struct span bytes,
    struct err *e)
{
	if (bytes.n > l->max || b->n > l->max - bytes.n)
		return err_text(e, ERR_HTTP_LENGTH, "body",
		    "At most %zu bytes are taken here.", l->max);
	size_t need = b->n + bytes.n;
	if (b->fd == -1 && need > l->memory)
		TRY(spool(b, l->folder, e));
	if (b->fd != -1) {
		TRY(write_all(b->fd, bytes, e));
		b->n = need;
		return RC_OK;
	}
	size_t room = need < b->cap * 2 ? b->cap * 2 : need;
	if (need > b->cap && !grow(b, room < FIRST ? FIRST : room))
		return err_at(e, ERR_MEMORY, NULL, "body");
	memcpy(b->p + b->n, bytes.p, bytes.n);
	b->n = need;
	return RC_OK;
}

rc
body_finish(struct body *b, struct span *out, struct err *e)
{
	if (b->fd != -1) {
		void *p = mmap(NULL, b->n, PROT_READ, MAP_PRIVATE, b->fd, 0);
		if (p == MAP_FAILED)
			return file_error(e);
		b->p = p;
		b->mapped = true;
	}
	*out = span_of(b->p, b->n);
	return RC_OK;
}
