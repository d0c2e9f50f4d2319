/* The accounts: one engine each, its connections, its calls. Owned by the daemon. */
#ifndef DAEMON_ACCOUNTS_H
#define DAEMON_ACCOUNTS_H

#include "daemon/call.h"

/* Finds the account a call is for and checks that it may work; fills the problem. */
int rpc_account_choose(struct rpc_call *c) TL_MUST;
/* Resolves the peers among the arguments, over the network if need be, then proceeds. */
struct rpc_result rpc_peers_resolve(struct rpc_call *c);
/* Opens the store, starts what it holds. 0, or an exit code with the reason in why. */
int rpc_accounts_init(struct rpc_daemon *d, char *why, size_t size) TL_MUST;
void rpc_accounts_free(struct rpc_daemon *d);
/* Pulls the events of the engines that are ready; true = there are more. */
bool rpc_accounts_turn(struct rpc_daemon *d);
/* The store thread has answered lately (the watchdog's question). */
bool rpc_accounts_store_alive(struct rpc_daemon *d, struct mt_time now);
/* Writes "accounts":[…] for status and list_accounts. */
void rpc_accounts_write(struct rpc_daemon *d, struct tl_buf *b);

#endif
