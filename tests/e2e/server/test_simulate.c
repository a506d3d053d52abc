/* SPDX-License-Identifier: Apache-2.0 */
/* Policies tried on what is recorded: what is said, and that nothing changes.
 */
#include "e2e/server/cases.h"

#include "base/text.h"
#include "record/store_mem.h"
#include "unit/record/fixture.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct world w;
static struct sim *s;

static void
setup(void)
{
	static const char *const one_thread[] = {
	    "AKASHID_SIMULATE_THREADS=1", NULL};

	world_begin(&w, one_thread);
	s = sim_new(&w, "n1");
}

static void
teardown(void)
{
	world_end(&w);
}

/* --- candidates -----------------------------------------------------------
 */

/* The golden policy with one text in place of another of the same length. */
static const char *
changed(const char *from, const char *to)
{
	char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	char *at = strstr(text, from);

	ck_assert_ptr_nonnull(at);
	ck_assert_uint_eq(strlen(from), strlen(to));
	for (; *to; to++)
		*at++ = *to;
	return text;
}

static const char *
golden(void)
{
	return changed("/opt/good-0", "/opt/good-0");
}

/* It accepts another initrd than the one that was measured. */
static const char *
other_initrd(void)
{
	return changed("d52498262a670c0e", "0000000000000000");
}

static struct answer
simulate_with(const char *candidate, const char *more)
{
	return post(&w, "/v1/simulations",
	    arena_printf(&w.arena,
		"{\"candidate\":%s,\"since\":\"2020-01-01T00:00:00Z\"%s}",
		candidate, more));
}

static struct answer
simulate(const char *candidate)
{
	struct answer a = simulate_with(candidate, "");

	says(a, 200, "");
	ck_assert(json_is_null(json_at(a.json, "next")));
	return a;
}

static long
number(const struct answer *a, const char *path)
{
	return (long)json_integer_value(json_at(a->json, path));
}

static void
attest(struct sim *sim, const char *result, const char *code)
{
	struct shot shot = aim(&w, sim);

	judged(&w, &shot, result, code);
}

static void
measure(const char *path)
{
	soft_tpm_measure(&s->tpm, path, path);
}

/* --- nothing is written --------------------------------------------------- */

struct totals {
	size_t verdicts;
	uint64_t version, pending;
	struct uuid verdict;
};

static struct totals
totals(void)
{
	struct node n = stored(&w, s);
	struct counts c;
	struct err e;

	ck_rc_ok(w.server->store->ops->counts_get(w.server->store,
	    &w.admin.tenant, clock_now(&w.server->clock), &c, &e));
	return (struct totals){
	    verdicts(&w), n.version, c.log_pending, n.state.verdict};
}

START_TEST(simulation_writes_nothing)
{
	attest(s, "pass", "");
	measure("/opt/bad");
	attest(s, "fail", "ima.unknown_file");
	struct totals before = totals();
	struct answer a = simulate(other_initrd());
	ck_assert_int_eq(number(&a, "groups.0.latest"), 1);
	simulate(golden());
	struct totals after = totals();
	ck_assert_uint_eq(after.verdicts, before.verdicts);
	ck_assert_uint_eq(after.version, before.version);
	ck_assert_uint_eq(after.pending, before.pending);
	ck_assert(uuid_eq(&after.verdict, &before.verdict));
	/* The next attestation is judged as if nothing had been. */
	attest(s, "fail", "ima.unknown_file");
	ck_assert_uint_eq(totals().verdicts, before.verdicts + 1);
}
END_TEST

/* --- what is said --------------------------------------------------------- */

START_TEST(would_fail)
{
	struct sim *other = sim_new(&w, "n2");

	attest(s, "pass", "");
	attest(s, "pass", "");
	attest(other, "pass", "");
	struct answer a = simulate(golden());
	ck_assert_uint_eq(json_array_size(json_at(a.json, "groups")), 1);
	ck_assert_str_eq(text_at(a.json, "groups.0.recorded"), "pass");
	ck_assert_str_eq(text_at(a.json, "groups.0.candidate"), "pass");
	ck_assert_int_eq(number(&a, "groups.0.attestations"), 2);
	ck_assert_uint_eq(
	    json_array_size(json_at(a.json, "groups.0.items")), 0);
	a = simulate(other_initrd());
	ck_assert_uint_eq(json_array_size(json_at(a.json, "groups")), 1);
	ck_assert_str_eq(text_at(a.json, "groups.0.recorded"), "pass");
	ck_assert_str_eq(text_at(a.json, "groups.0.candidate"), "fail");
	ck_assert_str_eq(
	    text_at(a.json, "groups.0.code"), "boot.event.changed");
	ck_assert_str_eq(text_at(a.json, "groups.0.layer"), "os");
	ck_assert_int_eq(number(&a, "groups.0.pcr"), 9);
	ck_assert_str_eq(text_at(a.json, "groups.0.event_type"), "EV_IPL");
	ck_assert_ptr_nonnull(
	    strstr(text_at(a.json, "groups.0.found"), "d52498262a670c0e"));
	ck_assert_str_eq(text_at(a.json, "groups.0.cause"), "initrd.rebuild");
	ck_assert_int_eq(number(&a, "groups.0.latest"), 2);
	ck_assert_uint_eq(
	    json_array_size(json_at(a.json, "groups.0.items")), 2);
	/* As a version that the server has, it says the same. */
	const struct raw_request put = {.method = "POST",
	    .path = "/v1/policies/next",
	    .token = w.operator,
	    .type = "application/json",
	    .body = span_str(other_initrd())};
	says(ask(&w, &put), 200, "");
	struct answer b = post(&w, "/v1/simulations",
	    "{\"policy\":\"next\",\"version\":1,"
	    "\"since\":\"2020-01-01T00:00:00Z\"}");
	says(b, 200, "");
	ck_assert(
	    json_equal(json_at(a.json, "groups"), json_at(b.json, "groups")));
}
END_TEST

/* golden, and the file /opt/bad allowed. */
static const char *
with_bad(void)
{
	uint8_t digest[32];
	struct err e;
	JSON_AUTO doc = NULL;

	ck_rc_ok(hash_of(w.h, ALG_SHA256, span_str("/opt/bad"), digest));
	ck_rc_ok(json_decode(w.policy, 1 << 24, &doc, &e));
	json_t *allow = json_object_get(json_object_get(doc, "ima"), "allow");
	const char *file = arena_printf(&w.arena, "sha256:%s /opt/bad",
	    hex_string(&w.arena, span_of(digest, 32)));
	ck_assert_int_eq(
	    json_array_append_new(allow,
		json_pack("{s:s,s:[s]}", "source", "test", "files", file)),
	    0);
	char *text = json_dumps(doc, JSON_COMPACT);
	const char *out = arena_printf(&w.arena, "%s", text);
	free(text);
	return out;
}

/* The list comes in pieces, of which the last one fails. */
START_TEST(would_pass)
{
	attest(s, "pass", "");
	uint64_t at = s->tpm.ima.n;
	measure("/opt/good-1");
	struct shot more = aim_delta(&w, s, at);
	judged(&w, &more, "pass", "");
	at = s->tpm.ima.n;
	measure("/opt/bad");
	struct shot bad = aim_delta(&w, s, at);
	judged(&w, &bad, "fail", "ima.unknown_file");
	struct answer a = simulate(golden());
	ck_assert_str_eq(text_at(a.json, "groups.0.recorded"), "fail");
	ck_assert_str_eq(text_at(a.json, "groups.0.candidate"), "fail");
	a = simulate(with_bad());
	ck_assert_uint_eq(json_array_size(json_at(a.json, "groups")), 1);
	ck_assert_str_eq(text_at(a.json, "groups.0.recorded"), "fail");
	ck_assert_str_eq(text_at(a.json, "groups.0.candidate"), "pass");
	ck_assert_str_eq(
	    text_at(a.json, "groups.0.recorded_code"), "ima.unknown_file");
	ck_assert_str_eq(text_at(a.json, "groups.0.items.0.node"), "n1");
}
END_TEST

/* Each boot counts once, and only one is the latest. */
START_TEST(boots_apart)
{
	attest(s, "pass", "");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	attest(s, "pass", "");
	measure("/opt/bad");
	attest(s, "fail", "ima.unknown_file");
	struct answer a = simulate(with_bad());
	long attestations = 0, latest = 0;
	for (int i = 0; i < 2; i++) {
		const char *g = arena_printf(&w.arena, "groups.%d", i);
		struct answer in = {
		    .json = (json_t *)(uintptr_t)json_at(a.json, g)};
		attestations += number(&in, "attestations");
		latest += number(&in, "latest");
		if (number(&in, "latest"))
			ck_assert_str_eq(text_at(in.json, "recorded"), "fail");
	}
	ck_assert_int_eq(attestations, 2);
	ck_assert_int_eq(latest, 1);
}
END_TEST

/* --- what is not judged --------------------------------------------------- */

static void
only_not_judged(const struct answer *a, const char *why)
{
	ck_assert_uint_eq(json_array_size(json_at(a->json, "groups")), 0);
	ck_assert_int_eq(number(a, arena_printf(&w.arena,
				       "not_judged.%s.attestations", why)),
	    1);
	ck_assert_int_eq(
	    number(a, arena_printf(&w.arena, "not_judged.%s.latest", why)), 1);
}

START_TEST(key_was_replaced)
{
	attest(s, "pass", "");
	soft_tpm_new_ak(&s->tpm);
	sim_join(&w, s);
	struct answer a = simulate(golden());
	only_not_judged(&a, "key_replaced");
	attest(s, "pass", "");
	a = simulate(golden());
	ck_assert_int_eq(number(&a, "groups.0.latest"), 1);
}
END_TEST

START_TEST(for_another_class)
{
	attest(s, "pass", "");
	struct answer a = simulate(arena_printf(&w.arena,
	    "{\"class\":\"production\",%s", strchr(golden(), '{') + 1));
	only_not_judged(&a, "other_class");
	a = simulate(arena_printf(
	    &w.arena, "{\"class\":\"test\",%s", strchr(golden(), '{') + 1));
	ck_assert_int_eq(number(&a, "groups.0.latest"), 1);
}
END_TEST

static void
forget_logs(void)
{
	if (*w.database) {
		as_superuser(w.database,
		    "ALTER TABLE akashi.blob DISABLE TRIGGER keep; "
		    "DELETE FROM akashi.blob WHERE sha256 IN "
		    "(SELECT boot_log FROM akashi.verdict);"
		    "ALTER TABLE akashi.blob ENABLE TRIGGER keep");
		return;
	}
	struct store_mem *m = store_mem(w.server->store);
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->blobs.n; i++) {
		struct mem_blob *b = m->blobs.row[i];
		if (span_eq(b->bytes, s->tpm.eventlog))
			b->sha256.b[0] ^= 1;
	}
	pthread_mutex_unlock(&m->lock);
}

START_TEST(evidence_is_gone)
{
	attest(s, "pass", "");
	struct answer a = simulate(golden());
	ck_assert_int_eq(number(&a, "groups.0.latest"), 1);
	forget_logs();
	a = simulate(golden());
	only_not_judged(&a, "not_kept");
}
END_TEST

/* A context as no build of ours writes it; a database refuses the change. */
START_TEST(context_is_strange)
{
	static const char context[] = "{\"ak\":";
	struct store_mem *m = store_mem(w.server->store);

	if (*w.database)
		return;
	attest(s, "pass", "");
	for (size_t i = 0; i < m->blobs.n; i++) {
		struct mem_blob *b = m->blobs.row[i];
		if (b->bytes.n > sizeof(context) &&
		    memcmp(b->bytes.p, context, sizeof(context) - 1) == 0)
			b->bytes = span_str("{}");
	}
	struct answer a = simulate(golden());
	only_not_judged(&a, "not_kept");
}
END_TEST

/* --- requests ------------------------------------------------------------- */

START_TEST(simulation_in_shares)
{
	enum { NODES = 6 };
	static const char *const names[NODES] = {
	    "a1", "a2", "a3", "a4", "a5", "a6"};
	long found = 0;

	for (int i = 0; i < NODES; i++)
		attest(sim_new(&w, names[i]), "pass", "");
	for (int i = 0; i < 3; i++) {
		struct answer a = simulate_with(other_initrd(),
		    arena_printf(&w.arena, ",\"share\":%d,\"shares\":3", i));
		says(a, 200, "");
		found += number(&a, "groups.0.latest");
	}
	ck_assert_int_eq(found, NODES);
	struct answer a = simulate_with(
	    other_initrd(), ",\"labels\":{\"site\":\"elsewhere\"}");
	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "groups")), 0);
	/* A cursor behind the last node finds nothing. */
	a = simulate_with(other_initrd(),
	    ",\"cursor\":\"ffffffff-ffff-7fff-bfff-ffffffffffff:0\"");
	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "groups")), 0);
	a = simulate_with(
	    other_initrd(), ",\"labels\":{\"site\":\"lab\"},\"share\":0");
	ck_assert_int_eq(number(&a, "groups.0.latest"), NODES);
}
END_TEST

#define SINCE "\"since\":\"2020-01-01T00:00:00Z\""

static const struct {
	const char *body;
	int status;
	const char *code, *path;
} bad[] = {
    {"{", 400, "json.syntax", ""},
    {"{" SINCE "}", 400, "json.missing", "candidate"},
    {"{" SINCE ",\"candidate\":[]}", 400, "json.type", "candidate"},
    {"{" SINCE ",\"candidate\":{},\"policy\":\"x\"}", 400, "json.missing",
	"candidate"},
    {"{" SINCE ",\"candidate\":{\"akashi_policy\":1,\"no\":1}}", 400,
	"json.unknown_field", "no"},
    {"{" SINCE ",\"policy\":\"golden\"}", 400, "json.missing", "version"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":9}", 404, "policy.unknown",
	""},
    {"{\"since\":\"yesterday\",\"policy\":\"golden\",\"version\":1}", 400,
	"encoding", "since"},
    {"{\"policy\":\"golden\",\"version\":1}", 400, "json.missing", "since"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":1,\"cursor\":\"x\"}", 400,
	"id.format", "cursor"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":1,\"shares\":2,\"share\":2}",
	400, "json.range", "share"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":1,\"shares\":0}", 400,
	"json.range", "share"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":1,\"labels\":{\"A\":1}}",
	400, "json.type", "labels"},
    {"{" SINCE ",\"policy\":\"golden\",\"version\":1,\"more\":1}", 400,
	"json.unknown_field", "more"},
};

START_TEST(simulation_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct answer a = post(&w, "/v1/simulations", bad[i].body);
		ck_assert_msg(a.status == bad[i].status &&
				  strcmp(a.code, bad[i].code) == 0 &&
				  strstr(text_at(a.json, "path"), bad[i].path),
		    "%s: %d %s %s", bad[i].body, a.status, a.code,
		    text_at(a.json, "path"));
	}
	says(post(&w, "/v1/simulations",
		 "{" SINCE ",\"policy\":\"golden\",\"version\":1}"),
	    200, "");
}
END_TEST

static const struct {
	const char *role;
	bool may;
} roles[] = {{"viewer", false}, {"author", true}, {"approver", true},
    {"operator", true}, {"admin", true}};

START_TEST(simulation_by_role)
{
	const char *body = "{" SINCE ",\"policy\":\"golden\",\"version\":1}";
	struct answer a = post(&w, "/v1/operators",
	    arena_printf(&w.arena, "{\"name\":\"anna\",\"role\":\"%s\"}",
		roles[_i].role));

	says(a, 200, "");
	const char *token = text_at(a.json, "token");
	a = post_as(&w, token, "/v1/simulations", body);
	says(a, roles[_i].may ? 200 : 403,
	    roles[_i].may ? "" : "auth.forbidden");
}
END_TEST

/* --- the queue ------------------------------------------------------------ */

static atomic_bool blocked;
static atomic_int waiting;

static rc
slow_list(struct store *st, const struct uuid *tenant,
    const struct boots_filter *f, struct arena *a, struct boots_list *out,
    struct err *e)
{
	atomic_fetch_add(&waiting, 1);
	while (atomic_load(&blocked))
		usleep(1000);
	return w.real->boots_list(st, tenant, f, a, out, e);
}

static int
send_one(void)
{
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/simulations",
	    .token = w.operator,
	    .type = "application/json",
	    .body =
		span_str("{" SINCE ",\"policy\":\"golden\",\"version\":1}")};
	int fd = raw_dial(http_port(w.server->api), w.source);

	raw_send(fd, raw_bytes(&w.arena, &q));
	return fd;
}

/* One works and eight wait; who comes next is told to come again. Nodes are
 * answered all the while. */
START_TEST(queue_is_full)
{
	enum { WAIT = 9 };
	int fd[WAIT];

	atomic_store(&blocked, true);
	world_ops(&w)->boots_list = slow_list;
	fd[0] = send_one();
	while (atomic_load(&waiting) == 0)
		usleep(1000);
	for (int i = 1; i < WAIT; i++)
		fd[i] = send_one();
	while (http_pending(w.server->api) < WAIT)
		usleep(1000);
	struct raw_reply r = raw_receive(send_one(), &w.arena);
	struct answer a = answer_of(&w, r);
	says(a, 503, "internal.overload");
	ck_assert_ptr_nonnull(raw_header(&r, "retry-after", &w.arena));
	attest(s, "pass", "");
	atomic_store(&blocked, false);
	for (int i = 0; i < WAIT; i++)
		says(answer_of(&w, raw_receive(fd[i], &w.arena)), 200, "");
}
END_TEST

TCase *
simulate_cases(void)
{
	TCase *t = tcase_create("simulate");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, simulation_writes_nothing);
	tcase_add_test(t, would_fail);
	tcase_add_test(t, would_pass);
	tcase_add_test(t, boots_apart);
	tcase_add_test(t, key_was_replaced);
	tcase_add_test(t, for_another_class);
	tcase_add_test(t, evidence_is_gone);
	tcase_add_test(t, context_is_strange);
	tcase_add_test(t, simulation_in_shares);
	tcase_add_test(t, simulation_refused);
	loop_test(t, simulation_by_role, roles);
	tcase_add_test(t, queue_is_full);
	return t;
}
