/* The names by which people know an alert's series, and the message that Kapacitor makes for them. */
#include "alerts/tick_parts.h"

#include "format/tick_literal.h"

/* "[v1|v2] METRIC"; `add` writes each of the texts. */
static void add_name(const struct pl_alert *a, void (*add)(struct pl_buf *out, struct pl_str s), struct pl_buf *out)
{
	for (size_t i = 0; i < a->tags.n; i++) {
		pl_buf_add_char(out, i == 0 ? '[' : '|');
		add(out, a->tags.v[i].value);
	}
	if (a->tags.n > 0)
		pl_buf_add_cstr(out, "] ");
	add(out, pl_str_of(a->metric));
}

/* Does the tag tell the alert's series from each other? max and its like keep more tags than the series has. */
static bool is_told(const struct pl_alert *a, struct pl_str tag)
{
	if (pl_str_is(tag, PL_TICK_PROOF_TAG) || pl_labels_get(a->tags, tag) != NULL)
		return false;
	for (size_t i = 0; i < a->group_by.n; i++)
		if (strcmp(a->group_by.v[i], "*") == 0 || pl_str_is(tag, a->group_by.v[i]))
			return true;
	return a->group_by.n == 0 && a->tags.n == 0;
}

void pl_tick_title(const struct pl_alert *a, struct pl_labels series, struct pl_buf *out)
{
	add_name(a, pl_buf_add_str, out);
	for (size_t i = 0; i < series.n; i++) {
		const struct pl_label *l = &series.v[i];
		if (l->value.n == 0 || !is_told(a, l->name))
			continue;
		pl_buf_add_cstr(out, " (");
		pl_buf_add_str(out, l->name);
		pl_buf_add_char(out, '=');
		pl_buf_add_str(out, l->value);
		pl_buf_add_char(out, ')');
	}
}

static void add_tag(struct pl_str name, struct pl_buf *out)
{
	pl_buf_add_cstr(out, "index .Tags ");
	pl_tick_add_template_string(out, name);
}

/* The same as pl_tick_title of the series' tags, as a template. Only group tags are left behind an aggregate. */
static void add_title(const struct pl_tick_parts *p, struct pl_buf *out)
{
	const struct pl_alert *a = p->alert;
	add_name(a, pl_tick_add_template_text, out);
	if (p->all_tags) {
		pl_buf_add_cstr(out, "{{ range $k, $v := .Tags }}{{ if and $v (not (eq $k \"" PL_TICK_PROOF_TAG "\"");
		for (size_t i = 0; i < a->tags.n; i++) {
			pl_buf_add_char(out, ' ');
			pl_tick_add_template_string(out, a->tags.v[i].name);
		}
		pl_buf_add_cstr(out, ")) }} ({{ $k }}={{ $v }}){{ end }}{{ end }}");
		return;
	}
	for (size_t i = 0; i < p->groups; i++) {
		if (pl_labels_get(a->tags, p->group[i]) != NULL)
			continue;
		pl_buf_add_cstr(out, "{{ with ");
		add_tag(p->group[i], out);
		pl_buf_add_cstr(out, " }} (");
		pl_tick_add_template_text(out, p->group[i]);
		pl_buf_add_cstr(out, "={{ . }}){{ end }}");
	}
}

static void add_value(const struct pl_tick_parts *p, struct pl_buf *out)
{
	pl_buf_add_cstr(out, "{{ index .Fields ");
	pl_tick_add_template_string(out, pl_buf_str(&p->value));
	pl_buf_add_cstr(out, " }}");
}

/* What stands between { and } of a message; false: nothing of ours. */
static bool add_placeholder(const struct pl_tick_parts *p, struct pl_str word, struct pl_buf *out)
{
	const struct pl_alert *a = p->alert;
	if (pl_str_is(word, "id")) {
		pl_tick_add_template_text(out, pl_str_of(a->id));
	} else if (pl_str_is(word, "title")) {
		add_title(p, out);
	} else if (pl_str_is(word, "level")) {
		pl_buf_add_cstr(out, "{{ .Level }}");
	} else if (pl_str_is(word, "value")) {
		add_value(p, out);
	} else if (pl_str_is(word, "metric")) {
		pl_tick_add_template_text(out, pl_str_of(a->metric));
	} else if (pl_str_starts(word, PL_STR("tag."))) {
		struct pl_str name = {word.p + 4, word.n - 4};
		if (!pl_label_name_valid(name))
			return false;
		const struct pl_str *own = pl_labels_get(a->tags, name);
		if (own != NULL) {
			pl_tick_add_template_text(out, *own);
		} else {
			pl_buf_add_cstr(out, "{{ ");
			add_tag(name, out);
			pl_buf_add_cstr(out, " }}");
		}
	} else {
		return false;
	}
	return true;
}

void pl_tick_add_message(const struct pl_tick_parts *p, struct pl_buf *out)
{
	if (p->alert->message == NULL) {
		add_title(p, out);
		pl_buf_add_cstr(out, " is {{ .Level }} value:");
		add_value(p, out);
		return;
	}
	struct pl_str rest = pl_str_of(p->alert->message);
	while (rest.n > 0) {
		const char *open = memchr(rest.p, '{', rest.n);
		size_t before = open != NULL ? (size_t)(open - rest.p) : rest.n;
		pl_tick_add_template_text(out, (struct pl_str){rest.p, before});
		rest.p += before, rest.n -= before;
		if (rest.n == 0)
			break;
		const char *close = memchr(rest.p, '}', rest.n);
		size_t word = close != NULL ? (size_t)(close - rest.p) : 0;
		size_t taken = word + 1;
		if (word == 0 || !add_placeholder(p, (struct pl_str){rest.p + 1, word - 1}, out)) {
			pl_tick_add_template_text(out, (struct pl_str){rest.p, 1});
			taken = 1;
		}
		rest.p += taken, rest.n -= taken;
	}
}

bool pl_tick_split_id(struct pl_str task_id, struct pl_str *alert, struct pl_str *group)
{
	struct pl_str rest = task_id;
	*alert = pl_str_cut(&rest, '/');
	*group = rest;
	return rest.p != NULL && alert->n > 0;
}
