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

/* What cannot be told for want of memory may have been an update: the spare event says that. */
static void push_spare(struct mt_client *c)
{
	if (c->spare_used)
		return;
	c->spare_used = true;
	c->spare = (struct mt_node){.ev.kind = MT_EV_UNREADABLE};
	mt_event_push(c, &c->spare);
}

/* One block: the node and its data behind it. */
static struct mt_node *node_new(struct mt_client *c, enum mt_event_kind kind, const void *data,
				size_t n)
{
	struct mt_node *node = malloc(sizeof *node + n);

	if (!node) {
		push_spare(c);
		return NULL;
	}
	*node = (struct mt_node){.ev = {.kind = kind, .data = (uint8_t *)(node + 1), .n = n},
				 .owner = node};
	if (n)
		memcpy(node + 1, data, n);
	return node;
}

void mt_event_say(struct mt_client *c, enum mt_event_kind kind, int code, const void *data,
		  size_t n)
{
	struct mt_node *node = node_new(c, kind, data, n);

	if (!node)
		return;
	node->ev.code = code;
	mt_event_push(c, node);
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

	if (c->given == &c->spare)
		c->spare_used = false;
	release(c->given);
	c->given = node;
	if (!node)
		return false;
	c->events = node->next;
	if (!c->events)
		c->events_tail = &c->events;
	*ret = node->ev;
	return true;
}
