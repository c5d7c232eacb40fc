#include "in_scrape/trouble.h"

#include <string.h>

#include "base/clock.h"

void pl_scrape_trouble_fail(struct pl_scrape_trouble *t, const struct pl_target *target, enum pl_scrape_result result,
			    const char *reason, struct pl_log *log)
{
	const struct pl_kv kv[] = {
	    PL_KVC("job", target->job->name), PL_KVS("target", pl_target_log_url(target)), PL_KVC("reason", reason), {0}};
	t->kinds[result]++;
	pl_incident_fail(&t->incident, pl_clock_wall_ns(), log, PL_LOG_WARN, "scrape failed", kv);
}

/* `network 12, timeout 3`. */
static void add_kinds(struct pl_buf *out, const struct pl_scrape_trouble *t)
{
	for (unsigned i = 0; i < PL_SCRAPE_RESULTS; i++)
		if (t->kinds[i] > 0)
			pl_buf_addf(out, "%s%s %u", out->n > 0 ? ", " : "", pl_scrape_result_word((enum pl_scrape_result)i),
				    (unsigned)t->kinds[i]);
}

void pl_scrape_trouble_end(struct pl_scrape_trouble *t, const struct pl_target *target, struct pl_log *log)
{
	struct pl_buf kinds = {0};
	if (t->incident.since_ns == 0)
		return;
	add_kinds(&kinds, t);
	const struct pl_kv kv[] = {PL_KVC("job", target->job->name),
				   PL_KVS("target", pl_target_log_url(target)),
				   PL_KVS("kinds", pl_buf_str(&kinds)),
				   {0}};
	pl_incident_end(&t->incident, pl_clock_wall_ns(), log, "scrape works again", kv);
	memset(t->kinds, 0, sizeof t->kinds);
	pl_buf_finish(&kinds);
}
