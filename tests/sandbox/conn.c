/* One TCP connection: bytes in and out, framing by proto's server side of a link, bounded buffers.
 * Owned by net. A connection is only marked dead here and freed between two turns of the loop. */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64u << 10)
#define READS_A_TURN 16

static struct tl_buf *out_of(struct sb_conn *c)
{
	return c->front ? sb_front_out(c) : mt_link_out(c->link);
}

void sb_conn_close(struct sb_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	ev_io_stop(c->net->s->loop, &c->read);
	ev_io_stop(c->net->s->loop, &c->write);
}

void sb_conn_finish(struct sb_conn *c)
{
	c->closing = true;
	ev_io_stop(c->net->s->loop, &c->read);
	sb_conn_flush(c);
}

void sb_conn_flush(struct sb_conn *c)
{
	struct tl_buf *b = out_of(c);
	struct ev_loop *loop = c->net->s->loop;

	while (!c->dead && b->len) {
		size_t most = sb_fault_trickle(c);
		ssize_t n;

		if (!most) { /* the tick goes on */
			ev_io_stop(loop, &c->write);
			return;
		}
		n = send(c->fd, b->data, b->len < most ? b->len : most, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			sb_conn_close(c);
			return;
		}
		c->net->count.bytes_out += (uint64_t)n;
		tl_buf_drop(b, (size_t)n);
	}
	if (c->dead)
		return;
	if (b->err || b->len > SB_MAX_OUT || (c->closing && !b->len)) {
		sb_conn_close(c);
		return;
	}
	if (b->len)
		ev_io_start(loop, &c->write);
	else
		ev_io_stop(loop, &c->write);
	/* who does not read what was asked for gets no more questions in */
	if (b->len > SB_PAUSE_OUT || c->closing)
		ev_io_stop(loop, &c->read);
	else
		ev_io_start(loop, &c->read);
}

void sb_conn_send_now(struct sb_conn *c, const uint8_t *data, size_t n)
{
	if (c->dead)
		return;
	c->net->count.packets_out++;
	if (mt_link_send(c->link, data, n, false) || out_of(c)->len > SB_MAX_OUT)
		sb_conn_close(c);
}

void sb_conn_packet_out(struct sb_conn *c, uint8_t *data, size_t n)
{
	if (!c->dead && sb_fault_packet(c, SB_OUT, data, n))
		sb_conn_send_now(c, data, n);
}

void sb_conn_error(struct sb_conn *c, int code)
{
	const uint32_t word = (uint32_t)code;
	const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
				  (uint8_t)(word >> 24)};

	sb_conn_send_now(c, bytes, sizeof bytes);
	c->closing = true;
}

void sb_conn_packet_in(struct sb_conn *c, const uint8_t *data, size_t n, bool quick_ack)
{
	c->net->count.packets_in++;
	sb_session_packet(c, data, n, quick_ack);
}

static void count_transport(struct sb_conn *c)
{
	int dc;
	const struct mt_transport *t = c->counted ? NULL : mt_link_met(c->link, &dc);

	if (!t)
		return;
	c->counted = true;
	c->net->count.transports[t->obfuscated][t->framing]++;
}

static void packets(struct sb_conn *c)
{
	struct mt_packet p;

	while (!c->dead && !c->closing) {
		int err = mt_link_next(c->link, &p);

		if (c->front && !sb_front_pass(c, err))
			return;
		count_transport(c);
		if (err) {
			sb_conn_close(c);
			return;
		}
		if (p.kind == MT_PACKET_NONE) {
			mt_link_done(c->link);
			return;
		}
		if (p.kind != MT_PACKET_DATA)
			continue;
		/* a fault may flip a bit in it: the link's buffer is not ours to change */
		tl_buf_clear(&c->net->plain);
		tl_put(&c->net->plain, p.data, p.n);
		if (c->net->plain.err)
			sb_conn_close(c);
		else if (sb_fault_packet(c, SB_IN, c->net->plain.data, c->net->plain.len))
			sb_conn_packet_in(c, c->net->plain.data, c->net->plain.len, p.quick_ack);
	}
}

static void readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct sb_conn *c = w->data;
	uint8_t bytes[READ_BYTES];

	(void)loop;
	(void)events;
	for (int i = 0; i < READS_A_TURN && !c->dead && !c->closing; i++) {
		ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			sb_conn_close(c);
			return;
		}
		c->heard = sb_now(c->net->s);
		c->net->count.bytes_in += (uint64_t)n;
		if (c->front ? sb_front_feed(c, bytes, (size_t)n)
			     : mt_link_feed(c->link, bytes, (size_t)n)) {
			sb_conn_close(c);
			return;
		}
		packets(c);
		if ((size_t)n < sizeof bytes)
			break;
	}
}

static void writable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	sb_conn_flush(w->data);
}

static struct sb_conn *conn_new(struct sb_net *n, struct sb_door *door)
{
	struct sb_conn *c = n->conn_count < SB_MAX_CONNS ? calloc(1, sizeof *c) : NULL;

	if (!c)
		return NULL;
	c->link = door ? sb_front_link(n, door) : mt_link_accept(&n->env);
	if (door)
		c->front = sb_front_new(door);
	if (c->link && (c->front || !door))
		return c;
	mt_link_free(c->link);
	sb_front_free(c->front);
	free(c);
	return NULL;
}

void sb_conn_accept(struct sb_net *n, int fd, int dc, struct sb_door *door, const char *ip)
{
	struct sb_conn *c = conn_new(n, door);
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->net = n;
	c->fd = fd;
	c->dc = dc;
	c->opened = c->heard = sb_now(n->s);
	snprintf(c->ip, sizeof c->ip, "%s", ip);
	ev_io_init(&c->read, readable, fd, EV_READ);
	ev_io_init(&c->write, writable, fd, EV_WRITE);
	c->read.data = c->write.data = c;
	ev_io_start(n->s->loop, &c->read);
	c->next = n->conns;
	c->pprev = &n->conns;
	if (n->conns)
		n->conns->pprev = &c->next;
	n->conns = c;
	n->conn_count++;
	n->count.accepted++;
	n->count.direct += !door;
}

static void conn_free(struct sb_conn *c)
{
	while (c->sessions)
		sb_session_detach(c->sessions);
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->net->conn_count--;
	ev_io_stop(c->net->s->loop, &c->read);
	ev_io_stop(c->net->s->loop, &c->write);
	sb_held_free(c);
	mt_link_free(c->link);
	sb_front_free(c->front);
	close(c->fd);
	free(c);
}

/* Writes what the turn produced and buries the dead. */
void sb_conn_reap(struct sb_net *n)
{
	struct sb_conn *next;

	for (struct sb_conn *c = n->conns; c; c = next) {
		next = c->next;
		if (!c->dead && (c->closing || out_of(c)->len))
			sb_conn_flush(c);
		if (c->dead)
			conn_free(c);
	}
}

void sb_conn_tick(struct sb_conn *c, int64_t now)
{
	int64_t idle = c->sessions ? SB_IDLE_SECONDS : SB_FIRST_SECONDS;

	sb_fault_tick(c, now);
	if ((c->disconnect && now > c->disconnect) || now - c->heard > idle * NS ||
	    (c->front && sb_front_late(c, now)))
		sb_conn_close(c);
}
