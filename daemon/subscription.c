/* Live subscriptions. */
#include "daemon/subscription.h"

#include "daemon/conn.h"

void rpc_unsubscribe_all(struct rpc_conn *c)
{
	c->subscriptions = NULL;
	c->subscription_count = 0;
}
