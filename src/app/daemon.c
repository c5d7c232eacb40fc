#include "app/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "app/alerting.h"
#include "app/command.h"
#include "app/notify.h"
#include "app/output_set.h"
#include "app/queue_dir.h"
#include "base/clock.h"
#include "base/mem.h"
#include "live/hub.h"
#include "net/address.h"
#include "pipeline/registry.h"
#include "pipeline/worker.h"
#include "targets/manager.h"

/* How long a stopping daemon goes on delivering what it still holds, and answering what it was asked. */
enum { DRAIN_MS = 10000, API_GRACE_MS = 1000, MOST_WORKERS = 64 };

static const int handled_signals[] = {SIGHUP, SIGTERM, SIGINT};

struct pl_daemon {
	const char *config_path;
	enum pl_err (*load)(void *data, struct pl_problems *problems, struct pl_config **out);
	void *load_data;
	struct pl_config *config;
	struct pl_log *log;
	bool log_level_fixed;
	int exit_status;
	struct pl_loop loop;
	uv_signal_t signals[PL_COUNT_OF(handled_signals)];
	struct pl_live_hub *live;
	struct pl_queue_dir *queue_dir;
	struct pl_output_set *outputs; /* NULL before queue_dir is open */
	struct pl_worker *workers[MOST_WORKERS];
	size_t n_workers, n_workers_open, n_workers_switching;
	struct pl_target_manager *targets;
	const struct pl_plugin *relay; /* the listener for relays, on the first worker */
	_Atomic uint64_t relay_counters[PL_LISTENER_COUNTERS];
	struct pl_alerting alerting;
	struct pl_api *api;
	struct pl_api_reload_stats reload_stats;
	int64_t started_wall_ns;
	bool ready, stopping;
};

/* ---- from the manager to the workers ---- */

static struct pl_worker *worker_of(struct pl_daemon *d, const struct pl_target *t)
{
	return d->workers[t->phase % d->n_workers];
}

static void on_target_added(void *data, struct pl_target *t)
{
	pl_worker_add(worker_of(data, t), t);
}

static void on_target_removed(void *data, struct pl_target *t)
{
	pl_worker_remove(worker_of(data, t), t->key);
}

static const struct pl_target_events target_events = {.add = on_target_added, .remove = on_target_removed};

/* ---- reload ---- */

static void log_problems(struct pl_daemon *d, const struct pl_buf *problems)
{
	struct pl_str rest = pl_buf_str(problems);
	while (rest.n > 0) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (line.n > 0)
			pl_error(d->log, "configuration refused", PL_KVS("problem", line));
	}
}

static void log_warnings(struct pl_daemon *d, const struct pl_buf *warnings)
{
	struct pl_str rest = pl_buf_str(warnings);
	while (rest.n > 0) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (line.n > 0)
			pl_warn(d->log, "the configuration has a warning", PL_KVS("problem", line));
	}
}

static void on_worker_switched(void *data)
{
	struct pl_daemon *d = data;
	if (--d->n_workers_switching == 0 && !d->stopping)
		pl_output_set_retire(d->outputs);
}

static void switch_outputs(struct pl_daemon *d)
{
	d->n_workers_switching = d->n_workers;
	for (size_t i = 0; i < d->n_workers; i++)
		pl_worker_set_outputs(d->workers[i], pl_output_set_current(d->outputs), &d->loop, on_worker_switched, d);
}

static void say_what_needs_restart(struct pl_daemon *d, const struct pl_config *fresh)
{
	if (!pl_str_is(pl_str_of(fresh->server.http.listen), d->config->server.http.listen))
		pl_warn(d->log, "takes effect at the next start only", PL_KVC("key", "server.http.listen"));
	if (!pl_str_is(pl_str_of(fresh->state.dir), d->config->state.dir != NULL ? d->config->state.dir : ""))
		pl_warn(d->log, "takes effect at the next start only", PL_KVC("key", "state.dir"));
	if (memcmp(&fresh->server.live, &d->config->server.live, sizeof fresh->server.live) != 0)
		pl_warn(d->log, "takes effect at the next start only", PL_KVC("key", "server.live"));
	if (fresh->server.http.self_signed != d->config->server.http.self_signed)
		pl_warn(d->log, "takes effect at the next start only", PL_KVC("key", "server.http.self_signed"));
	if (fresh->workers != d->config->workers)
		pl_warn(d->log, "takes effect at the next start only", PL_KVC("key", "workers"));
}

static void apply_log(struct pl_daemon *d)
{
	if (!d->log_level_fixed)
		pl_log_set(d->log, (enum pl_log_format)d->config->log.format, (enum pl_log_level)d->config->log.level);
}

/* What relays need of a configuration, for the worker that serves them. */
static enum pl_err prepare_relay(struct pl_daemon *d, struct pl_config *fresh, const struct pl_config *before, void **prepared,
				 struct pl_buf *problems)
{
	char reason[512] = "";
	enum pl_err err = d->relay->ops.listener->prepare(fresh, before, prepared, reason, sizeof reason);
	if (err != PL_OK)
		pl_buf_addf(problems, "%s\n", reason);
	return err;
}

static struct pl_outputs *present_outputs(void *data)
{
	return pl_output_set_current(((struct pl_daemon *)data)->outputs);
}

static enum pl_err load_and_apply(struct pl_daemon *d, struct pl_buf *problems)
{
	struct pl_problems found = {0};
	struct pl_config *fresh = NULL;
	enum pl_err err = d->load(d->load_data, &found, &fresh);
	void *relay = NULL;
	if (err == PL_OK)
		err = pl_queue_dir_check(d->queue_dir, fresh, problems);
	if (err == PL_OK)
		err = prepare_relay(d, fresh, d->config, &relay, problems);
	if (err == PL_OK) {
		err = pl_alerting_prepare(&d->alerting, fresh, problems);
		if (err == PL_OK) {
			err = pl_output_set_apply(d->outputs, fresh, problems);
			if (err != PL_OK)
				pl_alerting_discard(&d->alerting);
		}
		if (err != PL_OK && relay != NULL)
			d->relay->ops.listener->discard(relay);
	}
	struct pl_buf warnings = {0};
	pl_problems_print(&found, err == PL_OK ? &warnings : problems);
	pl_problems_finish(&found);
	log_warnings(d, &warnings);
	pl_buf_finish(&warnings);
	if (err != PL_OK) {
		if (fresh != NULL)
			pl_config_release(fresh);
		return err;
	}
	say_what_needs_restart(d, fresh);
	struct pl_config *old = d->config;
	d->config = fresh;
	apply_log(d);
	pl_queue_dir_apply(d->queue_dir, fresh);
	switch_outputs(d);
	if (relay != NULL || old->server.relay != NULL)
		pl_worker_listen(d->workers[0], d->relay, d->relay_counters, relay);
	pl_alerting_apply(&d->alerting, pl_api_address(d->api));
	pl_target_manager_apply(d->targets, fresh);
	pl_config_release(old);
	return PL_OK;
}

static bool reload(void *data, struct pl_buf *problems)
{
	struct pl_daemon *d = data;
	if (d->stopping) {
		pl_buf_add_cstr(problems, "the daemon is stopping\n");
		return false;
	}
	bool ok = load_and_apply(d, problems) == PL_OK;
	d->reload_stats.last_ok = ok;
	if (ok) {
		d->reload_stats.succeeded++;
		d->reload_stats.last_success_wall_ns = pl_clock_wall_ns();
		pl_info(d->log, "configuration reloaded", PL_KVC("file", d->config_path));
	} else {
		d->reload_stats.failed++;
		log_problems(d, problems);
	}
	return ok;
}

/* ---- what the api asks ---- */

static struct pl_config *present_config(void *data)
{
	return ((struct pl_daemon *)data)->config;
}

static struct pl_alerts *present_alerts(void *data)
{
	return ((struct pl_daemon *)data)->alerting.alerts;
}

static bool is_ready(void *data, struct pl_buf *why_not)
{
	const struct pl_daemon *d = data;
	if (!d->ready)
		pl_buf_add_cstr(why_not, d->stopping ? "the daemon is stopping\n" : "the daemon is starting\n");
	return d->ready;
}

static struct pl_api_reload_stats reload_stats(void *data)
{
	return ((struct pl_daemon *)data)->reload_stats;
}

/* ---- the end, step by step ---- */

static void stop_loop(void *data)
{
	struct pl_daemon *d = data;
	for (size_t i = 0; i < PL_COUNT_OF(handled_signals); i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
	pl_loop_stop(&d->loop);
}

static void on_outputs_closed(void *data, uint64_t points_lost)
{
	struct pl_daemon *d = data;
	d->outputs = NULL;
	if (points_lost > 0)
		pl_warn(d->log, "stopped with undelivered points", PL_KVI("points", points_lost));
	stop_loop(d);
}

static void on_worker_closed(void *data)
{
	struct pl_daemon *d = data;
	if (--d->n_workers_open == 0)
		pl_output_set_close(d->outputs, DRAIN_MS, on_outputs_closed, d);
}

static void on_targets_closed(void *data)
{
	struct pl_daemon *d = data;
	for (size_t i = 0; i < d->n_workers; i++)
		pl_worker_close(d->workers[i], &d->loop, on_worker_closed, d);
}

static void on_alerts_closed(void *data)
{
	struct pl_daemon *d = data;
	pl_target_manager_close(d->targets, on_targets_closed, d);
}

static void on_api_closed(void *data)
{
	struct pl_daemon *d = data;
	d->api = NULL;
	pl_alerting_close(&d->alerting, on_alerts_closed, d);
}

static void stop(struct pl_daemon *d)
{
	d->stopping = true;
	d->ready = false;
	pl_notify("STOPPING=1");
	if (d->api != NULL)
		pl_api_close(d->api, API_GRACE_MS, on_api_closed, d);
	else
		on_api_closed(d);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct pl_daemon *d = handle->data;
	struct pl_buf problems = {0};
	if (number == SIGHUP) {
		reload(d, &problems);
		pl_buf_finish(&problems);
		return;
	}
	if (d->stopping) {
		pl_warn(d->log, "stopping at once, at the second signal", PL_KVI("signal", number));
		_exit(PL_EXIT_FAILED);
	}
	pl_info(d->log, "stopping", PL_KVI("signal", number));
	stop(d);
}

/* ---- the beginning ---- */

static void watch_signals(struct pl_daemon *d)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < PL_COUNT_OF(handled_signals); i++) {
		uv_signal_init(&d->loop.uv, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, handled_signals[i]);
		uv_unref((uv_handle_t *)&d->signals[i]);
		sigaddset(&set, handled_signals[i]);
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static size_t workers_wanted(const struct pl_config *config)
{
	size_t n = (size_t)config->workers;
	if (n == 0) {
		long processors = sysconf(_SC_NPROCESSORS_ONLN);
		n = processors > 2 ? (size_t)processors / 2 : 1;
		n = n > 8 ? 8 : n;
	}
	return n < MOST_WORKERS ? n : MOST_WORKERS;
}

static enum pl_err open_workers(struct pl_daemon *d)
{
	const struct pl_plugin *input = pl_plugin_find(PL_PLUGIN_INPUT, "scrape");
	size_t wanted = workers_wanted(d->config);
	for (size_t i = 0; i < wanted; i++) {
		const struct pl_worker_options options = {.index = (unsigned)i,
							  .input = input,
							  .outputs = pl_output_set_current(d->outputs),
							  .log = d->log,
							  .live = pl_live_hub_tap(d->live)};
		enum pl_err err = pl_worker_create(&d->workers[i], &options);
		if (err != PL_OK)
			return err;
		d->n_workers = d->n_workers_open = i + 1;
	}
	return PL_OK;
}

static enum pl_err open_api(struct pl_daemon *d, char *reason, size_t reason_size)
{
	const struct pl_api_env env = {
	    .loop = &d->loop,
	    .listener = d->relay,
	    .listener_counters = d->relay_counters,
	    .log = d->log,
	    .workers = d->workers,
	    .n_workers = d->n_workers,
	    .targets = d->targets,
	    .quarantine = pl_queue_dir_quarantine(d->queue_dir),
	    .live = d->live,
	    .started_wall_ns = d->started_wall_ns,
	    .daemon = d,
	    .config = present_config,
	    .outputs = present_outputs,
	    .alerts = present_alerts,
	    .ready = is_ready,
	    .reload = reload,
	    .reload_stats = reload_stats,
	    .drop_label = pl_plugin_find(PL_PLUGIN_INPUT, "scrape")->ops.input->drop_label,
	};
	return pl_api_open(&d->api, &env, reason, reason_size);
}

static void warn_if_open_to_all(const struct pl_daemon *d)
{
	struct pl_address listen;
	char reason[128];
	const char *text = d->config->server.http.listen;
	bool reachable = pl_address_parse(text, &listen, reason, sizeof reason) == PL_OK && !pl_address_is_loopback(&listen);
	if (reachable && !pl_secret_given(&d->config->server.http.token))
		pl_warn(d->log, "other machines may use the HTTP API without a token; set server.http.token_file",
			PL_KVC("listen", text));
}

static bool is_output(void *data, const char *name)
{
	return pl_output_set_has(((struct pl_daemon *)data)->outputs, name);
}

static enum pl_err open_outputs(struct pl_daemon *d)
{
	struct pl_buf problems = {0};
	enum pl_err err = pl_queue_dir_open(&d->queue_dir, d->config, d->log, &problems);
	if (err == PL_OK) {
		d->outputs =
		    pl_output_set_create(&d->loop, d->log, pl_queue_dir_quarantine(d->queue_dir), pl_live_hub_feed(d->live));
		err = pl_output_set_apply(d->outputs, d->config, &problems);
	}
	if (err == PL_OK) {
		pl_output_set_retire(d->outputs);
		pl_queue_dir_warn_of_leftovers(d->queue_dir, is_output, d);
	} else {
		log_problems(d, &problems);
	}
	pl_buf_finish(&problems);
	return err;
}

static bool listen_for_relays(struct pl_daemon *d)
{
	struct pl_buf problems = {0};
	void *prepared = NULL;
	enum pl_err err = prepare_relay(d, d->config, NULL, &prepared, &problems);
	if (err == PL_OK) {
		pl_worker_listen(d->workers[0], d->relay, d->relay_counters, prepared);
	} else {
		log_problems(d, &problems);
		d->exit_status = err == PL_EINUSE ? PL_EXIT_IN_USE : PL_EXIT_FAILED;
		stop(d);
	}
	pl_buf_finish(&problems);
	return err == PL_OK;
}

static bool begin_alerts(struct pl_daemon *d)
{
	struct pl_buf problems = {0};
	bool ok = pl_alerting_prepare(&d->alerting, d->config, &problems) == PL_OK;
	if (ok) {
		pl_alerting_apply(&d->alerting, pl_api_address(d->api));
	} else {
		log_problems(d, &problems);
		d->exit_status = PL_EXIT_FAILED;
		stop(d);
	}
	pl_buf_finish(&problems);
	return ok;
}

/* Runs as the loop's first callback, so that everything below it may rely on a running loop. */
static void start(void *data)
{
	struct pl_daemon *d = data;
	char reason[512] = "";
	enum pl_err err = open_outputs(d);
	if (err != PL_OK) {
		d->exit_status = PL_EXIT_FAILED;
		if (d->outputs != NULL)
			pl_output_set_close(d->outputs, 0, on_outputs_closed, d);
		else
			stop_loop(d);
		return;
	}
	d->alerting.env = (struct pl_alerts_env){.loop = &d->loop,
						 .log = d->log,
						 .live = pl_live_hub_tap(d->live),
						 .webhook = pl_plugin_find(PL_PLUGIN_NOTIFIER, "webhook"),
						 .daemon = d,
						 .outputs = present_outputs};
	d->targets = pl_target_manager_create(&d->loop, d->log, &target_events, d);
	err = open_workers(d);
	if (err != PL_OK) {
		pl_error(d->log, "cannot start a worker", PL_KVC("reason", pl_err_text(err)));
		_exit(PL_EXIT_FAILED);
	}
	err = open_api(d, reason, sizeof reason);
	if (err != PL_OK) {
		pl_error(d->log, "cannot serve HTTP", PL_KVC("reason", reason));
		d->exit_status = err == PL_EINUSE ? PL_EXIT_IN_USE : PL_EXIT_FAILED;
		d->api = NULL;
		stop(d);
		return;
	}
	if (d->config->server.relay != NULL && !listen_for_relays(d))
		return;
	if (!begin_alerts(d))
		return;
	warn_if_open_to_all(d);
	pl_target_manager_apply(d->targets, d->config);
	d->ready = true;
	pl_info(d->log, "ready", PL_KVC("version", PL_VERSION), PL_KVC("http", pl_api_address(d->api)),
		PL_KVC("config", d->config_path), PL_KVI("jobs", d->config->jobs.n), PL_KVI("outputs", d->config->outputs.n),
		PL_KVI("workers", d->n_workers));
	pl_notify("READY=1");
}

int pl_daemon_run(const struct pl_daemon_options *options)
{
	struct pl_daemon d = {
	    .config_path = options->config_path,
	    .load = options->load,
	    .load_data = options->load_data,
	    .config = options->config,
	    .relay = pl_plugin_find(PL_PLUGIN_LISTENER, "relay"),
	    .log = options->log,
	    .log_level_fixed = options->log_level_fixed,
	    .started_wall_ns = pl_clock_wall_ns(),
	    .reload_stats = {.last_ok = true, .last_success_wall_ns = pl_clock_wall_ns()},
	};
	apply_log(&d);
	if (options->warnings != NULL)
		log_warnings(&d, options->warnings);
	if (pl_loop_init(&d.loop, "pulseline") != PL_OK) {
		pl_log_write(d.log, PL_LOG_ERROR, "cannot start an event loop", NULL);
		pl_config_release(d.config);
		return PL_EXIT_FAILED;
	}
	const struct pl_live_hub_options live = {.max_values = (size_t)d.config->server.live.max_values,
						 .max_bytes = (size_t)d.config->server.live.max_bytes};
	d.live = pl_live_hub_create(&live);
	watch_signals(&d);
	pl_loop_call(&d.loop, start, &d);
	pl_loop_run(&d.loop);
	pl_loop_finish(&d.loop);
	pl_queue_dir_close(d.queue_dir);
	pl_live_hub_destroy(d.live);
	pl_config_release(d.config);
	if (d.exit_status == PL_EXIT_OK)
		pl_log_write(d.log, PL_LOG_INFO, "stopped", NULL);
	return d.exit_status;
}
