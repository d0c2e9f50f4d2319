/* Parameters: JSON members checked against rows, put into the handler's arguments. Strings are
 * borrowed from the parsed JSON, which lives as long as the call. */
#include "daemon/daemon.h"
#include "daemon/messagelink.h"
#include "daemon/timetext.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(kind) offsetof(struct rpc_common, kind)

const struct rpc_param rpc_common_params[] = {
	{"account", RPC_K_ACCOUNT, false, NULL, AT(account), NULL,
	 "alias, user id, +phone or @username; else the connection's default, else the only one"},
	{"timeout", RPC_K_DURATION, false, "50", AT(timeout), NULL, "seconds until -32005"},
	{"flood_wait", RPC_K_DURATION, false, "20", AT(flood_wait), NULL,
	 "longest FLOOD_WAIT slept out, in seconds; 0 fails at once"},
	{"progress", RPC_K_ANY, false, NULL, AT(progress), NULL,
	 "token for progress notifications"},
	{"fields", RPC_K_ARRAY, false, NULL, AT(fields_value), NULL,
	 "dotted paths of the result that are wanted"},
	{"idempotency_key", RPC_K_STRING, false, NULL, AT(idempotency_key), NULL,
	 "sent once, however often it is repeated; kept for a week"},
};
const unsigned rpc_common_count = sizeof rpc_common_params / sizeof rpc_common_params[0];

static const struct {
	const char *name, *schema;
} kinds[] = {
	[RPC_K_STRING] = {"string", "{\"type\":\"string\"}"},
	[RPC_K_INT] = {"integer", "{\"type\":[\"integer\",\"string\"],\"pattern\":\"^-?[0-9]+$\"}"},
	[RPC_K_BOOL] = {"boolean", "{\"type\":\"boolean\"}"},
	[RPC_K_DURATION] = {"seconds", "{\"type\":\"number\",\"minimum\":0}"},
	[RPC_K_TIME] = {"time", "{\"type\":[\"integer\",\"string\"]}"},
	[RPC_K_CHOICE] = {"choice", "{\"type\":\"string\"}"},
	[RPC_K_BYTES] = {"base64", "{\"type\":\"string\",\"contentEncoding\":\"base64\"}"},
	[RPC_K_PEER] = {"peer", "{\"type\":[\"string\",\"integer\",\"object\"]}"},
	[RPC_K_USER] = {"user", "{\"type\":[\"string\",\"integer\",\"object\"]}"},
	[RPC_K_MESSAGE] = {"message", "{\"type\":[\"integer\",\"string\"]}"},
	[RPC_K_OBJECT] = {"object", "{\"type\":\"object\"}"},
	[RPC_K_ARRAY] = {"array", "{\"type\":\"array\"}"},
	[RPC_K_ANY] = {"any", "{}"},
	[RPC_K_ACCOUNT] = {"account", "{\"type\":[\"string\",\"integer\"]}"},
};

const char *rpc_kind_name(enum rpc_kind k)
{
	return kinds[k].name;
}

const char *rpc_kind_schema(enum rpc_kind k)
{
	return kinds[k].schema;
}

/* ---- one value ---------------------------------------------------------------------------------
 */
static int wrong(struct rpc_call *c, const struct rpc_param *p, const char *want)
{
	return rpc_problem(c, -TG_E_INVALID_PARAMS, p->name, "%s: %s is wanted", p->name, want);
}

static struct tl_str text_of(const json_t *v)
{
	return (struct tl_str){json_string_value(v), (uint32_t)json_string_length(v)};
}

/* A JSON integer or a decimal string. */
bool rpc_json_int(const struct json_t *v, int64_t *ret)
{
	struct tl_str s;
	uint64_t n = 0;
	uint32_t i;

	if (json_is_integer(v)) {
		*ret = json_integer_value(v);
		return true;
	}
	if (!json_is_string(v))
		return false;
	s = text_of(v);
	i = s.len && s.data[0] == '-';
	if (s.len == i || s.len - i > 19)
		return false;
	for (uint32_t k = i; k < s.len; k++) {
		if (s.data[k] < '0' || s.data[k] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.data[k] - '0');
	}
	if (n > (uint64_t)INT64_MAX)
		return false;
	*ret = i ? -(int64_t)n : (int64_t)n;
	return true;
}

static int put_choice(struct rpc_call *c, const struct rpc_param *p, struct tl_str s, int *out)
{
	const char *at = p->choices;

	for (int i = 0; at; i++) {
		size_t n = strcspn(at, "|");

		if (n == s.len && memcmp(at, s.data, n) == 0) {
			*out = i;
			return 0;
		}
		at = at[n] ? at + n + 1 : NULL;
	}
	return rpc_problem(c, -TG_E_INVALID_PARAMS, p->name, "%s is one of %s", p->name,
			   p->choices);
}

static int put_duration(struct rpc_call *c, const struct rpc_param *p, const json_t *v,
			int64_t *out)
{
	double seconds = json_number_value(v);

	if (!json_is_number(v) || !(seconds >= 0) || seconds > RPC_MAX_TIMEOUT)
		return wrong(c, p, "a number of seconds from 0 to 86400");
	*out = json_is_integer(v) ? json_integer_value(v) * RPC_SECOND
				  : (int64_t)(seconds * (double)RPC_SECOND);
	return 0;
}

static int put_bytes(struct rpc_call *c, const struct rpc_param *p, const json_t *v,
		     struct tl_str *out)
{
	struct tl_buf b = {0};
	int err = json_is_string(v)
			  ? tl_base64_decode(json_string_value(v), json_string_length(v), &b)
			  : -TG_E_INVALID_PARAMS;
	const char *copy = err ? NULL : tl_arena_copy(&c->arena, b.data, b.len);

	*out = (struct tl_str){copy, (uint32_t)b.len};
	tl_buf_free(&b);
	if (err)
		return wrong(c, p, "base64");
	return copy ? 0 : rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
}

int rpc_account_text(struct rpc_call *c, const char *field, const json_t *v, struct tl_str *ret)
{
	char id[24];
	int n;

	if (json_is_string(v)) {
		*ret = text_of(v);
		return 0;
	}
	if (!json_is_integer(v))
		return rpc_problem(c, -TG_E_INVALID_PARAMS, field,
				   "%s: an alias, a user id, +phone or @username is wanted", field);
	n = snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	*ret = (struct tl_str){tl_arena_copy(&c->arena, id, (size_t)n), (uint32_t)n};
	return ret->data ? 0 : rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
}

/* An id, or a link; the link fills the peer, which stands in the row before. */
static int put_message(struct rpc_call *c, const struct rpc_param *p, const json_t *v, char *args)
{
	int64_t *out = (int64_t *)(args + p->offset);
	struct rpc_peer_arg *peer;
	struct tl_str chat;

	if (rpc_json_int(v, out))
		return *out > 0 && *out <= INT32_MAX ? 0 : wrong(c, p, "a message id over 0");
	if (!json_is_string(v) || !rpc_message_link(text_of(v), &c->arena, &chat, out))
		return wrong(c, p, "a message id or link");
	if (p == c->method->params || p[-1].kind != RPC_K_PEER)
		return 0;
	peer = (struct rpc_peer_arg *)(args + p[-1].offset);
	if (!peer->value)
		peer->text = chat;
	return 0;
}

static int put_value(struct rpc_call *c, const struct rpc_param *p, json_t *v, char *args)
{
	void *at = args + p->offset;

	switch (p->kind) {
	case RPC_K_STRING:
		if (!json_is_string(v))
			return wrong(c, p, "a string");
		*(struct tl_str *)at = text_of(v);
		return 0;
	case RPC_K_ACCOUNT:
		return rpc_account_text(c, p->name, v, at);
	case RPC_K_INT:
		return rpc_json_int(v, at) ? 0 : wrong(c, p, "an integer");
	case RPC_K_BOOL:
		if (!json_is_boolean(v))
			return wrong(c, p, "true or false");
		*(bool *)at = json_is_true(v);
		return 0;
	case RPC_K_DURATION:
		return put_duration(c, p, v, at);
	case RPC_K_TIME:
		if (json_is_integer(v)) {
			*(int64_t *)at = json_integer_value(v);
			return 0;
		}
		if (json_is_string(v) &&
		    rpc_time_parse(text_of(v), rpc_now().real / RPC_SECOND, at))
			return 0;
		return wrong(c, p, "Unix seconds, RFC 3339 or +10m");
	case RPC_K_CHOICE:
		if (!json_is_string(v))
			return wrong(c, p, "a string");
		return put_choice(c, p, text_of(v), at);
	case RPC_K_BYTES:
		return put_bytes(c, p, v, at);
	case RPC_K_PEER:
	case RPC_K_USER:
		if (!json_is_string(v) && !json_is_integer(v) && !json_is_object(v))
			return wrong(c, p, "a peer (\"@name\", an id, an object)");
		((struct rpc_peer_arg *)at)->value = v;
		return 0;
	case RPC_K_MESSAGE:
		return put_message(c, p, v, args);
	case RPC_K_OBJECT:
		*(json_t **)at = v;
		return json_is_object(v) ? 0 : wrong(c, p, "an object");
	case RPC_K_ARRAY:
		*(json_t **)at = v;
		return json_is_array(v) ? 0 : wrong(c, p, "an array");
	case RPC_K_ANY:
		*(json_t **)at = v;
		return 0;
	}
	return -TG_E_INTERNAL;
}

/* What an absent parameter leaves in the arguments. */
static void put_preset(struct rpc_call *c, const struct rpc_param *p, char *args)
{
	void *at = args + p->offset;
	int64_t n = p->preset ? strtoll(p->preset, NULL, 10) : RPC_NONE;

	switch (p->kind) {
	case RPC_K_INT:
	case RPC_K_TIME:
		*(int64_t *)at = n;
		break;
	case RPC_K_DURATION:
		*(int64_t *)at = n == RPC_NONE ? n : n * RPC_SECOND;
		break;
	case RPC_K_BOOL:
		*(bool *)at = p->preset && strcmp(p->preset, "true") == 0;
		break;
	case RPC_K_CHOICE:
		*(int *)at = -1;
		if (p->preset && put_choice(c, p, tl_str(p->preset), at) != 0)
			*(int *)at = -1;
		break;
	case RPC_K_STRING:
		if (p->preset)
			*(struct tl_str *)at = tl_str(p->preset);
		break;
	case RPC_K_ACCOUNT:
	case RPC_K_BYTES:
	case RPC_K_PEER:
	case RPC_K_USER:
	case RPC_K_MESSAGE:
	case RPC_K_OBJECT:
	case RPC_K_ARRAY:
	case RPC_K_ANY:
		break;
	}
}

/* ---- the whole ---------------------------------------------------------------------------------
 */
static int read_rows(struct rpc_call *c, const struct rpc_param *rows, unsigned count,
		     json_t *params, char *args)
{
	for (unsigned i = 0; i < count; i++) {
		const struct rpc_param *p = &rows[i];
		json_t *v = params ? json_object_get(params, p->name) : NULL;
		int err;

		if (v && !json_is_null(v)) {
			err = put_value(c, p, v, args);
			if (err)
				return err;
			continue;
		}
		if (p->required)
			return rpc_problem(c, -TG_E_INVALID_PARAMS, p->name, "%s is missing",
					   p->name);
		put_preset(c, p, args);
	}
	return 0;
}

static bool known(const struct rpc_param *rows, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static int check_names(struct rpc_call *c, json_t *params)
{
	const struct rpc_method *m = c->method;
	const char *name;
	json_t *v;

	json_object_foreach(params, name, v)
	{
		if (known(m->params, m->param_count, name) ||
		    known(rpc_common_params, rpc_common_count, name))
			continue;
		rpc_near_param(m, tl_str(name), c->problem.hint, sizeof c->problem.hint);
		return rpc_problem(c, -TG_E_INVALID_PARAMS, name, "no parameter %.100s", name);
	}
	return 0;
}

/* A path is a string; "a,b" in one string is two. */
static int read_fields(struct rpc_call *c)
{
	json_t *list = c->common.fields_value, *v;
	struct tl_str *paths;
	size_t i, n = json_array_size(list);

	if (!n)
		return 0;
	if (n > RPC_MAX_FIELDS)
		return rpc_problem(c, -TG_E_INVALID_PARAMS, "fields", "at most 64 paths");
	paths = tl_arena_alloc(&c->arena, n * sizeof *paths);
	if (!paths)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return rpc_problem(c, -TG_E_INVALID_PARAMS, "fields",
					   "fields holds strings");
		paths[i] = text_of(v);
	}
	c->common.fields = paths;
	c->common.field_count = (unsigned)n;
	return 0;
}

int rpc_key_check(struct rpc_call *c)
{
	struct tl_str key = c->common.idempotency_key;
	unsigned characters = 0;

	if (!key.data)
		return 0;
	for (uint32_t i = 0; i < key.len; i++)
		characters += ((uint8_t)key.data[i] & 0xc0) != 0x80;
	if (!key.len || characters > RPC_MAX_IDEMPOTENCY)
		return rpc_problem(c, -TG_E_INVALID_PARAMS, "idempotency_key",
				   "a key has 1 to 128 characters");
	if (c->flags & RPC_KEYED)
		return 0;
	return rpc_problem(c, -TG_E_INVALID_PARAMS, "idempotency_key",
			   "%s sends nothing that a key could make unique", rpc_call_name(c));
}

int rpc_params_read(struct rpc_call *c, struct json_t *params)
{
	const struct rpc_method *m = c->method;
	int err;

	err = read_rows(c, rpc_common_params, rpc_common_count, params, (char *)&c->common);
	if (!err)
		err = read_fields(c);
	if (!err && m->flags & RPC_RAW)
		return 0; /* the schema has the rest */
	if (!err)
		err = rpc_key_check(c);
	if (!err && params)
		err = check_names(c, params);
	if (err || !m->args_size)
		return err;
	c->args = tl_arena_alloc(&c->arena, m->args_size);
	if (!c->args)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	return read_rows(c, m->params, m->param_count, params, c->args);
}
