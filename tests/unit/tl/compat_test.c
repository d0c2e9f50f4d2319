/* compat.c: older lines of the schema, with the made-up ones of older.tl. */
#include "tests/harness.h"
#include "tl/compat.h"
#include "tl_schema.h"
#include "tl_schema_older.h"

static const struct tl_compat both = {&tl_api, &tl_older};
static struct tl_arena arena;
static struct tl_buf wire;

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

static struct tl_obj *decode(void)
{
	struct tl_cursor c = tl_cursor(wire.data, wire.len);
	struct tl_obj *o = NULL;

	CHECK_INT(tl_compat_decode(&both, &arena, &c, &o, NULL), 0);
	CHECK_INT(tl_left(&c), 0);
	return o;
}

static void encode(unsigned layer, const struct tl_obj *o)
{
	tl_buf_clear(&wire);
	CHECK_INT(tl_compat_encode(&both, layer, o, &wire), 0);
}

TEST(a_layer_picks_its_line)
{
	CHECK_INT(tl_compat_line(&both, 80, TL_userEmpty), OLDER_userEmpty_90);
	CHECK_INT(tl_compat_line(&both, 90, TL_userEmpty), OLDER_userEmpty_90);
	CHECK_INT(tl_compat_line(&both, 91, TL_userEmpty), OLDER_userEmpty_120);
	CHECK_INT(tl_compat_line(&both, 120, TL_userEmpty), OLDER_userEmpty_120);
	CHECK_INT(tl_compat_line(&both, 121, TL_userEmpty), TL_NONE);
	CHECK_INT(tl_compat_line(&both, 1, TL_user), TL_NONE);
}

TEST(fields_go_over_by_name)
{
	struct tl_userEmpty u = {.obj.ctor = TL_userEmpty, .id = 5};
	struct tl_buf want = {0};
	struct tl_obj *o;

	tl_arena_init(&arena, 1 << 20);
	encode(90, &u.obj);
	tl_put_u32(&want, OLDER_ID_userEmpty_90);
	tl_put_u32(&want, 5);
	tl_put_bytes(&want, "", 0);
	CHECK_INT(wire.len, want.len);
	CHECK_MEM(wire.data, want.data, want.len);
	o = decode();
	CHECK(o->ctor == TL_userEmpty && ((struct tl_userEmpty *)o)->id == 5);
	encode(200, &u.obj);
	CHECK_INT(wire.len, 12);
	tl_buf_free(&want);
	tl_arena_free(&arena);
}

TEST(missing_and_lost_fields_and_nested_lines)
{
	struct tl_userEmpty u = {.obj.ctor = TL_userEmpty, .id = 7};
	struct tl_peerUser p = {.obj.ctor = TL_peerUser, .user_id = 7};
	struct tl_obj *users[] = {&u.obj, &u.obj}, *peers[] = {&p.obj};
	struct tl_contacts_found f = {
		.obj.ctor = TL_contacts_found, .results = {peers, 1}, .users = {users, 2}};
	struct tl_buf want = {0};
	struct tl_contacts_found *back;

	tl_arena_init(&arena, 1 << 20);
	encode(100, &f.obj);
	tl_put_u32(&want, OLDER_ID_contacts_found_120);
	tl_put_u64(&want, 0x1cb5c415);
	tl_put_u64(&want, 0x100000000 | 0x1cb5c415);
	tl_put_u32(&want, TL_ID_peerUser);
	tl_put_u64(&want, 7);
	tl_put_u32(&want, TL_ID_peerSettings); /* not in the struct: the simplest there is */
	tl_put_u32(&want, 0);
	tl_put_u64(&want, 0x200000000 | 0x1cb5c415);
	for (int i = 0; i < 2; i++) {
		tl_put_u32(&want, OLDER_ID_userEmpty_120);
		tl_put_u32(&want, 7);
	}
	tl_put_u32(&want, 0xbc799737);
	tl_put_u64(&want, 0x1cb5c415);
	CHECK_INT(wire.len, want.len);
	CHECK_MEM(wire.data, want.data, want.len);
	back = (struct tl_contacts_found *)decode();
	CHECK(back->obj.ctor == TL_contacts_found && back->users.count == 2);
	CHECK(back->results.count == 1 && back->my_results.items && !back->chats.items);
	CHECK_INT(((struct tl_userEmpty *)((struct tl_obj **)back->users.items)[1])->id, 7);
	tl_buf_free(&want);
	tl_arena_free(&arena);
}

TEST(calls_of_older_clients)
{
	struct tl_invokeWithLayer *call;
	struct tl_messages_sendMessage *send;
	struct tl_obj *o;

	tl_arena_init(&arena, 1 << 20);
	tl_buf_clear(&wire);
	tl_put_u32(&wire, OLDER_ID_invokeWithLayer_120);
	tl_put_u64(&wire, 100);
	tl_put_u32(&wire, OLDER_ID_messages_sendMessage_120);
	tl_put_u32(&wire, 1 << 5 | 1 << 3 | 1 << 1);
	tl_put_u32(&wire, OLDER_ID_inputPeerUser_120);
	tl_put_u32(&wire, 93372553);
	tl_put_u64(&wire, 77);
	tl_put_bytes(&wire, "hello", 5);
	tl_put_u64(&wire, 12345);
	tl_put_u64(&wire, 99);
	tl_put_u64(&wire, 0x100000000 | 0x1cb5c415); /* read over */
	tl_put_u32(&wire, TL_ID_inputPeerSelf);
	call = (struct tl_invokeWithLayer *)decode();
	CHECK(call->obj.ctor == TL_invokeWithLayer && call->layer == 100);
	send = (struct tl_messages_sendMessage *)call->query;
	CHECK(send->obj.ctor == TL_messages_sendMessage && send->silent && !send->background);
	CHECK(send->has_schedule_date && send->schedule_date == 99 && send->random_id == 12345);
	CHECK(tl_str_eq(send->message, "hello") && !send->entities.items);
	CHECK(send->peer->ctor == TL_inputPeerUser);
	CHECK_INT(((struct tl_inputPeerUser *)send->peer)->user_id, 93372553);
	CHECK_INT(((struct tl_inputPeerUser *)send->peer)->access_hash, 77);
	tl_buf_clear(&wire);
	tl_put_u32(&wire, OLDER_ID_gone_thing_120);
	tl_put_u32(&wire, 1);
	o = decode();
	CHECK(o->ctor == TL_UNKNOWN && ((struct tl_unknown *)o)->bytes.len == 8);
	tl_arena_free(&arena);
}

TEST(vectors_of_numbers_and_answers)
{
	int64_t ids[] = {1, -2};
	struct tl_msgs_ack ack = {.obj.ctor = TL_msgs_ack, .msg_ids = {ids, 2}};
	struct tl_userEmpty u = {.obj.ctor = TL_userEmpty, .id = 7};
	struct tl_obj *users[] = {&u.obj};
	struct tl_vector answer = {{TL_VECTOR}, {users, 1}};
	struct tl_msgs_ack *back;

	tl_arena_init(&arena, 1 << 20);
	encode(100, &ack.obj);
	CHECK_INT(wire.len, 20);
	back = (struct tl_msgs_ack *)decode();
	CHECK(back->msg_ids.count == 2 && ((int64_t *)back->msg_ids.items)[1] == -2);
	tl_buf_clear(&wire);
	CHECK_INT(tl_compat_encode_result(&both, 100, TL_users_getUsers, &answer.obj, &wire), 0);
	CHECK_INT(wire.len, 16);
	tl_arena_free(&arena);
}

TEST(what_has_no_older_line_is_the_same)
{
	struct tl_buf plain = {0};
	uint64_t seed = 3;

	tl_arena_init(&arena, 16 << 20);
	for (unsigned ctor = 1; ctor <= tl_ctor_count(&tl_api); ctor++) {
		struct tl_obj *o = NULL;
		struct tl_cursor c;

		tl_arena_reset(&arena);
		CHECK_INT(tl_random(&tl_api, ctor, draw, &seed, &arena, &o), 0);
		encode(200, o);
		tl_buf_clear(&plain);
		CHECK_INT(tl_encode(&tl_api, o, &plain), 0);
		CHECK_INT(wire.len, plain.len);
		CHECK_MEM(wire.data, plain.data, plain.len);
		encode(100, o);
		decode();
		for (size_t n = 0; n < wire.len && n < 100; n++) {
			c = tl_cursor(wire.data, n);
			CHECK_INT(tl_compat_decode(&both, &arena, &c, &o, NULL), -TG_E_WIRE);
		}
	}
	tl_buf_free(&plain);
	tl_buf_free(&wire);
	tl_arena_free(&arena);
}

/* tests/vectors/tl.json, "object nesting" */
TEST(object_nesting)
{
	uint8_t raw[12];
	struct older_deadbeef_120 *o;
	struct tl_cursor c;
	struct tl_obj *top = NULL;

	tl_arena_init(&arena, 1 << 20);
	CHECK_INT(test_unhex("efbeadde01000000addecefa", raw, sizeof raw), 12);
	c = tl_cursor(raw, sizeof raw);
	CHECK_INT(tl_decode(&tl_older, &arena, &c, &top, NULL), 0);
	o = (struct older_deadbeef_120 *)top;
	CHECK(top->ctor == OLDER_deadbeef_120 && o->a == 1 && o->b->ctor == OLDER_facedead_120);
	tl_buf_clear(&wire);
	CHECK_INT(tl_encode(&tl_older, top, &wire), 0);
	CHECK_HEX(wire.data, wire.len, "efbeadde01000000addecefa");
	tl_buf_free(&wire);
	tl_arena_free(&arena);
}
