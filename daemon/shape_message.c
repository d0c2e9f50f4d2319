/* The message shape. Writes into the caller's buffer; keeps nothing. */
#include "daemon/accounts.h"
#include "daemon/js.h"
#include "daemon/shape.h"
#include "tl_schema.h"

/* ---- parts of a message ---------------------------------------------------------------------- */
static void write_entities(struct tl_buf *b, const char *key, const struct tl_vec *entities)
{
	struct tl_obj *const *list = entities->items;

	if (!entities->count)
		return;
	rpc_js_open(b, key, '[');
	for (uint32_t i = 0; i < entities->count; i++) {
		const struct tl_obj *e = list[i];
		int64_t n;

		rpc_js_open(b, NULL, '{');
		rpc_snake(b, "type", e->ctor, "messageEntity", "");
		if (tl_field_int(&tl_api, e, "offset", &n))
			rpc_js_int(b, "offset", n);
		if (tl_field_int(&tl_api, e, "length", &n))
			rpc_js_int(b, "length", n);
		if (e->ctor == TL_messageEntityTextUrl)
			rpc_js_str(b, "url", ((const struct tl_messageEntityTextUrl *)e)->url);
		else if (e->ctor == TL_messageEntityPre)
			rpc_js_filled(b, "language",
				      ((const struct tl_messageEntityPre *)e)->language);
		else if (e->ctor == TL_messageEntityMentionName)
			rpc_js_int(b, "user",
				   ((const struct tl_messageEntityMentionName *)e)->user_id);
		else if (e->ctor == TL_messageEntityCustomEmoji)
			rpc_js_long(b, "custom_emoji",
				    ((const struct tl_messageEntityCustomEmoji *)e)->document_id);
		else if (e->ctor == TL_messageEntityBlockquote)
			rpc_js_true(b, "expandable",
				    ((const struct tl_messageEntityBlockquote *)e)->collapsed);
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
}

static void write_reply(struct tl_buf *b, struct rpc_account *a, const struct tl_obj *reply)
{
	const struct tl_messageReplyHeader *r = (const struct tl_messageReplyHeader *)reply;

	if (!reply || reply->ctor != TL_messageReplyHeader)
		return;
	if (r->forum_topic)
		rpc_js_int(b, "topic",
			   r->has_reply_to_top_id ? r->reply_to_top_id : r->reply_to_msg_id);
	if (r->quote_text.len)
		rpc_js_str(b, "quote", r->quote_text);
	rpc_js_open(b, "reply_to", '{');
	if (r->has_reply_to_msg_id)
		rpc_js_int(b, "message", r->reply_to_msg_id);
	rpc_shape_peer(b, "chat", a, r->reply_to_peer_id);
	rpc_js_filled(b, "quote", r->quote_text);
	write_entities(b, "quote_entities", &r->quote_entities);
	if (r->has_reply_to_top_id)
		rpc_js_int(b, "thread", r->reply_to_top_id);
	rpc_js_close(b, '}');
}

static void write_forward(struct tl_buf *b, struct rpc_account *a, const struct tl_obj *forward)
{
	const struct tl_messageFwdHeader *f = (const struct tl_messageFwdHeader *)forward;

	if (!forward || forward->ctor != TL_messageFwdHeader)
		return;
	rpc_js_open(b, "forward", '{');
	rpc_js_int(b, "date", f->date);
	rpc_shape_peer(b, "from", a, f->from_id);
	rpc_js_filled(b, "name", f->from_name);
	if (f->has_channel_post)
		rpc_js_int(b, "message", f->channel_post);
	rpc_js_filled(b, "post_author", f->post_author);
	rpc_js_close(b, '}');
}

static void write_button(struct tl_buf *b, const struct tl_obj *button)
{
	const struct tl_keyboardInlineButton *in = (const struct tl_keyboardInlineButton *)button;
	const struct tl_keyboardButton *plain = (const struct tl_keyboardButton *)button;
	const struct tl_obj *type;

	rpc_js_open(b, NULL, '{');
	if (button->ctor == TL_keyboardInlineButton) {
		type = in->type;
		rpc_js_str(b, "text", in->text);
		if (type && type->ctor == TL_inlineButtonTypeCallback)
			rpc_shape_bytes(b, "callback", "callback_base64",
					((const struct tl_inlineButtonTypeCallback *)type)->data);
		else if (type && type->ctor == TL_inlineButtonTypeUrl)
			rpc_js_str(b, "url", ((const struct tl_inlineButtonTypeUrl *)type)->url);
		if (type)
			rpc_snake(b, "type", type->ctor, "inlineButtonType", "");
	} else if (button->ctor == TL_keyboardButton) {
		rpc_js_str(b, "text", plain->text);
		if (plain->type)
			rpc_snake(b, "type", plain->type->ctor, "buttonType", "");
	}
	rpc_js_close(b, '}');
}

static void write_rows(struct tl_buf *b, const struct tl_vec *rows)
{
	struct tl_obj *const *list = rows->items;

	rpc_js_open(b, "rows", '[');
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tl_vec *buttons =
			list[i]->ctor == TL_keyboardInlineButtonRow
				? &((const struct tl_keyboardInlineButtonRow *)list[i])->buttons
				: &((const struct tl_keyboardButtonRow *)list[i])->buttons;
		struct tl_obj *const *cells = buttons->items;

		rpc_js_open(b, NULL, '[');
		for (uint32_t k = 0; k < buttons->count; k++)
			write_button(b, cells[k]);
		rpc_js_close(b, ']');
	}
	rpc_js_close(b, ']');
}

static void write_markup(struct tl_buf *b, const struct tl_obj *m)
{
	if (!m || m->ctor == TL_UNKNOWN)
		return;
	rpc_js_open(b, "reply_markup", '{');
	if (m->ctor == TL_replyInlineMarkup) {
		rpc_js_text(b, "type", "inline");
		write_rows(b, &((const struct tl_replyInlineMarkup *)m)->rows);
	} else if (m->ctor == TL_replyKeyboardMarkup) {
		rpc_js_text(b, "type", "reply");
		write_rows(b, &((const struct tl_replyKeyboardMarkup *)m)->rows);
	} else {
		rpc_js_text(b, "type", m->ctor == TL_replyKeyboardHide ? "remove" : "force_reply");
	}
	rpc_js_close(b, '}');
}

static void write_counts(struct tl_buf *b, const struct tl_obj *replies,
			 const struct tl_obj *reactions)
{
	if (replies && replies->ctor == TL_messageReplies)
		rpc_js_int(b, "replies", ((const struct tl_messageReplies *)replies)->replies);
	if (reactions && reactions->ctor == TL_messageReactions)
		rpc_shape_reactions(b, "reactions",
				    &((const struct tl_messageReactions *)reactions)->results);
}

static void write_restrictions(struct tl_buf *b, const struct tl_vec *reasons)
{
	struct tl_obj *const *list = reasons->items;

	if (!reasons->count)
		return;
	rpc_js_open(b, "restriction_reason", '[');
	for (uint32_t i = 0; i < reasons->count; i++) {
		const struct tl_restrictionReason *r = (const struct tl_restrictionReason *)list[i];

		rpc_js_open(b, NULL, '{');
		rpc_js_str(b, "platform", r->platform);
		rpc_js_str(b, "reason", r->reason);
		rpc_js_str(b, "text", r->text);
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
}

/* ---- whole messages -------------------------------------------------------------------------- */
static bool is_same(const struct tl_obj *user, const struct tl_obj *peer)
{
	return peer->ctor == TL_peerUser && ((const struct tl_peerUser *)peer)->user_id ==
						    ((const struct tl_peerUser *)user)->user_id;
}

/* In a private chat from_id may be left out: it is the other one, who is looked up once, or
 * oneself. */
static void write_place(struct tl_buf *b, struct rpc_account *a, const struct tl_obj *chat,
			const struct tl_obj *from, bool out)
{
	struct tg_peer p;

	if (!chat || chat->ctor != TL_peerUser || (from && !is_same(chat, from))) {
		rpc_shape_peer(b, "chat", a, chat);
		rpc_shape_peer(b, "sender", a, from);
		return;
	}
	rpc_known_peer(a, TG_PEER_USER, ((const struct tl_peerUser *)chat)->user_id, &p);
	rpc_shape_known(b, "chat", &p);
	if (out && !from)
		rpc_shape_id(b, "sender", a, TG_PEER_USER, tg_account_self(a->tg));
	else
		rpc_shape_known(b, "sender", &p);
}

static void write_plain(struct tl_buf *b, struct rpc_account *a, const struct tl_message *m)
{
	rpc_js_int(b, "id", m->id);
	write_place(b, a, m->peer_id, m->from_id, m->out);
	rpc_js_int(b, "date", m->date);
	if (m->has_edit_date && !m->edit_hide)
		rpc_js_int(b, "edit_date", m->edit_date);
	rpc_js_true(b, "edit_hide", m->edit_hide);
	rpc_js_true(b, "out", m->out);
	rpc_js_filled(b, "text", m->message);
	write_entities(b, "entities", &m->entities);
	write_reply(b, a, m->reply_to);
	rpc_shape_media(b, m->media);
	if (m->has_grouped_id)
		rpc_js_long(b, "grouped_id", m->grouped_id);
	rpc_js_true(b, "mentioned", m->mentioned);
	rpc_js_true(b, "media_unread", m->media_unread);
	rpc_js_true(b, "silent", m->silent);
	rpc_js_true(b, "pinned", m->pinned);
	rpc_js_true(b, "post", m->post);
	rpc_js_true(b, "from_scheduled", m->from_scheduled);
	rpc_js_true(b, "noforwards", m->noforwards);
	if (m->has_views)
		rpc_js_int(b, "views", m->views);
	if (m->has_forwards)
		rpc_js_int(b, "forwards", m->forwards);
	write_counts(b, m->replies, m->reactions);
	if (m->has_via_bot_id)
		rpc_shape_id(b, "via_bot", a, TG_PEER_USER, m->via_bot_id);
	rpc_js_filled(b, "post_author", m->post_author);
	write_forward(b, a, m->fwd_from);
	write_markup(b, m->reply_markup);
	if (m->has_ttl_period)
		rpc_js_int(b, "ttl", m->ttl_period);
	if (m->has_effect)
		rpc_js_long(b, "effect", m->effect);
	write_restrictions(b, &m->restriction_reason);
}

static void write_service(struct tl_buf *b, struct rpc_account *a,
			  const struct tl_messageService *m)
{
	rpc_js_int(b, "id", m->id);
	write_place(b, a, m->peer_id, m->from_id, m->out);
	rpc_js_int(b, "date", m->date);
	rpc_js_true(b, "out", m->out);
	write_reply(b, a, m->reply_to);
	rpc_js_true(b, "mentioned", m->mentioned);
	rpc_js_true(b, "media_unread", m->media_unread);
	rpc_js_true(b, "silent", m->silent);
	rpc_js_true(b, "post", m->post);
	rpc_shape_typed(b, "action", m->action, "messageAction");
	write_counts(b, NULL, m->reactions);
	if (m->has_ttl_period)
		rpc_js_int(b, "ttl", m->ttl_period);
}

void rpc_shape_message(struct tl_buf *b, const char *key, struct rpc_account *a,
		       const struct tl_obj *message)
{
	int64_t id;

	rpc_js_open(b, key, '{');
	if (message->ctor == TL_message)
		write_plain(b, a, (const struct tl_message *)message);
	else if (message->ctor == TL_messageService)
		write_service(b, a, (const struct tl_messageService *)message);
	else if (tl_field_int(&tl_api, message, "id", &id))
		rpc_js_int(b, "id", id);
	rpc_js_close(b, '}');
}

struct rpc_message_head rpc_message_head(const struct rpc_account *a, const struct tl_obj *message)
{
	const struct tl_message *m = (const struct tl_message *)message;
	const struct tl_messageService *s = (const struct tl_messageService *)message;
	struct rpc_message_head h = {0};
	const struct tl_obj *peer, *from;
	bool private;

	if (message->ctor == TL_message) {
		h = (struct rpc_message_head){
			.has_date = true, .date = m->date, .out = m->out, .text = m->message};
		peer = m->peer_id;
		from = m->from_id;
	} else if (message->ctor == TL_messageService) {
		h = (struct rpc_message_head){.has_date = true, .date = s->date, .out = s->out};
		peer = s->peer_id;
		from = s->from_id;
	} else {
		return h;
	}
	h.chat = rpc_marked(peer);
	private = peer && peer->ctor == TL_peerUser;
	h.from = from               ? rpc_marked(from)
		 : private && h.out ? tg_account_self(a->tg)
		 : private          ? h.chat
				    : 0;
	return h;
}
