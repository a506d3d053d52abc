/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <stdio.h>

static rc
take(struct agent *ag, struct tpm_device *t, struct evidence_files *f,
    struct tpm_evidence *q, struct arena *a, struct err *e)
{
	enum tpm_key ek = ag->o->ek == TPM_KEYS ? TPM_KEY_RSA : ag->o->ek;
	struct pcr_selections sel;
	struct tpm_ak ak;

	TRY(pcr_selections_parse(span_str(f->pcrs), &sel, e));
	TRY(tpm_ek_certificate(t, ek, a, &f->ek_certificate, e));
	TRY(tpm_load_ek(t, ek, a, &f->ek_public, e));
	TRY(tpm_make_ak(t, ag->o->key, a, &ak, e));
	TRY(tpm_load_ak(t, &ak, e));
	f->ak_public = ak.public_area;
	return tpm_take_quote(t, &sel, f->nonce, ag->hasher, a, q, e);
}

rc
agent_evidence(
    struct agent *ag, const char *dir, struct arena *a, struct err *e)
{
	struct tpm_evidence q;
	struct tpm_device *t;
	uint8_t nonce[32];
	struct evidence_files f = {.quote = &q,
	    .nonce = span_of(nonce, sizeof(nonce)),
	    .pcrs = ag->o->pcrs,
	    .logs = &ag->o->logs};

	TRY(random_bytes(nonce, sizeof(nonce)));
	TRY(tpm_open(ag->o->tcti, &t, e));
	rc r = take(ag, t, &f, &q, a, e);
	tpm_close(t);
	TRY(r);
	TRY(evidence_write(dir, &f, e));
	printf("Wrote a quote over %s and its logs to %s; try: akashi policy "
	       "learn %s\n",
	    f.pcrs, dir, dir);
	return RC_OK;
}
