/* Obfuscated2: a stream that looks random from its first byte on.
 * core.telegram.org/mtproto/mtproto-transports, "Transport obfuscation"; checks C.25-C.29. */
#include "proto/obfuscate.h"

#include <string.h>

enum { KEY_AT = 8, KEY_N = 32, IV_AT = 40, IV_N = 16, TAG_AT = 56, DC_AT = 60 };

static const uint32_t tags[] = {
	[MT_ABRIDGED] = 0xefefefef, [MT_INTERMEDIATE] = 0xeeeeeeee, [MT_PADDED] = 0xdddddddd};

static uint32_t load_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What a middlebox or a server would take for something else (C.25). */
static bool misleading(const uint8_t header[MT_OBFUSCATED_HEADER])
{
	static const uint8_t first[][4] = {
		{'H', 'E', 'A', 'D'},     {'P', 'O', 'S', 'T'},     {'G', 'E', 'T', ' '},
		{'O', 'P', 'T', 'I'},     {0x16, 0x03, 0x01, 0x02}, {0xdd, 0xdd, 0xdd, 0xdd},
		{0xee, 0xee, 0xee, 0xee},
	};

	if (header[0] == 0xef || load_u32(header + 4) == 0)
		return true;
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		if (memcmp(header, first[i], 4) == 0)
			return true;
	return false;
}

static void set_stream(struct mt_ctr *c, const uint8_t key_iv[KEY_N + IV_N], const uint8_t *secret)
{
	uint8_t key[KEY_N];

	if (secret)
		mt_sha256(key, key_iv, KEY_N, secret, 16);
	else
		memcpy(key, key_iv, KEY_N);
	mt_ctr_init(c, key, key_iv + KEY_N);
	mt_wipe(key, sizeof key);
}

/* The stream of the one who sent the header, and the one that answers it. */
static void set_streams(struct mt_ctr *forth, struct mt_ctr *back,
			const uint8_t header[MT_OBFUSCATED_HEADER], const uint8_t *secret)
{
	uint8_t reversed[KEY_N + IV_N];

	for (size_t i = 0; i < sizeof reversed; i++)
		reversed[i] = header[KEY_AT + sizeof reversed - 1 - i];
	set_stream(forth, header + KEY_AT, secret);
	set_stream(back, reversed, secret);
	mt_wipe(reversed, sizeof reversed);
}

void mt_obfuscate_start(struct mt_obfuscation *o, const struct mt_transport *t, int dc,
			const struct mt_env *env, uint8_t ret_header[MT_OBFUSCATED_HEADER])
{
	uint8_t plain[MT_OBFUSCATED_HEADER], sealed[MT_OBFUSCATED_HEADER];
	uint32_t tag = tags[t->framing];

	do
		env->random(env->ctx, plain, sizeof plain);
	while (misleading(plain));
	memcpy(plain + TAG_AT, &tag, sizeof tag); /* four equal bytes: no byte order */
	if (dc) {
		plain[DC_AT] = (uint8_t)dc;
		plain[DC_AT + 1] = (uint8_t)((unsigned)dc >> 8);
	}
	set_streams(&o->enc, &o->dec, plain, t->has_secret ? t->secret : NULL);
	mt_ctr_xor(&o->enc, plain, sealed, sizeof plain);
	memcpy(ret_header, plain, TAG_AT);
	memcpy(ret_header + TAG_AT, sealed + TAG_AT, MT_OBFUSCATED_HEADER - TAG_AT);
	mt_wipe(plain, sizeof plain);
}

int mt_obfuscate_accept(struct mt_obfuscation *o, const uint8_t header[MT_OBFUSCATED_HEADER],
			const uint8_t *secret, enum mt_framing *ret_framing, int *ret_dc)
{
	uint8_t plain[MT_OBFUSCATED_HEADER];

	set_streams(&o->dec, &o->enc, header, secret);
	mt_ctr_xor(&o->dec, header, plain, sizeof plain);
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (load_u32(plain + TAG_AT) == tags[i]) {
			*ret_framing = (enum mt_framing)i;
			*ret_dc = (int16_t)(plain[DC_AT] | plain[DC_AT + 1] << 8);
			return 0;
		}
	}
	return -TG_E_TRANSPORT;
}
