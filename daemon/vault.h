/* Memory for keys: locked, in no core file, empty in a child. */
#ifndef DAEMON_VAULT_H
#define DAEMON_VAULT_H

#include "core/core.h"
#include "daemon/log.h"

#define RPC_VAULT_STEP 64u
#define RPC_VAULT_CLASSES 64u /* by size in steps; what is larger has pages of its own */

struct rpc_vault {
	struct mt_vault vault; /* first, so that the pointers are the same */
	struct rpc_log *log;
	void *spare[RPC_VAULT_CLASSES]; /* given back, by size; each begins with a pointer */
	uint8_t *chunk;                 /* the rest of the newest one */
	size_t left, locked;
	bool told; /* some of it cannot be locked */
};
void rpc_vault_init(struct rpc_vault *v, struct rpc_log *log);

#endif
