#include "pipeline/client.h"

#include <string.h>

#include "base/clock.h"

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

enum pl_err pl_client_load(struct pl_client *c, const struct pl_client_config *config, char *reason, size_t reason_size)
{
	struct pl_transfer_client *t = &c->transfer;
	const struct pl_authorization *authorization = config->authorization;
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
	} else if (authorization != NULL) {
		err = load_secret(&c->token, &authorization->credentials, reason, reason_size);
		wipe(&c->header);
		pl_buf_addf(&c->header, "Authorization: %s %s", authorization->type, c->token.p);
		c->headers[0] = pl_buf_cstr(&c->header);
		t->headers = c->headers;
	} else if (pl_secret_given(&config->bearer_token)) {
		err = load_secret(&c->token, &config->bearer_token, reason, reason_size);
		t->bearer_token = c->token.p;
	}
	return err;
}

/* There is at most one: the kinds of credentials exclude each other. */
static const char *secret_file(const struct pl_client_config *config)
{
	if (config->basic_auth != NULL)
		return config->basic_auth->password.file;
	return config->authorization != NULL ? config->authorization->credentials.file : config->bearer_token.file;
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
	struct stat now;
	const char *file = secret_file(config);
	if (c->loaded && file == NULL)
		return PL_OK;
	bool there = file != NULL && stat(file, &now) == 0;
	if (c->loaded && c->settled && there && same_file(&now, &c->seen))
		return PL_OK;
	c->settled = there && is_settled(&now);
	if (there)
		c->seen = now;
	enum pl_err err = pl_client_load(c, config, reason, reason_size);
	c->loaded = err == PL_OK;
	return err;
}

void pl_client_finish(struct pl_client *c)
{
	wipe(&c->password);
	wipe(&c->token);
	wipe(&c->header);
	pl_buf_finish(&c->password);
	pl_buf_finish(&c->token);
	pl_buf_finish(&c->header);
	*c = (struct pl_client){0};
}
