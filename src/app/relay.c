#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/host_stats.h"
#include "base/clock.h"
#include "base/incident.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/pulseline_relay.h"

static const char help[] =
    "usage: pulseline relay -a HOST:PORT [--id ID] [--tag KEY:VALUE]...\n"
    "       pulseline relay --print\n"
    "\n"
    "Makes this machine a relay of a pulse server, Pulseline's or the original one: it tells the server the names below and\n"
    "answers when asked. It stays connected by itself, over restarts of the server and when its id was taken for a while.\n"
    "\n"
    "  -a, --address HOST:PORT  the server's relay port (server.relay.listen there; by custom 3000)\n"
    "      --id ID              what the server shall call this machine (the host name)\n"
    "      --tag KEY:VALUE      a tag for every value; may be given again. Without a colon it is a plain tag\n"
    "      --token-file FILE    a token that the server wants, on the first line of FILE; not for the original server\n"
    "      --tls                TLS, with the server's certificate verified\n"
    "      --ca FILE            by this authority (PEM) and not the system's\n"
    "      --server-name NAME   for this name and not the HOST of the address\n"
    "      --cert FILE --key FILE  this machine's own certificate (PEM), for a server that wants one\n"
    "      --insecure           take any certificate\n"
    "      --print              print what would be sent, once, and end\n"
    "      --log-format FORMAT  logfmt or json\n"
    "\n"
    "Points: cpu_used, ram_used, swap_used, disk_used (of /): shares from 0 to 1; load_1, load_5, load_15; ram_available_bytes.\n"
    "Sets:   disk: disk_used_PATH (0 to 1) and disk_free_bytes_PATH for each local file system (root is /), disk_read_bytes and\n"
    "        disk_write_bytes per second; net: net_in_bytes_INTERFACE and net_out_bytes_INTERFACE per second.\n"
    "\n"
    "The server decides how often it asks. Rates and cpu_used are those since it asked last. TERM and INT say goodbye and end "
    "it.\n";

enum { MAX_TAGS = 64, TOKEN_BYTES = 4096 };

struct setup {
	struct pl_relay_options relay;
	const char *tags[MAX_TAGS + 1];
	size_t tag_count;
	const char *token_file;
	bool print, json;
	char id[PL_RELAY_MAX_ID + 1], token[TOKEN_BYTES];
};

/* ---- the command line ---- */

enum { TAG = 256, TOKEN_FILE, TLS, CA, CERT, KEY, SERVER_NAME, INSECURE, PRINT, LOG_FORMAT, ID };

static const struct option options[] = {
    {"address", required_argument, NULL, 'a'},
    {"id", required_argument, NULL, ID},
    {"tag", required_argument, NULL, TAG},
    {"token-file", required_argument, NULL, TOKEN_FILE},
    {"tls", no_argument, NULL, TLS},
    {"ca", required_argument, NULL, CA},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"server-name", required_argument, NULL, SERVER_NAME},
    {"insecure", no_argument, NULL, INSECURE},
    {"print", no_argument, NULL, PRINT},
    {"log-format", required_argument, NULL, LOG_FORMAT},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int usage(const char *complaint, const char *what)
{
	if (complaint != NULL)
		fprintf(stderr, "pulseline relay: %s%s\n", complaint, what);
	fputs("pulseline relay --help tells more.\n", stderr);
	return PL_EXIT_USAGE;
}

/* -1: go on. */
static int take(struct setup *s, int c)
{
	switch (c) {
	case 'a':
		s->relay.address = optarg;
		break;
	case ID:
		s->relay.id = optarg;
		break;
	case TAG:
		if (s->tag_count == MAX_TAGS)
			return usage("too many tags: ", optarg);
		s->tags[s->tag_count++] = optarg;
		break;
	case TOKEN_FILE:
		s->token_file = optarg;
		break;
	case TLS:
		s->relay.tls = true;
		break;
	case CA:
		s->relay.ca_file = optarg;
		break;
	case CERT:
		s->relay.cert_file = optarg;
		break;
	case KEY:
		s->relay.key_file = optarg;
		break;
	case SERVER_NAME:
		s->relay.server_name = optarg;
		break;
	case INSECURE:
		s->relay.tls_insecure = true;
		break;
	case PRINT:
		s->print = true;
		break;
	case LOG_FORMAT:
		s->json = strcmp(optarg, "json") == 0;
		if (!s->json && strcmp(optarg, "logfmt") != 0)
			return usage("--log-format is logfmt or json, not ", optarg);
		break;
	case 'h':
		fputs(help, stdout);
		return PL_EXIT_OK;
	default:
		return usage(NULL, NULL);
	}
	return -1;
}

static int read_token(struct setup *s)
{
	FILE *f = fopen(s->token_file, "re");
	char *line = f != NULL ? fgets(s->token, sizeof s->token, f) : NULL;
	if (line == NULL)
		fprintf(stderr, "pulseline relay: cannot read a token from %s: %s\n", s->token_file,
			f == NULL ? strerror(errno) : "it is empty");
	if (f != NULL)
		fclose(f);
	if (line == NULL)
		return PL_EXIT_FAILED;
	line[strcspn(line, "\r\n")] = '\0';
	s->relay.token = line;
	return -1;
}

/* -1: all is there. */
static int read_options(struct setup *s, int argc, char **argv)
{
	int c, status;
	while ((c = getopt_long(argc, argv, "a:h", options, NULL)) != -1)
		if ((status = take(s, c)) >= 0)
			return status;
	if (optind < argc)
		return usage("does not know what to do with ", argv[optind]);
	if (s->print)
		return -1;
	if (s->relay.address == NULL)
		return usage("needs the server's address: -a HOST:PORT", "");
	if (s->relay.id == NULL && gethostname(s->id, sizeof s->id - 1) == 0)
		s->relay.id = s->id;
	return s->token_file != NULL ? read_token(s) : -1;
}

/* ---- running ---- */

struct service {
	struct pl_log *log;
	struct pl_incident away;
	const char *id;
};

static void on_event(enum pl_relay_event event, const char *text, void *data)
{
	struct service *s = data;
	int64_t now_ns = pl_clock_wall_ns();
	struct pl_kv server[] = {PL_KVC("server", text), PL_KVC("id", s->id), {0}};
	struct pl_kv reason[] = {PL_KVC("reason", text), PL_KVC("id", s->id), {0}};
	if (event == PL_RELAY_CONNECTED) {
		if (!pl_incident_end(&s->away, now_ns, s->log, "the relay is connected again", server))
			pl_log_write(s->log, PL_LOG_INFO, "the relay is connected", server);
	} else {
		pl_incident_fail(&s->away, now_ns, s->log, PL_LOG_WARN,
				 event == PL_RELAY_LOST ? "the relay has lost the server; it tries again by itself"
							: "the relay cannot connect; it tries again by itself",
				 reason);
	}
}

static int serve(struct setup *s, struct pl_host_stats *host)
{
	char error[PL_RELAY_MAX_ERROR];
	int signal_number;
	sigset_t ends;
	struct service service = {.log = pl_log_create(STDERR_FILENO, s->json ? PL_LOG_JSON : PL_LOG_LOGFMT, PL_LOG_INFO)};
	service.id = s->relay.id;
	s->relay.on_event = on_event;
	s->relay.data = &service;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	struct pl_relay *relay = pl_relay_open(&s->relay, error, sizeof error);
	bool running = relay != NULL && pl_host_stats_add(host, relay, s->tags, error, sizeof error);
	if (running)
		sigwait(&ends, &signal_number);
	else
		fprintf(stderr, "pulseline relay: %s\n", error);
	pl_relay_close(relay);
	if (running)
		pl_info(service.log, "the relay has left", PL_KVC("id", s->relay.id),
			PL_KVC("signal", signal_number == SIGINT ? "INT" : "TERM"));
	pl_log_destroy(service.log);
	return running ? PL_EXIT_OK : PL_EXIT_FAILED;
}

int pl_command_relay(int argc, char **argv)
{
	struct setup s = {.relay = PL_RELAY_OPTIONS};
	int status = read_options(&s, argc, argv);
	if (status >= 0)
		return status;
	struct pl_host_stats *host = pl_host_stats_create();
	if (s.print)
		pl_host_stats_print(host, stdout);
	status = s.print ? PL_EXIT_OK : serve(&s, host);
	pl_host_stats_destroy(host);
	explicit_bzero(s.token, sizeof s.token);
	return status;
}
