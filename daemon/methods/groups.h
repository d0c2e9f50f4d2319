/* Each file of methods/ gives its rows. */
#ifndef DAEMON_METHODS_GROUPS_H
#define DAEMON_METHODS_GROUPS_H

#include "daemon/method.h"

#define RPC_GROUP(name)                                                                            \
	extern const struct rpc_method rpc_methods_##name[];                                       \
	extern const unsigned rpc_methods_##name##_count;
#define RPC_GROUP_COUNT(name)                                                                      \
	const unsigned rpc_methods_##name##_count =                                                \
		sizeof rpc_methods_##name / sizeof rpc_methods_##name[0]

RPC_GROUP(daemon)
RPC_GROUP(help)
RPC_GROUP(accounts)
RPC_GROUP(login)
RPC_GROUP(network)
RPC_GROUP(sessions)
RPC_GROUP(updates)
RPC_GROUP(consumers)
RPC_GROUP(tl)
RPC_GROUP(messages)
RPC_GROUP(peers)
RPC_GROUP(settings)
RPC_GROUP(dialogs)
RPC_GROUP(string_session)

#endif
