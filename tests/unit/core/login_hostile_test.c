/* The login machine against a Telegram that says anything, and callers who do anything: it lives,
 * tells the end of every step, and afterwards an honest login gets through. */
#include "tests/unit/core/script.h"

static struct rig *rig; /* draws the numbers */

static uint64_t draw(void *ctx)
{
	(void)ctx;
	return (uint64_t)rig_draw(rig, UINT32_MAX) << 32 | rig_draw(rig, UINT32_MAX);
}

/* An object of any constructor of the method's type, or of any type at all. */
static struct tl_obj *drawn(struct rig *r, unsigned method)
{
	unsigned found[512], n = 0, ctor;
	struct tl_obj *o = NULL;

	for (unsigned i = 1; i <= tl_ctor_count(&tl_api) && n < 512; i++)
		if (!tl_is_method(&tl_api, i) &&
		    strcmp(tl_type_name(&tl_api, i), tl_type_name(&tl_api, method)) == 0)
			found[n++] = i;
	ctor = n && rig_draw(r, 8) ? found[rig_draw(r, n)]
				   : rig_draw(r, tl_ctor_count(&tl_api)) + 1;
	if (tl_is_method(&tl_api, ctor) || tl_random(&tl_api, ctor, draw, NULL, &r->arena, &o) != 0)
		return NULL;
	return o;
}

static bool hostile(struct rig *r, const struct rig_request *q)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
		{401, "SESSION_PASSWORD_NEEDED"},
		{400, "PHONE_CODE_INVALID"},
		{400, "PHONE_CODE_EXPIRED"},
		{401, "AUTH_KEY_UNREGISTERED"},
		{303, "PHONE_MIGRATE_4"},
		{303, "USER_MIGRATE_3"},
		{303, "NETWORK_MIGRATE_1"},
		{303, "PHONE_MIGRATE_99"},
		{400, "SRP_ID_INVALID"},
		{400, "PASSWORD_HASH_INVALID"},
		{420, "FLOOD_WAIT_3"},
		{420, "FLOOD_WAIT_9"},
		{500, "AUTH_RESTART"},
		{400, "AUTH_TOKEN_EXPIRED"},
		{406, "UPDATE_APP_TO_LOGIN"},
		{400, "PHONE_NUMBER_BANNED"},
		{401, "SESSION_REVOKED"},
		{406, "AUTH_KEY_DUPLICATED"},
		{-503, "Timeout"},
		{400, ""},
	};
	struct tl_obj *o;
	uint32_t i;

	switch (rig_draw(r, 8)) {
	case 0:
		return true; /* silence */
	case 1:
	case 2:
		i = rig_draw(r, sizeof rows / sizeof *rows);
		rig_refuse(r, q, rows[i].code, rows[i].text);
		return true;
	case 3:
	case 4:
		o = drawn(r, q->method);
		if (o)
			rig_answer(r, q, o);
		return o != NULL;
	}
	return script_serve(r, q);
}

static void say_something(struct rig *r)
{
	struct tl_updateLoginToken token = {{TL_updateLoginToken}};
	struct tl_updateShort s = {{TL_updateShort}, &token.obj, 0};
	struct tl_updateSentPhoneCode sent = {{TL_updateSentPhoneCode}, NULL};

	sent.sent_code = drawn(r, TL_auth_sendCode);
	if (sent.sent_code && rig_draw(r, 2) &&
	    strcmp(tl_type_name(&tl_api, sent.sent_code->ctor), "auth.SentCode") == 0)
		s.update = &sent.obj;
	rig_say(r, r->a->main_dc, &s.obj);
}

static void act(struct rig *r)
{
	static const char *const texts[] = {CODE, PASSWORD, "", "x", "9996621234", "m@l"};
	struct tl_str t[8];
	struct tg_login_input in;
	int wait;

	for (int i = 0; i < 8; i++)
		t[i] = rig_draw(r, 2) ? tl_str(texts[rig_draw(r, 6)]) : (struct tl_str){NULL, 0};
	in = (struct tg_login_input){t[0], t[1], t[2], t[3],          t[4],
				     t[5], t[6], t[7], rig_draw(r, 2)};
	switch (rig_draw(r, 12)) {
	case 0:
		(void)!tg_login_phone(r->a, tl_str("9996621234"), r->now);
		break;
	case 1:
		(void)!tg_login_qr(r->a, r->now);
		break;
	case 2:
		(void)!tg_login_resend(r->a, &wait, r->now);
		break;
	case 3:
		(void)!tg_login_recover(r->a, r->now);
		break;
	case 4:
		(void)!tg_login_reset_email(r->a, r->now);
		break;
	case 5:
		tg_login_cancel(r->a, r->now);
		break;
	case 6:
		tg_account_disconnect(r->a, r->now);
		break;
	case 7:
		rig_restart(r);
		r->step = 0;
		break;
	case 8:
		say_something(r);
		break;
	default:
		(void)!tg_login_submit(r->a, &in, r->now);
	}
}

/* Whatever happened: given up and begun anew, it works. */
static void recover(struct rig *r)
{
	r->serve = script_serve;
	fresh_script();
	script.signup = script.password = false;
	if (r->a->authorized) /* a hostile answer was an authorization: that is Telegram's right */
		return;
	tg_login_cancel(r->a, r->now);
	rig_pass(r, 20);
	CHECK_INT(tg_login_phone(r->a, tl_str("9996621234"), r->now), 0);
	rig_pass(r, 70);
	CHECK_STR(tg_state_name(tg_account_state(r->a)), "wait_code");
	code(r, CODE);
	is_state(r, TG_READY);
}

TEST_T(machine_lives_with_a_hostile_server, 120)
{
	unsigned through = 0, steps = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rig *r = rig = machine();

		r->seed = seed * 7919;
		r->serve = hostile;
		script.signup = seed % 3 == 0;
		script.password = seed % 4 == 0;
		script.token_life = 5;
		for (int i = 0; i < 40 && !r->a->authorized; i++, steps++) {
			act(r);
			rig_pass(r, rig_draw(r, 4) ? 0.5 : 31);
			CHECK(r->step <= tg_login_step(r->a));
		}
		through += !r->a->authorized;
		recover(r);
		rig_free(r);
	}
	printf("%u acts, %u honest logins afterwards\n", steps, through);
	CHECK(through > 5 && steps > 300);
}
