/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/devpath.h"
#include "decode/efi_sig.h"
#include "decode/uefi.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#define STR(s) span_of(s, sizeof(s) - 1)

static struct arena arena;
static struct buf bytes;

static void
setup(void)
{
	arena_init(&arena, (size_t)64 << 20);
	bytes = (struct buf){0};
}

static void
teardown(void)
{
	buf_free(&bytes);
	arena_free(&arena);
}

static struct evlog_event
event(uint32_t pcr, uint32_t type, struct span data)
{
	return (struct evlog_event){.pcr = pcr, .type = type, .data = data};
}

static const char *
describe(uint32_t pcr, uint32_t type, struct span data)
{
	struct evlog_event ev = event(pcr, type, data);

	return uefi_describe(&ev, &arena);
}

static void
put_utf16(struct buf *b, const char *ascii)
{
	for (; *ascii; ascii++)
		put_le(b, (uint8_t)*ascii, 2);
}

static void
put_variable(
    struct buf *b, const uint8_t guid[16], const char *name, struct span data)
{
	buf_put(b, guid, 16);
	put_le(b, strlen(name), 8);
	put_le(b, data.n, 8);
	put_utf16(b, name);
	buf_put(b, data.p, data.n);
}

/* --- variables ------------------------------------------------------------ */

START_TEST(variables_have_exactly_their_size)
{
	struct uefi_variable var;
	struct evlog_event ev;

	put_variable(&bytes, uefi_guid_global, "SecureBoot", STR("\1"));
	ev = event(7, EV_EFI_VARIABLE_DRIVER_CONFIG, buf_span(&bytes));
	ck_assert(uefi_variable_decode(&ev, &var));
	ck_assert(uefi_variable_is(&var, uefi_guid_global, "SecureBoot"));
	ck_assert(!uefi_variable_is(&var, uefi_guid_global, "SecureBoo"));
	ck_assert(!uefi_variable_is(&var, uefi_guid_global, "SecureBoot1"));
	ck_assert(!uefi_variable_is(&var, uefi_guid_shim, "SecureBoot"));
	for (size_t n = 0; n < bytes.n; n++) {
		ev.data.n = n;
		ck_assert(!uefi_variable_decode(&ev, &var));
	}
	put_fill(&bytes, 0, 1);
	ev.data = buf_span(&bytes);
	ck_assert(!uefi_variable_decode(&ev, &var));
}
END_TEST

START_TEST(variables_do_not_overflow)
{
	static const uint64_t lengths[][2] = {{UINT64_MAX / 2 + 1, 0},
	    {UINT64_MAX, 0}, {0, UINT64_MAX}, {UINT64_MAX - 10, 20},
	    {(UINT64_MAX >> 1) - 15, 1}, {10, UINT64_MAX - 19}};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct uefi_variable var;
		bytes.n = 0;
		put_fill(&bytes, 0x11, 16);
		put_le(&bytes, lengths[i][0], 8);
		put_le(&bytes, lengths[i][1], 8);
		put_fill(&bytes, 0x22, 40);
		struct evlog_event ev =
		    event(7, EV_EFI_VARIABLE_BOOT, buf_span(&bytes));
		ck_assert(!uefi_variable_decode(&ev, &var));
		ck_assert_uint_eq(uefi_hashed(&ev).n, 1);
		ck_assert_ptr_nonnull(
		    strstr(uefi_describe(&ev, &arena), "malformed: 1111"));
	}
}
END_TEST

START_TEST(an_old_shim_logs_six_bytes_more)
{
	struct uefi_variable var;
	struct evlog_event ev;

	put_variable(&bytes, uefi_guid_shim, "Shim", STR("cert"));
	put_fill(&bytes, 0, 6);
	ev = event(7, EV_EFI_VARIABLE_AUTHORITY, buf_span(&bytes));
	ck_assert(uefi_variable_decode(&ev, &var));
	ck_assert(span_eq(var.data, STR("cert")));
	struct uefi_hashed of = uefi_hashed(&ev);
	ck_assert_uint_eq(of.n, 2);
	ck_assert_uint_eq(of.try[0].n, bytes.n - 1);
	ck_assert_uint_eq(of.try[1].n, bytes.n);
	ev.type = EV_EFI_VARIABLE_DRIVER_CONFIG;
	ck_assert(!uefi_variable_decode(&ev, &var));
}
END_TEST

/* --- what is hashed ------------------------------------------------------- */

struct hashed_case {
	uint32_t pcr, type;
	struct span data;
	size_t n;
	struct span first, second;
};

START_TEST(candidates_follow_the_type)
{
	const struct hashed_case cases[] = {
	    {7, EV_SEPARATOR, STR("\0\0\0\0"), 3, STR("\0\0\0\0"),
		STR("\1\0\0\0")},
	    {7, EV_SEPARATOR, STR("\1\0\0\0"), 1, STR("\1\0\0\0"), STR("")},
	    {7, EV_SEPARATOR, STR("failed"), 3, STR("failed"), STR("\1\0\0\0")},
	    {4, EV_EFI_ACTION, STR("Calling"), 1, STR("Calling"), STR("")},
	    {5, EV_EFI_ACTION, STR("UEFI Debug Mode\0"), 2,
		STR("UEFI Debug Mode\0"), STR("UEFI Debug Mode")},
	    {4, EV_EFI_BOOT_SERVICES_APPLICATION, STR("x"), 0, STR(""),
		STR("")},
	    {0, EV_EFI_PLATFORM_FIRMWARE_BLOB, STR("x"), 0, STR(""), STR("")},
	    {0, EV_NO_ACTION, STR("x"), 0, STR(""), STR("")},
	    {0, EV_S_CRTM_VERSION, STR("x"), 1, STR("x"), STR("")},
	    {2, 0x8401, STR("x"), 1, STR("x"), STR("")},
	    {8, EV_IPL, STR("grub_cmd: a b\0"), 2, STR("a b"), STR("a b\0")},
	    {8, EV_IPL, STR("grub_cmd: a"), 1, STR("a"), STR("")},
	    {8, EV_IPL, STR("grub_cmd: "), 1, STR(""), STR("")},
	    {8, EV_IPL, STR("kernel_cmdline: k\0"), 2, STR("k"), STR("k\0")},
	    {8, EV_IPL, STR("module_cmdline: m\0"), 2, STR("m"), STR("m\0")},
	    {8, EV_IPL, STR("grub_kernel_cmdline k\0"), 2, STR("k"),
		STR("k\0")},
	    {9, EV_IPL, STR("(hd0,gpt2)/vmlinuz\0"), 0, STR(""), STR("")},
	    {14, EV_IPL, STR("MokList\0"), 0, STR(""), STR("")},
	    {14, EV_IPL, STR("MokListX\0"), 0, STR(""), STR("")},
	    {14, EV_IPL, STR("MokSBState\0"), 0, STR(""), STR("")},
	    {14, EV_IPL, STR("MokList"), 1, STR("MokList"), STR("")},
	    {12, EV_IPL, STR("q\0u\0\0\0"), 2, STR("q\0u\0"),
		STR("q\0u\0\0\0")},
	    {11, EV_IPL, STR(".\0l\0i\0n\0u\0x\0\0\0"), 1, STR(".linux\0"),
		STR("")},
	    {9, EV_EVENT_TAG, STR("\xec\x22\x3b\x8f\3\0\0\0abc"), 2,
		STR("\xec\x22\x3b\x8f\3\0\0\0abc"), STR("abc")},
	    {9, EV_EVENT_TAG, STR("\xec\x22\x3b\x8f\4\0\0\0abc"), 1,
		STR("\xec\x22\x3b\x8f\4\0\0\0abc"), STR("")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hashed_case *c = &cases[i];
		struct evlog_event ev = event(c->pcr, c->type, c->data);
		struct uefi_hashed of = uefi_hashed(&ev);
		ck_assert_msg(of.n == c->n, "case %zu: %zu", i, of.n);
		ck_assert_msg(
		    of.n < 1 || span_eq(of.try[0], c->first), "case %zu", i);
		ck_assert_msg(
		    of.n < 2 || span_eq(of.try[1], c->second), "case %zu", i);
		ck_assert_uint_eq(of.nul, 0);
	}
}
END_TEST

START_TEST(boot_variables_hash_their_data_or_all)
{
	put_variable(&bytes, uefi_guid_global, "BootOrder", STR("\1\0"));
	struct evlog_event ev =
	    event(1, EV_EFI_VARIABLE_BOOT, buf_span(&bytes));
	struct uefi_hashed of = uefi_hashed(&ev);

	ck_assert_uint_eq(of.n, 2);
	ck_assert(span_eq(of.try[0], STR("\1\0")));
	ck_assert(span_eq(of.try[1], buf_span(&bytes)));
	ev.type = EV_EFI_VARIABLE_BOOT2;
	of = uefi_hashed(&ev);
	ck_assert_uint_eq(of.n, 1);
	ck_assert(span_eq(of.try[0], buf_span(&bytes)));
}
END_TEST

START_TEST(systemd_boot_logs_a_byte_less_than_it_hashes)
{
	struct evlog_event ev = event(8, EV_IPL, STR("r\0o\0\0"));
	struct uefi_hashed of = uefi_hashed(&ev);

	ck_assert_uint_eq(of.n, 2);
	ck_assert_uint_eq(of.nul, 1);
}
END_TEST

/* --- text ----------------------------------------------------------------- */

START_TEST(text_is_printable)
{
	static const struct {
		struct span in;
		const char *utf8, *utf16;
	} cases[] = {
	    {{(const uint8_t *)"a\nb\x7f", 4}, "a\\x0ab\\x7f", NULL},
	    {{(const uint8_t *)"\xe8\xa8\xbc\xe2\x80\xae", 6},
		"\xe8\xa8\xbc\\u202e", NULL},
	    {{(const uint8_t *)"\xc0\x80\xff\xed\xa0\x80", 6},
		"\\xc0\\x80\\xff\\xed\\xa0\\x80", NULL},
	    {{(const uint8_t *)"\xf4\x90\x80\x80", 4}, "\\xf4\\x90\\x80\\x80",
		NULL},
	    {{(const uint8_t *)"\xe8\xa8", 2}, "\\xe8\\xa8", NULL},
	    {{(const uint8_t *)"a\0\x3c\xd8\x00\xdf", 6}, NULL,
		"a\xf0\x9f\x8c\x80"},
	    {{(const uint8_t *)"\x00\xd8", 2}, NULL, "\\ud800"},
	    {{(const uint8_t *)"\x00\xdc\x00\xd8", 4}, NULL, "\\udc00\\ud800"},
	    {{(const uint8_t *)"a\0\0\0b\0\0\0", 8}, NULL, "a\\x00b"},
	    {{(const uint8_t *)"a\0b", 3}, NULL, "a\\x62"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line l;
		line_init(&l);
		if (cases[i].utf8)
			line_utf8(&l, cases[i].in);
		else
			line_utf16(&l, cases[i].in);
		ck_assert_str_eq(line_done(&l, &arena),
		    cases[i].utf8 ? cases[i].utf8 : cases[i].utf16);
	}
}
END_TEST

START_TEST(long_text_is_cut)
{
	put_fill(&bytes, 'x', 100000);
	const char *s = describe(8, EV_IPL, buf_span(&bytes));

	ck_assert_uint_eq(strlen(s), LINE_MAX_BYTES + 3);
	put_fill(&bytes, '\n', 100000);
	ck_assert_uint_le(
	    strlen(describe(5, EV_ACTION, buf_span(&bytes))), 200);

	/* Nothing follows the mark of the cut. */
	struct line l;
	line_init(&l);
	for (int i = 0; i < LINE_MAX_BYTES / 8 + 2; i++)
		line_puts(&l, "12345678");
	s = line_done(&l, &arena);
	ck_assert_uint_eq(strlen(s), LINE_MAX_BYTES + 3);
	ck_assert_str_eq(s + LINE_MAX_BYTES, "\xe2\x80\xa6");
}
END_TEST

struct described {
	uint32_t pcr, type;
	struct span data;
	const char *text;
};

START_TEST(events_say_what_they_are)
{
	const struct described cases[] = {
	    {0, EV_NO_ACTION, STR("StartupLocality\0\3"), "StartupLocality 3"},
	    {7, EV_SEPARATOR, STR("\0\0\0\0"), "separator 00000000"},
	    {7, EV_SEPARATOR, STR("\xff\xff\xff\xff"), "separator ffffffff"},
	    {7, EV_SEPARATOR, STR("\1\0\0\0"), "error separator 01000000"},
	    {12, EV_SEPARATOR, STR("WBCL"), "separator WBCL"},
	    {0, EV_S_CRTM_VERSION, STR("\0\0"), ""},
	    {0, EV_S_CRTM_VERSION, STR("1\0.\0\062\0\0\0"), "1.2"},
	    {0, EV_S_CRTM_VERSION,
		STR("\x1e\xfb\x6b\x54\x0c\x1d\x55\x40\xa4\xad\x4e\xf4\xbf\x17"
		    "\xb8\x3a"),
		"546bfb1e-1d0c-4055-a4ad-4ef4bf17b83a"},
	    {0, EV_EFI_PLATFORM_FIRMWARE_BLOB,
		STR("\0\0\x82\0\0\0\0\0\0\0\x0e\0\0\0\0\0"),
		"917504 bytes at 0x820000"},
	    {0, EV_POST_CODE, STR("ACPI DATA"), "ACPI DATA"},
	    {0, EV_POST_CODE2, STR("\3abc\0\0\x82\0\0\0\0\0\0\0\x0e\0\0\0\0\0"),
		"abc: 917504 bytes at 0x820000"},
	    {0, EV_POST_CODE2, STR("\4abc\0\0\x82\0\0\0\0\0\0\0\x0e\0\0\0\0\0"),
		"malformed: 04616263000082000000000000000e0000000000"},
	    {1, EV_EFI_HANDOFF_TABLES, STR("\1\0\0\0\0\0\0\1"),
		"malformed: 0100000000000001"},
	    {4, EV_EFI_BOOT_SERVICES_APPLICATION, STR("short"),
		"malformed: 73686f7274"},
	    {9, EV_EVENT_TAG, STR("\xec\x22\x3b\x8f\4\0\0\0abc\0"),
		"Linux EFI stub, initrd: abc"},
	    {9, EV_EVENT_TAG, STR("\xec\x22\x3b\x8f\5\0\0\0abc\0"),
		"malformed: ec223b8f0500000061626300"},
	    {8, EV_IPL, STR("kernel_cmdline: a=b\0"), "kernel_cmdline: a=b"},
	    {11, EV_IPL, STR(".\0l\0\0\0"), ".l"},
	    {5, EV_EFI_GPT_EVENT, STR("EFI PART"),
		"malformed: 4546492050415254"},
	    {2, 0x8401, STR("\x80\x81"), "8081"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(
		    describe(cases[i].pcr, cases[i].type, cases[i].data),
		    cases[i].text);
}
END_TEST

START_TEST(a_full_arena_says_nothing)
{
	struct arena none;
	struct evlog_event ev = event(5, EV_ACTION, STR("x"));

	arena_init(&none, 0);
	ck_assert_str_eq(uefi_describe(&ev, &none), "");
}
END_TEST

/* --- device paths --------------------------------------------------------- */

START_TEST(device_paths_are_text)
{
	static const struct {
		struct span path;
		bool ok;
		const char *text;
	} cases[] = {
	    {{(const uint8_t *)"\x02\x01\x0c\0\xd0\x41\x03\x0a\0\0\0\0"
			       "\x01\x01\x06\0\x02\x1f\x7f\xff\4\0",
		 22},
		true, "PciRoot(0x0)/Pci(0x1F,0x2)"},
	    {{(const uint8_t *)"\4\4\6\0a\0\x7f\1\4\0\4\4\6\0b\0", 16}, true,
		"a,b"},
	    {{(const uint8_t *)"\2\7\6\0\xab\xcd", 6}, true, "Path(2,7,abcd)"},
	    {{(const uint8_t *)"", 0}, true, ""},
	    {{(const uint8_t *)"\1\1\3\0\0\0", 6}, false, ""},
	    {{(const uint8_t *)"\1\1\0\0\0\0", 6}, false, ""},
	    {{(const uint8_t *)"\1\1\xff\xff\0\0", 6}, false, ""},
	    {{(const uint8_t *)"\1\1\6", 3}, false, ""},
	    {{(const uint8_t *)"\4\4\6\0a\0\4\1\4\0", 10}, false, "a/"},
	    {{(const uint8_t *)"\3\x12\x0a\0\1\0\xff\xff\2\0", 10}, true,
		"Sata(0x1,0xFFFF,0x2)"},
	    {{(const uint8_t *)"\3\x18\x0b\0http://", 11}, true,
		"Uri(http://)"},
	    {{(const uint8_t *)"\3\x0b\x25\0\1\2\3\4\5\6"
			       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			       "\0\0\0\1",
		 37},
		true, "MAC(010203040506,0x1)"},
	    {{(const uint8_t *)"\x02\x01\x0c\0\xd0\x41\x08\x0a\1\0\0\0", 12},
		true, "PcieRoot(0x1)"},
	    {{(const uint8_t *)"\x04\x01\x2a\0\1\0\0\0"
			       "\0\x08\0\0\0\0\0\0\0\x10\0\0\0\0\0\0"
			       "\x78\x56\x34\x12\0\0\0\0\0\0\0\0\0\0\0\0"
			       "\1\1",
		 42},
		true, "HD(1,MBR,0x12345678,0x800,0x1000)"},
	    {{(const uint8_t *)"\5\1\x0d\0\2\0\0\0disk\0", 13}, true,
		"BBS(0x2,disk)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line l;
		line_init(&l);
		ck_assert_msg(devpath_text(cases[i].path, &l) == cases[i].ok,
		    "case %zu", i);
		ck_assert_str_eq(line_done(&l, &arena), cases[i].text);
	}
}
END_TEST

START_TEST(every_prefix_of_a_path_is_safe)
{
	/* One node of each kind in the table and many that are not, each with
	 * every length up to 48. */
	for (unsigned type = 1; type < 6; type++)
		for (unsigned sub = 0; sub < 34; sub++)
			for (uint16_t n = 0; n < 48; n++) {
				struct line l;
				bytes.n = 0;
				put_le(&bytes, type, 1);
				put_le(&bytes, sub, 1);
				put_le(&bytes, n + 4u, 2);
				put_fill(&bytes, 0xff, n);
				line_init(&l);
				(void)devpath_text(buf_span(&bytes), &l);
				ck_assert_uint_lt(l.n, LINE_MAX_BYTES);
			}
}
END_TEST

/* --- signature databases -------------------------------------------------- */

static const uint8_t sha256_type[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50,
    0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

static void
put_list(struct buf *b, uint32_t list, uint32_t head, uint32_t size, size_t n)
{
	buf_put(b, sha256_type, 16);
	put_le(b, list, 4);
	put_le(b, head, 4);
	put_le(b, size, 4);
	put_fill(b, 0xaa, n);
}

static size_t
count_sigs(bool *malformed)
{
	struct efi_sigs s = efi_sigs_over(buf_span(&bytes));
	struct efi_sig sig;
	size_t n = 0;

	while (efi_sigs_next(&s, &sig)) {
		ck_assert_int_eq(sig.kind, SIG_SHA256);
		ck_assert_uint_eq(sig.data.n, s.size - 16);
		n++;
	}
	ck_assert(!efi_sigs_next(&s, &sig));
	*malformed = s.malformed;
	return n;
}

START_TEST(signature_lists_add_up)
{
	static const struct {
		uint32_t list, head, size;
		size_t bytes;
		size_t entries;
		bool malformed;
	} cases[] = {
	    {28 + 96, 0, 48, 96, 2, false},
	    {28 + 100, 4, 48, 100, 2, false},
	    {28, 0, 48, 0, 0, false},
	    {28 + 1, 0, 17, 1, 0, true},
	    {27, 0, 48, 96, 0, true},
	    {0, 0, 48, 96, 0, true},
	    {28 + 96, 97, 48, 96, 0, true},
	    {28 + 96, UINT32_MAX, 48, 96, 0, true},
	    {28 + 96, 0, 0, 96, 0, true},
	    {28 + 96, 0, 16, 96, 0, true},
	    {28 + 96, 0, 47, 96, 0, true},
	    {28 + 96, 0, UINT32_MAX, 96, 0, true},
	    {28 + 97, 0, 97, 96, 0, true},
	    {0xfffffff0, 0, 48, 96, 0, true},
	    {28 + 48, 0, 48, 60, 1, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool malformed;
		bytes.n = 0;
		put_list(&bytes, cases[i].list, cases[i].head, cases[i].size,
		    cases[i].bytes);
		ck_assert_msg(
		    count_sigs(&malformed) == cases[i].entries, "case %zu", i);
		ck_assert_msg(malformed == cases[i].malformed, "case %zu", i);
	}
}
END_TEST

START_TEST(several_lists_follow_each_other)
{
	bool malformed;

	put_list(&bytes, 28 + 48, 0, 48, 48);
	put_list(&bytes, 28, 0, 48, 0);
	put_list(&bytes, 28 + 144, 0, 48, 144);
	ck_assert_uint_eq(count_sigs(&malformed), 4);
	ck_assert(!malformed);
	bytes.n = 0;
	ck_assert_uint_eq(count_sigs(&malformed), 0);
	ck_assert(!malformed);
}
END_TEST

/* --- the log -------------------------------------------------------------- */

static void
check_layers(const char *boot, const char *const *want)
{
	struct evlog log;
	struct span s = tap_file(
	    &arena, arena_printf(&arena,
			"/tests/vectors/vm/boots/%s/eventlog.bin", boot));

	ck_rc_ok(evlog_decode(s, &arena, &log, NULL));
	for (size_t i = 0; i < log.events_n; i++) {
		const struct evlog_event *ev = &log.events[i];
		if (ev->pcr == 4 && uefi_is_image(ev)) {
			ck_assert_ptr_nonnull(*want);
			ck_assert_str_eq(uefi_layer(&log, ev), *want++);
		}
	}
	ck_assert_ptr_null(*want);
}

START_TEST(kernels_belong_to_the_os)
{
	static const char *const grub[] = {
	    "bootloader", "bootloader", "os", "os", NULL};
	static const char *const uki[] = {"os", "os", NULL};
	static const char *const direct[] = {"os", NULL};

	check_layers("grub-sb-golden", grub);
	check_layers("debian-golden", grub);
	check_layers("uki-golden", uki);
	check_layers("direct-golden", direct);
}
END_TEST

START_TEST(layers_follow_pcr_and_type)
{
	static const struct {
		uint32_t pcr, type;
		struct span data;
		const char *layer;
	} cases[] = {
	    {0, EV_S_CRTM_VERSION, {(const uint8_t *)"", 0}, "firmware"},
	    {6, EV_COMPACT_HASH, {(const uint8_t *)"", 0}, "firmware"},
	    {5, EV_EFI_GPT_EVENT, {(const uint8_t *)"", 0}, "bootloader"},
	    {4, EV_EFI_ACTION, {(const uint8_t *)"", 0}, "bootloader"},
	    {7, EV_EFI_VARIABLE_DRIVER_CONFIG, {(const uint8_t *)"", 0},
		"firmware"},
	    {7, EV_EFI_VARIABLE_AUTHORITY, {(const uint8_t *)"", 0},
		"bootloader"},
	    {8, EV_IPL, {(const uint8_t *)"grub_cmd: x", 11}, "bootloader"},
	    {8, EV_IPL, {(const uint8_t *)"kernel_cmdline: x", 17}, "os"},
	    {9, EV_IPL, {(const uint8_t *)"/vmlinuz", 8}, "os"},
	    {11, EV_IPL, {(const uint8_t *)"", 0}, "os"},
	    {14, EV_IPL, {(const uint8_t *)"", 0}, "bootloader"},
	    {15, EV_IPL, {(const uint8_t *)"", 0}, "os"},
	    {UINT32_MAX, EV_NO_ACTION, {(const uint8_t *)"", 0}, "firmware"},
	};
	struct evlog log = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evlog_event ev =
		    event(cases[i].pcr, cases[i].type, cases[i].data);
		ck_assert_str_eq(uefi_layer(&log, &ev), cases[i].layer);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uefi");
	TCase *t = tcase_create("uefi");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, variables_have_exactly_their_size);
	tcase_add_test(t, variables_do_not_overflow);
	tcase_add_test(t, an_old_shim_logs_six_bytes_more);
	tcase_add_test(t, candidates_follow_the_type);
	tcase_add_test(t, boot_variables_hash_their_data_or_all);
	tcase_add_test(t, systemd_boot_logs_a_byte_less_than_it_hashes);
	tcase_add_test(t, text_is_printable);
	tcase_add_test(t, long_text_is_cut);
	tcase_add_test(t, events_say_what_they_are);
	tcase_add_test(t, a_full_arena_says_nothing);
	tcase_add_test(t, device_paths_are_text);
	tcase_add_test(t, every_prefix_of_a_path_is_safe);
	tcase_add_test(t, signature_lists_add_up);
	tcase_add_test(t, several_lists_follow_each_other);
	tcase_add_test(t, kernels_belong_to_the_os);
	tcase_add_test(t, layers_follow_pcr_and_type);
	suite_add_tcase(s, t);
	return tap_run(s);
}
