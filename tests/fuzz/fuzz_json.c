/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JSON body: what is taken is written again by our writer and
 * read back. */
#include "base/json.h"
#include "base/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
rewrite(const json_t *doc)
{
	static const char *const known[] = {"name", NULL};
	struct buf out = {0};
	struct jw w = jw_over(&out);
	struct span s;
	struct err e;
	json_t *again = NULL;

	if (!rc_ok(json_only(doc, "", known, &e)) && e.code == ERR_OK)
		abort();
	if (!rc_ok(json_get_str(doc, "", "name", &s, &e)))
		return;
	jw_object(&w);
	jw_kspan(&w, "name", s);
	jw_object_end(&w);
	if (!out.failed &&
	    !rc_ok(json_decode(buf_span(&out), out.n, &again, &e)))
		abort();
	json_free(again);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *doc = NULL;
	struct err e;

	if (!rc_ok(json_decode(span_of(data, size), LIMIT_JSON, &doc, &e)))
		return 0;
	rewrite(doc);
	json_free(doc);
	return 0;
}
