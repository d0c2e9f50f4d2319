/* Events as updates, dialogs and states as TL objects for one viewer.
 * core.telegram.org/api/updates, "Update handling". */
#include "tests/sandbox/world.h"

static struct tl_obj *ev_message(struct sb_view *v, struct sb_box *b, const struct sb_event *e)
{
	struct sb_msg *m = e->id > 0 && e->id <= b->top ? b->msgs[e->id] : NULL;
	bool channel = b->owner < 0, edit = e->kind == SB_EV_EDIT;

	if (!m || m->deleted || !sb_hears(v->viewer, m->post))
		return NULL;
	if (channel && edit) {
		struct tl_updateEditChannelMessage *u = SB_NEW(v->arena, updateEditChannelMessage);

		u->message = sb_tl_message(v, m);
		u->pts = e->pts;
		u->pts_count = e->count;
		return &u->obj;
	}
	if (channel) {
		struct tl_updateNewChannelMessage *u = SB_NEW(v->arena, updateNewChannelMessage);

		u->message = sb_tl_message(v, m);
		u->pts = e->pts;
		u->pts_count = e->count;
		return &u->obj;
	}
	if (edit) {
		struct tl_updateEditMessage *u = SB_NEW(v->arena, updateEditMessage);

		u->message = sb_tl_message(v, m);
		u->pts = e->pts;
		u->pts_count = e->count;
		return &u->obj;
	}
	struct tl_updateNewMessage *u = SB_NEW(v->arena, updateNewMessage);

	u->message = sb_tl_message(v, m);
	u->pts = e->pts;
	u->pts_count = e->count;
	return &u->obj;
}

static struct tl_obj *ev_delete(struct sb_view *v, struct sb_box *b, const struct sb_event *e)
{
	struct tl_vec ids = sb_vec_ints(v->arena, e->ids, e->id_count);

	if (b->owner < 0) {
		struct tl_updateDeleteChannelMessages *u =
			SB_NEW(v->arena, updateDeleteChannelMessages);

		u->channel_id = sb_bare(b->owner);
		u->messages = ids;
		u->pts = e->pts;
		u->pts_count = e->count;
		sb_see(v, b->owner);
		return &u->obj;
	}
	struct tl_updateDeleteMessages *u = SB_NEW(v->arena, updateDeleteMessages);

	u->messages = ids;
	u->pts = e->pts;
	u->pts_count = e->count;
	return &u->obj;
}

static struct tl_obj *ev_read(struct sb_view *v, const struct sb_event *e)
{
	sb_see(v, e->peer);
	if (e->kind == SB_EV_READ_OUT) {
		struct tl_updateReadHistoryOutbox *u = SB_NEW(v->arena, updateReadHistoryOutbox);

		u->peer = sb_tl_peer(v->arena, e->peer);
		u->max_id = e->id;
		u->pts = e->pts;
		u->pts_count = e->count;
		return &u->obj;
	}
	struct tl_updateReadHistoryInbox *u = SB_NEW(v->arena, updateReadHistoryInbox);

	u->peer = sb_tl_peer(v->arena, e->peer);
	u->max_id = e->id;
	u->still_unread_count = e->unread;
	u->pts = e->pts;
	u->pts_count = e->count;
	return &u->obj;
}

static struct tl_obj *ev_pinned(struct sb_view *v, struct sb_box *b, const struct sb_event *e)
{
	struct tl_vec ids = sb_vec_ints(v->arena, e->ids, e->id_count);

	sb_see(v, e->peer);
	if (b->owner < 0) {
		struct tl_updatePinnedChannelMessages *u =
			SB_NEW(v->arena, updatePinnedChannelMessages);

		u->pinned = e->kind == SB_EV_PINNED;
		u->channel_id = sb_bare(b->owner);
		u->messages = ids;
		u->pts = e->pts;
		u->pts_count = e->count;
		return &u->obj;
	}
	struct tl_updatePinnedMessages *u = SB_NEW(v->arena, updatePinnedMessages);

	u->pinned = e->kind == SB_EV_PINNED;
	u->peer = sb_tl_peer(v->arena, e->peer);
	u->messages = ids;
	u->pts = e->pts;
	u->pts_count = e->count;
	return &u->obj;
}

static struct tl_obj *ev_contents(struct sb_view *v, const struct sb_event *e)
{
	struct tl_updateReadMessagesContents *u = SB_NEW(v->arena, updateReadMessagesContents);

	u->messages = sb_vec_ints(v->arena, e->ids, e->id_count);
	u->pts = e->pts;
	u->pts_count = e->count;
	SB_SET(u, date, e->date);
	return &u->obj;
}

struct tl_obj *sb_tl_event(struct sb_view *v, struct sb_box *b, const struct sb_event *e)
{
	switch (e->kind) {
	case SB_EV_NEW:
	case SB_EV_EDIT:
		return ev_message(v, b, e);
	case SB_EV_DELETE:
		return ev_delete(v, b, e);
	case SB_EV_READ_IN:
	case SB_EV_READ_OUT:
		return ev_read(v, e);
	case SB_EV_CONTENTS:
		return ev_contents(v, e);
	case SB_EV_PINNED:
	case SB_EV_UNPINNED:
		return ev_pinned(v, b, e);
	}
	return NULL;
}

struct tl_obj *sb_tl_updates(struct sb_view *v, struct tl_vec updates)
{
	struct tl_updates *u = SB_NEW(v->arena, updates);

	u->updates = updates;
	u->users = sb_seen_users(v);
	u->chats = sb_seen_chats(v);
	u->date = sb_time(v->w);
	return &u->obj;
}

struct tl_obj *sb_tl_notify(struct tl_arena *a, const struct sb_dialog *d)
{
	return d && d->notify ? (struct tl_obj *)d->notify : &SB_NEW(a, peerNotifySettings)->obj;
}

struct tl_obj *sb_tl_dialog(struct sb_view *v, struct sb_dialog *d)
{
	struct sb_msg *top = sb_top(v->w, v->viewer, d);
	struct sb_chat *c = sb_chat(v->w, d->peer);
	struct tl_dialog *o = SB_NEW(v->arena, dialog);

	sb_see(v, d->peer);
	o->peer = sb_tl_peer(v->arena, d->peer);
	o->pinned = d->pinned;
	o->unread_mark = d->unread_mark;
	o->top_message = top ? top->id : 0;
	o->read_inbox_max_id = d->read_in;
	o->read_outbox_max_id = d->read_out;
	o->unread_count = sb_unread(v->w, v->viewer, d);
	o->notify_settings = sb_tl_notify(v->arena, d);
	if (c && c->channel)
		SB_SET(o, pts, c->box.pts);
	o->draft = (struct tl_obj *)d->draft;
	if (d->folder)
		SB_SET(o, folder_id, d->folder);
	return &o->obj;
}

struct tl_obj *sb_tl_state(struct sb_view *v)
{
	struct tl_updates_state *s = SB_NEW(v->arena, updates_state);

	s->pts = v->viewer->box.pts;
	s->qts = v->viewer->qts;
	s->seq = v->viewer->seq;
	s->date = sb_time(v->w);
	for (struct sb_dialog *d = v->viewer->dialog_list; d; d = d->next)
		s->unread_count += sb_unread(v->w, v->viewer, d) > 0;
	return &s->obj;
}
