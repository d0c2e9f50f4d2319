/* Working on one engine: its events, its calls, what it wants written. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/event.h"
#include "daemon/js.h"
#include "daemon/outcome.h"
#include "daemon/progress.h"
#include "daemon/sent.h"
#include "daemon/subscription.h"
#include "daemon/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_TURN 512u
#define TELEGRAM 777000 /* its own user, who tells login codes */

void rpc_account_touch(struct rpc_account *a)
{
	struct rpc_accounts *all = a->d->accounts;

	if (a->ready || a->removed)
		return;
	a->ready = true;
	a->ready_next = NULL;
	*all->ready_tail = a;
	all->ready_tail = &a->ready_next;
}

/* ---- calls ----------------------------------------------------------------------------------- */
void rpc_engine_list(struct rpc_call *c)
{
	struct rpc_call **bucket = &c->account->calls[c->number % RPC_BUCKETS];

	c->engine_next = *bucket;
	*bucket = c;
	c->in_engine = true;
}

void rpc_engine_unlist(struct rpc_call *c)
{
	struct rpc_call **p;

	if (!c->in_engine)
		return;
	c->in_engine = false;
	for (p = &c->account->calls[c->number % RPC_BUCKETS]; *p != c; p = &(*p)->engine_next)
		;
	*p = c->engine_next;
}

static struct rpc_call *find_call(struct rpc_account *a, uint64_t number, bool resolving)
{
	struct rpc_call *c = a->calls[number % RPC_BUCKETS];

	while (c && (c->number != number || (c->stage == RPC_PREPARING) != resolving))
		c = c->engine_next;
	return c;
}

static struct rpc_call *take_call(struct rpc_account *a, uint64_t number, bool resolving)
{
	struct rpc_call *c = find_call(a, number, resolving);

	if (c)
		rpc_engine_unlist(c);
	return c;
}

static bool cancel_call(struct rpc_call *c)
{
	bool sent = false;

	rpc_engine_unlist(c);
	tg_cancel(c->account->tg, c->number, &sent, rpc_now());
	rpc_account_touch(c->account);
	return sent;
}

struct rpc_result rpc_engine_call(struct rpc_call *c, unsigned method, int dc,
				  struct rpc_result (*answered)(struct rpc_call *c,
								const struct tg_event *e))
{
	struct rpc_account *a = c->account;
	struct tg_call_options o = {.dc = dc,
				    .deadline = c->deadline,
				    .flood_wait = (int)(c->common.flood_wait / RPC_SECOND),
				    .chain = c->chain,
				    .any_state = c->any_state,
				    .takeout = c->takeout,
				    .range_from = c->range_from,
				    .range_to = c->range_to,
				    .tells = c->common.progress};
	int err = c->body.err;

	c->answered = answered;
	if (!err)
		err = tg_call(a->tg, method, c->body.data, c->body.len, &o, &c->number, rpc_now());
	tl_buf_free(&c->body);
	if (err == -TG_E_INVALID_PARAMS && c->takeout)
		return rpc_fail(c, err, "no export runs: account.initTakeoutSession begins one");
	if (err)
		return rpc_fail(c, err, NULL);
	rpc_outcome_open(c);
	rpc_engine_list(c);
	rpc_account_touch(a);
	return rpc_later(c, cancel_call);
}

struct rpc_result rpc_engine_refuse(struct rpc_call *c, const struct tg_event *e)
{
	int err = e->error ? e->error : -TG_E_INTERNAL;
	const char *done;

	c->problem.err = err;
	c->problem.retry_after = e->retry_after;
	if (err == -TG_E_TELEGRAM) {
		c->problem.code = e->code;
		snprintf(c->problem.message, sizeof c->problem.message, "%.*s", (int)e->n,
			 e->data ? (const char *)e->data : "");
		done = tg_refusal_done(e->code, tl_str(c->problem.message));
		if (done)
			rpc_hint(c, "%s", done);
		if (e->place)
			rpc_js_int(&c->problem.extra, "place", e->place);
	}
	if (err == -TG_E_INVALID_PARAMS && c->dc)
		rpc_problem(c, err, "dc_id", "there is no data centre %d for this", c->dc);
	if (e->sent && err != -TG_E_TELEGRAM)
		c->problem.outcome = "unknown";
	if (err == -TG_E_TIMEOUT) {
		if (!e->sent)
			c->problem.outcome = "not_sent";
		rpc_trouble_hint(c);
	}
	if (err == -TG_E_SESSION_REVOKED || err == -TG_E_ACCOUNT_NOT_READY)
		c->problem.state = tg_state_name(c->account->state);
	return rpc_refuse(c);
}

static void answer(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_call *c = take_call(a, e->call, false);

	if (!c)
		return;
	c->cancel = NULL;
	if (e->kind == TG_EV_ANSWER)
		c->answered(c, e);
	else if (!rpc_sent_refused(c, e))
		rpc_engine_refuse(c, e);
}

static void held(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_call *c = find_call(a, e->call, false);

	if (c)
		rpc_progress_wait(c, e);
}

/* One resolution may have several waiting. */
static void resolved(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_call *c;

	while ((c = take_call(a, e->call, true))) {
		c->cancel = NULL;
		c->answered(c, e);
	}
}

/* ---- updates and the store ------------------------------------------------------------------- */
static void add_event(struct rpc_account *a, struct rpc_event *e)
{
	if (!e) {
		rpc_log(&a->d->log, RPC_ERROR, "update_lost", "account=%s reason=memory", a->name);
		return;
	}
	if (rpc_type_is_live(e->type)) {
		rpc_deliver(a->d, e, 0);
		rpc_event_free(e);
		return;
	}
	e->next = NULL;
	*a->events_tail = e;
	a->events_tail = &e->next;
	a->event_count++;
}

/* An event of the account's own goes to the store by itself. */
static void own_event(struct rpc_account *a, struct rpc_event *e)
{
	if (e && rpc_commit(a->d, NULL, e, 1) != 0)
		rpc_event_free(e);
}

/* Names of messages belong to the transaction that moves the box past them. */
static void add_names(struct rpc_account *a, struct tg_batch *batch)
{
	if (!a->named)
		return;
	if (a->named->ops.err)
		batch->ops.err = a->named->ops.err;
	else
		tl_put(&batch->ops, a->named->ops.data, a->named->ops.len);
	tg_batch_free(a->named);
	a->named = NULL;
}

static void store(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_commit *k = e->again ? a->failed : NULL;
	bool fresh = !k;

	a->failed = NULL;
	if (fresh)
		k = calloc(1, sizeof *k);
	if (!k) {
		e->batch->result = -TG_E_NOMEM;
		tg_account_stored(a->tg, e->batch, rpc_now());
		return;
	}
	k->batch = e->batch;
	k->account = a;
	if (fresh) {
		k->events = a->events;
		k->event_count = a->event_count;
		a->events = NULL;
		a->events_tail = &a->events;
		a->event_count = 0;
		add_names(a, k->batch);
	}
	a->commits++;
	rpc_committer_put(a->d->accounts->committer, k);
}

void rpc_engine_stored(struct rpc_account *a, struct rpc_commit *k)
{
	int result = k->batch->result;

	if (result) {
		rpc_log(&a->d->log, RPC_ERROR, "store_failed", "account=%s path=%s reason=\"%s\"",
			a->name, a->d->config->state, tg_error_row(result)->text);
		a->failed = k;
	}
	tg_account_stored(a->tg, k->batch, rpc_now());
	k->batch = NULL;
	rpc_links_resume(a);
	rpc_account_touch(a);
}

/* Codes from Telegram itself go to no script while somebody logs in (E.37). */
static bool is_login_code(const struct rpc_account *a, const struct rpc_event *e)
{
	return e && e->chat == TELEGRAM &&
	       (e->type == RPC_T_NEW_MESSAGE || e->type == RPC_T_MESSAGE_EDITED) &&
	       rpc_login_runs(a->d);
}

static void add_update(struct rpc_account *a, const struct tl_obj *update)
{
	struct rpc_event *e = rpc_event_update(a, update, &a->d->draft);

	if (!is_login_code(a, e)) {
		add_event(a, e);
		return;
	}
	rpc_log(&a->d->log, RPC_NOTICE, "login_code_held", "account=%s", a->name);
	rpc_event_free(e);
}

/* ---- events of the engine -------------------------------------------------------------------- */
static void state_changed(struct rpc_account *a)
{
	rpc_log(&a->d->log, RPC_NOTICE, "account_state", "account=%s state=%s reason=%s", a->name,
		tg_state_name(a->state), tg_account_reason(a->tg));
	own_event(a, rpc_event_state(a));
	rpc_waiters_check(a->d);
	rpc_daemon_status(a->d);
}

static void handle(struct rpc_account *a, const struct tg_event *e)
{
	struct rpc_daemon *d = a->d;

	switch (e->kind) {
	case TG_EV_CONNECT:
		rpc_link_open(a, e);
		break;
	case TG_EV_CLOSE:
		rpc_link_close(a, e->link);
		break;
	case TG_EV_JOB:
		e->job->owner = a;
		rpc_workers_put(d->accounts->workers, e->job);
		break;
	case TG_EV_UPDATE:
		rpc_sent_update(a, e->object);
		add_update(a, e->object);
		break;
	case TG_EV_GAP:
		add_event(a, rpc_event_gap(a, e));
		break;
	case TG_EV_STORE:
		store(a, e);
		break;
	case TG_EV_ANSWER:
	case TG_EV_ERROR:
		answer(a, e);
		break;
	case TG_EV_RESOLVED:
		resolved(a, e);
		break;
	case TG_EV_STATE:
		rpc_account_look(a);
		a->last_error = *e;
		a->last_error.data = NULL;
		a->step_told = e->call;
		if (e->again)
			rpc_waiters_check(d); /* a step that was refused */
		else
			state_changed(a);
		break;
	case TG_EV_BARRED:
		rpc_trouble_barred(a, e);
		break;
	case TG_EV_ONLINE:
		a->in_trouble = false;
		rpc_log(&d->log, RPC_INFO, "connection_state", "account=%s online=%d", a->name,
			tg_account_online(a->tg));
		add_event(a, rpc_event_online(a, NULL, 0));
		rpc_waiters_check(d);
		break;
	case TG_EV_CLOCK:
		rpc_log(&d->log, RPC_WARNING, "clock_offset", "account=%s seconds=%lld", a->name,
			(long long)e->value);
		add_event(a, rpc_event_online(a, "clock_offset", e->value));
		break;
	case TG_EV_LIMITED:
		rpc_log(&d->log, RPC_NOTICE, "speed_limited", "account=%s seconds=%lld", a->name,
			(long long)e->value);
		add_event(a, rpc_event_online(a, "speed_limited", e->value));
		break;
	case TG_EV_WAITING:
		held(a, e);
		break;
	case TG_EV_PROXY:
		rpc_trouble_proxy(a, (struct tl_str){(const char *)e->data, (uint32_t)e->n});
		break;
	}
}

bool rpc_engine_turn(struct rpc_account *a)
{
	struct tg_event e;
	struct mt_time now = rpc_now();
	unsigned n = 0;

	while (n < EVENTS_PER_TURN && tg_account_next(a->tg, &e, now)) {
		handle(a, &e);
		n++;
	}
	rpc_links_write(a, now);
	rpc_timer_set(&a->d->loop, &a->deadline, tg_account_deadline(a->tg));
	return n == EVENTS_PER_TURN;
}
