#include "app/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/explain_report.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/relabel_config.h"
#include "pipeline/fetch.h"
#include "pipeline/registry.h"
#include "targets/scrape_url.h"
#include "targets/target_builder.h"

static const char help[] =
    "usage: pulseline explain [-c CONFIG [--job NAME]] [--all | -n N] [--json] URL\n"
    "\n"
    "Scrapes a page once, now, and tells how it went: where the time was spent, what became of each sample on its way to line\n"
    "protocol, why a sample was dropped or the page refused, and what to do about it. Nothing is stored. URL may be short: a\n"
    "host:port gets the job's scheme and metrics_path.\n"
    "\n"
    "    pulseline explain 127.0.0.1:9100\n"
    "    pulseline explain -c /etc/pulseline/pulseline.yml --job node https://web1:9100/metrics\n"
    "    pulseline explain --json --all http://web1:9100/metrics | jq -r '.steps[].points[]'\n"
    "\n"
    "  -c, --config FILE  scrape as a job of this configuration: its credentials, TLS, limits, labels, time-out\n"
    "  -j, --job NAME     which one; needless when there is only one. Without -c: Prometheus' defaults (10 s)\n"
    "  -n, --lines N      show so many samples (10), and as many of those that were dropped\n"
    "  -a, --all          show every sample\n"
    "      --json         one object: url, job, ok, cause, error, advice[], http{status, contentType, bodyBytes, wireBytes,\n"
    "                     compressed, seconds{resolve, connect, tls, wait, transfer, total}}, samples, points, dropped{},\n"
    "                     untold, steps[{line, sample, points[], dropped}] (line and sample null: points of the samples\n"
    "                     before; relabeled: the labels after metric_relabel_configs where they changed them; rule: the\n"
    "                     number of the rule that dropped it, from 0), and where a page cannot be read errorLine, errorColumn, "
    "errorText\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit: 0 when the scrape works (samples may be dropped), 1 when it fails or relabeling drops the target, 2 for a wrong\n"
    "call, 3 when the configuration is wrong.\n";

struct options {
	const char *config, *job, *url;
	uint64_t lines;
	bool json;
};

struct run {
	struct pl_explain explain;
	struct pl_explain_report report;
	struct pl_loop loop;
	struct pl_transfer_pool *pool;
	struct pl_fetch fetch;
	struct pl_target *target; /* for its labels */
	struct pl_buf url;
};

/* ---- the scrape ---- */

static void on_step(void *data, const struct pl_explain_step *step)
{
	struct run *r = data;
	pl_explain_report_step(&r->report, step);
}

static enum pl_err on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct run *r = t->data;
	r->explain.has_head = true;
	pl_buf_add_str(&r->explain.content_type, head->content_type);
	if (head->status != 200)
		return PL_EIO;
	return pl_explain_page_begin(&r->explain.page, head->content_type);
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct run *r = t->data;
	return pl_explain_page_feed(&r->explain.page, p, n);
}

static void on_closed(void *data)
{
	struct run *r = data;
	pl_loop_stop(&r->loop);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct run *r = t->data;
	r->explain.result = *result;
	pl_explain_judge(&r->explain);
	pl_transfer_pool_close(r->pool, on_closed, r);
}

static void begin(void *data)
{
	static const struct pl_transfer_events events = {.on_head = on_head, .on_data = on_data, .on_done = on_done};
	struct run *r = data;
	struct pl_explain *e = &r->explain;
	const struct pl_fetch_options options = {
	    .url = e->url,
	    .client = &e->job->client,
	    .timeout_ns = e->timeout_ns,
	    .max_body_bytes = (uint64_t)e->job->body_size_limit,
	};
	r->fetch.transfer.events = &events;
	r->fetch.transfer.data = r;
	if (pl_fetch_start(&r->fetch, r->pool, &options, e->error, sizeof e->error) == PL_OK)
		return;
	e->cause = PL_EXPLAIN_CREDENTIALS;
	pl_transfer_pool_close(r->pool, on_closed, r);
}

static bool scrape(struct run *r)
{
	if (pl_loop_init(&r->loop, "explain") != PL_OK ||
	    pl_transfer_pool_create(&r->pool, &r->loop, &(struct pl_transfer_pool_options){0}) != PL_OK) {
		fputs("pulseline: explain: cannot start an event loop\n", stderr);
		return false;
	}
	pl_loop_call(&r->loop, begin, r);
	pl_loop_run(&r->loop);
	pl_loop_finish(&r->loop);
	return true;
}

/* ---- what to scrape ---- */

static struct pl_config *load(const struct options *o)
{
	static const struct pl_str defaults = PL_STR("scrape_configs: [{job_name: explain}]\n");
	struct pl_problems problems = {0};
	struct pl_config *config = NULL;
	enum pl_err err = o->config != NULL ? pl_config_load(o->config, &pl_registry_plugins, &problems, &config)
					    : pl_config_parse("", defaults, &pl_registry_plugins, &problems, &config);
	if (err != PL_OK) {
		struct pl_buf out = {0};
		pl_problems_print(&problems, &out);
		fwrite(out.p, 1, out.n, stderr);
		pl_buf_finish(&out);
	}
	pl_problems_finish(&problems);
	return config;
}

static const struct pl_job *job_of(const struct pl_config *config, const struct options *o)
{
	for (size_t i = 0; i < config->jobs.n; i++)
		if (o->job == NULL ? config->jobs.n == 1 : strcmp(pl_config_job(config, i)->name, o->job) == 0)
			return pl_config_job(config, i);
	fprintf(stderr,
		"pulseline: explain: %s; the jobs are:", o->job == NULL ? "which job? --job NAME says it" : "no such job");
	for (size_t i = 0; i < config->jobs.n; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", pl_config_job(config, i)->name);
	fputs("\n", stderr);
	return NULL;
}

static struct pl_labels_builder group_of(bool whole, bool https)
{
	struct pl_labels_builder group = {0};
	if (whole)
		pl_labels_builder_set(&group, PL_STR("__scheme__"), https ? PL_STR("https") : PL_STR("http"));
	return group;
}

static enum pl_err refuse_dropped(const char *url, const struct pl_job *job, int rule)
{
	struct pl_buf text = {0};
	pl_relabel_config_describe((const struct pl_relabel_config *)job->relabel_configs.v + rule, &text);
	fprintf(stderr,
		"pulseline: explain: %s: job %s does not scrape it: rule %d of its relabel_configs (from 0) drops it: %.*s\n",
		url, job->name, rule, (int)text.n, text.p);
	pl_buf_finish(&text);
	return PL_EUNSUPPORTED;
}

/* The target's labels come from its address as discovery would make them; a URL with a path is taken as it is. PL_EUNSUPPORTED:
 * relabeling drops it; PL_EINVAL: no good. Either has been told. */
static enum pl_err aim(struct run *r, struct pl_config *config, const struct pl_job *job, const char *url)
{
	struct pl_str rest = pl_str_of(url);
	bool https = pl_str_starts(rest, PL_STR("https://")), whole = https || pl_str_starts(rest, PL_STR("http://"));
	size_t scheme = !whole ? 0 : https ? strlen("https://") : strlen("http://");
	rest = (struct pl_str){rest.p + scheme, rest.n - scheme};
	size_t n = strcspn(rest.p, "/?#");
	bool with_path = rest.p[n] != '\0';
	if (memchr(rest.p, '@', n) != NULL) {
		fputs("pulseline: explain: user and password do not belong into a URL: give them to a job (basic_auth), then\n"
		      "pulseline explain -c CONFIG --job NAME URL\n",
		      stderr);
		return PL_EINVAL;
	}
	struct pl_target_builder builder = {0};
	struct pl_labels_builder group = group_of(whole, https);
	char reason[PL_REASON_BYTES];
	pl_target_builder_begin(&builder, config, job);
	enum pl_err err =
	    pl_target_build(&builder, (struct pl_str){rest.p, n}, pl_labels_builder_view(&group), &r->target, reason);
	if (err != PL_OK)
		fprintf(stderr, "pulseline: explain: %s: %s\n", url, reason);
	else if (r->target == NULL)
		err = refuse_dropped(url, job, builder.dropped_by);
	else if (!with_path)
		pl_buf_add_cstr(&r->url, r->target->url);
	else
		pl_buf_addf(&r->url, "%s%s", whole ? "" : job->scheme == PL_SCHEME_HTTPS ? "https://" : "http://", url);
	pl_labels_builder_finish(&group);
	pl_target_builder_finish(&builder);
	return err;
}

static bool wants_colours(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

/* As the scraper sets it, of a scrape planned for now. */
static int64_t sample_time(const struct pl_job *job, const struct pl_target *t)
{
	int64_t time = pl_clock_wall_ns();
	if (job->influx.align_timestamps)
		time -= time % t->interval_ns;
	return time + job->influx.timestamp_offset;
}

static int explain(const struct options *o, const struct pl_job *job, struct run *r)
{
	struct pl_explain *e = &r->explain;
	e->job = job;
	e->with_job = o->config != NULL;
	e->url = pl_buf_cstr(&r->url);
	e->timeout_ns = r->target->timeout_ns;
	e->page.told = on_step;
	e->page.data = r;
	e->page.most = o->lines;
	pl_explain_page_init(&e->page, job, r->target->labels, sample_time(job, r->target));
	pl_explain_report_begin(&r->report, o->json, wants_colours());
	int status = PL_EXIT_FAILED;
	if (scrape(r)) {
		pl_explain_report_end(&r->report, e);
		fwrite(r->report.out.p, 1, r->report.out.n, stdout);
		status = e->cause == PL_EXPLAIN_GOOD ? PL_EXIT_OK : PL_EXIT_FAILED;
	}
	if (fflush(stdout) != 0) {
		perror("pulseline: standard output");
		status = PL_EXIT_FAILED;
	}
	pl_explain_report_finish(&r->report);
	pl_explain_page_finish(&e->page);
	pl_buf_finish(&e->content_type);
	pl_fetch_finish(&r->fetch);
	return status;
}

static int run(const struct options *o)
{
	struct pl_config *config = load(o);
	struct run *r;
	int status = PL_EXIT_USAGE;
	if (config == NULL)
		return PL_EXIT_CONFIG;
	const struct pl_job *job = job_of(config, o);
	r = pl_calloc(1, sizeof *r);
	enum pl_err err = job != NULL ? aim(r, config, job, o->url) : PL_EINVAL;
	if (err == PL_OK) {
		status = explain(o, job, r);
		pl_target_release(r->target);
	} else if (err == PL_EUNSUPPORTED) {
		status = PL_EXIT_FAILED;
	}
	pl_buf_finish(&r->url);
	free(r);
	pl_config_release(config);
	return status;
}

/* PL_EXIT_OK: go on. -1: done. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
						     {"job", required_argument, NULL, 'j'},
						     {"lines", required_argument, NULL, 'n'},
						     {"all", no_argument, NULL, 'a'},
						     {"json", no_argument, NULL, 'J'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	int c;
	while ((c = getopt_long(argc, argv, "c:j:n:ah", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'j':
			o->job = optarg;
			break;
		case 'n':
			if (pl_str_u64(pl_str_of(optarg), &o->lines))
				break;
			fprintf(stderr, "pulseline: explain: --lines=%s: a number is wanted\n", optarg);
			return PL_EXIT_USAGE;
		case 'a':
			o->lines = UINT64_MAX;
			break;
		case 'J':
			o->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		default:
			fputs("Try `pulseline explain --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	const char *wrong = argc - optind != 1                    ? "one URL is wanted"
			    : o->job != NULL && o->config == NULL ? "--job needs -c CONFIG"
								  : NULL;
	if (wrong != NULL) {
		fprintf(stderr, "pulseline: explain: %s. Try `pulseline explain --help`.\n", wrong);
		return PL_EXIT_USAGE;
	}
	o->url = argv[optind];
	return PL_EXIT_OK;
}

int pl_command_explain(int argc, char **argv)
{
	struct options o = {.lines = 10};
	int status = parse(argc, argv, &o);
	return status == PL_EXIT_OK ? run(&o) : status < 0 ? PL_EXIT_OK : status;
}
