/* The way in by phone: what auth.sentCode says about the code's way, the code, the sign-up, and the
 * e-mail that Telegram may ask for first (core.telegram.org/api/auth; E.30-E.34). Part of the login
 * machine. */
#include "core/machine.h"

/* ---- how the code travels (E.31) ---- */
static enum tg_via via_of(const struct tl_obj *type)
{
	switch (type ? type->ctor : 0) {
	case TL_auth_sentCodeTypeApp:
		return TG_VIA_APP;
	case TL_auth_sentCodeTypeSms:
	case TL_auth_codeTypeSms:
		return TG_VIA_SMS;
	case TL_auth_sentCodeTypeSmsWord:
		return TG_VIA_SMS_WORD;
	case TL_auth_sentCodeTypeSmsPhrase:
		return TG_VIA_SMS_PHRASE;
	case TL_auth_sentCodeTypeCall:
	case TL_auth_codeTypeCall:
		return TG_VIA_CALL;
	case TL_auth_sentCodeTypeFlashCall:
	case TL_auth_codeTypeFlashCall:
		return TG_VIA_FLASH_CALL;
	case TL_auth_sentCodeTypeMissedCall:
	case TL_auth_codeTypeMissedCall:
		return TG_VIA_MISSED_CALL;
	case TL_auth_sentCodeTypeEmailCode:
		return TG_VIA_EMAIL;
	case TL_auth_sentCodeTypeFragmentSms:
	case TL_auth_codeTypeFragmentSms:
		return TG_VIA_FRAGMENT_SMS;
	case TL_auth_sentCodeTypeFirebaseSms:
		return TG_VIA_FIREBASE_SMS;
	}
	return TG_VIA_NONE;
}

/* What helps to recognise the code: a pattern, a prefix, the first word, an address. */
static struct tl_str clue_of(const struct tl_obj *type)
{
	switch (type->ctor) {
	case TL_auth_sentCodeTypeFlashCall:
		return ((const struct tl_auth_sentCodeTypeFlashCall *)type)->pattern;
	case TL_auth_sentCodeTypeMissedCall:
		return ((const struct tl_auth_sentCodeTypeMissedCall *)type)->prefix;
	case TL_auth_sentCodeTypeSmsWord:
		return ((const struct tl_auth_sentCodeTypeSmsWord *)type)->beginning;
	case TL_auth_sentCodeTypeSmsPhrase:
		return ((const struct tl_auth_sentCodeTypeSmsPhrase *)type)->beginning;
	case TL_auth_sentCodeTypeFragmentSms:
		return ((const struct tl_auth_sentCodeTypeFragmentSms *)type)->url;
	}
	return (struct tl_str){NULL, 0};
}

static int64_t number_of(const struct tl_obj *type, const char *field)
{
	int64_t v;

	return tl_field_int(&tl_api, type, field, &v) ? v : 0;
}

static void take_code(struct tg_account *a, const struct tl_auth_sentCode *s)
{
	struct tg_login *l = a->login;
	const struct tl_auth_sentCodeTypeEmailCode *mail =
		s->type->ctor == TL_auth_sentCodeTypeEmailCode ? (const void *)s->type : NULL;
	int64_t *number = l->info.number;

	tg_text_set(&l->info.text[TG_LOGIN_HASH], s->phone_code_hash);
	tg_text_set(&l->info.text[TG_LOGIN_CLUE], clue_of(s->type));
	tg_text_set(&l->info.text[TG_LOGIN_EMAIL],
		    mail ? mail->email_pattern : (struct tl_str){NULL, 0});
	number[TG_LOGIN_VIA] = via_of(s->type);
	number[TG_LOGIN_LENGTH] = number_of(s->type, "length");
	number[TG_LOGIN_RESET_PERIOD] = number_of(s->type, "reset_available_period");
	number[TG_LOGIN_RESET_DATE] = number_of(s->type, "reset_pending_date");
	number[TG_LOGIN_NEXT] = via_of(s->next_type);
	number[TG_LOGIN_TIMEOUT] = s->has_timeout ? s->timeout : 0;
	number[TG_LOGIN_SENT_AT] = tg_unix(a);
	/* only Telegram's own apps can read that one (E.31) */
	if (s->type->ctor == TL_auth_sentCodeTypeFirebaseSms && s->next_type &&
	    l->restarts++ < TG_LOGIN_RESTARTS)
		tg_login_next_way(a);
	else if (s->type->ctor == TL_auth_sentCodeTypeSetUpEmailRequired)
		tg_login_settle(a, TG_WAIT_EMAIL);
	else
		tg_login_settle(a, TG_WAIT_CODE);
}

static void take_payment(struct tg_account *a, const struct tl_auth_sentCodePaymentRequired *p)
{
	struct tg_login_info *info = &a->login->info;

	tg_text_set(&info->text[TG_LOGIN_HASH], p->phone_code_hash);
	tg_text_set(&info->text[TG_LOGIN_PRODUCT], p->store_product);
	tg_text_set(&info->text[TG_LOGIN_SUPPORT_EMAIL], p->support_email_address);
	tg_text_set(&info->text[TG_LOGIN_SUPPORT_SUBJECT], p->support_email_subject);
	tg_text_set(&info->text[TG_LOGIN_CURRENCY], p->currency);
	info->number[TG_LOGIN_AMOUNT] = p->amount;
	info->number[TG_LOGIN_PREMIUM_DAYS] = p->premium_days;
	tg_login_settle(a, TG_WAIT_PAYMENT);
}

void tg_login_sent(struct tg_account *a, const struct tl_obj *o)
{
	const struct tl_auth_sentCodeSuccess *done = (const void *)o;

	if (o->ctor == TL_auth_sentCode && ((const struct tl_auth_sentCode *)o)->type->ctor)
		take_code(a, (const struct tl_auth_sentCode *)o);
	else if (o->ctor == TL_auth_sentCodePaymentRequired)
		take_payment(a, (const struct tl_auth_sentCodePaymentRequired *)o);
	else if (o->ctor == TL_auth_sentCodeSuccess &&
		 done->authorization->ctor == TL_auth_authorization)
		tg_login_authorized(a, done->authorization); /* a kept token (E.35) */
	else
		tg_login_unreadable(a);
}

/* ---- asking for it ---- */
static void code_sent(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o = tg_login_answer(a, c, r, &arena);

	if (!o)
		return;
	tg_login_sent(a, o);
	tl_arena_free(&arena);
}

void tg_login_send_code(struct tg_account *a)
{
	struct tl_str tokens[TG_LOGOUT_TOKENS];
	unsigned n = tg_logout_tokens(a, tokens);
	struct tl_codeSettings settings = {.obj = {TL_codeSettings},
					   .logout_tokens = {n ? tokens : NULL, n}};
	struct tl_auth_sendCode m = {
		.obj = {TL_auth_sendCode},
		.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER),
		.api_id = a->s.api_id,
		.api_hash = tl_str(a->s.api_hash ? a->s.api_hash : ""),
		.settings = &settings.obj,
	};

	tg_login_call(a, &m.obj, code_sent);
}

void tg_login_next_way(struct tg_account *a)
{
	struct tl_auth_resendCode m = {
		.obj = {TL_auth_resendCode},
		.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER),
		.phone_code_hash = tg_text(a->login, TG_LOGIN_HASH),
	};

	tg_login_call(a, &m.obj, code_sent);
}

void tg_login_lost_email(struct tg_account *a)
{
	struct tl_auth_resetLoginEmail m = {
		.obj = {TL_auth_resetLoginEmail},
		.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER),
		.phone_code_hash = tg_text(a->login, TG_LOGIN_HASH),
	};

	tg_login_call(a, &m.obj, code_sent);
}

/* ---- the code, and a new account ---- */
static int sign_in(struct tg_account *a, struct tl_str code)
{
	struct tl_emailVerificationCode mail = {{TL_emailVerificationCode}, code};
	bool by_mail = a->login->info.number[TG_LOGIN_VIA] == TG_VIA_EMAIL;
	struct tl_auth_signIn m = {
		.obj = {TL_auth_signIn},
		.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER),
		.phone_code_hash = tg_text(a->login, TG_LOGIN_HASH),
		.phone_code = by_mail ? (struct tl_str){NULL, 0} : code,
		.email_verification = by_mail ? &mail.obj : NULL,
	};

	if (!code.data)
		return -TG_E_INVALID_PARAMS;
	tg_login_call(a, &m.obj, tg_login_authorization);
	return 0;
}

static int sign_up(struct tg_account *a, const struct tg_login_input *in)
{
	struct tl_auth_signUp m = {
		.obj = {TL_auth_signUp},
		.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER),
		.phone_code_hash = tg_text(a->login, TG_LOGIN_HASH),
		.first_name = in->first_name,
		.last_name = in->last_name.data ? in->last_name : tl_str(""),
	};

	if (!in->first_name.len || (a->login->info.text[TG_LOGIN_TERMS] && !in->terms))
		return -TG_E_INVALID_PARAMS;
	tg_login_call(a, &m.obj, tg_login_authorization);
	return 0;
}

/* ---- the login e-mail (E.34) ---- */
static struct tl_emailVerifyPurposeLoginSetup purpose(const struct tg_login *l)
{
	return (struct tl_emailVerifyPurposeLoginSetup){
		.obj = {TL_emailVerifyPurposeLoginSetup},
		.phone_number = tg_text(l, TG_LOGIN_PHONE_NUMBER),
		.phone_code_hash = tg_text(l, TG_LOGIN_HASH),
	};
}

static void email_sent(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_account_sentEmailCode *s =
		(const struct tl_account_sentEmailCode *)tg_login_answer(a, c, r, &arena);

	if (!s)
		return;
	tg_text_set(&a->login->info.text[TG_LOGIN_EMAIL], s->email_pattern);
	a->login->info.number[TG_LOGIN_LENGTH] = s->length;
	tg_login_settle(a, TG_WAIT_EMAIL_CODE);
	tl_arena_free(&arena);
}

static int send_email(struct tg_account *a, struct tl_str email)
{
	struct tl_emailVerifyPurposeLoginSetup p = purpose(a->login);
	struct tl_account_sendVerifyEmailCode m = {{TL_account_sendVerifyEmailCode}, &p.obj, email};

	if (!email.len)
		return -TG_E_INVALID_PARAMS;
	tg_login_call(a, &m.obj, email_sent);
	return 0;
}

static void email_verified(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o = tg_login_answer(a, c, r, &arena);

	if (!o)
		return;
	if (o->ctor == TL_account_emailVerifiedLogin)
		tg_login_sent(a, ((const struct tl_account_emailVerifiedLogin *)o)->sent_code);
	else
		tg_login_unreadable(a);
	tl_arena_free(&arena);
}

static int verify_email(struct tg_account *a, struct tl_str code)
{
	struct tl_emailVerifyPurposeLoginSetup p = purpose(a->login);
	struct tl_emailVerificationCode v = {{TL_emailVerificationCode}, code};
	struct tl_account_verifyEmail m = {{TL_account_verifyEmail}, &p.obj, &v.obj};

	if (!code.len)
		return -TG_E_INVALID_PARAMS;
	tg_login_call(a, &m.obj, email_verified);
	return 0;
}

int tg_login_submit_phone(struct tg_account *a, const struct tg_login_input *in)
{
	bool by_mail = a->login->info.number[TG_LOGIN_VIA] == TG_VIA_EMAIL;

	if (a->state == TG_WAIT_EMAIL)
		return send_email(a, in->email);
	if (a->state == TG_WAIT_EMAIL_CODE)
		return verify_email(a, in->email_code);
	if (a->state == TG_WAIT_SIGNUP)
		return sign_up(a, in);
	return sign_in(a, by_mail && in->email_code.data ? in->email_code : in->code);
}
