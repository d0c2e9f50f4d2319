/* RSA as the key exchange uses it. Internal to the room. */
#ifndef PROTO_RSA_H
#define PROTO_RSA_H

#include "proto/proto.h"

#define MT_RSA_DATA_MAX 144
uint64_t mt_rsa_fingerprint(const struct mt_rsa *key); /* B.25 */
/* in^e mod n, left-padded (B.28); -TG_E_CRYPTO when in >= n. */
int mt_rsa_raw(const struct mt_rsa *key, const uint8_t in[256], uint8_t ret[256]) TL_MUST;
/* RSA_PAD (B.27; core.telegram.org/mtproto/auth_key, step 4.1). Draws the padding, then 32 bytes
 * for each try. -TG_E_TOO_LARGE over MT_RSA_DATA_MAX bytes. */
int mt_rsa_pad(const struct mt_rsa *key, const void *data, size_t n, const struct mt_env *env,
	       uint8_t ret[256]) TL_MUST;

#endif
