/* What bots are told in their second sequence, qts: participants, reactions, being stopped.
 * core.telegram.org/api/updates, "QTS". */
#include "tests/sandbox/world.h"

#define ABOUT 4

struct sb_qts_event {
	int qts;
	struct tl_obj *update;
	int64_t about[ABOUT];
	struct sb_qts_event *next;
};

void sb_act_qts(struct sb_act *t, struct sb_user *bot, struct tl_obj *update, int32_t *qts,
		const int64_t *about, unsigned n)
{
	struct sb_qts_event *e = sb_alloc(&t->w->store, sizeof(*e));
	struct sb_note *note;

	*qts = e->qts = ++bot->qts; /* part of the update that is kept */
	e->update = sb_keep(t->w, &t->w->store, update);
	note = sb_act_update(t, bot, NULL, e->update);
	for (unsigned i = 0; i < n && i < ABOUT; i++)
		note->about[i] = e->about[i] = about[i];
	if (bot->last_qts)
		bot->last_qts->next = e;
	else
		bot->first_qts = e;
	bot->last_qts = e;
}

void sb_qts_since(struct sb_view *v, int qts, struct sb_list *others)
{
	for (struct sb_qts_event *e = v->viewer->first_qts; e; e = e->next) {
		if (e->qts <= qts)
			continue;
		for (unsigned i = 0; i < ABOUT; i++)
			sb_see(v, e->about[i]);
		sb_add(v->arena, others, e->update);
	}
}

void sb_bot_stopped(struct sb_world *w, struct sb_user *bot, struct sb_user *u, bool stopped)
{
	struct sb_act t;
	struct tl_updateBotStopped *up;

	sb_act_begin(&t, w, NULL, NULL);
	up = SB_NEW(&t.arena, updateBotStopped);
	up->user_id = u->id;
	up->date = sb_time(w);
	up->stopped = stopped;
	sb_act_qts(&t, bot, &up->obj, &up->qts, &u->id, 1);
	sb_act_end(&t);
}

/* ---- participants ---------------------------------------------------------------------------- */
static struct tl_obj *rights_of(struct tl_arena *a, const struct sb_member *m)
{
	return m->rights && m->rights->ctor == TL_chatAdminRights ? (struct tl_obj *)m->rights
								  : sb_tl_all_rights(a);
}

static struct tl_obj *banned_of(struct tl_arena *a, const struct sb_member *m)
{
	struct tl_chatBannedRights *r;

	if (m->rights && m->rights->ctor == TL_chatBannedRights)
		return (struct tl_obj *)m->rights;
	r = SB_NEW(a, chatBannedRights);
	r->view_messages = true;
	return &r->obj;
}

struct tl_obj *sb_tl_participant(struct sb_view *v, const struct sb_member *m)
{
	struct tl_arena *a = v->arena;

	sb_see(v, m->user->id);
	if (m->rank == SB_CREATOR) {
		struct tl_channelParticipantCreator *o = SB_NEW(a, channelParticipantCreator);

		o->user_id = m->user->id;
		o->admin_rights = sb_tl_all_rights(a);
		o->rank = sb_str(m->title);
		return &o->obj;
	}
	if (m->rank == SB_ADMIN) {
		struct tl_channelParticipantAdmin *o = SB_NEW(a, channelParticipantAdmin);

		o->user_id = m->user->id;
		o->promoted_by = m->inviter;
		o->date = m->date;
		o->admin_rights = rights_of(a, m);
		o->rank = sb_str(m->title);
		o->self = m->user == v->viewer;
		if (o->self)
			SB_SET(o, inviter_id, m->inviter);
		sb_see(v, m->inviter);
		return &o->obj;
	}
	if (m->rank == SB_BANNED) {
		struct tl_channelParticipantBanned *o = SB_NEW(a, channelParticipantBanned);

		o->left = true;
		o->peer = sb_tl_peer(a, m->user->id);
		o->kicked_by = m->inviter;
		o->date = m->date;
		o->banned_rights = banned_of(a, m);
		sb_see(v, m->inviter);
		return &o->obj;
	}
	if (m->rank == SB_LEFT) {
		struct tl_channelParticipantLeft *o = SB_NEW(a, channelParticipantLeft);

		o->peer = sb_tl_peer(a, m->user->id);
		return &o->obj;
	}
	if (m->user == v->viewer) {
		struct tl_channelParticipantSelf *o = SB_NEW(a, channelParticipantSelf);

		o->user_id = m->user->id;
		o->inviter_id = m->inviter;
		o->date = m->date;
		sb_see(v, m->inviter);
		return &o->obj;
	}
	struct tl_channelParticipant *o = SB_NEW(a, channelParticipant);

	o->user_id = m->user->id;
	o->date = m->date;
	return &o->obj;
}

struct tl_obj *sb_tl_group_participant(struct sb_view *v, const struct sb_member *m)
{
	struct tl_chatParticipant *o = SB_NEW(v->arena, chatParticipant);

	sb_see(v, m->user->id);
	if (m->rank == SB_CREATOR) {
		struct tl_chatParticipantCreator *c = SB_NEW(v->arena, chatParticipantCreator);

		c->user_id = m->user->id;
		return &c->obj;
	}
	if (m->rank == SB_ADMIN)
		o->obj.ctor = TL_chatParticipantAdmin; /* the same fields */
	o->user_id = m->user->id;
	o->inviter_id = m->inviter;
	o->date = m->date;
	return &o->obj;
}

static void tell_bot(struct sb_act *t, struct sb_chat *c, struct sb_user *bot,
		     const struct sb_member *before, const struct sb_member *after)
{
	struct sb_view v = sb_view(t->w, bot, &t->arena);
	const struct sb_member *m = after ? after : before;
	int64_t about[] = {c->id, m->user->id, t->actor->id};

	if (c->channel) {
		struct tl_updateChannelParticipant *u = SB_NEW(&t->arena, updateChannelParticipant);

		u->channel_id = sb_bare(c->id);
		u->date = sb_time(t->w);
		u->actor_id = t->actor->id;
		u->user_id = m->user->id;
		u->prev_participant = before ? sb_tl_participant(&v, before) : NULL;
		u->new_participant = after ? sb_tl_participant(&v, after) : NULL;
		sb_act_qts(t, bot, &u->obj, &u->qts, about, 3);
		return;
	}
	struct tl_updateChatParticipant *u = SB_NEW(&t->arena, updateChatParticipant);

	u->chat_id = sb_bare(c->id);
	u->date = sb_time(t->w);
	u->actor_id = t->actor->id;
	u->user_id = m->user->id;
	u->prev_participant = before ? sb_tl_group_participant(&v, before) : NULL;
	u->new_participant = after ? sb_tl_group_participant(&v, after) : NULL;
	sb_act_qts(t, bot, &u->obj, &u->qts, about, 3);
}

/* Bots that are administrators learn of every change, a bot of what happens to itself. */
void sb_tell_participant(struct sb_act *t, struct sb_chat *c, const struct sb_member *before,
			 const struct sb_member *after)
{
	const struct sb_member *m = after ? after : before;

	if (before && before->rank < SB_MEMBER && before->rank != SB_BANNED)
		before = NULL;
	if (after && after->rank < SB_MEMBER && after->rank != SB_BANNED)
		after = NULL;
	if (!before && !after)
		return;
	for (struct sb_member *x = c->member_list; x; x = x->next)
		if (x->user->bot && (x->rank >= SB_ADMIN || x->user == m->user))
			tell_bot(t, c, x->user, before, after);
}
