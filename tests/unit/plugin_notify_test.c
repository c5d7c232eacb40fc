/* The notifiers on a loop: what is under way when they are closed is given back first, and an instance serves one notice after
 * the other. What they say to real receivers is tried in the integration tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net_script_server.h"
#include "pipeline/plugin.h"

extern const struct pl_plugin pl_plugin_notify_webhook, pl_plugin_notify_mail, pl_plugin_notify_slack, pl_plugin_notify_script;

struct harness {
	struct pl_loop loop;
	const struct pl_plugin *plugin;
	struct pl_arena arena;
	struct pl_log *log;
	void *self;
	struct pl_notice_delivery delivery;
	struct pl_notice_verdict verdict;
	unsigned done;
	bool closed;
};

static const struct pl_notice_event event = {
    .alert = {"a", 1}, .id = {"i", 1}, .message = {"m", 1}, .level = {"CRITICAL", 8}, .value = 1, .body = {"{}", 2}};
static const struct pl_notice notice = {.key = {"k", 1}, .events = &event, .n = 1};

static void on_done(struct pl_notice_delivery *d, const struct pl_notice_verdict *v)
{
	struct harness *h = pl_container_of(d, struct harness, delivery);
	assert_false(h->closed);
	h->verdict = *v;
	h->done++;
	uv_stop(&h->loop.uv);
}

static void on_closed(void *data)
{
	struct harness *h = data;
	h->closed = true;
	uv_stop(&h->loop.uv);
}

static void begin(struct harness *h, const struct pl_plugin *plugin, const char *yaml)
{
	struct pl_problems problems = {0};
	struct pl_node *node = NULL;
	char reason[256];
	*h = (struct harness){.plugin = plugin, .delivery = {.notice = &notice, .done = on_done}};
	assert_int_equal(pl_loop_init(&h->loop, "test"), PL_OK);
	h->log = pl_log_create(2, PL_LOG_LOGFMT, PL_LOG_ERROR);
	const struct pl_decode_options options = {.arena = &h->arena, .problems = &problems, .base_dir = "."};
	void *config = pl_arena_alloc(&h->arena, plugin->schema->size);
	assert_int_equal(pl_node_parse(&h->arena, "test.yml", pl_str_of(yaml), (struct pl_node_limits){0}, &problems, &node),
			 PL_OK);
	assert_int_equal(pl_schema_decode(plugin->schema, node, "notifiers[0]", &options, config), PL_OK);
	assert_string_equal(((const struct pl_notifier_config *)config)->name, "");
	const struct pl_notifier_env env = {.loop = &h->loop, .log = h->log, .name = plugin->name};
	assert_int_equal(plugin->ops.notifier->open(&env, config, &h->self, reason, sizeof reason), PL_OK);
	pl_problems_finish(&problems);
}

static void end(struct harness *h)
{
	h->plugin->ops.notifier->close(h->self, on_closed, h);
	while (!h->closed)
		uv_run(&h->loop.uv, UV_RUN_DEFAULT);
	pl_loop_stop(&h->loop);
	pl_loop_run(&h->loop);
	pl_loop_finish(&h->loop);
	pl_log_destroy(h->log);
	pl_arena_finish(&h->arena);
}

static void deliver(struct harness *h)
{
	unsigned before = h->done;
	h->plugin->ops.notifier->send(h->self, &h->delivery);
	while (h->done == before)
		uv_run(&h->loop.uv, UV_RUN_DEFAULT);
}

/* Says nothing, and takes note that somebody came. */
static void hole(struct script_connection *c)
{
	char byte;
	*(atomic_bool *)c->server->data = true;
	while (recv(c->fd, &byte, 1, 0) > 0)
		continue;
}

/* The receiver's port stands between `before` and `behind`. */
static void close_with(const struct pl_plugin *plugin, const char *before, const char *behind, atomic_bool *there, unsigned port)
{
	struct harness h;
	char yaml[400];
	for (int wait = 0; wait < 2; wait++) { /* at once, and when the receiver has been reached */
		*there = false;
		snprintf(yaml, sizeof yaml, "%s:%u%s", before, port, behind);
		begin(&h, plugin, yaml);
		h.plugin->ops.notifier->send(h.self, &h.delivery);
		while (wait == 1 && !*there)
			uv_run(&h.loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(h.done, 0);
		end(&h);
		assert_int_equal(h.done, 1);
		assert_int_equal(h.verdict.result, PL_NOTICE_RETRY);
		assert_string_not_equal(h.verdict.reason, "");
		begin(&h, plugin, yaml); /* with nothing under way */
		end(&h);
		assert_int_equal(h.done, 0);
	}
}

static void closing_gives_back(void **state)
{
	(void)state;
	struct script_server server;
	atomic_bool there = false;
	script_start(&server, hole, &there);
	close_with(&pl_plugin_notify_webhook, "url: http://127.0.0.1", "/\n", &there, server.port);
	close_with(&pl_plugin_notify_slack, "url: http://127.0.0.1", "/a/b\n", &there, server.port);
	close_with(&pl_plugin_notify_mail, "{from: a@b, to: [c@d], resend: {api_key: k, url: 'http://127.0.0.1", "/'}}", &there,
		   server.port);
	close_with(&pl_plugin_notify_mail, "{from: a@b, to: [c@d], smtp: {url: 'smtp://127.0.0.1", "'}}", &there, server.port);
	close_with(&pl_plugin_notify_mail, "{from: a@b, to: [c@d], smtp: {url: 'smtps://127.0.0.1", "'}}", &there, server.port);
	script_stop(&server);
}

static void closing_ends_a_script(void **state)
{
	(void)state;
	struct harness h;
	begin(&h, &pl_plugin_notify_script, "command: [/bin/sleep, '1000']");
	h.plugin->ops.notifier->send(h.self, &h.delivery);
	end(&h);
	assert_int_equal(h.done, 1);
	assert_int_equal(h.verdict.result, PL_NOTICE_RETRY);
	assert_string_equal(h.verdict.reason, "cancelled");
}

static void one_after_the_other(void **state)
{
	(void)state;
	struct harness h;
	begin(&h, &pl_plugin_notify_script, "command: [/bin/true]");
	for (int i = 0; i < 3; i++) {
		deliver(&h);
		assert_int_equal(h.verdict.result, PL_NOTICE_SENT);
		assert_string_equal(h.verdict.reason, "");
	}
	end(&h);
	begin(&h, &pl_plugin_notify_mail, "{from: a@b, to: [c@d], smtp: {url: 'smtp://127.0.0.1:1'}}");
	for (int i = 0; i < 3; i++) {
		deliver(&h);
		assert_int_equal(h.verdict.result, PL_NOTICE_RETRY);
	}
	end(&h);
	begin(&h, &pl_plugin_notify_webhook, "url: http://127.0.0.1:1/");
	for (int i = 0; i < 3; i++) {
		deliver(&h);
		assert_int_equal(h.verdict.result, PL_NOTICE_RETRY);
	}
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(closing_gives_back),
	    cmocka_unit_test(closing_ends_a_script),
	    cmocka_unit_test(one_after_the_other),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
