/* The account's safety: the two-step password, and the sessions that use the account. */
#include "core/login.h"
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "tl_schema.h"

#include <stddef.h>

/* ---- calls that answer with a Bool, or with one object ----------------------------------------
 */
static struct rpc_result call(struct rpc_call *c, const struct tl_obj *m,
			      struct rpc_result (*answered)(struct rpc_call *c,
							    const struct tg_event *e))
{
	if (tl_encode(&tl_api, m, &c->body) != 0)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	return rpc_engine_call(c, m->ctor, 0, answered);
}

static struct rpc_result done(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "done", tl_peek_u32(&in) == TL_ID_boolTrue);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static const struct tl_obj *object(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct tl_obj *o;

	if (tl_decode_result(&tl_api, e->method, &c->arena, &in, &o, NULL) != 0)
		return NULL;
	return o->ctor == TL_UNKNOWN ? NULL : o;
}

static struct rpc_result unreadable(struct rpc_call *c)
{
	return rpc_fail(c, -TG_E_INTERNAL, "the answer cannot be read");
}

/* ---- the password ---------------------------------------------------------------------------- */
static struct rpc_result changed(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "changed", true);
	if (e->value) { /* the new recovery e-mail waits for its code */
		rpc_js_bool(b, "email_unconfirmed", true);
		rpc_js_int(b, "code_length", e->value);
	}
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static bool cannot_stop(struct rpc_call *c)
{
	rpc_engine_unlist(c);
	return true; /* it goes on without us */
}

static struct rpc_result change(struct rpc_call *c, const struct tg_password_change *p)
{
	int err = tg_password_change(c->account->tg, p, c->deadline, &c->number, rpc_now());

	if (err)
		return rpc_fail(c, err, NULL);
	c->answered = changed;
	rpc_engine_list(c);
	rpc_account_touch(c->account);
	return rpc_later(c, cannot_stop);
}

struct set_args {
	struct tl_str password, current, hint, email;
};
static const struct rpc_param set_params[] = {
	{"password", RPC_K_STRING, true, NULL, offsetof(struct set_args, password), NULL,
	 "the new one"},
	{"current", RPC_K_STRING, false, NULL, offsetof(struct set_args, current), NULL,
	 "the one there is"},
	{"hint", RPC_K_STRING, false, NULL, offsetof(struct set_args, hint), NULL,
	 "shown to whoever is asked for it"},
	{"email", RPC_K_STRING, false, NULL, offsetof(struct set_args, email), NULL,
	 "for the recovery; Telegram sends a code there"},
};

static struct rpc_result set_password(struct rpc_call *c)
{
	const struct set_args *a = c->args;
	struct tg_password_change p = {
		.current = a->current, .fresh = a->password, .hint = a->hint, .email = a->email};

	if (!a->password.len) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "password", "remove_password takes it away");
		return rpc_refuse(c);
	}
	return change(c, &p);
}

struct current_args {
	struct tl_str current, email;
};
static const struct rpc_param email_params[] = {
	{"current", RPC_K_STRING, true, NULL, offsetof(struct current_args, current), NULL,
	 "the password"},
	{"email", RPC_K_STRING, true, NULL, offsetof(struct current_args, email), NULL,
	 "the new address; empty: none"},
};
static const struct rpc_param current_params[] = {
	{"current", RPC_K_STRING, true, NULL, offsetof(struct current_args, current), NULL,
	 "the password"},
};

static struct rpc_result set_recovery_email(struct rpc_call *c)
{
	const struct current_args *a = c->args;
	struct tg_password_change p = {.current = a->current, .email = a->email};

	return change(c, &p);
}

static struct rpc_result remove_password(struct rpc_call *c)
{
	const struct current_args *a = c->args;
	struct tg_password_change p = {.current = a->current, .remove = true};

	return change(c, &p);
}

static struct rpc_result got_password(struct rpc_call *c, const struct tg_event *e)
{
	const struct tl_account_password *p = (const void *)object(c, e);
	struct tl_buf *b;

	if (!p)
		return unreadable(c);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "has_password", p->has_password);
	rpc_js_bool(b, "has_recovery", p->has_recovery);
	rpc_js_filled(b, "hint", p->hint);
	rpc_js_filled(b, "email_unconfirmed", p->email_unconfirmed_pattern);
	rpc_js_filled(b, "login_email", p->login_email_pattern);
	if (p->has_pending_reset_date)
		rpc_js_int(b, "reset_date", p->pending_reset_date);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result get_password(struct rpc_call *c)
{
	struct tl_account_getPassword m = {{TL_account_getPassword}};

	return call(c, &m.obj, got_password);
}

struct code_args {
	struct tl_str code;
};
static const struct rpc_param code_params[] = {
	{"code", RPC_K_STRING, true, NULL, offsetof(struct code_args, code), NULL,
	 "from the e-mail"},
};

static struct rpc_result confirm_recovery_email(struct rpc_call *c)
{
	const struct code_args *a = c->args;
	struct tl_account_confirmPasswordEmail m = {{TL_account_confirmPasswordEmail}, a->code};

	return call(c, &m.obj, done);
}

static struct rpc_result resend_recovery_email(struct rpc_call *c)
{
	struct tl_account_resendPasswordEmail m = {{TL_account_resendPasswordEmail}};

	return call(c, &m.obj, done);
}

static struct rpc_result cancel_recovery_email(struct rpc_call *c)
{
	struct tl_account_cancelPasswordEmail m = {{TL_account_cancelPasswordEmail}};

	return call(c, &m.obj, done);
}

static struct rpc_result was_reset(struct rpc_call *c, const struct tg_event *e)
{
	const struct tl_obj *o = object(c, e);
	struct tl_buf *b;
	int64_t v;

	if (!o)
		return unreadable(c);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_bool(b, "reset", o->ctor == TL_account_resetPasswordOk);
	if (tl_field_int(&tl_api, o, "until_date", &v))
		rpc_js_int(b, "reset_date", v);
	if (tl_field_int(&tl_api, o, "retry_date", &v))
		rpc_js_int(b, "retry_date", v);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result reset_password(struct rpc_call *c)
{
	struct tl_account_resetPassword m = {{TL_account_resetPassword}};

	return call(c, &m.obj, was_reset);
}

static struct rpc_result cancel_password_reset(struct rpc_call *c)
{
	struct tl_account_declinePasswordReset m = {{TL_account_declinePasswordReset}};

	return call(c, &m.obj, done);
}

/* ---- sessions -------------------------------------------------------------------------------- */
static void put_session(struct tl_buf *b, const struct tl_authorization *s)
{
	rpc_js_open(b, NULL, '{');
	rpc_js_long(b, "session", s->hash);
	rpc_js_true(b, "current", s->current);
	rpc_js_true(b, "official", s->official_app);
	rpc_js_true(b, "unconfirmed", s->unconfirmed);
	rpc_js_true(b, "password_pending", s->password_pending);
	rpc_js_filled(b, "device", s->device_model);
	rpc_js_filled(b, "platform", s->platform);
	rpc_js_filled(b, "system", s->system_version);
	rpc_js_int(b, "api_id", s->api_id);
	rpc_js_filled(b, "app", s->app_name);
	rpc_js_filled(b, "app_version", s->app_version);
	rpc_js_int(b, "created", s->date_created);
	rpc_js_int(b, "active", s->date_active);
	rpc_js_filled(b, "ip", s->ip);
	rpc_js_filled(b, "country", s->country);
	rpc_js_filled(b, "region", s->region);
	rpc_js_close(b, '}');
}

static struct rpc_result got_authorizations(struct rpc_call *c, const struct tg_event *e)
{
	const struct tl_account_authorizations *o = (const void *)object(c, e);
	struct tl_buf *b;

	if (!o)
		return unreadable(c);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "authorizations", '[');
	for (uint32_t i = 0; i < o->authorizations.count; i++)
		put_session(b,
			    ((const struct tl_authorization *const *)o->authorizations.items)[i]);
	rpc_js_close(b, ']');
	rpc_js_int(b, "ttl_days", o->authorization_ttl_days);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result get_authorizations(struct rpc_call *c)
{
	struct tl_account_getAuthorizations m = {{TL_account_getAuthorizations}};

	return call(c, &m.obj, got_authorizations);
}

struct terminate_args {
	int64_t session;
	bool others;
};
static const struct rpc_param terminate_params[] = {
	{"session", RPC_K_INT, false, NULL, offsetof(struct terminate_args, session), NULL,
	 "as get_authorizations lists it"},
	{"others", RPC_K_BOOL, false, "false", offsetof(struct terminate_args, others), NULL,
	 "all but this one instead"},
};

static struct rpc_result terminate_session(struct rpc_call *c)
{
	const struct terminate_args *a = c->args;
	struct tl_account_resetAuthorization one = {{TL_account_resetAuthorization}, a->session};
	struct tl_auth_resetAuthorizations all = {{TL_auth_resetAuthorizations}};

	if (a->others == (a->session != RPC_NONE)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "session", "name a session, or others:true");
		return rpc_refuse(c);
	}
	if (!a->others && !a->session) {
		rpc_hint(c, "sign_out ends this one");
		rpc_problem(c, -TG_E_INVALID_PARAMS, "session", "that is this very session");
		return rpc_refuse(c);
	}
	return call(c, a->others ? &all.obj : &one.obj, done);
}

#define CHANGES .role = RPC_ADMIN, .flags = RPC_WAITS | RPC_SENDS | RPC_ACCOUNT | RPC_LOGGED_IN
#define CHANGED "{\"changed\":true,\"email_unconfirmed\":bool?,\"code_length\":int?}"
#define DONE "{\"done\":bool}"
const struct rpc_method rpc_methods_sessions[] = {
	{.name = "get_password",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = get_password,
	 .doc = "What there is of a two-step password.",
	 .result = "{\"has_password\":bool,\"has_recovery\":bool,\"hint\":string?,…}"},
	{.name = "set_password",
	 CHANGES,
	 .run = set_password,
	 RPC_ROWS(set_params, struct set_args),
	 .doc = "Sets or changes the two-step password.",
	 .result = CHANGED},
	{.name = "set_recovery_email",
	 CHANGES,
	 .run = set_recovery_email,
	 RPC_ROWS(email_params, struct current_args),
	 .doc = "Sets or changes the e-mail by which the password can be recovered.",
	 .result = CHANGED},
	{.name = "remove_password",
	 CHANGES,
	 .run = remove_password,
	 RPC_ROWS(current_params, struct current_args),
	 .doc = "Takes the two-step password away.",
	 .result = CHANGED},
	{.name = "confirm_recovery_email",
	 CHANGES,
	 .run = confirm_recovery_email,
	 RPC_ROWS(code_params, struct code_args),
	 .doc = "Gives the code that was sent to the new recovery e-mail.",
	 .result = DONE},
	{.name = "resend_recovery_email",
	 CHANGES,
	 .run = resend_recovery_email,
	 .doc = "Sends that code once more.",
	 .result = DONE},
	{.name = "cancel_recovery_email",
	 CHANGES,
	 .run = cancel_recovery_email,
	 .doc = "Forgets the new recovery e-mail that is not confirmed.",
	 .result = DONE},
	{.name = "reset_password",
	 CHANGES,
	 .run = reset_password,
	 .doc = "Asks Telegram to take a forgotten password away; that takes a week.",
	 .result = "{\"reset\":bool,\"reset_date\":int?,\"retry_date\":int?}"},
	{.name = "cancel_password_reset",
	 CHANGES,
	 .run = cancel_password_reset,
	 .doc = "Keeps the password after all.",
	 .result = DONE},
	{.name = "get_authorizations",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = get_authorizations,
	 .doc = "The sessions that are logged in to the account.",
	 .result = "{\"authorizations\":[{\"session\":string,\"current\":bool?,\"device\":string?,"
		   "…}],\"ttl_days\":int}"},
	{.name = "terminate_session",
	 CHANGES,
	 .run = terminate_session,
	 RPC_ROWS(terminate_params, struct terminate_args),
	 .doc = "Ends another session, or all others.",
	 .result = DONE},
};
RPC_GROUP_COUNT(sessions);
