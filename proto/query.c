/* The calls that wait for an answer: by handle, by message id, and those that wait to be sent.
 * The client owns them; an answered one goes over to the event that says so. */
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

/* ---- sorted lists ---------------------------------------------------------------------------- */

static uint64_t key_of(const struct mt_query *q, bool by_msg_id)
{
	return by_msg_id ? q->msg_id : q->handle;
}

/* Index of the first with a key that is not lower. */
static size_t list_find(const struct mt_list *l, uint64_t key, bool by_msg_id)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (key_of(l->v[mid], by_msg_id) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct mt_query *list_get(const struct mt_list *l, uint64_t key, bool by_msg_id)
{
	size_t at = list_find(l, key, by_msg_id);

	return at < l->n && key_of(l->v[at], by_msg_id) == key ? l->v[at] : NULL;
}

/* Keys only grow, so that a new one belongs to the end. */
static int list_append(struct mt_list *l, struct mt_query *q)
{
	size_t cap = l->cap ? l->cap * 2 : 8;
	struct mt_query **v = l->v;

	if (l->n == l->cap) {
		v = realloc(v, cap * sizeof(*v));
		if (!v)
			return -TG_E_NOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = q;
	return 0;
}

static void list_remove(struct mt_list *l, const struct mt_query *q, bool by_msg_id)
{
	size_t at = list_find(l, key_of(q, by_msg_id), by_msg_id);

	memmove(l->v + at, l->v + at + 1, (--l->n - at) * sizeof(*l->v));
}

struct mt_query *mt_query_by_handle(struct mt_client *c, uint64_t handle)
{
	return list_get(&c->all, handle, false);
}

struct mt_query *mt_query_by_msg_id(struct mt_client *c, uint64_t msg_id)
{
	return list_get(&c->flight, msg_id, true);
}

/* ---- the waiting list, in order of handles --------------------------------------------------- */

static void waiting_put(struct mt_client *c, struct mt_query *q)
{
	struct mt_query *before = c->waiting_last, *after = NULL;

	if (before && before->handle > q->handle) {
		for (after = c->waiting; after->handle < q->handle; after = after->next)
			;
		before = after->prev;
	}
	q->prev = before;
	q->next = after;
	*(before ? &before->next : &c->waiting) = q;
	*(after ? &after->prev : &c->waiting_last) = q;
}

static void waiting_remove(struct mt_client *c, struct mt_query *q)
{
	*(q->prev ? &q->prev->next : &c->waiting) = q->next;
	*(q->next ? &q->next->prev : &c->waiting_last) = q->prev;
}

/* ---- life ------------------------------------------------------------------------------------ */

int mt_query_add(struct mt_client *c, const void *body, size_t n, unsigned flags, uint64_t after,
		 uint64_t *ret_handle)
{
	struct mt_query *q = calloc(1, sizeof *q), *before;

	if (q)
		q->body = malloc(n);
	if (!q || !q->body || list_append(&c->all, q)) {
		if (q)
			free(q->body);
		free(q);
		return -TG_E_NOMEM;
	}
	memcpy(q->body, body, n);
	q->n = (uint32_t)n;
	q->flags = flags;
	q->handle = ++c->last_handle;
	before = after ? mt_query_by_handle(c, after) : NULL;
	if (before) {
		q->after = after;
		before->dependents++;
	}
	waiting_put(c, q);
	*ret_handle = q->handle;
	return 0;
}

int mt_query_fly(struct mt_client *c, struct mt_query *q, uint64_t msg_id)
{
	int err = list_append(&c->flight, q);

	if (err)
		return err;
	waiting_remove(c, q);
	q->flying = q->sent = q->asked = true;
	q->msg_id = q->outer = msg_id;
	return 0;
}

static void ground(struct mt_client *c, struct mt_query *q)
{
	list_remove(&c->flight, q, true);
	q->flying = q->acked = false;
	q->msg_id = q->outer = q->token = 0;
}

void mt_query_requeue(struct mt_client *c, struct mt_query *q)
{
	if (!q->flying)
		return;
	ground(c, q);
	waiting_put(c, q);
}

void mt_query_quick_ack(struct mt_client *c, uint32_t token)
{
	for (size_t i = 0; i < c->flight.n; i++) {
		if (!token || c->flight.v[i]->token != token)
			continue;
		c->flight.v[i]->token = 0;
		mt_event_quick_ack(c, c->flight.v[i]->handle);
	}
}

void mt_query_again_or_fail(struct mt_client *c, struct mt_query *q)
{
	if (q->sent && (q->flags & MT_QUERY_ONCE))
		mt_query_fail(c, q, -TG_E_OUTCOME_UNKNOWN);
	else
		mt_query_requeue(c, q);
}

/* Those that were to come after this one need not wait for it any more (D.67). */
static void free_dependents(struct mt_client *c, struct mt_query *q, bool failed)
{
	for (size_t i = list_find(&c->all, q->handle, false); q->dependents && i < c->all.n; i++) {
		struct mt_query *d = c->all.v[i];

		if (d->after != q->handle)
			continue;
		d->after = 0;
		d->after_failed = failed;
		d->hold = false;
		q->dependents--;
	}
}

static void take_out(struct mt_client *c, struct mt_query *q, bool failed)
{
	struct mt_query *before = q->after ? mt_query_by_handle(c, q->after) : NULL;

	if (before)
		before->dependents--;
	free_dependents(c, q, failed);
	if (q->flying)
		ground(c, q);
	else
		waiting_remove(c, q);
	list_remove(&c->all, q, false);
	mt_wipe(q->body, q->n); /* a code or a token may be in it */
	free(q->body);
	q->body = NULL;
}

void mt_query_answer(struct mt_client *c, struct mt_query *q, enum mt_event_kind kind, int code,
		     const void *data, size_t n, struct tl_buf *owned)
{
	void *copy = owned ? owned->data : NULL;

	take_out(c, q, kind != MT_EV_RESULT);
	if (q->flags & MT_QUERY_INNER) {
		free(q);
		mt_temporary_answer(c, kind, data, n);
		return;
	}
	if (owned) {
		*owned = (struct tl_buf){.len = 0};
	} else if (n) {
		copy = malloc(n);
		if (copy) {
			memcpy(copy, data, n);
			data = copy;
		} else {
			kind = MT_EV_FAILED;
			code = -TG_E_NOMEM;
			n = 0;
		}
	}
	q->node = (struct mt_node){
		.ev = {.kind = kind, .code = code, .query = q->handle, .data = data, .n = n},
		.data = copy,
		.owner = q};
	mt_event_push(c, &q->node);
}

void mt_query_fail(struct mt_client *c, struct mt_query *q, int err)
{
	mt_query_answer(c, q, MT_EV_FAILED, err, NULL, 0, NULL);
}

void mt_query_drop(struct mt_client *c, struct mt_query *q)
{
	take_out(c, q, false);
	free(q);
}

void mt_query_free_all(struct mt_client *c)
{
	while (c->all.n)
		mt_query_drop(c, c->all.v[c->all.n - 1]);
	free(c->all.v);
	free(c->flight.v);
}
