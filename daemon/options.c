/* What each option does to the configuration. */
#include "daemon/options.h"

#include "core/seal.h"
#include "daemon/method.h"
#include "daemon/nearest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -TG_E_INVALID_PARAMS;
}

static int copy(char *to, size_t room, const char *value, char *why, size_t size)
{
	if (strlen(value) >= room)
		return bad(why, size, "too long");
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

static int truth(const char *v, bool *ret, char *why, size_t size)
{
	static const char *const yes[] = {"", "true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (unsigned i = 0; i < 5; i++)
		if (strcmp(v, yes[i]) == 0)
			return *ret = true, 0;
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(v, no[i]) == 0)
			return *ret = false, 0;
	return bad(why, size, "true or false is wanted");
}

static bool integer(const char *v, long min, long max, int base, long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(v, &end, base);
	if (errno || end == v || *end || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static int set_journal_age(struct rpc_config *c, const char *v, char *why, size_t size)
{
	long n;

	if (!integer(v, 60, 100L * 365 * 86400, 10, &n))
		return bad(why, size, "seconds are wanted, at least 60");
	c->journal.age = n;
	return 0;
}

static int set_journal_bytes(struct rpc_config *c, const char *v, char *why, size_t size)
{
	long n;

	if (!integer(v, 1 << 20, LONG_MAX, 10, &n))
		return bad(why, size, "bytes are wanted, at least 1048576");
	c->journal.bytes = (uint64_t)n;
	return 0;
}

/* ---- sockets and state ----------------------------------------------------------------------- */
static int set_config(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->file, sizeof c->file, v, why, size);
}

static int set_socket(struct rpc_config *c, const char *v, char *why, size_t size)
{
	const char *comma = strrchr(v, ',');
	size_t n = comma ? (size_t)(comma - v) : strlen(v);
	enum rpc_role role = RPC_SEND;

	if (comma && rpc_role_parse(comma + 1, &role) != 0)
		return bad(why, size, "the role behind the comma is read, send or admin");
	if (!n || n >= sizeof c->sockets[0].path)
		return bad(why, size, "a socket's path has 1 to 107 characters");
	if (c->socket_rank < c->rank)
		c->socket_count = 0;
	c->socket_rank = c->rank;
	if (c->socket_count == RPC_MAX_CONFIG_SOCKETS)
		return bad(why, size, "at most 8 sockets");
	memcpy(c->sockets[c->socket_count].path, v, n);
	c->sockets[c->socket_count].path[n] = '\0';
	c->sockets[c->socket_count++].role = comma ? (int)role : -1;
	return 0;
}

static int set_socket_mode(struct rpc_config *c, const char *v, char *why, size_t size)
{
	long n;

	if (!integer(v, 0, 0777, 8, &n))
		return bad(why, size, "an octal mode is wanted, like 0660");
	c->socket_mode = (unsigned)n;
	c->socket_mode_set = true;
	return 0;
}

static int set_socket_group(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->socket_group, sizeof c->socket_group, v, why, size);
}

static int set_state(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->state, sizeof c->state, v, why, size);
}

static int set_store(struct rpc_config *c, const char *v, char *why, size_t size)
{
	c->memory = strcmp(v, "memory") == 0;
	return c->memory || strcmp(v, "lmdb") == 0 ? 0 : bad(why, size, "lmdb or memory");
}

static int set_encryption(struct rpc_config *c, const char *v, char *why, size_t size)
{
	static const char *const modes[] = {
		[TG_SEAL_NONE] = "none", [TG_SEAL_KEYS] = "keys", [TG_SEAL_ALL] = "all"};

	for (int i = 0; i < (int)(sizeof modes / sizeof *modes); i++)
		if (strcmp(v, modes[i]) == 0)
			return c->encryption = i, 0;
	return bad(why, size, "none, keys or all");
}

static int set_key_file(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->key_file, sizeof c->key_file, v, why, size);
}

static int set_old_key_file(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->old_key_file, sizeof c->old_key_file, v, why, size);
}

static int set_rekey(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->rekey, why, size);
}

static int set_restore_keys(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->restore_keys, why, size);
}

/* ---- Telegram -------------------------------------------------------------------------------- */
static int set_api_id(struct rpc_config *c, const char *v, char *why, size_t size)
{
	long n;

	if (!integer(v, 1, INT32_MAX, 10, &n))
		return bad(why, size, "a number is wanted, from my.telegram.org");
	c->api_id = (int)n;
	return 0;
}

static int set_api_hash(struct rpc_config *c, const char *v, char *why, size_t size)
{
	if (strlen(v) != 32 || strspn(v, "0123456789abcdefABCDEF") != 32)
		return bad(why, size, "32 hexadecimal digits are wanted, from my.telegram.org");
	return copy(c->api_hash, sizeof c->api_hash, v, why, size);
}

static int set_api_hash_file(struct rpc_config *c, const char *v, char *why, size_t size)
{
	char text[64];
	int err = rpc_secret_read(v, text, sizeof text, why, size);

	return err ? err : set_api_hash(c, text, why, size);
}

static int set_session_file(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return copy(c->session_file, sizeof c->session_file, v, why, size);
}

static int set_test(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->test, why, size);
}

static int set_catch_up(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->catch_up, why, size);
}

/* ID=HOST:PORT, an IPv6 address in brackets. */
static int set_dc(struct rpc_config *c, const char *v, char *why, size_t size)
{
	static const char form[] = "ID=HOST:PORT is wanted, IPv6 in brackets";
	struct mt_address a = {.is_static = true};
	const char *eq = strchr(v, '='), *host, *colon = strrchr(v, ':');
	char id[8];
	size_t n;
	long dc, port;
	uint8_t numeric[16];

	if (!eq || !colon || colon < eq || (size_t)(eq - v) >= sizeof id)
		return bad(why, size, form);
	snprintf(id, sizeof id, "%.*s", (int)(eq - v), v);
	host = eq + 1;
	n = (size_t)(colon - host);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		a.ipv6 = true;
		host++;
		n -= 2;
	}
	if (!n || n >= sizeof a.host || !integer(id, 1, 1000, 10, &dc) ||
	    !integer(colon + 1, 1, 65535, 10, &port))
		return bad(why, size, form);
	if (c->dc_rank < c->rank)
		c->dc_count = 0;
	c->dc_rank = c->rank;
	if (c->dc_count == RPC_MAX_DCS)
		return bad(why, size, "at most 32 addresses");
	memcpy(a.host, host, n);
	if (a.ipv6 && inet_pton(AF_INET6, a.host, numeric) != 1)
		return bad(why, size, form);
	a.dc = (int)dc;
	a.port = (uint16_t)port;
	c->dcs[c->dc_count++] = a;
	return 0;
}

static int set_first_dc(struct rpc_config *c, const char *v, char *why, size_t size)
{
	long n;

	if (!integer(v, 1, 1000, 10, &n))
		return bad(why, size, "the number of a data centre is wanted");
	c->first_dc = (int)n;
	return 0;
}

static int set_rsa_key(struct rpc_config *c, const char *v, char *why, size_t size)
{
	char pem[8192];
	FILE *f = fopen(v, "re");
	size_t n = f ? fread(pem, 1, sizeof pem, f) : 0;

	if (!f) {
		snprintf(why, size, "%.100s: %s", v, strerror(errno));
		return -TG_E_FILE_ACCESS;
	}
	fclose(f);
	if (c->key_rank < c->rank)
		c->key_count = 0;
	c->key_rank = c->rank;
	if (c->key_count == RPC_MAX_KEYS)
		return bad(why, size, "at most 8 keys");
	if (mt_rsa_from_pem(pem, n, &c->keys[c->key_count]) != 0)
		return bad(why, size, "an RSA public key of 2048 bits in PEM is wanted");
	c->key_count++;
	return 0;
}

static int proxy(const char *v, struct mt_proxy *ret, char *why, size_t size)
{
	const char *reason;

	return mt_proxy_parse(v, ret, &reason) == 0 ? 0 : bad(why, size, reason);
}

static int set_proxy(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return proxy(v, &c->proxy, why, size);
}

static int set_pfs(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->pfs, why, size);
}

static int set_transport(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return mt_transport_parse(v, &c->transport) == 0
		       ? 0
		       : bad(why, size,
			     "[obfuscated-]abridged, [obfuscated-]intermediate, "
			     "[obfuscated-]padded or full");
}

static int set_ipv6(struct rpc_config *c, const char *v, char *why, size_t size)
{
	static const char *const names[] = {[TG_IPV6_ALLOW] = "allow",
					    [TG_IPV6_PREFER] = "prefer",
					    [TG_IPV6_NEVER] = "never",
					    [TG_IPV6_ONLY] = "only"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(v, names[i]) == 0) {
			c->ipv6 = (enum tg_ipv6)i;
			return 0;
		}
	}
	return bad(why, size, "allow, prefer, never or only");
}

#define TEXT(field)                                                                                \
	static int set_##field(struct rpc_config *c, const char *v, char *why, size_t size)        \
	{                                                                                          \
		return copy(c->field, sizeof c->field, v, why, size);                              \
	}
TEXT(device_model)
TEXT(system_version)
TEXT(app_version)
TEXT(system_lang_code)
TEXT(lang_pack)
TEXT(lang_code)

/* ---- the process ----------------------------------------------------------------------------- */
static int set_log_level(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return rpc_level_parse(v, &c->log_level) == 0
		       ? 0
		       : bad(why, size, "error, warning, notice, info or debug");
}

static int set_check(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->check_only, why, size);
}

static int set_version(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->version, why, size);
}

static int set_help(struct rpc_config *c, const char *v, char *why, size_t size)
{
	return truth(v, &c->help, why, size);
}

const struct rpc_option rpc_options[] = {
	{"config", "FILE", set_config, "read this file instead of layerd.conf", RPC_O_FLAG},
	{"socket", "PATH[,ROLE]", set_socket,
	 "listen here; role read, send or admin, else see below (repeatable)", 0},
	{"socket-mode", "MODE", set_socket_mode, "mode of the sockets (0600; 0660 with a group)",
	 0},
	{"socket-group", "GROUP", set_socket_group, "group of the sockets", 0},
	{"state", "DIR", set_state, "folder of keys and journal", 0},
	{"store", "KIND", set_store, "lmdb (default) or memory", 0},
	{"journal-age", "SECONDS", set_journal_age,
	 "how long updates are kept (default 604800, a week)", 0},
	{"journal-bytes", "BYTES", set_journal_bytes,
	 "how much of them (default 1073741824); the oldest go", 0},
	{"encryption", "WHAT", set_encryption,
	 "of the store: none, keys, all (default: all when there is a key)", 0},
	{"key-file", "FILE", set_key_file,
	 "key of the store, 32 bytes or 64 hex digits (default: credential db_key)", 0},
	{"rekey", NULL, set_rekey, "change the store to this key and encryption, and end",
	 RPC_O_FLAG},
	{"old-key-file", "FILE", set_old_key_file, "with --rekey: the key until now", RPC_O_FLAG},
	{"restore-keys", NULL, set_restore_keys,
	 "put a damaged store aside, begin one with the keys of keys.bak, and end", RPC_O_FLAG},
	{"api-id", "N", set_api_id, "api_id from my.telegram.org", RPC_O_ACCOUNT},
	{"api-hash", "HASH", set_api_hash, "api_hash; better in a file or credential",
	 RPC_O_SECRET | RPC_O_ACCOUNT},
	{"api-hash-file", "FILE", set_api_hash_file, "file that holds the api_hash", RPC_O_ACCOUNT},
	{"session-file", "FILE", set_session_file,
	 "an account to begin with: its session as text (or $LAYERD_SESSION, credential session)",
	 RPC_O_ACCOUNT},
	{"test", NULL, set_test, "Telegram's test servers", RPC_O_ACCOUNT},
	{"catch-up", NULL, set_catch_up,
	 "fetch what was missed while away (default; --no-catch-up: not)", RPC_O_ACCOUNT},
	{"dc", "ID=HOST:PORT", set_dc, "address of a data centre (repeatable)", 0},
	{"first-dc", "ID", set_first_dc, "data centre of new accounts", RPC_O_ACCOUNT},
	{"rsa-key", "FILE", set_rsa_key, "public key of the server in PEM (repeatable)", 0},
	{"proxy", "URL", set_proxy,
	 "connect through it alone: socks5://, http://, tg://proxy?…, mtproxy://secret@host:port",
	 RPC_O_SECRET | RPC_O_ACCOUNT},
	{"pfs", NULL, set_pfs, "send over temporary keys, renewed each day (forward secrecy)",
	 RPC_O_ACCOUNT},
	{"ipv6", "WHEN", set_ipv6, "allow (default: whichever answers), prefer, never, only",
	 RPC_O_ACCOUNT},
	{"transport", "NAME", set_transport, "obfuscated-padded (default), full, …", RPC_O_ACCOUNT},
	{"device-model", "TEXT", set_device_model, "shown in the list of sessions", RPC_O_ACCOUNT},
	{"system-version", "TEXT", set_system_version, "the same", RPC_O_ACCOUNT},
	{"app-version", "TEXT", set_app_version, "the same", RPC_O_ACCOUNT},
	{"system-lang-code", "CODE", set_system_lang_code, "language of the system", RPC_O_ACCOUNT},
	{"lang-pack", "NAME", set_lang_pack, "language pack", RPC_O_ACCOUNT},
	{"lang-code", "CODE", set_lang_code, "language", RPC_O_ACCOUNT},
	{"log-level", "LEVEL", set_log_level, "error, warning, notice, info, debug", 0},
	{"check-config", NULL, set_check, "check the configuration and end", RPC_O_FLAG},
	{"version", NULL, set_version, "show the version and end", RPC_O_FLAG},
	{"help", NULL, set_help, "show this and end", RPC_O_FLAG},
};
const unsigned rpc_option_count = sizeof rpc_options / sizeof rpc_options[0];

/* ---- accounts -------------------------------------------------------------------------------- */
int rpc_option_account(struct rpc_account_config *a, const char *key, const char *value, char *why,
		       size_t size)
{
	const struct rpc_option *o = rpc_option_find(key);
	int err;

	if (strcmp(key, "token-file") == 0)
		return copy(a->token_file, sizeof a->token_file, value, why, size);
	if (!o || !(o->flags & RPC_O_ACCOUNT))
		return -TG_E_NOT_FOUND;
	if (o->value && !*value) {
		snprintf(why, size, "%s is wanted", o->value);
		return -TG_E_INVALID_PARAMS;
	}
	err = o->set(&a->own, value, why, size);
	if (!err)
		a->set |= UINT64_C(1) << (o - rpc_options);
	return err;
}

const struct rpc_config *rpc_config_for(const struct rpc_config *c,
					const struct rpc_account_config *section,
					const char *option)
{
	const struct rpc_option *o = rpc_option_find(option);

	if (section && o && section->set >> (o - rpc_options) & 1)
		return &section->own;
	return c;
}

const struct rpc_option *rpc_option_find(const char *name)
{
	for (unsigned i = 0; i < rpc_option_count; i++)
		if (strcmp(rpc_options[i].name, name) == 0)
			return &rpc_options[i];
	return NULL;
}

void rpc_option_hint(const char *name, unsigned with, unsigned without, char *out, size_t size)
{
	struct rpc_nearest near = rpc_nearest(tl_str(name));

	if (with & RPC_O_ACCOUNT)
		rpc_nearest_try(&near, "token-file");
	for (unsigned i = 0; i < rpc_option_count; i++)
		if ((rpc_options[i].flags & with) == with && !(rpc_options[i].flags & without))
			rpc_nearest_try(&near, rpc_options[i].name);
	if (near.best)
		snprintf(out, size, "; did you mean %s?", near.best);
	else
		snprintf(out, size, "; layerd --help lists all");
}

int rpc_secret_read(const char *path, char *out, size_t room, char *why, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f || !fgets(out, (int)room, f)) {
		snprintf(why, size, "%.120s: %s", path, f ? "it is empty" : strerror(errno));
		if (f)
			fclose(f);
		return -TG_E_FILE_ACCESS;
	}
	fclose(f);
	n = strlen(out);
	while (n && (out[n - 1] == '\n' || out[n - 1] == '\r' || out[n - 1] == ' '))
		out[--n] = '\0';
	return 0;
}
