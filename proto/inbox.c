/* What comes in: packets are opened, checked in the order of D.10, and taken apart: containers,
 * copies, gzip. What is no service message goes to the caller as an update. Owns nothing.
 * core.telegram.org/mtproto/security_guidelines; checks A.27-A.46, B.11-B.16, D.10-D.14, D.36. */
#include "proto/client.h"

#include <string.h>

#define OUT_OF_TIME 3 /* messages in a row; then it is our clock that is wrong */

static void dispatch(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		     size_t n);

static void unreadable(struct mt_client *c)
{
	mt_event_say(c, MT_EV_UNREADABLE, 0, NULL, 0);
}

static uint32_t number_of(const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);

	return tl_peek_u32(&cur);
}

/* ---- gzip ------------------------------------------------------------------------------------ */

int mt_inbox_unzip(const uint8_t *body, size_t n, size_t *left, struct tl_buf *out)
{
	struct tl_cursor cur = tl_cursor(body, n);
	struct tl_str packed;
	int err;

	tl_get_u32(&cur);
	packed = tl_get_bytes(&cur);
	if (cur.err)
		return cur.err;
	if (!*left)
		return -TG_E_TOO_LARGE;
	err = mt_gunzip(packed.data, packed.len, out);
	if (!err && out->len > *left)
		err = -TG_E_TOO_LARGE;
	*left = err ? 0 : *left - out->len; /* a packet is not worth a second bomb */
	if (!err && number_of(out->data, out->len) == WIRE_GZIP_PACKED)
		err = -TG_E_WIRE_LIMIT;
	return err;
}

static void take_zipped(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
			size_t n)
{
	struct mt_incoming inner = *in;
	struct tl_buf out = {.len = 0};

	inner.zipped = true;
	inner.memory = &out;
	if (in->zipped || mt_inbox_unzip(body, n, &c->unzip_left, &out))
		unreadable(c);
	else
		dispatch(c, &inner, out.data, out.len);
	tl_buf_free(&out);
}

/* ---- messages in messages -------------------------------------------------------------------- */

/* An answer that is still waited for cannot be a repetition, however old its id. */
static bool is_awaited(struct mt_client *c, const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);

	return tl_get_u32(&cur) == WIRE_RPC_RESULT && mt_query_by_msg_id(c, tl_get_u64(&cur));
}

/* One message of a container or a copy: its own id counts, its time does not (D.12, D.14). */
static void take_inner(struct mt_client *c, const struct mt_incoming *outer, uint64_t msg_id,
		       uint32_t seqno, const uint8_t *body, size_t n)
{
	struct mt_incoming in = *outer;
	enum mt_verdict v = mt_window_look(&c->session.window, MT_WINDOW_IDS, msg_id);

	if (!(msg_id & 1))
		return;
	if (seqno & 1)
		mt_outbox_ack(c, msg_id, in.now);
	if (v == MT_DUPLICATE || (v == MT_TOO_OLD && !is_awaited(c, body, n)))
		return;
	mt_window_put(&c->session.window, MT_WINDOW_IDS, msg_id);
	in.msg_id = msg_id;
	in.contained = true;
	in.memory = NULL; /* it has company */
	dispatch(c, &in, body, n);
}

/* Reads one bare message and takes it; false: it is broken. */
static bool take_bare(struct mt_client *c, const struct mt_incoming *in, struct tl_cursor *cur)
{
	uint64_t msg_id = tl_get_u64(cur);
	uint32_t seqno = tl_get_u32(cur), n = tl_get_u32(cur);
	const uint8_t *body = n % 4 ? NULL : tl_get(cur, n);

	if (!body || cur->err)
		return false;
	take_inner(c, in, msg_id, seqno, body, n);
	return true;
}

static void take_container(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
			   size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	uint32_t count;

	tl_get_u32(&cur);
	count = tl_get_u32(&cur);
	if (in->contained || cur.err || count > MT_CONTAINER_IN || count > tl_left(&cur) / 16) {
		unreadable(c);
		return;
	}
	for (; count; count--) {
		if (!take_bare(c, in, &cur)) {
			unreadable(c); /* those before it were valid (D.36) */
			return;
		}
	}
}

static void take_copy(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		      size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	struct mt_incoming inner = *in;

	tl_get_u32(&cur);
	inner.copied = true;
	if (in->copied || !take_bare(c, &inner, &cur))
		unreadable(c);
}

static void dispatch(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		     size_t n)
{
	switch (number_of(body, n)) {
	case 0:
		unreadable(c);
		break;
	case WIRE_MSG_CONTAINER:
		take_container(c, in, body, n);
		break;
	case WIRE_MSG_COPY:
		take_copy(c, in, body, n);
		break;
	case WIRE_GZIP_PACKED:
		take_zipped(c, in, body, n);
		break;
	case WIRE_RPC_RESULT:
		mt_service_result(c, in, body, n);
		break;
	default:
		if (mt_service_take(c, in, body, n))
			break;
		if (in->memory && (in->zipped || n >= MT_GIVE_BYTES))
			mt_event_give(c, MT_EV_UPDATE, body, n, in->memory);
		else
			mt_event_say(c, MT_EV_UPDATE, 0, body, n);
		break;
	}
}

/* ---- packets --------------------------------------------------------------------------------- */

static void bad_packet(struct mt_client *c)
{
	if (++c->bad_packets >= MT_BAD_PACKETS)
		mt_client_close(c, true);
}

/* Messages are authentic but from another time: our clock is wrong, and nothing that has been
 * waited for will ever come. The next connection learns the time anew, in a new session. */
static void out_of_time(struct mt_client *c, struct mt_time now)
{
	if (++c->out_of_time < OUT_OF_TIME)
		return;
	c->out_of_time = 0;
	c->clock = (struct mt_clock){mt_clock_now(&c->clock, now) - now.real, false};
	c->renew = true;
	mt_client_close(c, true);
}

/* Something in it corrects our clock or salt, and cannot be in time for a clock that is wrong.
 * Refusals of several packets come together. */
static bool corrects(struct mt_client *c, const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);

	if (tl_get_u32(&cur) != WIRE_MSG_CONTAINER)
		return mt_service_is_correction(c, body, n);
	tl_get_u32(&cur);
	while (tl_left(&cur)) {
		uint32_t inner_n = (tl_get(&cur, 12), tl_get_u32(&cur));
		const uint8_t *inner = tl_get(&cur, inner_n);

		if (inner && mt_service_is_correction(c, inner, inner_n))
			return true;
	}
	return false;
}

/* A message's own checks; true: it is to be taken. */
static bool admit(struct mt_client *c, const struct mt_header *h, const uint8_t *body, size_t n,
		  struct mt_time now)
{
	enum mt_verdict v = mt_window_look(&c->session.window, MT_WINDOW_IDS, h->msg_id);
	bool correction;

	if (!(h->msg_id & 1) || mt_msgid_time(h->msg_id) > MT_TIME_MAX * NS)
		return false;
	if (v == MT_DUPLICATE) {
		if (h->seqno & 1)
			mt_outbox_ack(c, h->msg_id, now);
		return false;
	}
	correction = corrects(c, body, n);
	if (c->clock.known && !correction &&
	    !mt_msgid_in_time(h->msg_id, mt_clock_now(&c->clock, now))) {
		out_of_time(c, now);
		return false;
	}
	if (v == MT_TOO_OLD && !is_awaited(c, body, n)) {
		c->renew = true; /* D.12 */
		return false;
	}
	c->out_of_time = 0;
	if (!correction)
		mt_clock_seen(&c->clock, now, mt_msgid_time(h->msg_id));
	mt_window_put(&c->session.window, MT_WINDOW_IDS, h->msg_id);
	return true;
}

/* A message that is authentic. */
static void take_opened(struct mt_client *c, const struct mt_opening *o, struct mt_time now)
{
	struct mt_incoming in = {.now = now, .memory = o->out, .msg_id = o->h.msg_id};

	if (o->h.session != c->session.id) {
		if (o->h.session != c->session.previous)
			bad_packet(c);
		return;
	}
	c->bad_packets = 0;
	c->unzip_left = MT_UNZIP_BYTES;
	mt_client_verified(c);
	if (!admit(c, &o->h, o->body, o->body_n, now))
		return;
	if (o->h.seqno & 1)
		mt_outbox_ack(c, o->h.msg_id, now);
	dispatch(c, &in, o->body, o->body_n);
	mt_client_tell_time(c, now);
}

/* Opened together, which is much quicker; taken one after the other, as if each had come alone. */
static void take_sealed(struct mt_client *c, const struct mt_packet *v, unsigned count,
			struct mt_time now)
{
	struct mt_opening o[MT_LANES];

	for (unsigned i = 0; i < count; i++)
		o[i] = (struct mt_opening){.packet = v[i].data, .n = v[i].n, .out = &c->plain[i]};
	mt_open_lanes(&c->keys->session, MT_TO_CLIENT, o, count);
	for (unsigned i = 0; i < count && c->phase == MT_OPEN; i++) {
		if (o[i].err)
			bad_packet(c);
		else
			take_opened(c, &o[i], now);
	}
	for (unsigned i = 0; i < count; i++)
		if (c->plain[i].cap > MT_KEEP_BYTES)
			tl_buf_free(&c->plain[i]);
}

static bool is_plain(const struct mt_packet *p)
{
	static const uint8_t plain[8];

	return p->n >= sizeof plain && memcmp(p->data, plain, sizeof plain) == 0;
}

void mt_inbox_packets(struct mt_client *c, const struct mt_packet *v, unsigned count,
		      struct mt_time now)
{
	unsigned n;

	for (; count && (c->phase == MT_OPEN || c->phase == MT_EXCHANGE); v += n, count -= n) {
		for (n = 0; n < count && !is_plain(&v[n]); n++)
			;
		if (n && c->phase == MT_OPEN)
			take_sealed(c, v, n, now);
		if (!n) {
			mt_exchange_plain(c, v->data, v->n, now);
			n = 1;
		}
	}
}
