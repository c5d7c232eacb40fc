#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/queue.h"

enum { ONE_LINE = 8, COST = ONE_LINE + PL_BATCH_OVERHEAD };

/* A batch of `points` lines "m v=1NN\n", 8 bytes each. */
static struct pl_batch *make(struct pl_route *route, uint32_t points, unsigned mark)
{
	struct pl_buf lines = {0};
	for (uint32_t i = 0; i < points; i++)
		pl_buf_addf(&lines, "m v=1%02u\n", mark % 100);
	return pl_batch_create(route, &lines, points);
}

static void put(struct pl_queue *q, struct pl_route *route, uint32_t points, unsigned mark)
{
	struct pl_batch *b = make(route, points, mark);
	pl_queue_put(q, b);
	pl_batch_release(b);
}

static unsigned mark_of(const struct pl_batch *b)
{
	return (unsigned)((b->p[5] - '0') * 10 + (b->p[6] - '0'));
}

static void assert_identity(const struct pl_queue *q)
{
	struct pl_queue_account a = pl_queue_account(q);
	uint64_t dropped = 0;
	for (size_t i = 0; i < PL_DROP_COUNT; i++)
		dropped += a.dropped[i];
	assert_int_equal(a.points_in, a.points_out + a.points_queued + a.points_quarantined + dropped);
}

/* The lent ones are gone, `refused` points of the first dropped. */
static void settle(struct pl_queue *q, const struct pl_lane_item *lent, size_t n, uint32_t refused, enum pl_drop why)
{
	struct pl_spool_outcome outcomes[64] = {{0}};
	for (size_t i = 0; i < n; i++)
		outcomes[i].out = lent[i].batch->points;
	if (n > 0) {
		outcomes[0].out -= refused;
		outcomes[0].dropped[why] = refused;
	}
	pl_queue_settle(q, PL_LANE_LIVE, n, outcomes, NULL, NULL);
}

static void lends_the_oldest_of_one_route(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *a = pl_route_create("a", ""), *same = pl_route_create("a", ""), *b = pl_route_create("b", "");
	struct pl_lane_item lent[8];
	put(q, a, 2, 1);
	put(q, same, 3, 2);
	put(q, b, 1, 3);
	put(q, a, 1, 4);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 2);
	assert_int_equal(mark_of(lent[0].batch), 1);
	assert_int_equal(mark_of(lent[1].batch), 2);
	assert_int_equal(pl_queue_account(q).points_queued, 7);
	settle(q, lent, 2, 1, PL_DROP_FIELD_TYPE);
	assert_int_equal(pl_queue_account(q).points_out, 4);
	assert_int_equal(pl_queue_account(q).dropped[PL_DROP_FIELD_TYPE], 1);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1, lent, 8), 1);
	assert_int_equal(mark_of(lent[0].batch), 3);
	pl_queue_take_back(q, PL_LANE_LIVE);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1, lent, 8), 1);
	assert_int_equal(mark_of(lent[0].batch), 3);
	settle(q, lent, 1, 0, PL_DROP_REFUSED);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(a);
	pl_route_release(same);
	pl_route_release(b);
}

static void lends_at_least_one_and_at_most_so_many_bytes(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item lent[8];
	for (unsigned i = 0; i < 5; i++)
		put(q, r, 1, i);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 0, lent, 8), 1);
	pl_queue_take_back(q, PL_LANE_LIVE);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 3 * ONE_LINE, lent, 8), 3);
	pl_queue_take_back(q, PL_LANE_LIVE);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 2), 2);
	settle(q, lent, 2, 0, PL_DROP_REFUSED);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void drops_the_oldest_but_never_what_is_lent(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(4 * COST, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item lent[8];
	for (unsigned i = 0; i < 4; i++)
		put(q, r, 1, i);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 2 * ONE_LINE, lent, 8), 2);
	for (unsigned i = 4; i < 7; i++)
		put(q, r, 1, i);
	assert_int_equal(pl_queue_account(q).dropped[PL_DROP_FULL_OLDEST], 3);
	assert_int_equal(mark_of(lent[0].batch), 0);
	assert_int_equal(mark_of(lent[1].batch), 1);
	settle(q, lent, 2, 0, PL_DROP_REFUSED);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 2);
	assert_int_equal(mark_of(lent[0].batch), 5);
	assert_int_equal(mark_of(lent[1].batch), 6);
	assert_identity(q);
	settle(q, lent, 2, 0, PL_DROP_REFUSED);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void drops_the_newest_when_told_or_when_all_is_lent(void **state)
{
	(void)state;
	static const enum pl_drop_policy policies[] = {PL_POLICY_DROP_NEWEST, PL_POLICY_DROP_OLDEST};
	for (size_t i = 0; i < PL_COUNT_OF(policies); i++) {
		struct pl_queue *q = pl_queue_create(2 * COST, policies[i]);
		struct pl_route *r = pl_route_create("", "");
		struct pl_lane_item lent[8];
		put(q, r, 1, 0);
		put(q, r, 1, 1);
		assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 2);
		put(q, r, 1, 2);
		assert_int_equal(pl_queue_account(q).dropped[PL_DROP_FULL_NEWEST], 1);
		settle(q, lent, 2, 0, PL_DROP_REFUSED);
		assert_int_equal(pl_queue_account(q).points_out, 2);
		assert_identity(q);
		pl_queue_destroy(q);
		pl_route_release(r);
	}
}

static void a_batch_larger_than_the_bound_is_dropped_alone(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(2 * COST, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	put(q, r, 1, 0);
	put(q, r, 100, 1);
	assert_int_equal(pl_queue_account(q).dropped[PL_DROP_FULL_NEWEST], 100);
	assert_int_equal(pl_queue_account(q).points_queued, 1);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void wakes_only_an_idle_reader(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_batch *b = make(r, 1, 0);
	struct pl_lane_item lent[8];
	assert_true(pl_queue_put(q, b));
	assert_false(pl_queue_put(q, b));
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 2);
	assert_false(pl_queue_put(q, b));
	settle(q, lent, 2, 0, PL_DROP_REFUSED);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 1);
	settle(q, lent, 1, 0, PL_DROP_REFUSED);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 0);
	assert_true(pl_queue_put(q, b));
	pl_batch_release(b);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void wakes_a_reader_that_waits_for_more(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_batch *b = make(r, 1, 0);
	struct pl_lane_item lent[8];
	assert_false(pl_queue_wait_for(q, 3 * b->n, 0)); /* empty: it becomes idle by lending */
	assert_true(pl_queue_put(q, b));
	assert_true(pl_queue_wait_for(q, 3 * b->n, 0));
	assert_false(pl_queue_put(q, b));
	assert_true(pl_queue_put(q, b));
	assert_false(pl_queue_put(q, b)); /* once */
	assert_false(pl_queue_wait_for(q, 3 * b->n, 0));
	assert_false(pl_queue_put(q, b));
	assert_false(pl_queue_wait_for(q, 7 * b->n, INT64_MAX)); /* it has waited for too long */
	assert_true(pl_queue_wait_for(q, 7 * b->n, 0));
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 5); /* waits no more */
	assert_false(pl_queue_put(q, b));
	assert_false(pl_queue_put(q, b));
	settle(q, lent, 5, 0, PL_DROP_REFUSED);
	pl_batch_release(b);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void moves_everything_to_an_heir(void **state)
{
	(void)state;
	struct pl_queue *from = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST),
			*to = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	for (unsigned i = 0; i < 40; i++)
		put(from, r, 2, i);
	put(to, r, 1, 41);
	pl_queue_expect(to, from);
	assert_int_equal(pl_queue_account(to).points_in, 81);
	assert_identity(to);
	pl_queue_inherit(to, from);
	assert_int_equal(pl_queue_account(to).points_queued, 81);
	assert_int_equal(pl_queue_account(from).points_queued, 0);
	assert_identity(from);
	assert_identity(to);
	pl_queue_destroy(from);
	pl_queue_destroy(to);
	pl_route_release(r);
}

/* ---- with a disk, played by the test ---- */

struct disk {
	struct pl_spool_account account;
	uint64_t next;
};

/* Writes `n` batches, or all. */
static void write_ahead(struct pl_queue *q, struct disk *d, size_t n)
{
	struct pl_batch *b;
	for (size_t i = 0; i < n && pl_queue_unwritten(q, &b); i++) {
		d->account.points_in += b->points;
		d->account.points_pending += b->points;
		d->account.records_pending++;
		assert_identity(q);
		pl_queue_written(q, (struct pl_spool_ref){1, ++d->next}, &d->account);
		assert_identity(q);
		pl_batch_release(b);
	}
}

static void lends_nothing_before_it_is_written(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item lent[8];
	struct disk d = {.account = {.points_in = 7, .points_out = 7}};
	pl_queue_use_disk(q, &d.account);
	put(q, r, 1, 0);
	put(q, r, 2, 1);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 0);
	assert_int_equal(pl_queue_account(q).memory_only_points, 3);
	write_ahead(q, &d, 1);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 1);
	assert_int_equal(pl_queue_account(q).memory_only_points, 2);
	assert_int_equal(pl_queue_account(q).points_in, 10);
	pl_queue_take_back(q, PL_LANE_LIVE);
	struct pl_batch *b;
	assert_true(pl_queue_unwritten(q, &b));
	pl_queue_not_written(q); /* trouble: goes without */
	pl_batch_release(b);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1 << 20, lent, 8), 2);
	assert_int_equal(lent[0].ref.offset, 1);
	assert_int_equal(lent[1].ref.segment, 0);
	assert_false(pl_queue_unwritten(q, &b)); /* its verdict may make it needless */
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void memory_forgets_what_is_on_disk_before_it_drops(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(4 * COST, PL_POLICY_DROP_NEWEST);
	struct pl_route *r = pl_route_create("", "");
	struct disk d = {0};
	uint64_t forgotten;
	pl_queue_use_disk(q, &d.account);
	for (unsigned i = 0; i < 20; i++) {
		put(q, r, 1, i);
		write_ahead(q, &d, 20);
	}
	struct pl_queue_account a = pl_queue_account(q);
	assert_int_equal(a.points_queued, 20);
	assert_int_equal(a.batches_queued, 4);
	assert_int_equal(a.on_disk_only, 16);
	assert_int_equal(pl_queue_first_written(q, &forgotten).offset, 17);
	assert_int_equal(forgotten, 16);
	for (unsigned i = 0; i < 6; i++) /* unwritten: four find room, for the rest the policy speaks */
		put(q, r, 1, i);
	a = pl_queue_account(q);
	assert_int_equal(a.on_disk_only, 20);
	assert_int_equal(a.dropped[PL_DROP_FULL_NEWEST], 2);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static bool is_gone(void *data, uint64_t segment)
{
	(void)data;
	return segment == 0;
}

static void what_the_disk_dropped_is_not_delivered(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item lent[8];
	struct disk d = {0};
	pl_queue_use_disk(q, &d.account);
	for (unsigned i = 0; i < 5; i++)
		put(q, r, 1, i);
	write_ahead(q, &d, 4);
	assert_int_equal(pl_queue_lend(q, PL_LANE_LIVE, 1, lent, 8), 1);
	pl_queue_forget_dropped(q, is_gone, NULL); /* but not what is lent */
	assert_int_equal(pl_queue_account(q).batches_queued, 2);
	d.account.points_pending -= 3;
	d.account.dropped[PL_DROP_FULL_OLDEST] += 3;
	pl_queue_publish(q, &d.account, 0);
	assert_int_equal(pl_queue_account(q).points_queued, 2);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void old_batches_leave_the_live_lane(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item lent[8];
	struct disk d = {0};
	uint64_t forgotten;
	for (unsigned i = 0; i < 3; i++)
		put(q, r, 1, i);
	pl_queue_shed(q, INT64_MAX, UINT64_MAX);
	put(q, r, 1, 3);
	assert_int_equal(pl_queue_account(q).live_points, 1);
	assert_int_equal(pl_queue_lend(q, PL_LANE_BEHIND, 1 << 20, lent, 8), 3);
	assert_int_equal(mark_of(lent[0].batch), 0);
	pl_queue_take_back(q, PL_LANE_BEHIND);
	pl_queue_use_disk(q, &d.account); /* the disk works again: what stands behind is written first, and let go */
	write_ahead(q, &d, 20);
	assert_int_equal(pl_queue_lend(q, PL_LANE_BEHIND, 1 << 20, lent, 8), 0);
	assert_int_equal(pl_queue_first_written(q, &forgotten).offset, 4);
	assert_int_equal(pl_queue_account(q).on_disk_only, 3);
	for (unsigned i = 4; i < 9; i++)
		put(q, r, 1, i);
	write_ahead(q, &d, 20);
	pl_queue_shed(q, INT64_MIN, 2 * COST);
	assert_int_equal(pl_queue_first_written(q, &forgotten).offset, 8);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

static void drops_what_waits_for_too_long(void **state)
{
	(void)state;
	struct pl_queue *q = pl_queue_create(1 << 20, PL_POLICY_DROP_OLDEST);
	struct pl_route *r = pl_route_create("", "");
	put(q, r, 3, 0);
	pl_queue_expire(q, 1);
	assert_int_equal(pl_queue_account(q).points_queued, 3);
	pl_queue_expire(q, INT64_MAX);
	assert_int_equal(pl_queue_account(q).dropped[PL_DROP_TOO_OLD], 3);
	assert_identity(q);
	pl_queue_destroy(q);
	pl_route_release(r);
}

enum { WRITERS = 4, EACH = 5000 };

static void *write_many(void *data)
{
	struct pl_queue *q = data;
	struct pl_route *r = pl_route_create("db", "rp");
	for (unsigned i = 0; i < EACH; i++)
		put(q, r, 1 + i % 3, i);
	pl_route_release(r);
	return NULL;
}

static void accounts_exactly_under_many_writers(void **state)
{
	(void)state;
	static const enum pl_drop_policy policies[] = {PL_POLICY_DROP_OLDEST, PL_POLICY_DROP_NEWEST};
	for (size_t k = 0; k < PL_COUNT_OF(policies); k++) {
		struct pl_queue *q = pl_queue_create(200 * COST, policies[k]);
		pthread_t writers[WRITERS];
		struct pl_lane_item lent[16];
		uint64_t batches = 0;
		for (size_t i = 0; i < WRITERS; i++)
			pthread_create(&writers[i], NULL, write_many, q);
		while (pl_queue_account(q).points_in < (uint64_t)WRITERS * EACH) {
			size_t n = pl_queue_lend(q, PL_LANE_LIVE, 100 * ONE_LINE, lent, 16);
			batches += n;
			settle(q, lent, n, n > 0, PL_DROP_EXPIRED);
			assert_identity(q);
		}
		for (size_t i = 0; i < WRITERS; i++)
			pthread_join(writers[i], NULL);
		size_t last = pl_queue_lend(q, PL_LANE_LIVE, 100 * ONE_LINE, lent,
					    16); /* the writers may have been done before the first look */
		batches += last;
		settle(q, lent, last, 0, PL_DROP_EXPIRED);
		pl_queue_abandon(q, PL_DROP_SHUTDOWN);
		assert_identity(q);
		assert_int_equal(pl_queue_account(q).points_queued, 0);
		assert_int_equal(pl_queue_account(q).bytes_queued, 0);
		assert_true(batches > 0);
		pl_queue_destroy(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lends_the_oldest_of_one_route),
	    cmocka_unit_test(lends_at_least_one_and_at_most_so_many_bytes),
	    cmocka_unit_test(drops_the_oldest_but_never_what_is_lent),
	    cmocka_unit_test(drops_the_newest_when_told_or_when_all_is_lent),
	    cmocka_unit_test(a_batch_larger_than_the_bound_is_dropped_alone),
	    cmocka_unit_test(wakes_only_an_idle_reader),
	    cmocka_unit_test(wakes_a_reader_that_waits_for_more),
	    cmocka_unit_test(moves_everything_to_an_heir),
	    cmocka_unit_test(lends_nothing_before_it_is_written),
	    cmocka_unit_test(memory_forgets_what_is_on_disk_before_it_drops),
	    cmocka_unit_test(what_the_disk_dropped_is_not_delivered),
	    cmocka_unit_test(old_batches_leave_the_live_lane),
	    cmocka_unit_test(drops_what_waits_for_too_long),
	    cmocka_unit_test(accounts_exactly_under_many_writers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
