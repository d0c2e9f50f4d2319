/* The client's side of HTTP's CONNECT, with basic authentication: RFC 9110, 9.3.6 and RFC 7617.
 * Owns nothing; PROTOCOL C.73. */
#include "proto/tunnel.h"

#include <string.h>

static void put_port(struct tl_buf *b, unsigned v)
{
	if (v >= 10)
		put_port(b, v / 10);
	tl_put_u8(b, (uint8_t)('0' + v % 10));
}

static void put_target(struct mt_tunnel *t)
{
	bool six = strchr(t->way.host, ':') != NULL;

	tl_put_text(&t->out, six ? "[" : "");
	tl_put_text(&t->out, t->way.host);
	tl_put_text(&t->out, six ? "]:" : ":");
	put_port(&t->out, t->way.port);
}

static void put_login(struct mt_tunnel *t)
{
	struct tl_buf login = {.len = 0}, quoted = {.len = 0};

	tl_put_text(&login, t->way.proxy->user);
	tl_put_text(&login, ":");
	tl_put_text(&login, t->way.proxy->password);
	tl_js_base64(&quoted, login.data, login.len);
	if (login.err || quoted.err) {
		t->out.err = -TG_E_NOMEM;
	} else {
		tl_put_text(&t->out, "Proxy-Authorization: Basic ");
		tl_put(&t->out, quoted.data + 1, quoted.len - 2);
		tl_put_text(&t->out, "\r\n");
		mt_wipe(quoted.data, quoted.len);
		mt_wipe(login.data, login.len);
	}
	tl_buf_free(&login);
	tl_buf_free(&quoted);
}

void mt_http_start(struct mt_tunnel *t)
{
	tl_put_text(&t->out, "CONNECT ");
	put_target(t);
	tl_put_text(&t->out, " HTTP/1.1\r\nHost: ");
	put_target(t);
	tl_put_text(&t->out, "\r\n");
	if (t->way.proxy->user[0])
		put_login(t);
	tl_put_text(&t->out, "\r\n");
	t->state = MT_TUNNEL_CONNECT;
}

/* Bytes of the head, the empty line included; 0: it is not all there. */
static size_t head_size(const uint8_t *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (p[i - 1] == '\n' || (i >= 2 && p[i - 1] == '\r' && p[i - 2] == '\n'))
			return i + 1;
	}
	return 0;
}

static const char *refusal(unsigned status)
{
	switch (status) {
	case 401:
	case 407:
		return "the HTTP proxy wants another user and password (407)";
	case 403:
		return "the HTTP proxy does not allow this connection (403)";
	case 400:
	case 405:
	case 501:
		return "the HTTP proxy does not know CONNECT";
	case 502:
	case 503:
	case 504:
		return "the HTTP proxy cannot reach the server";
	}
	return "the HTTP proxy refused";
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200": as much of it as is there must be right, so that a stranger is found out early.
 */
static bool looks_like_http(const uint8_t *p, size_t n)
{
	static const char start[] = "HTTP/1.";

	for (size_t i = 0; i < n && i < 12; i++) {
		bool ok = i < 7 ? p[i] == (uint8_t)start[i] : i == 8 ? p[i] == ' ' : digit(p[i]);

		if (!ok)
			return false;
	}
	return true;
}

/* One head; false: wait, or it is over. */
static bool take_head(struct mt_tunnel *t)
{
	const uint8_t *p = t->in.data;
	size_t n = head_size(p, t->in.len);
	unsigned status;

	if (!looks_like_http(p, t->in.len) || (n && n < 13)) {
		mt_tunnel_fail(t, "the proxy does not speak HTTP");
		return false;
	}
	if (!n) {
		if (t->in.len >= MT_HTTP_HEAD_MAX)
			mt_tunnel_fail(t, "the HTTP proxy's answer is too long");
		return false;
	}
	status = (p[9] - '0') * 100u + (p[10] - '0') * 10u + (p[11] - '0');
	tl_buf_drop(&t->in, n); /* a body of a 2xx is the tunnel (RFC 9110, 9.3.6) */
	if (status / 100 == 1)
		return true; /* something goes before the answer */
	if (status / 100 == 2)
		t->state = MT_TUNNEL_READY;
	else
		mt_tunnel_fail(t, refusal(status));
	return false;
}

void mt_http_step(struct mt_tunnel *t)
{
	while (t->in.len && take_head(t))
		;
}
