/* SPDX-License-Identifier: Apache-2.0 */
/* Endorsement certificates that were revoked, before and after enrolment; TPMs
 * of software; keys that can be factored. */
#include "e2e/server/cases.h"

#include "unit/verify/issue_crl.h"
#include "verify/ek.h"

#include <stdio.h>
#include <unistd.h>

static struct world w;
static struct issued ca, ek;
static char anchors_file[64], crl_file[64];

static void
write_file(const char *path, struct span bytes)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	ck_assert_int_eq(fclose(f), 0);
}

/* An authority of discrete TPMs, unless `class` says another. */
static const char *const *
settings(const char *class, bool lab, bool crl)
{
	const char **s = arena_array(&w.arena, 4, sizeof(*s));
	size_t n = 0;

	s[n++] =
	    arena_printf(&w.arena, "AKASHID_TRUST_%s=%s", class, anchors_file);
	if (lab)
		s[n++] = "AKASHID_LAB_ALLOW_VIRTUAL=true";
	if (crl)
		s[n++] =
		    arena_printf(&w.arena, "AKASHID_TRUST_CRLS=%s", crl_file);
	s[n] = NULL;
	return s;
}

static void
setup(void)
{
	char setting[128];
	const char *const first[] = {setting, NULL};
	const struct issued *list[] = {&ca};
	struct arena a;

	arena_init(&a, 1 << 20);
	ca = issue(&(struct issue){.name = "Test EK CA",
	    .ca = true,
	    .usage = "critical,keyCertSign,cRLSign"});
	ek = issue(&(struct issue){.name = "EK", .by = &ca, .serial_bytes = 3});
	snprintf(anchors_file, sizeof(anchors_file), "/tmp/akashid-test.%d.ca",
	    (int)getpid());
	snprintf(crl_file, sizeof(crl_file), "/tmp/akashid-test.%d.crl",
	    (int)getpid());
	write_file(anchors_file, issue_pem(&a, list, 1));
	snprintf(setting, sizeof(setting), "AKASHID_TRUST_DISCRETE=%s",
	    anchors_file);
	arena_free(&a);
	world_begin(&w, first);
}

static void
teardown(void)
{
	world_end(&w);
	issue_free(&ek);
	issue_free(&ca);
	unlink(anchors_file);
	unlink(crl_file);
}

static struct sim *
certified(const char *name, const struct issued *cert)
{
	struct sim *s = sim_alloc(&w, name, cert->key);

	s->certificates = arena_printf(
	    &w.arena, "\"%s\"", b64(&w, issue_der(&w.arena, cert)));
	return s;
}

static struct answer
enrol(const struct sim *s)
{
	return post_as(&w, w.enrol, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"%s\",\"ek_public\":\"%s\",\"ek_certificates\":[%s]"
		",\"ak_public\":\"%s\",\"agent\":\"test\"}",
		s->name, b64(&w, s->tpm.ek_public), s->certificates,
		b64(&w, s->tpm.ak_public)));
}

static struct sim *
joined(const struct issued *cert)
{
	struct sim *s = certified("n1", cert);

	sim_join(&w, s);
	says(post(&w, "/v1/nodes/n1/approve", "{}"), 200, "");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	return s;
}

static void
put_crl(const struct issue_crl *spec)
{
	write_file(crl_file, issue_crl_der(&w.arena, spec));
	world_reload(&w, settings("DISCRETE", false, true));
}

/* --- revocation (K04) ----------------------------------------------------- */

START_TEST(revoked_before)
{
	struct issued other =
	    issue(&(struct issue){.name = "EK", .by = &ca, .serial_bytes = 4});
	struct sim *bad = certified("n1", &ek), *good = certified("n2", &other);

	put_crl(&(struct issue_crl){.by = &ca, .names = {&ek}});
	says(enrol(bad), 403, "ek.revoked");
	says(enrol(good), 200, "");
	put_crl(&(struct issue_crl){.by = &ca, .to = "20260601000000Z"});
	says(enrol(good), 403, "ek.crl");
	put_crl(&(struct issue_crl){.by = &ca});
	says(enrol(bad), 200, "");
	issue_free(&other);
}
END_TEST

/* A node that is enrolled is rejected from the reload on, and stays held. */
START_TEST(revoked_after)
{
	struct sim *s = joined(&ek);
	struct shot shot = aim(&w, s);

	judged(&w, &shot, "pass", "");
	put_crl(&(struct issue_crl){.by = &ca});
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	put_crl(&(struct issue_crl){.by = &ca, .names = {&ek}});
	shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "reject", "ek.revoked");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
	ck_assert(stored(&w, s).state.held);
	/* A stale list is no reason to forget whom it names. */
	put_crl(&(struct issue_crl){
	    .by = &ca, .names = {&ek}, .to = "20260601000000Z"});
	shot = aim(&w, s);
	judged(&w, &shot, "reject", "ek.revoked");
}
END_TEST

/* A list that cannot be used stops the reload; what was in force stays. */
START_TEST(list_of_a_stranger)
{
	struct issued other = issue(&(struct issue){.name = "Test EK CA",
	    .ca = true,
	    .usage = "critical,keyCertSign,cRLSign"});
	struct sim *s = certified("n1", &ek);
	struct err e = {0};

	put_crl(&(struct issue_crl){.by = &ca, .names = {&ek}});
	write_file(crl_file,
	    issue_crl_der(&w.arena, &(struct issue_crl){.by = &other}));
	rc r = keeper_refresh(w.server, true, &e);
	ck_assert_int_eq(r.code, ERR_EK_CRL);
	says(enrol(s), 403, "ek.revoked");
	issue_free(&other);
}
END_TEST

/* --- software TPMs (K28) -------------------------------------------------- */

/* swtpm's certificates say what they are, whatever class their authority was
 * given. */
START_TEST(software_under_a_hardware_anchor)
{
	struct issued soft = issue(&(struct issue){
	    .name = "EK", .by = &ca, .manufacturer = "id:00001014"});
	struct sim *s = certified("n1", &soft);

	says(enrol(s), 403, "ek.virtual");
	world_reload(&w, settings("DISCRETE", true, false));
	s = joined(&soft);
	struct answer a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "rot_class"), "virtual");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	/* The lab is closed: so is what was let in. */
	world_reload(&w, settings("DISCRETE", false, false));
	shot = aim(&w, s);
	judged(&w, &shot, "reject", "ek.virtual");
	issue_free(&soft);
}
END_TEST

START_TEST(virtual_anchor)
{
	struct sim *s = certified("n1", &ek);

	world_reload(&w, settings("VIRTUAL", true, false));
	says(enrol(s), 200, "");
	says(enrol(s), 200, "");
}
END_TEST

/* --- keys that can be factored (K15) -------------------------------------- */

START_TEST(roca)
{
	EVP_PKEY *key = issue_roca_key();
	struct issued weak = issue(&(struct issue){.name = "EK",
	    .by = &ca,
	    .usage = "critical,keyEncipherment",
	    .subject = key});
	struct sim *s = certified("n1", &ek);
	struct span area;
	struct cert cert;

	ck_rc_ok(cert_decode(issue_der(&w.arena, &weak), &cert, NULL));
	ck_rc_ok(ek_public_from_cert(&cert, &w.arena, &area, NULL));
	struct sim bad = *s;
	bad.tpm.ek_public = area;
	bad.certificates = arena_printf(
	    &w.arena, "\"%s\"", b64(&w, issue_der(&w.arena, &weak)));
	says(enrol(&bad), 403, "ek.roca");
	bad.certificates = "";
	says(enrol(&bad), 403, "ek.roca");
	says(enrol(s), 200, "");
	cert_free(&cert);
	issue_free(&weak);
	EVP_PKEY_free(key);
}
END_TEST

TCase *
revocation_cases(void)
{
	TCase *t = tcase_create("revocation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, revoked_before);
	tcase_add_test(t, revoked_after);
	tcase_add_test(t, list_of_a_stranger);
	tcase_add_test(t, software_under_a_hardware_anchor);
	tcase_add_test(t, virtual_anchor);
	tcase_add_test(t, roca);
	return t;
}
