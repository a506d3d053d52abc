/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTIONS_MAX = 40 };

static size_t
long_options(const struct cli_option *from, struct option *to, char *letters)
{
	size_t n = 0;

	*letters++ = ':';
	for (; from[n].name && n < OPTIONS_MAX - 1; n++) {
		to[n] = (struct option){from[n].name,
		    from[n].arg ? required_argument : no_argument, NULL,
		    1000 + (int)n};
		if (!from[n].letter)
			continue;
		*letters++ = from[n].letter;
		if (from[n].arg)
			*letters++ = ':';
	}
	to[n] = (struct option){NULL, 0, NULL, 0};
	*letters = '\0';
	return n;
}

int
cli_next_option(struct cli *c, const struct cli_command *cmd, int argc,
    char **argv, const char **arg)
{
	struct option longs[OPTIONS_MAX];
	char letters[2 * OPTIONS_MAX + 2];
	size_t n = long_options(cmd->options, longs, letters);
	int got = getopt_long(argc, argv, letters, longs, NULL);

	*arg = optarg;
	if (got == -1)
		return -1;
	if (got >= 1000)
		return got - 1000;
	for (size_t i = 0; i < n; i++)
		if (got == cmd->options[i].letter)
			return (int)i;
	if (got == ':')
		cli_usage(c, "%s needs an argument", argv[optind - 1]);
	else
		cli_usage(c, "unknown option %s", argv[optind - 1]);
	return -2;
}

int
cli_usage(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "akashi %s: ", c->command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: akashi %s --help\n", c->command);
	return EXIT_USAGE;
}

static int
exit_code(enum err_code code)
{
	if (code == ERR_USAGE || code == ERR_FILE)
		return EXIT_USAGE;
	if (code == ERR_AUTH_MISSING || code == ERR_AUTH_INVALID ||
	    code == ERR_AUTH_FORBIDDEN)
		return EXIT_NOT_AUTHORISED;
	if (err_class(code) == CLS_OURS)
		return EXIT_SERVER;
	if (err_effect(code) == EFF_UNKNOWN)
		return EXIT_INDETERMINATE;
	return EXIT_NOT_TRUSTED;
}

int
cli_fail(struct cli *c, const struct err *e)
{
	const char *en = err_sentence(e->code, "en");
	const char *text = e->text;

	/* A server's answer starts with the code's own sentence. */
	if (strncmp(text, en, strlen(en)) == 0)
		text += strlen(en);
	text += strspn(text, " ");
	fprintf(stderr, "akashi %s: %s%s%s [%s%s%s]\n", c->command,
	    err_sentence(e->code, c->lang), *text ? " " : "", text,
	    err_name(e->code), *e->path ? " " : "", e->path);
	return exit_code(e->code);
}

static rc
file_error(struct err *e, const char *path)
{
	return err_text(
	    e, ERR_FILE, path, "%.200s: %s.", path, strerror(errno));
}

/* Standard input and other things that cannot be mapped. */
static rc
read_stream(struct cli *c, int fd, const char *path, size_t max,
    struct span *out, struct err *e)
{
	struct buf b = {0};
	char chunk[16384];
	ssize_t n;

	(void)c;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && b.n <= max)
		buf_put(&b, chunk, (size_t)n);
	if (n < 0 || b.failed) {
		buf_free(&b);
		return n < 0 ? file_error(e, path)
			     : err_at(e, ERR_MEMORY, NULL, "%s", path);
	}
	*out = b.p ? buf_span(&b) : span_of("", 0);
	return RC_OK;
}

rc
cli_read(struct cli *c, const char *path, size_t max, struct span *out,
    struct err *e)
{
	struct stat st;
	rc r = RC_OK;
	int fd =
	    strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		if (fd >= 0 && S_ISDIR(st.st_mode))
			errno = EISDIR;
		r = file_error(e, path);
	} else if (!S_ISREG(st.st_mode)) {
		r = read_stream(c, fd, path, max, out, e);
	} else if (st.st_size == 0) {
		*out = span_of("", 0);
	} else {
		void *p = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			r = file_error(e, path);
		else
			*out = span_of(p, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	if (rc_ok(r) && out->n > max)
		return err_text(e, ERR_JSON_LIMIT, path,
		    "%.200s has %zu bytes; at most %zu are read.", path, out->n,
		    max);
	return r;
}

bool
cli_output_parse(const char *arg, enum cli_output *out)
{
	static const char *const names[] = {"text", "table", "json"};

	for (size_t i = 0; i < 3; i++)
		if (strcmp(arg, names[i]) == 0) {
			*out = (enum cli_output)i;
			return true;
		}
	return false;
}

int
cli_write(struct cli *c, const struct buf *b, int code)
{
	struct err e;

	if (b->failed) {
		(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
		return cli_fail(c, &e);
	}
	if (fwrite(b->p, 1, b->n, stdout) != b->n || putchar('\n') == EOF ||
	    fflush(stdout) != 0) {
		fprintf(stderr, "akashi %s: cannot write the output: %s\n",
		    c->command, strerror(errno));
		return EXIT_SERVER;
	}
	return code;
}

const char *
cli_printable(struct cli *c, struct span s)
{
	struct buf b = {0};
	struct jw w = jw_over(&b);

	jw_span(&w, s);
	struct span copy = {NULL, 0};
	if (!b.failed && b.n >= 2) {
		b.p[b.n - 1] = '\0';
		copy = arena_copy(&c->arena, span_of(b.p + 1, b.n - 1));
	}
	buf_free(&b);
	return copy.p ? (const char *)copy.p : "";
}
