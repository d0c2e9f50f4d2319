/* A sealed store: a coat around another one, which it owns. Reads open values, batches are sealed
 * on the store thread. Below META, in clear: "seal", the header; "seal_epoch", the number of the
 * opening; "rekey", how far a change has come.
 *
 * Where names are hidden their order is that of HMACs: a walk from key to key (from = key|0) sees
 * each once, but not in alphabetical order. */
#include "core/seal_row.h"
#include "core/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REKEY_ROWS 512u /* in a transaction */

static const char header_key[] = "seal", epoch_key[] = "seal_epoch", rekey_key[] = "rekey";

struct sealed {
	struct tg_store base;
	struct mt_env env;
	struct tg_store *inner;
	struct tg_sealer sealer;                  /* its counter is the store thread's */
	struct tl_buf stored, from, row, raw_key; /* the loop thread's scratch */
};

static struct tl_str str_of(const struct tl_buf *b)
{
	return (struct tl_str){(const char *)b->data, (uint32_t)b->len};
}

static struct tl_str str(const void *data, size_t n)
{
	return (struct tl_str){data, (uint32_t)n};
}

/* ---- below META, in clear -------------------------------------------------------------------- */
static int get_meta(struct tg_store *s, const char *key, struct tl_buf *out)
{
	return s->ops->get(s, TG_TABLE_META, key, strlen(key), out);
}

static void put_meta(struct tg_batch *b, const char *key, const void *data, size_t n)
{
	tg_batch_put(b, TG_TABLE_META, key, strlen(key), data, n);
}

static bool is_own(enum tg_table t, const void *key, size_t n)
{
	return t == TG_TABLE_META && tg_meta_is_clear(key, n);
}

static int commit_one(struct tg_store *s, struct tg_batch *b)
{
	const struct tg_batch *one = b;
	int r = b->ops.err ? b->ops.err : s->ops->commit(s, &one, 1);

	tg_batch_free(b);
	return r;
}

/* ---- reading --------------------------------------------------------------------------------- */
static int sealed_get(struct tg_store *base, enum tg_table t, const void *key, size_t nkey,
		      struct tl_buf *out)
{
	struct sealed *s = (struct sealed *)base;
	int r;

	tl_buf_clear(&s->stored);
	tl_buf_clear(&s->row);
	tg_sealer_key(&s->sealer, t, key, nkey, &s->stored);
	r = s->stored.err;
	if (!r)
		r = s->inner->ops->get(s->inner, t, s->stored.data, s->stored.len, &s->row);
	if (!r)
		r = tg_sealer_open(&s->sealer, t, str_of(&s->stored), str_of(&s->row), NULL, out);
	return r;
}

/* Where a walk goes on: at what stands for the key, or right behind it. */
static void map_from(struct sealed *s, enum tg_table t, const uint8_t *from, size_t n)
{
	bool behind = n && from[n - 1] == 0 && tg_sealer_hides_key(&s->sealer, t);

	tl_buf_clear(&s->from);
	tg_sealer_key(&s->sealer, t, from, n - behind, &s->from);
	if (behind)
		tl_put_u8(&s->from, 0);
}

/* A damaged row is as good as none: it is learnt anew. */
static bool network_knows(enum tg_table t)
{
	return t == TG_TABLE_PEER || t == TG_TABLE_STATE;
}

static int sealed_seek(struct tg_store *base, enum tg_table t, const void *prefix, size_t nprefix,
		       const void *from, size_t nfrom, struct tl_buf *key, struct tl_buf *value)
{
	struct sealed *s = (struct sealed *)base;
	int r;

	map_from(s, t, from, nfrom);
	r = s->from.err;
	while (!r) {
		r = s->inner->ops->seek(s->inner, t, prefix, nprefix, s->from.data, s->from.len,
					&s->raw_key, &s->row);
		if (r)
			return r;
		if (!is_own(t, s->raw_key.data, s->raw_key.len)) {
			tl_buf_clear(key);
			tl_buf_clear(value);
			r = tg_sealer_open(&s->sealer, t, str_of(&s->raw_key), str_of(&s->row), key,
					   value);
			if (r != -TG_E_CRYPTO || !network_knows(t))
				return r ? r : key->err;
		}
		tl_buf_clear(&s->from);
		tl_put(&s->from, s->raw_key.data, s->raw_key.len);
		tl_put_u8(&s->from, 0);
		r = s->from.err;
	}
	return r;
}

/* ---- writing (store thread) ------------------------------------------------------------------ */
static void seal_op(struct tg_sealer *sealer, const struct tg_op *op, struct tg_batch *out,
		    struct tl_buf *stored, struct tl_buf *clear, struct tl_buf *row)
{
	void *room;

	tl_buf_clear(stored);
	tl_buf_clear(clear);
	tl_buf_clear(row);
	tg_sealer_key(sealer, op->table, op->key, op->nkey, stored);
	if (op->put && (room = tl_buf_extend(clear, op->n))) {
		tg_op_value(op, room);
		tg_sealer_seal(sealer, op->table, str_of(stored), str(op->key, op->nkey),
			       str_of(clear), row);
	}
	if (stored->err || clear->err || row->err)
		out->ops.err = stored->err ? stored->err : clear->err ? clear->err : row->err;
	else if (op->put)
		tg_batch_put(out, op->table, stored->data, stored->len, row->data, row->len);
	else
		tg_batch_delete(out, op->table, stored->data, stored->len);
}

static struct tg_batch *seal_batch(struct sealed *s, const struct tg_batch *in)
{
	struct tg_batch *out = tg_batch_new();
	struct tl_buf stored = {0}, clear = {0}, row = {0};
	struct tg_op op;

	if (!out)
		return NULL;
	for (size_t pos = 0; tg_batch_next(in, &pos, &op);)
		seal_op(&s->sealer, &op, out, &stored, &clear, &row);
	if (in->ops.err)
		out->ops.err = in->ops.err;
	if (clear.data)
		mt_wipe(clear.data, clear.cap); /* keys may have been in it */
	tl_buf_free(&clear);
	tl_buf_free(&stored);
	tl_buf_free(&row);
	return out;
}

static int sealed_commit(struct tg_store *base, const struct tg_batch *const *batches, size_t count)
{
	struct sealed *s = (struct sealed *)base;
	struct tg_batch **out = calloc(count + !count, sizeof *out);
	int r = out ? 0 : -TG_E_NOMEM;

	for (size_t i = 0; !r && i < count; i++) {
		out[i] = seal_batch(s, batches[i]);
		r = out[i] ? out[i]->ops.err : -TG_E_NOMEM;
	}
	if (!r)
		r = s->inner->ops->commit(s->inner, (const struct tg_batch *const *)out, count);
	for (size_t i = 0; out && i < count; i++)
		tg_batch_free(out[i]);
	free(out);
	return r;
}

static void free_coat(struct sealed *s)
{
	struct mt_env env = s->env;

	tl_buf_free(&s->stored);
	tl_buf_free(&s->from);
	tl_buf_free(&s->raw_key);
	tl_buf_free(&s->row);
	mt_secret_free(&env, s, sizeof *s);
}

static void sealed_close(struct tg_store *base)
{
	struct sealed *s = (struct sealed *)base;

	s->inner->ops->close(s->inner);
	free_coat(s);
}

static const struct tg_store_ops ops = {sealed_get, sealed_seek, sealed_commit, sealed_close};

/* ---- opening --------------------------------------------------------------------------------- */
int tg_seal_look(struct tg_store *inner, enum tg_seal_mode *ret_mode, bool *ret_unfinished)
{
	struct tl_buf b = {0};
	int r = get_meta(inner, rekey_key, &b);

	*ret_unfinished = r == 0;
	tl_buf_clear(&b);
	if (r == 0 || r == -TG_E_NOT_FOUND)
		r = get_meta(inner, header_key, &b);
	*ret_mode = TG_SEAL_NONE;
	if (r == 0 && b.len == TG_SEAL_HEADER && b.data[1] <= TG_SEAL_ALL)
		*ret_mode = (enum tg_seal_mode)b.data[1];
	else if (r == 0)
		r = -TG_E_STORE;
	tl_buf_free(&b);
	return r == -TG_E_NOT_FOUND ? 0 : r;
}

static bool is_fresh(struct tg_store *s)
{
	struct tl_buf key = {0}, value = {0};
	bool any = false;

	for (int t = TG_TABLE_META + 1; t < TG_TABLE_COUNT && !any; t++)
		any = s->ops->seek(s, (enum tg_table)t, NULL, 0, NULL, 0, &key, &value) !=
		      -TG_E_NOT_FOUND;
	tl_buf_free(&key);
	tl_buf_free(&value);
	return !any;
}

static void draw_sealer(struct tg_sealer *s, const uint8_t *key, enum tg_seal_mode mode,
			const struct mt_env *env)
{
	uint8_t salt[TG_SEAL_SALT];

	env->random(env->ctx, salt, sizeof salt);
	tg_sealer_init(s, key, mode, salt);
}

/* Takes the next number of an opening; durable before anything is sealed under it. */
static int next_epoch(struct tg_store *inner, struct tg_sealer *s, bool with_header)
{
	struct tg_batch *batch = tg_batch_new();
	struct tl_buf b = {0};
	struct tl_cursor c;
	int r = batch ? get_meta(inner, epoch_key, &b) : -TG_E_NOMEM;

	if (r == 0 || r == -TG_E_NOT_FOUND) {
		c = tl_cursor(b.data, b.len);
		s->epoch = (r == 0 ? tl_get_u32(&c) : 0) + 1;
		r = c.err || !s->epoch ? -TG_E_STORE : 0;
	}
	if (r == 0) {
		tl_buf_clear(&b);
		tl_put_u32(&b, s->epoch);
		put_meta(batch, epoch_key, b.data, b.len);
		tl_buf_clear(&b);
		tg_sealer_put_header(s, &b);
		if (with_header)
			put_meta(batch, header_key, b.data, b.len);
		r = b.err;
	}
	tl_buf_free(&b);
	if (r == 0)
		return commit_one(inner, batch);
	tg_batch_free(batch);
	return r;
}

static int open_sealer(struct tg_store *inner, const uint8_t *key, enum tg_seal_mode mode,
		       const struct mt_env *env, struct tg_sealer *ret)
{
	enum tg_seal_mode was;
	bool unfinished;
	struct tl_buf header = {0};
	int r = tg_seal_look(inner, &was, &unfinished);

	if (r)
		return r;
	if (unfinished)
		return -TG_E_NOT_PERMITTED;
	if (was == TG_SEAL_NONE) {
		if (!is_fresh(inner))
			return -TG_E_NOT_PERMITTED;
		draw_sealer(ret, key, mode, env);
		return next_epoch(inner, ret, true);
	}
	r = get_meta(inner, header_key, &header);
	if (!r)
		r = tg_sealer_load(ret, key, header.data, header.len);
	tl_buf_free(&header);
	if (!r && was != mode)
		r = -TG_E_NOT_PERMITTED;
	return r ? r : next_epoch(inner, ret, false);
}

int tg_store_seal(struct tg_store *inner, const uint8_t *key, enum tg_seal_mode mode,
		  const struct mt_env *env, struct tg_store **ret)
{
	struct sealed *s = mt_secret_new(env, sizeof *s);
	int r;

	assert(mode != TG_SEAL_NONE);
	if (!s)
		return -TG_E_NOMEM;
	s->env = *env;
	r = open_sealer(inner, key, mode, env, &s->sealer);
	if (r) {
		free_coat(s);
		return r;
	}
	s->base.ops = &ops;
	s->inner = inner;
	*ret = &s->base;
	return 0;
}

/* ---- another key ----------------------------------------------------------------------------- */
/* The record of a change: the target's header, then the table and the raw key behind which it goes
 * on. */
struct change {
	struct tg_sealer from, to;
	int table;
	struct tl_buf at;
};

static void put_record(struct tg_batch *batch, const struct change *c)
{
	struct tl_buf b = {0};

	tg_sealer_put_header(&c->to, &b);
	tl_put_u8(&b, (uint8_t)c->table);
	tl_put(&b, c->at.data, c->at.len);
	put_meta(batch, rekey_key, b.data, b.len);
	if (b.err)
		batch->ops.err = b.err;
	tl_buf_free(&b);
}

static int load_from(struct tg_store *s, const uint8_t *from, struct tg_sealer *ret)
{
	static const uint8_t no_salt[TG_SEAL_SALT];
	struct tl_buf header = {0};
	int r = get_meta(s, header_key, &header);

	if (r == -TG_E_NOT_FOUND) {
		tg_sealer_init(ret, NULL, TG_SEAL_NONE, no_salt);
		r = from ? -TG_E_CRYPTO : 0;
	} else if (r == 0) {
		r = tg_sealer_load(ret, from, header.data, header.len);
	}
	tl_buf_free(&header);
	return r;
}

static int load_change(struct tg_store *s, const uint8_t *to, enum tg_seal_mode mode,
		       const struct mt_env *env, struct change *c)
{
	struct tl_buf b = {0};
	int r = get_meta(s, rekey_key, &b);

	c->table = TG_TABLE_META;
	if (r == -TG_E_NOT_FOUND) {
		draw_sealer(&c->to, to, mode, env);
		r = 0;
	} else if (r == 0 && b.len > TG_SEAL_HEADER && b.data[TG_SEAL_HEADER] <= TG_TABLE_COUNT) {
		r = tg_sealer_load(&c->to, to, b.data, TG_SEAL_HEADER);
		if (!r && c->to.mode != mode)
			r = -TG_E_CRYPTO;
		c->table = b.data[TG_SEAL_HEADER];
		tl_put(&c->at, b.data + TG_SEAL_HEADER + 1, b.len - TG_SEAL_HEADER - 1);
	} else if (r == 0) {
		r = -TG_E_STORE;
	}
	tl_buf_free(&b);
	return r;
}

/* One row, unless it is already in its new form: where names move, a walk may meet them again. */
static int change_row(struct change *c, struct tg_batch *batch, struct tl_str stored,
		      struct tl_str row)
{
	enum tg_table t = (enum tg_table)c->table;
	struct tl_buf key = {0}, value = {0}, new_key = {0}, new_row = {0};
	bool moved = false;
	int r = 0;

	if (tg_sealer_hides_key(&c->to, t) &&
	    tg_sealer_open(&c->to, t, stored, row, NULL, &value) == 0)
		goto done;
	tl_buf_clear(&value);
	r = tg_sealer_open(&c->from, t, stored, row, &key, &value);
	if (r == -TG_E_CRYPTO && tg_sealer_hides_key(&c->from, t) &&
	    !tg_sealer_hides_key(&c->to, t))
		moved = true; /* or a damaged one, which the network knows */
	if (r)
		goto done;
	tg_sealer_key(&c->to, t, key.data, key.len, &new_key);
	tg_sealer_seal(&c->to, t, str_of(&new_key), str_of(&key), str_of(&value), &new_row);
	r = key.err ? key.err : new_key.err ? new_key.err : new_row.err;
	if (r)
		goto done;
	if (tg_key_compare(stored.data, stored.len, new_key.data, new_key.len) != 0)
		tg_batch_delete(batch, t, stored.data, stored.len);
	tg_batch_put(batch, t, new_key.data, new_key.len, new_row.data, new_row.len);
done:
	tl_buf_free(&key);
	if (value.data)
		mt_wipe(value.data, value.cap);
	tl_buf_free(&value);
	tl_buf_free(&new_key);
	tl_buf_free(&new_row);
	return moved ? 0 : r;
}

/* Some rows, and the record of how far it has come, in one transaction. */
static int change_some(struct tg_store *s, struct change *c)
{
	struct tg_batch *batch = tg_batch_new();
	struct tl_buf key = {0}, row = {0};
	int r = batch ? 0 : -TG_E_NOMEM;

	for (unsigned i = 0; !r && i < REKEY_ROWS && c->table < TG_TABLE_COUNT; i++) {
		enum tg_table t = (enum tg_table)c->table;

		r = s->ops->seek(s, t, NULL, 0, c->at.data, c->at.len, &key, &row);
		if (r == -TG_E_NOT_FOUND) {
			c->table++;
			tl_buf_clear(&c->at);
			r = 0;
			continue;
		}
		if (!r && !is_own(t, key.data, key.len))
			r = change_row(c, batch, str_of(&key), str_of(&row));
		tl_buf_clear(&c->at);
		tl_put(&c->at, key.data, key.len);
		tl_put_u8(&c->at, 0);
		r = r ? r : c->at.err;
	}
	if (row.data)
		mt_wipe(row.data, row.cap);
	tl_buf_free(&key);
	tl_buf_free(&row);
	if (r) {
		tg_batch_free(batch);
		return r;
	}
	put_record(batch, c);
	return commit_one(s, batch);
}

static int finish_change(struct tg_store *s, const struct change *c)
{
	struct tg_batch *batch = tg_batch_new();
	struct tl_buf header = {0};

	if (!batch)
		return -TG_E_NOMEM;
	tg_sealer_put_header(&c->to, &header);
	if (c->to.mode == TG_SEAL_NONE)
		tg_batch_delete(batch, TG_TABLE_META, header_key, strlen(header_key));
	else
		put_meta(batch, header_key, header.data, header.len);
	tg_batch_delete(batch, TG_TABLE_META, rekey_key, strlen(rekey_key));
	if (header.err)
		batch->ops.err = header.err;
	tl_buf_free(&header);
	return commit_one(s, batch);
}

int tg_store_rekey(struct tg_store *s, const uint8_t *from, const uint8_t *to,
		   enum tg_seal_mode mode, const struct mt_env *env)
{
	struct change c = {.table = 0};
	int r = load_from(s, from, &c.from);

	assert((mode == TG_SEAL_NONE) == !to);
	if (!r)
		r = load_change(s, to, mode, env, &c);
	if (!r)
		r = next_epoch(s, &c.to, false);
	while (!r && c.table < TG_TABLE_COUNT)
		r = change_some(s, &c);
	if (!r)
		r = finish_change(s, &c);
	tg_sealer_wipe(&c.from);
	tg_sealer_wipe(&c.to);
	tl_buf_free(&c.at);
	return r;
}
