#include "pipeline/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "config/scalar.h"

static void wipe(struct pl_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	pl_buf_clear(b);
}

static enum pl_err load_secret(struct pl_buf *out, const struct pl_secret *secret, char *reason, size_t reason_size)
{
	wipe(out);
	enum pl_err err = pl_secret_read(secret, out, reason, reason_size);
	pl_buf_cstr(out);
	return err;
}

static void set_tls(struct pl_transfer_client *t, const struct pl_tls_config *tls)
{
	t->ca_file = tls->ca_file;
	t->cert_file = tls->cert_file;
	t->key_file = tls->key_file;
	t->server_name = tls->server_name;
	t->insecure_skip_verify = tls->insecure_skip_verify;
	t->tls_min = PL_TLS_1_0 + (unsigned)tls->min_version;
	t->tls_max = tls->max_version == PL_TLS_CONFIG_1_3 ? PL_TLS_DEFAULT : PL_TLS_1_0 + (unsigned)tls->max_version;
}

/* Appends "NAME: " and what the secret holds, white space around it left out, and a NUL. */
static enum pl_err add_line(struct pl_buf *lines, const char *name, const struct pl_secret *value, char *reason,
			    size_t reason_size)
{
	struct pl_buf text = {0};
	enum pl_err err = pl_secret_read(value, &text, reason, reason_size);
	struct pl_str s = pl_buf_str(&text);
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\r' || s.p[0] == '\n'))
		s = (struct pl_str){s.p + 1, s.n - 1};
	for (size_t i = 0; err == PL_OK && i < s.n; i++) {
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7F)
			continue;
		snprintf(reason, reason_size, "%s holds a control character, which no header can",
			 value->file != NULL ? value->file : name);
		err = PL_EPARSE;
	}
	if (err == PL_OK) {
		pl_buf_addf(lines, "%s: ", name);
		pl_buf_add_str(lines, s);
		pl_buf_add_char(lines, '\0');
	}
	wipe(&text);
	pl_buf_finish(&text);
	return err;
}

/* All values of a header, then its secrets, then its files, as in Prometheus. */
static enum pl_err add_header(struct pl_client *c, size_t *n, const struct pl_header *h, char *reason, size_t reason_size)
{
	bool secret = pl_redact_is_name(pl_str_of(h->name));
	const struct pl_strings *all[] = {&h->values, &h->secrets, &h->files};
	enum pl_err err = PL_OK;
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; err == PL_OK && i < all[k]->n; i++, (*n)++) {
			const struct pl_secret value =
			    k < 2 ? (struct pl_secret){.value = all[k]->v[i]} : (struct pl_secret){.file = all[k]->v[i]};
			c->secret_headers |= (uint64_t)(k > 0 || secret) << *n;
			err = add_line(&c->lines, h->name, &value, reason, reason_size);
		}
	return err;
}

/* The pointers come last: the lines move while they grow. */
static void point_at_lines(struct pl_client *c, size_t n)
{
	free(c->headers);
	c->headers = NULL;
	if (n == 0)
		return;
	c->headers = pl_calloc(n + 1, sizeof *c->headers);
	const char *line = c->lines.p;
	for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
		c->headers[i] = line;
}

static enum pl_err load_headers(struct pl_client *c, const struct pl_client_config *config, char *reason, size_t reason_size)
{
	const struct pl_header *headers = config->http_headers.v;
	enum pl_err err = PL_OK;
	size_t n = 0;
	wipe(&c->lines);
	c->secret_headers = 0;
	if (config->authorization != NULL) {
		pl_buf_addf(&c->lines, "Authorization: %s %s", config->authorization->type, c->token.p);
		pl_buf_add_char(&c->lines, '\0');
		c->secret_headers |= (uint64_t)1 << n++;
	}
	for (size_t i = 0; err == PL_OK && i < config->http_headers.n; i++)
		err = add_header(c, &n, &headers[i], reason, reason_size);
	point_at_lines(c, err == PL_OK ? n : 0);
	c->transfer.headers = c->headers;
	return err;
}

enum pl_err pl_client_load(struct pl_client *c, const struct pl_client_config *config, char *reason, size_t reason_size)
{
	struct pl_transfer_client *t = &c->transfer;
	enum pl_err err = PL_OK;
	*t = (struct pl_transfer_client){
	    .follow_redirects = config->follow_redirects,
	    .accept_gzip = config->enable_compression,
	    .proxy_url = config->proxy_url,
	    .no_proxy = config->no_proxy,
	};
	set_tls(t, &config->tls_config);
	if (config->basic_auth != NULL) {
		err = load_secret(&c->password, &config->basic_auth->password, reason, reason_size);
		t->username = config->basic_auth->username;
		t->password = c->password.p;
	} else if (config->authorization != NULL) {
		err = load_secret(&c->token, &config->authorization->credentials, reason, reason_size);
	} else if (pl_secret_given(&config->bearer_token)) {
		err = load_secret(&c->token, &config->bearer_token, reason, reason_size);
		t->bearer_token = c->token.p;
	}
	return err == PL_OK ? load_headers(c, config, reason, reason_size) : err;
}

enum { MOST_FILES = PL_CLIENT_MOST_HEADER_LINES + 1 };

/* All files that hold secrets. Credentials have at most one, for their kinds exclude each other. Returns how many. */
static size_t list_files(const struct pl_client_config *config, const char *files[MOST_FILES])
{
	const struct pl_header *headers = config->http_headers.v;
	size_t n = 0;
	files[0] = config->basic_auth != NULL      ? config->basic_auth->password.file
		   : config->authorization != NULL ? config->authorization->credentials.file
						   : config->bearer_token.file;
	n += files[0] != NULL;
	for (size_t i = 0; i < config->http_headers.n; i++)
		for (size_t k = 0; k < headers[i].files.n && n < MOST_FILES; k++)
			files[n++] = headers[i].files.v[k];
	return n;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

/* Times of files are coarse: after a change in this very moment another one may leave the same stamp. */
static bool is_settled(const struct stat *st)
{
	int64_t changed = (int64_t)st->st_ctim.tv_sec * PL_NS_PER_S + st->st_ctim.tv_nsec;
	return pl_clock_wall_ns() - changed > 2 * PL_NS_PER_S;
}

enum pl_err pl_client_refresh(struct pl_client *c, const struct pl_client_config *config, char *reason, size_t reason_size)
{
	struct stat now[MOST_FILES];
	const char *files[MOST_FILES];
	size_t n = list_files(config, files);
	if (c->loaded && n == 0)
		return PL_OK;
	bool same = c->loaded && c->settled, settled = true;
	for (size_t i = 0; i < n; i++) {
		bool there = stat(files[i], &now[i]) == 0;
		same = same && there && same_file(&now[i], &c->seen[i]);
		settled = settled && there && is_settled(&now[i]);
	}
	if (same)
		return PL_OK;
	c->settled = settled;
	if (settled && n > 0) {
		c->seen = pl_realloc(c->seen, n * sizeof *c->seen);
		memcpy(c->seen, now, n * sizeof *c->seen);
	}
	enum pl_err err = pl_client_load(c, config, reason, reason_size);
	c->loaded = err == PL_OK;
	return err;
}

/* RFC 4648, 4. */
static void add_base64(struct pl_buf *out, struct pl_str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t three = 0;
		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			pl_buf_add_char(out, i + k > s.n ? '=' : digits[three >> (18 - 6 * k) & 63]);
	}
}

/* "user:password" as it stands in the header of basic authentication. */
static void redact_basic(const struct pl_client *c, char *text)
{
	struct pl_buf plain = {0}, coded = {0};
	pl_buf_addf(&plain, "%s:%s", c->transfer.username, c->password.p);
	add_base64(&coded, pl_buf_str(&plain));
	pl_redact_echo(text, pl_buf_str(&coded));
	wipe(&plain);
	wipe(&coded);
	pl_buf_finish(&plain);
	pl_buf_finish(&coded);
}

/* The user of the proxy, as a whole and the password alone. */
static void redact_proxy(const char *url, char *text)
{
	struct pl_str password = pl_proxy_credentials(pl_str_of(url));
	pl_redact_echo(text, password);
	(void)pl_str_cut(&password, ':');
	if (password.p != NULL)
		pl_redact_echo(text, password);
}

void pl_client_redact(const struct pl_client *c, const char *url, char *text)
{
	pl_redact_url_echo(text, pl_str_of(url));
	if (c->transfer.username != NULL && c->password.p != NULL)
		redact_basic(c, text);
	pl_redact_echo(text, pl_buf_str(&c->password));
	pl_redact_echo(text, pl_buf_str(&c->token));
	if (c->transfer.proxy_url != NULL)
		redact_proxy(c->transfer.proxy_url, text);
	for (size_t i = 0; c->headers != NULL && c->headers[i] != NULL; i++) {
		struct pl_str value = pl_str_of(c->headers[i]);
		(void)pl_str_cut(&value, ' ');
		if (c->secret_headers >> i & 1)
			pl_redact_echo(text, value);
	}
}

void pl_client_finish(struct pl_client *c)
{
	wipe(&c->password);
	wipe(&c->token);
	wipe(&c->lines);
	pl_buf_finish(&c->password);
	pl_buf_finish(&c->token);
	pl_buf_finish(&c->lines);
	free(c->headers);
	free(c->seen);
	*c = (struct pl_client){0};
}
