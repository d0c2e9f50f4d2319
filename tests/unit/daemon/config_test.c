/* Configuration: precedence, errors that say where and what to do, and every option's bad values.
 */
#include "daemon/config.h"
#include "tests/harness.h"

#include <unistd.h>

static char why[512];

static struct rpc_config *read_with(const char *file, const char *env_line, const char *flag)
{
	char path[128], home[100];
	char name[] = "layerd", option[] = "--config";
	char *argv[] = {name, option, path, NULL, NULL};
	char *env[] = {home, (char *)(uintptr_t)env_line, NULL};
	struct rpc_config *c = NULL;
	char flag_copy[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/conf", test_dir());
	snprintf(home, sizeof home, "HOME=%s", test_dir());
	f = fopen(path, "w");
	fputs(file, f);
	fclose(f);
	if (flag) {
		snprintf(flag_copy, sizeof flag_copy, "%s", flag);
		argv[3] = flag_copy;
	}
	if (rpc_config_read(flag ? 4 : 3, argv, env, &c, why, sizeof why) != 0)
		return NULL;
	return c;
}

static void refused(const char *file, const char *part)
{
	struct rpc_config *c = read_with(file, NULL, NULL);

	if (c || !strstr(why, part))
		test_fail(__FILE__, __LINE__, "%s: says %s, want %s", file, c ? "(taken)" : why,
			  part);
}

TEST(file_environment_flag)
{
	struct rpc_config *c = read_with("# first\napi-id 1\nlog-level = \"debug\"\nstore=memory\n",
					 "LAYERD_API_ID=2", "--api-id=3");

	CHECK(c);
	CHECK_INT(c->api_id, 3);
	CHECK_INT(c->log_level, RPC_DEBUG);
	CHECK(c->memory);
	rpc_config_free(c);
	c = read_with("api-id 1\n", "LAYERD_API_ID=2", NULL);
	CHECK(c && c->api_id == 2);
	rpc_config_free(c);
	c = read_with("socket /a\nsocket /b,read\n", NULL, "--socket=/c,admin");
	CHECK(c && c->socket_count == 1);
	CHECK_STR(c->sockets[0].path, "/c");
	CHECK_INT(c->sockets[0].role, 2);
	rpc_config_free(c);
	c = read_with("test\ncatch-up no\n", NULL, "--no-test");
	CHECK(c && !c->test && !c->catch_up);
	rpc_config_free(c);
}

TEST(errors_say_where)
{
	refused("api-id 1\napi-hsh x\n", "conf:2: unknown option api-hsh; did you mean api-hash?");
	refused("api-id x\n", "conf:1: api-id: a number is wanted, from my.telegram.org");
	refused("\n\napi-id\n", "conf:3: api-id wants N");
	refused("api-hash abc\n", "32 hexadecimal digits");
	refused("socket-mode 0999\n", "octal");
	refused("dc 2=127.0.0.1\n", "ID=HOST:PORT");
	refused("dc =1:2\n", "ID=HOST:PORT");
	refused("dc 2=[::1]:99999\n", "ID=HOST:PORT");
	refused("dc 2=[1.2.3.4]:443\n", "IPv6 in brackets");
	refused("dc 2=[localhost]:443\n", "IPv6 in brackets");
	refused("rsa-key /nowhere\n", "No such file");
	refused("transport carrier-pigeon\n", "padded or full");
	refused("log-level loud\n", "error, warning");
	refused("store sqlite\n", "lmdb or memory");
	refused("proxy socks5://1.2.3.4\n", "proxy: the port is missing");
	refused("proxy\n", "proxy");
	refused("[account a]\nproxy tg://proxy?server=a&port=1\n", "the secret is missing");
	refused("help\n", "unknown option help; layerd --help lists all");
	refused("broken\n", "unknown option broken; layerd --help lists all");
	refused("[acount main]\n", "[account NAME]");
	refused("[account Main]\n", "a-z");
	refused("[account main]\ntokenfile x\n", "did you mean token-file?");
	refused("[account main]\ncatch-up maybe\n", "true or false");
	refused("[account main]\nstate /x\n", "unknown key state of an account");
	refused("[account main]\napi-id\n", "N is wanted");
	refused("[acl]\nroot = admin\nno-such-user = read\n",
		"conf:3: [acl]: no-such-user: no such user here");
	refused("[acl]\nroot = amdin\n", "conf:2: [acl]: root: the role is read, send");
	refused("[acl]\n5\n", "conf:2: [acl]: 5: the role is read, send");
	refused("[acl]\n0 none\n[account a]\n[acl]\nroot read\n", "conf:5: [acl]: root: this user");
	refused("[acl]\nlog-level = debug\n", "conf:2: [acl]: log-level: no such user here");
	refused("[acl alice]\n", "a section is [account NAME] or [acl]");
	CHECK(!read_with("", "LAYERD_LOG_LEVEL=loud", NULL));
	CHECK(strstr(why, "LAYERD_LOG_LEVEL"));
	CHECK(!read_with("", NULL, "--aip-id=3"));
	CHECK(strstr(why, "did you mean api-id?"));
	CHECK(!read_with("", NULL, "stray"));
	CHECK(strstr(why, "stray: no such argument"));
}

TEST(accounts_and_addresses)
{
	struct rpc_config *c = read_with("dc 2=127.0.0.1:4432\ndc 3=[::1]:443\n[account main]\n"
					 "token-file /t\n[account b]\ncatch-up false\n"
					 "[account main]\nfirst-dc 4\napi-id 7\npfs\n"
					 "device-model Toaster\n",
					 NULL, NULL);
	const struct rpc_account_config *main_, *b;

	CHECK(c && c->dc_count == 2);
	CHECK_STR(c->dcs[0].host, "127.0.0.1");
	CHECK_INT(c->dcs[0].port, 4432);
	CHECK(!c->dcs[0].ipv6 && c->dcs[1].ipv6);
	CHECK_STR(c->dcs[1].host, "::1");
	CHECK_STR(c->accounts->name, "main");
	CHECK_STR(c->accounts->token_file, "/t");
	main_ = c->accounts;
	b = main_->next;
	CHECK(!b->next);
	CHECK_INT(rpc_config_for(c, main_, "first-dc")->first_dc, 4);
	CHECK_INT(rpc_config_for(c, main_, "api-id")->api_id, 7);
	CHECK(rpc_config_for(c, main_, "pfs")->pfs);
	CHECK_STR(rpc_config_for(c, main_, "device-model")->device_model, "Toaster");
	CHECK(rpc_config_for(c, main_, "catch-up") == c && c->catch_up);
	CHECK(!rpc_config_for(c, b, "catch-up")->catch_up);
	CHECK(rpc_config_for(c, b, "api-id") == c && rpc_config_for(c, NULL, "api-id") == c);
	rpc_config_free(c);
}

TEST(users)
{
	struct rpc_config *c = calloc(1, sizeof *c);

	CHECK(c && rpc_config_parse(c, "file",
				    "[acl]\n1000 = send\n* none\n[account a]\npfs\n[acl]\n"
				    "root=admin\n",
				    why, sizeof why) == 0);
	CHECK(c->acl && !c->pfs);
	CHECK_INT(rpc_acl_role(c->acl, 1000, RPC_ADMIN), RPC_SEND);
	CHECK_INT(rpc_acl_role(c->acl, 0, RPC_ADMIN), RPC_ADMIN);
	CHECK_INT(rpc_acl_role(c->acl, 1001, RPC_ADMIN), RPC_SHUT_OUT);
	rpc_config_free(c);
}

/* Cut anywhere, a file is taken or refused, never more. */
TEST(every_cut)
{
	static const char text[] = "api-id 1\nsocket /x,read\n[account a]\ntoken-file = "
				   "\"t\"\n[acl]\n0 = read\n* none\n";
	char cut[sizeof text];

	for (size_t n = 0; n < sizeof text; n++) {
		struct rpc_config *c;

		memcpy(cut, text, n);
		cut[n] = '\0';
		c = read_with(cut, NULL, NULL);
		CHECK(c || why[0]);
		rpc_config_free(c);
	}
}
