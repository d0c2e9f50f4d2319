/* Proxy links and secrets: text to struct mt_proxy and back. Everything here is typed by people or
 * comes from a web page; what is not understood is refused with a reason, never read as "no proxy".
 * Owns nothing. core.telegram.org/api/links#mtproxy-links, #socks5-proxy-links; C.35-C.39. */
#include "proto/proxy.h"

#include <string.h>

#define SECRET_MAX (17 + MT_PROXY_DOMAIN_MAX)

/* A stretch of the link's text. */
struct span {
	const char *p;
	size_t n;
};

static bool fail(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return false;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Takes a prefix off, case-insensitively. */
static bool skip(struct span *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(s->p[i]) != prefix[i])
			return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* Cuts at the first c: what stands before it goes to *ret, s becomes what follows. */
static bool cut(struct span *s, char c, struct span *ret)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;

	if (!at)
		return false;
	*ret = (struct span){s->p, (size_t)(at - s->p)};
	s->n -= ret->n + 1;
	s->p = at + 1;
	return true;
}

static bool is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static int hex_digit(char c)
{
	c = lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- secrets --------------------------------------------------------------------------------- */

static bool all_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return false;
	return s.n % 2 == 0;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Either alphabet, padding or none; a mixed alphabet does no harm. */
static bool from_base64(struct span s, uint8_t *out, size_t *ret_n)
{
	unsigned pads = 0, bits = 0, held = 0;
	size_t n = 0;

	while (s.n && s.p[s.n - 1] == '=' && pads < 2)
		s.n--, pads++;
	if ((pads && (s.n + pads) % 4) || s.n % 4 == 1 || s.n > SECRET_MAX * 4 / 3 + 2)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int digit = base64_digit(s.p[i]);

		if (digit < 0)
			return false;
		held = (held << 6 | (unsigned)digit) & 0xfff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(held >> bits);
		}
	}
	*ret_n = n;
	return true;
}

static bool from_hex(struct span s, uint8_t *out, size_t *ret_n)
{
	if (s.n / 2 > SECRET_MAX)
		return false;
	for (size_t i = 0; i < s.n; i += 2)
		out[i / 2] = (uint8_t)(hex_digit(s.p[i]) << 4 | hex_digit(s.p[i + 1]));
	*ret_n = s.n / 2;
	return true;
}

static bool take_domain(struct mt_proxy *p, const uint8_t *data, size_t n, const char **reason)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] <= ' ' || data[i] >= 0x7f)
			return fail(reason, "the domain in the secret has a strange character");
	memcpy(p->domain, data, n);
	p->domain[n] = '\0';
	return true;
}

/* C.35, C.36. What follows the key of a simple or dd secret would be ignored: better refused. */
static bool take_secret(struct mt_proxy *p, const uint8_t *data, size_t n, const char **reason)
{
	if (n < 16)
		return fail(reason, "the secret is too short");
	p->domain[0] = '\0';
	if (n == 16) {
		p->secret_kind = MT_SECRET_SIMPLE;
		memcpy(p->secret, data, 16);
		return true;
	}
	memcpy(p->secret, data + 1, 16);
	if (data[0] == 0xdd && n == 17) {
		p->secret_kind = MT_SECRET_PADDED;
		return true;
	}
	if (data[0] != 0xee)
		return fail(reason, "the secret is of no known kind");
	if (n == 17)
		return fail(reason, "the secret begins with ee and names no domain");
	p->secret_kind = MT_SECRET_TLS;
	return take_domain(p, data + 17, n - 17, reason);
}

int mt_proxy_parse_secret(const char *text, size_t n, struct mt_proxy *ret, const char **ret_reason)
{
	struct span s = {text, n};
	struct mt_proxy p = *ret;
	uint8_t data[SECRET_MAX + 4];
	size_t size = 0;
	bool ok;

	if (!n)
		ok = fail(ret_reason, "the secret is missing");
	else if (all_hex(s) ? !from_hex(s, data, &size) : !from_base64(s, data, &size))
		ok = fail(ret_reason, "the secret is neither hexadecimal nor base64, or too long");
	else if (size > SECRET_MAX)
		ok = fail(ret_reason, "the secret's domain is too long");
	else
		ok = take_secret(&p, data, size, ret_reason);
	if (ok)
		*ret = p;
	mt_wipe(data, sizeof data);
	mt_wipe(&p, sizeof p);
	return ok ? 0 : -TG_E_INVALID_PARAMS;
}

/* ---- parts of a link ------------------------------------------------------------------------- */

/* Undoes %41; what it gives is text: no control characters, no NUL. */
static bool unescape(struct span s, char *out, size_t room, const char **reason)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return fail(reason, "a % is not followed by two digits");
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			return fail(reason, "a control character");
		if (n + 1 >= room)
			return fail(reason, "a part of the link is too long");
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static bool take_port(struct span s, uint16_t *ret, const char **reason)
{
	unsigned v = 0;

	if (!s.n)
		return fail(reason, "the port is missing");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i > 4)
			return fail(reason, "the port is not a number from 1 to 65535");
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v < 1 || v > 65535)
		return fail(reason, "the port is not a number from 1 to 65535");
	*ret = (uint16_t)v;
	return true;
}

static bool take_host(struct span s, char *ret, const char **reason)
{
	bool bracketed = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']', six;

	if (bracketed) {
		s.p++;
		s.n -= 2;
	}
	if (!s.n)
		return fail(reason, "the server is missing");
	if (s.n > MT_PROXY_TEXT_MAX)
		return fail(reason, "the server's name is too long");
	six = memchr(s.p, ':', s.n) != NULL;
	if (bracketed && !six)
		return fail(reason, "the server is not an IPv6 address");
	for (size_t i = 0; i < s.n; i++) {
		char c = lower(s.p[i]);
		bool ok = six ? hex_digit(c) >= 0 || c == ':' || c == '.'
			      : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
					  c == '.' || c == '_';

		if (!ok)
			return fail(reason, "the server's name has a strange character");
	}
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return true;
}

static bool check(const struct mt_proxy *p, const char **reason)
{
	if (p->password[0] && !p->user[0])
		return fail(reason, "there is a password and no user");
	if (p->kind == MT_PROXY_HTTP && strchr(p->user, ':'))
		return fail(reason, "a user of an HTTP proxy cannot have a colon");
	return true;
}

/* ---- tg://proxy?…, https://t.me/socks?… ------------------------------------------------------ */

enum { SERVER = 1, PORT = 2, SECRET = 4, USER = 8, PASS = 16 };

static bool take_parameter(struct mt_proxy *p, struct span name, struct span value, unsigned *seen,
			   const char **reason)
{
	char text[SECRET_MAX * 4];
	unsigned what = is(name, "server")   ? SERVER
			: is(name, "port")   ? PORT
			: is(name, "secret") ? SECRET
			: is(name, "user")   ? USER
			: is(name, "pass")   ? PASS
					     : 0;
	bool ok;

	if (!what)
		return true; /* links carry what is none of ours */
	if (*seen & what)
		return fail(reason, "a parameter is given twice");
	*seen |= what;
	if (what == USER)
		return unescape(value, p->user, sizeof p->user, reason);
	if (what == PASS)
		return unescape(value, p->password, sizeof p->password, reason);
	if (!unescape(value, text, sizeof text, reason))
		return false;
	value = (struct span){text, strlen(text)};
	if (what == SERVER)
		ok = take_host(value, p->host, reason);
	else if (what == PORT)
		ok = take_port(value, &p->port, reason);
	else
		ok = mt_proxy_parse_secret(value.p, value.n, p, reason) == 0;
	mt_wipe(text, sizeof text);
	return ok;
}

static bool parse_query(struct mt_proxy *p, struct span s, const char **reason)
{
	struct span part, name;
	unsigned seen = 0;

	if (cut(&s, '#', &part))
		s = part;
	while (s.n) {
		if (!cut(&s, '&', &part)) {
			part = s;
			s.n = 0;
		}
		if (!cut(&part, '=', &name)) {
			name = part;
			part.n = 0;
		}
		if (!take_parameter(p, name, part, &seen, reason))
			return false;
	}
	if (!(seen & SERVER))
		return fail(reason, "the server is missing");
	if (!(seen & PORT))
		return fail(reason, "the port is missing");
	if (p->kind == MT_PROXY_MTPROXY && !(seen & SECRET))
		return fail(reason, "the secret is missing");
	if (p->kind == MT_PROXY_MTPROXY && (seen & (USER | PASS)))
		return fail(reason, "an MTProxy has a secret, no user");
	if (p->kind == MT_PROXY_SOCKS5 && (seen & SECRET))
		return fail(reason, "a SOCKS5 proxy has a user, no secret");
	return true;
}

static bool parse_path(struct mt_proxy *p, struct span s, const char **reason)
{
	if (skip(&s, "proxy?") || skip(&s, "proxy/?"))
		p->kind = MT_PROXY_MTPROXY;
	else if (skip(&s, "socks?") || skip(&s, "socks/?"))
		p->kind = MT_PROXY_SOCKS5;
	else
		return fail(reason, "a link of Telegram's, but not one of a proxy");
	return parse_query(p, s, reason);
}

/* ---- scheme://user:password@host:port -------------------------------------------------------- */

static bool take_login(struct mt_proxy *p, struct span s, const char **reason)
{
	struct span user;

	if (p->kind == MT_PROXY_MTPROXY)
		return mt_proxy_parse_secret(s.p, s.n, p, reason) == 0;
	if (!cut(&s, ':', &user)) {
		user = s;
		s.n = 0;
	}
	if (!user.n)
		return fail(reason, "the user is empty");
	return unescape(user, p->user, sizeof p->user, reason) &&
	       unescape(s, p->password, sizeof p->password, reason);
}

static const char *find_last(struct span s, char c)
{
	for (size_t i = s.n; i--;)
		if (s.p[i] == c)
			return s.p + i;
	return NULL;
}

static bool parse_url(struct mt_proxy *p, struct span s, const char **reason)
{
	const char *at = find_last(s, '@'), *colon;
	struct span host;

	if (at) {
		if (!take_login(p, (struct span){s.p, (size_t)(at - s.p)}, reason))
			return false;
		s.n -= (size_t)(at + 1 - s.p);
		s.p = at + 1;
	} else if (p->kind == MT_PROXY_MTPROXY) {
		return fail(reason, "the secret is missing");
	}
	if (s.n && s.p[s.n - 1] == '/')
		s.n--;
	colon = find_last(s, ':');
	if (!colon || (s.p[0] == '[' && s.p[s.n - 1] == ']'))
		return fail(reason, "the port is missing");
	host = (struct span){s.p, (size_t)(colon - s.p)};
	s.n -= host.n + 1;
	s.p = colon + 1;
	if (host.n && host.p[0] != '[' && memchr(host.p, ':', host.n))
		return fail(reason, "an IPv6 address stands in brackets");
	return take_host(host, p->host, reason) && take_port(s, &p->port, reason);
}

static bool parse_web(struct mt_proxy *p, struct span s, bool plain, const char **reason)
{
	static const char *const ours[] = {"t.me/", "telegram.me/", "telegram.dog/"};
	struct span rest = s;

	(void)skip(&rest, "www.");
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (skip(&rest, ours[i]))
			return parse_path(p, rest, reason);
	if (!plain)
		return fail(reason, "proxies behind TLS are not spoken; an HTTP proxy is http://");
	p->kind = MT_PROXY_HTTP;
	return parse_url(p, s, reason);
}

static bool parse(struct mt_proxy *p, struct span s, const char **reason)
{
	if (skip(&s, "tg://") || skip(&s, "tg:"))
		return parse_path(p, s, reason);
	if (skip(&s, "https://"))
		return parse_web(p, s, false, reason);
	if (skip(&s, "http://"))
		return parse_web(p, s, true, reason);
	if (skip(&s, "socks5://") || skip(&s, "socks5h://"))
		p->kind = MT_PROXY_SOCKS5;
	else if (skip(&s, "mtproxy://"))
		p->kind = MT_PROXY_MTPROXY;
	else
		return fail(reason, "not a proxy link: tg://proxy?…, tg://socks?…, https://t.me/"
				    "proxy?…, socks5://, http:// or mtproxy:// is wanted");
	if (p->kind == MT_PROXY_MTPROXY && s.n && !find_last(s, '@') && memchr(s.p, '=', s.n))
		return fail(reason, "mtproxy://secret@host:port is wanted");
	return parse_url(p, s, reason);
}

int mt_proxy_parse(const char *text, struct mt_proxy *ret, const char **ret_reason)
{
	struct span s = {text, strlen(text)};
	struct mt_proxy p = {.kind = MT_PROXY_NONE};
	bool ok;

	if (!s.n)
		ok = fail(ret_reason, "the link is empty");
	else if (s.n > MT_PROXY_LINK_MAX)
		ok = fail(ret_reason, "the link is too long");
	else
		ok = parse(&p, s, ret_reason) && check(&p, ret_reason);
	if (ok)
		*ret = p;
	mt_wipe(&p, sizeof p);
	return ok ? 0 : -TG_E_INVALID_PARAMS;
}

/* ---- printing -------------------------------------------------------------------------------- */

const char *mt_proxy_kind_name(enum mt_proxy_kind kind)
{
	switch (kind) {
	case MT_PROXY_NONE:
		break;
	case MT_PROXY_MTPROXY:
		return "mtproxy";
	case MT_PROXY_SOCKS5:
		return "socks5";
	case MT_PROXY_HTTP:
		return "http";
	}
	return "none";
}

static void put_hex(struct tl_buf *out, uint8_t v)
{
	tl_put_u8(out, (uint8_t) "0123456789abcdef"[v >> 4]);
	tl_put_u8(out, (uint8_t) "0123456789abcdef"[v & 15]);
}

static void put_escaped(struct tl_buf *out, const char *s)
{
	for (; *s; s++) {
		char c = lower(*s);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._~", c)) {
			tl_put_u8(out, (uint8_t)*s);
		} else {
			tl_put_u8(out, '%');
			put_hex(out, (uint8_t)*s);
		}
	}
}

static void put_number(struct tl_buf *out, unsigned v)
{
	if (v >= 10)
		put_number(out, v / 10);
	tl_put_u8(out, (uint8_t)('0' + v % 10));
}

static void put_base64url(struct tl_buf *out, const uint8_t *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < n * 8; i += 6) {
		unsigned pair = (unsigned)data[i / 8] << 8 | (i / 8 + 1 < n ? data[i / 8 + 1] : 0);

		tl_put_u8(out, (uint8_t)digits[pair >> (10 - i % 8) & 63]);
	}
}

static void put_secret(struct tl_buf *out, const struct mt_proxy *p)
{
	uint8_t whole[SECRET_MAX] = {0xee};
	size_t n = strlen(p->domain);

	if (p->secret_kind == MT_SECRET_TLS) {
		memcpy(whole + 1, p->secret, 16);
		memcpy(whole + 17, p->domain, n);
		put_base64url(out, whole, 17 + n);
		mt_wipe(whole, sizeof whole);
		return;
	}
	if (p->secret_kind == MT_SECRET_PADDED)
		tl_put_text(out, "dd");
	for (size_t i = 0; i < sizeof p->secret; i++)
		put_hex(out, p->secret[i]);
}

static void print_http(const struct mt_proxy *p, struct tl_buf *out)
{
	bool six = strchr(p->host, ':') != NULL;

	tl_put_text(out, "http://");
	if (p->user[0]) {
		put_escaped(out, p->user);
		tl_put_text(out, ":");
		put_escaped(out, p->password);
		tl_put_text(out, "@");
	}
	tl_put_text(out, six ? "[" : "");
	tl_put_text(out, p->host);
	tl_put_text(out, six ? "]:" : ":");
	put_number(out, p->port);
}

void mt_proxy_print(const struct mt_proxy *p, struct tl_buf *out)
{
	if (p->kind == MT_PROXY_NONE)
		return;
	if (p->kind == MT_PROXY_HTTP) {
		print_http(p, out);
		return;
	}
	tl_put_text(out, p->kind == MT_PROXY_SOCKS5 ? "tg://socks?server=" : "tg://proxy?server=");
	put_escaped(out, p->host);
	tl_put_text(out, "&port=");
	put_number(out, p->port);
	if (p->kind == MT_PROXY_MTPROXY) {
		tl_put_text(out, "&secret=");
		put_secret(out, p);
	} else if (p->user[0]) {
		tl_put_text(out, "&user=");
		put_escaped(out, p->user);
		tl_put_text(out, "&pass=");
		put_escaped(out, p->password);
	}
}
