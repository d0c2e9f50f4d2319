/* From a peer as people write it to the one the account knows; over the network when it must be. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/outcome.h"
#include "daemon/raw.h"
#include "daemon/shape.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NAMED 64 /* bytes of a peer that a refusal repeats */

/* What the network has told for this call; in its arena. */
struct rpc_known {
	struct rpc_known *next;
	struct tg_peer_query query;
	struct tg_peer peer;
};

static bool same(const struct tg_peer_query *a, const struct tg_peer_query *b)
{
	return a->form == b->form && a->kind == b->kind && a->id == b->id &&
	       strcmp(a->text, b->text) == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */
static int syntax(struct rpc_call *c, const char *field, const char *text)
{
	rpc_hint(c, "\"@name\", \"me\", a marked id, \"user:1\", a t.me link, a phone with +, or a "
		    "TL object");
	return rpc_problem(c, -TG_E_PEER_SYNTAX, field, "%s", text);
}

static bool member_int(const json_t *o, const char *key, int64_t *ret)
{
	return rpc_json_int(json_object_get(o, key), ret);
}

/* A TL object that names a peer. ret_hash: it brings its access hash. */
static bool from_tl(const json_t *o, struct tg_peer_query *q, struct tg_peer *ret, bool *ret_hash)
{
	const char *name = json_string_value(json_object_get(o, "_"));

	*ret_hash = false;
	memset(q, 0, sizeof *q);
	if (!name)
		return false;
	if (strcmp(name, "inputPeerSelf") == 0 || strcmp(name, "inputUserSelf") == 0) {
		q->form = TG_FORM_SELF;
		return true;
	}
	q->form = TG_FORM_ID;
	if (member_int(o, "user_id", &q->id))
		q->kind = TG_PEER_USER;
	else if (member_int(o, "chat_id", &q->id))
		q->kind = TG_PEER_CHAT;
	else if (member_int(o, "channel_id", &q->id))
		q->kind = TG_PEER_CHANNEL;
	else
		return false;
	*ret = (struct tg_peer){.kind = q->kind, .id = q->id};
	*ret_hash = member_int(o, "access_hash", &ret->access_hash) && ret->access_hash;
	ret->has_hash = *ret_hash;
	return true;
}

static int read_text(struct rpc_call *c, const char *field, struct tl_str text,
		     struct tg_peer_query *q)
{
	return tg_peer_parse(text, q) == 0
		       ? 0
		       : syntax(c, field, text.len ? "this is no peer" : "an empty peer");
}

static int read_query(struct rpc_call *c, const char *field, const json_t *v,
		      struct tg_peer_query *q, struct tg_peer *ret, bool *ret_hash)
{
	int64_t id;

	*ret_hash = false;
	if (json_is_string(v))
		return read_text(
			c, field,
			(struct tl_str){json_string_value(v), (uint32_t)json_string_length(v)}, q);
	if (json_is_integer(v))
		return tg_peer_parse_id(json_integer_value(v), q) == 0
			       ? 0
			       : syntax(c, field, "no peer has this id");
	if (from_tl(v, q, ret, ret_hash))
		return 0;
	if (!json_object_get(v, "_") && member_int(v, "id", &id) && tg_peer_parse_id(id, q) == 0) {
		const char *type = json_string_value(json_object_get(v, "type"));

		if (q->kind == TG_PEER_NONE && type && strcmp(type, "user") == 0)
			q->kind = TG_PEER_USER;
		return 0;
	}
	return syntax(c, field, "this object names no peer");
}

/* ---- finding --------------------------------------------------------------------------------- */
/* Who is not there, as it was asked for; an invitation is not told on. */
static int not_found(struct rpc_call *c, const char *field, const struct tg_peer_query *q)
{
	static const char *const marks[] = {[TG_FORM_USERNAME] = "@",
					    [TG_FORM_PHONE] = "+",
					    [TG_FORM_INVITE] = NULL,
					    [TG_FORM_TITLE] = "title:"};
	size_t n = strlen(q->text), cut = n > NAMED ? NAMED : n;

	while (cut < n && cut && ((uint8_t)q->text[cut] & 0xc0) == 0x80)
		cut--;
	if (!cut || q->form >= sizeof marks / sizeof *marks || !marks[q->form])
		return rpc_problem(c, -TG_E_PEER_NOT_FOUND, field, NULL);
	return rpc_problem(c, -TG_E_PEER_NOT_FOUND, field, "no such peer: %s%.*s%s", marks[q->form],
			   (int)cut, q->text, cut < n ? "…" : "");
}

static int refuse(struct rpc_call *c, const char *field, const struct tg_peer_query *q, int err)
{
	switch (-err) {
	case TG_E_PEER_NOT_FOUND:
		return not_found(c, field, q);
	case TG_E_PEER_UNKNOWN:
		rpc_hint(c,
			 "an id can be used once the account has seen it: resolve a @username, or "
			 "fetch dialogs or a common chat first");
		break;
	case TG_E_PEER_AMBIGUOUS:
		rpc_hint(c, "write user:ID, chat:ID or channel:ID");
		break;
	default:
		break;
	}
	return rpc_problem(c, err, field, NULL);
}

static bool cancel_resolve(struct rpc_call *c)
{
	rpc_engine_unlist(c);
	tg_resolve_cancel(c->account->tg, c->number);
	rpc_account_touch(c->account);
	return false;
}

static struct rpc_result resolved(struct rpc_call *c, const struct tg_event *e)
{
	struct rpc_known *k;

	if (e->error) {
		rpc_problem(c, e->error, c->resolving_field, NULL);
		if (e->error == -TG_E_PEER_NOT_FOUND)
			not_found(c, c->resolving_field, c->resolving);
		return rpc_engine_refuse(c, e);
	}
	k = tl_arena_alloc(&c->arena, sizeof *k);
	if (!k)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	k->query = *c->resolving;
	k->peer = *e->peer;
	k->next = c->known;
	c->known = k;
	return rpc_peers_resolve(c);
}

static int ask(struct rpc_call *c, const char *field, const struct tg_peer_query *q)
{
	struct tg_peer_query *copy;
	int err;

	if (++c->resolutions > RPC_MAX_PEERS_CALL) {
		c->problem.limit = "peers_per_call";
		return rpc_problem(c, -TG_E_TOO_LARGE, field, "too many peers in one request");
	}
	copy = tl_arena_copy(&c->arena, q, sizeof *q);
	if (!copy)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	c->resolving = copy;
	snprintf(c->resolving_field, sizeof c->resolving_field, "%s", field ? field : "");
	err = tg_resolve(c->account->tg, q, c->deadline, &c->number, rpc_now());
	if (err)
		return refuse(c, field, q, err);
	c->answered = resolved;
	rpc_engine_list(c);
	rpc_account_touch(c->account);
	return -TG_E_AGAIN;
}

int rpc_peer_value(struct rpc_call *c, const struct json_t *value, struct tl_str text,
		   const char *field, struct tg_peer *ret)
{
	struct tg_peer_query q = {0};
	bool hash = false;
	int err =
		value ? read_query(c, field, value, &q, ret, &hash) : read_text(c, field, text, &q);

	if (err || hash)
		return err;
	for (const struct rpc_known *k = c->known; k; k = k->next) {
		if (same(&k->query, &q)) {
			*ret = k->peer;
			return 0;
		}
	}
	err = tg_peer_find(c->account->tg, &q, ret);
	if (err == -TG_E_AGAIN)
		return ask(c, field, &q);
	if (!err && (ret->kind == TG_PEER_USER || ret->kind == TG_PEER_CHANNEL) && !ret->has_hash &&
	    !ret->seen_in)
		err = -TG_E_PEER_UNKNOWN; /* a hash is never sent as 0 */
	return err ? refuse(c, field, &q, err) : 0;
}

/* ---- the peers of a call --------------------------------------------------------------------- */
static int check_user(struct rpc_call *c, const struct rpc_param *p, const struct tg_peer *peer)
{
	if (p->kind != RPC_K_USER || peer->kind == TG_PEER_USER || peer->kind == TG_PEER_SELF)
		return 0;
	return rpc_problem(c, -TG_E_INVALID_PARAMS, p->name, "%s: a user is wanted, not a %s",
			   p->name, peer->kind == TG_PEER_CHAT ? "group" : "channel");
}

static int fill_args(struct rpc_call *c)
{
	for (unsigned i = 0; i < c->method->param_count; i++) {
		const struct rpc_param *p = &c->method->params[i];
		struct rpc_peer_arg *arg = (struct rpc_peer_arg *)((char *)c->args + p->offset);
		int err;

		if ((p->kind != RPC_K_PEER && p->kind != RPC_K_USER) ||
		    (!arg->value && !arg->text.data) || arg->peer.kind != TG_PEER_NONE)
			continue;
		err = rpc_peer_value(c, arg->value, arg->text, p->name, &arg->peer);
		if (!err)
			err = check_user(c, p, &arg->peer);
		if (err)
			return err;
	}
	return 0;
}

struct rpc_result rpc_peers_resolve(struct rpc_call *c)
{
	int err = 0;

	c->stage = RPC_PREPARING;
	if (c->account && c->args)
		err = fill_args(c);
	if (!err && c->method->peers)
		err = c->method->peers(c);
	if (err == -TG_E_AGAIN)
		return rpc_later(c, cancel_resolve);
	if (err)
		return rpc_refuse(c);
	return rpc_outcome_keep(c);
}
