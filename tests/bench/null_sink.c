/* A server that takes whatever is posted and throws it away: what an output costs without its database.
 *   POST anything  204
 *   GET /refuse    from now on 503
 *   GET /take      no more
 *   GET /stats     {"requests":N,"bytes":N,"lines":N}; lines of compressed bodies are not counted, nor what is refused
 *   anything else  200, an empty JSON object (so that CREATE DATABASE succeeds) */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http.h"

struct sink {
	uint64_t requests, bytes, lines;
	bool refusing;
	bool counts; /* the request being read */
};

static struct http_answer on_request(void *data, const struct http_request *r)
{
	static const char taken[] = "HTTP/1.1 204 No Content\r\n\r\n";
	struct sink *sink = data;
	char text[160];

	sink->counts = !r->sends_gzip && !sink->refusing;
	if (strncmp(r->path, "/query", 6) == 0)
		return http_answer_text("200 OK", "application/json", "{\"results\":[{\"statement_id\":0}]}\n");
	if (strcmp(r->path, "/refuse") == 0 || strcmp(r->path, "/take") == 0)
		sink->refusing = r->path[1] == 'r';
	if (strcmp(r->method, "POST") == 0 && sink->refusing)
		return http_answer_text("503 Service Unavailable", "application/json", "{\"error\":\"away\"}\n");
	if (strcmp(r->method, "POST") == 0) {
		sink->requests++;
		return (struct http_answer){.p = taken, .n = sizeof taken - 1};
	}
	snprintf(text, sizeof text, "{\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lines\":%" PRIu64 "}\n", sink->requests,
		 sink->bytes, sink->lines);
	return http_answer_text("200 OK", "application/json", text);
}

static void on_body(void *data, const char *p, size_t n)
{
	struct sink *sink = data;
	uint64_t lines = 0;

	if (sink->refusing)
		return;
	sink->bytes += n;
	for (size_t i = 0; i < n; i++) /* the compiler makes this wide */
		lines += p[i] == '\n';
	if (sink->counts)
		sink->lines += lines;
}

int main(int argc, char **argv)
{
	struct sink sink = {0};

	if (argc != 3 || strcmp(argv[1], "--port") != 0) {
		fputs("usage: null_sink --port PORT\n", stderr);
		return 2;
	}
	return http_serve((unsigned)strtoul(argv[2], NULL, 10), 1,
			  &(struct http_handler){.request = on_request, .body = on_body, .data = &sink});
}
