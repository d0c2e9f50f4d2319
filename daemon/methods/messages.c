/* Sending messages. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/keyboard.h"
#include "daemon/methods/groups.h"
#include "daemon/raw.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

#define MAX_TEXT 4096u         /* UTF-16 units, core.telegram.org/api/config, message_length_max */
#define ONCE_ONLINE 0x7ffffffe /* core.telegram.org/api/scheduled-messages */

struct send_args {
	struct rpc_peer_arg peer;
	struct tl_str text;
	struct json_t *entities, *reply_to, *reply_markup, *keyboard, *send_as;
	int64_t topic, schedule_date, effect;
	bool silent, background, clear_draft, no_webpage, invert_media, noforwards, once_online;
};
#define AT(field) offsetof(struct send_args, field)
static const struct rpc_param send_params[] = {
	{"peer", RPC_K_PEER, true, NULL, AT(peer), NULL, "where to"},
	{"text", RPC_K_STRING, true, NULL, AT(text), NULL, "at most 4096 UTF-16 units"},
	{"entities", RPC_K_ARRAY, false, NULL, AT(entities), NULL,
	 "formatting: [{\"type\":\"bold\",\"offset\":0,\"length\":4}], offsets in UTF-16 units"},
	{"reply_to", RPC_K_ANY, false, NULL, AT(reply_to), NULL,
	 "a message's id, or {message, chat?, quote?}"},
	{"topic", RPC_K_INT, false, NULL, AT(topic), NULL, "forum topic"},
	{"silent", RPC_K_BOOL, false, "false", AT(silent), NULL, "without a sound"},
	{"background", RPC_K_BOOL, false, "false", AT(background), NULL, "as in the background"},
	{"clear_draft", RPC_K_BOOL, false, "false", AT(clear_draft), NULL, "clears the draft"},
	{"no_webpage", RPC_K_BOOL, false, "false", AT(no_webpage), NULL, "no link preview"},
	{"invert_media", RPC_K_BOOL, false, "false", AT(invert_media), NULL,
	 "link preview above the text"},
	{"noforwards", RPC_K_BOOL, false, "false", AT(noforwards), NULL,
	 "protected from forwarding"},
	{"schedule_date", RPC_K_TIME, false, NULL, AT(schedule_date), NULL, "sent then"},
	{"schedule_once_online", RPC_K_BOOL, false, "false", AT(once_online), NULL,
	 "sent when the other one comes online"},
	{"reply_markup", RPC_K_OBJECT, false, NULL, AT(reply_markup), NULL, "a TL ReplyMarkup"},
	{"keyboard", RPC_K_ARRAY, false, NULL, AT(keyboard), NULL,
	 "rows of buttons: [[{\"text\":\"Yes\",\"callback\":\"y\"}]]"},
	{"send_as", RPC_K_ANY, false, NULL, AT(send_as), NULL, "peer to send as"},
	{"effect", RPC_K_INT, false, NULL, AT(effect), NULL, "id of a message effect"},
};

/* ---- the call as JSON ------------------------------------------------------------------------ */
static size_t utf16_length(struct tl_str s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		uint8_t b = (uint8_t)s.data[i];

		n += (b & 0xc0) != 0x80;
		n += b >= 0xf0;
	}
	return n;
}

static int bad(struct rpc_call *c, const char *field, const char *text)
{
	return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s: %s", field, text);
}

static int put_reply(struct rpc_call *c, json_t *call, const struct send_args *a)
{
	json_t *to = json_pack("{s:s}", "_", "inputReplyToMessage");
	json_t *chat = json_object_get(a->reply_to, "chat"),
	       *quote = json_object_get(a->reply_to, "quote");
	int64_t id = 0;

	if (!a->reply_to && a->topic == RPC_NONE) {
		json_decref(to);
		return 0;
	}
	if (a->reply_to && !rpc_json_int(a->reply_to, &id) &&
	    !rpc_json_int(json_object_get(a->reply_to, "message"), &id)) {
		json_decref(to);
		return bad(c, "reply_to", "a message's id, or an object with message, is wanted");
	}
	json_object_set_new(to, "reply_to_msg_id", json_integer(id ? id : a->topic));
	if (a->topic != RPC_NONE)
		json_object_set_new(to, "top_msg_id", json_integer(a->topic));
	if (chat)
		json_object_set(to, "reply_to_peer_id", chat);
	if (quote)
		json_object_set(to, "quote_text", quote);
	json_object_set_new(call, "reply_to", to);
	return 0;
}

static void put_flags(json_t *call, const struct send_args *a)
{
	const struct {
		const char *name;
		bool on;
	} flags[] = {{"silent", a->silent},
		     {"background", a->background},
		     {"clear_draft", a->clear_draft},
		     {"no_webpage", a->no_webpage},
		     {"invert_media", a->invert_media},
		     {"noforwards", a->noforwards}};

	for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (flags[i].on)
			json_object_set_new(call, flags[i].name, json_true());
	if (a->once_online)
		json_object_set_new(call, "schedule_date", json_integer(ONCE_ONLINE));
	else if (a->schedule_date != RPC_NONE)
		json_object_set_new(call, "schedule_date", json_integer(a->schedule_date));
	if (a->effect != RPC_NONE)
		json_object_set_new(call, "effect", json_integer(a->effect));
	if (a->send_as)
		json_object_set(call, "send_as", a->send_as);
}

static int put_markup(struct rpc_call *c, json_t *call, const struct send_args *a)
{
	json_t *markup = NULL;
	const char *why;

	if (a->keyboard && a->reply_markup)
		return bad(c, "keyboard", "give either keyboard or reply_markup");
	if (a->reply_markup)
		json_object_set(call, "reply_markup", a->reply_markup);
	if (!a->keyboard)
		return 0;
	why = rpc_keyboard(a->keyboard, &markup);
	if (why)
		return bad(c, "keyboard", why);
	json_object_set_new(call, "reply_markup", markup);
	return 0;
}

static int prepare(struct rpc_call *c)
{
	const struct send_args *a = c->args;
	json_t *call = json_object(), *entities = NULL;
	const char *why = NULL;
	int err = 0;

	if (!call)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	c->raw_params = c->state_json = call;
	c->tl = TL_messages_sendMessage;
	if (!a->text.len)
		return bad(c, "text", "it is empty");
	if (utf16_length(a->text) > MAX_TEXT) {
		rpc_hint(c, "send it in parts");
		return bad(c, "text", "over 4096 UTF-16 units");
	}
	json_object_set_new(call, "message", json_stringn(a->text.data, a->text.len));
	json_object_set(call, "peer", a->peer.value);
	if (a->entities)
		why = rpc_entities(a->entities, &entities);
	if (why)
		return bad(c, "entities", why);
	if (entities)
		json_object_set_new(call, "entities", entities);
	put_flags(call, a);
	err = put_reply(c, call, a);
	return err ? err : put_markup(c, call, a);
}

/* ---- the answer ------------------------------------------------------------------------------ */
static void learn(struct rpc_call *c, const struct tl_vec *list)
{
	struct tl_obj *const *items = list->items;

	for (uint32_t i = 0; i < list->count; i++)
		tg_learn(c->account->tg, items[i]);
}

/* Short form: what was sent is what the caller gave. */
static struct rpc_result short_sent(struct rpc_call *c, const struct tl_updateShortSentMessage *s)
{
	const struct send_args *a = c->args;
	struct tl_peerUser user = {{TL_peerUser}, a->peer.peer.id};
	struct tl_peerChat chat = {{TL_peerChat}, a->peer.peer.id};
	struct tl_peerChannel channel = {{TL_peerChannel}, a->peer.peer.id};
	struct tl_message m = {.obj = {TL_message},
			       .out = s->out,
			       .id = s->id,
			       .date = s->date,
			       .message = a->text,
			       .media = s->media,
			       .entities = s->entities,
			       .silent = a->silent,
			       .ttl_period = s->ttl_period,
			       .has_ttl_period = s->has_ttl_period};

	m.peer_id = a->peer.peer.kind == TG_PEER_CHAT      ? &chat.obj
		    : a->peer.peer.kind == TG_PEER_CHANNEL ? &channel.obj
							   : &user.obj;
	rpc_shape_message(rpc_begin(c), NULL, c->account, &m.obj);
	return rpc_end(c);
}

/* The message among the updates: the one whose random id is ours, else the first new one. */
static const struct tl_obj *find_sent(struct rpc_call *c, const struct tl_vec *updates,
				      int32_t *ret_id)
{
	struct tl_obj *const *list = updates->items;
	const struct tl_obj *first = NULL;
	int64_t random = 0, id;

	*ret_id = 0;
	(void)!rpc_json_int(json_object_get(c->raw_params, "random_id"), &random);
	for (uint32_t i = 0; i < updates->count; i++) {
		const struct tl_updateMessageID *m = (const struct tl_updateMessageID *)list[i];

		if (list[i]->ctor == TL_updateMessageID && m->random_id == random)
			*ret_id = m->id;
	}
	for (uint32_t i = 0; i < updates->count; i++) {
		const struct tl_obj *m;

		if (list[i]->ctor != TL_updateNewMessage &&
		    list[i]->ctor != TL_updateNewChannelMessage &&
		    list[i]->ctor != TL_updateNewScheduledMessage)
			continue;
		m = tl_field_obj(&tl_api, list[i], "message");
		if (!m || !tl_field_int(&tl_api, m, "id", &id))
			continue;
		if (id == *ret_id)
			return m;
		first = first ? first : m;
	}
	return *ret_id ? NULL : first;
}

static struct rpc_result sent(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tl_obj *o;
	const struct tl_obj *m;
	bool truncated;
	int32_t id;
	struct tl_buf *b;

	if (tl_decode(&tl_api, &c->arena, &in, &o, &truncated) != 0)
		return rpc_fail(c, -TG_E_INTERNAL, "sent, but the answer cannot be read");
	if (o->ctor == TL_updateShortSentMessage)
		return short_sent(c, (struct tl_updateShortSentMessage *)o);
	if (o->ctor != TL_updates)
		return rpc_fail(c, -TG_E_INTERNAL, "sent, but the answer is of no known form");
	learn(c, &((struct tl_updates *)o)->users);
	learn(c, &((struct tl_updates *)o)->chats);
	m = find_sent(c, &((struct tl_updates *)o)->updates, &id);
	b = rpc_begin(c);
	if (m) {
		rpc_shape_message(b, NULL, c->account, m);
	} else {
		const struct send_args *a = c->args;

		rpc_js_open(b, NULL, '{');
		rpc_js_int(b, "id", id);
		rpc_shape_known(b, "chat", &a->peer.peer);
		rpc_js_close(b, '}');
	}
	return rpc_end(c);
}

static struct rpc_result send_message(struct rpc_call *c)
{
	const struct send_args *a = c->args;
	struct tg_peer to = a->peer.peer;

	if (rpc_raw_encode(c) != 0)
		return rpc_refuse(c);
	if (to.kind == TG_PEER_SELF)
		to.kind = TG_PEER_USER;
	c->chain = rpc_chain(c, tg_peer_marked(&to));
	return rpc_engine_call(c, TL_messages_sendMessage, 0, sent);
}

const struct rpc_method rpc_methods_messages[] = {
	{.name = "send_message",
	 .role = RPC_SEND,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ACCOUNT | RPC_LOGGED_IN | RPC_KEYED,
	 .prepare = prepare,
	 .peers = rpc_raw_peers,
	 .run = send_message,
	 RPC_ROWS(send_params, struct send_args),
	 .doc = "Sends a text message.",
	 .result = "message"},
	{.name = "send_message_to_peer", .alias_of = "send_message", .doc = "The same."},
	{.name = "send_message_to_peer_ex", .alias_of = "send_message", .doc = "The same."},
};
RPC_GROUP_COUNT(messages);
