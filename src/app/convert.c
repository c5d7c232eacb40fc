#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/inputs.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/exposition.h"
#include "format/json_out.h"
#include "format/transcode.h"

static const char help[] =
    "usage: pulseline convert [OPTION]... [FILE...]\n"
    "\n"
    "Writes pages of metrics as the line protocol that the daemon would send to InfluxDB, to standard output. Without a\n"
    "FILE, or with -, reads standard input:\n"
    "\n"
    "    curl -s http://127.0.0.1:9100/metrics | pulseline convert --tag job=node --tag instance=127.0.0.1:9100\n"
    "    pulseline convert --schema=telegraf1 --now=1700000000000000000 page.txt\n"
    "    pulseline convert page.txt | curl --data-binary @- 'http://127.0.0.1:8086/write?db=pulseline'\n"
    "\n"
    "  --schema=kapacitor    measurement = metric name, tags = labels, field `value` (the default)\n"
    "  --schema=telegraf1    measurement = family; fields `counter`, `gauge`, `value`; a histogram or summary is one point\n"
    "                        with `count`, `sum` and a field for each bound, as Telegraf's metric_version = 1\n"
    "  --schema=telegraf2    one measurement, field = metric name, as Telegraf's metric_version = 2\n"
    "  --measurement=NAME    that one measurement; default: prometheus\n"
    "  --format=prom         pages are in the Prometheus text format 0.0.4 (the default)\n"
    "  --format=openmetrics  pages are in OpenMetrics 1.0\n"
    "  --now=NS              time of samples without one of their own, in nanoseconds since 1970; default: now\n"
    "  --tag NAME=VALUE      a label of the target, as `job` and `instance`; may be repeated\n"
    "  --honor-labels        a page's labels win over those of --tag; default: they become exported_NAME\n"
    "  --nan=drop|zero|tag   NaN and infinities, which InfluxDB cannot store: leave them out (the default), write 0, or\n"
    "                        write 0 with the tag special=NaN, +Inf or -Inf\n"
    "  -q, --quiet           no summary on standard error\n"
    "      --json            instead of the summary or error, an object per page on standard error: file, ok, samples,\n"
    "                        points, dropped{}, and of a wrong page line, column, error\n"
    "  -h, --help            this text\n"
    "\n"
    "A page's first error goes to standard error as `line:column: reason`, behind `FILE:` when files were named, and ends\n"
    "that page; the lines before it have been written.\n"
    "Exit: 0 when all pages were converted, 1 when one was wrong or could not be read, 2 for a wrong call.\n";

enum { HOLD_BYTES = 64 << 10, MAX_TAGS = 64 };

struct convert {
	struct pl_transcode transcode;
	struct pl_labels_builder labels;
	struct pl_transcode_target target;
	struct pl_exposition *reader;
	struct pl_buf lines;
	enum pl_exposition_format format;
	int64_t now_ns;
	uint64_t samples;
	bool quiet, json;
};

static enum pl_err write_lines(struct convert *c)
{
	size_t written = c->lines.n > 0 ? fwrite(c->lines.p, 1, c->lines.n, stdout) : 0;
	bool good = written == c->lines.n;
	pl_buf_clear(&c->lines);
	return good ? PL_OK : PL_EIO;
}

static enum pl_err on_sample(void *data, const struct pl_sample *sample)
{
	struct convert *c = data;
	c->samples++;
	pl_transcode_sample(&c->transcode, sample);
	return c->lines.n >= HOLD_BYTES ? write_lines(c) : PL_OK;
}

static enum pl_err on_bytes(void *data, const char *p, size_t n)
{
	struct convert *c = data;
	return pl_exposition_feed(c->reader, p, n);
}

static void summarise(const struct convert *c, const char *name)
{
	const struct pl_transcode *t = &c->transcode;
	fprintf(stderr, "%s: %llu sample%s, %llu point%s", name, (unsigned long long)c->samples, c->samples == 1 ? "" : "s",
		(unsigned long long)t->lines, t->lines == 1 ? "" : "s");
	for (int d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		if (t->dropped[d] > 0)
			fprintf(stderr, "; %llu left out: %s", (unsigned long long)t->dropped[d],
				pl_sample_drop_text((enum pl_sample_drop)d));
	fputc('\n', stderr);
}

/* For scripts: the summary, or the error, as an object on standard error. */
static void tell_json(const struct convert *c, const char *name, const struct pl_exposition_error *e)
{
	const struct pl_transcode *t = &c->transcode;
	struct pl_buf out = {0};
	struct pl_json j = {.out = &out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "file");
	pl_json_cstr(&j, name);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, e == NULL);
	pl_json_key(&j, "samples");
	pl_json_u64(&j, c->samples);
	pl_json_key(&j, "points");
	pl_json_u64(&j, t->lines);
	pl_json_key(&j, "dropped");
	pl_json_object_begin(&j);
	for (unsigned d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		if (t->dropped[d] > 0) {
			pl_json_key(&j, pl_sample_drop_label((enum pl_sample_drop)d));
			pl_json_u64(&j, t->dropped[d]);
		}
	pl_json_object_end(&j);
	if (e != NULL) {
		pl_json_key(&j, "line");
		pl_json_u64(&j, e->line);
		pl_json_key(&j, "column");
		pl_json_u64(&j, e->column);
		pl_json_key(&j, "error");
		pl_json_cstr(&j, e->reason);
	}
	pl_json_object_end(&j);
	pl_buf_add_char(&out, '\n');
	fwrite(out.p, 1, out.n, stderr);
	pl_buf_finish(&out);
}

static bool convert_page(void *data, int fd, const char *file)
{
	struct convert *c = data;
	c->samples = 0;
	pl_exposition_reset(c->reader, c->format, on_sample, c);
	pl_transcode_begin(&c->transcode, &c->target, &c->lines, c->now_ns);
	enum pl_err err = pl_inputs_read(fd, file, on_bytes, c);
	if (err == PL_OK)
		err = pl_exposition_end(c->reader);
	pl_transcode_end(&c->transcode);
	enum pl_err write_err = write_lines(c);
	if (c->json && err != PL_EIO) {
		tell_json(c, file != NULL ? file : "-", err != PL_OK ? pl_exposition_error(c->reader) : NULL);
	} else if (err == PL_EPARSE || err == PL_ELIMIT) {
		const struct pl_exposition_error *e = pl_exposition_error(c->reader);
		fprintf(stderr, "%s%s%zu:%zu: %s\n", file != NULL ? file : "", file != NULL ? ":" : "", e->line, e->column,
			e->reason);
	}
	if (err == PL_OK && write_err == PL_OK && !c->quiet && !c->json)
		summarise(c, file != NULL ? file : "standard input");
	return err == PL_OK && write_err == PL_OK;
}

static bool choose(const char *const *names, const char *name, int *out)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool add_tag(struct convert *c, const char *text)
{
	struct pl_str rest = pl_str_of(text), name = pl_str_cut(&rest, '=');
	if (rest.p == NULL || !pl_label_name_valid(name) || c->labels.n == MAX_TAGS)
		return false;
	pl_labels_builder_set(&c->labels, name, rest);
	return true;
}

static int refuse(const char *option, const char *value, const char *what)
{
	fprintf(stderr, "pulseline: --%s=%s: %s\n", option, value, what);
	return PL_EXIT_USAGE;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(struct convert *c, int argc, char **argv)
{
	static const char *const schemas[] = {"kapacitor", "telegraf1", "telegraf2", NULL};
	static const char *const formats[] = {"prom", "openmetrics", NULL};
	static const char *const policies[] = {"drop", "zero", "tag", NULL};
	static const struct option options[] = {{"schema", required_argument, NULL, 's'},
						{"measurement", required_argument, NULL, 'm'},
						{"format", required_argument, NULL, 'f'},
						{"now", required_argument, NULL, 'n'},
						{"tag", required_argument, NULL, 't'},
						{"honor-labels", no_argument, NULL, 'l'},
						{"nan", required_argument, NULL, 'a'},
						{"quiet", no_argument, NULL, 'q'},
						{"json", no_argument, NULL, 'J'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int option, choice;
	while ((option = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
		switch (option) {
		case 's':
			if (!choose(schemas, optarg, &choice))
				return refuse("schema", optarg, "there are kapacitor, telegraf1 and telegraf2");
			c->transcode.schema = (enum pl_schema_kind)choice;
			break;
		case 'm':
			c->transcode.measurement = pl_str_of(optarg);
			break;
		case 'f':
			if (!choose(formats, optarg, &choice))
				return refuse("format", optarg, "there are prom and openmetrics");
			c->format = (enum pl_exposition_format)choice;
			break;
		case 'n':
			if (!pl_str_i64(pl_str_of(optarg), &c->now_ns) || c->now_ns == INT64_MAX || c->now_ns <= INT64_MIN + 1)
				return refuse("now", optarg, "nanoseconds since 1970 are wanted, as 1700000000000000000");
			break;
		case 't':
			if (!add_tag(c, optarg))
				return refuse("tag", optarg, "NAME=VALUE is wanted, NAME a label's name, 64 at most");
			break;
		case 'l':
			c->transcode.honor_labels = true;
			break;
		case 'a':
			if (!choose(policies, optarg, &choice))
				return refuse("nan", optarg, "there are drop, zero and tag");
			c->transcode.nan_policy = (enum pl_nan_policy)choice;
			break;
		case 'q':
			c->quiet = true;
			break;
		case 'J':
			c->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline convert --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	if (c->transcode.measurement.n > 0 && c->transcode.schema != PL_SCHEMA_TELEGRAF2)
		return refuse("measurement", c->transcode.measurement.p, "is for --schema=telegraf2 alone");
	return -1;
}

int pl_command_convert(int argc, char **argv)
{
	struct convert c = {.now_ns = pl_clock_wall_ns(), .transcode = {.honor_timestamps = true}};
	int status = parse_options(&c, argc, argv);
	if (status < 0) {
		c.reader = pl_exposition_create(c.format, (struct pl_exposition_limits){0}, on_sample, &c);
		pl_transcode_target_init(&c.target, pl_labels_builder_view(&c.labels));
		bool good = pl_inputs_each(argv + optind, argc - optind, convert_page, &c, false);
		if (fflush(stdout) != 0 || ferror(stdout)) {
			fputs("pulseline: cannot write to standard output\n", stderr);
			good = false;
		}
		status = good ? PL_EXIT_OK : PL_EXIT_FAILED;
		pl_transcode_target_finish(&c.target);
		pl_exposition_destroy(c.reader);
	}
	pl_transcode_finish(&c.transcode);
	pl_labels_builder_finish(&c.labels);
	pl_buf_finish(&c.lines);
	return status;
}
