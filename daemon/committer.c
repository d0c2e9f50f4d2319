/* The store thread. Two lists behind one mutex: what is to be written, and what has been. */
#include "daemon/committer.h"

#include "daemon/journal.h"
#include "daemon/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 256u /* batches in one transaction */
static const char seq_key[] = "seq", bytes_key[] = "journal_bytes";

struct rpc_committer {
	struct tg_store *store;
	void (*done)(void *ctx, struct rpc_commit *c);
	void *ctx;
	struct ev_loop *ev;
	struct ev_async wake;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct rpc_commit *todo, **todo_tail, *finished, **finished_tail;
	bool stop;
	struct tg_batch *rows; /* of a group's events; the thread's, and empty while it rests */
	int64_t busy_since;    /* boot ns; 0 = idle */
	uint64_t next;         /* the thread's */
	uint64_t bytes;        /* of the journal; written by the thread, under the lock */
	uint64_t seq;          /* the loop's: the last one told */
};

static void put_number(struct tg_batch *b, const char *key, uint64_t v)
{
	uint8_t out[8];

	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> 8 * i);
	tg_batch_put(b, TG_TABLE_META, key, strlen(key), out, sizeof out);
}

static uint64_t load_number(struct tg_store *store, const char *key)
{
	struct tl_buf b = {0};
	uint64_t v = 0;

	if (store->ops->get(store, TG_TABLE_META, key, strlen(key), &b) == 0 && b.len == 8)
		for (int i = 7; i >= 0; i--)
			v = v << 8 | b.data[i];
	tl_buf_free(&b);
	return v;
}

/* Numbers the events of a group and puts them, and the last number, into rows. Returns the size
 * that the journal will have. */
static uint64_t number(struct rpc_committer *c, struct rpc_commit *const *group, unsigned n)
{
	uint64_t seq = c->next, bytes = c->bytes;
	int64_t now = rpc_now().real / RPC_SECOND;
	bool changed = false;

	tl_buf_clear(&c->rows->ops);
	for (unsigned i = 0; i < n; i++) {
		struct rpc_commit *k = group[i];

		if (!k->event_count && !k->trimmed)
			continue;
		changed = true;
		k->first_seq = seq;
		for (const struct rpc_event *e = k->events; e; e = e->next) {
			rpc_event_fetch(e->next, sizeof *e / 64 + 1);
			bytes += rpc_journal_put(c->rows, seq++, e, now);
		}
		bytes -= k->trimmed < bytes ? k->trimmed : bytes;
	}
	if (changed) {
		put_number(c->rows, seq_key, seq - 1);
		put_number(c->rows, bytes_key, bytes);
	}
	return bytes;
}

static void write_group(struct rpc_committer *c, struct rpc_commit *const *group, unsigned n)
{
	const struct tg_batch *batches[GROUP + 1];
	uint64_t bytes = number(c, group, n);
	int err = c->rows->ops.err;

	for (unsigned i = 0; i < n; i++) {
		batches[i] = group[i]->batch;
		if (batches[i]->ops.err)
			err = batches[i]->ops.err;
	}
	batches[n] = c->rows;
	if (!err)
		err = c->store->ops->commit(c->store, batches, n + 1);
	for (unsigned i = 0; i < n; i++) {
		struct rpc_commit *k = group[i];

		k->batch->result = err;
		if (!err && k->event_count)
			c->next = k->first_seq + k->event_count;
	}
	if (err)
		return;
	pthread_mutex_lock(&c->lock);
	c->bytes = bytes;
	pthread_mutex_unlock(&c->lock);
}

static void *run(void *ctx)
{
	struct rpc_committer *c = ctx;
	struct rpc_commit *group[GROUP];

	pthread_mutex_lock(&c->lock);
	for (;;) {
		unsigned n = 0;

		if (!c->todo)
			tl_buf_free(&c->rows->ops);
		while (!c->todo && !c->stop)
			pthread_cond_wait(&c->work, &c->lock);
		if (!c->todo)
			break;
		while (c->todo && n < GROUP) {
			group[n++] = c->todo;
			c->todo = c->todo->next;
		}
		if (!c->todo)
			c->todo_tail = &c->todo;
		c->busy_since = rpc_now().boot;
		pthread_mutex_unlock(&c->lock);
		write_group(c, group, n);
		pthread_mutex_lock(&c->lock);
		c->busy_since = 0;
		for (unsigned i = 0; i < n; i++) {
			group[i]->next = NULL;
			*c->finished_tail = group[i];
			c->finished_tail = &group[i]->next;
		}
		ev_async_send(c->ev, &c->wake);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */
static void report(struct rpc_committer *c)
{
	struct rpc_commit *list, *next;

	pthread_mutex_lock(&c->lock);
	list = c->finished;
	c->finished = NULL;
	c->finished_tail = &c->finished;
	pthread_mutex_unlock(&c->lock);
	for (; list; list = next) {
		next = list->next;
		if (list->batch->result == 0 && list->event_count)
			c->seq = list->first_seq + list->event_count - 1;
		c->done(c->ctx, list);
	}
}

static void on_wake(struct ev_loop *ev, struct ev_async *w, int events)
{
	(void)ev, (void)events;
	report(w->data);
}

int rpc_committer_new(struct tg_store *store, struct ev_loop *ev,
		      void (*done)(void *ctx, struct rpc_commit *c), void *ctx,
		      struct rpc_committer **ret)
{
	struct rpc_committer *c = calloc(1, sizeof *c);

	if (!c || !(c->rows = tg_batch_new())) {
		free(c);
		return -TG_E_NOMEM;
	}
	c->store = store;
	c->ev = ev;
	c->done = done;
	c->ctx = ctx;
	c->todo_tail = &c->todo;
	c->finished_tail = &c->finished;
	c->seq = load_number(store, seq_key);
	c->bytes = load_number(store, bytes_key);
	c->next = c->seq + 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	ev_async_init(&c->wake, on_wake);
	c->wake.data = c;
	ev_async_start(ev, &c->wake);
	if (rpc_thread_start(&c->thread, run, c) != 0) {
		ev_async_stop(ev, &c->wake);
		tg_batch_free(c->rows);
		free(c);
		return -TG_E_INTERNAL;
	}
	*ret = c;
	return 0;
}

int rpc_committer_begin_anew(struct tg_store *store)
{
	struct tg_batch *b = tg_batch_new();
	const struct tg_batch *one = b;
	uint64_t last = load_number(store, seq_key),
		 now = (uint64_t)(rpc_now().real / (RPC_SECOND / 1000));
	int err;

	if (!b)
		return -TG_E_NOMEM;
	put_number(b, seq_key, last > now ? last : now);
	put_number(b, bytes_key, 0);
	err = store->ops->commit(store, &one, 1);
	tg_batch_free(b);
	return err;
}

void rpc_committer_free(struct rpc_committer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	report(c);
	ev_async_stop(c->ev, &c->wake);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->work);
	tg_batch_free(c->rows);
	free(c);
}

void rpc_committer_put(struct rpc_committer *c, struct rpc_commit *commit)
{
	pthread_mutex_lock(&c->lock);
	commit->next = NULL;
	*c->todo_tail = commit;
	c->todo_tail = &commit->next;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
}

uint64_t rpc_committer_seq(const struct rpc_committer *c)
{
	return c->seq;
}

bool rpc_committer_alive(struct rpc_committer *c, int64_t now, int64_t limit)
{
	bool alive;

	pthread_mutex_lock(&c->lock);
	alive = !c->busy_since || now - c->busy_since < limit;
	pthread_mutex_unlock(&c->lock);
	return alive;
}

uint64_t rpc_committer_journal(struct rpc_committer *c)
{
	uint64_t bytes;

	pthread_mutex_lock(&c->lock);
	bytes = c->bytes;
	pthread_mutex_unlock(&c->lock);
	return bytes;
}
