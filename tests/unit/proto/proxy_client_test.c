/* A client behind proxies: nothing is sent before the way stands, each connection takes it anew,
 * and what goes wrong with it is told. */
#include "tests/unit/proto/mock.h"
#include "tests/unit/proto/proxy_server.h"

#define KEY "00112233445566778899aabbccddeeff"
#define TLS "mtproxy://ee" KEY "612e6e6574@p.net:443"
#define QUERY 0x11223344u

struct behind {
	struct mock *m;
	struct mt_proxy p;
	struct proxy_server s;
};

static struct behind *begin_over(const char *transport, const char *link)
{
	struct behind *b = calloc(1, sizeof *b);
	const char *reason;

	CHECK_INT(mt_proxy_parse(link, &b->p, &reason), 0);
	b->s.is = &b->p;
	b->s.unix_time = MOCK_EPOCH;
	b->m = mock_new(transport, true);
	b->m->o.proxy = &b->p;
	mock_again(b->m);
	mt_client_set_target(b->m->c, mt_bootstrap(false, 1));
	return b;
}

static struct behind *begin(const char *link)
{
	return begin_over("obfuscated-padded", link);
}

static void end(struct behind *b)
{
	mock_free(b->m);
	proxy_server_free(&b->s);
	free(b);
}

/* The mock's bytes through the proxy, until nothing moves. */
static void pump(struct behind *b)
{
	struct tl_buf *out;
	bool moved = true;

	while (moved) {
		out = mt_client_out(b->m->c, b->m->now);
		moved = out && out->len;
		if (moved) {
			proxy_server_hear(&b->s, out->data, out->len);
			tl_buf_drop(out, out->len);
		}
		if (b->s.to_server.len)
			mock_hear(b->m, b->s.to_server.data, b->s.to_server.len);
		tl_buf_clear(&b->s.to_server);
		moved |= b->s.to_client.len > 0;
		CHECK_INT(
			mt_client_feed(b->m->c, b->s.to_client.data, b->s.to_client.len, b->m->now),
			0);
		tl_buf_clear(&b->s.to_client);
	}
}

static void again(struct behind *b)
{
	const struct proxy_server fresh = {
		.is = &b->p, .unix_time = b->s.unix_time, .old = b->s.old};

	proxy_server_free(&b->s);
	b->s = fresh;
}

TEST(proxy_client_every_connection)
{
	static const char *const links[] = {
		TLS,
		"mtproxy://dd" KEY "@p.net:443",
		"socks5://me:pw@p.net:1080",
		"http://p.net:3128",
	};

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct behind *b = begin(links[i]);

		mock_query(b->m, QUERY, 1, 0, 0);
		mock_connect(b->m);
		for (int turn = 0; turn < 3; turn++) {
			pump(b);
			CHECK(mock_expect(b->m, QUERY));
			CHECK(b->s.dc == (b->p.kind == MT_PROXY_MTPROXY ? 10002 : 0));
			CHECK_STR(b->s.target,
				  b->p.kind == MT_PROXY_MTPROXY ? "" : "149.154.167.50:443");
			mock_lose(b->m);
			mock_clear(b->m);
			mock_query(b->m, QUERY, 1, 0, 0);
			again(b);
			mock_reconnect_only(b->m);
		}
		end(b);
	}
}

/* C.38: a dd secret, and one of fake TLS, are for the padded framing, whatever is set; a simple one
 * takes what is set. */
TEST(proxy_client_tag_of_the_secret)
{
	static const struct {
		const char *link;
		uint32_t tag;
	} rows[] = {{"mtproxy://" KEY "@p.net:443", 0xeeeeeeee},
		    {"mtproxy://dd" KEY "@p.net:443", 0xdddddddd},
		    {TLS, 0xdddddddd}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct behind *b = begin_over("intermediate", rows[i].link);

		mock_connect(b->m);
		pump(b);
		CHECK_INT(b->s.tag, rows[i].tag);
		end(b);
	}
}

/* C.52: a proxy that says nothing is given up after ten seconds, and the queries stay unsent. */
TEST(proxy_client_silence)
{
	struct behind *b = begin("socks5://p.net:1080");
	struct mt_event ev;

	b->s.silent = true;
	mock_query(b->m, QUERY, 1, MT_QUERY_ONCE, 0);
	mock_connect(b->m);
	pump(b);
	CHECK_INT(mt_client_deadline(b->m->c), MT_TUNNEL_TIME * NS);
	b->m->now.boot += MT_TUNNEL_TIME * NS;
	mt_client_tick(b->m->c, b->m->now);
	ev = mock_event(b->m, MT_EV_PROXY);
	CHECK(ev.n == 32 && memcmp(ev.data, "the proxy did not answer in time", 32) == 0);
	mock_event(b->m, MT_EV_CLOSE);
	mock_lose(b->m);
	mock_quiet(b->m); /* no FAILED: it never left, and the reason is told once */
	b->s.silent = false;
	again(b);
	mock_reconnect_only(b->m);
	pump(b);
	mock_expect(b->m, QUERY);
	end(b);
}

TEST(proxy_client_reasons)
{
	struct behind *b = begin("socks5://p.net:1080");
	struct mt_event ev;

	mock_event(b->m, MT_EV_CONNECT);
	mock_lose(b->m); /* the proxy is not there */
	ev = mock_event(b->m, MT_EV_PROXY);
	CHECK_MEM(ev.data, "no connection to the proxy", 26);
	mock_reconnect_only(b->m);
	mock_lose(b->m);
	ev = mock_event(b->m, MT_EV_PROXY);
	CHECK_MEM(ev.data, "the proxy closed the connection", 31);
	end(b);
	b = begin("mtproxy://dd" KEY "@p.net:443");
	mock_connect(b->m);
	mock_lose(b->m);
	ev = mock_event(b->m, MT_EV_PROXY);
	CHECK_MEM(ev.data, "nothing came through the proxy", 30);
	end(b);
}

/* C.51: a stored offset that is wrong by now does not lock us out: the local clock is tried, too.
 */
TEST(proxy_client_clock)
{
	struct behind *b = begin(TLS);
	struct mt_event ev;

	b->m->o.time_offset = 3600 * NS;
	mock_again(b->m);
	mock_connect(b->m);
	pump(b);
	CHECK(b->s.refused);
	ev = mock_event(b->m, MT_EV_PROXY);
	CHECK(ev.n);
	mock_event(b->m, MT_EV_CLOSE);
	mock_lose(b->m);
	again(b);
	mock_reconnect_only(b->m);
	pump(b);
	CHECK(!b->s.refused && b->s.changes == 1);
	mock_expect(b->m, WIRE_PING_DELAY_DISCONNECT);
	end(b);
}

/* Refused: the connection is lost, and taken anew. */
static void refused_once(struct behind *b, bool first)
{
	if (first)
		mock_connect(b->m);
	else
		mock_reconnect_only(b->m);
	pump(b);
	CHECK(b->s.refused);
	CHECK(mock_event(b->m, MT_EV_PROXY).n);
	mock_event(b->m, MT_EV_CLOSE);
	mock_lose(b->m);
	again(b);
}

/* C.45: what a proxy of 2019 does not take is not said again and again; what it took is kept. */
TEST(proxy_client_old_proxy)
{
	struct behind *b = begin(TLS);

	b->s.old = true;
	refused_once(b, true);
	for (int i = 0; i < 3; i++) {
		mock_reconnect_only(b->m);
		pump(b);
		CHECK(!b->s.refused && b->s.changes == 1);
		mock_expect(b->m, WIRE_PING_DELAY_DISCONNECT);
		mock_lose(b->m);
		again(b);
	}
	end(b);
}

/* C.51, C.45: neither our stored clock nor our hello is what it likes. */
TEST(proxy_client_old_proxy_and_clock)
{
	struct behind *b = begin(TLS);

	b->s.old = true;
	b->m->o.time_offset = 3600 * NS;
	mock_again(b->m);
	refused_once(b, true);
	refused_once(b, false);
	refused_once(b, false);
	mock_reconnect_only(b->m);
	pump(b);
	CHECK(!b->s.refused && b->s.changes == 1);
	end(b);
}

/* C.29: an address with a secret is obfuscated with it, whatever the transport is. */
TEST(client_obfuscates_with_the_address_secret)
{
	static const struct {
		const char *transport;
		bool dd;
		uint32_t tag;
	} rows[] = {{"intermediate", false, 0xeeeeeeee},
		    {"full", false, 0xeeeeeeee},
		    {"obfuscated-abridged", false, 0xefefefef},
		    {"obfuscated-abridged", true, 0xdddddddd}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct behind *b = begin(rows[i].dd ? "mtproxy://dd" KEY "@p.net:443"
						    : "mtproxy://" KEY "@p.net:443");
		struct mt_address to = {.dc = 2, .host = "10.0.0.1", .port = 443};

		to.secret_n = rows[i].dd ? 17 : 16;
		to.secret[0] = 0xdd;
		memcpy(to.secret + rows[i].dd, b->p.secret, 16);
		b->m->o.proxy = NULL;
		CHECK_INT(mt_transport_parse(rows[i].transport, &b->m->o.transport), 0);
		mock_again(b->m);
		mt_client_set_target(b->m->c, &to);
		mock_query(b->m, QUERY, 1, MT_QUERY_ONCE, 0);
		mock_connect(b->m);
		pump(b);
		CHECK(b->s.tag == rows[i].tag);
		mock_expect(b->m, QUERY);
		end(b);
	}
}
