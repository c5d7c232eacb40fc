/* /api/v1/targets/raw: a target's page as it is now, fetched by the daemon. On the control loop, with connections of its own: the
 * workers and what they scrape are not touched. */
#include <stdio.h>
#include <stdlib.h>

#include "api/private.h"
#include "base/mem.h"
#include "base/redact.h"
#include "pipeline/fetch.h"

/* The answer is held until it is whole, so that a failure half-way is told as one. */
enum { MOST_BYTES = 8 * 1024 * 1024, MOST_FETCHES = 4 };

struct raw {
	struct pl_api *api;
	struct pl_http_exchange *x;
	struct pl_target *target; /* shares */
	struct pl_fetch fetch;
	struct pl_buf page;
	bool cut;
};

struct search {
	struct pl_str wanted, job; /* job.p == NULL: any */
	struct pl_target *found;   /* borrowed */
	size_t n;
	struct pl_buf url;
};

/* ---- which target ---- */

static void consider(void *data, struct pl_target *t)
{
	struct search *s = data;
	const struct pl_str *instance = pl_labels_get(t->labels, PL_STR("instance"));
	if (s->job.p != NULL && !pl_str_is(s->job, t->job->name))
		return;
	pl_buf_clear(&s->url);
	pl_redact_url(&s->url, pl_str_of(t->url)); /* as /api/v1/targets shows it */
	if (!pl_str_is(s->wanted, t->url) && !pl_str_eq(s->wanted, pl_buf_str(&s->url)) &&
	    (instance == NULL || !pl_str_eq(s->wanted, *instance)))
		return;
	s->n++;
	s->found = t;
}

/* NULL: `reason` says why, to be answered with *status. */
static struct pl_target *find(struct pl_api *a, struct pl_str wanted, struct pl_str job, unsigned *status, char *reason,
			      size_t size)
{
	struct search s = {.wanted = wanted, .job = job};
	pl_target_manager_targets(a->env.targets, consider, &s);
	pl_buf_finish(&s.url);
	if (s.n == 1)
		return s.found;
	*status = s.n == 0 ? 404 : 400;
	if (s.n == 0)
		snprintf(reason, size, "no active target has this URL or instance%s; /api/v1/targets lists them",
			 job.p != NULL ? " in this job" : "");
	else
		snprintf(reason, size, "%zu active targets have this URL or instance; %s", s.n,
			 job.p != NULL ? "name its whole URL" : "add job=NAME, or name its whole URL");
	return NULL;
}

static struct pl_target *target_of(struct pl_api *a, struct pl_str query, unsigned *status, char *reason, size_t size)
{
	struct pl_buf scratch = {0};
	struct pl_arena arena = {0};
	struct pl_str key, value, wanted = {NULL, 0}, job = {NULL, 0};
	struct pl_target *found = NULL;
	while (pl_http_query_next(&query, &scratch, &key, &value)) {
		if (pl_str_is(key, "target") && wanted.n == 0)
			wanted = pl_arena_str(&arena, value);
		else if (pl_str_is(key, "job") && value.n > 0)
			job = pl_arena_str(&arena, value);
		pl_buf_clear(&scratch);
	}
	if (wanted.n > 0) {
		found = find(a, wanted, job, status, reason, size);
	} else {
		*status = 400;
		snprintf(reason, size, "which target? target= takes a target's scrapeUrl or its instance, job= its job");
	}
	pl_arena_finish(&arena);
	pl_buf_finish(&scratch);
	return found;
}

/* ---- the fetch ---- */

static void destroy(struct raw *r)
{
	r->api->n_fetches--;
	pl_fetch_finish(&r->fetch);
	pl_buf_finish(&r->page);
	pl_target_release(r->target);
	free(r);
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct raw *r = t->data;
	size_t room = MOST_BYTES - r->page.n;
	r->cut = n > room;
	pl_buf_add(&r->page, p, r->cut ? room : n);
	return r->cut ? PL_ELIMIT : PL_OK;
}

static void reply_page(struct raw *r)
{
	if (r->cut) {
		pl_http_set_header(r->x, "X-Pulseline-Cut", "8388608");
		pl_buf_addf(&r->page, "\n# Pulseline: cut here, after %d bytes\n", MOST_BYTES);
	}
	/* It is somebody else's text: no browser shall find a document in it. */
	pl_http_set_header(r->x, "X-Content-Type-Options", "nosniff");
	pl_http_set_header(r->x, "Content-Security-Policy", "default-src 'none'; sandbox");
	pl_http_reply(r->x, 200, "text/plain; charset=utf-8", &r->page);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct raw *r = t->data;
	char reason[320];
	if (result->err != PL_OK && !r->cut) {
		snprintf(reason, sizeof reason, "%s", result->reason[0] != '\0' ? result->reason : pl_err_text(result->err));
		pl_api_reply_error(r->x, result->err == PL_ETIMEOUT ? 504 : result->err == PL_ECANCELED ? 503 : 502, reason);
	} else if (result->status != 200) {
		snprintf(reason, sizeof reason, "the target answered HTTP status %ld", result->status);
		pl_api_reply_error(r->x, 502, reason);
	} else {
		reply_page(r);
	}
	destroy(r);
}

static enum pl_err ready(struct pl_api *a, char *reason, size_t size)
{
	if (a->closing || a->n_fetches >= MOST_FETCHES) {
		snprintf(reason, size,
			 a->closing ? "the daemon is stopping" : "%d pages are being fetched already; ask again soon",
			 MOST_FETCHES);
		return PL_EFULL;
	}
	if (a->transfers != NULL ||
	    pl_transfer_pool_create(&a->transfers, a->env.loop, &(struct pl_transfer_pool_options){0}) == PL_OK)
		return PL_OK;
	snprintf(reason, size, "the HTTP client cannot be started");
	return PL_ENET;
}

void pl_api_raw(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};
	char reason[256];
	unsigned status = 503;
	(void)part;
	struct pl_target *t = target_of(a, pl_http_query(x), &status, reason, sizeof reason);
	if (t == NULL || ready(a, reason, sizeof reason) != PL_OK) {
		pl_api_reply_error(x, t == NULL ? status : 503, reason);
		return;
	}
	struct raw *r = pl_calloc(1, sizeof *r);
	r->api = a;
	r->x = x;
	r->target = pl_target_share(t);
	r->fetch.transfer.events = &events;
	r->fetch.transfer.data = r;
	a->n_fetches++;
	const struct pl_fetch_options options = {.url = t->url, .client = &t->job->client, .timeout_ns = t->timeout_ns};
	enum pl_err err = pl_fetch_start(&r->fetch, a->transfers, &options, reason, sizeof reason);
	if (err == PL_OK)
		return;
	pl_api_reply_error(x, 502, reason);
	destroy(r);
}
