/* session.json, wire-*: the bytes of service messages, written and read by a whole client. */
#include "tests/unit/proto/session_checks.h"

struct mock *mock_ready(void)
{
	struct mock *m = mock_new("intermediate", true);
	struct mt_event ev;

	mock_query(m, QUERY_C, 0, 0, 0);
	mock_open(m);
	mock_answer(m, mock_expect(m, QUERY_C)->h.msg_id, 1);
	while (mt_client_next(m->c, &ev))
		;
	m->c->want_acks = true;
	mock_pump(m);
	m->seen = m->n;
	return m;
}

struct mock_message *mock_sent(struct mock *m, uint32_t number)
{
	mock_pump(m);
	return mock_expect(m, number);
}

void mock_update(struct mock *m, uint64_t msg_id, uint32_t seqno)
{
	struct mt_header h = {.salt = 1, .session = m->session, .msg_id = msg_id, .seqno = seqno};
	static const uint8_t body[8] = {0x78, 0x56, 0x34, 0x12, 1, 2, 3, 4};

	mock_say_as(m, &h, body, sizeof body); /* any salt will do (D.24) */
}

static void put_id(uint8_t *at, uint64_t id)
{
	memcpy(at, &id, 8); /* the tests run on little-endian machines */
}

/* Says the vector's bytes with an id of this run in place of its own. */
static void say_patched(struct mock *m, const json_t *v, size_t at, uint64_t id)
{
	struct tl_buf b = {.len = 0};
	size_t n;
	uint8_t *bytes = vector_bytes(v, "hex", &n);

	if (at)
		put_id(bytes + at, id);
	tl_put(&b, bytes, n);
	mock_say(m, true, false, &b);
	tl_buf_free(&b);
	free(bytes);
}

/* The message is the vector's bytes but for the n at offset at. */
static void same_but(const struct mock_message *g, const json_t *v, size_t at, size_t n)
{
	size_t want_n;
	uint8_t *want = vector_bytes(v, "hex", &want_n);

	memcpy(want + at, g->body + at, n);
	CHECK_INT(g->n, want_n);
	CHECK_MEM(g->body, want, want_n);
	free(want);
}

/* ---- out ------------------------------------------------------------------------------------- */

static void out_ack(const json_t *v)
{
	struct mock *m = mock_new("intermediate", true);

	mock_open(m);
	mock_update(m, 0x6553f10000000001, 1);
	mock_update(m, 0x6553f10000000005, 3);
	mock_pass(m, 30 * NS);
	same_but(mock_expect(m, WIRE_MSGS_ACK), v, 0, 0);
	mock_free(m);
}

static void out_salts(const json_t *v)
{
	struct mock *m = mock_new("intermediate", true);

	m->c->salts.n = 1;
	mock_connect(m);
	same_but(mock_sent(m, WIRE_GET_FUTURE_SALTS), v, 0, 0);
	mock_free(m);
}

/* Ours after a reconnect; theirs is answered with what came in. */
static void out_state_req(const json_t *v)
{
	struct mock *m = mock_ready();
	struct mock_message *g;
	uint64_t id, known = mock_msg_id(m, false);

	mock_query(m, QUERY_A, 0, 0, 0);
	id = mock_sent(m, QUERY_A)->h.msg_id;
	mock_lose(m);
	mock_reconnect(m);
	g = mock_expect(m, WIRE_MSGS_STATE_REQ);
	same_but(g, v, 12, 8);
	CHECK_MEM(g->body + 12, &id, 8);
	mock_update(m, known, 1);
	say_patched(m, v, 12, known);
	g = mock_sent(m, WIRE_MSGS_STATE_INFO);
	CHECK_HEX(g->body + 12, 4, "01040000");
	say_patched(m, v, 12, known + 4);
	g = mock_sent(m, WIRE_MSGS_STATE_INFO);
	CHECK_HEX(g->body + 12, 4, "01020000"); /* in between, not received */
	say_patched(m, v, 12, 1);
	CHECK_HEX(mock_sent(m, WIRE_MSGS_STATE_INFO)->body + 12, 4, "01010000");
	say_patched(m, v, 12, m->last_msg_id + 4000);
	CHECK_HEX(mock_sent(m, WIRE_MSGS_STATE_INFO)->body + 12, 4, "01030000");
	mock_free(m);
}

static void out_drop(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, MT_QUERY_READ, 0);
	uint64_t id = mock_sent(m, QUERY_A)->h.msg_id;
	struct mock_message *g;
	bool sent = false;

	mt_client_cancel(m->c, handle, &sent, m->now);
	CHECK(sent);
	g = mock_sent(m, WIRE_RPC_DROP_ANSWER);
	same_but(g, v, 4, 8);
	CHECK_MEM(g->body + 4, &id, 8);
	mock_answer(m, id, 1); /* too late: dropped (D.49) */
	mock_answer(m, g->h.msg_id, WIRE_RPC_ANSWER_UNKNOWN);
	mock_quiet(m);
	mock_free(m);
}

/* We ask again for an answer that was announced and not seen. */
static void out_resend(const json_t *v)
{
	struct mock *m = mock_ready();

	mock_say_hex(m, false, "dfb69d800100000001f153652800000000000000");
	same_but(mock_sent(m, WIRE_MSG_RESEND_REQ), v, 12, 8);
	CHECK_HEX(m->m[m->n - 1].body + 12, 8, "0100000001f15365");
	mock_free(m);
}

static void out_init(const json_t *v)
{
	struct mock *m = mock_new("intermediate", true);
	size_t n;
	uint8_t *bytes = vector_bytes(v, "hex", &n);

	mt_client_set_init(m->c, bytes, n - 4);
	mock_query(m, 0xc4f9186b, 0, 0, 0);
	mock_connect(m);
	same_but(mock_sent(m, 0xda9b0d0d), v, 0, 0);
	free(bytes);
	mock_free(m);
}

static void out_after(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t first = mock_query(m, QUERY_A, 0, 0, 0), id;

	(void)v; /* the mock peels the wrapper off: its number, then the id */
	mock_query(m, 0xc4f9186b, 0, 0, first);
	mock_pump(m);
	id = mock_expect(m, QUERY_A)->h.msg_id;
	CHECK(mock_expect(m, 0xc4f9186b)->after == id);
	mock_free(m);
}

void check_wire_out(const json_t *v)
{
	static const struct {
		const char *id;
		void (*check)(const json_t *v);
	} rows[] = {{"wire-msgs-ack", out_ack},        {"wire-get-future-salts", out_salts},
		    {"wire-state-req", out_state_req}, {"wire-drop-answer", out_drop},
		    {"wire-resend-req", out_resend},   {"wire-init-connection", out_init},
		    {"wire-invoke-after", out_after}};
	const char *id = vector_text(v, "id");
	struct mock *m;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].id, id) == 0) {
			rows[i].check(v);
			return;
		}
	}
	CHECK_STR(id, "wire-ping-delay");
	m = mock_new("intermediate", true);
	mock_connect(m);
	same_but(mock_sent(m, WIRE_PING_DELAY_DISCONNECT), v, 4, 8);
	mock_free(m);
}

/* Service methods that a caller sends as queries go out as they are and get their answers. */
void check_wire_raw(const json_t *v)
{
	struct mock *m = mock_ready();
	size_t n;
	uint8_t *bytes = vector_bytes(v, "hex", &n);
	bool ping = strcmp(vector_text(v, "id"), "wire-ping") == 0;
	struct tl_buf answer = {.len = 0};
	struct mock_message *g;
	uint64_t handle;

	CHECK(mt_client_send(m->c, bytes, n, 0, 0, &handle, m->now) == 0);
	g = mock_sent(m, (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
				 (uint32_t)bytes[3] << 24);
	same_but(g, v, 0, 0);
	tl_put_u32(&answer, ping ? WIRE_PONG : WIRE_DESTROY_SESSION_OK);
	if (ping)
		tl_put_u64(&answer, g->h.msg_id);
	tl_put(&answer, bytes + 4, 8);
	mock_say(m, true, false, &answer);
	CHECK(mock_event(m, MT_EV_RESULT).query == handle);
	tl_buf_free(&answer);
	free(bytes);
	mock_free(m);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void in_pong(struct mock *m, const json_t *v)
{
	uint64_t ping;

	mock_pass(m, 61 * NS);
	ping = m->c->ping_id;
	CHECK(ping);
	m->now.boot += NS;
	say_patched(m, v, 12, ping + 1);
	CHECK(m->c->ping_id == ping); /* not ours */
	say_patched(m, v, 12, ping);
	CHECK(m->c->ping_id == 0 && m->c->rtt >= NS && m->c->rtt <= 2 * NS);
}

static void in_new_session(struct mock *m, const json_t *v)
{
	struct mt_event ev;

	say_patched(m, v, 4, 1);
	ev = mock_event(m, MT_EV_SALTS);
	CHECK_INT(ev.n, sizeof(struct mt_salt));
	CHECK(((const struct mt_salt *)(const void *)ev.data)->salt == 0x0102030405060708);
	mock_event(m, MT_EV_NEW_SESSION);
	say_patched(m, v, 4, 1);
	mock_quiet(m); /* the same unique_id */
}

static void in_salts(struct mock *m, const json_t *v)
{
	const json_t *want = json_object_get(json_object_get(v, "fields"), "salts");
	struct mt_salt got[2];
	struct mt_event ev;

	m->c->salts.n = 1;
	m->c->want_ping = true;
	say_patched(m, v, 4, mock_sent(m, WIRE_GET_FUTURE_SALTS)->h.msg_id + 4);
	mock_quiet(m); /* nobody asked for these */
	say_patched(m, v, 4, m->m[m->n - 1].h.msg_id);
	ev = mock_event(m, MT_EV_SALTS);
	CHECK_INT(ev.n, sizeof got);
	memcpy(got, ev.data, sizeof got);
	for (size_t i = 0; i < 2; i++) {
		const json_t *row = json_array_get(want, i);

		CHECK_INT(got[i].valid_since, json_integer_value(json_array_get(row, 0)));
		CHECK_INT(got[i].valid_until, json_integer_value(json_array_get(row, 1)));
		CHECK_INT(got[i].salt, json_integer_value(json_array_get(row, 2)));
	}
}

static void in_state_info(struct mock *m, const json_t *v)
{
	struct mock_message *g;
	uint64_t id;

	mock_query(m, QUERY_A, 0, 0, 0);
	id = mock_sent(m, QUERY_A)->h.msg_id;
	mock_lose(m);
	mock_reconnect(m);
	g = mock_expect(m, WIRE_MSGS_STATE_REQ);
	CHECK(!mt_query_by_msg_id(m->c, id)->acked);
	say_patched(m, v, 4, g->h.msg_id);
	CHECK(mt_query_by_msg_id(m->c, id)->acked);
	CHECK_INT(mock_pump(m), 0);
}

/* Announced: acked when it is here, asked for when it is not. */
static void in_detailed(struct mock *m, const json_t *v)
{
	size_t at = strcmp(vector_text(v, "id"), "wire-detailed") == 0 ? 12 : 4;
	uint64_t known = mock_msg_id(m, false);
	struct mock_message *g;

	mock_update(m, known, 0);
	mock_event(m, MT_EV_UPDATE);
	say_patched(m, v, at, known);
	CHECK_INT(mock_pump(m), 0);
	mock_pass(m, 31 * NS);
	g = mock_expect(m, WIRE_MSGS_ACK);
	CHECK_MEM(g->body + 12, &known, 8);
	known += 400;
	say_patched(m, v, at, known);
	g = mock_sent(m, WIRE_MSG_RESEND_REQ);
	CHECK_MEM(g->body + 12, &known, 8);
}

/* Whatever the code asks for: the query comes again, once. */
static void in_bad(struct mock *m, const json_t *v)
{
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0);
	struct mock_message *g = mock_sent(m, QUERY_A);
	struct mt_event ev;

	say_patched(m, v, 4, g->h.msg_id + 4);
	CHECK_INT(mock_pump(m), 0); /* not one of ours */
	say_patched(m, v, 4, g->h.msg_id);
	g = mock_sent(m, QUERY_A);
	CHECK_INT(mock_count(m, QUERY_A), 2);
	if (strcmp(vector_text(v, "id"), "wire-bad-server-salt") == 0)
		CHECK(g->h.salt == 0x0102030405060708);
	mock_answer(m, g->h.msg_id, 7);
	ev = mock_until(m, MT_EV_RESULT);
	CHECK(ev.query == handle);
	CHECK(!mt_client_next(m->c, &ev));
}

void check_wire_in(const json_t *v)
{
	static const struct {
		const char *id;
		void (*check)(struct mock *m, const json_t *v);
	} rows[] = {{"wire-pong", in_pong},          {"wire-new-session", in_new_session},
		    {"wire-future-salts", in_salts}, {"wire-state-info", in_state_info},
		    {"wire-detailed", in_detailed},  {"wire-new-detailed", in_detailed}};
	const char *id = vector_text(v, "id");
	struct mock *m = mock_ready();
	bool done = false;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].id, id) == 0) {
			rows[i].check(m, v);
			done = true;
		}
	}
	if (!done) {
		CHECK(strncmp(id, "wire-bad-", 9) == 0);
		in_bad(m, v);
	}
	mock_free(m);
}

/* The good one carries a client's even ids, so that ours to read has them made odd. */
void check_wire_container(const json_t *v)
{
	bool sample = strcmp(vector_text(v, "id"), "wire-container") == 0;
	const json_t *accept = json_object_get(v, "accept");
	struct mock *m = mock_ready();
	struct tl_buf b = {.len = 0};
	size_t n;
	uint8_t *bytes = vector_bytes(v, "hex", &n);

	if (sample) {
		bytes[8] |= 1;
		bytes[8 + 16 + 28] |= 3;
	}
	tl_put(&b, bytes, n);
	while (b.len % 4) /* an envelope holds whole words only */
		tl_put_u8(&b, 0);
	mock_say(m, false, false, &b);
	if (sample)
		CHECK_HEX(mock_event(m, MT_EV_UPDATE).data, 12, "ec77be7a8877665544332211");
	else if (!json_is_true(accept))
		mock_event(m, MT_EV_UNREADABLE);
	mock_quiet(m);
	mock_update(m, mock_msg_id(m, false), 0); /* the connection lives */
	mock_event(m, MT_EV_UPDATE);
	tl_buf_free(&b);
	free(bytes);
	mock_free(m);
}

void check_wire_rpc_error(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t handle = mock_query(m, QUERY_A, 0, 0, 0);
	struct mt_event ev;

	say_patched(m, v, 4, mock_sent(m, QUERY_A)->h.msg_id);
	ev = mock_event(m, MT_EV_RPC_ERROR);
	CHECK_INT(ev.query, handle);
	CHECK_INT(ev.code, 420);
	CHECK_INT(ev.n, 13);
	CHECK_MEM(ev.data, "FLOOD_WAIT_17", 13);
	mock_quiet(m);
	mock_free(m);
}
