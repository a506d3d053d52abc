/* SPDX-License-Identifier: Apache-2.0 */
/* The server under load, at its quotas, reloading, stopping, and on unix
 * sockets. With AKASHI_BENCH=1 in the environment the load is long enough to
 * compare figures. */
#include "lib/tap.h"
#include "unit/intake/harness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"
#define LATER "GET /later HTTP/1.1\r\n" HOST "\r\n"
#define GUESS                                                                  \
	"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " WRONG_TOKEN    \
	"\r\n\r\n"
#define KNOWN                                                                  \
	"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " OPERATOR_TOKEN \
	"\r\n\r\n"

/* --- load ----------------------------------------------------------------- */

static void
test_no_stall(void)
{
	static const size_t sizes[] = {1, 64, 127, 128, 129, 256, 512};
	struct http_server *s = server_up("127.0.0.1:0", false, 1,
	    (const char *const[]){"LIMITS_SOURCE_CONNECTIONS=10000", NULL});

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t total = sizes[i] * 40;
		double t = load(http_port(s), sizes[i], total, span_str(LATER));
		tap_ok(t >= 0,
		    "%zu connections, resumed from another thread: no stall",
		    sizes[i]);
		t = load(http_port(s), sizes[i], total, span_str(HELLO));
		tap_ok(t >= 0, "%zu connections, answered at once: no stall",
		    sizes[i]);
	}
	server_down(s);
}

/* CPU time of this process without this thread, which is the client. */
static double
server_cpu(void)
{
	struct rusage all, mine;

	getrusage(RUSAGE_SELF, &all);
	getrusage(RUSAGE_THREAD, &mine);
	return (double)(all.ru_utime.tv_sec - mine.ru_utime.tv_sec +
			all.ru_stime.tv_sec - mine.ru_stime.tv_sec) +
	       (double)(all.ru_utime.tv_usec - mine.ru_utime.tv_usec +
			all.ru_stime.tv_usec - mine.ru_stime.tv_usec) /
		   1e6;
}

static struct span
post_of(size_t n, struct arena *a)
{
	char *p = arena_alloc(a, n + 256);
	int head = snprintf(p, 256,
	    "POST /evidence HTTP/1.1\r\n" HOST
	    "Authorization: Bearer " NODE_TOKEN
	    "\r\nContent-Type: application/vnd.akashi.evidence\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    n);

	return span_of(p, (size_t)head + n);
}

static void
measure(struct http_server *s, const char *what, struct span request, size_t n)
{
	double cpu = server_cpu();
	double t = load(http_port(s), 64, n, request);

	cpu = server_cpu() - cpu;
	tap_ok(t >= 0, "%s: %zu requests on 64 connections", what, n);
	tap_note("%s: %.0f requests/s, %.1f us server CPU each", what,
	    (double)n / t, cpu / (double)n * 1e6);
}

static void
bench(void)
{
	size_t n = getenv("AKASHI_BENCH") ? 200000 : 2000;
	struct http_server *s = server_up("127.0.0.1:0", false, 1, NULL);
	struct arena a;

	arena_init(&a, 1024 * 1024);
	measure(s, "GET at once", span_str(HELLO), n);
	measure(s, "GET later", span_str(LATER), n);
	measure(s, "POST 1.5 kB with token, later", post_of(1500, &a), n);
	measure(s, "POST 40 kB with token, later", post_of(40000, &a), n / 4);
	arena_free(&a);
	server_down(s);
}

#define LATE_GUESS                                                             \
	"POST /evidence HTTP/1.1\r\n" HOST "Authorization: Bearer " LATE_TOKEN \
	"\r\nContent-Length: 0\r\n\r\n"

/* --- quotas --------------------------------------------------------------- */

static void
test_guessing(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 2,
	    (const char *const[]){"LIMITS_SOURCE_FAILURES=1", NULL});
	struct reply r;
	int fd = dial(http_port(s)), wrong = 0;

	say(fd, KNOWN, &r);
	tap_ok(r.status == 200, "the right token is taken");
	for (say(fd, GUESS, &r); r.status == 401 && wrong < 100; wrong++)
		say(fd, GUESS, &r);
	tap_ok(r.status == 429 && wrong >= 20 && wrong <= 22,
	    "guessing is refused after %d tries", wrong);
	tap_ok(strstr(r.text, "\r\nRetry-After: ") != NULL,
	    "with the time to wait");
	say(fd, KNOWN, &r);
	tap_ok(r.status == 429, "the right token would tell, too");
	close(fd);
	tap_ok(ask(http_port(s), HELLO, &r) == 200, "other routes go on");
	server_down(s);
}

static void
test_late_guessing(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 1,
	    (const char *const[]){"LIMITS_SOURCE_FAILURES=1", NULL});
	struct reply r = {.status = 401};
	int fd = dial(http_port(s)), wrong = -1;

	for (; r.status == 401 && wrong < 100; wrong++)
		say(fd, LATE_GUESS, &r);
	tap_ok(r.status == 429 && wrong >= 20 && wrong <= 22,
	    "credentials that handlers judge count as well: %d tries", wrong);
	close(fd);
	server_down(s);
}

static void
test_open_quota(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 1,
	    (const char *const[]){"LIMITS_SOURCE_REQUESTS=5",
		"LIMITS_SOURCE_CONNECTIONS=3", NULL});
	struct reply r;
	int fd[4], taken = 0;

	for (int i = 0; i < 3; i++) {
		fd[i] = dial(http_port(s));
		say(fd[i], HELLO, &r);
		taken += r.status == 200;
	}
	fd[3] = dial(http_port(s));
	tap_ok(taken == 3 && ends_within(fd[3], 2000),
	    "a fourth connection of one source is not taken");
	tap_ok(atomic_load(&seen.cut[HTTP_CUT_SOURCE]) == 1, "and is counted");
	for (; r.status == 200 && taken < 200; taken++)
		say(fd[0], HELLO, &r);
	tap_ok(r.status == 429 && taken >= 50 && taken < 60,
	    "requests without a token: 429 after %d", taken);
	say(fd[0], KNOWN, &r);
	tap_ok(r.status == 200, "requests with one are not counted there");
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	server_down(s);
}

/* --- reload and stop ------------------------------------------------------ */

static void
test_reload(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 2, NULL);
	const char *request =
	    "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
	    "Expect: 100-continue\r\nContent-Length: 3000\r\n\r\n";
	struct reply r;
	struct err e;
	struct conf *c = server_conf(
	    "127.0.0.1:0", (const char *const[]){"LIMITS_JSON=2KiB", NULL});
	int fd = dial(http_port(s));

	say(fd, HELLO, &r);
	int other = dial(http_port(s));
	say(other, request, &r);
	tap_ok(r.status == 100, "3000 bytes are invited");
	close(other);
	tap_ok(rc_ok(http_reload(s, c, &e)), "a reload is taken");
	conf_free(c);
	say(fd, request, &r);
	tap_ok(r.status == 413, "and holds on connections that were open");
	close(fd);
	server_down(s);
}

static void *
let_go(void *arg)
{
	struct http_server *s = arg;

	/* http_stop() has begun when the listening socket is gone. */
	for (int fd; (fd = dial(http_port(s))) != -1; close(fd))
		if (ends_within(fd, 1))
			continue;
	atomic_store(&hold, false);
	return NULL;
}

static void
test_stop(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 2, NULL);
	unsigned port = http_port(s);
	struct reply r;
	pthread_t thread;
	int waiting = dial(port), idle = dial(port), fd;

	say(idle, HELLO, &r);
	atomic_store(&hold, true);
	send_all(waiting, LATER, strlen(LATER));
	while (http_pending(s) == 0)
		usleep(1000);
	tap_ok(http_connections(s) == 2, "two connections, one request");
	http_quiesce(s);
	while ((fd = dial(port)) != -1)
		close(fd);
	say(idle, HELLO, &r);
	tap_ok(r.status == 200 && r.closed,
	    "quiescing, an open connection gets its last answer");
	tap_ok(pthread_create(&thread, NULL, let_go, s) == 0, "stopping");
	server_down(s);
	pthread_join(thread, NULL);
	hear(waiting, &r);
	tap_ok(r.status == 200, "what was waiting was answered first");
	tap_ok(atomic_load(&seen.done) == 3, "every request was reported");
	close(waiting);
	close(idle);
}

/* --- unix sockets --------------------------------------------------------- */

/* Ask as somebody who is neither root nor us; the status. */
static int
ask_as_stranger(const char *path)
{
	struct reply r;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(99);
		int fd = dial_unix(path);
		say(fd, "GET /livez HTTP/1.1\r\n" HOST "\r\n", &r);
		_exit(r.status == 403 ? 3 : r.status == 200 ? 2 : 1);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_admin(void)
{
	char folder[] = "/tmp/test_serve.XXXXXX", path[64], listen[80];
	struct http_server *s;
	struct reply r;
	struct stat st = {0};

	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		exit(99);
	snprintf(path, sizeof(path), "%s/admin.sock", folder);
	snprintf(listen, sizeof(listen), "unix:%s", path);
	s = server_up(listen, true, 1, NULL);
	stat(path, &st);
	tap_ok((st.st_mode & 0777) == 0660, "the socket's mode is 0660");
	int fd = dial_unix(path);
	say(fd, "GET /livez HTTP/1.1\r\n" HOST "\r\n", &r);
	tap_ok(r.status == 200 && strstr(r.text, "\"unix\""),
	    "our own user may ask");
	say(fd,
	    "POST /admin/init HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
	    &r);
	tap_ok(r.status == 200, "and use the admin route");
	close(fd);
	chmod(path, 0666);
	if (geteuid() == 0)
		tap_ok(ask_as_stranger(path) == 3,
		    "another user gets 403 whatever the socket's mode is");
	else
		tap_skip("only root can be somebody else", "another user");
	server_down(s);
	tap_ok(stat(path, &st) != 0, "the socket is removed at the end");
	rmdir(folder);
}

static void
test_wrong_listener(void)
{
	static const struct route on_admin[] = {
	    {HTTP_GET, "/x", AUTH_OPERATOR, BODY_NONE, NULL, NULL, "x", 0}};
	struct http_options o = {
	    .listen = "127.0.0.1:0", .admin = true, .loops = 1};
	struct http_server *s = NULL;
	struct conf *c = server_conf("127.0.0.1:0", NULL);
	struct err e;

	tap_ok(http_start(&o, c, &s, &e).code == ERR_CONFIG,
	    "the admin listener is never on TCP");
	o = (struct http_options){.listen = "127.0.0.1:0",
	    .loops = 1,
	    .routes = on_admin,
	    .nroutes = 1};
	tap_ok(http_start(&o, c, &s, &e).code == ERR_INTERNAL,
	    "a route without handler is refused at start");
	o = (struct http_options){.listen = "127.0.0.1:99999", .loops = 1};
	tap_ok(http_start(&o, c, &s, &e).code == ERR_CONFIG,
	    "an address that is none is refused");
	o.listen = "192.0.2.1:0";
	tap_ok(http_start(&o, c, &s, &e).code == ERR_FILE,
	    "an address that is not ours is refused: %s", e.text);
	conf_free(c);
}

int
main(void)
{
	test_no_stall();
	bench();
	test_guessing();
	test_late_guessing();
	test_open_quota();
	test_reload();
	test_stop();
	test_admin();
	test_wrong_listener();
	return tap_done();
}
