/* What the state keeps: documents, events, the order of answers, the bounds, and what closing and opening do. */
#include "state_bench.h"

#include <sys/stat.h>

static void documents_are_the_last_put(struct bench *b)
{
	bench_assert_documents(b, "alert", "");
	assert_int_equal(bench_put(b, "alert", PL_STR("b"), PL_STR("1")), PL_OK);
	assert_int_equal(bench_put(b, "alert", PL_STR("a"), PL_STR("2")), PL_OK);
	assert_int_equal(bench_put(b, "alert", PL_STR("\xff"), PL_STR("3")), PL_OK);
	assert_int_equal(bench_put(b, "alert", PL_STR("B"), PL_STR("")), PL_OK);
	assert_int_equal(bench_put(b, "alert", PL_STR("ab"), PL_STR("5")), PL_OK);
	assert_int_equal(bench_put(b, "alert", PL_STR(""), PL_STR("6")), PL_OK);
	assert_int_equal(bench_put(b, "notice", PL_STR("a"), PL_STR("other")), PL_OK);
	bench_assert_documents(b, "alert", "=6 B= a=2 ab=5 b=1 \xff=3 ");
	assert_int_equal(bench_put(b, "alert", PL_STR("b"), PL_STR("7")), PL_OK);
	struct bench_answer a = {0}, none = {0};
	assert_int_equal(bench_await(b, pl_state_remove(b->s, "alert", PL_STR("a"), bench_answered, &a), &a), PL_OK);
	assert_int_equal(bench_await(b, pl_state_remove(b->s, "alert", PL_STR("absent"), bench_answered, &none), &none), PL_OK);
	bench_assert_documents(b, "alert", "=6 B= ab=5 b=7 \xff=3 ");
	bench_assert_documents(b, "notice", "a=other ");
}

static void see_nul(void *data, struct pl_str id, struct pl_str body)
{
	static const char *const ids[] = {"x\0a", "x\0b"};
	int *n = data;
	assert_true(*n < 2 && id.n == 3 && body.n == 2);
	assert_memory_equal(id.p, ids[*n], 3);
	assert_memory_equal(body.p, "\0\n", 2);
	++*n;
}

static void any_bytes_are_kept(struct bench *b)
{
	int n = 0;
	assert_int_equal(bench_put(b, "nul", PL_STR("x\0b"), PL_STR("\0\n")), PL_OK);
	assert_int_equal(bench_put(b, "nul", PL_STR("x\0a"), PL_STR("\0\n")), PL_OK);
	assert_int_equal(pl_state_load(b->s, "nul", see_nul, &n, b->reason, sizeof b->reason), PL_OK);
	assert_int_equal(n, 2);
}

static void events_are_paged(struct bench *b)
{
	bench_assert_events(b, "a", 0, 10, "");
	for (int i = 1; i <= 5; i++) {
		char body[8];
		snprintf(body, sizeof body, "e%d", i);
		assert_int_equal(bench_append(b, "a", "", i, body, 100, 0), PL_OK);
		assert_int_equal(bench_append(b, "b", "", i, "other", 100, 0), PL_OK);
	}
	uint64_t before = bench_assert_events(b, "a", 0, 2, "e5@5 e4@4 ");
	before = bench_assert_events(b, "a", before, 2, "e3@3 e2@2 ");
	before = bench_assert_events(b, "a", before, 2, "e1@1 ");
	bench_assert_events(b, "a", before, 2, "");
	bench_assert_events(b, "a", 0, 0, "");
	bench_assert_events(b, "a", UINT64_MAX, SIZE_MAX, "e5@5 e4@4 e3@3 e2@2 e1@1 ");
	struct bench_answer a = {0};
	uint64_t newest = bench_assert_events(b, "b", 0, 1, "other@5 ");
	assert_int_equal(bench_await(b, pl_state_forget(b->s, PL_STR("b"), bench_answered, &a), &a), PL_OK);
	bench_assert_events(b, "b", 0, 10, "");
	bench_assert_events(b, "a", 0, 1, "e5@5 ");
	assert_int_equal(bench_append(b, "b", "", 9, "again", 100, 0), PL_OK);
	assert_true(bench_assert_events(b, "b", 0, 10, "again@9 ") > newest);
}

static void events_go_by_number_and_age(struct bench *b)
{
	for (int i = 1; i <= 6; i++)
		assert_int_equal(bench_append(b, "trim", "", i * 10, "e", 4, 0), PL_OK);
	bench_assert_events(b, "trim", 0, 10, "e@60 e@50 e@40 e@30 ");
	assert_int_equal(bench_append(b, "trim", "", 70, "f", 4, 50), PL_OK);
	bench_assert_events(b, "trim", 0, 10, "f@70 e@60 e@50 ");
	assert_int_equal(bench_append(b, "trim", "", 45, "late", 4, 50), PL_OK); /* too old from the start */
	bench_assert_events(b, "trim", 0, 10, "f@70 e@60 e@50 ");
	assert_int_equal(bench_append(b, "trim", "", 80, "g", 1, 50), PL_OK);
	bench_assert_events(b, "trim", 0, 10, "g@80 ");
}

static void a_key_is_taken_once(struct bench *b)
{
	assert_int_equal(bench_append(b, "keys", "k1", 1, "first", 2, 0), PL_OK);
	assert_int_equal(bench_append(b, "keys", "k1", 2, "second", 2, 0), PL_EEXIST);
	assert_int_equal(bench_append(b, "elsewhere", "k1", 3, "third", 2, 0), PL_OK);
	assert_int_equal(bench_append(b, "keys", "k1", 4, "changes nothing", 0, 100), PL_EEXIST);
	bench_assert_events(b, "keys", 0, 10, "first@1 ");
	assert_int_equal(bench_append(b, "keys", "", 5, "x", 2, 0), PL_OK);
	assert_int_equal(bench_append(b, "keys", "", 6, "y", 2, 0), PL_OK);
	bench_assert_events(b, "keys", 0, 10, "y@6 x@5 ");
	assert_int_equal(bench_append(b, "keys", "k1", 7, "z", 2, 0), PL_OK); /* the first one is gone */
	bench_assert_events(b, "keys", 0, 10, "z@7 y@6 ");
}

static void it_all_is_so_on_disk_and_in_memory(void **state)
{
	struct bench *b = *state;
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		assert_int_equal(bench_try(b, in_memory, 0, 0), PL_OK);
		assert_string_equal(b->reason, "");
		assert_int_equal(pl_state_stats(b->s).durable, !in_memory);
		documents_are_the_last_put(b);
		any_bytes_are_kept(b);
		events_are_paged(b);
		events_go_by_number_and_age(b);
		a_key_is_taken_once(b);
		struct pl_state_stats s = pl_state_stats(b->s);
		assert_int_equal(s.failed, 0);
		assert_int_equal(s.refused, 0);
		assert_int_equal(s.pending, 0);
		assert_int_equal(s.pending_bytes, 0);
		assert_true(s.written > 20 && s.bytes >= 4096);
		bench_close(b);
	}
}

/* ---- order ---- */

enum { MANY = 5000 };

struct order {
	struct bench *b;
	size_t next;
	bool all;
};

struct turn {
	struct order *o;
	size_t number;
};

static void in_turn(void *data, enum pl_err err, const char *reason)
{
	struct turn *t = data;
	assert_int_equal(err, PL_OK);
	assert_string_equal(reason, "");
	assert_int_equal(t->o->next++, t->number);
	t->o->all = t->o->next == MANY;
}

static void events_in_turn(void *data, enum pl_err err, const struct pl_state_event *v, size_t n, const char *reason)
{
	struct turn *t = data;
	assert_int_equal(n, 1); /* it sees the call before it */
	assert_int_equal(v->wall_ns, t->number);
	in_turn(data, err, reason);
}

static void answers_come_in_the_order_of_the_calls(void **state)
{
	struct bench *b = *state;
	struct order o = {.b = b};
	struct turn *turns = pl_calloc(MANY, sizeof *turns);
	char body[1024];
	memset(body, 'd', sizeof body);
	bench_open(b);
	for (size_t i = 0; i < MANY; i++) {
		enum pl_err err;
		char id[16];
		turns[i] = (struct turn){&o, i};
		snprintf(id, sizeof id, "%zu", i);
		if (i % 10 == 8)
			err = pl_state_append(b->s, PL_STR("s"), pl_str_of(id), (int64_t)i + 1, PL_STR("e"), 5, 0, in_turn,
					      &turns[i]);
		else if (i % 10 == 9)
			err = pl_state_events(b->s, PL_STR("s"), 0, 1, events_in_turn, &turns[i]);
		else
			err = pl_state_put(b->s, "d", pl_str_of(id), (struct pl_str){body, sizeof body}, in_turn, &turns[i]);
		assert_int_equal(err, PL_OK);
	}
	assert_int_equal(bench_count(b, "d"), MANY / 10 * 8); /* what was put before is seen, answered or not */
	bench_wait(b, &o.all);
	assert_int_equal(pl_state_stats(b->s).written, MANY / 10 * 9);
	bench_close(b);
	free(turns);
}

static void put_another(void *data, enum pl_err err, const char *reason)
{
	struct order *o = data;
	char id[16];
	assert_int_equal(err, PL_OK);
	assert_string_equal(reason, "");
	snprintf(id, sizeof id, "%zu", o->next++);
	o->all = o->next == 20;
	if (!o->all)
		assert_int_equal(pl_state_put(o->b->s, "d", pl_str_of(id), PL_STR("x"), put_another, o), PL_OK);
}

static void an_answer_may_call_again(void **state)
{
	struct bench *b = *state;
	struct order o = {.b = b};
	assert_int_equal(bench_try(b, false, 1, 0), PL_OK);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("first"), PL_STR("x"), put_another, &o), PL_OK);
	bench_wait(b, &o.all);
	assert_int_equal(bench_count(b, "d"), 20);
	bench_close(b);
}

/* ---- bounds ---- */

static void too_many_calls_are_refused(void **state)
{
	struct bench *b = *state;
	struct bench_answer a[3] = {{0}};
	assert_int_equal(bench_try(b, false, 3, 0), PL_OK);
	for (size_t i = 0; i < 3; i++) /* no loop runs: all of them wait, be it for their answer */
		assert_int_equal(pl_state_put(b->s, "d", PL_STR("x"), PL_STR("1234"), bench_answered, &a[i]), PL_OK);
	assert_int_equal(pl_state_stats(b->s).pending, 3);
	assert_int_equal(pl_state_stats(b->s).pending_bytes, 18);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("y"), PL_STR(""), NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_remove(b->s, "d", PL_STR("x"), NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_forget(b->s, PL_STR("x"), NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_append(b->s, PL_STR("x"), PL_STR(""), 1, PL_STR(""), 1, 0, NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_events(b->s, PL_STR("x"), 0, 1, bench_events_came, NULL), PL_ELIMIT);
	bench_assert_documents(b, "d", "x=1234 "); /* a load has its place always */
	bench_wait(b, &a[2].came);
	assert_int_equal(pl_state_stats(b->s).refused, 5);
	assert_int_equal(pl_state_stats(b->s).pending, 0);
	assert_int_equal(bench_put(b, "d", PL_STR("y"), PL_STR("")), PL_OK);
	bench_close(b);
}

static void too_many_bytes_are_refused(void **state)
{
	struct bench *b = *state;
	struct bench_answer a = {0};
	assert_int_equal(bench_try(b, false, 0, 10), PL_OK);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("x"), PL_STR("123456789"), NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("0123456789"), PL_STR(""), NULL, NULL), PL_ELIMIT);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("x"), PL_STR("12345678"), bench_answered, &a), PL_OK);
	assert_int_equal(pl_state_forget(b->s, PL_STR("x"), NULL, NULL), PL_ELIMIT);
	bench_wait(b, &a.came);
	bench_assert_documents(b, "d", "x=12345678 ");
	bench_close(b);
}

/* ---- closing and opening ---- */

static void what_waits_is_written_before_the_end(void **state)
{
	struct bench *b = *state;
	bool closed = false;
	struct bench_answer last = {0};
	struct stat st;
	bench_open(b);
	for (int i = 0; i < 3000; i++) {
		char id[16];
		snprintf(id, sizeof id, "%d", i);
		assert_int_equal(pl_state_put(b->s, "d", pl_str_of(id), PL_STR("x"), NULL, NULL), PL_OK);
	}
	assert_int_equal(pl_state_append(b->s, PL_STR("s"), PL_STR("k"), 7, PL_STR("e"), 5, 0, bench_answered, &last), PL_OK);
	pl_state_close(b->s, bench_set, &closed);
	assert_int_equal(pl_state_put(b->s, "d", PL_STR("late"), PL_STR("x"), NULL, NULL), PL_ECANCELED);
	assert_int_equal(pl_state_load(b->s, "d", bench_list, NULL, b->reason, sizeof b->reason), PL_ECANCELED);
	bench_wait(b, &closed);
	assert_true(last.came); /* answered before */
	assert_int_equal(last.err, PL_OK);
	pl_loop_finish(&b->loop);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(b->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	bench_open(b);
	assert_string_equal(b->reason, "");
	assert_int_equal(bench_count(b, "d"), 3000);
	uint64_t number = bench_assert_events(b, "s", 0, 5, "e@7 ");
	assert_int_equal(bench_append(b, "s", "k", 8, "f", 5, 0), PL_EEXIST);
	struct bench_answer forgotten = {0};
	assert_int_equal(bench_await(b, pl_state_forget(b->s, PL_STR("s"), bench_answered, &forgotten), &forgotten), PL_OK);
	bench_close(b);
	bench_open(b);
	assert_int_equal(bench_append(b, "s", "k", 8, "f", 5, 0), PL_OK);
	assert_true(bench_assert_events(b, "s", 0, 5, "f@8 ") > number); /* numbers never come again */
	bench_close(b);
}

static void memory_forgets(void **state)
{
	struct bench *b = *state;
	struct stat st;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bench_try(b, true, 0, 0), PL_OK);
		bench_assert_documents(b, "d", "");
		assert_int_equal(bench_put(b, "d", PL_STR("x"), PL_STR("y")), PL_OK);
		bench_close(b);
	}
	assert_int_not_equal(stat(b->dir, &st), 0);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, bench_set_up, bench_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(it_all_is_so_on_disk_and_in_memory),
	    TEST(answers_come_in_the_order_of_the_calls),
	    TEST(an_answer_may_call_again),
	    TEST(too_many_calls_are_refused),
	    TEST(too_many_bytes_are_refused),
	    TEST(what_waits_is_written_before_the_end),
	    TEST(memory_forgets),
	};
#undef TEST
	return cmocka_run_group_tests_name("store_state", tests, NULL, NULL);
}
