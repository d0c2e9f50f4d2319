/* Methods as data: rows with role, parameters and docs. help, rpc.discover, the checks and the
 * handlers' arguments all come from them. */
#ifndef DAEMON_METHOD_H
#define DAEMON_METHOD_H

#include "core/core.h"

struct rpc_call;
struct rpc_daemon;
struct json_t;

enum rpc_role { RPC_READ, RPC_SEND, RPC_ADMIN };
const char *rpc_role_name(enum rpc_role r);
int rpc_role_parse(const char *name, enum rpc_role *ret) TL_MUST;

/* What a handler returns. It can only be had by answering (rpc_end, rpc_fail, rpc_refuse) or by
 * taking the duty to answer later (rpc_later). */
struct rpc_result {
	const struct rpc_call *call; /* for comparing only: after an answer it is gone */
	bool later;
};

/* Kind of a parameter and the C type at its offset in the arguments. */
enum rpc_kind {
	RPC_K_STRING,   /* struct tl_str; absent: data NULL */
	RPC_K_INT,      /* int64_t; absent: RPC_NONE */
	RPC_K_BOOL,     /* bool; absent: false */
	RPC_K_DURATION, /* int64_t ns; absent: RPC_NONE */
	RPC_K_TIME,     /* int64_t Unix seconds; absent: RPC_NONE. RFC 3339 and "+10m", too */
	RPC_K_CHOICE,   /* int: place among the choices; absent: -1 */
	RPC_K_BYTES,    /* struct tl_str, decoded from base64; absent: data NULL */
	RPC_K_PEER,     /* struct rpc_peer_arg, resolved before the handler runs */
	RPC_K_USER,     /* the same; a user is wanted */
	RPC_K_MESSAGE,  /* int64_t id; a link also fills the peer of the row before; absent: 0 */
	RPC_K_OBJECT,   /* struct json_t *; absent: NULL */
	RPC_K_ARRAY,    /* struct json_t * */
	RPC_K_ANY,      /* struct json_t * */
	RPC_K_ACCOUNT,  /* struct tl_str: which one; an id has its digits */
};
#define RPC_NONE INT64_MIN
struct rpc_peer_arg {
	struct json_t *value; /* as given; borrowed from the parameters */
	struct tl_str text;   /* or from a message's link */
	struct tg_peer peer;  /* kind NONE: not given */
};

struct rpc_param {
	const char *name;
	enum rpc_kind kind;
	bool required;
	const char *preset; /* default as JSON, or NULL */
	size_t offset;
	const char *choices; /* "ready|online|idle" */
	const char *doc;
};

#define RPC_ACCOUNT 1u   /* works on an account */
#define RPC_LOGGED_IN 2u /* … that has logged in */
#define RPC_SENDS 4u     /* changes something: goes on when the client leaves, keeps its order */
#define RPC_KEYED 8u     /* takes idempotency_key */
#define RPC_RAW 16u      /* a Telegram method: parameters come from the schema */
#define RPC_WAITS 32u    /* may answer later: counts as in flight */
#define RPC_ANY_NAME 64u /* the account that is named may not be there */

struct rpc_method {
	const char *name;
	enum rpc_role role;
	unsigned flags;
	const struct rpc_param *params;
	unsigned param_count;
	size_t args_size;
	struct rpc_result (*run)(struct rpc_call *c);
	/* More to check once the parameters are read (fills the problem); more peers to find, which
	 * may answer -TG_E_AGAIN. Both may be NULL. */
	int (*prepare)(struct rpc_call *c);
	int (*peers)(struct rpc_call *c);
	const char *alias_of; /* this row is another name only */
	const char *doc;
	const char *result; /* shape, as JSON with ? for what may be absent */
};
#define RPC_ROWS(rows, args)                                                                       \
	.params = rows, .param_count = sizeof(rows) / sizeof(rows)[0], .args_size = sizeof(args)

/* The common parameters, which every method accepts. */
struct rpc_common {
	struct tl_str account;
	int64_t timeout; /* ns */
	int64_t flood_wait;
	struct json_t *progress, *fields_value;
	const struct tl_str *fields; /* dotted paths */
	unsigned field_count;
	struct tl_str idempotency_key;
};
extern const struct rpc_param rpc_common_params[];
extern const unsigned rpc_common_count;

/* The groups of methods; the list ends with rows NULL. */
struct rpc_group {
	const char *name;
	const struct rpc_method *rows;
	const unsigned *count;
};
extern const struct rpc_group rpc_groups[];

/* Own methods by name; aliases are followed. NULL: none. */
#define RPC_TABLE_SIZE 1024u
struct rpc_table {
	const struct rpc_method *slots[RPC_TABLE_SIZE];
};
void rpc_table_init(struct rpc_table *t);
const struct rpc_method *rpc_table_find(const struct rpc_table *t, struct tl_str name);
/* The role a Telegram method needs (RPC contract §10). */
enum rpc_role rpc_raw_role(const char *name);
/* The nearest own or Telegram method, or "". */
void rpc_near_method(struct tl_str name, char *out, size_t size);
/* The nearest of a method's parameters, common ones included, or "". */
void rpc_near_param(const struct rpc_method *m, struct tl_str name, char *out, size_t size);

/* Params (an object, or NULL) → the call's arguments and common parameters. On an error the call's
 * problem is filled. */
int rpc_params_read(struct rpc_call *c, struct json_t *params) TL_MUST;
int rpc_key_check(struct rpc_call *c) TL_MUST; /* is an idempotency_key of use here? */
/* Which account is meant, as text; an id as its digits, in the call's arena. */
int rpc_account_text(struct rpc_call *c, const char *field, const struct json_t *v,
		     struct tl_str *ret) TL_MUST;
/* A JSON integer or a decimal string, as RPC contract §4 takes them. */
bool rpc_json_int(const struct json_t *v, int64_t *ret) TL_MUST;
/* What a kind is called in help, and its JSON schema. */
const char *rpc_kind_name(enum rpc_kind k);
const char *rpc_kind_schema(enum rpc_kind k);

#endif
