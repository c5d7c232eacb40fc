/* A real influxd of the test's own: private directory, free loopback ports, no reporting; ended by its pid. */
#ifndef PL_TESTS_PLUGIN_OUT_INFLUXD_H
#define PL_TESTS_PLUGIN_OUT_INFLUXD_H

#include "plugin_out_harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define INFLUXD "/usr/bin/influxd"

struct influxd {
	pid_t pid;
	unsigned port, rpc_port;
	char directory[256], url[64];
};

static inline bool influxd_installed(void)
{
	return access(INFLUXD, X_OK) == 0;
}

static inline unsigned influxd_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static inline bool influxd_answers(const struct influxd *d)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)d->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return ok;
}

static inline void influxd_run(struct influxd *d)
{
	char config[300];
	snprintf(config, sizeof config, "%s/influxdb.conf", d->directory);
	d->pid = fork();
	assert_true(d->pid >= 0);
	if (d->pid == 0) {
		int null = open("/dev/null", O_RDWR);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		execl(INFLUXD, "influxd", "-config", config, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 3000 && !influxd_answers(d); i++) {
		assert_int_equal(waitpid(d->pid, NULL, WNOHANG), 0);
		usleep(10000);
	}
	assert_true(influxd_answers(d));
}

static inline void influxd_halt(struct influxd *d)
{
	kill(d->pid, SIGTERM);
	assert_int_equal(waitpid(d->pid, NULL, 0), d->pid);
}

/* `http` and `data` are more lines of those sections. */
static inline void influxd_start(struct influxd *d, const char *http, const char *data)
{
	char path[300];
	*d = (struct influxd){.port = influxd_free_port(), .rpc_port = influxd_free_port()};
	harness_directory(d->directory, sizeof d->directory);
	snprintf(d->url, sizeof d->url, "http://127.0.0.1:%u", d->port);
	snprintf(path, sizeof path, "%s/influxdb.conf", d->directory);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(
	    f,
	    "reporting-disabled = true\nbind-address = \"127.0.0.1:%u\"\n[meta]\ndir = \"%s/meta\"\n[data]\ndir = \"%s/data\"\n"
	    "wal-dir = \"%s/wal\"\nquery-log-enabled = false\n%s\n[monitor]\nstore-enabled = false\n[subscriber]\nenabled = "
	    "false\n"
	    "[continuous_queries]\nenabled = false\n[http]\nbind-address = \"127.0.0.1:%u\"\nlog-enabled = false\n%s\n",
	    d->rpc_port, d->directory, d->directory, d->directory, data, d->port, http);
	assert_int_equal(fclose(f), 0);
	influxd_run(d);
}

/* What /query answers to a statement, in memory of the test's. */
static inline void influxd_ask(const struct influxd *d, const char *database, const char *statement, char *out, size_t size)
{
	char command[1200];
	snprintf(command, sizeof command, "curl -sS -XPOST %s/query --data-urlencode 'db=%s' --data-urlencode 'q=%s'", d->url,
		 database, statement);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = '\0';
	assert_int_equal(pclose(f), 0);
}

/* How many points of the measurements that match have the field `v`. */
static inline long influxd_count(const struct influxd *d, const char *database, const char *measurements)
{
	char statement[300], answer[65536];
	snprintf(statement, sizeof statement, "SELECT sum(c) FROM (SELECT count(v) AS c FROM %s)", measurements);
	influxd_ask(d, database, statement, answer, sizeof answer);
	long n = 0;
	for (const char *p = answer; (p = strstr(p, "1970-01-01T00:00:00Z\",")) != NULL;)
		n += strtol(p += 22, NULL, 10);
	if (strstr(answer, "error") != NULL)
		fail_msg("%s: %s", statement, answer);
	return n;
}

static inline void influxd_stop(struct influxd *d)
{
	influxd_halt(d);
	harness_remove(d->directory);
}

#endif
