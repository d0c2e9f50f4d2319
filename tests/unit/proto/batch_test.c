/* Packets that come and go several at a time: they are opened and sealed together, and nothing of
 * that may be seen from outside. */
#include "tests/unit/proto/session_checks.h"

#define SAID 13

/* Waits in the server's link for what is said next. spoil: a bit of it is wrong. */
static void say_later(struct mock *m, uint32_t word, bool spoil, uint64_t session)
{
	struct mt_header h = {.session = session, .msg_id = mock_msg_id(m, false), .seqno = 1};
	uint32_t body[2] = {0x12345678, word};
	struct tl_buf p = {.len = 0};

	CHECK(mt_seal(&m->key, MT_TO_CLIENT, &h, body, sizeof body, &m->env, &p, NULL) == 0);
	p.data[p.len - 1] ^= spoil;
	CHECK(mt_link_send(m->link, p.data, p.len, false) == 0);
	tl_buf_free(&p);
}

static void say_now(struct mock *m)
{
	mock_update(m, 2, 0); /* pushes it out; even id: dropped */
}

static uint32_t heard_word(struct mock *m)
{
	struct mt_event ev = mock_event(m, MT_EV_UPDATE);
	uint32_t words[2];

	CHECK_INT(ev.n, sizeof words);
	memcpy(words, ev.data, sizeof words);
	return words[1];
}

/* In one piece, byte by byte and in odd pieces: in order, without the spoiled ones. */
TEST(batch_of_packets_in)
{
	static const size_t steps[] = {0, 1, 7, 150, 1000};

	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		for (uint32_t mask = 0; mask < 32; mask++) {
			struct mock *m = mock_ready();

			m->step = steps[i];
			for (uint32_t k = 0; k < SAID; k++)
				say_later(m, k, k < 8 && mask & 1u << k / 2 && k % 2, m->session);
			say_now(m);
			for (uint32_t k = 0; k < SAID; k++)
				if (!(k < 8 && mask & 1u << k / 2 && k % 2))
					CHECK_INT(heard_word(m), k);
			mock_quiet(m);
			mock_free(m);
		}
	}
}

/* What lies behind the packet that ended the connection was opened with it and is not taken. */
TEST(batch_ends_with_the_connection)
{
	for (uint32_t good = 0; good < 2 * MT_LANES; good++) {
		struct mock *m = mock_ready();

		for (uint32_t k = 0; k < good; k++)
			say_later(m, k, false, m->session);
		for (uint32_t k = 0; k < MT_BAD_PACKETS; k++)
			say_later(m, 100, k % 2, m->session ^ 1); /* B.14 */
		for (uint32_t k = 0; k < MT_LANES; k++)
			say_later(m, 200, false, m->session);
		say_now(m);
		for (uint32_t k = 0; k < good; k++)
			CHECK_INT(heard_word(m), k);
		mock_event(m, MT_EV_CLOSE);
		mock_quiet(m);
		mock_free(m);
	}
}

/* A transport error behind messages comes after them. */
TEST(batch_before_an_error)
{
	for (uint32_t good = 0; good < 2 * MT_LANES; good++) {
		struct mock *m = mock_ready();

		for (uint32_t k = 0; k < good; k++)
			say_later(m, k, false, m->session);
		mock_word(m, -429);
		for (uint32_t k = 0; k < good; k++)
			CHECK_INT(heard_word(m), k);
		CHECK_INT(mock_event(m, MT_EV_TRANSPORT_ERROR).code, -429);
		mock_event(m, MT_EV_CLOSE);
		mock_quiet(m);
		mock_free(m);
	}
}

/* Parts of an upload that wait: a packet each, in order, with ids that go up. */
TEST(batch_of_parts_out)
{
	enum { PARTS = 9, WORDS = 20000 };

	for (unsigned parts = 1; parts <= PARTS; parts++) {
		struct mock *m = mock_ready();
		uint64_t last = 0;
		unsigned packets = m->packets;

		for (unsigned i = 0; i < parts; i++)
			mock_query(m, 0x1000 + i, WORDS, MT_QUERY_NO_GZIP, 0);
		while (mock_pump(m))
			;
		for (unsigned i = 0; i < parts; i++) {
			struct mock_message *g = mock_expect(m, 0x1000 + i);

			CHECK_INT(g->n, 4 * (WORDS + 1));
			CHECK(g->h.msg_id > last);
			last = g->h.msg_id;
		}
		CHECK_INT(m->packets - packets, parts);
		mock_free(m);
	}
}
