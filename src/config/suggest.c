#include "config/suggest.h"

#include <ctype.h>
#include <string.h>

enum { MAX_WORD = 64, MAX_EDITS = 3, MIN_PART = 4 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* The "optimal string alignment" distance: three rows of the table are enough. */
size_t pl_edit_distance(struct pl_str a, struct pl_str b, size_t limit)
{
	size_t rows[3][MAX_WORD + 1];
	if (pl_str_eq(a, b))
		return 0;
	if (a.n > MAX_WORD || b.n > MAX_WORD || (a.n > b.n ? a.n - b.n : b.n - a.n) > limit)
		return limit + 1;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t replace = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			row[j] = min3(above[j] + 1, row[j - 1] + 1, replace);
			bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
			if (swapped && two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	size_t d = rows[a.n % 3][b.n];
	return d <= limit ? d : limit + 1;
}

void pl_suggest_init(struct pl_suggest *s, struct pl_str word)
{
	size_t bears = word.n / 3;
	if (bears == 0 && word.n > 1)
		bears = 1;
	*s = (struct pl_suggest){word, NULL, (bears > MAX_EDITS ? MAX_EDITS : bears) + 1};
}

/* Case and the choice of - or _ cost nothing. */
static struct pl_str folded(struct pl_str s, char out[MAX_WORD])
{
	for (size_t i = 0; i < s.n && i < MAX_WORD; i++)
		out[i] = s.p[i] == '-' ? '_' : (char)tolower((unsigned char)s.p[i]);
	return (struct pl_str){out, s.n};
}

void pl_suggest_offer(struct pl_suggest *s, const char *name)
{
	char a[MAX_WORD], b[MAX_WORD];
	struct pl_str candidate = pl_str_of(name);
	if (s->distance == 0 || s->word.n > MAX_WORD || candidate.n > MAX_WORD)
		return;
	struct pl_str word = folded(s->word, a), other = folded(candidate, b);
	size_t d = pl_edit_distance(word, other, s->distance - 1);
	if (word.n >= MIN_PART && s->best == NULL && d >= s->distance && memmem(other.p, other.n, word.p, word.n) != NULL)
		d = s->distance - 1; /* "oldest" for "drop_oldest" */
	if (d < s->distance) {
		s->distance = d;
		s->best = name;
	}
}
