/* Outcomes of requests with an idempotency key: kept in the store for a week, so that a repeat,
 * also after a crash, gets what the first one got (RPC contract §7, PROTOCOL F.75). A call owns its
 * outcome; the account lists those under way. */
#ifndef DAEMON_OUTCOME_H
#define DAEMON_OUTCOME_H

#include "daemon/call.h"

enum rpc_outcome_stage {
	RPC_OUTCOME_FRESH,    /* its row is on the disk before anything is sent */
	RPC_OUTCOME_OPEN,     /* something may have been sent, now or in an earlier life */
	RPC_OUTCOME_SETTLING, /* what it got is on its way to the disk */
	RPC_OUTCOME_SETTLED,  /* it may be told */
};
struct rpc_outcome {
	struct rpc_outcome *next; /* of the account */
	struct rpc_call *call;
	int64_t id;    /* the random id, which names the row */
	int64_t begin; /* Unix seconds */
	uint8_t hash[32];
	enum rpc_outcome_stage stage;
	bool repeated;      /* an earlier one may have been sent */
	struct tl_buf text; /* the result; of an error, its text */
};
/* A request with a key arrives: told what an earlier one got, made to wait for one that is under
 * way, refused when the parameters differ, or started. */
struct rpc_result rpc_outcome_begin(struct rpc_call *c);
/* Its peers are known: a new one's row goes to the disk, and the call proceeds from there. */
struct rpc_result rpc_outcome_keep(struct rpc_call *c);
void rpc_outcome_free(struct rpc_call *c); /* with the call */
/* From now on something may be on the wire. */
void rpc_outcome_open(struct rpc_call *c);
/* Where the result of a call is to be recorded first, or NULL. */
struct tl_buf *rpc_outcome_record(struct rpc_call *c);
/* The recorded result goes to the disk, and from there to the caller. */
struct rpc_result rpc_outcome_settle(struct rpc_call *c);
/* A refusal: true when it is kept, or its row erased, before it is told; the call has a duty. */
bool rpc_outcome_refuse(struct rpc_call *c);
/* A message that an earlier life, or an answer that was lost, sent under this random id. */
void rpc_outcome_name(struct rpc_account *a, int64_t random, int32_t id);
int32_t rpc_outcome_named(const struct rpc_account *a, int64_t random); /* 0: not known */
/* Deletes what is older than a week, a thousand at a time (batch); how many it were. */
unsigned rpc_outcomes_trim(struct tg_store *s, int64_t now, struct tg_batch *batch);

#endif
