/* The duty to answer later: deadlines, cancelling, and clients that leave. A call with a duty is
 * listed at its connection, or among the daemon's orphans. */
#include "daemon/daemon.h"
#include "daemon/trouble.h"

#include <stddef.h>

static struct rpc_call *of_timer(struct rpc_timer *t)
{
	return (struct rpc_call *)((char *)t - offsetof(struct rpc_call, timer));
}

static void on_deadline(struct rpc_timer *t, struct mt_time now)
{
	(void)now;
	rpc_call_stop(of_timer(t), -TG_E_TIMEOUT);
}

static void push(struct rpc_call **head, struct rpc_call *c)
{
	c->prev = NULL;
	c->next = *head;
	if (*head)
		(*head)->prev = c;
	*head = c;
}

struct rpc_result rpc_later(struct rpc_call *c, bool (*cancel)(struct rpc_call *c))
{
	c->cancel = cancel;
	if (!c->listed) {
		push(c->conn ? &c->conn->calls : &c->d->orphans, c);
		c->listed = true;
		c->d->inflight++;
		if (c->conn)
			c->conn->inflight++;
	}
	if (!c->timer.index && c->deadline != INT64_MAX) {
		c->timer.fire = on_deadline;
		if (rpc_timer_set(&c->d->loop, &c->timer, c->deadline) != 0)
			rpc_call_stop(c, -TG_E_NOMEM);
	}
	return (struct rpc_result){c, true};
}

void rpc_call_stop(struct rpc_call *c, int err)
{
	bool sent = (c->cancel && c->cancel(c)) || c->search;

	c->cancel = NULL;
	if (err == -TG_E_TIMEOUT || err == -TG_E_CANCELLED || err == -TG_E_SHUTTING_DOWN)
		c->problem.outcome = sent ? "unknown" : "not_sent";
	if (err == -TG_E_TIMEOUT)
		rpc_trouble_hint(c);
	rpc_fail(c, err, NULL);
}

void rpc_calls_orphan(struct rpc_conn *conn)
{
	while (conn->calls) {
		struct rpc_call *c = conn->calls;

		if (c->flags & RPC_SENDS) {
			conn->calls = c->next;
			if (c->next)
				c->next->prev = NULL;
			conn->inflight--;
			c->conn = NULL;
			push(&c->d->orphans, c);
			continue;
		}
		if (c->cancel)
			c->cancel(c);
		rpc_call_free(c);
	}
	conn->last_send = NULL;
}
