/* Clocks that are wrong, jump, drift or sleep (D.15; RELIABILITY T43), the ids that follow from
 * them, and messages that come again (T42). The server here is strict about times. */
#include "tests/unit/proto/strict.h"

#define HOUR (3600 * NS)
#define YEAR (365 * 24 * HOUR)

/* Whatever the local clock says at the start: an answer within ten seconds, and the offset. */
TEST(clocks_wrong_from_the_start)
{
	static const int64_t ahead[] = {-YEAR, -HOUR, -31 * NS, 301 * NS, YEAR};

	for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
		struct strict *s = strict_new(true, -ahead[i]);
		int64_t wrong;

		strict_ask(s);
		strict_run(s, 10 * NS, NS / 10);
		CHECK_INT(s->answered, 1);
		CHECK_INT(s->failed, 0);
		CHECK(s->refused <= 1);
		wrong = s->offset + ahead[i];
		CHECK(wrong < NS && wrong > -NS);
		CHECK(mt_client_server_time(s->m->c, s->m->now) / NS ==
		      (MOCK_EPOCH * NS + s->m->now.boot - ahead[i]) / NS);
		strict_free(s);
	}
}

/* The same with an offset that was kept from a time when the clock was right. */
TEST(a_kept_offset_that_is_wrong)
{
	struct strict *s = strict_new(true, 0);

	s->m->o.time_offset = -YEAR;
	mock_again(s->m);
	strict_ask(s);
	strict_run(s, 10 * NS, NS / 10);
	CHECK(s->answered == 1 && !s->failed && s->refused <= 1);
	CHECK(s->offset < NS && s->offset > -NS);
	strict_free(s);
}

/* Steps of the wall clock while it works: nobody but the teller of the offset notices. */
TEST(wall_clock_jumps)
{
	static const int64_t steps[] = {HOUR, -HOUR, -HOUR, YEAR, -YEAR, 31 * NS, -301 * NS};
	struct strict *s = strict_new(true, 0);
	uint64_t session;
	int64_t sum = 0;

	strict_ask(s);
	strict_run(s, NS, NS / 10);
	session = s->m->session;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		s->m->now.real += steps[i];
		sum += steps[i];
		for (int n = 0; n < 30; n++) {
			strict_ask(s);
			strict_run(s, NS, NS / 2);
		}
		CHECK(s->offset + sum < NS && s->offset + sum > -NS);
	}
	CHECK_INT(s->answered, s->asked);
	CHECK(!s->refused && !s->failed && !s->losses && s->m->session == session);
	strict_free(s);
}

/* A clock that runs half a thousandth too fast or too slow, for two days. */
TEST(clocks_that_drift)
{
	for (int64_t way = -1; way <= 1; way += 2) {
		struct strict *s = strict_new(true, 0);

		for (int minute = 0; minute < 2 * 24 * 60; minute++) {
			strict_ask(s);
			strict_run(s, 60 * NS, 20 * NS);
			s->m->skew += way * 30 * (NS / 1000); /* of 60 s */
		}
		CHECK_INT(s->answered, s->asked);
		CHECK(!s->refused && !s->failed && !s->losses);
		strict_free(s);
	}
}

/* Eight hours asleep with a query out: found dead, connected anew, answered once. */
TEST(a_night_asleep)
{
	struct strict *s = strict_new(true, 0);

	strict_ask(s);
	strict_run(s, NS, NS / 10);
	mock_query(s->m, QUERY_A, 1, 0, 0);
	s->asked++;
	CHECK(mt_client_out(s->m->c, s->m->now)); /* gone with the old connection */
	s->m->now.boot += 8 * HOUR;
	s->m->now.real += 8 * HOUR;
	strict_run(s, 10 * NS, NS / 10);
	CHECK(s->answered == 2 && !s->failed);
	CHECK(s->losses == 1 && s->connects == 2);
	strict_free(s);
}

/* B.42: the key exchange tells the time, and the first id has it. */
TEST(the_exchange_tells_the_time)
{
	struct mock *m = mock_new("intermediate", false);
	int64_t off;

	m->server.time = MOCK_EPOCH + 3600;
	m->skew = HOUR;
	mock_query(m, QUERY_A, 1, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	off = mt_msgid_time(mock_expect(m, QUERY_A)->outer) - (MOCK_EPOCH + 3600) * NS;
	CHECK(off < NS && off > -NS);
	CHECK_INT(mt_client_server_time(m->c, m->now) / NS, MOCK_EPOCH + 3600);
	mock_free(m);
}

/* ---- sessions (D.13, D.16) ------------------------------------------------------------------- */

TEST(sessions_are_new_and_not_zero)
{
	static const uint8_t drawn[24] = {[8] = 7, [16] = 9}; /* 0, 7, 9 */
	struct fixed_random r = {.data = drawn, .n = sizeof drawn};
	struct mt_env env = fixed_env(&r);
	struct mt_session s = {.id = 7};
	struct mock *m = mock_ready();
	uint64_t first = m->session, id = mock_msg_id(m, false);

	mt_session_start(&s, &env);
	CHECK(s.id == 9 && s.previous == 7 && !s.window.n);
	mock_update(m, id, 1);
	mock_event(m, MT_EV_UPDATE);
	mock_again(m); /* the process starts again: another session, the set of ids is gone */
	mock_connect(m);
	mock_pump(m);
	CHECK(m->session && m->session != first);
	mock_update(m, id, 1);
	mock_event(m, MT_EV_ONLINE);
	mock_event(m, MT_EV_UPDATE);
	mock_free(m);
}

/* ---- replays (T42) --------------------------------------------------------------------------- */

#define MESSAGES 100000

/* Says message i (its number in the body), sealed for the session it once was made for. */
static void say_again(struct mock *m, uint32_t i, uint64_t session, uint64_t msg_id)
{
	struct mt_header h = {.session = session, .msg_id = msg_id, .seqno = 1};
	uint32_t body[2] = {AN_UPDATE, i};

	mock_say_as(m, &h, body, sizeof body);
}

/* Each of a hundred thousand messages again, soon or late: none is taken twice. */
TEST_T(replay_of_everything, 60)
{
	static uint64_t ids[MESSAGES], sessions[MESSAGES];
	static uint8_t seen[MESSAGES];
	struct mock *m = mock_ready();
	uint64_t state = 1;
	unsigned renewed = 0, taken = 0;
	struct mt_event ev;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		uint32_t old = (uint32_t)(splitmix(&state) % (i + 1));

		if (i % 500 && i > 900) /* mostly from within the window */
			old = i - (uint32_t)(splitmix(&state) % 900);
		ids[i] = mock_msg_id(m, false);
		sessions[i] = m->session;
		say_again(m, i, sessions[i], ids[i]);
		say_again(m, old, sessions[old], ids[old]);
		while (mt_client_next(m->c, &ev)) {
			uint32_t n;

			CHECK_INT(ev.kind, MT_EV_UPDATE);
			memcpy(&n, ev.data + 4, 4);
			CHECK(n < MESSAGES && !seen[n]);
			seen[n] = 1;
			taken++;
		}
		if (m->c->session.id != m->session) { /* one older than all that it knows */
			renewed++;
			mock_pump(m);
			CHECK(m->c->session.id == m->session);
		}
		if (i % 64 == 0)
			mock_pump(m); /* acks */
		mock_clear(m);
	}
	CHECK_INT(taken, MESSAGES);
	CHECK(renewed > 10 && renewed < 200);
	mock_free(m);
}
