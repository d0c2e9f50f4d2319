/* proto: MTProto 2.0 (core.telegram.org/mtproto) as an engine without I/O. Front door of the room.
 * Bytes, time and randomness come in; bytes, events (until the next pull), a deadline go out. */
#ifndef PROTO_H
#define PROTO_H

#include "tl/tl.h"

/* ---- the world ------------------------------------------------------------------------------ */
struct mt_time {
	int64_t boot; /* ns, CLOCK_BOOTTIME: for timers */
	int64_t real; /* ns since 1970: for message ids until the server's time is known */
};
struct mt_env {
	void (*random)(void *ctx, void *out, size_t n); /* cryptographically strong; never fails */
	void *ctx;
	struct mt_vault *vault; /* where keys are kept (secret.h), or NULL */
};
/* ---- primitives (mbedTLS stays behind them) ---- */
void mt_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb); /* of a|b */
void mt_sha256(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb);
void mt_sha256_3(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb, const void *c,
		 size_t nc);
void mt_hmac_sha256(uint8_t out[32], const void *key, size_t nkey, const void *data, size_t n);
void mt_md5(uint8_t out[16], const void *a, size_t n);
uint32_t mt_crc32(uint32_t crc, const void *data, size_t n); /* IEEE, start with 0 */
/* AES-256-IGE over n bytes, n % 16 == 0, in == out allowed; iv goes on for the next piece (B.1). */
void mt_ige_encrypt(const uint8_t key[32], uint8_t iv[32], const uint8_t *in, uint8_t *out,
		    size_t n);
void mt_ige_decrypt(const uint8_t key[32], uint8_t iv[32], const uint8_t *in, uint8_t *out,
		    size_t n);
struct mt_ctr {              /* AES-256-CTR, any chunking (B.2) */
	uint8_t rounds[240]; /* the key schedule; its first 32 bytes are the key */
	uint8_t counter[16], stream[16];
	unsigned used; /* bytes of stream already used; 0 or 16 = draw the next */
};
void mt_ctr_init(struct mt_ctr *c, const uint8_t key[32], const uint8_t iv[16]);
void mt_ctr_xor(struct mt_ctr *c, const uint8_t *in, uint8_t *out, size_t n);
bool mt_equal(const void *a, const void *b, size_t n); /* constant time */
void mt_wipe(void *p, size_t n);
/* gzip or zlib in; -TG_E_TOO_LARGE over 16 MiB or 200:1 past 1 MiB (A.29). Both append. */
int mt_gunzip(const void *data, size_t n, struct tl_buf *out) TL_MUST;
int mt_gzip(const void *data, size_t n, struct tl_buf *out) TL_MUST;

/* ---- envelope (B8-B13) ---- */
struct mt_key {
	uint8_t key[256];
	uint8_t id[8]; /* SHA1(key)[12:20] */
};
int mt_key_init(struct mt_key *k, const uint8_t key[256]) TL_MUST; /* refuses id 0 */
struct mt_header { /* of an encrypted message, all but the body */
	uint64_t salt, session, msg_id;
	uint32_t seqno;
};
enum mt_direction { MT_TO_SERVER = 0, MT_TO_CLIENT = 8 }; /* x of the KDF */
/* Appends auth_key_id | msg_key | ciphertext. ret_token: of a quick ack (C.20), may be NULL. */
int mt_seal(const struct mt_key *k, enum mt_direction dir, const struct mt_header *h,
	    const void *body, size_t n, const struct mt_env *env, struct tl_buf *out,
	    uint32_t *ret_token) TL_MUST;
/* Checks all of B.11 and B.13, then gives header and body; the body lies in out (cleared). */
int mt_open(const struct mt_key *k, enum mt_direction dir, const void *packet, size_t n,
	    struct tl_buf *out, struct mt_header *ret_h, const uint8_t **ret_body,
	    size_t *ret_n) TL_MUST;

/* ---- server keys and addresses (B.26, chapter J) --------------------------------------------- */
struct mt_rsa {
	uint8_t n[256];
	uint32_t e;
	uint64_t fingerprint;
};
int mt_rsa_from_pem(const char *pem, size_t n, struct mt_rsa *ret) TL_MUST; /* PKCS#1 or SPKI */
const struct mt_rsa *mt_rsa_builtin(bool test); /* the one production or test key */
struct mt_address {
	int dc;
	char host[64]; /* numeric IPv4 or IPv6 */
	uint16_t port;
	bool media_only, tcpo_only, is_static, ipv6, this_port_only;
	uint8_t secret_n, secret[17]; /* of obfuscation: none, 16 bytes, or dd and 16 (C.29) */
};
const struct mt_address *mt_bootstrap(bool test, unsigned i); /* best first; NULL: no more */
/* ---- Diffie-Hellman checks (B8), password check (B9) ----------------------------------------- */
int mt_dh_check_group(const uint8_t p[256], int g) TL_MUST; /* known prime: compared; else tested */
int mt_dh_check_public(const uint8_t p[256], const uint8_t x[256]) TL_MUST;
struct mt_srp { /* in: what account.getPassword gave */
	struct tl_str password, salt1, salt2, p, srp_b;
	int g;
	uint8_t a[256];          /* random exponent */
	uint8_t ga[256], m1[32]; /* out */
};
int mt_srp_answer(struct mt_srp *s) TL_MUST; /* 0.2 s: a job. -TG_E_AGAIN: draw another a */
int mt_srp_hash(struct tl_str password, struct tl_str salt1, struct tl_str salt2, int g,
		struct tl_str p, uint8_t ret_v[256]) TL_MUST; /* new_password_hash (B.74) */

/* ---- a link: framing and obfuscation of one connection (chapter C) --------------------------- */
enum mt_framing { MT_ABRIDGED, MT_INTERMEDIATE, MT_PADDED, MT_FULL };
struct mt_transport { /* "obfuscated-padded" */
	enum mt_framing framing;
	bool obfuscated, has_secret;
	uint8_t secret[16];
};
int mt_transport_parse(const char *name, struct mt_transport *ret) TL_MUST;
#define MT_MAX_PACKET ((1u << 22) + 1024)
struct mt_link;
/* dc: number for the obfuscated header (id, +10000 test, negative media). */
struct mt_link *mt_link_new(const struct mt_transport *t, int dc, const struct mt_env *env);
/* Server side: detects framing and obfuscation from the first bytes. */
struct mt_link *mt_link_accept(const struct mt_env *env);
void mt_link_free(struct mt_link *l);
int mt_link_send(struct mt_link *l, const void *packet, size_t n, bool quick_ack) TL_MUST;
int mt_link_send_quick_ack(struct mt_link *l, uint32_t token) TL_MUST; /* server side */
struct tl_buf *mt_link_out(struct mt_link *l); /* for the wire; tl_buf_drop what was written */
void mt_link_trim(struct mt_link *l);          /* gives empty buffers back */
int mt_link_feed(struct mt_link *l, const void *data, size_t n) TL_MUST;
struct mt_packet {
	enum mt_packet_kind {
		MT_PACKET_NONE, /* more bytes are needed */
		MT_PACKET_DATA,
		MT_PACKET_ERROR,
		MT_PACKET_QUICK_ACK
	} kind;
	const uint8_t *data;
	size_t n;
	int code;       /* transport error: -404 … */
	uint32_t token; /* of a quick ack */
	bool quick_ack; /* server side: the client asked for one */
};
int mt_link_next(struct mt_link *l, struct mt_packet *ret) TL_MUST; /* valid until done or feed */
void mt_link_done(struct mt_link *l); /* what next gave is not looked at any more */

/* ---- work for a thread ----------------------------------------------------------------------- */
/* What takes over 2 ms. run() touches only the job; it goes back to the engine that asked. */
struct mt_job {
	void (*run)(struct mt_job *job);
	void (*free)(struct mt_job *job); /* when the engine is gone; wipes */
	struct mt_job *next;              /* for the daemon's queues */
	void *owner;                      /* the daemon's: which engine asked */
};

/* ---- a client: key exchange and one session with one data centre, over one link at a time ---- */
struct mt_salt {
	int32_t valid_since, valid_until; /* server time; 0 and INT32_MAX when unknown */
	uint64_t salt;
};
struct mt_client_options {
	int dc;                         /* 1 … */
	bool test, media, has_key, pfs; /* pfs: messages go over temporary keys (E3) */
	int32_t temp_life;              /* of these, s; 0 = a day */
	struct mt_temp_key *temp;       /* temporary.h; NULL: it shares with nobody */
	struct mt_transport transport;
	const struct mt_proxy *proxy; /* NULL: none; kept by the caller, as are the next two */
	unsigned *proxy_tries;        /* its handshakes that failed, counted by all its clients */
	const struct mt_rsa *rsa;     /* keys it accepts */
	unsigned rsa_count, salt_count;
	uint8_t key[256];
	struct mt_salt salts[64];
	int64_t time_offset; /* server minus real, ns; 0 = unknown */
};
struct mt_client;
struct mt_client *mt_client_new(const struct mt_client_options *o, const struct mt_env *env,
				struct mt_time now);
void mt_client_free(struct mt_client *c);
/* Header of invokeWithLayer and initConnection (copied): put before every query until one of this
 * key and process was answered, and again after CONNECTION_NOT_INITED (D.60, D.64). */
void mt_client_set_init(struct mt_client *c, const void *init, size_t n);
/* Queues a call (TL bytes, copied). One event answers it, over any number of reconnects and
 * sessions, unless it is cancelled. after: a query the server must begin first (D.67), or 0. */
#define MT_QUERY_NO_INIT 1u /* never wrapped */
#define MT_QUERY_NO_GZIP 2u /* upload parts */
#define MT_QUERY_ONCE 4u /* not idempotent: after an unclear loss FAILED, never repeated (D.79) */
#define MT_QUERY_READ                                                                              \
	8u                 /* changes nothing: a cancel tells the server to drop the answer (D.52) \
			    */
#define MT_QUERY_QUICK 16u /* QUICK_ACK is wanted, where the transport has it (C.20) */
int mt_client_send(struct mt_client *c, const void *body, size_t n, unsigned flags, uint64_t after,
		   uint64_t *ret_query, struct mt_time now) TL_MUST;
/* No event will come for it; *ret_sent (may be NULL) tells whether it had been on the wire. */
void mt_client_cancel(struct mt_client *c, uint64_t query, bool *ret_sent, struct mt_time now);
void mt_client_stop(struct mt_client *c, struct mt_time now); /* acks, then wants no connection */
int64_t mt_client_server_time(const struct mt_client *c, struct mt_time now); /* ns since 1970 */
/* Where the next connection is to end, for proxies. Before mt_client_opened. */
void mt_client_set_target(struct mt_client *c, const struct mt_address *to);
void mt_client_opened(struct mt_client *c, struct mt_time now);
void mt_client_lost(struct mt_client *c, struct mt_time now);  /* also: could not connect */
void mt_client_hurry(struct mt_client *c, struct mt_time now); /* the network came back */
int mt_client_feed(struct mt_client *c, const void *data, size_t n, struct mt_time now) TL_MUST;
struct tl_buf *mt_client_out(struct mt_client *c, struct mt_time now); /* what to write, or NULL */
int64_t mt_client_deadline(const struct mt_client *c); /* boot ns; INT64_MAX = none */
void mt_client_tick(struct mt_client *c, struct mt_time now);
void mt_client_job_done(struct mt_client *c, struct mt_job *job, struct mt_time now); /* frees it */

struct mt_event {
	enum mt_event_kind {
		MT_EV_CONNECT,     /* wants a connection now (its back-off is over) */
		MT_EV_CLOSE,       /* close the connection, then say mt_client_lost */
		MT_EV_JOB,         /* job */
		MT_EV_KEY,         /* data: 256 bytes; store it at once (MT_EV_SALTS follows) */
		MT_EV_SALTS,       /* data: struct mt_salt[n / sizeof], replaces what was kept */
		MT_EV_TIME,        /* value: new time offset, ns */
		MT_EV_ONLINE,      /* first verified packet on this connection */
		MT_EV_NEW_SESSION, /* the server lost our context: ask for the difference (D.48) */
		MT_EV_BOUND,       /* the shared temporary key may be used from now on (E.22) */
		MT_EV_QUICK_ACK,   /* query: it reached the server, not yet an answer (C.21) */
		MT_EV_RESULT,      /* query; data: the answer's TL, unzipped */
		MT_EV_RPC_ERROR,   /* query, code; data: Telegram's text */
		MT_EV_FAILED,      /* query; code: -TG_E_OUTCOME_UNKNOWN, -TG_E_TOO_LARGE … */
		MT_EV_UPDATE,      /* data: an object that is no service message, unzipped */
		MT_EV_UNREADABLE, /* a message that could not be read: there may be a hole (D.66) */
		MT_EV_KEY_LOST,   /* -404 again and again from two connections (C.16) */
		MT_EV_TRANSPORT_ERROR, /* code: -404 … (C.16), or -TG_E_x of a key exchange */
		MT_EV_PROXY,           /* data: why the proxy gave no way, text */
	} kind;
	int code;
	uint64_t query;
	const uint8_t *data;
	size_t n;
	int64_t value;
	struct mt_job *job;
};
bool mt_client_next(struct mt_client *c, struct mt_event *ret);

#endif
