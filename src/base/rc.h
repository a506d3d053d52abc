/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results and errors.
 *
 * err.def is the only list of codes: it yields the enum, the dotted names,
 * class, consequence, HTTP status and sentences in English and Japanese.
 * A function that can fail returns `rc`, writes its outs only on success and
 * fills `struct err` only on failure.
 */
#ifndef AKASHI_BASE_RC_H
#define AKASHI_BASE_RC_H

#include <stdbool.h>
#include <stddef.h>

enum err_code {
	ERR_OK = 0,
#define X(id, name, cls, effect, http, en, ja) ERR_##id,
#include "base/err.def"
#undef X
	ERR_COUNT
};

/* Why a reason was given (product.md "The words we use"), then the two
 * classes that are never about evidence. */
enum err_class {
	CLS_TAMPER,    /* tamper-suspected */
	CLS_CHANGE,    /* unapproved-change */
	CLS_MISCONFIG, /* misconfiguration */
	CLS_UNKNOWN,   /* unknown-measurement */
	CLS_PROTOCOL,  /* protocol-error */
	CLS_STALE,     /* stale */
	CLS_NOPOLICY,  /* no-policy */
	CLS_OPERATOR,  /* operator-error: policy, configuration, request */
	CLS_OURS,      /* verifier-error: database, memory, a bug */
};

/* What a code does to the result of an appraisal when it is raised. */
enum err_effect {
	EFF_NONE,    /* not about an appraisal, or information only */
	EFF_WARN,    /* result warn at least */
	EFF_FAIL,    /* result fail: genuine evidence, policy violated */
	EFF_REJECT,  /* result reject: the evidence cannot be believed */
	EFF_UNKNOWN, /* no result: indeterminate */
};

/* Must-use result: a library's int cannot be returned in its place. */
typedef struct rc {
	enum err_code code;
} rc;

#define MUST_USE __attribute__((warn_unused_result))
#define RC_OK ((rc){ERR_OK})

static inline bool
rc_ok(rc r)
{
	return r.code == ERR_OK;
}

/* Return early with the callee's failure, untouched. */
#define TRY(call)                                                              \
	do {                                                                   \
		rc try_rc_ = (call);                                           \
		if (!rc_ok(try_rc_))                                           \
			return try_rc_;                                        \
	} while (0)

struct err {
	enum err_code code;
	char
	    path[160]; /* into the evidence or document: events[3].digests[1] */
	char text[320]; /* one sentence, cites the clause; may be "" */
};

/* Record a failure and return it. `text` is one sentence for people, or NULL
 * for the code's own; `path_fmt` is printf-like and may be "". e may be NULL.
 */
rc err_at(struct err *e, enum err_code code, const char *text,
    const char *path_fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same with a formatted sentence and a fixed path. */
rc err_text(struct err *e, enum err_code code, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Put `prefix` before the path of a failure that goes up; returns r. */
rc err_prefix(struct err *e, rc r, const char *prefix);

/* Stable dotted name, "ok" for ERR_OK. */
const char *err_name(enum err_code code);

/* The code of a dotted name; ERR_OK if there is none. */
enum err_code err_by_name(const char *name);

/* Name of the class as it is printed: "tamper-suspected" … */
const char *err_class_name(enum err_code code);
enum err_class err_class(enum err_code code);
enum err_effect err_effect(enum err_code code);

/* HTTP status when the code is the answer to a request. */
int err_http(enum err_code code);

/* The sentence of the code; lang is "en" or "ja", anything else is English. */
const char *err_sentence(enum err_code code, const char *lang);

#endif
