/* Logging in to the sandbox: what is kept beside an authorisation until it is one, and what a test
 * may choose for a phone number. Owner: the world. */
#ifndef SANDBOX_LOGIN_H
#define SANDBOX_LOGIN_H

#include "tests/sandbox/sandbox.h"

#define SB_MAX_WAYS 8
#define SB_CODE_LIFE 600   /* s */
#define SB_CODE_TIMEOUT 60 /* s before the next way is open */
#define SB_QR_LIFE 30      /* s */
#define SB_EMAIL_CODE 6    /* digits */

enum sb_way { /* of a code, as auth.sentCodeType has them */
	      SB_WAY_APP,
	      SB_WAY_SMS,
	      SB_WAY_SMS_WORD,
	      SB_WAY_SMS_PHRASE,
	      SB_WAY_CALL,
	      SB_WAY_FLASH_CALL,
	      SB_WAY_MISSED_CALL,
	      SB_WAY_EMAIL,
	      SB_WAY_SETUP_EMAIL,
	      SB_WAY_FRAGMENT_SMS,
	      SB_WAY_FIREBASE_SMS,
	      SB_WAY_COUNT
};
/* How codes for a number travel: control method "delivery". */
struct sb_delivery {
	enum sb_way ways[SB_MAX_WAYS]; /* one after the other; count 0: as real servers do */
	unsigned count;
	int timeout, life; /* s */
	const char *terms; /* of a sign-up; NULL: none */
	int min_age;
	bool payment; /* wanted before a code is sent */
};
struct sb_login { /* beside an authorisation: auth->world */
	const char *phone, *code, *hash;
	unsigned way; /* which of the ways is next */
	enum sb_way via;
	bool more;                      /* there is a next way */
	int64_t expires;                /* Unix seconds, of the code */
	const char *email, *email_code; /* of a login e-mail being set up */
	int64_t pending;                /* the user whose password is asked */
	const char *recovery;           /* code of the recovery e-mail */
	bool imported;                  /* authorised from another DC: gets no updates */
	bool online;
	bool verified; /* the code was right; a name is wanted */
	int tries;
	int64_t qr_user; /* who accepted the token */
};
struct sb_token { /* a login token: good for once */
	struct sb_auth *auth;
	int64_t expires, user; /* user: it was accepted elsewhere, and is to be imported */
	int dc;
	bool used;
};

struct sb_world;
struct sb_user;
struct sb_call;
/* rpc_phone.c */
const struct sb_delivery *sb_delivery(struct sb_world *w, const char *phone);
bool sb_way_parse(const char *name, enum sb_way *ret);
/* "a***e@example.org" */
const char *sb_email_pattern(struct tl_arena *a, const char *email);
/* A code for this address was sent: the oracle knows it by the owner's phone. */
const char *sb_email_send(struct sb_world *w, const char *phone);
/* rpc_qr.c: NULL or an error's text; bytes or base64url, with or without the link around it. */
const char *sb_qr_accept(struct sb_world *w, struct sb_user *u, struct tl_str token);
/* The code, or a token, was right: a password is asked, or the caller is logged in. */
void sb_first_step_done(struct sb_world *w, struct sb_call *c, struct sb_user *u);

#endif
