/* The login machine and the two-step password, as the daemon sees them (RPC contract §9). A step is
 * begun here and ends with a TG_EV_STATE that carries its number; a step that changed nothing (a
 * wrong code) says so by its flag again. The rest of the front door is core.h. */
#ifndef CORE_LOGIN_H
#define CORE_LOGIN_H

#include "core/core.h"

/* How a code travels (E.31). */
enum tg_via {
	TG_VIA_NONE,
	TG_VIA_APP,
	TG_VIA_SMS,
	TG_VIA_SMS_WORD,
	TG_VIA_SMS_PHRASE,
	TG_VIA_CALL,
	TG_VIA_FLASH_CALL,
	TG_VIA_MISSED_CALL,
	TG_VIA_EMAIL,
	TG_VIA_FRAGMENT_SMS,
	TG_VIA_FIREBASE_SMS,
	TG_VIA_COUNT
};
const char *tg_via_name(enum tg_via v); /* "" for NONE */

enum tg_login_method {
	TG_LOGIN_NONE,
	TG_LOGIN_BOT,
	TG_LOGIN_PHONE,
	TG_LOGIN_QR,
	TG_LOGIN_STRING_SESSION
};
/* What the state of a login shows. Texts are NULL when there is nothing to show. */
enum tg_login_text {
	TG_LOGIN_PHONE_NUMBER, /* digits */
	TG_LOGIN_HASH,         /* phone_code_hash: says which code is meant; not for strangers */
	TG_LOGIN_CLUE,         /* pattern, prefix, first word or address, as via needs it */
	TG_LOGIN_EMAIL,        /* pattern of the address that a code went to */
	TG_LOGIN_HINT,         /* of the password */
	TG_LOGIN_TERMS,        /* of service */
	TG_LOGIN_URL,          /* of a QR code */
	TG_LOGIN_PRODUCT,      /* of a payment, as the next three */
	TG_LOGIN_SUPPORT_EMAIL,
	TG_LOGIN_SUPPORT_SUBJECT,
	TG_LOGIN_CURRENCY,
	TG_LOGIN_TEXTS
};
enum tg_login_number {
	TG_LOGIN_VIA,
	TG_LOGIN_NEXT,
	TG_LOGIN_LENGTH,
	TG_LOGIN_TIMEOUT, /* s from SENT_AT, before another way may be asked for */
	TG_LOGIN_SENT_AT, /* Unix seconds */
	TG_LOGIN_HAS_RECOVERY,
	TG_LOGIN_RECOVERING, /* a recovery code went to EMAIL */
	TG_LOGIN_EXPIRES,    /* Unix seconds, of URL */
	TG_LOGIN_MIN_AGE,
	TG_LOGIN_AMOUNT,
	TG_LOGIN_PREMIUM_DAYS,
	TG_LOGIN_RESET_PERIOD, /* s until a lost login e-mail is reset, from the request on */
	TG_LOGIN_RESET_DATE,   /* when it will be */
	/* of a login that succeeded (E.46) */
	TG_LOGIN_TMP_SESSIONS,
	TG_LOGIN_RELOGIN_DAYS,
	TG_LOGIN_SETUP_PASSWORD,
	TG_LOGIN_NUMBERS
};
struct tg_login_info {
	enum tg_login_method method;
	char *text[TG_LOGIN_TEXTS];
	int64_t number[TG_LOGIN_NUMBERS];
};
const struct tg_login_info *tg_login_info(const struct tg_account *a); /* NULL: no login */

/* ---- steps; each of them ends in TG_EV_STATE or an error here ---- */
/* Begin anew, whatever was under way. -TG_E_NOT_PERMITTED: logged in already. */
int tg_login_bot(struct tg_account *a, struct tl_str token, struct mt_time now) TL_MUST;
int tg_login_phone(struct tg_account *a, struct tl_str phone, struct mt_time now) TL_MUST;
int tg_login_qr(struct tg_account *a, struct mt_time now) TL_MUST;
struct tg_login_input { /* what the state asks for; the rest is left out */
	struct tl_str phone, code, password, email, email_code, first_name, last_name, hint;
	bool terms;
};
/* -TG_E_INVALID_PARAMS: that is not what the state asks for; -TG_E_AGAIN: a step is under way;
 * -TG_E_ACCOUNT_NOT_READY: nothing is asked for. */
int tg_login_submit(struct tg_account *a, const struct tg_login_input *in,
		    struct mt_time now) TL_MUST;
/* Another way for the code. -TG_E_NOT_PERMITTED: none, or not yet (*ret_wait seconds). */
int tg_login_resend(struct tg_account *a, int *ret_wait, struct mt_time now) TL_MUST;
int tg_login_recover(struct tg_account *a, struct mt_time now) TL_MUST;     /* by e-mail (E.40) */
int tg_login_reset_email(struct tg_account *a, struct mt_time now) TL_MUST; /* E.34 */
bool tg_login_cancel(struct tg_account *a, struct mt_time now); /* false: nothing is under way */
uint64_t tg_login_step(const struct tg_account *a);             /* the latest that was begun */
int tg_sign_out(struct tg_account *a, struct mt_time now) TL_MUST;
bool tg_account_leaving(const struct tg_account *a); /* that is under way */

/* ---- the two-step password of an account that is logged in (E.41) ---- */
struct tg_password_change {
	struct tl_str current, fresh, hint, email; /* data NULL: none, or left as it is */
	struct tl_str code;                        /* of the recovery, instead of the current one */
	bool remove;
};
/* One ANSWER or ERROR with this number follows; value: length of the code that the new e-mail waits
 * for, or 0. */
int tg_password_change(struct tg_account *a, const struct tg_password_change *p, int64_t deadline,
		       uint64_t *ret_call, struct mt_time now) TL_MUST;

#endif
