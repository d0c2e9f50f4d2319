/* Inside proto: the client's parts and what they call of each other. Owner of the struct: client.c.
 * query.c keeps the calls, outbox.c writes packets, inbox.c takes packets apart, service.c answers
 * service messages, exchange.c runs the key exchange, event.c holds what the caller will pull. */
#ifndef PROTO_CLIENT_H
#define PROTO_CLIENT_H

#include "proto/envelope.h"
#include "proto/handshake.h"
#include "proto/proxy.h"
#include "proto/secret.h"
#include "proto/session.h"
#include "proto/temporary.h"
#include "proto/wire.h"

/* ---- limits and times ------------------------------------------------------------------------ */
#define MT_CONTAINER_MESSAGES 1020   /* D.34 */
#define MT_CONTAINER_BYTES 1044456   /* payload of a packet, hard */
#define MT_CONTAINER_SOFT (1u << 15) /* a packet this full takes no further message */
#define MT_FLIGHT 1024               /* queries sent and not answered (D.68) */
#define MT_IDS 8192                  /* in one ack, state or resend request (D.41) */
#define MT_ACK_IDS 100               /* this many go out at once (D.41) */
#define MT_ACK_DELAY (30 * NS)
#define MT_PING_PERIOD (60 * NS) /* D.50 */
#define MT_PING_DISCONNECT 75    /* s */
#define MT_PONG_SLACK (2 * NS)
#define MT_FIRST_ANSWER                                                                            \
	(15 * NS)                  /* connection or key exchange without a verified answer (B.52)  \
				    */
#define MT_WRITE_STALL (30 * NS)   /* C.8 */
#define MT_WRITE_PAUSE (1u << 20)  /* C.8: bytes queued above which no packet is made */
#define MT_STATE_SILENCE (60 * NS) /* D.45 */
#define MT_SALTS_PERIOD (60 * NS)  /* D.20 */
#define MT_STABLE (30 * NS)        /* a connection this old was a good one */
#define MT_EXCHANGES 3             /* tries of the key exchange on one connection */
#define MT_STOP_WAIT (3 * NS / 2)  /* D.55 */
#define MT_BAD_PACKETS 3           /* in a row, then the connection goes (B.14) */
#define MT_CORRECTIONS 5           /* salts and bad messages in a minute, of 10 at most (D.22) */
#define MT_BAD_RESENDS 5           /* of one query in a row (D.30) */
#define MT_OWN_BUG_RESENDS 1       /* codes that only a bug of ours can cause (D.29) */
#define MT_REWRAPS 3               /* CONNECTION_NOT_INITED in a row for one query (D.64) */
#define MT_CHAIN_RETRIES 3         /* MSG_WAIT_* in a row for one query (D.67) */
#define MT_MISC_BYTES (1u << 18)   /* answers to service messages that wait for a packet */
#define MT_RECENT 128              /* own message ids kept for D.28 */
#define MT_CONTAINER_IN 1024       /* messages in a container of the server's */
#define MT_STATE_ASKS 8            /* state requests under way */
#define MT_GZIP_MIN 255            /* A.31: larger bodies are tried */
#define MT_UNZIP_BYTES (16u << 20) /* all that is packed in one packet, unpacked (A.42) */
#define MT_KEEP_BYTES 512  /* scratch buffers above this are given back: idle clients are many */
#define MT_GIVE_BYTES 1024 /* a body this large is handed over, not copied */

/* ---- events ---------------------------------------------------------------------------------- */
struct mt_node {
	struct mt_event ev;
	struct mt_node *next;
	void *data;  /* freed with the node */
	void *owner; /* what to free: the node's own memory or the query around it */
};

struct mt_fixed { /* told also when memory has run out */
	struct mt_node node;
	bool queued;
};
#define MT_FIXED 3 /* CONNECT, CLOSE, UNREADABLE */

/* ---- queries --------------------------------------------------------------------------------- */
struct mt_query {
	struct mt_node node;          /* becomes the answering event, so that this cannot fail */
	struct mt_query *prev, *next; /* in the waiting list, by handle */
	uint64_t handle;
	uint64_t after;        /* handle, or 0 */
	uint64_t after_msg_id; /* what the last sending referred to; 0 = nothing */
	uint8_t *body;
	uint32_t n;
	unsigned flags;
	bool flying, acked, wrapped;
	bool sent;         /* it may have arrived: false again when the server refused it */
	bool alone;        /* never in a container (code 64) */
	bool after_failed; /* the predecessor was answered, with an error */
	bool hold;         /* until the predecessor is answered or has a new id */
	bool guarded;      /* had its second chance (D.30) */
	bool asked;        /* its state was asked on this connection */
	uint8_t bad, bugs, rewraps, chain_retries;
	unsigned dependents;    /* queries that name this one in after */
	uint32_t token;         /* of the quick ack it waits for; 0 = of none */
	uint64_t msg_id, outer; /* this session's; outer: container's or its own */
	int64_t sent_at;
};
struct mt_list { /* pointers in ascending order of a key */
	struct mt_query **v;
	size_t n, cap;
};

/* ---- the client ------------------------------------------------------------------------------ */
enum mt_phase {
	MT_IDLE,       /* no connection; wants one at connect_at */
	MT_CONNECTING, /* said CONNECT */
	MT_TUNNEL,     /* open, the proxy's handshake */
	MT_EXCHANGE,   /* open, key exchange */
	MT_OPEN,       /* open, session */
	MT_CLOSING,    /* said CLOSE */
	MT_STOPPED
};
struct mt_state_ask {
	uint64_t msg_id;
	uint64_t *ids;
	size_t n;
};
struct mt_client {
	const struct mt_env *env;
	int dc; /* number on the wire: + 10000 test, negative media */
	struct mt_transport transport;
	const struct mt_rsa *rsa;
	unsigned rsa_count;
	enum mt_phase phase;
	bool stopping;
	struct mt_link *link;
	struct mt_way way;
	struct mt_address target;
	unsigned *proxy_tries; /* handshakes that failed: of all, or own_tries */
	unsigned own_tries, tries_seen;
	bool proxy_told; /* why this connection failed */
	struct mt_handshake *handshake;
	struct mt_job *job; /* of the running handshake, out with a thread */
	struct mt_keys {    /* in the vault */
		struct mt_key session, perm, next;
	} * keys;
	bool has_key, pfs;
	struct {                            /* temporary.c */
		struct mt_temp_key *shared; /* or NULL */
		bool has_perm, has_next;
		bool next_bound;    /* another client did it */
		bool on, bound;     /* key is a temporary one */
		bool verify;        /* key is perm, to see whether the server knows it */
		bool pending;       /* the bind or the question is among the queries */
		int32_t life;       /* s */
		int32_t expires_at; /* server s, as said in the bind; 0 = not said yet */
		unsigned binds;
		uint64_t next_salt;
		int64_t perm_made, ends_at, next_ends_at, renew_at, switch_by; /* boot ns */
	} temp;
	struct mt_clock clock;
	int64_t told_offset; /* of the last TIME event */
	struct mt_salts salts;
	struct mt_session session;
	uint8_t session_key[8];             /* id of the key that it went over */
	size_t unzip_left;                  /* bytes that the packet at hand may still unfold to */
	uint64_t plain_msg_id, plain_heard; /* last ids of plain messages, ours and theirs */
	uint32_t plain_number;              /* of the last answer in this exchange */

	/* events */
	struct mt_node *events, **events_tail, *given;
	struct mt_fixed fixed[MT_FIXED];

	/* queries */
	uint64_t last_handle;
	struct mt_list all, flight;
	struct mt_query *waiting, *waiting_last;
	struct tl_buf init;
	bool inited;
	uint64_t inited_by; /* outer id of the query whose answer proved it */

	/* to say */
	uint64_t *acks;
	size_t acks_n, acks_cap;
	bool want_acks, want_ping, want_state, want_salts;
	struct tl_buf misc; /* [content u32][length u32][body] … */
	uint64_t recent[MT_RECENT];
	unsigned recent_at;
	struct mt_state_ask asks[MT_STATE_ASKS];
	unsigned asks_at;
	uint64_t ping_id, ping_msg_id, salts_msg_id;
	uint64_t new_session_seen; /* unique_id */

	/* guards */
	unsigned bad_packets, out_of_time, corrections;
	unsigned lost_keys;                       /* connections in a row that ended with -404 */
	int64_t correction_times[MT_CORRECTIONS]; /* of the last ones */
	uint64_t corrected_at; /* ids below were sent before the last correction */
	unsigned level;        /* of the back-off */
	bool punish;           /* the next wait is longer, whatever else went well */
	bool served;           /* what was closed was open */
	bool renew;            /* a new session, as soon as the packet at hand is done with */
	bool verified;         /* on this connection */

	/* times, boot ns; INT64_MAX = none */
	int64_t connect_at, opened_at, first_answer_by, ack_at, ping_at, ping_sent, heard_at, rtt;
	int64_t state_at, salts_at, stop_by, progress_at;
	unsigned exchanges; /* tried on this connection */
	size_t out_seen;    /* bytes queued at the last look */

	/* scratch */
	struct tl_buf plain[MT_LANES], pack, sealed, zip;
};

/* event.c */
void mt_event_push(struct mt_client *c, struct mt_node *node);
/* false: there was no memory to tell it; UNREADABLE is told instead. */
bool mt_event_say(struct mt_client *c, enum mt_event_kind kind, int code, const void *data,
		  size_t n);
void mt_event_fixed(struct mt_client *c, enum mt_event_kind kind); /* of those of mt_fixed */
/* memory, n and data inside it, goes over to the event. */
void mt_event_give(struct mt_client *c, enum mt_event_kind kind, const void *data, size_t n,
		   struct tl_buf *memory);
void mt_event_value(struct mt_client *c, enum mt_event_kind kind, int64_t value);
void mt_event_quick_ack(struct mt_client *c, uint64_t query);
bool mt_event_job(struct mt_client *c, struct mt_job *job);
void mt_event_forget(struct mt_client *c, uint64_t query); /* cancelled: nothing about it is told */
void mt_event_drop_all(struct mt_client *c);

/* query.c */
int mt_query_add(struct mt_client *c, const void *body, size_t n, unsigned flags, uint64_t after,
		 uint64_t *ret_handle) TL_MUST;
void mt_query_drop(struct mt_client *c, struct mt_query *q); /* without an answer */
struct mt_query *mt_query_by_handle(struct mt_client *c, uint64_t handle);
struct mt_query *mt_query_by_msg_id(struct mt_client *c, uint64_t msg_id);
int mt_query_fly(struct mt_client *c, struct mt_query *q, uint64_t msg_id) TL_MUST;
void mt_query_requeue(struct mt_client *c, struct mt_query *q);
void mt_query_quick_ack(struct mt_client *c, uint32_t token); /* tells whose packet arrived */
/* Answers it: data is copied, or lies in owned, whose memory goes over to the event. */
void mt_query_answer(struct mt_client *c, struct mt_query *q, enum mt_event_kind kind, int code,
		     const void *data, size_t n, struct tl_buf *owned);
void mt_query_fail(struct mt_client *c, struct mt_query *q, int err);
/* Repeats it, or, when it must not be repeated, says that its outcome is unknown. */
void mt_query_again_or_fail(struct mt_client *c, struct mt_query *q);
void mt_query_free_all(struct mt_client *c);

/* outbox.c */
void mt_outbox_flush(struct mt_client *c, struct mt_time now);
void mt_outbox_ack(struct mt_client *c, uint64_t msg_id, struct mt_time now);
/* Queues a service message; content: it takes an odd seqno. */
void mt_outbox_say(struct mt_client *c, bool content, const struct tl_buf *body);
bool mt_outbox_known(const struct mt_client *c, uint64_t msg_id); /* sent in this session (D.28) */
/* What was said and got no answer is said again. */
void mt_outbox_repeat_asks(struct mt_client *c);
void mt_outbox_lost(struct mt_client *c);   /* at the end of a connection */
void mt_outbox_forget(struct mt_client *c); /* at the end of a session */
/* Whether a packet of count messages and bytes takes one more (D.34). */
bool mt_container_takes(unsigned count, size_t bytes, size_t next, size_t soft);

/* inbox.c */
/* What came, in order; count <= MT_LANES. Nothing more is taken once the connection is given up. */
void mt_inbox_packets(struct mt_client *c, const struct mt_packet *v, unsigned count,
		      struct mt_time now);
/* Ungzips one gzip_packed, number included, into out; one inside another is refused (A.30). *left:
 * bytes that may still come out of this packet. */
int mt_inbox_unzip(const uint8_t *body, size_t n, size_t *left, struct tl_buf *out) TL_MUST;

/* service.c and answer.c. false: it is no service message. */
struct mt_incoming {
	uint64_t msg_id;
	bool contained, copied, zipped; /* what it lies in */
	struct tl_buf *memory;          /* holds this message alone, may be handed over; or NULL */
	struct mt_time now;
};
bool mt_service_take(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		     size_t n);
bool mt_service_is_correction(struct mt_client *c, const uint8_t *body, size_t n);
void mt_service_result(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		       size_t n);

/* exchange.c */
void mt_exchange_start(struct mt_client *c, struct mt_time now);
void mt_exchange_end(struct mt_client *c);
void mt_exchange_plain(struct mt_client *c, const uint8_t *packet, size_t n, struct mt_time now);
void mt_exchange_go_on(struct mt_client *c, struct mt_time now);

/* A key exchange beside the session, for the next temporary key. */
void mt_exchange_beside(struct mt_client *c, struct mt_time now);

/* temporary.c */
#define MT_QUERY_INNER (1u << 31) /* the client's own: its answer is no event */
void mt_temporary_init(struct mt_client *c, const struct mt_client_options *o);
bool mt_temporary_wanted(const struct mt_client *c); /* the next exchange is for such a key */
void mt_temporary_begin(struct mt_client *c, struct mt_time now); /* of a connection */
bool mt_temporary_lost(struct mt_client *c); /* -404: true when it was a temporary key's */
void mt_temporary_perm(struct mt_client *c, struct mt_time now); /* key is a new permanent one */
void mt_temporary_made(struct mt_client *c, const struct mt_key *key, uint64_t salt,
		       struct mt_time now);
void mt_temporary_opened(struct mt_client *c); /* a session begins, or goes on */
void mt_temporary_switch(struct mt_client *c, struct mt_time now); /* when the time has come */
void mt_temporary_tick(struct mt_client *c, struct mt_time now);
bool mt_temporary_holds(const struct mt_client *c, const struct mt_query *q);
void mt_temporary_put_bind(struct mt_client *c, uint64_t msg_id, struct mt_time now);
void mt_temporary_answer(struct mt_client *c, enum mt_event_kind kind, const void *data, size_t n);

/* client.c */
void mt_client_close(struct mt_client *c, bool punish); /* says CLOSE, once; punish: longer wait */
void mt_client_settle(struct mt_client *c);             /* does what renew asked for */
void mt_client_verified(struct mt_client *c);           /* an authentic packet came */
void mt_client_session_opened(struct mt_client *c, struct mt_time now);
void mt_client_tell_time(struct mt_client *c, struct mt_time now);
void mt_client_tell_salts(struct mt_client *c);
/* Counts a correction; too many of them close the connection. about: the id that was wrong. */
void mt_client_correction(struct mt_client *c, uint64_t about, struct mt_time now);

#endif
