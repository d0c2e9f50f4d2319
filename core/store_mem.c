/* The store in memory: a treap per table, for --store memory and for tests. The store belongs to
 * the daemon; a lock stands between the loop thread that reads and the store thread that commits.
 */
#include "core/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *left, *right;
	uint64_t priority;
	size_t nkey, n;
	uint8_t bytes[]; /* key, value */
};

struct store {
	struct tg_store base;
	pthread_mutex_t lock;
	uint64_t draw;
	struct node *root[TG_TABLE_COUNT];
};

static uint64_t next_priority(struct store *m)
{
	uint64_t z = m->draw += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct node *node_new(struct store *m, const struct tg_op *op)
{
	struct node *x = malloc(sizeof *x + op->nkey + op->n);

	if (!x)
		return NULL;
	x->left = x->right = NULL;
	x->priority = next_priority(m);
	x->nkey = op->nkey;
	x->n = op->n;
	memcpy(x->bytes, op->key, op->nkey);
	tg_op_value(op, x->bytes + op->nkey);
	return x;
}

static int compare(const struct node *x, const void *key, size_t nkey)
{
	return tg_key_compare(x->bytes, x->nkey, key, nkey);
}

/* Keys below key go left, the others right. */
static void split(struct node *t, const void *key, size_t nkey, struct node **left,
		  struct node **right)
{
	while (t) {
		if (compare(t, key, nkey) < 0) {
			*left = t;
			left = &t->right;
			t = t->right;
		} else {
			*right = t;
			right = &t->left;
			t = t->left;
		}
	}
	*left = *right = NULL;
}

static struct node *merge(struct node *a, struct node *b)
{
	struct node *top = NULL, **at = &top;

	while (a && b) {
		if (a->priority > b->priority) {
			*at = a;
			at = &a->right;
			a = a->right;
		} else {
			*at = b;
			at = &b->left;
			b = b->left;
		}
	}
	*at = a ? a : b;
	return top;
}

static void take_out(struct node **root, const void *key, size_t nkey)
{
	struct node **at = root, *x;

	while (*at) {
		int r = compare(*at, key, nkey);

		if (r == 0)
			break;
		at = r < 0 ? &(*at)->right : &(*at)->left;
	}
	x = *at;
	if (!x)
		return;
	*at = merge(x->left, x->right);
	free(x);
}

static void put_in(struct node **root, struct node *x)
{
	struct node **at = root;

	take_out(root, x->bytes, x->nkey);
	while (*at && (*at)->priority >= x->priority)
		at = compare(*at, x->bytes, x->nkey) < 0 ? &(*at)->right : &(*at)->left;
	split(*at, x->bytes, x->nkey, &x->left, &x->right);
	*at = x;
}

/* The first node with key >= from. */
static const struct node *lower(const struct node *t, const void *from, size_t nfrom)
{
	const struct node *best = NULL;

	while (t) {
		if (compare(t, from, nfrom) >= 0) {
			best = t;
			t = t->left;
		} else {
			t = t->right;
		}
	}
	return best;
}

static int mem_get(struct tg_store *s, enum tg_table t, const void *key, size_t nkey,
		   struct tl_buf *out)
{
	struct store *m = (struct store *)s;
	const struct node *x;
	int r = -TG_E_NOT_FOUND;

	pthread_mutex_lock(&m->lock);
	x = lower(m->root[t], key, nkey);
	if (x && compare(x, key, nkey) == 0) {
		tl_put(out, x->bytes + x->nkey, x->n);
		r = out->err;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static int mem_seek(struct tg_store *s, enum tg_table t, const void *prefix, size_t nprefix,
		    const void *from, size_t nfrom, struct tl_buf *key, struct tl_buf *value)
{
	struct store *m = (struct store *)s;
	const struct node *x;
	int r = -TG_E_NOT_FOUND;

	if (tg_key_compare(from, nfrom, prefix, nprefix) < 0) {
		from = prefix;
		nfrom = nprefix;
	}
	pthread_mutex_lock(&m->lock);
	x = lower(m->root[t], from, nfrom);
	if (x && x->nkey >= nprefix && (!nprefix || memcmp(x->bytes, prefix, nprefix) == 0)) {
		tl_buf_clear(key);
		tl_put(key, x->bytes, x->nkey);
		tl_buf_clear(value);
		tl_put(value, x->bytes + x->nkey, x->n);
		r = key->err ? key->err : value->err;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* All nodes are made before the first goes in, so that it is all or nothing. */
static int prepare(struct store *m, const struct tg_batch *const *batches, size_t count,
		   struct node **ret)
{
	struct node *first = NULL, **tail = &first;

	for (size_t i = 0; i < count; i++) {
		struct tg_op op;

		if (batches[i]->ops.err)
			goto fail;
		for (size_t pos = 0; tg_batch_next(batches[i], &pos, &op);) {
			if (!op.put)
				continue;
			*tail = node_new(m, &op);
			if (!*tail)
				goto fail;
			tail = &(*tail)->right;
		}
	}
	*ret = first;
	return 0;
fail:
	while (first) {
		struct node *next = first->right;

		free(first);
		first = next;
	}
	return -TG_E_NOMEM;
}

static int mem_commit(struct tg_store *s, const struct tg_batch *const *batches, size_t count)
{
	struct store *m = (struct store *)s;
	struct node *list = NULL;
	int r;

	pthread_mutex_lock(&m->lock);
	r = prepare(m, batches, count, &list);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct tg_op op;

		for (size_t pos = 0; tg_batch_next(batches[i], &pos, &op);) {
			struct node *x = list;

			if (!op.put) {
				take_out(&m->root[op.table], op.key, op.nkey);
				continue;
			}
			list = x->right;
			put_in(&m->root[op.table], x);
		}
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static void mem_close(struct tg_store *s)
{
	struct store *m = (struct store *)s;

	for (int t = 0; t < TG_TABLE_COUNT; t++)
		while (m->root[t])
			take_out(&m->root[t], m->root[t]->bytes, m->root[t]->nkey);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct tg_store_ops ops = {mem_get, mem_seek, mem_commit, mem_close};

int tg_store_open_memory(struct tg_store **ret)
{
	struct store *m = calloc(1, sizeof *m);

	if (!m)
		return -TG_E_NOMEM;
	m->base.ops = &ops;
	pthread_mutex_init(&m->lock, NULL);
	*ret = &m->base;
	return 0;
}
