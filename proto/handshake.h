/* The client's side of the key exchange as an engine (PROTOCOL B7; core.telegram.org/mtproto/
 * auth_key). Internal to the room: the client layer owns the handshake, wraps bodies into plain
 * messages with message ids and keeps deadlines, back-off and restarts. */
#ifndef PROTO_HANDSHAKE_H
#define PROTO_HANDSHAKE_H

#include "proto/proto.h"

struct mt_handshake;

/* dc: number on the wire (id, +10000 test, negative media: B.38). temp: a key of expires_in
 * seconds; else expires_in is ignored. rsa and env are kept by the caller. NULL without memory. */
struct mt_handshake *mt_handshake_new(int32_t dc, bool temp, int32_t expires_in,
				      const struct mt_rsa *rsa, unsigned rsa_count,
				      const struct mt_env *env);
/* Wipes. A job that is out is not touched: its own free() gets rid of it. */
void mt_handshake_free(struct mt_handshake *h);

/* The body of a plain message; bytes behind the object are tolerated (A.44). A failure is returned
 * and comes as MT_HANDSHAKE_FAILED as well. now: of the receipt, for the time offset (B.42). */
int mt_handshake_feed(struct mt_handshake *h, const void *body, size_t n,
		      struct mt_time now) TL_MUST;
/* A job came back; it is freed here. */
void mt_handshake_job_done(struct mt_handshake *h, struct mt_job *job);

struct mt_handshake_event {
	enum mt_handshake_kind {
		MT_HANDSHAKE_NONE,   /* wait: for an answer or for the job */
		MT_HANDSHAKE_SEND,   /* body, n: send as a plain message */
		MT_HANDSHAKE_JOB,    /* job: run it in a thread, then mt_handshake_job_done */
		MT_HANDSHAKE_DONE,   /* key, salt, time_offset: store them */
		MT_HANDSHAKE_FAILED, /* err, restart; the object is only good for _free */
	} kind;
	const uint8_t *body;
	size_t n;
	struct mt_job *job;
	const uint8_t *key; /* 256 bytes */
	uint64_t salt;
	int64_t time_offset; /* server minus real, ns */
	/* -TG_E_HANDSHAKE: the server gave up; -TG_E_CRYPTO, -TG_E_WIRE: a check failed;
	 * -TG_E_NOT_FOUND: the server knows none of our RSA keys (B.37: no storm of retries). */
	int err;
	/* true: begin again from req_pq on this connection; false: close it, back off (B.51) */
	bool restart;
};
/* Each event comes once and lives until the next call that takes h. The first is SEND. */
void mt_handshake_next(struct mt_handshake *h, struct mt_handshake_event *ret);

#endif
