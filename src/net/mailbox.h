/* Messages from any thread to one loop: an intrusive multi-producer queue and one uv_async_t. */
#ifndef PL_NET_MAILBOX_H
#define PL_NET_MAILBOX_H

#include <stdbool.h>
#include <uv.h>

/* First member of a message of the sender's own type. Posting gives the message away; `run` is called once on the receiving
 * loop's thread and must free it (or pass it on). Messages of one sender arrive in order. */
struct pl_msg {
	struct pl_msg *next;
	void (*run)(struct pl_msg *msg);
};

struct pl_mailbox {
	uv_async_t async;
	uv_mutex_t lock;
	struct pl_msg *head, *tail; /* guarded by lock */
	bool closed;                /* guarded by lock */
	void (*on_closed)(struct pl_mailbox *);
};

void pl_mailbox_init(struct pl_mailbox *m, uv_loop_t *loop); /* on the loop's thread or before it runs */

/* Any thread. False when the mailbox is closed: the message stays the caller's. */
bool pl_mailbox_post(struct pl_mailbox *m, struct pl_msg *msg);

/* On the loop's thread: runs what is queued, refuses everything later, closes the handle. `on_closed` may free m. */
void pl_mailbox_close(struct pl_mailbox *m, void (*on_closed)(struct pl_mailbox *));

/* While unreferenced an idle mailbox does not keep uv_run going. */
void pl_mailbox_unref(struct pl_mailbox *m);

/* After on_closed, and when no thread will post any more: until then a post is answered with false. */
void pl_mailbox_finish(struct pl_mailbox *m);

#endif
