/* Key derivation of the envelopes and the message that binds a temporary key. Internal to the
 * room. AK = the auth key. */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H

#include "proto/lanes.h"

#define MT_ENVELOPE_HEAD 24  /* auth_key_id, msg_key */
#define MT_ENVELOPE_INNER 32 /* salt, session, msg_id, seqno, length */
#define MT_PADDING_MIN 12u   /* B.13 */
#define MT_PADDING_MAX 1024u /* B.13 */

/* B.10; core.telegram.org/mtproto/description#defining-aes-key-and-initialization-vector */
void mt_kdf(struct mt_cipher *ret, const uint8_t key[256], unsigned x, const uint8_t msg_key[16]);
/* B.9: SHA-256 of a part of the key and the plaintext; bytes 8…24 are the msg_key. */
void mt_msg_key_large(uint8_t ret[32], const uint8_t key[256], unsigned x, const void *plain,
		      size_t n);
/* B.21; core.telegram.org/mtproto/description_v1: only for mt_bind_message and old secret chats. */
void mt_kdf_v1(struct mt_cipher *ret, const uint8_t key[256], unsigned x,
	       const uint8_t msg_key[16]);

/* A message that lies in a buffer, ready to be sealed with others. */
struct mt_laid {
	size_t at, n;   /* where it begins; the packet's size */
	uint32_t token; /* of its quick ack (C.20), once it is sealed */
};
/* Appends room for the envelope, header, body and padding. */
int mt_lay(const struct mt_header *h, const void *body, size_t n, const struct mt_env *env,
	   struct tl_buf *out, struct mt_laid *ret) TL_MUST;
/* Seals what was laid into buf, MT_LANES messages at a time. */
void mt_seal_laid(const struct mt_key *k, enum mt_direction dir, struct tl_buf *buf,
		  struct mt_laid *v, unsigned count);

/* A packet to be opened with others: what mt_open takes and gives. */
struct mt_opening {
	const uint8_t *packet;
	size_t n;
	struct tl_buf *out;
	int err;
	struct mt_header h;
	const uint8_t *body;
	size_t body_n;
};
/* count <= MT_LANES. Each is as mt_open would have left it. */
void mt_open_lanes(const struct mt_key *k, enum mt_direction dir, struct mt_opening *v,
		   unsigned count);

/* Size of the encrypted part for a body of n bytes (B.15). */
size_t mt_envelope_size(size_t n);

#define MT_BIND_SIZE 104
struct mt_bind {
	uint64_t nonce, temp_key_id, temp_session, msg_id; /* key id as read from the wire */
	int32_t expires_at;
};
/* encrypted_message of auth.bindTempAuthKey (B.80; core.telegram.org/api/pfs): rebuilt for each
 * msg_id. */
void mt_bind_message(uint8_t ret[MT_BIND_SIZE], const struct mt_key *permanent,
		     const struct mt_bind *b, const struct mt_env *env);

#endif
