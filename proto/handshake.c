/* The client's side of the key exchange (PROTOCOL B7; core.telegram.org/mtproto/auth_key). The
 * handshake owns its nonces and keys and wipes them; a job that is out owns copies of what it
 * needs, so that either may end first. */
#include "proto/handshake.h"
#include "proto/dh.h"
#include "proto/envelope.h"
#include "proto/handshake_jobs.h"
#include "proto/rsa.h"
#include "proto/secret.h"
#include "proto/wire.h"

#include <stdlib.h>
#include <string.h>

#define PQ_MAX 8        /* bytes (B.31) */
#define ANSWER_MAX 2048 /* encrypted_answer; 592 bytes in practice */
#define RETRIES_MAX 5   /* dh_gen_retry (B.47) */
#define REDRAWS_MAX 16  /* of a b whose g_b is out of range: one in 2^63 */
#define NS_PER_S 1000000000

struct mt_handshake {
	const struct mt_env *env;
	const struct mt_rsa *rsa;
	unsigned rsa_count, retries, redraws;
	int32_t dc, expires_in;
	bool temp;
	enum { RES_PQ, SPLIT, DH_PARAMS, POWER, DH_GEN, OVER } state; /* what is waited for */

	uint8_t nonce[16], server_nonce[16], new_nonce[32];
	uint8_t pq[PQ_MAX];
	size_t pq_n;
	const struct mt_rsa *chosen;
	struct mt_cipher temporary; /* tmp_aes_key and iv */
	uint8_t prime[256], ga[256], key[256], retry_id[8];
	int32_t g;
	bool group_checked;
	int64_t time_offset;

	enum mt_handshake_kind pending;
	struct tl_buf body;
	struct mt_job *job; /* the one that is out or pending */
	int err;
	bool restart;
};

/* ---- outcomes
 * ------------------------------------------------------------------------------------ */

static void forget(struct mt_handshake *h)
{
	mt_wipe(h->new_nonce, sizeof h->new_nonce);
	mt_wipe(&h->temporary, sizeof h->temporary);
	mt_wipe(h->key, sizeof h->key);
}

static int fail(struct mt_handshake *h, int err, bool restart)
{
	forget(h);
	h->state = OVER;
	h->pending = MT_HANDSHAKE_FAILED;
	h->err = err;
	h->restart = restart;
	return err;
}

/* The body that was put is to be sent. */
static int send_body(struct mt_handshake *h)
{
	if (h->body.err)
		return fail(h, h->body.err, false);
	h->pending = MT_HANDSHAKE_SEND;
	return 0;
}

static int ask_job(struct mt_handshake *h, struct mt_job *job)
{
	if (!job)
		return fail(h, -TG_E_NOMEM, false);
	h->job = job;
	h->pending = MT_HANDSHAKE_JOB;
	return 0;
}

static void draw(struct mt_handshake *h, void *out, size_t n)
{
	h->env->random(h->env->ctx, out, n);
}

/* ---- req_pq_multi, resPQ
 * -------------------------------------------------------------------------- */

struct mt_handshake *mt_handshake_new(int32_t dc, bool temp, int32_t expires_in,
				      const struct mt_rsa *rsa, unsigned rsa_count,
				      const struct mt_env *env)
{
	struct mt_handshake *h = mt_secret_new(env, sizeof *h);

	if (!h)
		return NULL;
	h->env = env;
	h->rsa = rsa;
	h->rsa_count = rsa_count;
	h->dc = dc;
	h->temp = temp;
	h->expires_in = expires_in;
	h->state = RES_PQ;
	draw(h, h->nonce, sizeof h->nonce);
	tl_put_u32(&h->body, WIRE_REQ_PQ_MULTI);
	tl_put(&h->body, h->nonce, sizeof h->nonce);
	(void)send_body(h); /* a failure comes as an event */
	return h;
}

void mt_handshake_free(struct mt_handshake *h)
{
	if (!h)
		return;
	if (h->pending == MT_HANDSHAKE_JOB)
		h->job->free(h->job);
	tl_buf_free(&h->body);
	mt_secret_free(h->env, h, sizeof *h);
}

/* Every answer opens with our nonce and, from the second on, with the server's (B.36). */
static int take_nonces(const struct mt_handshake *h, struct tl_cursor *c)
{
	const uint8_t *both = tl_get(c, 32);

	if (!both)
		return -TG_E_WIRE;
	if (!mt_equal(both, h->nonce, 16) || !mt_equal(both + 16, h->server_nonce, 16))
		return -TG_E_CRYPTO;
	return 0;
}

/* The first of our keys that the server has (B.37). */
static const struct mt_rsa *choose_key(const struct mt_handshake *h, const uint8_t *prints,
				       size_t count)
{
	for (unsigned i = 0; i < h->rsa_count; i++) {
		struct tl_cursor c = tl_cursor(prints, count * 8);

		while (tl_left(&c))
			if (tl_get_u64(&c) == h->rsa[i].fingerprint)
				return &h->rsa[i];
	}
	return NULL;
}

static int on_res_pq(struct mt_handshake *h, struct tl_cursor *c)
{
	const uint8_t *nonces, *prints;
	struct tl_str pq;
	uint64_t number = 0;
	uint32_t count;

	if (tl_get_u32(c) != WIRE_RES_PQ)
		return -TG_E_WIRE;
	nonces = tl_get(c, 32);
	if (!nonces)
		return -TG_E_WIRE;
	if (!mt_equal(nonces, h->nonce, 16))
		return -TG_E_CRYPTO;
	memcpy(h->server_nonce, nonces + 16, 16);
	pq = tl_get_bytes(c);
	if (tl_get_u32(c) != WIRE_VECTOR)
		return -TG_E_WIRE;
	count = tl_get_u32(c);
	if (c->err || count > tl_left(c) / 8)
		return -TG_E_WIRE;
	prints = tl_get(c, (size_t)count * 8);
	if (pq.len == 0 || pq.len > PQ_MAX)
		return -TG_E_CRYPTO;
	h->chosen = count ? choose_key(h, prints, count) : NULL;
	if (!h->chosen)
		return -TG_E_NOT_FOUND;
	memcpy(h->pq, pq.data, pq.len);
	h->pq_n = pq.len;
	for (size_t i = 0; i < h->pq_n; i++)
		number = number << 8 | h->pq[i];
	h->state = SPLIT;
	return ask_job(h, mt_split_job(number));
}

/* ---- req_DH_params
 * --------------------------------------------------------------------------------- */

/* Minimal big-endian bytes (B.32). */
static void put_number(struct tl_buf *b, const uint8_t *data, size_t n)
{
	for (; n > 1 && *data == 0; n--)
		data++;
	tl_put_bytes(b, data, n);
}

static void put_u64_number(struct tl_buf *b, uint64_t v)
{
	uint8_t raw[8];

	for (unsigned i = 8; i-- > 0; v >>= 8)
		raw[i] = (uint8_t)v;
	put_number(b, raw, sizeof raw);
}

/* For what has to be wiped: all its memory at once, so that growing leaves no copies behind. */
static struct tl_buf secret_buf(size_t room)
{
	struct tl_buf b = {0};

	if (tl_buf_extend(&b, room))
		tl_buf_clear(&b);
	return b;
}

static void secret_free(struct tl_buf *b)
{
	if (b->data)
		mt_wipe(b->data, b->cap);
	tl_buf_free(b);
}

/* B.39; core.telegram.org/mtproto/auth_key, step 6 */
static void derive_temporary(struct mt_handshake *h)
{
	uint8_t ns[20], sn[20], nn[20];

	mt_sha1(ns, h->new_nonce, 32, h->server_nonce, 16);
	mt_sha1(sn, h->server_nonce, 16, h->new_nonce, 32);
	mt_sha1(nn, h->new_nonce, 32, h->new_nonce, 32);
	memcpy(h->temporary.key, ns, 20);
	memcpy(h->temporary.key + 20, sn, 12);
	memcpy(h->temporary.iv, sn + 12, 8);
	memcpy(h->temporary.iv + 8, nn, 20);
	memcpy(h->temporary.iv + 28, h->new_nonce, 4);
	mt_wipe(ns, sizeof ns);
	mt_wipe(sn, sizeof sn);
	mt_wipe(nn, sizeof nn);
}

/* p_q_inner_data_dc or p_q_inner_data_temp_dc under RSA_PAD (B.38, B.27). */
static int encrypt_inner(struct mt_handshake *h, uint64_t p, uint64_t q, uint8_t ret[256])
{
	struct tl_buf inner = secret_buf(256);
	int err;

	tl_put_u32(&inner, h->temp ? WIRE_P_Q_INNER_DATA_TEMP_DC : WIRE_P_Q_INNER_DATA_DC);
	tl_put_bytes(&inner, h->pq, h->pq_n);
	put_u64_number(&inner, p);
	put_u64_number(&inner, q);
	tl_put(&inner, h->nonce, 16);
	tl_put(&inner, h->server_nonce, 16);
	tl_put(&inner, h->new_nonce, 32);
	tl_put_u32(&inner, (uint32_t)h->dc);
	if (h->temp)
		tl_put_u32(&inner, (uint32_t)h->expires_in);
	err = inner.err ? inner.err : mt_rsa_pad(h->chosen, inner.data, inner.len, h->env, ret);
	secret_free(&inner);
	return err;
}

static int on_split(struct mt_handshake *h, uint64_t p, uint64_t q)
{
	uint8_t encrypted[256];
	int err;

	draw(h, h->new_nonce, sizeof h->new_nonce); /* not before resPQ was checked (B.35) */
	derive_temporary(h);
	err = encrypt_inner(h, p, q, encrypted);
	if (err)
		return fail(h, err, false);
	tl_buf_clear(&h->body);
	tl_put_u32(&h->body, WIRE_REQ_DH_PARAMS);
	tl_put(&h->body, h->nonce, 16);
	tl_put(&h->body, h->server_nonce, 16);
	put_u64_number(&h->body, p);
	put_u64_number(&h->body, q);
	tl_put_u64(&h->body, h->chosen->fingerprint);
	tl_put_bytes(&h->body, encrypted, sizeof encrypted);
	h->state = DH_PARAMS;
	return send_body(h);
}

/* ---- server_DH_params
 * ------------------------------------------------------------------------------ */

static int ask_power(struct mt_handshake *h)
{
	struct mt_power power = {.g = h->g, .check_group = !h->group_checked};
	struct mt_job *job;

	memcpy(power.prime, h->prime, 256);
	memcpy(power.ga, h->ga, 256);
	draw(h, power.b, sizeof power.b);
	draw(h, power.mask, sizeof power.mask);
	job = mt_power_job(&power, h->env);
	mt_wipe(&power, sizeof power);
	h->state = POWER;
	return ask_job(h, job);
}

/* server_DH_inner_data behind its SHA1 (B.40): nothing is believed before the hash fits. */
static int take_inner(struct mt_handshake *h, const uint8_t *plain, size_t n, struct mt_time now)
{
	struct tl_cursor c = tl_cursor(plain + 20, n - 20);
	struct tl_str prime, ga;
	uint32_t id = tl_get_u32(&c);
	uint8_t sha[20];
	const uint8_t *nonces = tl_get(&c, 32);
	int32_t g = (int32_t)tl_get_u32(&c), server_time;

	prime = tl_get_bytes(&c);
	ga = tl_get_bytes(&c);
	server_time = (int32_t)tl_get_u32(&c);
	if (c.err || tl_left(&c) > 15)
		return -TG_E_CRYPTO;
	mt_sha1(sha, plain + 20, n - 20 - tl_left(&c), NULL, 0);
	if (!mt_equal(sha, plain, 20) || id != WIRE_SERVER_DH_INNER_DATA ||
	    !mt_equal(nonces, h->nonce, 16) || !mt_equal(nonces + 16, h->server_nonce, 16))
		return -TG_E_CRYPTO;
	if (prime.len != 256 || ga.len == 0 || ga.len > 256)
		return -TG_E_CRYPTO;
	memcpy(h->prime, prime.data, 256);
	memcpy(h->ga + 256 - ga.len, ga.data, ga.len); /* zero before: this comes once */
	h->g = g;
	h->time_offset = server_time * (int64_t)NS_PER_S - now.real;
	return mt_dh_check_public(h->prime, h->ga); /* the group itself is the job's (B.43) */
}

/* SHA1(new_nonce)[4:20]; with a key SHA1(new_nonce | number | aux_hash)[4:20] (B.41, B.46). */
static bool nonce_hash_fits(const struct mt_handshake *h, const uint8_t hash[16], uint8_t number,
			    const uint8_t aux[8])
{
	uint8_t tail[9] = {number}, sha[20];

	if (aux)
		memcpy(tail + 1, aux, 8);
	mt_sha1(sha, h->new_nonce, 32, tail, aux ? sizeof tail : 0);
	return mt_equal(sha + 4, hash, 16);
}

static int on_params(struct mt_handshake *h, struct tl_cursor *c, struct mt_time now)
{
	uint32_t id = tl_get_u32(c);
	uint8_t plain[ANSWER_MAX];
	const uint8_t *hash;
	struct mt_cipher cipher;
	struct tl_str answer;
	int err;

	if (id != WIRE_SERVER_DH_PARAMS_OK && id != WIRE_SERVER_DH_PARAMS_FAIL)
		return -TG_E_WIRE;
	err = take_nonces(h, c);
	if (err)
		return err;
	if (id == WIRE_SERVER_DH_PARAMS_FAIL) {
		hash = tl_get(c, 16);
		if (!hash || !nonce_hash_fits(h, hash, 0, NULL))
			return -TG_E_CRYPTO;
		return -TG_E_HANDSHAKE;
	}
	answer = tl_get_bytes(c);
	if (c->err)
		return -TG_E_WIRE;
	if (answer.len <= 20 || answer.len % 16 != 0 || answer.len > ANSWER_MAX)
		return -TG_E_CRYPTO;
	cipher = h->temporary; /* the iv moves on */
	mt_ige_decrypt(cipher.key, cipher.iv, (const uint8_t *)answer.data, plain, answer.len);
	err = take_inner(h, plain, answer.len, now);
	mt_wipe(&cipher, sizeof cipher);
	mt_wipe(plain, sizeof plain);
	return err ? err : ask_power(h);
}

/* ---- set_client_DH_params
 * --------------------------------------------------------------------------- */

/* SHA1(inner) | inner | random up to a whole block, under the temporary key (B.45). */
static void put_client_inner(struct mt_handshake *h, const uint8_t gb[256])
{
	struct tl_buf inner = secret_buf(512);
	struct mt_cipher cipher = h->temporary;
	uint8_t *start, *end;
	size_t pad;

	start = tl_buf_extend(&inner, 20);
	tl_put_u32(&inner, WIRE_CLIENT_DH_INNER_DATA);
	tl_put(&inner, h->nonce, 16);
	tl_put(&inner, h->server_nonce, 16);
	tl_put(&inner, h->retry_id, 8);
	put_number(&inner, gb, 256);
	pad = (16 - inner.len % 16) % 16;
	end = tl_buf_extend(&inner, pad);
	if (start && end) {
		mt_sha1(start, start + 20, inner.len - 20 - pad, NULL, 0);
		draw(h, end, pad);
		mt_ige_encrypt(cipher.key, cipher.iv, start, start, inner.len);
		tl_put_bytes(&h->body, start, inner.len);
	} else {
		h->body.err = inner.err;
	}
	mt_wipe(&cipher, sizeof cipher);
	secret_free(&inner);
}

static int on_power(struct mt_handshake *h, const struct mt_power *power)
{
	if (power->err == -TG_E_AGAIN && ++h->redraws <= REDRAWS_MAX) {
		h->group_checked = true;
		return ask_power(h); /* g_b was out of range (B.44) */
	}
	if (power->err)
		return fail(h, power->err == -TG_E_NOMEM ? -TG_E_NOMEM : -TG_E_CRYPTO, false);
	h->group_checked = true;
	memcpy(h->key, power->key, 256);
	tl_buf_clear(&h->body);
	tl_put_u32(&h->body, WIRE_SET_CLIENT_DH_PARAMS);
	tl_put(&h->body, h->nonce, 16);
	tl_put(&h->body, h->server_nonce, 16);
	put_client_inner(h, power->gb);
	h->state = DH_GEN;
	return send_body(h);
}

/* ---- dh_gen
 * ------------------------------------------------------------------------------------------ */

static int on_gen(struct mt_handshake *h, struct tl_cursor *c)
{
	uint32_t id = tl_get_u32(c);
	uint8_t number = id == WIRE_DH_GEN_OK ? 1 : id == WIRE_DH_GEN_RETRY ? 2 : 3, sha[20];
	const uint8_t *hash;
	struct mt_key key;
	int err;

	if (number == 3 && id != WIRE_DH_GEN_FAIL)
		return -TG_E_WIRE;
	err = take_nonces(h, c);
	if (err)
		return err;
	hash = tl_get(c, 16);
	mt_sha1(sha, h->key, 256, NULL, 0);
	if (!hash || !nonce_hash_fits(h, hash, number, sha))
		return -TG_E_CRYPTO;
	if (number == 3 || (number == 2 && ++h->retries > RETRIES_MAX))
		return -TG_E_HANDSHAKE;
	if (number == 2) {
		memcpy(h->retry_id, sha, 8); /* aux_hash of the refused key */
		mt_wipe(h->key, sizeof h->key);
		return ask_power(h);
	}
	err = mt_key_init(&key, h->key);
	mt_wipe(&key, sizeof key);
	if (err)
		return err;
	h->state = OVER;
	h->pending = MT_HANDSHAKE_DONE;
	return 0;
}

/* ---- doors
 * ------------------------------------------------------------------------------------------- */

int mt_handshake_feed(struct mt_handshake *h, const void *body, size_t n, struct mt_time now)
{
	struct tl_cursor c = tl_cursor(body, n);
	int err = -TG_E_WIRE;

	switch (h->state) {
	case RES_PQ:
		err = on_res_pq(h, &c);
		break;
	case DH_PARAMS:
		err = on_params(h, &c, now);
		break;
	case DH_GEN:
		err = on_gen(h, &c);
		break;
	case SPLIT:
	case POWER:
		break; /* nothing was asked */
	case OVER:
		return -TG_E_WIRE; /* what came out stays */
	}
	if (err && h->state != OVER) {
		if (h->pending == MT_HANDSHAKE_JOB) {
			h->job->free(h->job);
			h->job = NULL;
		}
		fail(h, err, err == -TG_E_HANDSHAKE);
	}
	return err;
}

void mt_handshake_job_done(struct mt_handshake *h, struct mt_job *job)
{
	bool ours = job == h->job && h->pending != MT_HANDSHAKE_JOB;

	if (ours && h->state == SPLIT) {
		const struct mt_split *split = mt_split_of(job);

		if (split->err || split->p == split->q)
			(void)fail(h, -TG_E_CRYPTO, false);
		else
			(void)on_split(h, split->p, split->q);
	} else if (ours && h->state == POWER) {
		(void)on_power(h, mt_power_of(job));
	}
	if (h->job == job && h->pending != MT_HANDSHAKE_JOB)
		h->job = NULL;
	job->free(job);
}

void mt_handshake_next(struct mt_handshake *h, struct mt_handshake_event *ret)
{
	*ret = (struct mt_handshake_event){.kind = h->pending};
	switch (h->pending) {
	case MT_HANDSHAKE_NONE:
		break;
	case MT_HANDSHAKE_SEND:
		ret->body = h->body.data;
		ret->n = h->body.len;
		break;
	case MT_HANDSHAKE_JOB:
		ret->job = h->job;
		break;
	case MT_HANDSHAKE_DONE:
		ret->key = h->key;
		for (unsigned i = 8; i-- > 0;) /* B.48 */
			ret->salt = ret->salt << 8 | (h->new_nonce[i] ^ h->server_nonce[i]);
		ret->time_offset = h->time_offset;
		break;
	case MT_HANDSHAKE_FAILED:
		ret->err = h->err;
		ret->restart = h->restart;
		break;
	}
	h->pending = MT_HANDSHAKE_NONE;
}
