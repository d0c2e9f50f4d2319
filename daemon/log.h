/* Logs: one line a message on standard error, key=value, with journald's level prefix when systemd
 * reads it. Never a secret, never a message's text: callers pass names and numbers only. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "tl/tl.h"

enum rpc_level { RPC_ERROR, RPC_WARNING, RPC_NOTICE, RPC_INFO, RPC_DEBUG };
struct rpc_log {
	enum rpc_level level;
	bool journal; /* lines begin with <N> */
	int fd;
	int64_t second;    /* of the rate limit */
	unsigned written;  /* in this second */
	unsigned withheld; /* in this second */
};
#define RPC_LOG_RATE 200 /* lines a second below error */

const char *rpc_level_name(enum rpc_level l);
int rpc_level_parse(const char *name, enum rpc_level *ret) TL_MUST;
void rpc_log_init(struct rpc_log *l);
/* event: what happened, in words joined by '_'; fmt: "key=%d key=%s …" or NULL. Control characters
 * and quotes in values are replaced. */
void rpc_log(struct rpc_log *l, enum rpc_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
