#include "app/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *pl_explain_cause_word(enum pl_explain_cause cause)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
	    PL_EXPLAIN_CAUSE_MAP(X)
#undef X
	};
	return words[cause];
}

static bool is_https(const struct pl_explain *e)
{
	return pl_str_starts(pl_str_of(e->url), PL_STR("https:"));
}

static enum pl_explain_cause network_cause(const struct pl_explain *e)
{
	const struct pl_transfer_phases *p = &e->result.phases;
	if (pl_str_starts(pl_str_of(e->result.reason), PL_STR("cannot resolve")))
		return PL_EXPLAIN_RESOLVE;
	/* libcurl tells of a connection only after the handshake. */
	if (is_https(e) && (strstr(e->result.reason, "TLS") != NULL || strstr(e->result.reason, "certificate") != NULL))
		return PL_EXPLAIN_TLS;
	if (p->connected == 0)
		return PL_EXPLAIN_CONNECT;
	return is_https(e) && p->tls == 0 ? PL_EXPLAIN_TLS : PL_EXPLAIN_NETWORK;
}

static enum pl_explain_cause cause_of(const struct pl_explain *e)
{
	switch (e->result.err) {
	case PL_EINVAL:
		return PL_EXPLAIN_URL;
	case PL_ETIMEOUT:
		return PL_EXPLAIN_TIMEOUT;
	case PL_EPARSE:
		return PL_EXPLAIN_PARSE;
	case PL_EUNSUPPORTED:
		return PL_EXPLAIN_CONTENT;
	case PL_EACCES: /* no token */
		return PL_EXPLAIN_CREDENTIALS;
	case PL_ELIMIT:
		if (e->page.error[0] == '\0')
			return PL_EXPLAIN_SIZE_LIMIT;
		return e->page.error_line > 0 ? PL_EXPLAIN_PARSE : PL_EXPLAIN_SAMPLE_LIMIT;
	default:
		return network_cause(e);
	}
}

void pl_explain_judge(struct pl_explain *e)
{
	const struct pl_transfer_result *r = &e->result;
	e->cause = PL_EXPLAIN_GOOD;
	if (r->status != 0 && r->status != 200 && (r->err == PL_OK || r->err == PL_EIO)) {
		e->cause = PL_EXPLAIN_STATUS;
		snprintf(e->error, sizeof e->error, "the target answered HTTP status %ld", r->status);
	} else if (r->err != PL_OK) {
		e->cause = cause_of(e);
		snprintf(e->error, sizeof e->error, "%s",
			 e->page.error[0] != '\0' ? e->page.error
			 : r->reason[0] != '\0'   ? r->reason
						  : pl_err_text(r->err));
	} else if (e->page.reader == NULL) {
		e->cause = PL_EXPLAIN_CONTENT;
		snprintf(e->error, sizeof e->error, "the answer has no body");
	} else if (pl_explain_page_end(&e->page) != PL_OK) {
		e->cause = PL_EXPLAIN_PARSE;
		snprintf(e->error, sizeof e->error, "%s", e->page.error);
	}
}

static const char *advice_for_status(const struct pl_explain *e)
{
	long status = e->result.status;
	if (status == 401 || status == 403)
		return e->with_job
			   ? "The credentials of this job are not the ones that the target wants: see basic_auth, authorization, "
			     "bearer_token, tls_config (client certificate)."
			   : "It wants credentials. Give them to a job (basic_auth, authorization, bearer_token_file) and ask "
			     "again with -c CONFIG --job NAME.";
	if (status == 404 || status == 410)
		return "The server is there, the page is not: see metrics_path (by default /metrics).";
	if (status >= 300 && status < 400)
		return "It redirects, and the job does not follow: set follow_redirects: true, or scrape where it points to.";
	if (status == 429 || status == 503)
		return "The target is too busy, or not ready yet. Does something else scrape it too often?";
	if (status >= 500)
		return "The exporter itself failed: its own log says more.";
	return "Only 200 carries a page of metrics.";
}

static const char *advice_for_timeout(const struct pl_explain *e)
{
	const struct pl_transfer_phases *p = &e->result.phases;
	if (p->connected == 0)
		return "Nobody answered at that address: a firewall that drops packets, a host that is down, or a wrong address.";
	if (is_https(e) && p->tls == 0)
		return "The connection stands, the TLS handshake does not come to an end: is it really an HTTPS server?";
	if (p->first_byte == 0)
		return "The target takes longer than scrape_timeout to begin its answer: raise scrape_timeout (at most "
		       "scrape_interval), or have the exporter collect less.";
	return "The page comes too slowly to be read within scrape_timeout: raise it (at most scrape_interval), turn on "
	       "enable_compression, or have the exporter say less.";
}

static const char *advice_of(const struct pl_explain *e)
{
	switch (e->cause) {
	case PL_EXPLAIN_GOOD:
		return NULL;
	case PL_EXPLAIN_CREDENTIALS:
		if (e->job->client.oauth2 != NULL)
			return "The token's server gave none: see oauth2 of the job (client_id, client_secret, token_url, "
			       "scopes, "
			       "endpoint_params) and that server's own log.";
		return "Correct the file's name in the configuration, or let the user who runs Pulseline read it.";
	case PL_EXPLAIN_URL:
		return "A URL looks like http://host:9100/metrics.";
	case PL_EXPLAIN_RESOLVE:
		return "Is the name spelt right, and does this machine's resolver know it? `getent hosts NAME` asks the same "
		       "one.";
	case PL_EXPLAIN_CONNECT:
		return "Does the exporter run, does it listen on this address (not only on its own 127.0.0.1), and is the port "
		       "right?";
	case PL_EXPLAIN_TLS:
		return "See tls_config: ca_file when a CA of your own signed the certificate, server_name when it is made out to "
		       "another name, cert_file and key_file when the target wants a client's certificate. Or does it speak "
		       "plain "
		       "http?";
	case PL_EXPLAIN_NETWORK:
		return "The connection broke before the page was complete: the exporter's log may say why. Behind an https port, "
		       "use https://.";
	case PL_EXPLAIN_TIMEOUT:
		return advice_for_timeout(e);
	case PL_EXPLAIN_STATUS:
		return advice_for_status(e);
	case PL_EXPLAIN_CONTENT:
		return "This is not where the metrics are: see metrics_path, and the port. A page of metrics is text/plain or "
		       "application/openmetrics-text.";
	case PL_EXPLAIN_PARSE:
		return "The exporter writes a page that is not in its format: `pulseline check metrics` finds all rules of it. "
		       "Until it is mended the whole page is refused.";
	case PL_EXPLAIN_SAMPLE_LIMIT:
		return "Raise sample_limit of the job, or have the exporter say less.";
	case PL_EXPLAIN_SIZE_LIMIT:
		return "Raise body_size_limit of the job, or have the exporter say less.";
	}
	return NULL;
}

static const char *advice_for_drop(enum pl_sample_drop d)
{
	if (d == PL_SAMPLE_DROP_NAN)
		return "NaN mostly means \"nothing was observed\" (a quantile of an empty summary): losing it loses nothing.";
	if (d == PL_SAMPLE_DROP_INF)
		return "InfluxDB has no infinities; only the exporter can say something else.";
	if (d == PL_SAMPLE_DROP_TIME)
		return "Their own timestamps are far off: are they in milliseconds? honor_timestamps: false takes the time of "
		       "the "
		       "scrape instead.";
	return NULL;
}

void pl_explain_advise(const struct pl_explain *e, void (*fn)(void *data, const char *text), void *data)
{
	const char *advice = advice_of(e);
	if (advice != NULL)
		fn(data, advice);
	for (unsigned d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		if (pl_explain_page_drops(&e->page, d) > 0 && advice_for_drop((enum pl_sample_drop)d) != NULL)
			fn(data, advice_for_drop((enum pl_sample_drop)d));
	if (e->cause != PL_EXPLAIN_GOOD)
		return;
	if (e->page.samples == 0)
		fn(data, "The page is in order, but has not one sample: has the exporter anything to tell yet?");
	if (e->result.phases.done > e->timeout_ns / 2)
		fn(data, "It took more than half of scrape_timeout: on a busier day it will fail.");
}
