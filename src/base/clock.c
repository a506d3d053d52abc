/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/text.h"

#include <stdio.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * TIME_S + (int64_t)ts.tv_nsec / 1000;
}

static int64_t
system_now(const struct clock *c)
{
	(void)c;
	return read_clock(CLOCK_REALTIME);
}

static int64_t
fixed_now(const struct clock *c)
{
	return c->fixed;
}

struct clock
clock_system(void)
{
	return (struct clock){system_now, 0};
}

struct clock
clock_fixed(int64_t t)
{
	return (struct clock){fixed_now, t};
}

int64_t
clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void
time_emit(int64_t t, char out[TIME_TEXT])
{
	int64_t frac = (t % TIME_S + TIME_S) % TIME_S;
	time_t s = (time_t)((t - frac) / TIME_S);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
		snprintf(out, TIME_TEXT, "invalid");
		return;
	}
	size_t n = strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac)
		snprintf(out + n, TIME_TEXT - n, ".%06uZ", (unsigned)frac);
	else
		snprintf(out + n, TIME_TEXT - n, "Z");
}

static bool
digits(struct span t, size_t at, size_t n, int *out)
{
	int v = 0;

	for (size_t i = at; i < at + n; i++) {
		if (i >= t.n || t.p[i] < '0' || t.p[i] > '9')
			return false;
		v = v * 10 + (t.p[i] - '0');
	}
	*out = v;
	return true;
}

static bool
fraction(struct span t, int *out)
{
	int v = 0;
	size_t n = t.n - 21; /* digits between '.' and 'Z' */

	if (t.p[19] != '.' || n < 1 || n > 6 || !digits(t, 20, n, &v))
		return false;
	for (; n < 6; n++)
		v *= 10;
	*out = v;
	return true;
}

rc
time_parse(struct span t, int64_t *out)
{
	static const char shape[] = "....-..-..T..:..:..";
	struct tm tm = {0};
	int frac = 0;

	if (t.n < 20 || t.p[t.n - 1] != 'Z')
		return (rc){ERR_ENCODING};
	for (size_t i = 0; i < 19; i++)
		if (shape[i] != '.' && (char)t.p[i] != shape[i])
			return (rc){ERR_ENCODING};
	if (!digits(t, 0, 4, &tm.tm_year) || !digits(t, 5, 2, &tm.tm_mon) ||
	    !digits(t, 8, 2, &tm.tm_mday) || !digits(t, 11, 2, &tm.tm_hour) ||
	    !digits(t, 14, 2, &tm.tm_min) || !digits(t, 17, 2, &tm.tm_sec) ||
	    (t.n > 20 && (t.n < 22 || !fraction(t, &frac))))
		return (rc){ERR_ENCODING};
	struct tm want = tm;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time_t s = timegm(&tm);
	/* timegm normalises 30 February; such a text is not a time. */
	if (tm.tm_mon + 1 != want.tm_mon || tm.tm_mday != want.tm_mday ||
	    tm.tm_hour != want.tm_hour || tm.tm_min != want.tm_min ||
	    tm.tm_sec != want.tm_sec)
		return (rc){ERR_ENCODING};
	*out = (int64_t)s * TIME_S + frac;
	return RC_OK;
}

rc
duration_parse(struct span t, int64_t *out)
{
	static const struct {
		char unit;
		int64_t size;
	} units[] = {{'s', TIME_S}, {'m', 60 * TIME_S}, {'h', 3600 * TIME_S},
	    {'d', 86400 * TIME_S}};
	uint64_t v;

	if (t.n < 2 || !number_parse(span_of(t.p, t.n - 1), 1000000, &v) ||
	    v == 0)
		return (rc){ERR_ENCODING};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if ((char)t.p[t.n - 1] == units[i].unit) {
			*out = (int64_t)v * units[i].size;
			return RC_OK;
		}
	return (rc){ERR_ENCODING};
}
