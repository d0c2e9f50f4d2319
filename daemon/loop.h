/* Time and the loop: one heap of timers on CLOCK_BOOTTIME behind one timerfd, so that sleep and
 * resume are seen, and work that is done once a turn, before the loop blocks. */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include "core/core.h"

#include <ev.h>

struct rpc_timer {
	int64_t at;     /* boot ns */
	unsigned index; /* place in the heap + 1; 0 = not set */
	void (*fire)(struct rpc_timer *t, struct mt_time now);
};
struct rpc_loop {
	struct ev_loop *ev;
	struct ev_io timer_watch;
	struct ev_prepare prepare;
	struct ev_check check;
	struct ev_idle idle;
	int timer_fd;
	int64_t armed; /* what the timerfd is set to; INT64_MAX = nothing */
	struct rpc_timer **heap;
	unsigned count, cap;
	/* Called once before the loop blocks; true = there is more to do, do not block. */
	bool (*turn)(void *ctx);
	void *ctx;
	int64_t awake;               /* boot ns: since when this turn has been at work; 0 = not */
	unsigned stalls, longest_ms; /* turns over RPC_STALL, and the longest of all */
};
#define RPC_STALL (250 * RPC_MS)
struct mt_time rpc_now(void);
int rpc_loop_init(struct rpc_loop *l, bool (*turn)(void *ctx), void *ctx) TL_MUST;
void rpc_loop_run(struct rpc_loop *l); /* until rpc_loop_stop */
void rpc_loop_stop(struct rpc_loop *l);
void rpc_loop_free(struct rpc_loop *l);
/* Sets, moves or (at = INT64_MAX) clears; -TG_E_NOMEM leaves it unset. */
int rpc_timer_set(struct rpc_loop *l, struct rpc_timer *t, int64_t at);
void rpc_timer_clear(struct rpc_loop *l, struct rpc_timer *t);

#define RPC_SECOND 1000000000ll
#define RPC_MS 1000000ll

#endif
