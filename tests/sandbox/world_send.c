/* Writing: who may write to whom, posts and their copies in the boxes, membership of chats.
 * Private chats and groups: a copy in each box; channels: one copy. */
#include "tests/sandbox/world.h"

#include <ctype.h>

static const char *may_write_user(struct sb_user *from, struct sb_user *to)
{
	const struct sb_dialog *d;

	if (!to)
		return "PEER_ID_INVALID";
	if (to->deleted)
		return "INPUT_USER_DEACTIVATED";
	if (from->bot && to->bot)
		return "USER_IS_BOT";
	if (from->bot && sb_map_get(&to->blocked, from->id))
		return "USER_IS_BLOCKED";
	if (sb_map_get(&from->blocked, to->id))
		return "YOU_BLOCKED_USER";
	d = sb_dialog_find(from, to->id);
	if (from->bot && (!d || !d->count))
		return "PEER_ID_INVALID"; /* a bot can't begin a chat */
	return NULL;
}

const char *sb_may_write(struct sb_world *w, struct sb_user *from, int64_t peer)
{
	struct sb_chat *c = sb_chat(w, peer);
	const struct sb_member *m;

	if (peer == from->id)
		return NULL;
	if (peer > 0)
		return may_write_user(from, sb_user(w, peer));
	if (!c || c->deleted)
		return "PEER_ID_INVALID";
	m = sb_member(c, from);
	if (m && m->rank == SB_BANNED)
		return c->channel ? "USER_BANNED_IN_CHANNEL" : "403 CHAT_FORBIDDEN";
	if (!m || m->rank < SB_MEMBER) {
		if (c->channel)
			return c->username ? "403 CHAT_WRITE_FORBIDDEN" : "CHANNEL_PRIVATE";
		return m ? "403 CHAT_WRITE_FORBIDDEN" : "PEER_ID_INVALID";
	}
	if (m->rank >= SB_ADMIN)
		return NULL;
	if (c->channel && !c->megagroup)
		return "403 CHAT_ADMIN_REQUIRED";
	if (c->banned && ((const struct tl_chatBannedRights *)c->banned)->send_messages)
		return "403 CHAT_WRITE_FORBIDDEN";
	return NULL;
}

/* ---- copies ---------------------------------------------------------------------------------- */
static bool names(const char *text, const char *username)
{
	size_t n = username ? strlen(username) : 0;

	for (const char *p = n && text ? strchr(text, '@') : NULL; p; p = strchr(p + 1, '@'))
		if (!strncasecmp(p + 1, username, n) && !isalnum((unsigned char)p[n + 1]) &&
		    p[n + 1] != '_')
			return true;
	return false;
}

static struct sb_msg *deliver(struct sb_act *t, struct sb_user *owner, int64_t peer,
			      struct sb_post *p)
{
	struct sb_msg *m = sb_box_add(t->w, &owner->box, p, peer);
	struct sb_event *e = sb_box_event(t->w, &owner->box, SB_EV_NEW, 1);

	m->out = owner == p->from;
	m->mentioned = !m->out && peer < 0 &&
		       ((p->reply && p->reply->from == owner) || names(p->text, owner->username));
	m->media_unread = m->mentioned;
	e->id = m->id;
	e->peer = peer;
	sb_act_event(t, owner, NULL, &owner->box, e);
	sb_act_heard(t, owner, m);
	return m;
}

static struct sb_msg *deliver_group(struct sb_act *t, struct sb_chat *c, struct sb_post *p,
				    struct sb_user *from)
{
	struct sb_msg *own = NULL;

	for (struct sb_member *x = c->member_list; x; x = x->next) {
		struct sb_msg *m;

		if (x->rank < SB_MEMBER || !sb_hears(x->user, p))
			continue;
		m = deliver(t, x->user, c->id, p);
		if (x->user == from)
			own = m;
	}
	return own;
}

static struct sb_msg *deliver_channel(struct sb_act *t, struct sb_chat *c, struct sb_post *p)
{
	struct sb_msg *m = sb_box_add(t->w, &c->box, p, c->id);
	struct sb_event *e = sb_box_event(t->w, &c->box, SB_EV_NEW, 1);

	e->id = m->id;
	e->peer = c->id;
	sb_act_event(t, NULL, c, &c->box, e);
	for (struct sb_member *x = c->member_list; x; x = x->next)
		if (x->rank >= SB_MEMBER && sb_hears(x->user, p))
			sb_act_heard(t, x->user, m);
	return m;
}

static struct sb_msg *post_deliver(struct sb_act *t, int64_t peer, struct sb_post *p,
				   struct sb_user *from)
{
	struct sb_chat *c = sb_chat(t->w, peer);
	struct sb_user *to = sb_user(t->w, peer);
	struct sb_msg *own;

	if (c)
		return c->channel ? deliver_channel(t, c, p) : deliver_group(t, c, p, from);
	own = deliver(t, from, peer, p);
	if (to != from && !sb_map_get(&to->blocked, from->id))
		deliver(t, to, from->id, p);
	return own;
}

/* ---- sending --------------------------------------------------------------------------------- */
/* Length in UTF-16 units, as entities count; -1 for broken UTF-8. */
static int text_units(struct tl_str s)
{
	int n = 0;

	for (uint32_t i = 0; i < s.len;) {
		unsigned char ch = (unsigned char)s.data[i];
		unsigned size = ch < 0x80 ? 1 : ch < 0xc2 ? 0 : ch < 0xe0 ? 2 : ch < 0xf0 ? 3 : 4;

		if (!size || ch > 0xf4 || i + size > s.len)
			return -1;
		n += size == 4 ? 2 : 1;
		i += size;
	}
	return n;
}

static const char *draft_check(const struct sb_draft *d)
{
	int units = text_units(d->text);

	if (units < 0)
		return "STRINGS_ARE_NOT_UTF8";
	if (units > SB_MAX_TEXT)
		return d->media ? "MEDIA_CAPTION_TOO_LONG" : "MESSAGE_TOO_LONG";
	if (!d->media && !d->action && !units)
		return "MESSAGE_EMPTY";
	return NULL;
}

static struct sb_post *post_new(struct sb_act *t, int64_t peer, const struct sb_draft *d)
{
	struct sb_world *w = t->w;
	struct tl_arena *a = &w->store;
	struct sb_chat *c = sb_chat(w, peer);
	struct sb_post *p = sb_alloc(a, sizeof(*p));

	p->from = (c && c->channel && !c->megagroup && !c->signatures) || d->as_channel ? NULL
											: t->actor;
	p->to = peer;
	p->date = sb_time(w);
	p->text = sb_text(a, d->text);
	p->entities = sb_text_entities(w, p->text, &d->entities);
	p->media = d->media;
	p->markup = sb_keep(w, a, d->markup);
	p->action = sb_keep(w, a, d->action);
	p->forward = sb_keep(w, a, d->forward);
	p->random_id = d->random_id;
	p->via_bot = d->via_bot;
	p->grouped = d->grouped;
	p->effect = d->effect;
	p->silent = d->silent;
	p->noforwards = d->noforwards;
	p->invert_media = d->invert_media;
	return p;
}

const char *sb_send(struct sb_act *t, int64_t peer, const struct sb_draft *d,
		    struct sb_msg **ret_msg)
{
	struct sb_user *from = t->actor;
	const char *err = d->action ? NULL : sb_may_write(t->w, from, peer);
	struct sb_msg *reply = NULL, *m;
	struct sb_post *p;

	if (!err)
		err = draft_check(d);
	if (err)
		return err;
	if (d->random_id && sb_map_get(&from->randoms, d->random_id))
		return "500 RANDOM_ID_DUPLICATE";
	if (d->reply_to) {
		reply = sb_msg_in(t->w, from, peer, d->reply_to);
		if (!reply && from->bot)
			return "REPLY_MESSAGE_ID_INVALID";
	}
	p = post_new(t, peer, d);
	p->reply = reply ? reply->post : NULL;
	m = post_deliver(t, peer, p, from);
	if (d->random_id && m)
		sb_map_put(&t->w->store, &from->randoms, d->random_id, m);
	*ret_msg = m;
	return NULL;
}

struct sb_msg *sb_announce(struct sb_act *t, int64_t peer, struct tl_obj *action)
{
	struct sb_draft d = {.action = action};
	struct sb_msg *m = NULL;

	return sb_send(t, peer, &d, &m) ? NULL : m;
}

/* ---- membership ------------------------------------------------------------------------------ */
static void tell_channel(struct sb_act *t, struct sb_user *u, struct sb_chat *c)
{
	struct tl_updateChannel *up = SB_NEW(&t->arena, updateChannel);

	up->channel_id = sb_bare(c->id);
	sb_act_update(t, u, NULL, &up->obj)->about[0] = c->id;
}

const char *sb_add_member(struct sb_act *t, struct sb_chat *c, struct sb_user *u, bool joins)
{
	struct sb_member *m = sb_member(c, u);
	struct tl_messageActionChatAddUser *action = SB_NEW(&t->arena, messageActionChatAddUser);
	struct sb_member before = m ? *m : (struct sb_member){.user = u, .rank = SB_LEFT};

	if (m && m->rank >= SB_MEMBER)
		return "USER_ALREADY_PARTICIPANT";
	if (m && m->rank == SB_BANNED && joins)
		return c->channel ? "CHANNEL_PRIVATE" : "403 CHAT_FORBIDDEN";
	m = sb_join(t->w, c, u, SB_MEMBER, joins ? u->id : t->actor->id);
	c->version++;
	sb_tell_participant(t, c, &before, m);
	if (c->channel)
		tell_channel(t, u, c);
	action->users.items = sb_alloc(&t->arena, sizeof(int64_t));
	*(int64_t *)action->users.items = u->id;
	action->users.count = 1;
	if (!c->channel || c->megagroup)
		sb_announce(t, c->id, &action->obj);
	return NULL;
}

const char *sb_drop_member(struct sb_act *t, struct sb_chat *c, struct sb_user *u)
{
	struct sb_member *m = sb_member(c, u);
	struct tl_messageActionChatDeleteUser *action =
		SB_NEW(&t->arena, messageActionChatDeleteUser);
	struct sb_member before;

	if (!m || m->rank < SB_MEMBER)
		return "USER_NOT_PARTICIPANT";
	action->user_id = u->id;
	if (!c->channel || c->megagroup)
		sb_announce(t, c->id, &action->obj);
	before = *m;
	m->rank = SB_LEFT;
	c->version++;
	sb_tell_participant(t, c, &before, m);
	sb_dialog(t->w, u, c->id)->left = true;
	if (c->channel)
		tell_channel(t, u, c);
	return NULL;
}
