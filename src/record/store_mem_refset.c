/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: reference sets. */
#include "record/store_mem.h"

static struct mem_refset *
version_of(struct store_mem *m, const struct uuid *tenant, struct span name,
    uint32_t version)
{
	struct mem_refset *found = NULL;

	for (size_t i = 0; i < m->refsets.n; i++) {
		struct mem_refset *s = m->refsets.row[i];
		if (uuid_eq(&s->tenant, tenant) &&
		    span_eq(span_str(s->row.name), name) &&
		    (version == 0 || s->row.version == version))
			found = s;
	}
	return found;
}

static struct mem_refset *
content_of(
    struct store_mem *m, const struct uuid *tenant, const struct sha256 *hash)
{
	for (size_t i = 0; i < m->refsets.n; i++) {
		struct mem_refset *s = m->refsets.row[i];
		if (uuid_eq(&s->tenant, tenant) &&
		    sha256_eq(&s->row.hash, hash))
			return s;
	}
	return NULL;
}

static rc
put_locked(struct store_mem *m, const struct actor *by,
    const struct refset_row *p, struct span file, uint32_t *version,
    struct err *e)
{
	const struct uuid *tenant = &by->who->tenant;
	const struct mem_refset *last =
	    version_of(m, tenant, span_str(p->name), 0);
	const struct mem_refset *same = content_of(m, tenant, &p->hash);
	bool failed = false;

	*version = last ? last->row.version : 0;
	if (last && sha256_eq(&last->row.hash, &p->hash))
		return RC_OK;
	struct mem_refset *s = mem_add(m, &m->refsets, sizeof(*s));
	if (!s)
		return mem_full(e);
	s->tenant = *tenant;
	s->row = *p;
	s->row.version = ++*version;
	s->row.created = by->now;
	s->row.alg = mem_copy(&m->arena, p->alg, &failed);
	s->file = same ? same->file : mem_copy(&m->arena, file, &failed);
	snprintf(s->row.author, sizeof(s->row.author), "%s", by->who->name);
	m->audits++;
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_refset_put(struct store *st, const struct actor *by,
    const struct refset_row *p, struct span file, uint32_t *version,
    struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = put_locked(m, by, p, file, version, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

rc
mem_refset_get(struct store *st, const struct uuid *tenant, struct span name,
    uint32_t version, struct arena *a, struct refset_row *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	const struct mem_refset *s = version_of(m, tenant, name, version);
	if (s) {
		*out = s->row;
		out->alg = mem_copy(a, s->row.alg, &failed);
	}
	pthread_mutex_unlock(&m->lock);
	if (failed)
		return mem_full(e);
	return s ? RC_OK : err_at(e, ERR_REFSET_UNKNOWN, NULL, "%s", "");
}

rc
mem_refset_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct refset_list *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct refset_list l = {0};
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	l.row = arena_array(a, m->refsets.n, sizeof(*l.row));
	for (size_t i = m->refsets.n; l.row && i-- > 0;) {
		const struct mem_refset *s = m->refsets.row[i];
		if (!uuid_eq(&s->tenant, tenant))
			continue;
		struct refset_row row = s->row;
		row.alg = mem_copy(a, s->row.alg, &failed);
		size_t at = l.n++;
		for (; at > 0 && strcmp(l.row[at - 1].name, row.name) > 0; at--)
			l.row[at] = l.row[at - 1];
		l.row[at] = row;
	}
	pthread_mutex_unlock(&m->lock);
	if (!l.row || failed)
		return mem_full(e);
	*out = l;
	return RC_OK;
}

rc
mem_refset_read(struct store *st, const struct uuid *tenant,
    const struct sha256 *hash, const struct refset_sink *to, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	const struct mem_refset *s = content_of(m, tenant, hash);
	struct span file = s ? s->file : (struct span){NULL, 0};
	pthread_mutex_unlock(&m->lock);
	if (!s)
		return err_at(e, ERR_REFSET_UNKNOWN, NULL, "%s", "");
	return to && file.n ? to->feed(to->ctx, file, e) : RC_OK;
}
