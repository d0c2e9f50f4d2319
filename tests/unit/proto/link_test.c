/* Links, both ends: every split, limits, refusals, quick acks, detection, noise. */
#include "tests/unit/proto/links.h"

/* ---- both ends ------------------------------------------------------------------------------- */

/* A message as the session makes them: padding can be cut by structure. */
static uint8_t *sealed(size_t blocks, size_t *ret_n)
{
	*ret_n = 24 + 16 * blocks;
	return link_pattern(*ret_n);
}

static void check_got(struct mt_link *l, const uint8_t *want, size_t n)
{
	struct mt_packet got;

	CHECK(mt_link_next(l, &got) == 0);
	CHECK_INT(got.kind, MT_PACKET_DATA);
	CHECK_INT(got.n, n);
	CHECK_MEM(got.data, want, n);
}

/* Sends three packets to and fro; the wire is cut in two at every place. */
TEST_T(every_split, 60)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		size_t cut = 0, total = 1;

		for (; cut <= total; cut++) {
			struct mt_link *c = link_client(transports[t]),
				       *s = mt_link_accept(&seeded_env);
			struct mt_link *from[] = {c, s}, *to[] = {s, c};

			seeded.state = 7;
			for (int way = 0; way < 2; way++) {
				struct tl_buf *out = mt_link_out(from[way]);
				size_t seen = 0, n;
				struct mt_packet got;

				for (size_t i = 1; i <= 3; i++) {
					uint8_t *p = sealed(i, &n);

					CHECK(mt_link_send(from[way], p, n, false) == 0);
					free(p);
				}
				if (out->len > total)
					total = out->len;
				n = cut < out->len ? cut : out->len;
				for (int half = 0; half < 2; half++) {
					link_feed(to[way], out->data + (half ? n : 0),
						  half ? out->len - n : n);
					while (link_next(to[way], &got))
						CHECK_INT(got.n, 24 + 16 * ++seen);
				}
				CHECK_INT(seen, 3);
			}
			mt_link_free(c);
			mt_link_free(s);
		}
	}
}

TEST(one_byte_at_a_time_and_in_kind)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		struct mt_link *c = link_client(transports[t]), *s = mt_link_accept(&seeded_env);

		for (size_t blocks = 1; blocks < 300; blocks += 37) {
			size_t n;
			uint8_t *p = sealed(blocks, &n);
			struct tl_buf *out = mt_link_out(c);
			struct mt_packet got;

			CHECK(mt_link_send(c, p, n, false) == 0);
			got = link_take(s, out->data, out->len, 1);
			CHECK(got.kind == MT_PACKET_DATA && got.n == n && !got.quick_ack);
			CHECK_MEM(got.data, p, n);
			out->len = 0;
			out = mt_link_out(s);
			CHECK(mt_link_send(s, p, n, false) == 0);
			got = link_take(c, out->data, out->len, 1);
			CHECK(got.kind == MT_PACKET_DATA && got.n == n);
			CHECK_MEM(got.data, p, n);
			out->len = 0;
			free(p);
		}
		mt_link_free(c);
		mt_link_free(s);
	}
}

TEST(padding_is_cut_from_plain_messages)
{
	struct mt_link *c = link_client("padded"), *s = mt_link_accept(&seeded_env);
	uint8_t plain[20 + 40] = {0};
	struct tl_buf *out = mt_link_out(c);

	plain[16] = 40;
	for (int i = 0; i < 50; i++) {
		CHECK(mt_link_send(c, plain, sizeof plain, false) == 0);
		link_feed(s, out->data, out->len);
		check_got(s, plain, sizeof plain);
		out->len = 0;
	}
	mt_link_free(c);
	mt_link_free(s);
}

TEST(quick_acks_by_every_framing)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		struct mt_link *c = link_client(transports[t]), *s = mt_link_accept(&seeded_env);
		bool full = strcmp(transports[t], "full") == 0;
		size_t n;
		uint8_t *p = sealed(3, &n);
		struct mt_packet got;

		CHECK(mt_link_send(c, p, n, true) == 0);
		got = link_take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1);
		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK_INT(got.quick_ack, !full);
		CHECK_INT(mt_link_send_quick_ack(s, 0x12345678), full ? -TG_E_TRANSPORT : 0);
		if (!full) {
			got = link_take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
			CHECK_INT(got.kind, MT_PACKET_QUICK_ACK);
			CHECK_INT(got.token, 0x92345678);
		}
		free(p);
		mt_link_free(c);
		mt_link_free(s);
	}
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refused(const char *name, const char *hex)
{
	struct mt_link *l = link_client(name);
	struct mt_packet got;
	uint8_t wire[64];

	link_feed(l, wire, test_unhex(hex, wire, sizeof wire));
	if (mt_link_next(l, &got) != -TG_E_TRANSPORT)
		test_fail(__FILE__, __LINE__, "%s took %s", name, hex);
	mt_link_free(l);
}

/* The length word alone is enough to refuse: no body is waited for (A.43, C.7). */
TEST(lengths_are_checked_before_the_body)
{
	refused("abridged", "00");
	refused("abridged", "7f010110");
	refused("intermediate", "00000000");
	refused("intermediate", "ffffffff");
	refused("intermediate", "00000040");
	refused("intermediate", "01044000");
	refused("padded", "01044000");
	refused("padded", "0100000000");
	refused("padded", "0800000001000000ffffffff");
	refused("full", "08000000");
	refused("full", "0d000000");
	refused("full", "10044000");
	refused("full", "1400000001000000");
	refused("intermediate", "0400000001000000");
}

TEST(the_largest_packet_passes)
{
	uint8_t *p = link_pattern(MT_MAX_PACKET);

	for (size_t t = 0; t < 4; t++) {
		struct mt_link *c = link_client(transports[t]), *s = mt_link_accept(&seeded_env);
		struct mt_packet got;

		CHECK_INT(mt_link_send(c, p, MT_MAX_PACKET + 4, false), -TG_E_TOO_LARGE);
		seeded = (struct fixed_random){.data = (const uint8_t *)"", .n = 1};
		CHECK(mt_link_send(c, p, MT_MAX_PACKET, false) == 0);
		got = link_take(s, mt_link_out(c)->data, mt_link_out(c)->len, 100000);
		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK(got.n > MT_MAX_PACKET - 16);
		mt_link_free(c);
		mt_link_free(s);
	}
	free(p);
}

TEST(no_ops_are_passed_over)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {{"abridged", "0100000000"},
		    {"intermediate", "0400000000000000"},
		    {"padded", "0c000000000000000102030405060708"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mt_link *l = link_client(rows[i].name);
		uint8_t wire[64];
		size_t n = test_unhex(rows[i].hex, wire, sizeof wire);
		struct mt_packet got;

		link_feed(l, wire, n);
		CHECK(mt_link_next(l, &got) == 0);
		CHECK_INT(got.kind, MT_PACKET_NONE);
		mt_link_free(l);
	}
}

TEST(odd_sizes_and_odd_servers)
{
	struct mt_link *l = link_client("abridged"), *s = mt_link_accept(&seeded_env);
	uint8_t noise[64];
	struct mt_packet got;

	CHECK_INT(mt_link_send(l, "12345", 5, false), -TG_E_TRANSPORT);
	CHECK(mt_link_send(l, "1234", 4, false) == 0);
	CHECK_INT(mt_link_send(s, "1234", 4, false), -TG_E_TRANSPORT); /* who is it? */
	CHECK_INT(mt_link_send_quick_ack(s, 1), -TG_E_TRANSPORT);
	memset(noise, 0x41, sizeof noise); /* no tag comes out of this header */
	link_feed(s, noise, 63);
	CHECK(mt_link_next(s, &got) == 0 && got.kind == MT_PACKET_NONE);
	link_feed(s, noise, 1);
	CHECK_INT(mt_link_next(s, &got), -TG_E_TRANSPORT);
	mt_link_free(l);
	mt_link_free(s);
}

TEST(transport_names)
{
	struct mt_transport t = {.framing = MT_ABRIDGED};

	CHECK(mt_transport_parse("obfuscated-padded", &t) == 0);
	CHECK(t.framing == MT_PADDED && t.obfuscated && !t.has_secret);
	CHECK(mt_transport_parse("full", &t) == 0 && t.framing == MT_FULL && !t.obfuscated);
	CHECK_INT(mt_transport_parse("obfuscated-full", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("obfuscated-", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("paddedx", &t), -TG_E_INVALID_PARAMS);
	CHECK(t.framing == MT_FULL);
}

/* Random bytes never crash either side; what a link gives stays inside what it was fed. */
TEST(noise)
{
	uint64_t state = 42;

	for (int round = 0; round < 4000; round++) {
		struct mt_link *l = round % 8 < 7 ? link_client(transports[round % 7])
						  : mt_link_accept(&seeded_env);
		uint8_t bytes[200];
		struct mt_packet got = {.kind = MT_PACKET_NONE};
		int err = 0;

		for (int i = 0; i < 10 && !err; i++) {
			size_t n = splitmix(&state) % sizeof bytes;

			for (size_t j = 0; j < n; j++)
				bytes[j] = (uint8_t)(splitmix(&state) >> (splitmix(&state) % 64));
			err = mt_link_feed(l, bytes, n);
			while (!err && !(err = mt_link_next(l, &got)) && got.kind != MT_PACKET_NONE)
				CHECK(got.kind != MT_PACKET_DATA || got.n <= 2000);
		}
		mt_link_free(l);
	}
}
