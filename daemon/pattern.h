/* Regular expressions of filters (PCRE2 syntax, "(?i)" and the like included), with limits that no
 * pattern and no message can exceed. */
#ifndef DAEMON_PATTERN_H
#define DAEMON_PATTERN_H

#include "tl/tl.h"

struct rpc_pattern;
/* -TG_E_INVALID_PARAMS: why has the reason. */
int rpc_pattern_new(struct tl_str text, struct rpc_pattern **ret, char *why, size_t size) TL_MUST;
/* 1, 0, or -TG_E_TOO_LARGE when the limit of steps was hit. The text may be any bytes. */
int rpc_pattern_match(struct rpc_pattern *p, const void *text, size_t n) TL_MUST;
void rpc_pattern_free(struct rpc_pattern *p); /* NULL is fine */

#endif
