/* SPDX-License-Identifier: Apache-2.0 */
/* Every recorded list leads to the PCR values that the TPM had, in all banks;
 * a changed one does not. */
#include "lib/recorded.h"
#include "lib/tap.h"
#include "replay/ima.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define BOOTS VM "boots/"
enum { IMA_PCR = 10, MASK = 1 << IMA_PCR };

static struct arena arena;
static struct hasher *hasher;

static void
setup(void)
{
	arena_init(&arena, (size_t)256 << 20);
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

static struct span
boot_file(const char *boot, const char *file)
{
	return tap_file(
	    &arena, arena_printf(&arena, BOOTS "%s/%s", boot, file));
}

static struct banks
pcrread(const char *boot)
{
	struct banks out =
	    recorded_pcrs(&arena, arena_printf(&arena, "boots/%s", boot));

	ck_assert_uint_ge(out.n, 1);
	return out;
}

/* A quote over PCR 10 of all banks that have a value there. */
struct scene {
	struct banks values;
	struct tpm_quote quote;
	struct ima_target target;
	struct ima_state start;
	struct ima_state end;
	struct ima_match match;
	struct err e;
	uint8_t digest[HASH_MAX];
};

static void
scene_init(struct scene *s, const struct banks *values)
{
	memset(s, 0, sizeof(*s));
	s->values = *values;
	for (size_t i = 0; i < values->n; i++)
		s->quote.selection.bank[s->quote.selection.n++] =
		    (struct pcr_selection){values->bank[i].alg, MASK};
	s->target = (struct ima_target){
	    .quote = &s->quote, .hash = ALG_SHA256, .values = &s->values};
	ima_state_init(&s->start, NULL, &s->quote.selection);
}

/* Forget the values; keep the digest over them, as a bare quote does. */
static void
only_digest(struct scene *s)
{
	ck_assert(banks_composite(
	    &s->values, &s->quote.selection, ALG_SHA256, hasher, s->digest));
	s->quote.pcr_digest = span_of(s->digest, 32);
	s->target.values = NULL;
}

static rc
replay(struct scene *s, struct span list)
{
	return ima_replay(list, &s->start, &s->target, hasher, NULL, NULL,
	    &s->end, &s->match, &s->e);
}

static unsigned
type_of(const struct scene *s, uint16_t alg)
{
	for (size_t i = 0; i < s->end.n; i++)
		if (s->end.bank[i].type[0].alg == alg)
			return s->end.bank[i].types;
	return 0;
}

/* --- every boot ------------------------------------------------------- */

/* What is not as everywhere: the list ends at the quote, no violations, SHA-384
 * and SHA-512 padded (in which of the two ways only a violation can tell). */
static const struct special {
	const char *boot;
	uint64_t tail;
	uint64_t violations;
	unsigned long_types;
	enum err_code want;
} specials[] = {
    {"grub-sb-log-ahead", 19, 0, IMA_PADDED | IMA_PADDED_OLD, ERR_OK},
    {"grub-sb-ima-violations", 0, 2, IMA_PADDED, ERR_OK},
    {"grub-sb-ima-sha512mod", 0, 0, IMA_TYPED, ERR_OK},
    {"grub-sb-kexec", 0, 0, 0, ERR_IMA_REPLAY},
    {"grub-sb-log-behind", 0, 0, 0, ERR_IMA_REPLAY},
    {NULL, 0, 0, IMA_PADDED | IMA_PADDED_OLD, ERR_OK},
};

static void
check_values(const struct scene *s, const struct special *x, const char *boot)
{
	for (size_t i = 0; i < s->values.n; i++) {
		const struct bank *want = &s->values.bank[i];
		const struct bank *got = banks_get(&s->match.pcrs, want->alg);
		size_t size = hash_by_id(want->alg)->size;
		ck_assert_msg(got && memcmp(got->pcr[IMA_PCR],
					 want->pcr[IMA_PCR], size) == 0,
		    "%s: PCR 10", boot);
		ck_assert_msg(type_of(s, want->alg) ==
				  (size > 32 ? x->long_types : IMA_TYPED),
		    "%s: type", boot);
	}
}

static void
check_boot(const char *boot, bool digest)
{
	struct span list = boot_file(boot, "ima.bin");
	struct banks values = pcrread(boot);
	const struct special *x = specials;
	struct scene s;

	while (x->boot && strcmp(x->boot, boot) != 0)
		x++;
	scene_init(&s, &values);
	if (digest)
		only_digest(&s);
	rc r = replay(&s, list);
	ck_assert_msg(r.code == x->want, "%s: %s", boot, err_name(r.code));
	if (!rc_ok(r))
		return;
	ck_assert_uint_eq(s.match.tail, x->tail);
	ck_assert_uint_eq(s.end.violations, x->violations);
	ck_assert_uint_eq(s.end.entries, s.match.entries);
	ck_assert_uint_eq(s.end.pcrs, MASK);
	check_values(&s, x, boot);
}

START_TEST(every_boot)
{
	const char *top = getenv("SRCDIR");
	glob_t g;

	ck_assert_int_eq(glob(arena_printf(&arena, "%s/" BOOTS "*/ima.bin",
				  top ? top : AKASHI_SRCDIR),
			     0, NULL, &g),
	    0);
	ck_assert_uint_ge(g.gl_pathc, 40);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *path = g.gl_pathv[i];
		path[strlen(path) - strlen("/ima.bin")] = '\0';
		check_boot(strrchr(path, '/') + 1, false);
		check_boot(strrchr(path, '/') + 1, true);
	}
	globfree(&g);
}
END_TEST

/* The old list before the new one explains a PCR that kexec did not reset. */
START_TEST(kexec)
{
	struct span before =
	    boot_file("grub-sb-kexec", "pre-kexec/ima-final.bin");
	struct span after = boot_file("grub-sb-kexec", "ima.bin");
	struct banks values = pcrread("grub-sb-kexec");
	uint8_t *both = arena_alloc(&arena, before.n + after.n);
	struct scene s;

	memcpy(both, before.p, before.n);
	memcpy(both + before.n, after.p, after.n);
	scene_init(&s, &values);
	ck_rc_ok(replay(&s, span_of(both, before.n + after.n)));
	ck_assert_uint_eq(s.match.tail, 0);
}
END_TEST

/* Kernels before 5.8 pad the ones of a violation too. */
START_TEST(old_padding)
{
	struct span list = boot_file("grub-sb-ima-violations", "ima.bin");
	struct banks values = pcrread("grub-sb-ima-violations");
	struct bank *b = banks_find(&values, ALG_SHA256);
	struct ima_reader in = ima_over(list, 0);
	struct ima_entry entry;
	struct scene s;
	bool more = true;

	memset(b->pcr[IMA_PCR], 0, HASH_MAX);
	for (;;) {
		uint8_t digest[HASH_MAX] = {0};
		ck_rc_ok(ima_next(&in, &entry, &more, NULL));
		if (!more)
			break;
		memcpy(digest, entry.template_hash.p, 20);
		if (entry.violation)
			memset(digest, 0xff, 20);
		ck_rc_ok(hash_extend(hasher, b->alg, b->pcr[IMA_PCR], digest));
	}
	for (int digest = 0; digest < 2; digest++) {
		scene_init(&s, &values);
		if (digest)
			only_digest(&s);
		ck_rc_ok(replay(&s, list));
		ck_assert_uint_eq(type_of(&s, ALG_SHA256), IMA_PADDED_OLD);
		ck_assert_uint_eq(type_of(&s, ALG_SHA384), IMA_PADDED);
	}
}
END_TEST

/* --- parts ------------------------------------------------------------ */

static size_t
extend_until(struct span list, uint32_t index, struct ima_state *state)
{
	struct ima_reader in = ima_over(list, 0);
	struct ima_entry entry;
	bool more = true;

	for (;;) {
		ck_rc_ok(ima_next(&in, &entry, &more, NULL));
		ck_assert(more);
		if (entry.index == index)
			return entry.offset;
		ck_rc_ok(ima_state_extend(state, &entry, hasher, NULL));
	}
}

/* Replaying a list is replaying its halves, wherever it is cut. */
START_TEST(halves)
{
	static const uint32_t cuts[] = {1, 2, 100, 199};
	struct span list = boot_file("grub-sb-golden", "ima.bin");
	struct banks values = pcrread("grub-sb-golden");
	struct scene whole, half;

	scene_init(&whole, &values);
	ck_rc_ok(replay(&whole, list));
	scene_init(&half, &values);
	size_t cut = extend_until(list, cuts[_i], &half.start);
	half.start.bytes = cut;
	ck_rc_ok(replay(&half, span_of(list.p + cut, list.n - cut)));
	ck_assert_uint_eq(half.end.entries, whole.end.entries);
	ck_assert_uint_eq(half.end.bytes, whole.end.bytes);
	ck_assert_uint_eq(half.match.entries, 200 - cuts[_i]);
	ck_assert_uint_eq(half.match.bytes, list.n - cut);
	ck_assert_mem_eq(&half.end.bank[0].type[0], &whole.end.bank[0].type[0],
	    sizeof(struct bank));
	/* nothing new is legal where the quote has not moved on */
	half.start = whole.end;
	ck_rc_ok(replay(&half, span_of("", 0)));
	ck_assert_uint_eq(half.match.entries, 0);
}
END_TEST

/* Every strict prefix of a list that ends at its quote is behind it. */
START_TEST(prefixes)
{
	struct span list = boot_file("grub-sb-golden", "ima.bin");
	struct banks values = pcrread("grub-sb-golden");
	struct scene s;

	for (size_t n = 1; n < list.n; n += 1 + n % 37) {
		scene_init(&s, &values);
		rc r = replay(&s, span_of(list.p, n));
		ck_assert_msg(
		    r.code == ERR_IMA_REPLAY || r.code == ERR_IMA_TRUNCATED,
		    "%zu: %s", n, err_name(r.code));
	}
}
END_TEST

/* No bit can be flipped in a list without violations. */
START_TEST(flips)
{
	struct span list = boot_file("grub-sb-noima", "ima.bin");
	struct banks values = pcrread("grub-sb-noima");
	uint8_t *b = arena_alloc(&arena, list.n);
	struct scene s;

	memcpy(b, list.p, list.n);
	for (size_t bit = 0; bit < 8 * list.n; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		scene_init(&s, &values);
		ck_assert_msg(!rc_ok(replay(&s, span_of(b, list.n))),
		    "bit %zu passes", bit);
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	scene_init(&s, &values);
	ck_rc_ok(replay(&s, span_of(b, list.n)));
}
END_TEST

/* --- negatives -------------------------------------------------------- */

static const struct {
	const char *name;
	enum err_code want;
} negatives[] = {
    {"ima-boot-aggregate-removed", ERR_IMA_REPLAY},
    {"ima-dng-length-mismatch", ERR_IMA_FORMAT},
    {"ima-dng-no-colon", ERR_IMA_FORMAT},
    {"ima-dng-no-nul", ERR_IMA_FORMAT},
    {"ima-entries-reordered", ERR_IMA_REPLAY},
    {"ima-entry-inserted", ERR_IMA_REPLAY},
    {"ima-entry-removed", ERR_IMA_REPLAY},
    {"ima-field-length-huge", ERR_IMA_FORMAT},
    {"ima-filehash-altered-rehashed", ERR_IMA_REPLAY},
    {"ima-from-other-boot", ERR_IMA_REPLAY},
    {"ima-name-length-huge", ERR_IMA_FORMAT},
    {"ima-path-altered-hash-kept", ERR_IMA_TEMPLATE_HASH},
    {"ima-path-control-chars", ERR_IMA_REPLAY},
    {"ima-path-embedded-nul", ERR_IMA_FORMAT},
    {"ima-path-no-nul", ERR_IMA_FORMAT},
    {"ima-pcr-index-11", ERR_IMA_REPLAY},
    {"ima-template-data-length-huge", ERR_IMA_TOO_LARGE},
    {"ima-template-hash-altered", ERR_IMA_TEMPLATE_HASH},
    {"ima-trailing-bytes", ERR_IMA_TRUNCATED},
    {"ima-truncated-last-entry", ERR_IMA_REPLAY},
    {"ima-truncated-mid-entry", ERR_IMA_TRUNCATED},
    {"ima-unknown-template", ERR_IMA_TEMPLATE},
    {"ima-violation-injected", ERR_IMA_REPLAY},
};

START_TEST(negative)
{
	struct banks values = pcrread("grub-sb-golden");
	struct span good = boot_file("grub-sb-golden", "ima.bin");
	struct span bad =
	    tap_file(&arena, arena_printf(&arena, VM "negatives/%s/ima.bin",
				 negatives[_i].name));

	for (int digest = 0; digest < 2; digest++) {
		struct scene s;
		scene_init(&s, &values);
		if (digest)
			only_digest(&s);
		rc r = replay(&s, bad);
		ck_assert_msg(r.code == negatives[_i].want, "%s: %s, not %s",
		    negatives[_i].name, err_name(r.code),
		    err_name(negatives[_i].want));
		ck_rc_ok(replay(&s, good));
	}
}
END_TEST

/* --- rules ------------------------------------------------------------ */

/* An ima-buf entry whose payload is not what its digest says is refused even
 * where its template hash is right. */
START_TEST(buf_digest)
{
	struct ima_reader in =
	    ima_over(boot_file("grub-sb-ima-buf", "ima.bin"), 0);
	struct pcr_selections sel = {1, {{ALG_SHA256, MASK}}};
	struct ima_entry entry;
	struct ima_state state;
	uint8_t data[256], hash[HASH_MAX];
	struct err e;
	bool more;

	ima_state_init(&state, NULL, &sel);
	do
		ck_rc_ok(ima_next(&in, &entry, &more, &e));
	while (more && !entry.buf.p);
	ck_assert(more && entry.template_data.n < sizeof(data));
	ck_rc_ok(ima_state_extend(&state, &entry, hasher, &e));
	memcpy(data, entry.template_data.p, entry.template_data.n);
	data[entry.template_data.n - 1] ^= 1;
	entry.buf =
	    span_of(data + (entry.buf.p - entry.template_data.p), entry.buf.n);
	entry.template_data.p = data;
	ck_rc_is(ima_state_extend(&state, &entry, hasher, &e),
	    ERR_IMA_TEMPLATE_HASH);
	ck_rc_ok(hash_of(hasher, ALG_SHA1, entry.template_data, hash));
	entry.template_hash = span_of(hash, 20);
	ck_rc_is(ima_state_extend(&state, &entry, hasher, &e), ERR_IMA_BUF);
	ck_assert_str_eq(e.path, "entries[1].buf");
}
END_TEST

static rc
refuse_third(void *ctx, const struct ima_entry *entry, struct err *e)
{
	unsigned *n = ctx;

	if (++*n == 3)
		return err_at(
		    e, ERR_INTERNAL, NULL, "entries[%u]", entry->index);
	return RC_OK;
}

START_TEST(sink_stops)
{
	struct banks values = pcrread("grub-sb-golden");
	struct scene s;
	unsigned n = 0;

	scene_init(&s, &values);
	ck_rc_is(
	    ima_replay(boot_file("grub-sb-golden", "ima.bin"), &s.start,
		&s.target, hasher, refuse_third, &n, &s.end, &s.match, &s.e),
	    ERR_INTERNAL);
	ck_assert_str_eq(s.e.path, "entries[2]");
}
END_TEST

static rc
count(void *ctx, const struct ima_entry *entry, struct err *e)
{
	(void)entry, (void)e;
	++*(unsigned *)ctx;
	return RC_OK;
}

/* Entries after the quote, and those of PCRs that are not quoted, are not
 * attested. */
START_TEST(sink_sees_what_is_attested)
{
	struct span list = boot_file("grub-sb-log-ahead", "ima.bin");
	struct banks values = pcrread("grub-sb-log-ahead");
	struct scene s;
	unsigned n = 0;

	scene_init(&s, &values);
	ck_rc_ok(ima_replay(list, &s.start, &s.target, hasher, count, &n,
	    &s.end, &s.match, &s.e));
	ck_assert_uint_eq(n, 200);
	n = 0;
	s.quote.selection.bank[0].mask = 1u << 11;
	s.quote.selection.n = 1;
	ima_state_init(&s.start, NULL, &s.quote.selection);
	ck_rc_ok(ima_replay(list, &s.start, &s.target, hasher, count, &n,
	    &s.end, &s.match, &s.e));
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* A list that explains another PCR, extended to fit, leaves the PCR that it is
 * judged for unexplained. */
START_TEST(another_pcr_alone)
{
	enum { OTHER = IMA_PCR + 1 };
	struct span list = boot_file("grub-sb-golden", "ima.bin");
	struct banks values = pcrread("grub-sb-golden");
	struct ima_state state;
	struct ima_entry entry;
	struct scene s;
	bool more = false;

	scene_init(&s, &values);
	state = s.start;
	size_t n = extend_until(list, 1, &state);
	uint8_t *one = arena_alloc(&arena, n);
	memcpy(one, list.p, n);
	one[0] = OTHER;
	struct ima_reader in = ima_over(span_of(one, n), 0);
	ck_rc_ok(ima_next(&in, &entry, &more, NULL));
	state = s.start;
	ck_rc_ok(ima_state_extend(&state, &entry, hasher, NULL));
	for (size_t i = 0; i < state.n; i++) {
		const struct bank *b = ima_state_bank(&state, i, IMA_TYPED);
		memcpy(banks_find(&s.values, b->alg)->pcr[OTHER], b->pcr[OTHER],
		    HASH_MAX);
		s.quote.selection.bank[i].mask |= 1u << OTHER;
	}
	ck_rc_ok(replay(&s, span_of(one, n)));
	s.target.judged = MASK;
	ck_assert_int_eq(replay(&s, span_of(one, n)).code, ERR_IMA_REPLAY);
	ck_rc_ok(replay(&s, list));
}
END_TEST

/* --- boot_aggregate --------------------------------------------------- */

static const struct {
	const char *boot;
	unsigned last; /* made from PCR 0 to last */
} aggregates[] = {
    {"grub-sb-golden", 9},
    {"grub-sb-ima-ng-sha1", 7},
    {"grub-sb-ima-legacy", 7},
    {"direct-sha1only", 7},
    {"uki-golden", 9},
};

START_TEST(boot_aggregate)
{
	static const uint8_t zeros[HASH_MAX];
	const char *boot = aggregates[_i].boot;
	struct ima_reader in = ima_over(boot_file(boot, "ima.bin"), 0);
	struct banks values = pcrread(boot), none = {.n = 0};
	struct ima_entry entry;
	struct err e;
	bool more;

	ck_rc_ok(ima_next(&in, &entry, &more, &e));
	for (unsigned p = 0; p < LIMIT_PCRS; p++) {
		struct banks other = values;
		ck_rc_ok(ima_check_boot_aggregate(&entry, &other, hasher, &e));
		for (size_t i = 0; i < other.n; i++)
			other.bank[i].pcr[p][0] ^= 1;
		rc r = ima_check_boot_aggregate(&entry, &other, hasher, &e);
		ck_assert_int_eq(r.code,
		    p <= aggregates[_i].last ? ERR_IMA_BOOT_AGGREGATE : ERR_OK);
	}
	ck_rc_is(ima_check_boot_aggregate(&entry, &none, hasher, &e),
	    ERR_IMA_AGGREGATE_UNVERIFIED);
	ck_rc_is(ima_check_boot_aggregate(&entry, NULL, hasher, &e),
	    ERR_IMA_AGGREGATE_UNVERIFIED);
	/* what a kernel without a TPM writes is wrong whatever the PCRs are */
	const struct ima_entry good = entry;
	entry.digest = span_of(zeros, entry.digest.n);
	ck_rc_is(ima_check_boot_aggregate(&entry, NULL, hasher, &e),
	    ERR_IMA_BOOT_AGGREGATE);
	entry = good;
	entry.path = span_str("/init");
	ck_rc_is(ima_check_boot_aggregate(&entry, &values, hasher, &e),
	    ERR_IMA_BOOT_AGGREGATE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("replay/ima");
	TCase *t = tcase_create("ima");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_boot);
	tcase_add_test(t, kexec);
	tcase_add_test(t, old_padding);
	tcase_add_loop_test(t, halves, 0, 4);
	tcase_add_test(t, prefixes);
	tcase_add_test(t, flips);
	tcase_add_loop_test(
	    t, negative, 0, (int)(sizeof(negatives) / sizeof(*negatives)));
	tcase_add_test(t, another_pcr_alone);
	tcase_add_test(t, buf_digest);
	tcase_add_test(t, sink_stops);
	tcase_add_test(t, sink_sees_what_is_attested);
	tcase_add_loop_test(t, boot_aggregate, 0,
	    (int)(sizeof(aggregates) / sizeof(*aggregates)));
	suite_add_tcase(s, t);
	return tap_run(s);
}
