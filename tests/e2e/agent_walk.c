/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_walk TCTI DIR EVENTLOG IMA
 *
 * What the agent sends, round after round, to a server that answers as written
 * here; the TPM is real, and DIR holds what `tpm_device TCTI make DIR` kept.
 * Run by agent_tpm.sh. TAP.
 */
#include "agent/agent.h"
#include "agent/frame.h"
#include "base/clock.h"
#include "base/rd.h"
#include "base/text.h"
#include "lib/canned.h"
#include "lib/tap.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena a;
static struct hasher *hasher;
static struct agent_options options;
static struct span boot_log, ima;
static char boot_log_hex[65];
static uint32_t resets;
static struct err e;
static const char measured[] = "what systemd wrote";

/* --- what the server says --------------------------------------------------
 */

#define PROBLEM "Content-Type: application/problem+json\r\n"
#define SOON "2100-01-01T00:00:00Z"

static const char *
challenge(const char *text)
{
	static struct buf b[8];
	static size_t n;
	char body[256];

	snprintf(body, sizeof(body),
	    "{\"challenge\":\"%s\",\"pcrs\":\"sha256:0,1,10\",\"expires_at\":"
	    "\"" SOON "\"}",
	    text);
	struct buf *to = &b[n++ % 8];
	buf_free(to);
	return canned_reply(to, 200, "", body);
}

static const char *
verdict(size_t offset, const char *next)
{
	static struct buf b[8];
	static size_t n;
	char body[1024];

	snprintf(body, sizeof(body),
	    "{\"verdict\":\"v\",\"result\":\"pass\",\"status\":\"trusted\","
	    "\"admission\":\"admitted\",\"valid_until\":\"" SOON
	    "\",\"reasons\":[],\"ima_next\":{\"reset_count\":%u,"
	    "\"restart_count\":0,\"offset\":%zu},\"boot_log_sha256\":\"%s\","
	    "\"challenge\":{\"challenge\":\"%s\",\"pcrs\":\"sha256:0,7\","
	    "\"expires_at\":\"" SOON "\"},\"interval_seconds\":60}",
	    resets, offset, boot_log_hex, next);
	struct buf *to = &b[n++ % 8];
	buf_free(to);
	return canned_reply(to, 200, "", body);
}

static const char *
problem(int status, const char *code, const char *need)
{
	static struct buf b[8];
	static size_t n;
	char body[256];

	snprintf(
	    body, sizeof(body), "{\"code\":\"%s\",\"need\":[%s]}", code, need);
	struct buf *to = &b[n++ % 8];
	buf_free(to);
	return canned_reply(to, status, PROBLEM, body);
}

/* --- what the agent sent ----------------------------------------------------
 */

struct sent {
	struct span part[16]; /* by kind; p == NULL: not sent */
	unsigned flags[16];
	uint64_t ima_offset;
};

static struct sent
parts_of(struct span frame)
{
	struct rd in = rd_over(frame);
	struct sent s = {0};
	struct span magic = rd_bytes(&in, 8);

	tap_ok(span_eq(magic, span_str(FRAME_MAGIC)), "the magic");
	while (rd_ok(&in) && rd_left(&in)) {
		uint16_t kind = rd_u16le(&in);
		uint16_t flags = rd_u16le(&in);
		uint32_t n = rd_u32le(&in);
		struct rd part = rd_sub(&in, n);
		if (kind >= 16 || s.part[kind].p)
			rd_fail(&in);
		if (!rd_ok(&in))
			break;
		if (kind == FRAME_IMA)
			s.ima_offset = rd_u64le(&part);
		s.part[kind] = rd_rest(&part);
		s.flags[kind] = flags;
	}
	tap_ok(rd_done(&in), "a frame");
	return s;
}

/* The quote answers this challenge. */
static void
answers(const struct sent *s, const char *text)
{
	struct tpm_quote q;
	uint8_t want[32];

	tap_ok(span_eq(s->part[FRAME_CHALLENGE], span_str(text)),
	    "the challenge is %s", text);
	bool ok = rc_ok(tpm_decode_quote(s->part[FRAME_ATTEST], &a, &q, &e)) &&
		  rc_ok(hash_of(hasher, ALG_SHA256, span_str(text), want));
	tap_ok(ok && span_eq(q.extra, span_of(want, 32)),
	    "its hash is in the quote");
	tap_ok(s->part[FRAME_SIGNATURE].n > 0, "a signature");
	tap_ok(s->part[FRAME_PCRS].n > 0, "the PCR values");
}

static void
full_log(const struct sent *s)
{
	tap_ok(
	    span_eq(s->part[FRAME_BOOT_LOG], boot_log), "the boot log in full");
	tap_ok(!s->part[FRAME_BOOT_LOG_SHA256].p, "and not by hash");
}

static void
log_by_hash(const struct sent *s)
{
	tap_ok(s->part[FRAME_BOOT_LOG_SHA256].n == 32, "the boot log by hash");
	tap_ok(!s->part[FRAME_BOOT_LOG].p, "and not in full");
}

static void
ima_from(const struct sent *s, size_t offset)
{
	tap_ok(s->ima_offset == offset &&
		   span_eq(s->part[FRAME_IMA],
		       span_of(ima.p + offset, ima.n - offset)),
	    "the IMA list from byte %zu", offset);
}

/* systemd's log as it is, with its mark. */
static void
userspace_log(const struct sent *s, bool incomplete)
{
	unsigned flags = 0;

	for (size_t i = 0; i < 16; i++)
		flags |= i == FRAME_USERSPACE_LOG ? 0 : s->flags[i];
	tap_ok(span_eq(s->part[FRAME_USERSPACE_LOG], span_str(measured)) &&
		   s->flags[FRAME_USERSPACE_LOG] ==
		       (incomplete ? FRAME_INCOMPLETE : 0) &&
		   flags == 0,
	    "the userspace log%s", incomplete ? ", marked" : "");
}

/* --- rounds ------------------------------------------------------------------
 */

static bool
no_wait(int64_t us)
{
	(void)us;
	return true;
}

/* One attestation against these answers; the requests can be looked at. */
static struct canned *
attest(const char *const *replies, size_t n, enum err_code want)
{
	struct canned *c = canned_start(replies, n, NULL);
	struct agent_options o = options;
	struct agent ag = {
	    .o = &o, .hasher = hasher, .link = {.wait = no_wait}};
	struct answer got = {0};

	o.http.base_url = canned_url(c);
	rc r = agent_attest(&ag, &a, &got, &e);
	tap_ok(r.code == want, "attest: %s", err_name(r.code));
	if (r.code != want)
		tap_note("%s %s", e.path, e.text);
	json_free(got.doc);
	https_free(ag.link.http);
	canned_stop(c);
	tap_ok(canned_requests(c) == n, "%zu requests", canned_requests(c));
	return c;
}

static bool
posted(const struct canned *c, size_t i, const char *path)
{
	char line[64];

	snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\n", path);
	struct span head = canned_head(c, i);
	return head.n > strlen(line) && memcmp(head.p, line, strlen(line)) == 0;
}

static void
first_round(void)
{
	tap_note("the first time: ask for a challenge, send everything");
	const char *replies[] = {challenge("c1"), verdict(100, "c2")};
	struct canned *c = attest(replies, 2, ERR_OK);
	tap_ok(posted(c, 0, "/v1/challenge"), "a challenge is asked for");
	tap_ok(posted(c, 1, "/v1/evidence"), "evidence is sent");
	struct sent s = parts_of(canned_body(c, 1));
	answers(&s, "c1");
	full_log(&s);
	ima_from(&s, 0);
	userspace_log(&s, false);
	canned_free(c);
}

static void
need_round(void)
{
	tap_note("then one request with what is new; what is asked for goes "
		 "with the same quote");
	const char *replies[] = {problem(409, "frame.need", "\"boot_log\""),
	    problem(409, "frame.need", "\"ima\""), verdict(ima.n, "c3")};
	struct canned *c = attest(replies, 3, ERR_OK);
	struct sent s = parts_of(canned_body(c, 0));
	struct sent again = parts_of(canned_body(c, 1));
	struct sent last = parts_of(canned_body(c, 2));
	answers(&s, "c2");
	log_by_hash(&s);
	ima_from(&s, 100);
	full_log(&again);
	ima_from(&again, 100);
	full_log(&last);
	ima_from(&last, 0);
	tap_ok(span_eq(s.part[FRAME_ATTEST], last.part[FRAME_ATTEST]) &&
		   span_eq(s.part[FRAME_SIGNATURE], last.part[FRAME_SIGNATURE]),
	    "the same quote");
	canned_free(c);
}

static void
nothing_new(void)
{
	tap_note("an IMA list without new entries; systemd was interrupted");
	tap_ok(chmod(options.logs.userspace.path, 01600) == 0, "a mark");
	const char *replies[] = {verdict(ima.n + 1, "c4")};
	struct canned *c = attest(replies, 1, ERR_OK);
	struct sent s = parts_of(canned_body(c, 0));
	answers(&s, "c3");
	log_by_hash(&s);
	ima_from(&s, ima.n);
	userspace_log(&s, true);
	canned_free(c);
}

static void
other_list(void)
{
	tap_note("a list shorter than the server knows it is another list; "
		 "systemd has no log");
	tap_ok(unlink(options.logs.userspace.path) == 0, "a log less");
	const char *replies[] = {verdict(ima.n, "c5")};
	struct canned *c = attest(replies, 1, ERR_OK);
	struct sent s = parts_of(canned_body(c, 0));
	answers(&s, "c4");
	ima_from(&s, 0);
	tap_ok(!s.part[FRAME_USERSPACE_LOG].p, "no userspace log");
	canned_free(c);
}

static void
old_challenge(void)
{
	tap_note("a challenge that is refused is replaced once");
	const char *replies[] = {problem(403, "challenge.expired", ""),
	    challenge("c6"), verdict(ima.n, "c7")};
	struct canned *c = attest(replies, 3, ERR_OK);
	struct sent s = parts_of(canned_body(c, 0));
	struct sent again = parts_of(canned_body(c, 2));
	answers(&s, "c5");
	answers(&again, "c6");
	tap_ok(!span_eq(s.part[FRAME_ATTEST], again.part[FRAME_ATTEST]),
	    "with a new quote");
	canned_free(c);
	const char *never[] = {problem(409, "challenge.used", ""),
	    challenge("c8"), problem(409, "challenge.used", "")};
	canned_free(attest(never, 3, ERR_CHALLENGE_USED));
}

static void
refused(void)
{
	tap_note("other refusals are final; the next round starts anew");
	const char *no[] = {
	    challenge("c9"), problem(403, "quote.signature", "")};
	canned_free(attest(no, 2, ERR_QUOTE_SIGNATURE));
	const char *greedy[] = {challenge("c10"),
	    problem(409, "frame.need", "\"ima\""),
	    problem(409, "frame.need", "\"ima\"")};
	canned_free(attest(greedy, 3, ERR_CLIENT_RESPONSE));
	const char *next[] = {challenge("c11"), verdict(ima.n, "c12")};
	struct canned *c = attest(next, 2, ERR_OK);
	struct sent s = parts_of(canned_body(c, 1));
	answers(&s, "c11");
	log_by_hash(&s);
	canned_free(c);
}

static void
restarted(void)
{
	tap_note("after a restart of the machine everything is sent again");
	resets++;
	const char *other_boot[] = {verdict(ima.n, "c13")};
	canned_free(attest(other_boot, 1, ERR_OK));
	const char *replies[] = {verdict(ima.n, "c14")};
	struct canned *c = attest(replies, 1, ERR_OK);
	struct sent s = parts_of(canned_body(c, 0));
	full_log(&s);
	ima_from(&s, 0);
	canned_free(c);
}

/* What tpm_device kept, without its memory of a boot and a challenge. */
static bool
prepare(char **argv)
{
	struct progress p;
	struct state s;
	struct log_part boot, list;
	uint8_t sha256[32];

	options = (struct agent_options){.http = {.insecure_http = true},
	    .state_dir = argv[2],
	    .tcti = argv[1],
	    .lang = "en",
	    .logs = {.boot = {.what = "boot log",
			 .path = argv[3],
			 .recorded = true,
			 .max = LIMIT_EVENTLOG},
		.ima = {.what = "IMA list",
		    .path = argv[4],
		    .recorded = true,
		    .max = LIMIT_EVENTLOG},
		.userspace = {.what = "userspace log",
		    .path = arena_printf(&a, "%s/measure.log", argv[2]),
		    .userspace = true,
		    .max = LIMIT_EVENTLOG}},
	    .patience = 30 * TIME_S};
	if (!rc_ok(log_read(&options.logs.boot, 0, &boot, &e)) ||
	    !rc_ok(log_read(&options.logs.ima, 0, &list, &e)) ||
	    !rc_ok(state_open(argv[2], false, &s, &e)) ||
	    !rc_ok(progress_load(&s, &a, &p, &e)) ||
	    !rc_ok(file_replace(s.fd, "measure.log", span_str(measured), &e)))
		return false;
	resets = p.reset_count;
	p.seen = false;
	boot_log = arena_copy(&a, buf_span(&boot.bytes));
	ima = arena_copy(&a, buf_span(&list.bytes));
	buf_free(&boot.bytes);
	buf_free(&list.bytes);
	rc r = progress_save(&s, &p, &e);
	state_close(&s);
	if (!rc_ok(r) || !rc_ok(hash_of(hasher, ALG_SHA256, boot_log, sha256)))
		return false;
	hex_emit(span_of(sha256, sizeof(sha256)), boot_log_hex);
	return ima.n > 100;
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	arena_init(&a, 64 * 1024 * 1024);
	hasher = hasher_new();
	bool ready = prepare(argv);
	tap_ok(ready, "logs and state");
	if (ready) {
		first_round();
		need_round();
		nothing_new();
		other_list();
		old_challenge();
		refused();
		restarted();
	} else {
		tap_note("%s %s %s", err_name(e.code), e.path, e.text);
	}
	hasher_free(hasher);
	arena_free(&a);
	return tap_done();
}
