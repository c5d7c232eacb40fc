/* GET /api/v1/queue: what waits for each output, and why. */
#include "api/private.h"
#include "base/clock.h"

static void add_u64(struct pl_json *j, const char *key, uint64_t v)
{
	pl_json_key(j, key);
	pl_json_u64(j, v);
}

static void add_text(struct pl_json *j, const char *key, const char *text)
{
	pl_json_key(j, key);
	pl_json_cstr(j, text);
}

static void add_seconds(struct pl_json *j, const char *key, int64_t ns)
{
	pl_json_key(j, key);
	pl_json_double(j, (double)ns / 1e9);
}

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	add_text(j, key, wall_ns != 0 ? pl_clock_text(wall_ns, text) : NULL);
}

static void add_memory(struct pl_json *j, const struct pl_queue_account *a)
{
	pl_json_key(j, "memory");
	pl_json_object_begin(j);
	add_u64(j, "bytes", a->bytes_queued);
	add_u64(j, "maxBytes", a->bytes_limit);
	add_u64(j, "batches", a->batches_queued);
	add_u64(j, "pointsNotOnDisk", a->memory_only_points);
	pl_json_object_end(j);
}

static void add_disk(struct pl_json *j, const struct pl_output_status *s)
{
	const struct pl_spool_account *d = &s->account.disk;
	pl_json_key(j, "disk");
	if (!s->account.has_disk) {
		pl_json_null(j);
		return;
	}
	pl_json_object_begin(j);
	add_u64(j, "bytes", d->bytes_on_disk);
	add_u64(j, "bytesPending", d->bytes_pending);
	add_u64(j, "points", d->points_pending);
	add_u64(j, "segments", d->segments);
	add_u64(j, "tornRecords", d->torn);
	add_u64(j, "corruptRecords", d->corrupt);
	pl_json_key(j, "trouble");
	if (s->delivery.disk_trouble_since_wall_ns != 0) {
		pl_json_object_begin(j);
		add_text(j, "reason", s->delivery.disk_trouble);
		add_time(j, "since", s->delivery.disk_trouble_since_wall_ns);
		pl_json_object_end(j);
	} else {
		pl_json_null(j);
	}
	pl_json_object_end(j);
}

static void add_lanes(struct pl_json *j, const struct pl_queue_account *a)
{
	pl_json_key(j, "lanes");
	pl_json_object_begin(j);
	pl_json_key(j, "live");
	pl_json_object_begin(j);
	add_u64(j, "points", a->live_points);
	add_u64(j, "bytes", a->live_bytes);
	pl_json_object_end(j);
	pl_json_key(j, "backlog");
	pl_json_object_begin(j);
	add_u64(j, "points", a->points_queued > a->live_points ? a->points_queued - a->live_points : 0);
	pl_json_object_end(j);
	pl_json_object_end(j);
}

static void add_answer(struct pl_json *j, const struct pl_deliverer_status *d)
{
	pl_json_key(j, "lastAnswer");
	if (d->last_answer_wall_ns == 0) {
		pl_json_null(j);
		return;
	}
	pl_json_object_begin(j);
	pl_json_key(j, "ok");
	pl_json_bool(j, d->failing_since_wall_ns == 0);
	pl_json_key(j, "status");
	pl_json_i64(j, d->last_status);
	add_text(j, "reason", d->last_reason);
	add_time(j, "time", d->last_answer_wall_ns);
	add_time(j, "failingSince", d->failing_since_wall_ns);
	pl_json_object_end(j);
}

static void add_counters(struct pl_json *j, const struct pl_queue_account *a)
{
	pl_json_key(j, "points");
	pl_json_object_begin(j);
	add_u64(j, "in", a->points_in);
	add_u64(j, "out", a->points_out);
	add_u64(j, "queued", a->points_queued);
	add_u64(j, "quarantined", a->points_quarantined);
	pl_json_key(j, "dropped");
	pl_json_object_begin(j);
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		if (a->dropped[d] > 0)
			add_u64(j, pl_drop_label((enum pl_drop)d), a->dropped[d]);
	pl_json_object_end(j);
	pl_json_object_end(j);
}

static void add_output(struct pl_json *j, const struct pl_output *o)
{
	struct pl_output_status s;
	pl_output_status(o, &s);
	pl_json_object_begin(j);
	add_text(j, "output", pl_output_name(o));
	add_text(j, "kind", pl_output_section(o)->kind);
	add_text(j, "state", pl_output_state_word(s.delivery.state));
	add_counters(j, &s.account);
	add_memory(j, &s.account);
	add_disk(j, &s);
	add_lanes(j, &s.account);
	add_seconds(j, "oldestAgeSeconds", s.oldest_age_ns);
	add_seconds(j, "lagSeconds", s.lag_ns);
	pl_json_key(j, "pointsPerSecond");
	pl_json_object_begin(j);
	pl_json_key(j, "in");
	pl_json_double(j, s.delivery.rate_in);
	pl_json_key(j, "out");
	pl_json_double(j, s.delivery.rate_out);
	pl_json_object_end(j);
	add_answer(j, &s.delivery);
	add_u64(j, "deliveries", s.delivery.deliveries);
	add_u64(j, "backlogDeliveries", s.delivery.backlog_deliveries);
	add_u64(j, "retries", s.delivery.retries);
	pl_json_object_end(j);
}

void pl_api_queue(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	const struct pl_outputs *o = a->env.outputs(a->env.daemon);
	pl_json_object_begin(&j);
	add_text(&j, "status", "success");
	pl_json_key(&j, "data");
	pl_json_object_begin(&j);
	pl_json_key(&j, "outputs");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < o->n; i++)
		if (!pl_output_is_live(o->v[i]))
			add_output(&j, o->v[i]);
	pl_json_array_end(&j);
	pl_json_object_end(&j);
	pl_json_object_end(&j);
	pl_api_reply_json(x, 200, &b);
}
