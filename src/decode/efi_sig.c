/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/efi_sig.h"

enum { GUID = 16, LIST_HEAD = 28 };

static const struct {
	enum efi_sig_kind kind;
	const char *name;
	uint8_t guid[GUID];
} kinds[] = {
    {SIG_X509, "X.509",
	{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15,
	    0x5c, 0x2b, 0xf0, 0x72}},
    {SIG_SHA1, "SHA-1",
	{0x12, 0xa5, 0x6c, 0x82, 0x10, 0xcf, 0xc9, 0x4a, 0xb1, 0x87, 0xbe, 0x01,
	    0x49, 0x66, 0x31, 0xbd}},
    {SIG_SHA224, "SHA-224",
	{0x33, 0x52, 0x6e, 0x0b, 0x5c, 0xa6, 0xc9, 0x44, 0x94, 0x07, 0xd9, 0xab,
	    0x83, 0xbf, 0xc8, 0xbd}},
    {SIG_SHA256, "SHA-256",
	{0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9,
	    0x36, 0x93, 0x43, 0x28}},
    {SIG_SHA384, "SHA-384",
	{0x07, 0x53, 0x3e, 0xff, 0xd0, 0x9f, 0xc9, 0x48, 0x85, 0xf1, 0x8a, 0xd5,
	    0x6c, 0x70, 0x1e, 0x01}},
    {SIG_SHA512, "SHA-512",
	{0xae, 0x0f, 0x3e, 0x09, 0xc4, 0xa6, 0x50, 0x4f, 0x9f, 0x1b, 0xd4, 0x1e,
	    0x2b, 0x89, 0xc1, 0x9a}},
    {SIG_RSA2048, "RSA-2048",
	{0xe8, 0x66, 0x57, 0x3c, 0x9c, 0x26, 0x34, 0x4e, 0xaa, 0x14, 0xed, 0x77,
	    0x6e, 0x85, 0xb3, 0xb6}},
    {SIG_X509_SHA256, "X.509 SHA-256",
	{0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40, 0xb4, 0x20, 0xfc, 0xf9,
	    0x8e, 0xf1, 0x03, 0xed}},
    {SIG_X509_SHA384, "X.509 SHA-384",
	{0x6e, 0x87, 0x76, 0x70, 0xc2, 0x80, 0xe6, 0x4e, 0xaa, 0xd2, 0x28, 0xb3,
	    0x49, 0xa6, 0x86, 0x5b}},
    {SIG_X509_SHA512, "X.509 SHA-512",
	{0x63, 0xbf, 0x6d, 0x44, 0x02, 0x25, 0xda, 0x4c, 0xbc, 0xfa, 0x24, 0x65,
	    0xd2, 0xb0, 0xfe, 0x9d}},
    {SIG_PKCS7, "PKCS #7",
	{0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49, 0x8a, 0xa9, 0x34, 0x7d,
	    0x37, 0x56, 0x65, 0xa7}},
};

const char *
efi_sig_kind_name(enum efi_sig_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "other";
}

static enum efi_sig_kind
kind_of(const uint8_t *guid)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(kinds[i].guid, guid, GUID) == 0)
			return kinds[i].kind;
	return SIG_OTHER;
}

struct efi_sigs
efi_sigs_over(struct span lists)
{
	return (struct efi_sigs){
	    rd_over(lists), rd_over(span_of(lists.p, 0)), NULL, 0, false};
}

/* The head of the next EFI_SIGNATURE_LIST. */
static bool
open_list(struct efi_sigs *s)
{
	const uint8_t *type = rd_bytes(&s->in, GUID).p;
	uint32_t list_size = rd_u32le(&s->in);
	uint32_t head_size = rd_u32le(&s->in);
	uint32_t size = rd_u32le(&s->in);

	if (!rd_ok(&s->in) || list_size < LIST_HEAD ||
	    head_size > list_size - LIST_HEAD || size <= GUID ||
	    (list_size - LIST_HEAD - head_size) % size != 0)
		return false;
	rd_bytes(&s->in, head_size);
	s->list = rd_sub(&s->in, list_size - LIST_HEAD - head_size);
	s->type = type;
	s->size = size;
	return rd_ok(&s->in);
}

bool
efi_sigs_next(struct efi_sigs *s, struct efi_sig *out)
{
	while (!s->malformed && rd_done(&s->list)) {
		if (rd_done(&s->in))
			return false;
		s->malformed = !open_list(s);
	}
	if (s->malformed)
		return false;
	const uint8_t *owner = rd_bytes(&s->list, GUID).p;
	struct span data = rd_bytes(&s->list, s->size - GUID);
	*out = (struct efi_sig){kind_of(s->type), s->type, owner, data};
	return true;
}

/* --- files --------------------------------------------------------------- */

static bool
lists_valid(struct span s)
{
	struct efi_sigs lists = efi_sigs_over(s);
	struct efi_sig sig;

	while (efi_sigs_next(&lists, &sig))
		continue;
	return s.n && !lists.malformed;
}

/* EFI_TIME, then WIN_CERTIFICATE_UEFI_GUID, whose length counts itself. */
static struct span
behind_header(struct span file)
{
	enum { TIME = 16, HEAD = 8, REVISION = 0x0200, TYPE_GUID = 0x0ef1 };
	struct rd in = rd_over(file);

	rd_bytes(&in, TIME);
	uint32_t n = rd_u32le(&in);
	uint16_t revision = rd_u16le(&in);
	uint16_t type = rd_u16le(&in);
	if (n < HEAD + GUID || revision != REVISION || type != TYPE_GUID)
		rd_fail(&in);
	rd_bytes(&in, n - HEAD);
	return rd_rest(&in);
}

static struct span
behind_attributes(struct span file)
{
	struct rd in = rd_over(file);

	rd_u32le(&in);
	return rd_rest(&in);
}

bool
efi_sigs_file(struct span file, struct span *lists)
{
	const struct span as[] = {
	    file, behind_header(file), behind_attributes(file)};

	for (size_t i = 0; i < sizeof(as) / sizeof(as[0]); i++) {
		if (!lists_valid(as[i]))
			continue;
		*lists = as[i];
		return true;
	}
	return false;
}

/* --- security version numbers --------------------------------------------- */

static const struct {
	const char *name;
	uint8_t guid[GUID];
} apps[] = {
    {"bootmgr", {0x61, 0x2b, 0x13, 0x9d, 0xd5, 0x59, 0x88, 0x43, 0xab, 0x1c,
		    0x18, 0x5c, 0x3c, 0xb2, 0xeb, 0x92}},
    {"cdboot", {0x9d, 0x2e, 0xf8, 0xe8, 0x27, 0xe1, 0x58, 0x41, 0xa4, 0x88,
		   0x4c, 0x18, 0xab, 0xe2, 0xf2, 0x84}},
    {"wdsmgr", {0xc2, 0xca, 0x99, 0xc9, 0xfe, 0x7f, 0x6f, 0x49, 0x81, 0x27,
		   0x9e, 0x2a, 0x8a, 0x53, 0x59, 0x76}},
};

const char *
efi_svn_app(unsigned app)
{
	return app < sizeof(apps) / sizeof(apps[0]) ? apps[app].name : NULL;
}

/* 01, GUID of the application, minor, major, zeros. */
bool
efi_sig_svn(const struct efi_sig *sig, struct efi_svn *out)
{
	struct rd in = rd_over(sig->data);
	uint8_t version = rd_u8(&in);
	const uint8_t *guid = rd_bytes(&in, GUID).p;
	uint16_t minor = rd_u16le(&in);
	uint16_t major = rd_u16le(&in);
	struct span rest = rd_rest(&in);

	if (sig->kind != SIG_SHA256 || !rd_ok(&in) || version != 1 ||
	    !span_all(rest, 0))
		return false;
	for (unsigned i = 0; efi_svn_app(i); i++)
		if (memcmp(guid, apps[i].guid, GUID) == 0) {
			*out = (struct efi_svn){i, major, minor};
			return true;
		}
	return false;
}
