/* Drives the reconciler from a script: reads a JSON object per line, answers with one per line.
 *
 * usage: reconcile URL PREFIX INTERVAL_MS repair|report [USER PASSWORD [CA_FILE]]
 *
 * {"do": "start"}, {"do": "set", "id", "script", "vars", "dbrps" (both as text), "enabled", "known" (of a status)}, {"do":
 * "remove", "id"},
 * {"do": "status", "id"}, {"do": "info"}, {"do": "poke", "retry": bool}, {"do": "replace"} and {"do": "replaced"},
 * {"do": "write", "db", "rp", "lines"}, {"do": "ping"}. What changes by itself is told as {"task": ID, "state": ...}. Closes
 * at the end of the input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "alerts/kapacitor.h"
#include "alerts/reconciler.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

struct driver {
	struct pl_loop loop;
	struct pl_log *log;
	struct pl_kapacitor *kapacitor;
	struct pl_reconciler *reconciler;
	struct pl_kapacitor_call call;
	uv_pipe_t in;
	struct pl_buf line, out, sent;
	char chunk[65536];
};

static void flush(struct driver *d)
{
	pl_buf_add_char(&d->out, '\n');
	for (size_t at = 0; at < d->out.n;) {
		ssize_t n = write(STDOUT_FILENO, d->out.p + at, d->out.n - at);
		if (n <= 0)
			exit(1);
		at += (size_t)n;
	}
	pl_buf_clear(&d->out);
}

static void add_number(struct pl_json *j, uint64_t n)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	pl_json_cstr(j, text);
}

static uint64_t number_of(const cJSON *array, int i)
{
	uint64_t n = 0;
	const char *s = cJSON_GetStringValue(cJSON_GetArrayItem(array, i));
	return s != NULL && pl_str_u64(pl_str_of(s), &n) ? n : 0;
}

static void add_status(struct driver *d, struct pl_json *j, const char *id)
{
	struct pl_task_status s;
	if (!pl_reconciler_status(d->reconciler, id, &s)) {
		pl_json_key(j, "state");
		pl_json_null(j);
		return;
	}
	pl_json_key(j, "state");
	pl_json_cstr(j, pl_task_state_text(s.state));
	pl_json_key(j, "executing");
	pl_json_bool(j, s.executing);
	pl_json_key(j, "error");
	pl_json_cstr(j, s.error);
	pl_json_key(j, "since");
	pl_json_i64(j, s.since_wall_ns);
	pl_json_key(j, "checked");
	pl_json_i64(j, s.checked_wall_ns);
	pl_json_key(j, "node_errors");
	pl_json_u64(j, s.node_errors);
	pl_json_key(j, "errors_growing");
	pl_json_bool(j, s.errors_growing);
	pl_json_key(j, "known"); /* as texts: Python reads large numbers, cJSON does not */
	pl_json_array_begin(j);
	add_number(j, s.known_fingerprint);
	add_number(j, s.known_created);
	pl_json_array_end(j);
}

static void on_status_changed(void *data, const char *id)
{
	struct driver *d = data;
	struct pl_json j = {.out = &d->out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "task");
	pl_json_cstr(&j, id);
	add_status(d, &j, id);
	pl_json_object_end(&j);
	flush(d);
}

static void answer_error(struct driver *d, enum pl_err err, const char *reason)
{
	struct pl_json j = {.out = &d->out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, err == PL_OK);
	pl_json_key(&j, "error");
	pl_json_cstr(&j, reason);
	pl_json_object_end(&j);
	flush(d);
}

static void on_called(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *a)
{
	answer_error(pl_container_of(call, struct driver, call), a->err, a->reason);
}

static void answer_info(struct driver *d)
{
	struct pl_json j = {.out = &d->out};
	struct pl_reconciler_info i;
	pl_reconciler_info(d->reconciler, &i);
	const struct {
		const char *key;
		uint64_t n;
	} numbers[] = {
	    {"gets", i.gets},
	    {"posts", i.posts},
	    {"patches", i.patches},
	    {"deletes", i.deletes},
	    {"passes", i.passes},
	    {"looks", i.looks},
	    {"failures", i.failures},
	    {"created", i.created},
	    {"changed", i.changed},
	    {"deleted", i.deleted},
	    {"repaired", i.repaired},
	    {"foreign", i.foreign},
	    {"writes", i.posts + i.patches + i.deletes},
	    {"last_pass_ns", (uint64_t)i.last_pass_ns},
	    {"failing_since", (uint64_t)i.failing_since_wall_ns},
	};
	pl_json_object_begin(&j);
	for (size_t k = 0; k < PL_COUNT_OF(numbers); k++) {
		pl_json_key(&j, numbers[k].key);
		pl_json_u64(&j, numbers[k].n);
	}
	pl_json_key(&j, "busy");
	pl_json_bool(&j, i.busy);
	pl_json_key(&j, "reached");
	pl_json_bool(&j, i.reached);
	pl_json_key(&j, "reason");
	pl_json_cstr(&j, i.reason);
	pl_json_key(&j, "tasks");
	pl_json_object_begin(&j);
	for (size_t s = 0; s < PL_TASK_STATES; s++) {
		pl_json_key(&j, pl_task_state_text((enum pl_task_state)s));
		pl_json_u64(&j, i.tasks[s]);
	}
	pl_json_object_end(&j);
	pl_json_object_end(&j);
	flush(d);
}

static struct pl_str text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
	return pl_str_of(s != NULL ? s : "");
}

static void set(struct driver *d, const cJSON *o)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(o, "known");
	const struct pl_reconciler_task task = {
	    .script = text_of(o, "script"),
	    .vars = text_of(o, "vars"),
	    .dbrps = text_of(o, "dbrps"),
	    .enabled = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "enabled")),
	    .known_fingerprint = number_of(known, 0),
	    .known_created = number_of(known, 1),
	};
	char reason[256] = "";
	enum pl_err err = pl_reconciler_set(d->reconciler, text_of(o, "id").p, &task, reason, sizeof reason);
	answer_error(d, err, reason);
}

static void status(struct driver *d, const cJSON *o)
{
	struct pl_json j = {.out = &d->out};
	pl_json_object_begin(&j);
	add_status(d, &j, text_of(o, "id").p);
	pl_json_object_end(&j);
	flush(d);
}

static void obey(struct driver *d, struct pl_str line)
{
	cJSON *o = cJSON_ParseWithLength(line.p, line.n);
	struct pl_str what = text_of(o, "do");
	if (pl_str_is(what, "set")) {
		set(d, o);
	} else if (pl_str_is(what, "status")) {
		status(d, o);
	} else if (pl_str_is(what, "info")) {
		answer_info(d);
	} else if (pl_str_is(what, "write")) {
		pl_buf_clear(&d->sent);
		pl_buf_add_str(&d->sent, text_of(o, "lines"));
		pl_kapacitor_write(d->kapacitor, &d->call, text_of(o, "db").p, text_of(o, "rp").p, pl_buf_str(&d->sent));
	} else if (pl_str_is(what, "ping")) {
		pl_kapacitor_ping(d->kapacitor, &d->call);
	} else {
		if (pl_str_is(what, "start"))
			pl_reconciler_start(d->reconciler);
		else if (pl_str_is(what, "remove"))
			pl_reconciler_remove(d->reconciler, text_of(o, "id").p);
		else if (pl_str_is(what, "poke"))
			pl_reconciler_poke(d->reconciler, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "retry")));
		else if (pl_str_is(what, "replace"))
			pl_reconciler_replace_begin(d->reconciler);
		else if (pl_str_is(what, "replaced"))
			pl_reconciler_replace_end(d->reconciler);
		else
			exit(2);
		answer_error(d, PL_OK, "");
	}
	cJSON_Delete(o);
}

static void on_kapacitor_closed(void *data)
{
	struct driver *d = data;
	uv_close((uv_handle_t *)&d->in, NULL);
	pl_loop_stop(&d->loop);
}

static void on_reconciler_closed(void *data)
{
	struct driver *d = data;
	pl_kapacitor_close(d->kapacitor, on_kapacitor_closed, d);
}

static void give_chunk(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct driver *d = handle->data;
	(void)size;
	*buf = uv_buf_init(d->chunk, sizeof d->chunk);
}

static void on_read(uv_stream_t *in, ssize_t n, const uv_buf_t *buf)
{
	struct driver *d = in->data;
	if (n < 0) {
		uv_read_stop(in);
		pl_reconciler_close(d->reconciler, on_reconciler_closed, d);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf->base[i] != '\n') {
			pl_buf_add_char(&d->line, buf->base[i]);
			continue;
		}
		obey(d, pl_buf_str(&d->line));
		pl_buf_clear(&d->line);
	}
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	struct driver *d = pl_calloc(1, sizeof *d);
	struct pl_basic_auth basic = {0};
	struct pl_client_config client = {0};
	if (argc > 6) {
		basic = (struct pl_basic_auth){.username = argv[5], .password = {.value = argv[6]}};
		client.basic_auth = &basic;
	}
	if (argc > 7)
		client.tls_config.ca_file = argv[7];
	client.tls_config.min_version = PL_TLS_CONFIG_1_2;
	client.tls_config.max_version = PL_TLS_CONFIG_1_3;
	const struct pl_kapacitor_options options = {.url = argv[1], .client = &client, .timeout_ns = 5 * PL_NS_PER_S};
	d->log = pl_log_create(STDERR_FILENO, PL_LOG_LOGFMT, PL_LOG_DEBUG);
	d->call.on_done = on_called;
	if (pl_loop_init(&d->loop, "reconcile") != PL_OK || pl_kapacitor_create(&d->kapacitor, &d->loop, &options) != PL_OK ||
	    uv_pipe_init(&d->loop.uv, &d->in, 0) != 0 || uv_pipe_open(&d->in, STDIN_FILENO) != 0)
		return 1;
	d->in.data = d;
	d->reconciler = pl_reconciler_create(&(struct pl_reconciler_options){
	    .loop = &d->loop,
	    .log = d->log,
	    .kapacitor = d->kapacitor,
	    .prefix = argv[2],
	    .interval_ns = strtol(argv[3], NULL, 10) * PL_NS_PER_MS,
	    .drift = strcmp(argv[4], "report") == 0 ? PL_DRIFT_REPORT : PL_DRIFT_REPAIR,
	    .on_status_changed = on_status_changed,
	    .data = d,
	});
	if (uv_read_start((uv_stream_t *)&d->in, give_chunk, on_read) != 0)
		return 1;
	pl_loop_run(&d->loop);
	pl_loop_finish(&d->loop);
	pl_kapacitor_call_finish(&d->call);
	pl_log_destroy(d->log);
	pl_buf_finish(&d->line);
	pl_buf_finish(&d->out);
	pl_buf_finish(&d->sent);
	free(d);
	return 0;
}
