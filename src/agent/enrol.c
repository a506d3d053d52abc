/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One word from a file: a token in the arguments would be in `ps`. */
static rc
read_token(const char *path, struct arena *a, const char **out, struct err *e)
{
	enum { TOKEN_MAX = 256 };
	char text[TOKEN_MAX];
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					: open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0) {
		rc r = err_text(e, ERR_FILE, path,
		    "Cannot read the token file %.160s: %s.", path,
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	close(fd);
	text[n] = '\0';
	text[strcspn(text, " \t\r\n")] = '\0';
	const char *copy = arena_printf(a, "%s", text);
	secret_cleanse(text, sizeof(text));
	if (!copy)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	if (!*copy)
		return err_text(
		    e, ERR_FILE, path, "The token file %.160s is empty.", path);
	*out = copy;
	return RC_OK;
}

/* The first template that the TPM has a certificate for, RSA before ECC; RSA
 * where there is none, which an operator may still admit by its hash. */
static rc
choose_ek(struct agent *ag, struct tpm_device *t, struct arena *a,
    struct identity *id, struct err *e)
{
	enum tpm_key want = ag->o->ek;

	for (enum tpm_key k = TPM_KEY_RSA; k < TPM_KEYS; k++) {
		if (want != TPM_KEYS && k != want)
			continue;
		id->ek = k;
		TRY(tpm_ek_certificate(t, k, a, &id->ek_certificate, e));
		if (id->ek_certificate.n)
			return RC_OK;
	}
	if (want == TPM_KEYS)
		id->ek = TPM_KEY_RSA;
	fprintf(stderr,
	    "akashi-agent: this TPM holds no certificate for its %s "
	    "endorsement key; the operator has to list the key itself.\n",
	    tpm_key_name(id->ek));
	return RC_OK;
}

static rc
activate(struct agent *ag, struct tpm_device *t, const char *token,
    int64_t until, struct arena *a, struct identity *id, struct offer *next,
    bool *admitted, struct err *e)
{
	const struct enrolment q = {token, id->name, id->ek_public,
	    id->ek_certificate, id->ak.public_area};
	struct enrolment_offer offer;
	struct span secret;

	TRY(submit_enrol(&ag->link, &q, until, a, &offer, e));
	TRY(tpm_activate(
	    t, offer.credential_blob, offer.encrypted_secret, a, &secret, e));
	return submit_activate(&ag->link, offer.enrolment, secret, until, a, id,
	    next, admitted, e);
}

static rc
enrol_with(struct agent *ag, struct tpm_device *t, const struct state *s,
    struct identity *id, struct arena *a, struct err *e)
{
	int64_t until = clock_monotonic() + ag->o->patience;
	struct progress first = {0};
	const char *token = NULL;
	bool admitted = false;

	TRY(read_token(ag->o->token_file, a, &token, e));
	TRY(choose_ek(ag, t, a, id, e));
	TRY(tpm_load_ek(t, id->ek, a, &id->ek_public, e));
	TRY(tpm_make_ak(t, ag->o->key, a, &id->ak, e));
	TRY(tpm_load_ak(t, &id->ak, e));
	TRY(activate(
	    ag, t, token, until, a, id, &first.challenge, &admitted, e));
	TRY(tpm_save_ak(t, a, &first.ak_context, e));
	TRY(identity_save(s, id, e));
	TRY(progress_save(s, &first, e));
	printf("%s is enrolled at %s: %s\n", id->name, id->server,
	    admitted ? "admitted"
		     : "pending, until an operator admits it (akashi node "
		       "approve)");
	return RC_OK;
}

/* The CA file's absolute path: a service has another working folder. */
static rc
find_ca(const char *path, struct arena *a, const char **out, struct err *e)
{
	char *full = path ? realpath(path, NULL) : NULL;

	if (path && !full)
		return err_text(e, ERR_FILE, path, "Cannot find %.200s: %s.",
		    path, strerror(errno));
	const char *copy = arena_printf(a, "%s", full ? full : "");
	free(full);
	if (!copy)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	*out = copy;
	return RC_OK;
}

/* True and a line of text if there is an identity already and nobody asked
 * for a new one. */
static bool
is_enrolled(const struct agent *ag, const struct state *s, struct arena *a)
{
	struct identity id;
	struct err ignored;

	if (ag->o->again || !rc_ok(identity_load(s, a, &id, &ignored)))
		return false;
	printf("%s is enrolled at %s already; --again makes a new attestation "
	       "key.\n",
	    id.name, id.server);
	return true;
}

static rc
enrol_in(
    struct agent *ag, const struct state *s, struct arena *a, struct err *e)
{
	struct identity id = {
	    .server = ag->o->http.base_url, .name = ag->o->name};
	struct tpm_device *t;

	if (is_enrolled(ag, s, a))
		return RC_OK;
	TRY(find_ca(ag->o->http.ca_file, a, &id.ca, e));
	TRY(agent_connect(ag, &id, e));
	TRY(tpm_open(ag->o->tcti, &t, e));
	rc r = enrol_with(ag, t, s, &id, a, e);
	tpm_close(t);
	return r;
}

rc
agent_enrol(struct agent *ag, struct arena *a, struct err *e)
{
	struct state s;

	if (!name_valid(span_str(ag->o->name)))
		return err_at(e, ERR_NAME_FORMAT, NULL, "%s", ag->o->name);
	TRY(state_open(ag->o->state_dir, true, &s, e));
	rc r = enrol_in(ag, &s, a, e);
	state_close(&s);
	return r;
}
