/* TCP connections of the engines: feed what comes, write what is there. A link belongs to its
 * account; how it gets its connected descriptor is race.c's. */
#include "daemon/daemon.h"
#include "daemon/race.h"
#include "daemon/trouble.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rpc_link *find(const struct rpc_account *a, unsigned number)
{
	struct rpc_link *l = a->links;

	while (l && l->number != number)
		l = l->next;
	return l;
}

static void destroy(struct rpc_link *l)
{
	struct rpc_account *a = l->account;
	struct rpc_link **p = &a->links;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	rpc_timer_clear(&a->d->loop, &l->timeout);
	rpc_race_end(l);
	if (l->fd >= 0) {
		ev_io_stop(a->d->loop.ev, &l->reader);
		ev_io_stop(a->d->loop.ev, &l->writer);
		close(l->fd);
	}
	free(l);
}

void rpc_link_lose(struct rpc_link *l, const char *reason)
{
	struct rpc_account *a = l->account;
	unsigned number = l->number;

	rpc_log(&a->d->log, RPC_DEBUG, "link_lost", "account=%s link=%u reason=\"%s\"", a->name,
		number, reason);
	if (!l->open || !tg_account_online(a->tg))
		rpc_trouble_note(a, l->to.dc, l->to.host, l->to.port, reason);
	destroy(l);
	tg_account_lost(a->tg, number, rpc_now());
	rpc_account_touch(a);
}

static void on_read(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_link *l = w->data;
	struct rpc_account *a = l->account;
	struct rpc_daemon *d = a->d;
	ssize_t n;

	(void)events;
	if (tg_account_full(a->tg)) {
		ev_io_stop(ev, w);
		a->paused = true;
		return;
	}
	n = recv(l->fd, d->scratch, RPC_SCRATCH, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		rpc_link_lose(l, n ? strerror(errno) : "closed by the server");
		return;
	}
	rpc_account_touch(a);
	if (tg_account_feed(a->tg, l->number, d->scratch, (size_t)n, rpc_now()) != 0)
		rpc_link_lose(l, "unreadable bytes");
}

void rpc_links_resume(struct rpc_account *a)
{
	for (struct rpc_link *l = a->links; l && a->paused; l = l->next)
		if (l->open)
			ev_io_start(a->d->loop.ev, &l->reader);
	a->paused = false;
}

static void on_write(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_link *l = w->data;

	(void)events;
	ev_io_stop(ev, w);
	rpc_account_touch(l->account);
}

void rpc_link_won(struct rpc_link *l, int fd, unsigned which)
{
	struct rpc_account *a = l->account;

	rpc_race_end(l);
	l->fd = fd;
	l->open = true;
	rpc_trouble_connected(a, l->to.dc);
	ev_io_init(&l->reader, on_read, fd, EV_READ);
	ev_io_init(&l->writer, on_write, fd, EV_WRITE);
	l->reader.data = l->writer.data = l;
	rpc_timer_clear(&a->d->loop, &l->timeout);
	ev_io_start(a->d->loop.ev, &l->reader);
	tg_account_opened(a->tg, l->number, which, rpc_now());
	rpc_account_touch(a);
}

static void on_timeout(struct rpc_timer *t, struct mt_time now)
{
	(void)now;
	rpc_link_lose((struct rpc_link *)((char *)t - offsetof(struct rpc_link, timeout)),
		      "no connection in time");
}

void rpc_link_found(struct rpc_account *a, uint64_t serial, const struct rpc_found *found,
		    unsigned n)
{
	struct rpc_link *l = a->links;

	while (l && l->serial != serial)
		l = l->next;
	if (!l)
		return;
	if (n)
		rpc_race_begin(l, found, n, a->link_tries++ % n);
	else
		rpc_link_lose(l, "the name is not known");
}

void rpc_link_open(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_daemon *d = a->d;
	struct rpc_link *l;
	struct rpc_found to[RPC_RACE_MAX];
	unsigned n = 1;

	rpc_link_close(a, e->link);
	rpc_log(&d->log, RPC_DEBUG, "link_opening", "account=%s link=%u dc=%d address=%s:%u",
		a->name, e->link, e->address.dc, e->host, e->port);
	l = calloc(1, sizeof *l);
	if (!l) {
		tg_account_lost(a->tg, e->link, rpc_now());
		rpc_account_touch(a);
		return;
	}
	l->account = a;
	l->number = e->link;
	l->serial = ++d->accounts->link_serial;
	l->fd = -1;
	l->to.dc = e->address.dc;
	l->to.port = e->port;
	snprintf(l->to.host, sizeof l->to.host, "%s", e->host);
	l->next = a->links;
	a->links = l;
	l->timeout.fire = on_timeout;
	rpc_timer_set(&d->loop, &l->timeout, rpc_now().boot + RPC_MAX_CONNECT * RPC_SECOND);
	for (unsigned i = 0; i < e->rival_count && i < RPC_RACE_MAX - 1; i++)
		n += rpc_lookup_numeric(e->rivals[i].host, e->rivals[i].port, &to[n]);
	if (rpc_lookup_numeric(e->host, e->port, &to[0]))
		rpc_race_begin(l, to, n, 0);
	else if (rpc_lookup_start(a, l->serial, e->host, e->port) != 0)
		rpc_link_lose(l, "out of memory");
}

void rpc_link_close(struct rpc_account *a, unsigned number)
{
	struct rpc_link *l = find(a, number);

	if (l)
		destroy(l);
}

void rpc_link_close_all(struct rpc_account *a)
{
	while (a->links)
		destroy(a->links);
}

void rpc_links_write(struct rpc_account *a, struct mt_time now)
{
	struct rpc_link *next;

	for (struct rpc_link *l = a->links; l; l = next) {
		struct tl_buf *out;
		ssize_t n;

		next = l->next;
		if (!l->open || ev_is_active(&l->writer))
			continue;
		out = tg_account_out(a->tg, l->number, now);
		if (!out || !out->len)
			continue;
		n = send(l->fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			rpc_link_lose(l, strerror(errno));
			continue;
		}
		if (n > 0)
			tl_buf_drop(out, (size_t)n);
		if (out->len)
			ev_io_start(a->d->loop.ev, &l->writer);
	}
}
