/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on Secure Boot, the firmware and Windows, on a recorded boot that is
 * changed in memory and replayed again. PCRs are opaque in these policies, so
 * that no rule but the one in question can find the change.
 */
#include "appraise/learn.h"
#include "decode/efi_sig.h"
#include "decode/sipa.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* db, KEK and PK of the golden boot */
#define WINDOWS_PCA                                                            \
	"e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961"
#define UEFI_CA                                                                \
	"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507"
#define PK_KEK                                                                 \
	"5fb05ed84c5170d542ed6a7b7487dd57b8faedb02f7e107b0409e1d22cac4169"
#define MS_KEK                                                                 \
	"a1117f516a32cefcba3f2d1ace10a87972fd6bbe8fe0d0b996e09e65d802a503"
#define DEBIAN_CA                                                              \
	"079646974bce09b1f04da67bd722d1fb0947ae4c4010bccdbba52d5b23cbf1a2"
/* its one entry of dbx: SHA-256 of nothing */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* what was loaded as "bootkit" */
#define BOOTKIT                                                                \
	"870be514fde6d3fd08d246b75b7bf2b00fe78c989417011102e29ca56e9b25c0"

#define ON "\"secure_boot\":{\"required\":true}"
#define SB(members) "\"secure_boot\":{\"required\":true," members "}"

static struct arena arena;
static struct hasher *hasher;
static struct evlog golden;
static struct pcr_selections quoted;
static struct verdict v;

/* --- events --------------------------------------------------------------- */

static struct evlog_event
event_of(uint32_t pcr, uint32_t type, struct span data)
{
	struct evlog_event ev = {.pcr = pcr, .type = type};

	ev.data = arena_copy(&arena, data);
	ev.digests = arena_array(&arena, golden.algs_n, sizeof(*ev.digests));
	for (size_t i = 0; i < golden.algs_n; i++) {
		uint8_t *d = arena_alloc(&arena, HASH_MAX);
		ck_rc_ok(hash_of(hasher, golden.algs[i].id, ev.data, d));
		ev.digests[i] = d;
	}
	return ev;
}

static struct evlog_event
variable(
    uint32_t type, const uint8_t guid[16], const char *name, struct span data)
{
	struct buf b = {0};

	buf_put(&b, guid, 16);
	put_le(&b, strlen(name), 8);
	put_le(&b, data.n, 8);
	for (size_t i = 0; name[i]; i++)
		put_le(&b, (uint64_t)name[i], 2);
	buf_put(&b, data.p, data.n);
	struct evlog_event ev = event_of(7, type, buf_span(&b));
	buf_free(&b);
	return ev;
}

static struct evlog_event
config(const uint8_t guid[16], const char *name, struct span data)
{
	return variable(EV_EFI_VARIABLE_DRIVER_CONFIG, guid, name, data);
}

static const uint8_t x509_guid[16] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7,
    0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
static const uint8_t sha256_guid[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50,
    0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

/* A signature list of one entry. */
static struct span
list_of(const uint8_t type[16], struct span entry)
{
	struct buf b = {0};

	buf_put(&b, type, 16);
	put_le(&b, 28 + 16 + entry.n, 4);
	put_le(&b, 0, 4);
	put_le(&b, 16 + entry.n, 4);
	put_fill(&b, 0x77, 16);
	buf_put(&b, entry.p, entry.n);
	struct span s = arena_copy(&arena, buf_span(&b));
	buf_free(&b);
	return s;
}

/* No certificate, but it has the names of one; BMPString where wide. */
static struct span
certificate(const char *name, bool wide)
{
	struct buf dn = {0};
	struct buf tbs = {0};
	struct buf all = {0};
	size_t n = strlen(name) * (wide ? 2 : 1);

	buf_put(&dn, "\x31", 1);
	put_le(&dn, n + 9, 1);
	buf_put(&dn, "\x30", 1);
	put_le(&dn, n + 7, 1);
	buf_put(&dn, "\x06\x03\x55\x04\x03", 5);
	put_le(&dn, wide ? 0x1e : 0x0c, 1);
	put_le(&dn, n, 1);
	for (size_t i = 0; name[i]; i++) {
		if (wide)
			put_le(&dn, 0, 1);
		buf_put(&dn, &name[i], 1);
	}
	buf_put(&tbs, "\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30", 10);
	put_le(&tbs, dn.n, 1);
	buf_put(&tbs, dn.p, dn.n);
	buf_put(&all, "\x30", 1);
	put_le(&all, tbs.n + 2, 1);
	buf_put(&all, "\x30", 1);
	put_le(&all, tbs.n, 1);
	buf_put(&all, tbs.p, tbs.n);
	struct span s = arena_copy(&arena, buf_span(&all));
	buf_free(&dn);
	buf_free(&tbs);
	buf_free(&all);
	return s;
}

/* --- changes -------------------------------------------------------------- */

static struct evlog
copy(void)
{
	struct evlog log = golden;

	log.events =
	    arena_array(&arena, golden.events_n + 64, sizeof(*log.events));
	ck_assert_ptr_nonnull(log.events);
	for (size_t i = 0; i < golden.events_n; i++)
		log.events[i] = golden.events[i];
	return log;
}

static void
insert(struct evlog *log, size_t at, struct evlog_event ev)
{
	for (size_t i = log->events_n; i > at; i--)
		log->events[i] = log->events[i - 1];
	log->events[at] = ev;
	log->events_n++;
	for (size_t i = 0; i < log->events_n; i++)
		log->events[i].index = (uint32_t)i;
}

static void
drop(struct evlog *log, size_t at)
{
	for (size_t i = at; i + 1 < log->events_n; i++)
		log->events[i] = log->events[i + 1];
	log->events_n--;
	for (size_t i = 0; i < log->events_n; i++)
		log->events[i].index = (uint32_t)i;
}

/* Where they stand in the golden log. */
enum {
	AT_VERSION = 1,
	AT_PK = 5,
	AT_KEK = 6,
	AT_DB = 7,
	AT_DBX = 8,
	AT_SEPARATOR = 9,
	AT_AUTHORITY = 22,
	AT_SHIM = 24,
	AT_MOKLIST = 25,
	AT_SBAT = 27,
};

static const uint8_t one = 1;
static const uint8_t nothing = 0;

static void
put_config(struct evlog *log, size_t at, const uint8_t guid[16],
    const char *name, struct span data)
{
	log->events[at] = config(guid, name, data);
	log->events[at].index = (uint32_t)at;
}

static void
put_dbx(struct evlog *log, const uint8_t type[16], struct span entry)
{
	put_config(
	    log, AT_DBX, uefi_guid_security, "dbx", list_of(type, entry));
}

static void
pk_empty(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK", span_of(NULL, 0));
}

static void
kek_missing(struct evlog *log)
{
	drop(log, AT_KEK);
}

static void
kek_malformed(struct evlog *log)
{
	put_config(log, AT_KEK, uefi_guid_global, "KEK", span_of(&one, 1));
}

static void
mode(struct evlog *log, const char *name, const uint8_t *value)
{
	insert(log, AT_SEPARATOR,
	    config(uefi_guid_global, name, span_of(value, 1)));
}

static void
setup_mode(struct evlog *log)
{
	mode(log, "SetupMode", &one);
}

static void
setup_mode_off(struct evlog *log)
{
	mode(log, "SetupMode", &nothing);
}

static void
audit_mode(struct evlog *log)
{
	mode(log, "AuditMode", &one);
}

static void
deployed(struct evlog *log)
{
	mode(log, "DeployedMode", &one);
}

static void
undeployed(struct evlog *log)
{
	mode(log, "DeployedMode", &nothing);
}

static void
late_db(struct evlog *log)
{
	insert(log, AT_AUTHORITY, log->events[AT_DB]);
}

static void
late_state(struct evlog *log)
{
	insert(log, AT_AUTHORITY, log->events[4]);
}

static void
action(struct evlog *log, const char *text, size_t n)
{
	insert(log, AT_SEPARATOR, event_of(7, EV_EFI_ACTION, span_of(text, n)));
}

static void
debug(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 15);
}

static void
debug_nul(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 16);
}

static void
no_dma(struct evlog *log)
{
	action(log, "DMA Protection Disabled", 24);
}

static void
unknown_action(struct evlog *log)
{
	action(log, "Something else", 14);
}

static void
unbound_action(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 15);
	log->events[AT_SEPARATOR].data = span_str("UEFI Debug Mod");
}

static void
test_pk(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK",
	    list_of(x509_guid, certificate("DO NOT TRUST - Test PK", false)));
}

static void
test_kek(struct evlog *log)
{
	put_config(log, AT_KEK, uefi_guid_global, "KEK",
	    list_of(x509_guid, certificate("Do not ship", true)));
}

static void
any_pk(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK",
	    list_of(x509_guid, certificate("DO NOT PANIC", false)));
}

static void
no_authority(struct evlog *log)
{
	drop(log, AT_AUTHORITY);
}

static void
early_authority(struct evlog *log)
{
	insert(log, AT_SEPARATOR, log->events[AT_AUTHORITY]);
}

/* What verified an image is not in db any more. */
static void
other_db(struct evlog *log)
{
	put_config(log, AT_DB, uefi_guid_security, "db",
	    list_of(x509_guid, certificate("Another CA", false)));
}

static void
foreign_authority(struct evlog *log)
{
	struct evlog_event ev =
	    variable(EV_EFI_VARIABLE_AUTHORITY, x509_guid, "db",
		span_of(log->events[AT_AUTHORITY].data.p + 36,
		    log->events[AT_AUTHORITY].data.n - 36));

	insert(log, AT_AUTHORITY, ev);
}

static void
insecure(struct evlog *log)
{
	insert(log, AT_SBAT,
	    variable(EV_EFI_VARIABLE_AUTHORITY, uefi_guid_shim, "MokSBState",
		span_of(&one, 1)));
}

static void
secure_again(struct evlog *log)
{
	insert(log, AT_SBAT,
	    variable(EV_EFI_VARIABLE_AUTHORITY, uefi_guid_shim, "MokSBState",
		span_of(&nothing, 1)));
}

static void
dbx_empty(struct evlog *log)
{
	put_config(log, AT_DBX, uefi_guid_security, "dbx", span_of(NULL, 0));
}

static void
dbx_certificate(struct evlog *log)
{
	put_dbx(log, x509_guid, certificate("Revoked CA", false));
}

static void
dbx_svn(struct evlog *log, uint16_t minor, uint16_t major)
{
	static const uint8_t bootmgr[16] = {0x61, 0x2b, 0x13, 0x9d, 0xd5, 0x59,
	    0x88, 0x43, 0xab, 0x1c, 0x18, 0x5c, 0x3c, 0xb2, 0xeb, 0x92};
	struct buf b = {0};

	put_le(&b, 1, 1);
	buf_put(&b, bootmgr, 16);
	put_le(&b, minor, 2);
	put_le(&b, major, 2);
	put_fill(&b, 0, 11);
	put_dbx(log, sha256_guid, buf_span(&b));
	buf_free(&b);
}

static void
svn_7_1(struct evlog *log)
{
	dbx_svn(log, 1, 7);
}

static void
svn_6_9(struct evlog *log)
{
	dbx_svn(log, 9, 6);
}

static void
svn_7_0(struct evlog *log)
{
	dbx_svn(log, 0, 7);
}

static void
bootkit(struct evlog *log)
{
	struct evlog_event ev =
	    event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, span_str("bootkit"));

	insert(log, AT_SHIM, ev);
}

static void
rom(struct evlog *log)
{
	struct evlog_event ev =
	    event_of(2, EV_EFI_BOOT_SERVICES_DRIVER, span_str("bootkit"));

	insert(log, AT_SEPARATOR, ev);
}

static void
sbat(struct evlog *log, const char *level)
{
	struct evlog_event ev = variable(EV_EFI_VARIABLE_AUTHORITY,
	    uefi_guid_shim, "SbatLevel", span_str(level));

	ev.index = AT_SBAT;
	log->events[AT_SBAT] = ev;
}

static void
sbat_old(struct evlog *log)
{
	sbat(log, "sbat,1,2021030218\n");
}

static void
sbat_old_shim(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,3\ngrub,5\n");
}

static void
sbat_negative(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,-4\n");
}

static void
sbat_unended(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,4");
}

static void
sbat_newer(struct evlog *log)
{
	sbat(log, "sbat,1,2025051000\nshim,4\ngrub,5\ngrub.x,9\n");
}

static void
sbat_huge(struct evlog *log)
{
	enum { HUGE = 10 << 20 };
	char *text = arena_alloc(&arena, HUGE + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < HUGE; i++)
		text[i] = "shim,4\n"[i % 7];
	sbat(log, text);
}

static void
no_sbat(struct evlog *log)
{
	drop(log, AT_SBAT);
}

static void
second_sbat(struct evlog *log)
{
	insert(log, AT_SBAT,
	    variable(EV_EFI_VARIABLE_AUTHORITY, uefi_guid_shim, "SbatLevel",
		span_str("sbat,1,2021030218\n")));
}

static void
mok(struct evlog *log, size_t at, const char *label, const char *content)
{
	struct evlog_event ev = event_of(14, EV_IPL, span_str(content));

	ev.data = span_of(label, strlen(label) + 1);
	ev.index = (uint32_t)at;
	log->events[at] = ev;
}

static void
mok_other(struct evlog *log)
{
	mok(log, AT_MOKLIST, "MokList", "another list");
}

static void
mok_dropped(struct evlog *log)
{
	drop(log, AT_MOKLIST + 1);
}

static void
mok_swapped(struct evlog *log)
{
	struct evlog_event ev = log->events[AT_MOKLIST];

	log->events[AT_MOKLIST] = log->events[AT_MOKLIST + 1];
	log->events[AT_MOKLIST + 1] = ev;
}

static void
mok_more(struct evlog *log)
{
	insert(log, AT_SBAT, event_of(14, EV_IPL, span_str("MokX")));
}

/* --- firmware and Windows --------------------------------------------------
 */

static void
version(struct evlog *log, const char *text)
{
	struct buf b = {0};

	for (size_t i = 0; i <= strlen(text); i++)
		put_le(&b, (uint64_t)text[i], 2);
	log->events[AT_VERSION] = event_of(0, EV_S_CRTM_VERSION, buf_span(&b));
	log->events[AT_VERSION].index = AT_VERSION;
	buf_free(&b);
}

static void
version_41(struct evlog *log)
{
	version(log, "N40ET41W ");
}

static void
version_039(struct evlog *log)
{
	version(log, "N40ET039W ");
}

static void
version_r1(struct evlog *log)
{
	version(log, "R1AET99W");
}

static void
version_none(struct evlog *log)
{
	drop(log, AT_VERSION);
}

static void
version_unbound(struct evlog *log)
{
	version(log, "N40ET41W");
	const struct evlog_event *ev = &log->events[AT_VERSION];
	uint8_t *data = arena_alloc(&arena, ev->data.n);
	for (size_t i = 0; i < ev->data.n; i++)
		data[i] = ev->data.p[i];
	data[12] = '9';
	log->events[AT_VERSION].data.p = data;
}

static void
no_crtm(struct evlog *log)
{
	drop(log, 3);
	drop(log, 2);
	drop(log, 1);
}

static void
put_record(struct buf *b, uint32_t type, struct span data)
{
	put_le(b, type, 4);
	put_le(b, data.n, 4);
	buf_put(b, data.p, data.n);
}

static void
put_flag(struct buf *b, uint32_t type, uint8_t value)
{
	put_record(b, type, span_of(&value, 1));
}

/* What a start of Windows logs, with one record of another value; 0: none. */
static void
windows(struct evlog *log, uint32_t type, uint8_t value, bool elam)
{
	static const uint32_t flags[] = {SIPA_BOOT_DEBUGGING,
	    SIPA_OS_KERNEL_DEBUG, SIPA_TEST_SIGNING, SIPA_CODE_INTEGRITY,
	    SIPA_SAFE_MODE, SIPA_WINPE};
	struct buf in = {0};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		put_flag(&in, flags[i],
		    flags[i] == type ? value : flags[i] == SIPA_CODE_INTEGRITY);
	if (type == SIPA_HYPERVISOR_DEBUG)
		put_flag(&in, type, value);
	if (elam)
		put_record(&in, SIPA_ELAM_KEY_NAME, span_str("E\0l\0"));
	put_record(&out, 0x40010001, buf_span(&in));
	insert(log, log->events_n, event_of(12, EV_EVENT_TAG, buf_span(&out)));
	insert(
	    log, log->events_n, event_of(12, EV_SEPARATOR, span_str("WBCL")));
	buf_free(&in);
	buf_free(&out);
}

static void
win(struct evlog *log)
{
	windows(log, 0, 0, true);
}

static void
win_boot_debug(struct evlog *log)
{
	windows(log, SIPA_BOOT_DEBUGGING, 1, true);
}

static void
win_kernel_debug(struct evlog *log)
{
	windows(log, SIPA_OS_KERNEL_DEBUG, 1, true);
}

static void
win_hypervisor_debug(struct evlog *log)
{
	windows(log, SIPA_HYPERVISOR_DEBUG, 1, true);
}

static void
win_test_signing(struct evlog *log)
{
	windows(log, SIPA_TEST_SIGNING, 1, true);
}

static void
win_no_integrity(struct evlog *log)
{
	windows(log, SIPA_CODE_INTEGRITY, 0, true);
}

static void
win_safe(struct evlog *log)
{
	windows(log, SIPA_SAFE_MODE, 1, true);
}

static void
win_pe(struct evlog *log)
{
	windows(log, SIPA_WINPE, 1, true);
}

static void
win_no_elam(struct evlog *log)
{
	windows(log, 0, 0, false);
}

/* Said by a program that runs, behind the separator. */
static void
win_late(struct evlog *log)
{
	insert(
	    log, log->events_n, event_of(12, EV_SEPARATOR, span_str("WBCL")));
	win(log);
}

static void
win_cut(struct evlog *log)
{
	win(log);
	insert(log, log->events_n,
	    event_of(13, EV_EVENT_TAG, span_str("\1\0\5\0\xff\0\0\0\1")));
}

/* --- cases ---------------------------------------------------------------- */

static void
same(struct evlog *log)
{
	(void)log;
}

static const struct sb_case {
	const char *members;
	void (*before)(struct evlog *log); /* what passes */
	void (*after)(struct evlog *log);  /* and what does not */
	enum err_code code;
	int pcr;
} cases[] = {
    {ON, same, pk_empty, ERR_SB_SETUPMODE, 7},
    {ON, same, kek_missing, ERR_SB_UNKNOWN, 7},
    {ON, same, kek_malformed, ERR_SB_DATABASE, 7},
    {ON, setup_mode_off, setup_mode, ERR_SB_SETUPMODE, 7},
    {ON, same, audit_mode, ERR_SB_AUDITMODE, 7},
    {ON, same, late_db, ERR_SB_DUPLICATE, 7},
    {ON, same, late_state, ERR_SB_DUPLICATE, 7},
    {SB("\"deployed_mode\":true"), deployed, undeployed, ERR_SB_DEPLOYEDMODE,
	7},
    {SB("\"deployed_mode\":true"), deployed, same, ERR_SB_DEPLOYEDMODE, 7},
    {ON, same, debug, ERR_SB_DEBUG, 7},
    {ON, same, debug_nul, ERR_SB_DEBUG, 7},
    {"\"description\":\"\"", same, debug, ERR_SB_DEBUG, 7},
    {ON, same, no_dma, ERR_DMA_UNPROTECTED, 7},
    {ON, same, unknown_action, ERR_BOOT_EVENT_UNKNOWN, 7},
    {ON, same, unbound_action, ERR_LOG_DIGEST_DATA, 7},
    {ON, any_pk, test_pk, ERR_SB_TESTKEY, 7},
    {ON, same, test_kek, ERR_SB_TESTKEY, 7},
    {ON, same, no_authority, ERR_SB_NO_AUTHORITY, 7},
    {ON, same, early_authority, ERR_SB_AUTHORITY_EARLY, 7},
    {ON, same, other_db, ERR_SB_AUTHORITY, 7},
    {ON, same, foreign_authority, ERR_SB_AUTHORITY, 7},
    {ON, secure_again, insecure, ERR_MOK_INSECURE, 7},
    {SB("\"pk\":[{\"sha256\":\"" PK_KEK "\"}]"), same, any_pk,
	ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"kek\":[{\"sha256\":\"" PK_KEK "\"},{\"sha256\":\"" MS_KEK "\"}]"),
	same, test_kek, ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"db\":[{\"sha256\":\"" UEFI_CA "\"},{\"sha256\":\"" WINDOWS_PCA
	"\"}]"),
	same, other_db, ERR_SB_DB_UNEXPECTED, 7},
    {"\"secure_boot\":{\"required\":false,\"db\":[{\"sha256\":\"" UEFI_CA
     "\"},{\"sha256\":\"" WINDOWS_PCA "\"}]}",
	same, other_db, ERR_SB_DB_UNEXPECTED, 7},
    {SB("\"authorities\":[{\"sha256\":\"" UEFI_CA "\"},{\"sha256\":\"" DEBIAN_CA
	"\"}]"),
	same, other_db, ERR_SB_AUTHORITY, 7},
    {SB("\"dbx\":[{\"images\":[\"" EMPTY "\"]}]"), same, dbx_empty,
	ERR_DBX_STALE, 7},
    {SB("\"dbx\":[{\"golden\":true,\"images\":[\"" EMPTY "\"]}]"), same,
	dbx_empty, ERR_DBX_ROLLBACK, 7},
    {SB("\"dbx\":[{\"images\":[\"" BOOTKIT "\"],\"missing\":\"pass\"}]"), same,
	bootkit, ERR_BOOT_REVOKED, 4},
    {SB("\"dbx\":[{\"images\":[\"" BOOTKIT "\"],\"missing\":\"pass\"}]"), same,
	rom, ERR_BOOT_REVOKED, 2},
    {SB("\"svn\":{\"bootmgr\":\"7.0\"}"), svn_7_1, svn_6_9, ERR_BOOT_SVN, 7},
    {SB("\"svn\":{\"bootmgr\":\"7.1\"}"), svn_7_1, svn_7_0, ERR_BOOT_SVN, 7},
    {SB("\"svn\":{\"bootmgr\":\"7.0\"}"), svn_7_0, same, ERR_BOOT_SVN, 7},
#define LEVEL                                                                  \
	"\"sbat\":{\"minimum\":\"sbat,1,2025021800\\nshim,4\\ngrub,5\\n\"}"
    {SB(LEVEL), sbat_newer, sbat_old, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, sbat_old_shim, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, no_sbat, ERR_SBAT_STALE, 7},
    {SB(LEVEL), same, second_sbat, ERR_SBAT_STALE, 7},
    {ON, sbat_old, sbat_negative, ERR_SBAT_FORMAT, 7},
    {ON, same, sbat_unended, ERR_SBAT_FORMAT, 7},
    {ON, same, sbat_huge, ERR_SBAT_FORMAT, 7},
    {ON, same, no_sbat, ERR_SBAT_MISSING, 7},
#define VALUE(hex) "[{\"sha256\":\"" hex "\"}]"
#define MOK                                                                    \
	"\"mok\":{\"MokList\":" VALUE(                                         \
	    "342c88bb9fde2c45eeaa17321262b089181e7e841ef5a4a5e8ed240920026"    \
	    "f97") ",\"MokListX\":" VALUE("45e89b4a5f8283cd8ae7c66bda83466971" \
					  "20c84880537aadb49a665c7d7"          \
					  "eec0f") ",\"MokListTrusted\""       \
						   ":" VALUE("4bf5122f344554c" \
							     "53bde2ebb8cd2b7" \
							     "e3d1600ad631c38" \
							     "5a5d7cce23c778"  \
							     "5459a") "}"
    {SB(MOK), same, mok_other, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_dropped, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_swapped, ERR_MOK_CHANGED, 14},
    {SB(MOK), same, mok_more, ERR_MOK_CHANGED, 14},
#define FW(members) "\"firmware\":{" members "}"
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_039, ERR_FW_ROLLBACK,
	0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_r1, ERR_FW_VERSION, 0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_none, ERR_FW_VERSION,
	0},
    {FW("\"minimum\":\"N40ET40W\""), version_41, version_unbound,
	ERR_FW_VERSION, 0},
    {FW("\"versions\":[\"x\",\"N40ET41W\"]"), version_41, version_039,
	ERR_FW_VERSION, 0},
    {"\"description\":\"\"", same, no_crtm, ERR_FW_NO_CRTM, 0},
#define WIN "\"windows\":{}"
    {WIN, win, win_boot_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_kernel_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_hypervisor_debug, ERR_WIN_DEBUG, 12},
    {WIN, win, win_test_signing, ERR_WIN_TEST_SIGNING, 12},
    {WIN, win, win_no_integrity, ERR_WIN_CODE_INTEGRITY, 12},
    {WIN, win, win_safe, ERR_WIN_SAFE_MODE, 12},
    {WIN, win, win_pe, ERR_WIN_PE, 12},
    {WIN, win, win_no_elam, ERR_WIN_ELAM, -1},
    {WIN, win, win_late, ERR_WIN_UNKNOWN, -1},
    {WIN, win, win_cut, ERR_WIN_UNKNOWN, 13},
    {WIN, win, same, ERR_WIN_UNKNOWN, -1},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* --- judging -------------------------------------------------------------- */

static struct policy *
policy_with(const char *members)
{
	struct policy *p = NULL;
	struct buf b = {0};
	struct err e = {0};

	buf_printf(&b,
	    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":"
	    "[0,2,4,5,7,12,13,14]},%s,\"boot\":{",
	    members);
	for (unsigned pcr = 0; pcr < 15; pcr++)
		if (0x70b5u >> pcr & 1 && pcr != 5)
			buf_printf(&b, "\"%u\":{\"opaque\":\"test\"},", pcr);
	/* A policy needs a rule of its own. */
	buf_puts(&b, "\"5\":{\"events\":[");
	for (size_t i = 0, n = 0; i < golden.events_n; i++) {
		const struct evlog_event *ev = &golden.events[i];
		char hex[65] = "";
		if (ev->pcr != 5 || ev->type == EV_NO_ACTION)
			continue;
		int at = evlog_alg_index(&golden, ALG_SHA256);
		for (size_t k = 0; k < 32; k++)
			snprintf(hex + 2 * k, 3, "%02x", ev->digests[at][k]);
		buf_printf(&b,
		    "%s{\"type\":%lld,\"accept\":[{\"sha256\":\"%s\"}]}",
		    n++ ? "," : "", (long long)ev->type, hex);
	}
	buf_puts(&b, "]}}}");
	rc r = policy_decode(buf_span(&b), &p, &e);
	ck_assert_msg(rc_ok(r), "%s: %s %s in %s", err_name(r.code), e.path,
	    e.text, members);
	buf_free(&b);
	return p;
}

static void
judge(const struct policy *p, const struct evlog *log)
{
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct boot_facts f = {log, replay, &quoted, NULL, hasher};

	ck_assert_ptr_nonnull(replay);
	ck_rc_ok(boot_replay(log, NULL, hasher, &arena, replay, NULL));
	f.values = &replay->banks;
	verdict_init(&v, &arena);
	ck_rc_ok(policy_eval_boot(p, &f, &v, NULL));
	for (int i = 0; i < CHECK_COUNT; i++)
		if (i != CHECK_POLICY_BOOT && i != CHECK_POLICY_SELECTION)
			verdict_check(&v, (enum check_id)i, CHECK_PASSED);
	verdict_fold(&v);
}

static const struct reason *
reason_of(enum err_code code)
{
	for (size_t i = 0; i < v.reasons_n; i++)
		if (v.reasons[i].code == code)
			return &v.reasons[i];
	return NULL;
}

static const char *
first_reason(void)
{
	return v.reasons_n ? err_name(v.reasons[0].code) : "none";
}

static void
setup(void)
{
	arena_init(&arena, (size_t)512 << 20);
	hasher = hasher_new();
	ck_rc_ok(evlog_decode(
	    tap_file(
		&arena, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin"),
	    &arena, &golden, NULL));
	ck_rc_ok(pcr_selections_parse(
	    span_str("sha256:0,2,4,5,7,12,13,14"), &quoted, NULL));
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

/* The control passes, the change is named, and at its PCR. */
START_TEST(rule_by_rule)
{
	const struct sb_case *c = &cases[_i];
	struct policy *p = policy_with(c->members);
	struct evlog log = copy();

	c->before(&log);
	judge(p, &log);
	ck_assert_msg(v.result == RESULT_PASS, "%d %s: the control: %s", _i,
	    c->members, first_reason());
	log = copy();
	c->after(&log);
	judge(p, &log);
	const struct reason *r = reason_of(c->code);
	ck_assert_msg(r != NULL, "%d %s: %s, not %s", _i, c->members,
	    first_reason(), err_name(c->code));
	ck_assert_int_eq(r->pcr, c->pcr);
	ck_assert_int_ne(v.result, RESULT_PASS);
	ck_assert_int_eq(v.result == RESULT_WARN, c->code == ERR_SBAT_MISSING);
	policy_unref(p);
}
END_TEST

/* What "required" implies is allowed by name, and only that. */
START_TEST(allowed_by_name)
{
	static const struct {
		const char *name;
		void (*change)(struct evlog *log);
	} rows[] = {
	    {"setup_mode", setup_mode},
	    {"audit_mode", audit_mode},
	    {"debug_mode", debug},
	    {"test_keys", test_pk},
	    {"no_authority", no_authority},
	    {"early_authority", early_authority},
	    {"mok_insecure", insecure},
	    {"no_dma_protection", no_dma},
	    {"no_sbat", no_sbat},
	};
	char members[80];

	for (size_t i = 0; i < 9; i++) {
		snprintf(members, sizeof(members), SB("\"allow\":[\"%s\"]"),
		    rows[i].name);
		struct policy *p = policy_with(members);
		for (size_t k = 0; k < 9; k++) {
			struct evlog log = copy();
			rows[k].change(&log);
			judge(p, &log);
			ck_assert_msg((v.result == RESULT_PASS) == (i == k),
			    "%s allowed, %s: %s", rows[i].name, rows[k].name,
			    first_reason());
		}
		policy_unref(p);
	}
}
END_TEST

START_TEST(windows_allowed_by_name)
{
	static const struct {
		const char *name;
		void (*change)(struct evlog *log);
	} rows[] = {
	    {"debug", win_kernel_debug},
	    {"test_signing", win_test_signing},
	    {"safe_mode", win_safe},
	    {"winpe", win_pe},
	    {"no_elam", win_no_elam},
	    {"no_code_integrity", win_no_integrity},
	};
	char members[80];

	for (size_t i = 0; i < 6; i++) {
		snprintf(members, sizeof(members),
		    "\"windows\":{\"allow\":[\"%s\"]}", rows[i].name);
		struct policy *p = policy_with(members);
		for (size_t k = 0; k < 6; k++) {
			struct evlog log = copy();
			rows[k].change(&log);
			judge(p, &log);
			ck_assert_int_eq(v.result == RESULT_PASS, i == k);
		}
		policy_unref(p);
	}
}
END_TEST

/* Extended by a program after the log ended: Windows' words prove nothing. */
START_TEST(windows_unlogged)
{
	struct policy *p = policy_with(WIN);
	struct evlog log = copy();
	struct boot_replay replay;
	struct boot_facts f = {&log, &replay, &quoted, NULL, hasher};

	win(&log);
	ck_rc_ok(boot_replay(&log, NULL, hasher, &arena, &replay, NULL));
	struct banks values = replay.banks;
	banks_find(&values, ALG_SHA256)->pcr[13][0] ^= 1;
	f.values = &values;
	verdict_init(&v, &arena);
	ck_rc_ok(policy_eval_boot(p, &f, &v, NULL));
	ck_assert_ptr_nonnull(reason_of(ERR_WIN_UNKNOWN));
	policy_unref(p);
}
END_TEST

START_TEST(missing_from_dbx)
{
	static const struct {
		const char *word;
		enum result result;
	} rows[] = {{"fail", RESULT_FAIL}, {"warn", RESULT_WARN},
	    {"pass", RESULT_PASS}};
	char members[200];

	snprintf(members, sizeof(members),
	    SB("\"dbx\":[{\"missing\":\"%s\",\"images\":[\"" HEX_A "\"]}]"),
	    rows[_i].word);
	struct policy *p = policy_with(members);
	struct evlog log = copy();
	judge(p, &log);
	ck_assert_int_eq(v.result, rows[_i].result);
	policy_unref(p);
}
END_TEST

/* A certificate in dbx is one by its hash, and no image can stand in for it. */
START_TEST(revoked_certificate)
{
	uint8_t sha256[32];
	char hex[65];
	char members[200];
	struct evlog log = copy();

	ck_rc_ok(hash_of(
	    hasher, ALG_SHA256, certificate("Revoked CA", false), sha256));
	for (size_t k = 0; k < 32; k++)
		snprintf(hex + 2 * k, 3, "%02x", sha256[k]);
	snprintf(members, sizeof(members),
	    SB("\"dbx\":[{\"certificates\":[\"%s\"]}]"), hex);
	struct policy *p = policy_with(members);
	dbx_certificate(&log);
	judge(p, &log);
	ck_assert_int_eq(v.result, RESULT_PASS);
	put_dbx(&log, sha256_guid, span_of(sha256, 32));
	judge(p, &log);
	ck_assert_ptr_nonnull(reason_of(ERR_DBX_STALE));
	policy_unref(p);
	p = policy_with(
	    SB("\"dbx\":[{\"missing\":\"pass\",\"certificates\":[\"" UEFI_CA
	       "\"]}]"));
	judge(p, &golden);
	ck_assert_ptr_nonnull(reason_of(ERR_BOOT_REVOKED));
	policy_unref(p);
}
END_TEST

START_TEST(unlisted_authority)
{
	struct policy *p =
	    policy_with(SB("\"authorities\":[{\"sha256\":\"" UEFI_CA "\"}]"));

	judge(p, &golden);
	ck_assert_uint_eq(v.reasons_n, 1);
	ck_assert_int_eq(v.reasons[0].code, ERR_SB_AUTHORITY_UNEXPECTED);
	ck_assert_ptr_nonnull(
	    strstr(v.reasons[0].found, "Debian Secure Boot CA"));
	policy_unref(p);
}
END_TEST

/* --- published logs --------------------------------------------------------
 */

/* Every published boot with Secure Boot on passes what "required" implies, but
 * for what is known of it. */
START_TEST(published_boots)
{
	static const struct {
		const char *file;
		enum err_code code; /* ERR_OK: passes */
	} logs[] = {
	    {"go-tpm-tools/eventlogs/cos-85-amd-sev.bin", ERR_OK},
	    {"go-tpm-tools/eventlogs/cos-93-amd-sev.bin", ERR_OK},
	    {"go-tpm-tools/eventlogs/debian-10.bin", ERR_SBAT_MISSING},
	    {"go-tpm-tools/eventlogs/eventlogwithsp800155.bin", ERR_OK},
	    {"tpm2-tools/event-moklisttrusted.bin", ERR_OK},
	    {"go-attestation/sb_cert_eventlog", ERR_SBAT_MISSING},
	    {"go-tpm-tools/eventlogs/arch-linux-workstation.bin",
		ERR_SB_UNKNOWN},
	    {"tpm2-tss/binary_measurements_nuc.bin", ERR_SB_UNKNOWN},
	    {"go-tpm-tools/eventlogs/ubuntu-1804-amd-sev.bin", ERR_SB_DISABLED},
	    {"keylime/binary_bios_measurements", ERR_SB_DISABLED},
	    {"rust-keylime/uefi_log.bin", ERR_SB_DISABLED},
	};
	struct policy *p = policy_with(ON);

	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		const char *path =
		    arena_printf(&arena, "third-party/%s", logs[i].file);
		struct span bytes = tap_shared(&arena, path);
		struct evlog log;
		if (!bytes.p) {
			printf("# %s is not here\n", logs[i].file);
			continue;
		}
		ck_rc_ok(evlog_decode(bytes, &arena, &log, NULL));
		judge(p, &log);
		/* Only what the rule on Secure Boot says. */
		const struct reason *found = NULL;
		for (size_t k = 0; k < v.reasons_n && !found; k++)
			if (v.reasons[k].rule &&
			    strncmp(v.reasons[k].rule, "secure_boot", 11) == 0)
				found = &v.reasons[k];
		ck_assert_msg((found ? found->code : ERR_OK) == logs[i].code,
		    "%s: %s %s", logs[i].file,
		    found ? err_name(found->code) : "passes",
		    found && found->found ? found->found : "");
	}
	policy_unref(p);
}
END_TEST

/* Files of dbx updates, by their own entries: the one of 2014 lacks what the
 * one of 2020 has. */
START_TEST(published_dbx)
{
	static const char *const files[] = {
	    "third-party/go-eventlog/dbxupdate-2014-08-11.bin",
	    "third-party/go-eventlog/dbxupdate_x64-2020-10-12.bin"};
	static const size_t entries[] = {13, 0};
	struct buf members = {0};
	struct span lists[2];

	for (size_t i = 0; i < 2; i++) {
		struct span file = tap_shared(&arena, files[i]);
		if (!file.p) {
			printf("# %s is not here\n", files[i]);
			return;
		}
		ck_assert(efi_sigs_file(file, &lists[i]));
		for (size_t n = 0; n < 200; n++)
			ck_assert(!efi_sigs_file(
			    span_of(file.p, file.n - 1 - n), &lists[0]));
		ck_assert(efi_sigs_file(file, &lists[i]));
	}
	buf_puts(&members, "\"secure_boot\":{\"required\":true,\"dbx\":"
			   "[{\"images\":[");
	struct efi_sigs all = efi_sigs_over(lists[1]);
	struct efi_sig sig;
	size_t n = 0;
	while (efi_sigs_next(&all, &sig)) {
		char hex[65];
		if (sig.kind != SIG_SHA256)
			continue;
		for (size_t k = 0; k < 32; k++)
			snprintf(hex + 2 * k, 3, "%02x", sig.data.p[k]);
		buf_printf(&members, "%s\"%s\"", n++ ? "," : "", hex);
	}
	buf_puts(&members, "]}]}");
	ck_assert_uint_gt(n, 100);
	struct policy *p = policy_with(members.p);
	struct evlog log = copy();
	put_config(&log, AT_DBX, uefi_guid_security, "dbx", lists[1]);
	judge(p, &log);
	ck_assert_int_eq(v.result, RESULT_PASS);
	put_config(&log, AT_DBX, uefi_guid_security, "dbx", lists[0]);
	judge(p, &log);
	const struct reason *r = reason_of(ERR_DBX_STALE);
	ck_assert_ptr_nonnull(r);
	printf("# %zu entries of 2020; of 2014 %s\n", n, r->found);
	all = efi_sigs_over(lists[0]);
	for (n = 0; efi_sigs_next(&all, &sig); n++)
		continue;
	ck_assert_uint_eq(n, entries[0]);
	policy_unref(p);
	buf_free(&members);
}
END_TEST

/* --- learning ---------------------------------------------------------------
 */

static struct learn_note *
learn_from(const struct evlog *log, struct policy **out)
{
	struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct golden g = {
	    .boot = {log, replay, &quoted, NULL, hasher}, .source = "boot"};
	struct buf json = {0};

	ck_rc_ok(boot_replay(log, NULL, hasher, &arena, replay, NULL));
	g.boot.values = &replay->banks;
	ck_rc_ok(policy_learn(&g, 1, &o, &arena, &json, &notes, NULL));
	ck_rc_ok(policy_decode(buf_span(&json), out, NULL));
	buf_free(&json);
	return notes;
}

static bool
warned(const struct learn_note *note, const char *word)
{
	for (; note; note = note->next)
		if (strncmp(note->text, "WARNING", 7) == 0 &&
		    strstr(note->text, word))
			return true;
	return false;
}

static void
off(struct evlog *log)
{
	put_config(
	    log, 4, uefi_guid_global, "SecureBoot", span_of(&nothing, 1));
}

static void
off_debug(struct evlog *log)
{
	off(log);
	debug(log);
}

/* A golden boot that is not golden is named, and what makes Secure Boot
 * worthless does not become golden by being learned. */
START_TEST(learn_warns)
{
	static const struct {
		void (*change)(struct evlog *log);
		const char *warning; /* NULL: none */
		bool passes;
	} rows[] = {
	    {same, NULL, true},
	    {off, "Secure Boot is not on", true},
	    {debug, "sb.debug", false},
	    {off_debug, "sb.debug", false},
	    {audit_mode, "sb.auditmode", false},
	    {setup_mode, "sb.setupmode", false},
	    {pk_empty, "sb.setupmode", false},
	    {test_pk, "sb.testkey", false},
	    {no_authority, "sb.no_authority", false},
	    {insecure, "mok.insecure", false},
	    {no_crtm, "fw.no_crtm", false},
	    {no_dma, "DMA", true},
	    {no_sbat, "SBAT", true},
	};
	struct policy *p = NULL;
	struct evlog log = copy();

	rows[_i].change(&log);
	struct learn_note *notes = learn_from(&log, &p);
	judge(p, &log);
	ck_assert_msg((v.result == RESULT_PASS) == rows[_i].passes, "%d: %s",
	    _i, first_reason());
	if (rows[_i].warning)
		ck_assert_msg(
		    warned(notes, rows[_i].warning), "%s", rows[_i].warning);
	else
		ck_assert(!warned(notes, ""));
	policy_unref(p);
}
END_TEST

/* What the lists of the golden boot are for: each change has its name. */
START_TEST(learned_lists)
{
	static const struct {
		void (*change)(struct evlog *log);
		enum err_code code;
	} rows[] = {
	    {any_pk, ERR_SB_DB_UNEXPECTED},
	    {other_db, ERR_SB_DB_UNEXPECTED},
	    {dbx_empty, ERR_DBX_ROLLBACK},
	    {sbat_old, ERR_SBAT_STALE},
	    {mok_other, ERR_MOK_CHANGED},
	};
	struct policy *p = NULL;
	struct evlog log = copy();

	learn_from(&golden, &p);
	rows[_i].change(&log);
	judge(p, &log);
	ck_assert_ptr_nonnull(reason_of(rows[_i].code));
	policy_unref(p);
}
END_TEST

/* --- questions ---------------------------------------------------------------
 */

static bool
asked(const char *json, const char *question)
{
	struct policy *p = NULL;
	struct buf out = {0};

	ck_rc_ok(policy_decode(span_str(json), &p, NULL));
	policy_lint(p, &out);
	bool found = out.p && strstr(out.p, question);
	buf_free(&out);
	policy_unref(p);
	return found;
}

#define HEAD "{\"akashi_policy\":1,\"name\":\"x\","
#define IMAGE(hex)                                                             \
	"\"4\":{\"events\":[{\"type\":\"EV_EFI_BOOT_SERVICES_APPLICATION\","   \
	"\"accept\":[{\"sha256\":\"" hex "\"}]}]}"

/* Golden lists with the hash of a file where an Authenticode digest belongs
 * (S20): seen where the policy knows the file. */
START_TEST(lint_asks)
{
	static const char pcr_9[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,9]},\"boot\":{" IMAGE(
		HEX_A) ",\"9\":{\"events\":[{\"type\":\"EV_IPL\","
		       "\"accept\":[{\"sha256\":\"" HEX_A "\"}]}]}}}";
	static const char ima[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,10]},\"boot\":{" IMAGE(
		HEX_A) "},\"ima\":{\"allow\":[{\"files\":"
		       "[\"sha256:" HEX_A " /boot/vmlinuz\"]}]}}";
	static const char right[] =
	    HEAD "\"pcrs\":{\"sha256\":[4,10]},\"boot\":{" IMAGE(
		EMPTY) "},\"ima\":{\"allow\":[{\"files\":"
		       "[\"sha256:" HEX_A " /boot/vmlinuz\"]}]}}";
	static const char revoked[] = HEAD
	    "\"pcrs\":{\"sha256\":[4,7]},\"secure_boot\":{\"required\":true,"
	    "\"dbx\":[{\"images\":[\"" EMPTY
	    "\"]}]},\"boot\":{" IMAGE(EMPTY) ",\"7\":{\"opaque\":\"x\"}}}";
	static const char open[] = HEAD
	    "\"pcrs\":{\"sha256\":[7,14]},\"secure_boot\":{\"required\":true,"
	    "\"allow\":[\"debug_mode\"]},\"boot\":{\"7\":{\"opaque\":\"x\"},"
	    "\"14\":{\"opaque\":\"x\"}}}";

	ck_assert(asked(pcr_9, "Authenticode"));
	ck_assert(asked(ima, "Authenticode"));
	ck_assert(!asked(right, "Authenticode"));
	ck_assert(asked(revoked, "revokes the accepted image"));
	ck_assert(!asked(right, "revokes"));
	ck_assert(asked(open, "an old dbx passes"));
	ck_assert(!asked(revoked, "an old dbx passes"));
	ck_assert(asked(open, "\"debug_mode\" passes"));
	ck_assert(asked(open, "any certificate may stand in db"));
	ck_assert(asked(open, "no SBAT level"));
	ck_assert(asked(right, "Secure Boot is not required"));
	ck_assert(!asked(open, "Secure Boot is not required"));
}
END_TEST

/* Documents that are refused, by path. */
START_TEST(refused)
{
	static const struct {
		const char *members;
		enum err_code code;
		const char *path;
	} rows[] = {
	    {"\"secure_boot\":{}", ERR_JSON_MISSING, "secure_boot.required"},
	    {SB("\"allow\":[\"everything\"]"), ERR_POLICY_FORMAT,
		"secure_boot.allow[0]"},
	    {SB("\"allow\":[1]"), ERR_POLICY_FORMAT, "secure_boot.allow[0]"},
	    {SB("\"db\":[{}]"), ERR_JSON_MISSING, "secure_boot.db[0].sha256"},
	    {SB("\"db\":[{\"sha256\":\"AA\"}]"), ERR_POLICY_FORMAT,
		"secure_boot.db[0].sha256"},
	    {SB("\"dbx\":[{}]"), ERR_POLICY_FORMAT, "secure_boot.dbx[0]"},
	    {SB("\"dbx\":[{\"images\":[1]}]"), ERR_POLICY_FORMAT,
		"secure_boot.dbx[0].images[0]"},
	    {SB("\"dbx\":[{\"images\":[\"" HEX_A "\"],\"missing\":\"no\"}]"),
		ERR_POLICY_FORMAT, "secure_boot.dbx[0].missing"},
	    {SB("\"sbat\":{\"minimum\":\"shim,4\\n\"}"), ERR_POLICY_FORMAT,
		"secure_boot.sbat.minimum"},
	    {SB("\"sbat\":{}"), ERR_POLICY_FORMAT, "secure_boot.sbat.minimum"},
	    {SB("\"svn\":{\"bootmgr\":\"7\"}"), ERR_POLICY_FORMAT,
		"secure_boot.svn.bootmgr"},
	    {SB("\"svn\":{\"other\":\"7.0\"}"), ERR_JSON_UNKNOWN,
		"secure_boot.svn.other"},
	    {SB("\"mok\":{\"Other\":[]}"), ERR_JSON_UNKNOWN,
		"secure_boot.mok.Other"},
	    {SB("\"mok\":{\"MokList\":[{\"sha1\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}"),
		ERR_POLICY_FORMAT, "secure_boot.mok.MokList[0].sha256"},
	    {"\"firmware\":{}", ERR_POLICY_FORMAT, "firmware"},
	    {"\"firmware\":{\"versions\":[]}", ERR_POLICY_FORMAT,
		"firmware.versions"},
	    {"\"firmware\":{\"versions\":[1]}", ERR_JSON_TYPE,
		"firmware.versions[0]"},
	    {"\"windows\":{\"allow\":[\"all\"]}", ERR_POLICY_FORMAT,
		"windows.allow[0]"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *json = arena_printf(&arena,
		    HEAD "\"pcrs\":{\"sha256\":[0,7,12,13,14]},%s,\"boot\":{"
			 "\"0\":{\"opaque\":\"x\"},\"7\":{\"opaque\":\"x\"},"
			 "\"12\":{\"opaque\":\"x\"},\"13\":{\"opaque\":\"x\"},"
			 "\"14\":{\"opaque\":\"x\"}}}",
		    rows[i].members);
		struct policy *p = NULL;
		struct err e = {0};
		rc r = policy_decode(span_str(json), &p, &e);
		ck_assert_msg(
		    r.code == rows[i].code && strcmp(e.path, rows[i].path) == 0,
		    "%s: %s at %s", rows[i].members, err_name(r.code), e.path);
	}
}
END_TEST

/* PCRs that would be judged and are not required. */
START_TEST(refused_without_pcrs)
{
	static const char *const members[] = {
	    "\"firmware\":{\"minimum\":\"1\"}", "\"windows\":{}",
	    SB("\"mok\":{}"), ON};
	static const char *const paths[] = {
	    "firmware", "windows", "secure_boot.mok", "secure_boot"};
	static const char *const pcrs[] = {"7", "12", "7", "0"};
	struct err e = {0};
	struct policy *p = NULL;

	const char *json = arena_printf(&arena,
	    HEAD "\"pcrs\":{\"sha256\":[%s]},%s,\"boot\":{\"%s\":"
		 "{\"values\":[{\"sha256\":\"" HEX_A "\"}]}}}",
	    pcrs[_i], members[_i], pcrs[_i]);
	ck_rc_is(policy_decode(span_str(json), &p, &e), ERR_POLICY_FORMAT);
	ck_assert_str_eq(e.path, paths[_i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sb");
	TCase *t = tcase_create("sb");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, rule_by_rule, 0, CASES);
	tcase_add_test(t, allowed_by_name);
	tcase_add_test(t, windows_allowed_by_name);
	tcase_add_test(t, windows_unlogged);
	tcase_add_loop_test(t, missing_from_dbx, 0, 3);
	tcase_add_test(t, revoked_certificate);
	tcase_add_test(t, unlisted_authority);
	tcase_add_test(t, published_boots);
	tcase_add_test(t, published_dbx);
	tcase_add_loop_test(t, learn_warns, 0, 13);
	tcase_add_loop_test(t, learned_lists, 0, 5);
	tcase_add_test(t, lint_asks);
	tcase_add_test(t, refused);
	tcase_add_loop_test(t, refused_without_pcrs, 0, 4);
	suite_add_tcase(s, t);
	return tap_run(s);
}
