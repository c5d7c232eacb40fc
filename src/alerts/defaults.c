#include "alerts/defaults.h"

#include <string.h>

/* The member of a plugin's configuration that its table calls `key`; NULL: there is none of that type. */
static const void *member(const struct pl_section *s, const char *key, enum pl_field_type type)
{
	for (const struct pl_field *f = s->schema->fields; f->key != NULL; f++)
		if (f->type == type && strcmp(f->key, key) == 0)
			return (const char *)s->config + f->offset;
	return NULL;
}

static const char *text_of(const struct pl_section *s, const char *key)
{
	const char *const *text = s != NULL ? member(s, key, PL_FIELD_STRING) : NULL;
	return text != NULL && *text != NULL && **text != '\0' ? *text : NULL;
}

static const struct pl_section *first_influxdb(const struct pl_config *c)
{
	for (size_t i = 0; i < c->outputs.n; i++)
		if (strcmp(c->outputs.v[i].kind, "influxdb") == 0)
			return &c->outputs.v[i];
	return NULL;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	if (a != NULL && a[0] != '\0')
		return a;
	return b != NULL && b[0] != '\0' ? b : c;
}

struct pl_alert_defaults pl_alert_defaults_of(const struct pl_config *c)
{
	const struct pl_kapacitor_config *k = c->kapacitor;
	const struct pl_section *output = first_influxdb(c);
	const char *database = text_of(output, "database"), *policy = text_of(output, "retention_policy");
	if (c->server.relay != NULL) {
		database = first_of(c->server.relay->influx.database, database, NULL);
		policy = first_of(c->server.relay->influx.retention_policy, policy, NULL);
	}
	return (struct pl_alert_defaults){
	    .database = first_of(k->database, database, "pulseline"),
	    .retention_policy = first_of(k->retention_policy, policy, "autogen"),
	    .field = first_of(k->field, NULL, c->server.relay != NULL ? NULL : "value"),
	    .proof_database = k->proof.way == PL_PROOF_OFF ? NULL : k->proof.database,
	};
}

bool pl_alert_proof_by_influxdb(const struct pl_config *c)
{
	const struct pl_section *output = first_influxdb(c);
	const bool *creates = output != NULL ? member(output, "create_database", PL_FIELD_BOOL) : NULL;
	return c->kapacitor->proof.way == PL_PROOF_INFLUXDB && creates != NULL && *creates;
}

void pl_alert_webhook_url(const struct pl_config *c, const char *http, struct pl_buf *out)
{
	const char *port = strrchr(http, ':');
	bool tls = c->server.http.cert_file != NULL || c->server.http.self_signed;
	if (c->kapacitor->webhook_url != NULL && c->kapacitor->webhook_url[0] != '\0') {
		struct pl_str base = pl_str_of(c->kapacitor->webhook_url);
		while (base.n > 0 && base.p[base.n - 1] == '/')
			base.n--;
		pl_buf_add_str(out, base);
		pl_buf_add_cstr(out, "/kapacitor/webhook");
		return;
	}
	/* Listening everywhere is reached here; who has his Kapacitor elsewhere says how it reaches us. */
	bool everywhere = strncmp(http, "0.0.0.0:", 8) == 0 || strncmp(http, "[::]:", 5) == 0;
	pl_buf_addf(out, "%s://%s%s/kapacitor/webhook", tls ? "https" : "http", everywhere ? "127.0.0.1" : http,
		    everywhere && port != NULL ? port : "");
}
