/* What goes on beside the queries and must not touch them: quick acks, sessions that were left, and
 * packets that unfold to more than they may. */
#include "tests/unit/proto/session_checks.h"

/* The server's end of a quick ack: the token of the packet that carried the message. */
static void say_quick_ack(struct mock *m, uint32_t token)
{
	CHECK(mt_link_send_quick_ack(m->link, token) == 0);
	mock_update(m, 2, 0); /* pushes it out; even id: dropped */
}

static uint64_t ask(struct mock *m, uint32_t number, unsigned flags)
{
	return mock_query(m, number, 1, flags, 0);
}

/* C.21: told once, by each framing; the query is sent again after a cut all the same. */
TEST(quick_acks_complete_nothing)
{
	static const char *const names[] = {"abridged", "intermediate", "padded",
					    "obfuscated-padded"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct mock *m = mock_new(names[i], true);
		uint64_t a, b;
		uint32_t token;
		struct mock_message *g;

		mock_open(m);
		a = ask(m, QUERY_A, MT_QUERY_QUICK);
		b = ask(m, QUERY_B, 0);
		g = mock_sent(m, QUERY_A);
		CHECK(m->quick_ack); /* the packet asked for one */
		token = mt_query_by_handle(m->c, a)->token;
		CHECK(token & 0x80000000u && !mt_query_by_handle(m->c, b)->token);
		CHECK_INT(token, m->token);
		say_quick_ack(m, token ^ 1); /* of nothing */
		mock_quiet(m);
		say_quick_ack(m, token);
		CHECK(mock_event(m, MT_EV_QUICK_ACK).query == a);
		say_quick_ack(m, token);
		mock_quiet(m);
		CHECK(!mt_query_by_handle(m->c, a)->acked);
		mock_lose(m);
		mock_reconnect(m);
		mock_states(m, mock_expect(m, WIRE_MSGS_STATE_REQ)->h.msg_id, "\3\3", 2);
		g = mock_sent(m, QUERY_A);
		mock_answer(m, g->h.msg_id, 1);
		CHECK(mock_until(m, MT_EV_RESULT).query == a);
		ask(m, QUERY_C, 0);
		mock_sent(m, QUERY_C);
		CHECK(!m->quick_ack);
		mock_free(m);
	}
}

TEST(quick_acks_of_what_was_cancelled)
{
	struct mock *m = mock_ready();
	uint64_t a = ask(m, QUERY_A, MT_QUERY_QUICK);
	uint32_t token;

	mock_sent(m, QUERY_A);
	token = mt_query_by_handle(m->c, a)->token;
	say_quick_ack(m, token);
	mt_client_cancel(m->c, a, NULL, m->now);
	mock_quiet(m); /* its event went with it */
	say_quick_ack(m, token);
	mock_quiet(m);
	mock_update(m, mock_msg_id(m, false), 0);
	mt_client_cancel(m->c, 0, NULL, m->now); /* no query: takes nothing away */
	mock_event(m, MT_EV_UPDATE);
	mock_free(m);
}

/* D.53: a session that was given up is destroyed over the next one, if the key is the same. */
TEST(sessions_left_are_destroyed)
{
	struct mock *m = mock_ready();
	uint64_t old = m->session, raw = 0x1122334455667788;
	struct tl_buf b = {.len = 0};
	uint64_t handle, a = ask(m, QUERY_A, 0);
	struct mock_message *g;

	mock_bad_msg(m, mock_sent(m, QUERY_A)->h.msg_id, 32);
	g = mock_sent(m, WIRE_DESTROY_SESSION);
	CHECK(m->session != old && g->h.session == m->session);
	CHECK_MEM(g->body + 4, &old, 8);
	CHECK_INT(g->h.seqno & 1, 1);
	tl_put_u32(&b, WIRE_DESTROY_SESSION);
	tl_put_u64(&b, raw); /* a caller's own goes beside it, and is not answered by ours */
	CHECK(mt_client_send(m->c, b.data, b.len, 0, 0, &handle, m->now) == 0);
	mock_pump(m);
	tl_buf_clear(&b);
	tl_put_u32(&b, WIRE_DESTROY_SESSION_OK);
	tl_put_u64(&b, old);
	mock_say(m, true, false, &b);
	mock_quiet(m);
	tl_buf_clear(&b);
	tl_put_u32(&b, WIRE_DESTROY_SESSION_NONE);
	tl_put_u64(&b, raw);
	mock_say(m, true, false, &b);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == a);
	mock_lose(m); /* the same session goes on: nothing to destroy */
	mock_reconnect(m);
	mock_pump(m);
	CHECK_INT(mock_count(m, WIRE_DESTROY_SESSION), 2);
	tl_buf_free(&b);
	mock_free(m);
}

/* A new key has a new session, and the old one is out of reach; the first session follows none. */
TEST(sessions_of_other_keys_are_left_alone)
{
	struct mock *m = mock_new("intermediate", false);

	mock_query(m, QUERY_A, 1, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	mock_pump(m);
	CHECK_INT(mock_count(m, WIRE_DESTROY_SESSION), 0);
	mock_free(m);
}

/* A.42: a thousand small bombs in one container come to no more than one that is allowed. */
TEST(many_small_bombs)
{
	enum { EACH = 1 << 20, BOMBS = 1000 };
	struct mock *m = mock_ready();
	struct tl_buf zeros = {.len = 0}, zip = {.len = 0}, bomb = {.len = 0}, box = {.len = 0};
	size_t total = 0, n = 0, unreadable = 0;
	struct mt_event ev;

	memset(tl_buf_extend(&zeros, EACH), 0x11, EACH);
	CHECK(mt_gzip(zeros.data, zeros.len, &zip) == 0);
	tl_put_u32(&bomb, WIRE_GZIP_PACKED);
	tl_put_bytes(&bomb, zip.data, zip.len);
	tl_put_u32(&box, WIRE_MSG_CONTAINER);
	tl_put_u32(&box, BOMBS);
	for (int i = 0; i < BOMBS; i++) {
		tl_put_u64(&box, mock_msg_id(m, false));
		tl_put_u32(&box, 0);
		tl_put_u32(&box, (uint32_t)bomb.len);
		tl_put(&box, bomb.data, bomb.len);
	}
	CHECK(box.len < MT_MAX_PACKET);
	mock_say(m, false, false, &box);
	while (mt_client_next(m->c, &ev)) {
		total += ev.n;
		n += ev.kind == MT_EV_UPDATE;
		unreadable += ev.kind == MT_EV_UNREADABLE;
	}
	CHECK_INT(total, MT_UNZIP_BYTES);
	CHECK_INT(n, MT_UNZIP_BYTES / EACH);
	CHECK_INT(n + unreadable, BOMBS);
	tl_buf_clear(&box); /* the next packet has its own */
	tl_put(&box, bomb.data, bomb.len);
	mock_say(m, false, false, &box);
	CHECK_INT(mock_event(m, MT_EV_UPDATE).n, EACH);
	tl_buf_free(&zeros);
	tl_buf_free(&zip);
	tl_buf_free(&bomb);
	tl_buf_free(&box);
	mock_free(m);
}
