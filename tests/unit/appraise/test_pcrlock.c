/* SPDX-License-Identifier: Apache-2.0 */
/* Components of systemd-pcrlock become rules: by hand, and made from the
 * events of a recorded boot, which then passes by them alone. */
#include "appraise/import.h"
#include "appraise/rules.h"
#include "base/text.h"
#include "decode/uefi.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "3333333333333333333333333333333333333333333333333333333333333333"
#define ZERO "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"
#define RECORD(pcr, d)                                                         \
	"{\"pcr\":" pcr ",\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":"    \
	"\"" d "\"}]}"
#define FILE_OF(records) "{\"records\":[" records "]}"

static const char plain[] =
    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,7,9,11]},"
    "\"boot\":{\"4\":{\"opaque\":\"x\"},\"7\":{\"opaque\":\"x\"},"
    "\"9\":{\"values\":[{\"sha256\":\"" D1 "\"}]},"
    "\"11\":{\"opaque\":\"x\"}}}";

static struct arena arena;
static struct hasher *hasher;
static struct import im;
static struct buf out;

static void
setup(void)
{
	arena_init(&arena, (size_t)256 << 20);
	hasher = hasher_new();
	out = (struct buf){0};
	ck_rc_ok(import_begin(&im, span_str(plain), &arena, hasher, NULL));
}

static void
teardown(void)
{
	json_free(im.doc);
	buf_free(&out);
	hasher_free(hasher);
	arena_free(&arena);
}

static void
again(const char *policy)
{
	json_free(im.doc);
	ck_rc_ok(import_begin(&im, span_str(policy), &arena, hasher, NULL));
}

static rc
add(const char *component, const char *variant, const char *file)
{
	return import_pcrlock_add(
	    &im, component, variant, span_str(file), NULL);
}

static const char *
printed(void)
{
	buf_free(&out);
	out = (struct buf){0};
	ck_rc_ok(import_end(&im, &out, NULL));
	return out.p;
}

/* A member of the result as canonical text. */
static const char *
rule_of(const char *member, const char *key)
{
	JSON_AUTO doc = NULL;
	struct buf text = {0};

	ck_rc_ok(json_decode(span_str(printed()), LIMIT_POLICY, &doc, NULL));
	const json_t *v = json_object_get(json_object_get(doc, member), key);
	if (!v)
		return "";
	ck_assert(canonical_value(v, &text));
	const char *own = arena_printf(&arena, "%s", text.p);
	buf_free(&text);
	return own;
}

static bool
noted(const char *words)
{
	for (const struct learn_note *n = im.notes; n; n = n->next)
		if (strstr(n->text, words))
			return true;
	return false;
}

#define ACCEPT(d, from) "{\"sha256\":\"" d "\",\"source\":\"" from "\"}"
#define ANY(d, from) "{\"accept\":[" ACCEPT(d, from) "],\"type\":\"*\"}"
#define PCR_RULE(events)                                                       \
	"{\"events\":[" events "],\"source\":\"systemd-pcrlock\"}"

/* Components by name, variants as alternatives: of one event, of sequences, of
 * none; what is the same twice stands once. */
START_TEST(forms)
{
	ck_rc_ok(add("630-kernel", "b.pcrlock",
	    FILE_OF(RECORD("4", D2) "," RECORD("4", D3))));
	ck_rc_ok(add("630-kernel", "a.pcrlock", FILE_OF(RECORD("4", D1))));
	ck_rc_ok(add("620-loader", "y", FILE_OF(RECORD("4", D2))));
	ck_rc_ok(add("620-loader", "x", FILE_OF(RECORD("4", D1))));
	ck_rc_ok(add("620-loader", "z", FILE_OF(RECORD("4", D1))));
	ck_rc_ok(add("100-first", "f", FILE_OF(RECORD("4", D3))));
	ck_rc_ok(add("640-last", "none", FILE_OF("")));
	ck_rc_ok(add("640-last", "some", FILE_OF(RECORD("4", D3))));
	ck_assert_str_eq(rule_of("boot", "4"),
	    PCR_RULE(ANY(D3, "100-first/f") ",{\"accept\":[" ACCEPT(
		D1, "620-loader/x") "," ACCEPT(D2,
		"620-loader/y") "],\"type\":\"*\"},{\"any\":[[" ANY(D1,
		"630-kernel/a.pcrlock") "],[" ANY(D2,
		"630-kernel/b.pcrlock") "," ANY(D3,
		"630-kernel/b.pcrlock") "]]},{\"accept\":[" ACCEPT(D3,
		"640-last/some") "],\"optional\":true,\"type\":\"*\"}"));
	/* The same again replaces itself. */
	ck_assert_str_eq(rule_of("boot", "7"), "{\"opaque\":\"x\"}");
	ck_assert_ptr_null(im.notes);
	const char *first = arena_printf(&arena, "%s", printed());
	ck_assert_str_eq(printed(), first);
}
END_TEST

/* The place in PCR 7 says what a record is, and some digests do. */
START_TEST(types)
{
	ck_rc_ok(add("240-policy", "f", FILE_OF(RECORD("7", D1))));
	ck_rc_ok(add("400-separator", "0",
	    FILE_OF(RECORD("7", ZERO) "," RECORD("4", ZERO))));
	ck_rc_ok(add("620-authority", "f", FILE_OF(RECORD("7", D2))));
	ck_assert_str_eq(rule_of("boot", "7"),
	    PCR_RULE("{\"accept\":[" ACCEPT(D1,
		"240-policy/f") "],\"type\":\"EV_EFI_VARIABLE_DRIVER_"
				"CONFIG\"},"
				"{\"accept\":[" ACCEPT(ZERO,
				    "400-separator/0") "],\"type\":\"EV_"
						       "SEPARATOR\"},"
						       "{\"accept\":[" ACCEPT(
							   D2, "620-authority/"
							       "f") "],"
								    "\"type\":"
								    "\"EV_EFI_"
								    "VARIABLE_"
								    "AUTHORITY"
								    "\"}"));
	ck_assert_ptr_nonnull(strstr(rule_of("boot", "4"), "EV_SEPARATOR"));
}
END_TEST

static const char *
record_of(const char *pcr, const char *word)
{
	uint8_t d[32];
	char hex[65];

	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_str(word), d));
	hex_emit(span_of(d, 32), hex);
	return arena_printf(&arena,
	    "{\"pcr\":%s,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":"
	    "\"%s\"}]}",
	    pcr, hex);
}

static const char *
file_of(const char *a, const char *b)
{
	return arena_printf(
	    &arena, "{\"records\":[%s%s%s]}", a, *b ? "," : "", b);
}

START_TEST(running_system)
{
	ck_rc_ok(add("750-enter-initrd", "f",
	    file_of(record_of("11", "enter-initrd"), "")));
	ck_rc_ok(add("800-leave-initrd", "absent", FILE_OF("")));
	ck_rc_ok(add("800-leave-initrd", "present",
	    file_of(record_of("11", "leave-initrd"), "")));
	ck_rc_ok(
	    add("950-shutdown", "f", file_of(record_of("11", "shutdown"), "")));
	ck_rc_ok(add("820-machine-id", "f", FILE_OF(RECORD("15", D1))));
	ck_rc_ok(add("650-uki", "f", FILE_OF(RECORD("11", D2))));
	ck_rc_ok(add("750-os-separator", "f",
	    file_of(record_of("4", "os-separator"),
		record_of("7", "os-separator"))));
	ck_assert_str_eq(rule_of("userspace", "phases"),
	    "[{\"phase\":\"enter-initrd\",\"source\":\"systemd-pcrlock\"},"
	    "{\"optional\":true,\"phase\":\"leave-initrd\",\"source\":"
	    "\"systemd-pcrlock\"}]");
	ck_assert_str_eq(rule_of("userspace", "os_separator"), "\"allowed\"");
	ck_assert_str_eq(rule_of("boot", "11"), PCR_RULE(ANY(D2, "650-uki/f")));
	ck_assert_str_eq(rule_of("boot", "4"), "{\"opaque\":\"x\"}");
	ck_assert(noted("820-machine-id: PCR 15 is not translated"));
	ck_assert(noted("950-shutdown: not translated"));
}
END_TEST

START_TEST(every_separator)
{
	const char *all = "";

	for (int pcr = 0; pcr < 8; pcr++)
		all = arena_printf(&arena, "%s%s%s", all, *all ? "," : "",
		    record_of(arena_printf(&arena, "%d", pcr), "os-separator"));
	ck_rc_ok(add("750-os-separator", "f", file_of(all, "")));
	ck_assert_str_eq(rule_of("userspace", "os_separator"), "\"required\"");
}
END_TEST

/* What cannot be translated is said, and what was there stays. */
START_TEST(others_stay)
{
	ck_rc_ok(add("1", "f", FILE_OF(RECORD("9", D2) "," RECORD("5", D2))));
	ck_rc_ok(add("2", "f",
	    "{\"records\":[{\"pcr\":7,\"digests\":[{\"hashAlg\":\"sha1\","
	    "\"digest\":\"1111111111111111111111111111111111111111\"},"
	    "{\"hashAlg\":\"md5\",\"digest\":\"00\"}]}]}"));
	ck_rc_ok(add("3", "f", FILE_OF(RECORD("4", D1))));
	ck_rc_ok(add("3", "f", FILE_OF(RECORD("4", D2))));
	ck_rc_ok(add("800", "f",
	    "{\"records\":[{\"pcr\":11,\"digests\":[{\"hashAlg\":\"md5\","
	    "\"digest\":\"00\"}]}]}"));
	const char *four = rule_of("boot", "4");
	ck_assert_str_eq(four, PCR_RULE(ANY(D1, "3/f")));
	ck_assert(noted("3: f is there twice"));
	ck_assert(noted("PCR 9 is not translated: the policy has other rules"));
	ck_assert(noted("PCR 5 is not translated: the policy does not"));
	ck_assert(noted("PCR 7 is not translated: 2/f lacks a digest"));
	ck_assert(noted("digests of hashes that no bank has"));
	ck_assert(noted("800: PCR 11 is not translated"));
	ck_assert_str_eq(rule_of("boot", "7"), "{\"opaque\":\"x\"}");

	/* Of an earlier import, with nothing there now. */
	const char *before = arena_printf(&arena, "%s", printed());
	im.pcrlock = NULL;
	again(before);
	ck_rc_ok(add("3", "f", FILE_OF(RECORD("11", D1))));
	ck_assert_str_eq(rule_of("boot", "4"), four);
	ck_assert(noted("PCR 4 is not translated: no component"));
}
END_TEST

static const char *const bad[] = {
    "",
    "[]",
    "{}",
    "{\"records\":{}}",
    "{\"records\":[1]}",
    "{\"records\":[{\"pcr\":24,\"digests\":[]}]}",
    "{\"records\":[{\"pcr\":-1,\"digests\":[]}]}",
    "{\"records\":[{\"pcr\":\"4\",\"digests\":[]}]}",
    "{\"records\":[{\"digests\":[]}]}",
    "{\"records\":[{\"pcr\":4}]}",
    "{\"records\":[{\"pcr\":4,\"digests\":[]}]}",
    "{\"records\":[{\"pcr\":4,\"digests\":[{}]}]}",
    "{\"records\":[{\"pcr\":4,\"digests\":[{\"hashAlg\":\"sha256\"}]}]}",
    "{\"records\":[{\"pcr\":4,\"digests\":[{\"hashAlg\":\"sha256\","
    "\"digest\":\"00\"}]}]}",
    "{\"records\":[{\"pcr\":4,\"digests\":[{\"hashAlg\":\"sha256\","
    "\"digest\":\"" D1 "\"},{\"hashAlg\":\"sha256\",\"digest\":\"" D1 "\"}]}]}",
};

START_TEST(hostile)
{
	static const char good[] = FILE_OF(RECORD("4", D1));

	ck_rc_is(add("1", "f", bad[_i]), ERR_IMPORT_FORMAT);
	for (size_t n = 0; n + 1 < sizeof(good); n++)
		ck_rc_is(
		    import_pcrlock_add(&im, "1", "f", span_of(good, n), NULL),
		    ERR_IMPORT_FORMAT);
	ck_rc_ok(add("1", "f", good));
}
END_TEST

/* --- a recorded boot ------------------------------------------------------ */

static struct evlog golden;

/* Records of the events from one place of their PCR to another: 0 before the
 * separator, 1 behind it. */
static const char *
records_of(int behind, bool last_two_of_5)
{
	bool seen[LIMIT_PCRS] = {false};
	size_t left = 0;
	struct buf b = {0};

	for (size_t i = 0; i < golden.events_n; i++)
		left += golden.events[i].pcr == 5;
	buf_puts(&b, "{\"records\":[");
	for (size_t i = 0; i < golden.events_n; i++) {
		const struct evlog_event *ev = &golden.events[i];
		char hex[65];
		bool before = !seen[ev->pcr] && ev->pcr < 8;
		bool tail = ev->pcr == 5 && left <= 2;
		left -= ev->pcr == 5;
		if (!evlog_extended(ev) || ev->pcr > 14)
			continue;
		if (ev->type == EV_SEPARATOR && before) {
			seen[ev->pcr] = true;
			continue;
		}
		if (before == (behind == 1) || tail != last_two_of_5)
			continue;
		int at = evlog_alg_index(&golden, ALG_SHA256);
		hex_emit(span_of(ev->digests[at], 32), hex);
		buf_printf(&b,
		    "%s{\"pcr\":%u,\"digests\":[{\"hashAlg\":\"sha256\","
		    "\"digest\":\"%s\"}]}",
		    b.p[b.n - 1] == '[' ? "" : ",", ev->pcr, hex);
	}
	buf_puts(&b, "]}");
	const char *own = arena_printf(&arena, "%s", b.p);
	buf_free(&b);
	return own;
}

static const char *
separators(const char *word, size_t n)
{
	struct buf b = {0};
	uint8_t d[32];
	char hex[65];

	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_of(word, n), d));
	hex_emit(span_of(d, 32), hex);
	for (int pcr = 0; pcr < 8; pcr++)
		buf_printf(&b,
		    "%s{\"pcr\":%d,\"digests\":[{\"hashAlg\":\"sha256\","
		    "\"digest\":\"%s\"}]}",
		    pcr ? "," : "{\"records\":[", pcr, hex);
	buf_puts(&b, "]}");
	const char *own = arena_printf(&arena, "%s", b.p);
	buf_free(&b);
	return own;
}

static enum check_state
judge(const struct policy *p, struct verdict *v)
{
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct pcr_selections quoted;

	ck_assert_ptr_nonnull(replay);
	ck_rc_ok(boot_replay(&golden, NULL, hasher, &arena, replay, NULL));
	ck_rc_ok(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,14"), &quoted, NULL));
	struct boot_facts f = {.log = &golden,
	    .replay = replay,
	    .quoted = &quoted,
	    .hasher = hasher,
	    .values = &replay->banks};
	verdict_init(v, &arena);
	ck_rc_ok(policy_eval_boot(p, &f, v, NULL));
	return v->checks[CHECK_POLICY_BOOT];
}

static struct policy *
import_boot(void)
{
	struct policy *p = NULL;
	const char *doc = "";

	for (int pcr = 0; pcr < 15; pcr++)
		if (pcr < 10 || pcr == 14)
			doc = arena_printf(&arena,
			    "%s%s\"%d\":{\"opaque\":"
			    "\"x\"}",
			    doc, *doc ? "," : "", pcr);
	again(arena_printf(&arena,
	    "{\"akashi_policy\":1,\"name\":\"lock\",\"secure_boot\":{"
	    "\"required\":true},\"pcrs\":{\"sha256\":"
	    "[0,1,2,3,4,5,6,7,8,9,14]},\"boot\":{%s}}",
	    doc));
	ck_rc_ok(add("250-early", "f", records_of(0, false)));
	ck_rc_ok(add("500-separator", "0", separators("\0\0\0\0", 4)));
	ck_rc_ok(add("500-separator", "f", separators("\xff\xff\xff\xff", 4)));
	ck_rc_ok(add("600-late", "real", records_of(1, false)));
	ck_rc_ok(add("600-late", "other",
	    FILE_OF(RECORD("4", D1) "," RECORD("4", D2) "," RECORD("8", D1))));
	ck_rc_ok(add("700-exit", "present", records_of(1, true)));
	ck_rc_ok(add("700-exit", "absent", FILE_OF("")));
	ck_rc_ok(policy_decode(span_str(printed()), &p, NULL));
	return p;
}

START_TEST(recorded_boot)
{
	struct verdict v;

	ck_rc_ok(evlog_decode(
	    tap_file(
		&arena, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin"),
	    &arena, &golden, NULL));
	struct policy *p = import_boot();
	ck_assert_int_eq(judge(p, &v), CHECK_PASSED);
	ck_assert_uint_eq(v.reasons_n, 0);
	for (unsigned k = 0; k < 15; k++)
		if (k < 10 || k == 14)
			ck_assert_int_eq(p->pcr[k].kind, PCR_EVENTS);

	/* Each event counts. */
	size_t counted = 0;
	for (size_t i = 0; i < golden.events_n; i++) {
		struct evlog_event *ev = &golden.events[i];
		uint8_t other[32] = {1};
		int at = evlog_alg_index(&golden, ALG_SHA256);
		if (!evlog_extended(ev) || ev->pcr > 14)
			continue;
		const uint8_t **digests =
		    arena_array(&arena, golden.algs_n, sizeof(*digests));
		const uint8_t **was = ev->digests;
		for (size_t k = 0; k < golden.algs_n; k++)
			digests[k] = was[k];
		digests[at] = other;
		ev->digests = digests;
		ck_assert_int_eq(judge(p, &v), CHECK_FAILED);
		ev->digests = was;
		counted++;
	}
	ck_assert_uint_gt(counted, 30);
	ck_assert_int_eq(judge(p, &v), CHECK_PASSED);
	policy_unref(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pcrlock");
	TCase *t = tcase_create("pcrlock");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, forms);
	tcase_add_test(t, types);
	tcase_add_test(t, running_system);
	tcase_add_test(t, every_separator);
	tcase_add_test(t, others_stay);
	tcase_add_loop_test(t, hostile, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, recorded_boot);
	suite_add_tcase(s, t);
	return tap_run(s);
}
