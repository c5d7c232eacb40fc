/* The daemon's HTTP interface: an authorisation check and a table of routes over net/http_server. On the control thread. */
#ifndef PL_API_API_H
#define PL_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/alerts.h"
#include "base/buf.h"
#include "base/log.h"
#include "config/config.h"
#include "live/hub.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "pipeline/outputs.h"
#include "pipeline/quarantine.h"
#include "pipeline/worker.h"
#include "targets/manager.h"

/* What the routes read and ask for. Borrowed for the api's life; the functions are called on the control thread with `daemon`. */
struct pl_api_env {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_worker *const *workers;
	size_t n_workers;
	struct pl_target_manager *targets;
	struct pl_quarantine *quarantine; /* NULL: none */
	struct pl_live_hub *live;         /* NULL: no live values */
	int64_t started_wall_ns;
	void *daemon;
	struct pl_config *(*config)(void *daemon);   /* the present snapshot; borrowed until control returns to the loop */
	struct pl_outputs *(*outputs)(void *daemon); /* likewise */
	struct pl_alerts *(*alerts)(void *daemon);   /* NULL: none; so may the function be */
	bool (*ready)(void *daemon, struct pl_buf *why_not);
	bool (*reload)(void *daemon, struct pl_buf *problems); /* false: the old configuration stays, `problems` says why */
	struct pl_api_reload_stats {
		uint64_t succeeded, failed;
		bool last_ok;
		int64_t last_success_wall_ns;
	} (*reload_stats)(void *daemon);
	const struct pl_plugin *listener; /* of the first worker, which has no instance where it is not configured */
	const _Atomic uint64_t *listener_counters;
	const char *(*drop_label)(size_t i); /* of the workers' input, for /metrics; NULL: no drops by reason */
};

struct pl_api;

/* Opens the server that the configuration asks for. PL_EINUSE when the address is taken; `reason` says what and where. */
PL_MUST_CHECK enum pl_err pl_api_open(struct pl_api **out, const struct pl_api_env *env, char *reason, size_t reason_size);
const char *pl_api_address(const struct pl_api *a); /* "127.0.0.1:8080" */

/* Stops listening, answers what was asked (at most grace_ms for bytes to go out), frees; then `closed`. The workers and the
 * outputs must still run until then. */
void pl_api_close(struct pl_api *a, unsigned grace_ms, void (*closed)(void *data), void *data);

#endif
