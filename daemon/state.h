/* The state folder: where it is, its store, its encryption. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "core/core.h"
#include "daemon/config.h"

/* 0, or an exit code with the reason in why: 3 another daemon has it, 65 it is damaged, 78 the
 * key does not fit. */
int rpc_state_open(const struct rpc_config *c, struct mt_vault *vault, struct rpc_log *log,
		   struct tg_store **ret, char *why, size_t size) TL_MUST;
/* What can be told without opening it: 0, or 78 when the key is missing or no key. */
int rpc_state_check(const struct rpc_config *c, char *why, size_t size) TL_MUST;
/* --rekey: rewrites the store for the configured key; why then says what was done. */
int rpc_state_rekey(const struct rpc_config *c, char *why, size_t size) TL_MUST;

/* --restore-keys: a new store from keys.bak; the old one is put aside. */
int rpc_state_restore(const struct rpc_config *c, char *why, size_t size) TL_MUST;

#endif
