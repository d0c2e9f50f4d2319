/* The sandbox's proxies are as strict as others': what they refuse and how, where they lead, and
 * that nothing passes twice. PROTOCOL C5, C6, C.26, C.73. */
#include "rig.h"

#include "proto/proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 3000 /* ms for what must come */
#define SILENCE 150   /* ms in which nothing may come */

static void refused(struct rig *r, const char *why)
{
	char want[200];

	snprintf(want, sizeof want, "\"last_refusal\":\"%s\"", why);
	rig_control(r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stats\"}", want);
}

/* Reads until the other side closes, or until silence; true = closed. */
static bool listen_to(int fd, struct tl_buf *ret, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, ms) == 1) {
		uint8_t bytes[4096];
		ssize_t n = read(fd, bytes, sizeof bytes);

		if (n <= 0)
			return true;
		tl_put(ret, bytes, (size_t)n);
		ms = SILENCE;
	}
	return false;
}

/* ---- SOCKS5 and HTTP ------------------------------------------------------------------------- */

struct talk {
	const char *says;
	size_t n;
	const char *answer; /* how what comes back ends */
	size_t answer_n;
	const char *why; /* NULL: it is let in */
};
#define SAYS(text) text, sizeof text - 1
#define LOGIN "\5\1\2\1\2me\2pw"

static void hold(struct rig *r, unsigned door, const struct talk *t)
{
	struct tl_buf got = {.len = 0};
	int fd = rig_dial(r->doors[door]);
	bool closed;

	CHECK(send(fd, t->says, t->n, MSG_NOSIGNAL) == (ssize_t)t->n);
	closed = listen_to(fd, &got, PATIENCE);
	CHECK_INT(closed, t->why != NULL);
	CHECK(got.len >= t->answer_n);
	if (t->answer_n)
		CHECK_MEM(got.data + got.len - t->answer_n, t->answer, t->answer_n);
	if (t->why)
		refused(r, t->why);
	tl_buf_free(&got);
	close(fd);
}

TEST(socks_door)
{
	static const struct talk talks[] = {
		{SAYS("\4\1"), SAYS(""), "not SOCKS5"},
		{SAYS("\5\1\0"), SAYS("\5\xff"), "no such method of login"},
		{SAYS("\5\2\0\2\1\2me\2px"), SAYS("\5\2\1\1"), "wrong user or password"},
		{SAYS(LOGIN "\5\1\0\1\177\0\0\1\0\1"), SAYS("\5\4\0\1\0\0\0\0\0\0"),
		 "no data centre is there"},
		{SAYS(LOGIN "\5\1\0\3\1a\0\1"), SAYS("\5\4\0\1\0\0\0\0\0\0"),
		 "no data centre is there"},
		{SAYS(LOGIN "\5\2\0\1\177\0\0\1\0\1"), SAYS("\5\7\0\1\0\0\0\0\0\0"), "not CONNECT"},
		{SAYS(LOGIN "\5\1\0\2\1a\0\1"), SAYS("\5\10\0\1\0\0\0\0\0\0"),
		 "no such type of address"},
		{SAYS(LOGIN "\5\1\1\1\177\0\0\1\0\1"), SAYS("\5\1\0\1\0\0\0\0\0\0"), "not SOCKS5"},
		/* one of Telegram's own addresses: the data centre that is ours */
		{SAYS(LOGIN "\5\1\0\1\225\232\247\63\1\273"), SAYS("\5\0\0\1\0\0\0\0\0\0"), NULL},
		{SAYS(LOGIN "\5\1\0\1\225\232\247\63\1\273\xef"), SAYS("\5\0\0\1\0\0\0\0\0\0"),
		 "spoke before the answer"},
	};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++)
		hold(&r, RIG_SOCKS, &talks[i]);
	rig_close(&r);
}

#define END "Content-Length: 0\r\nConnection: close\r\n\r\n"
#define TO "149.154.167.51:443"
#define ASK "CONNECT " TO " HTTP/1.1\r\nHost: " TO "\r\n"

TEST(http_door)
{
	static const struct talk talks[] = {
		{SAYS("hello\r\n\r\n"), SAYS(END), "not HTTP/1.1"},
		{SAYS("GET / HTTP/1.1\r\nHost: /\r\n\r\n"), SAYS("Allow: CONNECT\r\n" END),
		 "not CONNECT"},
		{SAYS("CONNECT " TO " HTTP/1.1\r\n\r\n"), SAYS(END),
		 "no Host, or another one than the target"},
		{SAYS(ASK "\r\n"), SAYS("Proxy-Authenticate: Basic realm=\"sandbox\"\r\n" END),
		 "wrong user or password"},
		{SAYS(ASK "Proxy-Authorization: Basic bWU6cHg=\r\n\r\n"), SAYS(END),
		 "wrong user or password"},
		{SAYS("CONNECT a.net:1 HTTP/1.1\r\nHost: a.net:1\r\n"
		      "Proxy-Authorization: Basic bWU6cHc=\r\n\r\n"),
		 SAYS(END), "no data centre is there"},
		{SAYS(ASK "Proxy-Authorization: Basic bWU6cHc=\r\n\r\n"),
		 SAYS("Via: 1.1 sandbox\r\n\r\n"), NULL},
		{SAYS(ASK "Proxy-Authorization: Basic bWU6cHc=\r\n\r\nx"),
		 SAYS("Via: 1.1 sandbox\r\n\r\n"), "spoke before the answer"},
	};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++)
		hold(&r, RIG_HTTP, &talks[i]);
	rig_close(&r);
}

/* ---- MTProxy --------------------------------------------------------------------------------- */

/* A client's link through that door. */
struct caller {
	struct mt_proxy is;
	struct mt_link *link;
	struct tl_buf sent; /* all of it */
	int fd;
};

static void call(struct rig *r, struct caller *c, const char *secret, int dc, int64_t clock)
{
	struct mt_transport t;
	struct mt_way way = {.proxy = &c->is, .unix_time = clock};
	const char *reason;

	*c = (struct caller){.is = {.kind = MT_PROXY_MTPROXY}};
	CHECK_INT(mt_transport_parse("obfuscated-padded", &t), 0);
	CHECK_INT(mt_proxy_parse_secret(secret, strlen(secret), &c->is, &reason), 0);
	c->link = mt_link_new_through(&t, dc, &way, &r->env);
	CHECK(c->link);
	c->fd = rig_dial(r->doors[c->is.secret_kind == MT_SECRET_TLS ? RIG_EE : RIG_DD]);
}

static void flush(struct caller *c)
{
	struct tl_buf *out = mt_link_out(c->link);

	tl_put(&c->sent, out->data, out->len);
	rig_put(c->fd, out);
}

/* The first question of a key exchange; its answer is the proof that a data centre was reached. */
static bool asks(struct caller *c)
{
	static const uint8_t question[40] = {[10] = 1, [16] = 20, [20] = 0xf1, 0x8e, 0x7e, 0xbe};
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	struct mt_packet packet = {.kind = MT_PACKET_NONE};
	bool asked = false;

	while (packet.kind == MT_PACKET_NONE) {
		uint8_t bytes[4096];
		ssize_t n;

		if (!asked && mt_link_ready(c->link)) {
			CHECK_INT(mt_link_send(c->link, question, sizeof question, false), 0);
			asked = true;
		}
		flush(c);
		if (poll(&p, 1,
			 c->is.secret_kind == MT_SECRET_TLS && !asked ? PATIENCE : 4 * SILENCE) !=
		    1)
			return false;
		n = read(c->fd, bytes, sizeof bytes);
		if (n <= 0 || mt_link_feed(c->link, bytes, (size_t)n) ||
		    mt_link_next(c->link, &packet))
			return false;
	}
	return packet.kind == MT_PACKET_DATA && packet.n >= 40;
}

static void hang_up(struct caller *c)
{
	mt_link_free(c->link);
	tl_buf_free(&c->sent);
	close(c->fd);
}

#define DD "dd" RIG_SECRET
#define EE "ee" RIG_SECRET RIG_DOMAIN

TEST(mtproxy_doors_lead_by_number)
{
	static const struct {
		int dc;
		const char *why;
	} rows[] = {{1, NULL},
		    {2, NULL},
		    {-2, NULL},     /* media */
		    {10002, NULL},  /* test */
		    {-10001, NULL}, /* media of test */
		    {3, "no such data centre"},
		    {0, "no such data centre"},
		    {-3, "no such data centre"}};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct caller c;

		for (int ee = 0; ee < 2; ee++) {
			call(&r, &c, ee ? EE : DD, rows[i].dc, rig_now());
			CHECK_INT(asks(&c), !rows[i].why);
			if (rows[i].why)
				refused(&r, rows[i].why);
			hang_up(&c);
		}
	}
	rig_close(&r);
}

TEST(mtproxy_doors_refuse_strangers)
{
	static const struct {
		const char *secret;
		int64_t off;
		const char *why;
	} rows[] = {
		{"dd00112233445566778899aabbccddeefe", 0, "not with our secret"},
		{RIG_SECRET, 0, "not padded"}, /* a simple secret chooses intermediate (C.38) */
		{"ee00112233445566778899aabbccddeefe" RIG_DOMAIN, 0, "not with our secret"},
		{"ee" RIG_SECRET "622e6e6574", 0, "no sound ClientHello for our domain"},
		{EE, -21 * 60, "the clock is wrong"},
		{EE, 11 * 60, "the clock is wrong"},
	};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct caller c;

		call(&r, &c, rows[i].secret, 2, rig_now() + rows[i].off);
		CHECK(!asks(&c));
		refused(&r, rows[i].why);
		hang_up(&c);
	}
	for (int off = -19 * 60; off <= 9 * 60; off += 28 * 60) { /* still good */
		struct caller c;

		call(&r, &c, EE, 2, rig_now() + off);
		CHECK(asks(&c));
		hang_up(&c);
	}
	rig_close(&r);
}

/* What was good once is a web server's business the second time. */
TEST(mtproxy_doors_know_replays)
{
	static const struct {
		const char *secret, *why;
	} rows[] = {{DD, "the header was here before"}, {EE, "the hello was here before"}};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tl_buf got = {.len = 0};
		struct caller c;
		int fd;

		call(&r, &c, rows[i].secret, 2, rig_now());
		CHECK(asks(&c));
		fd = rig_dial(r.doors[i ? RIG_EE : RIG_DD]);
		rig_put(fd, &c.sent);
		CHECK(!listen_to(fd, &got, 4 * SILENCE)); /* not closed: that would tell */
		CHECK_INT(got.len > 0, i);                /* somebody's ServerHello */
		refused(&r, rows[i].why);
		close(fd);
		tl_buf_free(&got);
		hang_up(&c);
	}
	rig_close(&r);
}

TEST(fake_tls_door_is_a_web_server)
{
	static const struct talk talks[] = {
		{SAYS("GET / HTTP/1.1\r\n\r\n"), SAYS(END), "not TLS"},
		{SAYS("\x16\3\1\0\1\1"), SAYS(""), "a hello of no possible size"},
		{SAYS("\x16\3\1\xff\xff\1"), SAYS(""), "a hello of no possible size"},
	};
	struct rig r;

	rig_open(&r);
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++)
		hold(&r, RIG_EE, &talks[i]);
	rig_close(&r);
}
