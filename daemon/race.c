/* See race.h. A race belongs to its link, from the first attempt until one of them has won. */
#include "daemon/race.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct attempt {
	struct rpc_race *race;
	struct rpc_found to;
	struct ev_io io;
	int fd; /* -1: not begun, or failed */
};
struct rpc_race {
	struct rpc_link *link;
	struct rpc_timer next;
	unsigned count, begun, open;
	int error; /* of the last that failed */
	struct attempt attempts[RPC_RACE_MAX];
};

static int start_connect(const struct rpc_found *to)
{
	int fd, on = 1, idle = RPC_KEEP_IDLE;

	fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	if (connect(fd, (const struct sockaddr *)&to->address, to->size) != 0 &&
	    errno != EINPROGRESS) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static struct ev_loop *loop_of(const struct rpc_race *r)
{
	return r->link->account->d->loop.ev;
}

static void on_connected(struct ev_loop *ev, struct ev_io *w, int events);

/* Begins attempts until one is under way; the one behind it has to wait. */
static void go_on(struct rpc_race *r)
{
	struct rpc_loop *loop = &r->link->account->d->loop;
	bool under_way = false;

	rpc_timer_clear(loop, &r->next);
	while (r->begun < r->count && !under_way) {
		struct attempt *t = &r->attempts[r->begun++];

		t->fd = start_connect(&t->to);
		under_way = t->fd >= 0;
		if (!under_way) {
			r->error = errno;
			continue;
		}
		r->open++;
		ev_io_init(&t->io, on_connected, t->fd, EV_WRITE);
		t->io.data = t;
		ev_io_start(loop->ev, &t->io);
	}
	if (r->begun < r->count)
		rpc_timer_set(loop, &r->next, rpc_now().boot + RPC_RACE_WAIT * RPC_MS);
	else if (!r->open)
		rpc_link_lose(r->link, strerror(r->error));
}

static void on_next(struct rpc_timer *t, struct mt_time now)
{
	(void)now;
	go_on((struct rpc_race *)((char *)t - offsetof(struct rpc_race, next)));
}

static void on_connected(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct attempt *t = w->data;
	struct rpc_race *r = t->race;
	int error = 0, fd = t->fd;
	socklen_t n = sizeof error;

	(void)events;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	ev_io_stop(ev, w);
	t->fd = -1;
	r->open--;
	if (!error) {
		rpc_link_won(r->link, fd, (unsigned)(t - r->attempts));
		return;
	}
	close(fd);
	r->error = error;
	if (r->begun < r->count || !r->open)
		go_on(r);
}

void rpc_race_begin(struct rpc_link *l, const struct rpc_found *to, unsigned n, unsigned first)
{
	struct rpc_race *r = calloc(1, sizeof *r);

	if (!r) {
		rpc_link_lose(l, "out of memory");
		return;
	}
	l->race = r;
	r->link = l;
	r->count = n < RPC_RACE_MAX ? n : RPC_RACE_MAX;
	r->next.fire = on_next;
	for (unsigned i = 0; i < r->count; i++)
		r->attempts[i] = (struct attempt){.race = r, .to = to[(first + i) % n], .fd = -1};
	go_on(r);
}

void rpc_race_end(struct rpc_link *l)
{
	struct rpc_race *r = l->race;

	if (!r)
		return;
	rpc_timer_clear(&l->account->d->loop, &r->next);
	for (unsigned i = 0; i < r->count; i++) {
		if (r->attempts[i].fd < 0)
			continue;
		ev_io_stop(loop_of(r), &r->attempts[i].io);
		close(r->attempts[i].fd);
	}
	l->race = NULL;
	free(r);
}
