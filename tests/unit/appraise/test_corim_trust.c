/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a CoRIM is believed from, and when. */
#include "lib/tap.h"
#include "unit/appraise/corim_desk.h"
#include "verify/cose.h"

#include <stdio.h>

static const struct {
	const char *name;
	const char *alg;
	struct sign_how how;
} kinds[] = {
    {"P-256", "-7", {ALG_SHA256, false}},
    {"P-384", "-35", {ALG_SHA384, false}},
    {"P-521", "-36", {ALG_SHA512, false}},
    {"ED25519", "-8", {0, false}},
    {"RSA", "-37", {ALG_SHA256, true}},
    {"RSA", "-38", {ALG_SHA384, true}},
    {"RSA", "-39", {ALG_SHA512, true}},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static EVP_PKEY *
new_key(const char *name)
{
	if (strcmp(name, "RSA") == 0)
		return EVP_RSA_gen(2048);
	return strcmp(name, "ED25519") == 0
		   ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
		   : EVP_EC_gen(name);
}

START_TEST(each_kind_of_key_signs)
{
	struct maker m = maker(new_key(kinds[_i].name));
	char header[400];

	believe(&m);
	snprintf(header, sizeof(header), HEADER("%s", ""), kinds[_i].alg);
	struct letter l = {&m, .how = kinds[_i].how, .header = header};
	taken(letter(&l));
	ck_assert(noted("it calls itself 'ACME Ltd'"));
	/* The algorithm is the key's, whatever the document says. */
	for (size_t k = 0; k < KINDS; k++) {
		if (strcmp(kinds[k].alg, kinds[_i].alg) == 0)
			continue;
		bool kin = strcmp(kinds[k].name, kinds[_i].name) == 0;
		snprintf(
		    header, sizeof(header), HEADER("%s", ""), kinds[k].alg);
		refused(letter(&l),
		    kin ? ERR_COSE_SIGNATURE : ERR_COSE_ALGORITHM, NULL);
	}
	maker_free(&m);
}
END_TEST

START_TEST(what_the_signer_says_besides)
{
	static const char *const lines[] = {
	    "cose.corim-meta.signer-uri is not translated",
	    "cose.corim-meta.7 is not translated",
	    "cose.corim-meta.\"x\" is not translated",
	    "cose.cwt-claims.sub is not translated",
	    "cose.cwt-claims.-1-0 is not translated",
	};
	struct maker m = maker(EVP_EC_gen("P-256"));
	struct letter l = {.by = &m,
	    .header = "{1:-7," CONTENT
		      ",8:<<{0:{0:\"A\",1:32(\"https://a.example\")},7:1,"
		      "1:{1:" AFTER ",\"x\":1}}>>,15:{1:\"a\",2:\"b\",-1:0}}"};

	believe(&m);
	taken(letter(&l));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(noted(lines[i]), "%s", lines[i]);
	maker_free(&m);
}
END_TEST

/* Lengths of all sizes are signed as they are encoded. */
START_TEST(long_and_many)
{
	struct maker m = maker(EVP_EC_gen("P-256"));
	struct letter l = {.by = &m};
	struct buf b = {0};

	believe(&m);
	for (size_t i = 0; i < 70 * 1000; i++)
		buf_puts(&b, "x");
	l.payload = arena_printf(&desk.arena, SIMPLE(",\"x\":\"%s\""), b.p);
	taken(letter(&l));
	l.payload = NULL;
	buf_free(&b);
	b = (struct buf){0};
	for (size_t i = 100; i < 133; i++)
		buf_printf(&b, ",%zu:0", i);
	l.outside = arena_printf(&desk.arena, "{%s}", b.p);
	refused(letter(&l), ERR_COSE_FORMAT, "cose");
	l.outside = NULL;
	l.header = arena_printf(&desk.arena, HEADER("-7", "%s"), b.p);
	refused(letter(&l), ERR_COSE_FORMAT, "cose");
	l.header = NULL;
	taken(letter(&l));
	buf_free(&b);
	maker_free(&m);
}
END_TEST

START_TEST(keys_of_other_kinds)
{
	static const char *const curves[] = {
	    "secp256k1", "P-224", "brainpoolP256r1"};
	struct sign_key *k = NULL;
	struct sign_key **to = &k;

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		EVP_PKEY *pkey = EVP_EC_gen(curves[i]);
		BIO *bio = BIO_new(BIO_s_mem());
		char *p;
		ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, pkey), 1);
		long n = BIO_get_mem_data(bio, &p);
		ck_rc_is(sign_key_load(span_of(p, (size_t)n), to, NULL),
		    ERR_ENCODING);
		BIO_free(bio);
		EVP_PKEY_free(pkey);
	}
	ck_assert_ptr_null(k);
}
END_TEST

/* The example of RFC 9052, C.2.1, by the key of C.7.1. */
START_TEST(as_the_rfc_signs)
{
	static const char pem[] =
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEusWxHK2PmfnHKwXPS54m0kTcGJ90"
	    "UiglWiGahtagnv8gE4v4LcG21WK+D6VKt4BKOmS21yzP7Wtvtu0ou/wRfg==\n"
	    "-----END PUBLIC KEY-----\n";
	static const char message[] =
	    "~d28443a10126a10442313154546869732069732074686520636f6e74656e742e"
	    "58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0"
	    "117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345ca"
	    "cb36~";
	static const uint64_t nothing[] = {0};
	const struct cbor_value *root = NULL;
	const struct sign_key *by = NULL;
	struct sign_key *key = NULL;
	struct cose_sign1 s;
	size_t budget = 100;

	ck_rc_ok(sign_key_load(span_str(pem), &key, NULL));
	const struct sign_key *keys[] = {key};
	ck_rc_ok(cbor_tree(cbor(message), &budget, &desk.arena, &root));
	ck_rc_ok(cose_decode(cbor_tagged(root, COSE_TAG_SIGN1), nothing,
	    &budget, &desk.arena, &s, NULL));
	ck_rc_ok(cose_verify(&s, keys, 1, &by, NULL));
	ck_assert_ptr_eq(by, key);
	ck_assert(span_eq(s.payload, span_str("This is the content.")));
	s.payload = span_str("This is the content!");
	ck_rc_is(cose_verify(&s, keys, 1, &by, NULL), ERR_COSE_SIGNATURE);
	sign_key_free(key);
}
END_TEST

/* --- P09 ------------------------------------------------------------------ */

#define OUTSIDE_ALG "{" CONTENT "," META "}"
#define VALIDITY(times) ",8:<<{0:{0:\"ACME Ltd\"},1:{" times "}}>>"
#define DATED(times) "{1:-7," CONTENT VALIDITY(times) "}"
#define CLAIMS(claims) "{1:-7," CONTENT ",15:{1:\"acme\"" claims "}}"

static const struct {
	struct letter l;
	enum err_code code; /* ERR_OK: taken */
	const char *path;
} letters[] = {
    {{0}, ERR_OK, NULL},
    /* the type */
    {{.header = "{1:-7,3:\"application/cbor\"," META "}"},
	ERR_CORIM_CONTENT_TYPE, "cose.content-type"},
    {{.header = "{1:-7,3:61," META "}"}, ERR_CORIM_CONTENT_TYPE, NULL},
    {{.header = "{1:-7," META "}"}, ERR_CORIM_CONTENT_TYPE, NULL},
    {{.header = "{1:-7," META "}", .outside = "{" CONTENT "}"},
	ERR_CORIM_CONTENT_TYPE, NULL},
    /* the algorithm */
    {{.header = "{" CONTENT "," META "}"}, ERR_COSE_ALGORITHM,
	"cose.protected"},
    {{.header = "{" CONTENT "," META "}", .outside = "{1:-7}"},
	ERR_COSE_ALGORITHM, NULL},
    {{.header = ""}, ERR_COSE_ALGORITHM, NULL},
    {{.header = "{}"}, ERR_COSE_ALGORITHM, NULL},
    {{.header = HEADER("0", "")}, ERR_COSE_ALGORITHM, NULL},
    {{.header = HEADER("5", "")}, ERR_COSE_ALGORITHM, NULL},	  /* HMAC */
    {{.header = HEADER("-65535", "")}, ERR_COSE_ALGORITHM, NULL}, /* RS1 */
    {{.header = HEADER("\"none\"", "")}, ERR_COSE_ALGORITHM, NULL},
    {{.header = HEADER("null", "")}, ERR_COSE_ALGORITHM, NULL},
    {{.header = HEADER("18446744073709551615", "")}, ERR_COSE_ALGORITHM, NULL},
    /* what is critical */
    {{.header = HEADER("-7", ",2:[1,3,8]")}, ERR_OK, NULL},
    {{.header = HEADER("-7", ",2:[3,99],99:1")}, ERR_COSE_CRITICAL,
	"cose.crit"},
    {{.header = HEADER("-7", ",2:[15]")}, ERR_COSE_CRITICAL, NULL},
    {{.header = HEADER("-7", ",2:[\"x\"],\"x\":1")}, ERR_COSE_CRITICAL, NULL},
    {{.header = HEADER("-7", ",2:[-1],-1:1")}, ERR_COSE_CRITICAL, NULL},
    {{.header = HEADER("-7", ",2:[]")}, ERR_COSE_CRITICAL, NULL},
    {{.header = HEADER("-7", ",2:3")}, ERR_COSE_CRITICAL, NULL},
    {{.header = HEADER("-7", ",2:[2]")}, ERR_COSE_CRITICAL, NULL},
    {{.outside = "{2:[3]}"}, ERR_COSE_CRITICAL, NULL},
    /* headers and parts */
    {{.outside = "{33:h'3000',4:h'01',\"x\":1,-9:2}"}, ERR_OK, NULL},
    {{.outside = "{8:h'a0'}"}, ERR_COSE_FORMAT, "cose.unprotected"},
    {{.header = HEADER("-7", ",h'01':1")}, ERR_COSE_FORMAT, "cose.protected"},
    {{.header = HEADER("-7", ",258:-16")}, ERR_COSE_FORMAT, "cose.protected"},
    {{.header = "[]"}, ERR_COSE_FORMAT, "cose.protected"},
    {{.header = HEADER("-7", ",3:1")}, ERR_COSE_FORMAT, "cose.protected"},
    {{.header = HEADER("-7", "") " 0"}, ERR_COSE_FORMAT, "cose.protected"},
    {{.attached = "null"}, ERR_COSE_FORMAT, "cose.payload"},
    {{.outside = "[]"}, ERR_COSE_FORMAT, "cose"},
    /* who signs */
    {{.header = "{1:-7," CONTENT "}"}, ERR_CORIM_FORMAT, "cose.protected"},
    {{.header = "{1:-7," CONTENT ",8:{}}"}, ERR_CORIM_FORMAT,
	"cose.corim-meta"},
    {{.header = "{1:-7," CONTENT ",8:<<{}>>}"}, ERR_CORIM_FORMAT, NULL},
    {{.header = "{1:-7," CONTENT ",8:<<{0:{0:\"\"}}>>}"}, ERR_CORIM_FORMAT,
	NULL},
    {{.header = "{1:-7," CONTENT ",8:<<{0:{0:\"a\"}} 1>>}"}, ERR_CORIM_CBOR,
	"cose.corim-meta"},
    {{.header = "{1:-7," CONTENT ",15:{}}"}, ERR_CORIM_FORMAT,
	"cose.cwt-claims"},
    /* what is signed */
    {{.attached = "<<" SIMPLE(",9:1") ">>"}, ERR_COSE_SIGNATURE,
	"cose.signature"},
    {{.elsewhere = true}, ERR_COSE_SIGNATURE, NULL},
    {{.payload = "{}"}, ERR_CORIM_FORMAT, "corim"},
    {{.payload = GOOD GOOD}, ERR_CORIM_CBOR, "corim"},
    {{.payload = "18([h'',{},h'',h''])"}, ERR_CORIM_FORMAT, "corim"},
    /* when */
    {{.header = DATED("0:" EXACT ",1:" EXACT)}, ERR_OK, NULL},
    {{.header = DATED("1:" BEFORE)}, ERR_CORIM_EXPIRED, "cose.validity"},
    {{.header = DATED("0:" AFTER ",1:" AFTER)}, ERR_CORIM_NOT_YET,
	"cose.validity"},
    {{.header = DATED("0:" BEFORE)}, ERR_CORIM_FORMAT, "cose.corim-meta"},
    {{.header = DATED("1:1795165201")}, ERR_CORIM_FORMAT, NULL},
    {{.header = DATED("1:1(~fb41dabff9ec000000~)")}, ERR_CORIM_FORMAT, NULL},
    {{.header = DATED("1:1(9223372036854775807)")}, ERR_CORIM_FORMAT, NULL},
    {{.header = DATED("0:1(-9223372036854775808),1:" AFTER)}, ERR_CORIM_FORMAT,
	NULL},
    {{.header = DATED("0:1(-1),1:" AFTER)}, ERR_OK, NULL},
    {{.header = CLAIMS("")}, ERR_OK, NULL},
    {{.header = CLAIMS(",4:1795165201,5:1795165200")}, ERR_OK, NULL},
    {{.header = CLAIMS(",4:1795165200")}, ERR_CORIM_EXPIRED, NULL},
    {{.header = CLAIMS(",5:1795165201")}, ERR_CORIM_NOT_YET, NULL},
    {{.header = CLAIMS(",4:~fb41dabff9ec000000~")}, ERR_CORIM_FORMAT, NULL},
    {{.payload = SIMPLE(",4:{0:" EXACT ",1:" EXACT "}")}, ERR_OK, NULL},
    {{.payload = SIMPLE(",4:{1:" BEFORE "}")}, ERR_CORIM_EXPIRED,
	"corim.rim-validity"},
    {{.payload = SIMPLE(",4:{0:" AFTER ",1:" AFTER "}")}, ERR_CORIM_NOT_YET,
	"corim.rim-validity"},
    {{.payload = SIMPLE(",4:1")}, ERR_CORIM_FORMAT, "corim.rim-validity"},
    /* the profile */
    {{.payload = SIMPLE(",3:32(\"tag:acme.example,2026:fw\")")},
	ERR_CORIM_PROFILE, "corim.profile"},
    {{.payload = SIMPLE(",3:111(h'2b0601040182370e')")}, ERR_CORIM_PROFILE,
	"corim.profile"},
    {{.payload = SIMPLE(",3:32(\"https://known.example/p\")")}, ERR_OK, NULL},
    {{.payload = SIMPLE(",3:111(h'67810504')")}, ERR_OK, NULL},
    {{.payload = SIMPLE(",3:111(h'6781050480')")}, ERR_CORIM_FORMAT,
	"corim.profile"},
    {{.payload = SIMPLE(",3:111(h'')")}, ERR_CORIM_FORMAT, NULL},
    {{.payload = SIMPLE(",3:111(h'8001')")}, ERR_CORIM_FORMAT, NULL},
    {{.payload = SIMPLE(",3:111(h'ffffffffffffffffffffff7f')")},
	ERR_CORIM_FORMAT, NULL},
    {{.payload = SIMPLE(",3:7")}, ERR_CORIM_FORMAT, NULL},
};

START_TEST(signed_by_whom_and_when)
{
	static const char *const known[] = {
	    "https://known.example/p", "2.23.133.4"};
	struct maker m = maker(EVP_EC_gen("P-256"));
	struct letter l = letters[_i].l;

	believe(&m);
	desk.terms.profiles = known;
	desk.terms.profiles_n = 2;
	l.by = &m;
	if (letters[_i].code == ERR_OK)
		taken(letter(&l));
	else
		refused(letter(&l), letters[_i].code, letters[_i].path);
	/* The control. */
	desk_begin(desk_policy);
	taken(letter(&(struct letter){.by = &m}));
	ck_assert_ptr_nonnull(strstr(printed(), B));
	maker_free(&m);
}
END_TEST

START_TEST(unsigned_only_where_asked)
{
	taken(cbor(GOOD));
	ck_assert(noted("WARNING: acme.cbor is not signed"));
	desk.terms.take_unsigned = false;
	refused(cbor(GOOD), ERR_CORIM_UNSIGNED, "corim");
	desk.im.corim = NULL;
	refused(cbor(GOOD), ERR_CORIM_UNSIGNED, "corim");
	/* Nor does the switch take a signature by nobody. */
	struct maker m = maker(EVP_EC_gen("P-256"));
	desk.im.corim = &desk.terms;
	desk.terms.take_unsigned = true;
	refused(letter(&(struct letter){.by = &m}), ERR_COSE_SIGNATURE,
	    "cose.signature");
	maker_free(&m);
}
END_TEST

START_TEST(only_by_a_named_key)
{
	struct maker m = maker(EVP_EC_gen("P-256"));
	struct maker other = maker(EVP_EC_gen("P-256"));
	const struct corim_key both[] = {
	    {other.public, NULL}, {m.public, NULL}};
	struct span file = letter(&(struct letter){.by = &m});

	believe(&other);
	refused(file, ERR_COSE_SIGNATURE, "cose.signature");
	desk.terms.keys = both;
	desk.terms.keys_n = 2;
	taken(file);
	/* A key within the message is nobody's. */
	believe(&other);
	refused(letter(&(struct letter){.by = &m, .outside = "{33:h'3000'}"}),
	    ERR_COSE_SIGNATURE, "cose.signature");
	believe(&m);
	taken(letter(&(struct letter){
	    .by = &m, .outside = "{33:h'3000',4:h'01',-9:2,\"y\":3}"}));
	ck_assert(noted("the certificates in it are not looked at"));
	ck_assert(noted("header 4 is not looked at"));
	ck_assert(noted("header -1-8 is not looked at"));
	ck_assert(noted("header \"y\" is not looked at"));
	maker_free(&m);
	maker_free(&other);
}
END_TEST

#define ENV_OF(env)                                                            \
	CORIM("506(<<{1:{0:\"x\"},4:{0:[[" env                                 \
	      ",[" REGISTERS("4:[" D256(A) "]") "]]]}}>>)",                    \
	    "")

START_TEST(a_key_speaks_for_its_vendor)
{
	struct maker m = maker(EVP_EC_gen("P-256"));
	const struct corim_key acme[] = {
	    {m.public, "Other"}, {m.public, "ACME"}};
	struct letter l = {.by = &m};

	believe(&m);
	l.payload = ENV_OF("{0:{2:\"model\"}}");
	taken(letter(&l));
	desk_begin(desk_policy);
	desk.terms.keys = acme;
	desk.terms.keys_n = 1;
	l.payload = GOOD;
	refused(letter(&l), ERR_CORIM_VENDOR, "corim.tags[0].reference[0]");
	desk.terms.keys_n = 2;
	taken(letter(&l));
	/* Whoever does not say whose it is, does not say ACME. */
	static const char *const others[] = {"{0:{2:\"ACME\"}}", "{1:h'01'}",
	    "{0:{1:\"ACME \"}}", "{0:{1:\"acme\"}}"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		l.payload = arena_printf(&desk.arena,
		    CORIM("506(<<{1:{0:\"x\"},4:{0:[[%s,[" REGISTERS(
			      "4:[" D256(A) "]") "]]]}}>>)",
			""),
		    others[i]);
		refused(
		    letter(&l), ERR_CORIM_VENDOR, "corim.tags[0].reference[0]");
	}
	maker_free(&m);
}
END_TEST

START_TEST(every_prefix_fails)
{
	struct maker m = maker(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	struct letter l = {.by = &m, .header = HEADER("-8", "")};
	struct span files[] = {cbor(GOOD), letter(&l)};
	struct err e;

	for (size_t f = 0; f < 2; f++) {
		believe(&m);
		desk.terms.take_unsigned = f == 0;
		for (size_t n = 0; n < files[f].n; n++)
			ck_rc_is(
			    take(span_of(files[f].p, n), &e), ERR_CORIM_CBOR);
		uint8_t *more = arena_alloc(&desk.arena, files[f].n + 1);
		ck_assert_ptr_nonnull(more);
		memcpy(more, files[f].p, files[f].n);
		ck_rc_is(
		    take(span_of(more, files[f].n + 1), &e), ERR_CORIM_CBOR);
		taken(span_of(more, files[f].n));
	}
	/* Of a signed one, no byte can be changed. */
	for (size_t n = 0; n < files[1].n; n++) {
		uint8_t *copy = arena_alloc(&desk.arena, files[1].n);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, files[1].p, files[1].n);
		copy[n] ^= 0x01;
		ck_assert(!rc_ok(take(span_of(copy, files[1].n), &e)));
	}
	maker_free(&m);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("corim");
	TCase *t = tcase_create("corim");

	tcase_add_checked_fixture(t, desk_setup, desk_end);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_kind_of_key_signs, 0, KINDS);
	tcase_add_test(t, what_the_signer_says_besides);
	tcase_add_test(t, long_and_many);
	tcase_add_test(t, keys_of_other_kinds);
	tcase_add_test(t, as_the_rfc_signs);
	tcase_add_loop_test(t, signed_by_whom_and_when, 0,
	    sizeof(letters) / sizeof(letters[0]));
	tcase_add_test(t, unsigned_only_where_asked);
	tcase_add_test(t, only_by_a_named_key);
	tcase_add_test(t, a_key_speaks_for_its_vendor);
	tcase_add_test(t, every_prefix_fails);
	suite_add_tcase(s, t);
	return tap_run(s);
}
