/* Service messages of the client and their answers (core.telegram.org/mtproto/service_messages and
 * service_messages_about_messages). Owned by net. msgs_ack is never answered. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define ID_VECTOR 0x1cb5c415u
#define ID_MSGS_ACK 0x62d6b459u
#define ID_PING 0x7abe77ecu
#define ID_PING_DELAY 0xf3427b8cu
#define ID_PONG 0x347773c5u
#define ID_GET_FUTURE_SALTS 0xb921bd04u
#define ID_FUTURE_SALTS 0xae500895u
#define ID_STATE_REQ 0xda69fb52u
#define ID_STATE_INFO 0x04deb57du
#define ID_ALL_INFO 0x8cc0d131u
#define ID_DETAILED_INFO 0x276d3ec6u
#define ID_NEW_DETAILED_INFO 0x809db6dfu
#define ID_RESEND_REQ 0x7d861a08u
#define ID_RESEND_ANS_REQ 0x8610baebu
#define ID_DESTROY_SESSION 0xe7512126u
#define ID_DESTROY_SESSION_OK 0xe22045fcu
#define ID_DESTROY_SESSION_NONE 0x62d350c9u
#define ID_DESTROY_KEY 0xd1435160u
#define ID_DESTROY_KEY_OK 0xf660e1d4u
#define ID_DROP_ANSWER 0x58e4a740u
#define ID_ANSWER_UNKNOWN 0x5e2ad36eu
#define ID_ANSWER_DROPPED_RUNNING 0xcd78e586u
#define ID_ANSWER_DROPPED 0xa43ad8b7u
#define ID_RPC_RESULT 0xf35c6d01u
#define ID_HTTP_WAIT 0x9299359fu

#define MAX_SALTS 64

bool sb_is_service(uint32_t id)
{
	switch (id) {
	case ID_MSGS_ACK:
	case ID_PING:
	case ID_PING_DELAY:
	case ID_GET_FUTURE_SALTS:
	case ID_STATE_REQ:
	case ID_STATE_INFO:
	case ID_ALL_INFO:
	case ID_DETAILED_INFO:
	case ID_NEW_DETAILED_INFO:
	case ID_RESEND_REQ:
	case ID_RESEND_ANS_REQ:
	case ID_DESTROY_SESSION:
	case ID_DESTROY_KEY:
	case ID_DROP_ANSWER:
	case ID_HTTP_WAIT:
		return true;
	default:
		return false;
	}
}

/* A boxed Vector<long>; the count is bounded by the bytes and by SB_MAX_IDS. */
static uint32_t ids(struct tl_cursor *c)
{
	uint32_t count;

	if (tl_get_u32(c) != ID_VECTOR)
		tl_fail(c, -TG_E_WIRE);
	count = tl_get_u32(c);
	if (count > SB_MAX_IDS || count > tl_left(c) / 8)
		tl_fail(c, -TG_E_WIRE_LIMIT);
	return c->err ? 0 : count;
}

static void answer(struct sb_session *s, struct tl_buf *b, bool content, uint64_t request)
{
	if (!b->err)
		sb_out_add(s, b->data, b->len, content, request);
	tl_buf_free(b);
}

static void pong(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c, bool delay)
{
	struct tl_buf b = {0};
	uint64_t ping = tl_get_u64(c);
	int32_t seconds = delay ? (int32_t)tl_get_u32(c) : 0;

	if (c->err)
		return;
	if (delay && s->conn)
		s->conn->disconnect = sb_now(s->net->s) + (seconds > 0 ? seconds : 0) * NS;
	tl_put_u32(&b, ID_PONG);
	tl_put_u64(&b, msg_id);
	tl_put_u64(&b, ping);
	answer(s, &b, false, msg_id);
}

/* The vector is bare, and so are its elements (D.20). */
static void future_salts(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c)
{
	int32_t count = (int32_t)tl_get_u32(c);
	int64_t now = sb_now(s->net->s);
	struct tl_buf b = {0};

	if (c->err)
		return;
	count = count < 1 ? 1 : count > MAX_SALTS ? MAX_SALTS : count;
	tl_put_u32(&b, ID_FUTURE_SALTS);
	tl_put_u64(&b, msg_id);
	tl_put_u32(&b, (uint32_t)(now / NS));
	tl_put_u32(&b, (uint32_t)count);
	for (int32_t i = 0; i < count; i++) {
		struct sb_salt salt = sb_salt_at(s->key, now, (unsigned)i);

		tl_put_u32(&b, (uint32_t)salt.since);
		tl_put_u32(&b, (uint32_t)salt.until);
		tl_put_u64(&b, salt.salt);
	}
	answer(s, &b, false, msg_id);
}

/* One byte of msgs_state_info (D.44). */
static uint8_t state(struct sb_session *s, uint64_t msg_id)
{
	struct sb_received *r = sb_session_received(s, msg_id);

	if (!r) {
		uint64_t low = s->received_count ? s->received[0].msg_id : 0;
		uint64_t high = s->received_count ? s->received[s->received_count - 1].msg_id : 0;

		return msg_id < low ? 1 : msg_id > high ? 3 : 2;
	}
	switch (r->state) {
	case SB_PLAIN:
	case SB_CONTAINER:
		return 4 | 16;
	case SB_RUNNING:
		return 4 | 8 | 32;
	case SB_ANSWERED:
	case SB_FAILED:
		return 4 | 8 | 64;
	}
	return 1;
}

static void state_info(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c)
{
	uint32_t count = ids(c);
	struct tl_buf states = {0}, b = {0};

	if (c->err)
		return;
	for (uint32_t i = 0; i < count; i++)
		tl_put_u8(&states, state(s, tl_get_u64(c)));
	tl_put_u32(&b, ID_STATE_INFO);
	tl_put_u64(&b, msg_id);
	tl_put_bytes(&b, states.data, states.len);
	if (!states.err)
		answer(s, &b, false, msg_id);
	else
		tl_buf_free(&b);
	tl_buf_free(&states);
}

/* Our messages by id, or the answers to theirs; when one is not known the states are told (D.47).
 */
static void resend(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c, bool answers)
{
	struct tl_cursor again = *c;
	uint32_t count = ids(c);
	bool all = true;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t id = tl_get_u64(c);
		struct sb_received *r = answers ? sb_session_received(s, id) : NULL;
		struct sb_sent *m = sb_out_find(s, answers ? (r ? r->answer : 0) : id);

		if (m && m->body)
			sb_out_again(s, m);
		else
			all = false;
	}
	if (!all)
		state_info(s, msg_id, &again);
}

static void destroy_session(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c)
{
	uint64_t id = tl_get_u64(c);
	struct sb_session *other = c->err ? NULL : sb_session_find(s->key, id);
	struct tl_buf b = {0};

	tl_put_u32(&b, other && other != s ? ID_DESTROY_SESSION_OK : ID_DESTROY_SESSION_NONE);
	tl_put_u64(&b, id);
	if (other && other != s)
		sb_session_free(other);
	answer(s, &b, false, msg_id);
}

static void destroy_key(struct sb_session *s, uint64_t msg_id)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_DESTROY_KEY_OK);
	answer(s, &b, false, msg_id);
	if (s->key->temp)
		sb_key_drop(s->net, s->key);
	else
		sb_auth_drop(s->net, s->key->auth);
}

/* rpc_drop_answer: an RPC of its own, so the answer stands in an rpc_result (D.52). */
static void drop_answer(struct sb_session *s, uint64_t msg_id, struct tl_cursor *c)
{
	uint64_t id = tl_get_u64(c);
	struct sb_received *r = c->err ? NULL : sb_session_received(s, id);
	struct sb_sent *m = r && r->answer ? sb_out_find(s, r->answer) : NULL;
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RPC_RESULT);
	tl_put_u64(&b, msg_id);
	if (sb_rpc_drop(s, id)) {
		tl_put_u32(&b, ID_ANSWER_DROPPED_RUNNING);
	} else if (m && !m->acked) {
		tl_put_u32(&b, ID_ANSWER_DROPPED);
		tl_put_u64(&b, m->msg_id);
		tl_put_u32(&b, m->seqno);
		tl_put_u32(&b, m->n);
		sb_out_acked(s, m->msg_id);
	} else {
		tl_put_u32(&b, ID_ANSWER_UNKNOWN);
	}
	answer(s, &b, true, msg_id);
}

bool sb_service_message(struct sb_session *s, uint64_t msg_id, const uint8_t *body, size_t n)
{
	struct tl_cursor c = tl_cursor(body, n);
	uint32_t count;

	switch (tl_get_u32(&c)) {
	case ID_MSGS_ACK:
		count = ids(&c);
		for (uint32_t i = 0; i < count; i++)
			sb_out_acked(s, tl_get_u64(&c));
		return true;
	case ID_PING:
		pong(s, msg_id, &c, false);
		return true;
	case ID_PING_DELAY:
		pong(s, msg_id, &c, true);
		return true;
	case ID_GET_FUTURE_SALTS:
		future_salts(s, msg_id, &c);
		return true;
	case ID_STATE_REQ:
		state_info(s, msg_id, &c);
		return true;
	case ID_RESEND_REQ:
		resend(s, msg_id, &c, false);
		return true;
	case ID_RESEND_ANS_REQ:
		resend(s, msg_id, &c, true);
		return true;
	case ID_DESTROY_SESSION:
		destroy_session(s, msg_id, &c);
		return true;
	case ID_DESTROY_KEY:
		destroy_key(s, msg_id);
		return true;
	case ID_DROP_ANSWER:
		drop_answer(s, msg_id, &c);
		return true;
	case ID_STATE_INFO:
	case ID_ALL_INFO:
	case ID_DETAILED_INFO:
	case ID_NEW_DETAILED_INFO:
	case ID_HTTP_WAIT: /* there is no HTTP here: nothing waits */
		return true;
	default:
		return false;
	}
}
