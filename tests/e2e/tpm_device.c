/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpm_device TCTI round         credential activation and quotes, every pair of
 *                               endorsement and attestation key
 * tpm_device TCTI absent        a quote over a bank that is not allocated
 * tpm_device TCTI make DIR      keep an identity and the AK's context in DIR
 * tpm_device TCTI again DIR     the same TPM after a power cycle
 * tpm_device TCTI foreign DIR   another TPM: the kept key must not work
 *
 * The agent's door to the TPM against a real one; run by agent_tpm.sh. TAP.
 */
#include "agent/state.h"
#include "lib/tap.h"
#include "verify/credential.h"

#include <stdio.h>

static struct arena a;
static struct hasher *hasher;
static struct tpm_device *tpm;
static struct err e;

static bool
done(rc r, const char *what)
{
	tap_ok(rc_ok(r), "%s", what);
	if (!rc_ok(r))
		tap_note("%s %s %s", err_name(r.code), e.path, e.text);
	return rc_ok(r);
}

static bool
refused(rc r, enum err_code want, const char *what)
{
	tap_ok(r.code == want, "%s: %s", what, err_name(want));
	return r.code == want;
}

/* --- round -----------------------------------------------------------------
 */

static rc
make_credential(
    struct span ek, struct span ak, struct span secret, struct credential *out)
{
	struct tpm_public ek_public, ak_public;
	struct tpm_name name;

	TRY(tpm_decode_public(ek, &a, &ek_public, &e));
	TRY(tpm_decode_public(ak, &a, &ak_public, &e));
	TRY(key_check_ak(&ak_public, &e));
	TRY(key_name(&ak_public, hasher, &name, &e));
	return credential_make(&ek_public, &name, secret, hasher, &a, out, &e);
}

/* The secret comes back; one for another key's name does not. */
static void
activation(const char *pair, struct span ek, const struct tpm_ak *ak)
{
	static const char secret[] = "0123456789abcdef0123456789abcdef";
	struct credential c;
	struct span got = {NULL, 0};
	struct tpm_ak other;

	tap_note("%s", pair);
	if (!done(make_credential(ek, ak->public_area, span_of(secret, 32), &c),
		"our MakeCredential"))
		return;
	done(tpm_activate(tpm, c.blob, c.secret, &a, &got, &e),
	    "the TPM activates it");
	tap_ok(span_eq(got, span_of(secret, 32)), "the secret comes back");
	uint8_t *blob = arena_alloc(&a, c.blob.n);
	memcpy(blob, c.blob.p, c.blob.n);
	blob[c.blob.n - 1] ^= 1;
	refused(
	    tpm_activate(tpm, span_of(blob, c.blob.n), c.secret, &a, &got, &e),
	    ERR_AGENT_TPM, "a flipped bit in the blob");
	refused(tpm_activate(tpm, span_of(c.blob.p, c.blob.n - 1), c.secret, &a,
		    &got, &e),
	    ERR_TPM_FORMAT, "a short blob");
	done(tpm_make_ak(tpm, TPM_KEY_ECC, &a, &other, &e), "another key");
	done(make_credential(ek, other.public_area, span_of(secret, 32), &c),
	    "MakeCredential for it");
	refused(tpm_activate(tpm, c.blob, c.secret, &a, &got, &e),
	    ERR_AGENT_TPM, "another key's credential");
}

/* A quote over two banks carries its PCR values. */
static void
quote(uint64_t want_values)
{
	struct pcr_selections sel;
	struct tpm_evidence q;

	done(pcr_selections_parse(
		 span_str("sha256:0,1,2,3,4,5,6,7,8,9,10,23+sha1:0,16"), &sel,
		 &e),
	    "a selection over two banks");
	if (done(tpm_take_quote(
		     tpm, &sel, span_str("nonce"), hasher, &a, &q, &e),
		"a quote"))
		tap_ok(q.pcrs.n == want_values, "%zu bytes of PCR values",
		    q.pcrs.n);
}

static void
round_of(enum tpm_key ek_kind, enum tpm_key ak_kind)
{
	struct span ek, context;
	struct tpm_ak ak;
	char pair[32];

	snprintf(pair, sizeof(pair), "EK %s, AK %s", tpm_key_name(ek_kind),
	    tpm_key_name(ak_kind));
	if (!done(tpm_load_ek(tpm, ek_kind, &a, &ek, &e), "the EK") ||
	    !done(tpm_make_ak(tpm, ak_kind, &a, &ak, &e), "an AK") ||
	    !done(tpm_load_ak(tpm, &ak, &e), "the AK is loaded"))
		return;
	activation(pair, ek, &ak);
	quote(12 * 32 + 2 * 20);
	done(tpm_save_ak(tpm, &a, &context, &e), "the AK's context");
	done(tpm_restore_ak(tpm, context, &e), "is taken back");
	quote(12 * 32 + 2 * 20);
}

/* A TPM drops a bank that is not allocated from the selection of its quote;
 * the values that come along are those of what it did quote. */
static void
absent_bank(void)
{
	const struct pcr_selections sel = {2, {{ALG_SHA256, 1}, {ALG_SHA1, 1}}};
	struct tpm_evidence q;
	struct tpm_ak ak;
	struct span ek;

	done(tpm_load_ek(tpm, TPM_KEY_RSA, &a, &ek, &e), "the EK");
	done(tpm_make_ak(tpm, TPM_KEY_ECC, &a, &ak, &e), "an AK");
	done(tpm_load_ak(tpm, &ak, &e), "is loaded");
	if (done(tpm_take_quote(
		     tpm, &sel, span_str("nonce"), hasher, &a, &q, &e),
		"a quote over a bank that this TPM lacks"))
		tap_ok(q.attest.n > 0 && q.pcrs.n == 32,
		    "has the values of the other bank");
}

static void
round_all(void)
{
	for (enum tpm_key ek = TPM_KEY_RSA; ek < TPM_KEYS; ek++)
		for (enum tpm_key ak = TPM_KEY_RSA; ak < TPM_KEYS; ak++)
			round_of(ek, ak);
}

/* --- a power cycle, and another TPM -----------------------------------------
 */

static void
make(struct state *s)
{
	struct identity id = {.server = "https://localhost",
	    .ca = "",
	    .name = "n",
	    .token = "aknt_x",
	    .ek = TPM_KEY_RSA};
	struct progress p = {0};
	struct pcr_selections sel;
	struct tpm_evidence q = {0};

	done(tpm_load_ek(tpm, id.ek, &a, &id.ek_public, &e), "the EK");
	done(tpm_make_ak(tpm, TPM_KEY_ECC, &a, &id.ak, &e), "an AK");
	done(tpm_load_ak(tpm, &id.ak, &e), "is loaded");
	done(tpm_save_ak(tpm, &a, &p.ak_context, &e), "its context");
	done(pcr_selections_parse(span_str("sha256:0"), &sel, &e), "PCR 0");
	done(tpm_take_quote(tpm, &sel, span_str("n"), hasher, &a, &q, &e),
	    "a quote");
	p.seen = true;
	p.reset_count = q.reset_count;
	done(identity_save(s, &id, &e), "the identity is kept");
	done(progress_save(s, &p, &e), "the context is kept");
}

static void
again(const struct identity *id, const struct progress *p)
{
	struct pcr_selections sel;
	struct tpm_evidence q = {0};
	struct span ek = {NULL, 0};

	refused(tpm_restore_ak(tpm, p->ak_context, &e), ERR_AGENT_TPM,
	    "the context of before the power cycle");
	done(tpm_load_ek(tpm, id->ek, &a, &ek, &e), "the EK");
	tap_ok(span_eq(ek, id->ek_public), "the EK is the same key");
	done(tpm_load_ak(tpm, &id->ak, &e), "the AK is loaded");
	done(pcr_selections_parse(span_str("sha256:0"), &sel, &e), "PCR 0");
	done(tpm_take_quote(tpm, &sel, span_str("n"), hasher, &a, &q, &e),
	    "a quote");
	tap_ok(q.reset_count > p->reset_count, "resetCount went up");
}

static void
foreign(const struct identity *id, const struct progress *p)
{
	struct span ek = {NULL, 0};

	refused(tpm_restore_ak(tpm, p->ak_context, &e), ERR_AGENT_TPM,
	    "the context of another TPM");
	done(tpm_load_ek(tpm, id->ek, &a, &ek, &e), "the EK");
	tap_ok(!span_eq(ek, id->ek_public), "the EK is another key");
	refused(tpm_load_ak(tpm, &id->ak, &e), ERR_AGENT_TPM,
	    "the AK of another TPM");
}

static void
with_state(const char *verb, const char *dir)
{
	struct identity id;
	struct progress p;
	struct state s;

	if (!done(state_open(dir, true, &s, &e), "the state folder"))
		return;
	if (strcmp(verb, "make") == 0) {
		make(&s);
	} else if (done(identity_load(&s, &a, &id, &e), "the identity") &&
		   done(progress_load(&s, &a, &p, &e), "the progress")) {
		if (strcmp(verb, "again") == 0)
			again(&id, &p);
		else
			foreign(&id, &p);
	}
	state_close(&s);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	arena_init(&a, 16 * 1024 * 1024);
	hasher = hasher_new();
	if (done(tpm_open(argv[1], &tpm, &e), argv[1])) {
		if (strcmp(argv[2], "round") == 0)
			round_all();
		else if (strcmp(argv[2], "absent") == 0)
			absent_bank();
		else if (argc > 3)
			with_state(argv[2], argv[3]);
		tpm_close(tpm);
	}
	hasher_free(hasher);
	arena_free(&a);
	return tap_done();
}
