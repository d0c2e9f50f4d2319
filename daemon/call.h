/* A request from its line to its answer. A call belongs to the daemon; it outlives its connection
 * when it must (conn becomes NULL). */
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

#include "daemon/loop.h"
#include "daemon/method.h"

struct rpc_conn;
struct rpc_account;
struct rpc_commit;
struct rpc_known;
struct rpc_outcome;
struct rpc_sent;

/* Why a request is refused; err is enough, the rest is for people and scripts. */
struct rpc_problem {
	int err;             /* -TG_E_x */
	int code;            /* Telegram's, with TG_E_TELEGRAM */
	char message[256];   /* "" = the table's text */
	char hint[256];      /* "" = none */
	char field[160];     /* "" = none */
	const char *outcome; /* "not_sent", "unknown", or NULL */
	const char *state;   /* of the account, or NULL */
	int retry_after;     /* seconds, 0 = none */
	const char *limit;   /* name of the limit, or NULL */
	struct tl_buf extra; /* further members of data as JSON text, freed by the answer */
};

struct rpc_batch {
	struct tl_buf out;
	unsigned waiting; /* calls not yet answered, and one for the reading of the line */
};

enum rpc_stage { RPC_PREPARING, RPC_QUEUED, RPC_RUNNING };

struct rpc_call {
	struct rpc_daemon *d;
	struct rpc_conn *conn;        /* NULL: gone; the answer goes nowhere */
	struct rpc_call *next, *prev; /* of the connection, or of the orphans */
	struct rpc_batch *batch;
	const struct rpc_method *method;
	unsigned tl; /* index of the Telegram method, with RPC_RAW */
	struct tl_str id;
	char id_small[32];
	bool has_id, listed;
	enum rpc_stage stage;
	struct json_t *params;
	struct tl_arena arena;
	void *args;
	struct rpc_common common;
	struct rpc_account *account;
	char account_name[33];
	struct rpc_problem problem;
	struct rpc_timer timer;
	int64_t began, deadline;
	/* Taken with the duty: stops what is under way. ret: whether it was on the wire. */
	bool (*cancel)(struct rpc_call *c);
	uint64_t number; /* of the engine's call or resolution */
	/* What follows when the engine answers; err 0: data holds the answer's TL. */
	struct rpc_result (*answered)(struct rpc_call *c, const struct tg_event *e);
	struct json_t *state_json; /* a handler's, over several steps */
	struct tl_buf body;        /* TL of the call */
	uint64_t chain;
	bool any_state;            /* also before the login */
	bool seed;                 /* answers in the form of the seed library */
	unsigned flags;            /* of the method, or of the Telegram method that invoke calls */
	struct json_t *raw_params; /* borrowed from the parameters */
	int dc;
	bool takeout; /* inside the export, of these messages */
	int range_from, range_to;
	unsigned parts; /* random ids given to parts of an album */
	/* Sends: what the daemon named them by, and what is kept of them (sent.h, outcome.h). */
	bool own_random, replayed;
	/* What is looked for since RANDOM_ID_DUPLICATE: it was sent. */
	enum rpc_search { RPC_SEARCH_NONE, RPC_SEARCH_NAMES, RPC_SEARCH_MESSAGES } search;
	struct tg_update_state since; /* of the peer's box before the first try */
	struct rpc_sent *sent;
	struct rpc_outcome *outcome;
	struct rpc_result (*sent_answered)(struct rpc_call *c, const struct tg_event *e);
	/* Peers: what the network told already, and what it is being asked. */
	struct rpc_known *known;
	const struct tg_peer_query *resolving;
	char resolving_field[160];
	unsigned resolutions;
	struct rpc_call *engine_next; /* in the account's table, by number */
	bool in_engine;
	/* Waiting for a state. */
	struct rpc_call *wait_next;
	void (*check)(struct rpc_call *c);
	bool waiting;
	struct rpc_commit *commit; /* it waits for the disk */
	struct rpc_result (*stored)(struct rpc_call *c);
	/* Sends of one connection that have not been issued yet, in their order. */
	struct rpc_call *before, *follower;
	struct tl_buf *out; /* while an answer is being written */
	size_t mark;
};

/* ---- answering ---------------------------------------------------------------------------------
 */
/* Opens the answer; the result's JSON value goes into the buffer returned. */
struct tl_buf *rpc_begin(struct rpc_call *c);
struct rpc_result rpc_end(struct rpc_call *c);       /* frees the call */
struct rpc_result rpc_too_large(struct rpc_call *c); /* the answer is over its limit */
/* Refuses; fmt (may be NULL) is the message. Both free the call. */
struct rpc_result rpc_fail(struct rpc_call *c, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct rpc_result rpc_refuse(struct rpc_call *c); /* by c->problem */
/* The duty to answer later, before the deadline; cancel stops what is under way. */
struct rpc_result rpc_later(struct rpc_call *c, bool (*cancel)(struct rpc_call *c));
/* Fills c->problem and returns err. */
int rpc_problem(struct rpc_call *c, int err, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A repeat may go better. */
bool rpc_retryable(const struct rpc_problem *p);
void rpc_hint(struct rpc_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void rpc_call_free(struct rpc_call *c); /* without an answer: by those who have given one */

/* ---- arriving ----------------------------------------------------------------------------------
 */
/* One line of a connection, LF apart. Counts the requests it held. */
unsigned rpc_line(struct rpc_conn *conn, const char *line, size_t n);
/* An error that answers no request: id null. */
void rpc_line_error(struct rpc_conn *conn, const struct rpc_problem *p);
/* The connection is gone: reads are cancelled, sends go on without it. */
void rpc_calls_orphan(struct rpc_conn *conn);
/* Ends a call that is under way: answered with err (TIMEOUT, CANCELLED, SHUTTING_DOWN). */
void rpc_call_stop(struct rpc_call *c, int err);
void rpc_batch_end(struct rpc_conn *conn, struct rpc_batch *batch); /* the line is read */
void rpc_pool_free(struct rpc_daemon *d);
/* It takes its place among the sends of its connection. */
void rpc_line_up(struct rpc_call *c);
int rpc_check_role(struct rpc_call *c, enum rpc_role want) TL_MUST;
const char *rpc_call_name(const struct rpc_call *c);
/* Prepared (peers resolved): runs the handler, when no earlier send of the connection is before it.
 */
struct rpc_result rpc_proceed(struct rpc_call *c);
/* The later sends of its connection need not wait for it any more. */
void rpc_pass(struct rpc_call *c);

#endif
