#include "net/resp.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include "base/mem.h"

struct pl_resp {
	redisReader *reader;
	struct pl_resp_reply reply; /* as far as it was read */
	size_t unanswered;          /* bytes since the last complete reply */
};

/* The reader wants an object for each part of a reply: that is the reply itself, which a part writes to. */

static struct pl_resp *of(const redisReadTask *task)
{
	return task->privdata;
}

static void keep(struct pl_resp_text *t, const char *p, size_t n)
{
	t->n = n < sizeof t->p ? n : sizeof t->p;
	memcpy(t->p, p, t->n);
}

static bool is_item(const redisReadTask *task)
{
	return task->parent != NULL && task->parent->parent == NULL;
}

static void *put_text(const redisReadTask *task, enum pl_resp_type type, const char *p, size_t n)
{
	struct pl_resp *r = of(task);
	if (task->parent == NULL) {
		r->reply.type = type;
		keep(&r->reply.text, p, n);
	} else if (is_item(task) && task->idx >= 0 && task->idx < PL_RESP_MAX_ITEMS) {
		keep(&r->reply.items[task->idx], p, n);
	}
	return r;
}

static void *create_string(const redisReadTask *task, char *p, size_t n)
{
	enum pl_resp_type type = task->type == REDIS_REPLY_STATUS  ? PL_RESP_STATUS
				 : task->type == REDIS_REPLY_ERROR ? PL_RESP_ERROR
								   : PL_RESP_STRING;
	return put_text(task, type, p, n);
}

static void *create_array_of(const redisReadTask *task, size_t elements)
{
	struct pl_resp *r = of(task);
	if (task->parent == NULL) {
		r->reply.type = PL_RESP_ARRAY;
		r->reply.n_items = elements < PL_RESP_MAX_ITEMS ? elements : PL_RESP_MAX_ITEMS;
		for (size_t i = 0; i < PL_RESP_MAX_ITEMS; i++)
			r->reply.items[i].n = 0;
	}
	return r;
}

static void *create_integer(const redisReadTask *task, long long v)
{
	struct pl_resp *r = put_text(task, PL_RESP_INTEGER, "", 0);
	if (task->parent == NULL)
		r->reply.integer = v;
	return r;
}

static void *create_nil(const redisReadTask *task)
{
	return put_text(task, PL_RESP_NIL, "", 0);
}

static void free_object(void *object)
{
	(void)object;
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t elements)
{
	return create_array_of(task, elements);
}

static void *create_double(const redisReadTask *task, double v, char *p, size_t n)
{
	(void)v;
	return put_text(task, PL_RESP_OTHER, p, n);
}

static void *create_bool(const redisReadTask *task, int v)
{
	(void)v;
	return put_text(task, PL_RESP_OTHER, "", 0);
}
#else
static void *create_array(const redisReadTask *task, int elements)
{
	return create_array_of(task, elements > 0 ? (size_t)elements : 0);
}
#endif

/* The reader's field is no pointer to const, but it writes nothing there. */
static const redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
    .createNil = create_nil,
    .freeObject = free_object,
};

struct pl_resp *pl_resp_create(void)
{
	struct pl_resp *r = pl_calloc(1, sizeof *r);
	r->reader = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)&functions);
	if (r->reader == NULL)
		abort(); /* as pl_alloc does: no memory */
	r->reader->privdata = r;
	return r;
}

void pl_resp_destroy(struct pl_resp *r)
{
	if (r == NULL)
		return;
	redisReaderFree(r->reader);
	free(r);
}

bool pl_resp_feed(struct pl_resp *r, const char *p, size_t n, const char **reason)
{
	r->unanswered += n;
	if (redisReaderFeed(r->reader, p, n) == REDIS_OK)
		return true;
	*reason = "the answers of the server cannot be read";
	return false;
}

int pl_resp_next(struct pl_resp *r, const struct pl_resp_reply **reply, const char **reason)
{
	void *object = NULL;
	if (redisReaderGetReply(r->reader, &object) != REDIS_OK) {
		*reason = "the server does not speak Redis' protocol";
		return -1;
	}
	if (object == NULL) {
		*reason = "an answer is too long";
		return r->unanswered > PL_RESP_MAX_REPLY ? -1 : 0;
	}
	r->unanswered = 0;
	*reply = &r->reply;
	return 1;
}

void pl_resp_add_command(struct pl_buf *out, const struct pl_str *argv, size_t n)
{
	pl_buf_add_char(out, '*');
	pl_buf_add_u64(out, n);
	pl_buf_add(out, "\r\n$", 3);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			pl_buf_add_char(out, '$');
		pl_buf_add_u64(out, argv[i].n);
		pl_buf_add(out, "\r\n", 2);
		pl_buf_add_str(out, argv[i]);
		pl_buf_add(out, "\r\n", 2);
	}
}
