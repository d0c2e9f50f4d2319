/* Fake TLS: the ClientHello's shape and digest, ServerHellos that two real proxies sent, records in
 * every cut; and whole links through an MTProxy with each kind of secret. */
#include "proto/bignum.h"
#include "tests/unit/proto/proxy_server.h"
#include "tests/unit/proto/tunnels.h"

#define KEY "00112233445566778899aabbccddeeff"
#define TLS "tg://proxy?server=p.net&port=443&secret=ee" KEY "7777772e676f6f676c652e636f6d"

/* ---- the ClientHello (C.45) ------------------------------------------------------------------ */

struct shape {
	uint16_t ciphers[32], groups[16], shares[8], share_sizes[8], extensions[32];
	size_t cipher_n, group_n, share_n, extension_n;
	const uint8_t *x25519, *mlkem;
	char name[256];
};

static unsigned u16(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 2);

	CHECK(p);
	return (unsigned)p[0] << 8 | p[1];
}

static struct tl_cursor part(struct tl_cursor *c)
{
	unsigned n = u16(c);
	const uint8_t *p = tl_get(c, n);

	CHECK(p || !n);
	return tl_cursor(p, n);
}

static bool is_grease(unsigned v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static void take_shares(struct shape *s, struct tl_cursor c)
{
	struct tl_cursor list = part(&c);

	CHECK(!tl_left(&c));
	while (tl_left(&list)) {
		unsigned group = u16(&list);
		struct tl_cursor key = part(&list);

		s->shares[s->share_n] = (uint16_t)group;
		s->share_sizes[s->share_n++] = (uint16_t)tl_left(&key);
		if (group == 0x001d)
			s->x25519 = key.p;
		if (group == 0x11ec)
			s->mlkem = key.p;
	}
}

static void take_extension(struct shape *s, unsigned x, struct tl_cursor c)
{
	struct tl_cursor list;

	if (x == 0) {
		list = part(&c);
		CHECK_MEM(tl_get(&list, 1), "\0", 1);
		c = part(&list);
		memcpy(s->name, c.p, tl_left(&c));
	} else if (x == 0x0a) {
		list = part(&c);
		while (tl_left(&list))
			s->groups[s->group_n++] = (uint16_t)u16(&list);
	} else if (x == 0x33) {
		take_shares(s, c);
	} else if (x == 0x10) {
		CHECK_MEM(c.p, "\0\14\2h2\10http/1.1", 14);
	} else if (x == 0x2b) {
		CHECK_INT(c.p[0], 6);
		CHECK(is_grease((unsigned)c.p[1] << 8 | c.p[2]));
		CHECK_MEM(c.p + 3, "\3\4\3\3", 4);
	}
}

static struct shape parse(const struct tl_buf *hello)
{
	struct tl_cursor c = tl_cursor(hello->data, hello->len), list;
	struct shape s = {.cipher_n = 0};

	CHECK_MEM(tl_get(&c, 3), "\x16\3\1", 3);
	list = part(&c);
	CHECK(!tl_left(&c));
	c = list;
	CHECK_MEM(tl_get(&c, 2), "\1\0", 2);
	list = part(&c);
	CHECK(!tl_left(&c));
	c = list;
	CHECK_MEM(tl_get(&c, 2), "\3\3", 2);
	CHECK(c.p == hello->data + 11);
	tl_get(&c, 32);
	CHECK(c.p == hello->data + 43);
	CHECK_MEM(tl_get(&c, 1), "\x20", 1);
	tl_get(&c, 32);
	list = part(&c);
	while (tl_left(&list))
		s.ciphers[s.cipher_n++] = (uint16_t)u16(&list);
	CHECK_MEM(tl_get(&c, 2), "\1\0", 2);
	list = part(&c);
	CHECK(!tl_left(&c) && !c.err);
	while (tl_left(&list)) {
		unsigned x = u16(&list);

		s.extensions[s.extension_n++] = (uint16_t)x;
		take_extension(&s, x, part(&list));
	}
	CHECK(!list.err);
	return s;
}

static void check_shape(const struct shape *s, bool old)
{
	size_t last = s->extension_n - 1 - old, x25519 = old ? 1 : 2;

	CHECK(is_grease(s->ciphers[0]));
	CHECK(s->ciphers[1] >= 0x1301 && s->ciphers[1] <= 0x1303);
	CHECK_STR(s->name, "www.google.com");
	CHECK_INT(s->share_n, x25519 + 1);
	CHECK(is_grease(s->shares[0]) && s->share_sizes[0] == 1);
	CHECK(s->shares[x25519] == 0x001d && s->share_sizes[x25519] == 32);
	CHECK_INT(s->groups[0], s->shares[0]);
	CHECK_INT(s->groups[x25519], 0x001d);
	CHECK(is_grease(s->extensions[0]) && is_grease(s->extensions[last]));
	CHECK(s->extensions[0] != s->extensions[last]);
	for (size_t i = 0; i <= last; i++)
		for (size_t j = 0; j < i; j++)
			CHECK(s->extensions[i] != s->extensions[j]);
	if (old) {
		CHECK_INT(s->extensions[last + 1], 0x15);
		return;
	}
	CHECK(s->shares[1] == 0x11ec && s->share_sizes[1] == 1184 + 32);
	CHECK_INT(s->groups[1], 0x11ec);
	for (size_t i = 0; i < 1152; i += 3) { /* FIPS 203: coefficients below q */
		unsigned a = s->mlkem[i] | (s->mlkem[i + 1] & 15u) << 8;
		unsigned b = (unsigned)s->mlkem[i + 1] >> 4 | (unsigned)s->mlkem[i + 2] << 4;

		CHECK(a < 3329 && b < 3329);
	}
}

static void check_hellos(bool old)
{
	unsigned orders = 0, sizes = 0;
	struct shape last = {.cipher_n = 0};
	size_t last_size = 0;

	for (int i = 0; i < 40; i++) {
		struct tl_buf b = {.len = 0};
		struct shape s;

		mt_client_hello(&seeded_env, "www.google.com", old, &b);
		CHECK_INT(b.err, 0);
		for (size_t at = 11; at < 43; at++)
			CHECK_INT(b.data[at], 0);
		s = parse(&b);
		check_shape(&s, old);
		orders += memcmp(s.extensions, last.extensions, sizeof s.extensions) != 0;
		CHECK(!old || b.len == 517);
		sizes += b.len != last_size;
		last = s;
		last_size = b.len;
		tl_buf_free(&b);
	}
	CHECK_INT(orders, 40);
	CHECK(old || sizes > 10);
}

TEST(faketls_client_hello_shape)
{
	check_hellos(false);
}

/* Proxies of 2019 read 517 bytes and nothing else (C.45); a domain of any length fits. */
TEST(faketls_old_client_hello_shape)
{
	char domain[MT_PROXY_DOMAIN_MAX + 1] = "";

	check_hellos(true);
	for (size_t n = 1; n <= MT_PROXY_DOMAIN_MAX; n++) {
		struct tl_buf b = {.len = 0};

		domain[n - 1] = 'a';
		mt_client_hello(&seeded_env, domain, true, &b);
		CHECK_INT(b.len, 517);
		CHECK_STR(parse(&b).name, domain);
		tl_buf_free(&b);
	}
}

/* C.47: x³ + 486662 x² + x is a square modulo 2²⁵⁵ - 19. */
static bool on_curve(const uint8_t le[32])
{
	static const uint8_t one[1] = {1}, zero[1] = {0};
	uint8_t p[32], half[32], x[32], w[32], minus[256], v[256], r[256], unit[256] = {0};
	unsigned carry = 486662;

	memset(p, 0xff, 32);
	p[0] = 0x7f;
	p[31] = 0xed;
	memset(half, 0xff, 32); /* (p - 1) / 2 */
	half[0] = 0x3f;
	half[31] = 0xf6;
	unit[255] = 1;
	for (int i = 0; i < 32; i++)
		x[i] = le[31 - i];
	memcpy(w, x, 32);
	for (int i = 31; i >= 0 && carry; i--, carry >>= 8) {
		carry += w[i];
		w[i] = (uint8_t)carry;
	}
	CHECK_INT(mt_sub_mul(minus, MT_NUM(zero), MT_NUM(one), MT_NUM(x), MT_NUM(p)), 0);
	CHECK_INT(mt_sub_mul(v, MT_NUM(one), MT_NUM(minus), MT_NUM(w), MT_NUM(p)), 0);
	CHECK_INT(mt_sub_mul(v, MT_NUM(zero), MT_NUM(minus), MT_NUM(v), MT_NUM(p)), 0);
	CHECK_INT(mt_modexp(r, MT_NUM(v), MT_NUM(half), MT_NUM(p)), 0);
	return memcmp(r, unit, 256) == 0;
}

TEST(faketls_curve_points)
{
	uint8_t key[32];
	unsigned others = 0;

	for (int i = 0; i < 1000; i++) {
		CHECK_INT(mt_x25519_public(key, &seeded_env), 0);
		CHECK(key[31] < 0x80 && on_curve(key));
	}
	for (int i = 0; i < 100; i++) { /* the test can fail: half of all numbers are none */
		seeded_env.random(seeded_env.ctx, key, sizeof key);
		key[31] &= 0x7f;
		others += !on_curve(key);
	}
	CHECK(others > 25 && others < 75);
}

/* ---- vectors --------------------------------------------------------------------------------- */

static void check_digest(const json_t *v)
{
	uint8_t record[517] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, secret[16], digest[32];
	uint32_t stamp = (uint32_t)vector_int(v, "unix_time");

	CHECK_INT(vector_hex(v, "secret", secret, 16), 16);
	for (size_t i = 43; i < sizeof record; i++)
		record[i] = (uint8_t)(13 * i + 5);
	record[43] = 0x20;
	mt_hmac_sha256(digest, secret, 16, record, sizeof record);
	CHECK_HEX(digest, 28, vector_text(v, "hmac_prefix28"));
	for (int i = 0; i < 4; i++)
		digest[28 + i] ^= (uint8_t)(stamp >> 8 * i);
	VECTOR_EQ(v, "client_random", digest, 32);
}

static struct mt_tunnel *captured(const json_t *v, struct mt_proxy *p)
{
	struct mt_tunnel *t;

	*p = tunnel_proxy(TLS);
	CHECK_INT(vector_hex(v, "secret", p->secret, 16), 16);
	t = tunnel_new(p, "149.154.167.50", 443);
	tl_buf_clear(&t->out);
	CHECK_INT(vector_hex(v, "client_random", t->digest, 32), 32);
	return t;
}

/* Back to where the ClientHello was just sent. */
static void again(struct mt_tunnel *t)
{
	tl_buf_clear(&t->in);
	t->state = MT_TUNNEL_CONNECT;
}

static void check_server_hello(const json_t *v)
{
	size_t n;
	uint8_t *hello = vector_bytes(v, "server_hello", &n);
	struct mt_proxy p;
	struct mt_tunnel *t = captured(v, &p);

	for (size_t step = 1; step <= n; step += step < 10 ? 1 : 97) { /* in pieces */
		again(t);
		for (size_t at = 0; at < n; at += step) {
			CHECK_INT(t->state, MT_TUNNEL_CONNECT);
			CHECK_INT(tunnel_hears(t, hello + at, n - at < step ? n - at : step), 0);
		}
		CHECK_INT(t->state, MT_TUNNEL_READY);
	}
	for (size_t cut = 1; cut < n; cut++) {
		again(t);
		CHECK_INT(tunnel_hears(t, hello, cut), 0);
		CHECK_INT(t->state, MT_TUNNEL_CONNECT);
		CHECK_INT(tunnel_hears(t, hello + cut, n - cut), 0);
		CHECK_INT(t->state, MT_TUNNEL_READY);
	}
	for (size_t bit = 0; bit < n * 8; bit++) { /* one flipped bit: refused, or endless */
		again(t);
		hello[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)!tunnel_hears(t, hello, n);
		CHECK(t->state != MT_TUNNEL_READY);
		hello[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	mt_tunnel_free(t);
	free(hello);
}

/* A tunnel that stands, and its proxy. */
static struct mt_tunnel *standing(struct mt_proxy *p, struct proxy_server *s)
{
	struct mt_tunnel *t;
	struct tl_buf inner = {.len = 0}, *out;

	*p = tunnel_proxy(TLS);
	s->is = p;
	s->unix_time = 1700000100;
	t = tunnel_new(p, "149.154.167.50", 443);
	out = mt_tunnel_out(t, &inner);
	proxy_server_hear(s, out->data, out->len);
	tl_buf_drop(out, out->len);
	CHECK_INT(tunnel_hears(t, s->to_client.data, s->to_client.len), 0);
	tl_buf_clear(&s->to_client);
	CHECK_INT(t->state, MT_TUNNEL_READY);
	return t;
}

static void check_records(const json_t *v)
{
	static const size_t sizes[] = {1, 2877, 2878, 2879, 2 * 2878, 100000};
	struct proxy_server s = {.stage = 0};
	struct mt_proxy p;
	struct mt_tunnel *t = standing(&p, &s);
	size_t sent = 0;
	bool first = true;

	CHECK_INT(json_array_size(json_object_get(v, "rules")), 5);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++, first = false) {
		struct tl_buf inner = {.len = 0}, *out;
		uint8_t *data = link_pattern(sizes[i]);
		size_t records = (sizes[i] + 2877) / 2878;

		tl_put(&inner, data, sizes[i]);
		out = mt_tunnel_out(t, &inner);
		CHECK_INT(inner.len, 0);
		CHECK_INT(out->len, sizes[i] + 5 * records + (first ? 6 : 0));
		if (first)
			CHECK_HEX(out->data, 12, "140303000101170303000100");
		else
			CHECK_MEM(out->data, "\x17\3\3", 3);
		sent += out->len;
		tl_buf_drop(out, out->len);
		tl_buf_free(&inner);
		free(data);
	}
	CHECK(sent > 100000);
	mt_tunnel_free(t);
	proxy_server_free(&s);
}

static void check_multi_record(const json_t *v)
{
	static const size_t cuts[] = {2878, 4000, 8000, 2 * 2878 - 4}, steps[] = {777, 1, 100000};
	uint8_t *data = link_pattern(8000);

	CHECK(strstr(vector_text(v, "case"), "8000-byte"));
	for (size_t i = 0; i < 12; i++) {
		struct proxy_server s = {.stage = 0};
		struct mt_proxy p;
		struct mt_tunnel *t = standing(&p, &s);
		struct tl_buf wire = {.len = 0}, inner = {.len = 0};
		size_t step = steps[i % 3], cut = cuts[i / 3];

		for (size_t at = 0; at < 8000; at += cut) {
			size_t n = 8000 - at < cut ? 8000 - at : cut;
			const uint8_t head[] = {0x17, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

			tl_put(&wire, head, 5);
			tl_put(&wire, data + at, n);
		}
		for (size_t at = 0; at < wire.len; at += step)
			CHECK_INT(mt_tunnel_feed(t, wire.data + at,
						 wire.len - at < step ? wire.len - at : step,
						 &inner),
				  0);
		CHECK_INT(inner.len, 8000);
		CHECK_MEM(inner.data, data, 8000);
		tl_buf_free(&wire);
		tl_buf_free(&inner);
		mt_tunnel_free(t);
		proxy_server_free(&s);
	}
	free(data);
}

TEST_T(faketls_vectors, 60)
{
	static const struct vector_row rows[] = {
		{"faketls-server-hello-*", check_server_hello, NULL},
		{"faketls-client-digest", check_digest, NULL},
		{"faketls-records", check_records, NULL},
		{"faketls-multi-record", check_multi_record, NULL},
		{"*", NULL, "proto/transport_vectors, proto/proxy_secret_vectors"},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("transports.json", rows, &elsewhere), 5);
}

/* ---- answers that are none ------------------------------------------------------------------- */

TEST(faketls_refusals)
{
	static const struct {
		const char *answer;
		size_t n;
		const char *want;
	} rows[] = {
		{"\x15\3\3\0\2\2\x28", 7, "alert"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "not answer"},
		{"\x14\3\3\0\1\1", 6, "not answer"},
		{"\x17\3\3\0\1\1", 6, "not answer"},
		{"\x16\3\1\0\1\1", 6, "not answer"},
		{"\x16\3\3\0\x25\1", 6, "not answer"}, /* too short for a random */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mt_proxy p = tunnel_proxy(TLS);
		struct mt_tunnel *t = tunnel_new(&p, "149.154.167.50", 443);
		int err = 0;

		for (size_t at = 0; at < rows[i].n && !err; at++)
			err = tunnel_hears(t, rows[i].answer + at, 1);
		CHECK_INT(err, -TG_E_TRANSPORT);
		CHECK(strstr(t->reason, rows[i].want));
		mt_tunnel_free(t);
	}
}

TEST(faketls_hello_limits)
{
	static const uint8_t rest[1024];

	for (unsigned extra = 0; extra < 20; extra++) {
		struct mt_proxy p = tunnel_proxy(TLS);
		struct proxy_server s = {.is = &p, .unix_time = 1700000000, .extra_hellos = extra};
		struct mt_tunnel *t = tunnel_new(&p, "149.154.167.50", 443);
		struct tl_buf inner = {.len = 0}, *out = mt_tunnel_out(t, &inner);

		proxy_server_hear(&s, out->data, out->len);
		CHECK_INT(tunnel_hears(t, s.to_client.data, s.to_client.len),
			  extra <= 16 ? 0 : -TG_E_TRANSPORT);
		mt_tunnel_free(t);
		proxy_server_free(&s);
	}
	for (int big = 0; big < 2; big++) { /* records without an end */
		struct mt_proxy p = tunnel_proxy(TLS);
		struct mt_tunnel *t = tunnel_new(&p, "149.154.167.50", 443);
		int err = tunnel_hears(t, "\x16\3\3\xff\xff", 5);

		for (size_t n = 0; n < MT_TLS_HELLO_MAX && !err; n += sizeof rest)
			err = tunnel_hears(t, rest, sizeof rest);
		CHECK_INT(err, -TG_E_TRANSPORT);
		CHECK(t->in.len <= MT_TLS_HELLO_MAX);
		mt_tunnel_free(t);
	}
}

TEST(faketls_wrong_clock_and_bit)
{
	struct mt_proxy p = tunnel_proxy(TLS);

	for (int i = 0; i < 3; i++) {
		struct proxy_server s = {
			.is = &p, .unix_time = 1700000000 + (i == 0 ? 301 : 0), .flip = i == 1};
		struct mt_tunnel *t = tunnel_new(&p, "149.154.167.50", 443);
		struct tl_buf inner = {.len = 0}, *out = mt_tunnel_out(t, &inner);

		proxy_server_hear(&s, out->data, out->len);
		CHECK_INT(tunnel_hears(t, s.to_client.data, s.to_client.len),
			  i < 2 ? -TG_E_TRANSPORT : 0);
		CHECK(i != 0 || strstr(t->reason, "alert"));
		CHECK(i != 1 || strstr(t->reason, "clock"));
		mt_tunnel_free(t);
		proxy_server_free(&s);
	}
}

TEST(faketls_bad_records)
{
	static const struct {
		const char *wire;
		const char *want;
	} rows[] = {
		{"\x15\3\3\0\2\1\0", "alert"},        {"\x16\3\3\0\1\1", "something else"},
		{"\x14\3\3\0\1\1", "something else"}, {"\x17\3\1\0\1\1", "something else"},
		{"\x17\3\3\0\0\1", "something else"}, /* C.50: 1 … 65535 */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct proxy_server s = {.stage = 0};
		struct mt_proxy p;
		struct mt_tunnel *t = standing(&p, &s);

		CHECK_INT(tunnel_hears(t, rows[i].wire, 4), 0);
		CHECK_INT(tunnel_hears(t, rows[i].wire + 4, 1), -TG_E_TRANSPORT);
		CHECK(strstr(t->reason, rows[i].want));
		CHECK_INT(tunnel_hears(t, "\x17\3\3\0\1\1", 6), -TG_E_TRANSPORT);
		mt_tunnel_free(t);
		proxy_server_free(&s);
	}
}

/* ---- links through proxies of every kind ----------------------------------------------------- */

struct road {
	struct mt_proxy p;
	struct proxy_server s;
	struct mt_link *client, *server;
};

/* Moves bytes both ways, step at a time, until nothing moves. */
static void run(struct road *r, size_t step, size_t record)
{
	bool moved = true;

	while (moved) {
		struct tl_buf *out = mt_link_out(r->client);
		size_t n = out->len < step ? out->len : step;

		moved = n > 0;
		proxy_server_hear(&r->s, out->data, n);
		tl_buf_drop(out, n);
		if (r->s.to_server.len) {
			link_feed(r->server, r->s.to_server.data, r->s.to_server.len);
			tl_buf_clear(&r->s.to_server);
		}
		out = mt_link_out(r->server);
		if (out->len)
			proxy_server_tell(&r->s, out->data, out->len, record);
		tl_buf_drop(out, out->len);
		n = r->s.to_client.len < step ? r->s.to_client.len : step;
		moved |= n > 0;
		link_feed(r->client, r->s.to_client.data, n);
		tl_buf_drop(&r->s.to_client, n);
	}
}

static void expect(struct mt_link *l, const uint8_t *data, size_t n)
{
	struct mt_packet packet;

	CHECK(link_next(l, &packet));
	CHECK_INT(packet.kind, MT_PACKET_DATA);
	CHECK(packet.n >= n && packet.n < n + 16);
	CHECK_MEM(packet.data, data, n);
}

static void there_and_back(const char *link, const char *transport, uint32_t tag, size_t step)
{
	static const size_t sizes[] = {40, 2008, 9000};
	struct mt_way way = {.host = "149.154.167.50", .port = 443, .unix_time = 1700000000};
	struct road r = {.p = tunnel_proxy(link), .s = {.unix_time = 1700000000}};
	struct mt_transport t;

	CHECK_INT(mt_transport_parse(transport, &t), 0);
	r.s.is = way.proxy = &r.p;
	r.client = mt_link_new_through(&t, -10002, &way, &seeded_env);
	r.server = mt_link_accept(&seeded_env);
	run(&r, step, 0);
	CHECK(mt_link_ready(r.client) && !mt_link_reason(r.client));
	for (size_t i = 0; i < 3; i++) {
		uint8_t *data = link_pattern(sizes[i]);

		CHECK_INT(mt_link_send(r.client, data, sizes[i], false), 0);
		run(&r, 100000, 0);
		expect(r.server, data, sizes[i]);
		CHECK_INT(mt_link_send(r.server, data, sizes[i], false), 0);
		CHECK_INT(mt_link_send(r.server, data, 40, false), 0);
		run(&r, step, 1000);
		expect(r.client, data, sizes[i]);
		expect(r.client, data, 40);
		free(data);
	}
	CHECK_INT(r.s.tag, tag);
	CHECK_INT(r.s.dc, tag ? -10002 : 0);
	CHECK_STR(r.s.target, tag ? "" : "149.154.167.50:443");
	CHECK(r.s.longest <= 2878 && !r.s.changes == !r.s.longest);
	mt_link_free(r.client);
	mt_link_free(r.server);
	proxy_server_free(&r.s);
}

TEST(links_through_proxies)
{
	static const struct {
		const char *link, *transport;
		uint32_t tag;
	} rows[] = {
		{TLS, "obfuscated-padded", 0xdddddddd},
		{TLS, "abridged", 0xdddddddd},
		{"mtproxy://dd" KEY "@p.net:443", "obfuscated-intermediate", 0xdddddddd},
		{"mtproxy://dd" KEY "@p.net:443", "full", 0xdddddddd},
		{"mtproxy://" KEY "@p.net:443", "obfuscated-padded", 0xeeeeeeee},
		{"mtproxy://" KEY "@p.net:443", "abridged", 0xefefefef},
		{"mtproxy://" KEY "@p.net:443", "full", 0xeeeeeeee},
		{"socks5://p.net:1080", "obfuscated-padded", 0},
		{"socks5://me:pw@p.net:1080", "full", 0},
		{"http://p.net:3128", "abridged", 0},
		{"http://me:pw@p.net:3128", "obfuscated-intermediate", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t step = 100000; step; step /= 300)
			there_and_back(rows[i].link, rows[i].transport, rows[i].tag, step);
}
