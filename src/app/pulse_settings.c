#include "app/pulse_settings.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/scalar.h"
#include "config/suggest.h"

enum { MOST_SECONDS = 24 * 3600, MOST_MINUTES = 12 * 60, MOST_WEEKS = 5200, LEAST_BEAT = 2 };

struct pl_mark pl_pulse_setting_mark(const struct pl_pulse_settings *s, enum pl_pulse_id id)
{
	switch (s->of[id].source) {
	case PL_PULSE_FILE:
		return s->of[id].mark;
	case PL_PULSE_FLAG:
		return (struct pl_mark){"command line", 0, 0};
	default:
		return (struct pl_mark){s->file[0] != '\0' ? s->file : "command line", 0, 0};
	}
}

const char *pl_pulse_setting_path(const struct pl_pulse_settings *s, enum pl_pulse_id id, char out[40])
{
	bool key = s->of[id].source == PL_PULSE_FILE || (s->of[id].source == PL_PULSE_DEFAULT && s->file[0] != '\0');
	snprintf(out, 40, "%s%s", key ? "" : "--", pl_pulse_flags[id].name);
	return out;
}

static void __attribute__((format(printf, 4, 5)))
complain(struct pl_problems *problems, const struct pl_pulse_settings *s, enum pl_pulse_id id, const char *format, ...)
{
	char text[512], path[40];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pl_problems_add(problems, pl_pulse_setting_mark(s, id), pl_pulse_setting_path(s, id, path), "%s", text);
}

static void __attribute__((format(printf, 4, 5)))
warn(struct pl_problems *problems, const struct pl_pulse_settings *s, enum pl_pulse_id id, const char *format, ...)
{
	char text[512], path[40];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pl_problems_warn(problems, pl_pulse_setting_mark(s, id), pl_pulse_setting_path(s, id, path), "%s", text);
}

/* ---- the file ---- */

/* JSON has numbers like 5.0 and 6e1 for whole ones; everything else is as on the command line. */
static bool whole_number(struct pl_str text, int64_t *out)
{
	char copy[64], *end;
	if (pl_pulse_int(text, out))
		return true;
	if (text.n == 0 || text.n >= sizeof copy || strspn(text.p, "+-.0123456789eE") < text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	double d = strtod(copy, &end);
	if (*end != '\0' || !(d > -1e15 && d < 1e15) || d != (double)(int64_t)d)
		return false;
	*out = (int64_t)d;
	return true;
}

/* What YAML, pulse's own words and numbers mean. */
static bool truth(const struct pl_node *value, bool *out)
{
	static const char *const no[] = {"no", "off", "n"}, *const yes[] = {"yes", "on", "y"};
	int64_t number;
	for (size_t i = 0; i < PL_COUNT_OF(no) && value->plain; i++) {
		if (value->text.n == strlen(no[i]) && strncasecmp(value->text.p, no[i], value->text.n) == 0) {
			*out = false;
			return true;
		}
		if (value->text.n == strlen(yes[i]) && strncasecmp(value->text.p, yes[i], value->text.n) == 0) {
			*out = true;
			return true;
		}
	}
	if (pl_pulse_bool(value->text, out))
		return true;
	if (!value->plain || !whole_number(value->text, &number))
		return false;
	*out = number != 0;
	return true;
}

static void take_value(struct pl_pulse_settings *s, enum pl_pulse_id id, const struct pl_node *value,
		       struct pl_problems *problems)
{
	struct pl_pulse_setting *v = &s->of[id];
	struct pl_pulse_setting fresh = {.source = PL_PULSE_FILE, .mark = value->mark, .text = v->text, .number = v->number};
	fresh.mark.file = s->file;
	const char *expected = NULL;
	if (value->kind != PL_NODE_SCALAR)
		expected = "a single value";
	else if (memchr(value->text.p, '\0', value->text.n) != NULL)
		expected = "a text without NUL";
	else if (pl_pulse_flags[id].type == PL_PULSE_BOOL && !truth(value, &fresh.yes))
		expected = "true or false";
	else if (pl_pulse_flags[id].type == PL_PULSE_INT && !whole_number(value->text, &fresh.number))
		expected = "a whole number (pulse took it for 0)";
	else
		fresh.text = pl_arena_strndup(&s->arena, value->text.p, value->text.n);
	bool settled = v->source == PL_PULSE_FILE; /* the same key in other letters stood before */
	unsigned before = (unsigned)v->mark.line;
	*v = fresh;
	if (settled)
		complain(problems, s, id, "stands twice, in other letters (first on line %u)", before);
	else if (expected != NULL)
		complain(problems, s, id, "expected %s", expected);
}

static void warn_unknown(const struct pl_pulse_settings *s, const struct pl_node *key, struct pl_problems *problems)
{
	char path[65];
	struct pl_suggest near;
	pl_suggest_init(&near, key->text);
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
		if (!pl_pulse_flags[i].not_in_file)
			pl_suggest_offer(&near, pl_pulse_flags[i].name);
	size_t n = key->text.n < sizeof path ? key->text.n : sizeof path - 1;
	memcpy(path, key->text.p, n);
	path[n] = '\0';
	pl_problems_warn(problems, (struct pl_mark){s->file, key->mark.line, key->mark.column}, path,
			 "no key of pulse, which ignores it too%s%s%s", near.best != NULL ? "; did you mean " : "",
			 near.best != NULL ? near.best : "", near.best != NULL ? "?" : "");
}

static void take_file(struct pl_pulse_settings *s, const struct pl_node *document, struct pl_problems *problems)
{
	for (size_t i = 0; i < document->n; i++) {
		enum pl_pulse_id id = pl_pulse_flag_find(document->items[i]->text, true);
		if (id == PL_PULSE_FLAGS || pl_pulse_flags[id].not_in_file)
			warn_unknown(s, document->items[i], problems);
		else if (!pl_node_is_null(document->values[i]))
			take_value(s, id, document->values[i], problems);
	}
}

/* ---- defaults and flags ---- */

static void take_text(struct pl_pulse_setting *v, enum pl_pulse_id id, const char *text, enum pl_pulse_source source)
{
	*v = (struct pl_pulse_setting){.source = source, .text = text};
	bool fine = true;
	if (pl_pulse_flags[id].type == PL_PULSE_BOOL)
		fine = pl_pulse_bool(pl_str_of(text), &v->yes);
	else if (pl_pulse_flags[id].type == PL_PULSE_INT)
		fine = pl_pulse_int(pl_str_of(text), &v->number);
	if (!fine) /* neither the table nor parsed flags hold such a thing */
		abort();
}

/* ---- what they must be ---- */

static void repair(struct pl_pulse_settings *s, enum pl_pulse_id id, int64_t number, struct pl_problems *problems)
{
	warn(problems, s, id, "bad value %lld, resetting to %lld", (long long)s->of[id].number, (long long)number);
	s->of[id].number = number;
}

static void bound(struct pl_pulse_settings *s, enum pl_pulse_id id, int64_t most, const char *unit, struct pl_problems *problems)
{
	int64_t n = s->of[id].number;
	if (n < 1 || n > most)
		complain(problems, s, id, "%lld is out of range: expected 1 to %lld %s", (long long)n, (long long)most, unit);
}

static void check_numbers(struct pl_pulse_settings *s, struct pl_problems *problems)
{
	if (s->of[PL_PULSE_RETENTION].number < 1)
		repair(s, PL_PULSE_RETENTION, 1, problems);
	if (s->of[PL_PULSE_BEAT].number < 1)
		repair(s, PL_PULSE_BEAT, 30, problems);
	else if (s->of[PL_PULSE_BEAT].number < LEAST_BEAT) /* relays of pulse break at a beat of one second */
		repair(s, PL_PULSE_BEAT, LEAST_BEAT, problems);
	if (s->of[PL_PULSE_POLL].number == 0)
		repair(s, PL_PULSE_POLL, 60, problems);
	bound(s, PL_PULSE_RETENTION, MOST_WEEKS, "weeks", problems);
	bound(s, PL_PULSE_BEAT, MOST_SECONDS, "seconds", problems);
	bound(s, PL_PULSE_POLL, MOST_SECONDS, "seconds", problems);
	bound(s, PL_PULSE_AGGREGATE, MOST_MINUTES, "minutes", problems);
}

static void check_log_level(struct pl_pulse_settings *s, struct pl_problems *problems)
{
	struct pl_pulse_setting *v = &s->of[PL_PULSE_LOG_LEVEL];
	static const char *const ours[] = {"debug", "info", "warn", "error"};
	enum pl_log_level level;
	if (strcasecmp(v->text, "trace") == 0) {
		level = PL_LOG_DEBUG;
	} else if (strcasecmp(v->text, "fatal") == 0) {
		level = PL_LOG_ERROR;
	} else if (pl_log_level_parse(pl_str_of(v->text), &level) != PL_OK) {
		warn(problems, s, PL_PULSE_LOG_LEVEL,
		     "\"%.32s\" is none of TRACE, DEBUG, INFO, WARN, ERROR, FATAL; as pulse does, everything is logged", v->text);
		level = PL_LOG_DEBUG;
	}
	v->text = ours[level];
}

/* Names but localhost count as other machines' too: what they stand for may change behind our back. */
static bool is_loopback(const char *listen)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	const char *colon = strrchr(listen, ':');
	struct pl_str h = {listen, colon != NULL ? (size_t)(colon - listen) : strlen(listen)};
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = (struct pl_str){h.p + 1, h.n - 2};
	if (h.n >= sizeof host)
		return false;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

static void check_listeners(const struct pl_pulse_settings *s, struct pl_problems *problems)
{
	const char *http = s->of[PL_PULSE_HTTP_LISTEN].text, *token = s->of[PL_PULSE_TOKEN].text;
	const char *relays = s->of[PL_PULSE_SERVER_LISTEN].text;
	if (token[0] == '\0')
		complain(problems, s, PL_PULSE_TOKEN, "must not be empty: everybody could use the API");
	else if (strcmp(token, "secret") == 0 && !is_loopback(http))
		complain(
		    problems, s, PL_PULSE_TOKEN,
		    "is the default one, \"secret\", which everybody knows, while %.80s is open to other machines; set a token "
		    "of your own",
		    http);
	else if (strcmp(token, "secret") == 0)
		warn(problems, s, PL_PULSE_TOKEN,
		     "is the default one, \"secret\", which everybody knows; set a token of your own");
	if (!is_loopback(relays) && pl_listen_flaw(pl_str_of(relays)) == NULL) {
		if (!s->of[PL_PULSE_INSECURE_RELAYS].yes)
			complain(
			    problems, s, PL_PULSE_SERVER_LISTEN,
			    "%.80s is open to other machines, any of which could speak for any host, for relays of pulse know "
			    "neither tokens nor TLS; say allow-insecure-relays=true if that is meant",
			    relays);
		else
			warn(problems, s, PL_PULSE_SERVER_LISTEN,
			     "%.80s is open to other machines, any of which can speak for any host", relays);
	}
}

static void check_certificate(const struct pl_pulse_settings *s, struct pl_problems *problems)
{
	bool cert = s->of[PL_PULSE_CERT_FILE].text[0] != '\0', key = s->of[PL_PULSE_KEY_FILE].text[0] != '\0';
	enum pl_pulse_id given = cert ? PL_PULSE_CERT_FILE : PL_PULSE_KEY_FILE;
	if (cert != key)
		complain(problems, s, given, "cert-file and key-file go together; %s is missing",
			 cert ? "key-file" : "cert-file");
	if ((cert || key) && s->of[PL_PULSE_INSECURE].yes)
		complain(problems, s, given,
			 "has no effect with insecure=true, pulse's default; say insecure=false (-I=false) for HTTPS");
}

static void check_mist(const struct pl_pulse_settings *s, struct pl_problems *problems)
{
	struct pl_str address = pl_str_of(s->of[PL_PULSE_MIST].text);
	if (address.n == 0) {
		if (s->of[PL_PULSE_MIST_TOKEN].text[0] != '\0')
			warn(problems, s, PL_PULSE_MIST_TOKEN, "has no effect without mist-address");
		return;
	}
	if (!pl_str_starts(address, PL_STR("redis://")) && !pl_str_starts(address, PL_STR("rediss://")))
		complain(problems, s, PL_PULSE_MIST,
			 "expected redis://host:port or rediss://host:port: live values go out by Redis, mist is not spoken; "
			 "subscribers of mist get the same messages by PSUBSCRIBE");
}

/* On the command line a file's name is relative to where the command was given, wherever the configuration lies. */
static void settle_path(struct pl_pulse_settings *s, enum pl_pulse_id id)
{
	struct pl_pulse_setting *v = &s->of[id];
	char *cwd = v->source == PL_PULSE_FLAG && v->text[0] != '/' && v->text[0] != '\0' ? realpath(".", NULL) : NULL;
	if (cwd == NULL)
		return;
	v->text = pl_arena_printf(&s->arena, "%s/%s", cwd, v->text);
	free(cwd);
}

void pl_pulse_settings_init(struct pl_pulse_settings *s, const char *file, const struct pl_node *document,
			    const struct pl_pulse_args *args, struct pl_problems *problems)
{
	*s = (struct pl_pulse_settings){0};
	s->file = pl_arena_strdup(&s->arena, file);
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
		take_text(&s->of[i], (enum pl_pulse_id)i, pl_pulse_flags[i].fallback, PL_PULSE_DEFAULT);
	if (document != NULL)
		take_file(s, document, problems);
	for (size_t i = 0; args != NULL && i < PL_PULSE_FLAGS; i++)
		if (args->values[i] != NULL)
			take_text(&s->of[i], (enum pl_pulse_id)i, args->values[i], PL_PULSE_FLAG);
	settle_path(s, PL_PULSE_CERT_FILE);
	settle_path(s, PL_PULSE_KEY_FILE);
	check_numbers(s, problems);
	check_log_level(s, problems);
	check_listeners(s, problems);
	check_certificate(s, problems);
	check_mist(s, problems);
}

void pl_pulse_settings_finish(struct pl_pulse_settings *s)
{
	pl_arena_finish(&s->arena);
	*s = (struct pl_pulse_settings){0};
}
