/* JSON members into a buffer; the buffer belongs to the caller. */
#include "daemon/js.h"

#include "daemon/limits.h"

#include <stdio.h>
#include <string.h>

static bool wants_comma(const struct tl_buf *b)
{
	uint8_t last = b->len ? b->data[b->len - 1] : '[';

	return last != '{' && last != '[' && last != ':';
}

void rpc_js_comma(struct tl_buf *b)
{
	if (wants_comma(b))
		tl_put_u8(b, ',');
}

void rpc_js_name(struct tl_buf *b, const char *key, size_t n)
{
	bool comma = wants_comma(b);
	uint8_t *p = tl_buf_extend(b, n + 3 + comma);

	if (!p)
		return;
	if (comma)
		*p++ = ',';
	p[0] = '"';
	memcpy(p + 1, key, n);
	p[n + 1] = '"';
	p[n + 2] = ':';
}

void rpc_js_double(struct tl_buf *b, const char *key, double v)
{
	rpc_js_key(b, key);
	tl_js_double(b, v);
}

void rpc_js_bool(struct tl_buf *b, const char *key, bool v)
{
	rpc_js_key(b, key);
	tl_put_text(b, v ? "true" : "false");
}

void rpc_js_null(struct tl_buf *b, const char *key)
{
	rpc_js_key(b, key);
	tl_put_text(b, "null");
}

void rpc_js_text(struct tl_buf *b, const char *key, const char *text)
{
	if (text)
		rpc_js_str(b, key, tl_str(text));
}

void rpc_js_long(struct tl_buf *b, const char *key, int64_t v)
{
	rpc_js_key(b, key);
	tl_put_u8(b, '"');
	tl_js_int(b, v);
	tl_put_u8(b, '"');
}

void rpc_js_raw(struct tl_buf *b, const char *key, const void *json, size_t n)
{
	rpc_js_key(b, key);
	tl_put(b, json, n);
}

struct step {
	struct tl_str key; /* data NULL: an element */
	unsigned index;
};

/* Behind a string's closing quote. */
static size_t string_end(struct tl_str text, size_t i)
{
	for (i++; i < text.len && text.data[i] != '"'; i++)
		if (text.data[i] == '\\')
			i++;
	return i + 1;
}

static bool is_key(struct tl_str text, size_t i)
{
	while (i < text.len && memchr(" \t\r\n", text.data[i], 4))
		i++;
	return i < text.len && text.data[i] == ':';
}

static void write_steps(const struct step *steps, unsigned depth, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned d = 1; d <= depth && n < size; d++) {
		struct tl_str key = steps[d].key;

		if (key.data)
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? "." : "",
					      (int)(key.len < 64 ? key.len : 64), key.data);
		else
			n += (size_t)snprintf(out + n, size - n, "[%u]", steps[d].index);
	}
}

void rpc_js_path(struct tl_str text, size_t at, char *out, size_t size)
{
	struct step steps[RPC_MAX_DEPTH + 1];
	unsigned depth = 0;

	for (size_t i = 0; i < at && i < text.len;) {
		size_t next = i + 1;

		switch (text.data[i]) {
		case '{':
		case '[':
			if (depth < RPC_MAX_DEPTH)
				depth++;
			steps[depth] = (struct step){.index = 0};
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case ',':
			steps[depth].index++;
			break;
		case '"':
			next = string_end(text, i);
			if (is_key(text, next))
				steps[depth].key = (struct tl_str){text.data + i + 1,
								   (uint32_t)(next - i) - 2};
			break;
		default:
			break;
		}
		i = next;
	}
	write_steps(steps, depth, out, size);
}
