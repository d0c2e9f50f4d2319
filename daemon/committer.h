/* The store thread: batches become transactions in the order in which they came, as many at once as
 * wait. Events get their seq inside the transaction. */
#ifndef DAEMON_COMMITTER_H
#define DAEMON_COMMITTER_H

#include "daemon/loop.h"

struct rpc_account;
struct rpc_call;
struct rpc_consumer;
struct rpc_event;
struct rpc_committer;

struct rpc_commit {
	struct rpc_commit *next;
	struct tg_batch *batch;
	struct rpc_account *account; /* whose engine gave the batch; NULL: the daemon's, or gone */
	struct rpc_call *call;       /* who waits for it, or NULL */
	struct rpc_event *events;    /* of the batch, in order */
	unsigned event_count;
	uint64_t first_seq;            /* of the events, once committed */
	bool is_trim;                  /* the batch is retention's */
	bool is_probe;                 /* it only tells whether the disk has room again */
	uint64_t trimmed;              /* bytes of the journal that it deletes */
	struct rpc_consumer *consumer; /* that the batch moves, or NULL */
	uint64_t position;             /* … to here */
};

/* done is called on the loop thread, in order; batch->result tells. It owns the commit again. */
int rpc_committer_new(struct tg_store *store, struct ev_loop *ev,
		      void (*done)(void *ctx, struct rpc_commit *c), void *ctx,
		      struct rpc_committer **ret) TL_MUST;
/* A store whose journal is lost: the next event gets a number beyond all that were given, which is
 * milliseconds since 1970, for there were never a thousand events a second. */
int rpc_committer_begin_anew(struct tg_store *store) TL_MUST;
/* Writes what is queued, then ends the thread; done is still called for all. */
void rpc_committer_free(struct rpc_committer *c);
void rpc_committer_put(struct rpc_committer *c, struct rpc_commit *commit);
/* Number of the last event on the disk. */
uint64_t rpc_committer_seq(const struct rpc_committer *c);
/* Bytes of the journal on the disk. */
uint64_t rpc_committer_journal(struct rpc_committer *c);
/* Nothing has been under way for longer than this many ns. */
bool rpc_committer_alive(struct rpc_committer *c, int64_t now, int64_t limit);

#endif
