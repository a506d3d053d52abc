/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state.h"

#include "agent/fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_MAX = 256 * 1024 };

static const char identity_file[] = "identity.json";
static const char progress_file[] = "progress.json";

static rc
state_error(struct err *e, const char *what, const char *path)
{
	return err_text(e, ERR_AGENT_STATE, path, "%s %.160s: %s.", what, path,
	    strerror(errno));
}

/* --- folder and files ----------------------------------------------------- */

/* Others may neither read the keys nor put files of theirs in their place. */
static rc
check_folder(const struct state *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return state_error(e, "Cannot look at", s->dir);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_text(e, ERR_AGENT_STATE, s->dir,
		    "%.160s must belong to user %u alone: chown it and "
		    "chmod 0700.",
		    s->dir, (unsigned)geteuid());
	return RC_OK;
}

static rc
open_in(struct state *s, bool create, struct err *e)
{
	if (create && mkdir(s->dir, 0700) != 0 && errno != EEXIST)
		return state_error(e, "Cannot make the folder", s->dir);
	s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 && errno == ENOENT)
		return err_at(e, ERR_AGENT_NOT_ENROLLED, NULL, "%s", s->dir);
	if (s->fd < 0)
		return state_error(e, "Cannot open the folder", s->dir);
	TRY(check_folder(s, e));
	s->lock =
	    openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, (mode_t)0600);
	if (s->lock < 0 || flock(s->lock, LOCK_EX) != 0)
		return state_error(e, "Cannot lock the folder", s->dir);
	return RC_OK;
}

rc
state_open(const char *dir, bool create, struct state *out, struct err *e)
{
	struct state s = {dir, -1, -1};
	rc r = open_in(&s, create, e);

	if (rc_ok(r))
		*out = s;
	else
		state_close(&s);
	return r;
}

void
state_close(struct state *s)
{
	if (s->lock >= 0)
		close(s->lock);
	if (s->fd >= 0)
		close(s->fd);
	s->lock = s->fd = -1;
}

static bool
write_all(int fd, struct span bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = span_of(bytes.p + n, bytes.n - (size_t)n);
	}
	return true;
}

rc
file_replace(int dir_fd, const char *name, struct span bytes, struct err *e)
{
	char temp[80];

	snprintf(temp, sizeof(temp), ".%.60s.new", name);
	int fd = openat(dir_fd, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    (mode_t)0600);
	if (fd < 0)
		return state_error(e, "Cannot write", name);
	bool ok =
	    fchmod(fd, 0600) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
	ok &= close(fd) == 0;
	if (ok && renameat(dir_fd, temp, dir_fd, name) == 0 &&
	    fsync(dir_fd) == 0)
		return RC_OK;
	rc r = state_error(e, "Cannot write", name);
	unlinkat(dir_fd, temp, 0);
	return r;
}

/* A whole file into the arena; *found false where there is none. */
static rc
file_load(const struct state *s, const char *name, struct arena *a,
    struct span *out, bool *found, struct err *e)
{
	int fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		*found = false;
		return RC_OK;
	}
	if (fd < 0)
		return state_error(e, "Cannot read", name);
	uint8_t *p = arena_alloc(a, STATE_MAX);
	size_t at = 0;
	ssize_t n = p ? 1 : 0;
	while (n > 0 && at < STATE_MAX) {
		n = read(fd, p + at, STATE_MAX - at);
		at += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!p)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (n < 0)
		return state_error(e, "Cannot read", name);
	*found = true;
	*out = span_of(p, at);
	return RC_OK;
}

/* --- identity ------------------------------------------------------------- */

static rc
identity_decode(
    const json_t *doc, struct arena *a, struct identity *id, struct err *e)
{
	const char *ek;

	TRY(field_text(doc, "server", a, &id->server, e));
	TRY(field_text(doc, "ca", a, &id->ca, e));
	TRY(field_text(doc, "name", a, &id->name, e));
	TRY(field_uuid(doc, "tenant", &id->tenant, e));
	TRY(field_uuid(doc, "node", &id->node, e));
	TRY(field_text(doc, "token", a, &id->token, e));
	TRY(field_text(doc, "ek", a, &ek, e));
	id->ek = tpm_key_by_name(ek);
	if (id->ek == TPM_KEYS)
		return err_at(e, ERR_JSON_RANGE, NULL, "%s", "ek");
	TRY(field_bytes(doc, "ek_public", a, &id->ek_public, e));
	TRY(field_bytes(doc, "ek_certificate", a, &id->ek_certificate, e));
	TRY(field_bytes(doc, "ak_public", a, &id->ak.public_area, e));
	return field_bytes(doc, "ak_private", a, &id->ak.private_area, e);
}

rc
identity_load(
    const struct state *s, struct arena *a, struct identity *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct identity id = {0};
	struct span text;
	struct err why;
	bool found = false;

	TRY(file_load(s, identity_file, a, &text, &found, e));
	if (!found)
		return err_at(e, ERR_AGENT_NOT_ENROLLED, NULL, "%s", s->dir);
	rc r = json_decode(text, STATE_MAX, &doc, &why);
	if (rc_ok(r))
		r = identity_decode(doc, a, &id, &why);
	if (!rc_ok(r))
		return err_text(e, ERR_AGENT_STATE, s->dir,
		    "%s is damaged (%s %.60s): enrol again.", identity_file,
		    err_name(r.code), why.path);
	*out = id;
	return RC_OK;
}

static rc
save(const struct state *s, const char *name, struct buf *text, struct err *e)
{
	rc r = text->failed ? err_at(e, ERR_MEMORY, NULL, "%s", name)
			    : file_replace(s->fd, name, buf_span(text), e);

	if (text->p)
		secret_cleanse(text->p, text->cap);
	buf_free(text);
	return r;
}

rc
identity_save(const struct state *s, const struct identity *id, struct err *e)
{
	struct buf text = {0};
	struct jw w = jw_over(&text);

	jw_object(&w);
	jw_kstr(&w, "server", id->server);
	jw_kstr(&w, "ca", id->ca);
	jw_kstr(&w, "name", id->name);
	field_put_uuid(&w, "tenant", &id->tenant);
	field_put_uuid(&w, "node", &id->node);
	jw_kstr(&w, "token", id->token);
	jw_kstr(&w, "ek", tpm_key_name(id->ek));
	field_put_bytes(&w, "ek_public", id->ek_public);
	field_put_bytes(&w, "ek_certificate", id->ek_certificate);
	field_put_bytes(&w, "ak_public", id->ak.public_area);
	field_put_bytes(&w, "ak_private", id->ak.private_area);
	jw_object_end(&w);
	if (unlinkat(s->fd, progress_file, 0) != 0 && errno != ENOENT) {
		buf_free(&text);
		return state_error(e, "Cannot remove", progress_file);
	}
	return save(s, identity_file, &text, e);
}

/* --- progress ------------------------------------------------------------- */

static rc
offer_decode(const json_t *doc, struct arena *a, struct offer *o, struct err *e)
{
	TRY(field_text(doc, "challenge", a, &o->text, e));
	TRY(field_text(doc, "pcrs", a, &o->pcrs, e));
	return field_time(doc, "expires_at", &o->expires, e);
}

static rc
boot_decode(
    const json_t *doc, struct arena *a, struct progress *p, struct err *e)
{
	struct span sha;
	uint64_t reset, restart;

	TRY(json_get_u64(doc, "", "reset_count", UINT32_MAX, &reset, e));
	TRY(json_get_u64(doc, "", "restart_count", UINT32_MAX, &restart, e));
	TRY(json_get_u64(doc, "", "ima_offset", INT64_MAX, &p->ima_offset, e));
	TRY(field_bytes(doc, "boot_log_sha256", a, &sha, e));
	p->log_sent = sha.n == sizeof(p->log_sha256);
	if (p->log_sent)
		memcpy(p->log_sha256, sha.p, sha.n);
	p->reset_count = (uint32_t)reset;
	p->restart_count = (uint32_t)restart;
	p->seen = true;
	return RC_OK;
}

static rc
progress_decode(
    const json_t *doc, struct arena *a, struct progress *p, struct err *e)
{
	const json_t *part;

	TRY(json_get_u64(
	    doc, "", "interval_seconds", UINT32_MAX, &p->interval, e));
	TRY(field_bytes(doc, "ak_context", a, &p->ak_context, e));
	if (json_has(doc, "boot")) {
		TRY(json_get_object(doc, "", "boot", &part, e));
		TRY(boot_decode(part, a, p, e));
	}
	if (json_has(doc, "next")) {
		TRY(json_get_object(doc, "", "next", &part, e));
		TRY(offer_decode(part, a, &p->challenge, e));
	}
	return RC_OK;
}

rc
progress_load(
    const struct state *s, struct arena *a, struct progress *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct progress p = {0};
	struct span text;
	struct err why;
	bool found = false;

	TRY(file_load(s, progress_file, a, &text, &found, e));
	*out = (struct progress){0};
	if (!found || !rc_ok(json_decode(text, STATE_MAX, &doc, &why)))
		return RC_OK;
	if (rc_ok(progress_decode(doc, a, &p, &why)))
		*out = p;
	return RC_OK;
}

rc
progress_save(const struct state *s, const struct progress *p, struct err *e)
{
	struct buf text = {0};
	struct jw w = jw_over(&text);

	jw_object(&w);
	jw_ku64(&w, "interval_seconds", p->interval);
	field_put_bytes(&w, "ak_context", p->ak_context);
	if (p->seen) {
		jw_key(&w, "boot");
		jw_object(&w);
		jw_ku64(&w, "reset_count", p->reset_count);
		jw_ku64(&w, "restart_count", p->restart_count);
		jw_ku64(&w, "ima_offset", p->ima_offset);
		field_put_bytes(&w, "boot_log_sha256",
		    span_of(p->log_sha256,
			p->log_sent ? sizeof(p->log_sha256) : 0));
		jw_object_end(&w);
	}
	if (p->challenge.text) {
		jw_key(&w, "next");
		jw_object(&w);
		jw_kstr(&w, "challenge", p->challenge.text);
		jw_kstr(&w, "pcrs", p->challenge.pcrs);
		jw_ktime(&w, "expires_at", p->challenge.expires);
		jw_object_end(&w);
	}
	jw_object_end(&w);
	return save(s, progress_file, &text, e);
}
