#include "relay/names.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay/pulseline_relay.h"

enum { SHOWN_BYTES = 100 };

bool pl_relay_refuse(char *error, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (error != NULL && size > 0)
		vsnprintf(error, size, format, args);
	va_end(args);
	return false;
}

const char *pl_relay_shown(struct pl_str s, char *out, size_t size)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = (s.p[i] >= ' ' && s.p[i] != 0x7f) || (s.p[i] & 0x80) != 0 ? s.p[i] : '?';
	out[n] = '\0';
	if (!pl_str_utf8((struct pl_str){out, n}))
		for (size_t i = 0; i < n; i++)
			out[i] = (out[i] & 0x80) != 0 ? '?' : out[i];
	return out;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(const char *name)
{
	if (!is_letter(name[0]))
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!is_letter(*p) && (*p < '0' || *p > '9'))
			return false;
	return true;
}

/* The nearest name that would do. */
static const char *better(const char *name, char out[SHOWN_BYTES])
{
	size_t n = 0;
	if (!is_letter(name[0]) && name[0] >= '0' && name[0] <= '9')
		out[n++] = '_';
	for (const char *p = name; *p != '\0' && n < SHOWN_BYTES - 1; p++)
		out[n++] = is_letter(*p) || (*p >= '0' && *p <= '9') ? *p : '_';
	out[n] = '\0';
	return out;
}

bool pl_relay_check_name(const char *name, bool stat, char *error, size_t size)
{
	char shown[SHOWN_BYTES], good[SHOWN_BYTES];
	if (name == NULL || name[0] == '\0')
		return pl_relay_refuse(error, size, "a name is needed: letters, digits and '_', for example ram_used");
	size_t n = strnlen(name, PL_RELAY_MAX_NAME + 1);
	pl_relay_shown((struct pl_str){name, n}, shown, sizeof shown);
	if (n > PL_RELAY_MAX_NAME)
		return pl_relay_refuse(error, size, "the name \"%s...\" is longer than %d bytes", shown, PL_RELAY_MAX_NAME);
	if (!is_word(name))
		return pl_relay_refuse(error, size, "the name \"%s\" is not made of letters, digits and '_' alone: write %s",
				       shown, better(name, good));
	if (strcmp(name, "_connected") == 0)
		return pl_relay_refuse(error, size, "the name \"_connected\" is taken by the protocol: write connected");
	if (stat && strcmp(name, "cpu") == 0)
		return pl_relay_refuse(error, size, "a pulse server keeps no history of the name \"cpu\": write cpu_used");
	return true;
}

bool pl_relay_check_text(const char *what, const char *text, size_t max, bool comma, char *error, size_t size)
{
	char shown[SHOWN_BYTES];
	if (text == NULL || text[0] == '\0')
		return pl_relay_refuse(error, size, "the %s is empty", what);
	size_t n = strnlen(text, max + 1);
	if (n > max)
		return pl_relay_refuse(error, size, "the %s is longer than %zu bytes", what, max);
	pl_relay_shown((struct pl_str){text, n}, shown, sizeof shown);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return pl_relay_refuse(error, size, "the %s has a control character as byte %zu: leave it out", what,
					       i + 1);
	if (!comma && strchr(text, ',') != NULL)
		return pl_relay_refuse(error, size, "the %s \"%s\" has a comma, which separates tags: make it two", what, shown);
	if (text[n - 1] == '\\')
		return pl_relay_refuse(error, size, "the %s ends in a backslash, with which servers lose data: leave it out",
				       what);
	if (!pl_str_utf8((struct pl_str){text, n}))
		return pl_relay_refuse(error, size, "the %s is not UTF-8", what);
	return true;
}

bool pl_relay_check_address(const char *address, char *host, size_t host_size, const char **port, char *error, size_t size)
{
	char shown[SHOWN_BYTES];
	if (address == NULL || address[0] == '\0')
		return pl_relay_refuse(error, size, "an address is needed: host:port, for example 127.0.0.1:3000");
	size_t n = strnlen(address, 512);
	pl_relay_shown((struct pl_str){address, n}, shown, sizeof shown);
	const char *colon = strrchr(address, ':'), *from = address, *to = colon;
	if (n >= 512 || colon == NULL || strstr(address, "//") != NULL)
		return pl_relay_refuse(error, size, "the address \"%s\" is not host:port, for example 127.0.0.1:3000", shown);
	if (from[0] == '[' && to > from && to[-1] == ']') {
		from++;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from)) != NULL) {
		return pl_relay_refuse(error, size, "the address \"%s\" has an IPv6 address without brackets: write [%.*s]:%.5s",
				       shown, (int)(to - from < 80 ? to - from : 80), from, colon + 1);
	}
	long number = 0;
	for (const char *p = colon + 1; *p >= '0' && *p <= '9' && number <= 65535; p++)
		number = number * 10 + (*p - '0');
	if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || number < 1 || number > 65535)
		return pl_relay_refuse(error, size, "the address \"%s\" has no port from 1 to 65535 behind the last colon",
				       shown);
	if (to == from || (size_t)(to - from) >= host_size)
		return pl_relay_refuse(error, size, "the address \"%s\" has no usable host before the last colon", shown);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = colon + 1;
	return true;
}

size_t pl_relay_value_text(double value, char out[PL_RELAY_VALUE_BYTES])
{
	if (!isfinite(value))
		return 0;
	char text[PL_RELAY_VALUE_BYTES];
	int printed = snprintf(text, sizeof text, "%.4f", value);
	if (printed < 6 || printed >= (int)sizeof text)
		return 0;
	size_t whole = text[0] == '-' ? 1 : 0;
	whole += strspn(text + whole, "0123456789");
	memcpy(out, text, whole);
	out[whole] = '.'; /* for whatever bytes the locale has between the last digit and the four decimals */
	memcpy(out + whole + 1, text + printed - 4, 4);
	return whole + 5;
}
