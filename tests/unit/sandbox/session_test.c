/* The sandbox's session is as strict as the real one: every refusal, answers that are kept, order,
 * salts, faults (core.telegram.org/mtproto/service_messages_about_messages). */
#include "rig.h"

#define REFUSALS_WAIT 3000
#define SILENCE 150

static void refused(struct rig *r, uint64_t msg_id, uint32_t seqno, const void *body, size_t n,
		    uint32_t code)
{
	const struct rig_message *m;

	rig_send_as(r, msg_id, seqno, body, n);
	m = rig_next(r, RIG_BAD_MSG, REFUSALS_WAIT);
	if (!m)
		test_fail(__FILE__, __LINE__, "no bad_msg_notification %u", code);
	CHECK_INT(rig_u64(m, 4), msg_id);
	CHECK_INT(rig_u32(m, 12), seqno);
	CHECK_INT(rig_u32(m, 16), code);
	CHECK_INT(m->seqno % 2, 0);
	CHECK_INT(m->msg_id % 4, 1);
}

/* A container of one message. */
static size_t contain(uint8_t out[64], uint64_t msg_id, uint32_t seqno, const void *body, size_t n)
{
	const uint32_t head[2] = {RIG_CONTAINER, 1}, size = (uint32_t)n;

	memcpy(out, head, 8);
	memcpy(out + 8, &msg_id, 8);
	memcpy(out + 16, &seqno, 4);
	memcpy(out + 20, &size, 4);
	memcpy(out + 24, body, n);
	return 24 + n;
}

TEST_T(each_bad_message_has_its_code, 60)
{
	const uint32_t call = RIG_GET_CONFIG, ping[3] = {RIG_PING, 1, 0};
	const uint32_t empty[2] = {RIG_CONTAINER, 0};
	uint64_t now, early, first;
	uint8_t box[64];
	struct rig r;
	size_t n;

	rig_open(&r);
	rig_init(&r, 230);
	now = rig_msg_id(&r) >> 32;
	refused(&r, (now - 400) << 32, 2 * r.seq + 1, &call, 4, 16);
	refused(&r, (now + 60) << 32, 2 * r.seq + 1, &call, 4, 17);
	refused(&r, rig_msg_id(&r) | 2, 2 * r.seq + 1, &call, 4, 18);
	refused(&r, rig_msg_id(&r), 2 * r.seq, &call, 4, 35);
	refused(&r, rig_msg_id(&r), 1, &call, 4, 32);
	early = rig_msg_id(&r);
	first = rig_send_id(&r, call);
	rig_answer(&r, first);
	refused(&r, early, 2 * r.seq + 9, &call, 4, 33);
	refused(&r, rig_msg_id(&r), 2 * r.seq + 1, empty, 8, 34);
	n = contain(box, rig_msg_id(&r) + (1 << 20), 2 * r.seq, ping, 12);
	refused(&r, rig_msg_id(&r), 2 * r.seq, box, n, 64);
	early = rig_msg_id(&r);
	n = contain(box, early, 2 * r.seq, empty, 8);
	rig_send_as(&r, rig_msg_id(&r), 2 * r.seq, box, n);
	CHECK_INT(rig_u32(rig_next(&r, RIG_BAD_MSG, REFUSALS_WAIT), 16), 64);
	refused(&r, first, 2 * r.seq, empty, 8, 19);
	/* and after all that it still serves */
	rig_answer(&r, rig_send_id(&r, call));
	rig_close(&r);
}

TEST_T(a_wrong_salt_is_told_the_right_one, 60)
{
	const struct rig_message *m;
	struct rig r;
	uint64_t right, id;

	rig_open(&r);
	right = r.salt;
	r.salt = 0;
	id = rig_send_id(&r, RIG_GET_CONFIG);
	m = rig_next(&r, RIG_BAD_SALT, REFUSALS_WAIT);
	CHECK(m && rig_u64(m, 4) == id && rig_u32(m, 16) == 48 && rig_u64(m, 20) == right);
	r.salt = right;
	r.seq = 0;
	rig_init(&r, 230);
	rig_control(&r,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fault\",\"params\":{\"kind\":"
		    "\"bad_salt\",\"times\":1}}",
		    "\"fault\"");
	rig_send_id(&r, RIG_GET_CONFIG);
	m = rig_next(&r, RIG_BAD_SALT, REFUSALS_WAIT);
	CHECK(m && rig_u64(m, 20) != right);
	r.salt = rig_u64(m, 20);
	rig_answer(&r, rig_send_id(&r, RIG_GET_CONFIG));
	rig_close(&r);
}

TEST_T(a_call_is_executed_once_and_its_answer_kept, 60)
{
	const uint32_t call = RIG_GET_CONFIG;
	const struct rig_message *m;
	struct rig r;
	uint64_t id, answer;
	uint32_t seqno, acks[5] = {RIG_ACKS, RIG_VECTOR, 1, 0, 0};

	rig_open(&r);
	CHECK(rig_next(&r, RIG_NEW_SESSION, 50) == NULL);
	rig_init(&r, 230);
	seqno = 2 * r.seq + 1;
	id = rig_send_id(&r, call);
	answer = rig_answer(&r, id)->msg_id;
	rig_send_as(&r, id, seqno, &call, 4);
	CHECK(rig_answer(&r, id)->msg_id == answer);
	/* a new socket: what is not acked comes again by itself, also the older one */
	rig_connect(&r, MT_ABRIDGED, true);
	rig_send_id(&r, RIG_NEAREST_DC);
	CHECK(rig_answer(&r, id)->msg_id == answer);
	memcpy(acks + 3, &answer, 8);
	rig_send_as(&r, rig_msg_id(&r), 2 * r.seq, acks, sizeof acks);
	rig_connect(&r, MT_FULL, false);
	rig_send_id(&r, RIG_NEAREST_DC);
	while ((m = rig_next(&r, RIG_RPC_RESULT, SILENCE)))
		CHECK(m->msg_id != answer);
	rig_control(&r,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calls\",\"params\":{\"method\":"
		    "\"help.getConfig\"}}",
		    "\"n\":");
	rig_close(&r);
}

TEST_T(calls_wait_for_those_they_name, 60)
{
	const uint32_t after = 0xcb9f372du, call = RIG_GET_CONFIG;
	const struct rig_message *m;
	uint8_t body[16];
	struct rig r;
	uint64_t first, second, gone = 4;
	uint32_t seqno;

	rig_open(&r);
	rig_init(&r, 230);
	first = rig_msg_id(&r);
	seqno = 2 * r.seq++ + 1;
	memcpy(body, &after, 4);
	memcpy(body + 4, &first, 8);
	memcpy(body + 12, &call, 4);
	second = rig_send(&r, body, 16);
	CHECK(rig_next(&r, RIG_RPC_RESULT, SILENCE) == NULL);
	rig_send_as(&r, first, seqno, &call, 4);
	m = rig_next(&r, RIG_RPC_RESULT, REFUSALS_WAIT);
	CHECK(m && rig_u64(m, 4) == first);
	m = rig_next(&r, RIG_RPC_RESULT, REFUSALS_WAIT);
	CHECK(m && rig_u64(m, 4) == second);
	/* the one that failed takes the next with it */
	first = rig_send_id(&r, 0x12345678u);
	CHECK_INT(rig_u32(rig_answer(&r, first), 12), RIG_RPC_ERROR);
	memcpy(body + 4, &first, 8);
	m = rig_answer(&r, rig_send(&r, body, 16));
	CHECK(rig_u32(m, 12) == RIG_RPC_ERROR && rig_u32(m, 16) == 400);
	/* one that never comes */
	memcpy(body + 4, &gone, 8);
	second = rig_send(&r, body, 16);
	CHECK(rig_next(&r, RIG_ACKS, REFUSALS_WAIT)); /* it is there before the clock moves */
	rig_control(&r,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"advance\",\"params\":{\"seconds\":"
		    "20}}",
		    "result");
	m = rig_answer(&r, second);
	CHECK(rig_u32(m, 12) == RIG_RPC_ERROR && rig_u32(m, 16) == 500);
	rig_close(&r);
}

TEST_T(service_messages_are_answered, 60)
{
	const uint32_t salts[2] = {0xb921bd04u, 5};
	uint32_t state[7] = {0xda69fb52u, RIG_VECTOR, 2}, delay[4] = {0xf3427b8cu, 9, 0, 0};
	const struct rig_message *m;
	uint64_t known, unknown;
	struct rig r;

	rig_open(&r);
	rig_init(&r, 230);
	rig_send(&r, salts, sizeof salts);
	m = rig_next(&r, 0xae500895u, REFUSALS_WAIT); /* a bare vector of bare salts */
	CHECK(m && m->n == 20 + 5 * 16 && rig_u32(m, 16) == 5);
	CHECK(rig_u64(m, 28) == r.salt && rig_u32(m, 24) - rig_u32(m, 20) == 3600);
	known = rig_send_id(&r, RIG_GET_CONFIG);
	rig_answer(&r, known);
	unknown = known + (1ull << 40);
	memcpy(state + 3, &known, 8);
	memcpy(state + 5, &unknown, 8);
	rig_send_as(&r, rig_msg_id(&r), 2 * r.seq, state, sizeof state);
	m = rig_next(&r, 0x04deb57du, REFUSALS_WAIT);
	CHECK(m && m->n == 16 && m->body[12] == 2 && (m->body[13] & 7) == 4 && m->body[14] == 3);
	rig_send_as(&r, rig_msg_id(&r), 2 * r.seq, delay, sizeof delay);
	CHECK(rig_next(&r, RIG_PONG, REFUSALS_WAIT));
	CHECK(rig_next(&r, RIG_PONG, 2000) == NULL);
	CHECK(r.closed);
	rig_close(&r);
}

TEST_T(strangers_and_broken_packets_get_404, 60)
{
	struct mt_header h = {0, 0, 0, 1};
	const uint32_t call = RIG_GET_CONFIG;
	struct tl_buf b = {0};
	uint8_t noise[64];
	struct rig r;

	rig_open(&r);
	r.env.random(NULL, noise, sizeof noise);
	rig_packet(&r, noise, sizeof noise, false);
	rig_next(&r, 0, 2000);
	CHECK_INT(r.error, -404);
	CHECK(r.closed);
	for (int bent = 0; bent < 2; bent++) { /* a bit, then session 0 */
		rig_connect(&r, MT_PADDED, true);
		h.salt = r.salt;
		h.session = bent ? 0 : r.session;
		h.msg_id = rig_msg_id(&r);
		tl_buf_clear(&b);
		CHECK_INT(mt_seal(&r.key, MT_TO_SERVER, &h, &call, 4, &r.env, &b, NULL), 0);
		b.data[40] ^= (uint8_t)!bent;
		rig_packet(&r, b.data, b.len, false);
		rig_next(&r, 0, 2000);
		CHECK_INT(r.error, -404);
	}
	tl_buf_free(&b);
	rig_close(&r);
}

TEST_T(a_quick_ack_is_the_hash_of_the_packet, 60)
{
	const uint32_t ping[3] = {RIG_PING, 7, 0};
	struct mt_header h = {.seqno = 0};
	struct tl_buf b = {0};
	uint32_t token;
	struct rig r;

	rig_open(&r);
	h = (struct mt_header){r.salt, r.session, rig_msg_id(&r), 0};
	CHECK_INT(mt_seal(&r.key, MT_TO_SERVER, &h, ping, 12, &r.env, &b, &token), 0);
	rig_packet(&r, b.data, b.len, true);
	CHECK(rig_next(&r, RIG_PONG, REFUSALS_WAIT));
	CHECK_INT(r.quick_ack | 0x80000000u, token | 0x80000000u);
	tl_buf_free(&b);
	rig_close(&r);
}

TEST_T(older_layers_get_their_own_lines, 60)
{
	static const struct {
		int layer;
		uint32_t config;
	} rows[] = {{144, 0x330b4067u}, {198, 0xcc1a241eu}, {230, 0xcc1a241eu}};
	struct rig r;

	rig_open(&r);
	for (unsigned i = 0; i < 3; i++) {
		rig_init(&r, rows[i].layer);
		CHECK_INT(rig_u32(rig_answer(&r, rig_send_id(&r, RIG_GET_CONFIG)), 12),
			  rows[i].config);
	}
	rig_close(&r);
}

TEST_T(faults_name_calls_and_answers, 60)
{
	const uint32_t call = RIG_GET_CONFIG;
	struct rig r;
	uint64_t id;
	uint32_t seqno;

#define FAULT(text)                                                                                \
	rig_control(&r,                                                                            \
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fault\",\"params\":{\"method\":"   \
		    "\"help.getConfig\",\"times\":1," text "}}",                                   \
		    "\"fault\"")
	rig_open(&r);
	rig_init(&r, 230);
	/* the answer is lost: the same message again brings it, and nothing is executed twice */
	FAULT("\"kind\":\"drop\",\"direction\":\"out\"");
	seqno = 2 * r.seq + 1;
	id = rig_send_id(&r, call);
	CHECK(rig_next(&r, RIG_RPC_RESULT, SILENCE) == NULL);
	rig_send_as(&r, id, seqno, &call, 4);
	rig_answer(&r, id);
	/* the call is lost: it is as if it had never come */
	while (rig_next(&r, RIG_ACKS, SILENCE))
		;
	FAULT("\"kind\":\"drop\",\"direction\":\"in\"");
	seqno = 2 * r.seq + 1;
	id = rig_send_id(&r, call);
	CHECK(rig_next(&r, RIG_ACKS, SILENCE) == NULL);
	rig_send_as(&r, id, seqno, &call, 4);
	rig_answer(&r, id);
	FAULT("\"kind\":\"unknown_constructor\"");
	CHECK_INT(rig_u32(rig_answer(&r, rig_send_id(&r, call)), 12), 0x0badc0de);
	FAULT("\"kind\":\"bad_msg\",\"code\":20");
	rig_send_id(&r, call);
	CHECK_INT(rig_u32(rig_next(&r, RIG_BAD_MSG, REFUSALS_WAIT), 16), 20);
	/* the line is cut before the answer: it waits for the next one */
	FAULT("\"kind\":\"cut\",\"direction\":\"out\"");
	id = rig_send_id(&r, call);
	CHECK(rig_next(&r, RIG_RPC_RESULT, REFUSALS_WAIT) == NULL);
	CHECK(r.closed);
	rig_connect(&r, MT_INTERMEDIATE, true);
	rig_send_id(&r, RIG_NEAREST_DC);
	rig_answer(&r, id);
	FAULT("\"kind\":\"forget_key\"");
	rig_send_id(&r, call);
	rig_next(&r, 0, 2000);
	CHECK_INT(r.error, -404);
	rig_close(&r);
}
