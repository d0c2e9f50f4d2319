/* The loop and its timers. Whoever sets a timer owns its struct and clears it before it dies. */
#include "daemon/loop.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * RPC_SECOND + t.tv_nsec;
}

struct mt_time rpc_now(void)
{
	return (struct mt_time){clock_ns(CLOCK_BOOTTIME), clock_ns(CLOCK_REALTIME)};
}

/* ---- the heap -------------------------------------------------------------------------------- */
static void place(struct rpc_loop *l, struct rpc_timer *t, unsigned i)
{
	l->heap[i] = t;
	t->index = i + 1;
}

static void sift(struct rpc_loop *l, struct rpc_timer *t, unsigned i)
{
	while (i && l->heap[(i - 1) / 2]->at > t->at) {
		place(l, l->heap[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	for (;;) {
		unsigned c = 2 * i + 1;

		if (c + 1 < l->count && l->heap[c + 1]->at < l->heap[c]->at)
			c++;
		if (c >= l->count || l->heap[c]->at >= t->at)
			break;
		place(l, l->heap[c], i);
		i = c;
	}
	place(l, t, i);
}

void rpc_timer_clear(struct rpc_loop *l, struct rpc_timer *t)
{
	unsigned i = t->index;
	struct rpc_timer *last;

	if (!i)
		return;
	t->index = 0;
	last = l->heap[--l->count];
	if (last != t)
		sift(l, last, i - 1);
}

int rpc_timer_set(struct rpc_loop *l, struct rpc_timer *t, int64_t at)
{
	if (at == INT64_MAX) {
		rpc_timer_clear(l, t);
		return 0;
	}
	t->at = at;
	if (t->index) {
		sift(l, t, t->index - 1);
		return 0;
	}
	if (l->count == l->cap) {
		unsigned cap = l->cap ? 2 * l->cap : 16;
		struct rpc_timer **heap = realloc(l->heap, cap * sizeof(struct rpc_timer *));

		if (!heap)
			return -TG_E_NOMEM;
		l->heap = heap;
		l->cap = cap;
	}
	sift(l, t, l->count++);
	return 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */
static void arm(struct rpc_loop *l)
{
	int64_t at = l->count ? l->heap[0]->at : INT64_MAX;
	struct itimerspec spec = {{0, 0}, {0, 0}};

	if (at == l->armed)
		return;
	l->armed = at;
	if (at != INT64_MAX) {
		if (at < 1)
			at = 1;
		spec.it_value.tv_sec = at / RPC_SECOND;
		spec.it_value.tv_nsec = at % RPC_SECOND;
	}
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Fires what is due; a timer set anew by its own firing waits for the next turn. */
static void fire(struct rpc_loop *l)
{
	struct mt_time now;

	if (!l->count)
		return;
	now = rpc_now();
	while (l->count && l->heap[0]->at <= now.boot) {
		struct rpc_timer *t = l->heap[0];

		rpc_timer_clear(l, t);
		t->fire(t, now);
	}
}

static void on_timer(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_loop *l = w->data;
	uint64_t expirations;

	(void)ev, (void)events;
	if (read(l->timer_fd, &expirations, sizeof expirations) > 0)
		l->armed = INT64_MAX;
}

static void on_idle(struct ev_loop *ev, struct ev_idle *w, int events)
{
	(void)ev, (void)w, (void)events;
}

static void on_check(struct ev_loop *ev, struct ev_check *w, int events)
{
	struct rpc_loop *l = w->data;

	(void)ev, (void)events;
	l->awake = rpc_now().boot;
}

/* How long the turn took, from the poll's end to the next poll. */
static void measure(struct rpc_loop *l)
{
	int64_t took = l->awake ? rpc_now().boot - l->awake : 0;

	l->awake = 0;
	if (took > (int64_t)l->longest_ms * RPC_MS)
		l->longest_ms = (unsigned)(took / RPC_MS);
	if (took > RPC_STALL)
		l->stalls++;
}

static void on_prepare(struct ev_loop *ev, struct ev_prepare *w, int events)
{
	struct rpc_loop *l = w->data;
	bool more;

	(void)events;
	fire(l);
	more = l->turn(l->ctx);
	if (more)
		ev_idle_start(ev, &l->idle);
	else
		ev_idle_stop(ev, &l->idle);
	arm(l);
	measure(l);
}

int rpc_loop_init(struct rpc_loop *l, bool (*turn)(void *ctx), void *ctx)
{
	*l = (struct rpc_loop){.turn = turn, .ctx = ctx, .armed = INT64_MAX};
	l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	l->ev = ev_default_loop(EVFLAG_NOENV);
	if (l->timer_fd < 0 || !l->ev)
		return -TG_E_INTERNAL;
	ev_io_init(&l->timer_watch, on_timer, l->timer_fd, EV_READ);
	ev_prepare_init(&l->prepare, on_prepare);
	ev_check_init(&l->check, on_check);
	ev_idle_init(&l->idle, on_idle);
	l->timer_watch.data = l->prepare.data = l->check.data = l;
	ev_io_start(l->ev, &l->timer_watch);
	ev_prepare_start(l->ev, &l->prepare);
	ev_check_start(l->ev, &l->check);
	return 0;
}

void rpc_loop_run(struct rpc_loop *l)
{
	ev_run(l->ev, 0);
}

void rpc_loop_stop(struct rpc_loop *l)
{
	ev_break(l->ev, EVBREAK_ALL);
}

void rpc_loop_free(struct rpc_loop *l)
{
	if (!l->ev)
		return;
	ev_io_stop(l->ev, &l->timer_watch);
	ev_prepare_stop(l->ev, &l->prepare);
	ev_check_stop(l->ev, &l->check);
	ev_idle_stop(l->ev, &l->idle);
	close(l->timer_fd);
	ev_loop_destroy(l->ev);
	free(l->heap);
	l->heap = NULL;
	l->ev = NULL;
}
