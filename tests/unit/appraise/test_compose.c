/* SPDX-License-Identifier: Apache-2.0 */
/* Derived policies: what is taken over, what has to be said, what is refused.
 */
#include "lib/tap.h"

#include "appraise/compose.h"

#include <stdlib.h>

static json_t *
parse(const char *text)
{
	struct buf b = {0};
	json_t *doc;
	struct err e;

	/* Single quotes read better in C. */
	for (; *text; text++)
		buf_put(&b, *text == '\'' ? "\"" : text, 1);
	ck_rc_ok(json_decode(buf_span(&b), 65536, &doc, &e));
	buf_free(&b);
	return doc;
}

static const char one[] =
    "{'akashi_policy':1,'name':'one','source':'there','valid_for':'10m',"
    "'pcrs':{'sha256':[0,4]},'boot':{'0':{'opaque':'a'},'4':{'opaque':'b'}}}";
static const char two[] =
    "{'akashi_policy':1,'name':'two','pcrs':{'sha256':[0,4]},"
    "'ima':{'allow':[],'violations':'fail'}}";
static const char other[] =
    "{'akashi_policy':1,'name':'two','boot':{'4':{'opaque':'other'}}}";

static rc
run(const char *derived, const char *first, const char *second, json_t **out,
    json_t **origins)
{
	json_t *doc = parse(derived), *a = parse(first);
	json_t *b = second ? parse(second) : NULL;
	const struct compose_base bases[] = {
	    {.name = span_str("one"), .version = 3, .doc = a},
	    {.name = span_str("two"), .version = 1, .doc = b}};
	struct err e;

	rc r = compose(doc, bases, second ? 2 : 1, out, origins, &e);
	json_decref(doc);
	json_decref(a);
	json_decref(b);
	return r;
}

static const struct {
	const char *derived, *second, *want;
	enum err_code code;
} rows[] = {
    /* taken over as it is; labels are its own */
    {"{'akashi_policy':1,'name':'d','base':[]}", NULL,
	"{'akashi_policy':1,'name':'d','valid_for':'10m','pcrs':{'sha256':[0,4]"
	"},'boot':{'0':{'opaque':'a'},'4':{'opaque':'b'}}}",
	ERR_OK},
    /* two bases side by side */
    {"{'akashi_policy':1,'name':'d'}", two,
	"{'akashi_policy':1,'name':'d','valid_for':'10m','pcrs':{'sha256':[0,4]"
	"},'boot':{'0':{'opaque':'a'},'4':{'opaque':'b'}},'ima':{'allow':[],"
	"'violations':'fail'}}",
	ERR_OK},
    /* a part replaced, a part added, one said again */
    {"{'akashi_policy':1,'name':'d','replaces':['boot.4'],'boot':{'4':{"
     "'opaque':'new'},'7':{'opaque':'c'}},'pcrs':{'sha256':[0,4]}}",
	NULL,
	"{'akashi_policy':1,'name':'d','valid_for':'10m','pcrs':{'sha256':[0,4]"
	"},'boot':{'0':{'opaque':'a'},'4':{'opaque':'new'},'7':{'opaque':'c'}}"
	"}",
	ERR_OK},
    /* a whole member */
    {"{'akashi_policy':1,'name':'d','replaces':['valid_for'],'valid_for':'1h'}",
	NULL,
	"{'akashi_policy':1,'name':'d','valid_for':'1h','pcrs':{'sha256':[0,4]}"
	",'boot':{'0':{'opaque':'a'},'4':{'opaque':'b'}}}",
	ERR_OK},
    /* what can only loosen is said, even where no base has it */
    {"{'akashi_policy':1,'name':'d','mode':'observe'}", NULL, NULL,
	ERR_POLICY_REPLACES},
    {"{'akashi_policy':1,'name':'d','replaces':['mode'],'mode':'observe'}",
	NULL,
	"{'akashi_policy':1,'name':'d','mode':'observe','valid_for':'10m',"
	"'pcrs':{'sha256':[0,4]},'boot':{'0':{'opaque':'a'},'4':{'opaque':'b'}"
	"}}",
	ERR_OK},
    {"{'akashi_policy':1,'name':'d','boot':{'4':{'opaque':'new'}}}", NULL, NULL,
	ERR_POLICY_REPLACES},
    {"{'akashi_policy':1,'name':'d','replaces':['boot.9']}", NULL, NULL,
	ERR_POLICY_REPLACES},
    {"{'akashi_policy':1,'name':'d','replaces':['boot']}", NULL, NULL,
	ERR_POLICY_REPLACES},
    {"{'akashi_policy':1,'name':'d','replaces':[1]}", NULL, NULL,
	ERR_JSON_TYPE},
    {"{'akashi_policy':1,'name':'d','replaces':'boot.4'}", NULL, NULL,
	ERR_JSON_TYPE},
    /* bases that differ */
    {"{'akashi_policy':1,'name':'d'}", other, NULL, ERR_POLICY_REPLACES},
    {"{'akashi_policy':1,'name':'d','replaces':['boot.4'],'boot':{'4':{"
     "'opaque':'new'}}}",
	other,
	"{'akashi_policy':1,'name':'d','valid_for':'10m','pcrs':{'sha256':[0,4]"
	"},'boot':{'0':{'opaque':'a'},'4':{'opaque':'new'}}}",
	ERR_OK},
    {"{'akashi_policy':1,'name':'d','boot':'all'}", NULL, NULL,
	ERR_POLICY_FORMAT},
};

START_TEST(composed)
{
	json_t *out = NULL, *origins = NULL;
	rc r = run(rows[_i].derived, one, rows[_i].second, &out, &origins);

	ck_assert_msg(r.code == rows[_i].code, "%s: %s", rows[_i].derived,
	    err_name(r.code));
	if (!rc_ok(r))
		return;
	json_t *want = parse(rows[_i].want);
	char *text = json_dumps(out, JSON_COMPACT);
	ck_assert_msg(json_equal(out, want), "%s", text);
	free(text);
	json_decref(want);
	json_decref(out);
	json_decref(origins);
}
END_TEST

START_TEST(origins_of_parts)
{
	json_t *out = NULL, *origins = NULL;

	ck_rc_ok(run("{'akashi_policy':1,'name':'d','replaces':['boot.4'],"
		     "'boot':{'4':{'opaque':'new'},'7':{'opaque':'c'}}}",
	    one, two, &out, &origins));
	static const struct {
		const char *part, *from, *name;
		bool replaced;
	} want[] = {{"boot.0", "base", "one", false},
	    {"boot.4", "own", "one", true}, {"boot.7", "own", NULL, false},
	    {"ima.allow", "base", "two", false},
	    {"pcrs.sha256", "base", "one", false},
	    {"valid_for", "base", "one", false}};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const json_t *o = json_object_get(origins, want[i].part);
		const char *name =
		    json_string_value(json_object_get(o, "name"));
		ck_assert_str_eq(json_string_value(json_object_get(o, "from")),
		    want[i].from);
		ck_assert_msg(!name == !want[i].name &&
				  (!name || strcmp(name, want[i].name) == 0),
		    "%s", want[i].part);
		ck_assert_int_eq(json_is_true(json_object_get(o, "replaced")),
		    want[i].replaced);
	}
	ck_assert_uint_eq(json_object_size(origins), 7);
	json_decref(out);
	json_decref(origins);
}
END_TEST

static const struct {
	const char *base;
	enum err_code code;
} references[] = {
    {"[]", ERR_POLICY_FORMAT},
    {"{}", ERR_JSON_TYPE},
    {"[{'name':'a','version':1}]", ERR_JSON_MISSING},
    {"[{'name':'A','version':1,'hash':''}]", ERR_NAME_FORMAT},
    {"[{'name':'a','version':1,'hash':'00'}]", ERR_ENCODING},
    {"[{'name':'a','version':-1,'hash':''}]", ERR_JSON_RANGE},
    {"[{'name':'a','version':1,'hash':'', 'x':1}]", ERR_JSON_UNKNOWN},
    {"[1]", ERR_JSON_TYPE},
    {"[{'name':'a','version':1,'hash':'"
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'}]",
	ERR_OK},
};

START_TEST(bases_are_named)
{
	struct compose_base out[COMPOSE_BASES];
	struct buf b = {0};
	struct err e;
	size_t n;

	buf_printf(&b, "{'base':%s}", references[_i].base);
	json_t *doc = parse(b.p);
	ck_rc_is(compose_read(doc, out, &n, &e), references[_i].code);
	ck_assert(compose_is_derived(doc));
	json_decref(doc);
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("compose");
	TCase *t = tcase_create("compose");

	tcase_add_loop_test(
	    t, composed, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, origins_of_parts);
	tcase_add_loop_test(t, bases_are_named, 0,
	    (int)(sizeof(references) / sizeof(references[0])));
	suite_add_tcase(s, t);
	return tap_run(s);
}
