/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular to a case: a version, the tokens of a command line, a
 * path. Bytes of evidence go through decode/line.h. */
#include "appraise/cause_about.h"

#include "decode/cmdline.h"
#include "decode/line.h"
#include "decode/uefi_data.h"

enum { TOKENS = 256, DETAIL_MAX = 200 };

/* --- kernel --------------------------------------------------------------- */

static struct span
behind(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s.n < n || memcmp(s.p, prefix, n) != 0)
		return s;
	return span_of(s.p + n, s.n - n);
}

/* The last kernel that a boot loader's command line names, without its folder
 * and the usual beginnings. */
static struct span
kernel_of(const struct evlog *log)
{
	struct span name = {NULL, 0};

	for (size_t i = 0; log && i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		struct uefi_ipl ipl = uefi_ipl_of(ev);
		if (ev->type != EV_IPL || ipl.kind != IPL_KERNEL_CMDLINE)
			continue;
		struct span line = uefi_chomp(ipl.text);
		struct cmdline_token token;
		if (cmdline_next(&line, &token))
			name = token.raw;
	}
	for (size_t i = name.n; i > 0; i--)
		if (name.p[i - 1] == '/') {
			name = span_of(name.p + i, name.n - i);
			break;
		}
	return behind(behind(name, "vmlinuz-"), "linux-");
}

static void
put_kernel(const struct cause_facts *f, struct line *l)
{
	struct span now = kernel_of(f->log);
	struct span then = kernel_of(f->diff ? f->diff->then : NULL);

	if (then.n && !span_eq(then, now)) {
		line_utf8(l, then);
		line_puts(l, " → ");
	}
	line_utf8(l, now);
}

/* --- command line --------------------------------------------------------- */

static bool
has_token(struct span line, struct span token)
{
	struct cmdline_token t;

	for (size_t n = 0; n < TOKENS && cmdline_next(&line, &t); n++)
		if (span_eq(t.raw, token))
			return true;
	return false;
}

/* Tokens of `in` that are not in `other`, each after the sign. */
static void
put_tokens(struct span in, struct span other, const char *sign, struct line *l)
{
	struct cmdline_token t;

	for (size_t n = 0; n < TOKENS && cmdline_next(&in, &t); n++) {
		if (has_token(other, t.raw))
			continue;
		line_printf(l, "%s%s", l->n ? " " : "", sign);
		line_utf8(l, t.raw);
	}
}

static void
put_cmdline(const struct cause_facts *f, const struct reason *r, struct line *l)
{
	struct cmdlines lines = about_cmdlines(f, r);

	if (!lines.now.p || !lines.then.p)
		return;
	put_tokens(lines.then, lines.now, "-", l);
	put_tokens(lines.now, lines.then, "+", l);
}

/* --- the rest ------------------------------------------------------------- */

/* A file's path stands behind its digest. */
static void
put_file(const struct reason *r, struct line *l)
{
	const char *path = r->found ? strchr(r->found, ' ') : NULL;

	if (path)
		line_utf8(l, span_str(path + 1));
}

/* An image's path without the devices that lead to it; a variable; a version; a
 * file that the boot loader read. */
static void
put_event(const struct cause_facts *f, const struct reason *r, struct arena *a,
    struct line *l)
{
	const struct evlog_event *ev = about_log_event(f, r);

	if (!ev || ev->type == EV_EVENT_TAG ||
	    ev->type == EV_EFI_PLATFORM_FIRMWARE_BLOB ||
	    ev->type == EV_EFI_PLATFORM_FIRMWARE_BLOB2)
		return;
	if (ev->type == EV_IPL && uefi_ipl_of(ev).kind == IPL_STUB_SECTION)
		return;
	const char *text = uefi_describe(ev, a);
	const char *file = uefi_is_image(ev) ? strstr(text, ")/\\") : NULL;
	line_utf8(l, span_str(file ? file + 2 : text));
}

static bool
of_files(enum cause_id id)
{
	return id == CAUSE_FILE_NEW || id == CAUSE_FILE_CHANGED ||
	       id == CAUSE_FILE_DENIED;
}

/* The first reason of this cause that has something to say; of files, how many
 * more there are. */
static void
put_first(const struct cause_facts *f, uint32_t subjects, enum cause_id id,
    struct arena *a, struct line *l)
{
	size_t more = 0;

	for (size_t i = 0; i < f->reasons_n; i++) {
		const struct reason *r = &f->reasons[i];
		if (!cause_counts(f, r) || !(about_reason(f, r) & subjects))
			continue;
		if (l->n)
			more++;
		else if (of_files(id))
			put_file(r, l);
		else if (id == CAUSE_CMDLINE_EDIT)
			put_cmdline(f, r, l);
		else
			put_event(f, r, a, l);
	}
	if (more && of_files(id))
		line_printf(l, " +%zu", more);
}

static const char *
shortened(const char *text, struct arena *a)
{
	size_t n = DETAIL_MAX;

	if (strlen(text) <= n)
		return text;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	const char *cut = arena_printf(a, "%.*s…", (int)n, text);
	return cut ? cut : "";
}

const char *
cause_detail(const struct cause_facts *f, uint32_t subjects, enum cause_id id,
    struct arena *a)
{
	struct line l;

	line_init(&l);
	if (id == CAUSE_KERNEL_UPDATE)
		put_kernel(f, &l);
	if (l.n == 0)
		put_first(f, subjects, id, a, &l);
	return shortened(line_done(&l, a), a);
}
