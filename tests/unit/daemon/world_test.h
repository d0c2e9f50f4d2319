/* An account on the memory store, for what shapes need; no loop, no network. */
#ifndef TESTS_DAEMON_WORLD_H
#define TESTS_DAEMON_WORLD_H

#include "daemon/accounts.h"

struct test_world {
	struct tg_store *store;
	struct rpc_account account;
	struct tl_buf room; /* for events */
};
void test_world_init(struct test_world *w);
void test_world_free(struct test_world *w);

#endif
