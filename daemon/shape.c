/* Shapes of chats, users and small parts. Writes into the caller's buffer; keeps nothing. */
#include "daemon/shape.h"

#include "daemon/accounts.h"
#include "daemon/js.h"
#include "tl_schema.h"

#include <stdio.h>
#include <string.h>

/* ---- who ------------------------------------------------------------------------------------- */
static const char *type_of(const struct tg_peer *p)
{
	switch (p->kind) {
	case TG_PEER_CHAT:
		return "group";
	case TG_PEER_CHANNEL:
		return p->broadcast || (!p->megagroup && !p->forum) ? "channel" : "supergroup";
	case TG_PEER_NONE:
	case TG_PEER_SELF:
	case TG_PEER_USER:
		break;
	}
	return p->bot ? "bot" : "user";
}

static void write_title(struct tl_buf *b, struct tl_str first, struct tl_str last)
{
	char title[256];
	int n;

	if (!last.len) { /* as most people's */
		rpc_js_filled(b, "title", first);
		return;
	}
	n = snprintf(title, sizeof title, "%.*s%s%.*s", first.len < 160 ? (int)first.len : 160,
		     first.data ? first.data : "", " ", last.len < 90 ? (int)last.len : 90,
		     last.data ? last.data : "");

	if (n > 0)
		rpc_js_str(b, "title", (struct tl_str){title, (uint32_t)n});
}

static struct tl_str filled(const char *text)
{
	return *text ? tl_str(text) : (struct tl_str){0};
}

void rpc_shape_known(struct tl_buf *b, const char *key, const struct tg_peer *p)
{
	bool user = p->kind == TG_PEER_USER || p->kind == TG_PEER_SELF;

	rpc_js_open(b, key, '{');
	rpc_js_int(b, "id", user ? p->id : tg_peer_marked(p));
	rpc_js_text(b, "type", type_of(p));
	if (user) {
		write_title(b, filled(p->name), filled(p->last_name));
		rpc_js_filled(b, "first_name", filled(p->name));
		rpc_js_filled(b, "last_name", filled(p->last_name));
		rpc_js_filled(b, "phone", filled(p->phone));
	} else {
		rpc_js_filled(b, "title", filled(p->name));
	}
	rpc_js_filled(b, "username", filled(p->username));
	rpc_js_true(b, "premium", p->premium);
	rpc_js_true(b, "verified", p->verified);
	rpc_js_true(b, "deleted", p->deleted);
	rpc_js_true(b, "forum", p->forum);
	rpc_js_close(b, '}');
}

void rpc_known_peer(struct rpc_account *a, enum tg_peer_kind kind, int64_t id, struct tg_peer *ret)
{
	if (tg_peer_get(a->tg, kind, id, ret) != 0)
		*ret = (struct tg_peer){.kind = kind, .id = id};
}

void rpc_shape_id(struct tl_buf *b, const char *key, struct rpc_account *a, enum tg_peer_kind kind,
		  int64_t id)
{
	struct tg_peer p;

	rpc_known_peer(a, kind, id, &p);
	rpc_shape_known(b, key, &p);
}

static bool split_peer(const struct tl_obj *peer, enum tg_peer_kind *ret_kind, int64_t *ret_id)
{
	if (peer && peer->ctor == TL_peerUser) {
		*ret_kind = TG_PEER_USER;
		*ret_id = ((const struct tl_peerUser *)peer)->user_id;
	} else if (peer && peer->ctor == TL_peerChat) {
		*ret_kind = TG_PEER_CHAT;
		*ret_id = ((const struct tl_peerChat *)peer)->chat_id;
	} else if (peer && peer->ctor == TL_peerChannel) {
		*ret_kind = TG_PEER_CHANNEL;
		*ret_id = ((const struct tl_peerChannel *)peer)->channel_id;
	} else {
		return false;
	}
	return true;
}

int64_t rpc_marked(const struct tl_obj *peer)
{
	struct tg_peer p = {0};

	return split_peer(peer, &p.kind, &p.id) ? tg_peer_marked(&p) : 0;
}

void rpc_shape_peer(struct tl_buf *b, const char *key, struct rpc_account *a,
		    const struct tl_obj *peer)
{
	enum tg_peer_kind kind;
	int64_t id;

	if (split_peer(peer, &kind, &id))
		rpc_shape_id(b, key, a, kind, id);
}

static void write_status(struct tl_buf *b, const struct tl_obj *status)
{
	if (!status || status->ctor == TL_userStatusEmpty)
		return;
	rpc_snake(b, "status", status->ctor, "userStatus", "");
	if (status->ctor == TL_userStatusOffline)
		rpc_js_int(b, "last_seen",
			   ((const struct tl_userStatusOffline *)status)->was_online);
}

void rpc_shape_user(struct tl_buf *b, const char *key, const struct tl_obj *user)
{
	const struct tl_user *u = (const struct tl_user *)user;

	rpc_js_open(b, key, '{');
	if (user->ctor != TL_user) {
		int64_t id = 0;

		if (tl_field_int(&tl_api, user, "id", &id))
			rpc_js_int(b, "id", id);
		rpc_js_text(b, "type", "user");
		rpc_js_close(b, '}');
		return;
	}
	rpc_js_int(b, "id", u->id);
	rpc_js_text(b, "type", u->bot ? "bot" : "user");
	write_title(b, u->first_name, u->last_name);
	rpc_js_filled(b, "first_name", u->first_name);
	rpc_js_filled(b, "last_name", u->last_name);
	rpc_js_filled(b, "username", u->username);
	rpc_js_filled(b, "phone", u->phone);
	rpc_js_filled(b, "lang_code", u->lang_code);
	rpc_js_true(b, "self", u->self);
	rpc_js_true(b, "contact", u->contact);
	rpc_js_true(b, "premium", u->premium);
	rpc_js_true(b, "verified", u->verified);
	rpc_js_true(b, "scam", u->scam);
	rpc_js_true(b, "fake", u->fake);
	rpc_js_true(b, "deleted", u->deleted);
	rpc_js_true(b, "restricted", u->restricted);
	write_status(b, u->status);
	rpc_js_close(b, '}');
}

/* ---- peers on the way out -------------------------------------------------------------------- */
struct tg_peer rpc_seen_chat(const struct tg_peer *p)
{
	return (struct tg_peer){.kind = p->seen_kind,
				.id = p->seen_chat,
				.access_hash = p->seen_hash,
				.has_hash = true};
}

static struct tl_obj *input_seen(struct tl_arena *arena, const struct tg_peer *p, unsigned ctor)
{
	struct tl_inputPeerUserFromMessage *m = tl_arena_alloc(arena, sizeof *m);
	struct tg_peer chat = rpc_seen_chat(p);

	_Static_assert(sizeof(struct tl_inputPeerUserFromMessage) ==
				       sizeof(struct tl_inputUserFromMessage) &&
			       sizeof(struct tl_inputPeerUserFromMessage) ==
				       sizeof(struct tl_inputPeerChannelFromMessage),
		       "what was seen is named alike");
	if (!m)
		return NULL;
	m->obj.ctor = (uint16_t)ctor;
	m->peer = rpc_input_peer(arena, &chat);
	m->msg_id = p->seen_in;
	m->user_id = p->id;
	return m->peer ? &m->obj : NULL;
}

struct tl_obj *rpc_input_peer(struct tl_arena *arena, const struct tg_peer *p)
{
	struct tl_inputPeerUser *u = tl_arena_alloc(arena, sizeof *u);
	struct tl_inputPeerChat *c = (struct tl_inputPeerChat *)u;
	struct tl_inputPeerChannel *n = (struct tl_inputPeerChannel *)u;

	_Static_assert(sizeof *n <= sizeof *u && sizeof *c <= sizeof *u, "one size for all");
	if (!u)
		return NULL;
	switch (p->kind) {
	case TG_PEER_SELF:
		u->obj.ctor = TL_inputPeerSelf;
		break;
	case TG_PEER_USER:
		if (p->seen_in)
			return input_seen(arena, p, TL_inputPeerUserFromMessage);
		u->obj.ctor = TL_inputPeerUser;
		u->user_id = p->id;
		u->access_hash = p->access_hash;
		break;
	case TG_PEER_CHAT:
		c->obj.ctor = TL_inputPeerChat;
		c->chat_id = p->id;
		break;
	case TG_PEER_CHANNEL:
		if (p->seen_in)
			return input_seen(arena, p, TL_inputPeerChannelFromMessage);
		n->obj.ctor = TL_inputPeerChannel;
		n->channel_id = p->id;
		n->access_hash = p->access_hash;
		break;
	case TG_PEER_NONE:
		u->obj.ctor = TL_inputPeerEmpty;
		break;
	}
	return &u->obj;
}

struct tl_obj *rpc_input_user(struct tl_arena *arena, const struct tg_peer *p)
{
	struct tl_inputUser *u;

	if (p->kind == TG_PEER_USER && p->seen_in)
		return input_seen(arena, p, TL_inputUserFromMessage);
	u = tl_arena_alloc(arena, sizeof *u);
	if (!u)
		return NULL;
	u->obj.ctor = p->kind == TG_PEER_SELF ? TL_inputUserSelf : TL_inputUser;
	u->user_id = p->kind == TG_PEER_SELF ? 0 : p->id;
	u->access_hash = p->kind == TG_PEER_SELF ? 0 : p->access_hash;
	return &u->obj;
}

/* ---- small parts ----------------------------------------------------------------------------- */
void rpc_snake(struct tl_buf *b, const char *key, unsigned ctor, const char *prefix,
	       const char *suffix)
{
	const char *name = tl_name(&tl_api, ctor);
	size_t n, skip = strlen(prefix), cut = strlen(suffix);

	if (!name)
		name = "unknown";
	if (strncmp(name, prefix, skip) == 0)
		name += skip;
	n = strlen(name);
	if (cut && n > cut && strcmp(name + n - cut, suffix) == 0)
		n -= cut;
	rpc_js_key(b, key);
	tl_put_u8(b, '"');
	for (size_t i = 0; i < n; i++) {
		bool upper = name[i] >= 'A' && name[i] <= 'Z';
		bool run = i && name[i - 1] >= 'A' && name[i - 1] <= 'Z';

		if (upper && i && !run)
			tl_put_u8(b, '_');
		tl_put_u8(b, (uint8_t)(upper ? name[i] + 32 : name[i]));
	}
	tl_put_u8(b, '"');
}

static bool is_utf8(struct tl_str s)
{
	const uint8_t *p = (const uint8_t *)s.data, *end = p + s.len;

	while (p < end) {
		unsigned n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

		if (!n || *p > 0xf4 || (size_t)(end - p) < n)
			return false;
		for (unsigned i = 1; i < n; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return false;
		p += n;
	}
	return true;
}

void rpc_shape_bytes(struct tl_buf *b, const char *key, const char *key64, struct tl_str bytes)
{
	if (!bytes.data)
		return;
	if (is_utf8(bytes))
		rpc_js_str(b, key, bytes);
	rpc_js_key(b, key64);
	tl_js_base64(b, bytes.data, bytes.len);
}

static void write_reaction(struct tl_buf *b, const struct tl_obj *r)
{
	if (r->ctor == TL_reactionEmoji)
		rpc_js_str(b, "emoji", ((const struct tl_reactionEmoji *)r)->emoticon);
	else if (r->ctor == TL_reactionCustomEmoji)
		rpc_js_long(b, "custom_emoji",
			    ((const struct tl_reactionCustomEmoji *)r)->document_id);
	else
		rpc_snake(b, "type", r->ctor, "reaction", "");
}

void rpc_shape_reactions(struct tl_buf *b, const char *key, const struct tl_vec *reactions)
{
	struct tl_obj *const *list = reactions->items;

	rpc_js_open(b, key, '[');
	for (uint32_t i = 0; i < reactions->count; i++) {
		const struct tl_reactionCount *n = (const struct tl_reactionCount *)list[i];

		rpc_js_open(b, NULL, '{');
		if (list[i]->ctor == TL_reactionCount) {
			if (n->reaction)
				write_reaction(b, n->reaction);
			rpc_js_int(b, "count", n->count);
			rpc_js_true(b, "chosen", n->has_chosen_order);
		} else {
			write_reaction(b, list[i]);
		}
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
}
