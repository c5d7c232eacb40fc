/* The floor: fetches the same pages at the same schedule as the daemon would, with libcurl on an event loop, and throws the
 * bodies away. What it costs is what fetching alone costs; whoever also reads the pages can only cost more. */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

struct target {
	CURL *easy;
	int64_t due_us;
	int busy;
};

struct fetcher {
	CURLM *multi;
	int epoll;
	int64_t curl_due_us; /* -1: curl waits for nothing */
	struct target *targets;
	unsigned n, next; /* the targets are due in turn */
	int64_t interval_us;
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t throw_away(char *p, size_t size, size_t n, void *data)
{
	(void)p;
	(void)data;
	return size * n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *known)
{
	struct fetcher *f = data;
	struct epoll_event e = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(f->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0 && errno == EEXIST)
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, fd, &e);
	curl_multi_assign(f->multi, fd, f);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *data)
{
	struct fetcher *f = data;
	(void)multi;
	f->curl_due_us = ms < 0 ? -1 : now_us() + ms * 1000;
	return 0;
}

static void reap(struct fetcher *f)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		struct target *t;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)(void *)&t);
		curl_multi_remove_handle(f->multi, t->easy);
		t->busy = 0;
	}
}

static void fire(struct fetcher *f, int64_t now)
{
	while (f->targets[f->next].due_us <= now) {
		struct target *t = &f->targets[f->next];
		f->next = (f->next + 1) % f->n;
		t->due_us += f->interval_us;
		if (!t->busy) {
			t->busy = 1;
			curl_multi_add_handle(f->multi, t->easy);
		}
	}
}

static void run(struct fetcher *f)
{
	for (;;) {
		struct epoll_event events[64];
		int64_t due = f->targets[f->next].due_us, now = now_us();
		int running;

		if (f->curl_due_us >= 0 && f->curl_due_us < due)
			due = f->curl_due_us;
		int n = epoll_wait(f->epoll, events, 64, due <= now ? 0 : (int)((due - now + 999) / 1000));
		for (int i = 0; i < n; i++) {
			int mask = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
				   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
			curl_multi_socket_action(f->multi, events[i].data.fd, mask, &running);
		}
		now = now_us();
		if (f->curl_due_us >= 0 && f->curl_due_us <= now) {
			f->curl_due_us = -1;
			curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		reap(f);
		fire(f, now);
	}
}

static void open_targets(struct fetcher *f, unsigned port, int gzip)
{
	int64_t begin = now_us() + 100000;

	f->targets = calloc(f->n, sizeof *f->targets);
	if (f->targets == NULL)
		abort();
	for (unsigned i = 0; i < f->n; i++) {
		struct target *t = &f->targets[i];
		char url[64];
		snprintf(url, sizeof url, "http://127.0.0.1:%u/metrics", port + i);
		t->due_us = begin + f->interval_us * i / f->n;
		t->easy = curl_easy_init();
		curl_easy_setopt(t->easy, CURLOPT_URL, url);
		curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
		curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, throw_away);
		curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)(f->interval_us / 1000));
		if (gzip)
			curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'},
						{"targets", 1, NULL, 't'},
						{"interval-ms", 1, NULL, 'i'},
						{"gzip", 0, NULL, 'z'},
						{NULL, 0, NULL, 0}};
	struct fetcher f = {.curl_due_us = -1, .n = 1, .interval_us = 1000000};
	unsigned port = 0;
	int o, gzip = 0;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			port = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 't')
			f.n = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'i')
			f.interval_us = strtoll(optarg, NULL, 10) * 1000;
		else if (o == 'z')
			gzip = 1;
		else
			port = 0, optind = argc + 1;
	}
	if (port == 0 || f.n == 0 || f.interval_us <= 0) {
		fputs("usage: floor --port FIRST --targets N [--interval-ms N] [--gzip]\n", stderr);
		return 2;
	}
	curl_global_init(CURL_GLOBAL_ALL);
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	f.multi = curl_multi_init();
	curl_multi_setopt(f.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(f.multi, CURLMOPT_SOCKETDATA, &f);
	curl_multi_setopt(f.multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(f.multi, CURLMOPT_TIMERDATA, &f);
	curl_multi_setopt(f.multi, CURLMOPT_MAXCONNECTS, (long)f.n + 16);
	open_targets(&f, port, gzip);
	puts("ready");
	fflush(stdout);
	run(&f);
}
