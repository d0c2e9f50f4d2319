/* The scan of a line. No recursion, no allocation: a bit per open container is the whole stack. */
#include "daemon/scan.h"

#include <string.h>

enum member { M_OTHER, M_JSONRPC, M_ID, M_METHOD, M_PARAMS };

struct scanner {
	const char *start, *p, *end;
	struct rpc_scan *out;
	uint64_t objects; /* bit d: the container at depth d + 1 is an object */
	unsigned depth, tokens;
	unsigned base; /* depth inside a request object; 0 = no request seen yet */
	struct rpc_span *span;
	enum member member;
	unsigned seen; /* members of this request, a bit each */
	const char *value;
};

static bool fail_at(struct scanner *s, const char *p, int err, const char *message,
		    const char *limit)
{
	s->out->err = err;
	s->out->message = message;
	s->out->limit = limit;
	s->out->offset = (size_t)(p - s->start);
	return false;
}

static bool bad(struct scanner *s, const char *message)
{
	return fail_at(s, s->p, -TG_E_PARSE, message, NULL);
}

static void space(struct scanner *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static bool hex4(struct scanner *s, unsigned *ret)
{
	unsigned v = 0;

	if (s->end - s->p < 4)
		return bad(s, "cut off in an escape");
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)s->p[i];

		if (c - '0' < 10)
			v = v << 4 | (c - '0');
		else if ((c | 0x20) - 'a' < 6)
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return bad(s, "four hexadecimal digits are wanted");
	}
	s->p += 4;
	*ret = v;
	return true;
}

/* p stands behind the backslash. */
static bool escape(struct scanner *s)
{
	unsigned v;

	if (s->p == s->end)
		return bad(s, "cut off in a string");
	if (*s->p != 'u') {
		if (!memchr("\"\\/bfnrt", *s->p, 8))
			return bad(s, "no such escape");
		s->p++;
		return true;
	}
	s->p++;
	if (!hex4(s, &v))
		return false;
	if (v - 0xdc00 < 0x400)
		return bad(s, "lone surrogate");
	if (v - 0xd800 >= 0x400)
		return true;
	if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
		return bad(s, "lone surrogate");
	s->p += 2;
	if (!hex4(s, &v))
		return false;
	return v - 0xdc00 < 0x400 ? true : bad(s, "lone surrogate");
}

/* A character of two to four bytes (Unicode 15, table 3-7). */
static bool wide(struct scanner *s)
{
	const uint8_t *p = (const uint8_t *)s->p;
	unsigned n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint8_t lo = 0x80, hi = 0xbf;

	if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)(s->end - s->p) < n)
		return bad(s, "not UTF-8");
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return bad(s, "not UTF-8");
	for (unsigned i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return bad(s, "not UTF-8");
	s->p += n;
	return true;
}

/* p stands on the opening quote; afterwards behind the closing one. */
static bool string(struct scanner *s)
{
	s->p++;
	while (s->p < s->end) {
		uint8_t c = (uint8_t)*s->p;

		if (c == '"') {
			s->p++;
			return true;
		}
		if (c >= 0x80) {
			if (!wide(s))
				return false;
		} else if (c == '\\') {
			s->p++;
			if (!escape(s))
				return false;
		} else if (c < 0x20) {
			return bad(s, "control character in a string");
		} else {
			s->p++;
		}
	}
	return bad(s, "cut off in a string");
}

static bool digits(struct scanner *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9' && s->p - from <= RPC_MAX_NUMBER)
		s->p++;
	return s->p > from ? true : bad(s, "not a number");
}

static bool number(struct scanner *s)
{
	const char *from = s->p;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!digits(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!digits(s))
			return false;
	}
	if (s->p - from > RPC_MAX_NUMBER)
		return fail_at(s, from, -TG_E_PARSE, "a number of more than 40 characters", NULL);
	return true;
}

static bool literal(struct scanner *s, const char *word, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return bad(s, "not a JSON value");
	s->p += n;
	return true;
}

static bool in_object(const struct scanner *s)
{
	return s->depth && s->objects >> (s->depth - 1) & 1;
}

static void fault(struct scanner *s, const char *text)
{
	if (!s->span->fault)
		s->span->fault = text;
}

/* A value begins where a request is expected: the top level, or an element of a batch. */
static bool request(struct scanner *s)
{
	struct rpc_scan *out = s->out;

	if (out->count == RPC_MAX_BATCH)
		return fail_at(s, s->p, -TG_E_TOO_LARGE, "a batch of more than 100 requests",
			       "batch");
	s->span = &out->spans[out->count++];
	memset(s->span, 0, sizeof *s->span);
	s->seen = 0;
	s->base = 0;
	if (*s->p == '{')
		s->base = s->depth + 1;
	else
		fault(s, "a request is an object");
	return true;
}

/* Is the inside of a string, which is valid, this word, also when it is written with escapes? */
static bool is_word(const char *p, size_t n, const char *word)
{
	struct scanner s = {.p = p, .end = p + n};

	for (; s.p < s.end; word++) {
		unsigned c = (unsigned char)*s.p++;

		if (c == '\\' && (*s.p++ != 'u' || !hex4(&s, &c)))
			return false; /* no word of ours has what the short escapes stand for */
		if (!*word || c != (unsigned char)*word)
			return false;
	}
	return !*word;
}

/* A member of a request is complete. */
static void member_end(struct scanner *s)
{
	struct tl_str v = {s->value, (uint32_t)(s->p - s->value)};
	char c = v.data[0];

	switch (s->member) {
	case M_JSONRPC:
		if (c != '"' || !is_word(v.data + 1, v.len - 2, "2.0"))
			fault(s, "\"jsonrpc\" is \"2.0\" or left out");
		break;
	case M_ID:
		if (c == '{' || c == '[' || c == 't' || c == 'f') {
			fault(s, "\"id\" is a string, a number or null");
		} else if (v.len <= RPC_MAX_ID) {
			s->span->id = v;
		} else {
			s->span->limit = s->span->fault ? NULL : "id";
			fault(s, "\"id\" is longer than 256 bytes");
		}
		break;
	case M_METHOD:
		if (c != '"')
			fault(s, "\"method\" is a string");
		s->span->method = v;
		break;
	case M_PARAMS:
		if (c != '{' && c != '[' && c != 'n')
			fault(s, "\"params\" is an object");
		s->span->params = v;
		break;
	case M_OTHER:
		break;
	}
}

static bool member_name(struct scanner *s, const char *from, size_t n)
{
	static const char *const names[] = {[M_JSONRPC] = "jsonrpc",
					    [M_ID] = "id",
					    [M_METHOD] = "method",
					    [M_PARAMS] = "params"};

	s->member = M_OTHER;
	for (unsigned m = M_JSONRPC; m <= M_PARAMS; m++)
		if (is_word(from, n, names[m]))
			s->member = m;
	if (s->member == M_OTHER && is_word(from, n, "result")) {
		fault(s, "this is an answer, not a request");
		return true;
	}
	if (s->member == M_OTHER) {
		if (!s->span->fault)
			s->span->fault_name = (struct tl_str){from, (uint32_t)n};
		fault(s, "a request has jsonrpc, id, method and params only");
		return true;
	}
	if (s->seen & 1u << s->member)
		return fail_at(s, from, -TG_E_PARSE, "a key twice in one object", NULL);
	s->seen |= 1u << s->member;
	return true;
}

/* p stands on what should be a key. */
static bool key(struct scanner *s)
{
	const char *from = s->p;

	if (s->p == s->end || *s->p != '"')
		return bad(s, s->p == s->end ? "cut off" : "a key in double quotes is wanted");
	if (!string(s))
		return false;
	if (s->p - from - 2 > RPC_MAX_KEY)
		return fail_at(s, from, -TG_E_TOO_LARGE, "a key of more than 256 bytes",
			       "json_key");
	if (s->depth == s->base && !member_name(s, from + 1, (size_t)(s->p - from) - 2))
		return false;
	s->tokens++;
	space(s);
	if (s->p == s->end || *s->p != ':')
		return bad(s, s->p == s->end ? "cut off" : "a colon is wanted");
	s->p++;
	space(s);
	return true;
}

/* A container opens. ret_more: a first element or member follows. */
static bool open_container(struct scanner *s, bool *ret_more)
{
	bool object = *s->p == '{';

	if (s->depth == RPC_MAX_DEPTH)
		return fail_at(s, s->p, -TG_E_TOO_LARGE, "nested deeper than 64 levels",
			       "json_nesting");
	if (s->depth == 0 && !object)
		s->out->batch = true;
	s->objects &= ~(1ull << s->depth);
	s->objects |= (uint64_t)object << s->depth;
	s->depth++;
	s->p++;
	space(s);
	*ret_more = s->p == s->end || *s->p != (object ? '}' : ']');
	if (!*ret_more) {
		s->p++;
		s->depth--;
		return true;
	}
	return object ? key(s) : true;
}

/* Behind a value: closes what ends here; ret_more: another value follows. */
static bool after_value(struct scanner *s, bool *ret_more)
{
	*ret_more = false;
	for (;;) {
		if (s->depth == s->base && s->depth)
			member_end(s);
		space(s);
		if (!s->depth)
			return s->p == s->end ? true : bad(s, "something follows the JSON text");
		if (s->p == s->end)
			return bad(s, "cut off");
		if (*s->p == ',') {
			s->p++;
			space(s);
			*ret_more = true;
			return in_object(s) ? key(s) : true;
		}
		if (*s->p != (in_object(s) ? '}' : ']'))
			return bad(s, "a comma or the end is wanted");
		if (s->depth == s->base)
			s->base = 0;
		s->p++;
		s->depth--;
	}
}

/* A value that is no container. */
static bool scalar(struct scanner *s)
{
	switch (*s->p) {
	case '"':
		return string(s);
	case 't':
		return literal(s, "true", 4);
	case 'f':
		return literal(s, "false", 5);
	case 'n':
		return literal(s, "null", 4);
	default:
		if (*s->p != '-' && (*s->p < '0' || *s->p > '9'))
			return bad(s, "not a JSON value");
		return number(s);
	}
}

static bool values(struct scanner *s)
{
	bool more = true;

	space(s);
	while (more) {
		if (s->p == s->end)
			return bad(s, "cut off");
		if (++s->tokens > RPC_MAX_TOKENS)
			return fail_at(s, s->p, -TG_E_TOO_LARGE, "more than 200000 tokens",
				       "json_tokens");
		if ((s->depth == 0 && *s->p != '[') || (s->depth == 1 && s->out->batch)) {
			if (!request(s))
				return false;
		}
		if (s->depth == s->base && s->base)
			s->value = s->p;
		if (*s->p == '{' || *s->p == '[') {
			if (!open_container(s, &more))
				return false;
			if (more)
				continue;
		} else if (!scalar(s)) {
			return false;
		}
		if (!after_value(s, &more))
			return false;
	}
	return true;
}

void rpc_scan(const char *line, size_t n, struct rpc_scan *ret)
{
	struct scanner s = {.start = line, .p = line, .end = line + n, .out = ret};

	ret->line = line;
	ret->n = n;
	ret->err = 0;
	ret->message = ret->limit = NULL;
	ret->offset = 0;
	ret->batch = false;
	ret->count = 0;
	values(&s);
	for (unsigned i = 0; !ret->err && i < ret->count; i++)
		if (!ret->spans[i].method.data && !ret->spans[i].fault)
			ret->spans[i].fault = "\"method\" is missing";
}
