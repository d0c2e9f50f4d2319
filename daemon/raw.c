/* Telegram's own methods on the socket. */
#include "daemon/raw.h"

#include <string.h>

unsigned rpc_raw_find(struct tl_str name)
{
	unsigned i = tl_by_name(&tl_api, name);

	return i != TL_NONE && tl_is_method(&tl_api, i) && !tl_is_service(&tl_api, i) ? i : TL_NONE;
}

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

enum rpc_role rpc_raw_role(const char *name)
{
	static const char *const reading[] = {"get", "search", "resolve", "check"};
	const char *dot = strchr(name, '.'), *own = dot ? dot + 1 : name;

	if (begins(name, "help."))
		return RPC_READ;
	for (unsigned i = 0; i < sizeof reading / sizeof reading[0]; i++)
		if (begins(own, reading[i]))
			return RPC_READ;
	return begins(name, "messages.") || begins(name, "upload.") ? RPC_SEND : RPC_ADMIN;
}

static struct rpc_result run(struct rpc_call *c)
{
	return rpc_fail(c, -TG_E_OFFLINE, NULL);
}

const struct rpc_method rpc_raw_method = {
	.name = "telegram", .flags = RPC_RAW | RPC_WAITS | RPC_ACCOUNT, .run = run};
