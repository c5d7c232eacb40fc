#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/ask.h"
#include "app/command.h"
#include "base/clock.h"

static const char help[] = "usage: pulseline healthcheck [URL]\n"
			   "\n"
			   "Asks a running daemon whether it is ready; exit 0 when it is, 1 when not (and says why).\n"
			   "URL defaults to http://127.0.0.1:8080/-/ready\n";

enum { LONGEST_ANSWER = 64 * 1024 };

int pl_command_healthcheck(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct pl_transfer_request request = {.url = "http://127.0.0.1:8080/-/ready", .timeout_ns = 5 * PL_NS_PER_S};
	struct pl_transfer_result result;
	struct pl_buf answer = {0};
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs(help, c == 'h' ? stdout : stderr);
		return c == 'h' ? PL_EXIT_OK : PL_EXIT_USAGE;
	}
	if (argc - optind > 1) {
		fputs(help, stderr);
		return PL_EXIT_USAGE;
	}
	if (optind < argc)
		request.url = argv[optind];
	request.max_body_bytes = LONGEST_ANSWER;
	bool answered = pl_ask(&request, &answer, &result) == PL_OK;
	if (!answered)
		fprintf(stderr, "pulseline: %s: %s\n", request.url, result.reason);
	else if (result.status != 200)
		fprintf(stderr, "pulseline: not ready: %s\n", pl_buf_cstr(&answer));
	pl_buf_finish(&answer);
	return answered && result.status == 200 ? PL_EXIT_OK : PL_EXIT_FAILED;
}
