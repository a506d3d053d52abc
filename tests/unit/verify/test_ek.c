/* SPDX-License-Identifier: Apache-2.0 */
/* Endorsement certificates: recorded ones, and made ones with one thing wrong.
 * The letters in the comments are those of the table of attacks. */
#include "lib/tap.h"
#include "unit/verify/issue.h"
#include "verify/ek.h"
#include "verify/material.h"

#include <openssl/asn1.h>
#include <stdlib.h>

#define VM "/tests/vectors/vm/"
#define GOLDEN VM "boots/grub-sb-golden/"
#define QUOTES "/tests/vectors/quotes/"

static struct arena a;
static const int64_t now = 1795165200 * TIME_S; /* 2026-11-20 */

static void
setup(void)
{
	arena_init(&a, 4 * 1024 * 1024);
}

static void
teardown(void)
{
	arena_free(&a);
}

static enum err_code
chain(const struct anchors *anchors, struct span der,
    const struct issued *const *sent, size_t sent_n, struct ek_identity *id)
{
	struct cert cert, between[64];
	const struct cert *list[64];
	struct ek_identity ignored;

	if (!rc_ok(cert_decode(der, &cert, NULL)))
		return ERR_EK_FORMAT;
	for (size_t i = 0; i < sent_n; i++) {
		between[i] = (struct cert){.x509 = sent[i]->x509};
		list[i] = &between[i];
	}
	rc r = ek_check_chain(
	    anchors, &cert, list, sent_n, now, id ? id : &ignored, NULL);
	cert_free(&cert);
	return r.code;
}

/* --- recorded certificates ------------------------------------------------ */

static struct anchors *
recorded_anchors(const char *path)
{
	struct anchors *anchors = NULL;

	ck_rc_ok(anchors_add(&anchors, tap_file(&a, path), ROT_VIRTUAL, NULL));
	return anchors;
}

START_TEST(recorded_negatives)
{
	static const struct {
		const char *name;
		enum err_code code;
	} rows[] = {
	    {"control-ekcert-trailing-nv-padding", ERR_OK}, /* K25 */
	    {"ekcert-trailing-zero-padding", ERR_OK},	    /* K25 */
	    {"ak-software-key", ERR_OK},
	    {"ekcert-other-machine", ERR_OK},	/* see mismatch_is_seen */
	    {"ekcert-expired", ERR_EK_EXPIRED}, /* K04 */
	    {"ekcert-fake-ca-same-name", ERR_EK_UNTRUSTED}, /* K01 */
	    {"ekcert-no-eku", ERR_EK_USAGE},		    /* K02 */
	    {"ekcert-sig-bitflip", ERR_EK_UNTRUSTED},
	    {"ekcert-truncated", ERR_EK_FORMAT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at =
		    arena_printf(&a, VM "negatives/%s/", rows[i].name);
		struct anchors *anchors =
		    recorded_anchors(arena_printf(&a, "%sca.pem", at));
		enum err_code got = chain(anchors,
		    tap_file(&a, arena_printf(&a, "%sekcert.der", at)), NULL, 0,
		    NULL);
		ck_assert_msg(
		    got == rows[i].code, "%s: %s", rows[i].name, err_name(got));
		anchors_free(anchors);
	}
}
END_TEST

static const char *const boots[] = {"debian-golden", "debian-second",
    "direct-golden", "grub-sb-golden", "uki-golden", "uki-cmdline"};
static const char *const kinds[] = {"rsa", "ecc256", "ecc384"};

enum { BOOTS = sizeof(boots) / sizeof(boots[0]) };

/* Certificate and public area agree, and one is rebuilt from the other. */
START_TEST(recorded_boots)
{
	struct anchors *anchors = recorded_anchors(VM "common/ca1/rootca.pem");

	ck_rc_ok(anchors_add(&anchors,
	    tap_file(&a, VM "common/ca1/issuercert.pem"), ROT_VIRTUAL, NULL));
	for (size_t i = 0; i < 3 * BOOTS; i++) {
		const char *kind = kinds[i % 3];
		const char *at = arena_printf(&a, VM "boots/%s/", boots[i / 3]);
		struct span der =
		    tap_file(&a, arena_printf(&a, "%sekcert-%s.der", at, kind));
		struct span raw =
		    tap_file(&a, arena_printf(&a, "%sek-%s.pub", at, kind));
		struct ek_identity id;
		struct tpm_public pub;
		struct cert cert;
		struct span rebuilt;
		ck_assert_int_eq(chain(anchors, der, NULL, 0, &id), ERR_OK);
		ck_assert_int_eq(id.rot, ROT_VIRTUAL);
		ck_assert_str_eq(id.manufacturer, "id:00001014");
		ck_assert_str_eq(id.issuer, "CN=swtpm-localca");
		ck_rc_ok(cert_decode(der, &cert, NULL));
		ck_rc_ok(tpm_decode_public(raw, &a, &pub, NULL));
		ck_rc_ok(ek_check_public(&cert, &pub, NULL));
		ck_rc_ok(ek_public_from_cert(&cert, &a, &rebuilt, NULL));
		ck_assert(span_eq(rebuilt, raw));
		cert_free(&cert);
	}
	anchors_free(anchors);
}
END_TEST

/* K03 */
START_TEST(mismatch_is_seen)
{
	struct tpm_public pub;
	struct cert own, other;

	ck_rc_ok(tpm_decode_public(
	    tap_file(&a, GOLDEN "ek-rsa.pub"), &a, &pub, NULL));
	ck_rc_ok(cert_decode(
	    tap_file(&a, VM "negatives/ekcert-other-machine/ekcert.der"),
	    &other, NULL));
	ck_rc_ok(
	    cert_decode(tap_file(&a, GOLDEN "ekcert-rsa.der"), &own, NULL));
	ck_rc_is(ek_check_public(&other, &pub, NULL), ERR_EK_MISMATCH);
	ck_rc_ok(ek_check_public(&own, &pub, NULL));
	cert_free(&other);
	ck_rc_ok(cert_decode(
	    tap_file(&a, GOLDEN "ekcert-ecc256.der"), &other, NULL));
	ck_rc_is(ek_check_public(&other, &pub, NULL), ERR_EK_MISMATCH);
	cert_free(&other);
	cert_free(&own);
}
END_TEST

START_TEST(templates)
{
	static const char *const good[] = {
	    "ek_rsa", "ek_rsa3072", "ek_ecc", "ek_ecc384", "ek_ecc521"};
	struct tpm_public ek;

	for (size_t i = 0; i < 5; i++) {
		const char *path = arena_printf(&a, QUOTES "%s.pub", good[i]);
		ck_rc_ok(tpm_decode_public(tap_file(&a, path), &a, &ek, NULL));
		ck_rc_ok(ek_check_template(&ek, NULL));
	}
	const struct tpm_public p521 = ek;
	ek.attributes |= ATTR_SIGN;
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
	ek = p521;
	ek.policy.n = 0;
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
	ek = p521;
	ek.name_alg = ALG_SHA256;
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
	ek = p521;
	ek.sym_bits = 128;
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
	ek = p521;
	ek.scheme = ALG_ECDSA;
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
	/* An AK is no EK. */
	ck_rc_ok(tpm_decode_public(
	    tap_file(&a, GOLDEN "ak-rsassa.pub"), &a, &ek, NULL));
	ck_rc_is(ek_check_template(&ek, NULL), ERR_EK_TEMPLATE);
}
END_TEST

/* --- issued certificates -------------------------------------------------- */

struct authority {
	struct issued root, middle;
	struct anchors *anchors; /* both of them, discrete */
};

static struct authority
authority_new(void)
{
	struct authority ca = {0};

	ca.root = issue(&(struct issue){.name = "root", .ca = true});
	ca.middle = issue(
	    &(struct issue){.name = "middle", .ca = true, .by = &ca.root});
	const struct issued *both[] = {&ca.middle, &ca.root};
	ck_rc_ok(anchors_add(
	    &ca.anchors, issue_pem(&a, both, 2), ROT_DISCRETE, NULL));
	return ca;
}

static void
authority_free(struct authority *ca)
{
	issue_free(&ca->root);
	issue_free(&ca->middle);
	anchors_free(ca->anchors);
}

static enum err_code
issued_chain(
    const struct authority *ca, struct issue spec, struct ek_identity *id)
{
	spec.name = spec.name ? spec.name : "ek";
	spec.by = spec.by ? spec.by : &ca->middle;
	struct issued ek = issue(&spec);
	enum err_code got = chain(ca->anchors, issue_der(&a, &ek), NULL, 0, id);

	issue_free(&ek);
	return got;
}

static const struct {
	struct issue spec;
	enum err_code code;
} variants[] = {
    {{0}, ERR_OK},
    {{.string_type = V_ASN1_UTF8STRING}, ERR_OK},      /* K05 */
    {{.string_type = V_ASN1_PRINTABLESTRING}, ERR_OK}, /* K05 */
    {{.serial_bytes = 21}, ERR_OK},		       /* A19 */
    {{.serial_bytes = 16, .serial_negative = true}, ERR_OK},
    {{.serial_bytes = 40}, ERR_EK_FORMAT},
    {{.oaep = true}, ERR_EK_FORMAT},
    {{.usage = "critical,keyAgreement,digitalSignature"}, ERR_OK},
    {{.extended = "serverAuth,2.23.133.8.1"}, ERR_OK},
    {{.from = "20270101000000Z"}, ERR_EK_EXPIRED},  /* K04 */
    {{.to = "20261119000000Z"}, ERR_EK_EXPIRED},    /* K04 */
    {{.unknown_critical = true}, ERR_EK_UNTRUSTED}, /* K04 */
    {{.digest = "SHA1"}, ERR_EK_UNTRUSTED},
    {{.basic = "critical,CA:TRUE"}, ERR_EK_USAGE}, /* K02 */
    {{.extended = "serverAuth"}, ERR_EK_USAGE},	   /* K02 */
    {{.extended = "2.23.133.8.3"}, ERR_EK_USAGE},
    {{.extended = ""}, ERR_EK_USAGE},
    {{.usage = "critical,digitalSignature"}, ERR_EK_USAGE}, /* K02 */
    {{.usage = "critical,keyEncipherment"}, ERR_EK_USAGE},
    {{.usage = ""}, ERR_EK_USAGE},
    {{.san_missing = true}, ERR_EK_SAN}, /* K05 */
    {{.manufacturer = ""}, ERR_EK_SAN},
    {{.manufacturer = "id:STM"}, ERR_EK_SAN},
    {{.manufacturer = "id:53544D2"}, ERR_EK_SAN},
    {{.manufacturer = "53544D20"}, ERR_EK_SAN},
    {{.manufacturer = "id:53544D20id:53544D20"}, ERR_EK_SAN},
    {{.model = ""}, ERR_EK_SAN},
    {{.version = ""}, ERR_EK_SAN},
    {{.version = "2.0"}, ERR_EK_SAN},
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

START_TEST(issued_variants)
{
	struct authority ca = authority_new();
	struct ek_identity id;
	enum err_code got = issued_chain(&ca, variants[_i].spec, &id);

	ck_assert_msg(
	    got == variants[_i].code, "variant %d: %s", _i, err_name(got));
	if (got == ERR_OK)
		ck_assert_int_eq(id.rot, ROT_DISCRETE);
	authority_free(&ca);
}
END_TEST

START_TEST(identity_is_told)
{
	struct authority ca = authority_new();
	struct ek_identity id;

	ck_assert_int_eq(
	    issued_chain(&ca,
		(struct issue){.serial_bytes = 21, .serial_negative = true},
		&id),
	    ERR_OK);
	ck_assert_str_eq(id.manufacturer, "id:53544D20");
	ck_assert_str_eq(id.issuer, "CN=middle");
	ck_assert_str_eq(
	    id.serial, "-5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	ck_assert_int_eq(id.not_after, 253402300799 * TIME_S);
	authority_free(&ca);
}
END_TEST

/* K01 */
START_TEST(unknown_issuers)
{
	struct authority ca = authority_new(), other = authority_new();
	struct issued own = issue(&(struct issue){.name = "own"});
	const struct issued *self[] = {&other.root, &other.middle, &own};

	ck_assert_int_eq(chain(ca.anchors, issue_der(&a, &own), NULL, 0, NULL),
	    ERR_EK_UNTRUSTED);
	/* Same names, other keys; K06: what the node sends anchors nothing. */
	ck_assert_int_eq(
	    issued_chain(&ca, (struct issue){.by = &other.middle}, NULL),
	    ERR_EK_UNTRUSTED);
	struct issued ek =
	    issue(&(struct issue){.name = "ek", .by = &other.middle});
	ck_assert_int_eq(chain(ca.anchors, issue_der(&a, &ek), self, 3, NULL),
	    ERR_EK_UNTRUSTED);
	ck_assert_int_eq(
	    chain(other.anchors, issue_der(&a, &ek), NULL, 0, NULL), ERR_OK);
	issue_free(&ek);
	issue_free(&own);
	authority_free(&ca);
	authority_free(&other);
}
END_TEST

/* An expired certificate of a stranger is a stranger's. */
START_TEST(expired_and_untrusted)
{
	struct authority ca = authority_new(), other = authority_new();

	ck_assert_int_eq(
	    issued_chain(&ca,
		(struct issue){.by = &other.middle, .to = "20210101000000Z"},
		NULL),
	    ERR_EK_UNTRUSTED);
	authority_free(&ca);
	authority_free(&other);
}
END_TEST

START_TEST(expired_above)
{
	struct authority ca = authority_new();
	struct issued middle = issue(&(struct issue){.name = "old",
	    .ca = true,
	    .by = &ca.root,
	    .to = "20250101000000Z"});
	struct issued ek = issue(&(struct issue){.name = "ek", .by = &middle});
	const struct issued *sent[] = {&middle};

	ck_assert_int_eq(chain(ca.anchors, issue_der(&a, &ek), sent, 1, NULL),
	    ERR_EK_EXPIRED);
	issue_free(&ek);
	issue_free(&middle);
	authority_free(&ca);
}
END_TEST

/* K06: the EK certificate of one TPM issues nothing. */
START_TEST(leaf_is_no_issuer)
{
	struct authority ca = authority_new();
	struct issued leaf =
	    issue(&(struct issue){.name = "leaf", .by = &ca.middle});
	struct issued ek = issue(&(struct issue){.name = "ek", .by = &leaf});
	const struct issued *sent[] = {&leaf};

	ck_assert_int_eq(chain(ca.anchors, issue_der(&a, &ek), sent, 1, NULL),
	    ERR_EK_UNTRUSTED);
	issue_free(&ek);
	issue_free(&leaf);
	authority_free(&ca);
}
END_TEST

/* K06: depth and number of intermediates are bounded. */
START_TEST(long_chains)
{
	enum { DEEP = 50 };
	struct authority ca = authority_new();
	struct issued link[DEEP];
	const struct issued *sent[DEEP];

	for (int i = 0; i < DEEP; i++) {
		link[i] = issue(
		    &(struct issue){.name = arena_printf(&a, "link %d", i),
			.ca = true,
			.by = i ? &link[i - 1] : &ca.root});
		sent[i] = &link[i];
	}
	for (size_t n = 1; n <= DEEP; n++) {
		struct issued ek =
		    issue(&(struct issue){.name = "ek", .by = &link[n - 1]});
		enum err_code got =
		    chain(ca.anchors, issue_der(&a, &ek), sent, n, NULL);
		ck_assert_int_eq(
		    got, n <= LIMIT_CERTS ? ERR_OK : ERR_EK_UNTRUSTED);
		issue_free(&ek);
	}
	for (int i = 0; i < DEEP; i++)
		issue_free(&link[i]);
	authority_free(&ca);
}
END_TEST

/* K28: a class belongs to its anchors, and one certificate has one class. */
START_TEST(classes_stay_apart)
{
	struct authority hard = authority_new(), soft = authority_new();
	const struct issued *soft_both[] = {&soft.root, &soft.middle};
	const struct issued *hard_root[] = {&hard.root};
	struct ek_identity id;
	uint8_t before[32], after[32];

	anchors_digest(hard.anchors, before);
	ck_rc_ok(anchors_add(
	    &hard.anchors, issue_pem(&a, soft_both, 2), ROT_VIRTUAL, NULL));
	anchors_digest(hard.anchors, after);
	ck_assert_mem_ne(before, after, 32);
	ck_assert_int_eq(issued_chain(&hard, (struct issue){0}, &id), ERR_OK);
	ck_assert_str_eq(rot_class_name(id.rot), "discrete");
	ck_assert_int_eq(
	    issued_chain(&hard, (struct issue){.by = &soft.middle}, &id),
	    ERR_OK);
	ck_assert_str_eq(rot_class_name(id.rot), "virtual");
	/* A refused addition leaves everything as it was. */
	ck_rc_is(anchors_add(&hard.anchors, issue_pem(&a, hard_root, 1),
		     ROT_FIRMWARE, NULL),
	    ERR_CONFIG);
	ck_rc_ok(anchors_add(
	    &hard.anchors, issue_pem(&a, hard_root, 1), ROT_DISCRETE, NULL));
	anchors_digest(hard.anchors, before);
	ck_assert_mem_eq(before, after, 32);
	authority_free(&hard);
	authority_free(&soft);
}
END_TEST

/* An intermediate alone anchors nothing (a self-signed one does). */
START_TEST(intermediates_do_not_anchor)
{
	struct authority ca = authority_new();
	struct anchors *only = NULL;
	struct issued ek =
	    issue(&(struct issue){.name = "ek", .by = &ca.middle});

	ck_rc_ok(
	    anchors_add(&only, issue_der(&a, &ca.middle), ROT_DISCRETE, NULL));
	ck_assert_int_eq(
	    chain(only, issue_der(&a, &ek), NULL, 0, NULL), ERR_EK_UNTRUSTED);
	anchors_free(only);
	issue_free(&ek);
	authority_free(&ca);
}
END_TEST

/* K15: a key that can be factored, certified by an authority that did not
 * know; good keys are not taken for one. */
START_TEST(roca)
{
	struct authority ca = authority_new();
	EVP_PKEY *keys[] = {
	    issue_roca_key(), EVP_RSA_gen(2048), EVP_EC_gen("P-256")};

	for (size_t i = 0; i < 3; i++) {
		struct issued ek = issue(&(struct issue){.name = "ek",
		    .by = &ca.middle,
		    .usage = "critical,keyEncipherment,keyAgreement",
		    .subject = keys[i]});
		struct span area;
		struct tpm_public pub;
		struct cert cert;
		struct material m;
		ck_assert_int_eq(
		    chain(ca.anchors, issue_der(&a, &ek), NULL, 0, NULL),
		    ERR_OK);
		ck_rc_ok(cert_decode(issue_der(&a, &ek), &cert, NULL));
		ck_rc_ok(ek_public_from_cert(&cert, &a, &area, NULL));
		ck_rc_ok(tpm_decode_public(area, &a, &pub, NULL));
		enum err_code want = i ? ERR_OK : ERR_EK_ROCA;
		ck_rc_is(ek_check_public(&cert, &pub, NULL), want);
		ck_rc_is(ek_check_template(&pub, NULL), want);
		ck_rc_ok(material_from_public(&pub, &m));
		ck_assert(material_is_roca(&m) == (i == 0));
		cert_free(&cert);
		issue_free(&ek);
		EVP_PKEY_free(keys[i]);
	}
	authority_free(&ca);
}
END_TEST

/* No recorded key and none of a thousand numbers looks like one. */
START_TEST(roca_is_rare)
{
	struct material m = {.kind = key_kind_by_name(span_str("rsa-4096"))};
	uint32_t x = 20261120;

	for (int i = 0; i < 1000; i++) {
		for (size_t k = 0; k < m.kind->size; k++) {
			x = x * 1664525 + 1013904223;
			m.modulus[k] = (uint8_t)(x >> 24);
		}
		ck_assert(!material_is_roca(&m));
	}
}
END_TEST

START_TEST(anchor_files)
{
	struct anchors *anchors = NULL;
	struct span pem = tap_file(&a, VM "common/ca1/rootca.pem");
	const char *twice = arena_printf(&a, "text before\n%.*s\n%.*s",
	    (int)pem.n, (const char *)pem.p, (int)pem.n, (const char *)pem.p);

	ck_rc_is(anchors_add(&anchors, span_str(""), ROT_VIRTUAL, NULL),
	    ERR_EK_FORMAT);
	ck_rc_is(anchors_add(&anchors, span_str("no PEM"), ROT_VIRTUAL, NULL),
	    ERR_EK_FORMAT);
	ck_rc_is(
	    anchors_add(&anchors, span_of(pem.p, pem.n / 2), ROT_VIRTUAL, NULL),
	    ERR_EK_FORMAT);
	/* A good one before a broken one does not hide it. */
	ck_rc_is(
	    anchors_add(&anchors, span_of(twice, strlen(twice) - pem.n / 2),
		ROT_VIRTUAL, NULL),
	    ERR_EK_FORMAT);
	ck_assert_ptr_null(anchors);
	ck_rc_ok(anchors_add(&anchors, span_str(twice), ROT_VIRTUAL, NULL));
	anchors_free(anchors);
	anchors_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ek");
	TCase *t = tcase_create("ek");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, recorded_negatives);
	tcase_add_test(t, recorded_boots);
	tcase_add_test(t, mismatch_is_seen);
	tcase_add_test(t, templates);
	tcase_add_loop_test(t, issued_variants, 0, VARIANTS);
	tcase_add_test(t, identity_is_told);
	tcase_add_test(t, unknown_issuers);
	tcase_add_test(t, expired_and_untrusted);
	tcase_add_test(t, expired_above);
	tcase_add_test(t, leaf_is_no_issuer);
	tcase_add_test(t, long_chains);
	tcase_add_test(t, classes_stay_apart);
	tcase_add_test(t, intermediates_do_not_anchor);
	tcase_add_test(t, roca);
	tcase_add_test(t, roca_is_rare);
	tcase_add_test(t, anchor_files);
	suite_add_tcase(s, t);
	return tap_run(s);
}
