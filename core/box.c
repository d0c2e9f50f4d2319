/* One box of updates: what is next, what was seen, what must wait for what is missing
 * (core.telegram.org/api/updates, "Update handling"; F.15-F.32). Pure: no time, no network. The
 * sequence number of carriers is a box, too: pts = seq, count = seq - seq_start + 1. */
#include "core/account.h"

#include <stdlib.h>

void tg_item_free(struct tg_item *item)
{
	if (!item)
		return;
	tg_carrier_drop(item->carrier);
	free(item);
}

static void resize(struct tg_box *b, size_t more, size_t less)
{
	b->pending_size += more - less;
	if (b->shared)
		*b->shared += more - less;
}

void tg_box_forget(struct tg_box *b)
{
	while (b->pending) {
		struct tg_item *next = b->pending->next;

		tg_item_free(b->pending);
		b->pending = next;
	}
	resize(b, 0, b->pending_size);
	b->pending_count = 0;
}

static int64_t start_of(const struct tg_item *i)
{
	return (int64_t)i->pts - i->count;
}

static void keep(struct tg_box *b, struct tg_item *item)
{
	struct tg_item **at = &b->pending;

	/* what the decoded objects hold; a carrier of several items counts for each */
	item->size = sizeof *item + (item->carrier ? item->carrier->arena.used : 0);
	if (b->pending_count >= TG_PENDING_MAX || b->pending_size + item->size > TG_PENDING_BYTES ||
	    (b->shared && *b->shared + item->size > TG_PENDING_ALL)) {
		b->suspect = true; /* the difference brings it again */
		tg_item_free(item);
		return;
	}
	while (*at && start_of(*at) <= start_of(item))
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	b->pending_count++;
	resize(b, item->size, 0);
}

static struct tg_item *take_first(struct tg_box *b)
{
	struct tg_item *i = b->pending;

	b->pending = i->next;
	i->next = NULL;
	b->pending_count--;
	resize(b, 0, i->size);
	return i;
}

/* Numbers that no server should say (F.21): the box stays where it is and asks. */
static bool is_nonsense(const struct tg_item *i)
{
	return i->pts <= 0 || i->count < 0 || i->count > i->pts;
}

/* Appends the item when it is next, drops it when it is old; false: there is a hole before it. */
static bool step(struct tg_box *b, struct tg_item *item, struct tg_item ***tail)
{
	if (start_of(item) > b->pts)
		return false;
	if (start_of(item) < b->pts) {
		tg_item_free(item); /* covered, at least in part: what else it says comes again */
		return true;
	}
	b->pts = item->pts;
	**tail = item;
	*tail = &item->next;
	return true;
}

struct tg_item *tg_box_replay(struct tg_box *b)
{
	struct tg_item *out = NULL, **tail = &out;

	while (b->pending && start_of(b->pending) <= b->pts) {
		struct tg_item *i = take_first(b);

		if (!step(b, i, &tail))
			break;
	}
	return out;
}

struct tg_item *tg_box_feed(struct tg_box *b, struct tg_item *item)
{
	struct tg_item *out = NULL, **tail = &out;

	item->next = NULL;
	if (is_nonsense(item)) {
		b->suspect = true;
		tg_item_free(item);
		return NULL;
	}
	if (b->busy || start_of(item) > b->pts) {
		keep(b, item);
		return NULL;
	}
	(void)step(b, item, &tail);
	*tail = tg_box_replay(b);
	return out;
}

int64_t tg_box_gap_at(const struct tg_box *b)
{
	int64_t oldest = TG_NEVER;

	if (b->busy)
		return TG_NEVER;
	for (const struct tg_item *i = b->pending; i; i = i->next)
		if (i->arrived < oldest)
			oldest = i->arrived;
	return oldest == TG_NEVER ? TG_NEVER : oldest + TG_GAP_WAIT;
}
