/* session.json, what the client does about corrections: a script per row of bad_msg_notification,
 * salts, lost sessions, chains of queries, headers that the server forgot. */
#include "tests/unit/proto/session_checks.h"

/* ---- bad_msg_notification -------------------------------------------------------------------- */

struct reaction {
	uint32_t code;
	bool new_session, once, singly;
	int64_t skew; /* s, of the server's clock */
};
static const struct reaction reactions[] = {
	{16, false, false, false, 500}, {17, true, false, false, -500}, {18, true, true, false, 0},
	{19, true, true, false, 0},     {20, false, false, false, 0},   {32, true, false, false, 0},
	{33, true, false, false, 0},    {34, true, true, false, 0},     {35, true, true, false, 0},
	{64, false, false, true, 0}};

/* Three queries in one container, the server refuses the container. */
static void refuse_container(const struct reaction *r)
{
	static const uint32_t numbers[] = {QUERY_A, QUERY_B, QUERY_C};
	struct mock *m = mock_ready();
	uint64_t session = m->session, outer = 0, first = 0;
	uint32_t seqno = 0;

	for (int i = 0; i < 3; i++)
		mock_query(m, numbers[i], 2, 0, 0);
	mock_pump(m);
	for (int i = 0; i < 3; i++) {
		const struct mock_message *g = mock_expect(m, numbers[i]);

		CHECK(!outer || outer == g->outer);
		outer = g->outer;
		first = g->h.msg_id;
		seqno = g->h.seqno;
	}
	m->skew = r->skew * NS;
	if (r->skew < 0)
		m->last_msg_id = 0; /* its ids follow its clock */
	mock_bad_msg(m, outer, r->code);
	mock_pump(m);
	CHECK_INT(m->session != session, r->new_session);
	for (int i = 0; i < 3; i++) {
		struct mock_message *g = mock_expect(m, numbers[i]);
		int64_t off =
			mt_msgid_time(g->h.msg_id) - (MOCK_EPOCH * NS + m->now.boot + m->skew);

		CHECK(off < 5 * NS && off > -5 * NS);
		CHECK(r->new_session || (g->h.msg_id > first && g->h.seqno > seqno));
		CHECK(!r->singly || g->outer == g->h.msg_id);
		mock_answer(m, g->h.msg_id, 7);
		mock_until(m, MT_EV_RESULT);
	}
	CHECK_INT(mock_count(m, QUERY_A), 2);
	mock_free(m);
}

/* The same query refused again: own bugs are repeated once, others go on for a while. */
static void refuse_twice(const struct reaction *r)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0);
	struct mt_event ev;

	m->skew = r->skew * NS;
	if (r->skew < 0)
		m->last_msg_id = 0; /* its ids follow its clock */
	for (int i = 0; i < 2; i++)
		mock_bad_msg(m, mock_sent(m, QUERY_A)->h.msg_id, r->code);
	if (r->once) {
		ev = mock_until(m, MT_EV_FAILED);
		CHECK(ev.query == handle && ev.code == -TG_E_TRANSPORT);
		mock_pump(m);
		CHECK_INT(mock_count(m, QUERY_A), 2);
	} else {
		mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, 7);
		CHECK(mock_until(m, MT_EV_RESULT).query == handle);
		CHECK_INT(mock_count(m, QUERY_A), 3);
	}
	mock_free(m);
}

void check_bad_msg(const json_t *v)
{
	uint32_t code = (uint32_t)vector_int(v, "code");
	unsigned found = 0;

	for (size_t i = 0; i < sizeof reactions / sizeof reactions[0]; i++) {
		if (reactions[i].code != code)
			continue;
		refuse_container(&reactions[i]);
		refuse_twice(&reactions[i]);
		found++;
	}
	CHECK(found == 1 || code == 48); /* 48 has its own message: salts-* */
}

void check_bad_msg_time(const json_t *v)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	struct mt_header h = {.salt = 1, .msg_id = vector_hex64(v, "notification_msg_id_hex")};
	uint64_t least = vector_hex64(v, "next_msg_id_hex_at_least");

	CHECK_INT(vector_int(v, "local_now"), MOCK_EPOCH);
	mock_query(m, QUERY_A, 0, 0, 0);
	tl_put_u32(&b, WIRE_BAD_MSG_NOTIFICATION);
	tl_put_u64(&b, mock_sent(m, QUERY_A)->h.msg_id);
	tl_put_u32(&b, 1);
	tl_put_u32(&b, 16);
	h.session = m->session;
	mock_say_as(m, &h, b.data, b.len);
	CHECK(mock_sent(m, QUERY_A)->h.msg_id >= least);
	CHECK_INT(mock_event(m, MT_EV_TIME).value / NS, vector_int(v, "expect_server_minus_local"));
	tl_buf_free(&b);
	mock_free(m);
}

/* A server that refuses the clock for ever: new session and a pause, then the caller hears. */
TEST(a_server_that_always_refuses)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0), session = m->session;
	unsigned sent = 0, closed = 0, failed = 0;
	struct mt_event ev;

	for (int round = 0; round < 40 && !failed; round++) {
		struct mock_message *g = (mock_pump(m), mock_find(m, QUERY_A));
		bool closing = false;

		if (g) {
			sent++;
			mock_bad_msg(m, g->h.msg_id, 16);
		}
		while (mt_client_next(m->c, &ev)) {
			closing |= ev.kind == MT_EV_CLOSE;
			if (ev.kind == MT_EV_FAILED) {
				CHECK(ev.query == handle && ev.code == -TG_E_TRANSPORT);
				failed++;
			}
		}
		if (closing && !failed) {
			closed++;
			mock_lose(m);
			CHECK(mt_client_deadline(m->c) - m->now.boot >= NS / 2);
			mock_reconnect(m);
			CHECK(m->session != session);
		}
	}
	CHECK_INT(failed, 1);
	CHECK_INT(closed, 1 + MT_BAD_RESENDS); /* too many corrections, then one each */
	CHECK_INT(sent, 2 * (MT_BAD_RESENDS + 1));
	mock_free(m);
}

/* What must not be done twice: after code 20 the server is asked first (D.29). */
TEST(too_old_and_not_to_be_repeated)
{
	static const struct {
		char state;
		enum mt_event_kind kind;
		size_t times;
	} rows[] = {{1, MT_EV_FAILED, 1},
		    {2, MT_EV_RESULT, 2},
		    {3, MT_EV_RESULT, 2},
		    {4, MT_EV_RESULT, 1}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mock *m = mock_ready();
		uint64_t handle = mock_query(m, QUERY_A, 0, MT_QUERY_ONCE, 0);
		struct mock_message *g = mock_sent(m, QUERY_A), *ask, *again;
		struct mt_event ev;

		mock_bad_msg(m, g->h.msg_id, 20);
		ask = mock_sent(m, WIRE_MSGS_STATE_REQ);
		CHECK_INT(mock_count(m, QUERY_A), 1);
		mock_states(m, ask->h.msg_id, &rows[i].state, 1);
		mock_pump(m);
		again = mock_find(m, QUERY_A);
		mock_answer(m, (again ? again : g)->h.msg_id, 5);
		ev = mock_event(m, rows[i].kind);
		CHECK(ev.query == handle);
		CHECK(ev.kind != MT_EV_FAILED || ev.code == -TG_E_OUTCOME_UNKNOWN);
		CHECK_INT(mock_count(m, QUERY_A), rows[i].times);
		mock_quiet(m);
		mock_free(m);
	}
}

/* ---- salts ----------------------------------------------------------------------------------- */

static void salts_none(void)
{
	struct mock *m = mock_ready();

	m->c->salts.n = 0;
	mock_query(m, QUERY_A, 0, 0, 0);
	CHECK(mock_sent(m, QUERY_A)->h.salt == 0);
	mock_bad_salt(m, m->m[m->n - 1].outer, 77);
	CHECK(mock_sent(m, QUERY_A)->h.salt == 77);
	mock_pump(m);
	CHECK_INT(mock_count(m, QUERY_A), 2);
	mock_free(m);
}

/* Asked for when fewer than two are left, at most once a minute. */
static void salts_refetch(void)
{
	struct mock *m = mock_ready();

	m->c->salts.n = 1;
	for (int i = 0; i < 50; i++) {
		mock_query(m, QUERY_A, 0, 0, 0);
		mock_pump(m);
		mock_pass(m, NS);
	}
	CHECK_INT(mock_count(m, WIRE_GET_FUTURE_SALTS), 1);
	mock_update(m, mock_msg_id(m, false), 0);
	mock_pass(m, 15 * NS);
	mock_query(m, QUERY_A, 0, 0, 0);
	mock_pump(m);
	CHECK_INT(mock_count(m, WIRE_GET_FUTURE_SALTS), 2);
	mock_free(m);
}

static void salts_after_bad(void)
{
	struct mock *m = mock_ready();

	mock_query(m, QUERY_A, 0, 0, 0);
	mock_bad_salt(m, mock_sent(m, QUERY_A)->outer, 77);
	CHECK(mock_sent(m, QUERY_A)->h.salt == 77);
	for (int i = 0; i < 20; i++) { /* ten minutes of pings, kept alive by updates */
		mock_pass(m, 30 * NS);
		mock_update(m, mock_msg_id(m, false), 0);
		CHECK(m->m[m->n - 1].h.salt == 77);
	}
	mock_free(m);
}

void check_salts_script(const json_t *v)
{
	const char *id = vector_text(v, "id");

	if (strcmp(id, "salts-none") == 0)
		salts_none();
	else if (strcmp(id, "salts-refetch") == 0)
		salts_refetch();
	else if (strcmp(id, "salts-after-bad-salt") == 0)
		salts_after_bad();
	else
		test_fail(__FILE__, __LINE__, "%s has no script", id);
}

/* Three wrong salts in a row are all followed, and cost the query nothing (D.22). */
TEST(three_salts_in_a_row)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, MT_QUERY_ONCE, 0);
	struct mock_message *g = mock_sent(m, QUERY_A);

	for (uint64_t salt = 1; salt <= 3; salt++) {
		mock_bad_salt(m, g->outer, salt);
		g = mock_sent(m, QUERY_A);
		CHECK(g->h.salt == salt);
	}
	mock_answer(m, g->h.msg_id, 1);
	CHECK(mock_until(m, MT_EV_RESULT).query == handle);
	mock_free(m);
}

/* More corrections in a minute than are made: new session, then a pause. */
TEST(a_storm_of_salts)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0), session = m->session;
	struct mt_event ev = {.kind = MT_EV_ONLINE};
	unsigned n = 0;

	while (ev.kind != MT_EV_CLOSE) {
		CHECK(n++ < 20);
		mock_bad_salt(m, mock_sent(m, QUERY_A)->outer, n);
		while (ev.kind != MT_EV_CLOSE && mt_client_next(m->c, &ev))
			;
	}
	CHECK_INT(n, MT_CORRECTIONS + 1);
	mock_lose(m);
	CHECK(mt_client_deadline(m->c) - m->now.boot >= NS / 2);
	mock_reconnect(m);
	CHECK(m->session != session);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	CHECK(mock_until(m, MT_EV_RESULT).query == handle);
	mock_free(m);
}

/* Fifty packets on the way with one stale salt are one correction, not fifty. */
TEST(many_packets_with_one_stale_salt)
{
	struct mock *m = mock_ready();
	struct mt_event ev;
	unsigned again = 0;

	for (int i = 0; i < 50; i++) {
		mock_query(m, QUERY_A, 0, 0, 0);
		mock_pump(m);
	}
	for (size_t i = m->seen, n = m->n; i < n; i++)
		mock_bad_salt(m, m->m[i].outer, 77);
	m->seen = m->n;
	mock_pump(m);
	for (struct mock_message *g; (g = mock_find(m, QUERY_A)); again++)
		mock_answer(m, g->h.msg_id, 1);
	CHECK_INT(again, 50);
	for (again = 0; mt_client_next(m->c, &ev); again += ev.kind == MT_EV_RESULT)
		CHECK(ev.kind != MT_EV_CLOSE);
	CHECK_INT(again, 50);
	mock_free(m);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* 100 alone, 104 in container 112, then 116: the server's new session begins with 112. */
void check_new_session(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t outer;
	struct mt_event ev;

	(void)v;
	mock_query(m, QUERY_A, 0, 0, 0);
	CHECK(mock_sent(m, QUERY_A)->outer == m->m[m->n - 1].h.msg_id);
	mock_query(m, QUERY_B, 0, 0, 0);
	mock_query(m, QUERY_C, 0, 0, 0);
	outer = mock_sent(m, QUERY_B)->outer;
	CHECK(mock_expect(m, QUERY_C)->outer == outer);
	m->salt = 4711;
	mock_new_session(m, outer, 1);
	ev = mock_event(m, MT_EV_SALTS);
	CHECK_INT(ev.n, sizeof(struct mt_salt));
	mock_event(m, MT_EV_NEW_SESSION);
	mock_new_session(m, outer, 1);
	mock_quiet(m);
	mock_pump(m);
	CHECK(mock_expect(m, QUERY_A)->h.salt == 4711);
	CHECK_INT(mock_count(m, QUERY_A), 2);
	CHECK_INT(mock_count(m, QUERY_B), 1);
	CHECK_INT(mock_count(m, QUERY_C), 2); /* the one of mock_ready counts */
	CHECK(mock_count(m, WIRE_MSGS_ACK) >= 1);
	mock_free(m);
}

/* An acked query is sent again as well when its session is gone (D.43). */
TEST(acked_then_a_new_session)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	struct mock_message *g;

	mock_query(m, QUERY_A, 0, 0, 0);
	g = mock_sent(m, QUERY_A);
	tl_put_u32(&b, WIRE_MSGS_ACK);
	tl_put_u32(&b, WIRE_VECTOR);
	tl_put_u32(&b, 1);
	tl_put_u64(&b, g->h.msg_id);
	mock_say(m, true, false, &b);
	CHECK(mt_query_by_msg_id(m->c, g->h.msg_id)->acked);
	mock_new_session(m, g->h.msg_id + 4, 9);
	mock_sent(m, QUERY_A);
	tl_buf_free(&b);
	mock_free(m);
}

/* ---- chains (D.67) --------------------------------------------------------------------------- */

/* A failed: the caller has to decide; B hears MSG_WAIT_FAILED. */
static void chain_failed(void)
{
	struct mock *m = mock_ready();
	uint64_t a = mock_query(m, QUERY_A, 0, 0, 0), b = mock_query(m, QUERY_B, 0, 0, a);
	struct mock_message *g;
	struct mt_event ev;

	mock_pump(m);
	g = mock_expect(m, QUERY_A);
	mock_error(m, g->h.msg_id, 420, "FLOOD_WAIT_3");
	CHECK(mock_event(m, MT_EV_RPC_ERROR).query == a);
	mock_error(m, mock_expect(m, QUERY_B)->h.msg_id, 400, "MSG_WAIT_FAILED");
	ev = mock_event(m, MT_EV_RPC_ERROR);
	CHECK(ev.query == b && ev.code == 400);
	mock_free(m);
}

/* A never came to the server: B's error makes the client ask, A goes again, then B behind it. */
static void chain_lost(void)
{
	struct mock *m = mock_ready();
	uint64_t a = mock_query(m, QUERY_A, 0, 0, 0), id;
	struct mock_message *ask;

	mock_query(m, QUERY_B, 0, 0, a);
	mock_pump(m);
	id = mock_expect(m, QUERY_A)->h.msg_id;
	mock_error(m, mock_expect(m, QUERY_B)->h.msg_id, 400, "MSG_WAIT_TIMEOUT");
	ask = mock_sent(m, WIRE_MSGS_STATE_REQ);
	CHECK_INT(mock_count(m, QUERY_B), 1);
	mock_states(m, ask->h.msg_id, "\2", 1);
	mock_pump(m);
	CHECK(mock_expect(m, QUERY_A)->h.msg_id != id);
	id = m->m[m->seen - 1].h.msg_id;
	CHECK(mock_expect(m, QUERY_B)->after == id);
	mock_quiet(m);
	mock_free(m);
}

/* A was answered meanwhile: B goes alone. */
static void chain_late(void)
{
	struct mock *m = mock_ready();
	uint64_t a = mock_query(m, QUERY_A, 0, 0, 0);
	struct mock_message *first, *second;

	mock_query(m, QUERY_B, 0, 0, a);
	mock_pump(m);
	first = mock_expect(m, QUERY_A);
	second = mock_expect(m, QUERY_B);
	mock_answer(m, first->h.msg_id, 1);
	mock_error(m, second->h.msg_id, 400, "MSG_WAIT_TIMEOUT");
	CHECK(mock_sent(m, QUERY_B)->after == 0);
	mock_free(m);
}

/* The session is gone: the whole chain again, in order, with no id of the old one. */
static void chain_new_session(void)
{
	struct mock *m = mock_ready();
	uint64_t a = mock_query(m, QUERY_A, 0, 0, 0), old;

	mock_query(m, QUERY_B, 0, 0, a);
	mock_pump(m);
	old = mock_expect(m, QUERY_A)->h.msg_id;
	mock_new_session(m, UINT64_C(0x7fffffff00000000), 5);
	mock_pump(m);
	CHECK(mock_expect(m, QUERY_A)->h.msg_id > old);
	old = m->m[m->seen - 1].h.msg_id;
	CHECK(mock_expect(m, QUERY_B)->after == old);
	mock_free(m);
}

void check_chain(const json_t *v)
{
	static const struct {
		const char *id;
		void (*script)(void);
	} rows[] = {{"chain-1.1", chain_failed},
		    {"chain-1.2", chain_lost},
		    {"chain-2", chain_new_session},
		    {"err-400-MSG_WAIT_TIMEOUT", chain_late},
		    {"err-400-MSG_WAIT_FAILED", chain_failed}};
	unsigned found = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].id, vector_text(v, "id")) != 0)
			continue;
		rows[i].script();
		found++;
	}
	CHECK_INT(found, 1);
}

/* ---- the layer's header (D.60, D.64) --------------------------------------------------------- */

void check_reinit(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0);
	struct mock_message *g = mock_sent(m, QUERY_A);
	struct mt_event ev;

	CHECK(!g->wrapped);
	for (int i = 0; i < 3; i++) {
		mock_error(m, g->h.msg_id, (int)vector_int(v, "code"), vector_text(v, "message"));
		g = mock_sent(m, QUERY_A);
		CHECK(g->wrapped);
	}
	mock_answer(m, g->h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	mock_query(m, QUERY_B, 0, 0, 0);
	CHECK(!mock_sent(m, QUERY_B)->wrapped);
	handle = mock_query(m, QUERY_A, 0, MT_QUERY_NO_INIT, 0);
	mock_error(m, mock_sent(m, QUERY_A)->h.msg_id, 400, vector_text(v, "message"));
	ev = mock_event(m, MT_EV_RPC_ERROR);
	CHECK(ev.query == handle && ev.code == 400);
	mock_free(m);
}
