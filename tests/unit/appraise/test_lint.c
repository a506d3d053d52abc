/* SPDX-License-Identifier: Apache-2.0 */
/* Each question about a policy is asked where it should be, and not where
 * what it is about has been put right. */
#include "appraise/lint.h"
#include "base/clock.h"
#include "base/text.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define S1 "1111111111111111111111111111111111111111"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
/* A PCR with a separator alone. */
#define SEPARATOR                                                              \
	"3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"
#define ERROR_SEPARATOR                                                        \
	"67abdd721024f0ff4e0b3f4c2fc13bc5bad42d0b7851d456d88d203d15aaa450"
#define DEBUG "a62bd67b2cc295976651b354468c0047f8d1547d25056ded5952aaf5991762a3"
#define NO_DMA                                                                 \
	"019537eeff4f1858181e09d26faa59a5ad3a9d8eef3d1bbbb35288e0e16d656c"
/* The variable SecureBoot with 00. */
#define SB_OFF                                                                 \
	"115aa827dbccfb44d216ad9ecfda56bdea620b860a94bed5b7a27bba1c4d02d8"
#define VALUE(d) "{\"sha256\":\"" d "\"}"
#define HEAD(pcrs, boot)                                                       \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{" pcrs                  \
	"},\"boot\":{" boot "}"
#define SOURCE ",\"source\":\"golden\""
#define WITH(members)                                                          \
	HEAD("\"sha256\":[4]", "\"4\":{\"values\":[" VALUE(D1) "]" SOURCE "}") \
	"," members "}"
#define PCR(n, rule)                                                           \
	HEAD("\"sha256\":[" n "]", "\"" n "\":{" rule SOURCE "}") "}"
#define PCR_SB(n, rule)                                                        \
	HEAD("\"sha256\":[" n "]", "\"" n "\":{" rule SOURCE "}")              \
	",\"secure_boot\":{\"required\":true}}"
#define EVENT(d) "{\"type\":\"EV_IPL\",\"accept\":[" VALUE(d) "]}"
#define MAYBE                                                                  \
	"{\"type\":\"EV_IPL\",\"optional\":true,\"accept\":[" VALUE(D1) "]}"
#define TWO "{\"type\":\"EV_IPL\",\"accept\":[" VALUE(D1) "," VALUE(D2) "]}"
#define OF_ANY(d) "{\"type\":\"*\",\"accept\":[" VALUE(d) "]}"
#define ANY(members) PCR("4", "\"events\":[{\"any\":" members "}]")
/* Of no bytes at all. */
#define NOTHING                                                                \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WAIVER(code, more)                                                     \
	"\"waivers\":[{\"code\":\"" code "\"," more                            \
	"\"owner\":\"a\",\"approver\":\"b\",\"reason\":\"r\","                 \
	"\"expires\":\"2026-12-21T00:00:00Z\"}]"
#define LINE(members)                                                          \
	HEAD("\"sha256\":[4,8]",                                               \
	    "\"4\":{\"values\":[" VALUE(D1) "]" SOURCE                         \
					    "},\"8\":{\"opaque\":\"x\"}")      \
	",\"cmdline\":{" members "}}"
#define TOKENS(list) LINE("\"tokens\":[" list "]")
#define UKI(sections)                                                          \
	HEAD("\"sha256\":[4,11]", "\"4\":{\"values\":[" VALUE(D1) "]}")        \
	",\"uki\":{\"sections\":{" sections "}}}"
#define IMA(members)                                                           \
	HEAD("\"sha256\":[4,10]",                                              \
	    "\"4\":{\"values\":[" VALUE(D1) "]" SOURCE "}")                    \
	",\"ima\":{" members "}}"
#define ALLOW "\"allow\":[{\"files\":[\"sha256:" D1 " /srv/data/tool\"]}]"

static const struct {
	const char *asks, *json;  /* with the question */
	const char *without_json; /* and without it */
} cases[] = {
    {"broad.mode_observe", WITH("\"mode\":\"observe\""),
	WITH("\"mode\":\"enforce\"")},
    {"broad.mode_warn", WITH("\"mode\":\"warn\""),
	WITH("\"mode\":\"observe\"")},
    {"dead.severity", WITH("\"severity\":{\"boot.pcr\":\"fail\"}"),
	WITH("\"severity\":{\"boot.pcr\":\"warn\"}")},
    {"broad.severity_info", WITH("\"severity\":{\"boot.pcr\":\"info\"}"),
	WITH("\"severity\":{\"boot.pcr\":\"warn\"}")},
    {"dead.waiver\"", WITH(WAIVER("ima.unknown_file", "")),
	WITH(WAIVER("boot.pcr", ""))},
    {"dead.waiver\"",
	WITH("\"severity\":{\"boot.pcr\":\"warn\"}," WAIVER("boot.pcr", "")),
	WITH(WAIVER("boot.pcr", ""))},
    {"broad.waiver_all", WITH(WAIVER("boot.pcr", "")),
	WITH(WAIVER("boot.pcr", "\"pcr\":4,"))},
    {"broad.waiver_glob", IMA(ALLOW) /* replaced below */, IMA(ALLOW)},
    {"contradiction.log_type",
	HEAD("\"sha256\":[4]",
	    "\"4\":{\"events\":[{\"type\":33793,\"accept\":[" VALUE(
		D1) "]}]}") ",\"log\":{\"exceptions\":[]}}",
	HEAD("\"sha256\":[4]",
	    "\"4\":{\"events\":[{\"type\":33793,\"accept\":[" VALUE(
		D1) "]}]"
		    "}") "}"},
    {"contradiction.sha1_only",
	HEAD("\"sha1\":[4]", "\"4\":{\"values\":[{\"sha1\":\"" S1 "\"}]}") "}",
	WITH("\"source\":\"x\"")},
    {"unjudged.pcr0", PCR("4", "\"values\":[" VALUE(D1) "]"),
	PCR("0", "\"values\":[" VALUE(D1) "]")},
    {"unjudged.pcr4", PCR("0", "\"values\":[" VALUE(D1) "]"),
	PCR("4", "\"values\":[" VALUE(D1) "]")},
    {"unjudged.pcr7", PCR("4", "\"values\":[" VALUE(D1) "]"),
	PCR("7", "\"values\":[" VALUE(D1) "]")},
    {"unjudged.opaque",
	HEAD("\"sha256\":[4,9]",
	    "\"4\":{\"values\":[" VALUE(D1) "]},\"9\":{\"opaque\":\"x\"}") "}",
	WITH("\"source\":\"x\"")},
    {"source.missing",
	HEAD("\"sha256\":[4]", "\"4\":{\"values\":[" VALUE(D1) "]}") "}",
	PCR("4", "\"values\":[" VALUE(D1) "]")},
    {"source.missing",
	HEAD("\"sha256\":[4]", "\"4\":{\"events\":[" EVENT(D1) "]}") "}",
	PCR("4", "\"events\":[" EVENT(D1) "]")},
    {"dead.event",
	PCR("4", "\"events\":[{\"repeat\":true,\"type\":\"EV_IPL\","
		 "\"accept\":[" VALUE(D1) "]}," EVENT(D1) "]"),
	PCR("4", "\"events\":[{\"repeat\":true,\"type\":\"EV_IPL\","
		 "\"accept\":[" VALUE(D1) "]}," EVENT(D2) "]")},
    {"dead.value", PCR("4", "\"values\":[" VALUE(D1) "," VALUE(D1) "]"),
	PCR("4", "\"values\":[" VALUE(D1) "," VALUE(D2) "]")},
    {"broad.optional",
	PCR("4", "\"events\":[{\"optional\":true,\"type\":\"EV_IPL\","
		 "\"accept\":[" VALUE(D1) "]}]"),
	PCR("4", "\"events\":[" EVENT(D1) "]")},
    {"dead.group", ANY("[[" EVENT(D1) "]]"),
	ANY("[[" EVENT(D1) "]],"
			   "\"optional\":true")},
    {"dead.sequence",
	ANY("[[" EVENT(D1) "," EVENT(D2) "],[" EVENT(D1) "," EVENT(D2) "]]"),
	ANY("[[" EVENT(D1) "," EVENT(D2) "],[" EVENT(D2) "," EVENT(D1) "]]")},
    {"broad.sequence", ANY("[[" EVENT(D1) "],[" MAYBE "," MAYBE "]]"),
	ANY("[[" EVENT(D1) "],[" MAYBE "," EVENT(D2) "]]")},
    {"broad.optional", ANY("[[" EVENT(D1) "],[" MAYBE "," MAYBE "]]"),
	ANY("[[" EVENT(D1) "],[" MAYBE "," EVENT(D2) "]]")},
    {"broad.optional", ANY("[[" EVENT(D1) "]],\"optional\":true"),
	ANY("[[" EVENT(D1) "],[" EVENT(D2) "]]")},
    {"broad.mixed", PCR("9", "\"events\":[" TWO "," TWO "]"),
	PCR("1", "\"events\":[" TWO "," TWO "]")},
    {"broad.mixed", PCR("4", "\"events\":[" TWO "," TWO "," EVENT(D1) "]"),
	PCR("4", "\"events\":[" TWO "," EVENT(D1) "," TWO "]")},
    {"broad.mixed", ANY("[[" TWO "," TWO "]],\"optional\":true"),
	ANY("[[" EVENT(D1) "," EVENT(D1) "],[" EVENT(D2) "," EVENT(D2) "]]")},
    {"broad.any_type", PCR("4", "\"events\":[" OF_ANY(NOTHING) "]"),
	PCR("4", "\"events\":[" EVENT(NOTHING) "," OF_ANY(D1) "]")},
    {"golden.secure_boot_off", PCR("7", "\"events\":[" EVENT(SB_OFF) "]"),
	PCR("7", "\"events\":[" EVENT(D1) "]")},
    {"contradiction.secure_boot", PCR_SB("7", "\"events\":[" EVENT(SB_OFF) "]"),
	PCR("7", "\"events\":[" EVENT(SB_OFF) "]")},
    {"golden.debug", PCR("7", "\"events\":[" EVENT(DEBUG) "]"),
	PCR("7", "\"events\":[" EVENT(D1) "]")},
    {"golden.debug", PCR("7", "\"events\":[" EVENT(NO_DMA) "]"),
	PCR("7", "\"events\":[" EVENT(D1) "]")},
    {"golden.error", PCR("4", "\"events\":[" EVENT(ERROR_SEPARATOR) "]"),
	PCR("4", "\"events\":[" EVENT(D1) "]")},
    {"golden.unmeasured", PCR("4", "\"values\":[" VALUE(ZERO) "]"),
	PCR("4", "\"values\":[" VALUE(SEPARATOR) "]")},
    {"golden.unmeasured", PCR("0", "\"values\":[" VALUE(SEPARATOR) "]"),
	PCR("0", "\"values\":[" VALUE(D1) "]")},
    {"unjudged.cmdline", TOKENS("{\"name\":\"a\"}"), WITH("\"source\":\"x\"")},
    {"broad.cmdline_others",
	LINE("\"others\":\"pass\",\"tokens\":[{\"name\":\"a\"}]"),
	TOKENS("{\"name\":\"a\"}")},
    {"broad.cmdline_glob", TOKENS("{\"name\":\"a\",\"globs\":[\"**\"]}"),
	TOKENS("{\"name\":\"a\",\"globs\":[\"tty*\"]}")},
    {"broad.cmdline_power", TOKENS("{\"name\":\"init\"}"),
	TOKENS("{\"name\":\"init\",\"values\":[\"/sbin/init\"]}")},
    {"broad.cmdline_power", TOKENS("{\"name\":\"ima-appraise\"}"),
	TOKENS("{\"name\":\"ima-appraise\",\"forbidden\":true}")},
    {"dead.cmdline_value",
	TOKENS("{\"name\":\"a\",\"globs\":[\"t*\"],\"values\":[\"tty\"]}"),
	TOKENS("{\"name\":\"a\",\"globs\":[\"t*\"],\"values\":[\"x\"]}")},
    {"contradiction.cmdline_line",
	LINE("\"tokens\":[{\"name\":\"a\"}],\"lines\":[{\"text\":\"a b\"}]"),
	LINE("\"tokens\":[{\"name\":\"a\"}],\"lines\":[{\"text\":\"a\"}]")},
    {"contradiction.cmdline_line",
	LINE("\"tokens\":[{\"name\":\"a\",\"required\":true},{\"name\":\"b\"}]"
	     ",\"lines\":[{\"text\":\"b\"}]"),
	LINE("\"tokens\":[{\"name\":\"a\",\"required\":true}]"
	     ",\"lines\":[{\"text\":\"BOOT_IMAGE=/x a\"}]")},
    {"broad.uki_section", UKI("\".linux\":{},\".cmdline\":{\"optional\":true}"),
	WITH("\"source\":\"x\"")},
    {"unjudged.uki_addons",
	UKI("\".linux\":{},\".cmdline\":{\"optional\":true}"),
	WITH("\"source\":\"x\"")},
    {"unjudged.ima", WITH("\"source\":\"x\""), IMA(ALLOW)},
    {"broad.ima_violations", IMA("\"violations\":\"warn\"," ALLOW), IMA(ALLOW)},
    {"broad.ima_weak", IMA("\"weak_digests\":\"warn\"," ALLOW), IMA(ALLOW)},
    {"broad.ima_exclude", IMA("\"exclude\":[{\"glob\":\"/usr/**\"}]," ALLOW),
	IMA("\"exclude\":[{\"glob\":\"/var/log/*\"}]," ALLOW)},
    {"dead.ima_allow", IMA("\"exclude\":[{\"glob\":\"/srv/**\"}]," ALLOW),
	IMA("\"exclude\":[{\"glob\":\"/srv/*\"}]," ALLOW)},
    {"dead.ima_exclude",
	IMA("\"exclude\":[{\"glob\":\"/var/a\"},{\"glob\":\"/var/*\"}]," ALLOW),
	IMA("\"exclude\":[{\"glob\":\"/var/a\"},{\"glob\":\"/opt/"
	    "*\"}]," ALLOW)},
    {"broad.ima_kexec", IMA("\"kexec\":\"warn\"," ALLOW), IMA(ALLOW)},
    {"broad.ima_by_digest",
	IMA("\"by_digest\":[{\"glob\":\"/usr/**\"}]," ALLOW),
	IMA("\"by_digest\":[{\"glob\":\"/srv/**\"}]," ALLOW)},
    {"dead.ima_refset", IMA("\"deny\":[{\"refset\":\"sha256:" D1 "\"}]," ALLOW),
	IMA("\"deny\":[{\"digests\":[\"sha256:" D1 "\"]}]," ALLOW)},
    {"broad.ima_glob",
	IMA("\"globs\":[{\"digest\":\"sha256:" D1 "\",\"glob\":\"**\"}]"),
	IMA("\"globs\":[{\"digest\":\"sha256:" D1 "\",\"glob\":\"/usr/**\"}]")},
    {"contradiction.severity",
	HEAD("\"sha256\":[4,10]",
	    "\"4\":{\"values\":[" VALUE(
		D1) "]}") ",\"severity\":{\"ima.path\":\"fail\"},\"ima\":{"
			  "\"other_path\":\"pass\"," ALLOW "}}",
	HEAD("\"sha256\":[4,10]",
	    "\"4\":{\"values\":[" VALUE(D1) "]}") ",\"severity\":{\"ima.path\":"
						  "\"fail\"},\"ima\":{" ALLOW
						  "}}"},
    {"unjudged.secure_boot", WITH("\"source\":\"x\""),
	PCR_SB("7", "\"values\":[" VALUE(D1) "]")},
};

static bool
asks(const char *json, const char *code)
{
	struct policy *p = NULL;
	struct buf out = {0};
	struct err e = {0};
	char tag[64];
	int64_t now;

	ck_rc_ok(time_parse(span_str("2026-11-20T00:00:00Z"), &now));
	rc r = policy_decode(span_str(json), &p, &e);
	ck_assert_msg(
	    rc_ok(r), "%s: %s %s %s", code, err_name(r.code), e.path, json);
	buf_puts(&out, "");
	policy_lint(p, now, "en", &out);
	snprintf(
	    tag, sizeof(tag), "[lint.%.*s]", (int)strcspn(code, "\""), code);
	bool found = strstr(out.p, tag) != NULL;
	buf_free(&out);
	policy_unref(p);
	return found;
}

START_TEST(asked_and_not)
{
	const char *json = cases[_i].json;

	if (strcmp(cases[_i].asks, "broad.waiver_glob") == 0)
		json = HEAD("\"sha256\":[4,10]",
		    "\"4\":{\"values\":[" VALUE(
			D1) "]}") "," WAIVER("ima.unknown_file",
		    "\"path\":\"/opt/**\",") ",\"ima\":{" ALLOW "}}";
	ck_assert_msg(asks(json, cases[_i].asks), "%s", cases[_i].asks);
	ck_assert_msg(!asks(cases[_i].without_json, cases[_i].asks),
	    "%s is asked without need", cases[_i].asks);
}
END_TEST

static const struct {
	const char *code, *en, *ja;
} rows[] = {
#define X(id, code, en, ja) {code, en, ja},
#include "appraise/lint.def"
#undef X
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Every question has a code of its own, is in both languages and in the
 * manual. */
START_TEST(questions_are_known)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	struct span page = tap_file(&a, "man/akashi-policy.5");
	char *text =
	    arena_printf(&a, "%.*s", (int)page.n, (const char *)page.p);
	for (size_t i = 0; i < ROWS; i++) {
		const char *want =
		    arena_printf(&a, ".It Li lint.%s\n", rows[i].code);
		ck_assert_msg(strstr(text, want), "%s", want);
		ck_assert(*rows[i].en && (unsigned char)*rows[i].ja);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(rows[i].code, rows[k].code);
	}
	arena_free(&a);
}
END_TEST

START_TEST(in_japanese)
{
	struct policy *p = NULL;
	struct buf out = {0};

	ck_rc_ok(
	    policy_decode(span_str(WITH("\"mode\":\"observe\"")), &p, NULL));
	policy_lint(p, 0, "ja", &out);
	ck_assert_ptr_nonnull(
	    strstr(out.p, "mode: observe モードでは、不合格でも"));
	buf_free(&out);
	policy_unref(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lint");
	TCase *tc = tcase_create("lint");

	tcase_add_loop_test(
	    tc, asked_and_not, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, questions_are_known);
	tcase_add_test(tc, in_japanese);
	suite_add_tcase(s, tc);
	return tap_run(s);
}
