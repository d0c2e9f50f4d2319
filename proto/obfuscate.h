/* Inside proto: obfuscated2, the 64-byte header and the two CTR streams. Owner: obfuscate.c. */
#ifndef PROTO_OBFUSCATE_H
#define PROTO_OBFUSCATE_H

#include "proto/proto.h"

#define MT_OBFUSCATED_HEADER 64u

struct mt_obfuscation {
	struct mt_ctr enc, dec;
};

/* Draws a header for a client and sets both streams (C.25-C.28). */
void mt_obfuscate_start(struct mt_obfuscation *o, const struct mt_transport *t, int dc,
			const struct mt_env *env, uint8_t ret_header[MT_OBFUSCATED_HEADER]);
/* Server side: takes a client's header, with its secret or NULL. -TG_E_TRANSPORT: no known tag in
 * it. */
int mt_obfuscate_accept(struct mt_obfuscation *o, const uint8_t header[MT_OBFUSCATED_HEADER],
			const uint8_t *secret, enum mt_framing *ret_framing, int *ret_dc) TL_MUST;

#endif
