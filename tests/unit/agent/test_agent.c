/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/collect.h"
#include "agent/frame.h"
#include "agent/state.h"
#include "agent/submit.h"
#include "base/clock.h"
#include "base/rd.h"
#include "base/text.h"
#include "lib/canned.h"
#include "lib/tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena a;
static struct err e;
static char dir[32];

static void
setup(void)
{
	arena_init(&a, 4 * 1024 * 1024);
	snprintf(dir, sizeof(dir), "/tmp/akt-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
	char cmd[64];
	static const char *const names[] = {"identity.json", "progress.json",
	    "lock", "eventlog.bin", "ima.bin", "quote.msg", "quote.sig",
	    "pcrs.bin", "nonce.bin", "pcrsel.txt", "ak.pub", "ek.pub",
	    "ekcert.der", "log", "userspace.log"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(cmd, sizeof(cmd), "%s/%s", dir, names[i]);
		unlink(cmd);
	}
	/* Fails if something else was left behind, such as a *.new. */
	ck_assert_int_eq(rmdir(dir), 0);
	arena_free(&a);
}

/* --- frame -----------------------------------------------------------------
 */

START_TEST(frame_bytes)
{
	static const uint8_t want[] = {'A', 'K', 'S', 'H', 'E', 'V', 'D', '1',
	    1, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c', 5, 0, 0, 0, 10, 0, 0, 0, 8,
	    7, 6, 5, 4, 3, 2, 1, 'x', 'y', 8, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 0,
	    1, 0, 0, 0, 'u', 5, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct buf b = {0};

	frame_begin(&b);
	frame_put(&b, FRAME_ATTEST, span_str("abc"));
	frame_put_ima(&b, 0x0102030405060708, 0, span_str("xy"));
	frame_put(&b, FRAME_PCRS, span_of(NULL, 0));
	frame_put_flags(
	    &b, FRAME_USERSPACE_LOG, FRAME_INCOMPLETE, span_str("u"));
	frame_put_ima(&b, 0, FRAME_BIG_ENDIAN, span_of(NULL, 0));
	ck_assert(!b.failed);
	ck_assert(span_eq(buf_span(&b), span_of(want, sizeof(want))));
	buf_free(&b);
}
END_TEST

START_TEST(frame_too_long)
{
	struct buf b = {0};

	frame_begin(&b);
	frame_put(&b, FRAME_BOOT_LOG, span_of(NULL, (size_t)UINT32_MAX + 1));
	ck_assert(b.failed);
	buf_free(&b);
	b = (struct buf){0};
	frame_put_ima(&b, 0, 0, span_of(NULL, (size_t)UINT32_MAX - 7));
	ck_assert(b.failed);
	buf_free(&b);
}
END_TEST

/* --- state -----------------------------------------------------------------
 */

static struct identity
some_identity(void)
{
	struct identity id = {.server = "https://akashi.example:8443",
	    .ca = "/etc/akashi/ca.pem",
	    .name = "node-1",
	    .token = "aknt_secret",
	    .ek = TPM_KEY_ECC,
	    .ek_public = span_of("\0ek", 3),
	    .ak = {span_str("akpub"), span_str("akpriv")}};

	ck_rc_ok(uuid_v7(1, &id.tenant));
	ck_rc_ok(uuid_v7(2, &id.node));
	return id;
}

START_TEST(identity_round_trip)
{
	const struct identity id = some_identity();
	struct identity got;
	struct state s;
	struct stat st;
	char path[64];

	ck_rc_ok(state_open(dir, true, &s, &e));
	ck_rc_is(identity_load(&s, &a, &got, &e), ERR_AGENT_NOT_ENROLLED);
	ck_rc_ok(identity_save(&s, &id, &e));
	ck_rc_ok(identity_load(&s, &a, &got, &e));
	ck_assert_str_eq(got.server, id.server);
	ck_assert_str_eq(got.ca, id.ca);
	ck_assert_str_eq(got.name, id.name);
	ck_assert_str_eq(got.token, id.token);
	ck_assert(uuid_eq(&got.tenant, &id.tenant));
	ck_assert(uuid_eq(&got.node, &id.node));
	ck_assert_int_eq(got.ek, TPM_KEY_ECC);
	ck_assert(span_eq(got.ek_public, id.ek_public));
	ck_assert_uint_eq(got.ek_certificate.n, 0);
	ck_assert(span_eq(got.ak.public_area, id.ak.public_area));
	ck_assert(span_eq(got.ak.private_area, id.ak.private_area));
	state_close(&s);
	snprintf(path, sizeof(path), "%s/identity.json", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

static void
put(const struct state *s, const char *name, struct span bytes)
{
	ck_rc_ok(file_replace(s->fd, name, bytes, &e));
}

/* Every prefix of an identity is refused in words, none crashes. */
START_TEST(identity_damaged)
{
	const struct identity id = some_identity();
	struct identity got;
	struct state s;
	char text[2048];

	ck_rc_ok(state_open(dir, true, &s, &e));
	ck_rc_ok(identity_save(&s, &id, &e));
	int fd = openat(s.fd, "identity.json", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	ck_assert_int_gt(n, 100);
	for (size_t i = 0; i < (size_t)n; i++) {
		arena_reset(&a);
		put(&s, "identity.json", span_of(text, i));
		ck_rc_is(identity_load(&s, &a, &got, &e), ERR_AGENT_STATE);
		ck_assert_ptr_null(strstr(e.text, "aknt_"));
	}
	put(&s, "identity.json", span_of(text, (size_t)n));
	ck_rc_ok(identity_load(&s, &a, &got, &e));
	state_close(&s);
}
END_TEST

START_TEST(folder_of_others)
{
	struct state s;

	ck_assert_int_eq(chmod(dir, 0750), 0);
	ck_rc_is(state_open(dir, true, &s, &e), ERR_AGENT_STATE);
	ck_assert_ptr_nonnull(strstr(e.text, "chmod 0700"));
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_rc_ok(state_open(dir, true, &s, &e));
	state_close(&s);
	ck_rc_is(state_open("/nonexistent/x", false, &s, &e),
	    ERR_AGENT_NOT_ENROLLED);
	ck_rc_is(state_open("/nonexistent/x", true, &s, &e), ERR_AGENT_STATE);
}
END_TEST

static struct progress
some_progress(void)
{
	struct progress p = {.challenge = {"c1", "sha256:0,7", 5 * TIME_S},
	    .interval = 60,
	    .seen = true,
	    .reset_count = UINT32_MAX,
	    .restart_count = 2,
	    .ima_offset = (uint64_t)1 << 40,
	    .log_sent = true,
	    .ak_context = span_str("context")};

	memset(p.log_sha256, 0xa5, sizeof(p.log_sha256));
	return p;
}

START_TEST(progress_round_trip)
{
	const struct progress p = some_progress();
	const struct identity id = some_identity();
	struct progress got;
	struct state s;

	ck_rc_ok(state_open(dir, true, &s, &e));
	ck_rc_ok(progress_load(&s, &a, &got, &e));
	ck_assert(!got.seen && !got.challenge.text);
	ck_rc_ok(progress_save(&s, &p, &e));
	ck_rc_ok(progress_load(&s, &a, &got, &e));
	ck_assert_str_eq(got.challenge.text, "c1");
	ck_assert_str_eq(got.challenge.pcrs, "sha256:0,7");
	ck_assert_int_eq(got.challenge.expires, 5 * TIME_S);
	ck_assert_uint_eq(got.interval, 60);
	ck_assert(got.seen && got.log_sent);
	ck_assert_uint_eq(got.reset_count, UINT32_MAX);
	ck_assert_uint_eq(got.restart_count, 2);
	ck_assert_uint_eq(got.ima_offset, (uint64_t)1 << 40);
	ck_assert_mem_eq(got.log_sha256, p.log_sha256, 32);
	ck_assert(span_eq(got.ak_context, span_str("context")));
	/* Damage costs what was remembered, not the attestation. */
	put(&s, "progress.json", span_str("{\"interval_seconds\":"));
	ck_rc_ok(progress_load(&s, &a, &got, &e));
	ck_assert(!got.seen && !got.challenge.text);
	/* A new identity starts anew. */
	ck_rc_ok(progress_save(&s, &p, &e));
	ck_rc_ok(identity_save(&s, &id, &e));
	ck_rc_ok(progress_load(&s, &a, &got, &e));
	ck_assert(!got.seen && !got.challenge.text);
	state_close(&s);
}
END_TEST

/* --- logs ------------------------------------------------------------------
 */

START_TEST(log_segments)
{
	char path[64];
	struct log_source src = {
	    .what = "test log", .path = path, .recorded = true, .max = 10};
	struct log_part part;
	struct state s;

	snprintf(path, sizeof(path), "%s/log", dir);
	ck_rc_is(log_read(&src, 0, &part, &e), ERR_FILE);
	ck_rc_ok(state_open(dir, true, &s, &e));
	put(&s, "log", span_str("0123456789"));
	for (uint64_t skip = 0; skip <= 10; skip++) {
		ck_rc_ok(log_read(&src, skip, &part, &e));
		ck_assert(!part.behind && !part.absent);
		ck_assert(span_eq(
		    buf_span(&part.bytes), span_str(&"0123456789"[skip])));
		buf_free(&part.bytes);
	}
	ck_rc_ok(log_read(&src, 11, &part, &e));
	ck_assert(part.behind);
	buf_free(&part.bytes);
	src.max = 9;
	ck_rc_is(log_read(&src, 0, &part, &e), ERR_AGENT_LOG);
	ck_rc_ok(log_read(&src, 1, &part, &e));
	buf_free(&part.bytes);
	state_close(&s);
}
END_TEST

START_TEST(evidence_directory)
{
	char path[64];
	const struct log_source src = {
	    .what = "test log", .path = path, .recorded = true, .max = 10};
	struct log_sources logs = {src, src, src};
	const struct tpm_evidence q = {
	    .attest = span_str("msg"), .signature = span_str("sig")};
	const struct evidence_files f = {.quote = &q,
	    .nonce = span_str("nonce"),
	    .pcrs = "sha256:0",
	    .ak_public = span_str("ak"),
	    .logs = &logs};
	struct state s;

	snprintf(path, sizeof(path), "%s/log", dir);
	ck_rc_ok(state_open(dir, true, &s, &e));
	put(&s, "log", span_str("entries"));
	put(&s, "ekcert.der", span_str("of another quote"));
	ck_rc_ok(evidence_write(dir, &f, &e));
	ck_assert_int_eq(faccessat(s.fd, "quote.msg", R_OK, 0), 0);
	ck_assert_int_eq(faccessat(s.fd, "ima.bin", R_OK, 0), 0);
	ck_assert_int_eq(faccessat(s.fd, "userspace.log", R_OK, 0), 0);
	ck_assert_int_ne(faccessat(s.fd, "ekcert.der", R_OK, 0), 0);
	ck_assert_int_ne(faccessat(s.fd, "pcrs.bin", R_OK, 0), 0);
	state_close(&s);
}
END_TEST

static bool
marked(const struct state *s, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(s->fd, name, &st, 0), 0);
	return st.st_mode & S_ISVTX;
}

/* systemd's log may be absent, is read under its lock, and its mark goes along
 * into the evidence directory. */
START_TEST(userspace_log)
{
	char path[64];
	struct log_source src = {
	    .what = "userspace log", .path = path, .userspace = true, .max = 9};
	struct log_sources logs = {src, src, src};
	const struct tpm_evidence q = {
	    .attest = span_str("msg"), .signature = span_str("sig")};
	const struct evidence_files f = {
	    .quote = &q, .pcrs = "sha256:0", .logs = &logs};
	struct log_part part;
	struct state s;

	snprintf(path, sizeof(path), "%s/log", dir);
	ck_rc_ok(state_open(dir, true, &s, &e));
	ck_rc_ok(log_read(&src, 0, &part, &e));
	ck_assert(part.absent && !part.incomplete);
	put(&s, "log", span_str("records"));
	ck_rc_ok(log_read(&src, 0, &part, &e));
	ck_assert(!part.absent && !part.incomplete);
	ck_assert(span_eq(buf_span(&part.bytes), span_str("records")));
	buf_free(&part.bytes);
	ck_rc_ok(evidence_write(dir, &f, &e));
	ck_assert(!marked(&s, "userspace.log"));
	ck_assert_int_eq(chmod(path, 01600), 0);
	ck_rc_ok(log_read(&src, 0, &part, &e));
	ck_assert(part.incomplete);
	buf_free(&part.bytes);
	ck_rc_ok(evidence_write(dir, &f, &e));
	ck_assert(marked(&s, "userspace.log"));
	state_close(&s);
}
END_TEST

/* --- submission ------------------------------------------------------------
 */

static int64_t waited[CANNED_MAX];
static size_t waits;

static bool
note_wait(int64_t us)
{
	waited[waits++] = us;
	return true;
}

static bool
refuse_wait(int64_t us)
{
	(void)us;
	return false;
}

static struct link
link_to(struct canned *c)
{
	const struct https_options o = {
	    .base_url = canned_url(c), .insecure_http = true, .total_ms = 5000};
	struct link l = {.first_wait = TIME_S, .wait = note_wait};

	waits = 0;
	ck_rc_ok(https_new(&o, &l.http, &e));
	return l;
}

static int64_t
in_seconds(int s)
{
	return clock_monotonic() + s * TIME_S;
}

#define JSON_TYPE_LINE "Content-Type: application/json\r\n"
#define PROBLEM "Content-Type: application/problem+json\r\n"
#define VERDICT                                                                \
	"{\"verdict\":\"v1\",\"result\":\"pass\",\"status\":\"trusted\","      \
	"\"admission\":\"admitted\",\"valid_until\":\"2026-11-20T09:00:00Z\"," \
	"\"reasons\":[],\"ima_next\":{\"reset_count\":3,\"restart_count\":1,"  \
	"\"offset\":77},\"boot_log_sha256\":"                                  \
	"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"" \
	",\"challenge\":{\"challenge\":\"c2\",\"pcrs\":\"sha256:0\","          \
	"\"expires_at\":\"2026-11-20T09:10:00Z\"},\"interval_seconds\":300}"

/* The very same bytes go out until the server takes them. */
START_TEST(retries_same_bytes)
{
	struct buf b[4] = {{0}};
	/* libcurl itself would send again on a kept connection. */
	const char *replies[] = {
	    canned_reply(&b[0], 503, PROBLEM "Connection: close\r\n",
		"{\"code\":\"internal.database\"}"),
	    CANNED_CLOSE,
	    canned_reply(&b[1], 429, PROBLEM "Retry-After: 9\r\n",
		"{\"code\":\"quota\"}"),
	    canned_reply(&b[2], 503, "", "busy"),
	    canned_reply(&b[3], 200, JSON_TYPE_LINE, VERDICT)};
	struct canned *c = canned_start(replies, 5, NULL);
	struct link l = link_to(c);
	const struct identity id = some_identity();
	struct answer got = {0};

	ck_rc_ok(submit_evidence(
	    &l, &id, span_of("fra\0me", 6), in_seconds(3600), &a, &got, &e));
	ck_assert_int_eq(got.status, VERDICT_TRUSTED);
	ck_assert_str_eq(got.verdict, "v1");
	ck_assert_uint_eq(got.reset_count, 3);
	ck_assert_uint_eq(got.restart_count, 1);
	ck_assert_uint_eq(got.ima_offset, 77);
	ck_assert(got.log_known);
	ck_assert_uint_eq(got.log_sha256[31], 0x1f);
	ck_assert_str_eq(got.next.text, "c2");
	ck_assert_uint_eq(got.interval, 300);
	json_free(got.doc);
	https_free(l.http);
	canned_stop(c);
	ck_assert_uint_eq(canned_requests(c), 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert(span_eq(canned_body(c, i), span_of("fra\0me", 6)));
	/* 1, 2, 4 … seconds with half of it jitter; Retry-After is a floor. */
	ck_assert_uint_eq(waits, 4);
	ck_assert(waited[0] >= TIME_S / 2 && waited[0] <= TIME_S);
	ck_assert(waited[1] >= TIME_S && waited[1] <= 2 * TIME_S);
	ck_assert_int_eq(waited[2], 9 * TIME_S);
	ck_assert(waited[3] >= 4 * TIME_S && waited[3] <= 8 * TIME_S);
	canned_free(c);
	for (size_t i = 0; i < 4; i++)
		buf_free(&b[i]);
}
END_TEST

/* Send evidence once against one answer. */
static rc
answer_to(int status, const char *headers, const char *body, int seconds,
    struct answer *got)
{
	struct buf b = {0};
	const char *replies[] = {canned_reply(&b, status, headers, body)};
	struct canned *c = canned_start(replies, 1, NULL);
	struct link l = link_to(c);
	const struct identity id = some_identity();
	rc r = submit_evidence(
	    &l, &id, span_str("frame"), in_seconds(seconds), &a, got, &e);

	https_free(l.http);
	canned_stop(c);
	canned_free(c);
	buf_free(&b);
	return r;
}

START_TEST(patience_ends)
{
	struct answer got = {0};

	ck_rc_is(answer_to(
		     503, PROBLEM, "{\"code\":\"internal.overload\"}", 0, &got),
	    ERR_OVERLOAD);
	ck_assert_uint_eq(waits, 0);
	/* Waiting as long as the server asks would be too long. */
	ck_rc_is(answer_to(503, PROBLEM "Retry-After: 60\r\n",
		     "{\"code\":\"internal.overload\"}", 30, &got),
	    ERR_OVERLOAD);
	ck_assert_uint_eq(waits, 0);
}
END_TEST

START_TEST(stops_while_waiting)
{
	static const char *const replies[] = {CANNED_CLOSE};
	struct canned *c = canned_start(replies, 1, NULL);
	struct link l = link_to(c);
	const struct identity id = some_identity();
	struct offer got;

	l.wait = refuse_wait;
	ck_rc_is(submit_challenge(&l, &id, in_seconds(60), &a, &got, &e),
	    ERR_CLIENT_STOPPED);
	https_free(l.http);
	canned_stop(c);
	canned_free(c);
}
END_TEST

START_TEST(needs)
{
	static const struct {
		const char *body;
		bool log, ima;
		enum err_code want;
	} rows[] = {
	    {"{\"code\":\"frame.need\",\"need\":[\"boot_log\"]}", true, false,
		ERR_OK},
	    {"{\"code\":\"frame.need\",\"need\":[\"ima\"]}", false, true,
		ERR_OK},
	    {"{\"code\":\"frame.need\",\"need\":[\"boot_log\",\"ima\"]}", true,
		true, ERR_OK},
	    {"{\"code\":\"ima.offset\"}", false, true, ERR_OK},
	    {"{\"code\":\"frame.need\",\"need\":[]}", false, false,
		ERR_FRAME_NEED},
	    {"{\"code\":\"frame.need\",\"need\":[\"soul\"]}", false, false,
		ERR_FRAME_NEED},
	    {"{\"code\":\"frame.need\"}", false, false, ERR_FRAME_NEED},
	    {"{\"code\":\"challenge.used\"}", false, false, ERR_CHALLENGE_USED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer got = {0};
		rc r = answer_to(409, PROBLEM, rows[i].body, 60, &got);
		ck_assert_msg(r.code == rows[i].want, "%s: %s", rows[i].body,
		    err_name(r.code));
		ck_assert(got.need_log == rows[i].log);
		ck_assert(got.need_ima == rows[i].ima);
		ck_assert_ptr_null(got.doc);
		ck_assert_uint_eq(waits, 0);
	}
}
END_TEST

/* A status that this program does not know is not trusted, and what is
 * missing about the next submission only makes that one longer. */
START_TEST(answers)
{
	struct answer got = {0};

	ck_rc_ok(answer_to(200, JSON_TYPE_LINE,
	    "{\"verdict\":\"v\",\"result\":\"pass\",\"status\":\"TRUSTED\","
	    "\"admission\":\"admitted\"}",
	    60, &got));
	ck_assert_int_eq(got.status, VERDICT_UNKNOWN);
	ck_assert_ptr_null(got.next.text);
	ck_assert(!got.log_known);
	json_free(got.doc);
	ck_rc_is(answer_to(200, JSON_TYPE_LINE,
		     "{\"verdict\":\"v\",\"result\":\"pass\",\"admission\":"
		     "\"admitted\"}",
		     60, &got),
	    ERR_CLIENT_RESPONSE);
	ck_assert_str_eq(e.path, "status");
	ck_rc_is(answer_to(200, JSON_TYPE_LINE, "[]", 60, &got),
	    ERR_CLIENT_RESPONSE);
	ck_rc_is(
	    answer_to(200, JSON_TYPE_LINE, "{", 60, &got), ERR_CLIENT_RESPONSE);
	ck_rc_is(answer_to(401, PROBLEM, "{\"code\":\"node.token\"}", 60, &got),
	    ERR_NODE_TOKEN);
	ck_assert_uint_eq(waits, 0);
}
END_TEST

START_TEST(enrolment)
{
	struct buf b[2] = {{0}};
	const char *replies[] = {
	    canned_reply(&b[0], 200, JSON_TYPE_LINE,
		"{\"enrolment\":\"01939c00-0000-7000-8000-000000000001\","
		"\"credential_blob\":\"AAEC\",\"encrypted_secret\":\"AwQ\"}"),
	    canned_reply(&b[1], 200, JSON_TYPE_LINE,
		"{\"tenant\":\"01939c00-0000-7000-8000-000000000002\","
		"\"node\":\"01939c00-0000-7000-8000-000000000003\","
		"\"node_token\":\"aknt_x\",\"admission\":\"pending\","
		"\"challenge\":{\"challenge\":\"c\",\"pcrs\":\"sha256:0\","
		"\"expires_at\":\"2026-11-20T09:10:00Z\"}}")};
	struct canned *c = canned_start(replies, 2, NULL);
	struct link l = link_to(c);
	const struct enrolment q = {"aket_t", "node-1", span_of("\0e", 2),
	    span_of("\x30", 1), span_str("ak")};
	struct enrolment_offer offer;
	struct identity id = {0};
	struct offer next;
	bool admitted = true;

	ck_rc_ok(submit_enrol(&l, &q, in_seconds(60), &a, &offer, &e));
	ck_assert(span_eq(offer.credential_blob, span_of("\0\1\2", 3)));
	ck_rc_ok(submit_activate(&l, offer.enrolment, span_of("\xff", 1),
	    in_seconds(60), &a, &id, &next, &admitted, &e));
	ck_assert(!admitted);
	ck_assert_str_eq(id.token, "aknt_x");
	ck_assert_str_eq(next.text, "c");
	https_free(l.http);
	canned_stop(c);
	ck_assert(span_eq(canned_body(c, 0),
	    span_str("{\"name\":\"node-1\",\"ek_public\":\"AGU\","
		     "\"ek_certificates\":[\"MA\"],\"ak_public\":\"YWs\","
		     "\"agent\":\"akashi-agent/" PACKAGE_VERSION "\"}")));
	ck_assert(span_eq(canned_body(c, 1),
	    span_str("{\"enrolment\":"
		     "\"01939c00-0000-7000-8000-000000000001\","
		     "\"secret\":\"_w\"}")));
	canned_free(c);
	buf_free(&b[0]);
	buf_free(&b[1]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("agent");
	TCase *t = tcase_create("agent");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, frame_bytes);
	tcase_add_test(t, frame_too_long);
	tcase_add_test(t, identity_round_trip);
	tcase_add_test(t, identity_damaged);
	tcase_add_test(t, folder_of_others);
	tcase_add_test(t, progress_round_trip);
	tcase_add_test(t, log_segments);
	tcase_add_test(t, evidence_directory);
	tcase_add_test(t, userspace_log);
	tcase_add_test(t, retries_same_bytes);
	tcase_add_test(t, patience_ends);
	tcase_add_test(t, stops_while_waiting);
	tcase_add_test(t, needs);
	tcase_add_test(t, answers);
	tcase_add_test(t, enrolment);
	suite_add_tcase(s, t);
	return tap_run(s);
}
