#include "app/output_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* How long an output that left the configuration may go on delivering what it still has. */
enum { RETIRED_GRACE_MS = 30000 };

struct member {
	struct pl_output *output;
	char name[64];
	uint64_t fingerprint;
};

struct pl_output_set {
	struct pl_loop *loop;
	struct pl_log *log;
	struct pl_quarantine *quarantine;
	struct pl_live_feed *live;
	struct pl_outputs *current;
	struct member *members, *former; /* former: to be closed by retire */
	size_t n_members, n_former;
	size_t n_closing;
	uint64_t points_lost;
	unsigned grace_ms;
	bool changing; /* from apply until the former ones are closed */
	void (*closed)(void *data, uint64_t points_lost);
	void *closed_data;
};

struct pl_output_set *pl_output_set_create(struct pl_loop *loop, struct pl_log *log, struct pl_quarantine *quarantine,
					   struct pl_live_feed *live)
{
	struct pl_output_set *s = pl_calloc(1, sizeof *s);
	s->loop = loop;
	s->log = log;
	s->quarantine = quarantine;
	s->live = live;
	s->grace_ms = RETIRED_GRACE_MS;
	s->current = pl_outputs_create(NULL, 0);
	return s;
}

struct pl_outputs *pl_output_set_current(const struct pl_output_set *s)
{
	return s->current;
}

/* "influxdb" for the first of its kind, then "influxdb-2" and so on. */
static void name_member(const struct pl_config *config, size_t i, char *name, size_t size)
{
	const char *kind = config->outputs.v[i].kind;
	unsigned nth = 1;
	for (size_t k = 0; k < i; k++)
		nth += strcmp(config->outputs.v[k].kind, kind) == 0;
	if (nth == 1)
		snprintf(name, size, "%s", kind);
	else
		snprintf(name, size, "%s-%u", kind, nth);
}

static uint64_t fingerprint_of(const struct pl_config *config, size_t i)
{
	uint64_t parts[] = {config->outputs.v[i].fingerprint,  (uint64_t)config->queue.memory_bytes,
			    (uint64_t)config->queue.max_bytes, (uint64_t)config->queue.max_age,
			    (uint64_t)config->queue.policy,    (uint64_t)config->queue.sync};
	return pl_str_hash((struct pl_str){(const char *)parts, sizeof parts}, 0);
}

static struct member *find_member(struct member *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return &v[i];
	return NULL;
}

bool pl_output_set_has(const struct pl_output_set *s, const char *name)
{
	return find_member(s->members, s->n_members, name) != NULL;
}

static enum pl_err open_member(struct pl_output_set *s, struct pl_config *config, size_t i, struct member *m,
			       struct pl_buf *problems)
{
	char reason[512] = "";
	const struct member *old = find_member(s->members, s->n_members, m->name);
	const struct pl_output_options options = {
	    .name = m->name,
	    .section = &config->outputs.v[i],
	    .config = config,
	    .memory_bytes = (uint64_t)config->queue.memory_bytes,
	    .policy = (enum pl_drop_policy)config->queue.policy,
	    .log = s->log,
	    .queue_dir = config->queue.dir,
	    .disk = {.max_bytes = (uint64_t)config->queue.max_bytes,
		     .max_age_ns = config->queue.max_age,
		     .policy = (enum pl_drop_policy)config->queue.policy},
	    .sync = (enum pl_sync)config->queue.sync,
	    .quarantine = s->quarantine,
	    .heir_of = old != NULL ? old->output : NULL,
	    .live = s->live,
	};
	enum pl_err err = pl_output_create(&m->output, &options, reason, sizeof reason);
	if (err != PL_OK) {
		const struct pl_mark *at = &config->outputs.v[i].mark;
		pl_buf_addf(problems, "%s:%u:%u: outputs[%zu].%s: cannot be opened: %s\n",
			    at->file != NULL ? at->file : "(default)", at->line, at->column, i, config->outputs.v[i].kind,
			    reason[0] != '\0' ? reason : pl_err_text(err));
	}
	return err;
}

/* ---- closing ---- */

static void on_output_closed(void *data, uint64_t points_lost);

static void close_member(struct pl_output_set *s, struct member *m, unsigned grace_ms, struct pl_output *heir)
{
	s->n_closing++;
	pl_output_close(m->output, grace_ms, heir, s->loop, on_output_closed, s);
}

static void finish(struct pl_output_set *s)
{
	void (*closed)(void *, uint64_t) = s->closed;
	void *data = s->closed_data;
	uint64_t lost = s->points_lost;
	pl_outputs_release(s->current);
	free(s->members);
	free(s);
	closed(data, lost);
}

/* Former outputs first: an heir must outlive those that it inherits from. */
static void go_on_closing(struct pl_output_set *s)
{
	if (s->n_closing > 0)
		return;
	s->changing = false;
	if (s->closed == NULL)
		return;
	if (s->n_members == 0) {
		finish(s);
		return;
	}
	size_t n = s->n_members;
	s->n_members = 0;
	for (size_t i = 0; i < n; i++)
		close_member(s, &s->members[i], s->grace_ms, NULL);
}

static void on_output_closed(void *data, uint64_t points_lost)
{
	struct pl_output_set *s = data;
	s->points_lost += points_lost;
	s->n_closing--;
	go_on_closing(s);
}

void pl_output_set_retire(struct pl_output_set *s)
{
	size_t n = s->n_former;
	s->n_former = 0;
	for (size_t i = 0; i < n; i++) {
		const struct member *heir = find_member(s->members, s->n_members, s->former[i].name);
		close_member(s, &s->former[i], heir != NULL ? 0 : s->grace_ms, heir != NULL ? heir->output : NULL);
	}
	free(s->former);
	s->former = NULL;
	go_on_closing(s);
}

void pl_output_set_close(struct pl_output_set *s, unsigned grace_ms, void (*closed)(void *data, uint64_t points_lost), void *data)
{
	s->grace_ms = grace_ms;
	s->closed = closed;
	s->closed_data = data;
	pl_output_set_retire(s);
}

/* ---- opening ---- */

static void make_current(struct pl_output_set *s, struct member *members, size_t n)
{
	struct pl_output **v = pl_calloc(n, sizeof(struct pl_output *));
	for (size_t i = 0; i < n; i++)
		v[i] = members[i].output;
	pl_outputs_release(s->current);
	s->current = pl_outputs_create(v, n);
	free(v);
	free(s->members);
	s->members = members;
	s->n_members = n;
}

static bool is_among(const struct member *v, size_t n, const struct pl_output *o)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].output == o)
			return true;
	return false;
}

enum pl_err pl_output_set_apply(struct pl_output_set *s, struct pl_config *config, struct pl_buf *problems)
{
	if (s->changing) {
		pl_buf_add_cstr(problems, "the outputs of the last change are still being closed; try again soon\n");
		return PL_EFULL;
	}
	size_t n = config->outputs.n;
	struct member *members = pl_calloc(n, sizeof *members);
	enum pl_err err = PL_OK;
	for (size_t i = 0; i < n; i++) {
		struct member *m = &members[i];
		name_member(config, i, m->name, sizeof m->name);
		m->fingerprint = fingerprint_of(config, i);
		const struct member *old = find_member(s->members, s->n_members, m->name);
		if (old != NULL && old->fingerprint == m->fingerprint) {
			m->output = old->output;
		} else {
			enum pl_err one = open_member(s, config, i, m, problems);
			err = err == PL_OK ? one : err;
		}
	}
	if (err != PL_OK) {
		for (size_t i = 0; i < n; i++)
			if (members[i].output != NULL && !is_among(s->members, s->n_members, members[i].output))
				close_member(s, &members[i], 0, NULL);
		s->changing = config->queue.dir != NULL && s->n_closing > 0; /* they have their folders locked */
		free(members);
		return err;
	}
	s->former = pl_calloc(s->n_members, sizeof *s->former);
	for (size_t i = 0; i < s->n_members; i++)
		if (!is_among(members, n, s->members[i].output))
			s->former[s->n_former++] = s->members[i];
	s->changing = true;
	make_current(s, members, n);
	return PL_OK;
}
