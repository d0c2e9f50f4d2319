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
	{"wait_chat", TG_REFUSED_SLOW, true},
	{"main_dc", TG_REFUSED_KEY, false},
	{"logged_out", TG_REFUSED_KEY, false},
	{"drop_key_and_login_again", TG_REFUSED_TWICE, false},
	{"backoff_retry", TG_REFUSED_AGAIN, false},
	{"backoff_retry_or_502", TG_REFUSED_AGAIN, false},
	{"treat_as_500", TG_REFUSED_AGAIN, false},
	{"reinit_and_retry", TG_REFUSED_TELL, false}, /* the session's */
	{"chain_retry", TG_REFUSED_AGAIN, false},     /* the session's, mostly */
	{"refresh_file_reference", TG_REFUSED_TELL, false},
	{"reupload_part", TG_REFUSED_TELL, false},
	{"bind_retry_or_drop_key", TG_REFUSED_TELL, false},
	{"reset_box", TG_REFUSED_TELL, false},        /* the difference's */
	{"rebind_temp_key", TG_REFUSED_AGAIN, false}, /* the session's */
	{"ask_password", TG_REFUSED_TELL, false},
	{"restart_auth", TG_REFUSED_TELL, false},
	{"return", TG_REFUSED_TELL, false},
	{"return_or_wait", TG_REFUSED_TELL, false},
	{"return_treat_as_sent", TG_REFUSED_TELL, false},
	{"return_silently_wait_serviceNotification", TG_REFUSED_TELL, false},
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
	else if (actions[i].kind == TG_REFUSED_WAIT)
		CHECK(r.kind == TG_REFUSED_WAIT || r.kind == TG_REFUSED_LIMITED);
	else if (actions[i].kind == TG_REFUSED_WAIT)
		CHECK(r.kind == TG_REFUSED_WAIT || r.kind == TG_REFUSED_LIMITED);
	else if (r.kind == TG_REFUSED_LATER) /* told, with a time */
		CHECK_INT(actions[i].kind, TG_REFUSED_TELL);
	else if (r.kind != actions[i].kind)
		test_fail(__FILE__, __LINE__, "%d %s: kind %d for %s", code, message, r.kind,
			  action);
	if (actions[i].value)
		CHECK_INT(r.value, atoi(action + n + 1));
	if (tg_refusal_waits(&r))
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
	static const struct {
		const char *text;
		enum tg_refusal_kind kind;
		int value;
	} rows[] = {
		{"FLOOD_WAIT_", TG_REFUSED_TELL, 0},
		{"FLOOD_WAIT_x", TG_REFUSED_TELL, 0},
		{"FLOOD_WAIT_-", TG_REFUSED_TELL, 0},
		{"FLOOD_WAIT_1x", TG_REFUSED_TELL, 0},
		{"XFLOOD_WAIT_1", TG_REFUSED_TELL, 0},
		{"", TG_REFUSED_TELL, 0},
		/* absurd waits are cut to what makes sense (D.75) */
		{"FLOOD_WAIT_-1", TG_REFUSED_WAIT, 1},
		{"FLOOD_WAIT_0", TG_REFUSED_WAIT, 1},
		{"FLOOD_WAIT_1209601", TG_REFUSED_WAIT, TG_HOLD_MAX},
		{"FLOOD_WAIT_99999999999999999999", TG_REFUSED_WAIT, TG_HOLD_MAX},
		{"SLOWMODE_WAIT_2147483648", TG_REFUSED_SLOW, TG_HOLD_MAX},
		{"2FA_CONFIRM_WAIT_604800", TG_REFUSED_LATER, 604800},
		{"TAKEOUT_INIT_DELAY_-5", TG_REFUSED_LATER, 1},
		{"FILE_MIGRATE_-3", TG_REFUSED_THERE, 0},
		{"USER_DEACTIVATED_X", TG_REFUSED_TELL, 0},
		{"FILE_REFERENCE_12_INVALID", TG_REFUSED_TELL, 12},
		{"FILE_REFERENCE_", TG_REFUSED_TELL, 0},
		{"RECAPTCHA_CHECK_signup__KEY", TG_REFUSED_VERIFY, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tg_refusal r = tg_refusal_of(420, tl_str(rows[i].text));

		if (r.kind != rows[i].kind)
			test_fail(__FILE__, __LINE__, "%s: kind %d", rows[i].text, r.kind);
		CHECK_INT(r.value, rows[i].value);
	}
	CHECK_INT(tg_refusal_of(420, (struct tl_str){NULL, 0}).kind, TG_REFUSED_TELL);
	CHECK_INT(tg_refusal_of(-503, (struct tl_str){NULL, 0}).kind, TG_REFUSED_AGAIN);
	CHECK(tg_refusal_done(406, tl_str("PHONE_NUMBER_INVALID")));
	CHECK(!tg_refusal_done(400, tl_str("CHAT_ID_INVALID")));
	CHECK(tg_refusal_passes(303, tl_str("USER_MIGRATE_9")));
	CHECK(tg_refusal_passes(400, tl_str("MSG_WAIT_FAILED")));
	CHECK(!tg_refusal_passes(400, tl_str("CHAT_ID_INVALID")));
}

/* Each row is found by a text that it describes: no row stands in the shadow of another. */
TEST(every_row_of_the_errors_counts)
{
	const char *row, *done, *found;
	unsigned n = 0;

	for (; (row = tg_refusal_row(n, &done)); n++) {
		char text[80];
		size_t at = 0;

		for (const char *p = row; *p; p++)
			text[at++] = (char)(*p == '#' ? '7' : *p == '*' ? 'Z' : *p);
		text[at] = 0;
		found = tg_refusal_of(400, tl_str(text)).name;
		CHECK(found);
		CHECK_STR(found, row);
		CHECK(strlen(done) > 5);
		CHECK(tg_refusal_done(400, tl_str(text)) == done);
	}
	CHECK(n > 50);
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
