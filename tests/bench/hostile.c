/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_log: judge a log of the largest size that is accepted, made to be
 * slow; beside hashing its bytes once in each of its banks. Of the shapes, the
 * one with the worst ratio is the row.
 */
#include "bench/bench.h"

#include "appraise/learn.h"
#include "bench/bare.h"
#include "lib/tap.h"

enum { ARENA = 512 << 20, OVERHEAD = 12 };

struct shape {
	uint32_t pcr, type;
	size_t banks;  /* the first of these */
	size_t data;   /* bytes of an event; 0: as few as fill the log */
	bool variable; /* the data is a variable with a name of no length */
};

static const struct hash_alg *
bank(size_t i)
{
	static const uint16_t ids[] = {
	    ALG_SHA256, ALG_SHA1, ALG_SHA384, ALG_SHA512};

	return hash_by_id(ids[i]);
}

struct subject {
	struct arena arena; /* of one repetition */
	struct hasher *hasher;
	struct bare *bare;
	struct policy *policy;
	struct pcr_selections quoted;
	struct buf log;
	size_t banks;
};

/* --- the log -------------------------------------------------------------- */

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8) {
		char c = (char)(v & 0xff);
		buf_put(b, &c, 1);
	}
}

static void
put_fill(struct buf *b, uint8_t byte, size_t n)
{
	char c = (char)byte;

	while (n--)
		buf_put(b, &c, 1);
}

static void
put_head(struct buf *b, size_t banks)
{
	put_le(b, 0, 4);
	put_le(b, EV_NO_ACTION, 4);
	put_fill(b, 0, 20);
	put_le(b, 16 + 4 + 4 + 4 + 4 * banks + 1, 4);
	buf_put(b, "Spec ID Event03", 16);
	put_le(b, 0, 4);
	buf_put(b, "\0\2\0\2", 4);
	put_le(b, banks, 4);
	for (size_t i = 0; i < banks; i++) {
		put_le(b, bank(i)->id, 2);
		put_le(b, bank(i)->size, 2);
	}
	put_le(b, 0, 1);
}

static void
put_event(struct buf *b, const struct shape *s, size_t data, uint32_t n)
{
	put_le(b, s->pcr, 4);
	put_le(b, s->type, 4);
	put_le(b, s->banks, 4);
	for (size_t i = 0; i < s->banks; i++) {
		put_le(b, bank(i)->id, 2);
		put_le(b, n, 4);
		put_fill(b, 0x5a, bank(i)->size - 4);
	}
	put_le(b, data, 4);
	if (s->variable) {
		put_fill(b, 0x11, 16);
		put_le(b, 0, 8);
		put_le(b, data - 32, 8);
		data -= 32;
	}
	put_fill(b, 0x41, data);
}

static void
make_log(struct subject *s, const struct shape *shape)
{
	size_t head = 16;
	size_t data = shape->data;

	for (size_t i = 0; i < shape->banks; i++)
		head += 2 + bank(i)->size;
	if (data == 0) {
		size_t each = LIMIT_EVENTLOG / LIMIT_EVENTS;
		data = each > head + 1 ? each - head : 1;
	}
	s->log.n = 0;
	s->banks = shape->banks;
	put_head(&s->log, shape->banks);
	size_t n = (LIMIT_EVENTLOG - s->log.n) / (head + data);
	for (size_t i = 0; i < n && i + 1 < LIMIT_EVENTS; i++)
		put_event(&s->log, shape, data, (uint32_t)i);
}

/* --- both sides ----------------------------------------------------------- */

static rc
judge(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct boot_replay replay;
	struct evlog log;
	struct boot_facts f = {.log = &log,
	    .replay = &replay,
	    .quoted = &s->quoted,
	    .values = &replay.banks,
	    .hasher = s->hasher};
	struct verdict *v;

	arena_reset(&s->arena);
	v = arena_alloc(&s->arena, sizeof(*v));
	TRY(evlog_decode(buf_span(&s->log), &s->arena, &log, e));
	TRY(boot_replay(&log, NULL, s->hasher, &s->arena, &replay, e));
	verdict_init(v, &s->arena);
	TRY(policy_eval_boot(s->policy, &f, v, e));
	verdict_fold(v);
	return RC_OK;
}

static rc
hash_bytes(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	uint8_t out[HASH_MAX];
	struct span none = {NULL, 0};

	for (size_t i = 0; i < s->banks; i++)
		if (!bare_hash(
			s->bare, bank(i)->id, buf_span(&s->log), none, out))
			return err_at(e, ERR_CRYPTO, NULL, "%s", "hostile");
	return RC_OK;
}

static rc
learn(struct subject *s, struct err *e)
{
	struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct golden g = {.source = "golden"};
	struct boot_replay replay;
	struct buf out = {0};
	struct evlog log;

	TRY(evlog_decode(
	    tap_file(&s->arena, "/tests/vectors/vm/boots/grub-sb-golden/"
				"eventlog.bin"),
	    &s->arena, &log, e));
	TRY(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,11,14"), &s->quoted, e));
	TRY(boot_replay(&log, NULL, s->hasher, &s->arena, &replay, e));
	g.boot = (struct boot_facts){.log = &log,
	    .replay = &replay,
	    .quoted = &s->quoted,
	    .values = &replay.banks,
	    .hasher = s->hasher};
	TRY(policy_learn(&g, 1, &o, &s->arena, &out, &notes, e));
	rc r = policy_decode(buf_span(&out), &s->policy, e);
	buf_free(&out);
	return r;
}

static rc
worst(struct subject *s, struct measured *out, struct err *e)
{
	/* A variable may be hashed in two ways, and both are tried. */
	static const struct shape shapes[] = {
	    {1, EV_EFI_VARIABLE_BOOT, 1, 0, true},
	    {4, EV_SEPARATOR, 1, 0, false},
	    {8, EV_IPL, 1, 0, false},
	    {7, EV_EFI_VARIABLE_DRIVER_CONFIG, 1, 0, true},
	    {1, EV_EFI_VARIABLE_BOOT, 4, 0, true},
	    {1, EV_EFI_VARIABLE_BOOT, 1, 64 << 10, true},
	};
	struct bench_work ours = {judge, s}, floor = {hash_bytes, s};
	struct measured m = {0};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		make_log(s, &shapes[i]);
		if (s->log.failed)
			return err_at(e, ERR_MEMORY, NULL, "%s", "hostile");
		TRY(bench_pairs(&ours, &floor, &m, e));
		if (m.ratio > out->ratio)
			*out = m;
	}
	return RC_OK;
}

static rc
run(struct measured *out, struct err *e)
{
	struct subject s = {.hasher = hasher_new(), .bare = bare_new()};
	rc r = {ERR_CRYPTO};

	arena_init(&s.arena, ARENA);
	if (s.hasher && s.bare)
		r = learn(&s, e);
	if (rc_ok(r))
		r = worst(&s, out, e);
	buf_free(&s.log);
	policy_unref(s.policy);
	hasher_free(s.hasher);
	bare_free(s.bare);
	arena_free(&s.arena);
	return r;
}

const struct bench_row row_hostile_log = {"hostile_log", "us",
    "judge a log of 16 MiB made to be slow, beside hashing its bytes",
    RATIO_AT_MOST, 3.0, run};
