#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/mailbox.h"

enum { SENDERS = 4, PER_SENDER = 20000 };

struct box {
	uv_loop_t loop;
	struct pl_mailbox mailbox;
	unsigned closed, ran;
	unsigned next[SENDERS];   /* the number expected from each sender */
	unsigned posted[SENDERS]; /* written by the sender, read after its end */
};

struct note {
	struct pl_msg msg;
	struct box *box;
	unsigned sender, number;
};

static void count_closed(struct pl_mailbox *m)
{
	pl_container_of(m, struct box, mailbox)->closed++;
}

static void box_init(struct box *b)
{
	*b = (struct box){0};
	assert_int_equal(uv_loop_init(&b->loop), 0);
	pl_mailbox_init(&b->mailbox, &b->loop);
}

static void box_finish(struct box *b)
{
	assert_int_equal(uv_loop_close(&b->loop), 0);
	assert_int_equal(b->closed, 1);
	pl_mailbox_finish(&b->mailbox);
}

static bool post(struct box *b, void (*run)(struct pl_msg *), unsigned sender, unsigned number)
{
	struct note *n = pl_alloc(sizeof *n);
	*n = (struct note){.msg.run = run, .box = b, .sender = sender, .number = number};
	bool ok = pl_mailbox_post(&b->mailbox, &n->msg);
	if (!ok)
		free(n);
	return ok;
}

static void expect_order(struct pl_msg *msg)
{
	struct note *n = pl_container_of(msg, struct note, msg);
	assert_int_equal(n->number, n->box->next[n->sender]);
	n->box->next[n->sender]++;
	n->box->ran++;
	free(n);
}

static void close_box(struct pl_msg *msg)
{
	struct note *n = pl_container_of(msg, struct note, msg);
	n->box->ran++;
	pl_mailbox_close(&n->box->mailbox, count_closed);
	free(n);
}

static void keeps_order_from_one_sender(void **state)
{
	(void)state;
	struct box b;
	box_init(&b);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(post(&b, expect_order, 0, i));
	assert_true(post(&b, close_box, 0, 0));
	uv_run(&b.loop, UV_RUN_DEFAULT);
	assert_int_equal(b.ran, 1001);
	box_finish(&b);
}

static void runs_what_is_queued_when_closed(void **state)
{
	(void)state;
	struct box b;
	box_init(&b);
	for (unsigned i = 0; i < 10; i++)
		assert_true(post(&b, expect_order, 0, i));
	pl_mailbox_close(&b.mailbox, count_closed);
	assert_int_equal(b.ran, 10);
	assert_false(post(&b, expect_order, 0, 10));
	uv_run(&b.loop, UV_RUN_DEFAULT);
	box_finish(&b);
}

static void keeps_order_when_a_message_closes_it(void **state)
{
	(void)state;
	struct box b;
	box_init(&b);
	assert_true(post(&b, expect_order, 0, 0));
	assert_true(post(&b, close_box, 0, 0));
	for (unsigned i = 1; i < 5; i++)
		assert_true(post(&b, expect_order, 0, i));
	uv_run(&b.loop, UV_RUN_DEFAULT);
	assert_int_equal(b.ran, 6);
	assert_int_equal(b.next[0], 5);
	box_finish(&b);
}

static void post_again(struct pl_msg *msg)
{
	struct note *n = pl_container_of(msg, struct note, msg);
	n->box->ran++;
	assert_true(post(n->box, n->number == 100 ? close_box : post_again, 0, n->number + 1));
	free(n);
}

static void stop_loop(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void a_message_that_posts_does_not_starve_the_loop(void **state)
{
	(void)state;
	struct box b;
	box_init(&b);
	uv_timer_t timer;
	uv_timer_init(&b.loop, &timer);
	uv_timer_start(&timer, stop_loop, 0, 0);
	assert_true(post(&b, post_again, 0, 0));
	unsigned rounds = 0;
	while (uv_run(&b.loop, UV_RUN_ONCE) != 0)
		rounds++;
	assert_true(rounds >= 100); /* one message per round, so timers get their turn between them */
	assert_int_equal(b.ran, 102);
	box_finish(&b);
}

static void an_unreferenced_mailbox_lets_the_loop_end(void **state)
{
	(void)state;
	struct box b;
	box_init(&b);
	pl_mailbox_unref(&b.mailbox);
	assert_int_equal(uv_run(&b.loop, UV_RUN_DEFAULT), 0);
	pl_mailbox_close(&b.mailbox, count_closed);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	box_finish(&b);
}

struct sender {
	struct box *box;
	unsigned index;
};

static void send_all(void *data)
{
	const struct sender *s = data;
	unsigned i = 0;
	while (i < PER_SENDER && post(s->box, expect_order, s->index, i))
		i++;
	s->box->posted[s->index] = i;
}

static void run_loop(void *data)
{
	uv_run(&((struct box *)data)->loop, UV_RUN_DEFAULT);
}

static void threads_lose_nothing(bool close_early)
{
	struct box b;
	box_init(&b);
	uv_thread_t receiver, threads[SENDERS];
	struct sender senders[SENDERS];
	assert_int_equal(uv_thread_create(&receiver, run_loop, &b), 0);
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){&b, i};
		assert_int_equal(uv_thread_create(&threads[i], send_all, &senders[i]), 0);
	}
	if (close_early)
		assert_true(post(&b, close_box, 0, 0));
	unsigned posted = 1;
	for (unsigned i = 0; i < SENDERS; i++) {
		uv_thread_join(&threads[i]);
		posted += b.posted[i];
	}
	if (!close_early)
		assert_true(post(&b, close_box, 0, 0));
	uv_thread_join(&receiver);
	assert_int_equal(b.ran, posted);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(b.next[i], b.posted[i]);
	if (!close_early)
		assert_int_equal(posted, SENDERS * PER_SENDER + 1);
	box_finish(&b);
}

static void many_senders_lose_nothing(void **state)
{
	(void)state;
	threads_lose_nothing(false);
}

static void senders_may_race_with_the_close(void **state)
{
	(void)state;
	threads_lose_nothing(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_order_from_one_sender),
	    cmocka_unit_test(runs_what_is_queued_when_closed),
	    cmocka_unit_test(keeps_order_when_a_message_closes_it),
	    cmocka_unit_test(a_message_that_posts_does_not_starve_the_loop),
	    cmocka_unit_test(an_unreferenced_mailbox_lets_the_loop_end),
	    cmocka_unit_test(many_senders_lose_nothing),
	    cmocka_unit_test(senders_may_race_with_the_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
