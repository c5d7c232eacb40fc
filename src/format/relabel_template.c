#include "format/relabel_template.h"

#include <stdlib.h>

#include "base/mem.h"

enum { MAX_NAME = 64, MAX_NUMBER = 100000000 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

/* The length of the reference at s's beginning, which is a dollar: $name, ${name}. 0: it is none. */
static size_t reference(struct pl_str s, struct pl_str *name)
{
	bool brace = s.n > 1 && s.p[1] == '{';
	size_t begin = brace ? 2 : 1, n = begin;
	while (n < s.n && is_word(s.p[n]))
		n++;
	*name = (struct pl_str){s.p + begin, n - begin};
	if (n == begin || (brace && (n == s.n || s.p[n] != '}')))
		return 0;
	return n + brace;
}

static int group_of(struct pl_str name, const struct pl_regex *regex)
{
	int number = 0;
	for (size_t i = 0; i < name.n && number >= 0; i++)
		number = is_digit(name.p[i]) && number < MAX_NUMBER ? number * 10 + (name.p[i] - '0') : -1;
	if (name.p[0] == '0' && name.n > 1)
		number = -1;
	if (number >= 0)
		return (size_t)number <= pl_regex_groups(regex) ? number : -1;
	char text[MAX_NAME];
	if (name.n >= sizeof text)
		return -1;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return pl_regex_group_named(regex, text);
}

static void add(struct pl_relabel_template *t, struct pl_str text, int group)
{
	if (text.p != NULL && text.n == 0)
		return;
	t->v = pl_realloc(t->v, (t->n + 1) * sizeof *t->v);
	t->v[t->n++] = (struct pl_relabel_piece){text, group};
}

void pl_relabel_template_init(struct pl_relabel_template *t, struct pl_str text, const struct pl_regex *regex)
{
	size_t begin = 0, i = 0;
	while (i < text.n) {
		if (text.p[i] != '$') {
			i++;
			continue;
		}
		struct pl_str rest = {text.p + i, text.n - i}, name;
		if (rest.n > 1 && rest.p[1] == '$') { /* one of the two stays */
			add(t, (struct pl_str){text.p + begin, i + 1 - begin}, -1);
			begin = i += 2;
			continue;
		}
		size_t n = reference(rest, &name);
		if (n == 0) {
			i++;
			continue;
		}
		add(t, (struct pl_str){text.p + begin, i - begin}, -1);
		add(t, (struct pl_str){NULL, 0}, group_of(name, regex));
		begin = i += n;
	}
	add(t, (struct pl_str){text.p + begin, text.n - begin}, -1);
}

void pl_relabel_template_finish(struct pl_relabel_template *t)
{
	free(t->v);
	*t = (struct pl_relabel_template){0};
}

void pl_relabel_template_expand(const struct pl_relabel_template *t, const struct pl_regex *regex,
				const struct pl_regex_scratch *s, struct pl_buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].text.p != NULL)
			pl_buf_add_str(out, t->v[i].text);
		else if (t->v[i].group >= 0)
			pl_buf_add_str(out, pl_regex_group(regex, s, (size_t)t->v[i].group));
	}
}

bool pl_relabel_template_names(struct pl_str text)
{
	if (text.n == 0 || is_digit(text.p[0]))
		return false;
	while (text.n > 0) {
		struct pl_str name;
		size_t n = is_word(text.p[0]) ? 1 : text.p[0] == '$' ? reference(text, &name) : 0;
		if (n == 0)
			return false;
		text = (struct pl_str){text.p + n, text.n - n};
	}
	return true;
}
