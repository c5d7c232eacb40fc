/* /api/openapi.json: the document in the folder openapi/, which CMake puts into the program. tests/unit/api_openapi_test.c keeps
 * it and the table of routes together. */
#include "api/openapi.h"

#include "api/private.h"

void pl_api_openapi(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)a;
	(void)part;
	struct pl_buf b = {0};
	pl_buf_add(&b, (const char *)pl_openapi_json, pl_openapi_json_size);
	pl_http_reply(x, 200, "application/json", &b);
}
