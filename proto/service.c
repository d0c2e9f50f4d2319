/* Service messages: what the server says about messages, salts and sessions, and what follows from
 * it. Everything here comes from outside: what cannot be read or was not asked for is passed over.
 * core.telegram.org/mtproto/service_messages; checks D.20-D.49, D.64, D.67. */
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

struct id_list { /* a boxed vector of longs, as it lies in the message */
	struct tl_cursor at;
	uint32_t n;
};

static struct id_list get_ids(struct tl_cursor *cur)
{
	struct id_list l = {.n = 0};
	uint32_t n;

	if (tl_get_u32(cur) != WIRE_VECTOR)
		tl_fail(cur, -TG_E_WIRE);
	n = tl_get_u32(cur);
	if (cur->err || n > MT_IDS || n > tl_left(cur) / 8) {
		tl_fail(cur, -TG_E_WIRE);
		return l;
	}
	l.n = n;
	l.at = tl_cursor(tl_get(cur, (size_t)n * 8), (size_t)n * 8);
	return l;
}

/* ---- what became of our messages ------------------------------------------------------------- */

static void take_acks(struct mt_client *c, struct tl_cursor *cur)
{
	struct id_list l = get_ids(cur);

	for (; l.n; l.n--) {
		struct mt_query *q = mt_query_by_msg_id(c, tl_get_u64(&l.at));

		if (q)
			q->acked = true; /* it arrived; the answer may still be lost (D.43) */
	}
}

static void take_state(struct mt_client *c, uint64_t msg_id, uint8_t state)
{
	struct mt_query *q = mt_query_by_msg_id(c, msg_id);

	if (!q)
		return;
	switch (state & 7) {
	case 1: /* nothing is known about it */
		mt_query_again_or_fail(c, q);
		break;
	case 2:
	case 3: /* not received */
		q->sent = false;
		mt_query_requeue(c, q);
		break;
	case 4:
		q->acked = true;
		break;
	}
}

static void take_state_info(struct mt_client *c, struct tl_cursor *cur)
{
	uint64_t asked = tl_get_u64(cur);
	struct tl_str info = tl_get_bytes(cur);

	for (unsigned i = 0; i < MT_STATE_ASKS && !cur->err && asked; i++) {
		struct mt_state_ask *a = &c->asks[i];

		if (a->msg_id != asked || a->n != info.len)
			continue;
		for (size_t j = a->n; j--;) /* from the end: requeued ones go to the front */
			take_state(c, a->ids[j], (uint8_t)info.data[j]);
		free(a->ids);
		*a = (struct mt_state_ask){0, NULL, 0};
	}
}

static void take_all_info(struct mt_client *c, struct tl_cursor *cur)
{
	struct id_list l = get_ids(cur);
	struct tl_str info = tl_get_bytes(cur);

	if (cur->err || info.len != l.n)
		return;
	for (uint32_t i = 0; i < l.n; i++)
		take_state(c, tl_get_u64(&l.at), (uint8_t)info.data[i]);
}

/* ---- what became of theirs ------------------------------------------------------------------- */

static uint8_t state_of(const struct mt_client *c, uint64_t msg_id)
{
	const struct mt_window *w = &c->session.window;

	if (mt_window_look(w, MT_WINDOW_IDS, msg_id) == MT_DUPLICATE)
		return 4;
	if (!w->n || msg_id > w->ids[w->n - 1])
		return 3;
	return msg_id < w->ids[0] ? 1 : 2;
}

/* D.44; to a request for messages that are gone as well (D.47). */
static void say_states(struct mt_client *c, uint64_t asked, struct id_list l, bool ours)
{
	struct tl_buf body = {.len = 0}, info = {.len = 0};

	for (; l.n; l.n--) {
		uint64_t msg_id = tl_get_u64(&l.at);

		tl_put_u8(&info, ours ? 1 : state_of(c, msg_id));
	}
	tl_put_u32(&body, WIRE_MSGS_STATE_INFO);
	tl_put_u64(&body, asked);
	tl_put_bytes(&body, info.data, info.len);
	if (!info.err)
		mt_outbox_say(c, false, &body);
	tl_buf_free(&info);
	tl_buf_free(&body);
}

static void take_state_req(struct mt_client *c, const struct mt_incoming *in, struct tl_cursor *cur)
{
	struct id_list l = get_ids(cur);

	if (!cur->err)
		say_states(c, in->msg_id, l, false);
}

static void take_resend_req(struct mt_client *c, const struct mt_incoming *in,
			    struct tl_cursor *cur)
{
	struct id_list l = get_ids(cur), again = l;
	bool found = false;

	for (; l.n; l.n--) {
		struct mt_query *q = mt_query_by_msg_id(c, tl_get_u64(&l.at));

		if (!q)
			continue;
		found = true;
		q->sent = false; /* it has not got it */
		mt_query_requeue(c, q);
	}
	if (!found && again.n)
		say_states(c, in->msg_id, again, true);
}

static void take_detailed(struct mt_client *c, const struct mt_incoming *in, struct tl_cursor *cur)
{
	struct tl_buf body = {.len = 0};
	uint64_t answer = tl_get_u64(cur);

	if (cur->err)
		return;
	if (mt_window_look(&c->session.window, MT_WINDOW_IDS, answer) == MT_DUPLICATE) {
		mt_outbox_ack(c, answer, in->now);
		return;
	}
	tl_put_u32(&body, WIRE_MSG_RESEND_REQ);
	tl_put_u32(&body, WIRE_VECTOR);
	tl_put_u32(&body, 1);
	tl_put_u64(&body, answer);
	mt_outbox_say(c, false, &body);
	tl_buf_free(&body);
}

/* ---- salts ----------------------------------------------------------------------------------- */

static int salt_order(const void *a, const void *b)
{
	const struct mt_salt *x = a, *y = b;

	return (x->valid_since > y->valid_since) - (x->valid_since < y->valid_since);
}

static bool by_request(struct mt_client *c, uint64_t msg_id, const uint8_t *body, size_t n)
{
	struct mt_query *q = mt_query_by_msg_id(c, msg_id);

	if (!q)
		return false;
	mt_query_answer(c, q, MT_EV_RESULT, 0, body, n, NULL);
	return true;
}

static void take_salts(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		       size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	uint64_t asked = (tl_get_u32(&cur), tl_get_u64(&cur));
	int64_t server = (int64_t)tl_get_u32(&cur) * NS;
	uint32_t count = tl_get_u32(&cur);
	struct mt_salts got = {.n = 0};

	if (cur.err || count > tl_left(&cur) / 16 || by_request(c, asked, body, n))
		return;
	if (!asked || asked != c->salts_msg_id)
		return;
	c->salts_msg_id = 0;
	for (; count && got.n < MT_SALTS; count--) {
		struct mt_salt s;

		s.valid_since = (int32_t)tl_get_u32(&cur);
		s.valid_until = (int32_t)tl_get_u32(&cur);
		s.salt = tl_get_u64(&cur);
		if (s.valid_since >= 0 && s.valid_since < s.valid_until)
			got.v[got.n++] = s;
	}
	mt_clock_seen(&c->clock, in->now, server);
	qsort(got.v, got.n, sizeof got.v[0], salt_order);
	if (!mt_salts_pick(&got, mt_clock_now(&c->clock, in->now) / NS, 0))
		return; /* nothing for now: what there is goes on */
	c->salts = got;
	mt_client_tell_salts(c);
}

static void new_salt(struct mt_client *c, uint64_t salt)
{
	if (c->salts.n == 1 && c->salts.v[0].salt == salt)
		return;
	mt_salts_only(&c->salts, salt);
	mt_client_tell_salts(c);
}

/* ---- corrections (D.22, D.28-D.30) ----------------------------------------------------------- */

enum bad_code {
	BAD_ID_LOW = 16,
	BAD_ID_HIGH = 17,
	BAD_ID_PARITY = 18,
	BAD_CONTAINER_ID = 19,
	BAD_TOO_OLD = 20,
	BAD_SEQNO_LOW = 32,
	BAD_SEQNO_HIGH = 33,
	BAD_SEQNO_EVEN = 34,
	BAD_SEQNO_ODD = 35,
	BAD_SALT = 48,
	BAD_CONTAINER = 64,
};

bool mt_service_is_correction(struct mt_client *c, const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	uint32_t number = tl_get_u32(&cur), code;
	uint64_t about = tl_get_u64(&cur);

	tl_get_u32(&cur);
	code = tl_get_u32(&cur);
	if (cur.err || (number != WIRE_BAD_MSG_NOTIFICATION && number != WIRE_BAD_SERVER_SALT))
		return false;
	return (code == BAD_ID_LOW || code == BAD_ID_HIGH || code == BAD_SALT) &&
	       mt_outbox_known(c, about);
}

/* The server did not take a query: again under a new id, but not for ever (D.30). */
static void repeat_refused(struct mt_client *c, struct mt_query *q, bool own_bug)
{
	bool hopeless = own_bug && ++q->bugs > MT_OWN_BUG_RESENDS;

	q->sent = false;
	if (++q->bad > MT_BAD_RESENDS) {
		hopeless |= q->guarded;
		q->guarded = true;
		q->bad = 0;
		c->renew = true;
		mt_client_close(c, true);
	}
	if (hopeless)
		mt_query_fail(c, q, -TG_E_TRANSPORT);
	else
		mt_query_requeue(c, q);
}

/* Too old for the server to know whether it came: what must not be done twice is asked after. */
static void repeat_unclear(struct mt_client *c, struct mt_query *q)
{
	if (q->flags & MT_QUERY_ONCE) {
		q->asked = false;
		c->want_state = true;
	} else {
		repeat_refused(c, q, false);
	}
}

static void repeat_one(struct mt_client *c, struct mt_query *q, uint32_t code)
{
	switch (code) {
	case BAD_SALT:
		q->sent = false;
		mt_query_requeue(c, q);
		break;
	case BAD_TOO_OLD:
		repeat_unclear(c, q);
		break;
	case BAD_CONTAINER:
		q->alone = true;
		repeat_refused(c, q, false);
		break;
	case BAD_ID_LOW:
	case BAD_ID_HIGH:
	case BAD_SEQNO_LOW:
	case BAD_SEQNO_HIGH:
		repeat_refused(c, q, false);
		break;
	default: /* a bug of ours, or a code that nobody knows */
		repeat_refused(c, q, true);
		break;
	}
}

static void repeat_all(struct mt_client *c, uint64_t about, uint32_t code)
{
	for (size_t i = c->flight.n; i--;) {
		struct mt_query *q = c->flight.v[i];

		if (q->msg_id == about || q->outer == about)
			repeat_one(c, q, code);
	}
}

/* With the clock ahead every id from the server's future was refused, each will be told. */
static void refuse_future(struct mt_client *c, int64_t server)
{
	for (size_t i = 0; i < c->flight.n; i++)
		if (mt_msgid_time(c->flight.v[i]->msg_id) > server + MT_OUTBOUND_FUTURE * NS)
			c->flight.v[i]->sent = false;
}

static void take_bad(struct mt_client *c, const struct mt_incoming *in, struct tl_cursor *cur,
		     bool with_salt)
{
	uint64_t about = tl_get_u64(cur), salt;
	uint32_t code = (tl_get_u32(cur), tl_get_u32(cur));
	int64_t server = mt_msgid_time(in->msg_id);

	salt = with_salt ? tl_get_u64(cur) : 0;
	if (cur->err || !mt_outbox_known(c, about))
		return;
	if (with_salt) {
		code = BAD_SALT;
		new_salt(c, salt);
	} else if (code == BAD_SALT) {
		code = 0; /* without a salt it says nothing */
	}
	mt_client_correction(c, about, in->now);
	switch (code) {
	case BAD_ID_LOW:
	case BAD_ID_HIGH:
		mt_clock_set(&c->clock, in->now, server);
		if (code == BAD_ID_LOW)
			break;
		refuse_future(c, server);
		c->renew = true;
		break;
	case BAD_ID_PARITY:
	case BAD_CONTAINER_ID:
	case BAD_SEQNO_LOW:
	case BAD_SEQNO_HIGH:
	case BAD_SEQNO_EVEN:
	case BAD_SEQNO_ODD:
		c->renew = true;
		break;
	default:
		break;
	}
	mt_outbox_repeat_asks(c);
	repeat_all(c, about, code);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* The server lost our context: what it had not answered is gone with it (D.48). */
static void take_new_session(struct mt_client *c, struct tl_cursor *cur)
{
	uint64_t first = tl_get_u64(cur), unique = tl_get_u64(cur), salt = tl_get_u64(cur);

	if (cur->err || unique == c->new_session_seen)
		return;
	c->new_session_seen = unique;
	new_salt(c, salt);
	if (c->inited_by < first)
		c->inited = false;
	for (size_t i = c->flight.n; i--;) {
		if (c->flight.v[i]->outer < first)
			mt_query_again_or_fail(c, c->flight.v[i]);
	}
	mt_event_say(c, MT_EV_NEW_SESSION, 0, NULL, 0);
}

static void take_pong(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		      size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	uint64_t about = (tl_get_u32(&cur), tl_get_u64(&cur)), ping_id = tl_get_u64(&cur);

	if (cur.err)
		return;
	if (ping_id && ping_id == c->ping_id) {
		c->rtt = in->now.boot - c->ping_sent;
		c->ping_id = 0;
	} else {
		(void)by_request(c, about, body, n);
	}
}

/* Answers that name no request: the oldest query of that method gets it, and of destroy_session the
 * one that named that session: the client's own are no queries (D.53). */
static void by_method(struct mt_client *c, uint32_t method, const uint8_t *body, size_t n)
{
	struct tl_cursor answer = tl_cursor(body, n);
	uint64_t session = (tl_get_u32(&answer), tl_get_u64(&answer));

	for (size_t i = 0; i < c->flight.n; i++) {
		struct tl_cursor cur = tl_cursor(c->flight.v[i]->body, c->flight.v[i]->n);

		if (tl_get_u32(&cur) != method)
			continue;
		if (method == WIRE_DESTROY_SESSION && tl_get_u64(&cur) != session)
			continue;
		mt_query_answer(c, c->flight.v[i], MT_EV_RESULT, 0, body, n, NULL);
		return;
	}
}

bool mt_service_take(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		     size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);

	switch (tl_get_u32(&cur)) {
	case WIRE_MSGS_ACK:
		take_acks(c, &cur);
		return true;
	case WIRE_BAD_SERVER_SALT:
		take_bad(c, in, &cur, true);
		return true;
	case WIRE_BAD_MSG_NOTIFICATION:
		take_bad(c, in, &cur, false);
		return true;
	case WIRE_NEW_SESSION_CREATED:
		take_new_session(c, &cur);
		return true;
	case WIRE_PONG:
		take_pong(c, in, body, n);
		return true;
	case WIRE_FUTURE_SALTS:
		take_salts(c, in, body, n);
		return true;
	case WIRE_MSGS_STATE_REQ:
		take_state_req(c, in, &cur);
		return true;
	case WIRE_MSGS_STATE_INFO:
		take_state_info(c, &cur);
		return true;
	case WIRE_MSGS_ALL_INFO:
		take_all_info(c, &cur);
		return true;
	case WIRE_MSG_DETAILED_INFO:
		tl_get_u64(&cur);
		take_detailed(c, in, &cur);
		return true;
	case WIRE_MSG_NEW_DETAILED_INFO:
		take_detailed(c, in, &cur);
		return true;
	case WIRE_MSG_RESEND_REQ:
		take_resend_req(c, in, &cur);
		return true;
	case WIRE_DESTROY_SESSION_OK:
	case WIRE_DESTROY_SESSION_NONE:
		by_method(c, WIRE_DESTROY_SESSION, body, n);
		return true;
	case WIRE_DESTROY_AUTH_KEY_OK:
	case WIRE_DESTROY_AUTH_KEY_NONE:
	case WIRE_DESTROY_AUTH_KEY_FAIL:
		by_method(c, WIRE_DESTROY_AUTH_KEY, body, n);
		return true;
	}
	return false;
}
