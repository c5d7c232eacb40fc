#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/inputs.h"
#include "base/buf.h"
#include "format/json_out.h"
#include "format/lineproto.h"

static const char help[] =
    "usage: pulseline check lp [--json] [-q] [FILE...]\n"
    "\n"
    "Says of each line of line protocol whether InfluxDB 1.x would store it. Without a FILE, or with -, reads standard\n"
    "input:\n"
    "\n"
    "    pulseline convert page.txt | pulseline check lp -q\n"
    "    pulseline check lp points.lp\n"
    "\n"
    "  --json       a JSON object for each line: file, line (0: the file cannot be opened), ok, and column and reason of\n"
    "               what is wrong\n"
    "  -q, --quiet  only the bad lines, and no summary when there is none\n"
    "  -h, --help   this text\n"
    "\n"
    "A line's verdict goes to standard output: `line: ok` or `line:column: reason`, behind `FILE:` when files were named.\n"
    "Empty lines and comments are right, but no points. A summary goes to standard error.\n"
    "Exit: 0 when all lines are right, 1 when one is not or a file cannot be read, 2 for a wrong call.\n";

enum { MAX_LINE = 16 << 20 };

struct check {
	struct pl_buf carry; /* a line whose end has not come yet; more of it than MAX_LINE is not kept */
	struct pl_buf text;  /* JSON */
	const char *file;
	size_t line, points, bad;
	bool json, quiet;
};

static void tell_json(struct check *c, size_t column, const char *reason)
{
	pl_buf_clear(&c->text);
	pl_buf_add_char(&c->text, '{');
	if (c->file != NULL) {
		pl_buf_add_cstr(&c->text, "\"file\":");
		pl_json_add_quoted(&c->text, pl_str_of(c->file));
		pl_buf_add_char(&c->text, ',');
	}
	pl_buf_addf(&c->text, "\"line\":%zu,\"ok\":%s", c->line, reason == NULL ? "true" : "false");
	if (reason != NULL) {
		pl_buf_addf(&c->text, ",\"column\":%zu,\"reason\":", column);
		pl_json_add_quoted(&c->text, pl_str_of(reason));
	}
	pl_buf_add_cstr(&c->text, "}\n");
	fwrite(c->text.p, 1, c->text.n, stdout);
}

/* `reason` is NULL for a line that is right. */
static void tell(struct check *c, size_t column, const char *reason)
{
	if (reason == NULL && c->quiet)
		return;
	if (c->json) {
		tell_json(c, column, reason);
		return;
	}
	if (c->file != NULL)
		printf("%s:", c->file);
	if (reason == NULL)
		printf("%zu: ok\n", c->line);
	else
		printf("%zu:%zu: %s\n", c->line, column, reason);
}

static void judge(struct check *c, struct pl_str text)
{
	struct pl_lp_line line;
	size_t column = 0;
	const char *reason = NULL;
	struct pl_str trimmed = pl_str_trim(text);
	c->line++;
	if (text.n > MAX_LINE) {
		column = MAX_LINE + 1;
		reason = "longer than 16 MiB";
	} else if (trimmed.n > 0 && trimmed.p[0] != '#') {
		if (pl_lp_parse(text, &line, &column, &reason) == PL_OK)
			reason = NULL;
	}
	c->bad += reason != NULL;
	c->points += trimmed.n > 0 && trimmed.p[0] != '#' && reason == NULL;
	tell(c, column, reason);
}

static void keep(struct check *c, const char *p, size_t n)
{
	size_t room = (size_t)MAX_LINE + 1 - c->carry.n;
	pl_buf_add(&c->carry, p, n < room ? n : room);
}

static enum pl_err on_bytes(void *data, const char *p, size_t n)
{
	struct check *c = data;
	const char *end = p + n, *newline;
	while ((newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		struct pl_str text = {p, (size_t)(newline - p)};
		if (c->carry.n > 0) {
			keep(c, text.p, text.n);
			text = pl_buf_str(&c->carry);
		}
		judge(c, text);
		pl_buf_clear(&c->carry);
		p = newline + 1;
	}
	keep(c, p, (size_t)(end - p));
	return PL_OK;
}

static bool check_file(void *data, int fd, const char *file)
{
	struct check *c = data;
	c->file = file;
	c->line = c->points = c->bad = 0;
	pl_buf_clear(&c->carry);
	if (pl_inputs_read(fd, file, on_bytes, c) != PL_OK)
		return false;
	if (c->carry.n > 0)
		judge(c, pl_buf_str(&c->carry));
	if (c->bad > 0 || !c->quiet)
		fprintf(stderr, "%s: %zu line%s, %zu point%s, %zu wrong\n", file != NULL ? file : "standard input", c->line,
			c->line == 1 ? "" : "s", c->points, c->points == 1 ? "" : "s", c->bad);
	return c->bad == 0;
}

int pl_command_check_lp(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct check c = {0};
	int option;
	while ((option = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			c.json = true;
			break;
		case 'q':
			c.quiet = true;
			break;
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline check lp --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	bool right = pl_inputs_each(argv + optind, argc - optind, check_file, &c, c.json);
	if (fflush(stdout) != 0 || ferror(stdout))
		right = false;
	pl_buf_finish(&c.carry);
	pl_buf_finish(&c.text);
	return right ? PL_EXIT_OK : PL_EXIT_FAILED;
}
