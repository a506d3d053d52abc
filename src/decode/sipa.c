/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sipa.h"

enum form { HEX, FLAG, NUMBER, TEXT };

static const struct {
	uint32_t type;
	enum form form;
	const char *name;
} records[] = {
    {0x40010001, HEX, "trust_boundary"},
    {0x40010002, HEX, "elam_aggregation"},
    {0x40010003, HEX, "loaded_module"},
    {0xc0010004, HEX, "trust_point"},
    {0x40010005, HEX, "ksr_aggregation"},
    {0x40010006, HEX, "ksr_signed_measurement"},
    {0x00020001, HEX, "information"},
    {0x00020002, NUMBER, "boot_counter"},
    {0x00020003, NUMBER, "transfer_control"},
    {0x00020004, NUMBER, "application_return"},
    {0x00020005, NUMBER, "bitlocker_unlock"},
    {0x00020006, NUMBER, "event_counter"},
    {0x00020007, NUMBER, "counter_id"},
    {0x00020008, FLAG, "mor_bit_not_cancelable"},
    {0x00020009, NUMBER, "application_svn"},
    {0x0002000a, NUMBER, "svn_chain_status"},
    {0x0002000b, NUMBER, "mor_bit_api_status"},
    {0x00040001, FLAG, "boot_debugging"},
    {0x00040002, HEX, "boot_revocation_list"},
    {0x00050001, FLAG, "os_kernel_debug"},
    {0x00050002, FLAG, "code_integrity"},
    {0x00050003, FLAG, "test_signing"},
    {0x00050004, NUMBER, "data_execution_prevention"},
    {0x00050005, FLAG, "safe_mode"},
    {0x00050006, FLAG, "winpe"},
    {0x00050007, NUMBER, "physical_address_extension"},
    {0x00050008, NUMBER, "os_device"},
    {0x00050009, TEXT, "system_root"},
    {0x0005000a, NUMBER, "hypervisor_launch_type"},
    {0x0005000b, TEXT, "hypervisor_path"},
    {0x0005000c, NUMBER, "hypervisor_iommu_policy"},
    {0x0005000d, FLAG, "hypervisor_debug"},
    {0x0005000e, NUMBER, "driver_load_policy"},
    {0x0005000f, HEX, "si_policy"},
    {0x00050010, NUMBER, "hypervisor_mmio_nx_policy"},
    {0x00050011, NUMBER, "hypervisor_msr_filter_policy"},
    {0x00050012, NUMBER, "vsm_launch_type"},
    {0x00050013, HEX, "os_revocation_list"},
    {0x00050020, HEX, "vsm_idk_info"},
    {0x00050021, FLAG, "flight_signing"},
    {0x00050022, FLAG, "pagefile_encryption"},
    {0x00050023, HEX, "vsm_idks_info"},
    {0x00050024, FLAG, "hibernation_disabled"},
    {0x00050025, FLAG, "dumps_disabled"},
    {0x00050026, FLAG, "dump_encryption"},
    {0x00050027, HEX, "dump_encryption_key_digest"},
    {0x00050028, NUMBER, "lsa_iso_config"},
    {0x00060001, HEX, "no_authority"},
    {0x00060002, HEX, "authority_public_key"},
    {0x00070001, TEXT, "file_path"},
    {0x00070002, NUMBER, "image_size"},
    {0x00070003, NUMBER, "hash_algorithm"},
    {0x00070004, HEX, "authenticode_hash"},
    {0x00070005, TEXT, "authority_issuer"},
    {0x00070006, HEX, "authority_serial"},
    {0x00070007, NUMBER, "image_base"},
    {0x00070008, TEXT, "authority_publisher"},
    {0x00070009, HEX, "authority_sha1_thumbprint"},
    {0x0007000a, FLAG, "image_validated"},
    {0x0007000b, NUMBER, "module_svn"},
    {0x80080001, HEX, "quote"},
    {0x80080002, HEX, "quote_signature"},
    {0x80080003, TEXT, "aik_id"},
    {0x80080004, HEX, "aik_public_digest"},
    {0x00090001, TEXT, "elam_key_name"},
    {0x00090002, HEX, "elam_configuration"},
    {0x00090003, HEX, "elam_policy"},
    {0x00090004, HEX, "elam_measured"},
    {0x000a0001, FLAG, "vbs_vsm_required"},
    {0x000a0002, FLAG, "vbs_secure_boot_required"},
    {0x000a0003, FLAG, "vbs_iommu_required"},
    {0x000a0004, FLAG, "vbs_mmio_nx_required"},
    {0x000a0005, FLAG, "vbs_msr_filtering_required"},
    {0x000a0006, FLAG, "vbs_mandatory_enforcement"},
    {0x000a0007, HEX, "vbs_hvci_policy"},
    {0x000a0008, FLAG, "vbs_microsoft_boot_chain_required"},
    {0x000b0001, HEX, "ksr_signature"},
};

enum { RECORDS = sizeof(records) / sizeof(records[0]) };

bool
sipa_is_container(uint32_t type)
{
	return (type & 0x000f0000) == 0x00010000;
}

struct sipa
sipa_over(struct span data)
{
	struct sipa s = {.depth = 0, .malformed = false};

	s.level[0] = rd_over(data);
	return s;
}

static size_t
row_of(uint32_t type)
{
	size_t i = 0;

	while (i < RECORDS && records[i].type != type)
		i++;
	return i;
}

bool
sipa_next(struct sipa *s, struct sipa_record *out)
{
	while (s->depth > 0 && rd_done(&s->level[s->depth]))
		s->depth--;
	struct rd *in = &s->level[s->depth];
	if (s->malformed || rd_done(in))
		return false;
	uint32_t type = rd_u32le(in);
	uint32_t size = rd_u32le(in);
	struct span data = rd_bytes(in, size);
	bool container = sipa_is_container(type);
	size_t row = row_of(type);
	s->malformed = !rd_ok(in) || (container && s->depth + 1 == SIPA_DEPTH);
	if (s->malformed)
		return false;
	*out =
	    (struct sipa_record){type, row < RECORDS ? records[row].name : NULL,
		container, s->depth, data};
	if (container)
		s->level[++s->depth] = rd_over(data);
	return true;
}

bool
sipa_number(const struct sipa_record *r, uint64_t *out)
{
	uint64_t v = 0;

	if (r->data.n == 0 || r->data.n > sizeof(v))
		return false;
	for (size_t i = r->data.n; i > 0; i--)
		v = v << 8 | r->data.p[i - 1];
	*out = v;
	return true;
}

void
sipa_value(const struct sipa_record *r, struct line *l)
{
	size_t row = row_of(r->type);
	enum form form = row < RECORDS ? records[row].form : HEX;
	uint64_t v = 0;

	if (form == TEXT)
		line_utf16(l, r->data);
	else if (form == FLAG && r->data.n == 1 && r->data.p[0] <= 1)
		line_puts(l, r->data.p[0] ? "yes" : "no");
	else if (form != HEX && sipa_number(r, &v))
		line_printf(l, "%llu", (unsigned long long)v);
	else
		line_hex(l, r->data, 32);
}
