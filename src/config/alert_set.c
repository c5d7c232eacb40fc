#include "config/alert_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/alert_files.h"
#include "config/scalar.h"

/* Its events' own URL stands beside the notifiers wherever these are listed. */
#define RESERVED "post"

enum { MOST_NOTIFIERS = 1000 };

const char *pl_notifier_section_name(const struct pl_section *s)
{
	const char *name = NULL;
	for (const struct pl_field *f = s->schema->fields; f->key != NULL; f++)
		if (f->type == PL_FIELD_STRING && strcmp(f->key, "name") == 0)
			memcpy(&name, (const char *)s->config + f->offset, sizeof name);
	return name != NULL && name[0] != '\0' ? name : s->kind;
}

const struct pl_section *pl_config_notifier(const struct pl_config *c, const char *name)
{
	for (size_t i = 0; i < c->notifiers.n; i++)
		if (strcmp(pl_notifier_section_name(&c->notifiers.v[i]), name) == 0)
			return &c->notifiers.v[i];
	return NULL;
}

static void check_notifiers(const struct pl_config *config, const struct pl_decode_options *o)
{
	if (config->notifiers.n > MOST_NOTIFIERS) {
		pl_problems_add(o->problems, config->notifiers.v[0].mark, "notifiers", "more than %d", MOST_NOTIFIERS);
		return;
	}
	for (size_t i = 0; i < config->notifiers.n; i++) {
		const struct pl_section *s = &config->notifiers.v[i];
		const char *name = pl_notifier_section_name(s), *flaw = NULL;
		const struct pl_section *first = pl_config_notifier(config, name);
		char path[80];
		snprintf(path, sizeof path, "notifiers[%zu].%.32s", i, s->kind);
		if (!pl_alert_id_valid(pl_str_of(name)))
			flaw = "its name takes letters, digits and . _ -, at most 64 of them";
		else if (strcmp(name, RESERVED) == 0)
			flaw = "the name " RESERVED " stands for the URL of an alert; take another";
		if (flaw != NULL)
			pl_problems_add(o->problems, s->mark, path, "%s", flaw);
		else if (first != s)
			pl_problems_add(o->problems, s->mark, path,
					"another notifier is called \"%s\" (line %u); give each a name of its own", name,
					(unsigned)first->mark.line);
	}
}

/* Every name must be one of a notifier. */
static void check_names(const struct pl_config *config, const struct pl_strings *names, const struct pl_check *c)
{
	for (size_t i = 0; i < names->n; i++) {
		struct pl_buf known = {0};
		if (pl_config_notifier(config, names->v[i]) == NULL) {
			for (size_t k = 0; k < config->notifiers.n; k++)
				pl_buf_addf(&known, "%s%s", k > 0 ? ", " : "", pl_notifier_section_name(&config->notifiers.v[k]));
			pl_check_fail(c, "notify", "there is no notifier \"%.64s\"; there %s%s", names->v[i],
				      known.n > 0 ? "are: " : "are none: list one in notifiers", pl_buf_cstr(&known));
		}
		pl_buf_finish(&known);
	}
}

static void settle_kapacitor(struct pl_config *config, const struct pl_node *node, const struct pl_decode_options *o)
{
	struct pl_kapacitor_config *k = (struct pl_kapacitor_config *)config->kapacitor; /* not handed out yet */
	const struct pl_check c = {o->problems, o->arena, node, "kapacitor", o->data};
	if (k == NULL)
		return;
	check_names(config, &k->notify, &c);
	if (!pl_node_is_null(pl_node_get(pl_node_get(node, "proof"), "way")))
		return;
	k->proof.way = PL_PROOF_KAPACITOR;
	for (size_t i = 0; i < config->outputs.n; i++)
		if (strcmp(config->outputs.v[i].kind, "influxdb") == 0)
			k->proof.way = PL_PROOF_INFLUXDB;
}

/* ---- ids ---- */

static int by_id(const void *a, const void *b)
{
	const struct pl_declared_alert *const *x = a, *const *y = b;
	int order = strcmp((*x)->alert->id, (*y)->alert->id);
	return order != 0 ? order : (*x > *y) - (*x < *y);
}

static void check_ids(const struct pl_declared_alerts *all, const struct pl_decode_options *o)
{
	const struct pl_declared_alert **sorted = pl_alloc((all->n + 1) * sizeof(struct pl_declared_alert *));
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct pl_declared_alert *d = &all->v[i];
		const struct pl_check c = {o->problems, o->arena, d->node, d->path, o->data};
		if (d->alert->id != NULL)
			sorted[n++] = d;
		else if (pl_node_get(d->node, "id") == NULL)
			pl_check_fail(&c, "id", "is missing: an alert that is declared needs one, by which it is known");
	}
	qsort(sorted, n, sizeof(struct pl_declared_alert *), by_id);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (strcmp(sorted[i]->alert->id, sorted[first]->alert->id) != 0) {
			first = i;
			continue;
		}
		const struct pl_declared_alert *d = sorted[i];
		const struct pl_check c = {o->problems, o->arena, d->node, d->path, o->data};
		const struct pl_node *other = pl_node_get(sorted[first]->node, "id");
		pl_check_fail(&c, "id", "another alert is called \"%.64s\" (%s:%u); ids must differ", d->alert->id,
			      sorted[first]->alert->mark.file, other != NULL ? (unsigned)other->mark.line : 0);
	}
	free(sorted);
}

/* ---- what is right, and yet not meant ---- */

/* The shortest of all inputs: whichever of them an alert's metric comes from, it comes no faster. 0: there are none. */
static int64_t shortest_interval(const struct pl_config *config)
{
	int64_t least = 0;
	const struct pl_relay_config *relay = config->server.relay;
	for (size_t i = 0; i < config->jobs.n; i++) {
		int64_t interval = pl_config_job(config, i)->scrape_interval;
		least = least == 0 || interval < least ? interval : least;
	}
	if (relay != NULL && (least == 0 || relay->poll_interval < least))
		least = relay->poll_interval;
	for (size_t i = 0; relay != NULL && i < relay->overrides.n; i++) {
		int64_t interval = ((const struct pl_relay_override *)relay->overrides.v)[i].interval;
		least = interval < least ? interval : least;
	}
	return least;
}

__attribute__((format(printf, 4, 5))) static void warn(const struct pl_decode_options *o, const struct pl_declared_alert *d,
						       const char *key, const char *format, ...)
{
	const struct pl_node *at = pl_node_get(d->node, key);
	struct pl_buf what = {0};
	va_list args;
	va_start(args, format);
	pl_buf_addv(&what, format, args);
	va_end(args);
	const char *path = pl_arena_printf(o->arena, "%s.%s", d->path, key);
	pl_problems_warn(o->problems, at != NULL ? at->mark : d->node->mark, path, "%s", pl_buf_cstr(&what));
	pl_buf_finish(&what);
}

static void warn_of(const struct pl_config *config, const struct pl_declared_alert *d, int64_t interval,
		    const struct pl_decode_options *o)
{
	const struct pl_alert *a = d->alert;
	struct pl_buf shown = {0};
	pl_duration_print(interval, &shown);
	const char *s = pl_buf_cstr(&shown);
	if (a->kind == PL_ALERT_DEADMAN && interval > 0 && a->duration <= interval)
		warn(o, d, "duration",
		     "points come every %s at best, so that this silence is found where there is none; take more than that", s);
	else if (interval > a->duration)
		warn(o, d, "duration", "points come every %s at best, so that most windows hold none; take more than that", s);
	if (interval > a->every && pl_node_get(d->node, "every") != NULL)
		warn(o, d, "every", "points come every %s at best: the same ones are looked at again and again", s);
	if (a->enabled && a->post == NULL && a->notify.n == 0 && config->kapacitor != NULL && config->kapacitor->notify.n == 0)
		warn(o, d, "notify", "nobody is told: give notify or post, or kapacitor.notify for all alerts");
	pl_buf_finish(&shown);
}

/* ---- all of it ---- */

static void add_own(struct pl_config *config, const struct pl_node *list, struct pl_arena *tree, struct pl_declared_alerts *all)
{
	for (size_t i = 0; i < config->alerts.n; i++) {
		const struct pl_node *node = list->items[i];
		if (node->kind == PL_NODE_MAPPING)
			pl_declared_alerts_add(all, (struct pl_declared_alert){(struct pl_alert *)config->alerts.v + i, node,
									       pl_arena_printf(tree, "alerts[%zu]", i)});
	}
}

static void gather(struct pl_config *config, const struct pl_declared_alerts *all, struct pl_arena *arena)
{
	struct pl_alert *v = pl_arena_alloc(arena, (all->n + 1) * sizeof *v);
	for (size_t i = 0; i < all->n; i++)
		v[i] = *all->v[i].alert;
	config->alerts = (struct pl_list){v, all->n};
	config->alert_files = (struct pl_strings){0};
}

void pl_alert_set_settle(struct pl_config *config, const struct pl_node *root, const struct pl_decode_options *o)
{
	struct pl_declared_alerts all = {0};
	struct pl_arena tree = {0};
	size_t before = o->problems->n;
	bool wanted = config->alerts.n > 0 || config->alert_files.n > 0;
	check_notifiers(config, o);
	settle_kapacitor(config, pl_node_get(root, "kapacitor"), o);
	add_own(config, pl_node_get(root, "alerts"), &tree, &all);
	if (config->alert_files.n > 0)
		pl_alert_files_read(config, pl_node_get(root, "alert_files"), o, &tree, &all);
	if (wanted && pl_node_is_null(pl_node_get(root, "kapacitor"))) {
		const char *key = config->alerts.n > 0 ? "alerts" : "alert_files";
		pl_problems_add(o->problems, pl_node_get(root, key)->mark, key,
				"alerts are watched by Kapacitor: add kapacitor: {url: http://127.0.0.1:9092}");
	}
	check_ids(&all, o);
	for (size_t i = 0; i < all.n; i++) {
		const struct pl_check c = {o->problems, o->arena, all.v[i].node, all.v[i].path, o->data};
		check_names(config, &all.v[i].alert->notify, &c);
	}
	int64_t interval = shortest_interval(config);
	for (size_t i = 0; i < all.n && o->problems->n == before; i++)
		warn_of(config, &all.v[i], interval, o);
	gather(config, &all, o->arena);
	free(all.v);
	pl_arena_finish(&tree);
}
