/* A client's connection: bytes to lines, answers to bytes. Owned by the daemon's list; freed at the
 * end of a turn only. */
#ifndef DAEMON_CONN_H
#define DAEMON_CONN_H

#include "daemon/call.h"

#include <sys/types.h>

struct rpc_subscription;

struct rpc_conn {
	struct rpc_daemon *d;
	struct rpc_conn *next, *prev;
	struct rpc_conn *run_next, *flush_next;
	bool in_run, in_flush;
	struct ev_io reader, writer;
	int fd;
	uint64_t id;
	enum rpc_role socket, role; /* as the socket gives it; what [acl] leaves of it */
	uid_t uid;
	pid_t pid;
	int64_t since;
	struct tl_buf in, out;
	size_t in_at, in_scanned; /* begin of the current line; looked at for LF up to here */
	size_t out_at;
	int64_t full_since; /* boot ns: the peer has taken nothing since; 0 = all was written */
	bool eof;           /* nothing more will come */
	bool gone;          /* the peer is wholly gone */
	bool closing;       /* close when the output is written */
	bool dropping;      /* a line over the limit: up to the next LF */
	bool heard;         /* some byte has come */
	bool parked;        /* some of its subscriptions wait for room */
	unsigned bad_lines, subscription_count;
	unsigned inflight;
	struct rpc_call *calls;
	struct rpc_call *last_send; /* the youngest send that has not been issued */
	struct rpc_subscription *subscriptions;
	uint64_t requests;
	uint64_t last_subscription;
	char name[64];
	char account[33]; /* default of this connection */
};

struct rpc_conn *rpc_conn_new(struct rpc_daemon *d, int fd, enum rpc_role role);
void rpc_conn_free(struct rpc_conn *c);
/* Its role by [acl] as it is now; whom that shuts out is closed. */
void rpc_conn_allow(struct rpc_conn *c);
/* Something was put into out: it is written at the end of the turn. */
void rpc_conn_flush(struct rpc_conn *c);
void rpc_conn_run(struct rpc_conn *c); /* its input wants a turn */
/* One turn: lines up to the budget. */
void rpc_conn_turn(struct rpc_conn *c);
void rpc_conn_write(struct rpc_conn *c);
void rpc_conn_gone(struct rpc_conn *c); /* the half-closed peer has left */
/* Nothing left to answer and no more input, or the output is written and it is closing. */
bool rpc_conn_finished(const struct rpc_conn *c);
size_t rpc_conn_queued(const struct rpc_conn *c); /* bytes waiting for the peer */
size_t rpc_conn_unread(const struct rpc_conn *c); /* the same, and those the kernel holds */
int64_t rpc_conn_stuck(const struct rpc_conn *c); /* ns since it took the last of them */

/* ---- listening ---------------------------------------------------------------------------------
 */
#define RPC_MAX_SOCKETS 8
struct rpc_listener {
	struct rpc_daemon *d;
	struct ev_io io;
	struct rpc_timer pause; /* accepting goes on */
	int fd, lock_fd;
	enum rpc_role role;
	char path[108];
	bool inherited;
	dev_t dev;
	ino_t ino;
	int64_t second;
	unsigned accepted; /* in this second */
};
/* Opens one socket by the rules of RELIABILITY §5. -TG_E_NOT_PERMITTED: another instance lives
 * there (exit 3); other errors: text in why. */
int rpc_listen(struct rpc_daemon *d, const char *path, enum rpc_role role, unsigned mode,
	       const char *group, char *why, size_t size) TL_MUST;
int rpc_listen_inherited(struct rpc_daemon *d, int fd, const char *name) TL_MUST;
void rpc_listen_stop(struct rpc_daemon *d); /* closes; removes the socket if it is still ours */

#endif
