/* Consumers: acks, fetching for one-shot scripts, positions. */
#include "daemon/consumer.h"
#include "daemon/daemon.h"
#include "daemon/journal.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/subscription.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct args {
	struct tl_str consumer;
	int64_t seq, limit, wait, ack;
	struct json_t *to;
	struct rpc_timer timer; /* of a long poll */
	struct rpc_call *call;
};
#define AT(field) offsetof(struct args, field)
#define FETCH_BYTES (8u << 20) /* of one answer; the rest comes with the next */

static struct rpc_consumer *known(struct rpc_call *c)
{
	const struct args *a = c->args;
	struct rpc_consumer *k = rpc_consumer_find(c->d, a->consumer);

	if (!k)
		rpc_problem(c, -TG_E_CONSUMER_UNKNOWN, "consumer", NULL);
	return k;
}

static void write_consumer(struct rpc_daemon *d, struct tl_buf *b, const struct rpc_consumer *k)
{
	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "consumer", k->name);
	rpc_js_int(b, "acked", (int64_t)k->acked);
	rpc_js_int(b, "lag", (int64_t)rpc_consumer_lag(d, k));
	rpc_js_int(b, "age", rpc_consumer_age(d, k));
	if (k->subscription) {
		rpc_js_int(b, "connection", (int64_t)k->subscription->conn->id);
		rpc_js_int(b, "sent", (int64_t)k->subscription->pos);
		rpc_js_int(b, "lagged", (int64_t)k->subscription->lagged);
		rpc_js_int(b, "unread", (int64_t)rpc_conn_unread(k->subscription->conn));
	}
	rpc_js_close(b, '}');
}

static struct rpc_result tell(struct rpc_call *c)
{
	const struct rpc_consumer *k = known(c);

	if (!k)
		return rpc_refuse(c);
	write_consumer(c->d, rpc_begin(c), k);
	return rpc_end(c);
}

/* ---- ack, seek, remove, list ----------------------------------------------------------------- */
static int acked(struct rpc_call *c, const struct rpc_consumer *k, const char *field, int64_t seq,
		 uint64_t *ret)
{
	uint64_t last = rpc_committer_seq(c->d->accounts->committer);

	if (seq < 0 || (uint64_t)seq > last)
		return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s: 0 to the last seq, %llu",
				   field, (unsigned long long)last);
	*ret = (uint64_t)seq > k->moving ? (uint64_t)seq : k->moving; /* an old one is no news */
	return 0;
}

static struct rpc_result ack(struct rpc_call *c)
{
	const struct args *a = c->args;
	struct rpc_consumer *k = known(c);
	uint64_t position = 0;

	if (!k || acked(c, k, "seq", a->seq, &position) != 0)
		return rpc_refuse(c);
	return rpc_commit_wait(c, rpc_consumer_move(k, position), tell);
}

static struct rpc_result sought(struct rpc_call *c)
{
	const struct rpc_consumer *k = known(c);

	if (k && k->subscription)
		k->subscription->pos = k->subscription->sent = k->acked;
	return tell(c);
}

static struct rpc_result seek_consumer(struct rpc_call *c)
{
	const struct args *a = c->args;
	struct rpc_consumer *k = known(c);
	const char *word = json_string_value(a->to);
	uint64_t pos;
	int64_t seq;

	if (!k)
		return rpc_refuse(c);
	if (rpc_json_int(a->to, &seq)) {
		if (rpc_journal_behind(c, "to", seq, &pos) != 0)
			return rpc_refuse(c);
	} else if (word && strcmp(word, "oldest") == 0) {
		pos = rpc_journal_oldest(c->d) - 1;
	} else if (word && strcmp(word, "now") == 0) {
		pos = rpc_committer_seq(c->d->accounts->committer);
	} else {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "to",
			    "to: \"now\", \"oldest\" or a seq is wanted");
		return rpc_refuse(c);
	}
	return rpc_commit_wait(c, rpc_consumer_move(k, pos), sought);
}

static struct rpc_result removed(struct rpc_call *c)
{
	tl_put_text(rpc_begin(c), "{\"removed\":true}");
	return rpc_end(c);
}

static struct rpc_result remove_consumer(struct rpc_call *c)
{
	struct rpc_consumer *k = known(c);

	if (!k)
		return rpc_refuse(c);
	return rpc_commit_wait(c, rpc_consumer_move(k, RPC_NOWHERE), removed);
}

static struct rpc_result list_consumers(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "consumers", '[');
	for (const struct rpc_consumer *k = c->d->accounts->consumers; k; k = k->next)
		if (k->acked != RPC_NOWHERE)
			write_consumer(c->d, b, k);
	rpc_js_close(b, ']');
	rpc_js_int(b, "last", (int64_t)rpc_committer_seq(c->d->accounts->committer));
	rpc_js_int(b, "oldest", (int64_t)rpc_journal_oldest(c->d));
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- fetch_updates --------------------------------------------------------------------------- */
static void stop_poll(struct rpc_call *c)
{
	struct args *a = c->args;

	rpc_timer_clear(&c->d->loop, &a->timer);
	rpc_unwait(c);
}

static bool cancel_poll(struct rpc_call *c)
{
	stop_poll(c);
	return false;
}

static struct rpc_result give(struct rpc_call *c, const struct rpc_consumer *k)
{
	const struct args *a = c->args;
	uint64_t last = rpc_committer_seq(c->d->accounts->committer);
	uint64_t pos = k->acked < last ? k->acked : last; /* made anew, it may have no row yet */
	struct rpc_event row = {0};
	struct tl_buf *b = rpc_begin(c);
	size_t mark = b->len;

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "updates", '[');
	for (int64_t i = 0; i < a->limit && pos < last && b->len - mark < FETCH_BYTES; i++) {
		uint64_t seq;
		int err =
			rpc_journal_next(c->d->accounts->store, pos, NULL, &seq, &row, NULL, NULL);

		if (err && err != -TG_E_NOT_FOUND)
			break;
		if (err || seq > last)
			seq = last + 1;
		if (seq > pos + 1) {
			rpc_js_open(b, NULL, '{');
			rpc_js_int(b, "seq", (int64_t)seq - 1);
			rpc_gap_write(b, pos + 1, seq - 1);
			rpc_js_close(b, '}');
		}
		pos = seq > last ? last : seq;
		if (seq > last)
			break;
		rpc_js_open(b, NULL, '{');
		rpc_js_int(b, "seq", (int64_t)seq);
		rpc_event_write(b, &row, RPC_RAW_NONE);
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
	rpc_js_int(b, "last", (int64_t)pos);
	rpc_js_int(b, "lag", (int64_t)(last - pos));
	rpc_js_close(b, '}');
	rpc_journal_row_free(&row);
	return rpc_end(c);
}

static void check_poll(struct rpc_call *c)
{
	const struct rpc_consumer *k = known(c);

	if (k && !rpc_consumer_lag(c->d, k))
		return;
	stop_poll(c);
	if (k)
		give(c, k);
	else
		rpc_refuse(c);
}

static void on_poll_end(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_call *c = ((struct args *)((char *)t - AT(timer)))->call;
	const struct rpc_consumer *k = known(c);

	(void)now;
	stop_poll(c);
	if (k)
		give(c, k);
	else
		rpc_refuse(c);
}

static struct rpc_result poll(struct rpc_call *c)
{
	const struct rpc_consumer *k = known(c);
	struct args *a = c->args;
	struct rpc_result r;

	if (!k)
		return rpc_refuse(c);
	if (rpc_consumer_lag(c->d, k) || a->wait <= 0)
		return give(c, k);
	a->call = c;
	a->timer.fire = on_poll_end;
	r = rpc_wait(c, check_poll);
	c->cancel = cancel_poll;
	if (rpc_timer_set(&c->d->loop, &a->timer, rpc_now().boot + a->wait) != 0)
		rpc_waiters_check(c->d);
	return r;
}

static struct rpc_result fetch_updates(struct rpc_call *c)
{
	struct args *a = c->args;
	uint64_t now = rpc_committer_seq(c->d->accounts->committer);
	struct rpc_consumer *k = rpc_consumer_find(c->d, a->consumer);
	uint64_t position;

	if (a->limit < 1 || a->limit > RPC_MAX_FETCH) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "limit", "limit: 1 to 1000");
		return rpc_refuse(c);
	}
	if (a->wait >= c->common.timeout) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "wait", "wait: less than timeout");
		return rpc_refuse(c);
	}
	if (!k)
		k = rpc_consumer_make(c, "consumer", a->consumer, true, now);
	if (!k)
		return rpc_refuse(c);
	position = k->moving;
	if (a->ack != RPC_NONE && acked(c, k, "ack", a->ack, &position) != 0)
		return rpc_refuse(c);
	if (rpc_consumer_rests(k) && position == k->acked)
		return poll(c);
	return rpc_commit_wait(c, rpc_consumer_move(k, position), poll);
}

static const struct rpc_param name_params[] = {
	{"consumer", RPC_K_STRING, true, NULL, AT(consumer), NULL, "its name"},
};
static const struct rpc_param ack_params[] = {
	{"consumer", RPC_K_STRING, true, NULL, AT(consumer), NULL, "its name"},
	{"seq", RPC_K_INT, true, NULL, AT(seq), NULL, "everything up to here is done with"},
};
static const struct rpc_param seek_params[] = {
	{"consumer", RPC_K_STRING, true, NULL, AT(consumer), NULL, "its name"},
	{"to", RPC_K_ANY, true, NULL, AT(to), NULL,
	 "\"now\", \"oldest\", or a seq: go on behind it"},
};
static const struct rpc_param fetch_params[] = {
	{"consumer", RPC_K_STRING, true, NULL, AT(consumer), NULL,
	 "the first use makes it, at now"},
	{"limit", RPC_K_INT, false, "100", AT(limit), NULL, "at most so many, 1 to 1000"},
	{"wait", RPC_K_DURATION, false, "0", AT(wait), NULL, "for the first one, seconds"},
	{"ack", RPC_K_INT, false, NULL, AT(ack), NULL, "first ack everything up to this seq"},
};

const struct rpc_method rpc_methods_consumers[] = {
	{.name = "ack",
	 .flags = RPC_WAITS,
	 .run = ack,
	 RPC_ROWS(ack_params, struct args),
	 .doc = "Moves a consumer: what is acked does not come again. Answered when it is durable.",
	 .result =
		 "{\"consumer\":string,\"acked\":int,\"lag\":int,\"age\":int,\"connection\":int?}"},
	{.name = "fetch_updates",
	 .flags = RPC_WAITS,
	 .run = fetch_updates,
	 RPC_ROWS(fetch_params, struct args),
	 .doc = "What follows a consumer's acked position, for scripts that run once. Without ack "
		"the "
		"same updates come again.",
	 .result = "{\"updates\":[{\"seq\":int,\"account\":string,\"type\":string,…}],"
		   "\"last\":int,\"lag\":int}"},
	{.name = "list_consumers",
	 .run = list_consumers,
	 .doc = "All consumers and how far they are: lag in updates, age of the oldest one not "
		"acked in "
		"seconds; of those who are connected the last seq sent, live-only updates they "
		"were too "
		"slow for, and bytes they have not read.",
	 .result = "{\"consumers\":[{\"consumer\":string,\"acked\":int,\"lag\":int,\"age\":int,…}],"
		   "\"last\":int,\"oldest\":int}"},
	{.name = "seek_consumer",
	 .role = RPC_SEND,
	 .flags = RPC_WAITS,
	 .run = seek_consumer,
	 RPC_ROWS(seek_params, struct args),
	 .doc = "Sets a consumer's position, forwards or back.",
	 .result =
		 "{\"consumer\":string,\"acked\":int,\"lag\":int,\"age\":int,\"connection\":int?}"},
	{.name = "remove_consumer",
	 .role = RPC_SEND,
	 .flags = RPC_WAITS,
	 .run = remove_consumer,
	 RPC_ROWS(name_params, struct args),
	 .doc = "Forgets a consumer.",
	 .result = "{\"removed\":true}"},
};
RPC_GROUP_COUNT(consumers);
