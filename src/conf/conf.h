/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: one schema table, conf.def, and nothing beside it.
 *
 * conf.def yields the fields of struct conf, the checks, the sample file and
 * the manual page. A struct conf never changes once it is loaded; a reload
 * loads another one and swaps it in a conf_box.
 *
 * Values come from, later ones winning: the default; akashid.conf; then
 * akashid.conf.d/NAME.conf in the byte order of the names; then the
 * environment, AKASHID_SECTION_KEY.
 */
#ifndef AKASHI_CONF_CONF_H
#define AKASHI_CONF_CONF_H

#include "base/json.h"

/* Strings of a list, in the order they were written. */
struct conf_list {
	size_t n;
	const char **v;
};

/* C types of the kinds of a key. Sizes are bytes, durations microseconds. */
#define CONF_TYPE_STRING const char *
#define CONF_TYPE_FILE const char *
#define CONF_TYPE_LIST struct conf_list
#define CONF_TYPE_BOOL bool
#define CONF_TYPE_CHOICE unsigned
#define CONF_TYPE_NUMBER uint64_t
#define CONF_TYPE_SIZE uint64_t
#define CONF_TYPE_DURATION int64_t

/* Values of the CHOICE keys, in the order of their rows. */
enum { TLS_ON, TLS_OFF };
enum { CRL_STALE_REFUSE, CRL_STALE_ACCEPT };
enum { CLIENT_ALL, CLIENT_OPERATORS, CLIENT_OFFERED };

/* One immutable snapshot: section "tls", key "mode" is the field tls_mode. */
struct conf {
#define K(field, key, kind, def, lo, hi, flags, help) CONF_TYPE_##kind field;
#include "conf/conf.def"
#undef K
	struct conf_extra *extra; /* where each value came from; memory */
};

/* Load and check everything. `path` is akashid.conf (NULL: defaults and
 * environment only); a folder path + ".d" is read if it is there. `env` is
 * "NAME=value" strings ended by NULL, or NULL.
 * CONFIG, CONFIG_UNKNOWN_KEY, FILE, MEMORY; the error's path is "file:line",
 * or the variable. The caller owns *out (conf_free). */
MUST_USE rc conf_load(
    const char *path, char *const *env, struct conf **out, struct err *e);

/* NULL is accepted. */
void conf_free(struct conf *c);

/* The default path of akashid.conf. */
const char *conf_default_path(void);

/* --- showing -------------------------------------------------------------- */

/* One line per key: key = value, then source and default; or one JSON
 * document. Secrets are shown as ***. */
void conf_show(const struct conf *c, bool json, struct buf *out);

/* Keys that differ between two snapshots but are read at start only; the key
 * of the i-th such difference or NULL when there are no more. */
const char *conf_restart_needed(
    const struct conf *running, const struct conf *loaded, size_t i);

/* The sample file and the text of akashid.conf(5), from the table. */
void conf_sample(struct buf *out);
void conf_man(struct buf *out);

/* The i-th key ("tls.mode") or NULL: for tests and completion. */
const char *conf_key(size_t i);

/* --- the current snapshot ------------------------------------------------- */

/* Readers take the current snapshot and drop it when they are done; a swap
 * frees the old one after its last reader. */
struct conf_box;

/* Takes ownership of c. NULL without memory (c is not freed then). */
struct conf_box *conf_box_new(struct conf *c);
void conf_box_free(struct conf_box *b);
const struct conf *conf_take(struct conf_box *b);
void conf_drop(struct conf_box *b, const struct conf *c);
/* Takes ownership of c unless it fails. MEMORY. */
MUST_USE rc conf_swap(struct conf_box *b, struct conf *c);

#endif
