/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a verdict did not pass, at three levels: for who answers for the machine
 * (management), for who looks after it (operator), and for who wants to know
 * exactly (analyst). One JSON document, in English or Japanese; what the walk
 * itself says of a single case is English alone.
 */
#ifndef AKASHI_APPRAISE_EXPLANATION_H
#define AKASHI_APPRAISE_EXPLANATION_H

#include "appraise/cause.h"
#include "base/json.h"

enum explain_level {
	EXPLAIN_MANAGEMENT = 1,
	EXPLAIN_OPERATOR = 2,
	EXPLAIN_ANALYST = 4,
	EXPLAIN_ALL = 7,
};

/* The bit of a level's name; 0: there is no such level. */
unsigned explain_level(struct span name);

/* A boot of which the log is there. */
struct explained_boot {
	const struct evlog *log;	  /* NULL: none */
	const struct boot_replay *replay; /* NULL: none */
};

/* Another verdict of the node. */
struct explained_verdict {
	const char *id; /* NULL: there is none */
	int64_t at;
};

/* Pointers may be NULL where nothing is known. */
struct explained {
	enum result result;
	bool observe;
	const char *node, *verdict, *policy_name;
	uint64_t policy_version; /* 0: not known */
	int64_t at;		 /* 0: not known */
	size_t reasons_n;
	const struct reason *reasons;
	uint64_t dropped;
	/* What is to be said of the node beside its last verdict: NODE_HELD,
	 * NODE_STALE …; ERR_OK: nothing. */
	enum err_code node_code;
	const struct policy *policy; /* that judged */
	struct explained_boot now;

	bool past_known; /* first and good were looked for */
	struct explained_verdict first, good;
	bool first_bounded; /* it may have been earlier */
	bool good_given;    /* a good boot, whether it has an id or not */
	struct explained_boot then;
	bool ima_known;		     /* the good boot's list is there */
	const char *const *ima_then; /* beside each reason: the digest that
				      * its file had, or NULL */
	bool others_known;
	uint64_t others;
	bool others_bounded; /* at least so many */
};

/* The digests that the files of reasons had in a list of whole entries, into
 * then[n], which may hold some already. Stops at what cannot be decoded. */
void explained_files(const struct reason *reasons, size_t n, struct span list,
    bool big_endian, struct arena *a, const char **then);

/* Index of the reason that tells the most: the first that is about the likely
 * cause. 0 where there is none. MEMORY. */
MUST_USE rc explained_reason(
    const struct explained *x, struct arena *a, size_t *out, struct err *e);

/* Add the members of the document to an object that the caller opened:
 * "sentence" by level and, as the levels ask, cause, next, first_seen,
 * other_nodes, reasons, last_good. MEMORY. */
MUST_USE rc explanation_emit(const struct explained *x, unsigned levels,
    const char *lang, struct arena *a, struct jw *w, struct err *e);

/* Words of people who read such a document: "since", "likely cause". */
enum explain_word {
#define X(ID, en, ja) EXPLAIN_##ID,
#include "appraise/explanation.def"
#undef X
	EXPLAIN_WORDS
};
const char *explain_word(enum explain_word word, const char *lang);

#endif
