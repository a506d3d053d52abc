/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tpm.h"

#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#define PASSWORD ESYS_TR_PASSWORD
#define NONE ESYS_TR_NONE

struct tpm_device {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR ek, ak; /* NONE: not loaded */
	bool ek_persistent;
};

static void
freep(void *p)
{
	Esys_Free(*(void **)p);
}
#define ESYS_AUTO __attribute__((cleanup(freep)))

/* --- errors --------------------------------------------------------------- */

/* What a person can do about the answers that are seen in the field. */
static const char *
advice(TSS2_RC r)
{
	static const struct {
		TSS2_RC code;
		const char *text;
	} rows[] = {
	    {TPM2_RC_INITIALIZE, "it was never started (TPM2_Startup)"},
	    {TPM2_RC_FAILURE, "it is in failure mode; reset it"},
	    {TPM2_RC_OBJECT_MEMORY, "no free slot; use /dev/tpmrm0, or flush "
				    "with tpm2_flushcontext -t"},
	    {TPM2_RC_SESSION_MEMORY, "no free session; use /dev/tpmrm0, or "
				     "flush with tpm2_flushcontext -l"},
	    {TPM2_RC_LOCKOUT, "locked out after wrong passwords; see "
			      "tpm2_dictionarylockout"},
	    {TPM2_RC_BAD_AUTH, "a hierarchy has a password; the endorsement "
			       "hierarchy's must be empty"},
	    {TPM2_RC_AUTH_FAIL, "a hierarchy has a password; the endorsement "
				"hierarchy's must be empty"},
	    {TPM2_RC_INTEGRITY, "the key or credential was made for another "
				"TPM, or before its reset; enrol again"},
	    {TPM2_RC_HASH,
		"it does not have a hash algorithm that is asked for"},
	    {TPM2_RC_HIERARCHY, "the endorsement hierarchy is disabled; see "
				"the firmware's settings"},
	};
	/* Format-one codes carry the number of the handle or parameter. */
	TSS2_RC plain = r & TPM2_RC_FMT1 ? r & 0xbf : r & 0xfff;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == plain)
			return rows[i].text;
	return "see tpm2_rc_decode";
}

static rc
tss(TSS2_RC r, const char *what, struct err *e)
{
	if (r == TSS2_RC_SUCCESS)
		return RC_OK;
	if ((r & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return err_text(e, ERR_AGENT_TPM, "",
		    "%s: the connection to the TPM broke (0x%06x).", what, r);
	return err_text(e, ERR_AGENT_TPM, "", "%s failed with 0x%03x: %s.",
	    what, r, advice(r));
}

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static rc
keep(struct arena *a, struct span s, struct span *out, struct err *e)
{
	struct span copy = arena_copy(a, s);

	if (s.n && !copy.p)
		return memory(e);
	*out = copy;
	return RC_OK;
}

/* --- connection ----------------------------------------------------------- */

/* The device in words, before the library says it with a number. */
static rc
check_device(const char *tcti, struct err *e)
{
	const char *path = "/dev/tpmrm0";

	if (strncmp(tcti, "device", 6) != 0)
		return RC_OK;
	if (strncmp(tcti, "device:", 7) == 0 && tcti[7])
		path = tcti + 7;
	if (access(path, R_OK | W_OK) == 0)
		return RC_OK;
	if (errno == EACCES || errno == EPERM)
		return err_text(e, ERR_AGENT_TPM_MISSING, path,
		    "May not open %s: run as root, or join the group that owns "
		    "it (usually tss).",
		    path);
	return err_text(e, ERR_AGENT_TPM_MISSING, path,
	    "There is no %s: switch the TPM 2.0 on in the firmware's setup and "
	    "load its driver (modprobe tpm_crb tpm_tis; dmesg | grep -i tpm). "
	    "A software TPM is named by --tcti swtpm:path=SOCKET.",
	    path);
}

static rc
connect_tpm(struct tpm_device *t, const char *tcti, struct err *e)
{
	TSS2_RC r = Tss2_TctiLdr_Initialize(tcti, &t->tcti);

	if (r == TSS2_RC_SUCCESS)
		r = Esys_Initialize(&t->esys, t->tcti, NULL);
	if (r == TSS2_RC_SUCCESS)
		return RC_OK;
	return err_text(e, ERR_AGENT_TPM_MISSING, tcti,
	    "Cannot connect to the TPM through %.120s (0x%06x): is it there, "
	    "and does nobody else hold it?",
	    tcti, r);
}

rc
tpm_open(const char *tcti, struct tpm_device **out, struct err *e)
{
	TRY(check_device(tcti, e));
	struct tpm_device *t = calloc(1, sizeof(*t));
	if (!t)
		return memory(e);
	t->ek = t->ak = NONE;
	rc r = connect_tpm(t, tcti, e);
	if (!rc_ok(r)) {
		tpm_close(t);
		return r;
	}
	*out = t;
	return RC_OK;
}

static void
drop(struct tpm_device *t, ESYS_TR *handle, bool persistent)
{
	if (*handle != NONE && persistent)
		Esys_TR_Close(t->esys, handle);
	else if (*handle != NONE)
		Esys_FlushContext(t->esys, *handle);
	*handle = NONE;
}

void
tpm_close(struct tpm_device *t)
{
	if (!t)
		return;
	drop(t, &t->ak, false);
	drop(t, &t->ek, t->ek_persistent);
	Esys_Finalize(&t->esys);
	Tss2_TctiLdr_Finalize(&t->tcti);
	free(t);
}

/* --- templates ------------------------------------------------------------ */

/* TPM2_PolicySecret(TPM_RH_ENDORSEMENT): PolicyA of the EK Credential Profile
 * 2.4, annex B.3. */
#define POLICY_A                                                               \
	{                                                                      \
		.size = 32,                                                    \
		.buffer = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,     \
		    0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,      \
		    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1,      \
		    0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa},                       \
	}

enum {
	EK_ATTRIBUTES = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
			TPMA_OBJECT_SENSITIVEDATAORIGIN |
			TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED |
			TPMA_OBJECT_DECRYPT,
	/* noDA: its password is empty, and another program's wrong guesses
	 * shall not stop attestation. */
	AK_ATTRIBUTES = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
			TPMA_OBJECT_SENSITIVEDATAORIGIN |
			TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
			TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
};

#define AES_128_CFB                                                            \
	{                                                                      \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128,                 \
		.mode.aes = TPM2_ALG_CFB                                       \
	}
#define NO_SYMMETRIC                                                           \
	{                                                                      \
		.algorithm = TPM2_ALG_NULL                                     \
	}

struct key_row {
	const char *name;
	TPM2_HANDLE certificate; /* NV index */
	TPM2_HANDLE persistent;	 /* where an EK may stand ready */
	TPMT_PUBLIC ek, ak;
};

static const struct key_row rows[TPM_KEYS] = {
    [TPM_KEY_RSA] =
	{
	    .name = "rsa",
	    .certificate = 0x01c00002,
	    .persistent = 0x81010001,
	    .ek =
		{
		    .type = TPM2_ALG_RSA,
		    .nameAlg = TPM2_ALG_SHA256,
		    .objectAttributes = EK_ATTRIBUTES,
		    .authPolicy = POLICY_A,
		    .parameters.rsaDetail =
			{
			    .symmetric = AES_128_CFB,
			    .scheme.scheme = TPM2_ALG_NULL,
			    .keyBits = 2048,
			},
		    .unique.rsa.size = 256,
		},
	    .ak =
		{
		    .type = TPM2_ALG_RSA,
		    .nameAlg = TPM2_ALG_SHA256,
		    .objectAttributes = AK_ATTRIBUTES,
		    .parameters.rsaDetail =
			{
			    .symmetric = NO_SYMMETRIC,
			    .scheme =
				{
				    .scheme = TPM2_ALG_RSASSA,
				    .details.rsassa.hashAlg = TPM2_ALG_SHA256,
				},
			    .keyBits = 2048,
			},
		},
	},
    [TPM_KEY_ECC] =
	{
	    .name = "ecc",
	    .certificate = 0x01c0000a,
	    .ek =
		{
		    .type = TPM2_ALG_ECC,
		    .nameAlg = TPM2_ALG_SHA256,
		    .objectAttributes = EK_ATTRIBUTES,
		    .authPolicy = POLICY_A,
		    .parameters.eccDetail =
			{
			    .symmetric = AES_128_CFB,
			    .scheme.scheme = TPM2_ALG_NULL,
			    .curveID = TPM2_ECC_NIST_P256,
			    .kdf.scheme = TPM2_ALG_NULL,
			},
		    .unique.ecc = {.x.size = 32, .y.size = 32},
		},
	    .ak =
		{
		    .type = TPM2_ALG_ECC,
		    .nameAlg = TPM2_ALG_SHA256,
		    .objectAttributes = AK_ATTRIBUTES,
		    .parameters.eccDetail =
			{
			    .symmetric = NO_SYMMETRIC,
			    .scheme =
				{
				    .scheme = TPM2_ALG_ECDSA,
				    .details.ecdsa.hashAlg = TPM2_ALG_SHA256,
				},
			    .curveID = TPM2_ECC_NIST_P256,
			    .kdf.scheme = TPM2_ALG_NULL,
			},
		},
	},
};

const char *
tpm_key_name(enum tpm_key key)
{
	return rows[key].name;
}

enum tpm_key
tpm_key_by_name(const char *name)
{
	enum tpm_key k = TPM_KEY_RSA;

	while (k < TPM_KEYS && strcmp(rows[k].name, name) != 0)
		k++;
	return k;
}

/* --- marshalling ---------------------------------------------------------- */

static rc
keep_public(
    struct arena *a, const TPM2B_PUBLIC *pub, struct span *out, struct err *e)
{
	uint8_t bytes[sizeof(*pub)];
	size_t n = 0;

	TRY(tss(Tss2_MU_TPM2B_PUBLIC_Marshal(pub, bytes, sizeof(bytes), &n),
	    "Marshalling a public area", e));
	return keep(a, span_of(bytes, n), out, e);
}

/* --- endorsement key ------------------------------------------------------ */

/* Every member but the key itself is the template's. */
static bool
follows_template(const TPM2B_PUBLIC *pub, const TPMT_PUBLIC *template)
{
	TPMT_PUBLIC made = pub->publicArea;
	uint8_t a[sizeof(made)], b[sizeof(made)];
	size_t a_n = 0, b_n = 0;

	made.unique = template->unique;
	return Tss2_MU_TPMT_PUBLIC_Marshal(&made, a, sizeof(a), &a_n) ==
		   TSS2_RC_SUCCESS &&
	       Tss2_MU_TPMT_PUBLIC_Marshal(template, b, sizeof(b), &b_n) ==
		   TSS2_RC_SUCCESS &&
	       span_eq(span_of(a, a_n), span_of(b, b_n));
}

/* Ask before using: the TSS writes a line to stderr for each refusal. */
static rc
handle_exists(
    struct tpm_device *t, TPM2_HANDLE handle, bool *exists, struct err *e)
{
	ESYS_AUTO TPMS_CAPABILITY_DATA *got = NULL;
	TPMI_YES_NO more;

	TRY(tss(Esys_GetCapability(t->esys, NONE, NONE, NONE, TPM2_CAP_HANDLES,
		    handle, 1, &more, &got),
	    "Listing handles", e));
	*exists = got->data.handles.count > 0 &&
		  got->data.handles.handle[0] == handle;
	return RC_OK;
}

/* Use what stands at the row's persistent handle, if it is such a key. */
static bool
find_ek(struct tpm_device *t, const struct key_row *row, TPM2B_PUBLIC **pub)
{
	ESYS_TR h = NONE;

	if (!row->persistent || Esys_TR_FromTPMPublic(t->esys, row->persistent,
				    NONE, NONE, NONE, &h) != TSS2_RC_SUCCESS)
		return false;
	if (Esys_ReadPublic(t->esys, h, NONE, NONE, NONE, pub, NULL, NULL) ==
		TSS2_RC_SUCCESS &&
	    follows_template(*pub, &row->ek)) {
		t->ek = h;
		t->ek_persistent = true;
		return true;
	}
	Esys_Free(*pub);
	*pub = NULL;
	Esys_TR_Close(t->esys, &h);
	return false;
}

static rc
make_ek(struct tpm_device *t, const struct key_row *row, TPM2B_PUBLIC **pub,
    struct err *e)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {0};
	const TPM2B_PUBLIC template = {.publicArea = row->ek};
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION no_pcrs = {0};

	t->ek_persistent = false;
	return tss(Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, PASSWORD,
		       NONE, NONE, &sensitive, &template, &outside, &no_pcrs,
		       &t->ek, pub, NULL, NULL, NULL),
	    "Making the endorsement key", e);
}

rc
tpm_load_ek(struct tpm_device *t, enum tpm_key key, struct arena *a,
    struct span *public_area, struct err *e)
{
	ESYS_AUTO TPM2B_PUBLIC *pub = NULL;

	drop(t, &t->ek, t->ek_persistent);
	if (!find_ek(t, &rows[key], &pub))
		TRY(make_ek(t, &rows[key], &pub, e));
	return keep_public(a, pub, public_area, e);
}

/* A policy session that satisfies PolicyA; the caller flushes it. */
static rc
ek_session(struct tpm_device *t, ESYS_TR *out, struct err *e)
{
	const TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL};
	ESYS_TR s = NONE;

	TRY(tss(Esys_StartAuthSession(t->esys, NONE, NONE, NONE, NONE, NONE,
		    NULL, TPM2_SE_POLICY, &no_encryption, TPM2_ALG_SHA256, &s),
	    "Starting a policy session", e));
	rc r = tss(Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, s,
		       PASSWORD, NONE, NONE, NULL, NULL, NULL, 0, NULL, NULL),
	    "Authorising the use of the endorsement key", e);
	if (rc_ok(r))
		*out = s;
	else
		Esys_FlushContext(t->esys, s);
	return r;
}

/* --- its certificate ------------------------------------------------------ */

/* NV buffers are at least this large (PTP 1.05, 3.5). */
enum { NV_CHUNK = 512 };

static rc
read_nv(struct tpm_device *t, ESYS_TR nv, const TPMS_NV_PUBLIC *area,
    uint8_t *out, struct err *e)
{
	ESYS_TR auth =
	    area->attributes & TPMA_NV_AUTHREAD ? nv : ESYS_TR_RH_OWNER;

	for (uint16_t at = 0; at < area->dataSize;) {
		ESYS_AUTO TPM2B_MAX_NV_BUFFER *data = NULL;
		uint16_t left = (uint16_t)(area->dataSize - at);
		uint16_t want = left < NV_CHUNK ? left : NV_CHUNK;
		TRY(tss(Esys_NV_Read(t->esys, auth, nv, PASSWORD, NONE, NONE,
			    want, at, &data),
		    "Reading the endorsement certificate", e));
		if (data->size != want)
			return err_at(e, ERR_AGENT_TPM,
			    "The TPM returned part of the endorsement "
			    "certificate.",
			    "%s", "");
		memcpy(out + at, data->buffer, want);
		at = (uint16_t)(at + want);
	}
	return RC_OK;
}

static rc
read_certificate(struct tpm_device *t, ESYS_TR nv, struct arena *a,
    struct span *out, struct err *e)
{
	ESYS_AUTO TPM2B_NV_PUBLIC *area = NULL;

	TRY(tss(Esys_NV_ReadPublic(t->esys, nv, NONE, NONE, NONE, &area, NULL),
	    "Reading the endorsement certificate's index", e));
	size_t n = area->nvPublic.dataSize;
	if (n > LIMIT_CERT || !(area->nvPublic.attributes & TPMA_NV_WRITTEN)) {
		*out = span_of(NULL, 0);
		return RC_OK;
	}
	uint8_t *p = arena_alloc(a, n);
	if (!p)
		return memory(e);
	TRY(read_nv(t, nv, &area->nvPublic, p, e));
	*out = span_of(p, n);
	return RC_OK;
}

rc
tpm_ek_certificate(struct tpm_device *t, enum tpm_key key, struct arena *a,
    struct span *out, struct err *e)
{
	ESYS_TR nv = NONE;
	bool exists = false;

	TRY(handle_exists(t, rows[key].certificate, &exists, e));
	if (!exists) {
		*out = span_of(NULL, 0);
		return RC_OK;
	}
	TRY(tss(Esys_TR_FromTPMPublic(
		    t->esys, rows[key].certificate, NONE, NONE, NONE, &nv),
	    "Looking for the endorsement certificate", e));
	rc read = read_certificate(t, nv, a, out, e);
	Esys_TR_Close(t->esys, &nv);
	return read;
}

/* --- attestation key ------------------------------------------------------ */

rc
tpm_make_ak(struct tpm_device *t, enum tpm_key key, struct arena *a,
    struct tpm_ak *out, struct err *e)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {0};
	const TPM2B_PUBLIC template = {.publicArea = rows[key].ak};
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION no_pcrs = {0};
	ESYS_AUTO TPM2B_PUBLIC *pub = NULL;
	ESYS_AUTO TPM2B_PRIVATE *priv = NULL;
	uint8_t bytes[sizeof(*priv)];
	size_t n = 0;
	ESYS_TR s = NONE;
	struct tpm_ak made;

	TRY(ek_session(t, &s, e));
	rc r = tss(
	    Esys_Create(t->esys, t->ek, s, NONE, NONE, &sensitive, &template,
		&outside, &no_pcrs, &priv, &pub, NULL, NULL, NULL),
	    "Making the attestation key", e);
	Esys_FlushContext(t->esys, s);
	TRY(r);
	TRY(tss(Tss2_MU_TPM2B_PRIVATE_Marshal(priv, bytes, sizeof(bytes), &n),
	    "Marshalling the attestation key", e));
	TRY(keep(a, span_of(bytes, n), &made.private_area, e));
	TRY(keep_public(a, pub, &made.public_area, e));
	*out = made;
	return RC_OK;
}

static rc
unmarshal_ak(const struct tpm_ak *ak, TPM2B_PUBLIC *pub, TPM2B_PRIVATE *priv,
    struct err *e)
{
	size_t n = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(ak->public_area.p, ak->public_area.n,
		&n, pub) != TSS2_RC_SUCCESS ||
	    n != ak->public_area.n)
		return err_at(e, ERR_AGENT_STATE,
		    "The stored attestation key cannot be read; enrol again.",
		    "%s", "ak_public");
	n = 0;
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(ak->private_area.p,
		ak->private_area.n, &n, priv) != TSS2_RC_SUCCESS ||
	    n != ak->private_area.n)
		return err_at(e, ERR_AGENT_STATE,
		    "The stored attestation key cannot be read; enrol again.",
		    "%s", "ak_private");
	return RC_OK;
}

rc
tpm_load_ak(struct tpm_device *t, const struct tpm_ak *ak, struct err *e)
{
	TPM2B_PUBLIC pub = {0};
	TPM2B_PRIVATE priv = {0};
	ESYS_TR s = NONE;

	TRY(unmarshal_ak(ak, &pub, &priv, e));
	drop(t, &t->ak, false);
	TRY(ek_session(t, &s, e));
	rc r =
	    tss(Esys_Load(t->esys, t->ek, s, NONE, NONE, &priv, &pub, &t->ak),
		"Loading the attestation key", e);
	Esys_FlushContext(t->esys, s);
	return r;
}

rc
tpm_save_ak(
    struct tpm_device *t, struct arena *a, struct span *context, struct err *e)
{
	ESYS_AUTO TPMS_CONTEXT *saved = NULL;
	uint8_t bytes[sizeof(*saved)];
	size_t n = 0;

	TRY(tss(Esys_ContextSave(t->esys, t->ak, &saved),
	    "Saving the attestation key's context", e));
	TRY(tss(Tss2_MU_TPMS_CONTEXT_Marshal(saved, bytes, sizeof(bytes), &n),
	    "Marshalling the attestation key's context", e));
	return keep(a, span_of(bytes, n), context, e);
}

rc
tpm_restore_ak(struct tpm_device *t, struct span context, struct err *e)
{
	TPMS_CONTEXT saved = {0};
	size_t n = 0;

	drop(t, &t->ak, false);
	TRY(tss(
	    Tss2_MU_TPMS_CONTEXT_Unmarshal(context.p, context.n, &n, &saved),
	    "Reading the attestation key's context", e));
	return tss(Esys_ContextLoad(t->esys, &saved, &t->ak),
	    "Restoring the attestation key's context", e);
}

/* --- credential activation ------------------------------------------------ */

rc
tpm_activate(struct tpm_device *t, struct span blob, struct span secret,
    struct arena *a, struct span *out, struct err *e)
{
	TPM2B_ID_OBJECT id = {0};
	TPM2B_ENCRYPTED_SECRET encrypted = {0};
	ESYS_AUTO TPM2B_DIGEST *opened = NULL;
	size_t id_n = 0, secret_n = 0;
	ESYS_TR s = NONE;

	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(blob.p, blob.n, &id_n, &id) !=
		TSS2_RC_SUCCESS ||
	    id_n != blob.n ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
		secret.p, secret.n, &secret_n, &encrypted) != TSS2_RC_SUCCESS ||
	    secret_n != secret.n)
		return err_at(e, ERR_TPM_FORMAT,
		    "The credential is not a TPM2B_ID_OBJECT with a "
		    "TPM2B_ENCRYPTED_SECRET.",
		    "%s", "credential_blob");
	TRY(ek_session(t, &s, e));
	rc r = tss(Esys_ActivateCredential(t->esys, t->ak, t->ek, PASSWORD, s,
		       NONE, &id, &encrypted, &opened),
	    "Activating the credential", e);
	Esys_FlushContext(t->esys, s);
	TRY(r);
	r = keep(a, span_of(opened->buffer, opened->size), out, e);
	secret_cleanse(opened, sizeof(*opened));
	return r;
}

/* --- quote ---------------------------------------------------------------- */

static rc
selection_of(
    const struct pcr_selections *sel, TPML_PCR_SELECTION *out, struct err *e)
{
	if (sel->n > TPM2_NUM_PCR_BANKS)
		return err_at(e, ERR_QUOTE_BANK,
		    "The selection names too many banks.", "%s", "pcrs");
	out->count = (UINT32)sel->n;
	for (size_t i = 0; i < sel->n; i++) {
		TPMS_PCR_SELECTION *s = &out->pcrSelections[i];
		s->hash = sel->bank[i].alg;
		s->sizeofSelect = 3;
		for (unsigned b = 0; b < 3; b++)
			s->pcrSelect[b] =
			    (uint8_t)(sel->bank[i].mask >> (8 * b));
	}
	return RC_OK;
}

/* Take the PCRs of `read` off those that are left; false if none was. */
static bool
take_off(TPMS_PCR_SELECTION *left, const TPMS_PCR_SELECTION *read)
{
	bool any = false;

	for (unsigned b = 0; b < left->sizeofSelect && b < 4; b++) {
		any |= (left->pcrSelect[b] & read->pcrSelect[b]) != 0;
		left->pcrSelect[b] &= (uint8_t)~read->pcrSelect[b];
	}
	return any;
}

/* Append the values of one bank; one read returns eight at most. *complete
 * becomes false if the TPM returns none of what is left. */
static rc
read_bank(struct tpm_device *t, TPMS_PCR_SELECTION left, struct buf *out,
    bool *complete, struct err *e)
{
	while (!span_all(span_of(left.pcrSelect, left.sizeofSelect), 0)) {
		ESYS_AUTO TPML_PCR_SELECTION *got = NULL;
		ESYS_AUTO TPML_DIGEST *values = NULL;
		TPML_PCR_SELECTION want = {1, {left}};
		TRY(tss(Esys_PCR_Read(t->esys, NONE, NONE, NONE, &want, NULL,
			    &got, &values),
		    "Reading PCRs", e));
		if (got->count != 1 ||
		    !take_off(&left, &got->pcrSelections[0])) {
			*complete = false;
			return RC_OK;
		}
		for (UINT32 i = 0; i < values->count; i++)
			buf_put(out, values->digests[i].buffer,
			    values->digests[i].size);
	}
	return RC_OK;
}

static rc
read_pcrs(struct tpm_device *t, const TPML_PCR_SELECTION *sel, struct buf *out,
    bool *complete, struct err *e)
{
	*complete = true;
	for (UINT32 i = 0; i < sel->count && *complete; i++)
		TRY(read_bank(t, sel->pcrSelections[i], out, complete, e));
	return out->failed ? memory(e) : RC_OK;
}

/* The values that were just read, if they hash to the quote's pcrDigest (Part
 * 1, 17.6: by the hash of the signing scheme, SHA-256 for both our keys). */
static rc
matching_pcrs(struct tpm_device *t, const TPMS_QUOTE_INFO *q, struct hasher *h,
    struct arena *a, struct span *out, struct err *e)
{
	struct buf values = {0};
	uint8_t digest[HASH_MAX];
	bool complete = false;

	rc r = read_pcrs(t, &q->pcrSelect, &values, &complete, e);
	if (rc_ok(r) && complete)
		r = hash_of(h, ALG_SHA256, buf_span(&values), digest);
	if (rc_ok(r) && complete &&
	    span_eq(span_of(digest, 32),
		span_of(q->pcrDigest.buffer, q->pcrDigest.size)))
		r = keep(a, buf_span(&values), out, e);
	buf_free(&values);
	return r;
}

static rc
quote_once(struct tpm_device *t, const TPML_PCR_SELECTION *sel,
    const TPM2B_DATA *qualifying, TPM2B_ATTEST **attest,
    TPMT_SIGNATURE **signature, struct err *e)
{
	const TPMT_SIG_SCHEME keys_own = {.scheme = TPM2_ALG_NULL};

	return tss(Esys_Quote(t->esys, t->ak, PASSWORD, NONE, NONE, qualifying,
		       &keys_own, sel, attest, signature),
	    "Quoting", e);
}

static rc
keep_quote(struct arena *a, const TPM2B_ATTEST *attest,
    const TPMT_SIGNATURE *signature, struct tpm_evidence *out, struct err *e)
{
	uint8_t bytes[sizeof(*signature)];
	size_t n = 0;

	TRY(tss(
	    Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof(bytes), &n),
	    "Marshalling the signature", e));
	TRY(keep(a, span_of(bytes, n), &out->signature, e));
	return keep(
	    a, span_of(attest->attestationData, attest->size), &out->attest, e);
}

static rc
try_quote(struct tpm_device *t, const TPML_PCR_SELECTION *sel,
    const TPM2B_DATA *qualifying, struct hasher *h, struct arena *a,
    struct tpm_evidence *out, struct err *e)
{
	ESYS_AUTO TPM2B_ATTEST *attest = NULL;
	ESYS_AUTO TPMT_SIGNATURE *signature = NULL;
	TPMS_ATTEST said = {0};
	size_t n = 0;

	TRY(quote_once(t, sel, qualifying, &attest, &signature, e));
	TRY(tss(Tss2_MU_TPMS_ATTEST_Unmarshal(
		    attest->attestationData, attest->size, &n, &said),
	    "Reading the quote", e));
	out->reset_count = said.clockInfo.resetCount;
	out->restart_count = said.clockInfo.restartCount;
	out->pcrs = span_of(NULL, 0);
	TRY(matching_pcrs(t, &said.attested.quote, h, a, &out->pcrs, e));
	return keep_quote(a, attest, signature, out, e);
}

rc
tpm_take_quote(struct tpm_device *t, const struct pcr_selections *selection,
    struct span qualifying, struct hasher *h, struct arena *a,
    struct tpm_evidence *out, struct err *e)
{
	/* PCR 10 moves with every new file that runs: a quote that its values
	 * do not fit any more is taken again. */
	enum { TRIES = 4 };
	TPML_PCR_SELECTION sel = {0};
	TPM2B_DATA data = {.size = (UINT16)qualifying.n};
	struct tpm_evidence got = {0};

	TRY(selection_of(selection, &sel, e));
	if (qualifying.n > sizeof(data.buffer))
		return err_at(
		    e, ERR_AGENT_TPM, "The nonce is too long.", "%s", "");
	memcpy(data.buffer, qualifying.p, qualifying.n);
	for (int i = 0; i < TRIES && got.pcrs.n == 0; i++)
		TRY(try_quote(t, &sel, &data, h, a, &got, e));
	*out = got;
	return RC_OK;
}

rc
tpm_extend(struct tpm_device *t, uint32_t pcr, const struct digest *digests,
    size_t n, struct err *e)
{
	TPML_DIGEST_VALUES values = {0};

	if (pcr >= LIMIT_PCRS || n > TPM2_NUM_PCR_BANKS)
		return err_at(
		    e, ERR_AGENT_TPM, "There is no such PCR.", "pcr %u", pcr);
	for (size_t i = 0; i < n; i++) {
		const struct hash_alg *alg = hash_by_id(digests[i].alg);
		if (!alg)
			continue;
		TPMT_HA *v = &values.digests[values.count++];
		v->hashAlg = alg->id;
		memcpy(&v->digest, digests[i].bytes, alg->size);
	}
	return tss(Esys_PCR_Extend(t->esys, ESYS_TR_PCR0 + pcr, PASSWORD, NONE,
		       NONE, &values),
	    "Extending a PCR", e);
}
