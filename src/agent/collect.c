/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/collect.h"

#include "agent/state.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SECURITYFS "/sys/kernel/security"

#define USERSPACE_LOG "/run/log/systemd/tpm2-measure.log"

/* The kernel was told to write its list little-endian wherever it runs. */
static bool
canonical_list(void)
{
	char line[4096] = "";
	FILE *f = fopen("/proc/cmdline", "re");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return strstr(line, "ima_canonical_fmt") != NULL;
}

struct log_sources
log_sources_system(void)
{
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	return (struct log_sources){
	    .boot = {.what = "boot log",
		.path = SECURITYFS "/tpm0/binary_bios_measurements",
		.max = LIMIT_EVENTLOG},
	    .ima = {.what = "IMA list",
		.path = SECURITYFS "/ima/binary_runtime_measurements",
		.big_endian = big && !canonical_list(),
		.max = LIMIT_IMA},
	    .userspace = {.what = "userspace log",
		.path = USERSPACE_LOG,
		.userspace = true,
		.max = LIMIT_EVENTLOG},
	};
}

static bool
securityfs_mounted(void)
{
	struct statfs fs;

	return statfs(SECURITYFS, &fs) == 0 && fs.f_type == SECURITYFS_MAGIC;
}

static rc
open_error(const struct log_source *s, int why, struct err *e)
{
	if (s->recorded)
		return err_text(e, ERR_FILE, s->path,
		    "Cannot read the recorded %s %.160s: %s.", s->what, s->path,
		    strerror(why));
	if (!s->userspace && !securityfs_mounted())
		return err_text(e, ERR_AGENT_LOG, s->path,
		    "securityfs is not mounted, so there is no %s: mount -t "
		    "securityfs securityfs " SECURITYFS
		    " (a container needs it from its host).",
		    s->what);
	if (why == EACCES || why == EPERM)
		return err_text(e, ERR_AGENT_LOG, s->path,
		    "May not read the %s %.120s: run as root.", s->what,
		    s->path);
	return err_text(e, ERR_AGENT_LOG, s->path,
	    "Cannot read the %s %.120s: %s.", s->what, s->path, strerror(why));
}

/* Files of securityfs say that they are empty: read until the end. */
static rc
read_from(int fd, const struct log_source *s, uint64_t skip,
    struct log_part *out, struct err *e)
{
	static const size_t chunk = 256 * 1024;
	uint8_t *p = malloc(chunk);
	ssize_t n = p ? 1 : 0;

	while (n > 0 && out->bytes.n <= s->max && !out->bytes.failed) {
		n = read(fd, p, chunk);
		size_t got = n > 0 ? (size_t)n : 0;
		size_t drop = skip < got ? (size_t)skip : got;
		skip -= drop;
		buf_put(&out->bytes, p + drop, got - drop);
	}
	int why = errno;
	free(p);
	if (!p || out->bytes.failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", s->path);
	if (n < 0)
		return open_error(s, why, e);
	if (out->bytes.n > s->max)
		return err_text(e, ERR_AGENT_LOG, s->path,
		    "The %s is larger than %zu MiB.", s->what,
		    s->max / 1024 / 1024);
	out->behind = skip > 0;
	return RC_OK;
}

/* systemd holds the lock while it measures and writes; meanwhile the file has
 * the mark. */
static rc
read_marked(int fd, const struct log_source *s, uint64_t skip,
    struct log_part *out, struct err *e)
{
	struct stat st;

	if (s->userspace && flock(fd, LOCK_SH) != 0)
		return open_error(s, errno, e);
	if (s->userspace && fstat(fd, &st) != 0)
		return open_error(s, errno, e);
	out->incomplete = s->userspace && (st.st_mode & S_ISVTX);
	return read_from(fd, s, skip, out, e);
}

/* This system does not have the log, as far as can be told. */
static bool
is_absent(const struct log_source *s, int why)
{
	return why == ENOENT && !s->recorded &&
	       (s->userspace || securityfs_mounted());
}

rc
log_read(const struct log_source *s, uint64_t skip, struct log_part *out,
    struct err *e)
{
	struct log_part got = {0};
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && is_absent(s, errno)) {
		*out = (struct log_part){.absent = true};
		return RC_OK;
	}
	if (fd < 0)
		return open_error(s, errno, e);
	rc r = read_marked(fd, s, skip, &got, e);
	close(fd);
	if (rc_ok(r))
		*out = got;
	else
		buf_free(&got.bytes);
	return r;
}

/* --- evidence directory --------------------------------------------------- */

static rc
put_file(int dir, const char *name, struct span bytes, struct err *e)
{
	if (bytes.n)
		return file_replace(dir, name, bytes, e);
	/* What an earlier quote left must not look like part of this one. */
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return RC_OK;
	return err_text(
	    e, ERR_FILE, name, "Cannot remove %s: %s.", name, strerror(errno));
}

static rc
put_log(int dir, const char *name, const struct log_source *s, struct err *e)
{
	struct log_part part = {0};

	TRY(log_read(s, 0, &part, e));
	rc r = put_file(dir, name, buf_span(&part.bytes), e);
	if (rc_ok(r) && part.incomplete && part.bytes.n &&
	    fchmodat(dir, name, S_ISVTX | 0600, 0) != 0)
		r = err_text(e, ERR_FILE, name, "Cannot mark %s: %s.", name,
		    strerror(errno));
	buf_free(&part.bytes);
	return r;
}

static rc
put_files(int dir, const struct evidence_files *f, struct err *e)
{
	const struct {
		const char *name;
		struct span bytes;
	} files[] = {
	    {"quote.msg", f->quote->attest},
	    {"quote.sig", f->quote->signature},
	    {"pcrs.bin", f->quote->pcrs},
	    {"nonce.bin", f->nonce},
	    {"pcrsel.txt", span_str(f->pcrs)},
	    {"ak.pub", f->ak_public},
	    {"ek.pub", f->ek_public},
	    {"ekcert.der", f->ek_certificate},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		TRY(put_file(dir, files[i].name, files[i].bytes, e));
	TRY(put_log(dir, "eventlog.bin", &f->logs->boot, e));
	TRY(put_log(dir, "userspace.log", &f->logs->userspace, e));
	return put_log(dir, "ima.bin", &f->logs->ima, e);
}

rc
evidence_write(const char *dir, const struct evidence_files *f, struct err *e)
{
	int fd = -1;

	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_text(e, ERR_FILE, dir,
		    "Cannot use the folder %.160s: %s.", dir, strerror(errno));
	rc r = put_files(fd, f, e);
	close(fd);
	return r;
}
