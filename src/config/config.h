/* The daemon's configuration: one immutable, refcounted snapshot of everything the file says. */
#ifndef PL_CONFIG_CONFIG_H
#define PL_CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "config/alert.h"
#include "config/client.h"
#include "config/kapacitor.h"
#include "config/relay.h"
#include "config/schema.h"
#include "format/relabel.h"

/* One entry of scrape_configs, with Prometheus' names and defaults. */
struct pl_job {
	const char *name;
	int64_t scrape_interval, scrape_timeout; /* ns; inherited from global when not given */
	const char *metrics_path;
	int scheme; /* enum pl_scheme */
	struct pl_params params;
	bool honor_labels, honor_timestamps;
	struct pl_client_config client;
	int64_t body_size_limit;                                                /* bytes after decompression; 0: no bound */
	int64_t sample_limit;                                                   /* 0: no bound */
	int64_t label_limit, label_name_length_limit, label_value_length_limit; /* 0: no bound */
	int64_t series_limit;                                                   /* 0: no bound */
	int64_t target_limit;                                                   /* of the job; 0: no bound */
	int name_validation;                                                    /* enum pl_name_validation */
	int64_t max_line;                                                       /* bytes */
	struct {
		const char *database;         /* "": the output's own */
		const char *retention_policy; /* "": the database's default */
		int schema;                   /* enum pl_schema_kind of format/transcode.h */
		const char *measurement;      /* of the schema telegraf2; "": prometheus */
		int stale;                    /* enum pl_stale_policy of format/transcode.h */
		int nan;                      /* enum pl_nan_policy of format/transcode.h */
		bool align_timestamps;        /* the scrape's time becomes a multiple of its interval */
		int64_t timestamp_offset;     /* ns, added to the scrape's time */
	} influx;
	struct pl_strings live;       /* selectors of the samples that go live, too; {}: all; none: none */
	int64_t keep_dropped_targets; /* how many that relabeling dropped are remembered; 0: no bound but the daemon's own */
	struct pl_list relabel_configs, metric_relabel_configs; /* struct pl_relabel_config */
	const struct pl_relabel *relabel, *metric_relabel;      /* compiled; NULL: no rules. The snapshot's */
	struct pl_sections discovery;     /* static_configs, file_sd_configs ...: one section per entry of each */
	struct pl_labels external_labels; /* of global */
	uint64_t fingerprint;             /* of all that changes how a target is scraped (discovery excluded) */
};

enum { PL_JOB_MOST_LIVE = 32 };

enum pl_name_validation { PL_NAMES_UTF8, PL_NAMES_LEGACY };

enum pl_scheme { PL_SCHEME_HTTP, PL_SCHEME_HTTPS };

struct pl_config {
	atomic_uint refs;
	struct pl_arena arena;
	const char *path;     /* of the file; "" for built-in defaults */
	const char *base_dir; /* its directory, absolute */
	uint64_t fingerprint;
	struct {
		int64_t scrape_interval, scrape_timeout;
		int64_t body_size_limit, sample_limit, keep_dropped_targets; /* for jobs that give none */
		int64_t label_limit, label_name_length_limit, label_value_length_limit, target_limit;
		int name_validation; /* enum pl_name_validation */
		struct pl_labels external_labels;
	} global;
	struct {
		struct {
			const char *listen;
			struct pl_secret token;
			const char *cors_allow;
			const char *cert_file, *key_file;
			bool self_signed;
		} http;
		struct {
			int64_t max_values, max_bytes;                           /* of the ring that everybody reads from */
			int64_t last_values, last_values_bytes, last_values_ttl; /* the cache; ns, 0: without end */
			int64_t max_clients, client_bytes, keep_alive;           /* of the event stream; keep_alive in ns */
		} live;
		const struct pl_relay_config *relay; /* NULL: no relays */
	} server;
	struct {
		int level;  /* enum pl_log_level */
		int format; /* enum pl_log_format */
	} log;
	struct {
		const char *dir;            /* NULL: in memory only */
		struct pl_mark dir_mark;    /* where that stands */
		int64_t memory_bytes;       /* per output */
		int64_t max_bytes, max_age; /* on disk, per output; ns, 0: no bound */
		int policy;                 /* enum pl_drop_policy of pipeline/drop.h: drop_oldest, drop_newest */
		int sync;                   /* enum pl_sync of pipeline/journal.h: none, interval, always */
		int64_t quarantine_bytes;
	} queue;
	int64_t workers;                             /* 0: chosen by the number of processors */
	struct pl_list jobs;                         /* struct pl_job */
	struct pl_sections outputs;                  /* never empty: the local store when none is given */
	const struct pl_kapacitor_config *kapacitor; /* NULL: not configured */
	struct pl_list alerts;                       /* struct pl_alert: those of the file itself, then those of alert_files */
	struct pl_strings alert_files;               /* empty: their alerts stand among the others, so that both are shown once */
	struct pl_strings alert_paths;               /* of the files that were read */
	struct pl_sections notifiers;
	struct pl_state_config state;
};

static inline const struct pl_alert *pl_config_alert(const struct pl_config *c, size_t i)
{
	return (const struct pl_alert *)c->alerts.v + i;
}

/* The one that alerts call so; NULL: there is none. */
const struct pl_section *pl_config_notifier(const struct pl_config *c, const char *name);

static inline const struct pl_job *pl_config_job(const struct pl_config *c, size_t i)
{
	return (const struct pl_job *)c->jobs.v + i;
}

/* Which plugins may stand in the file; see pl_decode_options. The kinds are enum pl_plugin_kind of pipeline/plugin.h, opaque
 * here. */
struct pl_config_plugins {
	const void *(*find)(int kind, const char *name, const struct pl_schema **schema);
	const char *(*name)(int kind, size_t nth);
	int output_kind, discovery_kind, notifier_kind;
};

/* Loads, expands and validates; the caller holds one reference to *out. On failure *out is NULL and `problems` says everything
 * that is wrong. */
PL_MUST_CHECK enum pl_err pl_config_load(const char *path, const struct pl_config_plugins *plugins, struct pl_problems *problems,
					 struct pl_config **out);

/* The same from text; `path` is used for names and base_dir. */
PL_MUST_CHECK enum pl_err pl_config_parse(const char *path, struct pl_str text, const struct pl_config_plugins *plugins,
					  struct pl_problems *problems, struct pl_config **out);

struct pl_config *pl_config_share(struct pl_config *c); /* one more reference; any thread */
void pl_config_release(struct pl_config *c);            /* any thread; the last one frees */

/* Appends the effective configuration as YAML with every default, secrets as <secret>. */
void pl_config_print(const struct pl_config *c, struct pl_buf *out);

#endif
