/* Accounts at rest: the rows that the daemon keeps of them, those that the configuration names, and
 * how these log in by themselves. */
#include "core/login.h"
#include "core/string_session.h"
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_VERSION 1

/* ---- rows ------------------------------------------------------------------------------------ */
static size_t settings_key(const struct rpc_account *a, char key[48])
{
	size_t n = strlen(a->name);

	memcpy(key, a->name, n + 1);
	memcpy(key + n + 1, "settings", 8);
	return n + 9;
}

void rpc_account_save(const struct rpc_account *a, struct tg_batch *b)
{
	struct tl_buf v = {0}, link = {0};
	char key[48];
	size_t n = settings_key(a, key);

	tl_put_u32(&v, SETTINGS_VERSION);
	tl_put_u32(&v, (uint32_t)a->catch_up);
	tl_put_u32(&v, (uint32_t)a->dc);
	if (a->proxy)
		mt_proxy_print(a->proxy, &link);
	tl_put_bytes(&v, link.data, link.len);
	if (link.err)
		v.err = link.err;
	tl_buf_free(&link);
	if (v.err)
		b->ops.err = v.err;
	else
		tg_batch_put(b, TG_TABLE_ACCOUNT, key, n, v.data, v.len);
	tl_buf_free(&v);
}

void rpc_account_erase_settings(const struct rpc_account *a, struct tg_batch *b)
{
	char key[48];
	size_t n = settings_key(a, key);

	tg_batch_delete(b, TG_TABLE_ACCOUNT, key, n);
}

void rpc_account_erase(const struct rpc_account *a, struct tg_batch *b)
{
	rpc_account_erase_settings(a, b);
	tg_batch_delete(b, TG_TABLE_ACCOUNT, a->name, strlen(a->name));
}

/* A kept link that cannot be read must not mean a direct connection. */
static int load_proxy(struct tl_str link, struct mt_proxy *ret)
{
	char text[MT_PROXY_LINK_MAX + 1];
	const char *reason;
	int err = -TG_E_STORE;

	if (link.len < sizeof text) {
		memcpy(text, link.data, link.len);
		text[link.len] = '\0';
		err = mt_proxy_parse(text, ret, &reason) == 0 ? 0 : -TG_E_STORE;
	}
	mt_wipe(text, sizeof text);
	return err;
}

/* One row of the table: a record of core's ("name") or settings of ours ("name", NUL, "settings").
 */
static int load_row(struct rpc_daemon *d, const struct tl_buf *key, const struct tl_buf *value)
{
	size_t n = strnlen((const char *)key->data, key->len);
	struct tl_str name = {(const char *)key->data, (uint32_t)n};
	struct tl_cursor c = tl_cursor(value->data, value->len);
	struct rpc_account *a = NULL;
	char alias[33];
	struct rpc_account_own own = {.catch_up = -1};
	struct tl_str proxy = {NULL, 0};
	int err;

	if (!rpc_account_name_ok(name))
		return 0;
	snprintf(alias, sizeof alias, "%.*s", (int)n, name.data);
	if (rpc_account_by_alias(d, alias))
		return 0;
	if (key->len > n) {
		if (tl_get_u32(&c) != SETTINGS_VERSION)
			return 0;
		own.catch_up = (int)tl_get_u32(&c);
		own.dc = (int)tl_get_u32(&c);
		proxy = tl_get_bytes(&c); /* rows of before end here */
	}
	err = c.err || !proxy.len ? 0 : load_proxy(proxy, &own.proxy);
	if (!err)
		err = rpc_account_add(d, alias, &own, &a);
	mt_wipe(&own, sizeof own);
	return err;
}

/* The proxy that an account of the configuration was given over the socket. */
static int kept_proxy(struct rpc_daemon *d, const char *name, struct mt_proxy *ret)
{
	struct rpc_account named = {.d = d};
	struct tl_buf value = {0};
	struct tl_cursor c;
	struct tl_str link;
	char key[48];
	int err;

	snprintf(named.name, sizeof named.name, "%s", name);
	err = d->accounts->store->ops->get(d->accounts->store, TG_TABLE_ACCOUNT, key,
					   settings_key(&named, key), &value);
	c = tl_cursor(value.data, value.len);
	if (!err && tl_get_u32(&c) == SETTINGS_VERSION) {
		tl_get_u64(&c);
		link = tl_get_bytes(&c);
		err = c.err || !link.len ? 0 : load_proxy(link, ret);
	}
	tl_buf_free(&value);
	return err == -TG_E_NOT_FOUND ? 0 : err;
}

/* Settings sort behind the record of the same name, so they are looked for first. */
static int load_all(struct rpc_daemon *d, bool settings)
{
	struct tg_store *s = d->accounts->store;
	struct tl_buf from = {0}, key = {0}, value = {0};
	int err = 0;

	for (;;) {
		tl_buf_clear(&key);
		tl_buf_clear(&value);
		err = s->ops->seek(s, TG_TABLE_ACCOUNT, "", 0, from.data ? (void *)from.data : "",
				   from.len, &key, &value);
		if (err)
			break;
		if ((memchr(key.data, 0, key.len) != NULL) == settings)
			err = load_row(d, &key, &value);
		if (err)
			break;
		tl_buf_clear(&from);
		tl_put(&from, key.data, key.len);
		tl_put_u8(&from, 0);
	}
	tl_buf_free(&from);
	tl_buf_free(&key);
	tl_buf_free(&value);
	return err == -TG_E_NOT_FOUND ? 0 : err;
}

/* ---- those that log in by themselves --------------------------------------------------------- */
static void by_token(struct rpc_account *a, const char *path)
{
	char token[128], why[200];

	if (rpc_secret_read(path, token, sizeof token, why, sizeof why) != 0)
		rpc_log(&a->d->log, RPC_ERROR, "login_failed", "account=%s reason=\"%s\"", a->name,
			why);
	else if (tg_login_bot(a->tg, tl_str(token), rpc_now()) == 0)
		rpc_account_look(a);
	mt_wipe(token, sizeof token);
}

static void by_session(struct rpc_account *a, struct tl_str text)
{
	struct tg_string_session *s = calloc(1, sizeof *s);
	const char *why = "out of memory";
	int err = s ? tg_string_session_parse(text, s, &why) : -TG_E_NOMEM;

	if (!err) {
		err = tg_login_string_session(a->tg, s, rpc_now());
		why = "it is of another world (test or production)";
		tg_string_session_free(s);
	}
	free(s);
	if (err)
		rpc_log(&a->d->log, RPC_ERROR, "login_failed", "account=%s reason=\"session: %s\"",
			a->name, why);
	else
		rpc_account_look(a);
}

static void by_session_file(struct rpc_account *a, const char *path)
{
	char *text = malloc(TG_STRING_SESSION_TEXT_MAX), why[200];

	if (text && rpc_secret_read(path, text, TG_STRING_SESSION_TEXT_MAX, why, sizeof why) == 0)
		by_session(a, tl_str(text));
	else
		rpc_log(&a->d->log, RPC_ERROR, "login_failed", "account=%s reason=\"%s\"", a->name,
			text ? why : "out of memory");
	if (text)
		mt_wipe(text, TG_STRING_SESSION_TEXT_MAX);
	free(text);
}

/* An account that has never logged in does so with what the configuration gives it. */
static void log_in(struct rpc_account *a, const struct rpc_account_config *k)
{
	if (a->state != TG_SIGNED_OUT)
		return;
	if (k->token_file[0])
		by_token(a, k->token_file);
	else if (k->own.session_file[0])
		by_session_file(a, k->own.session_file);
	rpc_account_touch(a);
}

/* --session-file, the environment or a credential give one account, for those that have no section:
 * a daemon without a lasting store needs no more. */
static int log_in_alone(struct rpc_daemon *d)
{
	static const struct rpc_account_own none = {.catch_up = -1};
	const struct rpc_config *c = d->config;
	struct rpc_account *a = d->accounts->list;
	int err = 0;

	if ((!c->session_file[0] && !c->session) || c->accounts)
		return 0;
	if (!a)
		err = rpc_account_add(d, "main", &none, &a);
	if (err || a->state != TG_SIGNED_OUT)
		return err;
	if (c->session_file[0])
		by_session_file(a, c->session_file);
	else
		by_session(a, tl_str(c->session));
	rpc_account_touch(a);
	return 0;
}

int rpc_accounts_configure(struct rpc_daemon *d)
{
	const struct rpc_account_config *k;

	for (k = d->config->accounts; k; k = k->next) {
		struct rpc_account *a = rpc_account_by_alias(d, k->name);
		struct rpc_account_own own = {.catch_up = -1, .dc = k->own.first_dc};
		int err = 0;

		if (rpc_config_for(NULL, k, "catch-up"))
			own.catch_up = k->own.catch_up;
		own.proxy = k->own.proxy;
		if (!a && !own.proxy.kind)
			err = kept_proxy(d, k->name, &own.proxy);
		if (!err && !a)
			err = rpc_account_add(d, k->name, &own, &a);
		mt_wipe(&own, sizeof own);
		if (err)
			return err;
		log_in(a, k);
	}
	return 0;
}

int rpc_accounts_load(struct rpc_daemon *d)
{
	int err = rpc_accounts_configure(d);

	if (!err)
		err = load_all(d, true);
	if (!err)
		err = load_all(d, false);
	return err ? err : log_in_alone(d);
}
