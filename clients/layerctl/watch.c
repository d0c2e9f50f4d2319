/* The commands that stay: watch prints updates until it is stopped, wait waits for the daemon. */
#include "clients/layerctl/layerctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 50 /* between two looks for the socket */
#define RETRY_MOST_MS 2000u
#define WAIT_SECONDS 50.0 /* without --timeout */

struct watch {
	struct ctl_conn conn;
	const struct ctl_options *o;
	struct ctl_params filters;
	long updates;
	long long done;   /* seq of the last update that was dealt with */
	long long acked;  /* … and up to which the daemon told that it has kept it */
	long long seen;   /* … and of the last one that came on this connection */
	bool repeats;     /* what was dealt with may come again, until something new does */
	unsigned waiting; /* acks without an answer */
	int acks;         /* ids of the requests; 1 was the subscription's */
	int64_t end;      /* ms; 0: none */
	unsigned pause;   /* before the next try to connect, ms */
};

static long long number(struct ctl_slice object, const char *key)
{
	struct ctl_slice text;

	return ctl_member(object, key, &text) ? strtoll(text.p, NULL, 10) : 0;
}

/* What was dealt with does not come again; told to the daemon, which remembers. */
static int ack(struct watch *w, long long seq)
{
	struct tl_buf line = {0};
	int code;

	tl_put_text(&line, "{\"jsonrpc\":\"2.0\",\"id\":");
	tl_js_int(&line, ++w->acks);
	tl_put_text(&line, ",\"method\":\"ack\",\"params\":{\"consumer\":");
	tl_js_string(&line, w->o->consumer, strlen(w->o->consumer));
	tl_put_text(&line, ",\"seq\":");
	tl_js_int(&line, seq);
	tl_put_text(&line, "}}\n");
	code = ctl_write(&w->conn, &line);
	tl_buf_free(&line);
	w->waiting += code == CTL_OK;
	return code;
}

/* Where the daemon goes on after a subscription's answer. What it has kept once it unlearns only
 * when somebody seeks; what lies behind that may be here already, its ack lost on the way. */
static int resume(struct watch *w, struct ctl_slice answer)
{
	struct ctl_slice result;
	long long seq = ctl_member(answer, "result", &result) ? number(result, "seq") : 0;

	(void)ctl_params_drop(&w->filters, "since"); /* was for the first time */
	if (seq < w->acked)
		w->done = seq;
	w->acked = w->seen = seq;
	w->repeats = w->done > seq;
	return w->repeats ? ack(w, w->done) : CTL_OK;
}

/* A seq that falls within one connection was sought: it is wanted again. */
static bool is_repeated(struct watch *w, long long seq)
{
	if (seq <= w->seen || seq > w->done)
		w->repeats = false;
	w->seen = seq;
	return w->repeats;
}

static int take_update(struct watch *w, struct ctl_slice line, struct ctl_slice params)
{
	long long seq = number(params, "seq");
	bool done = true;
	int code = CTL_OK;

	if (seq && is_repeated(w, seq))
		return CTL_OK;
	if (w->o->exec)
		code = ctl_exec(w->o, &w->conn, params, &done);
	else
		ctl_print(w->o->raw ? line : params, false);
	if (code != CTL_OK || !done)
		return code;
	w->updates++;
	if (!seq)
		return CTL_OK;
	w->done = seq;
	return w->o->consumer ? ack(w, seq) : CTL_OK;
}

static bool is_full(const struct watch *w)
{
	return w->o->count && w->updates >= w->o->count;
}

/* One line after the subscription. */
static int watch_line(struct watch *w, struct ctl_slice line)
{
	struct ctl_slice method, params, reason = {.p = "", .n = 0};

	if (ctl_member(line, "id", &method)) { /* of an ack: nothing else is asked */
		w->waiting -= w->waiting > 0;
		if (ctl_member(line, "result", &params))
			w->acked = number(params, "acked");
		return ctl_error(line);
	}
	if (!ctl_member(line, "method", &method) || !ctl_member(line, "params", &params))
		return CTL_OK;
	if (ctl_is(method, "\"update\""))
		return is_full(w) ? CTL_OK : take_update(w, line, params);
	if (w->o->raw && strncmp(method.p, "\"subscription_", 14) == 0)
		ctl_print(line, false);
	(void)ctl_member(params, "reason", &reason);
	if (ctl_is(method, "\"subscription_error\""))
		return ctl_fail(CTL_OK, "an update could not be judged: %.*s", (int)reason.n,
				reason.p);
	if (!ctl_is(method, "\"subscription_ended\""))
		return CTL_OK;
	w->pause = 0; /* not again: somebody wanted it so */
	return ctl_fail(CTL_UNREACHABLE, "the subscription was ended: %.*s", (int)reason.n,
			reason.p);
}

/* One connection, from its beginning to its end. */
static int watch_once(struct watch *w, bool quiet)
{
	struct ctl_options subscribe = *w->o;
	struct ctl_slice line;
	int code = ctl_connect(&w->conn, w->o, quiet);

	subscribe.timeout = 0;
	w->waiting = 0;
	w->acks = 1;
	if (code == CTL_OK)
		code = ctl_request(&w->conn, &subscribe, "subscribe", &w->filters, &line);
	if (code == CTL_OK && w->o->raw)
		ctl_print(line, false);
	if (code == CTL_OK)
		code = ctl_error(line);
	if (code == CTL_OK)
		code = resume(w, line);
	if (code != CTL_OK)
		return code;
	w->pause = RETRY_MS;
	w->conn.deadline = w->end;
	while (code == CTL_OK && !(is_full(w) && !w->waiting)) {
		code = ctl_read(&w->conn, &line);
		if (code == CTL_OK)
			code = watch_line(w, line);
	}
	return code;
}

int ctl_command_watch(const struct ctl_options *o, char **args)
{
	struct watch w = {.conn = {.fd = -1}, .o = o, .filters = {.comma_lists = true}};
	int code;

	/* --account narrows the subscription; --timeout is how long to watch. */
	w.end = o->timeout > 0 ? ctl_now() + (int64_t)(o->timeout * 1000) : 0;
	w.pause = RETRY_MS;
	code = o->account ? ctl_params_string(&w.filters, "account", o->account) : CTL_OK;
	if (code == CTL_OK)
		code = ctl_params_arguments(&w.filters, args);
	if (code == CTL_OK && ctl_params_drop(&w.filters, "consumer"))
		code = ctl_fail(CTL_USAGE, "a consumer is named by --consumer, which acks as well");
	if (code == CTL_OK && o->consumer)
		code = ctl_params_string(&w.filters, "consumer", o->consumer);
	if (code == CTL_OK)
		code = watch_once(&w, o->consumer != NULL);
	/* A consumer's place is kept: the daemon may go and come as it likes. */
	while ((code == CTL_UNREACHABLE || code == CTL_RATE_LIMITED) && o->consumer && w.pause &&
	       (!w.end || ctl_now() < w.end)) {
		ctl_disconnect(&w.conn);
		usleep(w.pause * 1000);
		w.pause = w.pause * 2 < RETRY_MOST_MS ? w.pause * 2 : RETRY_MOST_MS;
		code = watch_once(&w, true);
	}
	tl_buf_free(&w.filters.text);
	ctl_disconnect(&w.conn);
	return code;
}

int ctl_command_wait(const struct ctl_options *o, char **args)
{
	double seconds = o->timeout > 0 ? o->timeout : WAIT_SECONDS;
	int64_t end = ctl_now() + (int64_t)(seconds * 1000);
	struct ctl_options left = *o;
	struct ctl_conn c = {.fd = -1};
	struct ctl_params p = {0};
	struct ctl_slice answer;
	int code;

	if (args[0] && !strchr(args[0], '=')) {
		code = ctl_params_string(&p, "for", args[0]);
		args++;
	} else {
		code = ctl_params_string(&p, "for", "ready");
	}
	if (code == CTL_OK)
		code = ctl_params_arguments(&p, args);
	if (code != CTL_OK)
		goto out;
	while ((code = ctl_connect(&c, o, true)) == CTL_UNREACHABLE && ctl_now() < end)
		usleep(RETRY_MS * 1000);
	if (code == CTL_UNREACHABLE) /* once more, aloud */
		code = ctl_connect(&c, o, false);
	left.timeout = (double)(end - ctl_now()) / 1000;
	if (left.timeout < 0.1)
		left.timeout = 0.1;
	if (code == CTL_OK)
		code = ctl_request(&c, &left, "wait", &p, &answer);
	if (code == CTL_OK)
		code = ctl_finish(o, "wait", answer);
out:
	tl_buf_free(&p.text);
	ctl_disconnect(&c);
	return code;
}
