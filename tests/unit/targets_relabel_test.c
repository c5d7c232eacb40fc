/* Relabeling of targets: the life of their labels, what was dropped, and how it is explained. */
#include "targets_config.h"
#include "targets_recorder.h"

#include "targets/explain.h"
#include "targets/target_builder.h"

static void add_labels(struct pl_buf *out, struct pl_labels set)
{
	for (size_t i = 0; i < set.n; i++) {
		pl_buf_addf(out, "%s%.*s=%.*s", i > 0 ? " " : "", (int)set.v[i].name.n, set.v[i].name.p, (int)set.v[i].value.n,
			    set.v[i].value.p);
	}
}

static void assert_labels(struct pl_labels set, const char *expected)
{
	struct pl_buf text = {0};
	add_labels(&text, set);
	assert_string_equal(pl_buf_cstr(&text), expected);
	pl_buf_finish(&text);
}

/* Rules in flow style, for the target h:80 of a job with a parameter. */
static void the_life_of_labels(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *url,
		    *labels; /* url NULL: `labels` is why it is refused; both NULL: dropped by the last rule */
		int rule;
	} cases[] = {
	    {"", "http://h:80/metrics?m=x", "instance=h:80 job=j rack=r1", 0},
	    /* what is scraped is what the rules leave */
	    {"{target_label: __address__, replacement: 'other:9'}", "http://other:9/metrics?m=x",
	     "instance=other:9 job=j rack=r1", 0},
	    {"{target_label: __address__, replacement: 'bare'}", "http://bare:80/metrics?m=x", "instance=bare:80 job=j rack=r1",
	     0},
	    {"{target_label: __scheme__, replacement: https}, {target_label: __address__, replacement: bare}",
	     "https://bare:443/metrics?m=x", "instance=bare:443 job=j rack=r1", 0},
	    {"{target_label: __metrics_path__, replacement: /probe}", "http://h:80/probe?m=x", "instance=h:80 job=j rack=r1", 0},
	    {"{source_labels: [__address__], target_label: __param_target}, {source_labels: [__param_target], target_label: "
	     "instance}, {target_label: __address__, replacement: 'prober:9115'}",
	     "http://prober:9115/metrics?m=x&target=h%3A80", "instance=h:80 job=j rack=r1", 0},
	    {"{target_label: __param_m, replacement: y}", "http://h:80/metrics?m=y", "instance=h:80 job=j rack=r1", 0},
	    /* instance is the address after the rules, unless it is given */
	    {"{target_label: instance, replacement: me}", "http://h:80/metrics?m=x", "instance=me job=j rack=r1", 0},
	    {"{target_label: job, replacement: k}, {action: labeldrop, regex: rack}", "http://h:80/metrics?m=x",
	     "instance=h:80 job=k", 0},
	    {"{action: labeldrop, regex: job}", "http://h:80/metrics?m=x", "instance=h:80 rack=r1", 0},
	    /* names that begin with __ are seen by all rules, and go then */
	    {"{source_labels: [__meta_zone], target_label: __tmp_z}, {source_labels: [__tmp_z, __scrape_interval__], "
	     "target_label: "
	     "z}",
	     "http://h:80/metrics?m=x", "instance=h:80 job=j rack=r1 z=eu;15s", 0},
	    {"{action: labelmap, regex: '__meta_(.+)'}", "http://h:80/metrics?m=x", "instance=h:80 job=j rack=r1 zone=eu", 0},
	    {"{source_labels: [job, __scheme__, __metrics_path__, __scrape_timeout__, __param_m], separator: ' ', target_label: "
	     "all}",
	     "http://h:80/metrics?m=x", "all=j http /metrics 10s x instance=h:80 job=j rack=r1", 0},
	    /* what comes of it must still be a target */
	    {"{action: labeldrop, regex: __address__}", NULL, "no address", 0},
	    {"{target_label: __scheme__, replacement: ftp}", NULL, "neither http nor https", 0},
	    {"{target_label: __scrape_interval__, replacement: soon}", NULL, "no duration above zero", 0},
	    {"{target_label: __scrape_interval__, replacement: 1s}", NULL, "longer than the interval", 0},
	    /* dropped */
	    {"{action: drop, source_labels: [rack], regex: r1}", NULL, NULL, 0},
	    {"{target_label: rack, replacement: r2}, {action: keep, source_labels: [rack], regex: r1}, {target_label: x, "
	     "replacement: "
	     "y}",
	     NULL, NULL, 1},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf text = {0};
		pl_buf_addf(&text, "scrape_configs: [{job_name: j, params: {m: [x]}, relabel_configs: [%s]}]", cases[i].rules);
		struct pl_config *config = config_of(pl_buf_cstr(&text));
		struct pl_target_builder b = {0};
		struct pl_label group[] = {{PL_STR("__meta_zone"), PL_STR("eu")}, {PL_STR("rack"), PL_STR("r1")}};
		struct pl_target *t;
		char reason[PL_REASON_BYTES] = "";
		pl_target_builder_begin(&b, config, pl_config_job(config, 0));
		enum pl_err err = pl_target_build(&b, PL_STR("h:80"), (struct pl_labels){group, 2}, &t, reason);
		if (cases[i].url != NULL) {
			assert_int_equal(err, PL_OK);
			assert_non_null(t);
			assert_string_equal(t->url, cases[i].url);
			assert_labels(t->labels, cases[i].labels);
			assert_labels(t->discovered,
				      "__address__=h:80 __meta_zone=eu __metrics_path__=/metrics __param_m=x "
				      "__scheme__=http __scrape_interval__=15s __scrape_timeout__=10s job=j rack=r1");
			assert_int_equal(b.dropped_by, PL_RELABEL_KEPT);
			pl_target_release(t);
		} else {
			assert_null(t);
			assert_int_equal(err, cases[i].labels != NULL ? PL_EINVAL : PL_OK);
			if (cases[i].labels != NULL)
				assert_non_null(strstr(reason, cases[i].labels));
			else
				assert_int_equal(b.dropped_by, cases[i].rule);
		}
		pl_target_builder_finish(&b);
		pl_config_release(config);
		pl_buf_finish(&text);
	}
}

struct world {
	struct pl_loop loop;
	struct pl_target_manager *manager;
	struct recorder r;
	bool closed;
	struct pl_buf text;
};

static void on_closed(void *data)
{
	((struct world *)data)->closed = true;
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	memset(&told, 0, sizeof told);
	assert_int_equal(pl_loop_init(&w->loop, "control"), PL_OK);
	w->manager = pl_target_manager_create(&w->loop, NULL, &recorder_events, &w->r);
}

static void world_apply(struct world *w, const char *text)
{
	struct pl_config *config = config_of(text);
	pl_target_manager_apply(w->manager, config);
	pl_config_release(config);
}

static void world_finish(struct world *w)
{
	pl_target_manager_close(w->manager, on_closed, w);
	while (!w->closed)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	pl_loop_finish(&w->loop);
	recorder_finish(&w->r);
	pl_buf_finish(&w->text);
}

static void say(const char *id, const char *source, const char *targets)
{
	told_say(told_get(id)->env.sink, source, targets, NULL);
}

static void note_dropped(void *data, const struct pl_dropped_target *t)
{
	struct world *w = data;
	const struct pl_str *address = pl_labels_get(t->discovered, PL_STR("__address__"));
	pl_buf_addf(&w->text, "%s%s/%.*s/%zu", w->text.n > 0 ? " " : "", t->job, (int)address->n, address->p, t->rule);
}

static const char *dropped(struct world *w)
{
	pl_buf_clear(&w->text);
	pl_target_manager_dropped(w->manager, note_dropped, w);
	return pl_buf_cstr(&w->text);
}

#define RULES                                                                                                                    \
	"relabel_configs: [{action: drop, source_labels: [__address__], regex: 'x.*'}, {action: drop, source_labels: "           \
	"[__address__], regex: 'y.*'}]"

static void dropped_targets_are_remembered(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs:\n"
			"  - {job_name: j, told_sd_configs: [{id: a}, {id: b}], " RULES "}\n"
			"  - {job_name: k, told_sd_configs: [{id: c}], keep_dropped_targets: 2, " RULES "}\n");
	say("a", "f", "x:1 h:1 y:1");
	say("b", "f", "x:2");
	say("c", "f", "x:3 x:4 x:5 h:2");
	say("c", "g", "y:6");
	assert_string_equal(recorder_live(&w.r), "h:1/j h:2/k");
	assert_string_equal(dropped(&w), "j/x:1/0 j/y:1/1 j/x:2/0 k/x:3/0 k/x:4/0");
	assert_int_equal(pl_target_manager_counts(w.manager).dropped, 7);
	assert_int_equal(pl_target_manager_counts(w.manager).active, 2);
	assert_int_equal(pl_target_manager_counts(w.manager).invalid, 0);
	say("a", "f", "h:1");
	assert_string_equal(dropped(&w), "j/x:2/0 k/x:3/0 k/x:4/0");
	assert_int_equal(pl_target_manager_counts(w.manager).dropped, 5);
	/* other rules: all is settled anew */
	world_apply(&w, "scrape_configs:\n"
			"  - {job_name: j, told_sd_configs: [{id: a}, {id: b}]}\n"
			"  - {job_name: k, told_sd_configs: [{id: c}], " RULES "}\n");
	assert_string_equal(recorder_live(&w.r), "h:1/j h:2/k x:2/j");
	assert_string_equal(dropped(&w), "k/x:3/0 k/x:4/0 k/x:5/0 k/y:6/1");
	world_apply(&w, "scrape_configs: []");
	assert_string_equal(dropped(&w), "");
	assert_int_equal(pl_target_manager_counts(w.manager).dropped, 0);
	world_finish(&w);
}

static void note_explanation(void *data, const struct pl_explanation *e)
{
	struct world *w = data;
	pl_buf_addf(&w->text, "%s %.*s:", e->job->name, (int)e->source.n, e->source.p);
	for (size_t i = 0; i < e->n_steps; i++) {
		const struct pl_str *rack = pl_labels_get(e->steps[i].labels, PL_STR("rack"));
		pl_buf_addf(&w->text, " %zu%c%.*s", e->steps[i].rule, e->steps[i].kept ? '+' : '-',
			    rack != NULL ? (int)rack->n : 0, rack != NULL ? rack->p : "");
	}
	pl_buf_addf(&w->text, " %s%d %s\n", e->refused[0] != '\0' ? "refused " : "", e->dropped_by,
		    e->target != NULL ? e->target->url : "none");
	assert_non_null(pl_labels_get(e->discovered, PL_STR("__address__")));
}

static void explanations_go_step_by_step(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs:\n"
			"  - job_name: j\n"
			"    told_sd_configs: [{id: a}]\n"
			"    relabel_configs:\n"
			"      - {source_labels: [__address__], target_label: rack, replacement: '<$1>'}\n"
			"      - {action: drop, source_labels: [__address__], regex: 'x.*'}\n"
			"      - {source_labels: [__address__], target_label: instance, regex: '(.*):1'}\n"
			"      - {target_label: __scheme__, source_labels: [__address__], regex: 'bad.*', replacement: ftp}\n"
			"  - {job_name: k, told_sd_configs: [{id: b}]}\n");
	say("a", "f", "x:1 h:1 bad:1");
	say("b", "g", "h:1");
	static const struct {
		const char *job, *address;
		size_t n;
		const char *text;
	} cases[] = {
	    {"", "x:1", 1, "j f: 0+<x:1> 1-<x:1> 1 none\n"},
	    {"", "h:1", 2, "j f: 0+<h:1> 1+<h:1> 2+<h:1> 3+<h:1> -1 http://h:1/metrics\nk g: -1 http://h:1/metrics\n"},
	    {"k", "h:1", 1, "k g: -1 http://h:1/metrics\n"},
	    {"j", "h", 1, "j f: 0+<h:1> 1+<h:1> 2+<h:1> 3+<h:1> -1 http://h:1/metrics\n"}, /* by its instance */
	    {"", "bad:1", 1, "j f: 0+<bad:1> 1+<bad:1> 2+<bad:1> 3+<bad:1> refused -1 none\n"},
	    {"k", "x:1", 0, ""},
	    {"none", "h:1", 0, ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		pl_buf_clear(&w.text);
		assert_int_equal(
		    pl_target_manager_explain(w.manager, cases[i].job, pl_str_of(cases[i].address), 10, note_explanation, &w),
		    cases[i].n);
		assert_string_equal(pl_buf_cstr(&w.text), cases[i].text);
	}
	assert_int_equal(pl_target_manager_explain(w.manager, "", PL_STR("h:1"), 1, note_explanation, &w), 1);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_life_of_labels),
	    cmocka_unit_test(dropped_targets_are_remembered),
	    cmocka_unit_test(explanations_go_step_by_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
