/* The accounts. */
#include "daemon/accounts.h"

#include "daemon/daemon.h"
#include "daemon/js.h"

int rpc_account_choose(struct rpc_call *c)
{
	return rpc_problem(c, -TG_E_ACCOUNT_REQUIRED, NULL, "there is no account yet");
}

struct rpc_result rpc_peers_resolve(struct rpc_call *c)
{
	return rpc_proceed(c);
}

void rpc_accounts_write(struct rpc_daemon *d, struct tl_buf *b)
{
	(void)d;
	rpc_js_open(b, "accounts", '[');
	rpc_js_close(b, ']');
}

int rpc_accounts_init(struct rpc_daemon *d, char *why, size_t size)
{
	(void)d, (void)why, (void)size;
	return 0;
}

void rpc_accounts_free(struct rpc_daemon *d)
{
	(void)d;
}

bool rpc_accounts_turn(struct rpc_daemon *d)
{
	(void)d;
	return false;
}

bool rpc_accounts_store_alive(struct rpc_daemon *d, struct mt_time now)
{
	(void)d, (void)now;
	return true;
}
