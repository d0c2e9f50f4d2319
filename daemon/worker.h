/* Threads for what would hold the loop up: the engines' jobs. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "daemon/loop.h"

#include <pthread.h>

struct rpc_workers;

/* done is called on the loop thread and owns the job again (job->owner may have become NULL). */
int rpc_workers_new(struct ev_loop *ev, void (*done)(void *ctx, struct mt_job *job), void *ctx,
		    struct rpc_workers **ret) TL_MUST;
void rpc_workers_free(struct rpc_workers *w); /* waits for what is running */
void rpc_workers_put(struct rpc_workers *w, struct mt_job *job);
/* The owner is going: its jobs end without it. */
void rpc_workers_disown(struct rpc_workers *w, const void *owner);
/* A thread with a small stack and all signals blocked. */
int rpc_thread_start(pthread_t *t, void *(*run)(void *), void *ctx) TL_MUST;

#endif
