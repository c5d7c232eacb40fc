/* The table of routes: what there is to ask for, and which function answers it. */
#ifndef PL_API_ROUTES_H
#define PL_API_ROUTES_H

#include "net/http_server.h"

struct pl_api;

/* `part` is what the pattern left open: the {stat} of /latest/{stat}, percent-decoded; a view as long-lived as the exchange. */
typedef void (*pl_route_handler)(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);

enum pl_route_match {
	PL_ROUTE_EXACT,
	PL_ROUTE_PREFIX, /* pulse's way: /keysfoo is /keys */
	PL_ROUTE_PART,   /* the path, then one non-empty segment; what follows is ignored (pulse's way) */
	PL_ROUTE_INNER,  /* the path, with one non-empty segment in place of its `{}` */
};

enum pl_route_flags {
	PL_ROUTE_OPEN = 1, /* needs no token */
	PL_ROUTE_CORS = 2, /* browsers of other origins may read it */
	PL_ROUTE_HEAD = 4, /* HEAD as GET */
};

struct pl_route_row {
	const char *method; /* NULL: every one that no other row has */
	const char *path;
	enum pl_route_match match;
	unsigned flags;
	pl_route_handler handler;
	const char *title; /* on the start page; NULL: not there */
};

extern const struct pl_route_row pl_routes[]; /* ends with a NULL path */

/* The row for a request, or NULL; sets *part, and *allow to the methods (", " between them) when only the method does not fit. */
const struct pl_route_row *pl_route_find(struct pl_str method, struct pl_str path, struct pl_str *part, struct pl_buf *allow);

/* A path with `//`, `.` or `..` in it: appends what is meant, percent-encoded, and is true. */
bool pl_route_unclean(struct pl_str path, struct pl_buf *clean);

void pl_api_ping(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_healthy(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_ready(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_reload(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_targets(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_relays(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_raw(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_queue(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_debug_relabel(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_quarantine(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_quarantine_replay(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_quarantine_delete(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_metrics(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_config(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_keys(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_tags(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_live(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_latest(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_hourly(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_daily(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_daily_peaks(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alerts(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert_events(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert_post(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert_put(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert_delete(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_alert_prove(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_kapacitor_webhook(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_openapi(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_options(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);
void pl_api_home(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part);

#endif
