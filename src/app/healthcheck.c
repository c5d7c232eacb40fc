#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/transfer.h"

static const char help[] = "usage: pulseline healthcheck [URL]\n"
			   "\n"
			   "Asks a running daemon whether it is ready; exit 0 when it is, 1 when not (and says why).\n"
			   "URL defaults to http://127.0.0.1:8080/-/ready\n";

enum { LONGEST_ANSWER = 4096 };

struct question {
	struct pl_transfer transfer;
	struct pl_loop loop;
	struct pl_transfer_pool *pool;
	struct pl_transfer_request request;
	char answer[LONGEST_ANSWER];
	size_t n;
	int exit_status;
};

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct question *q = t->data;
	size_t room = sizeof q->answer - 1 - q->n;
	n = n < room ? n : room;
	memcpy(q->answer + q->n, p, n);
	q->n += n;
	return PL_OK;
}

static void on_closed(void *data)
{
	struct question *q = data;
	pl_loop_stop(&q->loop);
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct question *q = t->data;
	if (result->err != PL_OK)
		fprintf(stderr, "pulseline: %s: %s\n", q->request.url, result->reason);
	else if (result->status != 200)
		fprintf(stderr, "pulseline: not ready: %s\n", q->answer);
	q->exit_status = result->err == PL_OK && result->status == 200 ? PL_EXIT_OK : PL_EXIT_FAILED;
	pl_transfer_pool_close(q->pool, on_closed, q);
}

static void ask(void *data)
{
	struct question *q = data;
	pl_transfer_start(q->pool, &q->transfer, &q->request);
}

int pl_command_healthcheck(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};
	struct question q = {.exit_status = PL_EXIT_FAILED};
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs(help, c == 'h' ? stdout : stderr);
		return c == 'h' ? PL_EXIT_OK : PL_EXIT_USAGE;
	}
	if (argc - optind > 1) {
		fputs(help, stderr);
		return PL_EXIT_USAGE;
	}
	q.request.url = optind < argc ? argv[optind] : "http://127.0.0.1:8080/-/ready";
	q.request.timeout_ns = 5 * PL_NS_PER_S;
	q.transfer.events = &events;
	q.transfer.data = &q;
	if (pl_loop_init(&q.loop, "healthcheck") != PL_OK ||
	    pl_transfer_pool_create(&q.pool, &q.loop, &(struct pl_transfer_pool_options){0}) != PL_OK)
		return PL_EXIT_FAILED;
	pl_loop_call(&q.loop, ask, &q);
	pl_loop_run(&q.loop);
	pl_loop_finish(&q.loop);
	return q.exit_status;
}
