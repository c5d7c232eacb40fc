#include "notify_script/environment.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "pipeline/plugin.h"

/* Linux takes no string of more than 128 KiB, and 2 MiB of all of them. */
enum { VALUE_BYTES = 16 * 1024, MOST = 96 };

struct list {
	char **v;
	size_t n;
};

static void add(struct list *l, struct pl_str name, struct pl_str value)
{
	if (l->n + 1 >= MOST)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i], name.p, name.n) == 0 && l->v[i][name.n] == '=')
			return;
	struct pl_buf text = {0};
	pl_buf_add_str(&text, name);
	pl_buf_add_char(&text, '=');
	for (size_t i = 0; i < value.n && i < VALUE_BYTES; i++) /* a NUL would end it */
		pl_buf_add_char(&text, value.p[i] != '\0' ? value.p[i] : ' ');
	l->v[l->n++] = pl_buf_take(&text);
}

static void add_text(struct list *l, const char *name, struct pl_buf *value)
{
	add(l, pl_str_of(name), pl_buf_str(value));
	pl_buf_finish(value);
}

static void add_ours(struct list *l)
{
	static const char *const names[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ"};
	for (size_t i = 0; i < PL_COUNT_OF(names); i++)
		if (getenv(names[i]) != NULL)
			add(l, pl_str_of(names[i]), pl_str_of(getenv(names[i])));
	add(l, PL_STR("PATH"), PL_STR("/usr/local/bin:/usr/bin:/bin"));
}

static void add_tags(struct list *l, struct pl_labels tags)
{
	for (size_t i = 0; i < tags.n; i++) {
		struct pl_buf name = {0};
		pl_buf_add_cstr(&name, "PULSELINE_TAG_");
		for (size_t k = 0; k < tags.v[i].name.n && k < 200; k++) {
			char c = tags.v[i].name.p[k];
			c = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
			pl_buf_add_char(&name, (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_');
		}
		add(l, pl_buf_str(&name), tags.v[i].value);
		pl_buf_finish(&name);
	}
}

char **pl_script_environment(const struct pl_notice *n)
{
	const struct pl_notice_event *e = pl_notice_lead(n);
	struct list l = {.v = pl_calloc(MOST + 1, sizeof(char *))};
	struct pl_buf value = {0};
	add_ours(&l);
	add(&l, PL_STR("PULSELINE_KEY"), n->key);
	pl_notice_add_title(&value, n);
	add_text(&l, "PULSELINE_TITLE", &value);
	pl_buf_add_u64(&value, n->n);
	add_text(&l, "PULSELINE_COUNT", &value);
	add(&l, PL_STR("PULSELINE_ALERT"), e->alert);
	add(&l, PL_STR("PULSELINE_ID"), e->id);
	add(&l, PL_STR("PULSELINE_LEVEL"), e->level);
	add(&l, PL_STR("PULSELINE_PREVIOUS"), e->previous);
	add(&l, PL_STR("PULSELINE_MESSAGE"), e->message);
	add(&l, PL_STR("PULSELINE_CAUSE"), e->cause);
	add(&l, PL_STR("PULSELINE_REMINDER"), e->reminder ? PL_STR("true") : PL_STR("false"));
	if (!isnan(e->value))
		pl_json_add_double(&value, e->value);
	add_text(&l, "PULSELINE_VALUE", &value);
	pl_notice_add_time(&value, e->wall_ns);
	add_text(&l, "PULSELINE_TIME", &value);
	add_tags(&l, e->tags);
	return l.v;
}

void pl_script_environment_free(char **v)
{
	for (size_t i = 0; v != NULL && v[i] != NULL; i++)
		free(v[i]);
	free(v);
}
