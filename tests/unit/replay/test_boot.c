/* SPDX-License-Identifier: Apache-2.0 */
/* Boot logs against what machines recorded: PCRs read from the TPM, negatives
 * with their codes, logs published by others, and properties of one log. */
#include "base/json.h"
#include "base/text.h"
#include "lib/tap.h"
#include "replay/boot.h"
#include "unit/decode/log_builder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define BOOTS "/tests/vectors/vm/boots"
#define NEGATIVES "/tests/vectors/vm/negatives"
#define GOLDEN BOOTS "/grub-sb-golden/eventlog.bin"

static struct hasher *hasher;

struct replayed {
	struct evlog log;
	struct boot_replay replay;
};

static rc
replay(struct span bytes, struct arena *a, struct replayed *out)
{
	TRY(evlog_decode(bytes, a, &out->log, NULL));
	return boot_replay(&out->log, NULL, hasher, a, &out->replay, NULL);
}

static bool
same_pcrs(const struct banks *a, const struct banks *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->bank[i].alg != b->bank[i].alg ||
		    memcmp(a->bank[i].pcr, b->bank[i].pcr,
			sizeof(a->bank[i].pcr)) != 0)
			return false;
	return true;
}

/* --- recorded boots ------------------------------------------------------- */

/* The value of one PCR in what tpm2_pcrread printed. */
static bool
recorded_pcr(
    struct span yaml, const struct hash_alg *alg, unsigned pcr, uint8_t *out)
{
	char head[32], row[32];
	const char *text = (const char *)yaml.p;

	snprintf(head, sizeof(head), "  %s:\n", alg->name);
	snprintf(row, sizeof(row), "\n    %-2u: 0x", pcr);
	const char *bank = strstr(text, head);
	const char *value = bank ? strstr(bank, row) : NULL;
	return value &&
	       rc_ok(hex_decode(span_of(value + strlen(row), 2 * alg->size),
		   out, alg->size));
}

/* Userspace extends these after the boot log was closed. */
static bool
extended_later(const char *boot, const struct bank *bank, unsigned pcr)
{
	if (pcr == 10)
		return true;
	return strcmp(boot, "grub-sb-pcr4-extended-sha256only") == 0 &&
	       bank->alg == ALG_SHA256 && pcr == 4;
}

static size_t
wrong_pcrs(const char *boot, const struct banks *banks, struct span yaml)
{
	size_t wrong = 0;

	for (size_t i = 0; i < banks->n; i++) {
		const struct bank *b = &banks->bank[i];
		const struct hash_alg *alg = hash_by_id(b->alg);
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
			uint8_t want[HASH_MAX];
			if (!(b->touched >> pcr & 1))
				continue;
			bool same = recorded_pcr(yaml, alg, pcr, want) &&
				    memcmp(want, b->pcr[pcr], alg->size) == 0;
			wrong += same == extended_later(boot, b, pcr);
		}
	}
	return wrong;
}

static void
check_boot(const char *boot)
{
	struct arena a;
	struct replayed r;

	arena_init(&a, (size_t)64 << 20);
	struct span log =
	    tap_file(&a, arena_printf(&a, BOOTS "/%s/eventlog.bin", boot));
	struct span yaml =
	    tap_file(&a, arena_printf(&a, BOOTS "/%s/pcrs.yaml", boot));
	rc got = replay(log, &a, &r);
	tap_ok(rc_ok(got) && r.log.quirks == 0 && r.log.measured_n > 20 &&
		   wrong_pcrs(boot, &r.replay.banks, yaml) == 0,
	    "%s: every bank replays to the TPM's PCRs", boot);
	arena_free(&a);
}

/* One boot's firmware handed over no log, so there is none to replay. */
static int
has_log(const struct dirent *d)
{
	return !strchr(d->d_name, '.') &&
	       strcmp(d->d_name, "grub-nosb-no-eventlog") != 0;
}

static void
check_boots(void)
{
	const char *top = getenv("SRCDIR");
	char path[1024];
	struct dirent **boots;

	snprintf(path, sizeof(path), "%s" BOOTS, top ? top : AKASHI_SRCDIR);
	int n = scandir(path, &boots, has_log, alphasort);
	tap_ok(n >= 10, "recorded boots are here");
	for (int i = 0; i < n; i++) {
		check_boot(boots[i]->d_name);
		free(boots[i]);
	}
	if (n >= 0)
		free(boots);
}

/* --- negatives ------------------------------------------------------------ */

/* What must be wrong with a log that decodes. */
enum wrong {
	NOTHING,    /* accepted, or wrong in ways that policy judges */
	OTHER_PCRS, /* it does not replay to the golden boot's values */
	ONE_BANK,   /* the sha256 bank alone replays otherwise */
	DATA,	    /* same values, but one event lost its binding */
	EMPTY,	    /* nothing was measured */
};

static const struct {
	const char *name;
	enum err_code code;
	enum wrong wrong;
} negatives[] = {
    {"control-ekcert-trailing-nv-padding", ERR_OK, NOTHING},
    {"control-eventlog-swapped-different-pcr", ERR_OK, NOTHING},
    {"control-noaction-benign", ERR_OK, NOTHING},
    {"devicepath-length-huge", ERR_OK, NOTHING},
    {"eventlog-all-zero-64k", ERR_LOG_FORMAT, NOTHING},
    {"eventlog-app-relabelled-noaction", ERR_OK, OTHER_PCRS},
    {"eventlog-count-explosion-10k", ERR_OK, OTHER_PCRS},
    {"eventlog-data-altered-cmdline", ERR_OK, DATA},
    {"eventlog-digest-altered", ERR_OK, OTHER_PCRS},
    {"eventlog-digest-altered-sha256-only", ERR_OK, ONE_BANK},
    {"eventlog-digest-count-huge", ERR_LOG_DIGEST_COUNT, NOTHING},
    {"eventlog-duplicate-digest-alg", ERR_LOG_DIGEST_DUPLICATE, NOTHING},
    {"eventlog-empty", ERR_LOG_NO_EVENTS, NOTHING},
    {"eventlog-event-duplicated", ERR_OK, OTHER_PCRS},
    {"eventlog-event-size-huge", ERR_LOG_TRUNCATED, NOTHING},
    {"eventlog-event-size-one-past-end", ERR_LOG_TRUNCATED, NOTHING},
    {"eventlog-from-other-boot", ERR_OK, OTHER_PCRS},
    {"eventlog-header-only", ERR_OK, EMPTY},
    {"eventlog-pcr-ffffffff", ERR_LOG_PCR, NOTHING},
    {"eventlog-pcr14-events-removed", ERR_OK, OTHER_PCRS},
    {"eventlog-swapped-same-pcr", ERR_OK, OTHER_PCRS},
    {"eventlog-trailing-garbage", ERR_LOG_TRAILING, NOTHING},
    {"eventlog-truncated-at-boundary", ERR_OK, OTHER_PCRS},
    {"eventlog-truncated-mid-event", ERR_LOG_TRUNCATED, NOTHING},
    {"eventlog-unknown-digest-alg", ERR_LOG_DIGEST_ALG, NOTHING},
    {"gpt-partition-count-huge", ERR_OK, DATA},
    {"separator-duplicate", ERR_OK, OTHER_PCRS},
    {"separator-missing", ERR_OK, OTHER_PCRS},
    {"specid-bad-signature", ERR_LOG_SPECID, NOTHING},
    {"specid-missing", ERR_LOG_FORMAT, NOTHING},
    {"specid-numalgs-huge", ERR_LOG_SPECID, NOTHING},
    {"specid-zero-algs", ERR_LOG_SPECID, NOTHING},
    {"startup-locality-injected", ERR_OK, OTHER_PCRS},
    {"uefivar-db-siglist-size-huge", ERR_OK, DATA},
    {"uefivar-empty-digest-kept", ERR_OK, DATA},
    {"uefivar-name-length-huge-digest-kept", ERR_OK, DATA},
    {"uefivar-name-unpaired-surrogates-digest-kept", ERR_OK, DATA},
    {"uefivar-short-digest-kept", ERR_OK, DATA},
};

enum { NEGATIVES_N = sizeof(negatives) / sizeof(negatives[0]) };

/* Events whose data a digest covers. */
static size_t
bound_events(const struct replayed *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->log.events_n; i++)
		n += r->replay.events[i].bound != 0;
	return n;
}

static bool
is_wrong(
    const struct replayed *r, const struct replayed *golden, enum wrong how)
{
	bool pcrs = same_pcrs(&r->replay.banks, &golden->replay.banks);
	struct banks sha256_only = r->replay.banks;

	switch (how) {
	case NOTHING:
		return pcrs && bound_events(r) == bound_events(golden);
	case OTHER_PCRS:
		return !pcrs;
	case ONE_BANK:
		sha256_only.bank[1] = golden->replay.banks.bank[1];
		return !pcrs && same_pcrs(&sha256_only, &golden->replay.banks);
	case DATA:
		return pcrs && bound_events(r) + 1 == bound_events(golden);
	case EMPTY:
		return r->log.measured_n == 0;
	default:
		return false;
	}
}

static void
check_negatives(struct arena *a)
{
	struct replayed golden;

	tap_ok(rc_ok(replay(tap_file(a, GOLDEN), a, &golden)),
	    "the unmodified log replays");
	for (size_t i = 0; i < NEGATIVES_N; i++) {
		const char *name = negatives[i].name;
		struct replayed r;
		struct span log = tap_file(
		    a, arena_printf(a, NEGATIVES "/%s/eventlog.bin", name));
		rc got = replay(log, a, &r);
		tap_ok(got.code == negatives[i].code &&
			   (!rc_ok(got) ||
			       is_wrong(&r, &golden, negatives[i].wrong)),
		    "%s: %s", name, err_name(got.code));
	}
}

/* --- properties of one log ------------------------------------------------ */

static void
check_prefixes(struct span whole, const struct replayed *golden)
{
	struct arena a;
	size_t fine = 0, refused = 0;

	arena_init(&a, (size_t)64 << 20);
	for (size_t n = 0; n < whole.n; n++) {
		struct replayed r;
		rc got = replay(span_of(whole.p, n), &a, &r);
		if (!rc_ok(got))
			refused++;
		else
			fine +=
			    !same_pcrs(&r.replay.banks, &golden->replay.banks);
		arena_reset(&a);
	}
	tap_ok(fine + refused == whole.n && refused > whole.n / 2,
	    "every strict prefix is refused (%zu) or replays otherwise (%zu)",
	    refused, fine);
	arena_free(&a);
}

static void
check_one_byte_more(struct arena *a, struct span whole)
{
	uint8_t *more = arena_alloc(a, whole.n + 1);
	size_t refused = 0;

	memcpy(more, whole.p, whole.n);
	for (unsigned b = 1; b < 255; b++) {
		struct evlog log;
		more[whole.n] = (uint8_t)b;
		refused += !rc_ok(
		    evlog_decode(span_of(more, whole.n + 1), a, &log, NULL));
	}
	tap_ok(refused == 254, "one byte more than 00 or ff is refused");
}

static void
check_halves(const struct replayed *golden)
{
	const struct evlog *log = &golden->log;
	size_t same = 0;

	for (size_t cut = 0; cut <= log->events_n; cut++) {
		struct banks b = {.n = golden->replay.banks.n};
		for (size_t i = 0; i < b.n; i++)
			bank_init(&b.bank[i], golden->replay.banks.bank[i].alg,
			    log->startup_locality);
		same += rc_ok(boot_extend(log, 0, cut, hasher, &b, NULL)) &&
			rc_ok(boot_extend(
			    log, cut, log->events_n, hasher, &b, NULL)) &&
			same_pcrs(&b, &golden->replay.banks);
	}
	tap_ok(same == log->events_n + 1,
	    "a log replays to the same values as its halves");
}

/* The change of one byte must be seen: another value, or a lost binding. */
static bool
flip_is_seen(uint8_t *copy, size_t at, struct span whole,
    const struct replayed *golden, struct arena *a)
{
	struct replayed r;

	copy[at] ^= (uint8_t)(1u << at % 8);
	rc got = replay(span_of(copy, whole.n), a, &r);
	bool seen = !rc_ok(got) ||
		    !same_pcrs(&r.replay.banks, &golden->replay.banks) ||
		    bound_events(&r) != bound_events(golden);
	copy[at] ^= (uint8_t)(1u << at % 8);
	arena_reset(a);
	return seen;
}

static void
check_flips(struct span whole, const struct replayed *golden)
{
	struct arena a, keep;
	size_t bytes = 0, seen = 0;

	arena_init(&a, (size_t)64 << 20);
	arena_init(&keep, (size_t)64 << 20);
	uint8_t *copy = arena_alloc(&keep, whole.n);
	memcpy(copy, whole.p, whole.n);
	for (size_t i = 1; i < golden->log.events_n; i++) {
		const struct evlog_event *ev = &golden->log.events[i];
		uint8_t bound = golden->replay.events[i].bound;
		struct span digests = span_of(ev->digests[0], 0);
		digests.n = (size_t)(ev->digests[2] + 48 - digests.p);
		struct span data =
		    bound ? uefi_hashed(ev).try[bound - 1] : span_of(NULL, 0);
		for (size_t at = 0; at < whole.n; at++) {
			const uint8_t *p = whole.p + at;
			if ((p < digests.p || p >= digests.p + digests.n) &&
			    (!data.n || p < data.p || p >= data.p + data.n))
				continue;
			bytes++;
			seen += flip_is_seen(copy, at, whole, golden, &a);
		}
	}
	tap_ok(bytes > whole.n / 2 && seen == bytes,
	    "a flip in any of %zu bound bytes is seen", bytes);
	arena_free(&a);
	arena_free(&keep);
}

/* --- bindings ------------------------------------------------------------- */

static void
put_sha(struct buf *b, uint16_t alg, struct span data)
{
	uint8_t digest[HASH_MAX];

	if (!rc_ok(hash_of(hasher, alg, data, digest)))
		abort();
	put_le(b, alg, 2);
	buf_put(b, digest, hash_by_id(alg)->size);
}

/* One event whose banks may hash different bytes. */
static struct boot_event
bind(struct span logged, struct span in_sha1, struct span in_sha256)
{
	struct arena a;
	struct buf b = {0};
	struct replayed r;

	arena_init(&a, (size_t)1 << 20);
	put_two_banks(&b);
	put_le(&b, 8, 4);
	put_le(&b, EV_IPL, 4);
	put_le(&b, 2, 4);
	put_sha(&b, ALG_SHA1, in_sha1);
	put_sha(&b, ALG_SHA256, in_sha256);
	put_le(&b, logged.n, 4);
	buf_put(&b, logged.p, logged.n);
	if (!rc_ok(replay(buf_span(&b), &a, &r)))
		abort();
	struct boot_event got = r.replay.events[1];
	buf_free(&b);
	arena_free(&a);
	return got;
}

static void
check_bindings(void)
{
	struct span logged = span_of("grub_cmd: x\0", 12);
	struct span text = span_str("x"), other = span_str("y");
	struct span with_nul = span_of("x\0", 2);
	struct boot_event e = bind(logged, text, text);

	tap_ok(e.bound == 1 && !e.split, "bound in both banks");
	e = bind(logged, with_nul, with_nul);
	tap_ok(e.bound == 2 && !e.split, "bound as its second form");
	e = bind(logged, other, other);
	tap_ok(e.bound == 0 && !e.split, "bound in no bank");
	e = bind(logged, text, other);
	tap_ok(e.bound == 0 && e.split, "split: the first bank alone");
	e = bind(logged, other, text);
	tap_ok(e.bound == 0 && e.split, "split: the second bank alone");
	e = bind(logged, text, with_nul);
	tap_ok(e.bound == 0 && e.split, "split: each bank another form");
	/* systemd-boot logs a byte less than it hashes */
	e = bind(span_of("r\0o\0\0", 5), span_of("r\0o\0\0\0", 6),
	    span_of("r\0o\0\0\0", 6));
	tap_ok(e.bound == 1 && !e.split, "bound with a NUL that is not logged");
}

/* PCR 0 of a machine whose H-CRTM ran, in numbers that were worked out apart
 * from this code: SHA-1(0…04 ‖ SHA-1("HCRTM")). */
static void
check_hcrtm(struct arena *a)
{
	struct buf b = {0};
	struct replayed r;
	uint8_t start[20] = {[19] = 4}, digest[20], want[20];

	put_le(&b, 0, 4);
	put_le(&b, EV_EFI_HCRTM_EVENT, 4);
	tap_ok(rc_ok(hash_of(hasher, ALG_SHA1, span_str("HCRTM"), digest)) &&
		   rc_ok(hash_of2(hasher, ALG_SHA1, span_of(start, 20),
		       span_of(digest, 20), want)),
	    "expected value");
	buf_put(&b, digest, 20);
	put_le(&b, 5, 4);
	buf_puts(&b, "HCRTM");
	tap_ok(rc_ok(replay(buf_span(&b), a, &r)) &&
		   memcmp(r.replay.banks.bank[0].pcr[0], want, 20) == 0 &&
		   r.replay.events[0].bound == 1,
	    "H-CRTM first: PCR 0 starts at locality 4");
	buf_free(&b);
}

/* --- logs of others ------------------------------------------------------- */

static bool
pcrs_equal(const json_t *want, const struct banks *banks)
{
	const char *name, *index;
	json_t *bank, *hex;
	size_t n = 0, touched = 0;

	json_object_foreach((json_t *)(uintptr_t)want, name, bank)
	{
		const struct hash_alg *alg = hash_by_name(span_str(name));
		const struct bank *b = alg ? banks_get(banks, alg->id) : NULL;
		if (!b)
			return false;
		json_object_foreach(bank, index, hex)
		{
			uint8_t value[HASH_MAX];
			size_t pcr = (size_t)strtoul(index, NULL, 10);
			if (pcr >= LIMIT_PCRS ||
			    !rc_ok(hex_decode(span_str(json_string_value(hex)),
				value, alg->size)) ||
			    memcmp(value, b->pcr[pcr], alg->size) != 0)
				return false;
			n++;
		}
	}
	for (size_t i = 0; i < banks->n; i++)
		touched += (size_t)__builtin_popcount(banks->bank[i].touched);
	return n == touched;
}

static void
check_other(const char *name, const json_t *want)
{
	struct arena a;
	struct replayed r;

	arena_init(&a, (size_t)256 << 20);
	struct span log =
	    tap_shared(&a, arena_printf(&a, "third-party/%s", name));
	if (!log.p) {
		tap_skip("not in ../shared", "%s", name);
		arena_free(&a);
		return;
	}
	rc got = replay(log, &a, &r);
	const char *format = json_string_value(json_object_get(want, "format"));
	json_int_t events = json_integer_value(json_object_get(want, "events"));
	if (json_object_get(want, "error"))
		tap_ok(!rc_ok(got), "%s: %s", name, err_name(got.code));
	else
		tap_ok(rc_ok(got) && format &&
			   strcmp(format, r.log.format == EVLOG_AGILE
					      ? "agile"
					      : "sha1") == 0 &&
			   r.log.events_n == (size_t)events &&
			   pcrs_equal(
			       json_object_get(want, "pcrs"), &r.replay.banks),
		    "%s: %s", name, err_name(got.code));
	arena_free(&a);
}

static void
check_others(struct arena *a)
{
	struct span text = tap_shared(a, "third-party/expected-replay.json");
	JSON_AUTO doc = NULL;
	const char *name;
	json_t *want;

	if (!text.p) {
		tap_skip("no ../shared here", "logs that others published");
		return;
	}
	tap_ok(rc_ok(json_decode(text, text.n, &doc, NULL)) &&
		   json_object_size(doc) > 20,
	    "expected values of others' logs");
	json_object_foreach(doc, name, want) check_other(name, want);
}

int
main(void)
{
	struct arena a;
	struct replayed golden;

	arena_init(&a, (size_t)256 << 20);
	hasher = hasher_new();
	struct span whole = tap_file(&a, GOLDEN);
	tap_ok(hasher && rc_ok(replay(whole, &a, &golden)), "golden log");
	check_boots();
	check_negatives(&a);
	check_prefixes(whole, &golden);
	check_one_byte_more(&a, whole);
	check_halves(&golden);
	check_flips(whole, &golden);
	check_bindings();
	check_hcrtm(&a);
	check_others(&a);
	hasher_free(hasher);
	arena_free(&a);
	return tap_done();
}
