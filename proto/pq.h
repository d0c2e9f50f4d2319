/* Factorisation of pq. Internal to the room. */
#ifndef PROTO_PQ_H
#define PROTO_PQ_H

#include "proto/proto.h"

/* pq = *ret_p * *ret_q, both prime, p <= q; -TG_E_CRYPTO for everything else (B.30, B.31).
 * Under a millisecond. */
int mt_pq_split(uint64_t pq, uint64_t *ret_p, uint64_t *ret_q) TL_MUST;

#endif
