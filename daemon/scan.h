/* One pass over a line before anything else looks at it: strict RFC 8259, bounded in depth, tokens,
 * key and number lengths, valid UTF-8; and the places of what a request is made of. */
#ifndef DAEMON_SCAN_H
#define DAEMON_SCAN_H

#include "daemon/limits.h"
#include "tl/tl.h"

/* One request object (or something else where one should be). The strings point into the line and
 * are JSON text, quotes included. */
struct rpc_span {
	struct tl_str id, method, params; /* NULL = absent */
	const char *fault;                /* why it is no request, or NULL */
	const char *limit;                /* the fault is this limit's */
	struct tl_str fault_name;         /* the member that should not be there */
};
struct rpc_scan {
	const char *line; /* borrowed from the caller */
	size_t n;
	int err;             /* 0, -TG_E_PARSE or -TG_E_TOO_LARGE */
	const char *message; /* of the error */
	const char *limit;   /* which limit, or NULL */
	size_t offset;       /* of the error */
	bool batch;
	unsigned count; /* of the spans */
	struct rpc_span spans[RPC_MAX_BATCH];
};
/* Only the used part of ret is written. */
void rpc_scan(const char *line, size_t n, struct rpc_scan *ret);

#endif
