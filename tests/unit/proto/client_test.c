/* A client's life against the mock server: from nothing to an answered query, queries over
 * reconnects, limits, stop and cancel. */
#include "tests/unit/proto/session_checks.h"

#define GET_CONFIG 0xc4f9186bu

/* Key exchange, first query, answer: over every transport, one byte at a time and all at once. */
static void first_light(const char *transport, size_t step)
{
	struct mock *m = mock_new(transport, false);
	struct mt_event ev;
	struct mock_message *q;
	uint64_t handle;

	m->step = step;
	m->stutter = step == 0;
	handle = mock_query(m, GET_CONFIG, 0, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	q = mock_expect(m, GET_CONFIG);
	CHECK(q->wrapped && !q->after);
	CHECK_INT(q->h.seqno & 1, 1);
	CHECK_INT(m->server.dc, 10002);
	mock_answer(m, q->h.msg_id, 42);
	mock_event(m, MT_EV_ONLINE);
	ev = mock_event(m, MT_EV_RESULT);
	CHECK_INT(ev.query, handle);
	CHECK_INT(ev.n, 4);
	CHECK_INT(ev.data[0], 42);
	mock_quiet(m);
	CHECK_INT(m->plain, 3);
	mock_free(m);
}

TEST(from_nothing_to_an_answer)
{
	static const char *const names[] = {"abridged", "intermediate", "padded", "full",
					    "obfuscated-padded"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		first_light(names[i], 1);
		first_light(names[i], 0);
	}
}

/* ---- reconnects ------------------------------------------------------------------------------ */

/* Ten queries wait when the line is cut. The server has answered some, has begun some, has never
 * seen some: each is answered once, none is sent twice without need. */
TEST(ten_queries_over_a_cut)
{
	struct mock *m = mock_ready();
	uint64_t handles[10], ids[10], session = m->session;
	unsigned answers[10] = {0};
	char states[10];
	struct mock_message *ask, *g;
	struct mt_event ev;

	for (unsigned i = 0; i < 10; i++) {
		handles[i] = mock_query(m, QUERY_A + i, 1, i % 3 == 2 ? MT_QUERY_ONCE : 0, 0);
		ids[i] = mock_sent(m, QUERY_A + i)->h.msg_id;
		states[i] = i < 5 ? 4 : i < 8 ? 2 : 3;
	}
	mock_answer(m, ids[0], 1);
	answers[0] += mock_event(m, MT_EV_RESULT).query == handles[0];
	mock_lose(m);
	mock_reconnect(m);
	CHECK(m->session == session);
	mock_expect(m, WIRE_PING_DELAY_DISCONNECT); /* in the first packet (D.51) */
	ask = mock_expect(m, WIRE_MSGS_STATE_REQ);
	CHECK_INT(ask->n, 12 + 8 * 9);
	CHECK_MEM(ask->body + 12, ids + 1, 8 * 9);
	CHECK(!mock_find(m, QUERY_A + 1));
	mock_states(m, ask->h.msg_id, states + 1, 8); /* of another length: no answer to it */
	CHECK_INT(mock_pump(m), 0);
	mock_states(m, ask->h.msg_id, states + 1, 9);
	CHECK(mock_pump(m) >= 5);
	for (unsigned i = 1; i < 10; i++) {
		g = mock_find(m, QUERY_A + i);
		CHECK_INT(g != NULL, i >= 5);
		mock_answer(m, g ? g->h.msg_id : ids[i], i);
		mock_answer(m, ids[i], i); /* and the answer of before, late */
	}
	while (mt_client_next(m->c, &ev)) {
		if (ev.kind == MT_EV_RPC_ERROR || ev.kind == MT_EV_FAILED ||
		    ev.kind == MT_EV_RESULT) {
			CHECK_INT(ev.kind, MT_EV_RESULT);
			for (unsigned i = 0; i < 10; i++)
				answers[i] += handles[i] == ev.query;
		}
	}
	for (unsigned i = 0; i < 10; i++)
		CHECK_INT(answers[i], 1);
	mock_free(m);
}

/* The server has lost the session as well: what may be repeated is, the rest is unclear. */
TEST(a_cut_and_a_lost_session)
{
	struct mock *m = mock_ready();
	uint64_t a = mock_query(m, QUERY_A, 1, 0, 0),
		 b = mock_query(m, QUERY_B, 1, MT_QUERY_ONCE, 0);
	struct mock_message *ask;
	struct mt_event ev;

	mock_pump(m);
	mock_lose(m);
	mock_reconnect(m);
	ask = mock_expect(m, WIRE_MSGS_STATE_REQ);
	mock_new_session(m, ask->outer, 77);
	mock_states(m, ask->h.msg_id, "\1\1", 2);
	ev = mock_until(m, MT_EV_FAILED);
	CHECK(ev.query == b && ev.code == -TG_E_OUTCOME_UNKNOWN);
	mock_event(m, MT_EV_NEW_SESSION);
	mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == a);
	CHECK_INT(mock_count(m, QUERY_A), 2);
	CHECK_INT(mock_count(m, QUERY_B), 1);
	mock_quiet(m);
	mock_free(m);
}

/* A query that waits long on a living connection is asked after (D.45). */
TEST(silence_is_asked_after)
{
	struct mock *m = mock_ready();
	uint64_t id;
	struct mock_message *ask;

	mock_query(m, QUERY_A, 1, 0, 0);
	id = mock_sent(m, QUERY_A)->h.msg_id;
	for (int i = 0; i < 6; i++) {
		mock_pass(m, 9 * NS);
		mock_update(m, mock_msg_id(m, false), 0);
	}
	CHECK_INT(mock_count(m, WIRE_MSGS_STATE_REQ), 0);
	mock_pass(m, 7 * NS);
	ask = mock_expect(m, WIRE_MSGS_STATE_REQ);
	CHECK_MEM(ask->body + 12, &id, 8);
	mock_states(m, ask->h.msg_id, "\4", 1);
	mock_pass(m, 30 * NS);
	CHECK_INT(mock_count(m, QUERY_A), 1);
	mock_free(m);
}

TEST(five_thousand_calls)
{
	struct mock *m = mock_ready();
	uint64_t first = 0, last = 0;
	size_t answered = 0, next = m->n;
	struct mt_event ev;

	for (int i = 0; i < 5000; i++) {
		last = mock_query(m, QUERY_A, 1, 0, 0);
		first = first ? first : last;
	}
	mock_pump(m);
	CHECK_INT(mock_count(m, QUERY_A), MT_FLIGHT);
	while (answered < 5000) {
		for (size_t n = m->n; next < n; next++)
			if (m->m[next].number == QUERY_A)
				mock_answer(m, m->m[next].h.msg_id, 1);
		while (mt_client_next(m->c, &ev))
			if (ev.kind == MT_EV_RESULT)
				CHECK_INT(ev.query, first + answered++);
		CHECK(m->c->flight.n == 0);
		mock_pump(m);
	}
	CHECK(first + 4999 == last);
	mock_free(m);
}

/* ---- order, wrapping, size ------------------------------------------------------------------- */

/* The header goes before every query until one was answered, then not any more (D.60). */
TEST(the_header_until_the_first_answer)
{
	struct mock *m = mock_new("padded", true);
	struct mock_message *g;

	mock_query(m, QUERY_A, 1, 0, 0);
	mock_query(m, QUERY_B, 1, MT_QUERY_NO_INIT, 0);
	mock_open(m);
	m->seen = 0;
	g = mock_expect(m, QUERY_A);
	CHECK(g->wrapped && !mock_expect(m, QUERY_B)->wrapped);
	mock_error(m, g->h.msg_id, 401, "AUTH_KEY_UNREGISTERED"); /* proves nothing */
	mock_query(m, QUERY_A, 1, 0, 0);
	g = mock_sent(m, QUERY_A);
	CHECK(g->wrapped);
	mock_answer(m, g->h.msg_id, 1);
	mock_query(m, QUERY_A, 1, 0, 0);
	CHECK(!mock_sent(m, QUERY_A)->wrapped);
	mt_client_set_init(m->c, "other parameters", 16);
	CHECK(!m->c->inited);
	mock_free(m);
}

/* D.61: gzip around all, then invokeAfterMsg, then the header, then the query. The mock takes them
 * off in this order only. */
TEST(wrappers_from_outside_in)
{
	static const char text[1024] = "all work and no play makes jack a dull boy";
	struct mock *m = mock_new("padded", true);
	uint64_t first = mock_query(m, QUERY_A, 1, 0, 0), handle;
	const struct mock_message *a, *g;

	CHECK(mt_client_send(m->c, text, sizeof text, 0, first, &handle, m->now) == 0);
	mock_open(m);
	m->seen = 0;
	a = mock_expect(m, QUERY_A);
	g = &m->m[m->n - 1];
	CHECK(a->wrapped && !a->after);
	CHECK(g->zipped && g->after == a->h.msg_id && g->wrapped && g->n == sizeof text);
	CHECK_MEM(g->body, text, sizeof text);
	mock_free(m);
}

/* Large bodies are packed where that pays, parts of files never are (A.31). */
TEST(packing)
{
	static const char text[1024] = "all work and no play makes jack a dull boy";
	struct mock *m = mock_ready();
	uint64_t handle;
	struct mock_message *g;

	CHECK(mt_client_send(m->c, text, sizeof text, 0, 0, &handle, m->now) == 0);
	mock_pump(m);
	g = &m->m[m->n - 1];
	CHECK(g->zipped && g->n == sizeof text);
	CHECK_MEM(g->body, text, sizeof text);
	CHECK(mt_client_send(m->c, text, sizeof text, MT_QUERY_NO_GZIP, 0, &handle, m->now) == 0);
	CHECK(mt_client_send(m->c, text, 252, 0, 0, &handle, m->now) == 0);
	mock_query(m, QUERY_A, 1000, 0, 0); /* random words: nothing to be won */
	CHECK_INT(mock_pump(m), 3);
	for (size_t i = 1; i <= 3; i++)
		CHECK(!m->m[m->n - i].zipped);
	mock_free(m);
}

TEST(sizes_that_cannot_be_sent)
{
	static uint8_t big[2 << 20];
	struct mock *m = mock_ready();
	uint64_t handle = 7;

	CHECK_INT(mt_client_send(m->c, big, sizeof big, 0, 0, &handle, m->now), -TG_E_TOO_LARGE);
	CHECK_INT(mt_client_send(m->c, big, 7, 0, 0, &handle, m->now), -TG_E_WIRE);
	CHECK_INT(mt_client_send(m->c, big, 0, 0, 0, &handle, m->now), -TG_E_WIRE);
	CHECK_INT(handle, 7);
	m->c->inited = false; /* with the header it is over the limit */
	CHECK(mt_client_send(m->c, big, MT_CONTAINER_BYTES, 0, 0, &handle, m->now) == 0);
	mock_pump(m);
	CHECK_INT(mock_event(m, MT_EV_FAILED).code, -TG_E_TOO_LARGE);
	mock_free(m);
}

/* Ids up, sequence numbers up, whatever goes together (D.6). */
TEST(numbers_of_many_queries)
{
	struct mock *m = mock_ready();
	uint64_t last = 0, last_seqno = 0;

	for (int turn = 0; turn < 200; turn++) {
		for (int i = 0; i < 32; i++)
			mock_query(m, QUERY_A, 1, 0, 0);
		mock_pump(m);
		for (size_t i = m->seen; i < m->n; i++) {
			CHECK(m->m[i].h.msg_id > last && m->m[i].h.seqno >= last_seqno);
			last = m->m[i].h.msg_id;
			last_seqno = m->m[i].h.seqno;
			if (m->m[i].number == QUERY_A) {
				CHECK(m->m[i].h.seqno & 1);
				mock_answer(m, last, 1);
			}
		}
		mock_clear(m);
	}
	mock_free(m);
}

/* ---- cancel and stop ------------------------------------------------------------------------- */

TEST(cancelled_queries)
{
	struct mock *m = mock_ready();
	uint64_t waiting, flying, answered, after;
	bool sent = true;

	waiting = mock_query(m, QUERY_A, 1, 0, 0);
	mt_client_cancel(m->c, waiting, &sent, m->now);
	CHECK(!sent);
	CHECK_INT(mock_pump(m), 0);
	flying = mock_query(m, QUERY_A, 1, 0, 0);
	after = mock_query(m, QUERY_B, 1, 0, flying);
	mock_pump(m);
	mt_client_cancel(m->c, flying, &sent, m->now);
	CHECK(sent);
	CHECK_INT(mock_pump(m), 0); /* it may change something: no drop_answer (D.52) */
	answered = mock_query(m, QUERY_C, 1, 0, 0);
	mock_answer(m, mock_sent(m, QUERY_C)->h.msg_id, 1);
	mt_client_cancel(m->c, answered, &sent, m->now); /* its event is waiting already */
	CHECK(sent);
	mock_quiet(m);
	m->seen = 0;
	mock_expect(m, QUERY_C);
	mock_answer(m, mock_expect(m, QUERY_B)->h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == after);
	mock_quiet(m);
	mock_free(m);
}

TEST(a_stop_with_work_left)
{
	struct mock *m = mock_ready();
	uint64_t flying = mock_query(m, QUERY_A, 1, 0, 0), waiting, handle;
	struct mt_event ev;

	mock_pump(m);
	waiting = mock_query(m, QUERY_B, 1, 0, 0);
	mock_update(m, mock_msg_id(m, false), 1);
	mock_event(m, MT_EV_UPDATE);
	mt_client_stop(m->c, m->now);
	ev = mock_event(m, MT_EV_FAILED);
	CHECK(ev.query == waiting && ev.code == -TG_E_SHUTTING_DOWN);
	mock_quiet(m);
	CHECK_INT(mt_client_send(m->c, "1234", 4, 0, 0, &handle, m->now), -TG_E_SHUTTING_DOWN);
	CHECK_INT(mock_pump(m), 1);
	mock_expect(m, WIRE_MSGS_ACK);
	mock_quiet(m); /* not before the bytes are written */
	CHECK(!mt_client_out(m->c, m->now));
	mock_event(m, MT_EV_CLOSE);
	mock_lose(m);
	ev = mock_event(m, MT_EV_FAILED);
	CHECK(ev.query == flying && ev.code == -TG_E_OUTCOME_UNKNOWN);
	mock_pass(m, 1000 * NS);
	mock_quiet(m);
	mock_free(m);
}

TEST(a_stop_of_a_client_that_cannot_write)
{
	struct mock *m = mock_ready();

	mock_query(m, QUERY_A, 1, 0, 0);
	CHECK(mt_client_out(m->c, m->now)); /* and nobody takes the bytes */
	mt_client_stop(m->c, m->now);
	CHECK_INT(mt_client_deadline(m->c) - m->now.boot, MT_STOP_WAIT);
	m->now.boot += MT_STOP_WAIT;
	mt_client_tick(m->c, m->now);
	mock_event(m, MT_EV_CLOSE);
	mock_free(m);
	m = mock_new("padded", true); /* before the first connection */
	mock_event(m, MT_EV_CONNECT);
	mt_client_stop(m->c, m->now);
	mock_event(m, MT_EV_CLOSE);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) == INT64_MAX);
	mock_free(m);
}
