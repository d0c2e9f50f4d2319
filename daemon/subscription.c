/* Live subscriptions. Each belongs to its connection and dies with it. */
#include "daemon/subscription.h"

#include "daemon/daemon.h"
#include "daemon/js.h"

#include <stdlib.h>
#include <string.h>

/* ---- filters --------------------------------------------------------------------------------- */
void rpc_filter_free(struct rpc_filter *f)
{
	free(f->accounts);
	free(f->peers);
	free(f->from);
	free(f->text);
	memset(f, 0, sizeof *f);
}

static bool among(const int64_t *list, unsigned n, int64_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return n == 0;
}

static bool text_fits(const struct rpc_filter *f, const struct rpc_event *e)
{
	if (f->text_kind == RPC_TEXT_ANY)
		return true;
	if (!e->has_text || e->text.len < f->text_len)
		return false;
	if (f->text_kind == RPC_TEXT_PREFIX)
		return memcmp(e->text.data, f->text, f->text_len) == 0;
	return !f->text_len || memmem(e->text.data, e->text.len, f->text, f->text_len);
}

bool rpc_filter_match(const struct rpc_filter *f, const struct rpc_event *e)
{
	bool own = e->type == RPC_T_ACCOUNT_STATE || e->type == RPC_T_CONNECTION_STATE ||
		   e->type == RPC_T_GAP;
	bool named = f->account_count == 0;

	if (f->types && !(f->types & 1u << e->type))
		return false;
	for (unsigned i = 0; i < f->account_count && !named; i++)
		named = strcmp(f->accounts[i], e->account) == 0;
	if (!named)
		return false;
	if (own) /* they are about no chat: only types and accounts choose them */
		return f->types || (!f->peer_count && !f->from_count && f->direction < 0 &&
				    f->text_kind == RPC_TEXT_ANY);
	return among(f->peers, f->peer_count, e->chat) && among(f->from, f->from_count, e->from) &&
	       (f->direction < 0 || f->direction == (int)e->out) && text_fits(f, e);
}

/* ---- life ------------------------------------------------------------------------------------ */
struct rpc_subscription *rpc_subscription_new(struct rpc_conn *c, struct rpc_filter *f)
{
	struct rpc_daemon *d = c->d;
	struct rpc_subscription *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->conn = c;
	s->id = ++c->last_subscription;
	s->filter = *f;
	memset(f, 0, sizeof *f);
	s->next = c->subscriptions;
	c->subscriptions = s;
	c->subscription_count++;
	s->all_next = d->subscriptions;
	if (d->subscriptions)
		d->subscriptions->all_prev = s;
	d->subscriptions = s;
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
	struct rpc_daemon *d = s->conn->d;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	s->conn->subscription_count--;
	if (s->all_prev)
		s->all_prev->all_next = s->all_next;
	else
		d->subscriptions = s->all_next;
	if (s->all_next)
		s->all_next->all_prev = s->all_prev;
	if (s->conn->eof)
		rpc_conn_flush(s->conn); /* nothing more to stream: it may be finished */
	rpc_filter_free(&s->filter);
	free(s);
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

/* What a reader that never read has lost is told before anything else. */
static void tell_loss(struct rpc_subscription *s, struct tl_buf *b)
{
	open_note(b, s->id, 0);
	rpc_js_text(b, "type", "gap");
	rpc_js_text(b, "reason", "slow_reader");
	rpc_js_int(b, "from", (int64_t)s->lost_from);
	rpc_js_int(b, "to", (int64_t)s->lost_to);
	tl_put_text(b, "}}\n");
	s->lost_from = s->lost_to = 0;
}

static void offer(struct rpc_subscription *s, const struct rpc_event *e, uint64_t seq)
{
	struct rpc_conn *c = s->conn;
	struct tl_buf *b = &c->out;
	size_t queued = rpc_conn_queued(c);

	if (queued > (seq ? RPC_MAX_OUTPUT : RPC_MAX_EVENTS)) {
		s->dropped++;
		c->d->count.dropped++;
		if (seq && !s->lost_from)
			s->lost_from = seq;
		if (seq)
			s->lost_to = seq;
		return;
	}
	if (s->lost_to)
		tell_loss(s, b);
	open_note(b, s->id, seq);
	if (s->filter.raw == RPC_RAW_ONLY && e->raw.len) {
		rpc_js_text(b, "account", e->account);
		rpc_js_text(b, "type", rpc_type_name(e->type));
	} else {
		rpc_js_raw(b, NULL, e->body.data, e->body.len);
	}
	if (e->raw.len && (s->filter.raw != RPC_RAW_NONE || e->type == RPC_T_RAW))
		rpc_js_raw(b, "raw", e->raw.data, e->raw.len);
	tl_put_text(b, "}}\n");
	s->delivered++;
	c->d->count.delivered++;
	rpc_conn_flush(c);
}

void rpc_deliver(struct rpc_daemon *d, const struct rpc_event *e, uint64_t seq)
{
	d->count.updates++;
	for (struct rpc_subscription *s = d->subscriptions; s; s = s->all_next)
		if (!s->conn->gone && rpc_filter_match(&s->filter, e))
			offer(s, e, seq);
}
