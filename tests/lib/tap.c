/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int tests, failures;

int
tap_run(Suite *s)
{
	SRunner *sr = srunner_create(s);

	srunner_set_tap(sr, "-");
	srunner_run_all(sr, CK_SILENT);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}

static struct span
read_file(struct arena *a, const char *path)
{
	struct span s = {NULL, 0};
	FILE *f = fopen(path, "rb");

	if (!f)
		return s;
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	rewind(f);
	uint8_t *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p && fread(p, 1, (size_t)n, f) == (size_t)n)
		s = span_of(p, (size_t)n);
	fclose(f);
	return s;
}

static struct span
read_below(struct arena *a, const char *folder, const char *path)
{
	const char *top = getenv("SRCDIR");
	char full[1024];

	snprintf(full, sizeof(full), "%s/%s%s", top ? top : AKASHI_SRCDIR,
	    folder, path);
	return read_file(a, full);
}

struct span
tap_file(struct arena *a, const char *path)
{
	struct span s = read_below(a, "", path);

	if (!s.p) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(99);
	}
	return s;
}

struct span
tap_shared(struct arena *a, const char *path)
{
	return read_below(a, "../shared/vectors/", path);
}

static void __attribute__((format(printf, 2, 0)))
tap_line(bool ok, const char *fmt, va_list ap)
{
	printf("%s %d - ", ok ? "ok" : "not ok", ++tests);
	vprintf(fmt, ap);
	failures += !ok;
}

void
tap_ok(bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(ok, fmt, ap);
	va_end(ap);
	puts("");
}

void
tap_skip(const char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(true, fmt, ap);
	va_end(ap);
	printf(" # SKIP %s\n", why);
}

void
tap_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts("");
}

int
tap_done(void)
{
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}
