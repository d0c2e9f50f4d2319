/* The friendly shapes (RPC contract §6a), written straight from decoded TL. Chats and users come
 * from what the account knows: core learns them before anybody asks. */
#ifndef DAEMON_SHAPE_H
#define DAEMON_SHAPE_H

#include "core/core.h"

struct rpc_account;

/* What is known of a peer, at least its kind and id. */
void rpc_known_peer(struct rpc_account *a, enum tg_peer_kind kind, int64_t id, struct tg_peer *ret);
/* key NULL = an array's element or a whole result. */
void rpc_shape_known(struct tl_buf *b, const char *key, const struct tg_peer *p);
void rpc_shape_id(struct tl_buf *b, const char *key, struct rpc_account *a, enum tg_peer_kind kind,
		  int64_t id);
void rpc_shape_peer(struct tl_buf *b, const char *key, struct rpc_account *a,
		    const struct tl_obj *peer); /* a TL Peer; NULL: nothing */
void rpc_shape_user(struct tl_buf *b, const char *key, const struct tl_obj *user);
void rpc_shape_message(struct tl_buf *b, const char *key, struct rpc_account *a,
		       const struct tl_obj *message);
/* media, and photo or document beside it; nothing for NULL. */
void rpc_shape_media(struct tl_buf *b, const struct tl_obj *media);
/* {"type":…, and the object's members as the schema has them}; prefix as for rpc_snake. */
void rpc_shape_typed(struct tl_buf *b, const char *key, const struct tl_obj *o, const char *prefix);
void rpc_shape_reactions(struct tl_buf *b, const char *key, const struct tl_vec *reactions);
/* Bytes as text when they are UTF-8 (key), and always as base64 (key64). */
void rpc_shape_bytes(struct tl_buf *b, const char *key, const char *key64, struct tl_str bytes);
/* messageEntityTextUrl, messageEntity → "text_url". */
void rpc_snake(struct tl_buf *b, const char *key, unsigned ctor, const char *prefix,
	       const char *suffix);
/* Marked ids of a message's chat and sender; 0 = none. */
struct rpc_message_head {
	int64_t chat, from;
	int32_t date;
	bool has_date, out;
	struct tl_str text;
};
struct rpc_message_head rpc_message_head(const struct rpc_account *a, const struct tl_obj *message);
int64_t rpc_marked(const struct tl_obj *peer);
/* An InputPeer or InputUser, in the arena; NULL: no memory. */
struct tl_obj *rpc_input_peer(struct tl_arena *arena, const struct tg_peer *p);
/* The chat of the message where a min peer was seen (core.telegram.org/api/min). */
struct tg_peer rpc_seen_chat(const struct tg_peer *p);
struct tl_obj *rpc_input_user(struct tl_arena *arena, const struct tg_peer *p);

#endif
