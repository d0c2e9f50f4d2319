/* Filters of subscriptions: types, chats, senders, direction, text. */
#ifndef DAEMON_FILTER_H
#define DAEMON_FILTER_H

#include "daemon/event.h"

struct rpc_pattern;

enum rpc_raw_mode { RPC_RAW_NONE, RPC_RAW_TOO, RPC_RAW_ONLY };
struct rpc_filter {
	uint32_t types; /* a bit each; 0 = all */
	unsigned account_count, peer_count, from_count;
	char (*accounts)[33];  /* count 0 = all */
	int64_t *peers, *from; /* marked ids; count 0 = all */
	int direction;         /* -1 = both, 0 = in, 1 = out */
	enum { RPC_TEXT_ANY, RPC_TEXT_CONTAINS, RPC_TEXT_PREFIX, RPC_TEXT_REGEX } text_kind;
	char *text;
	size_t text_len;
	struct rpc_pattern *regex;
	enum rpc_raw_mode raw;
};
extern const struct rpc_filter rpc_filter_none; /* wants nothing */
void rpc_filter_free(struct rpc_filter *f);
/* Whether an event may be wanted, by all but its text. */
bool rpc_filter_head(const struct rpc_filter *f, const struct rpc_event *e);
/* 1, 0, or -TG_E_TOO_LARGE: the regular expression took too many steps. */
int rpc_filter_match(const struct rpc_filter *f, const struct rpc_event *e) TL_MUST;

#endif
