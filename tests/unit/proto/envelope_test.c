/* The envelope: the vectors of crypto.json, every bit of a packet, every padding. */
#include "proto/envelope.h"
#include "tests/unit/proto/vectors.h"

#define MAX_PACKET 2048

/* ---- helpers
 * ------------------------------------------------------------------------------------- */

/* The notations of the vectors for an auth key. */
static void read_key(const json_t *v, const char *name, uint8_t key[256])
{
	static const char block[] =
		"98cb29c6ffa89e79da695a54f572e6cb101e81c688b63a4bf73c3622dec230e0";
	const char *text = vector_has(v, name) ? vector_text(v, name) : "mtcute block x8";

	if (strcmp(text, "00..ff") == 0) {
		for (unsigned i = 0; i < 256; i++)
			key[i] = (uint8_t)i;
	} else if (strcmp(text, "byte i = 255-i") == 0) {
		for (unsigned i = 0; i < 256; i++)
			key[i] = (uint8_t)(255 - i);
	} else if (strstr(text, "block")) {
		CHECK(!strstr(text, "32-byte") || strstr(text, block));
		for (unsigned i = 0; i < 8; i++)
			CHECK_INT(test_unhex(block, key + 32 * i, 32), 32);
	} else {
		CHECK_INT(vector_hex(v, name, key, 256), 256);
	}
}

static struct mt_key make_key(const json_t *v)
{
	struct mt_key k;
	uint8_t raw[256];

	read_key(v, "auth_key", raw);
	CHECK(mt_key_init(&k, raw) == 0);
	return k;
}

static uint64_t big_endian(const char *hex)
{
	return strtoull(hex, NULL, 16);
}

static uint64_t wire64(const json_t *v, const char *name)
{
	uint8_t raw[8];
	struct tl_cursor c;

	CHECK_INT(vector_hex(v, name, raw, 8), 8);
	c = tl_cursor(raw, sizeof raw);
	return tl_get_u64(&c);
}

struct opened {
	struct mt_header h;
	struct tl_buf plain;
	const uint8_t *body;
	size_t n;
};

static int open_packet(const struct mt_key *k, const uint8_t *packet, size_t n, struct opened *o)
{
	uint8_t *copy = malloc(n + 1); /* exact, so that the sanitizer sees a read behind it */
	int err;

	CHECK(copy);
	memcpy(copy, packet, n);
	memset(o, 0, sizeof *o);
	err = mt_open(k, MT_TO_CLIENT, copy, n, &o->plain, &o->h, &o->body, &o->n);
	CHECK(err == 0 || (!o->body && !o->n && !o->h.session && !o->plain.len));
	free(copy);
	return err;
}

/* Seals a whole plaintext, header and padding as given. */
static size_t seal_raw(const struct mt_key *k, unsigned x, const uint8_t *plain, size_t n,
		       uint8_t *packet)
{
	struct mt_cipher c;
	uint8_t large[32];

	mt_msg_key_large(large, k->key, x, plain, n);
	memcpy(packet, k->id, 8);
	memcpy(packet + 8, large + 8, 16);
	mt_kdf(&c, k->key, x, large + 8);
	mt_ige_encrypt(c.key, c.iv, plain, packet + 24, n);
	return n + 24;
}

/* ---- vectors
 * ------------------------------------------------------------------------------------- */

static void kdf(const json_t *v)
{
	uint8_t key[256], msg_key[16];
	struct mt_cipher c;
	unsigned x = (unsigned)vector_int(v, "x");

	read_key(v, "auth_key", key);
	CHECK_INT(vector_hex(v, "msg_key", msg_key, 16), 16);
	if (strstr(vector_text(v, "id"), "v1"))
		mt_kdf_v1(&c, key, x, msg_key);
	else
		mt_kdf(&c, key, x, msg_key);
	VECTOR_EQ(v, "aes_key", c.key, 32);
	VECTOR_EQ(v, "aes_iv", c.iv, 32);
}

static void msg_key_v1(const json_t *v)
{
	const char *text = vector_text(v, "input_utf8");
	uint8_t sha[20];

	mt_sha1(sha, text, strlen(text), NULL, 0);
	VECTOR_EQ(v, "msg_key", sha + 4, 16);
}

static void envelope_encrypt(const json_t *v)
{
	struct mt_key k = make_key(v);
	const char *text = vector_text(v, "plaintext_utf8");
	uint8_t plain[128] = {0}, packet[256], large[32];
	size_t n = strlen(text) + (size_t)vector_int(v, "padding_len");

	memcpy(plain, text, strlen(text));
	n = seal_raw(&k, MT_TO_SERVER, plain, n, packet);
	VECTOR_EQ(v, "packet", packet, n);
	mt_msg_key_large(large, k.key, MT_TO_SERVER, plain, n - 24);
	large[3] |= 0x80;
	VECTOR_EQ(v, "quick_ack_token_le_hex", large, 4);
}

static void envelope_decrypt(const json_t *v)
{
	const json_t *want = json_object_get(v, "parsed");
	struct mt_key k = make_key(v);
	uint8_t packet[512], container[4];
	struct opened o;
	size_t n = vector_hex(v, "packet", packet, sizeof packet);

	CHECK(open_packet(&k, packet, n, &o) == 0);
	VECTOR_EQ(v, "plaintext", o.body - 32, o.plain.len - 32);
	CHECK(o.h.salt == wire64(want, "salt"));
	CHECK(o.h.session == wire64(want, "session_id"));
	CHECK(o.h.msg_id == big_endian(vector_text(want, "msg_id_hex")));
	CHECK_INT(o.h.seqno, vector_int(want, "seqno"));
	CHECK_INT(o.n, vector_int(want, "length"));
	CHECK_INT(o.plain.len - 64 - o.n, vector_int(v, "padding_len"));
	test_unhex("dcf8f173", container, 4);
	CHECK_MEM(o.body, container, 4);
	tl_buf_free(&o.plain);
}

static void key_id(const json_t *v)
{
	struct mt_key k = make_key(v);

	VECTOR_EQ(v, "auth_key_id_le_hex", k.id, 8);
}

static void decrypt_ok(const json_t *v)
{
	struct mt_key k = make_key(v);
	uint8_t packet[512];
	struct opened o;
	size_t n = vector_hex(v, "packet", packet, sizeof packet);

	CHECK(strncmp(vector_text(v, "expect"), "accept", 6) == 0);
	CHECK(open_packet(&k, packet, n, &o) == 0);
	VECTOR_EQ(vectors_find(vectors_load("crypto.json"), "decrypt-ok-mtcute"), "plaintext",
		  o.body - 32, o.plain.len - 32);
	CHECK(o.h.session ==
	      wire64(vectors_find(vectors_load("crypto.json"), "decrypt-ok-mtcute"), "session_id"));
	CHECK_INT(o.n, 16);
	CHECK_MEM(o.body, "hello, world!!!!", 16);
	tl_buf_free(&o.plain);
}

static void decrypt_reject(const json_t *v)
{
	struct mt_key k = make_key(v);
	uint8_t packet[512];
	struct opened o;
	size_t n = vector_hex(v, "packet", packet, sizeof packet);

	CHECK_STR(vector_text(v, "expect"), "reject");
	if (strcmp(vector_text(v, "id"), "decrypt-reject-bad-session-id") == 0) {
		/* the session is the session's to compare (B.12): it must be readable and differ */
		CHECK(open_packet(&k, packet, n, &o) == 0);
		CHECK(o.h.session != wire64(v, "session_id"));
		tl_buf_free(&o.plain);
		return;
	}
	CHECK_INT(open_packet(&k, packet, n, &o), -TG_E_CRYPTO);
	tl_buf_free(&o.plain);
}

static void padding(const json_t *v)
{
	struct mt_key k = make_key(v);
	uint8_t plain[MAX_PACKET] = {0}, packet[MAX_PACKET], sha[32];
	size_t len = (size_t)vector_int(v, "body_len"),
	       n = 32 + len + (size_t)vector_int(v, "padding");
	bool accept = strncmp(vector_text(v, "expect"), "accept", 6) == 0;
	struct opened o;

	test_unhex("efbeaddeaddeefbeefbeedfeedfeefbe3512efbeefbe341201000000", plain, 28);
	plain[28] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		plain[32 + i] = (uint8_t)i;
	n = seal_raw(&k, MT_TO_CLIENT, plain, n, packet);
	if (vector_has(v, "packet"))
		VECTOR_EQ(v, "packet", packet, n);
	mt_sha256(sha, packet, n, NULL, 0);
	VECTOR_EQ(v, "packet_sha256", sha, 32);
	CHECK_INT(open_packet(&k, packet, n, &o), accept ? 0 : -TG_E_CRYPTO);
	CHECK_INT(o.n, accept ? len : 0);
	tl_buf_free(&o.plain);
}

static void bind(const json_t *v)
{
	uint8_t script[24], raw[256], out[MT_BIND_SIZE];
	struct fixed_random r = {.data = script, .n = sizeof script};
	struct mt_env env = fixed_env(&r);
	struct mt_bind b = {
		.nonce = big_endian(vector_text(v, "nonce")),
		.temp_key_id = big_endian(vector_text(v, "temp_auth_key_id")),
		.temp_session = big_endian(vector_text(v, "temp_session_id")),
		.msg_id = big_endian(vector_text(v, "msg_id_hex")),
		.expires_at = (int32_t)vector_int(v, "expires_at"),
	};
	struct mt_key k;

	CHECK_STR(vector_text(v, "random16"), "cd*16");
	CHECK_STR(vector_text(v, "padding"), "cd*8");
	memset(script, 0xcd, sizeof script);
	read_key(v, "perm_auth_key", raw);
	CHECK(mt_key_init(&k, raw) == 0);
	mt_bind_message(out, &k, &b, &env);
	CHECK_INT(sizeof out, vector_int(v, "total_len"));
	VECTOR_EQ(v, "encrypted_message", out, sizeof out);
	VECTOR_EQ(v, "msg_key", out + 8, 16);
}

TEST(envelope_vectors)
{
	static const struct vector_row rows[] = {
		{"ige-*", NULL, "proto/crypto_vectors"},
		{"ctr-*", NULL, "proto/crypto_vectors"},
		{"pbkdf2-*", NULL, "proto/crypto_vectors"},
		{"kdf-*", kdf, NULL},
		{"msgkey-v1", msg_key_v1, NULL},
		{"envelope-encrypt-grammers", envelope_encrypt, NULL},
		{"envelope-decrypt-grammers", envelope_decrypt, NULL},
		{"auth_key_id-mtcute", key_id, NULL},
		{"decrypt-ok-*", decrypt_ok, NULL},
		{"decrypt-reject-*", decrypt_reject, NULL},
		{"padding-*", padding, NULL},
		{"bind-temp-auth-key", bind, NULL},
		{NULL, NULL, NULL},
	};

	unsigned checked, elsewhere;

	checked = vectors_run("crypto.json", rows, &elsewhere);
	CHECK_INT(checked, 25);
	CHECK_INT(checked + elsewhere, 47);
}

/* ---- there and back
 * ------------------------------------------------------------------------------- */

static const struct mt_header header = {
	.salt = 0x1122334455667788u, .session = 99, .msg_id = 0x6000000000000001u, .seqno = 7};

static struct mt_key some_key(void)
{
	struct fixed_random r = {.state = 3};
	struct mt_env env = fixed_env(&r);
	struct mt_key k;
	uint8_t raw[256];

	env.random(env.ctx, raw, sizeof raw);
	CHECK(mt_key_init(&k, raw) == 0);
	return k;
}

TEST(seal_then_open)
{
	struct fixed_random r = {.state = 5};
	struct mt_env env = fixed_env(&r);
	struct mt_key k = some_key();
	struct tl_buf packet = {0};
	static uint8_t body[70000];

	env.random(env.ctx, body, sizeof body);
	for (size_t n = 0; n <= sizeof body; n = n < 2200 ? n + 4 : n * 3 / 8 * 4) {
		struct opened o;
		uint32_t token = 0;

		tl_buf_clear(&packet);
		CHECK(mt_seal(&k, MT_TO_CLIENT, &header, body, n, &env, &packet, &token) == 0);
		CHECK(token & 0x80000000u);
		CHECK_INT(packet.len, 24 + mt_envelope_size(n));
		CHECK_INT(packet.len % 16, 8);
		CHECK(open_packet(&k, packet.data, packet.len, &o) == 0);
		CHECK(o.h.salt == header.salt && o.h.session == header.session);
		CHECK(o.h.msg_id == header.msg_id && o.h.seqno == header.seqno);
		CHECK_INT(o.n, n);
		CHECK_MEM(o.body, body, n);
		tl_buf_free(&o.plain);
		/* the two directions do not mix */
		CHECK_INT(mt_open(&k, MT_TO_SERVER, packet.data, packet.len, &o.plain, &o.h,
				  &o.body, &o.n),
			  -TG_E_CRYPTO);
		tl_buf_free(&o.plain);
	}
	tl_buf_free(&packet);
}

/* Sizes are those of B.15, padding is 12…1024 bytes, and fresh. */
TEST(seal_blurs)
{
	static const size_t steps[] = {64, 128, 192, 256, 384, 512, 768, 1024, 1280, 1728, 2176};
	unsigned counts[256] = {0};
	struct fixed_random r = {.state = 6};
	struct mt_env env = fixed_env(&r);
	struct mt_key k = some_key();
	struct tl_buf packet = {0};
	uint8_t body[2048] = {0}, plain[4096];
	double chi = 0;

	for (size_t n = 0; n <= sizeof body; n += 4) {
		size_t size = mt_envelope_size(n), i = 0;

		while (i < 11 && steps[i] < 32 + n + 12)
			i++;
		CHECK(i < 11 && size == steps[i]);
		CHECK(size - 32 - n >= 12 && size - 32 - n <= 1024);
	}
	for (unsigned round = 0; round < 400; round++) {
		struct mt_cipher c;

		tl_buf_clear(&packet);
		CHECK(mt_seal(&k, MT_TO_SERVER, &header, body, 512, &env, &packet, NULL) == 0);
		mt_kdf(&c, k.key, MT_TO_SERVER, packet.data + 8);
		mt_ige_decrypt(c.key, c.iv, packet.data + 24, plain, packet.len - 24);
		for (size_t i = 32 + 512; i < packet.len - 24; i++)
			counts[plain[i]]++;
	}
	for (unsigned i = 0; i < 256; i++) {
		double want = 400.0 * (768 - 32 - 512) / 256;

		chi += (counts[i] - want) * (counts[i] - want) / want;
	}
	CHECK(chi > 160 && chi < 380); /* 255 degrees of freedom, five sigma */
	tl_buf_free(&packet);
}

TEST(open_every_bit)
{
	struct fixed_random r = {.state = 8};
	struct mt_env env = fixed_env(&r);
	struct mt_key k = some_key();
	struct tl_buf packet = {0};
	struct opened o;

	CHECK(mt_seal(&k, MT_TO_CLIENT, &header, "body", 4, &env, &packet, NULL) == 0);
	for (size_t bit = 0; bit < packet.len * 8; bit++) {
		packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_INT(open_packet(&k, packet.data, packet.len, &o), -TG_E_CRYPTO);
		tl_buf_free(&o.plain);
		packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < packet.len; n++) {
		CHECK_INT(open_packet(&k, packet.data, n, &o), -TG_E_CRYPTO);
		tl_buf_free(&o.plain);
	}
	for (unsigned i = 0; i < 16; i++) { /* a padded transport adds up to 15 bytes */
		CHECK_INT(open_packet(&k, packet.data, packet.len, &o), 0);
		tl_buf_free(&o.plain);
		tl_put_u8(&packet, (uint8_t)i);
	}
	CHECK_INT(open_packet(&k, packet.data, packet.len, &o), -TG_E_CRYPTO);
	tl_buf_free(&o.plain);
	tl_buf_free(&packet);
}

/* Every length field and every padding (B.13), with a msg_key that is right. */
TEST(open_every_length)
{
	struct mt_key k = some_key();
	uint8_t plain[1104] = {0}, packet[1200];
	struct opened o;

	for (size_t size = 32; size <= sizeof plain; size += 16) {
		for (size_t len = 0; len <= size + 8; len += size < 100 ? 1 : 7) {
			bool fine =
				len % 4 == 0 && len + 32 + 12 <= size && size - 32 - len <= 1024;
			size_t n;

			plain[28] = (uint8_t)len;
			plain[29] = (uint8_t)(len >> 8);
			n = seal_raw(&k, MT_TO_CLIENT, plain, size, packet);
			CHECK_INT(open_packet(&k, packet, n, &o), fine ? 0 : -TG_E_CRYPTO);
			tl_buf_free(&o.plain);
		}
	}
	memset(plain + 28, 0xff, 4); /* a negative length */
	seal_raw(&k, MT_TO_CLIENT, plain, 64, packet);
	CHECK_INT(open_packet(&k, packet, 88, &o), -TG_E_CRYPTO);
	tl_buf_free(&o.plain);
	plain[28] = 0xfc;
	seal_raw(&k, MT_TO_CLIENT, plain, 64, packet);
	CHECK_INT(open_packet(&k, packet, 88, &o), -TG_E_CRYPTO);
	tl_buf_free(&o.plain);
}

TEST(envelope_too_large)
{
	struct fixed_random r = {0};
	struct mt_env env = fixed_env(&r);
	struct mt_key k = some_key();
	struct tl_buf out = {0};
	uint8_t *big = calloc(1, MT_MAX_PACKET + 16);
	struct mt_header h;
	const uint8_t *body;
	size_t n;

	CHECK(big);
	CHECK_INT(mt_seal(&k, MT_TO_SERVER, &header, big, MT_MAX_PACKET, &env, &out, NULL),
		  -TG_E_TOO_LARGE);
	CHECK_INT(out.len, 0);
	CHECK_INT(mt_open(&k, MT_TO_CLIENT, big, MT_MAX_PACKET + 16, &out, &h, &body, &n),
		  -TG_E_CRYPTO);
	CHECK_INT(out.cap, 0);
	free(big);
}
