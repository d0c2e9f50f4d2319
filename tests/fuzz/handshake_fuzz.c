/* Any bytes as an answer of the key exchange. The first byte chooses: the whole first answer, the
 * first answer behind nonces that fit, the second answer, or what is encrypted in the second with
 * its hash made right. Random bytes are all 7, so that the secrets are known here. */
#include "proto/envelope.h"
#include "proto/handshake.h"
#include "proto/wire.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void sevens(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

static void put_sevens(struct tl_buf *b)
{
	static const uint8_t nonces[32] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
					   7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};

	tl_put(b, nonces, sizeof nonces);
}

/* Takes what comes out; runs only the factorisation. */
static void drain(struct mt_handshake *h)
{
	struct mt_handshake_event ev;

	for (unsigned i = 0; i < 4; i++) {
		mt_handshake_next(h, &ev);
		need(ev.kind != MT_HANDSHAKE_DONE);
		if (ev.kind != MT_HANDSHAKE_JOB)
			continue;
		if (i == 0) {
			ev.job->run(ev.job);
			mt_handshake_job_done(h, ev.job);
		} else {
			ev.job->free(ev.job);
		}
	}
}

static void first_answer(struct tl_buf *b)
{
	tl_put_u32(b, WIRE_RES_PQ);
	put_sevens(b);
	tl_put_bytes(b, "\x0f", 1);
	tl_put_u32(b, WIRE_VECTOR);
	tl_put_u32(b, 1);
	tl_put_u64(b, mt_rsa_builtin(true)->fingerprint);
}

/* All nonces are sevens: SHA1 of 48 and of 64 of them make the temporary key (B.39). */
static void encrypt_answer(const uint8_t *data, size_t size, struct tl_buf *b)
{
	struct tl_buf plain = {0};
	struct mt_cipher c;
	uint8_t s[64], a[20], n[20];

	memset(s, 7, sizeof s);
	mt_sha1(a, s, 48, NULL, 0);
	mt_sha1(n, s, 64, NULL, 0);
	memcpy(c.key, a, 20);
	memcpy(c.key + 20, a, 12);
	memcpy(c.iv, a + 12, 8);
	memcpy(c.iv + 8, n, 20);
	memcpy(c.iv + 28, s, 4);
	need(tl_buf_extend(&plain, 20));
	tl_put(&plain, data, size);
	mt_sha1(plain.data, plain.data + 20, size, NULL, 0);
	while (plain.len % 16)
		tl_put_u8(&plain, 0);
	mt_ige_encrypt(c.key, c.iv, plain.data, plain.data, plain.len);
	tl_put_u32(b, WIRE_SERVER_DH_PARAMS_OK);
	put_sevens(b);
	tl_put_bytes(b, plain.data, plain.len);
	tl_buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mt_env env = {.random = sevens};
	const struct mt_time now = {0};
	struct mt_handshake *h;
	struct mt_handshake_event ev;
	struct tl_buf body = {0};
	unsigned way;

	if (size == 0)
		return 0;
	way = *data++ % 4;
	size--;
	h = mt_handshake_new(2, false, 0, mt_rsa_builtin(true), 1, &env);
	need(h);
	mt_handshake_next(h, &ev);
	need(ev.kind == MT_HANDSHAKE_SEND);
	if (way >= 2) {
		first_answer(&body);
		need(mt_handshake_feed(h, body.data, body.len, now) == 0);
		drain(h);
		tl_buf_clear(&body);
	}
	if (way == 1) {
		tl_put_u32(&body, WIRE_RES_PQ);
		put_sevens(&body);
	}
	if (way == 3)
		encrypt_answer(data, size, &body);
	else
		tl_put(&body, data, size);
	(void)!mt_handshake_feed(h, body.data, body.len, now);
	drain(h);
	mt_handshake_free(h);
	tl_buf_free(&body);
	return 0;
}
