/* updates.*: the state, and the differences since an older one, from the boxes' own events.
 * core.telegram.org/api/updates, "Recovering gaps". */
#include "tests/sandbox/world.h"

#define CHANNEL_TIMEOUT 30 /* for who watches without being a member */
#define CHANNEL_LIMIT 100
#define CHANNEL_LIMIT_BOT 100000

static void get_state(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);

	sb_reply(c, sb_tl_state(&v));
}

/* Events from..to of a box: new messages apart, all else as updates. Whoever sent a message is told
 * by which random id, for the answer that said so may have been lost. */
static void gather(struct sb_view *v, struct sb_box *b, unsigned from, unsigned to,
		   struct sb_list *messages, struct sb_list *others)
{
	for (unsigned i = from; i < to; i++) {
		const struct sb_event *e = &b->events[i];

		if (e->kind == SB_EV_NEW) {
			struct sb_msg *m = sb_box_get(b, e->id);

			if (m && sb_hears(v->viewer, m->post))
				sb_add(v->arena, messages, sb_tl_message(v, m));
			if (m && m->post->random_id && m->post->from == v->viewer)
				sb_add(v->arena, others,
				       sb_message_id(v->arena, m, m->post->random_id));
		} else {
			sb_add(v->arena, others, sb_tl_event(v, b, e));
		}
	}
}

/* Channels where something happened since that date: the client is told to ask for each. */
static void gather_channels(struct sb_view *v, int date, struct sb_list *others)
{
	for (struct sb_chat *c = v->w->first_chat; c; c = c->next) {
		const struct sb_box *b = &c->box;
		struct tl_updateChannelTooLong *u;

		if (!c->channel || !sb_in_chat(c, v->viewer) || !b->event_count ||
		    b->events[b->event_count - 1].date < date)
			continue;
		u = SB_NEW(v->arena, updateChannelTooLong);
		u->channel_id = sb_bare(c->id);
		SB_SET(u, pts, b->pts);
		sb_see(v, c->id);
		sb_add(v->arena, others, &u->obj);
	}
}

static void difference_too_long(struct sb_call *c, const struct sb_box *b)
{
	struct tl_updates_differenceTooLong *o = SB_NEW(c->arena, updates_differenceTooLong);

	o->pts = b->pts;
	sb_reply(c, &o->obj);
}

static void difference_empty(struct sb_world *w, struct sb_call *c, const struct sb_user *me)
{
	struct tl_updates_differenceEmpty *o = SB_NEW(c->arena, updates_differenceEmpty);

	o->date = sb_time(w);
	o->seq = me->seq;
	sb_reply(c, &o->obj);
}

static const char *state_wrong(const struct sb_box *b, int pts)
{
	if (pts <= 0)
		return "PERSISTENT_TIMESTAMP_EMPTY";
	return pts > b->pts ? "PERSISTENT_TIMESTAMP_INVALID" : NULL;
}

static void get_difference(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_updates_getDifference *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_box *b = &me->box;
	struct tl_updates_difference *o = SB_NEW(c->arena, updates_difference);
	const char *err = state_wrong(b, in->pts);
	struct sb_list messages = {0}, others = {0};
	int total = SB_OPT(in, pts_total_limit, SB_DIFFERENCE_MAX);
	unsigned from, to, limit = (unsigned)SB_OPT(in, pts_limit, SB_DIFFERENCE);

	if (err) {
		sb_fail(c, err);
		return;
	}
	if (sb_fault_too_long(w, c) || b->pts - in->pts > (total > 0 ? total : SB_DIFFERENCE_MAX)) {
		difference_too_long(c, b);
		return;
	}
	from = sb_box_since(b, in->pts);
	to = b->event_count;
	if (limit < 1 || limit > SB_DIFFERENCE)
		limit = SB_DIFFERENCE;
	if (to - from > limit)
		to = from + limit;
	gather(&v, b, from, to, &messages, &others);
	if (to == b->event_count) {
		sb_qts_since(&v, in->qts, &others);
		gather_channels(&v, in->date, &others);
	}
	if (from == b->event_count && !others.count) {
		difference_empty(w, c, me);
		return;
	}
	o->new_messages = sb_vec(&messages);
	o->other_updates = sb_vec(&others);
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	o->state = sb_tl_state(&v);
	if (to < b->event_count) {
		/* differenceSlice has the same fields, its state is an intermediate one. */
		o->obj.ctor = TL_updates_differenceSlice;
		((struct tl_updates_state *)o->state)->pts = b->events[to - 1].pts;
		((struct tl_updates_state *)o->state)->qts = in->qts;
		((struct tl_updates_state *)o->state)->date =
			in->date; /* the channels' turn comes */
	}
	sb_reply(c, &o->obj);
}

/* ---- channels -------------------------------------------------------------------------------- */
static void channel_too_long(struct sb_call *c, struct sb_view *v, struct sb_chat *chat, int limit)
{
	struct tl_updates_channelDifferenceTooLong *o =
		SB_NEW(c->arena, updates_channelDifferenceTooLong);
	struct sb_dialog none = {.peer = chat->id}, *d = sb_dialog_find(v->viewer, chat->id);
	struct sb_list messages = {0};

	for (int id = chat->box.top; id > 0 && (int)messages.count < limit; id--)
		if (sb_msg_in(v->w, v->viewer, chat->id, id))
			sb_add(c->arena, &messages, sb_tl_message(v, chat->box.msgs[id]));
	o->final = true;
	o->dialog = sb_tl_dialog(v, d ? d : &none);
	o->messages = sb_vec(&messages);
	o->users = sb_seen_users(v);
	o->chats = sb_seen_chats(v);
	sb_reply(c, &o->obj);
}

static void channel_empty(struct sb_call *c, const struct sb_chat *chat, bool member)
{
	struct tl_updates_channelDifferenceEmpty *o =
		SB_NEW(c->arena, updates_channelDifferenceEmpty);

	o->final = true;
	o->pts = chat->box.pts;
	if (!member)
		SB_SET(o, timeout, CHANNEL_TIMEOUT);
	sb_reply(c, &o->obj);
}

static void channel_events(struct sb_call *c, struct sb_view *v, struct sb_chat *chat,
			   unsigned from, unsigned to)
{
	struct tl_updates_channelDifference *o = SB_NEW(c->arena, updates_channelDifference);
	struct sb_list messages = {0}, others = {0};

	gather(v, &chat->box, from, to, &messages, &others);
	o->final = to == chat->box.event_count;
	o->pts = chat->box.events[to - 1].pts;
	if (!sb_in_chat(chat, v->viewer))
		SB_SET(o, timeout, CHANNEL_TIMEOUT);
	o->new_messages = sb_vec(&messages);
	o->other_updates = sb_vec(&others);
	sb_see(v, chat->id);
	o->users = sb_seen_users(v);
	o->chats = sb_seen_chats(v);
	sb_reply(c, &o->obj);
}

static void get_channel_difference(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_updates_getChannelDifference *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	const char *err = NULL;
	struct sb_chat *chat = sb_channel_in(w, me, in->channel, &err);
	int limit = in->limit, max = me->bot ? CHANNEL_LIMIT_BOT : CHANNEL_LIMIT;
	unsigned from, to;

	if (chat)
		err = state_wrong(&chat->box, in->pts);
	if (err) {
		sb_fail(c, err);
		return;
	}
	if (limit < 1 || limit > max)
		limit = max;
	from = sb_box_since(&chat->box, in->pts);
	to = chat->box.event_count;
	if (sb_fault_too_long(w, c) || to - from > SB_DIFFERENCE_MAX) {
		channel_too_long(c, &v, chat, limit > CHANNEL_LIMIT ? CHANNEL_LIMIT : limit);
		return;
	}
	if (from == to) {
		channel_empty(c, chat, sb_in_chat(chat, me));
		return;
	}
	if (limit > SB_DIFFERENCE)
		limit = SB_DIFFERENCE;
	if (to - from > (unsigned)limit)
		to = from + (unsigned)limit;
	channel_events(c, &v, chat, from, to);
}

const struct sb_method sb_methods_updates[] = {
	{TL_updates_getState, 0, get_state, NULL},
	{TL_updates_getDifference, 0, get_difference, NULL},
	{TL_updates_getChannelDifference, 0, get_channel_difference, NULL},
	SB_METHOD_END,
};
