/* What a state of the login shows (RPC contract §9), for answers and account_state updates. */
#include "core/login.h"
#include "daemon/accounts.h"
#include "daemon/js.h"

static void filled(struct tl_buf *b, const char *key, const struct tg_login_info *i,
		   enum tg_login_text which)
{
	if (i->text[which] && *i->text[which])
		rpc_js_text(b, key, i->text[which]);
}

static void number(struct tl_buf *b, const char *key, const struct tg_login_info *i,
		   enum tg_login_number which)
{
	if (i->number[which])
		rpc_js_int(b, key, i->number[which]);
}

/* The clue has the name that Telegram gives it. */
static const char *clue_name(int64_t via)
{
	switch ((enum tg_via)via) {
	case TG_VIA_FLASH_CALL:
		return "pattern";
	case TG_VIA_MISSED_CALL:
		return "prefix";
	case TG_VIA_FRAGMENT_SMS:
		return "url";
	case TG_VIA_NONE:
	case TG_VIA_APP:
	case TG_VIA_SMS:
	case TG_VIA_SMS_WORD:
	case TG_VIA_SMS_PHRASE:
	case TG_VIA_CALL:
	case TG_VIA_EMAIL:
	case TG_VIA_FIREBASE_SMS:
	case TG_VIA_COUNT:
		break;
	}
	return "beginning";
}

static void code(struct tl_buf *b, const struct tg_login_info *i)
{
	int64_t next = i->number[TG_LOGIN_NEXT];

	rpc_js_text(b, "via", tg_via_name((enum tg_via)i->number[TG_LOGIN_VIA]));
	rpc_js_int(b, "length", i->number[TG_LOGIN_LENGTH]);
	filled(b, clue_name(i->number[TG_LOGIN_VIA]), i, TG_LOGIN_CLUE);
	filled(b, "email", i, TG_LOGIN_EMAIL);
	if (next)
		rpc_js_text(b, "next", tg_via_name((enum tg_via)next));
	number(b, "timeout", i, TG_LOGIN_TIMEOUT);
	if (next)
		rpc_js_int(b, "next_at", i->number[TG_LOGIN_SENT_AT] + i->number[TG_LOGIN_TIMEOUT]);
	number(b, "reset_period", i, TG_LOGIN_RESET_PERIOD);
	number(b, "reset_date", i, TG_LOGIN_RESET_DATE);
}

static void password(struct tl_buf *b, const struct tg_login_info *i)
{
	filled(b, "hint", i, TG_LOGIN_HINT);
	rpc_js_bool(b, "has_recovery", i->number[TG_LOGIN_HAS_RECOVERY]);
	if (i->number[TG_LOGIN_RECOVERING])
		filled(b, "recovery_email", i, TG_LOGIN_EMAIL);
}

static void payment(struct tl_buf *b, const struct tg_login_info *i)
{
	filled(b, "product", i, TG_LOGIN_PRODUCT);
	filled(b, "currency", i, TG_LOGIN_CURRENCY);
	number(b, "amount", i, TG_LOGIN_AMOUNT);
	number(b, "premium_days", i, TG_LOGIN_PREMIUM_DAYS);
	filled(b, "support_email", i, TG_LOGIN_SUPPORT_EMAIL);
	filled(b, "support_subject", i, TG_LOGIN_SUPPORT_SUBJECT);
}

void rpc_login_write(struct tl_buf *b, const struct rpc_account *a)
{
	const struct tg_login_info *i = tg_login_info(a->tg);

	if (!i)
		return;
	switch (a->state) {
	case TG_WAIT_CODE:
		code(b, i);
		break;
	case TG_WAIT_PASSWORD:
		password(b, i);
		break;
	case TG_WAIT_EMAIL_CODE:
		filled(b, "email", i, TG_LOGIN_EMAIL);
		number(b, "length", i, TG_LOGIN_LENGTH);
		break;
	case TG_WAIT_SIGNUP:
		filled(b, "terms", i, TG_LOGIN_TERMS);
		number(b, "min_age", i, TG_LOGIN_MIN_AGE);
		break;
	case TG_WAIT_QR:
		filled(b, "url", i, TG_LOGIN_URL);
		number(b, "expires", i, TG_LOGIN_EXPIRES);
		break;
	case TG_WAIT_PAYMENT:
		payment(b, i);
		break;
	case TG_READY: /* E.46 */
		number(b, "tmp_sessions", i, TG_LOGIN_TMP_SESSIONS);
		number(b, "relogin_days", i, TG_LOGIN_RELOGIN_DAYS);
		if (i->number[TG_LOGIN_SETUP_PASSWORD])
			rpc_js_bool(b, "setup_password_required", true);
		break;
	case TG_SIGNED_OUT:
	case TG_CONNECTING:
	case TG_WAIT_PHONE:
	case TG_WAIT_EMAIL:
	case TG_REVOKED:
	case TG_FAILED:
		break;
	}
}
