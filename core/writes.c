/* What an account writes: one batch is filled while another is on its way to the disk, so that all
 * that is waiting shares a commit and batches stay in order. Reads see what is written at once: an
 * overlay holds it until it is on the disk. */
#include "core/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct tg_written {
	struct tg_written *next, **link; /* in order of time */
	struct tg_written *same;         /* the same hash */
	uint64_t hash, batch;
	enum tg_table table;
	bool erased;
	size_t nkey, n;
	uint8_t bytes[]; /* key, value */
};

/* ---- keys ---- */
struct tg_key tg_key(const struct tg_account *a, uint8_t kind)
{
	struct tg_key k;

	memcpy(k.bytes, a->prefix, sizeof a->prefix);
	k.bytes[sizeof a->prefix] = kind;
	k.n = sizeof a->prefix + 1;
	return k;
}

void tg_key_number(struct tg_key *k, uint64_t v)
{
	assert(k->n + 8 <= sizeof k->bytes);
	for (int i = 7; i >= 0; i--)
		k->bytes[k->n++] = (uint8_t)(v >> 8 * i);
}

void tg_key_text(struct tg_key *k, struct tl_str s)
{
	for (uint32_t i = 0; i < s.len && k->n < sizeof k->bytes; i++) {
		char c = s.data[i];

		k->bytes[k->n++] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
}

/* ---- the overlay ---- */
static uint64_t hash_of(enum tg_table t, const uint8_t *key, size_t n)
{
	uint64_t h = n << 8 | (uint64_t)t, word;

	for (; n >= sizeof word; key += sizeof word, n -= sizeof word) {
		memcpy(&word, key, sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	for (size_t i = 0; i < n; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	return h;
}

static bool is_same(const struct tg_written *w, enum tg_table t, const void *key, size_t nkey)
{
	return w->table == t && w->nkey == nkey && memcmp(w->bytes, key, nkey) == 0;
}

static void overlay_remove(struct tg_account *a, struct tg_written *w)
{
	struct tg_written *head = tg_map_take(&a->store.by_hash, w->hash), **at = &head;

	while (*at != w)
		at = &(*at)->same;
	*at = w->same;
	if (head)
		(void)tg_map_put(&a->store.by_hash, w->hash, head); /* there is room: one went */
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	else
		a->store.last = w->link;
	mt_wipe(w->bytes, w->nkey + w->n);
	free(w);
}

static struct tg_written *overlay_find(const struct tg_account *a, enum tg_table t, const void *key,
				       size_t nkey)
{
	struct tg_written *w = NULL;

	if (a->store.first) /* mostly nothing is on its way */
		w = tg_map_get(&a->store.by_hash, hash_of(t, key, nkey));
	while (w && !is_same(w, t, key, nkey))
		w = w->same;
	return w;
}

/* Without memory the overlay stays behind; reads then see the older value for a moment. */
static void overlay_add(struct tg_account *a, enum tg_table t, const void *key, size_t nkey,
			const void *value, size_t n, bool erased)
{
	struct tg_written *w = overlay_find(a, t, key, nkey);

	if (w)
		overlay_remove(a, w);
	w = malloc(sizeof *w + nkey + n);
	if (!w)
		return;
	*w = (struct tg_written){.hash = hash_of(t, key, nkey),
				 .batch = a->store.number,
				 .table = t,
				 .erased = erased,
				 .nkey = nkey,
				 .n = n};
	memcpy(w->bytes, key, nkey);
	if (n)
		memcpy(w->bytes + nkey, value, n);
	w->same = tg_map_get(&a->store.by_hash, w->hash);
	if (!tg_map_put(&a->store.by_hash, w->hash, w)) {
		free(w);
		return;
	}
	w->link = a->store.last;
	*a->store.last = w;
	a->store.last = &w->next;
}

/* ---- writing and reading ---- */
static struct tg_batch *batch(struct tg_account *a)
{
	if (!a->store.batch) {
		a->store.batch = tg_batch_new();
		if (a->store.batch)
			a->store.batch->number = a->store.number;
	}
	return a->store.batch;
}

void tg_write(struct tg_account *a, enum tg_table t, const void *key, size_t nkey,
	      const void *value, size_t n)
{
	struct tg_batch *b = batch(a);

	if (!b)
		return;
	tg_batch_put(b, t, key, nkey, value, n);
	overlay_add(a, t, key, nkey, value, n, false);
}

void tg_erase(struct tg_account *a, enum tg_table t, const void *key, size_t nkey)
{
	struct tg_batch *b = batch(a);

	if (!b)
		return;
	tg_batch_delete(b, t, key, nkey);
	overlay_add(a, t, key, nkey, NULL, 0, true);
}

int tg_read(struct tg_account *a, enum tg_table t, const void *key, size_t nkey, struct tl_buf *out)
{
	const struct tg_written *w = overlay_find(a, t, key, nkey);

	if (!w)
		return a->env.store->ops->get(a->env.store, t, key, nkey, out);
	if (w->erased)
		return -TG_E_NOT_FOUND;
	tl_put(out, w->bytes + w->nkey, w->n);
	return out->err;
}

uint64_t tg_write_waits(const struct tg_account *a, enum tg_table t, const void *key, size_t nkey)
{
	const struct tg_written *w = overlay_find(a, t, key, nkey);

	return w ? w->batch : 0;
}

void tg_erase_all(struct tg_account *a, enum tg_table t, uint8_t kind)
{
	struct tg_store *s = a->env.store;
	struct tg_key p = tg_key(a, kind);
	struct tl_buf key = {0}, value = {0};
	int r;

	if (!kind)
		p.n--;
	r = s->ops->seek(s, t, p.bytes, p.n, p.bytes, p.n, &key, &value);
	while (r == 0) {
		tg_erase(a, t, key.data, key.len);
		tl_put_u8(&key, 0);
		r = s->ops->seek(s, t, p.bytes, p.n, key.data, key.len, &key, &value);
	}
	tl_buf_free(&key);
	if (value.data)
		mt_wipe(value.data, value.cap);
	tl_buf_free(&value);
	for (struct tg_written *w = a->store.first, *next; w; w = next) {
		next = w->next;
		if (w->table == t && !w->erased && w->nkey >= p.n &&
		    memcmp(w->bytes, p.bytes, p.n) == 0) {
			struct tg_key k;

			k.n = w->nkey < sizeof k.bytes ? w->nkey : sizeof k.bytes;
			memcpy(k.bytes, w->bytes, k.n);
			tg_erase(a, t, k.bytes, k.n);
		}
	}
}

/* ---- batches ---- */
uint64_t tg_write_number(struct tg_account *a)
{
	return a->store.number;
}

bool tg_writes_stalled(struct tg_account *a)
{
	if (a->store.owed >= TG_BACKLOG_MAX)
		tg_writes_flush(a);
	if (!a->store.level && a->store.owed < TG_BACKLOG_MAX)
		return false;
	a->store.choked = true;
	return true;
}

bool tg_account_full(const struct tg_account *a)
{
	return a->store.inflight && a->store.owed >= TG_BACKLOG_MAX / 8;
}

uint64_t tg_writes_pending(const struct tg_account *a)
{
	if (a->store.batch || a->store.owed || a->up.dirty || a->up.dirty_channels)
		return a->store.number;
	return a->store.failed ? a->store.failed->number : a->store.inflight;
}

static bool say(struct tg_account *a, struct tg_batch *b, bool again)
{
	struct tg_node *n = tg_event_new(a, TG_EV_STORE);

	if (!n)
		return false;
	n->ev.batch = b;
	n->ev.again = again;
	a->store.inflight = b->number;
	return true;
}

void tg_writes_flush(struct tg_account *a)
{
	int32_t pts = a->up.box[TG_BOX_COMMON].pts;

	if (a->store.inflight || a->store.failed)
		return;
	if (a->up.untold && !tg_gap_say(a, 0, pts, pts, "no_memory"))
		return;
	a->up.untold = false;
	tg_updates_save(a);
	if (!a->store.owed && !a->store.batch)
		return;
	if (!batch(a) || !say(a, a->store.batch, false))
		return;
	a->store.batch = NULL;
	a->store.owed = 0;
	a->store.number++;
}

static void retry(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	if (a->store.failed && say(a, a->store.failed, true))
		a->store.failed = NULL;
}

void tg_account_stored(struct tg_account *a, struct tg_batch *b, struct mt_time now)
{
	a->now = now;
	a->store.inflight = 0;
	if (b->result) {
		int64_t wait = TG_SECOND << (a->store.level < 6 ? a->store.level : 6);

		a->store.failed = b;
		a->store.level++;
		tg_timer_set(&a->timers, &a->store.retry, now.boot + wait);
		return;
	}
	a->store.stored = b->number;
	tg_batch_free(b);
	while (a->store.first && a->store.first->batch <= a->store.stored)
		overlay_remove(a, a->store.first);
	a->store.level = 0;
	if (a->store.choked) { /* what was not taken meanwhile is asked for */
		a->store.choked = false;
		tg_writes_flush(a);
		tg_updates_online(a);
	}
	tg_difference_stored(a);
	tg_account_stored_now(a);
}

void tg_writes_init(struct tg_account *a)
{
	a->store.number = 1;
	a->store.last = &a->store.first;
	a->store.retry.fire = retry;
}

void tg_writes_free(struct tg_account *a)
{
	while (a->store.first)
		overlay_remove(a, a->store.first);
	tg_map_free(&a->store.by_hash);
	tg_batch_free(a->store.batch);
	tg_batch_free(a->store.failed);
}
