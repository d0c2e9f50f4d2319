/* Any text as a configuration. The first byte chooses: a file; a command line (words end at NUL)
 * with an environment; or the PEM of a server's key. What is taken is a text that ends, within its
 * limits. */
#include "daemon/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 64

static void check(const struct rpc_config *c)
{
	need(c->socket_count <= RPC_MAX_CONFIG_SOCKETS && c->dc_count <= RPC_MAX_DCS);
	need(c->key_count <= RPC_MAX_KEYS && c->api_id >= 0 && c->socket_mode <= 0777);
	for (unsigned i = 0; i < c->dc_count; i++)
		need(c->dcs[i].dc > 0 && c->dcs[i].port && c->dcs[i].host[0]);
	for (unsigned i = 0; i < c->socket_count; i++)
		need(c->sockets[i].path[0]);
	need(strlen(c->state) < sizeof c->state && strlen(c->api_hash) < sizeof c->api_hash);
	for (const struct rpc_account_config *a = c->accounts; a; a = a->next)
		need(a->name[0] >= 'a' && a->name[0] <= 'z' && strlen(a->name) <= 32);
	for (const struct rpc_acl *a = c->acl; a; a = a->next)
		need(a->role >= RPC_SHUT_OUT && a->role <= RPC_ADMIN && (!a->everybody || !a->uid));
}

static void file(const char *text)
{
	struct rpc_config *c = calloc(1, sizeof *c);
	char why[200] = "";

	need(c != NULL);
	if (rpc_config_parse(c, "file", text, why, sizeof why) == 0)
		check(c);
	else
		need(why[0] && strlen(why) < sizeof why);
	rpc_config_free(c);
}

/* Words that begin with LAYERD_ are the environment, the others the command line. */
static void words(char *text, size_t n)
{
	char program[] = "layerd", state[] = "STATE_DIRECTORY=/nowhere", why[200] = "";
	char *argv[MAX_WORDS + 2] = {program}, *env[MAX_WORDS + 2] = {state};
	struct rpc_config *c = NULL;
	int argc = 1, envs = 1;

	for (size_t at = 0; at < n && argc + envs < MAX_WORDS; at += strlen(text + at) + 1) {
		if (strncmp(text + at, "LAYERD_", 7) == 0)
			env[envs++] = text + at;
		else
			argv[argc++] = text + at;
	}
	if (rpc_config_read(argc, argv, env, &c, why, sizeof why) == 0) {
		check(c);
		rpc_config_free(c);
	} else {
		need(!c && why[0]);
	}
}

static void key(const char *text, size_t n)
{
	struct mt_rsa rsa = {.e = 0};

	need((mt_rsa_from_pem(text, n, &rsa) == 0) == (rsa.e != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	need(text != NULL);
	if (n)
		memcpy(text, data, n);
	text[n] = '\0';
	if (n && data[0] == 'f')
		file(text + 1);
	else if (n && data[0] == 'w')
		words(text + 1, n - 1);
	else if (n && data[0] == 'k')
		key(text + 1, n - 1);
	free(text);
	return 0;
}
