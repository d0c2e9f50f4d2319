/* The net half's own header: keys, connections, sessions, calls, faults. Owned by net; the world
 * sees only sandbox.h. Figures cite core.telegram.org/mtproto (description, service_messages,
 * service_messages_about_messages, security_guidelines). */
#ifndef SANDBOX_NET_H
#define SANDBOX_NET_H

#include <ev.h>
#include <stdio.h>

#include "sandbox.h"

/* ---- limits ---------------------------------------------------------------------------------- */
#define SB_MAX_DCS 16
#define SB_MAX_DOORS 16 /* of proxies */
#define SB_MAX_MORE 32  /* further addresses of data centres */
#define SB_MAX_ADDRESSES (2 * SB_MAX_DCS + SB_MAX_MORE)
#define SB_MAX_CONNS 16384              /* as many accounts as layerd carries, and more */
#define SB_MAX_SESSIONS 256             /* of one key; the one idle longest goes */
#define SB_MAX_OUT (64u << 20)          /* bytes waiting for one socket; above: closed */
#define SB_PAUSE_OUT (8u << 20)         /* above: nothing is read from it */
#define SB_MAX_CALLS 2048               /* being answered for one session */
#define SB_MAX_HANDSHAKES 4096          /* under way in the whole sandbox */
#define SB_HANDSHAKE_SECONDS 600        /* B.50 */
#define SB_MAX_CONTAINER 1020           /* messages, both ways (D.34) */
#define SB_CONTAINER_BYTES (512u << 10) /* out: a larger body goes alone */
#define SB_RECEIVED 2048                /* msg_ids remembered of one session (D.12: >= 1000) */
#define SB_KEEP_SENT 4096               /* messages kept of one session, acked or not */
#define SB_KEEP_BYTES (32u << 20)
#define SB_KEEP_ACKED (1u << 20) /* bytes of answers kept behind their ack */
#define SB_KEEP_OFFLINE 256      /* updates queued for a session that is not connected */
#define SB_RESEND_SECONDS 60     /* not acked on a live connection: sent again; doubles */
#define SB_SESSION_SECONDS 3600  /* a session without connection is forgotten then */
#define SB_WAIT_SECONDS 10       /* invokeAfterMsg: MSG_WAIT_TIMEOUT */
#define SB_GZIP_BYTES 512        /* answers from this size are tried */
#define SB_IDLE_SECONDS 600      /* a silent connection is closed */
#define SB_FIRST_SECONDS 120     /* without a session yet */
#define SB_SALT_SECONDS 1800     /* a new salt each; each lives twice that (D.20) */
#define SB_PAST_SECONDS 300      /* window of msg_id */
#define SB_FUTURE_SECONDS 30
#define SB_MAX_IDS 8192           /* in one msgs_ack, msgs_state_req … (D.41) */
#define SB_CALL_ARENA (96u << 20) /* memory of one call */
#define SB_MAX_FAULTS 256

#define NS 1000000000ll

/* ---- keys ------------------------------------------------------------------------------------ */
struct sb_session;
/* What the world sees of an authorisation, and the keys that lead to it. */
struct sb_owner {
	struct sb_auth auth; /* first */
	struct sb_key *keys;
	struct sb_owner *grave_next;
};
/* A key as it is on the wire: permanent, or temporary and perhaps bound to a permanent one. */
struct sb_key {
	struct mt_key key;
	struct sb_auth *auth; /* the permanent one's; an anonymous one before the bind */
	struct sb_auth *own;  /* owned: listed (permanent) or anonymous (temporary) */
	struct sb_key *next, *sibling;
	struct sb_session *sessions;
	uint64_t first_salt;
	int64_t created;     /* ns */
	int64_t expires;     /* s; 0 = permanent */
	uint64_t salt_epoch; /* grows with each fault bad_salt */
	unsigned session_count;
	int dc;
	int layer;
	unsigned busy; /* a packet of it is being read: nothing is freed */
	bool temp, bound, dropped;
};

/* ---- sessions -------------------------------------------------------------------------------- */
/* A content-related message of ours: kept until acked, answers a little longer. */
struct sb_sent {
	uint64_t msg_id, request; /* request: the msg_id it answers, or 0 */
	uint8_t *body;
	uint32_t n, seqno;
	int64_t at, again; /* ns: last sent; wait before the next */
	bool acked, queued, content;
};
struct sb_received {
	uint64_t msg_id, answer; /* answer: our msg_id; 0 = none */
	uint32_t seqno;
	enum sb_receipt { SB_PLAIN, SB_CONTAINER, SB_RUNNING, SB_ANSWERED, SB_FAILED } state;
};
struct sb_conn;
struct sb_pending;
struct sb_session {
	struct sb_net *net;
	uint64_t id, unique_id, last_msg_id;
	struct sb_key *key;
	struct sb_conn *conn; /* NULL while not connected */
	struct sb_session *next, *conn_next;
	struct sb_session *dirty_next;
	struct sb_received *received; /* ascending by msg_id */
	unsigned received_count;
	struct sb_sent **sent; /* ascending by msg_id, from sent_head */
	unsigned sent_head, sent_count, sent_cap;
	size_t sent_bytes, acked_bytes;
	struct sb_held *late;   /* an update that a fault puts behind the next one */
	struct sb_sent **queue; /* for the next flush */
	unsigned queue_count, queue_cap;
	uint64_t *acks;
	unsigned ack_count, ack_cap;
	struct sb_pending *calls;
	unsigned call_count, waiting;
	uint32_t seq;            /* content-related messages sent */
	int64_t active;          /* ns */
	uint64_t created_msg_id; /* below it everything is older than the session */
	bool dirty, takes_updates, too_long, waking, trimmed;
};

/* ---- connections ----------------------------------------------------------------------------- */
struct sb_held { /* a packet that a fault holds back */
	struct sb_held *next;
	int64_t due; /* ns; INT64_MAX = until the next packet */
	bool in;
	size_t n;
	uint8_t data[];
};
struct sb_conn {
	struct sb_net *net;
	struct sb_conn *next, **pprev;
	struct mt_link *link;
	struct sb_front *front; /* came through a proxy's door (front.h); then dc is 0 at first */
	struct sb_session *sessions;
	struct sb_held *held;
	ev_io read, write;
	int fd, dc;
	char ip[46];
	int64_t opened, heard; /* ns */
	int64_t disconnect;    /* of ping_delay_disconnect; 0 = none */
	int64_t stall_until;   /* fault */
	int64_t trickle_at;    /* fault: the next byte */
	bool closing, dead, reading_off, counted;
	uint64_t user_seen; /* of the last key heard here; for filters */
};
struct sb_listener {
	ev_io io;
	struct sb_net *net;
	struct sb_door *door; /* NULL: a data centre's own */
	int fd, dc;
};

/* ---- calls ----------------------------------------------------------------------------------- */
struct sb_pending {
	struct sb_call call; /* first: the world's view */
	struct tl_arena arena;
	struct sb_session *session; /* NULL: gone, the answer goes nowhere */
	struct sb_pending *next, **pprev;
	uint8_t *body; /* the request's bytes; decoded strings point into it */
	size_t n;
	struct tl_cursor query; /* innermost method */
	uint64_t after[16];
	unsigned after_count, method;
	int64_t since; /* ns */
	int64_t due;   /* a fault delays it; 0 = no */
	bool dropped, started, cut;
};

/* ---- faults ---------------------------------------------------------------------------------- */
enum sb_fault_kind {
	SB_DROP,
	SB_DELAY,
	SB_DUPLICATE,
	SB_REORDER,
	SB_CUT,
	SB_CORRUPT,
	SB_BAD_SALT,
	SB_BAD_MSG,
	SB_SKEW,
	SB_STALL,
	SB_FORGET_KEY,
	SB_UNKNOWN_CONSTRUCTOR,
	SB_BOMB,
	SB_RESET,
	SB_TRICKLE,
	SB_BAD_TEXT,
	SB_INJECT, /* these four say in their text what is wrong: a packet in front, */
	SB_PACKET, /* … instead */
	SB_HANDSHAKE,
	SB_MESSAGE,
	SB_FAULT_KINDS
};
struct sb_fault {
	struct sb_fault *next;
	uint64_t id;
	enum sb_fault_kind kind;
	int dc, direction; /* 0 = any; direction: 1 to the server, 2 to the client */
	int64_t user;      /* bare; 0 = any */
	char method[64];   /* "" = any */
	char text[24];
	double probability, seconds;
	int64_t after, times; /* matches skipped first; then so many (0 = no end) */
	int code;
	uint64_t hits;
};
enum sb_direction { SB_IN = 1, SB_OUT = 2 };
/* Does a fault of that kind strike here? Counts. method NULL: a packet, faults with a method do not
 * fit; else a call or its answer, faults without one do not fit. */
struct sb_fault *sb_wire_hit(struct sb_net *n, enum sb_fault_kind kind, enum sb_direction d, int dc,
			     int64_t user, const char *method);
/* One packet on its way; true = it goes on, false = the fault keeps or swallows it. */
bool sb_fault_packet(struct sb_conn *c, enum sb_direction d, uint8_t *data, size_t n);
void sb_fault_tick(struct sb_conn *c, int64_t now); /* lets go what is due */
void sb_held_free(struct sb_conn *c);
/* A byte each so many seconds: how many may go now; SIZE_MAX without such a fault. */
size_t sb_fault_trickle(struct sb_conn *c);
/* faults_hostile.c */
bool sb_hostile_known(enum sb_fault_kind kind, const char *text);
/* Sends a bent packet; true: instead of the right one. */
bool sb_hostile_packet(struct sb_session *s, const struct mt_header *h, const void *body, size_t n);
/* Sends messages that no server would before the answer to a request. */
void sb_hostile_message(struct sb_session *s, const char *method, uint64_t request,
			const struct tl_buf *answer);
void sb_hostile_text(uint8_t *p, size_t n);
bool sb_bent(struct sb_conn *c, const char *what); /* this answer of the key exchange */
/* bomb.c: a gzip_packed that grows far beyond what anybody may unpack (A.29). */
void sb_bomb(struct sb_net *n, struct tl_buf *out);
void sb_swell(unsigned users, struct tl_buf *out); /* a Vector<User> that is long as JSON */

/* ---- net ------------------------------------------------------------------------------------- */
#define SB_KEY_BUCKETS 1024
struct sb_rsa;
struct sb_handshake;
struct sb_net {
	struct sandbox *s;
	struct mt_env env;
	uint64_t stream; /* state of env.random with --seed */
	bool seeded;
	struct sb_rsa *rsa, *cdn_rsa; /* cdn_rsa: NULL without --cdn */
	struct sb_handshake *handshakes;
	unsigned handshake_count;
	struct sb_listener listeners[SB_MAX_ADDRESSES + SB_MAX_DOORS]; /* doors behind the others */
	struct sb_address addresses[SB_MAX_ADDRESSES];
	unsigned listener_count, address_count;
	struct sb_conn *conns;
	unsigned conn_count;
	struct sb_key *keys[SB_KEY_BUCKETS];
	struct sb_auth *auths;
	struct sb_owner *graves;
	struct sb_session *dirty;
	struct sb_fault *faults;
	uint64_t fault_id;
	ev_timer tick;
	ev_prepare flush;
	unsigned ticks, delayed;           /* delayed: calls that a fault holds back */
	struct tl_buf plain, packet, work; /* scratch: opened, sealed, encoded */
	struct tl_buf bomb;                /* made when first wanted */
	struct {
		uint64_t accepted, direct, packets_in, packets_out, bytes_in, bytes_out, calls,
			handshakes, bad_packets, resent, replayed, bad_msg;
		uint64_t transports[2][MT_FULL + 1]; /* plain, obfuscated */
	} count;
};

struct sb_net_options {
	const char *host4, *host6; /* host6 NULL: no IPv6 */
	int port4, port6;          /* DC k on port + k - 1; 0 = free ports */
	const struct sb_address *more;
	unsigned more_count;
	const char *data;             /* folder that keeps the RSA key, or NULL */
	const char *write_key;        /* PEM goes there, or NULL */
	const struct mt_proxy *doors; /* front ends: where they listen, and their secrets */
	unsigned door_count;
	bool seeded, cdn;
};
/* Opens the doors. NULL with a line on stderr. */
struct sb_net *sb_net_new(struct sandbox *s, const struct sb_net_options *o);
void sb_net_stop(struct sb_net *n); /* closes everything; the keys stay for the world's farewell */
void sb_net_free(struct sb_net *n);
uint64_t sb_net_fingerprint(const struct sb_net *n);

/* keys.c */
struct sb_key *sb_key_find(struct sb_net *n, const uint8_t id[8]);
/* Takes a fresh key in; -TG_E_AGAIN when the id is taken (dh_gen_retry). */
int sb_key_add(struct sb_net *n, const uint8_t key[256], int dc, bool temp, int64_t expires,
	       uint64_t salt, const char *ip) TL_MUST;
void sb_key_drop(struct sb_net *n, struct sb_key *k); /* and its sessions; closes connections */
void sb_key_idle(struct sb_net *n, struct sb_key *k); /* busy--; frees what was dropped */
void sb_keys_tick(struct sb_net *n, int64_t now);
void sb_keys_free(struct sb_net *n);
void sb_key_bind(struct sb_key *k, struct sb_auth *a); /* it leads to a from now on */
struct sb_key *sb_key_first(const struct sb_auth *a);  /* of those that lead there: ->sibling */
struct sb_salt {
	int32_t since, until;
	uint64_t salt;
};
struct sb_salt sb_salt_at(const struct sb_key *k, int64_t now, unsigned ahead);
bool sb_salt_valid(const struct sb_key *k, int64_t now, uint64_t salt);

/* keyexchange.c: the server's RSA key and the handshake; the only file here with bignums */
struct sb_rsa *sb_rsa_new(struct sb_net *n, const char *data_dir, const char *file);
int sb_rsa_pem(const struct sb_rsa *r, char out[SB_PEM]) TL_MUST;
const struct sb_rsa *sb_net_rsa(const struct sb_net *n, int dc);
void sb_rsa_free(struct sb_rsa *r);
int sb_rsa_write(const struct sb_rsa *r, const char *path) TL_MUST; /* PKCS#1 public key, PEM */
uint64_t sb_rsa_fingerprint(const struct sb_rsa *r);
/* x^d mod n. */
int sb_rsa_private(const struct sb_rsa *r, const uint8_t in[256], uint8_t out[256]) TL_MUST;
struct sb_dh { /* one side of a Diffie-Hellman exchange over the well-known prime, g = 3 */
	uint8_t a[256], ga[256];
};
extern const uint8_t sb_dh_prime[256];
#define SB_DH_G 3
int sb_dh_draw(struct sb_net *n, struct sb_dh *d) TL_MUST;
/* g_b^a mod p; -TG_E_CRYPTO when g_b is out of range (B.58). */
int sb_dh_key(const struct sb_dh *d, const uint8_t *gb, size_t n, uint8_t key[256]) TL_MUST;

/* handshake.c: body of a plain message → body of the answer. 0, or a transport error to send
 * (-404, -444). */
int sb_handshake_feed(struct sb_conn *c, const uint8_t *body, size_t n, struct tl_buf *answer);
void sb_handshakes_free(struct sb_net *n);
void sb_handshakes_tick(struct sb_net *n, int64_t now);

/* conn.c */
void sb_conn_accept(struct sb_net *n, int fd, int dc, struct sb_door *door, const char *ip);
void sb_conn_packet_in(struct sb_conn *c, const uint8_t *data, size_t n, bool quick_ack);
void sb_conn_packet_out(struct sb_conn *c, uint8_t *data, size_t n); /* through the faults */
void sb_conn_send_now(struct sb_conn *c, const uint8_t *data, size_t n);
void sb_conn_error(struct sb_conn *c, int code); /* transport error, then closes */
void sb_conn_close(struct sb_conn *c);           /* marks dead; freed by the next flush */
void sb_conn_finish(struct sb_conn *c);          /* closes when all is written */
void sb_conn_flush(struct sb_conn *c);           /* writes what fits */
void sb_conn_reap(struct sb_net *n);
void sb_conn_tick(struct sb_conn *c, int64_t now);

/* server_session.c: envelope, receipt, checks */
void sb_session_packet(struct sb_conn *c, const uint8_t *data, size_t n, bool quick_ack);
struct sb_session *sb_session_find(struct sb_key *k, uint64_t id);
void sb_session_detach(struct sb_session *s); /* lost its connection */
void sb_session_free(struct sb_session *s);
void sb_session_tick(struct sb_session *s, int64_t now);
void sb_session_unreceive(struct sb_session *s, uint64_t msg_id); /* as if it had never come */
struct sb_received *sb_session_received(struct sb_session *s, uint64_t msg_id);
void sb_session_message(struct sb_session *s, uint64_t msg_id, uint32_t seqno, const uint8_t *body,
			size_t n, int depth);
void sb_session_bad_msg(struct sb_session *s, uint64_t msg_id, uint32_t seqno, int code);

/* outbox.c: what goes to the client */
struct sb_sent *sb_out_add(struct sb_session *s, const void *body, size_t n, bool content,
			   uint64_t request);
struct sb_sent *sb_out_find(struct sb_session *s, uint64_t msg_id);
void sb_out_acked(struct sb_session *s, uint64_t msg_id);
void sb_out_ack(struct sb_session *s, uint64_t msg_id); /* we ack theirs with the next packet */
void sb_out_again(struct sb_session *s, struct sb_sent *m);
void sb_out_lost(struct sb_session *s,
		 struct sb_sent *m); /* the last added: its first sending fails */
void sb_out_unack(struct sb_session *s, uint64_t msg_id); /* we do not */
void sb_out_moved(struct sb_session *s); /* a new socket: all that is not acked goes again */
void sb_out_tick(struct sb_session *s, int64_t now);
void sb_out_flush(struct sb_net *n);
void sb_out_flush_session(struct sb_session *s);
void sb_out_free(struct sb_session *s);

/* service.c */
bool sb_is_service(uint32_t id); /* of messages that need no odd number (D.7) */
/* true = it was a service message */
bool sb_service_message(struct sb_session *s, uint64_t msg_id, const uint8_t *body, size_t n);

/* rpc.c */
void sb_rpc(struct sb_session *s, uint64_t msg_id, const uint8_t *body, size_t n);
void sb_rpc_tick(struct sb_session *s, int64_t now);
/* rpc_drop_answer: true = it was running. */
bool sb_rpc_drop(struct sb_session *s, uint64_t msg_id);
void sb_rpc_session_gone(struct sb_session *s);

/* unwrap.c: finds the innermost query and takes note of what surrounds it; NULL or an error text */
const char *sb_unwrap(struct sb_pending *p);
/* auth.bindTempAuthKey; NULL or an error text. */
const char *sb_bind(struct sb_session *s, uint64_t msg_id, struct tl_cursor *args);

/* layers.c: the codec for the layer of a caller */
int sb_layer_encode(int layer, const struct tl_obj *o, struct tl_buf *out) TL_MUST;
/* Of a method: vectors as well, and what older layers expected instead. */
int sb_layer_answer(int layer, unsigned method, const struct tl_obj *o, struct tl_buf *out) TL_MUST;
int sb_layer_decode(struct tl_arena *a, struct tl_cursor *c, struct tl_obj **ret) TL_MUST;
#define SB_KEYBOARD_LAYER 228 /* the last with a constructor for each kind of button */
/* keyboards.c: serialised keyboards from the older form (raise) or to it; false: nothing to do. */
bool sb_keyboards_rewrite(struct tl_arena *a, int layer, bool raise, const uint8_t *p, size_t n,
			  struct tl_buf *out);

#endif
