#include "pipeline/oauth2_answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "config/json_tree.h"

enum { MAX_EXPIRES = 365 * 24 * 3600, MAX_ERROR = 64 };

/* The error's name, of which RFC 6749 has a few like invalid_client; anything else is not shown. */
static bool is_error_name(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= MAX_ERROR;
}

static struct pl_str text_of(const struct pl_node *root, const char *key)
{
	const struct pl_node *node = pl_node_get(root, key);
	return node != NULL && node->kind == PL_NODE_SCALAR && !node->plain ? node->text : (struct pl_str){NULL, 0};
}

/* A number, or one in quotes as some servers have it. What is no whole number counts as not said. */
static int64_t expires_of(const struct pl_node *root)
{
	const struct pl_node *node = pl_node_get(root, "expires_in");
	int64_t s = 0;
	if (node == NULL || node->kind != PL_NODE_SCALAR)
		return 0;
	struct pl_str rest = node->text, whole = pl_str_cut(&rest, '.');
	if (!pl_str_i64(whole, &s) || s <= 0)
		return 0;
	return s < MAX_EXPIRES ? s : MAX_EXPIRES;
}

/* RFC 6750, 2.1, and what else is visible: it goes into a header. */
static bool is_token(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127)
			return false;
	return s.n > 0;
}

static enum pl_err read_token(const struct pl_node *root, struct pl_oauth2_answer *out, char *reason, size_t reason_size)
{
	struct pl_str token = text_of(root, "access_token"), type = text_of(root, "token_type");
	if (!is_token(token)) {
		snprintf(reason, reason_size, "the token endpoint's answer has no usable access_token");
		return PL_EPARSE;
	}
	if (type.p != NULL && type.n > 0 && (type.n != 6 || strncasecmp(type.p, "bearer", 6) != 0)) {
		snprintf(reason, reason_size, "the token endpoint gave a token of a type other than Bearer");
		return PL_EUNSUPPORTED;
	}
	pl_buf_add_str(&out->token, token);
	out->expires_in = expires_of(root);
	return PL_OK;
}

static enum pl_err tell_status(long status, const struct pl_node *root, char *reason, size_t reason_size)
{
	struct pl_str name = text_of(root, "error");
	if (is_error_name(name))
		snprintf(reason, reason_size, "the token endpoint answered HTTP status %ld: %.*s", status, (int)name.n, name.p);
	else
		snprintf(reason, reason_size, "the token endpoint answered HTTP status %ld", status);
	return status == 400 || status == 401 ? PL_EACCES : PL_ENET;
}

enum pl_err pl_oauth2_answer_read(long status, struct pl_str body, struct pl_oauth2_answer *out, char *reason, size_t reason_size)
{
	const struct pl_node_limits limits = {.max_bytes = PL_OAUTH2_MAX_ANSWER, .max_nodes = 1000, .max_depth = 16};
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root = NULL;
	*out = (struct pl_oauth2_answer){0};
	enum pl_err err = pl_json_tree_parse(&arena, "answer", body, limits, &problems, &root);
	bool object = err == PL_OK && root != NULL && root->kind == PL_NODE_MAPPING;
	if (status < 200 || status > 299) {
		err = tell_status(status, object ? root : NULL, reason, reason_size);
	} else if (!object) {
		snprintf(reason, reason_size, "the token endpoint's answer is no JSON object");
		err = PL_EPARSE;
	} else {
		err = read_token(root, out, reason, reason_size);
	}
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return err;
}
