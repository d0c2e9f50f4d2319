/* Who is named in a message (core.telegram.org/api/updates, "Recovering gaps"; /api/min):
 * strangers, of whom nothing was ever told, and peers that may only be named by the message they
 * were seen in. */
#include "core/account.h"

static bool is_stranger(struct tg_account *a, const struct tl_obj *peer)
{
	enum tg_peer_kind kind;
	struct tg_peer p;
	int64_t id;

	return tg_peer_of(peer, &kind, &id) && tg_peer_get(a, kind, id, &p) == -TG_E_PEER_UNKNOWN;
}

/* Most messages of private chats name one peer twice. */
static bool is_same(const struct tl_obj *x, const struct tl_obj *y)
{
	return x && y && x->ctor == TL_peerUser && y->ctor == TL_peerUser &&
	       ((const struct tl_peerUser *)x)->user_id == ((const struct tl_peerUser *)y)->user_id;
}

static bool is_unknown_user(struct tg_account *a, int64_t id)
{
	struct tl_peerUser user = {{TL_peerUser}, id};

	return is_stranger(a, &user.obj);
}

static bool mentions_stranger(struct tg_account *a, const struct tl_vec *entities)
{
	struct tl_obj *const *list = entities->items;

	for (uint32_t i = 0; i < entities->count; i++)
		if (list[i]->ctor == TL_messageEntityMentionName &&
		    is_unknown_user(a,
				    ((const struct tl_messageEntityMentionName *)list[i])->user_id))
			return true;
	return false;
}

bool tg_names_stranger(struct tg_account *a, const struct tl_obj *update)
{
	const struct tl_obj *o = tl_field_obj(&tl_api, update, "message");
	const struct tl_message *m = (const struct tl_message *)o;
	const struct tl_obj *origin, *from, *chat;

	if (!o || o->ctor == TL_messageEmpty)
		return false;
	from = tl_field_obj(&tl_api, o, "from_id");
	chat = tl_field_obj(&tl_api, o, "peer_id");
	if (is_stranger(a, chat) || (!is_same(from, chat) && is_stranger(a, from)))
		return true;
	if (o->ctor != TL_message)
		return false;
	origin = m->fwd_from ? tl_field_obj(&tl_api, m->fwd_from, "from_id") : NULL;
	return is_stranger(a, origin) || (m->has_via_bot_id && is_unknown_user(a, m->via_bot_id)) ||
	       mentions_stranger(a, &m->entities);
}

/* F.60: a min user or channel is known only by where it was seen. Bots cannot use that. */
void tg_names_seen(struct tg_account *a, const struct tl_obj *update)
{
	const struct tl_obj *o = tl_field_obj(&tl_api, update, "message");
	const struct tl_obj *chat = o ? tl_field_obj(&tl_api, o, "peer_id") : NULL;
	enum tg_peer_kind kind, from_kind;
	int64_t id, from, number;

	if (a->is_bot || !chat || !tg_peer_of(chat, &kind, &id) ||
	    !tl_field_int(&tl_api, o, "id", &number))
		return;
	if (tg_peer_of(tl_field_obj(&tl_api, o, "from_id"), &from_kind, &from) &&
	    (from_kind != kind || from != id))
		tg_peer_seen(a, from_kind, from, kind, id, (int32_t)number);
}
