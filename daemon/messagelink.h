/* Links to messages: https://t.me/news/42, t.me/c/123/42. */
#ifndef DAEMON_MESSAGELINK_H
#define DAEMON_MESSAGELINK_H

#include "tl/tl.h"

/* ret_chat: the chat as the peer grammar wants it ("@news", "channel:123"), in the arena. */
bool rpc_message_link(struct tl_str text, struct tl_arena *arena, struct tl_str *ret_chat,
		      int64_t *ret_id) TL_MUST;

#endif
