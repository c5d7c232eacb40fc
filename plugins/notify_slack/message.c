#include "notify_slack/message.h"

#include "base/clock.h"
#include "format/json_out.h"
#include "pipeline/plugin.h"

/* Slack shows no more than 20 attachments as they are meant, and cuts long texts itself; a flood helps nobody. */
enum { MOST_SHOWN = 20, TEXT_BYTES = 3000 };

/* https://api.slack.com/reference/surfaces/formatting: these three are all that Slack takes for more than text. */
static void add_escaped(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '&')
			pl_buf_add_cstr(out, "&amp;");
		else if (s.p[i] == '<')
			pl_buf_add_cstr(out, "&lt;");
		else if (s.p[i] == '>')
			pl_buf_add_cstr(out, "&gt;");
		else
			pl_buf_add_char(out, s.p[i]);
	}
}

static void put_text(struct pl_json *j, const char *key, struct pl_str s)
{
	struct pl_buf text = {0};
	if (s.n > TEXT_BYTES) {
		for (s.n = TEXT_BYTES; s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80;)
			s.n--;
	}
	add_escaped(&text, s);
	pl_json_key(j, key);
	pl_json_str(j, pl_buf_str(&text));
	pl_buf_finish(&text);
}

static void put_given(struct pl_json *j, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	pl_json_key(j, key);
	pl_json_cstr(j, value);
}

static void put_event(struct pl_json *j, const struct pl_notice_event *e)
{
	struct pl_buf text = {0};
	const struct pl_notice one = {.events = e, .n = 1};
	pl_json_object_begin(j);
	pl_json_key(j, "color");
	pl_json_cstr(j, pl_notice_color(e->level));
	pl_notice_add_title(&text, &one);
	put_text(j, "fallback", pl_buf_str(&text));
	put_text(j, "title", pl_buf_str(&text));
	pl_buf_clear(&text);
	pl_notice_add_event_text(&text, e);
	put_text(j, "text", pl_str_trim(pl_buf_str(&text)));
	pl_json_key(j, "ts");
	pl_json_i64(j, e->wall_ns / PL_NS_PER_S);
	pl_json_object_end(j);
	pl_buf_finish(&text);
}

void pl_slack_message_add(struct pl_buf *out, const struct pl_notice *n, const struct pl_slack_look *look)
{
	struct pl_json j = {.out = out};
	struct pl_buf title = {0};
	pl_notice_add_title(&title, n);
	if (n->n > MOST_SHOWN)
		pl_buf_addf(&title, " (the first %d are shown)", MOST_SHOWN);
	pl_json_object_begin(&j);
	put_given(&j, "channel", look->channel);
	put_given(&j, "username", look->username);
	put_given(&j, "icon_emoji", look->icon_emoji);
	put_text(&j, "text", pl_buf_str(&title));
	pl_json_key(&j, "attachments");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < n->n && i < MOST_SHOWN; i++)
		put_event(&j, &n->events[i]);
	pl_json_array_end(&j);
	pl_json_object_end(&j);
	pl_buf_finish(&title);
}
