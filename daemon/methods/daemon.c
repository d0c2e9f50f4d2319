/* Methods about the daemon itself. */
#include "daemon/daemon.h"

#include "daemon/accounts.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/subscription.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROTOCOL 1

static struct rpc_result ping(struct rpc_call *c)
{
	tl_put_text(rpc_begin(c), "{\"pong\":true}");
	return rpc_end(c);
}

static void write_version(struct tl_buf *b)
{
	rpc_js_text(b, "name", "layerd");
	rpc_js_text(b, "version", LAYERD_VERSION);
	rpc_js_int(b, "protocol", PROTOCOL);
	rpc_js_int(b, "layer", tl_layer(&tl_api));
}

static struct rpc_result version(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	write_version(b);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- status, stats --------------------------------------------------------------------------- */
struct status_args {
	bool limits;
};
static const struct rpc_param status_params[] = {
	{"limits", RPC_K_BOOL, false, "false", offsetof(struct status_args, limits), NULL,
	 "with the table of limits"},
};

static double seconds(int64_t ns)
{
	return (double)(ns / RPC_MS) / 1000;
}

static double uptime(const struct rpc_daemon *d)
{
	return seconds(rpc_now().boot - d->started);
}

/* How far behind the slowest reader is, and what all of them have not read. */
static void write_readers(struct rpc_daemon *d, struct tl_buf *b)
{
	const struct rpc_subscription *const lists[] = {d->subscriptions, d->parked};
	uint64_t last = rpc_committer_seq(d->accounts->committer), lag = 0;
	size_t queued = 0, unread = 0;
	int64_t stuck = 0;

	for (unsigned i = 0; i < 2; i++)
		for (const struct rpc_subscription *s = lists[i]; s; s = s->all_next)
			lag = last - s->pos > lag ? last - s->pos : lag;
	for (const struct rpc_conn *k = d->conns; k; k = k->next) {
		int64_t since = rpc_conn_stuck(k);

		queued += rpc_conn_queued(k);
		unread += rpc_conn_unread(k);
		stuck = since > stuck ? since : stuck;
	}
	rpc_js_int(b, "seq", (int64_t)last);
	rpc_js_int(b, "lag", (int64_t)lag);
	rpc_js_int(b, "queued", (int64_t)queued);
	rpc_js_int(b, "unread", (int64_t)unread);
	rpc_js_double(b, "stuck", seconds(stuck));
}

static struct rpc_result status(struct rpc_call *c)
{
	const struct status_args *a = c->args;
	struct rpc_daemon *d = c->d;
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	write_version(b);
	rpc_js_text(b, "state", d->stopping ? "stopping" : "running");
	rpc_js_int(b, "pid", getpid());
	rpc_js_double(b, "uptime", uptime(d));
	rpc_js_text(b, "store", d->config->memory ? "memory" : "lmdb");
	if (d->accounts->store_error)
		rpc_js_text(b, "store_error", tg_error_row(d->accounts->store_error)->text);
	rpc_js_text(b, "log_level", rpc_level_name(d->log.level));
	rpc_js_int(b, "clients", d->conn_count);
	rpc_js_int(b, "in_flight", d->inflight);
	rpc_accounts_write(d, b);
	rpc_js_open(b, "sockets", '[');
	for (unsigned i = 0; i < d->listener_count; i++) {
		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "path", d->listeners[i].path);
		rpc_js_text(b, "role", rpc_role_name(d->listeners[i].role));
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
	if (a->limits) {
		rpc_js_key(b, "limits");
		rpc_limits_write(b);
	}
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* Resident anonymous memory in kB, from /proc; 0 where there is none. */
static int64_t rss_anon(void)
{
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");
	long kb = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static struct rpc_result stats(struct rpc_call *c)
{
	struct rpc_daemon *d = c->d;
	const struct rpc_counters *n = &d->count;
	struct tl_buf *b = rpc_begin(c);
	struct tg_flood f;
	unsigned floods = 0, waiting = 0;

	rpc_js_open(b, NULL, '{');
	rpc_js_double(b, "uptime", uptime(d));
	rpc_js_int(b, "rss_anon_kb", rss_anon());
	rpc_js_int(b, "clients", d->conn_count);
	rpc_js_int(b, "in_flight", d->inflight);
	rpc_js_int(b, "connections", (int64_t)n->connections);
	rpc_js_int(b, "connections_refused", (int64_t)n->refused);
	rpc_js_int(b, "requests", (int64_t)n->requests);
	rpc_js_int(b, "answers", (int64_t)n->answers);
	rpc_js_int(b, "errors", (int64_t)n->errors);
	rpc_js_int(b, "bad_lines", (int64_t)n->bad_lines);
	rpc_js_int(b, "bytes_in", (int64_t)n->bytes_in);
	rpc_js_int(b, "bytes_out", (int64_t)n->bytes_out);
	rpc_js_int(b, "longest_turn_ms", d->loop.longest_ms);
	rpc_js_int(b, "loop_stalls", d->loop.stalls);
	for (const struct rpc_account *a = d->accounts->list; a; a = a->next)
		for (unsigned i = 0; tg_account_flood(a->tg, i, &f, rpc_now()); i++) {
			floods++;
			waiting += f.waiting;
		}
	rpc_js_int(b, "floods", floods);
	rpc_js_int(b, "flood_waiting", waiting);
	rpc_js_int(b, "updates", (int64_t)n->updates);
	rpc_js_int(b, "updates_delivered", (int64_t)n->delivered);
	rpc_js_int(b, "updates_lagged", (int64_t)n->lagged);
	write_readers(d, b);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- hello ----------------------------------------------------------------------------------- */
struct hello_args {
	struct tl_str client;
	int64_t protocol;
};
static const struct rpc_param hello_params[] = {
	{"client", RPC_K_STRING, false, NULL, offsetof(struct hello_args, client), NULL,
	 "name of the client, for list_clients and the log"},
	{"protocol", RPC_K_INT, false, NULL, offsetof(struct hello_args, protocol), NULL,
	 "protocol the client was written for"},
};

static struct rpc_result hello(struct rpc_call *c)
{
	const struct hello_args *a = c->args;
	struct rpc_conn *conn = c->conn;
	struct tl_buf *b;

	if (a->protocol != RPC_NONE && a->protocol != PROTOCOL)
		return rpc_fail(c, -TG_E_INVALID_PARAMS, "this daemon speaks protocol %d",
				PROTOCOL);
	if (a->client.data)
		snprintf(conn->name, sizeof conn->name, "%.*s", (int)a->client.len, a->client.data);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	write_version(b);
	rpc_js_text(b, "role", rpc_role_name(conn->role));
	rpc_js_int(b, "connection", (int64_t)conn->id);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* ---- log_level, reload, stop ----------------------------------------------------------------- */
struct level_args {
	int level;
};
static const struct rpc_param level_params[] = {
	{"level", RPC_K_CHOICE, false, NULL, offsetof(struct level_args, level),
	 "error|warning|notice|info|debug", "new level; left out: only asks"},
};

static struct rpc_result log_level(struct rpc_call *c)
{
	const struct level_args *a = c->args;
	struct tl_buf *b;

	if (a->level >= 0)
		c->d->log.level = (enum rpc_level)a->level;
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "level", rpc_level_name(c->d->log.level));
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result reload(struct rpc_call *c)
{
	char why[256];

	if (rpc_daemon_reload(c->d, why, sizeof why) != 0)
		return rpc_fail(c, -TG_E_INVALID_PARAMS, "%s", why);
	tl_put_text(rpc_begin(c), "{\"reloaded\":true}");
	return rpc_end(c);
}

static struct rpc_result signal_network_restored(struct rpc_call *c)
{
	rpc_accounts_hurry(c->d);
	tl_put_text(rpc_begin(c), "{\"signalled\":true}");
	return rpc_end(c);
}

static struct rpc_result stop(struct rpc_call *c)
{
	struct rpc_daemon *d = c->d;
	struct rpc_result r;

	tl_put_text(rpc_begin(c), "{\"stopping\":true}");
	r = rpc_end(c);
	rpc_daemon_stop(d);
	return r;
}

/* ---- cancel ---------------------------------------------------------------------------------- */
struct cancel_args {
	struct json_t *id;
};
static const struct rpc_param cancel_params[] = {
	{"id", RPC_K_ANY, true, NULL, offsetof(struct cancel_args, id), NULL,
	 "id of a request of this connection that is in flight"},
};

static bool same_id(struct tl_str id, const json_t *want)
{
	json_t *v = json_loadb(id.data, id.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool same = v && json_equal(v, want);

	json_decref(v);
	return same;
}

static struct rpc_result cancel(struct rpc_call *c)
{
	const struct cancel_args *a = c->args;
	struct rpc_call *target = c->conn->calls;
	bool found;

	while (target && !(target->has_id && same_id(target->id, a->id)))
		target = target->next;
	found = target != NULL;
	if (found)
		rpc_call_stop(target, -TG_E_CANCELLED);
	tl_put_text(rpc_begin(c), found ? "{\"cancelled\":true}" : "{\"cancelled\":false}");
	return rpc_end(c);
}

/* ---- list_clients, list_requests ------------------------------------------------------------- */
static struct rpc_result list_clients(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "clients", '[');
	for (const struct rpc_conn *k = c->d->conns; k; k = k->next) {
		rpc_js_open(b, NULL, '{');
		rpc_js_int(b, "connection", (int64_t)k->id);
		if (k->name[0])
			rpc_js_text(b, "client", k->name);
		rpc_js_text(b, "role", rpc_role_name(k->role));
		rpc_js_int(b, "uid", k->uid);
		rpc_js_int(b, "pid", k->pid);
		rpc_js_int(b, "since", k->since / RPC_SECOND);
		rpc_js_int(b, "requests", (int64_t)k->requests);
		rpc_js_int(b, "in_flight", k->inflight);
		rpc_js_int(b, "subscriptions", k->subscription_count);
		rpc_js_int(b, "queued", (int64_t)rpc_conn_queued(k));
		rpc_js_int(b, "unread", (int64_t)rpc_conn_unread(k));
		rpc_js_double(b, "stuck", seconds(rpc_conn_stuck(k)));
		rpc_js_true(b, "self", k == c->conn);
		rpc_js_close(b, '}');
	}
	tl_put_text(b, "]}");
	return rpc_end(c);
}

static void write_calls(struct tl_buf *b, const struct rpc_call *list, const struct rpc_conn *self,
			int64_t now)
{
	for (const struct rpc_call *k = list; k; k = k->next) {
		rpc_js_open(b, NULL, '{');
		if (k->conn)
			rpc_js_int(b, "connection", (int64_t)k->conn->id);
		if (k->has_id && k->conn == self)
			rpc_js_raw(b, "id", k->id.data, k->id.len);
		rpc_js_text(b, "method", rpc_call_name(k));
		if (k->account_name[0])
			rpc_js_text(b, "account", k->account_name);
		rpc_js_double(b, "age", (double)((now - k->began) / RPC_MS) / 1000);
		rpc_js_close(b, '}');
	}
}

static struct rpc_result list_requests(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);
	int64_t now = rpc_now().boot;

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "requests", '[');
	for (const struct rpc_conn *k = c->d->conns; k; k = k->next)
		write_calls(b, k->calls, c->conn, now);
	write_calls(b, c->d->orphans, c->conn, now);
	tl_put_text(b, "]}");
	return rpc_end(c);
}

/* ---- wait ------------------------------------------------------------------------------------ */
struct wait_args {
	int what;
};
enum { FOR_READY, FOR_ONLINE, FOR_IDLE };
static const struct rpc_param wait_params[] = {
	{"for", RPC_K_CHOICE, true, NULL, offsetof(struct wait_args, what), "ready|online|idle",
	 "ready: logged in; online: connected; idle: no other request in flight"},
};

static bool account_is(const struct rpc_account *a, int what)
{
	return what == FOR_READY ? a->state == TG_READY : tg_account_online(a->tg);
}

/* One account when it is named (or the connection's default), else all of them. */
static void check_wait(struct rpc_call *c)
{
	const struct wait_args *a = c->args;
	bool done = a->what != FOR_IDLE || c->d->inflight == 1;

	if (a->what != FOR_IDLE && c->account)
		done = account_is(c->account, a->what);
	for (const struct rpc_account *k = c->d->accounts->list;
	     k && a->what != FOR_IDLE && !c->account; k = k->next)
		done = done && account_is(k, a->what);
	if (!done)
		return;
	tl_put_text(rpc_begin(c), "{\"done\":true}");
	rpc_end(c);
}

static struct rpc_result wait_for(struct rpc_call *c)
{
	if (c->common.account.data && rpc_account_choose(c) != 0)
		return rpc_refuse(c);
	return rpc_wait(c, check_wait);
}

const struct rpc_method rpc_methods_daemon[] = {
	{.name = "ping",
	 .run = ping,
	 .doc = "Says that the daemon lives.",
	 .result = "{\"pong\":true}"},
	{.name = "version",
	 .run = version,
	 .doc = "Versions of daemon, protocol and TL layer.",
	 .result = "{\"name\":\"layerd\",\"version\":string,\"protocol\":1,\"layer\":int}"},
	{.name = "status",
	 .run = status,
	 RPC_ROWS(status_params, struct status_args),
	 .doc = "State of the daemon and of every account; never a secret.",
	 .result = "{\"state\":string,\"pid\":int,\"uptime\":number,\"store_error\":string?,"
		   "\"accounts\":[…],\"sockets\":[…],\"limits\":object?}"},
	{.name = "stats",
	 .run = stats,
	 .doc = "Counters since the start; of those who read updates: the last seq, how far the "
		"slowest is behind (lag), bytes waiting here (queued) and in all (unread), seconds "
		"for "
		"which one has taken nothing (stuck).",
	 .result = "{\"requests\":int,…}"},
	{.name = "hello",
	 .run = hello,
	 RPC_ROWS(hello_params, struct hello_args),
	 .doc = "Names the connection and tells what this daemon speaks. Optional.",
	 .result = "{\"protocol\":1,\"role\":string,\"connection\":int,…}"},
	{.name = "log_level",
	 .role = RPC_ADMIN,
	 .run = log_level,
	 RPC_ROWS(level_params, struct level_args),
	 .doc = "Shows or sets the log level.",
	 .result = "{\"level\":string}"},
	{.name = "reload",
	 .role = RPC_ADMIN,
	 .run = reload,
	 .doc = "Reads the configuration again, as SIGHUP does.",
	 .result = "{\"reloaded\":true}"},
	{.name = "signal_network_restored",
	 .run = signal_network_restored,
	 .doc = "Every account that waits to connect tries at once. The daemon does so by itself "
		"when "
		"the kernel tells of a new link, address or route.",
	 .result = "{\"signalled\":true}"},
	{.name = "stop",
	 .role = RPC_ADMIN,
	 .run = stop,
	 .doc = "Ends the daemon: what is under way is finished, at most 10 s.",
	 .result = "{\"stopping\":true}"},
	{.name = "cancel",
	 .flags = RPC_ANY_NAME,
	 .run = cancel,
	 RPC_ROWS(cancel_params, struct cancel_args),
	 .doc = "Cancels a request of this connection; it is answered with -32800.",
	 .result = "{\"cancelled\":bool}"},
	{.name = "wait",
	 .flags = RPC_WAITS,
	 .run = wait_for,
	 RPC_ROWS(wait_params, struct wait_args),
	 .doc = "Answers when an account (all, when none is named) is ready or online, or when "
		"nothing else is under way.",
	 .result = "{\"done\":true}"},
	{.name = "list_clients",
	 .run = list_clients,
	 .doc = "The connections.",
	 .result = "{\"clients\":[{\"connection\":int,\"client\":string?,…}]}"},
	{.name = "list_requests",
	 .run = list_requests,
	 .doc = "The requests in flight.",
	 .result = "{\"requests\":[{\"method\":string,\"age\":number,…}]}"},
};
RPC_GROUP_COUNT(daemon);
