/* What comes in: containers, gzip, copies, repetitions, messages of another time, hostile packets.
 */
#include "tests/unit/proto/session_checks.h"

struct boxes { /* a container being made */
	struct tl_buf b;
	uint32_t count;
};

static void box(struct boxes *x, uint64_t msg_id, uint32_t seqno, const void *body, size_t n)
{
	if (!x->b.len) {
		tl_put_u32(&x->b, WIRE_MSG_CONTAINER);
		tl_put_u32(&x->b, 0);
	}
	tl_put_u64(&x->b, msg_id);
	tl_put_u32(&x->b, seqno);
	tl_put_u32(&x->b, (uint32_t)n);
	tl_put(&x->b, body, n);
	x->b.data[4] = (uint8_t)++x->count;
}

static uint64_t say_boxes(struct mock *m, struct boxes *x)
{
	uint64_t id = mock_say(m, false, false, &x->b);

	tl_buf_free(&x->b);
	*x = (struct boxes){.count = 0};
	return id;
}

static const uint8_t update[8] = {0x78, 0x56, 0x34, 0x12, 1, 2, 3, 4};

static void expect_update(struct mock *m)
{
	struct mt_event ev = mock_event(m, MT_EV_UPDATE);

	CHECK_INT(ev.n, sizeof update);
	CHECK_MEM(ev.data, update, sizeof update);
}

static void put_gzip(struct tl_buf *out, const void *data, size_t n)
{
	struct tl_buf zip = {.len = 0};

	CHECK(mt_gzip(data, n, &zip) == 0);
	tl_put_u32(out, WIRE_GZIP_PACKED);
	tl_put_bytes(out, zip.data, zip.len);
	tl_buf_free(&zip);
}

static size_t acked(struct mock *m)
{
	struct mock_message *g;
	size_t n = 0;

	m->c->want_acks = m->c->acks_n > 0;
	mock_pump(m);
	while ((g = mock_find(m, WIRE_MSGS_ACK)))
		n += (g->n - 12) / 8;
	return n;
}

/* The middle one cannot be read: the others count, all three are acked, one hole is told. */
TEST(a_container_with_a_broken_middle)
{
	static const uint8_t broken[12] = {0xa1, 0xcf, 0x72, 0x30, 3, 1, 2, 3};
	struct mock *m = mock_ready();
	struct boxes x = {.count = 0};

	box(&x, mock_msg_id(m, false), 1, update, sizeof update);
	box(&x, mock_msg_id(m, false), 3, broken, 8);
	box(&x, mock_msg_id(m, false), 5, update, sizeof update);
	say_boxes(m, &x);
	expect_update(m);
	mock_event(m, MT_EV_UNREADABLE);
	expect_update(m);
	mock_quiet(m);
	CHECK_INT(acked(m), 3);
	mock_free(m);
}

/* A violation of the container itself ends it; what stood before it is valid (D.36). */
TEST(a_container_cut_short)
{
	struct mock *m = mock_ready();
	struct boxes x = {.count = 0};

	box(&x, mock_msg_id(m, false), 1, update, sizeof update);
	box(&x, mock_msg_id(m, false), 3, update, sizeof update);
	x.b.data[x.b.len - 12] = 12; /* longer than what is left */
	say_boxes(m, &x);
	expect_update(m);
	mock_event(m, MT_EV_UNREADABLE);
	mock_quiet(m);
	mock_free(m);
}

TEST(gzip_wherever_it_may_stand)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0}, inner = {.len = 0};
	struct boxes x = {.count = 0};
	struct mt_event ev;

	put_gzip(&b, update, sizeof update); /* a message's body */
	mock_say(m, false, true, &b);
	expect_update(m);
	box(&x, mock_msg_id(m, false), 1, b.data, b.len); /* in a container */
	tl_buf_clear(&inner);
	tl_put(&inner, x.b.data, x.b.len);
	say_boxes(m, &x);
	expect_update(m);
	box(&x, mock_msg_id(m, false), 1, update, sizeof update); /* a container in gzip */
	tl_buf_clear(&b);
	put_gzip(&b, x.b.data, x.b.len);
	mock_say(m, false, false, &b);
	expect_update(m);
	tl_buf_free(&x.b);
	mock_query(m, QUERY_A, 0, 0, 0); /* an answer */
	tl_buf_clear(&b);
	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, mock_sent(m, QUERY_A)->h.msg_id);
	put_gzip(&b, update, sizeof update);
	mock_say(m, true, true, &b);
	ev = mock_event(m, MT_EV_RESULT);
	CHECK_INT(ev.n, sizeof update);
	CHECK_MEM(ev.data, update, sizeof update);
	mock_quiet(m);
	tl_buf_free(&b);
	tl_buf_free(&inner);
	mock_free(m);
}

/* A.30, A.46, A.29: refused, the request fails, the connection lives. */
TEST(gzip_where_it_may_not)
{
	struct mock *m = mock_ready();
	struct tl_buf once = {.len = 0}, twice = {.len = 0}, b = {.len = 0}, zeros = {.len = 0};
	struct boxes x = {.count = 0};
	int want[] = {-TG_E_WIRE_LIMIT, -TG_E_WIRE_LIMIT, -TG_E_TOO_LARGE};

	put_gzip(&once, update, sizeof update);
	put_gzip(&twice, once.data, once.len);
	mock_say(m, false, true, &twice);
	mock_event(m, MT_EV_UNREADABLE);
	box(&x, mock_msg_id(m, false), 1, once.data, once.len); /* gzip in container in gzip */
	put_gzip(&b, x.b.data, x.b.len);
	tl_buf_free(&x.b);
	mock_say(m, false, false, &b);
	mock_event(m, MT_EV_UNREADABLE);
	memset(tl_buf_extend(&zeros, 8u << 20), 0, 8u << 20);
	for (int i = 0; i < 3; i++) {
		struct mt_event ev;

		mock_query(m, QUERY_A, 0, 0, 0);
		tl_buf_clear(&b);
		tl_put_u32(&b, WIRE_RPC_RESULT);
		tl_put_u64(&b, mock_sent(m, QUERY_A)->h.msg_id);
		tl_put(&b, twice.data, i == 0 ? twice.len : 0);
		if (i == 1) { /* the answer in gzip, the result in gzip again */
			tl_put(&b, once.data, once.len);
			tl_buf_clear(&zeros);
			put_gzip(&zeros, b.data, b.len);
			tl_buf_clear(&b);
			tl_put(&b, zeros.data, zeros.len);
			tl_buf_clear(&zeros);
			memset(tl_buf_extend(&zeros, 8u << 20), 0, 8u << 20);
		}
		if (i == 2)
			put_gzip(&b, zeros.data, zeros.len);
		mock_say(m, true, true, &b);
		ev = mock_event(m, MT_EV_FAILED);
		CHECK_INT(ev.code, want[i]);
	}
	mock_update(m, mock_msg_id(m, false), 0);
	mock_event(m, MT_EV_UPDATE);
	mock_quiet(m);
	tl_buf_free(&once);
	tl_buf_free(&twice);
	tl_buf_free(&b);
	tl_buf_free(&zeros);
	mock_free(m);
}

static void put_copy(struct tl_buf *b, uint64_t msg_id, const void *body, size_t n)
{
	tl_put_u32(b, WIRE_MSG_COPY);
	tl_put_u64(b, msg_id);
	tl_put_u32(b, 1);
	tl_put_u32(b, (uint32_t)n);
	tl_put(b, body, n);
}

TEST(copies)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0}, deep = {.len = 0};
	uint64_t id = mock_msg_id(m, false);

	put_copy(&b, id, update, sizeof update);
	mock_say(m, false, false, &b);
	expect_update(m);
	mock_say(m, false, false, &b); /* the same inner id: a repetition */
	mock_quiet(m);
	mock_update(m, id, 1); /* and the original as well */
	mock_quiet(m);
	CHECK_INT(acked(m), 3);
	put_copy(&deep, mock_msg_id(m, false), b.data, b.len);
	mock_say(m, false, false, &deep);
	mock_event(m, MT_EV_UNREADABLE);
	mock_quiet(m);
	tl_buf_free(&b);
	tl_buf_free(&deep);
	mock_free(m);
}

/* A copy in a copy in a copy …: depth costs no stack. */
TEST(copies_without_end)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};

	for (uint32_t left = 40000; left; left--) {
		tl_put_u32(&b, WIRE_MSG_COPY);
		tl_put_u64(&b, mock_msg_id(m, false));
		tl_put_u32(&b, 0);
		tl_put_u32(&b, left * 20);
	}
	tl_put(&b, "12345678901234567890", 20);
	mock_say(m, false, false, &b);
	mock_event(m, MT_EV_UNREADABLE);
	mock_quiet(m);
	tl_buf_free(&b);
	mock_free(m);
}

/* ---- answers --------------------------------------------------------------------------------- */

TEST(double_and_unknown_answers)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0), id = mock_sent(m, QUERY_A)->h.msg_id;

	mock_answer(m, id, 1);
	mock_answer(m, id, 2);
	mock_answer(m, id + 4000, 3);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	mock_quiet(m);
	CHECK_INT(acked(m), 3); /* dropped, but acked (D.49) */
	mock_free(m);
}

TEST(answers_that_are_none)
{
	static const uint32_t numbers[] = {WIRE_MSG_CONTAINER, WIRE_RPC_RESULT, WIRE_RPC_ERROR, 0};
	struct mock *m = mock_ready();

	for (size_t i = 0; i < 4; i++) {
		uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0);
		struct mt_event ev;

		mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, numbers[i]);
		ev = mock_event(m, MT_EV_FAILED);
		CHECK(ev.query == handle && ev.code == -TG_E_WIRE);
	}
	mock_quiet(m);
	mock_free(m);
}

TEST(an_error_with_a_text_that_is_no_text)
{
	struct mock *m = mock_ready();
	struct mt_event ev;

	mock_query(m, QUERY_A, 0, 0, 0);
	mock_error(m, mock_sent(m, QUERY_A)->h.msg_id, -500, "\xff\xfe");
	ev = mock_event(m, MT_EV_RPC_ERROR);
	CHECK_INT(ev.code, -500);
	CHECK_INT(ev.n, 2);
	mock_free(m);
}

/* An answer of ten minutes ago inside a fresh container is one (D.14). */
TEST(an_old_answer_in_a_fresh_container)
{
	struct mock *m = mock_ready();
	struct boxes x = {.count = 0};
	struct tl_buf b = {.len = 0};
	uint64_t old = mock_msg_id(m, true);

	mock_query(m, QUERY_A, 0, 0, 0);
	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, mock_sent(m, QUERY_A)->h.msg_id);
	tl_put_u32(&b, 5);
	for (int i = 0; i < 20; i++) {
		mock_pass(m, 30 * NS);
		mock_update(m, mock_msg_id(m, false), 0);
		mock_event(m, MT_EV_UPDATE);
	}
	box(&x, old, 1, b.data, b.len);
	say_boxes(m, &x);
	mock_event(m, MT_EV_RESULT);
	mock_quiet(m);
	tl_buf_free(&b);
	mock_free(m);
}

/* Older than all that is remembered, but still waited for: no repetition can that be. */
TEST(an_awaited_answer_older_than_the_window)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	struct mt_header h = {.session = m->session, .msg_id = mock_msg_id(m, true), .seqno = 1};

	mock_query(m, QUERY_A, 0, 0, 0);
	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, mock_sent(m, QUERY_A)->h.msg_id);
	tl_put_u32(&b, 5);
	for (int i = 0; i < MT_WINDOW_IDS + 10; i++) {
		mock_update(m, mock_msg_id(m, false), 0);
		mock_event(m, MT_EV_UPDATE);
	}
	mock_say_as(m, &h, b.data, b.len);
	mock_event(m, MT_EV_RESULT);
	mock_say_as(m, &h, b.data, b.len); /* now it is one, and too old: a new session */
	mock_quiet(m);
	mock_pump(m);
	CHECK(m->session != h.session);
	tl_buf_free(&b);
	mock_free(m);
}

/* ---- packets --------------------------------------------------------------------------------- */

TEST(replayed_packets)
{
	struct mock *m = mock_ready();
	uint64_t id = mock_msg_id(m, false);

	for (int i = 0; i < 3; i++)
		mock_update(m, id, 1);
	mock_event(m, MT_EV_UPDATE);
	mock_quiet(m);
	CHECK_INT(acked(m), 3);
	mock_free(m);
}

enum spoiled { ITS_KEY, ITS_HASH, ITS_BODY, ITS_END, ITS_SESSION, ITS_SIZE };

static void say_spoiled(struct mock *m, enum spoiled what)
{
	struct mt_header h = {.session = m->session, .msg_id = mock_msg_id(m, false), .seqno = 1};
	struct tl_buf p = {.len = 0};
	size_t n;

	h.session ^= what == ITS_SESSION;
	CHECK(mt_seal(&m->key, MT_TO_CLIENT, &h, update, sizeof update, &m->env, &p, NULL) == 0);
	n = p.len;
	if (what == ITS_KEY)
		p.data[3] ^= 1;
	else if (what == ITS_HASH)
		p.data[9] ^= 1;
	else if (what == ITS_BODY)
		p.data[30] ^= 1;
	else if (what == ITS_END)
		p.data[n - 1] ^= 1;
	else if (what == ITS_SIZE)
		n -= 16;
	CHECK(mt_link_send(m->link, p.data, n, false) == 0);
	tl_buf_free(&p);
	mock_update(m, 2, 0); /* pushes it out; even id: dropped */
}

/* Dropped without a word, whatever the fault; the third in a row ends the connection (B.14). */
TEST(spoiled_packets)
{
	for (int what = ITS_KEY; what <= ITS_SIZE; what++) {
		struct mock *m = mock_ready();

		for (int i = 0; i < 5;
		     i++) { /* with good ones between them it can go on for ever */
			say_spoiled(m, (enum spoiled)what);
			CHECK_INT(mock_pump(m), 0);
			mock_quiet(m);
		}
		mock_free(m);
	}
}

static void feed_packet(struct mock *m, uint8_t fill)
{
	uint8_t packet[4 + 24 + 64];

	memset(packet, fill, sizeof packet);
	memcpy(packet, "\x58\0\0\0", 4);
	memcpy(packet + 4, m->key.id, 8);
	CHECK(mt_client_feed(m->c, packet, sizeof packet, m->now) == 0);
}

TEST(three_spoiled_packets_in_a_row)
{
	struct mock *m = mock_ready();

	feed_packet(m, 1);
	feed_packet(m, 2);
	mock_quiet(m);
	feed_packet(m, 3);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m);
	feed_packet(m, 4);
	CHECK(!mt_client_out(m->c, m->now));
	mock_quiet(m);
	mock_free(m);
}

/* With a key in use plain messages are not even looked at (B.16). */
TEST(plain_messages_after_the_exchange)
{
	struct mock *m = mock_ready();
	uint8_t packet[4 + 20 + 84] = {104, 0, 0, 0};

	packet[12] = 1;
	packet[20] = 84;
	memcpy(packet + 24, "\x63\x24\x16\x05", 4);
	for (int i = 0; i < 10; i++)
		CHECK(mt_client_feed(m->c, packet, sizeof packet, m->now) == 0);
	mock_quiet(m);
	CHECK_INT(mock_pump(m), 0);
	mock_free(m);
}

/* The server's clock jumps: what it says is dropped, but not for ever. */
TEST(messages_of_another_time)
{
	struct mock *m = mock_ready();
	uint64_t session = m->session, handle = mock_query(m, QUERY_A, 0, 0, 0);
	struct mt_event ev;

	mock_pump(m);
	m->skew = 7200 * NS;
	for (int i = 0; i < 3; i++) {
		mock_quiet(m);
		mock_update(m, mock_msg_id(m, false), 1);
	}
	mock_event(m, MT_EV_CLOSE);
	mock_lose(m);
	mock_reconnect(m);
	CHECK(m->session != session);
	m->seen = 0;
	mock_expect(m, QUERY_A);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	mock_event(m, MT_EV_ONLINE);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	ev = mock_event(m, MT_EV_TIME);
	CHECK(ev.value > 7199 * NS && ev.value < 7201 * NS);
	mock_free(m);
}

/* D.15: an answer that is older than its question by far tells that our clock is ahead. */
TEST(an_answer_before_its_question)
{
	struct mock *m = mock_ready();

	mock_query(m, QUERY_A, 0, 0, 0);
	m->skew = -100 * NS;
	m->last_msg_id = 0;
	mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, 1);
	mock_event(m, MT_EV_RESULT);
	CHECK_INT(mock_event(m, MT_EV_TIME).value / NS, -100);
	mock_free(m);
}

/* B.22: what was sealed by the rules of MTProto 1.0 is noise. */
TEST(packets_of_version_one)
{
	struct mock *m = mock_ready();

	for (int i = 0; i < 2; i++) {
		uint8_t plain[64] = {0}, sha[20], packet[4 + 24 + 64] = {88};
		uint64_t id = mock_msg_id(m, false);
		struct mt_cipher cipher;

		memcpy(plain + 8, &m->session, 8);
		memcpy(plain + 16, &id, 8);
		plain[24] = 1;
		plain[28] = sizeof update;
		memcpy(plain + 32, update, sizeof update);
		mt_sha1(sha, plain, 40, NULL, 0);
		memcpy(packet + 4, m->key.id, 8);
		memcpy(packet + 12, sha + 4, 16);
		mt_kdf_v1(&cipher, m->key.key, MT_TO_CLIENT, packet + 12);
		mt_ige_encrypt(cipher.key, cipher.iv, plain, packet + 28, sizeof plain);
		CHECK(mt_client_feed(m->c, packet, sizeof packet, m->now) == 0);
		mock_quiet(m);
		CHECK_INT(mock_pump(m), 0);
	}
	CHECK_INT(m->c->bad_packets, 2);
	mock_free(m);
}

/* A.43: the length alone closes, nobody waits for the body. */
TEST(too_long_a_packet_closes_at_once)
{
	struct mock *m = mock_ready();

	CHECK(mt_client_feed(m->c, "\0\0\0", 3, m->now) == 0);
	mock_quiet(m);
	CHECK(mt_client_feed(m->c, "\x40", 1, m->now) == 0);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m);
	CHECK(mt_client_feed(m->c, "more", 4, m->now) == 0);
	mock_quiet(m);
	mock_free(m);
}
