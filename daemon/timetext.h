/* Times as people write them: RFC 3339, and "+10m" from now. */
#ifndef DAEMON_TIMETEXT_H
#define DAEMON_TIMETEXT_H

#include "tl/tl.h"

/* now and the result: Unix seconds. */
bool rpc_time_parse(struct tl_str text, int64_t now, int64_t *ret) TL_MUST;

#endif
