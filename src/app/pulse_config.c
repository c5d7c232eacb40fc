#include "app/pulse_config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* The names that pulse stores by. */
#define DATABASE "statistics"
#define POLICY   "one_day"

struct writer {
	const struct pl_pulse_settings *s;
	struct pl_buf *out;
	struct pl_pulse_lines *lines;
	struct pl_problems *problems;
};

void pl_pulse_lines_finish(struct pl_pulse_lines *lines)
{
	free(lines->v);
	*lines = (struct pl_pulse_lines){0};
}

static void end_line(struct writer *w, enum pl_pulse_id id)
{
	struct pl_pulse_lines *l = w->lines;
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->v = pl_realloc(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = id;
	pl_buf_add_char(w->out, '\n');
}

static void line(struct writer *w, const char *text)
{
	pl_buf_add_cstr(w->out, text);
	end_line(w, PL_PULSE_FLAGS);
}

/* The character that a well-formed sequence of n bytes (2 to 4) stands for. */
static unsigned long code_point(const char *p, size_t n)
{
	unsigned long c = (unsigned char)p[0] & (0xFFU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)p[i] & 0x3F);
	return c;
}

/* A double-quoted scalar of YAML of UTF-8; dollars are doubled, for pulse expands no variables. */
static void add_quoted(struct pl_buf *out, struct pl_str s)
{
	pl_buf_add_char(out, '"');
	for (size_t i = 0, n; i < s.n; i += n) {
		unsigned char c = (unsigned char)s.p[i];
		n = pl_utf8_length(s.p + i, s.n - i);
		if (n > 1)
			pl_buf_addf(out, "\\U%08lX", code_point(s.p + i, n));
		else if (c == '"' || c == '\\')
			pl_buf_addf(out, "\\%c", c);
		else if (c == '$')
			pl_buf_add_cstr(out, "$$");
		else if (c < ' ' || c >= 0x7F)
			pl_buf_addf(out, "\\x%02X", c);
		else
			pl_buf_add_char(out, (char)c);
		n = n > 0 ? n : 1;
	}
	pl_buf_add_char(out, '"');
}

static void wipe(struct pl_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->n);
	pl_buf_finish(b);
}

/* `key` holds its indentation. */
static void text(struct writer *w, const char *key, enum pl_pulse_id id, struct pl_str value)
{
	pl_buf_addf(w->out, "%s: ", key);
	add_quoted(w->out, value);
	end_line(w, id);
}

static void number(struct writer *w, const char *key, enum pl_pulse_id id, const char *unit)
{
	pl_buf_addf(w->out, "%s: %lld%s", key, (long long)w->s->of[id].number, unit);
	end_line(w, id);
}

static struct pl_str text_of(const struct writer *w, enum pl_pulse_id id)
{
	return pl_str_of(w->s->of[id].text);
}

static void write_http(struct writer *w)
{
	line(w, "server:");
	line(w, "  http:");
	text(w, "    listen", PL_PULSE_HTTP_LISTEN, text_of(w, PL_PULSE_HTTP_LISTEN));
	text(w, "    token", PL_PULSE_TOKEN, text_of(w, PL_PULSE_TOKEN));
	text(w, "    cors_allow", PL_PULSE_CORS, text_of(w, PL_PULSE_CORS));
	if (w->s->of[PL_PULSE_INSECURE].yes)
		return;
	if (w->s->of[PL_PULSE_CERT_FILE].text[0] == '\0') {
		pl_buf_add_cstr(w->out, "    self_signed: true");
		end_line(w, PL_PULSE_INSECURE);
		return;
	}
	text(w, "    cert_file", PL_PULSE_CERT_FILE, text_of(w, PL_PULSE_CERT_FILE));
	text(w, "    key_file", PL_PULSE_KEY_FILE, text_of(w, PL_PULSE_KEY_FILE));
}

static void write_relay(struct writer *w)
{
	line(w, "  relay:");
	text(w, "    listen", PL_PULSE_SERVER_LISTEN, text_of(w, PL_PULSE_SERVER_LISTEN));
	number(w, "    poll_interval", PL_PULSE_POLL, "s");
	number(w, "    beat_interval", PL_PULSE_BEAT, "s");
	if (w->s->of[PL_PULSE_INSECURE_RELAYS].yes) {
		pl_buf_add_cstr(w->out, "    allow_insecure: true");
		end_line(w, PL_PULSE_INSECURE_RELAYS);
	}
	line(w, "    influx:");
	line(w, "      database: " DATABASE);
	line(w, "      retention_policy: " POLICY);
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* %XX -> byte. False: a % without its digits, or what comes out is no text. */
static bool decode(struct pl_str in, struct pl_buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int high = in.p[i] == '%' && i + 2 < in.n ? hex(in.p[i + 1]) : 0;
		int low = in.p[i] == '%' && i + 2 < in.n ? hex(in.p[i + 2]) : 0;
		if (in.p[i] != '%') {
			pl_buf_add_char(out, in.p[i]);
			continue;
		}
		if (i + 2 >= in.n || high < 0 || low < 0 || high * 16 + low == 0)
			return false;
		pl_buf_add_char(out, (char)(high * 16 + low));
		i += 2;
	}
	return pl_str_utf8(pl_buf_str(out));
}

/* A URL, and the user and password that stood in it. Borrows of `bare`, which the caller frees. */
static void split_url(struct pl_str *url, struct pl_buf *bare, struct pl_str *credentials)
{
	const char *slashes = memmem(url->p, url->n, "://", 3);
	size_t start = slashes != NULL ? (size_t)(slashes - url->p) + 3 : 0;
	size_t end = start + strcspn(url->p + start, "/?#");
	const char *at = memrchr(url->p + start, '@', end - start);
	*credentials = (struct pl_str){NULL, 0};
	if (at == NULL)
		return;
	*credentials = (struct pl_str){url->p + start, (size_t)(at - url->p) - start};
	pl_buf_add(bare, url->p, start);
	start = (size_t)(at - url->p) + 1;
	pl_buf_add(bare, url->p + start, url->n - start);
	*url = pl_buf_str(bare);
}

/* Into keys of their own, `user_key` and `password_key`. */
static void write_credentials(struct writer *w, enum pl_pulse_id id, const char *user_key, const char *password_key,
			      struct pl_str credentials)
{
	struct pl_buf user = {0}, password = {0};
	struct pl_str rest = credentials, name = pl_str_cut(&rest, ':');
	bool fine = decode(name, &user) && decode(rest, &password);
	if (fine && user.n > 0)
		text(w, user_key, id, pl_buf_str(&user));
	if (fine && password.n > 0)
		text(w, password_key, id, pl_buf_str(&password));
	if (!fine) {
		char path[40];
		pl_problems_add(w->problems, pl_pulse_setting_mark(w->s, id), pl_pulse_setting_path(w->s, id, path),
				"user or password are not percent-encoded as they should be");
	}
	pl_buf_finish(&user);
	wipe(&password);
}

static void write_influx(struct writer *w)
{
	struct pl_str url = text_of(w, PL_PULSE_INFLUX), credentials;
	struct pl_buf bare = {0};
	split_url(&url, &bare, &credentials);
	line(w, "  - influxdb:");
	text(w, "      url", PL_PULSE_INFLUX, url);
	if (credentials.n > 0)
		write_credentials(w, PL_PULSE_INFLUX, "      username", "      password", credentials);
	line(w, "      database: " DATABASE);
	line(w, "      provision:");
	line(w, "        pulse_aggregates: true");
	number(w, "        aggregate_interval", PL_PULSE_AGGREGATE, "m");
	number(w, "        aggregate_retention", PL_PULSE_RETENTION, "w");
	pl_buf_finish(&bare);
}

/* pulse's alerts last, for Kapacitor keeps them; ours are kept here: where the service manager says, or where a service of the
 * system or of a user keeps its own. */
static void write_state(struct writer *w)
{
	struct pl_buf dir = {0};
	const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (given != NULL && given[0] == '/')
		pl_buf_add_cstr(&dir, given);
	else if (access("/var/lib", W_OK) == 0)
		pl_buf_add_cstr(&dir, "/var/lib/pulseline");
	else if (state != NULL && state[0] == '/')
		pl_buf_addf(&dir, "%s/pulseline", state);
	else if (home != NULL && home[0] == '/')
		pl_buf_addf(&dir, "%s/.local/state/pulseline", home);
	if (dir.n > 0) {
		line(w, "state:");
		text(w, "  dir", PL_PULSE_KAPACITOR, pl_buf_str(&dir));
	} else {
		pl_problems_warn(w->problems, (struct pl_mark){0}, "kapacitor-address",
				 "alerts last as long as the daemon: set STATE_DIRECTORY to a folder of its own");
	}
	pl_buf_finish(&dir);
}

/* Where pulse's alerts look, and by its layout: a field is called as its measurement. */
static void write_kapacitor(struct writer *w)
{
	struct pl_str url = text_of(w, PL_PULSE_KAPACITOR), credentials;
	struct pl_buf bare = {0};
	if (url.n == 0)
		return;
	split_url(&url, &bare, &credentials);
	line(w, "kapacitor:");
	text(w, "  url", PL_PULSE_KAPACITOR, url);
	if (credentials.n > 0) {
		pl_buf_add_cstr(w->out, "  basic_auth:");
		end_line(w, PL_PULSE_KAPACITOR);
		write_credentials(w, PL_PULSE_KAPACITOR, "    username", "    password", credentials);
	}
	line(w, "  database: " DATABASE);
	line(w, "  retention_policy: " POLICY);
	write_state(w);
	pl_buf_finish(&bare);
}

static void write_live(struct writer *w)
{
	struct pl_str url = text_of(w, PL_PULSE_MIST), password = text_of(w, PL_PULSE_MIST_TOKEN);
	if (url.n == 0)
		return;
	line(w, "  - redis:");
	text(w, "      url", PL_PULSE_MIST, url);
	if (password.n > 0)
		text(w, "      password", PL_PULSE_MIST_TOKEN, password);
}

void pl_pulse_config_write(const struct pl_pulse_settings *s, struct pl_buf *out, struct pl_pulse_lines *lines,
			   struct pl_problems *problems)
{
	struct writer w = {s, out, lines, problems};
	write_http(&w);
	write_relay(&w);
	line(&w, "log:");
	text(&w, "  level", PL_PULSE_LOG_LEVEL, text_of(&w, PL_PULSE_LOG_LEVEL));
	line(&w, "outputs:");
	write_influx(&w);
	write_live(&w);
	write_kapacitor(&w);
}

/* Is something wrong here that was told already? */
static bool told(const struct pl_problems *problems, struct pl_mark mark, const char *path)
{
	for (const struct pl_problem *p = problems->first; p != NULL; p = p->next)
		if (!p->warning && p->mark.line == mark.line && p->mark.column == mark.column && strcmp(p->path, path) == 0)
			return true;
	return false;
}

/* What was found wrong in the text, told by where it came from. */
static void translate(const struct pl_pulse_settings *s, const struct pl_pulse_lines *lines, const struct pl_problems *found,
		      struct pl_problems *problems)
{
	char path[40];
	for (const struct pl_problem *p = found->first; p != NULL; p = p->next) {
		struct pl_mark mark = {s->file[0] != '\0' ? s->file : "command line", 0, 0};
		const char *at = p->path;
		if (p->mark.line > 0 && p->mark.line <= lines->n && lines->v[p->mark.line - 1] != PL_PULSE_FLAGS) {
			enum pl_pulse_id id = lines->v[p->mark.line - 1];
			mark = pl_pulse_setting_mark(s, id);
			at = pl_pulse_setting_path(s, id, path);
		}
		if (p->warning)
			pl_problems_warn(problems, mark, at, "%s", p->text);
		else if (!told(problems, mark, at))
			pl_problems_add(problems, mark, at, "%s", p->text);
	}
	if (found->n > 0 && problems->n == 0) /* never silent, whatever the bounds left out */
		pl_problems_add(problems, (struct pl_mark){s->file, 0, 0}, "", "cannot be used");
}

enum pl_err pl_pulse_config_build(const struct pl_pulse_settings *s, const struct pl_config_plugins *plugins,
				  struct pl_problems *problems, struct pl_config **out)
{
	struct pl_buf yaml = {0};
	struct pl_pulse_lines lines = {0};
	struct pl_problems found = {0};
	const char *name = s->file[0] != '\0' ? s->file : "command line";
	*out = NULL;
	pl_pulse_config_write(s, &yaml, &lines, problems);
	enum pl_err err = pl_config_parse(name, pl_buf_str(&yaml), plugins, &found, out);
	translate(s, &lines, &found, problems);
	if (problems->n > 0 && *out != NULL) {
		pl_config_release(*out);
		*out = NULL;
	}
	if (problems->n > 0 && err == PL_OK)
		err = PL_EPARSE;
	wipe(&yaml);
	pl_pulse_lines_finish(&lines);
	pl_problems_finish(&found);
	return err;
}
