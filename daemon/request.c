/* From a line to a running handler: scan, batch, method, role, parameters, order of sends. Calls
 * are made here and freed by being answered (answer.c). */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/nearest.h"
#include "daemon/outcome.h"
#include "daemon/raw.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 24u

const char *rpc_call_name(const struct rpc_call *c)
{
	return c->method == &rpc_raw_method ? tl_name(&tl_api, c->tl) : c->method->name;
}

/* ---- lines that are no requests -------------------------------------------------------------- */
/* Where a text breaks, and what stands around it. */
static void tell_place(struct rpc_problem *p, const struct rpc_scan *s, size_t offset)
{
	size_t from = offset > NEAR ? offset - NEAR : 0;
	size_t to = s->n - offset > NEAR ? offset + NEAR : s->n;

	rpc_js_int(&p->extra, "offset", (int64_t)offset);
	rpc_js_str(&p->extra, "near", (struct tl_str){s->line + from, (uint32_t)(to - from)});
}

static void refuse_line(struct rpc_conn *conn)
{
	const struct rpc_scan *s = &conn->d->scan;
	struct rpc_problem p = {.err = s->err, .limit = s->limit};

	snprintf(p.message, sizeof p.message, "%s", s->message);
	tell_place(&p, s, s->offset);
	rpc_line_error(conn, &p);
	tl_buf_free(&p.extra);
	conn->d->count.bad_lines++;
	if (++conn->bad_lines >= RPC_MAX_BAD_LINES)
		conn->closing = true;
}

/* ---- calls ----------------------------------------------------------------------------------- */
static struct rpc_call *call_new(struct rpc_conn *conn, struct rpc_batch *batch, struct tl_str id)
{
	struct rpc_daemon *d = conn->d;
	struct rpc_call *c = d->pool;
	char *copy;

	if (c) {
		d->pool = c->next;
		d->pooled--;
	} else {
		c = malloc(sizeof *c);
	}
	if (!c)
		return NULL;
	memset(c, 0, sizeof *c);
	c->d = d;
	c->conn = conn;
	c->batch = batch;
	tl_arena_init(&c->arena, RPC_MAX_CALL_MEMORY);
	c->has_id = id.data != NULL;
	copy = id.len <= sizeof c->id_small ? c->id_small : malloc(id.len);
	if (!copy) {
		free(c);
		return NULL;
	}
	if (id.len)
		memcpy(copy, id.data, id.len);
	c->id = (struct tl_str){copy, id.len};
	if (batch)
		batch->waiting++;
	return c;
}

static bool in_flight(const struct rpc_conn *conn, struct tl_str id)
{
	for (const struct rpc_call *c = conn->calls; c && id.data; c = c->next)
		if (c->has_id && c->id.len == id.len && memcmp(c->id.data, id.data, id.len) == 0)
			return true;
	return false;
}

/* The method's name as text; with an escape in it the JSON library reads it. */
static struct tl_str method_name(struct rpc_call *c, struct tl_str quoted)
{
	struct tl_str name = {quoted.data + 1, quoted.len - 2};
	json_t *text;

	if (!memchr(name.data, '\\', name.len))
		return name;
	text = json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!text)
		return name;
	name.len = (uint32_t)json_string_length(text);
	name.data = tl_arena_copy(&c->arena, json_string_value(text), name.len);
	json_decref(text);
	if (!name.data)
		name.len = 0;
	return name;
}

static int find_method(struct rpc_call *c, struct tl_str name)
{
	unsigned tl = 0;

	c->method = rpc_table_find(&c->d->table, name);
	if (!c->method && (tl = rpc_raw_find(name)) != TL_NONE) {
		c->method = &rpc_raw_method;
		c->tl = tl;
	}
	if (c->method) {
		c->flags = c->method->flags;
		return 0;
	}
	if (name.len && memchr(name.data, '\0', name.len))
		rpc_problem(c, -TG_E_METHOD_NOT_FOUND, NULL, "no method has NUL in its name");
	else
		rpc_problem(c, -TG_E_METHOD_NOT_FOUND, NULL, "no method %.*s",
			    (int)(name.len > 128 ? 128 : name.len), name.data);
	rpc_js_str(&c->problem.extra, "method",
		   (struct tl_str){name.data, name.len > 128 ? 128 : name.len});
	rpc_near_method(name, c->problem.hint, sizeof c->problem.hint);
	return -TG_E_METHOD_NOT_FOUND;
}

int rpc_check_role(struct rpc_call *c, enum rpc_role want)
{
	if (c->conn->role >= want)
		return 0;
	if (c->conn->socket >= want)
		rpc_hint(c,
			 "[acl] in the daemon's configuration leaves this user the role %s, the "
			 "method needs %s",
			 rpc_role_name(c->conn->role), rpc_role_name(want));
	else
		rpc_hint(c, "this socket has the role %s, the method needs %s: use another socket",
			 rpc_role_name(c->conn->socket), rpc_role_name(want));
	return rpc_problem(c, -TG_E_NOT_PERMITTED, NULL, NULL);
}

static int check_load(struct rpc_call *c)
{
	struct rpc_daemon *d = c->d;

	if (d->stopping && c->flags & (RPC_WAITS | RPC_SENDS))
		return rpc_problem(c, -TG_E_SHUTTING_DOWN, NULL, NULL);
	if (!(c->flags & RPC_WAITS))
		return 0;
	if (c->conn->inflight < RPC_MAX_INFLIGHT && d->inflight < RPC_MAX_INFLIGHT_ALL)
		return 0;
	c->problem.retry_after = 1;
	c->problem.limit = c->conn->inflight < RPC_MAX_INFLIGHT ? "in_flight_all" : "in_flight";
	return rpc_problem(c, -TG_E_OVERLOADED, NULL, NULL);
}

/* jansson's refusals that the scan let through: a key twice, a number out of range. */
static int load_params(struct rpc_call *c, struct tl_str text)
{
	json_error_t e;
	char path[sizeof c->problem.field];

	if (!text.data || text.data[0] == 'n' || (text.len == 2 && text.data[0] == '{'))
		return 0;
	if (text.data[0] == '[') {
		rpc_hint(c, "write {\"name\": value}; help {\"name\": …} lists the names");
		return rpc_problem(c, -TG_E_INVALID_PARAMS, NULL, "parameters go by name");
	}
	c->params = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	if (c->params)
		return 0;
	switch ((int)json_error_code(&e)) {
	case json_error_numeric_overflow:
		rpc_js_path(text, (size_t)e.position, path, sizeof path);
		return rpc_problem(c, -TG_E_INVALID_PARAMS, path, "%s: out of range", path);
	case json_error_null_byte_in_key:
		return rpc_problem(c, -TG_E_INVALID_PARAMS, NULL,
				   "no parameter has NUL in its name");
	case json_error_duplicate_key:
		tell_place(&c->problem, &c->d->scan,
			   (size_t)(text.data - c->d->scan.line) + (size_t)e.position);
		return rpc_problem(c, -TG_E_PARSE, NULL, "a key twice in one object");
	case json_error_out_of_memory:
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	default: /* the scan lets nothing else through */
		return rpc_problem(c, -TG_E_INTERNAL, NULL, "%.100s", e.text);
	}
}

static int refuse_request(struct rpc_call *c, const struct rpc_span *span)
{
	static const char *const members[] = {"jsonrpc", "id", "method", "params"};
	struct rpc_nearest near = rpc_nearest(span->fault_name);

	c->problem.limit = span->limit;
	if (span->limit)
		return rpc_problem(c, -TG_E_TOO_LARGE, NULL, "%s", span->fault);
	if (!span->fault_name.data)
		return rpc_problem(c, -TG_E_INVALID_REQUEST, NULL, "%s", span->fault);
	for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++)
		rpc_nearest_try(&near, members[i]);
	if (near.best)
		rpc_hint(c, "did you mean %s?", near.best);
	return rpc_problem(c, -TG_E_INVALID_REQUEST, NULL, "%s, not %.*s", span->fault,
			   (int)(span->fault_name.len > 64 ? 64 : span->fault_name.len),
			   span->fault_name.data);
}

static int prepare(struct rpc_call *c, const struct rpc_span *span)
{
	int err;

	if (span->fault)
		return refuse_request(c, span);
	if (in_flight(c->conn, span->id)) {
		rpc_hint(c, "give each request its own id until it is answered");
		return rpc_problem(c, -TG_E_INVALID_REQUEST, NULL, "this id is still in flight");
	}
	err = find_method(c, method_name(c, span->method));
	if (!err)
		err = rpc_check_role(c, c->method->role);
	if (!err)
		err = check_load(c);
	if (!err)
		err = load_params(c, span->params);
	if (!err)
		err = rpc_params_read(c, c->params);
	if (!err && c->method->prepare)
		err = c->method->prepare(c);
	if (err)
		return err;
	if (c->flags & (RPC_WAITS | RPC_SENDS)) {
		c->began = rpc_now().boot;
		c->deadline = c->began + c->common.timeout;
	}
	if (c->flags & RPC_ACCOUNT)
		return rpc_account_choose(c);
	return c->flags & RPC_ANY_NAME ? 0 : rpc_account_check(c);
}

static void start(struct rpc_conn *conn, struct rpc_batch *batch, const struct rpc_span *span)
{
	struct rpc_call *c = call_new(conn, batch, span->id);
	struct rpc_problem p = {.err = -TG_E_NOMEM};

	conn->requests++;
	conn->d->count.requests++;
	if (!c) {
		rpc_line_error(conn, &p);
		return;
	}
	if (prepare(c, span) != 0) {
		rpc_refuse(c);
		return;
	}
	if (!(c->flags & (RPC_WAITS | RPC_SENDS))) {
		c->stage = RPC_RUNNING;
		c->method->run(c);
		return;
	}
	if (c->common.idempotency_key.data) {
		rpc_outcome_begin(c);
		return;
	}
	rpc_line_up(c);
	rpc_peers_resolve(c);
}

unsigned rpc_line(struct rpc_conn *conn, const char *line, size_t n)
{
	struct rpc_daemon *d = conn->d;
	struct rpc_problem p = {.err = -TG_E_INVALID_REQUEST};
	struct rpc_batch *batch;
	unsigned count;

	rpc_scan(line, n, &d->scan);
	count = d->scan.count;
	if (d->scan.err) {
		refuse_line(conn);
		return 1;
	}
	conn->bad_lines = 0;
	if (!d->scan.batch) {
		start(conn, NULL, &d->scan.spans[0]);
		return 1;
	}
	batch = count ? calloc(1, sizeof *batch) : NULL;
	if (!batch) {
		if (count)
			p.err = -TG_E_NOMEM;
		else
			snprintf(p.message, sizeof p.message, "an empty batch");
		rpc_line_error(conn, &p);
		return 1;
	}
	batch->waiting = 1;
	for (unsigned i = 0; i < count; i++)
		start(conn, batch, &d->scan.spans[i]);
	rpc_batch_end(conn, batch);
	return count;
}

/* ---- order of sends -------------------------------------------------------------------------- */
void rpc_line_up(struct rpc_call *c)
{
	struct rpc_conn *conn = c->conn;

	if (!conn || !(c->flags & RPC_SENDS))
		return;
	if (conn->last_send) {
		conn->last_send->follower = c;
		c->before = conn->last_send;
	}
	conn->last_send = c;
}

void rpc_pass(struct rpc_call *c)
{
	struct rpc_call *next = c->follower, *before = c->before;

	c->follower = c->before = NULL;
	if (c->conn && c->conn->last_send == c)
		c->conn->last_send = before;
	if (before) /* it ended before its turn */
		before->follower = next;
	if (next) {
		next->before = before;
		if (!before && next->stage == RPC_QUEUED)
			rpc_proceed(next);
	}
}

struct rpc_result rpc_proceed(struct rpc_call *c)
{
	struct rpc_result r;

	if (c->before) {
		c->stage = RPC_QUEUED;
		return (struct rpc_result){c, true};
	}
	c->stage = RPC_RUNNING;
	r = c->method->run(c);
	if (r.later)
		rpc_pass(c);
	return r;
}
