/* From an Update to an event. Events belong to whoever made them: the account until the batch goes
 * to the store, then the commit. */
#include "daemon/event.h"

#include "daemon/js.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MAX (64u << 10) /* what is kept to write the next event in */

static const char *const names[RPC_T_COUNT] = {
	[RPC_T_NEW_MESSAGE] = "new_message",
	[RPC_T_MESSAGE_EDITED] = "message_edited",
	[RPC_T_MESSAGE_DELETED] = "message_deleted",
	[RPC_T_CALLBACK_QUERY] = "callback_query",
	[RPC_T_INLINE_QUERY] = "inline_query",
	[RPC_T_INLINE_SEND] = "inline_send",
	[RPC_T_USER_STATUS] = "user_status",
	[RPC_T_USER_TYPING] = "user_typing",
	[RPC_T_PARTICIPANT] = "participant",
	[RPC_T_JOIN_REQUEST] = "join_request",
	[RPC_T_MESSAGE_REACTION] = "message_reaction",
	[RPC_T_POLL_VOTE] = "poll_vote",
	[RPC_T_BOT_STOPPED] = "bot_stopped",
	[RPC_T_SHIPPING_QUERY] = "shipping_query",
	[RPC_T_PRE_CHECKOUT_QUERY] = "pre_checkout_query",
	[RPC_T_CHAT_BOOST] = "chat_boost",
	[RPC_T_READ] = "read",
	[RPC_T_ACCOUNT_STATE] = "account_state",
	[RPC_T_CONNECTION_STATE] = "connection_state",
	[RPC_T_GAP] = "gap",
	[RPC_T_RAW] = "raw",
};

const char *rpc_type_name(enum rpc_type t)
{
	return names[t];
}

bool rpc_type_parse(struct tl_str name, enum rpc_type *ret)
{
	for (unsigned i = 0; i < RPC_T_COUNT; i++) {
		if (tl_str_eq(name, names[i])) {
			*ret = (enum rpc_type)i;
			return true;
		}
	}
	return false;
}

bool rpc_type_is_live(enum rpc_type t)
{
	return t == RPC_T_USER_STATUS || t == RPC_T_USER_TYPING || t == RPC_T_CONNECTION_STATE;
}

void rpc_event_free(struct rpc_event *e)
{
	free(e);
}

/* ---- in the making --------------------------------------------------------------------------- */
struct draft {
	struct rpc_account *account;
	enum rpc_type type;
	int64_t chat, from;
	bool out, has_text;
	struct tl_str text; /* lies in the update */
	struct tl_buf body; /* and then the raw object */
};

/* account and type, then whatever belongs to the type. */
static struct draft begin(struct rpc_account *a, enum rpc_type type, struct tl_buf room)
{
	struct draft d = {.account = a, .type = type, .body = room};

	tl_buf_clear(&d.body);
	rpc_js_text(&d.body, "account", a->name);
	rpc_js_text(&d.body, "type", names[type]);
	return d;
}

/* The event in as much memory as it needs, one piece. An event without its bytes would be a lie:
 * better none, and core asks again. */
static struct rpc_event *finish(const struct draft *d, size_t body)
{
	size_t n = d->body.len;
	struct rpc_event *e = d->body.err ? NULL : malloc(sizeof *e + n + d->text.len);
	char *bytes = (char *)(e + 1);

	if (!e)
		return NULL;
	*e = (struct rpc_event){.type = d->type,
				.chat = d->chat,
				.from = d->from,
				.out = d->out,
				.has_text = d->has_text,
				.text = {bytes + n, d->text.len},
				.body = {bytes, (uint32_t)body},
				.raw = {bytes + body, (uint32_t)(n - body)}};
	_Static_assert(sizeof e->account == sizeof d->account->name, "a name fits");
	memcpy(e->account, d->account->name, sizeof e->account);
	memcpy(bytes, d->body.data, n);
	if (d->text.len)
		memcpy(bytes + n, d->text.data, d->text.len);
	return e;
}

/* One that is no update, and rare. */
static struct rpc_event *finish_own(struct draft *d)
{
	struct rpc_event *e = finish(d, d->body.len);

	tl_buf_free(&d->body);
	return e;
}

/* ---- messages -------------------------------------------------------------------------------- */
static void message(struct draft *e, struct rpc_account *a, const struct tl_obj *m)
{
	struct rpc_message_head h = rpc_message_head(a, m);

	e->chat = h.chat;
	e->from = h.from;
	e->out = h.out;
	e->has_text = true;
	e->text = h.text;
	if (h.has_date)
		rpc_js_int(&e->body, "date", h.date);
	rpc_shape_message(&e->body, "message", a, m);
}

static void deleted(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_vec *ids = &((const struct tl_updateDeleteMessages *)u)->messages;
	const int32_t *list;

	if (u->ctor == TL_updateDeleteChannelMessages) {
		const struct tl_updateDeleteChannelMessages *c =
			(const struct tl_updateDeleteChannelMessages *)u;
		struct tg_peer p = {.kind = TG_PEER_CHANNEL, .id = c->channel_id};

		ids = &c->messages;
		e->chat = tg_peer_marked(&p);
		rpc_shape_id(&e->body, "chat", a, TG_PEER_CHANNEL, c->channel_id);
		rpc_js_int(&e->body, "channel", e->chat);
	}
	list = ids->items;
	rpc_js_open(&e->body, "ids", '[');
	for (uint32_t i = 0; i < ids->count; i++)
		rpc_js_int(&e->body, NULL, list[i]);
	rpc_js_close(&e->body, ']');
}

/* ---- bots ------------------------------------------------------------------------------------ */
static void user(struct draft *e, struct rpc_account *a, int64_t id)
{
	e->from = id;
	rpc_shape_id(&e->body, "user", a, TG_PEER_USER, id);
}

static void chat(struct draft *e, struct rpc_account *a, const struct tl_obj *peer)
{
	e->chat = rpc_marked(peer);
	rpc_shape_peer(&e->body, "chat", a, peer);
}

static void callback(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotCallbackQuery *q = (const struct tl_updateBotCallbackQuery *)u;

	rpc_js_long(&e->body, "query_id", q->query_id);
	user(e, a, q->user_id);
	chat(e, a, q->peer);
	rpc_js_int(&e->body, "message", q->msg_id);
	rpc_shape_bytes(&e->body, "data", "data_base64", q->data);
	rpc_js_filled(&e->body, "game", q->game_short_name);
}

static void inline_id(struct tl_buf *b, const struct tl_obj *id)
{
	rpc_js_key(b, "inline_message_id");
	if (tl_obj_to_json(&tl_api, id, b) != 0)
		tl_put_text(b, "null");
}

static void inline_callback(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateInlineBotCallbackQuery *q =
		(const struct tl_updateInlineBotCallbackQuery *)u;

	rpc_js_long(&e->body, "query_id", q->query_id);
	user(e, a, q->user_id);
	inline_id(&e->body, q->msg_id);
	rpc_shape_bytes(&e->body, "data", "data_base64", q->data);
	rpc_js_filled(&e->body, "game", q->game_short_name);
}

static void inline_query(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotInlineQuery *q = (const struct tl_updateBotInlineQuery *)u;

	rpc_js_long(&e->body, "query_id", q->query_id);
	user(e, a, q->user_id);
	rpc_js_str(&e->body, "query", q->query);
	rpc_js_filled(&e->body, "offset", q->offset);
	if (q->geo && q->geo->ctor == TL_geoPoint)
		rpc_shape_typed(&e->body, "geo", q->geo, "geo");
	if (q->peer_type)
		rpc_snake(&e->body, "peer_type", q->peer_type->ctor, "inlineQueryPeerType", "");
	e->has_text = true;
	e->text = q->query;
}

static void inline_send(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotInlineSend *s = (const struct tl_updateBotInlineSend *)u;

	user(e, a, s->user_id);
	rpc_js_str(&e->body, "query", s->query);
	rpc_js_str(&e->body, "result_id", s->id);
	if (s->geo && s->geo->ctor == TL_geoPoint)
		rpc_shape_typed(&e->body, "geo", s->geo, "geo");
	if (s->msg_id)
		inline_id(&e->body, s->msg_id);
}

static void payment(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotShippingQuery *s = (const struct tl_updateBotShippingQuery *)u;
	const struct tl_updateBotPrecheckoutQuery *p =
		(const struct tl_updateBotPrecheckoutQuery *)u;

	if (u->ctor == TL_updateBotShippingQuery) {
		rpc_js_long(&e->body, "query_id", s->query_id);
		user(e, a, s->user_id);
		rpc_shape_bytes(&e->body, "payload", "payload_base64", s->payload);
		rpc_shape_typed(&e->body, "address", s->shipping_address, "post");
		return;
	}
	rpc_js_long(&e->body, "query_id", p->query_id);
	user(e, a, p->user_id);
	rpc_shape_bytes(&e->body, "payload", "payload_base64", p->payload);
	rpc_js_str(&e->body, "currency", p->currency);
	rpc_js_int(&e->body, "total_amount", p->total_amount);
	rpc_js_filled(&e->body, "shipping_option", p->shipping_option_id);
	rpc_shape_typed(&e->body, "info", p->info, "paymentRequested");
}

/* ---- people ---------------------------------------------------------------------------------- */
static void status(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateUserStatus *s = (const struct tl_updateUserStatus *)u;

	user(e, a, s->user_id);
	e->chat = s->user_id;
	if (s->status)
		rpc_snake(&e->body, "status", s->status->ctor, "userStatus", "");
	if (s->status && s->status->ctor == TL_userStatusOffline)
		rpc_js_int(&e->body, "last_seen",
			   ((const struct tl_userStatusOffline *)s->status)->was_online);
}

static void typing(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_obj *from = tl_field_obj(&tl_api, u, "from_id");
	const struct tl_obj *action = tl_field_obj(&tl_api, u, "action");
	struct tg_peer p = {.kind = TG_PEER_USER};

	if (tl_field_int(&tl_api, u, "user_id", &p.id))
		user(e, a, p.id);
	else if (tl_field_int(&tl_api, u, "chat_id", &p.id))
		p.kind = TG_PEER_CHAT;
	else if (tl_field_int(&tl_api, u, "channel_id", &p.id))
		p.kind = TG_PEER_CHANNEL;
	e->chat = tg_peer_marked(&p);
	rpc_shape_id(&e->body, "chat", a, p.kind, p.id);
	if (from) {
		e->from = rpc_marked(from);
		rpc_shape_peer(&e->body, "user", a, from);
	}
	if (action)
		rpc_snake(&e->body, "action", action->ctor, "sendMessage", "Action");
}

/* What somebody is in a chat (RPC contract §6a); nothing known = left. */
static const char *status_of(const struct tl_obj *p)
{
	const struct tl_channelParticipantBanned *b = (const struct tl_channelParticipantBanned *)p;
	const struct tl_chatBannedRights *rights;

	if (!p || p->ctor == TL_channelParticipantLeft)
		return "left";
	if (p->ctor == TL_chatParticipantCreator || p->ctor == TL_channelParticipantCreator)
		return "creator";
	if (p->ctor == TL_chatParticipantAdmin || p->ctor == TL_channelParticipantAdmin)
		return "admin";
	if (p->ctor != TL_channelParticipantBanned)
		return "member";
	rights = (const struct tl_chatBannedRights *)b->banned_rights;
	return rights && rights->obj.ctor == TL_chatBannedRights && rights->view_messages
		       ? "banned"
		       : "restricted";
}

static void participant(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	static const char *const sides[] = {"prev_participant", "new_participant"};
	static const char *const keys[] = {"before", "after"};
	struct tg_peer p = {.kind = TG_PEER_CHAT};
	int64_t id;

	if (!tl_field_int(&tl_api, u, "chat_id", &p.id) &&
	    tl_field_int(&tl_api, u, "channel_id", &p.id))
		p.kind = TG_PEER_CHANNEL;
	e->chat = tg_peer_marked(&p);
	if (tl_field_int(&tl_api, u, "date", &id))
		rpc_js_int(&e->body, "date", id);
	rpc_shape_id(&e->body, "chat", a, p.kind, p.id);
	if (tl_field_int(&tl_api, u, "user_id", &id))
		user(e, a, id);
	if (tl_field_int(&tl_api, u, "actor_id", &id))
		rpc_shape_id(&e->body, "actor", a, TG_PEER_USER, id);
	for (unsigned i = 0; i < 2; i++)
		rpc_js_text(&e->body, keys[i], status_of(tl_field_obj(&tl_api, u, sides[i])));
}

static void join_request(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotChatInviteRequester *r =
		(const struct tl_updateBotChatInviteRequester *)u;

	rpc_js_int(&e->body, "date", r->date);
	chat(e, a, r->peer);
	user(e, a, r->user_id);
	rpc_js_filled(&e->body, "about", r->about);
	if (r->invite && r->invite->ctor == TL_chatInviteExported)
		rpc_js_str(&e->body, "link",
			   ((const struct tl_chatInviteExported *)r->invite)->link);
	if (r->has_query_id)
		rpc_js_long(&e->body, "query_id", r->query_id);
}

/* Of a channel or an anonymous crowd: only the sums. */
static void reaction_sums(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotMessageReactions *r =
		(const struct tl_updateBotMessageReactions *)u;

	rpc_js_int(&e->body, "date", r->date);
	chat(e, a, r->peer);
	rpc_js_int(&e->body, "message", r->msg_id);
	rpc_shape_reactions(&e->body, "reactions", &r->reactions);
}

static void reaction(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotMessageReaction *r = (const struct tl_updateBotMessageReaction *)u;
	const struct tl_updateMessageReactions *all = (const struct tl_updateMessageReactions *)u;

	if (u->ctor == TL_updateMessageReactions) {
		chat(e, a, all->peer);
		rpc_js_int(&e->body, "message", all->msg_id);
		if (all->reactions && all->reactions->ctor == TL_messageReactions)
			rpc_shape_reactions(
				&e->body, "reactions",
				&((const struct tl_messageReactions *)all->reactions)->results);
		return;
	}
	rpc_js_int(&e->body, "date", r->date);
	chat(e, a, r->peer);
	rpc_js_int(&e->body, "message", r->msg_id);
	e->from = rpc_marked(r->actor);
	rpc_shape_peer(&e->body, "user", a, r->actor);
	rpc_shape_reactions(&e->body, "before", &r->old_reactions);
	rpc_shape_reactions(&e->body, "after", &r->new_reactions);
}

static void poll_vote(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateMessagePollVote *v = (const struct tl_updateMessagePollVote *)u;
	const struct tl_str *options = v->options.items;

	rpc_js_long(&e->body, "poll_id", v->poll_id);
	e->from = rpc_marked(v->peer);
	rpc_shape_peer(&e->body, "user", a, v->peer);
	rpc_js_open(&e->body, "options", '[');
	for (uint32_t i = 0; i < v->options.count; i++) {
		rpc_js_comma(&e->body);
		tl_js_base64(&e->body, options[i].data, options[i].len);
	}
	rpc_js_close(&e->body, ']');
}

static void stopped(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotStopped *s = (const struct tl_updateBotStopped *)u;

	rpc_js_int(&e->body, "date", s->date);
	user(e, a, s->user_id);
	e->chat = s->user_id;
	rpc_js_bool(&e->body, "stopped", s->stopped);
}

static void boost(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_updateBotChatBoost *c = (const struct tl_updateBotChatBoost *)u;

	chat(e, a, c->peer);
	rpc_js_key(&e->body, "boost");
	if (tl_obj_to_json(&tl_api, c->boost, &e->body) != 0)
		tl_put_text(&e->body, "null");
}

static void read_state(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	struct tg_peer p = {.kind = TG_PEER_CHANNEL};
	bool outbox =
		u->ctor == TL_updateReadHistoryOutbox || u->ctor == TL_updateReadChannelOutbox;
	int64_t n;

	if (tl_field_int(&tl_api, u, "channel_id", &p.id)) {
		e->chat = tg_peer_marked(&p);
		rpc_shape_id(&e->body, "chat", a, TG_PEER_CHANNEL, p.id);
	} else {
		chat(e, a, tl_field_obj(&tl_api, u, "peer"));
	}
	e->out = outbox;
	rpc_js_text(&e->body, "direction", outbox ? "out" : "in");
	if (tl_field_int(&tl_api, u, "max_id", &n))
		rpc_js_int(&e->body, "max_id", n);
	if (tl_field_int(&tl_api, u, "still_unread_count", &n))
		rpc_js_int(&e->body, "unread", n);
}

static void new_message(struct draft *e, struct rpc_account *a, const struct tl_obj *u)
{
	const struct tl_obj *m = ((const struct tl_updateNewMessage *)u)->message;

#define LIKE_A_NEW_MESSAGE(u)                                                                      \
	_Static_assert(offsetof(struct u, message) ==                                              \
			       offsetof(struct tl_updateNewMessage, message),                      \
		       "messages lie in one place")
	LIKE_A_NEW_MESSAGE(tl_updateNewChannelMessage);
	LIKE_A_NEW_MESSAGE(tl_updateEditMessage);
	LIKE_A_NEW_MESSAGE(tl_updateEditChannelMessage);
	if (m)
		message(e, a, m);
}

/* ---- which update is which type -------------------------------------------------------------- */
static const struct row {
	unsigned ctor;
	enum rpc_type type;
	void (*write)(struct draft *e, struct rpc_account *a, const struct tl_obj *u);
} rows[] = {
	{TL_updateNewMessage, RPC_T_NEW_MESSAGE, new_message},
	{TL_updateNewChannelMessage, RPC_T_NEW_MESSAGE, new_message},
	{TL_updateEditMessage, RPC_T_MESSAGE_EDITED, new_message},
	{TL_updateEditChannelMessage, RPC_T_MESSAGE_EDITED, new_message},
	{TL_updateDeleteMessages, RPC_T_MESSAGE_DELETED, deleted},
	{TL_updateDeleteChannelMessages, RPC_T_MESSAGE_DELETED, deleted},
	{TL_updateBotCallbackQuery, RPC_T_CALLBACK_QUERY, callback},
	{TL_updateInlineBotCallbackQuery, RPC_T_CALLBACK_QUERY, inline_callback},
	{TL_updateBotInlineQuery, RPC_T_INLINE_QUERY, inline_query},
	{TL_updateBotInlineSend, RPC_T_INLINE_SEND, inline_send},
	{TL_updateUserStatus, RPC_T_USER_STATUS, status},
	{TL_updateUserTyping, RPC_T_USER_TYPING, typing},
	{TL_updateChatUserTyping, RPC_T_USER_TYPING, typing},
	{TL_updateChannelUserTyping, RPC_T_USER_TYPING, typing},
	{TL_updateChatParticipant, RPC_T_PARTICIPANT, participant},
	{TL_updateChannelParticipant, RPC_T_PARTICIPANT, participant},
	{TL_updateBotChatInviteRequester, RPC_T_JOIN_REQUEST, join_request},
	{TL_updateBotMessageReaction, RPC_T_MESSAGE_REACTION, reaction},
	{TL_updateBotMessageReactions, RPC_T_MESSAGE_REACTION, reaction_sums},
	{TL_updateMessageReactions, RPC_T_MESSAGE_REACTION, reaction},
	{TL_updateMessagePollVote, RPC_T_POLL_VOTE, poll_vote},
	{TL_updateBotStopped, RPC_T_BOT_STOPPED, stopped},
	{TL_updateBotShippingQuery, RPC_T_SHIPPING_QUERY, payment},
	{TL_updateBotPrecheckoutQuery, RPC_T_PRE_CHECKOUT_QUERY, payment},
	{TL_updateBotChatBoost, RPC_T_CHAT_BOOST, boost},
	{TL_updateReadHistoryInbox, RPC_T_READ, read_state},
	{TL_updateReadHistoryOutbox, RPC_T_READ, read_state},
	{TL_updateReadChannelInbox, RPC_T_READ, read_state},
	{TL_updateReadChannelOutbox, RPC_T_READ, read_state},
};

struct rpc_event *rpc_event_update(struct rpc_account *a, const struct tl_obj *update,
				   struct tl_buf *room)
{
	const struct row *row = NULL;
	struct rpc_event *e;
	struct draft d;
	size_t body;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !row; i++)
		if (rows[i].ctor == update->ctor)
			row = &rows[i];
	d = begin(a, row ? row->type : RPC_T_RAW, *room);
	if (row)
		row->write(&d, a, update);
	body = d.body.len;
	if (tl_obj_to_json(&tl_api, update, &d.body) != 0)
		tl_put_text(&d.body, "{\"_\":\"unknown\"}");
	e = finish(&d, body);
	if (d.body.cap > ROOM_MAX)
		tl_buf_free(&d.body);
	*room = d.body;
	return e;
}

/* ---- events of our own ----------------------------------------------------------------------- */
struct rpc_event *rpc_event_state(struct rpc_account *a)
{
	struct draft d = begin(a, RPC_T_ACCOUNT_STATE, (struct tl_buf){0});
	const char *reason = tg_account_reason(a->tg);
	enum tg_state state = a->state;

	rpc_js_int(&d.body, "date", rpc_now().real / RPC_SECOND);
	rpc_js_text(&d.body, "state", tg_state_name(state));
	if (*reason)
		rpc_js_text(&d.body, state == TG_FAILED ? "error" : "reason", reason);
	if (state == TG_READY)
		rpc_shape_id(&d.body, "user", a, TG_PEER_USER, tg_account_self(a->tg));
	rpc_login_write(&d.body, a);
	return finish_own(&d);
}

struct rpc_event *rpc_event_online(struct rpc_account *a, const char *extra, int64_t value)
{
	struct draft d = begin(a, RPC_T_CONNECTION_STATE, (struct tl_buf){0});

	rpc_js_int(&d.body, "date", rpc_now().real / RPC_SECOND);
	rpc_js_bool(&d.body, "online", tg_account_online(a->tg));
	if (extra && value)
		rpc_js_int(&d.body, extra, value);
	return finish_own(&d);
}

struct rpc_event *rpc_event_gap(struct rpc_account *a, const struct tg_event *g)
{
	struct draft d = begin(a, RPC_T_GAP, (struct tl_buf){0});

	rpc_js_int(&d.body, "date", rpc_now().real / RPC_SECOND);
	rpc_js_text(&d.body, "reason", g->text ? g->text : "unknown");
	if (g->box) {
		struct tg_peer p = {.kind = TG_PEER_CHANNEL, .id = g->box};

		d.chat = tg_peer_marked(&p);
		rpc_shape_id(&d.body, "chat", a, TG_PEER_CHANNEL, g->box);
	}
	rpc_js_text(&d.body, "box", g->box ? "channel" : "common");
	rpc_js_int(&d.body, "from", g->from);
	rpc_js_int(&d.body, "to", g->to);
	return finish_own(&d);
}
