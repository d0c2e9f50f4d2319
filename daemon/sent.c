/* Sends by their random ids. An account lists those of its calls by number; a call that was refused
 * as a duplicate waits until all its messages have names, asks for them, and makes of them the
 * answer that was lost. */
#include "daemon/sent.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/outcome.h"
#include "tl_schema.h"

#include <jansson.h>
#include <string.h>

#define NAME_WAIT (10 * RPC_SECOND) /* a difference brings the name, if anything does */

static struct rpc_sent **bucket(struct rpc_account *a, int64_t random)
{
	return &a->sent[(uint64_t)random % RPC_BUCKETS];
}

static int note(struct rpc_call *c, const json_t *v)
{
	struct rpc_sent *s, **end = &c->sent, **head;
	int64_t random;

	if (!rpc_json_int(v, &random))
		return 0;
	s = tl_arena_alloc(&c->arena, sizeof *s);
	if (!s)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	head = bucket(c->account, random);
	*s = (struct rpc_sent){.call = c, .random = random, .account_next = *head};
	*head = s;
	while (*end)
		end = &(*end)->call_next;
	*end = s;
	return 0;
}

int rpc_sent_note(struct rpc_call *c)
{
	const json_t *random = json_object_get(c->raw_params, "random_id"),
		     *parts = json_object_get(c->raw_params, "multi_media"), *v;
	int err = note(c, random);
	size_t i;

	json_array_foreach(random, i, v)
	{
		err = err ? err : note(c, v);
	}
	json_array_foreach(parts, i, v)
	{
		err = err ? err : note(c, json_object_get(v, "random_id"));
	}
	return err;
}

void rpc_sent_forget(struct rpc_call *c)
{
	for (const struct rpc_sent *s = c->sent; s; s = s->call_next) {
		struct rpc_sent **p = bucket(c->account, s->random);

		while (*p != s)
			p = &(*p)->account_next;
		*p = s->account_next;
	}
	c->sent = NULL;
}

void rpc_sent_update(struct rpc_account *a, const struct tl_obj *update)
{
	const struct tl_updateMessageID *m = (const struct tl_updateMessageID *)update;
	bool keep = true;

	if (update->ctor != TL_updateMessageID)
		return;
	for (struct rpc_sent *s = *bucket(a, m->random_id); s; s = s->account_next) {
		if (s->random != m->random_id)
			continue;
		s->id = m->id;
		keep = s->call->outcome != NULL;
		rpc_waiters_check(a->d);
	}
	if (keep) /* sent in an earlier life, or by one that may end with this one */
		rpc_outcome_name(a, m->random_id, m->id);
}

/* ---- already done ---------------------------------------------------------------------------- */
static const json_t *target(const struct rpc_call *c)
{
	const json_t *peer = json_object_get(c->raw_params, "to_peer");

	return peer ? peer : json_object_get(c->raw_params, "peer");
}

/* What was asked for as the answer that was lost: the numbers, and the messages that are still
 * there. They count in no box. */
static void answer_with(struct rpc_call *c, const struct tl_vec *messages,
			const struct tl_vec *users, const struct tl_vec *chats, bool channel)
{
	struct tl_updates u = {.obj = {TL_updates}, .date = (int32_t)(rpc_now().real / RPC_SECOND)};
	struct tg_event e = {.kind = TG_EV_ANSWER, .call = c->number, .method = c->tl};
	struct tl_obj *const *list = messages ? messages->items : NULL;
	size_t n = messages ? messages->count : 0, count = 0;
	struct tl_buf b = {0};
	struct tl_obj **all;

	for (const struct rpc_sent *s = c->sent; s; s = s->call_next)
		n++;
	all = tl_arena_alloc(&c->arena, n * sizeof *all);
	for (const struct rpc_sent *s = c->sent; s && all; s = s->call_next) {
		struct tl_updateMessageID *m = tl_arena_alloc(&c->arena, sizeof *m);

		if (!m)
			break;
		*m = (struct tl_updateMessageID){{TL_updateMessageID}, s->id, s->random};
		all[count++] = &m->obj;
	}
	for (uint32_t i = 0; messages && all && i < messages->count; i++) {
		struct tl_updateNewMessage *m = tl_arena_alloc(&c->arena, sizeof *m);

		if (!m || list[i]->ctor == TL_messageEmpty)
			continue;
		*m = (struct tl_updateNewMessage){
			{channel ? TL_updateNewChannelMessage : TL_updateNewMessage},
			list[i],
			0,
			0};
		all[count++] = &m->obj;
	}
	u.updates = (struct tl_vec){all, (uint32_t)count};
	if (users)
		u.users = *users;
	if (chats)
		u.chats = *chats;
	if (tl_encode(&tl_api, &u.obj, &b) != 0) {
		rpc_fail(c, -TG_E_OUTCOME_UNKNOWN, "it was sent; what was sent cannot be told");
	} else {
		e.data = b.data;
		e.n = b.len;
		c->sent_answered(c, &e);
	}
	tl_buf_free(&b);
}

static struct rpc_result fetched(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tl_obj *o;
	bool truncated;

	if (tl_decode_result(&tl_api, e->method, &c->arena, &in, &o, &truncated) != 0)
		o = NULL;
	if (o && o->ctor == TL_messages_channelMessages) {
		struct tl_messages_channelMessages *m = (struct tl_messages_channelMessages *)o;

		answer_with(c, &m->messages, &m->users, &m->chats, true);
	} else if (o && o->ctor == TL_messages_messages) {
		struct tl_messages_messages *m = (struct tl_messages_messages *)o;

		answer_with(c, &m->messages, &m->users, &m->chats, false);
	} else {
		answer_with(c, NULL, NULL, NULL, false);
	}
	return (struct rpc_result){c, false};
}

static void fetch(struct rpc_call *c)
{
	struct tl_channels_getMessages in_channel = {.obj = {TL_channels_getMessages}};
	struct tl_messages_getMessages in_common = {.obj = {TL_messages_getMessages}};
	struct tl_inputChannel channel = {.obj = {TL_inputChannel}};
	const json_t *peer = target(c);
	bool is_channel = rpc_json_int(json_object_get(peer, "channel_id"), &channel.channel_id) &&
			  rpc_json_int(json_object_get(peer, "access_hash"), &channel.access_hash);
	struct tl_inputMessageID *ids;
	struct tl_vec list = {NULL, 0};
	struct tl_obj **items;
	size_t n = 0;
	int err;

	for (const struct rpc_sent *s = c->sent; s; s = s->call_next)
		n++;
	ids = tl_arena_alloc(&c->arena, n * sizeof *ids);
	list.items = items = tl_arena_alloc(&c->arena, n * sizeof *items);
	for (const struct rpc_sent *s = c->sent; s && ids && items; s = s->call_next) {
		ids[list.count] = (struct tl_inputMessageID){{TL_inputMessageID}, s->id};
		items[list.count] = &ids[list.count].obj;
		list.count++;
	}
	in_channel.channel = &channel.obj;
	in_channel.id = in_common.id = list;
	err = tl_encode(&tl_api, is_channel ? &in_channel.obj : &in_common.obj, &c->body);
	c->fetching = true;
	c->chain = 0;
	if (err ||
	    json_object_get(c->raw_params, "schedule_date")) /* those have ids of their own */
		answer_with(c, NULL, NULL, NULL, is_channel);
	else
		rpc_engine_call(c, is_channel ? TL_channels_getMessages : TL_messages_getMessages,
				0, fetched);
}

static bool cancel_search(struct rpc_call *c)
{
	rpc_unwait(c);
	return true; /* it was sent */
}

static void check_names(struct rpc_call *c)
{
	for (struct rpc_sent *s = c->sent; s; s = s->call_next) {
		if (!s->id && c->outcome)
			s->id = rpc_outcome_named(c->account, s->random);
		if (!s->id)
			return;
	}
	rpc_unwait(c);
	c->cancel = NULL;
	fetch(c);
}

bool rpc_sent_refused(struct rpc_call *c, const struct tg_event *e)
{
	static const char duplicate[] = "RANDOM_ID_DUPLICATE";
	int64_t limit = rpc_now().boot + NAME_WAIT, channel = 0;

	if (c->fetching) { /* it cannot be looked at: its number has to do */
		answer_with(c, NULL, NULL, NULL, false);
		return true;
	}
	if (!c->sent || e->error != -TG_E_TELEGRAM || e->n != sizeof duplicate - 1 ||
	    memcmp(e->data, duplicate, e->n) != 0 ||
	    strcmp(tl_type_name(&tl_api, c->tl), "Updates") != 0)
		return false;
	c->sent_answered = c->answered;
	if (c->deadline > limit) {
		c->deadline = limit;
		rpc_timer_clear(&c->d->loop, &c->timer);
	}
	rpc_wait(c, check_names);
	c->cancel = cancel_search;
	/* the answer that was lost may be all that told of it: nobody else would ask */
	(void)!rpc_json_int(json_object_get(target(c), "channel_id"), &channel);
	tg_sync(c->account->tg, channel, rpc_now());
	rpc_account_touch(c->account);
	return true;
}
