#include "net/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct call {
	struct pl_msg msg;
	void (*fn)(void *data);
	void *data;
};

enum pl_err pl_loop_init(struct pl_loop *l, const char *name)
{
	memset(l, 0, sizeof *l);
	if (uv_loop_init(&l->uv) != 0)
		return PL_EIO;
	snprintf(l->name, sizeof l->name, "%s", name);
	pl_mailbox_init(&l->mailbox, &l->uv);
	return PL_OK;
}

void pl_loop_run(struct pl_loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

static void thread_main(void *data)
{
	struct pl_loop *l = data;
	pthread_setname_np(pthread_self(), l->name);
	pl_loop_run(l);
}

enum pl_err pl_loop_spawn(struct pl_loop *l)
{
	/* A thread starts with its creator's mask: signals are the main thread's business from its first instruction on. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = uv_thread_create(&l->thread, thread_main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	l->spawned = rc == 0;
	return rc == 0 ? PL_OK : PL_EIO;
}

static void run_call(struct pl_msg *msg)
{
	struct call *call = pl_container_of(msg, struct call, msg);
	call->fn(call->data);
	free(call);
}

bool pl_loop_call(struct pl_loop *l, void (*fn)(void *data), void *data)
{
	struct call *call = pl_alloc(sizeof *call);
	*call = (struct call){.msg.run = run_call, .fn = fn, .data = data};
	if (pl_loop_post(l, &call->msg))
		return true;
	free(call);
	return false;
}

static void close_mailbox(void *data)
{
	struct pl_loop *l = data;
	/* Only this thread sets `closed`; a second stop may have been queued behind the first. */
	if (!l->mailbox.closed)
		pl_mailbox_close(&l->mailbox, NULL);
}

void pl_loop_stop(struct pl_loop *l)
{
	pl_loop_call(l, close_mailbox, l);
}

void pl_loop_join(struct pl_loop *l)
{
	if (!l->spawned)
		return;
	uv_thread_join(&l->thread);
	l->spawned = false;
}

void pl_loop_finish(struct pl_loop *l)
{
	assert(!l->spawned);
	close_mailbox(l); /* where the loop never ran or its mailbox was unreferenced */
	uv_run(&l->uv, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&l->uv);
	if (rc != 0)
		uv_print_all_handles(&l->uv, stderr);
	assert(rc == 0);
	pl_mailbox_finish(&l->mailbox);
}
