/* Hashes and block modes as the rest of the project calls them: by a kernel where the processor has
 * the instructions, else by mbedTLS. */
#include "proto/crypto.h"
#include "proto/lanes.h"

#include <assert.h>
#include <string.h>

#define BLOCK 16

#if MT_KERNELS
/* ---- messages in pieces
 * ---------------------------------------------------------------------------- */

struct hash { /* of either kind: the kernel's state and what is too little for a block */
	uint32_t state[8];
	uint8_t part[64];
	size_t used;
	uint64_t total;
	void (*blocks)(uint32_t *state, const uint8_t *data, size_t n);
};

static void hash_add(struct hash *h, const void *data, size_t n)
{
	const uint8_t *p = data;

	if (n == 0)
		return;
	h->total += n;
	if (h->used) {
		size_t take = n < 64 - h->used ? n : 64 - h->used;

		memcpy(h->part + h->used, p, take);
		h->used += take;
		p += take;
		n -= take;
		if (h->used < 64)
			return;
		h->blocks(h->state, h->part, 1);
		h->used = 0;
	}
	if (n >= 64)
		h->blocks(h->state, p, n / 64);
	if (n % 64)
		memcpy(h->part, p + n / 64 * 64, n % 64);
	h->used = n % 64;
}

static void sha1_kernel(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb)
{
	struct hash h = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
			 .blocks = mt_kernel_sha1};
	uint8_t end[72] = {0x80};
	uint64_t bits;
	size_t pad;

	hash_add(&h, a, na);
	hash_add(&h, b, nb);
	pad = (h.used < 56 ? 56 : 120) - h.used;
	bits = __builtin_bswap64(h.total * 8);
	memcpy(end + pad, &bits, 8);
	hash_add(&h, end, pad + 8);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t word = __builtin_bswap32(h.state[i]);

		memcpy(out + 4 * i, &word, 4);
	}
	mt_wipe(&h, sizeof h);
}
#endif

/* ---- hashes -------------------------------------------------------------------------------------
 */

void mt_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb)
{
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_SHA) {
		sha1_kernel(out, a, na, b, nb);
		return;
	}
#endif
	mt_soft_sha1(out, a, na, b, nb);
}

void mt_sha256_3(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb, const void *c,
		 size_t nc)
{
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_SHA) {
		struct hash h = {.blocks = mt_kernel_sha256};

		memcpy(h.state, mt_sha256_start, sizeof h.state);
		hash_add(&h, a, na);
		hash_add(&h, b, nb);
		hash_add(&h, c, nc);
		mt_kernel_sha256_end(h.state, h.part, h.used, h.total, out);
		mt_wipe(&h, sizeof h);
		return;
	}
#endif
	mt_soft_sha256(out, a, na, b, nb, c, nc);
}

void mt_sha256(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb)
{
	mt_sha256_3(out, a, na, b, nb, NULL, 0);
}

/* ---- AES-256-IGE (B.1)
 * --------------------------------------------------------------------------- */

static void ige(bool encrypt, const uint8_t key[32], uint8_t iv[32], const uint8_t *in,
		uint8_t *out, size_t n)
{
	assert(n % BLOCK == 0);
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES) {
		mt_kernel_ige(encrypt, key, iv, in, out, n);
		return;
	}
#endif
	mt_soft_ige(encrypt, key, iv, in, out, n);
}

void mt_ige_encrypt(const uint8_t key[32], uint8_t iv[32], const uint8_t *in, uint8_t *out,
		    size_t n)
{
	ige(true, key, iv, in, out, n);
}

void mt_ige_decrypt(const uint8_t key[32], uint8_t iv[32], const uint8_t *in, uint8_t *out,
		    size_t n)
{
	ige(false, key, iv, in, out, n);
}

/* ---- several messages at once
 * -------------------------------------------------------------------- */

void mt_ige_lanes(bool encrypt, const struct mt_ige_lane *v, unsigned count)
{
	assert(count <= MT_LANES);
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES) {
		mt_kernel_ige_lanes(encrypt, v, count);
		return;
	}
#endif
	for (unsigned i = 0; i < count; i++) {
		uint8_t chain[32];

		memcpy(chain, v[i].cipher.iv, sizeof chain);
		ige(encrypt, v[i].cipher.key, chain, v[i].in, v[i].out, v[i].n);
		mt_wipe(chain, sizeof chain);
	}
}

#if MT_KERNELS
/* Two chains of latencies fill most units; a third only costs registers. */
static unsigned hashes_abreast(void)
{
	return mt_cpu() & MT_CPU_SHA_WIDE ? 4 : 2;
}
#endif

void mt_sha256_lanes(const struct mt_sha_lane *v, unsigned count)
{
	assert(count <= MT_LANES);
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_SHA) {
		mt_kernel_sha256_lanes(v, count, hashes_abreast());
		return;
	}
#endif
	for (unsigned i = 0; i < count; i++)
		mt_sha256(v[i].out, v[i].head, v[i].head_n, v[i].data, v[i].n);
}

void mt_ige_decrypt_hash(const struct mt_ige_lane *v, unsigned count, uint8_t *const *shas)
{
	assert(count <= MT_LANES);
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES && mt_cpu() & MT_CPU_SHA) {
		mt_kernel_open_lanes(v, count, shas, hashes_abreast());
		return;
	}
#endif
	mt_ige_lanes(false, v, count);
	for (unsigned i = 0; i < count; i++)
		mt_sha256(shas[i], v[i].out - 32, v[i].n + 32, NULL, 0);
}

/* ---- AES-256-CTR (B.2) --------------------------------------------------------------------------
 */

void mt_ctr_init(struct mt_ctr *c, const uint8_t key[32], const uint8_t iv[16])
{
	memset(c, 0, sizeof *c);
	memcpy(c->rounds, key, 32);
	memcpy(c->counter, iv, BLOCK);
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES)
		mt_kernel_expand(key, c->rounds);
#endif
}

#if MT_KERNELS
/* What is left of the stream, whole blocks, a last piece of a block. */
static void ctr_kernel(struct mt_ctr *c, const uint8_t *in, uint8_t *out, size_t n)
{
	static const uint8_t zero[BLOCK];
	size_t whole;

	for (; n && c->used % BLOCK; n--)
		*out++ = *in++ ^ c->stream[c->used++];
	if (n == 0)
		return;
	whole = n / BLOCK;
	mt_kernel_ctr(c->rounds, c->counter, in, out, whole);
	in += whole * BLOCK;
	out += whole * BLOCK;
	n %= BLOCK;
	c->used = (unsigned)n;
	if (n == 0)
		return;
	mt_kernel_ctr(c->rounds, c->counter, zero, c->stream, 1);
	for (size_t i = 0; i < n; i++)
		out[i] = in[i] ^ c->stream[i];
}
#endif

void mt_ctr_xor(struct mt_ctr *c, const uint8_t *in, uint8_t *out, size_t n)
{
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES) {
		ctr_kernel(c, in, out, n);
		return;
	}
#endif
	mt_soft_ctr(c, in, out, n);
}
