/* One libuv loop, its mailbox, and (unless it is the main one) the thread that runs it. */
#ifndef PL_NET_LOOP_H
#define PL_NET_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "net/mailbox.h"

struct pl_loop {
	uv_loop_t uv;
	struct pl_mailbox mailbox;
	uv_thread_t thread;
	bool spawned;
	char name[16]; /* thread name as `top -H` shows it */
};

PL_MUST_CHECK enum pl_err pl_loop_init(struct pl_loop *l, const char *name); /* name: at most 15 bytes are kept */
PL_MUST_CHECK enum pl_err pl_loop_spawn(struct pl_loop *l); /* runs the loop in a thread of its own, all signals blocked there */
void pl_loop_run(struct pl_loop *l);                        /* runs the loop here until pl_loop_stop took effect */

/* Any thread. Closes the mailbox; the loop ends when every other handle was closed by its owner. */
void pl_loop_stop(struct pl_loop *l);
void pl_loop_join(struct pl_loop *l);   /* waits for a spawned loop's end */
void pl_loop_finish(struct pl_loop *l); /* after the loop ended; asserts that no handle is left */

static inline bool pl_loop_post(struct pl_loop *l, struct pl_msg *msg)
{
	return pl_mailbox_post(&l->mailbox, msg);
}

/* Calls fn(data) on the loop's thread, without waiting. False when the loop is closed. */
bool pl_loop_call(struct pl_loop *l, void (*fn)(void *data), void *data);

#endif
