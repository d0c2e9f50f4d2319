/* Several messages at once: IGE and SHA-256 are chains of latencies, so the steps of independent
 * messages fill each other's gaps, and those of a message's hash the gaps of its decryption. Owns
 * nothing; the lanes are the caller's. */
#include "proto/kernel_sha.h"
#include "proto/lanes.h"

#if MT_KERNELS

#include <string.h>

#define BLOCK 64 /* of SHA-256 */

/* ---- IGE ----------------------------------------------------------------------------------------
 */

/* A column for each message; the keys of a round lie side by side. */
struct ige {
	__m128i key[AES_ROUNDS + 1][MT_LANES], turn[MT_LANES];
	__m128i s[MT_LANES], before[MT_LANES]; /* into the cipher; x of the block before */
	const uint8_t *in[MT_LANES];
	uint8_t *out[MT_LANES];
	size_t n[MT_LANES]; /* left, whole blocks */
	unsigned count;
};

MT_TARGET_AES static void ige_add(struct ige *g, bool encrypt, const struct mt_ige_lane *m)
{
	unsigned l = g->count++;
	struct ige_keys keys;

	mt_ige_keys(encrypt, m->cipher.key, &keys);
	for (unsigned r = 0; r <= AES_ROUNDS; r++)
		g->key[r][l] = keys.key[r];
	g->turn[l] = keys.turn;
	g->before[l] = load(m->cipher.iv + (encrypt ? 16 : 0));
	g->s[l] = load(m->cipher.iv + (encrypt ? 0 : 16));
	g->s[l] = _mm_xor_si128(_mm_xor_si128(g->s[l], load(m->in)), keys.key[0]);
	g->in[l] = m->in;
	g->out[l] = m->out;
	g->n[l] = m->n;
	mt_wipe(&keys, sizeof keys);
}

/* The end of block at of a column: out it goes, and the state of the next block is made. */
MT_TARGET_AES INLINE void ige_block(struct ige *g, const bool encrypt, unsigned l, __m128i *s,
				    __m128i *before, size_t at)
{
	__m128i x = load(g->in[l] + at), next = load(g->in[l] + (at + 16 < g->n[l] ? at + 16 : at));
	__m128i end = _mm_xor_si128(*before, g->key[AES_ROUNDS][l]);
	__m128i on = _mm_xor_si128(_mm_xor_si128(*before, next), g->turn[l]);

	store(g->out[l] + at,
	      encrypt ? _mm_aesenclast_si128(*s, end) : _mm_aesdeclast_si128(*s, end));
	*s = encrypt ? _mm_aesenclast_si128(*s, on) : _mm_aesdeclast_si128(*s, on);
	*before = x;
}

/* n bytes of the first count messages, none of which has fewer; count and encrypt are constants. */
MT_TARGET_AES INLINE void ige_run(struct ige *g, const bool encrypt, const unsigned count, size_t n)
{
	__m128i s[MT_LANES], before[MT_LANES];

#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++) {
		s[l] = g->s[l];
		before[l] = g->before[l];
	}
	for (size_t i = 0; i < n; i += 16) {
#pragma GCC unroll 16
		for (int r = 1; r < AES_ROUNDS; r++) {
#pragma GCC unroll 4
			for (unsigned l = 0; l < count; l++)
				s[l] = encrypt ? _mm_aesenc_si128(s[l], g->key[r][l])
					       : _mm_aesdec_si128(s[l], g->key[r][l]);
		}
#pragma GCC unroll 4
		for (unsigned l = 0; l < count; l++)
			ige_block(g, encrypt, l, &s[l], &before[l], i);
	}
#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++) {
		g->s[l] = s[l];
		g->before[l] = before[l];
	}
}

/* As many messages as go together: a power of two. */
static unsigned together(unsigned count)
{
	return count >= 4 ? 4 : count >= 2 ? 2 : 1;
}

#define IGE(name, encrypt)                                                                         \
	MT_TARGET_AES static void name(struct ige *g, unsigned count, size_t n)                    \
	{                                                                                          \
		if (count == 4)                                                                    \
			ige_run(g, encrypt, 4, n);                                                 \
		else if (count == 2)                                                               \
			ige_run(g, encrypt, 2, n);                                                 \
		else                                                                               \
			ige_run(g, encrypt, 1, n);                                                 \
	}

IGE(ige_encrypt, true)
IGE(ige_decrypt, false)

/* What the first count messages can do together. */
static size_t ige_least(const struct ige *g, unsigned count)
{
	size_t n = g->n[0];

	for (unsigned l = 1; l < count; l++)
		n = g->n[l] < n ? g->n[l] : n;
	return n;
}

static void ige_move(struct ige *g, unsigned to, unsigned from)
{
	for (unsigned r = 1; r <= AES_ROUNDS; r++)
		g->key[r][to] = g->key[r][from];
	g->turn[to] = g->turn[from];
	g->s[to] = g->s[from];
	g->before[to] = g->before[from];
	g->in[to] = g->in[from];
	g->out[to] = g->out[from];
	g->n[to] = g->n[from];
}

/* Past n bytes of the first count messages; the last take the places of those that are done. */
static void ige_advance(struct ige *g, unsigned count, size_t n)
{
	for (unsigned l = count; l-- > 0;) {
		g->in[l] += n;
		g->out[l] += n;
		g->n[l] -= n;
		if (!g->n[l] && l != --g->count)
			ige_move(g, l, g->count);
	}
}

static void ige_finish(struct ige *g, bool encrypt)
{
	while (g->count) {
		unsigned count = together(g->count);
		size_t n = ige_least(g, count);

		(encrypt ? ige_encrypt : ige_decrypt)(g, count, n);
		ige_advance(g, count, n);
	}
}

void mt_kernel_ige_lanes(bool encrypt, const struct mt_ige_lane *v, unsigned many)
{
	struct ige g;

	g.count = 0;
	for (unsigned i = 0; i < many; i++)
		if (v[i].n)
			ige_add(&g, encrypt, &v[i]);
	ige_finish(&g, encrypt);
	mt_wipe(&g, sizeof g);
}

/* ---- SHA-256 ------------------------------------------------------------------------------------
 */

struct span {
	const uint8_t *p;
	size_t blocks;
};

struct sha_lane {
	uint32_t state[8];
	struct span spans[3], *now; /* head and what fills its block; the middle; end and padding */
	uint8_t first[BLOCK], last[2 * BLOCK];
};

/* blocks of each lane; count is a constant. */
MT_TARGET_SHA INLINE void sha_run(const unsigned count, struct sha_lane *const *lanes,
				  size_t blocks)
{
	struct sha256 s[MT_LANES];

#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++)
		sha256_load(&s[l], lanes[l]->state);
	for (size_t i = 0; i < blocks; i++) {
		__m128i abef[MT_LANES], cdgh[MT_LANES];

#pragma GCC unroll 4
		for (unsigned l = 0; l < count; l++) {
			abef[l] = s[l].abef;
			cdgh[l] = s[l].cdgh;
		}
#pragma GCC unroll 16
		for (int step = 0; step < 16; step++) {
#pragma GCC unroll 4
			for (unsigned l = 0; l < count; l++)
				sha256_step(&s[l], lanes[l]->now->p + BLOCK * i, step);
		}
#pragma GCC unroll 4
		for (unsigned l = 0; l < count; l++)
			sha256_add(&s[l], abef[l], cdgh[l]);
	}
#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++)
		sha256_save(&s[l], lanes[l]->state);
}

MT_TARGET_SHA static void sha_lanes(unsigned count, struct sha_lane *const *lanes, size_t blocks)
{
	if (count == 4)
		sha_run(4, lanes, blocks);
	else if (count == 2)
		sha_run(2, lanes, blocks);
	else
		sha_run(1, lanes, blocks);
}

/* done: bytes before those of m, whole blocks; state has them already. */
static void sha_begin(struct sha_lane *a, const struct mt_sha_lane *m, const uint32_t state[8],
		      size_t done)
{
	size_t room = m->head_n ? BLOCK - m->head_n : 0, fill = room < m->n ? room : m->n;
	uint64_t bits = __builtin_bswap64((done + m->head_n + m->n) * 8);
	size_t rest, blocks;
	const uint8_t *tail;

	memcpy(a->state, state, sizeof a->state);
	if (m->head_n) {
		memcpy(a->first, m->head, m->head_n);
		memcpy(a->first + m->head_n, m->data, fill);
	}
	a->spans[0] = (struct span){a->first, (m->head_n + fill) / BLOCK};
	a->spans[1] = (struct span){m->data + fill, (m->n - fill) / BLOCK};
	tail = m->data + fill + BLOCK * a->spans[1].blocks;
	rest = (m->n - fill) % BLOCK;
	if (m->head_n && !a->spans[0].blocks) {
		tail = a->first;
		rest = m->head_n + fill;
	}
	blocks = rest < BLOCK - 8 ? 1 : 2;
	memset(a->last, 0, BLOCK * blocks);
	memcpy(a->last, tail, rest);
	a->last[rest] = 0x80;
	memcpy(a->last + BLOCK * blocks - 8, &bits, 8);
	a->spans[2] = (struct span){a->last, blocks};
	a->now = a->spans;
	while (!a->now->blocks)
		a->now++;
}

/* Past blocks that are done; false: that was all. */
static bool sha_step(struct sha_lane *a, size_t blocks)
{
	a->now->p += BLOCK * blocks;
	a->now->blocks -= blocks;
	while (a->now < a->spans + 3 && !a->now->blocks)
		a->now++;
	return a->now < a->spans + 3;
}

static void sha_finish(struct sha_lane *all, const struct mt_sha_lane *v, unsigned many,
		       unsigned abreast)
{
	struct sha_lane *lanes[MT_LANES];
	unsigned count, kept;

	for (unsigned i = 0; i < many; i++)
		lanes[i] = &all[i];
	for (count = many; count; count = kept) {
		unsigned ran = together(count < abreast ? count : abreast);
		size_t n = lanes[0]->now->blocks;

		for (unsigned l = 1; l < ran; l++)
			n = lanes[l]->now->blocks < n ? lanes[l]->now->blocks : n;
		sha_lanes(ran, lanes, n);
		kept = 0;
		for (unsigned l = 0; l < count; l++)
			if (l >= ran || sha_step(lanes[l], n))
				lanes[kept++] = lanes[l];
	}
	for (unsigned i = 0; i < many; i++) {
		for (unsigned w = 0; w < 8; w++) {
			uint32_t word = __builtin_bswap32(all[i].state[w]);

			memcpy(v[i].out + 4 * w, &word, 4);
		}
	}
	mt_wipe(all, many * sizeof *all);
}

void mt_kernel_sha256_lanes(const struct mt_sha_lane *v, unsigned many, unsigned abreast)
{
	struct sha_lane all[MT_LANES];

	for (unsigned i = 0; i < many; i++)
		sha_begin(&all[i], &v[i], mt_sha256_start, 0);
	sha_finish(all, v, many, abreast);
}

/* ---- both ---------------------------------------------------------------------------------------
 */

/* AES and SHA have units of their own: the hash of what is decrypted costs little beside it. Whole
 * groups of BLOCK bytes; for each, the BLOCK bytes before its place in out are hashed. */
MT_TARGET_BOTH INLINE void weave(struct ige *g, const unsigned count, uint32_t (*states)[8],
				 size_t n)
{
	__m128i s[MT_LANES], before[MT_LANES];
	struct sha256 h[MT_LANES];

#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++) {
		s[l] = g->s[l];
		before[l] = g->before[l];
		sha256_load(&h[l], states[l]);
	}
	for (size_t i = 0; i < n; i += BLOCK) {
		__m128i abef[MT_LANES], cdgh[MT_LANES];

#pragma GCC unroll 4
		for (unsigned l = 0; l < count; l++) {
			abef[l] = h[l].abef;
			cdgh[l] = h[l].cdgh;
		}
#pragma GCC unroll 4
		for (int quarter = 0; quarter < 4; quarter++) {
#pragma GCC unroll 16
			for (int r = 1; r < AES_ROUNDS; r++) {
#pragma GCC unroll 4
				for (unsigned l = 0; l < count; l++)
					s[l] = _mm_aesdec_si128(s[l], g->key[r][l]);
				if (r % 3)
					continue;
#pragma GCC unroll 4
				for (unsigned l = 0; l < count; l++)
					sha256_step(&h[l], g->out[l] + i - BLOCK,
						    4 * quarter + r / 3 - 1);
			}
#pragma GCC unroll 4
			for (unsigned l = 0; l < count; l++)
				ige_block(g, false, l, &s[l], &before[l], i + 16 * (size_t)quarter);
		}
#pragma GCC unroll 4
		for (unsigned l = 0; l < count; l++)
			sha256_add(&h[l], abef[l], cdgh[l]);
	}
#pragma GCC unroll 4
	for (unsigned l = 0; l < count; l++) {
		g->s[l] = s[l];
		g->before[l] = before[l];
		sha256_save(&h[l], states[l]);
	}
}

MT_TARGET_BOTH static void weave_lanes(struct ige *g, unsigned count, uint32_t (*states)[8],
				       size_t n)
{
	if (count == 4)
		weave(g, 4, states, n);
	else if (count == 2)
		weave(g, 2, states, n);
	else
		weave(g, 1, states, n);
}

/* The hash's blocks begin HALF before the plaintext, so that much is decrypted ahead. What is
 * longer than the shortest message is done after it, first decrypted and then hashed; so are more
 * messages than hashes go abreast, which leave no gaps. */
static void open_together(const struct mt_ige_lane *v, unsigned count, uint8_t *const *shas,
			  unsigned abreast)
{
	enum { HALF = BLOCK / 2 };
	struct sha_lane hashes[MT_LANES];
	struct mt_sha_lane rest[MT_LANES];
	uint32_t states[MT_LANES][8];
	size_t woven = v[0].n;
	struct ige g;

	g.count = 0;
	for (unsigned i = 0; i < count; i++) {
		woven = v[i].n < woven ? v[i].n : woven;
		memcpy(states[i], mt_sha256_start, sizeof states[i]);
		if (v[i].n)
			ige_add(&g, false, &v[i]);
	}
	woven = woven < HALF || count > abreast ? 0 : (woven - HALF) / BLOCK * BLOCK;
	if (woven) {
		ige_decrypt(&g, count, HALF);
		ige_advance(&g, count, HALF);
		weave_lanes(&g, count, states, woven);
		ige_advance(&g, count, woven);
	}
	ige_finish(&g, false);
	for (unsigned i = 0; i < count; i++) {
		rest[i] = (struct mt_sha_lane){.data = v[i].out - HALF + woven,
					       .n = HALF + v[i].n - woven,
					       .out = shas[i]};
		sha_begin(&hashes[i], &rest[i], states[i], woven);
	}
	sha_finish(hashes, rest, count, abreast);
	mt_wipe(&g, sizeof g);
}

void mt_kernel_open_lanes(const struct mt_ige_lane *v, unsigned many, uint8_t *const *shas,
			  unsigned abreast)
{
	for (unsigned count; many; many -= count, v += count, shas += count) {
		count = together(many);
		open_together(v, count, shas, abreast);
	}
}

#endif
