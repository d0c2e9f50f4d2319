/* The wire form of what the schema says: flags words, optional fields, vectors as answers, padding
 * (PROTOCOL A.10, A.15-A.19). */
#include "tests/harness.h"
#include "tl_schema.h"

static uint32_t word(const struct tl_buf *b, size_t at)
{
	struct tl_cursor c = tl_cursor(b->data + at, b->len - at);

	return tl_get_u32(&c);
}

static void encode(const struct tl_obj *o, struct tl_buf *b)
{
	tl_buf_clear(b);
	CHECK_INT(tl_encode(&tl_api, o, b), 0);
}

static struct tl_obj *decode(const struct tl_buf *b, struct tl_arena *a)
{
	struct tl_cursor c = tl_cursor(b->data, b->len);
	struct tl_obj *o = NULL;

	CHECK_INT(tl_decode(&tl_api, a, &c, &o, NULL), 0);
	CHECK_INT(tl_left(&c), 0);
	return o;
}

TEST(padding_may_be_anything)
{
	for (size_t n = 0; n < 600; n++) {
		struct tl_buf b = {0};
		char text[600];
		size_t end = (n < 254 ? 1 : 4) + n;
		struct tl_cursor c;
		struct tl_str s;

		memset(text, 'x', n);
		tl_put_bytes(&b, text, n);
		for (size_t i = end; i < b.len; i++) {
			CHECK_INT(b.data[i], 0); /* ours is zero */
			b.data[i] = 0xa5;
		}
		c = tl_cursor(b.data, b.len);
		s = tl_get_bytes(&c);
		CHECK(!c.err && !tl_left(&c) && s.len == n);
		CHECK_MEM(s.data, text, n);
		tl_buf_free(&b);
	}
}

static void check_answer(const char *hex, uint32_t count, const char *json)
{
	uint8_t raw[64];
	size_t n = test_unhex(hex, raw, sizeof raw);
	struct tl_cursor c = tl_cursor(raw, n);
	struct tl_obj *o = NULL;
	struct tl_buf text = {0};
	struct tl_arena a;

	tl_arena_init(&a, 4096);
	CHECK_INT(tl_decode_result(&tl_api, TL_messages_receivedQueue, &a, &c, &o, NULL), 0);
	CHECK_INT(tl_left(&c), 0);
	CHECK_INT(((struct tl_vector *)o)->vec.count, count);
	c = tl_cursor(raw, n);
	CHECK_INT(tl_to_json(&tl_api, TL_messages_receivedQueue, &c, &text, NULL, NULL), 0);
	tl_put_u8(&text, 0);
	CHECK_STR((char *)text.data, json);
	tl_buf_free(&text);
	tl_arena_free(&a);
}

TEST(answers_that_are_vectors)
{
	check_answer("15c4b51c00000000", 0, "[]");
	check_answer("15c4b51c02000000"
		     "0100000000000000ffffffffffffffff",
		     2, "[\"1\",\"-1\"]");
}

/* A.17: true takes no bytes, the bit is the value. */
TEST(a_flag_that_is_only_a_bit)
{
	struct tl_inputPeerSelf self = {{TL_inputPeerSelf}};
	struct tl_messages_sendMessage m = {
		.obj.ctor = TL_messages_sendMessage, .peer = &self.obj, .message = tl_str("hello")};
	struct tl_buf base = {0}, b = {0};
	struct tl_arena a;

	tl_arena_init(&a, 1 << 16);
	encode(&m.obj, &base);
	CHECK_INT(word(&base, 4), 0);
	m.silent = true;
	encode(&m.obj, &b);
	CHECK_INT(b.len, base.len);
	CHECK_INT(word(&b, 4), 1 << 5);
	CHECK_MEM(b.data + 8, base.data + 8, b.len - 8);
	CHECK(((struct tl_messages_sendMessage *)decode(&b, &a))->silent);
	CHECK(!((struct tl_messages_sendMessage *)decode(&base, &a))->silent);
	tl_buf_free(&base);
	tl_buf_free(&b);
	tl_arena_free(&a);
}

/* A.16, A.19: nobody writes flags, the fields that are there do. */
TEST(bits_come_from_what_is_there)
{
	struct tl_help_getConfig query = {{TL_help_getConfig}};
	struct tl_jsonNull params = {{TL_jsonNull}};
	struct tl_initConnection with = {.obj.ctor = TL_initConnection, .query = &query.obj};
	struct tl_inputPeerSelf self = {{TL_inputPeerSelf}};
	struct tl_messages_sendMessage m = {.obj.ctor = TL_messages_sendMessage,
					    .peer = &self.obj,
					    .send_as = &self.obj,
					    .has_schedule_date = true,
					    .has_effect = true};
	struct tl_buf b = {0};
	struct tl_arena a;
	size_t without;

	tl_arena_init(&a, 1 << 16);
	with.device_model = with.system_version = with.app_version = tl_str("x");
	with.system_lang_code = with.lang_pack = with.lang_code = tl_str("");
	encode(&with.obj, &b);
	CHECK_INT(word(&b, 4), 0);
	CHECK(!((struct tl_initConnection *)decode(&b, &a))->params);
	without = b.len;
	with.params = &params.obj;
	encode(&with.obj, &b);
	CHECK_INT(word(&b, 4), 1 << 1);
	CHECK_INT(b.len, without + 4);
	CHECK_INT(((struct tl_initConnection *)decode(&b, &a))->params->ctor, TL_jsonNull);
	m.message = tl_str("");
	encode(&m.obj, &b);
	CHECK_INT(word(&b, 4), 1 << 10 | 1 << 13 | 1 << 18); /* 0 is a value that is there */
	tl_buf_free(&b);
	tl_arena_free(&a);
}

/* A.18: the second word stands where the line has it, between bits of the first and the fields. */
TEST(several_flags_words)
{
	struct tl_photoEmpty photo = {{TL_photoEmpty}, 7};
	struct tl_peerNotifySettings settings = {.obj.ctor = TL_peerNotifySettings};
	struct tl_channelFull c = {.obj.ctor = TL_channelFull,
				   .id = 0x0102030405060708,
				   .about = tl_str("a"),
				   .chat_photo = &photo.obj,
				   .notify_settings = &settings.obj,
				   .blocked = true,
				   .antispam = true};
	struct tl_channelFull *back;
	struct tl_buf b = {0};
	struct tl_arena a;
	size_t base;

	tl_arena_init(&a, 1 << 16);
	encode(&c.obj, &b);
	CHECK_INT(word(&b, 4), 1 << 22);
	CHECK_INT(word(&b, 8), 1 << 1);
	CHECK_HEX(b.data + 12, 8, "0807060504030201");
	base = b.len;
	c.has_reactions_limit = true; /* of the second word, behind optional ones of the first */
	c.reactions_limit = 11;
	c.has_pinned_msg_id = true;
	c.pinned_msg_id = 12;
	encode(&c.obj, &b);
	CHECK_INT(b.len, base + 8);
	CHECK_INT(word(&b, 4), 1 << 22 | 1 << 5);
	CHECK_INT(word(&b, 8), 1 << 1 | 1 << 13);
	CHECK_INT(word(&b, b.len - 4), 11);
	back = (struct tl_channelFull *)decode(&b, &a);
	CHECK(back->antispam && back->blocked && !back->can_delete_channel);
	CHECK(back->has_pinned_msg_id && back->pinned_msg_id == 12);
	CHECK(back->has_reactions_limit && back->reactions_limit == 11);
	tl_buf_free(&b);
	tl_arena_free(&a);
}
