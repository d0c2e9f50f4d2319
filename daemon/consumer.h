/* Consumers: names whose position in the journal the daemon keeps. Owned by the accounts' world; a
 * position counts once it is in the store. */
#ifndef DAEMON_CONSUMER_H
#define DAEMON_CONSUMER_H

#include "daemon/accounts.h"

struct rpc_commit;
struct rpc_subscription;

struct rpc_consumer {
	struct rpc_consumer *next;
	struct rpc_subscription *subscription; /* who reads under this name, or NULL */
	uint64_t acked;                        /* as on the disk, or RPC_NOWHERE */
	uint64_t moving;  /* where the last commit under way takes it; else the same */
	unsigned commits; /* under way */
	char name[65];
};
#define RPC_NOWHERE UINT64_MAX /* it has no row: not yet, or not any more */
int rpc_consumers_load(struct rpc_daemon *d) TL_MUST;
void rpc_consumers_free(struct rpc_daemon *d);
/* One that is there, and stays when all commits succeed. */
struct rpc_consumer *rpc_consumer_find(struct rpc_daemon *d, struct tl_str name);
bool rpc_consumer_name_ok(struct tl_str name);
/* NULL: no memory, or over the limit. Nothing is stored yet. */
struct rpc_consumer *rpc_consumer_add(struct rpc_daemon *d, struct tl_str name, uint64_t position);
/* Its new position as a commit, RPC_NOWHERE removes it; NULL: no memory. rpc_consumer_moved tells
 * how that went; one without a row is freed then. */
struct rpc_commit *rpc_consumer_move(struct rpc_consumer *k, uint64_t position);
void rpc_consumer_moved(struct rpc_daemon *d, const struct rpc_commit *commit);
/* What was said of its position is on the disk. */
bool rpc_consumer_rests(const struct rpc_consumer *k);
/* What follows the acked position and is on the disk. */
uint64_t rpc_consumer_lag(struct rpc_daemon *d, const struct rpc_consumer *k);
/* Seconds since the oldest of them came; 0 when there is none. */
int64_t rpc_consumer_age(struct rpc_daemon *d, const struct rpc_consumer *k);
/* Seq of the oldest row that is kept; the next one to come when there is none. */
uint64_t rpc_journal_oldest(struct rpc_daemon *d);

/* ---- for methods: they fill the problem ---- */
/* A new consumer; create false: -TG_E_CONSUMER_UNKNOWN. NULL: refused. */
struct rpc_consumer *rpc_consumer_make(struct rpc_call *c, const char *field, struct tl_str name,
				       bool create, uint64_t position);
/* A seq that a client names → the position behind it; -TG_E_CURSOR_EXPIRED with the oldest. */
int rpc_journal_behind(struct rpc_call *c, const char *field, int64_t seq, uint64_t *ret) TL_MUST;

#endif
