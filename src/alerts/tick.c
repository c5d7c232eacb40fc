#include "alerts/tick.h"

#include "alerts/tick_parts.h"
#include "alerts/tick_template.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "format/tick_literal.h"

void pl_tick_task_finish(struct pl_tick_task *t)
{
	pl_buf_finish(&t->script);
	pl_buf_finish(&t->vars);
	pl_buf_finish(&t->dbrps);
}

static const struct {
	const char *word;
	int level;
	bool reset;
} level_words[] = {
    {"info", PL_ALERT_INFO, false},      {"info_reset", PL_ALERT_INFO, true}, {"warn", PL_ALERT_WARN, false},
    {"warn_reset", PL_ALERT_WARN, true}, {"crit", PL_ALERT_CRIT, false},      {"crit_reset", PL_ALERT_CRIT, true},
};

static const double *level_number(const struct pl_tick_parts *p, struct pl_str word)
{
	for (size_t i = 0; i < PL_COUNT_OF(level_words); i++) {
		const struct pl_alert_bound *b = &p->bounds[level_words[i].level];
		if (!pl_str_is(word, level_words[i].word) || !b->given || (level_words[i].reset && !b->reset_given))
			continue;
		return level_words[i].reset ? &b->reset : &b->threshold;
	}
	return NULL;
}

static bool keep(const void *data, struct pl_str word, size_t i)
{
	const struct pl_tick_parts *p = data;
	const struct pl_alert *a = p->alert;
	if (pl_str_is(word, "tag"))
		return i < a->tags.n;
	if (i > 0)
		return false;
	if (pl_str_is(word, "plain"))
		return a->aggregate == PL_ALERT_NONE;
	if (pl_str_is(word, "window"))
		return a->aggregate != PL_ALERT_NONE;
	if (pl_str_is(word, "full"))
		return pl_tick_needs_full_window(a);
	if (pl_str_is(word, "percentile"))
		return a->aggregate == PL_ALERT_PERCENTILE;
	if (pl_str_is(word, "difference"))
		return a->change == PL_ALERT_DIFFERENCE;
	if (pl_str_is(word, "percent"))
		return a->change == PL_ALERT_PERCENT;
	return level_number(p, word) != NULL;
}

static int opposite(int op)
{
	static const int opposites[] = {
	    [PL_ALERT_GT] = PL_ALERT_LE, [PL_ALERT_GE] = PL_ALERT_LT, [PL_ALERT_LT] = PL_ALERT_GE,
	    [PL_ALERT_LE] = PL_ALERT_GT, [PL_ALERT_EQ] = PL_ALERT_NE, [PL_ALERT_NE] = PL_ALERT_EQ,
	};
	return opposites[op];
}

static void put_tag_var(struct pl_buf *out, size_t i)
{
	pl_buf_addf(out, "tag%05zu", i); /* so that the names' order is that of the numbers */
}

static void put(const void *data, struct pl_str word, size_t i, struct pl_buf *out)
{
	const struct pl_tick_parts *p = data;
	const struct pl_alert *a = p->alert;
	if (pl_str_is(word, "tag")) {
		put_tag_var(out, i);
	} else if (pl_str_is(word, "name")) {
		if (pl_tick_add_reference(out, a->tags.v[i].name) != PL_OK)
			pl_buf_add_cstr(out, "\"\""); /* not reached: the parts are checked */
	} else if (pl_str_is(word, "value")) {
		pl_buf_add_str(out, pl_buf_str(&p->value));
	} else if (pl_str_is(word, "is")) {
		pl_buf_add_cstr(out, pl_alert_operator_sign(a->operator_));
	} else if (pl_str_is(word, "is_not")) {
		pl_buf_add_cstr(out, pl_alert_operator_sign(opposite(a->operator_)));
	} else if (pl_str_is(word, "aggregate")) {
		pl_buf_addf(out, "%s(field%s)", pl_alert_aggregate_text(a->aggregate),
			    a->aggregate == PL_ALERT_PERCENTILE ? ", rank" : "");
	}
}

/* --- vars, written in the order of their names --- */

static void var_begin(struct pl_json *j, const char *name, const char *type)
{
	if (name != NULL)
		pl_json_key(j, name);
	pl_json_object_begin(j);
	pl_json_key(j, "type");
	pl_json_cstr(j, type);
	pl_json_key(j, "value");
}

static void var_text(struct pl_json *j, const char *name, const char *type, struct pl_str value)
{
	var_begin(j, name, type);
	pl_json_str(j, value);
	pl_json_object_end(j);
}

static void var_duration(struct pl_json *j, const char *name, int64_t ns)
{
	var_begin(j, name, "duration");
	pl_json_i64(j, ns);
	pl_json_object_end(j);
}

static void var_float(struct pl_json *j, const char *name, double value)
{
	var_begin(j, name, "float");
	pl_json_double(j, value);
	pl_json_object_end(j);
}

static void var_level(struct pl_json *j, const struct pl_tick_parts *p, const char *name)
{
	const double *number = level_number(p, pl_str_of(name));
	if (number != NULL)
		var_float(j, name, *number);
}

/* A lambda var is parsed by itself: it could not reach the script even if the reference in it were torn. */
static void var_field(struct pl_json *j, const struct pl_tick_parts *p, const char *name, const char *before, const char *behind)
{
	struct pl_buf lambda = {0};
	pl_buf_add_cstr(&lambda, before);
	if (pl_tick_add_reference(&lambda, pl_str_of(p->field)) == PL_OK) {
		pl_buf_add_cstr(&lambda, behind);
		var_text(j, name, "lambda", pl_buf_str(&lambda));
	}
	pl_buf_finish(&lambda);
}

static void var_groups(struct pl_json *j, const struct pl_tick_parts *p)
{
	var_begin(j, "groups", "list");
	pl_json_array_begin(j);
	if (p->all_tags) {
		var_begin(j, NULL, "star");
		pl_json_null(j);
		pl_json_object_end(j);
	} else {
		for (size_t i = 0; i < p->groups; i++)
			var_text(j, NULL, "string", p->group[i]);
		var_text(j, NULL, "string", PL_STR(PL_TICK_PROOF_TAG));
	}
	pl_json_array_end(j);
	pl_json_object_end(j);
}

static void var_tags(struct pl_json *j, const struct pl_alert *a)
{
	struct pl_buf name = {0};
	for (size_t i = 0; i < a->tags.n; i++) {
		pl_buf_clear(&name);
		put_tag_var(&name, i);
		var_text(j, pl_buf_cstr(&name), "string", a->tags.v[i].value);
	}
	pl_buf_finish(&name);
}

/* Until a silent series is forgotten: when its windows are over, and (relative) nothing can be compared with them any more. */
static int64_t idle_time(const struct pl_alert *a)
{
	int64_t ns = a->duration, more[] = {a->every, a->kind == PL_ALERT_RELATIVE ? a->ago : 0};
	for (size_t i = 0; i < PL_COUNT_OF(more); i++)
		ns = ns > INT64_MAX - more[i] ? INT64_MAX : ns + more[i];
	return ns;
}

static void add_vars(const struct pl_tick_parts *p, const struct pl_tick_options *options, struct pl_buf *out)
{
	const struct pl_alert *a = p->alert;
	struct pl_json j = {.out = out};
	struct pl_buf text = {0};
	bool relative = a->kind == PL_ALERT_RELATIVE;
	bool windows = relative || (a->kind == PL_ALERT_THRESHOLD && a->aggregate != PL_ALERT_NONE);
	bool plain = a->kind == PL_ALERT_THRESHOLD && !windows;
	pl_json_object_begin(&j);
	if (relative)
		var_duration(&j, "ago", a->ago);
	var_level(&j, p, "crit");
	var_level(&j, p, "crit_reset");
	if (windows) {
		var_duration(&j, "every", a->every);
		var_text(&j, "field", "string", pl_str_of(p->field));
	}
	var_groups(&j, p);
	pl_tick_add_template_text(&text, pl_str_of(a->id));
	pl_buf_add_cstr(&text, "/{{ .Group }}");
	var_text(&j, "id", "string", pl_buf_str(&text));
	if (windows)
		var_duration(&j, "idle", idle_time(a));
	var_level(&j, p, "info");
	var_level(&j, p, "info_reset");
	var_text(&j, "measurement", "string", pl_str_of(a->metric));
	pl_buf_clear(&text);
	pl_tick_add_message(p, &text);
	var_text(&j, "message", "string", pl_buf_str(&text));
	if (!plain)
		var_duration(&j, "period", a->duration);
	if (a->kind != PL_ALERT_DEADMAN)
		var_field(&j, p, "present", "isPresent(", ")");
	var_text(&j, "proof", "string", pl_str_of(a->id));
	if (windows && a->aggregate == PL_ALERT_PERCENTILE)
		var_float(&j, "rank", a->percentile);
	var_tags(&j, a);
	var_text(&j, "token", "string", pl_str_of(options->token));
	pl_buf_clear(&text);
	pl_tick_add_template_text(&text, pl_str_of(options->webhook));
	var_text(&j, "url", "string", pl_buf_str(&text));
	if (plain)
		var_field(&j, p, "value", "", "");
	var_level(&j, p, "warn");
	var_level(&j, p, "warn_reset");
	pl_json_object_end(&j);
	pl_buf_finish(&text);
}

static void add_dbrp(struct pl_json *j, const char *database, const char *retention_policy)
{
	pl_json_object_begin(j);
	pl_json_key(j, "db");
	pl_json_cstr(j, database);
	pl_json_key(j, "rp");
	pl_json_cstr(j, retention_policy);
	pl_json_object_end(j);
}

static void add_dbrps(const struct pl_tick_parts *p, const char *proof_database, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	pl_json_array_begin(&j);
	add_dbrp(&j, p->database, p->retention_policy);
	if (proof_database != NULL && (strcmp(proof_database, p->database) != 0 || strcmp(p->retention_policy, "autogen") != 0))
		add_dbrp(&j, proof_database, "autogen");
	pl_json_array_end(&j);
}

static struct pl_str template_of(int kind)
{
	switch (kind) {
	case PL_ALERT_DEADMAN:
		return (struct pl_str){(const char *)pl_tick_deadman, pl_tick_deadman_size};
	case PL_ALERT_RELATIVE:
		return (struct pl_str){(const char *)pl_tick_relative, pl_tick_relative_size};
	default:
		return (struct pl_str){(const char *)pl_tick_threshold, pl_tick_threshold_size};
	}
}

enum pl_err pl_tick_render(const struct pl_alert *a, const struct pl_tick_options *options, struct pl_tick_task *out,
			   char *reason, size_t reason_size)
{
	struct pl_tick_parts p;
	enum pl_err err = pl_tick_parts_init(&p, a, &options->defaults, reason, reason_size);
	if (err != PL_OK)
		return err;
	pl_buf_add_cstr(&out->script, PL_TICK_MARKER "\n");
	pl_tick_template_fill(template_of(a->kind), &(struct pl_tick_filler){keep, put, &p}, &out->script);
	add_vars(&p, options, &out->vars);
	add_dbrps(&p, options->defaults.proof_database, &out->dbrps);
	pl_tick_parts_finish(&p);
	return PL_OK;
}
