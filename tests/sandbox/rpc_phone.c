/* auth.sendCode and what follows it: codes by every way, the login e-mail, sign-up.
 * core.telegram.org/api/auth. A hash is good for the key it was given to, until the next one. */
#include "tests/sandbox/world.h"

#define CODE_TRIES 5
#define FIXED_CODE "12345"
#define FIXED_EMAIL "owner@example.org"
#define RESET_EMAIL 86400 /* s until a lost login e-mail could be reset */

static struct sb_login *login(struct sb_world *w, struct sb_call *c)
{
	if (!c->auth->world)
		c->auth->world = sb_alloc(&w->store, sizeof(struct sb_login));
	return c->auth->world;
}

/* ---- ways ------------------------------------------------------------------------------------ */
bool sb_way_parse(const char *name, enum sb_way *ret)
{
	static const char *const names[SB_WAY_COUNT] = {
		"app",         "sms",   "sms_word",    "sms_phrase",   "call",        "flash_call",
		"missed_call", "email", "setup_email", "fragment_sms", "firebase_sms"};

	for (int i = 0; i < SB_WAY_COUNT; i++)
		if (!strcmp(names[i], name)) {
			*ret = (enum sb_way)i;
			return true;
		}
	return false;
}

const struct sb_delivery *sb_delivery(struct sb_world *w, const char *phone)
{
	static const struct sb_delivery usual = {.timeout = SB_CODE_TIMEOUT, .life = SB_CODE_LIFE};
	const struct sb_delivery *d = sb_map_get(&w->deliveries, sb_key(phone, strlen(phone)));

	return d ? d : &usual;
}

/* Without a choice: to the app where there is one, else by SMS, then by call. */
static bool way_at(struct sb_world *w, const char *phone, unsigned n, enum sb_way *ret)
{
	const struct sb_delivery *d = sb_delivery(w, phone);
	const struct sb_user *u = sb_phone_find(w, phone);
	unsigned first = u && u->auth_count ? 0 : 1;
	static const enum sb_way usual[] = {SB_WAY_APP, SB_WAY_SMS, SB_WAY_CALL};

	if (d->count ? n >= d->count : n + first >= 3)
		return false;
	*ret = d->count ? d->ways[n] : usual[n + first];
	return true;
}

static struct tl_obj *code_type(struct tl_arena *a, enum sb_way way)
{
	switch (way) {
	case SB_WAY_CALL:
		return &SB_NEW(a, auth_codeTypeCall)->obj;
	case SB_WAY_FLASH_CALL:
		return &SB_NEW(a, auth_codeTypeFlashCall)->obj;
	case SB_WAY_MISSED_CALL:
		return &SB_NEW(a, auth_codeTypeMissedCall)->obj;
	case SB_WAY_FRAGMENT_SMS:
		return &SB_NEW(a, auth_codeTypeFragmentSms)->obj;
	case SB_WAY_APP:
	case SB_WAY_SMS:
	case SB_WAY_SMS_WORD:
	case SB_WAY_SMS_PHRASE:
	case SB_WAY_EMAIL:
	case SB_WAY_SETUP_EMAIL:
	case SB_WAY_FIREBASE_SMS:
	case SB_WAY_COUNT:
		break;
	}
	return &SB_NEW(a, auth_codeTypeSms)->obj;
}

/* One struct fits the types that have nothing but a length. */
static struct tl_obj *length_type(struct tl_arena *a, unsigned ctor, size_t length)
{
	struct tl_auth_sentCodeTypeSms *o = SB_NEW(a, auth_sentCodeTypeSms);

	o->obj.ctor = ctor;
	o->length = (int)length;
	return &o->obj;
}

static struct tl_obj *email_type(struct tl_arena *a, const char *email)
{
	struct tl_auth_sentCodeTypeEmailCode *o = SB_NEW(a, auth_sentCodeTypeEmailCode);

	o->email_pattern = tl_str(sb_email_pattern(a, email));
	o->length = SB_EMAIL_CODE;
	SB_SET(o, reset_available_period, RESET_EMAIL);
	return &o->obj;
}

static struct tl_obj *sent_type(struct tl_arena *a, const struct sb_login *l, const char *email)
{
	switch (l->via) {
	case SB_WAY_APP:
		return length_type(a, TL_auth_sentCodeTypeApp, strlen(l->code));
	case SB_WAY_CALL:
		return length_type(a, TL_auth_sentCodeTypeCall, strlen(l->code));
	case SB_WAY_FLASH_CALL: {
		struct tl_auth_sentCodeTypeFlashCall *o = SB_NEW(a, auth_sentCodeTypeFlashCall);

		o->pattern = tl_str("+4930*");
		return &o->obj;
	}
	case SB_WAY_MISSED_CALL: {
		struct tl_auth_sentCodeTypeMissedCall *o = SB_NEW(a, auth_sentCodeTypeMissedCall);

		o->prefix = tl_str("4930");
		o->length = (int)strlen(l->code);
		return &o->obj;
	}
	case SB_WAY_SMS_WORD: {
		struct tl_auth_sentCodeTypeSmsWord *o = SB_NEW(a, auth_sentCodeTypeSmsWord);

		o->beginning = tl_str("l");
		return &o->obj;
	}
	case SB_WAY_SMS_PHRASE: {
		struct tl_auth_sentCodeTypeSmsPhrase *o = SB_NEW(a, auth_sentCodeTypeSmsPhrase);

		o->beginning = tl_str("two");
		return &o->obj;
	}
	case SB_WAY_EMAIL:
		return email_type(a, email);
	case SB_WAY_SETUP_EMAIL:
		return &SB_NEW(a, auth_sentCodeTypeSetUpEmailRequired)->obj;
	case SB_WAY_FRAGMENT_SMS: {
		struct tl_auth_sentCodeTypeFragmentSms *o = SB_NEW(a, auth_sentCodeTypeFragmentSms);

		o->url = tl_str("https://fragment.com/login");
		o->length = (int)strlen(l->code);
		return &o->obj;
	}
	case SB_WAY_FIREBASE_SMS: {
		struct tl_auth_sentCodeTypeFirebaseSms *o = SB_NEW(a, auth_sentCodeTypeFirebaseSms);

		o->length = (int)strlen(l->code);
		return &o->obj;
	}
	case SB_WAY_SMS:
	case SB_WAY_COUNT:
		break;
	}
	return length_type(a, TL_auth_sentCodeTypeSms, strlen(l->code));
}

/* ---- codes ----------------------------------------------------------------------------------- */
static bool is_test(const char *phone)
{
	return strlen(phone) == 10 && !strncmp(phone, "99966", 5);
}

/* Test numbers 99966XYYYY take X five times (core.telegram.org/api/auth, "Test accounts"). */
static const char *code_for(struct sb_world *w, const char *phone, enum sb_way way)
{
	char x = phone[5];

	if (way == SB_WAY_SMS_WORD)
		return "lighthouse";
	if (way == SB_WAY_SMS_PHRASE)
		return "two brown foxes";
	if (way == SB_WAY_EMAIL)
		return sb_email_send(w, phone);
	return is_test(phone) ? sb_format(&w->store, "%c%c%c%c%c", x, x, x, x, x) : FIXED_CODE;
}

const char *sb_email_pattern(struct tl_arena *a, const char *email)
{
	const char *at = strchr(email, '@');

	return at ? sb_format(a, "%c***%c%s", email[0], at > email ? at[-1] : '*', at) : "***";
}

const char *sb_email_send(struct sb_world *w, const char *phone)
{
	const char *code = sb_format(&w->store, "%06u", (unsigned)(sb_draw(w) % 1000000));

	sb_map_put(&w->store, &w->emails, sb_key(phone, strlen(phone)), (void *)code);
	return code;
}

static int phone_dc(struct sb_world *w, const char *phone)
{
	const struct sb_user *u = sb_phone_find(w, phone);
	int x = is_test(phone) ? phone[5] - '0' : 0;

	if (u)
		return u->dc;
	return x >= 1 && x <= w->s->dc_count ? x : 0;
}

static void tell_code(struct sb_world *w, struct sb_user *u, const char *code)
{
	struct sb_act t;
	struct sb_msg *m;
	struct sb_draft d = {
		.text = tl_str(sb_format(
			&w->store, "Login code: %s. Do not give this code to anyone.", code))};

	sb_act_begin(&t, w, w->service, NULL);
	sb_send(&t, u->id, &d, &m);
	sb_act_end(&t);
}

/* The code goes its next way; the answer says which. */
static struct tl_obj *code_sent(struct sb_world *w, struct sb_call *c)
{
	struct sb_login *l = login(w, c);
	struct sb_user *u = sb_phone_find(w, l->phone);
	const struct sb_delivery *d = sb_delivery(w, l->phone);
	struct tl_auth_sentCode *o = SB_NEW(c->arena, auth_sentCode);
	const char *email = u && u->login_email ? u->login_email : l->email;
	enum sb_way next;

	l->code = code_for(w, l->phone, l->via);
	l->hash = sb_format(&w->store, "%016llx", (unsigned long long)sb_draw(w));
	l->tries = 0;
	l->verified = false;
	l->expires = sb_time(w) + d->life;
	sb_map_put(&w->store, &w->codes, sb_key(l->phone, strlen(l->phone)), (void *)l->code);
	o->type = sent_type(c->arena, l, email ? email : FIXED_EMAIL);
	o->phone_code_hash = tl_str(l->hash);
	l->more = way_at(w, l->phone, l->way, &next);
	if (l->more) {
		o->next_type = code_type(c->arena, next);
		SB_SET(o, timeout, d->timeout);
	}
	if (l->via == SB_WAY_APP && u)
		tell_code(w, u, l->code);
	return &o->obj;
}

static void take_way(struct sb_world *w, struct sb_login *l)
{
	if (way_at(w, l->phone, l->way, &l->via))
		l->way++;
}

/* A token of an earlier log-out spares the owner of a two-step password both steps. */
static bool knows_token(struct sb_world *w, const struct sb_user *u, const struct tl_obj *settings)
{
	const struct tl_codeSettings *s = (const void *)settings;
	const struct tl_str *list = s ? s->logout_tokens.items : NULL;

	for (uint32_t i = 0; u && u->password && list && i < s->logout_tokens.count; i++) {
		int64_t key = sb_key(list[i].data ? list[i].data : "", list[i].len);

		if (sb_map_get(&w->logout_tokens, key) == u) {
			sb_map_put(&w->store, &w->logout_tokens, key, NULL);
			return true;
		}
	}
	return false;
}

static struct tl_obj *payment(struct sb_world *w, struct sb_call *c)
{
	struct tl_auth_sentCodePaymentRequired *o = SB_NEW(c->arena, auth_sentCodePaymentRequired);

	o->store_product = tl_str("sms_fee");
	o->phone_code_hash = tl_str(sb_format(c->arena, "%016llx", (unsigned long long)sb_draw(w)));
	o->support_email_address = tl_str("sms@example.org");
	o->support_email_subject = tl_str("Fee");
	o->premium_days = 7;
	o->currency = tl_str("EUR");
	o->amount = 99;
	return &o->obj;
}

static void send_code(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_sendCode *in = (const void *)c->request;
	const char *phone = sb_phone_clean(w, in->phone_number);
	struct sb_user *u = phone ? sb_phone_find(w, phone) : NULL;
	struct sb_login *l = login(w, c);

	(void)me;
	if (!in->api_id)
		sb_fail(c, "API_ID_INVALID");
	else if (!phone)
		sb_fail(c, "PHONE_NUMBER_INVALID");
	else if (u && u->deleted)
		sb_fail(c, "PHONE_NUMBER_BANNED");
	else if (phone_dc(w, phone) && phone_dc(w, phone) != c->auth->dc)
		sb_fail(c, sb_format(c->arena, "303 PHONE_MIGRATE_%d", phone_dc(w, phone)));
	else if (sb_delivery(w, phone)->payment)
		sb_reply(c, payment(w, c));
	else if (knows_token(w, u, in->settings)) {
		struct tl_auth_sentCodeSuccess *o = SB_NEW(c->arena, auth_sentCodeSuccess);

		o->authorization = sb_auth_done(w, c, u);
		sb_reply(c, &o->obj);
	} else {
		l->phone = phone;
		l->way = 0;
		l->email = NULL;
		take_way(w, l);
		sb_reply(c, code_sent(w, c));
	}
}

/* Whether phone and hash are those of the code last sent to this key. */
static const char *hash_wrong(struct sb_world *w, struct sb_call *c, struct tl_str phone,
			      struct tl_str hash)
{
	const struct sb_login *l = login(w, c);
	const char *digits = sb_phone_clean(w, phone);

	if (!digits)
		return "PHONE_NUMBER_INVALID";
	if (!hash.len)
		return "PHONE_CODE_HASH_EMPTY";
	if (!l->hash || !tl_str_eq(hash, l->hash) || strcmp(digits, l->phone) ||
	    sb_time(w) >= l->expires)
		return "PHONE_CODE_EXPIRED";
	return NULL;
}

static void resend_code(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_resendCode *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);
	struct sb_login *l = login(w, c);

	(void)me;
	if (!err && !l->more)
		err = "SEND_CODE_UNAVAILABLE";
	if (err) {
		sb_fail(c, err);
		return;
	}
	take_way(w, l);
	sb_reply(c, code_sent(w, c));
}

static void cancel_code(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_cancelCode *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);

	(void)me;
	if (err) {
		sb_fail(c, err);
		return;
	}
	login(w, c)->hash = NULL;
	sb_reply_bool(c, true);
}

static const char *code_wrong(struct sb_login *l, struct tl_str code, const char *wrong)
{
	if (!code.data || !code.len)
		return "PHONE_CODE_EMPTY";
	if (tl_str_eq(code, l->code))
		return NULL;
	if (++l->tries >= CODE_TRIES) {
		l->hash = NULL;
		return "PHONE_CODE_EXPIRED";
	}
	return wrong;
}

void sb_first_step_done(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	if (u->password) {
		login(w, c)->pending = u->id;
		sb_fail(c, "401 SESSION_PASSWORD_NEEDED");
		return;
	}
	sb_reply(c, sb_auth_done(w, c, u));
}

static void reply_sign_up(struct sb_world *w, struct sb_call *c, const struct sb_delivery *d)
{
	struct tl_auth_authorizationSignUpRequired *o =
		SB_NEW(c->arena, auth_authorizationSignUpRequired);

	(void)w;
	if (d->terms) {
		struct tl_help_termsOfService *t = SB_NEW(c->arena, help_termsOfService);
		struct tl_dataJSON *id = SB_NEW(c->arena, dataJSON);

		id->data = tl_str("{\"terms\":1}");
		t->id = &id->obj;
		t->text = tl_str(d->terms);
		if (d->min_age)
			SB_SET(t, min_age_confirm, d->min_age);
		o->terms_of_service = &t->obj;
	}
	sb_reply(c, &o->obj);
}

static void sign_in(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_signIn *in = (const void *)c->request;
	const struct tl_emailVerificationCode *mail = (const void *)in->email_verification;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);
	struct sb_login *l = login(w, c);
	struct sb_user *u;

	(void)me;
	if (!err && l->via == SB_WAY_EMAIL)
		err = mail && mail->obj.ctor == TL_emailVerificationCode
			      ? code_wrong(l, mail->code, "CODE_INVALID")
			      : "PHONE_CODE_EMPTY";
	else if (!err)
		err = code_wrong(l, in->phone_code, "PHONE_CODE_INVALID");
	if (err) {
		sb_fail(c, err);
		return;
	}
	u = sb_phone_find(w, l->phone);
	if (!u) {
		l->verified = true;
		reply_sign_up(w, c, sb_delivery(w, l->phone));
		return;
	}
	l->hash = NULL;
	if (l->email)
		u->login_email = l->email;
	sb_first_step_done(w, c, u);
}

static void sign_up(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_signUp *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);
	struct sb_login *l = login(w, c);

	(void)me;
	if (!err && !l->verified)
		err = "PHONE_CODE_EMPTY";
	if (!err && sb_phone_find(w, l->phone))
		err = "PHONE_NUMBER_OCCUPIED";
	if (!err && !in->first_name.len)
		err = "FIRSTNAME_INVALID";
	if (err) {
		sb_fail(c, err);
		return;
	}
	l->hash = NULL;
	sb_reply(c, sb_auth_done(w, c,
				 sb_user_new(w, l->phone, sb_text(&w->store, in->first_name),
					     in->last_name.len ? sb_text(&w->store, in->last_name)
							       : NULL)));
}

/* ---- the login e-mail ------------------------------------------------------------------------ */
/* NULL, or what is wrong with a purpose that must be the set-up for this login. */
static const char *purpose_wrong(struct sb_world *w, struct sb_call *c, const struct tl_obj *o)
{
	const struct tl_emailVerifyPurposeLoginSetup *p = (const void *)o;
	const char *err;

	if (o->ctor != TL_emailVerifyPurposeLoginSetup)
		return "PURPOSE_INVALID";
	err = hash_wrong(w, c, p->phone_number, p->phone_code_hash);
	return !err && login(w, c)->via != SB_WAY_SETUP_EMAIL ? "EMAIL_NOT_SETUP" : err;
}

static void send_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_sendVerifyEmailCode *in = (const void *)c->request;
	struct tl_account_sentEmailCode *o = SB_NEW(c->arena, account_sentEmailCode);
	const char *err = purpose_wrong(w, c, in->purpose), *email;
	struct sb_login *l = login(w, c);

	(void)me;
	email = sb_text(&w->store, in->email);
	if (!err && (!email || !strchr(email, '@')))
		err = "EMAIL_INVALID";
	if (err) {
		sb_fail(c, err);
		return;
	}
	l->email = email;
	l->email_code = sb_email_send(w, l->phone);
	o->email_pattern = tl_str(sb_email_pattern(c->arena, email));
	o->length = SB_EMAIL_CODE;
	sb_reply(c, &o->obj);
}

static void verify_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_verifyEmail *in = (const void *)c->request;
	const struct tl_emailVerificationCode *v = (const void *)in->verification;
	struct tl_account_emailVerifiedLogin *o = SB_NEW(c->arena, account_emailVerifiedLogin);
	const char *err = purpose_wrong(w, c, in->purpose);
	struct sb_login *l = login(w, c);

	(void)me;
	if (!err && !l->email_code)
		err = "EMAIL_VERIFY_EXPIRED";
	if (!err && (v->obj.ctor != TL_emailVerificationCode || !tl_str_eq(v->code, l->email_code)))
		err = "CODE_INVALID";
	if (err) {
		sb_fail(c, err);
		return;
	}
	l->email_code = NULL;
	take_way(w, l);
	o->email = tl_str(l->email);
	o->sent_code = code_sent(w, c);
	sb_reply(c, &o->obj);
}

static void reset_email(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_resetLoginEmail *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);
	struct sb_login *l = login(w, c);
	struct sb_user *u;

	(void)me;
	if (!err && l->via != SB_WAY_EMAIL)
		err = "EMAIL_NOT_SETUP";
	if (err) {
		sb_fail(c, err);
		return;
	}
	u = sb_phone_find(w, l->phone);
	if (u)
		u->login_email = NULL;
	if (!l->more)
		l->via = SB_WAY_SMS;
	take_way(w, l);
	sb_reply(c, code_sent(w, c));
}

const struct sb_method sb_methods_phone[] = {
	{TL_auth_sendCode, SB_ANYONE, send_code, NULL},
	{TL_auth_resendCode, SB_ANYONE, resend_code, NULL},
	{TL_auth_cancelCode, SB_ANYONE, cancel_code, NULL},
	{TL_auth_signIn, SB_ANYONE, sign_in, NULL},
	{TL_auth_signUp, SB_ANYONE, sign_up, NULL},
	{TL_account_sendVerifyEmailCode, SB_ANYONE, send_email, NULL},
	{TL_account_verifyEmail, SB_ANYONE, verify_email, NULL},
	{TL_auth_resetLoginEmail, SB_ANYONE, reset_email, NULL},
	SB_METHOD_END,
};
