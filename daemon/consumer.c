/* Consumers: loading, finding, keeping. */
#include "daemon/consumer.h"

#include "daemon/daemon.h"
#include "daemon/journal.h"
#include "daemon/js.h"
#include "daemon/subscription.h"

#include <stdlib.h>
#include <string.h>

static uint64_t number_of(const struct tl_buf *value)
{
	struct tl_cursor c = tl_cursor(value->data, value->len);

	return tl_get_u64(&c);
}

int rpc_consumers_load(struct rpc_daemon *d)
{
	struct tg_store *s = d->accounts->store;
	struct tl_buf key = {0}, value = {0};
	int err = s->ops->seek(s, TG_TABLE_CONSUMER, NULL, 0, NULL, 0, &key, &value);

	while (!err) {
		struct tl_str name = {(const char *)key.data, (uint32_t)key.len};

		if (rpc_consumer_name_ok(name)) {
			struct rpc_consumer *k = rpc_consumer_add(d, name, number_of(&value));

			err = k ? 0 : -TG_E_NOMEM;
			if (err)
				break;
			k->acked = k->moving;
		}
		tl_put_u8(&key, 0); /* the next key there can be */
		if (key.err) {
			err = key.err;
			break;
		}
		tl_buf_clear(&value);
		{
			struct tl_buf from = key;

			key = (struct tl_buf){0};
			err = s->ops->seek(s, TG_TABLE_CONSUMER, NULL, 0, from.data, from.len, &key,
					   &value);
			tl_buf_free(&from);
		}
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return err == -TG_E_NOT_FOUND ? 0 : err;
}

void rpc_consumers_free(struct rpc_daemon *d)
{
	struct rpc_consumer *next;

	for (struct rpc_consumer *k = d->accounts->consumers; k; k = next) {
		next = k->next;
		free(k);
	}
	d->accounts->consumers = NULL;
}

bool rpc_consumer_name_ok(struct tl_str name)
{
	if (!name.len || name.len > RPC_MAX_CONSUMER_NAME)
		return false;
	for (uint32_t i = 0; i < name.len; i++) {
		char ch = name.data[i];
		bool word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			    (ch >= '0' && ch <= '9');

		if (!word && (!i || !strchr("._:-", ch)))
			return false;
	}
	return true;
}

static struct rpc_consumer *named(struct rpc_daemon *d, struct tl_str name)
{
	struct rpc_consumer *k = d->accounts->consumers;

	while (k && !tl_str_eq(name, k->name))
		k = k->next;
	return k;
}

struct rpc_consumer *rpc_consumer_find(struct rpc_daemon *d, struct tl_str name)
{
	struct rpc_consumer *k = named(d, name);

	return k && k->moving != RPC_NOWHERE ? k : NULL;
}

struct rpc_consumer *rpc_consumer_add(struct rpc_daemon *d, struct tl_str name, uint64_t position)
{
	struct rpc_accounts *all = d->accounts;
	struct rpc_consumer *k = named(d, name);

	if (!k) {
		if (all->consumer_count >= RPC_MAX_CONSUMERS)
			return NULL;
		k = calloc(1, sizeof *k);
		if (!k)
			return NULL;
		memcpy(k->name, name.data, name.len);
		k->acked = RPC_NOWHERE;
		k->next = all->consumers;
		all->consumers = k;
		all->consumer_count++;
	}
	k->moving = position;
	return k;
}

static void forget(struct rpc_daemon *d, struct rpc_consumer *k)
{
	struct rpc_consumer **p = &d->accounts->consumers;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	d->accounts->consumer_count--;
	free(k);
}

struct rpc_commit *rpc_consumer_move(struct rpc_consumer *k, uint64_t position)
{
	struct rpc_commit *commit = rpc_commit_new(tg_batch_new());
	struct tl_buf value = {0};

	if (!commit)
		return NULL;
	if (position == RPC_NOWHERE) {
		tg_batch_delete(commit->batch, TG_TABLE_CONSUMER, k->name, strlen(k->name));
	} else {
		tl_put_u64(&value, position);
		tg_batch_put(commit->batch, TG_TABLE_CONSUMER, k->name, strlen(k->name), value.data,
			     value.len);
		tl_buf_free(&value);
	}
	commit->consumer = k;
	commit->position = k->moving = position;
	k->commits++;
	return commit;
}

/* Commits end in order: after the last one the disk has what the last good one said. */
void rpc_consumer_moved(struct rpc_daemon *d, const struct rpc_commit *commit)
{
	struct rpc_consumer *k = commit->consumer;

	k->commits--;
	if (!commit->batch->result)
		k->acked = commit->position;
	if (k->acked == RPC_NOWHERE && k->subscription)
		rpc_subscription_end(k->subscription, "removed");
	if (k->commits)
		return;
	k->moving = k->acked;
	if (k->acked == RPC_NOWHERE)
		forget(d, k);
}

bool rpc_consumer_rests(const struct rpc_consumer *k)
{
	return k->acked != RPC_NOWHERE && !k->commits;
}

uint64_t rpc_consumer_lag(struct rpc_daemon *d, const struct rpc_consumer *k)
{
	uint64_t seq = rpc_committer_seq(d->accounts->committer);

	return seq > k->acked ? seq - k->acked : 0;
}

int64_t rpc_consumer_age(struct rpc_daemon *d, const struct rpc_consumer *k)
{
	struct rpc_event row = {0};
	int64_t at = 0, now = rpc_now().real / RPC_SECOND;
	uint64_t seq;

	if (rpc_consumer_lag(d, k) &&
	    rpc_journal_next(d->accounts->store, k->acked, &rpc_filter_none, &seq, &row, &at,
			     NULL) != 0)
		at = 0;
	rpc_journal_row_free(&row);
	return at && at < now ? now - at : 0;
}

uint64_t rpc_journal_oldest(struct rpc_daemon *d)
{
	uint64_t seq = rpc_committer_seq(d->accounts->committer) + 1;
	struct rpc_event row = {0};
	uint64_t first;

	if (rpc_journal_next(d->accounts->store, 0, &rpc_filter_none, &first, &row, NULL, NULL) ==
	    0)
		seq = first;
	rpc_journal_row_free(&row);
	return seq;
}

/* ---- for methods ----------------------------------------------------------------------------- */
struct rpc_consumer *rpc_consumer_make(struct rpc_call *c, const char *field, struct tl_str name,
				       bool create, uint64_t position)
{
	struct rpc_consumer *k = NULL;

	if (!rpc_consumer_name_ok(name)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, field,
			    "%s: 1 to 64 letters, digits and ._:- are wanted", field);
	} else if (!create) {
		rpc_problem(c, -TG_E_CONSUMER_UNKNOWN, field, NULL);
	} else if (c->d->accounts->consumer_count >= RPC_MAX_CONSUMERS) {
		c->problem.limit = "consumers";
		rpc_problem(c, -TG_E_TOO_LARGE, field, "at most 1024 consumers");
	} else {
		k = rpc_consumer_add(c->d, name, position);
		if (!k)
			rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	}
	return k;
}

int rpc_journal_behind(struct rpc_call *c, const char *field, int64_t seq, uint64_t *ret)
{
	uint64_t last = rpc_committer_seq(c->d->accounts->committer),
		 oldest = rpc_journal_oldest(c->d);

	if (seq < 0 || (uint64_t)seq > last)
		return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s: 0 to the last seq, %llu",
				   field, (unsigned long long)last);
	if ((uint64_t)seq + 1 < oldest) {
		rpc_js_int(&c->problem.extra, "oldest", (int64_t)oldest);
		return rpc_problem(c, -TG_E_CURSOR_EXPIRED, field, NULL);
	}
	*ret = (uint64_t)seq;
	return 0;
}
