/* The groups of methods, in the order in which help lists them. */
#include "daemon/methods/groups.h"

const struct rpc_group rpc_groups[] = {
	{"daemon", rpc_methods_daemon, &rpc_methods_daemon_count},
	{"help", rpc_methods_help, &rpc_methods_help_count},
	{"accounts", rpc_methods_accounts, &rpc_methods_accounts_count},
	{"accounts", rpc_methods_settings, &rpc_methods_settings_count},
	{"accounts", rpc_methods_network, &rpc_methods_network_count},
	{"login", rpc_methods_login, &rpc_methods_login_count},
	{"sessions", rpc_methods_string_session, &rpc_methods_string_session_count},
	{"sessions", rpc_methods_sessions, &rpc_methods_sessions_count},
	{"updates", rpc_methods_updates, &rpc_methods_updates_count},
	{"consumers", rpc_methods_consumers, &rpc_methods_consumers_count},
	{"tl", rpc_methods_tl, &rpc_methods_tl_count},
	{"messages", rpc_methods_messages, &rpc_methods_messages_count},
	{"dialogs", rpc_methods_dialogs, &rpc_methods_dialogs_count},
	{"peers", rpc_methods_peers, &rpc_methods_peers_count},
	{NULL, NULL, NULL},
};
