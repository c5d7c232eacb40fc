/* The OpenAPI document and the table of routes say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "api/openapi.h"
#include "api/routes.h"
#include "base/buf.h"

static int set_up(void **state)
{
	*state = cJSON_ParseWithLength((const char *)pl_openapi_json, pl_openapi_json_size);
	assert_non_null(*state);
	return 0;
}

static int tear_down(void **state)
{
	cJSON_Delete(*state);
	return 0;
}

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void path_of(const struct pl_route_row *r, struct pl_buf *out)
{
	pl_buf_clear(out);
	pl_buf_add_cstr(out, r->path);
	if (r->match == PL_ROUTE_PART)
		pl_buf_add_cstr(out, "{}");
}

/* The operations of a path, whatever it calls its segment. */
static const cJSON *described(const cJSON *paths, const char *path)
{
	const cJSON *p;
	cJSON_ArrayForEach(p, paths)
	{
		const char *a = p->string, *b = path;
		while (*a != '\0' && *a == *b) {
			if (*a == '{')
				a = strchr(a, '}') - 1;
			a++;
			b++;
		}
		if (*a == *b)
			return p;
	}
	return NULL;
}

static void add_lower(struct pl_buf *out, const char *s)
{
	pl_buf_clear(out);
	for (; *s != '\0'; s++)
		pl_buf_add_char(out, (char)(*s >= 'A' && *s <= 'Z' ? *s + 'a' - 'A' : *s));
}

static void every_route_is_described(void **state)
{
	struct pl_buf path = {0}, method = {0};
	for (const struct pl_route_row *r = pl_routes; r->path != NULL; r++) {
		path_of(r, &path);
		add_lower(&method, r->method);
		const cJSON *operation = member(described(member(*state, "paths"), pl_buf_cstr(&path)), pl_buf_cstr(&method));
		if (operation == NULL)
			fail_msg("src/api/openapi/paths.json does not describe %s %s", r->method, path.p);
		bool open =
		    cJSON_IsArray(member(operation, "security")) && cJSON_GetArraySize(member(operation, "security")) == 0;
		if (open != ((r->flags & PL_ROUTE_OPEN) != 0))
			fail_msg("%s %s: the document is wrong about the token", r->method, path.p);
		if (open == (member(member(operation, "responses"), "401") != NULL))
			fail_msg("%s %s: a 401 belongs to those that need a token", r->method, path.p);
	}
	pl_buf_finish(&path);
	pl_buf_finish(&method);
}

static bool is_route(const cJSON *paths, const cJSON *path, const char *method)
{
	struct pl_buf p = {0}, m = {0};
	bool found = false;
	for (const struct pl_route_row *r = pl_routes; r->path != NULL && !found; r++) {
		path_of(r, &p);
		add_lower(&m, r->method);
		found = described(paths, pl_buf_cstr(&p)) == path && strcmp(pl_buf_cstr(&m), method) == 0;
	}
	pl_buf_finish(&p);
	pl_buf_finish(&m);
	return found;
}

static void nothing_else_is_described(void **state)
{
	const cJSON *path, *operation;
	size_t n = 0;
	cJSON_ArrayForEach(path, member(*state, "paths"))
	{
		cJSON_ArrayForEach(operation, path)
		{
			if (!is_route(member(*state, "paths"), path, operation->string))
				fail_msg("there is no route %s %s", operation->string, path->string);
			n++;
		}
	}
	assert_true(n > 15);
}

static void check_references(const cJSON *root, const cJSON *node)
{
	for (const cJSON *child = node->child; child != NULL; child = child->next) {
		if (child->string != NULL && strcmp(child->string, "$ref") == 0) {
			char kind[32], name[64];
			assert_int_equal(sscanf(child->valuestring, "#/components/%31[a-zA-Z]/%63s", kind, name), 2);
			if (member(member(member(root, "components"), kind), name) == NULL)
				fail_msg("%s leads nowhere", child->valuestring);
		}
		check_references(root, child);
	}
}

static void references_lead_somewhere(void **state)
{
	check_references(*state, *state);
	assert_string_equal(member(member(*state, "info"), "version")->valuestring, PL_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_route_is_described, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_else_is_described, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(references_lead_somewhere, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("api_openapi", tests, NULL, NULL);
}
