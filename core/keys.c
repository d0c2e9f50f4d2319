/* What the store has of data centres: keys, salts, time offsets, and which of them know the account
 * (E.5, E.8). Keys are never overwritten nor thrown away because of an error: they move aside. */
#include "core/account.h"

#include <string.h>

#define TEST_WORLD 10000 /* added to the number in keys, so that worlds never meet (E.5) */

static struct tg_key dc_key(const struct tg_account *a, uint8_t kind, int id)
{
	struct tg_key k = tg_key(a, kind);

	tg_key_number(&k, (uint64_t)id + (a->s.test ? TEST_WORLD : 0));
	return k;
}

static void load_salts(struct tg_account *a, int id, struct mt_client_options *o, struct tl_buf *b)
{
	struct tg_key k = dc_key(a, 's', id);
	struct tl_cursor c;

	tl_buf_clear(b);
	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, b) != 0)
		return;
	c = tl_cursor(b->data, b->len);
	while (tl_left(&c) >= 16 && o->salt_count < sizeof o->salts / sizeof *o->salts) {
		struct mt_salt *s = &o->salts[o->salt_count++];

		s->valid_since = (int32_t)tl_get_u32(&c);
		s->valid_until = (int32_t)tl_get_u32(&c);
		s->salt = tl_get_u64(&c);
	}
}

bool tg_key_read(struct tg_account *a, int id, uint8_t ret_key[256])
{
	struct tg_key key = dc_key(a, 'k', id);
	struct tl_buf b = {0};
	bool found = tg_read(a, TG_TABLE_KEY, key.bytes, key.n, &b) == 0 && b.len == 256;

	if (found)
		memcpy(ret_key, b.data, 256);
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
	return found;
}

void tg_key_load(struct tg_account *a, int id, struct mt_client_options *o)
{
	struct tg_key key = dc_key(a, 'k', id), offset = dc_key(a, 't', id);
	struct tl_buf b = {0};

	if (tg_read(a, TG_TABLE_KEY, key.bytes, key.n, &b) == 0 && b.len == sizeof o->key) {
		memcpy(o->key, b.data, sizeof o->key);
		o->has_key = true;
		mt_wipe(b.data, b.len); /* before it grows and moves */
		load_salts(a, id, o, &b);
	}
	tl_buf_clear(&b);
	if (tg_read(a, TG_TABLE_KEY, offset.bytes, offset.n, &b) == 0) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		o->time_offset = (int64_t)tl_get_u64(&c);
	}
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
}

void tg_key_save(struct tg_account *a, int id, const void *key, size_t n)
{
	struct tg_key k = dc_key(a, 'k', id);

	tg_write(a, TG_TABLE_KEY, k.bytes, k.n, key, n);
	tg_account_save(a); /* the row that leads to the key */
}

uint64_t tg_key_waits(const struct tg_account *a, int id)
{
	struct tg_key k = dc_key(a, 'k', id);

	return tg_write_waits(a, TG_TABLE_KEY, k.bytes, k.n);
}

bool tg_authorized_load(struct tg_account *a, int id)
{
	struct tg_key k = dc_key(a, 'a', id);
	struct tl_buf b = {0};
	bool yes = tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0;

	tl_buf_free(&b);
	return yes;
}

void tg_authorized_save(struct tg_account *a, int id, bool yes)
{
	struct tg_key k = dc_key(a, 'a', id);

	if (yes)
		tg_write(a, TG_TABLE_KEY, k.bytes, k.n, "", 0);
	else
		tg_erase(a, TG_TABLE_KEY, k.bytes, k.n);
}

void tg_salts_save(struct tg_account *a, int id, const struct mt_event *ev)
{
	struct tg_key k = dc_key(a, 's', id);
	struct tl_buf b = {0};

	for (size_t i = 0; i < ev->n / sizeof(struct mt_salt); i++) {
		struct mt_salt s;

		memcpy(&s, ev->data + i * sizeof s, sizeof s);
		tl_put_u32(&b, (uint32_t)s.valid_since);
		tl_put_u32(&b, (uint32_t)s.valid_until);
		tl_put_u64(&b, s.salt);
	}
	if (!b.err)
		tg_write(a, TG_TABLE_KEY, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

void tg_offset_save(struct tg_account *a, int id, int64_t offset)
{
	struct tg_key k = dc_key(a, 't', id);
	struct tl_buf b = {0};
	int64_t known = 0, seconds = offset / TG_SECOND, off;
	bool fresh = true;

	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		known = (int64_t)tl_get_u64(&c);
		fresh = false;
	}
	if (fresh || offset - known > TG_SECOND || known - offset > TG_SECOND) {
		tl_buf_clear(&b);
		tl_put_u64(&b, (uint64_t)offset);
		if (!b.err)
			tg_write(a, TG_TABLE_KEY, k.bytes, k.n, b.data, b.len);
	}
	tl_buf_free(&b);
	off = seconds - a->clock_told;
	if (off >= TG_CLOCK_OFF || off <= -TG_CLOCK_OFF) {
		struct tg_node *n = tg_event_new(a, TG_EV_CLOCK);

		a->clock_told = seconds;
		if (n)
			n->ev.value = -seconds; /* how far the local clock is ahead */
	}
}

void tg_dc_drop_key(struct tg_account *a, int id)
{
	static const uint8_t kinds[] = {'k', 's', 'a'};
	struct tg_key k = dc_key(a, 'k', id), q = dc_key(a, 'q', id);
	struct tl_buf b = {0};

	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0) {
		tg_key_number(&q, (uint64_t)tg_unix(a));
		tg_write(a, TG_TABLE_KEY, q.bytes, q.n, b.data, b.len);
		mt_wipe(b.data, b.cap);
	}
	tl_buf_free(&b);
	for (size_t i = 0; i < sizeof kinds; i++) {
		k = dc_key(a, kinds[i], id);
		tg_erase(a, TG_TABLE_KEY, k.bytes, k.n);
	}
}

unsigned tg_dc_keys(struct tg_account *a, int ids[TG_MAX_DCS])
{
	struct tg_store *s = a->env.store;
	struct tg_key p = tg_key(a, 'k');
	struct tl_buf key = {0}, value = {0};
	int r = s->ops->seek(s, TG_TABLE_KEY, p.bytes, p.n, p.bytes, p.n, &key, &value);
	unsigned n = 0;

	while (r == 0 && n < TG_MAX_DCS) {
		struct tl_cursor c = tl_cursor(key.data + p.n, key.len - p.n);
		int id = 0;

		while (tl_left(&c))
			id = id << 8 | *tl_get(&c, 1);
		ids[n++] = id - (a->s.test ? TEST_WORLD : 0);
		tl_put_u8(&key, 0);
		r = s->ops->seek(s, TG_TABLE_KEY, p.bytes, p.n, key.data, key.len, &key, &value);
	}
	tl_buf_free(&key);
	if (value.data)
		mt_wipe(value.data, value.cap);
	tl_buf_free(&value);
	return n;
}

void tg_dc_drop_keys(struct tg_account *a)
{
	int ids[TG_MAX_DCS];
	unsigned n = tg_dc_keys(a, ids);

	while (n)
		tg_dc_drop_key(a, ids[--n]);
}
