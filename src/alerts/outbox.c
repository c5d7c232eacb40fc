#include "alerts/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "alerts/outbox_private.h"
#include "base/clock.h"
#include "base/mem.h"

enum { DEFAULT_MOST = 10000, DEFAULT_MOST_BYTES = 64 * 1024 * 1024, ID_BYTES = 17, SWEEP_S = 60, REMOVE_AGAIN_S = 5 };

static const int64_t default_age = 72 * 3600 * PL_NS_PER_S;
static const char kind[] = "outbox";

const char *pl_outbox_end_text(enum pl_outbox_end end)
{
	static const char *const texts[PL_OUTBOX_ENDS] = {"sent", "refused", "expired", "dropped", "void"};
	return texts[end];
}

static struct pl_str id_of(uint64_t seq, char id[ID_BYTES])
{
	snprintf(id, ID_BYTES, "%016" PRIx64, seq);
	return (struct pl_str){id, ID_BYTES - 1};
}

static bool try_close(struct pl_outbox *o);
static void run(struct pl_outbox_receiver_state *r);
static void arm(struct pl_outbox *o);

/* ---- the documents ---- */

static void storing(struct pl_outbox *o, enum pl_err err, const char *reason)
{
	if (err == PL_OK)
		pl_incident_end(&o->storing, o->options.wall_ns(), o->options.log, "notices are stored again", NULL);
	else
		pl_incident_fail(&o->storing, o->options.wall_ns(), o->options.log, PL_LOG_ERROR, "notices cannot be stored",
				 (const struct pl_kv[]){PL_KVC("reason", reason), {0}});
}

static void release(struct pl_outbox_item *item)
{
	if (item->queue == NULL && item->puts == 0)
		pl_outbox_item_destroy(item);
}

static void stored(void *data, enum pl_err err, const char *reason)
{
	struct pl_outbox_item *item = data;
	struct pl_outbox *o = item->outbox;
	o->calls--;
	item->puts--;
	item->ready = true; /* better told from memory than not at all */
	storing(o, err, reason);
	struct pl_outbox_receiver_state *r = item->queue != NULL ? item->queue->way->receiver : NULL;
	release(item);
	if (!try_close(o) && r != NULL)
		run(r);
}

static void store(struct pl_outbox *o, struct pl_outbox_item *item)
{
	char id[ID_BYTES];
	item->outbox = o;
	if (o->options.state == NULL) {
		item->ready = true;
		return;
	}
	enum pl_err err =
	    pl_state_put(o->options.state, kind, id_of(item->seq, id), (struct pl_str){item->text, item->n}, stored, item);
	if (err == PL_OK) {
		item->puts++;
		o->calls++;
	} else {
		item->ready = true;
		storing(o, err, "too much waits for the disk");
	}
}

static void remove_document(struct pl_outbox_removal *removal);

static void removed(void *data, enum pl_err err, const char *reason)
{
	struct pl_outbox_removal *removal = data;
	struct pl_outbox *o = removal->outbox;
	o->calls--;
	storing(o, err, reason);
	if (err == PL_OK || o->closing)
		free(removal);
	else
		DL_APPEND(o->removals, removal);
	if (!try_close(o))
		arm(o);
}

static void remove_document(struct pl_outbox_removal *removal)
{
	struct pl_outbox *o = removal->outbox;
	char id[ID_BYTES];
	if (pl_state_remove(o->options.state, kind, id_of(removal->seq, id), removed, removal) == PL_OK)
		o->calls++;
	else
		DL_APPEND(o->removals, removal);
}

static void remove_again(struct pl_outbox *o)
{
	struct pl_outbox_removal *all = o->removals, *removal, *next;
	o->removals = NULL;
	DL_FOREACH_SAFE(all, removal, next)
	{
		DL_DELETE(all, removal);
		remove_document(removal);
	}
}

/* ---- the end of an item ---- */

static struct pl_outbox_event event_of(const struct pl_outbox_content *c, size_t i)
{
	return (struct pl_outbox_event){c->notice.events[i].alert, c->groups[i], c->notice.events[i].level};
}

static void settle(struct pl_outbox *o, const struct pl_outbox_content *c, size_t i, enum pl_outbox_end end)
{
	struct pl_outbox_event e = event_of(c, i);
	if (o->options.settled != NULL)
		o->options.settled(o->options.data, c->receiver, c->notice.post, &e, end);
}

static void end_item(struct pl_outbox_item *item, enum pl_outbox_end end);

enum said { SAID_NOTHING, SAID_ALARM, SAID_RECOVERY };

/* The last that waits of the group before the item. */
static enum said said_before(const struct pl_outbox_item *item, uint64_t group)
{
	enum said said = SAID_NOTHING;
	for (const struct pl_outbox_item *i = item->queue->items; i != item; i = i->next)
		for (size_t m = 0; m < i->n_marks; m++)
			if (i->marks[m].group == group)
				said = i->marks[m].alarm ? SAID_ALARM : SAID_RECOVERY;
	return said;
}

static void void_event(struct pl_outbox_item *item, size_t i)
{
	struct pl_outbox *o = item->outbox;
	struct pl_outbox_receiver_state *r = item->queue->way->receiver;
	struct pl_arena arena = {0};
	struct pl_outbox_content c;
	size_t before = item->n;
	if (item->n_marks == 1) {
		end_item(item, PL_OUTBOX_VOID);
		return;
	}
	if (pl_outbox_content_read(&arena, (struct pl_str){item->text, item->n}, &c))
		settle(o, &c, i, PL_OUTBOX_VOID);
	pl_arena_finish(&arena);
	pl_outbox_item_strike(item, i);
	r->stats.bytes = r->stats.bytes - before + item->n;
	o->bytes = o->bytes - before + item->n;
	store(o, item);
}

/* An alarm that never reached its receiver is given up: the recovery that follows it would speak of nothing. */
static void void_recovery(struct pl_outbox_item *item, uint64_t group)
{
	for (struct pl_outbox_item *i = item->next; i != NULL; i = i->next) {
		for (size_t m = 0; m < i->n_marks; m++) {
			if (i->marks[m].group != group)
				continue;
			if (!i->marks[m].alarm)
				void_event(i, m);
			return;
		}
	}
}

static void void_recoveries(struct pl_outbox_item *item, const struct pl_outbox_content *c)
{
	const struct pl_outbox_options *options = &item->outbox->options;
	for (size_t i = 0; i < c->notice.n; i++) {
		struct pl_outbox_event e = event_of(c, i);
		uint64_t group = pl_str_hash(c->groups[i], 0);
		enum said said = said_before(item, group);
		bool again = false; /* the item itself says more of it */
		for (size_t m = i + 1; m < item->n_marks; m++)
			again = again || item->marks[m].group == group;
		if (!item->marks[i].alarm || again || said == SAID_ALARM)
			continue;
		if (said == SAID_RECOVERY || options->reached == NULL ||
		    !options->reached(options->data, c->receiver, c->notice.post, &e))
			void_recovery(item, group);
	}
}

static void end_item(struct pl_outbox_item *item, enum pl_outbox_end end)
{
	struct pl_outbox *o = item->outbox;
	struct pl_outbox_receiver_state *r = item->queue->way->receiver;
	struct pl_arena arena = {0};
	struct pl_outbox_content c;
	if (pl_outbox_content_read(&arena, (struct pl_str){item->text, item->n}, &c)) {
		for (size_t i = 0; i < c.notice.n; i++)
			settle(o, &c, i, end);
		if (end != PL_OUTBOX_SENT)
			void_recoveries(item, &c);
	}
	pl_arena_finish(&arena);
	r->stats.ended[end]++;
	if (end == PL_OUTBOX_SENT)
		pl_incident_end(&r->loss, o->options.wall_ns(), o->options.log, "notices are sent again",
				(const struct pl_kv[]){PL_KVC("receiver", r->name), {0}});
	else
		pl_incident_fail(
		    &r->loss, o->options.wall_ns(), o->options.log, PL_LOG_WARN, "a notice was given up",
		    (const struct pl_kv[]){
			PL_KVC("receiver", r->name), PL_KVC("cause", pl_outbox_end_text(end)), PL_KVC("error", r->error), {0}});
	o->n--;
	o->bytes -= item->n;
	pl_outbox_item_leave(item);
	if (o->options.state != NULL) {
		struct pl_outbox_removal *removal = pl_calloc(1, sizeof *removal);
		removal->outbox = o;
		removal->seq = item->seq;
		remove_document(removal);
	}
	release(item);
}

static void drop_one(struct pl_outbox *o)
{
	struct pl_outbox_way *fullest = NULL;
	struct pl_outbox_item *oldest = NULL, *first = NULL;
	for (struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next)
		for (struct pl_outbox_way *w = r->ways; w != NULL; w = w->hh.next)
			if (fullest == NULL || w->n > fullest->n)
				fullest = w;
	for (struct pl_outbox_queue *q = fullest->queues; q != NULL; q = q->hh.next) {
		struct pl_outbox_item *i = q->items;
		if (i != NULL && i->in_flight)
			i = i->next;
		if (i != NULL && (first == NULL || i->seq < first->seq))
			first = i;
		while (i != NULL && pl_outbox_item_calls_off(i))
			i = i->next;
		if (i != NULL && (oldest == NULL || i->seq < oldest->seq))
			oldest = i;
	}
	if (oldest == NULL)
		oldest = first; /* recoveries alone */
	if (oldest != NULL)
		end_item(oldest, PL_OUTBOX_DROPPED);
}

static void make_room(struct pl_outbox *o, size_t n, size_t bytes)
{
	while (o->n > 0 && (o->n + n > o->options.most || o->bytes + bytes > o->options.most_bytes)) {
		size_t before = o->n;
		drop_one(o);
		if (o->n == before)
			return; /* what is left is being sent */
	}
}

/* ---- sending ---- */

static void put_off(struct pl_outbox_receiver_state *r, struct pl_outbox_item *item, const struct pl_notice_verdict *v)
{
	struct pl_outbox *o = r->outbox;
	if (o->closing || r->ops == NULL || r->self != r->item_self)
		return; /* called off */
	r->stats.retried++;
	r->error_wall_ns = o->options.wall_ns();
	snprintf(r->error, sizeof r->error, "%s", v->reason);
	pl_incident_fail(&r->trouble, r->error_wall_ns, o->options.log, PL_LOG_WARN, "a notice could not be sent",
			 (const struct pl_kv[]){PL_KVC("receiver", r->name), PL_KVC("reason", r->error), {0}});
	pl_outbox_queue_failed(item->queue, o->options.mono_ns(), v->retry_after_ns);
}

static void sent(struct pl_notice_delivery *d, const struct pl_notice_verdict *v)
{
	struct pl_outbox_receiver_state *r = pl_container_of(d, struct pl_outbox_receiver_state, delivery);
	struct pl_outbox_item *item = r->item;
	struct pl_outbox *o = r->outbox;
	r->item = NULL;
	item->in_flight = false;
	if (v->result == PL_NOTICE_RETRY) {
		put_off(r, item, v);
	} else {
		pl_outbox_queue_passed(item->queue);
		if (v->result == PL_NOTICE_REFUSED) {
			r->error_wall_ns = o->options.wall_ns();
			snprintf(r->error, sizeof r->error, "%s", v->reason);
		} else {
			pl_incident_end(&r->trouble, o->options.wall_ns(), o->options.log, "notices can be sent again",
					(const struct pl_kv[]){PL_KVC("receiver", r->name), {0}});
		}
		end_item(item, v->result == PL_NOTICE_SENT ? PL_OUTBOX_SENT : PL_OUTBOX_REFUSED);
	}
	if (!r->running)
		pl_arena_finish(&r->arena);
	if (!try_close(o))
		run(r);
}

static void start(struct pl_outbox_receiver_state *r, struct pl_outbox_item *item)
{
	pl_arena_finish(&r->arena);
	if (!pl_outbox_content_read(&r->arena, (struct pl_str){item->text, item->n}, &r->content)) {
		end_item(item, PL_OUTBOX_REFUSED); /* not to be: it was read when it was loaded, or is our own */
		return;
	}
	r->item = item;
	r->item_self = r->self;
	item->in_flight = true;
	r->delivery = (struct pl_notice_delivery){.notice = &r->content.notice, .done = sent};
	r->ops->send(r->self, &r->delivery);
}

/* Sends what may be sent, also when the instance answers from within. */
static void run(struct pl_outbox_receiver_state *r)
{
	struct pl_outbox_item *item;
	struct pl_outbox *o = r->outbox;
	if (r->running)
		return;
	r->running = true;
	while (!o->closing && r->ops != NULL && r->item == NULL &&
	       (item = pl_outbox_receiver_pick(r, o->options.mono_ns(), &r->due)) != NULL)
		start(r, item);
	r->running = false;
	if (r->item == NULL)
		pl_arena_finish(&r->arena);
	arm(o);
}

static void run_all(struct pl_outbox *o)
{
	struct pl_outbox_receiver_state *r, *next;
	HASH_ITER(hh, o->receivers, r, next)
	run(r);
}

static void sweep(struct pl_outbox *o)
{
	int64_t oldest = o->options.wall_ns() - o->options.max_age;
	for (struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next) {
		struct pl_outbox_way *w, *next_way;
		struct pl_outbox_queue *q, *next_queue;
		HASH_ITER(hh, r->ways, w, next_way)
		HASH_ITER(hh, w->queues, q, next_queue)
		{
			q->pins++;
			while (q->items != NULL && !q->items->in_flight && q->items->wall_ns < oldest)
				end_item(q->items, PL_OUTBOX_EXPIRED);
			q->pins--;
			pl_outbox_queue_tidy(q);
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	pl_outbox_tick(timer->data);
}

static void arm(struct pl_outbox *o)
{
	int64_t now = o->options.mono_ns(), due = INT64_MAX;
	if (o->closing)
		return;
	if (o->n > 0)
		due = now + SWEEP_S * PL_NS_PER_S;
	if (o->removals != NULL)
		due = now + REMOVE_AGAIN_S * PL_NS_PER_S;
	for (const struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next)
		if (r->ops != NULL && r->item == NULL && r->due < due)
			due = r->due;
	if (due == INT64_MAX)
		uv_timer_stop(&o->timer);
	else
		uv_timer_start(&o->timer, on_timer, due > now ? (uint64_t)((due - now) / PL_NS_PER_MS) + 1 : 0, 0);
}

void pl_outbox_tick(struct pl_outbox *o)
{
	sweep(o);
	remove_again(o);
	run_all(o);
	arm(o);
}

/* ---- from outside ---- */

void pl_outbox_receivers(struct pl_outbox *o, const struct pl_outbox_receiver *v, size_t n)
{
	struct pl_outbox_receiver_state *r, *next;
	for (r = o->receivers; r != NULL; r = r->hh.next) {
		r->ops = NULL;
		r->self = NULL;
		r->stats.known = false;
	}
	for (size_t i = 0; i < n; i++) {
		r = pl_outbox_receiver_get(&o->receivers, pl_str_of(v[i].name), o);
		r->ops = v[i].ops;
		r->self = v[i].self;
		r->stats.known = true;
		pl_outbox_receiver_hurry(r);
	}
	HASH_ITER(hh, o->receivers, r, next)
	{
		if (r->ops == NULL && r->stats.waiting == 0 && r->item == NULL && !r->running)
			pl_outbox_receiver_destroy(&o->receivers, r);
	}
	run_all(o);
}

void pl_outbox_limits(struct pl_outbox *o, size_t most, int64_t max_age)
{
	o->options.most = most > 0 ? most : DEFAULT_MOST;
	o->options.max_age = max_age > 0 ? max_age : default_age;
	make_room(o, 0, 0);
}

void pl_outbox_add(struct pl_outbox *o, struct pl_str receiver, const struct pl_notice *notice, const struct pl_str *groups)
{
	char key[40];
	struct pl_notice copy = *notice;
	if (o->closing || notice->n == 0)
		return;
	uint64_t seq = o->next_seq++;
	snprintf(key, sizeof key, "%016" PRIx64 "-%" PRIu64, o->nonce, seq);
	copy.key = pl_str_of(key);
	struct pl_outbox_item *item = pl_outbox_item_create(seq, receiver, o->options.wall_ns(), &copy, groups);
	make_room(o, 1, item->n);
	struct pl_outbox_receiver_state *r = pl_outbox_receiver_get(&o->receivers, receiver, o);
	pl_outbox_receiver_push(r, notice->post, notice->events[0].alert, item);
	r->stats.queued++;
	o->n++;
	o->bytes += item->n;
	store(o, item);
	run(r);
}

static void load_one(void *data, struct pl_str id, struct pl_str body)
{
	struct pl_outbox *o = data;
	struct pl_arena arena = {0};
	struct pl_outbox_content c;
	struct pl_outbox_item *item = NULL;
	char text[ID_BYTES], *end = text;
	uint64_t seq = 0;
	if (id.n == ID_BYTES - 1) {
		memcpy(text, id.p, id.n);
		text[id.n] = '\0';
		seq = strtoull(text, &end, 16);
	}
	if (end == text + ID_BYTES - 1 && seq >= o->next_seq)
		o->next_seq = seq + 1;
	if (end == text + ID_BYTES - 1)
		item = pl_outbox_item_load(seq, body, &arena, &c);
	if (item == NULL) {
		pl_warn(o->options.log, "a stored notice cannot be read and stays aside", PL_KVS("id", id));
	} else {
		item->outbox = o;
		struct pl_outbox_receiver_state *r = pl_outbox_receiver_get(&o->receivers, c.receiver, o);
		pl_outbox_receiver_push(r, c.notice.post, c.notice.events[0].alert, item);
		r->stats.queued++;
		o->n++;
		o->bytes += item->n;
	}
	pl_arena_finish(&arena);
}

enum pl_err pl_outbox_open(struct pl_outbox **out, const struct pl_outbox_options *options, char *reason, size_t reason_size)
{
	struct pl_outbox *o = pl_calloc(1, sizeof *o);
	o->options = *options;
	o->next_seq = 1;
	if (o->options.most == 0)
		o->options.most = DEFAULT_MOST;
	if (o->options.most_bytes == 0)
		o->options.most_bytes = DEFAULT_MOST_BYTES;
	if (o->options.max_age == 0)
		o->options.max_age = default_age;
	if (o->options.wall_ns == NULL)
		o->options.wall_ns = pl_clock_wall_ns;
	if (o->options.mono_ns == NULL)
		o->options.mono_ns = pl_clock_mono_ns;
	if (uv_random(NULL, NULL, &o->nonce, sizeof o->nonce, 0, NULL) != 0)
		o->nonce = (uint64_t)pl_clock_wall_ns();
	if (options->state != NULL) {
		enum pl_err err = pl_state_load(options->state, kind, load_one, o, reason, reason_size);
		if (err != PL_OK) {
			pl_outbox_free(o);
			return err;
		}
	}
	uv_timer_init(&options->loop->uv, &o->timer);
	o->timer.data = o;
	arm(o);
	*out = o;
	return PL_OK;
}

/* True when it is closed: `o` is gone then. */
static bool try_close(struct pl_outbox *o)
{
	if (!o->closing || !o->timer_closed || o->calls > 0)
		return false;
	for (const struct pl_outbox_receiver_state *r = o->receivers; r != NULL; r = r->hh.next)
		if (r->item != NULL || r->running)
			return false;
	void (*closed)(void *data) = o->closed;
	void *data = o->closed_data;
	pl_outbox_free(o);
	closed(data);
	return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_outbox *o = handle->data;
	o->timer_closed = true;
	try_close(o);
}

void pl_outbox_close(struct pl_outbox *o, void (*closed)(void *data), void *data)
{
	o->closing = true;
	o->closed = closed;
	o->closed_data = data;
	uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}
