/* Answers and refusals, written straight into the output of the connection (or of the batch). A
 * call is freed here, by being answered. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/outcome.h"
#include "daemon/project.h"
#include "daemon/sent.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL 64u
#define KEEP_BUFFER (256u << 10)

int rpc_problem(struct rpc_call *c, int err, const char *field, const char *fmt, ...)
{
	struct rpc_problem *p = &c->problem;
	va_list ap;

	p->err = err;
	p->field[0] = p->message[0] = '\0';
	if (field)
		snprintf(p->field, sizeof p->field, "%s", field);
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(p->message, sizeof p->message, fmt, ap);
		va_end(ap);
	}
	return err;
}

void rpc_hint(struct rpc_call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->problem.hint, sizeof c->problem.hint, fmt, ap);
	va_end(ap);
}

/* ---- the error object ------------------------------------------------------------------------ */
bool rpc_retryable(const struct rpc_problem *p)
{
	if (-p->err == TG_E_TELEGRAM)
		return p->code == 420 || p->retry_after > 0 ||
		       (p->code >= 500 && strcmp(p->message, RPC_DUPLICATE) != 0);
	return tg_error_row(p->err)->retryable;
}

/* FLOOD_WAIT_37 → type FLOOD_WAIT, value 37. */
static void telegram_type(struct tl_buf *b, const char *text)
{
	size_t n = strlen(text), digits = n;

	while (digits && text[digits - 1] >= '0' && text[digits - 1] <= '9')
		digits--;
	if (digits < n && digits > 1 && text[digits - 1] == '_' && n - digits < 18) {
		rpc_js_str(b, "type", (struct tl_str){text, (uint32_t)digits - 1});
		rpc_js_int(b, "value", strtoll(text + digits, NULL, 10));
	} else {
		rpc_js_text(b, "type", text);
	}
}

static void write_error(struct tl_buf *b, const struct rpc_problem *p, const struct rpc_call *c)
{
	const struct tg_error_row *row = tg_error_row(p->err);
	bool telegram = -p->err == TG_E_TELEGRAM;

	rpc_js_open(b, "error", '{');
	rpc_js_int(b, "code", telegram && p->code ? p->code : row->code);
	rpc_js_text(b, "message", p->message[0] ? p->message : row->text);
	rpc_js_open(b, "data", '{');
	rpc_js_text(b, "kind", row->kind);
	if (telegram)
		telegram_type(b, p->message);
	if (p->hint[0])
		rpc_js_text(b, "hint", p->hint);
	/* with a key a repeat is safe even when the first may have been done */
	rpc_js_bool(b, "retryable",
		    rpc_retryable(p) || (c && c->outcome && p->err == -TG_E_OUTCOME_UNKNOWN));
	if (p->retry_after > 0)
		rpc_js_int(b, "retry_after", p->retry_after);
	if (p->field[0])
		rpc_js_text(b, "field", p->field);
	rpc_js_text(b, "outcome", p->outcome);
	rpc_js_text(b, "state", p->state);
	rpc_js_text(b, "limit", p->limit);
	if (c && c->account_name[0])
		rpc_js_text(b, "account", c->account_name);
	if (c && c->method)
		rpc_js_text(b, "method", rpc_call_name(c));
	if (p->extra.len)
		rpc_js_raw(b, NULL, p->extra.data, p->extra.len);
	tl_put_text(b, "}}");
}

/* ---- where an answer goes -------------------------------------------------------------------- */
static void open_answer(struct rpc_call *c, bool error)
{
	bool nobody = !c->conn || (!c->has_id && !error);
	struct tl_buf *b = nobody ? &c->d->sink : c->batch ? &c->batch->out : &c->conn->out;

	if (nobody)
		tl_buf_clear(b);
	c->out = b;
	c->mark = b->len;
	if (c->batch && !nobody)
		tl_put_u8(b, b->len ? ',' : '[');
	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (c->has_id)
		tl_put(b, c->id.data, c->id.len);
	else
		tl_put_text(b, "null");
}

static void batch_release(struct rpc_daemon *d, struct rpc_conn *conn, struct rpc_batch *batch)
{
	(void)d;
	if (!batch || --batch->waiting)
		return;
	if (conn && batch->out.len) {
		tl_put(&batch->out, "]\n", 2);
		tl_put(&conn->out, batch->out.data, batch->out.len);
		rpc_conn_flush(conn);
	}
	tl_buf_free(&batch->out);
	free(batch);
}

void rpc_batch_end(struct rpc_conn *conn, struct rpc_batch *batch)
{
	batch_release(conn->d, conn, batch);
}

static void unlist(struct rpc_call *c)
{
	struct rpc_call **head = c->conn ? &c->conn->calls : &c->d->orphans;

	if (!c->listed)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		*head = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->d->inflight--;
	if (c->conn)
		c->conn->inflight--;
	c->listed = false;
	if (c->d->accounts->waiters)
		rpc_waiters_check(c->d); /* one may wait for idleness */
}

void rpc_call_free(struct rpc_call *c)
{
	struct rpc_daemon *d = c->d;
	struct rpc_conn *conn = c->conn;
	struct rpc_batch *batch = c->batch;

	rpc_timer_clear(&d->loop, &c->timer);
	rpc_sent_forget(c);
	rpc_outcome_free(c);
	rpc_engine_unlist(c);
	rpc_unwait(c);
	rpc_pass(c);
	unlist(c);
	json_decref(c->params);
	json_decref(c->state_json);
	tl_buf_free(&c->body);
	tl_buf_free(&c->problem.extra);
	tl_arena_free(&c->arena);
	if (c->id.data != c->id_small)
		free((char *)c->id.data);
	if (d->pooled < POOL) {
		c->next = d->pool;
		d->pool = c;
		d->pooled++;
	} else {
		free(c);
	}
	batch_release(d, conn, batch);
	if (conn && conn->eof)
		rpc_conn_flush(conn); /* it may be finished now */
}

void rpc_pool_free(struct rpc_daemon *d)
{
	while (d->pool) {
		struct rpc_call *c = d->pool;

		d->pool = c->next;
		free(c);
	}
}

static struct rpc_result close_answer(struct rpc_call *c)
{
	if (!c->batch)
		tl_put_u8(c->out, '\n');
	if (c->conn && c->out == &c->conn->out)
		rpc_conn_flush(c->conn);
	if (c->out == &c->d->sink && c->d->sink.cap > KEEP_BUFFER)
		tl_buf_free(&c->d->sink);
	c->out = NULL;
	rpc_call_free(c);
	return (struct rpc_result){c, false};
}

/* ---- the two ends of a call ------------------------------------------------------------------ */
struct tl_buf *rpc_begin(struct rpc_call *c)
{
	struct tl_buf *record = rpc_outcome_record(c);

	if (record) {
		c->out = record;
		c->mark = 0;
		return record;
	}
	open_answer(c, false);
	tl_put_text(c->out, ",\"result\":");
	if (!c->common.field_count)
		return c->out;
	tl_buf_clear(&c->d->projected);
	return &c->d->projected;
}

struct rpc_result rpc_too_large(struct rpc_call *c)
{
	rpc_hint(c, "ask for less: limit, offset or fields");
	c->problem.limit = "line_out";
	return rpc_fail(c, -TG_E_TOO_LARGE, "the answer is over 32 MiB");
}

struct rpc_result rpc_end(struct rpc_call *c)
{
	struct rpc_daemon *d = c->d;
	struct tl_buf *b = c->out;

	if (c->outcome && b == &c->outcome->text) {
		c->out = NULL;
		return rpc_outcome_settle(c);
	}
	if (c->common.field_count) {
		if (d->projected.err)
			b->err = d->projected.err;
		else
			rpc_project((const char *)d->projected.data, d->projected.len,
				    c->common.fields, c->common.field_count, b);
		if (d->projected.cap > KEEP_BUFFER)
			tl_buf_free(&d->projected);
	}
	if (c->replayed && b->len && b->data[b->len - 1] == '}') {
		b->len--;
		rpc_js_bool(b, "replayed", true);
		rpc_js_close(b, '}');
	}
	tl_put_u8(b, '}');
	if (b->err || b->len - c->mark > RPC_MAX_RESULT || (c->batch && b->len > RPC_MAX_RESULT))
		return rpc_too_large(c);
	d->count.answers++;
	return close_answer(c);
}

struct rpc_result rpc_refuse(struct rpc_call *c)
{
	if (c->out) { /* a result had been begun */
		c->out->len = c->mark;
		c->out->err = 0;
		c->out = NULL;
	}
	if (rpc_outcome_refuse(c))
		return (struct rpc_result){c, true};
	open_answer(c, true);
	write_error(c->out, &c->problem, c);
	tl_put_u8(c->out, '}');
	c->d->count.errors++;
	return close_answer(c);
}

struct rpc_result rpc_fail(struct rpc_call *c, int err, const char *fmt, ...)
{
	va_list ap;

	c->problem.err = err;
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(c->problem.message, sizeof c->problem.message, fmt, ap);
		va_end(ap);
	}
	return rpc_refuse(c);
}

void rpc_line_error(struct rpc_conn *conn, const struct rpc_problem *p)
{
	struct tl_buf *b = &conn->out;

	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"id\":null");
	write_error(b, p, NULL);
	tl_put_text(b, "}\n");
	conn->d->count.errors++;
	rpc_conn_flush(conn);
}
