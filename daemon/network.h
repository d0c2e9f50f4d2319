/* What the kernel says of the machine's network: when a link, an address or a route comes, nobody
 * need wait for the end of a back-off (RFC 3549; SURFACE.md, signal_network_restored). */
#ifndef DAEMON_NETWORK_H
#define DAEMON_NETWORK_H

#include "daemon/loop.h"

#include <ev.h>

struct rpc_daemon;
struct rpc_network {
	struct rpc_daemon *d;
	int fd; /* -1: the kernel does not tell */
	struct ev_io watch;
	struct rpc_timer calm; /* changes come in swarms: they are acted on a little later */
	int64_t acted;         /* boot ns */
};
void rpc_network_init(struct rpc_network *n, struct rpc_daemon *d);
void rpc_network_free(struct rpc_network *n);

#endif
