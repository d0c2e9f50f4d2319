/* The pieces of the Diffie-Hellman checks that small numbers can be tested on. Internal to the
 * room. */
#ifndef PROTO_DH_H
#define PROTO_DH_H

#include "proto/bignum.h"

/* Whether g generates the subgroup of prime order modulo a safe prime p (B.57). */
bool mt_dh_generator(struct mt_num p, int g);
bool mt_dh_known_prime(const uint8_t p[256]);

#endif
