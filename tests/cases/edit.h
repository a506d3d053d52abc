/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small changes to recorded evidence, written as a line of text:
 *
 *   flip PART AT            one bit          set PART AT DATA    overwrite
 *   cut PART LENGTH         keep so much     append PART DATA
 *   insert PART AT DATA     delete PART AT LENGTH
 *   absent PART             empty PART       file PART PATH
 *   ev drop|dup|rehash N    ev move N BEFORE
 *   ev bind N               hash what such an event hashes of its data
 *   ev type|pcr N VALUE     ev data N DATA   ev put BEFORE PCR TYPE DATA
 *   ima drop|dup|zero|rehash N               ima move N BEFORE
 *   ima pcr N VALUE
 *   ima set N AT DATA       in its template data
 *   ima add DIGEST PATH     ima-sig entry with a right template hash
 *   ima big                 the list in the other byte order, and so declared
 *   ima undeclared          not declared any more
 *   us boot                 what systemd measures until it is ready
 *   us add WHERE TYPE STRING  a record; WHERE is a PCR or an NV index, "-"
 *                           for no string
 *   us drop|dup N           us move N BEFORE
 *   us covered N            the quote to come covers N records
 *   us id HEX, us time N, us incomplete
 *   before log PATH         another log in front; after log PATH
 *   cap BANK                firmware closes the bank before the quote
 *   pcr BANK N DATA         the quoted value, whatever the logs say
 *   quote SELECTION         what sign puts into the quote
 *   asked SELECTION         what was asked for
 *   known FIELD DELTA       what is remembered: clock, reset, restart,
 *                           firmware, log; copies N seen of the TPM's state;
 *                           seconds N since then, and since the challenge was
 *                           issued
 *   sign    replay the logs as they are now, quote that, sign with a good key
 *   seal    sign the attest as it is
 *   values  send PCR values along
 *   policy PATH             judge by this document
 *   with JSON               judge by the golden policy with these members in
 *                           place of its own (RFC 7396); no blanks
 *
 * PART: attest sig ak log ima nonce values userspace ek cert. AT and LENGTH are
 * decimal, negative from the end; in attest also magic type signer extra clock
 * reset restart safe firmware select digest, with +N. DATA is hex, or
 * text:WORDS with + for a blank. Changes are separated by "; ". A base may be
 * followed by changes, which control and vector both get.
 */
#ifndef AKASHI_TESTS_CASES_EDIT_H
#define AKASHI_TESTS_CASES_EDIT_H

#include "lib/recorded.h"

#include <openssl/evp.h>

enum { FORCED_MAX = 8 };

struct edit {
	struct arena *a;
	struct hasher *h;
	EVP_PKEY *key; /* P-256, for sign and seal */
	struct recorded r;
	struct pcr_selections quote; /* n == 0: as asked */
	struct pcr_selections quoted;
	struct banks banks; /* after sign */
	struct tpm_clock clock;
	bool clock_known;
	uint8_t boot_log[32];
	int64_t issued;
	size_t forced_n;
	struct {
		uint16_t alg;
		unsigned pcr;
		struct span value;
	} forced[FORCED_MAX];
	struct {
		const char *boot; /* NULL: one of our own */
		uint64_t time;
		bool limited;
		size_t covered;
	} us;
	uint16_t capped;	     /* 0: no bank */
	struct policy *policy;	     /* the caller frees it */
	const struct policy *golden; /* what "with" starts from */
	bool absent;		     /* a file of ../shared is not there */
};

/* Apply the changes; false with a note where one is not understood. */
bool edit_apply(struct edit *e, const char *changes);

/* Only sign, seal (as sign), values, policy and with among them: the same
 * evidence, unmodified. */
bool edit_apply_control(struct edit *e, const char *changes);

/* A file of the tree, or of ../shared/vectors where the path begins with
 * third-party/. Sets e->absent. */
struct span edit_file(struct edit *e, const char *path);

#endif
