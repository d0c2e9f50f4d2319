/* Rows of the journal: there and back, and their end. Keeps nothing. */
#include "daemon/journal.h"

#include "daemon/limits.h"

#include <string.h>

#define ROW_VERSION 2u /* 1: never packed */
#define PACK_FROM 2048u
#define PACK_TO (1u << 20) /* what is larger might look like a bomb when it is read */
#define TRIM_ROWS 2000u
#define ROW_LINES 14u /* of the cache: most events are shorter */

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

/* Rows are written straight to where they stay: their size is known. */
static uint8_t *put_number(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + bytes;
}

static uint8_t *put_part(uint8_t *p, const void *data, size_t n)
{
	p = put_number(p, n, 4);
	if (n)
		memcpy(p, data, n);
	return p + n;
}

static size_t bulk_size(const struct rpc_event *e)
{
	return 3 * sizeof(uint32_t) + e->text.len + e->body.len + e->raw.len;
}

/* Text, body and raw object: the bulk of a row. */
static uint8_t *put_bulk(uint8_t *p, const struct rpc_event *e)
{
	p = put_part(p, e->text.data, e->text.len);
	p = put_part(p, e->body.data, e->body.len);
	return put_part(p, e->raw.data, e->raw.len);
}

/* The bulk of n bytes packed, if that makes it smaller. */
static bool pack(const struct rpc_event *e, size_t n, struct tl_buf *packed)
{
	struct tl_buf plain = {0};
	bool smaller;

	if (n < PACK_FROM || n > PACK_TO || !tl_buf_extend(&plain, n))
		return false;
	put_bulk(plain.data, e);
	smaller = mt_gzip(plain.data, n, packed) == 0 && !packed->err && packed->len < n;
	tl_buf_free(&plain);
	return smaller;
}

static size_t head_size(const struct rpc_event *e)
{
	return 3 + 3 * sizeof(uint64_t) + sizeof(uint32_t) + strlen(e->account);
}

static uint8_t *put_head(uint8_t *p, const struct rpc_event *e, int64_t at, int more)
{
	*p++ = ROW_VERSION;
	*p++ = (uint8_t)e->type;
	*p++ = (uint8_t)((e->out ? ROW_OUT : 0) | (e->has_text ? ROW_HAS_TEXT : 0) | more);
	p = put_number(p, (uint64_t)at, 8);
	p = put_number(p, (uint64_t)e->chat, 8);
	p = put_number(p, (uint64_t)e->from, 8);
	return put_part(p, e->account, strlen(e->account));
}

static void write_row(const struct tg_value *v, void *room)
{
	const struct rpc_event *e = v->ctx;

	rpc_event_fetch(e->next, ROW_LINES);
	put_bulk(put_head(room, e, v->at, 0), e);
}

/* A plain row is written where it stays: in the store. */
size_t rpc_journal_put(struct tg_batch *b, uint64_t seq, const struct rpc_event *e, int64_t at)
{
	const struct tg_value later = {.write = write_row, .ctx = e, .at = at};
	struct tl_buf packed = {0}, row = {0};
	size_t head = head_size(e), n;
	uint8_t key[8], *p;

	n = bulk_size(e);
	seq_key(seq, key);
	if (!pack(e, n, &packed)) {
		tg_batch_put_later(b, TG_TABLE_JOURNAL, key, sizeof key, head + n, &later);
	} else {
		n = packed.len;
		p = tl_buf_extend(&row, head + n);
		if (p)
			memcpy(put_head(p, e, at, ROW_PACKED), packed.data, n);
		else if (!b->ops.err)
			b->ops.err = row.err;
		tg_batch_put(b, TG_TABLE_JOURNAL, key, sizeof key, row.data, row.len);
	}
	tl_buf_free(&packed);
	tl_buf_free(&row);
	return sizeof key + head + n;
}

static struct tl_str get_part(struct tl_cursor *c)
{
	uint32_t n = tl_get_u32(c);
	const uint8_t *p = tl_get(c, n);

	return (struct tl_str){(const char *)p, p ? n : 0};
}

static uint8_t get_byte(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 1);

	return p ? *p : 0;
}

/* The parts lie in the row, or in what it was before it was packed. */
static int read_bulk(struct tl_cursor c, bool is_packed, struct rpc_event *e)
{
	struct tl_buf plain = {0};

	if (is_packed) {
		size_t n = tl_left(&c);
		int err = mt_gunzip(tl_get(&c, n), n, &plain);

		tl_buf_free(&e->bytes);
		e->bytes = plain;
		if (err)
			return err;
		c = tl_cursor(plain.data, plain.len);
	}
	e->text = get_part(&c);
	e->body = get_part(&c);
	e->raw = get_part(&c);
	return c.err ? -TG_E_STORE : 0;
}

static int read_row(const struct rpc_filter *want, struct rpc_event *e, int64_t *ret_at)
{
	struct tl_cursor c = tl_cursor(e->bytes.data, e->bytes.len);
	uint8_t version = get_byte(&c), type = get_byte(&c), bits = get_byte(&c);
	struct tl_str account;

	e->text = e->body = e->raw = (struct tl_str){0};
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
	e->text = e->raw = (struct tl_str){0};
	e->body = tl_str("\"type\":\"gap\",\"reason\":\"damaged\"");
}

int rpc_journal_next(struct tg_store *s, uint64_t after, const struct rpc_filter *want,
		     uint64_t *ret_seq, struct rpc_event *ret, int64_t *ret_at, size_t *ret_size)
{
	struct tl_buf key = {0};
	int64_t at = 0;
	uint8_t from[8];
	int err;

	seq_key(after + 1, from);
	err = s->ops->seek(s, TG_TABLE_JOURNAL, NULL, 0, from, sizeof from, &key, &ret->bytes);
	if (!err && key.len != sizeof from)
		err = -TG_E_STORE;
	if (!err) {
		if (ret_size)
			*ret_size = ret->bytes.len + key.len;
		if (read_row(want, ret, &at) != 0)
			unreadable(ret);
		if (ret_at)
			*ret_at = at;
		*ret_seq = key_seq(key.data);
	}
	tl_buf_free(&key);
	return err;
}

void rpc_journal_row_free(struct rpc_event *e)
{
	tl_buf_free(&e->bytes);
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
		if (now - at < limits->age && (bytes <= freed || bytes - freed <= limits->bytes))
			break;
		seq_key(seq, key);
		tg_batch_delete(batch, TG_TABLE_JOURNAL, key, sizeof key);
		freed += size;
	}
	rpc_journal_row_free(&row);
	return freed;
}
