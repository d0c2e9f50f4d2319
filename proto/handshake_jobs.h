/* What the key exchange gives to a thread. Internal to the room. A job owns all it works on; free()
 * wipes it. */
#ifndef PROTO_HANDSHAKE_JOBS_H
#define PROTO_HANDSHAKE_JOBS_H

#include "proto/proto.h"

struct mt_split { /* factorisation of pq */
	uint64_t pq, p, q;
	int err;
};
struct mt_job *mt_split_job(uint64_t pq); /* NULL without memory */
const struct mt_split *mt_split_of(const struct mt_job *job);

struct mt_power { /* the group's checks, then both powers */
	uint8_t prime[256], ga[256], b[256], mask[2][8];
	int32_t g;
	bool check_group;
	uint8_t gb[256], key[256];
	int err; /* -TG_E_AGAIN: another b is needed; the group was fine */
};
struct mt_job *mt_power_job(const struct mt_power *in, const struct mt_env *env); /* copies */
const struct mt_power *mt_power_of(const struct mt_job *job);

#endif
