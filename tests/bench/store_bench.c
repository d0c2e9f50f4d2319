/* Durable updates: store_bench FOLDER COUNT ROUNDS writes COUNT events through the committer, and
 * as many rows of the same size with bare LMDB in as many transactions as the committer has just
 * made of them, in turns, each into a new store: a disk may be four times as fast a second later.
 * Prints the events per second of the round whose ratio is the median, as JSON. */
#include "core/store.h"
#include "daemon/committer.h"
#include "daemon/event.h"
#include "daemon/journal.h"

#include <ev.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PER_BATCH 100u /* events that come in one container, more or less */
#define AHEAD 64u      /* batches under way */
#define BODY 330
#define RAW 250
#define TEXT 127
#define ROUNDS_MAX 32

static void must(bool fine)
{
	if (!fine)
		abort();
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- ours
 * -------------------------------------------------------------------------------------- */

struct ours {
	struct rpc_committer *c;
	struct ev_loop *ev;
	unsigned left, under_way;
};

/* The store, counting its transactions. */
struct counted {
	struct tg_store base;
	struct tg_store *store;
	unsigned transactions;
};

static int counted_get(struct tg_store *s, enum tg_table t, const void *key, size_t nkey,
		       struct tl_buf *out)
{
	struct tg_store *store = ((struct counted *)s)->store;

	return store->ops->get(store, t, key, nkey, out);
}

static int counted_commit(struct tg_store *s, const struct tg_batch *const *batches, size_t count)
{
	struct counted *c = (struct counted *)s;

	c->transactions++;
	return c->store->ops->commit(c->store, batches, count);
}

static const struct tg_store_ops counted_ops = {.get = counted_get, .commit = counted_commit};

static struct rpc_event *some_event(void)
{
	struct rpc_event *e = malloc(sizeof *e + BODY + RAW + TEXT);
	char *bytes = (char *)(e + 1);

	must(e);
	*e = (struct rpc_event){.body = {bytes, BODY},
				.raw = {bytes + BODY, RAW},
				.text = {bytes + BODY + RAW, TEXT}};
	memset(bytes, 'x', BODY + RAW + TEXT);
	e->type = RPC_T_NEW_MESSAGE;
	memcpy(e->account, "main", 5);
	e->chat = e->from = 4242;
	e->has_text = true;
	return e;
}

static struct rpc_commit *some_commit(void)
{
	struct rpc_commit *k = calloc(1, sizeof *k);
	struct rpc_event **tail;

	must(k);
	for (tail = &k->events; k->event_count < PER_BATCH; k->event_count++) {
		*tail = some_event();
		tail = &(*tail)->next;
	}
	return k;
}

static void put_one(struct ours *o, struct rpc_commit *k)
{
	must((k->batch = tg_batch_new()));
	tg_batch_put(k->batch, TG_TABLE_STATE, "main\0common", 11, "0123456789abcdef", 16);
	o->left--;
	o->under_way++;
	rpc_committer_put(o->c, k);
}

/* Its events come again: to make some is not the store's work, and the bare side makes none. */
static void done(void *ctx, struct rpc_commit *k)
{
	struct ours *o = ctx;

	must(k->batch->result == 0);
	tg_batch_free(k->batch);
	o->under_way--;
	if (o->left)
		put_one(o, k);
	if (!o->under_way)
		ev_break(o->ev, EVBREAK_ALL);
}

static void free_commit(struct rpc_commit *k)
{
	for (struct rpc_event *e = k->events, *next; e; e = next) {
		next = e->next;
		rpc_event_free(e);
	}
	free(k);
}

static double ours(const char *folder, unsigned count, unsigned *ret_transactions)
{
	struct ours o = {.ev = ev_loop_new(0), .left = count / PER_BATCH};
	struct rpc_commit *commits[AHEAD];
	struct counted c = {.base = {&counted_ops}};
	double start;
	struct tg_store_report why;

	must(o.ev && tg_store_open_lmdb(folder, &c.store, &why) == 0);
	must(rpc_committer_new(&c.base, o.ev, done, &o, &o.c) == 0);
	for (unsigned i = 0; i < AHEAD; i++)
		commits[i] = some_commit();
	start = seconds();
	for (unsigned i = 0; i < AHEAD && o.left; i++)
		put_one(&o, commits[i]);
	ev_run(o.ev, 0);
	start = seconds() - start;
	rpc_committer_free(o.c);
	for (unsigned i = 0; i < AHEAD; i++)
		free_commit(commits[i]);
	c.store->ops->close(c.store);
	ev_loop_destroy(o.ev);
	*ret_transactions = c.transactions;
	return count / start;
}

/* ---- bare LMDB
 * --------------------------------------------------------------------------------- */

static double bare(const char *folder, unsigned count, unsigned transactions)
{
	unsigned per_txn = (count + transactions - 1) / transactions;
	struct tg_batch *sized = tg_batch_new();
	struct rpc_event *e = some_event();
	size_t n = rpc_journal_put(sized, 1, e, 0) - 8;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi, state;
	double start;
	char *row;

	must(mkdir(folder, 0700) == 0 && (row = calloc(1, n)));
	must(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 4) == 0);
	must(mdb_env_set_mapsize(env, (size_t)16 << 30) == 0);
	must(mdb_env_open(env, folder, 0, 0600) == 0);
	must(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	must(mdb_dbi_open(txn, "journal", MDB_CREATE, &dbi) == 0);
	must(mdb_dbi_open(txn, "state", MDB_CREATE, &state) == 0);
	must(mdb_txn_commit(txn) == 0);
	start = seconds();
	for (uint64_t seq = 1; seq <= count;) {
		must(mdb_txn_begin(env, NULL, 0, &txn) == 0);
		for (unsigned i = 0; i < per_txn && seq <= count; i++, seq++) {
			uint64_t key = __builtin_bswap64(seq);
			MDB_val k = {8, &key}, v = {n, row};

			must(mdb_put(txn, dbi, &k, &v, MDB_APPEND) == 0);
			if (i % PER_BATCH == 0) {
				char name[] = "common", value[16] = {0};
				MDB_val sk = {6, name}, sv = {sizeof value, value};

				must(mdb_put(txn, state, &sk, &sv, 0) == 0);
			}
		}
		must(mdb_txn_commit(txn) == 0);
	}
	start = seconds() - start;
	mdb_env_close(env);
	free(row);
	tg_batch_free(sized);
	rpc_event_free(e);
	return count / start;
}

struct round {
	double ours, bare;
};

static int by_ratio(const void *a, const void *b)
{
	const struct round *x = a, *y = b;
	double first = x->ours / x->bare, second = y->ours / y->bare;

	return (first > second) - (first < second);
}

static void remove_data(const char *folder)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/data.mdb", folder);
	must(unlink(path) == 0);
}

int main(int argc, char **argv)
{
	struct round r[ROUNDS_MAX];
	unsigned count = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	unsigned rounds = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	unsigned transactions;
	char folder[4096];

	if (!count || count % PER_BATCH || !rounds || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: store_bench FOLDER COUNT ROUNDS\n");
		return 2;
	}
	for (unsigned i = 0; i < rounds; i++) {
		snprintf(folder, sizeof folder, "%s/ours%u", argv[1], i);
		r[i].ours = ours(folder, count, &transactions);
		remove_data(folder);
		snprintf(folder, sizeof folder, "%s/bare%u", argv[1], i);
		r[i].bare = bare(folder, count, transactions);
		remove_data(folder);
	}
	qsort(r, rounds, sizeof *r, by_ratio);
	printf("{\"ours\":%.0f,\"bare\":%.0f}\n", r[rounds / 2].ours, r[rounds / 2].bare);
	return 0;
}
