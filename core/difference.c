/* What was missed: the first state, getDifference and getChannelDifference, with slices, holes and
 * back-off (core.telegram.org/api/updates, "Recovering gaps"; F.40-F.56). While one runs for a box,
 * what arrives for that box waits, and is replayed behind it. */
#include "core/account.h"

#include <string.h>

static const struct tg_call_options patient = {.deadline = TG_NEVER, .flood_wait = TG_HOLD_MAX};

static bool says(const struct tg_answer *r, const char *prefix)
{
	size_t n = strlen(prefix);

	return r->error == -TG_E_TELEGRAM && r->n >= n && memcmp(r->data, prefix, n) == 0;
}

void tg_gap_say(struct tg_account *a, int64_t box, int64_t from, int64_t to, const char *why)
{
	struct tg_node *n = tg_event_new(a, TG_EV_GAP);

	if (!n)
		return;
	n->ev.box = box;
	n->ev.from = from;
	n->ev.to = to;
	n->ev.text = why;
	a->store.owed = true;
}

/* After a difference what still waits has waited from now on; what never becomes reachable goes. */
static void refresh(struct tg_account *a, struct tg_box *b, bool moved, unsigned *stuck)
{
	for (struct tg_item *i = b->pending; i; i = i->next)
		i->arrived = a->now.boot;
	*stuck = moved || !b->pending ? 0 : *stuck + 1;
	if (*stuck < TG_SLICE_REPEATS)
		return;
	tg_box_forget(b);
	*stuck = 0;
}

static int64_t back_off(struct tg_account *a, unsigned *level)
{
	unsigned l = *level < 6 ? *level : 6;

	++*level;
	return a->now.boot + (TG_SECOND << l);
}

/* The answer in a carrier of its own; NULL: unreadable. *ret_c may be NULL, too. */
static struct tl_obj *open_answer(const struct tg_call *call, const struct tg_answer *r,
				  struct tg_carrier **ret_c)
{
	struct tl_cursor in;
	struct tl_obj *o;

	*ret_c = tg_carrier_new(r->data, r->n, &in);
	if (!*ret_c ||
	    tl_decode_result(&tl_api, call->method, &(*ret_c)->arena, &in, &o, NULL) != 0)
		return NULL;
	return o->ctor == TL_UNKNOWN ? NULL : o;
}

/* A message in an update of its own. */
static void say_messages(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *messages,
			 int32_t pts, bool channel)
{
	struct tl_obj *const *list = messages->items;

	for (uint32_t i = 0; i < messages->count; i++) {
		struct tl_updateNewMessage *u;

		if (list[i]->ctor == TL_messageEmpty)
			continue;
		/* both kinds have the same fields */
		_Static_assert(sizeof(struct tl_updateNewMessage) ==
				       sizeof(struct tl_updateNewChannelMessage),
			       "new messages look alike");
		u = tl_arena_alloc(&c->arena, sizeof *u);
		if (!u)
			return;
		u->obj.ctor = channel ? TL_updateNewChannelMessage : TL_updateNewMessage;
		u->message = list[i];
		u->pts = pts;
		tg_update_say(a, c, &u->obj);
	}
}

/* ---- common ---- */
static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r);

static void set_busy(struct tg_account *a, bool busy)
{
	for (int i = 0; i < TG_BOX_COUNT; i++)
		a->up.box[i].busy = busy;
}

static void set_state(struct tg_account *a, const struct tl_obj *o)
{
	const struct tl_updates_state *s = (const struct tl_updates_state *)o;
	struct tg_updates *u = &a->up;

	u->box[TG_BOX_COMMON].pts = s->pts;
	u->box[TG_BOX_QTS].pts = s->qts;
	u->box[TG_BOX_SEQ].pts = s->seq;
	for (int i = 0; i < TG_BOX_COUNT; i++)
		u->box[i].known = true;
	u->date = s->date;
	u->dirty = true;
}

static bool ask_state(struct tg_account *a)
{
	struct tl_updates_getState m = {{TL_updates_getState}};

	a->up.call = tg_call_own(a, &m.obj, &patient, asked, NULL);
	return a->up.call;
}

static bool ask(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	struct tl_updates_getDifference m = {
		.obj = {TL_updates_getDifference},
		.pts = u->box[TG_BOX_COMMON].pts,
		.date = u->date,
		.qts = u->box[TG_BOX_QTS].pts,
	};

	if (u->unreadable) { /* smaller pieces, until only the unreadable one is left out */
		m.pts_limit = 64 >> (u->unreadable * 2);
		m.has_pts_limit = true;
	}
	u->asked_pts = m.pts;
	u->asked_qts = m.qts;
	if (!u->box[TG_BOX_COMMON].known || (!u->synced && !a->s.catch_up) || u->unreadable > 3)
		return ask_state(a);
	u->call = tg_call_own(a, &m.obj, &patient, asked, NULL);
	return u->call;
}

void tg_difference(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	if (!a->authorized || tg_writes_stalled(a))
		return;
	tg_timer_clear(&a->timers, &u->gap);
	if (u->call || u->retry.set) {
		u->again = true;
		return;
	}
	u->again = false;
	set_busy(a, true);
	if (!ask(a))
		set_busy(a, false); /* not connected: asked when it is */
}

void tg_difference_retry(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	tg_difference(a);
}

/* Channels that waited for the common difference to tell who they are. */
static void release_channels(struct tg_account *a)
{
	struct tg_map *m = &a->up.channels;

	for (uint32_t i = 0; i < m->cap; i++) {
		struct tg_channel *ch = m->slots[i].value;

		if (!ch || !ch->asked_peer || !ch->box.busy || ch->call || ch->waiting)
			continue;
		ch->box.busy = false;
		if (!ch->box.known && ch->box.pending) {
			ch->box.known = true;
			ch->box.pts = ch->box.pending->pts - ch->box.pending->count;
		}
		tg_updates_apply(a, tg_box_replay(&ch->box));
		if (ch->box.known)
			tg_channel_dirty(a, ch);
		tg_channel_arm(a, ch);
	}
}

static void common_done(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	bool moved =
		u->box[TG_BOX_COMMON].pts != u->asked_pts || u->box[TG_BOX_QTS].pts != u->asked_qts;
	bool again = u->again;

	u->level = u->repeats = u->unreadable = 0;
	u->synced = true;
	u->again = false;
	tg_timer_set(&a->timers, &u->idle, a->now.boot + TG_IDLE_DIFF);
	set_busy(a, false);
	for (int i = 0; i < TG_BOX_COUNT; i++) {
		tg_updates_apply(a, tg_box_replay(&u->box[i]));
		refresh(a, &u->box[i], moved, &u->stuck);
	}
	release_channels(a);
	tg_login_ready(a);
	if (again)
		tg_difference(a);
	else
		tg_updates_arm(a);
}

static void retry_later(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	if (!a->wanted || !a->authorized) {
		set_busy(a, false);
		return;
	}
	tg_timer_set(&a->timers, &u->retry, back_off(a, &u->level));
}

static void go_on(struct tg_account *a, bool moved)
{
	struct tg_updates *u = &a->up;

	u->repeats = moved ? 0 : u->repeats + 1;
	if (u->repeats >= TG_SLICE_REPEATS || !ask(a))
		retry_later(a); /* F.43 */
}

static void take_state(struct tg_account *a, const struct tl_obj *o)
{
	struct tg_updates *u = &a->up;
	int32_t before = u->box[TG_BOX_COMMON].pts;
	bool known = u->box[TG_BOX_COMMON].known;
	const char *why = u->unreadable ? "unreadable" : u->synced ? "resync" : "catch_up";

	set_state(a, o);
	if (known && before != u->box[TG_BOX_COMMON].pts)
		tg_gap_say(a, 0, before, u->box[TG_BOX_COMMON].pts, why);
	if (known && !u->synced)
		tg_erase_all(a, TG_TABLE_STATE, 'h'); /* the channels jump, too */
	common_done(a);
}

static void say_encrypted(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *list,
			  int32_t qts)
{
	struct tl_obj *const *messages = list->items;

	for (uint32_t i = 0; i < list->count; i++) {
		struct tl_updateNewEncryptedMessage *u = tl_arena_alloc(&c->arena, sizeof *u);

		if (!u)
			return;
		u->obj.ctor = TL_updateNewEncryptedMessage;
		u->message = messages[i];
		u->qts = qts;
		tg_update_say(a, c, &u->obj);
	}
}

/* Both have the same fields; the last one is the state. */
static void take_difference(struct tg_account *a, struct tg_carrier *c,
			    const struct tl_updates_difference *d, bool final)
{
	struct tg_updates *u = &a->up;
	const struct tl_updates_state *s = (const struct tl_updates_state *)d->state;
	struct tl_obj *const *other = d->other_updates.items;
	bool moved = s->pts != u->box[TG_BOX_COMMON].pts || s->qts != u->box[TG_BOX_QTS].pts ||
		     s->date != u->date;

	_Static_assert(sizeof(struct tl_updates_difference) ==
			       sizeof(struct tl_updates_differenceSlice),
		       "differences look alike");
	tg_learn_all(a, &d->users, &d->chats);
	say_messages(a, c, &d->new_messages, s->pts, false);
	say_encrypted(a, c, &d->new_encrypted_messages, s->qts);
	for (uint32_t i = 0; i < d->other_updates.count; i++)
		tg_update_covered(a, c, other[i]);
	set_state(a, d->state);
	if (final)
		common_done(a);
	else
		go_on(a, moved);
}

static void take(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o)
{
	struct tg_updates *u = &a->up;
	struct tg_box *common = &u->box[TG_BOX_COMMON];
	int32_t before = common->pts;

	switch (o->ctor) {
	case TL_updates_state:
		take_state(a, o);
		return;
	case TL_updates_differenceEmpty:
		u->date = ((const struct tl_updates_differenceEmpty *)o)->date;
		u->box[TG_BOX_SEQ].pts = ((const struct tl_updates_differenceEmpty *)o)->seq;
		u->dirty = true;
		common_done(a);
		return;
	case TL_updates_difference:
	case TL_updates_differenceSlice:
		take_difference(a, c, (const struct tl_updates_difference *)o,
				o->ctor == TL_updates_difference);
		return;
	case TL_updates_differenceTooLong:
		common->pts = ((const struct tl_updates_differenceTooLong *)o)->pts;
		u->dirty = true;
		tg_gap_say(a, 0, before, common->pts, "too_long");
		go_on(a, common->pts != before);
		return;
	}
	retry_later(a);
}

static void refused(struct tg_account *a, const struct tg_answer *r)
{
	/* F.44: what we have means nothing to the server; the state is taken as it is */
	if (says(r, "PERSISTENT_TIMESTAMP_") && a->wanted && ask_state(a))
		return;
	retry_later(a);
}

static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_updates *u = &a->up;
	struct tg_carrier *c;
	struct tl_obj *o;

	u->call = NULL;
	if (r->error) {
		refused(a, r);
		return;
	}
	if (tg_writes_stalled(a)) {
		set_busy(a, false);
		return; /* asked for again when there is room */
	}
	o = open_answer(call, r, &c);
	if (o) {
		take(a, c, o);
	} else {
		u->unreadable++;
		if (!ask(a))
			retry_later(a);
	}
	tg_carrier_drop(c);
}

/* ---- channels ---- */
static void channel_asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r);

static void channel_ask(struct tg_account *a, struct tg_channel *ch, const struct tg_peer *peer)
{
	struct tl_inputChannel channel = {{TL_inputChannel}, ch->id, peer->access_hash};
	struct tl_channelMessagesFilterEmpty filter = {{TL_channelMessagesFilterEmpty}};
	int32_t limit = a->is_bot ? TG_DIFF_LIMIT_BOT : TG_DIFF_LIMIT_USER;
	struct tl_updates_getChannelDifference m = {
		.obj = {TL_updates_getChannelDifference},
		.channel = &channel.obj,
		.filter = &filter.obj,
		.pts = ch->box.known && ch->box.pts > 0 ? ch->box.pts : 1,
		.limit = ch->unreadable ? 1 : limit,
	};

	if (!ch->box.known || ch->box.pts <= 0)
		m.limit = 1; /* F.50 */
	ch->call = tg_call_own(a, &m.obj, &patient, channel_asked, ch);
	if (ch->call)
		a->up.channel_calls++;
	else
		ch->box.busy = false;
}

static void next_channel(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	struct tg_channel *ch = u->waiting;

	if (!ch || u->channel_calls >= TG_CHANNEL_DIFFS)
		return;
	u->waiting = ch->next_waiting;
	if (!u->waiting)
		u->waiting_last = &u->waiting;
	ch->waiting = false;
	tg_channel_difference(a, ch);
}

void tg_channel_difference(struct tg_account *a, struct tg_channel *ch)
{
	struct tg_updates *u = &a->up;
	struct tg_peer peer;

	if (ch->call || ch->waiting || !a->authorized || tg_writes_stalled(a))
		return;
	tg_timer_clear(&a->timers, &ch->timer);
	ch->box.busy = true;
	if (tg_peer_get(a, TG_PEER_CHANNEL, ch->id, &peer) != 0 || !peer.has_hash) {
		if (ch->asked_peer) {
			tg_channel_drop(a, ch);
			return;
		}
		ch->asked_peer = true;
		tg_difference(a);
		return;
	}
	if (u->channel_calls < TG_CHANNEL_DIFFS) {
		channel_ask(a, ch, &peer);
		return;
	}
	ch->waiting = true;
	ch->next_waiting = NULL;
	*u->waiting_last = ch;
	u->waiting_last = &ch->next_waiting;
}

/* No access any more (F.52), or nobody knows what it is. The next counted update begins anew. */
void tg_channel_drop(struct tg_account *a, struct tg_channel *ch)
{
	if (ch->box.known)
		tg_gap_say(a, ch->id, ch->box.pts, ch->box.pts, "no_access");
	tg_box_forget(&ch->box);
	ch->box.known = ch->box.busy = ch->box.suspect = false;
	ch->asked_peer = false;
	tg_timer_clear(&a->timers, &ch->timer);
	tg_channel_dirty(a, ch);
}

static void channel_done(struct tg_account *a, struct tg_channel *ch, int32_t before)
{
	ch->box.busy = false;
	ch->level = ch->repeats = ch->unreadable = 0;
	ch->asked_peer = false;
	tg_updates_apply(a, tg_box_replay(&ch->box));
	refresh(a, &ch->box, ch->box.pts != before, &ch->stuck);
	tg_channel_dirty(a, ch);
	tg_channel_arm(a, ch);
}

static void channel_later(struct tg_account *a, struct tg_channel *ch)
{
	if (a->wanted && a->authorized)
		tg_timer_set(&a->timers, &ch->timer, back_off(a, &ch->level));
	else
		ch->box.busy = false;
}

static void channel_refused(struct tg_account *a, struct tg_channel *ch, const struct tg_answer *r)
{
	static const char *const closed[] = {"CHANNEL_PRIVATE", "CHANNEL_INVALID",
					     "CHANNEL_PUBLIC_GROUP_NA", "USER_BANNED_IN_CHANNEL"};

	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		if (says(r, closed[i])) {
			tg_channel_drop(a, ch);
			return;
		}
	if (says(r, "PERSISTENT_TIMESTAMP_INVALID") || says(r, "PERSISTENT_TIMESTAMP_EMPTY")) {
		tg_gap_say(a, ch->id, ch->box.pts, ch->box.pts, "resync");
		ch->box.known = false; /* asked from 1: the answer tells where it is */
	}
	channel_later(a, ch);
}

/* true: asked again, or the channel is at peace. */
static void channel_go_on(struct tg_account *a, struct tg_channel *ch, bool final, int32_t before)
{
	bool moved = ch->box.pts != before;

	tg_channel_dirty(a, ch);
	if (final) {
		channel_done(a, ch, before);
		return;
	}
	ch->repeats = moved ? 0 : ch->repeats + 1;
	if (ch->repeats >= TG_SLICE_REPEATS)
		channel_later(a, ch);
	else
		tg_channel_difference(a, ch);
}

static void channel_take(struct tg_account *a, struct tg_channel *ch, struct tg_carrier *c,
			 const struct tl_obj *o)
{
	int32_t before = ch->box.pts;
	bool final = true, known = ch->box.known;

	ch->box.known = true;
	if (o->ctor == TL_updates_channelDifferenceEmpty) {
		const struct tl_updates_channelDifferenceEmpty *d = (const void *)o;

		ch->box.pts = d->pts;
	} else if (o->ctor == TL_updates_channelDifference) {
		const struct tl_updates_channelDifference *d = (const void *)o;
		struct tl_obj *const *other = d->other_updates.items;

		final = d->final;
		tg_learn_all(a, &d->users, &d->chats);
		say_messages(a, c, &d->new_messages, d->pts, true);
		for (uint32_t i = 0; i < d->other_updates.count; i++)
			tg_update_say(a, c, other[i]);
		ch->box.pts = d->pts;
	} else if (o->ctor == TL_updates_channelDifferenceTooLong) {
		const struct tl_updates_channelDifferenceTooLong *d = (const void *)o;
		int64_t pts;

		/* its messages are a picture of now, no news (F.51) */
		tg_learn_all(a, &d->users, &d->chats);
		if (tl_field_int(&tl_api, d->dialog, "pts", &pts))
			ch->box.pts = (int32_t)pts;
		if (known || before)
			tg_gap_say(a, ch->id, before, ch->box.pts, "too_long");
	}
	channel_go_on(a, ch, final, before);
}

static void channel_asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_channel *ch = call->ctx;
	struct tg_carrier *c;
	struct tl_obj *o;

	ch->call = NULL;
	a->up.channel_calls--;
	if (r->error) {
		channel_refused(a, ch, r);
		next_channel(a);
		return;
	}
	if (tg_writes_stalled(a)) {
		ch->box.busy = false;
		return;
	}
	o = open_answer(call, r, &c);
	if (o) {
		channel_take(a, ch, c, o);
	} else if (ch->unreadable++) {
		tg_gap_say(a, ch->id, ch->box.pts, ch->box.pts, "unreadable");
		tg_channel_drop(a, ch);
	} else {
		tg_channel_difference(a, ch);
	}
	tg_carrier_drop(c);
	next_channel(a);
}
