/* Inside proto: how packets are cut out of a byte stream and put into it. Owner: framing.c. */
#ifndef PROTO_FRAMING_H
#define PROTO_FRAMING_H

#include "proto/proto.h"

struct mt_framer {
	enum mt_framing framing;
	bool server;
	uint32_t seq_out, seq_in; /* full only: numbers of the next packets */
};

/* Appends a framed packet. random is for the padding. -TG_E_TRANSPORT: a size no frame can hold. */
int mt_frame_put(struct mt_framer *f, const struct mt_env *env, const void *packet, size_t n,
		 bool quick_ack, struct tl_buf *out) TL_MUST;
int mt_frame_put_quick_ack(const struct mt_framer *f, const struct mt_env *env, uint32_t token,
			   struct tl_buf *out) TL_MUST;
/* Looks at the front of a stream. *ret_used = 0: more bytes are needed; else so many bytes are done
 * with, and *ret is a packet or, for a no-op, MT_PACKET_NONE. */
int mt_frame_get(struct mt_framer *f, const uint8_t *p, size_t n, struct mt_packet *ret,
		 size_t *ret_used) TL_MUST;

#endif
