/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the rows of conf.def, and what is kept
 * about each value. */
#ifndef AKASHI_CONF_SCHEMA_H
#define AKASHI_CONF_SCHEMA_H

#include "base/arena.h"
#include "conf/conf.h"

enum conf_kind {
	CONF_STRING,
	CONF_FILE,
	CONF_LIST,
	CONF_BOOL,
	CONF_CHOICE,
	CONF_NUMBER,
	CONF_SIZE,
	CONF_DURATION,
};

enum { START = 0, RELOAD = 1, SECRET = 2 };

struct conf_row {
	const char *key;
	enum conf_kind kind;
	const char *def;
	int64_t low, high; /* of the value in bytes or microseconds */
	int flags;
	const char *help;
	size_t offset; /* of the field in struct conf */
};

enum {
#define K(field, ...) CONF_KEY_##field,
#include "conf/conf.def"
#undef K
	CONF_KEYS
};

extern const struct conf_row conf_rows[CONF_KEYS];

/* A value as it was written: one text, or the texts of a list. */
struct conf_raw {
	struct conf_list text;
	const char *source; /* "default", "environment", "FILE:LINE" */
};

struct conf_extra {
	struct arena arena;
	struct conf_raw raw[CONF_KEYS];
};

/* The index of a key, or CONF_KEYS. */
size_t conf_find(const char *key);

/* Check a raw value against its row and set the field. CONFIG. */
MUST_USE rc conf_set(struct conf *c, size_t row, struct err *e);

/* Read one file into c's raw values. CONFIG, CONFIG_UNKNOWN_KEY, FILE,
 * MEMORY. */
MUST_USE rc conf_read(struct conf *c, const char *path, struct err *e);

/* The words of a CHOICE, without braces: "on|off". */
struct span conf_words(const struct conf_row *row);

#endif
