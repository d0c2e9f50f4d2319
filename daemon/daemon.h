/* daemon: everything that touches the world. Front door of the room: one struct for the process. */
#ifndef DAEMON_H
#define DAEMON_H

#include "daemon/config.h"
#include "daemon/conn.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/network.h"
#include "daemon/scan.h"
#include "daemon/vault.h"

struct rpc_accounts;
struct rpc_subscription;

struct rpc_counters {
	uint64_t connections, refused, requests, answers, errors, bad_lines, bytes_in, bytes_out,
		updates, delivered, lagged;
};

struct rpc_daemon {
	struct rpc_loop loop;
	struct rpc_log log;
	struct rpc_vault vault;
	struct rpc_config *config;
	struct rpc_listener listeners[RPC_MAX_SOCKETS];
	unsigned listener_count;
	struct rpc_conn *conns;
	unsigned conn_count;
	uint64_t last_conn;
	struct rpc_conn *run, **run_tail; /* connections whose input wants a turn */
	struct rpc_conn *flush;           /* … whose output wants writing */
	bool reap;                        /* some connection is finished */
	size_t input_bytes;               /* of all lines not yet complete */
	struct rpc_conn *input_owner;     /* goes on reading when they are at their limit */
	struct rpc_call *orphans, *pool;
	unsigned pooled, inflight;
	struct tl_buf sink, projected; /* answers nobody reads; results before projection */
	struct tl_buf draft;           /* where an event is written first */
	struct rpc_table table;
	struct rpc_scan scan;
	char *scratch; /* what read gives */
	int hup_fd;    /* epoll: half-closed peers that may go away */
	struct ev_io hup_watch;
	struct ev_signal term, intr, hup;
	struct rpc_timer watchdog, stop;
	struct rpc_network network;
	int64_t started; /* boot ns */
	bool stopping, stop_forced;
	int exit_code, argc;
	char **argv, **env; /* for reload */
	int64_t watchdog_interval;
	unsigned stalls; /* of the loop, as logged */
	struct rpc_counters count;
	struct rpc_accounts *accounts;
	struct rpc_subscription *subscriptions; /* of all connections that have room */
	struct rpc_subscription *parked; /* of those that do not read: cost no turn anything */
	bool unparked;                   /* some have room again: the next turn feeds them */
};
#define RPC_SCRATCH 65536

/* Takes the configuration over. 0, or the process's exit code with a text in why. */
int rpc_daemon_init(struct rpc_daemon *d, struct rpc_config *config, char *why,
		    size_t size) TL_MUST;
int rpc_daemon_run(struct rpc_daemon *d); /* the exit code */
void rpc_daemon_free(struct rpc_daemon *d);
/* Finishes what is under way, at most 10 s, then leaves the loop. */
void rpc_daemon_stop(struct rpc_daemon *d);
void rpc_daemon_status(struct rpc_daemon *d); /* tells systemd how it goes */
int rpc_daemon_reload(struct rpc_daemon *d, char *why, size_t size) TL_MUST;

#define RPC_EXIT_BUSY 3
#define RPC_EXIT_DATA 65 /* the store is damaged, or of a newer layerd */
#define RPC_EXIT_CONFIG 78

#endif
