/* Framing: abridged, intermediate, padded intermediate, full, their error words and quick acks.
 * core.telegram.org/mtproto/mtproto-transports; checks C.1-C.7, C.15, C.20. Owns nothing. */
#include "proto/framing.h"

#include <string.h>

#define QUICK_ACK_BIT 0x80000000u
#define ABRIDGED_LONG 0x7fu       /* length byte: three more follow */
#define FULL_OVERHEAD 12u         /* length, sequence, CRC */
#define CONTROL_MAX 16u           /* a shorter padded packet is no message (C.15) */
#define QUICK_ACK_MARK UINT32_MAX /* padded: then the token */
#define PLAIN_HEAD 20u            /* auth_key_id 0, msg_id, length */
#define SEALED_HEAD 24u           /* auth_key_id, msg_key */

static uint32_t load_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void put_abridged(const void *packet, size_t n, bool quick_ack, struct tl_buf *out)
{
	size_t words = n / 4;
	uint8_t mark = quick_ack ? 0x80 : 0;

	if (words < ABRIDGED_LONG) {
		tl_put_u8(out, (uint8_t)(words | mark));
	} else {
		tl_put_u8(out, ABRIDGED_LONG | mark);
		tl_put_u8(out, (uint8_t)words);
		tl_put_u8(out, (uint8_t)(words >> 8));
		tl_put_u8(out, (uint8_t)(words >> 16));
	}
	tl_put(out, packet, n);
}

static void put_intermediate(const void *packet, size_t n, bool quick_ack, struct tl_buf *out)
{
	tl_put_u32(out, (uint32_t)n | (quick_ack ? QUICK_ACK_BIT : 0));
	tl_put(out, packet, n);
}

static void put_random(const struct mt_env *env, size_t n, struct tl_buf *out)
{
	uint8_t *p = tl_buf_extend(out, n);

	if (p && n)
		env->random(env->ctx, p, n);
}

static uint8_t draw_byte(const struct mt_env *env)
{
	uint8_t b;

	env->random(env->ctx, &b, 1);
	return b;
}

static void put_padded(const struct mt_env *env, const void *packet, size_t n, bool quick_ack,
		       struct tl_buf *out)
{
	uint8_t pad = draw_byte(env) & 15;

	if (n < CONTROL_MAX && pad + n >= CONTROL_MAX)
		pad = (uint8_t)(CONTROL_MAX - 1 - n); /* an error word stays below a message */
	tl_put_u32(out, (uint32_t)(n + pad) | (quick_ack ? QUICK_ACK_BIT : 0));
	tl_put(out, packet, n);
	put_random(env, pad, out);
}

static void put_full(struct mt_framer *f, const void *packet, size_t n, struct tl_buf *out)
{
	size_t at = out->len;

	tl_put_u32(out, (uint32_t)(n + FULL_OVERHEAD));
	tl_put_u32(out, f->seq_out++);
	tl_put(out, packet, n);
	if (!out->err)
		tl_put_u32(out, mt_crc32(0, out->data + at, out->len - at));
}

int mt_frame_put(struct mt_framer *f, const struct mt_env *env, const void *packet, size_t n,
		 bool quick_ack, struct tl_buf *out)
{
	if (n > MT_MAX_PACKET)
		return -TG_E_TOO_LARGE;
	if (f->server)
		quick_ack = false; /* the same bit means an ack in this direction */
	switch (f->framing) {
	case MT_ABRIDGED:
		if (n % 4)
			return -TG_E_TRANSPORT;
		put_abridged(packet, n, quick_ack, out);
		break;
	case MT_INTERMEDIATE:
		put_intermediate(packet, n, quick_ack, out);
		break;
	case MT_PADDED:
		put_padded(env, packet, n, quick_ack, out);
		break;
	case MT_FULL:
		if (n % 4)
			return -TG_E_TRANSPORT;
		put_full(f, packet, n, out);
		break;
	}
	return out->err;
}

int mt_frame_put_quick_ack(const struct mt_framer *f, const struct mt_env *env, uint32_t token,
			   struct tl_buf *out)
{
	uint8_t pad;

	token |= QUICK_ACK_BIT;
	switch (f->framing) {
	case MT_ABRIDGED:
		for (int i = 0; i < 4; i++)
			tl_put_u8(out, (uint8_t)(token >> (24 - 8 * i)));
		break;
	case MT_INTERMEDIATE:
		tl_put_u32(out, token);
		break;
	case MT_PADDED:
		pad = (uint8_t)(draw_byte(env) % 9);
		tl_put_u32(out, 8u + pad);
		tl_put_u32(out, QUICK_ACK_MARK);
		tl_put_u32(out, token);
		put_random(env, pad, out);
		break;
	case MT_FULL:
		return -TG_E_TRANSPORT; /* has no form for it */
	}
	return out->err;
}

/* ---- in -------------------------------------------------------------------------------------- */

static void give_quick_ack(struct mt_packet *ret, uint32_t token)
{
	ret->kind = MT_PACKET_QUICK_ACK;
	ret->token = token;
}

/* A payload of four bytes is a word from the transport, not a message (C.15). */
static int give_word(struct mt_packet *ret, uint32_t word)
{
	int32_t code;

	if (word == 0)
		return 0;
	memcpy(&code, &word, sizeof code);
	if (code > 0)
		return -TG_E_TRANSPORT;
	ret->kind = MT_PACKET_ERROR;
	ret->code = code;
	return 0;
}

static int give_payload(const struct mt_framer *f, const uint8_t *p, size_t n, bool quick_ack,
			struct mt_packet *ret)
{
	if (!f->server && n == 4)
		return give_word(ret, load_u32(p));
	ret->kind = MT_PACKET_DATA;
	ret->data = p;
	ret->n = n;
	ret->quick_ack = quick_ack;
	return 0;
}

/* The padding has no length of its own: the message tells where it ends (C.3, B.11). */
static size_t padded_end(const uint8_t *p, size_t n)
{
	static const uint8_t plain[8];

	if (n >= PLAIN_HEAD && memcmp(p, plain, sizeof plain) == 0) {
		size_t body = load_u32(p + 16);

		return body <= n - PLAIN_HEAD ? PLAIN_HEAD + body : n;
	}
	return n > SEALED_HEAD ? n - (n - SEALED_HEAD) % 16 : n;
}

static int give_padded(const struct mt_framer *f, const uint8_t *p, size_t n, bool quick_ack,
		       struct mt_packet *ret)
{
	if (f->server)
		return give_payload(f, p, padded_end(p, n), quick_ack, ret);
	if (n < 4)
		return -TG_E_TRANSPORT;
	if (n >= 8 && n <= CONTROL_MAX && load_u32(p) == QUICK_ACK_MARK) {
		give_quick_ack(ret, load_u32(p + 4));
		return 0;
	}
	if (n < CONTROL_MAX)
		return give_word(ret, load_u32(p));
	return give_payload(f, p, padded_end(p, n), quick_ack, ret);
}

static int get_abridged(const struct mt_framer *f, const uint8_t *p, size_t n,
			struct mt_packet *ret, size_t *ret_used)
{
	size_t head = 1, len = p[0] & 0x7f;
	bool marked = p[0] & 0x80;

	if (marked && !f->server) {
		if (n < 4)
			return 0;
		give_quick_ack(ret, (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
					    (uint32_t)p[2] << 8 | p[3]);
		*ret_used = 4;
		return 0;
	}
	if (len == ABRIDGED_LONG) {
		if (n < 4)
			return 0;
		head = 4;
		len = p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16;
	}
	len *= 4;
	if (len == 0 || len > MT_MAX_PACKET)
		return -TG_E_TRANSPORT;
	if (n - head < len)
		return 0;
	*ret_used = head + len;
	return give_payload(f, p + head, len, marked, ret);
}

static int get_intermediate(const struct mt_framer *f, const uint8_t *p, size_t n,
			    struct mt_packet *ret, size_t *ret_used)
{
	uint32_t word, len;
	bool marked;

	if (n < 4)
		return 0;
	word = load_u32(p);
	len = word & ~QUICK_ACK_BIT;
	marked = word & QUICK_ACK_BIT;
	if (marked && !f->server) {
		/* -1 … as a length is no token: the server's tokens are hashes, a peer that sends
		 * it for a length is broken. */
		if (word == UINT32_MAX)
			return -TG_E_TRANSPORT;
		give_quick_ack(ret, word);
		*ret_used = 4;
		return 0;
	}
	if (len == 0 || len > MT_MAX_PACKET)
		return -TG_E_TRANSPORT;
	if (n - 4 < len)
		return 0;
	*ret_used = 4 + (size_t)len;
	if (f->framing == MT_PADDED)
		return give_padded(f, p + 4, len, marked, ret);
	return give_payload(f, p + 4, len, marked, ret);
}

static int get_full(struct mt_framer *f, const uint8_t *p, size_t n, struct mt_packet *ret,
		    size_t *ret_used)
{
	uint32_t len;

	if (n < 4)
		return 0;
	len = load_u32(p);
	if (!f->server && len > INT32_MAX) { /* an error word in place of the length */
		*ret_used = 4;
		return give_word(ret, len);
	}
	if (len < FULL_OVERHEAD || len % 4 || len > MT_MAX_PACKET + FULL_OVERHEAD)
		return -TG_E_TRANSPORT;
	if (n >= 8 && load_u32(p + 4) != f->seq_in)
		return -TG_E_TRANSPORT;
	if (n < len)
		return 0;
	if (mt_crc32(0, p, len - 4) != load_u32(p + len - 4))
		return -TG_E_TRANSPORT;
	f->seq_in++;
	*ret_used = len;
	if (len == FULL_OVERHEAD)
		return 0;
	return give_payload(f, p + 8, len - FULL_OVERHEAD, false, ret);
}

int mt_frame_get(struct mt_framer *f, const uint8_t *p, size_t n, struct mt_packet *ret,
		 size_t *ret_used)
{
	struct mt_packet packet = {.kind = MT_PACKET_NONE};
	size_t used = 0;
	int err = 0;

	if (n) {
		switch (f->framing) {
		case MT_ABRIDGED:
			err = get_abridged(f, p, n, &packet, &used);
			break;
		case MT_INTERMEDIATE:
		case MT_PADDED:
			err = get_intermediate(f, p, n, &packet, &used);
			break;
		case MT_FULL:
			err = get_full(f, p, n, &packet, &used);
			break;
		}
	}
	if (err)
		return err;
	*ret = packet;
	*ret_used = used;
	return 0;
}
