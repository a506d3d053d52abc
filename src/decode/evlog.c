/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1. A record is believed only after all of it was read.
 * 2. log->events_n counts whole records; a fault leaves it at the last one.
 * 3. Padding is known before the walk: a run of one byte, 0x00 or 0xff, from
 *    a record's end to the end of the log.
 */
#include "decode/evlog.h"

#include "base/rd.h"
#include "decode/uefi.h"

/* Events that the first array holds; a usual boot has 60 to 120. */
enum { ROOM = 64 };

struct walk {
	struct rd in;
	struct evlog *log;
	struct arena *arena;
	size_t room; /* events that fit into log->events */
	size_t padding_from;
	bool pcr0_extended;
	bool locality_seen;
};

#define SPECID "Spec ID Event"
#define LOCALITY "StartupLocality"
#define PLATFORM_ID "SP800-155 Event"

static bool
starts_with(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

int
evlog_alg_index(const struct evlog *log, uint16_t alg)
{
	for (size_t i = 0; i < log->algs_n; i++)
		if (log->algs[i].id == alg)
			return (int)i;
	return -1;
}

/* Where the run of equal bytes, 0x00 or 0xff, at the end of the log starts. */
static size_t
padding_start(struct span log)
{
	size_t n = log.n;

	if (n == 0 || (log.p[n - 1] != 0x00 && log.p[n - 1] != 0xff))
		return n;
	while (n > 0 && log.p[n - 1] == log.p[log.n - 1])
		n--;
	return n;
}

static rc
fault(const struct walk *w, enum err_code code, const char *text, struct err *e)
{
	return err_at(e, code, text, "events[%zu]", w->log->events_n);
}

static rc
truncated(const struct walk *w, struct err *e)
{
	return fault(w, ERR_LOG_TRUNCATED, NULL, e);
}

static rc
specid_fault(const char *text, struct err *e)
{
	return err_at(e, ERR_LOG_SPECID, text, "events[0].data");
}

/* A slot for the next event, with an empty digest per algorithm. */
static rc
make_room(struct walk *w, struct evlog_event **out, struct err *e)
{
	struct evlog *log = w->log;

	if (log->events_n == LIMIT_EVENTS)
		return fault(w, ERR_LOG_TOO_LARGE, NULL, e);
	if (log->events_n == w->room) {
		size_t room = w->room ? 2 * w->room : ROOM;
		struct evlog_event *to =
		    arena_array(w->arena, room, sizeof(*to));
		if (!to)
			return fault(w, ERR_MEMORY, NULL, e);
		for (size_t i = 0; i < log->events_n; i++)
			to[i] = log->events[i];
		log->events = to;
		w->room = room;
	}
	struct evlog_event *ev = &log->events[log->events_n];
	ev->digests =
	    arena_array(w->arena, log->algs_n, sizeof(ev->digests[0]));
	if (!ev->digests)
		return fault(w, ERR_MEMORY, NULL, e);
	ev->index = (uint32_t)log->events_n;
	ev->offset = rd_at(&w->in, log->raw);
	*out = ev;
	return RC_OK;
}

static rc
read_algs(struct rd *in, struct evlog *log, struct err *e)
{
	uint32_t n = rd_u32le(in);

	if (!rd_ok(in) || n == 0 || n > LIMIT_BANKS)
		return specid_fault(
		    "The record must declare 1 to 16 algorithms.", e);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t id = rd_u16le(in);
		uint16_t size = rd_u16le(in);
		const struct hash_alg *row = hash_by_id(id);
		if (!rd_ok(in) || size == 0 || (row && row->size != size))
			return specid_fault(
			    "An algorithm has a digest size that is not its "
			    "own.",
			    e);
		if (evlog_alg_index(log, id) >= 0)
			return specid_fault(
			    "An algorithm is declared twice.", e);
		if (!row || !row->bank)
			log->quirks |= QUIRK_FOREIGN_BANK;
		log->algs[log->algs_n++] = (struct evlog_alg){id, size, row};
	}
	return RC_OK;
}

/* TCG_EfiSpecIDEvent (PFP 10.4.5.1). */
static rc
read_specid(struct span data, struct evlog *log, struct err *e)
{
	struct rd in = rd_over(data);

	rd_bytes(&in, 16 + 4 + 1); /* signature, class, minor version */
	uint8_t major = rd_u8(&in);
	rd_u8(&in);
	uint8_t uintn = rd_u8(&in);
	if (!rd_ok(&in) || major != 2 || (uintn != 1 && uintn != 2))
		return specid_fault(
		    "The version is not 2, or the word size not 32 or 64 bit.",
		    e);
	TRY(read_algs(&in, log, e));
	if (rd_bytes(&in, rd_u8(&in)).n)
		log->quirks |= QUIRK_VENDOR_INFO;
	if (!rd_done(&in))
		return specid_fault(
		    "The record's size does not follow from its contents.", e);
	return RC_OK;
}

/* The first record always has the legacy layout and tells the format. */
static rc
read_first(struct walk *w, struct err *e)
{
	struct evlog *log = w->log;
	struct rd in = w->in;
	struct evlog_event *ev;
	uint32_t pcr = rd_u32le(&in);
	uint32_t type = rd_u32le(&in);
	struct span digest = rd_bytes(&in, 20);
	struct span data = rd_bytes(&in, rd_u32le(&in));

	if (w->padding_from == 0 || (!rd_ok(&in) && type != EV_NO_ACTION))
		return fault(w, ERR_LOG_FORMAT, NULL, e);
	if (!rd_ok(&in))
		return truncated(w, e);
	bool specid = type == EV_NO_ACTION && starts_with(data, SPECID);
	if (!specid || starts_with(data, SPECID "00") ||
	    starts_with(data, SPECID "02")) {
		log->format = EVLOG_LEGACY;
		log->algs[0] =
		    (struct evlog_alg){ALG_SHA1, 20, hash_by_id(ALG_SHA1)};
		log->algs_n = 1;
		return RC_OK;
	}
	if (data.n < 16 || memcmp(data.p, SPECID "03", 16) != 0)
		return specid_fault("The signature is unknown.", e);
	log->format = EVLOG_AGILE;
	TRY(read_specid(data, log, e));
	TRY(make_room(w, &ev, e));
	ev->pcr = pcr;
	ev->type = type;
	ev->data = data;
	if (!span_all(digest, 0))
		log->quirks |= QUIRK_SPECID_DIGEST;
	log->events_n = 1;
	w->in = in;
	return RC_OK;
}

/* TPML_DIGEST_VALUES in the byte order of the log. */
static rc
read_digests(struct walk *w, struct evlog_event *ev, struct err *e)
{
	struct evlog *log = w->log;
	uint32_t count = rd_u32le(&w->in);
	int last = -1;

	if (!rd_ok(&w->in))
		return truncated(w, e);
	if (count == 0 && ev->pcr == 0 && ev->type == 0)
		return fault(w, ERR_LOG_TRAILING, NULL, e);
	if (count == 0 || count > log->algs_n)
		return fault(w, ERR_LOG_DIGEST_COUNT, NULL, e);
	for (uint32_t i = 0; i < count; i++) {
		uint16_t id = rd_u16le(&w->in);
		if (!rd_ok(&w->in))
			return truncated(w, e);
		int at = evlog_alg_index(log, id);
		if (at < 0 || ev->digests[at])
			return err_at(e,
			    at < 0 ? ERR_LOG_DIGEST_ALG
				   : ERR_LOG_DIGEST_DUPLICATE,
			    NULL, "events[%u].digests[%u]", ev->index, i);
		ev->digests[at] = rd_bytes(&w->in, log->algs[at].size).p;
		if (!rd_ok(&w->in))
			return truncated(w, e);
		if (at < last)
			log->quirks |= QUIRK_DIGEST_ORDER;
		last = at;
	}
	return RC_OK;
}

/* StartupLocality (PFP 10.4.5.3): the one EV_NO_ACTION that moves a PCR. */
static rc
take_locality(struct walk *w, const struct evlog_event *ev, struct err *e)
{
	static const uint8_t allowed[] = {0, 3, 4};

	if (!starts_with(ev->data, LOCALITY))
		return RC_OK;
	if (ev->data.n != sizeof(LOCALITY) + 1 ||
	    ev->data.p[sizeof(LOCALITY) - 1] != 0 ||
	    !memchr(allowed, ev->data.p[sizeof(LOCALITY)], sizeof(allowed)))
		return fault(w, ERR_LOG_LOCALITY,
		    "It has 17 bytes and names locality 0, 3 or 4.", e);
	if (ev->pcr != 0 || w->pcr0_extended || w->locality_seen)
		return fault(w, ERR_LOG_LOCALITY,
		    "It stands once, for PCR 0, before PCR 0 is extended.", e);
	w->locality_seen = true;
	if (ev->data.p[sizeof(LOCALITY)] != 0)
		w->log->quirks |= QUIRK_STARTUP_LOCALITY;
	w->log->startup_locality = ev->data.p[sizeof(LOCALITY)];
	return RC_OK;
}

static void
note_no_action(struct walk *w, const struct evlog_event *ev)
{
	struct evlog *log = w->log;

	if (starts_with(ev->data, PLATFORM_ID))
		log->quirks |= QUIRK_PLATFORM_ID;
	/* Windows closes its logs with a record for PCR 0xffffffff that always
	 * has a digest. */
	if (ev->pcr == UINT32_MAX)
		return;
	for (size_t i = 0; i < log->algs_n; i++)
		if (ev->digests[i] &&
		    !span_all(span_of(ev->digests[i], log->algs[i].size), 0))
			log->quirks |= QUIRK_NO_ACTION_DIGEST;
}

/* An event that extends a PCR: what later stages need to know of it. */
static rc
note_measured(struct walk *w, const struct evlog_event *ev, struct err *e)
{
	struct evlog *log = w->log;
	bool hcrtm = ev->pcr == 0 && ev->type == EV_EFI_HCRTM_EVENT;

	if (hcrtm && w->pcr0_extended)
		return fault(w, ERR_LOG_LOCALITY,
		    "The H-CRTM event is not the first of PCR 0.", e);
	if (hcrtm && !w->locality_seen) {
		log->startup_locality = 4;
		log->quirks |= QUIRK_HCRTM_LOCALITY;
	}
	w->pcr0_extended |= ev->pcr == 0;
	for (size_t i = 0; i < log->algs_n; i++)
		if (!ev->digests[i]) {
			log->incomplete |= 1u << i;
			log->quirks |= QUIRK_FEWER_DIGESTS;
		}
	if (ev->pcr >= 8 && ev->pcr <= 13 && log->os_loader_from == SIZE_MAX)
		log->os_loader_from = ev->index;
	log->measured_n++;
	return RC_OK;
}

/* Zeros that would be a legacy record of the reserved type 0: padding that is
 * followed by something else. */
static bool
empty_record(const struct evlog *log, const struct evlog_event *ev)
{
	return log->format == EVLOG_LEGACY && ev->pcr == 0 && ev->type == 0 &&
	       ev->data.n == 0 && span_all(span_of(ev->digests[0], 20), 0);
}

static rc
read_event(struct walk *w, struct err *e)
{
	struct rd *in = &w->in;
	struct evlog_event *ev;

	TRY(make_room(w, &ev, e));
	ev->pcr = rd_u32le(in);
	ev->type = rd_u32le(in);
	if (!rd_ok(in))
		return truncated(w, e);
	if (ev->pcr >= LIMIT_PCRS && !evlog_type_name(ev->type))
		return fault(w, ERR_LOG_TRAILING, NULL, e);
	if (ev->pcr >= LIMIT_PCRS && evlog_extended(ev))
		return fault(w, ERR_LOG_PCR, NULL, e);
	if (w->log->format == EVLOG_AGILE)
		TRY(read_digests(w, ev, e));
	else
		ev->digests[0] = rd_bytes(in, 20).p;
	ev->data = rd_bytes(in, rd_u32le(in));
	if (!rd_ok(in))
		return truncated(w, e);
	if (empty_record(w->log, ev))
		return fault(w, ERR_LOG_TRAILING, NULL, e);
	if (evlog_extended(ev)) {
		TRY(note_measured(w, ev, e));
	} else {
		TRY(take_locality(w, ev, e));
		note_no_action(w, ev);
	}
	w->log->events_n++;
	return RC_OK;
}

/* Another log starts here: a Spec ID record, whose legacy layout cannot be an
 * event of this log, since it would have no digest. */
static bool
another_log(const struct walk *w)
{
	struct rd in = w->in;

	rd_u32le(&in);
	bool no_action = rd_u32le(&in) == EV_NO_ACTION;
	bool blank = span_all(rd_bytes(&in, 20), 0);
	rd_u32le(&in);
	return w->log->format == EVLOG_AGILE && no_action && blank &&
	       starts_with(rd_rest(&in), SPECID "03");
}

static rc
read_log(struct walk *w, struct err *e)
{
	struct evlog *log = w->log;

	if (log->raw.n > LIMIT_EVENTLOG)
		return fault(w, ERR_LOG_TOO_LARGE, NULL, e);
	if (log->raw.n == 0)
		return fault(w, ERR_LOG_NO_EVENTS, NULL, e);
	TRY(read_first(w, e));
	while (!rd_done(&w->in)) {
		if (rd_at(&w->in, log->raw) >= w->padding_from) {
			log->quirks |= QUIRK_PADDING;
			rd_rest(&w->in);
			break;
		}
		if (another_log(w))
			break;
		TRY(read_event(w, e));
	}
	return RC_OK;
}

rc
evlog_decode_next(
    struct span *bytes, struct arena *a, struct evlog *out, struct err *e)
{
	*out = (struct evlog){.raw = *bytes, .os_loader_from = SIZE_MAX};
	struct walk w = {
	    .in = rd_over(*bytes),
	    .log = out,
	    .arena = a,
	    .padding_from =
		bytes->n > LIMIT_EVENTLOG ? bytes->n : padding_start(*bytes),
	};
	rc r = read_log(&w, e);

	if (out->os_loader_from > out->events_n)
		out->os_loader_from = out->events_n;
	out->profile = uefi_profile(out);
	TRY(r);
	*bytes = rd_rest(&w.in);
	out->raw.n -= bytes->n;
	return RC_OK;
}

rc
evlog_decode(
    struct span bytes, struct arena *a, struct evlog *out, struct err *e)
{
	TRY(evlog_decode_next(&bytes, a, out, e));
	if (bytes.n)
		return err_at(e, ERR_LOG_TRAILING, "Another log follows.",
		    "events[%zu]", out->events_n);
	return RC_OK;
}
