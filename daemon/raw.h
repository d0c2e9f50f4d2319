/* Telegram's own methods: every one of the schema, by the name in its documentation. */
#ifndef DAEMON_RAW_H
#define DAEMON_RAW_H

#include "daemon/call.h"

/* The row that stands for all of them. */
extern const struct rpc_method rpc_raw_method;
/* Index of a method of the schema, TL_NONE when there is none. */
unsigned rpc_raw_find(struct tl_str name);
/* May this method be called at all, by this client, with these common parameters? Fills the
 * problem; sets what follows for the call. */
int rpc_raw_check(struct rpc_call *c, unsigned tl) TL_MUST;
int rpc_raw_peers(struct rpc_call *c) TL_MUST; /* of c->raw_params */
/* raw_params → body; fills what may be left out, or the problem. */
int rpc_raw_encode(struct rpc_call *c) TL_MUST;
struct rpc_result rpc_raw_run(struct rpc_call *c);
/* Sends of one connection to one chat (marked id) keep their order. */
uint64_t rpc_chain(const struct rpc_call *c, int64_t chat);
/* Drawn, or derived from account, method, idempotency key and part. */
int64_t rpc_random_id(const struct rpc_call *c, unsigned part);

#endif
