#include "alerts/tick_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/alert_check.h"
#include "format/tick_literal.h"

bool pl_tick_needs_full_window(const struct pl_alert *a)
{
	return a->aggregate == PL_ALERT_SUM || a->aggregate == PL_ALERT_COUNT;
}

static bool fits(const char *what, struct pl_str s, char *reason, size_t reason_size)
{
	const char *why = pl_tick_literal_refusal(s);
	if (why == NULL)
		why = pl_alert_text_flaw(s, false);
	if (why != NULL)
		snprintf(reason, reason_size, "%s: no TICKscript can carry it: %s", what, why);
	return why == NULL;
}

static bool tag_fits(const char *what, struct pl_str name, char *reason, size_t reason_size)
{
	if (pl_str_is(name, PL_TICK_PROOF_TAG)) {
		snprintf(reason, reason_size, "%s: the tag %s is reserved", what, PL_TICK_PROOF_TAG);
		return false;
	}
	if (pl_str_is(name, "time")) {
		snprintf(reason, reason_size, "%s: no tag can be called time", what);
		return false;
	}
	return fits(what, name, reason, reason_size);
}

static bool texts_fit(const struct pl_tick_parts *p, char *reason, size_t reason_size)
{
	const struct pl_alert *a = p->alert;
	/* A measurement, too, of which no line protocol can end in a backslash. */
	if (!fits("metric", pl_str_of(a->metric), reason, reason_size) ||
	    !fits("field", pl_str_of(p->field), reason, reason_size) ||
	    !fits("database", pl_str_of(p->database), reason, reason_size) ||
	    !fits("retention_policy", pl_str_of(p->retention_policy), reason, reason_size))
		return false;
	const char *why = pl_alert_text_flaw(pl_str_of(a->message), true);
	if (why != NULL) {
		snprintf(reason, reason_size, "message: it %s", why);
		return false;
	}
	for (size_t i = 0; i < a->tags.n; i++)
		if (!tag_fits("tags: a name", a->tags.v[i].name, reason, reason_size) ||
		    !fits("tags: a value", a->tags.v[i].value, reason, reason_size))
			return false;
	for (size_t i = 0; i < p->groups; i++)
		if (!tag_fits("group_by", p->group[i], reason, reason_size))
			return false;
	return true;
}

static bool sensible(const struct pl_tick_parts *p, char *reason, size_t reason_size)
{
	const struct pl_alert *a = p->alert;
	const char *why = NULL;
	bool windows = a->kind == PL_ALERT_RELATIVE || (a->kind == PL_ALERT_THRESHOLD && a->aggregate != PL_ALERT_NONE);
	bool any = false;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		any = any || p->bounds[i].given;
		if ((p->bounds[i].given && !isfinite(p->bounds[i].threshold)) ||
		    (p->bounds[i].reset_given && !isfinite(p->bounds[i].reset)))
			why = "a threshold is no finite number";
	}
	if (a->id == NULL || a->id[0] == '\0')
		why = "id: there is none";
	else if (!any)
		why = "threshold: there is none";
	else if (a->kind == PL_ALERT_RELATIVE && a->aggregate == PL_ALERT_NONE)
		why = "aggregate: a relative alert compares windows, and \"none\" has none";
	else if ((windows || a->kind == PL_ALERT_DEADMAN) && a->duration <= 0)
		why = "duration: it must be above 0";
	else if (windows && a->every <= 0)
		why = "every: it must be above 0";
	else if (a->kind == PL_ALERT_RELATIVE && a->ago < a->every)
		why = "ago: it must not be below `every`";
	if (why != NULL)
		snprintf(reason, reason_size, "%s", why);
	return why == NULL;
}

static void add_group(struct pl_tick_parts *p, struct pl_str tag)
{
	for (size_t i = 0; i < p->groups; i++)
		if (pl_str_eq(p->group[i], tag))
			return;
	p->group[p->groups++] = tag;
}

static void gather_groups(struct pl_tick_parts *p)
{
	const struct pl_alert *a = p->alert;
	p->group = pl_calloc(a->group_by.n + a->tags.n + 1, sizeof *p->group);
	p->all_tags = a->group_by.n == 0 && a->tags.n == 0;
	for (size_t i = 0; i < a->group_by.n; i++) {
		if (strcmp(a->group_by.v[i], "*") == 0)
			p->all_tags = true;
		else
			add_group(p, pl_str_of(a->group_by.v[i]));
	}
	if (a->group_by.n == 0)
		for (size_t i = 0; i < a->tags.n; i++)
			add_group(p, a->tags.v[i].name);
}

/* As pulse calls it: mean_cpu_used. */
static void name_value(struct pl_tick_parts *p)
{
	const struct pl_alert *a = p->alert;
	if (a->kind == PL_ALERT_DEADMAN) {
		pl_buf_add_cstr(&p->value, "emitted");
		return;
	}
	pl_buf_add_cstr(&p->value, a->aggregate == PL_ALERT_NONE ? "value" : pl_alert_aggregate_text(a->aggregate));
	pl_buf_add_char(&p->value, '_');
	for (const char *c = a->metric; c != NULL && *c != '\0'; c++) {
		bool plain = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
		pl_buf_add_char(&p->value, plain ? *c : '_');
	}
}

static void gather_bounds(struct pl_tick_parts *p)
{
	const struct pl_alert *a = p->alert;
	bool any = false;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		p->bounds[i] = a->bounds[i];
		any = any || a->bounds[i].given;
	}
	int level = PL_ALERT_CRIT;
	if (a->kind != PL_ALERT_DEADMAN || any)
		return;
	if (a->level != NULL && !pl_alert_level_parse(pl_str_of(a->level), &level))
		level = PL_ALERT_CRIT;
	p->bounds[level > PL_ALERT_OK ? level : PL_ALERT_CRIT] =
	    (struct pl_alert_bound){.given = true}; /* silence: no point at all */
}

enum pl_err pl_tick_parts_init(struct pl_tick_parts *p, const struct pl_alert *a, const struct pl_alert_defaults *defaults,
			       char *reason, size_t reason_size)
{
	*p = (struct pl_tick_parts){.alert = a};
	p->database = a->database != NULL ? a->database : defaults->database;
	p->retention_policy = a->retention_policy != NULL ? a->retention_policy : defaults->retention_policy;
	p->field = a->field != NULL ? a->field : defaults->field != NULL ? defaults->field : a->metric;
	gather_groups(p);
	gather_bounds(p);
	if (!texts_fit(p, reason, reason_size) || !sensible(p, reason, reason_size)) {
		pl_tick_parts_finish(p);
		return PL_EINVAL;
	}
	name_value(p);
	return PL_OK;
}

void pl_tick_parts_finish(struct pl_tick_parts *p)
{
	free(p->group);
	pl_buf_finish(&p->value);
	*p = (struct pl_tick_parts){0};
}
