/* Connecting: several addresses for one link, a little after each other, and the first that answers
 * wins (RFC 8305; PROTOCOL C.70). */
#ifndef DAEMON_RACE_H
#define DAEMON_RACE_H

#include "daemon/lookup.h"

#define RPC_RACE_MAX TG_RACE /* addresses of one race */
#define RPC_RACE_WAIT 250    /* ms before the next one starts */
#define RPC_KEEP_IDLE 60     /* s of silence before TCP asks whether the other side is there */

/* Begins with number first of n; ends with rpc_link_won or rpc_link_lose, perhaps at once. */
void rpc_race_begin(struct rpc_link *l, const struct rpc_found *to, unsigned n, unsigned first);
void rpc_race_end(struct rpc_link *l); /* closes what is still trying */

/* link.c. which: number of the address, from the first that was tried. */
void rpc_link_won(struct rpc_link *l, int fd, unsigned which);
void rpc_link_lose(struct rpc_link *l, const char *reason);

#endif
