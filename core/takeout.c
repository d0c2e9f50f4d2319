/* Takeout: an export of the account's data. While one runs, calls may be made inside it, over parts
 * of the history too, and with the files' data centres (core.telegram.org/api/takeout; D.61, E.50,
 * E.51). Its number belongs to the account and outlives the process. */
#include "core/account.h"

static struct tg_key row(const struct tg_account *a)
{
	struct tg_key k = tg_key(a, 'x');

	tg_key_number(&k, 0);
	return k;
}

static void forget(struct tg_account *a)
{
	struct tg_key k = row(a);

	tg_erase(a, TG_TABLE_STATE, k.bytes, k.n);
}

int64_t tg_takeout_id(struct tg_account *a)
{
	struct tg_key k = row(a);
	struct tl_buf b = {0};
	int64_t id = 0;

	if (tg_read(a, TG_TABLE_STATE, k.bytes, k.n, &b) == 0 && b.len == 8) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		id = (int64_t)tl_get_u64(&c);
	}
	tl_buf_free(&b);
	return id;
}

void tg_takeout_wrap(struct tg_account *a, const struct tg_call_options *o, struct tl_buf *b)
{
	if (!o->takeout)
		return;
	tl_put_u32(b, TL_ID_invokeWithTakeout);
	tl_put_u64(b, (uint64_t)tg_takeout_id(a));
	if (!o->range_to)
		return;
	tl_put_u32(b, TL_ID_invokeWithMessagesRange);
	tl_put_u32(b, TL_ID_messageRange);
	tl_put_u32(b, (uint32_t)o->range_from);
	tl_put_u32(b, (uint32_t)o->range_to);
}

void tg_takeout_answer(struct tg_account *a, const struct tg_call *c, const struct tg_answer *r)
{
	struct tl_str text = {(const char *)r->data, (uint32_t)r->n};
	struct tl_cursor in = tl_cursor(r->data, r->n);
	struct tg_key k = row(a);
	struct tl_buf b = {0};

	if (r->error) {
		if (c->lead && tl_str_eq(text, "TAKEOUT_INVALID"))
			forget(a);
	} else if (c->method == TL_account_initTakeoutSession) {
		if (tl_get_u32(&in) == TL_ID_account_takeout)
			tl_put_u64(&b, tl_get_u64(&in));
		if (b.len && !in.err && !b.err)
			tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
	} else if (c->method == TL_account_finishTakeoutSession &&
		   tl_get_u32(&in) == TL_ID_boolTrue) {
		forget(a);
	}
	tl_buf_free(&b);
}
