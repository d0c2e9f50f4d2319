/* Inside core: the account and what its files call of each other. Owner of the struct: account.c.
 * event.c holds what the world will pull, writes.c what goes to the store, dc.c the sessions with
 * data centres, keys.c what the store has of these, authorize.c how the others get to know the
 * account, cdn.c those that cache files, address.c where they live, query.c the calls, verdict.c
 * what Telegram says to them, flood.c what holds them back, takeout.c what
 * they are wrapped in, refusal.c Telegram's errors, login*.c
 * the way in, logout.c out, password.c the second step (machine.h), peers.c and resolve.c who is
 * who, named.c who is named, updates.c carriers, update_state.c the boxes at rest, box.c the order
 * of a box, difference.c and channel_difference.c what was missed, short.c the short forms. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include "core/core.h"
#include "core/heap.h"
#include "proto/temporary.h"
#include "tl_schema.h"

/* ---- limits and times ---- */
#define TG_MAX_DCS 12
#define TG_DC_NUMBER_MAX 1000 /* larger ones are nonsense */
#define TG_MAX_SESSIONS 32    /* of an account, over all data centres */
#define TG_UPLOADS 8          /* sessions for uploads with one data centre (C.72) */
#define TG_UPLOADS_LARGE 4    /* the same with DC 2 and 4 */
#define TG_DOWNLOADS 4
#define TG_SESSION_BUSY 2           /* queries; while all have so many, one more is opened */
#define TG_DC_IDLE (60 * TG_SECOND) /* a session without calls is let go, the main one apart */
#define TG_KEY_CHECK (60 * TG_SECOND)
#define TG_CDN_MAX 16 /* data centres that cache */
#define TG_CDN_KEYS 4 /* of one */
#define TG_CDN_ADDRESSES 8
#define TG_CDN_KEYS_KEPT (60 * TG_SECOND) /* between two questions for them */
#define TG_MIGRATIONS 3                   /* of one call */
#define TG_HOLD_MAX 1209600               /* s: longer flood waits are cut (D.75) */
#define TG_GOING_WAIT (10 * TG_SECOND)    /* after a flood: for the answer to the first */
#define TG_TELL_PAUSE (TG_SECOND / 4)     /* between two words about one waiting call */
#define TG_LIMITED_TELL (600 * TG_SECOND) /* that files are slow is told so often (D.76) */
#define TG_CLOCK_OFF 5                    /* s: a clock this wrong is told */
#define TG_ARENA_CAP (64u << 20)          /* decoded updates of one packet */
#define TG_GAP_WAIT (TG_SECOND / 2)       /* F.30 */
#define TG_DIFF_PACE TG_SECOND            /* between two fresh differences of a box */
#define TG_DIFF_WAIT (60 * TG_SECOND)     /* for the answer to one */
#define TG_IDLE_DIFF (900 * TG_SECOND)    /* F.34 */
#define TG_PENDING_MAX 1000               /* buffered updates of a box (F.31) */
#define TG_PENDING_BYTES (1u << 20)
#define TG_PENDING_ALL (16u << 20) /* of all boxes of an account */
#define TG_CHANNELS_MAX 65536      /* boxes in memory */
#define TG_POLLED_MAX 10           /* channels without membership (F.53) */
#define TG_BACKLOG_MAX 8192        /* events that wait for the disk */
#define TG_DRIFT_MAX 100000        /* F.35 */
#define TG_SLICE_REPEATS 3         /* F.43 */
#define TG_CHANNEL_DIFFS 10        /* at once (F.56) */
#define TG_DIFF_LIMIT_USER 100     /* F.50 */
#define TG_DIFF_LIMIT_BOT 100000
#define TG_DIFF_PIECE 64    /* halved while an answer is unreadable */
#define TG_DIFF_CUTS 16     /* halvings of it: none is left long before */
#define TG_BACKOFF_MAX 64   /* s */
#define TG_NAME_FRESH 86400 /* s: an older username is asked for again */
#define TG_TITLE_PAGES 20   /* of 100 dialogs, when a title is looked for */
#define TG_LOGOUT_WAIT (10 * TG_SECOND)
#define TG_LOGIN_FLOOD 60 /* s slept out while logging in */

/* ---- events ---- */
/* A packet's bytes and what was decoded from them, itself in its arena; kept while an event or a
   box points into it. */
struct tg_carrier {
	unsigned refs;
	size_t size;
	struct tl_arena arena;
};
struct tg_node {
	struct tg_event ev;
	struct tg_node *next;
	struct tg_carrier *carrier;
	void *owned;
	struct tg_call *call; /* the node is a part of it */
	bool queued;
};
struct tg_carrier *tg_carrier_new(const void *data, size_t n, struct tl_cursor *ret);
struct tg_carrier *tg_carrier_hold(struct tg_carrier *c);
void tg_carrier_drop(struct tg_carrier *c); /* NULL is fine */

/* ---- boxes (F1-F4): box.c ---- */
struct tg_item {
	struct tg_item *next;
	struct tg_carrier *carrier;
	const struct tl_obj **updates; /* or NULL: only the counter moves */
	uint32_t update_count;
	int32_t pts, count;
	int32_t date;    /* of a carrier under seq */
	int64_t arrived; /* boot ns */
	size_t size;     /* while pending */
};
struct tg_box {
	struct tg_item *pending; /* sorted by pts - count */
	uint32_t pending_count;
	size_t pending_size;
	int32_t pts;
	size_t *shared;   /* pending bytes of all boxes of the account, or NULL */
	bool known, busy; /* busy: a difference is on its way, everything waits */
	bool suspect;     /* impossible numbers or too much waiting: ask at once */
	unsigned stuck;   /* differences that did not reach what is pending */
};
/* What may be applied now, in order; the box has already moved. The item goes over. */
struct tg_item *tg_box_feed(struct tg_box *b, struct tg_item *item);
struct tg_item *tg_box_replay(struct tg_box *b); /* the same after a difference */
int64_t tg_box_gap_at(const struct tg_box *b);   /* when to ask, boot ns */
void tg_box_forget(struct tg_box *b);            /* what is pending */
void tg_item_free(struct tg_item *item);

enum { TG_BOX_COMMON, TG_BOX_QTS, TG_BOX_SEQ, TG_BOX_COUNT };
struct tg_channel {
	struct tg_box box;
	int64_t id;
	struct tg_timer timer; /* gap, back-off, pace or poll */
	struct tg_channel *next_waiting, *next_dirty;
	struct tg_call *call;
	const char *lost; /* why its number is taken as it is; NULL: a difference is asked */
	int64_t asked_at, poll_at; /* boot ns; 0: never */
	int32_t top;               /* how far this difference has come */
	unsigned level, repeats, unreadable;
	bool dirty, waiting, polled;
	bool owed;    /* asked for while it could not be asked */
	bool skipped; /* its box is where it was when the account jumped to the present */
	bool asked_peer, asking_peer; /* the common difference may tell who it is */
};
struct tg_updates {
	struct tg_box box[TG_BOX_COUNT];
	struct tg_map channels;
	struct tg_timer gap, idle, retry;
	struct tg_call *call;                       /* getState or getDifference */
	struct tg_channel *waiting, **waiting_last; /* for their turn (F.56) */
	struct tg_channel *dirty_channels;
	int64_t asked_at; /* boot ns; 0: never */
	uint64_t after; /* the batch that must be stored before the difference is asked; 0: none */
	size_t pending_size;
	int32_t date, asked_pts, asked_qts, top_pts, top_qts;
	int32_t stored_date; /* behind date while channels are: the server tells them by it */
	unsigned level, repeats, unreadable, channel_calls, polled;
	bool dirty, again, synced;            /* synced: caught up once since the start */
	bool holed;                           /* the last answer was too long */
	struct tl_updates_getDifference tell; /* where we are, for the server (F.35) */
	uint64_t tell_after;                  /* the batch that makes it true; 0: none */
	bool untold;  /* there was no memory for an event: a gap is told before the next state */
	bool damaged; /* the store lost the state of an account that had one */
};

/* ---- calls: query.c ---- */
struct tg_answer {
	int error, code, retry_after;
	unsigned place; /* among those that wait for the same */
	bool sent;
	const uint8_t *data; /* of an answer; or Telegram's text */
	size_t n;
};
enum tg_purpose { TG_FOR_MAIN, TG_FOR_UPLOAD, TG_FOR_DOWNLOAD, TG_FOR_CDN, TG_FOR_CHECK };
enum tg_call_state { TG_CALL_WAIT, TG_CALL_SENT, TG_CALL_SLEEP, TG_CALL_DONE };
struct tg_call {
	struct tg_node node;          /* becomes the answer, so that this cannot fail */
	struct tg_call *next, **link; /* all calls, the newest first */
	struct tg_call *chain_next;
	struct tg_chain *chain;
	struct tg_session *on;
	const char *moved_by; /* FILE_MIGRATE_ …, when it was */
	uint64_t id, query, target;
	uint8_t *wrapped, *body; /* body: behind its wrappers in the same memory */
	size_t n, lead;          /* lead: bytes of the takeout's wrappers, before the body */
	enum tg_call_state state;
	enum tg_purpose purpose;
	unsigned method, flags, tries, moves;
	int dc, flood_wait;
	int64_t deadline;
	struct tg_timer timer, wake;
	bool any_state, unclear, has_target, asked_config, asked_cdn, to_main, moves_main, tells;
	struct tg_hold *hold; /* stands in its line, or was let go from it */
	struct tg_call *hold_next;
	int64_t held_at, told_at;
	void (*done)(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);
	void *ctx; /* of done */
};
struct tg_calls {
	struct tg_call *all;
	struct tg_map by_id, chains;
	struct tg_hold *holds;
	uint64_t last;
};

/* ---- data centres and the sessions with them: dc.c ---- */
struct tg_dc { /* in the vault; lives until its place is needed by another */
	int id;
	struct tg_session *maker;   /* makes the key that the others wait for (B.52) */
	struct mt_temp_key temp;    /* with forward secrecy: all its sessions use it (E.22) */
	uint64_t barrier;           /* this batch must be stored before a byte leaves (B.49) */
	struct tg_call *check;      /* whether its key is really unknown there */
	enum tg_purpose wanted_for; /* by the first call that needs the import */
	bool known, authorized, importing, exported_twice; /* known: it has an address */
	bool tidied;           /* temporary keys of an earlier process are dropped */
	int64_t keys_kept_til; /* before that no other RSA keys are asked for (G.31), boot ns */
};
struct tg_session {
	struct tg_dc *dc;
	enum tg_purpose purpose;
	unsigned link;
	struct mt_client *client;
	struct mt_job *job; /* out with a thread */
	struct tg_map queries;
	struct tg_timer idle;
	struct tg_session *next_dead;
	struct mt_address tried[TG_RACE]; /* that race for the connection; then [0] is it */
	unsigned tried_count;
	bool linked, open, online;
	bool told; /* why this connection gives no way to talk */
	int64_t opened_at;
	unsigned attempt_cdn; /* which address, of a CDN */
};

/* ---- the account ---- */
struct tg_account {
	char *name;
	struct tg_settings s;
	struct tg_env env;
	struct mt_time now;
	uint8_t prefix[8]; /* of its keys in the store */
	struct tg_timers timers;

	enum tg_state state;
	char reason[96];
	int64_t self;
	int main_dc, moving_to;
	unsigned proxy_tries; /* of its clients together */
	bool authorized, is_bot, wanted, online, signing_out;
	uint64_t state_after;     /* STATE is told once this batch is stored; 0 = nothing to tell */
	struct tg_answer refused; /* of FAILED; data = reason */
	struct tg_login *login;   /* under way, or what it left to tell; machine.h */
	uint64_t step;            /* of logins, the latest */
	bool stepping;            /* it is not over */
	struct tg_check *checks;
	struct tl_buf tokens; /* of log-outs (E.35) */
	unsigned keys_left;   /* of a log-out, not yet known to be destroyed */

	struct tg_node *first, **last, *given;
	struct {
		struct tg_batch *batch, *failed;
		struct tg_written *first, **last; /* not yet on the disk, the oldest first */
		struct tg_map by_hash;            /* the same, in chains */
		uint64_t number, inflight, stored;
		unsigned level;
		unsigned owed; /* UPDATE and GAP events said since the last STORE */
		bool choked;   /* some were not taken */
		struct tg_timer retry;
	} store;
	struct tg_dc *dcs[TG_MAX_DCS];
	struct tg_session *sessions[TG_MAX_SESSIONS];
	struct tg_session *dead; /* an event may still point into its client */
	struct tg_calls calls;
	struct tg_updates up;
	struct tg_resolve *resolves;
	uint64_t last_resolve;
	int64_t clock_told, config_until, config_asked, limited_until; /* boot ns */
	int config_lost, config_turn; /* who is to be asked for it instead of the main one */
	struct tg_mark *marks;        /* on addresses */
	unsigned mark_count;
	struct tg_timer config_timer;
	struct tg_call *config_call, *cdn_call;
	struct tg_cdn *cdns;
	struct tl_harvest harvest;
};

/* event.c */
struct tg_node *tg_event_new(struct tg_account *a, enum tg_event_kind kind); /* queued; NULL: OOM */
void tg_event_queue(struct tg_account *a, struct tg_node *n);
void tg_event_unqueue(struct tg_account *a, struct tg_node *n);
bool tg_event_pop(struct tg_account *a, struct tg_event *ret);
void tg_event_free_all(struct tg_account *a);

/* writes.c: reads see what was written, also before it is on the disk. */
void tg_write(struct tg_account *a, enum tg_table t, const void *key, size_t nkey,
	      const void *value, size_t n);
void tg_erase(struct tg_account *a, enum tg_table t, const void *key, size_t nkey);
int tg_read(struct tg_account *a, enum tg_table t, const void *key, size_t nkey,
	    struct tl_buf *out) TL_MUST;
/* All keys of the account in a table that begin with prefix|kind (0: all). */
void tg_erase_all(struct tg_account *a, enum tg_table t, uint8_t kind);
uint64_t tg_write_number(struct tg_account *a); /* of the batch that takes what is written now */
/* The batch that a row waits in; 0: it is stored, or not there. */
uint64_t tg_write_waits(const struct tg_account *a, enum tg_table t, const void *key, size_t nkey);
void tg_writes_flush(struct tg_account *a); /* says STORE when there is reason to */
/* No more events can be taken now; what is missed is asked for when there is room (F.76). */
bool tg_writes_stalled(struct tg_account *a);
/* The batch that will hold all that was written and said; 0: it is on the disk. */
uint64_t tg_writes_pending(const struct tg_account *a);
void tg_writes_init(struct tg_account *a);
void tg_writes_free(struct tg_account *a);
/* A key: the account's prefix, a kind, a number (big-endian, so that order is kept). */
struct tg_key {
	uint8_t bytes[80];
	size_t n;
};
struct tg_key tg_key(const struct tg_account *a, uint8_t kind);
void tg_key_number(struct tg_key *k, uint64_t v);
void tg_key_text(struct tg_key *k, struct tl_str s); /* lower-cased, cut at the key's size */

/* account.c */
void tg_account_save(struct tg_account *a);
void tg_account_set_state(struct tg_account *a, enum tg_state s, const struct tg_answer *why);
void tg_account_revoke(struct tg_account *a, struct tl_str reason);
/* The login's step is over, the state stays. */
void tg_account_refuse(struct tg_account *a, const struct tg_answer *why);
void tg_account_stored_now(struct tg_account *a); /* what waited for a commit */

/* dc.c */
struct tg_dc *tg_dc_find(const struct tg_account *a, int id);
struct tg_dc *tg_dc_get(struct tg_account *a,
			int id); /* made when it is not there; NULL: refused */
void tg_dc_free(struct tg_account *a, struct tg_dc *dc); /* and its sessions */
void tg_dc_become_main(struct tg_account *a, struct tg_dc *dc);
enum tg_purpose tg_purpose_of(unsigned method);
/* The least busy one, or one more; NULL: none yet, the calls are tried again when there is. */
struct tg_session *tg_session_get(struct tg_account *a, struct tg_dc *dc, enum tg_purpose purpose);
struct tg_session *tg_session_main(const struct tg_account *a);   /* or NULL */
bool tg_session_pull(struct tg_account *a, struct tg_session *s); /* one event of its client */
void tg_session_busy(struct tg_account *a, struct tg_session *s);
void tg_session_opened(struct tg_account *a, struct tg_session *s, unsigned which);
void tg_session_lost(struct tg_account *a, struct tg_session *s);
void tg_cdn_sessions_free(struct tg_account *a);
void tg_session_bury(struct tg_account *a); /* frees what is dead */

/* keys.c */
void tg_key_load(struct tg_account *a, int dc, struct mt_client_options *o);
bool tg_key_read(struct tg_account *a, int dc, uint8_t ret_key[256]);
void tg_key_save(struct tg_account *a, int dc, const void *key, size_t n);
uint64_t tg_key_waits(const struct tg_account *a,
		      int dc); /* the batch that it is in; 0: stored, or none */
void tg_salts_save(struct tg_account *a, int dc, const struct mt_event *ev);
void tg_offset_save(struct tg_account *a, int dc, int64_t offset);
bool tg_authorized_load(struct tg_account *a, int dc);
void tg_authorized_save(struct tg_account *a, int dc, bool yes);
void tg_dc_drop_key(struct tg_account *a, int id);              /* into quarantine */
void tg_dc_drop_keys(struct tg_account *a);                     /* all of them */
unsigned tg_dc_keys(struct tg_account *a, int ids[TG_MAX_DCS]); /* those with a key */

/* authorize.c */
void tg_dc_authorize(struct tg_account *a, struct tg_dc *dc, enum tg_purpose purpose);
void tg_dc_set_authorized(struct tg_account *a, struct tg_dc *dc, bool yes);

/* address.c */
struct tg_mark; /* what became of connections to an address */
/* The best address for the next connection, the best of the other family, and those that come next;
 * how many there are. */
unsigned tg_address_pick(struct tg_account *a, int dc, bool media, struct mt_address ret[TG_RACE]);
void tg_address_worked(struct tg_account *a, const struct mt_address *x);
void tg_address_forgive(struct tg_account *a); /* it was our own network that failed */
void tg_address_failed(struct tg_account *a, const struct mt_address *x, bool for_good);

/* config.c */
/* Each address of the stored list; returns whether it says to prefer IPv6. */
bool tg_config_read(struct tg_account *a, void (*each)(void *, const struct mt_address *),
		    void *ctx);
void tg_config_lost(struct tg_account *a, int dc); /* no address of it works: another is asked */
void tg_config_init(struct tg_account *a);
void tg_config_check(struct tg_account *a); /* asks for help.getConfig when it is time (E.1) */
bool tg_config_stale(struct tg_account *a); /* it may have changed; true: it is being asked for */

/* cdn.c */
void tg_cdn_options(struct tg_account *a, const struct tl_config *config);
bool tg_cdn_address(const struct tg_account *a, int dc, unsigned attempt, struct mt_address *ret);
bool tg_cdn_ask(struct tg_account *a); /* help.getCdnConfig; true: it is being asked for */
const struct mt_rsa *tg_cdn_keys(const struct tg_account *a, int dc, unsigned *ret_count);
void tg_cdn_free(struct tg_account *a);

/* takeout.c */
int64_t tg_takeout_id(struct tg_account *a); /* 0: none runs */
void tg_takeout_wrap(struct tg_account *a, const struct tg_call_options *o, struct tl_buf *b);
void tg_takeout_answer(struct tg_account *a, const struct tg_call *c, const struct tg_answer *r);

/* query.c */
/* done is called exactly once, but not when the account dies first. NULL: no memory. */
struct tg_call *
tg_call_own(struct tg_account *a, const struct tl_obj *method, const struct tg_call_options *o,
	    void (*done)(struct tg_account *, struct tg_call *, const struct tg_answer *),
	    void *ctx);
void tg_call_drop(struct tg_account *a, struct tg_call *c, bool *ret_sent); /* no answer comes */
void tg_call_ready(struct tg_account *a, struct tg_call *c); /* to be sent by the next turn */
void tg_call_sleep(struct tg_account *a, struct tg_call *c, int64_t until);
bool tg_call_may_wait(const struct tg_account *a, const struct tg_call *c, int64_t until);
/* Its one completion. */
void tg_call_finish(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);
void tg_call_fail(struct tg_account *a, struct tg_call *c, int error, bool sent);
void tg_call_free(struct tg_account *a, struct tg_call *c);
void tg_calls_event(struct tg_account *a, struct tg_session *s, const struct mt_event *ev);
void tg_calls_retry(struct tg_account *a); /* those that wait for a data centre */
void tg_calls_leave(struct tg_account *a, struct tg_session *s); /* it dies: send them anew */
void tg_calls_fail(struct tg_account *a, int error);
void tg_calls_fail_at(struct tg_account *a, int dc,
		      const struct tg_answer *r); /* that wait for it */
void tg_calls_free(struct tg_account *a);
bool tg_call_is_once(unsigned method); /* not idempotent (D.79) */
bool tg_call_is_read(unsigned method); /* changes nothing (D.52) */
/* An own call's answer by its method's type; NULL: unreadable. */
struct tl_obj *tg_answer_decode(const struct tg_call *c, const struct tg_answer *r,
				struct tl_arena *arena);

/* refusal.c */
struct tg_refusal {
	enum tg_refusal_kind {
		TG_REFUSED_TELL,    /* the caller's business */
		TG_REFUSED_LATER,   /* the same, and it says when */
		TG_REFUSED_VERIFY,  /* the same: only a person or an official app can go on */
		TG_REFUSED_WAIT,    /* value: seconds */
		TG_REFUSED_SLOW,    /* the same, for all that is sent to that chat */
		TG_REFUSED_LIMITED, /* the same; files are slow */
		TG_REFUSED_MOVE,    /* value: the account's data centre */
		TG_REFUSED_THERE,   /* value: this query's data centre */
		TG_REFUSED_AGAIN,   /* a passing fault; value: seconds, 0 = back off */
		TG_REFUSED_KEY,     /* the authorization is gone */
		TG_REFUSED_TWICE,   /* AUTH_KEY_DUPLICATED */
	} kind;
	int value;
	int retry_after;  /* for the caller, 0 = unknown */
	const char *name; /* the row's text; # stands for the value */
};
struct tg_refusal tg_refusal_of(int code, struct tl_str text);
bool tg_refusal_waits(const struct tg_refusal *r);
const char *tg_refusal_named(struct tl_str row); /* the row's own text; NULL: none */

/* flood.c */
struct tg_hold *tg_flood_find(struct tg_account *a, struct tg_call *c); /* it must wait; or NULL */
int64_t tg_flood_until(const struct tg_hold *h);                        /* boot ns */
/* The refusal's row; and the place that one more would have. */
const char *tg_flood_name(const struct tg_hold *h, unsigned *ret_place);
void tg_flood_join(struct tg_account *a, struct tg_hold *h, struct tg_call *c); /* into the line */
void tg_flood_leave(struct tg_account *a, struct tg_call *c); /* ended, or was let through */
/* Telegram said so to this call. NULL: no memory. */
struct tg_hold *tg_flood_hold(struct tg_account *a, struct tg_call *c,
			      const struct tg_refusal *why);
void tg_flood_load(struct tg_account *a);
void tg_flood_free(struct tg_account *a);

/* login.c, password.c, logout.c; more in machine.h */
void tg_login_drop(struct tg_account *a);
void tg_login_ready(struct tg_account *a); /* the update state is known */
void tg_login_resume(struct tg_account *a);
void tg_login_updates(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *updates);
bool tg_check_job_done(struct tg_account *a, struct mt_job *job); /* false: not one of these */
void tg_checks_free(struct tg_account *a);

/* peers.c */
/* One after the other, in no order that means anything; at: an empty buffer to begin with.
 * -TG_E_NOT_FOUND behind the last. */
int tg_peer_next(struct tg_account *a, struct tl_buf *at, struct tg_peer *ret) TL_MUST;
void tg_learn_all(struct tg_account *a, const struct tl_vec *users, const struct tl_vec *chats);
bool tg_peer_of(const struct tl_obj *peer, enum tg_peer_kind *ret_kind, int64_t *ret_id);
int64_t tg_unix(const struct tg_account *a); /* server time, s */
/* What was asked for under this name is that peer, even if it does not say so. */
void tg_name_learn(struct tg_account *a, enum tg_peer_form form, const char *name,
		   const struct tg_peer *p);
bool tg_title_is(const struct tg_peer *p, const char *title);

/* A min peer was seen in this message of that chat (F.60). */
void tg_peer_seen(struct tg_account *a, enum tg_peer_kind kind, int64_t id,
		  enum tg_peer_kind chat_kind, int64_t chat, int32_t message);

/* named.c: updates with a message. */
bool tg_names_stranger(struct tg_account *a, const struct tl_obj *update);
void tg_names_seen(struct tg_account *a, const struct tl_obj *update);

/* resolve.c */
void tg_resolve_free(struct tg_account *a);

/* updates.c */
void tg_updates_init(struct tg_account *a); /* loads the boxes */
void tg_updates_free(struct tg_account *a);
void tg_updates_reset(struct tg_account *a); /* after a sign-out */
void tg_updates_online(struct tg_account *a);
void tg_updates_raw(struct tg_account *a, const uint8_t *data, size_t n);
/* An Updates object; call: whose answer it is, or NULL. */
void tg_updates_take(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *updates,
		     const struct tg_call *call);
/* What an answer says about the boxes (F.4, F.5). */
void tg_updates_answer(struct tg_account *a, const struct tg_call *call, const uint8_t *data,
		       size_t n);
void tg_updates_save(struct tg_account *a);
/* One update that is not checked against the common boxes (F.42). */
void tg_update_covered(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *update);
void tg_update_say(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *update);
void tg_updates_apply(struct tg_account *a, struct tg_item *list);
void tg_updates_arm(struct tg_account *a); /* the timers of gaps */
struct tg_channel *tg_channel_get(struct tg_account *a, int64_t id);
/* The first stored one with a larger id; -TG_E_NOT_FOUND behind the last. */
int tg_channel_next(struct tg_account *a, int64_t after, int64_t *ret_id, int32_t *ret_pts) TL_MUST;
void tg_channel_dirty(struct tg_account *a,
		      struct tg_channel *ch); /* its row goes into the batch */
void tg_channel_arm(struct tg_account *a, struct tg_channel *ch);
void tg_channel_poll(struct tg_account *a, struct tg_channel *ch, bool on, int32_t seconds);
/* A number that a list of dialogs or a channel's page tells (F.55). */
void tg_channel_hear(struct tg_account *a, int64_t id, int64_t pts);
/* Its box goes on from here; what was skipped before is told. */
void tg_channel_begin(struct tg_account *a, struct tg_channel *ch, int32_t pts);

/* difference.c */
void tg_difference(struct tg_account *a);      /* common; asks for the state when there is none */
void tg_difference_tell(struct tg_account *a); /* the server where we are, nothing more */
bool tg_difference_wanted(const struct tg_account *a); /* asked for, or about to be */
void tg_difference_stored(struct tg_account *a);       /* a batch is on the disk */
void tg_difference_retry(struct tg_account *a, struct tg_timer *t);
bool tg_gap_say(struct tg_account *a, int64_t box, int64_t from, int64_t to, const char *why);
bool tg_says(const struct tg_answer *r, const char *prefix); /* Telegram's text begins so */
void tg_box_refresh(struct tg_account *a, struct tg_box *b, bool moved);
int64_t tg_back_off(const struct tg_account *a, unsigned *level, const struct tg_answer *r);
struct tg_call_options tg_diff_options(const struct tg_account *a);
struct tl_obj *tg_diff_open(const struct tg_call *call, const struct tg_answer *r,
			    struct tg_carrier **ret_c);
bool tg_say_messages(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *messages,
		     int32_t pts, bool channel);

/* channel_difference.c */
void tg_channel_difference(struct tg_account *a, struct tg_channel *ch);
void tg_channel_drop(struct tg_account *a, struct tg_channel *ch, const char *why);
void tg_channel_ask_peer(struct tg_account *a, struct tg_channel *ch);
void tg_channels_release(struct tg_account *a); /* the common difference told who is who */
void tg_channels_owed(struct tg_account *a);    /* there is room again */
void tg_channels_skip(struct tg_account *a); /* what they missed: the next number is a new begin */

/* short.c: NULL when it says nothing or memory is out. */
struct tl_obj *tg_short_message(struct tg_account *a, struct tg_carrier *c,
				const struct tl_obj *updates, const struct tg_call *call);

#endif
