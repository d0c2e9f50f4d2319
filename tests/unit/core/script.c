/* The script's server and client: see script.h. */
#include "tests/unit/core/script.h"

struct script script;

void fresh_script(void)
{
	static const struct tl_auth_sentCodeTypeSms sms = {{TL_auth_sentCodeTypeSms}, 5};
	static const struct tl_auth_codeTypeCall call = {{TL_auth_codeTypeCall}};

	script = (struct script){
		.type = &sms.obj, .next = &call.obj, .timeout = 60, .token_life = 30};
}

/* ---- the server ---- */
static struct tl_obj *authorization(struct rig *r, int dc)
{
	struct tl_auth_authorization *o = rig_alloc(r, sizeof *o);

	*o = (struct tl_auth_authorization){.obj = {TL_auth_authorization},
					    .user = rig_user(r, RIG_SELF, "me", false)};
	if (script.flags) {
		o->setup_password_required = true;
		o->has_otherwise_relogin_days = o->has_tmp_sessions = true;
		o->otherwise_relogin_days = 9;
		o->tmp_sessions = 2;
	}
	r->authorized |= 1u << dc;
	return &o->obj;
}

const struct tl_obj *script_sent_code(struct rig *r, int dc)
{
	struct tl_auth_sentCode *o = rig_alloc(r, sizeof *o);
	struct tl_auth_sentCodeSuccess *s = rig_alloc(r, sizeof *s);
	static const struct tl_auth_sentCodePaymentRequired pay = {
		{TL_auth_sentCodePaymentRequired},
		{"p", 1},
		{"h", 1},
		{"e", 1},
		{"s", 1},
		7,
		{"EUR", 3},
		99};

	if (script.payment)
		return &pay.obj;
	if (script.success) {
		*s = (struct tl_auth_sentCodeSuccess){{TL_auth_sentCodeSuccess},
						      authorization(r, dc)};
		return &s->obj;
	}
	snprintf(script.hash, sizeof script.hash, "hash%d", ++script.hashes);
	*o = (struct tl_auth_sentCode){.obj = {TL_auth_sentCode},
				       .type = (struct tl_obj *)script.type,
				       .phone_code_hash = tl_str(script.hash),
				       .next_type = (struct tl_obj *)script.next,
				       .timeout = script.timeout,
				       .has_timeout = script.next};
	return &o->obj;
}

static void serve_sign_in(struct rig *r, const struct rig_request *q)
{
	const struct tl_auth_signIn *m = (const void *)q->obj;
	const struct tl_emailVerificationCode *mail = (const void *)m->email_verification;
	struct tl_auth_authorizationSignUpRequired up = {
		.obj = {TL_auth_authorizationSignUpRequired}};
	struct tl_dataJSON id = {{TL_dataJSON}, tl_str("{}")};
	struct tl_help_termsOfService terms = {.obj = {TL_help_termsOfService},
					       .id = &id.obj,
					       .text = tl_str("Be kind."),
					       .min_age_confirm = 16,
					       .has_min_age_confirm = true};

	CHECK(tl_str_eq(m->phone_number, "9996621234"));
	if (!tl_str_eq(m->phone_code_hash, script.hash))
		rig_refuse(r, q, 400, "PHONE_CODE_EXPIRED");
	else if (!tl_str_eq(mail ? mail->code : m->phone_code, CODE))
		rig_refuse(r, q, 400, "PHONE_CODE_INVALID");
	else if (script.password)
		rig_refuse(r, q, 401, "SESSION_PASSWORD_NEEDED");
	else if (script.signup) {
		up.terms_of_service = &terms.obj;
		rig_answer(r, q, &up.obj);
	} else
		rig_answer(r, q, authorization(r, q->dc));
}

static void serve_get_password(struct rig *r, const struct rig_request *q)
{
	static uint8_t p[256], b[256];
	static const struct tl_passwordKdfAlgoUnknown unknown = {{TL_passwordKdfAlgoUnknown}};
	static const struct tl_securePasswordKdfAlgoUnknown secure = {
		{TL_securePasswordKdfAlgoUnknown}};
	struct tl_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow algo = {
		.obj = {TL_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow},
		.salt1 = tl_str("saltsalt"),
		.salt2 = tl_str("pepperpepperpepp"),
		.g = 3,
		.p = {(const char *)p, sizeof p}};
	struct tl_account_password o = {.obj = {TL_account_password},
					.has_password = !script.no_password,
					.has_recovery = true,
					.hint = tl_str("a hint"),
					.new_algo = &algo.obj,
					.new_secure_algo = (struct tl_obj *)&secure.obj,
					.secure_random = tl_str("random"),
					.has_srp_id = true,
					.srp_id = ++script.srp_id};

	good_prime(p);
	memset(b, 0x5a, sizeof b);
	o.srp_B = (struct tl_str){(const char *)b, script.small_b ? 100 : sizeof b};
	o.current_algo = script.no_algo ? (struct tl_obj *)&unknown.obj : &algo.obj;
	if (script.no_password) {
		o.current_algo = NULL;
		o.srp_B = (struct tl_str){NULL, 0};
		o.has_srp_id = false;
	}
	rig_answer(r, q, &o.obj);
}

/* The sums are checked by vectors and by the sandbox; here it is which srp_id came. */
static void serve_check(struct rig *r, const struct rig_request *q)
{
	const struct tl_auth_checkPassword *m = (const void *)q->obj;
	const struct tl_inputCheckPasswordSRP *p = (const void *)m->password;

	bool empty = p->obj.ctor == TL_inputCheckPasswordEmpty;

	if (empty != script.no_password)
		rig_refuse(r, q, 400, "PASSWORD_HASH_INVALID");
	else if (!empty && (p->A.len != 256 || p->M1.len != 32))
		rig_refuse(r, q, 400, "SRP_A_INVALID");
	else if (!empty && p->srp_id != script.srp_id)
		rig_refuse(r, q, 400, "SRP_ID_INVALID");
	else
		rig_answer(r, q, authorization(r, q->dc));
}

static void serve_token(struct rig *r, const struct rig_request *q)
{
	struct tl_auth_loginToken token = {.obj = {TL_auth_loginToken},
					   .expires = (int32_t)(r->now.real / 1000000000) +
						      script.token_life,
					   .token = {"\xff\xfe\xfd", 3}};
	struct tl_auth_loginTokenMigrateTo move = {
		{TL_auth_loginTokenMigrateTo}, (int)script.accepted, tl_str("there")};
	struct tl_auth_loginTokenSuccess done = {{TL_auth_loginTokenSuccess}, NULL};

	if (q->method == TL_auth_exportLoginToken && !script.accepted) {
		rig_answer(r, q, &token.obj);
	} else if (q->method == TL_auth_exportLoginToken && script.accepted > 1) {
		rig_answer(r, q, &move.obj);
	} else if (script.password) {
		rig_refuse(r, q, 401, "SESSION_PASSWORD_NEEDED");
	} else {
		done.authorization = authorization(r, q->dc);
		rig_answer(r, q, &done.obj);
	}
}

static void note_tokens(const struct tl_auth_sendCode *m)
{
	const struct tl_codeSettings *s = (const void *)m->settings;
	const struct tl_str *list = s->logout_tokens.items;

	script.tokens = s->logout_tokens.count;
	if (script.tokens)
		snprintf(script.first_token, sizeof script.first_token, "%.*s", (int)list[0].len,
			 list[0].data);
}

bool script_serve(struct rig *r, const struct rig_request *q)
{
	struct tl_boolTrue yes = {{TL_boolTrue}};
	struct tl_auth_passwordRecovery recovery = {{TL_auth_passwordRecovery}, tl_str("a***b")};
	struct tl_account_sentEmailCode mail = {{TL_account_sentEmailCode}, tl_str("m***l"), 6};
	struct tl_account_emailVerifiedLogin verified = {
		{TL_account_emailVerifiedLogin}, tl_str("m@l"), NULL};

	if (script.refuse && q->method == script.method) {
		const char *text = script.refuse;

		script.refuse = NULL;
		rig_refuse(r, q, script.code ? script.code : 400, text);
		return true;
	}
	switch (q->method) {
	case TL_auth_sendCode:
		CHECK(tl_str_eq(((const struct tl_auth_sendCode *)q->obj)->phone_number,
				"9996621234"));
		note_tokens((const void *)q->obj);
		rig_answer(r, q, script_sent_code(r, q->dc));
		return true;
	case TL_auth_resendCode:
		if (tl_str_eq(((const struct tl_auth_resendCode *)q->obj)->phone_code_hash,
			      script.hash))
			rig_answer(r, q, script_sent_code(r, q->dc));
		else
			rig_refuse(r, q, 400, "PHONE_CODE_EXPIRED");
		return true;
	case TL_auth_resetLoginEmail:
		rig_answer(r, q, script_sent_code(r, q->dc));
		return true;
	case TL_auth_signIn:
		serve_sign_in(r, q);
		return true;
	case TL_auth_signUp:
		if (tl_str_eq(((const struct tl_auth_signUp *)q->obj)->first_name, "New"))
			rig_answer(r, q, authorization(r, q->dc));
		else
			rig_refuse(r, q, 400, "FIRSTNAME_INVALID");
		return true;
	case TL_account_sendVerifyEmailCode:
		rig_answer(r, q, &mail.obj);
		return true;
	case TL_account_verifyEmail:
		script.type =
			&(const struct tl_auth_sentCodeTypeSms){{TL_auth_sentCodeTypeSms}, 5}.obj;
		verified.sent_code = (struct tl_obj *)script_sent_code(r, q->dc);
		rig_answer(r, q, &verified.obj);
		return true;
	case TL_account_getPassword:
		serve_get_password(r, q);
		return true;
	case TL_auth_checkPassword:
		serve_check(r, q);
		return true;
	case TL_auth_requestPasswordRecovery:
		rig_answer(r, q, &recovery.obj);
		return true;
	case TL_auth_recoverPassword:
		if (tl_str_eq(((const struct tl_auth_recoverPassword *)q->obj)->code, CODE))
			rig_answer(r, q, authorization(r, q->dc));
		else
			rig_refuse(r, q, 400, "CODE_INVALID");
		return true;
	case TL_auth_exportLoginToken:
	case TL_auth_importLoginToken:
		serve_token(r, q);
		return true;
	case TL_auth_cancelCode:
	case TL_auth_checkRecoveryPassword:
	case TL_account_updatePasswordSettings:
		rig_answer(r, q, &yes.obj);
		return true;
	}
	return false;
}

/* ---- the client ---- */
struct rig *machine(void)
{
	struct rig *r = rig_new();

	fresh_script();
	r->serve = script_serve;
	return r;
}

const char *text(struct rig *r, enum tg_login_text which)
{
	const struct tg_login_info *i = tg_login_info(r->a);

	return i && i->text[which] ? i->text[which] : "";
}

int64_t number(struct rig *r, enum tg_login_number which)
{
	return tg_login_info(r->a) ? tg_login_info(r->a)->number[which] : -1;
}

void phone(struct rig *r)
{
	CHECK_INT(tg_login_phone(r->a, tl_str("+999 66 2-1234"), r->now), 0);
	rig_pass(r, 1);
}

struct rig *waiting(void)
{
	struct rig *r = machine();

	phone(r);
	CHECK_INT(tg_account_state(r->a), TG_WAIT_CODE);
	return r;
}

int submit(struct rig *r, struct tg_login_input in)
{
	int err = tg_login_submit(r->a, &in, r->now);

	rig_pass(r, 1);
	return err;
}

void code(struct rig *r, const char *s)
{
	CHECK_INT(submit(r, (struct tg_login_input){.code = tl_str(s)}), 0);
	CHECK_INT(r->step, tg_login_step(r->a)); /* the end of the step was told */
}

void password(struct rig *r, const char *s)
{
	CHECK_INT(submit(r, (struct tg_login_input){.password = tl_str(s)}), 0);
}

void is_state(struct rig *r, enum tg_state s)
{
	CHECK_STR(tg_state_name(tg_account_state(r->a)), tg_state_name(s));
}

bool on_disk(struct rig *r, const char *secret)
{
	struct tg_store *s = r->store;
	struct tl_buf key = {0}, value = {0};
	bool found = false;

	for (int t = 0; t < TG_TABLE_COUNT; t++) {
		tl_buf_clear(&key);
		for (int e = s->ops->seek(s, (enum tg_table)t, "", 0, "", 0, &key, &value); e == 0;
		     e = s->ops->seek(s, (enum tg_table)t, "", 0, key.data, key.len, &key,
				      &value)) {
			found |= memmem(value.data, value.len, secret, strlen(secret)) != NULL;
			tl_put_u8(&key, 0);
		}
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return found;
}

bool script_silent(struct rig *r, const struct rig_request *q)
{
	(void)r;
	return q->method != TL_help_getConfig;
}
