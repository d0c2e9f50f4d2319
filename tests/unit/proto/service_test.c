/* Service messages that no vector covers: resend requests, states of all, dropped answers, broken
 * and unasked ones, floods. */
#include "tests/unit/proto/session_checks.h"

static void put_ids(struct tl_buf *b, uint32_t number, const uint64_t *ids, uint32_t n)
{
	tl_put_u32(b, number);
	tl_put_u32(b, WIRE_VECTOR);
	tl_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		tl_put_u64(b, ids[i]);
}

/* The server asks for a message again: it comes as a new one; of one that is gone it hears so. */
TEST(resend_requests)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	uint64_t handle = mock_query(m, QUERY_A, 1, MT_QUERY_ONCE, 0);
	uint64_t ids[2] = {mock_sent(m, QUERY_A)->h.msg_id, 4};
	struct mock_message *g;

	put_ids(&b, WIRE_MSG_RESEND_REQ, ids, 2);
	mock_say(m, false, false, &b);
	g = mock_sent(m, QUERY_A);
	CHECK(g->h.msg_id > ids[0]);
	mock_say(m, false, false, &b);
	g = mock_sent(m, WIRE_MSGS_STATE_INFO);
	CHECK_INT(g->n, 16);
	CHECK_HEX(g->body + 12, 4, "02010100");
	mock_answer(m, m->m[m->n - 2].h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	tl_buf_free(&b);
	mock_free(m);
}

TEST(states_of_all)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	uint64_t ids[3];

	mock_query(m, QUERY_A, 1, 0, 0);
	ids[0] = mock_sent(m, QUERY_A)->h.msg_id;
	mock_query(m, QUERY_B, 1, 0, 0);
	ids[1] = mock_sent(m, QUERY_B)->h.msg_id;
	ids[2] = ids[1] + 400;
	put_ids(&b, WIRE_MSGS_ALL_INFO, ids, 3);
	tl_put_bytes(&b, "\4\2", 2); /* one too few: not believed */
	mock_say(m, false, false, &b);
	CHECK_INT(mock_pump(m), 0);
	tl_buf_clear(&b);
	put_ids(&b, WIRE_MSGS_ALL_INFO, ids, 3);
	tl_put_bytes(&b, "\4\2\1", 3);
	mock_say(m, false, false, &b);
	CHECK_INT(mock_pump(m), 1);
	mock_expect(m, QUERY_B);
	CHECK(mt_query_by_msg_id(m->c, ids[0])->acked);
	tl_buf_free(&b);
	mock_free(m);
}

/* The key's own end is told without a request id (D.54). */
TEST(a_destroyed_key)
{
	struct mock *m = mock_ready();
	uint64_t other = mock_query(m, QUERY_A, 0, 0, 0), handle;
	struct mt_event ev;

	handle = mock_query(m, WIRE_DESTROY_AUTH_KEY, 0, 0, 0);
	mock_pump(m);
	mock_say_hex(m, false, "d4e160f6");
	ev = mock_event(m, MT_EV_RESULT);
	CHECK(ev.query == handle);
	CHECK_HEX(ev.data, ev.n, "d4e160f6");
	mock_say_hex(m, false, "d4e160f6"); /* nobody asked */
	mock_quiet(m);
	mock_answer(m, m->m[m->n - 2].h.msg_id, 1);
	CHECK(mock_event(m, MT_EV_RESULT).query == other);
	mock_free(m);
}

TEST(an_answer_that_the_server_dropped)
{
	struct mock *m = mock_ready();
	struct mt_event ev;

	mock_query(m, QUERY_A, 0, 0, 0);
	mock_answer(m, mock_sent(m, QUERY_A)->h.msg_id, WIRE_RPC_ANSWER_DROPPED_RUNNING);
	ev = mock_event(m, MT_EV_FAILED);
	CHECK_INT(ev.code, -TG_E_OUTCOME_UNKNOWN);
	mock_free(m);
}

/* Each service message cut at every word: passed over without a word, the connection lives. */
TEST(broken_service_messages)
{
	static const uint32_t numbers[] = {WIRE_MSGS_ACK,
					   WIRE_BAD_SERVER_SALT,
					   WIRE_BAD_MSG_NOTIFICATION,
					   WIRE_PONG,
					   WIRE_FUTURE_SALTS,
					   WIRE_MSGS_STATE_REQ,
					   WIRE_MSGS_STATE_INFO,
					   WIRE_MSGS_ALL_INFO,
					   WIRE_MSG_DETAILED_INFO,
					   WIRE_RPC_RESULT,
					   WIRE_MSG_RESEND_REQ,
					   WIRE_DESTROY_SESSION_OK,
					   WIRE_MSGS_ACK,
					   WIRE_NEW_SESSION_CREATED};
	struct mock *m = mock_ready();

	mock_query(m, QUERY_A, 1, 0, 0);
	mock_pump(m);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		for (uint32_t words = 0; words < 4; words++) {
			struct tl_buf b = {.len = 0};

			tl_put_u32(&b, numbers[i]);
			for (uint32_t w = 0; w < words; w++)
				tl_put_u32(&b, w == 0 ? WIRE_VECTOR : 0x7fffffff);
			mock_say(m, true, false, &b);
			tl_buf_free(&b);
		}
	}
	mock_quiet(m);
	mock_pump(m);
	CHECK_INT(mock_count(m, QUERY_A), 1);
	mock_free(m);
}

/* Requests that come faster than we may write: what waits to be said is bounded. */
TEST(a_flood_of_requests)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	static uint64_t ids[MT_IDS + 1];

	put_ids(&b, WIRE_MSGS_STATE_REQ, ids, MT_IDS);
	for (int i = 0; i < 100; i++) {
		mock_say(m, false, true, &b);
		CHECK(m->c->misc.len <= MT_MISC_BYTES + 8);
	}
	CHECK(mock_pump(m) > 10);
	CHECK_INT(m->c->misc.len, 0);
	tl_buf_clear(&b);
	put_ids(&b, WIRE_MSGS_STATE_REQ, ids, MT_IDS + 1); /* over the limit: no answer */
	mock_say(m, false, false, &b);
	m->seen = m->n;
	mock_pump(m);
	CHECK(!mock_find(m, WIRE_MSGS_STATE_INFO) || m->m[m->seen - 1].n <= 16);
	tl_buf_free(&b);
	mock_free(m);
}

/* bad_server_salt's code in a message that brings no salt; salts that are of no use now. */
TEST(salts_that_are_none)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	uint64_t salt = m->c->salts.v[0].salt;

	m->c->salts.n = 1;
	mock_query(m, QUERY_A, 0, 0, 0);
	mock_pump(m);
	tl_put_u32(&b, WIRE_FUTURE_SALTS);
	tl_put_u64(&b, mock_expect(m, WIRE_GET_FUTURE_SALTS)->h.msg_id);
	tl_put_u32(&b, MOCK_EPOCH);
	tl_put_u32(&b, 1);
	tl_put_u32(&b, MOCK_EPOCH + 1000); /* later */
	tl_put_u32(&b, MOCK_EPOCH + 2000);
	tl_put_u64(&b, 666);
	mock_say(m, true, false, &b);
	mock_quiet(m);
	CHECK(m->c->salts.n == 1 && m->c->salts.v[0].salt == salt);
	mock_bad_msg(m, mock_expect(m, QUERY_A)->outer, 48);
	CHECK(mock_sent(m, QUERY_A)->h.salt == salt); /* a code that nobody knows: once again */
	tl_buf_free(&b);
	mock_free(m);
}

/* The job of a key exchange is out while the client goes: it gets rid of itself. */
TEST(a_job_that_comes_home_late)
{
	struct mock *m = mock_new("padded", false);
	struct mt_event ev = {.kind = MT_EV_CONNECT};

	mock_connect(m);
	mock_pump(m);
	ev = mock_event(m, MT_EV_JOB);
	mock_lose(m);
	ev.job->run(ev.job);
	mt_client_job_done(m->c, ev.job, m->now);
	mock_reconnect(m);
	mock_pump(m); /* the next job waits in the queue when the client is freed */
	mock_free(m);
}

/* D.31: what corrects us is not acked, unless its number asks for it. */
TEST(corrections_are_not_acked)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	uint64_t id;

	mock_clear(m);
	mock_query(m, QUERY_A, 0, 0, 0);
	mock_bad_salt(m, mock_sent(m, QUERY_A)->outer, 5);
	mock_bad_msg(m, mock_sent(m, QUERY_A)->outer, 16);
	mock_sent(m, QUERY_A);
	mock_pass(m, 40 * NS);
	CHECK_INT(mock_count(m, WIRE_MSGS_ACK), 0);
	tl_put_u32(&b, WIRE_BAD_MSG_NOTIFICATION);
	tl_put_u64(&b, 4);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, 16);
	id = mock_say(m, true, true, &b);
	mock_pass(m, 31 * NS);
	CHECK_MEM(mock_expect(m, WIRE_MSGS_ACK)->body + 12, &id, 8);
	tl_buf_free(&b);
	mock_free(m);
}

/* D.44: a request that cannot be read gets no answer, not an empty one. */
TEST(state_requests_that_are_none)
{
	struct mock *m = mock_ready();

	mock_say_hex(m, false,
		     "52fb69da15c4b51c02000000"
		     "0100000000000000");
	mock_say_hex(m, false, "52fb69da15c4b51d00000000");
	CHECK_INT(mock_pump(m), 0);
	mock_say_hex(m, false, "52fb69da15c4b51c00000000"); /* of nothing: of nothing */
	CHECK_INT(mock_sent(m, WIRE_MSGS_STATE_INFO)->n, 16);
	mock_free(m);
}

/* The server's clock went an hour ahead: its refusals of several packets come in one container,
 * which is as far from our time as they are, and sets it right. */
TEST(corrections_in_company)
{
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	uint64_t refused[2];

	m->skew = 3600 * NS;
	mock_query(m, QUERY_A, 0, 0, 0);
	refused[0] = mock_sent(m, QUERY_A)->h.msg_id;
	mock_query(m, QUERY_B, 0, 0, 0);
	refused[1] = mock_sent(m, QUERY_B)->h.msg_id;
	tl_put_u32(&b, WIRE_MSG_CONTAINER);
	tl_put_u32(&b, 2);
	for (int i = 0; i < 2; i++) {
		tl_put_u64(&b, mock_msg_id(m, true));
		tl_put_u32(&b, 0);
		tl_put_u32(&b, 20);
		tl_put_u32(&b, WIRE_BAD_MSG_NOTIFICATION);
		tl_put_u64(&b, refused[i]);
		tl_put_u32(&b, 0);
		tl_put_u32(&b, 16);
	}
	mock_say(m, false, false, &b);
	CHECK(mock_sent(m, QUERY_A)->h.msg_id > mock_msg_id(m, true) - (UINT64_C(60) << 32));
	mock_sent(m, QUERY_B);
	mock_event(m, MT_EV_TIME);
	mock_quiet(m);
	tl_buf_free(&b);
	mock_free(m);
}
