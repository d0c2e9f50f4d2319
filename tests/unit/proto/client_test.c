/* A client's life against the mock server: from nothing to an answered query, reconnects, loss. */
#include "tests/unit/proto/mock.h"

#define GET_CONFIG 0xc4f9186bu

/* Key exchange, first query, answer: over every transport, one byte at a time and all at once. */
static void first_light(const char *transport, size_t step)
{
	struct mock *m = mock_new(transport, false);
	struct mt_event ev;
	struct mock_message *q;
	uint64_t handle;

	m->step = step;
	handle = mock_query(m, GET_CONFIG, 0, 0, 0);
	mock_connect(m);
	for (int i = 0; i < 100 && !m->n; i++) {
		mock_pump(m);
		while (mt_client_next(m->c, &ev)) {
			if (ev.kind == MT_EV_JOB) {
				ev.job->run(ev.job);
				mt_client_job_done(m->c, ev.job, m->now);
			} else if (ev.kind == MT_EV_KEY) {
				CHECK_INT(ev.n, 256);
				CHECK_MEM(ev.data, m->server.key, 256);
				CHECK(mt_key_init(&m->key, ev.data) == 0);
				ev = mock_event(m, MT_EV_SALTS);
				CHECK_INT(ev.n, sizeof(struct mt_salt));
			} else {
				CHECK_INT(ev.kind, MT_EV_TIME);
			}
		}
	}
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
