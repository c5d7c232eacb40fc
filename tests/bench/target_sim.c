/* Many targets from one process: each port is one, all serve the same few pages that were rendered before, in turn. Some may be
 * black holes, which take the request and never answer. The last port tells what happened:
 *   GET /stats     {"requests":N,"bytes":N}
 *   GET /arrivals  a line per target: when its requests came in, in microseconds of the monotonic clock
 *   GET /reset     forgets all of it */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/http.h"

enum { MAX_PAGES = 16, MAX_ARRIVALS = 256 };

struct page {
	char *answer; /* header and body */
	size_t n;
};

struct target {
	int64_t arrivals_us[MAX_ARRIVALS];
	unsigned n;
	unsigned served; /* which page comes next */
};

struct sim {
	struct page plain[MAX_PAGES], gzip[MAX_PAGES];
	unsigned n_plain, n_gzip;
	unsigned n_targets, n_black_holes;
	struct target *targets;
	uint64_t requests, bytes;
};

static struct page page_load(const char *path, const char *encoding)
{
	struct page page = {0};
	FILE *f = fopen(path, "rb");
	long body = -1;
	char head[256];

	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		body = ftell(f);
	if (body < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	rewind(f);
	int head_n =
	    snprintf(head, sizeof head,
		     "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n%sContent-Length: %ld\r\n\r\n",
		     encoding, body);
	page.n = (size_t)head_n + (size_t)body;
	page.answer = malloc(page.n);
	if (page.answer == NULL)
		abort();
	memcpy(page.answer, head, (size_t)head_n);
	if (fread(page.answer + head_n, 1, (size_t)body, f) != (size_t)body) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(f);
	return page;
}

static struct http_answer tell_arrivals(const struct sim *sim)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	for (unsigned i = 0; i < sim->n_targets; i++) {
		const struct target *t = &sim->targets[i];
		for (unsigned k = t->n > MAX_ARRIVALS ? t->n - MAX_ARRIVALS : 0; k < t->n; k++)
			fprintf(f, "%" PRId64 " ", t->arrivals_us[k % MAX_ARRIVALS]);
		fputc('\n', f);
	}
	fclose(f);
	struct http_answer answer = http_answer_text("200 OK", "text/plain", text);
	free(text);
	return answer;
}

static struct http_answer control(struct sim *sim, const char *path)
{
	char text[128];
	if (strcmp(path, "/arrivals") == 0)
		return tell_arrivals(sim);
	if (strcmp(path, "/reset") == 0) {
		sim->requests = sim->bytes = 0;
		for (unsigned i = 0; i < sim->n_targets; i++)
			sim->targets[i].n = 0;
	}
	snprintf(text, sizeof text, "{\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", sim->requests, sim->bytes);
	return http_answer_text("200 OK", "application/json", text);
}

static struct http_answer on_request(void *data, const struct http_request *r)
{
	struct sim *sim = data;
	struct timespec now;

	if (r->port == sim->n_targets)
		return control(sim, r->path);
	struct target *t = &sim->targets[r->port];
	clock_gettime(CLOCK_MONOTONIC, &now);
	t->arrivals_us[t->n++ % MAX_ARRIVALS] = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	if (r->port >= sim->n_targets - sim->n_black_holes)
		return (struct http_answer){0};
	bool gzip = r->accepts_gzip && sim->n_gzip > 0;
	const struct page *page = gzip ? &sim->gzip[t->served++ % sim->n_gzip] : &sim->plain[t->served++ % sim->n_plain];
	sim->requests++;
	sim->bytes += page->n;
	return (struct http_answer){.p = page->answer, .n = page->n};
}

static void usage(void)
{
	fputs("usage: target_sim --port FIRST --targets N [--black-holes N] --page FILE... [--gzip FILE.gz...]\n"
	      "Target i listens on 127.0.0.1, port FIRST + i; what happened is told on port FIRST + N.\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'}, {"targets", 1, NULL, 't'}, {"black-holes", 1, NULL, 'b'},
						{"page", 1, NULL, 'f'}, {"gzip", 1, NULL, 'z'},    {NULL, 0, NULL, 0}};
	struct sim sim = {.n_targets = 1};
	unsigned port = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			port = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 't')
			sim.n_targets = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'b')
			sim.n_black_holes = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'f' && sim.n_plain < MAX_PAGES)
			sim.plain[sim.n_plain++] = page_load(optarg, "");
		else if (o == 'z' && sim.n_gzip < MAX_PAGES)
			sim.gzip[sim.n_gzip++] = page_load(optarg, "Content-Encoding: gzip\r\n");
		else
			usage();
	}
	if (port == 0 || sim.n_targets == 0 || sim.n_plain == 0 || sim.n_black_holes > sim.n_targets || optind != argc)
		usage();
	sim.targets = calloc(sim.n_targets, sizeof *sim.targets);
	if (sim.targets == NULL)
		abort();
	return http_serve(port, sim.n_targets + 1, &(struct http_handler){.request = on_request, .data = &sim});
}
