/* The check of a two-step password (PROTOCOL B9; core.telegram.org/api/srp). Runs in a job; keeps
 * nothing, wipes what it made. */
#include "proto/srp.h"
#include "proto/crypto.h"
#include "proto/dh.h"

#include <string.h>

#define ROUNDS 100000
#define SRP_B_MIN 248 /* B.73 */
#define SRP_B_MAX 256

static struct mt_num num(struct tl_str s)
{
	return (struct mt_num){(const uint8_t *)s.data, s.len};
}

/* H(salt | data | salt) */
static void salted(uint8_t ret[32], const void *data, size_t n, struct tl_str salt)
{
	mt_sha256_3(ret, salt.data, salt.len, data, n, salt.data, salt.len);
}

int mt_srp_secret(uint8_t ret[32], struct tl_str password, struct tl_str salt1, struct tl_str salt2)
{
	uint8_t hash[32], slow[64];
	int err;

	salted(hash, password.data, password.len, salt1);
	salted(hash, hash, sizeof hash, salt2);
	err = mt_pbkdf2_sha512(slow, hash, sizeof hash, salt1.data, salt1.len, ROUNDS);
	if (!err)
		salted(ret, slow, sizeof slow, salt2);
	mt_wipe(hash, sizeof hash);
	mt_wipe(slow, sizeof slow);
	return err;
}

static bool wide(uint8_t ret[256], struct tl_str s)
{
	if (s.len > 256)
		return false;
	memset(ret, 0, 256 - s.len);
	if (s.len)
		memcpy(ret + 256 - s.len, s.data, s.len);
	return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	while (n)
		any |= p[--n];
	return any == 0;
}

/* M1 = H(H(p) ^ H(g) | H(salt1) | H(salt2) | g_a | g_b | H(S)) */
static void proof(struct mt_srp *s, const uint8_t p[256], const uint8_t g[256],
		  const uint8_t gb[256], const uint8_t secret[256])
{
	uint8_t all[4 * 32 + 2 * 256], hash_g[32];

	mt_sha256(all, p, 256, NULL, 0);
	mt_sha256(hash_g, g, 256, NULL, 0);
	for (unsigned i = 0; i < 32; i++)
		all[i] ^= hash_g[i];
	mt_sha256(all + 32, s->salt1.data, s->salt1.len, NULL, 0);
	mt_sha256(all + 64, s->salt2.data, s->salt2.len, NULL, 0);
	memcpy(all + 96, s->ga, 256);
	memcpy(all + 96 + 256, gb, 256);
	mt_sha256(all + 96 + 512, secret, 256, NULL, 0);
	mt_sha256(s->m1, all, sizeof all, NULL, 0);
	mt_wipe(all, sizeof all);
}

/* Numbers of one computation; every one as 256 bytes. */
struct work {
	uint8_t p[256], g[256], gb[256], x[32], v[256], k[32], u[32], t[256], secret[256];
	uint8_t exponent[264];
};

static int compute(struct mt_srp *s, struct work *w, bool strict)
{
	struct mt_num p = num(s->p);
	int err;

	if (!wide(w->p, s->p) || !wide(w->gb, s->srp_b))
		return -TG_E_CRYPTO;
	w->g[255] = (uint8_t)s->g;
	mt_sha256(w->k, w->p, 256, w->g, 256);

	err = mt_modexp(s->ga, MT_NUM(w->g), MT_NUM(s->a), p);
	if (err)
		return err;
	mt_sha256(w->u, s->ga, 256, w->gb, 256);
	if (strict && (mt_dh_check_public(w->p, s->ga) || is_zero(w->u, sizeof w->u)))
		return -TG_E_AGAIN;

	err = mt_srp_secret(w->x, s->password, s->salt1, s->salt2);
	if (!err)
		err = mt_modexp(w->v, MT_NUM(w->g), MT_NUM(w->x), p);
	if (!err)
		err = mt_sub_mul(w->t, MT_NUM(w->gb), MT_NUM(w->k), MT_NUM(w->v), p);
	if (!err && strict)
		err = mt_dh_check_public(w->p, w->t);
	if (!err)
		err = mt_add_mul(w->exponent, MT_NUM(s->a), MT_NUM(w->u), MT_NUM(w->x));
	if (!err)
		err = mt_modexp(w->secret, MT_NUM(w->t), MT_NUM(w->exponent), p);
	if (!err)
		proof(s, w->p, w->g, w->gb, w->secret);
	return err;
}

int mt_srp_compute(struct mt_srp *s, bool strict)
{
	struct work w = {0};
	int err = compute(s, &w, strict);

	mt_wipe(&w, sizeof w);
	return err;
}

int mt_srp_answer(struct mt_srp *s)
{
	int err;

	if (s->p.len != 256 || s->srp_b.len < SRP_B_MIN || s->srp_b.len > SRP_B_MAX)
		return -TG_E_CRYPTO;
	if (is_zero((const uint8_t *)s->srp_b.data, s->srp_b.len) ||
	    mt_num_cmp(num(s->srp_b), num(s->p)) >= 0)
		return -TG_E_CRYPTO;
	err = mt_dh_check_group((const uint8_t *)s->p.data, s->g);
	return err ? err : mt_srp_compute(s, true);
}

int mt_srp_hash(struct tl_str password, struct tl_str salt1, struct tl_str salt2, int g,
		struct tl_str p, uint8_t ret_v[256])
{
	uint8_t x[32], base[1] = {(uint8_t)g};
	int err;

	if (p.len != 256)
		return -TG_E_CRYPTO;
	err = mt_dh_check_group((const uint8_t *)p.data, g);
	if (!err)
		err = mt_srp_secret(x, password, salt1, salt2);
	if (!err)
		err = mt_modexp(ret_v, MT_NUM(base), MT_NUM(x), num(p));
	mt_wipe(x, sizeof x);
	return err;
}
