/* pulse's /alerts, and what it lacked: updates by id, events, proofs, the export; and where Kapacitor posts to. */
#include <stdio.h>
#include <stdlib.h>

#include "alerts/alerts.h"
#include "api/metric_out.h"
#include "api/private.h"
#include "base/mem.h"

enum { USUAL_PAGE = 1000, MOST_PAGE = 10000, USUAL_EVENTS = 100, MOST_EVENTS = 1000 };

struct question {
	struct pl_http_exchange *x;
	const char *verb; /* "create", "delete": as pulse names it when it fails */
};

static struct pl_alerts *present(const struct pl_api *a)
{
	return a->env.alerts != NULL ? a->env.alerts(a->env.daemon) : NULL;
}

static struct pl_alerts *alerts_of(struct pl_api *a, struct pl_http_exchange *x)
{
	struct pl_alerts *alerts = present(a);
	if (alerts == NULL || !pl_alerts_enabled(alerts)) {
		pl_api_reply_error(x, 503, "alerts are off: the configuration has no kapacitor: {url: ...}");
		return NULL;
	}
	return alerts;
}

static struct question *ask(struct pl_http_exchange *x, const char *verb)
{
	struct question *q = pl_calloc(1, sizeof *q);
	q->x = x;
	q->verb = verb;
	return q;
}

/* ---- parameters ---- */

static bool number(struct pl_str value, uint64_t most, uint64_t *out)
{
	return pl_str_u64(value, out) && *out <= most;
}

struct page {
	uint64_t offset, limit, before;
	bool yaml;
};

/* NULL, or what is wrong. */
static const char *read_page(const struct pl_http_exchange *x, uint64_t most, struct page *p)
{
	struct pl_str rest = pl_http_query(x), key, value;
	struct pl_buf scratch = {0};
	const char *wrong = NULL;
	while (wrong == NULL && pl_http_query_next(&rest, &scratch, &key, &value)) {
		if (pl_str_is(key, "limit") && !number(value, most, &p->limit))
			wrong = most == MOST_PAGE ? "limit is a number up to 10000" : "limit is a number up to 1000";
		else if (pl_str_is(key, "offset") && !number(value, UINT32_MAX, &p->offset))
			wrong = "offset is a number";
		else if (pl_str_is(key, "before") && !number(value, INT64_MAX, &p->before))
			wrong = "before is the number of an event";
		else if (pl_str_is(key, "format") && !pl_str_is(value, "json") && !pl_str_is(value, "yaml"))
			wrong = "format is json or yaml";
		p->yaml |= pl_str_is(key, "format") && pl_str_is(value, "yaml");
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	return wrong;
}

/* ---- reading ---- */

void pl_api_alerts(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct page p = {.limit = USUAL_PAGE};
	struct pl_buf b = {0};
	char total[24];
	(void)part;
	struct pl_alerts *alerts = alerts_of(a, x);
	const char *wrong = alerts != NULL ? read_page(x, MOST_PAGE, &p) : NULL;
	if (alerts == NULL)
		return;
	if (wrong != NULL) {
		pl_api_reply_error(x, 400, wrong);
		return;
	}
	if (p.yaml) {
		pl_alerts_export(alerts, &b);
		pl_http_reply(x, 200, "application/yaml", &b);
		return;
	}
	snprintf(total, sizeof total, "%zu", pl_alerts_show_all(alerts, (size_t)p.offset, (size_t)p.limit, &b));
	pl_http_set_header(x, "X-Total-Count", total);
	pl_api_reply_json(x, 200, &b);
}

void pl_api_alert(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct pl_buf b = {0};
	struct pl_alerts *alerts = alerts_of(a, x);
	if (alerts == NULL)
		return;
	if (pl_alerts_show(alerts, part, &b))
		pl_api_reply_json(x, 200, &b);
	else
		pl_api_reply_error(x, 404, "there is no such alert");
}

static void on_events(void *data, enum pl_err err, const char *reason, struct pl_str json)
{
	struct question *q = data;
	struct pl_buf b = {0};
	if (err == PL_OK) {
		pl_buf_add_str(&b, json);
		pl_api_reply_json(q->x, 200, &b);
	} else {
		pl_api_reply_error(q->x, 500, reason);
	}
	free(q);
}

void pl_api_alert_events(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct page p = {.limit = USUAL_EVENTS};
	struct pl_alerts *alerts = alerts_of(a, x);
	if (alerts == NULL)
		return;
	const char *wrong = read_page(x, MOST_EVENTS, &p);
	if (wrong != NULL) {
		pl_api_reply_error(x, 400, wrong);
		return;
	}
	struct question *q = ask(x, "read");
	enum pl_err err = pl_alerts_events(alerts, part, p.before, (size_t)p.limit, on_events, q);
	if (err == PL_OK)
		return;
	free(q);
	pl_api_reply_error(x, err == PL_ENOENT ? 404 : 503,
			   err == PL_ENOENT ? "there is no such alert" : "the state store is busy");
}

/* ---- changing ---- */

static void on_answer(void *data, enum pl_alerts_outcome outcome, const char *reason, struct pl_str json)
{
	static const unsigned status[] = {
	    [PL_ALERTS_DONE] = 200, [PL_ALERTS_BAD] = 400,    [PL_ALERTS_REFUSED] = 400,    [PL_ALERTS_DECLARED] = 409,
	    [PL_ALERTS_FULL] = 503, [PL_ALERTS_FAILED] = 500, [PL_ALERTS_UNAVAILABLE] = 503};
	struct question *q = data;
	struct pl_buf b = {0};
	if (outcome == PL_ALERTS_DONE) {
		pl_buf_add_str(&b, json.n > 0 ? json : PL_STR("{\"msg\":\"Success\"}"));
		pl_api_reply_json(q->x, 200, &b);
	} else if (outcome == PL_ALERTS_REFUSED) {
		pl_buf_addf(&b, "Failed to %s task - %s", q->verb, reason);
		pl_api_reply_error(q->x, 400, pl_buf_cstr(&b));
		pl_buf_finish(&b);
	} else {
		pl_api_reply_error(q->x, status[outcome], reason);
	}
	free(q);
}

static void put(struct pl_api *a, struct pl_http_exchange *x, struct pl_str id, bool keep_id)
{
	struct pl_alerts *alerts = alerts_of(a, x);
	if (alerts != NULL)
		pl_alerts_put(alerts, id, keep_id, pl_http_body(x), on_answer, ask(x, "create"));
}

void pl_api_alert_post(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	put(a, x, (struct pl_str){NULL, 0}, false);
}

void pl_api_alert_put(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	put(a, x, part, true);
}

void pl_api_alert_delete(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct pl_alerts *alerts = alerts_of(a, x);
	if (alerts != NULL)
		pl_alerts_remove(alerts, part, on_answer, ask(x, "delete"));
}

void pl_api_alert_prove(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	char reason[256] = "";
	struct pl_alerts *alerts = alerts_of(a, x);
	struct pl_buf b = {0};
	if (alerts == NULL)
		return;
	if (pl_alerts_prove(alerts, part, reason, sizeof reason)) {
		pl_buf_add_cstr(&b, "{\"msg\":\"the proof has begun; GET /alerts/{id} tells how it ended\"}");
		pl_api_reply_json(x, 202, &b);
	} else {
		pl_api_reply_error(x, 409, reason);
	}
}

/* ---- the way back ---- */

static void on_received(void *data, enum pl_err err, const char *reason)
{
	struct pl_http_exchange *x = data;
	if (err == PL_OK)
		pl_http_reply(x, 204, NULL, NULL);
	else if (err == PL_EACCES)
		pl_api_reply_error(x, 403, "this is where Kapacitor posts the events of our tasks, with their token");
	else
		pl_api_reply_error(x, err == PL_ENOENT ? 404 : 400, reason);
}

/* Kapacitor leaves each of its connections open for 90 s. */
void pl_api_kapacitor_webhook(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	pl_http_close_after(x);
	struct pl_alerts *alerts = alerts_of(a, x);
	if (alerts != NULL)
		pl_alerts_receive(alerts, pl_http_header(x, "x-pulseline-token"), pl_http_body(x), on_received, x);
}

/* ---- /metrics ---- */

struct family {
	struct pl_metric_out *e;
	const char *last;
};

static void add_metric(void *data, const char *family, const char *help, bool gauge, const char *label, const char *value,
		       uint64_t n)
{
	struct family *f = data;
	if (f->last == NULL || strcmp(f->last, family) != 0)
		pl_metric_family(f->e, family, gauge ? PL_FAMILY_GAUGE : PL_FAMILY_COUNTER, help);
	f->last = family;
	pl_metric_sample(f->e);
	if (label != NULL)
		pl_metric_label(f->e, label, pl_str_of(value));
	pl_metric_u64(f->e, n);
}

void pl_api_add_alert_metrics(struct pl_metric_out *e, const struct pl_api *a)
{
	struct family f = {.e = e};
	const struct pl_alerts *alerts = present(a);
	if (alerts != NULL)
		pl_alerts_metrics(alerts, add_metric, &f);
}
