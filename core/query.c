/* Calls: each has its deadline, sleeps out floods, follows migrations, survives connections and
 * passing faults, and is completed exactly once (D.67-D.81). Calls of one chain go one after the
 * other: the next is sent when the one before is answered, so that no wait can reorder them. A call
 * belongs to its account; its node becomes the event that completes it. */
#include "core/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WRAPPER 4 /* bytes of invokeWithoutUpdates */

struct tg_chain {
	uint64_t id;
	struct tg_call *first, **last;
};
static void try_send(struct tg_account *a, struct tg_call *c);

/* ---- the end of a call ---- */
void tg_call_ready(struct tg_account *a, struct tg_call *c)
{
	c->state = TG_CALL_WAIT;
	/* run by the next turn of the engine, not from within another call's end */
	tg_timer_set(&a->timers, &c->wake, a->now.boot);
}

static void leave_chain(struct tg_account *a, struct tg_call *c)
{
	struct tg_chain *chain = c->chain;
	struct tg_call **at;

	if (!chain)
		return;
	c->chain = NULL;
	for (at = &chain->first; *at != c;)
		at = &(*at)->chain_next;
	*at = c->chain_next;
	if (!*at)
		chain->last = at;
	if (!chain->first) {
		tg_map_take(&a->calls.chains, chain->id);
		free(chain);
	} else if (at == &chain->first) {
		tg_call_ready(a, chain->first);
	}
}

static void detach(struct tg_account *a, struct tg_call *c)
{
	if (c->link) {
		*c->link = c->next;
		if (c->next)
			c->next->link = c->link;
		c->link = NULL;
	}
	tg_timer_clear(&a->timers, &c->timer);
	tg_timer_clear(&a->timers, &c->wake);
	tg_flood_leave(a, c);
	leave_chain(a, c);
}

void tg_call_free(struct tg_account *a, struct tg_call *c)
{
	detach(a, c);
	tg_map_take(&a->calls.by_id, c->id);
	free(c->node.owned);
	mt_wipe(c->body, c->n); /* a token or a password may have been in it */
	free(c->wrapped);
	free(c);
}

/* Takes it from the wire. */
static void recall(struct tg_account *a, struct tg_call *c, bool *ret_sent)
{
	bool sent = false;

	if (c->state == TG_CALL_SENT) {
		mt_client_cancel(c->on->client, c->query, &sent, a->now);
		tg_map_take(&c->on->queries, c->query);
		c->on = NULL;
		c->state = TG_CALL_WAIT;
	}
	*ret_sent = sent || c->unclear;
}

void tg_call_finish(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	assert(c->state != TG_CALL_DONE && c->state != TG_CALL_SENT);
	c->state = TG_CALL_DONE;
	detach(a, c);
	tg_takeout_answer(a, c, r);
	if (c->done) {
		c->done(a, c, r);
		tg_call_free(a, c);
		return;
	}
	c->node.ev = (struct tg_event){.kind = r->error ? TG_EV_ERROR : TG_EV_ANSWER,
				       .call = c->id,
				       .method = c->method,
				       .data = r->data,
				       .n = r->n,
				       .error = r->error,
				       .code = r->code,
				       .retry_after = r->retry_after,
				       .place = r->place,
				       .sent = r->sent};
	tg_event_queue(a, &c->node);
}

void tg_call_fail(struct tg_account *a, struct tg_call *c, int error, bool sent)
{
	struct tg_answer r = {.error = error, .sent = sent};

	tg_call_finish(a, c, &r);
}

/* "FLOOD_WAIT_37", said by ourselves for Telegram, which would say it, or has said it. row: the
 * refusal's, # stands for the number. */
static void finish_numbered(struct tg_account *a, struct tg_call *c, struct tg_answer *r,
			    const char *row, int number)
{
	size_t n = strcspn(row, "#");
	struct tl_buf b = {0};

	tl_put(&b, row, n);
	tl_js_int(&b, number);
	tl_put_text(&b, row[n] ? row + n + 1 : "");
	c->node.owned = b.data;
	r->error = -TG_E_TELEGRAM;
	r->sent = c->unclear;
	r->data = b.data;
	r->n = b.err ? 0 : b.len;
	tg_call_finish(a, c, r);
}

static void finish_held(struct tg_account *a, struct tg_call *c, const struct tg_hold *h)
{
	int64_t left = tg_flood_until(h) - a->now.boot;
	struct tg_answer r = {.code = 420};
	const char *row = tg_flood_name(h, &r.place);

	r.retry_after = left > TG_SECOND ? (int)((left + TG_SECOND - 1) / TG_SECOND) : 1;
	finish_numbered(a, c, &r, row, r.retry_after);
}

static void expire(struct tg_account *a, struct tg_timer *t)
{
	struct tg_call *c = TG_OF(t, struct tg_call, timer);
	bool sent;

	recall(a, c, &sent);
	tg_call_fail(a, c, -TG_E_TIMEOUT, sent);
}

static void wake(struct tg_account *a, struct tg_timer *t)
{
	try_send(a, TG_OF(t, struct tg_call, wake));
}

/* ---- sending ---- */
void tg_call_sleep(struct tg_account *a, struct tg_call *c, int64_t until)
{
	c->state = TG_CALL_SLEEP;
	tg_timer_set(&a->timers, &c->wake, until);
}

bool tg_call_may_wait(const struct tg_account *a, const struct tg_call *c, int64_t until)
{
	return until <= c->deadline && until - a->now.boot <= c->flood_wait * TG_SECOND;
}

/* Only the main session hears updates (D.62); the wrapper stands before the body already. */
static void send(struct tg_account *a, struct tg_call *c, struct tg_session *s)
{
	unsigned flags = c->flags | (tg_call_is_once(c->method) ? MT_QUERY_ONCE : 0u) |
			 (tg_call_is_read(c->method) ? MT_QUERY_READ : 0u);
	bool bare = s->purpose != TG_FOR_UPLOAD && s->purpose != TG_FOR_DOWNLOAD;
	size_t skip = bare ? WRAPPER : 0;
	int r = mt_client_send(s->client, c->wrapped + skip, WRAPPER - skip + c->lead + c->n, flags,
			       0, &c->query, a->now);

	if (r == 0 && !tg_map_put(&s->queries, c->query, c)) {
		mt_client_cancel(s->client, c->query, NULL, a->now);
		r = -TG_E_NOMEM;
	}
	if (r) {
		tg_call_fail(a, c, r, c->unclear);
		return;
	}
	c->state = TG_CALL_SENT;
	c->on = s;
	tg_session_busy(a, s);
}

/* A data centre without an address: the list is asked for anew, once (D.70). */
static bool is_known(struct tg_account *a, struct tg_call *c, struct tg_dc *dc)
{
	struct tg_answer moved = {.code = 303};
	struct mt_address x[TG_RACE];
	unsigned n;

	if (c->purpose == TG_FOR_CDN ? !c->dc : tg_cdn_keys(a, dc->id, &n) != NULL) {
		tg_call_fail(a, c, -TG_E_INVALID_PARAMS, false); /* they are for one thing only */
		return false;
	}
	/* an MTProxy knows the way by the number */
	dc->known = dc->known || (a->s.proxy && a->s.proxy->kind == MT_PROXY_MTPROXY) ||
		    (c->purpose == TG_FOR_CDN ? tg_cdn_address(a, dc->id, 0, x)
					      : tg_address_pick(a, dc->id, false, x) > 0);
	if (dc->known)
		return true;
	if (!c->asked_config && tg_config_stale(a))
		c->asked_config = true;
	else if (c->moved_by)
		finish_numbered(a, c, &moved, c->moved_by, dc->id);
	else
		tg_call_fail(a, c, -TG_E_INVALID_PARAMS, false);
	return false;
}

static bool has_keys(struct tg_account *a, struct tg_call *c, const struct tg_dc *dc)
{
	unsigned n;

	if (tg_cdn_keys(a, dc->id, &n))
		return true;
	if (!c->asked_cdn && tg_cdn_ask(a))
		c->asked_cdn = true;
	else
		tg_call_fail(a, c, -TG_E_INVALID_PARAMS, false); /* no such CDN */
	return false;
}

/* E.10. Where a login exists, it is taken along first. */
static void move_main(struct tg_account *a, struct tg_call *c, struct tg_dc *dc)
{
	c->moves_main = false;
	if (a->authorized && !dc->authorized)
		a->moving_to = dc->id;
	else
		tg_dc_become_main(a, dc);
}

static void try_send(struct tg_account *a, struct tg_call *c)
{
	struct tg_session *s;
	struct tg_hold *h;
	struct tg_dc *dc;

	c->state = TG_CALL_WAIT;
	if (c->chain && c->chain->first != c)
		return; /* its turn comes */
	h = tg_flood_find(a, c);
	if (h && tg_call_may_wait(a, c, tg_flood_until(h))) {
		tg_flood_join(a, h, c);
		return;
	}
	if (h) {
		finish_held(a, c, h);
		return;
	}
	dc = tg_dc_get(a, c->dc ? c->dc : a->main_dc);
	if (!dc) {
		tg_call_fail(a, c, -TG_E_OVERLOADED, c->unclear);
		return;
	}
	if (!is_known(a, c, dc))
		return;
	if (c->moves_main)
		move_main(a, c, dc);
	if (c->purpose == TG_FOR_CDN && !has_keys(a, c, dc))
		return;
	if (!c->any_state && c->purpose != TG_FOR_CDN && dc->id != a->main_dc && a->authorized &&
	    !dc->authorized) {
		tg_dc_authorize(a, dc, c->purpose);
		return;
	}
	s = tg_session_get(a, dc, c->purpose);
	if (s)
		send(a, c, s);
}

static bool join_chain(struct tg_account *a, struct tg_call *c, uint64_t id)
{
	struct tg_chain *chain = tg_map_get(&a->calls.chains, id);

	if (!chain) {
		chain = calloc(1, sizeof *chain);
		if (!chain || !tg_map_put(&a->calls.chains, id, chain)) {
			free(chain);
			return false;
		}
		chain->id = id;
		chain->last = &chain->first;
	}
	c->chain = chain;
	*chain->last = c;
	chain->last = &c->chain_next;
	return true;
}

static struct tg_call *call_new(struct tg_account *a, unsigned method, const void *body, size_t n,
				const struct tg_call_options *o)
{
	struct tg_call *c = calloc(1, sizeof *c);
	struct tl_buf lead = {0};

	if (!c)
		return NULL;
	tg_takeout_wrap(a, o, &lead);
	c->wrapped = malloc(WRAPPER + lead.len + n);
	c->id = a->calls.last + 1;
	if (lead.err || !c->wrapped || !tg_map_put(&a->calls.by_id, c->id, c)) {
		tl_buf_free(&lead);
		free(c->wrapped);
		free(c);
		return NULL;
	}
	a->calls.last++;
	for (int i = 0; i < WRAPPER; i++)
		c->wrapped[i] = (uint8_t)(TL_ID_invokeWithoutUpdates >> 8 * i);
	c->lead = lead.len;
	if (lead.len)
		memcpy(c->wrapped + WRAPPER, lead.data, lead.len);
	tl_buf_free(&lead);
	c->body = c->wrapped + WRAPPER + c->lead;
	memcpy(c->body, body, n);
	c->n = n;
	c->purpose = tg_purpose_of(method);
	c->method = method;
	c->node.call = c;
	c->flags = o->flags;
	c->dc = o->dc;
	c->to_main = !o->dc;
	c->deadline = o->deadline;
	c->flood_wait = o->flood_wait;
	c->any_state = o->any_state;
	c->tells = o->tells;
	c->timer.fire = expire;
	c->wake.fire = wake;
	c->link = &a->calls.all;
	c->next = a->calls.all;
	if (c->next)
		c->next->link = &c->next;
	a->calls.all = c;
	if (o->chain && !join_chain(a, c, o->chain)) {
		tg_call_free(a, c);
		return NULL;
	}
	tg_timer_set(&a->timers, &c->timer, c->deadline);
	return c;
}

static int refuse_state(const struct tg_account *a)
{
	return a->signing_out ? -TG_E_UNAUTHORIZED : tg_state_error(a->state);
}

int tg_call(struct tg_account *a, unsigned method, const void *body, size_t n,
	    const struct tg_call_options *o, uint64_t *ret_call, struct mt_time now)
{
	struct tg_call *c;
	int r = o->any_state && !a->signing_out ? 0 : refuse_state(a);

	a->now = now;
	if (r)
		return r;
	if (o->dc < 0 || o->dc > TG_DC_NUMBER_MAX || (o->takeout && !tg_takeout_id(a)))
		return -TG_E_INVALID_PARAMS;
	if (!a->wanted && a->authorized)
		return -TG_E_OFFLINE;
	a->wanted = true; /* before a login a call is reason enough to connect */
	c = call_new(a, method, body, n, o);
	if (!c)
		return -TG_E_NOMEM;
	*ret_call = c->id;
	try_send(a, c);
	return 0;
}

struct tg_call *
tg_call_own(struct tg_account *a, const struct tl_obj *method, const struct tg_call_options *o,
	    void (*done)(struct tg_account *, struct tg_call *, const struct tg_answer *),
	    void *ctx)
{
	struct tl_buf b = {0};
	struct tg_call *c = NULL;

	if (a->wanted && tl_encode(&tl_api, method, &b) == 0)
		c = call_new(a, method->ctor, b.data, b.len, o);
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
	if (!c)
		return NULL;
	c->done = done;
	c->ctx = ctx;
	tg_call_ready(a, c);
	return c;
}

void tg_call_drop(struct tg_account *a, struct tg_call *c, bool *ret_sent)
{
	bool sent;

	recall(a, c, &sent);
	if (ret_sent)
		*ret_sent = sent;
	tg_event_unqueue(a, &c->node);
	tg_call_free(a, c);
}

void tg_cancel(struct tg_account *a, uint64_t call, bool *ret_sent, struct mt_time now)
{
	struct tg_call *c = tg_map_get(&a->calls.by_id, call);

	a->now = now;
	*ret_sent = false;
	if (!c || c->done || a->given == &c->node)
		return;
	if (c->state == TG_CALL_DONE)
		c->unclear = true; /* it was even answered */
	tg_call_drop(a, c, ret_sent);
}

/* ---- many of them ---- */
void tg_calls_retry(struct tg_account *a)
{
	for (struct tg_call *c = a->calls.all; c; c = c->next)
		if (c->state == TG_CALL_WAIT)
			tg_call_ready(a, c);
}

void tg_calls_leave(struct tg_account *a, struct tg_session *s)
{
	for (struct tg_call *c = a->calls.all, *next; c; c = next) {
		bool sent;

		next = c->next;
		if (c->on != s)
			continue;
		recall(a, c, &sent);
		c->unclear = sent;
		if (sent && tg_call_is_once(c->method))
			tg_call_fail(a, c, -TG_E_OUTCOME_UNKNOWN, true);
		else
			tg_call_ready(a, c);
	}
}

void tg_calls_fail_at(struct tg_account *a, int dc, const struct tg_answer *r)
{
	for (struct tg_call *c = a->calls.all, *next; c; c = next) {
		next = c->next;
		if (c->state == TG_CALL_WAIT && c->dc == dc && !c->any_state)
			tg_call_finish(a, c, r);
	}
}

void tg_calls_fail(struct tg_account *a, int error)
{
	while (a->calls.all) {
		struct tg_call *c = a->calls.all;
		bool sent;

		recall(a, c, &sent);
		if (sent && (error == -TG_E_OFFLINE ||
			     (error == -TG_E_UNAUTHORIZED && !tg_call_is_read(c->method))))
			tg_call_fail(a, c, -TG_E_OUTCOME_UNKNOWN, true);
		else
			tg_call_fail(a, c, error, sent);
	}
}

void tg_calls_free(struct tg_account *a)
{
	while (a->calls.all) {
		bool sent;

		recall(a, a->calls.all, &sent);
		tg_call_free(a, a->calls.all);
	}
	tg_flood_free(a);
	a->calls.chains.count = 0;
	tg_map_free(&a->calls.chains);
}
