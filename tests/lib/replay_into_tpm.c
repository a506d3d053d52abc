/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_into_tpm [--rehashed] TCTI EVENTLOG [IMA [USERSPACE]]
 *
 * Extend into a freshly reset TPM what a recorded boot measured, so that its
 * PCRs are those of that boot. One connection, all banks at once.
 *
 * IMA without the hash of a bank pads the SHA-1 template hash with zeros; that
 * is what the recorded machines did for SHA-384 and SHA-512. --rehashed: they
 * had the hashes and extended H(template data) everywhere. IMA is "-" where
 * there is no list.
 */
#include "agent/collect.h"
#include "agent/tpm.h"
#include "decode/cel.h"
#include "decode/ima.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024 * 1024, SHA1 = 20 };

static struct hasher *hasher;
static bool rehashed;

static int
fail(const char *what, const struct err *e)
{
	fprintf(stderr, "replay_into_tpm: %s: %s %s %s\n", what,
	    err_name(e->code), e->path,
	    e->text[0] ? e->text : err_sentence(e->code, "en"));
	return 1;
}

/* --- boot log --------------------------------------------------------------
 */

static rc
extend_event(struct tpm_device *t, const struct evlog *log,
    const struct evlog_event *ev, struct err *e)
{
	struct digest d[LIMIT_BANKS];
	size_t n = 0;

	if (!evlog_extended(ev))
		return RC_OK;
	for (size_t i = 0; i < log->algs_n; i++) {
		if (!log->algs[i].known || !ev->digests[i])
			continue;
		d[n].alg = log->algs[i].id;
		memcpy(d[n++].bytes, ev->digests[i], log->algs[i].size);
	}
	return tpm_extend(t, ev->pcr, d, n, e);
}

static rc
replay_log(struct tpm_device *t, struct span bytes, struct err *e)
{
	struct arena a;
	struct evlog log;

	arena_init(&a, (size_t)FILE_MAX);
	rc r = evlog_decode(bytes, &a, &log, e);
	if (rc_ok(r) && log.startup_locality != 0)
		r = err_at(e, ERR_LOG_LOCALITY,
		    "A TPM cannot be started at another locality from here.",
		    "%s", "");
	for (size_t i = 0; rc_ok(r) && i < log.events_n; i++)
		r = extend_event(t, &log, &log.events[i], e);
	if (rc_ok(r))
		printf("%zu events of the boot log\n", log.events_n);
	arena_free(&a);
	return r;
}

/* --- IMA list ---------------------------------------------------------------
 */

/* The template data as it was hashed: "ima" pads the name to 256 bytes. */
static struct span
hashed_data(const struct ima_entry *entry, uint8_t legacy[SHA1 + 256])
{
	if (!entry->is_ima || entry->digest.n != SHA1 || entry->path.n > 255)
		return entry->template_data;
	memset(legacy, 0, SHA1 + 256);
	memcpy(legacy, entry->digest.p, SHA1);
	memcpy(legacy + SHA1, entry->path.p, entry->path.n);
	return span_of(legacy, SHA1 + 256);
}

static rc
ima_digest(const struct ima_entry *entry, uint16_t alg, struct digest *d)
{
	uint8_t legacy[SHA1 + 256];

	*d = (struct digest){.alg = alg};
	if (entry->violation) {
		memset(d->bytes, 0xff, sizeof(d->bytes));
		return RC_OK;
	}
	if (alg == ALG_SHA256 || (rehashed && alg != ALG_SHA1))
		return hash_of(
		    hasher, alg, hashed_data(entry, legacy), d->bytes);
	memcpy(d->bytes, entry->template_hash.p, SHA1);
	return RC_OK;
}

static rc
extend_entry(struct tpm_device *t, const struct ima_entry *entry, struct err *e)
{
	static const uint16_t algs[] = {
	    ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512};
	struct digest d[4];

	for (size_t i = 0; i < 4; i++)
		TRY(ima_digest(entry, algs[i], &d[i]));
	return tpm_extend(t, entry->pcr, d, 4, e);
}

static rc
replay_ima(struct tpm_device *t, struct span list, struct err *e)
{
	struct ima_reader r = ima_over(list, 0);
	struct ima_entry entry;
	bool more = true;
	size_t n = 0;

	for (;; n++) {
		TRY(ima_next(&r, &entry, &more, e));
		if (!more)
			break;
		TRY(extend_entry(t, &entry, e));
	}
	printf("%zu entries of the IMA list\n", n);
	return RC_OK;
}

/* --- userspace log ----------------------------------------------------------
 */

static rc
extend_record(struct tpm_device *t, const struct cel_record *rec, struct err *e)
{
	struct digest d[LIMIT_BANKS];

	if (rec->nv || !cel_extended(rec))
		return RC_OK;
	for (size_t i = 0; i < rec->digests_n; i++) {
		d[i].alg = rec->digests[i].alg->id;
		memcpy(d[i].bytes, rec->digests[i].bytes,
		    rec->digests[i].alg->size);
	}
	return tpm_extend(t, rec->where, d, rec->digests_n, e);
}

static rc
replay_userspace(struct tpm_device *t, struct span bytes, struct err *e)
{
	struct arena a;
	struct cel_log log;

	arena_init(&a, (size_t)FILE_MAX);
	rc r = cel_decode(bytes, CEL_SYSTEMD, &a, &log, e);
	for (size_t i = 0; rc_ok(r) && i < log.records_n; i++)
		r = extend_record(t, &log.records[i], e);
	if (rc_ok(r))
		printf("%zu records of the userspace log\n", log.records_n);
	arena_free(&a);
	return r;
}

/* --- all of them ------------------------------------------------------------
 */

static int
replay(struct tpm_device *t, char **files, struct err *e)
{
	static rc (*const by[])(struct tpm_device * t, struct span bytes,
	    struct err * e) = {replay_log, replay_ima, replay_userspace};

	for (size_t i = 0; i < 3 && files[i]; i++) {
		const struct log_source source = {.what = "log",
		    .path = files[i],
		    .recorded = true,
		    .max = FILE_MAX};
		struct log_part part;
		if (strcmp(files[i], "-") == 0)
			continue;
		rc r = log_read(&source, 0, &part, e);
		if (!rc_ok(r))
			return fail(files[i], e);
		r = by[i](t, buf_span(&part.bytes), e);
		buf_free(&part.bytes);
		if (!rc_ok(r))
			return fail(files[i], e);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct err e = {0};
	struct tpm_device *t;

	rehashed = argc > 1 && strcmp(argv[1], "--rehashed") == 0;
	argv += rehashed;
	argc -= rehashed;
	if (argc < 3 || argc > 5) {
		fputs("Usage: replay_into_tpm [--rehashed] TCTI EVENTLOG "
		      "[IMA [USERSPACE]]\n",
		    stderr);
		return 2;
	}
	hasher = hasher_new();
	if (!hasher || !rc_ok(tpm_open(argv[1], &t, &e)))
		return fail(argv[1], &e);
	int code = replay(t, argv + 2, &e);
	tpm_close(t);
	hasher_free(hasher);
	return code;
}
