/* The boxes of an account: their rows in the store, their timers, birth and death. */
#include "core/account.h"

#include <stdlib.h>

#define STATE_VERSION 1

/* ---- the store's rows ---- */
static struct tg_key channel_key(const struct tg_account *a, int64_t id)
{
	struct tg_key k = tg_key(a, 'h');

	tg_key_number(&k, (uint64_t)id);
	return k;
}

static void write_channel(struct tg_account *a, int64_t id, int32_t pts, bool skipped)
{
	struct tg_key k = channel_key(a, id);
	struct tl_buf b = {0};

	tl_put_u32(&b, (uint32_t)pts);
	if (skipped)
		tl_put_u8(&b, 1);
	if (!b.err)
		tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

static void load_common(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	struct tg_key k = tg_key(a, 'b');
	struct tl_buf b = {0};
	struct tl_cursor c;
	int32_t values[4];

	if (tg_read(a, TG_TABLE_STATE, k.bytes, k.n, &b) != 0) {
		tl_buf_free(&b);
		return; /* the state is asked for (F.77) */
	}
	c = tl_cursor(b.data, b.len);
	if (tl_get_u32(&c) == STATE_VERSION) {
		for (int i = 0; i < 4; i++)
			values[i] = (int32_t)tl_get_u32(&c);
		for (int i = 0; i < TG_BOX_COUNT && !c.err; i++) {
			u->box[i].pts = values[i];
			u->box[i].known = true;
		}
		u->date = u->stored_date = values[3];
	}
	tl_buf_free(&b);
}

/* Whether there is one that a kill would leave where it is. */
static bool channels_are_behind(const struct tg_account *a)
{
	const struct tg_map *m = &a->up.channels;

	for (uint32_t i = 0; i < m->cap; i++) {
		const struct tg_channel *ch = m->slots[i].value;

		if (ch && (ch->box.busy || ch->box.pending || ch->owed))
			return true;
	}
	return false;
}

void tg_updates_save(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	struct tl_buf b = {0};
	struct tg_key k;

	if (u->dirty) {
		if (u->date != u->stored_date && (!u->stored_date || !channels_are_behind(a)))
			u->stored_date = u->date;
		k = tg_key(a, 'b');
		tl_put_u32(&b, STATE_VERSION);
		for (int i = 0; i < TG_BOX_COUNT; i++)
			tl_put_u32(&b, (uint32_t)u->box[i].pts);
		tl_put_u32(&b, (uint32_t)u->stored_date);
		if (!b.err)
			tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
		u->dirty = false;
	}
	while (u->dirty_channels) {
		struct tg_channel *ch = u->dirty_channels;

		u->dirty_channels = ch->next_dirty;
		ch->dirty = false;
		k = channel_key(a, ch->id);
		if (ch->box.known || ch->skipped)
			write_channel(a, ch->id, ch->box.pts, ch->skipped);
		else
			tg_erase(a, TG_TABLE_STATE, k.bytes, k.n);
	}
	tl_buf_free(&b);
}

void tg_channel_dirty(struct tg_account *a, struct tg_channel *ch)
{
	if (ch->dirty)
		return;
	ch->dirty = true;
	ch->next_dirty = a->up.dirty_channels;
	a->up.dirty_channels = ch;
}

/* ---- life ---- */
static void gap_over(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	tg_difference(a);
}

static void channel_timer(struct tg_account *a, struct tg_timer *t)
{
	tg_channel_difference(a, TG_OF(t, struct tg_channel, timer));
}

void tg_updates_init(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	u->gap.fire = gap_over;
	u->idle.fire = gap_over;
	u->retry.fire = tg_difference_retry;
	u->waiting_last = &u->waiting;
	for (int i = 0; i < TG_BOX_COUNT; i++)
		u->box[i].shared = &u->pending_size;
	load_common(a);
}

static void drop_channels(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;

	for (uint32_t i = 0; i < m->cap; i++) {
		struct tg_channel *ch = m->slots[i].value;

		if (!ch)
			continue;
		tg_timer_clear(&a->timers, &ch->timer);
		tg_box_forget(&ch->box);
		if (ch->call)
			tg_call_drop(a, ch->call, NULL);
		free(ch);
	}
	tg_map_free(m);
}

void tg_updates_reset(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	if (u->call)
		tg_call_drop(a, u->call, NULL);
	tg_timer_clear(&a->timers, &u->gap);
	tg_timer_clear(&a->timers, &u->idle);
	tg_timer_clear(&a->timers, &u->retry);
	for (int i = 0; i < TG_BOX_COUNT; i++)
		tg_box_forget(&u->box[i]);
	drop_channels(a);
	*u = (struct tg_updates){0};
	tg_updates_init(a);
}

/* The calls are gone already. */
void tg_updates_free(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;

	a->up.call = NULL;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			((struct tg_channel *)m->slots[i].value)->call = NULL;
	for (int i = 0; i < TG_BOX_COUNT; i++)
		tg_box_forget(&a->up.box[i]);
	drop_channels(a);
}

void tg_updates_online(struct tg_account *a)
{
	if (!a->authorized)
		return;
	tg_timer_clear(&a->timers, &a->up.retry);
	tg_difference(a);
	tg_channels_owed(a);
}

static bool is_at_rest(const struct tg_channel *ch)
{
	return !ch->box.busy && !ch->box.pending && !ch->call && !ch->dirty && !ch->timer.set &&
	       !ch->owed && !ch->polled;
}

/* What is at rest is in the store, too: anybody can make many numbers up. */
static void let_go_of_some(struct tg_account *a)
{
	struct tg_map old = a->up.channels, kept = {0};

	for (uint32_t i = 0; i < old.cap; i++) {
		struct tg_channel *ch = old.slots[i].value;

		if (ch && !is_at_rest(ch) && !tg_map_put(&kept, (uint64_t)ch->id, ch)) {
			tg_map_free(&kept);
			return; /* no memory: all stay */
		}
	}
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.slots[i].value && is_at_rest(old.slots[i].value))
			free(old.slots[i].value);
	a->up.channels = kept;
	tg_map_free(&old);
}

struct tg_channel *tg_channel_get(struct tg_account *a, int64_t id)
{
	struct tg_channel *ch = tg_map_get(&a->up.channels, (uint64_t)id);
	struct tg_key k = channel_key(a, id);
	struct tl_buf b = {0};

	if (ch)
		return ch;
	if (a->up.channels.count >= TG_CHANNELS_MAX)
		let_go_of_some(a);
	if (a->up.channels.count >= TG_CHANNELS_MAX)
		return NULL;
	ch = calloc(1, sizeof *ch);
	if (!ch || !tg_map_put(&a->up.channels, (uint64_t)id, ch)) {
		free(ch);
		return NULL;
	}
	ch->id = id;
	ch->box.shared = &a->up.pending_size;
	ch->timer.fire = channel_timer;
	if (tg_read(a, TG_TABLE_STATE, k.bytes, k.n, &b) == 0) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		ch->box.pts = (int32_t)tl_get_u32(&c);
		ch->skipped = tl_left(&c) != 0;
		ch->box.known = !c.err && !ch->skipped;
	}
	tl_buf_free(&b);
	return ch;
}

int tg_channel_next(struct tg_account *a, int64_t after, int64_t *ret_id, int32_t *ret_pts)
{
	struct tg_store *s = a->env.store;
	uint64_t last = (uint64_t)after, found = 0; /* a server may name any number */
	struct tg_key p = tg_key(a, 'h'), from = channel_key(a, (int64_t)(last + 1));
	struct tl_buf key = {0}, value = {0};
	int r = last == UINT64_MAX ? -TG_E_NOT_FOUND
				   : s->ops->seek(s, TG_TABLE_STATE, p.bytes, p.n, from.bytes,
						  from.n, &key, &value);

	if (r == 0) {
		struct tl_cursor id = tl_cursor(key.data + p.n, key.len - p.n),
				 pts = tl_cursor(value.data, value.len);

		while (tl_left(&id))
			found = found << 8 | *tl_get(&id, 1);
		*ret_id = (int64_t)found;
		*ret_pts = (int32_t)tl_get_u32(&pts);
		r = pts.err ? -TG_E_STORE : 0;
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return r;
}

/* Those in memory may know better than their rows; what a difference is asked for comes. */
void tg_channels_skip(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;
	int64_t id = 0;
	int32_t pts;

	while (tg_channel_next(a, id, &id, &pts) == 0)
		write_channel(a, id, pts, true);
	for (uint32_t i = 0; i < m->cap; i++) {
		struct tg_channel *ch = m->slots[i].value;

		if (!ch || !ch->box.known)
			continue;
		ch->skipped = !ch->call && !ch->waiting;
		ch->box.known = !ch->skipped;
		tg_channel_dirty(a, ch);
	}
}

void tg_channel_begin(struct tg_account *a, struct tg_channel *ch, int32_t pts)
{
	if (ch->skipped && pts != ch->box.pts)
		tg_gap_say(a, ch->id, ch->box.pts, pts, "catch_up");
	ch->skipped = false;
	ch->box.pts = pts;
	ch->box.known = true;
	tg_channel_dirty(a, ch);
}

/* ---- gaps ---- */
void tg_updates_arm(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	int64_t at = TG_NEVER;

	for (int i = 0; i < TG_BOX_COUNT; i++) {
		int64_t gap = tg_box_gap_at(&u->box[i]);

		at = gap < at ? gap : at;
		if (u->box[i].suspect) {
			u->box[i].suspect = false;
			tg_difference(a);
			return;
		}
	}
	tg_timer_set(&a->timers, &u->gap, at);
}

void tg_channel_arm(struct tg_account *a, struct tg_channel *ch)
{
	int64_t at;

	if (ch->box.suspect) {
		ch->box.suspect = false;
		tg_channel_difference(a, ch);
		return;
	}
	if (ch->box.busy)
		return;
	at = tg_box_gap_at(&ch->box);
	if (ch->poll_at && ch->poll_at < at)
		at = ch->poll_at;
	if (ch->owed && ch->asked_at + TG_DIFF_PACE < at)
		at = ch->asked_at + TG_DIFF_PACE;
	tg_timer_set(&a->timers, &ch->timer, at);
}

/* F.53: who looks on without being a member is told nothing, and asks. */
void tg_channel_poll(struct tg_account *a, struct tg_channel *ch, bool on, int32_t seconds)
{
	struct tg_updates *u = &a->up;
	struct tg_peer p;

	on = on && tg_peer_get(a, TG_PEER_CHANNEL, ch->id, &p) == 0 && p.left &&
	     (ch->polled || u->polled < TG_POLLED_MAX);
	u->polled += on;
	u->polled -= ch->polled;
	ch->polled = on;
	ch->poll_at = on ? a->now.boot + (seconds > 1 ? seconds : 1) * TG_SECOND : 0;
}

void tg_channel_hear(struct tg_account *a, int64_t id, int64_t pts)
{
	struct tg_channel *ch = pts > 0 && pts <= INT32_MAX ? tg_channel_get(a, id) : NULL;

	if (!ch || ch->box.known || ch->box.busy)
		return;
	tg_channel_begin(a, ch, (int32_t)pts);
}
