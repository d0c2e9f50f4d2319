/* The section [acl] of the configuration: the most that a user may, by whatever socket he comes. It
 * takes from a socket's role and never adds to it. Owned by the configuration. */
#ifndef DAEMON_ACL_H
#define DAEMON_ACL_H

#include "daemon/method.h"

#include <sys/types.h>

#define RPC_SHUT_OUT (-1) /* the role none */

struct rpc_acl {
	struct rpc_acl *next;
	bool everybody; /* who has no row of his own */
	uid_t uid;
	int role; /* enum rpc_role, or RPC_SHUT_OUT */
};
/* Adds the line "who = role"; an error's reason in why. */
int rpc_acl_add(struct rpc_acl **list, const char *who, const char *role, char *why,
		size_t size) TL_MUST;
/* Are all users of the list seen as who they are? map: the text of /proc/self/uid_map. */
int rpc_acl_check(const struct rpc_acl *list, const char *map, char *why, size_t size) TL_MUST;
/* What it leaves of a socket's role to a user, or RPC_SHUT_OUT. */
int rpc_acl_role(const struct rpc_acl *list, uid_t uid, enum rpc_role socket);
void rpc_acl_free(struct rpc_acl *list);

#endif
