/* What a client names: InputPeer, InputUser, InputChannel. Access hashes are checked as on the real
 * servers; a bot may leave them 0 for whom it has met. */
#include "tests/sandbox/world.h"

static bool hash_ok(struct sb_world *w, struct sb_user *me, int64_t peer, int64_t hash)
{
	return hash == sb_access_hash(w, me, peer) ||
	       (!hash && me->bot && sb_dialog_find(me, peer));
}

/* The sender of a message that was seen: inputUserFromMessage and its like. */
static bool seen_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *peer, int msg_id,
		    int64_t who)
{
	const char *err;
	int64_t where = sb_peer_in(w, me, peer, &err);
	struct sb_msg *m = where ? sb_msg_in(w, me, where, msg_id) : NULL;

	return m && !me->bot &&
	       ((m->post->from && m->post->from->id == who) || m->peer == who || m->post->forward);
}

static int64_t user_id_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *o)
{
	if (!o)
		return 0;
	if (o->ctor == TL_inputPeerSelf || o->ctor == TL_inputUserSelf)
		return me->id;
	if (o->ctor == TL_inputPeerUser || o->ctor == TL_inputUser) {
		/* Both have user_id and access_hash in the same places. */
		const struct tl_inputUser *u = (const void *)o;

		if (!sb_user(w, u->user_id))
			return 0;
		return u->user_id == me->id || hash_ok(w, me, u->user_id, u->access_hash)
			       ? u->user_id
			       : 0;
	}
	if (o->ctor == TL_inputPeerUserFromMessage || o->ctor == TL_inputUserFromMessage) {
		const struct tl_inputUserFromMessage *u = (const void *)o;

		return sb_user(w, u->user_id) && seen_in(w, me, u->peer, u->msg_id, u->user_id)
			       ? u->user_id
			       : 0;
	}
	return 0;
}

struct sb_user *sb_user_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *user)
{
	return sb_user(w, user_id_in(w, me, user));
}

static bool may_see(const struct sb_chat *c, const struct sb_user *me)
{
	const struct sb_member *m = sb_member(c, me);

	return !c->deleted && (c->username || (m && m->rank >= SB_MEMBER)) &&
	       !(m && m->rank == SB_BANNED);
}

struct sb_chat *sb_channel_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *o,
			      const char **ret_error)
{
	struct sb_chat *c = NULL;
	bool ok = false;

	if (o && (o->ctor == TL_inputChannel || o->ctor == TL_inputPeerChannel)) {
		const struct tl_inputChannel *in = (const void *)o;

		c = sb_chat(w, -SB_CHANNEL_BASE - in->channel_id);
		ok = c && hash_ok(w, me, c->id, in->access_hash);
	} else if (o && (o->ctor == TL_inputChannelFromMessage ||
			 o->ctor == TL_inputPeerChannelFromMessage)) {
		const struct tl_inputChannelFromMessage *in = (const void *)o;

		c = sb_chat(w, -SB_CHANNEL_BASE - in->channel_id);
		ok = c && seen_in(w, me, in->peer, in->msg_id, c->id);
	}
	if (!ok) {
		*ret_error = "CHANNEL_INVALID";
		return NULL;
	}
	if (!may_see(c, me)) {
		*ret_error = "CHANNEL_PRIVATE";
		return NULL;
	}
	return c;
}

int64_t sb_peer_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *peer,
		   const char **ret_error)
{
	struct sb_chat *c;
	int64_t id;

	*ret_error = "PEER_ID_INVALID";
	if (!peer)
		return 0;
	if (peer->ctor == TL_inputPeerChannel || peer->ctor == TL_inputPeerChannelFromMessage) {
		c = sb_channel_in(w, me, peer, ret_error);
		return c ? c->id : 0;
	}
	if (peer->ctor == TL_inputPeerChat) {
		c = sb_chat(w, -((const struct tl_inputPeerChat *)peer)->chat_id);
		return c && !c->channel && sb_member(c, me) ? c->id : 0;
	}
	id = user_id_in(w, me, peer);
	return id;
}
