/* How one viewer sees the world: users, chats, messages and events as TL objects. Access hashes,
 * out, self and contact flags depend on the viewer. */
#include "tests/sandbox/world.h"

struct sb_view sb_view(struct sb_world *w, struct sb_user *viewer, struct tl_arena *a)
{
	return (struct sb_view){.w = w, .viewer = viewer, .arena = a};
}

void sb_see(struct sb_view *v, int64_t peer)
{
	if (!peer)
		return;
	for (unsigned i = 0; i < v->seen_count; i++)
		if (v->seen[i] == peer)
			return;
	if (v->seen_count == v->seen_cap) {
		unsigned cap = v->seen_cap ? v->seen_cap * 2 : 8;
		int64_t *list = sb_alloc(v->arena, cap * sizeof(*list));

		if (v->seen_count)
			memcpy(list, v->seen, v->seen_count * sizeof(*list));
		v->seen = list;
		v->seen_cap = cap;
	}
	v->seen[v->seen_count++] = peer;
}

struct tl_vec sb_seen_users(struct sb_view *v)
{
	struct sb_list l = {0};

	for (unsigned i = 0; i < v->seen_count; i++)
		if (sb_user(v->w, v->seen[i]))
			sb_add(v->arena, &l, sb_tl_user(v, sb_user(v->w, v->seen[i])));
	return sb_vec(&l);
}

struct tl_vec sb_seen_chats(struct sb_view *v)
{
	struct sb_list l = {0};

	for (unsigned i = 0; i < v->seen_count; i++)
		if (sb_chat(v->w, v->seen[i]))
			sb_add(v->arena, &l, sb_tl_chat(v, sb_chat(v->w, v->seen[i])));
	return sb_vec(&l);
}

struct tl_obj *sb_tl_peer(struct tl_arena *a, int64_t peer)
{
	if (peer > 0) {
		struct tl_peerUser *p = SB_NEW(a, peerUser);

		p->user_id = peer;
		return &p->obj;
	}
	if (sb_is_channel(peer)) {
		struct tl_peerChannel *p = SB_NEW(a, peerChannel);

		p->channel_id = sb_bare(peer);
		return &p->obj;
	}
	struct tl_peerChat *p = SB_NEW(a, peerChat);

	p->chat_id = sb_bare(peer);
	return &p->obj;
}

/* ---- users ----------------------------------------------------------------------------------- */
struct tl_obj *sb_tl_status(struct sb_view *v, struct sb_user *u)
{
	if (u->online_until > sb_time(v->w)) {
		struct tl_userStatusOnline *s = SB_NEW(v->arena, userStatusOnline);

		s->expires = u->online_until;
		return &s->obj;
	}
	struct tl_userStatusOffline *s = SB_NEW(v->arena, userStatusOffline);

	s->was_online = u->last_seen;
	return &s->obj;
}

struct tl_obj *sb_tl_user(struct sb_view *v, struct sb_user *u)
{
	struct tl_user *o = SB_NEW(v->arena, user);
	bool contact = sb_map_get(&v->viewer->contacts, u->id) != NULL;

	o->id = u->id;
	o->self = u == v->viewer;
	o->bot = u->bot;
	o->deleted = u->deleted;
	o->verified = u->verified;
	SB_SET(o, access_hash, sb_access_hash(v->w, v->viewer, u->id));
	if (u->deleted)
		return &o->obj;
	o->first_name = sb_str(u->first);
	o->last_name = sb_str(u->last);
	o->username = sb_str(u->username);
	if (u->bot) {
		SB_SET(o, bot_info_version, 1);
		o->bot_chat_history = u->no_privacy;
		o->bot_can_edit = u->owner == v->viewer->id;
		o->bot_inline_placeholder = sb_str(u->inline_placeholder);
		return &o->obj;
	}
	o->contact = contact;
	o->mutual_contact = contact && sb_map_get(&u->contacts, v->viewer->id);
	if (o->self || o->contact)
		o->phone = sb_str(u->phone);
	o->status = sb_tl_status(v, u);
	return &o->obj;
}

/* ---- chats ----------------------------------------------------------------------------------- */
struct tl_obj *sb_tl_all_rights(struct tl_arena *a)
{
	struct tl_chatAdminRights *r = SB_NEW(a, chatAdminRights);

	r->change_info = r->post_messages = r->edit_messages = r->delete_messages = true;
	r->ban_users = r->invite_users = r->pin_messages = r->add_admins = true;
	r->manage_call = r->other = true;
	return &r->obj;
}

static struct tl_obj *default_banned(struct tl_arena *a, const struct sb_chat *c)
{
	return c->banned ? (struct tl_obj *)c->banned : &SB_NEW(a, chatBannedRights)->obj;
}

static struct tl_obj *tl_group(struct sb_view *v, struct sb_chat *c)
{
	const struct sb_member *m = sb_member(c, v->viewer);
	struct tl_chat *o;

	if (!m || m->rank == SB_BANNED) {
		struct tl_chatForbidden *f = SB_NEW(v->arena, chatForbidden);

		f->id = sb_bare(c->id);
		f->title = sb_str(c->title);
		return &f->obj;
	}
	o = SB_NEW(v->arena, chat);
	o->id = sb_bare(c->id);
	o->title = sb_str(c->title);
	o->creator = m->rank == SB_CREATOR;
	o->left = m->rank == SB_LEFT;
	o->deactivated = c->deleted;
	o->noforwards = c->noforwards;
	o->photo = &SB_NEW(v->arena, chatPhotoEmpty)->obj;
	o->participants_count = (int)sb_member_count(c);
	o->date = c->date;
	o->version = c->version;
	if (m->rank >= SB_ADMIN)
		o->admin_rights =
			m->rights ? (struct tl_obj *)m->rights : sb_tl_all_rights(v->arena);
	o->default_banned_rights = default_banned(v->arena, c);
	return &o->obj;
}

struct tl_obj *sb_tl_chat(struct sb_view *v, struct sb_chat *c)
{
	const struct sb_member *m = sb_member(c, v->viewer);
	struct tl_channel *o;

	if (!c->channel)
		return tl_group(v, c);
	if (c->deleted || (m && m->rank == SB_BANNED)) {
		struct tl_channelForbidden *f = SB_NEW(v->arena, channelForbidden);

		f->id = sb_bare(c->id);
		f->access_hash = sb_access_hash(v->w, v->viewer, c->id);
		f->title = sb_str(c->title);
		f->broadcast = !c->megagroup;
		f->megagroup = c->megagroup;
		return &f->obj;
	}
	o = SB_NEW(v->arena, channel);
	o->id = sb_bare(c->id);
	SB_SET(o, access_hash, sb_access_hash(v->w, v->viewer, c->id));
	o->title = sb_str(c->title);
	o->username = sb_str(c->username);
	o->broadcast = !c->megagroup;
	o->megagroup = c->megagroup;
	o->signatures = c->signatures;
	o->noforwards = c->noforwards;
	o->slowmode_enabled = c->slowmode > 0;
	o->creator = m && m->rank == SB_CREATOR;
	o->left = !m || m->rank == SB_LEFT;
	o->photo = &SB_NEW(v->arena, chatPhotoEmpty)->obj;
	o->date = m ? m->date : c->date;
	if (m && m->rank >= SB_ADMIN)
		o->admin_rights =
			m->rights ? (struct tl_obj *)m->rights : sb_tl_all_rights(v->arena);
	o->default_banned_rights = default_banned(v->arena, c);
	SB_SET(o, participants_count, (int)sb_member_count(c));
	return &o->obj;
}

/* ---- messages -------------------------------------------------------------------------------- */
/* The copy of a post in the box where m lies. */
static const struct sb_msg *copy_beside(const struct sb_post *p, const struct sb_msg *m)
{
	const struct sb_msg *c = p->copies;

	while (c && c->box != m->box)
		c = c->sibling;
	return c;
}

static struct tl_obj *tl_reply(struct sb_view *v, const struct sb_msg *m)
{
	const struct sb_msg *to = m->post->reply ? copy_beside(m->post->reply, m) : NULL;
	struct tl_messageReplyHeader *r;

	if (!to)
		return NULL;
	r = SB_NEW(v->arena, messageReplyHeader);
	SB_SET(r, reply_to_msg_id, to->id);
	return &r->obj;
}

struct tl_obj *sb_tl_reactions(struct sb_view *v, const struct sb_post *p)
{
	struct tl_messageReactions *o;
	struct sb_list results = {0}, recent = {0};

	if (!p->reactions)
		return NULL;
	o = SB_NEW(v->arena, messageReactions);
	for (const struct sb_reaction *r = p->reactions; r; r = r->next) {
		struct tl_reactionEmoji *emoji = SB_NEW(v->arena, reactionEmoji);
		struct tl_messagePeerReaction *who = SB_NEW(v->arena, messagePeerReaction);
		struct tl_reactionCount *count = NULL;

		emoji->emoticon = sb_str(r->emoji);
		for (unsigned i = 0; i < results.count && !count; i++) {
			struct tl_reactionCount *c = (void *)results.items[i];

			if (tl_str_eq(((struct tl_reactionEmoji *)c->reaction)->emoticon, r->emoji))
				count = c;
		}
		if (!count) {
			count = SB_NEW(v->arena, reactionCount);
			count->reaction = &emoji->obj;
			sb_add(v->arena, &results, &count->obj);
		}
		count->count++;
		if (r->user == v->viewer->id)
			SB_SET(count, chosen_order, 0);
		who->my = r->user == v->viewer->id;
		who->peer_id = sb_tl_peer(v->arena, r->user);
		who->date = r->date;
		who->reaction = &emoji->obj;
		sb_see(v, r->user);
		sb_add(v->arena, &recent, &who->obj);
	}
	o->can_see_list = p->to > -SB_CHANNEL_BASE;
	o->results = sb_vec(&results);
	o->recent_reactions = sb_vec(&recent);
	return &o->obj;
}

static void see_action(struct sb_view *v, const struct tl_obj *action)
{
	const struct tl_vec *users = NULL;

	if (action->ctor == TL_messageActionChatCreate)
		users = &((const struct tl_messageActionChatCreate *)action)->users;
	else if (action->ctor == TL_messageActionChatAddUser)
		users = &((const struct tl_messageActionChatAddUser *)action)->users;
	else if (action->ctor == TL_messageActionChatDeleteUser)
		sb_see(v, ((const struct tl_messageActionChatDeleteUser *)action)->user_id);
	for (unsigned i = 0; users && i < users->count; i++)
		sb_see(v, sb_long(users, i));
}

static struct tl_obj *from_id(struct sb_view *v, const struct sb_msg *m, bool out)
{
	const struct sb_post *p = m->post;

	sb_see(v, m->peer);
	if (!p->from)
		return NULL;
	sb_see(v, p->from->id);
	return m->peer > 0 && !out && m->peer != v->viewer->id ? NULL
							       : sb_tl_peer(v->arena, p->from->id);
}

static struct tl_obj *tl_service(struct sb_view *v, struct sb_msg *m, bool out)
{
	struct tl_messageService *o = SB_NEW(v->arena, messageService);

	o->id = m->id;
	o->out = out;
	o->silent = m->post->silent;
	o->mentioned = m->mentioned;
	o->media_unread = m->media_unread;
	o->post = !m->post->from;
	o->from_id = from_id(v, m, out);
	o->peer_id = sb_tl_peer(v->arena, m->peer);
	o->reply_to = tl_reply(v, m);
	o->date = m->post->date;
	o->action = (struct tl_obj *)m->post->action;
	see_action(v, o->action);
	return &o->obj;
}

static void see_forward(struct sb_view *v, const struct tl_obj *header)
{
	const struct tl_messageFwdHeader *h = (const void *)header;

	if (h && h->from_id && h->from_id->ctor == TL_peerUser)
		sb_see(v, ((const struct tl_peerUser *)h->from_id)->user_id);
	else if (h && h->from_id && h->from_id->ctor == TL_peerChannel)
		sb_see(v,
		       -SB_CHANNEL_BASE - ((const struct tl_peerChannel *)h->from_id)->channel_id);
}

struct tl_obj *sb_tl_message(struct sb_view *v, struct sb_msg *m)
{
	const struct sb_post *p = m->post;
	bool out = p->from == v->viewer || (sb_is_channel(m->peer) ? false : m->out);
	struct tl_message *o;

	if (p->action)
		return tl_service(v, m, out);
	o = SB_NEW(v->arena, message);
	o->id = m->id;
	o->out = out;
	o->mentioned = m->mentioned;
	o->media_unread = m->media_unread;
	o->silent = p->silent;
	o->pinned = m->pinned;
	o->noforwards = p->noforwards;
	o->invert_media = p->invert_media;
	o->post = !p->from;
	o->from_id = from_id(v, m, out);
	o->peer_id = sb_tl_peer(v->arena, m->peer);
	if (m->peer == v->viewer->id)
		o->saved_peer_id = o->peer_id;
	o->fwd_from = (struct tl_obj *)p->forward;
	see_forward(v, p->forward);
	if (p->via_bot) {
		SB_SET(o, via_bot_id, p->via_bot);
		sb_see(v, p->via_bot);
	}
	o->reply_to = tl_reply(v, m);
	o->date = p->date;
	o->message = sb_str(p->text ? p->text : "");
	o->media = p->media ? sb_tl_media(v, p->media) : NULL;
	o->reply_markup = (struct tl_obj *)p->markup;
	o->entities = p->entities;
	if (!p->from) {
		SB_SET(o, views, p->views ? p->views : 1);
		SB_SET(o, forwards, p->forwards);
	}
	if (p->edit_date)
		SB_SET(o, edit_date, p->edit_date);
	if (p->grouped)
		SB_SET(o, grouped_id, p->grouped);
	if (p->effect)
		SB_SET(o, effect, p->effect);
	o->reactions = sb_tl_reactions(v, p);
	return &o->obj;
}
