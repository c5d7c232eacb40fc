#include "api/target_filter.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_server.h"

struct parser {
	struct pl_target_filter *f;
	char *reason;
	size_t reason_size;
};

const char *pl_target_health_word(enum pl_target_health h)
{
	return h == PL_TARGET_UP ? "up" : h == PL_TARGET_DOWN ? "down" : "unknown";
}

static enum pl_err refuse(const struct parser *p, const char *what)
{
	snprintf(p->reason, p->reason_size, "%s", what);
	return PL_EINVAL;
}

/* Prometheus takes an empty one as any. */
static enum pl_err take_state(const struct parser *p, struct pl_str value)
{
	bool any = value.n == 0 || pl_str_is(value, "any");
	p->f->active = any || pl_str_is(value, "active");
	p->f->dropped = any || pl_str_is(value, "dropped");
	return p->f->active || p->f->dropped ? PL_OK : refuse(p, "state must be one of active, dropped, any");
}

static enum pl_err take_pool(const struct parser *p, struct pl_str value)
{
	struct pl_target_filter *f = p->f;
	if (value.n == 0)
		return refuse(p, "scrapePool must name a job of scrape_configs");
	if (f->n_pools == PL_TARGET_FILTER_POOLS)
		return refuse(p, "at most 32 scrapePool may be given");
	f->pools[f->n_pools++] = pl_arena_str(&f->arena, value);
	return PL_OK;
}

static enum pl_err take_match(const struct parser *p, struct pl_str value)
{
	char why[224];
	if (p->f->selector.n > 0)
		return refuse(p, "match may be given once; put all pairs into it: {job=\"node\",dc!=\"eu\"}");
	if (pl_selector_parse(&p->f->selector, &p->f->arena, value, why, sizeof why) == PL_OK)
		return PL_OK;
	snprintf(p->reason, p->reason_size, "match, %s", why);
	return PL_EINVAL;
}

static enum pl_err take_health(const struct parser *p, struct pl_str value)
{
	static const enum pl_target_health all[] = {PL_TARGET_UNKNOWN, PL_TARGET_UP, PL_TARGET_DOWN};
	for (size_t i = 0; i < PL_COUNT_OF(all); i++)
		if (pl_str_is(value, pl_target_health_word(all[i]))) {
			p->f->by_health = true;
			p->f->health = all[i];
			return PL_OK;
		}
	return refuse(p, "health must be one of up, down, unknown");
}

static enum pl_err take_number(const struct parser *p, const char *name, struct pl_str value, uint64_t most, uint64_t *out)
{
	if (pl_str_u64(value, out) && *out <= most)
		return PL_OK;
	if (most == UINT64_MAX)
		snprintf(p->reason, p->reason_size, "%s must be a whole number, 0 or more", name);
	else
		snprintf(p->reason, p->reason_size, "%s must be a whole number from 0 to %llu", name, (unsigned long long)most);
	return PL_EINVAL;
}

static enum pl_err take(const struct parser *p, struct pl_str key, struct pl_str value)
{
	if (pl_str_is(key, "state"))
		return take_state(p, value);
	if (pl_str_is(key, "scrapePool"))
		return take_pool(p, value);
	if (pl_str_is(key, "match"))
		return take_match(p, value);
	if (pl_str_is(key, "health"))
		return take_health(p, value);
	if (pl_str_is(key, "offset"))
		return take_number(p, "offset", value, UINT64_MAX, &p->f->offset);
	if (pl_str_is(key, "limit"))
		return take_number(p, "limit", value, UINT64_MAX, &p->f->limit);
	if (!pl_str_is(key, "outcomes"))
		return PL_OK;
	uint64_t outcomes;
	enum pl_err err = take_number(p, "outcomes", value, PL_TARGET_OUTCOMES, &outcomes);
	if (err == PL_OK)
		p->f->outcomes = (size_t)outcomes;
	return err;
}

enum pl_err pl_target_filter_parse(struct pl_target_filter *f, struct pl_str query_string, char *reason, size_t reason_size)
{
	const struct parser p = {f, reason, reason_size};
	struct pl_buf scratch = {0};
	struct pl_str rest = query_string, key, value;
	enum pl_err err = PL_OK;
	f->active = f->dropped = true;
	f->limit = UINT64_MAX;
	f->outcomes = PL_TARGET_OUTCOMES;
	while (err == PL_OK && pl_http_query_next(&rest, &scratch, &key, &value)) {
		err = take(&p, key, value);
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	return err;
}

void pl_target_filter_finish(struct pl_target_filter *f)
{
	pl_selector_finish(&f->selector);
	pl_arena_finish(&f->arena);
}

bool pl_target_filter_pool(const struct pl_target_filter *f, const char *pool)
{
	for (size_t i = 0; i < f->n_pools; i++)
		if (pl_str_is(f->pools[i], pool))
			return true;
	return f->n_pools == 0;
}

bool pl_target_filter_fits(struct pl_target_filter *f, const struct pl_target *t)
{
	return pl_target_filter_pool(f, t->job->name) && pl_selector_fits(&f->selector, t->labels);
}
