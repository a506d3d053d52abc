/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define DEFAULT_STATE AKASHI_LOCALSTATEDIR "/lib/akashi-agent"
#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define DEFAULT_PCRS "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"

enum { ROUND_MEMORY = 4 * 1024 * 1024 };

/* --- waiting and stopping ---------------------------------------------------
 */

static sigset_t stop_signals;

/* SIGTERM and SIGINT stay blocked and are asked for where the agent waits. */
static void
block_signals(void)
{
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGTERM);
	sigaddset(&stop_signals, SIGINT);
	sigprocmask(SIG_BLOCK, &stop_signals, NULL);
}

static bool
stopped(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) ||
						sigismember(&pending, SIGINT));
}

/* False as soon as a signal asks to stop; it stays pending. */
static bool
wait_for(int64_t us)
{
	int64_t end = clock_monotonic() + us;

	while (!stopped() && us > 0) {
		int64_t step = us < TIME_S ? us : TIME_S;
		const struct timespec t = {step / TIME_S, step % TIME_S * 1000};
		nanosleep(&t, NULL);
		us = end - clock_monotonic();
	}
	return !stopped();
}

/* --- options ---------------------------------------------------------------
 */

/* What a command line says before it is checked. */
struct words {
	const char *server, *ca, *cert, *key_file, *state, *tcti;
	const char *name, *token_file, *key, *ek, *eventlog, *ima, *save, *pcrs;
	const char *userspace;
	const char *output, *lang, *timeout, *interval;
	bool insecure_http, once, again, help, version;
};

/* One table drives the parser, the environment and --help. `commands` holds
 * the first letters of those that take the option: (e)nrol, (a)ttest, (r)un,
 * e(v)idence. */
static const struct option_row {
	const char *name, *arg, *commands, *help;
	size_t at; /* offset in struct words */
} option_rows[] = {
#define AT(field) offsetof(struct words, field)
    {"server", "URL", "ear", "https://HOST[:PORT] of akashid", AT(server)},
    {"ca", "FILE", "ear", "CA certificates (PEM), used alone", AT(ca)},
    {"cert", "FILE", "ear", "client certificate (PEM)", AT(cert)},
    {"cert-key", "FILE", "ear", "its key, if not in the same file",
	AT(key_file)},
    {"insecure-http", NULL, "ear", "allow http:// to this machine itself",
	AT(insecure_http)},
    {"name", "NAME", "e", "name of this node", AT(name)},
    {"token-file", "FILE", "e", "enrolment token (-: standard input)",
	AT(token_file)},
    {"key", "rsa|ecc", "ev", "kind of attestation key (rsa)", AT(key)},
    {"ek", "rsa|ecc", "ev", "endorsement key (the one with a certificate)",
	AT(ek)},
    {"again", NULL, "e", "enrol anew with a new attestation key", AT(again)},
    {"once", NULL, "a", "attest one time (what attest does)", AT(once)},
    {"interval", "DURATION", "r", "time between attestations (the server's)",
	AT(interval)},
    {"timeout", "DURATION", "ea", "how long to keep trying (2m)", AT(timeout)},
    {"pcrs", "SELECTION", "v", "what to quote (sha256:0,1,…,15)", AT(pcrs)},
    {"eventlog", "FILE", "arv", "a recorded boot log instead of the kernel's",
	AT(eventlog)},
    {"ima", "FILE", "arv", "a recorded IMA list instead of the kernel's",
	AT(ima)},
    {"userspace-log", "FILE", "arv",
	"a recorded userspace log instead of systemd's", AT(userspace)},
    {"save-evidence", "DIR", "ar", "also write an evidence directory",
	AT(save)},
    {"output", "text|json", "a", "form of the verdict", AT(output)},
    {"state", "DIR", "ear", "state folder (" DEFAULT_STATE ")", AT(state)},
    {"tcti", "TCTI", "earv", "the TPM (" DEFAULT_TCTI ")", AT(tcti)},
    {"lang", "en|ja", "ear", "language of reasons", AT(lang)},
    {"help", NULL, "earv", "this text", AT(help)},
    {"version", NULL, "earv", "the version", AT(version)},
#undef AT
};
enum { OPTIONS = sizeof(option_rows) / sizeof(option_rows[0]) };

static int run_enrol(struct agent *ag, char **operands);
static int run_attest(struct agent *ag, char **operands);
static int run_service(struct agent *ag, char **operands);
static int run_evidence(struct agent *ag, char **operands);

static const struct command {
	const char *name, *args, *help;
	char letter;
	int operands;
	int (*run)(struct agent *ag, char **operands);
} commands[] = {
    {"enrol", "--server URL --name NAME --token-file FILE", "join a server",
	'e', 0, run_enrol},
    {"attest", "", "attest once and say the verdict", 'a', 0, run_attest},
    {"run", "", "attest at intervals, as a service", 'r', 0, run_service},
    {"evidence", "DIR", "write evidence for offline use; no server", 'v', 1,
	run_evidence},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
set_word(struct words *w, const struct option_row *row, const char *arg)
{
	char *member = (char *)w + row->at;

	if (row->arg)
		memcpy(member, &arg, sizeof(arg));
	else
		*(bool *)member = true;
}

static void
usage(FILE *to, const struct command *c)
{
	fprintf(to, "Usage: akashi-agent %s %s [OPTION]...\n",
	    c ? c->name : "COMMAND", c ? c->args : "");
	for (size_t i = 0; !c && i < COMMANDS; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
	for (size_t i = 0; c && i < OPTIONS; i++) {
		const struct option_row *o = &option_rows[i];
		char head[40];
		snprintf(head, sizeof(head), "--%s %s", o->name,
		    o->arg ? o->arg : "");
		if (strchr(o->commands, c->letter))
			fprintf(to, "  %-26s %s\n", head, o->help);
	}
	fprintf(to, "Options may be given as AKASHI_AGENT_SERVER=… as well. "
		    "See akashi-agent(8).\n");
}

/* AKASHI_AGENT_TOKEN_FILE for --token-file; the command line wins. */
static void
read_environment(const struct command *c, struct words *w)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		char name[48] = "AKASHI_AGENT_";
		size_t at = strlen(name);
		for (const char *p = option_rows[i].name; *p; p++)
			name[at++] = *p == '-' ? '_' : (char)(*p - 'a' + 'A');
		const char *value = getenv(name);
		if (value && *value && option_rows[i].arg &&
		    strchr(option_rows[i].commands, c->letter))
			set_word(w, &option_rows[i], value);
	}
}

/* False after a message. */
static bool
read_options(const struct command *c, int argc, char **argv, struct words *w)
{
	struct option longs[OPTIONS + 1] = {0};
	int got;

	for (int i = 0; i < OPTIONS; i++)
		longs[i] = (struct option){option_rows[i].name,
		    option_rows[i].arg ? required_argument : no_argument, NULL,
		    i};
	while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (got < 0 || got >= OPTIONS)
			return false;
		if (!strchr(option_rows[got].commands, c->letter)) {
			fprintf(stderr, "akashi-agent: %s does not take --%s\n",
			    c->name, option_rows[got].name);
			return false;
		}
		set_word(w, &option_rows[got], optarg);
	}
	return w->help || w->version || argc - optind == c->operands;
}

static bool
bad_value(const char *name, const char *value)
{
	fprintf(stderr, "akashi-agent: --%s cannot be \"%s\"\n", name, value);
	return false;
}

static bool
set_duration(const char *name, const char *text, int64_t *out)
{
	if (!text || rc_ok(duration_parse(span_str(text), out)))
		return true;
	return bad_value(name, text);
}

static bool
set_key(const char *name, const char *text, enum tpm_key *out)
{
	if (!text)
		return true;
	*out = tpm_key_by_name(text);
	return *out != TPM_KEYS || bad_value(name, text);
}

static void
set_log(struct log_source *s, const char *file)
{
	if (!file)
		return;
	s->path = file;
	s->recorded = true;
}

static const char *
language(const char *asked)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; !asked && i < 3; i++) {
		asked = getenv(names[i]);
		asked = asked && *asked ? asked : NULL;
	}
	return asked && strncmp(asked, "ja", 2) == 0 ? "ja" : "en";
}

static const char * or (const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

static bool
fill_options(const struct words *w, struct agent_options *o)
{
	const char *output = or (w->output, "text");

	*o = (struct agent_options){
	    .http = {.base_url = w->server,
		.ca_file = w->ca,
		.cert_file = w->cert,
		.key_file = w->key_file,
		.insecure_http = w->insecure_http,
		.stopped = stopped},
	    .state_dir = or (w->state, DEFAULT_STATE),
	    .tcti = or (w->tcti, DEFAULT_TCTI),
	    .name = w->name,
	    .token_file = w->token_file,
	    .save_dir = w->save,
	    .pcrs = or (w->pcrs, DEFAULT_PCRS),
	    .lang = language(w->lang),
	    .key = TPM_KEY_RSA,
	    .ek = TPM_KEYS,
	    .logs = log_sources_system(),
	    .patience = 120 * TIME_S,
	    .again = w->again,
	    .json = strcmp(output, "json") == 0,
	};
	set_log(&o->logs.boot, w->eventlog);
	set_log(&o->logs.ima, w->ima);
	set_log(&o->logs.userspace, w->userspace);
	if (!o->json && strcmp(output, "text") != 0)
		return bad_value("output", output);
	return set_key("key", w->key, &o->key) &&
	       set_key("ek", w->ek, &o->ek) &&
	       set_duration("timeout", w->timeout, &o->patience) &&
	       set_duration("interval", w->interval, &o->interval);
}

/* --- commands ---------------------------------------------------------------
 */

static void
complain(const struct err *e)
{
	fprintf(stderr, "akashi-agent: %s%s%s [%s]\n",
	    e->text[0] ? e->text : err_sentence(e->code, "en"),
	    e->path[0] && !strstr(e->text, e->path) ? " " : "",
	    e->path[0] && !strstr(e->text, e->path) ? e->path : "",
	    err_name(e->code));
}

static void
tell_retry(const struct err *e, int64_t wait)
{
	complain(e);
	fprintf(stderr, "akashi-agent: trying again in %.1f s\n",
	    (double)wait / (double)TIME_S);
}

int
agent_exit(enum err_code code)
{
	int http = err_http(code);

	if (code == ERR_AGENT_NOT_ENROLLED)
		return EXIT_INDETERMINATE;
	if (http == 401 || http == 403)
		return EXIT_NOT_AUTHORISED;
	return err_class(code) == CLS_OPERATOR || code == ERR_NAME_FORMAT
		   ? EXIT_USAGE
		   : EXIT_TROUBLE;
}

static int
fail(const struct err *e)
{
	complain(e);
	return agent_exit(e->code);
}

static int
run_enrol(struct agent *ag, char **operands)
{
	struct arena a;
	struct err e;

	(void)operands;
	if (!ag->o->http.base_url || !ag->o->name || !ag->o->token_file) {
		fputs("akashi-agent: enrol needs --server, --name and "
		      "--token-file\n",
		    stderr);
		return EXIT_USAGE;
	}
	arena_init(&a, ROUND_MEMORY);
	rc r = agent_enrol(ag, &a, &e);
	arena_free(&a);
	return rc_ok(r) ? EXIT_TRUSTED : fail(&e);
}

static int
run_attest(struct agent *ag, char **operands)
{
	struct arena a;
	struct answer got;
	struct err e;
	int code;

	(void)operands;
	arena_init(&a, ROUND_MEMORY);
	if (rc_ok(agent_attest(ag, &a, &got, &e))) {
		code = report_verdict(ag, &got);
		json_free(got.doc);
	} else {
		code = fail(&e);
	}
	arena_free(&a);
	return code;
}

/* The pause until the next attestation: a tenth more or less, so that a fleet
 * that was started at once does not stay in step. */
static int64_t
pause_of(const struct agent *ag, uint64_t servers)
{
	int64_t base = ag->o->interval;
	uint16_t r = UINT16_MAX / 2;

	if (!base)
		base = servers ? (int64_t)servers * TIME_S : 300 * TIME_S;
	if (!rc_ok(random_bytes(&r, sizeof(r))))
		r = UINT16_MAX / 2;
	return base - base / 10 + base / 5 * r / UINT16_MAX;
}

static int
run_service(struct agent *ag, char **operands)
{
	struct arena a;
	struct err e;
	uint64_t servers = 0;

	(void)operands;
	arena_init(&a, ROUND_MEMORY);
	do {
		struct answer got = {0};
		rc r = agent_attest(ag, &a, &got, &e);
		if (rc_ok(r)) {
			servers = got.interval;
			report_line(&got);
			json_free(got.doc);
		} else if (r.code == ERR_AGENT_NOT_ENROLLED) {
			break;
		} else if (r.code != ERR_CLIENT_STOPPED) {
			complain(&e);
		}
		arena_reset(&a);
	} while (wait_for(pause_of(ag, servers)));
	arena_free(&a);
	return stopped() ? EXIT_TRUSTED : fail(&e);
}

static int
run_evidence(struct agent *ag, char **operands)
{
	struct arena a;
	struct err e;

	arena_init(&a, ROUND_MEMORY);
	rc r = agent_evidence(ag, operands[0], &a, &e);
	arena_free(&a);
	return rc_ok(r) ? EXIT_TRUSTED : fail(&e);
}

static int
run_command(
    const struct command *c, const struct agent_options *o, char **operands)
{
	struct agent ag = {.o = o,
	    .hasher = hasher_new(),
	    .link = {.wait = wait_for, .tell = tell_retry}};

	if (!ag.hasher) {
		fputs("akashi-agent: OpenSSL cannot be used\n", stderr);
		return EXIT_TROUBLE;
	}
	/* enrol may read a token from a terminal, where ^C must end it. */
	if (c->run != run_enrol)
		block_signals();
	int code = c->run(&ag, operands);
	https_free(ag.link.http);
	hasher_free(ag.hasher);
	return code;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (name && strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct command *c = find_command(argv[1]);
	struct agent_options o;
	struct words w = {0};

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	w.help = argv[1] && strcmp(argv[1], "--help") == 0;
	w.version = argv[1] && strcmp(argv[1], "--version") == 0;
	if (c) {
		read_environment(c, &w);
		if (!read_options(c, argc - 1, argv + 1, &w)) {
			usage(stderr, c);
			return EXIT_USAGE;
		}
	}
	if (w.version) {
		puts("akashi-agent " PACKAGE_VERSION);
		return 0;
	}
	if (w.help || !c) {
		usage(w.help ? stdout : stderr, c);
		return w.help ? 0 : EXIT_USAGE;
	}
	if (!fill_options(&w, &o))
		return EXIT_USAGE;
	return run_command(c, &o, argv + 1 + optind);
}
