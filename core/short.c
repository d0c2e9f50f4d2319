/* The short forms of new messages, written out as the update that they stand for
 * (core.telegram.org/constructor/updateShortMessage; F.2, F.3). All memory is the carrier's. */
#include "core/account.h"

static struct tl_obj *peer_new(struct tl_arena *arena, enum tg_peer_kind kind, int64_t id)
{
	struct tl_peerUser *p = tl_arena_alloc(arena, sizeof *p);

	_Static_assert(sizeof(struct tl_peerUser) == sizeof(struct tl_peerChat) &&
			       sizeof(struct tl_peerUser) == sizeof(struct tl_peerChannel),
		       "peers look alike");
	if (!p)
		return NULL;
	p->obj.ctor = kind == TG_PEER_USER   ? TL_peerUser
		      : kind == TG_PEER_CHAT ? TL_peerChat
					     : TL_peerChannel;
	p->user_id = id;
	return &p->obj;
}

static struct tl_obj *update_new(struct tl_arena *arena, struct tl_message *m, int32_t pts,
				 int32_t count, bool channel)
{
	struct tl_updateNewMessage *u = tl_arena_alloc(arena, sizeof *u);

	if (!u || !m->peer_id)
		return NULL;
	u->obj.ctor = channel ? TL_updateNewChannelMessage : TL_updateNewMessage;
	u->message = &m->obj;
	u->pts = pts;
	u->pts_count = count;
	return &u->obj;
}

static struct tl_obj *from_short(struct tg_account *a, struct tl_arena *arena,
				 const struct tl_updateShortMessage *s)
{
	struct tl_message *m = tl_arena_alloc(arena, sizeof *m);

	if (!m)
		return NULL;
	*m = (struct tl_message){
		.obj = {TL_message},
		.out = s->out,
		.mentioned = s->mentioned,
		.media_unread = s->media_unread,
		.silent = s->silent,
		.id = s->id,
		.from_id = peer_new(arena, TG_PEER_USER, s->out ? a->self : s->user_id),
		.peer_id = peer_new(arena, TG_PEER_USER, s->user_id),
		.fwd_from = s->fwd_from,
		.via_bot_id = s->via_bot_id,
		.has_via_bot_id = s->has_via_bot_id,
		.reply_to = s->reply_to,
		.date = s->date,
		.message = s->message,
		.entities = s->entities,
		.ttl_period = s->ttl_period,
		.has_ttl_period = s->has_ttl_period,
	};
	return update_new(arena, m, s->pts, s->pts_count, false);
}

static struct tl_obj *from_short_chat(struct tl_arena *arena,
				      const struct tl_updateShortChatMessage *s)
{
	struct tl_message *m = tl_arena_alloc(arena, sizeof *m);

	if (!m)
		return NULL;
	*m = (struct tl_message){
		.obj = {TL_message},
		.out = s->out,
		.mentioned = s->mentioned,
		.media_unread = s->media_unread,
		.silent = s->silent,
		.id = s->id,
		.from_id = peer_new(arena, TG_PEER_USER, s->from_id),
		.peer_id = peer_new(arena, TG_PEER_CHAT, s->chat_id),
		.fwd_from = s->fwd_from,
		.via_bot_id = s->via_bot_id,
		.has_via_bot_id = s->has_via_bot_id,
		.reply_to = s->reply_to,
		.date = s->date,
		.message = s->message,
		.entities = s->entities,
		.ttl_period = s->ttl_period,
		.has_ttl_period = s->has_ttl_period,
	};
	return update_new(arena, m, s->pts, s->pts_count, false);
}

static struct tl_obj *reply_header(struct tl_arena *arena, const struct tl_obj *reply_to)
{
	const struct tl_inputReplyToMessage *r = (const struct tl_inputReplyToMessage *)reply_to;
	struct tl_messageReplyHeader *h;

	if (!r || r->obj.ctor != TL_inputReplyToMessage)
		return NULL;
	h = tl_arena_alloc(arena, sizeof *h);
	if (!h)
		return NULL;
	h->obj.ctor = TL_messageReplyHeader;
	h->reply_to_msg_id = r->reply_to_msg_id;
	h->has_reply_to_msg_id = true;
	h->reply_to_top_id = r->top_msg_id;
	h->has_reply_to_top_id = r->has_top_msg_id;
	return &h->obj;
}

/* The answer to an own send says only what the request did not (F.3). */
static struct tl_obj *from_sent(struct tg_account *a, struct tl_arena *arena,
				const struct tl_updateShortSentMessage *s,
				const struct tg_call *call)
{
	struct tl_message *m = tl_arena_alloc(arena, sizeof *m);
	const uint8_t *body = tl_arena_copy(arena, call->body, call->n);
	const struct tl_obj *to;
	struct tl_cursor in;
	struct tl_obj *o;
	enum tg_peer_kind kind = TG_PEER_USER;
	int64_t id = a->self;

	if (!m || !body)
		return NULL;
	in = tl_cursor(body, call->n);
	if (tl_decode(&tl_api, arena, &in, &o, NULL) != 0)
		return NULL;
	to = tl_field_obj(&tl_api, o, "peer");
	if (!to || (to->ctor != TL_inputPeerSelf && !tg_peer_of(to, &kind, &id)))
		return NULL;
	*m = (struct tl_message){
		.obj = {TL_message},
		.out = s->out,
		.id = s->id,
		.from_id = peer_new(arena, TG_PEER_USER, a->self),
		.peer_id = peer_new(arena, kind, id),
		.date = s->date,
		.message = tl_str(""),
		.media = s->media,
		.entities = s->entities,
		.ttl_period = s->ttl_period,
		.has_ttl_period = s->has_ttl_period,
		.reply_to = reply_header(arena, tl_field_obj(&tl_api, o, "reply_to")),
	};
	if (o->ctor == TL_messages_sendMessage)
		m->message = ((const struct tl_messages_sendMessage *)o)->message;
	else if (o->ctor == TL_messages_sendMedia)
		m->message = ((const struct tl_messages_sendMedia *)o)->message;
	return update_new(arena, m, s->pts, s->pts_count, kind == TG_PEER_CHANNEL);
}

struct tl_obj *tg_short_message(struct tg_account *a, struct tg_carrier *c,
				const struct tl_obj *updates, const struct tg_call *call)
{
	if (updates->ctor == TL_updateShortMessage)
		return from_short(a, &c->arena, (const struct tl_updateShortMessage *)updates);
	if (updates->ctor == TL_updateShortChatMessage)
		return from_short_chat(&c->arena,
				       (const struct tl_updateShortChatMessage *)updates);
	return call ? from_sent(a, &c->arena, (const struct tl_updateShortSentMessage *)updates,
				call)
		    : NULL;
}
