/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a CoRIM, and that nothing is dropped in silence. */
#include "base/text.h"
#include "lib/recorded.h"
#include "lib/tap.h"
#include "unit/appraise/corim_desk.h"

#include <stdlib.h>

/* --- P11 ------------------------------------------------------------------ */

/* n times the same head, and an end. */
static struct span
nested(unsigned major, uint64_t argument, size_t n, const char *end)
{
	struct buf b = {0};

	for (size_t i = 0; i < n; i++)
		cbor_head(&b, major, argument);
	cbor_text(&b, end);
	struct span s = arena_copy(&desk.arena, buf_span(&b));
	buf_free(&b);
	return s;
}

#define REST(text) SIMPLE(",\"rest\":" text)

/* What comes with the document and is not decoded obeys the same rules. */
static const struct {
	const char *text;
	enum err_code code;
} forms[] = {
    {REST("[-1,-24,-256,false,true,null,~f7~,~f93c00~,~fa3f800000~]"), ERR_OK},
    {REST("~fb3ff0000000000000~"), ERR_OK},
    {REST("{3:1,1:1,2:1,\"b\":1,\"a\":1,-1:1,h'01':1,h'':1,\"\":1}"), ERR_OK},
    {REST("{0:1,\"\":1,h'':1,-1:1}"), ERR_OK},
    /* a key twice, in any order */
    {REST("{1:1,1:1}"), ERR_CORIM_CBOR},
    {REST("{3:1,1:1,2:1,3:2}"), ERR_CORIM_CBOR},
    {REST("{\"ab\":1,\"aa\":1,\"ab\":1}"), ERR_CORIM_CBOR},
    {REST("{-1:1,1:1,-1:1}"), ERR_CORIM_CBOR},
    {REST("{h'00':1,\"~\":1,h'00':1}"), ERR_CORIM_CBOR},
    {"501({0:\"rim\",0:\"rim\",1:[1(2)]})", ERR_CORIM_CBOR},
    {"501({1:[1(2)],0:\"rim\",1:[1(3)]})", ERR_CORIM_CBOR},
    {ONE("{1:{14:{4:[" D256(A) "],4:[" D256(B) "]}}}"), ERR_CORIM_CBOR},
    /* keys that are none */
    {REST("{[1]:1}"), ERR_CORIM_CBOR},
    {REST("{1(1):1}"), ERR_CORIM_CBOR},
    {REST("{null:1}"), ERR_CORIM_CBOR},
    {REST("{true:1}"), ERR_CORIM_CBOR},
    /* indefinite lengths, and their end */
    {REST("~9fff~"), ERR_CORIM_CBOR},
    {REST("~bfff~"), ERR_CORIM_CBOR},
    {REST("~5f4100ff~"), ERR_CORIM_CBOR},
    {REST("~7f6161ff~"), ERR_CORIM_CBOR},
    {REST("~ff~"), ERR_CORIM_CBOR},
    /* heads that are longer than they must be, or reserved */
    {REST("~1801~"), ERR_CORIM_CBOR},
    {REST("~190001~"), ERR_CORIM_CBOR},
    {REST("~3800~"), ERR_CORIM_CBOR},
    {REST("~d80100~"), ERR_CORIM_CBOR},
    {REST("~1c~"), ERR_CORIM_CBOR},
    {REST("~f818~"), ERR_CORIM_CBOR},
    {REST("~e0~"), ERR_CORIM_CBOR},
    /* more than there is */
    {REST("~5bffffffffffffffff~"), ERR_CORIM_CBOR},
    {REST("~7a7fffffff~"), ERR_CORIM_CBOR},
    {REST("~9bffffffffffffffff~"), ERR_CORIM_CBOR},
    {REST("~bb7fffffffffffffff~"), ERR_CORIM_CBOR},
    {REST("~bb8000000000000000~"), ERR_CORIM_CBOR},
    /* text that is none */
    {REST("~61ff~"), ERR_CORIM_CBOR},
    {REST("~62c080~"), ERR_CORIM_CBOR},
    {REST("~63eda080~"), ERR_CORIM_CBOR},
    {REST("~63e38182~"), ERR_OK},
    /* not CBOR, or not a CoRIM */
    {"", ERR_CORIM_CBOR},
    {"0", ERR_CORIM_FORMAT},
    {"505({})", ERR_CORIM_FORMAT},
    {"500(501({}))", ERR_CORIM_FORMAT},
    {"18(501({}))", ERR_COSE_FORMAT},
};

START_TEST(cbor_has_one_form)
{
	struct span file = cbor(forms[_i].text);

	if (forms[_i].code == ERR_OK)
		taken(file);
	else
		refused(file, forms[_i].code, NULL);
	/* The same in a CoMID, which is a document in a byte string. */
	desk_begin(desk_policy);
	taken(cbor(GOOD));
}
END_TEST

START_TEST(bombs_are_refused)
{
	static const struct {
		unsigned major;
		uint64_t argument;
		size_t n;
		const char *end;
		enum err_code code;
	} rows[] = {
	    {4, 1, LIMIT_CBOR_DEPTH, "0", ERR_CORIM_FORMAT},
	    {4, 1, LIMIT_CBOR_DEPTH + 1, "0", ERR_CORIM_LIMIT},
	    {4, 1, 1000, "0", ERR_CORIM_LIMIT},
	    {4, 1, 1000 * 1000, "0", ERR_CORIM_LIMIT},
	    {6, 501, LIMIT_CBOR_DEPTH, "0", ERR_CORIM_FORMAT},
	    {6, 501, LIMIT_CBOR_DEPTH + 1, "0", ERR_CORIM_LIMIT},
	    {6, 18, 1000, "0", ERR_CORIM_LIMIT},
	    {6, 1, 1000, "0", ERR_CORIM_LIMIT},
	    {0, 0, 0, "~9a00080000~", ERR_CORIM_CBOR},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(nested(rows[i].major, rows[i].argument, rows[i].n,
			    rows[i].end),
		    rows[i].code, "corim");
	/* In the CoMID and in the protected header. */
	struct span deep = nested(4, 1, LIMIT_CBOR_DEPTH + 1, "0");
	const char *hex = hex_string(&desk.arena, deep);
	refused(cbor(arena_printf(
		    &desk.arena, "501({0:\"r\",1:[506(h'%s')]})", hex)),
	    ERR_CORIM_LIMIT, "corim.tags[0]");
	refused(cbor(arena_printf(&desk.arena, "18([h'%s',{},h'',h''])", hex)),
	    ERR_COSE_FORMAT, "cose.protected");
}
END_TEST

/* As many items as bytes: each array of 65535 is reserved in full before one
 * item of it is read. */
START_TEST(items_are_limited)
{
	struct buf b = {0};

	cbor_head(&b, 6, 501);
	cbor_head(&b, 4, 5);
	for (size_t i = 0; i < 5; i++) {
		cbor_head(&b, 4, 65535);
		for (size_t k = 0; k < 65535; k++)
			cbor_head(&b, 0, 0);
	}
	refused(
	    arena_copy(&desk.arena, buf_span(&b)), ERR_CORIM_LIMIT, "corim");
	buf_free(&b);
	/* Larger than any CoRIM. */
	b = (struct buf){0};
	cbor_head(&b, 6, 501);
	cbor_head(&b, 2, LIMIT_CORIM);
	for (size_t i = 0; i < LIMIT_CORIM; i++)
		buf_put(&b, "", 1);
	refused(
	    arena_copy(&desk.arena, buf_span(&b)), ERR_CORIM_LIMIT, "corim");
	buf_free(&b);
}
END_TEST

/* Many keys in the worst order cost no more than sorting them. */
START_TEST(many_keys_are_no_load)
{
	struct buf b = {0};

	cbor_text(&b, "~d901f5~"); /* 501 */
	cbor_head(&b, 5, 100 * 1000);
	for (uint64_t i = 100 * 1000; i-- > 0;) {
		cbor_head(&b, 0, i + 100);
		cbor_head(&b, 0, 0);
	}
	int64_t from = clock_monotonic();
	refused(arena_copy(&desk.arena, buf_span(&b)), ERR_CORIM_FORMAT,
	    "corim.id");
	ck_assert_int_lt(clock_monotonic() - from, 5 * TIME_S);
	buf_free(&b);
}
END_TEST

/* --- the format ----------------------------------------------------------- */

#define TAGS(tag) "501({0:\"rim\",1:[" tag "]})"
#define MEASURED(v) ONE("{1:" v "}")

static const struct {
	const char *text;
	enum err_code code;
	const char *path;
} documents[] = {
    {TAGS(""), ERR_CORIM_FORMAT, "corim.tags"},
    {TAGS("1"), ERR_CORIM_FORMAT, "corim.tags[0]"},
    {TAGS("506({})"), ERR_CORIM_FORMAT, "corim.tags[0]"},
    {TAGS("506(h'')"), ERR_CORIM_CBOR, "corim.tags[0]"},
    {TAGS("506(<<{} {}>>)"), ERR_CORIM_CBOR, "corim.tags[0]"},
    {TAGS("506(<<[]>>)"), ERR_CORIM_FORMAT, "corim.tags[0]"},
    {TAGS("506(<<{4:{1:[]}}>>)"), ERR_CORIM_FORMAT, "corim.tags[0]"},
    {TAGS("506(<<{1:{0:\"x\"}}>>)"), ERR_CORIM_FORMAT, "corim.tags[0]"},
    {TAGS("506(<<{1:{0:\"x\"},4:{}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:1},4:{1:1}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:h'00'},4:{1:1}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\",1:-1},4:{1:1}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\"},3:1,4:{1:1}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\"},3:[{0:\"y\"}],4:{1:1}}>>)"), ERR_CORIM_FORMAT,
	NULL},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[]}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[[]]}}>>)"), ERR_CORIM_FORMAT,
	"corim.tags[0].reference[0]"},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[[{},[]]]}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[[{0:1},[]]]}}>>)"), ERR_CORIM_FORMAT, NULL},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[[{0:{1:1}},[]]]}}>>)"), ERR_CORIM_FORMAT,
	NULL},
    {TAGS("506(<<{1:{0:\"x\"},4:{0:[[" ENV ",[]]]}}>>)"), ERR_CORIM_FORMAT,
	NULL},
    {"501({1:[505({})]})", ERR_CORIM_FORMAT, "corim.id"},
    {"501({0:h'00',1:[505({})]})", ERR_CORIM_FORMAT, "corim.id"},
    {"501([])", ERR_CORIM_FORMAT, "corim"},
    {ONE("1"), ERR_CORIM_FORMAT, "corim.tags[0].reference[0].measurements[0]"},
    {ONE("{}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{11:1}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:1}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[1]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[[1]]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[[1,\"x\"]]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[[h'',h'']]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[[1,h'00']]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[[7,h'" A "']]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[" D256(A) "," D256(B) "]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{2:[" D256(A) ",[-16,h'" B "']]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{14:{}}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{14:[]}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{14:{4:[]}}"), ERR_CORIM_FORMAT,
	"corim.tags[0].reference[0].measurements[0].registers[0]"},
    {MEASURED("{14:{-1:[" D256(A) "]}}"), ERR_CORIM_FORMAT, NULL},
    {MEASURED("{14:{h'04':[" D256(A) "]}}"), ERR_CORIM_FORMAT, NULL},
    {CORIM(COMID("x", "1", "1:1") "," COMID("x", "2", "1:1"), ""),
	ERR_CORIM_FORMAT, "corim.tags[1]"},
};

START_TEST(what_is_no_corim)
{
	refused(
	    cbor(documents[_i].text), documents[_i].code, documents[_i].path);
	taken(cbor(GOOD));
}
END_TEST

START_TEST(names_are_limited)
{
	char name[LIMIT_CORIM_TEXT + 2];

	memset(name, 'n', sizeof(name));
	name[LIMIT_CORIM_TEXT] = '\0';
	taken(cbor(arena_printf(
	    &desk.arena, TAGS("506(<<{1:{0:\"%s\"},4:{1:1}}>>)"), name)));
	name[LIMIT_CORIM_TEXT] = 'n';
	name[LIMIT_CORIM_TEXT + 1] = '\0';
	refused(cbor(arena_printf(&desk.arena,
		    TAGS("506(<<{1:{0:\"%s\"},4:{1:1}}>>)"), name)),
	    ERR_CORIM_LIMIT, "corim.tags[0]");
}
END_TEST

/* --- what becomes of it --------------------------------------------------- */

#define SOURCE(id, version)                                                    \
	"\"source\": \"CoMID " id " version " version " sha256:"

START_TEST(tags_and_profiles_are_limited)
{
	struct buf b = {0};

	for (size_t i = 0; i < LIMIT_CORIM_TAGS; i++)
		buf_puts(&b, "505(0),");
	taken(cbor(arena_printf(&desk.arena, TAGS("%s"), b.p)));
	refused(cbor(arena_printf(&desk.arena, TAGS("%s505(0)"), b.p)),
	    ERR_CORIM_LIMIT, "corim.tags");
	buf_free(&b);
	/* Links of all CoMIDs together. */
	b = (struct buf){0};
	for (size_t i = 0; i < LIMIT_CORIM_TAGS; i++)
		buf_puts(&b, "{0:\"y\",1:1},");
	taken(cbor(arena_printf(
	    &desk.arena, TAGS("506(<<{1:{0:\"x\"},3:[%s],4:{1:1}}>>)"), b.p)));
	refused(cbor(arena_printf(&desk.arena,
		    TAGS("506(<<{1:{0:\"a\"},3:[{0:\"b\",1:0}],4:{1:1}}>>),"
			 "506(<<{1:{0:\"x\"},3:[%s],4:{1:1}}>>)"),
		    b.p)),
	    ERR_CORIM_LIMIT, "corim.tags[1]");
	buf_free(&b);
	/* An object identifier that no profile has. */
	b = (struct buf){0};
	for (size_t i = 0; i < LIMIT_CORIM_TEXT; i++)
		buf_puts(&b, "2b");
	refused(cbor(arena_printf(&desk.arena, SIMPLE(",3:111(h'%s')"), b.p)),
	    ERR_CORIM_FORMAT, "corim.profile");
	buf_free(&b);
}
END_TEST

START_TEST(registers_are_pcrs)
{
	taken(cbor(GOOD));
	const char *json = printed();
	ck_assert_ptr_nonnull(strstr(json, C)); /* what was there */
	ck_assert_ptr_nonnull(strstr(json, A));
	ck_assert_ptr_nonnull(strstr(json, B));
	ck_assert_ptr_nonnull(strstr(json, "\"text\": \"ACME Road Runner\""));
	ck_assert_ptr_nonnull(strstr(json, SOURCE("acme-fw", "3")));
	ck_assert(noted("2 PCR values"));
	/* Once more: nothing changes. */
	char *before = strdup(json);
	taken(cbor(GOOD));
	ck_assert_str_eq(before, printed());
	ck_assert(noted("2 entries that version 3 of the CoMID brought"));
	free(before);
}
END_TEST

#define D384(hex) "[7,h'" hex "00112233445566778899aabbccddeeff']"

static const char banks[] =
    "{\"akashi_policy\":1,\"name\":\"x\","
    "\"pcrs\":{\"sha256\":[4,7,8,10],\"sha384\":[4]},"
    "\"ima\":{\"allow\":[{\"files\":[\"sha256:" A " /a\"]}]},"
    "\"boot\":{\"4\":{\"opaque\":\"x\"},"
    "\"7\":{\"values\":[{\"sha256\":\"" C "\"}]},"
    "\"8\":{\"events\":[]}}}";

START_TEST(banks_of_the_policy)
{
	desk_begin(banks);
	taken(cbor(MEASURED("{14:{4:[" D384(A) "," D256(A) "," D384(B) "," D256(
	    B) ",[8,h'" A B "']],"
	       "0:[" D384(C) "," D256(C) "],"
					 "7:[[\"sha-256\",h'" B
					 "'],[-43,h'" A384 "'],"
					 "[2,h'00'],[\"md5\",h'00']]}}")));
	ck_assert(noted("boot.4 was opaque"));
	ck_assert(noted("PCR 0 of bank sha256 is required now"));
	ck_assert(noted("PCR 0 of bank sha384 is required now"));
	ck_assert(noted("registers[0].digests[4] is not translated: the policy "
			"does not require its bank"));
	ck_assert(noted("registers[2].digests[1] is not translated: the policy "
			"does not require its bank"));
	ck_assert(noted("registers[2].digests[2] is not translated: its "
			"algorithm"));
	ck_assert(noted("registers[2].digests[3] is not translated: its "
			"algorithm"));
	ck_assert(noted("6 PCR values"));
	const char *json = printed();
	ck_assert_ptr_null(strstr(json, "opaque"));
	/* Each of one bank with each of the other. */
	const json_t *boot = json_object_get(desk.im.doc, "boot");
	const json_t *list =
	    json_object_get(json_object_get(boot, "4"), "values");
	static const char *const pairs[][2] = {{A, A}, {A, B}, {B, A}, {B, B}};
	ck_assert_uint_eq(json_array_size(list), 4);
	for (size_t i = 0; i < 4; i++) {
		size_t found = 0;
		for (size_t k = 0; k < 4; k++) {
			const json_t *v = json_array_get(list, k);
			const char *one =
			    json_string_value(json_object_get(v, "sha256"));
			const char *two =
			    json_string_value(json_object_get(v, "sha384"));
			found += strcmp(one, pairs[i][0]) == 0 &&
				 strncmp(two, pairs[i][1], 64) == 0;
		}
		ck_assert_uint_eq(found, 1);
	}
}
END_TEST

START_TEST(what_no_pcr_holds)
{
	desk_begin(banks);
	JSON_AUTO before = json_deep_copy(desk.im.doc);
	taken(cbor(MEASURED("{14:{4:[" D256(A) "],8:[" D256(B) "],10:[" D256(
	    B) "],"
	       "16:[" D256(B) "],21:[" D256(B) "],24:[" D256(
		   B) "],"
		      "23:[" D256(B) "],18446744073709551615:[" D256(
			  B) "],"
			     "\"5\":[" D256(B) "],0:[[8,h'" A B "']]}}")));
	static const char *const lines[] = {
	    "registers[0] is not translated: the policy requires bank sha384",
	    "registers[1] is not translated: the policy judges the events",
	    "registers[2] is not translated: the policy judges this PCR by its",
	    "registers[3] is not translated: any program",
	    "registers[4] is not translated: any program",
	    "registers[5] is not translated: there is no PCR",
	    "registers[6] is not translated: any program",
	    "registers[7] is not translated: there is no PCR",
	    "registers[8] is not translated: it has a name",
	    "registers[9].digests[0] is not translated: the policy does not",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(noted(lines[i]), "%s", lines[i]);
	ck_assert(json_equal(before, desk.im.doc));
}
END_TEST

/* 65 times 65 digests would be more values than a policy takes. */
START_TEST(values_are_limited)
{
	struct buf b = {0};

	for (size_t i = 0; i < 65; i++)
		buf_puts(&b, D256(A) "," D384(A) ",");
	desk_begin(banks);
	taken(cbor(arena_printf(&desk.arena, MEASURED("{14:{4:[%s]}}"), b.p)));
	ck_assert(noted("registers[0] is not translated: it has too many"));
	taken(cbor(arena_printf(&desk.arena, MEASURED("{14:{4:[%s]}}"),
	    b.p + (sizeof(D256(A) "," D384(A) ",") - 1))));
	ck_assert(noted("4096 PCR values"));
	buf_free(&b);
}
END_TEST

/* What no rule can say is listed, each by its path. */
START_TEST(nothing_is_dropped_in_silence)
{
	static const char *const lines[] = {
	    "acme.cbor: corim.tags[0] (tag 505, CoSWID) is not translated.",
	    "corim.tags[1] (tag 508, CoTL) is not translated",
	    "corim.tags[2] (tag 999, of another kind) is not translated",
	    "corim.dependent-rims is not translated",
	    "corim.entities is not translated",
	    "corim.99 is not translated",
	    "corim.-1-0 is not translated",
	    "corim.\"more\" is not translated",
	    "corim.tags[3].language is not translated",
	    "corim.tags[3].entities is not translated",
	    "corim.tags[3].linked-tags is not translated",
	    "corim.tags[3].endorsed-triples is not translated",
	    "corim.tags[3].conditional-endorsement-triples is not translated",
	    "corim.tags[3].triples 7 is not translated",
	    "corim.tags[3].12 is not translated",
	    "reference[0].class-id is not translated",
	    "reference[0].layer is not translated",
	    "reference[0].measurements[0].version is not translated",
	    "reference[0].measurements[0].svn is not translated",
	    "reference[0].measurements[0].mac-addr is not translated",
	    "reference[0].measurements[0].cryptokeys is not translated",
	    "reference[0].measurements[0].-1-4 is not translated",
	    "reference[0].measurements[0].digests are not translated: no",
	    "reference[0].measurements[1] is not translated: it is only for",
	    "reference[0].measurements[2].digests are not translated: no",
	    "reference[0].measurements[3].9 is not translated",
	    "reference[1] is not translated: it is for one instance",
	    "reference[2] is not translated: it is for one instance",
	    "any value of one PCR passes with any of another",
	};

	taken(cbor(CORIM(
	    "505(h'00'),508(h'00'),999(1),"
	    "506(<<{0:\"en\",1:{0:h'00112233445566778899aabbccddeeff'},2:[1],"
	    "3:[{0:\"y\",1:0}],4:{1:1,10:1,15:1,7:2,0:["
	    "[{0:{0:111(h'2b'),1:\"ACME\",3:1}},["
	    "{0:1,1:{0:{},1:552(1),2:[" D256(
		A) "],6:h'',13:[],-5:1}},"
		   "{1:{14:{4:[" D256(
		       A) "]}},2:[1]},"
			  "{0:\"name\",1:{2:[" D256(
			      A) "],11:\"other\"}},"
				 "{1:{14:{4:[" D256(
				     A) "]}},9:1},"
					"{1:{14:{7:[" D256(
					    A) "]}}}]],"
					       "[{0:{1:\"A\"},1:550(h'01')},"
					       "[" REGISTERS("4:[" D256(
						   B) "]") "]],"
							   "[{2:37(h'01')},"
							   "[" REGISTERS(
							       "4:[" D256(
								   B) "]") "]]"
									   "]},"
									   "12:"
									   "3}>"
									   ">)",
	    ",2:[],5:[],99:1,-1:2,\"more\":3")));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!noted(lines[i]))
			tell_notes();
		ck_assert_msg(noted(lines[i]), "%s", lines[i]);
	}
	ck_assert(noted("corim.tags[3].triples 7"));
	const char *json = printed();
	ck_assert_ptr_null(strstr(json, B));
	ck_assert_ptr_nonnull(
	    strstr(json, SOURCE("00112233-4455-6677-8899-aabbccddeeff", "0")));
}
END_TEST

START_TEST(paths_are_files)
{
	static const char policy[] =
	    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[10]},"
	    "\"ima\":{\"allow\":[{\"source\":\"own\",\"files\":[\"sha256:" C
	    " /own\"]}]}}";
	struct span file = cbor(ONE("{0:\"/usr/bin/acme\",1:{2:[" D256(
	    A) "]}},"
	       "{0:1,1:{2:[[7,h'" A384 "'],[3,h'00']],11:\"/lib/two\"}},"
	       "{0:\"/one\",1:{2:[" D256(B) "],11:\"/two\"}},"
					    "{0:\"relative\",1:{2:[" D256(
						B) "]}}"));

	for (int i = 0; i < 2; i++) {
		if (i == 0)
			desk_begin(policy);
		taken(file);
		const char *json = printed();
		ck_assert_ptr_nonnull(
		    strstr(json, "\"sha256:" A " /usr/bin/acme\""));
		ck_assert_ptr_nonnull(
		    strstr(json, "\"sha384:" A384 " /lib/two\""));
		ck_assert_ptr_nonnull(strstr(json, " /own\""));
		ck_assert_ptr_null(strstr(json, B));
		ck_assert_ptr_nonnull(strstr(json, SOURCE("x", "1")));
		ck_assert_uint_eq(
		    json_array_size(json_object_get(
			json_object_get(desk.im.doc, "ima"), "allow")),
		    2);
	}
	ck_assert(noted("measurements[1].digests[1] is not translated: its"));
	ck_assert(noted("measurements[2].digests are not translated: no"));
	ck_assert(noted("measurements[3].digests are not translated: no"));
}
END_TEST

#define RELEASE(id, version, hex)                                              \
	CORIM(COMID(id, version, REFERENCE(REGISTERS("4:[" D256(hex) "]"))), "")

START_TEST(another_version_replaces)
{
	taken(cbor(RELEASE("fw", "2", A)));
	taken(cbor(RELEASE("fw version 2", "1", A)));
	taken(cbor(RELEASE("fw", "9", B)));
	const char *json = printed();
	ck_assert_ptr_null(strstr(json, SOURCE("fw", "2")));
	ck_assert_ptr_nonnull(strstr(json, SOURCE("fw", "9")));
	ck_assert_ptr_nonnull(strstr(json, SOURCE("fw version 2", "1")));
	ck_assert(noted("1 entries that version 2 of the CoMID brought"));
	ck_assert(!noted("WARNING: the policy had"));
	taken(cbor(RELEASE("fw", "3", A)));
	ck_assert(noted("WARNING: the policy had a later version, 9."));
}
END_TEST

START_TEST(what_is_replaced_is_disregarded)
{
	static const char link[] =
	    "506(<<{1:{0:\"new\"},3:[{0:\"old\",1:1}],4:{1:1}}>>)";

	taken(cbor(RELEASE("old", "1", A)));
	ck_assert_ptr_nonnull(strstr(printed(), A));
	taken(cbor(arena_printf(&desk.arena, TAGS("%s"), link)));
	ck_assert(noted("replaces another CoMID; its 1 entries are dropped"));
	ck_assert_ptr_null(strstr(printed(), A));
	/* Both in one document. */
	taken(cbor(arena_printf(&desk.arena, TAGS("%s,%s"),
	    COMID("old", "1", REFERENCE(REGISTERS("4:[" D256(A) "]"))), link)));
	ck_assert(noted("corim.tags[0] is not translated: corim.tags[1] "
			"replaces it"));
	ck_assert_ptr_null(strstr(printed(), A));
}
END_TEST

START_TEST(a_policy_of_another_shape)
{
	JSON_AUTO boot = json_array();
	struct err e;

	ck_assert_int_eq(json_object_set(desk.im.doc, "boot", boot), 0);
	ck_rc_is(take(cbor(GOOD), &e), ERR_JSON_TYPE);
}
END_TEST

START_TEST(a_full_arena_is_ours)
{
	struct maker m = maker(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	struct letter l = {.by = &m, .header = HEADER("-8", "")};
	struct span file = letter(&l);
	size_t room = 0;
	rc r = {ERR_MEMORY};

	believe(&m);
	for (; r.code == ERR_MEMORY && room < 1 << 20; room += 64) {
		struct arena small;
		struct import i = {.doc = NULL};
		arena_init(&small, room);
		ck_rc_ok(import_begin(
		    &i, span_str(desk_policy), &small, desk.hasher, NULL));
		i.corim = &desk.terms;
		r = import_file(&i, import_corim, file, "f", NULL);
		if (rc_ok(r)) {
			buf_free(&desk.out);
			desk.out = (struct buf){0};
			r = import_end(&i, &desk.out, NULL);
		}
		json_free(i.doc);
		arena_free(&small);
	}
	ck_rc_ok(r);
	ck_assert_uint_gt(room, 1024);
	maker_free(&m);
}
END_TEST

/* --- P10 ------------------------------------------------------------------ */

/* PCR 4 of a golden boot, judged by what a CoRIM says of it. */
static enum result
judged(const char *digests)
{
	static const char policy[] =
	    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,7]},"
	    "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" C "\"}]},"
	    "\"7\":{\"opaque\":\"x\"}}}";
	struct recorded r = recorded_boot(
	    &desk.arena, "grub-sb-golden", "quote-sha256-0_15-rsassa");
	struct verdict *v = arena_alloc(&desk.arena, sizeof(*v));
	struct attest_facts *facts = arena_alloc(&desk.arena, sizeof(*facts));
	struct policy *p = NULL;

	desk_begin(policy);
	taken(cbor(arena_printf(&desk.arena,
	    CORIM(COMID("x", "1", REFERENCE(REGISTERS("4:[%s]"))), ""),
	    digests)));
	ck_rc_ok(policy_decode(span_str(printed()), &p, NULL));
	struct attest_context ctx = recorded_context(&r, p);
	ck_assert_ptr_nonnull(v);
	ck_assert_ptr_nonnull(facts);
	ck_rc_ok(attest_evidence(
	    &r.ev, &ctx, desk.hasher, &desk.arena, v, facts, NULL));
	policy_unref(p);
	return v->result;
}

START_TEST(any_digest_of_a_register)
{
	struct banks pcrs = recorded_pcrs(&desk.arena, "boots/grub-sb-golden");
	const struct bank *bank = banks_get(&pcrs, ALG_SHA256);

	ck_assert_ptr_nonnull(bank);
	const char *own = arena_printf(&desk.arena, "[1,h'%s']",
	    hex_string(&desk.arena, span_of(bank->pcr[4], 32)));
	const char *wrong = D256(A);
	ck_assert_int_eq(judged(own), RESULT_PASS);
	ck_assert_int_eq(judged(wrong), RESULT_FAIL);
	ck_assert_int_eq(judged(arena_printf(&desk.arena, "%s,%s", wrong, own)),
	    RESULT_PASS);
	ck_assert_int_eq(judged(arena_printf(&desk.arena, "%s,%s", own, wrong)),
	    RESULT_PASS);
	ck_assert_int_eq(
	    judged(arena_printf(&desk.arena, "%s,%s", wrong, D256(B))),
	    RESULT_FAIL);
}
END_TEST

/* --- P12 ------------------------------------------------------------------ */

START_TEST(xml_is_refused)
{
	static const char *const files[] = {"external-entity.swidtag",
	    "billion-laughs.swidtag", "wrapped-signature.swidtag",
	    "payload-hash.swidtag"};
	static importer *const importers[] = {import_corim, import_dbx,
	    import_sbat, import_sums, import_keylime, import_refstate};
	const struct span wide[] = {
	    span_of("\xef\xbb\xbf<a/>", 7),
	    span_of("\xff\xfe<\0a\0", 6),
	    span_of("\xfe\xff\0<\0a", 6),
	    span_of("\0<\0a", 4),
	    span_of("<\0a\0", 4),
	    span_of(" \r\n\t<a/>", 8),
	    span_of("<", 1),
	};
	struct err e;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct span file = tap_file(
		    &desk.arena, arena_printf(&desk.arena,
				     "tests/vectors/rim/%s", files[i]));
		for (size_t k = 0; k < 6; k++)
			ck_rc_is(
			    import_file(&desk.im, importers[k], file, "f", &e),
			    ERR_IMPORT_XML);
	}
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		refused(wide[i], ERR_IMPORT_XML, NULL);
	taken(cbor(GOOD));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("corim");
	TCase *t = tcase_create("corim");

	tcase_add_checked_fixture(t, desk_setup, desk_end);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, cbor_has_one_form, 0, sizeof(forms) / sizeof(forms[0]));
	tcase_add_test(t, bombs_are_refused);
	tcase_add_test(t, items_are_limited);
	tcase_add_test(t, many_keys_are_no_load);
	tcase_add_loop_test(
	    t, what_is_no_corim, 0, sizeof(documents) / sizeof(documents[0]));
	tcase_add_test(t, names_are_limited);
	tcase_add_test(t, tags_and_profiles_are_limited);
	tcase_add_test(t, registers_are_pcrs);
	tcase_add_test(t, banks_of_the_policy);
	tcase_add_test(t, what_no_pcr_holds);
	tcase_add_test(t, values_are_limited);
	tcase_add_test(t, nothing_is_dropped_in_silence);
	tcase_add_test(t, paths_are_files);
	tcase_add_test(t, another_version_replaces);
	tcase_add_test(t, what_is_replaced_is_disregarded);
	tcase_add_test(t, a_policy_of_another_shape);
	tcase_add_test(t, a_full_arena_is_ours);
	tcase_add_test(t, any_digest_of_a_register);
	tcase_add_test(t, xml_is_refused);
	suite_add_tcase(s, t);
	return tap_run(s);
}
