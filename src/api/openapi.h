/* The OpenAPI document of all routes, as it is served. */
#ifndef PL_API_OPENAPI_H
#define PL_API_OPENAPI_H

#include <stddef.h>

extern const unsigned char pl_openapi_json[];
extern const size_t pl_openapi_json_size; /* bytes, without a NUL */

#endif
