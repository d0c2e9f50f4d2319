/* A fake TLS proxy that knows the secret and says anything else: its hello is made right where a
 * digest has a place, so that the records behind it are reached. The first byte is the size of the
 * pieces; what comes out must not depend on it. */
#include "proto/tunnel.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define LINK "mtproxy://ee00112233445566778899aabbccddeeff612e6e6574@a:1"
#define DIGEST_AT 11

static const struct mt_env env = {.random = same_bytes, .ctx = NULL};

/* Up to the end of the first record of data, which the digest covers (C.48). */
static size_t hello_size(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (n - at >= 5) {
		size_t size = 5 + ((size_t)p[at + 3] << 8 | p[at + 4]);

		if (size > n - at)
			return 0;
		at += size;
		if (p[at - size] == 0x17)
			return at;
	}
	return 0;
}

static void sign(const struct mt_tunnel *t, uint8_t *p, size_t n)
{
	size_t hello = hello_size(p, n);
	uint8_t *whole;

	if (hello < DIGEST_AT + 32)
		return;
	memset(p + DIGEST_AT, 0, 32);
	whole = malloc(32 + hello);
	need(whole != NULL);
	memcpy(whole, t->digest, 32);
	memcpy(whole + 32, p, hello);
	mt_hmac_sha256(p + DIGEST_AT, t->way.proxy->secret, 16, whole, 32 + hello);
	free(whole);
}

/* A tunnel that has said its hello, without the time that a hello takes. */
static struct mt_tunnel *greeted(void)
{
	static struct mt_proxy proxy;
	static uint8_t digest[32];
	struct mt_way way = {.proxy = &proxy, .host = "127.0.0.1", .port = 443};
	struct mt_tunnel *t;
	const char *reason;

	if (!proxy.host[0]) {
		need(mt_proxy_parse(LINK, &proxy, &reason) == 0);
		t = mt_tunnel_new(&way, &env);
		need(t && t->state == MT_TUNNEL_CONNECT);
		memcpy(digest, t->digest, sizeof digest);
		mt_tunnel_free(t);
	}
	t = calloc(1, sizeof *t);
	need(t != NULL);
	*t = (struct mt_tunnel){.env = &env, .way = way, .state = MT_TUNNEL_CONNECT};
	memcpy(t->digest, digest, sizeof digest);
	return t;
}

static enum mt_tunnel_state run(const uint8_t *data, size_t n, size_t step, struct tl_buf *inner)
{
	struct mt_tunnel *t = greeted();
	uint8_t *answer = malloc(n ? n : 1);
	enum mt_tunnel_state state;

	need(answer != NULL);
	if (n)
		memcpy(answer, data, n);
	sign(t, answer, n);
	for (size_t at = 0; at < n; at += step)
		if (mt_tunnel_feed(t, answer + at, n - at < step ? n - at : step, inner) != 0)
			need(t->state == MT_TUNNEL_FAILED && t->reason);
	state = t->state;
	mt_tunnel_free(t);
	free(answer);
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tl_buf whole = {.len = 0}, pieces = {.len = 0};

	if (!n)
		return 0;
	need(run(data + 1, n - 1, n, &whole) == run(data + 1, n - 1, data[0] + 1u, &pieces));
	need(whole.len == pieces.len && whole.len < n);
	need(!whole.len || memcmp(whole.data, pieces.data, whole.len) == 0);
	tl_buf_free(&whole);
	tl_buf_free(&pieces);
	return 0;
}
