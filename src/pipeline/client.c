#include "pipeline/client.h"

#include <string.h>

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
}

enum pl_err pl_client_load(struct pl_client *c, const struct pl_client_config *config, char *reason, size_t reason_size)
{
	struct pl_transfer_client *t = &c->transfer;
	const struct pl_authorization *authorization = config->authorization;
	enum pl_err err = PL_OK;
	*t = (struct pl_transfer_client){
	    .follow_redirects = config->follow_redirects,
	    .accept_gzip = config->enable_compression,
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

bool pl_client_volatile(const struct pl_client_config *config)
{
	return (config->basic_auth != NULL && config->basic_auth->password.file != NULL) ||
	       (config->authorization != NULL && config->authorization->credentials.file != NULL) ||
	       config->bearer_token.file != NULL;
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
