/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"error", "warn", "notice", "info", "debug"};

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

void
log_begin(struct log_line *l, const struct logger *to, enum log_level level,
    const char *action)
{
	struct clock clock = clock_system();

	*l = (struct log_line){.to = to, .drop = level > to->level};
	l->w = jw_over(&l->buf);
	jw_object(&l->w);
	jw_ktime(&l->w, "@timestamp", clock_now(&clock));
	jw_kstr(&l->w, "log.level", names[level]);
	jw_kstr(&l->w, "event.action", action);
}

void
log_end(struct log_line *l)
{
	jw_object_end(&l->w);
	buf_put(&l->buf, "\n", 1);
	if (!l->drop && !l->buf.failed) {
		/* A log that cannot be written must not stop the service. */
		ssize_t n = write(l->to->fd, l->buf.p, l->buf.n);
		(void)n;
	}
	buf_free(&l->buf);
}

void
log_note(const struct logger *to, enum log_level level, const char *action,
    const struct err *e, const char *fmt, ...)
{
	struct log_line l;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_begin(&l, to, level, action);
	jw_kstr(&l.w, "message", text);
	if (e && e->code != ERR_OK) {
		jw_kstr(&l.w, "error.code", err_name(e->code));
		jw_kstr(&l.w, "error.message",
		    *e->text ? e->text : err_sentence(e->code, "en"));
		jw_kstr(&l.w, "error.path", e->path);
	}
	log_end(&l);
}
