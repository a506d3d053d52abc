/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/listen.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static rc
failed(struct err *e, const char *address)
{
	return err_text(e, ERR_FILE, "listen", "Cannot listen on %.200s: %s.",
	    address, strerror(errno));
}

static void
close_all(int *fds, size_t n)
{
	while (n)
		close(fds[--n]);
}

/* --- unix ----------------------------------------------------------------- */

static const char *
unix_path(const char *address)
{
	return strncmp(address, "unix:/", 6) == 0 ? address + 5 : NULL;
}

static bool
unix_address(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(out->sun_path, sizeof(out->sun_path), "%s", path);

	return n > 0 && (size_t)n < sizeof(out->sun_path);
}

/* A socket file that refuses connections was left by a process that died. */
static void
remove_stale(const struct sockaddr_un *at)
{
	struct stat st;

	if (lstat(at->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (connect(fd, (const struct sockaddr *)(const void *)at,
		sizeof(*at)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(at->sun_path);
	close(fd);
}

static int
unix_socket(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	/* The mode of the socket becomes that of the file, less the umask, so
	 * that it is never wider than 0660. */
	if (fchmod(fd, 0660) != 0 ||
	    bind(fd, (const struct sockaddr *)(const void *)at, sizeof(*at)) !=
		0 ||
	    chmod(at->sun_path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static rc
open_unix(const char *address, size_t n, int *fds, struct err *e)
{
	struct sockaddr_un at;

	if (!unix_address(unix_path(address), &at))
		return err_text(e, ERR_CONFIG, "listen",
		    "The path of the socket is longer than %zu bytes.",
		    sizeof(at.sun_path) - 1);
	remove_stale(&at);
	for (size_t i = 0; i < n; i++) {
		fds[i] = i ? dup(fds[0]) : unix_socket(&at);
		if (fds[i] == -1) {
			rc r = failed(e, address);
			close_all(fds, i);
			return r;
		}
	}
	return RC_OK;
}

void
listen_forget(const char *address)
{
	const char *path = unix_path(address);

	if (path)
		unlink(path);
}

/* --- TCP ------------------------------------------------------------------ */

struct inet {
	struct sockaddr_storage at;
	socklen_t size;
};

static bool
inet_address(const char *address, struct inet *out)
{
	const char *colon = strrchr(address, ':');
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&out->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&out->at;
	char host[64];
	uint64_t port;

	*out = (struct inet){0};
	if (!colon || !number_parse(span_str(colon + 1), 65535, &port))
		return false;
	bool bracket = address[0] == '[' && colon[-1] == ']';
	size_t n = (size_t)(colon - address) - 2 * bracket;
	if (n >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)n, address + bracket);
	if (bracket) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		out->size = sizeof(*v6);
		return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	out->size = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static bool
prepare(int fd, const struct inet *to)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	       bind(fd, (const struct sockaddr *)(const void *)&to->at,
		   to->size) == 0 &&
	       listen(fd, BACKLOG) == 0;
}

static int
inet_socket(const struct inet *to)
{
	int fd = socket(
	    to->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 || prepare(fd, to))
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* The port that was given for 0, so that the other sockets share it. */
static unsigned
learn_port(int fd, struct inet *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&to->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&to->at;

	if (getsockname(fd, (struct sockaddr *)(void *)&to->at, &to->size))
		return 0;
	return ntohs(
	    to->at.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

static rc
open_inet(
    const char *address, size_t n, int *fds, unsigned *port, struct err *e)
{
	struct inet to;

	if (!inet_address(address, &to))
		return err_text(e, ERR_CONFIG, "listen",
		    "%.200s is not ADDRESS:PORT, [IPV6]:PORT or unix:/path.",
		    address);
	for (size_t i = 0; i < n; i++) {
		fds[i] = inet_socket(&to);
		if (fds[i] == -1) {
			rc r = failed(e, address);
			close_all(fds, i);
			return r;
		}
		*port = learn_port(fds[0], &to);
	}
	return RC_OK;
}

rc
listen_open(
    const char *address, size_t n, int *fds, unsigned *port, struct err *e)
{
	*port = 0;
	return unix_path(address) ? open_unix(address, n, fds, e)
				  : open_inet(address, n, fds, port, e);
}
