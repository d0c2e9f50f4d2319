/* JSON as text: finds a member of an object and prints a value, indented on a terminal, without
 * taking numbers apart, so that what the daemon wrote arrives unchanged. Slices point into the line
 * that was read; a text that is not JSON gives nothing, never a read behind its end. */
#include "clients/layerctl/layerctl.h"

#include <string.h>

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* Behind the string whose opening quote p points at; NULL when it has no end. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

/* Behind the value at p; NULL when the text ends within it. */
static const char *skip_value(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = skip_string(p, end);
			if (!p)
				return NULL;
			break;
		case '{':
		case '[':
			depth++;
			p++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return p;
			depth--;
			p++;
			break;
		case ',':
			if (depth == 0)
				return p;
			p++;
			continue;
		default:
			p++;
			continue;
		}
		if (depth == 0)
			return p;
	}
	return depth == 0 ? p : NULL;
}

bool ctl_member(struct ctl_slice object, const char *key, struct ctl_slice *ret)
{
	const char *end = object.p + object.n, *p = skip_space(object.p, end);
	size_t key_length = strlen(key);

	if (p == end || *p != '{')
		return false;
	p = skip_space(p + 1, end);
	while (p < end && *p == '"') {
		const char *name = p + 1, *value;
		bool found;

		p = skip_string(p, end);
		if (!p)
			return false;
		found = (size_t)(p - 1 - name) == key_length && memcmp(name, key, key_length) == 0;
		p = skip_space(p, end);
		if (p == end || *p != ':')
			return false;
		value = skip_space(p + 1, end);
		p = skip_value(value, end);
		if (!p)
			return false;
		if (found) {
			while (p > value && (p[-1] == ' ' || p[-1] == '\t' || p[-1] == '\r'))
				p--;
			ret->p = value;
			ret->n = (size_t)(p - value);
			return true;
		}
		p = skip_space(p, end);
		if (p == end || *p != ',')
			return false;
		p = skip_space(p + 1, end);
	}
	return false;
}

bool ctl_is(struct ctl_slice value, const char *json)
{
	return value.n == strlen(json) && memcmp(value.p, json, value.n) == 0;
}

static void newline(unsigned depth)
{
	putchar('\n');
	while (depth-- > 0)
		fputs("  ", stdout);
}

static void print_indented(struct ctl_slice value)
{
	const char *p = value.p, *end = p + value.n, *after;
	unsigned depth = 0;

	for (; p < end; p++) {
		switch (*p) {
		case '"':
			after = skip_string(p, end);
			if (!after)
				after = end;
			fwrite(p, 1, (size_t)(after - p), stdout);
			p = after - 1;
			break;
		case '{':
		case '[':
			putchar(*p);
			if (p + 1 < end && (p[1] == '}' || p[1] == ']'))
				putchar(*++p);
			else
				newline(++depth);
			break;
		case '}':
		case ']':
			newline(depth > 0 ? --depth : 0);
			putchar(*p);
			break;
		case ',':
			putchar(',');
			newline(depth);
			break;
		case ':':
			fputs(": ", stdout);
			break;
		case ' ':
			break;
		default:
			putchar(*p);
		}
	}
}

void ctl_print(struct ctl_slice value, bool indent)
{
	if (indent)
		print_indented(value);
	else
		fwrite(value.p, 1, value.n, stdout);
	putchar('\n');
	fflush(stdout);
}
