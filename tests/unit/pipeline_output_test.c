/* The delivery engine, driven through an output plugin that answers what each test tells it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/output.h"
#include "pipeline/outputs.h"

/* What the instance saw and shall answer; guarded by the lock. */
struct script {
	uv_mutex_t lock;
	uv_cond_t changed;
	const struct pl_verdict *answers; /* in order; DONE behind the last */
	size_t n_answers, n_asked;
	bool hang;         /* keep the delivery until close */
	struct pl_buf got; /* lines of deliveries answered DONE */
	bool refuse_open;
};

struct instance {
	const struct pl_output_env *env;
	struct script *script;
	struct pl_delivery *held;
};

struct config {
	struct script *script;
};

static enum pl_err open_instance(const struct pl_output_env *env, const void *config, void **self, char *reason,
				 size_t reason_size)
{
	struct script *script = ((const struct config *)config)->script;
	if (script->refuse_open) {
		snprintf(reason, reason_size, "told to refuse");
		return PL_EIO;
	}
	struct instance *i = pl_calloc(1, sizeof *i);
	i->env = env;
	i->script = script;
	*self = i;
	return PL_OK;
}

static struct pl_verdict next_answer(struct script *s)
{
	if (s->n_asked < s->n_answers)
		return s->answers[s->n_asked];
	return (struct pl_verdict){.kind = PL_VERDICT_DONE, .status = 204};
}

static void deliver(void *self, struct pl_delivery *d)
{
	struct instance *i = self;
	struct script *s = i->script;
	uv_mutex_lock(&s->lock);
	struct pl_verdict v = next_answer(s);
	s->n_asked++;
	if (v.kind == PL_VERDICT_DONE && !s->hang)
		for (size_t k = 0; k < d->n; k++)
			pl_buf_add(&s->got, d->batches[k]->p, d->batches[k]->n);
	bool hang = s->hang;
	uv_cond_broadcast(&s->changed);
	uv_mutex_unlock(&s->lock);
	if (hang)
		i->held = d;
	else
		d->done(d, &v);
}

static void query(void *self, struct pl_query *q)
{
	struct instance *i = self;
	q->err = PL_ENOENT;
	q->reason = "there is nothing here";
	i->env->query_done(q);
}

static void close_instance(void *self, void (*closed)(void *data), void *data)
{
	struct instance *i = self;
	if (i->held != NULL)
		i->held->done(i->held, &(struct pl_verdict){.kind = PL_VERDICT_RETRY, .reason = "closing"});
	free(i);
	closed(data);
}

static const struct pl_output_ops ops = {.open = open_instance, .deliver = deliver, .query = query, .close = close_instance};
static const struct pl_plugin plugin = {PL_PLUGIN_HEADER, .kind = PL_PLUGIN_OUTPUT, .name = "scripted", .ops.output = &ops};

struct fixture {
	struct script script;
	struct config config;
	struct pl_section section;
	struct pl_config *snapshot;
	struct pl_output *output;
	struct pl_loop loop;
	uint64_t lost;
	unsigned closed;
};

static void script_init(struct script *s)
{
	uv_mutex_init(&s->lock);
	uv_cond_init(&s->changed);
}

static void fixture_open(struct fixture *f, const struct pl_verdict *answers, size_t n_answers)
{
	char reason[128];
	*f = (struct fixture){.script = {.answers = answers, .n_answers = n_answers}};
	script_init(&f->script);
	f->config.script = &f->script;
	f->section = (struct pl_section){.kind = "scripted", .plugin = &plugin, .config = &f->config};
	f->snapshot = pl_calloc(1, sizeof *f->snapshot);
	atomic_init(&f->snapshot->refs, 1000); /* never the last reference: freed by the fixture */
	assert_int_equal(pl_loop_init(&f->loop, "test"), PL_OK);
	const struct pl_output_options options = {
	    .name = "scripted", .section = &f->section, .config = f->snapshot, .memory_bytes = 1 << 20};
	assert_int_equal(pl_output_create(&f->output, &options, reason, sizeof reason), PL_OK);
}

static void put_line(struct pl_output *o, const char *line)
{
	struct pl_route *r = pl_route_create("", "");
	struct pl_buf lines = {0};
	pl_buf_add_cstr(&lines, line);
	uint32_t points = 0;
	for (const char *c = line; *c != '\0'; c++)
		points += *c == '\n';
	struct pl_batch *b = pl_batch_create(r, &lines, points);
	pl_output_put(o, b);
	pl_batch_release(b);
	pl_route_release(r);
}

static void on_closed(void *data, uint64_t lost)
{
	struct fixture *f = data;
	f->lost += lost;
	f->closed++;
	pl_loop_stop(&f->loop);
}

static void fixture_close(struct fixture *f, unsigned grace_ms, struct pl_output *heir)
{
	pl_output_close(f->output, grace_ms, heir, &f->loop, on_closed, f);
	pl_loop_run(&f->loop);
	pl_loop_finish(&f->loop);
	assert_int_equal(f->closed, 1);
}

static void fixture_finish(struct fixture *f)
{
	pl_buf_finish(&f->script.got);
	uv_mutex_destroy(&f->script.lock);
	uv_cond_destroy(&f->script.changed);
	free(f->snapshot);
}

static void wait_for_bytes(struct script *s, size_t n)
{
	uv_mutex_lock(&s->lock);
	while (s->got.n < n)
		uv_cond_wait(&s->changed, &s->lock);
	uv_mutex_unlock(&s->lock);
}

static void wait_for_asked(struct script *s, size_t n)
{
	uv_mutex_lock(&s->lock);
	while (s->n_asked < n)
		uv_cond_wait(&s->changed, &s->lock);
	uv_mutex_unlock(&s->lock);
}

static struct pl_output_status status_of(const struct pl_output *o)
{
	struct pl_output_status s;
	pl_output_status(o, &s);
	return s;
}

/* The instance was asked, but the engine may not have digested the answer yet. */
static struct pl_output_status status_when_settled(const struct pl_output *o, uint64_t points_queued)
{
	struct pl_output_status s;
	do
		s = status_of(o);
	while (s.account.points_queued != points_queued || s.delivery.state == PL_OUTPUT_DELIVERING);
	return s;
}

static void delivers_in_order_and_drains_at_close(void **state)
{
	(void)state;
	struct fixture f;
	struct pl_buf expected = {0};
	fixture_open(&f, NULL, 0);
	for (unsigned i = 0; i < 1000; i++) {
		char line[32];
		snprintf(line, sizeof line, "m v=%u %u\n", i, i);
		put_line(f.output, line);
		pl_buf_add_cstr(&expected, line);
	}
	fixture_close(&f, 60000, NULL);
	assert_true(pl_str_eq(pl_buf_str(&f.script.got), pl_buf_str(&expected)));
	assert_int_equal(f.lost, 0);
	pl_buf_finish(&expected);
	fixture_finish(&f);
}

static void tries_again_until_it_works(void **state)
{
	(void)state;
	static const struct pl_verdict answers[] = {
	    {.kind = PL_VERDICT_RETRY, .status = 503, .reason = "busy"},
	    {.kind = PL_VERDICT_RETRY, .reason = "connection refused"},
	};
	struct fixture f;
	fixture_open(&f, answers, PL_COUNT_OF(answers));
	put_line(f.output, "m v=1 1\n");
	wait_for_bytes(&f.script, 8);
	struct pl_output_status s = status_when_settled(f.output, 0);
	assert_int_equal(s.delivery.retries, 2);
	assert_int_equal(s.account.points_out, 1);
	assert_int_equal(s.delivery.failing_since_wall_ns, 0);
	assert_string_equal(s.delivery.last_reason, "");
	fixture_close(&f, 60000, NULL);
	fixture_finish(&f);
}

static void counts_what_was_refused_by_reason(void **state)
{
	(void)state;
	static const struct pl_verdict answers[] = {
	    {.kind = PL_VERDICT_DONE, .refused = 2, .refused_as = "field_type", .reason = "field type conflict"},
	    {.kind = PL_VERDICT_REFUSED, .refused_as = "unparsable", .reason = "unable to parse"},
	    {.kind = PL_VERDICT_DONE, .refused = 99, .refused_as = "expired"},
	};
	struct fixture f;
	fixture_open(&f, answers, PL_COUNT_OF(answers));
	put_line(f.output, "a v=1 1\nb v=1 1\nc v=1 1\n");
	status_when_settled(f.output, 0);
	put_line(f.output, "a v=1 1\nb v=1 1\n");
	status_when_settled(f.output, 0);
	put_line(f.output, "a v=1 1\n");
	struct pl_output_status s = status_when_settled(f.output, 0);
	assert_int_equal(s.account.points_in, 6);
	assert_int_equal(s.account.points_out, 1);
	assert_int_equal(s.account.dropped[PL_DROP_FIELD_TYPE], 2);
	assert_int_equal(s.account.dropped[PL_DROP_UNPARSABLE], 2);
	assert_int_equal(s.account.dropped[PL_DROP_EXPIRED], 1);
	fixture_close(&f, 60000, NULL);
	fixture_finish(&f);
}

static void holds_everything_while_a_person_is_needed(void **state)
{
	(void)state;
	static const struct pl_verdict answers[] = {{.kind = PL_VERDICT_HOLD, .status = 401, .reason = "authorization failed"}};
	struct fixture f;
	fixture_open(&f, answers, PL_COUNT_OF(answers));
	put_line(f.output, "a v=1 1\n");
	wait_for_asked(&f.script, 1);
	struct pl_output_status s;
	do
		s = status_of(f.output);
	while (s.delivery.state != PL_OUTPUT_HOLDING);
	assert_int_equal(s.account.points_queued, 1);
	assert_int_equal(s.delivery.last_status, 401);
	assert_string_equal(s.delivery.last_reason, "authorization failed");
	assert_true(s.delivery.failing_since_wall_ns > 0);
	fixture_close(&f, 60000, NULL); /* closing gives it another chance at once */
	assert_int_equal(f.lost, 0);
	assert_int_equal(f.script.got.n, 8);
	fixture_finish(&f);
}

static void gives_up_when_the_grace_is_over(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, NULL, 0);
	f.script.hang = true;
	put_line(f.output, "a v=1 1\nb v=2 2\n");
	wait_for_asked(&f.script, 1);
	fixture_close(&f, 10, NULL);
	assert_int_equal(f.lost, 2);
	fixture_finish(&f);
}

static void an_heir_gets_what_was_left(void **state)
{
	(void)state;
	struct fixture old, heir;
	fixture_open(&old, NULL, 0);
	fixture_open(&heir, NULL, 0);
	old.script.hang = true;
	put_line(old.output, "a v=1 1\nb v=2 2\n");
	wait_for_asked(&old.script, 1);
	fixture_close(&old, 0, heir.output);
	assert_int_equal(old.lost, 0);
	wait_for_bytes(&heir.script, 16);
	assert_int_equal(status_when_settled(heir.output, 0).account.points_out, 2);
	fixture_close(&heir, 60000, NULL);
	fixture_finish(&old);
	fixture_finish(&heir);
}

static void on_answer(struct pl_query *q)
{
	struct fixture *f = q->data;
	assert_int_equal(q->err, PL_ENOENT);
	pl_query_destroy(q);
	pl_output_close(f->output, 60000, NULL, &f->loop, on_closed, f);
}

static void answers_questions_on_the_askers_loop(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, NULL, 0);
	struct pl_query *q = pl_query_create(PL_QUERY_KEYS);
	q->asker = &f.loop;
	q->done = on_answer;
	q->data = &f;
	assert_true(pl_output_query(f.output, q));
	pl_loop_run(&f.loop);
	pl_loop_finish(&f.loop);
	assert_int_equal(f.closed, 1);
	fixture_finish(&f);
}

static void an_instance_that_cannot_open_is_an_error_with_its_reason(void **state)
{
	(void)state;
	char reason[128] = "";
	struct script script = {.refuse_open = true};
	struct config config = {.script = &script};
	struct pl_section section = {.kind = "scripted", .plugin = &plugin, .config = &config};
	struct pl_config *snapshot = pl_calloc(1, sizeof *snapshot);
	struct pl_output *o = NULL;
	atomic_init(&snapshot->refs, 1000);
	script_init(&script);
	const struct pl_output_options options = {
	    .name = "scripted", .section = &section, .config = snapshot, .memory_bytes = 1000};
	assert_int_equal(pl_output_create(&o, &options, reason, sizeof reason), PL_EIO);
	assert_string_equal(reason, "told to refuse");
	assert_null(o);
	uv_mutex_destroy(&script.lock);
	uv_cond_destroy(&script.changed);
	free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(delivers_in_order_and_drains_at_close),
	    cmocka_unit_test(tries_again_until_it_works),
	    cmocka_unit_test(counts_what_was_refused_by_reason),
	    cmocka_unit_test(holds_everything_while_a_person_is_needed),
	    cmocka_unit_test(gives_up_when_the_grace_is_over),
	    cmocka_unit_test(an_heir_gets_what_was_left),
	    cmocka_unit_test(answers_questions_on_the_askers_loop),
	    cmocka_unit_test(an_instance_that_cannot_open_is_an_error_with_its_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
