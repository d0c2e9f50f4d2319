/* Accounts: which there are, signing out, connecting. */
#include "daemon/accounts.h"

#include "core/login.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct rpc_result say(struct rpc_call *c, const char *key, bool value)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, key, value);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- the list -------------------------------------------------------------------------------- */
static struct rpc_result list_accounts(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_accounts_write(c->d, b);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

struct add_args {
	struct tl_str name;
	bool catch_up;
	int64_t dc;
	struct tl_str proxy;
};
static const struct rpc_param add_params[] = {
	{"name", RPC_K_STRING, true, NULL, offsetof(struct add_args, name), NULL,
	 "the new account's alias: a-z, then a-z 0-9 _ -"},
	{"catch_up", RPC_K_BOOL, false, "true", offsetof(struct add_args, catch_up), NULL,
	 "fetch what was missed while away"},
	{"dc_id", RPC_K_INT, false, NULL, offsetof(struct add_args, dc), NULL,
	 "data centre to begin with"},
	{"proxy", RPC_K_STRING, false, NULL, offsetof(struct add_args, proxy), NULL,
	 "link of the proxy that all its connections go through; without it, the daemon's"},
};

static struct rpc_result added(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_account_write(b, c->account);
	return rpc_end(c);
}

bool rpc_proxy_read(struct rpc_call *c, struct tl_str link, struct mt_proxy *ret)
{
	char text[MT_PROXY_LINK_MAX + 1];
	const char *reason = "the link is too long";
	bool ok = false;

	if (link.len < sizeof text) {
		memcpy(text, link.data, link.len);
		text[link.len] = '\0';
		ok = strlen(text) == link.len && mt_proxy_parse(text, ret, &reason) == 0;
		mt_wipe(text, sizeof text);
	}
	if (!ok)
		rpc_problem(c, -TG_E_INVALID_PARAMS, "proxy", "%s", reason);
	return ok;
}

static struct rpc_result add_account(struct rpc_call *c)
{
	const struct add_args *a = c->args;
	struct rpc_account_own own = {.catch_up = a->catch_up,
				      .dc = a->dc == RPC_NONE ? 0 : (int)a->dc};
	struct tg_batch *batch;
	char name[33];
	int err;

	if (!rpc_account_name_free(c, a->name))
		return rpc_refuse(c);
	snprintf(name, sizeof name, "%.*s", (int)a->name.len, a->name.data);
	if (a->proxy.data && !rpc_proxy_read(c, a->proxy, &own.proxy))
		return rpc_refuse(c);
	err = rpc_account_add(c->d, name, &own, &c->account);
	mt_wipe(&own, sizeof own);
	batch = err ? NULL : tg_batch_new();
	if (!batch)
		return rpc_fail(c, err ? err : -TG_E_NOMEM, NULL);
	rpc_account_save(c->account, batch);
	return rpc_commit_call(c, batch, added);
}

static struct rpc_result removed(struct rpc_call *c)
{
	return say(c, "removed", true);
}

/* Its calls are answered, then it is gone; the rows go with the batch. */
static struct rpc_result remove_account(struct rpc_call *c)
{
	struct rpc_account *a = c->account;
	struct tg_batch *batch;

	if (a->state == TG_READY) {
		rpc_hint(c, "sign_out first: otherwise Telegram would keep the session");
		return rpc_fail(c, -TG_E_NOT_PERMITTED, "the account is logged in");
	}
	if (rpc_account_busy(a, c))
		return rpc_fail(c, -TG_E_NOT_PERMITTED, "requests of this account are in flight");
	batch = tg_batch_new();
	if (!batch)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	rpc_account_erase(a, batch);
	c->account = NULL;
	rpc_account_free(a);
	return rpc_commit_call(c, batch, removed);
}

static struct rpc_result use_account(struct rpc_call *c)
{
	struct tl_buf *b;

	memcpy(c->conn->account, c->account->name, sizeof c->conn->account);
	b = rpc_begin(c);
	rpc_account_write(b, c->account);
	return rpc_end(c);
}

/* ---- out ------------------------------------------------------------------------------------ */
static void check_out(struct rpc_call *c)
{
	enum tg_state state = c->account->state;

	if (state == TG_SIGNED_OUT)
		say(c, "signed_out", true);
}

static struct rpc_result sign_out(struct rpc_call *c)
{
	int err = tg_sign_out(c->account->tg, rpc_now());

	if (err && err != -TG_E_AGAIN)
		return rpc_fail(c, err, NULL);
	rpc_account_touch(c->account);
	return rpc_wait(c, check_out);
}

static struct rpc_result is_authorized(struct rpc_call *c)
{
	return say(c, "authorized", rpc_account_authorized(c->account));
}

/* ---- get_me ---------------------------------------------------------------------------------- */
static struct rpc_result got_me(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tl_obj *o, **list;
	struct tl_vec *users;

	if (tl_decode_result(&tl_api, e->method, &c->arena, &in, &o, NULL) != 0 ||
	    o->ctor != TL_VECTOR)
		return rpc_fail(c, -TG_E_INTERNAL, "the answer cannot be read");
	users = &((struct tl_vector *)o)->vec;
	list = users->items;
	if (!users->count)
		return rpc_fail(c, -TG_E_INTERNAL, "an empty answer");
	tg_learn(c->account->tg, list[0]);
	rpc_shape_user(rpc_begin(c), NULL, list[0]);
	return rpc_end(c);
}

static struct rpc_result get_me(struct rpc_call *c)
{
	struct tl_inputUserSelf self = {{TL_inputUserSelf}};
	struct tl_obj *list[] = {&self.obj};
	struct tl_users_getUsers m = {{TL_users_getUsers}, {list, 1}};

	if (tl_encode(&tl_api, &m.obj, &c->body) != 0)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	return rpc_engine_call(c, TL_users_getUsers, 0, got_me);
}

/* ---- connecting ------------------------------------------------------------------------------ */
static void check_online(struct rpc_call *c)
{
	if (tg_account_online(c->account->tg))
		say(c, "online", true);
}

static struct rpc_result connect_account(struct rpc_call *c)
{
	tg_account_connect(c->account->tg, rpc_now());
	rpc_account_touch(c->account);
	return rpc_wait(c, check_online);
}

static struct rpc_result disconnect_account(struct rpc_call *c)
{
	tg_account_disconnect(c->account->tg, rpc_now());
	c->account->in_trouble = false;
	rpc_account_touch(c->account);
	return say(c, "online", false);
}

static struct rpc_result saved(struct rpc_call *c)
{
	return say(c, "saved", true);
}

/* Everything before it in the queue is on the disk when this is. */
static struct rpc_result save_session(struct rpc_call *c)
{
	return rpc_commit_call(c, tg_batch_new(), saved);
}

const struct rpc_method rpc_methods_accounts[] = {
	{.name = "list_accounts",
	 .run = list_accounts,
	 .doc = "The accounts and their states.",
	 .result = "{\"accounts\":[{\"account\":string,\"state\":string,\"online\":bool,"
		   "\"offline_reason\":string?,\"user_id\":int?,…}]}"},
	{.name = "add_account",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = add_account,
	 RPC_ROWS(add_params, struct add_args),
	 .doc = "Makes an account; login makes one, too.",
	 .result = "{\"account\":string,\"state\":\"signed_out\",…}"},
	{.name = "remove_account",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ACCOUNT,
	 .run = remove_account,
	 .doc = "Forgets an account that has signed out.",
	 .result = "{\"removed\":true}"},
	{.name = "use_account",
	 .flags = RPC_ACCOUNT,
	 .run = use_account,
	 .doc = "Makes an account the default of this connection.",
	 .result = "{\"account\":string,\"state\":string,…}"},
	{.name = "sign_out",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ACCOUNT,
	 .run = sign_out,
	 .doc = "Logs out; the keys are forgotten.",
	 .result = "{\"signed_out\":true}"},
	{.name = "get_me",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = get_me,
	 .doc = "The account's own user.",
	 .result = "user"},
	{.name = "is_authorized",
	 .flags = RPC_ACCOUNT,
	 .run = is_authorized,
	 .doc = "Whether the account has logged in.",
	 .result = "{\"authorized\":bool}"},
	{.name = "connect",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_ACCOUNT,
	 .run = connect_account,
	 .doc = "Connects, and answers when the connection stands.",
	 .result = "{\"online\":true}"},
	{.name = "disconnect",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT,
	 .run = disconnect_account,
	 .doc = "Disconnects until connect, or until the next start.",
	 .result = "{\"online\":false}"},
	{.name = "save_session",
	 .role = RPC_SEND,
	 .flags = RPC_WAITS,
	 .run = save_session,
	 .doc = "Answers when all that was known before is on the disk (it is saved by itself).",
	 .result = "{\"saved\":true}"},
};
RPC_GROUP_COUNT(accounts);
