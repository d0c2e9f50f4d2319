/* The arithmetic of the password check without its refusals, for vectors that break them. Internal
 * to the room. */
#ifndef PROTO_SRP_H
#define PROTO_SRP_H

#include "proto/proto.h"

/* x of B.71: two salted hashes around PBKDF2-HMAC-SHA512 of 100,000 rounds. 60 ms. */
int mt_srp_secret(uint8_t ret[32], struct tl_str password, struct tl_str salt1,
		  struct tl_str salt2) TL_MUST;
/* strict: the checks of u, g_a and t apply (B.73). */
int mt_srp_compute(struct mt_srp *s, bool strict) TL_MUST;

#endif
