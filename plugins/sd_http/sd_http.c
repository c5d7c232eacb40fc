/* http_sd_configs: target groups from a URL, asked for again and again
 * (https://prometheus.io/docs/prometheus/latest/http_sd/). */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "config/target_file.h"
#include "pipeline/plugin.h"
#include "sd_http/answer.h"

/* The first question comes after a part of FIRST_MS, so that not all ask at once; until there was a good answer the next one
 * comes after RETRY_MS, if the interval is not shorter. */
enum { FIRST_MS = 500, RETRY_MS = 5000 };

#define MAX_TIMEOUT_NS (30 * PL_NS_PER_S)

struct http_config {
	const char *url;
	int64_t refresh_interval;
	struct pl_client_config client;
};

struct instance {
	struct pl_discovery_env env;
	const struct http_config *config;
	struct pl_buf source; /* the URL as it may be shown: the source's name */
	struct pl_transfer_pool *transfers;
	struct pl_transfer transfer;
	struct pl_client client;
	struct pl_oauth2 *oauth2; /* NULL: none */
	struct pl_oauth2_waiter token_waiter;
	uint64_t token_serial;
	bool renewed; /* the token, in this question */
	uv_timer_t timer;
	char interval_header[80];
	char etag_header[PL_SD_HTTP_MAX_ETAG + 32];
	const char *headers[3];
	struct pl_sd_http_answer answer;
	bool good, trouble; /* good: there was a good answer once */
	uint64_t hash;      /* of the last good answer's body */
	size_t closing;     /* parts that are still to be closed */
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- configuration ---- */

static void check_config(void *object, const struct pl_check *c)
{
	const struct http_config *config = object;
	pl_client_config_check(&config->client, c);
}

static const struct pl_field fields[] = {
    {.key = "url",
     .type = PL_FIELD_URL,
     .offset = offsetof(struct http_config, url),
     .flags = PL_FIELD_REQUIRED,
     .help = "answers with the target groups as JSON"},
    {.key = "refresh_interval",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct http_config, refresh_interval),
     .fallback = "1m",
     .min = 100 * PL_NS_PER_MS,
     .max = 365 * 24 * 3600 * PL_NS_PER_S,
     .help = "how often it is asked"},
    PL_CLIENT_FIELDS(struct http_config),
    {0},
};

static const struct pl_schema schema = {
    .name = "http_sd_configs", .size = sizeof(struct http_config), .fields = fields, .check = check_config};

/* ---- what came of a question ---- */

static struct pl_str source_of(const struct instance *in)
{
	return pl_buf_str(&in->source);
}

static void on_timer(uv_timer_t *timer);

static void end_question(struct instance *in)
{
	int64_t ms = in->config->refresh_interval / PL_NS_PER_MS;
	if (!in->good && ms > RETRY_MS)
		ms = RETRY_MS;
	uv_timer_start(&in->timer, on_timer, (uint64_t)ms, 0);
}

static void tell_trouble(struct instance *in, const char *reason)
{
	in->trouble = true;
	char *shown = pl_strdup(reason);
	pl_client_redact(&in->client, in->config->url, shown);
	in->env.sink->trouble(in->env.sink, source_of(in), shown);
	free(shown);
	end_question(in);
}

static void tell_well(struct instance *in)
{
	if (in->trouble)
		in->env.sink->trouble(in->env.sink, source_of(in), "");
	in->trouble = false;
	in->good = true;
	end_question(in);
}

/* Only what was taken is worth a tag: of what was not taken we must hear again. */
static void keep_etag(struct instance *in)
{
	in->headers[1] = NULL;
	if (in->answer.etag[0] == '\0')
		return;
	snprintf(in->etag_header, sizeof in->etag_header, "If-None-Match: %s", in->answer.etag);
	in->headers[1] = in->etag_header;
}

static void tell_groups(struct instance *in)
{
	struct pl_arena arena = {0};
	struct pl_buf reason = {0};
	struct pl_target_group *groups;
	size_t n;
	uint64_t hash = pl_str_hash(pl_buf_str(&in->answer.body), 0);
	if (in->good && hash == in->hash && !in->trouble) {
		keep_etag(in);
		tell_well(in);
	} else if (pl_sd_http_answer_groups(&in->answer, pl_buf_cstr(&in->source), &arena, &groups, &n, &reason) == PL_OK) {
		in->hash = hash;
		keep_etag(in);
		in->env.sink->update(in->env.sink, source_of(in), groups, n);
		tell_well(in);
	} else {
		tell_trouble(in, pl_buf_cstr(&reason));
	}
	pl_buf_finish(&reason);
	pl_buf_finish(&in->answer.body);
	pl_arena_finish(&arena);
}

/* ---- a question ---- */

static void on_part_closed(void *data);
static void ask_token(struct instance *in);

static enum pl_err on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct instance *in = pl_container_of(t, struct instance, transfer);
	return pl_sd_http_answer_head(&in->answer, head, in->headers[1] != NULL);
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct instance *in = pl_container_of(t, struct instance, transfer);
	if (!in->answer.unchanged)
		pl_buf_add(&in->answer.body, p, n);
	return PL_OK;
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct instance *in = pl_container_of(t, struct instance, transfer);
	if (in->closing > 0) {
		on_part_closed(in);
		return;
	}
	if (in->answer.status == 401 && in->oauth2 != NULL && !in->renewed) {
		in->renewed = true;
		pl_oauth2_refused(in->oauth2, in->token_serial);
		ask_token(in);
		return;
	}
	if (in->answer.error[0] != '\0')
		tell_trouble(in, in->answer.error);
	else if (result->err != PL_OK)
		tell_trouble(in, result->reason);
	else if (in->answer.unchanged)
		tell_well(in);
	else
		tell_groups(in);
}

static const struct pl_transfer_events events = {.on_head = on_head, .on_data = on_data, .on_done = on_done};

static int64_t timeout_of(const struct instance *in)
{
	int64_t interval = in->config->refresh_interval;
	return interval < PL_NS_PER_S ? PL_NS_PER_S : interval < MAX_TIMEOUT_NS ? interval : MAX_TIMEOUT_NS;
}

static void request(struct instance *in)
{
	const struct pl_transfer_request request = {
	    .url = in->config->url,
	    .client = &in->client.transfer,
	    .accept = "application/json",
	    .headers = in->headers,
	    .timeout_ns = timeout_of(in),
	    .max_body_bytes = PL_TARGET_FILE_MAX_BYTES,
	};
	pl_sd_http_answer_begin(&in->answer);
	pl_transfer_start(in->transfers, &in->transfer, &request);
}

static void use_token(struct instance *in, enum pl_oauth2_state state)
{
	if (state == PL_OAUTH2_FAILED) {
		tell_trouble(in, pl_oauth2_reason(in->oauth2));
		return;
	}
	in->client.transfer.bearer_token = pl_oauth2_token(in->oauth2, &in->token_serial);
	request(in);
	in->client.transfer.bearer_token = NULL; /* copied; it may go any time */
}

static void on_token(struct pl_oauth2_waiter *w, enum pl_oauth2_state state)
{
	use_token(pl_container_of(w, struct instance, token_waiter), state);
}

static void ask_token(struct instance *in)
{
	enum pl_oauth2_state state = pl_oauth2_ask(in->oauth2, &in->token_waiter, timeout_of(in));
	if (state != PL_OAUTH2_WAITING)
		use_token(in, state);
}

static void on_timer(uv_timer_t *timer)
{
	struct instance *in = timer->data;
	char reason[256];
	in->renewed = false;
	if (pl_client_refresh(&in->client, &in->config->client, reason, sizeof reason) != PL_OK)
		tell_trouble(in, reason);
	else if (in->oauth2 != NULL)
		ask_token(in);
	else
		request(in);
}

/* ---- life ---- */

static uint64_t random_delay(void)
{
	unsigned short number = 0;
	(void)uv_random(NULL, NULL, &number, sizeof number, 0, NULL);
	return number % FIRST_MS;
}

static enum pl_err open_http(const struct pl_discovery_env *env, const void *config, void **self)
{
	static const struct pl_transfer_pool_options options = {0};
	struct instance *in = pl_calloc(1, sizeof *in);
	in->env = *env;
	in->config = config;
	pl_redact_url(&in->source, pl_str_of(in->config->url));
	enum pl_err err = pl_transfer_pool_create(&in->transfers, env->loop, &options);
	if (err != PL_OK) {
		pl_buf_finish(&in->source);
		free(in);
		return err;
	}
	in->transfer.events = &events;
	snprintf(in->interval_header, sizeof in->interval_header, "X-Prometheus-Refresh-Interval-Seconds: %.15g",
		 (double)in->config->refresh_interval / (double)PL_NS_PER_S);
	in->headers[0] = in->interval_header;
	if (in->config->client.oauth2 != NULL) {
		in->oauth2 = pl_oauth2_create(in->transfers, in->config->client.oauth2);
		in->token_waiter.on_answer = on_token;
	}
	uv_timer_init(&env->loop->uv, &in->timer);
	in->timer.data = in;
	uv_timer_start(&in->timer, on_timer, random_delay(), 0);
	*self = in;
	return PL_OK;
}

static void on_all_closed(void *data)
{
	struct instance *in = data;
	void (*closed)(void *) = in->closed;
	void *closed_data = in->closed_data;
	pl_client_finish(&in->client);
	pl_buf_finish(&in->answer.body);
	pl_buf_finish(&in->source);
	free(in);
	closed(closed_data);
}

/* The pool goes last: what is left of the others still runs on it. */
static void on_part_closed(void *data)
{
	struct instance *in = data;
	if (--in->closing == 0)
		pl_transfer_pool_close(in->transfers, on_all_closed, in);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void close_http(void *self, void (*closed)(void *data), void *data)
{
	struct instance *in = self;
	in->closed = closed;
	in->closed_data = data;
	in->closing = 1 + (in->oauth2 != NULL) + (in->transfer.flight != NULL);
	uv_close((uv_handle_t *)&in->timer, on_timer_closed);
	if (in->transfer.flight != NULL)
		pl_transfer_cancel(&in->transfer);
	if (in->oauth2 == NULL)
		return;
	pl_oauth2_leave(in->oauth2, &in->token_waiter);
	pl_oauth2_close(in->oauth2, on_part_closed, in);
}

static const struct pl_discovery_ops ops = {.open = open_http, .close = close_http};

const struct pl_plugin pl_plugin_sd_http = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_DISCOVERY, .name = "http_sd_configs", .help = "target groups in JSON from a URL",
    .schema = &schema, .ops.discovery = &ops,
};
