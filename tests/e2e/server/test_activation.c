/* SPDX-License-Identifier: Apache-2.0 */
/* Activation and admission: what makes a node, and what does not. */
#include "e2e/server/cases.h"

#include "base/text.h"

#include <unistd.h>

static struct world w;

static void
setup(void)
{
	world_begin(&w, NULL);
}

static void
teardown(void)
{
	world_end(&w);
}

/* An enrolment that waits for its secret. */
struct waiting {
	const char *id;
	struct span secret;
};

static struct waiting
begin(struct sim *s)
{
	struct waiting out;
	struct span blob, seed;
	struct answer a = post_as(&w, w.enrol, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"%s\",\"ek_public\":\"%s\",\"ek_certificates\":[],"
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		s->name, b64(&w, s->tpm.ek_public), b64(&w, s->tpm.ak_public)));

	says(a, 200, "");
	out.id = text_at(a.json, "enrolment");
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "credential_blob")), &w.arena, &blob));
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "encrypted_secret")), &w.arena, &seed));
	ck_assert(soft_tpm_open(&s->tpm, blob, seed, &out.secret));
	return out;
}

static struct answer
activate(const char *id, struct span secret)
{
	return post_as(&w, NULL, "/v1/activate",
	    arena_printf(&w.arena, "{\"enrolment\":\"%s\",\"secret\":\"%s\"}",
		id, b64(&w, secret)));
}

static struct span
wrong(struct span secret)
{
	uint8_t *p = arena_alloc(&w.arena, secret.n);

	memcpy(p, secret.p, secret.n);
	p[0] ^= 1;
	return span_of(p, secret.n);
}

START_TEST(three_tries)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct waiting e = begin(s);
	uint64_t before = events(&w);

	for (int i = 0; i < 3; i++)
		says(activate(e.id, wrong(e.secret)), 403, "enrol.activation");
	says(activate(e.id, e.secret), 403, "enrol.activation");
	for (int i = 0; i < 500 && events(&w) < before + 4; i++)
		usleep(10000);
	ck_assert_uint_ge(events(&w), before + 4);
	says(get(&w, "/v1/nodes/n1"), 404, "node.unknown");
	e = begin(s);
	says(activate(e.id, wrong(e.secret)), 403, "enrol.activation");
	says(activate(e.id, e.secret), 200, "");
	says(activate(e.id, wrong(e.secret)), 403, "enrol.activation");
}
END_TEST

START_TEST(secret_of_another)
{
	struct sim *a = sim_alloc(&w, "n1", NULL);
	struct sim *b = sim_alloc(&w, "n2", NULL);
	struct waiting one = begin(a), two = begin(b);

	says(activate(one.id, two.secret), 403, "enrol.activation");
	says(activate(one.id, span_of("", 0)), 403, "enrol.activation");
	says(activate("01890000-0000-7000-8000-000000000000", one.secret), 403,
	    "enrol.activation");
	says(activate("n1", one.secret), 400, "id.format");
	says(activate(one.id, one.secret), 200, "");
	says(activate(two.id, two.secret), 200, "");
}
END_TEST

/* Whoever begins for this EK as well ends nothing; activation does. */
START_TEST(begun_again)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct waiting first = begin(s), second = begin(s);

	says(activate(first.id, first.secret), 200, "");
	says(activate(second.id, second.secret), 403, "enrol.activation");
}
END_TEST

/* The blob opens in that TPM, for that AK, alone. */
START_TEST(blob_is_bound)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct sim *other = sim_alloc(&w, "n2", NULL);
	struct span blob, seed, secret;
	struct answer a = post_as(&w, w.enrol, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"n1\",\"ek_public\":\"%s\",\"ek_certificates\":[],"
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		b64(&w, s->tpm.ek_public), b64(&w, other->tpm.ak_public)));

	says(a, 200, "");
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "credential_blob")), &w.arena, &blob));
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "encrypted_secret")), &w.arena, &seed));
	ck_assert(!soft_tpm_open(&s->tpm, blob, seed, &secret));
	ck_assert(!soft_tpm_open(&other->tpm, blob, seed, &secret));
}
END_TEST

/* K09: the blob opens for the AK as it was submitted. One attribute of its
 * public area is another name, and another key to activate. */
START_TEST(blob_is_bound_to_each_attribute)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct span blob, seed, secret;
	struct answer a = post_as(&w, w.enrol, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"n1\",\"ek_public\":\"%s\",\"ek_certificates\":[],"
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		b64(&w, s->tpm.ek_public), b64(&w, s->tpm.ak_public)));

	says(a, 200, "");
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "credential_blob")), &w.arena, &blob));
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a.json, "encrypted_secret")), &w.arena, &seed));
	for (unsigned bit = 0; bit < 32; bit++) {
		struct soft_tpm changed = s->tpm;
		uint8_t area[512];
		ck_assert_uint_le(s->tpm.ak_public.n, sizeof(area));
		memcpy(area, s->tpm.ak_public.p, s->tpm.ak_public.n);
		area[7 - bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_rc_ok(hash_of(w.h, ALG_SHA256,
		    span_of(area, s->tpm.ak_public.n), changed.ak_name.b + 2));
		ck_assert(!soft_tpm_open(&changed, blob, seed, &secret));
	}
	ck_assert(soft_tpm_open(&s->tpm, blob, seed, &secret));
	says(activate(text_at(a.json, "enrolment"), secret), 200, "");
}
END_TEST

/* K07: before its activation an enrolment is no node: nothing to ask about, to
 * approve, or to submit for. */
START_TEST(nothing_before_activation)
{
	struct sim *s = sim_new(&w, "n1");
	struct sim *waits = sim_alloc(&w, "n2", NULL);
	struct waiting e = begin(waits);

	says(get(&w, "/v1/nodes/n2"), 404, "node.unknown");
	says(post(&w, "/v1/nodes/n2/approve", "{}"), 404, "node.unknown");
	says(get(&w, arena_printf(&w.arena, "/v1/nodes/%s", e.id)), 404,
	    "node.unknown");
	struct shot shot = aim(&w, s);
	load(&w, &shot);
	uint8_t raw[NODE_TOKEN] = {0};
	struct uuid id;
	ck_rc_ok(uuid_parse(span_str(e.id), &id));
	memcpy(raw, s->tenant.b, sizeof(s->tenant.b));
	memcpy(raw + 16, id.b, sizeof(id.b));
	memcpy(raw + 32, e.secret.p, TOKEN_SECRET);
	shot.token = arena_printf(&w.arena, NODE_TOKEN_PREFIX "%s",
	    b64(&w, span_of(raw, sizeof(raw))));
	refused(&w, &shot, 401, "node.token");
	says(activate(e.id, e.secret), 200, "");
	says(get(&w, "/v1/nodes/n2"), 200, "");
}
END_TEST

START_TEST(too_late)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct waiting e = begin(s);

	world_expire_enrolments(&w);
	says(activate(e.id, e.secret), 403, "enrol.activation");
	e = begin(s);
	says(activate(e.id, e.secret), 200, "");
}
END_TEST

/* --- admission ------------------------------------------------------------ */

static const char *
ek_hash(const struct sim *s)
{
	uint8_t hash[32];

	ck_rc_ok(hash_of(w.h, ALG_SHA256, s->tpm.ek_public, hash));
	return hex_string(&w.arena, span_of(hash, sizeof(hash)));
}

static struct answer
import(const char *lines)
{
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/nodes/import",
	    .token = w.operator,
	    .type = "application/x-ndjson",
	    .body = span_str(lines)};

	return ask(&w, &q);
}

START_TEST(unlisted_stays_pending)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);

	sim_join(&w, s);
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");
	ck_assert_str_eq(text_at(a.json, "admission"), "pending");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	ck_assert_str_eq(text_at(a.json, "status_reason"), "node.pending");
	says(post(&w, "/v1/nodes/n1/approve", "{}"), 200, "");
	shot = aim(&w, s);
	a = judged(&w, &shot, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "trusted");
}
END_TEST

START_TEST(listed_is_admitted)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct answer a = import(arena_printf(&w.arena,
	    "{\"name\":\"n1\",\"ek_sha256\":\"%s\",\"class\":\"production\","
	    "\"labels\":{\"site\":\"lab\",\"rack\":\"7\"}}\n"
	    "{\"ek_sha256\":\"zz\"}\n\n{\"ek\":1}\n",
	    ek_hash(s)));

	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 3);
	ck_assert_str_eq(text_at(a.json, "items.0.result"), "listed");
	ck_assert_str_eq(text_at(a.json, "items.1.code"), "encoding");
	ck_assert_str_eq(text_at(a.json, "items.2.code"), "json.unknown_field");
	sim_join(&w, s);
	a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "admission"), "admitted");
	ck_assert_str_eq(text_at(a.json, "environment_class"), "production");
	ck_assert_str_eq(text_at(a.json, "labels.rack"), "7");
	ck_assert_str_eq(
	    text_at(a.json, "status_reason"), "node.never_attested");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot shot = aim(&w, s);
	a = judged(&w, &shot, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "trusted");
}
END_TEST

START_TEST(listed_under_another_name)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);

	says(import(arena_printf(&w.arena,
		 "{\"name\":\"n2\",\"ek_sha256\":\"%s\"}\n", ek_hash(s))),
	    200, "");
	says(post_as(&w, w.enrol, "/v1/enrol",
		 arena_printf(&w.arena,
		     "{\"name\":\"n1\",\"ek_public\":\"%s\","
		     "\"ek_certificates\":[],\"ak_public\":\"%s\","
		     "\"agent\":\"test\"}",
		     b64(&w, s->tpm.ek_public), b64(&w, s->tpm.ak_public))),
	    409, "enrol.name");
	s->name = "n2";
	sim_join(&w, s);
	struct answer a = get(&w, "/v1/nodes/n2");
	ck_assert_str_eq(text_at(a.json, "admission"), "admitted");
}
END_TEST

/* What a node says of itself is no class and no label. */
START_TEST(node_claims_nothing)
{
	static const char *const claims[] = {"\"class\":\"production\"",
	    "\"labels\":{\"site\":\"vault\"}", "\"admission\":\"admitted\""};
	struct sim *s = sim_alloc(&w, "n1", NULL);

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		says(post_as(&w, w.enrol, "/v1/enrol",
			 arena_printf(&w.arena,
			     "{\"name\":\"n1\",\"ek_public\":\"%s\","
			     "\"ek_certificates\":[],\"ak_public\":\"%s\","
			     "\"agent\":\"test\",%s}",
			     b64(&w, s->tpm.ek_public),
			     b64(&w, s->tpm.ak_public), claims[i])),
		    400, "json.unknown_field");
	sim_join(&w, s);
	struct answer a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "environment_class"), "test");
	ck_assert_str_eq(text_at(a.json, "labels.site"), "lab");
	ck_assert_uint_eq(json_object_size(json_at(a.json, "labels")), 1);
}
END_TEST

TCase *
activation_cases(void)
{
	TCase *t = tcase_create("activation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, three_tries);
	tcase_add_test(t, secret_of_another);
	tcase_add_test(t, begun_again);
	tcase_add_test(t, blob_is_bound);
	tcase_add_test(t, blob_is_bound_to_each_attribute);
	tcase_add_test(t, nothing_before_activation);
	tcase_add_test(t, too_late);
	tcase_add_test(t, unlisted_stays_pending);
	tcase_add_test(t, listed_is_admitted);
	tcase_add_test(t, listed_under_another_name);
	tcase_add_test(t, node_claims_nothing);
	return t;
}
