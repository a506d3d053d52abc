/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: every source, every refusal, and the documents that are
 * made from the table. `test_conf sample` and `test_conf man` print those. */
#include "base/clock.h"
#include "conf/conf.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];

/* The least that passes: TLS off on a loopback address. */
static char *bare_env[] = {(char[]){"AKASHID_TLS_MODE=off"}, NULL};

static void
write_file(const char *name, const char *text)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", folder, name);
	FILE *f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
make_folder(void)
{
	char full[256];

	snprintf(folder, sizeof(folder), "/tmp/test_conf.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/akashid.conf", folder);
	snprintf(full, sizeof(full), "%s.d", path);
	ck_assert_int_eq(mkdir(full, 0700), 0);
}

static void
remove_folder(void)
{
	static const char *const names[] = {"akashid.conf.d/10.conf",
	    "akashid.conf.d/20.conf", "akashid.conf.d/ignored",
	    "akashid.conf.d", "akashid.conf", ""};
	char full[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(full, sizeof(full), "%s/%s", folder, names[i]);
		remove(full);
	}
}

START_TEST(defaults_and_sources)
{
	struct conf *c = NULL;
	struct err e = {0};
	char *env[] = {(char[]){"AKASHID_LOG_LEVEL=debug"},
	    (char[]){"AKASHID_TRUST_FIRMWARE=/a.pem:/b.pem"},
	    (char[]){"OTHER=1"}, (char[]){"AKASHID_ADMIN_SOCKET=/s"}, NULL};

	write_file("akashid.conf",
	    "# comment 12345678901234\n"
	    "listen = \"127.0.0.1:9000\"; threads = 3;\n"
	    "tls: { mode = \"off\"; };\n"
	    "log = { level = \"warn\"; };\n"
	    "limits: { json = \"16KiB\"; header_timeout = \"1m\"; };\n"
	    "trust: { discrete = [\"/x.pem\", \"/y.pem\"]; firmware = \"\"; "
	    "};\n");
	write_file("akashid.conf.d/20.conf", "limits: { json = \"32KiB\"; };");
	write_file("akashid.conf.d/10.conf",
	    "limits: { json = \"8KiB\"; evidence = \"1MiB\"; };");
	write_file("akashid.conf.d/ignored", "nonsense");
	rc r = conf_load(path, env, &c, &e);
	ck_assert_msg(rc_ok(r), "%s: %s", e.path, e.text);
	ck_assert_str_eq(c->listen, "127.0.0.1:9000");
	ck_assert_uint_eq(c->threads, 3);
	ck_assert_uint_eq(c->tls_mode, TLS_OFF);
	ck_assert_uint_eq(c->log_level, 4);
	ck_assert_uint_eq(c->limits_json, 32 * 1024);
	ck_assert_uint_eq(c->limits_evidence, 1024 * 1024);
	ck_assert_int_eq(c->limits_header_timeout, 60 * TIME_S);
	ck_assert_int_eq(c->commit_linger, 2 * TIME_MS);
	ck_assert_uint_eq(c->trust_discrete.n, 2);
	ck_assert_str_eq(c->trust_discrete.v[1], "/y.pem");
	ck_assert_uint_eq(c->trust_firmware.n, 2);
	ck_assert_str_eq(c->trust_firmware.v[0], "/a.pem");
	ck_assert_uint_eq(c->trust_virtual.n, 0);
	ck_assert(!c->lab_allow_virtual);
	ck_assert_str_eq(c->admin_socket, "/s");

	struct buf out = {0};
	conf_show(c, false, &out);
	ck_assert_ptr_nonnull(strstr(out.p, "akashid.conf.d/20.conf:1"));
	ck_assert_ptr_nonnull(strstr(out.p, "log.level = \"debug\"  # "
					    "environment; default \"info\""));
	ck_assert_ptr_nonnull(strstr(out.p, "database.conninfo = ***"));
	ck_assert_ptr_null(strstr(out.p, "dbname"));
	buf_free(&out);
	out = (struct buf){0};
	conf_show(c, true, &out);
	JSON_AUTO doc = NULL;
	ck_rc_ok(json_decode(buf_span(&out), out.n, &doc, &e));
	ck_assert_ptr_nonnull(json_object_get(doc, "tls.mode"));
	buf_free(&out);
	conf_free(c);
}
END_TEST

static const struct {
	const char *text;
	enum err_code code;
	const char *where; /* end of the error's path */
} bad_files[] = {
    {"listne = \"x\";", ERR_CONFIG_UNKNOWN_KEY, ":1"},
    {"\ntls: { mdoe = \"on\"; };", ERR_CONFIG_UNKNOWN_KEY, ":2"},
    {"tls: { mode: { x = 1; }; };", ERR_CONFIG, ":1"},
    {"tls = 3;", ERR_CONFIG_UNKNOWN_KEY, ":1"},
    {"nosuch: { a = 1; };", ERR_CONFIG_UNKNOWN_KEY, ":1"},
    {"threads = 1;\nthreads = 2;", ERR_CONFIG, ":2"},
    {"threads = ;", ERR_CONFIG, ":1"},
    {"threads = 4294967297;", ERR_CONFIG, ":1"},
    {"threads = 257;", ERR_CONFIG, ":1"},
    {"threads = -1;", ERR_CONFIG, ":1"},
    {"threads = \"4\";", ERR_CONFIG, ":1"},
    {"threads = 1.5;", ERR_CONFIG, ":1"},
    {"threads = 5L;", ERR_CONFIG, ":1"},
    {"threads = [1];", ERR_CONFIG, ":1"},
    {"listen = 8443;", ERR_CONFIG, ":1"},
    {"listen = true;", ERR_CONFIG, ":1"},
    {"log: { level = \"maybe\"; };", ERR_CONFIG, ":1"},
    {"log: { level = \"info|warn\"; };", ERR_CONFIG, ":1"},
    {"log: { level = \"\"; };", ERR_CONFIG, ":1"},
    {"lab: { allow_virtual = 1; };", ERR_CONFIG, ":1"},
    {"lab: { allow_virtual = \"true\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"1MB\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"1 MiB\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"MiB\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"-1MiB\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = \"100GiB\"; };", ERR_CONFIG, ":1"},
    {"limits: { json = 65536; };", ERR_CONFIG, ":1"},
    {"limits: { header_timeout = \"0s\"; };", ERR_CONFIG, ":1"},
    {"limits: { header_timeout = \"5\"; };", ERR_CONFIG, ":1"},
    {"trust: { discrete = [1, 2]; };", ERR_CONFIG, ":1"},
    {"  @include \"other\"\n", ERR_CONFIG, ":1"},
    {"x = \"\n@include\n\";", ERR_CONFIG, ":2"},
    {"trust: { virtual = [\"/v.pem\"]; };", ERR_CONFIG, "trust.virtual"},
    {"listen = \"localhost\";", ERR_CONFIG, "listen"},
    {"listen = \"127.0.0.1:99999\";", ERR_CONFIG, "listen"},
    {"listen = \"unix:relative\";", ERR_CONFIG, "listen"},
    {"listen = \"0.0.0.0:8443\";", ERR_CONFIG, "tls.mode"},
    {"tls: { client_ca = \"/ca.pem\"; };", ERR_CONFIG, "tls.client_ca"},
    {"attest: { valid_for = \"2m\"; };", ERR_CONFIG, "attest.valid_for"},
};

START_TEST(refusals_name_the_place)
{
	struct conf *c = NULL;
	struct err e = {0};
	size_t n = strlen(bad_files[_i].where);

	write_file("akashid.conf", bad_files[_i].text);
	rc r = conf_load(path, bare_env, &c, &e);
	ck_assert_msg(r.code == bad_files[_i].code, "%s: %s (%s: %s)",
	    bad_files[_i].text, err_name(r.code), e.path, e.text);
	ck_assert_msg(strlen(e.path) >= n && strcmp(e.path + strlen(e.path) - n,
						 bad_files[_i].where) == 0,
	    "%s: at %s", bad_files[_i].text, e.path);
	ck_assert_ptr_null(c);
	write_file("akashid.conf", "");
	ck_rc_ok(conf_load(path, bare_env, &c, &e));
	conf_free(c);
}
END_TEST

START_TEST(refusals_without_a_file)
{
	struct conf *c = NULL;
	struct err e = {0};
	char *unknown[] = {(char[]){"AKASHID_TLS_MDOE=off"}, NULL};
	char *range[] = {(char[]){"AKASHID_TLS_MODE=off"},
	    (char[]){"AKASHID_THREADS=x"}, NULL};

	ck_rc_is(conf_load("/nonexistent", bare_env, &c, &e), ERR_FILE);
	ck_rc_is(conf_load(folder, bare_env, &c, &e), ERR_FILE);
	ck_rc_is(conf_load(NULL, unknown, &c, &e), ERR_CONFIG_UNKNOWN_KEY);
	ck_assert_str_eq(e.path, "AKASHID_TLS_MDOE");
	ck_rc_is(conf_load(NULL, range, &c, &e), ERR_CONFIG);
	ck_rc_is(conf_load(NULL, NULL, &c, &e), ERR_CONFIG);
	ck_assert_str_eq(e.path, "tls.certificate");
	ck_rc_ok(conf_load(NULL, bare_env, &c, &e));
	conf_free(c);
}
END_TEST

START_TEST(a_reload_says_what_needs_a_restart)
{
	struct conf *a = NULL, *b = NULL;
	struct err e = {0};
	char *env[] = {(char[]){"AKASHID_TLS_MODE=off"},
	    (char[]){"AKASHID_LISTEN=127.0.0.1:1"},
	    (char[]){"AKASHID_THREADS=7"}, (char[]){"AKASHID_LOG_LEVEL=warn"},
	    NULL};

	ck_rc_ok(conf_load(NULL, bare_env, &a, &e));
	ck_rc_ok(conf_load(NULL, env, &b, &e));
	ck_assert_str_eq(conf_restart_needed(a, b, 0), "listen");
	ck_assert_str_eq(conf_restart_needed(a, b, 1), "threads");
	ck_assert_ptr_null(conf_restart_needed(a, b, 2));
	ck_assert_ptr_null(conf_restart_needed(a, a, 0));

	struct conf_box *box = conf_box_new(a);
	const struct conf *held = conf_take(box);
	ck_assert_ptr_eq(held, a);
	ck_rc_ok(conf_swap(box, b));
	ck_assert_uint_eq(held->threads, 0); /* still readable */
	conf_drop(box, held);
	held = conf_take(box);
	ck_assert_ptr_eq(held, b);
	conf_drop(box, held);
	conf_box_free(box);
}
END_TEST

/* Every default is in its own range, so that the sample file is valid. */
START_TEST(the_sample_uncommented_loads)
{
	struct buf out = {0};
	struct conf *c = NULL;
	struct err e = {0};

	conf_sample(&out);
	for (char *p = out.p; (p = strchr(p, '#')); p++)
		if (p[1] != ' ')
			*p = ' ';
	write_file("akashid.conf", out.p);
	rc r = conf_load(path, bare_env, &c, &e);
	ck_assert_msg(rc_ok(r), "%s: %s", e.path, e.text);
	conf_free(c);
	buf_free(&out);
}
END_TEST

START_TEST(documents_follow_the_table)
{
	struct arena a;
	struct buf sample = {0}, man = {0};

	arena_init(&a, 1024 * 1024);
	conf_sample(&sample);
	conf_man(&man);
	ck_assert_msg(span_eq(buf_span(&sample),
			  tap_file(&a, "contrib/akashid.conf.sample")),
	    "run: test_conf sample > contrib/akashid.conf.sample");
	ck_assert_msg(
	    span_eq(buf_span(&man), tap_file(&a, "man/akashid.conf.5")),
	    "run: test_conf man > man/akashid.conf.5");
	for (size_t i = 0; conf_key(i); i++)
		ck_assert_ptr_nonnull(strstr(man.p, conf_key(i)));
	buf_free(&sample);
	buf_free(&man);
	arena_free(&a);
}
END_TEST

static int
print(void (*document)(struct buf *))
{
	struct buf out = {0};

	document(&out);
	bool ok = !out.failed && fwrite(out.p, 1, out.n, stdout) == out.n;
	buf_free(&out);
	return ok ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		return print(strcmp(argv[1], "man") ? conf_sample : conf_man);
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, defaults_and_sources);
	tcase_add_loop_test(t, refusals_name_the_place, 0,
	    (int)(sizeof(bad_files) / sizeof(bad_files[0])));
	tcase_add_test(t, refusals_without_a_file);
	tcase_add_test(t, a_reload_says_what_needs_a_restart);
	tcase_add_test(t, the_sample_uncommented_loads);
	tcase_add_test(t, documents_follow_the_table);
	suite_add_tcase(s, t);
	return tap_run(s);
}
