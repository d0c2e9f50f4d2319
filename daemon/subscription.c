/* Subscriptions. Each belongs to its connection and dies with it. One that is up to date gets
 * events as they are committed; one that is behind, because it asked for older ones or does not
 * read, is fed from the journal whenever its connection has room, and costs no memory meanwhile. */
#include "daemon/subscription.h"

#include "daemon/consumer.h"
#include "daemon/daemon.h"
#include "daemon/journal.h"
#include "daemon/js.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists: who has room, and who waits for it ----------------------------------------------- */
static struct rpc_subscription **list_of(const struct rpc_subscription *s)
{
	return s->parked ? &s->conn->d->parked : &s->conn->d->subscriptions;
}

static void list_in(struct rpc_subscription *s)
{
	struct rpc_subscription **head = list_of(s);

	s->all_prev = NULL;
	s->all_next = *head;
	if (*head)
		(*head)->all_prev = s;
	*head = s;
}

static void list_out(struct rpc_subscription *s)
{
	if (s->all_prev)
		s->all_prev->all_next = s->all_next;
	else
		*list_of(s) = s->all_next;
	if (s->all_next)
		s->all_next->all_prev = s->all_prev;
}

/* Those before this one come last from now on. */
static void list_begin_with(struct rpc_daemon *d, struct rpc_subscription *s)
{
	struct rpc_subscription *last = s;

	if (!s->all_prev)
		return;
	while (last->all_next)
		last = last->all_next;
	last->all_next = d->subscriptions;
	d->subscriptions->all_prev = last;
	s->all_prev->all_next = NULL;
	s->all_prev = NULL;
	d->subscriptions = s;
}

static bool has_room(const struct rpc_conn *c)
{
	return rpc_conn_queued(c) <= RPC_MAX_EVENTS;
}

/* true: it has no room, and nothing is to be done about it until it has. */
static bool park(struct rpc_subscription *s)
{
	if (has_room(s->conn))
		return false;
	list_out(s);
	s->parked = s->conn->parked = true;
	list_in(s);
	return true;
}

void rpc_unpark(struct rpc_conn *c)
{
	if (!has_room(c))
		return;
	for (struct rpc_subscription *s = c->subscriptions; s; s = s->next)
		if (s->parked) {
			list_out(s);
			s->parked = false;
			list_in(s);
		}
	c->parked = false;
	c->d->unparked = true;
}

/* ---- life ------------------------------------------------------------------------------------ */
struct rpc_subscription *rpc_subscription_new(struct rpc_conn *c, struct rpc_filter *f,
					      uint64_t pos)
{
	struct rpc_subscription *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->conn = c;
	s->id = ++c->last_subscription;
	s->pos = pos;
	s->filter = *f;
	memset(f, 0, sizeof *f);
	s->next = c->subscriptions;
	c->subscriptions = s;
	c->subscription_count++;
	list_in(s);
	return s;
}

struct rpc_subscription *rpc_subscription_find(struct rpc_conn *c, uint64_t id)
{
	struct rpc_subscription *s = c->subscriptions;

	while (s && s->id != id)
		s = s->next;
	return s;
}

void rpc_subscription_free(struct rpc_subscription *s)
{
	struct rpc_subscription **p = &s->conn->subscriptions;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	s->conn->subscription_count--;
	list_out(s);
	if (s->consumer)
		s->consumer->subscription = NULL;
	if (s->conn->eof)
		rpc_conn_flush(s->conn); /* nothing more to stream: it may be finished */
	rpc_filter_free(&s->filter);
	free(s);
}

void rpc_subscription_end(struct rpc_subscription *s, const char *reason)
{
	struct tl_buf *b = &s->conn->out;

	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"method\":\"subscription_ended\",\"params\":{"
		       "\"subscription\":");
	tl_js_int(b, (int64_t)s->id);
	rpc_js_text(b, "reason", reason);
	tl_put_text(b, "}}\n");
	rpc_conn_flush(s->conn);
	rpc_subscription_free(s);
}

void rpc_subscriptions_rename(struct rpc_conn *c, const char *from, const char *to)
{
	for (struct rpc_subscription *s = c->subscriptions; s; s = s->next)
		for (unsigned i = 0; i < s->filter.account_count; i++)
			if (strcmp(s->filter.accounts[i], from) == 0)
				memcpy(s->filter.accounts[i], to, strlen(to) + 1);
}

void rpc_unsubscribe_all(struct rpc_conn *c)
{
	while (c->subscriptions)
		rpc_subscription_free(c->subscriptions);
}

/* ---- delivery -------------------------------------------------------------------------------- */
static void open_note(struct tl_buf *b, uint64_t id, uint64_t seq)
{
	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"method\":\"update\",\"params\":{\"subscription\":");
	tl_js_int(b, (int64_t)id);
	if (seq)
		rpc_js_int(b, "seq", (int64_t)seq);
}

void rpc_gap_write(struct tl_buf *b, uint64_t from, uint64_t to)
{
	rpc_js_text(b, "account", "*");
	rpc_js_text(b, "type", "gap");
	rpc_js_text(b, "reason", "retention");
	rpc_js_int(b, "from", (int64_t)from);
	rpc_js_int(b, "to", (int64_t)to);
}

void rpc_event_write(struct tl_buf *b, const struct rpc_event *e, enum rpc_raw_mode raw)
{
	if (raw == RPC_RAW_ONLY && e->raw.len) {
		rpc_js_text(b, "account", e->account);
		rpc_js_text(b, "type", rpc_type_name(e->type));
	} else {
		rpc_js_raw(b, NULL, e->body.data, e->body.len);
	}
	if (e->raw.len && (raw != RPC_RAW_NONE || e->type == RPC_T_RAW))
		rpc_js_raw(b, "raw", e->raw.data, e->raw.len);
}

static void write_event(struct rpc_subscription *s, const struct rpc_event *e, uint64_t seq)
{
	struct tl_buf *b = &s->conn->out;

	open_note(b, s->id, seq);
	rpc_event_write(b, e, s->filter.raw);
	tl_put_text(b, "}}\n");
	s->delivered++;
	s->conn->d->count.delivered++;
	if (seq)
		s->sent = seq;
	rpc_conn_flush(s->conn);
}

/* An event that could not be judged is told, never dropped in silence. */
static void tell_error(struct rpc_subscription *s, const char *account, uint64_t seq)
{
	struct tl_buf *b = &s->conn->out;

	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"method\":\"subscription_error\",\"params\":{"
		       "\"subscription\":");
	tl_js_int(b, (int64_t)s->id);
	if (seq)
		rpc_js_int(b, "seq", (int64_t)seq);
	rpc_js_text(b, "account", account);
	rpc_js_text(b, "reason", "regex_limit");
	tl_put_text(b, "}}\n");
	if (seq)
		s->sent = seq;
	rpc_conn_flush(s->conn);
}

static bool wants(struct rpc_subscription *s, const struct rpc_event *e, uint64_t seq)
{
	int fits = rpc_filter_match(&s->filter, e);

	if (fits < 0)
		tell_error(s, e->account, seq);
	return fits > 0;
}

/* Regular expressions wait when this turn has been long: the next ones read the journal. */
static bool is_late(const struct rpc_subscription *s)
{
	const struct rpc_loop *l = &s->conn->d->loop;

	return s->filter.regex && l->awake && rpc_now().boot - l->awake > RPC_MAX_TURN_MS * RPC_MS;
}

static void offer(struct rpc_subscription *s, const struct rpc_event *e, uint64_t seq)
{
	if (seq && (s->pos != seq - 1 || is_late(s)))
		return; /* the journal has it */
	if (seq)
		s->pos = seq;
	if (wants(s, e, seq))
		write_event(s, e, seq);
}

/* One that lives now or never, for somebody who has no room. */
static void miss(struct rpc_subscription *s, const struct rpc_event *e)
{
	if (!wants(s, e, 0))
		return;
	s->lagged++;
	s->conn->d->count.lagged++;
}

void rpc_deliver(struct rpc_daemon *d, const struct rpc_event *e, uint64_t seq)
{
	struct rpc_subscription *next;

	d->count.updates++;
	for (struct rpc_subscription *s = d->subscriptions; s; s = next) {
		next = s->all_next;
		if (!s->conn->gone && !park(s))
			offer(s, e, seq);
	}
	for (struct rpc_subscription *s = d->parked; s && !seq; s = s->all_next)
		miss(s, e);
}

/* ---- from the journal ------------------------------------------------------------------------ */
#define FEED_ROWS 256u /* in one turn */
#define UNSEEN_ROWS 1000u

static void tell_gap(struct rpc_subscription *s, uint64_t from, uint64_t to)
{
	struct tl_buf *b = &s->conn->out;

	open_note(b, s->id, to);
	rpc_gap_write(b, from, to);
	tl_put_text(b, "}}\n");
	s->sent = to;
	rpc_conn_flush(s->conn);
}

static bool feed(struct rpc_subscription *s, uint64_t last, int64_t end, struct rpc_event *row)
{
	struct rpc_daemon *d = s->conn->d;

	for (unsigned i = 0; i < FEED_ROWS && s->pos < last && has_room(s->conn); i++) {
		uint64_t seq;
		int err = rpc_journal_next(d->accounts->store, s->pos, &s->filter, &seq, row, NULL,
					   NULL);

		if (err && err != -TG_E_NOT_FOUND)
			return false; /* a later turn tries again */
		if (err || seq > last)
			seq = last + 1;
		if (seq > s->pos + 1)
			tell_gap(s, s->pos + 1, seq - 1);
		s->pos = seq > last ? last : seq;
		if (seq <= last && wants(s, row, seq))
			write_event(s, row, seq);
		if (s->filter.regex && rpc_now().boot >= end)
			break; /* each row may take all steps there are */
	}
	return !park(s) && s->pos < last;
}

/* What was written to a reader with automatic acks, and has left, is acked. So is, now and then,
 * what nobody was to see behind the last ack: it must not become a gap one day. */
static void move_on(struct rpc_subscription *s)
{
	struct rpc_accounts *all = s->conn->d->accounts;
	const struct rpc_consumer *k = s->consumer;
	struct rpc_commit *commit;
	bool due = s->sent > k->acked ? s->ack_auto : s->pos >= k->acked + UNSEEN_ROWS;

	if (!due || k->commits || rpc_conn_queued(s->conn) ||
	    all->retry.index) /* the disk is tried once a second */
		return;
	commit = rpc_consumer_move(s->consumer, s->pos);
	if (commit)
		rpc_committer_put(all->committer, commit);
}

bool rpc_subscriptions_turn(struct rpc_daemon *d)
{
	uint64_t last = rpc_committer_seq(d->accounts->committer);
	int64_t end = rpc_now().boot + RPC_MAX_TURN_MS * RPC_MS;
	struct rpc_event row = {0};
	struct rpc_subscription *next;
	bool more = false;

	d->unparked = false;
	for (struct rpc_subscription *s = d->subscriptions; s; s = next) {
		bool behind = s->pos < last;

		next = s->all_next;
		if (s->conn->gone || park(s))
			continue;
		if (behind)
			more |= feed(s, last, end, &row);
		if (s->consumer)
			move_on(s);
		if (behind && next && rpc_now().boot >= end) {
			list_begin_with(d, next);
			more = true;
			break;
		}
	}
	rpc_journal_row_free(&row);
	return more;
}
