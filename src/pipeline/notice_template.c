#include "pipeline/notice_template.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "format/percent.h"
#include "pipeline/notice_text.h"

enum word {
	ALERT,
	CAUSE,
	COLOR,
	COUNT,
	DURATION,
	ID,
	KEY,
	LEVEL,
	MESSAGE,
	PREVIOUS,
	REMINDER,
	TEXT,
	TIME,
	TITLE,
	VALUE,
	N_PLAIN,
	EVENT = N_PLAIN, /* these only as JSON */
	NOTICE,
	POST,
	TAGS,
	N_WORDS,
	TAG, /* with a name */
	NONE
};

static const char *const words[N_WORDS] = {"alert", "cause",   "color",    "count",    "duration", "id",   "key",
					   "level", "message", "previous", "reminder", "text",     "time", "title",
					   "value", "event",   "notice",   "post",     "tags"};

struct place {
	enum word word;
	bool json;
	struct pl_str tag; /* of TAG */
	size_t n;          /* bytes of the whole, braces included; 0: no end */
};

/* What stands at an opening brace; NULL text: not a place at all. */
static bool place_at(struct pl_str s, struct place *out)
{
	*out = (struct place){.word = NONE};
	if (s.n < 2 || s.p[0] != '{' || s.p[1] < 'a' || s.p[1] > 'z')
		return false;
	const char *end = memchr(s.p, '}', s.n);
	if (end == NULL)
		return true;
	struct pl_str inside = {s.p + 1, (size_t)(end - s.p) - 1};
	out->n = inside.n + 2;
	if (pl_str_starts(inside, PL_STR("json:"))) {
		out->json = true;
		inside = (struct pl_str){inside.p + 5, inside.n - 5};
	}
	if (pl_str_starts(inside, PL_STR("tag.")) && inside.n > 4) {
		out->word = TAG;
		out->tag = (struct pl_str){inside.p + 4, inside.n - 4};
	}
	for (size_t i = 0; i < (out->json ? N_WORDS : N_PLAIN) && out->word == NONE; i++)
		if (pl_str_is(inside, words[i]))
			out->word = (enum word)i;
	return true;
}

enum pl_err pl_notice_template_check(const char *text, char *reason, size_t reason_size)
{
	for (struct pl_str rest = pl_str_of(text); rest.n > 0;) {
		struct place p;
		size_t n = 1;
		if (place_at(rest, &p)) {
			if (p.n == 0) {
				snprintf(reason, reason_size, "\"%.20s\" has no closing brace", rest.p);
				return PL_EPARSE;
			}
			if (p.word == NONE) {
				snprintf(reason, reason_size,
					 "%.*s is not known; there are {alert} {id} {message} {level} {previous} {cause} {value} "
					 "{time} {duration} {reminder} {tag.NAME} {color} {key} {title} {text} {count}, and with "
					 "json: also {json:tags} {json:event} {json:post} {json:notice}",
					 (int)(p.n < 40 ? p.n : 40), rest.p);
				return PL_EPARSE;
			}
			n = p.n;
		}
		rest = (struct pl_str){rest.p + n, rest.n - n};
	}
	return PL_OK;
}

enum pl_notice_escape pl_notice_escape_of(const char *content_type)
{
	size_t n = strcspn(content_type, "; \t");
	if ((n >= 5 && strncasecmp(content_type + n - 5, "/json", 5) == 0) ||
	    (n >= 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0))
		return PL_NOTICE_JSON;
	if (n >= 15 && strncasecmp(content_type + n - 15, "form-urlencoded", 15) == 0)
		return PL_NOTICE_FORM;
	if ((n >= 3 && strncasecmp(content_type + n - 3, "xml", 3) == 0) ||
	    (n >= 4 && strncasecmp(content_type + n - 4, "html", 4) == 0))
		return PL_NOTICE_MARKUP;
	return PL_NOTICE_RAW;
}

static void add_markup(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '&')
			pl_buf_add_cstr(out, "&amp;");
		else if (s.p[i] == '<')
			pl_buf_add_cstr(out, "&lt;");
		else if (s.p[i] == '>')
			pl_buf_add_cstr(out, "&gt;");
		else if (s.p[i] == '"')
			pl_buf_add_cstr(out, "&quot;");
		else if (s.p[i] == '\'')
			pl_buf_add_cstr(out, "&#39;");
		else
			pl_buf_add_char(out, s.p[i]);
	}
}

static void add_escaped(struct pl_buf *out, struct pl_str s, enum pl_notice_escape escape)
{
	struct pl_buf quoted = {0};
	switch (escape) {
	case PL_NOTICE_RAW:
		pl_buf_add_str(out, s);
		break;
	case PL_NOTICE_JSON:
		pl_json_add_quoted(&quoted, s);
		pl_buf_add(out, quoted.p + 1, quoted.n - 2);
		break;
	case PL_NOTICE_FORM:
		pl_percent_add(out, s);
		break;
	case PL_NOTICE_MARKUP:
		add_markup(out, s);
		break;
	}
	pl_buf_finish(&quoted);
}

/* The value as text, before any escaping. */
static void add_value(struct pl_buf *out, const struct place *p, const struct pl_notice *n, const struct pl_notice_event *e)
{
	const struct pl_str *tag;
	switch (p->word) {
	case ALERT:
		pl_buf_add_str(out, e->alert);
		break;
	case CAUSE:
		pl_buf_add_str(out, e->cause);
		break;
	case COLOR:
		pl_buf_add_cstr(out, pl_notice_color(e->level));
		break;
	case COUNT:
		pl_buf_add_u64(out, n->n);
		break;
	case DURATION:
		pl_notice_add_duration(out, e->duration_ns);
		break;
	case ID:
		pl_buf_add_str(out, e->id);
		break;
	case KEY:
		pl_buf_add_str(out, n->key);
		break;
	case LEVEL:
		pl_buf_add_str(out, e->level);
		break;
	case MESSAGE:
		pl_buf_add_str(out, e->message);
		break;
	case PREVIOUS:
		pl_buf_add_str(out, e->previous);
		break;
	case REMINDER:
		pl_buf_add_cstr(out, e->reminder ? "true" : "false");
		break;
	case TEXT:
		pl_notice_add_text(out, n);
		break;
	case TIME:
		pl_notice_add_time(out, e->wall_ns);
		break;
	case TITLE:
		pl_notice_add_title(out, n);
		break;
	case VALUE:
		if (!isnan(e->value))
			pl_json_add_double(out, e->value);
		break;
	case TAG:
		for (size_t i = 0; i < e->tags.n; i++) { /* not sorted as labels must be: any text */
			tag = &e->tags.v[i].value;
			if (pl_str_eq(e->tags.v[i].name, p->tag))
				pl_buf_add_str(out, *tag);
		}
		break;
	default:
		break;
	}
}

static void add_json(struct pl_buf *out, const struct place *p, const struct pl_notice *n, const struct pl_notice_event *e)
{
	struct pl_json j = {.out = out};
	struct pl_buf text = {0};
	switch (p->word) {
	case EVENT:
		pl_notice_event_json(&j, e);
		break;
	case NOTICE:
		pl_notice_json(&j, n);
		break;
	case POST:
		pl_buf_add_str(out, e->body.n > 0 ? pl_str_trim(e->body) : PL_STR("null"));
		break;
	case TAGS:
		pl_labels_json(out, e->tags);
		break;
	case VALUE:
		pl_json_double(&j, e->value);
		break;
	case COUNT:
		pl_json_u64(&j, n->n);
		break;
	case REMINDER:
		pl_json_bool(&j, e->reminder);
		break;
	default:
		add_value(&text, p, n, e);
		pl_json_str(&j, pl_buf_str(&text));
		break;
	}
	pl_buf_finish(&text);
}

void pl_notice_template_add(struct pl_buf *out, const char *text, const struct pl_notice *n, enum pl_notice_escape escape)
{
	const struct pl_notice_event *lead = pl_notice_lead(n);
	for (struct pl_str rest = pl_str_of(text); rest.n > 0;) {
		struct place p;
		size_t taken = 1;
		if (!place_at(rest, &p) || p.n == 0 || p.word == NONE) {
			pl_buf_add_char(out, rest.p[0]);
		} else {
			struct pl_buf value = {0};
			taken = p.n;
			if (p.json)
				add_json(&value, &p, n, lead);
			else
				add_value(&value, &p, n, lead);
			add_escaped(out, pl_buf_str(&value), p.json && escape == PL_NOTICE_JSON ? PL_NOTICE_RAW : escape);
			pl_buf_finish(&value);
		}
		rest = (struct pl_str){rest.p + taken, rest.n - taken};
	}
}
