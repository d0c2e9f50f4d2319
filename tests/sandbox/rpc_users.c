/* users.* and the ways to find somebody: by name, by phone. */
#include "tests/sandbox/world.h"

static void get_users(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_users_getUsers *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};
	struct tl_vec vec;

	if (in->id.count > SB_MAX_IDS) {
		sb_fail(c, "LIMIT_INVALID");
		return;
	}
	for (unsigned i = 0; i < in->id.count; i++) {
		struct sb_user *u = sb_user_in(w, me, sb_item(&in->id, i));

		if (u)
			sb_add(c->arena, &list, sb_tl_user(&v, u));
	}
	vec = sb_vec(&list);
	sb_reply_vector(c, c->request->ctor, &vec);
}

static struct tl_obj *bot_info(struct tl_arena *a, const struct sb_user *u)
{
	struct tl_botInfo *o;

	if (!u->bot)
		return NULL;
	o = SB_NEW(a, botInfo);
	SB_SET(o, user_id, u->id);
	o->description = sb_str(u->description);
	o->commands = u->commands;
	if (u->commands.count)
		o->menu_button = &SB_NEW(a, botMenuButtonCommands)->obj;
	return &o->obj;
}

static int common_chats(struct sb_world *w, const struct sb_user *a, const struct sb_user *b)
{
	int n = 0;

	for (struct sb_chat *c = a == b ? NULL : w->first_chat; c; c = c->next)
		n += (!c->channel || c->megagroup) && sb_in_chat(c, a) && sb_in_chat(c, b);
	return n;
}

static void get_full_user(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_users_getFullUser *in = (const void *)c->request;
	struct sb_user *u = sb_user_in(w, me, in->id);
	struct sb_view v = sb_view(w, me, c->arena);
	struct tl_users_userFull *o = SB_NEW(c->arena, users_userFull);
	struct tl_userFull *f = SB_NEW(c->arena, userFull);

	if (!u) {
		sb_fail(c, "USER_ID_INVALID");
		return;
	}
	f->id = u->id;
	f->blocked = sb_map_get(&me->blocked, u->id) != NULL;
	f->can_pin_message = true;
	f->phone_calls_available = !u->bot && u != me;
	f->about = sb_str(u->about);
	f->settings = &SB_NEW(c->arena, peerSettings)->obj;
	f->notify_settings = sb_tl_notify(c->arena, sb_dialog_find(me, u->id));
	f->bot_info = bot_info(c->arena, u);
	f->common_chats_count = common_chats(w, me, u);
	sb_see(&v, u->id);
	sb_see(&v, me->id);
	o->full_user = &f->obj;
	o->users = sb_seen_users(&v);
	sb_reply(c, &o->obj);
}

static void resolved(struct sb_world *w, struct sb_call *c, struct sb_user *me, int64_t peer)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct tl_contacts_resolvedPeer *o = SB_NEW(c->arena, contacts_resolvedPeer);

	sb_see(&v, peer);
	o->peer = sb_tl_peer(c->arena, peer);
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

static void resolve_username(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_resolveUsername *in = (const void *)c->request;
	const char *name = sb_text(c->arena, in->username);
	int64_t peer;

	if (!name || !sb_username_ok(name)) {
		sb_fail(c, "USERNAME_INVALID");
		return;
	}
	peer = sb_username_find(w, in->username);
	if (!peer)
		sb_fail(c, "USERNAME_NOT_OCCUPIED");
	else
		resolved(w, c, me, peer);
}

static void resolve_phone(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_resolvePhone *in = (const void *)c->request;
	const char *phone = sb_phone_clean(w, in->phone);
	struct sb_user *u = phone ? sb_phone_find(w, phone) : NULL;

	if (u)
		resolved(w, c, me, u->id);
	else
		sb_fail(c, "PHONE_NOT_OCCUPIED");
}

const struct sb_method sb_methods_users[] = {
	{TL_users_getUsers, 0, get_users, NULL},
	{TL_users_getFullUser, 0, get_full_user, NULL},
	{TL_contacts_resolveUsername, 0, resolve_username, NULL},
	{TL_contacts_resolvePhone, SB_PEOPLE, resolve_phone, NULL},
	SB_METHOD_END,
};
