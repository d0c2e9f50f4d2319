/* The doors of the login machine: how a login begins, goes on, is looked at and is given up
 * (core.telegram.org/api/auth; RPC contract §9). Only one step is under way at a time. */
#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- beginning ---- */
/* Where an older authorization left something: the new one begins with its own keys and boxes. */
static void clear_old(struct tg_account *a)
{
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_dc_drop_keys(a);
}

int tg_login_begin(struct tg_account *a, enum tg_login_method method, struct mt_time now)
{
	struct tg_login *l;

	a->now = now;
	if (a->authorized || strcmp(a->reason, "WORLD_MISMATCH") == 0 || a->signing_out)
		return -TG_E_NOT_PERMITTED;
	l = calloc(1, sizeof *l);
	if (!l)
		return -TG_E_NOMEM;
	tg_login_drop(a);
	a->login = l;
	l->info.method = method;
	if (a->state == TG_REVOKED)
		clear_old(a);
	a->wanted = true;
	a->step++;
	a->stepping = true;
	return 0;
}

int tg_login_bot(struct tg_account *a, struct tl_str token, struct mt_time now)
{
	struct tl_auth_importBotAuthorization m = {
		.obj = {TL_auth_importBotAuthorization},
		.api_id = a->s.api_id,
		.api_hash = tl_str(a->s.api_hash ? a->s.api_hash : ""),
		.bot_auth_token = token,
	};
	int r = token.data && token.len ? 0 : -TG_E_INVALID_PARAMS;

	r = r ? r : tg_login_begin(a, TG_LOGIN_BOT, now);
	if (r)
		return r;
	tg_account_set_state(a, TG_CONNECTING, NULL);
	tg_login_call(a, &m.obj, tg_login_authorization);
	return 0;
}

/* Digits alone, as auth.sendCode wants them (E.30); false: that is no number. */
static bool is_phone(struct tl_str phone, char digits[24], uint32_t *ret_n)
{
	*ret_n = 0;
	for (uint32_t i = 0; i < phone.len; i++) {
		if (memchr("+ -().", phone.data[i], 6))
			continue;
		if (phone.data[i] < '0' || phone.data[i] > '9' || *ret_n == 24)
			return false;
		digits[(*ret_n)++] = phone.data[i];
	}
	return *ret_n;
}

static void begin_phone(struct tg_account *a, struct tl_str digits)
{
	tg_text_set(&a->login->info.text[TG_LOGIN_PHONE_NUMBER], digits);
	tg_account_set_state(a, TG_CONNECTING, NULL);
	tg_login_send_code(a);
}

int tg_login_phone(struct tg_account *a, struct tl_str phone, struct mt_time now)
{
	char digits[24];
	uint32_t n;
	int r = phone.data && !is_phone(phone, digits, &n) ? -TG_E_INVALID_PARAMS : 0;

	r = r ? r : tg_login_begin(a, TG_LOGIN_PHONE, now);
	if (r)
		return r;
	if (phone.data)
		begin_phone(a, (struct tl_str){digits, n});
	else
		tg_login_settle(a, TG_WAIT_PHONE);
	return 0;
}

int tg_login_qr(struct tg_account *a, struct mt_time now)
{
	int r = tg_login_begin(a, TG_LOGIN_QR, now);

	if (r)
		return r;
	tg_account_set_state(a, TG_CONNECTING, NULL);
	tg_login_ask_token(a);
	return 0;
}

/* After a restart: what needs nobody's answer goes on (E.36). */
void tg_login_resume(struct tg_account *a)
{
	struct tg_login *l = a->login;

	if (!l || l->call || l->check)
		return;
	if (l->info.method == TG_LOGIN_QR && (a->state == TG_WAIT_QR || a->state == TG_CONNECTING))
		tg_login_ask_token(a);
	else if (l->info.method == TG_LOGIN_PHONE && a->state == TG_CONNECTING)
		tg_login_send_code(a);
	else if (l->info.method == TG_LOGIN_STRING_SESSION && a->state == TG_CONNECTING)
		tg_login_ask_self(a);
}

/* ---- going on ---- */
static int may_step(struct tg_account *a, struct mt_time now)
{
	a->now = now;
	if (a->stepping || a->state_after)
		return -TG_E_AGAIN;
	return a->login && !a->authorized ? 0 : -TG_E_ACCOUNT_NOT_READY;
}

static int stepped(struct tg_account *a, int r)
{
	if (r) {
		a->step--;
		a->stepping = false;
	}
	return r;
}

static void step(struct tg_account *a)
{
	a->wanted = true;
	a->step++;
	a->stepping = true;
	a->login->restarts = 0;
}

int tg_login_submit(struct tg_account *a, const struct tg_login_input *in, struct mt_time now)
{
	int r = may_step(a, now);
	char digits[24];
	uint32_t n;

	if (r)
		return r;
	step(a);
	switch (a->state) {
	case TG_WAIT_PHONE:
		r = in->phone.data && is_phone(in->phone, digits, &n) ? 0 : -TG_E_INVALID_PARAMS;
		if (!r)
			begin_phone(a, (struct tl_str){digits, n});
		break;
	case TG_WAIT_PASSWORD:
		r = tg_login_submit_password(a, in);
		break;
	case TG_WAIT_CODE:
	case TG_WAIT_EMAIL:
	case TG_WAIT_EMAIL_CODE:
	case TG_WAIT_SIGNUP:
		r = tg_login_submit_phone(a, in);
		break;
	case TG_SIGNED_OUT:
	case TG_CONNECTING:
	case TG_WAIT_QR:
	case TG_WAIT_PAYMENT:
	case TG_READY:
	case TG_REVOKED:
	case TG_FAILED:
		r = -TG_E_ACCOUNT_NOT_READY;
		break;
	}
	return stepped(a, r);
}

int tg_login_resend(struct tg_account *a, int *ret_wait, struct mt_time now)
{
	int r = may_step(a, now);
	const int64_t *number = r ? NULL : a->login->info.number;
	int64_t left;

	*ret_wait = 0;
	if (!r && a->state == TG_WAIT_PAYMENT) { /* asked anew once it is paid */
		step(a);
		tg_login_send_code(a);
		return 0;
	}
	if (r || a->state != TG_WAIT_CODE)
		return r ? r : -TG_E_ACCOUNT_NOT_READY;
	left = number[TG_LOGIN_SENT_AT] + number[TG_LOGIN_TIMEOUT] - tg_unix(a);
	if (number[TG_LOGIN_NEXT] == TG_VIA_NONE || left > 0) {
		*ret_wait = number[TG_LOGIN_NEXT] == TG_VIA_NONE ? 0 : (int)left;
		return -TG_E_NOT_PERMITTED;
	}
	step(a);
	tg_login_next_way(a);
	return 0;
}

int tg_login_reset_email(struct tg_account *a, struct mt_time now)
{
	int r = may_step(a, now);

	if (r)
		return r;
	if (a->state != TG_WAIT_CODE || a->login->info.number[TG_LOGIN_VIA] != TG_VIA_EMAIL)
		return -TG_E_ACCOUNT_NOT_READY;
	step(a);
	tg_login_lost_email(a);
	return 0;
}

int tg_login_recover(struct tg_account *a, struct mt_time now)
{
	int r = may_step(a, now);

	if (r)
		return r;
	if (a->state != TG_WAIT_PASSWORD)
		return -TG_E_ACCOUNT_NOT_READY;
	if (!a->login->info.number[TG_LOGIN_HAS_RECOVERY])
		return -TG_E_NOT_PERMITTED;
	step(a);
	tg_login_send_recovery(a);
	return 0;
}

/* ---- looking ---- */
const struct tg_login_info *tg_login_info(const struct tg_account *a)
{
	return a->login ? &a->login->info : NULL;
}

uint64_t tg_login_step(const struct tg_account *a)
{
	return a->step;
}

/* ---- giving up ---- */
static void cancelled(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	(void)c;
	(void)r;
	if (a->state == TG_SIGNED_OUT)
		tg_account_disconnect(a, a->now);
}

bool tg_login_cancel(struct tg_account *a, struct mt_time now)
{
	struct tl_auth_cancelCode m = {.obj = {TL_auth_cancelCode}};
	struct tg_call_options o = {.deadline = now.boot + TG_LOGOUT_WAIT, .any_state = true};
	bool told;

	a->now = now;
	if (!a->login || a->authorized)
		return false;
	tg_login_stop(a);
	a->login->why = (struct tg_answer){0};
	m.phone_number = tg_text(a->login, TG_LOGIN_PHONE_NUMBER);
	m.phone_code_hash = tg_text(a->login, TG_LOGIN_HASH);
	a->wanted = true;
	told = m.phone_code_hash.len && tg_call_own(a, &m.obj, &o, cancelled, NULL);
	tg_login_settle(a, TG_SIGNED_OUT);
	if (!told)
		tg_account_disconnect(a, now);
	return true;
}
