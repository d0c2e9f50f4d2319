/* Calling Telegram's methods by name or in bytes, and the codec as a service. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/nearest.h"
#include "daemon/raw.h"
#include "tl_schema.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MAX_DC 1000

static int dc_of(struct rpc_call *c, int64_t dc)
{
	if (dc == RPC_NONE)
		return 0;
	if (dc < 1 || dc > MAX_DC)
		return rpc_problem(c, -TG_E_INVALID_PARAMS, "dc_id",
				   "dc_id is the number of a data centre");
	c->dc = (int)dc;
	return 0;
}

/* ---- invoke ---------------------------------------------------------------------------------- */
struct invoke_args {
	struct tl_str method;
	struct json_t *params;
	int64_t dc_id;
	bool takeout;
	int64_t from, to;
};
static const struct rpc_param invoke_params[] = {
	{"method", RPC_K_STRING, true, NULL, offsetof(struct invoke_args, method), NULL,
	 "name in Telegram's documentation, like messages.getHistory"},
	{"params", RPC_K_OBJECT, false, NULL, offsetof(struct invoke_args, params), NULL,
	 "its parameters"},
	{"dc_id", RPC_K_INT, false, NULL, offsetof(struct invoke_args, dc_id), NULL,
	 "data centre; left out: the account's"},
	{"takeout", RPC_K_BOOL, false, "false", offsetof(struct invoke_args, takeout), NULL,
	 "inside the export that account.initTakeoutSession began"},
	{"min_id", RPC_K_INT, false, NULL, offsetof(struct invoke_args, from), NULL,
	 "with takeout: first message of the range (messages.getSplitRanges)"},
	{"max_id", RPC_K_INT, false, NULL, offsetof(struct invoke_args, to), NULL,
	 "with takeout: last message of the range"},
};

static void hint_name(struct rpc_call *c, struct tl_str name, bool method)
{
	struct rpc_nearest near = rpc_nearest(name);

	for (unsigned i = 1; i <= tl_ctor_count(&tl_api); i++)
		if (!method || tl_is_method(&tl_api, i))
			rpc_nearest_try(&near, tl_name(&tl_api, i));
	if (near.best)
		rpc_hint(c, "did you mean %s?", near.best);
}

static int no_method(struct rpc_call *c, struct tl_str name)
{
	hint_name(c, name, true);
	return rpc_problem(c, -TG_E_INVALID_PARAMS, "method", "Telegram has no method %.*s",
			   (int)(name.len > 100 ? 100 : name.len), name.data);
}

/* The range is of use inside an export only. */
static int takeout_of(struct rpc_call *c, const struct invoke_args *a)
{
	int64_t from = a->from == RPC_NONE ? 0 : a->from, to = a->to == RPC_NONE ? 0 : a->to;

	if ((from || to) && (!a->takeout || from < 0 || to < 1 || from > to || to > INT32_MAX))
		return rpc_problem(c, -TG_E_INVALID_PARAMS, "max_id",
				   "a range of message ids goes with takeout");
	c->takeout = a->takeout;
	c->range_from = (int)from;
	c->range_to = (int)to;
	return 0;
}

static int invoke_prepare(struct rpc_call *c)
{
	const struct invoke_args *a = c->args;
	unsigned tl = rpc_raw_find(a->method);
	int err = dc_of(c, a->dc_id);

	if (err)
		return err;
	if (tl == TL_NONE)
		return no_method(c, a->method);
	err = takeout_of(c, a);
	if (err)
		return err;
	c->raw_params = c->state_json = a->params ? json_incref(a->params) : json_object();
	if (!c->raw_params)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	return rpc_raw_check(c, tl);
}

/* ---- invoke_raw ------------------------------------------------------------------------------ */
struct bytes_args {
	struct tl_str bytes;
	int64_t dc_id;
	struct tl_obj *call; /* the same, read */
};
static const struct rpc_param bytes_params[] = {
	{"bytes", RPC_K_BYTES, true, NULL, offsetof(struct bytes_args, bytes), NULL,
	 "a serialised call in base64"},
	{"dc_id", RPC_K_INT, false, NULL, offsetof(struct bytes_args, dc_id), NULL,
	 "data centre; left out: the account's"},
};

static int unreadable(struct rpc_call *c, const char *what)
{
	return rpc_problem(c, -TG_E_INVALID_PARAMS, "bytes", "%s", what);
}

static int bytes_prepare(struct rpc_call *c)
{
	struct bytes_args *a = c->args;
	struct tl_cursor in = tl_cursor(a->bytes.data, a->bytes.len);
	unsigned tl = tl_by_id(&tl_api, tl_peek_u32(&in));
	int err = dc_of(c, a->dc_id);

	if (err)
		return err;
	if (tl == TL_NONE || !tl_is_method(&tl_api, tl))
		return unreadable(c, "the bytes do not begin with a method of this layer");
	if (tl_decode(&tl_api, &c->arena, &in, &a->call, NULL) != 0)
		return unreadable(c, "the call cannot be read");
	if (tl_left(&in))
		return unreadable(c, "something follows the call");
	return rpc_raw_check(c, tl);
}

static struct rpc_result bytes_answered(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_key(b, "bytes");
	tl_js_base64(b, e->data, e->n);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static int64_t chat_of(const struct rpc_call *c, const struct tl_obj *peer)
{
	struct tg_peer p = {0};

	if (peer->ctor == TL_inputPeerSelf)
		return tg_account_self(c->account->tg);
	if (tl_field_int(&tl_api, peer, "user_id", &p.id))
		p.kind = TG_PEER_USER;
	else if (tl_field_int(&tl_api, peer, "chat_id", &p.id))
		p.kind = TG_PEER_CHAT;
	else if (tl_field_int(&tl_api, peer, "channel_id", &p.id))
		p.kind = TG_PEER_CHANNEL;
	return tg_peer_marked(&p);
}

static struct rpc_result bytes_run(struct rpc_call *c)
{
	const struct bytes_args *a = c->args;
	const struct tl_obj *peer = tl_field_obj(&tl_api, a->call, "to_peer");

	if (!peer)
		peer = tl_field_obj(&tl_api, a->call, "peer");
	if (c->flags & RPC_SENDS && peer)
		c->chain = rpc_chain(c, chat_of(c, peer));
	tl_put(&c->body, a->bytes.data, a->bytes.len);
	return rpc_engine_call(c, c->tl, c->dc, bytes_answered);
}

/* ---- tl_encode, tl_decode -------------------------------------------------------------------- */
struct encode_args {
	struct json_t *value;
};
static const struct rpc_param encode_params[] = {
	{"value", RPC_K_OBJECT, true, NULL, offsetof(struct encode_args, value), NULL,
	 "an object or a call, with its name in \"_\""},
};

static struct rpc_result encode(struct rpc_call *c)
{
	const struct encode_args *a = c->args;
	struct tl_refusal why = {0};
	const char *name;
	struct tl_buf *b;
	int err = tl_from_json(&tl_api, 0, a->value, &c->body, &why);

	if (err) {
		rpc_problem(c, err == -TG_E_NOMEM ? err : -TG_E_INVALID_PARAMS, why.path, "%s",
			    why.text);
		name = json_string_value(json_object_get(a->value, "_"));
		if (why.hint[0])
			rpc_hint(c, "%s", why.hint);
		else if (name && tl_by_name(&tl_api, tl_str(name)) == TL_NONE)
			hint_name(c, tl_str(name), false);
		return rpc_refuse(c);
	}
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_key(b, "bytes");
	tl_js_base64(b, c->body.data, c->body.len);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

struct decode_args {
	struct tl_str bytes, method;
};
static const struct rpc_param decode_params[] = {
	{"bytes", RPC_K_BYTES, true, NULL, offsetof(struct decode_args, bytes), NULL,
	 "TL in base64"},
	{"method", RPC_K_STRING, false, NULL, offsetof(struct decode_args, method), NULL,
	 "the bytes are this method's answer; left out: any object"},
};

static struct rpc_result decode(struct rpc_call *c)
{
	const struct decode_args *a = c->args;
	struct tl_cursor in = tl_cursor(a->bytes.data, a->bytes.len);
	unsigned tl = a->method.data ? rpc_raw_find(a->method) : TL_NONE;
	bool truncated = false;
	struct tl_buf *b;
	int err;

	if (a->method.data && tl == TL_NONE) {
		no_method(c, a->method);
		return rpc_refuse(c);
	}
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_key(b, "value");
	err = tl_to_json(&tl_api, tl, &in, b, NULL, &truncated);
	if (err || tl_left(&in)) {
		unreadable(c, err ? "the bytes cannot be read" : "something follows the object");
		return rpc_refuse(c);
	}
	rpc_js_true(b, "truncated", truncated);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- cache_peers ----------------------------------------------------------------------------- */
struct cache_args {
	struct json_t *users, *chats;
};
static const struct rpc_param cache_params[] = {
	{"users", RPC_K_ARRAY, false, NULL, offsetof(struct cache_args, users), NULL,
	 "TL objects of type User"},
	{"chats", RPC_K_ARRAY, false, NULL, offsetof(struct cache_args, chats), NULL,
	 "TL objects of type Chat"},
};

static int learn(struct rpc_call *c, const char *field, const json_t *list)
{
	struct tl_refusal why = {0};
	struct tl_cursor in;
	struct tl_obj *o;
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		tl_buf_clear(&c->body);
		if (tl_from_json(&tl_api, 0, v, &c->body, &why) != 0)
			return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s[%zu]: %s", field, i,
					   why.text);
		in = tl_cursor(c->body.data, c->body.len);
		if (tl_decode(&tl_api, &c->arena, &in, &o, NULL) != 0)
			return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s[%zu]", field, i);
		tg_learn(c->account->tg, o);
	}
	return 0;
}

static struct rpc_result cache_peers(struct rpc_call *c)
{
	const struct cache_args *a = c->args;

	if (learn(c, "users", a->users) != 0 || learn(c, "chats", a->chats) != 0)
		return rpc_refuse(c);
	rpc_account_touch(c->account);
	tl_put_text(rpc_begin(c), "{\"cached\":true}");
	return rpc_end(c);
}

const struct rpc_method rpc_methods_tl[] = {
	{.name = "invoke",
	 .flags = RPC_WAITS | RPC_KEYED,
	 .prepare = invoke_prepare,
	 .peers = rpc_raw_peers,
	 .run = rpc_raw_run,
	 RPC_ROWS(invoke_params, struct invoke_args),
	 .doc = "Calls any method of Telegram, on any data centre. The role is the method's.",
	 .result = "the TL value"},
	{.name = "invoke_on_dc", .alias_of = "invoke", .doc = "The same as invoke."},
	{.name = "invoke_raw",
	 .flags = RPC_WAITS,
	 .prepare = bytes_prepare,
	 .run = bytes_run,
	 RPC_ROWS(bytes_params, struct bytes_args),
	 .doc = "Calls a serialised method; the answer is serialised TL, too.",
	 .result = "{\"bytes\":base64}"},
	{.name = "cache_peers",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = cache_peers,
	 RPC_ROWS(cache_params, struct cache_args),
	 .doc = "Teaches the account users and chats that came from elsewhere.",
	 .result = "{\"cached\":true}"},
	{.name = "tl_encode",
	 .run = encode,
	 RPC_ROWS(encode_params, struct encode_args),
	 .doc = "JSON to TL.",
	 .result = "{\"bytes\":base64}"},
	{.name = "tl_decode",
	 .run = decode,
	 RPC_ROWS(decode_params, struct decode_args),
	 .doc = "TL to JSON.",
	 .result = "{\"value\":object}"},
};
RPC_GROUP_COUNT(tl);
