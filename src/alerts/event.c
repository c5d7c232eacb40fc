/* The body, as Kapacitor 1.5 sends it:
 * {"id":"..","message":"..","details":"..","time":"2026-01-02T03:04:05.000000001Z","duration":0,"level":"CRITICAL",
 *  "data":{"series":[{"name":"cpu","tags":{"host":"a"},"columns":["time","value"],"values":[["2026-01-02T03:04:05Z",97.5]]}]},
 *  "previousLevel":"OK","recoverable":true}
 * `duration` counts nanoseconds since the level was OK. A series without tags has no member `tags`; cells may be null. */
#include "alerts/event.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/tick.h"
#include "base/clock.h"
#include "config/json_tree.h"
#include "format/json_out.h"

enum { MOST_DEPTH = 16, MOST_NODES = 60000, MOST_NUMBER_BYTES = 64 };

static const char no_time[] = "0001-01-01T00:00:00Z"; /* Go's zero */

/* ---- time ---- */

/* Days since 1970-01-01 in the Gregorian calendar, continued backwards; months 1 to 12. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year; /* years begin in March, so that the leap day is the last */
	int64_t m = month <= 2 ? month + 9 : month - 3;
	int64_t leap = y / 4 - y / 100 + y / 400;
	return 365 * y + leap + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool digits(struct pl_str *s, size_t n, int64_t *out)
{
	*out = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = (struct pl_str){s->p + n, s->n - n};
	return true;
}

static bool one_of(struct pl_str *s, const char *set, char *out)
{
	if (s->n == 0 || s->p[0] == '\0' || strchr(set, s->p[0]) == NULL)
		return false;
	*out = s->p[0];
	*s = (struct pl_str){s->p + 1, s->n - 1};
	return true;
}

/* Behind a dot: digits beyond the ninth are cut off. */
static bool fraction(struct pl_str *s, int64_t *ns)
{
	int64_t unit = PL_NS_PER_S / 10, digit;
	if (!digits(s, 1, &digit))
		return false;
	do {
		*ns += digit * unit;
		unit /= 10;
	} while (digits(s, 1, &digit));
	return true;
}

static int64_t days_in(int64_t year, int64_t month)
{
	return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

bool pl_alert_time_parse(struct pl_str s, int64_t *wall_ns)
{
	int64_t year, month, day, hour, minute, second, ns = 0, off_hour = 0, off_minute = 0, whole;
	char c, sign;
	if (!digits(&s, 4, &year) || !one_of(&s, "-", &c) || !digits(&s, 2, &month) || !one_of(&s, "-", &c) ||
	    !digits(&s, 2, &day) || !one_of(&s, "Tt ", &c) || !digits(&s, 2, &hour) || !one_of(&s, ":", &c) ||
	    !digits(&s, 2, &minute) || !one_of(&s, ":", &c) || !digits(&s, 2, &second))
		return false;
	if (s.n > 0 && s.p[0] == '.') {
		s = (struct pl_str){s.p + 1, s.n - 1};
		if (!fraction(&s, &ns))
			return false;
	}
	if (!one_of(&s, "Zz+-", &sign))
		return false;
	bool offset = sign == '+' || sign == '-';
	if (offset && (!digits(&s, 2, &off_hour) || !one_of(&s, ":", &c) || !digits(&s, 2, &off_minute)))
		return false;
	if (s.n > 0 || year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    hour > 23 || minute > 59 || second > 60 || off_hour > 23 || off_minute > 59)
		return false;
	whole = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	whole -= (sign == '-' ? -1 : 1) * (off_hour * 60 + off_minute) * 60;
	*wall_ns = whole * PL_NS_PER_S + ns;
	return true;
}

void pl_alert_time_add(struct pl_buf *out, int64_t wall_ns)
{
	int64_t s = wall_ns / PL_NS_PER_S, ns = wall_ns % PL_NS_PER_S;
	if (ns < 0) {
		ns += PL_NS_PER_S;
		s--;
	}
	int64_t days = s / 86400, rest = s % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	int64_t year = 1970 + days / 366; /* not beyond the right one for days >= 0 */
	if (days < 0)
		year = 1970 + days / 365 - 1;
	while (days_of(year + 1, 1, 1) <= days)
		year++;
	int64_t month = 1;
	while (month < 12 && days_of(year, month + 1, 1) <= days)
		month++;
	pl_buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, (int)month, (int)(days - days_of(year, month, 1) + 1),
		    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	if (ns > 0) {
		pl_buf_addf(out, ".%09d", (int)ns);
		while (out->p[out->n - 1] == '0')
			out->n--;
	}
	pl_buf_add_char(out, 'Z');
}

/* ---- the tree ---- */

static bool is_ours(struct pl_str tag)
{
	return pl_str_is(tag, PL_TICK_PROOF_TAG);
}

static void add_node(struct pl_buf *out, const struct pl_node *node);

static void add_mapping(struct pl_buf *out, const struct pl_node *node, bool tags)
{
	bool first = true;
	pl_buf_add_char(out, '{');
	for (size_t i = 0; i < node->n; i++) {
		if (tags && is_ours(node->items[i]->text))
			continue;
		if (!first)
			pl_buf_add_char(out, ',');
		first = false;
		pl_json_add_quoted(out, node->items[i]->text);
		pl_buf_add_char(out, ':');
		/* `data` is data -> series -> [] -> tags: whatever is called so further down is none of Kapacitor's */
		if (pl_str_is(node->items[i]->text, "tags") && node->values[i]->kind == PL_NODE_MAPPING)
			add_mapping(out, node->values[i], true);
		else
			add_node(out, node->values[i]);
	}
	pl_buf_add_char(out, '}');
}

/* As deep as the tree: MOST_DEPTH. */
static void add_node(struct pl_buf *out, const struct pl_node *node)
{
	if (node == NULL) {
		pl_buf_add_cstr(out, "null");
	} else if (node->kind == PL_NODE_SCALAR) {
		if (node->plain)
			pl_buf_add_str(out, node->text);
		else
			pl_json_add_quoted(out, node->text);
	} else if (node->kind == PL_NODE_MAPPING) {
		add_mapping(out, node, false);
	} else {
		pl_buf_add_char(out, '[');
		for (size_t i = 0; i < node->n; i++) {
			if (i > 0)
				pl_buf_add_char(out, ',');
			add_node(out, node->items[i]);
		}
		pl_buf_add_char(out, ']');
	}
}

/* ---- the members ---- */

static bool text_member(const struct pl_node *root, const char *key, struct pl_str *out)
{
	const struct pl_node *v = pl_node_get(root, key);
	if (v == NULL || v->kind != PL_NODE_SCALAR || v->plain)
		return false;
	*out = v->text;
	return true;
}

static bool number_of(const struct pl_node *v, double *out)
{
	char text[MOST_NUMBER_BYTES + 1];
	if (v == NULL || v->kind != PL_NODE_SCALAR || !v->plain || v->text.n == 0 || v->text.n > MOST_NUMBER_BYTES ||
	    (v->text.p[0] != '-' && (v->text.p[0] < '0' || v->text.p[0] > '9')))
		return false;
	memcpy(text, v->text.p, v->text.n);
	text[v->text.n] = '\0';
	*out = strtod(text, NULL);
	return isfinite(*out);
}

static enum pl_err read_tags(struct pl_arena *arena, const struct pl_node *tags, struct pl_labels *out)
{
	struct pl_labels_builder b = {0};
	if (tags == NULL || tags->kind != PL_NODE_MAPPING)
		return PL_OK;
	if (tags->n > PL_ALERT_EVENT_TAGS)
		return PL_ELIMIT;
	for (size_t i = 0; i < tags->n; i++) {
		const struct pl_node *v = tags->values[i];
		if (v != NULL && v->kind == PL_NODE_SCALAR && !v->plain && !is_ours(tags->items[i]->text))
			pl_labels_builder_set(&b, tags->items[i]->text, v->text);
	}
	*out = pl_labels_copy(arena, pl_labels_builder_view(&b));
	pl_labels_builder_finish(&b);
	return PL_OK;
}

static double read_value(const struct pl_node *series)
{
	const struct pl_node *rows = pl_node_get(series, "values");
	double value;
	if (rows == NULL || rows->kind != PL_NODE_SEQUENCE || rows->n == 0)
		return NAN;
	const struct pl_node *row = rows->items[rows->n - 1];
	if (row == NULL || row->kind != PL_NODE_SEQUENCE)
		return NAN;
	for (size_t i = 1; i < row->n; i++) {
		if (number_of(row->items[i], &value))
			return value;
	}
	return NAN;
}

static enum pl_err read_data(struct pl_arena *arena, const struct pl_node *root, struct pl_alert_event *out)
{
	const struct pl_node *data = pl_node_get(root, "data");
	out->value = NAN;
	out->data = PL_STR("{}");
	if (data == NULL || data->kind != PL_NODE_MAPPING)
		return PL_OK;
	struct pl_buf text = {0};
	add_node(&text, data);
	out->data = pl_arena_str(arena, pl_buf_str(&text));
	pl_buf_finish(&text);
	const struct pl_node *series = pl_node_get(data, "series");
	if (series == NULL || series->kind != PL_NODE_SEQUENCE || series->n == 0 || series->items[0] == NULL)
		return PL_OK;
	text_member(series->items[0], "name", &out->series);
	out->value = read_value(series->items[0]);
	return read_tags(arena, pl_node_get(series->items[0], "tags"), &out->tags);
}

static const char *read_members(const struct pl_node *root, struct pl_alert_event *out)
{
	struct pl_str text = {0};
	const struct pl_node *v;
	double number;
	if (root == NULL || root->kind != PL_NODE_MAPPING)
		return "the body is no JSON object";
	if (!text_member(root, "id", &out->task_id) || out->task_id.n == 0)
		return "`id` is missing or no text";
	if (!text_member(root, "level", &text) || !pl_alert_level_parse(text, &out->level))
		return "`level` is none of OK, INFO, WARNING, CRITICAL";
	if (!text_member(root, "time", &text) || (!pl_str_is(text, no_time) && !pl_alert_time_parse(text, &out->wall_ns)))
		return "`time` is no RFC 3339 time";
	if (text_member(root, "previousLevel", &text) && !pl_alert_level_parse(text, &out->previous))
		return "`previousLevel` is none of OK, INFO, WARNING, CRITICAL";
	text_member(root, "message", &out->message);
	text_member(root, "details", &out->details);
	v = pl_node_get(root, "duration");
	if (v != NULL && (v->kind != PL_NODE_SCALAR || !v->plain || !pl_str_i64(v->text, &out->duration_ns))) {
		if (!number_of(v, &number) || number < 0 || number >= 9.2e18)
			out->duration_ns = 0;
		else
			out->duration_ns = (int64_t)number;
	}
	if (out->duration_ns < 0)
		out->duration_ns = 0;
	v = pl_node_get(root, "recoverable");
	out->recoverable = v == NULL || v->kind != PL_NODE_SCALAR || !pl_str_is(v->text, "false");
	return NULL;
}

enum pl_err pl_alert_event_parse(struct pl_arena *arena, struct pl_str body, struct pl_alert_event *out, char *reason,
				 size_t reason_size)
{
	struct pl_node_limits limits = {.max_bytes = PL_ALERT_EVENT_BYTES, .max_depth = MOST_DEPTH, .max_nodes = MOST_NODES};
	struct pl_problems problems = {0};
	struct pl_node *root = NULL;
	const char *wrong;
	*out = (struct pl_alert_event){.value = NAN};
	enum pl_err err = pl_json_tree_parse(arena, "body", body, limits, &problems, &root);
	if (err != PL_OK) {
		struct pl_buf text = {0};
		pl_problems_print(&problems, &text);
		struct pl_str line = pl_str_trim(pl_buf_str(&text));
		snprintf(reason, reason_size, "%.*s", (int)(line.n < 400 ? line.n : 400), line.p);
		pl_buf_finish(&text);
	} else if ((wrong = read_members(root, out)) != NULL) {
		snprintf(reason, reason_size, "%s", wrong);
		err = PL_EPARSE;
	} else if ((err = read_data(arena, root, out)) != PL_OK) {
		snprintf(reason, reason_size, "the series has more than %d tags", PL_ALERT_EVENT_TAGS);
	}
	pl_problems_finish(&problems);
	return err;
}

/* ---- written ---- */

static void put_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	struct pl_buf text = {0};
	pl_alert_time_add(&text, wall_ns);
	pl_json_key(j, key);
	pl_json_str(j, pl_buf_str(&text));
	pl_buf_finish(&text);
}

static void put_str(struct pl_json *j, const char *key, struct pl_str s)
{
	pl_json_key(j, key);
	pl_json_str(j, s);
}

static void put_level(struct pl_json *j, const char *key, int level)
{
	pl_json_key(j, key);
	pl_json_cstr(j, pl_alert_level_kapacitor(level));
}

static void put_duration(struct pl_json *j, int64_t ns)
{
	pl_json_key(j, "duration");
	pl_json_i64(j, ns);
}

static void put_recoverable(struct pl_json *j, bool recoverable)
{
	pl_json_key(j, "recoverable");
	pl_json_bool(j, recoverable);
}

void pl_alert_event_json(struct pl_buf *out, const struct pl_alert_event *e, struct pl_str alert, struct pl_str title,
			 struct pl_str cause)
{
	struct pl_json j = {.out = out};
	pl_json_object_begin(&j);
	put_str(&j, "alert", alert);
	put_str(&j, "id", title);
	put_str(&j, "message", e->message);
	put_level(&j, "level", e->level);
	put_level(&j, "previousLevel", e->previous);
	put_time(&j, "time", e->wall_ns);
	put_duration(&j, e->duration_ns);
	put_recoverable(&j, e->recoverable);
	put_str(&j, "cause", cause);
	pl_json_key(&j, "value");
	pl_json_double(&j, e->value);
	pl_json_key(&j, "tags");
	pl_json_object_begin(&j);
	for (size_t i = 0; i < e->tags.n; i++) {
		pl_json_key_str(&j, e->tags.v[i].name);
		pl_json_str(&j, e->tags.v[i].value);
	}
	pl_json_object_end(&j);
	pl_json_key(&j, "data");
	pl_json_raw(&j, e->data);
	pl_json_object_end(&j);
}

void pl_alert_event_pulse_body(struct pl_buf *out, const struct pl_alert_event *e, struct pl_str title)
{
	struct pl_json j = {.out = out};
	pl_json_object_begin(&j);
	put_str(&j, "id", title);
	put_str(&j, "message", e->message);
	put_str(&j, "details", e->details);
	put_time(&j, "time", e->wall_ns);
	put_duration(&j, e->duration_ns);
	put_level(&j, "level", e->level);
	pl_json_key(&j, "data");
	pl_json_raw(&j, e->data);
	put_level(&j, "previousLevel", e->previous);
	put_recoverable(&j, e->recoverable);
	pl_json_object_end(&j);
}
