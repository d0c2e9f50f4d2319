/* Inside core: how a batch is read back, and what the stores share. */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "core/core.h"

#define TG_STORE_FORMAT 1    /* of the tables; a newer store is refused */
#define TG_STORE_MAX_KEY 511 /* LMDB's */

struct tg_op {
	enum tg_table table;
	bool put;
	const uint8_t *key, *value;
	size_t nkey, n;
};
/* The operation at *pos; false at the end. Batches are our own: a broken one is our bug. */
bool tg_batch_next(const struct tg_batch *b, size_t *pos, struct tg_op *ret);

/* memcmp order, the shorter first. */
int tg_key_compare(const void *a, size_t na, const void *b, size_t nb);

#endif
