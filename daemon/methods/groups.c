/* The groups of methods, in the order in which help lists them. */
#include "daemon/methods/groups.h"

const struct rpc_group rpc_groups[] = {
	{"daemon", rpc_methods_daemon, &rpc_methods_daemon_count},
	{"help", rpc_methods_help, &rpc_methods_help_count},
	{NULL, NULL, NULL},
};
