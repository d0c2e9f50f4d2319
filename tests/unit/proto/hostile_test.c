/* Servers that do all they can, by the count: T37 (bent packets), T42 (replays), T45 (storms of
 * corrections), T46 (lines that die, stall or trickle anywhere). LAYERD_PACKETS and LAYERD_EVERY
 * make them long. */
#include "tests/unit/proto/session_checks.h"

#define PUSH 0x12345678u

/* ---- T37, T42 ---------------------------------------------------------------------------------
 */
/* One message of the server's as it is on the wire, an intermediate frame around it. */
static void record(struct mock *m, uint32_t i, struct tl_buf *frame)
{
	struct mt_header h = {.session = m->session, .msg_id = mock_msg_id(m, false), .seqno = 0};
	struct tl_buf body = {.len = 0}, p = {.len = 0};

	tl_put_u32(&body, PUSH);
	for (uint32_t n = 1 + i % 60; n; n--)
		tl_put_u32(&body, i);
	CHECK(mt_seal(&m->key, MT_TO_CLIENT, &h, body.data, body.len, &m->env, &p, NULL) == 0);
	tl_put_u32(frame, (uint32_t)p.len);
	tl_put(frame, p.data, p.len);
	tl_buf_free(&body);
	tl_buf_free(&p);
}

static void hear(struct mock *m, const struct tl_buf *frame)
{
	CHECK(mt_client_feed(m->c, frame->data, frame->len, m->now) == 0);
}

/* What a packet may change. */
static uint64_t state_of(const struct mt_client *c)
{
	return c->session.window.n * UINT64_C(1000003) ^ (uint64_t)c->clock.offset ^ c->session.id ^
	       (uint64_t)c->phase << 32 ^ c->acks_n ^ c->salts.n << 8;
}

/* Each recorded packet with one bit after another flipped, some with all of them; then as it was:
 * taken once, and never again. */
TEST_T(bent_and_replayed_packets_T37_T42, 120)
{
	unsigned long packets = test_count("LAYERD_PACKETS", 20000), bent = 0;
	struct mock *m = mock_new("intermediate", true);
	struct tl_buf frame = {.len = 0};

	mock_open(m);
	for (unsigned long i = 0; i < packets; i++) {
		size_t bits, tries, from = splitmix(&m->random.state) % 4096;
		uint64_t before;

		tl_buf_clear(&frame);
		m->now.boot += 1000;
		m->now.real += 1000;
		record(m, (uint32_t)i, &frame);
		bits = (frame.len - 4) * 8;
		tries = i % 1000 ? 2 : bits;
		before = state_of(m->c);
		for (size_t k = 0; k < tries; k++) {
			size_t bit = (from + k * (i % 1000 ? 2047 : 1)) % bits;

			frame.data[4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			m->c->bad_packets = 0; /* three in a row would end the connection (B.14) */
			hear(m, &frame);
			frame.data[4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			bent++;
		}
		mock_quiet(m);
		CHECK(state_of(m->c) == before);
		hear(m, &frame);
		CHECK_INT(mock_event(m, MT_EV_UPDATE).n, 4 + 4 * (1 + i % 60));
		hear(m, &frame);
		mock_quiet(m);
	}
	printf("T37: %lu packets, %lu bent ones: all rejected, nothing changed; T42: %lu replayed, "
	       "0 "
	       "taken twice\n",
	       packets, bent, packets);
	tl_buf_free(&frame);
	mock_free(m);
}

/* A whole hour of messages, and then all of them again: the window remembers, or they are older. */
TEST_T(replays_out_of_the_window_T42, 120)
{
	unsigned long packets = test_count("LAYERD_PACKETS", 20000);
	struct mock *m = mock_new("intermediate", true);
	struct tl_buf all = {.len = 0}, frame = {.len = 0};

	packets = packets > 100000 ? 100000 : packets;
	mock_open(m);
	for (unsigned long i = 0; i < packets; i++) {
		tl_buf_clear(&frame);
		m->now.boot += 1000000;
		m->now.real += 1000000;
		record(m, (uint32_t)i, &frame);
		hear(m, &frame);
		mock_event(m, MT_EV_UPDATE);
		tl_put(&all, frame.data, frame.len);
	}
	for (size_t at = 0; at < all.len;) {
		uint32_t n;

		memcpy(&n, all.data + at, 4);
		CHECK(mt_client_feed(m->c, all.data + at, n + 4, m->now) == 0);
		for (struct mt_event ev; mt_client_next(m->c, &ev);)
			CHECK(ev.kind != MT_EV_UPDATE && ev.kind != MT_EV_RESULT);
		if (m->c->phase != MT_OPEN)
			break; /* so much of another time: a new session is the answer (D.12) */
		at += n + 4;
	}
	printf("T42: %lu messages and all of them again: 0 taken twice\n", packets);
	tl_buf_free(&all);
	tl_buf_free(&frame);
	mock_free(m);
}

/* ---- T45 ---------------------------------------------------------------------------------------
 */
enum storm { SALTS, BAD_MSGS, NOT_FOUND, FLOODED };

struct weather {
	struct mock *m;
	enum storm storm;
	uint64_t query, asked; /* asked: under this msg_id, which the server remembers */
	unsigned packets, connections, answers, told; /* told: on which connection */
	bool sane, key_lost;
	/* Corrections are sends again on one connection: how many, and when. said: on which
	 * connection the last send was. */
	unsigned corrections, said;
	int64_t corrected[256];
};

/* Answers what came; true when something came. */
static bool reply(struct weather *w)
{
	struct mock *m = w->m;
	bool any = mock_pump(m) > 0;
	struct mock_message *q;

	w->packets += any;
	while (any && (q = mock_find(m, PUSH))) {
		w->asked = q->h.msg_id;
		w->told = 0;
		if (w->sane)
			continue;
		if (w->said == w->connections)
			w->corrected[w->corrections++ % 256] = m->now.boot;
		w->said = w->connections;
		if (w->storm == SALTS)
			mock_bad_salt(m, q->h.msg_id, splitmix(&m->random.state));
		else if (w->storm == BAD_MSGS)
			mock_bad_msg(m, q->h.msg_id, splitmix(&m->random.state) % 2 ? 17 : 33);
	}
	if (any && w->sane && !w->asked && (q = mock_find(m, WIRE_MSGS_STATE_REQ)))
		mock_states(m, q->h.msg_id, "\2", 1); /* it never came (D.44) */
	if (any && w->sane && w->asked && w->told != w->connections) {
		w->told = w->connections; /* what was not acked is said again on each */
		mock_answer(m, w->asked, 7);
	}
	if (any && !w->sane && w->storm >= NOT_FOUND)
		mock_word(m, w->storm == NOT_FOUND ? -404 : -429);
	return any;
}

static void turn(struct weather *w)
{
	struct mt_event ev;
	bool any, again = false;

	w->m->server.time = (int32_t)(MOCK_EPOCH + w->m->now.boot / NS);
	do {
		any = false;
		while (mock_next(w->m, &ev)) {
			any = true;
			if (ev.kind == MT_EV_CONNECT) {
				if (++w->connections > 1) /* the first line only dies */
					w->m->in_left = w->m->out_left = SIZE_MAX;
				mock_accept(w->m);
			} else if (ev.kind == MT_EV_CLOSE) {
				mock_lose(w->m);
			} else if (ev.kind == MT_EV_RESULT && ev.query == w->query) {
				w->answers++;
			} else if (ev.kind == MT_EV_KEY_LOST) {
				w->key_lost = true; /* what follows is for the owner (D.71) */
			} else if (ev.kind == MT_EV_JOB || ev.kind == MT_EV_KEY) {
				mock_handle(w->m, &ev);
			}
			if (ev.kind == MT_EV_FAILED) { /* refused five times in a row (D.30) */
				CHECK(w->storm == BAD_MSGS && !w->sane && ev.query == w->query);
				again = true;
			}
		}
		any |= w->m->c->phase >= MT_EXCHANGE && w->m->c->phase <= MT_OPEN && reply(w);
	} while (any);
	if (again)
		w->query = mock_query(w->m, PUSH, 1, 0, 0);
}

static void pass(struct weather *w, int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 10 && !w->answers; i++) {
		w->m->now.boot += NS / 10;
		w->m->now.real += NS / 10;
		mock_tick(w->m);
		turn(w);
	}
}

static unsigned most_in_a_minute(const struct weather *w)
{
	unsigned most = 0, first = 0;

	CHECK(w->corrections < 256);
	for (unsigned i = 0; i < w->corrections; i++) {
		while (w->corrected[i] - w->corrected[first] >= 60 * NS)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

TEST_T(storms_T45, 60)
{
	static const char *const names[] = {"bad_server_salt", "bad_msg_notification", "-404",
					    "-429"};

	for (enum storm s = SALTS; s <= FLOODED; s++) {
		struct weather w = {.m = mock_new("intermediate", true), .storm = s, .said = ~0u};
		int64_t sane;

		mock_open(w.m);
		w.query = mock_query(w.m, PUSH, 1, 0, 0);
		pass(&w, 600);
		CHECK_INT(w.answers, 0);
		printf("T45: ten minutes of %s: %u packets, %u connections, "
		       "at most %u corrections a minute",
		       names[s], w.packets, w.connections, most_in_a_minute(&w));
		CHECK(w.packets <= 100 && w.connections <= 40);
		CHECK(most_in_a_minute(&w) <= 5);
		CHECK(s > BAD_MSGS || w.corrections >= 10); /* it goes on trying */
		w.sane = true;
		sane = w.m->now.boot;
		pass(&w, 120);
		CHECK(w.key_lost == (s == NOT_FOUND) && (w.answers || w.key_lost));
		if (w.key_lost)
			printf(", the key is said to be lost\n");
		else
			printf(", answered %lld s after it\n",
			       (long long)((w.m->now.boot - sane) / NS));
		CHECK(w.key_lost || (w.m->now.boot - sane) / NS <= 30);
		mock_free(w.m);
	}
}

/* ---- T46 ---------------------------------------------------------------------------------------
 */
enum way_to_die { NOTHING_COMES, NOTHING_GOES, RESET };

/* From nothing to an answer over a line that dies once, after so many bytes. Returns whether it
 * died before the end; *worst: the longest until the answer. */
static bool over_a_dying_line(enum way_to_die how, size_t bytes, int64_t *worst)
{
	struct mock *m = mock_new("intermediate", false);
	struct weather w = {.m = m, .sane = true};
	size_t *left = how == NOTHING_GOES ? &m->out_left : &m->in_left;

	*left = bytes;
	w.query = mock_query(m, PUSH, 1, MT_QUERY_NO_INIT, 0);
	for (int i = 0; i < 2000 && !w.answers; i++) {
		turn(&w);
		if (how == RESET && !*left)
			mock_lose(m);
		pass(&w, 1);
	}
	CHECK_INT(w.answers, 1);
	*worst = m->now.boot > *worst ? m->now.boot : *worst;
	mock_free(m);
	return w.connections > 1;
}

TEST_T(lines_that_die_T46, 120)
{
	static const char *const names[] = {"nothing comes", "nothing goes", "reset"};
	unsigned long every = test_count("LAYERD_EVERY", 29);

	for (enum way_to_die how = NOTHING_COMES; how <= RESET; how++) {
		unsigned lines = 0;
		int64_t worst = 0;

		for (size_t bytes = 0; over_a_dying_line(how, bytes, &worst); bytes += every)
			lines++;
		printf("T46: %s at %u places: answered within %lld s, 0 lost\n", names[how], lines,
		       (long long)(worst / NS));
		CHECK(lines > 10 && worst <= 80 * NS);
	}
}
