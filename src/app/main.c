#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"

struct command {
	const char *name, *sub; /* sub: NULL or the second word */
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", NULL, pl_command_run},
    {"check", "config", pl_command_check_config},
    {"check", "sd", pl_command_check_sd},
    {"check", "metrics", pl_command_check_metrics},
    {"check", "lp", pl_command_check_lp},
    {"convert", "config", pl_command_convert_config},
    {"convert", NULL, pl_command_convert},
    {"relabel", NULL, pl_command_relabel},
    {"explain", NULL, pl_command_explain},
    {"relay", NULL, pl_command_relay},
    {"healthcheck", NULL, pl_command_healthcheck},
};

/* A signal in the first moments must neither kill the daemon nor get lost: it stays pending until the daemon listens. */
static void hold_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of write, not the end */
}

static void release_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
}

static const char check_help[] =
    "usage: pulseline check config|sd|metrics|lp [OPTION]... [FILE...]\n"
    "\n"
    "  check config FILE...     configurations, as the daemon would read them\n"
    "  check sd FILE...         files of targets, for file_sd_configs\n"
    "  check metrics [FILE...]  pages of metrics: Prometheus' text format, or OpenMetrics\n"
    "  check lp [FILE...]       line protocol\n"
    "\n"
    "Each tells more with --help, and speaks JSON with --json. A FILE may be - for standard input.\n";

static int usage(int argc, char **argv)
{
	if (strcmp(argv[1], "check") == 0 && argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		fputs(check_help, stdout);
		return PL_EXIT_OK;
	}
	if (strcmp(argv[1], "check") == 0 && argc < 3)
		fputs("pulseline: check what?", stderr);
	else
		fprintf(stderr, "pulseline: there is no command \"%s%s%s\".", argv[1], argc > 2 ? " " : "",
			argc > 2 ? argv[2] : "");
	fputs(" The commands are:", stderr);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(stderr, "%s %s%s%s", i > 0 ? "," : "", commands[i].name, commands[i].sub != NULL ? " " : "",
			commands[i].sub != NULL ? commands[i].sub : "");
	fputs(". Each tells more with --help.\n", stderr);
	return PL_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	hold_signals();
	if (argc < 2 || argv[1][0] == '-')
		return pl_command_run(argc, argv);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];
		int words = c->sub != NULL ? 2 : 1;
		if (strcmp(argv[1], c->name) != 0 || (c->sub != NULL && (argc < 3 || strcmp(argv[2], c->sub) != 0)))
			continue;
		if (c->run != pl_command_run)
			release_signals();
		return c->run(argc - words, argv + words);
	}
	return usage(argc, argv);
}
