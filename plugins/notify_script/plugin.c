/* notifiers: script. Runs a program for every notice, without a shell: the notice as JSON on its standard input, and the most
 * important of it in its environment.
 *
 * Exit status 0: sent. 75 (EX_TEMPFAIL of sysexits.h), a signal, the end of its time, or a program that could not be started:
 * again later. Any other: refused. The last line that it wrote to its standard error is the reason. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "notify_script/environment.h"
#include "pipeline/plugin.h"

enum { TEMPFAIL = 75, STDERR_BYTES = 4096 };

struct script_config {
	struct pl_notifier_config base;
	struct pl_strings command;
	int64_t timeout;
};

struct script {
	const struct script_config *config;
	struct pl_loop *loop;
	char **arguments;
	struct pl_notice_delivery *delivery;
	/* Of one run. */
	char **environment;
	uv_process_t process;
	uv_pipe_t in, err;
	uv_timer_t timer;
	uv_write_t write;
	struct pl_buf json, words;
	char chunk[1024];
	unsigned handles; /* that are still to be closed */
	bool started, late, ending;
	int64_t status;
	int signal;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- what came of it ---- */

static struct pl_str last_line(struct pl_str s)
{
	s = pl_str_trim(s);
	size_t i = s.n;
	while (i > 0 && s.p[i - 1] != '\n')
		i--;
	return pl_str_trim((struct pl_str){s.p + i, s.n - i});
}

static void judge(const struct script *s, struct pl_notice_verdict *v)
{
	struct pl_buf text = {0};
	const char *name = s->config->command.v[0];
	v->result = PL_NOTICE_RETRY;
	if (s->closing) {
		pl_buf_add_cstr(&text, "cancelled");
	} else if (!s->started) {
		pl_buf_addf(&text, "%s could not be started: %s", name, uv_strerror((int)s->status));
	} else if (s->late) {
		pl_buf_addf(&text, "%s was not done within %.15gs", name, (double)s->config->timeout / (double)PL_NS_PER_S);
	} else if (s->signal != 0) {
		pl_buf_addf(&text, "%s was ended by signal %d", name, s->signal);
	} else if (s->status == 0) {
		v->result = PL_NOTICE_SENT;
		pl_buf_finish(&text);
		return;
	} else {
		v->result = s->status == TEMPFAIL ? PL_NOTICE_RETRY : PL_NOTICE_REFUSED;
		pl_buf_addf(&text, "%s ended with status %lld", name, (long long)s->status);
	}
	struct pl_str words = last_line(pl_buf_str(&s->words));
	if (words.n > 0) {
		pl_buf_add_cstr(&text, ": ");
		pl_buf_add_str(&text, words);
	}
	pl_notice_verdict_say(v, pl_buf_str(&text));
	pl_buf_finish(&text);
}

static void finish(struct script *s)
{
	void (*closed)(void *) = s->closed;
	void *closed_data = s->closed_data;
	pl_buf_finish(&s->json);
	pl_buf_finish(&s->words);
	free(s->arguments);
	free(s);
	closed(closed_data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct script *s = handle->data;
	if (--s->handles > 0)
		return;
	struct pl_notice_delivery *d = s->delivery;
	struct pl_notice_verdict v = {0};
	judge(s, &v);
	pl_script_environment_free(s->environment);
	s->environment = NULL;
	s->delivery = NULL;
	s->ending = false;
	d->done(d, &v);
	if (s->closing && s->delivery == NULL)
		finish(s);
}

/* All of the run's handles go; what it left behind in its process group, too. */
static void end_run(struct script *s)
{
	if (s->ending)
		return;
	s->ending = true;
	if (s->started && s->process.pid > 0)
		kill(-s->process.pid, SIGKILL);
	uv_close((uv_handle_t *)&s->in, on_handle_closed);
	uv_close((uv_handle_t *)&s->err, on_handle_closed);
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->process, on_handle_closed);
}

/* ---- a run ---- */

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct script *s = process->data;
	s->status = status;
	s->signal = signal;
	/* What it wrote last may still lie in the pipe; a child of its own that holds the pipe open is not waited for. */
	ssize_t n;
	char rest[1024];
	uv_os_fd_t fd;
	if (!uv_is_closing((uv_handle_t *)&s->err) && uv_fileno((uv_handle_t *)&s->err, &fd) == 0)
		while ((n = read(fd, rest, sizeof rest)) > 0 && s->words.n < STDERR_BYTES * 16)
			pl_buf_add(&s->words, rest, (size_t)n);
	end_run(s);
}

static void on_time(uv_timer_t *timer)
{
	struct script *s = timer->data;
	s->late = true;
	kill(-s->process.pid, SIGKILL); /* its end follows */
}

static void give_chunk(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)wanted;
	struct script *s = handle->data;
	*buf = uv_buf_init(s->chunk, sizeof s->chunk);
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct script *s = stream->data;
	if (n < 0) {
		uv_read_stop(stream);
		return;
	}
	pl_buf_add(&s->words, buf->base, (size_t)n);
	if (s->words.n > 2 * STDERR_BYTES) { /* the last of it is wanted */
		memmove(s->words.p, s->words.p + s->words.n - STDERR_BYTES, STDERR_BYTES);
		s->words.n = STDERR_BYTES;
	}
}

static void on_shut(uv_shutdown_t *shut, int status)
{
	(void)status;
	free(shut);
}

static void on_told(uv_write_t *write, int status)
{
	(void)status; /* it need not read */
	struct script *s = write->data;
	if (!s->ending && !uv_is_closing((uv_handle_t *)&s->in)) {
		uv_shutdown_t *shut = pl_calloc(1, sizeof *shut);
		if (uv_shutdown(shut, (uv_stream_t *)&s->in, on_shut) != 0)
			free(shut);
	}
}

static int spawn(struct script *s)
{
	uv_stdio_container_t stdio[3] = {
	    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&s->in},
	    {.flags = UV_IGNORE},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&s->err},
	};
	const uv_process_options_t options = {
	    .exit_cb = on_exit_of,
	    .file = s->arguments[0],
	    .args = s->arguments,
	    .env = s->environment,
	    .cwd = "/",
	    .flags = UV_PROCESS_DETACHED, /* a process group of its own, to be ended with all in it */
	    .stdio_count = 3,
	    .stdio = stdio,
	};
	return uv_spawn(&s->loop->uv, &s->process, &options);
}

static void tell(struct script *s)
{
	struct pl_json j = {.out = &s->json};
	pl_buf_clear(&s->json);
	pl_notice_json(&j, s->delivery->notice);
	pl_buf_add_char(&s->json, '\n');
	uv_buf_t buf = uv_buf_init(s->json.p, (unsigned)s->json.n);
	uv_write(&s->write, (uv_stream_t *)&s->in, &buf, 1, on_told);
}

static void send_notice(void *self, struct pl_notice_delivery *d)
{
	struct script *s = self;
	s->delivery = d;
	s->started = s->late = false;
	s->signal = 0;
	s->handles = 4;
	pl_buf_clear(&s->words);
	s->environment = pl_script_environment(d->notice);
	uv_pipe_init(&s->loop->uv, &s->in, 0);
	uv_pipe_init(&s->loop->uv, &s->err, 0);
	uv_timer_init(&s->loop->uv, &s->timer);
	s->in.data = s->err.data = s->timer.data = s->process.data = s->write.data = s;
	s->status = spawn(s);
	s->started = s->status == 0;
	if (!s->started) {
		end_run(s);
		return;
	}
	uv_timer_start(&s->timer, on_time, (uint64_t)(s->config->timeout / PL_NS_PER_MS), 0);
	uv_read_start((uv_stream_t *)&s->err, give_chunk, on_words);
	tell(s);
}

/* ---- life ---- */

static enum pl_err open_script(const struct pl_notifier_env *env, const void *config, void **self, char *reason,
			       size_t reason_size)
{
	const struct script_config *c = config;
	if (access(c->command.v[0], X_OK) != 0) {
		snprintf(reason, reason_size, "%s cannot be run: %s", c->command.v[0], strerror(errno));
		return pl_err_of_errno(errno);
	}
	struct script *s = pl_calloc(1, sizeof *s);
	s->config = c;
	s->loop = env->loop;
	s->arguments = pl_calloc(c->command.n + 1, sizeof *s->arguments);
	for (size_t i = 0; i < c->command.n; i++)
		s->arguments[i] = (char *)(uintptr_t)c->command.v[i];
	*self = s;
	return PL_OK;
}

static void close_script(void *self, void (*closed)(void *data), void *data)
{
	struct script *s = self;
	s->closed = closed;
	s->closed_data = data;
	s->closing = true;
	if (s->delivery == NULL)
		finish(s);
	else if (s->started && !s->ending)
		kill(-s->process.pid, SIGKILL); /* its end follows: unless it is waited for it stays as a zombie */
}

static void check(void *object, const struct pl_check *c)
{
	const struct script_config *config = object;
	if (config->command.n > 0 && config->command.v[0][0] != '/')
		pl_check_fail(c, "command", "the program must be an absolute path: no shell looks for it");
}

static const struct pl_field fields[] = {
    {.key = "name",
     .type = PL_FIELD_STRING,
     .offset = offsetof(struct script_config, base.name),
     .fallback = "",
     .help = "what alerts call it by; script when empty"},
    {.key = "command",
     .type = PL_FIELD_STRINGS,
     .offset = offsetof(struct script_config, command),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "the program, an absolute path, and its arguments; no shell is involved"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     .offset = offsetof(struct script_config, timeout),
     .fallback = "30s",
     .min = 100 * PL_NS_PER_MS,
     .max = 3600 * PL_NS_PER_S,
     .help = "after it the program is killed with all that it has started"},
    {0},
};

static const struct pl_schema schema = {.name = "script", .size = sizeof(struct script_config), .fields = fields, .check = check};

static const struct pl_notifier_ops ops = {.open = open_script, .send = send_notice, .close = close_script};

extern const struct pl_plugin pl_plugin_notify_script;
const struct pl_plugin pl_plugin_notify_script = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_NOTIFIER, .name = "script", .help = "tells of alerts by a program",
    .schema = &schema, .ops.notifier = &ops,
};
