/* SPDX-License-Identifier: Apache-2.0 */
/* The last attestation of every boot, and its evidence. */
#include "unit/record/cases.h"

static struct fixture f;
static int64_t at;

static void
setup(void)
{
	begin(&f);
	at = 0;
}

static void
teardown(void)
{
	end(&f);
}

/* Each a second after the one before, the first at T0 + 1 s. */
static struct record
prepare(const struct uuid *node, uint64_t boot)
{
	char what[32];
	struct node n = get_node(&f, node);

	snprintf(what, sizeof(what), "boot %lld", (long long)++at);
	struct record r = make_record(&f, &n, what, T0 + at * TIME_S);
	r.row.boot = boot;
	return r;
}

static struct uuid
commit(struct record *r)
{
	rc c = f.st->ops->commit(f.st, r, 1, &f.e);

	ck_assert_msg(rc_ok(c), "%s: %s", err_name(f.e.code), f.e.text);
	ck_assert_int_eq(r->outcome, OUTCOME_COMMITTED);
	return r->row.id;
}

static struct uuid
attest(const struct node *n, uint64_t boot)
{
	struct record r = prepare(&n->id, boot);

	return commit(&r);
}

static struct boots_list
list(const struct boots_filter *filter)
{
	struct boots_list l;
	rc r = f.st->ops->boots_list(
	    f.st, &f.admin.tenant, filter, &f.arena, &l, &f.e);

	ck_assert_msg(rc_ok(r), "%s: %s", err_name(f.e.code), f.e.text);
	return l;
}

/* The place of a verdict's row, which must be there. */
static size_t
place(const struct boots_list *l, const struct uuid *verdict)
{
	size_t i = 0;

	while (i < l->n && !uuid_eq(&l->row[i].verdict.id, verdict))
		i++;
	ck_assert_uint_lt(i, l->n);
	return i;
}

#define BOOT(reset) ((uint64_t)(reset) << 32)

START_TEST(the_last_of_each_boot)
{
	struct node a = enrol(&f, "a", "ek-a", "ak-a");
	struct node b = enrol(&f, "b", "ek-b", "ak-b");
	struct node gone = enrol(&f, "gone", "ek-g", "ak-g");
	struct boots_filter all = {.limit = 100};

	attest(&gone, BOOT(1));
	ck_rc_ok(act_on(&f, NODE_RETIRE, "gone"));
	ck_assert_uint_eq(list(&all).n, 0);
	attest(&a, BOOT(1));
	struct uuid old = attest(&a, BOOT(1) + 5);
	attest(&a, BOOT(2));
	struct uuid late = attest(&a, BOOT(2)); /* at T0 + 5 s */
	/* A count whose sign bit is set, and one from before TPM2_Clear. */
	struct uuid high = attest(&b, BOOT(0x80000000));
	struct uuid low = attest(&b, BOOT(1));
	struct boots_list l = list(&all);
	ck_assert_uint_eq(l.n, 5);
	ck_assert(!l.more);
	ck_assert(l.row[place(&l, &late)].latest);
	ck_assert(!l.row[place(&l, &old)].latest);
	ck_assert(!l.row[place(&l, &high)].latest);
	ck_assert(l.row[place(&l, &low)].latest);
	const struct boot_row *r = &l.row[place(&l, &late)];
	ck_assert_str_eq(r->verdict.node_name, "a");
	ck_assert(span_eq(r->identity.ak_name, a.identity.ak_name));
	ck_assert(span_eq(r->env_class, span_str("test")));
	ck_assert(r->verdict.context.n > 0);
	ck_assert_uint_eq(r->verdict.findings.n, 0);
	all.since = T0 + 5 * TIME_S;
	ck_assert_uint_eq(list(&all).n, 3);
	all.since = T0 + 8 * TIME_S;
	ck_assert_uint_eq(list(&all).n, 0);
}
END_TEST

START_TEST(boots_page_and_filter)
{
	enum { NODES = 5, BOOTS = 3 };
	struct uuid seen[NODES * BOOTS];
	struct boots_filter filter = {.limit = 2};
	size_t n = 0, shared = 0;
	struct boots_list l;

	for (int i = 0; i < NODES; i++) {
		char name[8];
		snprintf(name, sizeof(name), "n%d", i);
		struct node node = enrol(&f, name, name, name);
		for (uint64_t boot = 0; boot < BOOTS; boot++)
			attest(&node, BOOT(boot << 30));
	}
	do {
		l = list(&filter);
		ck_assert_uint_le(l.n, 2);
		for (size_t i = 0; i < l.n; i++) {
			ck_assert_uint_lt(n, NODES * BOOTS);
			for (size_t k = 0; k < n; k++)
				ck_assert(
				    !uuid_eq(&seen[k], &l.row[i].verdict.id));
			seen[n++] = l.row[i].verdict.id;
		}
		filter.after = l.row[l.n - 1].verdict.node;
		filter.after_boot = l.row[l.n - 1].verdict.boot;
	} while (l.more);
	ck_assert_uint_eq(n, NODES * BOOTS);
	for (uint32_t i = 0; i < 3; i++) {
		filter = (struct boots_filter){
		    .limit = 100, .share = i, .shares = 3};
		shared += list(&filter).n;
	}
	ck_assert_uint_eq(shared, n);
	filter = (struct boots_filter){
	    .limit = 100, .labels = span_str("{\"site\":\"tokyo\"}")};
	ck_assert_uint_eq(list(&filter).n, n);
	filter.labels = span_str("{\"site\":\"osaka\"}");
	ck_assert_uint_eq(list(&filter).n, 0);
}
END_TEST

static struct uuid
attest_ima(
    const struct node *n, uint64_t start, const char *piece, bool accepted)
{
	struct record r = prepare(&n->id, BOOT(7));

	r.row.ima_start = start;
	r.ima = span_str(piece);
	r.ima_accepted = accepted;
	if (*piece) {
		r.row.ima = sha_of(piece);
		r.row.ima_bytes = r.ima.n;
	}
	return commit(&r);
}

/* What is read of the last boot of the only node. */
static struct boot_evidence
read_last(void)
{
	const struct boots_filter all = {.limit = 100};
	struct boots_list l = list(&all);
	struct boot_evidence out;

	ck_assert_uint_eq(l.n, 1);
	ck_rc_ok(f.st->ops->boots_read(
	    f.st, &f.admin.tenant, l.row, 1, &f.arena, &out, &f.e));
	return out;
}

START_TEST(a_list_from_its_pieces)
{
	static const struct {
		uint64_t start;
		const char *piece;
		bool accepted;
		const char *list; /* that is read then; NULL: not kept */
	} steps[] = {
	    {0, "", false, ""},
	    {0, "abc", true, "abc"},
	    {3, "", true, "abc"},
	    {3, "def", true, "abcdef"},
	    {6, "bad", false, "abcdefbad"},
	    {6, "gh", true, "abcdefgh"},
	    {8, "i", true, "abcdefghi"},
	    {0, "new list", false, "new list"},
	    {9, "", true, "abcdefghi"},
	    {0, "ABCD", true, "ABCD"},
	    {4, "E", true, "ABCDE"},
	    {7, "gap", true, NULL},
	};
	struct node n = enrol(&f, "n", "ek", "ak");

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		attest_ima(
		    &n, steps[i].start, steps[i].piece, steps[i].accepted);
		struct boot_evidence ev = read_last();
		ck_assert_msg(ev.kept == (steps[i].list != NULL), "%zu", i);
		if (steps[i].list)
			ck_assert_msg(span_eq(ev.ima, span_str(steps[i].list)),
			    "%zu: %.*s", i, (int)ev.ima.n,
			    (const char *)ev.ima.p);
	}
}
END_TEST

START_TEST(evidence_of_boots)
{
	const struct boots_filter all = {.limit = 100};
	struct node a = enrol(&f, "a", "ek-a", "ak-a");
	struct node b = enrol(&f, "b", "ek-b", "ak-b");
	struct node lost = enrol(&f, "lost", "ek-l", "ak-l");
	struct boot_evidence ev[3];

	struct record one = prepare(&a.id, BOOT(1));
	one.boot_log = span_str("a boot log");
	one.row.boot_log = sha_of("a boot log");
	one.userspace_log = span_str("records");
	one.row.userspace_log = sha_of("records");
	commit(&one);
	struct record two = prepare(&b.id, BOOT(1)); /* by reference */
	two.row.boot_log = sha_of("a boot log");
	commit(&two);
	struct record three = prepare(&lost.id, BOOT(1));
	three.row.boot_log = sha_of("never kept");
	commit(&three);
	struct boots_list l = list(&all);
	ck_assert_uint_eq(l.n, 3);
	ck_rc_ok(f.st->ops->boots_read(
	    f.st, &f.admin.tenant, l.row, 3, &f.arena, ev, &f.e));
	for (size_t i = 0; i < 3; i++) {
		const struct verdict_row *v = &l.row[i].verdict;
		if (uuid_eq(&v->node, &lost.id)) {
			ck_assert(!ev[i].kept && !ev[i].quote.attest.p);
			continue;
		}
		bool first = uuid_eq(&v->node, &a.id);
		ck_assert(ev[i].kept);
		ck_assert(span_eq(
		    ev[i].quote.attest, first ? one.attest : two.attest));
		ck_assert(span_eq(ev[i].boot_log, one.boot_log));
		ck_assert_uint_eq(l.row[i].log_bytes, one.boot_log.n);
		ck_assert((ev[i].userspace_log.p != NULL) == first);
		ck_assert((v->findings.n > 0) == first);
		ck_assert_uint_eq(l.row[i].userspace_bytes, first ? 7 : 0);
		ck_assert_ptr_null(ev[i].ima.p);
	}
	ck_rc_ok(f.st->ops->boots_read(
	    f.st, &f.admin.tenant, NULL, 0, &f.arena, NULL, &f.e));
	/* Of another tenant nothing is seen. */
	struct uuid other = new_id(T0);
	ck_rc_ok(f.st->ops->boots_list(f.st, &other, &all, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

TCase *
boots_cases(void)
{
	TCase *t = tcase_create("boots");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_last_of_each_boot);
	tcase_add_test(t, boots_page_and_filter);
	tcase_add_test(t, a_list_from_its_pieces);
	tcase_add_test(t, evidence_of_boots);
	return t;
}
