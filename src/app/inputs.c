#include "app/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/json_out.h"

static void tell_json(const char *file, const char *why)
{
	struct pl_buf out = {0}, error = {0};
	struct pl_json j = {.out = &out};
	pl_buf_addf(&error, "cannot open: %s", why);
	pl_json_object_begin(&j);
	pl_json_key(&j, "file");
	pl_json_cstr(&j, file);
	pl_json_key(&j, "line");
	pl_json_u64(&j, 0);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, false);
	pl_json_key(&j, "reason");
	pl_json_str(&j, pl_buf_str(&error));
	pl_json_object_end(&j);
	pl_buf_add_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
	pl_buf_finish(&error);
	pl_buf_finish(&out);
}

static bool with_file(const char *file, pl_input_fn fn, void *data, bool json)
{
	if (strcmp(file, "-") == 0)
		return fn(data, STDIN_FILENO, NULL);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (json)
			tell_json(file, strerror(errno));
		else
			fprintf(stderr, "pulseline: %s: cannot open: %s\n", file, strerror(errno));
		return false;
	}
	bool good = fn(data, fd, file);
	close(fd);
	return good;
}

void pl_inputs_hint(void)
{
	if (isatty(STDIN_FILENO))
		fputs("pulseline: reading from the terminal; Ctrl-D at the beginning of a line ends it\n", stderr);
}

enum pl_err pl_inputs_whole(size_t most, struct pl_buf *out, char *reason, size_t size)
{
	pl_inputs_hint();
	for (;;) {
		char *piece = pl_buf_reserve(out, 64 << 10);
		ssize_t n = read(STDIN_FILENO, piece, 64 << 10);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return PL_OK;
		if (n < 0) {
			snprintf(reason, size, "cannot be read: %s", strerror(errno));
			return PL_EIO;
		}
		out->n += (size_t)n;
		if (out->n > most) {
			snprintf(reason, size, "has more than %zu bytes", most);
			return PL_ELIMIT;
		}
	}
}

bool pl_inputs_each(char *const *files, int n, pl_input_fn fn, void *data, bool json)
{
	bool good = true;
	if (n == 0) {
		pl_inputs_hint();
		return fn(data, STDIN_FILENO, NULL);
	}
	for (int i = 0; i < n; i++)
		good = with_file(files[i], fn, data, json) && good;
	return good;
}

enum pl_err pl_inputs_read(int fd, const char *file, enum pl_err (*fn)(void *data, const char *p, size_t n), void *data)
{
	char piece[64 << 10];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "pulseline: %s: cannot read: %s\n", file != NULL ? file : "standard input",
				strerror(errno));
			return PL_EIO;
		}
		if (n == 0)
			return PL_OK;
		enum pl_err err = fn(data, piece, (size_t)n);
		if (err != PL_OK)
			return err;
	}
}
