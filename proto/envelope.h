/* Key derivation of the envelopes and the message that binds a temporary key. Internal to the
 * room. AK = the auth key. */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H

#include "proto/proto.h"

#define MT_ENVELOPE_HEAD 24  /* auth_key_id, msg_key */
#define MT_ENVELOPE_INNER 32 /* salt, session, msg_id, seqno, length */
#define MT_PADDING_MIN 12u   /* B.13 */
#define MT_PADDING_MAX 1024u /* B.13 */

/* What is hidden from the network: AES key and IGE iv of one message. */
struct mt_cipher {
	uint8_t key[32], iv[32];
};
/* B.10; core.telegram.org/mtproto/description#defining-aes-key-and-initialization-vector */
void mt_kdf(struct mt_cipher *ret, const uint8_t key[256], unsigned x, const uint8_t msg_key[16]);
/* B.9: SHA-256 of a part of the key and the plaintext; bytes 8…24 are the msg_key. */
void mt_msg_key_large(uint8_t ret[32], const uint8_t key[256], unsigned x, const void *plain,
		      size_t n);
/* B.21; core.telegram.org/mtproto/description_v1: only for mt_bind_message and old secret chats. */
void mt_kdf_v1(struct mt_cipher *ret, const uint8_t key[256], unsigned x,
	       const uint8_t msg_key[16]);
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
