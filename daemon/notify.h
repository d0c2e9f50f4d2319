/* sd_notify(3) in a few lines, and the descriptors of socket activation. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* Sends "READY=1" and the like to $NOTIFY_SOCKET; nothing without one. */
void rpc_notify(const char *state);
/* Interval of WATCHDOG=1 in ns (half of $WATCHDOG_USEC), 0 when nobody watches. */
int64_t rpc_notify_watchdog(void);
/* Number of descriptors handed over, from 3 upwards; they are made close-on-exec. */
int rpc_notify_listen(void);
/* Name of descriptor n (0 …) from $LISTEN_FDNAMES, "" when there is none. */
void rpc_notify_name(int n, char *out, unsigned size);

#endif
