/* The client's side of SOCKS5: RFC 1928, and RFC 1929 for user and password. Names go to the proxy
 * as they are, so that it asks the DNS. Owns nothing; PROTOCOL C.73. */
#include "proto/tunnel.h"

#include <string.h>

enum { VERSION = 5, LOGIN_VERSION = 1, CONNECT = 1 };
enum { METHOD_OPEN = 0, METHOD_LOGIN = 2 };
enum { ADDRESS_V4 = 1, ADDRESS_NAME = 3, ADDRESS_V6 = 4 };

void mt_socks_start(struct mt_tunnel *t)
{
	tl_put_u8(&t->out, VERSION);
	tl_put_u8(&t->out, t->way.proxy->user[0] ? 2 : 1);
	tl_put_u8(&t->out, METHOD_OPEN);
	if (t->way.proxy->user[0])
		tl_put_u8(&t->out, METHOD_LOGIN);
	t->state = MT_TUNNEL_METHOD;
}

static void put_short(struct tl_buf *b, const char *text)
{
	size_t n = strlen(text);

	tl_put_u8(b, (uint8_t)n);
	tl_put(b, text, n);
}

static void say_connect(struct mt_tunnel *t)
{
	uint8_t numeric[16];
	size_t n = mt_numeric(t->way.host, numeric);

	tl_put_u8(&t->out, VERSION);
	tl_put_u8(&t->out, CONNECT);
	tl_put_u8(&t->out, 0);
	tl_put_u8(&t->out, n == 4 ? ADDRESS_V4 : n == 16 ? ADDRESS_V6 : ADDRESS_NAME);
	if (n)
		tl_put(&t->out, numeric, n);
	else
		put_short(&t->out, t->way.host);
	tl_put_u8(&t->out, (uint8_t)(t->way.port >> 8));
	tl_put_u8(&t->out, (uint8_t)t->way.port);
	t->state = MT_TUNNEL_CONNECT;
}

static void say_login(struct mt_tunnel *t)
{
	tl_put_u8(&t->out, LOGIN_VERSION);
	put_short(&t->out, t->way.proxy->user);
	put_short(&t->out, t->way.proxy->password);
	t->state = MT_TUNNEL_LOGIN;
}

static void take_method(struct mt_tunnel *t)
{
	uint8_t version = t->in.data[0], method = t->in.data[1];

	tl_buf_drop(&t->in, 2);
	if (version != VERSION)
		mt_tunnel_fail(t, "the proxy does not speak SOCKS5");
	else if (method == METHOD_OPEN)
		say_connect(t);
	else if (method == METHOD_LOGIN && t->way.proxy->user[0])
		say_login(t);
	else
		mt_tunnel_fail(t, t->way.proxy->user[0]
					  ? "the SOCKS5 proxy takes no user and password"
					  : "the SOCKS5 proxy wants a user and a password");
}

static void take_login(struct mt_tunnel *t)
{
	uint8_t version = t->in.data[0], status = t->in.data[1];

	tl_buf_drop(&t->in, 2);
	if (version != LOGIN_VERSION)
		mt_tunnel_fail(t, "the SOCKS5 proxy's answer to the login is unreadable");
	else if (status)
		mt_tunnel_fail(t, "the SOCKS5 proxy refused user and password");
	else
		say_connect(t);
}

static const char *refusal(uint8_t code)
{
	static const char *const texts[] = {
		[1] = "the SOCKS5 proxy failed",
		[2] = "the SOCKS5 proxy does not allow this connection",
		[3] = "the SOCKS5 proxy cannot reach the network",
		[4] = "the SOCKS5 proxy cannot reach the server",
		[5] = "the server refused the SOCKS5 proxy's connection",
		[6] = "the SOCKS5 proxy got no answer in time",
		[7] = "the SOCKS5 proxy does not connect",
		[8] = "the SOCKS5 proxy does not know this kind of address",
	};

	return code < sizeof texts / sizeof texts[0] ? texts[code] : texts[1];
}

/* The address that the proxy connected from has any of three sizes, and says nothing to us. */
static void take_connect(struct mt_tunnel *t)
{
	const uint8_t *p = t->in.data;
	size_t n = t->in.len, size;

	if (p[0] != VERSION) {
		mt_tunnel_fail(t, "the SOCKS5 proxy's answer is unreadable");
		return;
	}
	if (n >= 2 && p[1]) {
		mt_tunnel_fail(t, refusal(p[1]));
		return;
	}
	if (n < 5)
		return;
	switch (p[3]) {
	case ADDRESS_V4:
		size = 4 + 4 + 2;
		break;
	case ADDRESS_V6:
		size = 4 + 16 + 2;
		break;
	case ADDRESS_NAME:
		size = 4 + 1 + (size_t)p[4] + 2;
		break;
	default:
		mt_tunnel_fail(t, "the SOCKS5 proxy's answer is unreadable");
		return;
	}
	if (n < size)
		return;
	tl_buf_drop(&t->in, size);
	t->state = MT_TUNNEL_READY;
}

void mt_socks_step(struct mt_tunnel *t)
{
	if (t->state == MT_TUNNEL_METHOD && t->in.len >= 2)
		take_method(t);
	if (t->state == MT_TUNNEL_LOGIN && t->in.len >= 2)
		take_login(t);
	if (t->state == MT_TUNNEL_CONNECT && t->in.len)
		take_connect(t);
}
