/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents are policies, and what each refusal names. */
#include "appraise/policy.h"
#include "lib/tap.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define S1 "1111111111111111111111111111111111111111"
#define HEAD "{\"akashi_policy\":1,\"name\":\"p\","
#define PCR4 "\"pcrs\":{\"sha256\":[4]},"
#define PCR10 "\"pcrs\":{\"sha256\":[4,10]},"
#define VALUE4 "\"4\":{\"values\":[{\"sha256\":\"" D1 "\"}]}"
#define BOOT4 "\"boot\":{" VALUE4 "}"
#define EVENT(members)                                                         \
	HEAD PCR4 "\"boot\":{\"4\":{\"events\":[{" members "}]}}}"
#define ANY(list, more)                                                        \
	HEAD PCR4 "\"boot\":{\"4\":{\"events\":[{\"any\":" list more "}]}}}"
#define RULE "{\"type\":\"*\"," ACCEPT "}"
#define ACCEPT "\"accept\":[{\"sha256\":\"" D1 "\"}]"
#define UKI(members)                                                           \
	HEAD "\"pcrs\":{\"sha256\":[4,11]}," BOOT4 ",\"uki\":{" members "}}"
#define PEOPLE "\"owner\":\"a\",\"approver\":\"b\",\"reason\":\"r\""
#define EXPIRES "\"expires\":\"2026-11-21T00:00:00Z\""
#define WAIVER(members) HEAD PCR4 BOOT4 ",\"waivers\":[{" members "}]}"
#define CMDLINE(members)                                                       \
	HEAD "\"pcrs\":{\"sha256\":[4,8]},\"boot\":{" VALUE4                   \
	     ",\"8\":{\"opaque\":\"x\"}},\"cmdline\":{" members "}}"
#define TOKEN(name, members)                                                   \
	CMDLINE("\"tokens\":[{\"name\":\"" name "\"" members "}]")
#define IMA(members) HEAD PCR10 BOOT4 ",\"ima\":{" members "}}"

static const struct bad {
	const char *json;
	enum err_code code;
	const char *path;
} bad[] = {
    /* not a policy */
    {"", ERR_JSON, ""},
    {"[]", ERR_JSON_TYPE, ""},
    {"{}", ERR_JSON_MISSING, "akashi_policy"},
    {"{\"akashi_policy\":2}", ERR_POLICY_FORMAT, "akashi_policy"},
    {"{\"akashi_policy\":\"1\"}", ERR_JSON_TYPE, "akashi_policy"},
    {"{\"akashi_policy\":1}", ERR_JSON_MISSING, "name"},
    {"{\"akashi_policy\":1,\"name\":\"A b\"}", ERR_NAME_FORMAT, "name"},
    {HEAD "\"name\":\"q\"}", ERR_JSON_DUPLICATE, ""},
    {HEAD PCR4 BOOT4 ",\"extra\":1}", ERR_JSON_UNKNOWN, "extra"},
    {HEAD PCR4 BOOT4 ",\"mode\":\"off\"}", ERR_POLICY_FORMAT, "mode"},
    {HEAD PCR4 BOOT4 ",\"valid_for\":\"0s\"}", ERR_POLICY_FORMAT, "valid_for"},
    {HEAD PCR4 BOOT4 ",\"valid_for\":3600}", ERR_JSON_TYPE, "valid_for"},
    {HEAD PCR4 BOOT4 ",\"version\":1.5}", ERR_JSON_TYPE, "version"},
    {HEAD PCR4 BOOT4 "} x", ERR_JSON, ""},
    /* for whom, how long, what a finding counts */
    {HEAD PCR4 BOOT4 ",\"class\":\"office\"}", ERR_POLICY_FORMAT, "class"},
    {HEAD PCR4 BOOT4 ",\"regions\":[]}", ERR_POLICY_FORMAT, "regions"},
    {HEAD PCR4 BOOT4 ",\"regions\":[\"\"]}", ERR_POLICY_FORMAT, "regions[0]"},
    {HEAD PCR4 BOOT4 ",\"interval\":\"1h\",\"valid_for\":\"1h\"}",
	ERR_POLICY_FORMAT, "interval"},
    {HEAD PCR4 BOOT4 ",\"severity\":{\"boot.pcr\":\"pass\"}}",
	ERR_POLICY_FORMAT, "severity.boot.pcr"},
    {HEAD PCR4 BOOT4 ",\"severity\":{\"boot.none\":\"warn\"}}",
	ERR_POLICY_FORMAT, "severity.boot.none"},
    {HEAD PCR4 BOOT4 ",\"severity\":{\"log.replay\":\"warn\"}}",
	ERR_POLICY_FORMAT, "severity.log.replay"},
    {HEAD PCR4 BOOT4 ",\"severity\":{\"ima.boot_aggregate\":\"warn\"}}",
	ERR_POLICY_FORMAT, "severity.ima.boot_aggregate"},
    {HEAD PCR4 BOOT4 ",\"severity\":{\"policy.unquoted\":\"warn\"}}",
	ERR_POLICY_FORMAT, "severity.policy.unquoted"},
    {EVENT("\"type\":13,\"severity\":\"none\"," ACCEPT), ERR_POLICY_FORMAT,
	"boot.4.events[0].severity"},
    {WAIVER(""), ERR_JSON_MISSING, "waivers[0].code"},
    {WAIVER("\"code\":\"boot.pcr\""), ERR_JSON_MISSING, "waivers[0].owner"},
    {WAIVER("\"code\":\"boot.pcr\"," PEOPLE), ERR_JSON_MISSING,
	"waivers[0].expires"},
    {WAIVER("\"code\":\"boot.pcr\"," PEOPLE ",\"expires\":\"never\""),
	ERR_POLICY_FORMAT, "waivers[0].expires"},
    {WAIVER("\"code\":\"boot.pcr\",\"owner\":\"a\",\"approver\":\"a\","
	    "\"reason\":\"r\"," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].approver"},
    {WAIVER("\"code\":\"boot.pcr\",\"owner\":\"a\",\"approver\":\"b\","
	    "\"reason\":\"\"," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].reason"},
    {WAIVER("\"code\":\"quote.signature\"," PEOPLE "," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].code"},
    {WAIVER("\"code\":\"ima.violation\"," PEOPLE "," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].code"},
    {WAIVER("\"code\":\"boot.pcr\",\"path\":\"/x\"," PEOPLE "," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].path"},
    {WAIVER("\"code\":\"boot.pcr\",\"pcr\":24," PEOPLE "," EXPIRES),
	ERR_JSON_RANGE, "waivers[0].pcr"},
    {WAIVER("\"code\":\"boot.pcr\",\"digest\":\"" D1 "\"," PEOPLE "," EXPIRES),
	ERR_POLICY_FORMAT, "waivers[0].digest"},
    /* nothing to judge */
    {HEAD "\"boot\":{}}", ERR_JSON_MISSING, "pcrs"},
    {HEAD "\"pcrs\":{}}", ERR_POLICY_EMPTY, "pcrs"},
    {HEAD "\"pcrs\":{\"sha256\":[]}}", ERR_POLICY_EMPTY, "pcrs.sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"events\":[]}}}", ERR_POLICY_EMPTY, ""},
    {HEAD PCR4 "\"boot\":{\"4\":{\"opaque\":\"x\"}}}", ERR_POLICY_EMPTY, ""},
    {HEAD PCR10 BOOT4 "}", ERR_BOOT_PCR_UNRULED, "boot.10"},
    /* banks and PCRs */
    {HEAD "\"pcrs\":{\"sha257\":[4]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha257"},
    {HEAD "\"pcrs\":{\"sha256\":[24]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha256[0]"},
    {HEAD "\"pcrs\":{\"sha256\":[-1]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha256[0]"},
    {HEAD "\"pcrs\":{\"sha256\":[4,4]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha256[1]"},
    {HEAD "\"pcrs\":{\"sha256\":[4,16]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha256[1]"},
    {HEAD "\"pcrs\":{\"sha256\":[4,23]}," BOOT4 "}", ERR_POLICY_FORMAT,
	"pcrs.sha256[1]"},
    {HEAD PCR4 "\"boot\":{" VALUE4 ",\"5\":{\"events\":[]}}}",
	ERR_POLICY_FORMAT, "boot.5"},
    {HEAD PCR4 "\"boot\":{\"04\":{\"events\":[]}}}", ERR_POLICY_FORMAT,
	"boot.04"},
    {HEAD PCR4 "\"boot\":{\"4\":{}}}", ERR_POLICY_FORMAT, "boot.4"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"events\":[],\"values\":[]}}}",
	ERR_POLICY_FORMAT, "boot.4"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"opaque\":\"\"}}}", ERR_POLICY_FORMAT,
	"boot.4.opaque"},
    {HEAD PCR4 BOOT4 ",\"secure_boot\":{\"required\":true}}", ERR_POLICY_FORMAT,
	"secure_boot"},
    {HEAD PCR4 BOOT4 ",\"secure_boot\":true}", ERR_JSON_TYPE, "secure_boot"},
    /* golden values */
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[]}}}", ERR_POLICY_FORMAT,
	"boot.4.values"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{}]}}}", ERR_POLICY_FORMAT,
	"boot.4.values[0]"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"text\":\"x\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0]"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"*\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" S1 "\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\" " D1 "\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"0x" D1 "\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":"
	       "\"AB11111111111111111111111111111111111111111111111111111111"
	       "111111\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha1\":\"" S1 "\"}]}}}",
	ERR_POLICY_FORMAT, "boot.4.values[0].sha256"},
    {HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" D1
	       "\",\"bound\":true}]}}}",
	ERR_JSON_UNKNOWN, "boot.4.values[0].bound"},
    /* event rules */
    {EVENT(ACCEPT), ERR_JSON_MISSING, "boot.4.events[0].type"},
    {EVENT("\"type\":\"EV_NONE\"," ACCEPT), ERR_POLICY_FORMAT,
	"boot.4.events[0].type"},
    {EVENT("\"type\":\"EV_NO_ACTION\"," ACCEPT), ERR_POLICY_FORMAT,
	"boot.4.events[0].type"},
    {EVENT("\"type\":2," ACCEPT), ERR_POLICY_FORMAT, "boot.4.events[0].type"},
    {EVENT("\"type\":4294967296," ACCEPT), ERR_JSON_RANGE,
	"boot.4.events[0].type"},
    {EVENT("\"type\":13"), ERR_JSON_MISSING, "boot.4.events[0].accept"},
    {EVENT("\"type\":13,\"accept\":[]"), ERR_POLICY_FORMAT,
	"boot.4.events[0].accept"},
    {EVENT("\"type\":13,\"accept\":[{\"type\":3,\"sha256\":\"" D1 "\"}]"),
	ERR_POLICY_FORMAT, "boot.4.events[0].accept[0].type"},
    {EVENT("\"type\":13,\"layer\":\"kernel\"," ACCEPT), ERR_POLICY_FORMAT,
	"boot.4.events[0].layer"},
    {EVENT("\"type\":13,\"optional\":1," ACCEPT), ERR_JSON_TYPE,
	"boot.4.events[0].optional"},
    {EVENT("\"type\":13,\"glob\":\"*\"," ACCEPT), ERR_JSON_UNKNOWN,
	"boot.4.events[0].glob"},
    {EVENT("\"type\":\"*\",\"repeat\":true," ACCEPT), ERR_POLICY_FORMAT,
	"boot.4.events[0].type"},
    {EVENT(
	 "\"type\":\"*\",\"accept\":[{\"bound\":true,\"sha256\":\"" D1 "\"}]"),
	ERR_POLICY_FORMAT, "boot.4.events[0].type"},
    {EVENT("\"type\":\"*\",\"accept\":[{\"type\":13,\"sha256\":\"" D1 "\"}]"),
	ERR_POLICY_FORMAT, "boot.4.events[0].type"},
    {EVENT("\"type\":13,\"accept\":[{\"type\":\"*\",\"sha256\":\"" D1 "\"}]"),
	ERR_POLICY_FORMAT, "boot.4.events[0].accept[0].type"},
    {HEAD "\"pcrs\":{\"sha256\":[7]},\"boot\":{\"7\":{\"events\":[" RULE "]}}}",
	ERR_POLICY_FORMAT, "boot.7.events[0].type"},
    /* sequences */
    {ANY("[]", ""), ERR_POLICY_FORMAT, "boot.4.events[0].any"},
    {ANY("[[]]", ""), ERR_POLICY_FORMAT, "boot.4.events[0].any[0]"},
    {ANY("[[" RULE "],[]]", ""), ERR_POLICY_FORMAT, "boot.4.events[0].any[1]"},
    {ANY("{}", ""), ERR_JSON_TYPE, "boot.4.events[0].any"},
    {ANY("[" RULE "]", ""), ERR_JSON_TYPE, "boot.4.events[0].any[0]"},
    {ANY("[[1]]", ""), ERR_JSON_TYPE, "boot.4.events[0].any[0][0]"},
    {ANY("[[" RULE "]]", ",\"type\":13"), ERR_JSON_UNKNOWN,
	"boot.4.events[0].type"},
    {ANY("[[" RULE "]]", ",\"repeat\":true"), ERR_JSON_UNKNOWN,
	"boot.4.events[0].repeat"},
    {ANY("[[" RULE "]]", ",\"optional\":1"), ERR_JSON_TYPE,
	"boot.4.events[0].optional"},
    {ANY("[[" RULE "],[" RULE ",{\"any\":[[" RULE "]]}]]", ""),
	ERR_JSON_UNKNOWN, "boot.4.events[0].any[1][1].any"},
    {ANY("[[" RULE "],[" RULE ",{\"type\":13,\"accept\":[{\"sha1\":\"" S1
	 "\"}]}]]",
	 ""),
	ERR_POLICY_FORMAT, "boot.4.events[0].any[1][1].accept[0].sha256"},
    /* command line */
    {CMDLINE(""), ERR_POLICY_FORMAT, "cmdline"},
    {CMDLINE("\"regex\":\".*\""), ERR_JSON_UNKNOWN, "cmdline.regex"},
    {CMDLINE("\"others\":\"ignore\""), ERR_POLICY_FORMAT, "cmdline.others"},
    {CMDLINE("\"tokens\":[{}]"), ERR_JSON_MISSING, "cmdline.tokens[0].name"},
    {TOKEN("a=b", ""), ERR_POLICY_FORMAT, "cmdline.tokens[0]"},
    {TOKEN("a b", ""), ERR_POLICY_FORMAT, "cmdline.tokens[0]"},
    {TOKEN("", ""), ERR_POLICY_FORMAT, "cmdline.tokens[0]"},
    {TOKEN("\u00e0", ""), ERR_POLICY_FORMAT, "cmdline.tokens[0]"},
    {TOKEN("a", ",\"forbidden\":true,\"values\":[\"b\"]"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0]"},
    {TOKEN("a", ",\"forbidden\":true,\"required\":true"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0]"},
    {TOKEN("a", ",\"flag\":true,\"values\":[\"b\"]"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0]"},
    {TOKEN("a", ",\"values\":[]"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0].values"},
    {TOKEN("a", ",\"values\":[\"\u00e0\"]"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0].values[0]"},
    {TOKEN("a", ",\"globs\":[1]"), ERR_POLICY_FORMAT,
	"cmdline.tokens[0].globs[0]"},
    {CMDLINE("\"tokens\":[{\"name\":\"a-b\"},{\"name\":\"a_b\"}]"),
	ERR_POLICY_FORMAT, "cmdline.tokens[1]"},
    {CMDLINE("\"lines\":[{\"text\":\"\"}]"), ERR_POLICY_FORMAT,
	"cmdline.lines[0]"},
    {CMDLINE("\"lines\":[{\"text\":\"a\\tb\"}]"), ERR_POLICY_FORMAT,
	"cmdline.lines[0]"},
    {CMDLINE("\"digests\":[{\"text\":\"a\"}]"), ERR_POLICY_FORMAT,
	"cmdline.digests[0]"},
    {HEAD PCR4 BOOT4 ",\"cmdline\":{\"tokens\":[{\"name\":\"a\"}]}}",
	ERR_POLICY_FORMAT, "cmdline"},
    /* unified kernel images */
    {UKI(""), ERR_JSON_MISSING, "uki.sections"},
    {UKI("\"sections\":{}"), ERR_POLICY_FORMAT, "uki.sections..linux"},
    {UKI("\"sections\":{\".linux\":{\"optional\":true}}"), ERR_POLICY_FORMAT,
	"uki.sections..linux"},
    {UKI("\"sections\":{\".linux\":{}}"), ERR_POLICY_FORMAT,
	"uki.sections..cmdline"},
    {UKI("\"sections\":{\".pcrsig\":{}}"), ERR_POLICY_FORMAT,
	"uki.sections..pcrsig"},
    {UKI("\"sections\":{\"linux\":{}}"), ERR_POLICY_FORMAT,
	"uki.sections.linux"},
    {UKI("\"sections\":{\".linux\":{\"accept\":[]}}"), ERR_POLICY_FORMAT,
	"uki.sections..linux.accept"},
    {UKI("\"sections\":{\".linux\":{\"accept\":[{\"sha1\":\"" S1 "\"}]}}"),
	ERR_POLICY_FORMAT, "uki.sections..linux.accept[0].sha256"},
    {UKI("\"sections\":{\".linux\":{},\".cmdline\":{}},\"addons\":"
	 "[{\"sha256\":\"" D1 "\"}]"),
	ERR_POLICY_FORMAT, "uki.addons"},
    {HEAD PCR4 BOOT4 ",\"uki\":{\"sections\":{}}}", ERR_POLICY_FORMAT, "uki"},
    /* ima */
    {IMA("\"x\":1.5"), ERR_POLICY_FORMAT, "ima"},
    {HEAD PCR4 BOOT4 ",\"ima\":{}}", ERR_POLICY_FORMAT, "ima.pcrs"},
    {HEAD PCR10 "\"boot\":{" VALUE4 ",\"10\":{\"values\":[{\"sha256\":\"" D1
		"\"}]}},\"ima\":{}}",
	ERR_POLICY_FORMAT, "boot.10"},
    {IMA("\"x\":1"), ERR_JSON_UNKNOWN, "ima.x"},
    {IMA("\"pcrs\":[]"), ERR_POLICY_EMPTY, "ima.pcrs"},
    {IMA("\"pcrs\":[4]"), ERR_POLICY_FORMAT, "ima.pcrs[0]"},
    {IMA("\"templates\":[]"), ERR_POLICY_FORMAT, "ima.templates"},
    {IMA("\"violations\":\"ignore\""), ERR_POLICY_FORMAT, "ima.violations"},
    {IMA("\"exclude\":[{\"glob\":\"**\"}]"), ERR_POLICY_FORMAT,
	"ima.exclude[0].glob"},
    {IMA("\"exclude\":[{\"glob\":\"/**\"}]"), ERR_POLICY_FORMAT,
	"ima.exclude[0].glob"},
    {IMA("\"exclude\":[{\"glob\":\"\"}]"), ERR_POLICY_FORMAT,
	"ima.exclude[0].glob"},
    {IMA("\"globs\":[{\"glob\":\"/a/*\"}]"), ERR_JSON_MISSING,
	"ima.globs[0].digest"},
    {IMA("\"globs\":[{\"digest\":\"sha256:" D1 "0\",\"glob\":\"/a\"}]"),
	ERR_POLICY_FORMAT, "ima.globs[0].digest"},
    {IMA("\"keyring\":[{}]"), ERR_JSON_MISSING, "ima.keyring[0].certificate"},
    {IMA("\"keyring\":[{\"certificate\":\"AAAA\"}]"), ERR_POLICY_FORMAT,
	"ima.keyring[0].certificate"},
    {IMA("\"keyring\":[{\"certificate\":\"A+==\"}]"), ERR_POLICY_FORMAT,
	"ima.keyring[0].certificate"},
    {IMA("\"allow\":[{}]"), ERR_JSON_MISSING, "ima.allow[0].files"},
    {IMA("\"allow\":[{\"files\":[1]}]"), ERR_JSON_TYPE,
	"ima.allow[0].files[0]"},
    {IMA("\"allow\":[{\"files\":[\"" D1 " /a\"]}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].files[0]"},
    {IMA("\"allow\":[{\"files\":[\"sha256:" D1 "\"]}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].files[0]"},
    {IMA("\"allow\":[{\"files\":[\"sha256:" D1 " \"]}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].files[0]"},
    {IMA("\"allow\":[{\"files\":[\"sha256:" D1 " /a\\\\q\"]}]"),
	ERR_POLICY_FORMAT, "ima.allow[0].files[0]"},
    {IMA("\"allow\":[{\"files\":[\"sha1:" S1 " /a\"]}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].files[0]"},
    {IMA("\"allow\":[1]"), ERR_JSON_TYPE, "ima.allow[0]"},
    {IMA("\"allow\":[{\"files\":[],\"name\":\"n\"}]"), ERR_POLICY_FORMAT,
	"ima.allow[0]"},
    {IMA("\"allow\":[{\"files\":[],\"refset\":\"sha256:" D1 "\"}]"),
	ERR_POLICY_FORMAT, "ima.allow[0]"},
    {IMA("\"allow\":[{\"refset\":\"" D1 "\"}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].refset"},
    {IMA("\"allow\":[{\"refset\":\"sha1:" S1 "\"}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].refset"},
    {IMA("\"allow\":[{\"refset\":\"sha256:" D1 "0\"}]"), ERR_POLICY_FORMAT,
	"ima.allow[0].refset"},
    {IMA("\"allow\":[{\"digests\":[]}]"), ERR_JSON_UNKNOWN,
	"ima.allow[0].digests"},
    {IMA("\"deny\":[{}]"), ERR_POLICY_FORMAT, "ima.deny[0]"},
    {IMA("\"deny\":[{\"glob\":\"\"}]"), ERR_POLICY_FORMAT, "ima.deny[0]"},
    {IMA("\"deny\":[{\"digests\":[\"" D1 "\"]}]"), ERR_POLICY_FORMAT,
	"ima.deny[0].digests[0]"},
    {IMA("\"deny\":[{\"digests\":[\"sha256:" D1 " /a\"]}]"), ERR_POLICY_FORMAT,
	"ima.deny[0].digests[0]"},
    {IMA("\"deny\":[{\"digests\":[],\"refset\":\"sha256:" D1 "\"}]"),
	ERR_POLICY_FORMAT, "ima.deny[0]"},
    {IMA("\"deny\":[{\"files\":[]}]"), ERR_JSON_UNKNOWN, "ima.deny[0].files"},
    {IMA("\"by_digest\":[{\"glob\":\"**\"}]"), ERR_POLICY_FORMAT,
	"ima.by_digest[0].glob"},
    {IMA("\"by_digest\":[{}]"), ERR_JSON_MISSING, "ima.by_digest[0].glob"},
    {IMA("\"kexec\":true"), ERR_JSON_TYPE, "ima.kexec"},
    {IMA("\"kexec\":\"allow\""), ERR_POLICY_FORMAT, "ima.kexec"},
    {IMA("\"boot_aggregate\":\"no\""), ERR_POLICY_FORMAT, "ima.boot_aggregate"},
    {IMA("\"policy\":{}"), ERR_JSON_MISSING, "ima.policy.digests"},
    {IMA("\"policy\":{\"digests\":[]}"), ERR_POLICY_FORMAT,
	"ima.policy.digests"},
    {IMA("\"policy\":{\"digests\":[\"sha1:" S1 "\"]}"), ERR_POLICY_FORMAT,
	"ima.policy.digests[0]"},
    {IMA("\"policy\":{\"digests\":[1]}"), ERR_POLICY_FORMAT,
	"ima.policy.digests[0]"},
    {IMA("\"policy\":{\"path\":\"/a\"}"), ERR_JSON_UNKNOWN, "ima.policy.path"},
};

START_TEST(test_refused)
{
	struct policy *p = NULL;
	struct err e = {0};

	ck_rc_is(policy_decode(span_str(bad[_i].json), &p, &e), bad[_i].code);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(e.code, bad[_i].code);
	ck_assert_str_eq(e.path, bad[_i].path);
}
END_TEST

static const char *const good[] = {
    HEAD PCR4 BOOT4 "}",
    HEAD PCR4 BOOT4 ",\"secure_boot\":{\"required\":false}}",
    HEAD PCR4 BOOT4 ",\"mode\":\"observe\",\"valid_for\":\"24h\"}",
    HEAD "\"pcrs\":{\"sha1\":[4]},\"boot\":{\"4\":{\"values\":[{\"sha1\":"
	 "\"" S1 "\"}]}}}",
    EVENT("\"type\":\"EV_IPL\"," ACCEPT),
    EVENT("\"type\":\"*\",\"optional\":true," ACCEPT),
    ANY("[[" RULE "]]", ""),
    ANY("[[" RULE "],[" RULE "," RULE "]]", ",\"optional\":true"),
    EVENT("\"type\":2147483649,\"layer\":\"os\"," ACCEPT),
    IMA(""),
    IMA("\"allow\":[{\"source\":\"s\",\"files\":[\"sha256:" D1
	" /a b\",\"sha256:" D2 " /\\\\x5c\\\\xff\"]}]"),
    IMA("\"exclude\":[{\"glob\":\"/var/log/**\",\"source\":\"ops\"}]"),
    IMA("\"globs\":[{\"digest\":\"sha256:" D1 "\",\"glob\":\"/opt/**\"}]"),
    IMA("\"kexec\":\"pass\",\"boot_aggregate\":\"warn\",\"by_digest\":[{"
	"\"glob\":\"/var/lib/containers/**\"}],\"policy\":{\"digests\":["
	"\"sha256:" D1 "\"],\"glob\":\"/etc/ima/*\",\"source\":\"s\"}"),
    IMA("\"deny\":[{\"digests\":[\"sha256:" D1 "\",\"sha1:" S1
	"\"],\"source\":\"s\"},{\"refset\":\"sha256:" D2
	"\",\"name\":\"n\"},{\"glob\":\"/tmp/**\"}]"),
    IMA("\"allow\":[{\"refset\":\"sha256:" D2
	"\",\"glob\":\"/usr/**\",\"name\":\"n\"},{\"files\":[],\"glob\":"
	"\"/a\"}]"),
    IMA("\"weak_digests\":\"warn\",\"allow\":[{\"files\":[\"sha1:" S1
	" /a\"]}]"),
};

START_TEST(test_accepted)
{
	struct policy *p = NULL;
	struct policy *again = NULL;
	struct buf pretty = {0};
	struct err e = {0};
	uint8_t a[32];
	uint8_t b[32];

	rc r = policy_decode(span_str(good[_i]), &p, &e);
	ck_assert_msg(
	    rc_ok(r), "%s at %s: %s", err_name(r.code), e.path, e.text);
	ck_assert_str_eq(policy_name(p), "p");
	/* The form for reading says the same, and is its own form. */
	ck_rc_ok(policy_pretty(span_str(good[_i]), &pretty, &e));
	ck_rc_ok(policy_decode(buf_span(&pretty), &again, &e));
	policy_hash(p, a);
	policy_hash(again, b);
	ck_assert_mem_eq(a, b, sizeof(a));
	struct buf twice = {0};
	ck_rc_ok(policy_pretty(buf_span(&pretty), &twice, &e));
	ck_assert_str_eq(pretty.p, twice.p);
	ck_assert_uint_gt(policy_memory(p), policy_canonical(p).n);
	buf_free(&pretty);
	buf_free(&twice);
	policy_unref(p);
	policy_unref(again);
}
END_TEST

/* Every prefix of a policy is refused, and so is one byte more. */
START_TEST(test_prefixes)
{
	const char *json = good[_i];
	size_t n = strlen(json);
	struct policy *p = NULL;
	char more[1024];

	for (size_t i = 0; i < n; i++)
		ck_assert(!rc_ok(policy_decode(span_of(json, i), &p, NULL)));
	snprintf(more, sizeof(more), "%s}", json);
	ck_rc_is(policy_decode(span_str(more), &p, NULL), ERR_JSON);
}
END_TEST

static void
hash_of_json(const char *json, uint8_t out[32])
{
	struct policy *p = NULL;

	ck_rc_ok(policy_decode(span_str(json), &p, NULL));
	policy_hash(p, out);
	policy_unref(p);
}

/* Order, white space, name and version do not count; everything else does. */
START_TEST(test_hash)
{
	static const char *const same[] = {
	    "{\"name\":\"other\",\"version\":7," PCR4 BOOT4
	    ",\"akashi_policy\":1}",
	    "{ \"akashi_policy\" : 1,\n\t\"name\":\"p\", " PCR4 BOOT4 "\n}",
	};
	static const char *const other[] = {
	    HEAD PCR4 BOOT4 ",\"mode\":\"observe\"}",
	    HEAD PCR4 BOOT4 ",\"source\":\"x\"}",
	    HEAD PCR4 "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" D2
		      "\"}]}}}",
	};
	uint8_t want[32];
	uint8_t got[32];

	hash_of_json(good[0], want);
	for (size_t i = 0; i < 2; i++) {
		hash_of_json(same[i], got);
		ck_assert_mem_eq(want, got, 32);
	}
	for (size_t i = 0; i < 3; i++) {
		hash_of_json(other[i], got);
		ck_assert_mem_ne(want, got, 32);
	}
}
END_TEST

/* Banks are in one order whatever the document's. */
START_TEST(test_order_of_banks)
{
	static const char *const docs[] = {
	    HEAD "\"pcrs\":{\"sha256\":[4],\"sha1\":[4]},\"boot\":{\"4\":"
		 "{\"values\":[{\"sha1\":\"" S1 "\",\"sha256\":\"" D1 "\"}]}}}",
	    HEAD "\"pcrs\":{\"sha1\":[4],\"sha256\":[4]},\"boot\":{\"4\":"
		 "{\"values\":[{\"sha256\":\"" D1 "\",\"sha1\":\"" S1 "\"}]}}}",
	};

	for (size_t i = 0; i < 2; i++) {
		struct policy *p = NULL;
		ck_rc_ok(policy_decode(span_str(docs[i]), &p, NULL));
		ck_assert_uint_eq(policy_selection(p)->bank[0].alg, ALG_SHA1);
		ck_assert_uint_eq(policy_selection(p)->bank[1].alg, ALG_SHA256);
		policy_unref(p);
	}
}
END_TEST

START_TEST(test_accessors)
{
	struct policy *p = NULL;
	struct buf text = {0};

	ck_rc_ok(policy_decode(span_str(good[2]), &p, NULL));
	ck_assert(policy_observe(p));
	ck_assert_int_eq(policy_valid_for(p), (int64_t)86400 * 1000000);
	ck_assert(!policy_needs_log(p));
	ck_assert(!policy_needs_ima(p));
	ck_assert_ptr_eq(policy_ref(p), p);
	policy_unref(p);
	policy_describe(p, &text);
	ck_assert_ptr_nonnull(strstr(text.p, "must be quoted: sha256 PCR 4"));
	buf_free(&text);
	ck_assert_uint_gt(policy_lint(p, 0, "en", &text), 0);
	ck_assert_ptr_nonnull(strstr(text.p, "mode: observe"));
	buf_free(&text);
	policy_unref(p);
	policy_unref(NULL);
}
END_TEST

START_TEST(test_hash_is_the_same_everywhere)
{
	uint8_t here[32];
	uint8_t there[32];

	hash_of_json(good[7], here);
	setenv("TZ", "Asia/Tokyo", 1);
	setenv("LC_ALL", "tr_TR.UTF-8", 1);
	tzset();
	setlocale(LC_ALL, "");
	hash_of_json(good[7], there);
	ck_assert_mem_eq(here, there, 32);
}
END_TEST

int
main(void)
{
	enum { GOOD = sizeof(good) / sizeof(good[0]) };
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("policy");

	tcase_add_loop_test(t, test_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(t, test_accepted, 0, GOOD);
	tcase_add_loop_test(t, test_prefixes, 0, GOOD);
	tcase_add_test(t, test_hash);
	tcase_add_test(t, test_order_of_banks);
	tcase_add_test(t, test_accessors);
	tcase_add_test(t, test_hash_is_the_same_everywhere);
	suite_add_tcase(s, t);
	return tap_run(s);
}
