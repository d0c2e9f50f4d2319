/* Hashes and block modes: every vector of crypto.json that needs no envelope, any split. */
#include "tests/unit/proto/vectors.h"

#define AES_LENGTHS 4096

/* ---- vectors ------------------------------------------------------------------------------------
 */

static void ige_pair(const json_t *v)
{
	uint8_t key[32], iv[32], in[64], out[64], turn[32];
	size_t n;

	CHECK_INT(vector_hex(v, "key", key, 32), 32);
	CHECK_INT(vector_hex(v, "iv", iv, 32), 32);
	n = vector_hex(v, "plain", in, sizeof in);
	memcpy(turn, iv, 32);
	mt_ige_encrypt(key, turn, in, out, n);
	VECTOR_EQ(v, "cipher", out, n);
	memcpy(turn, iv, 32);
	mt_ige_decrypt(key, turn, out, out, n);
	CHECK_MEM(out, in, n);
}

static void ige_both(const json_t *v)
{
	uint8_t key[32], iv[32], in[64], out[64], turn[32];
	size_t n;

	vector_hex(v, "key", key, 32);
	vector_hex(v, "iv", iv, 32);
	n = vector_hex(v, "input", in, sizeof in);
	memcpy(turn, iv, 32);
	mt_ige_encrypt(key, turn, in, out, n);
	VECTOR_EQ(v, "encrypt", out, n);
	memcpy(turn, iv, 32);
	mt_ige_decrypt(key, turn, in, out, n);
	VECTOR_EQ(v, "decrypt", out, n);
}

/* The recipe of ige-tdlib-*: data, key and iv from a linear congruence seeded with the length. */
static uint8_t *recipe(const json_t *v, uint8_t key[32], uint8_t *iv, size_t iv_n, size_t *ret_n)
{
	size_t n = (size_t)vector_int(v, "length");
	uint32_t seed = (uint32_t)n;
	uint8_t *data = malloc(n + 1);

	CHECK(data);
	for (size_t i = 0; i < n + 32 + iv_n; i++) {
		seed = seed * 123457567u + 987651241u;
		*(i < n        ? data + i
		  : i < n + 32 ? key + i - n
			       : iv + i - n - 32) = (uint8_t)(seed >> 23);
	}
	VECTOR_EQ(v, "key", key, 32);
	VECTOR_EQ(v, "iv", iv, iv_n);
	*ret_n = n;
	return data;
}

static void ige_recipe(const json_t *v)
{
	uint8_t key[32], iv[32], turn[32], *data, *out;
	size_t n;

	data = recipe(v, key, iv, 32, &n);
	out = malloc(n + 1);
	CHECK(out);
	memcpy(turn, iv, 32);
	mt_ige_encrypt(key, turn, data, out, n);
	CHECK_INT(mt_crc32(0, out, n), vector_int(v, "crc32_of_cipher"));
	memcpy(turn, iv, 32);
	mt_ige_decrypt(key, turn, out, out, n);
	CHECK_MEM(out, data, n);
	free(out);
	free(data);
}

static void ctr_recipe(const json_t *v)
{
	uint8_t key[32], iv[16], *data;
	struct mt_ctr c;
	size_t n;

	data = recipe(v, key, iv, 16, &n);
	mt_ctr_init(&c, key, iv);
	mt_ctr_xor(&c, data, data, n);
	CHECK_INT(mt_crc32(0, data, n), vector_int(v, "crc32_of_cipher"));
	free(data);
}

static void ctr_plain(const json_t *v)
{
	uint8_t key[32], iv[16], in[128], out[128];
	struct mt_ctr c;
	size_t n;

	vector_hex(v, "key", key, 32);
	vector_hex(v, "iv", iv, 16);
	n = vector_hex(v, "plain", in, sizeof in);
	mt_ctr_init(&c, key, iv);
	mt_ctr_xor(&c, in, out, n);
	VECTOR_EQ(v, "cipher", out, n);
}

static void ctr_chunks(const json_t *v)
{
	uint8_t key[32], iv[16], in[16], out[16];
	struct mt_ctr c;
	json_t *want;
	size_t n, i;

	vector_hex(v, "key", key, 32);
	vector_hex(v, "iv", iv, 16);
	n = vector_hex(v, "chunk", in, sizeof in);
	mt_ctr_init(&c, key, iv);
	json_array_foreach(json_object_get(v, "outputs"), i, want)
	{
		mt_ctr_xor(&c, in, out, n);
		CHECK_HEX(out, n, json_string_value(want));
	}
	CHECK_INT(i, 6);
}

/* One block of PBKDF2-HMAC-SHA256 by its definition: a check of the HMAC. */
static void pbkdf2(const json_t *v)
{
	static const uint8_t first[4] = {0, 0, 0, 1};
	const char *password = vector_text(v, "password");
	struct tl_buf out = {0};
	uint8_t u[32], sum[32];

	CHECK_STR(vector_text(v, "salt"), "");
	mt_hmac_sha256(u, password, strlen(password), first, 4);
	memcpy(sum, u, 32);
	for (int64_t i = 1; i < vector_int(v, "iterations"); i++) {
		mt_hmac_sha256(u, password, strlen(password), u, 32);
		for (size_t k = 0; k < 32; k++)
			sum[k] ^= u[k];
	}
	CHECK(tl_base64_decode(vector_text(v, "out_b64"), strlen(vector_text(v, "out_b64")),
			       &out) == 0);
	CHECK_INT(out.len, 32);
	CHECK_MEM(out.data, sum, 32);
	tl_buf_free(&out);
}

TEST(crypto_vectors)
{
	static const struct vector_row rows[] = {
		{"ige-openssl-implem", ige_pair, NULL},
		{"ige-grammers-self", ige_both, NULL},
		{"ige-tdlib-*", ige_recipe, NULL},
		{"ctr-tdlib-*", ctr_recipe, NULL},
		{"ctr-nist", ctr_plain, NULL},
		{"ctr-stream-unaligned", ctr_chunks, NULL},
		{"pbkdf2-sha256-*", pbkdf2, NULL},
		{"kdf-*", NULL, "proto/envelope_vectors"},
		{"msgkey-v1", NULL, "proto/envelope_vectors"},
		{"envelope-*", NULL, "proto/envelope_vectors"},
		{"auth_key_id-*", NULL, "proto/envelope_vectors"},
		{"decrypt-*", NULL, "proto/envelope_vectors"},
		{"padding-*", NULL, "proto/envelope_vectors"},
		{"bind-temp-auth-key", NULL, "proto/envelope_vectors"},
		{NULL, NULL, NULL},
	};

	unsigned checked, elsewhere;

	checked = vectors_run("crypto.json", rows, &elsewhere);
	CHECK_INT(checked, 22);
	CHECK_INT(checked + elsewhere, 47);
}

/* ---- hashes -------------------------------------------------------------------------------------
 */

TEST(hashes_known)
{
	uint8_t out[32];

	mt_sha1(out, "a", 1, "bc", 2);
	CHECK_HEX(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
	mt_sha256(out, "ab", 2, "c", 1);
	CHECK_HEX(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	mt_sha256_3(out, "a", 1, "b", 1, "c", 1);
	CHECK_HEX(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	mt_sha256(out, NULL, 0, NULL, 0);
	CHECK_HEX(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	mt_md5(out, "abc", 3);
	CHECK_HEX(out, 16, "900150983cd24fb0d6963f7d28e17f72");
	/* RFC 4231, case 2 */
	mt_hmac_sha256(out, "Jefe", 4, "what do ya want for nothing?", 28);
	CHECK_HEX(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	CHECK_INT(mt_crc32(0, "123456789", 9), 0xcbf43926);
	CHECK_INT(mt_crc32(mt_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

/* FIPS 180 on a message that crosses every block border, cut in three at random places. */
TEST(hashes_split)
{
	struct fixed_random r = {.state = 7};
	uint8_t data[300], whole[32], parts[32];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)splitmix(&r.state);
	for (size_t n = 0; n <= sizeof data; n++) {
		size_t a = n ? splitmix(&r.state) % (n + 1) : 0;
		size_t b = a + (n > a ? splitmix(&r.state) % (n - a + 1) : 0);

		mt_sha256(whole, data, n, NULL, 0);
		mt_sha256_3(parts, data, a, data + a, b - a, data + b, n - b);
		CHECK_MEM(whole, parts, 32);
		mt_sha256(parts, data, a, data + a, n - a);
		CHECK_MEM(whole, parts, 32);
		mt_sha1(whole, data, n, NULL, 0);
		mt_sha1(parts, data, b, data + b, n - b);
		CHECK_MEM(whole, parts, 20);
	}
}

/* ---- chunking
 * ------------------------------------------------------------------------------------ */

/* Any cut of the stream gives the same bytes, in place or not (B.1, B.2). */
TEST(modes_split)
{
	struct fixed_random r = {.state = 11};
	static uint8_t data[AES_LENGTHS], whole[AES_LENGTHS], out[AES_LENGTHS];
	uint8_t key[32], iv[32], turn[32];
	struct mt_env env = fixed_env(&r);

	env.random(env.ctx, data, sizeof data);
	env.random(env.ctx, key, sizeof key);
	env.random(env.ctx, iv, sizeof iv);
	for (unsigned round = 0; round < 60; round++) {
		size_t n = (splitmix(&r.state) % (AES_LENGTHS + 1)) & ~(size_t)15;
		struct mt_ctr c;

		mt_ctr_init(&c, key, iv);
		mt_ctr_xor(&c, data, whole, n);
		mt_ctr_init(&c, key, iv);
		memcpy(out, data, n);
		for (size_t i = 0, step; i < n; i += step) {
			step = splitmix(&r.state) % 40;
			step = step < n - i ? step : n - i;
			mt_ctr_xor(&c, out + i, out + i, step);
		}
		CHECK_MEM(out, whole, n);

		memcpy(turn, iv, 32);
		mt_ige_encrypt(key, turn, data, whole, n);
		memcpy(turn, iv, 32);
		memcpy(out, data, n);
		for (size_t i = 0, step; i < n; i += step) {
			step = splitmix(&r.state) % 10 * 16;
			step = step < n - i ? step : n - i;
			mt_ige_encrypt(key, turn, out + i, out + i, step);
		}
		CHECK_MEM(out, whole, n);
		memcpy(turn, iv, 32);
		for (size_t i = 0, step; i < n; i += step) {
			step = splitmix(&r.state) % 10 * 16;
			step = step < n - i ? step : n - i;
			mt_ige_decrypt(key, turn, out + i, out + i, step);
		}
		CHECK_MEM(out, data, n);
	}
}

/* The counter carries over all 16 bytes. */
TEST(ctr_carry)
{
	uint8_t key[32] = {1}, iv[16], next[16] = {0}, in[48] = {0}, out[48], want[16];
	struct mt_ctr c;

	memset(iv, 0xff, sizeof iv);
	mt_ctr_init(&c, key, iv);
	mt_ctr_xor(&c, in, out, sizeof in);
	mt_ctr_init(&c, key, next);
	mt_ctr_xor(&c, in, want, sizeof want);
	CHECK_MEM(out + 16, want, 16);
}

TEST(equal_and_wipe)
{
	uint8_t a[40], b[40];

	memset(a, 5, sizeof a);
	memset(b, 5, sizeof b);
	CHECK(mt_equal(a, b, sizeof a));
	CHECK(mt_equal(a, b, 0));
	for (size_t i = 0; i < sizeof a; i++) {
		b[i] ^= 0x80;
		CHECK(!mt_equal(a, b, sizeof a));
		CHECK(mt_equal(a, b, i));
		b[i] ^= 0x80;
	}
	mt_wipe(a, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		CHECK_INT(a[i], 0);
}
