#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "live/hub.h"

static void publish(struct pl_live_hub *h, const char *tag, const char *data)
{
	const struct pl_str tags[] = {pl_str_of(tag)};
	const struct pl_live_value v = {.tags = tags, .n_tags = 1, .data = pl_str_of(data), .wall_ns = 1};
	struct pl_live_tap *tap = pl_live_hub_tap(h);
	tap->publish(tap, &v, 1);
}

struct reader {
	struct pl_live_listener listener;
	atomic_uint wakes;
};

static void on_wake(struct pl_live_listener *l)
{
	struct reader *r = pl_container_of(l, struct reader, listener);
	atomic_fetch_add(&r->wakes, 1);
}

/* ---- one thread ---- */

static void test_nobody_listens(void **state)
{
	(void)state;
	struct pl_live_hub *h = pl_live_hub_create(&(struct pl_live_hub_options){0});
	struct pl_live_tap *tap = pl_live_hub_tap(h);
	assert_false(tap->wanted(tap));
	publish(h, "a", "1");
	assert_int_equal(pl_live_hub_stats(h).published, 0);
	pl_live_hub_destroy(h);
}

static void test_wakes_once(void **state)
{
	(void)state;
	struct pl_live_hub *h = pl_live_hub_create(&(struct pl_live_hub_options){0});
	struct pl_live_feed *f = pl_live_hub_feed(h);
	struct reader r = {.listener.wake = on_wake};
	struct pl_live_message *m[8];
	uint64_t missed = 0;
	f->join(f, &r.listener);
	publish(h, "a", "1");
	publish(h, "a", "2");
	assert_int_equal(r.wakes, 1);
	assert_int_equal(f->read(f, &r.listener, m, 8, &missed), 2);
	assert_true(pl_str_is(m[0]->data, "1") && pl_str_is(m[1]->data, "2"));
	assert_int_equal(m[1]->id, m[0]->id + 1);
	publish(h, "a", "3"); /* no read found nothing so far: there will be another one */
	assert_int_equal(r.wakes, 1);
	pl_live_message_release(m[0]);
	pl_live_message_release(m[1]);
	assert_int_equal(f->read(f, &r.listener, m, 8, &missed), 1);
	pl_live_message_release(m[0]);
	assert_int_equal(f->read(f, &r.listener, m, 8, &missed), 0);
	publish(h, "a", "4");
	assert_int_equal(r.wakes, 2);
	assert_int_equal(missed, 0);
	f->leave(f, &r.listener);
	pl_live_hub_destroy(h);
}

static void test_overwrites_the_oldest(void **state)
{
	static const struct {
		size_t max_values, max_bytes, published, left;
	} rows[] = {{16, 1 << 20, 16, 16}, {16, 1 << 20, 17, 16}, {10, 1 << 20, 40, 16}, {1 << 10, 1, 5, 1}};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		const struct pl_live_hub_options options = {rows[i].max_values, rows[i].max_bytes};
		struct pl_live_hub *h = pl_live_hub_create(&options);
		struct pl_live_feed *f = pl_live_hub_feed(h);
		struct reader r = {.listener.wake = on_wake};
		struct pl_live_message *m[64];
		uint64_t missed = 0;
		char text[24];
		f->join(f, &r.listener);
		for (size_t k = 0; k < rows[i].published; k++) {
			snprintf(text, sizeof text, "%zu", k);
			publish(h, "a", text);
		}
		size_t n = f->read(f, &r.listener, m, 64, &missed);
		assert_int_equal(n, rows[i].left);
		assert_int_equal(missed, rows[i].published - rows[i].left);
		assert_int_equal(pl_live_hub_stats(h).missed, missed);
		for (size_t k = 0; k < n; k++) {
			snprintf(text, sizeof text, "%zu", (size_t)missed + k);
			assert_true(pl_str_is(m[k]->data, text));
			pl_live_message_release(m[k]);
		}
		f->leave(f, &r.listener);
		pl_live_hub_destroy(h);
	}
}

static void test_too_large(void **state)
{
	(void)state;
	struct pl_live_hub *h = pl_live_hub_create(&(struct pl_live_hub_options){0});
	struct pl_live_feed *f = pl_live_hub_feed(h);
	struct reader r = {.listener.wake = on_wake};
	char *large = pl_calloc(1, PL_LIVE_MAX_BYTES + 2);
	memset(large, 'x', PL_LIVE_MAX_BYTES + 1);
	f->join(f, &r.listener);
	publish(h, "a", large);
	assert_int_equal(pl_live_hub_stats(h).too_large, 1);
	assert_int_equal(pl_live_hub_stats(h).published, 0);
	f->leave(f, &r.listener);
	free(large);
	pl_live_hub_destroy(h);
}

/* ---- many threads: each publisher's order is kept, and what is not read is counted ---- */

enum { PUBLISHERS = 4, EACH = 20000, READERS = 2 };

struct crowd {
	struct pl_live_hub *hub;
	atomic_uint running;
};

struct publisher {
	struct crowd *crowd;
	unsigned number;
};

static void *run_publisher(void *data)
{
	const struct publisher *p = data;
	char tag[16], text[16];
	snprintf(tag, sizeof tag, "p%u", p->number);
	for (unsigned i = 1; i <= EACH; i++) {
		snprintf(text, sizeof text, "%u", i);
		publish(p->crowd->hub, tag, text);
	}
	atomic_fetch_sub(&p->crowd->running, 1);
	return NULL;
}

struct crowd_reader {
	struct reader reader;
	struct crowd *crowd;
	uint64_t read, missed, disorder;
};

static void *run_reader(void *data)
{
	struct crowd_reader *r = data;
	struct pl_live_feed *f = pl_live_hub_feed(r->crowd->hub);
	struct pl_live_message *m[32];
	uint64_t last[PUBLISHERS] = {0}, value;
	for (;;) {
		bool over = atomic_load(&r->crowd->running) == 0;
		size_t n = f->read(f, &r->reader.listener, m, 32, &r->missed);
		for (size_t i = 0; i < n; i++) {
			size_t who = (size_t)(m[i]->tags[0].p[1] - '0');
			if (!pl_str_u64(m[i]->data, &value) || value <= last[who])
				r->disorder++;
			last[who] = value;
			pl_live_message_release(m[i]);
		}
		r->read += n;
		if (over && n == 0)
			return NULL;
	}
}

static void test_many_threads(void **state)
{
	(void)state;
	struct crowd crowd = {.hub = pl_live_hub_create(&(struct pl_live_hub_options){.max_values = 256})};
	struct pl_live_feed *f = pl_live_hub_feed(crowd.hub);
	struct publisher publishers[PUBLISHERS];
	struct crowd_reader readers[READERS] = {0};
	pthread_t threads[PUBLISHERS + READERS];
	atomic_init(&crowd.running, PUBLISHERS);
	for (size_t i = 0; i < READERS; i++) {
		readers[i].crowd = &crowd;
		readers[i].reader.listener.wake = on_wake;
		f->join(f, &readers[i].reader.listener);
		pthread_create(&threads[PUBLISHERS + i], NULL, run_reader, &readers[i]);
	}
	for (size_t i = 0; i < PUBLISHERS; i++) {
		publishers[i] = (struct publisher){&crowd, (unsigned)i};
		pthread_create(&threads[i], NULL, run_publisher, &publishers[i]);
	}
	for (size_t i = 0; i < PL_COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(pl_live_hub_stats(crowd.hub).published, PUBLISHERS * EACH);
	for (size_t i = 0; i < READERS; i++) {
		assert_int_equal(readers[i].disorder, 0);
		assert_int_equal(readers[i].read + readers[i].missed, PUBLISHERS * EACH);
		f->leave(f, &readers[i].reader.listener);
	}
	pl_live_hub_destroy(crowd.hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nobody_listens),        cmocka_unit_test(test_wakes_once),
	    cmocka_unit_test(test_overwrites_the_oldest), cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
