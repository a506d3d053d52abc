/* SPDX-License-Identifier: Apache-2.0 */
/* Signature databases: PK, KEK, db, dbx, MokList (UEFI 2.10, 32.4.1). */
#ifndef AKASHI_DECODE_EFI_SIG_H
#define AKASHI_DECODE_EFI_SIG_H

#include "base/rd.h"

enum efi_sig_kind {
	SIG_OTHER,
	SIG_X509,
	SIG_SHA1,
	SIG_SHA224,
	SIG_SHA256,
	SIG_SHA384,
	SIG_SHA512,
	SIG_RSA2048,
	SIG_X509_SHA256,
	SIG_X509_SHA384,
	SIG_X509_SHA512,
	SIG_PKCS7,
	SIG_KINDS
};

/* One EFI_SIGNATURE_DATA. */
struct efi_sig {
	enum efi_sig_kind kind;
	const uint8_t *type;  /* the list's GUID, 16 bytes */
	const uint8_t *owner; /* who added it, 16 bytes */
	struct span data;     /* a certificate, a digest, … */
};

/* Entries of consecutive EFI_SIGNATURE_LISTs. */
struct efi_sigs {
	struct rd in;	/* the lists after the present one */
	struct rd list; /* entries left in the present one */
	const uint8_t *type;
	uint32_t size; /* of an entry */
	bool malformed;
};

struct efi_sigs efi_sigs_over(struct span lists);

/* The next entry; false at the end and at a malformed list, which sets
 * `malformed` for good: what was read before it is then not the database. */
bool efi_sigs_next(struct efi_sigs *s, struct efi_sig *out);

/* "X.509", "SHA-256", …; "other" for SIG_OTHER. */
const char *efi_sig_kind_name(enum efi_sig_kind kind);

/* The signature lists of a file: bare, behind the header of an authenticated
 * update (EFI_VARIABLE_AUTHENTICATION_2; UEFI 2.10, 8.2.2), or behind the
 * attributes that efivarfs puts first. False if none of these reads to the
 * end. The signature of an update is not checked. */
bool efi_sigs_file(struct span file, struct span *lists);

/* A "security version number" of a Windows boot application, which Microsoft
 * writes into dbx as if it were the hash of an image. */
struct efi_svn {
	unsigned app; /* row of efi_svn_app() */
	uint16_t major, minor;
};

bool efi_sig_svn(const struct efi_sig *sig, struct efi_svn *out);

/* "bootmgr", "cdboot", "wdsmgr"; NULL behind the last. */
const char *efi_svn_app(unsigned app);

#endif
