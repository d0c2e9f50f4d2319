/* What an account has for itself, and its name. */
#include "daemon/accounts.h"

#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/subscription.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct rpc_result shown(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_account_write(b, c->account);
	return rpc_end(c);
}

/* ---- its name -------------------------------------------------------------------------------- */
struct rename_args {
	struct tl_str name;
};
static const struct rpc_param rename_params[] = {
	{"name", RPC_K_STRING, true, NULL, offsetof(struct rename_args, name), NULL,
	 "the new alias: a-z, then a-z 0-9 _ -"},
};

static bool in_config(const struct rpc_config *c, const char *name)
{
	for (const struct rpc_account_config *k = c->accounts; k; k = k->next)
		if (strcmp(k->name, name) == 0)
			return true;
	return false;
}

static struct rpc_result rename_account(struct rpc_call *c)
{
	const struct rename_args *a = c->args;
	struct tg_batch *batch;
	char old[33];
	int err;

	if (!rpc_account_name_free(c, a->name))
		return rpc_refuse(c);
	if (in_config(c->d->config, c->account->name)) {
		rpc_hint(c, "rename its section in the configuration, too, and restart");
		return rpc_fail(c, -TG_E_NOT_PERMITTED, "the configuration names this account");
	}
	batch = tg_batch_new();
	if (!batch)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	memcpy(old, c->account->name, sizeof old);
	rpc_account_erase_settings(c->account, batch);
	rpc_account_rename(c->account, a->name);
	rpc_account_save(c->account, batch);
	err = tg_account_rename(c->account->tg, c->account->name, rpc_now());
	if (err) {
		rpc_account_rename(c->account, tl_str(old));
		tg_batch_free(batch);
		return rpc_fail(c, err, NULL);
	}
	rpc_account_touch(c->account);
	for (struct rpc_conn *k = c->d->conns; k; k = k->next) {
		if (strcmp(k->account, old) == 0)
			memcpy(k->account, c->account->name, sizeof k->account);
		rpc_subscriptions_rename(k, old, c->account->name);
	}
	memcpy(c->account_name, c->account->name, sizeof c->account_name);
	return rpc_commit_call(c, batch, shown);
}

/* ---- its settings ---------------------------------------------------------------------------- */
struct set_args {
	struct json_t *catch_up;
	int64_t dc;
	struct tl_str proxy;
};
static const struct rpc_param set_params[] = {
	{"catch_up", RPC_K_ANY, false, NULL, offsetof(struct set_args, catch_up), NULL,
	 "true, false, or null for the daemon's setting: fetch what was missed while away"},
	{"dc_id", RPC_K_INT, false, NULL, offsetof(struct set_args, dc), NULL,
	 "data centre to begin with, before a login; 0 for the daemon's setting"},
	{"proxy", RPC_K_STRING, false, NULL, offsetof(struct set_args, proxy), NULL,
	 "link of the proxy that all its connections go through; \"\" for the daemon's setting"},
};

static bool read_set(struct rpc_call *c, const struct set_args *a, struct rpc_account_own *own)
{
	if (a->catch_up && !json_is_boolean(a->catch_up) && !json_is_null(a->catch_up)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "catch_up", "true, false or null is wanted");
		return false;
	}
	if (a->dc != RPC_NONE && (a->dc < 0 || a->dc > 1000)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "dc_id",
			    "the number of a data centre is wanted");
		return false;
	}
	if (a->catch_up)
		own->catch_up = json_is_null(a->catch_up) ? -1 : json_is_true(a->catch_up);
	if (a->dc != RPC_NONE)
		own->dc = (int)a->dc;
	if (a->proxy.data && !a->proxy.len)
		own->proxy = (struct mt_proxy){.kind = MT_PROXY_NONE};
	return !a->proxy.len || rpc_proxy_read(c, a->proxy, &own->proxy);
}

/* As soon as the disk has all of the old engine. */
static void try_set(struct rpc_call *c)
{
	struct rpc_account_own own;
	struct tg_batch *batch;
	int err;

	rpc_account_own_get(c->account, &own);
	(void)read_set(c, c->args, &own); /* which it could before */
	err = rpc_account_rebuild(c->account, &own);
	mt_wipe(&own, sizeof own);
	if (err == -TG_E_AGAIN)
		return;
	rpc_unwait(c);
	batch = err ? NULL : tg_batch_new();
	if (!batch) {
		rpc_fail(c, err ? err : -TG_E_NOMEM, NULL);
		return;
	}
	rpc_account_save(c->account, batch);
	rpc_commit_call(c, batch, shown);
}

static struct rpc_result set_account(struct rpc_call *c)
{
	struct rpc_account_own own;

	rpc_account_own_get(c->account, &own);
	if (!read_set(c, c->args, &own))
		return rpc_refuse(c);
	mt_wipe(&own, sizeof own);
	if (rpc_account_busy(c->account, c))
		return rpc_fail(c, -TG_E_NOT_PERMITTED, "requests of this account are in flight");
	return rpc_wait(c, try_set);
}

const struct rpc_method rpc_methods_settings[] = {
	{.name = "set_account",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT | RPC_WAITS | RPC_SENDS,
	 .run = set_account,
	 RPC_ROWS(set_params, struct set_args),
	 .doc = "Changes what an account has for itself; it connects anew.",
	 .result = "{\"account\":string,\"state\":string,…}"},
	{.name = "rename_account",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT | RPC_WAITS | RPC_SENDS,
	 .run = rename_account,
	 RPC_ROWS(rename_params, struct rename_args),
	 .doc = "Gives an account another alias. Updates kept in the journal keep the old one.",
	 .result = "{\"account\":string,\"state\":string,…}"},
};
RPC_GROUP_COUNT(settings);
