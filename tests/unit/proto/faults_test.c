/* A model of a correct server behind a line that is cut at any byte, with repetitions, lost
 * answers, refused packets and forgotten sessions: each query is completed exactly once, and none
 * is done twice where that could be known. */
#include "tests/unit/proto/session_checks.h"

#define QUERIES 400

struct call { /* one query, as the caller and as the server see it */
	uint64_t handle;
	bool once, unclear; /* unclear: the server forgot about it, so that nobody can know */
	unsigned done, results, completions;
};
struct done { /* a query that the server has executed, and its answer */
	uint64_t session, req, msg_id;
	uint32_t call, seqno;
	bool acked, sent;
	unsigned wait; /* turns until it is sent (again) */
};
struct model {
	struct mock *m;
	uint64_t state;                /* of the randomness */
	bool faults, connected, heard; /* heard: on this connection */
	uint64_t session, first, highest, salt, unique;
	unsigned judged; /* the last packet, counted from 1, and whether it was refused */
	bool refused;
	unsigned losses;
	struct call calls[QUERIES];
	uint32_t calls_n;
	struct done *done;
	size_t done_n;
};

static bool chance(struct model *s, unsigned per_mille)
{
	return s->faults && splitmix(&s->state) % 1000 < per_mille;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void begin_session(struct model *s, const struct mock_message *g)
{
	for (size_t i = 0; i < s->done_n; i++)
		if (!s->done[i].acked)
			s->calls[s->done[i].call].unclear = true;
	s->done_n = 0;
	s->session = g->h.session;
	s->first = g->outer;
	s->highest = 0;
	mock_new_session(s->m, g->outer, ++s->unique);
}

static void execute(struct model *s, const struct mock_message *g)
{
	uint32_t call;

	memcpy(&call, g->body + 4, 4);
	CHECK(call < s->calls_n);
	for (size_t i = 0; i < s->done_n; i++)
		CHECK(s->done[i].req != g->h.msg_id);
	s->calls[call].done++;
	s->done = realloc(s->done, (s->done_n + 1) * sizeof *s->done);
	s->done[s->done_n++] = (struct done){.session = g->h.session,
					     .req = g->h.msg_id,
					     .call = call,
					     .wait = (unsigned)(splitmix(&s->state) % 8)};
}

static void take_acks(struct model *s, const struct mock_message *g)
{
	for (size_t at = 12; at < g->n; at += 8)
		for (size_t i = 0; i < s->done_n; i++)
			if (s->done[i].sent && memcmp(&s->done[i].msg_id, g->body + at, 8) == 0)
				s->done[i].acked = true;
}

static char state_of(const struct model *s, uint64_t id)
{
	for (size_t i = 0; i < s->done_n; i++)
		if (s->done[i].req == id)
			return 4;
	return id < s->first ? 1 : id > s->highest ? 3 : 2;
}

static void say_states(struct model *s, const struct mock_message *g)
{
	char info[MT_FLIGHT];
	size_t n = (g->n - 12) / 8;

	for (size_t i = 0; i < n; i++) {
		uint64_t id;

		memcpy(&id, g->body + 12 + 8 * i, 8);
		info[i] = state_of(s, id);
	}
	mock_states(s->m, g->h.msg_id, info, n);
}

/* A packet is refused as a whole, with one word, and counts as never received. */
static bool refuses(struct model *s, const struct mock_message *g)
{
	if (s->judged == g->packet + 1)
		return s->refused;
	s->judged = g->packet + 1;
	s->refused = true;
	if (g->h.salt != s->salt)
		mock_bad_salt(s->m, g->outer, s->salt);
	else if (chance(s, 4))
		mock_bad_msg(s->m, g->outer, splitmix(&s->state) & 1 ? 32 : 64);
	else
		s->refused = false;
	return s->refused;
}

static void take(struct model *s, const struct mock_message *g)
{
	if (refuses(s, g))
		return;
	if (g->h.session != s->session)
		begin_session(s, g);
	if (g->h.msg_id > s->highest)
		s->highest = g->h.msg_id;
	if (g->number == QUERY_A)
		execute(s, g);
	else if (g->number == WIRE_MSGS_ACK)
		take_acks(s, g);
	else if (g->number == WIRE_MSGS_STATE_REQ)
		say_states(s, g);
	else if (g->number == WIRE_PING_DELAY_DISCONNECT)
		mock_pong_to(s->m, g);
}

/* The answer, bare at first, in a container when it is said again. */
static void say_done(struct model *s, struct done *d)
{
	struct mock *m = s->m;
	struct tl_buf b = {.len = 0}, box = {.len = 0};
	struct mt_header h = {.session = d->session};

	if (!d->sent) {
		d->msg_id = mock_msg_id(m, true);
		d->seqno = m->content++ * 2 + 1;
	}
	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, d->req);
	tl_put_u32(&b, d->call + 1);
	h.msg_id = d->sent ? mock_msg_id(m, false) : d->msg_id;
	h.seqno = d->sent ? m->content * 2 : d->seqno;
	if (d->sent) {
		tl_put_u32(&box, WIRE_MSG_CONTAINER);
		tl_put_u32(&box, 1);
		tl_put_u64(&box, d->msg_id);
		tl_put_u32(&box, d->seqno);
		tl_put_u32(&box, (uint32_t)b.len);
		tl_put(&box, b.data, b.len);
	}
	d->sent = true;
	d->wait = 20;
	if (!chance(s, 50)) /* else it is lost on the server's side */
		for (int i = chance(s, 100); i >= 0; i--)
			mock_say_as(m, &h, box.len ? box.data : b.data, box.len ? box.len : b.len);
	tl_buf_free(&b);
	tl_buf_free(&box);
}

static void say_answers(struct model *s)
{
	for (size_t i = 0; i < s->done_n; i++) {
		struct done *d = &s->done[i];

		if (d->acked || d->session != s->m->session)
			continue;
		if (d->wait)
			d->wait--;
		else
			say_done(s, d);
	}
}

/* ---- the line and the caller ----------------------------------------------------------------- */

static void complete(struct model *s, const struct mt_event *ev)
{
	for (uint32_t i = 0; i < s->calls_n; i++) {
		struct call *c = &s->calls[i];

		if (c->handle != ev->query)
			continue;
		c->completions++;
		CHECK(ev->kind != MT_EV_RPC_ERROR);
		if (ev->kind == MT_EV_RESULT) {
			CHECK(ev->n == 4 && ev->data[0] == (uint8_t)(i + 1));
			CHECK(c->done > 0);
			c->results++;
		} else {
			CHECK_INT(ev->code, -TG_E_OUTCOME_UNKNOWN);
			CHECK(c->once);
		}
		return;
	}
	test_fail(__FILE__, __LINE__, "an answer to nothing");
}

static void connect(struct model *s)
{
	struct mock *m = s->m;

	mt_link_free(m->link);
	m->link = mt_link_accept(&m->env);
	m->out_left = m->in_left = SIZE_MAX;
	mt_client_opened(m->c, m->now);
	s->connected = true;
	s->heard = false;
	for (size_t i = 0; i < s->done_n; i++)
		s->done[i].wait = (unsigned)(splitmix(&s->state) % 4);
}

static void lose(struct model *s)
{
	s->connected = false;
	s->losses++;
	mock_lose(s->m);
}

static void pull_events(struct model *s)
{
	struct mt_event ev;

	while (mt_client_next(s->m->c, &ev)) {
		switch (ev.kind) {
		case MT_EV_CONNECT:
			connect(s);
			break;
		case MT_EV_CLOSE:
			lose(s);
			break;
		case MT_EV_RESULT:
		case MT_EV_RPC_ERROR:
		case MT_EV_FAILED:
			complete(s, &ev);
			break;
		default:
			break;
		}
	}
}

static void call(struct model *s)
{
	struct call *c = &s->calls[s->calls_n];
	struct tl_buf b = {.len = 0};
	uint64_t after = 0;

	c->once = splitmix(&s->state) % 3 == 0;
	if (s->calls_n && splitmix(&s->state) % 4 == 0)
		after = s->calls[s->calls_n - 1].handle;
	tl_put_u32(&b, QUERY_A);
	tl_put_u32(&b, s->calls_n++);
	CHECK(mt_client_send(s->m->c, b.data, b.len, c->once ? MT_QUERY_ONCE : 0, after, &c->handle,
			     s->m->now) == 0);
	tl_buf_free(&b);
}

static void turn(struct model *s)
{
	struct mock *m = s->m;
	int64_t step = (int64_t)(splitmix(&s->state) % (3 * NS / 2));

	m->now.boot += step;
	m->now.real += step;
	if (mt_client_deadline(m->c) <= m->now.boot)
		mt_client_tick(m->c, m->now);
	pull_events(s);
	if (s->connected && chance(s, 30)) { /* the line dies after some more bytes */
		m->out_left = splitmix(&s->state) % 400;
		m->in_left = splitmix(&s->state) % 400;
	}
	if (s->connected) {
		mock_pump(m);
		for (size_t i = 0; i < m->n; i++)
			take(s, &m->m[i]);
		s->heard |= m->n > 0;
		mock_clear(m);
		if (s->heard)
			say_answers(s);
	}
	pull_events(s);
	if (s->connected && m->out_left != SIZE_MAX)
		lose(s);
	if (chance(s, 6))
		s->salt++;
	if (chance(s, 3))
		s->session = 0; /* it forgets */
}

static void run_model(uint64_t seed, const char *transport)
{
	struct model *s = calloc(1, sizeof *s);
	unsigned twice = 0, left = QUERIES;

	s->state = seed;
	s->faults = true;
	s->m = mock_new(transport, true);
	s->m->random.state = seed;
	s->salt = s->m->salt;
	for (int turns = 0; left && turns < 20000; turns++) {
		while (s->calls_n < QUERIES && splitmix(&s->state) % 3 == 0)
			call(s);
		if (turns == 3000)
			s->faults = false;
		turn(s);
		left = QUERIES - s->calls_n;
		for (uint32_t i = 0; i < s->calls_n; i++)
			left += !s->calls[i].completions;
	}
	CHECK_INT(left, 0);
	for (int turns = 0; turns < 100; turns++)
		turn(s);
	for (uint32_t i = 0; i < QUERIES; i++) {
		const struct call *c = &s->calls[i];

		CHECK_INT(c->completions, 1);
		CHECK(c->done <= 1 || (c->unclear && !c->once));
		twice += c->done > 1;
	}
	CHECK(s->losses > 3 && twice < QUERIES / 4);
	mock_free(s->m);
	free(s->done);
	free(s);
}

TEST_T(exactly_once_whatever_happens, 60)
{
	for (uint64_t seed = 1; seed <= 100; seed++)
		run_model(seed, seed % 2 ? "intermediate" : "obfuscated-padded");
}
