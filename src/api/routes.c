#include "api/routes.h"

#include <stdio.h>

#include "base/mem.h"

/* The first row that fits wins. pulse's routes are those of its own table, prefixes as there: clients that end a path with a
 * slash or more have always been answered. */
const struct pl_route_row pl_routes[] = {
    {"GET", "/", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_home, NULL},
    {"GET", "/-/healthy", PL_ROUTE_EXACT, PL_ROUTE_OPEN | PL_ROUTE_HEAD, pl_api_healthy, "is the daemon alive"},
    {"GET", "/-/ready", PL_ROUTE_EXACT, PL_ROUTE_OPEN | PL_ROUTE_HEAD, pl_api_ready, "does it serve, and if not, why"},
    {"POST", "/-/reload", PL_ROUTE_EXACT, 0, pl_api_reload, NULL},
    {"PUT", "/-/reload", PL_ROUTE_EXACT, 0, pl_api_reload, NULL},
    {"GET", "/api/v1/targets", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_targets, "each target: up or down, and why"},
    {"GET", "/api/v1/relays", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_relays, "relays that are connected"},
    {"GET", "/api/v1/targets/raw", PL_ROUTE_EXACT, 0, pl_api_raw, NULL},
    {"GET", "/api/v1/queue", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_queue, "what waits for each output, and why"},
    {"GET", "/api/v1/quarantine", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_quarantine, "points that a server refused, and why"},
    {"DELETE", "/api/v1/quarantine", PL_ROUTE_EXACT, 0, pl_api_quarantine_delete, NULL},
    {"POST", "/api/v1/quarantine/replay", PL_ROUTE_EXACT, 0, pl_api_quarantine_replay, NULL},
    {"GET", "/api/v1/live", PL_ROUTE_EXACT, PL_ROUTE_CORS, pl_api_live, NULL},
    {"GET", "/debug/relabel", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_debug_relabel,
     "what relabeling does to ?target=ADDRESS, rule by rule"},
    {"GET", "/metrics", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_metrics, "what the daemon counts about itself"},
    {"GET", "/config", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_config, "the configuration in force, secrets hidden"},
    {"GET", "/ping", PL_ROUTE_PREFIX, 0, pl_api_ping, NULL},
    {"OPTIONS", "/", PL_ROUTE_PREFIX, PL_ROUTE_OPEN | PL_ROUTE_CORS, pl_api_options, NULL},
    {"GET", "/keys", PL_ROUTE_PREFIX, 0, pl_api_keys, "names of the stored stats"},
    {"GET", "/tags", PL_ROUTE_PREFIX, 0, pl_api_tags, "names of the stored tags"},
    {"GET", "/latest/", PL_ROUTE_PART, PL_ROUTE_CORS, pl_api_latest, NULL},
    {"GET", "/hourly/", PL_ROUTE_PART, PL_ROUTE_CORS, pl_api_hourly, NULL},
    {"GET", "/daily/", PL_ROUTE_PART, PL_ROUTE_CORS, pl_api_daily, NULL},
    {"GET", "/daily_peaks/", PL_ROUTE_PART, PL_ROUTE_CORS, pl_api_daily_peaks, NULL},
    {"GET", "/alerts/{}/events", PL_ROUTE_INNER, 0, pl_api_alert_events, NULL},
    {"POST", "/alerts/{}/prove", PL_ROUTE_INNER, 0, pl_api_alert_prove, NULL},
    {"GET", "/alerts/", PL_ROUTE_PART, 0, pl_api_alert, NULL},
    {"PUT", "/alerts/", PL_ROUTE_PART, 0, pl_api_alert_put, NULL},
    {"DELETE", "/alerts/", PL_ROUTE_PART, 0, pl_api_alert_delete, NULL},
    {"GET", "/alerts", PL_ROUTE_PREFIX, 0, pl_api_alerts, "the alerts, and whether each is armed"},
    {"POST", "/alerts", PL_ROUTE_PREFIX, 0, pl_api_alert_post, NULL},
    {"PUT", "/alerts", PL_ROUTE_PREFIX, 0, pl_api_alert_put, NULL},
    {"POST", "/kapacitor/webhook", PL_ROUTE_EXACT, PL_ROUTE_OPEN, pl_api_kapacitor_webhook, NULL},
    {"GET", "/api/openapi.json", PL_ROUTE_EXACT, PL_ROUTE_HEAD, pl_api_openapi, "all of this for programs, as OpenAPI 3"},
    {0},
};

static bool fits_inner(struct pl_str own, struct pl_str path, struct pl_str *part)
{
	struct pl_str before = pl_str_cut(&own, '{');
	if (!pl_str_starts(path, before))
		return false;
	pl_str_cut(&own, '}');
	struct pl_str rest = {path.p + before.n, path.n - before.n};
	*part = pl_str_cut(&rest, '/');
	return part->n > 0 && rest.p != NULL && own.n > 0 && pl_str_eq(rest, (struct pl_str){own.p + 1, own.n - 1});
}

static bool fits(const struct pl_route_row *r, struct pl_str path, struct pl_str *part)
{
	struct pl_str own = pl_str_of(r->path), rest;
	*part = (struct pl_str){NULL, 0};
	switch (r->match) {
	case PL_ROUTE_EXACT:
		return pl_str_eq(path, own);
	case PL_ROUTE_PREFIX:
		return pl_str_starts(path, own);
	case PL_ROUTE_PART:
		if (!pl_str_starts(path, own))
			return false;
		rest = (struct pl_str){path.p + own.n, path.n - own.n};
		*part = pl_str_cut(&rest, '/');
		return part->n > 0;
	case PL_ROUTE_INNER:
		return fits_inner(own, path, part);
	}
	return false;
}

const struct pl_route_row *pl_route_find(struct pl_str method, struct pl_str path, struct pl_str *part, struct pl_buf *allow)
{
	for (const struct pl_route_row *r = pl_routes; r->path != NULL; r++) {
		if (!fits(r, path, part))
			continue;
		if (pl_str_is(method, r->method) || (pl_str_is(method, "HEAD") && (r->flags & PL_ROUTE_HEAD) != 0))
			return r;
		if (r->match != PL_ROUTE_EXACT) /* pulse says 404 */
			continue;
		pl_buf_add_cstr(allow, allow->n > 0 ? ", " : "");
		pl_buf_add_cstr(allow, r->method);
		if ((r->flags & PL_ROUTE_HEAD) != 0)
			pl_buf_add_cstr(allow, ", HEAD");
	}
	return NULL;
}

static void add_encoded(struct pl_buf *out, struct pl_str s)
{
	static const char plain[] = "-._~!$&'()*+,;=:@";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != '\0' && strchr(plain, c) != NULL))
			pl_buf_add_char(out, (char)c);
		else
			pl_buf_addf(out, "%%%02X", c);
	}
}

bool pl_route_unclean(struct pl_str path, struct pl_buf *clean)
{
	enum { DEEPEST = 256 };
	struct pl_str segments[DEEPEST], rest = path;
	size_t n = 0;
	bool unclean = false, closed_by_slash = false;
	pl_str_cut(&rest, '/');
	while (rest.p != NULL) {
		struct pl_str s = pl_str_cut(&rest, '/');
		bool last = rest.p == NULL;
		closed_by_slash = last && s.n == 0;
		if (closed_by_slash)
			break;
		bool dot = pl_str_is(s, "."), up = pl_str_is(s, "..");
		if (s.n == 0 || dot || up) {
			unclean = true;
			n -= up && n > 0;
		} else if (n == DEEPEST) {
			return false; /* no route is that deep */
		} else {
			segments[n++] = s;
		}
	}
	if (!unclean)
		return false;
	for (size_t i = 0; i < n; i++) {
		pl_buf_add_char(clean, '/');
		add_encoded(clean, segments[i]);
	}
	if (n == 0 || closed_by_slash)
		pl_buf_add_char(clean, '/');
	return true;
}
