/* session.json: every vector has a row. Here: ids, clocks, windows, numbers, salts, containers. */
#include "tests/unit/proto/session_checks.h"

static const json_t *item(const json_t *v, const char *name, size_t i)
{
	return json_array_get(json_object_get(v, name), i);
}

static int64_t pair_ns(const json_t *pair)
{
	return json_integer_value(json_array_get(pair, 0)) * NS +
	       json_integer_value(json_array_get(pair, 1));
}

/* ---- message ids ----------------------------------------------------------------------------- */

static void check_msgid_scaled(const json_t *v)
{
	int64_t at = vector_int(v, "unix") * NS + vector_int(v, "nanos");
	uint64_t want = vector_hex64(v, "msg_id_hex");

	CHECK(mt_msgid_of(at) == want);
	CHECK(strtoull(vector_text(v, "msg_id"), NULL, 10) == want);
	CHECK(mt_msgid_time(want) <= at && mt_msgid_time(want) > at - 4);
}

/* Others put plain nanoseconds into the low word: the second is the same. */
static void check_msgid_nanos(const json_t *v)
{
	CHECK(mt_msgid_time(vector_hex64(v, "msg_id_hex")) / NS == 1539214926);
}

static void check_msgid_monotonic(const json_t *v)
{
	size_t n = json_array_size(json_object_get(v, "clock"));
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t id = mt_msgid_next(&last, pair_ns(item(v, "clock", i)));

		CHECK(id == strtoull(json_string_value(item(v, "msg_ids", i)), NULL, 16));
	}
	CHECK_INT(n, 7);
}

static void check_msgid_offset(const json_t *v)
{
	struct mt_clock c = {.offset = vector_int(v, "server_minus_local") * NS};
	struct mt_time now = {123, vector_int(v, "local") * NS};

	CHECK(mt_msgid_of(mt_clock_now(&c, now)) == vector_hex64(v, "expect_msg_id_hex"));
	mt_clock_set(&c, now, mt_clock_now(&c, now));
	now.real += 3600 * NS; /* a step of the wall clock breaks nothing (D.15) */
	CHECK(mt_msgid_of(mt_clock_now(&c, now)) == vector_hex64(v, "expect_msg_id_hex"));
}

TEST(a_million_ids_with_a_frozen_clock)
{
	uint64_t last = 0, before = 0;

	for (int i = 0; i < 1000000; i++) {
		uint64_t id = mt_msgid_next(&last, MOCK_EPOCH * NS + 5);

		CHECK(id > before && id % 4 == 0);
		before = id;
	}
}

/* D.3: a thousand ids of a running clock have a fraction in their low word. */
TEST(ids_carry_the_fraction)
{
	uint64_t last = 0;

	for (int i = 0; i < 1000; i++)
		CHECK((uint32_t)mt_msgid_next(&last, MOCK_EPOCH * NS + 997 * (i + 1)) != 0);
}

/* A server far in the future, or a broken clock of ours: ids still only go up. */
TEST(ids_never_come_round)
{
	struct mt_clock c = {.offset = 0};
	struct mt_time now = {0, INT64_MAX};
	uint64_t last = 0, before;

	mt_clock_set(&c, now, INT64_MAX);
	CHECK(!c.known);
	before = mt_msgid_next(&last, mt_clock_now(&c, now));
	CHECK(before && mt_msgid_next(&last, INT64_MAX) > before);
	CHECK(mt_msgid_next(&last, INT64_MIN) > before);
}

static void check_outbound(const json_t *v)
{
	const json_t *may = json_object_get(v, "may_send_bare");

	CHECK_INT(mt_msgid_fresh(vector_hex64(v, "msg_id_hex"), vector_int(v, "server_now") * NS),
		  json_is_true(may));
}

/* The verdict of a whole client: an update under this id is told or dropped. */
static void check_inbound(const json_t *v)
{
	struct mock *m = mock_ready();
	struct mt_event ev;

	CHECK_INT(vector_int(v, "now"), MOCK_EPOCH);
	mock_update(m, vector_hex64(v, "msg_id_hex"), 1);
	if (json_is_true(json_object_get(v, "accept")))
		CHECK_INT(mock_event(m, MT_EV_UPDATE).n, 8);
	while (mt_client_next(m->c, &ev))
		CHECK(ev.kind == MT_EV_TIME); /* a message from ahead sets the clock */
	mock_free(m);
}

static void check_inbound_unsynced(const json_t *v)
{
	struct mock *m = mock_new("padded", true);

	mock_connect(m);
	mock_pump(m);
	mock_update(m, vector_hex64(v, "msg_id_hex"), 1);
	mock_event(m, MT_EV_ONLINE);
	CHECK_INT(mock_event(m, MT_EV_UPDATE).n, 8);
	CHECK_INT(mock_event(m, MT_EV_TIME).value, 7200 * NS);
	CHECK(mt_client_server_time(m->c, m->now) == (MOCK_EPOCH + 7200) * NS);
	mock_free(m);
}

/* ---- duplicates ------------------------------------------------------------------------------ */

static void check_dup(const json_t *v)
{
	static const char *const names[] = {
		[MT_NEW] = "new", [MT_DUPLICATE] = "duplicate", [MT_TOO_OLD] = "too_old"};
	struct mt_window w = {NULL, 0, 0};
	size_t max = (size_t)vector_int(v, "N"), n = json_array_size(json_object_get(v, "ids"));

	for (size_t i = 0; i < n; i++) {
		uint64_t id = (uint64_t)json_integer_value(item(v, "ids", i));
		enum mt_verdict got = mt_window_look(&w, max, id);

		CHECK_STR(names[got], json_string_value(item(v, "verdicts", i)));
		if (got == MT_NEW)
			mt_window_put(&w, max, id);
	}
	CHECK_INT(w.n, json_array_size(json_object_get(v, "stored_after")));
	for (size_t i = 0; i < w.n; i++)
		CHECK_INT(w.ids[i], json_integer_value(item(v, "stored_after", i)));
	mt_window_free(&w);
}

/* A thousand ids are kept; a repetition is acked again and dropped; what is older than all of
 * them ends the session. */
static void check_dup_1000(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t session = m->session, base = mt_msgid_of(MOCK_EPOCH * NS) + 0x1000001;

	CHECK(vector_int(v, "N") <= MT_WINDOW_IDS);
	mock_update(m, base, 0);
	mock_event(m, MT_EV_UPDATE);
	for (unsigned i = 1; i < 1000; i++) {
		mock_update(m, base + 4 * i, 0);
		mock_event(m, MT_EV_UPDATE);
	}
	mock_update(m, base, 1);
	mock_quiet(m);
	mock_pass(m, 31 * NS);
	CHECK(mock_expect(m, WIRE_MSGS_ACK)->h.session == session);
	for (unsigned i = 1000; i < 2048; i++) {
		mock_update(m, base + 4 * i, 0);
		mock_event(m, MT_EV_UPDATE);
	}
	mock_update(m, base, 1);
	mock_quiet(m);
	mock_pump(m);
	mock_expect(m, WIRE_PING_DELAY_DISCONNECT);
	CHECK(m->session != session);
	mock_free(m);
}

/* ---- sequence numbers, salts, containers ----------------------------------------------------- */

static void check_seqno_series(const json_t *v)
{
	struct mt_session s = {.content = 0};
	size_t n = json_array_size(json_object_get(v, "seqno"));

	for (size_t i = 0; i < n; i++)
		CHECK_INT(mt_session_seqno(&s, json_is_true(item(v, "content_related", i))),
			  json_integer_value(item(v, "seqno", i)));
}

/* Acks, a ping and a wrapped query in one container, as a client really sends them. */
static void check_seqno_container(const json_t *v)
{
	static const uint32_t numbers[] = {WIRE_MSGS_ACK, WIRE_PING_DELAY_DISCONNECT, QUERY_A};
	struct mock *m = mock_ready();

	m->c->session.content = 0;
	mock_update(m, mock_msg_id(m, false), 1);
	mock_event(m, MT_EV_UPDATE);
	m->c->want_ping = true;
	mock_query(m, QUERY_A, 4, 0, 0);
	mock_pump(m);
	for (size_t i = 0; i < 3; i++) {
		const struct mock_message *g = mock_expect(m, numbers[i]);

		CHECK_INT(g->h.seqno, json_integer_value(item(v, "seqno", i)));
		CHECK(g->outer > g->h.msg_id);
	}
	CHECK_INT(mt_session_seqno(&m->c->session, false), json_integer_value(item(v, "seqno", 3)));
	mock_free(m);
}

static void check_seqno_wrap(const json_t *v)
{
	struct mock *m = mock_ready();
	uint64_t session = m->session;

	(void)v;
	m->c->session.content = MT_SEQNO_LAST;
	mock_query(m, QUERY_A, 1, 0, 0);
	CHECK_INT(mock_sent(m, QUERY_A)->h.seqno, 3); /* behind destroy_session */
	CHECK(m->session != session);
	mock_free(m);
}

static void check_salts_pick(const json_t *v)
{
	struct mt_salts s = {.n = 0};
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(v, "salts"), i, one) s.v[s.n++] =
		(struct mt_salt){(int32_t)json_integer_value(json_array_get(one, 0)),
				 (int32_t)json_integer_value(json_array_get(one, 1)),
				 (uint64_t)json_integer_value(json_array_get(one, 2))};
	json_array_foreach(json_object_get(v, "queries"), i, one)
	{
		const struct mt_salt *got =
			mt_salts_pick(&s, json_integer_value(json_array_get(one, 0)), 0);
		const json_t *want = json_array_get(one, 1);

		CHECK_INT(got != NULL, json_is_integer(want));
		if (got)
			CHECK_INT(got->salt, json_integer_value(want));
	}
}

static void check_container_limits(const json_t *v)
{
	size_t left = (size_t)vector_int(v, "messages"), body = (size_t)vector_int(v, "body_bytes");
	long long packets = 0;

	while (left) {
		size_t bytes = 8;
		unsigned count = 0;

		for (; left && mt_container_takes(count, bytes, body, SIZE_MAX); left--, count++)
			bytes += 16 + body;
		packets++;
	}
	CHECK_INT(packets, vector_int(v, "packets"));
	CHECK(!mt_container_takes(1, MT_CONTAINER_SOFT, 16, MT_CONTAINER_SOFT));
	CHECK(mt_container_takes(1, MT_CONTAINER_SOFT - 1, 16, MT_CONTAINER_SOFT));
}

/* The same counts out of a whole client. */
static unsigned packets_of(size_t queries, size_t words)
{
	struct mock *m = mock_ready();
	unsigned before = m->packets;

	for (size_t i = 0; i < queries; i++)
		mock_query(m, QUERY_A, words - 1, MT_QUERY_NO_GZIP, 0);
	mock_pump(m);
	before = m->packets - before;
	CHECK_INT(mock_count(m, QUERY_A), queries);
	mock_free(m);
	return before;
}

TEST(containers_of_a_client)
{
	CHECK_INT(packets_of(1020, 4), 1);
	CHECK_INT(packets_of(1021, 4), 2);
	CHECK_INT(packets_of(1, 1044456 / 4), 1);
	CHECK_INT(packets_of(50, 10), 1);
}

static void check_ack_batch(const json_t *v)
{
	struct mock *m = mock_ready();
	int flush = (int)vector_int(v, "flush_count");
	struct mock_message *g;

	CHECK_INT(MT_IDS, vector_int(v, "max_ids"));
	CHECK_INT(MT_ACK_DELAY / NS, vector_int(v, "max_delay_s"));
	for (int i = 0; i < flush - 1; i++)
		mock_update(m, mock_msg_id(m, false), 1);
	CHECK_INT(mock_pump(m), 0);
	mock_update(m, mock_msg_id(m, false), 0); /* even: no ack */
	CHECK_INT(mock_pump(m), 0);
	mock_update(m, mock_msg_id(m, false), 1);
	CHECK_INT(mock_pump(m), 1);
	g = mock_expect(m, WIRE_MSGS_ACK);
	CHECK_INT(g->n, 12 + 8 * flush);
	CHECK_INT(g->h.seqno & 1, 0);
	mock_update(m, mock_msg_id(m, false), 1);
	mock_pass(m, 29 * NS);
	CHECK(!mock_find(m, WIRE_MSGS_ACK));
	mock_pass(m, NS);
	CHECK_INT(mock_expect(m, WIRE_MSGS_ACK)->n, 20);
	mock_update(m, mock_msg_id(m, false), 1);
	mock_query(m, QUERY_A, 1, 0, 0); /* with the next packet */
	mock_pump(m);
	CHECK_INT(mock_expect(m, WIRE_MSGS_ACK)->n, 20);
	mock_free(m);
}

/* ---- the table ------------------------------------------------------------------------------- */

TEST_T(session_vectors, 60)
{
	static const struct vector_row rows[] = {
		{"msgid-scaled", check_msgid_scaled, NULL},
		{"msgid-nanos-gotd", check_msgid_nanos, NULL},
		{"msgid-monotonic", check_msgid_monotonic, NULL},
		{"msgid-clock-offset", check_msgid_offset, NULL},
		{"inbound-unsynced", check_inbound_unsynced, NULL},
		{"inbound-*", check_inbound, NULL},
		{"outbound-valid-*", check_outbound, NULL},
		{"dup-1000", check_dup_1000, NULL},
		{"dup-*", check_dup, NULL},
		{"seqno-series", check_seqno_series, NULL},
		{"seqno-container", check_seqno_container, NULL},
		{"seqno-wrap", check_seqno_wrap, NULL},
		{"wire-ping", check_wire_raw, NULL},
		{"wire-destroy-session", check_wire_raw, NULL},
		{"wire-container*", check_wire_container, NULL},
		{"wire-ping-delay", check_wire_out, NULL},
		{"wire-msgs-ack", check_wire_out, NULL},
		{"wire-get-future-salts", check_wire_out, NULL},
		{"wire-state-req", check_wire_out, NULL},
		{"wire-drop-answer", check_wire_out, NULL},
		{"wire-resend-req", check_wire_out, NULL},
		{"wire-init-connection", check_wire_out, NULL},
		{"wire-invoke-after", check_wire_out, NULL},
		{"wire-rpc-error*", check_wire_rpc_error, NULL},
		{"wire-http-wait", NULL, "n/a: the HTTP transport is off in a daemon (C.62)"},
		{"wire-*", check_wire_in, NULL},
		{"bad-msg-16-time", check_bad_msg_time, NULL},
		{"bad-msg-*", check_bad_msg, NULL},
		{"salts-pick", check_salts_pick, NULL},
		{"salts-*", check_salts_script, NULL},
		{"container-*", check_container_limits, NULL},
		{"ack-batch", check_ack_batch, NULL},
		{"err-400-CONNECTION_*", check_reinit, NULL},
		{"err-400-MSG_WAIT_*", check_chain, NULL},
		{"err-*", NULL, "core/refusals_of_the_vectors"},
		{"backoff", NULL, "core/backoff_series"},
		{"chain-*", check_chain, NULL},
		{"new-session-created", check_new_session, NULL},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("session.json", rows, &elsewhere), 93);
	CHECK_INT(elsewhere, 48);
}
