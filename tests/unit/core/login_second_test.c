/* The login machine's second step, its QR codes, and its steps as such. */
#include "tests/unit/core/script.h"

/* ---- the password ---- */
static struct rig *asked(void)
{
	struct rig *r = machine();

	script.password = true;
	phone(r);
	code(r, CODE);
	is_state(r, TG_WAIT_PASSWORD);
	return r;
}

TEST(machine_password)
{
	struct rig *r = asked();

	CHECK_STR(text(r, TG_LOGIN_HINT), "a hint");
	CHECK_INT(number(r, TG_LOGIN_HAS_RECOVERY), 1);
	CHECK_INT(submit(r, (struct tg_login_input){.code = tl_str("x")}), -TG_E_INVALID_PARAMS);
	script.refuse = "PASSWORD_HASH_INVALID";
	script.method = TL_auth_checkPassword;
	password(r, "wrong");
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_STR(r->state_text, "PASSWORD_HASH_INVALID");
	CHECK(r->state.again);
	password(r, PASSWORD); /* with an srp_id of its own (B.75) */
	is_state(r, TG_READY);
	CHECK_INT(r->calls[TL_account_getPassword], 3);
	CHECK_INT(r->calls[TL_auth_sendCode], 1);
	rig_free(r);
}

/* B.75: a used srp_id is fetched again, once. */
static bool never_good(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_auth_checkPassword)
		return script_serve(r, q);
	rig_refuse(r, q, 400, "SRP_ID_INVALID");
	return true;
}

TEST(machine_srp_id_is_fetched_again_once)
{
	struct rig *r = asked();

	script.refuse = "SRP_ID_INVALID";
	script.method = TL_auth_checkPassword;
	r->serve = never_good;
	password(r, PASSWORD);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_STR(r->state_text, "SRP_ID_INVALID");
	CHECK_INT(r->calls[TL_auth_checkPassword], 2);
	r->serve = script_serve;
	password(r, PASSWORD);
	is_state(r, TG_READY);
	CHECK_INT(r->calls[TL_auth_checkPassword], 4); /* one was refused by the script */
	rig_free(r);
}

/* B.70, B.73 */
TEST(machine_password_of_another_kind)
{
	struct rig *r = asked();

	script.small_b = true;
	password(r, PASSWORD);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_INT(r->state.error, -TG_E_CRYPTO);
	CHECK_INT(r->calls[TL_auth_checkPassword], 0);
	script.small_b = false;
	script.no_algo = true;
	password(r, PASSWORD);
	is_state(r, TG_FAILED);
	CHECK_STR(tg_account_reason(r->a), "UPDATE_APP_TO_LOGIN");
	CHECK_INT(r->calls[TL_auth_checkPassword], 0);
	rig_free(r);
}

TEST(machine_password_that_is_gone)
{
	struct rig *r = asked();

	script.no_password = true; /* removed from another session meanwhile */
	password(r, PASSWORD);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.40 */
TEST(machine_password_recovered)
{
	struct rig *r = asked();

	CHECK_INT(submit(r, (struct tg_login_input){.email_code = tl_str(CODE)}),
		  -TG_E_INVALID_PARAMS); /* none was asked for */
	CHECK_INT(tg_login_recover(r->a, r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_STR(text(r, TG_LOGIN_EMAIL), "a***b");
	CHECK_INT(number(r, TG_LOGIN_RECOVERING), 1);
	rig_restart(r);
	script.refuse = "CODE_INVALID";
	script.method = TL_auth_checkRecoveryPassword;
	CHECK_INT(submit(r, (struct tg_login_input){.email_code = tl_str("1")}), 0);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_INT(r->calls[TL_auth_recoverPassword], 0);
	CHECK_INT(submit(r, (struct tg_login_input){.email_code = tl_str(CODE)}), 0);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.41 */
TEST(password_changes_and_what_refuses_them)
{
	static const struct {
		const char *text;
		int error;
		int64_t value;
	} rows[] = {
		{NULL, 0, 0},
		{"EMAIL_UNCONFIRMED_6", 0, 6},
		{"EMAIL_UNCONFIRMED", 0, 6},
		{"PASSWORD_TOO_FRESH_3600", -TG_E_TELEGRAM, 0},
		{"SESSION_TOO_FRESH_86400", -TG_E_TELEGRAM, 0},
		{"PASSWORD_HASH_INVALID", -TG_E_TELEGRAM, 0},
		{"NEW_SALT_INVALID", -TG_E_TELEGRAM, 0},
	};
	struct tg_password_change p = {.current = tl_str(PASSWORD), .fresh = tl_str("another")};
	struct rig *r = waiting();

	code(r, CODE);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct rig_result *x;
		uint64_t call;

		script.refuse = rows[i].text;
		script.method = TL_account_updatePasswordSettings;
		CHECK_INT(tg_password_change(r->a, &p, r->now.boot + 60 * TG_SECOND, &call, r->now),
			  0);
		rig_pass(r, 1);
		x = rig_result_of(r, call);
		CHECK(x);
		CHECK_INT(x->error, rows[i].error);
		CHECK_INT(x->retry_after, strstr(x->text, "3600")    ? 3600
					  : strstr(x->text, "86400") ? 86400
								     : 0);
	}
	rig_free(r);
}

/* ---- QR (E.43) ---- */
static struct rig *showing(void)
{
	struct rig *r = machine();

	CHECK_INT(tg_login_qr(r->a, r->now), 0);
	rig_pass(r, 0.5);
	is_state(r, TG_WAIT_QR);
	CHECK_STR(text(r, TG_LOGIN_URL), "tg://login?token=__79");
	return r;
}

static void accepted(struct rig *r, unsigned dc)
{
	struct tl_updateLoginToken u = {{TL_updateLoginToken}};
	struct tl_updateShort s = {{TL_updateShort}, &u.obj, 0};

	script.accepted = dc;
	rig_say(r, r->a->main_dc, &s.obj);
	rig_pass(r, 1);
}

TEST(machine_qr)
{
	struct rig *r = showing();

	accepted(r, 1);
	is_state(r, TG_READY);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 2);
	rig_free(r);
}

TEST(machine_qr_is_renewed_before_its_end)
{
	struct rig *r = showing();
	unsigned states = r->states;

	rig_pass(r, 26);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 1);
	rig_pass(r, 3); /* not yet 30 s old */
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 2);
	CHECK_INT(r->states, states + 1);
	script.refuse = "AUTH_TOKEN_EXPIRED";
	script.method = TL_auth_exportLoginToken;
	rig_pass(r, 28);
	is_state(r, TG_WAIT_QR);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 4);
	script.refuse = "INTERNAL"; /* a passing fault */
	script.code = 500;
	rig_pass(r, 40);
	is_state(r, TG_WAIT_QR);
	accepted(r, 1);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_qr_moves_and_asks_for_a_password)
{
	struct rig *r = showing();

	script.password = true;
	accepted(r, 4);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_INT(r->a->main_dc, 4);
	CHECK_STR(text(r, TG_LOGIN_URL), "");
	rig_restart(r);
	password(r, PASSWORD);
	is_state(r, TG_READY);
	CHECK_INT(r->authorized, 1 << 4);
	rig_free(r);
}

TEST(machine_qr_moves_nowhere)
{
	struct rig *r = showing();

	accepted(r, 9);
	is_state(r, TG_FAILED);
	CHECK_INT(r->a->main_dc, 2);
	rig_free(r);
}

TEST(machine_qr_rests_while_disconnected)
{
	struct rig *r = showing();

	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 100);
	is_state(r, TG_WAIT_QR);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 1);
	tg_account_connect(r->a, r->now);
	rig_pass(r, 1);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 2);
	accepted(r, 1);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_qr_goes_on_after_a_kill)
{
	struct rig *r = showing();

	rig_restart(r);
	is_state(r, TG_WAIT_QR);
	rig_pass(r, 1);
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 2);
	accepted(r, 1);
	is_state(r, TG_READY);
	rig_free(r);
}

/* ---- updates before the login (E.44), and after it (E.46) ---- */
TEST(machine_only_some_updates_count_before_the_login)
{
	struct rig *r = waiting();
	struct tl_updateConfig config = {{TL_updateConfig}};
	struct tl_updateShort s = {{TL_updateShort}, &config.obj, 0};
	struct tl_updateSentPhoneCode sent = {{TL_updateSentPhoneCode}, NULL};

	rig_message(r, "stray");
	rig_pass(r, 1);
	rig_journal_is(r, "");
	CHECK_INT(r->calls[TL_updates_getDifference] + r->calls[TL_updates_getState], 0);
	r->a->config_until = TG_NEVER;
	rig_say(r, 2, &s.obj);
	rig_pass(r, 2);
	CHECK_INT(r->a->config_until, 0); /* what is stored is old */
	sent.sent_code = (struct tl_obj *)script_sent_code(r, 2);
	s.update = &sent.obj;
	rig_say(r, 2, &s.obj);
	rig_pass(r, 1);
	CHECK_STR(text(r, TG_LOGIN_HASH), "hash2");
	code(r, CODE);
	is_state(r, TG_READY);
	rig_journal_is(r, "");
	rig_free(r);
}

TEST(machine_tells_what_a_login_entails)
{
	struct rig *r = machine();

	script.flags = true;
	phone(r);
	code(r, CODE);
	is_state(r, TG_READY);
	CHECK_INT(number(r, TG_LOGIN_TMP_SESSIONS), 2);
	CHECK_INT(number(r, TG_LOGIN_RELOGIN_DAYS), 9);
	CHECK_INT(number(r, TG_LOGIN_SETUP_PASSWORD), 1);
	CHECK_STR(text(r, TG_LOGIN_PHONE_NUMBER), ""); /* the rest is forgotten */
	rig_free(r);
}

/* ---- steps ---- */
TEST(machine_takes_one_step_at_a_time)
{
	struct tg_login_input in = {.code = tl_str(CODE)};
	struct rig *r = waiting();
	uint64_t step = tg_login_step(r->a);
	int wait;

	CHECK_INT(tg_login_submit(r->a, &in, r->now), 0);
	CHECK_INT(tg_login_step(r->a), step + 1);
	CHECK_INT(tg_login_submit(r->a, &in, r->now), -TG_E_AGAIN);
	CHECK_INT(tg_login_resend(r->a, &wait, r->now), -TG_E_AGAIN);
	CHECK_INT(tg_login_step(r->a), step + 1);
	rig_pass(r, 1);
	CHECK_INT(r->step, step + 1);
	CHECK_INT(r->calls[TL_auth_signIn], 1);
	rig_free(r);
}

TEST(machine_step_that_is_cut_off)
{
	struct tg_login_input in = {.code = tl_str(CODE)};
	struct rig *r = waiting();

	r->serve = script_silent;
	CHECK_INT(tg_login_submit(r->a, &in, r->now), 0);
	rig_pass(r, 5);
	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_CODE);
	CHECK_INT(r->state.error, -TG_E_OFFLINE);
	CHECK_INT(r->step, tg_login_step(r->a));
	r->serve = script_serve;
	code(r, CODE);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_password_that_is_cut_off)
{
	struct rig *r = asked();

	r->serve = script_silent;
	password(r, PASSWORD);
	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_PASSWORD);
	CHECK_INT(r->state.error, -TG_E_OFFLINE);
	r->serve = script_serve;
	password(r, PASSWORD);
	is_state(r, TG_READY);
	rig_free(r);
}

TEST(machine_cancelled)
{
	struct rig *r = waiting();

	CHECK(tg_login_cancel(r->a, r->now));
	rig_pass(r, 1);
	is_state(r, TG_SIGNED_OUT);
	CHECK_INT(r->calls[TL_auth_cancelCode], 1);
	CHECK(!tg_login_info(r->a));
	CHECK(!tg_login_cancel(r->a, r->now));
	CHECK_INT(r->dc[2].slot, -1);
	rig_restart(r);
	is_state(r, TG_SIGNED_OUT);
	CHECK(!on_disk(r, "9996621234"));
	phone(r);
	code(r, CODE);
	is_state(r, TG_READY);
	CHECK(!tg_login_cancel(r->a, r->now));
	rig_free(r);
}

TEST(machine_begun_anew_from_any_state)
{
	struct rig *r = asked();

	CHECK_INT(tg_login_qr(r->a, r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_WAIT_QR);
	script.password = false;
	phone(r);
	is_state(r, TG_WAIT_CODE);
	rig_pass(r, 120); /* the QR code is not renewed any more */
	CHECK_INT(r->calls[TL_auth_exportLoginToken], 1);
	code(r, CODE);
	is_state(r, TG_READY);
	rig_free(r);
}

/* E.45: the keys of all data centres are destroyed. */
TEST(sign_out_destroys_every_key)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.dc = 3, .deadline = TG_NEVER, .any_state = true};
	struct rig *r = waiting();

	code(r, CODE);
	rig_call(r, &m.obj, &o);
	rig_pass(r, 1);
	CHECK_INT(tg_sign_out(r->a, r->now), 0);
	rig_pass(r, 1);
	is_state(r, TG_SIGNED_OUT);
	CHECK_INT(r->calls[TL_destroy_auth_key], RIG_DCS); /* the rig gave a key to each */
	rig_free(r);
}

static bool deaf(struct rig *r, const struct rig_request *q)
{
	return q->method == TL_destroy_auth_key || script_serve(r, q);
}

TEST(sign_out_does_not_wait_for_ever)
{
	struct rig *r = waiting();

	code(r, CODE);
	r->serve = deaf;
	CHECK_INT(tg_sign_out(r->a, r->now), 0);
	rig_pass(r, 2);
	is_state(r, TG_READY);
	rig_pass(r, 2);
	is_state(r, TG_SIGNED_OUT);
	rig_free(r);
}
