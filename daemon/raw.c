/* Telegram's own methods on the socket: what may be called, what is filled in, peers at any depth,
 * JSON to TL and back. Keeps nothing but what is in the call. */
#include "daemon/raw.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/messagelink.h"
#include "daemon/outcome.h"
#include "daemon/sent.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what may be called ---------------------------------------------------------------------- */
unsigned rpc_raw_find(struct tl_str name)
{
	unsigned i = tl_by_name(&tl_api, name);

	return i != TL_NONE && tl_is_method(&tl_api, i) ? i : TL_NONE;
}

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

enum rpc_role rpc_raw_role(const char *name)
{
	static const char *const reading[] = {"get", "search", "resolve", "check"};
	const char *dot = strchr(name, '.'), *own = dot ? dot + 1 : name;

	if (begins(name, "help."))
		return RPC_READ;
	for (unsigned i = 0; i < sizeof reading / sizeof reading[0]; i++)
		if (begins(own, reading[i]))
			return RPC_READ;
	return begins(name, "messages.") || begins(name, "upload.") ? RPC_SEND : RPC_ADMIN;
}

/* Methods that would pull the session from under the daemon, and what does their work. */
static const char *refusal(unsigned tl, const char *name)
{
	static const struct {
		const char *name, *hint;
	} rows[] = {
		{"auth.logOut", "sign_out does this"},
		{"auth.importBotAuthorization",
		 "login {\"method\":\"bot\"} or bot_sign_in does this"},
		{"auth.sendCode", "login {\"method\":\"phone\"} does this"},
		{"auth.resendCode", "resend_code does this"},
		{"auth.cancelCode", "login_cancel does this"},
		{"auth.signIn", "login_submit {\"code\":…} does this"},
		{"auth.signUp", "login_submit {\"first_name\":…} does this"},
		{"auth.checkPassword", "login_submit {\"password\":…} does this"},
		{"auth.recoverPassword",
		 "recover_password and login_submit {\"email_code\":…} do this"},
		{"auth.exportLoginToken", "login {\"method\":\"qr\"} does this"},
		{"auth.importLoginToken", "login {\"method\":\"qr\"} does this"},
		{"auth.bindTempAuthKey", "keys are the daemon's business"},
		{"auth.importAuthorization", "name the data centre with invoke {\"dc_id\":…}"},
		{"auth.dropTempAuthKeys", "keys are the daemon's business"},
		{"initConnection", "the daemon wraps calls by itself"},
	};

	if (tl_is_service(&tl_api, tl))
		return "the daemon speaks MTProto's service messages by itself";
	if (begins(name, "invokeWith") || begins(name, "invokeAfter"))
		return "the daemon wraps calls by itself";
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].hint;
	return NULL;
}

/* These work without a login (core.telegram.org/api/auth, "methods that need no authorization"). */
static bool without_login(const char *name)
{
	return begins(name, "help.") || begins(name, "langpack.");
}

int rpc_raw_check(struct rpc_call *c, unsigned tl)
{
	const char *name = tl_name(&tl_api, tl), *hint = refusal(tl, name);
	enum rpc_role role = rpc_raw_role(name);

	c->tl = tl;
	if (hint) {
		rpc_hint(c, "%s", hint);
		return rpc_problem(c, -TG_E_NOT_PERMITTED, NULL, "%s is not callable", name);
	}
	if (rpc_check_role(c, role) != 0)
		return -TG_E_NOT_PERMITTED;
	c->flags = RPC_RAW | RPC_WAITS | RPC_ACCOUNT;
	if (role != RPC_READ)
		c->flags |= RPC_SENDS;
	if (tl_has_field(&tl_api, tl, "random_id") || tl_has_field(&tl_api, tl, "multi_media"))
		c->flags |= RPC_KEYED;
	c->any_state = without_login(name);
	if (!c->any_state)
		c->flags |= RPC_LOGGED_IN;
	return rpc_key_check(c);
}

static int prepare(struct rpc_call *c)
{
	int err = rpc_raw_check(c, c->tl);

	if (err)
		return err;
	if (!c->params)
		c->params = json_object();
	if (!c->params)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	/* the common parameters' strings live on: the call's tree keeps them */
	c->raw_params = c->state_json = json_copy(c->params);
	if (!c->raw_params)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	for (unsigned i = 0; i < rpc_common_count; i++)
		if (!tl_has_field(&tl_api, c->tl, rpc_common_params[i].name))
			json_object_del(c->raw_params, rpc_common_params[i].name);
	return 0;
}

/* ---- peers ----------------------------------------------------------------------------------- */
enum want { WANT_NONE, WANT_PEER, WANT_USER, WANT_CHANNEL, WANT_DIALOG, WANT_MESSAGE, WANT_SINGLE };

static enum want want_of(const char *type)
{
	static const struct {
		const char *type;
		enum want want;
	} rows[] = {{"InputPeer", WANT_PEER},       {"InputUser", WANT_USER},
		    {"InputChannel", WANT_CHANNEL}, {"InputDialogPeer", WANT_DIALOG},
		    {"InputMessage", WANT_MESSAGE}, {"InputSingleMedia", WANT_SINGLE}};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].type, type) == 0)
			return rows[i].want;
	return WANT_NONE;
}

/* Text, a number, a shape, a Peer, or an InputPeer without its access hash. */
static bool is_loose(const json_t *v)
{
	const char *name = json_string_value(json_object_get(v, "_"));

	if (json_is_string(v) || json_is_integer(v))
		return true;
	if (!name)
		return json_is_object(v) && json_object_get(v, "id");
	if (begins(name, "peer"))
		return true;
	return (strcmp(name, "inputPeerUser") == 0 || strcmp(name, "inputUser") == 0 ||
		strcmp(name, "inputPeerChannel") == 0 || strcmp(name, "inputChannel") == 0) &&
	       !json_object_get(v, "access_hash");
}

static json_t *input_json(enum want want, const struct tg_peer *p);

static json_t *with_hash(const char *name, const char *key, const struct tg_peer *p)
{
	char hash[24];

	if (p->seen_in) {
		struct tg_peer chat = rpc_seen_chat(p);

		return json_pack("{s:s+,s:o,s:i,s:I}", "_", name, "FromMessage", "peer",
				 input_json(WANT_PEER, &chat), "msg_id", p->seen_in, key,
				 (json_int_t)p->id);
	}
	snprintf(hash, sizeof hash, "%lld", (long long)p->access_hash);
	return json_pack("{s:s,s:I,s:s}", "_", name, key, (json_int_t)p->id, "access_hash", hash);
}

static json_t *input_json(enum want want, const struct tg_peer *p)
{
	bool user = p->kind == TG_PEER_USER || p->kind == TG_PEER_SELF;

	if (want == WANT_USER ? !user : want == WANT_CHANNEL && p->kind != TG_PEER_CHANNEL)
		return NULL;
	switch (p->kind) {
	case TG_PEER_SELF:
		return json_pack("{s:s}", "_",
				 want == WANT_USER ? "inputUserSelf" : "inputPeerSelf");
	case TG_PEER_USER:
		return with_hash(want == WANT_USER ? "inputUser" : "inputPeerUser", "user_id", p);
	case TG_PEER_CHANNEL:
		return with_hash(want == WANT_CHANNEL ? "inputChannel" : "inputPeerChannel",
				 "channel_id", p);
	case TG_PEER_CHAT:
		return json_pack("{s:s,s:I}", "_", "inputPeerChat", "chat_id", (json_int_t)p->id);
	case TG_PEER_NONE:
		break;
	}
	return NULL;
}

static json_t *resolve(struct rpc_call *c, enum want want, const json_t *v, const char *path,
		       int *err)
{
	struct tg_peer p;
	json_t *out;

	*err = rpc_peer_value(c, v, (struct tl_str){NULL, 0}, path, &p);
	if (*err)
		return NULL;
	out = input_json(want, &p);
	if (!out)
		*err = rpc_problem(c, -TG_E_INVALID_PARAMS, path, "%s: %s is wanted here", path,
				   want == WANT_USER ? "a user" : "a channel or supergroup");
	else if (want == WANT_DIALOG)
		out = json_pack("{s:s,s:o}", "_", "inputDialogPeer", "peer", out);
	return out;
}

static json_t *decimal(int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)n);
	return json_string(text);
}

/* A message's id, or its link; what chat the link names is the call's own affair. */
static json_t *message_json(struct rpc_call *c, const json_t *v)
{
	struct tl_str text = {json_string_value(v), (uint32_t)json_string_length(v)}, chat;
	int64_t id;

	if (!rpc_json_int(v, &id) && (!text.data || !rpc_message_link(text, &c->arena, &chat, &id)))
		return NULL;
	return json_pack("{s:s,s:I}", "_", "inputMessageID", "id", (json_int_t)id);
}

static json_t *visit(void *ctx, const char *type, json_t *v, const char *path, int *err)
{
	struct rpc_call *c = ctx;
	enum want want = want_of(type);

	switch (want) {
	case WANT_NONE:
		return NULL;
	case WANT_SINGLE: /* album parts have random ids of their own */
		c->parts++;
		if (json_is_object(v) && !json_object_get(v, "random_id")) {
			c->own_random = true;
			json_object_set_new(v, "random_id", decimal(rpc_random_id(c, c->parts)));
		}
		return NULL;
	case WANT_MESSAGE:
		return message_json(c, v);
	case WANT_PEER:
	case WANT_USER:
	case WANT_CHANNEL:
	case WANT_DIALOG:
		break;
	}
	return is_loose(v) ? resolve(c, want, v, path, err) : NULL;
}

int rpc_raw_peers(struct rpc_call *c)
{
	struct tl_visitor v = {visit, c};

	if (!c->raw_params)
		return 0;
	c->parts = 0;
	return tl_json_walk(&tl_api, c->tl, c->raw_params, &v);
}

/* ---- what may be left out -------------------------------------------------------------------- */
uint64_t rpc_chain(const struct rpc_call *c, int64_t chat)
{
	uint64_t h = (c->conn ? c->conn->id : 0) * 0x9e3779b97f4a7c15u;

	h ^= (uint64_t)chat + 0x7f4a7c15u + (h << 6) + (h >> 2);
	return h ? h : 1;
}

int64_t rpc_random_id(const struct rpc_call *c, unsigned part)
{
	struct tl_str key = c->common.idempotency_key;
	uint8_t hash[32];
	struct tl_buf b = {0};
	int64_t id = 0;

	if (!key.data) {
		rpc_random(NULL, &id, sizeof id);
		return id;
	}
	tl_put_u64(&b, (uint64_t)tg_account_self(c->account->tg)); /* whatever its alias */
	tl_put_text(&b, rpc_call_name(c));
	tl_put_u8(&b, 0);
	tl_put(&b, key.data, key.len);
	tl_put_u32(&b, part);
	mt_sha256(hash, b.data, b.len, NULL, 0);
	tl_buf_free(&b);
	memcpy(&id, hash, sizeof id);
	return id;
}

static json_t *fill(void *ctx, const char *field, const char *type)
{
	struct rpc_call *c = ctx;
	size_t n;
	json_t *list;

	if (strcmp(field, "hash") == 0)
		return json_integer(0);
	if (strcmp(field, "offset_peer") == 0 && strcmp(type, "InputPeer") == 0)
		return json_pack("{s:s}", "_", "inputPeerEmpty");
	if (strcmp(field, "random_id") != 0)
		return NULL;
	c->own_random = true;
	if (strcmp(type, "long") == 0)
		return decimal(rpc_random_id(c, 0));
	if (strcmp(type, "int") == 0)
		return json_integer((int32_t)rpc_random_id(c, 0));
	n = json_array_size(json_object_get(c->raw_params, "id"));
	list = json_array();
	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, decimal(rpc_random_id(c, (unsigned)i)));
	return list;
}

/* ---- there and back -------------------------------------------------------------------------- */
static int64_t chat_of(const struct rpc_call *c, const json_t *peer)
{
	const char *name = json_string_value(json_object_get(peer, "_"));
	struct tg_peer p = {0};
	int64_t id;

	if (name && strcmp(name, "inputPeerSelf") == 0)
		return tg_account_self(c->account->tg);
	if (rpc_json_int(json_object_get(peer, "user_id"), &id))
		p = (struct tg_peer){.kind = TG_PEER_USER, .id = id};
	else if (rpc_json_int(json_object_get(peer, "chat_id"), &id))
		p = (struct tg_peer){.kind = TG_PEER_CHAT, .id = id};
	else if (rpc_json_int(json_object_get(peer, "channel_id"), &id))
		p = (struct tg_peer){.kind = TG_PEER_CHANNEL, .id = id};
	else
		return 0;
	return tg_peer_marked(&p);
}

static struct rpc_result answered(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_buf *b = rpc_begin(c);
	struct tl_cursor in = tl_cursor(e->data, e->n);
	bool truncated = false; /* the text says so itself */
	size_t limit = b->limit;
	int err;

	/* a few bytes of flags may be some hundred of JSON: what nobody gets is not written */
	b->limit = b->len + RPC_MAX_RESULT + 1;
	err = tl_to_json(&tl_api, e->method, &in, b, tg_harvest(c->account->tg), &truncated);
	b->limit = limit;
	if (err == -TG_E_TOO_LARGE)
		return rpc_too_large(c);
	if (err)
		return rpc_fail(c, err, "the answer cannot be read");
	return rpc_end(c);
}

/* What the schema says, unless the word is one of ours: in the wrong place, or misspelt. */
static void hint_field(struct rpc_call *c, const struct tl_refusal *why)
{
	bool unknown = json_object_get(c->raw_params, why->path) &&
		       !tl_has_field(&tl_api, c->tl, why->path);

	for (unsigned i = 0; unknown && i < rpc_common_count; i++) {
		if (strcmp(rpc_common_params[i].name, why->path) != 0)
			continue;
		rpc_hint(c, "%s belongs beside params", why->path);
		return;
	}
	if (why->hint[0])
		rpc_hint(c, "%s", why->hint);
	else if (unknown)
		rpc_near_param(c->method, tl_str(why->path), c->problem.hint,
			       sizeof c->problem.hint);
}

int rpc_raw_encode(struct rpc_call *c)
{
	struct tl_refusal why = {0};
	int err = tl_json_defaults(&tl_api, c->tl, c->raw_params, fill, c);

	if (!err)
		err = tl_from_json(&tl_api, c->tl, c->raw_params, &c->body, &why);
	if (!err)
		return c->own_random || (c->outcome && c->outcome->repeated) ? rpc_sent_note(c) : 0;
	if (err != -TG_E_NOMEM && err != -TG_E_TOO_LARGE)
		err = -TG_E_INVALID_PARAMS;
	hint_field(c, &why);
	return rpc_problem(c, err, why.path, "%s%s%s", why.path, why.path[0] ? ": " : "", why.text);
}

struct rpc_result rpc_raw_run(struct rpc_call *c)
{
	const json_t *peer;

	if (rpc_raw_encode(c) != 0)
		return rpc_refuse(c);
	peer = rpc_sent_target(c);
	if (c->flags & RPC_SENDS && peer)
		c->chain = rpc_chain(c, chat_of(c, peer));
	return rpc_engine_call(c, c->tl, c->dc, answered);
}

const struct rpc_method rpc_raw_method = {.name = "telegram",
					  .flags = RPC_RAW | RPC_WAITS | RPC_ACCOUNT,
					  .prepare = prepare,
					  .peers = rpc_raw_peers,
					  .run = rpc_raw_run};
