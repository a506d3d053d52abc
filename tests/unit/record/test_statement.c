/* SPDX-License-Identifier: Apache-2.0 */
/* The statement's form, labels, and what follows from a node's row. */
#include "base/text.h"
#include "unit/record/fixture.h"

#include <locale.h>
#include <stdlib.h>
#include <time.h>

/* --- the statement -------------------------------------------------------- */

/* Canonical: parsed and written again with sorted keys, the same bytes. */
static void
assert_canonical(struct span text)
{
	struct err e = {0};
	JSON_AUTO doc = NULL;

	rc r = json_decode(text, STATEMENT_MAX, &doc, &e);
	ck_assert_msg(rc_ok(r), "%s", e.text);
	char *again = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_msg(span_eq(text, span_str(again)), "%.*s\n%s", (int)text.n,
	    (const char *)text.p, again);
	free(again);
}

static struct node
a_node(void)
{
	return (struct node){.name = "node-1",
	    .tenant = new_id(T0),
	    .id = new_id(T0),
	    .labels = span_str("{\"a\":\"1\"}"),
	    .env_class = span_str("ci"),
	    .identity = {.ak_alg = span_str("ecc-p256"),
		.ak_name = span_str("\x00\x0bname"),
		.rot = span_str("virtual"),
		.ek = sha_of("ek")},
	    .state.attester = {.ima = span_str("state")}};
}

START_TEST(documents_and_statement_are_canonical)
{
	struct fixture f;
	struct buf b = {0};

	begin(&f);
	struct node n = a_node();
	struct record r = make_record(&f, &n, "one", T0);
	assert_canonical(r.row.context);
	assert_canonical(r.row.findings);
	assert_canonical(r.row.detail);
	statement_emit(&r.row, &b);
	assert_canonical(buf_span(&b));
	buf_free(&b);
	end(&f);
}
END_TEST

static struct sha256
statement_hash(struct fixture *f, const struct verdict_row *v)
{
	struct buf b = {0};
	struct sha256 out;

	statement_emit(v, &b);
	ck_assert(!b.failed);
	ck_rc_ok(hash_of(f->h, ALG_SHA256, buf_span(&b), out.b));
	buf_free(&b);
	return out;
}

/* Every field of the row is covered: one changed bit, another statement. What
 * is only for lists (code) or a copy (evidence of the documents' hashes) is
 * left out by name. */
START_TEST(the_statement_covers_the_row)
{
	struct fixture f;

	begin(&f);
	struct node n = a_node();
	struct record r = make_record(&f, &n, "one", T0);
	r.row.previous = new_id(T0);
	r.row.ima = sha_of("ima");
	r.row.userspace_log = sha_of("userspace");
	r.row.boot_log = sha_of("boot");
	r.row.before.boot_log = sha_of("boot before");
	r.row.before.ima_policy = sha_of("policy before");
	r.row.before.clock_from = T0 - 2 * TIME_S;
	r.row.before.clock_to = T0 - TIME_S;
	struct sha256 good = statement_hash(&f, &r.row);
#define FIELD(name)                                                            \
	{                                                                      \
#name, offsetof(struct verdict_row, name)                      \
	}
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {FIELD(tenant), FIELD(id), FIELD(node), FIELD(previous),
	    FIELD(challenge), FIELD(challenge_issued), FIELD(received),
	    FIELD(now), FIELD(verified), FIELD(valid_until),
	    FIELD(before.known), FIELD(before.clock), FIELD(before.reset_count),
	    FIELD(before.restart_count), FIELD(before.firmware),
	    FIELD(before.clock_from), FIELD(before.clock_to),
	    FIELD(before.diverged), FIELD(before.boot_log),
	    FIELD(before.ima_offset), FIELD(before.ima_policy),
	    FIELD(ima_before), FIELD(evidence), FIELD(attest), FIELD(signature),
	    FIELD(pcrs), FIELD(boot_log), FIELD(userspace_log), FIELD(ima),
	    FIELD(ima_start), FIELD(ima_bytes), FIELD(detail_sha256)};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct verdict_row changed = r.row;
		((uint8_t *)&changed)[fields[i].at] ^= 1;
		struct sha256 got = statement_hash(&f, &changed);
		ck_assert_msg(!sha256_eq(&got, &good), "%s", fields[i].name);
	}
	struct verdict_row changed = r.row;
	changed.context = span_str("{}");
	struct sha256 got = statement_hash(&f, &changed);
	ck_assert(!sha256_eq(&got, &good));
	changed = r.row;
	changed.findings = span_str("{}");
	got = statement_hash(&f, &changed);
	ck_assert(!sha256_eq(&got, &good));
	changed = r.row;
	got = statement_hash(&f, &changed);
	ck_assert(sha256_eq(&got, &good));
	end(&f);
}
END_TEST

/* The same bytes in every time zone and locale, also after 2038. */
START_TEST(a_statement_is_the_same_everywhere)
{
	static const char *const zones[] = {
	    "UTC", "Asia/Tokyo", "Pacific/Kiritimati", "EST5EDT"};
	struct fixture f;
	struct sha256 first = {{0}};

	begin(&f);
	struct node n = a_node();
	struct record r = make_record(&f, &n, "one", T0);
	r.row.id = new_id(T0 + (int64_t)20 * 365 * 86400 * TIME_S);
	r.row.verified = T0 + (int64_t)20 * 365 * 86400 * TIME_S;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		char text[TIME_TEXT];
		setenv("TZ", zones[i], 1);
		setenv("LC_ALL", i ? "C.UTF-8" : "C", 1);
		tzset();
		setlocale(LC_ALL, "");
		struct sha256 got = statement_hash(&f, &r.row);
		if (i == 0)
			first = got;
		ck_assert(sha256_eq(&got, &first));
		time_emit(r.row.verified, text);
		ck_assert_str_eq(text, "2046-11-15T00:00:00Z");
	}
	end(&f);
}
END_TEST

static rc
seal_again(struct fixture *f, struct record *r, const struct node *n,
    struct span switches)
{
	static struct verdict v;
	const struct verdict_context c = {.node = n, .switches = switches};

	verdict_init(&v, &f->arena);
	verdict_fold(&v);
	return record_seal(r, &c, &v, f->h, &f->arena, &f->e);
}

START_TEST(what_cannot_be_sealed)
{
	struct fixture f;
	static char big[STATEMENT_MAX];

	begin(&f);
	struct node n = a_node();
	struct record r = make_record(&f, &n, "one", T0);
	ck_rc_ok(seal_again(&f, &r, &n, (struct span){NULL, 0}));
	ck_assert_int_eq(r.row.result, RESULT_NONE);
	assert_canonical(r.row.context);
	/* A list of verdicts sorts by id, so the id must tell the time. */
	r.row.verified += TIME_S;
	ck_rc_is(seal_again(&f, &r, &n, (struct span){NULL, 0}), ERR_INTERNAL);
	r.row.verified -= TIME_S;
	memset(big, ' ', sizeof(big));
	ck_rc_is(
	    seal_again(&f, &r, &n, span_of(big, sizeof(big))), ERR_INTERNAL);
	end(&f);
}
END_TEST

/* The most that a verdict can say still fits a log entry. */
START_TEST(the_longest_statement_fits)
{
	struct fixture f;
	static struct verdict v;
	char path[160];

	begin(&f);
	struct node n = a_node();
	struct record r = make_record(&f, &n, "one", T0);
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	verdict_init(&v, &f.arena);
	for (int i = 0; i < LIMIT_REASONS + 9; i++)
		verdict_add(&v,
		    &(const struct reason){.code = ERR_LOG_SEPARATOR_DUPLICATE,
			.layer = LAYER_BOOTLOADER,
			.path = path,
			.message = "m",
			.pcr = 23,
			.event = 199999},
		    EFF_NONE);
	verdict_fold(&v);
	seal(&f, &r, &n, &v);
	ck_assert_int_eq(r.row.result, RESULT_FAIL);
	ck_assert_int_eq(r.row.code, ERR_LOG_SEPARATOR_DUPLICATE);
	assert_canonical(r.row.findings);
	end(&f);
}
END_TEST

/* --- labels --------------------------------------------------------------- */

START_TEST(labels_have_one_form)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"{}", "{}"},
	    {"{ \"b\" : \"2\", \"a\" : \"1\" }", "{\"a\":\"1\",\"b\":\"2\"}"},
	    {"{\"a/b.c_d-e\":\"X9._/:@+-\"}", "{\"a/b.c_d-e\":\"X9._/:@+-\"}"},
	    {"{\"a\":\"\"}", "{\"a\":\"\"}"},
	    {"[]", NULL},
	    {"{\"a\":1}", NULL},
	    {"{\"a\":null}", NULL},
	    {"{\"\":\"x\"}", NULL},
	    {"{\"A\":\"x\"}", NULL},
	    {"{\".a\":\"x\"}", NULL},
	    {"{\"a\":\"x y\"}", NULL},
	    {"{\"a\":\"\\\"\"}", NULL},
	    {"{\"a\":\"\xe8\xa8\xbc\"}", NULL},
	};
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		JSON_AUTO doc = NULL;
		struct span out;
		ck_rc_ok(json_decode(span_str(rows[i].in), 4096, &doc, &e));
		rc r = labels_canonical(doc, "labels", &a, &out, &e);
		ck_assert_msg(rc_ok(r) == (rows[i].out != NULL), "%s: %s",
		    rows[i].in, err_name(r.code));
		if (rows[i].out)
			ck_assert_msg(span_eq(out, span_str(rows[i].out)), "%s",
			    rows[i].in);
		else
			ck_assert_int_eq(strncmp(e.path, "labels", 6), 0);
	}
	arena_free(&a);
}
END_TEST

START_TEST(labels_are_few_and_short)
{
	struct arena a;
	struct span out;
	char text[128];

	arena_init(&a, 1024 * 1024);
	for (int n = LABELS_MAX; n <= LABELS_MAX + 1; n++) {
		struct err e = {0};
		JSON_AUTO doc = json_object();
		for (int i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "k%d", i);
			json_object_set_new(doc, text, json_string("v"));
		}
		rc r = labels_canonical(doc, "labels", &a, &out, &e);
		ck_assert_int_eq(
		    r.code, n > LABELS_MAX ? ERR_JSON_LIMIT : ERR_OK);
	}
	for (size_t n = LABEL_TEXT; n <= LABEL_TEXT + 1; n++) {
		struct err e = {0};
		memset(text, 'a', n);
		text[n] = '\0';
		JSON_AUTO key = json_object();
		json_object_set_new(key, text, json_string("v"));
		JSON_AUTO value = json_object();
		json_object_set_new(value, "k", json_string(text));
		enum err_code want = n > LABEL_TEXT ? ERR_JSON_TYPE : ERR_OK;
		ck_rc_is(labels_canonical(key, "", &a, &out, &e), want);
		ck_rc_is(labels_canonical(value, "", &a, &out, &e), want);
	}
	arena_free(&a);
}
END_TEST

START_TEST(selectors_match)
{
	static const struct {
		const char *selector, *labels;
		bool match;
	} rows[] = {
	    {"{}", "{}", true},
	    {"{}", "{\"a\":\"1\"}", true},
	    {"{\"a\":\"1\"}", "{}", false},
	    {"{\"a\":\"1\"}", "{\"a\":\"1\"}", true},
	    {"{\"a\":\"1\"}", "{\"a\":\"12\"}", false},
	    {"{\"a\":\"12\"}", "{\"a\":\"1\"}", false},
	    {"{\"a\":\"\"}", "{\"a\":\"1\"}", false},
	    {"{\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}", true},
	    {"{\"a\":\"1\",\"c\":\"3\"}",
		"{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}", true},
	    {"{\"a\":\"1\",\"c\":\"3\"}", "{\"a\":\"1\",\"b\":\"2\"}", false},
	    {"{\"a\":\"1\",\"a-b\":\"2\"}", "{\"a\":\"1\",\"a-b\":\"2\"}",
		true},
	    {"{\"b\":\"1\"}", "{\"a\":\"1\",\"ab\":\"1\"}", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(labels_match(span_str(rows[i].selector),
				  span_str(rows[i].labels)) == rows[i].match,
		    "%s on %s", rows[i].selector, rows[i].labels);
	ck_assert(env_class_valid(span_str("ot")));
	ck_assert(env_class_valid(span_str("developer-endpoint")));
	ck_assert(!env_class_valid(span_str("OT")));
	ck_assert(!env_class_valid(span_str("")));
}
END_TEST

/* --- status --------------------------------------------------------------- */

START_TEST(status_follows_from_the_row)
{
	static const struct {
		enum admission admission;
		bool attested, held, observe;
		enum result result;
		int64_t left; /* until valid_until */
		enum status status;
		enum err_code why;
	} rows[] = {
	    {ADMISSION_ADMITTED, true, false, false, RESULT_PASS, 1,
		STATUS_TRUSTED, ERR_OK},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_PASS, 0,
		STATUS_UNKNOWN, ERR_NODE_STALE},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_WARN, 1,
		STATUS_WARNING, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_WARN, 0,
		STATUS_UNKNOWN, ERR_NODE_STALE},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_FAIL, 1,
		STATUS_UNTRUSTED, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_FAIL, -99,
		STATUS_UNTRUSTED, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, true, false, true, RESULT_FAIL, 1,
		STATUS_WARNING, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, true, false, true, RESULT_REJECT, 1,
		STATUS_UNTRUSTED, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, true, false, false, RESULT_NONE, 1,
		STATUS_UNKNOWN, ERR_IMA_PATH},
	    {ADMISSION_ADMITTED, false, false, false, RESULT_NONE, 0,
		STATUS_UNKNOWN, ERR_NODE_NEVER},
	    {ADMISSION_ADMITTED, true, true, false, RESULT_PASS, 1,
		STATUS_UNTRUSTED, ERR_NODE_HELD},
	    {ADMISSION_PENDING, true, false, false, RESULT_PASS, 1,
		STATUS_UNKNOWN, ERR_NODE_PENDING},
	    {ADMISSION_PENDING, true, true, false, RESULT_PASS, 1,
		STATUS_UNTRUSTED, ERR_NODE_HELD},
	    {ADMISSION_RETIRED, true, false, false, RESULT_PASS, 1,
		STATUS_UNKNOWN, ERR_NODE_RETIRED},
	    {ADMISSION_RETIRED, true, true, false, RESULT_PASS, 1,
		STATUS_UNKNOWN, ERR_NODE_RETIRED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node n = {.admission = rows[i].admission};
		enum err_code why;
		if (rows[i].attested)
			n.state.verdict = new_id(T0);
		n.state.held = rows[i].held;
		n.state.observe = rows[i].observe;
		n.state.result = rows[i].result;
		n.state.valid_until = T0 + rows[i].left;
		if (rows[i].result != RESULT_PASS)
			n.state.code = ERR_IMA_PATH;
		enum status s = node_status(&n, T0, &why);
		ck_assert_msg(
		    s == rows[i].status, "row %zu: %s", i, status_name(s));
		ck_assert_msg(
		    why == rows[i].why, "row %zu: %s", i, err_name(why));
	}
}
END_TEST

START_TEST(names_and_quotas)
{
	struct node_state s = {0};
	enum status st;

	for (int i = 0; i <= STATUS_UNTRUSTED; i++) {
		ck_assert(
		    status_parse(span_str(status_name((enum status)i)), &st));
		ck_assert_int_eq(st, i);
	}
	ck_assert(!status_parse(span_str("fine"), &st));
	ck_assert(node_quota_take(&s, T0, 2));
	ck_assert(node_quota_take(&s, T0 + TIME_S, 2));
	ck_assert(!node_quota_take(&s, T0 + 2 * TIME_S, 2));
	ck_assert(node_quota_take(&s, T0 + 86400 * TIME_S, 2));
	ck_assert_uint_eq(s.rejected_count, 1);
	ck_assert(!node_quota_take(&s, T0 + 86400 * TIME_S, 0));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	suite_add_tcase(s, t);
	tcase_add_test(t, documents_and_statement_are_canonical);
	tcase_add_test(t, the_statement_covers_the_row);
	tcase_add_test(t, a_statement_is_the_same_everywhere);
	tcase_add_test(t, what_cannot_be_sealed);
	tcase_add_test(t, the_longest_statement_fits);
	tcase_add_test(t, labels_have_one_form);
	tcase_add_test(t, labels_are_few_and_short);
	tcase_add_test(t, selectors_match);
	tcase_add_test(t, status_follows_from_the_row);
	tcase_add_test(t, names_and_quotas);
	return tap_run(s);
}
