#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "format/exposition_check.h"

static const char help[] =
    "usage: pulseline check metrics [--format=prom|openmetrics] [-q] [FILE...]\n"
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
    "  -h, --help            this text\n"
    "\n"
    "The first error of a page goes to standard output as `line:column: reason`, behind `FILE:` when files were named.\n"
    "Exit: 0 when all pages are right, 1 when one is not or cannot be read, 2 for a wrong call.\n";

enum { PIECE_BYTES = 64 << 10 };

struct options {
	enum pl_exposition_format format;
	bool quiet;
};

static enum pl_err feed_all(struct pl_exposition_check *check, int fd, const char *name)
{
	char piece[PIECE_BYTES];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "pulseline: %s: cannot read: %s\n", name, strerror(errno));
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
	const char *separator = file != NULL ? ":" : "", *name = file != NULL ? file : "standard input";
	enum pl_err err = feed_all(check, fd, name);
	if (err == PL_OK && !o->quiet) {
		size_t families = pl_exposition_check_families(check), samples = pl_exposition_check_samples(check);
		fprintf(stderr, "%s: right: %zu famil%s, %zu sample%s\n", name, families, families == 1 ? "y" : "ies", samples,
			samples == 1 ? "" : "s");
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
		fprintf(stderr, "pulseline: %s: cannot open: %s\n", file, strerror(errno));
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
	static const struct option long_options[] = {
	    {"format", required_argument, NULL, 'f'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
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
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline check metrics --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	if (optind == argc)
		right = check_page(&o, STDIN_FILENO, NULL);
	for (int i = optind; i < argc; i++)
		right = check_file(&o, argv[i]) && right;
	if (fflush(stdout) != 0)
		right = false;
	return right ? PL_EXIT_OK : PL_EXIT_FAILED;
}
