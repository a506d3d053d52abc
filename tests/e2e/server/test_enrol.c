/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment: tokens, names, endorsement and attestation keys. */
#include "e2e/server/cases.h"

#include "base/text.h"
#include "unit/verify/issue.h"

#include <stdio.h>
#include <stdlib.h>
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

/* --- requests
 * ------------------------------------------------------------------ */

struct form {
	const char *token, *name;
	struct span ek, ak;
	const char *certificates; /* JSON; NULL: none */
};

static struct form
form_of(const struct sim *s)
{
	return (struct form){.token = w.enrol,
	    .name = s->name,
	    .ek = s->tpm.ek_public,
	    .ak = s->tpm.ak_public};
}

static struct answer
enrol(const struct form *f)
{
	return post_as(&w, f->token, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"%s\",\"ek_public\":\"%s\",\"ek_certificates\":[%s]"
		","
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		f->name, b64(&w, f->ek), f->certificates ? f->certificates : "",
		b64(&w, f->ak)));
}

static struct sim *
stranger(const char *name)
{
	return sim_alloc(&w, name, NULL);
}

static const char *
make_token(const char *uses, const char *ttl, const char **id)
{
	struct answer a = post(&w, "/v1/tokens",
	    arena_printf(&w.arena,
		"{\"class\":\"test\",\"labels\":{},\"uses\":%s,\"ttl\":\"%s\"}",
		uses, ttl));

	says(a, 200, "");
	if (id)
		*id = text_at(a.json, "id");
	return text_at(a.json, "token");
}

/* --- tokens
 * -------------------------------------------------------------------- */

START_TEST(token_unknown)
{
	struct form f = form_of(stranger("n1"));
	uint64_t before = events(&w);

	f.token = "aket_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	says(enrol(&f), 401, "enrol.token");
	for (int i = 0; i < 500 && events(&w) == before; i++)
		usleep(10000);
	ck_assert_uint_gt(events(&w), before);
	f.token = w.operator;
	says(enrol(&f), 403, "auth.forbidden");
	f.token = "aket_";
	says(enrol(&f), 401, "auth.invalid");
	f.token = NULL;
	says(enrol(&f), 401, "auth.missing");
	f.token = w.enrol;
	says(enrol(&f), 200, "");
}
END_TEST

START_TEST(token_used_up)
{
	struct sim *a = stranger("n1"), *b = stranger("n2");
	const char *whole = make_token("1", "1h", NULL);

	snprintf(w.enrol, sizeof(w.enrol), "%s", whole);
	sim_join(&w, a);
	struct form f = form_of(b);
	says(enrol(&f), 401, "enrol.token");
	f.token = make_token("1", "1h", NULL);
	says(enrol(&f), 200, "");
}
END_TEST

/* Two enrolments begin under a token of one use: one of them ends. */
START_TEST(token_used_up_meanwhile)
{
	struct sim *a = stranger("n1"), *b = stranger("n2");
	struct span secret, blob, seed;

	snprintf(w.enrol, sizeof(w.enrol), "%s", make_token("1", "1h", NULL));
	struct form f = form_of(b);
	struct answer late = enrol(&f);
	says(late, 200, "");
	sim_join(&w, a);
	ck_rc_ok(base64url_decode(
	    span_str(text_at(late.json, "credential_blob")), &w.arena, &blob));
	ck_rc_ok(base64url_decode(
	    span_str(text_at(late.json, "encrypted_secret")), &w.arena, &seed));
	ck_assert(soft_tpm_open(&b->tpm, blob, seed, &secret));
	says(post_as(&w, NULL, "/v1/activate",
		 arena_printf(&w.arena,
		     "{\"enrolment\":\"%s\",\"secret\":\"%s\"}",
		     text_at(late.json, "enrolment"), b64(&w, secret))),
	    401, "enrol.token");
	says(get(&w, "/v1/nodes/n2"), 404, "node.unknown");
}
END_TEST

START_TEST(token_revoked)
{
	struct form f = form_of(stranger("n1"));
	const char *id;

	f.token = make_token("5", "1h", &id);
	says(enrol(&f), 200, "");
	const char *path = arena_printf(&w.arena, "/v1/tokens/%s/revoke", id);
	says(post(&w, path, "{}"), 200, "");
	says(enrol(&f), 401, "enrol.token");
	says(post(&w, path, "{}"), 200, ""); /* as often as one likes */
}
END_TEST

START_TEST(token_expired)
{
	struct form f = form_of(stranger("n1"));

	f.token = make_token("5", "1h", NULL);
	says(enrol(&f), 200, "");
	world_expire_tokens(&w);
	says(enrol(&f), 401, "enrol.token");
	f.token = make_token("5", "1h", NULL);
	says(enrol(&f), 200, "");
}
END_TEST

/* --- names and keys of others
 * ------------------------------------------------- */

START_TEST(name_is_none)
{
	static const char *const names[] = {
	    "", "N1", "a b", "-a", "a/b", "\\u0000", "\\u00e9"};
	struct form f = form_of(stranger("n1"));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f.name = names[i];
		struct answer a = enrol(&f);
		ck_assert_int_eq(a.status, 400);
	}
	f.name = "n1";
	says(enrol(&f), 200, "");
}
END_TEST

START_TEST(key_under_another_name)
{
	struct sim *s = sim_new(&w, "n1");
	struct form f = form_of(s);

	f.name = "n2";
	says(enrol(&f), 409, "ek.duplicate");
	struct form other = form_of(stranger("n1"));
	says(enrol(&other), 409, "enrol.name");
	other = form_of(stranger("n3"));
	other.ak = s->tpm.ak_public;
	says(enrol(&other), 409, "ak.duplicate");
	says(get(&w, "/v1/nodes/n2"), 404, "node.unknown");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	other.ak = stranger("n4")->tpm.ak_public;
	says(enrol(&other), 200, "");
}
END_TEST

/* Another board, and so another TPM, under the old name: an operator has to
 * retire the old node first, and the new one waits for approval. */
START_TEST(board_replaced)
{
	struct sim *old = sim_new(&w, "n1"), *fresh = stranger("n1");
	struct form f = form_of(fresh);

	says(enrol(&f), 409, "enrol.name");
	struct shot shot = aim(&w, old);
	judged(&w, &shot, "pass", "");
	says(post(&w, "/v1/nodes/n1/retire", "{\"reason\":\"new board\"}"), 200,
	    "");
	sim_join(&w, fresh);
	struct answer a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "admission"), "pending");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
}
END_TEST

/* Who only began an enrolment has proved nothing and holds no name. */
START_TEST(name_squatted)
{
	struct sim *squatter = stranger("db-1"), *owner = stranger("db-1");
	struct form f = form_of(squatter);

	says(enrol(&f), 200, "");
	sim_join(&w, owner);
	says(enrol(&f), 409, "enrol.name");
}
END_TEST

/* A token may be for some names only. */
START_TEST(token_for_some_names)
{
	struct form f = form_of(stranger("db-1"));
	struct answer a = post(&w, "/v1/tokens",
	    "{\"class\":\"ci\",\"labels\":{},\"names\":\"ci-*\",\"uses\":5,"
	    "\"ttl\":\"1h\"}");

	says(a, 200, "");
	f.token = text_at(a.json, "token");
	says(enrol(&f), 403, "enrol.scope");
	f.name = "ci-7";
	says(enrol(&f), 200, "");
	says(post(&w, "/v1/tokens",
		 "{\"class\":\"ci\",\"labels\":{},\"names\":\"/*\",\"uses\":5,"
		 "\"ttl\":\"1h\"}"),
	    400, "name.format");
	a = get(&w, "/v1/tokens");
	ck_assert_str_eq(text_at(a.json, "items.0.names"), "*");
	ck_assert_str_eq(text_at(a.json, "items.1.names"), "ci-*");
}
END_TEST

/* A retired node's name and keys are free again; its token is not. */
START_TEST(retired_is_free)
{
	struct sim *s = sim_new(&w, "n1");
	struct sim before = *s;

	says(post(&w, "/v1/nodes/n1/retire", "{\"reason\":\"test\"}"), 200, "");
	sim_join(&w, s);
	struct shot old = aim(&w, s);
	old.token = before.token;
	says(fire(&w, &old), 403, "node.retired");
	says(post(&w, "/v1/nodes/n1/approve", "{}"), 200, "");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* A new AK of the same TPM replaces the old one at activation, not before. */
START_TEST(new_attestation_key)
{
	struct sim *s = sim_new(&w, "n1");
	char old_token[NODE_TOKEN_TEXT];
	struct shot shot = aim(&w, s);

	judged(&w, &shot, "pass", "");
	snprintf(old_token, sizeof(old_token), "%s", s->token);
	struct shot old = aim(&w, s);
	load(&w, &old);
	old.token = old_token;
	soft_tpm_new_ak(&s->tpm);
	struct form f = form_of(s);
	says(enrol(&f), 200, "");
	judged(&w, &old, "pass", ""); /* still in force */
	sim_join(&w, s);
	old = aim(&w, s);
	old.token = old_token;
	refused(&w, &old, 401, "node.token");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* --- the attestation key
 * ------------------------------------------------------- */

static const struct {
	uint32_t attributes;
	uint16_t name_alg, scheme, hash;
	const char *code;
} keys[] = {
    {0x00050070, 0, 0, 0, "ak.attributes"}, /* not fixedTPM */
    {0x00050062, 0, 0, 0, "ak.attributes"}, /* not fixedParent */
    {0x00050052, 0, 0, 0, "ak.attributes"}, /* not made in the TPM */
    {0x00040072, 0, 0, 0, "ak.attributes"}, /* not restricted */
    {0x00010072, 0, 0, 0, "ak.attributes"}, /* does not sign */
    {0x00070072, 0, 0, 0, "ak.attributes"}, /* decrypts */
    {0x000d0072, 0, 0, 0, "ak.attributes"}, /* signs X.509 */
    {0, 0x0004, 0, 0, "ak.name_algorithm"}, {0, 0, 0, 0x0004, "ak.scheme"},
    {0, 0, ALG_NULL, 0, "ak.scheme"},
    {0, 0, 0x001a, 0, "ak.scheme"}, /* ECDAA needs more, but is none */
};

START_TEST(attestation_key)
{
	struct sim *s = stranger("n1");
	struct soft_area area = soft_ak_area(s->tpm.ak, span_of("", 0));
	struct form f = form_of(s);
	struct buf b = {0};

	area.attributes =
	    keys[_i].attributes ? keys[_i].attributes : area.attributes;
	area.name_alg = keys[_i].name_alg ? keys[_i].name_alg : area.name_alg;
	area.scheme = keys[_i].scheme ? keys[_i].scheme : area.scheme;
	area.hash = keys[_i].hash ? keys[_i].hash : area.hash;
	soft_put_public(&b, s->tpm.ak, &area);
	if (area.scheme == 0x001a) { /* a count follows its hash */
		char *p = arena_alloc(&w.arena, b.n + 2);
		memcpy(p, b.p, 16);
		p[16] = p[17] = 0;
		memcpy(p + 18, b.p + 16, b.n - 16);
		f.ak = span_of(p, b.n + 2);
	} else {
		f.ak = arena_copy(&w.arena, buf_span(&b));
	}
	buf_free(&b);
	struct answer a = enrol(&f);
	says(a, a.status, keys[_i].code);
	ck_assert(a.status == 403 || a.status == 400);
	f.ak = s->tpm.ak_public;
	says(enrol(&f), 200, "");
}
END_TEST

START_TEST(keys_malformed)
{
	struct sim *s = stranger("n1");
	struct form f = form_of(s), good = f;

	f.ak = span_of(f.ak.p, f.ak.n - 1);
	says(enrol(&f), 400, "ak.format");
	f.ak = span_of("", 0);
	says(enrol(&f), 400, "ak.format");
	f = good;
	f.ek = span_of(f.ek.p, f.ek.n - 1);
	says(enrol(&f), 400, "ek.format");
	f.ek = f.ak; /* a signing key is no EK */
	says(enrol(&f), 403, "ek.template");
	f = good;
	f.ak = f.ek;
	says(enrol(&f), 403, "ak.attributes");
	says(enrol(&good), 200, "");
}
END_TEST

/* --- endorsement certificates
 * --------------------------------------------------- */

static struct issued ca, other_ca;
static char anchors_file[64];

static void
write_anchors(void)
{
	struct arena a;
	const struct issued *list[] = {&ca};

	arena_init(&a, 1 << 20);
	struct span pem = issue_pem(&a, list, 1);
	snprintf(anchors_file, sizeof(anchors_file), "/tmp/akashid-test.%d.pem",
	    (int)getpid());
	FILE *f = fopen(anchors_file, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(pem.p, 1, pem.n, f), pem.n);
	fclose(f);
	arena_free(&a);
}

static void
setup_ca(void)
{
	static const struct issue root = {.name = "Test EK CA", .ca = true};
	char setting[128];
	const char *const settings[] = {
	    setting, "AKASHID_LAB_ALLOW_VIRTUAL=true", NULL};

	ca = issue(&root);
	other_ca = issue(&root); /* the same name, another key */
	write_anchors();
	snprintf(
	    setting, sizeof(setting), "AKASHID_TRUST_VIRTUAL=%s", anchors_file);
	world_begin(&w, settings);
}

static void
teardown_ca(void)
{
	world_end(&w);
	issue_free(&ca);
	issue_free(&other_ca);
	unlink(anchors_file);
}

static const char *
certificate(const struct issued *cert)
{
	return arena_printf(
	    &w.arena, "\"%s\"", b64(&w, issue_der(&w.arena, cert)));
}

static const struct {
	struct issue spec;
	bool other_ca;
	const char *code;
} certificates[] = {
    {{.name = "EK"}, true, "ek.untrusted"},
    {{.name = "EK", .to = "20210101000000Z"}, false, "ek.expired"},
    {{.name = "EK", .extended = "serverAuth"}, false, "ek.usage"},
    {{.name = "EK", .san_missing = true}, false, "ek.subject_alternative_name"},
};

START_TEST(certificate_faults)
{
	static const struct issue right = {.name = "EK", .by = &ca};
	struct issue spec = certificates[_i].spec;

	spec.by = certificates[_i].other_ca ? &other_ca : &ca;
	struct issued bad = issue(&spec), good = issue(&right);
	struct sim *s = sim_alloc(&w, "n1", bad.key);
	struct form f = form_of(s);
	f.certificates = certificate(&bad);
	says(enrol(&f), 403, certificates[_i].code);
	struct sim *t = sim_alloc(&w, "n1", good.key);
	f = form_of(t);
	f.certificates = certificate(&good);
	says(enrol(&f), 200, "");
	f.certificates = certificate(&bad); /* of another EK, and bad as well */
	struct answer a = enrol(&f);
	ck_assert_int_eq(a.status, 403);
	issue_free(&bad);
	issue_free(&good);
}
END_TEST

START_TEST(certificate_of_another_key)
{
	static const struct issue right = {.name = "EK", .by = &ca};
	struct issued one = issue(&right), two = issue(&right);
	struct sim *s = sim_alloc(&w, "n1", one.key);
	struct form f = form_of(s);

	f.certificates = certificate(&two);
	says(enrol(&f), 403, "ek.mismatch");
	f.certificates = "\"AAAA\"";
	says(enrol(&f), 400, "ek.format");
	f.certificates = "\"%\"";
	says(enrol(&f), 400, "encoding");
	f.certificates = "1";
	says(enrol(&f), 400, "json.type");
	f.certificates = certificate(&one);
	says(enrol(&f), 200, "");
	issue_free(&one);
	issue_free(&two);
}
END_TEST

/* An authority of virtual TPMs: only where the configuration says lab. */
START_TEST(virtual_needs_lab)
{
	static const struct issue right = {.name = "EK", .by = &ca};
	struct issued one = issue(&right);
	struct sim *s = sim_alloc(&w, "n1", one.key);
	char virtual[128], lab[] = "AKASHID_LAB_ALLOW_VIRTUAL=true";
	char off[] = "AKASHID_TLS_MODE=off";
	char *with[] = {virtual, off, lab, NULL},
	     *without[] = {virtual, off, NULL};
	struct conf *c;
	struct err e;

	snprintf(
	    virtual, sizeof(virtual), "AKASHID_TRUST_VIRTUAL=%s", anchors_file);
	ck_rc_is(conf_load(NULL, without, &c, &e), ERR_CONFIG);
	ck_assert_str_eq(e.path, "trust.virtual");
	ck_rc_ok(conf_load(NULL, with, &c, &e));
	conf_free(c);
	/* The server of this test says so. */
	struct form f = form_of(s);
	f.certificates = certificate(&one);
	says(enrol(&f), 200, "");
	issue_free(&one);
}
END_TEST

/* A certified EK is no admission. */
START_TEST(certified_stays_pending)
{
	static const struct issue right = {.name = "EK", .by = &ca};
	struct issued one = issue(&right);
	struct sim *s = sim_alloc(&w, "n1", one.key);

	sim_join(&w, s);
	struct answer a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "admission"), "pending");
	issue_free(&one);
}
END_TEST

START_TEST(no_anchors)
{
	struct issued self = issue(&(struct issue){.name = "EK"});
	struct sim *s = sim_alloc(&w, "n1", self.key);
	struct form f = form_of(s);

	f.certificates = certificate(&self);
	says(enrol(&f), 403, "ek.untrusted");
	f.certificates = NULL; /* an operator has to know the EK then */
	says(enrol(&f), 200, "");
	issue_free(&self);
}
END_TEST

TCase *
enrol_cases(void)
{
	TCase *t = tcase_create("enrol");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, token_unknown);
	tcase_add_test(t, token_used_up);
	tcase_add_test(t, token_used_up_meanwhile);
	tcase_add_test(t, token_revoked);
	tcase_add_test(t, token_expired);
	tcase_add_test(t, name_is_none);
	tcase_add_test(t, key_under_another_name);
	tcase_add_test(t, board_replaced);
	tcase_add_test(t, name_squatted);
	tcase_add_test(t, token_for_some_names);
	tcase_add_test(t, retired_is_free);
	tcase_add_test(t, new_attestation_key);
	loop_test(t, attestation_key, keys);
	tcase_add_test(t, keys_malformed);
	tcase_add_test(t, no_anchors);
	return t;
}

TCase *
certificate_cases(void)
{
	TCase *t = tcase_create("certificates");

	tcase_add_checked_fixture(t, setup_ca, teardown_ca);
	loop_test(t, certificate_faults, certificates);
	tcase_add_test(t, certificate_of_another_key);
	tcase_add_test(t, virtual_needs_lab);
	tcase_add_test(t, certified_stays_pending);
	return t;
}
