#include "net/transfer_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/no_proxy.h"
#include "net/transfer_bytes.h"
#include "net/transfer_pool.h"
#include "net/transfer_reason.h"

/* Debian's bundle (package ca-certificates). curl's own default adds a CAPATH, and with one it reads the bundle anew in every
 * handshake. */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

/* How much is read at once. What has been read is also unpacked at once, be the transfer paused or not, and may become some
 * ten times as much. */
enum { BUFFER_BYTES = 64 * 1024, PACKED_BUFFER_BYTES = 16 * 1024 };

enum { MAX_REDIRECTS = 10, MAX_METHOD = 32, NAMES_KEPT_S = 60, CA_FILE_KEPT_S = 60 };

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 127)
			return true;
	}
	return false;
}

static enum pl_err add_header(struct pl_transfer_flight *f, char *line)
{
	if (f->n_headers == PL_TRANSFER_MAX_HEADERS) {
		pl_transfer_reason_set(f, "more than %d request headers", PL_TRANSFER_MAX_HEADERS);
		return PL_EINVAL;
	}
	struct curl_slist *node = &f->headers[f->n_headers++];
	*node = (struct curl_slist){.data = line};
	if (f->n_headers > 1)
		node[-1].next = node;
	return PL_OK;
}

static enum pl_err add_value(struct pl_transfer_flight *f, const char *name, const char *value)
{
	if (value == NULL)
		return PL_OK;
	if (has_control(value)) {
		pl_transfer_reason_set(f, "the request's %s has a control character", name);
		return PL_EINVAL;
	}
	return add_header(f, pl_arena_printf(&f->arena, "%s: %s", name, value));
}

/* "Name: value" as the caller gave it. curl would take a line without a value as the wish to leave that header away. */
static enum pl_err add_lines(struct pl_transfer_flight *f, const char *const *lines)
{
	for (; lines != NULL && *lines != NULL; lines++) {
		const char *colon = strchr(*lines, ':');
		if (colon == NULL || colon == *lines || has_control(*lines)) {
			pl_transfer_reason_set(f, "a request header is not of the form \"Name: value\"");
			return PL_EINVAL;
		}
		bool empty = colon[1 + strspn(colon + 1, " ")] == '\0';
		enum pl_err err = add_header(f, empty ? pl_arena_printf(&f->arena, "%.*s;", (int)(colon - *lines), *lines)
						      : pl_arena_strdup(&f->arena, *lines));
		if (err != PL_OK)
			return err;
	}
	return PL_OK;
}

static enum pl_err make_headers(struct pl_transfer_flight *f)
{
	const struct pl_transfer_request *r = &f->request;
	const struct pl_transfer_client *c = f->client;
	enum pl_err err = add_lines(f, c->headers);
	if (err == PL_OK)
		err = add_lines(f, r->headers);
	if (err == PL_OK)
		err = add_value(f, "Accept", r->accept);
	if (err == PL_OK)
		err = add_value(f, "Content-Type", r->content_type);
	if (err == PL_OK)
		err = add_value(f, "Content-Encoding", r->content_encoding);
	if (err == PL_OK && c->bearer_token != NULL)
		err = add_value(f, "Authorization", pl_arena_printf(&f->arena, "Bearer %s", c->bearer_token));
	if (err != PL_OK || r->n_body == 0)
		return err;
	if (r->content_type == NULL) /* curl would call it a form */
		err = add_header(f, pl_arena_strdup(&f->arena, "Content-Type:"));
	return err == PL_OK ? add_header(f, pl_arena_strdup(&f->arena, "Expect:")) : err;
}

static enum pl_err check_method(struct pl_transfer_flight *f)
{
	const char *m = f->request.method;
	if (m == NULL)
		return PL_OK;
	size_t n = strlen(m);
	if (n > 0 && n <= MAX_METHOD && strspn(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == n)
		return PL_OK;
	pl_transfer_reason_set(f, "the request's method is not a word of capital letters");
	return PL_EINVAL;
}

/* Host and port of a URL, into the arena. */
static CURLUcode get_peer(struct pl_transfer_flight *f, CURLU *url, unsigned port_flags)
{
	char *host = NULL, *port = NULL;
	CURLUcode rc = curl_url_get(url, CURLUPART_HOST, &host, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(url, CURLUPART_PORT, &port, port_flags);
	if (rc == CURLUE_OK) {
		f->peer.host = pl_arena_strdup(&f->arena, host);
		f->peer.port = (unsigned)strtoul(port, NULL, 10);
	}
	curl_free(host);
	curl_free(port);
	return rc;
}

/* TLS is to name and verify another server than the URL does: the URL gets that name, and curl is told where it lives. */
static enum pl_err use_server_name(struct pl_transfer_flight *f)
{
	const char *name = f->client->server_name;
	if (has_control(name) || strpbrk(name, ":/?#@[] ") != NULL ||
	    curl_url_set(f->url, CURLUPART_HOST, name, 0) != CURLUE_OK) {
		pl_transfer_reason_set(f, "the TLS server name is not a host name");
		return PL_EINVAL;
	}
	f->connect_to.data = pl_arena_printf(&f->arena, "%s:%u:%s:%u", name, f->peer.port, f->peer.host, f->peer.port);
	bool usual = f->peer.port == 443;
	return add_header(f, usual ? pl_arena_printf(&f->arena, "Host: %s", f->peer.host)
				   : pl_arena_printf(&f->arena, "Host: %s:%u", f->peer.host, f->peer.port));
}

/* With "socks5" curl would look the name up here; the proxy knows better, as with all other programs. */
static const char *proxy_url(struct pl_transfer_flight *f)
{
	const char *url = f->client->proxy_url;
	return strncasecmp(url, "socks5:", 7) == 0 ? pl_arena_printf(&f->arena, "socks5h:%s", url + 7) : url;
}

static enum pl_err use_proxy(struct pl_transfer_flight *f)
{
	CURLU *url = curl_url();
	if (url == NULL)
		pl_transfer_out_of_memory();
	CURLUcode rc = curl_url_set(url, CURLUPART_URL, f->client->proxy_url, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
	if (rc == CURLUE_OK) {
		rc = get_peer(f, url, 0);
		if (rc == CURLUE_NO_PORT) { /* curl's own defaults for proxies */
			bool tls = strncasecmp(f->client->proxy_url, "https:", 6) == 0;
			rc = curl_url_set(url, CURLUPART_PORT, tls ? "443" : "1080", 0);
			if (rc == CURLUE_OK)
				rc = get_peer(f, url, 0);
		}
	}
	curl_url_cleanup(url);
	f->peer.proxy_url = proxy_url(f);
	if (rc != CURLUE_OK) {
		pl_transfer_reason_set(f, "the proxy's URL is not valid: %s", curl_url_strerror(rc));
		return PL_EINVAL;
	}
	f->peer.proxy = true;
	return PL_OK;
}

static enum pl_err check_url(struct pl_transfer_flight *f)
{
	char *scheme = NULL;
	CURLUcode rc = curl_url_set(f->url, CURLUPART_URL, f->request.url, CURLU_NON_SUPPORT_SCHEME);
	if (rc == CURLUE_OK)
		rc = curl_url_get(f->url, CURLUPART_SCHEME, &scheme, 0);
	if (rc != CURLUE_OK) {
		pl_transfer_reason_set(f, "the URL is not valid: %s", curl_url_strerror(rc));
		return PL_EINVAL;
	}
	f->peer.tls = strcmp(scheme, "https") == 0;
	bool fits = f->peer.tls || strcmp(scheme, "http") == 0;
	curl_free(scheme);
	if (fits)
		rc = get_peer(f, f->url, CURLU_DEFAULT_PORT);
	if (!fits || rc != CURLUE_OK) {
		pl_transfer_reason_set(f, fits ? "the URL has no host" : "only http and https URLs can be fetched");
		return PL_EINVAL;
	}
	enum pl_err err = PL_OK;
	if (f->peer.tls && f->client->server_name != NULL)
		err = use_server_name(f);
	if (err == PL_OK && f->client->proxy_url != NULL && !pl_no_proxy(f->client->no_proxy, f->peer.host, f->peer.port))
		err = use_proxy(f);
	return err;
}

enum pl_err pl_transfer_options_check(struct pl_transfer_flight *f)
{
	for (size_t i = 0; i < f->request.n_body; i++)
		f->body_size += f->request.body[i].n;
	enum pl_err err = check_method(f);
	if (err == PL_OK)
		err = make_headers(f);
	return err == PL_OK ? check_url(f) : err;
}

static long milliseconds(int64_t ns)
{
	int64_t ms = (ns + PL_NS_PER_MS - 1) / PL_NS_PER_MS;
	return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	struct pl_transfer_flight *f = data;
	curl_socket_t fd = pl_transfer_socket_open(f->affinity->multi, address);
	f->open_errno = fd == CURL_SOCKET_BAD ? errno : 0;
	return fd;
}

static void apply_method(struct pl_transfer_flight *f)
{
	const char *method = f->request.method;
	bool body = f->request.n_body > 0;
	if (method == NULL)
		method = body ? "POST" : "GET";
	bool post = strcmp(method, "POST") == 0;
	/* These have a body by their nature: without one they say Content-Length: 0. */
	if (body || post || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0) {
		curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body_size);
		curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, pl_transfer_bytes_read);
		curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
		curl_easy_setopt(f->easy, CURLOPT_SEEKFUNCTION, pl_transfer_bytes_seek);
		curl_easy_setopt(f->easy, CURLOPT_SEEKDATA, f);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (!post && strcmp(method, "GET") != 0)
		curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method);
	else if (!post && body)
		curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, "GET");
	if (f->request.max_body_bytes != 0 && f->request.max_body_bytes <= INT64_MAX)
		curl_easy_setopt(f->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->request.max_body_bytes);
}

static long tls_versions(const struct pl_transfer_client *c)
{
	static const long lowest[] = {CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
				      CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3};
	static const long highest[] = {0, CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
				       CURL_SSLVERSION_MAX_TLSv1_3};
	return lowest[c->tls_min] | highest[c->tls_max];
}

void pl_transfer_options_tls(CURL *easy, const struct pl_transfer_client *c)
{
	curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file != NULL ? c->ca_file : SYSTEM_CA_FILE);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, tls_versions(c));
	if (c->tls_min == PL_TLS_1_0 ||
	    c->tls_min == PL_TLS_1_1) /* else OpenSSL refuses these, whatever versions are asked for */
		curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
	if (c->ca_file != NULL) /* curl remembers what stood in it for a day */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_FILE_KEPT_S);
	if (c->insecure_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->cert_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
	if (c->key_file != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
}

static void apply_client(struct pl_transfer_flight *f)
{
	const struct pl_transfer_client *c = f->client;
	const char *proxy = f->peer.proxy_url;
	if (c->username != NULL || c->password != NULL) {
		curl_easy_setopt(f->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(f->easy, CURLOPT_USERNAME, c->username != NULL ? c->username : "");
		curl_easy_setopt(f->easy, CURLOPT_PASSWORD, c->password != NULL ? c->password : "");
	}
	if (c->follow_redirects) {
		curl_easy_setopt(f->easy, CURLOPT_FOLLOWLOCATION, 1L);
		if (c->redirects_keep_post)
			curl_easy_setopt(f->easy, CURLOPT_POSTREDIR, (long)(CURL_REDIR_POST_301 | CURL_REDIR_POST_302));
		curl_easy_setopt(f->easy, CURLOPT_MAXREDIRS, (long)(c->max_redirects != 0 ? c->max_redirects : MAX_REDIRECTS));
	}
	/* "identity" also has curl decode what a server compresses unasked. */
	curl_easy_setopt(f->easy, CURLOPT_ACCEPT_ENCODING, c->accept_gzip ? "gzip" : "identity");
	curl_easy_setopt(f->easy, CURLOPT_PROXY, proxy != NULL ? proxy : ""); /* "": not even the environment's */
	if (proxy != NULL) {
		curl_easy_setopt(f->easy, CURLOPT_NOPROXY, "");
		curl_easy_setopt(f->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	}
	if (f->peer.tls || c->follow_redirects || proxy != NULL)
		pl_transfer_options_tls(f->easy, c);
}

bool pl_transfer_options_apply(struct pl_transfer_flight *f, int64_t left_ns)
{
	CURL *e = f->easy;
	const struct pl_transfer_pool_options *o = &f->pool->options;
	if (curl_easy_setopt(e, CURLOPT_CURLU, f->url) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") != CURLE_OK)
		return false;
	curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)(f->client->accept_gzip ? PACKED_BUFFER_BYTES : BUFFER_BYTES));
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)o->max_idle_s);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAMES_KEPT_S);
	curl_easy_setopt(e, CURLOPT_USERAGENT, o->user_agent);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, milliseconds(left_ns));
	int64_t connect_ns = f->request.connect_timeout_ns;
	if (connect_ns > 0) {
		connect_ns -= f->launch_ns - f->start_ns;
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(connect_ns < left_ns ? connect_ns : left_ns));
	} else {
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(left_ns));
	}
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, pl_transfer_socket_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, f->pool);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, pl_transfer_bytes_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, pl_transfer_bytes_write);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	if (f->n_headers > 0)
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
	if (f->connect_to.data != NULL)
		curl_easy_setopt(e, CURLOPT_CONNECT_TO, &f->connect_to);
	if (f->peer.addresses != NULL) {
		/* With "+" curl forgets it after its own timeout instead of never. */
		f->resolve.data = pl_arena_printf(&f->arena, "+%s:%u:%s", f->peer.host, f->peer.port, f->peer.addresses);
		curl_easy_setopt(e, CURLOPT_RESOLVE, &f->resolve);
	}
	apply_method(f);
	apply_client(f);
	return true;
}
