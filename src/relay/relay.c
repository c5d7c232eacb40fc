#include "relay/pulseline_relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/lookup.h"
#include "relay/names.h"
#include "relay/private.h"

enum {
	DEFAULT_CONNECT_MS = 10000,
	DEFAULT_RETRY_MS = 5000,
	LONGEST_MS = 24 * 3600 * 1000,
	LONGEST_TOKEN = 4096,
	READ_BYTES = 16384,
	READS_PER_STEP = 16,
	FAREWELL_MS = 2000,
};

const char *pl_relay_version(void)
{
	return PL_VERSION;
}

/* ---- stepping ---- */

void pl_relay_wake(struct pl_relay *r)
{
	uint64_t one = 1;
	ssize_t n = write(r->wake, &one, sizeof one);
	(void)n; /* full is awake */
}

static void sleep_again(struct pl_relay *r)
{
	uint64_t count;
	ssize_t n = read(r->wake, &count, sizeof count);
	(void)n;
}

void pl_relay_emit(struct pl_relay *r, enum pl_relay_event event, const char *text)
{
	if (r->on_event == NULL)
		return;
	pthread_mutex_unlock(&r->lock);
	r->on_event(event, text, r->data);
	pthread_mutex_lock(&r->lock);
}

static int64_t about(int64_t ns)
{
	uint32_t chance = UINT32_MAX / 2;
	ssize_t n = getrandom(&chance, sizeof chance, GRND_NONBLOCK);
	(void)n; /* without it: the middle */
	return ns - ns / 4 + (int64_t)((double)ns / 2 * ((double)chance / (double)UINT32_MAX));
}

/* At once after a connection that stood for a while; else two relays with one id, or a server that ends each connection, would
 * make a storm. */
static void lost(struct pl_relay *r, int64_t now_ns)
{
	bool stood = r->registered;
	bool at_once = stood && now_ns - r->registered_at_ns >= r->retry_ns;
	pl_relay_link_down(&r->link);
	r->retry_at_ns = at_once ? now_ns : now_ns + about(r->retry_ns);
	r->info.failures++;
	char text[PL_RELAY_MAX_ERROR];
	pl_relay_refuse(text, sizeof text, "%.100s: %s", r->address, r->error);
	memcpy(r->info.last_error, text, sizeof text);
	pl_relay_session_end(r);
	pl_relay_emit(r, stood ? PL_RELAY_LOST : PL_RELAY_FAILED, text);
}

static void read_all(struct pl_relay *r, int64_t now_ns)
{
	char chunk[READ_BYTES], why[PL_RELAY_MAX_ERROR / 2];
	size_t n = 0;
	r->more_to_read = false;
	for (int i = 0; i < READS_PER_STEP && !r->ended; i++) {
		if (!pl_relay_link_read(&r->link, chunk, sizeof chunk, &n, why, sizeof why)) {
			if (r->registered)
				pl_relay_fail(r, "%s", why);
			else
				pl_relay_fail(r, "%s before it took the id", why);
			return;
		}
		if (n == 0)
			return;
		pl_relay_session_take(r, (struct pl_str){chunk, n}, now_ns);
	}
	r->more_to_read = true;
}

static void write_all(struct pl_relay *r)
{
	char why[PL_RELAY_MAX_ERROR / 2];
	size_t n;
	while (!r->ended && pl_relay_bytes_count(&r->out) > 0) {
		if (!pl_relay_link_write(&r->link, r->out.p + r->out.from, pl_relay_bytes_count(&r->out), &n, why, sizeof why))
			pl_relay_fail(r, "%s", why);
		else if (n == 0)
			break;
		else
			pl_relay_bytes_drop(&r->out, n);
	}
	if (!r->ended)
		pl_relay_link_want_write(&r->link, pl_relay_bytes_count(&r->out) > 0);
}

static void advance(struct pl_relay *r, int64_t now_ns)
{
	char why[PL_RELAY_MAX_ERROR / 2] = "";
	bool alive = r->link.state == PL_RELAY_LINK_DOWN ? pl_relay_link_begin(&r->link, now_ns, why, sizeof why) : true;
	if (!alive || !pl_relay_link_go_on(&r->link, now_ns, why, sizeof why))
		pl_relay_fail(r, "%s", why);
	else if (r->link.state == PL_RELAY_LINK_UP)
		pl_relay_session_begin(r, now_ns);
}

static void step(struct pl_relay *r)
{
	int64_t now_ns = pl_clock_mono_ns();
	sleep_again(r);
	if (r->link.state == PL_RELAY_LINK_DOWN && now_ns < r->retry_at_ns)
		return;
	if (r->link.state != PL_RELAY_LINK_UP)
		advance(r, now_ns);
	if (r->link.state == PL_RELAY_LINK_UP) {
		read_all(r, now_ns);
		now_ns = pl_clock_mono_ns(); /* collecting may have taken long */
		if (!r->ended)
			pl_relay_session_tick(r, now_ns);
		write_all(r);
	}
	if (r->ended)
		lost(r, pl_clock_mono_ns());
}

static int wait_ms(const struct pl_relay *r)
{
	int64_t due = r->link.deadline_ns;
	if (r->link.state == PL_RELAY_LINK_DOWN)
		due = r->retry_at_ns;
	else if (r->link.state == PL_RELAY_LINK_UP)
		due = r->more_to_read ? 0 : pl_relay_session_due(r);
	int64_t now_ns = pl_clock_mono_ns();
	if (due <= now_ns)
		return 0;
	int64_t ms = (due - now_ns) / PL_NS_PER_MS + 1;
	return ms < LONGEST_MS ? (int)ms : LONGEST_MS;
}

int pl_relay_fd(const struct pl_relay *r)
{
	return r->epoll;
}

int pl_relay_wait_ms(struct pl_relay *r)
{
	pthread_mutex_lock(&r->lock);
	int ms = wait_ms(r);
	pthread_mutex_unlock(&r->lock);
	return ms;
}

void pl_relay_step(struct pl_relay *r)
{
	pthread_mutex_lock(&r->lock);
	step(r);
	pthread_mutex_unlock(&r->lock);
}

static void *run(void *data)
{
	struct pl_relay *r = data;
	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		struct pollfd p = {.fd = r->epoll, .events = POLLIN};
		int ms = wait_ms(r);
		pthread_mutex_unlock(&r->lock);
		poll(&p, 1, ms);
		pthread_mutex_lock(&r->lock);
		if (!r->stopping)
			step(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

void pl_relay_info(struct pl_relay *r, struct pl_relay_info *info)
{
	size_t size = info->size < sizeof *info ? info->size : sizeof *info;
	pthread_mutex_lock(&r->lock);
	struct pl_relay_info now = r->info;
	now.connected = r->registered;
	now.beat_s = r->registered ? r->beat_s : PL_RELAY_FIRST_BEAT_S;
	pthread_mutex_unlock(&r->lock);
	now.size = info->size;
	memcpy(info, &now, size);
}

/* ---- opening and closing ---- */

static bool check(const struct pl_relay_options *o, struct pl_relay *r, char *error, size_t size)
{
	const char *port;
	if (o->size != sizeof *o)
		return pl_relay_refuse(error, size,
				       "the options do not fit this library: begin with PL_RELAY_OPTIONS, and compile against %s",
				       PL_VERSION);
	if (o->connect_ms > LONGEST_MS || o->retry_ms > LONGEST_MS)
		return pl_relay_refuse(error, size, "connect_ms and retry_ms are at most a day: %d", LONGEST_MS);
	if (!o->tls &&
	    (o->ca_file != NULL || o->cert_file != NULL || o->key_file != NULL || o->server_name != NULL || o->tls_insecure))
		return pl_relay_refuse(error, size,
				       "ca_file, cert_file, key_file, server_name and tls_insecure mean something with tls only");
	return pl_relay_check_address(o->address, r->host, sizeof r->host, &port, error, size) &&
	       pl_relay_check_text("id", o->id, PL_RELAY_MAX_ID, true, error, size) &&
	       (o->token == NULL || pl_relay_check_text("token", o->token, LONGEST_TOKEN, true, error, size));
}

static bool copy(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

static bool start(struct pl_relay *r, const struct pl_relay_options *o, char *error, size_t size)
{
	if (!copy(&r->address, o->address) || !copy(&r->id, o->id) || !copy(&r->token, o->token))
		return pl_relay_refuse(error, size, "no memory for a relay");
	r->port = strrchr(r->address, ':') + 1;
	r->own_loop = o->own_loop;
	r->on_event = o->on_event;
	r->data = o->data;
	r->patience_ns = (o->connect_ms > 0 ? o->connect_ms : DEFAULT_CONNECT_MS) * PL_NS_PER_MS;
	r->retry_ns = (o->retry_ms > 0 ? o->retry_ms : DEFAULT_RETRY_MS) * PL_NS_PER_MS;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->epoll < 0 || r->wake < 0 ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake, &(struct epoll_event){.events = EPOLLIN}) != 0)
		return pl_relay_refuse(error, size, "no descriptors for a relay: %s", strerror(errno));
	if (o->tls) {
		struct pl_relay_tls_options t = {.ca_file = o->ca_file, .cert_file = o->cert_file, .key_file = o->key_file};
		t.server_name = o->server_name != NULL ? o->server_name : r->host;
		t.insecure = o->tls_insecure;
		r->tls = pl_relay_tls_create(&t, error, size);
		if (r->tls == NULL)
			return false;
	}
	r->link = (struct pl_relay_link){.epoll = r->epoll, .host = r->host, .port = r->port, .tls = r->tls, .fd = -1};
	r->link.patience_ns = r->patience_ns;
	if (!r->own_loop && !pl_relay_thread_start(&r->thread, run, r))
		return pl_relay_refuse(error, size, "no thread for a relay");
	return true;
}

static void free_relay(struct pl_relay *r)
{
	pl_relay_link_down(&r->link);
	pl_relay_session_end(r);
	pl_relay_collectors_free(r);
	pl_relay_tls_destroy(r->tls);
	if (r->epoll >= 0)
		close(r->epoll);
	if (r->wake >= 0)
		close(r->wake);
	free(r->address);
	free(r->id);
	if (r->token != NULL)
		explicit_bzero(r->token, strlen(r->token));
	free(r->token);
	pthread_cond_destroy(&r->call_ended);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct pl_relay *pl_relay_open(const struct pl_relay_options *options, char *error, size_t size)
{
	struct pl_relay *r = calloc(1, sizeof *r);
	if (r == NULL) {
		pl_relay_refuse(error, size, "no memory for a relay");
		return NULL;
	}
	r->epoll = r->wake = r->link.fd = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->call_ended, NULL);
	if (!check(options, r, error, size) || !start(r, options, error, size)) {
		free_relay(r);
		return NULL;
	}
	return r;
}

static void say_goodbye(struct pl_relay *r)
{
	int64_t until_ns = pl_clock_mono_ns() + FAREWELL_MS * PL_NS_PER_MS;
	pl_relay_session_say_goodbye(r);
	write_all(r);
	while (!r->ended && pl_relay_bytes_count(&r->out) > 0 && pl_clock_mono_ns() < until_ns) {
		poll(&(struct pollfd){.fd = r->link.fd, .events = POLLOUT}, 1, 100);
		write_all(r);
	}
	if (!r->ended)
		pl_relay_link_farewell(&r->link, until_ns);
}

void pl_relay_close(struct pl_relay *r)
{
	if (r == NULL)
		return;
	if (!r->own_loop) {
		pthread_mutex_lock(&r->lock);
		r->stopping = true;
		pl_relay_wake(r);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
	}
	pthread_mutex_lock(&r->lock);
	if (r->registered)
		say_goodbye(r);
	pthread_mutex_unlock(&r->lock);
	free_relay(r);
}
