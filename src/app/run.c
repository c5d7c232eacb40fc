#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/command.h"
#include "app/daemon.h"
#include "pipeline/registry.h"

static const char default_config[] = "/etc/pulseline/pulseline.yml";

static const char help[] = "usage: pulseline [run] [-c FILE] [-l LEVEL]\n"
			   "\n"
			   "Runs the daemon in the foreground: scrapes the targets that the configuration\n"
			   "finds and writes what they say to its outputs.\n"
			   "\n"
			   "  -c, --config-file FILE  configuration; default /etc/pulseline/pulseline.yml\n"
			   "  -l, --log-level LEVEL   debug, info, warn or error; wins over the configuration\n"
			   "  -v, --version           print the version\n"
			   "  -h, --help              print this\n"
			   "\n"
			   "Signals: HUP reloads the configuration; TERM and INT stop after what is queued\n"
			   "was delivered (at most ten seconds), a second one stops at once.\n"
			   "\n"
			   "Exit status: 0 ok, 1 failed, 2 usage, 3 configuration, 4 listener in use.\n"
			   "\n"
			   "Other commands, each with a --help of its own:\n"
			   "  check config|sd|metrics|lp  is a file right, and if not, where and why\n"
			   "  convert                     a page of metrics as line protocol\n"
			   "  relabel                     what relabeling rules do to label sets\n"
			   "  explain                     one scrape, from the connection to each line\n"
			   "  healthcheck                 is a running daemon ready\n";

struct arguments {
	const char *config_path;
	enum pl_log_level level;
	bool level_given;
	int exit_status; /* -1: go on */
};

static struct arguments parse(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config-file", required_argument, NULL, 'c'},
	    {"log-level", required_argument, NULL, 'l'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	struct arguments a = {.config_path = default_config, .level = PL_LOG_INFO, .exit_status = -1};
	int c;
	while ((c = getopt_long(argc, argv, "c:l:vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a.config_path = optarg;
			break;
		case 'l':
			a.level_given = true;
			if (pl_log_level_parse(pl_str_of(optarg), &a.level) != PL_OK) {
				fprintf(stderr, "pulseline: --log-level \"%s\": expected debug, info, warn or error\n", optarg);
				a.exit_status = PL_EXIT_USAGE;
			}
			break;
		case 'v':
			printf("pulseline " PL_VERSION "\n");
			a.exit_status = PL_EXIT_OK;
			return a;
		case 'h':
			fputs(help, stdout);
			a.exit_status = PL_EXIT_OK;
			return a;
		default:
			fputs("Try 'pulseline --help'.\n", stderr);
			a.exit_status = PL_EXIT_USAGE;
			return a;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "pulseline: unexpected argument \"%s\"; try 'pulseline --help'\n", argv[optind]);
		a.exit_status = PL_EXIT_USAGE;
	}
	return a;
}

/* `warnings` gets what has no effect, in lines. */
static struct pl_config *load(const char *path, struct pl_buf *warnings)
{
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	struct pl_config *config = NULL;
	if (pl_config_load(path, &pl_registry_plugins, &problems, &config) != PL_OK) {
		pl_problems_print(&problems, &text);
		fwrite(text.p, 1, text.n, stderr);
		if (path == default_config)
			fputs("pulseline: name a configuration with -c FILE; 'pulseline --help' tells more\n", stderr);
	} else if (problems.n_warnings > 0) {
		pl_problems_print(&problems, warnings);
	}
	pl_problems_finish(&problems);
	pl_buf_finish(&text);
	return config;
}

/* Batches of some 100 KiB come and go by the dozen each second. By default the C library would map and unmap each of them, which
 * costs more page faults than reading the pages costs time; so freed memory of that size stays with us, up to a bound. */
static void keep_freed_memory(void)
{
	enum { MOST_KEPT = 4 * 1024 * 1024 };
	mallopt(M_MMAP_THRESHOLD, MOST_KEPT);
	mallopt(M_TRIM_THRESHOLD, MOST_KEPT);
}

/* Every target and relay is a file descriptor; many systems give a program 1,024 of them unless it asks for more. */
static void ask_for_descriptors(void)
{
	enum { ENOUGH = 65536 };
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= ENOUGH)
		return;
	files.rlim_cur = files.rlim_max < ENOUGH ? files.rlim_max : ENOUGH;
	setrlimit(RLIMIT_NOFILE, &files);
}

int pl_command_run(int argc, char **argv)
{
	struct arguments a = parse(argc, argv);
	if (a.exit_status >= 0)
		return a.exit_status;
	struct pl_buf warnings = {0};
	struct pl_config *config = load(a.config_path, &warnings);
	if (config == NULL)
		return PL_EXIT_CONFIG;
	keep_freed_memory();
	ask_for_descriptors();
	setenv("UV_THREADPOOL_SIZE", "16",
	       0); /* libuv lets half of them look up names, and a dead name server holds each for seconds */
	struct pl_log *log = pl_log_create(STDERR_FILENO, (enum pl_log_format)config->log.format, a.level);
	int status = pl_daemon_run(&(struct pl_daemon_options){
	    .config_path = a.config_path, .config = config, .log = log, .log_level_fixed = a.level_given, .warnings = &warnings});
	pl_buf_finish(&warnings);
	pl_log_destroy(log);
	return status;
}
