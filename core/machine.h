/* Inside core: the login machine's parts and what they call of each other. Owner of struct
 * tg_login: the account; login_steps.c are its doors, login.c runs it, login_phone.c, login_qr.c,
 * login_string_session.c and login_password.c are its ways, login_record.c keeps it in the store,
 * password.c answers password checks, logout.c ends it all. */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include "core/account.h"
#include "core/login.h"

#define TG_LOGIN_TEXT_MAX 8192   /* of one text kept */
#define TG_LOGIN_RESTARTS 2      /* of one step: a fresh code or token instead of a void one */
#define TG_LOGOUT_TOKENS 20      /* E.35 */
#define TG_LOGOUT_TOKEN_MAX 1024 /* bytes of one */
#define TG_QR_MARGIN 2           /* s before its end a token is renewed */
#define TG_QR_LONGEST 300        /* s */
#define TG_DESTROY_WAIT (3 * TG_SECOND)

typedef void tg_login_then(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);
struct tg_login {
	struct tg_login_info info;
	struct tg_call *call;
	tg_login_then *then;
	struct tg_check *check;
	struct tg_timer timer; /* of the QR code */
	struct tg_answer why;  /* what the step will be refused with when it has recovered */
	char *why_text;
	unsigned restarts;
	bool accepted; /* the QR code was, while a token was on its way */
};

/* login.c */
void tg_text_set(char **at, struct tl_str s); /* a copy; absent or no memory: NULL */
struct tl_str tg_text(const struct tg_login *l, enum tg_login_text which);
/* A method of this login; then is not called when the login ends first. */
void tg_login_call(struct tg_account *a, const struct tl_obj *method, tg_login_then *then);
void tg_login_stop(struct tg_account *a);                    /* what it has under way */
void tg_login_settle(struct tg_account *a, enum tg_state s); /* the step ends there */
void tg_login_failed(struct tg_account *a, const struct tg_answer *why);
void tg_login_authorization(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);
void tg_login_authorized(struct tg_account *a, const struct tl_obj *authorization);
void tg_login_unreadable(struct tg_account *a);
/* Telegram said no: the table of E.33 says what follows. */
void tg_login_refused(struct tg_account *a, const struct tg_answer *r);
/* The answer of one of its methods, in a fresh arena that the caller frees; NULL, and nothing to
 * free: it was refused or unreadable, and that is dealt with. */
const struct tl_obj *tg_login_answer(struct tg_account *a, struct tg_call *c,
				     const struct tg_answer *r, struct tl_arena *arena);

/* login_steps.c */
int tg_login_begin(struct tg_account *a, enum tg_login_method method, struct mt_time now) TL_MUST;

/* login_string_session.c */
void tg_login_ask_self(struct tg_account *a);

/* login_phone.c */
void tg_login_send_code(struct tg_account *a);
void tg_login_next_way(struct tg_account *a);   /* of delivery */
void tg_login_lost_email(struct tg_account *a); /* another way than the login e-mail */
void tg_login_sent(struct tg_account *a, const struct tl_obj *sent_code);
int tg_login_submit_phone(struct tg_account *a, const struct tg_login_input *in);

/* login_qr.c */
void tg_login_ask_token(struct tg_account *a);
void tg_login_token_accepted(struct tg_account *a);

/* login_password.c */
void tg_login_ask_password(struct tg_account *a);
void tg_login_send_recovery(struct tg_account *a);
int tg_login_submit_password(struct tg_account *a, const struct tg_login_input *in);

/* login_record.c */
void tg_login_put(const struct tg_account *a, struct tl_buf *b);
void tg_login_load(struct tg_account *a, enum tg_state state, struct tl_cursor *c);
void tg_logout_token_add(struct tg_account *a, struct tl_str token);
/* The tokens as elements for a Vector<bytes>; count of them. */
unsigned tg_logout_tokens(const struct tg_account *a, struct tl_str list[TG_LOGOUT_TOKENS]);

/* password.c: account.getPassword, the sums on a thread, then the method that wants them. */
typedef void tg_check_then(struct tg_account *a, struct tg_check *k, struct tg_call *c,
			   const struct tg_answer *r);
/* then is called once, unless it is dropped; k is gone after it. */
struct tg_check *tg_check_new(struct tg_account *a, const struct tg_password_change *p, bool login,
			      int64_t deadline, tg_check_then *then);
void tg_check_drop(struct tg_account *a, struct tg_check *k);

#endif
