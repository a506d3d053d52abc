/* SPDX-License-Identifier: Apache-2.0 */
/* The member "tpm" in words, and what a careful reader would ask about it. */
#include "appraise/rules.h"

#include "base/clock.h"
#include "verify/rot.h"

static void
put_words(struct buf *out, const char *what, const char *const *words, size_t n)
{
	if (n)
		buf_printf(out, "    %s: ", what);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", words[i], i + 1 < n ? " or " : "\n");
}

static void
put_maker(struct buf *out, uint32_t id)
{
	const char *name = maker_name(id);

	if (name)
		buf_puts(out, name);
	else
		buf_printf(out, "id:%08X", id);
}

static void
describe_identity(const struct tpm_rules *t, struct buf *out)
{
	const char *names[ROT_CLASSES];
	size_t n = 0;

	for (int c = 0; c < ROT_CLASSES; c++)
		if (t->classes & 1u << c)
			names[n++] = rot_class_name((enum rot_class)c);
	put_words(out, "root of trust", names, n);
	if (t->makers_n)
		buf_puts(out, "    made by: ");
	for (size_t i = 0; i < t->makers_n; i++) {
		put_maker(out, t->makers[i]);
		buf_puts(out, i + 1 < t->makers_n ? " or " : "\n");
	}
	for (size_t i = 0; i < t->firmware_n; i++) {
		char text[FIRMWARE_TEXT];
		firmware_emit(t->firmware[i].min, text);
		buf_puts(out, "    firmware of ");
		put_maker(out, t->firmware[i].maker);
		buf_printf(out, ": %s or later\n", text);
	}
}

void
tpm_rules_describe(const struct policy *p, struct buf *out)
{
	static const char *const words[] = {
	    [EFF_NONE] = "pass",
	    [EFF_WARN] = "warn",
	    [EFF_FAIL] = "fail",
	};
	const struct tpm_rules *t = &p->tpm;

	if (!t->present)
		return;
	buf_puts(out, "  the TPM\n");
	describe_identity(t, out);
	put_words(out, "attestation key", t->keys, t->keys_n);
	put_words(out, "signature hash", t->hashes, t->hashes_n);
	put_words(out, "accepted advisory", t->accepted, t->accepted_n);
	buf_printf(out, "    a quote may be %lld s old\n",
	    (long long)(t->max_delay / TIME_S));
	for (int i = 0; i < TPM_EFFECT_COUNT; i++)
		buf_printf(out, "    %s: %s\n",
		    tpm_effect_name((enum tpm_effect)i), words[t->effect[i]]);
}
