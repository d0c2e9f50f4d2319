/* Timers in a pairing heap, and the map of numbers (open addressing). */
#include "core/heap.h"

#include <stdlib.h>

#define MAP_MIN 16u

static struct tg_timer *meld(struct tg_timer *a, struct tg_timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		struct tg_timer *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* Melds a list of siblings, in pairs, then all pairs. */
static struct tg_timer *meld_all(struct tg_timer *list)
{
	struct tg_timer *pairs = NULL, *root = NULL;

	while (list) {
		struct tg_timer *a = list, *b = a->next;

		list = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct tg_timer *next = pairs->next;

		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void tg_timer_clear(struct tg_timers *h, struct tg_timer *t)
{
	struct tg_timer *below;

	if (!t->set)
		return;
	below = meld_all(t->child);
	if (t == h->root) {
		h->root = below;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		h->root = meld(h->root, below);
	}
	t->child = t->next = t->prev = NULL;
	t->set = false;
}

void tg_timer_set(struct tg_timers *h, struct tg_timer *t, int64_t at)
{
	tg_timer_clear(h, t);
	if (at == TG_NEVER)
		return;
	t->at = at;
	t->set = true;
	h->root = meld(h->root, t);
}

int64_t tg_timers_next(const struct tg_timers *h)
{
	return h->root ? h->root->at : TG_NEVER;
}

struct tg_timer *tg_timers_due(struct tg_timers *h, int64_t now)
{
	struct tg_timer *t = h->root;

	if (!t || t->at > now)
		return NULL;
	tg_timer_clear(h, t);
	return t;
}

/* ---- map ---- */
static uint32_t slot_of(const struct tg_map *m, uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (m->cap - 1);
}

static struct tg_slot *find(const struct tg_map *m, uint64_t key)
{
	uint32_t i = slot_of(m, key);

	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

void *tg_map_get(const struct tg_map *m, uint64_t key)
{
	return m->count ? find(m, key)->value : NULL;
}

static bool grow(struct tg_map *m)
{
	struct tg_map bigger = {NULL, m->count, m->cap ? m->cap * 2 : MAP_MIN};

	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

bool tg_map_put(struct tg_map *m, uint64_t key, void *value)
{
	struct tg_slot *s;

	if (m->count * 4 >= m->cap * 3 && !grow(m))
		return false;
	s = find(m, key);
	m->count += !s->value;
	*s = (struct tg_slot){key, value};
	return true;
}

void *tg_map_take(struct tg_map *m, uint64_t key)
{
	struct tg_slot *s = m->count ? find(m, key) : NULL;
	void *value = s ? s->value : NULL;
	uint32_t hole, i;

	if (!value)
		return NULL;
	m->count--;
	hole = i = (uint32_t)(s - m->slots);
	/* what probed past the hole moves into it */
	for (;;) {
		uint32_t home;

		m->slots[hole].value = NULL;
		do {
			i = (i + 1) & (m->cap - 1);
			if (!m->slots[i].value)
				return value;
			home = slot_of(m, m->slots[i].key);
		} while (hole <= i ? hole < home && home <= i : hole < home || home <= i);
		m->slots[hole] = m->slots[i];
		hole = i;
	}
}

void tg_map_free(struct tg_map *m)
{
	free(m->slots);
	*m = (struct tg_map){0};
}
