/* AES-NI and SHA-NI versions of what crypto.c does with mbedTLS. Internal to the room. Built on
 * x86-64 unless MT_NO_KERNELS is defined; used when the processor has the instructions. */
#ifndef PROTO_KERNEL_H
#define PROTO_KERNEL_H

#include "proto/proto.h"

#if defined(__x86_64__) && !defined(MT_NO_KERNELS)
#define MT_KERNELS 1
#else
#define MT_KERNELS 0
#endif

#define MT_CPU_AES 1u
#define MT_CPU_SHA 2u
#define MT_CPU_SHA_WIDE 4u /* … a step of which begins each cycle, not each second one */
unsigned mt_cpu(void);     /* 0 without kernels */

#if MT_KERNELS
#define MT_TARGET_AES __attribute__((target("aes,ssse3,sse4.1")))
#define MT_TARGET_SHA __attribute__((target("sha,ssse3,sse4.1")))
#define MT_TARGET_BOTH __attribute__((target("aes,sha,ssse3,sse4.1")))

/* Round keys of AES-256 for encryption; the first 32 bytes are the key. */
void mt_kernel_expand(const uint8_t key[32], uint8_t rounds[240]);
void mt_kernel_ige(bool encrypt, const uint8_t key[32], uint8_t iv[32], const uint8_t *in,
		   uint8_t *out, size_t n);
/* Whole blocks; the counter moves on. */
void mt_kernel_ctr(const uint8_t rounds[240], uint8_t counter[16], const uint8_t *in, uint8_t *out,
		   size_t blocks);
void mt_kernel_sha256(uint32_t state[8], const uint8_t *data, size_t blocks);
extern const uint32_t mt_sha256_start[8];
/* The last n < 64 bytes of a message of total bytes, and the hash. */
void mt_kernel_sha256_end(uint32_t state[8], const uint8_t *data, size_t n, uint64_t total,
			  uint8_t sha[32]);
void mt_kernel_sha1(uint32_t state[5], const uint8_t *data, size_t blocks);
#endif

#endif
