/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

enum { CHAIN_MAX = 8 };

struct tls {
	_Atomic size_t holders;
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_trust_list_t clients; /* NULL: not asked for */
	gnutls_datum_t ticket_key;
};

/* --- loading -------------------------------------------------------------- */

static rc
check_key_file(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_text(
		    e, ERR_FILE, "tls.key", "%s: %s.", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & S_IRWXO))
		return err_text(e, ERR_CONFIG, "tls.key",
		    "%s must be a file that others can neither read nor write "
		    "(chmod o-rwx).",
		    path);
	return RC_OK;
}

static rc
load_pair(struct tls *t, const struct tls_files *f, struct err *e)
{
	TRY(check_key_file(f->key, e));
	int n = gnutls_certificate_set_x509_key_file2(t->credentials,
	    f->certificate, f->key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (n < 0)
		return err_text(e, ERR_CONFIG, "tls.certificate",
		    "%.100s with %.100s: %s", f->certificate, f->key,
		    gnutls_strerror(n));
	return RC_OK;
}

static rc
load_clients(struct tls *t, const char *path, struct err *e)
{
	if (!*path)
		return RC_OK;
	if (gnutls_x509_trust_list_init(&t->clients, 0) != 0)
		return err_at(e, ERR_MEMORY, NULL, "tls.client_ca");
	int n = gnutls_x509_trust_list_add_trust_file(
	    t->clients, path, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	/* The names go to clients that have more than one certificate. */
	int names = gnutls_certificate_set_x509_trust_file(
	    t->credentials, path, GNUTLS_X509_FMT_PEM);
	if (n <= 0 || names <= 0)
		return err_text(e, ERR_CONFIG, "tls.client_ca",
		    "%s holds no authority that can be read: %s", path,
		    gnutls_strerror(n < 0 ? n : names));
	return RC_OK;
}

static rc
fill(struct tls *t, const struct tls_files *f, struct err *e)
{
	if (gnutls_certificate_allocate_credentials(&t->credentials) != 0 ||
	    gnutls_session_ticket_key_generate(&t->ticket_key) != 0)
		return err_at(e, ERR_MEMORY, NULL, "tls");
	TRY(load_pair(t, f, e));
	return load_clients(t, f->client_ca, e);
}

rc
tls_load(const struct tls_files *files, struct tls **out, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return err_at(e, ERR_MEMORY, NULL, "tls");
	atomic_store(&t->holders, 1);
	rc r = fill(t, files, e);
	if (!rc_ok(r)) {
		tls_drop(t);
		return r;
	}
	*out = t;
	return RC_OK;
}

struct tls *
tls_hold(struct tls *t)
{
	if (t)
		atomic_fetch_add(&t->holders, 1);
	return t;
}

void
tls_drop(struct tls *t)
{
	if (!t || atomic_fetch_sub(&t->holders, 1) != 1)
		return;
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	if (t->clients)
		gnutls_x509_trust_list_deinit(t->clients, 1);
	if (t->ticket_key.data)
		gnutls_memset(t->ticket_key.data, 0, t->ticket_key.size);
	gnutls_free(t->ticket_key.data);
	free(t);
}

/* --- connections ---------------------------------------------------------- */

bool
tls_begin(struct tls *t, void *session)
{
	gnutls_session_t s = session;

	if (gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, t->credentials))
		return false;
	/* Requested, not required: a request without one can be answered. */
	if (t->clients)
		gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUEST);
	return gnutls_session_ticket_enable_server(s, &t->ticket_key) == 0;
}

bool
tls_asks(const struct tls *t)
{
	return t->clients != NULL;
}

/* libgnutls takes a certificate without any extended key usage for every
 * purpose; a login has to say that it is one. */
static bool
has_client_usage(gnutls_x509_crt_t cert)
{
	char oid[128];

	for (unsigned i = 0;; i++) {
		size_t n = sizeof(oid);
		if (gnutls_x509_crt_get_key_purpose_oid(
			cert, i, oid, &n, NULL) != 0)
			return false;
		if (strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
			return true;
	}
}

static bool
chain_is_trusted(struct tls *t, gnutls_x509_crt_t *chain, unsigned n)
{
	char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st want = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
	    .data = (unsigned char *)purpose};
	unsigned status = GNUTLS_CERT_INVALID;

	int rv = gnutls_x509_trust_list_verify_crt2(
	    t->clients, chain, n, &want, 1, 0, &status, NULL);
	return rv == 0 && status == 0 && has_client_usage(chain[0]);
}

/* Lower *until to the end of the certificate. */
static void
note_end(gnutls_x509_crt_t cert, int64_t *until)
{
	time_t end = gnutls_x509_crt_get_expiration_time(cert);

	if (end < *until / TIME_S)
		*until = end * TIME_S;
}

static bool
is_trusted(struct tls *t, const gnutls_datum_t *der, unsigned n, int64_t *until)
{
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned made = 0;
	bool ok = n <= CHAIN_MAX;

	for (; ok && made < n; made++) {
		if (gnutls_x509_crt_init(&chain[made]) != 0) {
			ok = false;
			break;
		}
		ok = gnutls_x509_crt_import(
			 chain[made], &der[made], GNUTLS_X509_FMT_DER) == 0;
		if (ok)
			note_end(chain[made], until);
	}
	ok = ok && chain_is_trusted(t, chain, n);
	while (made)
		gnutls_x509_crt_deinit(chain[--made]);
	return ok;
}

rc
tls_peer(struct tls *t, void *session, enum tls_peer *out, int64_t *until,
    struct err *e)
{
	unsigned n = 0;
	const gnutls_datum_t *der =
	    t->clients ? gnutls_certificate_get_peers(session, &n) : NULL;

	if (!der || n == 0) {
		*out = TLS_PEER_NONE;
		return RC_OK;
	}
	if (!is_trusted(t, der, n, until))
		return err_at(e, ERR_AUTH_CLIENT_CERT,
		    "The client certificate does not chain to tls.client_ca "
		    "with the usage clientAuth, or is not valid now.",
		    "%s", "");
	*out = TLS_PEER_GOOD;
	return RC_OK;
}
