/* Near misses: which known word was probably meant. */
#ifndef DAEMON_NEAREST_H
#define DAEMON_NEAREST_H

#include "tl/tl.h"

struct rpc_nearest {
	struct tl_str word; /* what was written */
	const char *best;   /* NULL: nothing is near */
	unsigned distance;  /* of the best */
};
/* Words farther than a third of their length (at most 4 edits) are not near. */
struct rpc_nearest rpc_nearest(struct tl_str word);
void rpc_nearest_try(struct rpc_nearest *n, const char *candidate);

#endif
