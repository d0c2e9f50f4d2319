/* The commands that stay: watch prints updates until it is stopped, wait waits for the daemon. */
#include "clients/layerctl/layerctl.h"

#include <string.h>
#include <unistd.h>

#define RETRY_MS 50       /* between two looks for the socket */
#define WAIT_SECONDS 50.0 /* without --timeout */

/* One line after the subscription; *ret_updates counts what was printed. */
static int watch_line(const struct ctl_options *o, struct ctl_slice line, long *ret_updates)
{
	struct ctl_slice method, params, reason = {.p = "", .n = 0};

	if (!ctl_member(line, "method", &method) || !ctl_member(line, "params", &params))
		return CTL_OK;
	if (ctl_is(method, "\"update\"")) {
		ctl_print(o->raw ? line : params, false);
		++*ret_updates;
		return CTL_OK;
	}
	if (!ctl_is(method, "\"subscription_ended\""))
		return CTL_OK;
	if (o->raw)
		ctl_print(line, false);
	(void)ctl_member(params, "reason", &reason);
	return ctl_fail(CTL_UNREACHABLE, "the subscription was ended: %.*s", (int)reason.n,
			reason.p);
}

static int watch_updates(struct ctl_conn *c, const struct ctl_options *o)
{
	struct ctl_slice line;
	long updates = 0;
	int code = CTL_OK;

	ctl_start_clock(c, o->timeout);
	while (code == CTL_OK && (o->count == 0 || updates < o->count)) {
		code = ctl_read(c, &line);
		if (code == CTL_OK)
			code = watch_line(o, line, &updates);
	}
	return code;
}

int ctl_command_watch(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {.comma_lists = true};
	struct ctl_options subscribe = *o;
	struct ctl_conn c = {.fd = -1};
	struct ctl_slice answer;
	int code;

	/* --account narrows the subscription; --timeout is how long to watch. */
	code = o->account ? ctl_params_string(&p, "account", o->account) : CTL_OK;
	subscribe.timeout = 0;
	if (code == CTL_OK)
		code = ctl_params_arguments(&p, args);
	if (code == CTL_OK)
		code = ctl_connect(&c, o, false);
	if (code == CTL_OK)
		code = ctl_request(&c, &subscribe, "subscribe", &p, &answer);
	if (code == CTL_OK && o->raw)
		ctl_print(answer, false);
	if (code == CTL_OK)
		code = ctl_error(answer);
	if (code == CTL_OK)
		code = watch_updates(&c, o);
	tl_buf_free(&p.text);
	ctl_disconnect(&c);
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
