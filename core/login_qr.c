/* The way in by QR code: tokens that live for half a minute and are renewed before their end, until
 * another app has accepted one (core.telegram.org/api/qr-login; E.43). Part of the login machine.
 */
#include "core/machine.h"

#define RETRY (5 * TG_SECOND) /* after a passing fault */

static void put_base64url(struct tl_buf *b, struct tl_str s)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0, n = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		bits = bits << 8 | (uint8_t)s.data[i];
		for (n += 8; n >= 6; n -= 6)
			tl_put_u8(b, (uint8_t)set[bits >> (n - 6) & 63]);
	}
	if (n)
		tl_put_u8(b, (uint8_t)set[bits << (6 - n) & 63]);
}

static void renew(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	if (a->wanted) /* else when it is again */
		tg_login_ask_token(a);
}

static void arm(struct tg_account *a, int64_t wait)
{
	a->login->timer.fire = renew;
	tg_timer_set(&a->timers, &a->login->timer, a->now.boot + wait);
}

static void show(struct tg_account *a, const struct tl_auth_loginToken *t)
{
	struct tg_login *l = a->login;
	int64_t left = t->expires - tg_unix(a) - TG_QR_MARGIN;
	struct tl_buf url = {0};

	tl_put_text(&url, "tg://login?token=");
	put_base64url(&url, t->token);
	if (!url.err)
		tg_text_set(&l->info.text[TG_LOGIN_URL],
			    (struct tl_str){(const char *)url.data, (uint32_t)url.len});
	tl_buf_free(&url);
	l->info.number[TG_LOGIN_EXPIRES] = t->expires;
	l->restarts = 0;
	left = left < 1 ? 1 : left > TG_QR_LONGEST ? TG_QR_LONGEST : left;
	arm(a, left * TG_SECOND);
	tg_login_settle(a, TG_WAIT_QR);
	if (l->accepted) /* while this token was on its way */
		tg_login_ask_token(a);
}

static void answered(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);

/* The account lives there: the login goes on there (E.10). */
static void move(struct tg_account *a, const struct tl_auth_loginTokenMigrateTo *t)
{
	struct tl_auth_importLoginToken m = {{TL_auth_importLoginToken}, t->token};
	struct tg_answer nowhere = {.error = -TG_E_WIRE};
	struct mt_address known[TG_RACE];
	struct tg_dc *dc =
		tg_address_pick(a, t->dc_id, false, known) ? tg_dc_get(a, t->dc_id) : NULL;

	if (!dc) {
		tg_login_failed(a, &nowhere);
		return;
	}
	tg_dc_become_main(a, dc);
	tg_login_call(a, &m.obj, answered);
}

static void answered(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o;

	if (r->error && a->state == TG_WAIT_QR &&
	    (r->error != -TG_E_TELEGRAM || r->code >= 500 || r->code == 420)) {
		arm(a, r->retry_after ? r->retry_after * TG_SECOND : RETRY);
		return;
	}
	o = tg_login_answer(a, c, r, &arena);
	if (!o)
		return;
	if (o->ctor == TL_auth_loginToken)
		show(a, (const struct tl_auth_loginToken *)o);
	else if (o->ctor == TL_auth_loginTokenMigrateTo)
		move(a, (const struct tl_auth_loginTokenMigrateTo *)o);
	else if (o->ctor == TL_auth_loginTokenSuccess &&
		 ((const struct tl_auth_loginTokenSuccess *)o)->authorization->ctor ==
			 TL_auth_authorization)
		tg_login_authorized(a,
				    ((const struct tl_auth_loginTokenSuccess *)o)->authorization);
	else
		tg_login_unreadable(a);
	tl_arena_free(&arena);
}

void tg_login_ask_token(struct tg_account *a)
{
	struct tl_auth_exportLoginToken m = {
		.obj = {TL_auth_exportLoginToken},
		.api_id = a->s.api_id,
		.api_hash = tl_str(a->s.api_hash ? a->s.api_hash : ""),
	};

	a->login->accepted = false;
	tg_timer_clear(&a->timers, &a->login->timer);
	tg_login_call(a, &m.obj, answered);
}

void tg_login_token_accepted(struct tg_account *a)
{
	if (a->login->info.method != TG_LOGIN_QR || a->state == TG_WAIT_PASSWORD)
		return;
	if (a->login->call)
		a->login->accepted = true;
	else
		tg_login_ask_token(a);
}
