/* Named limits of the socket and the process; the rows are in limits.def. */
#ifndef DAEMON_LIMITS_H
#define DAEMON_LIMITS_H

enum rpc_limit {
#define L(name, key, value, unit, excess) RPC_MAX_##name = value,
#include "daemon/limits.def"
#undef L
};

struct tl_buf;
/* Appends the table as a JSON object: {"line_in":{"value":…,"unit":…,"on_excess":…},…}. */
void rpc_limits_write(struct tl_buf *out);

#endif
