/* What channels missed: getChannelDifference for ten of them at a time, with slices, holes,
 * back-off and polling (core.telegram.org/api/updates, "Recovering gaps"; F.50-F.56). Each channel
 * stands for itself: its floods, refusals and repeats hold nobody else. */
#include "core/account.h"

#include <stdlib.h>

static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r);
static void full_asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r);

/* ---- asking ---- */
/* The number where it stands, when nobody can tell what lies before. */
static struct tg_call *ask_full(struct tg_account *a, struct tg_channel *ch, struct tl_obj *channel)
{
	struct tl_channels_getFullChannel m = {{TL_channels_getFullChannel}, channel};
	struct tg_call_options o = tg_diff_options(a);

	return tg_call_own(a, &m.obj, &o, full_asked, ch);
}

static struct tg_call *ask_difference(struct tg_account *a, struct tg_channel *ch,
				      struct tl_obj *channel)
{
	struct tl_channelMessagesFilterEmpty filter = {{TL_channelMessagesFilterEmpty}};
	struct tl_updates_getChannelDifference m = {
		.obj = {TL_updates_getChannelDifference},
		.channel = channel,
		.filter = &filter.obj,
		.pts = ch->box.pts,
		.limit = a->is_bot ? TG_DIFF_LIMIT_BOT : TG_DIFF_LIMIT_USER,
	};
	struct tg_call_options o = tg_diff_options(a);

	if (ch->unreadable)
		m.limit = TG_DIFF_PIECE >> ch->unreadable;
	if (m.pts <= 0)
		m.pts = m.limit = 1; /* F.50 */
	return tg_call_own(a, &m.obj, &o, asked, ch);
}

static void ask(struct tg_account *a, struct tg_channel *ch, const struct tg_peer *peer)
{
	struct tl_inputChannel channel = {{TL_inputChannel}, ch->id, peer->access_hash};

	ch->owed = false;
	ch->poll_at = 0;
	ch->asked_at = a->now.boot;
	ch->call = ch->box.known && !ch->lost ? ask_difference(a, ch, &channel.obj)
					      : ask_full(a, ch, &channel.obj);
	if (ch->call) {
		a->up.channel_calls++;
	} else { /* not connected */
		ch->box.busy = false;
		ch->owed = true;
	}
}

/* Asks, or waits for its turn, or first asks who it is. */
static void go(struct tg_account *a, struct tg_channel *ch)
{
	struct tg_updates *u = &a->up;
	struct tg_peer peer;

	tg_timer_clear(&a->timers, &ch->timer);
	ch->box.busy = true;
	if (tg_peer_get(a, TG_PEER_CHANNEL, ch->id, &peer) != 0 || !peer.has_hash) {
		if (ch->asked_peer)
			tg_channel_drop(a, ch, "no_access");
		else
			tg_channel_ask_peer(a, ch);
		return;
	}
	if (u->channel_calls < TG_CHANNEL_DIFFS) {
		ask(a, ch, &peer);
		return;
	}
	ch->waiting = true;
	ch->next_waiting = NULL;
	*u->waiting_last = ch;
	u->waiting_last = &ch->next_waiting;
}

void tg_channel_difference(struct tg_account *a, struct tg_channel *ch)
{
	if (!a->authorized)
		return;
	if (ch->call || ch->waiting || ch->asking_peer || tg_writes_stalled(a)) {
		ch->owed = true;
		if (!ch->call && !ch->waiting && !ch->asking_peer)
			ch->box.busy = false;
		return;
	}
	if (ch->asked_at && a->now.boot < ch->asked_at + TG_DIFF_PACE) {
		ch->owed = true;
		tg_timer_set(&a->timers, &ch->timer, ch->asked_at + TG_DIFF_PACE);
		return;
	}
	if (!ch->box.busy)
		ch->top = ch->box.pts;
	go(a, ch);
}

static void next_channels(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	while (u->waiting && u->channel_calls < TG_CHANNEL_DIFFS) {
		struct tg_channel *ch = u->waiting;

		u->waiting = ch->next_waiting;
		if (!u->waiting)
			u->waiting_last = &u->waiting;
		ch->waiting = false;
		go(a, ch);
	}
}

/* ---- who it is ---- */
void tg_channel_ask_peer(struct tg_account *a, struct tg_channel *ch)
{
	ch->asked_peer = ch->asking_peer = true;
	ch->box.busy = true; /* until the common difference told */
	tg_difference(a);
}

static void release(struct tg_account *a, struct tg_channel *ch)
{
	ch->asking_peer = false;
	ch->box.busy = false;
	if (!ch->box.known && ch->box.pending)
		tg_channel_begin(a, ch, ch->box.pending->pts - ch->box.pending->count);
	tg_updates_apply(a, tg_box_replay(&ch->box));
	if (ch->box.known)
		tg_channel_dirty(a, ch);
	if (ch->owed || !ch->box.known)
		tg_channel_difference(a, ch);
	else
		tg_channel_arm(a, ch);
}

void tg_channels_release(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;

	for (uint32_t i = 0; i < m->cap; i++) {
		struct tg_channel *ch = m->slots[i].value;

		if (ch && ch->asking_peer)
			release(a, ch);
	}
}

void tg_channels_owed(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;

	for (uint32_t i = 0; i < m->cap; i++) {
		struct tg_channel *ch = m->slots[i].value;

		if (ch && ch->owed)
			tg_channel_difference(a, ch);
	}
}

/* ---- the end of one ---- */
/* No access any more (F.52), or nobody knows what it is. The next counted update begins anew. */
void tg_channel_drop(struct tg_account *a, struct tg_channel *ch, const char *why)
{
	if (ch->box.known || ch->skipped)
		tg_gap_say(a, ch->id, ch->box.pts, ch->box.pts, why);
	tg_box_forget(&ch->box);
	ch->box.known = ch->box.busy = ch->box.suspect = ch->skipped = false;
	ch->asked_peer = ch->owed = false;
	ch->lost = NULL;
	ch->level = ch->repeats = ch->unreadable = 0;
	tg_channel_poll(a, ch, false, 0);
	tg_timer_clear(&a->timers, &ch->timer);
	tg_channel_dirty(a, ch);
}

static void done(struct tg_account *a, struct tg_channel *ch, int32_t before)
{
	ch->box.busy = false;
	ch->level = ch->repeats = ch->unreadable = 0;
	ch->asked_peer = false;
	ch->lost = NULL;
	tg_updates_apply(a, tg_box_replay(&ch->box));
	tg_box_refresh(a, &ch->box, ch->box.pts != before);
	tg_channel_dirty(a, ch);
	if (ch->owed)
		tg_channel_difference(a, ch);
	else
		tg_channel_arm(a, ch);
}

static void later(struct tg_account *a, struct tg_channel *ch, const struct tg_answer *r)
{
	if (a->wanted && a->authorized) {
		tg_timer_set(&a->timers, &ch->timer, tg_back_off(a, &ch->level, r));
	} else {
		ch->box.busy = false;
		ch->owed = true;
	}
}

static void again_soon(struct tg_account *a, struct tg_channel *ch)
{
	tg_timer_set(&a->timers, &ch->timer, a->now.boot + TG_DIFF_PACE);
}

/* ---- answers ---- */
/* What lies before is lost (F.51, F.52). */
static void jump(struct tg_account *a, struct tg_channel *ch, int32_t pts, const char *why)
{
	if (pts != ch->box.pts)
		tg_gap_say(a, ch->id, ch->box.pts, pts, why);
	ch->box.pts = pts;
}

static void refused(struct tg_account *a, struct tg_channel *ch, const struct tg_answer *r)
{
	static const char *const closed[] = {"CHANNEL_PRIVATE", "CHANNEL_INVALID",
					     "CHANNEL_PUBLIC_GROUP_NA", "USER_BANNED_IN_CHANNEL"};

	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		if (tg_says(r, closed[i])) {
			tg_channel_drop(a, ch, "no_access");
			return;
		}
	if (tg_says(r, "PERSISTENT_TIMESTAMP_INVALID") ||
	    tg_says(r, "PERSISTENT_TIMESTAMP_EMPTY")) {
		ch->lost = "resync"; /* begun anew from where it stands */
		again_soon(a, ch);
		return;
	}
	later(a, ch, r);
}

static void go_on(struct tg_account *a, struct tg_channel *ch, bool final, int32_t before)
{
	bool moved = ch->box.pts > ch->top; /* only forward: numbers may go in circles */

	tg_channel_dirty(a, ch);
	if (final) {
		done(a, ch, before);
		return;
	}
	if (moved)
		ch->top = ch->box.pts;
	ch->repeats = moved ? 0 : ch->repeats + 1;
	if (ch->repeats == TG_SLICE_REPEATS)
		tg_gap_say(a, ch->id, before, before, "stalled");
	if (moved)
		go(a, ch);
	else if (ch->repeats < TG_SLICE_REPEATS)
		again_soon(a, ch);
	else
		later(a, ch, NULL);
}

/* RPC contract §4: smaller pieces, at last the state. */
static void ask_for_less(struct tg_account *a, struct tg_channel *ch)
{
	ch->unreadable += ch->unreadable < TG_DIFF_CUTS;
	if (!(TG_DIFF_PIECE >> ch->unreadable))
		ch->lost = "unreadable";
	again_soon(a, ch);
}

static bool take_difference(struct tg_account *a, struct tg_channel *ch, struct tg_carrier *c,
			    const struct tl_updates_channelDifference *d)
{
	struct tl_obj *const *other = d->other_updates.items;

	tg_learn_all(a, &d->users, &d->chats);
	if (d->final || d->pts != ch->box.pts || !ch->repeats) {
		if (!tg_say_messages(a, c, &d->new_messages, d->pts, true))
			return false;
		for (uint32_t i = 0; i < d->other_updates.count; i++)
			tg_update_say(a, c, other[i]);
	}
	if (d->pts < ch->box.pts)
		tg_gap_say(a, ch->id, ch->box.pts, d->pts, "resync");
	if (d->pts != ch->box.pts)
		ch->unreadable = 0;
	ch->box.pts = d->pts;
	return true;
}

static void take(struct tg_account *a, struct tg_channel *ch, struct tg_carrier *c,
		 const struct tl_obj *o)
{
	const struct tl_updates_channelDifferenceEmpty *e = (const void *)o;
	const struct tl_updates_channelDifference *d = (const void *)o;
	const struct tl_updates_channelDifferenceTooLong *l = (const void *)o;
	int32_t before = ch->box.pts;
	bool final = true;
	int64_t pts;

	if (o->ctor == TL_updates_channelDifferenceEmpty && e->pts >= 0) {
		ch->box.pts = e->pts > before ? e->pts : before;
		tg_channel_poll(a, ch, e->has_timeout, e->timeout);
	} else if (o->ctor == TL_updates_channelDifference && d->pts > 0) {
		final = d->final;
		if (!take_difference(a, ch, c, d)) {
			ask_for_less(a, ch);
			return;
		}
		tg_channel_poll(a, ch, d->has_timeout, d->timeout);
	} else if (o->ctor == TL_updates_channelDifferenceTooLong &&
		   tl_field_int(&tl_api, l->dialog, "pts", &pts) && pts > 0) {
		/* its messages are a picture of now, no news (F.51) */
		final = l->final;
		tg_learn_all(a, &l->users, &l->chats);
		jump(a, ch, (int32_t)pts, "too_long");
		tg_channel_poll(a, ch, l->has_timeout, l->timeout);
	} else {
		later(a, ch, NULL);
		return;
	}
	go_on(a, ch, final, before);
}

/* An answer has come; NULL: there is nothing to take from it now. */
static struct tl_obj *opened(struct tg_account *a, struct tg_channel *ch,
			     const struct tg_call *call, const struct tg_answer *r,
			     struct tg_carrier **ret_c)
{
	struct tl_obj *o = NULL;

	ch->call = NULL;
	a->up.channel_calls--;
	*ret_c = NULL;
	if (r->error) {
		refused(a, ch, r);
		return NULL;
	}
	if (tg_writes_stalled(a)) {
		ch->box.busy = false;
		ch->owed = true;
		return NULL;
	}
	o = tg_diff_open(call, r, ret_c);
	if (o)
		return o;
	if (ch->lost || !ch->box.known) {
		tg_channel_drop(a, ch, "unreadable");
		return NULL;
	}
	ask_for_less(a, ch);
	return NULL;
}

static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_channel *ch = call->ctx;
	struct tg_carrier *c;
	struct tl_obj *o = opened(a, ch, call, r, &c);

	if (o)
		take(a, ch, c, o);
	tg_carrier_drop(c);
	next_channels(a);
}

static void full_asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_channel *ch = call->ctx;
	struct tg_carrier *c;
	struct tl_obj *o = opened(a, ch, call, r, &c);
	const struct tl_messages_chatFull *full = (const struct tl_messages_chatFull *)o;
	int32_t before = ch->box.pts;
	int64_t pts;

	if (o && tl_field_int(&tl_api, full->full_chat, "pts", &pts) && pts > 0) {
		tg_learn_all(a, &full->users, &full->chats);
		if (!ch->skipped)
			jump(a, ch, (int32_t)pts, ch->lost ? ch->lost : "too_long");
		tg_channel_begin(a, ch, (int32_t)pts);
		go_on(a, ch, true, before);
	} else if (o) {
		later(a, ch, NULL);
	}
	tg_carrier_drop(c);
	next_channels(a);
}
