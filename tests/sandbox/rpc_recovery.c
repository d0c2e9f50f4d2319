/* The recovery e-mail of the two-step password, and the reset that takes a week.
 * core.telegram.org/api/srp, "Email verification" and "Password reset". */
#include "tests/sandbox/world.h"

#define RESET_SECONDS (7 * 86400)

static struct sb_user *asked(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	return me ? me : sb_login(c->auth) ? sb_user(w, sb_login(c->auth)->pending) : NULL;
}

void sb_password_asked(struct sb_world *w, struct sb_user *u, struct tl_account_password *o)
{
	const struct sb_password *pw = u->password;

	(void)w;
	o->has_recovery = pw->email != NULL;
	o->hint = sb_str(pw->hint);
	if (pw->fresh_email)
		o->email_unconfirmed_pattern = tl_str(pw->fresh_email);
	if (pw->reset_at)
		SB_SET(o, pending_reset_date, (int)pw->reset_at);
}

const char *sb_password_mail(struct sb_world *w, struct sb_user *u, struct tl_str email)
{
	const char *address = sb_text(&w->store, email);

	if (!address || !*address) {
		u->password->email = NULL;
		return NULL;
	}
	if (!strchr(address, '@'))
		return "EMAIL_INVALID";
	u->password->fresh_email = address;
	u->password->email_code = sb_email_send(w, u->phone);
	return sb_format(&w->store, "EMAIL_UNCONFIRMED_%d", SB_EMAIL_CODE);
}

/* ---- confirming ------------------------------------------------------------------------------ */
static const char *mail_missing(const struct sb_user *me)
{
	return me->password && me->password->fresh_email ? NULL : "EMAIL_HASH_EXPIRED";
}

static void confirm_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_confirmPasswordEmail *in = (const void *)c->request;
	const char *err = mail_missing(me);

	(void)w;
	if (!err && !tl_str_eq(in->code, me->password->email_code))
		err = "CODE_INVALID";
	if (err) {
		sb_fail(c, err);
		return;
	}
	me->password->email = me->password->fresh_email;
	me->password->fresh_email = NULL;
	sb_reply_bool(c, true);
}

static void resend_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const char *err = mail_missing(me);

	if (err) {
		sb_fail(c, err);
		return;
	}
	me->password->email_code = sb_email_send(w, me->phone);
	sb_reply_bool(c, true);
}

static void cancel_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const char *err = mail_missing(me);

	(void)w;
	if (err) {
		sb_fail(c, err);
		return;
	}
	me->password->fresh_email = NULL;
	sb_reply_bool(c, true);
}

/* ---- recovery -------------------------------------------------------------------------------- */
static void request_recovery(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_user *u = asked(w, c, me);
	struct tl_auth_passwordRecovery *o = SB_NEW(c->arena, auth_passwordRecovery);

	if (!u) {
		sb_fail(c, "401 AUTH_KEY_UNREGISTERED");
	} else if (!u->password) {
		sb_fail(c, "PASSWORD_EMPTY");
	} else if (!u->password->email) {
		sb_fail(c, "PASSWORD_RECOVERY_NA");
	} else {
		sb_login(c->auth)->recovery = sb_email_send(w, u->phone);
		o->email_pattern = tl_str(sb_email_pattern(c->arena, u->password->email));
		sb_reply(c, &o->obj);
	}
}

static const char *recovery_wrong(struct sb_call *c, const struct sb_user *u, struct tl_str code)
{
	if (!u)
		return "401 AUTH_KEY_UNREGISTERED";
	if (!u->password || !sb_login(c->auth)->recovery)
		return "PASSWORD_RECOVERY_EXPIRED";
	return tl_str_eq(code, sb_login(c->auth)->recovery) ? NULL : "CODE_INVALID";
}

static void check_recovery(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_checkRecoveryPassword *in = (const void *)c->request;
	const char *err = recovery_wrong(c, asked(w, c, me), in->code);

	if (err)
		sb_fail(c, err);
	else
		sb_reply_bool(c, true);
}

static void recover(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_recoverPassword *in = (const void *)c->request;
	struct sb_user *u = asked(w, c, me);
	const char *err = recovery_wrong(c, u, in->code);

	if (!err)
		err = sb_password_recovered(w, u, in->new_settings);
	if (err) {
		sb_fail(c, err);
		return;
	}
	sb_login(c->auth)->recovery = NULL;
	sb_reply(c, sb_auth_done(w, c, u));
}

/* ---- reset ----------------------------------------------------------------------------------- */
static void reset(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_account_resetPasswordRequestedWait *o =
		SB_NEW(c->arena, account_resetPasswordRequestedWait);

	if (!me->password) {
		sb_fail(c, "PASSWORD_EMPTY");
		return;
	}
	if (me->password->reset_at && sb_time(w) >= me->password->reset_at) {
		me->password = NULL;
		sb_reply(c, &SB_NEW(c->arena, account_resetPasswordOk)->obj);
		return;
	}
	if (!me->password->reset_at)
		me->password->reset_at = sb_time(w) + RESET_SECONDS;
	o->until_date = (int)me->password->reset_at;
	sb_reply(c, &o->obj);
}

static void decline_reset(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	(void)w;
	if (!me->password || !me->password->reset_at) {
		sb_fail(c, "RESET_REQUEST_MISSING");
		return;
	}
	me->password->reset_at = 0;
	sb_reply_bool(c, true);
}

const struct sb_method sb_methods_recovery[] = {
	{TL_account_confirmPasswordEmail, SB_PEOPLE, confirm_email, NULL},
	{TL_account_resendPasswordEmail, SB_PEOPLE, resend_email, NULL},
	{TL_account_cancelPasswordEmail, SB_PEOPLE, cancel_email, NULL},
	{TL_auth_requestPasswordRecovery, SB_ANYONE, request_recovery, NULL},
	{TL_auth_checkRecoveryPassword, SB_ANYONE, check_recovery, NULL},
	{TL_auth_recoverPassword, SB_ANYONE, recover, NULL},
	{TL_account_resetPassword, SB_PEOPLE, reset, NULL},
	{TL_account_declinePasswordReset, SB_PEOPLE, decline_reset, NULL},
	SB_METHOD_END,
};
