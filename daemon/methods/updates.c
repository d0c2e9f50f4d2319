/* Subscriptions: updates as they come, filtered here. */
#include "daemon/consumer.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/nearest.h"
#include "daemon/pattern.h"
#include "daemon/subscription.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct filter_args {
	int64_t subscription;
	struct json_t *accounts, *types, *peers, *from, *text, *raw;
	int direction;
	int64_t *peer_ids, *from_ids; /* resolved, in the call's arena */
	struct tl_str consumer;
	struct json_t *since;
	int ack;
	bool create, created;
	uint64_t pos;
};
enum { ACK_MANUAL, ACK_AUTO };
#define AT(field) offsetof(struct filter_args, field)
#define FILTER_ROWS                                                                                \
	{"accounts",                                                                               \
	 RPC_K_ANY,                                                                                \
	 false,                                                                                    \
	 NULL,                                                                                     \
	 AT(accounts),                                                                             \
	 NULL,                                                                                     \
	 "\"*\" or a list of names; left out: the one of account, else all"},                      \
		{"types",                                                                          \
		 RPC_K_ARRAY,                                                                      \
		 false,                                                                            \
		 NULL,                                                                             \
		 AT(types),                                                                        \
		 NULL,                                                                             \
		 "new_message, message_edited, callback_query …; left out: all"},                  \
		{"peers", RPC_K_ARRAY, false, NULL, AT(peers), NULL, "only in these chats"},       \
		{"from", RPC_K_ARRAY, false, NULL, AT(from), NULL, "only from these senders"},     \
		{"direction",                                                                      \
		 RPC_K_CHOICE,                                                                     \
		 false,                                                                            \
		 NULL,                                                                             \
		 AT(direction),                                                                    \
		 "in|out",                                                                         \
		 "only incoming or outgoing ones"},                                                \
		{"text",                                                                           \
		 RPC_K_OBJECT,                                                                     \
		 false,                                                                            \
		 NULL,                                                                             \
		 AT(text),                                                                         \
		 NULL,                                                                             \
		 "{\"contains\":…}, {\"prefix\":…} or {\"regex\":…} (PCRE2)"},                     \
	{                                                                                          \
		"raw", RPC_K_ANY, false, NULL, AT(raw), NULL,                                      \
			"true: with the TL object; \"only\": nothing else"                         \
	}
static const struct rpc_param subscribe_params[] = {
	{"consumer", RPC_K_STRING, false, NULL, AT(consumer), NULL,
	 "a name whose position the daemon keeps; the first use makes it"},
	{"since", RPC_K_ANY, false, NULL, AT(since), NULL,
	 "\"stored\" (a known consumer's default), \"now\", \"oldest\", or a seq: begin behind it"},
	{"ack", RPC_K_CHOICE, false, NULL, AT(ack), "manual|auto",
	 "auto: what was written to the socket counts as acked; default manual"},
	{"create", RPC_K_BOOL, false, "true", AT(create), NULL,
	 "false: an unknown consumer is an error"},
	FILTER_ROWS};
static const struct rpc_param update_params[] = {
	{"subscription", RPC_K_INT, true, NULL, AT(subscription), NULL, "which one"}, FILTER_ROWS};
static const struct rpc_param unsubscribe_params[] = {
	{"subscription", RPC_K_INT, true, NULL, AT(subscription), NULL, "which one"},
};

static int bad(struct rpc_call *c, const char *field, const char *text)
{
	return rpc_problem(c, -TG_E_INVALID_PARAMS, field, "%s: %s", field, text);
}

/* ---- peers of a filter ----------------------------------------------------------------------- */
static struct rpc_account *named_account(struct rpc_call *c, const json_t *name)
{
	struct tl_str text;

	if ((!json_is_string(name) && !json_is_integer(name)) ||
	    rpc_account_text(c, "accounts", name, &text) != 0)
		return NULL;
	return rpc_account_find(c->d, text);
}

/* Who resolves names: the call's account, else the only one of the filter. */
static int choose(struct rpc_call *c)
{
	const struct filter_args *a = c->args;
	struct rpc_account *only = NULL;

	if (c->account)
		return 0;
	if (json_array_size(a->accounts) == 1)
		only = named_account(c, json_array_get(a->accounts, 0));
	if (!only)
		return rpc_account_choose(c);
	c->account = only;
	memcpy(c->account_name, only->name, sizeof c->account_name);
	return 0;
}

/* Ids need no account. */
static int marked(struct rpc_call *c, const char *field, const json_t *v, int64_t *ret)
{
	struct tl_str text = {json_string_value(v), (uint32_t)json_string_length(v)};
	struct tg_peer_query q;
	struct tg_peer p = {0};
	int err;

	if (json_is_integer(v) || json_is_string(v)) {
		err = json_is_integer(v) ? tg_peer_parse_id(json_integer_value(v), &q)
					 : tg_peer_parse(text, &q);
		if (err == 0 && q.form == TG_FORM_ID) {
			p.kind = q.kind == TG_PEER_NONE ? TG_PEER_USER : q.kind;
			p.id = q.id;
			*ret = tg_peer_marked(&p);
			return 0;
		}
	}
	err = choose(c);
	if (!err)
		err = rpc_peer_value(c, v, (struct tl_str){NULL, 0}, field, &p);
	if (err)
		return err;
	if (p.kind == TG_PEER_SELF)
		p.kind = TG_PEER_USER;
	*ret = tg_peer_marked(&p);
	return 0;
}

static int marked_list(struct rpc_call *c, const char *field, const json_t *list, int64_t **ret)
{
	size_t n = json_array_size(list), i;
	int64_t *ids;
	json_t *v;
	int err;

	if (!n)
		return list ? bad(c, field, "the list is empty") : 0;
	if (n > RPC_MAX_FILTER_LIST)
		return bad(c, field, "at most 256 entries");
	ids = tl_arena_alloc(&c->arena, n * sizeof *ids);
	if (!ids)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	json_array_foreach(list, i, v)
	{
		err = marked(c, field, v, &ids[i]);
		if (err)
			return err;
	}
	*ret = ids;
	return 0;
}

static int find_peers(struct rpc_call *c)
{
	struct filter_args *a = c->args;
	int err = c->account || !c->common.account.data ? 0 : rpc_account_choose(c);

	if (!err)
		err = marked_list(c, "peers", a->peers, &a->peer_ids);
	return err ? err : marked_list(c, "from", a->from, &a->from_ids);
}

/* ---- the filter ------------------------------------------------------------------------------ */
static int read_accounts(struct rpc_call *c, const json_t *v, struct rpc_filter *f)
{
	bool one = !v && c->common.account.data;
	size_t n = one ? 1 : json_array_size(v);

	if ((!v && !one) || (json_is_string(v) && strcmp(json_string_value(v), "*") == 0))
		return 0;
	if (!n || n > RPC_MAX_FILTER_LIST)
		return bad(c, "accounts", "\"*\" or a list of names is wanted");
	f->accounts = calloc(n, sizeof *f->accounts);
	if (!f->accounts)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct rpc_account *a =
			one ? c->account : named_account(c, json_array_get(v, i));

		if (!a)
			return rpc_problem(c, -TG_E_ACCOUNT_UNKNOWN, "accounts", NULL);
		memcpy(f->accounts[i], a->name, sizeof f->accounts[i]);
		f->account_count++;
	}
	return 0;
}

static int no_type(struct rpc_call *c, struct tl_str name)
{
	struct rpc_nearest near = rpc_nearest(name);
	struct tl_buf *b = &c->problem.extra;

	rpc_js_open(b, "types", '[');
	for (unsigned t = 0; t < RPC_T_COUNT; t++) {
		rpc_js_comma(b);
		tl_js_string(b, rpc_type_name(t), strlen(rpc_type_name(t)));
		rpc_nearest_try(&near, rpc_type_name(t));
	}
	rpc_js_close(b, ']');
	if (near.best)
		rpc_hint(c, "did you mean %s?", near.best);
	return bad(c, "types", "no such type");
}

static int read_types(struct rpc_call *c, const json_t *v, struct rpc_filter *f)
{
	enum rpc_type type;
	json_t *name;
	size_t i;

	if (v && !json_array_size(v))
		return bad(c, "types", "the list is empty");
	json_array_foreach(v, i, name)
	{
		struct tl_str s = {json_string_value(name), (uint32_t)json_string_length(name)};

		if (!s.data || !rpc_type_parse(s, &type))
			return no_type(c, s);
		f->types |= 1u << type;
	}
	return 0;
}

static int read_regex(struct rpc_call *c, struct tl_str text, struct rpc_filter *f)
{
	char why[200];
	int err;

	err = rpc_pattern_new(text, &f->regex, why, sizeof why);
	if (err == -TG_E_INVALID_PARAMS)
		return bad(c, "text.regex", why);
	if (err)
		return rpc_problem(c, err, NULL, NULL);
	f->text_kind = RPC_TEXT_REGEX;
	return 0;
}

static int read_text(struct rpc_call *c, const json_t *v, struct rpc_filter *f)
{
	const json_t *contains = json_object_get(v, "contains"),
		     *prefix = json_object_get(v, "prefix"), *regex = json_object_get(v, "regex"),
		     *s = contains ? contains
			  : prefix ? prefix
				   : regex;

	if (!v)
		return 0;
	if (json_object_size(v) != 1 || !json_is_string(s))
		return bad(c, "text",
			   "{\"contains\":…}, {\"prefix\":…} or {\"regex\":…} is wanted");
	f->text_len = json_string_length(s);
	if (s == regex)
		return read_regex(c, (struct tl_str){json_string_value(s), (uint32_t)f->text_len},
				  f);
	if (f->text_len > RPC_MAX_FILTER)
		return bad(c, "text", "at most 1024 bytes");
	f->text = malloc(f->text_len + 1);
	if (!f->text)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	memcpy(f->text, json_string_value(s), f->text_len + 1);
	f->text_kind = contains ? RPC_TEXT_CONTAINS : RPC_TEXT_PREFIX;
	return 0;
}

static int read_raw(struct rpc_call *c, const json_t *v, struct rpc_filter *f)
{
	if (!v || json_is_false(v))
		return 0;
	if (json_is_true(v))
		f->raw = RPC_RAW_TOO;
	else if (json_is_string(v) && strcmp(json_string_value(v), "only") == 0)
		f->raw = RPC_RAW_ONLY;
	else
		return bad(c, "raw", "true or \"only\" is wanted");
	return 0;
}

static int64_t *copy_ids(const int64_t *ids, size_t n, unsigned *ret_count)
{
	int64_t *copy = n ? malloc(n * sizeof *copy) : NULL;

	if (copy)
		memcpy(copy, ids, n * sizeof *copy);
	*ret_count = copy ? (unsigned)n : 0;
	return copy;
}

static int read_filter(struct rpc_call *c, const struct filter_args *a, struct rpc_filter *f)
{
	int err = read_accounts(c, a->accounts, f);

	f->direction = a->direction;
	if (!err)
		err = read_types(c, a->types, f);
	if (!err)
		err = read_text(c, a->text, f);
	if (!err)
		err = read_raw(c, a->raw, f);
	if (err) {
		rpc_filter_free(f);
		return err;
	}
	f->peers = copy_ids(a->peer_ids, json_array_size(a->peers), &f->peer_count);
	f->from = copy_ids(a->from_ids, json_array_size(a->from), &f->from_count);
	if (f->peer_count != json_array_size(a->peers) ||
	    f->from_count != json_array_size(a->from)) {
		rpc_filter_free(f);
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	}
	return 0;
}

/* ---- methods --------------------------------------------------------------------------------- */
/* Where to begin, by since and the consumer. */
static int begin_at(struct rpc_call *c, const struct rpc_consumer *k, uint64_t *ret)
{
	const struct filter_args *a = c->args;
	const char *word = a->since ? json_string_value(a->since) : k ? "stored" : "now";
	int64_t seq;

	if (a->since && rpc_json_int(a->since, &seq))
		return rpc_journal_behind(c, "since", seq, ret);
	if (word && strcmp(word, "oldest") == 0)
		*ret = rpc_journal_oldest(c->d) - 1;
	else if (word && strcmp(word, "stored") == 0 && k)
		*ret = k->moving;
	else if (word &&
		 (strcmp(word, "now") == 0 || (strcmp(word, "stored") == 0 && a->consumer.data)))
		*ret = rpc_committer_seq(c->d->accounts->committer);
	else
		return bad(c, "since",
			   a->consumer.data
				   ? "\"stored\", \"now\", \"oldest\" or a seq is wanted"
				   : "\"now\", \"oldest\" or a seq is wanted without a consumer");
	return 0;
}

static struct rpc_result start(struct rpc_call *c)
{
	struct filter_args *a = c->args;
	struct rpc_consumer *k = NULL;
	struct rpc_subscription *s;
	struct rpc_filter f = {0};
	struct tl_buf *b;

	if (!c->conn)
		return rpc_fail(c, -TG_E_CANCELLED, NULL);
	if (a->consumer.data && !(k = rpc_consumer_find(c->d, a->consumer)))
		return rpc_fail(c, -TG_E_CONSUMER_UNKNOWN, NULL);
	if (read_filter(c, a, &f) != 0)
		return rpc_refuse(c);
	if (k && k->subscription)
		rpc_subscription_end(k->subscription, "taken_over");
	s = rpc_subscription_new(c->conn, &f, a->pos);
	if (!s) {
		rpc_filter_free(&f);
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	}
	s->consumer = k;
	s->ack_auto = a->ack == ACK_AUTO;
	if (k)
		k->subscription = s;
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_int(b, "subscription", (int64_t)s->id);
	rpc_js_int(b, "seq", (int64_t)a->pos);
	if (a->created)
		rpc_js_bool(b, "created", true);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result subscribe(struct rpc_call *c)
{
	struct filter_args *a = c->args;
	struct rpc_consumer *k = NULL;
	struct rpc_filter f = {0};

	if (!c->conn)
		return rpc_fail(c, -TG_E_CANCELLED, NULL);
	if (c->conn->subscription_count >= RPC_MAX_SUBSCRIPTIONS) {
		c->problem.limit = "subscriptions";
		return rpc_fail(c, -TG_E_TOO_LARGE, "at most 64 subscriptions per connection");
	}
	if (read_filter(c, a, &f) != 0) /* before a consumer is made for nothing */
		return rpc_refuse(c);
	rpc_filter_free(&f);
	if (a->consumer.data)
		k = rpc_consumer_find(c->d, a->consumer);
	else if (a->ack >= 0 || !a->create)
		return bad(c, a->create ? "ack" : "create", "only with a consumer"), rpc_refuse(c);
	if (begin_at(c, k, &a->pos) != 0)
		return rpc_refuse(c);
	if (a->consumer.data && !k) {
		k = rpc_consumer_make(c, "consumer", a->consumer, a->create, a->pos);
		if (!k)
			return rpc_refuse(c);
		a->created = true;
	} else if (!k || (rpc_consumer_rests(k) && k->acked == a->pos)) {
		return start(c);
	}
	return rpc_commit_wait(c, rpc_consumer_move(k, a->pos), start);
}

static struct rpc_subscription *find(struct rpc_call *c)
{
	const struct filter_args *a = c->args;
	struct rpc_subscription *s =
		c->conn ? rpc_subscription_find(c->conn, (uint64_t)a->subscription) : NULL;

	if (!s)
		bad(c, "subscription", "this connection has no such subscription");
	return s;
}

static struct rpc_result update_subscription(struct rpc_call *c)
{
	struct rpc_filter f = {0};
	struct rpc_subscription *s = find(c);
	struct tl_buf *b;

	if (!s || read_filter(c, c->args, &f) != 0)
		return rpc_refuse(c);
	rpc_filter_free(&s->filter);
	s->filter = f;
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_int(b, "subscription", (int64_t)s->id);
	rpc_js_int(b, "seq", (int64_t)rpc_committer_seq(c->d->accounts->committer));
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result unsubscribe(struct rpc_call *c)
{
	struct rpc_subscription *s = find(c);

	if (!s)
		return rpc_refuse(c);
	rpc_subscription_free(s);
	tl_put_text(rpc_begin(c), "{\"unsubscribed\":true}");
	return rpc_end(c);
}

static struct rpc_result list_subscriptions(struct rpc_call *c)
{
	struct tl_buf *b = rpc_begin(c);

	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "subscriptions", '[');
	for (const struct rpc_subscription *s = c->conn->subscriptions; s; s = s->next) {
		rpc_js_open(b, NULL, '{');
		rpc_js_int(b, "subscription", (int64_t)s->id);
		if (s->consumer)
			rpc_js_text(b, "consumer", s->consumer->name);
		rpc_js_int(b, "seq", (int64_t)s->pos);
		rpc_js_int(b, "delivered", (int64_t)s->delivered);
		rpc_js_int(b, "lagged", (int64_t)s->lagged);
		rpc_js_close(b, '}');
	}
	tl_put_text(b, "]}");
	return rpc_end(c);
}

static struct rpc_result sync_update_state(struct rpc_call *c)
{
	tg_sync(c->account->tg, 0, rpc_now());
	rpc_account_touch(c->account);
	tl_put_text(rpc_begin(c), "{\"asked\":true}");
	return rpc_end(c);
}

const struct rpc_method rpc_methods_updates[] = {
	{.name = "subscribe",
	 .flags = RPC_WAITS,
	 .peers = find_peers,
	 .run = subscribe,
	 RPC_ROWS(subscribe_params, struct filter_args),
	 .doc = "Updates as notifications on this connection, filtered by the daemon. A text that "
		"takes the regular expression too many steps comes as subscription_error.",
	 .result = "{\"subscription\":int,\"seq\":int}"},
	{.name = "stream_updates", .alias_of = "subscribe", .doc = "The same."},
	{.name = "update_subscription",
	 .flags = RPC_WAITS,
	 .peers = find_peers,
	 .run = update_subscription,
	 RPC_ROWS(update_params, struct filter_args),
	 .doc = "Gives a subscription another filter (the whole of it).",
	 .result = "{\"subscription\":int,\"seq\":int}"},
	{.name = "unsubscribe",
	 .flags = RPC_ANY_NAME,
	 .run = unsubscribe,
	 RPC_ROWS(unsubscribe_params, struct filter_args),
	 .doc = "Ends a subscription.",
	 .result = "{\"unsubscribed\":true}"},
	{.name = "sync_update_state",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = sync_update_state,
	 .doc = "Asks Telegram for what may have been missed; what comes are updates.",
	 .result = "{\"asked\":true}"},
	{.name = "list_subscriptions",
	 .run = list_subscriptions,
	 .doc = "The subscriptions of this connection.",
	 .result = "{\"subscriptions\":[{\"subscription\":int,\"consumer\":string?,\"seq\":int,"
		   "\"delivered\":int,\"lagged\":int}]}"},
};
RPC_GROUP_COUNT(updates);
