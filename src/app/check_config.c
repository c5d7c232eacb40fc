#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/check_print.h"
#include "app/command.h"
#include "app/config_source.h"
#include "app/inputs.h"
#include "app/known_metrics.h"
#include "base/buf.h"
#include "config/config.h"

static const char help[] =
    "usage: pulseline check config [--print-config | --json] FILE...\n"
    "\n"
    "Checks configurations as the daemon would read them, without starting anything. - is standard input.\n"
    "\n"
    "  -p, --print-config  print what is in force, every default included, secrets as <secret>\n"
    "      --json          on standard output, an object per line. An error: file, ok (false), line and column (0: not known),\n"
    "                      path, error; the last of more than 100 says in `more` how many were left out. A warning: the same\n"
    "                      with ok (true), and warning in place of error. A file that is right: file, ok (true), jobs, outputs\n"
    "  -h, --help          this text\n"
    "\n"
    "Every error of a file goes to standard error as `file:line:col: path: what is wrong`; a file that is right gets a line on\n"
    "standard output. Keys of Prometheus without effect here, and alerts that cannot work as they are meant, are told as\n"
    "warnings, in the same form: nothing is wrong with the file. Where a daemon answers at server.http.listen, it is asked "
    "whether\n"
    "somebody produces the metrics that alerts watch. Configurations of pulse (.json, .yml, .yaml) are told by\n"
    "their keys and checked too; what they become in ours, `pulseline convert config -c FILE` prints. ${NAME} and\n"
    "${NAME:-default} are taken from the environment of this command.\n"
    "Exit: 0 when all files are right, 2 for a wrong call, 3 when one is not right or cannot be read.\n";

enum { MOST_BYTES = 16 * 1024 * 1024 };

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_good(const char *file, const struct pl_config *config, bool whole, bool first)
{
	struct pl_buf out = {0};
	if (whole) /* the verdict becomes a comment, so that what is printed is a configuration */
		pl_buf_addf(&out, "%s# ", first ? "" : "---\n");
	pl_buf_addf(&out, "%s: ok (%zu job%s, %zu output%s)\n", file, config->jobs.n, plural(config->jobs.n), config->outputs.n,
		    plural(config->outputs.n));
	if (whole)
		pl_config_print(config, &out);
	fwrite(out.p, 1, out.n, stdout);
	pl_buf_finish(&out);
}

static enum pl_err load(const char *file, struct pl_problems *problems, struct pl_config **out)
{
	struct pl_buf text = {0};
	char reason[256];
	if (strcmp(file, "-") != 0)
		return pl_config_source_check(file, NULL, problems, out);
	enum pl_err err = pl_inputs_whole(MOST_BYTES, &text, reason, sizeof reason);
	if (err != PL_OK) {
		pl_problems_add(problems, (struct pl_mark){file, 0, 0}, "", "%s", reason);
	} else {
		const struct pl_str all = pl_buf_str(&text);
		err = pl_config_source_check(file, &all, problems, out);
	}
	pl_buf_finish(&text);
	return err;
}

static bool check_file(const char *file, bool whole, bool json, bool first)
{
	struct pl_problems problems = {0};
	struct pl_config *config;
	bool right = load(file, &problems, &config) == PL_OK;
	if (right)
		pl_known_metrics_check(config, &problems);
	if (!right || problems.n_warnings > 0)
		pl_check_print_problems(&problems, json);
	if (right && json)
		pl_check_print_good(
		    file, (const struct pl_check_count[]){{"jobs", config->jobs.n}, {"outputs", config->outputs.n}, {0}});
	else if (right)
		print_good(file, config, whole, first);
	if (right)
		pl_config_release(config);
	pl_problems_finish(&problems);
	return right;
}

int pl_command_check_config(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"print-config", no_argument, NULL, 'p'}, {"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool whole = false, json = false, right = true;
	int c;
	while ((c = getopt_long(argc, argv, "ph", long_options, NULL)) != -1) {
		switch (c) {
		case 'p':
			whole = true;
			break;
		case 'J':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline check config --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	if (whole && json) {
		fputs("pulseline: check config: --print-config prints YAML: leave it or --json out.\n", stderr);
		return PL_EXIT_USAGE;
	}
	if (optind == argc) {
		fputs("pulseline: check config: which file? Try `pulseline check config --help`.\n", stderr);
		return PL_EXIT_USAGE;
	}
	for (int i = optind; i < argc; i++)
		right = check_file(argv[i], whole, json, i == optind) && right;
	if (fflush(stdout) != 0) {
		perror("pulseline: standard output");
		return PL_EXIT_FAILED;
	}
	return right ? PL_EXIT_OK : PL_EXIT_CONFIG;
}
