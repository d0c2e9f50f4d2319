/* Subscriptions of connections: filters, delivery after the commit, and from the journal for those
 * who are behind. */
#ifndef DAEMON_SUBSCRIPTION_H
#define DAEMON_SUBSCRIPTION_H

#include "daemon/filter.h"

struct rpc_conn;
struct rpc_consumer;

struct rpc_subscription {
	struct rpc_subscription *next;                /* of the connection */
	struct rpc_subscription *all_next, *all_prev; /* of the daemon's list */
	struct rpc_conn *conn;
	struct rpc_consumer *consumer; /* or NULL */
	uint64_t id;
	uint64_t pos;  /* everything up to here was offered */
	uint64_t sent; /* the last one written */
	bool ack_auto;
	bool parked; /* no room: in the daemon's other list */
	struct rpc_filter filter;
	uint64_t delivered, lagged; /* lagged: live-only ones it was too slow for */
};
/* Takes the filter over; begins behind pos. NULL: no memory. */
struct rpc_subscription *rpc_subscription_new(struct rpc_conn *c, struct rpc_filter *f,
					      uint64_t pos);
struct rpc_subscription *rpc_subscription_find(struct rpc_conn *c, uint64_t id);
void rpc_subscription_free(struct rpc_subscription *s);
/* The same, and its connection is told why. */
void rpc_subscription_end(struct rpc_subscription *s, const char *reason);
void rpc_unsubscribe_all(struct rpc_conn *c);
void rpc_subscriptions_rename(struct rpc_conn *c, const char *from,
			      const char *to); /* an account */
/* An event as the members of an update's params, with what the filter wants of it. */
void rpc_event_write(struct tl_buf *b, const struct rpc_event *e, enum rpc_raw_mode raw);
/* Rows between two seqs that retention has taken, from all accounts, as the same. Its own seq is
 * the last of them: an ack of it leaves the gap behind. */
void rpc_gap_write(struct tl_buf *b, uint64_t from, uint64_t to);
/* Something was written: if there is room now, its subscriptions go on. */
void rpc_unpark(struct rpc_conn *c);
/* Feeds those who are behind and have room; true = there is more to do. */
bool rpc_subscriptions_turn(struct rpc_daemon *d);
/* Offers one event to everybody; seq 0: live only. */
void rpc_deliver(struct rpc_daemon *d, const struct rpc_event *e, uint64_t seq);

#endif
