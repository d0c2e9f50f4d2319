/* Any bytes as an encrypted packet, and as the plaintext of one whose message key is right, so that
 * the checks behind it are reached. */
#include "proto/envelope.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void open_packet(const struct mt_key *k, const uint8_t *packet, size_t n, bool sealed)
{
	struct tl_buf out = {0};
	struct mt_header h;
	const uint8_t *body = NULL;
	size_t len = 1;

	if (mt_open(k, MT_TO_CLIENT, packet, n, &out, &h, &body, &len) == 0) {
		need(sealed && len % 4 == 0 && len + 24 + 32 + 12 <= n);
		need(body >= out.data && body + len <= out.data + out.len);
	} else {
		need(!body && len == 1 && out.len == 0);
	}
	tl_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_cipher cipher;
	struct mt_key k;
	uint8_t key[256], large[32], *packet;
	size_t n = size & ~(size_t)15;

	memset(key, 0x42, sizeof key);
	need(mt_key_init(&k, key) == 0);
	open_packet(&k, data, size, false);
	packet = malloc(24 + size);
	need(packet);
	mt_msg_key_large(large, key, MT_TO_CLIENT, data, n);
	memcpy(packet, k.id, 8);
	memcpy(packet + 8, large + 8, 16);
	mt_kdf(&cipher, key, MT_TO_CLIENT, large + 8);
	mt_ige_encrypt(cipher.key, cipher.iv, data, packet + 24, n);
	memcpy(packet + 24 + n, data + n, size - n); /* the transport's padding */
	open_packet(&k, packet, 24 + size, true);
	free(packet);
	return 0;
}
