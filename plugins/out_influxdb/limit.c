#include "out_influxdb/limit.h"

#include "base/clock.h"

static const int64_t first_wait = 600 * PL_NS_PER_S, longest_wait = 3600 * PL_NS_PER_S, next_step = 60 * PL_NS_PER_S;

size_t pl_influx_limit_now(const struct pl_influx_limit *l, int64_t now_ns)
{
	if (l->bytes == 0)
		return SIZE_MAX;
	return now_ns >= l->probe_at_ns && l->bytes <= SIZE_MAX / 2 ? 2 * l->bytes : l->bytes;
}

void pl_influx_limit_taken(struct pl_influx_limit *l, size_t bytes, int64_t now_ns)
{
	if (l->bytes == 0 || bytes <= l->bytes)
		return;
	l->bytes = bytes;
	l->wait_ns = first_wait;
	l->probe_at_ns = now_ns + next_step;
}

void pl_influx_limit_too_large(struct pl_influx_limit *l, size_t bytes, int64_t now_ns)
{
	if (l->bytes > 0 && bytes > l->bytes) {
		/* it was a try, or a single line */
		l->wait_ns = l->wait_ns < longest_wait / 2 ? 2 * l->wait_ns : longest_wait;
	} else {
		l->bytes = bytes > 1 ? bytes / 2 : 1;
		l->wait_ns = first_wait;
	}
	l->probe_at_ns = now_ns + l->wait_ns;
}
