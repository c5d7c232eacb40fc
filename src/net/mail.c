#include "net/mail.h"

#include <assert.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/redact.h"
#include "net/mail_talk.h"
#include "net/transfer_options.h"

/* What the thread works on. */
struct job {
	struct pl_mail *mail;
	CURL *easy;
	struct curl_slist *recipients, *connect_to;
	struct pl_mail_talk talk;
	size_t sent; /* bytes of the message */
	struct pl_buf text;
	char error[CURL_ERROR_SIZE];
};

/* ---- for curl ---- */

static int on_talk(CURL *easy, curl_infotype type, char *p, size_t n, void *data)
{
	(void)easy;
	struct job *j = data;
	if (type == CURLINFO_HEADER_OUT)
		pl_mail_talk_command(&j->talk, (struct pl_str){p, n});
	else if (type == CURLINFO_HEADER_IN)
		pl_mail_talk_reply(&j->talk, (struct pl_str){p, n});
	return 0;
}

static size_t on_read(char *p, size_t size, size_t count, void *data)
{
	struct job *j = data;
	struct pl_str message = j->mail->request.message;
	size_t n = message.n - j->sent < size * count ? message.n - j->sent : size * count;
	memcpy(p, message.p + j->sent, n);
	j->sent += n;
	return n;
}

static size_t on_write(char *p, size_t size, size_t count, void *data)
{
	(void)p;
	(void)data;
	return size * count;
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	struct job *j = data;
	return atomic_load(&j->mail->cancelled);
}

/* ---- setting up ---- */

static struct curl_slist *add(struct curl_slist *list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(list, text);
	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

static bool is_host(const char *s)
{
	return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == strlen(s);
}

static bool set_address(struct job *j)
{
	const struct pl_mail_request *r = &j->mail->request;
	const char *name = r->client->server_name != NULL ? r->client->server_name : r->host;
	if (!is_host(r->host) || !is_host(name) || (r->hello != NULL && !is_host(r->hello)))
		return false;
	pl_buf_addf(&j->text, "%s://%s:%u/%s", r->security == PL_MAIL_TLS ? "smtps" : "smtp", name, r->port,
		    r->hello != NULL ? r->hello : "");
	if (curl_easy_setopt(j->easy, CURLOPT_URL, pl_buf_cstr(&j->text)) != CURLE_OK)
		return false;
	if (name != r->host) { /* TLS is to verify another name than the one to be looked up */
		pl_buf_clear(&j->text);
		pl_buf_addf(&j->text, "%s:%u:%s:%u", name, r->port, r->host, r->port);
		j->connect_to = add(NULL, pl_buf_cstr(&j->text));
		curl_easy_setopt(j->easy, CURLOPT_CONNECT_TO, j->connect_to);
	}
	return true;
}

static bool set_envelope(struct job *j)
{
	const struct pl_mail_request *r = &j->mail->request;
	pl_buf_clear(&j->text);
	pl_buf_addf(&j->text, "<%s>", r->from);
	curl_easy_setopt(j->easy, CURLOPT_MAIL_FROM, pl_buf_cstr(&j->text));
	for (size_t i = 0; i < r->n_to; i++) {
		pl_buf_clear(&j->text);
		pl_buf_addf(&j->text, "<%s>", r->to[i]);
		j->recipients = add(j->recipients, pl_buf_cstr(&j->text));
		if (j->recipients == NULL)
			return false;
	}
	curl_easy_setopt(j->easy, CURLOPT_MAIL_RCPT, j->recipients);
	curl_easy_setopt(j->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* one bad address must not keep the others in the dark */
	return true;
}

static void set_times(struct job *j)
{
	int64_t ms = j->mail->request.timeout_ns / PL_NS_PER_MS, s = (ms + 999) / 1000;
	curl_easy_setopt(j->easy, CURLOPT_TIMEOUT_MS, (long)(ms > 0 ? ms : 1));
	curl_easy_setopt(j->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(ms > 0 ? ms : 1));
	curl_easy_setopt(j->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(s > 0 ? s : 1));
	/* The connection ends within the call: at the handle's end curl would wait two minutes for a server's farewell. */
	curl_easy_setopt(j->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(j->easy, CURLOPT_QUICK_EXIT, 1L); /* nor for its own look-up of a name */
	curl_easy_setopt(j->easy, CURLOPT_NOSIGNAL, 1L);
}

static bool set_up(struct job *j)
{
	static const long security[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE, CURLUSESSL_ALL};
	const struct pl_mail_request *r = &j->mail->request;
	if (!set_address(j) || !set_envelope(j) || curl_easy_setopt(j->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") != CURLE_OK)
		return false;
	curl_easy_setopt(j->easy, CURLOPT_USE_SSL, security[r->security]);
	pl_transfer_options_tls(j->easy, r->client);
	curl_easy_setopt(j->easy, CURLOPT_PROXY, ""); /* not even the environment's */
	if (r->client->username != NULL) {
		curl_easy_setopt(j->easy, CURLOPT_USERNAME, r->client->username);
		curl_easy_setopt(j->easy, CURLOPT_PASSWORD, r->client->password != NULL ? r->client->password : "");
	}
	set_times(j);
	curl_easy_setopt(j->easy, CURLOPT_ERRORBUFFER, j->error);
	curl_easy_setopt(j->easy, CURLOPT_VERBOSE, 1L); /* or on_talk hears nothing */
	curl_easy_setopt(j->easy, CURLOPT_DEBUGFUNCTION, on_talk);
	curl_easy_setopt(j->easy, CURLOPT_DEBUGDATA, j);
	curl_easy_setopt(j->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(j->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->message.n);
	curl_easy_setopt(j->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(j->easy, CURLOPT_READDATA, j);
	curl_easy_setopt(j->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(j->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(j->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(j->easy, CURLOPT_XFERINFODATA, j);
	return true;
}

/* ---- what came of it ---- */

static const char *what_failed(enum pl_mail_stage stage)
{
	static const char *const texts[] = {"does not serve us",  "does not begin TLS",    "does not take username and password",
					    "refused the sender", "refused the recipient", "refused the mail"};
	return texts[stage];
}

/* The server's own words, or libcurl's. */
static void explain(struct job *j, CURLcode code, struct pl_buf *out)
{
	const struct pl_mail_request *r = &j->mail->request;
	const struct pl_mail_talk *t = &j->talk;
	static const char prefix[] = "SSL certificate problem: ";
	const char *text = j->error[0] != '\0' ? j->error : curl_easy_strerror(code);
	if (strncmp(text, prefix, sizeof prefix - 1) == 0)
		text += sizeof prefix - 1;
	if (code == CURLE_USE_SSL_FAILED && !t->starttls_offered) {
		pl_buf_addf(out, "%s:%u offers no STARTTLS, which is required (starttls)", r->host, r->port);
	} else if (t->status != 0) {
		/* A mail that was taken in the end has a bad code only for a recipient. */
		bool recipient = code == CURLE_OK || t->stage == PL_MAIL_RECIPIENTS;
		pl_buf_addf(out, "%s:%u %s", r->host, r->port, what_failed(recipient ? PL_MAIL_RECIPIENTS : t->stage));
		if (recipient && t->status_recipient > 0 && t->status_recipient <= r->n_to)
			pl_buf_addf(out, " %s", r->to[t->status_recipient - 1]);
		if (t->stage == PL_MAIL_AUTHENTICATING)
			pl_buf_add_cstr(out, ", which needs a person");
		pl_buf_addf(out, ": %ld %s", t->status, t->words);
		if (r->client->username != NULL && !t->auth_tried && t->stage >= PL_MAIL_SENDER)
			pl_buf_add_cstr(out, " (it did not offer to take username and password)");
	} else if (code == CURLE_PEER_FAILED_VERIFICATION) {
		pl_buf_addf(out, "TLS certificate of %s:%u not trusted: %s", r->host, r->port, text);
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		pl_buf_addf(out, "%s:%u did not %s in time", r->host, r->port,
			    t->greeted ? "take the mail" : "answer as a mail server does");
	} else if (code != CURLE_OK) {
		pl_buf_addf(out, "no mail to %s:%u: %s", r->host, r->port, text);
	}
}

static void conclude(struct job *j, CURLcode code)
{
	const struct pl_mail_request *r = &j->mail->request;
	struct pl_mail_result *result = &j->mail->result;
	const struct pl_mail_talk *t = &j->talk;
	struct pl_buf text = {0}, shown = {0};
	*result = (struct pl_mail_result){.stage = t->stage, .status = t->status, .refused = t->refused};
	if (code == CURLE_OK)
		result->taken = t->taken;
	else
		result->err = code == CURLE_ABORTED_BY_CALLBACK  ? PL_ECANCELED
			      : code == CURLE_OPERATION_TIMEDOUT ? PL_ETIMEOUT
								 : PL_ENET;
	explain(j, code, &text);
	pl_buf_cstr(&text);
	if (r->client->password != NULL && text.n > 0)
		pl_redact_echo(text.p, pl_str_of(r->client->password));
	pl_buf_add_printable(&shown, pl_buf_str(&text));
	snprintf(result->reason, sizeof result->reason, "%s", pl_buf_cstr(&shown));
	pl_buf_finish(&text);
	pl_buf_finish(&shown);
}

static void run(void *data)
{
	struct pl_mail *m = data;
	struct job j = {.mail = m, .easy = curl_easy_init()};
	if (j.easy != NULL && set_up(&j)) {
		conclude(&j, curl_easy_perform(j.easy));
	} else {
		m->result = (struct pl_mail_result){.err = PL_EINVAL};
		snprintf(m->result.reason, sizeof m->result.reason, "libcurl refused the mail server's address or the mail's");
	}
	curl_easy_cleanup(j.easy);
	curl_slist_free_all(j.recipients);
	curl_slist_free_all(j.connect_to);
	pl_buf_finish(&j.text);
	uv_async_send(&m->ended);
}

/* ---- on the loop ---- */

static void on_closed(uv_handle_t *handle)
{
	struct pl_mail *m = handle->data;
	struct pl_mail_result result = m->result;
	curl_global_cleanup();
	m->running = false;
	m->on_done(m, &result);
}

static void on_ended(uv_async_t *ended)
{
	struct pl_mail *m = ended->data;
	uv_thread_join(&m->thread); /* it has nothing left to do */
	uv_close((uv_handle_t *)ended, on_closed);
}

static bool begin(struct pl_mail *m)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread; and SIGPIPE for nobody */
	bool begun = uv_thread_create(&m->thread, run, m) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return begun;
}

void pl_mail_start(struct pl_mail *m, struct pl_loop *loop, const struct pl_mail_request *request)
{
	assert(!m->running && request->n_to > 0 && request->n_to <= PL_MAIL_MOST_RECIPIENTS);
	m->request = *request;
	m->running = true;
	atomic_store(&m->cancelled, false);
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	uv_async_init(&loop->uv, &m->ended, on_ended);
	m->ended.data = m;
	if (begin(m))
		return;
	m->result = (struct pl_mail_result){.err = PL_EIO, .reason = "no thread could be started to send the mail"};
	uv_close((uv_handle_t *)&m->ended, on_closed);
}

void pl_mail_cancel(struct pl_mail *m)
{
	if (m->running)
		atomic_store(&m->cancelled, true);
}
