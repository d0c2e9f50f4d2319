/* Doors that are told an address: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT (RFC 9110, 9.3.6; RFC
 * 9112; RFC 7617). Owned by net. */
#include "front.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static void say(struct sb_conn *c, const void *data, size_t n)
{
	tl_put(&c->front->out, data, n);
}

/* ---- SOCKS5 ---------------------------------------------------------------------------------- */

enum { SOCKS = 5, NO_LOGIN = 0, LOGIN = 2, NO_METHOD = 0xff };
enum { GRANTED = 0, UNREACHABLE = 4, NO_COMMAND = 7, NO_TYPE = 8 };
enum { IPV4 = 1, NAME = 3, IPV6 = 4 };

static bool greeting(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	const uint8_t *p = f->in.data;
	uint8_t want = f->door->is.user[0] ? LOGIN : NO_LOGIN;
	bool offered;

	if (p[0] != SOCKS) {
		sb_front_refuse(c, "not SOCKS5", false);
		return false;
	}
	if (f->in.len < 2 || f->in.len < 2u + p[1])
		return false;
	offered = memchr(p + 2, want, p[1]) != NULL;
	tl_buf_drop(&f->in, 2u + p[1]);
	say(c, (uint8_t[]){SOCKS, offered ? want : NO_METHOD}, 2);
	if (!offered)
		sb_front_refuse(c, "no such method of login", false);
	else
		f->stage = want == LOGIN ? SB_FRONT_LOGIN : SB_FRONT_ASKED;
	return offered;
}

static bool is_text(const uint8_t *p, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(p, text, n) == 0;
}

static bool login(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	const uint8_t *p = f->in.data;
	size_t user, password;
	bool right;

	if (f->in.len < 2 || f->in.len < 3u + p[1] || f->in.len < 3u + p[1] + p[2 + p[1]])
		return false;
	user = p[1];
	password = p[2 + user];
	right = p[0] == 1 && is_text(p + 2, user, f->door->is.user) &&
		is_text(p + 3 + user, password, f->door->is.password);
	tl_buf_drop(&f->in, 3 + user + password);
	say(c, right ? "\1\0" : "\1\1", 2);
	f->stage = SB_FRONT_ASKED;
	if (!right)
		sb_front_refuse(c, "wrong user or password", false);
	return right;
}

static bool reply(struct sb_conn *c, uint8_t code, const char *why)
{
	say(c, (uint8_t[]){SOCKS, code, 0, IPV4, 0, 0, 0, 0, 0, 0}, 10);
	if (code != GRANTED) {
		sb_front_refuse(c, why, false);
		return false;
	}
	c->front->stage = SB_FRONT_OPEN;
	c->front->door->passed++;
	return false;
}

static bool asked(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	const uint8_t *p = f->in.data;
	char host[256] = "";
	unsigned port;
	size_t n;

	if (f->in.len < 5)
		return false;
	n = p[3] == IPV4 ? 4 : p[3] == IPV6 ? 16 : 1u + p[4];
	if (f->in.len < 4 + n + 2)
		return false;
	if (p[3] == IPV4)
		inet_ntop(AF_INET, p + 4, host, sizeof host);
	else if (p[3] == IPV6)
		inet_ntop(AF_INET6, p + 4, host, sizeof host);
	else
		memcpy(host, p + 5, p[4]);
	port = (unsigned)p[4 + n] << 8 | p[5 + n];
	if (p[0] != SOCKS || p[2] != 0)
		return reply(c, 1, "not SOCKS5");
	if (p[1] != 1)
		return reply(c, NO_COMMAND, "not CONNECT");
	if (p[3] != IPV4 && p[3] != IPV6 && p[3] != NAME)
		return reply(c, NO_TYPE, "no such type of address");
	tl_buf_drop(&f->in, 4 + n + 2);
	c->dc = sb_front_route(c->net, host, port);
	return reply(c, c->dc ? GRANTED : UNREACHABLE, "no data centre is there");
}

bool sb_front_socks(struct sb_conn *c)
{
	if (!c->front->in.len)
		return false;
	switch (c->front->stage) {
	case SB_FRONT_GREETING:
		return greeting(c);
	case SB_FRONT_LOGIN:
		return login(c);
	case SB_FRONT_ASKED:
		return asked(c);
	case SB_FRONT_OPEN:
	case SB_FRONT_DEAF:
		break;
	}
	return false;
}

/* ---- HTTP CONNECT ---------------------------------------------------------------------------- */

static void answer(struct sb_conn *c, const char *status, const char *fields, const char *why)
{
	tl_put_text(&c->front->out, "HTTP/1.1 ");
	tl_put_text(&c->front->out, status);
	tl_put_text(&c->front->out, "\r\n");
	tl_put_text(&c->front->out, fields);
	tl_put_text(&c->front->out,
		    why ? "Content-Length: 0\r\nConnection: close\r\n\r\n" : "\r\n");
	if (why)
		sb_front_refuse(c, why, false);
}

/* The value of a field, without the spaces around it; NULL when it is not there once. */
static const char *field(const char *head, const char *name, size_t *ret_n)
{
	const char *found = NULL;

	for (const char *line = strstr(head, "\r\n") + 2; *line != '\r';
	     line = strstr(line, "\r\n") + 2) {
		const char *end = strstr(line, "\r\n"), *p = line + strlen(name);

		if (strncasecmp(line, name, strlen(name)) != 0 || *p != ':')
			continue;
		if (found)
			return NULL;
		for (p++; *p == ' ' || *p == '\t'; p++)
			;
		while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		found = p;
		*ret_n = (size_t)(end - p);
	}
	return found;
}

static bool may_pass(const struct mt_proxy *is, const char *head)
{
	struct tl_buf want = {.len = 0}, plain = {.len = 0};
	size_t n = 0;
	const char *got = field(head, "Proxy-Authorization", &n);
	bool right = !is->user[0];

	if (!right && got && n > 6 && strncasecmp(got, "Basic ", 6) == 0) {
		tl_put_text(&plain, is->user);
		tl_put_u8(&plain, ':');
		tl_put_text(&plain, is->password);
		tl_js_base64(&want, plain.data, plain.len); /* in quotes */
		right = want.len == n - 6 + 2 && memcmp(want.data + 1, got + 6, n - 6) == 0;
	}
	tl_buf_free(&want);
	tl_buf_free(&plain);
	return right;
}

/* HOST:PORT or [HOST]:PORT */
static int route(struct sb_conn *c, const char *target)
{
	char host[256];
	const char *colon = strrchr(target, ':');
	size_t n = colon ? (size_t)(colon - target) : 0;
	bool bracket = n > 2 && target[0] == '[' && target[n - 1] == ']';

	if (!n || n >= sizeof host)
		return 0;
	memcpy(host, target + bracket, n - 2 * bracket);
	host[n - 2 * bracket] = 0;
	return sb_front_route(c->net, host, (unsigned)strtoul(colon + 1, NULL, 10));
}

static void connect_to(struct sb_conn *c, const char *head)
{
	const struct mt_proxy *is = &c->front->door->is;
	char method[16], target[300], version[16], end;
	size_t n = 0;
	const char *host = field(head, "Host", &n);

	if (sscanf(head, "%15[^ ] %299[^ ] %15[^ \r]%c", method, target, version, &end) != 4 ||
	    end != '\r' || strncmp(version, "HTTP/1.", 7) != 0) {
		answer(c, "400 Bad Request", "", "not HTTP/1.1");
	} else if (strcmp(method, "CONNECT") != 0) {
		answer(c, "405 Method Not Allowed", "Allow: CONNECT\r\n", "not CONNECT");
	} else if (!host || n != strlen(target) || strncasecmp(host, target, n) != 0) {
		answer(c, "400 Bad Request", "", "no Host, or another one than the target");
	} else if (!may_pass(is, head)) {
		answer(c, "407 Proxy Authentication Required",
		       "Proxy-Authenticate: Basic realm=\"sandbox\"\r\n", "wrong user or password");
	} else {
		c->dc = route(c, target);
		if (!c->dc) {
			answer(c, "502 Bad Gateway", "", "no data centre is there");
			return;
		}
		answer(c, "200 Connection established", "Via: 1.1 sandbox\r\n", NULL);
		c->front->stage = SB_FRONT_OPEN;
		c->front->door->passed++;
	}
}

bool sb_front_http(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	const uint8_t *end = memmem(f->in.data, f->in.len, "\r\n\r\n", 4);
	size_t n;
	char *head;

	if (f->stage != SB_FRONT_GREETING)
		return false;
	if (!end) {
		if (f->in.len > SB_HEAD_MAX)
			answer(c, "431 Request Header Fields Too Large", "", "a very long head");
		return false;
	}
	n = (size_t)(end - f->in.data) + 4;
	head = strndup((const char *)f->in.data, n);
	if (head && strlen(head) == n)
		connect_to(c, head);
	else
		answer(c, "400 Bad Request", "", "a NUL in the head");
	free(head);
	tl_buf_drop(&f->in, n);
	return false;
}
