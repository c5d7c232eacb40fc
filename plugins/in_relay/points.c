#include "in_relay/points.h"

#include "base/clock.h"
#include "base/mem.h"
#include "format/lineproto.h"
#include "format/relay_value.h"

enum { LIVE_AT_ONCE = 64, SHARED_TAGS = 3 };

/* What of a line is being put together. */
struct got {
	struct pl_in_relay_conn *conn;
	struct pl_in_relay_server *server;
	const struct pl_in_relay_collector *collector; /* of the last item; NULL: it was never added */
	struct pl_str collector_name;
	bool any; /* item so far */
	int64_t wall_ns, point_ns;
	uint32_t n_points;
	uint64_t n_items, n_dropped;
	bool live;
	size_t n_live, n_live_tags;
};

/* Items of one collector mostly follow one another. */
static void find_collector(struct got *g, struct pl_str name)
{
	if (g->any && pl_str_eq(name, g->collector_name))
		return;
	g->any = true;
	g->collector_name = name;
	g->collector = pl_in_relay_collectors_find(&g->conn->collectors, name);
}

/* ---- live ---- */

static void publish(struct got *g)
{
	struct pl_in_relay_server *s = g->server;
	if (g->n_live == 0)
		return;
	s->env->live->publish(s->env->live, s->live, g->n_live);
	pl_in_relay_add(s, PL_IN_RELAY_LIVE, g->n_live);
	g->n_live = g->n_live_tags = 0;
}

static void add_live(struct got *g, const struct pl_relay_item *item)
{
	struct pl_in_relay_server *s = g->server;
	struct pl_str given = g->collector != NULL ? pl_in_relay_collector_given(g->collector) : (struct pl_str){0};
	size_t n = (g->collector != NULL ? g->collector->n_given : 0) + SHARED_TAGS;
	if (g->n_live == LIVE_AT_ONCE || g->n_live_tags + n > s->live_tags_cap)
		publish(g);
	if (n > s->live_tags_cap) { /* nothing points into it now */
		s->live_tags_cap = n * LIVE_AT_ONCE;
		s->live_tags = pl_realloc(s->live_tags, s->live_tags_cap * sizeof *s->live_tags);
	}
	if (s->live == NULL)
		s->live = pl_calloc(LIVE_AT_ONCE, sizeof *s->live);
	struct pl_str *tags = s->live_tags + g->n_live_tags, *t = tags;
	while (given.p != NULL)
		*t++ = pl_str_cut(&given, ',');
	*t++ = PL_STR("metrics");
	*t++ = pl_in_relay_conn_host_tag(g->conn);
	*t++ = item->stat;
	s->live[g->n_live++] = (struct pl_live_value){.tags = tags, .n_tags = n, .data = item->value, .wall_ns = g->wall_ns};
	g->n_live_tags += n;
}

/* ---- points ---- */

static struct pl_str tags_of(struct got *g)
{
	struct pl_in_relay_server *s = g->server;
	if (g->collector != NULL)
		return pl_in_relay_collector_tags(g->collector);
	if (!s->tagging.collector_tag)
		return pl_buf_str(&g->conn->tags);
	pl_buf_clear(&s->scratch);
	pl_in_relay_add_tags(&s->scratch, g->collector_name, (struct pl_str){0}, g->conn->id, &s->tagging);
	return pl_buf_str(&s->scratch);
}

/* The field has the name that the measurement was given, as a stat is read back by both: there, some more characters are replaced
 * than a key alone would need. `begin` is where the measurement begins. */
static void add_field_key(struct pl_buf *out, size_t begin, size_t end, struct pl_str stat, struct pl_buf *scratch)
{
	struct pl_str written = {out->p + begin, end - begin};
	if (pl_str_eq(written, stat)) {
		pl_lp_add_key(out, stat);
		return;
	}
	pl_buf_clear(scratch);
	pl_lp_unescape(scratch, written);
	pl_lp_add_key(out, pl_buf_str(scratch));
}

/* One line, or why not. */
static enum pl_in_relay_count add_point(struct got *g, const struct pl_relay_item *item)
{
	struct pl_buf *out = &g->server->points;
	size_t most = (size_t)pl_in_relay_config(g->server)->limits.name_bytes, before = out->n;
	if (item->stat.n == 0)
		return PL_IN_RELAY_DROP_NAME_EMPTY;
	if (item->stat.n > most || item->collector.n > most)
		return PL_IN_RELAY_DROP_NAME_LONG;
	struct pl_str stat = pl_str_is(item->stat, "time") ? PL_STR("time_") : item->stat; /* InfluxDB refuses a field `time` */
	pl_lp_add_measurement(out, stat);
	size_t named = out->n;
	pl_buf_add_str(out, tags_of(g));
	size_t series = out->n - before;
	pl_buf_add_char(out, ' ');
	add_field_key(out, before, named, stat, &g->server->scratch);
	bool fits = pl_lp_key_fits(series, out->n - before - series - 1);
	pl_buf_add_char(out, '=');
	enum pl_relay_value kind = pl_relay_value_add(item->value, out);
	if (!fits || kind != PL_RELAY_VALUE_FINITE) {
		out->n = before;
		return !fits                        ? PL_IN_RELAY_DROP_SERIES_KEY
		       : kind == PL_RELAY_VALUE_ODD ? PL_IN_RELAY_DROP_NOT_FINITE
						    : PL_IN_RELAY_DROP_UNPARSABLE;
	}
	pl_buf_add_char(out, ' ');
	pl_buf_add_i64(out, g->point_ns++);
	pl_buf_add_char(out, '\n');
	return PL_IN_RELAY_POINTS;
}

/* Later than every point that this relay has had: two of one series and one time would be one point. Unless the clock was put
 * back. */
static int64_t first_time(const struct pl_in_relay_conn *c, int64_t wall_ns)
{
	bool ahead = c->point_ns >= wall_ns && c->point_ns - wall_ns < PL_NS_PER_S;
	return ahead ? c->point_ns + 1 : wall_ns;
}

void pl_in_relay_points_got(struct pl_in_relay_conn *c, struct pl_str arg)
{
	struct pl_in_relay_server *s = c->server;
	struct pl_live_tap *tap = s->env->live;
	struct got g = {.conn = c, .server = s, .wall_ns = pl_clock_wall_ns(), .live = tap != NULL && tap->wanted(tap)};
	struct pl_relay_items items = pl_relay_items_of(arg);
	struct pl_relay_item item;
	g.point_ns = first_time(c, g.wall_ns);
	while (pl_relay_next_item(&items, &item)) {
		g.n_items++;
		find_collector(&g, item.collector);
		enum pl_in_relay_count what = add_point(&g, &item);
		if (what == PL_IN_RELAY_POINTS)
			g.n_points++;
		else
			pl_in_relay_trouble(s, what, c);
		if (g.live)
			add_live(&g, &item);
	}
	publish(&g);
	for (uint64_t i = 0; i < items.skipped; i++)
		pl_in_relay_trouble(s, PL_IN_RELAY_DROP_MALFORMED, c);
	pl_in_relay_add(s, PL_IN_RELAY_GOTS, 1);
	pl_in_relay_add(s, PL_IN_RELAY_STATS, g.n_items + items.skipped);
	pl_in_relay_add(s, PL_IN_RELAY_POINTS, g.n_points);
	c->n_points += g.n_points;
	c->n_dropped += g.n_items + items.skipped - g.n_points;
	c->got_wall_ns = g.wall_ns;
	c->asked = false;
	if (g.n_points > 0) {
		c->point_ns = g.point_ns - 1;
		s->env->sink->commit(s->env->sink, s->route, &s->points, g.n_points);
	}
}
