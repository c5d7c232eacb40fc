#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/check_print.h"
#include "app/command.h"
#include "app/inputs.h"
#include "format/exposition_check.h"
#include "format/json_out.h"

static const char help[] =
    "usage: pulseline check metrics [--format=prom|openmetrics] [-q | --json] [FILE...]\n"
    "\n"
    "Checks a page of metrics as strictly as its format is written: that every line can be read, and that the lines make\n"
    "sense as families (one HELP and TYPE each and before the samples, no series twice, a family's lines together,\n"
    "buckets rising to +Inf ...). Matters of taste are not judged. Without a FILE, or with -, reads standard input:\n"
    "\n"
    "    curl -s http://127.0.0.1:9100/metrics | pulseline check metrics\n"
    "    pulseline check metrics --format=openmetrics page.txt\n"
    "\n"
    "  --format=prom         the Prometheus text format 0.0.4 (the default)\n"
    "  --format=openmetrics  OpenMetrics 1.0\n"
    "  -q, --quiet           no summary when all is well\n"
    "      --json            an object per page on standard output. One that is wrong: file (\"-\": standard input), ok "
    "(false),\n"
    "                        line, column, error; line 0: it cannot be read. One that is right: file, ok (true), families, "
    "samples\n"
    "  -h, --help            this text\n"
    "\n"
    "The first error of a page goes to standard output as `line:column: reason`, behind `FILE:` when files were named.\n"
    "Exit: 0 when all pages are right, 1 when one is not or cannot be read, 2 for a wrong call.\n";

enum { PIECE_BYTES = 64 << 10 };

struct options {
	enum pl_exposition_format format;
	bool quiet, json;
};

static void print_json_error(const char *file, const struct pl_exposition_error *e)
{
	struct pl_buf out = {0};
	struct pl_json j = {.out = &out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "file");
	pl_json_cstr(&j, file);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, false);
	pl_json_key(&j, "line");
	pl_json_u64(&j, e->line);
	pl_json_key(&j, "column");
	pl_json_u64(&j, e->column);
	pl_json_key(&j, "error");
	pl_json_cstr(&j, e->reason);
	pl_json_object_end(&j);
	printf("%s\n", pl_buf_cstr(&out));
	pl_buf_finish(&out);
}

/* It cannot be opened or read, says `number`. */
static void print_unreadable(const struct options *o, const char *name, const char *what, int number)
{
	struct pl_exposition_error e = {0};
	if (!o->json) {
		fprintf(stderr, "pulseline: %s: %s: %s\n", name, what, strerror(number));
		return;
	}
	snprintf(e.reason, sizeof e.reason, "%s: %s", what, strerror(number));
	print_json_error(name, &e);
}

static enum pl_err feed_all(const struct options *o, struct pl_exposition_check *check, int fd, const char *name)
{
	char piece[PIECE_BYTES];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			print_unreadable(o, name, "cannot read", errno);
			return PL_EIO;
		}
		if (n == 0)
			return pl_exposition_check_end(check);
		enum pl_err err = pl_exposition_check_feed(check, piece, (size_t)n);
		if (err != PL_OK)
			return err;
	}
}

/* Checks one page; `file` is NULL for standard input. */
static bool check_page(const struct options *o, int fd, const char *file)
{
	struct pl_exposition_check *check = pl_exposition_check_create(o->format, (struct pl_exposition_limits){0});
	const char *separator = file != NULL ? ":" : "", *name = file != NULL ? file : o->json ? "-" : "standard input";
	size_t families, samples;
	enum pl_err err = feed_all(o, check, fd, name);
	families = pl_exposition_check_families(check);
	samples = pl_exposition_check_samples(check);
	if (err == PL_OK && o->json) {
		pl_check_print_good(name, (const struct pl_check_count[]){{"families", families}, {"samples", samples}, {0}});
	} else if (err == PL_OK && !o->quiet) {
		fprintf(stderr, "%s: right: %zu famil%s, %zu sample%s\n", name, families, families == 1 ? "y" : "ies", samples,
			samples == 1 ? "" : "s");
	} else if ((err == PL_EPARSE || err == PL_ELIMIT) && o->json) {
		print_json_error(name, pl_exposition_check_error(check));
	} else if (err == PL_EPARSE || err == PL_ELIMIT) {
		const struct pl_exposition_error *e = pl_exposition_check_error(check);
		printf("%s%s%zu:%zu: %s\n", file != NULL ? file : "", separator, e->line, e->column, e->reason);
	}
	pl_exposition_check_destroy(check);
	return err == PL_OK;
}

static bool check_file(const struct options *o, const char *file)
{
	if (strcmp(file, "-") == 0)
		return check_page(o, STDIN_FILENO, NULL);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		print_unreadable(o, file, "cannot open", errno);
		return false;
	}
	bool right = check_page(o, fd, file);
	close(fd);
	return right;
}

static bool parse_format(const char *name, enum pl_exposition_format *out)
{
	*out = strcmp(name, "openmetrics") == 0 ? PL_EXPOSITION_OPENMETRICS : PL_EXPOSITION_TEXT;
	return *out == PL_EXPOSITION_OPENMETRICS || strcmp(name, "prom") == 0;
}

int pl_command_check_metrics(int argc, char **argv)
{
	static const struct option long_options[] = {{"format", required_argument, NULL, 'f'},
						     {"quiet", no_argument, NULL, 'q'},
						     {"json", no_argument, NULL, 'J'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	struct options o = {.format = PL_EXPOSITION_TEXT};
	bool right = true;
	int c;
	while ((c = getopt_long(argc, argv, "qh", long_options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (parse_format(optarg, &o.format))
				break;
			fprintf(stderr, "pulseline: --format=%s: there are prom and openmetrics\n", optarg);
			return PL_EXIT_USAGE;
		case 'q':
			o.quiet = true;
			break;
		case 'J':
			o.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline check metrics --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	if (optind == argc) {
		pl_inputs_hint();
		right = check_page(&o, STDIN_FILENO, NULL);
	}
	for (int i = optind; i < argc; i++)
		right = check_file(&o, argv[i]) && right;
	if (fflush(stdout) != 0)
		right = false;
	return right ? PL_EXIT_OK : PL_EXIT_FAILED;
}
