/* Appends line protocol to a file, a FIFO or standard output: for looking at, for keeping, for other programs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "out_file/sink.h"
#include "pipeline/plugin.h"

struct file_config {
	const char *path;
	bool fsync;
};

struct file_output {
	struct pl_file_sink sink;
};

static const struct pl_field fields[] = {
    {.key = "path",
     .type = PL_FIELD_PATH,
     .offset = offsetof(struct file_config, path),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "file to append to, created with mode 0640; - is standard output"},
    {.key = "fsync",
     .type = PL_FIELD_BOOL,
     .offset = offsetof(struct file_config, fsync),
     .fallback = "false",
     .help = "wait for the disk at each delivery, so that lines survive a loss of power"},
    {0},
};

static const struct pl_schema schema = {.name = "file", .size = sizeof(struct file_config), .fields = fields};

static enum pl_err open_output(const struct pl_output_env *env, const void *config, void **self, char *reason, size_t reason_size)
{
	(void)env;
	const struct file_config *c = config;
	struct file_output *o = pl_calloc(1, sizeof *o);
	enum pl_err err = pl_file_sink_open(&o->sink, c->path, c->fsync, reason, reason_size);
	if (err != PL_OK) {
		free(o);
		return err;
	}
	*self = o;
	return PL_OK;
}

static void deliver(void *self, struct pl_delivery *d)
{
	struct file_output *o = self;
	struct pl_verdict verdict = {.kind = PL_VERDICT_DONE};
	if (pl_file_sink_append(&o->sink, d->batches, d->n, verdict.reason, sizeof verdict.reason) != PL_OK) {
		/* A reader may come to a FIFO at any time; a closed standard output does not open again by itself. */
		bool for_good = o->sink.reader_gone && o->sink.is_stdout;
		verdict.kind = for_good ? PL_VERDICT_HOLD : PL_VERDICT_RETRY;
	}
	d->done(d, &verdict);
}

static void close_output(void *self, void (*closed)(void *data), void *data)
{
	struct file_output *o = self;
	pl_file_sink_close(&o->sink);
	free(o);
	closed(data);
}

static const struct pl_output_ops ops = {.open = open_output, .deliver = deliver, .durable = true, .close = close_output};

const struct pl_plugin pl_plugin_out_file = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_OUTPUT, .name = "file", .help = "appends line protocol to a file or standard output",
    .schema = &schema, .ops.output = &ops,
};
