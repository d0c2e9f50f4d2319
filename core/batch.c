/* Batches: replayable lists of writes, and the names that all stores share. A batch belongs to
 * whoever made it until it is handed to the store thread, and comes back with its result. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An operation: table, kind, key length (2), value length (4), key, value (or struct tg_value). */
#define OP_HEAD 8u

enum { DELETE, PUT, PUT_LATER };

struct tg_batch *tg_batch_new(void)
{
	return calloc(1, sizeof(struct tg_batch));
}

void tg_batch_free(struct tg_batch *b)
{
	if (!b)
		return;
	if (b->ops.data)
		mt_wipe(b->ops.data, b->ops.cap); /* keys may have been in it */
	tl_buf_free(&b->ops);
	free(b);
}

/* Where the value goes; NULL: too large, or no memory. */
static uint8_t *add(struct tg_batch *b, enum tg_table t, int kind, const void *key, size_t nkey,
		    size_t n)
{
	uint8_t *p;

	if (nkey == 0 || nkey > TG_STORE_MAX_KEY || n > UINT32_MAX) {
		if (!b->ops.err)
			b->ops.err = -TG_E_TOO_LARGE;
		return NULL;
	}
	p = tl_buf_extend(&b->ops,
			  OP_HEAD + nkey + (kind == PUT_LATER ? sizeof(struct tg_value) : n));
	if (!p)
		return NULL;
	p[0] = (uint8_t)t;
	p[1] = (uint8_t)kind;
	p[2] = (uint8_t)nkey;
	p[3] = (uint8_t)(nkey >> 8);
	for (int i = 0; i < 4; i++)
		p[4 + i] = (uint8_t)(n >> 8 * i);
	memcpy(p + OP_HEAD, key, nkey);
	return p + OP_HEAD + nkey;
}

void tg_batch_put(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey,
		  const void *value, size_t n)
{
	uint8_t *p = add(b, t, PUT, key, nkey, n);

	if (p && n)
		memcpy(p, value, n);
}

void tg_batch_put_later(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey, size_t n,
			const struct tg_value *value)
{
	uint8_t *p = add(b, t, PUT_LATER, key, nkey, n);

	if (p)
		memcpy(p, value, sizeof *value);
}

void tg_batch_delete(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey)
{
	(void)add(b, t, DELETE, key, nkey, 0);
}

bool tg_batch_next(const struct tg_batch *b, size_t *pos, struct tg_op *ret)
{
	const uint8_t *p;

	if (*pos >= b->ops.len)
		return false;
	p = b->ops.data + *pos;
	assert(b->ops.len - *pos >= OP_HEAD && p[0] < TG_TABLE_COUNT);
	ret->table = (enum tg_table)p[0];
	ret->put = p[1] != DELETE;
	ret->later = p[1] == PUT_LATER;
	ret->nkey = (size_t)p[2] | (size_t)p[3] << 8;
	ret->n = (size_t)p[4] | (size_t)p[5] << 8 | (size_t)p[6] << 16 | (size_t)p[7] << 24;
	ret->key = p + OP_HEAD;
	ret->value = ret->key + ret->nkey;
	*pos += OP_HEAD + ret->nkey + (ret->later ? sizeof(struct tg_value) : ret->n);
	assert(*pos <= b->ops.len);
	return true;
}

void tg_op_value(const struct tg_op *op, void *room)
{
	struct tg_value value;

	if (op->later) {
		memcpy(&value, op->value, sizeof value);
		value.write(&value, room);
	} else if (op->n) {
		memcpy(room, op->value, op->n);
	}
}

int tg_key_compare(const void *a, size_t na, const void *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int r = n ? memcmp(a, b, n) : 0;

	return r ? r : (na > nb) - (na < nb);
}

/* ---- names ----------------------------------------------------------------------------------- */
const char *const tg_table_names[TG_TABLE_COUNT] = {
	"meta", "account", "key", "state", "peer", "name", "journal", "consumer", "outcome",
};
const char tg_meta_generation[5] = "keys";

bool tg_meta_is_clear(const void *key, size_t n)
{
	const char *const names[] = {"format", tg_meta_generation, "seal", "seal_epoch", "rekey"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (n == strlen(names[i]) && memcmp(key, names[i], n) == 0)
			return true;
	return false;
}
