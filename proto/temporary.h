/* proto: a temporary key that the clients of one data centre share (E.22). Another front door. It
 * is the caller's memory, zeroed to begin with, and outlives the clients; nobody stores it. Whoever
 * bound a key gives it to the others; whoever first finds it near its end makes the next. */
#ifndef PROTO_TEMPORARY_H
#define PROTO_TEMPORARY_H

#include "proto/proto.h"

struct mt_temp_key {
	uint8_t key[256];
	uint64_t salt;
	bool bound;           /* it may be used */
	int64_t ends_at;      /* boot ns */
	int64_t renewing_til; /* boot ns: until then one of them makes the next */
};

#endif
