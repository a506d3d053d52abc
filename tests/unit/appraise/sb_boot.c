/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/appraise/sb_boot.h"

struct arena arena;
struct hasher *hasher;
struct evlog golden;
struct pcr_selections quoted;
struct verdict v;

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
const uint8_t sha256_guid[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
    0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

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

struct span
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

struct evlog
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

static const uint8_t one = 1;
static const uint8_t nothing = 0;

void
put_config(struct evlog *log, size_t at, const uint8_t guid[16],
    const char *name, struct span data)
{
	log->events[at] = config(guid, name, data);
	log->events[at].index = (uint32_t)at;
}

void
put_dbx(struct evlog *log, const uint8_t type[16], struct span entry)
{
	put_config(
	    log, AT_DBX, uefi_guid_security, "dbx", list_of(type, entry));
}

void
pk_empty(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK", span_of(NULL, 0));
}

void
kek_missing(struct evlog *log)
{
	drop(log, AT_KEK);
}

void
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

void
setup_mode(struct evlog *log)
{
	mode(log, "SetupMode", &one);
}

void
setup_mode_off(struct evlog *log)
{
	mode(log, "SetupMode", &nothing);
}

void
audit_mode(struct evlog *log)
{
	mode(log, "AuditMode", &one);
}

void
deployed(struct evlog *log)
{
	mode(log, "DeployedMode", &one);
}

void
undeployed(struct evlog *log)
{
	mode(log, "DeployedMode", &nothing);
}

void
late_db(struct evlog *log)
{
	insert(log, AT_AUTHORITY, log->events[AT_DB]);
}

void
late_state(struct evlog *log)
{
	insert(log, AT_AUTHORITY, log->events[4]);
}

static void
action(struct evlog *log, const char *text, size_t n)
{
	insert(log, AT_SEPARATOR, event_of(7, EV_EFI_ACTION, span_of(text, n)));
}

void
debug(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 15);
}

void
debug_nul(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 16);
}

void
no_dma(struct evlog *log)
{
	action(log, "DMA Protection Disabled", 24);
}

void
unknown_action(struct evlog *log)
{
	action(log, "Something else", 14);
}

void
unbound_action(struct evlog *log)
{
	action(log, "UEFI Debug Mode", 15);
	log->events[AT_SEPARATOR].data = span_str("UEFI Debug Mod");
}

void
test_pk(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK",
	    list_of(x509_guid, certificate("DO NOT TRUST - Test PK", false)));
}

void
test_kek(struct evlog *log)
{
	put_config(log, AT_KEK, uefi_guid_global, "KEK",
	    list_of(x509_guid, certificate("Do not ship", true)));
}

void
any_pk(struct evlog *log)
{
	put_config(log, AT_PK, uefi_guid_global, "PK",
	    list_of(x509_guid, certificate("DO NOT PANIC", false)));
}

void
no_authority(struct evlog *log)
{
	drop(log, AT_AUTHORITY);
}

void
early_authority(struct evlog *log)
{
	insert(log, AT_SEPARATOR, log->events[AT_AUTHORITY]);
}

/* What verified an image is not in db any more. */
void
other_db(struct evlog *log)
{
	put_config(log, AT_DB, uefi_guid_security, "db",
	    list_of(x509_guid, certificate("Another CA", false)));
}

void
foreign_authority(struct evlog *log)
{
	struct evlog_event ev =
	    variable(EV_EFI_VARIABLE_AUTHORITY, x509_guid, "db",
		span_of(log->events[AT_AUTHORITY].data.p + 36,
		    log->events[AT_AUTHORITY].data.n - 36));

	insert(log, AT_AUTHORITY, ev);
}

void
insecure(struct evlog *log)
{
	insert(log, AT_SBAT,
	    variable(EV_EFI_VARIABLE_AUTHORITY, uefi_guid_shim, "MokSBState",
		span_of(&one, 1)));
}

void
secure_again(struct evlog *log)
{
	insert(log, AT_SBAT,
	    variable(EV_EFI_VARIABLE_AUTHORITY, uefi_guid_shim, "MokSBState",
		span_of(&nothing, 1)));
}

void
dbx_empty(struct evlog *log)
{
	put_config(log, AT_DBX, uefi_guid_security, "dbx", span_of(NULL, 0));
}

void
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

void
svn_7_1(struct evlog *log)
{
	dbx_svn(log, 1, 7);
}

void
svn_6_9(struct evlog *log)
{
	dbx_svn(log, 9, 6);
}

void
svn_7_0(struct evlog *log)
{
	dbx_svn(log, 0, 7);
}

void
bootkit(struct evlog *log)
{
	struct evlog_event ev =
	    event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, span_str("bootkit"));

	insert(log, AT_SHIM, ev);
}

void
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

void
sbat_old(struct evlog *log)
{
	sbat(log, "sbat,1,2021030218\n");
}

void
sbat_old_shim(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,3\ngrub,5\n");
}

void
sbat_negative(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,-4\n");
}

void
sbat_unended(struct evlog *log)
{
	sbat(log, "sbat,1,2025021800\nshim,4");
}

void
sbat_newer(struct evlog *log)
{
	sbat(log, "sbat,1,2025051000\nshim,4\ngrub,5\ngrub.x,9\n");
}

void
sbat_huge(struct evlog *log)
{
	enum { HUGE = 10 << 20 };
	char *text = arena_alloc(&arena, HUGE + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < HUGE; i++)
		text[i] = "shim,4\n"[i % 7];
	sbat(log, text);
}

void
no_sbat(struct evlog *log)
{
	drop(log, AT_SBAT);
}

void
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

void
mok_other(struct evlog *log)
{
	mok(log, AT_MOKLIST, "MokList", "another list");
}

void
mok_dropped(struct evlog *log)
{
	drop(log, AT_MOKLIST + 1);
}

void
mok_swapped(struct evlog *log)
{
	struct evlog_event ev = log->events[AT_MOKLIST];

	log->events[AT_MOKLIST] = log->events[AT_MOKLIST + 1];
	log->events[AT_MOKLIST + 1] = ev;
}

void
mok_more(struct evlog *log)
{
	insert(log, AT_SBAT, event_of(14, EV_IPL, span_str("MokX")));
}

/* --- what somebody who owns the system does ------------------------------- */

/* Off, under another type; and on, behind everything. */
void
hidden_state(struct evlog *log)
{
	struct evlog_event on = log->events[4];

	put_config(
	    log, 4, uefi_guid_global, "SecureBoot", span_of(&nothing, 1));
	log->events[4].type = EV_EFI_SPDM_DEVICE_POLICY;
	log->events[AT_SEPARATOR].type = EV_EFI_VARIABLE_AUTHORITY;
	insert(log, log->events_n, on);
	insert(log, log->events_n,
	    event_of(7, EV_SEPARATOR, span_of("\0\0\0", 4)));
}

void
hidden_sbat(struct evlog *log)
{
	struct evlog_event good = log->events[AT_SBAT];

	sbat(log, "sbat,1,2021030218\n");
	log->events[AT_SBAT].type = EV_EFI_VARIABLE_DRIVER_CONFIG;
	insert(log, log->events_n, good);
}

void
hidden_bootkit(struct evlog *log)
{
	bootkit(log);
	log->events[AT_SHIM].type = EV_EFI_ACTION;
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

void
version_41(struct evlog *log)
{
	version(log, "N40ET41W ");
}

void
version_039(struct evlog *log)
{
	version(log, "N40ET039W ");
}

void
version_r1(struct evlog *log)
{
	version(log, "R1AET99W");
}

/* The old version and the separator under another type; a new version and a
 * separator behind everything. */
void
version_forged(struct evlog *log)
{
	version(log, "N40ET39W");
	struct evlog_event good = log->events[AT_VERSION];
	size_t at = 10;

	log->events[AT_VERSION].type = EV_POST_CODE;
	while (log->events[at].pcr != 0)
		at++;
	log->events[at].type = EV_POST_CODE;
	version(log, "N40ET41W");
	struct evlog_event forged = log->events[AT_VERSION];
	log->events[AT_VERSION] = good;
	log->events[AT_VERSION].type = EV_POST_CODE;
	insert(log, log->events_n, forged);
	insert(log, log->events_n,
	    event_of(0, EV_SEPARATOR, span_of("\0\0\0", 4)));
}

void
version_none(struct evlog *log)
{
	drop(log, AT_VERSION);
}

void
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

void
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

void
win(struct evlog *log)
{
	windows(log, 0, 0, true);
}

void
win_boot_debug(struct evlog *log)
{
	windows(log, SIPA_BOOT_DEBUGGING, 1, true);
}

void
win_kernel_debug(struct evlog *log)
{
	windows(log, SIPA_OS_KERNEL_DEBUG, 1, true);
}

void
win_hypervisor_debug(struct evlog *log)
{
	windows(log, SIPA_HYPERVISOR_DEBUG, 1, true);
}

void
win_test_signing(struct evlog *log)
{
	windows(log, SIPA_TEST_SIGNING, 1, true);
}

void
win_no_integrity(struct evlog *log)
{
	windows(log, SIPA_CODE_INTEGRITY, 0, true);
}

void
win_safe(struct evlog *log)
{
	windows(log, SIPA_SAFE_MODE, 1, true);
}

void
win_pe(struct evlog *log)
{
	windows(log, SIPA_WINPE, 1, true);
}

void
win_no_elam(struct evlog *log)
{
	windows(log, 0, 0, false);
}

/* Said by a program that runs, behind the separator. */
void
win_late(struct evlog *log)
{
	insert(
	    log, log->events_n, event_of(12, EV_SEPARATOR, span_str("WBCL")));
	win(log);
}

/* The debugger under another type, and what should be said behind it. */
void
win_hidden(struct evlog *log)
{
	win_kernel_debug(log);
	log->events[log->events_n - 2].type = EV_IPL;
	log->events[log->events_n - 1].type = EV_IPL;
	win(log);
}

void
win_cut(struct evlog *log)
{
	win(log);
	insert(log, log->events_n,
	    event_of(13, EV_EVENT_TAG, span_str("\1\0\5\0\xff\0\0\0\1")));
}

void
same(struct evlog *log)
{
	(void)log;
}

/* --- judging -------------------------------------------------------------- */

struct policy *
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

void
judge(const struct policy *p, const struct evlog *log)
{
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct boot_facts f = {
	    .log = log, .replay = replay, .quoted = &quoted, .hasher = hasher};

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

const struct reason *
reason_of(enum err_code code)
{
	for (size_t i = 0; i < v.reasons_n; i++)
		if (v.reasons[i].code == code)
			return &v.reasons[i];
	return NULL;
}

const char *
first_reason(void)
{
	return v.reasons_n ? err_name(v.reasons[0].code) : "none";
}

void
sb_setup(void)
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

void
sb_teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}
