/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cpu.h"

#include "base/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int64_t
cpu_own(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * TIME_S +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* utime + stime of a process that is `parent` or its child, else 0. */
static int64_t
process_cpu(const char *pid, long parent)
{
	char path[300], line[600];
	long ppid = 0;
	unsigned long user = 0, sys = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	const char *s =
	    fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!s || sscanf(s + 1,
		      " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		      &ppid, &user, &sys) != 3)
		return 0;
	if (ppid != parent && strtol(pid, NULL, 10) != parent)
		return 0;
	return (int64_t)(user + sys) * TIME_S / sysconf(_SC_CLK_TCK);
}

int64_t
cpu_postgres(void)
{
	char path[300];
	long postmaster = 0;
	int64_t sum = 0;
	const struct dirent *d;

	snprintf(
	    path, sizeof(path), "%s/data/postmaster.pid", getenv("BENCH_PG"));
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%ld", &postmaster) != 1)
		postmaster = 0;
	if (f)
		fclose(f);
	DIR *proc = opendir("/proc");
	while (proc && postmaster && (d = readdir(proc)))
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			sum += process_cpu(d->d_name, postmaster);
	if (proc)
		closedir(proc);
	return sum;
}
