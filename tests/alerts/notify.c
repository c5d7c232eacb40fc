/* notify PLUGIN CONFIG.yml NOTICE.json [ATTEMPTS]: sends a notice through a notifier plugin as the daemon does, and prints the
 * verdict of each attempt, until it is not RETRY or there were ATTEMPTS of them (1): "SENT", "RETRY SECONDS REASON", "REFUSED
 * REASON". Exit 0, or 3 with the problems of the configuration. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/plugin.h"
#include "pipeline/registry.h"

struct sender {
	struct pl_loop loop;
	struct pl_notice_delivery delivery;
	struct pl_notice_verdict verdict;
	bool done, closed;
};

static void on_done(struct pl_notice_delivery *d, const struct pl_notice_verdict *v)
{
	struct sender *s = pl_container_of(d, struct sender, delivery);
	if (s->done)
		abort();
	s->verdict = *v;
	s->done = true;
	uv_stop(&s->loop.uv);
}

static void on_closed(void *data)
{
	struct sender *s = data;
	s->closed = true;
	uv_stop(&s->loop.uv);
}

static void read_file(const char *name, struct pl_buf *out)
{
	FILE *f = fopen(name, "rb");
	if (f == NULL) {
		perror(name);
		exit(2);
	}
	for (size_t n; (n = fread(pl_buf_reserve(out, 65536), 1, 65536, f)) > 0;)
		out->n += n;
	fclose(f);
}

static struct pl_str text_of(const cJSON *object, const char *key)
{
	return pl_str_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key)));
}

static int64_t number_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

static struct pl_notice_event event_of(const cJSON *o, struct pl_arena *arena)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(o, "tags"), *tag,
		    *post = cJSON_GetObjectItemCaseSensitive(o, "post");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(o, "value");
	struct pl_label *labels = pl_arena_alloc(arena, ((size_t)cJSON_GetArraySize(tags) + 1) * sizeof *labels);
	size_t n = 0;
	cJSON_ArrayForEach(tag, tags)
	{
		labels[n++] = (struct pl_label){pl_str_of(tag->string), pl_str_of(tag->valuestring)};
	}
	char *body = cJSON_PrintUnformatted(post);
	struct pl_notice_event e = {
	    .alert = text_of(o, "alert"),
	    .id = text_of(o, "id"),
	    .message = text_of(o, "message"),
	    .level = text_of(o, "level"),
	    .previous = text_of(o, "previous_level"),
	    .cause = text_of(o, "cause"),
	    .tags = {labels, n},
	    .wall_ns = number_of(o, "time_ns"),
	    .duration_ns = number_of(o, "duration_ns"),
	    .value = cJSON_IsNumber(value) ? value->valuedouble : (double)NAN,
	    .reminder = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "reminder")),
	    .body = body != NULL ? pl_arena_str(arena, pl_str_of(body)) : PL_STR(""),
	};
	free(body);
	return e;
}

static const struct pl_plugin *find(const char *name)
{
	for (size_t i = 0; pl_plugins_built_in[i] != NULL; i++) {
		const struct pl_plugin *p = pl_plugins_built_in[i];
		if (p->kind == PL_PLUGIN_NOTIFIER && strcmp(p->name, name) == 0)
			return p;
	}
	fprintf(stderr, "no notifier %s\n", name);
	exit(2);
}

static void *decode(const struct pl_plugin *plugin, const char *file, struct pl_arena *arena)
{
	struct pl_problems problems = {0};
	struct pl_node *node = NULL;
	struct pl_buf text = {0}, out = {0};
	struct pl_decode_options options = {.arena = arena, .problems = &problems, .base_dir = "."};
	void *config = pl_arena_alloc(arena, plugin->schema->size);
	read_file(file, &text);
	enum pl_err err = pl_node_parse(arena, file, pl_buf_str(&text), (struct pl_node_limits){0}, &problems, &node);
	if (err == PL_OK)
		err = pl_schema_decode(plugin->schema, node, plugin->name, &options, config);
	if (err != PL_OK) {
		pl_problems_print(&problems, &out);
		fputs(pl_buf_cstr(&out), stderr);
		exit(3);
	}
	pl_problems_finish(&problems);
	pl_buf_finish(&text);
	return config;
}

static void send_once(struct sender *s, const struct pl_plugin *plugin, void *self)
{
	static const char *const words[] = {"SENT", "RETRY", "REFUSED"};
	s->done = false;
	plugin->ops.notifier->send(self, &s->delivery);
	while (!s->done)
		uv_run(&s->loop.uv, UV_RUN_DEFAULT);
	printf("%s", words[s->verdict.result]);
	if (s->verdict.result == PL_NOTICE_RETRY)
		printf(" %lld", (long long)(s->verdict.retry_after_ns / PL_NS_PER_S));
	if (s->verdict.result != PL_NOTICE_SENT)
		printf(" %s", s->verdict.reason);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	struct sender s = {0};
	struct pl_arena arena = {0};
	struct pl_buf text = {0};
	const struct pl_plugin *plugin = find(argv[1]);
	void *config = decode(plugin, argv[2], &arena), *self = NULL;
	read_file(argv[3], &text);
	cJSON *json = cJSON_Parse(pl_buf_cstr(&text));
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "events");
	struct pl_notice_event events[100];
	struct pl_notice notice = {.key = text_of(json, "key"), .events = events, .post = text_of(json, "post")};
	for (int i = 0; i < cJSON_GetArraySize(list) && i < 100; i++)
		events[notice.n++] = event_of(cJSON_GetArrayItem(list, i), &arena);
	if (notice.n == 0)
		return 2;
	s.delivery = (struct pl_notice_delivery){.notice = &notice, .done = on_done};
	char reason[256] = "";
	struct pl_log *log = pl_log_create(2, PL_LOG_LOGFMT, PL_LOG_INFO);
	if (pl_loop_init(&s.loop, "notify") != PL_OK)
		return 1;
	const struct pl_notifier_env env = {.loop = &s.loop, .log = log, .name = plugin->name};
	if (plugin->ops.notifier->open(&env, config, &self, reason, sizeof reason) != PL_OK) {
		printf("CANNOT OPEN %s\n", reason);
	} else {
		int attempts = argc > 4 ? atoi(argv[4]) : 1;
		do
			send_once(&s, plugin, self);
		while (s.verdict.result == PL_NOTICE_RETRY && --attempts > 0);
		plugin->ops.notifier->close(self, on_closed, &s);
		while (!s.closed)
			uv_run(&s.loop.uv, UV_RUN_DEFAULT);
	}
	pl_loop_stop(&s.loop);
	pl_loop_run(&s.loop);
	pl_loop_finish(&s.loop);
	pl_log_destroy(log);
	cJSON_Delete(json);
	pl_buf_finish(&text);
	pl_arena_finish(&arena);
	return 0;
}
