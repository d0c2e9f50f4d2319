/* Projection of JSON text. The input is our own writer's: valid, compact, bounded in depth. */
#include "daemon/project.h"

#include "daemon/js.h"
#include "daemon/limits.h"

#include <string.h>

static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = skip_string(p, end);
			break;
		case '{':
		case '[':
			depth++;
			p++;
			break;
		case '}':
		case ']':
			depth--;
			p++;
			break;
		case ',':
			if (!depth)
				return p;
			p++;
			break;
		default: /* a number, a word or a colon; they end where a closing or comma stands */
			p++;
			if (!depth && p < end && (*p == '}' || *p == ']'))
				return p;
			continue;
		}
		if (!depth)
			return p;
	}
	return end;
}

/* The rest of a path behind the component key; data NULL: it does not begin with it. */
static struct tl_str path_rest(struct tl_str path, const char *key, size_t n)
{
	if (path.len < n || memcmp(path.data, key, n) != 0)
		return (struct tl_str){NULL, 0};
	if (path.len == n)
		return (struct tl_str){"", 0};
	if (path.data[n] != '.')
		return (struct tl_str){NULL, 0};
	return (struct tl_str){path.data + n + 1, path.len - (uint32_t)n - 1};
}

static const char *copy_value(const char *p, const char *end, const struct tl_str *paths,
			      unsigned count, struct tl_buf *out);

static const char *copy_member(const char *p, const char *end, const struct tl_str *paths,
			       unsigned count, struct tl_buf *out)
{
	const char *key = p + 1, *colon = skip_string(p, end), *stop;
	struct tl_str rests[RPC_MAX_FIELDS];
	unsigned left = 0;
	bool whole = false;

	for (unsigned i = 0; i < count; i++) {
		struct tl_str rest = path_rest(paths[i], key, (size_t)(colon - key) - 1);

		if (rest.data && !rest.len)
			whole = true;
		else if (rest.data)
			rests[left++] = rest;
	}
	stop = skip_value(colon + 1, end);
	if (!whole && (!left || (colon[1] != '{' && colon[1] != '[')))
		return stop;
	rpc_js_comma(out);
	tl_put(out, p, (size_t)(colon + 1 - p));
	if (whole)
		tl_put(out, colon + 1, (size_t)(stop - colon - 1));
	else
		copy_value(colon + 1, end, rests, left, out);
	return stop;
}

static const char *copy_value(const char *p, const char *end, const struct tl_str *paths,
			      unsigned count, struct tl_buf *out)
{
	const char *stop = skip_value(p, end);
	bool object = *p == '{';

	if (!object && *p != '[') {
		tl_put(out, p, (size_t)(stop - p));
		return stop;
	}
	tl_put_u8(out, (uint8_t)*p++);
	while (p < stop - 1) {
		if (*p == ',') {
			p++;
		} else if (object) {
			p = copy_member(p, stop, paths, count, out);
		} else {
			rpc_js_comma(out);
			p = copy_value(p, stop, paths, count, out);
		}
	}
	tl_put_u8(out, object ? '}' : ']');
	return stop;
}

void rpc_project(const char *json, size_t n, const struct tl_str *paths, unsigned count,
		 struct tl_buf *out)
{
	if (n)
		copy_value(json, json + n, paths, count, out);
}
