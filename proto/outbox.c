/* What goes out: acks, asks, answers and queries become messages, messages become one packet. Ids
 * and sequence numbers are given here, at the moment of sending (D.5). Owns the scratch buffers.
 * core.telegram.org/mtproto/service_messages and description; checks D.34-D.45, D.60-D.68. */
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

#define CONTAINER_HEAD 8 /* number and count */
#define MESSAGE_HEAD 16  /* msg_id, seqno, length */

struct packet { /* in c->pack: room for a container's head, then whole messages */
	unsigned count;
	bool closed;      /* takes no further message */
	bool quick;       /* one of its queries wants a quick ack */
	size_t flight_at; /* its first query in c->flight */
	size_t body_at;   /* of the message being written */
	uint64_t msg_id;  /* of the last message */
	uint32_t seqno;
};

bool mt_container_takes(unsigned count, size_t bytes, size_t next, size_t soft)
{
	return count == 0 || (count < MT_CONTAINER_MESSAGES && bytes < soft &&
			      bytes + next + MESSAGE_HEAD <= MT_CONTAINER_BYTES);
}

static bool takes(const struct mt_client *c, const struct packet *p, size_t next)
{
	return !p->closed && mt_container_takes(p->count, c->pack.len, next, MT_CONTAINER_SOFT);
}

static uint64_t draw_msg_id(struct mt_client *c, struct mt_time now)
{
	return mt_msgid_next(&c->session.last_msg_id, mt_clock_now(&c->clock, now));
}

static void remember(struct mt_client *c, uint64_t msg_id)
{
	c->recent[c->recent_at++ % MT_RECENT] = msg_id;
}

static void message_begin(struct mt_client *c, struct packet *p, bool content, struct mt_time now)
{
	p->msg_id = draw_msg_id(c, now);
	p->seqno = mt_session_seqno(&c->session, content);
	p->count++;
	tl_put_u64(&c->pack, p->msg_id);
	tl_put_u32(&c->pack, p->seqno);
	tl_put_u32(&c->pack, 0);
	p->body_at = c->pack.len;
}

static void message_end(struct mt_client *c, const struct packet *p)
{
	uint32_t n = (uint32_t)(c->pack.len - p->body_at);

	if (c->pack.err)
		return;
	for (int i = 0; i < 4; i++)
		c->pack.data[p->body_at - 4 + (unsigned)i] = (uint8_t)(n >> 8 * i);
}

/* A service message that is no content; its id is kept for D.28. */
static void service_begin(struct mt_client *c, struct packet *p, uint32_t number,
			  struct mt_time now)
{
	message_begin(c, p, false, now);
	remember(c, p->msg_id);
	tl_put_u32(&c->pack, number);
}

/* ---- what the session has to say ------------------------------------------------------------- */

void mt_outbox_ack(struct mt_client *c, uint64_t msg_id, struct mt_time now)
{
	size_t cap = c->acks_cap ? c->acks_cap * 2 : 16;
	uint64_t *acks = c->acks;

	if (c->acks_n == MT_IDS)
		return; /* not acked means that it comes again */
	if (c->acks_n == c->acks_cap) {
		acks = realloc(acks, cap * sizeof *acks);
		if (!acks)
			return;
		c->acks = acks;
		c->acks_cap = cap;
	}
	if (!c->acks_n)
		c->ack_at = now.boot + MT_ACK_DELAY;
	c->acks[c->acks_n++] = msg_id;
	if (c->acks_n >= MT_ACK_IDS)
		c->want_acks = true;
}

static void put_acks(struct mt_client *c, struct packet *p, struct mt_time now)
{
	if (!c->acks_n || !takes(c, p, 12 + 8 * c->acks_n))
		return;
	service_begin(c, p, WIRE_MSGS_ACK, now);
	tl_put_u32(&c->pack, WIRE_VECTOR);
	tl_put_u32(&c->pack, (uint32_t)c->acks_n);
	for (size_t i = 0; i < c->acks_n; i++)
		tl_put_u64(&c->pack, c->acks[i]);
	message_end(c, p);
	c->acks_n = 0;
	c->want_acks = false;
	c->ack_at = INT64_MAX;
}

static void put_ping(struct mt_client *c, struct packet *p, struct mt_time now)
{
	if (!c->want_ping || !takes(c, p, 16))
		return;
	do
		c->env->random(c->env->ctx, &c->ping_id, sizeof c->ping_id);
	while (!c->ping_id);
	service_begin(c, p, WIRE_PING_DELAY_DISCONNECT, now);
	tl_put_u64(&c->pack, c->ping_id);
	tl_put_u32(&c->pack, MT_PING_DISCONNECT);
	message_end(c, p);
	c->ping_sent = now.boot;
	c->ping_at = now.boot + MT_PING_PERIOD;
	c->want_ping = false;
}

static void put_get_salts(struct mt_client *c, struct packet *p, struct mt_time now)
{
	if (now.boot < c->salts_at || !takes(c, p, 8) ||
	    mt_salts_left(&c->salts, mt_clock_now(&c->clock, now) / NS) >= 2)
		return;
	service_begin(c, p, WIRE_GET_FUTURE_SALTS, now);
	tl_put_u32(&c->pack, MT_SALTS);
	message_end(c, p);
	c->salts_msg_id = p->msg_id;
	c->salts_at = now.boot + MT_SALTS_PERIOD;
}

/* Asks what became of the queries that were sent before (D.45, D.51). */
static void put_state_ask(struct mt_client *c, struct packet *p, struct mt_time now)
{
	struct mt_state_ask *ask = &c->asks[c->asks_at % MT_STATE_ASKS];
	uint64_t *ids;
	size_t n = 0;

	if (!c->want_state || !takes(c, p, 12 + 8 * c->flight.n))
		return;
	c->want_state = false;
	ids = malloc((c->flight.n + 1) * sizeof *ids);
	for (size_t i = 0; ids && i < c->flight.n; i++) {
		if (c->flight.v[i]->asked)
			continue;
		c->flight.v[i]->asked = true;
		ids[n++] = c->flight.v[i]->msg_id;
	}
	if (!n) {
		free(ids);
		return;
	}
	service_begin(c, p, WIRE_MSGS_STATE_REQ, now);
	tl_put_u32(&c->pack, WIRE_VECTOR);
	tl_put_u32(&c->pack, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		tl_put_u64(&c->pack, ids[i]);
	message_end(c, p);
	free(ask->ids);
	*ask = (struct mt_state_ask){p->msg_id, ids, n};
	c->asks_at++;
}

void mt_outbox_say(struct mt_client *c, bool content, const struct tl_buf *body)
{
	if (body->err || c->misc.len + body->len > MT_MISC_BYTES)
		return; /* a peer that asks faster than it reads */
	tl_put_u32(&c->misc, content);
	tl_put_u32(&c->misc, (uint32_t)body->len);
	tl_put(&c->misc, body->data, body->len);
	if (c->misc.err)
		tl_buf_clear(&c->misc);
}

static void put_misc(struct mt_client *c, struct packet *p, struct mt_time now)
{
	struct tl_cursor cur = tl_cursor(c->misc.data, c->misc.len);
	size_t done = 0;

	while (tl_left(&cur)) {
		bool content = tl_get_u32(&cur);
		uint32_t n = tl_get_u32(&cur);

		if (!takes(c, p, n))
			break;
		message_begin(c, p, content, now);
		remember(c, p->msg_id);
		tl_put(&c->pack, tl_get(&cur, n), n);
		message_end(c, p);
		done = c->misc.len - tl_left(&cur);
	}
	tl_buf_drop(&c->misc, done);
}

/* ---- queries --------------------------------------------------------------------------------- */

/* The next query that may go: one that follows another waits until that has an id (D.67). */
static struct mt_query *next_query(struct mt_client *c)
{
	if (c->flight.n >= MT_FLIGHT || c->stopping)
		return NULL;
	for (struct mt_query *q = c->waiting; q; q = q->next) {
		const struct mt_query *before = q->after ? mt_query_by_handle(c, q->after) : NULL;

		if (c->pfs && mt_temporary_holds(c, q))
			continue;
		if (!before)
			return q;
		if (before->flying && !(q->hold && before->msg_id == q->after_msg_id))
			return q;
	}
	return NULL;
}

static bool wraps(const struct mt_client *c, const struct mt_query *q)
{
	return !c->inited && c->init.len && !(q->flags & MT_QUERY_NO_INIT);
}

/* Replaces the body at body_at by a packed one where that pays (A.31). */
static void try_gzip(struct mt_client *c, size_t body_at)
{
	size_t n = c->pack.len - body_at;

	if (n <= MT_GZIP_MIN || c->pack.err)
		return;
	tl_buf_clear(&c->zip);
	if (mt_gzip(c->pack.data + body_at, n, &c->zip) || c->zip.err)
		return;
	if (c->zip.len + 8 + n / 10 > n)
		return;
	c->pack.len = body_at;
	tl_put_u32(&c->pack, WIRE_GZIP_PACKED);
	tl_put_bytes(&c->pack, c->zip.data, c->zip.len);
}

/* Outside in: gzip, invokeAfterMsg, the layer's header, the query (D.61). */
static int put_query(struct mt_client *c, struct packet *p, struct mt_query *q, struct mt_time now)
{
	const struct mt_query *before = q->after ? mt_query_by_handle(c, q->after) : NULL;
	int err;

	message_begin(c, p, true, now);
	err = mt_query_fly(c, q, p->msg_id);
	if (err)
		return err;
	q->hold = false;
	q->after_msg_id = before ? before->msg_id : 0;
	if (before) {
		tl_put_u32(&c->pack, WIRE_INVOKE_AFTER_MSG);
		tl_put_u64(&c->pack, before->msg_id);
	}
	q->wrapped = wraps(c, q);
	p->quick |= (q->flags & MT_QUERY_QUICK) != 0;
	if (q->wrapped)
		tl_put(&c->pack, c->init.data, c->init.len);
	if (q->flags & MT_QUERY_INNER && c->temp.on)
		mt_temporary_put_bind(c, p->msg_id, now);
	else
		tl_put(&c->pack, q->body, q->n);
	if (!(q->flags & MT_QUERY_NO_GZIP))
		try_gzip(c, p->body_at);
	message_end(c, p);
	q->sent_at = now.boot;
	if (c->state_at == INT64_MAX)
		c->state_at = now.boot + MT_STATE_SILENCE;
	return 0;
}

static size_t query_bytes(const struct mt_client *c, const struct mt_query *q)
{
	return (size_t)q->n + (wraps(c, q) ? c->init.len : 0) + (q->after ? 12 : 0);
}

static int put_queries(struct mt_client *c, struct packet *p, struct mt_time now)
{
	struct mt_query *q;

	while ((q = next_query(c))) {
		size_t n = query_bytes(c, q);
		int err;

		if (n > MT_CONTAINER_BYTES) {
			mt_query_fail(c, q, -TG_E_TOO_LARGE);
			continue;
		}
		if (!takes(c, p, n) || (q->alone && p->count))
			return 0;
		err = put_query(c, p, q, now);
		if (err)
			return err;
		p->closed = q->alone;
	}
	return 0;
}

/* ---- packets --------------------------------------------------------------------------------- */

struct batch { /* of packets that lie in c->sealed and are not sealed yet */
	struct mt_laid v[MT_LANES];
	struct batched {
		size_t flight_at; /* its first query in c->flight; the next packet's end them */
		bool quick;
	} packets[MT_LANES];
	unsigned n;
};

/* C.20 */
static void keep_tokens(struct mt_client *c, const struct batch *b, unsigned i)
{
	size_t end = i + 1 < b->n ? b->packets[i + 1].flight_at : c->flight.n;

	for (size_t k = b->packets[i].flight_at; k < end; k++)
		if (c->flight.v[k]->flags & MT_QUERY_QUICK)
			c->flight.v[k]->token = b->v[i].token;
}

/* Packets that wait are sealed together, which is much quicker than one after the other. */
static int send_batch(struct mt_client *c, struct batch *b)
{
	int err = 0;

	mt_seal_laid(&c->keys->session, MT_TO_SERVER, &c->sealed, b->v, b->n);
	for (unsigned i = 0; i < b->n && !err; i++) {
		keep_tokens(c, b, i);
		err = mt_link_send(c->link, c->sealed.data + b->v[i].at, b->v[i].n,
				   b->packets[i].quick);
	}
	tl_buf_clear(&c->sealed);
	b->n = 0;
	return err;
}

static int lay(struct mt_client *c, struct packet *p, struct batch *b, struct mt_time now)
{
	struct mt_header h = {.salt = mt_salts_now(&c->salts, mt_clock_now(&c->clock, now) / NS),
			      .session = c->session.id,
			      .msg_id = p->msg_id,
			      .seqno = p->seqno};
	size_t from = CONTAINER_HEAD + MESSAGE_HEAD;
	int err;

	if (c->pack.err)
		return c->pack.err;
	if (p->count > 1) { /* its id is above those inside (D.4) */
		const uint32_t head[2] = {WIRE_MSG_CONTAINER, p->count};

		h.msg_id = draw_msg_id(c, now);
		h.seqno = mt_session_seqno(&c->session, false);
		for (unsigned i = 0; i < CONTAINER_HEAD; i++)
			c->pack.data[i] = (uint8_t)(head[i / 4] >> 8 * (i % 4));
		from = 0;
		for (size_t i = p->flight_at; i < c->flight.n; i++)
			c->flight.v[i]->outer = h.msg_id;
		remember(c, h.msg_id);
	}
	b->packets[b->n] = (struct batched){.flight_at = p->flight_at, .quick = p->quick};
	err = mt_lay(&h, c->pack.data + from, c->pack.len - from, c->env, &c->sealed, &b->v[b->n]);
	mt_wipe(c->pack.data, c->pack.len); /* the buffer stays, what was said need not */
	b->n += !err;
	return err;
}

/* One packet; *ret_count = 0: there is nothing to say. */
static int make_packet(struct mt_client *c, struct batch *b, struct mt_time now,
		       unsigned *ret_count)
{
	bool busy = c->want_ping || c->want_state || c->misc.len || next_query(c);
	struct packet p = {.flight_at = c->flight.n};
	int err;

	*ret_count = 0;
	if (!busy && !c->want_acks)
		return 0;
	tl_buf_clear(&c->pack);
	tl_buf_extend(&c->pack, CONTAINER_HEAD);
	put_acks(c, &p, now);
	put_ping(c, &p, now);
	put_state_ask(c, &p, now);
	put_misc(c, &p, now);
	if (busy)
		put_get_salts(c, &p, now);
	err = put_queries(c, &p, now);
	if (!err && p.count)
		err = lay(c, &p, b, now);
	*ret_count = p.count;
	return err;
}

/* Ids can only go up: when the clock was set back far, they go on in a new session (D.2, D.5). */
static bool ids_run_ahead(const struct mt_client *c, int64_t server)
{
	uint64_t last = c->session.last_msg_id;

	return mt_msgid_of(server) <= last && !mt_msgid_fresh(last + 4, server);
}

static void keep_small(struct tl_buf *b)
{
	if (b->cap > MT_KEEP_BYTES)
		tl_buf_free(b);
}

void mt_outbox_flush(struct mt_client *c, struct mt_time now)
{
	struct batch batch = {.n = 0};
	unsigned count = 0;
	bool sent = false;
	int err = 0;

	if (c->phase != MT_OPEN)
		return;
	if (c->session.content >= MT_SEQNO_LAST || ids_run_ahead(c, mt_clock_now(&c->clock, now))) {
		c->renew = true;
		mt_client_settle(c);
	}
	if (c->pfs)
		mt_temporary_switch(c, now);
	tl_buf_clear(&c->sealed); /* what an error left there */
	do {
		if (mt_link_out(c->link)->len + c->sealed.len >= MT_WRITE_PAUSE)
			break;
		err = make_packet(c, &batch, now, &count);
		sent |= count;
		if (!err && batch.n == MT_LANES)
			err = send_batch(c, &batch);
	} while (!err && count);
	if (!err && batch.n)
		err = send_batch(c, &batch);
	if (err)
		mt_client_close(c, true);
	if (sent) {
		keep_small(&c->pack);
		keep_small(&c->sealed);
		keep_small(&c->zip);
	}
}

/* ---- memory of what was said ----------------------------------------------------------------- */

bool mt_outbox_known(const struct mt_client *c, uint64_t msg_id)
{
	if (!msg_id)
		return false;
	for (unsigned i = 0; i < MT_RECENT; i++)
		if (c->recent[i] == msg_id)
			return true;
	for (size_t i = 0; i < c->flight.n; i++)
		if (c->flight.v[i]->msg_id == msg_id || c->flight.v[i]->outer == msg_id)
			return true;
	return false;
}

static void forget_asks(struct mt_client *c)
{
	for (unsigned i = 0; i < MT_STATE_ASKS; i++) {
		free(c->asks[i].ids);
		c->asks[i] = (struct mt_state_ask){0, NULL, 0};
	}
}

void mt_outbox_repeat_asks(struct mt_client *c)
{
	for (unsigned i = 0; i < MT_STATE_ASKS; i++) {
		for (size_t j = 0; j < c->asks[i].n; j++) {
			struct mt_query *q = mt_query_by_msg_id(c, c->asks[i].ids[j]);

			if (q) {
				q->asked = false;
				c->want_state = true;
			}
		}
	}
	forget_asks(c);
	if (c->salts_msg_id) {
		c->salts_msg_id = 0;
		c->salts_at = INT64_MIN;
	}
	c->want_ping |= c->ping_id != 0;
}

void mt_outbox_lost(struct mt_client *c)
{
	forget_asks(c);
	c->ping_id = 0;
	c->want_ping = c->want_state = false;
	if (c->salts_msg_id) {
		c->salts_msg_id = 0;
		c->salts_at = INT64_MIN;
	}
}

void mt_outbox_forget(struct mt_client *c)
{
	mt_outbox_lost(c);
	tl_buf_clear(&c->misc);
	c->acks_n = 0;
	c->want_acks = false;
	c->ack_at = INT64_MAX;
	memset(c->recent, 0, sizeof c->recent);
}
