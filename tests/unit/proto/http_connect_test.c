/* HTTP CONNECT: what is said, answers in pieces of every size, and every refusal. */
#include "tests/unit/proto/tunnels.h"

#define OPEN "http://p.net:3128"
#define DC "149.154.167.50"
#define ASK "CONNECT 149.154.167.50:443 HTTP/1.1\r\nHost: 149.154.167.50:443\r\n"

TEST(http_connect_open)
{
	static const struct {
		const char *link, *host;
		uint16_t port;
		struct tunnel_turn turns[2];
	} rows[] = {
		{OPEN, DC, 443, {TURN(ASK "\r\n", "HTTP/1.1 200 OK\r\n\r\n")}},
		{OPEN, DC, 443, {TURN(ASK "\r\n", "HTTP/1.0 200\r\n\r\n")}},
		{OPEN, DC, 443, {TURN(ASK "\r\n", "HTTP/1.1 299 \n\n")}},
		{OPEN,
		 DC,
		 443,
		 {TURN(ASK "\r\n",
		       "HTTP/1.1 200 Connection established\r\nVia: x\r\nContent-Length: 5"
		       "\r\n\r\n")}},
		{OPEN,
		 DC,
		 443,
		 {TURN(ASK "\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\n"
				   "HTTP/1.1 200 OK\r\n\r\n")}},
		{"http://me:pw@p.net:3128",
		 DC,
		 443,
		 {TURN(ASK "Proxy-Authorization: Basic bWU6cHc=\r\n\r\n",
		       "HTTP/1.1 200 OK\r\n\r\n")}},
		{"http://me@p.net:3128",
		 DC,
		 443,
		 {TURN(ASK "Proxy-Authorization: Basic bWU6\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n")}},
		{OPEN,
		 "2001:db8::1",
		 80,
		 {TURN("CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
		       "HTTP/1.1 200 OK\r\n\r\n")}},
		{OPEN,
		 "a.net",
		 8443,
		 {TURN("CONNECT a.net:8443 HTTP/1.1\r\nHost: a.net:8443\r\n\r\n",
		       "HTTP/1.1 200 OK\r\n\r\n")}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tunnel_turn turns[2] = {rows[i].turns[0], {NULL, NULL, 0, 0}};

		tunnel_play(rows[i].link, rows[i].host, rows[i].port, turns);
	}
}

TEST(http_connect_refused)
{
	static const struct {
		struct tunnel_turn turn;
		const char *want;
	} rows[] = {
		{TURN(ASK "\r\n", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "407"},
		{TURN(ASK "\r\n", "HTTP/1.1 401 x\r\n\r\n"), "407"},
		{TURN(ASK "\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nForbidden"),
		 "403"},
		{TURN(ASK "\r\n", "HTTP/1.1 405 x\r\n\r\n"), "CONNECT"},
		{TURN(ASK "\r\n", "HTTP/1.1 400 x\r\n\r\n"), "CONNECT"},
		{TURN(ASK "\r\n", "HTTP/1.1 502 x\r\n\r\n"), "cannot reach"},
		{TURN(ASK "\r\n", "HTTP/1.1 504 x\r\n\r\n"), "cannot reach"},
		{TURN(ASK "\r\n", "HTTP/1.1 301 x\r\nLocation: /\r\n\r\n"), "refused"},
		{TURN(ASK "\r\n", "HTTP/1.1 999 x\r\n\r\n"), "refused"},
		{TURN(ASK "\r\n", "HTTP/2.0 200 OK\r\n\r\n"), "does not speak"},
		{TURN(ASK "\r\n", "HTTP/1.1  200 OK\r\n\r\n"), "does not speak"},
		{TURN(ASK "\r\n", "HTTP/1.1 2OO OK\r\n\r\n"), "does not speak"},
		{TURN(ASK "\r\n", "\r\n\r\n"), "does not speak"},
		{TURN(ASK "\r\n", "\5\1"), "does not speak"},
		{TURN(ASK "\r\n", "H\n\n"), "does not speak"},
		{TURN(ASK "\r\n", "SSH-2.0-OpenSSH\r\n"), "does not speak"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tunnel_turn turns[2] = {rows[i].turn, {NULL, NULL, 0, 0}};

		tunnel_refused(OPEN, turns, rows[i].want);
	}
}

/* A head that never ends. */
TEST(http_connect_endless)
{
	struct mt_proxy p = tunnel_proxy(OPEN);
	struct mt_tunnel *t = tunnel_new(&p, DC, 443);
	size_t n = 0;
	int err;

	tunnel_says(t, ASK "\r\n", sizeof ASK + 1);
	err = tunnel_hears(t, "HTTP/1.1 200 OK\r\n", 17);
	for (n = 17; !err; n += 8)
		err = tunnel_hears(t, "a: bcd\r\n", 8);
	CHECK_INT(err, -TG_E_TRANSPORT);
	CHECK(n < MT_HTTP_HEAD_MAX + 16);
	CHECK(strstr(t->reason, "too long"));
	mt_tunnel_free(t);
}
