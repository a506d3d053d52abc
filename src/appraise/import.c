/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/import.h"

#include "appraise/rules.h"

#include <stdarg.h>
#include <stdio.h>

void
import_note(struct import *i, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct learn_note *note = arena_alloc(i->a, sizeof(*note));
	const char *own = verdict_printable(i->a, span_str(text));
	i->lost = i->lost || !note || (!*own && *text);
	if (i->lost)
		return;
	note->text = own;
	*i->tail = note;
	i->tail = &note->next;
}

rc
import_begin(struct import *i, struct span policy, struct arena *a,
    struct hasher *h, struct err *e)
{
	struct policy *p = NULL;

	*i = (struct import){.a = a, .hasher = h};
	i->tail = &i->notes;
	rc r = policy_decode(policy, &p, e);
	policy_unref(p);
	/* One that judges nothing yet may be about to; import_end() asks. */
	if (!rc_ok(r) && r.code != ERR_POLICY_EMPTY)
		return r;
	return json_decode(policy, LIMIT_POLICY, &i->doc, e);
}

/* XML in any of the encodings that a parser would guess: a "<" behind byte
 * order marks, blanks and the zeros of wide characters. */
static bool
is_xml(struct span s)
{
	static const uint8_t before[] = {
	    0xef, 0xbb, 0xbf, 0xfe, 0xff, ' ', '\t', '\r', '\n', 0};
	size_t i = 0;

	while (i < s.n && memchr(before, s.p[i], sizeof(before)))
		i++;
	return i < s.n && s.p[i] == '<';
}

rc
import_file(struct import *i, importer *how, struct span file,
    const char *source, struct err *e)
{
	if (is_xml(file))
		return err_at(e, ERR_IMPORT_XML, NULL, "%s", "");
	return how(i, file, source, e);
}

rc
import_end(struct import *i, struct buf *out, struct err *e)
{
	struct policy *p = NULL;

	if (i->pcrlock)
		TRY(import_pcrlock_put(i, e));
	if (i->lost || !canonical_pretty(i->doc, out))
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	TRY(policy_decode(buf_span(out), &p, e));
	policy_unref(p);
	return RC_OK;
}
