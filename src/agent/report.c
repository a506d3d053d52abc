/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

static int
exit_of(const struct answer *v)
{
	if (strcmp(v->admission, "admitted") != 0)
		return EXIT_INDETERMINATE;
	switch (v->status) {
	case VERDICT_TRUSTED:
	case VERDICT_WARNING:
		return EXIT_TRUSTED;
	case VERDICT_UNTRUSTED:
		return EXIT_NOT_TRUSTED;
	case VERDICT_UNKNOWN:
		break;
	}
	return EXIT_INDETERMINATE;
}

/* A server's text for a terminal. */
static void
put_text(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static const char *
member(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

static void
put_reason(const json_t *reason, const char *lang)
{
	const char *code = member(reason, "code");
	const char *layer = member(reason, "layer");
	enum err_code known = err_by_name(code);

	fputs("  ", stdout);
	put_text(code);
	fputs(" (", stdout);
	put_text(member(reason, "class"));
	fputs(*layer ? ", " : "", stdout);
	put_text(layer);
	fputs(")", stdout);
	if (known != ERR_OK)
		printf(": %s", err_sentence(known, lang));
	putchar('\n');
}

static void
put_recorded(const struct log_sources *logs)
{
	if (logs->boot.recorded)
		printf("The boot log was recorded: %s\n", logs->boot.path);
	if (logs->ima.recorded)
		printf("The IMA list was recorded: %s\n", logs->ima.path);
}

static void
report_text(const struct agent *ag, const struct answer *v)
{
	static const char *const words[] = {
	    [VERDICT_UNKNOWN] = "UNKNOWN",
	    [VERDICT_UNTRUSTED] = "NOT TRUSTED",
	    [VERDICT_WARNING] = "TRUSTED, with warnings",
	    [VERDICT_TRUSTED] = "TRUSTED",
	};
	size_t i;
	json_t *reason;

	printf("%s: result ", words[v->status]);
	put_text(v->result);
	fputs(", admission ", stdout);
	put_text(v->admission);
	fputs(", verdict ", stdout);
	put_text(v->verdict);
	if (v->valid_until) {
		fputs(", valid until ", stdout);
		put_text(v->valid_until);
	}
	putchar('\n');
	json_array_foreach(v->reasons, i, reason)
	    put_reason(reason, ag->o->lang);
	put_recorded(&ag->o->logs);
}

static void
put_fields(struct jw *w, const struct answer *v)
{
	size_t i;
	json_t *reason;

	jw_kstr(w, "verdict", v->verdict);
	jw_kstr(w, "result", v->result);
	jw_kstr(w, "status", v->status_name);
	jw_kstr(w, "admission", v->admission);
	jw_kstr(w, "valid_until", v->valid_until);
	jw_key(w, "reasons");
	jw_array(w);
	json_array_foreach(v->reasons, i, reason)
	{
		jw_object(w);
		jw_kstr(w, "code", member(reason, "code"));
		jw_kstr(w, "class", member(reason, "class"));
		jw_kstr(w, "layer",
		    json_string_value(json_object_get(reason, "layer")));
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void
report_json(const struct agent *ag, const struct answer *v)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);

	w.pretty = true;
	jw_object(&w);
	put_fields(&w, v);
	jw_kbool(&w, "recorded",
	    ag->o->logs.boot.recorded || ag->o->logs.ima.recorded);
	jw_object_end(&w);
	if (!out.failed)
		puts(out.p);
	buf_free(&out);
}

int
report_verdict(const struct agent *ag, const struct answer *v)
{
	if (ag->o->json)
		report_json(ag, v);
	else
		report_text(ag, v);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_of(v);
	fputs("akashi-agent: the verdict cannot be written\n", stderr);
	return EXIT_TROUBLE;
}

void
report_line(const struct answer *v)
{
	const struct logger to = {STDERR_FILENO, LOG_INFO};
	struct log_line line;

	log_begin(&line, &to, exit_of(v) == EXIT_TRUSTED ? LOG_INFO : LOG_WARN,
	    "attest");
	put_fields(&line.w, v);
	log_end(&line);
}
