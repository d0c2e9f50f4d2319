/* Changing what was written: edits, deletions, read marks, reactions, pins; and what leaves no
 * trace: typing and status. */
#include "tests/sandbox/world.h"

#define ONLINE_SECONDS 300

/* An event in the box of each copy of a post, told to whom the box belongs. */
static void each_copy(struct sb_act *t, struct sb_post *p, enum sb_event_kind kind)
{
	for (struct sb_msg *m = p->copies; m; m = m->sibling) {
		struct sb_event *e;
		struct sb_user *u = sb_user(t->w, m->box->owner);
		int32_t *ids;

		if (m->deleted)
			continue;
		e = sb_box_event(t->w, m->box, kind, 1);
		e->id = m->id;
		e->peer = m->peer;
		ids = sb_alloc(&t->w->store, sizeof(*ids));
		*ids = m->id;
		e->ids = ids;
		e->id_count = 1;
		sb_act_event(t, u, u ? NULL : sb_chat(t->w, m->box->owner), m->box, e);
	}
}

static bool may_edit(struct sb_world *w, const struct sb_user *me, const struct sb_msg *m)
{
	struct sb_chat *c = sb_chat(w, m->peer);

	if (m->post->action)
		return false;
	return m->post->from == me || (m->post->via_bot && m->post->via_bot == me->id) ||
	       (!m->post->from && c && sb_is_admin(c, me));
}

const char *sb_edit(struct sb_act *t, struct sb_msg *m, const struct sb_draft *d)
{
	struct sb_post *p = m->post;
	struct tl_arena *a = &t->w->store;
	struct tl_obj *markup = sb_keep(t->w, a, d->markup);
	bool same = !d->text.data || (p->text && tl_str_eq(d->text, p->text));

	if (!may_edit(t->w, t->actor, m))
		return "403 MESSAGE_AUTHOR_REQUIRED";
	if (d->text.data && !d->text.len && !p->media && !d->media)
		return "MESSAGE_EMPTY";
	if (d->text.len > 4 * SB_MAX_TEXT)
		return "MESSAGE_TOO_LONG";
	if (same && !d->media && !markup && !p->markup && !d->entities.count)
		return "MESSAGE_NOT_MODIFIED";
	if (d->text.data) {
		p->text = sb_text(a, d->text);
		p->entities = sb_text_entities(t->w, p->text, &d->entities);
	}
	if (d->media)
		p->media = d->media;
	p->markup = markup;
	p->edit_date = sb_time(t->w);
	each_copy(t, p, SB_EV_EDIT);
	return NULL;
}

/* ---- deletion -------------------------------------------------------------------------------- */
struct doomed { /* ids in one box */
	struct sb_box *box;
	int32_t *ids;
	unsigned count;
	struct doomed *next;
};

static void doom(struct sb_act *t, struct doomed **list, struct sb_msg *m, unsigned max)
{
	struct doomed *d = *list;

	if (m->deleted)
		return;
	while (d && d->box != m->box)
		d = d->next;
	if (!d) {
		d = sb_alloc(&t->arena, sizeof(*d));
		d->box = m->box;
		d->ids = sb_alloc(&t->w->store, max * sizeof(*d->ids));
		d->next = *list;
		*list = d;
	}
	m->deleted = true;
	d->ids[d->count++] = m->id;
}

const char *sb_delete(struct sb_act *t, int64_t peer, const int32_t *ids, unsigned n, bool revoke,
		      int *ret_pts, int *ret_count)
{
	struct sb_box *own = sb_box_of(t->w, t->actor, peer);
	struct sb_chat *c = sb_chat(t->w, peer);
	struct doomed *list = NULL;

	for (unsigned i = 0; i < n && c && c->channel; i++) {
		struct sb_msg *m = sb_msg_in(t->w, t->actor, peer, ids[i]);

		if (m && m->post->from != t->actor && !sb_is_admin(c, t->actor))
			return "403 MESSAGE_DELETE_FORBIDDEN";
	}
	*ret_count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct sb_msg *m = sb_msg_in(t->w, t->actor, peer, ids[i]);
		bool all =
			m && (revoke || t->actor->bot) &&
			(m->peer > 0 || m->post->from == t->actor ||
			 (sb_chat(t->w, m->peer) && sb_is_admin(sb_chat(t->w, m->peer), t->actor)));

		if (!m)
			continue;
		for (struct sb_msg *x = all ? m->post->copies : NULL; x; x = x->sibling)
			doom(t, &list, x, n);
		doom(t, &list, m, n);
	}
	for (; list; list = list->next) {
		struct sb_event *e = sb_box_event(t->w, list->box, SB_EV_DELETE, (int)list->count);
		struct sb_user *u = sb_user(t->w, list->box->owner);

		e->ids = list->ids;
		e->id_count = list->count;
		sb_act_event(t, u, u ? NULL : sb_chat(t->w, list->box->owner), list->box, e);
		if (list->box == own)
			*ret_count = (int)list->count;
	}
	*ret_pts = own->pts;
	return NULL;
}

/* ---- read marks ------------------------------------------------------------------------------ */
/* The author of what was read learns up to where, in his own numbering. */
static void tell_author(struct sb_act *t, struct sb_user *reader, const struct sb_msg *m)
{
	struct sb_user *author = m->post->from;
	struct sb_msg *x = m->post->copies;
	struct sb_dialog *d;
	struct sb_event *e;

	if (!author || author == reader || author->bot)
		return;
	while (x && x->box != &author->box)
		x = x->sibling;
	if (!x)
		return;
	d = sb_dialog(t->w, author, x->peer);
	if (d->read_out >= x->id)
		return;
	d->read_out = x->id;
	e = sb_box_event(t->w, &author->box, SB_EV_READ_OUT, 1);
	e->peer = x->peer;
	e->id = x->id;
	sb_act_event(t, author, NULL, &author->box, e);
}

static const char *read_channel(struct sb_act *t, struct sb_chat *c, struct sb_dialog *d,
				int max_id)
{
	struct tl_updateReadChannelInbox *u = SB_NEW(&t->arena, updateReadChannelInbox);

	if (max_id <= d->read_in)
		return NULL;
	for (int id = d->read_in + 1; id <= max_id; id++) {
		struct sb_msg *m = sb_box_get(&c->box, id);
		struct sb_user *author = m ? m->post->from : NULL;
		struct tl_updateReadChannelOutbox *o;

		if (!author || author == t->actor || !c->megagroup ||
		    sb_dialog(t->w, author, c->id)->read_out >= id)
			continue;
		sb_dialog(t->w, author, c->id)->read_out = id;
		o = SB_NEW(&t->arena, updateReadChannelOutbox);
		o->channel_id = sb_bare(c->id);
		o->max_id = id;
		sb_act_update(t, author, NULL, &o->obj)->about[0] = c->id;
	}
	d->read_in = max_id;
	u->channel_id = sb_bare(c->id);
	u->max_id = max_id;
	u->still_unread_count = sb_unread(t->w, t->actor, d);
	u->pts = c->box.pts;
	sb_act_update(t, t->actor, NULL, &u->obj)->about[0] = c->id;
	return NULL;
}

const char *sb_read(struct sb_act *t, int64_t peer, int max_id, int *ret_pts, int *ret_count)
{
	struct sb_chat *c = sb_chat(t->w, peer);
	struct sb_dialog *d = sb_dialog(t->w, t->actor, peer);
	struct sb_msg *top = sb_top(t->w, t->actor, d);
	struct sb_box *box = &t->actor->box;
	int from = d->read_in;
	struct sb_event *e;

	*ret_count = 0;
	*ret_pts = box->pts;
	if (!top)
		return NULL;
	if (!max_id || max_id > top->id)
		max_id = top->id;
	d->unread_mark = false;
	if (c && c->channel)
		return read_channel(t, c, d, max_id);
	if (max_id <= from)
		return NULL;
	d->read_in = max_id;
	e = sb_box_event(t->w, box, SB_EV_READ_IN, 1);
	e->peer = peer;
	e->id = max_id;
	e->unread = sb_unread(t->w, t->actor, d);
	sb_act_event(t, t->actor, NULL, box, e);
	*ret_pts = box->pts;
	*ret_count = 1;
	for (unsigned i = d->count; i && d->list[i - 1]->id > from; i--)
		if (d->list[i - 1]->id <= max_id)
			tell_author(t, t->actor, d->list[i - 1]);
	return NULL;
}

/* ---- reactions and pins ---------------------------------------------------------------------- */
static void tell_reactions(struct sb_act *t, struct sb_msg *m)
{
	struct sb_user *u = sb_user(t->w, m->box->owner);
	struct sb_view v = sb_view(t->w, u ? u : t->actor, &t->arena);
	struct tl_updateMessageReactions *up = SB_NEW(&t->arena, updateMessageReactions);
	struct tl_obj *reactions = sb_tl_reactions(&v, m->post);
	struct sb_note *n;

	if (m->deleted || (u && u->bot))
		return;
	if (!reactions)
		reactions = &SB_NEW(&t->arena, messageReactions)->obj;
	((struct tl_messageReactions *)reactions)->min = !u;
	up->peer = sb_tl_peer(&t->arena, m->peer);
	up->msg_id = m->id;
	up->reactions = reactions;
	n = sb_act_update(t, u, u ? NULL : sb_chat(t->w, m->box->owner), &up->obj);
	n->about[0] = m->peer;
	n->about[1] = t->actor->id;
}

const char *sb_react(struct sb_act *t, struct sb_msg *m, const char *emoji)
{
	struct sb_post *p = m->post;
	struct sb_reaction **r = &p->reactions;

	if (p->action)
		return "MESSAGE_ID_INVALID";
	while (*r && (*r)->user != t->actor->id)
		r = &(*r)->next;
	if (*r)
		*r = (*r)->next;
	if (emoji && *emoji) {
		struct sb_reaction *add = sb_alloc(&t->w->store, sizeof(*add));

		add->user = t->actor->id;
		add->emoji = sb_copy(&t->w->store, emoji);
		add->date = sb_time(t->w);
		add->next = p->reactions;
		p->reactions = add;
	}
	for (struct sb_msg *x = p->copies; x; x = x->sibling)
		tell_reactions(t, x);
	return NULL;
}

const char *sb_pin(struct sb_act *t, struct sb_msg *m, bool on, bool silent)
{
	struct sb_chat *c = sb_chat(t->w, m->peer);
	struct tl_messageActionPinMessage *action = SB_NEW(&t->arena, messageActionPinMessage);
	struct sb_draft d = {.action = &action->obj, .reply_to = m->id, .silent = silent};
	struct sb_msg *service;

	if (c && c->channel && !sb_is_admin(c, t->actor))
		return "CHAT_ADMIN_REQUIRED";
	if (m->pinned == on)
		return on ? "CHAT_NOT_MODIFIED" : NULL;
	for (struct sb_msg *x = m->post->copies; x; x = x->sibling)
		x->pinned = on;
	each_copy(t, m->post, on ? SB_EV_PINNED : SB_EV_UNPINNED);
	return on && !silent ? sb_send(t, m->peer, &d, &service) : NULL;
}

/* ---- without a trace ------------------------------------------------------------------------- */
static struct tl_obj *typing_update(struct sb_act *t, struct sb_user *from, const struct sb_chat *c,
				    const struct tl_obj *action)
{
	struct tl_updateUserTyping *u = SB_NEW(&t->arena, updateUserTyping);

	if (c && c->channel) {
		struct tl_updateChannelUserTyping *ch = SB_NEW(&t->arena, updateChannelUserTyping);

		ch->channel_id = sb_bare(c->id);
		ch->from_id = sb_tl_peer(&t->arena, from->id);
		ch->action = (struct tl_obj *)action;
		return &ch->obj;
	}
	if (c) {
		struct tl_updateChatUserTyping *g = SB_NEW(&t->arena, updateChatUserTyping);

		g->chat_id = sb_bare(c->id);
		g->from_id = sb_tl_peer(&t->arena, from->id);
		g->action = (struct tl_obj *)action;
		return &g->obj;
	}
	u->user_id = from->id;
	u->action = (struct tl_obj *)action;
	return &u->obj;
}

void sb_typing(struct sb_world *w, struct sb_user *from, int64_t peer, const struct tl_obj *action)
{
	struct sb_chat *c = sb_chat(w, peer);
	struct sb_act t;
	struct tl_obj *u;

	sb_act_begin(&t, w, NULL, NULL);
	u = typing_update(&t, from, c, action);
	if (!c && peer != from->id && sb_user(w, peer) && !sb_user(w, peer)->bot)
		sb_act_update(&t, sb_user(w, peer), NULL, u)->about[0] = from->id;
	for (struct sb_member *m = c ? c->member_list : NULL; m; m = m->next) {
		struct sb_note *n;

		if (m->rank < SB_MEMBER || m->user == from || m->user->bot)
			continue;
		n = sb_act_update(&t, m->user, NULL, u);
		n->about[0] = from->id;
		n->about[1] = peer;
	}
	sb_act_end(&t);
}

void sb_status(struct sb_world *w, struct sb_user *u, bool online)
{
	struct sb_act t;
	struct sb_view v;
	struct tl_updateUserStatus *up;

	u->last_seen = sb_time(w);
	u->online_until = online ? sb_time(w) + ONLINE_SECONDS : 0;
	sb_act_begin(&t, w, NULL, NULL);
	v = sb_view(w, u, &t.arena);
	up = SB_NEW(&t.arena, updateUserStatus);
	up->user_id = u->id;
	up->status = sb_tl_status(&v, u);
	for (struct sb_dialog *d = u->dialog_list; d; d = d->next) {
		struct sb_user *other = sb_user(w, d->peer);

		if (other && other != u && !other->bot)
			sb_act_update(&t, other, NULL, &up->obj)->about[0] = u->id;
	}
	sb_act_end(&t);
}
