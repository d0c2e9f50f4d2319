/* Work on several independent messages at once. Internal to the room. */
#ifndef PROTO_LANES_H
#define PROTO_LANES_H

#include "proto/kernel.h"

#define MT_LANES 4u /* as many messages as fill the units of one core */

/* What is hidden from the network: AES key and IGE iv of one message. */
struct mt_cipher {
	uint8_t key[32], iv[32];
};
struct mt_ige_lane {
	const uint8_t *in;
	uint8_t *out; /* may be in */
	size_t n;     /* whole blocks */
	struct mt_cipher cipher;
};
/* SHA-256 of a head of fewer than 64 bytes and what follows it; data is never NULL. */
struct mt_sha_lane {
	const uint8_t *head, *data;
	size_t head_n, n;
	uint8_t *out; /* 32 bytes */
};

/* count <= MT_LANES. Lanes one after the other where there is no kernel. */
void mt_ige_lanes(bool encrypt, const struct mt_ige_lane *v, unsigned count);
void mt_sha256_lanes(const struct mt_sha_lane *v, unsigned count);
/* What opening messages needs: each decrypted, and SHA-256 of the 32 bytes before out and the
 * plaintext. in and out do not overlap. */
void mt_ige_decrypt_hash(const struct mt_ige_lane *v, unsigned count, uint8_t *const *shas);
#if MT_KERNELS
void mt_kernel_ige_lanes(bool encrypt, const struct mt_ige_lane *v, unsigned count);
/* abreast: 2 or 4 hashes at a time, as many as fill the processor's unit. */
void mt_kernel_sha256_lanes(const struct mt_sha_lane *v, unsigned count, unsigned abreast);
void mt_kernel_open_lanes(const struct mt_ige_lane *v, unsigned count, uint8_t *const *shas,
			  unsigned abreast);
#endif

#endif
