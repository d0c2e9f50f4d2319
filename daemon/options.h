/* The options: one row each, used by flags, environment and file alike. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "daemon/config.h"

#define RPC_O_SECRET 1u  /* wiped from argv */
#define RPC_O_FLAG 2u    /* has no place in a file or the environment */
#define RPC_O_ACCOUNT 4u /* may stand in a section [account NAME], too */
struct rpc_option {
	const char *name;
	const char *value; /* what help shows; NULL: a switch, which may also say true or false */
	/* 0, or -TG_E_x with the reason in why. */
	int (*set)(struct rpc_config *c, const char *value, char *why, size_t size);
	const char *doc;
	unsigned flags;
};
extern const struct rpc_option rpc_options[];
extern const unsigned rpc_option_count;

/* One key of a section [account NAME]. */
int rpc_option_account(struct rpc_account_config *a, const char *key, const char *value, char *why,
		       size_t size) TL_MUST;
const struct rpc_option *rpc_option_find(const char *name);
/* The nearest of the options with all the flags with and none of without. */
void rpc_option_hint(const char *name, unsigned with, unsigned without, char *out, size_t size);
/* The first line of a file that holds a secret; its white space at the end is taken off. */
int rpc_secret_read(const char *path, char *out, size_t room, char *why, size_t size) TL_MUST;

#endif
