/* core: a store whose values are sealed at rest. Another front door of core: it wraps any store.
 *
 * A value is AES-256-GCM, bound to its table and its key: altered, moved or copied ones are found
 * out; an older copy of the whole folder is not. Sub-keys come from the given one by HKDF-SHA256,
 * one a table. The nonce is a number of the opening, written before anything is sealed under it,
 * and a counter: none comes twice. */
#ifndef CORE_SEAL_H
#define CORE_SEAL_H

#include "core/core.h"

#define TG_SEAL_KEY 32u
enum tg_seal_mode {
	TG_SEAL_NONE,
	TG_SEAL_KEYS, /* the tables ACCOUNT and KEY: auth keys, salts, logins under way */
	TG_SEAL_ALL,  /* every value; usernames and phones as keys become HMACs */
};
/* How the store was sealed, and whether a change of that was interrupted. */
int tg_seal_look(struct tg_store *inner, enum tg_seal_mode *ret_mode, bool *ret_unfinished) TL_MUST;
/* key: TG_SEAL_KEY bytes. A fresh store is sealed as mode says, which is not NONE. The returned
 * store owns inner. -TG_E_CRYPTO: not the key. -TG_E_NOT_PERMITTED: it was sealed in another mode,
 * or not at all, or a change was interrupted: tg_store_rekey. In all these cases nothing was
 * written, and inner stays the caller's. */
int tg_store_seal(struct tg_store *inner, const uint8_t *key, enum tg_seal_mode mode,
		  const struct mt_env *env, struct tg_store **ret) TL_MUST;
/* Rewrites every row for another key and mode (from, to: NULL for an unsealed store), some rows a
 * transaction. Interrupted, it is called again with the same keys and goes on. Nobody else may use
 * the store meanwhile. -TG_E_CRYPTO: from does not open it, or to is not that of the interrupted
 * change. */
int tg_store_rekey(struct tg_store *inner, const uint8_t *from, const uint8_t *to,
		   enum tg_seal_mode mode, const struct mt_env *env) TL_MUST;

#endif
