#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * PL_NS_PER_S + t.tv_nsec;
}

int64_t pl_clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t pl_clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

const char *pl_clock_text(int64_t wall_ns, char out[PL_CLOCK_TEXT_BYTES])
{
	int64_t s = wall_ns / PL_NS_PER_S, rest = wall_ns % PL_NS_PER_S;
	if (rest < 0) {
		s--;
		rest += PL_NS_PER_S;
	}
	time_t t = (time_t)s;
	struct tm tm;
	char date[24] = "";
	if (gmtime_r(&t, &tm) != NULL)
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, PL_CLOCK_TEXT_BYTES, "%.19s.%03dZ", date, (int)(rest / PL_NS_PER_MS));
	return out;
}
