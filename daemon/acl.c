/* Rows of [acl]: reading, checking, asking. */
#include "daemon/acl.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_IDS 4294967295u /* the last one is no id */
#define NOBODY 65534u       /* what a user namespace shows for those whom it does not map */
#define FOREIGN 65536u      /* ids of a machine's users lie below */

static int bad(char *why, size_t size, const char *who, const char *text)
{
	snprintf(why, size, "%.40s%s", who, text);
	return -TG_E_INVALID_PARAMS;
}

/* ---- reading --------------------------------------------------------------------------------- */
/* A number is an id, whether somebody has it or not; a name is looked up now. */
static bool find_uid(const char *who, uid_t *ret)
{
	const struct passwd *user;
	char *end;
	unsigned long n;

	if (who[strspn(who, "0123456789")]) {
		user = getpwnam(who);
		if (user)
			*ret = user->pw_uid;
		return user;
	}
	errno = 0;
	n = strtoul(who, &end, 10);
	*ret = (uid_t)n;
	return !errno && end != who && n < ALL_IDS;
}

int rpc_acl_add(struct rpc_acl **list, const char *who, const char *role, char *why, size_t size)
{
	struct rpc_acl row = {.everybody = strcmp(who, "*") == 0}, **end = list;
	enum rpc_role r;

	if (!row.everybody && !find_uid(who, &row.uid))
		return bad(why, size, who, ": no such user here; a name, a uid or * is wanted");
	row.role = RPC_SHUT_OUT;
	if (rpc_role_parse(role, &r) == 0)
		row.role = (int)r;
	else if (strcmp(role, "none") != 0)
		return bad(why, size, who, ": the role is read, send, admin or none");
	for (; *end; end = &(*end)->next)
		if ((*end)->everybody == row.everybody && (*end)->uid == row.uid)
			return bad(why, size, who, ": this user has a line already; keep one");
	*end = malloc(sizeof row);
	if (!*end)
		return -TG_E_NOMEM;
	**end = row;
	return 0;
}

void rpc_acl_free(struct rpc_acl *list)
{
	while (list) {
		struct rpc_acl *next = list->next;

		free(list);
		list = next;
	}
}

/* ---- checking -------------------------------------------------------------------------------- */
/* The ids 0 to n - 1 are mapped, n is not; lines are "first outside count". */
static unsigned long mapped(const char *map)
{
	unsigned long n = 0, first, outside, count;
	int used;

	for (const char *p = map; sscanf(p, "%lu %lu %lu%n", &first, &outside, &count, &used) == 3;
	     p += used) {
		if (first <= n && n - first < count) {
			n = first + count;
			p = map;
			used = 0;
		}
	}
	return n;
}

int rpc_acl_check(const struct rpc_acl *list, const char *map, char *why, size_t size)
{
	unsigned long n = mapped(map);

	if (list && n < FOREIGN) {
		snprintf(why, size,
			 "[acl]: this user namespace does not show who other users are "
			 "(PrivateUsers=yes of the unit?): set PrivateUsers=no in a drop-in, or "
			 "take [acl] out and give roles by the three sockets");
		return -TG_E_INVALID_PARAMS;
	}
	for (; list; list = list->next) {
		if (list->everybody || (list->uid < n && (list->uid != NOBODY || n >= ALL_IDS)))
			continue;
		snprintf(
			why, size,
			"[acl]: uid %lu cannot be told from others in this user namespace: take it "
			"out, or set PrivateUsers=no in a drop-in of the unit",
			(unsigned long)list->uid);
		return -TG_E_INVALID_PARAMS;
	}
	return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */
int rpc_acl_role(const struct rpc_acl *list, uid_t uid, enum rpc_role socket)
{
	int role = (int)socket;

	for (; list; list = list->next) {
		if (!list->everybody && list->uid == uid)
			return list->role < (int)socket ? list->role : (int)socket;
		if (list->everybody && list->role < role)
			role = list->role;
	}
	return role;
}
