/* layerd's main: configuration, one daemon, its exit code. */
#include "daemon/daemon.h"
#include "daemon/state.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int show(void (*write_text)(struct tl_buf *))
{
	struct tl_buf b = {0};

	write_text(&b);
	fwrite(b.data, 1, b.len, stdout);
	tl_buf_free(&b);
	return 0;
}

static void version(struct tl_buf *b)
{
	tl_put_text(b, "layerd " LAYERD_VERSION ", TL layer ");
	tl_js_int(b, tl_layer(&tl_api));
	tl_put_u8(b, '\n');
}

/* What clients say goes through jansson's memory, passwords with it. */
static void wiping_free(void *p)
{
	if (p)
		mt_wipe(p, malloc_usable_size(p));
	free(p);
}

static int check(const struct rpc_config *c, char *why, size_t size)
{
	int rc = rpc_config_check(c, why, size) != 0 ? RPC_EXIT_CONFIG
						     : rpc_state_check(c, why, size);

	if (rc) {
		fprintf(stderr, "layerd: %s\n", why);
		return rc;
	}
	if (c->no_file)
		printf("no configuration file; would be %s\n", c->file);
	else if (c->file[0])
		printf("configuration file: %s\n", c->file);
	puts("the configuration is fine");
	return 0;
}

int main(int argc, char **argv)
{
	struct rpc_config *config = NULL;
	struct rpc_daemon *d;
	char why[1024] = "out of memory";
	int rc;

	json_set_alloc_funcs(malloc, wiping_free);
	if (rpc_config_read(argc, argv, environ, &config, why, sizeof why) != 0) {
		fprintf(stderr, "layerd: %s\n", why);
		return RPC_EXIT_CONFIG;
	}
	if (config->help || config->version) {
		rc = show(config->help ? rpc_config_help : version);
		rpc_config_free(config);
		return rc;
	}
	prctl(PR_SET_DUMPABLE, 0);
	if (config->check_only) {
		rc = check(config, why, sizeof why);
		rpc_config_free(config);
		return rc;
	}
	if (config->rekey || config->restore_keys) {
		rc = (config->rekey ? rpc_state_rekey : rpc_state_restore)(config, why, sizeof why);
		fprintf(rc ? stderr : stdout, "%s%s\n", rc ? "layerd: " : "", why);
		rpc_config_free(config);
		return rc;
	}
	d = calloc(1, sizeof *d);
	if (!d)
		return 1;
	d->argc = argc;
	d->argv = argv;
	d->env = environ;
	rc = rpc_daemon_init(d, config, why, sizeof why);
	if (rc)
		fprintf(stderr, "layerd: %s\n", why);
	else
		rc = rpc_daemon_run(d);
	rpc_daemon_free(d);
	rpc_config_free(config);
	free(d);
	return rc;
}
