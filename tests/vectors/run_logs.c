/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical event logs and logs of systemd, one file each, with its .expect:
 *
 *   accept FORMAT RECORDS [QUIRK]	then "pcr BANK INDEX HEX" for every PCR
 *   reject CODE PATH			refused while it is decoded
 *   refuse CODE PATH			refused while it is replayed
 *
 * A name that begins with a case (c01-…) is a vector of it. Of what is
 * accepted, no prefix is but at the end of a record, and no longer log.
 */
#include "base/text.h"
#include "lib/tap.h"
#include "replay/cel.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 4, LINE = 256 };

static struct hasher *hasher;

struct expected {
	char word[WORDS][LINE];
};

/* The next line of text, split at blanks; false at the end. */
static bool
next_line(struct span *text, struct expected *out)
{
	char line[LINE];
	size_t n = 0;

	*out = (struct expected){{{0}}};
	while (n < text->n && text->p[n] != '\n')
		n++;
	if (n == text->n || n >= LINE)
		return false;
	snprintf(line, sizeof(line), "%.*s", (int)n, (const char *)text->p);
	*text = span_of(text->p + n + 1, text->n - n - 1);
	return sscanf(line, "%255s %255s %255s %255s", out->word[0],
		   out->word[1], out->word[2], out->word[3]) > 0;
}

static rc
decode(struct span bytes, struct arena *a, struct cel_log *log, struct err *e)
{
	enum cel_format format;

	if (!cel_recognise(bytes, &format))
		return err_at(e, ERR_LOG_FORMAT, NULL, "%s", "");
	return cel_decode(bytes, format, a, log, e);
}

static void
check_refusal(
    const char *name, const struct expected *want, rc r, const struct err *e)
{
	bool ok = strcmp(err_name(r.code), want->word[1]) == 0 &&
		  strcmp(e->path, want->word[2]) == 0;

	tap_ok(ok, "%s: %s %s", name, want->word[1], want->word[2]);
	if (!ok)
		tap_note("it is %s %s", err_name(r.code), e->path);
}

/* --- what is accepted ----------------------------------------------------- */

static void
check_pcrs(const char *name, struct span lines, const struct banks *banks)
{
	struct expected want;
	size_t wanted = 0, touched = 0, wrong = 0;

	while (next_line(&lines, &want)) {
		const struct hash_alg *row =
		    hash_by_name(span_str(want.word[1]));
		const struct bank *b = row ? banks_get(banks, row->id) : NULL;
		unsigned long pcr = strtoul(want.word[2], NULL, 10);
		char hex[2 * HASH_MAX + 1] = "";
		if (b && pcr < LIMIT_PCRS)
			hex_emit(span_of(b->pcr[pcr], row->size), hex);
		wrong += strcmp(hex, want.word[3]) != 0;
		wanted++;
	}
	for (size_t i = 0; i < banks->n; i++)
		touched += (size_t)__builtin_popcount(banks->bank[i].touched);
	tap_ok(!wrong && wanted == touched, "%s: %zu PCR values", name, wanted);
}

static bool
boundary(const struct cel_log *log, size_t at)
{
	for (size_t i = 0; i < log->records_n; i++)
		if (log->records[i].offset == at)
			return true;
	return false;
}

/* Records one after the other may end behind any of them; an array may not. */
static bool
is_array(const struct cel_log *log)
{
	return log->raw.p[0] == '[' || log->raw.p[0] >> 5 == 4;
}

static void
check_prefixes(const char *name, const struct cel_log *log)
{
	size_t accepted = 0, wrong = 0;
	struct cel_log part;

	/* No bytes at all are a sequence of no records. */
	for (size_t n = is_array(log); n < log->raw.n; n++) {
		struct arena a;
		uint8_t *copy = malloc(n ? n : 1);
		if (!copy)
			abort();
		for (size_t i = 0; i < n; i++)
			copy[i] = log->raw.p[i];
		arena_init(&a, (size_t)64 << 20);
		if (rc_ok(cel_decode(
			span_of(copy, n), log->format, &a, &part, NULL))) {
			accepted++;
			wrong += !boundary(log, n) || is_array(log);
		}
		arena_free(&a);
		free(copy);
	}
	size_t all = is_array(log) ? 0 : log->records_n;
	tap_ok(!wrong && accepted == all, "%s: prefixes fail but at %zu ends",
	    name, all);
}

static void
check_longer(const char *name, const struct cel_log *log)
{
	uint8_t *copy = malloc(log->raw.n + 1);
	size_t accepted = 0;
	struct cel_log more;

	if (!copy)
		abort();
	for (size_t i = 0; i < log->raw.n; i++)
		copy[i] = log->raw.p[i];
	for (unsigned byte = 0; byte < 256; byte++) {
		struct arena a;
		if (log->format == CEL_JSON && strchr(" \t\r\n", (int)byte) &&
		    byte)
			continue;
		copy[log->raw.n] = (uint8_t)byte;
		arena_init(&a, (size_t)64 << 20);
		accepted += rc_ok(cel_decode(span_of(copy, log->raw.n + 1),
		    log->format, &a, &more, NULL));
		arena_free(&a);
	}
	free(copy);
	tap_ok(accepted == 0, "%s: one byte more fails", name);
}

static void
check_accepted(const char *name, const struct expected *want,
    const struct cel_log *log, struct span lines, struct arena *a)
{
	const char *quirk = "";
	struct cel_replay replay;
	struct err e;

	for (unsigned bit = 1; cel_quirk_name(bit); bit <<= 1)
		if (log->quirks & bit)
			quirk = cel_quirk_name(bit);
	tap_ok(strcmp(cel_format_name(log->format), want->word[1]) == 0 &&
		   log->records_n == strtoul(want->word[2], NULL, 10) &&
		   strcmp(quirk, want->word[3]) == 0,
	    "%s: %s, %s records %s", name, want->word[1], want->word[2],
	    want->word[3]);
	rc r = cel_replay(log, NULL, hasher, a, &replay, &e);
	tap_ok(rc_ok(r), "%s: replays", name);
	if (rc_ok(r))
		check_pcrs(name, lines, &replay.banks);
	check_prefixes(name, log);
	check_longer(name, log);
}

/* --- files ---------------------------------------------------------------- */

static void
check_file(const char *folder, const char *name)
{
	struct cel_replay replay;
	struct expected want;
	struct cel_log log;
	struct arena a;
	struct err e = {.path = ""};
	char path[512];

	arena_init(&a, (size_t)64 << 20);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	struct span bytes = tap_file(&a, path);
	snprintf(path, sizeof(path), "%s/%s.expect", folder, name);
	struct span lines = tap_file(&a, path);
	bool said = next_line(&lines, &want);
	rc r = decode(bytes, &a, &log, &e);
	if (!said) {
		tap_ok(false, "%s: no expectation", name);
	} else if (strcmp(want.word[0], "reject") == 0) {
		check_refusal(name, &want, r, &e);
	} else if (!rc_ok(r)) {
		tap_ok(false, "%s: %s %s", name, err_name(r.code), e.path);
	} else if (strcmp(want.word[0], "refuse") == 0) {
		r = cel_replay(&log, NULL, hasher, &a, &replay, &e);
		check_refusal(name, &want, r, &e);
	} else {
		check_accepted(name, &want, &log, lines, &a);
	}
	arena_free(&a);
}

static int
is_vector(const struct dirent *d)
{
	return d->d_name[0] != '.' && !strstr(d->d_name, ".expect");
}

static void
check_folder(const char *folder)
{
	const char *top = getenv("SRCDIR");
	struct dirent **names = NULL;
	char path[1024];

	snprintf(
	    path, sizeof(path), "%s/%s", top ? top : AKASHI_SRCDIR, folder);
	int n = scandir(path, &names, is_vector, alphasort);
	tap_ok(n > 0, "%s has vectors", folder);
	for (int i = 0; i < n; i++) {
		check_file(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

int
main(void)
{
	hasher = hasher_new();
	if (!hasher)
		return 99;
	check_folder("tests/vectors/cel");
	check_folder("tests/vectors/userspace");
	hasher_free(hasher);
	return tap_done();
}
