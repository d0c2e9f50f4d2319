/* Basic groups and invite links. core.telegram.org/api/channel, /api/invites. */
#include "tests/sandbox/world.h"

#define LINK "https://t.me/+"
#define INVITED_LAYER 178 /* before it, invitations were answered with the Updates alone */
#define JOINED_LAYER 227  /* the same for joining */

void sb_reply_invited(struct sb_call *c, struct sb_act *t)
{
	struct tl_messages_invitedUsers *o = SB_NEW(c->arena, messages_invitedUsers);

	o->updates = sb_act_answer(t, c, (struct tl_vec){NULL, 0});
	sb_act_reply(t, c, sb_older(c, INVITED_LAYER) ? o->updates : &o->obj);
}

void sb_reply_joined(struct sb_call *c, struct sb_act *t)
{
	struct tl_messages_chatInviteJoinResultOk *o =
		SB_NEW(c->arena, messages_chatInviteJoinResultOk);

	o->updates = sb_act_answer(t, c, (struct tl_vec){NULL, 0});
	sb_act_reply(t, c, sb_older(c, JOINED_LAYER) ? o->updates : &o->obj);
}

static struct sb_chat *group_in(struct sb_world *w, struct sb_call *c, struct sb_user *me,
				int64_t id, bool admin)
{
	struct sb_chat *g = sb_chat(w, -id);
	const char *err = NULL;

	if (!g || g->channel || !sb_member(g, me))
		err = "CHAT_ID_INVALID";
	else if (g->deleted || !sb_in_chat(g, me))
		err = "403 CHAT_FORBIDDEN";
	else if (admin && !sb_is_admin(g, me))
		err = "CHAT_ADMIN_REQUIRED";
	if (!err)
		return g;
	sb_fail(c, err);
	return NULL;
}

static void create_chat(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_createChat *in = (const void *)c->request;
	int64_t *ids = sb_alloc(c->arena, (in->users.count + 1) * sizeof(*ids));
	struct tl_messageActionChatCreate *action;
	struct sb_chat *g;
	struct sb_act t;
	unsigned n = 0;

	if (!in->title.len) {
		sb_fail(c, "CHAT_TITLE_EMPTY");
		return;
	}
	for (unsigned i = 0; i < in->users.count; i++) {
		struct sb_user *u = sb_user_in(w, me, sb_item(&in->users, i));

		if (u && u != me)
			ids[n++] = u->id;
	}
	if (in->users.count && !n) {
		sb_fail(c, "USERS_TOO_FEW");
		return;
	}
	g = sb_group_new(w, sb_text(&w->store, in->title), me);
	for (unsigned i = 0; i < n; i++)
		sb_join(w, g, sb_user(w, ids[i]), SB_MEMBER, me->id);
	sb_act_begin(&t, w, me, c);
	action = SB_NEW(&t.arena, messageActionChatCreate);
	action->title = tl_str(g->title);
	action->users = (struct tl_vec){ids, n};
	sb_announce(&t, g->id, &action->obj);
	sb_reply_invited(c, &t);
	sb_act_end(&t);
}

static void get_chats(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getChats *in = (const void *)c->request;
	struct tl_messages_chats *o = SB_NEW(c->arena, messages_chats);
	struct sb_view v = sb_view(w, me, c->arena);

	for (unsigned i = 0; i < in->id.count && i < SB_MAX_IDS; i++) {
		struct sb_chat *g = sb_chat(w, -sb_long(&in->id, i));

		if (!g || g->channel || !sb_member(g, me)) {
			sb_fail(c, "CHAT_ID_INVALID");
			return;
		}
		sb_see(&v, g->id);
	}
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static struct tl_obj *exported(struct tl_arena *a, const struct sb_chat *g)
{
	struct tl_chatInviteExported *o = SB_NEW(a, chatInviteExported);

	o->permanent = true;
	o->link = tl_str(sb_format(a, LINK "%s", g->invite));
	o->admin_id = g->creator ? g->creator->id : 0;
	o->date = g->date;
	return &o->obj;
}

static void get_full_chat(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getFullChat *in = (const void *)c->request;
	struct tl_messages_chatFull *o = SB_NEW(c->arena, messages_chatFull);
	struct tl_chatFull *f = SB_NEW(c->arena, chatFull);
	struct tl_chatParticipants *p = SB_NEW(c->arena, chatParticipants);
	struct sb_chat *g = group_in(w, c, me, in->chat_id, false);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};

	if (!g)
		return;
	for (const struct sb_member *m = g->member_list; m; m = m->next)
		if (m->rank >= SB_MEMBER)
			sb_add(c->arena, &list, sb_tl_group_participant(&v, m));
	p->chat_id = in->chat_id;
	p->participants = sb_vec(&list);
	p->version = g->version;
	sb_see(&v, g->id);
	f->id = in->chat_id;
	f->about = sb_str(g->about ? g->about : "");
	f->participants = &p->obj;
	f->notify_settings = sb_tl_notify(c->arena, sb_dialog_find(me, g->id));
	f->exported_invite = sb_is_admin(g, me) ? exported(c->arena, g) : NULL;
	o->full_chat = &f->obj;
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static void add_chat_user(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_addChatUser *in = (const void *)c->request;
	struct sb_chat *g = group_in(w, c, me, in->chat_id, false);
	struct sb_user *u = g ? sb_user_in(w, me, in->user_id) : NULL;
	struct sb_act t;
	const char *err;

	if (!g)
		return;
	if (!u) {
		sb_fail(c, "USER_ID_INVALID");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_add_member(&t, g, u, false);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_invited(c, &t);
	sb_act_end(&t);
}

static void delete_chat_user(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_deleteChatUser *in = (const void *)c->request;
	struct sb_user *u = sb_user_in(w, me, in->user_id);
	struct sb_chat *g = group_in(w, c, me, in->chat_id, u != me);
	struct sb_act t;
	const char *err;

	if (!g)
		return;
	sb_act_begin(&t, w, me, c);
	err = u ? sb_drop_member(&t, g, u) : "USER_ID_INVALID";
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(&t);
}

void sb_set_title(struct sb_world *w, struct sb_call *c, struct sb_user *me, struct sb_chat *g,
		  struct tl_str title)
{
	struct tl_messageActionChatEditTitle *action = SB_NEW(c->arena, messageActionChatEditTitle);
	struct sb_act t;

	if (!title.len) {
		sb_fail(c, "CHAT_TITLE_EMPTY");
		return;
	}
	if (tl_str_eq(title, g->title)) {
		sb_fail(c, "CHAT_NOT_MODIFIED");
		return;
	}
	g->title = sb_text(&w->store, title);
	g->version++;
	action->title = title;
	sb_act_begin(&t, w, me, c);
	sb_announce(&t, g->id, &action->obj);
	sb_answer_updates(c, &t);
}

static void edit_title(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_editChatTitle *in = (const void *)c->request;
	struct sb_chat *g = group_in(w, c, me, in->chat_id, true);

	if (g)
		sb_set_title(w, c, me, g, in->title);
}

static void edit_admin(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_editChatAdmin *in = (const void *)c->request;
	struct sb_chat *g = group_in(w, c, me, in->chat_id, true);
	struct sb_member *m = g ? sb_member(g, sb_user_in(w, me, in->user_id)) : NULL;
	struct sb_member before;
	struct sb_act t;

	if (!g)
		return;
	if (!m || m->rank < SB_MEMBER || m->rank == SB_CREATOR) {
		sb_fail(c, "USER_NOT_PARTICIPANT");
		return;
	}
	before = *m;
	m->rank = in->is_admin ? SB_ADMIN : SB_MEMBER;
	g->version++;
	sb_act_begin(&t, w, me, c);
	sb_tell_participant(&t, g, &before, m);
	sb_act_bool(&t, c, true);
	sb_act_end(&t);
}

static void edit_about(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_editChatAbout *in = (const void *)c->request;
	const char *err;
	struct sb_chat *g = sb_chat(w, sb_peer_in(w, me, in->peer, &err));

	if (!g || !sb_is_admin(g, me)) {
		sb_fail(c, g ? "CHAT_ADMIN_REQUIRED" : err);
		return;
	}
	g->about = sb_text(&w->store, in->about);
	sb_reply_bool(c, true);
}

static void edit_default_rights(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_editChatDefaultBannedRights *in = (const void *)c->request;
	struct tl_updateChatDefaultBannedRights *u =
		SB_NEW(c->arena, updateChatDefaultBannedRights);
	const char *err;
	struct sb_chat *g = sb_chat(w, sb_peer_in(w, me, in->peer, &err));
	struct sb_act t;

	if (!g || !sb_is_admin(g, me)) {
		sb_fail(c, g ? "CHAT_ADMIN_REQUIRED" : err);
		return;
	}
	g->banned = sb_keep(w, &w->store, in->banned_rights);
	u->peer = sb_tl_peer(c->arena, g->id);
	u->default_banned_rights = (struct tl_obj *)g->banned;
	u->version = ++g->version;
	sb_act_begin(&t, w, me, c);
	sb_act_update(&t, NULL, g, &u->obj)->about[0] = g->id;
	sb_answer_updates(c, &t);
}

/* ---- invite links ---------------------------------------------------------------------------- */
static struct sb_chat *by_invite(struct sb_world *w, struct tl_str hash)
{
	for (struct sb_chat *g = w->first_chat; g; g = g->next)
		if (!g->deleted && tl_str_eq(hash, g->invite))
			return g;
	return NULL;
}

static void export_invite(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_exportChatInvite *in = (const void *)c->request;
	const char *err;
	struct sb_chat *g = sb_chat(w, sb_peer_in(w, me, in->peer, &err));

	if (!g || !sb_is_admin(g, me)) {
		sb_fail(c, g ? "CHAT_ADMIN_REQUIRED" : err);
		return;
	}
	if (in->legacy_revoke_permanent)
		g->invite = sb_format(&w->store, "SB%016llx", (unsigned long long)sb_draw(w));
	sb_reply(c, exported(c->arena, g));
}

static void check_invite(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_checkChatInvite *in = (const void *)c->request;
	struct sb_chat *g = by_invite(w, in->hash);
	struct sb_view v = sb_view(w, me, c->arena);
	struct tl_chatInviteAlready *already = SB_NEW(c->arena, chatInviteAlready);
	struct tl_chatInvite *o = SB_NEW(c->arena, chatInvite);

	if (!g) {
		sb_fail(c, in->hash.len ? "INVITE_HASH_INVALID" : "INVITE_HASH_EMPTY");
		return;
	}
	if (sb_in_chat(g, me)) {
		already->chat = sb_tl_chat(&v, g);
		sb_reply(c, &already->obj);
		return;
	}
	o->channel = g->channel;
	o->broadcast = g->channel && !g->megagroup;
	o->megagroup = g->megagroup;
	o->public = g->username != NULL;
	o->title = tl_str(g->title);
	o->about = sb_str(g->about);
	o->photo = &SB_NEW(c->arena, photoEmpty)->obj;
	o->participants_count = (int)sb_member_count(g);
	sb_reply(c, &o->obj);
}

static void import_invite(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_importChatInvite *in = (const void *)c->request;
	struct sb_chat *g = by_invite(w, in->hash);
	struct sb_act t;
	const char *err;

	if (!g) {
		sb_fail(c, in->hash.len ? "INVITE_HASH_INVALID" : "INVITE_HASH_EMPTY");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_add_member(&t, g, me, true);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_joined(c, &t);
	sb_act_end(&t);
}

static void get_common(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getCommonChats *in = (const void *)c->request;
	struct tl_messages_chats *o = SB_NEW(c->arena, messages_chats);
	struct sb_user *u = sb_user_in(w, me, in->user_id);
	struct sb_view v = sb_view(w, me, c->arena);

	if (!u) {
		sb_fail(c, "USER_ID_INVALID");
		return;
	}
	for (struct sb_chat *g = w->first_chat; g; g = g->next)
		if ((!g->channel || g->megagroup) && sb_in_chat(g, me) && sb_in_chat(g, u))
			sb_see(&v, g->id);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

const struct sb_method sb_methods_groups[] = {
	{TL_messages_createChat, SB_PEOPLE, create_chat, NULL},
	{TL_messages_getChats, 0, get_chats, NULL},
	{TL_messages_getFullChat, 0, get_full_chat, NULL},
	{TL_messages_addChatUser, SB_PEOPLE, add_chat_user, NULL},
	{TL_messages_deleteChatUser, 0, delete_chat_user, NULL},
	{TL_messages_editChatTitle, 0, edit_title, NULL},
	{TL_messages_editChatAdmin, SB_PEOPLE, edit_admin, NULL},
	{TL_messages_editChatAbout, 0, edit_about, NULL},
	{TL_messages_editChatDefaultBannedRights, 0, edit_default_rights, NULL},
	{TL_messages_exportChatInvite, 0, export_invite, NULL},
	{TL_messages_checkChatInvite, SB_PEOPLE, check_invite, NULL},
	{TL_messages_importChatInvite, SB_PEOPLE, import_invite, NULL},
	{TL_messages_getCommonChats, SB_PEOPLE, get_common, NULL},
	SB_METHOD_END,
};
