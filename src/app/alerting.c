#include "app/alerting.h"

#include "base/mem.h"

static enum pl_err open_both(struct pl_alerting *a, const struct pl_config *config, struct pl_buf *problems)
{
	char reason[512] = "";
	const struct pl_state_options options = {.loop = a->env.loop, .log = a->env.log, .dir = config->state.dir};
	enum pl_err err = a->state != NULL ? PL_OK : pl_state_open(&a->state, &options, reason, sizeof reason);
	if (err == PL_OK && reason[0] != '\0')
		pl_warn(a->env.log, "the state begins anew", PL_KVC("reason", reason));
	if (err == PL_OK) {
		a->env.state = a->state;
		err = pl_alerts_create(&a->alerts, &a->env, reason, sizeof reason);
	}
	if (err != PL_OK && config->state.dir_mark.file != NULL)
		pl_buf_addf(problems, "%s:%u:%u: ", config->state.dir_mark.file, config->state.dir_mark.line,
			    config->state.dir_mark.column);
	if (err != PL_OK)
		pl_buf_addf(problems, "state.dir: %s\n", reason[0] != '\0' ? reason : pl_err_text(err));
	return err;
}

enum pl_err pl_alerting_prepare(struct pl_alerting *a, struct pl_config *config, struct pl_buf *problems)
{
	enum pl_err err = PL_OK;
	if (a->alerts == NULL && config->kapacitor == NULL)
		return PL_OK;
	if (a->alerts == NULL)
		err = open_both(a, config, problems);
	return err == PL_OK ? pl_alerts_prepare(a->alerts, config, problems) : err;
}

void pl_alerting_apply(struct pl_alerting *a, const char *http)
{
	if (a->alerts != NULL)
		pl_alerts_apply(a->alerts, http);
}

void pl_alerting_discard(struct pl_alerting *a)
{
	if (a->alerts != NULL)
		pl_alerts_discard(a->alerts);
}

static void on_state_closed(void *data)
{
	struct pl_alerting *a = data;
	a->state = NULL;
	a->closed(a->closed_data);
}

static void on_alerts_closed(void *data)
{
	struct pl_alerting *a = data;
	a->alerts = NULL;
	if (a->state != NULL)
		pl_state_close(a->state, on_state_closed, a);
	else
		a->closed(a->closed_data);
}

void pl_alerting_close(struct pl_alerting *a, void (*closed)(void *data), void *data)
{
	a->closed = closed;
	a->closed_data = data;
	if (a->alerts != NULL)
		pl_alerts_close(a->alerts, on_alerts_closed, a);
	else
		on_alerts_closed(a);
}
