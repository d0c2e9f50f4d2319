/* Telegram's errors: every err-* vector of session.json, and the series of the back-off. */
#include "tests/unit/core/rig.h"

#include <jansson.h>

static const struct {
	const char *action; /* up to a colon */
	enum tg_refusal_kind kind;
	bool value; /* the action's number is the value */
} actions[] = {
	{"switch_main_dc", TG_REFUSED_MOVE, true},
	{"this_query_on_dc", TG_REFUSED_THERE, true},
	{"wait", TG_REFUSED_WAIT, true},
	{"wait_chat", TG_REFUSED_WAIT, true},
	{"main_dc", TG_REFUSED_KEY, false},
	{"logged_out", TG_REFUSED_KEY, false},
	{"drop_key_and_login_again", TG_REFUSED_TWICE, false},
	{"backoff_retry", TG_REFUSED_AGAIN, false},
	{"backoff_retry_or_502", TG_REFUSED_AGAIN, false},
	{"treat_as_500", TG_REFUSED_AGAIN, false},
	{"reinit_and_retry", TG_REFUSED, false}, /* the session's */
	{"chain_retry", TG_REFUSED, false},      /* the session's */
	{"refresh_file_reference", TG_REFUSED, false},
	{"reupload_part", TG_REFUSED, false},
	{"bind_retry_or_drop_key", TG_REFUSED, false},
	{"reset_box", TG_REFUSED, false}, /* the difference's */
	{"rebind_temp_key", TG_REFUSED, false},
	{"ask_password", TG_REFUSED, false},
	{"restart_auth", TG_REFUSED, false},
	{"return", TG_REFUSED, false},
	{"return_or_wait", TG_REFUSED, false},
	{"return_treat_as_sent", TG_REFUSED, false},
	{"return_silently_wait_serviceNotification", TG_REFUSED, false},
};

static void check(const json_t *v)
{
	const char *message = json_string_value(json_object_get(v, "message"));
	const char *action = json_string_value(json_object_get(v, "action"));
	int code = (int)json_integer_value(json_object_get(v, "code"));
	struct tg_refusal r = tg_refusal_of(code, tl_str(message));
	size_t n = strcspn(action, ":;,"), i = 0;

	while (i < sizeof actions / sizeof *actions &&
	       (strncmp(actions[i].action, action, n) != 0 || actions[i].action[n]))
		i++;
	if (i == sizeof actions / sizeof *actions)
		test_fail(__FILE__, __LINE__, "%s: no row for %s", message, action);
	if (actions[i].kind == TG_REFUSED_WAIT && r.kind == TG_REFUSED_AGAIN)
		CHECK_INT(r.value, 1); /* a fixed short wait */
	else if (r.kind != actions[i].kind)
		test_fail(__FILE__, __LINE__, "%d %s: kind %d for %s", code, message, r.kind,
			  action);
	if (actions[i].value)
		CHECK_INT(r.value, atoi(action + n + 1));
	if (code == 420 && r.kind == TG_REFUSED_WAIT)
		CHECK_INT(r.retry_after, r.value);
}

TEST(refusals_of_the_vectors)
{
	json_t *file = json_load_file(test_vectors("session.json"), 0, NULL);
	const json_t *list = json_object_get(file, "vectors");
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (strncmp(json_string_value(json_object_get(v, "id")), "err-", 4) != 0)
			continue;
		check(v);
		n++;
	}
	CHECK_INT(n, 50);
	json_decref(file);
}

TEST(refusal_edges)
{
	CHECK_INT(tg_refusal_of(420, tl_str("FLOOD_WAIT_")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, tl_str("FLOOD_WAIT_x")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, tl_str("FLOOD_WAIT_-1")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, tl_str("XFLOOD_WAIT_1")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, tl_str("FLOOD_WAIT_99999999999999999999")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, (struct tl_str){NULL, 0}).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(400, tl_str("")).kind, TG_REFUSED);
	CHECK_INT(tg_refusal_of(420, tl_str("2FA_CONFIRM_WAIT_604800")).retry_after, 604800);
	CHECK_INT(tg_refusal_of(400, tl_str("USER_DEACTIVATED_X")).kind, TG_REFUSED);
}

static int64_t times[64];
static unsigned asked;
static bool never(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_help_getNearestDc)
		return false;
	times[asked++ % 64] = r->now.boot;
	rig_refuse(r, q, asked == 10 ? 420 : 500, asked == 10 ? "FLOOD_WAIT_3" : "RPC_CALL_FAIL");
	return true;
}

TEST(backoff_series)
{
	static const int series[] = {1, 2, 4, 8, 16, 32, 64, 64, 64, /* a told wait: */ 3, 1, 2};
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + 900 * TG_SECOND, .flood_wait = 20};

	rig_login(r);
	asked = 0;
	r->serve = never;
	rig_call(r, &m.obj, &o);
	rig_pass(r, 300);
	CHECK(asked > 12);
	for (size_t i = 0; i < sizeof series / sizeof *series; i++)
		CHECK_INT((times[i + 1] - times[i]) / TG_SECOND, series[i]);
	rig_free(r);
}
