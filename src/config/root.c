#include "config/root.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/foreign.h"
#include "config/job.h"
#include "config/scalar.h"

#define IN(SECTION, MEMBER) .offset = offsetof(struct pl_config, SECTION.MEMBER) - offsetof(struct pl_config, SECTION)
#define SIZE(SECTION)       sizeof(((struct pl_config *)0)->SECTION)
#define NO_RULES            "rules are not evaluated here; write them as alerts:, which become tasks of Kapacitor"
#define LIMIT(KEY, HELP)                                                                                                         \
	{                                                                                                                        \
		.key = #KEY, .type = PL_FIELD_INT, IN(global, KEY), .min = 0, .max = -1, .fallback = "0", .help = HELP           \
	}
#define MAX_INTERVAL    (365 * 24 * 3600 * PL_NS_PER_S)
#define MIB             (INT64_C(1) << 20)
#define DEFAULT_TIMEOUT (10 * PL_NS_PER_S)

static void check_global(void *object, const struct pl_check *c)
{
	struct pl_config *all = pl_container_of(object, struct pl_config, global);
	if (all->global.name_validation == PL_NAMES_LEGACY)
		pl_names_check_escaping(c);
	if (all->global.scrape_timeout == 0) {
		all->global.scrape_timeout =
		    all->global.scrape_interval < DEFAULT_TIMEOUT ? all->global.scrape_interval : DEFAULT_TIMEOUT;
	} else if (all->global.scrape_timeout > all->global.scrape_interval) {
		struct pl_buf interval = {0};
		pl_duration_print(all->global.scrape_interval, &interval);
		pl_check_fail(c, "scrape_timeout", "is above scrape_interval, which is %s", pl_buf_cstr(&interval));
		pl_buf_finish(&interval);
	}
}

static const struct pl_field global_fields[] = {
    {.key = "scrape_interval",
     .type = PL_FIELD_DURATION,
     IN(global, scrape_interval),
     .fallback = "15s",
     .min = PL_NS_PER_MS,
     .max = MAX_INTERVAL,
     .help = "from one scrape of a target to the next (Prometheus' default is 1m)"},
    {.key = "scrape_timeout",
     .type = PL_FIELD_DURATION,
     IN(global, scrape_timeout),
     .min = PL_NS_PER_MS,
     .max = MAX_INTERVAL,
     .help = "when to give a scrape up; default: 10s, but not above scrape_interval"},
    {.key = "body_size_limit",
     .type = PL_FIELD_BYTES,
     IN(global, body_size_limit),
     .flags = PL_FIELD_UNIT,
     .fallback = "256MiB",
     .help = "a larger page fails, counted after decompression; 0: no bound (Prometheus' default)"},
    {.key = "sample_limit",
     .type = PL_FIELD_INT,
     IN(global, sample_limit),
     .fallback = "0",
     .max = -1,
     .help = "a page of more samples fails, counted after metric relabeling; 0: no bound"},
    LIMIT(label_limit, "a page fails when a sample has more labels, __name__ and the target's included; 0: no bound"),
    LIMIT(label_name_length_limit, "a page fails when a label's name has more bytes; 0: no bound"),
    LIMIT(label_value_length_limit, "a page fails when a label's value, or the metric's name, has more bytes; 0: no bound"),
    {.key = "keep_dropped_targets",
     .type = PL_FIELD_INT,
     IN(global, keep_dropped_targets),
     .fallback = "0",
     .max = -1,
     .help = "how many targets that relabeling dropped of a job are remembered to be shown; 0: as many as fit (10000 in all)"},
    {.key = "external_labels",
     .type = PL_FIELD_LABELS,
     IN(global, external_labels),
     .help = "labels for every point that lacks them"},
    {.key = "metric_name_validation_scheme",
     .type = PL_FIELD_ENUM,
     IN(global, name_validation),
     .fallback = "utf8",
     .choices = pl_name_validations,
     .help = "utf8: relabeling takes and makes any names; legacy: letters, digits and _ alone"},
    LIMIT(target_limit, "a job with more targets, counted after relabeling, has none of them scraped; 0: no bound"),
    PL_FOREIGN_SCRAPE_FIELDS,
    PL_IGNORED("evaluation_interval", "has no effect: " NO_RULES),
    PL_IGNORED("rule_query_offset", "has no effect: " NO_RULES),
    PL_IGNORED("query_log_file", "has no effect: there are no PromQL queries to log"),
    {0},
};

static const struct pl_schema global_schema = {
    .name = "global", .size = SIZE(global), .fields = global_fields, .check = check_global};

static void check_http(void *object, const struct pl_check *c)
{
	const struct pl_config *all = pl_container_of(object, const struct pl_config, server.http);
	const char *cert = all->server.http.cert_file, *key = all->server.http.key_file;
	if ((cert != NULL) != (key != NULL))
		pl_check_fail(c, cert != NULL ? "cert_file" : "key_file", "cert_file and key_file go together; %s is missing",
			      cert != NULL ? "key_file" : "cert_file");
	if (cert != NULL && all->server.http.self_signed)
		pl_check_fail(c, "self_signed", "a certificate is given in cert_file; leave one of the two out");
	for (const char *p = all->server.http.cors_allow; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7F) {
			pl_check_fail(c, "cors_allow", "must not hold control characters");
			break;
		}
	}
	if (all->server.http.token.value != NULL && all->server.http.token.value[0] == '\0')
		pl_check_fail(c, "token", "must not be empty; leave the key out to let everybody in");
}

static const struct pl_field http_fields[] = {
    {.key = "listen",
     .type = PL_FIELD_LISTEN,
     IN(server.http, listen),
     .fallback = "127.0.0.1:8080",
     .help = "address of the API and the pages"},
    {.key = "token",
     .type = PL_FIELD_SECRET,
     IN(server.http, token),
     .help = "what a client must send as Authorization: Bearer; not given: everybody may"},
    {.key = "cors_allow",
     .type = PL_FIELD_STRING,
     IN(server.http, cors_allow),
     .fallback = "*",
     .help = "Access-Control-Allow-Origin; empty: none"},
    {.key = "cert_file",
     .type = PL_FIELD_PATH,
     IN(server.http, cert_file),
     .flags = PL_FIELD_NONEMPTY,
     .help = "certificate; with it, HTTPS is spoken"},
    {.key = "key_file", .type = PL_FIELD_PATH, IN(server.http, key_file), .flags = PL_FIELD_NONEMPTY, .help = "its private key"},
    {.key = "self_signed",
     .type = PL_FIELD_BOOL,
     IN(server.http, self_signed),
     .fallback = "false",
     .help = "without these files: HTTPS with a certificate made at each start"},
    {0},
};

static const struct pl_schema http_schema = {
    .name = "http", .size = SIZE(server.http), .fields = http_fields, .check = check_http};

static const struct pl_field live_fields[] = {
    {.key = "max_values",
     .type = PL_FIELD_INT,
     IN(server.live, max_values),
     .fallback = "16384",
     .min = 16,
     .max = 1 << 24,
     .help = "how many of the newest values wait for those who read late, rounded up to a power of two"},
    {.key = "max_bytes",
     .type = PL_FIELD_BYTES,
     IN(server.live, max_bytes),
     .fallback = "8MiB",
     .min = 64 * 1024,
     .max = 64 * 1024 * MIB,
     .help = "of these, in memory"},
    {.key = "last_values",
     .type = PL_FIELD_INT,
     IN(server.live, last_values),
     .fallback = "50000",
     .max = 1 << 24,
     .help = "of how many sets of tags the last value is kept for new clients; 0: of none"},
    {.key = "last_values_bytes",
     .type = PL_FIELD_BYTES,
     IN(server.live, last_values_bytes),
     .fallback = "16MiB",
     .min = 64 * 1024,
     .max = 64 * 1024 * MIB,
     .help = "of these, in memory"},
    {.key = "last_values_ttl",
     .type = PL_FIELD_DURATION,
     IN(server.live, last_values_ttl),
     .fallback = "1h",
     .max = MAX_INTERVAL,
     .help = "when a last value is too old to be shown; 0: never"},
    {.key = "max_clients",
     .type = PL_FIELD_INT,
     IN(server.live, max_clients),
     .fallback = "1000",
     .max = 100000,
     .help = "clients of /api/v1/live at once; more get 503"},
    {.key = "client_bytes",
     .type = PL_FIELD_BYTES,
     IN(server.live, client_bytes),
     .fallback = "64KiB",
     .min = 4096,
     .max = 1024 * MIB,
     .help = "how far one of them may be behind before values are left out for it"},
    {.key = "keep_alive",
     .type = PL_FIELD_DURATION,
     IN(server.live, keep_alive),
     .fallback = "15s",
     .min = 100 * PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "a comment is sent to a client that got nothing for so long"},
    {0},
};

static const struct pl_schema live_schema = {.name = "live", .size = SIZE(server.live), .fields = live_fields};

static const struct pl_field server_fields[] = {
    {.key = "http", .type = PL_FIELD_OBJECT, IN(server, http), .schema = &http_schema, .help = "the API and the pages"},
    {.key = "live",
     .type = PL_FIELD_OBJECT,
     IN(server, live),
     .schema = &live_schema,
     .help = "live values and their event stream; takes effect at the start"},
    {.key = "relay",
     .type = PL_FIELD_OPTIONAL,
     IN(server, relay),
     .schema = &pl_relay_schema,
     .help = "where relays connect; not given: nowhere"},
    PL_REFUSED("statsd", "statsd arrives in a later version"),
    {0},
};

static const struct pl_schema server_schema = {.name = "server", .size = SIZE(server), .fields = server_fields};

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL}; /* enum pl_log_level */
static const char *const log_formats[] = {"logfmt", "json", NULL};                /* enum pl_log_format */

static const struct pl_field log_fields[] = {
    {.key = "level",
     .type = PL_FIELD_ENUM,
     IN(log, level),
     .fallback = "info",
     .choices = log_levels,
     .help = "least level to log"},
    {.key = "format",
     .type = PL_FIELD_ENUM,
     IN(log, format),
     .fallback = "logfmt",
     .choices = log_formats,
     .help = "form of a line"},
    {0},
};

static const struct pl_schema log_schema = {.name = "log", .size = SIZE(log), .fields = log_fields};

static const char *const queue_policies[] = {"drop_oldest", "drop_newest", NULL}; /* enum pl_drop_policy of pipeline/drop.h */
static const char *const queue_syncs[] = {"none", "interval", "always", NULL};    /* enum pl_sync of pipeline/journal.h */

static const struct pl_field queue_fields[] = {
    {.key = "dir",
     .type = PL_FIELD_PATH,
     IN(queue, dir),
     .flags = PL_FIELD_NONEMPTY,
     .help = "folder for what waits, so that it outlives the daemon; not given: it waits in memory only"},
    {.key = "memory_bytes",
     .type = PL_FIELD_BYTES,
     IN(queue, memory_bytes),
     .fallback = "32MiB",
     .min = 64 * 1024,
     .max = 64 * 1024 * MIB,
     .help = "how much each output may hold back in memory"},
    {.key = "max_bytes",
     .type = PL_FIELD_BYTES,
     IN(queue, max_bytes),
     .fallback = "1GiB",
     .min = MIB,
     .max = -1,
     .help = "how much each output may hold back on disk"},
    {.key = "max_age",
     .type = PL_FIELD_DURATION,
     IN(queue, max_age),
     .fallback = "0s",
     .max = -1,
     .help = "points that wait longer go; 0: no bound"},
    {.key = "policy",
     .type = PL_FIELD_ENUM,
     IN(queue, policy),
     .fallback = "drop_oldest",
     .choices = queue_policies,
     .help = "which points go when it is full"},
    {.key = "sync",
     .type = PL_FIELD_ENUM,
     IN(queue, sync),
     .fallback = "interval",
     .choices = queue_syncs,
     .help = "when to wait for the disk: never, for what has waited a second, for everything before it is delivered"},
    {.key = "quarantine_bytes",
     .type = PL_FIELD_BYTES,
     IN(queue, quarantine_bytes),
     .fallback = "64MiB",
     .min = 64 * 1024,
     .max = -1,
     .help = "how much of what servers refuse for good is kept, in all"},
    {0},
};

static const struct pl_schema queue_schema = {.name = "queue", .size = SIZE(queue), .fields = queue_fields};

static const struct pl_field root_fields[] = {
    {.key = "global",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_config, global),
     .schema = &global_schema,
     .help = "what jobs inherit"},
    {.key = "server",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_config, server),
     .schema = &server_schema,
     .help = "where the daemon listens"},
    {.key = "log",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_config, log),
     .schema = &log_schema,
     .help = "log lines"},
    {.key = "queue",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_config, queue),
     .schema = &queue_schema,
     .help = "points that wait for an output"},
    {.key = "workers",
     .type = PL_FIELD_INT,
     .offset = offsetof(struct pl_config, workers),
     .fallback = "0",
     .max = 256,
     .help = "threads that scrape; 0: by the number of processors"},
    {.key = "scrape_configs",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct pl_config, jobs),
     .schema = &pl_job_schema,
     .help = "what to scrape, in Prometheus' words"},
    {.key = "outputs",
     .type = PL_FIELD_PLUGINS,
     .offset = offsetof(struct pl_config, outputs),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "[{local: {}}]",
     .plugin_kind = PL_CONFIG_KIND_OUTPUT,
     .help = "where points go: a list of {KIND: settings}; default: the local store"},
    {.key = "kapacitor",
     .type = PL_FIELD_OPTIONAL,
     .offset = offsetof(struct pl_config, kapacitor),
     .schema = &pl_kapacitor_schema,
     .help = "where alerts are provisioned; not given: nowhere"},
    {.key = "alerts",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct pl_config, alerts),
     .schema = &pl_alert_schema,
     .help = "what Kapacitor is to watch"},
    {.key = "alert_files",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct pl_config, alert_files),
     .flags = PL_FIELD_PATHS,
     .help = "files with more of these; * may stand in the last part of a path"},
    {.key = "notifiers",
     .type = PL_FIELD_PLUGINS,
     .offset = offsetof(struct pl_config, notifiers),
     .plugin_kind = PL_CONFIG_KIND_NOTIFIER,
     .help = "who tells people of alerts: a list of {KIND: settings}"},
    {.key = "state",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_config, state),
     .schema = &pl_state_schema,
     .help = "alerts of the API, events, notices that wait"},
    PL_REFUSED("rule_files", NO_RULES),
    PL_IGNORED("alerting", "has no effect: there is no Alertmanager here; write alerts:, which become tasks of Kapacitor"),
    PL_REFUSED("remote_write",
	       "remote write is not spoken here; list InfluxDB in outputs: - influxdb: {url: ..., database: ...}"),
    PL_REFUSED("remote_read", "remote read is not spoken here; query InfluxDB, or the API's /latest"),
    PL_REFUSED("scrape_config_files",
	       "not supported yet; write the jobs into scrape_configs, and their targets into the files of file_sd_configs"),
    PL_IGNORED("storage", "has no effect: there is no TSDB here; the local output's retention says how long points are kept"),
    PL_IGNORED("tracing", "has no effect: traces are not exported"),
    PL_REFUSED("otlp", "OTLP is not received here; leave the key out"),
    PL_IGNORED("runtime", "has no effect: there is no garbage collector to configure"),
    {0},
};

const struct pl_schema pl_root_schema = {.name = "configuration", .size = sizeof(struct pl_config), .fields = root_fields};
