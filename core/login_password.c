/* The second step of a login: the password, or the recovery by e-mail
 * (core.telegram.org/api/srp; E.40, B.70-B.75). Part of the login machine. */
#include "core/machine.h"

static void take_hint(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_login *l = a->login;
	struct tl_arena arena;
	const struct tl_account_password *p =
		(const struct tl_account_password *)tg_login_answer(a, c, r, &arena);

	if (!p)
		return;
	tg_text_set(&l->info.text[TG_LOGIN_HINT], p->hint);
	tg_text_set(&l->info.text[TG_LOGIN_EMAIL], (struct tl_str){NULL, 0});
	tg_text_set(&l->info.text[TG_LOGIN_URL], (struct tl_str){NULL, 0});
	l->info.number[TG_LOGIN_HAS_RECOVERY] = p->has_recovery;
	l->info.number[TG_LOGIN_RECOVERING] = 0;
	tg_login_settle(a, TG_WAIT_PASSWORD);
	tl_arena_free(&arena);
}

void tg_login_ask_password(struct tg_account *a)
{
	struct tl_account_getPassword m = {{TL_account_getPassword}};

	tg_login_call(a, &m.obj, take_hint);
}

static void checked(struct tg_account *a, struct tg_check *k, struct tg_call *c,
		    const struct tg_answer *r)
{
	struct tg_answer off = {.error = -TG_E_OFFLINE};

	(void)k;
	a->login->check = NULL;
	if (a->wanted) {
		tg_login_authorization(a, c, r);
		return;
	}
	tg_account_refuse(a, &off);
}

/* ---- recovery ---- */
static void recovery_sent(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	const struct tl_auth_passwordRecovery *p = NULL;
	struct tg_login *l = a->login;
	struct tl_arena arena;

	if (r->error) {
		tg_login_refused(a, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	p = (const struct tl_auth_passwordRecovery *)tg_answer_decode(c, r, &arena);
	tg_text_set(&l->info.text[TG_LOGIN_EMAIL], p ? p->email_pattern : (struct tl_str){NULL, 0});
	l->info.number[TG_LOGIN_RECOVERING] = 1;
	tg_login_settle(a, TG_WAIT_PASSWORD);
	tl_arena_free(&arena);
}

void tg_login_send_recovery(struct tg_account *a)
{
	struct tl_auth_requestPasswordRecovery m = {{TL_auth_requestPasswordRecovery}};

	tg_login_call(a, &m.obj, recovery_sent);
}

/* No new one was given. The code was right (the server said so): the password goes, the login is
 * done. */
static void code_checked(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_auth_recoverPassword m = {.obj = {TL_auth_recoverPassword}};
	struct tl_auth_checkRecoveryPassword *asked;
	struct tl_cursor in = tl_cursor(c->body, c->n);
	struct tl_arena arena;
	struct tl_obj *o;

	if (r->error) {
		tg_login_refused(a, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	if (tl_decode(&tl_api, &arena, &in, &o, NULL) == 0) {
		asked = (struct tl_auth_checkRecoveryPassword *)o;
		m.code = asked->code;
	}
	tg_login_call(a, &m.obj, tg_login_authorization);
	tl_arena_free(&arena);
}

int tg_login_submit_password(struct tg_account *a, const struct tg_login_input *in)
{
	struct tg_password_change p = {.current = in->password};

	if (in->email_code.len && in->password.len && a->login->info.number[TG_LOGIN_RECOVERING]) {
		p = (struct tg_password_change){
			.code = in->email_code, .fresh = in->password, .hint = in->hint};
	} else if (in->email_code.len && a->login->info.number[TG_LOGIN_RECOVERING]) {
		struct tl_auth_checkRecoveryPassword m = {{TL_auth_checkRecoveryPassword},
							  in->email_code};

		tg_login_call(a, &m.obj, code_checked);
		return 0;
	}
	if (!in->password.data)
		return -TG_E_INVALID_PARAMS;
	a->login->check = tg_check_new(a, &p, true, TG_NEVER, checked);
	return a->login->check ? 0 : -TG_E_NOMEM;
}
