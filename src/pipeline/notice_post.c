#include "pipeline/notice_post.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/redact.h"
#include "pipeline/notice_text.h"

enum { WORDS_BYTES = 2048, MOST_DISCARDED = 1024 * 1024 };

bool pl_notice_post_same_origin(const char *a, const char *b)
{
	const char *host = strstr(a, "://");
	if (host == NULL)
		return false;
	size_t n = (size_t)(host - a) + 3;
	n += strcspn(a + n, "/?#\\@");
	return a[n] != '@' && strncasecmp(a, b, n) == 0 && strcspn(b, "") >= n && strchr("/?#", b[n]) != NULL;
}

static void give(struct pl_notice_post *p, enum pl_notice_result result, int64_t retry_after_ns, const char *text)
{
	struct pl_notice_verdict v = {.result = result, .retry_after_ns = retry_after_ns};
	if (result != PL_NOTICE_SENT) {
		/* Redacted while it is whole: what is cut in the middle is not known again. */
		char *shown = pl_strdup(text);
		pl_client_redact(&p->client, p->request.url, shown);
		if (p->request.secret != NULL)
			pl_redact_echo(shown, pl_str_of(p->request.secret));
		pl_notice_verdict_say(&v, pl_str_of(shown));
		free(shown);
	}
	p->on_verdict(p, &v);
}

/* What it says is shown on one line. */
static void add_words(struct pl_buf *out, struct pl_str s)
{
	s = pl_str_trim(s);
	for (size_t i = 0; i < s.n; i++)
		pl_buf_add_char(out, s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t' || s.p[i] == '\0' ? ' ' : s.p[i]);
}

static void judge(struct pl_notice_post *p, const struct pl_transfer_result *r)
{
	struct pl_buf text = {0};
	enum pl_notice_result result = PL_NOTICE_REFUSED;
	long s = r->status;
	if (s >= 200 && s < 300)
		result = PL_NOTICE_SENT;
	else if (s >= 500 || s == 408 || s == 425 || s == 429 || s == 401 || s == 407)
		result = PL_NOTICE_RETRY;
	pl_buf_addf(&text, "the receiver answered %ld", s);
	if (s == 401 || s == 407)
		pl_buf_add_cstr(&text, " (it does not take the credentials, which needs a person)");
	else if (s >= 300 && s < 400)
		pl_buf_add_cstr(&text, ", a redirect, which is not followed (follow_redirects)");
	if (p->answer.n > 0) {
		pl_buf_add_cstr(&text, ": ");
		add_words(&text, pl_buf_str(&p->answer));
	}
	give(p, result, result == PL_NOTICE_RETRY ? r->retry_after_ns : 0, pl_buf_cstr(&text));
	pl_buf_finish(&text);
}

static enum pl_err on_data(struct pl_transfer *t, const char *bytes, size_t n)
{
	struct pl_notice_post *p = pl_container_of(t, struct pl_notice_post, transfer);
	size_t room = WORDS_BYTES - p->answer.n;
	pl_buf_add(&p->answer, bytes, n < room ? n : room);
	return PL_OK;
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *r)
{
	struct pl_notice_post *p = pl_container_of(t, struct pl_notice_post, transfer);
	if (r->err == PL_OK || (r->err == PL_ELIMIT && r->status != 0))
		judge(p, r);
	else
		give(p, r->err == PL_EINVAL ? PL_NOTICE_REFUSED : PL_NOTICE_RETRY, 0, r->reason);
}

static const struct pl_transfer_events events = {.on_data = on_data, .on_done = on_done};

enum pl_err pl_notice_post_open(struct pl_notice_post *p, struct pl_loop *loop, const struct pl_client_config *config)
{
	p->config = config;
	p->transfer.events = &events;
	return pl_transfer_pool_create(&p->pool, loop, &(struct pl_transfer_pool_options){.max_connections = 1});
}

void pl_notice_post_send(struct pl_notice_post *p, const struct pl_notice_post_request *request)
{
	char reason[256];
	p->request = *request;
	pl_buf_clear(&p->answer);
	if (pl_client_refresh(&p->client, p->config, reason, sizeof reason) != PL_OK) {
		give(p, PL_NOTICE_RETRY, 0, reason);
		return;
	}
	p->client.transfer.redirects_keep_post = true;
	const struct pl_transfer_client *own = &p->client.transfer;
	p->bare = (struct pl_transfer_client){
	    .proxy_url = own->proxy_url,
	    .no_proxy = own->no_proxy,
	    .follow_redirects = own->follow_redirects,
	    .redirects_keep_post = true,
	    .accept_gzip = own->accept_gzip,
	};
	const struct pl_transfer_request r = {
	    .url = request->url,
	    .method = request->method,
	    .client = request->foreign ? &p->bare : own,
	    .body = &p->request.body,
	    .n_body = 1,
	    .content_type = request->content_type,
	    .headers = request->headers,
	    .timeout_ns = request->timeout_ns,
	    .max_body_bytes = MOST_DISCARDED,
	};
	pl_transfer_start(p->pool, &p->transfer, &r);
}

static void on_pool_closed(void *data)
{
	struct pl_notice_post *p = data;
	pl_client_finish(&p->client);
	pl_buf_finish(&p->answer);
	p->closed(p->closed_data);
}

void pl_notice_post_close(struct pl_notice_post *p, void (*closed)(void *data), void *data)
{
	p->closed = closed;
	p->closed_data = data;
	pl_transfer_pool_close(p->pool, on_pool_closed, p);
}
