/* help and rpc.discover: the rows of all methods, and the schema's lines, as JSON. */
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/raw.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct help_args {
	struct tl_str name;
	bool raw;
};
static const struct rpc_param help_params[] = {
	{"name", RPC_K_STRING, false, NULL, offsetof(struct help_args, name), NULL,
	 "a method, a constructor, \"#1a2b3c4d\", an error of Telegram's, or \"errors\" for what "
	 "is done about each; left out: all own methods"},
	{"raw", RPC_K_BOOL, false, "false", offsetof(struct help_args, raw), NULL,
	 "the list with Telegram's methods, too"},
};

/* ---- own methods ----------------------------------------------------------------------------- */
static void write_params(struct tl_buf *b, const char *key, const struct rpc_param *rows,
			 unsigned count)
{
	rpc_js_open(b, key, '[');
	for (unsigned i = 0; i < count; i++) {
		const struct rpc_param *p = &rows[i];

		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "name", p->name);
		rpc_js_text(b, "type", rpc_kind_name(p->kind));
		rpc_js_bool(b, "required", p->required);
		rpc_js_text(b, "default", p->preset);
		rpc_js_text(b, "choices", p->choices);
		rpc_js_text(b, "doc", p->doc);
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, ']');
}

static void write_aliases(struct tl_buf *b, const char *name)
{
	bool open = false;

	for (const struct rpc_group *g = rpc_groups; g->rows; g++) {
		for (unsigned i = 0; i < *g->count; i++) {
			const struct rpc_method *m = &g->rows[i];

			if (!m->alias_of || strcmp(m->alias_of, name) != 0)
				continue;
			if (!open)
				rpc_js_open(b, "aliases", '[');
			open = true;
			rpc_js_text(b, NULL, m->name);
		}
	}
	if (open)
		rpc_js_close(b, ']');
}

static void write_method(struct tl_buf *b, const struct rpc_method *m)
{
	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "name", m->name);
	rpc_js_text(b, "role", rpc_role_name(m->role));
	rpc_js_text(b, "doc", m->doc);
	rpc_js_bool(b, "account", (m->flags & RPC_ACCOUNT) != 0);
	write_params(b, "params", m->params, m->param_count);
	write_params(b, "common_params", rpc_common_params, rpc_common_count);
	rpc_js_text(b, "result", m->result);
	write_aliases(b, m->name);
	rpc_js_close(b, '}');
}

static void write_list(struct tl_buf *b, bool raw)
{
	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "methods", '[');
	for (const struct rpc_group *g = rpc_groups; g->rows; g++) {
		for (unsigned i = 0; i < *g->count; i++) {
			const struct rpc_method *m = &g->rows[i];

			rpc_js_open(b, NULL, '{');
			rpc_js_text(b, "name", m->name);
			rpc_js_text(b, "group", g->name);
			rpc_js_text(b, "alias_of", m->alias_of);
			rpc_js_text(b, "role", m->alias_of ? NULL : rpc_role_name(m->role));
			rpc_js_text(b, "doc", m->doc);
			rpc_js_close(b, '}');
		}
	}
	for (unsigned i = 1; raw && i <= tl_ctor_count(&tl_api); i++) {
		if (!tl_is_method(&tl_api, i) || tl_is_service(&tl_api, i))
			continue;
		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "name", tl_name(&tl_api, i));
		rpc_js_text(b, "group", "telegram");
		rpc_js_text(b, "role", rpc_role_name(rpc_raw_role(tl_name(&tl_api, i))));
		rpc_js_close(b, '}');
	}
	tl_put_text(b, "]}");
}

/* ---- the schema's lines ---------------------------------------------------------------------- */
static void write_tl(struct tl_buf *b, unsigned ctor)
{
	struct tl_field_info f;
	struct tl_buf line = {0};
	bool method = tl_is_method(&tl_api, ctor);
	char id[12];

	snprintf(id, sizeof id, "#%08x", tl_id(&tl_api, ctor));
	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "name", tl_name(&tl_api, ctor));
	rpc_js_text(b, "kind", method ? "method" : "constructor");
	rpc_js_text(b, "id", id);
	rpc_js_text(b, "type", tl_type_name(&tl_api, ctor));
	if (tl_line(&tl_api, ctor, &line) == 0)
		rpc_js_str(b, "tl", (struct tl_str){(char *)line.data, (uint32_t)line.len});
	if (method && !tl_is_service(&tl_api, ctor))
		rpc_js_text(b, "role", rpc_role_name(rpc_raw_role(tl_name(&tl_api, ctor))));
	rpc_js_open(b, "params", '[');
	for (unsigned i = 0; tl_field_info(&tl_api, ctor, i, &f) == 0; i++) {
		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "name", f.name);
		rpc_js_text(b, "type", f.type);
		rpc_js_bool(b, "required", !f.optional);
		rpc_js_close(b, '}');
	}
	tl_put_text(b, "]}");
	tl_buf_free(&line);
}

static unsigned find_tl(struct tl_str name)
{
	uint32_t id = 0;

	if (!name.len || name.data[0] != '#' || name.len > 9)
		return tl_by_name(&tl_api, name);
	for (uint32_t i = 1; i < name.len; i++) {
		unsigned c = (unsigned char)name.data[i];

		if (c - '0' < 10)
			id = id << 4 | (c - '0');
		else if ((c | 0x20) - 'a' < 6)
			id = id << 4 | ((c | 0x20) - 'a' + 10);
		else
			return TL_NONE;
	}
	return tl_by_id(&tl_api, id);
}

/* ---- Telegram's errors ----------------------------------------------------------------------- */
static void write_error(struct tl_buf *b, struct tl_str name, const char *done)
{
	rpc_js_open(b, NULL, '{');
	rpc_js_str(b, "name", name);
	rpc_js_text(b, "kind", "error");
	rpc_js_text(b, "doc", done);
	rpc_js_close(b, '}');
}

static void write_errors(struct tl_buf *b)
{
	const char *name, *done;

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "errors", '[');
	for (unsigned i = 0; (name = tg_refusal_row(i, &done)); i++)
		write_error(b, tl_str(name), done);
	tl_put_text(b, "]}");
}

static struct rpc_result help(struct rpc_call *c)
{
	const struct help_args *a = c->args;
	const struct rpc_method *m;
	unsigned ctor;

	if (!a->name.data) {
		write_list(rpc_begin(c), a->raw);
		return rpc_end(c);
	}
	m = rpc_table_find(&c->d->table, a->name);
	if (m) {
		write_method(rpc_begin(c), m);
		return rpc_end(c);
	}
	if (tl_str_eq(a->name, "errors")) {
		write_errors(rpc_begin(c));
		return rpc_end(c);
	}
	ctor = find_tl(a->name);
	if (ctor == TL_NONE && tg_refusal_done(0, a->name)) {
		write_error(rpc_begin(c), a->name, tg_refusal_done(0, a->name));
		return rpc_end(c);
	}
	if (ctor == TL_NONE) {
		rpc_near_method(a->name, c->problem.hint, sizeof c->problem.hint);
		rpc_problem(c, -TG_E_INVALID_PARAMS, "name", "nothing is called that");
		return rpc_refuse(c);
	}
	write_tl(rpc_begin(c), ctor);
	return rpc_end(c);
}

/* ---- OpenRPC (spec.open-rpc.org) ------------------------------------------------------------- */
static void discover_params(struct tl_buf *b, const struct rpc_param *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const char *schema = rpc_kind_schema(rows[i].kind);

		rpc_js_open(b, NULL, '{');
		rpc_js_text(b, "name", rows[i].name);
		rpc_js_text(b, "description", rows[i].doc);
		rpc_js_bool(b, "required", rows[i].required);
		rpc_js_raw(b, "schema", schema, strlen(schema));
		rpc_js_close(b, '}');
	}
}

static void discover_method(struct tl_buf *b, const struct rpc_table *t, const struct rpc_method *m)
{
	const struct rpc_method *real = rpc_table_find(t, tl_str(m->name));

	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "name", m->name);
	rpc_js_text(b, "summary", real->doc);
	rpc_js_text(b, "paramStructure", "by-name");
	rpc_js_text(b, "x-role", rpc_role_name(real->role));
	rpc_js_open(b, "params", '[');
	discover_params(b, real->params, real->param_count);
	discover_params(b, rpc_common_params, rpc_common_count);
	rpc_js_close(b, ']');
	rpc_js_open(b, "result", '{');
	rpc_js_text(b, "name", "result");
	rpc_js_text(b, "description", real->result);
	rpc_js_raw(b, "schema", "{\"type\":\"object\"}", 17);
	tl_put_text(b, "}}");
}

static struct rpc_result discover(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_text(b, "openrpc", "1.2.6");
	rpc_js_open(b, "info", '{');
	rpc_js_text(b, "title", "layerd");
	rpc_js_text(b, "version", LAYERD_VERSION);
	rpc_js_text(b, "description",
		    "Every method of Telegram's API is callable by its own name, too; help "
		    "{\"name\":…} shows its parameters.");
	rpc_js_close(b, '}');
	rpc_js_open(b, "methods", '[');
	for (const struct rpc_group *g = rpc_groups; g->rows; g++)
		for (unsigned i = 0; i < *g->count; i++)
			discover_method(b, &c->d->table, &g->rows[i]);
	tl_put_text(b, "]}");
	return rpc_end(c);
}

const struct rpc_method rpc_methods_help[] = {
	{.name = "help",
	 .run = help,
	 RPC_ROWS(help_params, struct help_args),
	 .doc = "Lists the methods, or describes one, or a constructor of the schema.",
	 .result = "{\"methods\":[{\"name\":string,\"doc\":string}]} or "
		   "{\"name\":string,\"params\":[…],…}"},
	{.name = "rpc.discover",
	 .run = discover,
	 .doc = "All own methods as an OpenRPC document.",
	 .result = "{\"openrpc\":\"1.2.6\",\"info\":{…},\"methods\":[…]}"},
};
RPC_GROUP_COUNT(help);
