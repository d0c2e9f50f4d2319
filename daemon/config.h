/* Settings: flags over environment (LAYERD_*) over file, one table of rows for all three. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "core/core.h"
#include "daemon/acl.h"
#include "daemon/log.h"

#define RPC_MAX_DCS 32
#define RPC_MAX_KEYS 8
#define RPC_MAX_CONFIG_SOCKETS 8

struct rpc_journal_limits { /* how much is kept */
	int64_t age;        /* s */
	uint64_t bytes;
};
struct rpc_config {
	char file[256]; /* "" = none */
	bool no_file;   /* it is not there, and need not be */
	struct {
		char path[108];
		int role; /* -1 = by name and mode */
	} sockets[RPC_MAX_CONFIG_SOCKETS];
	unsigned socket_count;
	unsigned socket_mode;
	bool socket_mode_set;
	char socket_group[64];
	char session_file[300];
	char *session; /* text, from the environment or a credential; or NULL */
	char state[256];
	bool memory;
	int encryption;                        /* enum tg_seal_mode; -1: all when there is a key */
	char key_file[300], old_key_file[300]; /* "" = none */
	bool rekey, restore_keys;
	struct rpc_journal_limits journal;
	int api_id;
	char api_hash[40];
	bool test, catch_up;
	struct mt_address dcs[RPC_MAX_DCS];
	unsigned dc_count;
	int first_dc;
	struct mt_rsa keys[RPC_MAX_KEYS];
	unsigned key_count;
	struct mt_proxy proxy; /* kind NONE: direct */
	bool pfs;
	enum tg_ipv6 ipv6;
	struct mt_transport transport;
	enum rpc_level log_level;
	char device_model[64], system_version[64], app_version[64], system_lang_code[16],
		lang_pack[16], lang_code[16];
	bool check_only, help, version;
	unsigned rank, socket_rank, dc_rank, key_rank; /* a list of a higher source replaces */
	struct rpc_account_config *accounts;
	struct rpc_acl *acl;
};
/* A section [account NAME]: what it sets of the options that an account can have for itself. */
struct rpc_account_config {
	struct rpc_account_config *next;
	char name[33];
	char token_file[256]; /* bot token to log in with when signed out */
	uint64_t set;         /* bits: places of the options that own holds */
	struct rpc_config own;
};
/* Where an account's value of an option stands: in its section (NULL: none), else in c. */
const struct rpc_config *rpc_config_for(const struct rpc_config *c,
					const struct rpc_account_config *section,
					const char *option);
/* Reads argv, the environment and the file. On an error: text says where and what to do. */
int rpc_config_read(int argc, char **argv, char **env, struct rpc_config **ret, char *why,
		    size_t size) TL_MUST;
/* The text of a file as rpc_config_read would take it; name is for error texts. */
int rpc_config_parse(struct rpc_config *c, const char *name, const char *text, char *why,
		     size_t size) TL_MUST;
/* What can be told of groups and files without opening anything; warns of files on stderr. */
int rpc_config_check(const struct rpc_config *c, char *why, size_t size) TL_MUST;
int rpc_config_check_group(const struct rpc_config *c, char *why, size_t size) TL_MUST;
void rpc_config_free(struct rpc_config *c); /* wipes */
void rpc_config_help(struct tl_buf *out);

#endif
