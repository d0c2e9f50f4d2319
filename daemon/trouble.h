/* Why an account has no connection: told in the log once and then rarely, shown while it lasts. */
#ifndef DAEMON_TROUBLE_H
#define DAEMON_TROUBLE_H

#include "daemon/accounts.h"

#define RPC_TROUBLE_AGAIN (3600 * RPC_SECOND) /* when the same is told again */
#define RPC_TROUBLE_OTHER (60 * RPC_SECOND)   /* … and another reason */

/* Of one data centre, or (0) of the proxy. */
struct rpc_trouble {
	struct rpc_trouble *next;
	int dc;
	int64_t told;    /* boot ns */
	bool is_of_talk; /* a connection alone does not end it */
	char reason[160];
};
void rpc_trouble_note(struct rpc_account *a, int dc, const char *host, unsigned port,
		      const char *reason);
void rpc_trouble_barred(struct rpc_account *a, const struct tg_event *e);
void rpc_trouble_proxy(struct rpc_account *a, struct tl_str reason);
void rpc_trouble_connected(struct rpc_account *a, int dc); /* what follows is another matter */
void rpc_trouble_free(struct rpc_account *a);
/* The latest, or NULL: it is online, or nothing has been tried. */
const char *rpc_trouble_text(const struct rpc_account *a);
/* What is in the way of a call that had no answer in time, as its hint. */
void rpc_trouble_hint(struct rpc_call *c);

#endif
