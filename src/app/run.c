#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/command.h"
#include "app/config_source.h"
#include "app/daemon.h"

static const char default_config[] = "/etc/pulseline/pulseline.yml";

static const char help[] = "usage: pulseline [run] [-c FILE] [-l LEVEL]\n"
			   "       pulseline -s [FLAGS OF PULSE]\n"
			   "\n"
			   "Runs the daemon in the foreground: scrapes the targets that the configuration\n"
			   "finds and writes what they say to its outputs.\n"
			   "\n"
			   "  -c, --config-file FILE  configuration; default /etc/pulseline/pulseline.yml\n"
			   "  -l, --log-level LEVEL   debug, info, warn or error; wins over the configuration\n"
			   "  -v, --version           print the version\n"
			   "  -h, --help              print this\n"
			   "\n"
			   "In place of a pulse server it takes pulse's flags, and pulse's file behind -c\n"
			   "(.json, .yml or .yaml; its keys are the long names; a flag wins over the file):\n"
			   "\n"
			   "  -s, --server                      be the server (nothing runs without it)\n"
			   "  -S, --server-listen-address ADDR  for relays; default 127.0.0.1:3000\n"
			   "  -H, --http-listen-address ADDR    for the API; default 127.0.0.1:8080\n"
			   "  -i, --influx-address URL          default http://127.0.0.1:8086; may hold\n"
			   "                                    user:password@; the database is `statistics`\n"
			   "  -k, --kapacitor-address URL       default none; may hold user:password@\n"
			   "  -m, --mist-address REDIS-URL      live values, redis://host:port; mist's own\n"
			   "                                    host:port is refused; default none\n"
			   "  -M, --mist-token PASSWORD         of that Redis\n"
			   "  -l, --log-level LEVEL             also TRACE and FATAL; default info\n"
			   "  -C, --cors-allow ORIGIN           default *\n"
			   "  -I, --insecure                    default true; -I=false speaks HTTPS, with a\n"
			   "                                    certificate made at each start, or with\n"
			   "      --cert-file, --key-file FILE  those of your own\n"
			   "  -t, --token TOKEN                 clients send it as X-AUTH-TOKEN; default\n"
			   "                                    `secret`, refused unless -H is loopback\n"
			   "  -p, --poll-interval SECONDS       default 60\n"
			   "  -a, --aggregate-interval MINUTES  default 15\n"
			   "  -b, --beat-interval SECONDS       default 30\n"
			   "  -r, --retention WEEKS             of aggregates; default 1\n"
			   "      --allow-insecure-relays       let -S listen beyond loopback, though any\n"
			   "                                    machine there can then speak for any host\n"
			   "\n"
			   "A bool takes its value with an equals sign only: -I=false. Whose keys stand in FILE\n"
			   "decides whose configuration it is; both in one file are refused. `pulseline convert\n"
			   "config` prints what these flags and such a file are in our own configuration.\n"
			   "\n"
			   "Signals: HUP reloads the configuration; TERM and INT stop after what is queued\n"
			   "was delivered (at most ten seconds), a second one stops at once.\n"
			   "\n"
			   "Exit status: 0 ok, 1 failed, 2 usage, 3 configuration, 4 listener in use.\n"
			   "\n"
			   "Other commands, each with a --help of its own:\n"
			   "  check config|sd|metrics|lp  is a file right, and if not, where and why\n"
			   "  convert                     a page of metrics as line protocol\n"
			   "  convert config              a start as pulse as a configuration of ours\n"
			   "  relabel                     what relabeling rules do to label sets\n"
			   "  explain                     one scrape, from the connection to each line\n"
			   "  healthcheck                 is a running daemon ready\n";

static bool said(const struct pl_pulse_args *args, enum pl_pulse_id id)
{
	bool yes = false;
	return args->values[id] != NULL && pl_pulse_bool(pl_str_of(args->values[id]), &yes) && yes;
}

static struct pl_config_source source_of(const struct pl_pulse_args *args)
{
	const char *file = args->values[PL_PULSE_CONFIG_FILE];
	if (file != NULL && file[0] == '\0')
		file = NULL;
	if (file == NULL && pl_pulse_flags_foreign(args) == NULL)
		file = default_config;
	return (struct pl_config_source){.path = file, .args = args};
}

/* Prints what is wrong, or keeps what is only to be warned of. Returns the program's exit status, or < 0. */
static int load(const struct pl_config_source *source, struct pl_config_loaded *out, struct pl_buf *warnings)
{
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	int status = -1;
	if (pl_config_source_load(source, &problems, out) != PL_OK) {
		status = out->no_server ? PL_EXIT_USAGE : PL_EXIT_CONFIG;
		pl_problems_print(&problems, &text);
		if (text.n > 0)
			fwrite(text.p, 1, text.n, stderr);
		if (out->no_server) {
			fputs(help, stdout);
			fflush(stdout);
			fputs("pulseline: nothing runs as pulse without -s (or `server: true` in its file)\n", stderr);
		}
		if (source->path == default_config)
			fputs("pulseline: name a configuration with -c FILE; 'pulseline --help' tells more\n", stderr);
	} else if (problems.n_warnings > 0) {
		pl_problems_print(&problems, warnings);
	}
	pl_problems_finish(&problems);
	pl_buf_finish(&text);
	return status;
}

static enum pl_err load_again(void *data, struct pl_problems *problems, struct pl_config **out)
{
	const struct pl_config_source *source = data;
	struct pl_config_loaded loaded;
	enum pl_err err = pl_config_source_load(source, problems, &loaded);
	if (loaded.no_server)
		pl_problems_add(problems, (struct pl_mark){source->path, 0, 0}, "server",
				"is false, or not there: nothing would run");
	*out = loaded.config;
	return err;
}

/* With a configuration of ours -l wins over it, and nothing is ignored. False after a complaint. */
static bool goes_with_ours(const struct pl_pulse_args *args, enum pl_log_level *level)
{
	const char *text = args->values[PL_PULSE_LOG_LEVEL];
	if (args->n_words > 0) {
		fprintf(stderr, "pulseline: unexpected argument \"%s\"; try 'pulseline --help'\n", args->first_word);
		return false;
	}
	if (text == NULL || pl_log_level_parse(pl_str_of(text), level) == PL_OK)
		return true;
	fprintf(stderr, "pulseline: --log-level \"%s\": expected debug, info, warn or error\n", text);
	return false;
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

static int run(const struct pl_pulse_args *args)
{
	struct pl_config_source source = source_of(args);
	struct pl_config_loaded loaded;
	struct pl_buf warnings = {0};
	enum pl_log_level level = PL_LOG_INFO;
	if (source.path == default_config && !goes_with_ours(args, &level))
		return PL_EXIT_USAGE;
	int status = load(&source, &loaded, &warnings);
	if (status >= 0)
		return status;
	if (!loaded.as_pulse && !goes_with_ours(args, &level)) {
		pl_config_release(loaded.config);
		pl_buf_finish(&warnings);
		return PL_EXIT_USAGE;
	}
	keep_freed_memory();
	ask_for_descriptors();
	setenv("UV_THREADPOOL_SIZE", "16",
	       0); /* libuv lets half of them look up names, and a dead name server holds each for seconds */
	struct pl_log *log = pl_log_create(STDERR_FILENO, (enum pl_log_format)loaded.config->log.format, level);
	status = pl_daemon_run(&(struct pl_daemon_options){
	    .config_path = source.path != NULL ? source.path : "command line",
	    .config = loaded.config,
	    .load = load_again,
	    .load_data = &source,
	    .log = log,
	    .log_level_fixed = !loaded.as_pulse && args->values[PL_PULSE_LOG_LEVEL] != NULL,
	    .warnings = &warnings,
	});
	pl_buf_finish(&warnings);
	pl_log_destroy(log);
	return status;
}

int pl_command_run(int argc, char **argv)
{
	struct pl_pulse_args args;
	char reason[256];
	if (pl_pulse_flags_parse(argc, argv, &args, reason, sizeof reason) != PL_OK) {
		fprintf(stderr, "pulseline: %s\nTry 'pulseline --help'.\n", reason);
		return PL_EXIT_USAGE;
	}
	if (said(&args, PL_PULSE_HELP)) {
		fputs(help, stdout);
		return PL_EXIT_OK;
	}
	if (said(&args, PL_PULSE_VERSION)) {
		puts("pulseline " PL_VERSION);
		return PL_EXIT_OK;
	}
	return run(&args);
}
