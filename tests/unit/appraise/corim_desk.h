/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of CoRIM import share: a policy to import into, documents in text,
 * makers with keys and what they sign. */
#ifndef AKASHI_TESTS_CORIM_DESK_H
#define AKASHI_TESTS_CORIM_DESK_H

#include "appraise/import.h"
#include "base/clock.h"
#include "lib/cbor_text.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#define A "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
#define B "abababababababababababababababababababababababababababababababab"
#define C "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define A384 A "00112233445566778899aabbccddeeff"

/* 2026-11-20T09:00:00Z, and seconds around it. */
#define NOW (INT64_C(1795165200) * TIME_S)
#define BEFORE "1(1795165199)"
#define EXACT "1(1795165200)"
#define AFTER "1(1795165201)"

#define D256(hex) "[1,h'" hex "']"
#define REGISTERS(regs) "{1:{14:{" regs "}}}"
#define ENV "{0:{1:\"ACME\",2:\"Road Runner\"}}"
#define REFERENCE(measurements) "0:[[" ENV ",[" measurements "]]]"
#define COMID(id, version, triples)                                            \
	"506(<<{1:{0:\"" id "\",1:" version "},4:{" triples "}}>>)"
#define CORIM(tags, rest) "501({0:\"rim\",1:[" tags "]" rest "})"
#define SIMPLE(rest)                                                           \
	CORIM(COMID("acme-fw", "3",                                            \
		  REFERENCE(REGISTERS("4:[" D256(A) "," D256(B) "]"))),        \
	    rest)
#define GOOD SIMPLE("")
#define ONE(measurement) CORIM(COMID("x", "1", REFERENCE(measurement)), "")

extern const char desk_policy[];

struct desk {
	struct arena arena;
	struct hasher *hasher;
	struct import im;
	struct corim_terms terms;
	struct buf out;
};
extern struct desk desk;

/* A fixture: an import into desk_policy that takes unsigned documents. */
void desk_setup(void);
void desk_end(void);

/* Start anew with this policy. */
void desk_begin(const char *policy);

struct span cbor(const char *text);

rc take(struct span file, struct err *e);
void taken(struct span file);

/* Refused with this code at this path (NULL: at any), and the policy is as it
 * was. */
void refused(struct span file, enum err_code code, const char *path);

bool noted(const char *words);
void tell_notes(void);

/* The document as it would be printed. */
const char *printed(void);

/* A key pair, as its owner and as the operator has it. */
struct maker {
	struct sign_key *private, *public;
};

/* Takes the key. */
struct maker maker(EVP_PKEY *pkey);
void maker_free(struct maker *m);

/* What a signed document is made of; {.by = …} is a good one. */
struct letter {
	const struct maker *by;
	struct sign_how how; /* ES256 without */
	const char *header;  /* protected, in text */
	const char *outside; /* not protected */
	const char *payload;
	const char *attached; /* in place of the payload, after signing */
	bool elsewhere;	      /* signed for another purpose */
};

#define CONTENT "3:\"application/rim+cbor\""
#define META "8:<<{0:{0:\"ACME Ltd\"}}>>"
#define HEADER(alg, more) "{1:" alg "," CONTENT "," META more "}"

struct span letter(const struct letter *l);

/* Believe this key, of any vendor, and nothing unsigned. */
void believe(const struct maker *m);

#endif
