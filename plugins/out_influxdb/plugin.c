/* InfluxDB 1.x and 2 and what speaks like them: writes to /write or /api/v2/write, reads back by /query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_influxdb/history.h"
#include "out_influxdb/request.h"
#include "out_influxdb/result.h"
#include "out_influxdb/statement.h"
#include "out_influxdb/tending.h"
#include "out_influxdb/writer.h"
#include "pipeline/plugin.h"

enum { MOST_READS = 64, READ_ANSWER_BYTES = 16 * 1024 * 1024 };

enum gzip_choice { GZIP_AUTO, GZIP_ON, GZIP_OFF };
enum api_choice { API_AUTO, API_V1, API_V2 };

struct influx_config {
	const char *url, *database, *retention_policy, *username, *org, *bucket;
	struct pl_secret password, token;
	int api; /* enum api_choice */
	struct pl_client_config client;
	int gzip; /* enum gzip_choice */
	bool create_database;
	int64_t retention_duration, timeout;
	struct pl_influx_provision_config *provision; /* NULL: none */
};

struct influx {
	struct pl_output_env env;
	const struct influx_config *config;
	struct pl_basic_auth basic_auth;
	struct pl_authorization authorization;
	struct pl_influx_server server;
	struct pl_influx_writer writer;
	struct pl_influx_request create_at_start;
	struct pl_influx_tending *tending; /* NULL: nothing is provisioned */
	struct pl_delivery *lent, tended;  /* with tending: the engine's delivery, and the copy that the writer gets */
	struct pl_buf statement;
	unsigned reads;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* One question under way. */
struct reading {
	struct influx *influx;
	struct pl_query *query;
	struct pl_buf statement;
	unsigned n_fields;
	struct pl_influx_history history;
	struct pl_influx_request request;
};

/* ---- deliveries ---- */

static void on_tended_done(struct pl_delivery *tended, const struct pl_verdict *v)
{
	struct influx *in = pl_container_of(tended, struct influx, tended);
	struct pl_delivery *d = in->lent;
	pl_influx_tending_note(in->tending, d, v, in->writer.tried_database || in->writer.tried_policy);
	d->done(d, v);
}

static void deliver(void *self, struct pl_delivery *d)
{
	struct influx *in = self;
	if (in->tending != NULL) {
		in->lent = d;
		in->tended = *d;
		in->tended.done = on_tended_done;
		d = &in->tended;
	}
	pl_influx_writer_deliver(&in->writer, d);
}

/* ---- questions ---- */

static void end_reading(struct reading *r)
{
	struct influx *in = r->influx;
	struct pl_query *q = r->query;
	in->reads--;
	pl_influx_request_finish(&r->request);
	pl_buf_finish(&r->statement);
	free(r);
	in->env.query_done(q);
}

static enum pl_err ask(struct reading *r, char *reason, size_t reason_size)
{
	return pl_influx_request_query(&r->request, &r->influx->server, pl_str_of(r->influx->config->database), &r->statement,
				       PL_INFLUX_FOR_READS, reason, reason_size);
}

/* A history is asked for source by source. True: another request is under way. */
static bool go_on(struct reading *r, long status)
{
	char reason[256];
	pl_buf_clear(&r->statement);
	if (!pl_influx_history_read(&r->history, status, pl_buf_str(&r->request.answer)) ||
	    !pl_influx_history_next(&r->history, &r->statement))
		return false;
	if (ask(r, reason, sizeof reason) == PL_OK)
		return true;
	pl_influx_fail(r->query, PL_EIO, reason);
	return false;
}

static void on_read(struct pl_influx_request *request, const struct pl_transfer_result *result, bool cut)
{
	struct reading *r = pl_container_of(request, struct reading, request);
	if (cut)
		pl_influx_fail(r->query, r->query->kind == PL_QUERY_HISTORY ? PL_ELIMIT : PL_EIO,
			       "InfluxDB's answer is larger than 16 MiB");
	else if (result->err == PL_ECANCELED)
		pl_influx_fail(r->query, PL_ECANCELED, "the store is closing");
	else if (result->err != PL_OK)
		pl_influx_fail(r->query, PL_ENET, result->reason);
	else if (r->query->kind != PL_QUERY_HISTORY)
		pl_influx_read_result(r->query, result->status, pl_buf_str(&request->answer), r->n_fields);
	else if (go_on(r, result->status))
		return;
	end_reading(r);
}

static enum pl_err first_statement(struct reading *r)
{
	const struct influx_config *c = r->influx->config;
	struct pl_str policy = pl_str_of(r->influx->writer.names.policy);
	if (r->query->kind != PL_QUERY_HISTORY)
		return pl_influx_read_statement(&r->statement, r->query, policy, &r->n_fields);
	enum pl_err err = pl_influx_history_begin(&r->history, r->query, policy, c->provision);
	if (err == PL_OK)
		pl_influx_history_next(&r->history, &r->statement);
	return err;
}

static enum pl_err start_reading(struct reading *r, char *reason, size_t reason_size)
{
	enum pl_err err = first_statement(r);
	if (err != PL_OK) {
		snprintf(reason, reason_size, "%s",
			 err == PL_ENOENT ? "no series has such tags" : "the interval is out of range");
		return err;
	}
	r->request.max_answer = READ_ANSWER_BYTES;
	r->request.whole = true;
	r->request.done = on_read;
	return ask(r, reason, reason_size);
}

static void query(void *self, struct pl_query *q)
{
	struct influx *in = self;
	char reason[256];
	if (in->reads >= MOST_READS) {
		pl_influx_fail(q, PL_EIO, "too many questions at once");
		in->env.query_done(q);
		return;
	}
	struct reading *r = pl_calloc(1, sizeof *r);
	r->influx = in;
	r->query = q;
	in->reads++;
	enum pl_err err = start_reading(r, reason, sizeof reason);
	if (err != PL_OK) {
		pl_influx_fail(q, err == PL_ENOENT || err == PL_EINVAL ? err : PL_EIO, reason);
		end_reading(r);
	}
}

/* ---- at start ---- */

/* Best effort: who may only write has no right to it, and a database that is missing is noticed by the first write. */
static void on_created_at_start(struct pl_influx_request *r, const struct pl_transfer_result *result, bool cut)
{
	struct influx *in = pl_container_of(r, struct influx, create_at_start);
	char words[256];
	(void)cut;
	if (in->closing)
		return;
	if (result->err != PL_OK)
		pl_warn(in->env.log, "InfluxDB is not to be reached yet; points are kept", PL_KVC("output", in->env.name),
			PL_KVC("url", in->config->url), PL_KVC("reason", result->reason));
	else if (pl_influx_check_result(result->status, pl_buf_str(&r->answer), words, sizeof words) != PL_OK)
		pl_info(in->env.log, "the database was not created at start", PL_KVC("output", in->env.name),
			PL_KVC("database", in->config->database), PL_KVC("reason", words));
}

static void create_at_start(struct influx *in)
{
	const struct influx_config *c = in->config;
	struct pl_str database = pl_str_of(c->database);
	char reason[256];
	pl_influx_create_database(&in->statement, database);
	if (c->retention_duration > 0) {
		pl_buf_add_cstr(&in->statement, "; ");
		pl_influx_create_policy(&in->statement, database, pl_str_of(c->retention_policy), c->retention_duration);
	}
	in->create_at_start.max_answer = 65536;
	in->create_at_start.done = on_created_at_start;
	if (pl_influx_request_query(&in->create_at_start, &in->server, PL_STR(""), &in->statement, PL_INFLUX_FOR_READS, reason,
				    sizeof reason) != PL_OK)
		pl_warn(in->env.log, "the database cannot be created at start", PL_KVC("output", in->env.name),
			PL_KVC("reason", reason));
}

/* ---- open, close ---- */

/* The part between "//" and the next slash, colon or end. */
static struct pl_str host_of(const char *url)
{
	const char *p = strstr(url, "//");
	p = p != NULL ? p + 2 : url;
	if (*p == '[')
		return (struct pl_str){p + 1, strcspn(p + 1, "]")};
	return (struct pl_str){p, strcspn(p, ":/?#")};
}

static bool is_loopback(struct pl_str host)
{
	return pl_str_is(host, "localhost") || pl_str_is(host, "::1") || pl_str_starts(host, PL_STR("127."));
}

static void set_server(struct influx *in)
{
	const struct influx_config *c = in->config;
	in->server.base = pl_str_of(c->url);
	while (in->server.base.n > 0 && in->server.base.p[in->server.base.n - 1] == '/')
		in->server.base.n--;
	in->server.timeout_ns = c->timeout;
	in->server.client = c->client;
	if (c->username != NULL && c->username[0] != '\0') {
		in->basic_auth = (struct pl_basic_auth){.username = c->username, .password = c->password};
		in->server.client.basic_auth = &in->basic_auth;
	}
	if (pl_secret_given(&c->token)) {
		in->authorization = (struct pl_authorization){.type = "Token", .credentials = c->token};
		in->server.client.authorization = &in->authorization;
	}
}

static bool is_v2(const struct influx_config *c)
{
	return c->api == API_V2 || (c->api == API_AUTO && (c->org[0] != '\0' || c->bucket[0] != '\0'));
}

static void set_writer(struct influx *in)
{
	const struct influx_config *c = in->config;
	in->writer = (struct pl_influx_writer){
	    .server = &in->server,
	    .log = in->env.log,
	    .name = in->env.name,
	    .names = {.v2 = is_v2(c), .database = c->database, .policy = c->retention_policy, .org = c->org, .bucket = c->bucket},
	    .create = c->create_database && !is_v2(c),
	    .policy_duration_ns = c->retention_duration,
	    .gzip = c->gzip == GZIP_ON || (c->gzip == GZIP_AUTO && !is_loopback(host_of(c->url))),
	};
	/* the default policy that is about to be made is named, so that no point lands in the one that is still the default */
	int64_t duration;
	const char *standard = c->provision != NULL ? pl_influx_declared_default(c->provision, &duration) : NULL;
	if (standard != NULL && c->retention_policy[0] == '\0') {
		in->writer.names.policy = standard;
		in->writer.policy_duration_ns = duration;
	}
	pl_influx_writer_init(&in->writer);
}

static void tend(struct influx *in)
{
	const struct influx_config *c = in->config;
	if (c->provision != NULL)
		in->tending =
		    pl_influx_tending_create(&(struct pl_influx_tending_options){.env = &in->env,
										 .server = &in->server,
										 .config = c->provision,
										 .database = c->database,
										 .policy = in->writer.names.policy,
										 .create_database = c->create_database});
	else if (in->writer.create)
		create_at_start(in);
}

static enum pl_err open_influx(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	const struct influx_config *c = config;
	struct influx *in = pl_calloc(1, sizeof *in);
	in->env = *env;
	in->config = c;
	set_server(in);
	enum pl_err err =
	    pl_transfer_pool_create(&in->server.pool, env->loop, &(struct pl_transfer_pool_options){.max_connections = 2});
	if (err != PL_OK) {
		snprintf(reason, reason_size, "cannot set up HTTP: %s", pl_err_text(err));
		free(in);
		return err;
	}
	set_writer(in);
	tend(in);
	*self = in;
	return PL_OK;
}

static void finish(void *data)
{
	struct influx *in = data;
	void (*closed)(void *) = in->closed;
	void *closed_data = in->closed_data;
	pl_influx_writer_finish(&in->writer);
	pl_influx_request_finish(&in->create_at_start);
	pl_buf_finish(&in->statement);
	free(in);
	closed(closed_data);
}

static void on_pool_closed(void *data)
{
	struct influx *in = data;
	if (in->tending != NULL)
		pl_influx_tending_destroy(in->tending, finish, in);
	else
		finish(in);
}

static void close_influx(void *self, void (*closed)(void *data), void *data)
{
	struct influx *in = self;
	in->closed = closed;
	in->closed_data = data;
	in->closing = true;
	if (in->tending != NULL)
		pl_influx_tending_end(in->tending);
	pl_transfer_pool_close(in->server.pool, on_pool_closed, in);
}

/* ---- the configuration ---- */

static void check(void *object, const struct pl_check *c)
{
	const struct influx_config *config = object;
	bool user = config->username != NULL && config->username[0] != '\0';
	pl_client_config_check(&config->client, c);
	if (config->client.oauth2 != NULL)
		pl_check_fail(c, "oauth2", "not supported here, InfluxDB 1.x knows no OAuth 2; use basic_auth or authorization");
	if (config->url != NULL && strpbrk(config->url, "?#") != NULL)
		pl_check_fail(c, "url", "expected only scheme, host, port and perhaps a path; the database has a key of its own");
	if (user && (config->client.basic_auth != NULL || config->client.authorization != NULL ||
		     pl_secret_given(&config->client.bearer_token)))
		pl_check_fail(c, "username", "give either username and password, or basic_auth, authorization or bearer_token");
	if (!user && pl_secret_given(&config->password))
		pl_check_fail(c, "password", "a username is missing");
	if (pl_secret_given(&config->token) &&
	    (user || config->client.basic_auth != NULL || config->client.authorization != NULL ||
	     pl_secret_given(&config->client.bearer_token)))
		pl_check_fail(c, "token",
			      "give either token, or username and password, basic_auth, authorization or bearer_token");
	if (config->api == API_V1 && config->org[0] != '\0')
		pl_check_fail(c, "org", "InfluxDB 1.x has no organisations; leave api out, or set it to v2");
	if (config->api == API_V1 && config->bucket[0] != '\0')
		pl_check_fail(c, "bucket", "InfluxDB 1.x has databases; set database and retention_policy, or api to v2");
	if (is_v2(config) && config->provision != NULL)
		pl_check_fail(c, "provision", "is for InfluxDB 1.x; InfluxDB 2 has buckets and tasks of its own");
	if (is_v2(config) && config->org[0] == '\0')
		pl_check_fail(c, "org", "InfluxDB 2 needs the organisation's name or id");
	if (config->username != NULL && strchr(config->username, ':') != NULL)
		pl_check_fail(c, "username", "must not hold a colon, which ends the name in HTTP");
	if (config->retention_duration > 0 && (config->retention_policy == NULL || config->retention_policy[0] == '\0'))
		pl_check_fail(c, "retention_duration", "retention_policy is missing: the policy to create needs a name");
	if (config->retention_duration > 0 && config->provision != NULL)
		pl_check_fail(c, "retention_duration", "provision has retention_policies for that");
	if (config->provision != NULL && config->provision->pulse_aggregates && config->retention_policy != NULL &&
	    config->retention_policy[0] != '\0' && strcmp(config->retention_policy, PL_INFLUX_PULSE_FROM) != 0)
		pl_check_fail(c, "retention_policy", "pulse_aggregates are made of what is in " PL_INFLUX_PULSE_FROM);
	if (config->retention_duration > 0 && config->retention_duration < 3600 * PL_NS_PER_S)
		pl_check_fail(c, "retention_duration", "InfluxDB keeps at least 1h");
}

static const char *const api_choices[] = {"auto", "v1", "v2", NULL};
static const char *const gzip_choices[] = {"auto", "on", "off", NULL};

static const struct pl_field fields[] = {
    {.key = "url",
     .type = PL_FIELD_URL,
     .offset = offsetof(struct influx_config, url),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "http://127.0.0.1:8086",
     .help = "where InfluxDB listens"},
    {.key = "database",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct influx_config, database),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulseline",
     .help = "for points whose job names none, and for reading"},
    {.key = "retention_policy",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct influx_config, retention_policy),
     .fallback = "",
     .help = "empty: the database's default"},
    {.key = "api",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct influx_config, api),
     .choices = api_choices,
     .fallback = "auto",
     .help = "v1 writes to /write, v2 to /api/v2/write; auto: v2 when org or bucket is given"},
    {.key = "org",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct influx_config, org),
     .fallback = "",
     .help = "InfluxDB 2: the organisation"},
    {.key = "bucket",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct influx_config, bucket),
     .fallback = "",
     .help = "InfluxDB 2: for points whose job names no database; empty: database/retention_policy"},
    {.key = "token",
     .type = PL_FIELD_SECRET,
     .offset = offsetof(struct influx_config, token),
     .help = "InfluxDB 2: sent as Authorization: Token"},
    {.key = "username",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct influx_config, username),
     .fallback = "",
     .help = "short for basic_auth"},
    {.key = "password", .type = PL_FIELD_SECRET, .offset = offsetof(struct influx_config, password), .help = "of username"},
    PL_CLIENT_FIELDS(struct influx_config),
    {.key = "gzip",
     .type = PL_FIELD_ENUM,
     .offset = offsetof(struct influx_config, gzip),
     .choices = gzip_choices,
     .fallback = "auto",
     .help = "compress what is sent; auto: unless the host is this machine"},
    {.key = "create_database",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct influx_config, create_database),
     .fallback = "true",
     .help = "create the database and, given retention_duration, the retention policy when they are missing"},
    {.key = "retention_duration",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct influx_config, retention_duration),
     .fallback = "0",
     .help = "of a retention policy that is created; 0: none is"},
    {.key = "provision",
     .type = PL_FIELD_OPTIONAL,
     .offset = offsetof(struct influx_config, provision),
     .schema = &pl_influx_provision_schema,
     .help = "retention policies and downsampling of the database"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct influx_config, timeout),
     .fallback = "10s",
     .min = 100 * PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "of one request"},
    {.key = "consistency", .type = PL_FIELD_REFUSED, .help = "not supported: it is for clusters"},
    {.key = "precision", .type = PL_FIELD_REFUSED, .help = "times are always sent in nanoseconds"},
    {0},
};

static const struct pl_schema schema = {
    .name = "influxdb", .size = sizeof(struct influx_config), .fields = fields, .check = check};

static const struct pl_output_ops ops = {
    .open = open_influx,
    .deliver = deliver,
    .query = query,
    .counter_label = pl_influx_tending_counter,
    .durable = true,
    .close = close_influx,
};

extern const struct pl_plugin pl_plugin_out_influxdb;
const struct pl_plugin pl_plugin_out_influxdb = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_OUTPUT, .name = "influxdb", .help = "writes to InfluxDB and reads back from it",
    .schema = &schema, .ops.output = &ops,
};
