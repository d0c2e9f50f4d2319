/* messages.*: writing and changing. core.telegram.org/methods#working-with-messages. */
#include "tests/sandbox/world.h"

int sb_reply_id(const struct tl_obj *reply_to)
{
	return reply_to && reply_to->ctor == TL_inputReplyToMessage
		       ? ((const struct tl_inputReplyToMessage *)reply_to)->reply_to_msg_id
		       : 0;
}

struct tl_obj *sb_message_id(struct tl_arena *a, const struct sb_msg *m, int64_t random_id)
{
	struct tl_updateMessageID *u = SB_NEW(a, updateMessageID);

	u->id = m->id;
	u->random_id = random_id;
	return &u->obj;
}

/* updateShortSentMessage, where real servers use it and the world was told to. */
static bool short_answer(struct sb_act *t, struct sb_call *c, const struct sb_msg *m)
{
	struct tl_updateShortSentMessage *o;

	if (!t->w->short_updates || m->peer < 0 || m->post->media || m->post->markup)
		return false;
	o = SB_NEW(c->arena, updateShortSentMessage);
	o->out = true;
	o->id = m->id;
	o->pts = m->box->pts;
	o->pts_count = 1;
	o->date = m->post->date;
	o->entities = m->post->entities;
	sb_act_reply(t, c, &o->obj);
	return true;
}

void sb_reply_sent(struct sb_call *c, struct sb_act *t, const struct sb_msg *m, int64_t random_id)
{
	struct tl_obj *number = sb_message_id(c->arena, m, random_id);

	sb_act_reply(t, c, sb_act_answer(t, c, sb_vec_of(c->arena, number)));
}

static void send_message(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_sendMessage *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_draft d = {
		.text = in->message,
		.entities = in->entities,
		.markup = me->bot ? in->reply_markup : NULL,
		.reply_to = sb_reply_id(in->reply_to),
		.random_id = in->random_id,
		.effect = SB_OPT(in, effect, 0),
		.silent = in->silent,
		.noforwards = in->noforwards,
		.invert_media = in->invert_media,
	};
	struct sb_msg *m = NULL;
	struct sb_act t;

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	if (!in->random_id || in->has_schedule_date) {
		sb_fail(c, in->has_schedule_date ? "SCHEDULE_DATE_INVALID" : "RANDOM_ID_EMPTY");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_send(&t, peer, &d, &m);
	if (err)
		sb_act_fail(&t, c, err);
	else if (!short_answer(&t, c, m))
		sb_reply_sent(c, &t, m, in->random_id);
	if (!err && in->clear_draft)
		sb_dialog(w, me, peer)->draft = NULL;
	sb_act_end(&t);
}

static void edit_message(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_editMessage *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_msg *m = peer ? sb_msg_in(w, me, peer, in->id) : NULL;
	struct sb_draft d = {
		.text = in->message, .entities = in->entities, .markup = in->reply_markup};
	struct sb_act t;

	if (!m) {
		sb_fail(c, peer ? "MESSAGE_ID_INVALID" : err);
		return;
	}
	err = in->media ? sb_media_in(w, c, me, in->media, &d.media) : NULL;
	sb_act_begin(&t, w, me, c);
	if (!err)
		err = sb_edit(&t, m, &d);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(&t);
}

/* ---- deleting and reading -------------------------------------------------------------------- */
static void affected(struct sb_act *t, struct sb_call *c, int pts, int count)
{
	struct tl_messages_affectedMessages *o = SB_NEW(c->arena, messages_affectedMessages);

	o->pts = pts;
	o->pts_count = count;
	sb_act_reply(t, c, &o->obj);
}

static void delete_ids(struct sb_world *w, struct sb_call *c, struct sb_user *me, int64_t peer,
		       const struct tl_vec *ids, bool revoke)
{
	struct sb_act t;
	int pts = 0, count = 0;
	const char *err;

	if (ids->count > SB_MAX_IDS) {
		sb_fail(c, "LIMIT_INVALID");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_delete(&t, peer, ids->items, ids->count, revoke, &pts, &count);
	if (err)
		sb_act_fail(&t, c, err);
	else
		affected(&t, c, pts, count);
	sb_act_end(&t);
}

static void delete_messages(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_deleteMessages *in = (const void *)c->request;

	delete_ids(w, c, me, 0, &in->id, in->revoke);
}

static void channel_delete_messages(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_deleteMessages *in = (const void *)c->request;
	const char *err;
	struct sb_chat *chat = sb_channel_in(w, me, in->channel, &err);

	if (!chat)
		sb_fail(c, err);
	else
		delete_ids(w, c, me, chat->id, &in->id, true);
}

static void delete_history(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_deleteHistory *in = (const void *)c->request;
	struct tl_messages_affectedHistory *o = SB_NEW(c->arena, messages_affectedHistory);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_dialog *d = peer ? sb_dialog(w, me, peer) : NULL;
	int32_t *ids;
	unsigned n = 0;
	struct sb_act t;

	if (!d || sb_is_channel(peer)) {
		sb_fail(c, d ? "PEER_ID_INVALID" : err);
		return;
	}
	ids = sb_alloc(c->arena, (d->count + 1) * sizeof(*ids));
	for (unsigned i = 0; i < d->count; i++)
		if (!d->list[i]->deleted && (!in->max_id || d->list[i]->id <= in->max_id))
			ids[n++] = d->list[i]->id;
	sb_act_begin(&t, w, me, c);
	err = sb_delete(&t, peer, ids, n, in->revoke, &o->pts, &o->pts_count);
	d->hidden = !in->just_clear;
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, &o->obj);
	sb_act_end(&t);
}

static void read_history(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_readHistory *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_act t;
	int pts, count;

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_read(&t, peer, in->max_id, &pts, &count);
	affected(&t, c, pts, count);
	sb_act_end(&t);
}

static void channel_read_history(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_readHistory *in = (const void *)c->request;
	const char *err;
	struct sb_chat *chat = sb_channel_in(w, me, in->channel, &err);
	struct sb_act t;
	int pts, count;

	if (!chat) {
		sb_fail(c, err);
		return;
	}
	sb_act_begin(&t, w, me, c);
	sb_read(&t, chat->id, in->max_id, &pts, &count);
	sb_act_bool(&t, c, true);
	sb_act_end(&t);
}

static void read_contents(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_readMessageContents *in = (const void *)c->request;
	int32_t *ids = sb_alloc(&w->store, (in->id.count + 1) * sizeof(*ids));
	unsigned n = 0;
	struct sb_event *e;
	struct sb_act t;

	for (unsigned i = 0; i < in->id.count; i++) {
		struct sb_msg *m = sb_box_get(&me->box, sb_int(&in->id, i));

		if (!m || !m->media_unread)
			continue;
		m->media_unread = false;
		ids[n++] = m->id;
	}
	sb_act_begin(&t, w, me, c);
	if (n) {
		e = sb_box_event(w, &me->box, SB_EV_CONTENTS, (int)n);
		e->ids = ids;
		e->id_count = n;
		sb_act_event(&t, me, NULL, &me->box, e);
	}
	affected(&t, c, me->box.pts, (int)n);
	sb_act_end(&t);
}

/* ---- forwarding ------------------------------------------------------------------------------ */
static struct tl_obj *forward_header(struct tl_arena *a, const struct sb_msg *m)
{
	const struct sb_post *p = m->post;
	struct tl_messageFwdHeader *h = SB_NEW(a, messageFwdHeader);

	if (p->forward)
		return (struct tl_obj *)p->forward;
	h->from_id = sb_tl_peer(a, p->from ? p->from->id : p->to);
	h->date = p->date;
	if (!p->from)
		SB_SET(h, channel_post, m->id);
	return &h->obj;
}

static const char *forward_one(struct sb_act *t, struct sb_call *c, struct sb_msg *m, int64_t to,
			       int64_t random_id, struct sb_list *extra)
{
	const struct tl_messages_forwardMessages *in = (const void *)c->request;
	struct sb_draft d = {
		.text = in->drop_media_captions && m->post->media
				? (struct tl_str){NULL, 0}
				: sb_str(m->post->text ? m->post->text : ""),
		.entities = m->post->entities,
		.media = m->post->media,
		.forward = in->drop_author ? NULL : forward_header(c->arena, m),
		.random_id = random_id,
		.silent = in->silent,
		.noforwards = in->noforwards,
	};
	struct sb_msg *copy = NULL;
	const char *err;

	if (m->post->action || m->post->noforwards)
		return m->post->action ? "MESSAGE_ID_INVALID" : "CHAT_FORWARDS_RESTRICTED";
	err = sb_send(t, to, &d, &copy);
	if (!err)
		sb_add(c->arena, extra, sb_message_id(c->arena, copy, random_id));
	m->post->forwards += !err;
	return err;
}

static void forward_messages(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_forwardMessages *in = (const void *)c->request;
	const char *err, *err_to;
	int64_t from = sb_peer_in(w, me, in->from_peer, &err);
	int64_t to = sb_peer_in(w, me, in->to_peer, &err_to);
	struct sb_list extra = {0};
	struct sb_act t;

	if (!from || !to) {
		sb_fail(c, from ? err_to : err);
		return;
	}
	if (!in->id.count || in->id.count > SB_MAX_LIST || in->id.count != in->random_id.count) {
		sb_fail(c, in->id.count ? "RANDOM_ID_INVALID" : "MESSAGE_IDS_EMPTY");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = "MESSAGE_ID_INVALID";
	for (unsigned i = 0; i < in->id.count; i++) {
		struct sb_msg *m = sb_msg_in(w, me, from, sb_int(&in->id, i));

		if (m)
			err = forward_one(&t, c, m, to, sb_long(&in->random_id, i), &extra);
		if (err && m)
			break;
	}
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, sb_vec(&extra)));
	sb_act_end(&t);
}

/* ---- small things ---------------------------------------------------------------------------- */
static void set_typing(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_setTyping *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);

	if (peer)
		err = sb_may_write(w, me, peer);
	if (err) {
		sb_fail(c, err);
		return;
	}
	sb_typing(w, me, peer, in->action);
	sb_reply_bool(c, true);
}

static void send_reaction(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_sendReaction *in = (const void *)c->request;
	const char *err, *emoji = NULL;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_msg *m = peer ? sb_msg_in(w, me, peer, in->msg_id) : NULL;
	const struct tl_obj *r = in->reaction.count ? sb_item(&in->reaction, 0) : NULL;
	struct sb_act t;

	if (!m) {
		sb_fail(c, peer ? "MESSAGE_ID_INVALID" : err);
		return;
	}
	if (r && r->ctor == TL_reactionEmoji)
		emoji = sb_text(c->arena, ((const struct tl_reactionEmoji *)r)->emoticon);
	else if (r && r->ctor != TL_reactionEmpty) {
		sb_fail(c, "REACTION_INVALID");
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_react(&t, m, emoji);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(&t);
}

static void update_pinned(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_updatePinnedMessage *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_msg *m = peer ? sb_msg_in(w, me, peer, in->id) : NULL;
	struct sb_act t;

	if (!m) {
		sb_fail(c, peer ? "MESSAGE_ID_INVALID" : err);
		return;
	}
	sb_act_begin(&t, w, me, c);
	err = sb_pin(&t, m, !in->unpin, in->silent);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(&t);
}

const struct sb_method sb_methods_messages[] = {
	{TL_messages_sendMessage, 0, send_message, NULL},
	{TL_messages_editMessage, 0, edit_message, NULL},
	{TL_messages_deleteMessages, 0, delete_messages, NULL},
	{TL_channels_deleteMessages, 0, channel_delete_messages, NULL},
	{TL_messages_deleteHistory, SB_PEOPLE, delete_history, NULL},
	{TL_messages_readHistory, SB_PEOPLE, read_history, NULL},
	{TL_channels_readHistory, SB_PEOPLE, channel_read_history, NULL},
	{TL_messages_readMessageContents, SB_PEOPLE, read_contents, NULL},
	{TL_messages_forwardMessages, 0, forward_messages, NULL},
	{TL_messages_setTyping, 0, set_typing, NULL},
	{TL_messages_sendReaction, 0, send_reaction, NULL},
	{TL_messages_updatePinnedMessage, 0, update_pinned, NULL},
	SB_METHOD_END,
};
