/* auth.*: logging in by bot token or phone and code, logging out, moving between data centres.
 * core.telegram.org/api/auth, /api/datacenter, /api/bots. */
#include "tests/sandbox/world.h"

#define CODE_TRIES 5
#define CODE_TIMEOUT 60
#define EXPORT_BYTES 128
#define FIXED_CODE "12345"

static const char *migrate(struct sb_call *c, const char *kind, int dc)
{
	return sb_format(c->arena, "303 %s_MIGRATE_%d", kind, dc);
}

static struct sb_login *login(struct sb_world *w, struct sb_call *c)
{
	if (!c->auth->world)
		c->auth->world = sb_alloc(&w->store, sizeof(struct sb_login));
	return c->auth->world;
}

static struct tl_obj *authorization(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	struct sb_view v = sb_view(w, u, c->arena);
	struct tl_auth_authorization *o = SB_NEW(c->arena, auth_authorization);

	o->user = sb_tl_user(&v, u);
	return &o->obj;
}

struct tl_obj *sb_auth_done(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	sb_login_as(w, c->auth, u, false);
	return authorization(w, c, u);
}

/* ---- bots ------------------------------------------------------------------------------------ */
static void import_bot(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_importBotAuthorization *in = (const void *)c->request;
	struct sb_user *bot = sb_token_find(w, in->bot_auth_token);

	(void)me;
	if (!in->api_id)
		sb_fail(c, "API_ID_INVALID");
	else if (!bot)
		sb_fail(c, "ACCESS_TOKEN_INVALID");
	else if (bot->deleted)
		sb_fail(c, "ACCESS_TOKEN_EXPIRED");
	else if (bot->dc && bot->dc != c->auth->dc)
		sb_fail(c, migrate(c, "USER", bot->dc));
	else
		sb_reply(c, sb_auth_done(w, c, bot));
}

/* ---- phone and code -------------------------------------------------------------------------- */
/* Test numbers 99966XYYYY take X five times (core.telegram.org/api/auth, "Test accounts"). */
static const char *code_for(struct sb_world *w, const char *phone)
{
	char x = phone[5];

	if (strlen(phone) != 10 || strncmp(phone, "99966", 5))
		return FIXED_CODE;
	return sb_format(&w->store, "%c%c%c%c%c", x, x, x, x, x);
}

static int phone_dc(struct sb_world *w, const char *phone)
{
	const struct sb_user *u = sb_phone_find(w, phone);
	int x = strlen(phone) == 10 && !strncmp(phone, "99966", 5) ? phone[5] - '0' : 0;

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

static void code_sent(struct sb_world *w, struct sb_call *c, const char *phone, bool again)
{
	struct sb_login *l = login(w, c);
	struct sb_user *u = sb_phone_find(w, phone);
	struct tl_auth_sentCode *o = SB_NEW(c->arena, auth_sentCode);
	struct tl_auth_sentCodeTypeSms *sms = SB_NEW(c->arena, auth_sentCodeTypeSms);

	l->phone = phone;
	l->code = code_for(w, phone);
	l->hash = sb_format(&w->store, "%016llx", (unsigned long long)sb_draw(w));
	l->tries = 0;
	l->verified = false;
	sb_map_put(&w->store, &w->codes, sb_key(phone, strlen(phone)), (void *)l->code);
	sms->length = (int)strlen(l->code);
	o->type = &sms->obj;
	if (u && u->auth_count && !again) {
		sms->obj.ctor = TL_auth_sentCodeTypeApp; /* the same field */
		o->next_type = &SB_NEW(c->arena, auth_codeTypeSms)->obj;
		tell_code(w, u, l->code);
	} else if (again) {
		sms->obj.ctor = TL_auth_sentCodeTypeCall;
	} else {
		o->next_type = &SB_NEW(c->arena, auth_codeTypeCall)->obj;
		SB_SET(o, timeout, CODE_TIMEOUT);
	}
	o->phone_code_hash = tl_str(l->hash);
	sb_reply(c, &o->obj);
}

static void send_code(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_sendCode *in = (const void *)c->request;
	const char *phone = sb_phone_clean(w, in->phone_number);
	const struct sb_user *u = phone ? sb_phone_find(w, phone) : NULL;

	(void)me;
	if (!in->api_id)
		sb_fail(c, "API_ID_INVALID");
	else if (!phone)
		sb_fail(c, "PHONE_NUMBER_INVALID");
	else if (u && u->deleted)
		sb_fail(c, "PHONE_NUMBER_BANNED");
	else if (phone_dc(w, phone) && phone_dc(w, phone) != c->auth->dc)
		sb_fail(c, migrate(c, "PHONE", phone_dc(w, phone)));
	else
		code_sent(w, c, phone, false);
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
	if (!l->hash || !tl_str_eq(hash, l->hash) || strcmp(digits, l->phone))
		return "PHONE_CODE_EXPIRED";
	return NULL;
}

static void resend_code(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_resendCode *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);

	(void)me;
	if (err)
		sb_fail(c, err);
	else
		code_sent(w, c, login(w, c)->phone, true);
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

static const char *code_wrong(struct sb_world *w, struct sb_call *c, struct tl_str code)
{
	struct sb_login *l = login(w, c);

	if (!code.data || !code.len)
		return "PHONE_CODE_EMPTY";
	if (tl_str_eq(code, l->code))
		return NULL;
	if (++l->tries >= CODE_TRIES) {
		l->hash = NULL;
		return "PHONE_CODE_EXPIRED";
	}
	return "PHONE_CODE_INVALID";
}

static void sign_in(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_signIn *in = (const void *)c->request;
	const char *err = hash_wrong(w, c, in->phone_number, in->phone_code_hash);
	struct sb_login *l = login(w, c);
	struct sb_user *u;

	(void)me;
	if (!err)
		err = code_wrong(w, c, in->phone_code);
	if (err) {
		sb_fail(c, err);
		return;
	}
	u = sb_phone_find(w, l->phone);
	if (!u) {
		l->verified = true;
		sb_reply(c, &SB_NEW(c->arena, auth_authorizationSignUpRequired)->obj);
		return;
	}
	l->hash = NULL;
	if (u->password) {
		l->pending = u->id;
		sb_fail(c, "401 SESSION_PASSWORD_NEEDED");
		return;
	}
	sb_reply(c, sb_auth_done(w, c, u));
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

/* ---- out, and elsewhere ---------------------------------------------------------------------- */
static void log_out(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_auth_loggedOut *o = SB_NEW(c->arena, auth_loggedOut);

	if (!me->bot) {
		const char *token =
			sb_format(c->arena, "%016llx%016llx", (unsigned long long)sb_draw(w),
				  (unsigned long long)sb_draw(w));

		o->future_auth_token = tl_str(token);
	}
	sb_logout(w, c->auth);
	sb_reply(c, &o->obj);
}

static void export_authorization(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_exportAuthorization *in = (const void *)c->request;
	struct tl_auth_exportedAuthorization *o = SB_NEW(c->arena, auth_exportedAuthorization);
	uint64_t *bytes = sb_alloc(c->arena, EXPORT_BYTES);

	if (in->dc_id < 1 || in->dc_id > w->s->dc_count || in->dc_id == c->auth->dc) {
		sb_fail(c, "DC_ID_INVALID");
		return;
	}
	for (unsigned i = 0; i < EXPORT_BYTES / sizeof(*bytes); i++)
		bytes[i] = sb_draw(w);
	o->id = me->id;
	o->bytes = (struct tl_str){(const char *)bytes, EXPORT_BYTES};
	sb_map_put(&w->store, &w->exports, (int64_t)bytes[0], me);
	sb_reply(c, &o->obj);
}

static void import_authorization(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_importAuthorization *in = (const void *)c->request;
	struct sb_user *u = NULL;
	int64_t key = 0;

	(void)me;
	if (in->bytes.len == EXPORT_BYTES) {
		memcpy(&key, in->bytes.data, sizeof(key));
		u = sb_map_get(&w->exports, key);
	}
	if (!u || u->id != in->id) {
		sb_fail(c, "AUTH_BYTES_INVALID");
		return;
	}
	sb_map_put(&w->store, &w->exports, key, NULL); /* good for once */
	sb_login_as(w, c->auth, u, c->auth->dc != u->dc);
	sb_reply(c, authorization(w, c, u));
}

static void reset_authorizations(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	for (unsigned i = 0; i < me->auth_count; i++)
		if (me->auths[i] != c->auth)
			me->auths[i]->revoked = true;
	(void)w;
	sb_reply_bool(c, true);
}

const struct sb_method sb_methods_auth[] = {
	{TL_auth_importBotAuthorization, SB_ANYONE, import_bot, NULL},
	{TL_auth_sendCode, SB_ANYONE, send_code, NULL},
	{TL_auth_resendCode, SB_ANYONE, resend_code, NULL},
	{TL_auth_cancelCode, SB_ANYONE, cancel_code, NULL},
	{TL_auth_signIn, SB_ANYONE, sign_in, NULL},
	{TL_auth_signUp, SB_ANYONE, sign_up, NULL},
	{TL_auth_logOut, 0, log_out, NULL},
	{TL_auth_exportAuthorization, 0, export_authorization, NULL},
	{TL_auth_importAuthorization, SB_ANYONE, import_authorization, NULL},
	{TL_auth_resetAuthorizations, SB_PEOPLE, reset_authorizations, NULL},
	{TL_auth_dropTempAuthKeys, SB_ANYONE, NULL, "true"},
	SB_METHOD_END,
};
