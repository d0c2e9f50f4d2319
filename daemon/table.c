/* The table of methods: groups of const rows, found by name. Filled once, owned by the daemon. */
#include "daemon/daemon.h"
#include "daemon/nearest.h"
#include "daemon/raw.h"

#include <stdio.h>
#include <string.h>

static const char *const roles[] = {
	[RPC_READ] = "read", [RPC_SEND] = "send", [RPC_ADMIN] = "admin"};

const char *rpc_role_name(enum rpc_role r)
{
	return roles[r];
}

int rpc_role_parse(const char *name, enum rpc_role *ret)
{
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(roles[i], name) == 0) {
			*ret = (enum rpc_role)i;
			return 0;
		}
	}
	return -TG_E_INVALID_PARAMS;
}

static unsigned hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 16777619u;
	return h % RPC_TABLE_SIZE;
}

static const struct rpc_method *find(const struct rpc_table *t, const char *name, size_t n)
{
	unsigned at = hash(name, n);

	for (; t->slots[at]; at = (at + 1) % RPC_TABLE_SIZE)
		if (strlen(t->slots[at]->name) == n && memcmp(t->slots[at]->name, name, n) == 0)
			return t->slots[at];
	return NULL;
}

void rpc_table_init(struct rpc_table *t)
{
	memset(t, 0, sizeof *t);
	for (const struct rpc_group *g = rpc_groups; g->rows; g++) {
		for (unsigned i = 0; i < *g->count; i++) {
			unsigned at = hash(g->rows[i].name, strlen(g->rows[i].name));

			while (t->slots[at])
				at = (at + 1) % RPC_TABLE_SIZE;
			t->slots[at] = &g->rows[i];
		}
	}
}

const struct rpc_method *rpc_table_find(const struct rpc_table *t, struct tl_str name)
{
	const struct rpc_method *m = find(t, name.data, name.len);

	return m && m->alias_of ? find(t, m->alias_of, strlen(m->alias_of)) : m;
}

/* Words of other programs, which no letters are near to. */
static const char *other_word(struct tl_str name)
{
	static const char *const words[][2] = {{"logout", "sign_out"},
					       {"log_out", "sign_out"},
					       {"shutdown", "stop"},
					       {"quit", "stop"},
					       {"exit", "stop"},
					       {"whoami", "get_me"},
					       {"accounts", "list_accounts"},
					       {"send", "send_message"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (tl_str_eq(name, words[i][0]))
			return words[i][1];
	return NULL;
}

void rpc_near_method(struct tl_str name, char *out, size_t size)
{
	struct rpc_nearest near = rpc_nearest(name);
	const char *other = other_word(name);

	for (const struct rpc_group *g = rpc_groups; g->rows; g++)
		for (unsigned i = 0; i < *g->count; i++)
			rpc_nearest_try(&near, g->rows[i].name);
	for (unsigned i = 1; i <= tl_ctor_count(&tl_api); i++)
		if (tl_is_method(&tl_api, i) && !tl_is_service(&tl_api, i))
			rpc_nearest_try(&near, tl_name(&tl_api, i));
	if (other || near.best)
		snprintf(out, size, "did you mean %s?", other ? other : near.best);
	else
		snprintf(out, size, "the method help lists all");
}

void rpc_near_param(const struct rpc_method *m, struct tl_str name, char *out, size_t size)
{
	struct rpc_nearest near = rpc_nearest(name);

	for (unsigned i = 0; i < m->param_count; i++)
		rpc_nearest_try(&near, m->params[i].name);
	for (unsigned i = 0; i < rpc_common_count; i++)
		rpc_nearest_try(&near, rpc_common_params[i].name);
	out[0] = '\0';
	if (near.best)
		snprintf(out, size, "did you mean %s?", near.best);
}
