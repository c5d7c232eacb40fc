/* Output, deliverer, journal and spool together on a real folder: what is written ahead, what a next run finds, lanes, refusals.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/output.h"

/* The server: takes lines, or does not. Guarded by the lock. */
struct server {
	uv_mutex_t lock;
	bool down;
	const char *refuses; /* lines that start so are refused by name */
	bool holds;          /* ... but not for good */
	bool refuses_all;
	struct pl_buf got; /* in order of arrival */
	unsigned asked;
};

struct config {
	struct server *server;
};

static enum pl_err open_instance(const struct pl_output_env *env, const void *config, void **self, char *reason,
				 size_t reason_size)
{
	(void)env;
	(void)reason;
	(void)reason_size;
	*self = ((const struct config *)config)->server;
	return PL_OK;
}

static void deliver(void *self, struct pl_delivery *d)
{
	struct server *s = self;
	static struct pl_refusal refusals[1000]; /* one output at a time */
	struct pl_verdict v = {.kind = PL_VERDICT_DONE, .status = 204, .refusals = refusals};
	uv_mutex_lock(&s->lock);
	s->asked++;
	if (s->down)
		v = (struct pl_verdict){.kind = PL_VERDICT_RETRY, .status = 503, .reason = "busy"};
	if (s->refuses_all)
		v = (struct pl_verdict){
		    .kind = PL_VERDICT_REFUSED, .status = 400, .refused_as = "unparsable", .reason = "all bad"};
	for (uint32_t i = 0; i < d->n && v.kind == PL_VERDICT_DONE; i++) {
		struct pl_str rest = {d->batches[i]->p, d->batches[i]->n - 1};
		while (rest.p != NULL) {
			struct pl_str line = pl_str_cut(&rest, '\n');
			bool bad = s->refuses != NULL && pl_str_starts(line, pl_str_of(s->refuses));
			if (bad)
				refusals[v.n_refusals++] = (struct pl_refusal){.batch = i,
									       .offset = (uint32_t)(line.p - d->batches[i]->p),
									       .n = (uint32_t)line.n,
									       .held = s->holds,
									       .as = "field_type",
									       .reason = "field type conflict"};
			else {
				pl_buf_add(&s->got, line.p, line.n);
				pl_buf_add_char(&s->got, '\n');
			}
		}
	}
	uv_mutex_unlock(&s->lock);
	d->done(d, &v);
}

static void close_instance(void *self, void (*closed)(void *data), void *data)
{
	(void)self;
	closed(data);
}

static const struct pl_output_ops ops = {.open = open_instance, .deliver = deliver, .durable = true, .close = close_instance};
static const struct pl_plugin plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "server", .ops.output = &ops};

struct fixture {
	struct server server;
	struct config config;
	struct pl_section section;
	struct pl_config *snapshot;
	struct pl_quarantine *quarantine;
	char dir[64];
	struct pl_output *output;
	uint64_t lost;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){0};
	uv_mutex_init(&f->server.lock);
	f->config.server = &f->server;
	f->section = (struct pl_section){.kind = "server", .plugin = &plugin, .config = &f->config};
	f->snapshot = pl_calloc(1, sizeof *f->snapshot);
	atomic_init(&f->snapshot->refs, 1000); /* never the last reference: freed below */
	snprintf(f->dir, sizeof f->dir, "/tmp/pulseline-deliverer-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	char reason[128];
	assert_int_equal(
	    pl_quarantine_open(&f->quarantine, &(struct pl_quarantine_options){.max_bytes = 1 << 20}, reason, sizeof reason),
	    PL_OK);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void fixture_finish(struct fixture *f)
{
	pl_quarantine_close(f->quarantine);
	pl_buf_finish(&f->server.got);
	uv_mutex_destroy(&f->server.lock);
	free(f->snapshot);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct pl_output *open_output(struct fixture *f, enum pl_sync sync, struct pl_output *heir_of)
{
	char reason[256] = "";
	struct pl_output *o;
	const struct pl_output_options options = {.name = "server",
						  .section = &f->section,
						  .config = f->snapshot,
						  .memory_bytes = 1 << 20,
						  .queue_dir = f->dir,
						  .disk = {.max_bytes = 16 << 20},
						  .sync = sync,
						  .quarantine = f->quarantine,
						  .heir_of = heir_of};
	if (pl_output_create(&o, &options, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
	return o;
}

static void open_it(struct fixture *f)
{
	f->output = open_output(f, PL_SYNC_INTERVAL, NULL);
}

struct closing {
	struct fixture *f;
	struct pl_loop loop;
};

static void on_closed(void *data, uint64_t lost)
{
	struct closing *c = data;
	c->f->lost += lost;
	pl_loop_stop(&c->loop);
}

static void close_it(struct fixture *f, struct pl_output *o, struct pl_output *heir)
{
	struct closing c = {.f = f};
	assert_int_equal(pl_loop_init(&c.loop, "test"), PL_OK);
	pl_output_close(o, 60000, heir, &c.loop, on_closed, &c);
	pl_loop_run(&c.loop);
	pl_loop_finish(&c.loop);
}

static void put(struct pl_output *o, const char *name, unsigned from, unsigned n)
{
	struct pl_route *r = pl_route_create("db", "");
	for (unsigned i = from; i < from + n; i++) {
		struct pl_buf lines = {0};
		pl_buf_addf(&lines, "%s v=%u\n", name, i);
		struct pl_batch *b = pl_batch_create(r, &lines, 1);
		pl_output_put(o, b);
		pl_batch_release(b);
	}
	pl_route_release(r);
}

static struct pl_queue_account account(const struct pl_output *o)
{
	struct pl_output_status s;
	pl_output_status(o, &s);
	const struct pl_queue_account *a = &s.account;
	uint64_t dropped = 0;
	for (size_t i = 0; i < PL_DROP_COUNT; i++)
		dropped += a->dropped[i];
	assert_int_equal(a->points_in, a->points_out + a->points_queued + a->points_quarantined + dropped);
	return *a;
}

static void server_is(struct fixture *f, bool down)
{
	uv_mutex_lock(&f->server.lock);
	f->server.down = down;
	uv_mutex_unlock(&f->server.lock);
}

/* A new output in the old one's place: it does not wait for the server as the old one did. */
static void replace(struct fixture *f)
{
	struct pl_output *heir = open_output(f, PL_SYNC_INTERVAL, f->output);
	close_it(f, f->output, heir);
	f->output = heir;
}

static bool every_line_came(const struct fixture *f, const char *name, unsigned n)
{
	bool *seen = pl_calloc(n, sizeof *seen);
	struct pl_str rest = pl_buf_str(&f->server.got);
	while (rest.n > 0) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		unsigned i;
		char text[64];
		snprintf(text, sizeof text, "%.*s", (int)line.n, line.p);
		char format[32];
		snprintf(format, sizeof format, "%s v=%%u", name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (sscanf(text, format, &i) == 1 && i < n)
			seen[i] = true;
#pragma GCC diagnostic pop
	}
	bool all = true;
	for (unsigned i = 0; i < n; i++)
		all = all && seen[i];
	free(seen);
	return all;
}

static void what_is_not_delivered_waits_for_the_next_run(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.server.down = true;
	for (unsigned run = 0; run < 3; run++) {
		open_it(&f);
		assert_int_equal(account(f.output).points_queued, run * 100);
		put(f.output, "m", run * 100, 100);
		while (account(f.output).memory_only_points > 0)
			usleep(1000);
		close_it(&f, f.output, NULL);
	}
	assert_int_equal(f.lost, 0);
	f.server.down = false;
	open_it(&f);
	while (account(f.output).points_queued > 0)
		usleep(1000);
	assert_int_equal(account(f.output).points_in, 300);
	assert_int_equal(account(f.output).points_out, 300);
	assert_true(every_line_came(&f, "m", 300));
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

static void far_more_than_memory_waits_on_disk_in_order(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.server.down = true;
	f.output = open_output(&f, PL_SYNC_NONE, NULL);
	enum { MANY = 30000 }; /* about 6 MiB with what a batch costs; 1 MiB may be in memory */
	for (unsigned i = 0; i < MANY; i += 1000) {
		put(f.output, "m", i, 1000);
		while (account(f.output).memory_only_points > 0)
			usleep(1000);
	}
	struct pl_queue_account a = account(f.output);
	assert_int_equal(a.points_queued, MANY);
	assert_true(a.on_disk_only > 0);
	server_is(&f, false);
	replace(&f);
	while (account(f.output).points_queued > 0)
		usleep(1000);
	assert_int_equal(account(f.output).points_out, MANY);
	assert_true(every_line_came(&f, "m", MANY));
	assert_true(pl_str_starts(pl_buf_str(&f.server.got), PL_STR("m v=0\n")) == false); /* the newest went first */
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

static void an_heir_takes_over_disk_memory_and_account(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.server.down = true;
	open_it(&f);
	for (unsigned i = 0; i < 10; i++) {
		put(f.output, "m", i * 20, 10);
		struct pl_output *heir = open_output(&f, PL_SYNC_INTERVAL, f.output);
		put(heir, "m", i * 20 + 10, 10); /* before it has its heritage */
		if (i == 8)
			server_is(&f, false);
		close_it(&f, f.output, heir);
		f.output = heir;
	}
	while (account(f.output).points_queued > 0)
		usleep(1000);
	assert_int_equal(account(f.output).points_in, 200);
	assert_int_equal(account(f.output).points_out, 200);
	assert_true(every_line_came(&f, "m", 200));
	assert_int_equal(f.lost, 0);
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

static void refused_lines_go_to_the_quarantine(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.server.refuses = "bad";
	open_it(&f);
	put(f.output, "good", 0, 50);
	put(f.output, "bad", 0, 3);
	put(f.output, "good", 50, 50);
	while (account(f.output).points_out < 100)
		usleep(1000);
	struct pl_queue_account a = account(f.output);
	assert_int_equal(a.points_quarantined, 3);
	assert_int_equal(a.points_queued, 0);
	assert_int_equal(pl_quarantine_stats(f.quarantine).lines, 3);
	uv_mutex_lock(&f.server.lock);
	f.server.refuses_all = true;
	uv_mutex_unlock(&f.server.lock);
	put(f.output, "good", 0, 7);
	while (account(f.output).points_quarantined < 10)
		usleep(1000);
	assert_int_equal(pl_quarantine_stats(f.quarantine).lines, 10);
	assert_int_equal(account(f.output).points_out, 100);
	close_it(&f, f.output, NULL);
	open_it(&f);
	assert_int_equal(account(f.output).points_quarantined, 10); /* the account goes on */
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

static void held_lines_wait_on_disk_apart(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.server.refuses = "new";
	f.server.holds = true;
	open_it(&f);
	put(f.output, "old", 0, 20);
	put(f.output, "new", 0, 5);
	while (account(f.output).points_out < 20)
		usleep(1000);
	struct pl_queue_account a = account(f.output);
	assert_int_equal(a.points_queued, 5);
	assert_int_equal(a.points_in, 25);
	assert_int_equal(a.memory_only_points, 0);
	close_it(&f, f.output, NULL);
	assert_int_equal(f.lost, 0);
	open_it(&f);
	a = account(f.output);
	assert_int_equal(a.points_queued, 5);
	assert_int_equal(a.points_in, 25);
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

enum { WRITERS = 4, EACH = 5000 };

struct writer {
	pthread_t thread;
	struct pl_output *output;
	unsigned from;
};

static void *write_many(void *data)
{
	struct writer *w = data;
	put(w->output, "m", w->from, EACH);
	return NULL;
}

/* Threads that put, one that looks, a server that comes and goes: for ThreadSanitizer as well. */
static void accounts_exactly_with_many_writers(void **state)
{
	(void)state;
	struct fixture f;
	struct writer writers[WRITERS];
	fixture_init(&f);
	f.output = open_output(&f, PL_SYNC_INTERVAL, NULL);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.output = f.output, .from = i * EACH};
		pthread_create(&writers[i].thread, NULL, write_many, &writers[i]);
	}
	for (unsigned i = 0; account(f.output).points_in < WRITERS * EACH; i++)
		server_is(&f, i % 2 == 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	server_is(&f, false);
	replace(&f);
	while (account(f.output).points_queued > 0)
		usleep(1000);
	struct pl_queue_account a = account(f.output);
	assert_int_equal(a.points_out + a.dropped[PL_DROP_FULL_OLDEST], WRITERS * EACH);
	assert_true(a.dropped[PL_DROP_FULL_OLDEST] > 0 || every_line_came(&f, "m", WRITERS * EACH));
	close_it(&f, f.output, NULL);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_delivered_waits_for_the_next_run),
	    cmocka_unit_test(far_more_than_memory_waits_on_disk_in_order),
	    cmocka_unit_test(an_heir_takes_over_disk_memory_and_account),
	    cmocka_unit_test(refused_lines_go_to_the_quarantine),
	    cmocka_unit_test(held_lines_wait_on_disk_apart),
	    cmocka_unit_test(accounts_exactly_with_many_writers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
