/* Filters, events of every update, keyboards and entities; random objects of the schema as
 * messages. */
#include "daemon/event.h"
#include "daemon/keyboard.h"
#include "daemon/shape.h"
#include "daemon/subscription.h"
#include "tests/harness.h"
#include "tl_schema.h"
#include "world_test.h"

#include <jansson.h>

/* ---- filters --------------------------------------------------------------------------------- */
static struct rpc_event event(enum rpc_type type, int64_t chat, int64_t from, bool out, char *text)
{
	struct rpc_event e = {
		.type = type, .account = "main", .chat = chat, .from = from, .out = out};

	e.has_text = text != NULL;
	e.text = tl_str(text);
	return e;
}

TEST(filters)
{
	char text[] = "/start now", name[1][33] = {"main"}, contains[] = "art";
	int64_t five[] = {5, -7};
	struct rpc_event e = event(RPC_T_NEW_MESSAGE, 5, 9, false, text);
	struct rpc_event state = event(RPC_T_ACCOUNT_STATE, 0, 0, false, NULL);
	struct rpc_filter f = {.direction = -1};

	CHECK(rpc_filter_match(&f, &e) && rpc_filter_match(&f, &state));
	f.types = 1u << RPC_T_NEW_MESSAGE;
	CHECK(rpc_filter_match(&f, &e) && !rpc_filter_match(&f, &state));
	f.direction = 1;
	CHECK(!rpc_filter_match(&f, &e));
	f.direction = 0;
	f.peers = five;
	f.peer_count = 2;
	CHECK(rpc_filter_match(&f, &e));
	f.from = five;
	f.from_count = 2;
	CHECK(!rpc_filter_match(&f, &e));
	f.from_count = 0;
	f.accounts = name;
	f.account_count = 1;
	f.text_kind = RPC_TEXT_CONTAINS;
	f.text = contains;
	f.text_len = 3;
	CHECK(rpc_filter_match(&f, &e));
	f.text_kind = RPC_TEXT_PREFIX;
	CHECK(!rpc_filter_match(&f, &e));
	f.text = text;
	f.text_len = 6;
	CHECK(rpc_filter_match(&f, &e));
	name[0][0] = 'x';
	CHECK(!rpc_filter_match(&f, &e));
	f = (struct rpc_filter){.direction = -1, .peers = five, .peer_count = 2};
	CHECK(!rpc_filter_match(&f,
				&state)); /* a filter by chat does not let other things through */
}

/* What is gone may have been anything: only what cannot have been in it keeps a gap away. */
TEST(gaps_pass_filters)
{
	char name[1][33] = {"main"}, text[] = "x";
	int64_t five[] = {5};
	struct rpc_event common = event(RPC_T_GAP, 0, 0, false, NULL),
			 channel = event(RPC_T_GAP, 5, 0, false, NULL),
			 damaged = event(RPC_T_GAP, 0, 0, false, NULL);
	struct rpc_filter f = {.direction = 1,
			       .types = 1u << RPC_T_NEW_MESSAGE,
			       .accounts = name,
			       .account_count = 1,
			       .from = five,
			       .from_count = 1,
			       .text_kind = RPC_TEXT_PREFIX,
			       .text = text,
			       .text_len = 1};

	damaged.account[0] = '\0'; /* nobody knows whose it was */
	CHECK(rpc_filter_match(&f, &common) && rpc_filter_match(&f, &channel) &&
	      rpc_filter_match(&f, &damaged));
	f.peers = five;
	f.peer_count = 1;
	CHECK(rpc_filter_match(&f, &common) && rpc_filter_match(&f, &channel));
	channel.chat = 6;
	CHECK(rpc_filter_match(&f, &common) && !rpc_filter_match(&f, &channel));
	f.types = 1u << RPC_T_ACCOUNT_STATE | 1u << RPC_T_USER_TYPING;
	CHECK(!rpc_filter_match(&f, &common) && !rpc_filter_match(&f, &damaged));
	f.types = 1u << RPC_T_GAP;
	CHECK(rpc_filter_match(&f, &common));
	name[0][0] = 'x';
	CHECK(!rpc_filter_match(&f, &common) && rpc_filter_match(&f, &damaged));
	CHECK(!rpc_filter_match(&rpc_filter_none, &common));
}

TEST(types_by_name)
{
	enum rpc_type t;

	for (unsigned i = 0; i < RPC_T_COUNT; i++) {
		CHECK(rpc_type_parse(tl_str(rpc_type_name(i)), &t));
		CHECK_INT(t, i);
	}
	CHECK(!rpc_type_parse(tl_str("new_messag"), &t));
	CHECK(rpc_type_is_live(RPC_T_USER_TYPING) && !rpc_type_is_live(RPC_T_NEW_MESSAGE));
}

/* ---- events ---------------------------------------------------------------------------------- */
static uint64_t draw(void *ctx)
{
	uint64_t *s = ctx;

	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* The body is what stands between braces in a notification. */
static void check_json(const struct rpc_event *e)
{
	struct tl_buf b = {0};
	json_t *v;

	tl_put_u8(&b, '{');
	tl_put(&b, e->body.data, e->body.len);
	tl_put_text(&b, ",\"raw\":");
	tl_put(&b, e->raw.data, e->raw.len);
	tl_put_u8(&b, '}');
	v = json_loadb((char *)b.data, b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!v)
		test_fail(__FILE__, __LINE__, "no JSON: %.*s", (int)b.len, b.data);
	CHECK_STR(json_string_value(json_object_get(v, "account")), "main");
	json_decref(v);
	tl_buf_free(&b);
}

/* Every constructor of type Update, with random contents, becomes one event of valid JSON. */
TEST_T(every_update_is_an_event, 60)
{
	struct test_world w;
	uint64_t seed = 0x9e3779b97f4a7c15u;
	unsigned kinds = 0;

	test_world_init(&w);
	for (unsigned i = 1; i <= tl_ctor_count(&tl_api); i++) {
		if (tl_is_method(&tl_api, i) || strcmp(tl_type_name(&tl_api, i), "Update") != 0)
			continue;
		kinds++;
		for (unsigned n = 0; n < 20; n++) {
			struct tl_arena a;
			struct tl_obj *o;
			struct rpc_event *e;

			tl_arena_init(&a, 1 << 24);
			CHECK_INT(tl_random(&tl_api, i, draw, &seed, &a, &o), 0);
			e = rpc_event_update(&w.account, o, &w.room);
			CHECK(e);
			check_json(e);
			rpc_event_free(e);
			tl_arena_free(&a);
		}
	}
	CHECK(kinds > 100);
	test_world_free(&w);
}

TEST(message_shape)
{
	struct test_world w;
	struct tl_peerUser peer = {{TL_peerUser}, 7};
	struct tl_messageEntityTextUrl url = {{TL_messageEntityTextUrl}, 0, 2, tl_str("https://x")};
	struct tl_obj *entities[] = {&url.obj};
	struct tl_message m = {.obj = {TL_message},
			       .id = 3,
			       .peer_id = &peer.obj,
			       .date = 100,
			       .message = tl_str("hi"),
			       .entities = {entities, 1},
			       .grouped_id = -1,
			       .has_grouped_id = true};
	struct rpc_message_head h;
	struct tl_buf b = {0};

	test_world_init(&w);
	rpc_shape_message(&b, NULL, &w.account, &m.obj);
	tl_put_u8(&b, 0);
	CHECK_STR((char *)b.data,
		  "{\"id\":3,\"chat\":{\"id\":7,\"type\":\"user\"},\"sender\":{"
		  "\"id\":7,"
		  "\"type\":\"user\"},\"date\":100,\"text\":\"hi\",\"entities\":[{"
		  "\"type\":\"text_url\",\"offset\":0,\"length\":2,\"url\":\"https://x\"}],"
		  "\"grouped_id\":\"-1\"}");
	h = rpc_message_head(&w.account, &m.obj);
	CHECK_INT(h.chat, 7);
	CHECK_INT(h.from, 7);
	CHECK(!h.out && tl_str_eq(h.text, "hi"));
	tl_buf_free(&b);
	test_world_free(&w);
}

TEST(bytes_as_text_when_they_are)
{
	struct tl_buf b = {0};

	rpc_shape_bytes(&b, "data", "data_base64", (struct tl_str){"y\xc3\xa9", 3});
	rpc_shape_bytes(&b, "data", "data_base64", (struct tl_str){"\xff", 1});
	rpc_shape_bytes(&b, "data", "data_base64", (struct tl_str){NULL, 0});
	tl_put_u8(&b, 0);
	CHECK_STR((char *)b.data,
		  "\"data\":\"y\xc3\xa9\",\"data_base64\":\"ecOp\",\"data_base64\":\"/w==\"");
	tl_buf_free(&b);
}

/* ---- short forms ----------------------------------------------------------------------------- */
static void keyboard(const char *in, const char *want)
{
	json_t *rows = json_loads(in, 0, NULL), *out = NULL;
	const char *why = rpc_keyboard(rows, &out);
	char *text = out ? json_dumps(out, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	CHECK(rows);
	CHECK_STR(why ? why : text, want);
	free(text);
	json_decref(out);
	json_decref(rows);
}

TEST(keyboards)
{
	keyboard("[[{\"text\":\"Yes\",\"callback\":\"y\"}]]",
		 "{\"_\":\"replyInlineMarkup\",\"rows\":[{\"_\":\"keyboardInlineButtonRow\","
		 "\"buttons\":"
		 "[{\"_\":\"keyboardInlineButton\",\"text\":\"Yes\",\"type\":{\"_\":"
		 "\"inlineButtonTypeCallback\",\"data\":\"eQ==\"}}]}]}");
	keyboard("[[{\"text\":\"A\"}]]",
		 "{\"_\":\"replyKeyboardMarkup\",\"resize\":true,\"rows\":[{\"_\":"
		 "\"keyboardButtonRow\",\"buttons\":[{\"_\":\"keyboardButton\",\"text\":\"A\","
		 "\"type\":{\"_\":\"buttonTypeDefault\"}}]}]}");
	keyboard("[]", "{\"_\":\"replyKeyboardHide\"}");
	keyboard("[{\"text\":\"A\"}]", "a keyboard is an array of rows of buttons");
	keyboard("[[\"A\"]]", "a button is an object with text");
	keyboard("[[{\"text\":\"A\",\"url\":\"u\",\"callback\":\"c\"}]]",
		 "a button does one thing");
	keyboard("[[{\"text\":\"A\",\"url\":5}]]", "every member of a button is a string");
	keyboard("[[{\"text\":\"A\",\"click\":\"c\"}]]",
		 "a button has text and one of callback, callback_base64, url, copy_text, "
		 "switch_inline");
}

TEST(entities)
{
	json_t *in = json_loads(
		       "[{\"type\":\"bold\",\"offset\":0,\"length\":1},{\"type\":\"pre\","
		       "\"offset\":1,\"length\":2},{\"type\":\"mention_name\",\"offset\":0,"
		       "\"length\":1,\"user\":\"@x\"}]",
		       0, NULL),
	       *out = NULL;
	char *text;

	CHECK(rpc_entities(in, &out) == NULL);
	text = json_dumps(out, JSON_COMPACT);
	CHECK_STR(text, "[{\"_\":\"messageEntityBold\",\"offset\":0,\"length\":1},{\"_\":"
			"\"messageEntityPre\",\"offset\":1,\"length\":2,\"language\":\"\"},{\"_\":"
			"\"inputMessageEntityMentionName\",\"offset\":0,\"length\":1,\"user_id\":"
			"\"@x\"}]");
	free(text);
	json_decref(out);
	json_decref(in);
	in = json_loads("[{\"type\":\"bold\",\"size\":1}]", 0, NULL);
	CHECK(rpc_entities(in, &out) != NULL);
	json_decref(in);
	in = json_loads("[{\"type\":\"Bold\"}]", 0, NULL);
	CHECK(rpc_entities(in, &out) != NULL);
	json_decref(in);
}
