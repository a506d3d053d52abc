/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers as members of a policy document. What cannot be
 * translated is listed, never dropped in silence. */
#ifndef AKASHI_APPRAISE_IMPORT_H
#define AKASHI_APPRAISE_IMPORT_H

#include "appraise/learn.h"
#include "verify/signkey.h"

/* Whom to believe about a CoRIM, and when. */
struct corim_terms {
	const struct corim_key {
		const struct sign_key *key;
		const char *vendor; /* it speaks for no other; NULL: for any */
	} * keys;
	size_t keys_n;
	const char *const *profiles; /* that are taken although not known */
	size_t profiles_n;
	bool take_unsigned;
	int64_t now;
};

struct import {
	json_t *doc; /* a policy document; grows */
	struct arena *a;
	struct hasher *hasher;
	const struct corim_terms *corim; /* NULL: nobody is believed */
	struct learn_note *notes;
	struct learn_note **tail;
	bool lost;			/* a note had no room */
	struct import_pcrlock *pcrlock; /* components until import_end() */
};

/* Start from a document, which policy_decode() would take, or
 * which judges nothing yet. The caller owns
 * i->doc (json_free). JSON_…, POLICY_…, MEMORY. */
MUST_USE rc import_begin(struct import *i, struct span policy, struct arena *a,
    struct hasher *h, struct err *e);

/* Add a note, in which bytes that are not text are escaped. One that finds no
 * room makes import_end() fail. */
void import_note(struct import *i, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The document in the form of policy_pretty(). POLICY_…, MEMORY. */
MUST_USE rc import_end(struct import *i, struct buf *out, struct err *e);

/* An importer takes one file; `source` becomes the "source" of what it adds,
 * and what the same source added before is replaced. IMPORT_FORMAT for a file
 * that is not of its format, JSON_TYPE for a document of another shape; MEMORY,
 * CRYPTO. */
typedef rc importer(
    struct import *i, struct span file, const char *source, struct err *e);

/* An update of dbx, or dbx itself: "secure_boot.dbx" and "secure_boot.svn".
 * The signature of an update is not checked. */
importer import_dbx;

/* An SBAT level: "secure_boot.sbat". */
importer import_sbat;

/* A list as sha256sum writes it: "ima.allow". */
importer import_sums;

/* A tar archive of a root or of a package (dpkg-deb --fsys-tarfile): every
 * regular file with its SHA-256: "ima.allow". */
importer import_tar;

/* A runtime policy of Keylime (version 1), or an allow list of older releases,
 * as JSON or as lines: "ima.allow", "ima.exclude", "ima.keyring". */
importer import_keylime;

/* A reference state of Keylime's example policy for measured boot:
 * "secure_boot" (pk, kek, db, dbx), "cmdline.lines", and alternatives of the
 * applications that "boot.4" has. */
importer import_refstate;

/* A file of systemd-pcrlock: what a component of this name measures, or one of
 * its variants, which is named for people. import_end() makes "boot" and
 * "userspace" of all of them together, by name, whatever the order in which
 * they came. PCRs that have rules of another source keep them, unless they are
 * opaque. IMPORT_FORMAT, MEMORY. */
MUST_USE rc import_pcrlock_add(struct import *i, const char *component,
    const char *variant, struct span file, struct err *e);

/* A CoRIM, on the terms of i->corim: PCR values under "boot", and "ima.allow".
 * `source` is only for notes: each value names CoMID, version and file hash.
 * CORIM_…, COSE_…; JSON_TYPE, MEMORY, CRYPTO. */
importer import_corim;

/* One file by one importer. XML is refused before it sees it: IMPORT_XML. */
MUST_USE rc import_file(struct import *i, importer *how, struct span file,
    const char *source, struct err *e);

/* --- for importers (import_ima.c) ------------------------------------------
 */

/* The components as members of the document; for import_end(). MEMORY, CRYPTO.
 */
MUST_USE rc import_pcrlock_put(struct import *i, struct err *e);

/* A member of an object, made by `make` where there is none; borrowed. NULL
 * without memory, or where it is there and of another type. */
json_t *import_member(json_t *obj, const char *key, json_t *(*make)(void));

/* Drop the objects of a list whose "source" is this one. */
void import_forget(json_t *list, const char *source);

/* Files on their way into "ima.allow". */
struct import_files {
	json_t *list;
	size_t weak;	 /* SHA-1: not translated */
	size_t unnamed;	 /* no path, or one too long: not translated */
	size_t relative; /* translated; the kernel has absolute paths */
};

/* Add one; json_free(f->list) is the caller's. MEMORY. */
MUST_USE rc import_files_add(struct import_files *f, const struct hash_alg *alg,
    const uint8_t *digest, struct span path, struct err *e);

/* Put them into the document as the group of this source, with notes on what
 * was translated and what not. MEMORY. */
MUST_USE rc import_files_put(struct import *i, const struct import_files *f,
    const char *source, struct err *e);

#endif
