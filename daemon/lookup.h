/* Names of proxies: asked of the system's resolver on a worker, for it blocks. */
#ifndef DAEMON_LOOKUP_H
#define DAEMON_LOOKUP_H

#include "daemon/accounts.h"

#include <sys/socket.h>

#define RPC_LOOKUP_MAX 8 /* addresses of one name that are tried */

struct rpc_found {
	struct sockaddr_storage address;
	socklen_t size;
};
/* A numeric address, at once; false: it is a name. */
bool rpc_lookup_numeric(const char *host, uint16_t port, struct rpc_found *ret);
/* Begins to look a name up for a link of the account; rpc_link_found is called with the outcome,
 * also after the link is gone. 0 or -TG_E_NOMEM. */
int rpc_lookup_start(struct rpc_account *a, uint64_t serial, const char *host,
		     uint16_t port) TL_MUST;
/* A finished job of any kind: true when it was a lookup, which is then told and freed. */
bool rpc_lookup_done(struct rpc_account *a, struct mt_job *job);

/* link.c. n = 0: there is no such name, or no answer. */
void rpc_link_found(struct rpc_account *a, uint64_t serial, const struct rpc_found *found,
		    unsigned n);

#endif
