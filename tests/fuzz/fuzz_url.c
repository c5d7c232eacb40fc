/* A URL of the configuration, then what a target's URL is made of, each behind a newline: scheme, address, path, a parameter's
 * name and its value. What we let through libcurl must read the same way. */
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/scalar.h"
#include "targets/scrape_url.h"
#include "targets/target_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static char *part_of(const char *url, CURLUPart part, unsigned flags)
{
	char *text = NULL;
	CURLU *parsed = curl_url();
	check(curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK);
	if (curl_url_get(parsed, part, &text, flags) != CURLUE_OK)
		text = NULL;
	curl_url_cleanup(parsed);
	return text;
}

static void check_part(const char *url, CURLUPart part, unsigned flags, const char *expected)
{
	char *text = part_of(url, part, flags);
	check(expected == NULL ? text == NULL : text != NULL && strcmp(text, expected) == 0);
	curl_free(text);
}

static void configured_url(struct pl_str url)
{
	if (pl_url_flaw(url) != NULL)
		return;
	char *text = pl_strndup(url.p, url.n);
	check_part(text, CURLUPART_USER, 0, NULL);
	check_part(text, CURLUPART_FRAGMENT, 0, NULL);
	char *host = part_of(text, CURLUPART_HOST, 0);
	check(host != NULL && host[0] != '\0');
	curl_free(host);
	free(text);
}

static void target_url(bool tls, struct pl_str address, struct pl_str path, struct pl_str name, struct pl_str value)
{
	char reason[PL_REASON_BYTES];
	struct pl_buf settled = {0}, url = {0}, label = {0};
	if (pl_target_address_settle(address, tls ? 443 : 80, &settled, reason) == PL_OK) {
		pl_buf_add_cstr(&label, "__param_");
		pl_buf_add_str(&label, name);
		struct pl_label labels[] = {{.name = pl_buf_str(&label), .value = value}};
		pl_scrape_url_add(&url, tls ? PL_STR("https") : PL_STR("http"), pl_buf_str(&settled), path,
				  &(struct pl_params){0}, (struct pl_labels){.v = labels, .n = 1});
		const char *text = pl_buf_cstr(&url);
		check(strlen(text) == url.n);
		check_part(text, CURLUPART_SCHEME, 0, tls ? "https" : "http");
		check_part(text, CURLUPART_USER, 0, NULL);
		check_part(text, CURLUPART_FRAGMENT, 0, NULL);
		/* the path and the value come out as they went in, so neither can pose as something else */
		char *query = part_of(text, CURLUPART_QUERY, 0);
		check(query != NULL && strchr(query, '&') == NULL);
		int length;
		char *back = curl_easy_unescape(NULL, strchr(query, '=') + 1, 0, &length);
		check((size_t)length == value.n && memcmp(back, value.p, value.n) == 0);
		curl_free(back);
		curl_free(query);
		char *host = part_of(text, CURLUPART_HOST, 0);
		check(host != NULL && host[0] != '\0'); /* not the same text: curl writes 100 as 0.0.0.100 */
		curl_free(host);
	}
	pl_buf_finish(&settled);
	pl_buf_finish(&url);
	pl_buf_finish(&label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = pl_strndup((const char *)data, size); /* ends where the input does, for the sanitizer */
	struct pl_str rest = {copy, size}, part[6];
	for (size_t i = 0; i < 6; i++) {
		part[i] = pl_str_cut(&rest, '\n');
		if (part[i].p == NULL)
			part[i] = PL_STR("");
	}
	if (memchr(part[0].p, '\0', part[0].n) == NULL)
		configured_url(part[0]);
	target_url(pl_str_is(part[1], "s"), part[2], part[3], part[4], part[5]);
	free(copy);
	return 0;
}
