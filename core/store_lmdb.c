/* The store in LMDB: the only door to it. One environment per state folder, held under an exclusive
 * lock. The store thread commits; the loop thread reads in short transactions; the map is swapped
 * or grown only while no transaction is open (guard). The struct belongs to the daemon.
 * http://www.lmdb.tech/doc/ */
#include "core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAP_START ((size_t)16 << 20)
#define MAP_MAX ((size_t)1 << 40)
#define MAX_READERS 8
#define MAX_PATH 4096
#define HOLDER_TRIES 50

static const char *const table_names[TG_TABLE_COUNT] = {
	"meta", "account", "key", "state", "peer", "name", "journal", "consumer", "outcome",
};
static const char format_key[] = "format";

struct store {
	struct tg_store base;
	pthread_rwlock_t guard; /* read: a transaction is open; write: the map is being changed */
	MDB_env *env;
	MDB_txn *reader; /* of the loop thread, reset between uses */
	MDB_dbi dbi[TG_TABLE_COUNT];
	int lock_fd;
	bool broken; /* the environment must be opened anew before the next use */
	char dir[MAX_PATH];
};

static int error_of(int rc)
{
	if (rc == 0)
		return 0;
	if (rc == MDB_NOTFOUND)
		return -TG_E_NOT_FOUND;
	if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == MDB_MAP_FULL)
		return -TG_E_DISK_FULL;
	return rc == ENOMEM ? -TG_E_NOMEM : -TG_E_STORE;
}

/* ---- the lock ---- */
static int read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof text, 0);
	int pid = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && pid < 1 << 26; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid;
}

/* Whoever has just taken the lock writes his number in the next moment. */
static int holder_of(int fd)
{
	static const struct timespec moment = {.tv_nsec = 10000000};
	int pid = read_pid(fd);

	for (int i = 0; !pid && i < HOLDER_TRIES; i++) {
		nanosleep(&moment, NULL);
		pid = read_pid(fd);
	}
	return pid;
}

static int write_pid(int fd)
{
	char text[16];
	size_t at = sizeof text;
	unsigned pid = (unsigned)getpid();

	text[--at] = '\n';
	for (; pid; pid /= 10)
		text[--at] = (char)('0' + pid % 10);
	if (ftruncate(fd, 0) != 0)
		return error_of(errno);
	return pwrite(fd, text + at, sizeof text - at, 0) < 0 ? error_of(errno) : 0;
}

static int take_lock(struct store *m, int *ret_pid)
{
	char path[MAX_PATH + 8];
	size_t n = strlen(m->dir);

	if (mkdir(m->dir, 0700) != 0 && errno != EEXIST)
		return error_of(errno);
	memcpy(path, m->dir, n);
	memcpy(path + n, "/lock", 6);
	m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0)
		return error_of(errno);
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return error_of(errno);
		*ret_pid = holder_of(m->lock_fd);
		return -TG_E_NOT_PERMITTED;
	}
	return write_pid(m->lock_fd);
}

/* ---- opening ---- */
static int open_tables(struct store *m)
{
	MDB_txn *txn;
	MDB_val key = {sizeof format_key - 1, (void *)format_key}, value;
	uint8_t format = TG_STORE_FORMAT;
	int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

	if (rc)
		return error_of(rc);
	for (int t = 0; rc == 0 && t < TG_TABLE_COUNT; t++)
		rc = mdb_dbi_open(txn, table_names[t], MDB_CREATE, &m->dbi[t]);
	if (rc == 0)
		rc = mdb_get(txn, m->dbi[TG_TABLE_META], &key, &value);
	if (rc == MDB_NOTFOUND) {
		value = (MDB_val){1, &format};
		rc = mdb_put(txn, m->dbi[TG_TABLE_META], &key, &value, 0);
	} else if (rc == 0 && (value.mv_size != 1 || *(uint8_t *)value.mv_data > format)) {
		mdb_txn_abort(txn);
		return -TG_E_NOT_PERMITTED;
	}
	if (rc) {
		mdb_txn_abort(txn);
		return error_of(rc);
	}
	return error_of(mdb_txn_commit(txn));
}

static void close_env(struct store *m)
{
	if (m->reader)
		mdb_txn_abort(m->reader);
	m->reader = NULL;
	if (m->env)
		mdb_env_close(m->env);
	m->env = NULL;
}

static int open_env(struct store *m)
{
	int rc = mdb_env_create(&m->env), dead, r;

	if (rc)
		return error_of(rc);
	rc = mdb_env_set_maxdbs(m->env, TG_TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(m->env, MAX_READERS);
	if (rc == 0)
		rc = mdb_env_set_mapsize(m->env, MAP_START); /* LMDB keeps a larger one */
	if (rc == 0)
		rc = mdb_env_open(m->env, m->dir, MDB_NOTLS, 0600);
	if (rc == 0)
		rc = mdb_reader_check(m->env, &dead);
	r = rc ? error_of(rc) : open_tables(m);
	if (r)
		close_env(m);
	return r;
}

/* After a failed write LMDB refuses everything until it is opened anew. */
static int reopen(struct store *m)
{
	int r;

	pthread_rwlock_wrlock(&m->guard);
	close_env(m);
	r = open_env(m);
	m->broken = r != 0;
	pthread_rwlock_unlock(&m->guard);
	return r;
}

/* ---- reading (loop thread) ---- */
static int renew(struct store *m)
{
	int rc;

	pthread_rwlock_rdlock(&m->guard);
	if (m->broken)
		rc = MDB_PANIC;
	else if (m->reader)
		rc = mdb_txn_renew(m->reader);
	else
		rc = mdb_txn_begin(m->env, NULL, MDB_RDONLY, &m->reader);
	if (rc == 0)
		return 0;
	if (m->reader)
		mdb_txn_abort(m->reader);
	m->reader = NULL;
	pthread_rwlock_unlock(&m->guard);
	return rc;
}

static int read_begin(struct store *m)
{
	int rc = renew(m), r;

	if (rc != MDB_PANIC)
		return error_of(rc);
	r = reopen(m);
	return r ? r : error_of(renew(m));
}

static void read_end(struct store *m)
{
	mdb_txn_reset(m->reader);
	pthread_rwlock_unlock(&m->guard);
}

static int lmdb_get(struct tg_store *s, enum tg_table t, const void *key, size_t nkey,
		    struct tl_buf *out)
{
	struct store *m = (struct store *)s;
	MDB_val k = {nkey, (void *)key}, v;
	int r;

	if (nkey == 0 || nkey > TG_STORE_MAX_KEY)
		return -TG_E_NOT_FOUND;
	r = read_begin(m);
	if (r)
		return r;
	r = error_of(mdb_get(m->reader, m->dbi[t], &k, &v));
	if (r == 0) {
		tl_put(out, v.mv_data, v.mv_size);
		r = out->err;
	}
	read_end(m);
	return r;
}

static int lmdb_seek(struct tg_store *s, enum tg_table t, const void *prefix, size_t nprefix,
		     const void *from, size_t nfrom, struct tl_buf *key, struct tl_buf *value)
{
	struct store *m = (struct store *)s;
	MDB_cursor *c;
	MDB_val k, v;
	int r;

	if (tg_key_compare(from, nfrom, prefix, nprefix) < 0) {
		from = prefix;
		nfrom = nprefix;
	}
	/* The only keys beyond LMDB's length: "the longest one, then 0"; nothing begins with it. */
	k = (MDB_val){nfrom, (void *)from};
	r = read_begin(m);
	if (r)
		return r;
	r = error_of(mdb_cursor_open(m->reader, m->dbi[t], &c));
	if (r == 0) {
		r = error_of(mdb_cursor_get(c, &k, &v, nfrom ? MDB_SET_RANGE : MDB_FIRST));
		if (r == 0 &&
		    (k.mv_size < nprefix || (nprefix && memcmp(k.mv_data, prefix, nprefix) != 0)))
			r = -TG_E_NOT_FOUND;
		if (r == 0) {
			tl_buf_clear(key);
			tl_put(key, k.mv_data, k.mv_size);
			tl_buf_clear(value);
			tl_put(value, v.mv_data, v.mv_size);
			r = key->err ? key->err : value->err;
		}
		mdb_cursor_close(c);
	}
	read_end(m);
	return r;
}

/* ---- writing (store thread) ---- */
static int apply(struct store *m, MDB_txn *txn, const struct tg_batch *b)
{
	struct tg_op op;

	if (b->ops.err)
		return EINVAL;
	for (size_t pos = 0; tg_batch_next(b, &pos, &op);) {
		MDB_val k = {op.nkey, (void *)op.key}, v = {op.n, (void *)op.value};
		int rc;

		if (!op.put) {
			rc = mdb_del(txn, m->dbi[op.table], &k, NULL);
			rc = rc == MDB_NOTFOUND ? 0 : rc;
		} else {
			/* The journal only grows at its end: full pages, no search. */
			rc = mdb_put(txn, m->dbi[op.table], &k, &v,
				     op.table == TG_TABLE_JOURNAL ? MDB_APPEND : 0);
			if (rc == MDB_KEYEXIST)
				rc = mdb_put(txn, m->dbi[op.table], &k, &v, 0);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int run(struct store *m, const struct tg_batch *const *batches, size_t count)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = apply(m, txn, batches[i]);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int commit_once(struct store *m, const struct tg_batch *const *batches, size_t count)
{
	int rc;

	pthread_rwlock_rdlock(&m->guard);
	rc = m->broken ? MDB_PANIC : run(m, batches, count);
	pthread_rwlock_unlock(&m->guard);
	return rc;
}

static int grow(struct store *m)
{
	MDB_envinfo info;
	int rc = mdb_env_info(m->env, &info);

	if (rc)
		return rc;
	if (info.me_mapsize >= MAP_MAX)
		return MDB_MAP_FULL;
	pthread_rwlock_wrlock(&m->guard);
	if (m->reader)
		mdb_txn_abort(m->reader);
	m->reader = NULL;
	rc = mdb_env_set_mapsize(m->env, info.me_mapsize * 2);
	pthread_rwlock_unlock(&m->guard);
	return rc;
}

static int lmdb_commit(struct tg_store *s, const struct tg_batch *const *batches, size_t count)
{
	struct store *m = (struct store *)s;
	int rc = commit_once(m, batches, count);

	if (rc == MDB_PANIC && reopen(m) == 0)
		rc = commit_once(m, batches, count);
	while (rc == MDB_MAP_FULL) {
		rc = grow(m);
		if (rc)
			break;
		rc = commit_once(m, batches, count);
	}
	if (rc && rc != MDB_MAP_FULL && rc != MDB_PANIC)
		reopen(m); /* when that fails the next use tries again */
	return error_of(rc);
}

static void lmdb_close(struct tg_store *s)
{
	struct store *m = (struct store *)s;

	close_env(m);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	pthread_rwlock_destroy(&m->guard);
	free(m);
}

static const struct tg_store_ops ops = {lmdb_get, lmdb_seek, lmdb_commit, lmdb_close};

int tg_store_open_lmdb(const char *dir, struct tg_store **ret, int *ret_pid)
{
	struct store *m;
	int r, pid = 0;

	if (strlen(dir) >= sizeof m->dir)
		return -TG_E_TOO_LARGE;
	m = calloc(1, sizeof *m);
	if (!m)
		return -TG_E_NOMEM;
	m->base.ops = &ops;
	m->lock_fd = -1;
	memcpy(m->dir, dir, strlen(dir));
	pthread_rwlock_init(&m->guard, NULL);
	r = take_lock(m, &pid);
	if (r == 0)
		r = open_env(m);
	if (r) {
		lmdb_close(&m->base);
		if (r == -TG_E_NOT_PERMITTED)
			*ret_pid = pid;
		return r;
	}
	*ret = &m->base;
	return 0;
}
