/* The login machine (core.telegram.org/api/auth; E.30-E.46): what ends a step, what a refusal leads
 * to, and the few updates it acts on. It belongs to its account; its doors and the ways in are
 * files of their own (machine.h). The state is told when it is on the disk. */
#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */
void tg_text_set(char **at, struct tl_str s)
{
	uint32_t n = s.len < TG_LOGIN_TEXT_MAX ? s.len : TG_LOGIN_TEXT_MAX;

	if (*at)
		mt_wipe(*at, strlen(*at));
	free(*at);
	*at = s.data ? malloc(n + 1u) : NULL;
	if (!*at)
		return;
	memcpy(*at, s.data, n);
	(*at)[n] = 0;
}

struct tl_str tg_text(const struct tg_login *l, enum tg_login_text which)
{
	return tl_str(l->info.text[which] ? l->info.text[which] : "");
}

const char *tg_via_name(enum tg_via v)
{
	static const char *const names[TG_VIA_COUNT] = {
		[TG_VIA_NONE] = "",
		[TG_VIA_APP] = "app",
		[TG_VIA_SMS] = "sms",
		[TG_VIA_SMS_WORD] = "sms_word",
		[TG_VIA_SMS_PHRASE] = "sms_phrase",
		[TG_VIA_CALL] = "call",
		[TG_VIA_FLASH_CALL] = "flash_call",
		[TG_VIA_MISSED_CALL] = "missed_call",
		[TG_VIA_EMAIL] = "email",
		[TG_VIA_FRAGMENT_SMS] = "fragment_sms",
		[TG_VIA_FIREBASE_SMS] = "firebase_sms",
	};

	return names[v];
}

/* ---- life ---- */
static void forget_texts(struct tg_login *l)
{
	for (int i = 0; i < TG_LOGIN_TEXTS; i++)
		tg_text_set(&l->info.text[i], (struct tl_str){NULL, 0});
	tg_text_set(&l->why_text, (struct tl_str){NULL, 0});
	l->why = (struct tg_answer){0};
}

void tg_login_stop(struct tg_account *a)
{
	struct tg_login *l = a->login;
	struct tg_call *c = l->call;

	l->call = NULL;
	if (c)
		tg_call_drop(a, c, NULL);
	if (l->check)
		tg_check_drop(a, l->check);
	l->check = NULL;
	tg_timer_clear(&a->timers, &l->timer);
}

void tg_login_drop(struct tg_account *a)
{
	if (!a->login)
		return;
	tg_login_stop(a);
	forget_texts(a->login);
	free(a->login);
	a->login = NULL;
}

/* ---- calls ---- */
/* Disconnected by hand: the step is over, what was reached before stays. */
static void interrupted(struct tg_account *a)
{
	struct tg_answer off = {.error = -TG_E_OFFLINE};

	if (a->state == TG_CONNECTING)
		tg_login_settle(a, TG_SIGNED_OUT);
	else
		tg_account_refuse(a, &off);
}

static void answered(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	a->login->call = NULL;
	if (a->wanted)
		a->login->then(a, c, r);
	else
		interrupted(a);
}

void tg_login_call(struct tg_account *a, const struct tl_obj *method, tg_login_then *then)
{
	struct tg_call_options o = {
		.deadline = TG_NEVER, .flood_wait = TG_LOGIN_FLOOD, .any_state = true};
	struct tg_answer oom = {.error = -TG_E_NOMEM};

	a->login->then = then;
	a->login->call = tg_call_own(a, method, &o, answered, NULL);
	if (!a->login->call)
		tg_login_failed(a, &oom);
}

/* ---- the end of a step ---- */
void tg_login_settle(struct tg_account *a, enum tg_state s)
{
	struct tg_login *l = a->login;
	bool refused = l->why.error;

	a->stepping = false;
	tg_account_set_state(a, s, refused ? &l->why : NULL);
	l->why = (struct tg_answer){0};
	if (s == TG_SIGNED_OUT)
		tg_login_drop(a);
}

void tg_login_failed(struct tg_account *a, const struct tg_answer *why)
{
	a->stepping = false;
	tg_account_set_state(a, TG_FAILED, why);
	tg_login_drop(a);
}

void tg_login_unreadable(struct tg_account *a)
{
	struct tg_answer r = {.error = -TG_E_WIRE};

	tg_login_failed(a, &r);
}

const struct tl_obj *tg_login_answer(struct tg_account *a, struct tg_call *c,
				     const struct tg_answer *r, struct tl_arena *arena)
{
	const struct tl_obj *o;

	if (r->error) {
		tg_login_refused(a, r);
		return NULL;
	}
	tl_arena_init(arena, TG_ARENA_CAP);
	o = tg_answer_decode(c, r, arena);
	if (!o) {
		tl_arena_free(arena);
		tg_login_unreadable(a);
	}
	return o;
}

/* Someone else's than before: access hashes and boxes mean nothing to him. */
static void forget_other(struct tg_account *a)
{
	tg_erase_all(a, TG_TABLE_PEER, 0);
	tg_erase_all(a, TG_TABLE_NAME, 0);
	tg_erase_all(a, TG_TABLE_STATE, 'h');
	tg_erase_all(a, TG_TABLE_STATE, 'b');
}

/* auth.authorization: whoever gave it is the main data centre (E.9). */
void tg_login_authorized(struct tg_account *a, const struct tl_obj *o)
{
	const struct tl_auth_authorization *auth = (const struct tl_auth_authorization *)o;
	const struct tl_user *user = (const struct tl_user *)auth->user;
	int64_t *number = a->login->info.number;

	if (user->obj.ctor != TL_user) {
		tg_login_unreadable(a);
		return;
	}
	tg_login_stop(a);
	forget_texts(a->login); /* what follows of it is told with READY (E.46) */
	memset(number, 0, sizeof a->login->info.number);
	number[TG_LOGIN_TMP_SESSIONS] = auth->has_tmp_sessions ? auth->tmp_sessions : 0;
	number[TG_LOGIN_RELOGIN_DAYS] =
		auth->has_otherwise_relogin_days ? auth->otherwise_relogin_days : 0;
	number[TG_LOGIN_SETUP_PASSWORD] = auth->setup_password_required;
	if (auth->future_auth_token.len)
		tg_logout_token_add(a, auth->future_auth_token);
	if (a->self && a->self != user->id)
		forget_other(a);
	tg_learn(a, auth->user);
	a->self = user->id;
	a->is_bot = user->bot;
	a->authorized = true;
	tg_account_save(a);
	tg_updates_reset(a);
	tg_difference(a); /* the first state; then the account is ready */
}

void tg_login_ready(struct tg_account *a)
{
	if (a->state == TG_READY || !a->authorized)
		return;
	a->stepping = false;
	tg_account_set_state(a, TG_READY, NULL);
}

static void want_signup(struct tg_account *a, const struct tl_obj *o)
{
	const struct tl_auth_authorizationSignUpRequired *s =
		(const struct tl_auth_authorizationSignUpRequired *)o;
	const struct tl_help_termsOfService *t =
		(const struct tl_help_termsOfService *)s->terms_of_service;
	struct tg_login *l = a->login;

	if (t) {
		tg_text_set(&l->info.text[TG_LOGIN_TERMS], t->text);
		l->info.number[TG_LOGIN_MIN_AGE] = t->has_min_age_confirm ? t->min_age_confirm : 0;
	}
	tg_login_settle(a, TG_WAIT_SIGNUP);
}

void tg_login_authorization(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o = tg_login_answer(a, c, r, &arena);

	if (!o)
		return;
	if (o->ctor == TL_auth_authorization)
		tg_login_authorized(a, o);
	else if (o->ctor == TL_auth_authorizationSignUpRequired)
		want_signup(a, o);
	else
		tg_login_unreadable(a);
	tl_arena_free(&arena);
}

/* ---- refusals (E.33, E.40, E.43) ---- */
enum consequence { KEEP, PASSWORD, ANEW, FAIL };
static enum consequence consequence_of(const struct tg_answer *r)
{
	static const struct {
		const char *name; /* ending in _: begins with */
		enum consequence what;
	} rows[] = {
		{"SESSION_PASSWORD_NEEDED", PASSWORD},
		{"PHONE_CODE_EXPIRED", ANEW},
		{"PHONE_CODE_EMPTY", ANEW},
		{"PHONE_CODE_HASH_EMPTY", ANEW},
		{"PHONE_NUMBER_OCCUPIED", ANEW},
		{"AUTH_RESTART", ANEW},
		{"AUTH_KEY_UNREGISTERED", ANEW}, /* another data centre, or too long a pause */
		{"AUTH_TOKEN_EXPIRED", ANEW},
		{"AUTH_TOKEN_INVALID", ANEW},
		{"AUTH_TOKEN_ALREADY_ACCEPTED", ANEW},
		{"PHONE_NUMBER_", FAIL},
		{"PHONE_PASSWORD_FLOOD", FAIL},
		{"USER_DEACTIVATED", FAIL},
		{"USER_DEACTIVATED_BAN", FAIL},
		{"UPDATE_APP_TO_LOGIN", FAIL},
		{"API_ID_", FAIL},
		{"ACCESS_TOKEN_", FAIL},
	};

	for (size_t i = 0; r->error == -TG_E_TELEGRAM && i < sizeof rows / sizeof *rows; i++) {
		size_t n = strlen(rows[i].name);
		bool prefix = rows[i].name[n - 1] == '_';

		if (r->n >= n && memcmp(r->data, rows[i].name, n) == 0 && (prefix || r->n == n))
			return rows[i].what;
	}
	return KEEP;
}

/* The login begins anew; whoever made the step learns why it did not do what it should. */
static void anew(struct tg_account *a, const struct tg_answer *r)
{
	struct tg_login *l = a->login;

	if (l->info.method == TG_LOGIN_BOT || l->restarts++ >= TG_LOGIN_RESTARTS) {
		tg_login_failed(a, r);
		return;
	}
	if (l->info.method == TG_LOGIN_QR) { /* nobody asked for this very token */
		tg_login_ask_token(a);
		return;
	}
	if (a->state != TG_CONNECTING) {
		tg_text_set(&l->why_text, (struct tl_str){(const char *)r->data, (uint32_t)r->n});
		l->why = *r;
		l->why.data = (const uint8_t *)l->why_text;
	}
	tg_login_send_code(a);
}

void tg_login_refused(struct tg_account *a, const struct tg_answer *r)
{
	switch (consequence_of(r)) {
	case PASSWORD:
		tg_login_ask_password(a);
		return;
	case ANEW:
		anew(a, r);
		return;
	case KEEP:
		if (a->state == TG_CONNECTING)
			break;
		tg_account_refuse(a, r);
		return;
	case FAIL:
		break;
	}
	tg_login_failed(a, r);
}

/* ---- updates before the login: these few are acted on (E.44) ---- */
static void early(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *u)
{
	switch (u->ctor) {
	case TL_updateLoginToken:
		if (a->login)
			tg_login_token_accepted(a);
		break;
	case TL_updateSentPhoneCode:
		if (a->login && !a->login->call && a->state == TG_WAIT_CODE)
			tg_login_sent(a, ((const struct tl_updateSentPhoneCode *)u)->sent_code);
		break;
	case TL_updateDcOptions:
	case TL_updateConfig:
		tg_config_stale(a);
		break;
	case TL_updateServiceNotification:
		tg_update_say(a, c, u);
		break;
	}
}

void tg_login_updates(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o)
{
	const struct tl_vec *list = NULL;

	if (o->ctor == TL_updateShort)
		early(a, c, ((const struct tl_updateShort *)o)->update);
	else if (o->ctor == TL_updates)
		list = &((const struct tl_updates *)o)->updates;
	else if (o->ctor == TL_updatesCombined)
		list = &((const struct tl_updatesCombined *)o)->updates;
	for (uint32_t i = 0; list && i < list->count; i++)
		early(a, c, ((struct tl_obj *const *)list->items)[i]);
}
