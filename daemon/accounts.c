/* The list of accounts: birth, death, and which one a request means. Owner of struct rpc_accounts,
 * which the daemon holds. */
#include "daemon/accounts.h"

#include "core/login.h"
#include "daemon/daemon.h"
#include "daemon/event.h"
#include "daemon/js.h"
#include "daemon/nearest.h"
#include "daemon/options.h"
#include "daemon/trouble.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */
bool rpc_account_name_ok(struct tl_str s)
{
	if (!s.len || s.len > 32 || s.data[0] < 'a' || s.data[0] > 'z')
		return false;
	for (uint32_t i = 0; i < s.len; i++)
		if (!((s.data[i] >= 'a' && s.data[i] <= 'z') ||
		      (s.data[i] >= '0' && s.data[i] <= '9') || s.data[i] == '_' ||
		      s.data[i] == '-'))
			return false;
	return true;
}

static struct rpc_account **chain_of(const struct rpc_accounts *all, struct tl_str name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (uint32_t i = 0; i < name.len; i++)
		hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
	return &all->chains[hash & (all->chain_count - 1)];
}

static void chain(struct rpc_accounts *all, struct rpc_account *a)
{
	struct rpc_account **p = chain_of(all, tl_str(a->name));

	a->chain_next = *p;
	*p = a;
}

static void unchain(struct rpc_accounts *all, struct rpc_account *a)
{
	struct rpc_account **p = chain_of(all, tl_str(a->name));

	while (*p != a)
		p = &(*p)->chain_next;
	*p = a->chain_next;
}

void rpc_account_rename(struct rpc_account *a, struct tl_str name)
{
	unchain(a->d->accounts, a);
	snprintf(a->name, sizeof a->name, "%.*s", (int)name.len, name.data);
	chain(a->d->accounts, a);
}

/* Room for one more; false: no memory for the first ones. Later the chains only become longer. */
static bool chains_grow(struct rpc_accounts *all)
{
	unsigned n = all->chain_count ? all->chain_count * 2 : 16;
	struct rpc_account **chains;

	if (all->count < all->chain_count)
		return true;
	chains = calloc(n, sizeof(struct rpc_account *));
	if (!chains)
		return all->chain_count;
	free(all->chains);
	all->chains = chains;
	all->chain_count = n;
	for (struct rpc_account *a = all->list; a; a = a->next)
		chain(all, a);
	return true;
}

static struct rpc_account *by_name(const struct rpc_accounts *all, struct tl_str name)
{
	struct rpc_account *a = all->chain_count ? *chain_of(all, name) : NULL;

	while (a && !tl_str_eq(name, a->name))
		a = a->chain_next;
	return a;
}

/* By user id, +phone or @username: what the account knows of itself. */
static bool is_self(struct rpc_account *a, struct tl_str s)
{
	struct tg_peer_query q = {.form = TG_FORM_SELF};
	struct tg_peer me;
	char id[24];

	if (tg_peer_find(a->tg, &q, &me) != 0)
		return false;
	snprintf(id, sizeof id, "%lld", (long long)tg_account_self(a->tg));
	if (tl_str_eq(s, id))
		return true;
	s.data++;
	s.len--;
	if (s.data[-1] == '+')
		return s.len && tl_str_eq(s, me.phone);
	return s.data[-1] == '@' && s.len && s.len == strlen(me.username) &&
	       strncasecmp(s.data, me.username, s.len) == 0;
}

struct rpc_account *rpc_account_find(struct rpc_daemon *d, struct tl_str name)
{
	struct rpc_account *a = by_name(d->accounts, name);

	if (a || !name.len || rpc_account_name_ok(name))
		return a;
	for (a = d->accounts->list; a && !is_self(a, name);)
		a = a->next;
	return a;
}

struct rpc_account *rpc_account_by_alias(struct rpc_daemon *d, const char *alias)
{
	return by_name(d->accounts, tl_str(alias));
}

bool rpc_account_name_free(struct rpc_call *c, struct tl_str name)
{
	const char *why = NULL;

	if (!rpc_account_name_ok(name))
		why = "a name is a-z, then a-z 0-9 _ - (at most 32)";
	else if (rpc_account_find(c->d, name))
		why = "there is such an account already";
	if (why)
		rpc_problem(c, -TG_E_INVALID_PARAMS, "name", "%s", why);
	return !why;
}

static int unknown(struct rpc_call *c, struct tl_str name)
{
	struct rpc_nearest near = rpc_nearest(name);

	for (struct rpc_account *a = c->d->accounts->list; a; a = a->next)
		rpc_nearest_try(&near, a->name);
	if (near.best)
		rpc_hint(c, "did you mean %s?", near.best);
	else
		rpc_hint(c, "list_accounts shows all; login makes a new one");
	return rpc_problem(c, -TG_E_ACCOUNT_UNKNOWN, "account", "no account %.*s",
			   (int)(name.len > 64 ? 64 : name.len), name.data);
}

/* As many as there is room for, what to do first. */
static void hint_states(struct rpc_call *c)
{
	char *hint = c->problem.hint;
	size_t room = sizeof c->problem.hint, n;

	rpc_hint(c, "name one in \"account\" (layerctl -a NAME), or use_account for this "
		    "connection");
	for (const struct rpc_account *a = c->d->accounts->list; a; a = a->next) {
		n = strlen(hint);
		if (room - n < sizeof a->name + 20) {
			snprintf(hint + n, room - n, ", …");
			break;
		}
		snprintf(hint + n, room - n, "%s %s %s", a == c->d->accounts->list ? ":" : ",",
			 a->name, tg_state_name(a->state));
	}
}

static int required(struct rpc_call *c)
{
	rpc_js_open(&c->problem.extra, "accounts", '[');
	for (struct rpc_account *a = c->d->accounts->list; a; a = a->next)
		rpc_js_text(&c->problem.extra, NULL, a->name);
	rpc_js_close(&c->problem.extra, ']');
	if (c->d->accounts->count)
		hint_states(c);
	else
		rpc_hint(c, "there is none yet: login {\"account\":\"main\",\"method\":\"bot\","
			    "\"token\":…}");
	return rpc_problem(c, -TG_E_ACCOUNT_REQUIRED, "account", NULL);
}

static void set(struct rpc_call *c, struct rpc_account *a)
{
	c->account = a;
	memcpy(c->account_name, a->name, sizeof c->account_name);
}

/* NULL: none is meant, or *ret_name, which does not exist. */
static struct rpc_account *meant(struct rpc_call *c, struct tl_str *ret_name)
{
	struct rpc_accounts *all = c->d->accounts;

	*ret_name = c->common.account;
	if (!ret_name->data && c->conn && c->conn->account[0])
		*ret_name = tl_str(c->conn->account);
	if (!ret_name->data)
		return all->count == 1 ? all->list : NULL;
	return rpc_account_find(c->d, *ret_name);
}

static int check_state(struct rpc_call *c, enum tg_state state)
{
	int err = tg_state_error(state);

	if (!err)
		return 0;
	if (err == -TG_E_UNAUTHORIZED)
		rpc_hint(c, "log in first: login or bot_sign_in");
	else if (err == -TG_E_SESSION_REVOKED)
		rpc_hint(c, "the login is gone: log in again");
	else
		c->problem.state = tg_state_name(state);
	return rpc_problem(c, err, NULL, NULL);
}

int rpc_account_choose(struct rpc_call *c)
{
	struct tl_str name;
	struct rpc_account *a = meant(c, &name);

	if (!a)
		return name.data ? unknown(c, name) : required(c);
	set(c, a);
	return c->flags & RPC_LOGGED_IN ? check_state(c, a->state) : 0;
}

int rpc_account_check(struct rpc_call *c)
{
	struct tl_str name = c->common.account;

	return !name.data || rpc_account_find(c->d, name) ? 0 : unknown(c, name);
}

static int may_log_in(struct rpc_call *c, bool yes)
{
	if (yes)
		return 0;
	rpc_hint(c, "set api-id and api-hash (or api-hash-file); my.telegram.org gives them");
	return rpc_problem(c, -TG_E_NOT_PERMITTED, NULL, "no api_id and api_hash");
}

int rpc_account_login(struct rpc_call *c)
{
	static const struct rpc_account_own none = {.catch_up = -1};
	struct tl_str name;
	struct rpc_account *a = meant(c, &name);
	char alias[33];
	int err;

	if (a) {
		set(c, a);
		return may_log_in(c, a->may_log_in);
	}
	err = may_log_in(c, c->d->config->api_id && c->d->config->api_hash[0]);
	if (err)
		return err;
	if (!name.data && c->d->accounts->count)
		return required(c);
	if (!name.data)
		name = tl_str("main");
	if (!rpc_account_name_ok(name))
		return rpc_problem(c, -TG_E_INVALID_PARAMS, "account",
				   "a new account's name is a-z, then a-z 0-9 _ - (at most 32)");
	snprintf(alias, sizeof alias, "%.*s", (int)name.len, name.data);
	err = rpc_account_add(c->d, alias, &none, &a);
	if (err)
		return rpc_problem(c, err, "account", NULL);
	set(c, a);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */
static void on_deadline(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_account *a =
		(struct rpc_account *)((char *)t - offsetof(struct rpc_account, deadline));

	tg_account_tick(a->tg, now);
	rpc_account_touch(a);
}

static int first_dc(const struct rpc_config *c, int dc)
{
	if (dc || c->first_dc)
		return dc ? dc : c->first_dc;
	for (unsigned i = 0; i < c->dc_count; i++)
		if (c->dcs[i].dc == 2)
			return 2;
	return c->dc_count ? c->dcs[0].dc : 0;
}

static const struct rpc_account_config *section_of(const struct rpc_config *c, const char *name)
{
	const struct rpc_account_config *k = c->accounts;

	while (k && strcmp(k->name, name) != 0)
		k = k->next;
	return k;
}

/* A text option: the account's, the daemon's, or what stands for none. */
#define TEXT(field, option, other)                                                                 \
	(rpc_config_for(c, k, option)->field[0] ? rpc_config_for(c, k, option)->field : (other))

static struct tg_account *engine_new(struct rpc_daemon *d, struct rpc_account *a)
{
	const struct rpc_config *c = d->config;
	const struct rpc_account_config *k = section_of(c, a->name);
	struct tg_settings s = {
		.api_id = rpc_config_for(c, k, "api-id")->api_id,
		.api_hash = TEXT(api_hash, "api-hash-file", TEXT(api_hash, "api-hash", "")),
		.test = rpc_config_for(c, k, "test")->test,
		.catch_up = a->catch_up < 0 ? c->catch_up : a->catch_up != 0,
		.dc = first_dc(c, a->dc),
		.transport = rpc_config_for(c, k, "transport")->transport,
		.pfs = rpc_config_for(c, k, "pfs")->pfs,
		.ipv6 = rpc_config_for(c, k, "ipv6")->ipv6,
		.proxy = a->proxy        ? a->proxy
			 : c->proxy.kind ? &c->proxy
					 : NULL,
		.rsa = c->key_count ? c->keys : NULL,
		.rsa_count = c->key_count,
		.addresses = c->dcs,
		.address_count = c->dc_count,
		.device_model = TEXT(device_model, "device-model", "layerd"),
		.system_version = TEXT(system_version, "system-version", "Linux"),
		.app_version = TEXT(app_version, "app-version", LAYERD_VERSION),
		.system_lang_code = TEXT(system_lang_code, "system-lang-code", "en"),
		.lang_pack = TEXT(lang_pack, "lang-pack", ""),
		.lang_code = TEXT(lang_code, "lang-code", "en"),
	};
	struct tg_env env = {.random = {.random = rpc_random, .vault = &d->vault.vault},
			     .store = d->accounts->store};

	a->may_log_in = s.api_id && s.api_hash[0];
	return tg_account_new(a->name, &s, &env, rpc_now());
}
#undef TEXT

static bool is_on_its_way(const struct rpc_account *a)
{
	return a->state != TG_SIGNED_OUT && a->state != TG_READY && a->state != TG_REVOKED &&
	       a->state != TG_FAILED;
}

bool rpc_login_runs(const struct rpc_daemon *d)
{
	const struct rpc_account *a = d->accounts->list;

	while (a && !is_on_its_way(a))
		a = a->next;
	return a;
}

static void free_proxy(struct rpc_account *a)
{
	if (a->proxy)
		mt_wipe(a->proxy, sizeof *a->proxy);
	free(a->proxy);
	a->proxy = NULL;
}

/* false: no memory. */
static bool own_set(struct rpc_account *a, const struct rpc_account_own *own)
{
	struct mt_proxy *proxy = own->proxy.kind ? malloc(sizeof *proxy) : NULL;

	if (own->proxy.kind && !proxy)
		return false;
	if (proxy)
		*proxy = own->proxy;
	free_proxy(a);
	a->proxy = proxy;
	a->catch_up = own->catch_up;
	a->dc = own->dc;
	return true;
}

void rpc_account_own_get(const struct rpc_account *a, struct rpc_account_own *ret)
{
	*ret = (struct rpc_account_own){.catch_up = a->catch_up, .dc = a->dc};
	if (a->proxy)
		ret->proxy = *a->proxy;
}

void rpc_account_look(struct rpc_account *a)
{
	unsigned *ready = &a->d->accounts->ready_count;

	*ready -= a->state == TG_READY;
	a->state = tg_account_state(a->tg);
	*ready += a->state == TG_READY;
	if (a->state != TG_READY && !is_on_its_way(a))
		a->in_trouble = false; /* it does not connect */
}

bool rpc_account_authorized(const struct rpc_account *a)
{
	return a->state == TG_READY && tg_account_state(a->tg) == TG_READY &&
	       !tg_account_leaving(a->tg);
}

static void begin(struct rpc_account *a)
{
	a->in_trouble = false;
	rpc_account_look(a);
	if (a->state == TG_READY || is_on_its_way(a))
		tg_account_connect(a->tg, rpc_now());
	rpc_account_touch(a);
}

int rpc_account_add(struct rpc_daemon *d, const char *name, const struct rpc_account_own *own,
		    struct rpc_account **ret)
{
	struct rpc_accounts *all = d->accounts;
	struct rpc_account *a;

	if (all->count >= RPC_MAX_ACCOUNTS)
		return -TG_E_TOO_LARGE;
	a = chains_grow(all) ? calloc(1, sizeof *a) : NULL;
	if (!a)
		return -TG_E_NOMEM;
	a->d = d;
	a->events_tail = &a->events;
	a->deadline.fire = on_deadline;
	snprintf(a->name, sizeof a->name, "%s", name);
	a->tg = own_set(a, own) ? engine_new(d, a) : NULL;
	if (!a->tg) {
		free_proxy(a);
		free(a);
		return -TG_E_NOMEM;
	}
	*all->list_tail = a;
	all->list_tail = &a->next;
	chain(all, a);
	all->count++;
	begin(a);
	*ret = a;
	return 0;
}

static void engine_free(struct rpc_account *a)
{
	rpc_workers_disown(a->d->accounts->workers, a);
	rpc_link_close_all(a);
	rpc_timer_clear(&a->d->loop, &a->deadline);
	tg_account_free(a->tg);
	a->tg = NULL;
}

int rpc_account_rebuild(struct rpc_account *a, const struct rpc_account_own *own)
{
	struct tg_account *old = a->tg, *fresh;
	struct rpc_account_own was;

	if (a->ready || a->commits || a->failed || a->events)
		return -TG_E_AGAIN; /* the store does not know all yet */
	rpc_account_own_get(a, &was);
	fresh = own_set(a, own) ? engine_new(a->d, a) : NULL;
	if (!fresh) {
		if (!own_set(a, &was))
			free_proxy(a);
		return -TG_E_NOMEM;
	}
	a->tg = old;
	engine_free(a);
	a->tg = fresh;
	begin(a);
	return 0;
}

static void leave_ready(struct rpc_account *a)
{
	struct rpc_accounts *all = a->d->accounts;
	struct rpc_account **p;

	if (!a->ready)
		return;
	for (p = &all->ready; *p != a; p = &(*p)->ready_next)
		;
	*p = a->ready_next;
	if (all->ready_tail == &a->ready_next)
		all->ready_tail = p;
	a->ready = false;
}

struct rpc_commit *rpc_commit_new(struct tg_batch *batch)
{
	struct rpc_commit *k = batch ? calloc(1, sizeof *k) : NULL;

	if (k)
		k->batch = batch;
	else
		tg_batch_free(batch);
	return k;
}

void rpc_commit_free(struct rpc_commit *k)
{
	while (k && k->events) {
		struct rpc_event *e = k->events;

		k->events = e->next;
		rpc_event_free(e);
	}
	if (k && k->batch)
		tg_batch_free(k->batch);
	free(k);
}

void rpc_account_free(struct rpc_account *a)
{
	struct rpc_daemon *d = a->d;
	struct rpc_accounts *all = d->accounts;
	struct rpc_account **p = &all->list;

	if (!a->removed) {
		while (*p != a)
			p = &(*p)->next;
		*p = a->next;
		if (!*p)
			all->list_tail = p;
		unchain(all, a);
		all->count--;
		all->ready_count -= a->state == TG_READY;
		leave_ready(a);
		a->removed = true;
		engine_free(a);
		free_proxy(a);
		rpc_trouble_free(a);
		while (a->events) {
			struct rpc_event *e = a->events;

			a->events = e->next;
			rpc_event_free(e);
		}
		tg_batch_free(a->named);
		a->named = NULL;
		rpc_commit_free(a->failed);
	}
	if (!a->commits) /* else the last one frees it */
		free(a);
}

bool rpc_account_busy(const struct rpc_account *a, const struct rpc_call *but)
{
	const struct rpc_call *c;

	for (c = a->d->orphans; c; c = c->next)
		if (c->account == a && c != but)
			return true;
	for (const struct rpc_conn *k = a->d->conns; k; k = k->next)
		for (c = k->calls; c; c = c->next)
			if (c->account == a && c != but)
				return true;
	return false;
}

/* ---- showing --------------------------------------------------------------------------------- */
/* What Telegram told to wait, shared by all clients of the account. */
static void write_floods(struct tl_buf *b, const struct rpc_account *a)
{
	struct tg_flood f;

	for (unsigned i = 0; tg_account_flood(a->tg, i, &f, rpc_now()); i++) {
		if (!i)
			rpc_js_open(b, "floods", '[');
		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "method", f.method);
		rpc_js_str(b, "type", f.type);
		rpc_js_int(b, "retry_after", f.retry_after);
		rpc_js_int(b, "waiting", f.waiting);
		rpc_js_close(b, '}');
		if (!tg_account_flood(a->tg, i + 1, &f, rpc_now()))
			rpc_js_close(b, ']');
	}
}

void rpc_account_members(struct tl_buf *b, const struct rpc_account *a)
{
	struct tg_peer_query q = {.form = TG_FORM_SELF};
	enum tg_state state = a->state;
	const char *reason = tg_account_reason(a->tg), *trouble = rpc_trouble_text(a);
	struct tg_peer me;

	rpc_js_text(b, "account", a->name);
	rpc_js_text(b, "state", tg_state_name(state));
	if (*reason)
		rpc_js_text(b, state == TG_FAILED ? "error" : "reason", reason);
	rpc_js_bool(b, "online", tg_account_online(a->tg));
	rpc_js_text(b, "offline_reason", trouble);
	if (state == TG_READY && tg_peer_find(a->tg, &q, &me) == 0) {
		rpc_js_int(b, "user_id", tg_account_self(a->tg));
		rpc_js_bool(b, "bot", tg_account_is_bot(a->tg));
		rpc_js_filled(b, "name", tl_str(me.name));
		rpc_js_filled(b, "username", tl_str(me.username));
	}
	rpc_login_write(b, a);
	write_floods(b, a);
}

void rpc_account_write(struct tl_buf *b, const struct rpc_account *a)
{
	rpc_js_open(b, NULL, '{');
	rpc_account_members(b, a);
	rpc_js_close(b, '}');
}

void rpc_accounts_write(struct rpc_daemon *d, struct tl_buf *b)
{
	rpc_js_open(b, "accounts", '[');
	for (const struct rpc_account *a = d->accounts->list; a; a = a->next)
		rpc_account_write(b, a);
	rpc_js_close(b, ']');
}
