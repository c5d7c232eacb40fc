#include "format/relay_line.h"

enum { DAY_S = 86400 };

/* ---- bytes -> lines ---- */

void pl_relay_lines_init(struct pl_relay_lines *l, size_t limit)
{
	*l = (struct pl_relay_lines){.limit = limit};
}

void pl_relay_lines_finish(struct pl_relay_lines *l)
{
	pl_buf_finish(&l->begun);
	l->chunk = (struct pl_str){0};
}

void pl_relay_lines_feed(struct pl_relay_lines *l, struct pl_str chunk)
{
	l->chunk = chunk;
}

static struct pl_str without_cr(struct pl_str line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static enum pl_relay_lines_result too_long(struct pl_relay_lines *l)
{
	l->too_long = true;
	pl_relay_lines_finish(l);
	return PL_RELAY_LINES_TOO_LONG;
}

enum pl_relay_lines_result pl_relay_lines_next(struct pl_relay_lines *l, struct pl_str *line)
{
	if (l->given) {
		pl_buf_finish(&l->begun);
		l->given = false;
	}
	if (l->too_long)
		return PL_RELAY_LINES_TOO_LONG;
	const char *end = l->chunk.n > 0 ? memchr(l->chunk.p, '\n', l->chunk.n) : NULL;
	size_t n = end != NULL ? (size_t)(end - l->chunk.p) : l->chunk.n;
	if (n > l->limit + 1 - l->begun.n) /* one more for the '\r' */
		return too_long(l);
	if (end == NULL) {
		pl_buf_add(&l->begun, l->chunk.p, n);
		l->chunk = (struct pl_str){0};
		if (l->begun.n > l->limit && l->begun.p[l->begun.n - 1] != '\r')
			return too_long(l);
		return PL_RELAY_LINES_MORE;
	}
	if (l->begun.n == 0) {
		*line = (struct pl_str){l->chunk.p, n};
	} else {
		pl_buf_add(&l->begun, l->chunk.p, n);
		*line = pl_buf_str(&l->begun);
		l->given = true;
	}
	l->chunk.p += n + 1;
	l->chunk.n -= n + 1;
	*line = without_cr(*line);
	return line->n > l->limit ? too_long(l) : PL_RELAY_LINE;
}

/* ---- what a relay says to the server ---- */

struct word {
	const char *text;
	int means;
};

static int lookup(const struct word *words, struct pl_str word, int otherwise)
{
	for (; words->text != NULL; words++)
		if (pl_str_is(word, words->text))
			return words->means;
	return otherwise;
}

static struct pl_str cut_word(struct pl_str line, struct pl_str *arg, bool *has_arg)
{
	struct pl_str word = pl_str_cut(&line, ' ');
	*has_arg = line.p != NULL;
	*arg = *has_arg ? line : (struct pl_str){0};
	return word;
}

void pl_relay_read(struct pl_str line, struct pl_relay_line *out)
{
	static const struct word verbs[] = {
	    {"got", PL_RELAY_GOT},     {"ping", PL_RELAY_PING}, {"add", PL_RELAY_ADD},
	    {"ok", PL_RELAY_OK},       {"id", PL_RELAY_ID},     {"remove", PL_RELAY_REMOVE},
	    {"close", PL_RELAY_CLOSE}, {"auth", PL_RELAY_AUTH}, {0},
	};
	struct pl_str word = cut_word(line, &out->arg, &out->has_arg);
	out->verb = (enum pl_relay_verb)lookup(verbs, word, PL_RELAY_OTHER);
	if (out->verb == PL_RELAY_PING && out->has_arg)
		out->verb = PL_RELAY_OTHER;
}

void pl_relay_read_add(struct pl_str arg, struct pl_str *name, struct pl_str *tags)
{
	*name = pl_str_cut(&arg, ':');
	*tags = arg.n > 0 ? arg : (struct pl_str){0};
}

static bool read_item(struct pl_str item, struct pl_relay_item *out)
{
	struct pl_str value = item, name = pl_str_cut(&value, ':');
	if (value.p == NULL || (value.n > 0 && memchr(value.p, ':', value.n) != NULL))
		return false;
	struct pl_str stat = name, collector = pl_str_cut(&stat, '-');
	if (stat.p == NULL)
		stat = collector;
	else if (stat.n > 0 && memchr(stat.p, '-', stat.n) != NULL)
		return false;
	*out = (struct pl_relay_item){.collector = collector, .stat = stat, .value = value};
	return true;
}

bool pl_relay_next_item(struct pl_relay_items *items, struct pl_relay_item *out)
{
	while (items->rest.p != NULL) {
		struct pl_str item = pl_str_cut(&items->rest, ',');
		if (read_item(item, out))
			return true;
		items->skipped++;
	}
	return false;
}

/* ---- what the server says to a relay ---- */

void pl_relay_read_order(struct pl_str line, struct pl_relay_order_line *out)
{
	static const struct word orders[] = {
	    {"get", PL_RELAY_ORDER_GET},
	    {"pong", PL_RELAY_ORDER_PONG},
	    {"ok", PL_RELAY_ORDER_OK},
	    {"beat", PL_RELAY_ORDER_BEAT},
	    {"override", PL_RELAY_ORDER_OVERRIDE},
	    {"flush", PL_RELAY_ORDER_FLUSH},
	    {"ping", PL_RELAY_ORDER_PING},
	    {0},
	};
	struct pl_str word = cut_word(line, &out->arg, &out->has_arg);
	out->order = (enum pl_relay_order)lookup(orders, word, PL_RELAY_ORDER_OTHER);
}

static bool read_seconds(struct pl_str text, uint32_t least, uint32_t *out)
{
	uint64_t n;
	if (!pl_str_u64(text, &n) || n < least || n > DAY_S)
		return false;
	*out = (uint32_t)n;
	return true;
}

bool pl_relay_read_beat(struct pl_str arg, uint32_t *seconds)
{
	return read_seconds(arg, 1, seconds);
}

bool pl_relay_read_override(struct pl_str arg, struct pl_relay_overrides *out)
{
	struct pl_str seconds = pl_str_cut(&arg, ' ');
	*out = (struct pl_relay_overrides){.rest = arg};
	return arg.n > 0 && read_seconds(seconds, 0, &out->seconds);
}

bool pl_relay_next_override(struct pl_relay_overrides *o, struct pl_str *name, uint32_t *interval)
{
	while (o->rest.p != NULL) {
		struct pl_str item = pl_str_cut(&o->rest, ',');
		*name = pl_str_cut(&item, ':');
		if (item.p != NULL && read_seconds(item, 1, interval))
			return true;
		o->bad++;
	}
	return false;
}
