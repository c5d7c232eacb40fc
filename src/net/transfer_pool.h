/* Inside of the transfer pool: for the transfer_* objects only. */
#ifndef PL_NET_TRANSFER_POOL_H
#define PL_NET_TRANSFER_POOL_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "net/resolver.h"
#include "net/transfer.h"
#include "net/transfer_affinity.h"
#include "net/transfer_multi.h"
#include "net/transfer_socket.h"

enum { PL_TRANSFER_MAX_SPARE = 32 };

struct pl_transfer_pool {
	struct pl_loop *loop;
	struct pl_transfer_pool_options options; /* defaults filled in */
	struct pl_transfer_pool_stats stats;
	struct pl_resolver *resolver;
	struct pl_transfer_affinities affinities;
	struct pl_transfer_sockets sockets;
	LIST_HEAD(, pl_transfer_multi) multis;
	LIST_HEAD(, pl_transfer_flight) flights, spare; /* `spare`: with their easy handles, for the next request */
	unsigned n_spare;
	TAILQ_HEAD(pl_transfer_deferred, pl_transfer_flight) deferred; /* to be gone on with from the loop */
	uv_idle_t soon;                                                /* runs while `deferred` holds something */
	LIST_HEAD(, pl_transfer_flight) paused;
	uv_timer_t resume; /* runs while `paused` holds something */
	uv_timer_t sweep;
	unsigned inside;  /* > 0: within a call to curl, which must not be entered again */
	unsigned handles; /* libuv handles open or closing */
	bool closing, torn_down;
	void (*on_closed)(void *data);
	void *on_closed_data;
};

void pl_transfer_pool_defer(struct pl_transfer_pool *pool, struct pl_transfer_flight *f); /* harmless when it is already */
void pl_transfer_pool_handle_closed(struct pl_transfer_pool *pool);                       /* may free the pool */

_Noreturn void pl_transfer_out_of_memory(void); /* curl had none left: as pl_alloc */

#endif
