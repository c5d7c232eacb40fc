/* The series that are remembered, and their documents. */
#include <stdlib.h>

#include "alerts/notices_private.h"
#include "base/mem.h"

const char pl_notices_kind[] = "series";

static void stored(void *data, enum pl_err err, const char *reason)
{
	struct pl_notices *n = data;
	n->calls--;
	if (err == PL_OK)
		pl_incident_end(&n->storing, n->options.wall_ns(), n->options.log, "the state of alerts is stored again", NULL);
	else
		pl_incident_fail(&n->storing, n->options.wall_ns(), n->options.log, PL_LOG_ERROR,
				 "the state of alerts cannot be stored", (const struct pl_kv[]){PL_KVC("reason", reason), {0}});
	pl_notices_try_close(n);
}

static void recount(struct pl_notices *n, struct pl_series *s)
{
	size_t bytes = pl_series_size(s);
	n->bytes = n->bytes - s->bytes + bytes;
	s->bytes = bytes;
}

void pl_notices_store(struct pl_notices *n, struct pl_series *s)
{
	char id[PL_SERIES_ID_BYTES];
	struct pl_buf text = {0};
	recount(n, s);
	s->dirty = false;
	if (n->options.state == NULL)
		return;
	pl_series_write(s, &text);
	if (pl_state_put(n->options.state, pl_notices_kind, pl_series_id(s, id), pl_buf_str(&text), stored, n) == PL_OK)
		n->calls++;
	else
		s->dirty = true;
	pl_buf_finish(&text);
}

struct pl_series_alert *pl_notices_alert(const struct pl_notices *n, struct pl_str id)
{
	struct pl_series_alert *a;
	HASH_FIND(hh, n->alerts, id.n > 0 ? id.p : "", id.n, a);
	return a;
}

struct pl_series *pl_notices_series(const struct pl_series_alert *a, struct pl_str group)
{
	struct pl_series *s = NULL;
	if (a != NULL)
		HASH_FIND(hh, a->series, group.n > 0 ? group.p : "", group.n, s);
	return s;
}

void pl_notices_adopt(struct pl_notices *n, struct pl_str id, struct pl_series *s)
{
	struct pl_series_alert *a = pl_notices_alert(n, id);
	if (a == NULL) {
		a = pl_calloc(1, sizeof *a);
		a->id = pl_strndup(id.p, id.n);
		a->due = INT64_MAX;
		HASH_ADD_KEYPTR(hh, n->alerts, a->id, id.n, a);
	}
	s->alert = a;
	HASH_ADD_KEYPTR(hh, a->series, s->group, strlen(s->group), s);
	n->n++;
	recount(n, s);
}

void pl_notices_leave(struct pl_notices *n, struct pl_series *s)
{
	HASH_DEL(s->alert->series, s);
	n->n--;
	n->bytes -= s->bytes;
	pl_series_destroy(s);
}

void pl_notices_tidy(struct pl_notices *n, struct pl_series_alert *a)
{
	if (a->series != NULL)
		return;
	HASH_DEL(n->alerts, a);
	free(a->id);
	free(a);
}

bool pl_notices_forget(struct pl_notices *n, struct pl_series *s)
{
	char id[PL_SERIES_ID_BYTES];
	if (n->options.state != NULL) {
		if (pl_state_remove(n->options.state, pl_notices_kind, pl_series_id(s, id), stored, n) != PL_OK)
			return false;
		n->calls++;
	}
	pl_notices_leave(n, s);
	return true;
}

void pl_notices_make_room(struct pl_notices *n)
{
	while (n->n > 0 && (n->n >= n->options.most || n->bytes >= n->options.most_bytes)) {
		struct pl_series *oldest = NULL;
		for (struct pl_series_alert *a = n->alerts; a != NULL; a = a->hh.next) {
			for (struct pl_series *s = a->series; s != NULL; s = s->hh.next) {
				bool ok = s->level == PL_ALERT_OK, oldest_ok = oldest != NULL && oldest->level == PL_ALERT_OK;
				if (oldest == NULL || (ok && !oldest_ok) || (ok == oldest_ok && s->seen_ns < oldest->seen_ns))
					oldest = s;
			}
		}
		struct pl_series_alert *a = oldest->alert;
		if (n->stats.forgotten++ == 0)
			pl_warn(n->options.log, "too many series of alerts: one is forgotten", PL_KVC("alert", a->id),
				PL_KVI("most", n->options.most));
		if (!pl_notices_forget(n, oldest))
			return;
		pl_notices_tidy(n, a);
	}
}

/* ---- figures ---- */

size_t pl_notices_firing(const struct pl_notices *n, struct pl_str alert, int *level)
{
	const struct pl_series_alert *a = pl_notices_alert(n, alert);
	size_t count = 0;
	*level = PL_ALERT_OK;
	for (const struct pl_series *s = a != NULL ? a->series : NULL; s != NULL; s = s->hh.next) {
		if (s->level == PL_ALERT_OK)
			continue;
		count++;
		if (s->level > *level)
			*level = s->level;
	}
	return count;
}

struct pl_notices_stats pl_notices_stats(const struct pl_notices *n)
{
	struct pl_notices_stats stats = n->stats;
	stats.series = n->n;
	stats.bytes = n->bytes;
	for (const struct pl_series_alert *a = n->alerts; a != NULL; a = a->hh.next)
		for (const struct pl_series *s = a->series; s != NULL; s = s->hh.next) {
			stats.firing += s->level != PL_ALERT_OK;
			stats.held += s->held;
		}
	return stats;
}
