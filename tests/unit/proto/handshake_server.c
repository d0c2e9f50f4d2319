/* The server of the handshake's tests. */
#include "tests/unit/proto/handshake_server.h"
#include "proto/bignum.h"
#include "proto/rsa.h"

static const char rsa_n[] =
	"c95d27e9c8b7e0576d6c90dbadbd63b7619d124fb6f8decb848195b6c155800a09224932a66f68eb"
	"a69e1f905ff83b88c6c1e00fe12de29f9a017e3db8cee8b6f6c37dd2dc1fb5951c426a5b51387629"
	"163aae5e9c33489e52c2ecfb0e4bb6c5660b9545f9c85821cabd6b2cbb26fc31a6a92ee048bdf56a"
	"dbb854cc4d6cfd402c2a547ab3259c6fa831b21f47ce01a4c5d212567edcef36f90aec05487ee53b"
	"91aa631c6ff67ec85ee65dc04953fbb3afe51cbdbc6fe351ad25c95564346f8c3161a0d17cd66145"
	"0b5d7676082608321d98d77161151c1c11d377e8d74217e557ed8b041d1c9e805329ca1ce19e7d98"
	"117322a035737bbd84f1fef4306d5585";
static const char rsa_d[] =
	"0d3ac1574f0063ad22cb8df5dce393445655b54106feb156923158567e3bc192873899320a74c9e2"
	"279b7e6be41e413d127fe4da6e3b2f47389d4dffbc9f5d733de1a8a7dc9df9b65ef9af16aa4ea916"
	"b876e9035ec450ca541a29eb31ac8048d6543efdaeb43eb413a79fbdbbdb0b1930ffaf0c7dc2fb37"
	"86d184c2ba788567ded7ef45affd2d825adead5d0397bb2a07bfc71d228862910207fc698cd4fdf6"
	"606630917222355d9b7788dffdc05ed141a14da57e1a91128c2daa00a1c9d81eb78f3d4c1b768c79"
	"230f78e7892e9fdca8ffcebdc84293af0df01ff1e81ab1641270907175ac61aab367b4286ba15426"
	"5180223ed7e2bbdcf2c984312103bac1";

static const uint64_t pq_p = 1229739323, pq_q = 1402015859;

void good_prime(uint8_t p[256])
{
	vector_number(vectors_find(vectors_load("dh.json"), "good-prime"), "prime_hex", p, 256);
}

const struct mt_rsa *server_rsa(void)
{
	static struct mt_rsa key;

	key.e = 65537;
	CHECK_INT(test_unhex(rsa_n, key.n, 256), 256);
	key.fingerprint = mt_rsa_fingerprint(&key);
	return &key;
}

void server_init(struct server *s, uint64_t seed, enum bend bend)
{
	memset(s, 0, sizeof *s);
	s->bend = bend;
	s->random.state = seed;
	s->time = 1700000000;
	s->retries_left = bend == GEN_RETRY ? 2 : bend == GEN_RETRY_FOR_EVER ? 100 : 0;
}

static void put_nonces(const struct server *s, struct tl_buf *out, bool bad, bool bad_server)
{
	size_t at = out->len;

	tl_put(out, s->nonce, 16);
	tl_put(out, s->server_nonce, 16);
	out->data[at + 15] ^= bad;
	out->data[at + 16] ^= bad_server ? 0x80 : 0;
}

static void check_nonces(const struct server *s, struct tl_cursor *c)
{
	const uint8_t *both = tl_get(c, 32);

	CHECK(both && memcmp(both, s->nonce, 16) == 0);
	CHECK_MEM(both + 16, s->server_nonce, 16);
}

/* ---- resPQ
 * --------------------------------------------------------------------------------------- */

static size_t number_bytes(uint64_t v, uint8_t out[8])
{
	size_t n = 0;

	for (int shift = 56; shift >= 0; shift -= 8)
		if (n || v >> shift)
			out[n++] = (uint8_t)(v >> shift);
	return n;
}

static void put_pq(struct server *s, struct tl_buf *out)
{
	uint8_t raw[9] = {1};
	size_t n;

	n = number_bytes(s->bend == PQ_PRIME           ? 4611686018427387847u
			 : s->bend == PQ_ONE           ? 1
			 : s->bend == PQ_SQUARE        ? pq_p * pq_p
			 : s->bend == PQ_THREE_FACTORS ? 1299709ull * 1299721 * 1299743
						       : pq_p * pq_q,
			 raw + 1);
	if (s->bend == PQ_ZERO)
		memset(raw, 0, sizeof raw);
	if (s->bend == PQ_NINE_BYTES)
		tl_put_bytes(out, raw, 9);
	else
		tl_put_bytes(out, raw + 1, s->bend == PQ_EMPTY ? 0 : n);
}

static void res_pq(struct server *s, struct tl_cursor *c, struct tl_buf *out)
{
	const uint8_t *nonce = tl_get(c, 16);
	unsigned count = s->bend == PQ_NO_FINGERPRINT ? 0 : 3;

	CHECK(nonce && tl_left(c) == 0);
	memcpy(s->nonce, nonce, 16);
	fixed_random(&s->random, s->server_nonce, 16);
	tl_put_u32(out, s->bend == PQ_ID ? 0x05162464 : 0x05162463);
	put_nonces(s, out, s->bend == PQ_NONCE, false);
	put_pq(s, out);
	tl_put_u32(out, s->bend == PQ_VECTOR_ID ? 0x1cb5c414 : 0x1cb5c415);
	tl_put_u32(out, s->bend == PQ_VECTOR_HUGE ? 0x40000003 : count);
	for (unsigned i = 0; i < count; i++)
		tl_put_u64(out, i == 1 && s->bend != PQ_STRANGE_FINGERPRINTS
					? server_rsa()->fingerprint
					: splitmix(&s->random.state));
}

/* ---- server_DH_params
 * ------------------------------------------------------------------------------ */

/* Undoes RSA_PAD and returns the 192 bytes the right way round. */
static void unpad(const uint8_t encrypted[256], uint8_t data[192])
{
	struct mt_rsa k = *server_rsa();
	uint8_t d[256], plain[256], temp[32], hash[32], iv[32] = {0}, box[224];

	test_unhex(rsa_d, d, 256);
	CHECK(mt_modexp(plain, (struct mt_num){encrypted, 256}, MT_NUM(d), MT_NUM(k.n)) == 0);
	mt_sha256(hash, plain + 32, 224, NULL, 0);
	for (unsigned i = 0; i < 32; i++)
		temp[i] = plain[i] ^ hash[i];
	mt_ige_decrypt(temp, iv, plain + 32, box, 224);
	for (unsigned i = 0; i < 192; i++)
		data[i] = box[191 - i];
	mt_sha256(hash, temp, 32, data, 192);
	CHECK_MEM(hash, box + 192, 32);
}

static void read_inner(struct server *s, const uint8_t data[192])
{
	struct tl_cursor c = tl_cursor(data, 192);
	uint32_t id = tl_get_u32(&c);
	const uint8_t *nonce;
	struct tl_str pq;

	CHECK(id == 0xa9f55f95 || id == 0x56fddf88);
	s->temp = id == 0x56fddf88;
	pq = tl_get_bytes(&c);
	CHECK_INT(pq.len, 8);
	CHECK_HEX(tl_get_bytes(&c).data, 4, "494c553b");
	CHECK_HEX(tl_get_bytes(&c).data, 4, "53911073");
	check_nonces(s, &c);
	nonce = tl_get(&c, 32);
	CHECK(nonce);
	memcpy(s->new_nonce, nonce, 32);
	s->dc = (int32_t)tl_get_u32(&c);
	s->expires_in = s->temp ? (int32_t)tl_get_u32(&c) : 0;
	CHECK(!c.err);
}

static void temporary(const struct server *s, uint8_t key[32], uint8_t iv[32])
{
	uint8_t ns[20], sn[20], nn[20];

	mt_sha1(ns, s->new_nonce, 32, s->server_nonce, 16);
	mt_sha1(sn, s->server_nonce, 16, s->new_nonce, 32);
	mt_sha1(nn, s->new_nonce, 32, s->new_nonce, 32);
	memcpy(key, ns, 20);
	memcpy(key + 20, sn, 12);
	memcpy(iv, sn + 12, 8);
	memcpy(iv + 8, nn, 20);
	memcpy(iv + 28, s->new_nonce, 4);
}

static void make_group(struct server *s, uint8_t p[257], size_t *ret_p_n, uint8_t ga[257],
		       size_t *ret_ga_n, int32_t *ret_g)
{
	static const uint8_t three[1] = {3};
	const char *other =
		s->bend == DH_PRIME_COMPOSITE ? "bad-prime-composite" : "bad-prime-not-safe";

	good_prime(p);
	if (s->bend == DH_PRIME_COMPOSITE || s->bend == DH_PRIME_NOT_SAFE)
		vector_number(vectors_find(vectors_load("dh.json"), other), "prime_hex", p, 256);
	*ret_p_n = s->bend == DH_PRIME_SHORT ? 255 : s->bend == DH_PRIME_LONG ? 257 : 256;
	*ret_g = s->bend == DH_G_TWO        ? 2
		 : s->bend == DH_G_ONE      ? 1
		 : s->bend == DH_G_NEGATIVE ? -3
					    : 3;
	fixed_random(&s->random, s->a, 256);
	CHECK(mt_modexp(s->ga, MT_NUM(three), MT_NUM(s->a), (struct mt_num){p, 256}) == 0);
	*ret_ga_n = s->bend == DH_GA_LONG ? 257 : s->bend == DH_GA_EMPTY ? 0 : 256;
	memcpy(ga, s->ga, 256);
	if (s->bend == DH_GA_ZERO || s->bend == DH_GA_ONE)
		memset(ga, 0, 256);
	if (s->bend == DH_GA_ONE)
		ga[255] = 1;
	if (s->bend == DH_GA_P || s->bend == DH_GA_P_MINUS_ONE || s->bend == DH_GA_LARGE)
		memcpy(ga, p, 256);
	if (s->bend == DH_GA_P_MINUS_ONE)
		ga[255]--;
	if (s->bend == DH_GA_LARGE) {
		ga[7]--; /* p - 2^1984 is the last one allowed */
		ga[255]++;
	}
	if (s->bend == DH_GA_SMALL) {
		memset(ga, 0, 8);
		memset(ga + 8, 0xff, 248);
	}
}

static void put_answer(struct server *s, struct tl_buf *out)
{
	uint8_t key[32], iv[32], p[257] = {0}, ga[257] = {0}, sha[20];
	struct tl_buf plain = {0};
	size_t p_n, ga_n, inner;
	int32_t g;

	make_group(s, p, &p_n, ga, &ga_n, &g);
	tl_put(&plain, sha, sizeof sha);
	tl_put_u32(&plain, s->bend == DH_INNER_ID ? 0xb5890dbb : 0xb5890dba);
	put_nonces(s, &plain, s->bend == DH_INNER_NONCE, s->bend == DH_INNER_SERVER_NONCE);
	tl_put_u32(&plain, (uint32_t)g);
	tl_put_bytes(&plain, p, p_n);
	tl_put_bytes(&plain, ga, ga_n);
	tl_put_u32(&plain, (uint32_t)s->time);
	inner = plain.len;
	mt_sha1(plain.data, plain.data + 20, inner - 20, NULL, 0);
	plain.data[3] ^= s->bend == DH_SHA1;
	while (plain.len % 16)
		tl_put_u8(&plain, (uint8_t)splitmix(&s->random.state));
	for (unsigned i = 0; s->bend == DH_PAD_SIXTEEN && (i < 16 || plain.len % 16); i++)
		tl_put_u8(&plain, 0);
	while (s->bend == DH_ANSWER_HUGE && plain.len < 4096)
		tl_put_u64(&plain, 0);
	if (s->bend == DH_ANSWER_ONE_BLOCK)
		plain.len = 16;
	temporary(s, key, iv);
	mt_ige_encrypt(key, iv, plain.data, plain.data, plain.len);
	plain.data[0] ^= s->bend == DH_ANSWER_FIRST_BIT;
	if (s->bend == DH_ANSWER_LAST_BLOCK)
		plain.data[plain.len - 17] ^= 1;
	plain.len -= s->bend == DH_ANSWER_NOT_BLOCKS ? 4 : 0;
	tl_put_bytes(out, plain.data, s->bend == DH_ANSWER_EMPTY ? 0 : plain.len);
	tl_buf_free(&plain);
}

static void dh_params(struct server *s, struct tl_cursor *c, struct tl_buf *out)
{
	uint8_t data[192], sha[20];
	struct tl_str encrypted;
	bool fail = s->bend == DH_FAIL || s->bend == DH_FAIL_WRONG_HASH || s->bend == DH_FAIL_NONCE;

	check_nonces(s, c);
	CHECK_HEX(tl_get_bytes(c).data, 4, "494c553b");
	CHECK_HEX(tl_get_bytes(c).data, 4, "53911073");
	CHECK(tl_get_u64(c) == server_rsa()->fingerprint);
	encrypted = tl_get_bytes(c);
	CHECK(!c->err && tl_left(c) == 0 && encrypted.len == 256);
	unpad((const uint8_t *)encrypted.data, data);
	read_inner(s, data);
	tl_put_u32(out, fail ? 0x79cb045d : s->bend == DH_ID ? 0xd0e8075d : 0xd0e8075c);
	put_nonces(s, out, s->bend == DH_NONCE || s->bend == DH_FAIL_NONCE,
		   s->bend == DH_SERVER_NONCE);
	if (!fail) {
		put_answer(s, out);
		return;
	}
	mt_sha1(sha, s->new_nonce, 32, NULL, 0);
	sha[19] ^= s->bend == DH_FAIL_WRONG_HASH;
	tl_put(out, sha + 4, 16);
}

/* ---- dh_gen
 * ------------------------------------------------------------------------------------------ */

static void read_client_inner(struct server *s, struct tl_cursor *c, uint8_t gb[256])
{
	uint8_t key[32], iv[32], plain[512], sha[20], p[256];
	struct tl_str data = tl_get_bytes(c), number;
	struct tl_cursor in;
	const uint8_t *aux;

	CHECK(!c->err && tl_left(c) == 0 && data.len % 16 == 0 && data.len <= sizeof plain);
	temporary(s, key, iv);
	mt_ige_decrypt(key, iv, (const uint8_t *)data.data, plain, data.len);
	in = tl_cursor(plain + 20, data.len - 20);
	CHECK_INT(tl_get_u32(&in), 0x6643b654);
	check_nonces(s, &in);
	aux = tl_get(&in, 8);
	CHECK(aux && memcmp(aux, s->last_aux, 8) == 0); /* 0, then that of the refused key */
	number = tl_get_bytes(&in);
	CHECK(!in.err && number.len <= 256 && tl_left(&in) < 16);
	mt_sha1(sha, plain + 20, data.len - 20 - tl_left(&in), NULL, 0);
	CHECK_MEM(sha, plain, 20);
	memset(gb, 0, 256);
	memcpy(gb + 256 - number.len, number.data, number.len);
	good_prime(p);
	CHECK(mt_dh_check_public(p, gb) == 0);
}

static void dh_gen(struct server *s, struct tl_cursor *c, struct tl_buf *out)
{
	static const uint32_t ids[] = {0, 0x3bcbf734, 0x46dc1fb9, 0xa69dae02};
	uint8_t gb[256], p[256], aux[20], tail[9], sha[20], kind = 1;

	check_nonces(s, c);
	read_client_inner(s, c, gb);
	good_prime(p);
	CHECK(mt_modexp(s->key, MT_NUM(gb), MT_NUM(s->a), MT_NUM(p)) == 0);
	mt_sha1(aux, s->key, 256, NULL, 0);
	if (s->retries_left || s->bend == GEN_RETRY_WRONG_HASH)
		kind = 2;
	if (s->bend == GEN_FAIL || s->bend == GEN_FAIL_WRONG_HASH)
		kind = 3;
	tail[0] = s->bend == GEN_HASH_OF_RETRY ? 2 : kind;
	memcpy(tail + 1, aux, 8);
	tail[1] ^= s->bend == GEN_OTHER_KEY;
	mt_sha1(sha, s->new_nonce, 32, tail, 9);
	sha[4] ^= s->bend == GEN_HASH || s->bend == GEN_RETRY_WRONG_HASH ||
		  s->bend == GEN_FAIL_WRONG_HASH;
	if (kind == 2) {
		s->retries_left -= s->retries_left > 0;
		s->retries_seen++;
		memcpy(s->last_aux, aux, 8);
	}
	tl_put_u32(out, s->bend == GEN_ID ? 0x3bcbf735 : ids[kind]);
	put_nonces(s, out, s->bend == GEN_NONCE, s->bend == GEN_SERVER_NONCE);
	tl_put(out, sha + 4, 16);
}

void server_answer(struct server *s, const uint8_t *body, size_t n, struct tl_buf *out)
{
	struct tl_cursor c = tl_cursor(body, n);
	uint32_t id = tl_get_u32(&c);

	tl_buf_clear(out);
	if (id == 0xbe7e8ef1)
		res_pq(s, &c, out);
	else if (id == 0xd712e4be)
		dh_params(s, &c, out);
	else if (id == 0xf5045f1f)
		dh_gen(s, &c, out);
	else
		test_fail(__FILE__, __LINE__, "request %08x", id);
	for (unsigned i = 0; i < s->tail; i++)
		tl_put_u8(out, (uint8_t)splitmix(&s->random.state));
	CHECK(!out->err);
}
