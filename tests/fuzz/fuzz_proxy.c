/* A proxy's URL, behind a newline the list of no_proxy, behind another one a host. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/scalar.h"
#include "net/no_proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str rest = {(const char *)data, size};
	char *copy = pl_strndup((const char *)data, size); /* ends where the input does, for the sanitizer */
	rest.p = copy;
	struct pl_str url = pl_str_cut(&rest, '\n'), list = pl_str_cut(&rest, '\n');
	const char *flaw = pl_proxy_flaw(url);
	struct pl_str secret = pl_proxy_credentials(url);
	if (flaw == NULL && secret.n > 0 &&
	    (secret.p <= url.p || secret.p + secret.n >= url.p + url.n || secret.p[secret.n] != '@'))
		abort();
	/* nothing of user and password is left outside of what is hidden */
	if (flaw == NULL && memchr(secret.p + secret.n, '@', (size_t)(url.p + url.n - secret.p) - secret.n) != NULL &&
	    secret.p[secret.n] != '@')
		abort();
	char *names = pl_strndup(list.p != NULL ? list.p : "", list.n), *host = pl_strndup(rest.p != NULL ? rest.p : "", rest.n);
	bool direct = pl_no_proxy(names, host, 80);
	if (names[0] == '\0' && direct)
		abort();
	free(names);
	free(host);
	free(copy);
	return 0;
}
