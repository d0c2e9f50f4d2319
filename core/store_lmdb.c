/* The store in LMDB. One environment per state folder, held under an exclusive lock. The store
 * thread commits; the loop thread reads in short transactions; the map is swapped or grown only
 * while no transaction is open (guard). The struct belongs to the daemon.
 * http://www.lmdb.tech/doc/ */
#include "core/store_spare.h"

#include "core/core.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_START ((size_t)16 << 20)
#define MAX_READERS 8
#define BEHIND (-1) /* beside LMDB's errors: older than keys.bak */

static const char format_key[] = "format";
static const char data_file[] = "data.mdb", readers_file[] = "lock.mdb";

struct store {
	struct tg_store base;
	pthread_rwlock_t guard; /* read: a transaction is open; write: the map is being changed */
	MDB_env *env;
	MDB_txn *reader; /* of the loop thread, reset between uses */
	MDB_dbi dbi[TG_TABLE_COUNT];
	int lock_fd;
	bool broken;         /* the environment must be opened anew before the next use */
	bool spare_due;      /* keys.bak is not what the store has; the store thread's */
	bool as_left;        /* as a clean end left it */
	uint64_t floor;      /* generation of keys.bak */
	struct tl_buf bytes; /* of keys.bak, wiped after use */
	char dir[TG_MAX_PATH];
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

/* ---- keys.bak ---- */
static int generation(MDB_txn *txn, MDB_dbi meta, uint64_t *ret)
{
	MDB_val k = {sizeof tg_meta_generation - 1, (void *)tg_meta_generation}, v;
	struct tl_cursor c;
	int rc = mdb_get(txn, meta, &k, &v);

	*ret = 0;
	if (rc == 0) {
		c = tl_cursor(v.mv_data, v.mv_size);
		*ret = tl_get_u64(&c);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int next_generation(MDB_txn *txn, MDB_dbi meta)
{
	MDB_val k = {sizeof tg_meta_generation - 1, (void *)tg_meta_generation}, v;
	uint8_t bytes[8];
	uint64_t n;
	int rc = generation(txn, meta, &n);

	if (rc)
		return rc;
	n++;
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(n >> 8 * i);
	v = (MDB_val){sizeof bytes, bytes};
	return mdb_put(txn, meta, &k, &v, 0);
}

static void wipe_bytes(struct store *m)
{
	if (m->bytes.data)
		mt_wipe(m->bytes.data, m->bytes.cap);
	tl_buf_free(&m->bytes);
}

static int put_rows(struct store *m, MDB_txn *txn, enum tg_table t)
{
	MDB_cursor *c;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, m->dbi[t], &c);

	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0)
		tg_spare_put(&m->bytes, t, (struct tl_str){k.mv_data, (uint32_t)k.mv_size},
			     (struct tl_str){v.mv_data, (uint32_t)v.mv_size});
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int write_spare(struct store *m)
{
	static const enum tg_table tables[] = {TG_TABLE_META, TG_TABLE_ACCOUNT, TG_TABLE_KEY};
	MDB_txn *txn;
	uint64_t n = 0;
	int rc = mdb_txn_begin(m->env, NULL, MDB_RDONLY, &txn), r;

	if (rc)
		return error_of(rc);
	rc = generation(txn, m->dbi[TG_TABLE_META], &n);
	tg_spare_begin(&m->bytes, n);
	for (size_t i = 0; rc == 0 && i < sizeof tables / sizeof *tables; i++)
		rc = put_rows(m, txn, tables[i]);
	mdb_txn_abort(txn);
	r = rc ? error_of(rc) : tg_spare_write(m->dir, &m->bytes);
	wipe_bytes(m);
	if (r == 0)
		m->floor = n;
	m->spare_due = r != 0;
	return r;
}

/* ---- opening ---- */
/* Format 1 had no keys.bak: its store has no generation yet. */
static int bring_up(MDB_txn *txn, MDB_dbi meta, uint8_t from)
{
	return from < 2 ? next_generation(txn, meta) : 0;
}

static int check_format(struct store *m, MDB_txn *txn)
{
	MDB_dbi meta = m->dbi[TG_TABLE_META];
	MDB_val key = {sizeof format_key - 1, (void *)format_key}, value;
	uint8_t format = TG_STORE_FORMAT, found = format;
	uint64_t n;
	int rc = mdb_get(txn, meta, &key, &value);

	if (rc == 0 && value.mv_size == 1)
		found = *(uint8_t *)value.mv_data;
	if (found > format || (rc == 0 && value.mv_size != 1))
		return MDB_VERSION_MISMATCH;
	if (rc == 0 && found < format)
		rc = bring_up(txn, meta, found);
	if (rc == MDB_NOTFOUND || (rc == 0 && found < format)) {
		value = (MDB_val){1, &format};
		rc = mdb_put(txn, meta, &key, &value, 0);
	}
	if (rc == 0)
		rc = generation(txn, meta, &n);
	if (rc == 0)
		m->spare_due = m->spare_due || n > m->floor;
	return rc == 0 && n < m->floor ? BEHIND : rc;
}

static int open_tables(struct store *m)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

	if (rc)
		return rc;
	for (int t = 0; rc == 0 && t < TG_TABLE_COUNT; t++)
		rc = mdb_dbi_open(txn, tg_table_names[t], MDB_CREATE, &m->dbi[t]);
	if (rc == 0)
		rc = check_format(m, txn);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
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
	int rc = mdb_env_create(&m->env), dead;

	if (rc)
		return rc;
	rc = mdb_env_set_maxdbs(m->env, TG_TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(m->env, MAX_READERS);
	if (rc == 0)
		rc = mdb_env_set_mapsize(m->env, MAP_START); /* LMDB keeps a larger one */
	if (rc == 0)
		rc = mdb_env_open(m->env, m->dir, MDB_NOTLS, 0600);
	tg_spare_own(m->dir, data_file);
	tg_spare_own(m->dir, readers_file);
	if (rc == 0)
		rc = mdb_reader_check(m->env, &dead);
	if (rc == 0)
		rc = open_tables(m);
	if (rc)
		close_env(m);
	return rc;
}

/* After a failed write LMDB refuses everything until it is opened anew. */
static int reopen(struct store *m)
{
	int rc;

	pthread_rwlock_wrlock(&m->guard);
	close_env(m);
	rc = open_env(m);
	m->broken = rc != 0;
	pthread_rwlock_unlock(&m->guard);
	return error_of(rc);
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
/* *keys: a row that keys.bak holds was among them. */
static int apply(struct store *m, MDB_txn *txn, const struct tg_batch *b, bool *keys)
{
	struct tg_op op;

	if (b->ops.err)
		return EINVAL;
	for (size_t pos = 0; tg_batch_next(b, &pos, &op);) {
		MDB_val k = {op.nkey, (void *)op.key}, v = {op.n, NULL};
		int rc;

		*keys = *keys || tg_spare_wants(op.table, op.key, op.nkey);
		if (!op.put) {
			rc = mdb_del(txn, m->dbi[op.table], &k, NULL);
			rc = rc == MDB_NOTFOUND ? 0 : rc;
		} else {
			/* The journal only grows at its end: full pages, no search. */
			rc = mdb_put(txn, m->dbi[op.table], &k, &v,
				     MDB_RESERVE | (op.table == TG_TABLE_JOURNAL ? MDB_APPEND : 0));
			if (rc == MDB_KEYEXIST)
				rc = mdb_put(txn, m->dbi[op.table], &k, &v, MDB_RESERVE);
			if (rc == 0)
				tg_op_value(&op, v.mv_data);
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
	bool keys = false;

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = apply(m, txn, batches[i], &keys);
	if (rc == 0 && keys)
		rc = next_generation(txn, m->dbi[TG_TABLE_META]);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	m->spare_due = m->spare_due || (rc == 0 && keys);
	return rc;
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
	if (info.me_mapsize >= TG_MAP_MAX)
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
	int rc = commit_once(m, batches, count), r;

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
	if (rc)
		return error_of(rc);
	/* Keys are kept when both files have them; a batch that comes again changes nothing. */
	pthread_rwlock_rdlock(&m->guard);
	r = !m->spare_due ? 0 : m->broken ? -TG_E_STORE : write_spare(m);
	pthread_rwlock_unlock(&m->guard);
	return r;
}

static void free_store(struct store *m)
{
	close_env(m);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	pthread_rwlock_destroy(&m->guard);
	free(m);
}

static void lmdb_close(struct tg_store *s)
{
	struct store *m = (struct store *)s;

	close_env(m);
	tg_lock_leave(m->lock_fd, m->dir);
	free_store(m);
}

static const struct tg_store_ops ops = {lmdb_get, lmdb_seek, lmdb_commit, lmdb_close};

/* ---- the doors ---- */
/* What the system or LMDB says of a file. */
static int failed(struct tg_store_report *why, const char *file, int rc)
{
	why->file = file;
	why->text = mdb_strerror(rc);
	return error_of(rc);
}

static int lock_folder(const char *dir, struct store **ret, struct tg_store_report *why)
{
	struct store *m;
	int r;

	*why = (struct tg_store_report){.verdict = TG_STORE_FAILED};
	if (strlen(dir) >= sizeof m->dir)
		return -TG_E_TOO_LARGE;
	m = calloc(1, sizeof *m);
	if (!m)
		return -TG_E_NOMEM;
	m->base.ops = &ops;
	m->lock_fd = -1;
	memcpy(m->dir, dir, strlen(dir));
	pthread_rwlock_init(&m->guard, NULL);
	r = tg_lock_take(m->dir, &m->lock_fd, &why->pid, &m->as_left);
	if (r == -TG_E_NOT_PERMITTED)
		why->verdict = TG_STORE_HELD;
	else if (r)
		(void)failed(why, "lock", errno);
	if (r)
		free_store(m);
	else
		*ret = m;
	return r;
}

static bool is_empty(const struct store *m)
{
	char path[TG_MAX_PATH + 32];
	struct stat st;

	tg_spare_path(path, m->dir, data_file);
	return stat(path, &st) != 0 ? errno == ENOENT : st.st_size == 0;
}

static int refuse(struct tg_store_report *why, enum tg_store_verdict verdict)
{
	why->verdict = verdict;
	return -TG_E_STORE;
}

static int may_open(const struct store *m, struct tg_store_report *why)
{
	static const char *const files[] = {data_file, readers_file};
	char path[TG_MAX_PATH + 32];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		tg_spare_path(path, m->dir, files[i]);
		if (access(path, R_OK | W_OK) != 0 && errno != ENOENT)
			return failed(why, files[i], errno);
	}
	return 0;
}

/* May the files be used? Changes nothing but a keys.bak that is bad while the store is not. */
static int examine(struct store *m, struct tg_store_report *why)
{
	int r = tg_spare_read(m->dir, &m->bytes, &m->floor), table, looked, e = errno;

	wipe_bytes(m);
	if (r == -TG_E_FILE_ACCESS)
		return failed(why, "keys.bak", e);
	if (may_open(m, why) != 0)
		return -TG_E_STORE;
	if (is_empty(m))
		return r == -TG_E_NOT_FOUND ? 0 : refuse(why, TG_STORE_BEHIND);
	looked = m->as_left ? 0 : tg_store_check(m->dir, &table);
	if (looked == -TG_E_FILE_ACCESS)
		return failed(why, data_file, errno);
	if (looked) {
		why->table = table < 0 ? NULL : tg_table_names[table];
		return refuse(why, TG_STORE_DAMAGED);
	}
	why->spare_bad = r == -TG_E_STORE;
	if (why->spare_bad)
		r = tg_spare_aside(m->dir, "keys.bak");
	return r == -TG_E_NOT_FOUND ? 0 : r;
}

/* A store that has nothing wrong is not put aside, nor one that we may only not open. It is looked
 * through whatever its end was. */
static int refuse_sound(struct store *m, struct tg_store_report *why)
{
	struct tg_store_report found = {.verdict = TG_STORE_FAILED};
	int r, rc;

	m->as_left = false;
	r = examine(m, &found);
	if (r && found.verdict == TG_STORE_FAILED) {
		*why = found;
		return r;
	}
	rc = r ? BEHIND : open_env(m);
	if (rc == 0)
		return refuse(why, TG_STORE_SOUND);
	if (rc != BEHIND && rc != MDB_VERSION_MISMATCH && rc != MDB_INVALID && rc != MDB_CORRUPTED)
		return failed(why, data_file, rc);
	m->floor = 0;
	m->spare_due = false;
	return 0;
}

static int use(struct store *m, struct tg_store_report *why)
{
	int rc = open_env(m);

	if (rc == BEHIND)
		return refuse(why, TG_STORE_BEHIND);
	if (rc == MDB_VERSION_MISMATCH)
		return refuse(why, TG_STORE_NEWER);
	if (rc)
		return failed(why, data_file, rc);
	return m->spare_due ? write_spare(m) : 0;
}

int tg_store_open_lmdb(const char *dir, struct tg_store **ret, struct tg_store_report *why)
{
	struct store *m;
	int r = lock_folder(dir, &m, why);

	if (r)
		return r;
	r = examine(m, why);
	if (r == 0)
		r = use(m, why);
	if (r)
		free_store(m);
	else
		*ret = &m->base;
	return r;
}

static int copy_all(struct tg_store *from, struct tg_batch *to)
{
	struct tl_buf at = {0}, key = {0}, value = {0};
	int r = 0;

	for (int t = 0; t < TG_TABLE_COUNT; t++) {
		enum tg_table table = (enum tg_table)t;

		tl_buf_clear(&at);
		while ((r = from->ops->seek(from, table, NULL, 0, at.data, at.len, &key, &value)) ==
		       0) {
			tg_batch_put(to, table, key.data, key.len, value.data, value.len);
			tl_buf_clear(&at);
			tl_put(&at, key.data, key.len);
			tl_put_u8(&at, 0);
		}
		if (r != -TG_E_NOT_FOUND)
			break;
		r = at.err;
	}
	if (value.data)
		mt_wipe(value.data, value.cap);
	tl_buf_free(&at);
	tl_buf_free(&key);
	tl_buf_free(&value);
	return r;
}

int tg_store_begin_anew(const char *dir, struct tg_store *rows, struct tg_store_report *why)
{
	struct store *m;
	struct tg_batch *b = tg_batch_new();
	const struct tg_batch *one = b;
	int r = b ? copy_all(rows, b) : -TG_E_NOMEM;

	if (r == 0)
		r = lock_folder(dir, &m, why);
	if (r) {
		tg_batch_free(b);
		return r;
	}
	r = refuse_sound(m, why);
	if (r == 0)
		r = tg_spare_aside(dir, data_file);
	if (r == 0)
		r = use(m, why);
	if (r == 0)
		r = lmdb_commit(&m->base, &one, 1);
	tg_batch_free(b);
	if (r && why->verdict != TG_STORE_SOUND)
		free_store(m);
	else
		lmdb_close(&m->base);
	return r;
}
