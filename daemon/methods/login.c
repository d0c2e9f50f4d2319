/* Logging in: the login machine of core by its own names (RPC contract §9) and by those of the seed
 * library. A step is answered when the machine has told its end. */
#include "core/login.h"
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/shape.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- what the steps answer ------------------------------------------------------------------- */
static void put_user(struct rpc_call *c, struct tl_buf *b, const char *name)
{
	struct tg_peer_query q = {.form = TG_FORM_SELF};
	struct tg_peer me;

	if (c->account->state != TG_READY || tg_peer_find(c->account->tg, &q, &me) != 0)
		return;
	me.kind = TG_PEER_USER;
	if (name)
		rpc_js_text(b, name, me.name);
	rpc_shape_known(b, "user", &me);
}

static struct rpc_result show(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "account", c->account->name);
	rpc_js_text(b, "state", tg_state_name(c->account->state));
	put_user(c, b, "name");
	rpc_login_write(b, c->account);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* Which code is meant: changes with every code, and tells nothing of it. */
static void code_token(const struct tg_login_info *info, char out[17])
{
	const char *hash = info && info->text[TG_LOGIN_HASH] ? info->text[TG_LOGIN_HASH] : "";
	uint8_t digest[32];

	mt_sha256(digest, hash, strlen(hash), NULL, 0);
	for (unsigned i = 0; i < 8; i++)
		snprintf(out + i * 2, 3, "%02x", digest[i]);
}

/* The same in the words of the seed library: a state only where it is not the expected one. */
static struct rpc_result show_seed(struct rpc_call *c)
{
	enum tg_state state = c->account->state;
	struct tl_buf *b = rpc_begin(c);
	char token[17];

	rpc_js_open(b, NULL, '{');
	if (state == TG_WAIT_CODE) {
		code_token(tg_login_info(c->account->tg), token);
		rpc_js_text(b, "token", token);
	} else if (state != TG_READY && state != TG_WAIT_QR) {
		rpc_js_text(b, "state", tg_state_name(state));
	}
	put_user(c, b, "name");
	rpc_login_write(b, c->account);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

/* How the last step was refused, as the engine told. */
static struct rpc_result refused(struct rpc_call *c)
{
	struct tg_event e = c->account->last_error;
	const char *reason = tg_account_reason(c->account->tg);

	e.data = (const uint8_t *)reason;
	e.n = strlen(reason);
	c->problem.state = tg_state_name(c->account->state);
	return rpc_engine_refuse(c, &e);
}

static void check_step(struct rpc_call *c)
{
	struct rpc_account *a = c->account;
	bool mine = a->step_told == c->number;

	if (a->step_told < c->number)
		return;
	if (mine && (a->last_error.error || a->state == TG_SIGNED_OUT))
		refused(c);
	else
		c->seed ? show_seed(c) : show(c);
}

struct rpc_result rpc_login_wait(struct rpc_call *c)
{
	struct rpc_account *a = c->account;

	c->number = tg_login_step(a->tg);
	rpc_account_look(a);
	rpc_account_touch(a);
	return rpc_wait(c, check_step);
}

/* What a state asks for, for those who gave something else. */
static const char *wanted(enum tg_state state)
{
	switch (state) {
	case TG_WAIT_PHONE:
		return "phone";
	case TG_WAIT_CODE:
		return "code";
	case TG_WAIT_PASSWORD:
		return "password (or email_code, after recover_password)";
	case TG_WAIT_EMAIL:
		return "email";
	case TG_WAIT_EMAIL_CODE:
		return "email_code";
	case TG_WAIT_SIGNUP:
		return "first_name, last_name and terms:true (the terms are accepted)";
	case TG_SIGNED_OUT:
	case TG_CONNECTING:
	case TG_WAIT_QR:
	case TG_WAIT_PAYMENT:
	case TG_READY:
	case TG_REVOKED:
	case TG_FAILED:
		break;
	}
	return "nothing";
}

static struct rpc_result refuse_step(struct rpc_call *c, int err)
{
	enum tg_state state = tg_account_state(c->account->tg);

	c->problem.state = tg_state_name(state);
	if (err == -TG_E_INVALID_PARAMS)
		return rpc_fail(c, err, "%s asks for %s", tg_state_name(state), wanted(state));
	if (err == -TG_E_AGAIN) {
		rpc_hint(c, "subscribe to account_state, or ask login_state");
		return rpc_fail(c, -TG_E_ACCOUNT_NOT_READY, "a step of the login is under way");
	}
	if (err == -TG_E_ACCOUNT_NOT_READY)
		rpc_hint(c, "nothing of this kind is asked for in this state");
	return rpc_fail(c, err, NULL);
}

/* ---- beginning ------------------------------------------------------------------------------- */
/* A token begins with the bot's id: logging in twice as the same bot is no mistake. */
static bool same_bot(const struct rpc_account *a, struct tl_str token)
{
	char id[24];
	int n = snprintf(id, sizeof id, "%lld:", (long long)tg_account_self(a->tg));

	return rpc_account_authorized(a) && token.len > (uint32_t)n &&
	       memcmp(token.data, id, (size_t)n) == 0;
}

static struct rpc_result begun(struct rpc_call *c, int err)
{
	if (!err)
		return rpc_login_wait(c);
	if (err == -TG_E_INVALID_PARAMS) {
		rpc_problem(c, err, "phone", "a phone number is wanted, with its country code");
		return rpc_refuse(c);
	}
	if (tg_account_leaving(c->account->tg)) {
		rpc_hint(c, "log in once it is signed_out: account_state tells, and login_state");
		return rpc_fail(c, -TG_E_ACCOUNT_NOT_READY, "the account is being signed out");
	}
	if (c->account->state != TG_READY)
		return rpc_fail(c, err, NULL);
	rpc_hint(c, "sign_out first, or log in under another account name");
	return rpc_fail(c, err, "the account is logged in already");
}

static struct rpc_result login_bot(struct rpc_call *c, struct tl_str token)
{
	if (!token.data || !memchr(token.data, ':', token.len)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "token",
			    "a bot's token is wanted (@BotFather gives them)");
		return rpc_refuse(c);
	}
	if (rpc_account_login(c) != 0)
		return rpc_refuse(c);
	if (same_bot(c->account, token))
		return c->seed ? show_seed(c) : show(c);
	return begun(c, tg_login_bot(c->account->tg, token, rpc_now()));
}

static struct rpc_result login_phone(struct rpc_call *c, struct tl_str phone)
{
	if (rpc_account_login(c) != 0)
		return rpc_refuse(c);
	return begun(c, tg_login_phone(c->account->tg, phone, rpc_now()));
}

static struct rpc_result login_qr(struct rpc_call *c)
{
	if (rpc_account_login(c) != 0)
		return rpc_refuse(c);
	return begun(c, tg_login_qr(c->account->tg, rpc_now()));
}

enum { BY_BOT, BY_PHONE, BY_QR };
struct login_args {
	int method;
	struct tl_str token, phone;
};
static const struct rpc_param login_params[] = {
	{"method", RPC_K_CHOICE, false, "bot", offsetof(struct login_args, method), "bot|phone|qr",
	 "how to log in"},
	{"token", RPC_K_STRING, false, NULL, offsetof(struct login_args, token), NULL,
	 "of the bot"},
	{"phone", RPC_K_STRING, false, NULL, offsetof(struct login_args, phone), NULL,
	 "of the user; it may also be given to login_submit"},
};

static struct rpc_result login(struct rpc_call *c)
{
	const struct login_args *a = c->args;

	if (a->method == BY_PHONE)
		return login_phone(c, a->phone);
	return a->method == BY_QR ? login_qr(c) : login_bot(c, a->token);
}

struct token_args {
	struct tl_str token;
};
static const struct rpc_param token_params[] = {
	{"token", RPC_K_STRING, true, NULL, offsetof(struct token_args, token), NULL, "of the bot"},
};

static struct rpc_result bot_sign_in(struct rpc_call *c)
{
	const struct token_args *a = c->args;

	c->seed = true;
	return login_bot(c, a->token);
}

struct phone_args {
	struct tl_str phone;
};
static const struct rpc_param phone_params[] = {
	{"phone", RPC_K_STRING, true, NULL, offsetof(struct phone_args, phone), NULL,
	 "of the user"},
};

static struct rpc_result request_login_code(struct rpc_call *c)
{
	const struct phone_args *a = c->args;

	c->seed = true;
	return login_phone(c, a->phone);
}

static struct rpc_result export_login_token(struct rpc_call *c)
{
	c->seed = true;
	if (rpc_account_login(c) != 0)
		return rpc_refuse(c);
	if (c->account->state == TG_WAIT_QR)
		return show_seed(c);
	return begun(c, tg_login_qr(c->account->tg, rpc_now()));
}

/* ---- going on -------------------------------------------------------------------------------- */
struct submit_args {
	struct tl_str phone, code, password, hint, email, email_code, first_name, last_name;
	bool terms;
};
static const struct rpc_param submit_params[] = {
	{"phone", RPC_K_STRING, false, NULL, offsetof(struct submit_args, phone), NULL,
	 "in wait_phone"},
	{"code", RPC_K_STRING, false, NULL, offsetof(struct submit_args, code), NULL,
	 "in wait_code"},
	{"password", RPC_K_STRING, false, NULL, offsetof(struct submit_args, password), NULL,
	 "in wait_password; beside email_code a new one, which is set in the same step"},
	{"hint", RPC_K_STRING, false, NULL, offsetof(struct submit_args, hint), NULL,
	 "of that new one"},
	{"email", RPC_K_STRING, false, NULL, offsetof(struct submit_args, email), NULL,
	 "in wait_email"},
	{"email_code", RPC_K_STRING, false, NULL, offsetof(struct submit_args, email_code), NULL,
	 "in wait_email_code, and in wait_password after recover_password"},
	{"first_name", RPC_K_STRING, false, NULL, offsetof(struct submit_args, first_name), NULL,
	 "in wait_signup"},
	{"last_name", RPC_K_STRING, false, NULL, offsetof(struct submit_args, last_name), NULL,
	 "in wait_signup"},
	{"terms", RPC_K_BOOL, false, "false", offsetof(struct submit_args, terms), NULL,
	 "in wait_signup: the terms are accepted"},
};

static struct rpc_result submit(struct rpc_call *c, const struct tg_login_input *in)
{
	int err = tg_login_submit(c->account->tg, in, rpc_now());

	return err ? refuse_step(c, err) : rpc_login_wait(c);
}

static struct rpc_result login_submit(struct rpc_call *c)
{
	const struct submit_args *a = c->args;
	struct tg_login_input in = {
		.phone = a->phone,
		.code = a->code,
		.password = a->password,
		.hint = a->hint,
		.email = a->email,
		.email_code = a->email_code,
		.first_name = a->first_name,
		.last_name = a->last_name,
		.terms = a->terms,
	};

	return submit(c, &in);
}

struct sign_args {
	struct tl_str token, code;
};
static const struct rpc_param sign_params[] = {
	{"token", RPC_K_STRING, false, NULL, offsetof(struct sign_args, token), NULL,
	 "that request_login_code gave; refused when a newer code was sent"},
	{"code", RPC_K_STRING, true, NULL, offsetof(struct sign_args, code), NULL,
	 "that Telegram sent"},
};

static struct rpc_result sign_in(struct rpc_call *c)
{
	const struct sign_args *a = c->args;
	struct tg_login_input in = {.code = a->code};
	char token[17];

	c->seed = true;
	code_token(tg_login_info(c->account->tg), token);
	if (a->token.data && !tl_str_eq(a->token, token)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "token", "that is not the code last sent");
		return rpc_refuse(c);
	}
	return submit(c, &in);
}

struct password_args {
	struct tl_str password;
};
static const struct rpc_param password_params[] = {
	{"password", RPC_K_STRING, true, NULL, offsetof(struct password_args, password), NULL,
	 "of the two-step check"},
};

static struct rpc_result check_password(struct rpc_call *c)
{
	const struct password_args *a = c->args;
	struct tg_login_input in = {.password = a->password};

	c->seed = true;
	return submit(c, &in);
}

static struct rpc_result resend_code(struct rpc_call *c)
{
	int wait, err = tg_login_resend(c->account->tg, &wait, rpc_now());

	c->seed = true;
	if (!err)
		return rpc_login_wait(c);
	c->problem.retry_after = wait;
	if (err == -TG_E_NOT_PERMITTED && wait)
		return rpc_fail(c, err, "the next way is open in %d s", wait);
	if (err == -TG_E_NOT_PERMITTED)
		return rpc_fail(c, err, "Telegram offers no other way for this code");
	return refuse_step(c, err);
}

static struct rpc_result recover_password(struct rpc_call *c)
{
	int err = tg_login_recover(c->account->tg, rpc_now());

	if (!err)
		return rpc_login_wait(c);
	if (err == -TG_E_NOT_PERMITTED)
		return rpc_fail(c, err, "the account has no e-mail for the recovery");
	return refuse_step(c, err);
}

static struct rpc_result reset_login_email(struct rpc_call *c)
{
	int err = tg_login_reset_email(c->account->tg, rpc_now());

	return err ? refuse_step(c, err) : rpc_login_wait(c);
}

/* ---- looking, and giving up ------------------------------------------------------------------ */
static struct rpc_result login_state(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_account_members(b, c->account);
	put_user(c, b, NULL);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result login_cancel(struct rpc_call *c)
{
	bool under_way = tg_login_cancel(c->account->tg, rpc_now());
	struct tl_buf *b;

	rpc_account_touch(c->account);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "cancelled", under_way);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result check_qr_login(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "authorized", rpc_account_authorized(c->account));
	rpc_js_text(b, "state", tg_state_name(c->account->state));
	put_user(c, b, "name");
	rpc_login_write(b, c->account);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

#define STEP .role = RPC_ADMIN, .flags = RPC_WAITS | RPC_SENDS | RPC_ACCOUNT
#define STATE "{\"account\":string,\"state\":string,\"name\":string?,\"user\":user?,…}"
#define CODE "{\"token\":string,\"via\":string,\"length\":int,\"next\":string?,\"timeout\":int?,…}"
const struct rpc_method rpc_methods_login[] = {
	{.name = "login",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = login,
	 RPC_ROWS(login_params, struct login_args),
	 .doc = "Begins a login (and makes the account); answers at the next state.",
	 .result = STATE},
	{.name = "login_submit",
	 STEP,
	 .run = login_submit,
	 RPC_ROWS(submit_params, struct submit_args),
	 .doc = "Gives the login what it waits for. After a wrong code or password the state is "
		"the "
		"same.",
	 .result = STATE},
	{.name = "login_state",
	 .flags = RPC_ACCOUNT,
	 .run = login_state,
	 .doc = "Where the login stands, and what the state shows.",
	 .result = "{\"account\":string,\"state\":string,\"reason\":string?,\"user\":user?,…}"},
	{.name = "login_cancel",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT,
	 .run = login_cancel,
	 .doc = "Ends a login that is under way.",
	 .result = "{\"cancelled\":bool}"},
	{.name = "recover_password",
	 STEP,
	 .run = recover_password,
	 .doc = "In wait_password: sends a code to the recovery e-mail; login_submit "
		"{\"email_code\":…} ends the login with it; it removes the password, or sets "
		"{\"password\":…} instead.",
	 .result = STATE},
	{.name = "reset_login_email",
	 STEP,
	 .run = reset_login_email,
	 .doc = "In wait_code by e-mail: asks for another way, when that e-mail is lost.",
	 .result = STATE},
	{.name = "bot_sign_in",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = bot_sign_in,
	 RPC_ROWS(token_params, struct token_args),
	 .doc = "Logs a bot in.",
	 .result = "{\"name\":string,\"user\":user}"},
	{.name = "request_login_code",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = request_login_code,
	 RPC_ROWS(phone_params, struct phone_args),
	 .doc = "Begins a login by phone (and makes the account).",
	 .result = CODE},
	{.name = "resend_code",
	 STEP,
	 .run = resend_code,
	 .doc = "Sends the code by the next way, once its time has come.",
	 .result = CODE},
	{.name = "cancel_code", .alias_of = "login_cancel"},
	{.name = "sign_in",
	 STEP,
	 .run = sign_in,
	 RPC_ROWS(sign_params, struct sign_args),
	 .doc = "Gives the code.",
	 .result = "{\"name\":string?,\"user\":user?,\"state\":string?,\"hint\":string?}"},
	{.name = "check_password",
	 STEP,
	 .run = check_password,
	 RPC_ROWS(password_params, struct password_args),
	 .doc = "Gives the password of the two-step check.",
	 .result = "{\"name\":string,\"user\":user}"},
	{.name = "export_login_token",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = export_login_token,
	 .doc = "Begins a login by QR code (and makes the account), or shows the code of one.",
	 .result = "{\"url\":string,\"expires\":int}"},
	{.name = "check_qr_login",
	 .flags = RPC_ACCOUNT,
	 .run = check_qr_login,
	 .doc = "Whether the QR code was accepted; shows the fresh one otherwise.",
	 .result = "{\"authorized\":bool,\"state\":string,\"url\":string?,\"expires\":int?,…}"},
};
RPC_GROUP_COUNT(login);
