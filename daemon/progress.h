/* Progress notifications. */
#ifndef DAEMON_PROGRESS_H
#define DAEMON_PROGRESS_H

#include "daemon/call.h"

/* The request is held back by a flood: TG_EV_WAITING. */
void rpc_progress_wait(struct rpc_call *c, const struct tg_event *e);

#endif
