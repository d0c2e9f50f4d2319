/* Opens the state folder: makes it, takes its store, puts the coat of encryption on. Keys of the
 * store come from files and are wiped as soon as the store has them. */
#include "daemon/state.h"

#include "core/seal.h"
#include "daemon/accounts.h"
#include "daemon/committer.h"
#include "daemon/daemon.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders down to the state's own, which is private. */
static int make_folder(const char *path)
{
	char part[256];
	size_t n = strlen(path);
	struct stat st;

	for (size_t i = 1; i <= n && n < sizeof part; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -1;
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return 0;
}

static int refuse_store(const char *dir, const struct tg_store_report *r, int err, char *why,
			size_t size)
{
	static const char restore[] =
		"--restore-keys puts data.mdb aside and begins a new one with the accounts and "
		"keys of keys.bak, without the journal";

	switch (r->verdict) {
	case TG_STORE_HELD:
		snprintf(why, size, "%s: another layerd (pid %d) uses this state", dir, r->pid);
		return RPC_EXIT_BUSY;
	case TG_STORE_NEWER:
		snprintf(why, size,
			 "%s/data.mdb is of a newer layerd; install that one; nothing was changed",
			 dir);
		return RPC_EXIT_DATA;
	case TG_STORE_DAMAGED:
		snprintf(why, size,
			 "%s/data.mdb is damaged (%s%s) and was left as it is; put a copy of yours "
			 "in its place, or: layerd --state %s %s",
			 dir, r->table ? "in the table " : "read as a whole",
			 r->table ? r->table : "", dir, restore);
		return RPC_EXIT_DATA;
	case TG_STORE_BEHIND:
		snprintf(why, size,
			 "%s/data.mdb is gone or older than keys.bak, and keys would be lost; put "
			 "it back, or: layerd --state %s %s",
			 dir, dir, restore);
		return RPC_EXIT_DATA;
	case TG_STORE_SOUND:
		snprintf(why, size,
			 "the store of %s is sound: nothing to restore; move data.mdb away "
			 "yourself if you mean it",
			 dir);
		return 1;
	case TG_STORE_FAILED:
		break;
	}
	snprintf(why, size, "%s%s%s: %s", dir, r->file ? "/" : "", r->file ? r->file : "",
		 r->text ? r->text : tg_error_row(err)->text);
	return 1;
}

static int refuse_folder(const char *dir, char *why, size_t size)
{
	snprintf(why, size, "%s: %s (set --state)", dir, strerror(errno));
	return 1;
}

static int open_plain(const struct rpc_config *c, struct rpc_log *log, struct tg_store **ret,
		      char *why, size_t size)
{
	struct tg_store_report report = {.verdict = TG_STORE_FAILED};
	int err;

	if (c->memory) {
		err = tg_store_open_memory(ret);
	} else {
		if (make_folder(c->state) != 0 || access(c->state, W_OK | X_OK) != 0)
			return refuse_folder(c->state, why, size);
		err = tg_store_open_lmdb(c->state, ret, &report);
	}
	if (report.spare_bad && log)
		rpc_log(log, RPC_WARNING, "keys_bak_damaged",
			"path=%s/keys.bak put_aside=keys.bak.corrupt-*", c->state);
	return err ? refuse_store(c->state, &report, err, why, size) : 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */
static bool from_hex(const char *text, size_t n, uint8_t key[TG_SEAL_KEY])
{
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (n != 2 * TG_SEAL_KEY)
		return false;
	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)text[i]);

		if (!isxdigit(c))
			return false;
		key[i / 2] = (uint8_t)(key[i / 2] << 4 | (isdigit(c) ? c - '0' : c - 'a' + 10));
	}
	return true;
}

static int read_key(const char *path, uint8_t key[TG_SEAL_KEY], char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128];
	struct stat st;
	ssize_t n = fd < 0 || fstat(fd, &st) != 0 ? -1 : read(fd, text, sizeof text);
	bool fits = true;

	if (n < 0) {
		snprintf(why, size, "key file %s: %s", path, strerror(errno));
	} else if (st.st_mode & 077) {
		snprintf(why, size, "key file %s: others may read it; chmod 0400", path);
		n = -1;
	} else if (n == TG_SEAL_KEY) {
		memcpy(key, text, TG_SEAL_KEY);
	} else {
		fits = from_hex(text, (size_t)n, key);
		if (!fits)
			snprintf(why, size, "key file %s: 32 bytes or 64 hex digits are wanted",
				 path);
	}
	if (fd >= 0)
		close(fd);
	mt_wipe(text, sizeof text);
	return n < 0 || !fits ? RPC_EXIT_CONFIG : 0;
}

static enum tg_seal_mode wanted(const struct rpc_config *c)
{
	if (c->encryption >= 0)
		return (enum tg_seal_mode)c->encryption;
	return c->key_file[0] ? TG_SEAL_ALL : TG_SEAL_NONE;
}

/* Reads the key that a mode asks for; *ret_key NULL when it asks for none. */
static int key_for(enum tg_seal_mode mode, const char *file, uint8_t key[TG_SEAL_KEY],
		   const uint8_t **ret_key, char *why, size_t size)
{
	*ret_key = NULL;
	if (mode == TG_SEAL_NONE)
		return 0;
	if (!file[0]) {
		snprintf(why, size, "encryption wants a key: set --key-file or credential db_key");
		return RPC_EXIT_CONFIG;
	}
	*ret_key = key;
	return read_key(file, key, why, size);
}

static int refuse(const struct rpc_config *c, int err, char *why, size_t size)
{
	switch (err) {
	case -TG_E_CRYPTO:
		snprintf(why, size, "%s: the key of the store is another one; nothing was changed",
			 c->state);
		return RPC_EXIT_CONFIG;
	case -TG_E_NOT_PERMITTED:
		snprintf(why, size,
			 "%s: the store is encrypted otherwise than configured, or a change of "
			 "that was "
			 "interrupted: layerd --rekey [--old-key-file FILE]; nothing was changed",
			 c->state);
		return RPC_EXIT_CONFIG;
	}
	snprintf(why, size, "%s: %s", c->state, tg_error_row(err)->text);
	return 1;
}

int rpc_state_check(const struct rpc_config *c, char *why, size_t size)
{
	uint8_t key[TG_SEAL_KEY];
	const uint8_t *with;
	int rc = key_for(wanted(c), c->key_file, key, &with, why, size);

	mt_wipe(key, sizeof key);
	return rc;
}

/* ---- doors ----------------------------------------------------------------------------------- */
int rpc_state_open(const struct rpc_config *c, struct mt_vault *vault, struct rpc_log *log,
		   struct tg_store **ret, char *why, size_t size)
{
	const struct mt_env env = {.random = rpc_random, .vault = vault};
	enum tg_seal_mode mode = wanted(c), found = TG_SEAL_NONE;
	uint8_t key[TG_SEAL_KEY];
	const uint8_t *with;
	struct tg_store *plain;
	bool unfinished = false;
	int rc = key_for(mode, c->key_file, key, &with, why, size), err;

	if (!rc)
		rc = open_plain(c, log, &plain, why, size);
	if (rc)
		return rc;
	*ret = plain;
	if (with) {
		err = tg_store_seal(plain, with, mode, &env, ret);
	} else {
		err = tg_seal_look(plain, &found, &unfinished);
		if (!err && (found != TG_SEAL_NONE || unfinished))
			err = -TG_E_NOT_PERMITTED;
	}
	mt_wipe(key, sizeof key);
	if (!err)
		return 0;
	plain->ops->close(plain);
	*ret = NULL;
	return refuse(c, err, why, size);
}

/* A folder that was named by mistake gets no store. */
static int must_exist(const struct rpc_config *c, char *why, size_t size)
{
	char path[300];
	struct stat st;
	int err;

	snprintf(path, sizeof path, "%s/data.mdb", c->state);
	err = stat(path, &st) != 0 ? errno : st.st_size ? 0 : ENOENT;
	if (c->memory || !err)
		return 0;
	if (err == ENOENT || err == ENOTDIR)
		snprintf(why, size, "%s: there is no store (set --state)", c->state);
	else
		snprintf(why, size, "%s: %s", path, strerror(err));
	return RPC_EXIT_DATA;
}

/* What --rekey was to bring about is so; inner is closed then. */
static bool is_so(struct tg_store *inner, const uint8_t *key, enum tg_seal_mode mode,
		  const struct mt_env *env)
{
	enum tg_seal_mode found;
	bool unfinished;
	struct tg_store *coat = inner;

	if (tg_seal_look(inner, &found, &unfinished) != 0 || unfinished || found != mode)
		return false;
	if (key && tg_store_seal(inner, key, mode, env, &coat) != 0)
		return false;
	coat->ops->close(coat);
	return true;
}

static int refuse_rekey(const struct rpc_config *c, int err, char *why, size_t size)
{
	if (err != -TG_E_CRYPTO || c->old_key_file[0])
		return refuse(c, err, why, size);
	snprintf(why, size,
		 "%s: the key of the store until now is another one: name it by --old-key-file; "
		 "nothing was changed",
		 c->state);
	return RPC_EXIT_CONFIG;
}

int rpc_state_rekey(const struct rpc_config *c, char *why, size_t size)
{
	static const struct mt_env env = {.random = rpc_random};
	enum tg_seal_mode mode = wanted(c);
	uint8_t to[TG_SEAL_KEY], from[TG_SEAL_KEY];
	const uint8_t *to_key, *from_key = NULL;
	struct tg_store *plain;
	int rc = key_for(mode, c->key_file, to, &to_key, why, size), err;

	if (!rc && c->old_key_file[0]) {
		from_key = from;
		rc = read_key(c->old_key_file, from, why, size);
	}
	if (!rc)
		rc = must_exist(c, why, size);
	if (!rc)
		rc = open_plain(c, NULL, &plain, why, size);
	if (rc)
		return rc;
	if (is_so(plain, to_key, mode, &env)) {
		mt_wipe(to, sizeof to);
		mt_wipe(from, sizeof from);
		snprintf(why, size, "%s: the store is already so", c->state);
		return 0;
	}
	err = tg_store_rekey(plain, from_key, to_key, mode, &env);
	plain->ops->close(plain);
	mt_wipe(to, sizeof to);
	mt_wipe(from, sizeof from);
	if (err)
		return refuse_rekey(c, err, why, size);
	snprintf(why, size, "%s: the store is rewritten", c->state);
	return 0;
}

/* ---- keys.bak -------------------------------------------------------------------------------- */
static int load_spare(const struct rpc_config *c, struct tg_store **ret, char *why, size_t size)
{
	int err = tg_spare_load(c->state, ret);

	if (err == -TG_E_NOT_FOUND)
		snprintf(why, size, "%s: there is no keys.bak", c->state);
	else if (err)
		snprintf(why, size, "%s/keys.bak: %s", c->state,
			 err == -TG_E_STORE         ? "it is damaged, too; nothing was changed"
			 : err == -TG_E_FILE_ACCESS ? strerror(errno)
						    : tg_error_row(err)->text);
	return err ? RPC_EXIT_DATA : 0;
}

/* Sealed rows get a new salt: which nonces the lost store had used, nobody knows. */
static int seal_anew(const struct rpc_config *c, struct tg_store *rows, const uint8_t *key,
		     const uint8_t *old)
{
	static const struct mt_env env = {.random = rpc_random};
	enum tg_seal_mode mode;
	bool unfinished;
	int err = tg_seal_look(rows, &mode, &unfinished);

	if (!err && unfinished)
		err = tg_store_rekey(rows, old, key, wanted(c), &env);
	if (!err && !unfinished && mode != wanted(c))
		err = -TG_E_NOT_PERMITTED;
	if (!err && key)
		err = tg_store_rekey(rows, key, key, wanted(c), &env);
	return err;
}

/* Numbers of events go on where no event can have been. */
static int restore(const struct rpc_config *c, struct tg_store *rows, const uint8_t *key,
		   struct tg_store_report *report)
{
	static const struct mt_env env = {.random = rpc_random};
	struct tg_store *coat = rows;
	int err = key ? tg_store_seal(rows, key, wanted(c), &env, &coat) : 0;

	if (!err)
		err = rpc_committer_begin_anew(coat);
	if (!err)
		err = tg_store_begin_anew(c->state, rows, report);
	coat->ops->close(coat);
	return err;
}

int rpc_state_restore(const struct rpc_config *c, char *why, size_t size)
{
	struct tg_store_report report = {.verdict = TG_STORE_FAILED};
	uint8_t key[TG_SEAL_KEY], old[TG_SEAL_KEY];
	const uint8_t *with, *old_key = NULL;
	struct tg_store *rows;
	int rc = key_for(wanted(c), c->key_file, key, &with, why, size), err;

	if (!rc && c->old_key_file[0]) {
		old_key = old;
		rc = read_key(c->old_key_file, old, why, size);
	}
	if (!rc)
		rc = load_spare(c, &rows, why, size);
	if (rc)
		return rc;
	err = seal_anew(c, rows, with, old_key);
	if (err) {
		rows->ops->close(rows);
		rc = refuse(c, err, why, size);
	} else {
		err = restore(c, rows, with, &report);
		rc = err ? refuse_store(c->state, &report, err, why, size) : 0;
	}
	mt_wipe(key, sizeof key);
	mt_wipe(old, sizeof old);
	if (!rc)
		snprintf(why, size, "%s: a new store has the accounts and keys of keys.bak",
			 c->state);
	return rc;
}
