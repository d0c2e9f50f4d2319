/* The login machine by phone: every way of a code, what refuses it, sign-up, the login e-mail,
 * log-out tokens, moves, and kills in every state. */
#include "tests/unit/core/script.h"

/* ---- by phone ---- */
TEST(machine_phone_to_ready)
{
	struct rig *r = waiting();

	CHECK_INT(r->states, 2); /* connecting, wait_code */
	CHECK_INT(number(r, TG_LOGIN_VIA), TG_VIA_SMS);
	CHECK_INT(number(r, TG_LOGIN_NEXT), TG_VIA_CALL);
	CHECK_INT(number(r, TG_LOGIN_LENGTH), 5);
	code(r, CODE);
	is_state(r, TG_READY);
	CHECK_INT(r->states, 3);
	CHECK_INT(tg_login_phone(r->a, tl_str("1234567"), r->now), -TG_E_NOT_PERMITTED);
	rig_restart(r);
	rig_pass(r, 1);
	is_state(r, TG_READY);
	CHECK_INT(r->calls[TL_auth_sendCode], 1);
	rig_free(r);
}

/* E.31: the table of ways. */
TEST(machine_every_way_of_a_code)
{
	static const struct tl_auth_sentCodeTypeApp app = {{TL_auth_sentCodeTypeApp}, 6};
	static const struct tl_auth_sentCodeTypeSmsWord word = {{TL_auth_sentCodeTypeSmsWord},
								{"b", 1}};
	static const struct tl_auth_sentCodeTypeSmsPhrase phrase = {{TL_auth_sentCodeTypeSmsPhrase},
								    {"two", 3}};
	static const struct tl_auth_sentCodeTypeCall call = {{TL_auth_sentCodeTypeCall}, 4};
	static const struct tl_auth_sentCodeTypeFlashCall flash = {{TL_auth_sentCodeTypeFlashCall},
								   {"+49*", 4}};
	static const struct tl_auth_sentCodeTypeMissedCall missed = {
		{TL_auth_sentCodeTypeMissedCall}, {"+49", 3}, 6};
	static const struct tl_auth_sentCodeTypeFragmentSms fragment = {
		{TL_auth_sentCodeTypeFragmentSms}, {"http", 4}, 5};
	static const struct tl_auth_sentCodeTypeEmailCode mail = {
		.obj = {TL_auth_sentCodeTypeEmailCode},
		.email_pattern = {"a***b", 5},
		.length = 6,
		.reset_available_period = 77,
		.has_reset_available_period = true};
	static const struct tl_auth_sentCodeTypeFirebaseSms firebase = {
		.obj = {TL_auth_sentCodeTypeFirebaseSms}, .length = 5};
	static const struct {
		const struct tl_obj *type;
		const char *via, *clue, *email;
		int length;
	} rows[] = {
		{&app.obj, "app", "", "", 6},
		{&word.obj, "sms_word", "b", "", 0},
		{&phrase.obj, "sms_phrase", "two", "", 0},
		{&call.obj, "call", "", "", 4},
		{&flash.obj, "flash_call", "+49*", "", 0},
		{&missed.obj, "missed_call", "+49", "", 6},
		{&fragment.obj, "fragment_sms", "http", "", 5},
		{&mail.obj, "email", "", "a***b", 6},
		{&firebase.obj, "firebase_sms", "", "", 5},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rig *r = machine();

		script.type = rows[i].type;
		script.next = NULL;
		phone(r);
		is_state(r, TG_WAIT_CODE);
		CHECK_STR(tg_via_name((enum tg_via)number(r, TG_LOGIN_VIA)), rows[i].via);
		CHECK_STR(text(r, TG_LOGIN_CLUE), rows[i].clue);
		CHECK_STR(text(r, TG_LOGIN_EMAIL), rows[i].email);
		CHECK_INT(number(r, TG_LOGIN_LENGTH), rows[i].length);
		code(r, CODE); /* by e-mail it goes as a verification (E.34) */
		is_state(r, TG_READY);
		rig_free(r);
	}
}

TEST(machine_firebase_goes_the_next_way)
{
	static const struct tl_auth_sentCodeTypeFirebaseSms firebase = {
		.obj = {TL_auth_sentCodeTypeFirebaseSms}, .length = 5};
	struct rig *r = machine();

	script.type = &firebase.obj;
	phone(r);
	is_state(r, TG_WAIT_CODE);
	CHECK_INT(r->calls[TL_auth_sendCode], 1);
	CHECK_INT(r->calls[TL_auth_resendCode], 2); /* it never became another, so it is shown */
	rig_free(r);
}

/* E.32 */
TEST(machine_resend_when_it_is_time)
{
	struct rig *r = waiting();
	int wait;

	CHECK_INT(tg_login_resend(r->a, &wait, r->now), -TG_E_NOT_PERMITTED);
	CHECK(wait > 55 && wait <= 60);
	rig_pass(r, 57);
	CHECK_INT(tg_login_resend(r->a, &wait, r->now), -TG_E_NOT_PERMITTED);
	CHECK_INT(r->calls[TL_auth_resendCode], 0);
	rig_pass(r, 3);
	script.next = NULL;
	CHECK_INT(tg_login_resend(r->a, &wait, r->now), 0);
	rig_pass(r, 1);
	CHECK_STR(text(r, TG_LOGIN_HASH), "hash2");
	CHECK_INT(tg_login_resend(r->a, &wait, r->now), -TG_E_NOT_PERMITTED);
	CHECK_INT(wait, 0);
	code(r, CODE);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.33: the table of refusals. */
TEST(machine_refusals_of_a_code)
{
	static const struct {
		const char *text;
		int code;
		enum tg_state state;
		unsigned codes; /* sent in the end */
	} rows[] = {
		{"PHONE_CODE_INVALID", 400, TG_WAIT_CODE, 1},
		{"PHONE_CODE_EXPIRED", 400, TG_WAIT_CODE, 2},
		{"PHONE_CODE_EMPTY", 400, TG_WAIT_CODE, 2},
		{"PHONE_CODE_HASH_EMPTY", 400, TG_WAIT_CODE, 2},
		{"AUTH_RESTART", 400, TG_WAIT_CODE, 2},
		{"AUTH_KEY_UNREGISTERED", 401, TG_WAIT_CODE, 2},
		{"FLOOD_WAIT_86400", 420, TG_WAIT_CODE, 1},
		{"PHONE_NUMBER_BANNED", 400, TG_FAILED, 1},
		{"PHONE_NUMBER_FLOOD", 400, TG_FAILED, 1},
		{"PHONE_NUMBER_INVALID", 406, TG_FAILED, 1},
		{"PHONE_PASSWORD_FLOOD", 406, TG_FAILED, 1},
		{"USER_DEACTIVATED_BAN", 401, TG_FAILED, 1},
		{"UPDATE_APP_TO_LOGIN", 406, TG_FAILED, 1},
		{"SOMETHING_NEW", 400, TG_WAIT_CODE, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rig *r = waiting();

		script.refuse = rows[i].text;
		script.code = rows[i].code;
		script.method = TL_auth_signIn;
		code(r, CODE);
		is_state(r, rows[i].state);
		CHECK_INT(r->state.error, -TG_E_TELEGRAM);
		CHECK_INT(r->state.code, rows[i].code);
		CHECK_STR(r->state_text, rows[i].text);
		CHECK_INT(r->calls[TL_auth_sendCode], rows[i].codes);
		CHECK_INT(r->state.again, rows[i].state == TG_WAIT_CODE && rows[i].codes == 1);
		if (rows[i].state == TG_WAIT_CODE && rows[i].code != 420) {
			code(r, CODE);
			is_state(r, TG_READY);
		} else if (rows[i].state == TG_FAILED) {
			CHECK_INT(submit(r, (struct tg_login_input){.code = tl_str(CODE)}),
				  -TG_E_ACCOUNT_NOT_READY);
		}
		rig_free(r);
	}
}

TEST(machine_anew_is_not_for_ever)
{
	struct rig *r = waiting();

	script.refuse = "AUTH_RESTART";
	script.method = TL_auth_sendCode;
	CHECK_INT(tg_login_phone(r->a, tl_str("9996621234"), r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_CODE); /* once is forgiven */
	for (int i = 0; i < 10; i++) {
		script.refuse = "AUTH_RESTART";
		rig_pass(r, 0.1);
	}
	rig_free(r);
}

TEST(machine_sign_up)
{
	struct rig *r = machine();

	CHECK_INT(tg_login_phone(r->a, (struct tl_str){NULL, 0}, r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_PHONE);
	CHECK_INT(submit(r, (struct tg_login_input){.phone = tl_str("call me")}),
		  -TG_E_INVALID_PARAMS);
	script.signup = true;
	CHECK_INT(submit(r, (struct tg_login_input){.phone = tl_str("+9996621234")}), 0);
	code(r, CODE);
	is_state(r, TG_WAIT_SIGNUP);
	CHECK_STR(text(r, TG_LOGIN_TERMS), "Be kind.");
	CHECK_INT(number(r, TG_LOGIN_MIN_AGE), 16);
	rig_restart(r);
	CHECK_STR(text(r, TG_LOGIN_TERMS), "Be kind.");
	CHECK_INT(submit(r, (struct tg_login_input){.first_name = tl_str("New")}),
		  -TG_E_INVALID_PARAMS); /* the terms */
	CHECK_INT(submit(r, (struct tg_login_input){.terms = true}), -TG_E_INVALID_PARAMS);
	CHECK_INT(submit(r, (struct tg_login_input){.first_name = tl_str("New"), .terms = true}),
		  0);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.34 */
TEST(machine_login_email)
{
	static const struct tl_auth_sentCodeTypeSetUpEmailRequired wanted = {
		.obj = {TL_auth_sentCodeTypeSetUpEmailRequired}};
	struct rig *r = machine();

	script.type = &wanted.obj;
	phone(r);
	is_state(r, TG_WAIT_EMAIL);
	rig_restart(r);
	is_state(r, TG_WAIT_EMAIL);
	CHECK_INT(submit(r, (struct tg_login_input){.email = tl_str("m@l")}), 0);
	is_state(r, TG_WAIT_EMAIL_CODE);
	CHECK_STR(text(r, TG_LOGIN_EMAIL), "m***l");
	rig_restart(r);
	is_state(r, TG_WAIT_EMAIL_CODE);
	script.refuse = "CODE_INVALID";
	script.method = TL_account_verifyEmail;
	CHECK_INT(submit(r, (struct tg_login_input){.email_code = tl_str("1")}), 0);
	is_state(r, TG_WAIT_EMAIL_CODE);
	CHECK_INT(submit(r, (struct tg_login_input){.email_code = tl_str("123456")}), 0);
	is_state(r, TG_WAIT_CODE);
	code(r, CODE);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_login_email_is_lost)
{
	static const struct tl_auth_sentCodeTypeEmailCode mail = {
		.obj = {TL_auth_sentCodeTypeEmailCode}, .email_pattern = {"a", 1}, .length = 6};
	static const struct tl_auth_sentCodeTypeSms sms = {{TL_auth_sentCodeTypeSms}, 5};
	struct rig *r = machine();

	script.type = &mail.obj;
	phone(r);
	script.type = &sms.obj;
	CHECK_INT(tg_login_reset_email(r->a, r->now), 0);
	rig_pass(r, 1);
	CHECK_INT(number(r, TG_LOGIN_VIA), TG_VIA_SMS);
	CHECK_INT(tg_login_reset_email(r->a, r->now), -TG_E_ACCOUNT_NOT_READY);
	code(r, CODE);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.30 */
TEST(machine_success_and_payment_instead_of_a_code)
{
	struct rig *r = machine();
	int wait;

	script.payment = true;
	phone(r);
	is_state(r, TG_WAIT_PAYMENT);
	CHECK_STR(text(r, TG_LOGIN_CURRENCY), "EUR");
	CHECK_INT(number(r, TG_LOGIN_AMOUNT), 99);
	CHECK_INT(number(r, TG_LOGIN_PREMIUM_DAYS), 7);
	rig_restart(r);
	is_state(r, TG_WAIT_PAYMENT);
	CHECK_STR(text(r, TG_LOGIN_PRODUCT), "p");
	script.payment = false;
	script.success = true;
	CHECK_INT(tg_login_resend(r->a, &wait, r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_READY);
	CHECK_INT(r->calls[TL_auth_signIn], 0);
	rig_free(r);
}

/* E.35: twenty, the newest first; they outlive log-outs and restarts. */
static bool give_tokens(struct rig *r, const struct rig_request *q)
{
	struct tl_auth_loggedOut out = {.obj = {TL_auth_loggedOut}};
	char token[16];

	if (q->method != TL_auth_logOut)
		return script_serve(r, q);
	snprintf(token, sizeof token, "token%u", r->calls[TL_auth_logOut]);
	out.future_auth_token = tl_str(token);
	r->authorized = 0;
	rig_answer(r, q, &out.obj);
	return true;
}

TEST_T(machine_keeps_log_out_tokens, 60)
{
	struct rig *r = machine();

	r->serve = give_tokens;
	script.success = true;
	for (unsigned i = 1; i <= 25; i++) {
		char newest[16];

		phone(r);
		is_state(r, TG_READY);
		CHECK_INT(script.tokens, i - 1 < 20 ? i - 1 : 20);
		snprintf(newest, sizeof newest, "token%u", i - 1);
		if (i > 1)
			CHECK_STR(script.first_token, newest);
		CHECK_INT(tg_sign_out(r->a, r->now), 0);
		rig_pass(r, 1);
		is_state(r, TG_SIGNED_OUT);
		if (i % 5 == 0)
			rig_restart(r);
	}
	rig_free(r);
}

/* E.9, E.10: the login goes on where Telegram says, and the place is stored with the state. */
static bool move_to_four(struct rig *r, const struct rig_request *q)
{
	if (q->dc != 4 && q->method == TL_auth_sendCode) {
		rig_refuse(r, q, 303, "PHONE_MIGRATE_4");
		return true;
	}
	return script_serve(r, q);
}

TEST(machine_phone_moves)
{
	struct rig *r = machine();

	r->serve = move_to_four;
	phone(r);
	is_state(r, TG_WAIT_CODE);
	CHECK_INT(r->a->main_dc, 4);
	rig_restart(r);
	CHECK_INT(r->a->main_dc, 4);
	code(r, CODE);
	is_state(r, TG_READY);
	CHECK_INT(r->authorized, 1 << 4);
	CHECK_INT(r->calls[TL_auth_sendCode], 2);
	rig_free(r);
}

TEST(machine_moves_while_the_code_is_checked)
{
	struct rig *r = waiting();

	script.refuse = "USER_MIGRATE_3";
	script.code = 303;
	script.method = TL_auth_signIn;
	snprintf(script.hash, sizeof script.hash, "void"); /* there it is unknown */
	code(r, CODE);
	is_state(r, TG_WAIT_CODE);
	CHECK_STR(r->state_text, "PHONE_CODE_EXPIRED");
	CHECK_INT(r->a->main_dc, 3);
	CHECK_INT(r->calls[TL_auth_sendCode], 2);
	code(r, CODE);
	is_state(r, TG_READY);
	CHECK_INT(r->authorized, 1 << 3);
	rig_free(r);
}

/* ---- E.36: restarts; nothing secret is on the disk ---- */
TEST(machine_survives_a_kill_in_every_step)
{
	struct rig *r = machine();

	r->serve = script_silent; /* killed while the code is asked for */
	phone(r);
	is_state(r, TG_CONNECTING);
	rig_restart(r);
	r->serve = script_serve;
	rig_pass(r, 1);
	is_state(r, TG_WAIT_CODE); /* it went on by itself */
	CHECK(on_disk(r, "9996621234") && on_disk(r, script.hash));

	r->serve = script_silent; /* while the code is checked */
	CHECK_INT(submit(r, (struct tg_login_input){.code = tl_str(CODE)}), 0);
	CHECK(!on_disk(r, CODE));
	rig_restart(r);
	is_state(r, TG_WAIT_CODE);
	CHECK_INT(number(r, TG_LOGIN_NEXT), TG_VIA_CALL);
	r->serve = script_serve;
	script.password = true;
	code(r, CODE);
	is_state(r, TG_WAIT_PASSWORD);

	rig_restart(r); /* in between */
	CHECK_STR(text(r, TG_LOGIN_HINT), "a hint");
	r->serve = script_silent; /* while the password is checked */
	password(r, PASSWORD);
	CHECK(!on_disk(r, PASSWORD));
	rig_restart(r);
	is_state(r, TG_WAIT_PASSWORD);
	r->serve = script_serve;
	password(r, PASSWORD);
	is_state(r, TG_READY);
	CHECK(!on_disk(r, PASSWORD) && !on_disk(r, CODE) && !on_disk(r, script.hash));
	rig_restart(r);
	rig_pass(r, 1);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_bot_is_not_kept)
{
	struct rig *r = machine();

	r->serve = script_silent;
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:secrettoken"), r->now), 0);
	rig_pass(r, 1);
	CHECK(!on_disk(r, "secrettoken"));
	rig_restart(r);
	is_state(r, TG_SIGNED_OUT);
	rig_free(r);
}

/* A record that was cut or that an older version wrote is a login that begins anew. */
TEST(machine_records_that_cannot_be_read)
{
	for (size_t cut = 0; cut < 400; cut += 7) {
		struct rig *r = waiting();
		struct tl_buf b = {0};

		CHECK_INT(tg_read(r->a, TG_TABLE_ACCOUNT, "main", 4, &b), 0);
		if (cut >= b.len) {
			tl_buf_free(&b);
			rig_free(r);
			break;
		}
		tg_write(r->a, TG_TABLE_ACCOUNT, "main", 4, b.data, b.len - cut);
		tl_buf_free(&b);
		rig_run(r);
		rig_restart(r);
		CHECK(tg_account_state(r->a) == TG_WAIT_CODE ||
		      tg_account_state(r->a) == TG_SIGNED_OUT ||
		      tg_account_state(r->a) == TG_FAILED);
		rig_free(r);
	}
}
