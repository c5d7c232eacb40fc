#include "alerts/notices.h"

#include <math.h>
#include <stdlib.h>

#include "alerts/notice_document.h"
#include "alerts/notices_private.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
	DEFAULT_MOST = 20000,
	DEFAULT_MOST_BYTES = 64 * 1024 * 1024,
	MOST_BODY = 16 * 1024, /* a longer one is kept and passed on without its data */
	STORE_AGAIN_S = 5,
	LONGEST_WAIT_S = 600,
};

static const int64_t given_up_after = 30 * 24 * 3600 * PL_NS_PER_S; /* a series that is OK and whose recovery is still not told */
static bool is_over(const struct pl_notices *n, const struct pl_series *s)
{
	int64_t now = n->options.wall_ns();
	if (s->level != PL_ALERT_OK || s->pending || s->due > now)
		return false;
	for (size_t i = 0; i < s->n_to; i++) {
		if ((s->to[i].told != PL_ALERT_OK || s->to[i].reached != PL_ALERT_OK) && now < s->seen_ns + given_up_after)
			return false;
	}
	return true;
}

/* ---- events ---- */

const char *pl_notices_cause(enum pl_notices_fate fate)
{
	return fate == PL_NOTICES_HELD ? "pipeline" : fate == PL_NOTICES_QUIET ? "no group" : "";
}

int64_t pl_notices_held_until(const struct pl_notices *n, const struct pl_alert *a)
{
	if (a->kind != PL_ALERT_DEADMAN)
		return 0;
	return n->behind ? INT64_MAX : n->caught_up_ns + a->duration;
}

bool pl_notices_hold(const struct pl_notices *n, const struct pl_alert *a)
{
	return pl_notices_held_until(n, a) > n->options.wall_ns();
}

static bool is_told(const struct pl_series *s)
{
	for (size_t i = 0; i < s->n_to; i++) {
		if (s->to[i].told != PL_ALERT_OK)
			return true;
	}
	return false;
}

static void wake_for(struct pl_notices *n, const struct pl_series *s);

static bool is_pseudo(const struct pl_alert *a, struct pl_str group)
{
	return a->kind == PL_ALERT_DEADMAN && pl_str_is(group, "nil") && (a->group_by.n > 0 || a->tags.n > 0);
}

/* The event as it is passed on. */
static void keep_event(struct pl_series *s, const struct pl_alert_event *e, const char *cause)
{
	struct pl_buf body = {0};
	struct pl_str title = pl_str_of(s->title);
	pl_alert_event_pulse_body(&body, e, title);
	if (body.n > MOST_BODY) {
		struct pl_alert_event less = *e;
		less.data = PL_STR("{}");
		pl_buf_clear(&body);
		pl_alert_event_pulse_body(&body, &less, title);
	}
	struct pl_notice_event kept = {
	    .alert = pl_str_of(s->alert->id),
	    .id = title,
	    .message = e->message,
	    .level = pl_str_of(pl_alert_level_kapacitor(e->level)),
	    .previous = pl_str_of(pl_alert_level_kapacitor(e->previous)),
	    .cause = pl_str_of(cause),
	    .tags = e->tags,
	    .wall_ns = e->wall_ns,
	    .duration_ns = e->duration_ns,
	    .value = e->value,
	    .body = pl_buf_str(&body),
	};
	if (s->pending && s->level != PL_ALERT_OK && s->last.text != NULL &&
	    (s->worst.text == NULL || s->level > s->worst.level)) {
		free(s->worst.text);
		s->worst = s->last;
		s->last = (struct pl_series_event){0};
	}
	pl_series_event_set(&s->last, &kept, e->level);
	pl_buf_finish(&body);
}

static void change(struct pl_notices *n, struct pl_series *s, const struct pl_alert_event *e, const char *cause)
{
	keep_event(s, e, cause);
	s->level = e->level;
	s->event_ns = e->wall_ns;
	s->seen_ns = n->options.wall_ns();
	if (e->level != PL_ALERT_OK)
		s->since_ns = e->wall_ns > e->duration_ns ? e->wall_ns - e->duration_ns : s->seen_ns;
	s->pending = true;
	s->dirty = true;
}

static struct pl_str until_nul(struct pl_str s)
{
	return (struct pl_str){s.p, s.n > 0 ? strnlen(s.p, s.n) : 0};
}

/* Looks at it now, or when others of its alert have had time to come. */
static void look_soon(struct pl_notices *n, const struct pl_alert *a, struct pl_series *s)
{
	if (a->group_wait <= 0) {
		pl_notices_look(n, a, s);
		return;
	}
	int64_t at = n->options.wall_ns() + a->group_wait;
	if (at < s->alert->due)
		s->alert->due = at;
	pl_notices_store(n, s);
}

enum pl_notices_fate pl_notices_event(struct pl_notices *n, const struct pl_alert *a, struct pl_str group, struct pl_str title,
				      const struct pl_alert_event *e)
{
	struct pl_str id = pl_str_of(a->id);
	group = until_nul(group);
	title = until_nul(title);
	struct pl_series *s = pl_notices_series(pl_notices_alert(n, id), group);
	if (s != NULL && s->level == e->level && s->event_ns == e->wall_ns) {
		n->stats.duplicates++;
		return PL_NOTICES_DUPLICATE;
	}
	if (s == NULL && e->level == PL_ALERT_OK)
		return PL_NOTICES_TAKEN; /* nobody was told */
	if (s == NULL) {
		pl_notices_make_room(n);
		s = pl_series_create(NULL, group);
		pl_notices_adopt(n, id, s);
	}
	if (s->title[0] == '\0') {
		free(s->title);
		s->title = pl_strndup(title.p, title.n);
	}
	s->quiet = is_pseudo(a, group);
	s->held = e->level != PL_ALERT_OK && !s->quiet && !is_told(s) && (s->held || pl_notices_hold(n, a));
	change(n, s, e, "");
	look_soon(n, a, s);
	wake_for(n, s);
	return s->quiet ? PL_NOTICES_QUIET : s->held ? PL_NOTICES_HELD : PL_NOTICES_TAKEN;
}

/* Whatever was told of the series is called off. */
static void end_series(struct pl_notices *n, struct pl_series *s, const char *cause)
{
	struct pl_alert none = {.id = s->alert->id, .enabled = true};
	struct pl_buf message = {0};
	struct pl_notice_event last;
	struct pl_arena arena = {0};
	int64_t now = n->options.wall_ns();
	pl_buf_addf(&message, "%s is OK: the alert is %s", s->title[0] != '\0' ? s->title : s->alert->id, cause);
	struct pl_alert_event e = {
	    .message = pl_buf_str(&message),
	    .level = PL_ALERT_OK,
	    .previous = s->level,
	    .wall_ns = now,
	    .duration_ns = now > s->since_ns && s->since_ns > 0 ? now - s->since_ns : 0,
	    .recoverable = true,
	    .value = NAN,
	    .data = PL_STR("{}"),
	};
	if (s->last.text != NULL) {
		struct pl_buf document = {0};
		pl_buf_addf(&document, "{\"v\":1,\"e\":%.*s}", (int)s->last.n, s->last.text);
		if (pl_notice_event_read(&arena, pl_node_get(pl_notice_document(&arena, pl_buf_str(&document), 1), "e"), &last))
			e.tags = last.tags;
		pl_buf_finish(&document);
	}
	s->pending = false; /* what nobody was told until now is not told any more */
	pl_series_event_set(&s->worst, NULL, PL_ALERT_OK);
	change(n, s, &e, cause);
	pl_notices_look(n, &none, s);
	pl_arena_finish(&arena);
	pl_buf_finish(&message);
}

static void end_alert(struct pl_notices *n, struct pl_series_alert *a, const char *cause)
{
	for (struct pl_series *s = a->series; s != NULL; s = s->hh.next) {
		if (s->level != PL_ALERT_OK || s->pending)
			end_series(n, s, cause);
	}
	a->due = INT64_MAX;
}

void pl_notices_end(struct pl_notices *n, struct pl_str alert, const char *cause)
{
	struct pl_series_alert *a = pl_notices_alert(n, alert);
	if (a != NULL)
		end_alert(n, a, cause);
}

void pl_notices_pipeline(struct pl_notices *n, bool behind)
{
	if (n->behind && !behind)
		n->caught_up_ns = n->options.wall_ns();
	bool changed = n->behind != behind;
	n->behind = behind;
	if (changed && n->started)
		pl_notices_reload(n);
}

/* ---- what the outbox tells ---- */

static void settled(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e,
		    enum pl_outbox_end end)
{
	struct pl_notices *n = data;
	struct pl_series *s = pl_notices_series(pl_notices_alert(n, e->alert), e->group);
	int level = PL_ALERT_OK;
	bool known = pl_alert_level_parse(e->level, &level);
	if (!known ||
	    (s == NULL && (level == PL_ALERT_OK || end != PL_OUTBOX_SENT || n->options.find(n->options.data, e->alert) == NULL)))
		return;
	if (s == NULL) { /* the daemon ended between the two documents */
		s = pl_series_create(NULL, e->group);
		s->level = level;
		s->seen_ns = s->since_ns = n->options.wall_ns();
		pl_notices_adopt(n, e->alert, s);
	}
	struct pl_series_receiver *r = pl_series_find(s, receiver, post);
	if (r == NULL && end == PL_OUTBOX_SENT && level != PL_ALERT_OK && (r = pl_series_get(s, receiver, post)) != NULL)
		r->told = level;
	if (r == NULL)
		return;
	if (end == PL_OUTBOX_SENT || level == PL_ALERT_OK)
		r->reached = level;
	else if (r->reached == PL_ALERT_OK && r->told == level)
		r->told = PL_ALERT_OK; /* it was not told after all: nothing to call off */
	pl_notices_store(n, s);
}

static bool reached(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e)
{
	struct pl_notices *n = data;
	struct pl_series *s = pl_notices_series(pl_notices_alert(n, e->alert), e->group);
	const struct pl_series_receiver *r = s != NULL ? pl_series_find(s, receiver, post) : NULL;
	return r != NULL && r->reached != PL_ALERT_OK;
}

/* ---- time ---- */

static void look_at_due(struct pl_notices *n, const struct pl_alert *a, struct pl_series_alert *alert, bool all)
{
	int64_t now = n->options.wall_ns();
	bool any = all || alert->due <= now;
	if (alert->due != INT64_MAX && alert->due > now)
		return; /* more may come */
	alert->due = INT64_MAX;
	for (struct pl_series *s = alert->series; s != NULL; s = s->hh.next) {
		bool due = s->due <= now && s->level != PL_ALERT_OK;
		s->quiet = is_pseudo(a, pl_str_of(s->group));
		if ((any || due) && a->group_wait <= 0)
			pl_notices_look(n, a, s);
		any = any || (due && a->group_wait > 0);
	}
	if (any && a->group_wait > 0)
		pl_notices_look_all(n, a, alert);
}

static void tick_alert(struct pl_notices *n, struct pl_series_alert *alert, bool all)
{
	const struct pl_alert *a = n->options.find(n->options.data, pl_str_of(alert->id));
	struct pl_series *s, *next;
	if (a == NULL || !a->enabled)
		end_alert(n, alert, a == NULL ? "deleted" : "disabled");
	else
		look_at_due(n, a, alert, all);
	HASH_ITER(hh, alert->series, s, next)
	{
		if (is_over(n, s))
			pl_notices_forget(n, s);
		else if (s->dirty)
			pl_notices_store(n, s);
	}
	pl_notices_tidy(n, alert);
}

static void on_timer(uv_timer_t *timer)
{
	pl_notices_tick(timer->data);
}

/* Wakes up at `due`, unless it does so before. */
static void wake(struct pl_notices *n, int64_t due)
{
	int64_t now = n->options.wall_ns();
	if (n->closing || !n->started || due >= n->wakes)
		return;
	n->wakes = due;
	uv_timer_start(&n->timer, on_timer, due > now ? (uint64_t)((due - now) / PL_NS_PER_MS) + 1 : 0, 0);
}

static void wake_for(struct pl_notices *n, const struct pl_series *s)
{
	int64_t now = n->options.wall_ns();
	if (s->alert->due != INT64_MAX)
		wake(n, s->alert->due);
	else if (s->level != PL_ALERT_OK)
		wake(n, s->due);
	if (s->dirty)
		wake(n, now + STORE_AGAIN_S * PL_NS_PER_S);
	wake(n, now + LONGEST_WAIT_S * PL_NS_PER_S); /* what is over is forgotten; and the wall clock may jump */
}

static void tick(struct pl_notices *n, bool all)
{
	struct pl_series_alert *a, *next;
	uv_timer_stop(&n->timer);
	n->wakes = INT64_MAX;
	HASH_ITER(hh, n->alerts, a, next)
	tick_alert(n, a, all);
	for (a = n->alerts; a != NULL; a = a->hh.next)
		for (const struct pl_series *s = a->series; s != NULL; s = s->hh.next)
			wake_for(n, s);
}

void pl_notices_tick(struct pl_notices *n)
{
	tick(n, false);
}

void pl_notices_reload(struct pl_notices *n)
{
	tick(n, true);
}

/* ---- life ---- */

struct pl_outbox *pl_notices_outbox(struct pl_notices *n)
{
	return n->outbox;
}

static void clear_notify(struct pl_notices *n)
{
	for (size_t i = 0; i < n->n_notify; i++)
		free(n->notify[i]);
	free(n->notify);
}

void pl_notices_notify(struct pl_notices *n, struct pl_strings names)
{
	clear_notify(n);
	n->notify = pl_calloc(names.n + 1, sizeof *n->notify);
	n->n_notify = names.n;
	for (size_t i = 0; i < names.n; i++)
		n->notify[i] = pl_strdup(names.v[i]);
}

static void load_one(void *data, struct pl_str id, struct pl_str body)
{
	struct pl_notices *n = data;
	struct pl_arena arena = {0};
	struct pl_str alert;
	struct pl_series *s = pl_series_read(&arena, body, &alert);
	if (s == NULL)
		pl_warn(n->options.log, "the stored state of an alert cannot be read and stays aside", PL_KVS("id", id));
	else if (pl_notices_series(pl_notices_alert(n, alert), pl_str_of(s->group)) != NULL)
		pl_series_destroy(s);
	else
		pl_notices_adopt(n, alert, s);
	pl_arena_finish(&arena);
}

static void free_all(struct pl_notices *n)
{
	struct pl_series_alert *a, *next;
	HASH_ITER(hh, n->alerts, a, next)
	{
		struct pl_series *s, *next_series;
		HASH_ITER(hh, a->series, s, next_series)
		pl_notices_leave(n, s);
		pl_notices_tidy(n, a);
	}
	clear_notify(n);
	free(n);
}

enum pl_err pl_notices_open(struct pl_notices **out, const struct pl_notices_options *options, char *reason, size_t reason_size)
{
	struct pl_notices *n = pl_calloc(1, sizeof *n);
	enum pl_err err = PL_OK;
	n->options = *options;
	n->options.most = options->most > 0 ? options->most : DEFAULT_MOST;
	n->options.most_bytes = options->most_bytes > 0 ? options->most_bytes : DEFAULT_MOST_BYTES;
	if (n->options.wall_ns == NULL)
		n->options.wall_ns = pl_clock_wall_ns;
	n->caught_up_ns = n->options.wall_ns();
	n->wakes = INT64_MAX;
	struct pl_outbox_options outbox = {
	    .loop = options->loop,
	    .log = options->log,
	    .state = options->state,
	    .most = options->outbox,
	    .max_age = options->outbox_age,
	    .settled = settled,
	    .reached = reached,
	    .data = n,
	    .wall_ns = options->wall_ns,
	    .mono_ns = options->mono_ns,
	};
	if (options->state != NULL)
		err = pl_state_load(options->state, pl_notices_kind, load_one, n, reason, reason_size);
	if (err == PL_OK)
		err = pl_outbox_open(&n->outbox, &outbox, reason, reason_size);
	if (err != PL_OK) {
		free_all(n);
		return err;
	}
	uv_timer_init(&options->loop->uv, &n->timer);
	n->timer.data = n;
	*out = n;
	return PL_OK;
}

void pl_notices_start(struct pl_notices *n)
{
	n->started = true;
	pl_notices_reload(n);
}

bool pl_notices_try_close(struct pl_notices *n)
{
	if (!n->closing || !n->timer_closed || !n->outbox_closed || n->calls > 0)
		return false;
	void (*closed)(void *data) = n->closed;
	void *data = n->closed_data;
	free_all(n);
	closed(data);
	return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_notices *n = handle->data;
	n->timer_closed = true;
	pl_notices_try_close(n);
}

static void on_outbox_closed(void *data)
{
	struct pl_notices *n = data;
	n->outbox_closed = true;
	pl_notices_try_close(n);
}

void pl_notices_close(struct pl_notices *n, void (*closed)(void *data), void *data)
{
	n->closing = true;
	n->closed = closed;
	n->closed_data = data;
	for (struct pl_series_alert *a = n->alerts; a != NULL; a = a->hh.next)
		for (struct pl_series *s = a->series; s != NULL; s = s->hh.next)
			if (s->dirty)
				pl_notices_store(n, s);
	uv_close((uv_handle_t *)&n->timer, on_timer_closed);
	pl_outbox_close(n->outbox, on_outbox_closed, n);
}
