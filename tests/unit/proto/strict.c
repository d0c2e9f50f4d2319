/* The strict server and its caller: see strict.h. */
#include "tests/unit/proto/strict.h"

#define BIND 0xcdd42a05u /* auth.bindTempAuthKey */
#define BOOL_TRUE 0x997275b5u

struct strict *strict_new(bool has_key, int64_t skew)
{
	struct strict *s = calloc(1, sizeof *s);

	s->m = mock_new("padded", has_key);
	s->m->skew = skew;
	s->m->last_msg_id = 0;
	return s;
}

void strict_free(struct strict *s)
{
	mock_free(s->m);
	free(s);
}

static uint32_t verdict(const struct strict *s, uint64_t outer)
{
	int64_t server = MOCK_EPOCH * NS + s->m->now.boot + s->m->skew;
	int64_t ahead = mt_msgid_time(outer) - server;

	return ahead > 30 * NS ? 17 : ahead < -300 * NS ? 16 : 0;
}

static void answer(struct strict *s, uint64_t msg_id)
{
	struct tl_buf b = {.len = 0}, large = {.len = 0}, zip = {.len = 0};

	if (!s->zips) {
		mock_answer(s->m, msg_id, 1);
		return;
	}
	memset(tl_buf_extend(&large, 20000), 3, 20000);
	CHECK(mt_gzip(large.data, large.len, &zip) == 0);
	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, msg_id);
	tl_put_u32(&b, WIRE_GZIP_PACKED);
	tl_put_bytes(&b, zip.data, zip.len);
	mock_say(s->m, true, true, &b);
	tl_buf_free(&b);
	tl_buf_free(&large);
	tl_buf_free(&zip);
}

static void take(struct strict *s, const struct mock_message *g)
{
	char unknown[MT_FLIGHT];
	uint32_t code;

	if (s->judged != g->packet + 1) {
		s->judged = g->packet + 1;
		code = verdict(s, g->outer);
		s->bad = code != 0;
		s->refused += s->bad;
		if (s->bad)
			mock_bad_msg(s->m, g->outer, code);
	}
	if (s->bad)
		return;
	memset(unknown, 1, sizeof unknown);
	if (g->number == QUERY_A)
		answer(s, g->h.msg_id);
	else if (g->number == BIND)
		mock_answer(s->m, g->h.msg_id, BOOL_TRUE);
	else if (g->number == WIRE_PING_DELAY_DISCONNECT)
		mock_pong_to(s->m, g);
	else if (g->number == WIRE_MSGS_STATE_REQ)
		mock_states(s->m, g->h.msg_id, unknown, (g->n - 12) / 8);
}

void strict_pull(struct strict *s)
{
	struct mt_event ev;

	while (mock_next(s->m, &ev)) {
		s->answered += ev.kind == MT_EV_RESULT;
		s->failed += ev.kind == MT_EV_FAILED || ev.kind == MT_EV_RPC_ERROR;
		s->updates += ev.kind == MT_EV_UPDATE;
		s->unreadable += ev.kind == MT_EV_UNREADABLE;
		if (ev.kind == MT_EV_TIME)
			s->offset = ev.value;
		mock_handle(s->m, &ev);
		if (ev.kind == MT_EV_CLOSE) {
			s->losses++;
			mock_lose(s->m);
		}
		if (ev.kind == MT_EV_CONNECT) {
			s->connects++;
			mock_accept(s->m);
		}
	}
}

void strict_run(struct strict *s, int64_t ns, int64_t step)
{
	for (int64_t end = s->m->now.boot + ns; s->m->now.boot < end;) {
		s->m->now.boot += step;
		s->m->now.real += step;
		if (mt_client_deadline(s->m->c) <= s->m->now.boot)
			mock_tick(s->m);
		strict_pull(s);
		while (mock_pump(s->m))
			;
		for (; s->at < s->m->n; s->at++)
			take(s, &s->m->m[s->at]);
		mock_clear(s->m);
		s->at = 0;
		strict_pull(s);
	}
}

void strict_ask(struct strict *s)
{
	s->asked += mock_query(s->m, QUERY_A, 1, 0, 0) != 0;
}
