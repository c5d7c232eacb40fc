#include "app/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool with_file(const char *file, pl_input_fn fn, void *data)
{
	if (strcmp(file, "-") == 0)
		return fn(data, STDIN_FILENO, NULL);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "pulseline: %s: cannot open: %s\n", file, strerror(errno));
		return false;
	}
	bool good = fn(data, fd, file);
	close(fd);
	return good;
}

bool pl_inputs_each(char *const *files, int n, pl_input_fn fn, void *data)
{
	bool good = true;
	if (n == 0)
		return fn(data, STDIN_FILENO, NULL);
	for (int i = 0; i < n; i++)
		good = with_file(files[i], fn, data) && good;
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
