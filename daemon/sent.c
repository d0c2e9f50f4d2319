/* Sends by their random ids. An account lists those of its calls by number; a call that was refused
 * as a duplicate looks in the differences since the first try for the names of its messages, asks
 * for them, and makes of them the answer that was lost. */
#include "daemon/sent.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/outcome.h"
#include "tl_schema.h"

#include <jansson.h>
#include <string.h>

#define NAME_WAIT (10 * RPC_SECOND) /* where no difference can be asked for the name */
#define LOOK_BACK 100               /* numbers, where it is not known since when */
#define CHANNEL_LIMIT 100

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

	if (!c->outcome) /* its row has it */
		c->since = tg_account_update_state(c->account->tg, rpc_sent_channel(c));
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
const json_t *rpc_sent_target(const struct rpc_call *c)
{
	const json_t *peer = json_object_get(c->raw_params, "to_peer");

	return peer ? peer : json_object_get(c->raw_params, "peer");
}

int64_t rpc_sent_channel(const struct rpc_call *c)
{
	int64_t channel = 0;

	(void)!rpc_json_int(json_object_get(rpc_sent_target(c), "channel_id"), &channel);
	return channel;
}

static bool channel_of(const struct rpc_call *c, struct tl_inputChannel *ret)
{
	*ret = (struct tl_inputChannel){.obj = {TL_inputChannel},
					.channel_id = rpc_sent_channel(c)};
	return ret->channel_id &&
	       rpc_json_int(json_object_get(rpc_sent_target(c), "access_hash"), &ret->access_hash);
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
	struct tl_inputChannel channel;
	bool is_channel = channel_of(c, &channel);
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
	c->search = RPC_SEARCH_MESSAGES;
	c->chain = 0;
	if (err ||
	    json_object_get(c->raw_params, "schedule_date")) /* those have ids of their own */
		answer_with(c, NULL, NULL, NULL, is_channel);
	else
		rpc_engine_call(c, is_channel ? TL_channels_getMessages : TL_messages_getMessages,
				0, fetched);
}

static bool named(struct rpc_call *c)
{
	for (struct rpc_sent *s = c->sent; s; s = s->call_next) {
		if (!s->id && c->outcome)
			s->id = rpc_outcome_named(c->account, s->random);
		if (!s->id)
			return false;
	}
	return true;
}

static void check_names(struct rpc_call *c)
{
	if (!named(c))
		return;
	rpc_unwait(c);
	c->cancel = NULL;
	fetch(c);
}

static void wait_for_names(struct rpc_call *c)
{
	int64_t limit = rpc_now().boot + NAME_WAIT;

	if (c->deadline > limit) {
		c->deadline = limit;
		rpc_timer_clear(&c->d->loop, &c->timer);
	}
	rpc_wait(c, check_names);
}

static void take_names(struct rpc_call *c, const struct tl_vec *updates)
{
	struct tl_obj *const *list = updates->items;

	for (uint32_t i = 0; i < updates->count; i++) {
		const struct tl_updateMessageID *m = (const struct tl_updateMessageID *)list[i];

		if (list[i]->ctor != TL_updateMessageID)
			continue;
		for (struct rpc_sent *s = c->sent; s; s = s->call_next)
			if (s->random == m->random_id)
				s->id = m->id;
	}
}

static struct rpc_result searched(struct rpc_call *c, const struct tg_event *e);

static void search(struct rpc_call *c)
{
	struct tl_channelMessagesFilterEmpty filter = {{TL_channelMessagesFilterEmpty}};
	struct tl_inputChannel channel;
	struct tl_updates_getChannelDifference in_channel = {
		.obj = {TL_updates_getChannelDifference},
		.channel = &channel.obj,
		.filter = &filter.obj,
		.pts = c->since.pts,
		.limit = CHANNEL_LIMIT,
	};
	struct tl_updates_getDifference in_common = {
		.obj = {TL_updates_getDifference},
		.pts = c->since.pts,
		.date = c->since.date,
		.qts = c->since.qts,
	};
	const struct tl_obj *m = channel_of(c, &channel) ? &in_channel.obj : &in_common.obj;

	(void)!tl_encode(&tl_api, m, &c->body); /* its error shows in the buffer */
	rpc_engine_call(c, m->ctor, 0, searched);
}

static struct rpc_result searched(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tg_update_state next = {0};
	struct tl_arena arena;
	struct tl_obj *o;

	tl_arena_init(&arena, RPC_MAX_CALL_MEMORY);
	if (tl_decode_result(&tl_api, e->method, &arena, &in, &o, NULL) != 0)
		o = NULL;
	if (o && o->ctor == TL_updates_difference) {
		take_names(c, &((struct tl_updates_difference *)o)->other_updates);
	} else if (o && o->ctor == TL_updates_differenceSlice) {
		const struct tl_updates_differenceSlice *d = (const void *)o;
		const struct tl_updates_state *s = (const void *)d->intermediate_state;

		take_names(c, &d->other_updates);
		if (s->obj.ctor == TL_updates_state)
			next = (struct tg_update_state){s->pts, s->qts, s->date};
	} else if (o && o->ctor == TL_updates_channelDifference) {
		const struct tl_updates_channelDifference *d = (const void *)o;

		take_names(c, &d->other_updates);
		if (!d->final)
			next.pts = d->pts;
	}
	tl_arena_free(&arena);
	if (named(c)) {
		fetch(c);
	} else if (next.pts > c->since.pts || next.qts > c->since.qts) {
		c->since = next;
		search(c);
	} else {
		wait_for_names(c);
	}
	return (struct rpc_result){c, false};
}

/* Differences know nothing of scheduled messages. */
static void find(struct rpc_call *c)
{
	c->search = RPC_SEARCH_NAMES;
	c->chain = 0;
	if (!c->since.pts) {
		c->since = tg_account_update_state(c->account->tg, rpc_sent_channel(c));
		if (c->since.pts)
			c->since.pts = c->since.pts > LOOK_BACK ? c->since.pts - LOOK_BACK : 1;
	}
	if (named(c))
		fetch(c);
	else if (!c->since.pts || json_object_get(c->raw_params, "schedule_date"))
		wait_for_names(c);
	else
		search(c);
}

bool rpc_sent_refused(struct rpc_call *c, const struct tg_event *e)
{
	switch (c->search) {
	case RPC_SEARCH_NONE:
		break;
	case RPC_SEARCH_NAMES:
		wait_for_names(c);
		return true;
	case RPC_SEARCH_MESSAGES: /* it cannot be looked at: its number has to do */
		answer_with(c, NULL, NULL, NULL, false);
		return true;
	}
	if (!c->sent || e->error != -TG_E_TELEGRAM || e->n != strlen(RPC_DUPLICATE) ||
	    memcmp(e->data, RPC_DUPLICATE, e->n) != 0 ||
	    strcmp(tl_type_name(&tl_api, c->tl), "Updates") != 0)
		return false;
	c->sent_answered = c->answered;
	/* the answer that was lost may be all that told of it: nobody else would ask */
	tg_sync(c->account->tg, rpc_sent_channel(c), rpc_now());
	rpc_account_touch(c->account);
	find(c);
	return true;
}
