#include "pipeline/notice_text.h"

#include <math.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/printable.h"

/* A title must stay a title; a text may be long, but no flood. */
enum { TITLE_BYTES = 200, TEXT_BYTES = 256 * 1024 };

static const struct {
	const char *level, *color;
} levels[] = {{"OK", "#2e7d32"}, {"INFO", "#1565c0"}, {"WARNING", "#f9a825"}, {"CRITICAL", "#c62828"}};

int pl_notice_severity(struct pl_str level)
{
	for (size_t i = 0; i < PL_COUNT_OF(levels); i++)
		if (pl_str_is(level, levels[i].level))
			return (int)i;
	return (int)PL_COUNT_OF(levels) - 1;
}

const char *pl_notice_color(struct pl_str level)
{
	return levels[pl_notice_severity(level)].color;
}

const struct pl_notice_event *pl_notice_lead(const struct pl_notice *n)
{
	const struct pl_notice_event *lead = &n->events[0];
	for (size_t i = 1; i < n->n; i++)
		if (pl_notice_severity(n->events[i].level) >= pl_notice_severity(lead->level))
			lead = &n->events[i];
	return lead;
}

/* What there is, if it has no line breaks and the like; else without them. At most about `room` bytes, whole characters. */
static void add_line(struct pl_buf *out, struct pl_str s, size_t room)
{
	struct pl_buf text = {0};
	pl_buf_add_printable(&text, s);
	size_t n = text.n;
	if (n > room) {
		for (n = room; n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80;)
			n--;
	}
	pl_buf_add(out, text.p, n);
	if (n < text.n)
		pl_buf_add_cstr(out, "...");
	pl_buf_finish(&text);
}

static struct pl_str name_of(const struct pl_notice_event *e)
{
	return e->id.n > 0 ? e->id : e->alert;
}

void pl_notice_add_title(struct pl_buf *out, const struct pl_notice *n)
{
	const struct pl_notice_event *lead = pl_notice_lead(n);
	struct pl_buf names = {0};
	pl_buf_add_char(out, '[');
	add_line(out, lead->level, 40);
	pl_buf_add_cstr(out, "] ");
	if (n->n == 1) {
		add_line(out, name_of(lead), TITLE_BYTES);
		if (lead->reminder)
			pl_buf_add_cstr(out, " (reminder)");
		return;
	}
	pl_buf_addf(out, "%zu alerts: ", n->n);
	for (size_t i = 0; i < n->n && names.n <= TITLE_BYTES; i++) {
		pl_buf_add_cstr(&names, i > 0 ? ", " : "");
		pl_buf_add_str(&names, name_of(&n->events[i]));
	}
	add_line(out, pl_buf_str(&names), TITLE_BYTES);
	pl_buf_finish(&names);
}

void pl_notice_add_time(struct pl_buf *out, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_buf_add_cstr(out, pl_clock_text(wall_ns, text));
}

void pl_notice_add_duration(struct pl_buf *out, int64_t ns)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	int64_t left = ns > 0 ? ns / PL_NS_PER_S : 0;
	unsigned said = 0;
	for (size_t i = 0; i < PL_COUNT_OF(units); i++) {
		int64_t n = left / units[i].seconds;
		left %= units[i].seconds;
		if (said == 2 || (n == 0 && (said == 1 || units[i].unit != 's')))
			said += said == 1;
		else if (n > 0 || said == 0) {
			pl_buf_add_i64(out, n);
			pl_buf_add_char(out, units[i].unit);
			said++;
		}
	}
}

static void add_tags(struct pl_buf *out, struct pl_labels tags)
{
	for (size_t i = 0; i < tags.n; i++) {
		pl_buf_add_cstr(out, i > 0 ? ", " : "");
		add_line(out, tags.v[i].name, 256);
		pl_buf_add_char(out, '=');
		add_line(out, tags.v[i].value, 1024);
	}
}

void pl_notice_add_event_text(struct pl_buf *out, const struct pl_notice_event *e)
{
	add_line(out, e->level, 40);
	pl_buf_add_cstr(out, ": ");
	for (struct pl_str rest = e->message.n > 0 ? e->message : name_of(e); rest.p != NULL;) {
		add_line(out, pl_str_cut(&rest, '\n'), TEXT_BYTES / 4);
		pl_buf_add_char(out, '\n');
	}
	if (e->reminder)
		pl_buf_add_cstr(out, "  reminder: said before, and still so\n");
	if (e->cause.n > 0) {
		pl_buf_add_cstr(out, pl_str_is(e->cause, "pipeline") ? "  cause: Pulseline's own pipeline is behind, not the "
								       "thing that is watched ("
								     : "  cause: (");
		add_line(out, e->cause, 200);
		pl_buf_add_cstr(out, ")\n");
	}
	if (e->previous.n > 0) {
		pl_buf_add_cstr(out, "  before: ");
		add_line(out, e->previous, 40);
		if (e->duration_ns > 0) {
			pl_buf_add_cstr(out, ", not OK for ");
			pl_notice_add_duration(out, e->duration_ns);
		}
		pl_buf_add_char(out, '\n');
	}
	if (!isnan(e->value)) {
		pl_buf_add_cstr(out, "  value: ");
		pl_json_add_double(out, e->value);
		pl_buf_add_char(out, '\n');
	}
	if (e->tags.n > 0) {
		pl_buf_add_cstr(out, "  tags: ");
		add_tags(out, e->tags);
		pl_buf_add_char(out, '\n');
	}
	pl_buf_add_cstr(out, "  time: ");
	pl_notice_add_time(out, e->wall_ns);
	pl_buf_add_cstr(out, "\n  alert: ");
	add_line(out, e->alert, 200);
	pl_buf_add_char(out, '\n');
}

void pl_notice_add_text(struct pl_buf *out, const struct pl_notice *n)
{
	size_t start = out->n;
	for (size_t i = 0; i < n->n; i++) {
		if (out->n - start > TEXT_BYTES) {
			pl_buf_addf(out, "\n... and %zu more\n", n->n - i);
			return;
		}
		if (i > 0)
			pl_buf_add_char(out, '\n');
		pl_notice_add_event_text(out, &n->events[i]);
	}
}

void pl_notice_verdict_say(struct pl_notice_verdict *v, struct pl_str reason)
{
	struct pl_buf text = {0};
	pl_buf_add_printable(&text, reason);
	size_t n = text.n < sizeof v->reason ? text.n : sizeof v->reason - 1;
	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n--;
	memcpy(v->reason, n > 0 ? text.p : "", n);
	v->reason[n] = '\0';
	pl_buf_finish(&text);
}

void pl_notice_event_json(struct pl_json *j, const struct pl_notice_event *e)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_json_object_begin(j);
	pl_json_key(j, "alert");
	pl_json_str(j, e->alert);
	pl_json_key(j, "id");
	pl_json_str(j, e->id);
	pl_json_key(j, "message");
	pl_json_str(j, e->message);
	pl_json_key(j, "level");
	pl_json_str(j, e->level);
	pl_json_key(j, "previous_level");
	pl_json_str(j, e->previous);
	pl_json_key(j, "cause");
	pl_json_str(j, e->cause);
	pl_json_key(j, "tags");
	pl_json_object_begin(j);
	for (size_t i = 0; i < e->tags.n; i++) {
		pl_json_key_str(j, e->tags.v[i].name);
		pl_json_str(j, e->tags.v[i].value);
	}
	pl_json_object_end(j);
	pl_json_key(j, "time");
	pl_json_cstr(j, pl_clock_text(e->wall_ns, text));
	pl_json_key(j, "duration_ns");
	pl_json_i64(j, e->duration_ns);
	pl_json_key(j, "value");
	pl_json_double(j, e->value);
	pl_json_key(j, "reminder");
	pl_json_bool(j, e->reminder);
	pl_json_key(j, "post");
	if (e->body.n == 0) {
		pl_json_null(j);
	} else {
		/* The commas are the writer's: a value of nothing, and the text behind it. */
		pl_json_null(j);
		j->out->n -= 4;
		pl_buf_add_str(j->out, pl_str_trim(e->body));
	}
	pl_json_object_end(j);
}

void pl_notice_json(struct pl_json *j, const struct pl_notice *n)
{
	struct pl_buf title = {0};
	pl_notice_add_title(&title, n);
	pl_json_object_begin(j);
	pl_json_key(j, "key");
	pl_json_str(j, n->key);
	pl_json_key(j, "title");
	pl_json_str(j, pl_buf_str(&title));
	pl_json_key(j, "events");
	pl_json_array_begin(j);
	for (size_t i = 0; i < n->n; i++)
		pl_notice_event_json(j, &n->events[i]);
	pl_json_array_end(j);
	pl_json_object_end(j);
	pl_buf_finish(&title);
}
