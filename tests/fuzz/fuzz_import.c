/* SPDX-License-Identifier: Apache-2.0 */
/* A file from anywhere, imported as each format: what comes out is a policy. */
#include "appraise/import.h"
#include "base/clock.h"
#include "lib/fuzz.h"

#define APPLICATION                                                            \
	"{\"type\":\"EV_EFI_BOOT_SERVICES_APPLICATION\",\"accept\":["          \
	"{\"sha256\":\"73cb3858a687a8494ca3323053016282"                       \
	"f3dad39d42cf62ca4e79dda2aac7d9ac\"}]}"

static const char policy[] =
    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,7,8,10]},"
    "\"secure_boot\":{\"required\":true},\"ima\":{\"allow\":[]},"
    "\"boot\":{\"4\":{\"events\":[" APPLICATION "," APPLICATION "," APPLICATION
    "]},\"7\":{\"opaque\":\"fuzz\"},"
    "\"8\":{\"opaque\":\"fuzz\"}}}";

static void
import(importer *how, struct span file)
{
	static struct hasher *hasher;
	struct import i;
	struct buf out = {0};
	struct arena a;

	if (!hasher)
		hasher = hasher_new();
	arena_init(&a, (size_t)16 << 20);
	fuzz_check(rc_ok(import_begin(&i, span_str(policy), &a, hasher, NULL)));
	rc r = how(&i, file, "file", NULL);
	fuzz_check(rc_ok(r) || r.code == ERR_IMPORT_FORMAT);
	/* Again: what it added is replaced. */
	if (rc_ok(r))
		fuzz_check(rc_ok(how(&i, file, "file", NULL)));
	if (rc_ok(r))
		r = import_end(&i, &out, NULL);
	/* More revocations than a policy may have. */
	fuzz_check(rc_ok(r) || r.code == ERR_IMPORT_FORMAT ||
		   r.code == ERR_JSON_LIMIT);
	buf_free(&out);
	json_free(i.doc);
	arena_free(&a);
}

static rc
component(struct import *i, struct span file, const char *source, struct err *e)
{
	return import_pcrlock_add(i, "630-loader", source, file, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	import(import_dbx, span_of(data, size));
	import(import_sbat, span_of(data, size));
	import(import_sums, span_of(data, size));
	import(import_keylime, span_of(data, size));
	import(import_refstate, span_of(data, size));
	import(import_tar, span_of(data, size));
	import(component, span_of(data, size));
	return 0;
}
