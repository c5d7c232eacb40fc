#include "out_influxdb/route.h"

#include "out_influxdb/statement.h"

struct pl_str pl_influx_database(const struct pl_influx_names *names, const struct pl_route *route)
{
	return pl_str_of(route->database[0] != '\0' ? route->database : names->database);
}

struct pl_str pl_influx_policy(const struct pl_influx_names *names, const struct pl_route *route)
{
	bool own = route->database[0] == '\0' && route->retention_policy[0] == '\0';
	return pl_str_of(own ? names->policy : route->retention_policy);
}

static void add_bucket(struct pl_buf *out, const struct pl_influx_names *names, const struct pl_route *route)
{
	bool given = route->database[0] == '\0' && names->bucket[0] != '\0';
	struct pl_str policy = given ? pl_str_of(route->retention_policy) : pl_influx_policy(names, route);
	pl_influx_add_encoded(out, given ? pl_str_of(names->bucket) : pl_influx_database(names, route));
	if (policy.n > 0) {
		pl_buf_add_cstr(out, "%2F");
		pl_influx_add_encoded(out, policy);
	}
}

void pl_influx_write_target(struct pl_buf *out, const struct pl_influx_names *names, const struct pl_route *route)
{
	pl_buf_clear(out);
	if (names->v2) {
		pl_buf_add_cstr(out, "/api/v2/write?precision=ns&org=");
		pl_influx_add_encoded(out, pl_str_of(names->org));
		pl_buf_add_cstr(out, "&bucket=");
		add_bucket(out, names, route);
		return;
	}
	struct pl_str policy = pl_influx_policy(names, route);
	pl_buf_add_cstr(out, "/write?precision=ns&db=");
	pl_influx_add_encoded(out, pl_influx_database(names, route));
	if (policy.n > 0) {
		pl_buf_add_cstr(out, "&rp=");
		pl_influx_add_encoded(out, policy);
	}
}
