#include "app/pulse_flags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "config/suggest.h"

const struct pl_pulse_flag pl_pulse_flags[PL_PULSE_FLAGS] = {
    [PL_PULSE_SERVER] = {"server", 's', PL_PULSE_BOOL, "false", false},
    [PL_PULSE_SERVER_LISTEN] = {"server-listen-address", 'S', PL_PULSE_TEXT, "127.0.0.1:3000", false},
    [PL_PULSE_HTTP_LISTEN] = {"http-listen-address", 'H', PL_PULSE_TEXT, "127.0.0.1:8080", false},
    [PL_PULSE_INFLUX] = {"influx-address", 'i', PL_PULSE_TEXT, "http://127.0.0.1:8086", false},
    [PL_PULSE_KAPACITOR] = {"kapacitor-address", 'k', PL_PULSE_TEXT, "", false},
    [PL_PULSE_MIST] = {"mist-address", 'm', PL_PULSE_TEXT, "", false},
    [PL_PULSE_MIST_TOKEN] = {"mist-token", 'M', PL_PULSE_TEXT, "", false},
    [PL_PULSE_LOG_LEVEL] = {"log-level", 'l', PL_PULSE_TEXT, "info", false},
    [PL_PULSE_CORS] = {"cors-allow", 'C', PL_PULSE_TEXT, "*", false},
    [PL_PULSE_INSECURE] = {"insecure", 'I', PL_PULSE_BOOL, "true", false},
    [PL_PULSE_TOKEN] = {"token", 't', PL_PULSE_TEXT, "secret", false},
    [PL_PULSE_POLL] = {"poll-interval", 'p', PL_PULSE_INT, "60", false},
    [PL_PULSE_AGGREGATE] = {"aggregate-interval", 'a', PL_PULSE_INT, "15", false},
    [PL_PULSE_BEAT] = {"beat-interval", 'b', PL_PULSE_INT, "30", false},
    [PL_PULSE_RETENTION] = {"retention", 'r', PL_PULSE_INT, "1", false},
    [PL_PULSE_INSECURE_RELAYS] = {"allow-insecure-relays", 0, PL_PULSE_BOOL, "false", false},
    [PL_PULSE_CERT_FILE] = {"cert-file", 0, PL_PULSE_TEXT, "", false},
    [PL_PULSE_KEY_FILE] = {"key-file", 0, PL_PULSE_TEXT, "", false},
    [PL_PULSE_CONFIG_FILE] = {"config-file", 'c', PL_PULSE_TEXT, "", true},
    [PL_PULSE_VERSION] = {"version", 'v', PL_PULSE_BOOL, "false", true},
    [PL_PULSE_HELP] = {"help", 'h', PL_PULSE_BOOL, "false", true},
};

bool pl_pulse_bool(struct pl_str text, bool *out)
{
	static const char *const words[] = {"0", "f", "F", "false", "False", "FALSE", "1", "t", "T", "true", "True", "TRUE"};
	for (size_t i = 0; i < PL_COUNT_OF(words); i++) {
		if (pl_str_is(text, words[i])) {
			*out = i >= PL_COUNT_OF(words) / 2;
			return true;
		}
	}
	return false;
}

bool pl_pulse_int(struct pl_str text, int64_t *out)
{
	char digits[32], *end;
	size_t sign = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+') ? 1 : 0;
	if (text.n <= sign || text.n >= sizeof digits || text.p[sign] < '0' || text.p[sign] > '9' ||
	    memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(digits, text.p, text.n);
	digits[text.n] = '\0';
	errno = 0;
	*out = strtoll(digits, &end, 0);
	return errno == 0 && *end == '\0';
}

enum pl_pulse_id pl_pulse_flag_find(struct pl_str name, bool any_case)
{
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++) {
		const char *known = pl_pulse_flags[i].name;
		if (name.n == strlen(known) &&
		    (any_case ? strncasecmp(name.p, known, name.n) : memcmp(name.p, known, name.n)) == 0)
			return (enum pl_pulse_id)i;
	}
	return PL_PULSE_FLAGS;
}

static enum pl_pulse_id find_letter(char letter)
{
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
		if (pl_pulse_flags[i].letter == letter)
			return (enum pl_pulse_id)i;
	return PL_PULSE_FLAGS;
}

/* What is being read, and where to say what is wrong with it. */
struct reader {
	struct pl_pulse_args *out;
	int argc, at; /* at: the argument in hand */
	char **argv;
	char *reason;
	size_t reason_size;
};

static enum pl_err set(struct reader *r, enum pl_pulse_id id, const char *value)
{
	const struct pl_pulse_flag *f = &pl_pulse_flags[id];
	bool yes;
	int64_t number;
	bool fine = f->type == PL_PULSE_BOOL  ? pl_pulse_bool(pl_str_of(value), &yes)
		    : f->type == PL_PULSE_INT ? pl_pulse_int(pl_str_of(value), &number)
					      : pl_str_utf8(pl_str_of(value));
	if (fine) {
		r->out->values[id] = value;
		return PL_OK;
	}
	char letter[5] = "";
	if (f->letter != 0)
		snprintf(letter, sizeof letter, "-%c, ", f->letter);
	if (f->type == PL_PULSE_TEXT)
		snprintf(r->reason, r->reason_size, "%s--%s: the value is not UTF-8", letter, f->name);
	else
		snprintf(r->reason, r->reason_size, "%s--%s: \"%.64s\" is not %s", letter, f->name, value,
			 f->type == PL_PULSE_INT ? "a whole number" : "true or false");
	return PL_EINVAL;
}

/* The value is the next argument. */
static enum pl_err set_next(struct reader *r, enum pl_pulse_id id)
{
	if (r->at + 1 < r->argc)
		return set(r, id, r->argv[++r->at]);
	const struct pl_pulse_flag *f = &pl_pulse_flags[id];
	snprintf(r->reason, r->reason_size, "--%s needs a value behind it", f->name);
	return PL_EINVAL;
}

static enum pl_err read_long(struct reader *r, const char *text)
{
	struct pl_str rest = pl_str_of(text), name = pl_str_cut(&rest, '=');
	enum pl_pulse_id id = pl_pulse_flag_find(name, false);
	if (id == PL_PULSE_FLAGS) {
		struct pl_suggest near;
		pl_suggest_init(&near, name);
		for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
			pl_suggest_offer(&near, pl_pulse_flags[i].name);
		snprintf(r->reason, r->reason_size, "unknown flag: --%.*s%s%s%s", (int)(name.n < 64 ? name.n : 64), name.p,
			 near.best != NULL ? "; did you mean --" : "", near.best != NULL ? near.best : "",
			 near.best != NULL ? "?" : "");
		return PL_EINVAL;
	}
	if (rest.p != NULL)
		return set(r, id, rest.p);
	return pl_pulse_flags[id].type == PL_PULSE_BOOL ? set(r, id, "true") : set_next(r, id);
}

static enum pl_err read_letters(struct reader *r, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		enum pl_pulse_id id = find_letter(*p);
		if (id == PL_PULSE_FLAGS) {
			snprintf(r->reason, r->reason_size, "unknown flag: -%.1s (in -%.64s)", p, text);
			return PL_EINVAL;
		}
		if (p[1] == '=')
			return set(r, id, p + 2);
		if (pl_pulse_flags[id].type != PL_PULSE_BOOL)
			return p[1] != '\0' ? set(r, id, p + 1) : set_next(r, id);
		enum pl_err err = set(r, id, "true");
		if (err != PL_OK)
			return err;
	}
	return PL_OK;
}

static void take_word(struct pl_pulse_args *out, const char *word)
{
	if (out->n_words++ == 0)
		out->first_word = word;
}

enum pl_err pl_pulse_flags_parse(int argc, char **argv, struct pl_pulse_args *out, char *reason, size_t reason_size)
{
	struct reader r = {.out = out, .argc = argc, .argv = argv, .reason = reason, .reason_size = reason_size};
	enum pl_err err = PL_OK;
	bool ended = false;
	*out = (struct pl_pulse_args){0};
	for (r.at = 1; r.at < argc && err == PL_OK; r.at++) {
		const char *a = argv[r.at];
		if (ended || a[0] != '-' || a[1] == '\0')
			take_word(out, a);
		else if (strcmp(a, "--") == 0)
			ended = true;
		else
			err = a[1] == '-' ? read_long(&r, a + 2) : read_letters(&r, a + 1);
	}
	return err;
}

const char *pl_pulse_flags_foreign(const struct pl_pulse_args *args)
{
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
		if (args->values[i] != NULL && !pl_pulse_flags[i].not_in_file && i != PL_PULSE_LOG_LEVEL)
			return pl_pulse_flags[i].name;
	return NULL;
}
