/* What a plugin is, and the five kinds of them.
 *
 * A plugin is a folder that exports one `const struct pl_plugin pl_plugin_<folder>`. It is a class: it has no state of its own;
 * every entry in the configuration makes an instance. The same sources make part of the daemon or a shared object, which exports
 * the struct under the name `pl_plugin` and is refused unless magic, ABI version and size fit. */
#ifndef PL_PIPELINE_PLUGIN_H
#define PL_PIPELINE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "config/schema.h"
#include "format/labels.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "pipeline/batch.h"
#include "pipeline/client.h"
#include "pipeline/live.h"
#include "pipeline/live_message.h"
#include "pipeline/notice.h"
#include "pipeline/notice_post.h"
#include "pipeline/notice_progress.h"
#include "pipeline/notice_template.h"
#include "pipeline/notice_text.h"
#include "pipeline/oauth2.h"
#include "pipeline/query.h"
#include "pipeline/target.h"

#define PL_PLUGIN_MAGIC UINT32_C(0x504c5347)
enum { PL_PLUGIN_ABI_MAJOR = 1, PL_PLUGIN_ABI_MINOR = 0 };

enum pl_plugin_kind { PL_PLUGIN_INPUT, PL_PLUGIN_DISCOVERY, PL_PLUGIN_OUTPUT, PL_PLUGIN_LISTENER, PL_PLUGIN_NOTIFIER };

struct pl_plugin {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	size_t size; /* of this struct */
	enum pl_plugin_kind kind;
	const char *name;               /* key in the configuration: "influxdb", "file_sd_configs", "scrape" */
	const char *help;               /* one line */
	const struct pl_schema *schema; /* of one instance's configuration; NULL: none */
	union {
		const struct pl_input_ops *input;
		const struct pl_discovery_ops *discovery;
		const struct pl_output_ops *output;
		const struct pl_listener_ops *listener;
		const struct pl_notifier_ops *notifier;
	} ops;
};

#define PL_PLUGIN_HEADER                                                                                                         \
	.magic = PL_PLUGIN_MAGIC, .abi_major = PL_PLUGIN_ABI_MAJOR, .abi_minor = PL_PLUGIN_ABI_MINOR,                            \
	.size = sizeof(struct pl_plugin)

/* ---- input: takes points in, on a worker's thread. One instance per worker. ---- */

/* Where an input leaves its lines. On the worker's thread. */
struct pl_sink {
	/* Takes complete lines of one route from `lines` (left empty, its memory kept). */
	void (*commit)(struct pl_sink *sink, struct pl_route *route, struct pl_buf *lines, uint32_t points);

	/* Passes a batch on as it is. Who keeps a reference sees when the outputs are done with it: pl_batch_is_sole. */
	void (*put)(struct pl_sink *sink, struct pl_batch *b);
};

struct pl_input_env {
	struct pl_loop *loop; /* the worker's */
	struct pl_transfer_pool *transfers;
	struct pl_log *log;
	struct pl_sink *sink;
	struct pl_live_tap *live; /* NULL: nothing goes live */
};

/* Counters of one instance, written by its worker with relaxed order, read by anyone. */
struct pl_input_counters {
	_Atomic uint64_t scrapes, failures, missed; /* missed: due while the last one was still under way */
	_Atomic uint64_t samples;                   /* read from pages, kept or not */
	_Atomic uint64_t points;                    /* committed lines, own series included */
	_Atomic uint64_t own_points;                /* of these: up and the like */
	_Atomic uint64_t stale;                     /* of these: markers of series that are gone */
	_Atomic uint64_t bytes;                     /* of pages, decoded */
	_Atomic uint64_t merged;                    /* samples that share a point with another */
	_Atomic uint64_t added;                     /* points that no sample stands for (a bucket that was missing) */
	_Atomic uint64_t parts;                     /* points that were too large to be gathered and went in parts */
	_Atomic uint64_t dropped[16];               /* samples by reason; see drop_label */
	_Atomic uint64_t relabeled;                 /* times that metric_relabel_configs were applied to a series */
	_Atomic uint64_t relabel_uncached;          /* of these, series whose result found no room */
	_Atomic uint64_t relabel_cache_series, relabel_cache_bytes; /* now */
};

/* samples + own_points + added = points + merged + sum of dropped, whenever no scrape is under way. */

struct pl_input_ops {
	PL_MUST_CHECK enum pl_err (*open)(const struct pl_input_env *env, void **self); /* borrows env for life */
	/* Takes on a target: returns its state, which the worker hands back below. Shares `t`. */
	void *(*attach)(void *self, struct pl_target *t);
	void (*fire)(void *self, void *state, int64_t wall_ns); /* it is due; wall_ns: the scheduled moment */
	void (*detach)(void *self, void *state);                /* ends what is under way; the state is the plugin's to free */
	void (*status)(void *self, void *state, struct pl_target_status *out); /* fills all but out->target, and *out->outcomes */
	const struct pl_input_counters *(*counters)(void *self);
	const char *(*drop_label)(size_t i);                               /* name of dropped[i]; NULL behind the last */
	void (*close)(void *self, void (*closed)(void *data), void *data); /* after every target was detached */
};

/* ---- listener: takes points from those who come to it, on a worker's thread. One instance in the daemon. ---- */

enum { PL_LISTENER_COUNTERS = 64 };

struct pl_listener_env {
	struct pl_loop *loop; /* the worker's */
	struct pl_log *log;
	struct pl_sink *sink;
	struct pl_live_tap *live;   /* NULL: nothing goes live */
	_Atomic uint64_t *counters; /* PL_LISTENER_COUNTERS of them; they outlive the instance */
};

/* How /metrics shows env.counters[i]. Those of one family stand together. */
struct pl_listener_counter {
	const char *family; /* a counter's without `_total` */
	const char *help;
	const char *reason; /* value of the label `reason`; NULL: none */
	bool gauge;
};

struct pl_listener_ops {
	/* On the control thread: all of taking on a configuration that can fail (sockets, certificates). `before` is the
	 * configuration that was prepared last, NULL: none; its sockets are kept where they are the same. Either may lack what
	 * the listener needs: *prepared is NULL then, and it is to close what it has. On failure `reason` says why. Shares
	 * `config`. */
	PL_MUST_CHECK enum pl_err (*prepare)(struct pl_config *config, const struct pl_config *before, void **prepared,
					     char *reason, size_t reason_size);
	void (*discard)(void *prepared);                                   /* what was prepared and is not wanted; any thread */
	void (*open)(const struct pl_listener_env *env, void **self);      /* borrows env for life; listens to nobody yet */
	void (*adopt)(void *self, void *prepared);                         /* takes; NULL: listen no more */
	void (*status)(void *self, struct pl_buf *json);                   /* appends one JSON value */
	const struct pl_listener_counter *(*counter)(size_t i);            /* NULL behind the last */
	void (*close)(void *self, void (*closed)(void *data), void *data); /* takes in what was asked for, for a moment */
};

/* ---- discovery: says what there is to scrape, on the control thread. One instance per entry of a job. ---- */

struct pl_target_group {
	const struct pl_str *targets; /* host:port each */
	size_t n_targets;
	struct pl_labels labels; /* of all of them, __meta_* included */
};

struct pl_discovery_sink {
	/* All groups of one source (a file, a URL ...) as they are now; groups NULL: the source is gone; n 0: it is there and
	 * empty. Copies. */
	void (*update)(struct pl_discovery_sink *sink, struct pl_str source, const struct pl_target_group *groups, size_t n);
	/* The source cannot be read or is wrong; what it said last stays. "" ends the trouble. Copies. */
	void (*trouble)(struct pl_discovery_sink *sink, struct pl_str source, const char *reason);
};

struct pl_discovery_env {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_discovery_sink *sink; /* calls it any time between open and close, also from within open */
	const char *base_dir;           /* relative names start here */
};

struct pl_discovery_ops {
	PL_MUST_CHECK enum pl_err (*open)(const struct pl_discovery_env *env, const void *config,
					  void **self); /* config outlives the instance; env is copied */
	void (*close)(void *self, void (*closed)(void *data), void *data);
};

/* ---- output: consumes batches, on a thread of its own. ---- */

/* What became of a delivery. */
enum pl_verdict_kind {
	PL_VERDICT_DONE,    /* taken, except `refused` points */
	PL_VERDICT_RETRY,   /* again later: busy, away, time-out */
	PL_VERDICT_HOLD,    /* needs a person (credentials, missing database): keep everything, ask seldom */
	PL_VERDICT_REFUSED, /* none of it will ever be taken */
};

/* One line of a delivery that the server did not take. */
struct pl_refusal {
	uint32_t batch;     /* index in the delivery */
	uint32_t offset, n; /* its bytes there, without the newline */
	bool held;          /* not for good: keep it apart and try again now and then (a new series beyond the server's limit) */
	const char *as;     /* reason as counter label: "field_type", "unparsable" ...; static */
	const char *reason; /* the server's words, printable; must live until done returns */
};

struct pl_verdict {
	enum pl_verdict_kind kind;
	const struct pl_refusal *refusals; /* DONE only: the lines that are known, each once; borrowed until done returns */
	size_t n_refusals;
	uint32_t refused; /* DONE only: points refused for good beside those, which ones is not known or worthless to know */
	const char *refused_as; /* of these, reason as counter label; for REFUSED of all; static; NULL: "refused" */
	int64_t retry_after_ns; /* what the server asked for; 0: nothing */
	long status;            /* HTTP status or 0 */
	char reason[256];       /* for people, printable, without secrets */
};

/* Some batches of one route, oldest first. Valid until done is called. */
struct pl_delivery {
	struct pl_batch *const *batches;
	size_t n;
	size_t bytes;
	uint32_t points;
	const struct pl_route *route;
	/* To be called once per deliver, on the output's thread, also from within deliver. */
	void (*done)(struct pl_delivery *d, const struct pl_verdict *verdict);
};

enum { PL_OUTPUT_COUNTERS = 32 };

struct pl_output_env {
	struct pl_loop *loop; /* the output's own */
	struct pl_log *log;
	const char *name;                       /* of the instance, for logs: "influxdb", "influxdb-2" */
	void (*query_done)(struct pl_query *q); /* hands an answered query back (pl_query_answer) */
	_Atomic uint64_t *counters; /* PL_OUTPUT_COUNTERS of them, for the instance to add to what it alone can count */
	struct pl_live_feed *live;  /* what goes live, until the instance is closed; NULL: nothing does */
};

struct pl_output_ops {
	/* Opens what is local (a file, a database); a server that is away is no failure. On failure `reason` says why, with
	 * names. */
	PL_MUST_CHECK enum pl_err (*open)(const struct pl_output_env *env, const void *config, void **self, char *reason,
					  size_t reason_size);
	/* One at a time. The instance may block if it has nothing to wait for but a disk. NULL: takes no batches, but reads
	 * env->live. */
	void (*deliver)(void *self, struct pl_delivery *d);
	/* Answers by env->query_done; several may be under way. NULL: cannot be read back. */
	void (*query)(void *self, struct pl_query *q);
	/* Name of env->counters[i] as /metrics shows it ("removed_expired"); NULL behind the last. NULL: counts nothing. Of an
	 * output without `deliver`, "error:KIND" counts errors of that kind, and "up" and ..._pending are gauges. */
	const char *(*counter_label)(size_t i);
	size_t max_delivery_bytes; /* how much to hand over at once; 0: 1 MiB */
	bool durable;              /* worth keeping batches for when it is away */
	/* A delivery under way is cancelled: its done is called (RETRY) before `closed`. */
	void (*close)(void *self, void (*closed)(void *data), void *data);
};

/* ---- notifier: tells people of alerts, on the control thread. One instance per entry of `notifiers`. ---- */

/* One notice on its way. Valid until done is called. */
struct pl_notice_delivery {
	const struct pl_notice *notice;
	/* To be called once per send, on the loop's thread, also from within send. */
	void (*done)(struct pl_notice_delivery *d, const struct pl_notice_verdict *verdict);
};

struct pl_notifier_env {
	struct pl_loop *loop; /* the control thread's: never block */
	struct pl_log *log;
	const char *name; /* of the instance: what alerts call it by */
};

struct pl_notifier_ops {
	/* Checks what can be checked at once; a receiver that is away is no failure. Borrows config until close. */
	PL_MUST_CHECK enum pl_err (*open)(const struct pl_notifier_env *env, const void *config, void **self, char *reason,
					  size_t reason_size);
	/* One at a time. Must end within a bounded time of its own. */
	void (*send)(void *self, struct pl_notice_delivery *d);
	/* A delivery under way is cancelled: its done is called (RETRY) before `closed`. */
	void (*close)(void *self, void (*closed)(void *data), void *data);
};

/* First member of every notifier's configuration: `name`, by which alerts call it; "": the plugin's own name. */
struct pl_notifier_config {
	const char *name;
};

#endif
