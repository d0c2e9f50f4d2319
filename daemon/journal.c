/* Rows of the journal: there and back, and their end. Keeps nothing. */
#include "daemon/journal.h"

#include "daemon/limits.h"

#include <assert.h>
#include <string.h>

#define ROW_VERSION 2u /* 1: never packed */
#define PACK_FROM 2048u
#define PACK_TO (1u << 20) /* what is larger might look like a bomb when it is read */
#define TRIM_ROWS 2000u

enum { ROW_OUT = 1, ROW_HAS_TEXT = 2, ROW_PACKED = 4 };

static void seq_key(uint64_t seq, uint8_t out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(seq >> (56 - 8 * i));
}

static uint64_t key_seq(const uint8_t *key)
{
	uint64_t seq = 0;

	for (int i = 0; i < 8; i++)
		seq = seq << 8 | key[i];
	return seq;
}

static void put_part(struct tl_buf *b, const void *data, size_t n)
{
	tl_put_u32(b, (uint32_t)n);
	tl_put(b, data, n);
}

/* Text, body and raw object: the bulk of a row. */
static void put_bulk(struct tl_buf *out, const struct rpc_event *e)
{
	put_part(out, e->text.data, e->text.len);
	put_part(out, e->body.data, e->body.len);
	put_part(out, e->raw.data, e->raw.len);
}

/* The bulk of n bytes packed, if that makes it smaller. */
static bool pack(const struct rpc_event *e, size_t n, struct tl_buf *packed)
{
	struct tl_buf plain = {0};
	bool smaller;

	if (n < PACK_FROM || n > PACK_TO)
		return false;
	put_bulk(&plain, e);
	smaller = !plain.err && mt_gzip(plain.data, plain.len, packed) == 0 && !packed->err &&
		  packed->len < n;
	tl_buf_free(&plain);
	return smaller;
}

static void put_head(struct tl_buf *out, const struct rpc_event *e, int64_t at, int more)
{
	tl_put_u8(out, ROW_VERSION);
	tl_put_u8(out, (uint8_t)e->type);
	tl_put_u8(out, (uint8_t)((e->out ? ROW_OUT : 0) | (e->has_text ? ROW_HAS_TEXT : 0) | more));
	tl_put_u64(out, (uint64_t)at);
	tl_put_u64(out, (uint64_t)e->chat);
	tl_put_u64(out, (uint64_t)e->from);
	put_part(out, e->account, strlen(e->account));
}

static size_t bulk_size(const struct rpc_event *e)
{
	return 3 * sizeof(uint32_t) + e->text.len + e->body.len + e->raw.len;
}

static size_t row_size(const struct rpc_event *e)
{
	return 3 + 3 * sizeof(uint64_t) + sizeof(uint32_t) + strlen(e->account) + bulk_size(e);
}

static void write_row(const struct tg_value *v, void *room)
{
	const struct rpc_event *e = v->ctx;
	size_t n = row_size(e);
	struct tl_buf row = {.data = room, .cap = n, .limit = n};

	put_head(&row, e, v->at, 0);
	put_bulk(&row, e);
	assert(!row.err && row.len == n);
}

/* A plain row is written where it stays: in the store. */
size_t rpc_journal_put(struct tg_batch *b, uint64_t seq, const struct rpc_event *e, int64_t at)
{
	const struct tg_value later = {.write = write_row, .ctx = e, .at = at};
	size_t n = row_size(e);
	struct tl_buf packed = {0}, row = {0};
	uint8_t key[8];

	seq_key(seq, key);
	if (!pack(e, bulk_size(e), &packed)) {
		tg_batch_put_later(b, TG_TABLE_JOURNAL, key, sizeof key, n, &later);
	} else {
		put_head(&row, e, at, ROW_PACKED);
		tl_put(&row, packed.data, packed.len);
		n = row.len;
		if (row.err && !b->ops.err)
			b->ops.err = row.err;
		tg_batch_put(b, TG_TABLE_JOURNAL, key, sizeof key, row.data, n);
	}
	tl_buf_free(&packed);
	tl_buf_free(&row);
	return n + sizeof key;
}

static struct tl_str get_part(struct tl_cursor *c)
{
	uint32_t n = tl_get_u32(c);
	const uint8_t *p = tl_get(c, n);

	return (struct tl_str){(const char *)p, p ? n : 0};
}

static void keep(struct tl_buf *b, struct tl_str s)
{
	tl_buf_clear(b);
	if (s.len)
		tl_put(b, s.data, s.len);
}

static uint8_t get_byte(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 1);

	return p ? *p : 0;
}

static int read_bulk(struct tl_cursor c, bool is_packed, struct rpc_event *e)
{
	struct tl_buf plain = {0};
	int err = 0;

	if (is_packed) {
		size_t n = tl_left(&c);

		err = mt_gunzip(tl_get(&c, n), n, &plain);
		c = tl_cursor(plain.data, plain.len);
	}
	if (!err) {
		keep(&e->text, get_part(&c));
		keep(&e->body, get_part(&c));
		keep(&e->raw, get_part(&c));
		err = c.err || e->text.err || e->body.err || e->raw.err ? -TG_E_STORE : 0;
	}
	tl_buf_free(&plain);
	return err;
}

static int read_row(const struct tl_buf *row, const struct rpc_filter *want, struct rpc_event *e,
		    int64_t *ret_at)
{
	struct tl_cursor c = tl_cursor(row->data, row->len);
	uint8_t version = get_byte(&c), type = get_byte(&c), bits = get_byte(&c);
	struct tl_str account;

	*ret_at = (int64_t)tl_get_u64(&c);
	e->chat = (int64_t)tl_get_u64(&c);
	e->from = (int64_t)tl_get_u64(&c);
	account = get_part(&c);
	if (c.err || !version || version > ROW_VERSION || type >= RPC_T_COUNT ||
	    account.len >= sizeof e->account)
		return -TG_E_STORE;
	e->type = (enum rpc_type)type;
	e->out = bits & ROW_OUT;
	e->has_text = bits & ROW_HAS_TEXT;
	memcpy(e->account, account.data, account.len);
	e->account[account.len] = '\0';
	return !want || rpc_filter_head(want, e) ? read_bulk(c, bits & ROW_PACKED, e) : 0;
}

/* What cannot be read is told, and is no reason to stop at it. */
static void unreadable(struct rpc_event *e)
{
	e->type = RPC_T_GAP;
	e->chat = e->from = 0;
	e->out = e->has_text = false;
	e->account[0] = '\0';
	tl_buf_clear(&e->text);
	tl_buf_clear(&e->body);
	tl_buf_clear(&e->raw);
	tl_put_text(&e->body, "\"type\":\"gap\",\"reason\":\"damaged\"");
}

int rpc_journal_next(struct tg_store *s, uint64_t after, const struct rpc_filter *want,
		     uint64_t *ret_seq, struct rpc_event *ret, int64_t *ret_at, size_t *ret_size)
{
	struct tl_buf key = {0}, row = {0};
	int64_t at = 0;
	uint8_t from[8];
	int err;

	seq_key(after + 1, from);
	err = s->ops->seek(s, TG_TABLE_JOURNAL, NULL, 0, from, sizeof from, &key, &row);
	if (!err && key.len != sizeof from)
		err = -TG_E_STORE;
	if (!err) {
		if (read_row(&row, want, ret, &at) != 0)
			unreadable(ret);
		if (ret_at)
			*ret_at = at;
		*ret_seq = key_seq(key.data);
		if (ret_size)
			*ret_size = row.len + key.len;
	}
	tl_buf_free(&key);
	tl_buf_free(&row);
	return err;
}

void rpc_journal_row_free(struct rpc_event *e)
{
	tl_buf_free(&e->text);
	tl_buf_free(&e->body);
	tl_buf_free(&e->raw);
}

size_t rpc_journal_trim(struct tg_store *s, const struct rpc_journal_limits *limits, uint64_t bytes,
			int64_t now, struct tg_batch *batch)
{
	struct rpc_event row = {0};
	size_t freed = 0, size;
	uint64_t seq = 0;
	uint8_t key[8];
	int64_t at;

	for (unsigned i = 0; i < TRIM_ROWS; i++) {
		if (rpc_journal_next(s, seq, &rpc_filter_none, &seq, &row, &at, &size) != 0)
			break;
		if (now - at < limits->age && bytes - freed <= limits->bytes)
			break;
		seq_key(seq, key);
		tg_batch_delete(batch, TG_TABLE_JOURNAL, key, sizeof key);
		freed += size;
	}
	rpc_journal_row_free(&row);
	return freed;
}
