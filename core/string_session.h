/* core: sessions as text, another front door. What an account needs to go on elsewhere without a
 * new login: its keys by data centre, who it is, how far its updates had come, whom it knows.
 *
 * Own form: "layerd1:" and base64url of a body with a checksum. Read as well, told apart by their
 * shape: the strings of Telethon, Pyrogram (and its forks), GramJS, mtcute, ferogram and layer. */
#ifndef CORE_STRING_SESSION_H
#define CORE_STRING_SESSION_H

#include "core/core.h"

#define TG_STRING_SESSION_TEXT_MAX (1u << 20) /* a longer text is refused */
#define TG_STRING_SESSION_DCS 16u
#define TG_STRING_SESSION_CHANNELS 20000u
#define TG_STRING_SESSION_PEERS 50000u

struct tg_string_session_peer {
	enum tg_peer_kind kind; /* USER or CHANNEL */
	int64_t id, access_hash;
};
struct tg_string_session {
	char origin[12]; /* "layerd", "telethon" …: whose text it was */
	int main_dc;
	bool test, test_known; /* the world; not every form says it */
	int64_t self;          /* 0 = not said */
	bool bot, bot_known;
	struct tg_string_session_dc {
		int id;
		bool has_key;
		uint8_t key[256];
	} dcs[TG_STRING_SESSION_DCS];
	unsigned dc_count;
	bool has_state;
	int32_t pts, qts, date, seq;
	struct tl_buf channels; /* struct tg_string_session_channel[] */
	struct tl_buf peers;    /* struct tg_string_session_peer[] */
};
struct tg_string_session_channel {
	int64_t id;
	int32_t pts;
};
/* -TG_E_INVALID_PARAMS with the reason; ret holds nothing then. */
int tg_string_session_parse(struct tl_str text, struct tg_string_session *ret,
			    const char **ret_why) TL_MUST;
int tg_string_session_print(const struct tg_string_session *s,
			    struct tl_buf *out) TL_MUST; /* own form */
/* Of an account that is logged in; its peers and channels as far as they fit. */
int tg_string_session_export(struct tg_account *a, struct tg_string_session *ret) TL_MUST;
/* A login without asking anybody, a step of the login machine (login.h): its keys are taken over,
 * and Telegram says whose they are. -TG_E_INVALID_PARAMS: of another world than the account. */
int tg_login_string_session(struct tg_account *a, const struct tg_string_session *s,
			    struct mt_time now) TL_MUST;
void tg_string_session_free(struct tg_string_session *s); /* wipes */

#endif
