/* A client's connection. Reading fills the line buffer; lines are taken in turns; output is written
 * once a turn. Connections are in the daemon's list and are freed between turns. */
#include "daemon/daemon.h"
#include "daemon/subscription.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP (32u << 10) /* of an emptied buffer */

size_t rpc_conn_queued(const struct rpc_conn *c)
{
	return c->out.len - c->out_at;
}

size_t rpc_conn_unread(const struct rpc_conn *c)
{
	int kernel = 0;

	if (ioctl(c->fd, SIOCOUTQ, &kernel) != 0 || kernel < 0)
		kernel = 0;
	return rpc_conn_queued(c) + (size_t)kernel;
}

int64_t rpc_conn_stuck(const struct rpc_conn *c)
{
	return c->full_since ? rpc_now().boot - c->full_since : 0;
}

void rpc_conn_flush(struct rpc_conn *c)
{
	if (c->in_flush)
		return;
	c->in_flush = true;
	c->flush_next = c->d->flush;
	c->d->flush = c;
}

void rpc_conn_run(struct rpc_conn *c)
{
	struct rpc_daemon *d = c->d;

	if (c->in_run)
		return;
	c->in_run = true;
	c->run_next = NULL;
	*d->run_tail = c;
	d->run_tail = &c->run_next;
}

/* ---- reading -----------------------------------------------------------------------------------
 */
static size_t pending(const struct rpc_conn *c)
{
	return c->in.len - c->in_at;
}

/* Long lines share a budget; one of them may always go on, so that they end one after another. */
static bool may_read(struct rpc_conn *c)
{
	struct rpc_daemon *d = c->d;

	if (c->eof || c->closing || c->in_run || rpc_conn_queued(c) > RPC_MAX_OUTPUT)
		return false;
	if (d->input_bytes < RPC_MAX_INPUT_ALL || pending(c) < RPC_SCRATCH)
		return true;
	if (!d->input_owner)
		d->input_owner = c;
	return d->input_owner == c;
}

static void watch(struct rpc_conn *c)
{
	struct ev_loop *ev = c->d->loop.ev;

	if (may_read(c))
		ev_io_start(ev, &c->reader);
	else
		ev_io_stop(ev, &c->reader);
	if (rpc_conn_queued(c))
		ev_io_start(ev, &c->writer);
	else
		ev_io_stop(ev, &c->writer);
}

static void set_gone(struct rpc_conn *c)
{
	c->eof = c->gone = true; /* what it has said is still done, answers go nowhere */
	rpc_conn_run(c);
	rpc_conn_flush(c);
}

/* The peer has said all; whether it still listens, an epoll of its own tells later. */
static void set_eof(struct rpc_conn *c)
{
	struct epoll_event e = {.events = EPOLLHUP, .data.ptr = c};

	c->eof = true;
	epoll_ctl(c->d->hup_fd, EPOLL_CTL_ADD, c->fd, &e);
	rpc_conn_run(c);
}

static void on_read(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_conn *c = w->data;
	struct rpc_daemon *d = c->d;
	ssize_t n;

	(void)ev, (void)events;
	if (!may_read(c)) {
		watch(c);
		return;
	}
	n = recv(c->fd, d->scratch, RPC_SCRATCH, MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			set_gone(c);
		return;
	}
	if (n == 0) {
		set_eof(c);
	} else {
		c->heard = true;
		d->count.bytes_in += (uint64_t)n;
		d->input_bytes += (size_t)n;
		tl_put(&c->in, d->scratch, (size_t)n);
		mt_wipe(d->scratch, (size_t)n);
		if (c->in.err) {
			d->input_bytes -= (size_t)n;
			c->closing = true;
			set_gone(c);
		}
		rpc_conn_run(c);
	}
	watch(c);
}

/* ---- lines -------------------------------------------------------------------------------------
 */
/* Lines may have held passwords. */
static void consume(struct rpc_conn *c, size_t n)
{
	mt_wipe(c->in.data + c->in_at, n);
	c->in_at += n;
	c->d->input_bytes -= n;
	c->in_scanned = c->in_at;
}

static void compact(struct rpc_conn *c)
{
	if (c->in_at == c->in.len) {
		tl_buf_clear(&c->in);
		c->in_at = c->in_scanned = 0;
		if (c->in.cap > KEEP)
			tl_buf_free(&c->in);
	} else if (c->in_at > RPC_SCRATCH || c->in_at > c->in.len / 2) {
		tl_buf_drop(&c->in, c->in_at);
		c->in_scanned -= c->in_at;
		c->in_at = 0;
	}
	if (c->d->input_owner == c && pending(c) < RPC_SCRATCH)
		c->d->input_owner = NULL;
}

static void refuse_long(struct rpc_conn *c)
{
	struct rpc_problem p = {.err = -TG_E_TOO_LARGE, .limit = "line_in"};

	snprintf(p.message, sizeof p.message, "a line of more than %d bytes", RPC_MAX_LINE);
	rpc_line_error(c, &p);
	c->d->count.bad_lines++;
	if (++c->bad_lines >= RPC_MAX_BAD_LINES)
		c->closing = true;
}

static void refuse_http(struct rpc_conn *c)
{
	struct rpc_problem p = {.err = -TG_E_PARSE, .message = "this is no HTTP server"};

	snprintf(p.hint, sizeof p.hint, "send one JSON-RPC 2.0 request per line");
	rpc_line_error(c, &p);
	c->closing = true;
}

static bool is_http(const struct rpc_conn *c)
{
	const char *p = (const char *)c->in.data + c->in_at;

	return !c->requests && pending(c) >= 5 &&
	       (memcmp(p, "GET /", 5) == 0 || memcmp(p, "POST ", 5) == 0);
}

/* One complete line, its LF not included. */
static unsigned take(struct rpc_conn *c, size_t n)
{
	const char *p = (const char *)c->in.data + c->in_at;

	if (n && p[n - 1] == '\r')
		n--;
	if (n > RPC_MAX_LINE) {
		refuse_long(c);
		return 1;
	}
	return n ? rpc_line(c, p, n) : 0;
}

/* The next line, if there is a whole one. false: more input is needed. */
static bool next_line(struct rpc_conn *c, unsigned *count)
{
	const uint8_t *from = c->in.data + c->in_scanned, *lf = NULL;
	size_t left = c->in.len - c->in_scanned, n;

	if (left)
		lf = memchr(from, '\n', left);
	if (!lf && !(c->eof && pending(c))) {
		c->in_scanned = c->in.len;
		if (pending(c) > RPC_MAX_LINE + 1u && !c->dropping) {
			refuse_long(c);
			c->dropping = true;
		}
		if (c->dropping)
			consume(c, pending(c));
		return false;
	}
	n = lf ? (size_t)(lf - c->in.data) - c->in_at : pending(c);
	if (!c->dropping)
		*count += take(c, n);
	c->dropping = false;
	consume(c, lf ? n + 1 : n);
	return true;
}

void rpc_conn_turn(struct rpc_conn *c)
{
	int64_t end = 0;
	unsigned count = 0, lines = 0;

	if (pending(c) && is_http(c))
		refuse_http(c);
	while (!c->closing && pending(c)) {
		if (!next_line(c, &count))
			break;
		if (count >= RPC_MAX_TURN_REQUESTS || ++lines >= 10 * RPC_MAX_TURN_REQUESTS)
			break;
		if (lines % 8 == 0) {
			int64_t now = rpc_now().boot;

			end = end ? end : now + RPC_MAX_TURN_MS * RPC_MS;
			if (now >= end)
				break;
		}
	}
	if (c->closing)
		consume(c, pending(c));
	if (c->in_scanned < c->in.len || (c->eof && pending(c)))
		rpc_conn_run(c);
	compact(c);
	if (c->eof)
		rpc_conn_flush(c);
	watch(c);
}

/* ---- writing -----------------------------------------------------------------------------------
 */
void rpc_conn_write(struct rpc_conn *c)
{
	size_t left = rpc_conn_queued(c);
	ssize_t n = 0;

	if (c->out.err) { /* out of memory: this client's answers cannot be kept */
		c->closing = true;
		set_gone(c);
		left = 0;
	}
	if (left && !c->gone)
		n = send(c->fd, c->out.data + c->out_at, left, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			set_gone(c);
		n = 0;
	}
	c->d->count.bytes_out += (uint64_t)n;
	c->out_at += (size_t)n;
	if (c->gone || c->out_at == c->out.len) {
		tl_buf_clear(&c->out);
		c->out_at = 0;
		if (c->out.cap > KEEP)
			tl_buf_free(&c->out);
	} else if (c->out_at > c->out.len / 2) {
		tl_buf_drop(&c->out, c->out_at);
		c->out_at = 0;
	}
	if (!rpc_conn_queued(c))
		c->full_since = 0;
	else if (n || !c->full_since)
		c->full_since = rpc_now().boot;
	if (c->parked)
		rpc_unpark(c);
	watch(c);
	if (rpc_conn_finished(c))
		c->d->reap = true;
}

void rpc_conn_gone(struct rpc_conn *c)
{
	epoll_ctl(c->d->hup_fd, EPOLL_CTL_DEL, c->fd, NULL);
	set_gone(c);
}

static void on_write(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_conn *c = w->data;

	(void)ev, (void)events;
	rpc_conn_flush(c);
	ev_io_stop(ev, w);
}

/* End of input: all lines taken, all answered, all written, and nothing more to stream. */
bool rpc_conn_finished(const struct rpc_conn *c)
{
	if (c->gone)
		return c->closing || (!pending(c) && !c->in_run);
	if (rpc_conn_queued(c))
		return false;
	if (c->closing)
		return true;
	return c->eof && !pending(c) && !c->inflight && !c->in_run && !c->subscriptions;
}

/* ---- life --------------------------------------------------------------------------------------
 */
struct rpc_conn *rpc_conn_new(struct rpc_daemon *d, int fd, enum rpc_role role)
{
	struct rpc_conn *c = calloc(1, sizeof *c);
	struct ucred cred = {0, (uid_t)-1, (gid_t)-1};
	socklen_t size = sizeof cred;

	if (!c)
		return NULL;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size);
	c->d = d;
	c->fd = fd;
	c->socket = role;
	c->uid = cred.uid;
	c->pid = cred.pid;
	c->id = ++d->last_conn;
	c->since = rpc_now().real;
	ev_io_init(&c->reader, on_read, fd, EV_READ);
	ev_io_init(&c->writer, on_write, fd, EV_WRITE);
	c->reader.data = c->writer.data = c;
	c->next = d->conns;
	if (d->conns)
		d->conns->prev = c;
	d->conns = c;
	d->conn_count++;
	d->count.connections++;
	ev_io_start(d->loop.ev, &c->reader);
	rpc_conn_allow(c);
	rpc_log(&d->log, RPC_DEBUG, "client_connected", "conn=%llu uid=%d pid=%d role=%s",
		(unsigned long long)c->id, (int)c->uid, (int)c->pid, rpc_role_name(c->role));
	return c;
}

void rpc_conn_allow(struct rpc_conn *c)
{
	int role = rpc_acl_role(c->d->config->acl, c->uid, c->socket);

	c->role = role == RPC_SHUT_OUT ? RPC_READ : (enum rpc_role)role;
	if (role == RPC_SHUT_OUT) {
		c->closing = true;
		rpc_conn_flush(c);
	}
}

static void leave_queues(struct rpc_conn *c)
{
	struct rpc_daemon *d = c->d;
	struct rpc_conn **p;

	for (p = &d->flush; c->in_flush && *p; p = &(*p)->flush_next) {
		if (*p == c) {
			*p = c->flush_next;
			break;
		}
	}
	if (!c->in_run)
		return;
	for (p = &d->run; *p != c; p = &(*p)->run_next)
		;
	*p = c->run_next;
	if (d->run_tail == &c->run_next)
		d->run_tail = p;
}

void rpc_conn_free(struct rpc_conn *c)
{
	struct rpc_daemon *d = c->d;

	rpc_calls_orphan(c);
	rpc_unsubscribe_all(c);
	leave_queues(c);
	d->input_bytes -= pending(c);
	if (d->input_owner == c)
		d->input_owner = NULL;
	ev_io_stop(d->loop.ev, &c->reader);
	ev_io_stop(d->loop.ev, &c->writer);
	close(c->fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		d->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	d->conn_count--;
	rpc_log(&d->log, RPC_DEBUG, "client_left", "conn=%llu requests=%llu",
		(unsigned long long)c->id, (unsigned long long)c->requests);
	tl_buf_free(&c->in);
	tl_buf_free(&c->out);
	free(c);
}
