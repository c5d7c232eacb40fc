#include "config/job.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "config/foreign.h"
#include "config/relabel_config.h"
#include "config/scalar.h"
#include "format/selector.h"
#include "format/transcode.h"

static const char *const schemes[] = {"http", "https", NULL};
static const char *const schema_kinds[] = {"kapacitor", "telegraf1", "telegraf2", NULL};
static const char *const stale_policies[] = {"none", "marker", NULL};
const char *const pl_name_validations[] = {"utf8", "legacy", NULL};
static const char *const nan_policies[] = {"drop", "zero", "tag", NULL};

#define JOB(MEMBER)       .offset = offsetof(struct pl_job, MEMBER)
#define INFLUX(MEMBER)    .offset = offsetof(struct pl_job, MEMBER) - offsetof(struct pl_job, influx)
#define CLOUD(NAME, WHAT) PL_REFUSED(NAME "_sd_configs", "discovery through " WHAT " is not supported; " INSTEAD)
#define INSTEAD           "use http_sd_configs, with something that answers with the targets, or file_sd_configs"
#define LIMIT(KEY, HELP)                                                                                                         \
	{                                                                                                                        \
		.key = #KEY, .type = PL_FIELD_INT, JOB(KEY), .min = 0, .max = -1, .fallback = "0", .help = HELP                  \
	}
#define MAX_INTERVAL (365 * 24 * 3600 * PL_NS_PER_S)
#define MAX_OFFSET   (24 * 3600 * PL_NS_PER_S)

static const struct pl_field influx_fields[] = {
    {.key = "database",
     .type = PL_FIELD_STRING,
     INFLUX(influx.database),
     .fallback = "",
     .help = "database for this job's points; empty: the output's own"},
    {.key = "retention_policy",
     .type = PL_FIELD_STRING,
     INFLUX(influx.retention_policy),
     .fallback = "",
     .help = "retention policy for this job's points; empty: the database's default"},
    {.key = "schema",
     .type = PL_FIELD_ENUM,
     INFLUX(influx.schema),
     .fallback = "kapacitor",
     .choices = schema_kinds,
     .help = "how samples become points; kapacitor: measurement = metric name, tags = labels, field value; telegraf1, "
	     "telegraf2: as Telegraf's metric_version 1 and 2"},
    {.key = "measurement",
     .type = PL_FIELD_STRING,
     INFLUX(influx.measurement),
     .fallback = "",
     .help = "the one measurement of schema telegraf2; empty: prometheus"},
    {.key = "nan",
     .type = PL_FIELD_ENUM,
     INFLUX(influx.nan),
     .fallback = "drop",
     .choices = nan_policies,
     .help = "NaN and infinities: drop and count, store zero, or store zero with the tag special=NaN, +Inf or -Inf"},
    {.key = "stale",
     .type = PL_FIELD_ENUM,
     INFLUX(influx.stale),
     .fallback = "none",
     .choices = stale_policies,
     .help = "marker: when a page that works lacks a series that the last one had, a point in pulseline_stale says so"},
    {.key = "align_timestamps",
     .type = PL_FIELD_BOOL,
     INFLUX(influx.align_timestamps),
     .fallback = "false",
     .help = "the time of a scrape's samples becomes the multiple of scrape_interval at or before it"},
    {.key = "timestamp_offset",
     .type = PL_FIELD_DURATION,
     INFLUX(influx.timestamp_offset),
     .max = MAX_OFFSET,
     .fallback = "0s",
     .help = "added to the time of a scrape's samples"},
    {0},
};

static void check_influx(void *object, const struct pl_check *c)
{
	const struct pl_job *job = (const struct pl_job *)(const void *)((const char *)object - offsetof(struct pl_job, influx));
	if (job->influx.measurement[0] != '\0' && job->influx.schema != PL_SCHEMA_TELEGRAF2)
		pl_check_fail(c, "measurement",
			      "is for schema: telegraf2 alone; the other schemas name measurements after metrics");
}

static const struct pl_schema influx_schema = {
    .name = "influx", .size = sizeof(((struct pl_job *)0)->influx), .fields = influx_fields, .check = check_influx};

/* Prometheus 3's keys, all of them (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config). */
static const struct pl_field job_fields[] = {
    {.key = "job_name",
     .type = PL_FIELD_STRING,
     JOB(name),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .fallback = "",
     .help = "becomes the label job"},
    {.key = "scrape_interval",
     .type = PL_FIELD_DURATION,
     JOB(scrape_interval),
     .min = PL_NS_PER_MS,
     .max = MAX_INTERVAL,
     .help = "from one scrape of a target to the next; default: global's"},
    {.key = "scrape_timeout",
     .type = PL_FIELD_DURATION,
     JOB(scrape_timeout),
     .min = PL_NS_PER_MS,
     .max = MAX_INTERVAL,
     .help = "when to give a scrape up; default: global's, but not above scrape_interval"},
    {.key = "metrics_path", .type = PL_FIELD_STRING, JOB(metrics_path), .fallback = "/metrics", .help = "path of the page"},
    {.key = "scheme", .type = PL_FIELD_ENUM, JOB(scheme), .fallback = "http", .choices = schemes, .help = "http or https"},
    {.key = "params", .type = PL_FIELD_PARAMS, JOB(params), .help = "query of the URL: name: [value, ...]"},
    {.key = "honor_labels",
     .type = PL_FIELD_BOOL,
     JOB(honor_labels),
     .fallback = "false",
     .help = "the page's labels win over the target's"},
    {.key = "honor_timestamps",
     .type = PL_FIELD_BOOL,
     JOB(honor_timestamps),
     .fallback = "true",
     .help = "the page's times win over the time of the scrape"},
    PL_CLIENT_FIELDS(struct pl_job),
    {.key = "body_size_limit",
     .type = PL_FIELD_BYTES,
     JOB(body_size_limit),
     .flags = PL_FIELD_UNIT,
     .help = "a larger page fails, counted after decompression; 0: global's"},
    {.key = "sample_limit",
     .type = PL_FIELD_INT,
     JOB(sample_limit),
     .min = 0,
     .max = -1,
     .fallback = "0",
     .help = "a page of more samples fails, counted after metric relabeling; 0: global's"},
    LIMIT(label_limit, "a page fails when a sample has more labels, __name__ and the target's included; 0: global's"),
    LIMIT(label_name_length_limit, "a page fails when a label's name has more bytes; 0: global's"),
    LIMIT(label_value_length_limit, "a page fails when a label's value, or the metric's name, has more bytes; 0: global's"),
    LIMIT(target_limit, "a job with more targets, counted after relabeling, has none of them scraped; 0: global's"),
    LIMIT(series_limit, "new series of a target beyond so many are dropped, those known stay; 0: no bound"),
    {.key = "line_size_limit",
     .type = PL_FIELD_BYTES,
     JOB(max_line),
     .min = 1024,
     .max = 16 * 1024 * 1024,
     .fallback = "1MiB",
     .help = "a page with a longer line fails"},
    {.key = "influx", .type = PL_FIELD_OBJECT, JOB(influx), .schema = &influx_schema, .help = "where the points go, and as what"},
    {.key = "*_sd_configs",
     .type = PL_FIELD_PLUGIN_KEYS,
     JOB(discovery),
     .plugin_kind = PL_CONFIG_KIND_DISCOVERY,
     .help = "static_configs, file_sd_configs and http_sd_configs: what to scrape"},
    {.key = "relabel_configs",
     .type = PL_FIELD_LIST,
     JOB(relabel_configs),
     .schema = &pl_relabel_config_schema,
     .help = "rules for the labels of targets, before they are scraped"},
    {.key = "metric_relabel_configs",
     .type = PL_FIELD_LIST,
     JOB(metric_relabel_configs),
     .schema = &pl_relabel_config_schema,
     .help = "rules for the labels of samples, before they are written"},
    {.key = "live",
     .type = PL_FIELD_STRINGS,
     JOB(live),
     .flags = PL_FIELD_ALL,
     .help = "which samples go live (Redis, /api/v1/live): true, or selectors like {__name__=~\"cpu_.*\",mode=\"idle\"}"},
    {.key = "keep_dropped_targets",
     .type = PL_FIELD_INT,
     JOB(keep_dropped_targets),
     .max = -1,
     .fallback = "0",
     .help = "how many targets that relabeling dropped are remembered to be shown; 0: global's"},
    {.key = "metric_name_validation_scheme",
     .type = PL_FIELD_ENUM,
     JOB(name_validation),
     .fallback = "utf8",
     .choices = pl_name_validations,
     .help = "utf8: relabeling takes and makes any names; legacy: letters, digits and _ alone; default: global's"},
    CLOUD("aws", "AWS"),
    CLOUD("azure", "Azure"),
    CLOUD("consul", "Consul"),
    CLOUD("digitalocean", "DigitalOcean"),
    CLOUD("dns", "DNS"),
    CLOUD("docker", "Docker"),
    CLOUD("dockerswarm", "Docker Swarm"),
    CLOUD("ec2", "EC2"),
    CLOUD("eureka", "Eureka"),
    CLOUD("gce", "GCE"),
    CLOUD("hetzner", "Hetzner"),
    CLOUD("ionos", "IONOS"),
    CLOUD("kubernetes", "Kubernetes"),
    CLOUD("kuma", "Kuma"),
    CLOUD("lightsail", "Lightsail"),
    CLOUD("linode", "Linode"),
    CLOUD("marathon", "Marathon"),
    CLOUD("nerve", "Nerve"),
    CLOUD("nomad", "Nomad"),
    CLOUD("openstack", "OpenStack"),
    CLOUD("ovhcloud", "OVHcloud"),
    CLOUD("puppetdb", "PuppetDB"),
    CLOUD("scaleway", "Scaleway"),
    CLOUD("serverset", "serversets"),
    CLOUD("stackit", "STACKIT"),
    CLOUD("triton", "Triton"),
    CLOUD("uyuni", "Uyuni"),
    CLOUD("vultr", "Vultr"),
    CLOUD("oci", "Oracle Cloud"),
    CLOUD("outscale", "Outscale"),
    PL_FOREIGN_SCRAPE_FIELDS,
    PL_IGNORED_WORD("track_timestamps_staleness", pl_foreign_bools, "false", "has no effect: InfluxDB has no staleness markers"),
    PL_IGNORED_WORD("fallback_scrape_protocol", pl_foreign_protocols, "PrometheusText0.0.4",
		    "has no effect: a page without a known content type is read as text 0.0.4"),
    PL_REFUSED_BUT("native_histogram_bucket_limit", "0", PL_NATIVE_REFUSED),
    PL_REFUSED_BUT("native_histogram_min_bucket_factor", "0", PL_NATIVE_REFUSED),
    {0},
};

static void check_live(const struct pl_job *job, const struct pl_check *c)
{
	for (size_t i = 0; i < job->live.n; i++) {
		struct pl_selector s;
		char reason[256];
		if (pl_selector_parse(&s, c->arena, pl_str_of(job->live.v[i]), reason, sizeof reason) != PL_OK)
			pl_check_fail(c, "live", "selector %zu: %s", i + 1, reason);
		pl_selector_finish(&s);
	}
	if (job->live.n > PL_JOB_MOST_LIVE)
		pl_check_fail(c, "live", "at most %d selectors", PL_JOB_MOST_LIVE);
}

static void check_job(void *object, const struct pl_check *c)
{
	const struct pl_job *job = object;
	pl_client_config_check(&job->client, c);
	check_live(job, c);
	const char *path = job->metrics_path;
	size_t clean = 0;
	while ((unsigned char)path[clean] > ' ' && path[clean] != 0x7F)
		clean++;
	if (path[0] != '/')
		pl_check_fail(c, "metrics_path", "must begin with /");
	else if (strchr(path, '?') != NULL || strchr(path, '#') != NULL)
		pl_check_fail(c, "metrics_path", "must not hold ? or #; a query goes into params");
	else if (path[clean] != '\0')
		pl_check_fail(c, "metrics_path", "must not hold spaces or control characters");
}

const struct pl_schema pl_job_schema = {
    .name = "scrape_config", .size = sizeof(struct pl_job), .fields = job_fields, .check = check_job};

void pl_names_check_escaping(const struct pl_check *c)
{
	const struct pl_node *escaping = pl_node_get(c->node, "metric_name_escaping_scheme");
	if (escaping != NULL && pl_str_is(escaping->text, "allow-utf-8"))
		pl_check_fail(c, "metric_name_escaping_scheme",
			      "allow-utf-8 does not go with metric_name_validation_scheme: legacy");
}

static void complain_timeout(const struct pl_job *job, bool inherited, const struct pl_check *c)
{
	struct pl_buf timeout = {0}, interval = {0};
	pl_duration_print(job->scrape_timeout, &timeout);
	pl_duration_print(job->scrape_interval, &interval);
	pl_check_fail(c, "scrape_timeout", "%s is above scrape_interval, which is %s%s", pl_buf_cstr(&timeout),
		      pl_buf_cstr(&interval), inherited ? " (from global)" : "");
	pl_buf_finish(&timeout);
	pl_buf_finish(&interval);
}

static void settle_names(struct pl_job *job, const struct pl_config *config, const struct pl_check *c)
{
	if (pl_node_get(c->node, "metric_name_validation_scheme") == NULL)
		job->name_validation = config->global.name_validation;
	if (job->name_validation != PL_NAMES_LEGACY)
		return;
	pl_names_check_escaping(c);
	pl_relabel_config_use_legacy_names(job->relabel_configs, "relabel_configs", c);
	pl_relabel_config_use_legacy_names(job->metric_relabel_configs, "metric_relabel_configs", c);
}

/* A URL where an address belongs is a mistake, unless rules may make an address of it, as they do for probers. */
static void check_static_targets(const struct pl_job *job, const struct pl_check *c)
{
	const struct pl_node *groups = pl_node_get(c->node, "static_configs");
	if (job->relabel_configs.n > 0 || groups == NULL || groups->kind != PL_NODE_SEQUENCE)
		return;
	for (size_t i = 0; i < groups->n; i++) {
		const struct pl_node *targets =
		    groups->items[i]->kind == PL_NODE_MAPPING ? pl_node_get(groups->items[i], "targets") : NULL;
		for (size_t k = 0; targets != NULL && targets->kind == PL_NODE_SEQUENCE && k < targets->n; k++) {
			const struct pl_node *t = targets->items[k];
			char path[96];
			if (t->kind != PL_NODE_SCALAR || memchr(t->text.p, '/', t->text.n) == NULL)
				continue;
			snprintf(path, sizeof path, "%s.static_configs[%zu].targets[%zu]", c->path, i, k);
			pl_problems_add(
			    c->problems, t->mark, path,
			    "expected host:port, found a /; the path goes into metrics_path, and scheme: says http or https");
		}
	}
}

void pl_job_settle(struct pl_job *job, const struct pl_config *config, const struct pl_check *c)
{
	bool inherited = pl_node_get(c->node, "scrape_interval") == NULL;
	bool wrong = !inherited && job->scrape_interval == 0; /* already complained about */
	if (job->scrape_interval == 0)
		job->scrape_interval = config->global.scrape_interval;
	if (job->scrape_timeout == 0)
		job->scrape_timeout =
		    config->global.scrape_timeout < job->scrape_interval ? config->global.scrape_timeout : job->scrape_interval;
	else if (job->scrape_timeout > job->scrape_interval && !wrong)
		complain_timeout(job, inherited, c);
	if (job->body_size_limit == 0)
		job->body_size_limit = config->global.body_size_limit;
	if (job->sample_limit == 0)
		job->sample_limit = config->global.sample_limit;
	if (job->keep_dropped_targets == 0)
		job->keep_dropped_targets = config->global.keep_dropped_targets;
	if (job->label_limit == 0)
		job->label_limit = config->global.label_limit;
	if (job->label_name_length_limit == 0)
		job->label_name_length_limit = config->global.label_name_length_limit;
	if (job->label_value_length_limit == 0)
		job->label_value_length_limit = config->global.label_value_length_limit;
	if (job->target_limit == 0)
		job->target_limit = config->global.target_limit;
	job->external_labels = config->global.external_labels;
	settle_names(job, config, c);
	check_static_targets(job, c);
}

void pl_job_number(struct pl_job *job)
{
	job->fingerprint = pl_labels_hash(job->external_labels, pl_schema_fingerprint(&pl_job_schema, job));
}

void pl_job_compile(struct pl_job *job)
{
	job->relabel = pl_relabel_config_compile(job->relabel_configs);
	job->metric_relabel = pl_relabel_config_compile(job->metric_relabel_configs);
}

void pl_job_finish(struct pl_job *job)
{
	pl_relabel_destroy((struct pl_relabel *)job->relabel);
	pl_relabel_destroy((struct pl_relabel *)job->metric_relabel);
}
