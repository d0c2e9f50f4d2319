/* The line and its troubles: back-off, keep-alive, stalls, transport errors, key exchanges that
 * fail. */
#include "tests/unit/proto/session_checks.h"

/* How often a client connects within a time when each connection ends at once. */
static unsigned connects(bool has_key, int64_t within, void (*end)(struct mock *m))
{
	struct mock *m = mock_new("intermediate", has_key);
	unsigned n = 0;

	for (; m->now.boot < within; n++) {
		mock_reconnect(m);
		end(m);
	}
	mock_free(m);
	return n;
}

static void end_at_once(struct mock *m)
{
	mock_lose(m);
}

static void end_429(struct mock *m)
{
	struct mt_event ev;

	mock_word(m, -429);
	do
		CHECK(mt_client_next(m->c, &ev));
	while (ev.kind != MT_EV_CLOSE);
	mock_lose(m);
}

TEST(back_off)
{
	unsigned n = connects(true, 120 * NS, end_at_once);

	CHECK(n > 5 && n <= 10); /* C.71 */
	n = connects(true, 60 * NS, end_429);
	CHECK(n > 3 && n <= 8); /* C.17 */
}

/* C.71: a network that came back ends the wait, and the next one begins small. */
TEST(back_off_ends_with_the_outage)
{
	struct mock *m = mock_new("intermediate", true);

	for (int i = 0; i < 8; i++) {
		mock_reconnect_only(m);
		mock_lose(m);
	}
	CHECK(mt_client_deadline(m->c) > m->now.boot + 20 * NS);
	mt_client_hurry(m->c, m->now);
	CHECK_INT(mt_client_deadline(m->c), m->now.boot);
	mock_reconnect_only(m);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) <= m->now.boot + NS / 2);
	mock_free(m);
}

/* A connection that was good for half a minute is followed at once, a short one after a second. */
TEST(a_good_connection_is_followed_at_once)
{
	struct mock *m = mock_ready();

	mock_pass(m, 10 * NS);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) - m->now.boot <= NS / 4); /* the first loss */
	mock_reconnect(m);
	mock_update(m, mock_msg_id(m, false), 0);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) - m->now.boot >= 3 * NS / 4);
	mock_reconnect(m);
	mock_update(m, mock_msg_id(m, false), 0);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) - m->now.boot <= 5 * NS / 4);
	mock_reconnect(m);
	mock_update(m, mock_msg_id(m, false), 0);
	mock_pass(m, 31 * NS);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) - m->now.boot <= NS / 4);
	mock_free(m);
}

TEST(keep_alive)
{
	struct mock *m = mock_ready();
	struct mock_message *g;
	struct mt_event ev;

	for (int i = 0; i < 5; i++) {
		struct tl_buf b = {.len = 0};

		mock_pass(m, 60 * NS);
		g = mock_expect(m, WIRE_PING_DELAY_DISCONNECT);
		CHECK_INT(g->h.seqno & 1, 0);
		tl_put_u32(&b, WIRE_PONG);
		tl_put_u64(&b, g->h.msg_id);
		tl_put(&b, g->body + 4, 8);
		mock_say(m, true, false, &b);
		tl_buf_free(&b);
	}
	while (mt_client_next(m->c, &ev))
		CHECK(ev.kind != MT_EV_CLOSE);
	mock_pass(m, 61 * NS); /* now it falls silent */
	mock_quiet(m);
	mock_pass(m, NS);
	mock_event(m, MT_EV_CLOSE);
	mock_free(m);
}

TEST(a_black_hole_behind_connect)
{
	struct mock *m = mock_new("obfuscated-padded", true);

	mock_connect(m);
	CHECK(mock_pump(m));
	mock_pass(m, 14 * NS);
	mock_quiet(m);
	mock_pass(m, NS);
	mock_event(m, MT_EV_CLOSE);
	mock_free(m);
}

TEST(writes_that_stall)
{
	struct mock *m = mock_ready();
	struct tl_buf *out;

	mock_query(m, QUERY_A, 1000, 0, 0);
	out = mt_client_out(m->c, m->now);
	CHECK(out && out->len > 100);
	for (int i = 0; i < 3; i++) { /* a byte now and then is progress */
		m->now.boot += 20 * NS;
		m->now.real += 20 * NS;
		mt_client_tick(m->c, m->now);
		tl_buf_drop(out, 1);
		out = mt_client_out(m->c, m->now);
		mock_update(m, mock_msg_id(m, false), 0);
		mock_event(m, MT_EV_UPDATE);
	}
	mock_quiet(m);
	CHECK_INT(mt_client_deadline(m->c) - m->now.boot, MT_WRITE_STALL);
	m->now.boot += 30 * NS;
	mt_client_tick(m->c, m->now);
	mock_event(m, MT_EV_CLOSE);
	mock_free(m);
}

/* C.8: what waits for a slow line waits as queries, not as bytes. */
TEST(a_slow_line_costs_little)
{
	struct mock *m = mock_ready();
	struct tl_buf *out = NULL;

	for (int i = 0; i < 100; i++) {
		mock_query(m, QUERY_A, 25000, MT_QUERY_NO_GZIP, 0);
		out = mt_client_out(m->c, m->now);
	}
	CHECK(out->len < (2u << 20));
	mock_free(m);
}

/* ---- transport errors ------------------------------------------------------------------------ */

/* A key is not given up for one -404, nor by the client at all (C.16). */
TEST(a_key_that_the_server_denies)
{
	struct mock *m = mock_new("intermediate", true);
	uint64_t handle = mock_query(m, QUERY_A, 1, 0, 0);
	struct mt_event ev;

	mock_connect(m);
	mock_pump(m);
	mock_word(m, -404);
	CHECK_INT(mock_event(m, MT_EV_TRANSPORT_ERROR).code, -404);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m);
	mock_lose(m);
	mock_reconnect(m);
	mock_word(m, -404);
	CHECK_INT(mock_event(m, MT_EV_TRANSPORT_ERROR).code, -404);
	mock_event(m, MT_EV_KEY_LOST);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m);
	mock_lose(m);
	m->seen = m->n;
	mock_reconnect(m); /* it knew it after all */
	mock_states(m, mock_expect(m, WIRE_MSGS_STATE_REQ)->h.msg_id, "\3", 1);
	while (mt_client_next(m->c, &ev))
		CHECK(ev.kind != MT_EV_KEY && ev.kind != MT_EV_KEY_LOST);
	mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, 1);
	CHECK(mock_until(m, MT_EV_RESULT).query == handle);
	mock_lose(m);
	mock_reconnect(m);
	mock_word(m, -404); /* counted from one again */
	mock_event(m, MT_EV_TRANSPORT_ERROR);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m);
	mock_free(m);
}

TEST(other_transport_errors)
{
	static const int codes[] = {-429, -444, -403, -1};

	for (size_t i = 0; i < 4; i++) {
		struct mock *m = mock_ready();

		mock_word(m, codes[i]);
		CHECK_INT(mock_event(m, MT_EV_TRANSPORT_ERROR).code, codes[i]);
		mock_event(m, MT_EV_CLOSE);
		mock_quiet(m);
		mock_lose(m);
		CHECK(mt_client_deadline(m->c) - m->now.boot >= 3 * NS / 4);
		mock_free(m);
	}
}

/* ---- the key exchange ------------------------------------------------------------------------ */

TEST(a_silent_key_exchange)
{
	struct mock *m = mock_new("padded", false);

	mock_connect(m);
	CHECK(mt_client_out(m->c, m->now)); /* into the void */
	mock_pass(m, 14 * NS);
	mock_quiet(m);
	mock_pass(m, NS);
	mock_event(m, MT_EV_CLOSE);
	mock_lose(m);
	mock_reconnect(m);
	mock_word(m, -404);
	CHECK_INT(mock_until(m, MT_EV_TRANSPORT_ERROR).code, -404);
	mock_event(m, MT_EV_CLOSE);
	mock_quiet(m); /* no KEY_LOST: there is none */
	mock_free(m);
}

/* Cut at every step, with the job out or back: the next connection begins with new nonces. */
static void cut_exchange(int steps)
{
	struct mock *m = mock_new("intermediate", false);
	struct mt_job *late = NULL;
	uint8_t nonce[16];
	bool done;
	struct mt_event ev;

	mock_connect(m);
	for (int i = 0; i < steps && !m->n; i++) {
		mock_pump(m);
		while (!late && mt_client_next(m->c, &ev)) {
			if (ev.kind == MT_EV_JOB && i + 1 == steps)
				late = ev.job;
			else
				mock_handle(m, &ev);
		}
	}
	memcpy(nonce, m->server.nonce, sizeof nonce);
	done = m->c->has_key;
	mock_lose(m);
	if (late) {
		late->run(late);
		mt_client_job_done(m->c, late, m->now);
	}
	mock_query(m, QUERY_A, 1, 0, 0);
	mock_reconnect(m);
	mock_exchange(m);
	CHECK_INT(memcmp(nonce, m->server.nonce, sizeof nonce) == 0, done);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	mock_until(m, MT_EV_RESULT);
	mock_free(m);
}

TEST(key_exchanges_that_are_cut)
{
	for (int steps = 0; steps < 12; steps++)
		cut_exchange(steps);
}

static void refuse_exchange(struct mock *m)
{
	struct mt_event ev = {.kind = MT_EV_ONLINE};

	while (ev.kind != MT_EV_CLOSE) {
		CHECK(mt_client_next(m->c, &ev));
		if (ev.kind == MT_EV_TRANSPORT_ERROR)
			CHECK_INT(ev.code, -TG_E_NOT_FOUND);
	}
	mock_lose(m);
}

/* A server with RSA keys that we do not know: said clearly, tried once a minute (B.37). */
TEST(a_server_with_other_keys)
{
	struct mock *m = mock_new("intermediate", false);
	unsigned n = 0;

	server_init(&m->server, 5, PQ_STRANGE_FINGERPRINTS);
	for (; m->now.boot < 300 * NS; n++) {
		mock_reconnect(m);
		refuse_exchange(m);
	}
	CHECK(n >= 4 && n <= 8);
	mock_free(m);
}

/* The server gives up, or sends nonsense: a new try, never a key. */
TEST(key_exchanges_that_fail)
{
	static const enum bend bends[] = {DH_FAIL, GEN_FAIL, GEN_HASH, PQ_NONCE, DH_SHA1};

	for (size_t i = 0; i < sizeof bends / sizeof bends[0]; i++) {
		struct mock *m = mock_new("intermediate", false);

		server_init(&m->server, 5, bends[i]);
		m->server.time = MOCK_EPOCH;
		mock_connect(m);
		for (int round = 0; round < 60 && m->c->phase == MT_EXCHANGE; round++) {
			struct mt_event ev;

			mock_pump(m);
			while (mt_client_next(m->c, &ev)) {
				CHECK(ev.kind != MT_EV_KEY && ev.kind != MT_EV_SALTS);
				mock_handle(m, &ev);
			}
		}
		CHECK_INT(m->c->phase, MT_CLOSING);
		CHECK(!m->c->has_key && m->plain <= 9);
		mock_free(m);
	}
}

/* B.51: whatever the transport says in the middle of an exchange, the next try has new nonces, and
 * comes after a longer while. */
TEST(key_exchanges_that_are_denied)
{
	static const int32_t words[] = {-404, -404, -429, -444, -404, -404};
	struct mock *m = mock_new("intermediate", false);
	uint8_t nonces[6][16];
	struct mt_event ev;

	for (size_t i = 0; i < 6; i++) {
		int64_t before = m->now.boot;

		mock_reconnect(m);
		if (i > 1)
			CHECK(m->now.boot - before >= (NS << (i - 1)) * 3 / 4);
		memcpy(nonces[i], m->server.nonce, 16);
		for (size_t k = 0; k < i; k++)
			CHECK(memcmp(nonces[k], nonces[i], 16) != 0);
		mock_word(m, words[i]);
		CHECK_INT(mock_until(m, MT_EV_TRANSPORT_ERROR).code, words[i]);
		mock_event(m, MT_EV_CLOSE);
		while (mt_client_next(m->c, &ev))
			CHECK(ev.kind != MT_EV_KEY && ev.kind != MT_EV_KEY_LOST);
		mock_lose(m);
	}
	mock_free(m);
}
