/* Transfers whose body is not read for a while: curl leaves their bytes in the socket, so the server waits too. */
#ifndef PL_NET_TRANSFER_PAUSE_H
#define PL_NET_TRANSFER_PAUSE_H

struct pl_transfer_flight;

void pl_transfer_pause_forget(struct pl_transfer_flight *f); /* it ends; harmless when it is not paused */

#endif
