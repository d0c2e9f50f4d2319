/* What the cryptography costs, against mbedTLS alone and against the way of TDLib on OpenSSL, in
 * interleaved rounds in one run; the median counts. A line of JSON per figure (ids of the goals).
 * Needs libcrypto of OpenSSL, which nothing else in the project does. */
#include "proto/bignum.h"
#include "proto/crypto.h"
#include "proto/envelope.h"
#include "proto/handshake_jobs.h"
#include "proto/pq.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 9
#define BIG (512u << 10)
#define SMALL 160u
#define WAYS_MAX 3
#define QUEUED 8u

/* ---- time
 * ---------------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct way {
	const char *name;
	void (*once)(void *ctx);
};

/* Seconds per call of each way: rounds in turn, so that a slow moment hits all alike. */
static void measure(const struct way *ways, unsigned count, void *ctx, unsigned calls, double *ret)
{
	double took[WAYS_MAX][ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned w = 0; w < count; w++) {
			double start;

			ways[w].once(ctx);
			start = seconds();
			for (unsigned i = 0; i < calls; i++)
				ways[w].once(ctx);
			took[w][round] = (seconds() - start) / calls;
		}
	}
	for (unsigned w = 0; w < count; w++) {
		qsort(took[w], ROUNDS, sizeof(double), compare);
		ret[w] = took[w][ROUNDS / 2];
	}
}

static void line(const char *id, const char *what, double value, const char *unit,
		 const char *against, double ratio)
{
	printf("{\"id\":\"%s\",\"what\":\"%s\",\"value\":%.4g,\"unit\":\"%s\","
	       "\"against\":\"%s\",\"ratio\":%.3f}\n",
	       id, what, value, unit, against, ratio);
}

static void rates(const char *id, const char *what, const struct way *ways, unsigned count,
		  void *ctx, unsigned calls, double per_call, const char *unit)
{
	double took[WAYS_MAX];

	measure(ways, count, ctx, calls, took);
	for (unsigned w = 1; w < count; w++)
		line(id, what, per_call / took[0], unit, ways[w].name, took[w] / took[0]);
}

/* ---- messages
 * ------------------------------------------------------------------------------------- */

struct message {
	struct mt_key key;
	struct mt_env env;
	struct tl_buf sealed, out, plain[MT_LANES];
	uint8_t *body;
	size_t n;
	struct mt_ctr ctr;
	EVP_CIPHER_CTX *evp;
};

static void not_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

static void must(bool fine)
{
	if (!fine)
		abort();
}

static void ours_open(void *ctx)
{
	struct message *m = ctx;
	struct mt_header h;
	const uint8_t *body;
	size_t n;

	must(mt_open(&m->key, MT_TO_SERVER, m->sealed.data, m->sealed.len, &m->out, &h, &body,
		     &n) == 0);
}

static void ours_seal(void *ctx)
{
	struct message *m = ctx;
	struct mt_header h = {0};

	tl_buf_clear(&m->out);
	must(mt_seal(&m->key, MT_TO_SERVER, &h, m->body, m->n, &m->env, &m->out, NULL) == 0);
}

/* QUEUED messages, as the inbox takes them from a link's buffer and the outbox makes them. */
static void ours_open_queued(void *ctx)
{
	struct message *m = ctx;

	for (unsigned i = 0; i < QUEUED; i += MT_LANES) {
		struct mt_opening o[MT_LANES];

		for (unsigned k = 0; k < MT_LANES; k++)
			o[k] = (struct mt_opening){
				.packet = m->sealed.data, .n = m->sealed.len, .out = &m->plain[k]};
		mt_open_lanes(&m->key, MT_TO_SERVER, o, MT_LANES);
		for (unsigned k = 0; k < MT_LANES; k++)
			must(o[k].err == 0);
	}
}

static void ours_seal_queued(void *ctx)
{
	struct message *m = ctx;
	struct mt_header h = {0};
	struct mt_laid v[MT_LANES];

	for (unsigned i = 0; i < QUEUED; i += MT_LANES) {
		tl_buf_clear(&m->out);
		for (unsigned k = 0; k < MT_LANES; k++)
			must(mt_lay(&h, m->body, m->n, &m->env, &m->out, &v[k]) == 0);
		mt_seal_laid(&m->key, MT_TO_SERVER, &m->out, v, MT_LANES);
	}
}

static void soft_kdf(const struct message *m, const uint8_t *msg_key, struct mt_cipher *c)
{
	uint8_t a[32], b[32];

	mt_soft_sha256(a, msg_key, 16, m->key.key, 36, NULL, 0);
	mt_soft_sha256(b, m->key.key + 40, 36, msg_key, 16, NULL, 0);
	memcpy(c->key, a, 32);
	memcpy(c->iv, b, 32);
	memcpy(c->key + 8, b + 8, 16);
	memcpy(c->iv + 8, a + 8, 16);
}

#define QUEUE(name)                                                                                \
	static void name##_queued(void *ctx)                                                       \
	{                                                                                          \
		for (unsigned i = 0; i < QUEUED; i++)                                              \
			name(ctx);                                                                 \
	}

static void soft_open(void *ctx)
{
	struct message *m = ctx;
	size_t n = m->sealed.len - 24;
	struct mt_cipher c;
	uint8_t large[32];

	soft_kdf(m, m->sealed.data + 8, &c);
	mt_soft_ige(false, c.key, c.iv, m->sealed.data + 24, m->out.data, n);
	mt_soft_sha256(large, m->key.key + 88, 32, m->out.data, n, NULL, 0);
	must(mt_equal(large + 8, m->sealed.data + 8, 16));
}

static void soft_seal(void *ctx)
{
	struct message *m = ctx;
	size_t n = m->sealed.len - 24;
	struct mt_cipher c;
	uint8_t large[32];

	memcpy(m->out.data + 32, m->body, m->n);
	mt_soft_sha256(large, m->key.key + 88, 32, m->out.data, n, NULL, 0);
	soft_kdf(m, large + 8, &c);
	mt_soft_ige(true, c.key, c.iv, m->out.data, m->out.data, n);
}

/* ---- TDLib's way: SHA-256 of OpenSSL; IGE block by block in ECB, sealing through CBC
 * ----------------- */

static void evp_sha(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	EVP_DigestUpdate(md, a, na);
	EVP_DigestUpdate(md, b, nb);
	EVP_DigestFinal_ex(md, out, NULL);
	EVP_MD_CTX_free(md);
}

static void evp_kdf(const struct message *m, const uint8_t *msg_key, struct mt_cipher *c)
{
	uint8_t a[32], b[32];

	evp_sha(a, msg_key, 16, m->key.key, 36);
	evp_sha(b, m->key.key + 40, 36, msg_key, 16);
	memcpy(c->key, a, 32);
	memcpy(c->iv, b, 32);
	memcpy(c->key + 8, b + 8, 16);
	memcpy(c->iv + 8, a + 8, 16);
}

static void xor16(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, 16);
	memcpy(y, b, 16);
	x[0] ^= y[0];
	x[1] ^= y[1];
	memcpy(out, x, 16);
}

static void evp_open(void *ctx)
{
	struct message *m = ctx;
	size_t n = m->sealed.len - 24;
	const uint8_t *in = m->sealed.data + 24, *before;
	struct mt_cipher c;
	uint8_t large[32], block[16], *plain;
	int got;

	evp_kdf(m, m->sealed.data + 8, &c);
	EVP_DecryptInit_ex(m->evp, EVP_aes_256_ecb(), NULL, c.key, NULL);
	EVP_CIPHER_CTX_set_padding(m->evp, 0);
	before = c.iv;
	plain = c.iv + 16;
	for (size_t i = 0; i < n; i += 16) {
		xor16(block, in + i, plain);
		EVP_DecryptUpdate(m->evp, block, &got, block, 16);
		plain = m->out.data + i;
		xor16(plain, block, before);
		before = in + i;
	}
	evp_sha(large, m->key.key + 88, 32, m->out.data, n);
	must(mt_equal(large + 8, m->sealed.data + 8, 16));
}

/* E(p ^ p'' ^ d') = d and c = d ^ p' : CBC over the plaintext xored with itself two blocks on. */
static void evp_seal(void *ctx)
{
	struct message *m = ctx;
	size_t n = m->sealed.len - 24;
	uint8_t large[32], *p = m->out.data, *q = m->out.data + n;
	struct mt_cipher c;
	int got;

	memcpy(p + 32, m->body, m->n);
	evp_sha(large, m->key.key + 88, 32, p, n);
	evp_kdf(m, large + 8, &c);
	memcpy(q, p, 16);
	xor16(q + 16, p + 16, c.iv + 16);
	for (size_t i = 32; i < n; i += 16)
		xor16(q + i, p + i, p + i - 32);
	EVP_EncryptInit_ex(m->evp, EVP_aes_256_cbc(), NULL, c.key, c.iv);
	EVP_CIPHER_CTX_set_padding(m->evp, 0);
	EVP_EncryptUpdate(m->evp, q, &got, q, (int)n);
	xor16(q, q, c.iv + 16);
	for (size_t i = 16; i < n; i += 16)
		xor16(q + i, q + i, p + i - 16);
}

QUEUE(soft_open)
QUEUE(soft_seal)
QUEUE(evp_open)
QUEUE(evp_seal)

/* ---- streams
 * ---------------------------------------------------------------------------------------- */

static void ours_ctr(void *ctx)
{
	struct message *m = ctx;

	mt_ctr_xor(&m->ctr, m->body, m->out.data, m->n);
}

static void soft_ctr(void *ctx)
{
	struct message *m = ctx;

	mt_soft_ctr(&m->ctr, m->body, m->out.data, m->n);
}

static void evp_ctr(void *ctx)
{
	struct message *m = ctx;
	int got;

	EVP_EncryptUpdate(m->evp, m->out.data, &got, m->body, (int)m->n);
}

static void messages(size_t n, unsigned calls, double per_call, const char *unit,
		     const char *open_id, const char *seal_id)
{
	static const struct way opens[] = {
		{"ours", ours_open}, {"mbedTLS", soft_open}, {"TDLib's way on OpenSSL", evp_open}};
	static const struct way seals[] = {
		{"ours", ours_seal}, {"mbedTLS", soft_seal}, {"TDLib's way on OpenSSL", evp_seal}};
	static const struct way opens_queued[] = {{"ours", ours_open_queued},
						  {"mbedTLS", soft_open_queued},
						  {"TDLib's way on OpenSSL", evp_open_queued}};
	static const struct way seals_queued[] = {{"ours", ours_seal_queued},
						  {"mbedTLS", soft_seal_queued},
						  {"TDLib's way on OpenSSL", evp_seal_queued}};
	static const struct way streams[] = {
		{"ours", ours_ctr}, {"mbedTLS", soft_ctr}, {"OpenSSL", evp_ctr}};
	struct message m = {.env = {.random = not_random}, .n = n};
	struct mt_header h = {0};
	uint8_t key[256];
	char what[64];

	memset(key, 3, sizeof key);
	must(mt_key_init(&m.key, key) == 0);
	m.body = calloc(1, n + 64);
	m.evp = EVP_CIPHER_CTX_new();
	must(m.body && tl_buf_extend(&m.out, 2 * n + 4096));
	must(mt_seal(&m.key, MT_TO_SERVER, &h, m.body, n, &m.env, &m.sealed, NULL) == 0);
	snprintf(what, sizeof what, "open a message of %zu bytes", n);
	rates(open_id, what, opens, 3, &m, calls, per_call, unit);
	snprintf(what, sizeof what, "seal a message of %zu bytes", n);
	rates(seal_id, what, seals, 3, &m, calls, per_call, unit);
	snprintf(what, sizeof what, "open %u queued messages of %zu bytes", QUEUED, n);
	rates(open_id, what, opens_queued, 3, &m, calls / 4, QUEUED * per_call, unit);
	snprintf(what, sizeof what, "seal %u queued messages of %zu bytes", QUEUED, n);
	rates(seal_id, what, seals_queued, 3, &m, calls / 4, QUEUED * per_call, unit);
	if (n == BIG) {
		mt_ctr_init(&m.ctr, key, key);
		EVP_EncryptInit_ex(m.evp, EVP_aes_256_ctr(), NULL, key, key);
		rates("P4", "AES-256-CTR", streams, 3, &m, calls, per_call, unit);
	}
	EVP_CIPHER_CTX_free(m.evp);
	tl_buf_free(&m.sealed);
	tl_buf_free(&m.out);
	for (unsigned i = 0; i < MT_LANES; i++)
		tl_buf_free(&m.plain[i]);
	free(m.body);
}

/* ---- the key exchange
 * --------------------------------------------------------------------------------- */

struct exchange {
	struct mt_power power;
	uint64_t pq;
};

static void exchange_ours(void *ctx)
{
	static const struct mt_env env = {.random = not_random};
	struct exchange *x = ctx;
	struct mt_job *split = mt_split_job(x->pq), *power = mt_power_job(&x->power, &env);

	must(split && power);
	split->run(split);
	power->run(power);
	must(mt_split_of(split)->err == 0 && mt_power_of(power)->err == 0);
	split->free(split);
	power->free(power);
}

static void exchange_bare(void *ctx)
{
	static const struct mt_env env = {.random = not_random};
	struct exchange *x = ctx;
	uint8_t g[1] = {3}, out[256];

	must(mt_modexp(out, MT_NUM(g), MT_NUM(x->power.b), MT_NUM(x->power.prime)) == 0);
	must(mt_modexp(out, MT_NUM(x->power.ga), MT_NUM(x->power.b), MT_NUM(x->power.prime)) == 0);
}

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A prime of 31 bits with a factorisation job's own test: p * 3 splits only when p is prime. */
static uint64_t prime_from(uint64_t x)
{
	uint64_t p, q;

	for (x |= 1; mt_pq_split(x * 3, &p, &q) != 0;)
		x += 2;
	return x;
}

static void factorisation(void)
{
	enum { COUNT = 1000 };
	static double took[COUNT];
	uint64_t state = 1, p, q;

	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t n = prime_from((draw(&state) >> 33) | 3u << 29) *
			     prime_from((draw(&state) >> 33) | 3u << 29);
		double start = seconds();

		must(mt_pq_split(n, &p, &q) == 0);
		took[i] = (seconds() - start) * 1e3;
	}
	qsort(took, COUNT, sizeof *took, compare);
	line("P15", "split pq of 63 bits, p50", took[COUNT / 2], "ms", "goal: p99 1 ms",
	     took[COUNT / 2]);
	line("P15", "split pq of 63 bits, p99", took[COUNT * 99 / 100], "ms", "goal: p99 1 ms",
	     took[COUNT * 99 / 100]);
}

static void exchange(const uint8_t prime[256])
{
	static const struct way ways[] = {{"key exchange", exchange_ours},
					  {"two bare powers", exchange_bare}};
	struct exchange x = {.pq = 0x17ed48941a08f981, .power = {.g = 3, .check_group = true}};
	double took[2];

	memcpy(x.power.prime, prime, 256);
	memset(x.power.ga, 0x5a, 256);
	memset(x.power.b, 0xa5, 256);
	memset(x.power.mask, 0xc3, sizeof x.power.mask);
	measure(ways, 2, &x, 2, took);
	line("P15", "CPU of a key exchange's jobs", took[0] * 1e3, "ms", "two bare powers",
	     took[0] / took[1]);
}

static void password(void)
{
	uint8_t ours[64], theirs[64];
	double start = seconds(), middle;

	must(mt_pbkdf2_sha512(ours, "password", 8, "salt", 4, 100000) == 0);
	middle = seconds();
	PKCS5_PBKDF2_HMAC("password", 8, (const uint8_t *)"salt", 4, 100000, EVP_sha512(), 64,
			  theirs);
	must(memcmp(ours, theirs, 64) == 0);
	line("srp", "PBKDF2-HMAC-SHA512, 100000 rounds", (middle - start) * 1e3, "ms", "OpenSSL",
	     (middle - start) / (seconds() - middle));
}

int main(void)
{
	/* core.telegram.org/mtproto/auth_key; read from the tests' vectors so as not to stand twice
	 */
	static const char vectors[] = "tests/vectors/dh.json";
	uint8_t prime[256] = {0};
	char hex[3] = {0}, *at, *text = calloc(1, 65536);
	FILE *f = fopen(vectors, "r");

	must(f && text && fread(text, 1, 65535, f) > 0);
	fclose(f);
	at = strstr(text, "\"prime_hex\": \"");
	must(at);
	at += strlen("\"prime_hex\": \"");
	for (unsigned i = 0; i < 256; i++) {
		memcpy(hex, at + 2 * i, 2);
		prime[i] = (uint8_t)strtoul(hex, NULL, 16);
	}
	free(text);
	messages(BIG, 20, BIG / 1e6, "MB/s", "P1", "P3");
	messages(SMALL, 20000, 1e-6, "million/s", "P2", "P2");
	exchange(prime);
	factorisation();
	password();
	return 0;
}
