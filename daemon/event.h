/* An update on its way to subscribers: serialised once, with a head for the filters. */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include "daemon/accounts.h"

enum rpc_type {
	RPC_T_NEW_MESSAGE,
	RPC_T_MESSAGE_EDITED,
	RPC_T_MESSAGE_DELETED,
	RPC_T_CALLBACK_QUERY,
	RPC_T_INLINE_QUERY,
	RPC_T_INLINE_SEND,
	RPC_T_USER_STATUS,
	RPC_T_USER_TYPING,
	RPC_T_PARTICIPANT,
	RPC_T_JOIN_REQUEST,
	RPC_T_MESSAGE_REACTION,
	RPC_T_POLL_VOTE,
	RPC_T_BOT_STOPPED,
	RPC_T_SHIPPING_QUERY,
	RPC_T_PRE_CHECKOUT_QUERY,
	RPC_T_CHAT_BOOST,
	RPC_T_READ,
	RPC_T_ACCOUNT_STATE,
	RPC_T_CONNECTION_STATE,
	RPC_T_GAP,
	RPC_T_RAW,
	RPC_T_COUNT
};
const char *rpc_type_name(enum rpc_type t);
bool rpc_type_parse(struct tl_str name, enum rpc_type *ret) TL_MUST;
bool rpc_type_is_live(enum rpc_type t); /* no seq, not kept */

struct rpc_event {
	struct rpc_event *next;
	enum rpc_type type;
	char account[33];
	int64_t chat, from; /* marked; 0 = none */
	bool out, has_text;
	struct tl_str text;  /* of the message, for filters */
	struct tl_str body;  /* members from "account" on */
	struct tl_str raw;   /* the TL object as JSON, or empty */
	struct tl_buf bytes; /* of a row of the journal: where these are; else behind the struct */
};
/* NULL: no memory. The event is written in room first, which is kept for the next one. */
struct rpc_event *rpc_event_update(struct rpc_account *a, const struct tl_obj *update,
				   struct tl_buf *room);
struct rpc_event *rpc_event_state(struct rpc_account *a);
/* connection_state, with one more member unless NULL. */
struct rpc_event *rpc_event_online(struct rpc_account *a, const char *extra, int64_t value);
struct rpc_event *rpc_event_gap(struct rpc_account *a, const struct tg_event *e);
void rpc_event_free(struct rpc_event *e);
/* Another core wrote it: the first lines of it are fetched while something else is done. NULL is
 * fine. */
static inline void rpc_event_fetch(const struct rpc_event *e, unsigned lines)
{
	for (unsigned i = 0; e && i < lines; i++)
		__builtin_prefetch((const char *)e + (size_t)64 * i);
}

#endif
