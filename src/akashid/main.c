/* SPDX-License-Identifier: Apache-2.0 */
/* The process: options, signals, sd_notify. */
#include "akashid/start.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

enum mode { MODE_RUN, MODE_CHECK, MODE_SHOW, MODE_SHOW_JSON };

struct options {
	const char *config;
	enum mode mode;
};

static void
help(FILE *to)
{
	fputs("Usage: akashid [--config FILE] [--check-config] "
	      "[--show-config[=json]] [--version]\n\n"
	      "  -c, --config FILE     configuration; default "
	      "akashid.conf in the system's folder\n"
	      "      --check-config    check it and end: 0 good, 1 not\n"
	      "      --show-config     print every value with its source\n"
	      "      --version         print the version\n\n"
	      "See akashid(8) and akashid.conf(5).\n",
	    to);
}

static bool
parse(int argc, char **argv, struct options *o, int *code)
{
	static const struct option longs[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"show-config", optional_argument, NULL, 's'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	*code = 0;
	while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (c == 'c') {
			o->config = optarg;
		} else if (c == 'k') {
			o->mode = MODE_CHECK;
		} else if (c == 's') {
			o->mode = optarg && strcmp(optarg, "json") == 0
				      ? MODE_SHOW_JSON
				      : MODE_SHOW;
		} else if (c == 'v') {
			puts(AKASHID_BUILD);
			return false;
		} else {
			help(c == 'h' ? stdout : stderr);
			*code = c == 'h' ? 0 : 2;
			return false;
		}
	}
	if (optind == argc)
		return true;
	help(stderr);
	*code = 2;
	return false;
}

static int
fail(const struct err *e)
{
	fprintf(stderr, "akashid: %s %s [%s%s%s]\n",
	    err_sentence(e->code, "en"), e->text, err_name(e->code),
	    *e->path ? " " : "", e->path);
	return 1;
}

/* The file named, or the default one where it exists. */
static const char *
config_path(const struct options *o)
{
	if (o->config)
		return o->config;
	return access(conf_default_path(), F_OK) == 0 ? conf_default_path()
						      : NULL;
}

/* One datagram to systemd, where it listens. */
static void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;

	if (n == 0 || n >= sizeof(to.sun_path))
		return;
	for (size_t i = 0; i < n; i++)
		to.sun_path[i] = path[i];
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)&to, len);
	close(fd);
}

static void
reload(struct server *s, const struct options *o)
{
	struct conf *c;
	struct err e;

	notify("RELOADING=1");
	rc r = conf_load(config_path(o), environ, &c, &e);
	if (rc_ok(r))
		r = server_reload(s, c, &e);
	if (rc_ok(r))
		log_note(&s->log, LOG_NOTICE, "reload", NULL,
		    "the new configuration is in force");
	else
		log_note(&s->log, LOG_ERROR, "reload", &e,
		    "the old configuration stays in force");
	notify("READY=1");
}

/* Not ready for a while, so that proxies send new work elsewhere; a second
 * SIGTERM ends the wait. */
static void
drain(struct server *s, const sigset_t *signals)
{
	const struct conf *c = conf_take(s->conf);
	struct timespec wait = {.tv_sec = (time_t)(c->shutdown_drain / TIME_S)};

	conf_drop(s->conf, c);
	notify("STOPPING=1");
	log_note(
	    &s->log, LOG_NOTICE, "stop", NULL, "stopping; finishing requests");
	server_drain(s);
	while (sigtimedwait(signals, NULL, &wait) == SIGHUP)
		continue;
}

static int
serve(struct conf *c, const struct options *o, const sigset_t *signals)
{
	struct server *s;
	struct err e;
	char status[160];
	int sig = 0;

	if (!rc_ok(server_start(c, NULL, &s, &e)))
		return fail(&e);
	snprintf(status, sizeof(status), "READY=1\nSTATUS=%s",
	    atomic_load(&s->store_ready) ? "serving" : "waiting for database");
	notify(status);
	log_note(&s->log, LOG_NOTICE, "start", NULL,
	    "%s listens on port %u with %zu threads", AKASHID_BUILD,
	    http_port(s->api), s->loops);
	while (sig != SIGTERM && sig != SIGINT) {
		sig = sigwaitinfo(signals, NULL);
		if (sig == SIGHUP)
			reload(s, o);
		else if (sig < 0 && errno != EINTR)
			break;
	}
	drain(s, signals);
	server_stop(s);
	return 0;
}

static int
show(struct conf *c, bool json)
{
	struct buf b = {0};

	conf_show(c, json, &b);
	bool bad = b.failed || fwrite(b.p, 1, b.n, stdout) != b.n ||
		   putchar('\n') == EOF;
	buf_free(&b);
	conf_free(c);
	return bad ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct options o = {NULL, MODE_RUN};
	struct conf *c;
	struct err e;
	sigset_t signals;
	int code;

	if (!parse(argc, argv, &o, &code))
		return code;
	if (!rc_ok(conf_load(config_path(&o), environ, &c, &e)))
		return fail(&e);
	if (o.mode == MODE_CHECK) {
		conf_free(c);
		return 0;
	}
	if (o.mode != MODE_RUN)
		return show(c, o.mode == MODE_SHOW_JSON);
	/* Blocked before any thread starts: only this one takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return serve(c, &o, &signals);
}
