/* [acl]: what it takes, what it leaves of a socket's role, and where it cannot be trusted. */
#include "daemon/acl.h"
#include "tests/harness.h"

static char why[300];

static bool added(struct rpc_acl **list, const char *who, const char *role)
{
	why[0] = '\0';
	return rpc_acl_add(list, who, role, why, sizeof why) == 0;
}

TEST(a_list_takes_and_never_gives)
{
	static const int roles[] = {RPC_SHUT_OUT, RPC_READ, RPC_SEND, RPC_ADMIN};
	static const char *const names[] = {"none", "read", "send", "admin"};

	for (int socket = RPC_READ; socket <= RPC_ADMIN; socket++) {
		CHECK_INT(rpc_acl_role(NULL, 7, (enum rpc_role)socket), socket);
		for (int own = 0; own < 4; own++) {
			for (int others = 0; others < 4; others++) {
				struct rpc_acl *l = NULL;

				/* the order of the lines makes no difference */
				CHECK(added(&l, own % 2 ? "*" : "1000",
					    names[own % 2 ? others : own]));
				CHECK_INT(rpc_acl_role(l, own % 2 ? 1000 : 1001,
						       (enum rpc_role)socket),
					  own % 2 && roles[others] < socket ? roles[others]
									    : socket);
				CHECK(added(&l, own % 2 ? "1000" : "*",
					    names[own % 2 ? own : others]));
				CHECK_INT(rpc_acl_role(l, 1000, (enum rpc_role)socket),
					  roles[own] < socket ? roles[own] : socket);
				CHECK_INT(rpc_acl_role(l, 1001, (enum rpc_role)socket),
					  roles[others] < socket ? roles[others] : socket);
				rpc_acl_free(l);
			}
		}
	}
}

TEST(lines_are_taken_or_say_what_is_wrong)
{
	struct rpc_acl *l = NULL;

	CHECK(added(&l, "root", "admin") && added(&l, "4294967294", "none"));
	CHECK(!added(&l, "0", "read") && strstr(why, "has a line already"));
	CHECK(!added(&l, "root", "read") && strstr(why, "has a line already"));
	CHECK(added(&l, "*", "read"));
	CHECK(!added(&l, "*", "read") && strstr(why, "has a line already"));
	CHECK(!added(&l, "no-such-user", "read") && strstr(why, "no such user here"));
	CHECK(!added(&l, "", "read") && strstr(why, "no such user here"));
	CHECK(!added(&l, "4294967295", "read") && strstr(why, "no such user here"));
	CHECK(!added(&l, "99999999999999999999", "read") && strstr(why, "no such user here"));
	CHECK(!added(&l, "-1", "read") && strstr(why, "no such user here"));
	CHECK(!added(&l, "5", "write") && strstr(why, "read, send, admin or none"));
	CHECK(!added(&l, "5", "") && strstr(why, "read, send, admin or none"));
	rpc_acl_free(l);
}

static bool trusted(const struct rpc_acl *l, const char *map)
{
	why[0] = '\0';
	return rpc_acl_check(l, map, why, sizeof why) == 0;
}

TEST(where_users_are_not_seen_no_list_is_taken)
{
	static const char whole[] = "         0          0 4294967295\n",
			  own[] = "0 0 1\n64990 64990 1\n", one[] = "1000 1000 1\n",
			  identity[] = "0 0 65536\n", parts[] = "1 100000 65536\n0 1000 1\n",
			  gap[] = "0 0 1000\n1001 1001 70000\n";
	struct rpc_acl *l = NULL;

	CHECK(trusted(NULL, own) && trusted(NULL, ""));
	CHECK(added(&l, "1000", "send") && added(&l, "*", "none"));
	CHECK(trusted(l, whole) && trusted(l, identity) && trusted(l, parts));
	CHECK(!trusted(l, own) && strstr(why, "PrivateUsers=no") && strstr(why, "three sockets"));
	CHECK(!trusted(l, one) && !trusted(l, "") && !trusted(l, gap) && !trusted(l, "nonsense"));
	CHECK(added(&l, "100000", "read"));
	CHECK(trusted(l, whole) && !trusted(l, identity) && strstr(why, "uid 100000"));
	rpc_acl_free(l);
	/* nobody stands for all who are not mapped, unless all are */
	l = NULL;
	CHECK(added(&l, "65534", "admin") && trusted(l, whole));
	CHECK(!trusted(l, identity) && strstr(why, "uid 65534"));
	rpc_acl_free(l);
}
