/* The way in and out: bot tokens and signing out (core.telegram.org/api/auth; E.42, E.45). The
 * state is told when it is on the disk. */
#include "core/account.h"

#include <string.h>

/* Where an older authorization left something: the new one begins with its own keys and boxes. */
static void clear_old(struct tg_account *a)
{
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_dc_drop_keys(a);
}

void tg_login_drop(struct tg_account *a)
{
	struct tg_call *c = a->login_call;

	a->login_call = NULL;
	if (c)
		tg_call_drop(a, c, NULL);
}

static void failed(struct tg_account *a, const struct tg_answer *r)
{
	tg_account_set_state(a, TG_FAILED, r);
}

/* auth.authorization: whoever gave it is the main data centre (E.9). */
static void authorized(struct tg_account *a, const struct tl_auth_authorization *auth)
{
	const struct tl_user *user = (const struct tl_user *)auth->user;
	struct tg_answer unreadable = {.error = -TG_E_WIRE};

	if (user->obj.ctor != TL_user) {
		failed(a, &unreadable);
		return;
	}
	tg_learn(a, auth->user);
	if (a->self && a->self != user->id) {
		/* someone else's: access hashes and boxes mean nothing to him */
		tg_erase_all(a, TG_TABLE_PEER, 0);
		tg_erase_all(a, TG_TABLE_NAME, 0);
		tg_erase_all(a, TG_TABLE_STATE, 'h');
		tg_erase_all(a, TG_TABLE_STATE, 'b');
		tg_learn(a, auth->user);
	}
	a->self = user->id;
	a->is_bot = user->bot;
	a->authorized = true;
	tg_account_save(a);
	tg_updates_reset(a);
	tg_difference(a); /* the first state; then the account is ready */
}

void tg_login_ready(struct tg_account *a)
{
	if (a->state != TG_READY && a->authorized)
		tg_account_set_state(a, TG_READY, NULL);
}

static void imported(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_answer unreadable = {.error = -TG_E_WIRE};
	struct tl_arena arena;
	const struct tl_obj *o;

	a->login_call = NULL;
	if (!a->wanted) { /* interrupted, not refused */
		tg_account_set_state(a, TG_SIGNED_OUT, NULL);
		return;
	}
	if (r->error) {
		failed(a, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = tg_answer_decode(c, r, &arena);
	if (o && o->ctor == TL_auth_authorization)
		authorized(a, (const struct tl_auth_authorization *)o);
	else
		failed(a, &unreadable);
	tl_arena_free(&arena);
}

int tg_login_bot(struct tg_account *a, struct tl_str token, struct mt_time now)
{
	struct tl_auth_importBotAuthorization m = {
		.obj = {TL_auth_importBotAuthorization},
		.api_id = a->s.api_id,
		.api_hash = tl_str(a->s.api_hash ? a->s.api_hash : ""),
		.bot_auth_token = token,
	};
	struct tg_call_options o = {
		.deadline = TG_NEVER, .flood_wait = TG_LOGIN_FLOOD, .any_state = true};

	a->now = now;
	if (a->authorized || strcmp(a->reason, "WORLD_MISMATCH") == 0 || a->signing_out)
		return -TG_E_NOT_PERMITTED;
	if (!token.data || !token.len)
		return -TG_E_INVALID_PARAMS;
	tg_login_drop(a);
	if (a->state == TG_REVOKED)
		clear_old(a);
	a->wanted = true;
	tg_account_set_state(a, TG_CONNECTING, NULL);
	a->login_call = tg_call_own(a, &m.obj, &o, imported, NULL);
	if (!a->login_call)
		return -TG_E_NOMEM;
	return 0;
}

/* Keys, boxes and peers of the account are erased; its name stays. */
static void left(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	(void)c;
	(void)r; /* also when Telegram could not be asked: the keys are forgotten (E.45) */
	a->signing_out = false;
	a->authorized = false;
	a->self = 0;
	a->is_bot = false;
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_erase_all(a, TG_TABLE_KEY, 0);
	tg_erase_all(a, TG_TABLE_STATE, 0);
	tg_updates_reset(a);
	tg_erase_all(a, TG_TABLE_PEER, 0);
	tg_erase_all(a, TG_TABLE_NAME, 0);
	tg_account_set_state(a, TG_SIGNED_OUT, NULL);
}

int tg_sign_out(struct tg_account *a, struct mt_time now)
{
	struct tl_auth_logOut m = {.obj = {TL_auth_logOut}};
	struct tg_call_options o = {.deadline = now.boot + TG_LOGOUT_WAIT, .any_state = true};

	a->now = now;
	if (!a->authorized)
		return a->state == TG_REVOKED ? -TG_E_SESSION_REVOKED : -TG_E_UNAUTHORIZED;
	if (a->signing_out)
		return -TG_E_AGAIN;
	a->wanted = true;
	a->signing_out = true;
	tg_calls_fail(a, -TG_E_UNAUTHORIZED);
	if (!tg_call_own(a, &m.obj, &o, left, NULL)) {
		a->signing_out = false;
		return -TG_E_NOMEM;
	}
	return 0;
}
