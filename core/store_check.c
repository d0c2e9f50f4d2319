/* Is an LMDB file whole? LMDB keeps no checksums of its pages, and a cut file kills its reader, so
 * a child walks all of it: both metas, every page of every tree (store_tree.c), none of them free,
 * the keys of every table in order, and those of accounts as keys.bak has them. Keeps nothing. The
 * layout of metas is that of LMDB's data format 1. */
#include "core/store_spare.h"

#include "core/core.h"
#include "core/store_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHOLE 0
#define DAMAGED 100 /* below: 1 + the table */
#define UNABLE 110  /* + errno: it could not look, which is no damage */
#define LIMIT 300u  /* seconds; a tree that bites its tail has no end */

struct meta {
	size_t page;
	uint16_t pad, flags;
	uint32_t pages, magic, version;
	void *address;
	size_t map_size;
	struct {
		uint32_t pad;
		uint16_t flags, depth;
		size_t branch, leaf, overflow, entries, root;
	} db[2];
	size_t last_page, number;
};

struct walk {
	MDB_env *env;
	MDB_txn *txn;
	size_t page_size, pages;
	uint8_t *is_used; /* by page: of a tree, or on the free list */
};

static int open_data(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		_exit(UNABLE + errno);
	return fd;
}

/* ---- pages ----------------------------------------------------------------------------------- */
/* The two metas are written in turn: each is the other's neighbour, or the newer one is lost. */
static bool metas_fit(const char *path, size_t page_size, struct meta *ret_newest)
{
	struct meta m[2];
	int fd = open_data(path);
	bool read_both = true;
	size_t a, b;

	for (int i = 0; i < 2; i++)
		read_both = read_both &&
			    pread(fd, &m[i], sizeof m[i], (off_t)(page_size * (size_t)i)) ==
				    (ssize_t)sizeof m[i];
	close(fd);
	if (!read_both || m[0].magic != m[1].magic || m[0].version != m[1].version ||
	    m[0].page != 0 || m[1].page != 1 || m[1].db[0].pad != page_size)
		return false;
	a = m[0].number;
	b = m[1].number;
	*ret_newest = m[b > a];
	return a + 1 == b || b + 1 == a || (a == 0 && b == 0);
}

/* Trees and free list share no page. */
static bool trees_fit(struct walk *w, const char *path, const struct meta *m)
{
	struct tg_tree t = {NULL, w->pages, w->page_size, calloc(w->pages, 1), false};
	int fd = open_data(path);

	t.map = mmap(NULL, w->pages * w->page_size, PROT_READ, MAP_SHARED, fd, 0);
	if (!t.is_used || t.map == MAP_FAILED)
		_exit(UNABLE + errno);
	w->is_used = t.is_used;
	return tg_tree_take(&t, &m->db[0], MDB_INTEGERKEY) && tg_tree_take(&t, &m->db[1], 0);
}

/* ---- tables ---------------------------------------------------------------------------------- */
static bool ascends(bool by_number, const MDB_val *last, const MDB_val *k)
{
	size_t a, b;

	if (!last->mv_data)
		return true;
	if (!by_number)
		return tg_key_compare(last->mv_data, last->mv_size, k->mv_data, k->mv_size) < 0;
	if (k->mv_size != sizeof b || last->mv_size != sizeof a)
		return false;
	memcpy(&a, last->mv_data, sizeof a);
	memcpy(&b, k->mv_data, sizeof b);
	return a < b;
}

/* A value of the free list: how many, and their numbers. */
static bool take_free(struct walk *w, const MDB_val *v)
{
	const size_t *list = v->mv_data;
	size_t n = v->mv_size / sizeof *list;

	if (!n || list[0] >= n)
		return false;
	for (size_t i = 1; i <= list[0]; i++) {
		if (list[i] < 2 || list[i] >= w->pages || w->is_used[list[i]])
			return false;
		w->is_used[list[i]] = 1;
	}
	return true;
}

static bool walk_table(struct walk *w, MDB_dbi dbi, bool is_free_list)
{
	MDB_stat stat;
	MDB_cursor *c;
	MDB_val k, v, last = {0, NULL};
	size_t n = 0;
	int rc;

	if (mdb_stat(w->txn, dbi, &stat) != 0 || mdb_cursor_open(w->txn, dbi, &c) != 0)
		return false;
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		if (++n > stat.ms_entries || !ascends(is_free_list, &last, &k) ||
		    (is_free_list && !take_free(w, &v)))
			break;
		last = k;
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND && n == stat.ms_entries;
}

/* The keys are what keys.bak has, when it is of the same generation. */
static int compare_spare(struct walk *w, const char *dir, const MDB_dbi *dbi)
{
	MDB_val k = {sizeof tg_meta_generation - 1, (void *)tg_meta_generation}, v;
	struct tl_buf b = {0};
	uint64_t generation = 0, own;
	struct tl_cursor c;
	struct tg_op op;
	int code = WHOLE;

	if (tg_spare_read(dir, &b, &generation) != 0 ||
	    mdb_get(w->txn, dbi[TG_TABLE_META], &k, &v) != 0 || v.mv_size != sizeof own)
		return WHOLE;
	c = tl_cursor(v.mv_data, v.mv_size);
	own = tl_get_u64(&c);
	c = tg_spare_rows(&b);
	while (own == generation && code == WHOLE && tg_spare_next(&c, &op)) {
		k = (MDB_val){op.nkey, (void *)op.key};
		if (tg_spare_wants(op.table, op.key, op.nkey) &&
		    (mdb_get(w->txn, dbi[op.table], &k, &v) != 0 || v.mv_size != op.n ||
		     memcmp(v.mv_data, op.value, op.n) != 0))
			code = 1 + (int)op.table;
	}
	return code; /* of a child that ends: nothing to free or to wipe */
}

static int walk_tables(struct walk *w, const char *dir)
{
	MDB_dbi dbi[TG_TABLE_COUNT], whole;
	MDB_stat stat;

	/* 0: the free list */
	if (!walk_table(w, 0, true) || mdb_dbi_open(w->txn, NULL, 0, &whole) != 0 ||
	    !walk_table(w, whole, false) || mdb_stat(w->txn, whole, &stat) != 0)
		return DAMAGED;
	if (stat.ms_entries == 0)
		return WHOLE; /* nothing was ever written */
	for (int t = 0; t < TG_TABLE_COUNT; t++)
		if (mdb_dbi_open(w->txn, tg_table_names[t], 0, &dbi[t]) != 0 ||
		    !walk_table(w, dbi[t], false))
			return 1 + t;
	return compare_spare(w, dir, dbi);
}

/* ---- the child ------------------------------------------------------------------------------- */
/* Of an error of LMDB's. A map without room may be one whose size is nonsense. */
static bool is_unable(int rc, const char *path)
{
	struct meta newest;

	if (rc == ENOMEM)
		return metas_fit(path, (size_t)sysconf(_SC_PAGESIZE), &newest) &&
		       newest.map_size <= TG_MAP_MAX;
	return rc == EACCES || rc == EPERM || rc == EMFILE || rc == ENFILE || rc == ENOENT;
}

static int walk_store(const char *dir, const char *path)
{
	struct walk w = {0};
	MDB_envinfo info;
	MDB_stat all;
	struct meta newest;
	struct stat st;
	int rc = mdb_env_create(&w.env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(w.env, TG_TABLE_COUNT + 1);
	if (rc == 0)
		rc = mdb_env_open(w.env, dir, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0600);
	if (is_unable(rc, path))
		return UNABLE + rc;
	if (rc || mdb_env_info(w.env, &info) != 0 || mdb_env_stat(w.env, &all) != 0 ||
	    all.ms_psize < 512 || all.ms_psize & (all.ms_psize - 1) || stat(path, &st) != 0)
		return DAMAGED;
	w.page_size = all.ms_psize;
	w.pages = info.me_last_pgno + 1;
	if (!w.pages || (size_t)st.st_size / w.page_size < w.pages ||
	    !metas_fit(path, w.page_size, &newest) || !trees_fit(&w, path, &newest))
		return DAMAGED;
	rc = mdb_txn_begin(w.env, NULL, MDB_RDONLY, &w.txn);
	if (rc)
		return rc == ENOMEM ? UNABLE + rc : DAMAGED;
	return walk_tables(&w, dir);
}

static void run_child(const char *dir, const char *path)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
	struct rlimit none = {0, 0};
	sigset_t empty;
	int null;

	closefrom(3); /* locks and sockets would outlive a parent that is killed */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		signal(deadly[i], SIG_DFL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	setrlimit(RLIMIT_CORE, &none);
	dup2(null, 2); /* LMDB's last words */
	alarm(LIMIT);
	_exit(walk_store(dir, path));
}

static int judge(int status, int *ret_table)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : DAMAGED;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		code = UNABLE + ENOMEM; /* by the kernel, which has no more of it */
	if (code >= UNABLE) {
		errno = code - UNABLE;
		return -TG_E_FILE_ACCESS;
	}
	*ret_table = code < DAMAGED ? code - 1 : -1;
	return code == WHOLE ? 0 : -TG_E_STORE;
}

int tg_store_check(const char *dir, int *ret_table)
{
	char path[TG_MAX_PATH + 32];
	pid_t child;
	int status;

	tg_spare_path(path, dir, "data.mdb");
	child = fork();
	if (child == 0)
		run_child(dir, path);
	if (child < 0)
		return -TG_E_FILE_ACCESS;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -TG_E_FILE_ACCESS;
	return judge(status, ret_table);
}
