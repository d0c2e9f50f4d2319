/* Telegram's own methods: every one of the schema, by the name in its documentation. */
#ifndef DAEMON_RAW_H
#define DAEMON_RAW_H

#include "daemon/call.h"

/* The row that stands for all of them. */
extern const struct rpc_method rpc_raw_method;
/* Index of an API method, TL_NONE when there is none (functions of mtproto.tl count as none). */
unsigned rpc_raw_find(struct tl_str name);

#endif
