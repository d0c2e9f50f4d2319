/* core: the Telegram client as an engine without I/O. Front door of the room.
 * One struct tg_account is one engine: bytes, time and finished jobs go in; connections wanted,
 * batches to store, answers and updates come out by tg_account_next. Events live until the next
 * pull. */
#ifndef CORE_H
#define CORE_H

#include "core/store.h"
#include "proto/proxy.h"
#include "proto/secret.h"

/* ---- settings ---- */
struct tg_settings {
	int api_id;
	const char *api_hash;
	bool test, catch_up, pfs; /* pfs: messages go over temporary keys */
	int dc;                   /* first data centre; 0 = 2 */
	struct mt_transport transport;
	const struct mt_proxy *proxy; /* NULL: direct connections */
	enum tg_ipv6 { TG_IPV6_ALLOW, TG_IPV6_PREFER, TG_IPV6_NEVER, TG_IPV6_ONLY } ipv6;
	const struct mt_rsa *rsa; /* NULL: the built-in key of the world */
	unsigned rsa_count;
	const struct mt_address *addresses; /* from --dc; count 0: the built-in ones */
	unsigned address_count;
	const char *device_model, *system_version, *app_version, *system_lang_code, *lang_pack,
		*lang_code;
};
struct tg_env {
	struct mt_env random;
	struct tg_store *store;
};

/* ---- an account ---- */
enum tg_state {
	TG_SIGNED_OUT,
	TG_CONNECTING, /* a login has been started */
	TG_WAIT_PHONE,
	TG_WAIT_CODE,
	TG_WAIT_PASSWORD,
	TG_WAIT_EMAIL,
	TG_WAIT_EMAIL_CODE,
	TG_WAIT_SIGNUP,
	TG_WAIT_QR,
	TG_WAIT_PAYMENT,
	TG_READY,
	TG_REVOKED,
	TG_FAILED,
};
const char *tg_state_name(enum tg_state s);
/* What a call in that state meets: 0, -UNAUTHORIZED, -SESSION_REVOKED, or -ACCOUNT_NOT_READY while
 * a login is under way. */
int tg_state_error(enum tg_state s);
struct tg_account;
/* Loads what the store has; settings are copied; name is the alias. */
struct tg_account *tg_account_new(const char *name, const struct tg_settings *s,
				  const struct tg_env *env, struct mt_time now);
void tg_account_free(struct tg_account *a);
const char *tg_account_name(const struct tg_account *a);
/* Its record moves, with the next batch. */
int tg_account_rename(struct tg_account *a, const char *name, struct mt_time now) TL_MUST;
enum tg_state tg_account_state(const struct tg_account *a);
const char *tg_account_reason(const struct tg_account *a); /* of REVOKED and FAILED, or "" */
bool tg_account_online(const struct tg_account *a);
int64_t tg_account_self(const struct tg_account *a); /* own user id, 0 before the login */
bool tg_account_is_bot(const struct tg_account *a);
int64_t tg_account_server_time(const struct tg_account *a, struct mt_time now); /* ns */
void tg_account_connect(struct tg_account *a, struct mt_time now);
void tg_account_disconnect(struct tg_account *a, struct mt_time now);
void tg_account_hurry(struct tg_account *a, struct mt_time now); /* the network came back */
/* Where a data centre (0: the main one) is to be reached next; false: not known. */
bool tg_account_address(struct tg_account *a, int dc, bool media, struct mt_address *ret);

/* ---- calls (logging in and out: login.h) ---- */
struct tg_call_options {
	int dc;           /* 0: the main one */
	int64_t deadline; /* boot ns, absolute */
	int flood_wait;   /* longest FLOOD_WAIT slept out, seconds */
	unsigned flags;   /* MT_QUERY_… */
	uint64_t chain;   /* calls with the same number keep their order; 0 = none */
	bool any_state;   /* before login, too (help.getConfig works there) */
	bool takeout;     /* inside the running export, of these messages when range_to is set */
	int range_from, range_to;
	bool tells; /* WAITING events while it is held back */
};
/* method: index of the function in body (wrappers apart). Exactly one ANSWER or ERROR follows. */
int tg_call(struct tg_account *a, unsigned method, const void *body, size_t n,
	    const struct tg_call_options *o, uint64_t *ret_call, struct mt_time now) TL_MUST;
void tg_cancel(struct tg_account *a, uint64_t call, bool *ret_sent, struct mt_time now);
/* What Telegram told to wait, and who waits; false behind the last. */
struct tg_flood {
	const char *method; /* NULL: whatever is sent to that chat */
	struct tl_str type; /* FLOOD_WAIT */
	int retry_after;
	unsigned waiting;
};
bool tg_account_flood(const struct tg_account *a, unsigned i, struct tg_flood *ret,
		      struct mt_time now);
/* Telegram's errors that mean more than no: row i (# a number, * anything), and what is done about
 * it; NULL behind the last. And of one: what is done, or NULL; is it of the moment or the place? */
const char *tg_refusal_row(unsigned i, const char **ret_done);
const char *tg_refusal_done(int code, struct tl_str text);
bool tg_refusal_passes(int code, struct tl_str text);

/* ---- peers ---- */
enum tg_peer_kind { TG_PEER_NONE, TG_PEER_SELF, TG_PEER_USER, TG_PEER_CHAT, TG_PEER_CHANNEL };
struct tg_peer { /* what the store knows */
	enum tg_peer_kind kind;
	int64_t id; /* bare */
	int64_t access_hash;
	bool has_hash, min, bot, megagroup, broadcast, forum, verified, premium, deleted;
	bool left; /* a channel without us */
	/* of one without a hash: a message where it was seen; 0 = none */
	int32_t seen_in;
	enum tg_peer_kind seen_kind;
	int64_t seen_chat, seen_hash;
	char username[40], phone[24];
	char name[160], last_name[96]; /* title, or first name; UTF-8, cut at a character */
};
int64_t tg_peer_marked(const struct tg_peer *p); /* -id for chats, -100… for channels */
/* What a caller may write for a peer (RPC contract §3). */
struct tg_peer_query {
	enum tg_peer_form {
		TG_FORM_SELF,
		TG_FORM_ID,       /* kind NONE: a bare positive number, user or channel */
		TG_FORM_USERNAME, /* text */
		TG_FORM_PHONE,
		TG_FORM_INVITE,
		TG_FORM_TITLE,
	} form;
	enum tg_peer_kind kind;
	int64_t id;
	char text[256];
};
int tg_peer_parse(struct tl_str text, struct tg_peer_query *ret) TL_MUST; /* -TG_E_PEER_SYNTAX */
int tg_peer_parse_id(int64_t marked, struct tg_peer_query *ret) TL_MUST;
/* From what is known; -TG_E_AGAIN: ask the network (tg_resolve); PEER_UNKNOWN, PEER_AMBIGUOUS. */
int tg_peer_find(struct tg_account *a, const struct tg_peer_query *q, struct tg_peer *ret) TL_MUST;
int tg_peer_get(struct tg_account *a, enum tg_peer_kind kind, int64_t id,
		struct tg_peer *ret) TL_MUST; /* -TG_E_PEER_UNKNOWN */
/* Over the network, one call for all who wait for the same; TG_EV_RESOLVED with this number. */
int tg_resolve(struct tg_account *a, const struct tg_peer_query *q, int64_t deadline,
	       uint64_t *ret_number, struct mt_time now) TL_MUST;
void tg_resolve_cancel(struct tg_account *a, uint64_t number);
/* Where a box stands: the channel's (bare id), or with 0 the common one. pts 0: not known. */
struct tg_update_state {
	int32_t pts, qts, date;
};
struct tg_update_state tg_account_update_state(const struct tg_account *a, int64_t channel);
/* Asks for what was missed, in this channel as well (bare id; 0: none); what comes are updates. */
void tg_sync(struct tg_account *a, int64_t channel, struct mt_time now);
/* Learn users and chats that pass by; used with tl_to_json, and by hand with a decoded object. */
const struct tl_harvest *tg_harvest(struct tg_account *a);
void tg_learn(struct tg_account *a, const struct tl_obj *user_or_chat);

/* ---- the engine's doors ---- */
#define TG_RACE 4u /* addresses that are tried for one connection */
void tg_account_opened(struct tg_account *a, unsigned link, unsigned which, struct mt_time now);
/* Also: it could not connect. */
void tg_account_lost(struct tg_account *a, unsigned link, struct mt_time now);
/* Enough waits for the disk: what comes had better wait in the kernel until tg_account_stored. */
bool tg_account_full(const struct tg_account *a);
int tg_account_feed(struct tg_account *a, unsigned link, const void *data, size_t n,
		    struct mt_time now) TL_MUST; /* error: close the connection, then say lost */
struct tl_buf *tg_account_out(struct tg_account *a, unsigned link,
			      struct mt_time now);       /* or NULL */
int64_t tg_account_deadline(const struct tg_account *a); /* boot ns; INT64_MAX = none */
void tg_account_tick(struct tg_account *a, struct mt_time now);
void tg_account_job_done(struct tg_account *a, struct mt_job *job, struct mt_time now);
/* Frees it. */
void tg_account_stored(struct tg_account *a, struct tg_batch *batch, struct mt_time now);

struct tg_event {
	enum tg_event_kind {
		TG_EV_CONNECT,  /* link, host, port: open a TCP connection, then opened or lost.
				   With a proxy they are its own, and host may be a name; address:
				   where it leads in the end, for the log. rivals: more that may
				   be tried beside it (RFC 8305); opened tells which (0: host) */
		TG_EV_CLOSE,    /* link: close it; no lost is needed */
		TG_EV_JOB,      /* job: run it on a thread, then job_done */
		TG_EV_UPDATE,   /* object (an Update), in order; belongs to the next STORE: its
				   journal rows go into that batch */
		TG_EV_GAP,      /* text: reason; box, from, to: what Telegram did not hand over */
		TG_EV_STORE,    /* batch: commit it, then stored; owns all UPDATE and GAP events
				   before it. again: the same after a failed commit, nothing new */
		TG_EV_ANSWER,   /* call, method, data: the answer's TL */
		TG_EV_ERROR,    /* call, method, error: -TG_E_x; for TELEGRAM code, data = its text;
				   retry_after; sent, of others: the outcome is unknown */
		TG_EV_WAITING,  /* call; text: flood_wait (value of retry_after seconds) or queue;
				   place in the line */
		TG_EV_RESOLVED, /* call: the number; peer, or error (of TELEGRAM: code, data) */
		TG_EV_STATE,    /* the login state changed; refused: error, code, data as in ERROR;
				   call: the last step that is over; again: the state is the same */
		TG_EV_ONLINE,   /* online or not: connection_state */
		TG_EV_CLOCK,    /* value: seconds that the local clock is ahead */
		TG_EV_LIMITED,  /* value: seconds that Telegram makes files wait (no Premium) */
		TG_EV_PROXY,    /* data: why the proxy gave no way, text */
		TG_EV_BARRED,   /* address: who gave no way to talk; error: -404, -429, -444, or of
				   the key exchange; NOT_FOUND: keys unlike ours, TIMEOUT, WIRE */
	} kind;
	unsigned link, method, place;
	struct mt_address address;
	const struct mt_address *rivals;
	unsigned rival_count;
	const char *host;
	uint16_t port;
	struct mt_job *job;
	struct tg_batch *batch;
	const struct tl_obj *object;
	uint64_t call;
	const uint8_t *data;
	size_t n;
	int error, code, retry_after;
	bool sent, again;
	const char *text;
	int64_t box, from, to, value; /* box: 0 common, else the channel's bare id */
	const struct tg_peer *peer;
};
bool tg_account_next(struct tg_account *a, struct tg_event *ret, struct mt_time now);

#endif
