/* channels.*: channels and supergroups, their members and rights. core.telegram.org/api/channel. */
#include "tests/sandbox/world.h"

/* The channel that is named; NULL after the call was failed. */
static struct sb_chat *channel(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			       const struct tl_obj *in, bool admin)
{
	const char *err;
	struct sb_chat *ch = sb_channel_in(w, me, in, &err);

	if (!ch) {
		sb_fail(c, err);
	} else if (admin && !sb_is_admin(ch, me)) {
		sb_fail(c, "CHAT_ADMIN_REQUIRED");
		ch = NULL;
	}
	return ch;
}

static void create_channel(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_createChannel *in = (const void *)c->request;
	struct tl_messageActionChannelCreate *action = SB_NEW(c->arena, messageActionChannelCreate);
	struct tl_updateChannel *u = SB_NEW(c->arena, updateChannel);
	struct sb_chat *ch;
	struct sb_act t;

	if (!in->title.len) {
		sb_fail(c, "CHAT_TITLE_EMPTY");
		return;
	}
	ch = sb_channel_new(w, sb_text(&w->store, in->title), me, in->megagroup);
	ch->about = in->about.len ? sb_text(&w->store, in->about) : NULL;
	action->title = in->title;
	u->channel_id = sb_bare(ch->id);
	sb_act_begin(&t, w, me, c);
	sb_act_update(&t, me, NULL, &u->obj)->about[0] = ch->id;
	sb_announce(&t, ch->id, &action->obj);
	sb_answer_updates(c, &t);
}

static void get_channels(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_getChannels *in = (const void *)c->request;
	struct tl_messages_chats *o = SB_NEW(c->arena, messages_chats);
	struct sb_view v = sb_view(w, me, c->arena);

	for (unsigned i = 0; i < in->id.count && i < SB_MAX_IDS; i++) {
		struct sb_chat *ch = channel(w, c, me, sb_item(&in->id, i), false);

		if (!ch)
			return;
		sb_see(&v, ch->id);
	}
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static unsigned count_rank(const struct sb_chat *ch, enum sb_rank from, enum sb_rank to)
{
	unsigned n = 0;

	for (const struct sb_member *m = ch->member_list; m; m = m->next)
		n += m->rank >= from && m->rank <= to;
	return n;
}

static void get_full_channel(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_getFullChannel *in = (const void *)c->request;
	struct tl_messages_chatFull *o = SB_NEW(c->arena, messages_chatFull);
	struct tl_channelFull *f = SB_NEW(c->arena, channelFull);
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_view v = sb_view(w, me, c->arena);
	const struct sb_dialog *d;

	if (!ch)
		return;
	d = sb_dialog(w, me, ch->id);
	f->id = sb_bare(ch->id);
	f->about = sb_str(ch->about ? ch->about : "");
	f->can_view_participants = ch->megagroup || sb_is_admin(ch, me);
	f->can_set_username = sb_is_admin(ch, me);
	SB_SET(f, participants_count, (int)sb_member_count(ch));
	if (sb_is_admin(ch, me)) {
		SB_SET(f, admins_count, (int)count_rank(ch, SB_ADMIN, SB_CREATOR));
		SB_SET(f, kicked_count, (int)count_rank(ch, SB_BANNED, SB_BANNED));
		SB_SET(f, banned_count, 0);
	}
	f->read_inbox_max_id = d->read_in;
	f->read_outbox_max_id = d->read_out;
	f->unread_count = sb_unread(w, me, (struct sb_dialog *)d);
	f->chat_photo = &SB_NEW(c->arena, photoEmpty)->obj;
	f->notify_settings = sb_tl_notify(c->arena, d);
	f->pts = ch->box.pts;
	if (ch->slowmode)
		SB_SET(f, slowmode_seconds, ch->slowmode);
	sb_see(&v, ch->id);
	o->full_chat = &f->obj;
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

/* ---- members --------------------------------------------------------------------------------- */
static bool shown(const struct sb_member *m, const struct tl_obj *filter, const char *q)
{
	const struct sb_user *u = m->user;

	if (filter->ctor == TL_channelParticipantsKicked ||
	    filter->ctor == TL_channelParticipantsBanned)
		return m->rank == SB_BANNED;
	if (m->rank < SB_MEMBER)
		return false;
	if (filter->ctor == TL_channelParticipantsAdmins)
		return m->rank >= SB_ADMIN;
	if (filter->ctor == TL_channelParticipantsBots)
		return u->bot;
	return !q || !*q || (u->first && strcasestr(u->first, q)) ||
	       (u->last && strcasestr(u->last, q)) || (u->username && strcasestr(u->username, q));
}

static void get_participants(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_getParticipants *in = (const void *)c->request;
	struct tl_channels_channelParticipants *o = SB_NEW(c->arena, channels_channelParticipants);
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};
	const char *q = NULL;
	int limit = in->limit < 0 || in->limit > 200 ? 200 : in->limit;

	if (!ch)
		return;
	if (!ch->megagroup && !sb_is_admin(ch, me)) {
		sb_fail(c, "CHAT_ADMIN_REQUIRED");
		return;
	}
	if (in->filter->ctor == TL_channelParticipantsSearch)
		q = sb_text(c->arena, ((const struct tl_channelParticipantsSearch *)in->filter)->q);
	for (const struct sb_member *m = ch->member_list; m; m = m->next) {
		if (!shown(m, in->filter, q))
			continue;
		if (o->count++ >= in->offset && (int)list.count < limit)
			sb_add(c->arena, &list, sb_tl_participant(&v, m));
	}
	sb_see(&v, ch->id);
	o->participants = sb_vec(&list);
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static void get_participant(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_getParticipant *in = (const void *)c->request;
	struct tl_channels_channelParticipant *o = SB_NEW(c->arena, channels_channelParticipant);
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_view v = sb_view(w, me, c->arena);
	const char *err;
	struct sb_user *u = ch ? sb_user(w, sb_peer_in(w, me, in->participant, &err)) : NULL;
	const struct sb_member *m = u ? sb_member(ch, u) : NULL;

	if (!ch)
		return;
	if (!m || m->rank == SB_LEFT) {
		sb_fail(c, u ? "USER_NOT_PARTICIPANT" : "PARTICIPANT_ID_INVALID");
		return;
	}
	o->participant = sb_tl_participant(&v, m);
	sb_see(&v, ch->id);
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static void invite(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_inviteToChannel *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_act t;
	const char *err = "USER_ID_INVALID";

	if (!ch)
		return;
	if (!sb_in_chat(ch, me) || (!ch->megagroup && !sb_is_admin(ch, me))) {
		sb_fail(c, "CHAT_ADMIN_REQUIRED");
		return;
	}
	sb_act_begin(&t, w, me, c);
	for (unsigned i = 0; i < in->users.count && i < SB_MAX_LIST; i++) {
		struct sb_user *u = sb_user_in(w, me, sb_item(&in->users, i));

		if (u && u->bot && !ch->megagroup)
			err = "USER_BOT";
		else if (u && (err = sb_add_member(&t, ch, u, false)) &&
			 !strcmp(err, "USER_ALREADY_PARTICIPANT"))
			err = NULL;
	}
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_invited(c, &t);
	sb_act_end(&t);
}

static void join(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_joinChannel *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_act t;
	const char *err;

	if (!ch)
		return;
	sb_act_begin(&t, w, me, c);
	err = sb_add_member(&t, ch, me, true);
	if (err && strcmp(err, "USER_ALREADY_PARTICIPANT") != 0)
		sb_act_fail(&t, c, err);
	else
		sb_reply_joined(c, &t);
	sb_act_end(&t);
}

static void leave(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_leaveChannel *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_act t;
	const char *err;

	if (!ch)
		return;
	sb_act_begin(&t, w, me, c);
	err = sb_drop_member(&t, ch, me);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(&t);
}

/* A changed member: he himself and bots that watch learn of it. */
static void changed(struct sb_act *t, struct sb_chat *ch, struct sb_member *m,
		    const struct sb_member *before)
{
	struct tl_updateChannel *u = SB_NEW(&t->arena, updateChannel);

	u->channel_id = sb_bare(ch->id);
	sb_act_update(t, m->user, NULL, &u->obj)->about[0] = ch->id;
	if (m->user != t->actor)
		sb_act_update(t, t->actor, NULL, &u->obj)->about[0] = ch->id;
	sb_tell_participant(t, ch, before, m);
}

static bool any_right(const struct tl_obj *rights)
{
	const struct tl_chatAdminRights *r = (const void *)rights;

	return r->change_info || r->post_messages || r->edit_messages || r->delete_messages ||
	       r->ban_users || r->invite_users || r->pin_messages || r->add_admins ||
	       r->anonymous || r->manage_call || r->other || r->manage_topics || r->post_stories ||
	       r->edit_stories || r->delete_stories;
}

static void edit_admin(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_editAdmin *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);
	struct sb_user *u = ch ? sb_user_in(w, me, in->user_id) : NULL;
	struct sb_member *m = u ? sb_member(ch, u) : NULL, before;
	struct sb_act t;

	if (!ch)
		return;
	if (!u || (m && (m->rank == SB_CREATOR || m->rank == SB_BANNED))) {
		sb_fail(c, u ? "USER_CREATOR" : "USER_ID_INVALID");
		return;
	}
	before = m ? *m : (struct sb_member){.user = u, .rank = SB_LEFT};
	m = sb_join(w, ch, u, any_right(in->admin_rights) ? SB_ADMIN : SB_MEMBER, me->id);
	m->rights = m->rank == SB_ADMIN ? sb_keep(w, &w->store, in->admin_rights) : NULL;
	m->title = in->rank.len ? sb_text(&w->store, in->rank) : NULL;
	sb_act_begin(&t, w, me, c);
	changed(&t, ch, m, &before);
	sb_answer_updates(c, &t);
}

static void edit_banned(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_editBanned *in = (const void *)c->request;
	const struct tl_chatBannedRights *rights = (const void *)in->banned_rights;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);
	const char *err;
	struct sb_user *u = ch ? sb_user(w, sb_peer_in(w, me, in->participant, &err)) : NULL;
	struct sb_member *m = u ? sb_member(ch, u) : NULL, before;
	struct sb_act t;

	if (!ch)
		return;
	if (!u || (m && m->rank >= SB_ADMIN)) {
		sb_fail(c, u ? "USER_ADMIN_INVALID" : "PARTICIPANT_ID_INVALID");
		return;
	}
	before = m ? *m : (struct sb_member){.user = u, .rank = SB_LEFT};
	m = sb_join(w, ch, u,
		    rights->view_messages      ? SB_BANNED
		    : before.rank >= SB_MEMBER ? SB_MEMBER
					       : SB_LEFT,
		    me->id);
	m->rights = sb_keep(w, &w->store, in->banned_rights);
	sb_act_begin(&t, w, me, c);
	changed(&t, ch, m, &before);
	sb_answer_updates(c, &t);
}

/* ---- the channel itself ---------------------------------------------------------------------- */
static void edit_title(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_editTitle *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);

	if (ch)
		sb_set_title(w, c, me, ch, in->title);
}

static void check_username(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_checkUsername *in = (const void *)c->request;
	const char *name = sb_text(c->arena, in->username);

	(void)me;
	if (!name || !sb_username_ok(name))
		sb_fail(c, "USERNAME_INVALID");
	else
		sb_reply_bool(c, !sb_username_find(w, in->username));
}

static void update_username(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_updateUsername *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);
	const char *name = sb_text(c->arena, in->username);

	if (!ch)
		return;
	if (!sb_username_set(w, ch->id, name ? name : ""))
		sb_fail(c, sb_username_ok(name) ? "USERNAME_OCCUPIED" : "USERNAME_INVALID");
	else
		sb_reply_bool(c, true);
}

static void toggle_signatures(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_toggleSignatures *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);
	struct tl_updateChannel *u = SB_NEW(c->arena, updateChannel);
	struct sb_act t;

	if (!ch)
		return;
	ch->signatures = in->signatures_enabled;
	u->channel_id = sb_bare(ch->id);
	sb_act_begin(&t, w, me, c);
	sb_act_update(&t, NULL, ch, &u->obj)->about[0] = ch->id;
	sb_answer_updates(c, &t);
}

static void delete_channel(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_deleteChannel *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, true);
	struct tl_updateChannel *u = SB_NEW(c->arena, updateChannel);
	struct sb_act t;

	if (!ch)
		return;
	if (ch->creator != me) {
		sb_fail(c, "CHAT_ADMIN_REQUIRED");
		return;
	}
	if (ch->username)
		sb_username_set(w, ch->id, "");
	ch->deleted = true;
	u->channel_id = sb_bare(ch->id);
	sb_act_begin(&t, w, me, c);
	sb_act_update(&t, NULL, ch, &u->obj)->about[0] = ch->id;
	sb_answer_updates(c, &t);
}

static void delete_history(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_deleteHistory *in = (const void *)c->request;
	struct sb_chat *ch = channel(w, c, me, in->channel, false);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_dialog *d;

	if (!ch)
		return;
	d = sb_dialog(w, me, ch->id);
	d->cleared = in->max_id && in->max_id < ch->box.top ? in->max_id : ch->box.top;
	sb_reply(c, sb_tl_updates(&v, (struct tl_vec){NULL, 0}));
}

const struct sb_method sb_methods_channels[] = {
	{TL_channels_createChannel, SB_PEOPLE, create_channel, NULL},
	{TL_channels_getChannels, 0, get_channels, NULL},
	{TL_channels_getFullChannel, 0, get_full_channel, NULL},
	{TL_channels_getParticipants, 0, get_participants, NULL},
	{TL_channels_getParticipant, 0, get_participant, NULL},
	{TL_channels_inviteToChannel, SB_PEOPLE, invite, NULL},
	{TL_channels_joinChannel, SB_PEOPLE, join, NULL},
	{TL_channels_leaveChannel, 0, leave, NULL},
	{TL_channels_editAdmin, 0, edit_admin, NULL},
	{TL_channels_editBanned, 0, edit_banned, NULL},
	{TL_channels_editTitle, 0, edit_title, NULL},
	{TL_channels_checkUsername, SB_PEOPLE, check_username, NULL},
	{TL_channels_updateUsername, SB_PEOPLE, update_username, NULL},
	{TL_channels_toggleSignatures, SB_PEOPLE, toggle_signatures, NULL},
	{TL_channels_deleteChannel, SB_PEOPLE, delete_channel, NULL},
	{TL_channels_deleteHistory, SB_PEOPLE, delete_history, NULL},
	SB_METHOD_END,
};
