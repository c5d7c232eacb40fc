#include "api/private.h"

static void add_row(struct pl_buf *b, const struct pl_route_row *r)
{
	pl_buf_addf(b, "<tr><td><a href=\"%s\">%s</a></td><td>%s</td></tr>\n", r->path + 1, r->path, r->title);
}

void pl_api_home(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)a;
	(void)part;
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Pulseline</title>\n"
			    "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:44em;padding:0 1em}"
			    "td{padding:.2em 1em .2em 0;vertical-align:top}</style>\n</head>\n<body>\n<h1>Pulseline</h1>\n"
			    "<p>Version " PL_VERSION ". What there is to see:</p>\n<table>\n");
	for (const struct pl_route_row *r = pl_routes; r->path != NULL; r++)
		if (r->title != NULL)
			add_row(&b, r);
	pl_buf_add_cstr(
	    &b, "<tr><td>/latest/<i>stat</i></td><td>the latest value of a stat; other parameters filter by tag: "
		"<code>/latest/cpu?host=web1&amp;verb=max</code></td></tr>\n"
		"<tr><td>/hourly/<i>stat</i></td><td>what <code>verb</code> makes of each hour from <code>start=1d</code> ago on"
		"</td></tr>\n<tr><td>/daily/<i>stat</i></td><td>the usual day of the last <code>7d</code>, by quarters of an hour"
		"</td></tr>\n<tr><td>/daily_peaks/<i>stat</i></td><td>the same, but the highest of all "
		"days</td></tr>\n</table>\n</body>\n</html>\n");
	pl_http_set_header(x, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
	pl_http_set_header(x, "X-Content-Type-Options", "nosniff");
	pl_http_reply(x, 200, "text/html; charset=utf-8", &b);
}
