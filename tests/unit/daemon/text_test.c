/* Small pure parts: near misses, times, message links, projection, limits, roles. */
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/messagelink.h"
#include "daemon/nearest.h"
#include "daemon/project.h"
#include "daemon/raw.h"
#include "daemon/timetext.h"
#include "tests/harness.h"

#include <jansson.h>

static const char *near(const char *word, const char *a, const char *b)
{
	struct rpc_nearest n = rpc_nearest(tl_str(word));

	rpc_nearest_try(&n, a);
	rpc_nearest_try(&n, b);
	return n.best ? n.best : "";
}

TEST(near_misses)
{
	CHECK_STR(near("pingg", "ping", "status"), "ping");
	CHECK_STR(near("pnig", "pong", "ping"), "ping");
	CHECK_STR(near("SEND_MESSAGE", "send_messages", "send_message"), "send_message");
	CHECK_STR(near("xyzzy", "ping", "status"), "");
	CHECK_STR(near("", "ping", "a"), "");
	CHECK_STR(near("messages.sendMesage", "messages.sendMessage", "messages.sendMedia"),
		  "messages.sendMessage");
}

TEST(times)
{
	int64_t t = 0;

	CHECK(rpc_time_parse(tl_str("+10m"), 1000, &t) && t == 1600);
	CHECK(rpc_time_parse(tl_str("+3"), 1000, &t) && t == 1003);
	CHECK(rpc_time_parse(tl_str("+2w"), 0, &t) && t == 1209600);
	CHECK(rpc_time_parse(tl_str("1970-01-02T00:00:00Z"), 0, &t) && t == 86400);
	CHECK(rpc_time_parse(tl_str("2026-02-03T04:05:06.789+01:30"), 0, &t) && t == 1770086106);
	static const char *const bad[] = {"",
					  "+",
					  "+x",
					  "+1y",
					  "+1mm",
					  "+99999999999999999999s",
					  "now",
					  "2026-02-03",
					  "2026-13-03T00:00:00Z",
					  "2026-02-03T00:00:00",
					  "2026-02-03T25:00:00Z",
					  "2026-02-03T00:00:00+1:00",
					  "2026-02-03T00:00:00Zx"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (rpc_time_parse(tl_str(bad[i]), 0, &t))
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
}

TEST(message_links)
{
	static const struct {
		const char *link, *chat;
		int id;
	} good[] = {{"https://t.me/news/42", "@news", 42},
		    {"t.me/c/123/42", "channel:123", 42},
		    {"http://telegram.me/news/7/42?single#x", "@news", 42},
		    {"https://t.me/c/123/5/42/", "channel:123", 42}};
	static const char *const bad[] = {"",
					  "t.me",
					  "t.me/news",
					  "t.me/news/x",
					  "t.me/news/0",
					  "t.me/c/123",
					  "t.me/c/x/1",
					  "https://example.org/news/42",
					  "t.me/news/99999999999",
					  "t.me/a/1/2/3",
					  "t.me//1/2/3/4"};
	struct tl_arena a;
	struct tl_str chat;
	int64_t id;

	tl_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		CHECK(rpc_message_link(tl_str(good[i].link), &a, &chat, &id));
		CHECK(tl_str_eq(chat, good[i].chat));
		CHECK_INT(id, good[i].id);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (rpc_message_link(tl_str(bad[i]), &a, &chat, &id))
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	tl_arena_free(&a);
}

static void projects(const char *json, const char *a, const char *b, const char *want)
{
	struct tl_str paths[2] = {tl_str(a), tl_str(b)};
	struct tl_buf out = {0};

	rpc_project(json, strlen(json), paths, 2, &out);
	tl_put_u8(&out, '\0');
	CHECK_STR((char *)out.data, want);
	tl_buf_free(&out);
}

TEST(projection)
{
	projects("{\"a\":1,\"b\":2,\"c\":3}", "a", "c", "{\"a\":1,\"c\":3}");
	projects("{\"m\":[{\"id\":1,\"t\":\"x,}]\"},{\"id\":2}],\"n\":null}", "m.id", "n",
		 "{\"m\":[{\"id\":1},{\"id\":2}],\"n\":null}");
	projects("{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":3}}", "a.b.c", "x",
		 "{\"a\":{\"b\":{\"c\":1}}}");
	projects("{\"a\":{\"b\":1},\"ab\":2}", "a.b", "a", "{\"a\":{\"b\":1}}");
	projects("{\"a\\\"\":1,\"b\":\"\\\"\"}", "b", "q", "{\"b\":\"\\\"\"}");
	projects("{\"a\":5}", "a.b", "c", "{}");
	projects("[{\"a\":1,\"b\":[]},[{\"a\":2}],3]", "a", "", "[{\"a\":1},[{\"a\":2}],3]");
	projects("{\"a\":-1.5e3,\"b\":true}", "b", "", "{\"b\":true}");
	projects("{}", "a", "b", "{}");
}

TEST(limits_are_json)
{
	struct tl_buf out = {0};
	json_t *v;

	rpc_limits_write(&out);
	v = json_loadb((char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(v);
	CHECK_INT(json_integer_value(json_object_get(json_object_get(v, "line_in"), "value")),
		  8388608);
	CHECK(json_object_size(v) > 20);
	json_decref(v);
	tl_buf_free(&out);
}

TEST(roles_of_raw_methods)
{
	CHECK_INT(rpc_raw_role("messages.getHistory"), RPC_READ);
	CHECK_INT(rpc_raw_role("help.saveAppLog"), RPC_READ);
	CHECK_INT(rpc_raw_role("contacts.resolveUsername"), RPC_READ);
	CHECK_INT(rpc_raw_role("messages.sendMessage"), RPC_SEND);
	CHECK_INT(rpc_raw_role("upload.saveFilePart"), RPC_SEND);
	CHECK_INT(rpc_raw_role("account.updateProfile"), RPC_ADMIN);
	CHECK_INT(rpc_raw_role("channels.deleteChannel"), RPC_ADMIN);
}

TEST(names_of_methods_are_unique_and_documented)
{
	struct rpc_table t;

	rpc_table_init(&t);
	for (const struct rpc_group *g = rpc_groups; g->rows; g++) {
		for (unsigned i = 0; i < *g->count; i++) {
			const struct rpc_method *m = &g->rows[i], *real;
			unsigned tl;

			real = rpc_table_find(&t, tl_str(m->name));
			CHECK(real && real->run && real->doc && real->result);
			CHECK(m->alias_of ? real != m : real == m);
			tl = rpc_raw_find(tl_str(m->name));
			CHECK(tl == TL_NONE || tl_is_service(&tl_api, tl));
			for (unsigned k = 0; k < m->param_count; k++)
				CHECK(m->params[k].doc && m->params[k].offset < m->args_size);
		}
	}
}

static void path(const char *text, const char *end, const char *want)
{
	size_t at = (size_t)(strstr(text, end) - text);
	char got[64];

	rpc_js_path(tl_str(text), at, got, sizeof got);
	CHECK_STR(got, want);
	rpc_js_path(tl_str(text), at, got, 4);
	CHECK(strlen(got) < 4 && strncmp(got, want, strlen(got)) == 0);
}

TEST(paths_in_json)
{
	path("{\"a\":1!}", "!", "a");
	path("{\"a\":[0,{\"b\" : [[],2!]}]}", "!", "a[1].b[1]");
	path("{\"a\":{\"x\":\"\\\",[{\"},\"b\":3!}", "!", "b");
	path("[1,2,[3!]]", "!", "[2][0]");
	path("4!", "!", "");
}
