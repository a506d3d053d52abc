/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the CoRIM importer share: whether a document is to be
 * believed, and what becomes of it. */
#ifndef AKASHI_APPRAISE_IMPORT_CORIM_H
#define AKASHI_APPRAISE_IMPORT_CORIM_H

#include "appraise/import.h"
#include "decode/corim.h"

struct corim_job {
	struct import *i;
	const char *file;
	const struct corim_terms *terms; /* never NULL */
	size_t budget;			 /* items of CBOR that may follow */
	const struct sign_key *signer;	 /* NULL: not signed */
	char sha256[65];		 /* of the file, in hex */
};

/* Put the reference values into the policy, with notes on what could not be
 * translated. JSON_TYPE, JSON_LIMIT, MEMORY. */
MUST_USE rc corim_put(
    struct corim_job *j, const struct corim *c, struct err *e);

#endif
