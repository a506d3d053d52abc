/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines to standard error; keys follow ECS where it has one. Rooms do
 * not log: programs do, once per decision. */
#ifndef AKASHI_BASE_LOG_H
#define AKASHI_BASE_LOG_H

#include "base/json.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

struct logger {
	int fd;
	enum log_level level; /* lines above it are dropped */
};

/* "error" … "debug" to a level; false for anything else. */
bool log_level_parse(const char *name, enum log_level *out);

/* One line being built. Begin, add fields with jw_k… on `w`, end. */
struct log_line {
	const struct logger *to;
	struct buf buf;
	struct jw w;
	bool drop;
};

/* Starts {"@timestamp":…,"log.level":…,"event.action":action. */
void log_begin(struct log_line *l, const struct logger *to,
    enum log_level level, const char *action);

/* Ends the line, writes it with one write(2) and frees it. */
void log_end(struct log_line *l);

/* A line with only a message and, where e is not NULL, its code and path. */
void log_note(const struct logger *to, enum log_level level, const char *action,
    const struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
