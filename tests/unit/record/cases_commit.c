/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/cases.h"

/* --- commits -------------------------------------------------------------- */

START_TEST(a_commit_moves_the_node)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	r.row.code = ERR_NODE_STALE;
	r.after.rejected_day = 20777;
	r.after.rejected_count = 3;
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	struct node after;
	ck_rc_ok(f.st->ops->node_get(
	    f.st, &n.tenant, &n.id, r.row.challenge, &f.arena, &after, &f.e));
	const struct node_state *s = &after.state;
	ck_assert_uint_eq(after.version, n.version + 1);
	ck_assert(s->attester.known);
	ck_assert(s->attester.clock == 0xf234567812345678);
	ck_assert(s->attester.firmware == 0xffff000020240101);
	ck_assert_int_eq(s->attester.clock_from, T0 - 3 * TIME_S);
	ck_assert_int_eq(s->attester.clock_to, T0 - 2 * TIME_S);
	ck_assert(s->attester.diverged);
	ck_assert_uint_eq(s->attester.reset_count, 7);
	ck_assert(span_eq(s->attester.ima, r.after.attester.ima));
	ck_assert(
	    sha256_eq(&s->attester.ima_policy, &r.after.attester.ima_policy));
	ck_assert(sha256_none(&s->attester.boot_log));
	ck_assert(uuid_eq(&s->verdict, &r.row.id));
	ck_assert_int_eq(s->result, RESULT_PASS);
	ck_assert_int_eq(s->code, ERR_NODE_STALE);
	ck_assert_int_eq(s->verified, T0);
	ck_assert_int_eq(s->valid_until, T0 + 600 * TIME_S);
	ck_assert_uint_eq(s->rejected_day, 20777);
	ck_assert_uint_eq(s->rejected_count, 3);
	ck_assert(after.used.found);
	ck_assert(uuid_eq(&after.used.verdict, &r.row.id));
	ck_assert(sha256_eq(&after.used.evidence, &r.row.evidence));
	ck_rc_ok(f.st->ops->node_get(f.st, &n.tenant, &n.id,
	    (const uint8_t *)"never used 16 b.", &f.arena, &after, &f.e));
	ck_assert(!after.used.found);
	end(&f);
}
END_TEST

START_TEST(a_challenge_works_once)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record one = make_record(&f, &n, "one", T0);
	struct record again = one;
	ck_rc_ok(f.st->ops->commit(f.st, &one, 1, &f.e));
	/* The same bytes again, as after a lost answer. */
	ck_rc_ok(f.st->ops->commit(f.st, &again, 1, &f.e));
	ck_assert_int_eq(again.outcome, OUTCOME_DUPLICATE);
	ck_assert(sha256_eq(&again.used.evidence, &one.row.evidence));
	ck_assert(uuid_eq(&again.used.verdict, &one.row.id));
	/* Other evidence, judged on the node as it is now. */
	n = get_node(&f, &n.id);
	struct record other = make_record(&f, &n, "other", T0 + TIME_S);
	memcpy(other.row.challenge, one.row.challenge, 16);
	ck_rc_ok(f.st->ops->commit(f.st, &other, 1, &f.e));
	ck_assert_int_eq(other.outcome, OUTCOME_DUPLICATE);
	ck_assert(!sha256_eq(&other.used.evidence, &other.row.evidence));
	ck_assert_uint_eq(get_node(&f, &n.id).version, n.version);
	end(&f);
}
END_TEST

START_TEST(a_node_that_moved_is_a_conflict)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record one = make_record(&f, &n, "one", T0);
	struct record two = make_record(&f, &n, "two", T0 + TIME_S);
	ck_rc_ok(f.st->ops->commit(f.st, &one, 1, &f.e));
	ck_rc_ok(f.st->ops->commit(f.st, &two, 1, &f.e));
	ck_assert_int_eq(two.outcome, OUTCOME_CONFLICT);
	/* Its challenge was not consumed. */
	n = get_node(&f, &n.id);
	two.version = n.version;
	two.row.previous = n.state.verdict;
	ck_rc_ok(f.st->ops->commit(f.st, &two, 1, &f.e));
	ck_assert_int_eq(two.outcome, OUTCOME_COMMITTED);
	/* Two of one node in a batch: one waits. */
	n = get_node(&f, &n.id);
	struct record both[] = {make_record(&f, &n, "a", T0 + 2 * TIME_S),
	    make_record(&f, &n, "b", T0 + 3 * TIME_S)};
	ck_rc_ok(f.st->ops->commit(f.st, both, 2, &f.e));
	ck_assert((both[0].outcome == OUTCOME_COMMITTED) !=
		  (both[1].outcome == OUTCOME_COMMITTED));
	ck_assert((both[0].outcome == OUTCOME_CONFLICT) !=
		  (both[1].outcome == OUTCOME_CONFLICT));
	ck_rc_ok(f.st->ops->commit(f.st, NULL, 0, &f.e));
	end(&f);
}
END_TEST

START_TEST(one_bad_record_fails_alone)
{
	enum { N = 20, BAD = 7, STALE = 11, USED = 13 };
	struct fixture f;
	struct record r[N];
	struct node n[N];

	begin(&f);
	for (int i = 0; i < N; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		n[i] = enrol(&f, name, name, name);
	}
	struct record before = make_record(&f, &n[USED], "used", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &before, 1, &f.e));
	n[USED] = get_node(&f, &n[USED].id);
	for (int i = 0; i < N; i++)
		r[i] = make_record(&f, &n[i], n[i].name, T0);
	/* Bytes that are not what their hash says; a node that moved; a
	 * challenge that was used. */
	r[BAD].boot_log = span_str("a log");
	r[BAD].row.boot_log = sha_of("another log");
	r[STALE].version--;
	memcpy(r[USED].row.challenge, before.row.challenge, 16);
	ck_rc_is(f.st->ops->commit(f.st, r, N, &f.e), ERR_INTERNAL);
	for (int i = 0; i < N; i++) {
		enum outcome want = i == BAD	 ? OUTCOME_FAILED
				    : i == STALE ? OUTCOME_CONFLICT
				    : i == USED	 ? OUTCOME_DUPLICATE
						 : OUTCOME_COMMITTED;
		ck_assert_msg(r[i].outcome == want, "%d: %d", i, r[i].outcome);
		struct verdict_row v;
		rc got = f.st->ops->verdict_get(
		    f.st, &n[i].tenant, &r[i].row.id, &f.arena, &v, &f.e);
		ck_assert(rc_ok(got) == (want == OUTCOME_COMMITTED));
	}
	ck_assert_int_eq(r[BAD].error, ERR_INTERNAL);
	ck_assert_uint_eq(get_node(&f, &n[BAD].id).version, n[BAD].version);
	r[BAD].row.boot_log = sha_of("a log");
	ck_rc_ok(f.st->ops->commit(f.st, &r[BAD], 1, &f.e));
	ck_assert_int_eq(r[BAD].outcome, OUTCOME_COMMITTED);
	end(&f);
}
END_TEST

/* --- read again ----------------------------------------------------------- */

START_TEST(evidence_comes_back)
{
	struct fixture f;
	struct verdict_row v;
	struct evidence_row ev;
	struct span bytes;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	r.boot_log = span_str("a boot log");
	r.userspace_log = span_str("a userspace log");
	r.row.boot_log = sha_of("a boot log");
	r.row.userspace_log = sha_of("a userspace log");
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_rc_ok(f.st->ops->verdict_get(
	    f.st, &n.tenant, &r.row.id, &f.arena, &v, &f.e));
	ck_rc_ok(f.st->ops->evidence_get(f.st, &v, &f.arena, &ev, &f.e));
	ck_assert(span_eq(ev.attest, r.attest));
	ck_assert(span_eq(ev.signature, r.signature));
	ck_assert(span_eq(ev.pcrs, r.pcrs));
	ck_rc_ok(f.st->ops->blob_get(
	    f.st, &n.tenant, &v.boot_log, &f.arena, &bytes, &f.e));
	ck_assert(span_eq(bytes, r.boot_log));
	ck_rc_ok(f.st->ops->blob_get(
	    f.st, &n.tenant, &v.userspace_log, &f.arena, &bytes, &f.e));
	ck_assert(span_eq(bytes, r.userspace_log));
	struct uuid id = new_id(T0);
	ck_rc_is(
	    f.st->ops->verdict_get(f.st, &n.tenant, &id, &f.arena, &v, &f.e),
	    ERR_VERDICT_UNKNOWN);
	end(&f);
}
END_TEST

/* The statement is a function of the row that the database gives back. */
START_TEST(the_statement_can_be_made_again)
{
	struct fixture f;
	static struct verdict verdict;
	struct verdict_row v;
	struct buf sealed = {0}, again = {0};
	struct sha256 hash;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record first = make_record(&f, &n, "first", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &first, 1, &f.e));
	n = get_node(&f, &n.id);
	struct record r = make_record(&f, &n, "one", T0 + 1234567);
	r.ima = span_str("an IMA segment");
	r.row.ima_start = 42;
	verdict_init(&verdict, &f.arena);
	verdict_add(&verdict,
	    &(const struct reason){.code = ERR_BOOT_EVENT_CHANGED,
		.layer = LAYER_OS,
		.path = "eventlog.events[3]",
		.message = "The \"command line\" changed.",
		.expected = "quiet",
		.found = "init=/bin/sh \xff\x01",
		.pcr = 8,
		.event = 3,
		.event_type = "EV_IPL",
		.rule = "pcrs.8[2]"},
	    EFF_NONE);
	verdict_quirk(&verdict, "a_quirk");
	verdict_fold(&verdict);
	seal(&f, &r, &n, &verdict);
	statement_emit(&r.row, &sealed);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_rc_ok(f.st->ops->verdict_get(
	    f.st, &n.tenant, &r.row.id, &f.arena, &v, &f.e));
	statement_emit(&v, &again);
	ck_assert(!sealed.failed && !again.failed);
	ck_assert_str_eq(again.p, sealed.p);
	ck_rc_ok(hash_of(f.h, ALG_SHA256, buf_span(&again), hash.b));
	ck_assert(sha256_eq(&hash, &v.statement));
	ck_assert(sha256_eq(&v.statement, &r.row.statement));
	ck_assert(span_eq(v.detail, r.row.detail));
	ck_assert_ptr_nonnull(strstr(again.p, "\"boot.event.changed\""));
	buf_free(&sealed);
	buf_free(&again);
	end(&f);
}
END_TEST

START_TEST(verdict_lists_page_and_filter)
{
	struct fixture f;
	struct verdict_filter filter = {.limit = 2};
	struct verdict_list l;
	size_t seen = 0;

	begin(&f);
	struct node a = enrol(&f, "a", "ek-a", "ak-a");
	struct node b = enrol(&f, "b", "ek-b", "ak-b");
	for (int i = 0; i < 6; i++) {
		char what[16];
		snprintf(what, sizeof(what), "v%d", i);
		struct node n = get_node(&f, i % 3 ? &a.id : &b.id);
		struct record r =
		    make_record(&f, &n, what, T0 + i * TIME_S + 999);
		if (i == 4)
			r.row.result = RESULT_FAIL;
		ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
		ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	}
	do {
		ck_rc_ok(f.st->ops->verdict_list(
		    f.st, &a.tenant, &filter, &f.arena, &l, &f.e));
		for (size_t i = 0; i < l.n; i++)
			ck_assert_int_eq(l.row[i].verified,
			    T0 + (int64_t)(5 - seen++) * TIME_S + 999);
		filter.before = l.row[l.n - 1].id;
	} while (l.more);
	ck_assert_uint_eq(seen, 6);
	static const struct {
		int64_t since;
		int result;
		bool of_b;
		size_t n;
	} rows[] = {{T0 + 3 * TIME_S, -1, false, 3},
	    {T0 + 3 * TIME_S + 999, -1, false, 3},
	    {T0 + 3 * TIME_S + 1000, -1, false, 2}, {0, RESULT_FAIL, false, 1},
	    {0, RESULT_FAIL, true, 0}, {0, -1, true, 2}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		filter = (struct verdict_filter){.limit = 10,
		    .since = rows[i].since,
		    .by_result = rows[i].result >= 0,
		    .result = rows[i].result >= 0 ? (enum result)rows[i].result
						  : RESULT_NONE};
		if (rows[i].of_b)
			filter.node = b.id;
		ck_rc_ok(f.st->ops->verdict_list(
		    f.st, &a.tenant, &filter, &f.arena, &l, &f.e));
		ck_assert_msg(l.n == rows[i].n, "row %zu: %zu", i, l.n);
	}
	end(&f);
}
END_TEST

static struct record
commit_ima(struct fixture *f, struct node *n, uint64_t start,
    const char *segment, bool accepted)
{
	static int64_t at;
	char what[32];

	snprintf(what, sizeof(what), "ima %lld", (long long)++at);
	struct record r = make_record(f, n, what, T0 + at * TIME_S);
	r.ima = span_str(segment);
	r.row.ima_start = start;
	r.row.ima_bytes = strlen(segment);
	r.row.ima = sha_of(segment);
	r.ima_accepted = accepted;
	r.after.attester.ima_offset =
	    accepted ? start + strlen(segment) : n->state.attester.ima_offset;
	ck_rc_ok(f->st->ops->commit(f->st, &r, 1, &f->e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	*n = get_node(f, &n->id);
	return r;
}

/* The concatenation of a verdict's list, up to its own segment. */
static struct span
list_of(struct fixture *f, const struct record *r)
{
	struct ima_segments l;
	struct buf b = {0};

	ck_rc_ok(f->st->ops->ima_list(f->st, &r->row, &f->arena, &l, &f->e));
	for (size_t i = 0; i < l.n; i++) {
		struct span s;
		ck_rc_ok(f->st->ops->ima_get(f->st, &r->row.tenant,
		    &r->row.node, &l.segment[i].verdict, &f->arena, &s, &f->e));
		ck_assert_uint_eq(s.n, l.segment[i].bytes);
		ck_assert_uint_eq(b.n, l.segment[i].start);
		buf_put(&b, s.p, s.n);
	}
	struct span out = arena_copy(&f->arena, buf_span(&b));
	buf_free(&b);
	return out;
}

START_TEST(ima_segments_follow_each_other)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	commit_ima(&f, &n, 0, "first ", true);
	commit_ima(&f, &n, 6, "forged", false);
	struct record two = commit_ima(&f, &n, 6, "second ", true);
	struct record bad = commit_ima(&f, &n, 13, "wrong", false);
	struct record three = commit_ima(&f, &n, 13, "third", true);
	ck_assert(span_eq(list_of(&f, &two), span_str("first second ")));
	ck_assert(span_eq(list_of(&f, &bad), span_str("first second wrong")));
	ck_assert(span_eq(list_of(&f, &three), span_str("first second third")));
	/* Sent again from the start, in other pieces. */
	struct record four = commit_ima(&f, &n, 0, "first second third", true);
	struct record five = commit_ima(&f, &n, 18, " fourth", true);
	ck_assert(span_eq(list_of(&f, &four), span_str("first second third")));
	ck_assert(
	    span_eq(list_of(&f, &five), span_str("first second third fourth")));
	ck_assert(span_eq(list_of(&f, &three), span_str("first second third")));
	end(&f);
}
END_TEST

START_TEST(what_expired_is_purged)
{
	struct fixture f;
	uint64_t dropped;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	put_token(&f, "aket_x", 1);
	struct enrolment en = make_enrolment(&f, "b", "ek-b", "ak-b");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	ck_rc_ok(f.st->ops->purge(f.st, T0, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 0);
	/* The one that was activated, and the one that never was. */
	ck_rc_ok(f.st->ops->purge(f.st, T0 + 61 * TIME_S, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 2);
	ck_rc_ok(f.st->ops->purge(f.st, T0 + 121 * TIME_S, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 1);
	ck_rc_ok(f.st->ops->node_get(
	    f.st, &n.tenant, &n.id, r.row.challenge, &f.arena, &n, &f.e));
	ck_assert(!n.used.found);
	ck_assert(uuid_eq(&n.state.verdict, &r.row.id));
	end(&f);
}
END_TEST

START_TEST(events_and_audit_rows)
{
	struct fixture f;

	begin(&f);
	const struct security_event ev[] = {{.tenant = f.admin.tenant,
						.node = new_id(T0),
						.code = ERR_QUOTE_SIGNATURE,
						.at = T0,
						.source = span_str("192.0.2.7"),
						.trace = span_str("00112233"),
						.digest = sha_of("body")},
	    {.code = ERR_AUTH_INVALID, .at = T0}};
	const struct audit rows[] = {{.tenant = f.admin.tenant,
	    .action = span_str("evidence.read"),
	    .object = span_str("verdict/x"),
	    .at = T0}};
	ck_rc_ok(f.st->ops->security_put(f.st, ev, 2, &f.e));
	ck_rc_ok(f.st->ops->security_put(f.st, ev, 0, &f.e));
	ck_rc_ok(f.st->ops->audit_put(f.st, rows, 1, &f.e));
	end(&f);
}
END_TEST

TCase *
commit_cases(void)
{
	TCase *t = tcase_create("commit");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_commit_moves_the_node);
	tcase_add_test(t, a_challenge_works_once);
	tcase_add_test(t, a_node_that_moved_is_a_conflict);
	tcase_add_test(t, one_bad_record_fails_alone);
	tcase_add_test(t, evidence_comes_back);
	tcase_add_test(t, the_statement_can_be_made_again);
	tcase_add_test(t, verdict_lists_page_and_filter);
	tcase_add_test(t, ima_segments_follow_each_other);
	tcase_add_test(t, what_expired_is_purged);
	tcase_add_test(t, events_and_audit_rows);
	return t;
}
