#include "alerts/kapacitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/kapacitor_answer.h"
#include "base/mem.h"
#include "base/redact.h"
#include "format/json_out.h"
#include "format/percent.h"
#include "pipeline/client.h"

#define BASE "/kapacitor/v1"

/* What may be said when it goes wrong. */
enum { MOST_WORDS = 64 * 1024 };

struct pl_kapacitor {
	struct pl_transfer_pool *pool;
	struct pl_client client;
	const struct pl_client_config *config;
	char *url; /* without the slash at its end */
	int64_t timeout_ns;
	unsigned in_flight;
	struct pl_kapacitor_counters counters;
	const char *secret;
	void (*on_closed)(void *data);
	void *data;
};

enum pl_err pl_kapacitor_create(struct pl_kapacitor **out, struct pl_loop *loop, const struct pl_kapacitor_options *options)
{
	struct pl_kapacitor *k = pl_calloc(1, sizeof *k);
	size_t n = strlen(options->url);
	while (n > 0 && options->url[n - 1] == '/')
		n--;
	k->url = pl_strndup(options->url, n);
	k->config = options->client;
	k->timeout_ns = options->timeout_ns;
	k->secret = options->secret;
	enum pl_err err =
	    pl_transfer_pool_create(&k->pool, loop, &(struct pl_transfer_pool_options){.max_connections = PL_KAPACITOR_CALLS});
	if (err != PL_OK) {
		free(k->url);
		free(k);
		return err;
	}
	*out = k;
	return PL_OK;
}

static void on_pool_closed(void *data)
{
	struct pl_kapacitor *k = data;
	void (*on_closed)(void *) = k->on_closed;
	void *theirs = k->data;
	pl_client_finish(&k->client);
	free(k->url);
	free(k);
	on_closed(theirs);
}

void pl_kapacitor_close(struct pl_kapacitor *k, void (*on_closed)(void *data), void *data)
{
	k->on_closed = on_closed;
	k->data = data;
	pl_transfer_pool_close(k->pool, on_pool_closed, k);
}

struct pl_kapacitor_counters pl_kapacitor_counters(const struct pl_kapacitor *k)
{
	return k->counters;
}

void pl_kapacitor_call_finish(struct pl_kapacitor_call *call)
{
	pl_buf_finish(&call->url);
	pl_buf_finish(&call->head);
	pl_buf_finish(&call->answer);
}

void pl_kapacitor_cancel(struct pl_kapacitor_call *call)
{
	if (call->k != NULL)
		pl_transfer_cancel(&call->transfer);
}

bool pl_kapacitor_is_away(const struct pl_kapacitor_answer *a)
{
	switch (a->err) {
	case PL_EACCES:
	case PL_EFULL:
	case PL_ENET:
	case PL_ETIMEOUT:
	case PL_ECANCELED:
		return true;
	default:
		return false;
	}
}

/* ---- the answer ---- */

static enum pl_err on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct pl_kapacitor_call *call = pl_container_of(t, struct pl_kapacitor_call, transfer);
	call->keeps = call->reads || head->status < 200 || head->status > 299;
	return PL_OK;
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct pl_kapacitor_call *call = pl_container_of(t, struct pl_kapacitor_call, transfer);
	size_t room = call->reads ? SIZE_MAX : MOST_WORDS - call->answer.n;
	if (call->keeps)
		pl_buf_add(&call->answer, p, n < room ? n : room);
	return PL_OK;
}

static enum pl_err err_of(const struct pl_kapacitor_call *call, long status, const char *words)
{
	if (status >= 200 && status < 300)
		return PL_OK;
	if (call->creates && status == 400 && strstr(words, "already exists") != NULL)
		return PL_EEXIST;
	if (status == 404)
		return PL_ENOENT;
	if (status == 401 || status == 403)
		return PL_EACCES;
	if (status == 429 || (status >= 502 && status <= 504))
		return PL_EFULL;
	return status >= 500 ? PL_EIO : PL_EINVAL;
}

static void judge(struct pl_kapacitor_call *call, const struct pl_transfer_result *result, struct pl_kapacitor_answer *a)
{
	struct pl_str body = pl_buf_str(&call->answer);
	*a = (struct pl_kapacitor_answer){.err = result->err, .status = result->status};
	if (call->refused != PL_OK && result->err != PL_ECANCELED) {
		a->err = call->refused;
		pl_kapacitor_say(pl_str_of(call->reason), a->reason, sizeof a->reason);
		return;
	}
	if (result->err != PL_OK) {
		pl_kapacitor_say(pl_str_of(result->reason), a->reason, sizeof a->reason);
		return;
	}
	if (result->status < 200 || result->status > 299)
		pl_kapacitor_words(body, a->words, sizeof a->words);
	pl_client_redact(&call->k->client, call->k->url, a->words);
	if (call->k->secret != NULL)
		pl_redact_echo(a->words, pl_str_of(call->k->secret));
	a->err = err_of(call, result->status, a->words);
	if (a->err == PL_OK)
		a->body = body;
	else
		snprintf(a->reason, sizeof a->reason, "Kapacitor answered %ld%s%s", result->status,
			 a->words[0] != '\0' ? ": " : "", a->words);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct pl_kapacitor_call *call = pl_container_of(t, struct pl_kapacitor_call, transfer);
	struct pl_kapacitor_answer answer;
	judge(call, result, &answer);
	struct pl_buf body = call->answer; /* the call may be used again at once */
	call->answer = (struct pl_buf){0};
	call->k->in_flight--;
	call->k = NULL;
	call->on_done(call, &answer);
	pl_buf_finish(&body);
}

static const struct pl_transfer_events events = {.on_head = on_head, .on_data = on_data, .on_done = on_done};

/* ---- the request ---- */

static void begin(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *path)
{
	pl_buf_clear(&call->url);
	pl_buf_clear(&call->head);
	pl_buf_clear(&call->answer);
	call->k = k;
	call->refused = PL_OK;
	call->reads = call->keeps = call->creates = false;
	pl_buf_add_cstr(&call->url, k->url);
	pl_buf_add_cstr(&call->url, BASE);
	pl_buf_add_cstr(&call->url, path);
}

static void begin_task(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id)
{
	begin(k, call, "/tasks/");
	pl_percent_add(&call->url, pl_str_of(id));
}

static void launch(struct pl_kapacitor_call *call, const char *method, size_t n_pieces, const char *content_type)
{
	struct pl_kapacitor *k = call->k;
	/* Who is under way may still need the secrets as they are. */
	if (k->in_flight == 0 || !k->client.loaded)
		call->refused = pl_client_refresh(&k->client, k->config, call->reason, sizeof call->reason);
	if (call->refused != PL_OK)
		call->refused = PL_EACCES;
	/* A request to nowhere fails from the loop, as all others do; on_done then tells why. */
	const struct pl_transfer_request request = {
	    .url = call->refused == PL_OK ? pl_buf_cstr(&call->url) : "",
	    .method = method,
	    .client = &k->client.transfer,
	    .body = call->pieces,
	    .n_body = n_pieces,
	    .content_type = n_pieces > 0 ? content_type : NULL,
	    .accept = "application/json",
	    .timeout_ns = k->timeout_ns,
	    .max_body_bytes = PL_KAPACITOR_BODY_BYTES,
	};
	k->in_flight++;
	call->transfer.events = &events;
	pl_transfer_start(k->pool, &call->transfer, &request);
}

static void send_json(struct pl_kapacitor_call *call, const char *method, size_t n_pieces)
{
	launch(call, method, n_pieces, "application/json");
}

/* The head grows while it is written: the pieces that lie in it are made last. A body is
 * {"id":"X","status":"enabled","script":"...","vars":  VARS  ,"dbrps":  DBRPS  } */
static size_t lay_out(struct pl_kapacitor_call *call, const struct pl_kapacitor_content *content)
{
	size_t n = 0;
	pl_buf_add_cstr(&call->head, content != NULL ? ",\"vars\":" : "}");
	call->pieces[n++] = pl_buf_str(&call->head);
	if (content != NULL) {
		call->pieces[n++] = content->vars;
		call->pieces[n++] = PL_STR(",\"dbrps\":");
		call->pieces[n++] = content->dbrps;
		call->pieces[n++] = PL_STR("}");
	}
	return n;
}

static void add_script(struct pl_kapacitor_call *call, const struct pl_kapacitor_content *content)
{
	/* The type is made of what the script begins with, whatever is said here; but it must be said. */
	pl_buf_add_cstr(&call->head, ",\"type\":\"stream\",\"script\":");
	pl_json_add_quoted(&call->head, content->script);
}

void pl_kapacitor_list(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *prefix, uint64_t offset,
		       unsigned limit)
{
	static const char *const fields[] = {"id", "script", "vars", "dbrps", "status", "executing", "error", "stats", "created"};
	begin(k, call, "/tasks?pattern=");
	pl_percent_add(&call->url, pl_str_of(prefix));
	pl_buf_addf(&call->url, "%%2A&script-format=raw&offset=%llu&limit=%u", (unsigned long long)offset, limit);
	for (size_t i = 0; i < PL_COUNT_OF(fields); i++)
		pl_buf_addf(&call->url, "&fields=%s", fields[i]);
	call->reads = true;
	k->counters.gets++;
	send_json(call, "GET", 0);
}

void pl_kapacitor_get(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id)
{
	begin_task(k, call, id);
	pl_buf_add_cstr(&call->url, "?script-format=raw");
	call->reads = true;
	k->counters.gets++;
	send_json(call, "GET", 0);
}

void pl_kapacitor_create_task(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id,
			      const struct pl_kapacitor_content *content, bool enabled)
{
	begin(k, call, "/tasks");
	pl_buf_add_cstr(&call->head, "{\"id\":");
	pl_json_add_quoted(&call->head, pl_str_of(id));
	pl_buf_addf(&call->head, ",\"status\":\"%s\"", enabled ? "enabled" : "disabled");
	add_script(call, content);
	call->creates = true;
	k->counters.posts++;
	send_json(call, "POST", lay_out(call, content));
}

void pl_kapacitor_patch(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id,
			const struct pl_kapacitor_content *content, enum pl_kapacitor_status status)
{
	static const char *const words[] = {
	    [PL_KAPACITOR_KEEP] = "",
	    [PL_KAPACITOR_DISABLED] = ",\"status\":\"disabled\"",
	    [PL_KAPACITOR_ENABLED] = ",\"status\":\"enabled\"",
	};
	begin_task(k, call, id);
	pl_buf_add_cstr(&call->head, words[status]);
	if (content != NULL)
		add_script(call, content);
	if (call->head.n == 0)
		pl_buf_add_char(&call->head, '{');
	call->head.p[0] = '{'; /* in place of the first comma */
	k->counters.patches++;
	send_json(call, "PATCH", lay_out(call, content));
}

void pl_kapacitor_delete(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id)
{
	begin_task(k, call, id);
	k->counters.deletes++;
	send_json(call, "DELETE", 0);
}

void pl_kapacitor_ping(struct pl_kapacitor *k, struct pl_kapacitor_call *call)
{
	begin(k, call, "/ping");
	call->reads = true;
	k->counters.gets++;
	send_json(call, "GET", 0);
}

void pl_kapacitor_write(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *database, const char *policy,
			struct pl_str lines)
{
	begin(k, call, "/write?precision=ns&db=");
	pl_percent_add(&call->url, pl_str_of(database));
	if (policy != NULL) {
		pl_buf_add_cstr(&call->url, "&rp=");
		pl_percent_add(&call->url, pl_str_of(policy));
	}
	call->pieces[0] = lines;
	k->counters.writes++;
	launch(call, "POST", 1, "text/plain; charset=utf-8");
}
