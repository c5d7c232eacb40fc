#include "net/mailbox.h"

#include <assert.h>
#include <stddef.h>

#include "base/mem.h"

static struct pl_msg *pop(struct pl_mailbox *m)
{
	uv_mutex_lock(&m->lock);
	struct pl_msg *msg = m->head;
	if (msg != NULL) {
		m->head = msg->next;
		if (m->head == NULL)
			m->tail = NULL;
	}
	uv_mutex_unlock(&m->lock);
	return msg;
}

static void on_async(uv_async_t *async)
{
	struct pl_mailbox *m = pl_container_of(async, struct pl_mailbox, async);
	uv_mutex_lock(&m->lock);
	const struct pl_msg *last = m->tail;
	uv_mutex_unlock(&m->lock);
	/* Messages are taken one by one, so that one which closes the mailbox leaves the order as it was. What they post in their
	 * turn waits for the next round: two loops that answer each other must not starve the rest of a loop. */
	bool more = last != NULL;
	while (more) {
		struct pl_msg *msg = pop(m);
		if (msg == NULL)
			return;
		more = msg != last;
		msg->run(msg);
	}
	uv_mutex_lock(&m->lock);
	if (m->head != NULL)
		uv_async_send(&m->async);
	uv_mutex_unlock(&m->lock);
}

void pl_mailbox_init(struct pl_mailbox *m, uv_loop_t *loop)
{
	*m = (struct pl_mailbox){0};
	int rc = uv_mutex_init(&m->lock);
	assert(rc == 0);
	rc = uv_async_init(loop, &m->async, on_async);
	assert(rc == 0);
	(void)rc;
}

bool pl_mailbox_post(struct pl_mailbox *m, struct pl_msg *msg)
{
	msg->next = NULL;
	uv_mutex_lock(&m->lock);
	bool open = !m->closed;
	if (open) {
		bool idle = m->head == NULL;
		if (idle)
			m->head = msg;
		else
			m->tail->next = msg;
		m->tail = msg;
		/* Under the lock, so that it cannot meet a handle that is being closed. */
		if (idle)
			uv_async_send(&m->async);
	}
	uv_mutex_unlock(&m->lock);
	return open;
}

static void on_async_closed(uv_handle_t *handle)
{
	struct pl_mailbox *m = pl_container_of(handle, struct pl_mailbox, async);
	if (m->on_closed != NULL)
		m->on_closed(m);
}

void pl_mailbox_close(struct pl_mailbox *m, void (*on_closed)(struct pl_mailbox *))
{
	uv_mutex_lock(&m->lock);
	assert(!m->closed);
	m->closed = true;
	m->on_closed = on_closed;
	uv_mutex_unlock(&m->lock);
	for (struct pl_msg *msg = pop(m); msg != NULL; msg = pop(m))
		msg->run(msg);
	uv_close((uv_handle_t *)&m->async, on_async_closed);
}

void pl_mailbox_unref(struct pl_mailbox *m)
{
	uv_unref((uv_handle_t *)&m->async);
}

void pl_mailbox_finish(struct pl_mailbox *m)
{
	uv_mutex_destroy(&m->lock);
}
