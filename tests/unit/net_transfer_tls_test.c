/* Against the servers that others wrote: openssl s_server and Python's http.server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "net_fetch.h"
#include "net_script_server.h"

struct child {
	pid_t pid;
	int out;
	unsigned port;
};

struct world {
	char dir[64];
	struct child tls;
	struct fetcher fetcher;
};

/* Starts a program and reads its port from the first line of its output that has `mark` in it, right behind. */
static void child_start(struct child *c, const char *mark, const char *dir, const char *const *argv)
{
	int pipe_fds[2];
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		int none = open("/dev/null", O_RDWR);
		if (none < 0 || dup2(none, 0) < 0 || dup2(pipe_fds[1], 1) < 0 || dup2(none, 2) < 0 || chdir(dir) != 0)
			_exit(126);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(pipe_fds[1]);
	c->out = pipe_fds[0];
	char text[1024];
	for (size_t n = 0; c->port == 0; n++) {
		if (n + 1 >= sizeof text || read(c->out, text + n, 1) != 1)
			fail_msg("%s did not say its port", argv[0]);
		text[n + 1] = '\0';
		const char *at = strstr(text, mark);
		if (text[n] == '\n' && at != NULL)
			c->port = (unsigned)strtoul(at + strlen(mark), NULL, 10);
	}
}

static void child_stop(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->out);
}

static void run_command(const char *const *argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		int none = open("/dev/null", O_RDWR);
		dup2(none, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	struct world *w = pl_calloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/pulseline-tls-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	char key[96], cert[96], page[96];
	snprintf(key, sizeof key, "%s/key.pem", w->dir);
	snprintf(cert, sizeof cert, "%s/cert.pem", w->dir);
	snprintf(page, sizeof page, "%s/page", w->dir);
	run_command((const char *[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
				     "-nodes", "-days", "2", "-subj", "/CN=server.test", "-addext",
				     "subjectAltName=DNS:server.test", "-keyout", key, "-out", cert, NULL});
	FILE *file = fopen(page, "w");
	assert_non_null(file);
	fputs("a 1\n", file);
	fclose(file);
	child_start(&w->tls, "ACCEPT 127.0.0.1:", w->dir,
		    (const char *[]){"openssl", "s_server", "-accept", "127.0.0.1:0", "-WWW", "-cert", cert, "-key", key, NULL});
	fetcher_init(&w->fetcher, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	fetcher_finish(&w->fetcher);
	child_stop(&w->tls);
	run_command((const char *[]){"rm", "-r", w->dir, NULL});
	free(w);
	return 0;
}

static void fetch_tls(struct world *w, struct fetch *f, const struct pl_transfer_client *client)
{
	char url[96];
	snprintf(url, sizeof url, "https://127.0.0.1:%u/page", w->tls.port);
	fetch(&w->fetcher, f, &(struct pl_transfer_request){.url = url, .client = client});
}

static void a_trusted_server_answers(void **state)
{
	struct world *w = *state;
	char ca[96];
	snprintf(ca, sizeof ca, "%s/cert.pem", w->dir);
	const struct pl_transfer_client clients[] = {
	    {.ca_file = ca, .server_name = "server.test"},
	    {.insecure_skip_verify = true},
	};
	for (size_t i = 0; i < PL_COUNT_OF(clients); i++) {
		struct fetch f = {0};
		fetch_tls(w, &f, &clients[i]);
		assert_string_equal(f.result.reason, "");
		assert_int_equal(f.result.err, PL_OK);
		assert_int_equal(f.result.status, 200);
		assert_string_equal(pl_buf_cstr(&f.body), "a 1\n");
		assert_true(f.result.phases.tls > f.result.phases.connected);
		assert_true(f.result.phases.sent >= f.result.phases.tls);
		pl_buf_finish(&f.body);
	}
}

static void what_is_wrong_with_tls_is_told(void **state)
{
	struct world *w = *state;
	char ca[96];
	snprintf(ca, sizeof ca, "%s/cert.pem", w->dir);
	const struct {
		struct pl_transfer_client client;
		const char *reason;
	} cases[] = {
	    {{0}, "TLS certificate not trusted: self"},
	    {{.ca_file = ca}, "TLS certificate not trusted: SSL: no alternative certificate subject name matches"},
	    {{.ca_file = ca, .server_name = "other.test"},
	     "TLS certificate not trusted: SSL: no alternative certificate subject name"},
	    {{.ca_file = "/does/not/exist.pem"}, "the file of trusted CAs cannot be used"},
	    {{.insecure_skip_verify = true, .cert_file = "/does/not/exist.pem"},
	     "the client's TLS certificate or key cannot be used"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct fetch f = {0};
		fetch_tls(w, &f, &cases[i].client);
		assert_int_equal(f.result.err, PL_ENET);
		if (strstr(f.result.reason, cases[i].reason) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.result.reason, cases[i].reason);
		assert_int_equal(f.result.status, 0);
		assert_int_equal(f.heads, 0);
	}
}

static void speak_plainly(struct script_connection *c)
{
	char bytes[512];
	if (recv(c->fd, bytes, sizeof bytes, 0) > 0)
		script_say(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
}

static void a_server_without_tls_is_told_apart(void **state)
{
	struct world *w = *state;
	struct script_server plain;
	script_start(&plain, speak_plainly, NULL);
	char url[96];
	snprintf(url, sizeof url, "https://127.0.0.1:%u/", plain.port);
	struct fetch f = {0};
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
	assert_int_equal(f.result.err, PL_ENET);
	assert_non_null(strstr(f.result.reason, "does not speak TLS"));
	script_stop(&plain);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/", w->tls.port); /* and the other way round */
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
	assert_int_not_equal(f.result.err, PL_OK);
	assert_string_not_equal(f.result.reason, "");
	pl_buf_finish(&f.body);
}

static void python_serves_a_file(void **state)
{
	struct world *w = *state;
	struct child python = {0};
	child_start(&python, " port ", w->dir,
		    (const char *[]){"/usr/bin/python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0", NULL});
	char url[96];
	snprintf(url, sizeof url, "http://127.0.0.1:%u/page", python.port);
	struct fetch f = {0};
	for (int i = 0; i < 3; i++) { /* it answers with HTTP/1.0 and closes */
		fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
		assert_string_equal(f.result.reason, "");
		assert_int_equal(f.result.status, 200);
		assert_string_equal(f.content_type, "application/octet-stream");
		assert_string_equal(pl_buf_cstr(&f.body), "a 1\n");
		assert_false(f.result.reused);
	}
	snprintf(url, sizeof url, "http://127.0.0.1:%u/nothing-here", python.port);
	fetch(&w->fetcher, &f, &(struct pl_transfer_request){.url = url});
	assert_int_equal(f.result.err, PL_OK);
	assert_int_equal(f.result.status, 404);
	pl_buf_finish(&f.body);
	child_stop(&python);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_trusted_server_answers),
	    cmocka_unit_test(what_is_wrong_with_tls_is_told),
	    cmocka_unit_test(a_server_without_tls_is_told_apart),
	    cmocka_unit_test(python_serves_a_file),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
