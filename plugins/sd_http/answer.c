#include "sd_http/answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/target_file.h"

enum { SHOWN = 80 };

void pl_sd_http_answer_begin(struct pl_sd_http_answer *a)
{
	pl_buf_clear(&a->body);
	a->etag[0] = a->error[0] = '\0';
	a->status = 0;
	a->unchanged = false;
}

static bool is(struct pl_str s, const char *text)
{
	return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

bool pl_sd_http_type_valid(struct pl_str content_type)
{
	struct pl_str rest = content_type, type = pl_str_trim(pl_str_cut(&rest, ';'));
	if (content_type.n == 0 || !is(type, "application/json"))
		return false;
	if (rest.p == NULL)
		return true;
	rest = pl_str_trim(rest);
	return is(rest, "charset=utf-8") || is(rest, "charset=\"utf-8\"");
}

static void show(struct pl_str s, char out[SHOWN + 1])
{
	size_t n = s.n < SHOWN ? s.n : SHOWN;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(s.p[i] >= ' ' && s.p[i] < 127 ? s.p[i] : '?');
	out[n] = '\0';
}

enum pl_err pl_sd_http_answer_head(struct pl_sd_http_answer *a, const struct pl_transfer_head *head, bool asked)
{
	char type[SHOWN + 1];
	a->status = head->status;
	if (head->status == 304 && asked) {
		a->unchanged = true;
		return PL_OK;
	}
	if (head->status != 200) {
		snprintf(a->error, sizeof a->error, "the server answered HTTP status %ld", head->status);
		return PL_ENET;
	}
	if (!pl_sd_http_type_valid(head->content_type)) {
		show(head->content_type, type);
		snprintf(a->error, sizeof a->error, "the answer's content type is \"%s\"; it must be application/json", type);
		return PL_EUNSUPPORTED;
	}
	if (head->etag.n <= PL_SD_HTTP_MAX_ETAG && head->etag.n > 0) {
		memcpy(a->etag, head->etag.p, head->etag.n);
		a->etag[head->etag.n] = '\0';
	}
	return PL_OK;
}

enum pl_err pl_sd_http_answer_groups(const struct pl_sd_http_answer *a, const char *url, struct pl_arena *arena,
				     struct pl_target_group **groups, size_t *n, struct pl_buf *reason)
{
	struct pl_problems problems = {0};
	struct pl_target_file file;
	enum pl_err err = pl_target_answer_parse(arena, url, pl_buf_str(&a->body), &problems, &file);
	if (err == PL_OK) {
		*n = file.n;
		*groups = pl_arena_alloc(arena, (file.n + 1) * sizeof **groups);
		for (size_t i = 0; i < file.n; i++)
			(*groups)[i] =
			    (struct pl_target_group){file.groups[i].targets, file.groups[i].n_targets, file.groups[i].labels};
	} else {
		struct pl_problem first = *problems.first;
		first.next = NULL;
		pl_problems_print(&(struct pl_problems){.first = &first, .n = 1}, reason);
		reason->n--; /* its newline */
		if (problems.n > 1)
			pl_buf_addf(reason, " (and %zu more)", problems.n - 1);
	}
	pl_problems_finish(&problems);
	return err;
}
