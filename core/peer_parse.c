/* The peer grammar (RPC contract, "Parameters"): text or number to a query. Pure functions.
 * Links: core.telegram.org/api/links; marked ids: core.telegram.org/api/bots/ids. */
#include "core/core.h"

#include <string.h>

#define MARK_CHANNEL 1000000000000 /* a channel's marked id is -(this + id) */
#define MAX_USER ((INT64_C(1) << 40) - 1)
#define MAX_CHAT 999999999999
#define MAX_CHANNEL INT64_C(2999999999999) /* monoforums have the ids above 997852516352 */
#define MIN_USERNAME 3
#define MAX_USERNAME 32
#define MIN_INVITE 10
#define MAX_INVITE 64
#define MIN_PHONE 5
#define MAX_PHONE 16
#define MAX_LINK 512

int64_t tg_peer_marked(const struct tg_peer *p)
{
	switch (p->kind) {
	case TG_PEER_CHAT:
		return -p->id;
	case TG_PEER_CHANNEL:
		return -(MARK_CHANNEL + p->id);
	case TG_PEER_NONE:
	case TG_PEER_SELF:
	case TG_PEER_USER:
		break;
	}
	return p->id;
}

static struct tl_str slice(struct tl_str s, uint32_t from, uint32_t to)
{
	return (struct tl_str){s.data + from, to - from};
}

static struct tl_str skip(struct tl_str s, uint32_t n)
{
	return slice(s, n, s.len);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	c = lower(c);
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
}

/* Case is ignored; prefix is in lower case. */
static bool starts(struct tl_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s.len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(s.data[i]) != prefix[i])
			return false;
	return true;
}

static bool equals(struct tl_str s, const char *text)
{
	return s.len == strlen(text) && starts(s, text);
}

static uint32_t find(struct tl_str s, char c)
{
	uint32_t i = 0;

	while (i < s.len && s.data[i] != c)
		i++;
	return i;
}

static bool number(struct tl_str s, int64_t *ret)
{
	int64_t v = 0;

	if (s.len == 0 || s.len > 15)
		return false;
	for (uint32_t i = 0; i < s.len; i++) {
		if (!is_digit(s.data[i]))
			return false;
		v = v * 10 + (s.data[i] - '0');
	}
	*ret = v;
	return true;
}

static int give_text(struct tg_peer_query *ret, enum tg_peer_form form, struct tl_str s)
{
	struct tg_peer_query q = {.form = form};

	if (s.len == 0 || s.len >= sizeof q.text || memchr(s.data, 0, s.len))
		return -TG_E_PEER_SYNTAX;
	memcpy(q.text, s.data, s.len);
	*ret = q;
	return 0;
}

static int give_id(struct tg_peer_query *ret, enum tg_peer_kind kind, int64_t id, int64_t max)
{
	if (id <= 0 || id > max)
		return -TG_E_PEER_SYNTAX;
	*ret = (struct tg_peer_query){.form = TG_FORM_ID, .kind = kind, .id = id};
	return 0;
}

int tg_peer_parse_id(int64_t marked, struct tg_peer_query *ret)
{
	if (marked > 0)
		return give_id(ret, TG_PEER_NONE, marked, MAX_CHANNEL);
	if (marked >= -MAX_CHAT)
		return give_id(ret, TG_PEER_CHAT, -marked, MAX_CHAT);
	if (marked < -MARK_CHANNEL - MAX_CHANNEL)
		return -TG_E_PEER_SYNTAX;
	return give_id(ret, TG_PEER_CHANNEL, -MARK_CHANNEL - marked, MAX_CHANNEL);
}

static int parse_typed(struct tl_str s, enum tg_peer_kind kind, int64_t max,
		       struct tg_peer_query *ret)
{
	int64_t id;

	return number(s, &id) ? give_id(ret, kind, id, max) : -TG_E_PEER_SYNTAX;
}

static int parse_username(struct tl_str s, struct tg_peer_query *ret)
{
	if (s.len < MIN_USERNAME || s.len > MAX_USERNAME || !is_word(s.data[0]) ||
	    is_digit(s.data[0]) || s.data[0] == '_')
		return -TG_E_PEER_SYNTAX;
	for (uint32_t i = 0; i < s.len; i++)
		if (!is_word(s.data[i]))
			return -TG_E_PEER_SYNTAX;
	return give_text(ret, TG_FORM_USERNAME, s);
}

/* Digits behind the plus; blanks, dashes, dots and brackets between them are dropped. */
static int parse_phone(struct tl_str s, struct tg_peer_query *ret)
{
	char digits[MAX_PHONE];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		if (memchr(" -().", s.data[i], 5))
			continue;
		if (!is_digit(s.data[i]) || n == MAX_PHONE)
			return -TG_E_PEER_SYNTAX;
		digits[n++] = s.data[i];
	}
	if (n < MIN_PHONE)
		return -TG_E_PEER_SYNTAX;
	return give_text(ret, TG_FORM_PHONE, (struct tl_str){digits, n});
}

static int parse_invite(struct tl_str s, struct tg_peer_query *ret)
{
	if (s.len < MIN_INVITE || s.len > MAX_INVITE)
		return -TG_E_PEER_SYNTAX;
	for (uint32_t i = 0; i < s.len; i++)
		if (!is_word(s.data[i]) && s.data[i] != '-')
			return -TG_E_PEER_SYNTAX;
	return give_text(ret, TG_FORM_INVITE, s);
}

/* Behind t.me/+ stands a phone number, when it is all digits, or an invitation. */
static int parse_plus(struct tl_str s, struct tg_peer_query *ret)
{
	int64_t n;

	return s.len <= 15 && number(s, &n) ? parse_phone(s, ret) : parse_invite(s, ret);
}

/* ---- links ---- */
/* First words of t.me paths that name something other than a chat. */
static bool is_reserved(struct tl_str word)
{
	static const char *const words[] = {
		"addemoji", "addlist", "addstickers", "addstyle",     "addtheme", "auction",
		"bg",       "boost",   "call",        "confirmphone", "contact",  "folder",
		"giftcode", "invoice", "iv",          "login",        "m",        "msg",
		"nft",      "proxy",   "setlanguage", "share",        "socks",    "web",
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (equals(word, words[i]))
			return true;
	return false;
}

/* The value of a name in "a=b&c=d"; absent when it is not there. */
static struct tl_str query_value(struct tl_str query, const char *name)
{
	while (query.len) {
		uint32_t end = find(query, '&'), eq = find(query, '=');

		if (eq < end && equals(slice(query, 0, eq), name))
			return slice(query, eq + 1, end);
		query = skip(query, end < query.len ? end + 1 : end);
	}
	return (struct tl_str){NULL, 0};
}

static int parse_path(struct tl_str path, struct tg_peer_query *ret)
{
	struct tl_str word, rest;
	uint32_t end;

	path = slice(path, 0, find(path, '#'));
	path = slice(path, 0, find(path, '?'));
	end = find(path, '/');
	word = slice(path, 0, end);
	rest = skip(path, end < path.len ? end + 1 : end);
	if (word.len && word.data[0] == '+')
		return parse_plus(skip(word, 1), ret);
	rest = slice(rest, 0, find(rest, '/'));
	if (equals(word, "joinchat"))
		return parse_invite(rest, ret);
	if (equals(word, "c"))
		return parse_typed(rest, TG_PEER_CHANNEL, MAX_CHANNEL, ret);
	if (equals(word, "s"))
		return parse_username(rest, ret);
	return is_reserved(word) ? -TG_E_PEER_SYNTAX : parse_username(word, ret);
}

static int parse_tg(struct tl_str s, struct tg_peer_query *ret)
{
	uint32_t mark = find(s, '?');
	struct tl_str verb = slice(s, 0, mark), q, v;

	if (mark == s.len)
		return -TG_E_PEER_SYNTAX;
	if (verb.len && verb.data[verb.len - 1] == '/')
		verb.len--;
	q = skip(s, mark + 1);
	q = slice(q, 0, find(q, '#'));
	if (equals(verb, "resolve")) {
		v = query_value(q, "domain");
		if (v.data)
			return parse_username(v, ret);
		v = query_value(q, "phone");
		if (v.len && v.data[0] == '+')
			v = skip(v, 1);
		return parse_phone(v, ret);
	}
	if (equals(verb, "join"))
		return parse_invite(query_value(q, "invite"), ret);
	if (equals(verb, "user"))
		return parse_typed(query_value(q, "id"), TG_PEER_USER, MAX_USER, ret);
	if (equals(verb, "privatepost"))
		return parse_typed(query_value(q, "channel"), TG_PEER_CHANNEL, MAX_CHANNEL, ret);
	if (!equals(verb, "openmessage"))
		return -TG_E_PEER_SYNTAX;
	v = query_value(q, "user_id");
	if (v.data)
		return parse_typed(v, TG_PEER_USER, MAX_USER, ret);
	return parse_typed(query_value(q, "chat_id"), TG_PEER_CHAT, MAX_CHAT, ret);
}

static int nibble(char c)
{
	c = lower(c);
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %2B and the like; a broken escape stays as it is and is refused later. */
static struct tl_str unescape(struct tl_str s, char *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		if (s.data[i] == '%' && s.len - i > 2 && nibble(s.data[i + 1]) >= 0 &&
		    nibble(s.data[i + 2]) >= 0) {
			out[n++] = (char)(nibble(s.data[i + 1]) << 4 | nibble(s.data[i + 2]));
			i += 2;
		} else {
			out[n++] = s.data[i];
		}
	}
	return (struct tl_str){out, n};
}

/* *ret_r is the result when this is a link of Telegram's at all. */
static bool parse_link(struct tl_str s, struct tg_peer_query *ret, int *ret_r)
{
	static const char *const hosts[] = {"t.me", "telegram.me", "telegram.dog"};
	char text[MAX_LINK];
	bool scheme = false;

	*ret_r = -TG_E_PEER_SYNTAX;
	if (s.len > MAX_LINK)
		return starts(s, "http") || starts(s, "tg:");
	if (starts(s, "tg:")) {
		s = unescape(skip(s, 3), text);
		*ret_r = parse_tg(skip(s, starts(s, "//") ? 2 : 0), ret);
		return true;
	}
	if (starts(s, "https://") || starts(s, "http://")) {
		s = skip(s, find(s, ':') + 3);
		scheme = true;
	}
	if (starts(s, "www."))
		s = skip(s, 4);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		uint32_t slash = find(s, '/'), n = (uint32_t)strlen(hosts[i]);
		struct tl_str host = slice(s, 0, slash), path = skip(s, slash);

		if (equals(host, hosts[i]) && path.len) {
			*ret_r = parse_path(unescape(skip(path, 1), text), ret);
			return true;
		}
		if (host.len > n + 1 && host.data[host.len - n - 1] == '.' &&
		    equals(skip(host, host.len - n), hosts[i])) {
			*ret_r = parse_username(slice(host, 0, host.len - n - 1), ret);
			return true;
		}
	}
	return scheme;
}

static struct tl_str trim(struct tl_str s)
{
	while (s.len && memchr(" \t\r\n", s.data[0], 4))
		s = skip(s, 1);
	while (s.len && memchr(" \t\r\n", s.data[s.len - 1], 4))
		s.len--;
	return s;
}

int tg_peer_parse(struct tl_str text, struct tg_peer_query *ret)
{
	int64_t n;
	int r;

	if (!text.data || starts(text, "title:"))
		return text.data ? give_text(ret, TG_FORM_TITLE, skip(text, 6)) : -TG_E_PEER_SYNTAX;
	text = trim(text);
	if (equals(text, "me") || equals(text, "self")) {
		*ret = (struct tg_peer_query){.form = TG_FORM_SELF, .kind = TG_PEER_SELF};
		return 0;
	}
	if (starts(text, "user:"))
		return parse_typed(skip(text, 5), TG_PEER_USER, MAX_USER, ret);
	if (starts(text, "chat:"))
		return parse_typed(skip(text, 5), TG_PEER_CHAT, MAX_CHAT, ret);
	if (starts(text, "channel:"))
		return parse_typed(skip(text, 8), TG_PEER_CHANNEL, MAX_CHANNEL, ret);
	if (text.len && text.data[0] == '@')
		return parse_username(skip(text, 1), ret);
	if (text.len && text.data[0] == '+')
		return parse_phone(skip(text, 1), ret);
	if (text.len > 1 && text.data[0] == '-')
		return number(skip(text, 1), &n) ? tg_peer_parse_id(-n, ret) : -TG_E_PEER_SYNTAX;
	if (number(text, &n))
		return tg_peer_parse_id(n, ret);
	if (parse_link(text, ret, &r))
		return r;
	return parse_username(text, ret);
}
