/* When proofs are made, and what is kept of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alerts/alerts_private.h"
#include "base/clock.h"
#include "base/mem.h"

static const struct pl_alert *alert_of(void *data, struct pl_str id)
{
	struct pl_alerts *a = data;
	struct pl_task_status s;
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	if (e == NULL || !e->alert.enabled || !pl_alerts_task_status(a, e->alert.id, &s) || !s.executing)
		return NULL;
	return &e->alert;
}

static const struct pl_alert_defaults *defaults_of(void *data)
{
	return &((struct pl_alerts *)data)->defaults;
}

static bool reachable(void *data, enum pl_proof_path path)
{
	const struct pl_alerts *a = data;
	if (a->config == NULL || a->config->kapacitor == NULL || a->defaults.proof_database == NULL)
		return false;
	return path == PL_PROOF_PATH_KAPACITOR ? a->link != NULL : pl_alert_proof_by_influxdb(a->config);
}

static void write_lines(void *data, enum pl_proof_path path, struct pl_str lines)
{
	pl_alerts_write_proof(data, path, lines);
}

/* proven took tried fingerprint reason */
static void save(struct pl_alerts *a, const struct pl_alert_entry *e)
{
	struct pl_buf b = {0};
	const struct pl_alert_proof *p = &e->proof;
	pl_buf_addf(&b, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %s", p->proven_wall_ns, p->took_ns, p->tried_wall_ns,
		    p->fingerprint, p->reason);
	(void)!pl_state_put(a->env.state, PL_ALERTS_PROOF_DOC, pl_str_of(e->alert.id), pl_buf_str(&b), NULL, NULL);
	pl_buf_finish(&b);
}

void pl_alerts_load_proof(struct pl_alerts *a, struct pl_str id, struct pl_str body)
{
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	struct pl_str rest = body, proven = pl_str_cut(&rest, ' '), took = pl_str_cut(&rest, ' '), tried = pl_str_cut(&rest, ' ');
	struct pl_str fingerprint = pl_str_cut(&rest, ' ');
	struct pl_alert_proof p = {0};
	if (e == NULL || !pl_str_i64(proven, &p.proven_wall_ns) || !pl_str_i64(took, &p.took_ns) ||
	    !pl_str_i64(tried, &p.tried_wall_ns) || !pl_str_u64(fingerprint, &p.fingerprint))
		return;
	snprintf(p.reason, sizeof p.reason, "%.*s", (int)rest.n, rest.p != NULL ? rest.p : "");
	e->proof = p;
}

static void on_ended(void *data, struct pl_str id, int64_t took_ns, const char *reason)
{
	struct pl_alerts *a = data;
	struct pl_alert_entry *e = pl_alert_set_find(&a->set, id);
	if (e == NULL)
		return;
	bool was_broken = e->proof.reason[0] != '\0', broken = reason[0] != '\0';
	e->proof.tried_wall_ns = pl_clock_wall_ns();
	snprintf(e->proof.reason, sizeof e->proof.reason, "%s", reason);
	if (!broken) {
		e->proof.proven_wall_ns = e->proof.tried_wall_ns;
		e->proof.took_ns = took_ns;
	}
	if (broken && !was_broken)
		pl_warn(a->env.log, "an alert could not be proven to fire", PL_KVC("alert", e->alert.id),
			PL_KVC("reason", reason));
	else if (was_broken && !broken)
		pl_info(a->env.log, "an alert fires again", PL_KVC("alert", e->alert.id), PL_KVT("took_seconds", took_ns));
	save(a, e);
}

void pl_alerts_proofs_open(struct pl_alerts *a)
{
	const struct pl_proofs_env env = {.loop = a->env.loop,
					  .log = a->env.log,
					  .data = a,
					  .alert = alert_of,
					  .defaults = defaults_of,
					  .reachable = reachable,
					  .write = write_lines,
					  .ended = on_ended};
	a->proofs = pl_proofs_create(&env);
}

/* The next time that the clock on the wall shows `at`. */
static int64_t next_at(const char *at, int64_t wall_ns)
{
	int hour = 3, minute = 0;
	time_t now = (time_t)(wall_ns / PL_NS_PER_S), then;
	struct tm local;
	if (sscanf(at, "%d:%d", &hour, &minute) != 2 || localtime_r(&now, &local) == NULL)
		return wall_ns + 24 * 3600 * PL_NS_PER_S;
	local.tm_hour = hour;
	local.tm_min = minute;
	local.tm_sec = 0;
	local.tm_isdst = -1;
	then = mktime(&local);
	if (then <= now) {
		local.tm_mday++;
		local.tm_isdst = -1;
		then = mktime(&local);
	}
	return (int64_t)then * PL_NS_PER_S;
}

static int64_t next_due(const struct pl_alerts *a, int64_t wall_ns)
{
	const struct pl_kapacitor_config *k = a->config->kapacitor;
	if (k == NULL || k->proof.way == PL_PROOF_OFF || k->proof.interval == 0)
		return 0;
	if (k->proof.interval == 24 * 3600 * PL_NS_PER_S && k->proof.at != NULL && k->proof.at[0] != '\0')
		return next_at(k->proof.at, wall_ns);
	return wall_ns + k->proof.interval;
}

void pl_alerts_proofs_apply(struct pl_alerts *a)
{
	if (a->config->kapacitor != NULL)
		pl_proofs_set_timeout(a->proofs, a->config->kapacitor->proof.timeout);
	a->proofs_due_wall_ns = next_due(a, pl_clock_wall_ns());
}

void pl_alerts_proofs_tick(struct pl_alerts *a)
{
	int64_t now = pl_clock_wall_ns();
	if (a->proofs_due_wall_ns == 0 || now < a->proofs_due_wall_ns)
		return;
	for (struct pl_alert_entry *e = a->set.by_id; e != NULL; e = e->hh.next)
		if (e->alert.enabled)
			pl_proofs_ask(a->proofs, pl_str_of(e->alert.id));
	a->proofs_due_wall_ns = next_due(a, now);
}

/* A task that has come to run as desired is proven when it was never, or is another than the one that was. */
void pl_alerts_proofs_status(struct pl_alerts *a, struct pl_alert_entry *e, const struct pl_task_status *s)
{
	if (a->defaults.proof_database == NULL || s->state != PL_TASK_OK || !s->executing)
		return;
	if (e->proof.tried_wall_ns == 0 || e->proof.tried_wall_ns < e->modified_wall_ns ||
	    e->proof.fingerprint != s->known_fingerprint) {
		e->proof.fingerprint = s->known_fingerprint;
		pl_proofs_forget(a->proofs, pl_str_of(e->alert.id));
		pl_proofs_ask(a->proofs, pl_str_of(e->alert.id));
	}
}

bool pl_alerts_prove(struct pl_alerts *a, struct pl_str id, char *reason, size_t reason_size)
{
	const char *why = NULL;
	if (pl_alert_set_find(&a->set, id) == NULL)
		why = "there is no such alert";
	else if (a->defaults.proof_database == NULL)
		why = "proofs are off (kapacitor.proof.way)";
	else if (alert_of(a, id) == NULL)
		why = "its task does not run: GET /alerts/{id} tells why";
	if (why != NULL)
		snprintf(reason, reason_size, "%s", why);
	else
		pl_proofs_ask(a->proofs, id);
	return why == NULL;
}
