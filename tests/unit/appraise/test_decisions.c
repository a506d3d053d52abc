/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies decide that are learned: tests/vectors/decisions. Written ones
 * are tried by "akashi policy test".
 *
 * A decisions file has one decision per line, '#' starts a comment:
 *
 *	EVIDENCE[:QUOTE] RESULT [CODE[@LAYER]]...
 *
 * EVIDENCE is a folder of tests/vectors/vm, QUOTE the stem of one of a boot's
 * quotes. Every CODE must be among the reasons (in that layer). The policy is
 * learned first, from lines
 *
 *	learn EVIDENCE	allow SHA256SUMS	exclude GLOB	pcrs SEL
 *	keyring CERT
 */
#include "appraise/learn.h"
#include "attest/attest.h"
#include "lib/tap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 16, WORDS = 8, POLICY_MAX = 8 << 20 };

struct bench {
	struct arena kept; /* files, golden facts, the policy's text */
	struct hasher *h;
	const char *file;
	struct golden golden[MANY];
	struct span allow[MANY];
	const char *allow_names[MANY];
	struct span keyring[MANY];
	const char *exclude[MANY];
	struct pcr_selections pcrs;
	struct learn_options o;
	size_t golden_n;
	struct policy *policy;
};

struct parts {
	struct evidence ev;
	struct span nonce;
	struct pcr_selections asked;
};

/* A broken tree ends the program; Check's assertions need its runner. */
static void
need(rc r, const char *what, const struct err *e)
{
	if (rc_ok(r))
		return;
	fprintf(stderr, "%s: %s %s %s\n", what, err_name(r.code),
	    e ? e->path : "", e ? e->text : "");
	exit(99);
}

static void
must(bool ok, const char *what)
{
	need(ok ? RC_OK : (rc){ERR_INTERNAL}, what, NULL);
}

/* --- evidence ----------------------------------------------------------- */

static struct span
optional(struct arena *a, const char *dir, const char *name)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);
	const char *full = arena_printf(a, "%s/%s", getenv("SRCDIR"), path);

	if (access(full, F_OK) != 0)
		return (struct span){NULL, 0};
	return tap_file(a, arena_printf(a, "/%s", path));
}

static struct span
needed(struct arena *a, const char *dir, const char *stem, const char *name)
{
	return tap_file(a, arena_printf(a, "/%s/%s%s", dir, stem, name));
}

static struct span
line_of(struct span s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
		s.n--;
	return s;
}

/* A boot holds several quotes; by default RSA over SHA-256, else SHA-1. */
static void
load_boot(struct arena *a, const char *dir, const char *quote, struct parts *p)
{
	static const char *const stems[] = {"quote-sha256-0_15-rsassa",
	    "quote-sha256-0_15-ecdsa", "quote-sha1-0_15-rsassa",
	    "quote-sha1-0_15-ecdsa"};

	for (size_t i = 0; !quote && i < 4; i++)
		if (optional(a, dir, arena_printf(a, "%s.msg", stems[i])).p)
			quote = stems[i];
	must(quote != NULL, dir);
	struct span ak = line_of(needed(a, dir, quote, ".ak"));
	p->ev.attest = needed(a, dir, quote, ".msg");
	p->ev.signature = needed(a, dir, quote, ".sig");
	p->ev.ak_pub = needed(a, dir,
	    arena_printf(a, "ak-%.*s", (int)ak.n, (const char *)ak.p), ".pub");
	p->nonce = needed(a, dir, quote, ".nonce");
	need(pcr_selections_parse(
		 line_of(needed(a, dir, quote, ".pcrsel")), &p->asked, NULL),
	    "pcrsel", NULL);
}

static void
load(struct arena *a, char *name, struct parts *p)
{
	char *colon = strchr(name, ':');
	const char *quote = colon ? colon + 1 : NULL;

	if (colon)
		*colon = '\0';
	const char *dir = arena_printf(a, "tests/vectors/vm/%s", name);
	*p = (struct parts){0};
	p->ev.eventlog = optional(a, dir, "eventlog.bin");
	p->ev.ima = optional(a, dir, "ima.bin");
	if (!optional(a, dir, "quote.msg").p) {
		load_boot(a, dir, quote, p);
		return;
	}
	p->ev.attest = needed(a, dir, "", "quote.msg");
	p->ev.signature = needed(a, dir, "", "quote.sig");
	p->ev.ak_pub = needed(a, dir, "", "ak.pub");
	p->nonce = needed(a, dir, "", "nonce.bin");
	need(pcr_selections_parse(
		 line_of(needed(a, dir, "", "pcrsel.txt")), &p->asked, NULL),
	    "pcrsel", NULL);
}

static void
attest(struct bench *b, const struct parts *p, struct arena *a,
    struct verdict *v, struct attest_facts *f)
{
	struct attest_context ctx = {.nonce = p->nonce,
	    .nonce_given = true,
	    .asked = &p->asked,
	    .policy = b->policy};
	struct err e = {0};

	need(attest_evidence(&p->ev, &ctx, b->h, a, v, f, &e), b->file, &e);
}

/* --- the policy --------------------------------------------------------- */

static void
learn_from(struct bench *b, char *name)
{
	struct parts *p = arena_alloc(&b->kept, sizeof(*p));
	struct verdict *v = arena_alloc(&b->kept, sizeof(*v));
	struct attest_facts *f = arena_alloc(&b->kept, sizeof(*f));
	struct golden *g = &b->golden[b->golden_n++];

	must(p && v && f && b->golden_n < MANY, name);
	g->source = arena_printf(&b->kept, "%s", name);
	load(&b->kept, name, p);
	attest(b, p, &b->kept, v, f);
	g->boot = attest_boot_facts(f, b->h);
	if (f->ima_ok)
		g->ima = span_of(p->ev.ima.p, (size_t)f->ima.bytes);
}

static bool
prepare(struct bench *b, char *const *word)
{
	const char *own = word[1] ? arena_printf(&b->kept, "%s", word[1]) : "";

	if (strcmp(word[0], "learn") == 0) {
		learn_from(b, word[1]);
	} else if (strcmp(word[0], "allow") == 0) {
		b->allow_names[b->o.ima_allow_n] = own;
		b->allow[b->o.ima_allow_n++] = tap_file(&b->kept,
		    arena_printf(&b->kept, "/tests/vectors/vm/%s", own));
	} else if (strcmp(word[0], "keyring") == 0) {
		b->keyring[b->o.ima_keyring_n++] = tap_file(&b->kept,
		    arena_printf(&b->kept, "/tests/vectors/vm/%s", own));
	} else if (strcmp(word[0], "exclude") == 0) {
		b->exclude[b->o.ima_exclude_n++] = own;
	} else if (strcmp(word[0], "pcrs") == 0) {
		need(pcr_selections_parse(span_str(own), &b->pcrs, NULL), own,
		    NULL);
		b->o.pcrs = &b->pcrs;
	} else {
		return false;
	}
	return true;
}

static void
make_policy(struct bench *b)
{
	struct buf out = {0};
	struct learn_note *notes = NULL;
	struct err e = {0};

	must(b->golden_n > 0, "nothing to learn from");
	b->o.name = "learned";
	b->o.ima_allow = b->allow;
	b->o.ima_allow_names = b->allow_names;
	b->o.ima_keyring = b->keyring;
	b->o.ima_exclude = b->exclude;
	need(policy_learn(
		 b->golden, b->golden_n, &b->o, &b->kept, &out, &notes, &e),
	    b->file, &e);
	need(policy_decode(buf_span(&out), &b->policy, &e), b->file, &e);
	buf_free(&out);
}

/* --- one decision ------------------------------------------------------- */

static bool
has_reason(const struct verdict *v, char *want)
{
	char *at = strchr(want, '@');

	if (at)
		*at = '\0';
	for (size_t i = 0; i < v->reasons_n; i++) {
		const char *layer = layer_name(v->reasons[i].layer);
		if (strcmp(err_name(v->reasons[i].code), want) == 0 &&
		    (!at || (layer && strcmp(layer, at + 1) == 0)))
			return true;
	}
	if (at)
		*at = '@';
	return false;
}

static void
note_reasons(const struct verdict *v)
{
	for (size_t i = 0; i < v->reasons_n && i < 8; i++)
		tap_note("  %s@%s %s: %s", err_name(v->reasons[i].code),
		    layer_name(v->reasons[i].layer)
			? layer_name(v->reasons[i].layer)
			: "-",
		    v->reasons[i].path ? v->reasons[i].path : "",
		    v->reasons[i].found ? v->reasons[i].found : "");
}

static void
decide(struct bench *b, char *const *word)
{
	struct arena a;
	struct verdict *v = calloc(1, sizeof(*v));
	struct attest_facts *f = calloc(1, sizeof(*f));
	struct parts *p = calloc(1, sizeof(*p));
	char name[200];

	snprintf(name, sizeof(name), "%s", word[0]);
	arena_init(&a, (size_t)64 << 20);
	must(v && f && p, "memory");
	load(&a, word[0], p);
	attest(b, p, &a, v, f);
	const char *got = result_name(v->result);
	bool ok = word[1] && strcmp(got, word[1]) == 0;
	for (size_t i = 2; word[i]; i++)
		ok = has_reason(v, word[i]) && ok;
	tap_ok(ok, "%s: %s is %s", strrchr(b->file, '/') + 1, name,
	    word[1] ? word[1] : "?");
	if (!ok) {
		tap_note("  it is %s", got);
		note_reasons(v);
	}
	arena_free(&a);
	free(v);
	free(f);
	free(p);
}

static size_t
split(char *line, char *word[WORDS + 1])
{
	size_t n = 0;
	char *rest = NULL;

	line[strcspn(line, "#\n")] = '\0';
	for (char *w = strtok_r(line, " \t", &rest); w && n < WORDS;
	     w = strtok_r(NULL, " \t", &rest))
		word[n++] = w;
	word[n] = NULL;
	return n;
}

static void
run_file(struct hasher *h, const char *file)
{
	struct bench *b = calloc(1, sizeof(*b));
	char *word[WORDS + 1];

	must(b != NULL, "memory");
	arena_init(&b->kept, (size_t)256 << 20);
	b->h = h;
	b->file = file;
	struct span text =
	    tap_file(&b->kept, arena_printf(&b->kept, "/%s", file));
	char *copy =
	    arena_printf(&b->kept, "%.*s", (int)text.n, (const char *)text.p);
	for (char *line = copy; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (split(line, word) > 0 && !prepare(b, word)) {
			if (!b->policy)
				make_policy(b);
			decide(b, word);
		}
		line = end;
	}
	policy_unref(b->policy);
	arena_free(&b->kept);
	free(b);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_decisions(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && strcmp(dot, ".decisions") == 0;
}

static void
run_folder(struct hasher *h, const char *folder)
{
	struct dirent **names = NULL;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", getenv("SRCDIR"), folder);
	int n = scandir(path, &names, is_decisions, by_name);
	tap_ok(n > 0, "%s has decisions", folder);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		run_file(h, path);
		free(names[i]);
	}
	free(names);
}

int
main(void)
{
	struct hasher *h = hasher_new();

	if (!getenv("SRCDIR"))
		setenv("SRCDIR", AKASHI_SRCDIR, 1);
	must(h != NULL, "memory");
	run_folder(h, "tests/vectors/decisions");
	hasher_free(h);
	return tap_done();
}
