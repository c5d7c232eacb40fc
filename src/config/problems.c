#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "format/json_out.h"

enum { MAX_TEXT = 1024, MOST = 2 * PL_PROBLEMS_KEPT };

void pl_problems_finish(struct pl_problems *p)
{
	pl_arena_finish(&p->arena);
	*p = (struct pl_problems){0};
}

/* `s` without a multi-byte character that was cut in the middle of its bytes. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t start = n;
	while (start > 0 && n - start < 4 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0 || ((unsigned char)s[start - 1] & 0x80) == 0)
		return n;
	return start - 1;
}

static const char *keep(struct pl_arena *arena, const char *s, const char *before)
{
	if (before != NULL && strcmp(before, s) == 0)
		return before;
	return pl_arena_strdup(arena, s);
}

static void __attribute__((format(printf, 4, 0)))
add(struct pl_problems *p, struct pl_mark mark, const char *path, const char *format, va_list args, bool warning)
{
	char text[MAX_TEXT + 1];
	int n = vsnprintf(text, sizeof text, format, args);
	if (n > MAX_TEXT) {
		size_t cut = whole_characters(text, MAX_TEXT - 3);
		memcpy(text + cut, "...", 4);
	}
	struct pl_problem *problem = pl_arena_alloc(&p->arena, sizeof *problem);
	problem->mark = mark;
	problem->mark.file = keep(&p->arena, mark.file != NULL ? mark.file : "", p->last != NULL ? p->last->mark.file : NULL);
	problem->path = keep(&p->arena, path, p->last != NULL ? p->last->path : NULL);
	problem->text = pl_arena_strdup(&p->arena, n >= 0 ? text : format);
	problem->warning = warning;
	if (p->last != NULL)
		p->last->next = problem;
	else
		p->first = problem;
	p->last = problem;
}

void pl_problems_add(struct pl_problems *p, struct pl_mark mark, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (p->n++ < PL_PROBLEMS_KEPT)
		add(p, mark, path, format, args, false);
	va_end(args);
}

void pl_problems_warn(struct pl_problems *p, struct pl_mark mark, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (p->n_warnings++ < PL_PROBLEMS_KEPT)
		add(p, mark, path, format, args, true);
	va_end(args);
}

static bool stands_before(const struct pl_problem *a, const struct pl_problem *b)
{
	if (strcmp(a->mark.file, b->mark.file) != 0)
		return false;
	return a->mark.line != b->mark.line ? a->mark.line < b->mark.line : a->mark.column < b->mark.column;
}

/* All that were kept, those of one file in the order of their places. Returns how many. */
static size_t sort(const struct pl_problems *p, const struct pl_problem *sorted[MOST])
{
	size_t n = 0;
	for (const struct pl_problem *problem = p->first; problem != NULL; problem = problem->next) {
		size_t at = n++;
		for (; at > 0 && stands_before(problem, sorted[at - 1]); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = problem;
	}
	return n;
}

static void print_one(const struct pl_problem *problem, struct pl_buf *out)
{
	if (problem->mark.file[0] != '\0') {
		pl_buf_add_printable(out, pl_str_of(problem->mark.file));
		if (problem->mark.line > 0)
			pl_buf_addf(out, ":%u:%u", (unsigned)problem->mark.line, (unsigned)problem->mark.column);
		pl_buf_add_cstr(out, ": ");
	}
	if (problem->path[0] != '\0') {
		pl_buf_add_printable(out, pl_str_of(problem->path));
		pl_buf_add_cstr(out, ": ");
	}
	pl_buf_add_cstr(out, problem->warning ? "warning: " : "");
	pl_buf_add_printable(out, pl_str_of(problem->text));
	pl_buf_add_char(out, '\n');
}

void pl_problems_print(const struct pl_problems *p, struct pl_buf *out)
{
	const struct pl_problem *sorted[MOST];
	size_t n = sort(p, sorted), all = p->n + p->n_warnings;
	for (size_t i = 0; i < n; i++)
		print_one(sorted[i], out);
	if (all > n)
		pl_buf_addf(out, "and %zu more\n", all - n);
}

void pl_problems_json(const struct pl_problems *p, struct pl_buf *out)
{
	const struct pl_problem *sorted[MOST];
	size_t n = sort(p, sorted), all = p->n + p->n_warnings;
	for (size_t i = 0; i < n; i++) {
		struct pl_json j = {.out = out};
		pl_json_object_begin(&j);
		pl_json_key(&j, "file");
		pl_json_cstr(&j, sorted[i]->mark.file);
		pl_json_key(&j, "ok");
		pl_json_bool(&j, sorted[i]->warning);
		pl_json_key(&j, "line");
		pl_json_u64(&j, sorted[i]->mark.line);
		pl_json_key(&j, "column");
		pl_json_u64(&j, sorted[i]->mark.column);
		pl_json_key(&j, "path");
		pl_json_cstr(&j, sorted[i]->path);
		pl_json_key(&j, sorted[i]->warning ? "warning" : "error");
		pl_json_cstr(&j, sorted[i]->text);
		if (i + 1 == n && all > n) {
			pl_json_key(&j, "more");
			pl_json_u64(&j, all - n);
		}
		pl_json_object_end(&j);
		pl_buf_add_char(out, '\n');
	}
}
