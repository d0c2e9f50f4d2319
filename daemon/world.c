/* What the accounts share: the store and its thread, the workers, randomness, and the requests that
 * wait for a state. Fills and empties struct rpc_accounts. */
#include "daemon/accounts.h"
#include "daemon/consumer.h"
#include "daemon/daemon.h"
#include "daemon/event.h"
#include "daemon/journal.h"
#include "daemon/lookup.h"
#include "daemon/notify.h"
#include "daemon/outcome.h"
#include "daemon/state.h"
#include "daemon/subscription.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RETRY (1 * RPC_SECOND)
#define TRIM (60 * RPC_SECOND)
#define TRIM_FIRST RPC_SECOND
#define TRIM_MORE (RPC_SECOND / 10) /* when there was something */
#define TIDY (2 * RPC_SECOND)
#define STORE_STUCK (10 * RPC_SECOND)
#define TURN (4 * RPC_MS) /* for the engines; the other work of the loop waits no longer */

void rpc_random(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	(void)ctx;
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			abort(); /* no randomness: better no daemon */
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
}

/* ---- waiters --------------------------------------------------------------------------------- */
void rpc_unwait(struct rpc_call *c)
{
	struct rpc_call **p = &c->d->accounts->waiters;

	if (!c->waiting)
		return;
	c->waiting = false;
	while (*p != c)
		p = &(*p)->wait_next;
	*p = c->wait_next;
}

static bool cancel_wait(struct rpc_call *c)
{
	rpc_unwait(c);
	return false;
}

struct rpc_result rpc_wait(struct rpc_call *c, void (*check)(struct rpc_call *c))
{
	struct rpc_accounts *all = c->d->accounts;

	c->check = check;
	c->wait_next = all->waiters;
	all->waiters = c;
	c->waiting = true;
	all->check = true; /* it may be time already */
	return rpc_later(c, cancel_wait);
}

/* Checks happen in the next turn, so that nobody is answered within another's call. */
void rpc_waiters_check(struct rpc_daemon *d)
{
	d->accounts->check = true;
}

static void check_waiters(struct rpc_daemon *d)
{
	struct rpc_call *next;

	d->accounts->check = false;
	for (struct rpc_call *c = d->accounts->waiters; c; c = next) {
		next = c->wait_next;
		c->check(c);
	}
}

/* ---- commits --------------------------------------------------------------------------------- */
static void deliver(struct rpc_daemon *d, struct rpc_commit *k)
{
	uint64_t seq = k->first_seq;

	if (k->events) {
		rpc_waiters_check(d); /* fetch_updates may wait for them */
		if (!d->accounts->tidy.index)
			rpc_timer_set(&d->loop, &d->accounts->tidy, rpc_now().boot + TIDY);
	}
	while (k->events) {
		struct rpc_event *e = k->events;

		k->events = e->next;
		rpc_deliver(d, e, seq++);
		rpc_event_free(e);
	}
	k->event_count = 0;
}

static void own_failed(struct rpc_daemon *d, struct rpc_commit *k)
{
	struct rpc_accounts *all = d->accounts;
	struct rpc_commit **end = &all->failed;

	if (k->is_probe) {
		rpc_commit_free(k);
		return;
	}
	rpc_log(&d->log, RPC_ERROR, "store_failed", "path=%s reason=\"%s\"", d->config->state,
		tg_error_row(k->batch->result)->text);
	if (k->consumer) { /* it acks again, with what is true then */
		rpc_commit_free(k);
	} else {
		while (*end)
			end = &(*end)->next;
		*end = k;
		k->next = NULL;
	}
}

static void committed(void *ctx, struct rpc_commit *k)
{
	struct rpc_daemon *d = ctx;
	struct rpc_account *a = k->account;
	struct rpc_call *call = k->call;
	int result = k->batch->result;

	d->accounts->store_error = result;
	if (!result)
		deliver(d, k);
	else if (!d->accounts->retry.index)
		rpc_timer_set(&d->loop, &d->accounts->retry, rpc_now().boot + RETRY);
	if (k->consumer)
		rpc_consumer_moved(d, k);
	if (a) {
		a->commits--;
		rpc_waiters_check(d); /* set_account may wait for the last one */
		if (!a->removed) {
			rpc_engine_stored(a, k);
			if (result)
				return; /* the account keeps it for the next try */
		} else if (!a->commits) {
			rpc_account_free(a);
		}
	} else if (result && !call && !d->stop_forced) {
		own_failed(d, k);
		return;
	}
	if (k->is_trim)
		rpc_timer_set(&d->loop, &d->accounts->trim, rpc_now().boot + TRIM_MORE);
	rpc_commit_free(k);
	if (call) {
		call->commit = NULL;
		call->cancel = NULL;
		if (result)
			rpc_fail(call, result, NULL);
		else
			call->stored(call);
	}
}

/* Nothing that waits would tell it. A row that is gone again is written all the same. */
static void probe(struct rpc_accounts *all)
{
	static const char key[] = "probe";
	struct rpc_commit *k = rpc_commit_new(tg_batch_new());

	if (!k)
		return;
	tg_batch_put(k->batch, TG_TABLE_META, key, sizeof key - 1, key, 1);
	tg_batch_delete(k->batch, TG_TABLE_META, key, sizeof key - 1);
	k->is_probe = true;
	rpc_committer_put(all->committer, k);
}

static void on_retry(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_accounts *all =
		(struct rpc_accounts *)((char *)t - offsetof(struct rpc_accounts, retry));
	struct rpc_commit *k = all->failed, *next;

	(void)now;
	if (!k && all->store_error)
		probe(all);
	all->failed = NULL;
	for (; k; k = next) {
		next = k->next;
		rpc_committer_put(all->committer, k);
	}
}

static bool cancel_commit(struct rpc_call *c)
{
	c->commit->call = NULL;
	c->commit = NULL;
	return true;
}

int rpc_commit(struct rpc_daemon *d, struct tg_batch *batch, struct rpc_event *events,
	       unsigned event_count)
{
	struct rpc_commit *k = calloc(1, sizeof *k);

	if (k)
		k->batch = batch ? batch : tg_batch_new();
	if (!k || !k->batch) {
		free(k);
		return -TG_E_NOMEM;
	}
	k->events = events;
	k->event_count = event_count;
	rpc_committer_put(d->accounts->committer, k);
	return 0;
}

int rpc_commit_trim(struct rpc_daemon *d, struct tg_batch *batch, uint64_t trimmed)
{
	struct rpc_commit *k = calloc(1, sizeof *k);

	if (!k)
		return -TG_E_NOMEM;
	k->batch = batch;
	k->is_trim = true;
	k->trimmed = trimmed;
	rpc_committer_put(d->accounts->committer, k);
	return 0;
}

/* Retention, one batch at a time: the next one looks when this one is stored. */
static void on_trim(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_accounts *all =
		(struct rpc_accounts *)((char *)t - offsetof(struct rpc_accounts, trim));
	struct rpc_daemon *d = all->d;
	struct tg_batch *batch = tg_batch_new();
	uint64_t freed = 0;
	unsigned outcomes = 0;

	if (batch) {
		outcomes = rpc_outcomes_trim(all->store, now.real / RPC_SECOND, batch);
		freed = rpc_journal_trim(all->store, &d->config->journal,
					 rpc_committer_journal(all->committer),
					 now.real / RPC_SECOND, batch);
	}
	if ((freed || outcomes) && rpc_commit_trim(d, batch, freed) == 0)
		return;
	tg_batch_free(batch);
	rpc_timer_set(&d->loop, t, now.boot + TRIM);
}

/* A burst of events leaves a heap of holes, some megabytes of them: the system has their pages
 * back. */
static void on_tidy(struct rpc_timer *t, struct mt_time now)
{
	(void)t, (void)now;
	malloc_trim(0);
}

struct rpc_result rpc_commit_call(struct rpc_call *c, struct tg_batch *batch,
				  struct rpc_result (*stored)(struct rpc_call *c))
{
	return rpc_commit_wait(c, rpc_commit_new(batch), stored);
}

struct rpc_result rpc_commit_wait(struct rpc_call *c, struct rpc_commit *k,
				  struct rpc_result (*stored)(struct rpc_call *c))
{
	if (!k)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	k->call = c;
	c->commit = k;
	c->stored = stored;
	rpc_committer_put(c->d->accounts->committer, k);
	return rpc_later(c, cancel_commit);
}

/* ---- jobs ------------------------------------------------------------------------------------ */
static void job_done(void *ctx, struct mt_job *job)
{
	struct rpc_account *a = job->owner;

	(void)ctx;
	if (!a) {
		job->free(job);
		return;
	}
	if (!rpc_lookup_done(a, job))
		tg_account_job_done(a->tg, job, rpc_now());
	rpc_account_touch(a);
}

/* ---- turn, start, end ------------------------------------------------------------------------ */
bool rpc_accounts_turn(struct rpc_daemon *d)
{
	struct rpc_accounts *all = d->accounts;
	struct rpc_account *a = all->ready, **tail = all->ready_tail;
	int64_t end = rpc_now().boot + TURN;

	all->ready = NULL;
	all->ready_tail = &all->ready;
	while (a) {
		struct rpc_account *next = a->ready_next;

		a->ready = false;
		if (rpc_engine_turn(a))
			rpc_account_touch(a);
		a = next;
		if (a && rpc_now().boot > end) { /* the rest is first in the next turn */
			*tail = all->ready;
			if (!all->ready)
				all->ready_tail = tail;
			all->ready = a;
			break;
		}
	}
	if (all->check)
		check_waiters(d);
	return rpc_subscriptions_turn(d) || all->ready != NULL || all->check;
}

void rpc_accounts_hurry(struct rpc_daemon *d)
{
	for (struct rpc_account *a = d->accounts->list; a; a = a->next) {
		tg_account_hurry(a->tg, rpc_now());
		rpc_account_touch(a);
	}
}

bool rpc_accounts_rest(const struct rpc_daemon *d)
{
	if (d->accounts->ready)
		return false;
	for (const struct rpc_account *a = d->accounts->list; a; a = a->next)
		if (a->commits)
			return false;
	return true;
}

bool rpc_accounts_store_alive(struct rpc_daemon *d, struct mt_time now)
{
	return rpc_committer_alive(d->accounts->committer, now.boot, STORE_STUCK);
}

void rpc_daemon_status(struct rpc_daemon *d)
{
	char text[96];

	snprintf(text, sizeof text, "STATUS=%u/%u accounts ready, %u clients",
		 d->accounts->ready_count, d->accounts->count, d->conn_count);
	rpc_notify(text);
}

int rpc_accounts_init(struct rpc_daemon *d, char *why, size_t size)
{
	struct rpc_accounts *all = calloc(1, sizeof *all);
	int rc;

	snprintf(why, size, "out of memory");
	if (!all)
		return 1;
	d->accounts = all;
	all->list_tail = &all->list;
	all->ready_tail = &all->ready;
	all->d = d;
	all->retry.fire = on_retry;
	all->trim.fire = on_trim;
	all->tidy.fire = on_tidy;
	rc = rpc_state_open(d->config, &d->vault.vault, &d->log, &all->store, why, size);
	if (rc)
		return rc;
	if (rpc_committer_new(all->store, d->loop.ev, committed, d, &all->committer) != 0 ||
	    rpc_workers_new(d->loop.ev, job_done, d, &all->workers) != 0)
		return 1;
	rpc_timer_set(&d->loop, &all->trim, rpc_now().boot + TRIM_FIRST);
	rc = rpc_consumers_load(d);
	if (!rc)
		rc = rpc_accounts_load(d);
	if (rc)
		snprintf(why, size, "the store cannot be read: %s", tg_error_row(rc)->text);
	return rc ? 1 : 0;
}

void rpc_accounts_free(struct rpc_daemon *d)
{
	struct rpc_accounts *all = d->accounts;

	if (!all)
		return;
	rpc_committer_free(all->committer);
	while (all->list)
		rpc_account_free(all->list);
	rpc_workers_free(all->workers);
	rpc_timer_clear(&d->loop, &all->retry);
	rpc_timer_clear(&d->loop, &all->trim);
	rpc_timer_clear(&d->loop, &all->tidy);
	rpc_consumers_free(d);
	while (all->failed) {
		struct rpc_commit *k = all->failed;

		all->failed = k->next;
		rpc_commit_free(k);
	}
	if (all->store)
		all->store->ops->close(all->store);
	free(all->chains);
	free(all);
	d->accounts = NULL;
}
