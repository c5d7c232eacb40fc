/* What a server may say to a relay: lines cut anywhere, time passing in between. The first byte of each record is the length of a
 * chunk; bit 7 set: the time passes instead, so many seconds. */
#include <stdlib.h>

#include "base/clock.h"
#include "relay/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double point(void *data)
{
	return *(double *)data += 0.1;
}

static void set(struct pl_relay_set *s, void *data)
{
	pl_relay_set_put(s, "one", point(data));
	pl_relay_set_put(s, "not-one", 1);
	pl_relay_set_put(s, "huge", 1e308);
}

static void leaves(struct pl_relay_set *s, void *data)
{
	struct pl_relay *r = data;
	pl_relay_set_put(s, "last", 1);
	pl_relay_remove(r, "leaver");
	pl_relay_add_set(r, "leaver", NULL, leaves, r, NULL, 0);
}

static void check_out(const struct pl_relay *r)
{
	size_t n = pl_relay_bytes_count(&r->out);
	if (n > 0 && (n > 2 * PL_RELAY_MAX_UNSENT || r->out.p[r->out.n - 1] != '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const tags[] = {"a:b", "plain", NULL};
	double value = 1;
	int64_t now_ns = PL_NS_PER_S;
	struct pl_relay_options options = PL_RELAY_OPTIONS;
	options.address = "127.0.0.1:1";
	options.id = "fuzz";
	options.own_loop = true;
	struct pl_relay *r = pl_relay_open(&options, NULL, 0);
	if (r == NULL || !pl_relay_add_point(r, "p", tags, point, &value, NULL, 0) ||
	    !pl_relay_add_set(r, "s", NULL, set, &value, NULL, 0) || !pl_relay_add_set(r, "leaver", NULL, leaves, r, NULL, 0))
		abort();
	pthread_mutex_lock(&r->lock);
	pl_relay_session_begin(r, now_ns);
	while (n > 0 && !r->ended) {
		uint8_t head = *p++;
		size_t take = head & 127;
		n--;
		if (head & 128) {
			now_ns += (int64_t)take * PL_NS_PER_S;
			pl_relay_session_tick(r, now_ns);
		} else {
			take = take < n ? take : n;
			pl_relay_session_take(r, (struct pl_str){(const char *)p, take}, now_ns);
			p += take;
			n -= take;
		}
		check_out(r);
		if (pl_relay_session_due(r) < 0)
			abort();
		if (head & 1) /* sometimes the server reads */
			pl_relay_bytes_drop(&r->out, pl_relay_bytes_count(&r->out));
	}
	pl_relay_session_end(r);
	pthread_mutex_unlock(&r->lock);
	pl_relay_close(r);
	return 0;
}
