/* One request and its answer: builds the line, waits, turns errors into exit codes (RPC contract,
 * section 5). Owns nothing. */
#include "clients/layerctl/layerctl.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define GRACE 5.0 /* seconds for the daemon to tell of its own time-out */

static const struct {
	const char *kind;
	enum ctl_exit code;
} exits[] = {
	{"telegram", CTL_REFUSED},
	{"parse", CTL_USAGE},
	{"invalid_request", CTL_USAGE},
	{"method_not_found", CTL_USAGE},
	{"invalid_params", CTL_USAGE},
	{"too_large", CTL_USAGE},
	{"account_required", CTL_USAGE},
	{"peer_syntax", CTL_USAGE},
	{"peer_ambiguous", CTL_USAGE},
	{"file_too_large", CTL_USAGE},
	{"shutting_down", CTL_UNREACHABLE},
	{"unauthorized", CTL_LOGIN_NEEDED},
	{"session_revoked", CTL_LOGIN_NEEDED},
	{"account_not_ready", CTL_LOGIN_NEEDED},
	{"overloaded", CTL_RATE_LIMITED},
	{"account_unknown", CTL_NOT_FOUND},
	{"peer_not_found", CTL_NOT_FOUND},
	{"peer_unknown", CTL_NOT_FOUND},
	{"consumer_unknown", CTL_NOT_FOUND},
	{"cursor_expired", CTL_NOT_FOUND},
	{"not_permitted", CTL_NOT_PERMITTED},
	{"file_access", CTL_NOT_PERMITTED},
	{"timeout", CTL_TIMEOUT},
	{"cancelled", CTL_TIMEOUT},
	{"offline", CTL_TIMEOUT},
	{"outcome_unknown", CTL_TIMEOUT},
};

static enum ctl_exit exit_of(const char *kind, int code, const char *state)
{
	if (strcmp(kind, "telegram") == 0 && code == 420)
		return CTL_RATE_LIMITED;
	if (strcmp(kind, "telegram") == 0 && code == 401)
		return CTL_LOGIN_NEEDED;
	if (strcmp(kind, "account_not_ready") == 0 && strncmp(state, "wait_", 5) == 0)
		return CTL_INPUT_NEEDED;
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
		if (strcmp(exits[i].kind, kind) == 0)
			return exits[i].code;
	return CTL_INTERNAL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int ctl_error(struct ctl_slice answer)
{
	struct ctl_slice part;
	json_t *error, *data;
	const char *kind, *hint, *field, *text;
	double retry_after;
	int number, code;

	if (!ctl_member(answer, "error", &part))
		return CTL_OK;
	error = json_loadb(part.p, part.n, JSON_ALLOW_NUL, NULL);
	data = json_object_get(error, "data");
	kind = text_of(data, "kind");
	hint = text_of(data, "hint");
	field = text_of(data, "field");
	text = text_of(error, "message");
	if (strncmp(text, field, strlen(field)) == 0)
		field = ""; /* it says so itself */
	number = (int)json_integer_value(json_object_get(error, "code"));
	retry_after = json_number_value(json_object_get(data, "retry_after"));
	code = (int)exit_of(kind, number, text_of(data, "state"));
	(void)ctl_fail(CTL_OK, "%s%s%s (%s %d)", *field ? field : "", *field ? ": " : "", text,
		       *kind ? kind : "error", number);
	if (*hint)
		fprintf(stderr, "  hint: %s\n", hint);
	if (retry_after > 0)
		fprintf(stderr, "  try again after %g s\n", retry_after);
	json_decref(error);
	return code;
}

/* What a result says beyond success: parts that are missing, a login that waits for a person. */
static int judge_result(const char *method, struct ctl_slice result)
{
	struct ctl_slice part;

	if (strchr(method, '.'))
		return CTL_OK; /* Telegram's own: the value is all there is */
	if (ctl_member(result, "missing", &part) && part.n > 2 && part.p[0] == '[')
		return CTL_PARTLY;
	if ((strstr(method, "login") || strstr(method, "sign_in")) &&
	    ctl_member(result, "state", &part) && part.n > 6 && memcmp(part.p, "\"wait_", 6) == 0)
		return CTL_INPUT_NEEDED;
	return CTL_OK;
}

int ctl_finish(const struct ctl_options *o, const char *method, struct ctl_slice answer)
{
	struct ctl_slice result;
	int code;

	if (o->raw)
		ctl_print(answer, false);
	if (ctl_member(answer, "result", &result)) {
		if (!o->raw)
			ctl_print(result, isatty(STDOUT_FILENO) == 1);
		return judge_result(method, result);
	}
	code = ctl_error(answer);
	return code != CTL_OK ? code : ctl_fail(CTL_INTERNAL, "an answer without a result");
}

static int put_common(const struct ctl_options *o, struct ctl_params *p)
{
	int code = CTL_OK;

	if (o->account && !ctl_params_have(p, "account"))
		code = ctl_params_string(p, "account", o->account);
	if (code == CTL_OK && o->timeout > 0 && !ctl_params_have(p, "timeout"))
		code = ctl_params_number(p, "timeout", o->timeout);
	return code;
}

int ctl_request(struct ctl_conn *c, const struct ctl_options *o, const char *method,
		struct ctl_params *p, struct ctl_slice *ret_line)
{
	struct tl_buf line = {0};
	struct ctl_slice id;
	int code = put_common(o, p);

	if (code != CTL_OK)
		return code;
	tl_put_text(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":");
	tl_js_string(&line, method, strlen(method));
	tl_put_text(&line, ",\"params\":{");
	tl_put(&line, p->text.data, p->text.len);
	tl_put_text(&line, "}}\n");
	if (p->text.err)
		line.err = p->text.err;
	code = ctl_write(c, &line);
	tl_buf_free(&line);
	if (code != CTL_OK)
		return code;
	if (o->timeout > 0)
		ctl_start_clock(c, o->timeout + GRACE);
	for (;;) {
		code = ctl_read(c, ret_line);
		if (code != CTL_OK)
			return code;
		if (!ctl_member(*ret_line, "id", &id))
			continue;                          /* a notification */
		if (ctl_is(id, "1") || ctl_is(id, "null")) /* null: the line was refused */
			return CTL_OK;
	}
}

int ctl_call(const struct ctl_options *o, const char *method, struct ctl_params *p)
{
	struct ctl_conn c = {.fd = -1};
	struct ctl_slice answer;
	int code = ctl_connect(&c, o, false);

	if (code == CTL_OK)
		code = ctl_request(&c, o, method, p, &answer);
	if (code == CTL_OK)
		code = ctl_finish(o, method, answer);
	ctl_disconnect(&c);
	return code;
}
