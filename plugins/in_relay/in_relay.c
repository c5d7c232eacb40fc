#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "in_relay/server.h"
#include "net/listen.h"

static bool same_socket(const struct pl_relay_config *now, const struct pl_config *before)
{
	return before != NULL && before->server.relay != NULL && strcmp(before->server.relay->listen, now->listen) == 0;
}

static enum pl_err prepare(struct pl_config *config, const struct pl_config *before, void **prepared, char *reason,
			   size_t reason_size)
{
	const struct pl_relay_config *relay = config->server.relay;
	enum pl_err err = PL_OK;
	*prepared = NULL;
	if (relay == NULL)
		return PL_OK;
	struct pl_in_relay_prepared *p = pl_calloc(1, sizeof *p);
	p->config = pl_config_share(config);
	p->relay = relay;
	p->fd = -1;
	if (relay->cert_file != NULL)
		err =
		    pl_tls_context_create(&p->tls, relay->cert_file, relay->key_file, relay->client_ca_file, reason, reason_size);
	if (err == PL_OK && !same_socket(relay, before))
		err = pl_listen_open(relay->listen, "relays", &p->fd, p->address, reason, reason_size);
	if (err != PL_OK) {
		p->fd = -1;
		pl_in_relay_prepared_free(p);
		return err;
	}
	*prepared = p;
	return PL_OK;
}

static void discard(void *prepared)
{
	pl_in_relay_prepared_free(prepared);
}

static void open_server(const struct pl_listener_env *env, void **self)
{
	*self = pl_in_relay_server_create(env);
}

static void adopt(void *self, void *prepared)
{
	pl_in_relay_server_adopt(self, prepared);
}

static void status(void *self, struct pl_buf *json)
{
	pl_in_relay_server_status(self, json);
}

static void close_server(void *self, void (*closed)(void *data), void *data)
{
	pl_in_relay_server_close(self, closed, data);
}

static const struct pl_listener_ops ops = {
    .prepare = prepare,
    .discard = discard,
    .open = open_server,
    .adopt = adopt,
    .status = status,
    .counter = pl_in_relay_counter,
    .close = close_server,
};

const struct pl_plugin pl_plugin_in_relay = {
    PL_PLUGIN_HEADER,     .kind = PL_PLUGIN_LISTENER, .name = "relay", .help = "asks pulse's relays for their stats",
    .ops.listener = &ops,
};
