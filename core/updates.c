/* Updates: every carrier is taken apart, each update goes into its box, and what a box lets through
 * is said in order (core.telegram.org/api/updates; F.1-F.23). Which box an update counts in follows
 * from its fields in the schema (F.8). The boxes belong to the account. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

/* ---- saying ---- */
void tg_update_say(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *update)
{
	struct tg_node *n = tg_event_new(a, TG_EV_UPDATE);

	a->up.untold |= !n;
	if (!n)
		return;
	if (update->ctor == TL_updateDcOptions || update->ctor == TL_updateConfig)
		tg_config_stale(a);
	tg_names_seen(a, update);
	n->ev.object = update;
	n->carrier = tg_carrier_hold(c);
	a->store.owed++;
}

/* The server tells channels by the date that a difference is asked from: what comes while one is
 * wanted does not move it. */
static void move_date(struct tg_account *a, int32_t date)
{
	if (date > a->up.date && !tg_difference_wanted(a))
		a->up.date = date;
}

void tg_updates_apply(struct tg_account *a, struct tg_item *list)
{
	while (list) {
		struct tg_item *next = list->next;

		for (uint32_t i = 0; i < list->update_count; i++)
			tg_update_say(a, list->carrier, list->updates[i]);
		move_date(a, list->date);
		tg_item_free(list);
		list = next;
	}
}

/* ---- which box ---- */
struct place {
	enum { FREE, COMMON, QTS, CHANNEL, TOO_LONG, NOWHERE } box;
	int64_t channel;
	int32_t pts, count;
	uint32_t index; /* in its carrier */
};

static struct place place_of(const struct tl_obj *u)
{
	struct place p = {.box = FREE};
	const struct tl_obj *message;
	enum tg_peer_kind kind;
	int64_t v;

	if (u->ctor == TL_updateChannelTooLong) {
		p.box = TOO_LONG;
		return p;
	}
	if (tl_field_int(&tl_api, u, "qts", &v)) {
		p = (struct place){.box = v ? QTS : FREE, .pts = (int32_t)v, .count = 1};
		return p;
	}
	if (!tl_field_int(&tl_api, u, "pts", &v))
		return p;
	p.pts = (int32_t)v;
	p.count = tl_field_int(&tl_api, u, "pts_count", &v) ? (int32_t)v : 0;
	if (p.pts == 0 && p.count == 0)
		return p; /* it counts nowhere */
	p.box = COMMON;
	if (tl_field_int(&tl_api, u, "channel_id", &p.channel)) {
		p.box = CHANNEL;
		return p;
	}
	message = tl_field_obj(&tl_api, u, "message");
	if (message && tg_peer_of(tl_field_obj(&tl_api, message, "peer_id"), &kind, &v) &&
	    kind == TG_PEER_CHANNEL) {
		p.box = CHANNEL;
		p.channel = v;
	} else if (u->ctor == TL_updateNewChannelMessage ||
		   u->ctor == TL_updateEditChannelMessage) {
		p.box = NOWHERE; /* messageEmpty without a peer (F.9) */
	}
	return p;
}

static struct tg_item *item_new(struct tg_account *a, struct tg_carrier *c, uint32_t updates)
{
	struct tg_item *i = calloc(1, sizeof *i);

	if (!i)
		return NULL;
	if (updates) {
		i->updates = tl_arena_alloc(&c->arena, updates * sizeof *i->updates);
		if (!i->updates) {
			free(i);
			return NULL;
		}
	}
	i->carrier = tg_carrier_hold(c);
	i->arrived = a->now.boot;
	return i;
}

static void heard_common(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	u->dirty = true;
	tg_timer_set(&a->timers, &u->idle, a->now.boot + TG_IDLE_DIFF);
}

/* A message that names somebody nobody told about is not taken: the difference brings it again,
 * with whoever is in it, and is not asked about strangers (F.2, F.62). */
static bool is_strange(struct tg_account *a, const struct tg_box *box, const struct tg_item *i)
{
	return i->update_count && !box->busy && (int64_t)i->pts - i->count == box->pts &&
	       tg_names_stranger(a, i->updates[0]);
}

/* Feeds a box; true: the item was applied, or waits (F.19). */
static bool feed_box(struct tg_account *a, struct tg_box *box, struct tg_item *item)
{
	int32_t pts = box->pts, size = item->count;
	uint32_t waiting = box->pending_count;
	bool same = item->pts == pts && size == 0;

	if (is_strange(a, box, item)) {
		box->suspect = true;
		tg_item_free(item);
		return true;
	}
	tg_updates_apply(a, tg_box_feed(box, item));
	return box->pts != pts || box->pending_count > waiting || same;
}

static bool feed_common(struct tg_account *a, int which, struct tg_item *item)
{
	struct tg_updates *u = &a->up;
	struct tg_box *box = &u->box[which];
	int32_t before = box->pts;
	bool took = feed_box(a, box, item);

	if (box->pts != before || which == TG_BOX_COMMON)
		heard_common(a);
	if (!box->busy && which != TG_BOX_SEQ &&
	    (int64_t)box->pts - (which == TG_BOX_QTS ? u->asked_qts : u->asked_pts) > TG_DRIFT_MAX)
		tg_difference_tell(a);
	return took;
}

/* A channel's first counted update sets its box, when we could also ask for its past (F.22). */
static void first_of_channel(struct tg_account *a, struct tg_channel *ch, const struct place *p)
{
	struct tg_peer peer;

	if (ch->box.known || ch->box.busy || p->pts < p->count || p->count < 0)
		return;
	if (ch->asked_peer ||
	    (tg_peer_get(a, TG_PEER_CHANNEL, ch->id, &peer) == 0 && peer.has_hash)) {
		tg_channel_begin(a, ch, p->pts - p->count);
		return;
	}
	tg_channel_ask_peer(a, ch);
}

static bool feed_channel(struct tg_account *a, const struct place *p, struct tg_item *item)
{
	struct tg_channel *ch = tg_channel_get(a, p->channel);
	int32_t before;
	bool took;

	if (!ch) {
		tg_item_free(item);
		return false;
	}
	first_of_channel(a, ch, p);
	before = ch->box.pts;
	took = feed_box(a, &ch->box, item);
	if (ch->box.pts != before)
		tg_channel_dirty(a, ch);
	tg_channel_arm(a, ch);
	return took;
}

static void too_long(struct tg_account *a, const struct tl_updateChannelTooLong *u)
{
	struct tg_channel *ch = tg_channel_get(a, u->channel_id);

	if (!ch || (u->has_pts && ch->box.known && u->pts <= ch->box.pts))
		return;
	if (!ch->box.known && u->has_pts && u->pts > 0) {
		if (!ch->skipped)
			tg_gap_say(a, ch->id, ch->box.pts, u->pts, "too_long");
		tg_channel_begin(a, ch, u->pts); /* it is fetched from there on (F.54) */
	}
	tg_channel_difference(a, ch);
}

static bool feed(struct tg_account *a, struct tg_carrier *c, const struct place *p,
		 const struct tl_obj *update)
{
	struct tg_item *item;

	if (p->box == TOO_LONG) {
		too_long(a, (const struct tl_updateChannelTooLong *)update);
		return true;
	}
	if (p->box == NOWHERE)
		return true;
	item = item_new(a, c, update ? 1 : 0);
	if (!item)
		return false; /* a hole, and the difference fills it */
	item->pts = p->pts;
	item->count = p->count;
	if (update) {
		item->updates[0] = update;
		item->update_count = 1;
	}
	if (p->box == CHANNEL)
		return feed_channel(a, p, item);
	return feed_common(a, p->box == QTS ? TG_BOX_QTS : TG_BOX_COMMON, item);
}

void tg_update_covered(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *update)
{
	struct place p = place_of(update);

	if (p.box == CHANNEL || p.box == TOO_LONG)
		feed(a, c, &p, update);
	else
		tg_update_say(a, c, update);
}

/* ---- carriers ---- */
static int place_compare(const void *x, const void *y)
{
	const struct place *a = x, *b = y;
	int64_t sa = (int64_t)a->pts - a->count, sb = (int64_t)b->pts - b->count;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->channel != b->channel)
		return a->channel < b->channel ? -1 : 1;
	if (sa != sb && a->box != FREE && a->box != TOO_LONG)
		return sa < sb ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

struct list {
	const struct tl_obj *const *updates;
	uint32_t count;
	int32_t seq_start, seq, date;
};

/* What has no box of its own goes by the carrier's number (F.17). */
static void take_free(struct tg_account *a, struct tg_carrier *c, const struct list *l,
		      const struct place *places, uint32_t n)
{
	struct tg_updates *u = &a->up;
	struct tg_item *item;
	int32_t before = u->box[TG_BOX_SEQ].pts;

	if (!l->seq_start) {
		for (uint32_t i = 0; i < n; i++)
			tg_update_say(a, c, l->updates[places[i].index]);
		move_date(a, l->date);
		return;
	}
	item = item_new(a, c, n);
	if (!item)
		return;
	for (uint32_t i = 0; i < n; i++)
		item->updates[i] = l->updates[places[i].index];
	item->update_count = n;
	item->pts = l->seq;
	item->count = l->seq_start < 0 || l->seq < l->seq_start ? -1 : l->seq - l->seq_start + 1;
	item->date = l->date;
	tg_updates_apply(a, tg_box_feed(&u->box[TG_BOX_SEQ], item));
	u->dirty |= u->box[TG_BOX_SEQ].pts != before;
}

/* One carrier (F.18): first what has a box, each box in its order, then the rest. */
static void take_list(struct tg_account *a, struct tg_carrier *c, const struct list *l)
{
	const struct tg_box *seq = &a->up.box[TG_BOX_SEQ];
	bool covered = l->seq_start && !seq->busy && l->seq_start <= seq->pts;
	struct place *places;
	uint32_t free_count = 0;
	bool took = false;

	places = tl_arena_alloc(&c->arena, (l->count + 1) * sizeof *places);
	if (!places) {
		tg_difference(a);
		return;
	}
	for (uint32_t i = 0; i < l->count; i++) {
		places[i] = place_of(l->updates[i]);
		places[i].index = i;
		free_count += places[i].box == FREE;
	}
	if (l->count > 1)
		qsort(places, l->count, sizeof *places, place_compare);
	/* FREE sorts first; a covered carrier (F.17) still may tell channels something */
	for (uint32_t i = free_count; i < l->count; i++)
		if (!covered || places[i].box == CHANNEL || places[i].box == TOO_LONG)
			took |= feed(a, c, &places[i], l->updates[places[i].index]);
	/* nothing but old ones: the number stays, too (F.19) */
	if (!covered && (took || free_count || !l->count))
		take_free(a, c, l, places, free_count);
	tg_updates_arm(a);
}

static void take_vector(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *updates,
			struct list l)
{
	l.updates = updates->items;
	l.count = updates->count;
	take_list(a, c, &l);
}

static void take_short(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o,
		       const struct tg_call *call)
{
	const struct tl_obj *update = tg_short_message(a, c, o, call);
	struct list l = {.updates = &update, .count = 1};
	int64_t date;

	if (!update) {
		tg_difference(a); /* it makes no message */
		return;
	}
	if (tl_field_int(&tl_api, o, "date", &date))
		l.date = (int32_t)date;
	take_list(a, c, &l);
}

void tg_updates_take(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o,
		     const struct tg_call *call)
{
	if (!a->authorized)
		tg_login_updates(a, c, o);
	if (!a->authorized || tg_writes_stalled(a))
		return; /* asked for again once there is room (F.76) */
	switch (o->ctor) {
	case TL_updates: {
		const struct tl_updates *u = (const struct tl_updates *)o;

		tg_learn_all(a, &u->users, &u->chats);
		take_vector(a, c, &u->updates,
			    (struct list){.seq_start = u->seq, .seq = u->seq, .date = u->date});
		return;
	}
	case TL_updatesCombined: {
		const struct tl_updatesCombined *u = (const struct tl_updatesCombined *)o;

		tg_learn_all(a, &u->users, &u->chats);
		take_vector(
			a, c, &u->updates,
			(struct list){.seq_start = u->seq_start, .seq = u->seq, .date = u->date});
		return;
	}
	case TL_updateShort: {
		const struct tl_updateShort *u = (const struct tl_updateShort *)o;
		const struct tl_obj *update = u->update;
		struct list l = {.updates = &update, .count = 1, .date = u->date};

		take_list(a, c, &l);
		return;
	}
	case TL_updateShortMessage:
	case TL_updateShortChatMessage:
	case TL_updateShortSentMessage:
		take_short(a, c, o, call);
		return;
	case TL_updatesTooLong:
		tg_difference(a);
		return;
	}
}

void tg_updates_raw(struct tg_account *a, const uint8_t *data, size_t n)
{
	struct tl_cursor in;
	struct tg_carrier *c = tg_carrier_new(data, n, &in);
	struct tl_obj *o;

	if (c && tl_decode(&tl_api, &c->arena, &in, &o, NULL) == 0 && o->ctor != TL_UNKNOWN)
		tg_updates_take(a, c, o, NULL);
	else
		tg_updates_online(a); /* what could not be read comes with the difference (D.66) */
	tg_carrier_drop(c);
}

/* ---- answers ---- */
/* The channel a call was about, else 0. */
static int64_t channel_of_call(const struct tg_call *call)
{
	static const char *const fields[] = {"channel", "peer"};
	struct tl_cursor in = tl_cursor(call->body, call->n);
	struct tl_arena arena;
	struct tl_obj *o;
	int64_t id = 0;

	tl_arena_init(&arena, TG_ARENA_CAP);
	if (tl_decode(&tl_api, &arena, &in, &o, NULL) == 0)
		for (int i = 0; i < 2 && !id; i++) {
			const struct tl_obj *peer = tl_field_obj(&tl_api, o, fields[i]);

			if (peer && !tl_field_int(&tl_api, peer, "channel_id", &id))
				id = 0;
		}
	tl_arena_free(&arena);
	return id;
}

static void take_affected(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o,
			  const struct tg_call *call)
{
	struct place p = {.box = COMMON, .channel = channel_of_call(call)};
	int64_t pts, count;

	if (!tl_field_int(&tl_api, o, "pts", &pts) ||
	    !tl_field_int(&tl_api, o, "pts_count", &count) || (pts == 0 && count == 0))
		return;
	p.pts = (int32_t)pts;
	p.count = (int32_t)count;
	if (p.channel)
		p.box = CHANNEL;
	feed(a, c, &p, NULL);
	tg_updates_arm(a);
}

/* The numbers of channels that an answer tells beside its own matter (F.55). */
static void hear(struct tg_account *a, const struct tl_obj *o)
{
	const struct tl_messages_chatFull *full = (const struct tl_messages_chatFull *)o;
	const struct tl_vec *dialogs = &((const struct tl_messages_dialogs *)o)->dialogs;
	struct tl_obj *const *list;
	enum tg_peer_kind kind;
	int64_t id, pts;

	_Static_assert(offsetof(struct tl_messages_dialogs, dialogs) ==
			       offsetof(struct tl_messages_peerDialogs, dialogs),
		       "lists of dialogs look alike");
	if (o->ctor == TL_messages_chatFull) {
		if (tl_field_int(&tl_api, full->full_chat, "pts", &pts) &&
		    tl_field_int(&tl_api, full->full_chat, "id", &id))
			tg_channel_hear(a, id, pts);
		return;
	}
	if (o->ctor == TL_messages_dialogsSlice)
		dialogs = &((const struct tl_messages_dialogsSlice *)o)->dialogs;
	list = dialogs->items;
	for (uint32_t i = 0; i < dialogs->count; i++)
		if (tg_peer_of(tl_field_obj(&tl_api, list[i], "peer"), &kind, &id) &&
		    kind == TG_PEER_CHANNEL && tl_field_int(&tl_api, list[i], "pts", &pts))
			tg_channel_hear(a, id, pts);
}

void tg_updates_answer(struct tg_account *a, const struct tg_call *call, const uint8_t *data,
		       size_t n)
{
	struct tl_cursor in = tl_cursor(data, n);
	unsigned ctor = tl_by_id(&tl_api, tl_peek_u32(&in));
	bool is_updates, has_updates, affected, tells;
	struct tg_carrier *c;
	struct tl_obj *o;
	const struct tl_obj *inner;

	if (!ctor || !a->authorized)
		return;
	is_updates = strcmp(tl_type_name(&tl_api, ctor), "Updates") == 0;
	has_updates = tl_has_field(&tl_api, ctor, "updates");
	affected = tl_has_field(&tl_api, ctor, "pts_count");
	tells = ctor == TL_messages_chatFull || ctor == TL_messages_dialogs ||
		ctor == TL_messages_dialogsSlice || ctor == TL_messages_peerDialogs;
	if ((!is_updates && !has_updates && !affected && !tells) || tg_writes_stalled(a))
		return;
	c = tg_carrier_new(data, n, &in);
	if (!c || tl_decode(&tl_api, &c->arena, &in, &o, NULL) != 0) {
		tg_carrier_drop(c);
		if (!tells)
			tg_updates_online(a);
		return;
	}
	if (tells)
		hear(a, o);
	inner = is_updates ? o : tl_field_obj(&tl_api, o, "updates");
	if (inner)
		tg_updates_take(a, c, inner, call);
	else if (affected)
		take_affected(a, c, o, call);
	tg_carrier_drop(c);
}

struct tg_update_state tg_account_update_state(const struct tg_account *a, int64_t channel)
{
	const struct tg_box *common = &a->up.box[TG_BOX_COMMON];
	const struct tg_channel *ch =
		channel ? tg_map_get(&a->up.channels, (uint64_t)channel) : NULL;

	if (channel)
		return (struct tg_update_state){.pts = ch && ch->box.known ? ch->box.pts : 0};
	if (!common->known)
		return (struct tg_update_state){0};
	return (struct tg_update_state){common->pts, a->up.box[TG_BOX_QTS].pts, a->up.date};
}

void tg_sync(struct tg_account *a, int64_t channel, struct mt_time now)
{
	struct tg_channel *ch = channel ? tg_map_get(&a->up.channels, (uint64_t)channel) : NULL;

	a->now = now;
	tg_difference(a);
	if (ch)
		tg_channel_difference(a, ch);
}
