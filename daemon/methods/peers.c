/* Who is who. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/shape.h"

#include <stddef.h>

struct peer_args {
	struct rpc_peer_arg peer;
};
static const struct rpc_param peer_params[] = {
	{"peer", RPC_K_PEER, true, NULL, offsetof(struct peer_args, peer), NULL,
	 "any form of a peer"},
};

static const struct rpc_param name_params[] = {
	{"username", RPC_K_PEER, true, NULL, offsetof(struct peer_args, peer), NULL,
	 "\"@name\" or \"name\""},
};

/* The shape, and what raw calls want. */
static struct rpc_result write_peer(struct rpc_call *c, const struct tg_peer *p)
{
	struct tl_buf *b = rpc_begin(c);
	struct tl_obj *input = rpc_input_peer(&c->arena, p);

	rpc_shape_known(b, NULL, p);
	b->len--; /* one member more */
	rpc_js_key(b, "input_peer");
	if (!input || tl_obj_to_json(&tl_api, input, b) != 0)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result resolve_peer(struct rpc_call *c)
{
	const struct peer_args *a = c->args;

	return write_peer(c, &a->peer.peer);
}

const struct rpc_method rpc_methods_peers[] = {
	{.name = "resolve_peer",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = resolve_peer,
	 RPC_ROWS(peer_params, struct peer_args),
	 .doc = "What is known of a peer; asks Telegram when it must.",
	 .result = "chat or user, with \"input_peer\":object"},
	{.name = "resolve_to_input_peer", .alias_of = "resolve_peer", .doc = "The same."},
	{.name = "resolve_username",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = resolve_peer,
	 RPC_ROWS(name_params, struct peer_args),
	 .doc = "Who has a username.",
	 .result = "chat or user, with \"input_peer\":object"},
};
RPC_GROUP_COUNT(peers);
