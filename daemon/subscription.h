/* Live subscriptions of connections. */
#ifndef DAEMON_SUBSCRIPTION_H
#define DAEMON_SUBSCRIPTION_H

struct rpc_conn;

void rpc_unsubscribe_all(struct rpc_conn *c);

#endif
