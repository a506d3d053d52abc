/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/edit_userspace.h"

#include "base/text.h"
#include "cases/edit_logs.h"
#include "replay/userspace.h"

#include <stdlib.h>

#define BOOT_ID "189c18dd7ba245f38cf49d9ac154b525"

static const uint16_t banks[] = {ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512};

static void
put_digests(struct edit *e, struct jw *j, struct span measured)
{
	uint8_t digest[HASH_MAX];

	jw_key(j, "digests");
	jw_array(j);
	for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
		const struct hash_alg *alg = hash_by_id(banks[i]);
		if (!rc_ok(hash_of(e->h, alg->id, measured, digest)))
			exit(99);
		jw_object(j);
		jw_kstr(j, "hashAlg", alg->name);
		jw_khex(j, "digest", span_of(digest, alg->size));
		jw_object_end(j);
	}
	jw_array_end(j);
}

/* where: a PCR, or an NV index where it is larger. */
static void
put_record(struct edit *e, struct buf *b, unsigned long where, const char *type,
    const char *string, const char *measured)
{
	struct jw j = jw_over(b);

	buf_put(b, "\x1e", 1);
	jw_object(&j);
	jw_ku64(&j, where < LIMIT_PCRS ? "pcr" : "nv_index", where);
	put_digests(e, &j, span_str(measured));
	jw_kstr(&j, "content_type", "systemd");
	jw_key(&j, "content");
	jw_object(&j);
	if (*string)
		jw_kstr(&j, "string", string);
	jw_kstr(&j, "bootId", e->us.boot ? e->us.boot : BOOT_ID);
	jw_ku64(&j, "timestamp", e->us.time += 1000);
	jw_kstr(&j, "eventType", type);
	jw_object_end(&j);
	jw_object_end(&j);
	buf_puts(b, "\n");
}

static bool
append(struct edit *e, struct buf *b)
{
	struct span *s = &e->r.ev.userspace;

	*s = edit_splice(e, *s, (struct cut){s->n, 0}, buf_span(b));
	buf_free(b);
	return true;
}

/* What a machine with TPM and encrypted root measures until it is ready. */
static bool
whole_boot(struct edit *e)
{
	static const struct {
		unsigned long where;
		const char *type, *string, *measured;
	} records[] = {
	    {0, "os-separator", "os-separator", NULL},
	    {1, "os-separator", "os-separator", NULL},
	    {2, "os-separator", "os-separator", NULL},
	    {3, "os-separator", "os-separator", NULL},
	    {4, "os-separator", "os-separator", NULL},
	    {5, "os-separator", "os-separator", NULL},
	    {6, "os-separator", "os-separator", NULL},
	    {7, "os-separator", "os-separator", NULL},
	    {9, "os-separator", "os-separator", NULL},
	    {12, "os-separator", "os-separator", NULL},
	    {13, "os-separator", "os-separator", NULL},
	    {14, "os-separator", "os-separator", NULL},
	    {11, "phase", "enter-initrd", NULL},
	    {15, "volume-key",
		"cryptsetup:root:5e47a9db-0000-4000-8000-000000000000",
		"an HMAC under the key"},
	    {11, "phase", "leave-initrd", NULL},
	    {15, "machine-id", "machine-id:4f2b5b0c5d3e4a7f9a6b0c1d2e3f4a5b",
		NULL},
	    {15, "filesystem",
		"file-system:/:ext4:5e47a9db-0000-4000-8000-000000000000:root",
		NULL},
	    {9, "nvpcr-init", "nvpcr-init:hardware:0x1d10200:sha256", NULL},
	    {0x1d10200, "product-id", "product-id:abc", NULL},
	    {11, "phase", "sysinit", NULL},
	    {11, "phase", "ready", NULL},
	};
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		put_record(e, &b, records[i].where, records[i].type,
		    records[i].string,
		    records[i].measured ? records[i].measured
					: records[i].string);
	return append(e, &b);
}

/* The bytes of a record; {0, 0} if there is none. */
static struct cut
record_bytes(const struct cel_log *log, size_t i)
{
	size_t end =
	    i + 1 < log->records_n ? log->records[i + 1].offset : log->raw.n;

	if (i >= log->records_n)
		return (struct cut){0, 0};
	return (struct cut){
	    log->records[i].offset, end - log->records[i].offset};
}

static bool
change_record(struct edit *e, char **w)
{
	struct cel_log *log = arena_alloc(e->a, sizeof(*log));
	struct span *s = &e->r.ev.userspace;

	if (!log || !w[1] ||
	    !rc_ok(cel_decode(*s, CEL_SYSTEMD, e->a, log, NULL)))
		return false;
	struct cut it = record_bytes(log, strtoul(w[1], NULL, 10));
	struct span bytes = arena_copy(e->a, span_of(s->p + it.at, it.n));
	if (!it.n)
		return false;
	if (strcmp(w[0], "dup") == 0) {
		*s = edit_splice(e, *s, (struct cut){it.at, 0}, bytes);
		return true;
	}
	*s = edit_splice(e, *s, it, span_of("", 0));
	if (strcmp(w[0], "drop") == 0)
		return true;
	if (strcmp(w[0], "move") != 0 || !w[2])
		return false;
	size_t to = strtoul(w[2], NULL, 10);
	size_t at = to < log->records_n ? log->records[to].offset : log->raw.n;
	at -= at > it.at ? it.n : 0;
	*s = edit_splice(e, *s, (struct cut){at, 0}, bytes);
	return true;
}

static const char *
blanks(struct edit *e, const char *word)
{
	char *s = arena_printf(e->a, "%s", word);

	for (char *c = s; c && *c; c++)
		*c = *c == '+' ? ' ' : *c;
	return s;
}

bool
edit_userspace(struct edit *e, char **w)
{
	struct buf b = {0};

	if (strcmp(w[0], "boot") == 0)
		return whole_boot(e);
	if (strcmp(w[0], "id") == 0 && w[1])
		return (e->us.boot = w[1]) != NULL;
	if (strcmp(w[0], "time") == 0 && w[1]) {
		e->us.time = strtoull(w[1], NULL, 10);
		return true;
	}
	if (strcmp(w[0], "covered") == 0 && w[1]) {
		e->us.limited = true;
		e->us.covered = strtoul(w[1], NULL, 10);
		return true;
	}
	if (strcmp(w[0], "incomplete") == 0)
		return e->r.ev.userspace_incomplete = true;
	if (strcmp(w[0], "add") != 0 || !w[1] || !w[2] || !w[3])
		return change_record(e, w);
	const char *string = blanks(e, w[3]);
	put_record(e, &b, strtoul(w[1], NULL, 0), w[2],
	    strcmp(string, "-") == 0 ? "" : string, string);
	return append(e, &b);
}

void
edit_replay_userspace(struct edit *e)
{
	struct cel_log *log = arena_alloc(e->a, sizeof(*log));
	struct span s = e->r.ev.userspace;
	enum cel_format format;

	if (!log)
		exit(99);
	if (!s.n || !cel_recognise(s, &format) ||
	    !rc_ok(cel_decode(s, format, e->a, log, NULL)))
		return;
	size_t n = e->us.limited && e->us.covered < log->records_n
		       ? e->us.covered
		       : log->records_n;
	if (!rc_ok(userspace_extend(log, 0, n, UINT32_MAX, e->h, &e->banks)))
		exit(99);
}
