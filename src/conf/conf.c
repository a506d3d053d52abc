/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/schema.h"

#include "base/clock.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Texts of all values; a configuration is a few kilobytes. */
enum { CONF_MEMORY = 1024 * 1024 };

/* --- one snapshot --------------------------------------------------------- */

static struct conf *
conf_new(void)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->extra = calloc(1, sizeof(*c->extra));
	if (!c->extra) {
		free(c);
		return NULL;
	}
	arena_init(&c->extra->arena, CONF_MEMORY);
	return c;
}

void
conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONF_KEYS; i++)
		if (conf_rows[i].flags & SECRET)
			for (size_t k = 0; k < c->extra->raw[i].text.n; k++) {
				char *s = (char *)(uintptr_t)c->extra->raw[i]
					      .text.v[k];
				explicit_bzero(s, strlen(s));
			}
	arena_free(&c->extra->arena);
	free(c->extra);
	free(c);
}

const char *
conf_default_path(void)
{
	return AKASHI_SYSCONFDIR "/akashid/akashid.conf";
}

/* Keep text as the whole value of a row. */
static rc
keep(struct conf *c, size_t row, const char *text, const char *source)
{
	struct arena *a = &c->extra->arena;
	const char **v = arena_alloc(a, sizeof(*v));
	char *copy = arena_printf(a, "%s", text);

	if (!v || !copy)
		return (rc){ERR_MEMORY};
	*v = copy;
	c->extra->raw[row] = (struct conf_raw){{1, v}, source};
	return RC_OK;
}

/* A list in one text: names separated by colons; empty is no name. */
static rc
keep_list(struct conf *c, size_t row, const char *text, const char *source)
{
	struct arena *a = &c->extra->arena;
	char *copy = arena_printf(a, "%s", text);
	const char **v = arena_array(a, strlen(text) + 1, sizeof(*v));
	size_t n = 0;

	if (!copy || !v)
		return (rc){ERR_MEMORY};
	for (char *word = strsep(&copy, ":"); word; word = strsep(&copy, ":"))
		if (*word)
			v[n++] = word;
	c->extra->raw[row] = (struct conf_raw){{n, v}, source};
	return RC_OK;
}

static rc
keep_text(struct conf *c, size_t row, const char *text, const char *source)
{
	return conf_rows[row].kind == CONF_LIST
		   ? keep_list(c, row, text, source)
		   : keep(c, row, text, source);
}

/* --- sources -------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_fragment(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static rc
list_folder(
    const char *folder, struct arena *a, char **names, size_t max, size_t *n)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;

	*n = 0;
	if (!d)
		return (rc){errno == ENOENT ? ERR_OK : ERR_FILE};
	while ((entry = readdir(d)) && *n < max)
		if (is_fragment(entry->d_name))
			names[(*n)++] =
			    arena_printf(a, "%s/%s", folder, entry->d_name);
	closedir(d);
	if (entry)
		return (rc){ERR_FILE};
	for (size_t i = 0; i < *n; i++)
		if (!names[i])
			return (rc){ERR_MEMORY};
	qsort(names, *n, sizeof(*names), by_name);
	return RC_OK;
}

static rc
read_files(struct conf *c, const char *path, struct err *e)
{
	enum { FRAGMENTS = 256 };
	char *names[FRAGMENTS];
	size_t n;

	TRY(conf_read(c, path, e));
	const char *folder = arena_printf(&c->extra->arena, "%s.d", path);
	if (!folder)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	rc r = list_folder(folder, &c->extra->arena, names, FRAGMENTS, &n);
	if (!rc_ok(r))
		return err_at(e, r.code,
		    "The folder cannot be read, or holds too many files.", "%s",
		    folder);
	for (size_t i = 0; i < n; i++)
		TRY(conf_read(c, names[i], e));
	return RC_OK;
}

/* Whether "SECTION_KEY" names this key. */
static bool
spells(const char *name, size_t n, const char *key)
{
	if (strlen(key) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char want =
		    key[i] == '.' ? '_' : (char)toupper((unsigned char)key[i]);
		if (name[i] != want)
			return false;
	}
	return true;
}

static rc
read_variable(struct conf *c, const char *variable, struct err *e)
{
	static const char prefix[] = "AKASHID_";
	const char *equals = strchr(variable, '=');

	if (!equals || strncmp(variable, prefix, sizeof(prefix) - 1) != 0)
		return RC_OK;
	const char *name = variable + sizeof(prefix) - 1;
	for (size_t i = 0; i < CONF_KEYS; i++)
		if (spells(name, (size_t)(equals - name), conf_rows[i].key))
			return keep_text(c, i, equals + 1, "environment");
	return err_at(e, ERR_CONFIG_UNKNOWN_KEY,
	    "The environment names a key that does not exist.", "%.*s",
	    (int)(equals - variable), variable);
}

/* --- values that only make sense together --------------------------------- */

/* ADDRESS:PORT, [IPV6]:PORT or unix:/path; the address itself is judged when
 * the server listens. */
static bool
is_address(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	uint64_t port;

	return strncmp(listen, "unix:/", 6) == 0 ||
	       (colon && colon != listen &&
		   number_parse(span_str(colon + 1), 65535, &port));
}

static bool
is_local(const char *listen)
{
	return strncmp(listen, "unix:/", 6) == 0 ||
	       strncmp(listen, "127.", 4) == 0 ||
	       strncmp(listen, "[::1]:", 6) == 0;
}

static rc
check_together(const struct conf *c, struct err *e)
{
	if (!is_address(c->listen))
		return err_text(e, ERR_CONFIG, "listen",
		    "%.100s is not ADDRESS:PORT, [IPV6]:PORT or unix:/path.",
		    c->listen);
	if (c->tls_mode == TLS_ON && (!*c->tls_certificate || !*c->tls_key))
		return err_text(e, ERR_CONFIG,
		    *c->tls_certificate ? "tls.key" : "tls.certificate",
		    "TLS is on and needs tls.certificate and tls.key.");
	if (c->tls_mode == TLS_OFF && !is_local(c->listen))
		return err_text(e, ERR_CONFIG, "tls.mode",
		    "TLS can be off only where the API listens on a unix "
		    "socket or a loopback address, not on %s.",
		    c->listen);
	if (c->tls_mode == TLS_OFF && *c->tls_client_ca)
		return err_text(e, ERR_CONFIG, "tls.client_ca",
		    "Client certificates need TLS, which is off.");
	if (c->trust_virtual.n && !c->lab_allow_virtual)
		return err_text(e, ERR_CONFIG, "trust.virtual",
		    "Virtual TPMs are trusted only where lab.allow_virtual is "
		    "true.");
	if (c->attest_valid_for <= c->attest_interval)
		return err_text(e, ERR_CONFIG, "attest.valid_for",
		    "A verdict must hold longer than attest.interval, or every "
		    "node is unknown between two attestations.");
	return RC_OK;
}

static rc
fill(struct conf *c, const char *path, char *const *env, struct err *e)
{
	for (size_t i = 0; i < CONF_KEYS; i++)
		TRY(keep_text(c, i, conf_rows[i].def, "default"));
	if (path)
		TRY(read_files(c, path, e));
	for (; env && *env; env++)
		TRY(read_variable(c, *env, e));
	for (size_t i = 0; i < CONF_KEYS; i++)
		TRY(conf_set(c, i, e));
	return check_together(c, e);
}

rc
conf_load(const char *path, char *const *env, struct conf **out, struct err *e)
{
	struct conf *c = conf_new();

	if (!c)
		return err_at(e, ERR_MEMORY, NULL, "%s", path ? path : "");
	rc r = fill(c, path, env, e);
	if (!rc_ok(r)) {
		conf_free(c);
		return r.code == ERR_MEMORY
			   ? err_at(e, ERR_MEMORY, NULL, "%s", path ? path : "")
			   : r;
	}
	*out = c;
	return RC_OK;
}

/* --- the current snapshot ------------------------------------------------- */

struct held {
	struct conf *c;
	size_t readers;
	struct held *next;
};

struct conf_box {
	pthread_mutex_t lock;
	struct held *held; /* the current one first */
};

struct conf_box *
conf_box_new(struct conf *c)
{
	struct conf_box *b = calloc(1, sizeof(*b));
	struct held *h = calloc(1, sizeof(*h));

	if (!b || !h || pthread_mutex_init(&b->lock, NULL) != 0) {
		free(b);
		free(h);
		return NULL;
	}
	h->c = c;
	b->held = h;
	return b;
}

void
conf_box_free(struct conf_box *b)
{
	if (!b)
		return;
	while (b->held) {
		struct held *h = b->held;
		b->held = h->next;
		conf_free(h->c);
		free(h);
	}
	pthread_mutex_destroy(&b->lock);
	free(b);
}

const struct conf *
conf_take(struct conf_box *b)
{
	pthread_mutex_lock(&b->lock);
	b->held->readers++;
	const struct conf *c = b->held->c;
	pthread_mutex_unlock(&b->lock);
	return c;
}

/* Free what is neither current nor read. */
static void
sweep(struct conf_box *b)
{
	for (struct held **at = &b->held->next; *at;) {
		struct held *h = *at;
		if (h->readers) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		conf_free(h->c);
		free(h);
	}
}

void
conf_drop(struct conf_box *b, const struct conf *c)
{
	pthread_mutex_lock(&b->lock);
	for (struct held *h = b->held; h; h = h->next)
		if (h->c == c)
			h->readers--;
	sweep(b);
	pthread_mutex_unlock(&b->lock);
}

rc
conf_swap(struct conf_box *b, struct conf *c)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h)
		return (rc){ERR_MEMORY};
	pthread_mutex_lock(&b->lock);
	*h = (struct held){c, 0, b->held};
	b->held = h;
	sweep(b);
	pthread_mutex_unlock(&b->lock);
	return RC_OK;
}
