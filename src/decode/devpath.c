/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/devpath.h"

#include "base/rd.h"

enum { TYPE_END = 0x7f, END_INSTANCE = 0x01 };

/* PNP IDs are compressed: PNP0A03 is 0x0a0341d0. */
enum { HID_PNP = 0x41d0, HID_PCI_ROOT = 0x0a03, HID_PCIE_ROOT = 0x0a08 };

static void
node_pci(struct rd *in, struct line *l)
{
	uint8_t function = rd_u8(in);

	line_printf(l, "Pci(0x%X,0x%X)", rd_u8(in), function);
}

static void
node_memory(struct rd *in, struct line *l)
{
	uint32_t kind = rd_u32le(in);
	uint64_t start = rd_u64le(in);

	line_printf(l, "MemoryMapped(0x%X,0x%llX,0x%llX)", kind,
	    (unsigned long long)start, (unsigned long long)rd_u64le(in));
}

/* Nodes of a vendor: a GUID and bytes that only the vendor reads. */
static void
vendor(struct rd *in, struct line *l, const char *name)
{
	struct span guid = rd_bytes(in, 16);

	if (!rd_ok(in))
		return;
	line_puts(l, name);
	line_guid(l, guid.p);
	struct span rest = rd_rest(in);
	if (rest.n) {
		line_puts(l, ",");
		line_hex(l, rest, 64);
	}
	line_puts(l, ")");
}

static void
node_vendor_hardware(struct rd *in, struct line *l)
{
	vendor(in, l, "VenHw(");
}

static void
node_vendor_message(struct rd *in, struct line *l)
{
	vendor(in, l, "VenMsg(");
}

static void
node_vendor_media(struct rd *in, struct line *l)
{
	vendor(in, l, "VenMedia(");
}

static void
node_controller(struct rd *in, struct line *l)
{
	line_printf(l, "Ctrl(0x%X)", rd_u32le(in));
}

static void
node_acpi(struct rd *in, struct line *l)
{
	uint32_t hid = rd_u32le(in);
	uint32_t uid = rd_u32le(in);
	uint32_t product = hid >> 16;

	if ((hid & 0xffff) != HID_PNP)
		line_printf(l, "Acpi(0x%08X,0x%X)", hid, uid);
	else if (product == HID_PCI_ROOT)
		line_printf(l, "PciRoot(0x%X)", uid);
	else if (product == HID_PCIE_ROOT)
		line_printf(l, "PcieRoot(0x%X)", uid);
	else
		line_printf(l, "Acpi(PNP%04X,0x%X)", product, uid);
}

static void
node_acpi_address(struct rd *in, struct line *l)
{
	line_printf(l, "AcpiAdr(0x%X", rd_u32le(in));
	while (rd_left(in) >= 4 && !l->cut)
		line_printf(l, ",0x%X", rd_u32le(in));
	line_puts(l, ")");
}

static void
node_ata(struct rd *in, struct line *l)
{
	uint8_t secondary = rd_u8(in);
	uint8_t slave = rd_u8(in);

	line_printf(l, "Ata(%s,%s,0x%X)", secondary ? "Secondary" : "Primary",
	    slave ? "Slave" : "Master", rd_u16le(in));
}

static void
node_scsi(struct rd *in, struct line *l)
{
	uint16_t target = rd_u16le(in);

	line_printf(l, "Scsi(0x%X,0x%X)", target, rd_u16le(in));
}

static void
node_usb(struct rd *in, struct line *l)
{
	uint8_t port = rd_u8(in);

	line_printf(l, "USB(0x%X,0x%X)", port, rd_u8(in));
}

static void
node_usb_class(struct rd *in, struct line *l)
{
	uint16_t who = rd_u16le(in);
	uint16_t product = rd_u16le(in);
	uint8_t class = rd_u8(in);
	uint8_t subclass = rd_u8(in);

	line_printf(l, "UsbClass(0x%X,0x%X,0x%X,0x%X,0x%X)", who, product,
	    class, subclass, rd_u8(in));
}

static void
node_mac(struct rd *in, struct line *l)
{
	struct span mac = rd_bytes(in, 32);
	uint8_t kind = rd_u8(in);

	line_puts(l, "MAC(");
	/* Ethernet addresses lie in the first 6 of 32 bytes. */
	line_hex(l, span_of(mac.p, mac.n && kind <= 1 ? 6 : mac.n), 32);
	line_printf(l, ",0x%X)", kind);
}

static void
address4(struct rd *in, struct line *l)
{
	uint8_t b[4];

	for (size_t i = 0; i < 4; i++)
		b[i] = rd_u8(in);
	line_printf(l, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

static void
node_ipv4(struct rd *in, struct line *l)
{
	rd_bytes(in, 4); /* the local address comes first and says little */
	line_puts(l, "IPv4(");
	address4(in, l);
	line_puts(l, ")");
}

static void
node_ipv6(struct rd *in, struct line *l)
{
	rd_bytes(in, 16);
	line_puts(l, "IPv6(");
	for (size_t i = 0; i < 8; i++)
		line_printf(l, "%s%x", i ? ":" : "", rd_u16be(in));
	line_puts(l, ")");
}

static void
node_unit(struct rd *in, struct line *l)
{
	line_printf(l, "Unit(0x%X)", rd_u8(in));
}

static void
node_sata(struct rd *in, struct line *l)
{
	uint16_t port = rd_u16le(in);
	uint16_t multiplier = rd_u16le(in);

	line_printf(l, "Sata(0x%X,0x%X,0x%X)", port, multiplier, rd_u16le(in));
}

static void
node_vlan(struct rd *in, struct line *l)
{
	line_printf(l, "Vlan(%u)", rd_u16le(in));
}

static void
node_nvme(struct rd *in, struct line *l)
{
	line_printf(l, "NVMe(0x%X,", rd_u32le(in));
	for (size_t i = 0; i < 8; i++)
		line_printf(l, "%s%02X", i ? "-" : "", rd_u8(in));
	line_puts(l, ")");
}

static void
node_uri(struct rd *in, struct line *l)
{
	line_puts(l, "Uri(");
	line_utf8(l, rd_rest(in));
	line_puts(l, ")");
}

static void
node_ufs(struct rd *in, struct line *l)
{
	uint8_t target = rd_u8(in);

	line_printf(l, "UFS(0x%X,0x%X)", target, rd_u8(in));
}

static void
node_sd(struct rd *in, struct line *l)
{
	line_printf(l, "SD(0x%X)", rd_u8(in));
}

static void
node_emmc(struct rd *in, struct line *l)
{
	line_printf(l, "eMMC(0x%X)", rd_u8(in));
}

static void
node_hard_drive(struct rd *in, struct line *l)
{
	uint32_t number = rd_u32le(in);
	uint64_t start = rd_u64le(in);
	uint64_t size = rd_u64le(in);
	struct span sig = rd_bytes(in, 16);

	rd_u8(in); /* partition format, implied by the signature's type */
	uint8_t kind = rd_u8(in);
	if (!rd_ok(in))
		return;
	line_printf(l, "HD(%u,", number);
	if (kind == 2) {
		line_puts(l, "GPT,");
		line_guid(l, sig.p);
	} else if (kind == 1) {
		line_printf(l, "MBR,0x%02x%02x%02x%02x", sig.p[3], sig.p[2],
		    sig.p[1], sig.p[0]);
	} else {
		line_printf(l, "%u,", kind);
		line_hex(l, sig, 16);
	}
	line_printf(l, ",0x%llX,0x%llX)", (unsigned long long)start,
	    (unsigned long long)size);
}

static void
node_cdrom(struct rd *in, struct line *l)
{
	uint32_t entry = rd_u32le(in);
	uint64_t start = rd_u64le(in);

	line_printf(l, "CDROM(0x%X,0x%llX,0x%llX)", entry,
	    (unsigned long long)start, (unsigned long long)rd_u64le(in));
}

static void
node_file(struct rd *in, struct line *l)
{
	line_utf16(l, rd_rest(in));
}

static void
guid_node(struct rd *in, struct line *l, const char *name)
{
	struct span guid = rd_bytes(in, 16);

	if (!rd_ok(in))
		return;
	line_puts(l, name);
	line_guid(l, guid.p);
	line_puts(l, ")");
}

static void
node_protocol(struct rd *in, struct line *l)
{
	guid_node(in, l, "Media(");
}

static void
node_fv_file(struct rd *in, struct line *l)
{
	guid_node(in, l, "FvFile(");
}

static void
node_fv(struct rd *in, struct line *l)
{
	guid_node(in, l, "Fv(");
}

static void
node_offset(struct rd *in, struct line *l)
{
	/* Old firmware leaves out the reserved word. */
	if (rd_left(in) != 16)
		rd_u32le(in);
	uint64_t start = rd_u64le(in);

	line_printf(l, "Offset(0x%llX,0x%llX)", (unsigned long long)start,
	    (unsigned long long)rd_u64le(in));
}

static void
node_ram_disk(struct rd *in, struct line *l)
{
	uint64_t start = rd_u64le(in);
	uint64_t end = rd_u64le(in);
	struct span guid = rd_bytes(in, 16);

	if (!rd_ok(in))
		return;
	line_printf(l, "RamDisk(0x%llX,0x%llX,", (unsigned long long)start,
	    (unsigned long long)end);
	line_guid(l, guid.p);
	line_printf(l, ",%u)", rd_u16le(in));
}

static void
node_bbs(struct rd *in, struct line *l)
{
	uint16_t kind = rd_u16le(in);

	rd_u16le(in);
	struct span name = rd_rest(in);
	if (name.n && name.p[name.n - 1] == 0)
		name.n--;
	line_printf(l, "BBS(0x%X,", kind);
	line_utf8(l, name);
	line_puts(l, ")");
}

static const struct {
	uint8_t type, subtype;
	void (*text)(struct rd *in, struct line *l);
} kinds[] = {
    {1, 1, node_pci},
    {1, 3, node_memory},
    {1, 4, node_vendor_hardware},
    {1, 5, node_controller},
    {2, 1, node_acpi},
    {2, 3, node_acpi_address},
    {3, 1, node_ata},
    {3, 2, node_scsi},
    {3, 5, node_usb},
    {3, 10, node_vendor_message},
    {3, 11, node_mac},
    {3, 12, node_ipv4},
    {3, 13, node_ipv6},
    {3, 15, node_usb_class},
    {3, 17, node_unit},
    {3, 18, node_sata},
    {3, 20, node_vlan},
    {3, 23, node_nvme},
    {3, 24, node_uri},
    {3, 25, node_ufs},
    {3, 26, node_sd},
    {3, 29, node_emmc},
    {4, 1, node_hard_drive},
    {4, 2, node_cdrom},
    {4, 3, node_vendor_media},
    {4, 4, node_file},
    {4, 5, node_protocol},
    {4, 6, node_fv_file},
    {4, 7, node_fv},
    {4, 8, node_offset},
    {4, 9, node_ram_disk},
    {5, 1, node_bbs},
};

static void
node(uint8_t type, uint8_t subtype, struct rd *in, struct line *l)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == type && kinds[i].subtype == subtype) {
			kinds[i].text(in, l);
			return;
		}
	line_printf(l, "Path(%u,%u", type, subtype);
	if (rd_left(in)) {
		line_puts(l, ",");
		line_hex(l, rd_rest(in), 64);
	}
	line_puts(l, ")");
}

bool
devpath_text(struct span path, struct line *l)
{
	struct rd in = rd_over(path);
	const char *between = "";

	while (rd_left(&in) && !l->cut) {
		uint8_t type = rd_u8(&in);
		uint8_t subtype = rd_u8(&in);
		uint16_t size = rd_u16le(&in);
		if (!rd_ok(&in) || size < 4)
			return false;
		struct rd body = rd_sub(&in, size - 4u);
		if (!rd_ok(&body))
			return false;
		if (type == TYPE_END && subtype == END_INSTANCE) {
			between = ",";
			continue;
		}
		if (type == TYPE_END)
			return true;
		line_puts(l, between);
		node(type, subtype, &body, l);
		if (!rd_ok(&body))
			return false;
		between = "/";
	}
	return true;
}
