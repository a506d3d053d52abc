/* SPDX-License-Identifier: Apache-2.0 */
/* A file from anywhere, imported as CoRIM: as it stands, by a key that signed
 * some of the seeds, and as what that key signed. */
#include "appraise/import.h"
#include "base/clock.h"
#include "lib/cbor_text.h"
#include "lib/fuzz.h"

/* Made for this alone: it signs nothing else. */
static const char private_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEICJ8aTDoY4mYUVTaIZnt5FByyaxgT62lj9HgjtzGMMaL\n"
    "-----END PRIVATE KEY-----\n";
static const char public_key[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAFecZJT/XIkLo24zSEOQFCV+s6I9GwzDXDvWXtFyXIcA=\n"
    "-----END PUBLIC KEY-----\n";

static const char policy[] =
    "{\"akashi_policy\":1,\"name\":\"x\","
    "\"pcrs\":{\"sha256\":[4,7,8,10],\"sha384\":[4]},"
    "\"ima\":{\"allow\":[]},\"boot\":{\"4\":{\"opaque\":\"fuzz\"},"
    "\"7\":{\"values\":[{\"sha256\":"
    "\"73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac\"}]},"
    "\"8\":{\"events\":[]}}}";

static const char *const profiles[] = {"https://acme.example/profile"};

static struct hasher *hasher;
static struct sign_key *private, *public;

static void
once(void)
{
	if (hasher)
		return;
	hasher = hasher_new();
	fuzz_check(
	    rc_ok(sign_key_private(span_str(private_key), &private, NULL)));
	fuzz_check(rc_ok(sign_key_load(span_str(public_key), &public, NULL)));
}

/* An error is the file's; nothing but memory is ours. */
static void
check_code(rc r)
{
	fuzz_check(rc_ok(r) || r.code == ERR_MEMORY ||
		   r.code == ERR_IMPORT_XML ||
		   (r.code >= ERR_CORIM_CBOR && r.code <= ERR_COSE_SIGNATURE));
}

/* What comes out is a policy, and the same one from a second time. */
static bool
import(struct span file, const struct corim_terms *terms)
{
	struct import i;
	struct buf out = {0};
	struct arena a;

	arena_init(&a, (size_t)128 << 20);
	fuzz_check(rc_ok(import_begin(&i, span_str(policy), &a, hasher, NULL)));
	i.corim = terms;
	rc r = import_file(&i, import_corim, file, "file", NULL);
	bool good = rc_ok(r);
	check_code(r);
	if (good) {
		JSON_AUTO first = json_deep_copy(i.doc);
		r = import_file(&i, import_corim, file, "file", NULL);
		fuzz_check(rc_ok(r) || r.code == ERR_MEMORY);
		fuzz_check(!rc_ok(r) || json_equal(first, i.doc));
		r = import_end(&i, &out, NULL);
		fuzz_check(rc_ok(r) || r.code == ERR_MEMORY ||
			   r.code == ERR_JSON_LIMIT);
	}
	buf_free(&out);
	json_free(i.doc);
	arena_free(&a);
	return good;
}

static void
put_bytes(struct buf *b, struct span s)
{
	cbor_head(b, 2, s.n);
	buf_put(b, s.p, s.n);
}

/* COSE_Sign1 of it. */
static void
seal(struct span payload, struct buf *out)
{
	struct buf header = {0}, input = {0};
	uint8_t signature[SIGNATURE_ROOM];
	size_t n = 0;

	cbor_text(
	    &header, "{1:-8,3:\"application/rim+cbor\",8:<<{0:{0:\"f\"}}>>}");
	cbor_text(&input, "~84~ \"Signature1\"");
	put_bytes(&input, buf_span(&header));
	cbor_text(&input, "h''");
	put_bytes(&input, payload);
	fuzz_check(sign_make(private, (struct sign_how){0, false},
	    buf_span(&input), signature, &n));
	cbor_text(out, "~d284~");
	put_bytes(out, buf_span(&header));
	cbor_text(out, "{}");
	put_bytes(out, payload);
	put_bytes(out, span_of(signature, n));
	buf_free(&header);
	buf_free(&input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = span_of(data, size);
	struct buf sealed = {0};

	once();
	const struct corim_key any = {public, NULL}, acme = {public, "ACME"};
	struct corim_terms signed_by = {.keys = &any,
	    .keys_n = 1,
	    .profiles = profiles,
	    .profiles_n = 1,
	    .now = 1767225600 * TIME_S};
	struct corim_terms anybody = signed_by;
	anybody.keys_n = 0;
	anybody.take_unsigned = true;
	if (size > LIMIT_CORIM / 2)
		return 0;
	bool bare = import(file, &anybody);
	/* What needs no signature passes with none. */
	fuzz_check(!(bare && import(file, &signed_by)));
	seal(file, &sealed);
	fuzz_check(import(buf_span(&sealed), &signed_by) == bare);
	signed_by.keys = &acme;
	(void)import(buf_span(&sealed), &signed_by);
	buf_free(&sealed);
	return 0;
}
