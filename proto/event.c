/* The client's events: a queue that the caller empties. An event lives until the next pull; the
 * queue owns its nodes, and through a query's node the answered query. */
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

static void release(struct mt_node *n)
{
	if (!n)
		return;
	if (n->ev.kind == MT_EV_KEY)
		mt_wipe(n + 1, n->ev.n);
	free(n->data);
	free(n->owner);
}

void mt_event_push(struct mt_client *c, struct mt_node *node)
{
	node->next = NULL;
	*c->events_tail = node;
	c->events_tail = &node->next;
}

static unsigned fixed_index(enum mt_event_kind kind)
{
	return kind == MT_EV_CONNECT ? 0 : kind == MT_EV_CLOSE ? 1 : 2;
}

/* A connection that nobody is told to open or to close would be waited for for ever. */
void mt_event_fixed(struct mt_client *c, enum mt_event_kind kind)
{
	struct mt_fixed *f = &c->fixed[fixed_index(kind)];

	if (f->queued)
		return;
	f->queued = true;
	f->node = (struct mt_node){.ev.kind = kind};
	mt_event_push(c, &f->node);
}

/* One block: the node and its data behind it. */
static struct mt_node *node_new(struct mt_client *c, enum mt_event_kind kind, const void *data,
				size_t n)
{
	struct mt_node *node = malloc(sizeof *node + n);

	if (!node) { /* it may have been an update: this says that there is a hole */
		mt_event_fixed(c, MT_EV_UNREADABLE);
		return NULL;
	}
	*node = (struct mt_node){.ev = {.kind = kind, .data = (uint8_t *)(node + 1), .n = n},
				 .owner = node};
	if (n)
		memcpy(node + 1, data, n);
	return node;
}

bool mt_event_say(struct mt_client *c, enum mt_event_kind kind, int code, const void *data,
		  size_t n)
{
	struct mt_node *node = node_new(c, kind, data, n);

	if (!node)
		return false;
	node->ev.code = code;
	mt_event_push(c, node);
	return true;
}

void mt_event_give(struct mt_client *c, enum mt_event_kind kind, const void *data, size_t n,
		   struct tl_buf *memory)
{
	struct mt_node *node = node_new(c, kind, NULL, 0);

	if (!node)
		return;
	node->ev.data = data;
	node->ev.n = n;
	node->data = memory->data;
	*memory = (struct tl_buf){.len = 0};
	mt_event_push(c, node);
}

void mt_event_value(struct mt_client *c, enum mt_event_kind kind, int64_t value)
{
	struct mt_node *node = node_new(c, kind, NULL, 0);

	if (!node)
		return;
	node->ev.value = value;
	mt_event_push(c, node);
}

void mt_event_quick_ack(struct mt_client *c, uint64_t query)
{
	struct mt_node *node = node_new(c, MT_EV_QUICK_ACK, NULL, 0);

	if (!node)
		return;
	node->ev.query = query;
	mt_event_push(c, node);
}

bool mt_event_job(struct mt_client *c, struct mt_job *job)
{
	struct mt_node *node = node_new(c, MT_EV_JOB, NULL, 0);

	if (!node)
		return false;
	node->ev.job = job;
	mt_event_push(c, node);
	return true;
}

void mt_event_forget(struct mt_client *c, uint64_t query)
{
	struct mt_node **at = &c->events, *node;

	while (query && (node = *at)) {
		if (node->ev.query != query) {
			at = &node->next;
			continue;
		}
		*at = node->next;
		release(node);
	}
	if (query)
		c->events_tail = at;
}

void mt_event_drop_all(struct mt_client *c)
{
	struct mt_event ev;

	while (mt_client_next(c, &ev))
		if (ev.kind == MT_EV_JOB)
			ev.job->free(ev.job);
}

bool mt_client_next(struct mt_client *c, struct mt_event *ret)
{
	struct mt_node *node = c->events;

	release(c->given);
	c->given = node;
	if (!node)
		return false;
	if (!node->owner)
		c->fixed[fixed_index(node->ev.kind)].queued = false;
	c->events = node->next;
	if (!c->events)
		c->events_tail = &c->events;
	*ret = node->ev;
	return true;
}
