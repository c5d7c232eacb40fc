/* Heap memory for small, bounded objects.
 *
 * These never return NULL: when the system has no memory left they print one line to stderr and abort.
 * Every size that comes from outside is bounded before it gets here, so a failure means that the machine
 * itself is out of memory, and a supervisor's restart loses less than a half-working daemon would. */
#ifndef PL_BASE_MEM_H
#define PL_BASE_MEM_H

#include <stddef.h>

void *pl_alloc(size_t n);                   /* uninitialised */
void *pl_calloc(size_t count, size_t size); /* zeroed; aborts on overflow of count * size */
void *pl_realloc(void *p, size_t n);        /* takes p, returns the moved block */
char *pl_strdup(const char *s);             /* a copy of the C string `s` */
char *pl_strndup(const char *s, size_t n);  /* a NUL-terminated copy of exactly n bytes */

/* The object of type T whose member M is at P. */
#define pl_container_of(P, T, M) ((T *)(void *)((char *)(P)-offsetof(T, M)))
#define PL_COUNT_OF(A)           (sizeof(A) / sizeof((A)[0]))

#endif
