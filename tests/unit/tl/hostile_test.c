/* Wire input that is cut, bent, unknown or nested: decode.c and wire_json.c must agree on it, and
 * what comes out must be JSON. */
#include "tests/harness.h"
#include "tl_schema.h"

#include <jansson.h>

#define STRANGE 0x1a2b3c4du

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

struct outcome {
	int err;
	bool truncated;
	struct tl_buf text;
};

static struct tl_arena arena;

/* Reads n bytes, copied so that the sanitizer sees each step past them, both ways. */
static void read_both(const void *data, size_t n, struct outcome *r)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct tl_cursor c = tl_cursor(memcpy(exact, data, n), n);
	struct tl_obj *o = NULL;
	bool truncated = false;
	int err;

	r->truncated = false;
	tl_buf_clear(&r->text);
	r->err = tl_to_json(&tl_api, 0, &c, &r->text, NULL, &r->truncated);
	tl_arena_reset(&arena);
	c = tl_cursor(exact, n);
	err = tl_decode(&tl_api, &arena, &c, &o, &truncated);
	CHECK_INT(err, r->err);
	CHECK_INT(truncated, r->truncated);
	CHECK(err ? r->text.len == 0 : r->text.len > 0 && o);
	free(exact);
}

static json_t *parse(const struct tl_buf *b)
{
	json_error_t error;
	json_t *v = json_loadb((char *)b->data, b->len, JSON_ALLOW_NUL, &error);

	if (!v)
		test_fail(__FILE__, __LINE__, "%s: %.*s", error.text, (int)b->len, (char *)b->data);
	return v;
}

static void make(unsigned ctor, uint64_t *seed, struct tl_buf *wire)
{
	struct tl_obj *o = NULL;

	tl_arena_reset(&arena);
	CHECK_INT(tl_random(&tl_api, ctor, draw, seed, &arena, &o), 0);
	tl_buf_clear(wire);
	CHECK_INT(tl_encode(&tl_api, o, wire), 0);
}

TEST_T(cut_at_every_byte, 60)
{
	struct tl_buf wire = {0};
	struct outcome r = {0};
	uint64_t seed = 7, cuts = 0;

	tl_arena_init(&arena, 16 << 20);
	for (unsigned ctor = 1; ctor <= tl_ctor_count(&tl_api); ctor++) {
		make(ctor, &seed, &wire);
		for (size_t n = 0; n < wire.len && n < 400; n++, cuts++) {
			read_both(wire.data, n, &r);
			CHECK_INT(r.err, -TG_E_WIRE);
		}
	}
	printf("%llu cuts\n", (unsigned long long)cuts);
	tl_arena_free(&arena);
	tl_buf_free(&wire);
	tl_buf_free(&r.text);
}

TEST_T(bent_anywhere, 60)
{
	struct tl_buf wire = {0};
	struct outcome r = {0};
	uint64_t seed = 11;
	unsigned good = 0, bad = 0, cut = 0;

	tl_arena_init(&arena, 16 << 20);
	for (unsigned round = 0; round < 60000; round++) {
		unsigned slips = 1 + round % 4;

		make(1 + (unsigned)(draw(&seed) % tl_ctor_count(&tl_api)), &seed, &wire);
		for (unsigned i = 0; i < slips; i++) {
			size_t at = draw(&seed) % wire.len;
			static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};

			if (draw(&seed) % 2)
				wire.data[at] ^= (uint8_t)(1u << draw(&seed) % 8);
			else
				wire.data[at] = bytes[draw(&seed) % sizeof bytes];
		}
		read_both(wire.data, wire.len, &r);
		if (!r.err)
			json_decref(parse(&r.text));
		if (r.err)
			bad++;
		else if (r.truncated)
			cut++;
		else
			good++;
	}
	CHECK(good > 1000 && bad > 1000 && cut > 1000);
	tl_arena_free(&arena);
	tl_buf_free(&wire);
	tl_buf_free(&r.text);
}

/* Each place where a constructor's number stands, made strange. */
TEST_T(unknown_at_every_position, 60)
{
	struct tl_buf wire = {0};
	struct outcome r = {0};
	uint64_t seed = 13;
	unsigned cut = 0;

	tl_arena_init(&arena, 16 << 20);
	for (unsigned ctor = 1; ctor <= tl_ctor_count(&tl_api); ctor++) {
		make(ctor, &seed, &wire);
		for (size_t at = 0; at + 4 <= wire.len && at < 2000; at += 4) {
			struct tl_cursor c = tl_cursor(wire.data + at, 4);
			uint32_t id = tl_peek_u32(&c), strange = STRANGE;
			json_t *v;

			if (!tl_by_id(&tl_api, id))
				continue;
			memcpy(wire.data + at, &strange, 4);
			read_both(wire.data, wire.len, &r);
			memcpy(wire.data + at, &id, 4);
			if (r.err || !r.truncated)
				continue; /* a Bool, or bytes that look like a number */
			cut++;
			v = parse(&r.text);
			CHECK(json_is_true(json_object_get(v, "truncated")));
			json_decref(v);
			tl_put_u8(&r.text, 0);
			CHECK(strstr((char *)r.text.data,
				     "{\"_\":\"unknown\",\"id\":\"#1a2b3c4d\",\"bytes\":\"TTwrG"));
		}
	}
	CHECK(cut > 5000);
	printf("%u unknown constructors\n", cut);
	tl_arena_free(&arena);
	tl_buf_free(&wire);
	tl_buf_free(&r.text);
}

static void check_text(unsigned method, const struct tl_buf *wire, const char *want)
{
	struct tl_cursor c = tl_cursor(wire->data, wire->len);
	struct tl_buf b = {0};
	bool truncated = false;

	tl_put_text(&b, "before ");
	CHECK_INT(tl_to_json(&tl_api, method, &c, &b, NULL, &truncated), 0);
	CHECK(truncated && tl_left(&c) == 0);
	tl_put_u8(&b, 0);
	CHECK_STR((char *)b.data + 7, want);
	tl_buf_free(&b);
}

TEST(unknown_at_the_top)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, STRANGE);
	tl_put_u32(&b, 0);
	check_text(0, &b,
		   "{\"_\":\"unknown\",\"id\":\"#1a2b3c4d\",\"bytes\":\"TTwrGgAAAAA=\","
		   "\"truncated\":true}");
	check_text(TL_help_getConfig, &b,
		   "{\"_\":\"unknown\",\"id\":\"#1a2b3c4d\",\"bytes\":\"TTwrGgAAAAA=\","
		   "\"truncated\":true}");
	check_text(TL_contacts_resetSaved, &b,
		   "{\"_\":\"unknown\",\"id\":\"#1a2b3c4d\",\"bytes\":\"TTwrGgAAAAA=\","
		   "\"truncated\":true}");
	check_text(TL_messages_receivedQueue, &b,
		   "{\"_\":\"unknown\",\"id\":\"#1a2b3c4d\",\"bytes\":\"TTwrGgAAAAA=\","
		   "\"truncated\":true}");
	tl_buf_free(&b);
}

TEST(unknown_in_a_vector)
{
	struct tl_buf b = {0};
	struct tl_cursor c;
	struct tl_obj *o = NULL;
	bool truncated = false;

	tl_put_u32(&b, 0x1cb5c415);
	tl_put_u32(&b, 3);
	tl_put_u32(&b, TL_ID_userEmpty);
	tl_put_u64(&b, 5);
	tl_put_u32(&b, STRANGE);
	tl_put_u32(&b, 0);
	check_text(TL_users_getUsers, &b,
		   "{\"_\":\"vector\",\"items\":[{\"_\":\"userEmpty\",\"id\":5},{\"_\":\"unknown\","
		   "\"id\":"
		   "\"#1a2b3c4d\",\"bytes\":\"TTwrGgAAAAA=\"}],\"truncated\":true}");
	tl_arena_init(&arena, 4096);
	c = tl_cursor(b.data, b.len);
	CHECK_INT(tl_decode_result(&tl_api, TL_users_getUsers, &arena, &c, &o, &truncated), 0);
	CHECK(truncated && ((struct tl_vector *)o)->vec.count == 1);
	c = tl_cursor(b.data, b.len);
	CHECK_INT(tl_decode_result(&tl_api, TL_users_getUsers, &arena, &c, &o, NULL),
		  -TG_E_WIRE_UNKNOWN);
	tl_arena_free(&arena);
	tl_buf_free(&b);
}

TEST(wrong_types_and_numbers_are_refused)
{
	struct tl_buf b = {0};
	struct outcome r = {0};
	struct tl_cursor c;

	tl_arena_init(&arena, 1 << 20);
	tl_put_u32(&b, TL_ID_account_updateStatus);
	tl_put_u32(&b, 0x997275b5 ^ 1); /* neither true nor false */
	read_both(b.data, b.len, &r);
	CHECK_INT(r.err, -TG_E_WIRE);
	tl_buf_clear(&b);
	tl_put_u32(&b, TL_ID_messages_saveDraft); /* peer: a User where an InputPeer belongs */
	tl_put_u32(&b, 0);
	tl_put_u32(&b, TL_ID_userEmpty);
	tl_put_u64(&b, 1);
	tl_put_bytes(&b, "x", 1);
	read_both(b.data, b.len, &r);
	CHECK_INT(r.err, -TG_E_WIRE);
	c = tl_cursor(b.data, b.len);
	tl_buf_clear(&r.text);
	CHECK_INT(tl_to_json(&tl_api, TL_userEmpty, &c, &r.text, NULL, NULL), -TG_E_INTERNAL);
	tl_buf_free(&b);
	tl_buf_free(&r.text);
	tl_arena_free(&arena);
}

/* PROTOCOL A.20: a bit that the schema does not know is let pass; bytes behind it are seen as rest.
 */
TEST(unknown_flag_bits)
{
	struct tl_buf b = {0};
	struct tl_cursor c;
	struct tl_obj *o = NULL;

	tl_arena_init(&arena, 1 << 20);
	tl_put_u32(&b, TL_ID_messages_saveDraft);
	tl_put_u32(&b, 1u << 31 | 2);
	tl_put_u32(&b, TL_ID_inputPeerSelf);
	tl_put_bytes(&b, "x", 1);
	for (int rest = 0; rest <= 4; rest += 4) {
		c = tl_cursor(b.data, b.len);
		CHECK_INT(tl_decode(&tl_api, &arena, &c, &o, NULL), 0);
		CHECK(o->ctor == TL_messages_saveDraft && (int)tl_left(&c) == rest);
		CHECK(((struct tl_messages_saveDraft *)o)->no_webpage);
		tl_put_u32(&b, 0);
	}
	tl_buf_free(&b);
	tl_arena_free(&arena);
}

TEST(nesting_is_bounded)
{
	struct tl_buf b = {0};
	struct outcome r = {0};

	tl_arena_init(&arena, 1 << 20);
	for (int depth = 1; depth <= 10000; depth = depth < 70 ? depth + 1 : depth * 10) {
		tl_buf_clear(&b);
		for (int i = 1; i < depth; i++)
			tl_put_u32(&b, TL_ID_textBold);
		tl_put_u32(&b, TL_ID_textEmpty);
		read_both(b.data, b.len, &r);
		CHECK_INT(r.err, depth <= TL_MAX_DEPTH ? 0 : -TG_E_WIRE_LIMIT);
	}
	tl_buf_free(&b);
	tl_buf_free(&r.text);
	tl_arena_free(&arena);
}

TEST(the_arena_caps_what_a_packet_can_take)
{
	struct tl_buf b = {0};
	struct tl_cursor c;
	struct tl_obj *o = NULL;

	tl_put_u32(&b, TL_ID_msgs_ack);
	tl_put_u32(&b, 0x1cb5c415);
	tl_put_u32(&b, 1000);
	for (int i = 0; i < 1000; i++)
		tl_put_u64(&b, 1);
	c = tl_cursor(b.data, b.len);
	tl_arena_init(&arena, 5000);
	CHECK_INT(tl_decode(&tl_api, &arena, &c, &o, NULL), -TG_E_WIRE_LIMIT);
	CHECK(arena.used <= 5000);
	tl_arena_free(&arena);
	tl_buf_free(&b);
}

struct seen {
	unsigned users, chats;
	size_t bytes;
};

static void see(void *ctx, unsigned ctor, const uint8_t *data, size_t n)
{
	struct seen *seen = ctx;
	struct tl_cursor c = tl_cursor(data, n);
	struct tl_obj *o = NULL;
	struct tl_arena a;

	tl_arena_init(&a, 1 << 20);
	CHECK_INT(tl_decode(&tl_api, &a, &c, &o, NULL), 0);
	CHECK(o->ctor == ctor && tl_left(&c) == 0);
	seen->users += strcmp(tl_type_name(&tl_api, ctor), "User") == 0;
	seen->chats += strcmp(tl_type_name(&tl_api, ctor), "Chat") == 0;
	seen->bytes += n;
	tl_arena_free(&a);
}

TEST(users_and_chats_are_harvested)
{
	struct tl_userEmpty u = {.obj.ctor = TL_userEmpty, .id = 5};
	struct tl_chatEmpty g = {.obj.ctor = TL_chatEmpty, .id = 6};
	struct tl_obj *users[2] = {&u.obj, &u.obj}, *chats[1] = {&g.obj};
	struct tl_contacts_found f = {
		.obj.ctor = TL_contacts_found, .users = {users, 2}, .chats = {chats, 1}};
	struct seen seen = {0};
	struct tl_harvest h = {see, &seen};
	struct tl_buf b = {0}, text = {0};
	struct tl_cursor c;

	CHECK_INT(tl_encode(&tl_api, &f.obj, &b), 0);
	c = tl_cursor(b.data, b.len);
	CHECK_INT(tl_to_json(&tl_api, TL_contacts_search, &c, &text, &h, NULL), 0);
	CHECK(seen.users == 2 && seen.chats == 1 && seen.bytes == 36);
	tl_buf_free(&b);
	tl_buf_free(&text);
}

TEST(output_is_taken_back_on_failure)
{
	struct tl_buf b = {0}, text = {.limit = 300};
	struct tl_cursor c;

	tl_put_text(&text, "kept");
	for (int i = 0; i < 40; i++)
		tl_put_u32(&b, TL_ID_textBold);
	tl_put_u32(&b, TL_ID_textEmpty);
	c = tl_cursor(b.data, b.len);
	CHECK_INT(tl_to_json(&tl_api, 0, &c, &text, NULL, NULL), -TG_E_TOO_LARGE);
	CHECK(text.len == 4 && text.err == -TG_E_TOO_LARGE);
	tl_buf_free(&b);
	tl_buf_free(&text);
}

TEST(structs_that_lack_something_are_refused)
{
	struct tl_messages_saveDraft d = {.obj.ctor = TL_messages_saveDraft,
					  .message = tl_str("x")};
	struct tl_userEmpty u = {.obj.ctor = TL_userEmpty};
	struct tl_obj nothing = {0}, far = {60000};
	struct tl_buf b = {0};

	tl_put_text(&b, "kept");
	CHECK_INT(tl_encode(&tl_api, &d.obj, &b), -TG_E_INVALID_PARAMS); /* no peer */
	d.peer = &u.obj;
	CHECK_INT(tl_encode(&tl_api, &d.obj, &b), -TG_E_INVALID_PARAMS); /* no InputPeer */
	CHECK_INT(tl_encode(&tl_api, &nothing, &b), -TG_E_INVALID_PARAMS);
	CHECK_INT(tl_encode(&tl_api, &far, &b), -TG_E_INVALID_PARAMS);
	CHECK_INT(tl_obj_to_json(&tl_api, &far, &b), -TG_E_INVALID_PARAMS);
	CHECK_INT(tl_encode_result(&tl_api, TL_help_getConfig, &u.obj, &b), -TG_E_INVALID_PARAMS);
	CHECK_INT(b.len, 4);
	tl_buf_free(&b);
}
