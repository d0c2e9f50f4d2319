/* A Telegram without a file descriptor for the tests of core: an account on a store in memory, a
 * small server behind each data centre (key known beforehand), a clock that the test moves. The
 * journal holds what was committed, in order, as the daemon would keep it. */
#ifndef TESTS_CORE_RIG_H
#define TESTS_CORE_RIG_H

#include "core/account.h"
#include "core/login.h"
#include "tests/harness.h"
#include "tests/unit/proto/handshake_server.h"

#define RIG_DCS 5
#define RIG_MORE 24 /* further connections, over all data centres */
#define RIG_EPOCH INT64_C(1700000000)
#define RIG_LOG 4096
#define RIG_SELF 7000
#define RIG_USER 100 /* talks to the bot */
#define RIG_CHANNEL 500

struct rig_request {
	int dc;
	struct rig_dc *on; /* the connection it came over */
	uint64_t msg_id;
	unsigned method;
	bool wrapped, without_updates;
	int64_t takeout; /* 0: not inside one */
	int range_from, range_to;
	const struct tl_obj *obj;
};
struct rig_result { /* ANSWER and ERROR events */
	uint64_t call;
	unsigned method;
	int error, code, retry_after;
	unsigned place;
	bool sent;
	char text[64];
	uint32_t number; /* constructor of the answer */
	int64_t at;
};
struct rig_waiting { /* WAITING events */
	uint64_t call;
	const char *stage;
	unsigned place;
	int done, total;
};
struct rig_message { /* the server's history */
	int32_t pts;
	int64_t channel;
	char text[24];
};
/* A data centre and its first connection; or one more connection with one. */
struct rig_dc {
	int id;
	struct mt_key key; /* of the data centre */
	struct mt_link *link;
	int slot; /* link of the account, -1: none */
	uint64_t session, last_msg_id, salt;
	uint64_t salt_heard; /* in the last packet */
	uint32_t content;
	bool fresh;                 /* a new session, not yet announced */
	unsigned connections, most; /* over all time; at once */
	bool unknown_key;           /* of a data centre: -404 until a new one is made */
	unsigned refusals;          /* so many packets of this connection are answered by error */
	int error;                  /* of the transport: -404, -429, -444 */
	struct server server;       /* for a key exchange */
};
struct rig {
	struct tg_account *a;
	struct tg_store *store;
	struct tg_settings s;
	struct mt_address addresses[RIG_DCS];
	struct tg_env env;
	struct mt_time now;
	int64_t skew; /* ns that the server's clock is ahead of now.real */
	uint64_t seed;
	struct rig_dc dc[RIG_DCS + 1], more[RIG_MORE];
	struct tl_arena arena; /* decoded requests */
	char init[6][32];      /* texts of the last initConnection */

	/* what the account said; saw: looks at each event, and keeps the journal instead */
	void (*saw)(struct rig *r, const struct tg_event *ev);
	void *ctx; /* of saw and serve */
	char journal[RIG_LOG][32], pending[RIG_LOG][32];
	size_t journal_n, pending_n, owned_n; /* owned: of the batch that is on its way */
	struct rig_result results[256];
	size_t results_n;
	struct rig_waiting waitings[64];
	unsigned waitings_n, limited;
	struct tg_event state, resolved[32];
	struct tg_peer resolved_peers[32];
	uint64_t step; /* the last that STATE said is over */
	unsigned states, same_states, commits, onlines, resolved_n;
	char state_text[64];
	int fail_commit; /* error of the next commits */
	bool hold_commit, refuse_connection, bytewise, no_keys;
	struct tg_batch *held;

	/* the server */
	bool (*serve)(struct rig *r,
		      const struct rig_request *q); /* true: answered, or left alone */
	unsigned calls[4096];                       /* by method */
	unsigned handshakes, packets;               /* plain messages, sealed ones */
	struct rig_request last;
	int32_t pts, date, seq, slice;
	struct rig_message history[RIG_LOG];
	size_t history_n;
	int32_t channel_pts, channel_date;
	unsigned authorized; /* bit per data centre */
	bool mute;           /* updates are not sent */
};
struct rig *rig_new(void);
struct rig *rig_new_without_keys(void);
void rig_free(struct rig *r);
void rig_restart(struct rig *r); /* kill -9, then a start from the store */
void rig_login(struct rig *r);   /* to READY */
void rig_run(struct rig *r);     /* until nothing moves */
void rig_pass(struct rig *r, double seconds);
void rig_lose(struct rig *r, int dc);           /* cuts its connections */
unsigned rig_open(const struct rig *r, int dc); /* how many there are */
void rig_commit_held(struct rig *r);            /* what hold_commit kept back */
uint32_t rig_draw(struct rig *r, uint32_t below);

/* Server side. */
bool rig_pump(struct rig *r, struct rig_dc *d); /* takes what the account sent over it */
void rig_say(struct rig *r, int dc, const struct tl_obj *o);
void rig_answer(struct rig *r, const struct rig_request *q, const struct tl_obj *o);
void rig_say_bytes(struct rig *r, int dc, const void *data, size_t n); /* cut to words */
void rig_answer_bytes(struct rig *r, const struct rig_request *q, const void *data, size_t n);
void rig_refuse(struct rig *r, const struct rig_request *q, int code, const char *text);
void rig_message(struct rig *r, const char *text);         /* to the bot, in private */
void rig_channel_message(struct rig *r, const char *text); /* in RIG_CHANNEL */
/* A message's update is made, and counted, but sent by the caller (or lost). */
struct tl_obj *rig_make(struct rig *r, int64_t channel, const char *text);
struct tl_obj *rig_user(struct rig *r, int64_t id, const char *username, bool min);
struct tl_obj *rig_channel(struct rig *r, int64_t id, const char *username, bool min);
struct tl_obj *rig_updates(struct rig *r, struct tl_obj **list, uint32_t n, int32_t seq);
struct tl_obj *rig_short(struct rig *r, struct tl_obj *update);      /* updateShort */
struct tl_obj *rig_too_long(struct rig *r, int64_t id, int32_t pts); /* pts 0: none */
void *rig_alloc(struct rig *r, size_t n);

/* Client side. */
uint64_t rig_call(struct rig *r, const struct tl_obj *method, const struct tg_call_options *o);
const struct rig_result *rig_result_of(struct rig *r, uint64_t call); /* NULL: none yet */
void rig_journal_is(struct rig *r, const char *want);                 /* "a b c" */

#endif
