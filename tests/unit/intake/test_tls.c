/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: which client certificates log in, and how certificates are exchanged
 * while connections are open. All keys are made here. */
#include "lib/tap.h"
#include "unit/intake/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define HOST "Host: localhost\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"
#define NODES                                                                  \
	"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " OPERATOR_TOKEN \
	"\r\n\r\n"

static char folder[] = "/tmp/test_tls.XXXXXX";

/* --- certificates --------------------------------------------------------- */

struct pair {
	gnutls_x509_crt_t cert;
	gnutls_x509_privkey_t key;
};

struct wish {
	const char *name;
	const struct pair *issuer; /* NULL: itself */
	const char *usage;	   /* NULL: none */
	bool ca, expired;
	unsigned char serial;
	int seconds; /* that it is still valid; 0: a day */
};

static void
must(int rv)
{
	if (rv < 0) {
		fprintf(stderr, "gnutls: %s\n", gnutls_strerror(rv));
		exit(99);
	}
}

static void
set_purpose(gnutls_x509_crt_t cert, const struct wish *w)
{
	must(gnutls_x509_crt_set_ca_status(cert, w->ca));
	must(gnutls_x509_crt_set_key_usage(cert,
	    w->ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE));
	if (w->usage)
		must(gnutls_x509_crt_set_key_purpose_oid(cert, w->usage, 0));
}

static struct pair
make(const struct wish *w)
{
	struct pair p;
	time_t now = time(NULL);

	must(gnutls_x509_privkey_init(&p.key));
	must(gnutls_x509_privkey_generate(p.key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	must(gnutls_x509_crt_init(&p.cert));
	must(gnutls_x509_crt_set_version(p.cert, 3));
	must(gnutls_x509_crt_set_serial(p.cert, &w->serial, 1));
	must(gnutls_x509_crt_set_activation_time(p.cert, now - 86400));
	must(gnutls_x509_crt_set_expiration_time(p.cert, w->expired ? now - 3600
							 : w->seconds
							     ? now + w->seconds
							     : now + 86400));
	must(gnutls_x509_crt_set_dn_by_oid(p.cert, GNUTLS_OID_X520_COMMON_NAME,
	    0, w->name, (unsigned)strlen(w->name)));
	must(gnutls_x509_crt_set_key(p.cert, p.key));
	set_purpose(p.cert, w);
	const struct pair *by = w->issuer ? w->issuer : &p;
	must(gnutls_x509_crt_sign2(
	    p.cert, by->cert, by->key, GNUTLS_DIG_SHA256, 0));
	return p;
}

static void
unmake(struct pair *p)
{
	gnutls_x509_crt_deinit(p->cert);
	gnutls_x509_privkey_deinit(p->key);
}

static const char *
path_of(const char *name)
{
	static char paths[8][96];
	static unsigned next;
	char *out = paths[next++ % 8];

	snprintf(out, sizeof(paths[0]), "%s/%s", folder, name);
	return out;
}

static void
save(const char *name, gnutls_datum_t pem)
{
	FILE *f = fopen(path_of(name), "w");

	if (!f || fwrite(pem.data, 1, pem.size, f) != pem.size)
		exit(99);
	fclose(f);
	chmod(path_of(name), 0600);
	gnutls_free(pem.data);
}

static void
save_pair(const struct pair *p, const char *cert, const char *key)
{
	gnutls_datum_t pem;

	must(gnutls_x509_crt_export2(p->cert, GNUTLS_X509_FMT_PEM, &pem));
	save(cert, pem);
	must(gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem));
	save(key, pem);
}

/* --- clients -------------------------------------------------------------- */

struct client {
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	bool up;
};

static struct client
tls_dial(unsigned port, const struct pair *who, const char *priorities)
{
	struct client c = {.fd = dial(port)};
	int rv;

	must(gnutls_certificate_allocate_credentials(&c.credentials));
	if (who) {
		gnutls_x509_crt_t cert = who->cert;
		must(gnutls_certificate_set_x509_key(
		    c.credentials, &cert, 1, who->key));
	}
	must(gnutls_init(
	    &c.session, GNUTLS_CLIENT | (who ? GNUTLS_FORCE_CLIENT_CERT : 0)));
	must(gnutls_priority_set_direct(
	    c.session, priorities ? priorities : "NORMAL", NULL));
	must(gnutls_credentials_set(
	    c.session, GNUTLS_CRD_CERTIFICATE, c.credentials));
	gnutls_transport_set_int(c.session, c.fd);
	gnutls_handshake_set_timeout(c.session, 5000);
	do
		rv = gnutls_handshake(c.session);
	while (rv < 0 && !gnutls_error_is_fatal(rv));
	c.up = rv == 0;
	return c;
}

static void
tls_close(struct client *c)
{
	gnutls_deinit(c->session);
	gnutls_certificate_free_credentials(c->credentials);
	close(c->fd);
}

/* The status of one answer; its text in `text`. */
static int
tls_say(struct client *c, const char *request, char text[4096])
{
	size_t n = 0;
	int status = 0;

	text[0] = 0;
	if (!c->up ||
	    gnutls_record_send(c->session, request, strlen(request)) < 0)
		return 0;
	while (n < 4095 && !strchr(text, '}')) {
		ssize_t k = gnutls_record_recv(c->session, text + n, 4095 - n);
		if (k == GNUTLS_E_AGAIN || k == GNUTLS_E_INTERRUPTED)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
		text[n] = 0;
	}
	sscanf(text, "HTTP/1.1 %d", &status);
	return status;
}

static int
tls_ask(
    unsigned port, const struct pair *who, const char *request, char text[4096])
{
	struct client c = tls_dial(port, who, NULL);
	int status = tls_say(&c, request, text);

	tls_close(&c);
	return status;
}

static unsigned
server_serial(struct client *c)
{
	unsigned n = 0;
	const gnutls_datum_t *der =
	    gnutls_certificate_get_peers(c->session, &n);
	gnutls_x509_crt_t cert;
	unsigned char serial[32] = {0};
	size_t size = sizeof(serial);

	if (!der || n == 0)
		return 0;
	must(gnutls_x509_crt_init(&cert));
	must(gnutls_x509_crt_import(cert, &der[0], GNUTLS_X509_FMT_DER));
	must(gnutls_x509_crt_get_serial(cert, serial, &size));
	gnutls_x509_crt_deinit(cert);
	return serial[size - 1];
}

/* --- tests ---------------------------------------------------------------- */

enum {
	CA,
	OTHER_CA,
	SERVER,
	SERVER2,
	GOOD,
	NO_USAGE,
	WRONG_USAGE,
	EXPIRED,
	FOREIGN,
	SELF_MADE,
	PAIRS
};
static struct pair pairs[PAIRS];

static void
make_all(void)
{
	static const char client[] = GNUTLS_KP_TLS_WWW_CLIENT;
	static const char server[] = GNUTLS_KP_TLS_WWW_SERVER;
	const struct pair *ca = &pairs[CA], *other = &pairs[OTHER_CA];
	const struct wish wishes[PAIRS] = {
	    [CA] = {"ca", NULL, NULL, true, false, 1, 0},
	    [OTHER_CA] = {"other ca", NULL, NULL, true, false, 2, 0},
	    [SERVER] = {"localhost", ca, server, false, false, 3, 0},
	    [SERVER2] = {"localhost", ca, server, false, false, 4, 0},
	    [GOOD] = {"good", ca, client, false, false, 5, 0},
	    [NO_USAGE] = {"no usage", ca, NULL, false, false, 6, 0},
	    [WRONG_USAGE] = {"server usage", ca, server, false, false, 7, 0},
	    [EXPIRED] = {"expired", ca, client, false, true, 8, 0},
	    [FOREIGN] = {"foreign", other, client, false, false, 9, 0},
	    [SELF_MADE] = {"good", NULL, client, false, false, 10, 0},
	};

	for (int i = 0; i < PAIRS; i++)
		pairs[i] = make(&wishes[i]);
	save_pair(&pairs[CA], "ca.pem", "ca.key");
	save_pair(&pairs[SERVER], "server.pem", "server.key");
	save_pair(&pairs[SERVER2], "server2.pem", "server2.key");
}

/* Settings of a server with these files. */
struct files {
	char text[5][128];
	const char *list[6];
};

static const char *const *
settings(
    struct files *f, const char *server, const char *ca, const char *require)
{
	snprintf(f->text[0], sizeof(f->text[0]), "TLS_MODE=on");
	snprintf(f->text[1], sizeof(f->text[1]), "TLS_CERTIFICATE=%s/%s.pem",
	    folder, server);
	snprintf(f->text[2], sizeof(f->text[2]), "TLS_KEY=%s/%s.key", folder,
	    server);
	snprintf(f->text[3], sizeof(f->text[3]), "TLS_CLIENT_CA=%s%s%s",
	    *ca ? folder : "", *ca ? "/" : "", ca);
	snprintf(
	    f->text[4], sizeof(f->text[4]), "TLS_CLIENT_REQUIRE=%s", require);
	for (int i = 0; i < 5; i++)
		f->list[i] = f->text[i];
	f->list[5] = NULL;
	return f->list;
}

static const struct {
	int who; /* -1: nobody */
	const char *require, *request;
	int status;
	const char *name;
} logins[] = {
    {GOOD, "all", HELLO, 200, "a good certificate"},
    {-1, "all", HELLO, 401, "no certificate"},
    {SELF_MADE, "all", HELLO, 401, "a self-made certificate"},
    {FOREIGN, "all", HELLO, 401, "a certificate of another authority"},
    {WRONG_USAGE, "all", HELLO, 401, "a server's certificate"},
    {NO_USAGE, "all", HELLO, 401, "a certificate without usage"},
    {EXPIRED, "all", HELLO, 401, "an expired certificate"},
    {-1, "operators", HELLO, 200, "no certificate, not an operator's route"},
    {-1, "operators", NODES, 401, "no certificate, an operator's route"},
    {GOOD, "operators", NODES, 200, "a good one, an operator's route"},
    {SELF_MADE, "operators", HELLO, 401, "a self-made one on an open route"},
    {-1, "offered", NODES, 200, "none is needed"},
    {WRONG_USAGE, "offered", NODES, 401, "but a bad one is refused"},
};

static void
test_logins(void)
{
	char text[4096];
	struct files f;

	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct http_server *s = server_up("127.0.0.1:0", false, 1,
		    settings(&f, "server", "ca.pem", logins[i].require));
		const struct pair *who =
		    logins[i].who < 0 ? NULL : &pairs[logins[i].who];
		int status =
		    tls_ask(http_port(s), who, logins[i].request, text);
		bool coded = status != 401 ||
			     strstr(text, "\"auth.client_certificate\"");
		tap_ok(status == logins[i].status && coded, "%s, %s: %d",
		    logins[i].require, logins[i].name, logins[i].status);
		server_down(s);
	}
}

static void
test_swap(void)
{
	char text[4096];
	struct files f;
	struct err e = {0};
	const char *const *set = settings(&f, "server", "", "all");
	struct http_server *s = server_up("127.0.0.1:0", false, 2, set);
	struct client old = tls_dial(http_port(s), NULL, NULL);
	struct conf *c = server_conf(
	    "127.0.0.1:0", settings(&f, "server2", "ca.pem", "all"));

	tap_ok(tls_say(&old, HELLO, text) == 200 && server_serial(&old) == 3,
	    "the first certificate is served");
	tap_ok(rc_ok(http_reload(s, c, &e)), "a reload is taken");
	conf_free(c);
	struct client fresh = tls_dial(http_port(s), &pairs[GOOD], NULL);
	tap_ok(
	    tls_say(&fresh, HELLO, text) == 200 && server_serial(&fresh) == 4,
	    "new connections get the second");
	tap_ok(tls_say(&old, HELLO, text) == 401,
	    "an open connection has to obey the new authorities");
	c = server_conf(
	    "127.0.0.1:0", settings(&f, "server2", "none.pem", "all"));
	tap_ok(http_reload(s, c, &e).code == ERR_CONFIG,
	    "a reload without its files is refused: %s", e.text);
	conf_free(c);
	tap_ok(tls_say(&fresh, HELLO, text) == 200, "and changes nothing");
	tls_close(&old);
	tls_close(&fresh);
	server_down(s);
}

/* A connection that was let in with a certificate is not let on for ever. */
static void
test_expiry(void)
{
	const struct wish wish = {.name = "short",
	    .issuer = &pairs[CA],
	    .usage = GNUTLS_KP_TLS_WWW_CLIENT,
	    .serial = 11,
	    .seconds = 3};
	char text[4096];
	struct files f;
	struct http_server *s = server_up(
	    "127.0.0.1:0", false, 1, settings(&f, "server", "ca.pem", "all"));
	struct pair brief = make(&wish);
	struct client c = tls_dial(http_port(s), &brief, NULL);
	struct client good = tls_dial(http_port(s), &pairs[GOOD], NULL);
	int status = tls_say(&c, HELLO, text);

	tap_ok(status == 200, "a certificate that is still valid");
	for (int i = 0; i < 100 && status == 200; i++) {
		usleep(100000);
		status = tls_say(&c, HELLO, text);
	}
	tap_ok(status == 401 && strstr(text, "\"auth.client_certificate\""),
	    "it ends while its connection is open: %d", status);
	tap_ok(tls_say(&good, HELLO, text) == 200, "another one goes on");
	tls_close(&c);
	tls_close(&good);
	unmake(&brief);
	server_down(s);
}

static bool
refused(const char *const *set, enum err_code code)
{
	struct http_options o = {.listen = "127.0.0.1:0", .loops = 1};
	struct conf *c = server_conf("127.0.0.1:0", set);
	struct http_server *s = NULL;
	struct err e = {0};

	rc r = http_start(&o, c, &s, &e);
	conf_free(c);
	tap_note("%s: %s", e.path, e.text);
	return r.code == code;
}

static void
test_files(void)
{
	struct files f;
	const char *const *set = settings(&f, "server", "", "all");

	chmod(path_of("server.key"), 0604);
	tap_ok(refused(set, ERR_CONFIG), "a key that others may read");
	chmod(path_of("server.key"), 0600);
	set = settings(&f, "server", "", "all");
	snprintf(
	    f.text[2], sizeof(f.text[2]), "TLS_KEY=%s/server2.key", folder);
	tap_ok(refused(set, ERR_CONFIG), "a key of another certificate");
	set = settings(&f, "none", "", "all");
	tap_ok(refused(set, ERR_FILE), "no files");
	set = settings(&f, "server", "server.key", "all");
	tap_ok(refused(set, ERR_CONFIG), "authorities that are none");
}

static void
test_handshakes(void)
{
	char text[4096];
	struct files f;
	const char *const *set = settings(&f, "server", "ca.pem", "all");
	const char *list[8];
	gnutls_datum_t data = {NULL, 0};

	memcpy(list, set, 5 * sizeof(list[0]));
	list[5] = "LIMITS_HEADER_TIMEOUT=1s";
	list[6] = NULL;
	struct http_server *s = server_up("127.0.0.1:0", false, 1, list);
	unsigned port = http_port(s);
	int silent = dial(port), plain = dial(port);
	tap_ok(tls_ask(port, &pairs[GOOD], HELLO, text) == 200,
	    "others are served while a handshake stalls");
	send_all(plain, HELLO, strlen(HELLO));
	tap_ok(ends_within(plain, 4000), "HTTP without TLS gets nothing");
	tap_ok(ends_within(silent, 4000), "a stalled handshake is cut");
	close(silent);
	close(plain);
	struct client c = tls_dial(port, NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
	tap_ok(!c.up, "TLS 1.1 is refused");
	tls_close(&c);
	c = tls_dial(port, &pairs[GOOD], NULL);
	tap_ok(tls_say(&c, HELLO, text) == 200 &&
		   gnutls_protocol_get_version(c.session) == GNUTLS_TLS1_3,
	    "TLS 1.3 is spoken");
	must(gnutls_session_get_data2(c.session, &data));
	tls_close(&c);

	c = (struct client){.fd = dial(port)};
	must(gnutls_certificate_allocate_credentials(&c.credentials));
	must(gnutls_init(&c.session, GNUTLS_CLIENT));
	must(gnutls_priority_set_direct(c.session, "NORMAL", NULL));
	must(gnutls_credentials_set(
	    c.session, GNUTLS_CRD_CERTIFICATE, c.credentials));
	must(gnutls_session_set_data(c.session, data.data, data.size));
	gnutls_transport_set_int(c.session, c.fd);
	c.up = gnutls_handshake(c.session) == 0;
	tap_ok(tls_say(&c, HELLO, text) == 200 &&
		   gnutls_session_is_resumed(c.session),
	    "a session is resumed, with its client certificate");
	tls_close(&c);
	gnutls_free(data.data);
	server_down(s);
}

static void
remove_all(void)
{
	static const char *const names[] = {"ca.pem", "ca.key", "server.pem",
	    "server.key", "server2.pem", "server2.key"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	rmdir(folder);
	for (int i = 0; i < PAIRS; i++)
		unmake(&pairs[i]);
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 99;
	make_all();
	test_logins();
	test_swap();
	test_expiry();
	test_files();
	test_handshakes();
	remove_all();
	return tap_done();
}
