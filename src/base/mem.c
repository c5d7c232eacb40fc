#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p, size_t n)
{
	if (p == NULL) {
		fprintf(stderr, "pulseline: out of memory: %zu bytes refused by the system\n", n);
		abort();
	}
	return p;
}

void *pl_alloc(size_t n)
{
	return must(malloc(n > 0 ? n : 1), n);
}

void *pl_calloc(size_t count, size_t size)
{
	return must(calloc(count > 0 ? count : 1, size > 0 ? size : 1), count * size);
}

void *pl_realloc(void *p, size_t n)
{
	return must(realloc(p, n > 0 ? n : 1), n);
}

char *pl_strndup(const char *s, size_t n)
{
	char *copy = pl_alloc(n + 1);
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *pl_strdup(const char *s)
{
	return pl_strndup(s, strlen(s));
}
