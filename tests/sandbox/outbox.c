/* What goes to the client: message ids, containers, acks, and everything content-related kept until
 * it is acked (core.telegram.org/mtproto/service_messages_about_messages). Owned by net. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define ID_CONTAINER 0x73f1f8dcu
#define ID_MSGS_ACK 0x62d6b459u
#define ID_VECTOR 0x1cb5c415u
#define ID_UPDATES_TOO_LONG 0xe317af7eu

/* Time in the high word, the fraction of the second in the low one; % 4 = 1 for answers, 3 else. */
static uint64_t next_msg_id(struct sb_session *s, bool answer)
{
	uint64_t now = (uint64_t)sb_now(s->net->s);
	uint64_t id = (now / NS) << 32 | (((now % NS) << 32) / NS & ~3ull);

	if (id <= s->last_msg_id)
		id = (s->last_msg_id & ~3ull) + 4;
	s->last_msg_id = id | (answer ? 1 : 3);
	return s->last_msg_id;
}

static void mark_dirty(struct sb_session *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->dirty_next = s->net->dirty;
	s->net->dirty = s;
}

static bool grow(void **array, unsigned *cap, unsigned want, size_t size)
{
	unsigned n = *cap ? *cap : 16;
	void *p;

	while (n < want)
		n *= 2;
	if (n == *cap)
		return true;
	p = realloc(*array, n * size);
	if (!p)
		return false;
	*array = p;
	*cap = n;
	return true;
}

static bool enqueue(struct sb_session *s, struct sb_sent *m)
{
	if (!grow((void **)&s->queue, &s->queue_cap, s->queue_count + 1, sizeof *s->queue))
		return false;
	s->queue[s->queue_count++] = m;
	m->queued = true;
	mark_dirty(s);
	return true;
}

static void message_free(struct sb_sent *m)
{
	free(m->body);
	free(m);
}

/* ---- the kept ones -----------------------------------------------------------------------------
 */
static void drop_oldest(struct sb_session *s)
{
	struct sb_sent *m = s->sent[s->sent_head++];

	s->sent_count--;
	s->sent_bytes -= m->n;
	if (m->acked)
		s->acked_bytes -= m->n;
	if (m->queued)
		m->content = false; /* the flush frees it */
	else
		message_free(m);
}

static void trim(struct sb_session *s)
{
	while (s->sent_count && (s->sent_count > SB_KEEP_SENT || s->sent_bytes > SB_KEEP_BYTES ||
				 (s->sent[s->sent_head]->acked && s->acked_bytes > SB_KEEP_ACKED)))
		drop_oldest(s);
}

static bool keep(struct sb_session *s, struct sb_sent *m)
{
	if (s->sent_head && s->sent_head + s->sent_count == s->sent_cap) {
		memmove(s->sent, s->sent + s->sent_head, s->sent_count * sizeof *s->sent);
		s->sent_head = 0;
	}
	if (!grow((void **)&s->sent, &s->sent_cap, s->sent_head + s->sent_count + 1,
		  sizeof *s->sent))
		return false;
	s->sent[s->sent_head + s->sent_count++] = m;
	s->sent_bytes += m->n;
	trim(s);
	return true;
}

struct sb_sent *sb_out_find(struct sb_session *s, uint64_t msg_id)
{
	unsigned lo = s->sent_head, hi = s->sent_head + s->sent_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (s->sent[mid]->msg_id == msg_id)
			return s->sent[mid];
		if (s->sent[mid]->msg_id < msg_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void sb_out_acked(struct sb_session *s, uint64_t msg_id)
{
	struct sb_sent *m = sb_out_find(s, msg_id);

	if (!m || m->acked)
		return;
	m->acked = true;
	if (!m->request && !m->queued) { /* no resent request will ask for it */
		s->sent_bytes -= m->n;
		m->n = 0;
		free(m->body);
		m->body = NULL;
	}
	s->acked_bytes += m->n;
	trim(s);
}

/* ---- adding ------------------------------------------------------------------------------------
 */
void sb_out_unack(struct sb_session *s, uint64_t msg_id)
{
	for (unsigned i = s->ack_count; i-- > 0;)
		if (s->acks[i] == msg_id) {
			s->acks[i] = s->acks[--s->ack_count];
			return;
		}
}

struct sb_sent *sb_out_add(struct sb_session *s, const void *body, size_t n, bool content,
			   uint64_t request)
{
	struct sb_sent *m;

	if (!s->conn && content && !request && s->queue_count >= SB_KEEP_OFFLINE) {
		s->too_long = true;
		return NULL;
	}
	m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->body = malloc(n ? n : 1);
	if (!m->body || !enqueue(s, m)) {
		message_free(m);
		return NULL;
	}
	memcpy(m->body, body, n);
	m->n = (uint32_t)n;
	m->request = request;
	m->content = content;
	m->msg_id = next_msg_id(s, request != 0);
	m->seqno = 2 * s->seq + (content ? 1 : 0);
	m->again = SB_RESEND_SECONDS * NS;
	if (content) {
		s->seq++;
		if (!keep(s, m))
			m->content = false;
		if (request)
			sb_out_unack(s, request);
	}
	return m;
}

void sb_out_ack(struct sb_session *s, uint64_t msg_id)
{
	if (s->ack_count >= SB_MAX_IDS ||
	    !grow((void **)&s->acks, &s->ack_cap, s->ack_count + 1, sizeof *s->acks))
		return;
	s->acks[s->ack_count++] = msg_id;
	mark_dirty(s);
}

void sb_out_again(struct sb_session *s, struct sb_sent *m)
{
	if (m->queued || !m->body || !enqueue(s, m))
		return;
	s->net->count.resent++;
}

void sb_out_lost(struct sb_session *s, struct sb_sent *m)
{
	if (!s->queue_count || s->queue[s->queue_count - 1] != m || !m->content)
		return;
	s->queue_count--;
	m->queued = false;
	m->at = sb_now(s->net->s);
}

void sb_out_moved(struct sb_session *s)
{
	for (unsigned i = 0; i < s->sent_count; i++)
		if (!s->sent[s->sent_head + i]->acked)
			sb_out_again(s, s->sent[s->sent_head + i]);
	if (s->too_long) {
		const uint8_t body[4] = {
			ID_UPDATES_TOO_LONG & 0xff, ID_UPDATES_TOO_LONG >> 8 & 0xff,
			ID_UPDATES_TOO_LONG >> 16 & 0xff, ID_UPDATES_TOO_LONG >> 24};

		s->too_long = false;
		sb_out_add(s, body, sizeof body, true, 0);
	}
	mark_dirty(s);
}

void sb_out_tick(struct sb_session *s, int64_t now)
{
	if (!s->conn)
		return;
	for (unsigned i = 0; i < s->sent_count; i++) {
		struct sb_sent *m = s->sent[s->sent_head + i];

		if (m->acked || m->queued || now - m->at < m->again)
			continue;
		m->again *= 2;
		sb_out_again(s, m);
	}
}

/* ---- sending -----------------------------------------------------------------------------------
 */
static void seal_and_send(struct sb_session *s, uint64_t msg_id, uint32_t seqno, const void *body,
			  size_t n)
{
	struct sb_net *net = s->net;
	struct mt_header h = {.session = s->id, .msg_id = msg_id, .seqno = seqno};

	h.salt = sb_salt_at(s->key, sb_now(net->s), 0).salt;
	if (sb_hostile_packet(s, &h, body, n))
		return;
	tl_buf_clear(&net->packet);
	if (mt_seal(&s->key->key, MT_TO_CLIENT, &h, body, n, &net->env, &net->packet, NULL)) {
		sb_conn_close(s->conn);
		return;
	}
	sb_conn_packet_out(s->conn, net->packet.data, net->packet.len);
}

/* How many of the queue from i on go into one packet. */
static unsigned batch(const struct sb_session *s, unsigned i)
{
	size_t bytes = 0;
	unsigned k = i;

	for (; k < s->queue_count && k - i < SB_MAX_CONTAINER; k++) {
		bytes += 16 + s->queue[k]->n;
		if (k > i && bytes > SB_CONTAINER_BYTES)
			break;
	}
	return k - i;
}

static void send_batch(struct sb_session *s, struct sb_sent **m, unsigned count)
{
	struct tl_buf *b = &s->net->work;
	int64_t now = sb_now(s->net->s);
	bool again = m[0]->at != 0;

	if (count == 1 && !again) {
		seal_and_send(s, m[0]->msg_id, m[0]->seqno, m[0]->body, m[0]->n);
	} else {
		uint32_t seqno = 2 * s->seq;

		tl_buf_clear(b);
		tl_put_u32(b, ID_CONTAINER);
		tl_put_u32(b, count);
		for (unsigned i = 0; i < count; i++) {
			tl_put_u64(b, m[i]->msg_id);
			tl_put_u32(b, m[i]->seqno);
			tl_put_u32(b, m[i]->n);
			tl_put(b, m[i]->body, m[i]->n);
		}
		if (!b->err)
			seal_and_send(s, next_msg_id(s, false), seqno, b->data, b->len);
	}
	for (unsigned i = 0; i < count; i++) {
		m[i]->queued = false;
		m[i]->at = now;
		if (!m[i]->content)
			message_free(m[i]);
	}
}

static void put_acks(struct sb_session *s)
{
	struct tl_buf b = {0};

	if (!s->ack_count)
		return;
	tl_put_u32(&b, ID_MSGS_ACK);
	tl_put_u32(&b, ID_VECTOR);
	tl_put_u32(&b, s->ack_count);
	for (unsigned i = 0; i < s->ack_count; i++)
		tl_put_u64(&b, s->acks[i]);
	s->ack_count = 0;
	if (!b.err)
		sb_out_add(s, b.data, b.len, false, 0);
	tl_buf_free(&b);
}

void sb_out_flush_session(struct sb_session *s)
{
	unsigned i = 0, kept = 0;

	if (s->conn && !s->conn->dead)
		put_acks(s);
	while (i < s->queue_count && s->conn && !s->conn->dead) {
		unsigned n = batch(s, i);

		send_batch(s, s->queue + i, n);
		i += n;
	}
	/* Without a connection service messages are void and the others wait for the next one. */
	for (; i < s->queue_count; i++)
		if (s->queue[i]->content)
			s->queue[kept++] = s->queue[i];
		else
			message_free(s->queue[i]);
	s->queue_count = kept;
}

void sb_out_flush(struct sb_net *n)
{
	while (n->dirty) {
		struct sb_session *s = n->dirty;

		n->dirty = s->dirty_next;
		s->dirty = false;
		sb_out_flush_session(s);
	}
}

void sb_out_free(struct sb_session *s)
{
	for (struct sb_session **pp = &s->net->dirty; s->dirty && *pp; pp = &(*pp)->dirty_next)
		if (*pp == s) {
			*pp = s->dirty_next;
			break;
		}
	for (unsigned i = 0; i < s->queue_count; i++) {
		s->queue[i]->queued = false;
		if (!s->queue[i]->content)
			message_free(s->queue[i]);
	}
	while (s->sent_count)
		drop_oldest(s);
	free(s->late);
	free(s->queue);
	free(s->sent);
	free(s->acks);
}
