/* The queue of events of an account, and the carriers that events and boxes point into. */
#include "core/account.h"

#include <assert.h>
#include <stdlib.h>

struct tg_carrier *tg_carrier_new(const void *data, size_t n, struct tl_cursor *ret)
{
	struct tl_arena arena;
	struct tg_carrier *c;
	uint8_t *copy;

	tl_arena_init(&arena, TG_ARENA_CAP);
	c = tl_arena_alloc(&arena, sizeof *c);
	copy = tl_arena_copy(&arena, data, n);
	if (!c || !copy) {
		tl_arena_free(&arena);
		return NULL;
	}
	*c = (struct tg_carrier){.refs = 1, .size = n, .arena = arena};
	*ret = tl_cursor(copy, n);
	return c;
}

struct tg_carrier *tg_carrier_hold(struct tg_carrier *c)
{
	c->refs++;
	return c;
}

void tg_carrier_drop(struct tg_carrier *c)
{
	struct tl_arena arena;

	if (!c || --c->refs)
		return;
	arena = c->arena;
	tl_arena_free(&arena);
}

void tg_event_queue(struct tg_account *a, struct tg_node *n)
{
	assert(!n->queued);
	n->next = NULL;
	n->queued = true;
	*a->last = n;
	a->last = &n->next;
}

struct tg_node *tg_event_new(struct tg_account *a, enum tg_event_kind kind)
{
	struct tg_node *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->ev.kind = kind;
	tg_event_queue(a, n);
	return n;
}

void tg_event_unqueue(struct tg_account *a, struct tg_node *n)
{
	struct tg_node **at = &a->first;

	if (!n->queued)
		return;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	if (!n->next)
		a->last = at;
	n->queued = false;
}

static void node_free(struct tg_account *a, struct tg_node *n)
{
	tg_carrier_drop(n->carrier);
	if (n->call) {
		tg_call_free(a, n->call);
		return;
	}
	free(n->owned);
	free(n);
}

bool tg_event_pop(struct tg_account *a, struct tg_event *ret)
{
	struct tg_node *n;

	if (a->given) {
		node_free(a, a->given);
		a->given = NULL;
	}
	n = a->first;
	if (!n)
		return false;
	tg_event_unqueue(a, n);
	a->given = n;
	*ret = n->ev;
	return true;
}

void tg_event_free_all(struct tg_account *a)
{
	struct tg_event ev;

	while (tg_event_pop(a, &ev))
		if (ev.kind == TG_EV_STORE)
			tg_batch_free(ev.batch);
		else if (ev.kind == TG_EV_JOB)
			ev.job->free(ev.job);
}
