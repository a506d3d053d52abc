/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/rot.h"

#include "base/text.h"

static const char *const rot_names[ROT_CLASSES] = {
    [ROT_UNKNOWN] = "unknown",
    [ROT_DISCRETE] = "discrete",
    [ROT_FIRMWARE] = "firmware",
    [ROT_VIRTUAL] = "virtual",
};

/* TCG vendor ID registry, and what software TPMs write. */
static const struct {
	const char *name;
	uint32_t id;
	bool software;
} makers[] = {
    {"AMD", 0x414d4400, false}, {"AMZN", 0x414d5a4e, false},
    {"ATML", 0x41544d4c, false}, {"BRCM", 0x4252434d, false},
    {"CSCO", 0x4353434f, false}, {"GOOG", 0x474f4f47, false},
    {"HISI", 0x48495349, false}, {"HPE", 0x48504500, false},
    {"HPI", 0x48504900, false},
    {"IBM", 0x49424d00, true}, /* the simulator, libtpms */
    {"IFX", 0x49465800, false}, {"INTC", 0x494e5443, false},
    {"LEN", 0x4c454e00, false}, {"MSFT", 0x4d534654, false},
    {"NSG", 0x4e534700, false}, {"NSM", 0x4e534d20, false},
    {"NTC", 0x4e544300, false}, {"NTZ", 0x4e545a00, false},
    {"QCOM", 0x51434f4d, false}, {"ROCC", 0x524f4343, false},
    {"SMSC", 0x534d5343, false}, {"SMSN", 0x534d534e, false},
    {"SNS", 0x534e5300, false}, {"STM", 0x53544d20, false},
    {"TXN", 0x54584e00, false}, {"WEC", 0x57454300, false},
    {"swtpm", 0x00001014, true}, /* swtpm_localca's certificates */
};

enum { MAKERS = sizeof(makers) / sizeof(makers[0]) };

const char *
rot_class_name(enum rot_class c)
{
	return rot_names[c];
}

enum rot_class
rot_class_by_name(struct span name)
{
	for (int c = 0; c < ROT_CLASSES; c++)
		if (span_eq(name, span_str(rot_names[c])))
			return (enum rot_class)c;
	return ROT_UNKNOWN;
}

bool
maker_parse(struct span text, uint32_t *id)
{
	uint8_t b[4];

	for (size_t i = 0; i < MAKERS; i++)
		if (span_eq(text, span_str(makers[i].name))) {
			*id = makers[i].id;
			return true;
		}
	if (text.n != 11 || !span_eq(span_of(text.p, 3), span_str("id:")) ||
	    !rc_ok(hex_decode(span_of(text.p + 3, 8), b, sizeof(b))))
		return false;
	*id = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	      (uint32_t)b[2] << 8 | b[3];
	return true;
}

const char *
maker_name(uint32_t id)
{
	for (size_t i = 0; i < MAKERS; i++)
		if (makers[i].id == id)
			return makers[i].name;
	return NULL;
}

bool
maker_is_software(uint32_t id)
{
	for (size_t i = 0; i < MAKERS; i++)
		if (makers[i].id == id)
			return makers[i].software;
	return false;
}
