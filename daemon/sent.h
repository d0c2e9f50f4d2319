/* Random ids of sends under way, and RANDOM_ID_DUPLICATE: Telegram has the message already, because
 * an earlier try got there whose answer was lost (PROTOCOL D.80). It is found by the name that
 * updateMessageID gives it, and the request is answered as if it had been the first. That update
 * comes with the answer, and in a difference from before the send; a session that only saw the
 * message go by was not told. */
#ifndef DAEMON_SENT_H
#define DAEMON_SENT_H

#include "daemon/call.h"

#define RPC_DUPLICATE "RANDOM_ID_DUPLICATE"

struct rpc_sent { /* in the call's arena */
	struct rpc_sent *call_next, *account_next;
	struct rpc_call *call;
	int64_t random;
	int32_t id; /* the message, as Telegram named it; 0 = not yet */
};
/* What the request is addressed to; NULL: no chat. */
const struct json_t *rpc_sent_target(const struct rpc_call *c);
/* The same as a channel's bare id; 0: no channel, or not resolved yet. */
int64_t rpc_sent_channel(const struct rpc_call *c);
/* The random ids of this request, before it is sent: given by the daemon, or guarded by a key. */
int rpc_sent_note(struct rpc_call *c) TL_MUST;
void rpc_sent_forget(struct rpc_call *c); /* with the call */
/* updateMessageID: a message has its number. */
void rpc_sent_update(struct rpc_account *a, const struct tl_obj *update);
/* An error of a call: true when it means "already done" and the call now looks for what was sent.
 */
bool rpc_sent_refused(struct rpc_call *c, const struct tg_event *e);

#endif
