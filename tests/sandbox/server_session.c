/* What comes from the client: the envelope, and every check that a real server makes
 * (core.telegram.org/mtproto/description, service_messages_about_messages; PROTOCOL D seen from the
 * server). Owned by net. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define ID_CONTAINER 0x73f1f8dcu
#define ID_GZIP 0x3072cfa1u
#define ID_MSG_COPY 0xe06046b2u
#define ID_MSGS_ACK 0x62d6b459u
#define ID_BAD_MSG 0xa7eff811u
#define ID_BAD_SALT 0xedab447bu
#define ID_NEW_SESSION 0x9ec20908u

#define BAD_LOW 16
#define BAD_HIGH 17
#define BAD_BITS 18
#define BAD_CONTAINER_ID 19
#define BAD_OLD 20
#define BAD_SEQ_LOW 32
#define BAD_SEQ_HIGH 33
#define BAD_SEQ_ODD 34
#define BAD_SEQ_EVEN 35
#define BAD_SALT 48
#define BAD_CONTAINER 64

#define NOT_FOUND (-404)
#define PLAIN_HEAD 20    /* of an unencrypted message */
#define ENVELOPE_HEAD 24 /* auth_key_id, msg_key */
#define INNER_HEAD 32    /* salt to length */

/* ---- sessions -------------------------------------------------------------------------------- */
struct sb_session *sb_session_find(struct sb_key *k, uint64_t id)
{
	for (struct sb_session *s = k->sessions; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

static struct sb_session *session_new(struct sb_net *n, struct sb_key *k, uint64_t id)
{
	struct sb_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->received = calloc(SB_RECEIVED, sizeof *s->received);
	if (!s->received) {
		free(s);
		return NULL;
	}
	if (k->session_count >= SB_MAX_SESSIONS) {
		struct sb_session *oldest = k->sessions;

		for (struct sb_session *o = k->sessions; o; o = o->next)
			if (o->active < oldest->active)
				oldest = o;
		sb_session_free(oldest);
	}
	s->net = n;
	s->key = k;
	s->id = id;
	s->unique_id = sb_rand(n->s);
	s->next = k->sessions;
	k->sessions = s;
	k->session_count++;
	return s;
}

static bool online(const struct sb_auth *a)
{
	for (struct sb_key *k = sb_key_first(a); k; k = k->sibling)
		for (struct sb_session *s = k->sessions; s; s = s->next)
			if (s->conn)
				return true;
	return false;
}

void sb_session_detach(struct sb_session *s)
{
	struct sb_session **pp;

	if (!s->conn)
		return;
	for (pp = &s->conn->sessions; *pp && *pp != s; pp = &(*pp)->conn_next)
		;
	if (*pp)
		*pp = s->conn_next;
	s->conn = NULL;
	if (!online(s->key->auth) && s->net->s->world)
		sb_world_online(s->net->s->world, s->key->auth, false);
}

static void attach(struct sb_session *s, struct sb_conn *c)
{
	bool was = online(s->key->auth);

	if (s->conn == c)
		return;
	if (s->conn) { /* moves, and with it all that is not acked */
		struct sb_session **pp = &s->conn->sessions;

		while (*pp && *pp != s)
			pp = &(*pp)->conn_next;
		if (*pp)
			*pp = s->conn_next;
	}
	s->conn = c;
	s->conn_next = c->sessions;
	c->sessions = s;
	sb_out_moved(s);
	if (!was)
		sb_world_online(s->net->s->world, s->key->auth, true);
}

void sb_session_free(struct sb_session *s)
{
	struct sb_session **pp = &s->key->sessions;

	sb_session_detach(s);
	while (*pp && *pp != s)
		pp = &(*pp)->next;
	if (*pp)
		*pp = s->next;
	s->key->session_count--;
	sb_rpc_session_gone(s);
	sb_out_free(s);
	free(s->received);
	free(s);
}

void sb_session_tick(struct sb_session *s, int64_t now)
{
	if (!s->conn && now - s->active > SB_SESSION_SECONDS * NS) {
		sb_session_free(s);
		return;
	}
	sb_out_tick(s, now);
	sb_rpc_tick(s, now);
}

/* ---- receipts -------------------------------------------------------------------------------- */
/* First entry whose msg_id is not below. */
static unsigned position(const struct sb_session *s, uint64_t msg_id)
{
	unsigned lo = 0, hi = s->received_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (s->received[mid].msg_id < msg_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct sb_received *sb_session_received(struct sb_session *s, uint64_t msg_id)
{
	unsigned i = position(s, msg_id);

	return i < s->received_count && s->received[i].msg_id == msg_id ? &s->received[i] : NULL;
}

void sb_session_unreceive(struct sb_session *s, uint64_t msg_id)
{
	struct sb_received *r = sb_session_received(s, msg_id);
	size_t i;

	sb_out_unack(s, msg_id);
	if (!r)
		return;
	i = (size_t)(r - s->received);
	memmove(r, r + 1, (s->received_count - i - 1) * sizeof *r);
	s->received_count--;
}

static void record(struct sb_session *s, uint64_t msg_id, uint32_t seqno, enum sb_receipt state)
{
	unsigned i;

	if (s->received_count == SB_RECEIVED) { /* a quarter at once: moving is dear */
		s->received_count -= SB_RECEIVED / 4;
		s->trimmed = true;
		memmove(s->received, s->received + SB_RECEIVED / 4,
			s->received_count * sizeof *s->received);
	}
	i = position(s, msg_id);
	memmove(s->received + i + 1, s->received + i,
		(s->received_count - i) * sizeof *s->received);
	s->received[i] = (struct sb_received){.msg_id = msg_id, .seqno = seqno, .state = state};
	s->received_count++;
}

/* ---- refusals -------------------------------------------------------------------------------- */
void sb_session_bad_msg(struct sb_session *s, uint64_t msg_id, uint32_t seqno, int code)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, code == BAD_SALT ? ID_BAD_SALT : ID_BAD_MSG);
	tl_put_u64(&b, msg_id);
	tl_put_u32(&b, seqno);
	tl_put_u32(&b, (uint32_t)code);
	if (code == BAD_SALT)
		tl_put_u64(&b, sb_salt_at(s->key, sb_now(s->net->s), 0).salt);
	if (!b.err)
		sb_out_add(s, b.data, b.len, false, msg_id);
	tl_buf_free(&b);
	s->net->count.bad_msg++;
}

/* Order of message ids and numbers against the neighbours: 0 or a code. What was accepted is in
 * order, so two comparisons do. */
static int check_seqno(const struct sb_session *s, uint64_t msg_id, uint32_t seqno)
{
	unsigned i = position(s, msg_id);

	if (i > 0 &&
	    (s->received[i - 1].seqno > seqno || (s->received[i - 1].seqno == seqno && seqno % 2)))
		return BAD_SEQ_LOW;
	if (i < s->received_count &&
	    (s->received[i].seqno < seqno || (s->received[i].seqno == seqno && seqno % 2)))
		return BAD_SEQ_HIGH;
	return 0;
}

static int check_time(const struct sb_session *s, uint64_t msg_id)
{
	int64_t at = (int64_t)(msg_id >> 32), now = sb_now(s->net->s) / NS;

	if (msg_id % 4)
		return BAD_BITS;
	if (at < now - SB_PAST_SECONDS)
		return BAD_LOW;
	if (at > now + SB_FUTURE_SECONDS)
		return BAD_HIGH;
	return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */
/* A message that was received before: the kept answer goes again, nothing is executed (D.12). */
static void repeat(struct sb_session *s, const struct sb_received *r, const uint8_t *body, size_t n)
{
	s->net->count.replayed++;
	if (r->state == SB_PLAIN && sb_service_message(s, r->msg_id, body, n))
		return; /* pings, salts, states: harmless and their answers are not kept */
	if (r->seqno % 2)
		sb_out_ack(s, r->msg_id);
	if (r->answer) {
		struct sb_sent *m = sb_out_find(s, r->answer);

		if (m)
			sb_out_again(s, m);
	}
}

/* msg_container: the inner messages in order; a violation ends it, those before stay valid. */
static void container(struct sb_session *s, uint64_t outer, uint32_t seqno, const uint8_t *body,
		      size_t n)
{
	struct tl_cursor c = tl_cursor(body + 4, n - 4);
	uint32_t count = tl_get_u32(&c);

	if (c.err || count > SB_MAX_CONTAINER) {
		sb_session_bad_msg(s, outer, seqno, BAD_CONTAINER);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint64_t msg_id = tl_get_u64(&c);
		uint32_t inner_seqno = tl_get_u32(&c);
		uint32_t bytes = tl_get_u32(&c);
		const uint8_t *inner = bytes % 4 ? NULL : tl_get(&c, bytes);

		if (!inner || msg_id >= outer) {
			sb_session_bad_msg(s, outer, seqno, BAD_CONTAINER);
			return;
		}
		sb_session_message(s, msg_id, inner_seqno, inner, bytes, 1);
		if (!s->conn || s->conn->dead || s->key->dropped)
			return;
	}
}

static uint32_t number(const uint8_t *body, size_t n)
{
	struct tl_cursor c = tl_cursor(body, n);

	return tl_peek_u32(&c);
}

static void deliver(struct sb_session *s, uint64_t msg_id, uint32_t seqno, const uint8_t *body,
		    size_t n)
{
	if (number(body, n) == ID_CONTAINER) {
		container(s, msg_id, seqno, body, n);
		return;
	}
	if (seqno % 2 && number(body, n) != ID_MSGS_ACK)
		sb_out_ack(s, msg_id);
	if (!sb_service_message(s, msg_id, body, n))
		sb_rpc(s, msg_id, body, n);
}

static void new_session(struct sb_session *s, uint64_t first)
{
	struct tl_buf b = {0};

	s->created_msg_id = first;
	tl_put_u32(&b, ID_NEW_SESSION);
	tl_put_u64(&b, first);
	tl_put_u64(&b, s->unique_id);
	tl_put_u64(&b, sb_salt_at(s->key, sb_now(s->net->s), 0).salt);
	if (!b.err)
		sb_out_add(s, b.data, b.len, true, 0);
	tl_buf_free(&b);
}

/* The code with which this message is refused, 0 = none. */
static int check_message(struct sb_session *s, uint64_t msg_id, uint32_t seqno, uint32_t id,
			 int depth)
{
	int code;

	if (msg_id % 4)
		return BAD_BITS;
	if (depth && id == ID_CONTAINER)
		return BAD_CONTAINER;
	/* the oldest are forgotten: nobody can tell any more */
	if (s->trimmed && msg_id < s->received[0].msg_id)
		return BAD_OLD;
	code = check_seqno(s, msg_id, seqno);
	if (code)
		return code;
	/* an odd msgs_ack is wrong, but mtcute sends it and real servers take it */
	if (id == ID_CONTAINER && seqno % 2)
		return BAD_SEQ_ODD;
	if (id != ID_CONTAINER && seqno % 2 == 0 && !sb_is_service(id))
		return BAD_SEQ_EVEN;
	return 0;
}

/* One message, bare (depth 0) or out of a container. */
void sb_session_message(struct sb_session *s, uint64_t msg_id, uint32_t seqno, const uint8_t *body,
			size_t n, int depth)
{
	struct sb_received *r = sb_session_received(s, msg_id);
	struct tl_buf unzipped = {0};
	int code;

	if (number(body, n) == ID_MSG_COPY && n > 20) { /* the message inside, with its own id */
		struct tl_cursor c = tl_cursor(body + 4, n - 4);

		msg_id = tl_get_u64(&c);
		seqno = tl_get_u32(&c);
		if (tl_get_u32(&c) == tl_left(&c) && depth < 2)
			sb_session_message(s, msg_id, seqno, c.p, tl_left(&c), depth + 2);
		return;
	}
	if (number(body, n) == ID_GZIP) {
		struct tl_cursor c = tl_cursor(body + 4, n - 4);
		struct tl_str packed = tl_get_bytes(&c);

		/* what cannot be unpacked stays as it is: an unknown method */
		if (!c.err && !mt_gunzip(packed.data, packed.len, &unzipped) &&
		    number(unzipped.data, unzipped.len) != ID_GZIP) {
			body = unzipped.data;
			n = unzipped.len;
		}
	}
	if (r && number(body, n) == ID_CONTAINER && r->state != SB_CONTAINER) {
		sb_session_bad_msg(s, msg_id, seqno, BAD_CONTAINER_ID);
	} else if (r && r->state != SB_CONTAINER) {
		repeat(s, r, body, n);
	} else if (r) { /* the same container again: its messages are known one by one */
		container(s, msg_id, seqno, body, n);
	} else {
		code = check_message(s, msg_id, seqno, number(body, n), depth);
		if (code) {
			sb_session_bad_msg(s, msg_id, seqno, code);
		} else {
			record(s, msg_id, seqno,
			       number(body, n) == ID_CONTAINER ? SB_CONTAINER : SB_PLAIN);
			if (!s->created_msg_id)
				new_session(s, msg_id);
			deliver(s, msg_id, seqno, body, n);
		}
	}
	tl_buf_free(&unzipped);
}

/* ---- packets --------------------------------------------------------------------------------- */
static void plain_packet(struct sb_conn *c, const uint8_t *data, size_t n)
{
	struct sb_net *net = c->net;
	struct tl_cursor in = tl_cursor(data + 8, n - 8);
	struct tl_buf answer = {0}, out = {0};
	uint64_t now = (uint64_t)sb_now(net->s);
	uint32_t len;
	int code = NOT_FOUND;

	tl_get_u64(&in);
	len = tl_get_u32(&in);
	if (!in.err && len >= 4 && len % 4 == 0 && len <= tl_left(&in))
		code = sb_handshake_feed(c, in.p, len, &answer);
	if (code) {
		sb_conn_error(c, code);
	} else if (answer.len) {
		tl_put_u64(&out, 0);
		tl_put_u64(&out, (now / NS) << 32 | (((now % NS) << 32) / NS & ~3ull) | 1);
		tl_put_u32(&out, (uint32_t)answer.len);
		tl_put(&out, answer.data, answer.len);
		if (!out.err)
			sb_conn_packet_out(c, out.data, out.len);
	}
	tl_buf_free(&answer);
	tl_buf_free(&out);
}

/* Envelope-level faults and checks; true = the message may be read. */
static bool admit(struct sb_session *s, const struct mt_header *h)
{
	struct sb_net *n = s->net;
	int64_t user = s->key->auth->user_id;
	struct sb_fault *f;
	int code;

	if (sb_wire_hit(n, SB_BAD_SALT, SB_IN, s->key->dc, user, NULL))
		s->key->salt_epoch++;
	if (!sb_salt_valid(s->key, sb_now(n->s), h->salt)) {
		sb_session_bad_msg(s, h->msg_id, h->seqno, BAD_SALT);
		return false;
	}
	f = sb_wire_hit(n, SB_BAD_MSG, SB_IN, s->key->dc, user, NULL);
	code = f ? f->code : 0;
	if (!code && !sb_session_received(s, h->msg_id))
		code = check_time(s, h->msg_id);
	if (code)
		sb_session_bad_msg(s, h->msg_id, h->seqno, code);
	return !code;
}

/* The first word of the hash whose middle is the msg_key (C.20). */
static void quick_ack_token(struct sb_conn *c, const struct sb_key *k, const uint8_t *body,
			    size_t packet)
{
	uint8_t large[32];
	uint32_t token;

	mt_sha256(large, k->key.key + 88, 32, body - INNER_HEAD,
		  (packet - ENVELOPE_HEAD) & ~(size_t)15);
	memcpy(&token, large, 4);
	if (mt_link_send_quick_ack(c->link, token | 0x80000000u))
		sb_conn_close(c);
}

void sb_session_packet(struct sb_conn *c, const uint8_t *data, size_t n, bool quick_ack)
{
	static const uint8_t zero[8];
	struct sb_net *net = c->net;
	struct sb_key *k;
	struct sb_session *s;
	struct mt_header h;
	struct tl_buf plain = {0};
	const uint8_t *body;
	size_t len;

	if (n >= PLAIN_HEAD && !memcmp(data, zero, 8)) {
		plain_packet(c, data, n);
		return;
	}
	k = n >= 8 ? sb_key_find(net, data) : NULL;
	if (k && k->dc == c->dc &&
	    sb_wire_hit(net, SB_FORGET_KEY, SB_IN, c->dc, k->auth->user_id, NULL)) {
		sb_auth_drop(net, k->auth);
		k = NULL;
	}
	if (!k || k->dc != c->dc ||
	    mt_open(&k->key, MT_TO_SERVER, data, n, &plain, &h, &body, &len) || !h.session) {
		net->count.bad_packets++;
		sb_conn_error(c, NOT_FOUND);
		tl_buf_free(&plain);
		return;
	}
	if (quick_ack)
		quick_ack_token(c, k, body, n);
	s = sb_session_find(k, h.session);
	if (!s)
		s = session_new(net, k, h.session);
	if (s) {
		s->active = k->auth->active = sb_now(net->s);
		c->user_seen = k->auth->user_id;
		attach(s, c);
		k->busy++;
		if (admit(s, &h))
			sb_session_message(s, h.msg_id, h.seqno, body, len, 0);
		sb_key_idle(net, k);
	}
	tl_buf_free(&plain);
}
