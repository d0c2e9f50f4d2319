/* Durable updates: store_bench FOLDER COUNT ROUNDS writes COUNT events through the committer, and
 * as many rows of the same size with bare LMDB in as many transactions as the committer has just
 * made of them, in turns, each into a new store. Prints events per second as JSON, the medians. */
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

static void put_one(struct ours *o)
{
	struct rpc_commit *k = calloc(1, sizeof *k);
	struct rpc_event **tail;

	must(k && (k->batch = tg_batch_new()));
	tg_batch_put(k->batch, TG_TABLE_STATE, "main\0common", 11, "0123456789abcdef", 16);
	tail = &k->events;
	for (; k->event_count < PER_BATCH && o->left; k->event_count++, o->left--) {
		*tail = some_event();
		tail = &(*tail)->next;
	}
	o->under_way++;
	rpc_committer_put(o->c, k);
}

static void done(void *ctx, struct rpc_commit *k)
{
	struct ours *o = ctx;

	must(k->batch->result == 0);
	for (struct rpc_event *e = k->events, *next; e; e = next) {
		next = e->next;
		rpc_event_free(e);
	}
	tg_batch_free(k->batch);
	free(k);
	o->under_way--;
	while (o->left && o->under_way < AHEAD)
		put_one(o);
	if (!o->under_way)
		ev_break(o->ev, EVBREAK_ALL);
}

static double ours(const char *folder, unsigned count, unsigned *ret_transactions)
{
	struct ours o = {.ev = ev_loop_new(0), .left = count};
	struct counted c = {.base = {&counted_ops}};
	double start;
	struct tg_store_report why;

	must(o.ev && tg_store_open_lmdb(folder, &c.store, &why) == 0);
	must(rpc_committer_new(&c.base, o.ev, done, &o, &o.c) == 0);
	start = seconds();
	while (o.left && o.under_way < AHEAD)
		put_one(&o);
	ev_run(o.ev, 0);
	start = seconds() - start;
	rpc_committer_free(o.c);
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

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	double rates[2][ROUNDS_MAX];
	unsigned count = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	unsigned rounds = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	unsigned transactions;
	char folder[4096];

	if (!count || !rounds || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: store_bench FOLDER COUNT ROUNDS\n");
		return 2;
	}
	for (unsigned i = 0; i < rounds; i++) {
		snprintf(folder, sizeof folder, "%s/ours%u", argv[1], i);
		rates[0][i] = ours(folder, count, &transactions);
		snprintf(folder, sizeof folder, "%s/bare%u", argv[1], i);
		rates[1][i] = bare(folder, count, transactions);
	}
	for (unsigned w = 0; w < 2; w++)
		qsort(rates[w], rounds, sizeof(double), by_value);
	printf("{\"ours\":%.0f,\"bare\":%.0f}\n", rates[0][rounds / 2], rates[1][rounds / 2]);
	return 0;
}
