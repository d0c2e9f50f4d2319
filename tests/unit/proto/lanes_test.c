/* Several messages at once against mbedTLS one by one: every length from 0 to 4096 beside others,
 * and whole messages sealed and opened together against the same ones alone. */
#include "proto/crypto.h"
#include "proto/envelope.h"
#include "tests/unit/proto/vectors.h"

#define MOST 4096
#define HASHED 32 /* bytes before the plaintext */

/* Lane 0 has the length that is tested; the others are shorter, longer and as long. */
static size_t length_of(struct fixed_random *r, unsigned lane, size_t n)
{
	if (lane == 0 || splitmix(&r->state) % 4 == 0)
		return n;
	return splitmix(&r->state) % (MOST + 1);
}

static uint8_t *some_bytes(struct fixed_random *r, size_t n)
{
	uint8_t *p = malloc(n + 1); /* exact: no look behind the end */

	CHECK(p);
	fixed_random(r, p, n);
	return p;
}

/* As on a processor where so many hashes go abreast. */
static void hash(const struct mt_sha_lane *v, unsigned count, unsigned abreast)
{
	(void)abreast;
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_SHA) {
		mt_kernel_sha256_lanes(v, count, abreast);
		return;
	}
#endif
	mt_sha256_lanes(v, count);
}

static void decrypt_hash(const struct mt_ige_lane *v, unsigned count, uint8_t *const *shas,
			 unsigned abreast)
{
	(void)abreast;
#if MT_KERNELS
	if (mt_cpu() & MT_CPU_AES && mt_cpu() & MT_CPU_SHA) {
		mt_kernel_open_lanes(v, count, shas, abreast);
		return;
	}
#endif
	mt_ige_decrypt_hash(v, count, shas);
}

TEST(lanes_sha256)
{
	struct fixed_random r = {.state = 11};
	uint8_t want[32], got[MT_LANES][32], head[64];

	fixed_random(&r, head, sizeof head);
	for (size_t turn = 0; turn < 2 * (MOST + 1); turn++) {
		unsigned count = 1 + (unsigned)(turn % MT_LANES), abreast = turn <= MOST ? 2 : 4;
		size_t n = turn % (MOST + 1);
		struct mt_sha_lane v[MT_LANES];
		uint8_t *data[MT_LANES];

		for (unsigned i = 0; i < count; i++) {
			size_t size = length_of(&r, i, n);

			data[i] = some_bytes(&r, size);
			v[i] = (struct mt_sha_lane){.head = head,
						    .head_n = n % 3 ? splitmix(&r.state) % 64 : 0,
						    .data = data[i],
						    .n = size,
						    .out = got[i]};
		}
		hash(v, count, abreast);
		for (unsigned i = 0; i < count; i++) {
			mt_soft_sha256(want, head, v[i].head_n, data[i], v[i].n, NULL, 0);
			CHECK_MEM(got[i], want, 32);
			free(data[i]);
		}
	}
}

TEST(lanes_ige)
{
	struct fixed_random r = {.state = 12};
	static uint8_t want[MOST], out[MT_LANES][MOST];

	for (size_t n = 0; n <= MOST; n += 16) {
		for (unsigned turn = 0; turn < 4 * MT_LANES; turn++) {
			bool encrypt = turn % 2, in_place = turn / 2 % 2;
			unsigned count = 1 + turn / 4;
			struct mt_ige_lane v[MT_LANES];
			uint8_t *data[MT_LANES];

			for (unsigned i = 0; i < count; i++) {
				v[i].n = length_of(&r, i, n) & ~(size_t)15;
				fixed_random(&r, &v[i].cipher, sizeof v[i].cipher);
				data[i] = some_bytes(&r, v[i].n);
				v[i].out = out[i];
				v[i].in = data[i];
				if (in_place) {
					memcpy(out[i], data[i], v[i].n);
					v[i].in = out[i];
				}
			}
			mt_ige_lanes(encrypt, v, count);
			for (unsigned i = 0; i < count; i++) {
				mt_soft_ige(encrypt, v[i].cipher.key, v[i].cipher.iv, data[i], want,
					    v[i].n);
				CHECK_MEM(out[i], want, v[i].n);
				free(data[i]);
			}
		}
	}
}

TEST(lanes_decrypt_and_hash)
{
	struct fixed_random r = {.state = 13};
	static uint8_t want[HASHED + MOST], out[MT_LANES][HASHED + MOST];
	uint8_t sha[32], got[MT_LANES][32], *shas[MT_LANES];

	for (size_t n = 0; n <= MOST; n += 16) {
		for (unsigned turn = 0; turn < 2 * MT_LANES; turn++) {
			unsigned count = 1 + turn / 2, abreast = turn % 2 ? 2 : 4;
			struct mt_ige_lane v[MT_LANES];
			uint8_t *data[MT_LANES];

			for (unsigned i = 0; i < count; i++) {
				v[i].n = length_of(&r, i, n) & ~(size_t)15;
				fixed_random(&r, &v[i].cipher, sizeof v[i].cipher);
				fixed_random(&r, out[i], HASHED);
				v[i].in = data[i] = some_bytes(&r, v[i].n);
				v[i].out = out[i] + HASHED;
				shas[i] = got[i];
			}
			decrypt_hash(v, count, shas, abreast);
			for (unsigned i = 0; i < count; i++) {
				memcpy(want, out[i], HASHED);
				mt_soft_ige(false, v[i].cipher.key, v[i].cipher.iv, data[i],
					    want + HASHED, v[i].n);
				mt_soft_sha256(sha, want, HASHED + v[i].n, NULL, 0, NULL, 0);
				CHECK_MEM(out[i], want, HASHED + v[i].n);
				CHECK_MEM(got[i], sha, 32);
				free(data[i]);
			}
		}
	}
}

/* ---- whole messages ----------------------------------------------------------------------------
 */

#define MESSAGES 19

static struct mt_key key_of(struct fixed_random *r)
{
	uint8_t bytes[256];
	struct mt_key k;

	fixed_random(r, bytes, sizeof bytes);
	CHECK(mt_key_init(&k, bytes) == 0);
	return k;
}

/* Any number of messages of any length: bit for bit what sealing one by one gives. */
TEST(lanes_seal)
{
	static uint8_t body[70000];

	for (unsigned turn = 0; turn < 200; turn++) {
		struct fixed_random r = {.state = turn}, together, alone;
		struct mt_env env = fixed_env(&together), env_alone = fixed_env(&alone);
		struct mt_key k = key_of(&r);
		struct tl_buf all = {.len = 0}, want = {.len = 0};
		struct mt_laid v[MESSAGES];
		unsigned count = turn % (MESSAGES + 1);
		uint32_t token[MESSAGES];

		fixed_random(&r, body, sizeof body);
		together = alone = r;
		tl_put_u32(&all, 1); /* they need not begin the buffer */
		tl_put_u32(&want, 1);
		for (unsigned i = 0; i < count; i++) {
			struct mt_header h = {.msg_id = i, .session = turn, .seqno = i};
			size_t n = splitmix(&r.state) % (turn % 5 ? 900 : sizeof body);

			CHECK_INT(mt_lay(&h, body, n, &env, &all, &v[i]), 0);
			CHECK_INT(mt_seal(&k, MT_TO_SERVER, &h, body, n, &env_alone, &want,
					  &token[i]),
				  0);
		}
		mt_seal_laid(&k, MT_TO_SERVER, &all, v, count);
		CHECK_INT(all.len, want.len);
		CHECK_MEM(all.data, want.data, want.len);
		for (unsigned i = 0, at = 4; i < count; at += (unsigned)v[i].n, i++) {
			CHECK_INT(v[i].at, at);
			CHECK_INT(v[i].token, token[i]);
		}
		tl_buf_free(&all);
		tl_buf_free(&want);
	}
}

/* One of them damaged, cut or of another key: that one is refused and its buffer empty, the others
 * are as if it had not been there. */
TEST(lanes_open)
{
	static uint8_t body[5000];
	struct fixed_random r = {.state = 15};
	struct mt_env env = fixed_env(&r);
	struct mt_key k = key_of(&r), other = key_of(&r);

	fixed_random(&r, body, sizeof body);
	for (unsigned turn = 0; turn < 4000; turn++) {
		unsigned count = 1 + turn % MT_LANES, bad = turn / MT_LANES % (count + 1);
		struct tl_buf packets[MT_LANES] = {{.len = 0}}, plain[MT_LANES] = {{.len = 0}};
		struct mt_opening v[MT_LANES];
		size_t sizes[MT_LANES];

		for (unsigned i = 0; i < count; i++) {
			struct mt_header h = {.msg_id = i, .session = turn, .salt = i, .seqno = 1};
			bool foreign = i == bad && turn % 3 == 0;

			sizes[i] = splitmix(&r.state) % (sizeof body / 4) * 4;
			CHECK_INT(mt_seal(foreign ? &other : &k, MT_TO_CLIENT, &h, body, sizes[i],
					  &env, &packets[i], NULL),
				  0);
			if (i == bad && turn % 3 == 1)
				packets[i].data[splitmix(&r.state) % packets[i].len] ^= 4;
			if (i == bad && turn % 3 == 2)
				packets[i].len = splitmix(&r.state) % (packets[i].len - 16);
			v[i] = (struct mt_opening){
				.packet = packets[i].data, .n = packets[i].len, .out = &plain[i]};
		}
		mt_open_lanes(&k, MT_TO_CLIENT, v, count);
		for (unsigned i = 0; i < count; i++) {
			CHECK_INT(v[i].err, i == bad ? -TG_E_CRYPTO : 0);
			CHECK(i != bad || plain[i].len == 0);
			CHECK(i == bad || (v[i].h.msg_id == i && v[i].h.session == turn));
			CHECK(i == bad || v[i].body_n == sizes[i]);
			if (i != bad)
				CHECK_MEM(v[i].body, body, sizes[i]);
			tl_buf_free(&packets[i]);
			tl_buf_free(&plain[i]);
		}
	}
}
