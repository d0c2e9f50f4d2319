/* Depth and size at their limits, in every direction: structs, wire, JSON, older lines; and values
 * of kinds that older lines have and newer ones have not. */
#include "tests/harness.h"
#include "tl/compat.h"
#include "tl_schema.h"
#include "tl_schema_older.h"

#include <jansson.h>

#define LEVELS 40 /* each two of TL_MAX_DEPTH: an array is an object and a vector */

static const struct tl_compat both = {&tl_api, &tl_older};

/* [[[…]]], as structs. */
static struct tl_obj *arrays(struct tl_arena *a, unsigned levels)
{
	struct tl_jsonArray *o = tl_arena_alloc(a, sizeof *o);
	struct tl_obj **items = tl_arena_alloc(a, sizeof *items);

	o->obj.ctor = TL_jsonArray;
	o->value.items = items;
	if (levels > 1) {
		o->value.count = 1;
		items[0] = arrays(a, levels - 1);
	}
	return &o->obj;
}

TEST(arrays_in_arrays)
{
	for (unsigned levels = 1; levels <= LEVELS; levels++) {
		int want = levels * 2 <= TL_MAX_DEPTH ? 0 : -TG_E_WIRE_LIMIT;
		struct tl_buf out = {0}, wire = {0}, text = {0};
		struct tl_obj *o, *back = NULL;
		struct tl_refusal why;
		struct tl_cursor c;
		struct tl_arena a;
		json_t *tree = json_array();

		tl_arena_init(&a, 1 << 20);
		o = arrays(&a, levels);
		CHECK_INT(tl_encode(&tl_api, o, &out), want);
		CHECK_INT(tl_obj_to_json(&tl_api, o, &text), want);
		tl_buf_clear(&out);
		CHECK_INT(tl_compat_encode(&both, 100, o, &out), want);
		for (unsigned i = 1; i <= levels; i++) {
			tl_put_u32(&wire, TL_ID_jsonArray);
			tl_put_u32(&wire, 0x1cb5c415);
			tl_put_u32(&wire, i < levels);
			tree = json_pack("{s:s,s:o}", "_", "jsonArray", "value",
					 i == 1 ? tree : json_pack("[o]", tree));
		}
		c = tl_cursor(wire.data, wire.len);
		CHECK_INT(tl_decode(&tl_api, &a, &c, &back, NULL), want);
		c = tl_cursor(wire.data, wire.len);
		CHECK_INT(tl_compat_decode(&both, &a, &c, &back, NULL), want);
		c = tl_cursor(wire.data, wire.len);
		tl_buf_clear(&text);
		CHECK_INT(tl_to_json(&tl_api, 0, &c, &text, NULL, NULL), want);
		CHECK_INT(tl_from_json(&tl_api, 0, tree, &out, &why),
			  want ? -TG_E_INVALID_PARAMS : 0);
		if (want)
			CHECK_STR(why.text, "nested too deeply");
		json_decref(tree);
		tl_buf_free(&out);
		tl_buf_free(&wire);
		tl_buf_free(&text);
		tl_arena_free(&a);
	}
}

/* Lost fields of every kind are zero or empty; those that changed their kind are as lost. */
TEST(older_lines_with_other_kinds)
{
	struct tl_textWithEntities text = {.obj.ctor = TL_textWithEntities, .text = tl_str("t")};
	struct tl_pollAnswer p = {
		.obj.ctor = TL_pollAnswer, .text = &text.obj, .option = tl_str("opt")};
	struct tl_pollAnswer *back;
	struct tl_buf out = {0};
	struct tl_obj *o = NULL;
	struct tl_cursor c;
	struct tl_arena a;

	tl_arena_init(&a, 1 << 20);
	CHECK_INT(tl_compat_encode(&both, 100, &p.obj, &out), 0);
	c = tl_cursor(out.data, out.len);
	CHECK_INT(tl_get_u32(&c), OLDER_ID_pollAnswer_120);
	CHECK(tl_str_eq(tl_get_bytes(&c), ""));    /* was an object meanwhile */
	CHECK(tl_str_eq(tl_get_bytes(&c), "opt")); /* bytes as a string */
	CHECK(tl_get_double(&c) == 0);
	CHECK(tl_get(&c, 16) && tl_get_u64(&c) == 0);
	CHECK(tl_str_eq(tl_get_bytes(&c), ""));
	CHECK_INT(tl_get_u32(&c), 0); /* a bare vector of none */
	CHECK_INT(tl_left(&c), 12);   /* the first of the type Peer */
	c = tl_cursor(out.data, out.len);
	CHECK_INT(tl_compat_decode(&both, &a, &c, &o, NULL), 0);
	CHECK_INT(tl_left(&c), 0);
	back = (struct tl_pollAnswer *)o;
	CHECK(back->obj.ctor == TL_pollAnswer && !back->text && tl_str_eq(back->option, "opt"));
	for (size_t n = 0; n < out.len; n++) {
		c = tl_cursor(out.data, n);
		CHECK_INT(tl_compat_decode(&both, &a, &c, &o, NULL), -TG_E_WIRE);
	}
	tl_buf_free(&out);
	tl_arena_free(&a);
}

static void refused(const char *text, json_t *value, const char *want)
{
	json_t *v = value ? value : json_loads(text, JSON_DECODE_ANY, NULL);
	struct tl_buf out = {0};
	struct tl_refusal why;

	CHECK(v);
	CHECK_INT(tl_from_json(&tl_api, 0, v, &out, &why), -TG_E_INVALID_PARAMS);
	CHECK_STR(why.text, want);
	CHECK_INT(out.len, 0);
	json_decref(v);
	tl_buf_free(&out);
}

static json_t *long_text(size_t n)
{
	char *text = malloc(n);
	json_t *v;

	memset(text, 'A', n);
	v = json_stringn_nocheck(text, n);
	free(text);
	return v;
}

#define SEND "{\"_\":\"messages.sendMessage\",\"peer\":{\"_\":\"inputPeerSelf\"},\"random_id\":1,"

/* Every kind of value where another one belongs. */
TEST(json_of_the_wrong_kind)
{
	const size_t much = ((size_t)1 << 24) + 4;

	refused(SEND "\"message\":5}", NULL, "a string expected, not an integer");
	refused(SEND "\"message\":true}", NULL, "a string expected, not a boolean");
	refused(SEND "\"message\":\"\",\"silent\":1}", NULL,
		"true or false expected, not an integer");
	refused(SEND "\"message\":\"\",\"entities\":{}}", NULL, "an array expected, not an object");
	refused(SEND "\"message\":\"\",\"entities\":[null]}", NULL,
		"an object (MessageEntity) expected, not null");
	refused("{\"_\":\"account.updateStatus\",\"offline\":\"x\"}", NULL,
		"true or false expected, not a string");
	refused("{\"_\":\"req_pq_multi\",\"nonce\":\"12\"}", NULL,
		"32 hexadecimal digits expected");
	refused("{\"_\":\"req_pq_multi\",\"nonce\":\"3e0549828cca27e966b301a48fece2fg\"}", NULL,
		"32 hexadecimal digits expected");
	refused("{\"_\":\"req_pq_multi\",\"nonce\":7}", NULL, "32 hexadecimal digits expected");
	refused("{\"_\":\"upload.saveFilePart\",\"file_id\":1,\"file_part\":0,\"bytes\":7}", NULL,
		"bytes in base64 expected, not an integer");
	refused("{\"_\":\"upload.saveFilePart\",\"file_id\":1,\"file_part\":0,\"bytes\":\"A\"}",
		NULL, "not base64 with padding");
	refused("{\"_\":\"upload.saveFilePart\",\"file_id\":[],\"file_part\":0,\"bytes\":\"\"}",
		NULL, "a 64-bit integer expected, not an array");
	refused("{\"_\":\"invokeWithLayer\",\"layer\":1,\"query\":5}", NULL,
		"an object (a method) expected, not an integer");
	refused("{\"_\":\"invokeWithLayer\",\"layer\":1,\"query\":{\"_\":\"userEmpty\"}}", NULL,
		"\"userEmpty\" is not a method");
	refused("{\"_\":\"invokeWithLayer\",\"layer\":1,\"query\":{}}", NULL, "\"_\" is missing");
	refused("{\"_\":\"inputMediaPoll\",\"poll\":{}}", NULL, "required by poll");
	refused(NULL,
		json_pack("{s:s,s:{s:s},s:i,s:o}", "_", "messages.sendMessage", "peer", "_",
			  "inputPeerSelf", "random_id", 1, "message", long_text(much)),
		"longer than 16777215 bytes");
	refused(NULL,
		json_pack("{s:s,s:i,s:i,s:o}", "_", "upload.saveFilePart", "file_id", 1,
			  "file_part", 1, "bytes", long_text(much / 3 * 4 + 8)),
		"longer than 16777215 bytes");
}
