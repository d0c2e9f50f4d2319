/* The sandbox's inner contract: net (sockets, handshake, sessions, layers, faults of the wire)
 * below, world (accounts, chats, messages, files, RPCs, control socket, actors, oracle) above. One
 * thread, one libev loop. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "proto/proto.h"
#include "tl_schema.h"

struct ev_loop;
struct sb_call;
struct sb_keep;
struct sb_key;
struct json_t;

struct sandbox {
	struct ev_loop *loop;
	struct sb_net *net;
	struct sb_world *world;
	uint64_t seed;
	int64_t skew; /* seconds added to the clock that clients see (fault "skew", advance) */
	int dc_count;
	int log_level;
	struct sb_keep *keep; /* --data, or NULL */
	int64_t frozen;       /* the clock while a kept input is executed; 0 = it runs */
};
int64_t sb_now(const struct sandbox *s); /* Unix ns, skew included */
uint64_t sb_rand(struct sandbox *s);     /* repeatable with --seed */

/* ---- net: what the world may use
 * ------------------------------------------------------------------- */
extern const uint8_t sb_dh_prime[256]; /* the well-known safe prime; also of the password check */
/* An authorisation: one permanent auth key of one client. Several sessions and connections may use
 * it. */
struct sb_auth {
	struct mt_key key;
	int dc;
	int layer;       /* last invokeWithLayer; 0 before */
	int64_t user_id; /* bare; 0 before the login. The world sets it. */
	uint64_t hash;   /* of the authorisation, for account.getAuthorizations */
	int64_t created, active;
	bool revoked; /* answers 401 SESSION_REVOKED from now on; the world sets it */
	int api_id;
	char device[64], app[64], ip[46];
	void *world; /* the world's */
	struct sb_auth *next;
};
struct sb_auth *sb_auths(struct sb_net *n); /* list of all */
void sb_auth_drop(struct sb_net *n,
		  struct sb_auth *a); /* forget the key: -404 from now on, closes connections */

/* One RPC being answered. It may be answered at once or later; exactly once. The arena lives as
 * long. */
struct sb_call {
	struct sandbox *s;
	struct sb_auth *auth;
	struct tl_arena *arena;
	const struct tl_obj *request; /* innermost method, decoded into the structs of tl_api (older
					 layers too) */
	uint64_t msg_id, session;
	int layer;
	bool no_updates; /* invokeWithoutUpdates */
	void *priv;      /* net's */
};
void sb_reply(struct sb_call *c,
	      const struct tl_obj *answer); /* encoded for the caller's layer, gzipped when large */
void sb_reply_vector(struct sb_call *c, unsigned method,
		     const struct tl_vec *v); /* methods of type Vector<…> */
void sb_reply_bool(struct sb_call *c, bool v);
void sb_reply_error(struct sb_call *c, int code, const char *text); /* "FLOOD_WAIT_3" */
/* Sends an Updates object to every session of this authorisation that takes updates, except one (0
 * = none). */
void sb_push(struct sandbox *s, struct sb_auth *a, const struct tl_obj *updates,
	     uint64_t except_session);
struct sb_address {
	int dc;
	char host[64];
	uint16_t port;
	bool ipv6;
};
#define SB_PEM 800 /* room for an RSA key as text */
#define SB_CDN 203 /* number of the data centre that caches files */
/* Its RSA key as PEM; false: there is no such data centre. */
bool sb_net_cdn_key(const struct sb_net *n, char out[SB_PEM]);
const struct sb_address *sb_net_addresses(struct sb_net *n, unsigned *ret_count);
/* Faults of the wire and session (drop delay duplicate reorder cut corrupt bad_salt bad_msg skew
 * stall forget_key unknown_constructor bomb): the world's control socket hands them here as JSON; 0
 * or an error text. */
const char *sb_net_fault(struct sb_net *n, const struct json_t *params, uint64_t *ret_fault);
uint64_t sb_net_clear_fault(struct sb_net *n, uint64_t fault); /* 0 = all */
uint64_t sb_net_fault_hits(const struct sb_net *n);
void sb_net_cut(struct sb_net *n,
		int dc); /* closes every connection of a DC (0: all); restart_dc */
struct json_t *sb_net_stats(struct sb_net *n);
struct json_t *sb_net_doors(struct sb_net *n); /* of proxies: kind, link, figures */

/* ---- keep.c: the world over restarts; without --data all of these do nothing ---- */
bool sb_keep_open(struct sandbox *s, const char *dir);
void sb_keep_close(struct sandbox *s);
void sb_keep_world(struct sandbox *s); /* it begins, and ends its beginning with sb_keep_end */
void sb_keep_play(struct sandbox *s);  /* what an earlier life was told */
/* Before an input is executed; sb_keep_end after calls, control requests and timers. */
void sb_keep_key(struct sandbox *s, const struct sb_key *k, const char *ip);
void sb_keep_bind(struct sandbox *s, const struct sb_key *temp, const struct sb_key *permanent);
void sb_keep_drop(struct sandbox *s, const struct sb_key *k);
void sb_keep_call(struct sandbox *s, const struct sb_call *c);
void sb_keep_control(struct sandbox *s, const char *name, const struct json_t *params);
void sb_keep_timer(struct sandbox *s, uint64_t number);
void sb_keep_end(struct sandbox *s);
bool sb_keep_playing(const struct sandbox *s);
/* The same again. */
void sb_rpc_play(struct sb_net *n, struct sb_auth *a, uint64_t session, int layer, bool no_updates,
		 const uint8_t *body, size_t size);
bool sb_control_play(struct sb_world *w, const char *name, struct json_t *params);
void sb_timer_play(struct sb_world *w, uint64_t number);
void sb_timers_start(struct sb_world *w); /* those that are still to fire */

/* ---- world: what net calls
 * ---------------------------------------------------------------------------- */
struct sb_world *sb_world_new(struct sandbox *s,
			      const char *control_path); /* actors, control socket */
void sb_world_free(struct sb_world *w);
/* Takes a dead box's control socket away; false, and said why, when something else lies there. */
bool sb_control_clear(const char *path);
/* Every RPC after unwrapping; logs it, applies rpc_error/flood_wait/migrate faults, checks the
 * login, answers. */
void sb_world_call(struct sb_world *w, struct sb_call *c);
void sb_world_execute(struct sb_world *w, struct sb_call *c); /* without log and faults */
/* A query whose constructor is unknown in that layer: 400 INPUT_METHOD_INVALID_… (net answers and
 * tells). */
void sb_world_unknown(struct sb_world *w, struct sb_auth *a, uint32_t id);
/* A session of this authorisation appeared or lost its last connection. */
void sb_world_online(struct sb_world *w, struct sb_auth *a, bool online);
/* Before an authorisation is freed, whoever dropped it. */
void sb_world_auth_gone(struct sb_world *w, struct sb_auth *a);

#endif
