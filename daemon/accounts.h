/* The accounts: one engine each, its connections, its calls. Owned by the daemon. */
#ifndef DAEMON_ACCOUNTS_H
#define DAEMON_ACCOUNTS_H

#include "daemon/call.h"
#include "daemon/committer.h"
#include "daemon/worker.h"

struct rpc_consumer;
struct rpc_event;
struct rpc_trouble;

/* A TCP connection of an engine. */
struct rpc_link {
	struct rpc_link *next;
	struct rpc_account *account;
	unsigned number;
	int fd;          /* -1: not connected yet */
	uint64_t serial; /* no other link of the process has it */
	struct rpc_race
		*race; /* addresses that are being tried; NULL: it is won, or has not begun */
	bool open;     /* connected */
	struct ev_io reader, writer;
	struct rpc_timer timeout; /* of connecting */
	struct {
		int dc;
		char host[64]; /* of a name its beginning */
		uint16_t port;
	} to;
};
/* CONNECT: to the event's host and port, never to its address. */
void rpc_link_open(struct rpc_account *a, const struct tg_event *e);
void rpc_link_close(struct rpc_account *a, unsigned number);
void rpc_link_close_all(struct rpc_account *a);
void rpc_links_resume(struct rpc_account *a);                    /* the disk has caught up */
void rpc_links_write(struct rpc_account *a, struct mt_time now); /* what the engine has to send */

#define RPC_BUCKETS 32u
struct rpc_account {
	struct rpc_daemon *d;
	struct rpc_account *next, *ready_next, *chain_next;
	struct tg_account *tg;
	struct rpc_timer deadline;
	struct rpc_link *links;
	unsigned link_tries;                     /* which of the addresses of a proxy's name */
	struct rpc_call *calls[RPC_BUCKETS];     /* that the engine works on, by number */
	struct rpc_sent *sent[RPC_BUCKETS];      /* sends under way, by random id */
	struct rpc_outcome *outcomes;            /* … those with an idempotency key */
	struct tg_batch *named;                  /* rows that go into the next batch, or NULL */
	struct rpc_event *events, **events_tail; /* of the batch that comes next */
	unsigned event_count;
	struct rpc_commit *failed;  /* the batch that will come again */
	enum tg_state state;        /* as told: it is on the disk */
	struct tg_event last_error; /* of the last change of state */
	uint64_t step_told;         /* of the login: the last that is over */
	bool ready, removed;
	bool paused;      /* its links are not read: the disk comes first */
	bool may_log_in;  /* it has an api_id and an api_hash */
	unsigned commits; /* with the store thread */
	int catch_up;     /* -1: the daemon's setting */
	int dc;
	struct rpc_trouble *troubles; /* with connecting */
	bool in_trouble;              /* the first of them goes on */
	struct mt_proxy *proxy;       /* its own; NULL: the daemon's setting */
	char name[33];
};
struct rpc_accounts {
	uint64_t link_serial;
	struct rpc_daemon *d;
	struct rpc_account *list, **list_tail, *ready, **ready_tail;
	struct rpc_account **chains; /* by name; their number is a power of two */
	unsigned count, chain_count, ready_count;
	struct tg_store *store;
	int store_error; /* of the last commit; 0 = it is on the disk */
	struct rpc_committer *committer;
	struct rpc_workers *workers;
	struct rpc_commit *failed; /* the daemon's own, to be tried again */
	struct rpc_timer retry, trim, tidy;
	struct rpc_consumer *consumers;
	unsigned consumer_count;
	struct rpc_call *waiters;
	bool check; /* the waiters, in the next turn */
};

/* ---- life ---- */
/* Opens the store, starts what it holds. 0, or an exit code with the reason in why. */
int rpc_accounts_init(struct rpc_daemon *d, char *why, size_t size) TL_MUST;
void rpc_accounts_free(struct rpc_daemon *d);
void rpc_accounts_hurry(struct rpc_daemon *d);       /* the network came back: no back-off */
int rpc_accounts_load(struct rpc_daemon *d) TL_MUST; /* of the configuration and the store */
/* Accounts that the configuration names and that do not exist yet; bots with a token file log in.
 */
int rpc_accounts_configure(struct rpc_daemon *d) TL_MUST;
bool rpc_accounts_rest(const struct rpc_daemon *d); /* nothing is on its way to the disk */
void rpc_random(void *ctx, void *out, size_t n);
/* Pulls the events of the engines that are ready; true = there are more. */
bool rpc_accounts_turn(struct rpc_daemon *d);
/* The store thread has answered lately (the watchdog's question). */
bool rpc_accounts_store_alive(struct rpc_daemon *d, struct mt_time now);
/* Writes "accounts":[…] for status and list_accounts. */
void rpc_accounts_write(struct rpc_daemon *d, struct tl_buf *b);
void rpc_account_write(struct tl_buf *b, const struct rpc_account *a); /* one of them */
void rpc_account_members(struct tl_buf *b, const struct rpc_account *a);
/* The members that belong to the state of its login. */
void rpc_login_write(struct tl_buf *b, const struct rpc_account *a);

/* ---- which ---- */
/* Finds the account a call is for and checks that it may work; fills the problem. */
int rpc_account_choose(struct rpc_call *c) TL_MUST;
/* One that is named must be there, also where none is needed. */
int rpc_account_check(struct rpc_call *c) TL_MUST;
/* The same for a login: one that does not exist yet is made. */
int rpc_account_login(struct rpc_call *c) TL_MUST;
struct rpc_account *rpc_account_find(struct rpc_daemon *d, struct tl_str name);
struct rpc_account *rpc_account_by_alias(struct rpc_daemon *d, const char *alias); /* or NULL */
bool rpc_account_name_ok(struct tl_str name);
void rpc_account_rename(struct rpc_account *a, struct tl_str name); /* in memory */
/* For a new account; false: the problem is filled. */
bool rpc_account_name_free(struct rpc_call *c, struct tl_str name);
/* Answers when the step that was just begun has ended. */
struct rpc_result rpc_login_wait(struct rpc_call *c);
bool rpc_login_runs(const struct rpc_daemon *d); /* some account is on its way in */
/* What an account has for itself, over the socket or from its section; the rest is the daemon's. */
struct rpc_account_own {
	int catch_up;          /* -1: the daemon's setting */
	int dc;                /* 0 */
	struct mt_proxy proxy; /* kind NONE */
};
int rpc_account_add(struct rpc_daemon *d, const char *name, const struct rpc_account_own *own,
		    struct rpc_account **ret) TL_MUST;
/* A proxy's link as a parameter; false: the problem is filled. */
bool rpc_proxy_read(struct rpc_call *c, struct tl_str link, struct mt_proxy *ret);
void rpc_account_own_get(const struct rpc_account *a, struct rpc_account_own *ret);
/* A new engine with these. -TG_E_AGAIN: something is still on its way to the disk. */
int rpc_account_rebuild(struct rpc_account *a, const struct rpc_account_own *own) TL_MUST;
void rpc_account_free(struct rpc_account *a); /* its calls have been answered */
void rpc_account_look(struct rpc_account *a); /* its state is the engine's now */
/* Logged in, by what is told and by what has happened since. */
bool rpc_account_authorized(const struct rpc_account *a);
/* Requests other than this one use it. */
bool rpc_account_busy(const struct rpc_account *a, const struct rpc_call *but);
/* The rows of TG_TABLE_ACCOUNT that the daemon keeps. */
void rpc_account_save(const struct rpc_account *a, struct tg_batch *b);
void rpc_account_erase_settings(const struct rpc_account *a, struct tg_batch *b);
void rpc_account_erase(const struct rpc_account *a, struct tg_batch *b);

/* ---- engine.c: working on one ---- */
void rpc_account_touch(struct rpc_account *a); /* its engine may have something to say */
bool rpc_engine_turn(struct rpc_account *a);   /* true: more */
void rpc_engine_stored(struct rpc_account *a, struct rpc_commit *k);
/* A call of the engine for this request: body and method as of now; the answer goes to
 * c->answered. Takes the duty. */
struct rpc_result rpc_engine_call(struct rpc_call *c, unsigned method, int dc,
				  struct rpc_result (*answered)(struct rpc_call *c,
								const struct tg_event *e));
/* Answers by an engine's error. */
struct rpc_result rpc_engine_refuse(struct rpc_call *c, const struct tg_event *e);
void rpc_engine_list(struct rpc_call *c); /* waits for c->number */
void rpc_engine_unlist(struct rpc_call *c);

/* ---- waiters: requests that wait for a state ---- */
/* check answers the call when its time has come. */
struct rpc_result rpc_wait(struct rpc_call *c, void (*check)(struct rpc_call *c));
void rpc_waiters_check(struct rpc_daemon *d); /* something has changed */
void rpc_unwait(struct rpc_call *c);

/* ---- resolve.c ---- */
/* Resolves the peers among the arguments, over the network if need be, then proceeds. */
struct rpc_result rpc_peers_resolve(struct rpc_call *c);
/* A peer as a client writes it (or text) → what the store knows. -TG_E_AGAIN: the network is being
 * asked, rpc_peers_resolve will be called again; other errors: the problem is filled. */
int rpc_peer_value(struct rpc_call *c, const struct json_t *value, struct tl_str text,
		   const char *field, struct tg_peer *ret) TL_MUST;

/* ---- commits of the daemon's own ---- */
/* batch may be NULL. On an error the events stay the caller's. */
int rpc_commit(struct rpc_daemon *d, struct tg_batch *batch, struct rpc_event *events,
	       unsigned event_count) TL_MUST;
/* The same for a batch that deletes so many bytes of the journal. */
int rpc_commit_trim(struct rpc_daemon *d, struct tg_batch *batch, uint64_t trimmed) TL_MUST;
/* The call waits for the batch; stored answers it. */
struct rpc_result rpc_commit_call(struct rpc_call *c, struct tg_batch *batch,
				  struct rpc_result (*stored)(struct rpc_call *c));
struct rpc_result rpc_commit_wait(struct rpc_call *c, struct rpc_commit *commit,
				  struct rpc_result (*stored)(struct rpc_call *c));
/* Owns the batch, also when there is no memory (NULL) or no batch. */
struct rpc_commit *rpc_commit_new(struct tg_batch *batch);
void rpc_commit_free(struct rpc_commit *k);

#endif
